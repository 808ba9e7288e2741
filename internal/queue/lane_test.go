package queue

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kuayu/kuayu/internal/clock"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/dbtest"
)

func openAt(t *testing.T, dsn string) (*db.DB, *Queue) {
	t.Helper()
	d, err := db.Open(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	if err := Migrate(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	return d, New(d, clock.System{}, slog.New(slog.DiscardHandler))
}

func put(t *testing.T, d *db.DB, q *Queue, js ...Job) {
	t.Helper()
	err := d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		for _, j := range js {
			if err := q.Enqueue(ctx, tx, j); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// run runs the queue until the test, or the function it returns, ends it.
func run(t *testing.T, q *Queue) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- q.Run(ctx) }()
	var ended atomic.Bool
	stop = func() {
		if ended.Swap(true) {
			return
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(stop)
	return stop
}

func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatal("never: ", what)
}

// A kind that hangs, and one party of a kind that hangs, hold up nobody else, however many of their jobs are due first.
func TestLanes(t *testing.T) {
	d, q := open(t)
	hold := make(chan struct{})
	var fast, send atomic.Int32
	q.Handle("slow", func(context.Context, Job) error { <-hold; return nil })
	q.Handle("fast", func(context.Context, Job) error { fast.Add(1); return nil })
	q.Handle("send", func(_ context.Context, j Job) error {
		if j.Payload == "hung" {
			<-hold
			return nil
		}
		send.Add(1)
		return nil
	})
	q.Lanes("send", func(j Job) string { return j.Payload })
	var js []Job
	for i := range 100 {
		js = append(js, Job{ID: "slow" + strconv.Itoa(i), Kind: "slow"}, Job{ID: "hung" + strconv.Itoa(i), Kind: "send", Payload: "hung"}, Job{ID: "unknown" + strconv.Itoa(i), Kind: "unknown"})
	}
	for i := range 20 {
		js = append(js, Job{ID: "fast" + strconv.Itoa(i), Kind: "fast"}, Job{ID: "send" + strconv.Itoa(i), Kind: "send", Payload: "well"})
	}
	put(t, d, q, js...)
	stop := run(t, q)
	await(t, "the fast kind and the other party", func() bool { return fast.Load() == 20 && send.Load() == 20 })
	close(hold)
	await(t, "the rest", func() bool { n, err := q.Ready(t.Context()); return err == nil && n == 0 })
	stop()
	if parked, err := q.ParkedKinds(t.Context()); err != nil || parked["unknown"] != 100 || len(parked) != 1 {
		t.Errorf("parked: %v %v", parked, err)
	}
}

// A kind that nobody handles costs nothing while it waits.
func TestUnknownKindsAreParked(t *testing.T) {
	d, q := open(t)
	q.Handle("known", func(context.Context, Job) error { return nil })
	put(t, d, q, Job{ID: "x", Kind: "unknown"})
	var looks atomic.Int32
	q.clock = counting{&looks}
	stop := run(t, q)
	time.Sleep(300 * time.Millisecond)
	stop()
	if n := looks.Load(); n > 10 {
		t.Errorf("the clock was asked %d times in 300 ms", n)
	}
}

type counting struct{ n *atomic.Int32 }

func (c counting) Now() time.Time { c.n.Add(1); return time.Now() }

// A job that takes longer than its lease runs once, though another instance looks for work all the while.
func TestLeaseIsRenewed(t *testing.T) {
	dsn := dbtest.Postgres(t)
	d, one := openAt(t, dsn)
	_, two := openAt(t, dsn)
	var runs atomic.Int32
	done := make(chan struct{})
	for _, q := range []*Queue{one, two} {
		q.lease = 400 * time.Millisecond
		q.Handle("long", func(ctx context.Context, _ Job) error {
			if runs.Add(1) == 1 {
				defer close(done)
			}
			select {
			case <-time.After(1500 * time.Millisecond):
			case <-ctx.Done():
				return ctx.Err()
			}
			return nil
		})
	}
	put(t, d, one, Job{ID: "x", Kind: "long"})
	run(t, one)
	run(t, two)
	for range 30 {
		two.Wake()
		time.Sleep(50 * time.Millisecond)
	}
	<-done
	await(t, "done", func() bool { n, err := one.Depth(t.Context()); return err == nil && n == 0 })
	if n := runs.Load(); n != 1 {
		t.Errorf("it ran %d times", n)
	}
}

// What failed for good is listed, tried again, or dropped with a reason; a job on its way is left alone.
func TestDeadLetters(t *testing.T) {
	for name, dsn := range map[string]func(*testing.T) string{
		"sqlite":   func(t *testing.T) string { return filepath.Join(t.TempDir(), "queue.db") },
		"postgres": func(t *testing.T) string { return dbtest.Postgres(t) },
	} {
		t.Run(name, func(t *testing.T) {
			d, q := openAt(t, dsn(t))
			var well atomic.Bool
			q.Handle("work", func(_ context.Context, j Job) error {
				if j.Payload == "panics" && !well.Load() {
					panic("nothing to hold on to")
				}
				if well.Load() {
					return nil
				}
				return Stop(errors.New("refused\x00 by the other end"))
			})
			put(t, d, q, Job{ID: "work/1", Kind: "work"}, Job{ID: "work/2", Kind: "work"}, Job{ID: "else/3", Kind: "else"}, Job{ID: "work/4", Kind: "work", Payload: "panics"},
				Job{ID: "later", Kind: "work", RunAt: time.Now().Add(time.Hour)})
			stop := run(t, q)
			await(t, "dead", func() bool { js, err := q.Dead(t.Context()); return err == nil && len(js) == 2 })
			await(t, "a panic is a failure", func() bool { j, err := q.Get(t.Context(), "work/4"); return err == nil && j.Attempts > 0 })
			stop()
			js, err := q.Stuck(t.Context(), "", 10)
			if err != nil || len(js) != 3 || js[0].ID != "work/1" || q.State(&js[0]) != Failed || q.State(&js[2]) != Parked || js[0].LastError != "not retried: refused by the other end" {
				t.Fatalf("stuck: %+v %v", js, err)
			}
			if js, err := q.Stuck(t.Context(), "work/1", 1); err != nil || len(js) != 1 || js[0].ID != "work/2" {
				t.Errorf("page: %+v %v", js, err)
			}
			if _, err := q.Retry(t.Context(), "later"); !errors.Is(err, ErrNotDead) {
				t.Errorf("a job on its way: %v", err)
			}
			if _, err := q.Get(t.Context(), "none"); !errors.Is(err, ErrNoJob) {
				t.Errorf("no job: %v", err)
			}
			if err := q.Drop(t.Context(), "work/2", "op", "  "); !errors.Is(err, ErrReason) {
				t.Errorf("no reason: %v", err)
			}
			for _, id := range []string{"work/2", "else/3"} {
				if err := q.Drop(t.Context(), id, "op", "对方已退出"); err != nil {
					t.Error(err)
				}
			}
			if err := q.Drop(t.Context(), "work/2", "op", "twice"); !errors.Is(err, ErrNoJob) {
				t.Errorf("dropped twice: %v", err)
			}
			ds, err := q.Droppings(t.Context(), 10)
			if err != nil || len(ds) != 2 || ds[0].Who != "op" || ds[0].Reason != "对方已退出" {
				t.Errorf("dropped: %+v %v", ds, err)
			}
			well.Store(true)
			if j, err := q.Retry(t.Context(), "work/1"); err != nil || j.Dead || j.Attempts != 0 {
				t.Errorf("again: %+v %v", j, err)
			}
			run(t, q)
			await(t, "done", func() bool { _, err := q.Get(t.Context(), "work/1"); return errors.Is(err, ErrNoJob) })
		})
	}
}
