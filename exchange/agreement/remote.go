package agreement

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/kuayu/kuayu/exchange/catalog"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/support/policy"
	"github.com/kuayu/kuayu/support/process"
)

// What the other end did arrives here, from exchange/dataspace, inside the transaction that acknowledges it. The
// caller has verified who sent it.

// took is an event that the other end caused.
func (s *Service) took(ctx context.Context, tx *db.Tx, n *Negotiation, e Event, note string, args any) error {
	return s.kind.Take(ctx, tx, n, &act{Event: e, Remote: true, Note: note, Args: args})
}

// OnRequest takes an application from another member, with the number it has there; empty from a party that knows none.
// It returns this end's record.
func (s *Service) OnRequest(ctx context.Context, tx *db.Tx, consumer policy.Party, peer, number string, a Application) (*Negotiation, error) {
	if a.Provider != s.self {
		return nil, ErrApplication.With()
	}
	if err := a.Check(s.clock.Now()); err != nil {
		return nil, err
	}
	r, err := s.catalog.GetTx(ctx, tx, db.Scope{}, a.Resource)
	if err != nil {
		return nil, err
	}
	if r.Sharing == catalog.NotShared || r.State != catalog.Published {
		return nil, catalog.ErrNoSuch.With()
	}
	old, err := s.kind.Get(ctx, tx, db.System("request"), process.Query{Member: consumer.Member, Peer: peer, Side: Provider})
	if err == nil || !errors.Is(err, ErrNoSuch) {
		return old, err // the same application again
	}
	if _, ok := process.ParseNumber(number); !ok {
		number = ""
	}
	n := &Negotiation{
		Case: process.Case{Side: Provider, State: Submitted, Number: number, Department: r.Department}, Peer: peer, Application: a, Received: s.clock.Now(),
		Sharing: r.SharingOf(a.Fields), Consumer: consumer, Provider: policy.Party{Member: s.self, Department: r.Department},
	}
	if _, err := s.terms(ctx, tx, n, &Grant{Fields: a.Fields}); err != nil {
		return nil, err
	}
	if err := s.continued(ctx, tx, n); err != nil {
		return nil, err
	}
	return n, s.took(ctx, tx, n, StartReview, "", nil)
}

// Decide moves a record by a rule instead of a person. Automatic holds the rules of a node; the conformance run has others.
func (s *Service) Decide(ctx context.Context, tx *db.Tx, n *Negotiation, e Event, note string) error {
	a := &act{Event: e, Note: note}
	switch e {
	case CounterOffer:
		a.Args = &Grant{Fields: n.Application.Fields}
	case Resubmit:
		again := n.Application
		a.Args = &again
	}
	return s.kind.Take(ctx, tx, n, a)
}

// Adopt takes over an agreement that was concluded elsewhere and is in force: the exact bytes both sides hold.
func (s *Service) Adopt(ctx context.Context, tx *db.Tx, n *Negotiation, bytes []byte) error {
	n.State, n.Hash = Verified, hashOf(bytes)
	for _, e := range []Event{Finalize, Provision} {
		if err := s.kind.Take(ctx, tx, n, &act{Event: e, Remote: true, Note: "adopted", Document: bytes}); err != nil {
			return err
		}
	}
	return nil
}

// Automatic takes the step that needs no person, if there is one: a standing consent answers, the consumer countersigns
// what it checked on arrival, the provider closes the negotiation. It reports whether it did anything.
func (s *Service) Automatic(ctx context.Context, tx *db.Tx, n *Negotiation) (bool, error) {
	switch {
	case n.Side == Provider && n.State == Reviewing && n.Grant == nil:
		st, err := s.standing(ctx, tx, n)
		if err != nil || st == nil {
			return false, err
		}
		n.Standing = st.ID
		return true, s.Decide(ctx, tx, n, StandingConsent, "standing consent "+st.ID)
	case n.Side == Consumer && n.State == Approved:
		return true, s.Decide(ctx, tx, n, Verify, "")
	case n.Side == Provider && n.State == Verified:
		if err := s.Decide(ctx, tx, n, Finalize, ""); err != nil {
			return false, err
		}
		return true, s.Decide(ctx, tx, n, Provision, "")
	}
	return false, nil
}

// OnAcknowledged takes the acknowledgement of an application: the other end's process id, the class of the resource, and
// when it arrived there, which is when the clocks start (Decree 809 art. 21).
func (s *Service) OnAcknowledged(ctx context.Context, id, peer string, sharing catalog.Sharing, received time.Time) error {
	return s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		n, err := s.GetTx(ctx, tx, db.System("ack"), id)
		if err != nil || !n.Received.IsZero() {
			return err
		}
		now := s.clock.Now()
		if received.IsZero() || received.After(now) {
			received = now
		}
		n.Received, n.Sharing = received, sharing
		if n.Peer == "" {
			n.Peer = peer
		}
		if err := s.kind.Save(ctx, tx, n); err != nil || n.State != Submitted {
			return err // what came before the acknowledgement has ended what it would start
		}
		return s.kind.TickAs(ctx, tx, n, StartReview, process.Span{At: received})
	})
}

// find returns the record a peer's message is about: by our process id, and only if the sender is the other end.
func (s *Service) find(ctx context.Context, tx *db.Tx, member, pid string, role Role) (*Negotiation, error) {
	n, err := s.kind.Get(ctx, tx, db.System("peer"), process.Query{ID: pid, Side: role, Member: member})
	if errors.Is(err, ErrNoSuch) {
		n, err = s.kind.Get(ctx, tx, db.System("peer"), process.Query{Peer: pid, Side: role, Member: member})
	}
	return n, err // a stranger learns nothing
}

// NoteRefused keeps the provider's reasons for the items it does not grant, which come with its agreement. A reason for
// something else is left out: the agreement counts, not what is said about it.
func (s *Service) NoteRefused(ctx context.Context, tx *db.Tx, member, pid string, refused []RefusedItem) error {
	n, err := s.find(ctx, tx, member, pid, Consumer)
	if err != nil || len(refused) == 0 {
		return err
	}
	seen := map[string]bool{}
	refused = slices.DeleteFunc(refused, func(r RefusedItem) bool {
		twice := seen[r.Item]
		seen[r.Item] = true
		return twice || !process.Text(r.Reason) || !slices.Contains(n.Application.Fields, r.Item)
	})
	g, err := partOf(&n.Application, refused)
	if err != nil {
		return err
	}
	if n.Grant == nil { // else it is the provider's own offer, which was accepted
		n.Grant = g
	}
	n.Grant.Refused = refused
	return s.kind.Save(ctx, tx, n)
}

// OnAgreement takes the agreement's exact bytes from the provider and checks them against the application.
// standing is the standing consent the provider says it was made under, empty if two officers answered.
func (s *Service) OnAgreement(ctx context.Context, tx *db.Tx, member, pid, peer, standing string, bytes []byte) (*Negotiation, error) {
	n, err := s.find(ctx, tx, member, pid, Consumer)
	if err != nil {
		return nil, err
	}
	t, err := policy.DecodeAgreement(bytes)
	if err != nil {
		return nil, err
	}
	if err := matches(t, n); err != nil {
		return nil, err
	}
	n.Provider = t.Provider
	return n, s.agreed(ctx, tx, n, peer, standing, t.Agreement, t.ValidUntil, bytes)
}

// OnForeignAgreement takes the agreement of a provider that is no member: its own words, about the resource
// applied for. What may be done under it is what was applied for.
func (s *Service) OnForeignAgreement(ctx context.Context, tx *db.Tx, member, pid, peer, id, resource string, bytes []byte) (*Negotiation, error) {
	n, err := s.find(ctx, tx, member, pid, Consumer)
	if err != nil {
		return nil, err
	}
	if resource != n.Application.Resource {
		return nil, ErrMismatch.With("resource", "资源")
	}
	n.Provider.Department = member // it answers for its departments
	return n, s.agreed(ctx, tx, n, peer, "", id, n.Application.ValidUntil, bytes)
}

// agreed notes an agreement. It implies the provider's own steps; this end takes them too, so that both histories are
// whole. The provider may answer at any time, but not over its own offer that nobody accepted.
func (s *Service) agreed(ctx context.Context, tx *db.Tx, n *Negotiation, peer, standing, id string, until time.Time, bytes []byte) error {
	n.Peer, n.Agreement, n.Hash, n.ValidUntil, n.Standing = peer, id, hashOf(bytes), until, standing
	var implied []Event
	switch n.State {
	case Submitted:
		implied = []Event{StartReview, ProposeAnswer}
	case Reviewing, Extended, Resubmitted:
		implied = []Event{ProposeAnswer}
	}
	implied = append(implied, ConsentAnswer)
	if standing != "" {
		implied = []Event{StandingConsent}
	}
	for _, e := range implied {
		if err := s.kind.Take(ctx, tx, n, &act{Event: e, Remote: true, Document: bytes}); err != nil {
			return err
		}
	}
	return nil
}

// matches refuses an agreement that gives the applicant anything else than it asked for, or duties towards others.
func matches(t *policy.Terms, n *Negotiation) error {
	a := &n.Application
	switch {
	case t.Consumer != n.Consumer || t.Provider.Member != n.Provider.Member:
		return ErrMismatch.With("parties", "当事方")
	case t.Resource != a.Resource:
		return ErrMismatch.With("resource", "资源")
	case t.ValidUntil.After(a.ValidUntil):
		return ErrMismatch.With("time limit", "使用时限")
	case t.Basis != a.Basis:
		return ErrMismatch.With("basis", "依据")
	}
	for _, p := range t.Purposes {
		if !slices.Contains(a.Purposes, p) {
			return ErrMismatch.With("purpose "+p, "用途 "+p)
		}
	}
	for _, f := range t.Fields {
		if !slices.Contains(a.Fields, f.Name) {
			return ErrMismatch.With("item "+f.Name, "数据项 "+f.Name)
		}
	}
	for _, m := range t.Modes {
		if !slices.Contains(a.Modes, m) {
			return ErrMismatch.With("mode "+string(m), "方式 "+string(m))
		}
	}
	return nil
}

// OnVerification is the consumer's countersignature. hash is what it countersigns; it must be that of the bytes sent.
func (s *Service) OnVerification(ctx context.Context, tx *db.Tx, member, pid, hash string) (*Negotiation, error) {
	n, err := s.find(ctx, tx, member, pid, Provider)
	if err != nil {
		return nil, err
	}
	if hash != "" && hash != n.Hash {
		return nil, ErrMismatch.With("the countersigned hash", "副署的散列")
	}
	return n, s.took(ctx, tx, n, Verify, "", nil)
}

// OnFinalized: the agreement is in force at the provider, and so here.
func (s *Service) OnFinalized(ctx context.Context, tx *db.Tx, member, pid string) (*Negotiation, error) {
	n, err := s.find(ctx, tx, member, pid, Consumer)
	if err != nil {
		return nil, err
	}
	if err := s.took(ctx, tx, n, Finalize, "", nil); err != nil {
		return nil, err
	}
	if !n.Foreign() {
		if err := s.lease(ctx, tx, n); err != nil {
			return nil, err
		}
	}
	return n, s.Decide(ctx, tx, n, Provision, "")
}

// OnTermination: the other end refused or withdrew.
func (s *Service) OnTermination(ctx context.Context, tx *db.Tx, member, pid string, role Role, reason string) (*Negotiation, error) {
	n, err := s.find(ctx, tx, member, pid, role)
	if err != nil {
		return nil, err
	}
	e := Refuse
	if role == Provider {
		e = Withdraw
	}
	return n, s.took(ctx, tx, n, e, reason, nil)
}

// OnRejected: the provider would not even take the application. It ends here as refused, with the provider's words.
func (s *Service) OnRejected(ctx context.Context, id string, why *errs.Error) error {
	return s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		n, err := s.GetTx(ctx, tx, db.System("rejected"), id)
		if err != nil || !s.kind.Table.Allows(n.State, Refuse, n.Done) { // it ended otherwise
			return err
		}
		return s.took(ctx, tx, n, Refuse, why.Code+": "+why.Zh, nil)
	})
}

// OnOffer takes the provider's other terms for the resource; they may only take away from what was asked. A grant
// without items is one of all that was asked.
func (s *Service) OnOffer(ctx context.Context, tx *db.Tx, member, pid, peer, resource string, g Grant) (*Negotiation, error) {
	n, err := s.find(ctx, tx, member, pid, Consumer)
	if err != nil {
		return nil, err
	}
	if resource != n.Application.Resource {
		return nil, ErrMismatch.With("resource", "资源")
	}
	for _, f := range g.Fields {
		if !slices.Contains(n.Application.Fields, f) {
			return nil, ErrMismatch.With("item "+f, "数据项 "+f)
		}
	}
	if g.ValidUntil.After(n.Application.ValidUntil) {
		return nil, ErrMismatch.With("time limit", "使用时限")
	}
	if err := s.implied(ctx, tx, n, Submitted, StartReview); err != nil { // the provider had taken it up
		return nil, err
	}
	n.Peer = peer
	return n, s.took(ctx, tx, n, CounterOffer, "", &g)
}

// OnAccepted: the consumer takes the terms offered; the answer now waits for the head of the office.
func (s *Service) OnAccepted(ctx context.Context, tx *db.Tx, member, pid string) (*Negotiation, error) {
	n, err := s.find(ctx, tx, member, pid, Provider)
	if err != nil {
		return nil, err
	}
	return n, s.took(ctx, tx, n, AcceptOffer, "", nil)
}

// OnResubmit: the consumer asks again after an offer.
func (s *Service) OnResubmit(ctx context.Context, tx *db.Tx, member, pid string, a Application) (*Negotiation, error) {
	n, err := s.find(ctx, tx, member, pid, Provider)
	if err != nil {
		return nil, err
	}
	if err := s.took(ctx, tx, n, Resubmit, "", &a); err != nil {
		return nil, err
	}
	_, err = s.terms(ctx, tx, n, &Grant{Fields: a.Fields})
	return n, err
}
