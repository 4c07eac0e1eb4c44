// Package seal turns a snapshot file into the bytes that are stored, and back: it compresses with zstd, then
// encrypts with age. It knows neither snapshots nor stores.
//
// Its one invariant: what it writes can be read without etcdward, with `age -d` and `zstd -d`. Sealing needs
// public keys only, so that a host that makes backups cannot read old ones.
package seal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"

	"filippo.io/age"
	"github.com/klauspost/compress/zstd"
)

// Names of the steps that the bytes went through, as manifests hold them.
const (
	None = "none"
	Zstd = "zstd"
	Age  = "age"
)

// maxWindow limits the memory, in bytes, that a compressed stream may demand from its reader. It is what `zstd -d`
// allows without a flag.
const maxWindow = 128 << 20

// Sealer seals. The zero value stores plain bytes.
type Sealer struct {
	compress   bool
	recipients []age.Recipient
}

// New makes a Sealer. compression is Zstd or None; recipients are age public keys; without any there is no
// encryption.
func New(compression string, recipients []string) (Sealer, error) {
	s := Sealer{compress: compression == Zstd}
	if !s.compress && compression != None {
		return s, fmt.Errorf("seal: compression %q is not known", compression)
	}
	for i, text := range recipients {
		keys, err := age.ParseRecipients(strings.NewReader(text))
		if err != nil {
			return s, fmt.Errorf("seal: recipient %d: %w", i+1, err)
		}
		s.recipients = append(s.recipients, keys...)
	}
	if len(s.recipients) > 0 {
		// This finds keys that do not go together, such as post-quantum and classic ones, at start-up and not when the
		// next snapshot is due.
		if _, err := age.Encrypt(io.Discard, s.recipients...); err != nil {
			return s, fmt.Errorf("seal: recipients: %w", err)
		}
	}
	return s, nil
}

// Compression is Zstd or None.
func (s Sealer) Compression() string {
	if s.compress {
		return Zstd
	}
	return None
}

// Encryption is Age or None.
func (s Sealer) Encryption() string {
	if len(s.recipients) > 0 {
		return Age
	}
	return None
}

// Suffix is the ending of a sealed file's name: "", ".zst", ".age" or ".zst.age".
func (s Sealer) Suffix() string { return Suffix(s.Compression(), s.Encryption()) }

// Suffix is the ending of the name of a file with that compression and encryption.
func Suffix(compression, encryption string) string {
	suffix := ""
	if compression == Zstd {
		suffix += ".zst"
	}
	if encryption == Age {
		suffix += ".age"
	}
	return suffix
}

// Seal reads src to its end and writes the sealed bytes to dst. After an error the contents of dst are
// useless.
func (s Sealer) Seal(ctx context.Context, dst io.Writer, src io.Reader) error {
	layers := []io.WriteCloser{}
	if len(s.recipients) > 0 {
		w, err := age.Encrypt(dst, s.recipients...)
		if err != nil {
			return fmt.Errorf("seal: encrypt: %w", err)
		}
		layers, dst = append(layers, w), w
	}
	if s.compress {
		// Two cores at most: etcd needs the others more urgently than the snapshot does.
		w, err := zstd.NewWriter(dst, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderCRC(true),
			zstd.WithEncoderConcurrency(min(2, runtime.GOMAXPROCS(0))))
		if err != nil {
			return fmt.Errorf("seal: compress: %w", err)
		}
		layers, dst = append(layers, w), w
	}
	_, err := io.CopyBuffer(struct{ io.Writer }{dst}, reader{ctx, src}, make([]byte, 256<<10))
	for i := len(layers) - 1; i >= 0; i-- {
		err = errors.Join(err, layers[i].Close())
	}
	if err != nil {
		return fmt.Errorf("seal: %w", err)
	}
	return nil
}

// reader is an io.Reader that fails once ctx has ended, which ends a long copy.
type reader struct {
	ctx context.Context
	r   io.Reader
}

func (r reader) Read(p []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, context.Cause(r.ctx)
	}
	return r.r.Read(p)
}
