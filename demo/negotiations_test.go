package demo

import (
	"context"
	"net/http"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/dbtest"
)

// TestManyNegotiations makes many agreements, several at once, under a standing consent, with the records in either
// database: none is lost, none fails. KUAYU_NEGOTIATIONS makes it more of them, and it says how fast they were.
func TestManyNegotiations(t *testing.T) {
	many, atOnce := 24, 8
	if n, err := strconv.Atoi(os.Getenv("KUAYU_NEGOTIATIONS")); err == nil {
		many = n
	}
	t.Run("sqlite", func(t *testing.T) { newFixture(t, Settings{}).negotiations(many, atOnce) })
	t.Run("postgres", func(t *testing.T) {
		dsn := map[string]string{}
		for _, p := range places(3) {
			dsn[p.ID] = dbtest.Postgres(t)
		}
		newFixture(t, Settings{Database: func(place string) string { return dsn[place] }}).negotiations(many, atOnce)
	})
}

func (f *fixture) negotiations(many, atOnce int) {
	f.t.Helper()
	a := f.application()
	a.Filter, a.ValidUntil = nil, f.c.Clock.Now().AddDate(0, 0, 7)
	f.call(f.as("zhejiang", "head-zj"), http.MethodPost, "/api/v1/standing-consents", agreement.Standing{
		Resource: a.Resource, Fields: a.Fields, Modes: a.Modes, MaxDays: 30, ValidUntil: f.c.Clock.Now().AddDate(0, 1, 0),
	}, nil)
	officer, head := f.as("shanghai", "officer-sh"), f.as("shanghai", "head-sh")
	mine := f.c.Node("shanghai").Agreements
	one := func() (time.Duration, error) {
		var n agreement.Negotiation
		if err := officer.Call(f.ctx, http.MethodPost, "/api/v1/applications", a, &n); err != nil {
			return 0, err
		}
		ctx, cancel := context.WithTimeout(f.ctx, time.Minute)
		defer cancel()
		begun := time.Now()
		if err := head.Call(ctx, http.MethodPost, "/api/v1/applications/"+n.ID+"/consent", nil, nil); err != nil {
			return 0, err
		}
		for {
			got, err := mine.Get(ctx, db.System("test"), n.ID)
			if err != nil || got.State == agreement.Active {
				return time.Since(begun), err
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
	var mu sync.Mutex
	var took []time.Duration
	var wg sync.WaitGroup
	begun := time.Now()
	for i := range atOnce {
		wg.Go(func() {
			for range (many + atOnce - 1 - i) / atOnce {
				d, err := one()
				if err != nil {
					f.t.Error(err)
					return
				}
				mu.Lock()
				took = append(took, d)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if len(took) != many {
		f.t.Fatalf("%d of %d are in force", len(took), many)
	}
	slices.Sort(took)
	f.t.Logf("%d negotiations, %d at once: %.1f a second, p50 %v, p99 %v", many, atOnce, float64(many)/time.Since(begun).Seconds(), took[many/2].Round(time.Millisecond), took[many*99/100].Round(time.Millisecond))
	for _, place := range []string{"zhejiang", "shanghai"} {
		if dead, err := f.c.Node(place).Queue.Dead(f.ctx); err != nil || len(dead) > 0 {
			f.t.Errorf("%s: dead jobs %+v %v", place, dead, err)
		}
	}
}
