package scheme

import (
	"context"
	"errors"
	"slices"

	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/ids"
	"github.com/kuayu/kuayu/internal/wire"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/notice"
	"github.com/kuayu/kuayu/support/peer"
)

// message is the body of every kind of message; which members it has depends on the kind.
type message struct {
	V       int    `json:"v"` // messageVersion
	ID      string `json:"id"`
	Text    *Text  `json:"text,omitempty"`
	Version int    `json:"version,omitempty"`
	Hash    string `json:"hash,omitempty"`
	Reason  string `json:"reason,omitempty"`
}

// messageVersion is the version of message.
const messageVersion = 1

// take decodes a message and checks what all kinds share.
func (s *Service) take(ctx context.Context, tx *db.Tx, in *peer.Incoming, f func(context.Context, *db.Tx, *peer.Incoming, *message) error) error {
	var m message
	if err := wire.Decode(in.Body, messageVersion, &m); err != nil {
		return err
	}
	if !ids.Valid(m.ID) || len(m.Hash) > 64 || len(m.Reason) > maxText || m.Version < 0 {
		return ErrNoSuch.With()
	}
	if m.Text != nil {
		if m.Text.ID != m.ID || m.Text.Version < 1 {
			return ErrNoSuch.With()
		}
		if err := m.Text.Check(in.Fact.Time); err != nil {
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
	t := m.Text
	x, err := s.follows(ctx, tx, t)
	if err != nil {
		return err
	}
	if err := s.mayPropose(x, t, in.From); err != nil {
		return err
	}
	_, hash, err := t.Encode()
	if err != nil {
		return err
	}
	if err := s.consent(ctx, tx, x.ID, t.Version, in.From, hash, s.d.Clock.Now()); err != nil {
		return err
	}
	refused, err := s.declined(ctx, tx, x.ID, hash)
	if err != nil || slices.ContainsFunc(refused, func(by string) bool { return slices.Contains(t.needs(), by) }) {
		return err // the refusal was here first
	}
	nobody := &identity.Session{} // the node speaks for itself
	if x.State != InForce && slices.Contains(t.Before, s.d.Self) {
		if p := x.Proposal; p.consented(s.d.Self) && t.Version > p.Text.Version {
			return ErrAhead.With() // the last consent to the version before is still on its way
		}
		return s.without(ctx, tx, nobody, t, hash) // whoever proposed has not heard that this member left
	}
	if x.Proposal.consented(s.d.Self) { // one of a number
		return s.refuse(ctx, tx, nobody, t, hash, "another version has this member's consent")
	}
	p := Proposal{Text: *t, Hash: hash, By: in.From}
	if p.Consents, err = s.consents(ctx, tx, x.ID, t.Version, hash); err != nil {
		return err
	}
	x.table(p)
	if err := s.save(ctx, tx, x); err != nil {
		return err
	}
	return s.tell(ctx, tx, x, notice.SchemeProposed, "", in.From, "", identity.Authority)
}

// mayPropose says whether a member may propose a version, and whether it asks everybody that this node knows to be a party.
func (s *Service) mayPropose(x *Scheme, t *Text, from string) error {
	if !slices.Contains(t.needs(), s.d.Self) {
		return ErrForeign.With()
	}
	if x.State != InForce {
		if (t.Version == 1 && (t.Owner.Member != from || !slices.Contains(t.Parties, from) || len(t.Before) > 0)) ||
			(t.Version > 1 && !slices.Contains(t.Before, from)) {
			return ErrForeign.With()
		}
		return nil
	}
	now := x.Current().Parties
	if !slices.Contains(now, from) || !slices.Contains(t.Before, from) {
		return ErrForeign.With()
	}
	for _, m := range now {
		if !slices.Contains(t.Before, m) {
			return ErrAhead.With() // its departure is still on its way
		}
	}
	return nil
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
	if x != nil && x.State == InForce && m.Version <= x.Text.Version {
		return nil // settled without it
	}
	if x != nil && x.Proposal != nil && x.Proposal.Hash == m.Hash {
		return s.agree(ctx, tx, x, in.From)
	}
	return s.consent(ctx, tx, m.ID, m.Version, in.From, m.Hash, s.d.Clock.Now())
}

// onDeclined takes a proposal off the table; it may come before the text it is about.
func (s *Service) onDeclined(ctx context.Context, tx *db.Tx, in *peer.Incoming, m *message) error {
	if m.Version < 1 || len(m.Hash) != 64 {
		return ErrNoSuch.With()
	}
	said, err := s.consents(ctx, tx, m.ID, m.Version, m.Hash)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(said, func(c Consented) bool { return c.Member == in.From }) {
		return ErrState.With("this member has consented", "该成员已同意")
	}
	x, err := s.load(ctx, tx, db.System("scheme"), m.ID)
	if err != nil && !errors.Is(err, ErrNoSuch) {
		return err
	}
	if x != nil {
		for _, p := range x.proposals() {
			if p.Hash != m.Hash {
				continue
			}
			if !slices.Contains(p.Text.needs(), in.From) {
				return ErrForeign.With()
			}
			if err := s.drop(ctx, tx, x, m.Hash); err != nil {
				return err
			}
		}
	}
	return s.decline(ctx, tx, m.ID, in.From, m.Hash)
}

// onLeft takes a party's departure: it and its entries are out of the list, and the agreements with it end here. It may
// come before the last consent to what it departs from, which then comes into force without it.
func (s *Service) onLeft(ctx context.Context, tx *db.Tx, in *peer.Incoming, m *message) error {
	known, err := s.gone(ctx, tx, m.ID, in.From)
	if err != nil {
		return err
	}
	x, err := s.load(ctx, tx, db.System("scheme"), m.ID)
	if errors.Is(err, ErrNoSuch) {
		return nil // the text is still on its way, or was refused before it came
	}
	if err != nil {
		return err
	}
	for i := range x.Others {
		x.Others[i].left(in.From)
	}
	x.Proposal.left(in.From)
	before := x.Current()
	switch party := slices.Contains(before.Parties, in.From); {
	case x.State != InForce: // only asked, or no party any more: this node cannot know who is one
		return s.save(ctx, tx, x)
	case !known && !party:
		return ErrForeign.With()
	case !party:
		return s.save(ctx, tx, x)
	}
	x.Left = append(x.Left, in.From)
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
