package daemon

import (
	"sync"
	"time"
)

// pulse decides whether the watchdog hears that the daemon works. It does if its loop turns, or if the run under way
// is within its limit.
type pulse struct {
	mu      sync.Mutex
	turned  time.Time
	running map[string]time.Time // the time until which each may run
}

const (
	// silence is how long an idle loop may take between two turns.
	silence = 5 * time.Minute
	// overrun is how long after its limit a run may still take to notice that it was cut off.
	overrun = 2 * time.Minute
)

func newPulse() *pulse { return &pulse{turned: time.Now(), running: map[string]time.Time{}} }

// seen is called as the loop turns.
func (p *pulse) seen() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.turned = time.Now()
}

// begun records a run and its limit; 0 means no limit.
func (p *pulse) begun(job string, limit time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	end := time.Time{}
	if limit > 0 {
		end = time.Now().Add(limit + overrun)
	}
	p.running[job] = end
}

func (p *pulse) ended(job string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.running, job)
	p.turned = time.Now()
}

// alive reports whether the watchdog should be pinged.
func (p *pulse) alive() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	for _, end := range p.running {
		if !end.IsZero() && now.After(end) {
			return false
		}
	}
	return len(p.running) > 0 || now.Sub(p.turned) < silence
}
