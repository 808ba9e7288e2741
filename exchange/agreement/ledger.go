package agreement

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/support/evidence"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/process"
	"github.com/kuayu/kuayu/support/seal"
)

// Part is one of the five parts of a usage ledger (Decree 809 art. 29).
type Part string

// The parts.
const (
	PartScenario    Part = "scenario"
	PartProcess     Part = "process"
	PartEffect      Part = "effect"
	PartStorage     Part = "storage"
	PartDestruction Part = "destruction"
)

// Zh is the part in Chinese.
func (p Part) Zh() string {
	return map[Part]string{
		PartScenario: "使用场景", PartProcess: "使用过程", PartEffect: "使用成效", PartStorage: "存储情况", PartDestruction: "销毁情况",
	}[p]
}

// Parts lists the five parts.
func Parts() []Part {
	return []Part{PartScenario, PartProcess, PartEffect, PartStorage, PartDestruction}
}

// KeepYears is for how long usage is kept on record at least (Decree 809 art. 29). Nothing in this package deletes entries.
const KeepYears = 3

// UseRecord is what a department writes into the ledger.
type UseRecord struct {
	Part Part   `json:"part"`
	Text string `json:"text"`
}

// LedgerEntry is a line of the ledger.
type LedgerEntry struct {
	ID string `json:"id"`
	UseRecord
	By   string    `json:"by"`
	Time time.Time `json:"time"`
}

// Ledger is how an agreement was used, as its using department wrote it down.
type Ledger struct {
	Agreement string        `json:"agreement"`
	Entries   []LedgerEntry `json:"entries"`
	Missing   []Part        `json:"missing"` // parts without an entry
	Complete  bool          `json:"complete"`
	KeepUntil time.Time     `json:"keep_until"` // at least
}

// held are the states in which data were or are in use.
func held() []State {
	return []State{Active, ChangeOfUse, Suspended, Rectifying, Expired, Terminated, Disposal, Closed}
}

// RecordUse adds a line to the usage ledger of an agreement (Decree 809 art. 29). Lines are never changed; a correction
// is another line.
func (s *Service) RecordUse(ctx context.Context, sess *identity.Session, id string, u UseRecord) (*Ledger, error) {
	if err := sess.Require(identity.DataOfficer); err != nil {
		return nil, err
	}
	sc := db.In(sess.Division, sess.Department, sess.Actor)
	var l *Ledger
	err := s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		n, err := s.GetByRole(ctx, tx, sc, id, Consumer)
		if err != nil {
			return err
		}
		var f process.Faults
		f.Need(slices.Contains(Parts(), u.Part), "part", "须为使用场景、过程、成效、存储、销毁之一", "must be scenario, process, effect, storage or destruction")
		f.Need(process.Text(u.Text), "text", "请写明内容", "say what is to be recorded")
		if err := f.Err(ErrDetails); err != nil {
			return err
		}
		if !slices.Contains(held(), n.State) {
			return ErrNotInForce.With()
		}
		if err := s.record(ctx, tx, sess, n, u); err != nil {
			return err
		}
		l, err = s.ledger(ctx, tx, sc, n)
		return err
	})
	return l, err
}

func (s *Service) record(ctx context.Context, tx *db.Tx, sess *identity.Session, n *Negotiation, u UseRecord) error {
	body, err := json.Marshal(u)
	if err != nil {
		return err
	}
	id, now := s.cases.IDs.NewID(), s.clock.Now()
	if _, err := tx.NewRaw("INSERT INTO agreement_ledger (id, negotiation, department, part, entry, officer, time) VALUES (?, ?, ?, ?, ?, ?, ?)",
		id, n.ID, n.Department, string(u.Part), u.Text, sess.Actor, now.UnixMicro()).Exec(ctx); err != nil {
		return fmt.Errorf("write ledger: %w", err)
	}
	h := evidence.Header{Agreement: n.Agreement, To: n.Other(), ToDept: n.Provider.Department, Note: n.ID}
	return s.cases.Outbox.Put(ctx, tx, evidence.Draft{
		Kind: "agreement.ledger", ID: id, Header: h.Encode(), Body: body, Actor: seal.Actor{Department: sess.Department, Officer: sess.Actor},
	})
}

func (s *Service) ledger(ctx context.Context, tx *db.Tx, sc db.Scope, n *Negotiation) (*Ledger, error) {
	cond, args := sc.Where("department")
	var rows []struct {
		ID, Part, Entry, Officer string
		Time                     int64
	}
	err := tx.NewRaw("SELECT id, part, entry, officer, time FROM agreement_ledger WHERE negotiation = ? AND "+cond+" ORDER BY time, id", append([]any{n.ID}, args...)...).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("read ledger: %w", err)
	}
	l := &Ledger{Agreement: n.Agreement, Entries: make([]LedgerEntry, len(rows)), Missing: []Part{}}
	last, have := n.ValidUntil, map[Part]bool{}
	for i, r := range rows {
		l.Entries[i] = LedgerEntry{ID: r.ID, UseRecord: UseRecord{Part: Part(r.Part), Text: r.Entry}, By: r.Officer, Time: time.UnixMicro(r.Time).UTC()}
		have[Part(r.Part)] = true
		if l.Entries[i].Time.After(last) {
			last = l.Entries[i].Time
		}
	}
	for _, p := range Parts() {
		if !have[p] {
			l.Missing = append(l.Missing, p)
		}
	}
	l.Complete, l.KeepUntil = len(l.Missing) == 0, last.AddDate(KeepYears, 0, 0)
	return l, nil
}

// Ledger returns the usage ledger of an agreement of the scope at the using end. The authority's scope sees all of its
// node (Decree 809 art. 29); the provider asks over the peer link (LedgerFor).
func (s *Service) Ledger(ctx context.Context, sc db.Scope, id string) (*Ledger, error) {
	n, err := s.GetByRole(ctx, s.db.Read(), sc, id, Consumer)
	if err != nil {
		return nil, err
	}
	if n.Agreement == "" {
		return nil, ErrNoSuch.With()
	}
	return s.ledger(ctx, s.db.Read(), sc, n)
}

// LedgerFor returns the usage ledger to the provider of the agreement; ErrNoSuch for everybody else.
func (s *Service) LedgerFor(ctx context.Context, member, department, id string) (*Ledger, error) {
	n, err := s.byAgreement(ctx, s.db.Read(), db.System("ledger"), id, Consumer)
	if err != nil {
		return nil, err
	}
	if n.Provider.Member != member || n.Provider.Department != department {
		return nil, ErrNoSuch.With()
	}
	return s.ledger(ctx, s.db.Read(), db.System("ledger"), n)
}

// renewable holds an application that continues an agreement to the agreement: the department's own, with the same
// provider and resource, not stopped, and with a usage ledger that is complete.
func (s *Service) renewable(ctx context.Context, tx *db.Tx, of *Negotiation, x *act) error {
	a, ok := x.Args.(*Application)
	if !ok || a.Continues == "" {
		return nil
	}
	sc := db.In("", of.Department, x.Actor.Officer)
	n, err := s.byAgreement(ctx, tx, sc, a.Continues, Consumer)
	if err != nil {
		return err
	}
	if err := n.continues(a); err != nil {
		return err
	}
	l, err := s.ledger(ctx, tx, sc, n)
	if err != nil {
		return err
	}
	if !l.Complete {
		zh, en := make([]string, len(l.Missing)), make([]string, len(l.Missing))
		for i, p := range l.Missing {
			zh[i], en[i] = p.Zh(), string(p)
		}
		return ErrLedger.With(strings.Join(zh, "、"), strings.Join(en, ", "))
	}
	return nil
}

// continues reports whether an agreement may be continued by the application.
func (n *Negotiation) continues(a *Application) error {
	if n.Application.Resource != a.Resource || n.Provider.Member != a.Provider {
		return ErrMismatch.With("resource", "资源")
	}
	switch n.State {
	case Active, ChangeOfUse, Expired:
		return nil
	case Suspended, Rectifying:
		return ErrSuspended.With()
	}
	return ErrNotInForce.With()
}

// continued checks the same at the provider's end, where the ledger is not.
func (s *Service) continued(ctx context.Context, tx *db.Tx, n *Negotiation) error {
	id := n.Application.Continues
	if id == "" {
		return nil
	}
	old, err := s.byAgreement(ctx, tx, db.System("renewal"), id, Provider)
	if err == nil && old.Consumer != n.Consumer {
		err = ErrNoSuch.With()
	}
	if err != nil {
		return err
	}
	if err := old.continues(&n.Application); errors.Is(err, ErrMismatch) {
		return err
	}
	return nil
}
