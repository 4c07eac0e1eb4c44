package snapshot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/etcdward/etcdward/agent/child"
)

// inspection looks at one file, in a process of its own.
var inspection = child.Task{Name: "internal-inspect", Args: 3, Do: inspectMain}

// ChildMain does the work of this package's children and exits if this process was started as one; otherwise
// it returns at once. main calls it first, and so does the TestMain of every package whose tests inspect a
// file.
func ChildMain() {
	inspection.Main()
	walking.Main()
	forecasting.Main()
}

// answer is the one line of JSON that the child prints.
type answer struct {
	finding
	Damage  string `json:"damage,omitempty"`  // what is wrong with the file
	Trouble string `json:"trouble,omitempty"` // why the question stays open
}

// inspectMain is the child of inspectInChild. It ends the process itself as soon as it has an answer.
func inspectMain(args []string) error {
	beExpendable()
	say := answerOnce()
	path := args[0]
	if info, err := os.Stat(path); err == nil {
		go func() {
			awaitGluttony(maxHeapBytes(info.Size()))
			say(answer{Damage: "the parser asked for more memory than a sound file of this size takes"})
		}()
	}
	say(answerTo(path, args[1], args[2]))
	return nil
}

// answerTo is what the child has to say of the file at path.
func answerTo(path, minor, compacted string) answer {
	number, err := strconv.Atoi(minor)
	if err != nil {
		return answer{Trouble: firstBytes(err.Error())}
	}
	revision, err := strconv.ParseInt(compacted, 10, 64)
	if err != nil {
		return answer{Trouble: firstBytes(err.Error())}
	}
	found, err := inspect(path, number, revision)
	// bbolt quotes keys, which in a damaged file may be of any length.
	switch {
	case errors.Is(err, errCannotOpen):
		return answer{Trouble: firstBytes(err.Error())}
	case err != nil:
		return answer{Damage: firstBytes(err.Error())}
	}
	return answer{finding: found}
}

// answerOnce returns a function that prints the first answer that it gets and ends the process.
func answerOnce() func(answer) {
	var once sync.Once
	return func(a answer) {
		once.Do(func() {
			code := 0
			if err := json.NewEncoder(os.Stdout).Encode(a); err != nil {
				code = 1
			}
			syscall.Exit(code) // as child.Task.Main does; the goroutine that watches the heap never returns there
		})
	}
}

// maxMessageBytes limits the length of the message about the damage.
const maxMessageBytes = 1000

func firstBytes(s string) string {
	return strings.ToValidUTF8(s[:min(len(s), maxMessageBytes)], "")
}

// inspectInChild runs inspect on path in a process of its own. HashKV is computed as if the file were compacted at compacted; asItIs: at the
// revision that the file says. An error that wraps ErrDamaged
// means that the file is not sound, or that the parser died of it.
func inspectInChild(ctx context.Context, path string, minor int, compacted int64) (finding, error) {
	said, err := inspection.Run(ctx, []string{path, strconv.Itoa(minor), strconv.FormatInt(compacted, 10)})
	if err != nil {
		return finding{}, crashed("inspect", path, err)
	}
	var a answer
	if err := json.Unmarshal(said, &a); err != nil {
		return finding{}, fmt.Errorf("inspect %s: the child's answer: %w", path, err)
	}
	switch {
	case a.Trouble != "":
		return finding{}, fmt.Errorf("inspect %s: %s", path, a.Trouble)
	case a.Damage != "":
		return finding{}, fmt.Errorf("%w: %s", ErrDamaged, a.Damage)
	}
	return a.finding, nil
}

// crashed explains the end of a child that did verb on path. A panic or a fault means that the file is damaged; a kill from outside
// does not.
func crashed(verb, path string, err error) error {
	var death *child.Death
	switch {
	case errors.As(err, &death) && death.Crashed():
		return fmt.Errorf("%w: the parser crashed on it: %s", ErrDamaged, death.Line())
	case errors.As(err, &death) && death.Starved():
		return fmt.Errorf("%s %s: too little memory: %w", verb, path, err)
	}
	return fmt.Errorf("%s %s: %w", verb, path, err)
}
