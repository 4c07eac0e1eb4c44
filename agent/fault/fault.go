// Package fault adds to an error what its text does not hold: the way out, and whether the command line or the
// configuration is to blame. It knows no verb and no exit code.
//
// Its one invariant: marking an error changes neither its text nor what errors.Is and errors.As find in it.
package fault

import "errors"

// Hinter is an error that knows a way out. A type of another room may implement it without importing this one.
type Hinter interface {
	error
	Hint() string
}

// kind is what an error was marked as.
type kind int

const (
	usage kind = iota + 1
	configuration
	reported
)

// marked is an error with a mark.
type marked struct {
	error
	kind kind
}

func (m marked) Unwrap() error { return m.error }

// usageHint is the hint for every command line that cannot be understood.
const usageHint = "etcdward --help, or etcdward VERB --help"

// usageError is a marked error that brings its own hint.
type usageError struct{ marked }

// Hint implements Hinter.
func (usageError) Hint() string { return usageHint }

// Usage marks an error of the command line: what was asked for cannot be understood. nil stays nil.
func Usage(err error) error {
	if err == nil {
		return nil
	}
	return usageError{marked{err, usage}}
}

// IsUsage reports whether the command line is to blame.
func IsUsage(err error) bool {
	var u usageError
	return errors.As(err, &u)
}

// Config marks an error of the configuration: it cannot be used as it is. nil stays nil.
func Config(err error) error { return mark(err, configuration) }

// IsConfig reports whether the configuration is to blame.
func IsConfig(err error) bool { return is(err, configuration) }

// Reported marks an error whose reason the output has already given, so that only its exit code is left to set. nil
// stays nil.
func Reported(err error) error { return mark(err, reported) }

// IsReported reports whether the output has already given the reason.
func IsReported(err error) bool { return is(err, reported) }

func mark(err error, k kind) error {
	if err == nil {
		return nil
	}
	return marked{err, k}
}

// is looks for a mark in an error and in everything that it wraps.
func is(err error, k kind) bool {
	for err != nil {
		var m marked
		if !errors.As(err, &m) {
			return false
		}
		if m.kind == k {
			return true
		}
		err = m.error
	}
	return false
}

// hinted is an error with a way out.
type hinted struct {
	error
	hint string
}

func (h hinted) Unwrap() error { return h.error }

// Hint implements Hinter.
func (h hinted) Hint() string { return h.hint }

// WithHint adds the way out to an error. It wins over hints that the error already has. nil stays nil.
func WithHint(err error, hint string) error {
	if err == nil {
		return nil
	}
	return hinted{err, hint}
}

// Hint returns the way out that an error knows; "" if it knows none.
func Hint(err error) string {
	var h Hinter
	if errors.As(err, &h) {
		return h.Hint()
	}
	return ""
}
