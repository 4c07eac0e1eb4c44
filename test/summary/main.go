// Command summary reads what `go test -json` prints and shows what a person wants of it: a line for each
// package, the whole output of what failed, every skip with its reason, and the count.
//
// With CI=true a skip is a failure, unless the test is of a real cloud bucket.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strings"
)

// event is one line of `go test -json`.
type event struct {
	Action, Package, Test, Output string
	Elapsed                       float64
}

// realCloud ends the names of tests that need a bucket of a real provider.
const realCloud = "Real"

func main() {
	passed, failed, skipped, notAllowed := 0, 0, 0, 0
	output := map[string]*strings.Builder{}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			fmt.Println(lines.Text()) // what the go command itself says
			continue
		}
		key := e.Package + " " + e.Test
		switch e.Action {
		case "output", "build-output":
			if output[key] == nil {
				output[key] = new(strings.Builder)
			}
			output[key].WriteString(e.Output)
		case "pass", "fail", "skip":
			text := ""
			if b := output[key]; b != nil {
				text = b.String()
			}
			if e.Test == "" {
				fmt.Printf("%-4s %6.1fs %s\n", e.Action, e.Elapsed, e.Package)
				if e.Action == "fail" {
					fmt.Print(text)
				}
				continue
			}
			switch e.Action {
			case "pass":
				passed++
			case "fail":
				failed++
				fmt.Print(text)
			case "skip":
				skipped++
				fmt.Print("SKIPPED ", e.Package, " ", text)
				if os.Getenv("CI") == "true" && !strings.HasSuffix(e.Test, realCloud) {
					notAllowed++
				}
			}
			delete(output, key)
		}
	}
	if err := lines.Err(); err != nil {
		fmt.Println("summary:", err)
		os.Exit(1)
	}
	fmt.Printf("%d passed, %d failed, %d skipped\n", passed, failed, skipped)
	if notAllowed > 0 {
		fmt.Printf("%d skips are failures with CI=true\n", notAllowed)
	}
	if failed+notAllowed > 0 || passed == 0 {
		os.Exit(1)
	}
}
