package evidence

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/dbtest"
	"github.com/kuayu/kuayu/internal/disk/crashdisk"
	"github.com/kuayu/kuayu/support/seal"
)

// TestAnIDUsedTwiceHidesNothing: identifiers of requests are chosen by those who ask. Whoever uses one again for another
// act is found for both, counted twice, and named twice to the person concerned; the same act sealed twice, as after a
// crash between sealing and noting it, counts once.
func TestAnIDUsedTwiceHidesNothing(t *testing.T) {
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
			now := time.Now().Truncate(time.Microsecond)
			act := func(at time.Time, subject, agreement string) {
				t.Helper()
				h := Header{Agreement: agreement, Rows: 1, Subjects: []string{subject}}
				if _, err := l.Seal(t.Context(), Draft{Kind: "query.serve", ID: "chosen", Time: at, Actor: seal.Actor{Department: "d"}, Header: h.Encode()}); err != nil {
					t.Fatal(err)
				}
			}
			act(now, "alice", "a")
			act(now, "alice", "a") // the same, sealed again
			act(now.Add(40*time.Second), "bob", "a")
			if _, err := x.Project(t.Context()); err != nil {
				t.Fatal(err)
			}
			act(now.Add(80*time.Second), "alice", "b") // and in a later projection
			act(now.Add(80*time.Second), "alice", "b")
			if _, err := x.Project(t.Context()); err != nil {
				t.Fatal(err)
			}
			for subject, want := range map[string]int{"alice": 2, "bob": 1} {
				es, err := x.Find(t.Context(), db.System("test"), Query{Subject: subject})
				if err != nil || len(es) != want {
					t.Errorf("%d facts about %s, want %d (%v)", len(es), subject, want, err)
				}
			}
			calls, rows, err := x.Usage(t.Context(), "a", "query.serve", 0)
			if err != nil || calls != 2 || rows != 2 {
				t.Errorf("usage of the agreement: %d calls, %d rows, want 2 (%v)", calls, rows, err)
			}
			r, err := x.Record(t.Context(), db.System("test"), "chosen")
			if err != nil {
				t.Fatal(err)
			}
			if f, err := r.Fact(); err != nil || !f.Time.Equal(now.Add(80*time.Second)) {
				t.Errorf("the record of the id is not the latest: %v %v", fmt.Sprint(f.Time), err)
			}
		})
	}
}
