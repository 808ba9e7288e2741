package gateway

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/internal/clock"
	"github.com/kuayu/kuayu/support/policy"
)

func dayOf(t time.Time) string { return t.In(clock.China()).Format(time.DateOnly) }

// dayStart is the midnight at which the day of quotas that a moment lies in began.
func dayStart(t time.Time) time.Time {
	y, m, d := t.In(clock.China()).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, clock.China())
}

// meter counts an agreement's use of today. It is a projection of evidence: after a restart it is read from there, once;
// from then on it is the running sum, kept until the day is over.
type meter struct {
	quota policy.Quota
	limit *rate.Limiter
	hash  string // of the agreement whose bounds these are

	mu       sync.Mutex
	day      string
	calls    int64
	rows     int64
	subjects map[string]*budget // by keyed digest of the subject
	misses   map[string]bool    // subjects that were asked about in vain
}

// budget is what verifications asked about one subject today.
type budget struct {
	calls   int64
	guesses map[string]bool // keyed digests
}

// meterOf returns the one meter of an agreement.
func (g *Gateway) meterOf(ctx context.Context, f *agreement.InForce) (*meter, error) {
	g.mu.Lock()
	m := g.meters[f.ID]
	g.mu.Unlock()
	if m == nil {
		made, err := g.newMeter(ctx, f)
		if err != nil {
			return nil, err
		}
		g.mu.Lock()
		if m = g.meters[f.ID]; m == nil { // somebody may have been faster
			m = made
			g.meters[f.ID] = m
		}
		g.mu.Unlock()
	}
	m.under(f.Hash, f.Terms.Quota)
	return m, nil
}

// newMeter reads what was used today before this process began: Restore has seen to it that the index holds that. What
// it answered itself since then is in the meter it had, so nobody waits for the index to catch up.
func (g *Gateway) newMeter(ctx context.Context, f *agreement.InForce) (*meter, error) {
	now := g.clock.Now()
	m := &meter{}
	m.turn(now)
	var err error
	m.calls, m.rows, err = g.index.Usage(ctx, f.ID, factServe, dayStart(now).UnixMicro())
	return m, err
}

// under sets the bounds of an agreement, as amended.
func (m *meter) under(hash string, q policy.Quota) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.hash == hash {
		return
	}
	m.hash, m.quota, m.limit = hash, q, nil
	if n := q.CallsPerSecond; n > 0 {
		m.limit = rate.NewLimiter(rate.Limit(n), int(max(n, 1)))
	}
}

// over reports whether it counted another day than this one.
func (m *meter) over(day string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.day != day
}

// turn begins a new day when it is one. The lock is held.
func (m *meter) turn(now time.Time) {
	if day := dayOf(now); day != m.day {
		m.day, m.calls, m.rows, m.subjects, m.misses = day, 0, 0, map[string]*budget{}, map[string]bool{}
	}
}

// Bounds of guessing by verification.
const (
	defaultVerifyPerDay = 20      // of one subject, where the agreement says nothing
	missesPerSubject    = 10      // times that: subjects of an agreement that may be asked about in vain a day
	meteredSubjects     = 1 << 16 // held in memory; beyond, they are read from evidence again
)

// take reserves one call, or refuses. Rows are booked by done.
func (m *meter) take(now time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.reserve(now)
}

// reserve is called with the lock held.
func (m *meter) reserve(now time.Time) error {
	m.turn(now)
	if q := m.quota.CallsPerDay; q > 0 && m.calls >= q {
		return ErrQuota.With("calls per day", "每日调用次数")
	}
	if q := m.quota.RowsPerDay; q > 0 && m.rows >= q {
		return ErrQuota.With("rows per day", "每日数据条数")
	}
	if m.limit != nil && !m.limit.AllowN(now, 1) {
		return ErrRate.With()
	}
	m.calls++
	return nil
}

// asked is what one verification asks: about each subject, which guesses.
type asked struct {
	of      string              // the subject that it names first
	guesses map[string][]string // by keyed digest of the subject
}

// verify reserves one verification, or refuses. It counts for each subject both calls and different guesses, and for
// the agreement the subjects that were not there or of whom nothing held: whoever turns a guess into the subject pays
// from the same purse. used reads what was asked of a subject today from evidence.
func (m *meter) verify(now time.Time, a *asked, used func(subject string) (*budget, error)) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.turn(now)
	limit := m.quota.VerifyPerSubjectDay
	if limit == 0 {
		limit = defaultVerifyPerDay
	}
	if len(m.subjects) > meteredSubjects {
		m.subjects = map[string]*budget{}
	}
	for s, guesses := range a.guesses {
		b := m.subjects[s]
		if b == nil {
			var err error
			if b, err = used(s); err != nil {
				return err
			}
			m.subjects[s] = b
		}
		fresh := 0
		for _, g := range guesses {
			if !b.guesses[g] {
				fresh++
			}
		}
		if b.calls >= limit || int64(len(b.guesses)+fresh) > limit {
			return ErrQuota.With("verifications of one subject per day", "同一主体每日核验次数")
		}
	}
	if int64(len(m.misses)) >= missesPerSubject*limit && !m.misses[a.of] {
		return ErrQuota.With("verifications in vain per day", "每日核验不符的主体数")
	}
	if err := m.reserve(now); err != nil {
		return err
	}
	for s, guesses := range a.guesses {
		b := m.subjects[s]
		b.calls++
		for _, g := range guesses {
			b.guesses[g] = true
		}
	}
	return nil
}

// missed notes that a verification found nothing that held.
func (m *meter) missed(subject string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.misses[subject] = true
}

func (m *meter) done(rows int64) {
	m.mu.Lock()
	m.rows += rows
	m.mu.Unlock()
}
