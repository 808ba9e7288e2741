package agreement

import (
	"context"

	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/process"
)

// What officers do. The table (table.go) says who may, acts.go what it does.

// at causes an event at an end: what an officer says with it is a note, or args.
func (s *Service) at(ctx context.Context, sess *identity.Session, id string, side Role, e Event, note string, args any) (*Negotiation, error) {
	return s.kind.Act(ctx, sess, id, side, e, process.Given{Note: note, Args: args})
}

// ConsentRequest is the consent of the head of the consumer's sharing office: the application goes out (art. 20).
func (s *Service) ConsentRequest(ctx context.Context, sess *identity.Session, id string) (*Negotiation, error) {
	return s.at(ctx, sess, id, Consumer, OfficeConsents, "", nil)
}

// ReturnRequest is the head of the consumer's sharing office sending a draft back to the officer, with what to correct.
func (s *Service) ReturnRequest(ctx context.Context, sess *identity.Session, id, reason string) (*Negotiation, error) {
	return s.at(ctx, sess, id, Consumer, OfficeReturns, reason, nil)
}

// Correct is the consumer's officer sending a draft that the head returned again, corrected: for the same resource of the
// same provider.
func (s *Service) Correct(ctx context.Context, sess *identity.Session, id string, a Application) (*Negotiation, error) {
	return s.at(ctx, sess, id, Consumer, AskOffice, "", &a)
}

// Answer is the provider's officer proposing what to grant; the head of the office consents after it (art. 20).
func (s *Service) Answer(ctx context.Context, sess *identity.Session, id string, g Grant) (*Negotiation, error) {
	return s.at(ctx, sess, id, Provider, ProposeAnswer, "", &g)
}

// ConsentAnswer is the second officer: the head of the provider's office. The agreement's bytes are made here.
func (s *Service) ConsentAnswer(ctx context.Context, sess *identity.Session, id string) (*Negotiation, error) {
	return s.at(ctx, sess, id, Provider, ConsentAnswer, "", nil)
}

// ReturnAnswer sends the officer's proposal back.
func (s *Service) ReturnAnswer(ctx context.Context, sess *identity.Session, id, reason string) (*Negotiation, error) {
	return s.at(ctx, sess, id, Provider, AnswerReturned, reason, nil)
}

// Refuse declines an application with reasons (art. 21); incompleteness is no reason.
func (s *Service) Refuse(ctx context.Context, sess *identity.Session, id, reason string) (*Negotiation, error) {
	return s.at(ctx, sess, id, Provider, Refuse, reason, nil)
}

// Withdraw takes an application back.
func (s *Service) Withdraw(ctx context.Context, sess *identity.Session, id, reason string) (*Negotiation, error) {
	return s.at(ctx, sess, id, Consumer, Withdraw, reason, nil)
}

// Revoke ends an agreement by the provider or the authority (art. 27), at once here and on receipt, at the latest when
// the lease ends, there.
func (s *Service) Revoke(ctx context.Context, sess *identity.Session, id, reason string) (*Negotiation, error) {
	return s.at(ctx, sess, id, Provider, Terminate, reason, nil)
}

// CounterOffer is the provider's officer offering other terms than were asked: fewer items, a narrower filter, a shorter
// time. The head of the office consents when the consumer has accepted (Decree 809 art. 20).
func (s *Service) CounterOffer(ctx context.Context, sess *identity.Session, id string, g Grant) (*Negotiation, error) {
	return s.at(ctx, sess, id, Provider, CounterOffer, "", &g)
}

// AcceptOffer is the consumer taking the provider's terms; the head of its sharing office binds it (art. 20).
func (s *Service) AcceptOffer(ctx context.Context, sess *identity.Session, id string) (*Negotiation, error) {
	return s.at(ctx, sess, id, Consumer, AcceptOffer, "", nil)
}

// Resubmit is the consumer answering an offer by asking again: for the same resource of the same provider, with other
// items, modes or time. The head of its sharing office consents by doing it (art. 20).
func (s *Service) Resubmit(ctx context.Context, sess *identity.Session, id string, a Application) (*Negotiation, error) {
	return s.at(ctx, sess, id, Consumer, Resubmit, "", &a)
}

// AskSupplement is the provider's officer naming everything that is missing, all at once and a single time (Decree 809
// art. 21): what was not asked for then may not hold the application up.
func (s *Service) AskSupplement(ctx context.Context, sess *identity.Session, id string, missing []Missing) (*Negotiation, error) {
	return s.at(ctx, sess, id, Provider, AskSupplement, "", &missing)
}

// ConsentSupplement is the consent of the head of the consumer's office to a supplement that asks for more than before.
func (s *Service) ConsentSupplement(ctx context.Context, sess *identity.Session, id string) (*Negotiation, error) {
	if err := sess.Require(identity.OfficeHead); err != nil { // an officer gives one, the head consents to one
		return nil, err
	}
	return s.at(ctx, sess, id, Consumer, GiveSupplement, "", nil)
}

// AskExtension is the provider's officer asking the authority of its level for at most 10 more working days (Decree 809
// art. 21). Nothing changes until the authority consents.
func (s *Service) AskExtension(ctx context.Context, sess *identity.Session, id string, days int, reason string) (*Negotiation, error) {
	return s.at(ctx, sess, id, Provider, AskExtension, "", &ExtensionRequest{Days: days, Reason: reason})
}

// ConsentExtension is the authority's consent: the extension holds, and the consumer is told until when (Decree 809 art. 21).
func (s *Service) ConsentExtension(ctx context.Context, sess *identity.Session, id string) (*Negotiation, error) {
	return s.at(ctx, sess, id, Provider, Extend, "", nil)
}

// RefuseExtension is the authority not consenting; the answer stays due when it was.
func (s *Service) RefuseExtension(ctx context.Context, sess *identity.Session, id, reason string) (*Negotiation, error) {
	return s.at(ctx, sess, id, Provider, RefuseExtension, reason, nil)
}

// DraftChange is the consumer's officer asking for another purpose, scenario, scope or time under an agreement in force
// (Decree 809 art. 25); the head of its sharing office consents before it goes out (art. 20: RequestChange).
func (s *Service) DraftChange(ctx context.Context, sess *identity.Session, id string, c ChangeRequest) (*Negotiation, error) {
	return s.at(ctx, sess, id, Consumer, DraftChange, c.Reason, &c)
}

// RequestChange is the consent of the head of the consumer's office: the change is asked for. The agreement goes on under
// its old terms.
func (s *Service) RequestChange(ctx context.Context, sess *identity.Session, id string) (*Negotiation, error) {
	return s.at(ctx, sess, id, Consumer, RequestChange, "", nil)
}

// ProposeChange is the provider's officer proposing what to grant of a change of use; nothing beyond what was asked.
func (s *Service) ProposeChange(ctx context.Context, sess *identity.Session, id string, g Grant) (*Negotiation, error) {
	return s.at(ctx, sess, id, Provider, ProposeChange, "", &g)
}

// GrantChange is the second officer: the head of the provider's office. The agreement's new exact bytes are made here,
// under the same identifier; the old ones are kept (Decree 809 art. 25).
func (s *Service) GrantChange(ctx context.Context, sess *identity.Session, id string) (*Negotiation, error) {
	return s.at(ctx, sess, id, Provider, GrantChange, "", nil)
}

// DeclineChange is the head of the provider's office declining a change of use with reasons; the old terms hold.
func (s *Service) DeclineChange(ctx context.Context, sess *identity.Session, id, reason string) (*Negotiation, error) {
	return s.at(ctx, sess, id, Provider, DeclineChange, reason, nil)
}

// Suspend stops an agreement at once, for misuse or the suspicion of it (Decree 809 art. 27). From the moment the
// transaction commits, nothing is answered under it here; the other end stops when it hears of it, at the latest when
// its lease ends.
func (s *Service) Suspend(ctx context.Context, sess *identity.Session, id, reason string) (*Negotiation, error) {
	return s.at(ctx, sess, id, Provider, Suspend, reason, nil)
}

// OrderRectify orders the consumer to rectify by a date (Decree 809 art. 27; the length is not fixed by law).
func (s *Service) OrderRectify(ctx context.Context, sess *identity.Session, id string, o RectifyOrder) (*Negotiation, error) {
	return s.at(ctx, sess, id, Provider, OrderRectify, "", &o)
}

// ReportRectified is the consumer reporting what it rectified; the provider judges it (Decree 809 art. 27).
func (s *Service) ReportRectified(ctx context.Context, sess *identity.Session, id, report string) (*Negotiation, error) {
	return s.at(ctx, sess, id, Consumer, ReportRectified, report, nil)
}

// Resume lets an agreement go on after the consumer reported; finding says why. Whoever is not satisfied suspends again
// with a new order, or terminates (Revoke).
func (s *Service) Resume(ctx context.Context, sess *identity.Session, id, finding string) (*Negotiation, error) {
	return s.at(ctx, sess, id, Provider, Resume, finding, nil)
}

// Dispose is the provider saying how the data are to be disposed of once an agreement has ended (Decree 809 art. 27).
func (s *Service) Dispose(ctx context.Context, sess *identity.Session, id string, o DisposalOrder) (*Negotiation, error) {
	return s.at(ctx, sess, id, Provider, BeginDisposal, o.Method, &o)
}

// ConfirmDisposal is the head of the consumer's office certifying that the data were destroyed: the matter is closed at
// both ends (Decree 809 art. 27).
func (s *Service) ConfirmDisposal(ctx context.Context, sess *identity.Session, id string, c Certificate) (*Negotiation, error) {
	return s.at(ctx, sess, id, Consumer, ConfirmDisposal, c.Method, &c)
}

// GiveSupplement is the consumer's officer supplying what was missing. An application corrected within what the head of
// its office consented to goes out at once; one that asks for more waits for the head (art. 20: ConsentSupplement).
func (s *Service) GiveSupplement(ctx context.Context, sess *identity.Session, id string, p Supply) (*Negotiation, error) {
	if err := sess.Require(identity.DataOfficer); err != nil {
		return nil, err
	}
	n, err := s.Get(ctx, db.In(sess.Division, sess.Department, sess.Actor), id)
	if err != nil {
		return nil, err
	}
	e := GiveSupplement
	if p.Application != nil && !p.Application.within(&n.Application) {
		e = DraftSupplement
	}
	return s.at(ctx, sess, id, Consumer, e, "", &p)
}
