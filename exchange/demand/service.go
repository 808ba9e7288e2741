package demand

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/exchange/catalog"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/support/deadline"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/notice"
	"github.com/kuayu/kuayu/support/policy"
	"github.com/kuayu/kuayu/support/process"
)

// Deps are what the service needs.
type Deps struct {
	Cases      *process.Engine
	Catalog    *catalog.Service
	Agreements *agreement.Service
	Staff      *identity.Service
	Finder     Finder
	// Members are the ids of all members of the federation.
	Members func() []string
}

// Service is the service of demands.
type Service struct {
	d    Deps
	kind *process.Kind[Demand]
}

// NewService adds demands to the node's kinds of case.
func NewService(d Deps) *Service {
	s := &Service{d: d}
	s.kind = process.Open(d.Cases, def(), process.Hooks[Demand]{
		Index: func(d *Demand) process.Index {
			x := process.Index{Title: d.Want.Name}
			if d.Side == Provider {
				x.Member = d.Consumer.Member
			}
			return x
		},
		Params: func(d *Demand, e Event) notice.Params {
			p := notice.Params{Zh: d.Want.Name, En: d.Want.Name, Member: d.Consumer.Member}
			if n := len(d.Answers); (e == Offer || e == Decline) && n > 0 {
				p.Member = d.Answers[n-1].From.Member
			}
			return p
		},
		Before: map[Event]process.Hook[Demand]{Consent: s.everybody, Satisfy: s.applied, Assign: s.assigned, Reply: s.published},
		Arrives: &process.Arrivals[Demand]{
			Other: func(d *Demand) (deadline.Party, string) { return deadline.Party(d.Consumer), "" },
			To:    s.to,
			Belongs: func(d *Demand, from deadline.Party) bool {
				return (d.Side == Provider && d.Consumer.Member == from.Member) || (d.Side == Consumer && d.asked(from.Member))
			},
			Send: map[Event]func(context.Context, *db.Tx, *Demand, *process.Act) (any, error){
				Consent:  func(_ context.Context, _ *db.Tx, d *Demand, _ *process.Act) (any, error) { return d.Want, nil },
				Withdraw: nothing, Satisfy: nothing,
			},
			Opens: map[Event]func(context.Context, *db.Tx, *process.Message) (*Demand, *process.Act, any, error){Consent: s.received},
			Hears: map[Event]func(context.Context, *db.Tx, *Demand, *process.Message) (*process.Act, error){
				Reply: s.replied, Withdraw: s.closed, Satisfy: s.closed,
			},
		},
	})
	return s
}

// nothing is what a close says to the members asked: the step alone.
func nothing(context.Context, *db.Tx, *Demand, *process.Act) (any, error) { return struct{}{}, nil }

// to are the members asked, or from a provider the consumer.
func (s *Service) to(d *Demand, _ *process.Act) []deadline.Party {
	if d.Side == Provider {
		return []deadline.Party{deadline.Party(d.Consumer)}
	}
	out := make([]deadline.Party, len(d.Members))
	for i, m := range d.Members {
		out[i].Member = m
	}
	return out
}

func (s *Service) others() []string {
	return slices.DeleteFunc(slices.Clone(s.d.Members()), func(m string) bool { return m == s.d.Cases.Self })
}

// Write drafts a demand of the session's department; the head of its office consents before anybody hears of it. members
// are those to be asked; none: all.
func (s *Service) Write(ctx context.Context, sess *identity.Session, w Want, members []string) (*Demand, error) {
	if err := sess.Require(identity.DataOfficer); err != nil {
		return nil, err
	}
	for _, m := range members {
		if !slices.Contains(s.others(), m) {
			return nil, ErrMember.With(m)
		}
	}
	d := &Demand{Case: process.Case{Side: Consumer, Department: sess.Department}, Consumer: policy.Party{Member: s.d.Cases.Self, Department: sess.Department}, Want: w, Members: members}
	return d, s.d.Cases.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		return s.kind.Begin(ctx, tx, sess, d, Write, process.Given{})
	})
}

// ConsentDemand is the consent of the head of the consumer's office: the demand goes out to the members asked.
func (s *Service) ConsentDemand(ctx context.Context, sess *identity.Session, id string) (*Demand, error) {
	return s.kind.Act(ctx, sess, id, Consumer, Consent, process.Given{})
}

func (s *Service) everybody(_ context.Context, _ *db.Tx, d *Demand, _ *process.Act) error {
	if len(d.Members) == 0 {
		d.Members = s.others()
	}
	return nil
}

// ReturnDemand is the head of the consumer's office sending it back.
func (s *Service) ReturnDemand(ctx context.Context, sess *identity.Session, id, reason string) (*Demand, error) {
	return s.kind.Act(ctx, sess, id, Consumer, Return, process.Given{Note: reason})
}

// WithdrawDemand ends a demand that is needed no more; whoever was asked learns of it.
func (s *Service) WithdrawDemand(ctx context.Context, sess *identity.Session, id, reason string) (*Demand, error) {
	return s.kind.Act(ctx, sess, id, Consumer, Withdraw, process.Given{Note: reason})
}

// SatisfyDemand closes a demand with the application that was made for what it found.
func (s *Service) SatisfyDemand(ctx context.Context, sess *identity.Session, id, application string) (*Demand, error) {
	return s.kind.Act(ctx, sess, id, Consumer, Satisfy, process.Given{Args: &Satisfaction{application}})
}

// applied finds the application a demand is closed with: the department's own, for an entry that was offered if any was.
func (s *Service) applied(ctx context.Context, tx *db.Tx, d *Demand, a *process.Act) error {
	x, ok := a.Args.(*Satisfaction)
	if !ok {
		return ErrOther.With("")
	}
	n, err := s.d.Agreements.GetByRole(ctx, tx, db.In("", d.Department, a.Actor.Officer), x.Application, agreement.Consumer)
	if errors.Is(err, agreement.ErrNoSuch) {
		return ErrOther.With(x.Application)
	}
	if err != nil {
		return err
	}
	offers := func(o Answer) bool {
		return o.Kind == Offered && o.Resource == n.Application.Resource && o.From.Member == n.Application.Provider
	}
	if len(d.Answers) > 0 && !slices.ContainsFunc(d.Answers, offers) {
		return ErrOther.With(x.Application)
	}
	x.Application, a.Note = n.ID, n.ID
	return nil
}

// AssignDemand is the authority naming the department that is to answer.
func (s *Service) AssignDemand(ctx context.Context, sess *identity.Session, id, department string) (*Demand, error) {
	return s.kind.Act(ctx, sess, id, Provider, Assign, process.Given{Args: &Assignment{department}})
}

func (s *Service) assigned(ctx context.Context, _ *db.Tx, _ *Demand, a *process.Act) error {
	x, ok := a.Args.(*Assignment)
	if !ok {
		return ErrDepartment.With("")
	}
	ds, err := s.d.Staff.Departments(ctx)
	if err == nil && !slices.ContainsFunc(ds, func(o identity.Department) bool { return o.ID == x.Department }) {
		return ErrDepartment.With(x.Department)
	}
	a.Note = x.Department
	return err
}

// ReplyDemand is the assigned department's answer. One with a day may be given anew when the entry is published.
func (s *Service) ReplyDemand(ctx context.Context, sess *identity.Session, id string, x AnswerGiven) (*Demand, error) {
	return s.kind.Act(ctx, sess, id, Provider, Reply, process.Given{Note: x.Reason, Args: &x})
}

// published holds an answer to an entry of the department's own that is in the catalogue, and keeps the answer here.
func (s *Service) published(ctx context.Context, tx *db.Tx, d *Demand, a *process.Act) error {
	x, ok := a.Args.(*AnswerGiven)
	if !ok {
		return ErrAnswer.With()
	}
	if err := x.check(s.d.Cases.Clock.Now()); err != nil {
		return err
	}
	if x.Kind == Offered {
		r, err := s.d.Catalog.GetTx(ctx, tx, db.In("", d.Department, a.Actor.Officer), x.Resource)
		if errors.Is(err, catalog.ErrNoSuch) || (err == nil && (r.Department != d.Department || r.State != catalog.Published)) {
			return ErrEntry.With(x.Resource)
		}
		if err != nil {
			return err
		}
	}
	d.answered(Answer{AnswerGiven: *x, From: policy.Party{Member: s.d.Cases.Self, Department: d.Department}, Time: a.At})
	return nil
}

// received takes a demand of another member's department: the authority here is notified.
func (s *Service) received(_ context.Context, _ *db.Tx, m *process.Message) (*Demand, *process.Act, any, error) {
	w, err := process.Said[Want](m)
	if err != nil {
		return nil, nil, nil, err
	}
	return &Demand{Case: process.Case{Side: Provider}, Consumer: policy.Party(m.From), Want: *w}, m.Act(Receive, nil), nil, nil
}

// replied takes a department's answer at the consumer's end; what arrives when that is done is kept, and nobody is notified.
func (s *Service) replied(_ context.Context, _ *db.Tx, _ *Demand, m *process.Message) (*process.Act, error) {
	x, err := process.Said[AnswerGiven](m)
	if err != nil {
		return nil, err
	}
	if err := x.check(time.Time{}); err != nil { // a day that passed on the way is for people to see
		return nil, err
	}
	e := Offer
	if x.Kind == NotHeld {
		e = Decline
	}
	return m.Act(e, &Answer{AnswerGiven: *x, From: policy.Party(m.From), Time: s.d.Cases.Clock.Now()}), nil
}

// closed takes the end of a demand at a provider: the note says how it ended.
func (s *Service) closed(_ context.Context, _ *db.Tx, _ *Demand, m *process.Message) (*process.Act, error) {
	a := m.Act(Close, nil)
	a.Note = string(m.To)
	return a, nil
}

// Get returns a demand of the scope, with its history.
func (s *Service) Get(ctx context.Context, sc db.Scope, id string) (*Demand, error) {
	tx := s.d.Cases.DB.Read()
	d, err := s.kind.Get(ctx, tx, sc, process.Query{ID: id})
	if err != nil {
		return nil, err
	}
	d.Steps, err = s.kind.History(ctx, tx, d)
	return d, err
}

// List lists the scope's demands, latest first; state empty: in any state.
func (s *Service) List(ctx context.Context, sc db.Scope, state State, limit int) ([]Demand, error) {
	ds, _, err := s.Page(ctx, sc, state, "", limit)
	return ds, err
}

// Page is List from a cursor on, and the cursor behind it.
func (s *Service) Page(ctx context.Context, sc db.Scope, state State, after string, limit int) ([]Demand, string, error) {
	q := process.Query{After: after, Limit: limit}
	if state != "" {
		q.States = []State{state}
	}
	return s.kind.Page(ctx, sc, q)
}

// Matches are entries of any member that seem to offer what a demand is for: at the consumer's end, so that nobody waits
// for what is published already.
func (s *Service) Matches(ctx context.Context, sc db.Scope, id string) ([]Match, error) {
	d, err := s.Get(ctx, sc, id)
	if err != nil {
		return nil, err
	}
	ms, err := find(ctx, s.d.Finder, "", &d.Want)
	return ms[:min(len(ms), matches)], err
}

// Candidates are this node's departments that are likely to hold what a demand is for; the authority chooses.
func (s *Service) Candidates(ctx context.Context, sess *identity.Session, id string) ([]Candidate, error) {
	if err := sess.Require(identity.Authority); err != nil {
		return nil, err
	}
	d, err := s.kind.Get(ctx, s.d.Cases.DB.Read(), db.Oversight(sess.Division, sess.Department, sess.Actor), process.Query{ID: id, Side: Provider})
	if err != nil {
		return nil, err
	}
	ms, err := find(ctx, s.d.Finder, s.d.Cases.Self, &d.Want)
	if err != nil {
		return nil, err
	}
	return candidates(ms), nil
}
