package snapshot

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// DecodeJSON reads what a store holds into v. Its errors speak of the fields of the text, and not of this program's types.
func DecodeJSON(body []byte, v any) error {
	err := json.Unmarshal(body, v)
	var wrong *json.UnmarshalTypeError
	switch {
	case !errors.As(err, &wrong):
		return err
	case wrong.Field == "":
		return fmt.Errorf("a JSON %.20s in the place of an object", wrong.Value)
	}
	// An embedded struct is no part of the text.
	field := strings.TrimPrefix(wrong.Field, "Facts.")
	return fmt.Errorf("field %.40s: a JSON %.20s does not belong there", field, wrong.Value)
}
