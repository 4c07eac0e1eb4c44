package config

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v4"
)

// judged is what an editor says of a file with the schema.
func judged(t *testing.T, schema *jsonschema.Schema, path string) error {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var value any
	if err := yaml.Unmarshal(text, &value); err != nil {
		return err
	}
	plain, err := json.Marshal(value)
	if err != nil {
		return err
	}
	if value, err = jsonschema.UnmarshalJSON(bytes.NewReader(plain)); err != nil {
		t.Fatal(err)
	}
	return schema.Validate(value)
}

func TestSchema(t *testing.T) {
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema()))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("config.schema.json", value); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("config.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	good, err := filepath.Glob("testdata/good/*.yaml")
	if err != nil || len(good) == 0 {
		t.Fatal(good, err)
	}
	for _, path := range good {
		if err := judged(t, schema, path); err != nil {
			t.Errorf("%s is good, and the schema says %v", path, err)
		}
	}
	// A sample of what an editor can see.
	for _, name := range []string{"cluster-name-absent", "compression-gzip", "defrag-ratio-one", "duration-months", "duration-negative", "duration-bare-number", "gcs-region",
		"keep-last-zero", "keep-daily-negative", "log-level", "root-is-text", "size-decimal", "size-word", "stores-absent", "stores-empty", "type-bool-quoted"} {
		if err := judged(t, schema, "testdata/wrong/"+name+".yaml"); err == nil {
			t.Errorf("%s is wrong, and the schema does not see it", name)
		}
	}
}
