package objection

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/internal/clock"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/internal/httpx"
	"github.com/kuayu/kuayu/internal/ids"
	"github.com/kuayu/kuayu/support/deadline"
	"github.com/kuayu/kuayu/support/evidence"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/peer"
	"github.com/kuayu/kuayu/support/policy"
)

// The kinds of messages about corrections, and of the facts that prove them.
const (
	KindReport = "correction.report"
	KindAnswer = "correction.answer"
	KindNotice = "correction.notice"
)

// Deps are what the room needs.
type Deps struct {
	DB         *db.DB
	Clock      clock.Clock
	IDs        ids.Source
	Outbox     *evidence.Outbox
	Index      *evidence.Index
	Post       *peer.Post
	Agreements *agreement.Service
	Clocks     *deadline.Service
	// Division is a member's division (GB/T 2260); empty if unknown.
	Division func(member string) string
}

// Service is the room.
type Service struct {
	db         *db.DB
	clock      clock.Clock
	ids        ids.Source
	outbox     *evidence.Outbox
	index      *evidence.Index
	post       *peer.Post
	agreements *agreement.Service
	clocks     *deadline.Service
	region     func(member string) string
}

// NewService wires the room and takes its messages.
func NewService(d Deps) *Service {
	s := &Service{
		db: d.DB, clock: d.Clock, ids: d.IDs, outbox: d.Outbox, index: d.Index, post: d.Post, agreements: d.Agreements, clocks: d.Clocks,
		region: d.Division,
	}
	d.Post.Handle(KindReport, peer.Handler{In: s.reported})
	d.Post.Handle(KindAnswer, peer.Handler{In: s.answered})
	d.Post.Handle(KindNotice, peer.Handler{In: s.noticed})
	d.Post.OnSettled(KindReport, s.received)
	d.Post.Handle(KindDispute, peer.Handler{In: s.disputed})
	d.Post.OnSettled(KindDispute, s.opened)
	for _, a := range Acts() {
		d.Post.Handle(kindOf(a), peer.Handler{In: func(ctx context.Context, tx *db.Tx, in *peer.Incoming) ([]byte, error) {
			return nil, s.heard(ctx, tx, in, a)
		}})
	}
	return s
}

// send queues a sealed message from one party to the other; the message is the fact that proves the act.
func (s *Service) send(ctx context.Context, tx *db.Tx, kind, subject, agr, officer string, from, to policy.Party, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return s.post.Queue(ctx, tx, peer.Message{
		To: to.Member, ToDept: to.Department, Subject: subject, Kind: kind, Method: http.MethodPost, Path: peer.PathMessages + kind,
		ContentType: "application/json", Agreement: agr, Department: from.Department, Officer: officer, Body: body,
	})
}

func scopeOf(sess *identity.Session) db.Scope {
	return db.In(sess.Division, sess.Department, sess.Actor)
}

// got reports whether data may have been got under an agreement.
func got(n *agreement.Negotiation) bool {
	return slices.Contains([]agreement.State{
		agreement.Active, agreement.ChangeOfUse, agreement.Suspended, agreement.Rectifying, agreement.Expired, agreement.Terminated, agreement.Disposal, agreement.Closed,
	}, n.State)
}

// terms are what an agreement grants.
func (s *Service) terms(ctx context.Context, sc db.Scope, id string) (*policy.Terms, error) {
	b, err := s.agreements.Bytes(ctx, sc, id)
	if err != nil {
		return nil, err
	}
	return policy.DecodeAgreement(b)
}

// Report sends a correction to the provider of an agreement (Decree 809 art. 26). Nothing is blocked by it: the case the
// record is needed for goes on (2016 Interim Measures), and queries are answered as before.
func (s *Service) Report(ctx context.Context, sess *identity.Session, id string, r CorrectionRequest) (*Correction, error) {
	if err := sess.Require(identity.DataOfficer); err != nil {
		return nil, err
	}
	var c *Correction
	err := s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		n, err := s.agreements.End(ctx, tx, scopeOf(sess), id, agreement.Consumer)
		switch {
		case err != nil:
			return err
		case !got(n):
			return agreement.ErrNotInForce.With()
		case n.Foreign():
			return ErrForeign.With()
		}
		t, err := s.terms(ctx, scopeOf(sess), n.Agreement)
		if err != nil {
			return err
		}
		if err := r.check(t); err != nil {
			return err
		}
		now := s.clock.Now()
		c = &Correction{
			ID: s.ids.NewID(), Role: agreement.Consumer, State: Sent, Agreement: n.Agreement, Resource: n.Application.Resource, Consumer: n.Consumer,
			Provider: n.Provider, Report: r, CaseGoes: true, Created: now,
		}
		c.step(now, sess.Actor, "report", r.Reason)
		if err := s.save(ctx, tx, c); err != nil {
			return err
		}
		return s.send(ctx, tx, KindReport, subjectOf(c.ID), c.Agreement, sess.Actor, c.Consumer, c.Provider, reportMessage{ID: c.ID, Agreement: c.Agreement, Report: r})
	})
	if err != nil {
		return nil, err
	}
	return c, nil
}

func subjectOf(id string) string { return "correction/" + id }

// reportMessage is the body of KindReport, answerMessage that of KindAnswer.
type reportMessage struct {
	ID        string            `json:"id"`
	Agreement string            `json:"agreement"`
	Report    CorrectionRequest `json:"report"`
}

type answerMessage struct {
	ID      string           `json:"id"`
	Finding CorrectionAnswer `json:"finding"`
}

// tick does to the clock D7 what an act does, in its transaction (Decree 809 art. 26: 10 working days from receipt).
func (s *Service) tick(ctx context.Context, tx *db.Tx, c *Correction, at time.Time, actions ...deadline.Action) error {
	k := deadline.Case{
		Subject: subjectOf(c.ID), Department: c.Department(), End: deadline.Applicant, At: at, Profile: s.clocks.ProfileFor(s.region(c.Provider.Member)),
		Parties: deadline.Parties{
			Provider:  deadline.Party{Member: c.Provider.Member, Department: c.Provider.Department},
			Applicant: deadline.Party{Member: c.Consumer.Member, Department: c.Consumer.Department},
			Authority: deadline.Party{Member: c.Provider.Member},
		},
	}
	if c.Role == agreement.Provider {
		k.End = deadline.Provider
	}
	return s.clocks.Apply(ctx, tx, db.System("correction"), k, actions...)
}

func start(id deadline.ID) deadline.Action { return deadline.Action{Do: deadline.Start, Clock: id} }
func stop(id deadline.ID) deadline.Action  { return deadline.Action{Do: deadline.Stop, Clock: id} }

// reported takes a correction at the provider's node: what is acknowledged runs from now on.
func (s *Service) reported(ctx context.Context, tx *db.Tx, in *peer.Incoming) ([]byte, error) {
	var m reportMessage
	if err := httpx.Unmarshal(in.Body, &m); err != nil {
		return nil, err
	}
	if !ids.Valid(m.ID) || m.Agreement == "" {
		return nil, ErrDetails.With()
	}
	n, err := s.agreements.End(ctx, tx, db.System("correction"), m.Agreement, agreement.Provider)
	if err != nil {
		return nil, err
	}
	if n.Agreement != m.Agreement || n.Consumer != (policy.Party{Member: in.From, Department: in.Fact.Actor.Department}) || !got(n) {
		return nil, agreement.ErrNoSuch.With() // a stranger learns nothing
	}
	if _, err := one[Correction](ctx, tx, db.System("correction"), "objection_correction", "id = ? AND role = ?", m.ID, string(agreement.Provider)); err == nil {
		return nil, ErrNoSuch.With() // somebody else's id
	}
	t, err := s.terms(ctx, db.System("correction"), m.Agreement)
	if err != nil {
		return nil, err
	}
	if err := m.Report.check(t); err != nil {
		return nil, err
	}
	now := s.clock.Now()
	c := &Correction{
		ID: m.ID, Role: agreement.Provider, State: Verifying, Agreement: m.Agreement, Resource: n.Application.Resource, Consumer: n.Consumer, Provider: n.Provider,
		Report: m.Report, CaseGoes: true, Received: now, Created: now,
	}
	c.step(now, in.From, "report", m.Report.Reason)
	if err := s.save(ctx, tx, c); err != nil {
		return nil, err
	}
	return nil, s.tick(ctx, tx, c, now, start(deadline.D7))
}

// received learns what became of a correction that was sent: acknowledged, the clock runs here as well.
func (s *Service) received(ctx context.Context, m peer.Message, ack *peer.Answer, err error) error {
	var sent reportMessage
	if jerr := json.Unmarshal(m.Body, &sent); jerr != nil {
		return nil //nolint:nilerr // our own bytes; nothing to learn
	}
	return s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		c, gerr := one[Correction](ctx, tx, db.System("acknowledged"), "objection_correction", "id = ? AND role = ?", sent.ID, string(agreement.Consumer))
		if gerr != nil || c.State != Sent {
			return gerr
		}
		now := s.clock.Now()
		if err != nil {
			c.State, c.Refused = Undone, errs.As(err).Code
			c.step(now, c.Provider.Member, "refuse", c.Refused)
			return s.save(ctx, tx, c)
		}
		c.State, c.Received = Verifying, ack.Fact.Time
		c.step(now, c.Provider.Member, "acknowledge", "")
		if err := s.save(ctx, tx, c); err != nil {
			return err
		}
		return s.tick(ctx, tx, c, c.Received, start(deadline.D7))
	})
}

// Answer is what the provider's officer found (Decree 809 art. 26). The source is corrected by those who keep it, before.
// Everybody else who got the wrong value is told that it was corrected.
func (s *Service) Answer(ctx context.Context, sess *identity.Session, id string, d CorrectionAnswer) (*Correction, error) {
	if err := sess.Require(identity.DataOfficer); err != nil {
		return nil, err
	}
	sc := scopeOf(sess)
	c, err := one[Correction](ctx, s.db.Read(), sc, "objection_correction", "id = ? AND role = ?", id, string(agreement.Provider))
	if err != nil {
		return nil, err
	}
	if err := d.check(&c.Report, true); err != nil {
		return nil, err
	}
	t, err := s.terms(ctx, sc, c.Agreement)
	if err != nil {
		return nil, err
	}
	var notices []notice
	if d.Outcome != Maintained {
		if notices, err = s.receivers(ctx, sc, c, t); err != nil {
			return nil, err
		}
	}
	err = s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if c, err = one[Correction](ctx, tx, sc, "objection_correction", "id = ? AND role = ?", id, string(agreement.Provider)); err != nil {
			return err
		}
		if !c.State.Open() {
			return ErrTransition.With(string(c.State), string(d.Outcome))
		}
		c.Told = len(notices)
		if err := s.settle(ctx, tx, c, d, sess.Actor, s.clock.Now()); err != nil {
			return err
		}
		for _, x := range notices {
			if err := s.send(ctx, tx, KindNotice, "correction-notice/"+x.Agreement, x.Agreement, sess.Actor, c.Provider, x.to, x); err != nil {
				return err
			}
		}
		return s.send(ctx, tx, KindAnswer, subjectOf(c.ID), c.Agreement, sess.Actor, c.Provider, c.Consumer, answerMessage{ID: c.ID, Finding: d.told(t)})
	})
	if err != nil {
		return nil, err
	}
	return c, nil
}

// told is what of a finding may be told: values of masked items are to be fetched again, through the mask.
func (d *CorrectionAnswer) told(t *policy.Terms) CorrectionAnswer {
	out := *d
	out.Values = slices.DeleteFunc(slices.Clone(d.Values), func(v CorrectedItem) bool {
		f := t.Field(v.Item)
		return f == nil || f.Verify || f.Mask != (policy.Mask{})
	})
	return out
}

// settle writes the answer into a record and stops the clock.
func (s *Service) settle(ctx context.Context, tx *db.Tx, c *Correction, d CorrectionAnswer, actor string, at time.Time) error {
	c.Finding, c.State, c.Answered = &d, d.Outcome, at
	c.step(s.clock.Now(), actor, "answer", string(d.Outcome)+" "+d.Reason)
	if err := s.save(ctx, tx, c); err != nil {
		return err
	}
	return s.tick(ctx, tx, c, at, stop(deadline.D7))
}

// answered takes the provider's answer.
func (s *Service) answered(ctx context.Context, tx *db.Tx, in *peer.Incoming) ([]byte, error) {
	var m answerMessage
	if err := httpx.Unmarshal(in.Body, &m); err != nil {
		return nil, err
	}
	c, err := one[Correction](ctx, tx, db.System("correction"), "objection_correction", "id = ? AND role = ?", m.ID, string(agreement.Consumer))
	if err != nil {
		return nil, err
	}
	if c.Provider != (policy.Party{Member: in.From, Department: in.Fact.Actor.Department}) {
		return nil, ErrNoSuch.With()
	}
	if err := m.Finding.check(&c.Report, false); err != nil {
		return nil, err
	}
	if !c.State.Open() {
		return nil, ErrTransition.With(string(c.State), string(m.Finding.Outcome))
	}
	now := s.clock.Now()
	at := in.Fact.Time // when it was said, as long as that can be
	if at.After(now) {
		at = now
	}
	if c.Received.IsZero() { // the answer overtook the acknowledgement
		c.Received = at
		if err := s.tick(ctx, tx, c, at, start(deadline.D7)); err != nil {
			return nil, err
		}
	}
	if at.Before(c.Received) {
		at = c.Received
	}
	if err := s.settle(ctx, tx, c, m.Finding, in.From, at); err != nil || c.State == Maintained {
		return nil, err
	}
	key := c.Report.Key
	return nil, s.saveRefetch(ctx, tx, &Refetch{
		ID: s.ids.NewID(), Department: c.Consumer.Department, Agreement: c.Agreement, Resource: c.Resource, Provider: in.From, Items: c.Report.items(), Key: &key, Since: now,
	})
}
