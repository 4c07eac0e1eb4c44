package storage

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// Cause is what is wrong with a store or with the way to it: one sentence, and what a person can do about it.
type Cause struct {
	// Says is the sentence, without an end.
	Says string
	// Try is the way out.
	Try string
	// Kind is an error of this package that code branches on, ErrDenied for instance. nil: none fits.
	Kind error
	// Err is what the store or the system said. nil: there is no more to say.
	Err error
}

// Error gives the sentence, and then what the store or the system said.
func (c *Cause) Error() string {
	if c.Err == nil {
		return c.Says
	}
	return c.Says + ": " + c.Err.Error()
}

// Hint is the way out, without a "Try:".
func (c *Cause) Hint() string { return c.Try }

// Unwrap gives the kind and what lies below.
func (c *Cause) Unwrap() []error {
	var errs []error
	for _, err := range []error{c.Kind, c.Err} {
		if err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}

// ErrSetup means that the store cannot be used in the way that it is set up: its address, its bucket, its credentials or a
// setting is wrong. Another try does not help; a person does.
var ErrSetup = errors.New("the store cannot be used as it is set up")

// ErrNotAStore means that something else than a store of its kind answered: a console, a login portal, a default backend.
// Nothing that it says is evidence, neither for an object nor against one.
var ErrNotAStore = errors.New("what answers is no store of this kind")

// ErrContradicted means that the store gives an object in another form than it listed it. Its bytes are no evidence.
var ErrContradicted = errors.New("the store contradicts its own listing")

// NotAStore is the ErrNotAStore of a store of a kind, "S3" for instance, that answered with something else.
func NotAStore(kind, answer string) *Cause {
	return &Cause{
		Says: fmt.Sprintf("this is no %s server: it answered with %s", kind, answer),
		Try:  "check the endpoint of the store: it may be the port of a web console, a login portal of the network, or a default backend of a load balancer",
		Kind: ErrNotAStore,
	}
}

// Contradicted is the ErrContradicted of an object whose answer has another length than its listing.
func Contradicted(obj Object, size int64) *Cause {
	return &Cause{
		Says: fmt.Sprintf("the store contradicts its own listing: it lists %d bytes and gives %d", obj.Size, size),
		Try:  "repeat it later; if it stays, ask whoever runs the store, or whatever stands between it and this host",
		Kind: ErrContradicted,
	}
}

// Permanent reports whether an error stays the same however often the same request is made.
func Permanent(err error) bool {
	if errors.Is(err, ErrAway) || errors.Is(err, ErrSetup) || errors.Is(err, ErrNotAStore) {
		return true
	}
	cause := NetworkCause(err)
	return cause != nil && errors.Is(cause.Kind, ErrSetup)
}

// PageOf describes a body that is a page of HTML, with its title. "": it is none.
func PageOf(contentType string, body []byte) string {
	text := strings.TrimSpace(string(body[:min(len(body), 4096)]))
	low := strings.ToLower(text)
	if !strings.HasPrefix(strings.ToLower(contentType), "text/html") && !strings.HasPrefix(low, "<!doctype html") && !strings.HasPrefix(low, "<html") {
		return ""
	}
	_, title, found := strings.Cut(low, "<title>")
	title, _, closed := strings.Cut(title, "</title>")
	if !found || !closed || strings.TrimSpace(title) == "" {
		return "a page of HTML"
	}
	at := strings.Index(low, "<title>") + len("<title>")
	if len(low) != len(text) { // lower case took another number of bytes
		return "a page of HTML"
	}
	return "a page of HTML, " + strconv.Quote(Printable(strings.TrimSpace(text[at:at+len(title)]), 60))
}

// Printable makes what a server said fit for a terminal: no control characters, one line, and no longer than limit runes.
func Printable(text string, limit int) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return '?'
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	if runes := []rune(text); len(runes) > limit {
		return string(runes[:limit]) + "…"
	}
	return text
}
