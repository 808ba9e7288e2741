package agreement

import (
	"context"
	"fmt"
	"time"

	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/policy"
)

// ChangeStatus is where a change of use stands.
type ChangeStatus string

// The statuses.
const (
	ChangeDrafted   ChangeStatus = "drafted"   // waits for the head of the applicant's office
	ChangeRequested ChangeStatus = "requested" // waits for the provider's officer
	ChangeProposed  ChangeStatus = "proposed"  // waits for the head of the provider's office
	ChangeGranted   ChangeStatus = "granted"
	ChangeDeclined  ChangeStatus = "declined"
	ChangeDropped   ChangeStatus = "dropped" // the agreement was suspended or ended first
)

// ChangeRequest asks for another use under an agreement in force: the application as it would be, and why.
type ChangeRequest struct {
	Application Application `json:"application"`
	Reason      string      `json:"reason"`
}

// Change is the latest change of use of an agreement (Decree 809 art. 25). Until it is granted the old terms hold.
type Change struct {
	ChangeRequest
	Status     ChangeStatus `json:"status"`
	DraftedBy  string       `json:"drafted_by,omitempty"`
	Asked      time.Time    `json:"asked,omitzero"`
	Grant      *Grant       `json:"grant,omitempty"`
	ProposedBy string       `json:"proposed_by,omitempty"`
	Answered   time.Time    `json:"answered,omitzero"`
	Declined   string       `json:"declined,omitempty"` // why
}

// changed is what the provider tells about a change of use: the amended agreement's exact bytes, or why not.
type changed struct {
	Document []byte        `json:"document,omitempty"`
	Refused  []RefusedItem `json:"refused,omitempty"`
	Declined string        `json:"declined,omitempty"`
}

func (n *Negotiation) dropChange() {
	if c := n.Change; c != nil && (c.Status == ChangeDrafted || c.Status == ChangeRequested || c.Status == ChangeProposed) {
		c.Status = ChangeDropped
	}
}

// check holds a change to the same resource of the same provider, complete as an application, and different.
func (c *ChangeRequest) check(n *Negotiation, now time.Time) error {
	var f faults
	f.need(text(c.Reason), "reason", "请写明变更理由", "say why the use must change")
	f.need(!same(c.Application, n.Application), "application", "与现行用途相比没有变化", "nothing would change")
	if err := f.err(); err != nil {
		return err
	}
	a := &c.Application
	if a.Provider != n.Application.Provider || a.Resource != n.Application.Resource || a.Continues != n.Application.Continues {
		return ErrMismatch.With("resource", "资源")
	}
	return a.Check(now)
}

// DraftChange is the applicant's officer asking for another purpose, scenario, scope or time under an agreement in force
// (Decree 809 art. 25); the head of its sharing office consents before it goes out (art. 20: RequestChange).
func (s *Service) DraftChange(ctx context.Context, sess *identity.Session, id string, c ChangeRequest) (*Negotiation, error) {
	return s.act(ctx, sess, id, Consumer, []identity.Role{identity.DataOfficer}, func(ctx context.Context, tx *db.Tx, n *Negotiation) error {
		if n.Foreign() {
			return ErrForeign.With()
		}
		if err := c.check(n, s.clock.Now()); err != nil {
			return err
		}
		b, err := person(sess, c.Reason).saying(c)
		if err != nil {
			return err
		}
		n.Change = &Change{ChangeRequest: c, Status: ChangeDrafted, DraftedBy: sess.Actor}
		return s.move(ctx, tx, n, DraftChange, b)
	})
}

// RequestChange is the consent of the head of the applicant's office: the change is asked for. The agreement goes on
// under its old terms.
func (s *Service) RequestChange(ctx context.Context, sess *identity.Session, id string) (*Negotiation, error) {
	return s.act(ctx, sess, id, Consumer, []identity.Role{identity.OfficeHead}, func(ctx context.Context, tx *db.Tx, n *Negotiation) error {
		c, err := n.pending(sess, RequestChange, ChangeDrafted)
		if err != nil {
			return err
		}
		now := s.clock.Now()
		if err := c.check(n, now); err != nil {
			return err
		}
		b, err := person(sess, c.Reason).saying(c.ChangeRequest)
		if err != nil {
			return err
		}
		c.Status, c.Asked = ChangeRequested, now
		return s.move(ctx, tx, n, RequestChange, b)
	})
}

// pending is the change, if it is in one of the statuses and was prepared by somebody else.
func (n *Negotiation) pending(sess *identity.Session, e Event, in ...ChangeStatus) (*Change, error) {
	for _, st := range in {
		if c := n.Change; c != nil && c.Status == st {
			if (st == ChangeDrafted && c.DraftedBy == sess.Actor) || (st == ChangeProposed && e == GrantChange && c.ProposedBy == sess.Actor) {
				return nil, ErrTwoPeople.With()
			}
			return c, nil
		}
	}
	return nil, ErrTransition.With(string(n.State), string(e))
}

// amended is the record as it would be under the change.
func (n *Negotiation) amended() *Negotiation {
	m := *n
	m.Application = n.Change.Application
	return &m
}

// ProposeChange is the provider's officer proposing what to grant of a change of use; nothing beyond what was asked. The
// head of the office consents after it (art. 20: GrantChange), or declines.
func (s *Service) ProposeChange(ctx context.Context, sess *identity.Session, id string, g Grant) (*Negotiation, error) {
	return s.act(ctx, sess, id, Provider, []identity.Role{identity.DataOfficer}, func(ctx context.Context, tx *db.Tx, n *Negotiation) error {
		c, err := n.pending(sess, ProposeChange, ChangeRequested, ChangeProposed)
		if err != nil {
			return err
		}
		if _, err := s.terms(ctx, tx, n.amended(), &g); err != nil {
			return err
		}
		if err := g.accounts(c.Application.Fields); err != nil {
			return err
		}
		b, err := person(sess, "").saying(g)
		if err != nil {
			return err
		}
		c.Grant, c.ProposedBy, c.Status = &g, sess.Actor, ChangeProposed
		return s.move(ctx, tx, n, ProposeChange, b)
	})
}

// GrantChange is the second officer: the head of the provider's office. The agreement's new exact bytes are made here,
// under the same identifier; the old ones are kept (Decree 809 art. 25).
func (s *Service) GrantChange(ctx context.Context, sess *identity.Session, id string) (*Negotiation, error) {
	return s.act(ctx, sess, id, Provider, []identity.Role{identity.OfficeHead}, func(ctx context.Context, tx *db.Tx, n *Negotiation) error {
		c, err := n.pending(sess, GrantChange, ChangeProposed)
		if err != nil {
			return err
		}
		if !s.clock.Now().Before(n.ValidUntil) {
			return ErrExpired.With()
		}
		t, err := s.terms(ctx, tx, n.amended(), c.Grant)
		if err != nil {
			return err
		}
		bytes, err := policy.EncodeAgreement(t, s.clock.Now())
		if err != nil {
			return err
		}
		b, err := person(sess, c.Reason).saying(changed{Document: bytes, Refused: c.Grant.Refused})
		if err != nil {
			return err
		}
		return s.amend(ctx, tx, n, t, bytes, b)
	})
}

// amend puts the amended agreement in force at this end and keeps the old bytes.
func (s *Service) amend(ctx context.Context, tx *db.Tx, n *Negotiation, t *policy.Terms, bytes []byte, b by) error {
	if err := s.keepVersion(ctx, tx, n); err != nil {
		return err
	}
	n.Change.Status, n.Change.Answered = ChangeGranted, s.clock.Now()
	n.Application, n.Grant = n.Change.Application, n.Change.Grant
	n.Hash, n.ValidUntil = hashOf(bytes), t.ValidUntil
	b.bytes = bytes
	return s.move(ctx, tx, n, GrantChange, b)
}

// DeclineChange is the head of the provider's office declining a change of use with reasons; the old terms hold.
func (s *Service) DeclineChange(ctx context.Context, sess *identity.Session, id, reason string) (*Negotiation, error) {
	if !text(reason) {
		return nil, ErrReason.With()
	}
	return s.act(ctx, sess, id, Provider, []identity.Role{identity.OfficeHead}, func(ctx context.Context, tx *db.Tx, n *Negotiation) error {
		c, err := n.pending(sess, DeclineChange, ChangeRequested, ChangeProposed)
		if err != nil {
			return err
		}
		b, err := person(sess, reason).saying(changed{Declined: reason})
		if err != nil {
			return err
		}
		c.Status, c.Declined, c.Answered = ChangeDeclined, reason, s.clock.Now()
		return s.move(ctx, tx, n, DeclineChange, b)
	})
}

// Version is an agreement as it was before it was amended.
type Version struct {
	Number   int       `json:"number"` // from 1
	Hash     string    `json:"hash"`   // SHA-256 of the exact bytes, hex
	Document []byte    `json:"document"`
	Replaced time.Time `json:"replaced"`
}

// keepVersion stores the agreement in force before another takes its place.
func (s *Service) keepVersion(ctx context.Context, tx *db.Tx, n *Negotiation) error {
	_, r, err := s.byID(ctx, tx, db.System("amend"), n.ID)
	if err != nil {
		return err
	}
	n.Version++
	_, err = tx.NewRaw("INSERT INTO agreement_version (negotiation, number, department, hash, bytes, replaced) VALUES (?, ?, ?, ?, ?, ?)",
		n.ID, n.Version, n.Department(), n.Hash, r.Bytes, s.clock.Now().UnixMicro()).Exec(ctx)
	if err != nil {
		return fmt.Errorf("keep version: %w", err)
	}
	return nil
}

// Versions returns the earlier exact bytes of an agreement of the scope, oldest first.
func (s *Service) Versions(ctx context.Context, sc db.Scope, id string) ([]Version, error) {
	n, err := s.Get(ctx, sc, id)
	if err != nil {
		return nil, err
	}
	cond, args := sc.Where("department")
	var rows []struct {
		Number   int
		Hash     string
		Bytes    []byte
		Replaced int64
	}
	err = s.db.Read().NewRaw("SELECT number, hash, bytes, replaced FROM agreement_version WHERE negotiation = ? AND "+cond+" ORDER BY number", append([]any{n.ID}, args...)...).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("versions: %w", err)
	}
	out := make([]Version, len(rows))
	for i, r := range rows {
		out[i] = Version{Number: r.Number, Hash: r.Hash, Document: r.Bytes, Replaced: time.UnixMicro(r.Replaced).UTC()}
	}
	return out, nil
}
