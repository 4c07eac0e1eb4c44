package listener

import (
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
)

// headers go with every answer. A page may replace its Content-Security-Policy.
var headers = map[string]string{
	"Cache-Control":                "no-store",
	"Content-Security-Policy":      "default-src 'none'; frame-ancestors 'none'",
	"Cross-Origin-Opener-Policy":   "same-origin",
	"Cross-Origin-Resource-Policy": "same-origin",
	"Referrer-Policy":              "no-referrer",
	"X-Content-Type-Options":       "nosniff",
	"X-Frame-Options":              "DENY",
}

// guard lets only requests through that read one of the pages. local means that the listener is for this host only: then a request
// has to name this host too, so that a web page which a browser of this host shows cannot read along under a name of its own.
func guard(pages map[string]http.Handler, local bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, value := range headers {
			w.Header().Set(name, value)
		}
		page, known := pages[r.URL.Path]
		switch {
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			w.Header().Set("Allow", "GET, HEAD")
			refuse(w, http.StatusMethodNotAllowed, "only GET and HEAD")
		case r.ContentLength != 0:
			refuse(w, http.StatusRequestEntityTooLarge, "no body is read")
		case local && !namesThisHost(r.Host):
			refuse(w, http.StatusForbidden, "this listener is for this host only: ask for localhost, an address or the name of the host")
		case !known:
			refuse(w, http.StatusNotFound, "there is no such page")
		default:
			page.ServeHTTP(w, r)
		}
	})
}

// refuse answers with a reason, and ends the connection: whoever asks for what is not there is no regular client.
func refuse(w http.ResponseWriter, code int, reason string) {
	w.Header().Set("Connection", "close")
	http.Error(w, reason, code)
}

// namesThisHost reports whether the Host of a request is an address, localhost or the name of this host. No name is asked
// of a name server.
func namesThisHost(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.Trim(host, "[]")
	if _, err := netip.ParseAddr(host); err == nil || strings.EqualFold(host, "localhost") {
		return true
	}
	own, err := os.Hostname()
	if err != nil {
		return false
	}
	short, _, _ := strings.Cut(own, ".")
	return strings.EqualFold(host, own) || strings.EqualFold(host, short)
}
