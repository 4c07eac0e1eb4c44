package signals

import (
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// TestSameSignal takes one signal that came twice for one.
func TestSameSignal(t *testing.T) {
	for after, want := range map[time.Duration]bool{0: false, SameSignal / 2: false, SameSignal: true, time.Hour: true} {
		synctest.Test(t, func(t *testing.T) {
			signals, stopped, cancelled, twice := make(chan os.Signal), make(chan struct{}), 0, make(chan bool, 1)
			go func() { twice <- awaitTwice(signals, stopped, func() { cancelled++ }) }()
			signals <- os.Interrupt
			time.Sleep(after)
			signals <- os.Interrupt
			synctest.Wait()
			if !want {
				close(stopped)
			}
			if got := <-twice; got != want || cancelled != 1 {
				t.Errorf("another signal %s later ends the process: %t; the context was ended %d times", after, got, cancelled)
			}
		})
	}
}
