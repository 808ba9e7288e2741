package identity

import (
	"sync"
	"time"
)

// Failed attempts to sign in are bounded: from an address, and for an actor from all addresses. Nobody is locked out by it:
// an assertion that verifies is taken however many others failed. What is bounded is the work and the rows that failures
// cost; all attempts from an address are bounded, too, far above what its users need.
const (
	failBurst    = 20              // failures at once, per actor and per address
	failEvery    = 3 * time.Second // then one in
	tryBurst     = 600             // attempts at once, per address
	tryEvery     = 20 * time.Millisecond
	maxThrottled = 10_000 // actors and addresses kept in mind
)

// throttle holds token buckets by key.
type throttle struct {
	burst int
	every time.Duration

	mu   sync.Mutex
	full map[string]time.Time // when a bucket is full again
}

func newThrottle(burst int, every time.Duration) *throttle {
	return &throttle{burst: burst, every: every, full: map[string]time.Time{}}
}

// take takes one token; if there is none, it says after how long there is.
func (t *throttle) take(key string, now time.Time) (wait time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.full) > maxThrottled {
		for k, at := range t.full {
			if !at.After(now) {
				delete(t.full, k)
			}
		}
		if len(t.full) > maxThrottled { // many keys at once: those are not one caller's
			t.full = map[string]time.Time{}
		}
	}
	capacity := time.Duration(t.burst) * t.every
	at := t.full[key]
	if at.Before(now) || at.Sub(now) > capacity { // full, or a clock that was set back
		at = now
	}
	if at = at.Add(t.every); at.Sub(now) > capacity {
		return at.Sub(now) - capacity
	}
	t.full[key] = at
	return 0
}
