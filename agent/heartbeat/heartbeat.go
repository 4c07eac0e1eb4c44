// Package heartbeat tells a dead man's switch that snapshots are stored and proven, or why one failed. Whoever watches the switch is alarmed when
// nothing comes any more, even if this host is gone.
//
// Its one invariant: no job waits for it. A message that cannot be sent is replaced by the next one, and given up after a bounded time.
package heartbeat

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// Limits of one message.
const (
	requestLimit = 10 * time.Second
	attempts     = 6
	firstPause   = 2 * time.Second // and twice as long before each further attempt
	mostReason   = 4 << 10         // bytes
	mostAnswer   = 4 << 10         // bytes
	mostMoves    = 3               // redirects
)

// Kinds of messages, and what may become of one.
const (
	Success = "success"
	Failure = "failure"

	Sent    = "sent"
	Failed  = "failed"
	Dropped = "dropped" // a newer message came before it could be sent
)

// Sender sends messages. The zero value of its options has none: use New.
type Sender struct {
	urls    map[string]string
	log     *slog.Logger
	counted func(kind, result string)
	client  *http.Client
	pause   time.Duration

	mu      sync.Mutex
	waiting *message
	last    string // the snapshot of the last success
	wake    chan struct{}
}

// message is what waits to be sent.
type message struct{ kind, reason string }

// New makes a sender to success after a proven snapshot, and to failure after a failed one; an empty failure means success with "/fail" after it, as
// healthchecks.io has it. counted is told what became of each message; nil: nobody.
func New(success, failure string, log *slog.Logger, counted func(kind, result string)) *Sender {
	if failure == "" {
		failure = strings.TrimSuffix(success, "/") + "/fail"
	}
	if counted == nil {
		counted = func(string, string) {}
	}
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true, TLSHandshakeTimeout: requestLimit,
		ResponseHeaderTimeout: requestLimit, MaxResponseHeaderBytes: 64 << 10}
	return &Sender{urls: map[string]string{Success: success, Failure: failure}, log: log, counted: counted, pause: firstPause, wake: make(chan struct{}, 1),
		client: &http.Client{Transport: transport, Timeout: requestLimit, CheckRedirect: mayMove}}
}

// Proven reports that a snapshot is stored and proven. It returns at once. The same snapshot in a further store is no news.
func (s *Sender) Proven(id string) {
	s.mu.Lock()
	known := id == s.last
	s.last = id
	s.mu.Unlock()
	if !known {
		s.put(message{kind: Success})
	}
}

// Failed reports why no snapshot came. It returns at once.
func (s *Sender) Failed(reason error) {
	s.put(message{Failure, reason.Error()})
}

// put makes a message the next one to be sent.
func (s *Sender) put(m message) {
	s.mu.Lock()
	if s.waiting != nil {
		s.counted(s.waiting.kind, Dropped)
	}
	s.waiting = &m
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Run sends messages until ctx ends. One that waits then is sent by the next Run of the same sender.
func (s *Sender) Run(ctx context.Context) {
	for {
		s.mu.Lock()
		m := s.waiting
		s.waiting = nil
		s.mu.Unlock()
		if m != nil {
			if s.send(ctx, *m); ctx.Err() != nil {
				s.giveBack(*m)
				return
			}
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-s.wake:
		}
	}
}

// giveBack makes a message wait again that the end of the process or a reload cut short.
func (s *Sender) giveBack(m message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waiting == nil {
		s.waiting = &m
	}
}

// send sends one message, in several attempts if it has to. It gives up early if a newer one waits.
func (s *Sender) send(ctx context.Context, m message) {
	var err error
	pause := s.pause
	for try := 1; ; try++ {
		if err = s.request(ctx, m); err == nil {
			s.counted(m.kind, Sent)
			s.log.Debug("heartbeat sent", "reason", m.kind)
			return
		}
		if ctx.Err() != nil {
			return
		}
		if s.newerWaits() {
			s.counted(m.kind, Dropped)
			return
		}
		if try == attempts || errors.Is(err, errMoved) {
			break
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
			pause *= 2
		}
	}
	s.counted(m.kind, Failed)
	s.log.Warn("heartbeat not sent", "reason", m.kind, "error", err)
}

func (s *Sender) newerWaits() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.waiting != nil
}

// request makes one attempt. Its errors never hold the URL, whose path is a token.
func (s *Sender) request(ctx context.Context, m message) error {
	method, body := http.MethodGet, io.Reader(nil)
	if m.kind == Failure {
		method, body = http.MethodPost, strings.NewReader(cut(m.reason, mostReason))
	}
	req, err := http.NewRequestWithContext(ctx, method, s.urls[m.kind], body)
	if err != nil {
		return errors.New("the URL cannot be used")
	}
	req.Header.Set("User-Agent", "etcdward")
	if body != nil {
		req.Header.Set("Content-Type", "text/plain; charset=utf-8")
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return withoutURL(err)
	}
	_, err = io.Copy(io.Discard, io.LimitReader(resp.Body, mostAnswer))
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("the server answers %d %s", resp.StatusCode, http.StatusText(resp.StatusCode))
	}
	return nil
}

// errMoved means that the server sends us to where we do not go.
var errMoved = errors.New("the server redirects elsewhere: give the URL to which it leads")

// mayMove follows a redirect only on the same host, and never from https to http: the token is for that host.
func mayMove(req *http.Request, via []*http.Request) error {
	first := via[0].URL
	if len(via) > mostMoves || req.URL.Hostname() != first.Hostname() || first.Scheme == "https" && req.URL.Scheme != "https" {
		return errMoved
	}
	return nil
}

// withoutURL is the cause of an error of a request.
func withoutURL(err error) error {
	if failed, ok := errors.AsType[*url.Error](err); ok {
		if failed.Timeout() {
			return fmt.Errorf("no answer within %s", requestLimit)
		}
		return failed.Err
	}
	return err
}

// cut shortens a text to so many bytes, between two characters.
func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most]
}
