package gateway

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/support/policy"
)

// meter counts an agreement's use of today. It is a projection of evidence: after a restart it is read from there.
type meter struct {
	quota policy.Quota
	limit *rate.Limiter

	mu       sync.Mutex
	day      string
	calls    int64
	rows     int64
	subjects map[string]int64
}

func (g *Gateway) newMeter(ctx context.Context, f *agreement.InForce) (*meter, error) {
	now := g.clock.Now()
	m := &meter{quota: f.Terms.Quota, day: now.Format(time.DateOnly), subjects: map[string]int64{}}
	if n := f.Terms.Quota.CallsPerSecond; n > 0 {
		m.limit = rate.NewLimiter(rate.Limit(n), int(max(n, 1)))
	}
	if _, err := g.index.Project(ctx); err != nil {
		return nil, err
	}
	var err error
	m.calls, m.rows, err = g.index.Usage(ctx, f.ID, factServe, now.Truncate(24*time.Hour).UnixMicro())
	return m, err
}

// defaultVerifyPerDay bounds guessing by verification where the agreement says nothing.
const defaultVerifyPerDay = 20

// take reserves one call, or refuses. Rows are booked by done. Verifications are counted per subject and day.
func (m *meter) take(now time.Time, mode policy.Mode, subject string, used func() (int64, error)) error {
	if m.limit != nil && !m.limit.AllowN(now, 1) {
		return ErrRate.With()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if day := now.Format(time.DateOnly); day != m.day {
		m.day, m.calls, m.rows, m.subjects = day, 0, 0, map[string]int64{}
	}
	if q := m.quota.CallsPerDay; q > 0 && m.calls >= q {
		return ErrQuota.With("calls per day", "每日调用次数")
	}
	if q := m.quota.RowsPerDay; q > 0 && m.rows >= q {
		return ErrQuota.With("rows per day", "每日数据条数")
	}
	if mode == policy.ModeVerify {
		n, ok := m.subjects[subject]
		if !ok {
			var err error
			if n, err = used(); err != nil {
				return err
			}
		}
		limit := m.quota.VerifyPerSubjectDay
		if limit == 0 {
			limit = defaultVerifyPerDay
		}
		if n >= limit {
			return ErrQuota.With("verifications of one subject per day", "同一主体每日核验次数")
		}
		m.subjects[subject] = n + 1
	}
	m.calls++
	return nil
}

func (m *meter) done(rows int64) {
	m.mu.Lock()
	m.rows += rows
	m.mu.Unlock()
}
