package seal

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"filippo.io/age"
	"github.com/klauspost/compress/zstd"
)

// ErrNoIdentity means that the bytes are encrypted and none of the given identities decrypts them. With the
// right identity they may be fine.
var ErrNoIdentity = errors.New("encrypted, and none of the given identities decrypts it")

// Identities are the secret keys that unseal. They print as <secret>.
type Identities struct{ keys []age.Identity }

// Given reports whether there is any.
func (i Identities) Given() bool { return len(i.keys) > 0 }

// String hides the keys.
func (Identities) String() string { return "<secret>" }

// GoString hides the keys.
func (Identities) GoString() string { return "<secret>" }

// ReadIdentities reads an age identity file, as age-keygen writes it.
func ReadIdentities(path string) (Identities, error) {
	file, err := os.Open(path)
	if err != nil {
		return Identities{}, fmt.Errorf("identity: %w", err)
	}
	defer file.Close()
	keys, err := age.ParseIdentities(file)
	if err != nil {
		// The cause is dropped, because it may quote the line, which is the secret.
		return Identities{}, fmt.Errorf("identity %s: not an age identity file as age-keygen writes it", path)
	}
	return Identities{keys}, nil
}

// Unseal undoes Seal: it reads sealed bytes from r and returns a reader of the plain ones. The error of
// Unseal or of its reader means that the bytes are not what was sealed, or that r failed; ErrNoIdentity means
// that they cannot be decrypted here. The caller closes the returned reader, which does not close r.
func Unseal(r io.Reader, compression, encryption string, with Identities) (io.ReadCloser, error) {
	if compression != None && compression != Zstd || encryption != None && encryption != Age {
		return nil, fmt.Errorf("unseal: compression %.20q, encryption %.20q is not known", compression, encryption)
	}
	if encryption == Age {
		if len(with.keys) == 0 {
			return nil, fmt.Errorf("unseal: %w", ErrNoIdentity)
		}
		plain, err := age.Decrypt(r, with.keys...)
		var noMatch *age.NoIdentityMatchError
		switch {
		case errors.As(err, &noMatch):
			return nil, fmt.Errorf("unseal: %w", ErrNoIdentity)
		case err != nil:
			return nil, fmt.Errorf("unseal: decrypt: %w", err)
		}
		r = plain
	}
	if compression != Zstd {
		return io.NopCloser(r), nil
	}
	// The decoder takes a stream without any frame for an empty file. Seal always writes a frame, so that
	// this is damage.
	buffered := bufio.NewReader(r)
	switch _, err := buffered.Peek(1); {
	case errors.Is(err, io.EOF):
		return nil, fmt.Errorf("unseal: decompress: %w", io.ErrUnexpectedEOF)
	case err != nil:
		return nil, fmt.Errorf("unseal: %w", err)
	}
	dec, err := zstd.NewReader(buffered, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderLowmem(true))
	if err != nil {
		return nil, fmt.Errorf("unseal: decompress: %w", err)
	}
	return dec.IOReadCloser(), nil
}

// Recognise finds out from its first bytes how a stream was sealed, and returns the whole stream again. It
// cannot see below the encryption. Since Seal compresses first, it assumes that an encrypted stream is
// compressed.
func Recognise(r io.Reader) (compression, encryption string, whole io.Reader, err error) {
	buffered := bufio.NewReader(r)
	head, err := buffered.Peek(len(ageHead))
	if err != nil && !errors.Is(err, io.EOF) {
		return "", "", nil, fmt.Errorf("unseal: %w", err)
	}
	switch {
	case bytes.HasPrefix(head, zstdHead):
		return Zstd, None, buffered, nil
	case bytes.Equal(head, ageHead):
		return Zstd, Age, buffered, nil
	}
	return None, None, buffered, nil
}

// The first bytes of the two formats, from RFC 8878 section 3.1.1 and from the first line of
// age-encryption.org/v1.
var (
	zstdHead = []byte{0x28, 0xb5, 0x2f, 0xfd}
	ageHead  = []byte("age-encryption.org/v1\n")
)
