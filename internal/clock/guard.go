package clock

import (
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Plausible is how far a clock may move against the time that has really passed. Beyond it, somebody or something has set
// the clock wrong: what would be done by that time (agreements that expire, deadlines that run out) is done for good.
const Plausible = 48 * time.Hour

// Guard is a clock that does not follow a jump that can't be: it goes on from where it was, by the time that has passed,
// until the clock below is back. It can't know which of two times is right when a program starts; whoever finds the new
// time right starts the program again.
type Guard struct {
	wall   Clock
	passed func() time.Duration // since some moment, whatever happens to the clock

	mu   sync.Mutex
	base time.Time     // the wall clock's time when it was last believed
	at   time.Duration // passed by then
	jump time.Duration // by how much the wall clock is off; 0: it is believed
}

// NewGuard guards the machine's clock.
func NewGuard() *Guard { return NewGuardOf(System{}, sinceBoot) }

// sinceBoot counts the time that the machine slept, too; Go's own monotonic clock does not.
func sinceBoot() time.Duration {
	var t unix.Timespec
	if unix.ClockGettime(unix.CLOCK_BOOTTIME, &t) != nil {
		return 0 // no Linux without it since 2.6.39
	}
	return time.Duration(t.Nano())
}

// NewGuardOf guards a clock by what says how much time has passed.
func NewGuardOf(wall Clock, passed func() time.Duration) *Guard {
	return &Guard{wall: wall, passed: passed, base: wall.Now(), at: passed()}
}

// Now is the time of the clock below, or, after a jump of it, the time that it must be.
func (g *Guard) Now() time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	now, passed := g.wall.Now(), g.passed()
	must := g.base.Add(passed - g.at)
	if off := now.Sub(must); off > Plausible || off < -Plausible {
		g.jump = off
		return must
	}
	g.base, g.at, g.jump = now, passed, 0
	return now
}

// Jump is by how much the clock below is off; 0 if it is believed.
func (g *Guard) Jump() time.Duration {
	_ = g.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.jump
}
