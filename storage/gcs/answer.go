package gcs

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/etcdward/etcdward/storage"
)

// maxDocument is the length in bytes of the longest document that an answer may be: a page of 1,000 objects is far below.
const maxDocument = 32 << 20

// checked is a transport that holds each answer to the protocol before the library reads it: to the library any 200 is a yes, and a
// document of any kind is an empty listing.
type checked struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (t checked) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := t.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if err := checkAnswer(r, answer); err != nil {
		return nil, errors.Join(err, answer.Body.Close())
	}
	return answer, nil
}

// checkAnswer returns storage.ErrNotAStore if an answer is none of Google Cloud Storage. One that says that it is overloaded may come
// from whatever stands before the service: that is for the retries.
func checkAnswer(r *http.Request, answer *http.Response) error {
	q := r.URL.Query()
	switch status := answer.StatusCode; {
	case status >= 500 || status == http.StatusTooManyRequests:
		return nil
	case q.Has("upload_id") && (status == http.StatusPermanentRedirect || answer.Header.Get("X-Http-Status-Code-Override") == "308"):
		return nil // the upload goes on
	case status >= 300:
		return checkRefusal(r, answer)
	case r.Method == http.MethodGet && q.Get("alt") == "media":
		return checkMedia(answer)
	case r.Method == http.MethodPost && q.Get("uploadType") == "resumable" && !q.Has("upload_id"):
		if answer.Header.Get("Location") == "" {
			return notGCS(fmt.Sprintf("HTTP %d and no address of the upload", status))
		}
		return nil
	}
	body, err := takeBody(answer)
	if err != nil {
		return err
	}
	if r.Method == http.MethodDelete {
		return checkDeleted(answer, body)
	}
	return checkDocument(wanted(r), answer, body)
}

// wanted is the kind of document that a request asks for.
func wanted(r *http.Request) string {
	switch {
	case r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/o"):
		return "storage#objects"
	case strings.Contains(r.URL.Path, "/o"):
		return "storage#object"
	}
	return "storage#bucket"
}

// takeBody reads the body of an answer and puts it back.
func takeBody(answer *http.Response) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxDocument+1))
	if err == nil && len(body) > maxDocument {
		err = notGCS("a document of more than 32 MiB")
	}
	err = errors.Join(err, answer.Body.Close())
	answer.Body = io.NopCloser(bytes.NewReader(body))
	return body, err
}

// checkRefusal looks at an answer that is no success: the service gives its reasons in JSON, or for a download in a word.
func checkRefusal(r *http.Request, answer *http.Response) error {
	body, err := takeBody(answer)
	if err != nil {
		return err
	}
	// The service itself calls the word with which it refuses a download HTML.
	if page := storage.PageOf("", body); page != "" {
		return notGCS(fmt.Sprintf("%s (HTTP %d)", page, answer.StatusCode))
	}
	switch to := answer.Header.Get("Location"); {
	case bytes.Contains(body, []byte("HTTP request to an HTTPS server")), bytes.Contains(body, []byte("plain HTTP request was sent to HTTPS port")):
		return storage.HTTPToHTTPS()
	case answer.StatusCode == http.StatusProxyAuthRequired:
		return storage.NetworkCause(errors.New(http.StatusText(http.StatusProxyAuthRequired)))
	case answer.StatusCode < 400 && to != "":
		return notGCS(fmt.Sprintf("a redirection to %s (HTTP %d)", storage.Printable(to, 200), answer.StatusCode))
	case answer.StatusCode >= 400 && !json.Valid(body) && !unauthorized(answer.StatusCode, body) && (r.URL.Query().Get("alt") != "media" || !ofService(answer, body)):
		// "default backend - 404" is no word on an object.
		return notGCS(fmt.Sprintf("%q (HTTP %d)", storage.Printable(string(bytes.TrimSpace(body)), 60), answer.StatusCode))
	}
	return nil
}

// unauthorized reports whether a refusal is about rights and gives no reason.
func unauthorized(status int, body []byte) bool {
	return len(body) == 0 && (status == http.StatusUnauthorized || status == http.StatusForbidden)
}

// ofService reports whether the refusal of a download looks like the service's own.
func ofService(answer *http.Response, body []byte) bool {
	return answer.Header.Get("X-Guploader-Uploadid") != "" || bytes.Contains(body, []byte("No such object")) || bytes.Equal(bytes.TrimSpace(body), []byte("Not Found")) ||
		answer.StatusCode == http.StatusRequestedRangeNotSatisfiable || answer.StatusCode == http.StatusPreconditionFailed
}

// checkMedia looks at the headers of a download, whose body is the object's own.
func checkMedia(answer *http.Response) error {
	switch {
	case storage.PageOf(answer.Header.Get("Content-Type"), nil) != "":
		return notGCS(fmt.Sprintf("a page of HTML (HTTP %d)", answer.StatusCode))
	case answer.Header.Get("X-Goog-Generation") == "":
		return notGCS(fmt.Sprintf("HTTP %d and no generation", answer.StatusCode))
	}
	return nil
}

func checkDeleted(answer *http.Response, body []byte) error {
	if page := storage.PageOf(answer.Header.Get("Content-Type"), body); page != "" {
		return notGCS(fmt.Sprintf("%s (HTTP %d)", page, answer.StatusCode))
	}
	if text := string(bytes.TrimSpace(body)); text != "" && text != "null" && text != "{}" {
		return notGCS(fmt.Sprintf("HTTP %d and a body that nobody asked for", answer.StatusCode))
	}
	return nil
}

// checkDocument looks at the kind of a document. An object's has a generation, too.
func checkDocument(want string, answer *http.Response, body []byte) error {
	if page := storage.PageOf(answer.Header.Get("Content-Type"), body); page != "" {
		return notGCS(fmt.Sprintf("%s (HTTP %d)", page, answer.StatusCode))
	}
	var document struct {
		Kind       string      `json:"kind"`
		Generation json.Number `json:"generation"`
	}
	if err := json.Unmarshal(body, &document); err != nil {
		return notGCS(fmt.Sprintf("HTTP %d and no JSON", answer.StatusCode))
	}
	generation, err := document.Generation.Int64()
	switch {
	case document.Kind == "":
		return notGCS(fmt.Sprintf("a document without a kind where a %s was asked for", want))
	case document.Kind != want:
		return notGCS(fmt.Sprintf("a document of the kind %q where a %s was asked for", storage.Printable(document.Kind, 40), want))
	case want == "storage#object" && (err != nil || generation <= 0):
		return notGCS("an object without a generation")
	}
	return nil
}

func notGCS(answer string) error { return storage.NotAStore("GCS", answer) }
