package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/etcdward/etcdward/agent/config/document"
)

// ReadError means that the file could not be read at all, so that nothing is known about its contents.
type ReadError struct {
	Path string
	Err  error
}

func (e *ReadError) Error() string {
	cause := e.Err
	if pe, ok := errors.AsType[*fs.PathError](cause); ok {
		cause = pe.Err
	}
	return fmt.Sprintf("read config %s: %v", e.Path, cause)
}

// Unwrap gives the cause, so that errors.Is(err, fs.ErrNotExist) holds.
func (e *ReadError) Unwrap() error { return e.Err }

// Hint says what can be done about it.
func (e *ReadError) Hint() string {
	switch {
	case errors.Is(e.Err, fs.ErrNotExist):
		return "etcdward setup writes it; --config PATH names another one"
	case errors.Is(e.Err, fs.ErrPermission):
		return "the file holds no secrets and is meant to be readable by all (mode 0644)"
	default:
		return "--config PATH names the file"
	}
}

// Load reads and parses the file at path. The error is an *[Invalid], which
// holds all problems of the file, or a *[ReadError].
func Load(path string) (*Config, error) {
	src, err := read(path)
	if err != nil {
		return nil, &ReadError{Path: path, Err: err}
	}
	return Parse(path, src)
}

// read takes one byte more than Parse accepts. That is enough for Parse to see that the file is too big, no
// matter how long it really is.
func read(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, document.MaxSize+1))
}

// Parse checks src and fills in the defaults. The error is always an
// *[Invalid]; name stands for the file in its messages.
func Parse(name string, src []byte) (*Config, error) {
	return document.Read[Config](name, src)
}
