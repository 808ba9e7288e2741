package agreement

import (
	"context"
	"time"

	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/support/policy"
	"github.com/kuayu/kuayu/support/process"
)

// Message is one of Kuayu's own messages about an application or agreement.
type Message struct {
	Effect Effect
	Time   time.Time // when it was said: dates are judged by it, however late the message arrives
	Reason string
	Detail []byte // JSON, as the event takes it
}

// eventOf is what a message of the other end is at the end it arrives at. Who may say what is fixed: the provider
// suspends, the consumer reports.
func eventOf(m *Message, at Role) Event {
	if at == Consumer {
		switch m.Effect {
		case SendSupplement:
			return AskSupplement
		case SendExtended:
			return Extend
		case SendChange:
			if len(m.Detail) == 0 {
				return DeclineChange
			}
			return GrantChange
		case SendSuspended:
			return Suspend
		case SendRectify:
			return OrderRectify
		case SendResumed:
			return Resume
		case SendTerminated:
			return Terminate
		case SendDispose:
			return BeginDisposal
		}
		return ""
	}
	switch m.Effect {
	case SendSupplied:
		return GiveSupplement
	case SendChange:
		return RequestChange
	case SendRectified:
		return ReportRectified
	case SendDisposed:
		return ConfirmDisposal
	}
	return ""
}

// HandleMessage takes one of Kuayu's own messages. A message from the wrong end is ErrTransition, from a stranger
// ErrNoSuch.
func (s *Service) HandleMessage(ctx context.Context, tx *db.Tx, member, pid string, role Role, m Message) (*Negotiation, error) {
	n, err := s.find(ctx, tx, member, pid, role)
	if err != nil {
		return nil, err
	}
	if !process.Brief(m.Reason) {
		return nil, ErrDetails.With()
	}
	e := eventOf(&m, role)
	if e == "" {
		return nil, n.transition(Event(m.Effect))
	}
	args, err := s.kind.Decode(e, m.Detail)
	if err != nil {
		return nil, err
	}
	a := &act{Event: e, Remote: true, Note: m.Reason, Args: args, Said: m.Time}
	late, err := s.prepare(ctx, tx, n, a)
	if err != nil || late || overtaken(n.State, e) {
		return n, err
	}
	return n, s.kind.Take(ctx, tx, n, a)
}

// overtaken reports whether an event came too late because this end had gone on, in a way the other end hears of or takes
// by itself: it is acknowledged and changes nothing.
func overtaken(s State, e Event) bool {
	switch e {
	case AskSupplement, Extend:
		return s == Withdrawn
	case Suspend, OrderRectify, Resume, Terminate:
		return s == Expired
	case RequestChange, ReportRectified:
		return s == Suspended || s == Expired || s == Terminated || s == Disposal || (s == Rectifying && e == RequestChange)
	}
	return false
}

// prepare takes the steps that a message implies, and checks what only this end can: late says that it changes nothing.
func (s *Service) prepare(ctx context.Context, tx *db.Tx, n *Negotiation, a *act) (late bool, err error) {
	switch a.Event {
	case Extend:
		return false, s.implied(ctx, tx, n, Submitted, StartReview)
	case BeginDisposal:
		if !s.clock.Now().Add(skew).Before(n.ValidUntil) { // over at the provider, whose clock is ahead
			for _, from := range []State{Active, ChangeOfUse, Suspended, Rectifying} {
				if err := s.implied(ctx, tx, n, from, Expire); err != nil {
					return false, err
				}
			}
		}
	case GrantChange, DeclineChange:
		late = n.State == Expired && n.Change != nil && n.Change.Status == ChangeDropped && !n.Change.Asked.IsZero()
		switch {
		case !late && (n.State != ChangeOfUse || n.Change == nil):
			return false, n.transition(GrantChange)
		case a.Event == GrantChange:
			return false, amendable(n, a)
		case !process.Text(a.Note):
			return false, ErrReason.With()
		}
	}
	return late, nil // declined: it has ended all the same
}

// implied takes a step that the other end took without a message.
func (s *Service) implied(ctx context.Context, tx *db.Tx, n *Negotiation, from State, e Event) error {
	if n.State != from {
		return nil
	}
	return s.took(ctx, tx, n, e, "", nil)
}

// amendable checks the amended agreement as the first one was.
func amendable(n *Negotiation, a *act) error {
	x, ok := a.Args.(*Amended)
	if !ok {
		return ErrDetails.With()
	}
	t, err := policy.DecodeAgreement(x.Document)
	if err != nil {
		return err
	}
	switch {
	case t.Agreement != n.Agreement:
		return ErrMismatch.With("agreement", "协议编号")
	case t.Provider != n.Provider:
		return ErrMismatch.With("parties", "当事方")
	}
	if err := matches(t, n.underChange()); err != nil {
		return err
	}
	x.terms = t
	if len(x.Refused) > 0 {
		x.grant, err = partOf(&n.Change.Application, x.Refused)
	}
	return err
}
