package network

import (
	"bufio"
	"strings"
	"testing"
)

func TestReadHead(t *testing.T) {
	const stream = "GET /raft/stream/message/1 HTTP/1.1\r\nHost: h\r\n"
	for _, c := range []struct{ name, in, head, sender string }{
		{"named", stream + "X-Server-From: 8e9e05c52164694d\r\n\r\nbody", stream + "X-Server-From: 8e9e05c52164694d\r\n\r\n", "8e9e05c52164694d"},
		{"not named", stream + "\r\nbody", stream + "Connection: close\r\n\r\n", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := bufio.NewReader(strings.NewReader(c.in))
			head, sender, err := readHead(r)
			if err != nil || string(head) != c.head || sender != c.sender {
				t.Errorf("head %q, sender %q, error %v; want %q, %q", head, sender, err, c.head, c.sender)
			}
			if rest, _ := r.Peek(r.Buffered()); string(rest) != "body" {
				t.Errorf("left %q, want the body", rest)
			}
		})
	}
	for _, in := range []string{"", "GET / HTTP/1.1\r\n", "nonsense\r\n\r\n"} {
		if head, _, err := readHead(bufio.NewReader(strings.NewReader(in))); err == nil {
			t.Errorf("%q gives head %q, want an error", in, head)
		}
	}
}
