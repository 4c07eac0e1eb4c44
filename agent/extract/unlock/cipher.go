package unlock

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"fmt"

	"golang.org/x/crypto/nacl/secretbox"
)

// plainMarks begin the values that an API server stores: protobuf and JSON.
var plainMarks = [][]byte{[]byte("k8s\x00"), []byte("{")}

// newAESCBC opens what the provider aescbc sealed: an initial vector, then blocks with a padding of PKCS #7. Nothing in it proves
// the key, and one of 256 wrong keys leaves a valid padding, so what comes out has to be a value of Kubernetes too.
func newAESCBC(secret []byte) (func(sealed, etcdKey []byte) ([]byte, error), error) {
	block, err := aes.NewCipher(secret)
	if err != nil {
		return nil, errKeySize(len(secret), "16, 24 or 32")
	}
	return func(sealed, _ []byte) ([]byte, error) {
		if len(sealed) < 2*aes.BlockSize || len(sealed)%aes.BlockSize != 0 {
			return nil, errLocked
		}
		plain := make([]byte, len(sealed)-aes.BlockSize)
		cipher.NewCBCDecrypter(block, sealed[:aes.BlockSize]).CryptBlocks(plain, sealed[aes.BlockSize:])
		padding := int(plain[len(plain)-1])
		if padding == 0 || padding > aes.BlockSize {
			return nil, errLocked
		}
		body, tail := plain[:len(plain)-padding], plain[len(plain)-padding:]
		if len(bytes.Trim(tail, string(rune(padding)))) > 0 {
			return nil, errLocked
		}
		for _, mark := range plainMarks {
			if bytes.HasPrefix(body, mark) {
				return body, nil
			}
		}
		return nil, errLocked
	}, nil
}

// newAESGCM opens what the provider aesgcm sealed: a nonce, then the sealed text, which is bound to the key in etcd.
func newAESGCM(secret []byte) (func(sealed, etcdKey []byte) ([]byte, error), error) {
	block, err := aes.NewCipher(secret)
	if err != nil {
		return nil, errKeySize(len(secret), "16, 24 or 32")
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("make GCM: %w", err)
	}
	return func(sealed, etcdKey []byte) ([]byte, error) {
		if len(sealed) < aead.NonceSize() {
			return nil, errLocked
		}
		return aead.Open(nil, sealed[:aead.NonceSize()], sealed[aead.NonceSize():], etcdKey)
	}, nil
}

// newSecretbox opens what the provider secretbox sealed: a nonce, then a box of NaCl.
func newSecretbox(secret []byte) (func(sealed, etcdKey []byte) ([]byte, error), error) {
	if len(secret) != 32 {
		return nil, errKeySize(len(secret), "32")
	}
	key := [32]byte(secret)
	return func(sealed, _ []byte) ([]byte, error) {
		var nonce [24]byte
		if len(sealed) < len(nonce) {
			return nil, errLocked
		}
		copy(nonce[:], sealed)
		plain, ok := secretbox.Open(nil, sealed[len(nonce):], &nonce, &key)
		if !ok {
			return nil, errLocked
		}
		return plain, nil
	}, nil
}

func errKeySize(n int, want string) error { return fmt.Errorf("a key of %d bytes, not of %s", n, want) }
