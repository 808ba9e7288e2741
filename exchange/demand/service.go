package demand

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/exchange/catalog"
	"github.com/kuayu/kuayu/internal/clock"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/httpx"
	"github.com/kuayu/kuayu/internal/ids"
	"github.com/kuayu/kuayu/support/evidence"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/notice"
	"github.com/kuayu/kuayu/support/peer"
	"github.com/kuayu/kuayu/support/policy"
	"github.com/kuayu/kuayu/support/seal"
)

// The kinds of messages, and of the facts that prove them.
const (
	KindListed = "demand.listed"
	KindAnswer = "demand.answer"
	KindClosed = "demand.closed"
)

// Board is where notices are put. notice.Service is one.
type Board interface {
	Put(ctx context.Context, tx *db.Tx, sc db.Scope, n notice.Notice, p notice.Params) error
}

// Deps are what the room needs.
type Deps struct {
	Self       string // this member
	DB         *db.DB
	Clock      clock.Clock
	IDs        ids.Source
	Outbox     *evidence.Outbox
	Post       *peer.Post
	Catalog    *catalog.Service
	Agreements *agreement.Service
	Staff      *identity.Service
	Board      Board
	Finder     Finder
	// Members are the ids of all members of the federation.
	Members func() []string
}

// Service is the room.
type Service struct{ d Deps }

// NewService wires the room and takes its messages.
func NewService(d Deps) *Service {
	s := &Service{d: d}
	d.Post.Handle(KindListed, peer.Handler{In: s.listed})
	d.Post.Handle(KindAnswer, peer.Handler{In: s.answered})
	d.Post.Handle(KindClosed, peer.Handler{In: s.closed})
	return s
}

func scopeOf(sess *identity.Session) db.Scope {
	return db.In(sess.Division, sess.Department, sess.Actor)
}

// step takes one arrow and writes it down.
func (d *Demand) step(e Event, actor, note string, now time.Time) error {
	to, err := next(d.State, e)
	if err != nil {
		return err
	}
	d.State, d.Updated = to, now
	d.Steps = append(d.Steps, Step{Time: now, Actor: actor, Event: e, Note: note})
	return nil
}

// fact records an act of a person at this end. It is the demand's department's: the authority's officer, who acts for all of
// them, has one, too, which is a stranger to what the others ask for.
func (s *Service) fact(ctx context.Context, tx *db.Tx, d *Demand, e Event, sess *identity.Session) error {
	body, err := json.Marshal(d)
	if err != nil {
		return err
	}
	h := evidence.Header{Note: d.ID}
	return s.d.Outbox.Put(ctx, tx, evidence.Draft{
		Kind: "demand." + string(e), ID: s.d.IDs.NewID(), Header: h.Encode(), Body: body, Actor: seal.Actor{Department: d.Department, Officer: sess.Actor},
	})
}

func (s *Service) send(ctx context.Context, tx *db.Tx, to policy.Party, kind, id string, from policy.Party, officer string, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return s.d.Post.Queue(ctx, tx, peer.Message{
		To: to.Member, ToDept: to.Department, Subject: "demand/" + id, Kind: kind, Method: http.MethodPost, Path: peer.PathMessages + kind,
		ContentType: "application/json", Department: from.Department, Officer: officer, Body: body,
	})
}

// tell puts a notice of a demand.
func (s *Service) tell(ctx context.Context, tx *db.Tx, d *Demand, kind notice.Kind, member string, roles ...identity.Role) error {
	n := notice.Notice{Department: d.Department, Roles: roles, Kind: kind, Subject: "demand/" + d.ID, Link: "/demands/" + d.ID}
	return s.d.Board.Put(ctx, tx, db.System("demand"), n, notice.Params{Zh: d.Want.Name, En: d.Want.Name, Member: member})
}

// Write drafts a demand of the session's department; the head of its office consents before anybody hears of it. members
// are those to be asked; none: all.
func (s *Service) Write(ctx context.Context, sess *identity.Session, w Want, members []string) (*Demand, error) {
	if err := sess.Require(identity.DataOfficer); err != nil {
		return nil, err
	}
	now := s.d.Clock.Now()
	if err := w.check(now); err != nil {
		return nil, err
	}
	for _, m := range members {
		if m == s.d.Self || !slices.Contains(s.d.Members(), m) {
			return nil, ErrMember.With(m)
		}
	}
	d := &Demand{
		ID: s.d.IDs.NewID(), Side: Asker, State: Draft, Asker: policy.Party{Member: s.d.Self, Department: sess.Department}, Want: w, Members: members,
		Department: sess.Department, Created: now, Updated: now, Steps: []Step{},
	}
	return d, s.d.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if err := s.save(ctx, tx, d); err != nil {
			return err
		}
		return s.tell(ctx, tx, d, notice.DemandConsent, "", identity.OfficeHead)
	})
}

// act loads a demand of the session's department, takes an arrow, and does what follows from it.
func (s *Service) act(ctx context.Context, sess *identity.Session, id string, side Side, e Event, note string, roles []identity.Role, then func(context.Context, *db.Tx, *Demand) error) (*Demand, error) {
	if err := sess.Require(roles...); err != nil {
		return nil, err
	}
	sc := scopeOf(sess)
	if e == Assign { // the authority looks after the whole node
		sc = db.Oversight(sess.Division, sess.Department, sess.Actor)
	}
	if len(note) > maxText {
		note = note[:maxText]
	}
	var d *Demand
	err := s.d.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		var err error
		if d, err = s.load(ctx, tx, sc, id, side); err != nil {
			return err
		}
		if err := d.step(e, sess.Actor, note, s.d.Clock.Now()); err != nil {
			return err
		}
		if then != nil {
			if err := then(ctx, tx, d); err != nil {
				return err
			}
		}
		if err := s.save(ctx, tx, d); err != nil {
			return err
		}
		return s.fact(ctx, tx, d, e, sess)
	})
	if err != nil {
		return nil, err
	}
	return d, nil
}

// listedMessage is the body of KindListed, answerMessage that of KindAnswer, closedMessage that of KindClosed.
type listedMessage struct {
	ID   string `json:"id"`
	Want Want   `json:"want"`
}

type answerMessage struct {
	ID     string      `json:"id"`
	Answer AnswerGiven `json:"answer"`
}

type closedMessage struct {
	ID        string `json:"id"`
	Satisfied bool   `json:"satisfied"`
}

func (s *Service) asked(d *Demand) []string {
	if len(d.Members) > 0 {
		return d.Members
	}
	return slices.DeleteFunc(slices.Clone(s.d.Members()), func(m string) bool { return m == s.d.Self })
}

// ConsentDemand is the consent of the head of the asking office: the demand goes out to the members asked.
func (s *Service) ConsentDemand(ctx context.Context, sess *identity.Session, id string) (*Demand, error) {
	return s.act(ctx, sess, id, Asker, Consent, "", []identity.Role{identity.OfficeHead}, func(ctx context.Context, tx *db.Tx, d *Demand) error {
		d.Members = s.asked(d)
		for _, m := range d.Members {
			if err := s.send(ctx, tx, policy.Party{Member: m}, KindListed, d.ID, d.Asker, sess.Actor, listedMessage{ID: d.ID, Want: d.Want}); err != nil {
				return err
			}
		}
		return nil
	})
}

// ReturnDemand is the head of the asking office sending it back.
func (s *Service) ReturnDemand(ctx context.Context, sess *identity.Session, id, reason string) (*Demand, error) {
	if strings.TrimSpace(reason) == "" {
		return nil, agreement.ErrReason.With()
	}
	return s.act(ctx, sess, id, Asker, Return, reason, []identity.Role{identity.OfficeHead}, func(ctx context.Context, tx *db.Tx, d *Demand) error {
		return s.tell(ctx, tx, d, notice.DemandReturned, "", identity.DataOfficer)
	})
}

// WithdrawDemand ends a demand that is needed no more; whoever was asked is told.
func (s *Service) WithdrawDemand(ctx context.Context, sess *identity.Session, id, reason string) (*Demand, error) {
	return s.act(ctx, sess, id, Asker, Withdraw, reason, []identity.Role{identity.DataOfficer, identity.OfficeHead}, func(ctx context.Context, tx *db.Tx, d *Demand) error {
		return s.close(ctx, tx, d, sess.Actor)
	})
}

// SatisfyDemand closes a demand with the application that was made for what it found.
func (s *Service) SatisfyDemand(ctx context.Context, sess *identity.Session, id, application string) (*Demand, error) {
	return s.act(ctx, sess, id, Asker, Satisfy, application, []identity.Role{identity.DataOfficer}, func(ctx context.Context, tx *db.Tx, d *Demand) error {
		n, err := s.d.Agreements.End(ctx, tx, scopeOf(sess), application, agreement.Consumer)
		if errors.Is(err, agreement.ErrNoSuch) {
			return ErrOther.With(application)
		}
		if err != nil {
			return err
		}
		offered := len(d.Answers) == 0
		for _, a := range d.Answers {
			offered = offered || (a.Kind == Offered && a.Resource == n.Application.Resource && a.From.Member == n.Application.Provider)
		}
		if !offered {
			return ErrOther.With(application)
		}
		d.Application = n.ID
		return s.close(ctx, tx, d, sess.Actor)
	})
}

// close tells the members that were asked; nobody was before the head consented.
func (s *Service) close(ctx context.Context, tx *db.Tx, d *Demand, officer string) error {
	if !slices.ContainsFunc(d.Steps, func(st Step) bool { return st.Event == Consent }) {
		return nil
	}
	for _, m := range d.Members {
		if err := s.send(ctx, tx, policy.Party{Member: m}, KindClosed, d.ID, d.Asker, officer, closedMessage{ID: d.ID, Satisfied: d.State == Satisfied}); err != nil {
			return err
		}
	}
	return nil
}

// AssignDemand is the authority naming the department that is to answer (Decree 809 art. 20: the authority sees to it
// that supply meets demand).
func (s *Service) AssignDemand(ctx context.Context, sess *identity.Session, id, department string) (*Demand, error) {
	return s.act(ctx, sess, id, Holder, Assign, department, []identity.Role{identity.Authority}, func(ctx context.Context, tx *db.Tx, d *Demand) error {
		ds, err := s.d.Staff.Departments(ctx)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(ds, func(x identity.Department) bool { return x.ID == department }) {
			return ErrDepartment.With(department)
		}
		d.Department = department
		return s.tell(ctx, tx, d, notice.DemandAssigned, d.Asker.Member, identity.DataOfficer)
	})
}

// ReplyDemand is the assigned department's answer. One with a day may be given anew when the entry is there.
func (s *Service) ReplyDemand(ctx context.Context, sess *identity.Session, id string, a AnswerGiven) (*Demand, error) {
	now := s.d.Clock.Now()
	if err := a.check(now); err != nil {
		return nil, err
	}
	return s.act(ctx, sess, id, Holder, Reply, a.Reason, []identity.Role{identity.DataOfficer}, func(ctx context.Context, tx *db.Tx, d *Demand) error {
		if a.Kind == Offered {
			r, err := s.d.Catalog.GetTx(ctx, tx, scopeOf(sess), a.Resource)
			if errors.Is(err, catalog.ErrNoSuch) || (err == nil && (r.Department != sess.Department || r.State != catalog.Published)) {
				return ErrEntry.With(a.Resource)
			}
			if err != nil {
				return err
			}
		}
		from := policy.Party{Member: s.d.Self, Department: sess.Department}
		d.answered(Answer{AnswerGiven: a, From: from, Time: now})
		return s.send(ctx, tx, d.Asker, KindAnswer, d.ID, from, sess.Actor, answerMessage{ID: d.ID, Answer: a})
	})
}

// listed takes a demand of another member's department: the authority here is told.
func (s *Service) listed(ctx context.Context, tx *db.Tx, in *peer.Incoming) ([]byte, error) {
	var m listedMessage
	if err := httpx.Unmarshal(in.Body, &m); err != nil {
		return nil, err
	}
	now := s.d.Clock.Now()
	if err := m.Want.check(time.Time{}); err != nil { // a day that passed on the way is for people to see
		return nil, err
	}
	if !ids.Valid(m.ID) {
		return nil, ErrNoSuch.With()
	}
	if _, err := s.load(ctx, tx, db.System("demand"), m.ID, Holder); err == nil {
		return nil, ErrNoSuch.With() // the id is taken
	}
	d := &Demand{
		ID: m.ID, Side: Holder, State: Open, Asker: policy.Party{Member: in.From, Department: in.Fact.Actor.Department}, Want: m.Want, Created: now, Updated: now,
		Steps: []Step{{Time: now, Actor: in.From, Event: Consent}},
	}
	if err := s.save(ctx, tx, d); err != nil {
		return nil, err
	}
	return nil, s.tell(ctx, tx, d, notice.DemandReceived, in.From, identity.Authority)
}

// answered takes a department's answer at the asking end.
func (s *Service) answered(ctx context.Context, tx *db.Tx, in *peer.Incoming) ([]byte, error) {
	var m answerMessage
	if err := httpx.Unmarshal(in.Body, &m); err != nil {
		return nil, err
	}
	if err := m.Answer.check(time.Time{}); err != nil {
		return nil, err
	}
	d, err := s.load(ctx, tx, db.System("demand"), m.ID, Asker)
	if err != nil || !slices.Contains(d.Members, in.From) {
		return nil, ErrNoSuch.With() // a stranger learns nothing
	}
	e := Offer
	if m.Answer.Kind == NotHeld {
		e = Decline
	}
	now := s.d.Clock.Now()
	was := d.State
	if err := d.step(e, in.From, m.Answer.Reason, now); err != nil {
		return nil, err
	}
	d.answered(Answer{AnswerGiven: m.Answer, From: policy.Party{Member: in.From, Department: in.Fact.Actor.Department}, Time: now})
	if err := s.save(ctx, tx, d); err != nil {
		return nil, err
	}
	if was == Satisfied || was == Withdrawn {
		return nil, nil
	}
	return nil, s.tell(ctx, tx, d, notice.DemandAnswered, in.From, identity.DataOfficer)
}

// closed takes the end of a demand.
func (s *Service) closed(ctx context.Context, tx *db.Tx, in *peer.Incoming) ([]byte, error) {
	var m closedMessage
	if err := httpx.Unmarshal(in.Body, &m); err != nil {
		return nil, err
	}
	d, err := s.load(ctx, tx, db.System("demand"), m.ID, Holder)
	if err != nil || d.Asker.Member != in.From {
		return nil, ErrNoSuch.With()
	}
	note := string(Withdrawn)
	if m.Satisfied {
		note = string(Satisfied)
	}
	if err := d.step(Close, in.From, note, s.d.Clock.Now()); err != nil {
		return nil, err
	}
	if err := s.save(ctx, tx, d); err != nil || d.Department == "" {
		return nil, err
	}
	return nil, s.tell(ctx, tx, d, notice.DemandClosed, in.From, identity.DataOfficer)
}

// Matches are entries of any member that seem to offer what a demand is for: at the asking end, so that nobody waits for
// what is there already.
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
	d, err := s.load(ctx, s.d.DB.Read(), db.Oversight(sess.Division, sess.Department, sess.Actor), id, Holder)
	if err != nil {
		return nil, err
	}
	ms, err := find(ctx, s.d.Finder, s.d.Self, &d.Want)
	if err != nil {
		return nil, err
	}
	return candidates(ms), nil
}
