package evidence

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/disk/crashdisk"
	"github.com/kuayu/kuayu/support/seal"
)

// filled is an index over a log of many exchanges, none of them projected, on two databases like a node's own.
func filled(t testing.TB, many int) *Index {
	t.Helper()
	records, err := db.Open(t.Context(), filepath.Join(t.TempDir(), "records.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = records.Close() })
	d, err := db.OpenDerived(t.Context(), records, "", filepath.Join(t.TempDir(), "index.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	if err := MigrateIndex(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	l, stop := running(t, crashdisk.New(), "/e", testKey(t))
	t.Cleanup(func() { _ = stop() })
	const atOnce = 64
	var wg sync.WaitGroup
	for w := range atOnce {
		wg.Go(func() {
			for i := w; i < many; i += atOnce {
				h := Header{To: "zhejiang", ToDept: "q", Agreement: fmt.Sprint("agreement-", i%50), Rows: 1, Bytes: 1024, Took: int64(900 + i%400), Outcome: "ok", Subjects: []string{fmt.Sprint("s", i)}}
				d := Draft{Kind: "query.close", ID: fmt.Sprintf("01a22f99-a4cd-7137-b654-%012d", i), Time: time.Now(), Actor: seal.Actor{Department: "d", Officer: "o"}, Header: h.Encode()}
				if _, err := l.Seal(context.WithoutCancel(t.Context()), d); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	return NewIndex(d, l, []byte("key"))
}

// TestProjectionOfMany: many facts go into the index completely, and while they are not there it is known how many lag.
func TestProjectionOfMany(t *testing.T) {
	const many = 6000
	x := filled(t, many)
	if lag, err := x.Behind(t.Context()); err != nil || lag.Batches != x.log.Durable() || lag.For <= 0 {
		t.Errorf("nothing is projected: %+v %v", lag, err)
	}
	begun := time.Now()
	n, err := x.Project(t.Context())
	if err != nil || n != many {
		t.Fatalf("%d of %d facts: %v", n, many, err)
	}
	t.Logf("%.0f facts a second", float64(many)/time.Since(begun).Seconds())
	if lag, err := x.Behind(t.Context()); err != nil || lag != (Lag{}) {
		t.Errorf("everything is projected: %+v %v", lag, err)
	}
}

// TestYielding: the further behind, the more of a core the projection takes.
func TestYielding(t *testing.T) {
	for behind, want := range map[time.Duration]float64{-time.Second: 19, 0: 19, 10 * time.Second: 19, 19 * time.Second: 10, 95 * time.Second: 2, time.Hour: 1} {
		if got := yielding(behind); got != want {
			t.Errorf("%v behind: %v", behind, got)
		}
	}
}
