// Package queue is the one durable queue of a node: jobs, timers and the outbox live in it. A job is written in the
// transaction that caused it, runs at least once, is retried by one policy, and never runs before an earlier job of the
// same serial key is done. Each kind has lanes of its own, so that a slow kind, or one slow party of a kind, holds up
// nobody else. A kind that nobody handles here is parked: it belongs to another version of the program.
package queue

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/uptrace/bun"

	"github.com/kuayu/kuayu/internal/clock"
	"github.com/kuayu/kuayu/internal/db"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Job is a unit of work.
type Job struct {
	ID        string // unique; enqueueing an ID again replaces its time and payload
	Kind      string // which handler
	SerialKey string // jobs of one key run in the order they were enqueued; empty: no order
	Payload   string
	RunAt     time.Time // zero: now
	Attempts  int
	LastError string
	Dead      bool
}

// Handler does a job. A nil error completes it; Stop(err) buries it; any other error is retried with growing pauses.
type Handler func(ctx context.Context, j Job) error

type stopError struct{ cause error }

func (e stopError) Error() string { return "not retried: " + e.cause.Error() }
func (e stopError) Unwrap() error { return e.cause }

// Stop marks an error as final: the job is kept as dead, for `kuayu doctor` and a person.
func Stop(err error) error { return stopError{err} }

// Retry pauses: 50 ms doubling up to 5 minutes, each with ±20 % of jitter.
const (
	firstPause = 50 * time.Millisecond
	longest    = 5 * time.Minute
	lease      = 2 * time.Minute
	// kindWidth is how many jobs of a kind run at once, laneWidth how many of one lane of it.
	kindWidth = 16
	laneWidth = 4
	// dueStep is how many due jobs are looked at in one go.
	dueStep = 256
)

// Queue runs jobs of one node. Create it with New, register handlers, then Run.
type Queue struct {
	db       *db.DB
	clock    clock.Clock
	log      *slog.Logger
	wake     chan struct{}
	handlers map[string]Handler
	lanes    map[string]func(Job) string
	lease    time.Duration

	mu    sync.Mutex
	busy  map[string]bool // ids running here
	kinds map[string]int  // how many of a kind
	lane  map[string]int  // how many of a lane
}

// New prepares a queue; it starts nothing.
func New(d *db.DB, c clock.Clock, log *slog.Logger) *Queue {
	return &Queue{
		db: d, clock: c, log: log, wake: make(chan struct{}, 1), handlers: map[string]Handler{}, lanes: map[string]func(Job) string{}, lease: lease,
		busy: map[string]bool{}, kinds: map[string]int{}, lane: map[string]int{},
	}
}

// Migrate creates the queue's tables.
func Migrate(ctx context.Context, d *db.DB) error {
	return d.Migrate(ctx, "queue", migrations, "migrations")
}

// Handle registers the handler of a kind. Call before Run.
func (q *Queue) Handle(kind string, h Handler) { q.handlers[kind] = h }

// Lanes parts the jobs of a kind by what may be slow, as the party a job calls. Call before Run.
func (q *Queue) Lanes(kind string, of func(Job) string) { q.lanes[kind] = of }

type row struct {
	ID         string
	Seq        int64
	Kind       string
	SerialKey  string
	Payload    string
	RunAt      int64
	LeaseUntil int64
	Attempts   int
	Dead       int
	LastError  string
	Created    int64
}

func (r *row) job() Job {
	return Job{ID: r.ID, Kind: r.Kind, SerialKey: r.SerialKey, Payload: r.Payload, RunAt: time.UnixMicro(r.RunAt).UTC(), Attempts: r.Attempts, LastError: r.LastError, Dead: r.Dead != 0}
}

// Enqueue adds a job inside a transaction.
func (q *Queue) Enqueue(ctx context.Context, tx *db.Tx, j Job) error {
	now := q.clock.Now()
	if j.RunAt.IsZero() {
		j.RunAt = now
	}
	// On PostgreSQL each statement is a round trip, while others wait for the writers' lock: one does both.
	const count = "UPDATE queue_seq SET seq = seq + 1 WHERE one = 1 RETURNING seq"
	with, from := "WITH n AS ("+count+") ", "n"
	if !q.db.Postgres() {
		var n int64
		if err := tx.NewRaw(count).Scan(ctx, &n); err != nil {
			return fmt.Errorf("enqueue: %w", err)
		}
		with, from = "", "(SELECT "+strconv.FormatInt(n, 10)+" AS seq) n"
	}
	_, err := tx.NewRaw(with+`INSERT INTO queue_job (id, seq, kind, serial_key, payload, run_at, lease_until, attempts, dead, last_error, created)
		SELECT ?, n.seq, ?, ?, ?, ?, 0, 0, 0, '', ? FROM `+from+` WHERE true
		ON CONFLICT (id) DO UPDATE SET run_at = excluded.run_at, payload = excluded.payload, dead = 0, attempts = 0`,
		j.ID, j.Kind, j.SerialKey, j.Payload, j.RunAt.UnixMicro(), now.UnixMicro()).Exec(ctx)
	if err != nil {
		return fmt.Errorf("enqueue: %w", err)
	}
	tx.OnCommit(q.Wake)
	return nil
}

// Cancel removes a job that has not run.
func (q *Queue) Cancel(ctx context.Context, tx *db.Tx, id string) error {
	_, err := tx.NewRaw("DELETE FROM queue_job WHERE id = ?", id).Exec(ctx)
	return err
}

// Behind lists the jobs that wait for a job of the same serial key to be done, in their order.
func (q *Queue) Behind(ctx context.Context, j Job) ([]Job, error) {
	var rows []row
	err := q.db.Read().NewRaw(`SELECT * FROM queue_job WHERE serial_key = ? AND serial_key <> '' AND dead = 0
		AND seq > (SELECT seq FROM queue_job WHERE id = ?) ORDER BY seq`, j.SerialKey, j.ID).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("jobs behind: %w", err)
	}
	out := make([]Job, len(rows))
	for i := range rows {
		out[i] = rows[i].job()
	}
	return out, nil
}

// Wake makes Run look again now.
func (q *Queue) Wake() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// Run works until ctx ends, then waits for what is running.
func (q *Queue) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	for {
		jobs, next, err := q.due(ctx)
		if err != nil && ctx.Err() == nil {
			q.log.ErrorContext(ctx, "queue: cannot read jobs", "error", err)
			next = q.clock.Now().Add(time.Second)
		}
		for _, r := range jobs {
			lane, ok := q.enter(r)
			if !ok {
				continue // whoever is done wakes Run again
			}
			wg.Go(func() {
				defer q.Wake()
				defer q.exit(r, lane)
				q.do(ctx, r)
			})
		}
		pause := min(max(next.Sub(q.clock.Now()), time.Millisecond), time.Minute)
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-q.wake:
			timer.Stop()
		case <-timer.C:
		}
	}
}

// enter takes a place in the lane of a job; false if there is none, or the job runs already.
func (q *Queue) enter(r row) (lane string, ok bool) {
	lane = r.Kind
	if of := q.lanes[r.Kind]; of != nil {
		lane += "\n" + of(r.job())
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.busy[r.ID] || q.kinds[r.Kind] >= kindWidth || q.lane[lane] >= laneWidth {
		return "", false
	}
	q.busy[r.ID] = true
	q.kinds[r.Kind]++
	q.lane[lane]++
	return lane, true
}

func (q *Queue) exit(r row, lane string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.busy, r.ID)
	q.kinds[r.Kind]--
	if q.lane[lane]--; q.lane[lane] == 0 {
		delete(q.lane, lane)
	}
}

// free are the kinds that more jobs can be begun of. What nobody handles is none of them.
func (q *Queue) free() []string {
	q.mu.Lock()
	defer q.mu.Unlock()
	var out []string
	for kind := range q.handlers {
		if q.kinds[kind] < kindWidth {
			out = append(out, kind)
		}
	}
	return out
}

// handled are the kinds that are handled here.
func (q *Queue) handled() []string { return slices.Collect(maps.Keys(q.handlers)) }

// due returns jobs to run now and when to look again.
func (q *Queue) due(ctx context.Context) ([]row, time.Time, error) {
	now := q.clock.Now()
	far := now.Add(time.Minute)
	kinds := q.free()
	if len(kinds) == 0 {
		return nil, far, nil
	}
	// What runs is noted before the table is read: a job that ends in between is still in the rows read.
	q.mu.Lock()
	busy := maps.Clone(q.busy)
	q.mu.Unlock()
	var rows []row
	err := q.db.Read().NewRaw(`SELECT * FROM queue_job j WHERE dead = 0 AND run_at <= ? AND lease_until <= ? AND kind IN (?)
		AND (serial_key = '' OR NOT EXISTS (SELECT 1 FROM queue_job p WHERE p.serial_key = j.serial_key AND p.seq < j.seq AND p.dead = 0))
		ORDER BY seq LIMIT ?`, now.UnixMicro(), now.UnixMicro(), bun.List(kinds), dueStep).Scan(ctx, &rows)
	if err != nil {
		return nil, far, fmt.Errorf("due jobs: %w", err)
	}
	free := rows[:0]
	for _, r := range rows {
		if !busy[r.ID] {
			free = append(free, r)
		}
	}
	var next []int64
	if err := q.db.Read().NewRaw("SELECT run_at FROM queue_job WHERE dead = 0 AND run_at > ? ORDER BY run_at LIMIT 1", now.UnixMicro()).Scan(ctx, &next); err == nil && len(next) == 1 {
		if t := time.UnixMicro(next[0]); t.Before(far) {
			far = t
		}
	}
	return free, far, nil
}

func (q *Queue) do(ctx context.Context, r row) {
	h := q.handlers[r.Kind]
	if h == nil {
		return // due leaves them out
	}
	work, cancel := context.WithCancel(ctx)
	defer cancel()
	if q.db.Postgres() { // several instances may share the table: take a lease
		if !q.leased(ctx, r.ID, q.clock.Now()) {
			return
		}
		var renewing sync.WaitGroup
		renewing.Go(func() { q.renew(work, r.ID, cancel) })
		defer renewing.Wait()
	}
	err := contained(work, h, r.job())
	stopping := ctx.Err() != nil || work.Err() != nil
	cancel()
	if stopping && err != nil {
		return // it runs again: after the restart, or where its lease is now
	}
	werr := q.db.Write(context.WithoutCancel(ctx), func(ctx context.Context, tx *db.Tx) error {
		var stop stopError
		var e error
		switch {
		case err == nil:
			e = q.settle(ctx, tx, r)
		case errors.As(err, &stop):
			_, e = tx.NewRaw("UPDATE queue_job SET dead = 1, last_error = ?, lease_until = 0 WHERE id = ?", plain(err), r.ID).Exec(ctx)
		default: // a job enqueued again while it failed is due at its new time, not after the pause of this failure
			_, e = tx.NewRaw(`UPDATE queue_job SET attempts = CASE WHEN run_at = ? THEN ? ELSE attempts END, run_at = CASE WHEN run_at = ? THEN ? ELSE run_at END,
				last_error = ?, lease_until = 0 WHERE id = ?`,
				r.RunAt, r.Attempts+1, r.RunAt, q.clock.Now().Add(Pause(r.Attempts)).UnixMicro(), plain(err), r.ID).Exec(ctx)
		}
		return e
	})
	if err != nil {
		q.log.WarnContext(ctx, "queue: job failed", "kind", r.Kind, "id", r.ID, "attempt", r.Attempts+1, "error", err)
	}
	if werr != nil {
		q.log.ErrorContext(ctx, "queue: cannot settle job", "id", r.ID, "error", werr)
		// It is due still: not at once again, while the database can't say that it is done.
		select {
		case <-ctx.Done():
		case <-time.After(settlePause):
		}
	}
}

// settle takes a job that was done off the queue. One that was enqueued again while it ran has a new time: it is kept, and
// does not wait for the lease of this run.
func (q *Queue) settle(ctx context.Context, tx *db.Tx, r row) error {
	res, err := tx.NewRaw("DELETE FROM queue_job WHERE id = ? AND run_at = ?", r.ID, r.RunAt).Exec(ctx)
	if err != nil || !q.db.Postgres() {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n > 0 {
		return err
	}
	_, err = tx.NewRaw("UPDATE queue_job SET lease_until = 0 WHERE id = ?", r.ID).Exec(ctx)
	return err
}

// settlePause is how long a job that could not be settled keeps its place.
const settlePause = time.Second

// leased takes a job's lease if nobody has it at now.
func (q *Queue) leased(ctx context.Context, id string, now time.Time) bool {
	// A lease that a crash of the server forgets was of a run that is done, or begins again anyway: no flush for it.
	res, err := q.db.Read().NewRaw("SET LOCAL synchronous_commit TO off; UPDATE queue_job SET lease_until = ? WHERE id = ? AND lease_until <= ?", now.Add(q.lease).UnixMicro(), id, now.UnixMicro()).Exec(ctx)
	if err != nil {
		return false
	}
	n, err := res.RowsAffected()
	return err == nil && n > 0
}

// renew keeps the lease of a job while it runs. A lease that could not be renewed in time is another instance's: the work
// is given up.
func (q *Queue) renew(ctx context.Context, id string, lost context.CancelFunc) {
	t := time.NewTicker(q.lease / 4)
	defer t.Stop()
	for held := time.Now(); ; {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		res, err := q.db.Read().NewRaw("UPDATE queue_job SET lease_until = ? WHERE id = ? AND lease_until > 0", q.clock.Now().Add(q.lease).UnixMicro(), id).Exec(ctx)
		if err == nil {
			if n, err := res.RowsAffected(); err == nil && n > 0 {
				held = time.Now()
			}
		}
		if time.Since(held) >= q.lease {
			lost()
			return
		}
	}
}

// contained runs a handler; a panic of it is the failure of one job.
func contained(ctx context.Context, h Handler, j Job) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return h(ctx, j)
}

// maxError bounds what is kept of an error, in bytes.
const maxError = 2 << 10

// plain is an error as any database keeps it: others' texts are in it.
func plain(err error) string {
	s := strings.Map(func(r rune) rune {
		if r == 0 || r == '\uFFFD' {
			return -1
		}
		return r
	}, err.Error())
	return strings.ToValidUTF8(s[:min(len(s), maxError)], "")
}

// Pause is the pause after the given number of failed attempts.
func Pause(attempts int) time.Duration {
	p := min(firstPause<<min(attempts, 20), longest)
	return time.Duration(float64(p) * (0.8 + 0.4*rand.Float64())) //nolint:gosec // jitter
}

// Ready counts the jobs that are due, the parked ones left out.
func (q *Queue) Ready(ctx context.Context) (int, error) {
	var n int
	err := q.db.Read().NewRaw("SELECT count(*) FROM queue_job WHERE dead = 0 AND run_at <= ? AND kind IN (?)", q.clock.Now().UnixMicro(), bun.List(q.known())).Scan(ctx, &n)
	return n, err
}

// Depth counts the jobs that wait.
func (q *Queue) Depth(ctx context.Context) (int, error) {
	var n int
	err := q.db.Read().NewRaw("SELECT count(*) FROM queue_job WHERE dead = 0").Scan(ctx, &n)
	return n, err
}
