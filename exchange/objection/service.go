package objection

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/internal/ids"
	"github.com/kuayu/kuayu/support/deadline"
	"github.com/kuayu/kuayu/support/evidence"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/peer"
	"github.com/kuayu/kuayu/support/policy"
	"github.com/kuayu/kuayu/support/process"
)

// KindNotice is the kind of message, and of the fact that proves it, to a department whose record was corrected.
const KindNotice = "correction.notice"

// Deps are what the service needs.
type Deps struct {
	Cases      *process.Engine
	Index      *evidence.Index
	Agreements *agreement.Service
}

// Service is the service of corrections and disputes.
type Service struct {
	cases       *process.Engine
	index       *evidence.Index
	agreements  *agreement.Service
	corrections *process.Kind[Correction]
	disputes    *process.Kind[Dispute]
}

// NewService adds corrections and disputes to the node's kinds of case.
func NewService(d Deps) *Service {
	s := &Service{cases: d.Cases, index: d.Index, agreements: d.Agreements}
	s.corrections = process.Open(d.Cases, Corrections(), s.correctionHooks())
	s.disputes = process.Open(d.Cases, Disputes(), s.disputeHooks())
	d.Cases.Mailbox.Handle(KindNotice, peer.Handler{In: s.noticed})
	return s
}

// correctionHooks bind corrections to the node.
func (s *Service) correctionHooks() process.Hooks[Correction] {
	send := map[Event]func(context.Context, *db.Tx, *Correction, *act) (any, error){
		Report: func(_ context.Context, _ *db.Tx, c *Correction, _ *act) (any, error) {
			return reportMessage{c.Agreement, c.Report}, nil
		},
	}
	hooks := process.Hooks[Correction]{
		Index: func(c *Correction) process.Index {
			return process.Index{Member: c.other().Member, Subject: c.Resource, Title: c.Report.Reason}
		},
		Parties: func(c *Correction) deadline.Parties {
			return deadline.Parties{Provider: deadline.Party(c.Provider), Applicant: deadline.Party(c.Consumer), Authority: deadline.Party{Member: c.Provider.Member}}
		},
		Region:  func(c *Correction) string { return s.cases.Division(c.Provider.Member) },
		Prepare: map[Event]func(context.Context, db.Scope, *Correction, any) error{},
		After:   map[Event]process.Hook[Correction]{},
		Arrives: &process.Arrivals[Correction]{
			Other:   func(c *Correction) (deadline.Party, string) { return deadline.Party(c.other()), c.Agreement },
			Send:    send,
			Opens:   map[Event]func(context.Context, *db.Tx, *process.Message) (*Correction, *act, any, error){Report: s.reported},
			Settled: map[Event]func(context.Context, *db.Tx, *Correction, json.RawMessage, time.Time, error) error{Report: s.received},
		},
	}
	for e, to := range outcomes() {
		hooks.After[e] = s.answered
		send[e] = func(_ context.Context, _ *db.Tx, c *Correction, _ *act) (any, error) { return c.Finding.shared, nil }
		hooks.Prepare[e] = func(ctx context.Context, sc db.Scope, c *Correction, args any) error {
			return s.prepare(ctx, sc, c, args, to)
		}
	}
	return hooks
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
	sc := db.In(sess.Division, sess.Department, sess.Actor)
	var c *Correction
	err := s.cases.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		n, err := s.agreements.GetByRole(ctx, tx, sc, id, agreement.Consumer)
		switch {
		case err != nil:
			return err
		case !got(n):
			return agreement.ErrNotInForce.With()
		case n.Foreign():
			return ErrForeign.With()
		}
		t, err := s.terms(ctx, sc, n.Agreement)
		if err != nil {
			return err
		}
		if err := r.check(t); err != nil {
			return err
		}
		c = correctionOf(n, Consumer, r)
		return s.corrections.Begin(ctx, tx, sess, c, Report, process.Given{Note: r.Reason})
	})
	if err != nil {
		return nil, err
	}
	return c, nil
}

func correctionOf(n *agreement.Negotiation, side Side, r CorrectionRequest) *Correction {
	return &Correction{
		Case: process.Case{Side: side, Department: n.Department}, Agreement: n.Agreement, Resource: n.Application.Resource, Consumer: n.Consumer,
		Provider: n.Provider, Report: r, CaseGoes: true,
	}
}

// reportMessage is what travels of a report.
type reportMessage struct {
	Agreement string            `json:"agreement"`
	Report    CorrectionRequest `json:"report"`
}

// reported takes a correction at the provider's node: what is acknowledged runs from now on.
func (s *Service) reported(ctx context.Context, tx *db.Tx, m *process.Message) (*Correction, *act, any, error) {
	x, err := process.Said[reportMessage](m)
	if err != nil {
		return nil, nil, nil, err
	}
	if !ids.Valid(m.Case) || x.Agreement == "" {
		return nil, nil, nil, ErrDetails.With()
	}
	n, err := s.agreements.GetByRole(ctx, tx, db.System("correction"), x.Agreement, agreement.Provider)
	if err != nil {
		return nil, nil, nil, err
	}
	if n.Agreement != x.Agreement || n.Consumer != policy.Party(m.From) || !got(n) {
		return nil, nil, nil, agreement.ErrNoSuch.With() // a stranger learns nothing
	}
	t, err := s.terms(ctx, db.System("correction"), x.Agreement)
	if err != nil {
		return nil, nil, nil, err
	}
	if err := x.Report.check(t); err != nil {
		return nil, nil, nil, err
	}
	return correctionOf(n, Provider, x.Report), m.Act(Received, nil), nil, nil
}

// received learns what became of a correction that was sent: acknowledged, the clock runs here as well.
func (s *Service) received(ctx context.Context, tx *db.Tx, c *Correction, _ json.RawMessage, at time.Time, refused error) error {
	if c.State != Sent {
		return nil
	}
	if refused != nil {
		return s.corrections.Take(ctx, tx, c, &act{Event: Rejected, Remote: true, Note: errs.As(refused).Code})
	}
	return s.corrections.Take(ctx, tx, c, &act{Event: Accepted, Remote: true, Said: at})
}

// Answer is what the provider's officer found (Decree 809 art. 26). The source is corrected by those who keep it, before.
// Everybody else who got the wrong value is notified that it was corrected.
func (s *Service) Answer(ctx context.Context, sess *identity.Session, id string, d CorrectionAnswer) (*Correction, error) {
	e := Maintain // the others need less; an unknown outcome is refused below
	for on, to := range outcomes() {
		if to == d.Outcome {
			e = on
		}
	}
	if outcomes()[e] != d.Outcome {
		if err := sess.Require(identity.DataOfficer); err != nil {
			return nil, err
		}
		if _, err := s.corrections.Get(ctx, s.cases.DB.Read(), db.In(sess.Division, sess.Department, sess.Actor), process.Query{ID: id, Side: Provider}); err != nil {
			return nil, err
		}
		return nil, d.check(&CorrectionRequest{}, true)
	}
	return s.corrections.Act(ctx, sess, id, Provider, e, process.Given{Args: &d})
}

// prepare finds, ahead of the transaction, who else got the record, and what of the finding may be said to whom.
func (s *Service) prepare(ctx context.Context, sc db.Scope, c *Correction, args any, to State) error {
	x, ok := args.(*CorrectionAnswer)
	if !ok {
		return ErrDetails.With()
	}
	x.Outcome = to
	if err := x.check(&c.Report, true); err != nil {
		return err
	}
	t, err := s.terms(ctx, sc, c.Agreement)
	if err != nil {
		return err
	}
	shared := x.sharable(t)
	x.shared = &shared
	if to != Maintained {
		x.notices, err = s.receivers(ctx, sc, c, t)
	}
	return err
}

// sharable is what of a finding may be said to who reported: values of masked items are to be fetched again, through the mask.
func (d *CorrectionAnswer) sharable(t *policy.Terms) CorrectionAnswer {
	out := *d
	out.Values = slices.DeleteFunc(slices.Clone(d.Values), func(v CorrectedItem) bool {
		f := t.Field(v.Item)
		return f == nil || f.Verify || f.Mask != (policy.Mask{})
	})
	return out
}

// answered sends the notices at the provider's end, and at the consumer's notes what is to be asked for again.
func (s *Service) answered(ctx context.Context, tx *db.Tx, c *Correction, a *act) error {
	if c.Side == Consumer {
		if c.State == Maintained {
			return nil
		}
		key := c.Report.Key
		return s.saveRefetch(ctx, tx, &Refetch{
			ID: s.cases.IDs.NewID(), Department: c.Consumer.Department, Agreement: c.Agreement, Resource: c.Resource, Provider: c.Provider.Member,
			Items: c.Report.items(), Key: &key, Since: a.At,
		})
	}
	for _, x := range c.Finding.notices {
		body, err := json.Marshal(x)
		if err != nil {
			return err
		}
		if err := s.cases.Mailbox.Queue(ctx, tx, peer.Message{
			To: x.to.Member, ToDept: x.to.Department, Subject: "correction-notice/" + x.Agreement, Kind: KindNotice, Method: http.MethodPost,
			Path: peer.PathMessages + KindNotice, ContentType: "application/json", Agreement: x.Agreement, Department: c.Provider.Department,
			Officer: a.Actor.Officer, Body: body,
		}); err != nil {
			return err
		}
	}
	return nil
}

// Correction returns a correction of the scope, with its history.
func (s *Service) Correction(ctx context.Context, sc db.Scope, id string) (*Correction, error) {
	c, err := s.corrections.Get(ctx, s.cases.DB.Read(), sc, process.Query{ID: id})
	if err != nil {
		return nil, err
	}
	c.Steps, err = s.corrections.History(ctx, s.cases.DB.Read(), c)
	return c, err
}

// Corrections lists the scope's corrections from a cursor on, latest first, and the cursor behind the list.
func (s *Service) Corrections(ctx context.Context, sc db.Scope, after string, limit int) ([]Correction, string, error) {
	return s.corrections.Page(ctx, sc, process.Query{After: after, Limit: limit})
}
