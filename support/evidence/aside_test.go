package evidence

import (
	"context"
	"crypto/rand"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/dbtest"
	"github.com/kuayu/kuayu/internal/disk"
	"github.com/kuayu/kuayu/support/seal"
)

// sealRaw seals bytes as a fact past every check, as a version before them would have.
func sealRaw(t *testing.T, l *Log, fact []byte) {
	t.Helper()
	sf := storedFact{fact: fact}
	_, _ = rand.Read(sf.salt[:])
	p, _, err := l.enqueue(sf, l.cfg.Key.Public().Suite.Commit(sf.salt, sf.fact))
	if err != nil {
		t.Fatal(err)
	}
	if <-p.done; p.err != nil {
		t.Fatal(p.err)
	}
}

// TestPoisonIsSetAside: a fact in the log that the index can't take is set aside with its reason. Those before, beside and
// behind it are indexed, once; the next projection goes on; fsck names it and finds nothing wrong with the log.
func TestPoisonIsSetAside(t *testing.T) {
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
			dir := t.TempDir()
			l, stop := running(t, disk.OS{}, dir, testKey(t))
			x := NewIndex(d, l, []byte("key"))
			project := func() {
				t.Helper()
				if _, err := x.Project(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			good := func(id string, h Header) {
				t.Helper()
				h.Agreement, h.Outcome, h.Rows = "a", "ok", 1
				if _, err := l.Seal(t.Context(), Draft{Kind: "query.serve", ID: id, Actor: seal.Actor{Department: "d"}, Header: h.Encode()}); err != nil {
					t.Fatal(err)
				}
			}
			bad := func(f seal.Fact) {
				f.Suite, f.Log, f.Time = l.cfg.Key.Public().Suite, l.cfg.Log, time.Now()
				sealRaw(t, l, f.Encode(nil))
			}
			// What the database alone can object to: a constraint of this test.
			if _, err := d.Read().ExecContext(t.Context(), "CREATE UNIQUE INDEX one_only ON evidence_fact (took) WHERE took = 666"); err != nil {
				t.Fatal(err)
			}
			good("before", Header{})
			bad(seal.Fact{Kind: "query.open", ID: "poison\x00"})
			bad(seal.Fact{Kind: "query.open", ID: "poison\x00"})
			bad(seal.Fact{Kind: "query.open", ID: "\xff\xfe"})
			bad(seal.Fact{Kind: "query.open", ID: "x", Actor: seal.Actor{Department: "d\x00"}})
			bad(seal.Fact{Kind: "query.open", ID: "y", Header: []byte(`{"purpose":"\u0000"}`)})
			bad(seal.Fact{Kind: "query.open", ID: "z", Header: []byte(`no header`)})
			bad(seal.Fact{Kind: "query.open", ID: "w", Header: []byte(`{"agreement":"` + strings.Repeat("x", 8000) + `"}`)})
			sealRaw(t, l, []byte("no fact at all"))
			good("between", Header{Took: 666})
			good("refused by the database", Header{Took: 666})
			good("behind", Header{})
			project()
			project()
			good("later", Header{})
			project()

			if calls, rows, err := x.Usage(t.Context(), "a", "query.serve", 0); err != nil || calls != 4 || rows != 4 {
				t.Errorf("indexed: %d calls, %d rows, want 4 (%v)", calls, rows, err)
			}
			var counted int
			if err := d.Read().NewRaw("SELECT sum(calls) FROM evidence_tally WHERE viewer = 'd'").Scan(t.Context(), &counted); err != nil || counted != 4 {
				t.Errorf("counted: %d, want 4 (%v)", counted, err)
			}
			as, err := x.Asides(t.Context(), 100)
			if err != nil || len(as) != 9 {
				t.Fatalf("set aside: %+v, want 9 (%v)", as, err)
			}
			for _, a := range as {
				if a.Reason == "" || a.Since == 0 || strings.ContainsRune(a.Reason, 0) {
					t.Errorf("set aside without a reason: %+v", a)
				}
			}
			if n, err := x.AsideCount(t.Context()); err != nil || n != 9 {
				t.Errorf("count: %d %v", n, err)
			}

			if err := stop(); err != nil {
				t.Fatal(err)
			}
			r, err := Fsck(context.WithoutCancel(t.Context()), dir, l.Key(), testLog(), noVerifier{})
			if err != nil {
				t.Fatal(err)
			}
			// The constraint is the test's own: fsck knows no database. Bytes that are no fact are a fault of the log.
			if len(r.Aside) != 7 {
				t.Errorf("fsck names %d, want 7: %+v", len(r.Aside), r.Aside)
			}
			if len(r.Findings) != 2 { // no fact at all, and no transparency log beside this one
				t.Errorf("fsck finds %+v", r.Findings)
			}
		})
	}
}

// noVerifier stands for a transparency log that is not there.
type noVerifier struct{ note.Verifier }
