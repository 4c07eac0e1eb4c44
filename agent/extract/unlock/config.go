package unlock

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"

	"sigs.k8s.io/yaml"
)

// configuration is apiserver.config.k8s.io/v1 EncryptionConfiguration, or its predecessor EncryptionConfig.
type configuration struct {
	Kind      string `json:"kind"`
	Resources []struct {
		Providers []map[string]json.RawMessage `json:"providers"`
	} `json:"resources"`
}

// keyList is the configuration of a provider that has its keys in the file.
type keyList struct {
	Keys []struct {
		Name   string `json:"name"`
		Secret string `json:"secret"`
	} `json:"keys"`
}

// ciphers are the providers whose keys are in the file.
var ciphers = map[string]func([]byte) (func(sealed, etcdKey []byte) ([]byte, error), error){
	"aescbc": newAESCBC, "aesgcm": newAESGCM, "secretbox": newSecretbox,
}

// invalid is a file that is no EncryptionConfiguration.
type invalid struct {
	path  string
	cause error
}

func (i invalid) Error() string { return fmt.Sprintf("read %s: %v", i.path, i.cause) }
func (i invalid) Unwrap() error { return i.cause }

// Hint names the way out.
func (invalid) Hint() string {
	return "the file that kube-apiserver has as --encryption-provider-config"
}

// Load reads an EncryptionConfiguration.
func Load(path string) (*Keys, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err // it names the verb and the file
	}
	keys, err := parse(text)
	if err != nil {
		return nil, invalid{path, err}
	}
	return &Keys{path: path, keys: keys}, nil
}

func parse(text []byte) ([]*Key, error) {
	body, err := yaml.YAMLToJSONStrict(text)
	if err != nil {
		return nil, errors.New("not YAML" + lineOf(err))
	}
	var config configuration
	if err := json.Unmarshal(body, &config); err != nil {
		return nil, errors.New("not an EncryptionConfiguration" + fieldOf(err))
	}
	if config.Kind != "EncryptionConfiguration" && config.Kind != "EncryptionConfig" {
		return nil, fmt.Errorf("not an EncryptionConfiguration: its kind is %.40q", config.Kind)
	}
	var keys []*Key
	for i, resource := range config.Resources {
		for j, providers := range resource.Providers {
			for name, of := range providers {
				found, err := parseProvider(name, of)
				if err != nil {
					return nil, fmt.Errorf("resources[%d].providers[%d]: %w", i, j, err)
				}
				keys = append(keys, found...)
			}
		}
	}
	return keys, nil
}

func parseProvider(name string, of json.RawMessage) ([]*Key, error) {
	if name == "identity" || name == "kms" {
		return nil, nil // identity does not encrypt, and the key of kms is in no file
	}
	newCipher, known := ciphers[name]
	if !known {
		return nil, fmt.Errorf("the provider %.40q is not known", name)
	}
	var list keyList
	if err := json.Unmarshal(of, &list); err != nil {
		return nil, errors.New(name + ": no list of keys" + fieldOf(err))
	}
	var keys []*Key
	for i, key := range list.Keys {
		secret, err := base64.StdEncoding.DecodeString(key.Secret)
		if err != nil {
			return nil, fmt.Errorf("%s.keys[%d].secret: not base64", name, i)
		}
		open, err := newCipher(secret)
		if err != nil {
			return nil, fmt.Errorf("%s.keys[%d].secret: %w", name, i, err)
		}
		keys = append(keys, &Key{provider: name, name: key.Name, open: open})
	}
	return keys, nil
}

var lineNumber = regexp.MustCompile(`line \d+`)

// lineOf returns the line of an error of YAML, and nothing else of it: it may quote a key.
func lineOf(err error) string {
	if line := lineNumber.FindString(err.Error()); line != "" {
		return ": " + line
	}
	return ""
}

// fieldOf returns the field of an error of JSON, and nothing else of it likewise.
func fieldOf(err error) string {
	var of *json.UnmarshalTypeError
	if errors.As(err, &of) && of.Field != "" {
		return ": " + of.Field + " is of another type"
	}
	return ""
}
