package agreement

import (
	"context"

	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/support/identity"
)

// CounterOffer is the provider's officer offering other terms than were asked: fewer items, a narrower filter, a
// shorter time. What it would add to the application is refused. The head of the office consents when the applicant
// has accepted (Decree 809 art. 20).
func (s *Service) CounterOffer(ctx context.Context, sess *identity.Session, id string, g Grant) (*Negotiation, error) {
	return s.act(ctx, sess, id, Provider, []identity.Role{identity.DataOfficer}, func(ctx context.Context, tx *db.Tx, n *Negotiation) error {
		if _, err := s.terms(ctx, tx, n, &g); err != nil {
			return err
		}
		n.Grant, n.ProposedBy = &g, sess.Actor
		return s.move(ctx, tx, n, CounterOffer, person(sess, ""))
	})
}

// AcceptOffer is the applicant taking the provider's terms; the head of its sharing office binds it (art. 20).
func (s *Service) AcceptOffer(ctx context.Context, sess *identity.Session, id string) (*Negotiation, error) {
	return s.act(ctx, sess, id, Consumer, []identity.Role{identity.OfficeHead}, func(ctx context.Context, tx *db.Tx, n *Negotiation) error {
		return s.move(ctx, tx, n, AcceptOffer, person(sess, ""))
	})
}

// Resubmit is the applicant answering an offer by asking again: for the same resource of the same provider, with other
// items, modes or time. The head of its sharing office consents by doing it (art. 20).
func (s *Service) Resubmit(ctx context.Context, sess *identity.Session, id string, a Application) (*Negotiation, error) {
	if err := a.Check(s.clock.Now()); err != nil {
		return nil, err
	}
	return s.act(ctx, sess, id, Consumer, []identity.Role{identity.OfficeHead}, func(ctx context.Context, tx *db.Tx, n *Negotiation) error {
		if err := n.asksAgain(a); err != nil {
			return err
		}
		return s.move(ctx, tx, n, Resubmit, person(sess, ""))
	})
}

// asksAgain replaces the application by another one for the same thing.
func (n *Negotiation) asksAgain(a Application) error {
	if a.Provider != n.Application.Provider || a.Resource != n.Application.Resource {
		return ErrMismatch.With("resource", "资源")
	}
	n.Application, n.Grant = a, nil
	return nil
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
		if !hasString(n.Application.Fields, f) {
			return nil, ErrMismatch.With("item "+f, "数据项 "+f)
		}
	}
	if g.ValidUntil.After(n.Application.ValidUntil) {
		return nil, ErrMismatch.With("time limit", "使用时限")
	}
	if n.State == Submitted { // the provider had taken it up
		if err := s.move(ctx, tx, n, StartReview, by{remote: true}); err != nil {
			return nil, err
		}
	}
	n.Peer, n.Grant = peer, &g
	return n, s.move(ctx, tx, n, CounterOffer, by{remote: true})
}

// OnAccepted: the applicant takes the terms offered; the answer now waits for the head of the office.
func (s *Service) OnAccepted(ctx context.Context, tx *db.Tx, member, pid string) (*Negotiation, error) {
	n, err := s.find(ctx, tx, member, pid, Provider)
	if err != nil {
		return nil, err
	}
	return n, s.move(ctx, tx, n, AcceptOffer, by{remote: true})
}

// OnResubmit: the applicant asks again after an offer.
func (s *Service) OnResubmit(ctx context.Context, tx *db.Tx, member, pid string, a Application) (*Negotiation, error) {
	if err := a.Check(s.clock.Now()); err != nil {
		return nil, err
	}
	n, err := s.find(ctx, tx, member, pid, Provider)
	if err != nil {
		return nil, err
	}
	if err := n.asksAgain(a); err != nil {
		return nil, err
	}
	if _, err := s.terms(ctx, tx, n, &Grant{Fields: a.Fields}); err != nil {
		return nil, err
	}
	return n, s.move(ctx, tx, n, Resubmit, by{remote: true})
}
