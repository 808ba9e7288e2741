package gateway

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/kuayu/kuayu/support/policy"
)

func nobodyAsked(string) (*budget, error) { return &budget{guesses: map[string]bool{}}, nil }

func newTestMeter(q policy.Quota, now time.Time) *meter {
	m := &meter{quota: q}
	m.turn(now)
	return m
}

// TestGuessesAreCounted: so many different guesses about one subject a day, in one call or many, whichever side of the
// question they stand on; the same question asked again is a call, not another guess.
func TestGuessesAreCounted(t *testing.T) {
	now := time.Date(2026, 12, 1, 4, 0, 0, 0, time.UTC)
	ask := func(m *meter, of string, about map[string][]string) error {
		return m.verify(now, &asked{of: of, guesses: about}, nobodyAsked)
	}
	t.Run("many calls", func(t *testing.T) {
		m := newTestMeter(policy.Quota{}, now)
		for i := range 60 {
			err := ask(m, "zhang", map[string][]string{"zhang": {fmt.Sprint("guess ", i)}})
			if (err != nil) != (i >= defaultVerifyPerDay) || (err != nil && !errors.Is(err, ErrQuota)) {
				t.Fatalf("guess %d: %v", i, err)
			}
		}
	})
	t.Run("many claims of one call", func(t *testing.T) {
		m := newTestMeter(policy.Quota{}, now)
		var guesses []string
		for i := range defaultVerifyPerDay + 1 {
			guesses = append(guesses, fmt.Sprint("guess ", i))
		}
		if err := ask(m, "zhang", map[string][]string{"zhang": guesses}); !errors.Is(err, ErrQuota) {
			t.Errorf("too many guesses in one call: %v", err)
		}
		if err := ask(m, "zhang", map[string][]string{"zhang": guesses[1:]}); err != nil {
			t.Errorf("a refused call was counted: %v", err)
		}
	})
	t.Run("the guess as the subject", func(t *testing.T) {
		m := newTestMeter(policy.Quota{}, now)
		for i := range 60 {
			guess := fmt.Sprint("phone ", i)
			err := ask(m, guess, map[string][]string{guess: {"is zhang"}, "zhang": {guess}})
			if (err != nil) != (i >= defaultVerifyPerDay) {
				t.Fatalf("guess %d: %v", i, err)
			}
		}
	})
	t.Run("subjects in vain", func(t *testing.T) {
		m := newTestMeter(policy.Quota{}, now)
		for i := range 1000 {
			guess := fmt.Sprint("phone ", i)
			err := ask(m, guess, map[string][]string{guess: {"lives here"}})
			if (err != nil) != (i >= missesPerSubject*defaultVerifyPerDay) {
				t.Fatalf("guess %d: %v", i, err)
			}
			if err == nil {
				m.missed(guess)
			}
		}
	})
	t.Run("after a restart", func(t *testing.T) {
		m := newTestMeter(policy.Quota{VerifyPerSubjectDay: 2}, now)
		had := func(string) (*budget, error) { return &budget{calls: 1, guesses: map[string]bool{"a": true}}, nil }
		for i, want := range []bool{true, false} {
			err := m.verify(now, &asked{of: "zhang", guesses: map[string][]string{"zhang": {"b"}}}, had)
			if (err == nil) != want {
				t.Errorf("call %d: %v", i, err)
			}
		}
	})
}

// TestDaysEndAtMidnightInBeijing, not at eight in the morning.
func TestDaysEndAtMidnightInBeijing(t *testing.T) {
	evening := time.Date(2026, 12, 1, 15, 59, 59, 0, time.UTC) // 23:59:59 in Beijing
	m := newTestMeter(policy.Quota{CallsPerDay: 1}, evening)
	if err := m.take(evening); err != nil {
		t.Fatal(err)
	}
	if err := m.take(evening); !errors.Is(err, ErrQuota) {
		t.Errorf("a second call that day: %v", err)
	}
	if err := m.take(evening.Add(time.Second)); err != nil {
		t.Errorf("the first call of the next day: %v", err)
	}
	if err := m.take(evening.Add(9 * time.Hour)); !errors.Is(err, ErrQuota) {
		t.Errorf("after midnight of UTC: %v", err)
	}
	if got := dayStart(evening); !got.Equal(time.Date(2026, 11, 30, 16, 0, 0, 0, time.UTC)) {
		t.Errorf("the day began %s", got)
	}
}

// TestClip: what is recorded of a refusal is short, valid, and without control characters, whatever was asked.
func TestClip(t *testing.T) {
	long := ""
	for range 100 {
		long += "用途"
	}
	for in, want := range map[string]string{"service": "service", "a\x00b\nc": "abc", "a\xffb": "ab", long: long[:198]} {
		if got := clip(in); got != want {
			t.Errorf("clip(%.20q) = %q", in, got)
		}
	}
}

// TestBoundsChangeCountsStay: an amended agreement has other bounds; what was used today is used.
func TestBoundsChangeCountsStay(t *testing.T) {
	now := time.Date(2026, 12, 1, 4, 0, 0, 0, time.UTC)
	m := &meter{}
	m.turn(now)
	m.under("a", policy.Quota{CallsPerDay: 3})
	for range 3 {
		if err := m.take(now); err != nil {
			t.Fatal(err)
		}
	}
	m.under("a", policy.Quota{CallsPerDay: 100}) // the same agreement has the same bounds
	if err := m.take(now); !errors.Is(err, ErrQuota) {
		t.Error("a fourth of three calls:", err)
	}
	m.under("b", policy.Quota{CallsPerDay: 4})
	if err := m.take(now); err != nil {
		t.Error(err)
	}
	if err := m.take(now); !errors.Is(err, ErrQuota) {
		t.Error("a fifth of four calls:", err)
	}
}

// TestUnusedIsForgotten: what is held of an agreement goes when nobody uses it; its count goes with its day.
func TestUnusedIsForgotten(t *testing.T) {
	now := time.Date(2026, 12, 1, 4, 0, 0, 0, time.UTC)
	g := &Gateway{served: map[string]*served{}, meters: map[string]*meter{}}
	for _, id := range []string{"idle", "used"} {
		m := &meter{}
		m.turn(now)
		g.meters[id], g.served[id] = m, &served{checked: now, meter: m}
	}
	later := now.Add(servedIdle)
	g.served["used"].checked = later
	g.sweep(later)
	if len(g.served) != 1 || len(g.meters) != 2 {
		t.Errorf("%d served, %d meters", len(g.served), len(g.meters))
	}
	next := now.Add(24 * time.Hour)
	g.sweep(next)
	if len(g.served) != 0 || len(g.meters) != 0 {
		t.Errorf("%d served, %d meters on the next day", len(g.served), len(g.meters))
	}
}
