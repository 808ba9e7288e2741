package queue

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/internal/text"
)

// The errors of this package.
var (
	ErrNoJob   = errs.Define(errs.NotFound, "queue.no_job", "没有这个任务，或它已经完成。", "There is no such job, or it is done.")
	ErrNotDead = errs.Define(errs.Conflict, "queue.not_failed", "只能重试或放弃已失败或已搁置的任务。", "Only a job that failed for good or is parked can be tried again or dropped.")
	ErrReason  = errs.Define(errs.Invalid, "queue.reason", "请说明放弃该任务的理由（不超过 500 字）。", "Say why the job is dropped, in at most 500 characters.")
)

// The states of a job that somebody has to look after.
const (
	Failed = "failed" // for good: its handler gave up
	Parked = "parked" // of a kind that this version of the program does not know
)

// State is Failed, Parked, or "" for a job that goes its way.
func (q *Queue) State(j *Job) string {
	switch {
	case j.Dead:
		return Failed
	case q.handlers[j.Kind] == nil:
		return Parked
	}
	return ""
}

// Dead lists the jobs that failed for good, oldest first.
func (q *Queue) Dead(ctx context.Context) ([]Job, error) {
	return q.list(ctx, "dead = 1")
}

// DeadCount counts them.
func (q *Queue) DeadCount(ctx context.Context) (int, error) {
	var n int
	if err := q.db.Read().NewRaw("SELECT count(*) FROM queue_job WHERE dead = 1").Scan(ctx, &n); err != nil {
		return 0, fmt.Errorf("dead jobs: %w", err)
	}
	return n, nil
}

// Stuck lists the jobs that failed for good and those that are parked, oldest first; at most limit after a job's id.
func (q *Queue) Stuck(ctx context.Context, after string, limit int) ([]Job, error) {
	return q.list(ctx, "(dead = 1 OR kind NOT IN (?)) AND seq > COALESCE((SELECT seq FROM queue_job WHERE id = ?), 0)", bun.List(q.known()), after, limit)
}

// known are the kinds that are handled here; never an empty list, which SQL has no word for.
func (q *Queue) known() []string { return append(q.handled(), "") }

func (q *Queue) list(ctx context.Context, where string, args ...any) ([]Job, error) {
	query := "SELECT * FROM queue_job WHERE " + where + " ORDER BY seq"
	if len(args) > 0 {
		query += " LIMIT ?"
	}
	var rows []row
	if err := q.db.Read().NewRaw(query, args...).Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("jobs: %w", err)
	}
	out := make([]Job, len(rows))
	for i := range rows {
		out[i] = rows[i].job()
	}
	return out, nil
}

// Get is one job. ErrNoJob.
func (q *Queue) Get(ctx context.Context, id string) (*Job, error) { return q.get(ctx, q.db.Read(), id) }

func (q *Queue) get(ctx context.Context, tx *db.Tx, id string) (*Job, error) {
	var r row
	err := tx.NewRaw("SELECT * FROM queue_job WHERE id = ?", id).Scan(ctx, &r)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, ErrNoJob.With()
	}
	if err != nil {
		return nil, fmt.Errorf("job: %w", err)
	}
	j := r.job()
	return &j, nil
}

// stuck is a job that may be tried again or dropped.
func (q *Queue) stuck(ctx context.Context, tx *db.Tx, id string) (*Job, error) {
	j, err := q.get(ctx, tx, id)
	if err != nil {
		return nil, err
	}
	if q.State(j) == "" {
		return nil, ErrNotDead.With()
	}
	return j, nil
}

// Retry lets a job that failed for good run again, now. A parked one stays parked.
func (q *Queue) Retry(ctx context.Context, id string) (*Job, error) {
	err := q.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if _, err := q.stuck(ctx, tx, id); err != nil {
			return err
		}
		_, err := tx.NewRaw("UPDATE queue_job SET dead = 0, attempts = 0, run_at = ?, lease_until = 0 WHERE id = ?", q.clock.Now().UnixMicro(), id).Exec(ctx)
		tx.OnCommit(q.Wake)
		return err
	})
	if err != nil {
		return nil, err
	}
	return q.Get(ctx, id)
}

// maxReason bounds a reason, in bytes: 500 characters of Chinese.
const maxReason = 1500

// Drop gives a job up for good. What it was, who dropped it and why is kept (Dropped).
func (q *Queue) Drop(ctx context.Context, id, who, reason string) error {
	reason = strings.TrimSpace(reason)
	if reason == "" || text.Block(text.Name{En: "The reason", Zh: "理由"}, reason, maxReason) != nil {
		return ErrReason.With()
	}
	return q.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		j, err := q.stuck(ctx, tx, id)
		if err != nil {
			return err
		}
		_, err = tx.NewRaw("INSERT INTO queue_dropped (id, kind, payload, last_error, who, reason, at) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id, at) DO NOTHING",
			j.ID, j.Kind, j.Payload, j.LastError, who, reason, q.clock.Now().UnixMicro()).Exec(ctx)
		if err != nil {
			return fmt.Errorf("drop job: %w", err)
		}
		_, err = tx.NewRaw("DELETE FROM queue_job WHERE id = ?", id).Exec(ctx)
		return err
	})
}

// Dropped is a job that somebody gave up.
type Dropped struct {
	ID, Kind, Payload, LastError, Who, Reason string
	At                                        int64 // Unix microseconds
}

// Time is when.
func (d *Dropped) Time() time.Time { return time.UnixMicro(d.At).UTC() }

// Droppings lists what was dropped, latest first.
func (q *Queue) Droppings(ctx context.Context, limit int) ([]Dropped, error) {
	var out []Dropped
	err := q.db.Read().NewRaw("SELECT id, kind, payload, last_error, who, reason, at FROM queue_dropped ORDER BY at DESC, id LIMIT ?", limit).Scan(ctx, &out)
	if err != nil {
		return nil, fmt.Errorf("dropped jobs: %w", err)
	}
	return out, nil
}

// ParkedKinds are the kinds that wait for a program that knows them, with how many jobs each has.
func (q *Queue) ParkedKinds(ctx context.Context) (map[string]int, error) {
	var rows []struct {
		Kind string
		N    int
	}
	if err := q.db.Read().NewRaw("SELECT kind, count(*) AS n FROM queue_job WHERE dead = 0 AND kind NOT IN (?) GROUP BY kind", bun.List(q.known())).Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("parked jobs: %w", err)
	}
	out := map[string]int{}
	for _, r := range rows {
		out[r.Kind] = r.N
	}
	return out, nil
}
