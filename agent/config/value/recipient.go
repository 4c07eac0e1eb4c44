package value

import (
	"errors"
	"strings"
)

// HoldsSecretKey reports whether a text may hold a secret key. It is broad on purpose, since it guards what
// is about to be printed.
func HoldsSecretKey(s string) bool {
	return strings.Contains(strings.ToUpper(s), "AGE-SECRET-KEY") || strings.Contains(s, "PRIVATE KEY")
}

// CheckRecipient never repeats s, because it may be a secret key that was given by mistake.
func CheckRecipient(s string) error {
	const allowed = " (allowed: an age public key, age1…)"
	switch {
	case HoldsSecretKey(s):
		return errors.New("this is a secret key: it must never be on this host, which writes backups and " +
			"cannot read them; take it off, and give the public key that belongs to it" + allowed)
	case strings.HasPrefix(s, "ssh-"), strings.HasPrefix(s, "ecdsa-"), strings.HasPrefix(s, "sk-"):
		return errors.New("ssh keys are not supported: make a key with age-keygen" + allowed)
	case !strings.HasPrefix(s, "age1"):
		return errors.New("not an age public key" + allowed)
	}
	prefix, data, ok := bech32(s)
	switch {
	case prefix == "age" && ok && data == x25519Data, prefix == "age1pq" && ok && data == hybridData:
		return nil
	case prefix != "age" && prefix != "age1pq" && ok:
		return errors.New("keys of age plugins are not supported" + allowed)
	default:
		return errors.New("the key is incomplete or has a mistake in it: copy it again as a whole" + allowed)
	}
}

// The lengths of the keys that age makes, in characters of five bits: 32 bytes for X25519, and 1216 for the
// hybrid with ML-KEM-768.
const (
	x25519Data = (32*8 + 4) / 5
	hybridData = (1216*8 + 4) / 5
)

const bech32Alphabet = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"

// bech32 splits s into its prefix and the number of data characters behind it. False means that its checksum
// is wrong (BIP 173).
func bech32(s string) (prefix string, data int, ok bool) {
	const checksum = 6
	sep := strings.LastIndexByte(s, '1')
	if sep < 1 || len(s)-sep-1 < checksum {
		return "", 0, false
	}
	prefix = s[:sep]
	sum := uint32(1)
	for i := range len(prefix) {
		sum = polymod(sum, prefix[i]>>5)
	}
	sum = polymod(sum, 0)
	for i := range len(prefix) {
		sum = polymod(sum, prefix[i]&31)
	}
	for _, c := range s[sep+1:] {
		v := strings.IndexRune(bech32Alphabet, c)
		if v < 0 {
			return prefix, 0, false
		}
		sum = polymod(sum, byte(v))
	}
	return prefix, len(s) - sep - 1 - checksum, sum == 1
}

// polymod adds one five-bit value to the checksum.
func polymod(sum uint32, v byte) uint32 {
	top := sum >> 25
	sum = (sum&0x1ffffff)<<5 ^ uint32(v)
	for i, g := range []uint32{0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3} {
		if top>>i&1 == 1 {
			sum ^= g
		}
	}
	return sum
}
