package storestest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"sync"

	"github.com/etcdward/etcdward/storage"
)

// Passing are answers that a store, or something in its place, gives now and then: none of them says anything of the object.
var Passing = map[string]func(obj storage.Object, body []byte) ([]byte, error){
	"404": func(obj storage.Object, _ []byte) ([]byte, error) {
		return nil, fmt.Errorf("open %s: %w", obj.Key, fs.ErrNotExist)
	},
	"short body":   func(_ storage.Object, body []byte) ([]byte, error) { return body[:len(body)/2], nil },
	"empty body":   func(storage.Object, []byte) ([]byte, error) { return nil, nil },
	"HTML":         func(storage.Object, []byte) ([]byte, error) { return []byte(page), nil },
	"HTML, longer": func(storage.Object, []byte) ([]byte, error) { return []byte(strings.Repeat(page, 2000)), nil },
	"wrong bytes of the right length": func(_ storage.Object, body []byte) ([]byte, error) {
		return bytes.Repeat([]byte("x"), len(body)), nil
	},
}

const page = "<!DOCTYPE html><html><head><title>Sign in</title></head><body>Sign in to the network.</body></html>\n"

// Flaky is a bucket that answers the first Open of some keys otherwise than it should: as often as times says, for keys that contain a text.
type Flaky struct {
	storage.Bucket
	Answer func(obj storage.Object, body []byte) ([]byte, error)
	Key    string

	mu    sync.Mutex
	times int
}

// NewFlaky makes one.
func NewFlaky(bucket storage.Bucket, key string, times int, answer func(storage.Object, []byte) ([]byte, error)) *Flaky {
	return &Flaky{Bucket: bucket, Answer: answer, Key: key, times: times}
}

// Open implements storage.Bucket.
func (f *Flaky) Open(ctx context.Context, obj storage.Object) (io.ReadCloser, error) {
	f.mu.Lock()
	wrong := strings.Contains(obj.Key, f.Key) && f.times > 0
	if wrong {
		f.times--
	}
	f.mu.Unlock()
	body, err := f.Bucket.Open(ctx, obj)
	if err != nil || !wrong {
		return body, err
	}
	all, err := io.ReadAll(body)
	if err := body.Close(); err != nil {
		return nil, err
	}
	if err != nil {
		return nil, err
	}
	all, err = f.Answer(obj, all)
	if err != nil {
		return nil, err
	}
	return io.NopCloser(bytes.NewReader(all)), nil
}
