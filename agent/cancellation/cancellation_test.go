package cancellation

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun, why := time.Now(), errors.New("told to stop")
		if err := Wait(t.Context(), time.Hour); err != nil || time.Since(begun) != time.Hour {
			t.Errorf("it waited %s, %v", time.Since(begun), err)
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		go func() {
			<-time.After(time.Minute)
			cancel(why)
		}()
		begun = time.Now()
		if err := Wait(ctx, time.Hour); !errors.Is(err, why) || time.Since(begun) != time.Minute {
			t.Errorf("it waited %s, %v", time.Since(begun), err)
		}
	})
}

func TestReader(t *testing.T) {
	why := errors.New("told to stop")
	ctx, cancel := context.WithCancelCause(t.Context())
	r := Reader(ctx, strings.NewReader("abcdef"))
	first := make([]byte, 3)
	if n, err := r.Read(first); err != nil || string(first[:n]) != "abc" || Cause(ctx) != nil {
		t.Errorf("read %q, %v", first[:n], err)
	}
	cancel(why)
	if rest, err := io.ReadAll(r); !errors.Is(err, why) || len(rest) > 0 || !errors.Is(Cause(ctx), why) {
		t.Errorf("after its end read %q, %v", rest, err)
	}
}
