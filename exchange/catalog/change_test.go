package catalog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"

	"github.com/kuayu/kuayu/internal/clock"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/dbtest"
	"github.com/kuayu/kuayu/internal/queue"
	"github.com/kuayu/kuayu/support/evidence"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/policy"
	"github.com/kuayu/kuayu/support/seal"
)

// watched counts what the room tells while it changes, and can refuse.
type watched struct {
	mu    sync.Mutex
	calls int
	fail  error
}

func (w *watched) CatalogChanged(context.Context, *db.Tx) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls++
	return w.fail
}

// TestChangesFollowThePublicState: publishing, withdrawing and editing a published entry are told in the order of their
// commits, only the last change of an entry, and a change that is rolled back is none.
func TestChangesFollowThePublicState(t *testing.T) {
	for name, dsn := range map[string]func(*testing.T) string{
		"sqlite":   func(t *testing.T) string { return filepath.Join(t.TempDir(), "records.db") },
		"postgres": func(t *testing.T) string { return dbtest.Postgres(t) },
	} {
		t.Run(name, func(t *testing.T) { testChanges(t, dsn(t)) })
	}
}

func testChanges(t *testing.T, dsn string) {
	ctx := t.Context()
	d, err := db.Open(ctx, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	for _, m := range []func(context.Context, *db.DB) error{queue.Migrate, evidence.Migrate, Migrate} {
		if err := m(ctx, d); err != nil {
			t.Fatal(err)
		}
	}
	key, err := seal.GenerateKey(seal.Ed25519SHA256)
	if err != nil {
		t.Fatal(err)
	}
	log, err := evidence.OpenLog(evidence.Config{Dir: t.TempDir(), Key: key, Log: seal.Log{Node: "zhejiang", Instance: "1", Epoch: 1}, SegmentBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	s := NewService(d, clock.System{}, evidence.NewOutbox(d, log, queue.New(d, clock.System{}, slog.New(slog.DiscardHandler))))
	w := &watched{}
	s.SetWatcher(w)
	sess := &identity.Session{Actor: "a", Department: "11330000MY00000120", Division: "330000", Roles: []identity.Role{identity.DataOfficer, identity.DepartmentHead}}
	save := func(code, name string) {
		t.Helper()
		err := s.Save(ctx, sess, Resource{
			Code: code, Name: name, Provider: "某部门", Abstract: "摘要", Format: "database", UpdateCycle: "daily", Sharing: Unconditional,
			Modes: []policy.Mode{policy.ModeQuery}, Conditions: "履行职责", Class: "base", Grade: 2, Items: []Item{{Name: "uscc", Title: "代码", Type: "C", Grade: 2}},
		}, "", "")
		if err != nil {
			t.Fatal(err)
		}
	}
	act := func(f func(context.Context, *identity.Session, string) (*Resource, error), code string) {
		t.Helper()
		if _, err := f(ctx, sess, code); err != nil {
			t.Fatal(err)
		}
	}
	// told lists changes after a number, "code=name" or "code gone".
	told := func(after int64, limit int) (string, int64) {
		t.Helper()
		cs, next, err := s.Changes(ctx, after, limit)
		if err != nil {
			t.Fatal(err)
		}
		out := ""
		for _, c := range cs {
			if c.Resource == nil {
				out += c.Code + " gone; "
			} else {
				out += c.Code + "=" + c.Resource.Name + "; "
			}
			if at, ok, err := s.ChangedAt(ctx, c.Seq); err != nil || !ok || !at.Equal(c.At) {
				t.Errorf("change %d was made at %v, told %v (%v)", c.Seq, at, c.At, err)
			}
		}
		return out, next
	}
	save("a", "甲")
	if got, next := told(0, 10); got != "" || next != 0 {
		t.Errorf("a draft is told: %q %d", got, next)
	}
	act(s.Publish, "a")
	save("b", "乙")
	act(s.Publish, "b")
	got, first := told(0, 10)
	if got != "a=甲; b=乙; " {
		t.Errorf("after publishing: %q", got)
	}
	if got, next := told(0, 1); got != "a=甲; " || next >= first {
		t.Errorf("the first page: %q %d", got, next)
	}
	act(s.Withdraw, "a")
	if got, _ := told(first, 10); got != "a gone; " {
		t.Errorf("after withdrawing: %q", got)
	}
	if got, _ := told(0, 10); got != "b=乙; a gone; " {
		t.Errorf("from the beginning: %q", got)
	}
	save("b", "新乙") // a published entry that is edited is not published until the head signs it off again
	act(s.Publish, "a")
	if got, _ := told(first, 10); got != "b gone; a=甲; " {
		t.Errorf("after editing: %q", got)
	}
	if w.calls != 5 {
		t.Errorf("the watcher heard of %d changes, want 5", w.calls)
	}

	// What is rolled back leaves no number behind that a reader could have seen.
	_, last := told(0, 10)
	w.fail = errors.New("refused")
	if _, err := s.Publish(ctx, sess, "b"); err == nil {
		t.Fatal("the watcher's refusal was ignored")
	}
	w.fail = nil
	if got, next := told(last, 10); got != "" || next != last {
		t.Errorf("a change that was rolled back is told: %q", got)
	}
	if _, ok, err := s.ChangedAt(ctx, last+1); ok || err != nil {
		t.Errorf("change %d exists (%v)", last+1, err)
	}

	// Many at once: a reader that follows the numbers misses none.
	const many = 20
	var wg sync.WaitGroup
	for i := range many {
		save(fmt.Sprintf("m%02d", i), "并发")
		wg.Add(1)
		go func() {
			defer wg.Done()
			if _, err := s.Publish(ctx, sess, fmt.Sprintf("m%02d", i)); err != nil {
				t.Error(err)
			}
		}()
	}
	seen, after := map[string]bool{}, last
	for len(seen) < many && !t.Failed() {
		cs, next, err := s.Changes(ctx, after, 3)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range cs {
			seen[c.Code] = true
		}
		after = next
		if ctx.Err() != nil {
			t.Fatalf("only %d of %d were told", len(seen), many)
		}
	}
	wg.Wait()
	if cs, _, _ := s.Changes(ctx, after, 100); len(cs) != 0 {
		t.Errorf("told twice: %v", cs)
	}
}
