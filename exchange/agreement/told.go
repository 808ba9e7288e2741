package agreement

import (
	"context"
	"time"

	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/httpx"
	"github.com/kuayu/kuayu/support/policy"
)

// skew is how far two members' clocks may be apart.
const skew = 5 * time.Minute

// Told is one of Kuayu's own messages about an application or agreement.
type Told struct {
	What   Effect
	Time   time.Time // when it was said: dates are judged by it, however late the message arrives
	Reason string
	Detail []byte // JSON, as the effect has it
}

// OnTold takes one of Kuayu's own messages. Who may say what is fixed: the provider suspends, the applicant reports. A
// message from the wrong end is ErrTransition, from a stranger ErrNoSuch.
func (s *Service) OnTold(ctx context.Context, tx *db.Tx, member, pid string, role Role, m Told) (*Negotiation, error) {
	n, err := s.find(ctx, tx, member, pid, role)
	if err != nil {
		return nil, err
	}
	if len(m.Reason) > maxText {
		return nil, ErrDetails.With()
	}
	hear := s.fromProvider
	if role == Provider {
		hear = s.fromApplicant
	}
	state := n.State
	e, err := hear(ctx, tx, n, m)
	if err != nil || e == "" || overtaken(state, e) {
		return n, err
	}
	return n, s.move(ctx, tx, n, e, by{remote: true, note: m.Reason, detail: m.Detail})
}

// overtaken reports whether an event came too late because this end had gone on, in a way the other end hears of or takes
// by itself: it is acknowledged and changes nothing.
func overtaken(s State, e Event) bool {
	switch e { //nolint:exhaustive // the others wait for an answer, so nothing overtakes them
	case AskSupplement, Extend:
		return s == Withdrawn
	case Suspend, OrderRectify, Resume, Terminate:
		return s == Expired
	case RequestChange, ReportRectified:
		return s == Suspended || s == Expired || s == Terminated || s == Disposal || (s == Rectifying && e == RequestChange)
	}
	return false
}

// fromProvider notes what the provider said; the event it stands for, or none if the arrow was taken here.
func (s *Service) fromProvider(ctx context.Context, tx *db.Tx, n *Negotiation, m Told) (Event, error) {
	now := s.clock.Now()
	switch m.What { //nolint:exhaustive // the others are the applicant's, or the protocol's
	case TellSupplement:
		var missing []Missing
		if err := httpx.Unmarshal(m.Detail, &missing); err != nil {
			return "", err
		}
		n.Papers = &Papers{Missing: missing, Asked: now}
		return AskSupplement, checkMissing(missing)
	case TellExtended:
		x := &Extension{}
		if err := httpx.Unmarshal(m.Detail, x); err != nil {
			return "", err
		}
		if err := x.check(); err != nil {
			return "", err
		}
		if x.Until.IsZero() {
			return "", ErrDetails.With()
		}
		n.Extension = x
		return Extend, s.implied(ctx, tx, n, Submitted, StartReview)
	case TellChange:
		return s.changed(ctx, tx, n, m)
	case TellSuspended:
		return Suspend, nil
	case TellRectify:
		var o RectifyOrder
		if err := httpx.Unmarshal(m.Detail, &o); err != nil {
			return "", err
		}
		n.ordered(o)
		return OrderRectify, o.check(m.Time)
	case TellResumed:
		if n.Suspension != nil {
			n.Suspension.Finding = m.Reason
		}
		return Resume, nil
	case TellTerminated:
		return Terminate, nil
	case TellDispose:
		var o DisposalOrder
		if err := httpx.Unmarshal(m.Detail, &o); err != nil {
			return "", err
		}
		if !now.Add(skew).Before(n.ValidUntil) { // over at the provider, whose clock is ahead
			for _, from := range []State{Active, ChangeOfUse, Suspended, Rectifying} {
				if err := s.implied(ctx, tx, n, from, Expire); err != nil {
					return "", err
				}
			}
		}
		n.Disposing = &Disposing{Order: o, Ordered: now}
		return BeginDisposal, o.check(m.Time)
	}
	return "", ErrTransition.With(string(n.State), string(m.What))
}

// implied takes an arrow that the other end took without a message.
func (s *Service) implied(ctx context.Context, tx *db.Tx, n *Negotiation, from State, e Event) error {
	if n.State != from {
		return nil
	}
	return s.move(ctx, tx, n, e, by{remote: true})
}

// changed takes the provider's answer to a change of use: the amended agreement is checked as the first one was.
func (s *Service) changed(ctx context.Context, tx *db.Tx, n *Negotiation, m Told) (Event, error) {
	var c changed
	if err := httpx.Unmarshal(m.Detail, &c); err != nil {
		return "", err
	}
	late := n.State == Expired && n.Change != nil && n.Change.Status == ChangeDropped && !n.Change.Asked.IsZero()
	if !late && (n.State != ChangeOfUse || n.Change == nil) {
		return "", ErrTransition.With(string(n.State), string(GrantChange))
	}
	if len(c.Document) == 0 {
		if !text(c.Declined) {
			return "", ErrReason.With()
		}
		if late {
			return "", nil // it has ended all the same
		}
		n.Change.Status, n.Change.Declined, n.Change.Answered = ChangeDeclined, c.Declined, s.clock.Now()
		return DeclineChange, nil
	}
	t, err := policy.DecodeAgreement(c.Document)
	if err != nil {
		return "", err
	}
	switch {
	case t.Agreement != n.Agreement:
		return "", ErrMismatch.With("agreement", "协议编号")
	case t.Provider != n.Provider:
		return "", ErrMismatch.With("parties", "当事方")
	}
	if err := matches(t, n.amended()); err != nil {
		return "", err
	}
	n.Change.Grant = nil
	if len(c.Refused) > 0 {
		if n.Change.Grant, err = partOf(&n.Change.Application, c.Refused); err != nil {
			return "", err
		}
	}
	return "", s.amend(ctx, tx, n, t, c.Document, by{remote: true, note: m.Reason, detail: m.Detail})
}

// fromApplicant notes what the applicant said.
func (s *Service) fromApplicant(_ context.Context, _ *db.Tx, n *Negotiation, m Told) (Event, error) {
	now := s.clock.Now()
	switch m.What { //nolint:exhaustive // the others are the provider's, or the protocol's
	case TellSupplied:
		p := &Supply{}
		if err := httpx.Unmarshal(m.Detail, p); err != nil {
			return "", err
		}
		if n.State != Supplement || n.Papers == nil {
			return "", ErrTransition.With(string(n.State), string(GiveSupplement))
		}
		if err := p.check(n, m.Time); err != nil {
			return "", err
		}
		n.Papers.Supply = p
		n.supplied(now)
		return GiveSupplement, nil // what is not in the catalogue, the answer refuses
	case TellChange:
		c := &Change{Status: ChangeRequested, Asked: now}
		if err := httpx.Unmarshal(m.Detail, &c.ChangeRequest); err != nil {
			return "", err
		}
		if err := c.check(n, m.Time); err != nil {
			return "", err
		}
		n.Change = c
		return RequestChange, nil
	case TellRectified:
		if !text(m.Reason) {
			return "", ErrReason.With()
		}
		n.reported(m.Reason, now)
		return ReportRectified, nil
	case TellDisposed:
		var c Certificate
		if err := httpx.Unmarshal(m.Detail, &c); err != nil {
			return "", err
		}
		if err := c.check(time.Time{}, m.Time.Add(skew)); err != nil {
			return "", err
		}
		n.destroyed(c, now)
		return ConfirmDisposal, nil
	}
	return "", ErrTransition.With(string(n.State), string(m.What))
}
