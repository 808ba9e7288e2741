package evidence

import (
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/dbtest"
	"github.com/kuayu/kuayu/internal/disk/crashdisk"
	"github.com/kuayu/kuayu/support/seal"
)

// TestTalliesCountOnce: however many projections run at once, and however often one act was sealed, each act counts once;
// lists go on where the page before ended, and a department counts and lists its own alone.
func TestTalliesCountOnce(t *testing.T) {
	for name, dsn := range map[string]func(*testing.T) string{
		"sqlite":   func(t *testing.T) string { return filepath.Join(t.TempDir(), "index.db") },
		"postgres": func(t *testing.T) string { return dbtest.Postgres(t) },
	} {
		t.Run(name, func(t *testing.T) {
			d, err := db.Open(t.Context(), dsn(t))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = d.Close() }()
			if err := MigrateIndex(t.Context(), d); err != nil {
				t.Fatal(err)
			}
			l, stop := running(t, crashdisk.New(), "/e", testKey(t))
			defer func() { _ = stop() }()
			x := NewIndex(d, l, []byte("key"))
			base := time.Date(2026, 11, 25, 8, 0, 0, 0, time.UTC)
			const acts = 300
			for i := range acts {
				h := Header{To: "zhejiang", ToDept: "other", Agreement: fmt.Sprint("a", i%3), Outcome: "ok", Rows: 2, Purpose: "p", Took: 1000}
				if i%10 == 0 {
					h.Outcome, h.Rows = "gateway.quota", 0
				}
				draft := Draft{Kind: "query.close", ID: fmt.Sprint("q", i), Time: base.Add(time.Duration(i) * time.Minute), Actor: seal.Actor{Department: []string{"d", "e"}[i%2]}, Header: h.Encode()}
				for range 1 + i%2 { // every second one is sealed twice
					if _, err := l.Seal(t.Context(), draft); err != nil {
						t.Fatal(err)
					}
				}
			}
			var all sync.WaitGroup
			for range 4 {
				all.Go(func() {
					if _, err := x.Project(t.Context()); err != nil {
						t.Error(err)
					}
				})
			}
			all.Wait()
			for scope, want := range map[string]int64{"": acts, "d": acts / 2, "other": acts, "stranger": 0} {
				sc := db.System("test")
				if scope != "" {
					sc = db.In("330000", scope, "officer")
				}
				ts, err := x.Tallies(t.Context(), sc, TallyQuery{Kinds: []string{"query.close"}, Since: base})
				if err != nil {
					t.Fatal(err)
				}
				calls, rows, hours := int64(0), int64(0), map[int64]bool{}
				for i := range ts {
					calls, rows, hours[ts[i].Hour] = calls+ts[i].Calls, rows+ts[i].Rows, true
					if d := ts[i].Took(); d < 900*time.Microsecond || d > 1100*time.Microsecond {
						t.Errorf("a millisecond was kept as %v", d)
					}
				}
				if calls != want || (want == acts && (rows != 2*acts*9/10 || len(hours) != 5)) {
					t.Errorf("%q: %d calls, %d rows in %d hours", scope, calls, rows, len(hours))
				}
				us, err := x.Uses(t.Context(), sc, UseQuery{Since: base})
				calls = 0
				for _, u := range us {
					calls += u.Calls
				}
				if err != nil || calls != want {
					t.Errorf("%q: %d uses (%v)", scope, calls, err)
				}
				ms, err := x.TalliesByMember(t.Context(), sc, TallyQuery{Kinds: []string{"query.close"}, Since: base})
				var ok int64
				calls = 0
				for _, m := range ms {
					calls, ok = calls+m.Calls, ok+m.OK
				}
				if err != nil || calls != want || (want == acts && ok != acts*9/10) {
					t.Errorf("%q: %d by member, %d well (%v)", scope, calls, ok, err)
				}
				for _, q := range []Query{{Failed: true, Limit: 500}, {Outcome: "gateway.quota", Kinds: []string{"query.close"}, Limit: 500}} {
					es, err := x.Find(t.Context(), sc, q)
					if err != nil || int64(len(es)) != min(want, acts/10) {
						t.Errorf("%q: %d failures (%v)", scope, len(es), err)
					}
				}
				seen, after := map[string]bool{}, ""
				for {
					es, err := x.Find(t.Context(), sc, Query{After: after, Limit: 70})
					if err != nil {
						t.Fatal(err)
					}
					for i := range es {
						if seen[es[i].ID] {
							t.Fatalf("%s is on two pages", es[i].ID)
						}
						seen[es[i].ID] = true
					}
					if len(es) < 70 {
						break
					}
					after = es[len(es)-1].Place()
				}
				if int64(len(seen)) != want {
					t.Errorf("%q: %d facts listed", scope, len(seen))
				}
			}
			one, err := x.Uses(t.Context(), db.System("test"), UseQuery{Agreement: "a1"})
			if err != nil || len(one) != 2 || one[0].Purpose != "p" || one[0].Calls+one[1].Calls != acts/3 {
				t.Errorf("of one agreement: %+v %v", one, err)
			}
			failed, err := x.Find(t.Context(), db.System("test"), Query{Failed: true, Limit: 500})
			if err != nil || len(failed) != acts/10 {
				t.Errorf("%d failures (%v)", len(failed), err)
			}
			if _, err := x.Find(t.Context(), db.System("test"), Query{After: "x"}); err == nil {
				t.Error("a bad cursor was taken")
			}
		})
	}
}

// TestWays: a way drawn from a receipt has every hash on the side on which RFC 6962 puts it: hashing it up leads to the root.
func TestWays(t *testing.T) {
	suite := seal.Ed25519SHA256
	for n := 1; n <= 40; n++ {
		leaves := make([]seal.Hash, n)
		for i := range leaves {
			leaves[i] = suite.Object([]byte{byte(i)})
		}
		tree := seal.NewTree(suite, leaves)
		for i := range n {
			var path [][]byte
			for _, h := range tree.Path(i) {
				path = append(path, h[:])
			}
			root := tree.Root()
			w := way(leaves[i][:], root[:], path, uint64(i), uint64(n))
			at, size, left := i, n, 0
			for size > 1 {
				if at^1 < size {
					if w.Siblings[left].Left != (at&1 == 1) {
						t.Fatalf("leaf %d of %d: sibling %d is on the wrong side", i, n, left)
					}
					left++
				}
				at, size = at/2, (size+1)/2
			}
			if left != len(w.Siblings) {
				t.Fatalf("leaf %d of %d: %d siblings", i, n, len(w.Siblings))
			}
		}
	}
}
