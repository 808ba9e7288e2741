package clock

import (
	"testing"
	"time"
)

// A jump of the clock is not followed, time goes on meanwhile, and when the clock is back nothing is left of it.
func TestGuard(t *testing.T) {
	start := time.Date(2026, 11, 25, 8, 0, 0, 0, time.UTC)
	for _, off := range []time.Duration{400 * 24 * time.Hour, -400 * 24 * time.Hour, 49 * time.Hour} {
		wall := NewManual(start)
		var passed time.Duration
		g := NewGuardOf(wall, func() time.Duration { return passed })
		pass := func(d time.Duration) { passed += d; wall.Advance(d) }
		pass(time.Minute)
		wall.Advance(off)
		if now := g.Now(); !now.Equal(start.Add(time.Minute)) || g.Jump() != off {
			t.Errorf("%v: after the jump it is %v, off by %v", off, now, g.Jump())
		}
		pass(3 * time.Hour)
		if now := g.Now(); !now.Equal(start.Add(3*time.Hour + time.Minute)) {
			t.Errorf("%v: time stands still: %v", off, now)
		}
		wall.Advance(-off)
		if now := g.Now(); !now.Equal(start.Add(3*time.Hour+time.Minute)) || g.Jump() != 0 {
			t.Errorf("%v: after the correction it is %v, off by %v", off, now, g.Jump())
		}
		wall.Advance(time.Hour) // a small step is followed, also when it comes again
		if now := g.Now(); !now.Equal(wall.Now()) {
			t.Errorf("%v: a step of an hour is not followed", off)
		}
	}
}
