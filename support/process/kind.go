package process

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/kuayu/kuayu/internal/clock"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/ids"
	"github.com/kuayu/kuayu/support/deadline"
	"github.com/kuayu/kuayu/support/evidence"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/notice"
	"github.com/kuayu/kuayu/support/peer"
	"github.com/kuayu/kuayu/support/seal"
)

// Board is where notices are put. notice.Service is one.
type Board interface {
	Put(ctx context.Context, tx *db.Tx, sc db.Scope, n notice.Notice, p notice.Params) error
}

// Offices lists the departments of the node. identity.Service is one.
type Offices interface {
	Departments(ctx context.Context) ([]identity.Department, error)
}

// Deps are what cases need of a node.
type Deps struct {
	Self    string // this member
	DB      *db.DB
	Clock   clock.Clock
	IDs     ids.Source
	Outbox  *evidence.Outbox
	Clocks  *deadline.Service // nil: no clock runs
	Board   Board             // nil: nobody is notified
	Offices Offices           // who hears of what Everyone hears of
	Mailbox *peer.Mailbox     // nil: kinds that the kernel delivers cannot be opened
	// Division is a member's division (GB/T 2260); empty if unknown.
	Division func(member string) string
}

// Engine holds what all kinds of case of a node share.
type Engine struct {
	Deps
	kinds []Process
}

// NewEngine starts with no kinds; Open adds them.
func NewEngine(d Deps) *Engine { return &Engine{Deps: d} }

// Hook is what a kind does in the transaction of a step.
type Hook[D any] func(ctx context.Context, tx *db.Tx, d *D, a *Act) error

// Hooks bind a kind to its node. Index is needed; all others may be left out.
type Hooks[D any] struct {
	Index   func(*D) Index
	Parties func(*D) deadline.Parties
	Region  func(*D) string // the division by whose profile the clocks run
	Header  func(*D) evidence.Header
	Fact    func(d *D, a *Act, said map[string]any) // adds to the body of the fact
	Params  func(d *D, e Event) notice.Params
	// Prepare runs ahead of the transaction of an officer's act, on what is stored then: for what must not be done inside.
	Prepare map[Event]func(ctx context.Context, sc db.Scope, d *D, args any) error
	Before  map[Event]Hook[D] // ahead of the step: may refuse, prepare the document, and set Act.Document
	After   map[Event]Hook[D] // behind it: history, fact, clocks and notices are written
	Stored  Hook[D]           // after each event, when the document is stored
	// Send carries a move's message; nil: the kernel does, to the parties that To names.
	Send    func(ctx context.Context, tx *db.Tx, d *D, m *Move, a *Act) error
	Arrives *Arrivals[D]
}

// Kind is a kind of case at a node.
type Kind[D any] struct {
	Def[D]
	e     *Engine
	hooks Hooks[D]
}

// Open adds a kind to the engine. The kind's table must be without faults (Table.Check), which a test of the kind sees to.
func Open[D any](e *Engine, def Def[D], h Hooks[D]) *Kind[D] {
	k := &Kind[D]{Def: def, e: e, hooks: h}
	e.kinds = append(e.kinds, k)
	if h.Arrives != nil {
		k.listen()
	}
	return k
}

// subject is what clocks, notices and ordered messages call a case.
func (k *Kind[D]) subject(c *Case) string { return k.Table.Kind + "/" + c.ID }

// Given is what an officer says with an event.
type Given struct {
	Note     string
	Args     any // a pointer to the event's own type; nil: nothing is said
	Document []byte
}

// Act is an officer causing an event in a case of its department, or as the authority in any of the node. side names the
// end where one node may hold both; empty: the ends at which the session's roles may.
func (k *Kind[D]) Act(ctx context.Context, sess *identity.Session, ref string, side Side, e Event, g Given) (*D, error) {
	row := k.Table.Event(e)
	if row == nil {
		return nil, k.Table.noEvent(e)
	}
	if len(row.By) == 0 {
		return nil, ErrOwn.With(string(e))
	}
	if err := sess.Require(row.by(side)...); err != nil {
		return nil, err
	}
	sc := k.scope(sess, row, side)
	named := Query{ID: ref, Side: k.sideOf(sess, row, side)}
	var d *D
	if f := k.hooks.Prepare[e]; f != nil {
		d, err := k.Get(ctx, k.e.DB.Read(), sc, named)
		if err != nil {
			return nil, err
		}
		if err := f(ctx, sc, d, g.Args); err != nil {
			return nil, err
		}
	}
	err := k.e.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		var err error
		if d, err = k.Get(ctx, tx, sc, named); err != nil {
			return err
		}
		return k.Take(ctx, tx, d, k.by(sess, d, e, g))
	})
	if err != nil {
		return nil, err
	}
	return d, nil
}

// scope is what a session may act on: its department's cases, or as the authority all of the node.
func (k *Kind[D]) scope(sess *identity.Session, row *EventRow, side Side) db.Scope {
	if sess.Has(identity.Authority) && slices.Contains(row.by(side), identity.Authority) {
		return db.Oversight(sess.Division, sess.Department, sess.Actor)
	}
	return db.In(sess.Division, sess.Department, sess.Actor)
}

// sideOf is the one end at which a session may cause an event; empty if there are several.
func (k *Kind[D]) sideOf(sess *identity.Session, row *EventRow, side Side) Side {
	if side != "" {
		return side
	}
	for _, w := range row.By {
		if !sess.Has(w.Roles...) {
			continue
		}
		if side != "" && side != w.Side {
			return ""
		}
		side = w.Side
	}
	return side
}

// by is an event as an officer causes it. What the authority does for a department is that department's act; the fact
// names the authority.
func (k *Kind[D]) by(sess *identity.Session, d *D, e Event, g Given) *Act {
	a := &Act{Event: e, Actor: seal.Actor{Department: k.Case(d).Department, Officer: sess.Actor}, Note: g.Note, Args: g.Args, Document: g.Document}
	if sess.Department != a.Actor.Department {
		a.Authority = sess.Department
		if a.Actor.Department == "" {
			a.Actor.Department, a.Authority = sess.Department, ""
		}
	}
	return a
}

// Begin opens a case of a session's department with its first event. d is new: its Case has a side and a department.
func (k *Kind[D]) Begin(ctx context.Context, tx *db.Tx, sess *identity.Session, d *D, e Event, g Given) error {
	if err := k.prepare(ctx, tx, d); err != nil {
		return err
	}
	return k.Take(ctx, tx, d, k.by(sess, d, e, g))
}

// prepare gives a new case its names and its first state.
func (k *Kind[D]) prepare(ctx context.Context, tx *db.Tx, d *D) error {
	c := k.Case(d)
	if c.ID == "" {
		c.ID = k.e.IDs.NewID()
	}
	c.Created = k.e.Clock.Now()
	if c.State == "" {
		c.State = k.Table.Start
	}
	if c.Number != "" {
		return nil
	}
	var err error
	c.Number, err = k.e.free(ctx, tx, c.Created)
	return err
}

// Take takes one event in a transaction: hook, step, document, history, fact, clocks, notices, message. A failure leaves
// the transaction to be rolled back.
func (k *Kind[D]) Take(ctx context.Context, tx *db.Tx, d *D, a *Act) error {
	c := k.Case(d)
	if a.At.IsZero() {
		a.At = k.e.Clock.Now()
	}
	if c.ID == "" || c.Number == "" {
		if err := k.prepare(ctx, tx, d); err != nil {
			return err
		}
	}
	if err := k.Ready(d, a); err != nil {
		return err
	}
	if f := k.hooks.Before[a.Event]; f != nil {
		if err := f(ctx, tx, d, a); err != nil {
			return err
		}
	}
	out, err := k.Step(d, a)
	if err != nil {
		return err
	}
	if err := k.Save(ctx, tx, d); err != nil {
		return err
	}
	if k.hooks.Stored != nil {
		if err := k.hooks.Stored(ctx, tx, d, a); err != nil {
			return err
		}
	}
	actor := a.Actor.Officer
	if a.Remote {
		actor = k.hooks.Index(d).Member
	}
	if err := k.saveStep(ctx, tx, c, Step{ID: k.e.IDs.NewID(), Time: a.At, Actor: actor, Event: a.Event, From: out.From, To: out.To, Note: a.Note}); err != nil {
		return err
	}
	if !k.proven(a, out) {
		if err := k.fact(ctx, tx, d, a, out); err != nil {
			return err
		}
	}
	if err := k.tick(ctx, tx, d, a.At, out); err != nil {
		return err
	}
	if !out.Move.Quiet {
		if err := k.notify(ctx, tx, d, a.Event); err != nil {
			return err
		}
	}
	if f := k.hooks.After[a.Event]; f != nil {
		if err := f(ctx, tx, d, a); err != nil {
			return err
		}
	}
	if out.Move.Send == "" || a.Remote {
		return nil
	}
	if k.hooks.Send != nil {
		return k.hooks.Send(ctx, tx, d, out.Move, a)
	}
	return k.send(ctx, tx, d, a, out)
}

// proven reports whether a step needs no fact of its own: where the kernel delivers, the sealed message proves it at the
// end that took it, and the acknowledgement at the other.
func (k *Kind[D]) proven(a *Act, out *Outcome) bool {
	return k.hooks.Arrives != nil && (a.Remote || out.Move.Send != "")
}

// fact records the step in evidence.
func (k *Kind[D]) fact(ctx context.Context, tx *db.Tx, d *D, a *Act, out *Outcome) error {
	c := k.Case(d)
	said := map[string]any{"case": c.ID, "number": c.Number, "event": a.Event, "from": out.From, "to": out.To}
	if a.Note != "" {
		said["note"] = a.Note
	}
	if a.Detail != nil {
		said["detail"] = a.Detail
	}
	if a.Authority != "" {
		said["authority"] = a.Authority
	}
	if k.hooks.Fact != nil {
		k.hooks.Fact(d, a, said)
	}
	body, err := json.Marshal(said)
	if err != nil {
		return err
	}
	h := evidence.Header{Note: c.ID, To: k.hooks.Index(d).Member}
	if k.hooks.Header != nil {
		h = k.hooks.Header(d)
	}
	actor := a.Actor
	if actor.Department == "" {
		actor.Department = c.Department
	}
	return k.e.Outbox.Put(ctx, tx, evidence.Draft{Kind: k.Table.Kind + "." + string(a.Event), ID: k.e.IDs.NewID(), Actor: actor, Header: h.Encode(), Body: body})
}

// tick does to the law's clocks what the step does. Both ends keep them: the provider's judges, the applicant's watches.
func (k *Kind[D]) tick(ctx context.Context, tx *db.Tx, d *D, now time.Time, out *Outcome) error {
	return k.Tick(ctx, tx, d, now, out.Span, out.Clocks...)
}

// notify puts the notices of an event at this end.
func (k *Kind[D]) notify(ctx context.Context, tx *db.Tx, d *D, e Event) error {
	if k.e.Board == nil {
		return nil
	}
	row := k.Table.Event(e)
	for i := range row.Notify {
		if row.Notify[i].Side != k.Case(d).Side {
			continue
		}
		if err := k.Notify(ctx, tx, d, e, &row.Notify[i]); err != nil {
			return err
		}
	}
	return nil
}

// Notify puts one notice about a case: for hooks whose audience the table cannot know.
func (k *Kind[D]) Notify(ctx context.Context, tx *db.Tx, d *D, e Event, n *Notify) error {
	if k.e.Board == nil {
		return nil
	}
	c, to := k.Case(d), []string{}
	switch n.To {
	case Office:
		to = []string{c.Department}
	case Authority:
		to = []string{""}
	case Everyone:
		all, err := k.e.Offices.Departments(ctx)
		if err != nil {
			return err
		}
		for _, x := range all {
			to = append(to, x.ID)
		}
	}
	var p notice.Params
	if k.hooks.Params != nil {
		p = k.hooks.Params(d, e)
	}
	for _, department := range to {
		x := notice.Notice{Department: department, Roles: n.Roles, Kind: n.Kind, Subject: k.subject(c)}
		if err := k.e.Board.Put(ctx, tx, db.System(k.Table.Kind), x, p); err != nil {
			return err
		}
	}
	return nil
}

// Tick moves clocks of a case without a step: for what is learnt of time alone.
func (k *Kind[D]) Tick(ctx context.Context, tx *db.Tx, d *D, now time.Time, span Span, actions ...deadline.Action) error {
	if len(actions) == 0 || k.e.Clocks == nil {
		return nil
	}
	c := k.Case(d)
	x := deadline.Case{Subject: k.subject(c), Department: c.Department, End: k.Table.law(c.Side), At: now, Days: span.Days, Consent: span.Consent}
	if !span.At.IsZero() {
		x.At = span.At
	}
	if !span.By.IsZero() {
		x.Days = k.e.Clocks.DaysUntil(x.At, span.By)
	}
	if k.hooks.Region != nil {
		x.Profile = k.e.Clocks.ProfileFor(k.hooks.Region(d))
	}
	if k.hooks.Parties != nil {
		x.Parties = k.hooks.Parties(d)
	}
	return k.e.Clocks.Apply(ctx, tx, db.System(k.Table.Kind), x, actions...)
}

// TickAs moves the clocks that an event would move, without the event: where the other end took it first.
func (k *Kind[D]) TickAs(ctx context.Context, tx *db.Tx, d *D, e Event, span Span) error {
	_, m, err := k.Table.Next(k.Case(d).State, e, nil)
	if err != nil {
		return err
	}
	return k.Tick(ctx, tx, d, k.e.Clock.Now(), span, k.clocks(d, m.Clocks)...)
}
