package snapshot

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// DecodeJSON reads JSON from a store into v. Its errors name the fields of the text, and not the types of this program.
func DecodeJSON(body []byte, v any) error {
	err := json.Unmarshal(body, v)
	var wrong *json.UnmarshalTypeError
	switch {
	case !errors.As(err, &wrong):
		return err
	case wrong.Field == "":
		return fmt.Errorf("a JSON %.20s in the place of an object", wrong.Value)
	}
	// The name of an embedded struct does not appear in the text.
	field := strings.TrimPrefix(wrong.Field, "Facts.")
	return fmt.Errorf("field %.40s: a JSON %.20s does not belong there", field, wrong.Value)
}
