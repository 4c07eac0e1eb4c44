package storagetest

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"
)

// RefuseS3 answers with an error of S3.
func RefuseS3(status int, code, message string) Spoiler {
	return func(_ *Front, w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(status)
		if r.Method != http.MethodHead {
			_, _ = fmt.Fprintf(w, `<?xml version="1.0" encoding="UTF-8"?><Error><Code>%s</Code><Message>%s</Message></Error>`, code, message)
		}
	}
}

// RefuseGCS answers with an error of GCS.
func RefuseGCS(status int, reason, message string) Spoiler {
	return func(_ *Front, w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, `{"error":{"code":%d,"message":%q,"errors":[{"reason":%q,"message":%[2]q}]}}`, status, message, reason)
	}
}

// Document answers with a status of 200 and XML or JSON, whichever the text begins like.
func Document(text string) Spoiler {
	kind := "application/json"
	if !strings.HasPrefix(text, "{") {
		kind, text = "application/xml", `<?xml version="1.0" encoding="UTF-8"?>`+text
	}
	return func(_ *Front, w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", kind)
		_, _ = io.WriteString(w, text)
	}
}

// Page answers as a console, a login portal or a default backend does: with a status and a page of HTML.
func Page(status int) Spoiler {
	return func(_ *Front, w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(status)
		if r.Method != http.MethodHead {
			_, _ = io.WriteString(w, "<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body>Welcome</body></html>\n")
		}
	}
}

// Nothing answers with a status and not a word.
func Nothing(status int) Spoiler {
	return func(_ *Front, w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(status)
	}
}

// Redirect sends the client elsewhere.
func Redirect(status int, to string) Spoiler {
	return func(_ *Front, w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Location", to)
		w.WriteHeader(status)
	}
}

// LoseReply does what is asked and closes the connection without an answer.
func LoseReply(f *Front, _ http.ResponseWriter, r *http.Request) {
	f.Store.ServeHTTP(httptest.NewRecorder(), r)
	panic(http.ErrAbortHandler)
}

// Hang takes the request and never answers.
func Hang(_ *Front, _ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
}

// CutAfter sends some bytes of the answer's body and closes the connection.
func CutAfter(bytes int) Spoiler {
	return func(f *Front, w http.ResponseWriter, r *http.Request) {
		sendPart(f, w, r, bytes)
		panic(http.ErrAbortHandler)
	}
}

// StallAfter sends some bytes of the answer's body and then nothing, until the client has had enough.
func StallAfter(bytes int) Spoiler {
	return func(f *Front, w http.ResponseWriter, r *http.Request) {
		sendPart(f, w, r, bytes)
		<-r.Context().Done()
	}
}

func sendPart(f *Front, w http.ResponseWriter, r *http.Request, bytes int) {
	answer := f.ask(r)
	copyHeader(w.Header(), answer.Header())
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes()[:min(bytes, answer.Body.Len())])
	_ = http.NewResponseController(w).Flush()
}

// Resize gives the body of an answer another length, and says that it is all: a longer one repeats its last byte.
func Resize(change int) Spoiler {
	return Rewrite(func(header http.Header, body []byte) []byte {
		if change < 0 {
			body = body[:max(0, len(body)+change)]
		} else {
			body = append(body, bytes.Repeat([]byte("x"), change)...)
		}
		header.Set("Content-Length", strconv.Itoa(len(body)))
		return body
	})
}

// Without leaves headers out of the answer.
func Without(headers ...string) Spoiler {
	return Rewrite(func(header http.Header, body []byte) []byte {
		for _, name := range headers {
			header.Del(name)
		}
		return body
	})
}

// Replace changes words in the body of the answer.
func Replace(old, by string) Spoiler {
	return Rewrite(func(header http.Header, body []byte) []byte {
		header.Del("Content-Length")
		return bytes.ReplaceAll(body, []byte(old), []byte(by))
	})
}

// Rewrite changes the answer of the store.
func Rewrite(change func(header http.Header, body []byte) []byte) Spoiler {
	return func(f *Front, w http.ResponseWriter, r *http.Request) {
		answer := f.ask(r)
		copyHeader(w.Header(), answer.Header())
		body := change(w.Header(), answer.Body.Bytes())
		w.WriteHeader(answer.Code)
		_, _ = w.Write(body)
	}
}

// Slow waits before each answer, or until the client has had enough.
func Slow(wait time.Duration) Spoiler {
	return func(f *Front, w http.ResponseWriter, r *http.Request) {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-r.Context().Done():
		case <-timer.C:
			f.Store.ServeHTTP(w, r)
		}
	}
}

func (f *Front) ask(r *http.Request) *httptest.ResponseRecorder {
	answer := httptest.NewRecorder()
	f.Store.ServeHTTP(answer, r)
	return answer
}

func copyHeader(to, from http.Header) {
	for key, values := range from {
		to[key] = values
	}
}

// Deaf returns the address of a store that takes connections and says nothing on them, until the test ends.
func Deaf(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		var held []net.Conn
		for {
			conn, err := listener.Accept()
			if err != nil {
				break
			}
			held = append(held, conn)
		}
		for _, conn := range held {
			_ = conn.Close()
		}
	}()
	return listener.Addr().String()
}
