package catalog

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/kuayu/kuayu/internal/db"
)

// watched counts what the package tells while it changes, and can refuse.
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

// TestChangesFollowThePublicState: publishing, withdrawing and updating a published entry are told in the order of their
// commits, only the last change of an entry; drafts of updates are not, and a change that is rolled back is none.
func TestChangesFollowThePublicState(t *testing.T) { onBoth(t, testChanges) }

func testChanges(t *testing.T, s *fixture) {
	ctx := t.Context()
	w := &watched{}
	s.SetObserver(w)
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
	s.draft(sound("a", "甲"))
	if got, next := told(0, 10); got != "" || next != 0 {
		t.Errorf("a draft is told: %q %d", got, next)
	}
	s.publish(sound("a", "甲"))
	s.publish(sound("b", "乙"))
	got, first := told(0, 10)
	if got != "a=甲; b=乙; " {
		t.Errorf("after publishing: %q", got)
	}
	if got, next := told(0, 1); got != "a=甲; " || next >= first {
		t.Errorf("the first page: %q %d", got, next)
	}
	s.withdraw("a")
	if got, _ := told(first, 10); got != "a gone; " {
		t.Errorf("after withdrawing: %q", got)
	}
	if got, _ := told(0, 10); got != "b=乙; a gone; " {
		t.Errorf("from the beginning: %q", got)
	}
	s.draft(sound("b", "新乙")) // the published version stays until the next one is published
	if got, _ := told(first, 10); got != "a gone; " {
		t.Errorf("after editing: %q", got)
	}
	s.sign("b")
	s.must(s.Publish(ctx, regulator(), "b"))
	if got, _ := told(first, 10); got != "a gone; b=新乙; " {
		t.Errorf("after updating: %q", got)
	}
	if w.calls != 4 {
		t.Errorf("the observer heard of %d changes, want 4", w.calls)
	}

	// What is rolled back leaves no number behind that a reader could have seen.
	s.draft(sound("c", "丙"))
	s.sign("c")
	_, last := told(0, 10)
	w.fail = errors.New("refused")
	if _, err := s.Publish(ctx, regulator(), "c"); err == nil {
		t.Fatal("the observer's refusal was ignored")
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
		code := fmt.Sprintf("m%02d", i)
		s.draft(sound(code, "并发"+code))
		s.sign(code)
		wg.Add(1)
		go func() {
			defer wg.Done()
			if _, err := s.Publish(ctx, regulator(), code); err != nil {
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
