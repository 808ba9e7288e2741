package agreement

import (
	"context"
	"time"

	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/support/identity"
)

// Suspension is the stop of an agreement by the provider or the authority, at once, and what it takes to go on (Decree
// 809 art. 27).
type Suspension struct {
	Reason    string    `json:"reason"`
	Since     time.Time `json:"since"`
	What      string    `json:"what,omitempty"`      // must be put right
	RectifyBy time.Time `json:"rectify_by,omitzero"` // by then
	Report    string    `json:"report,omitempty"`    // of the applicant
	Reported  time.Time `json:"reported,omitzero"`   //
	Resumed   time.Time `json:"resumed,omitzero"`    //
	Finding   string    `json:"finding,omitempty"`   // why it may go on
}

// RectifyOrder says what must be put right, and by when.
type RectifyOrder struct {
	What string    `json:"what"`
	By   time.Time `json:"by"`
}

// watchers may suspend: the head of the provider's sharing office, and the authority (art. 27).
func watchers() []identity.Role { return []identity.Role{identity.OfficeHead, identity.Authority} }

// Suspend stops an agreement at once, for misuse or the suspicion of it (Decree 809 art. 27). From the moment the
// transaction commits, nothing is answered under it here; the other end stops when it hears of it, at the latest when
// its lease ends.
func (s *Service) Suspend(ctx context.Context, sess *identity.Session, id, reason string) (*Negotiation, error) {
	if !text(reason) {
		return nil, ErrReason.With()
	}
	return s.oversee(ctx, sess, id, watchers(), func(ctx context.Context, tx *db.Tx, n *Negotiation) error {
		return s.move(ctx, tx, n, Suspend, n.overseer(sess, reason))
	})
}

func (o *RectifyOrder) check(now time.Time) error {
	var f faults
	f.need(text(o.What), "what", "请写明须整改的内容", "say what must be put right")
	f.need(o.By.After(now), "by", "整改期限须晚于今天", "the date for putting it right must be in the future")
	return f.err()
}

// OrderRectify orders the applicant to put things right by a date (Decree 809 art. 27; the length is not fixed by law).
func (s *Service) OrderRectify(ctx context.Context, sess *identity.Session, id string, o RectifyOrder) (*Negotiation, error) {
	return s.oversee(ctx, sess, id, watchers(), func(ctx context.Context, tx *db.Tx, n *Negotiation) error {
		if err := o.check(s.clock.Now()); err != nil {
			return err
		}
		b, err := n.overseer(sess, o.What).saying(o)
		if err != nil {
			return err
		}
		n.ordered(o)
		return s.move(ctx, tx, n, OrderRectify, b)
	})
}

func (n *Negotiation) ordered(o RectifyOrder) {
	if n.Suspension == nil {
		n.Suspension = &Suspension{Reason: n.Reason}
	}
	n.Suspension.What, n.Suspension.RectifyBy = o.What, o.By
	n.Suspension.Report, n.Suspension.Reported = "", time.Time{}
}

// ReportRectified is the applicant reporting what it put right; the provider judges it (Decree 809 art. 27).
func (s *Service) ReportRectified(ctx context.Context, sess *identity.Session, id, report string) (*Negotiation, error) {
	return s.act(ctx, sess, id, Consumer, []identity.Role{identity.DataOfficer, identity.OfficeHead}, func(ctx context.Context, tx *db.Tx, n *Negotiation) error {
		var f faults
		f.need(text(report), "report", "请写明整改情况", "say what was put right")
		if err := f.err(); err != nil {
			return err
		}
		n.reported(report, s.clock.Now())
		return s.move(ctx, tx, n, ReportRectified, person(sess, report))
	})
}

func (n *Negotiation) reported(report string, now time.Time) {
	if n.Suspension != nil {
		n.Suspension.Report, n.Suspension.Reported = report, now
	}
}

// Resume lets an agreement go on after the applicant reported that things were put right; finding says why. A foreign
// applicant, whose protocol knows no report, gives it outside of it. Whoever is not satisfied suspends again with a new
// order, or terminates (Revoke).
func (s *Service) Resume(ctx context.Context, sess *identity.Session, id, finding string) (*Negotiation, error) {
	if !text(finding) {
		return nil, ErrReason.With()
	}
	return s.oversee(ctx, sess, id, watchers(), func(ctx context.Context, tx *db.Tx, n *Negotiation) error {
		if n.State == Rectifying && !n.Foreign() && (n.Suspension == nil || n.Suspension.Reported.IsZero()) {
			return ErrNotRectified.With()
		}
		if n.Suspension != nil {
			n.Suspension.Finding = finding
		}
		return s.move(ctx, tx, n, Resume, n.overseer(sess, finding))
	})
}

// Disposing is the end of the data an applicant holds after the agreement (Decree 809 art. 27).
type Disposing struct {
	Order       DisposalOrder `json:"order"`
	Ordered     time.Time     `json:"ordered"`
	Certificate *Certificate  `json:"certificate,omitempty"`
	Confirmed   time.Time     `json:"confirmed,omitzero"`
}

// DisposalOrder is how the provider wants the data disposed of.
type DisposalOrder struct {
	Method string    `json:"method"`
	Scope  string    `json:"scope"`
	By     time.Time `json:"by"`
}

// Certificate states that the data were destroyed. The fact that carries it is signed by the applicant's node.
type Certificate struct {
	Method  string    `json:"method"`
	Scope   string    `json:"scope"`
	Date    time.Time `json:"date"`
	Officer string    `json:"officer"` // who is responsible for the destruction
}

func (o *DisposalOrder) check(now time.Time) error {
	var f faults
	f.need(text(o.Method), "method", "请写明处置方式", "say how to dispose of the data")
	f.need(text(o.Scope), "scope", "请写明处置范围", "say of which data")
	f.need(o.By.After(now), "by", "处置期限须晚于今天", "the date for disposal must be in the future")
	return f.err()
}

// check takes the earliest date possible at this end, and the latest.
func (c *Certificate) check(earliest, now time.Time) error {
	var f faults
	f.need(text(c.Method), "method", "请写明销毁方式", "say how the data were destroyed")
	f.need(text(c.Scope), "scope", "请写明销毁范围", "say which data were destroyed")
	f.need(text(c.Officer) && len(c.Officer) <= 200, "officer", "请写明责任人", "name the officer responsible")
	f.need(!c.Date.IsZero() && !c.Date.After(now), "date", "销毁日期不能晚于今天", "the date of destruction can't be in the future")
	f.need(!c.Date.Before(earliest), "date", "销毁日期不能早于申请", "the date of destruction can't be before the application")
	return f.err()
}

// Dispose is the provider saying how the data are to be disposed of once an agreement has ended (Decree 809 art. 27).
func (s *Service) Dispose(ctx context.Context, sess *identity.Session, id string, o DisposalOrder) (*Negotiation, error) {
	return s.act(ctx, sess, id, Provider, []identity.Role{identity.DataOfficer, identity.OfficeHead}, func(ctx context.Context, tx *db.Tx, n *Negotiation) error {
		now := s.clock.Now()
		if err := o.check(now); err != nil {
			return err
		}
		b, err := person(sess, o.Method).saying(o)
		if err != nil {
			return err
		}
		n.Disposing = &Disposing{Order: o, Ordered: now}
		return s.move(ctx, tx, n, BeginDisposal, b)
	})
}

// ConfirmDisposal is the head of the applicant's office certifying that the data were destroyed: the matter is closed at
// both ends (Decree 809 art. 27).
func (s *Service) ConfirmDisposal(ctx context.Context, sess *identity.Session, id string, c Certificate) (*Negotiation, error) {
	return s.act(ctx, sess, id, Consumer, []identity.Role{identity.OfficeHead}, func(ctx context.Context, tx *db.Tx, n *Negotiation) error {
		now := s.clock.Now()
		if err := c.check(n.Created.Truncate(24*time.Hour).Add(-24*time.Hour), now); err != nil {
			return err
		}
		b, err := person(sess, c.Method).saying(c)
		if err != nil {
			return err
		}
		n.destroyed(c, now)
		return s.move(ctx, tx, n, ConfirmDisposal, b)
	})
}

func (n *Negotiation) destroyed(c Certificate, now time.Time) {
	if n.Disposing == nil {
		n.Disposing = &Disposing{}
	}
	n.Disposing.Certificate, n.Disposing.Confirmed = &c, now
}
