package extract

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"github.com/etcdward/etcdward/agent/extract/notation"
)

// Names in the folder of an extraction. An unfinished part has the ending part.
const (
	objectsName = "objects"
	IndexName   = "index.jsonl"
	part        = ".partial"
)

// folder is the folder that an extraction writes to, readable for its owner alone, since it holds Secrets.
type folder struct {
	path  string
	made  bool // by this extraction
	begun bool // it may hold files of this extraction
	root  *os.Root
	file  *os.File
	index *bufio.Writer
}

// indexed is one line of the index.
type indexed struct {
	Key string `json:"key"`
	// KeyBase64 is the key if JSON cannot hold it.
	KeyBase64   string `json:"key_base64,omitempty"`
	ModRevision int64  `json:"mod_revision"`
	// File below the folder; "": the object was left out.
	File string `json:"file,omitempty"`
	// Value is the file that holds the bytes as stored, if File does not hold all of them.
	Value      string `json:"value_file,omitempty"`
	Encoding   string `json:"encoding"`
	APIVersion string `json:"api_version,omitempty"`
	Kind       string `json:"kind,omitempty"`
	Namespace  string `json:"namespace,omitempty"`
	Name       string `json:"name,omitempty"`
	Lossy      bool   `json:"lossy,omitempty"`
	Doubtful   bool   `json:"doubtful,omitempty"`
	LeftOut    string `json:"left_out,omitempty"`
	Note       string `json:"note,omitempty"`
}

// occupied is a folder that is not empty.
type occupied struct {
	path  string
	isCut bool
}

func (o occupied) Error() string {
	if o.isCut {
		return o.path + " holds an extraction that was cut off"
	}
	return o.path + " is not empty"
}

// Hint names the way out.
func (o occupied) Hint() string {
	if o.isCut {
		return "rm -r " + shellWord(o.path) + ", then once more"
	}
	return "another folder: one that is empty, or does not exist yet"
}

// shellWord quotes a path for a shell, which takes it for one word, and no program takes it for an option.
func shellWord(path string) string {
	if strings.HasPrefix(path, "-") {
		path = "./" + path
	}
	if strings.ContainsFunc(path, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_@%+=:,./-", r))
	}) {
		return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
	}
	return path
}

// openFolder makes the folder, or takes an empty one.
func openFolder(name string) (*folder, error) {
	f := &folder{path: name}
	err := os.Mkdir(name, 0o700)
	f.made = err == nil
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	if !f.made {
		entries, err := os.ReadDir(name)
		if err != nil {
			return nil, err
		}
		for _, entry := range entries {
			if strings.HasSuffix(entry.Name(), part) {
				return nil, occupied{name, true}
			}
		}
		if len(entries) > 0 {
			return nil, occupied{name, false}
		}
	}
	if f.root, err = os.OpenRoot(name); err == nil {
		if err = f.root.Mkdir(objectsName+part, 0o700); err == nil {
			f.begun = true
			f.file, err = f.root.OpenFile(IndexName+part, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		}
	}
	if err != nil {
		return nil, f.abandon(fmt.Errorf("write %s: %w", name, err))
	}
	f.index = bufio.NewWriter(f.file)
	return f, nil
}

// add writes the files of one key, and its line of the index.
func (f *folder) add(r rendering) error {
	line := indexed{Key: r.key, ModRevision: r.revision, Encoding: r.object.Encoding, APIVersion: r.object.APIVersion, Kind: r.object.Kind,
		Namespace: r.object.Namespace, Name: r.object.Name, LeftOut: r.LeftOut, Doubtful: r.Doubtful, Note: r.note()}
	if !utf8.ValidString(r.key) {
		line.KeyBase64 = base64.StdEncoding.EncodeToString([]byte(r.key))
	}
	var err error
	if r.text != nil && r.LeftOut == "" {
		line.Lossy = r.value != nil
		if line.File, err = f.write(r.Step, r.key, r.end, r.text); err != nil {
			return err
		}
	}
	if r.value != nil && r.LeftOut == "" {
		end := endBinary
		if notation.Printable(r.value) {
			end = endText
		}
		name, err := f.write(r.Step, r.key, end, r.value)
		if err != nil {
			return err
		}
		if r.text == nil {
			line.File = name
		} else {
			line.Value = name
		}
	}
	text, err := json.Marshal(line)
	if err != nil {
		return fmt.Errorf("index %q: %w", r.key, err)
	}
	if _, err := f.index.Write(append(notation.Visible(text), '\n')); err != nil {
		return fmt.Errorf("write %s: %w", IndexName, err)
	}
	return nil
}

// write makes one file below the folder of a step, "" for none, and never changes a file that is there.
func (f *folder) write(step, key, end string, content []byte) (string, error) {
	name := path.Join(step, place(key)+end)
	err := f.create(name, content)
	if errors.Is(err, fs.ErrExist) { // a file system that does not tell Name from name
		name = path.Join(step, elsewhere(key)+end)
		err = f.create(name, content)
	}
	if err != nil {
		return "", fmt.Errorf("write %s: %w", f.path, err)
	}
	return objectsName + "/" + name, nil
}

func (f *folder) create(name string, content []byte) error {
	name = objectsName + part + "/" + name
	if err := f.root.MkdirAll(path.Dir(name), 0o700); err != nil {
		return err
	}
	file, err := f.root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	return errors.Join(err, file.Close())
}

// commit gives everything its final name, the index last.
func (f *folder) commit() error {
	err := f.index.Flush()
	if err == nil {
		err = unix.Syncfs(int(f.file.Fd())) // all files at once
	}
	for _, name := range []string{objectsName, IndexName} {
		if err == nil {
			err = f.root.Rename(name+part, name)
		}
	}
	if err == nil {
		err = unix.Syncfs(int(f.file.Fd()))
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", f.path, err)
	}
	return errors.Join(f.file.Close(), f.root.Close())
}

// abandon removes what was written, and adds to the cause what could not be removed.
func (f *folder) abandon(cause error) error {
	var left []error
	if f.file != nil {
		_ = f.file.Close() // it is removed
	}
	if f.begun {
		for _, name := range []string{IndexName + part, objectsName + part, IndexName, objectsName} {
			left = append(left, f.root.RemoveAll(name))
		}
	}
	if f.root != nil {
		_ = f.root.Close() // nothing is written through it
	}
	if f.made {
		left = append(left, os.Remove(f.path))
	}
	for _, err := range left {
		if err != nil { // the others failed for the same reason
			return fmt.Errorf("%w; what was written is left there: %w", cause, err)
		}
	}
	return cause
}
