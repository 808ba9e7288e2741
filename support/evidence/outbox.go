package evidence

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"hash/fnv"
	"sync"
	"time"

	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/queue"
	"github.com/kuayu/kuayu/support/seal"
)

//go:embed migrations
var migrations embed.FS

// Migrate creates the tables of this package in the record database.
func Migrate(ctx context.Context, d *db.DB) error {
	return d.Migrate(ctx, "evidence", migrations, "migrations/evidence")
}

// MigrateIndex creates the tables of the index, which may live in a database of its own.
func MigrateIndex(ctx context.Context, d *db.DB) error {
	return d.Migrate(ctx, "index", migrations, "migrations/index")
}

// KindSeal is the queue's kind of job that seals a state act.
const KindSeal = "evidence.seal"

// Outbox is the way of state acts into evidence: the fact is written in the transaction that changes the row, and
// sealed right after the commit. A crash in between seals it after the restart; sealing twice gives two seals of one
// fact with one ID, which readers count once.
type Outbox struct {
	db    *db.DB
	log   *Log
	queue *queue.Queue
	locks [64]sync.Mutex
	// Lost, if not nil, reports whether a seal of this node does not count, its key having been lost by then. Such a seal
	// is made anew when it is asked for: others would refuse it for ever.
	Lost func(log seal.Log, at time.Time) bool
}

// NewOutbox wires the outbox and registers its job.
func NewOutbox(d *db.DB, l *Log, q *queue.Queue) *Outbox {
	o := &Outbox{db: d, log: l, queue: q}
	q.Handle(KindSeal, func(ctx context.Context, j queue.Job) error {
		_, err := o.Sealed(ctx, j.Payload)
		if errors.Is(err, ErrNoFact) {
			return queue.Stop(err)
		}
		return err
	})
	return o
}

// Put drafts a fact inside the transaction of the act it records.
func (o *Outbox) Put(ctx context.Context, tx *db.Tx, d Draft) error {
	if d.Time.IsZero() {
		d.Time = o.log.cfg.Clock.Now()
	}
	if len(d.Body) > seal.MaxBody {
		return ErrTooLarge.With()
	}
	// What could not be sealed must not be committed either.
	f := seal.Fact{Kind: d.Kind, ID: d.ID, Actor: d.Actor, Header: d.Header}
	h, err := HeaderOf(&f)
	if err != nil {
		return err
	}
	if err := CheckText(&f, &h); err != nil {
		return err
	}
	_, err = tx.NewRaw(`INSERT INTO evidence_outbox (id, department, kind, time, officer, header, body, batch) VALUES (?, ?, ?, ?, ?, ?, ?, -1)`,
		d.ID, d.Actor.Department, d.Kind, d.Time.UnixMicro(), d.Actor.Officer, string(d.Header), d.Body).Exec(ctx)
	if err != nil {
		return fmt.Errorf("draft fact: %w", err)
	}
	return o.queue.Enqueue(ctx, tx, queue.Job{ID: KindSeal + "/" + d.ID, Kind: KindSeal, Payload: d.ID})
}

type outboxRow struct {
	ID, Department, Kind, Officer, Header string
	Time                                  int64
	Body, Sealed, BodySalt                []byte
	Batch                                 int64
}

// Sealed returns the sealed record of a state act, sealing it now if that has not happened yet.
func (o *Outbox) Sealed(ctx context.Context, id string) (*Record, error) {
	h := fnv.New32a()
	_, _ = h.Write([]byte(id))
	lock := &o.locks[h.Sum32()%uint32(len(o.locks))]
	lock.Lock()
	defer lock.Unlock()
	var r outboxRow
	err := o.db.Read().NewRaw("SELECT id, department, kind, time, officer, header, body, sealed, body_salt, batch FROM evidence_outbox WHERE id = ?", id).Scan(ctx, &r)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, ErrNoFact.With()
	}
	if err != nil {
		return nil, fmt.Errorf("read draft: %w", err)
	}
	if r.Sealed != nil {
		s, err := seal.DecodeSealed(r.Sealed)
		if err != nil {
			return nil, err
		}
		if o.Lost == nil || !o.Lost(s.Header.Log, s.Header.Time) {
			rec := &Record{Sealed: s, Body: r.Body, Batch: uint64(r.Batch)} //nolint:gosec // not negative once sealed
			copy(rec.BodySalt[:], r.BodySalt)
			return rec, nil
		}
	}
	rec, err := o.log.Seal(ctx, Draft{
		Kind: r.Kind, ID: r.ID, Time: time.UnixMicro(r.Time).UTC(), Actor: seal.Actor{Department: r.Department, Officer: r.Officer},
		Header: []byte(r.Header), Body: r.Body,
	})
	if err != nil {
		return nil, err
	}
	err = o.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.NewRaw("UPDATE evidence_outbox SET sealed = ?, body_salt = ?, batch = ? WHERE id = ?",
			rec.Sealed.Encode(nil), rec.BodySalt[:], int64(rec.Batch), id).Exec(ctx) //nolint:gosec // fits
		return err
	})
	return rec, err
}
