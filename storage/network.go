package storage

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"syscall"
)

// NetworkCause recognises a fault of the way to a store: names, connections, TLS, proxies. nil: it is something else.
func NetworkCause(err error) *Cause {
	for _, recognise := range []func(error) *Cause{certificateCause, tlsCause, proxyCause, nameCause, connectionCause} {
		if cause := recognise(err); cause != nil {
			return cause
		}
	}
	return nil
}

func certificateCause(err error) *Cause {
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &authority):
		return &Cause{
			Says: "an authority that this host does not know signed the store's certificate",
			Try:  "add the authority's certificate to those of the system (update-ca-certificates or update-ca-trust); for S3, AWS_CA_BUNDLE can name it",
			Kind: ErrSetup, Err: authority,
		}
	case errors.As(err, &host):
		return &Cause{
			Says: fmt.Sprintf("the store's certificate is not for %q", Printable(host.Host, 100)),
			Try:  "name the store in its endpoint as its certificate does; where the bucket's name is in front of the host, set path_style: true",
			Kind: ErrSetup,
		}
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return &Cause{
			Says: "the store's certificate has expired, or is not valid yet",
			Try:  "compare this host's clock (timedatectl) with the certificate's dates, and renew the certificate",
			Kind: ErrSetup, Err: invalid,
		}
	case errors.As(err, &invalid):
		return &Cause{Says: "the store's certificate is not valid", Try: "have the store given a certificate for servers", Kind: ErrSetup, Err: invalid}
	}
	return nil
}

func tlsCause(err error) *Cause {
	var record tls.RecordHeaderError
	var op *net.OpError
	switch {
	case errors.Is(err, http.ErrSchemeMismatch), errors.As(err, &record):
		return &Cause{
			Says: "the store's port does not speak TLS",
			Try:  "write http:// in place of https:// in the endpoint, or give the port that speaks TLS",
			Kind: ErrSetup,
		}
	case errors.As(err, &op) && (op.Op == "remote error" || op.Op == "local error"): // an alert of TLS
		return &Cause{
			Says: "the store refuses the TLS connection",
			Try:  "ask whoever runs the store which TLS versions and client certificates it demands: etcdward shows it none",
			Kind: ErrSetup, Err: op.Err,
		}
	}
	return nil
}

// CheckEndpoint returns a Cause for the endpoint of a store that is no URL of HTTP. "" is none, and good.
func CheckEndpoint(endpoint string) error {
	if endpoint == "" {
		return nil
	}
	parsed, err := url.Parse(endpoint)
	if err != nil || (parsed.Scheme != "https" && parsed.Scheme != "http") || parsed.Hostname() == "" {
		return &Cause{Says: fmt.Sprintf("the endpoint %q is no URL", endpoint), Try: "write it as https://HOST or https://HOST:PORT", Kind: ErrSetup}
	}
	return nil
}

func proxyCause(err error) *Cause {
	var op *net.OpError
	const variables = "HTTPS_PROXY, HTTP_PROXY and NO_PROXY in /etc/default/etcdward (or /etc/sysconfig/etcdward)"
	switch {
	case errors.As(err, &op) && op.Op == "proxyconnect":
		return &Cause{Says: "the proxy on the way to the store cannot be reached", Try: "check " + variables, Kind: ErrAway, Err: lastOf(op)}
	case hasText(err, http.StatusText(http.StatusProxyAuthRequired)):
		return &Cause{Says: "the proxy on the way to the store demands a password", Try: "write user and password into the proxy's URL: check " + variables, Kind: ErrSetup}
	}
	// What a proxy answers to CONNECT is an error with the text of its status alone.
	for _, status := range []int{http.StatusForbidden, http.StatusMethodNotAllowed, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout} {
		if hasText(err, http.StatusText(status)) {
			return &Cause{Says: "the proxy does not let etcdward through to the store: " + http.StatusText(status), Try: "check " + variables + ", and what the proxy allows"}
		}
	}
	return nil
}

// hasText reports whether the innermost error is nothing but a text.
func hasText(err error, text string) bool {
	for err != nil {
		if err.Error() == text {
			return true
		}
		err = errors.Unwrap(err)
	}
	return false
}

func nameCause(err error) *Cause {
	var name *net.DNSError
	switch {
	case !errors.As(err, &name):
		return nil
	case name.IsNotFound:
		return &Cause{
			Says: fmt.Sprintf("there is no host %q", Printable(name.Name, 100)),
			Try:  "check the endpoint, the region and the bucket of the store; where the bucket's name is in front of the host and should not be, set path_style: true",
			Kind: ErrSetup,
		}
	}
	return &Cause{
		Says: fmt.Sprintf("the name server gives no address of %q", Printable(name.Name, 100)),
		Try:  "check /etc/resolv.conf and the network of this host", Kind: ErrAway,
	}
}

const brokeOff = "the connection to the store broke off"

func connectionCause(err error) *Cause {
	var op *net.OpError
	dialing := errors.As(err, &op) && op.Op == "dial"
	at := "the store"
	if dialing && op.Addr != nil {
		at = op.Addr.String()
	}
	var network net.Error
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return &Cause{Says: "nobody listens at " + at, Try: "check that the store runs, and the endpoint's port", Kind: ErrAway}
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH):
		return &Cause{Says: "no route leads to " + at, Try: "check the network of this host, and its firewall", Kind: ErrAway}
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return &Cause{Says: "this process, or this host, has too many files open", Try: "restart etcdward, and report it"}
	case dialing && errors.As(err, &network) && network.Timeout():
		return &Cause{Says: at + " does not answer", Try: "check the network of this host, and the firewalls on the way to the store", Kind: ErrAway}
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &Cause{Says: "the store stopped answering", Try: "repeat it later; the store, or the line to it, is overloaded"}
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return &Cause{Says: brokeOff, Try: "repeat it later; where it happens again and again, look for a proxy or a load balancer that limits time or size"}
	}
	return nil
}

// lastOf is the innermost of an error's causes.
func lastOf(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}
