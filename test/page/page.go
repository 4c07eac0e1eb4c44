// Package page asks in tests for a page of an HTTP server.
package page

import (
	"errors"
	"io"
	"net/http"
	"testing"
)

// Get returns the status code and the text of a page.
func Get(t testing.TB, url string) (code int, text string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}
