package agreement

import (
	"context"
	"errors"
	"time"

	"github.com/kuayu/kuayu/exchange/catalog"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/support/policy"
)

// What the other end did arrives here, from exchange/dataspace, inside the transaction that acknowledges it. The
// caller has verified who sent it.

// OnRequest takes an application from another member. It returns this end's record.
func (s *Service) OnRequest(ctx context.Context, tx *db.Tx, consumer policy.Party, peer string, a Application) (*Negotiation, error) {
	now := s.clock.Now()
	if a.Provider != s.self {
		return nil, ErrApplication.With()
	}
	if err := a.Check(now); err != nil {
		return nil, err
	}
	r, err := s.catalog.GetTx(ctx, tx, db.Scope{}, a.Resource)
	if err != nil {
		return nil, err
	}
	if r.Sharing == catalog.NotShared || r.State != catalog.Published {
		return nil, catalog.ErrNoSuch.With()
	}
	if old, _, err := scanRow(ctx, tx, db.System("request"), "member = ? AND peer = ? AND role = 'provider'", consumer.Member, peer); err == nil {
		return old, nil // the same application again
	} else if !errors.Is(err, ErrNoSuch) {
		return nil, err
	}
	n := &Negotiation{
		ID: s.ids.NewID(), Peer: peer, Role: Provider, State: Submitted, Application: a, Created: now, Updated: now, Received: now, Sharing: r.SharingOf(a.Fields),
		Consumer: consumer, Provider: policy.Party{Member: s.self, Department: r.Department},
	}
	if _, err := s.terms(ctx, tx, n, &Grant{Fields: a.Fields}); err != nil {
		return nil, err
	}
	if err := s.continued(ctx, tx, n); err != nil {
		return nil, err
	}
	return n, s.move(ctx, tx, n, StartReview, by{remote: true})
}

// Take moves a record by a rule instead of a person. BySelf holds the rules of a node; the conformance run has others.
func (s *Service) Take(ctx context.Context, tx *db.Tx, n *Negotiation, e Event, note string) error {
	switch e { //nolint:exhaustive // the others only move
	case ConsentAnswer, StandingConsent:
		return s.conclude(ctx, tx, n, e, by{note: note})
	case CounterOffer:
		n.Grant = &Grant{Fields: n.Application.Fields}
	}
	return s.move(ctx, tx, n, e, by{note: note})
}

// Find reads a record inside a transaction, by its id or its agreement's. ErrNoSuch.
func (s *Service) Find(ctx context.Context, tx *db.Tx, sc db.Scope, id string) (*Negotiation, error) {
	n, _, err := scanRow(ctx, tx, sc, named, id, id)
	return n, err
}

// Adopt takes over an agreement that was concluded elsewhere and is in force: the exact bytes both sides hold.
func (s *Service) Adopt(ctx context.Context, tx *db.Tx, n *Negotiation, bytes []byte) error {
	n.State, n.Hash = Verified, hashOf(bytes)
	for _, e := range []Event{Finalize, Provision} {
		if err := s.move(ctx, tx, n, e, by{remote: true, note: "adopted", bytes: bytes}); err != nil {
			return err
		}
	}
	return nil
}

// BySelf takes the arrow that needs no person, if there is one: a standing consent answers, the applicant countersigns
// what it checked on arrival, the provider closes the negotiation. It reports whether it did anything.
func (s *Service) BySelf(ctx context.Context, tx *db.Tx, n *Negotiation) (bool, error) {
	switch {
	case n.Role == Provider && n.State == Reviewing && n.Grant == nil:
		st, err := s.standing(ctx, tx, n)
		if err != nil || st == nil {
			return false, err
		}
		n.Standing = st.ID
		return true, s.conclude(ctx, tx, n, StandingConsent, by{note: "standing consent " + st.ID})
	case n.Role == Consumer && n.State == Approved:
		return true, s.move(ctx, tx, n, Verify, by{})
	case n.Role == Provider && n.State == Verified:
		if err := s.move(ctx, tx, n, Finalize, by{}); err != nil {
			return false, err
		}
		return true, s.move(ctx, tx, n, Provision, by{})
	}
	return false, nil
}

// Learned takes the acknowledgement of an application: the other end's process id, the class of the resource, and when it
// arrived there, which is when the clocks start (Decree 809 art. 21).
func (s *Service) Learned(ctx context.Context, id, peer string, sharing catalog.Sharing, received time.Time) error {
	return s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		n, _, err := s.byID(ctx, tx, db.System("ack"), id)
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
		if err := s.save(ctx, tx, n, nil); err != nil || n.State != Submitted {
			return err // what came before the acknowledgement has ended what it would start
		}
		return s.tick(ctx, tx, n, received, StartReview, ReceivedClocks(sharing))
	})
}

// find returns the record a peer's message is about: by our process id, and only if the sender is the other end.
func (s *Service) find(ctx context.Context, tx *db.Tx, member, pid string, role Role) (*Negotiation, error) {
	n, _, err := scanRow(ctx, tx, db.System("peer"), "(id = ? OR (member = ? AND peer = ?)) AND role = ?", pid, member, pid, string(role))
	if err != nil {
		return nil, err
	}
	if n.Other() != member || n.Role != role {
		return nil, ErrNoSuch.With() // a stranger learns nothing
	}
	return n, nil
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

// agreed notes an agreement. It implies the provider's own arrows; this end takes them too, so that both histories are
// whole. The provider may answer at any time, but not over its own offer that nobody accepted.
func (s *Service) agreed(ctx context.Context, tx *db.Tx, n *Negotiation, peer, standing, id string, until time.Time, bytes []byte) error {
	n.Peer, n.Agreement, n.Hash, n.ValidUntil, n.Standing = peer, id, hashOf(bytes), until, standing
	var implied []Event
	switch n.State { //nolint:exhaustive // the others have their arrow, or none
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
		if err := s.move(ctx, tx, n, e, by{remote: true, bytes: bytes}); err != nil {
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
		if !hasString(a.Purposes, p) {
			return ErrMismatch.With("purpose "+p, "用途 "+p)
		}
	}
	for _, f := range t.Fields {
		if !hasString(a.Fields, f.Name) {
			return ErrMismatch.With("item "+f.Name, "数据项 "+f.Name)
		}
	}
	for _, m := range t.Modes {
		if !hasMode(a.Modes, m) {
			return ErrMismatch.With("mode "+string(m), "方式 "+string(m))
		}
	}
	return nil
}

// OnVerification is the applicant's countersignature. hash is what the applicant countersigns; it must be that of the bytes sent.
func (s *Service) OnVerification(ctx context.Context, tx *db.Tx, member, pid, hash string) (*Negotiation, error) {
	n, err := s.find(ctx, tx, member, pid, Provider)
	if err != nil {
		return nil, err
	}
	if hash != "" && hash != n.Hash {
		return nil, ErrMismatch.With("the countersigned hash", "副署的散列")
	}
	return n, s.move(ctx, tx, n, Verify, by{remote: true})
}

// OnFinalized: the agreement is in force at the provider, and so here.
func (s *Service) OnFinalized(ctx context.Context, tx *db.Tx, member, pid string) (*Negotiation, error) {
	n, err := s.find(ctx, tx, member, pid, Consumer)
	if err != nil {
		return nil, err
	}
	if err := s.move(ctx, tx, n, Finalize, by{remote: true}); err != nil {
		return nil, err
	}
	if !n.Foreign() {
		if err := s.lease(ctx, tx, n); err != nil {
			return nil, err
		}
	}
	return n, s.move(ctx, tx, n, Provision, by{})
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
	return n, s.move(ctx, tx, n, e, by{remote: true, note: reason})
}

// Rejected: the provider would not even take the application. It ends here as refused, with the provider's words.
func (s *Service) Rejected(ctx context.Context, id string, why *errs.Error) error {
	return s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		n, _, err := s.byID(ctx, tx, db.System("rejected"), id)
		if err != nil {
			return err
		}
		if _, _, err := Next(n.State, Refuse, n.Done); err != nil {
			return nil //nolint:nilerr // it ended otherwise
		}
		return s.move(ctx, tx, n, Refuse, by{remote: true, note: why.Code + ": " + why.Zh})
	})
}
