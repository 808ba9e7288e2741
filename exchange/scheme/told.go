package scheme

import (
	"context"
	"errors"
	"slices"

	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/httpx"
	"github.com/kuayu/kuayu/internal/ids"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/notice"
	"github.com/kuayu/kuayu/support/peer"
)

// message is the body of every kind of message; which members it has depends on the kind.
type message struct {
	ID      string `json:"id"`
	Text    *Text  `json:"text,omitempty"`
	Version int    `json:"version,omitempty"`
	Hash    string `json:"hash,omitempty"`
	Reason  string `json:"reason,omitempty"`
}

// take decodes a message and checks what all kinds share.
func (s *Service) take(ctx context.Context, tx *db.Tx, in *peer.Incoming, f func(context.Context, *db.Tx, *peer.Incoming, *message) error) error {
	var m message
	if err := httpx.Unmarshal(in.Body, &m); err != nil {
		return err
	}
	if !ids.Valid(m.ID) || len(m.Hash) > 64 || len(m.Reason) > maxText || m.Version < 0 {
		return ErrNoSuch.With()
	}
	if m.Text != nil {
		if m.Text.ID != m.ID || m.Text.Version < 1 {
			return ErrNoSuch.With()
		}
		if err := m.Text.check(in.Fact.Time); err != nil {
			return err
		}
	}
	return f(ctx, tx, in, &m)
}

// follows finds the record a new version is for, and says whether the version is the next one.
func (s *Service) follows(ctx context.Context, tx *db.Tx, t *Text) (*Scheme, error) {
	x, err := s.load(ctx, tx, db.System("scheme"), t.ID)
	if errors.Is(err, ErrNoSuch) {
		now := s.d.Clock.Now()
		return &Scheme{ID: t.ID, State: Proposed, Text: *t, Created: now, Updated: now}, nil
	}
	if err != nil {
		return nil, err
	}
	if x.State == InForce && (t.Version != x.Text.Version+1 || t.Prev != x.Hash) {
		if t.Version > x.Text.Version {
			return nil, ErrAhead.With() // what comes before it is still on its way
		}
		return nil, ErrState.With("the version is not the next one", "不是下一版本")
	}
	if t.Kind != x.Text.Kind || t.Owner != x.Text.Owner {
		return nil, ErrOwner.With()
	}
	return x, nil
}

// onProposed takes a version of a zone's list that a party proposes; proposing is its consent.
func (s *Service) onProposed(ctx context.Context, tx *db.Tx, in *peer.Incoming, m *message) error {
	if m.Text == nil || m.Text.Kind != Zone {
		return ErrNoSuch.With()
	}
	x, err := s.follows(ctx, tx, m.Text)
	if err != nil {
		return err
	}
	was := x.Current().Parties
	if !slices.Contains(m.Text.Parties, in.From) && !(x.State == InForce && slices.Contains(was, in.From)) {
		return ErrForeign.With()
	}
	if x.Proposal != nil {
		return ErrTaken.With(x.Proposal.Text.Version)
	}
	_, hash, err := m.Text.Encode()
	if err != nil {
		return err
	}
	if x.State != InForce {
		x.State, x.Text = Proposed, *m.Text
	}
	x.Proposal = &Proposal{Text: *m.Text, Hash: hash, By: in.From}
	if err := s.agree(ctx, tx, x, in.From); err != nil {
		return err
	}
	if !slices.Contains(x.waitsFor(), s.d.Self) {
		return nil
	}
	return s.tell(ctx, tx, x, notice.SchemeProposed, "", in.From, "", identity.Authority)
}

// onConsented takes a party's consent; it may come before the text it is for.
func (s *Service) onConsented(ctx context.Context, tx *db.Tx, in *peer.Incoming, m *message) error {
	if m.Version < 1 || len(m.Hash) != 64 {
		return ErrNoSuch.With()
	}
	x, err := s.load(ctx, tx, db.System("scheme"), m.ID)
	if err != nil && !errors.Is(err, ErrNoSuch) {
		return err
	}
	if x == nil || x.Proposal == nil || x.Proposal.Hash != m.Hash {
		if x != nil && x.State == InForce && m.Version <= x.Text.Version {
			return nil // settled without it
		}
		return s.consent(ctx, tx, m.ID, m.Version, in.From, m.Hash, s.d.Clock.Now())
	}
	return s.agree(ctx, tx, x, in.From)
}

// onDeclined takes a proposal off the table.
func (s *Service) onDeclined(ctx context.Context, tx *db.Tx, in *peer.Incoming, m *message) error {
	x, err := s.load(ctx, tx, db.System("scheme"), m.ID)
	if errors.Is(err, ErrNoSuch) || (err == nil && x.Proposal == nil && x.State != Ended && m.Version > x.Text.Version) {
		return ErrAhead.With() // the proposal is still on its way
	}
	if err != nil {
		return err
	}
	if x.Proposal == nil || x.Proposal.Hash != m.Hash {
		return nil
	}
	if !slices.Contains(x.everybody(), in.From) {
		return ErrForeign.With()
	}
	return s.drop(ctx, tx, x)
}

// onLeft takes a party's departure: it and its entries are out of the list, and the agreements with it end here.
func (s *Service) onLeft(ctx context.Context, tx *db.Tx, in *peer.Incoming, m *message) error {
	x, err := s.load(ctx, tx, db.System("scheme"), m.ID)
	if err != nil {
		return err
	}
	if x.State != InForce {
		return nil
	}
	before := x.Current()
	if !slices.Contains(before.Parties, in.From) {
		return nil
	}
	if x.Proposal != nil { // what was proposed counted on it
		if err := s.forget(ctx, tx, x.ID, x.Proposal.Text.Version); err != nil {
			return err
		}
	}
	x.Left, x.Proposal = append(x.Left, in.From), nil
	if err := s.settle(ctx, tx, x, before, m.Reason); err != nil {
		return err
	}
	if err := s.save(ctx, tx, x); err != nil {
		return err
	}
	return s.tell(ctx, tx, x, notice.SchemeLeft, "", in.From, "", identity.Authority)
}

// onVersion takes a version that its owner alone decides.
func (s *Service) onVersion(ctx context.Context, tx *db.Tx, in *peer.Incoming, m *message) error {
	if m.Text == nil || m.Text.Kind == Zone {
		return ErrNoSuch.With()
	}
	if m.Text.Owner.Member != in.From || m.Text.Owner.Department != in.Fact.Actor.Department {
		return ErrOwner.With()
	}
	x, err := s.follows(ctx, tx, m.Text)
	if err != nil {
		return err
	}
	x.Proposal = &Proposal{Text: *m.Text, By: in.From}
	if err := s.enact(ctx, tx, x); err != nil {
		return err
	}
	return s.save(ctx, tx, x)
}

// onClosed takes the end of a scheme from its owner.
func (s *Service) onClosed(ctx context.Context, tx *db.Tx, in *peer.Incoming, m *message) error {
	x, err := s.load(ctx, tx, db.System("scheme"), m.ID)
	if err != nil {
		return err
	}
	if x.Text.Kind == Zone || x.Text.Owner.Member != in.From || x.Text.Owner.Department != in.Fact.Actor.Department {
		return ErrOwner.With()
	}
	return s.end(ctx, tx, x, m.Reason)
}
