package schedule

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// longestEvery refuses an "@every" that would mean "practically never".
const longestEvery = 366 * 24 * time.Hour

// every is due at the multiples of its seconds since the Unix epoch. Because of this fixed anchor a restart
// does not shift it.
type every struct {
	seconds int64
}

func (e every) next(after time.Time) time.Time {
	past := after.Unix() % e.seconds
	if past < 0 {
		past += e.seconds
	}
	return time.Unix(after.Unix()-past+e.seconds, 0).UTC()
}

func parseEvery(text string) (every, error) {
	d, err := time.ParseDuration(strings.TrimSpace(text))
	switch {
	case err != nil:
		return every{}, fmt.Errorf("%q is not a duration; write hours and minutes, such as @every 6h or @every 1h30m", text)
	case d < time.Minute:
		return every{}, errors.New("@every takes one minute or more")
	case d%time.Minute != 0:
		return every{}, errors.New("@every takes whole minutes")
	case d > longestEvery:
		return every{}, errors.New("@every takes 8784h (366 days) or less")
	}
	return every{seconds: int64(d / time.Second)}, nil
}
