package catalog

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/storage"
	"github.com/etcdward/etcdward/storage/storagetest"
)

func TestCheckedReader(t *testing.T) {
	want := storagetest.Content(10_000, 1)
	sum := sha256.Sum256(want)
	changed := bytes.Clone(want)
	changed[0] ^= 1
	broken := fmt.Errorf("read the store: %w", errors.New("connection lost"))
	ended := fmt.Errorf("read the store: %w", io.EOF) // as net/http has it when the server hangs up
	for name, test := range map[string]struct {
		body    func() io.Reader // anew for each use
		n       int              // bytes passed on
		damaged bool
		is      error
	}{
		"the same":          {func() io.Reader { return bytes.NewReader(want) }, len(want), false, nil},
		"short":             {func() io.Reader { return bytes.NewReader(want[:9999]) }, 9999, true, nil},
		"empty":             {func() io.Reader { return bytes.NewReader(nil) }, 0, true, nil},
		"long":              {func() io.Reader { return bytes.NewReader(append(bytes.Clone(want), 0)) }, len(want) + 1, true, nil},
		"changed":           {func() io.Reader { return bytes.NewReader(changed) }, len(want), true, nil},
		"broken at once":    {func() io.Reader { return iotest.ErrReader(broken) }, 0, false, broken},
		"broken half-way":   {func() io.Reader { return io.MultiReader(bytes.NewReader(want[:5000]), iotest.ErrReader(broken)) }, 5000, false, broken},
		"broken at the end": {func() io.Reader { return io.MultiReader(bytes.NewReader(want), iotest.ErrReader(broken)) }, len(want), false, broken},
		"ended half-way":    {func() io.Reader { return io.MultiReader(bytes.NewReader(want[:5000]), iotest.ErrReader(ended)) }, 5000, false, ended},
	} {
		for kind, shape := range map[string]func(io.Reader) io.Reader{
			"whole": func(r io.Reader) io.Reader { return r }, "bytes": iotest.OneByteReader, "halves": iotest.HalfReader, "data with error": iotest.DataErrReader,
		} {
			t.Run(name+", "+kind, func(t *testing.T) {
				listed := func() (storage.Object, bool, error) {
					n, err := io.Copy(io.Discard, test.body())
					return storage.Object{Size: n}, true, err
				}
				r := &checkedReader{body: io.NopCloser(shape(test.body())), sum: sha256.New(), listed: listed, id: "X",
					object: snapshot.Stored{SizeBytes: int64(len(want)), SHA256: hex.EncodeToString(sum[:])}}
				got, err := io.ReadAll(r)
				if errors.Is(err, snapshot.ErrDamaged) != test.damaged || test.is != nil && !errors.Is(err, test.is) || err != nil && !test.damaged && test.is == nil {
					t.Errorf("got error %v", err)
				}
				if kind := strings.Fields(name)[0]; (kind == "short" || kind == "long") && !strings.Contains(err.Error(), kind) {
					t.Errorf("the error does not say that it is too %s: %v", kind, err)
				}
				// Damage shows at the end and no byte is held back before it.
				if len(got) != test.n {
					t.Errorf("got %d bytes, want %d", len(got), test.n)
				}
				if _, again := r.Read(make([]byte, 10)); test.damaged && !errors.Is(again, snapshot.ErrDamaged) {
					t.Errorf("the next Read gives %v", again)
				}
			})
		}
	}
}

// closing is a bucket whose readers say whether they were closed.
type closing struct {
	storage.Bucket
	closed *int
}

type closer struct {
	io.ReadCloser
	closed *int
}

func (c closer) Close() error { *c.closed++; return c.ReadCloser.Close() }

func (b closing) Open(ctx context.Context, obj storage.Object) (io.ReadCloser, error) {
	r, err := b.Bucket.Open(ctx, obj)
	if err != nil {
		return nil, err
	}
	return closer{r, b.closed}, nil
}

// TestOpenChanged changes the stored bytes behind the catalog's back.
func TestOpenChanged(t *testing.T) {
	id := second + "1"
	for name, change := range map[string]func([]byte) []byte{
		"changed": func(b []byte) []byte { b[7] ^= 1; return b }, "cut": func(b []byte) []byte { return b[:len(b)-1] },
		"longer": func(b []byte) []byte { return append(b, 0) }, "empty": func(b []byte) []byte { return nil },
	} {
		closed := 0
		bucket := openBucket(t)
		c := open(t, closing{bucket, &closed})
		m := commit(t, c, id)
		if err := bucket.Delete(t.Context(), storage.Object{Key: m.Object.Key}); err != nil {
			t.Fatal(err)
		}
		storagetest.Put(t, bucket, m.Object.Key, change(content(id)))
		r, err := c.Open(t.Context(), m)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, r); !errors.Is(err, snapshot.ErrDamaged) {
			t.Errorf("%s: got %v", name, err)
		}
		if err := r.Close(); err != nil || closed != 1 {
			t.Errorf("%s: the store's reader was closed %d times, error %v", name, closed, err)
		}
	}
}
