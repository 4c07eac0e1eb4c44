package gcs

import (
	"bytes"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"google.golang.org/api/option"

	"github.com/etcdward/etcdward/storage"
)

// credentialsType returns what kind of credentials a file says that it holds.
func credentialsType(path string) (option.CredentialsType, error) {
	content, err := os.ReadFile(path)
	kind, cause := typeOf(path, content, err)
	if cause != nil {
		cause.Kind = storage.ErrSetup
		return "", cause
	}
	return kind, nil
}

func typeOf(path string, content []byte, err error) (option.CredentialsType, *storage.Cause) {
	text := bytes.TrimSpace(content)
	switch {
	case errors.Is(err, fs.ErrNotExist): // which must not pass for a missing object
		return "", &storage.Cause{Says: "there is no such file", Try: "write it, or correct credentials_file of the store; a path has to begin with /"}
	case errors.Is(err, fs.ErrPermission):
		return "", &storage.Cause{Says: "this user may not read it", Try: "let etcdward setup hand it over, or: chown etcdward: " + path + " && chmod 0400 " + path, Err: fs.ErrPermission}
	case err != nil:
		return "", &storage.Cause{Says: "it cannot be read", Try: "give a plain file"}
	case len(text) == 0:
		return "", &storage.Cause{Says: "the file is empty", Try: tryFile}
	case bytes.HasPrefix(content, []byte("\xef\xbb\xbf")):
		return "", &storage.Cause{Says: "the file begins with a byte order mark", Try: `save it as UTF-8 without one: sed -i '1s/^\xEF\xBB\xBF//' ` + path}
	case bytes.HasPrefix(text, []byte("[")):
		return "", &storage.Cause{Says: "the file has sections as one for S3 has", Try: "that belongs to a store of kind s3; here, " + tryFile}
	case bytes.HasPrefix(text, []byte("-----BEGIN")), content[0] == 0x30:
		return "", &storage.Cause{Says: "the file is a bare key, or a PKCS #12 file", Try: tryFile}
	}
	var file struct {
		Type       option.CredentialsType `json:"type"`
		PrivateKey string                 `json:"private_key"`
		Installed  any                    `json:"installed"`
		Web        any                    `json:"web"`
	}
	err = json.Unmarshal(content, &file)
	switch {
	case err != nil:
		return "", &storage.Cause{Says: "it is no JSON, or not all of it", Try: tryFile, Err: errors.New(storage.Printable(err.Error(), 200))}
	case file.Installed != nil || file.Web != nil:
		return "", &storage.Cause{Says: "it is the id of an application, and no key of an account", Try: tryFile}
	case file.Type == "":
		return "", &storage.Cause{Says: "it names no type", Try: tryFile}
	case file.Type == option.ServiceAccount:
		return file.Type, keyCause(file.PrivateKey)
	}
	return file.Type, nil
}

// keyCause is what is wrong with the private key of a service account. nil: nothing that can be seen.
func keyCause(key string) *storage.Cause {
	block, _ := pem.Decode([]byte(key))
	switch {
	case block == nil:
		return &storage.Cause{Says: "its private_key is no key, or was cut", Try: tryFile}
	case strings.Contains(block.Type, "ENCRYPTED") || block.Headers["DEK-Info"] != "":
		return &storage.Cause{Says: fmt.Sprintf("its private_key is encrypted (%s)", storage.Printable(block.Type, 40)), Try: "etcdward knows no password for it: " + tryFile}
	}
	return nil
}
