// Command summary reads what `go test -json` prints and shows what a person wants of it, as it happens: a line for each
// package that has ended, the output of what failed with its assertions first, every skip with its reason, and last the count.
//
// With CI=true a skip is a failure, unless the test is of a real cloud bucket.
package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"time"
)

// silence is how long nothing may be printed before the packages that still run are named.
const silence = time.Minute

func main() {
	s := newSummary(os.Stdout, os.Getenv("CI") == "true")
	if err := s.follow(os.Stdin); err != nil {
		fmt.Println("summary:", err)
		os.Exit(1)
	}
	if !s.end() {
		os.Exit(1)
	}
}

// follow reads events until there are no more.
func (s *summary) follow(in io.Reader) error {
	lines, failed := make(chan []byte), make(chan error, 1)
	go func() {
		defer close(lines)
		scanner := bufio.NewScanner(in)
		scanner.Buffer(nil, 64<<20)
		for scanner.Scan() {
			lines <- append([]byte(nil), scanner.Bytes()...)
		}
		failed <- scanner.Err()
	}()
	quiet := time.NewTimer(silence)
	defer quiet.Stop()
	for {
		before := s.printed
		select {
		case line, more := <-lines:
			if !more {
				return <-failed
			}
			s.line(line)
		case <-quiet.C:
			s.stillRunning(time.Now())
		}
		if s.printed != before {
			quiet.Reset(silence)
		}
	}
}
