package deadline

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/kuayu/kuayu/internal/clock"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/ids"
	"github.com/kuayu/kuayu/internal/queue"
	"github.com/kuayu/kuayu/internal/workday"
	"github.com/kuayu/kuayu/support/evidence"
	"github.com/kuayu/kuayu/support/seal"
)

// Notifier is told, in the transaction that caused it, what somebody should hear.
type Notifier interface {
	Notify(ctx context.Context, tx *db.Tx, n Notice) error
}

// KindTick is the queue's kind of job that wakes a clock.
const KindTick = "deadline.tick"

// The kinds of facts.
const (
	FactOverdue   = "deadline.overdue"
	FactViolation = "deadline.violation"
)

// Deps are what the service needs.
type Deps struct {
	DB       *db.DB
	Clock    clock.Clock
	IDs      ids.Source
	Queue    *queue.Queue
	Outbox   *evidence.Outbox
	Calendar *workday.Calendar
	Profiles Profiles // checked; empty: the law alone
	Notifier Notifier // nil: nobody is told
}

// Service keeps the clocks of a node.
type Service struct {
	db       *db.DB
	clock    clock.Clock
	ids      ids.Source
	queue    *queue.Queue
	outbox   *evidence.Outbox
	engine   Engine
	profiles Profiles
	notifier Notifier
	onDue    func(ctx context.Context, tx *db.Tx, subject, department string, due time.Time) error
}

// OnDue names who learns, in the transaction that changes a clock, of the earliest deadline of a subject that its own
// department must keep; zero: there is none. Call before serving.
func (s *Service) OnDue(f func(ctx context.Context, tx *db.Tx, subject, department string, due time.Time) error) {
	s.onDue = f
}

// NewService wires the service and registers its job.
func NewService(d Deps) *Service {
	s := &Service{
		db: d.DB, clock: d.Clock, ids: d.IDs, queue: d.Queue, outbox: d.Outbox, engine: Engine{Calendar: d.Calendar}, profiles: d.Profiles, notifier: d.Notifier,
	}
	d.Queue.Handle(KindTick, s.tick)
	return s
}

// ProfileFor is the profile of a region (GB/T 2260).
func (s *Service) ProfileFor(division string) *Profile { return s.profiles.For(division) }

// Apply does the actions of one act, in its transaction. c.Department must be within the scope; c.At zero is now.
func (s *Service) Apply(ctx context.Context, tx *db.Tx, sc db.Scope, c Case, actions ...Action) error {
	if len(actions) == 0 {
		return nil
	}
	if !sc.Owns(c.Department) {
		return ErrOutside.With()
	}
	if c.At.IsZero() {
		c.At = s.clock.Now()
	}
	if c.Profile == nil {
		c.Profile = s.ProfileFor(c.Division)
	}
	open, err := s.clocks(ctx, tx, db.In(sc.Division, c.Department, sc.Actor), c.Subject)
	if err != nil {
		return err
	}
	r, err := s.engine.Apply(open, c, actions...)
	if err != nil {
		return err
	}
	return s.settle(ctx, tx, r)
}

// DaysUntil is Engine.DaysUntil by the node's calendar.
func (s *Service) DaysUntil(from, by time.Time) int { return s.engine.DaysUntil(from, by) }

// Start starts a clock of the case.
func (s *Service) Start(ctx context.Context, tx *db.Tx, sc db.Scope, c Case, id ID) error {
	return s.Apply(ctx, tx, sc, c, Action{Do: Start, Clock: id})
}

// Stop ends a clock: what was owed is done.
func (s *Service) Stop(ctx context.Context, tx *db.Tx, sc db.Scope, c Case, id ID) error {
	return s.Apply(ctx, tx, sc, c, Action{Do: Stop, Clock: id})
}

// Extend lengthens a clock by c.Days working days with c.Consent (Decree 809 arts. 17 and 21).
func (s *Service) Extend(ctx context.Context, tx *db.Tx, sc db.Scope, c Case, id ID) error {
	return s.Apply(ctx, tx, sc, c, Action{Do: Extend, Clock: id})
}

// Pause makes it the applicant's turn; time stands still only if the profile of the case says so.
func (s *Service) Pause(ctx context.Context, tx *db.Tx, sc db.Scope, c Case, id ID, w Wait) error {
	return s.Apply(ctx, tx, sc, c, Action{Do: Pause, Clock: id, Wait: w})
}

// Resume makes it the actor's turn again.
func (s *Service) Resume(ctx context.Context, tx *db.Tx, sc db.Scope, c Case, id ID) error {
	return s.Apply(ctx, tx, sc, c, Action{Do: Resume, Clock: id})
}

// settle writes what the engine decided: rows, timers, violations, facts and notices.
func (s *Service) settle(ctx context.Context, tx *db.Tx, r Result) error {
	for i := range r.Changed {
		k := &r.Changed[i]
		if k.ID == "" {
			k.ID = s.ids.NewID()
		}
		if err := s.saveClock(ctx, tx, k); err != nil {
			return err
		}
		if err := s.schedule(ctx, tx, k); err != nil {
			return err
		}
	}
	if err := s.announceDue(ctx, tx, r.Changed); err != nil {
		return err
	}
	for i := range r.Violations {
		if err := s.record(ctx, tx, &r.Violations[i], FactOverdue, seal.Actor{Department: r.Violations[i].Department}); err != nil {
			return err
		}
	}
	if s.notifier == nil {
		return nil
	}
	for _, n := range r.Notices {
		if err := s.notifier.Notify(ctx, tx, n); err != nil {
			return err
		}
	}
	return nil
}

// announceDue passes on the earliest deadline of each subject whose clocks changed.
func (s *Service) announceDue(ctx context.Context, tx *db.Tx, changed []Deadline) error {
	if s.onDue == nil {
		return nil
	}
	seen := map[[2]string]bool{}
	for i := range changed {
		of := [2]string{changed[i].Subject, changed[i].Department}
		if seen[of] {
			continue
		}
		seen[of] = true
		all, err := s.clocks(ctx, tx, db.In("", of[1], ""), of[0])
		if err != nil {
			return err
		}
		if err := s.onDue(ctx, tx, of[0], of[1], earliest(all)); err != nil {
			return err
		}
	}
	return nil
}

// earliest is when the department whose record it is must have acted; zero if it need not.
func earliest(clocks []Deadline) time.Time {
	var due time.Time
	for i := range clocks {
		k := &clocks[i]
		if r, err := RuleOf(k.Clock); err != nil || r.Retention() || !k.Open() || k.Watch || k.Parties.Of(k.Responsible).Department != k.Department {
			continue
		}
		if due.IsZero() || k.Due.Before(due) {
			due = k.Due
		}
	}
	return due
}

// schedule sets the one timer of a clock.
func (s *Service) schedule(ctx context.Context, tx *db.Tx, k *Deadline) error {
	job := KindTick + "/" + k.ID
	m, ok := s.engine.Next(k)
	if !ok {
		return s.queue.Cancel(ctx, tx, job)
	}
	return s.queue.Enqueue(ctx, tx, queue.Job{ID: job, Kind: KindTick, Payload: k.ID, RunAt: m.At})
}

// record writes a violation and the fact that proves it.
func (s *Service) record(ctx context.Context, tx *db.Tx, v *Violation, kind string, actor seal.Actor) error {
	v.ID, v.Fact = s.ids.NewID(), s.ids.NewID()
	if err := s.saveViolation(ctx, tx, v); err != nil {
		return err
	}
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	h := evidence.Header{To: v.Offender.Member, ToDept: v.Offender.Department, Note: string(v.Code) + " " + v.Subject}
	return s.outbox.Put(ctx, tx, evidence.Draft{Kind: kind, ID: v.Fact, Time: s.clock.Now(), Actor: actor, Header: h.Encode(), Body: body})
}

// Raise records a violation that no clock can see (P2, P3, P5, P7, P8, R1 to R6 …): another package found it, in its own
// transaction. v.Department must be within the scope; v.At zero is now.
func (s *Service) Raise(ctx context.Context, tx *db.Tx, sc db.Scope, v Violation) error {
	if _, err := OffenceOf(v.Code); err != nil {
		return err
	}
	switch {
	case !sc.Owns(v.Department):
		return ErrOutside.With()
	case v.Subject == "" || len(v.Subject) > maxSubject || !v.By.Known():
		return ErrSubject.With()
	}
	if v.At.IsZero() {
		v.At = s.clock.Now()
	}
	v.Clock, v.Provisional = nil, false
	return s.record(ctx, tx, &v, FactViolation, seal.Actor{Department: v.Department, Officer: sc.Actor})
}

// tick is the job that wakes a clock. Effects and the next timer are one transaction: a job that runs twice does nothing
// the second time.
func (s *Service) tick(ctx context.Context, j queue.Job) error {
	err := s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		k, err := s.byID(ctx, tx, db.System("tick"), j.Payload)
		if err != nil {
			return err
		}
		// The notice of holidays may have come since: nobody is late by a guess that is known to be wrong.
		dated, changed, err := s.engine.Redate(*k)
		if err != nil {
			return err
		}
		r := s.engine.Tick(dated, s.clock.Now())
		if len(r.Changed) == 0 {
			if changed {
				return s.settle(ctx, tx, Result{Changed: []Deadline{dated}})
			}
			return s.schedule(ctx, tx, k)
		}
		return s.settle(ctx, tx, r)
	})
	if errors.Is(err, ErrNoRunning) {
		return queue.Stop(err)
	}
	return err
}

// Recount dates the open clocks anew that were counted beyond the last known notice of holidays; a node calls it when it
// starts. It returns how many moved.
func (s *Service) Recount(ctx context.Context) (int, error) {
	moved, last := 0, ""
	for {
		var docs []string
		err := s.db.Read().NewRaw("SELECT doc FROM deadline_clock WHERE open = 1 AND late = 0 AND certain = 0 AND id > ? ORDER BY id LIMIT 200", last).Scan(ctx, &docs)
		if err != nil || len(docs) == 0 {
			return moved, err
		}
		batch, err := decoded[Deadline](docs)
		if err != nil {
			return moved, err
		}
		n, err := s.recount(ctx, batch)
		if err != nil {
			return moved, err
		}
		moved, last = moved+n, batch[len(batch)-1].ID
	}
}

func (s *Service) recount(ctx context.Context, batch []Deadline) (int, error) {
	moved := 0
	err := s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		moved = 0
		for _, b := range batch {
			k, err := s.byID(ctx, tx, db.System("recount"), b.ID) // it may have moved since it was listed
			if err != nil {
				return err
			}
			dated, changed, err := s.engine.Redate(*k)
			if err != nil {
				return err
			}
			if !changed {
				continue
			}
			moved++
			if err := s.settle(ctx, tx, Result{Changed: []Deadline{dated}}); err != nil {
				return err
			}
		}
		return nil
	})
	return moved, err
}
