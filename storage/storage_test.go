package storage_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/etcdward/etcdward/storage"
)

func TestCheckKey(t *testing.T) {
	for key, want := range map[string]string{
		"v1/prod-eu1/snapshots/20261122T100000Z-120001.db.zst.age": "",
		"with space, ü, 日本 and +":                                  "",
		".hidden/...":                                              "",
		strings.Repeat("e", 255):                                   "",
		"":                                                         "empty",
		"/a":                                                       "an empty element",
		"a/":                                                       "an empty element",
		"a//b":                                                     "an empty element",
		".":                                                        `the element "."`,
		"a/../b":                                                   `the element ".."`,
		"a\tb":                                                     "a control character",
		"a\u0085":                                                  "a control character",
		"\xff":                                                     "not UTF-8",
		strings.Repeat("e", 256):                                   "an element of 256 bytes",
		strings.Repeat("e/", 256) + "e":                            "513 bytes",
		"a/.etcdward-x":                                            `begins with ".etcdward-"`,
	} {
		err := storage.CheckKey(key)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("CheckKey(%q): got %v, want %q", key, err, want)
		}
	}
}

func TestCheckPrefix(t *testing.T) {
	for prefix, want := range map[string]bool{
		"": true, "a": true, "a/": true, "a/b": true, ".": true, "a/..": true, strings.Repeat("kk/", 170) + "kk": true,
		"/": false, "a//": false, "../": false, "a\x00": false, strings.Repeat("kk/", 170) + "kkk": false, ".etcdward-": false,
	} {
		if err := storage.CheckPrefix(prefix); (err == nil) != want {
			t.Errorf("CheckPrefix(%q): got %v, want it possible: %v", prefix, err, want)
		}
	}
}

func TestCopy(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789abcdef"), 50_000)
	good := storage.Upload{Body: bytes.NewReader(content), Size: int64(len(content)), SHA256: sha256.Sum256(content)}
	broken := errors.New("broken disk")
	for name, test := range map[string]struct {
		change func(*storage.Upload)
		want   string
	}{
		"good":     {func(*storage.Upload) {}, ""},
		"empty":    {func(up *storage.Upload) { *up = storage.Upload{Body: bytes.NewReader(nil), SHA256: sha256.Sum256(nil)} }, ""},
		"short":    {func(up *storage.Upload) { up.Body = bytes.NewReader(content[:100]) }, "read body at byte 0 of 800000: unexpected EOF"},
		"long":     {func(up *storage.Upload) { up.Size-- }, "it is longer than 799999 bytes"},
		"negative": {func(up *storage.Upload) { up.Size = -1 }, "negative"},
		"hash":     {func(up *storage.Upload) { up.SHA256[0]++ }, "its SHA-256 is"},
		"broken":   {func(up *storage.Upload) { up.Body = brokenBody{broken} }, "read body at byte 0 of 800000: broken disk"},
		"no end":   {func(up *storage.Upload) { up.Body = brokenBody{nil} }, "unexpected EOF"},
	} {
		up := good
		test.change(&up)
		var got bytes.Buffer
		err := storage.Copy(t.Context(), &got, up)
		if test.want == "" && (err != nil || int64(got.Len()) != up.Size) {
			t.Errorf("%s: got %d bytes and error %v", name, got.Len(), err)
		}
		if test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: got error %v, want %q", name, err, test.want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := storage.Copy(ctx, io.Discard, good); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: got error %v", err)
	}
	if err := storage.Copy(t.Context(), brokenBody{broken}, good); !errors.Is(err, broken) {
		t.Errorf("a writer that fails: got error %v", err)
	}
}

type brokenBody struct{ err error }

func (b brokenBody) ReadAt([]byte, int64) (int, error) { return 0, b.err }
func (b brokenBody) Write([]byte) (int, error)         { return 0, b.err }

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}
