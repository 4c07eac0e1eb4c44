// Package seal turns a snapshot file into the bytes that are stored, and back: zstd first, then
// age. It knows neither snapshots nor stores.
//
// Its one invariant: what it writes can be read without etcdward, with `age -d` and
// `zstd -d`. To seal takes public keys only; a host that makes backups cannot read old ones.
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

// Names of what was done to the bytes, as manifests hold them.
const (
	None = "none"
	Zstd = "zstd"
	Age  = "age"
)

// maxWindow bounds the memory that a compressed stream may ask of its reader, in bytes. It is what `zstd -d` allows
// without a flag.
const maxWindow = 128 << 20

// Sealer seals. The zero value stores plain bytes.
type Sealer struct {
	compress   bool
	recipients []age.Recipient
}

// New makes a Sealer. compression is Zstd or None; recipients are age public keys, none of
// them: no encryption.
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
		// Keys that do not go together, post-quantum beside classic ones, are known here and not at three in the morning.
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

// Suffix is what the name of a sealed file ends in: "", ".zst", ".age" or ".zst.age".
func (s Sealer) Suffix() string { return Suffix(s.Compression(), s.Encryption()) }

// Suffix is what the name of a file ends in to which that was done.
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

// Seal reads src to its end and writes the sealed bytes to dst. After an error dst holds
// rubbish.
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
		// Two at most: etcd needs the other cores more than the snapshot needs to be quick.
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

// reader ends a long copy when ctx ends.
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
