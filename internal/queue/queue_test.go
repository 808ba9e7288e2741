package queue

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/kuayu/kuayu/internal/clock"
	"github.com/kuayu/kuayu/internal/db"
)

func open(t *testing.T) (*db.DB, *Queue) {
	t.Helper()
	d, err := db.Open(t.Context(), filepath.Join(t.TempDir(), "queue.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	if err := Migrate(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	return d, New(d, clock.System{}, slog.New(slog.DiscardHandler))
}

// Whatever fails and is retried, and however often: the jobs of one serial key are done in the order in which they were
// enqueued, and each is done.
func TestOneKeyOneOrder(t *testing.T) {
	d, q := open(t)
	const jobs, keys = 80, 8
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	fails, want, got := map[string]int{}, map[string][]string{}, map[string][]string{}
	var mu sync.Mutex
	left := jobs
	q.Handle("work", func(_ context.Context, j Job) error {
		mu.Lock()
		defer mu.Unlock()
		if j.Attempts < fails[j.ID] {
			return errors.New("not yet")
		}
		got[j.SerialKey] = append(got[j.SerialKey], j.ID)
		if left--; left == 0 {
			cancel()
		}
		return nil
	})
	for i := range jobs {
		j := Job{ID: strconv.Itoa(i), Kind: "work", SerialKey: strconv.Itoa(rand.IntN(keys))}
		fails[j.ID] = rand.IntN(3)
		want[j.SerialKey] = append(want[j.SerialKey], j.ID)
		if err := d.Write(ctx, func(ctx context.Context, tx *db.Tx) error { return q.Enqueue(ctx, tx, j) }); err != nil {
			t.Fatal(err)
		}
	}
	if err := q.Run(ctx); err != nil {
		t.Fatal(err)
	}
	for k := range want {
		if !slices.Equal(got[k], want[k]) {
			t.Errorf("key %s: done %v, enqueued %v", k, got[k], want[k])
		}
	}
}

func TestBehind(t *testing.T) {
	d, q := open(t)
	for _, j := range []Job{{ID: "1", SerialKey: "a"}, {ID: "2", SerialKey: "b"}, {ID: "3", SerialKey: "a"}, {ID: "4", SerialKey: "a"}, {ID: "5"}, {ID: "6"}} {
		if err := d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error { return q.Enqueue(ctx, tx, j) }); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		of   Job
		want string
	}{{Job{ID: "1", SerialKey: "a"}, "34"}, {Job{ID: "3", SerialKey: "a"}, "4"}, {Job{ID: "4", SerialKey: "a"}, ""}, {Job{ID: "2", SerialKey: "b"}, ""}, {Job{ID: "5"}, ""}} {
		js, err := q.Behind(t.Context(), c.of)
		if err != nil {
			t.Fatal(err)
		}
		ids := ""
		for _, j := range js {
			ids += j.ID
		}
		if ids != c.want {
			t.Errorf("behind %s: %q, want %q", c.of.ID, ids, c.want)
		}
	}
}
