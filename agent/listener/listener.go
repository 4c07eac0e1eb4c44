// Package listener serves pages of this host over HTTP, to be read and never changed. It does not know what is on them.
//
// Its one invariant: whatever clients do costs a bounded number of connections, goroutines and bytes, and the daemon's jobs never wait for one of them.
package listener

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// Limits of one client. Whoever is slower is cut off.
const (
	headerLimit = 5 * time.Second // to send the whole request
	answerLimit = 10 * time.Second
	idleLimit   = 2 * time.Minute
	headerSize  = 8 << 10 // bytes
)

// quietAfter is how long nobody must have asked for anything before Quiet is called.
const quietAfter = time.Second

// connections is how many clients there may be at once. For another one, the oldest that waits is cut off.
const connections = 64

// Listener serves pages at an address.
type Listener struct {
	// Address is host:port.
	Address string
	// TLS has the files for TLS; nil means plain HTTP.
	TLS *Files
	// Pages by their exact paths, such as "/metrics". They answer within answerLimit.
	Pages map[string]http.Handler
	Log   *slog.Logger
	// Quiet is called once nobody has asked for anything for a second after an answer; nil: nothing is.
	Quiet func()
	// Retry is the first pause after an address could not be listened on; 0 means a second.
	Retry time.Duration
}

// longestRetry is the longest pause between two attempts to listen.
const longestRetry = time.Minute

// Run serves until ctx ends. An address that is in use, or a certificate that cannot be read, is logged once and tried again, because backups
// must not depend on a port.
func (l *Listener) Run(ctx context.Context) {
	pause := l.Retry
	if pause == 0 {
		pause = time.Second
	}
	for said := ""; ; pause = min(2*pause, longestRetry) {
		listening, err := l.listen(ctx)
		if err == nil {
			l.Log.Info("metrics served", "address", listening.Addr().String())
			err = l.serve(ctx, listening)
		}
		if ctx.Err() != nil {
			return
		}
		if text := err.Error(); text != said {
			l.Log.Error("metrics not served, tried again", "address", l.Address, "error", err)
			said = text
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

// listen opens the address, and reads the certificate if there is one, so that a mistake is told now and not to a client.
func (l *Listener) listen(ctx context.Context) (net.Listener, error) {
	if l.TLS != nil {
		if _, err := l.TLS.config(); err != nil {
			return nil, err
		}
	}
	return (&net.ListenConfig{}).Listen(ctx, "tcp", l.Address)
}

// serve answers clients until ctx ends or the listener breaks.
func (l *Listener) serve(ctx context.Context, listening net.Listener) error {
	handler := guard(l.Pages, onlyThisHost(listening.Addr()))
	if l.Quiet != nil {
		quiet := time.AfterFunc(quietAfter, l.Quiet)
		defer quiet.Stop()
		handler = then(handler, func() { quiet.Reset(quietAfter) })
	}
	crowd := newCrowd(listening, connections)
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true) // each stream of HTTP/2 would be a client that nothing counts
	server := &http.Server{
		Handler: handler, Protocols: protocols, ConnState: crowd.note, DisableGeneralOptionsHandler: true,
		ReadHeaderTimeout: headerLimit, ReadTimeout: headerLimit, WriteTimeout: answerLimit, IdleTimeout: idleLimit, MaxHeaderBytes: headerSize,
		ErrorLog: slog.NewLogLogger(l.Log.Handler(), slog.LevelDebug),
	}
	var serving net.Listener = crowd
	if l.TLS != nil {
		serving = tls.NewListener(crowd, &tls.Config{MinVersion: tls.VersionTLS12, GetConfigForClient: l.TLS.forClient})
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(serving) }()
	select {
	case err := <-ended:
		return errors.Join(err, server.Close())
	case <-ctx.Done():
	}
	return errors.Join(server.Close(), <-ended)
}

// then calls done after each answer.
func then(handler http.Handler, done func()) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer done()
		handler.ServeHTTP(w, r)
	})
}

// onlyThisHost reports whether only processes of this host can reach an address.
func onlyThisHost(a net.Addr) bool {
	tcp, ok := a.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}
