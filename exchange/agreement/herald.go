package agreement

import (
	"context"
	"time"

	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/notice"
)

// Listener hears of every arrow, in the transaction that takes it. An error undoes the arrow.
type Listener interface {
	Moved(ctx context.Context, tx *db.Tx, n *Negotiation, e Event) error
}

// SetListener tells the room who hears of arrows; nobody does unless it is called.
func (s *Service) SetListener(l Listener) { s.hears = l }

// Board is where notices are put. notice.Service is one.
type Board interface {
	Put(ctx context.Context, tx *db.Tx, sc db.Scope, n notice.Notice, p notice.Params) error
}

// Herald is the Listener that tells officers what waits for them.
type Herald struct {
	Board Board
	Name  func(member string) string                            // of a member; its id where nobody knows, or if nil
	Title func(ctx context.Context, member, code string) string // of an entry; its code where nobody knows, or if nil
}

// names are how a notice calls the other end and what the case is about.
func (h Herald) names(ctx context.Context, n *Negotiation) (member, title string) {
	member, title = n.Other(), n.Application.Resource
	if h.Name != nil {
		member = h.Name(member)
	}
	if h.Title != nil {
		title = h.Title(ctx, n.Provider.Member, title)
	}
	return member, title
}

// toldRow is one line of the table: at this end, an event tells these roles of this end's department.
type toldRow struct {
	on   Event
	at   Role
	to   []identity.Role
	kind notice.Kind
}

// toldTable says which event tells whom: those who must act next, and those whose application or agreement it is. What
// somebody did is not told to the same person.
func toldTable() []toldRow {
	officer, head := []identity.Role{identity.DataOfficer}, []identity.Role{identity.OfficeHead}
	both := []identity.Role{identity.DataOfficer, identity.OfficeHead}
	return []toldRow{
		{AskOffice, Consumer, head, notice.ApplicationConsent},
		{OfficeReturns, Consumer, officer, notice.ApplicationReturned},
		{StartReview, Provider, officer, notice.ApplicationReceived},
		{AskSupplement, Consumer, officer, notice.SupplementAsked},
		{DraftSupplement, Consumer, head, notice.SupplementConsent},
		{GiveSupplement, Provider, officer, notice.SupplementGiven},
		{AskExtension, Provider, []identity.Role{identity.Authority}, notice.ExtensionAsked},
		{Extend, Provider, officer, notice.ExtensionGranted}, // the applicant hears of its clock, by the room of deadlines
		{RefuseExtension, Provider, officer, notice.ExtensionRefused},
		{CounterOffer, Consumer, both, notice.OfferMade},
		{Resubmit, Provider, officer, notice.OfferAnswered},
		{AcceptOffer, Provider, head, notice.OfferAccepted},
		{ProposeAnswer, Provider, head, notice.AnswerConsent},
		{AnswerReturned, Provider, officer, notice.AnswerReturned},
		{ConsentAnswer, Consumer, officer, notice.ApplicationGranted},
		{StandingConsent, Consumer, officer, notice.ApplicationGranted},
		{Refuse, Consumer, officer, notice.ApplicationRefused},
		{Withdraw, Provider, officer, notice.ApplicationWithdrawn},
		{Expire, Consumer, officer, notice.AgreementExpired},
		{Expire, Provider, officer, notice.AgreementExpired},
		{DraftChange, Consumer, head, notice.ChangeConsent},
		{RequestChange, Provider, officer, notice.ChangeReceived},
		{ProposeChange, Provider, head, notice.ChangeProposed},
		{GrantChange, Consumer, officer, notice.ChangeGranted},
		{DeclineChange, Consumer, officer, notice.ChangeDeclined},
		{Suspend, Consumer, both, notice.AgreementSuspended},
		{Suspend, Provider, officer, notice.AgreementSuspended}, // by a head, or by the authority over its head
		{OrderRectify, Consumer, both, notice.AgreementRectify},
		{ReportRectified, Provider, both, notice.AgreementRectified},
		{Resume, Consumer, officer, notice.AgreementResumed},
		{Resume, Provider, officer, notice.AgreementResumed},
		{Terminate, Consumer, both, notice.AgreementRevoked},
		{Terminate, Provider, officer, notice.AgreementRevoked},
		{BeginDisposal, Consumer, officer, notice.AgreementDispose},
		{ConfirmDisposal, Provider, officer, notice.AgreementDisposed},
	}
}

// untold are the events that tell nobody, each with the reason.
func untold() map[Event]string {
	return map[Event]string{
		OfficeConsents: "the head's own act; the arrival is told at the other end, and what comes of it here",
		Verify:         "the nodes do it by themselves, within seconds of the grant that was told",
		Finalize:       "as verify",
		Provision:      "as verify",
	}
}

// Moved puts the notices of an arrow.
func (h Herald) Moved(ctx context.Context, tx *db.Tx, n *Negotiation, e Event) error {
	for _, r := range toldTable() {
		if r.on != e || r.at != n.Role {
			continue
		}
		x := notice.Notice{Department: n.Department(), Roles: r.to, Kind: r.kind, Subject: "negotiation/" + n.ID, Link: "/applications/" + n.ID}
		if r.to[0] == identity.Authority {
			x.Department = "" // it looks after the whole node
		}
		member, title := h.names(ctx, n)
		err := h.Board.Put(ctx, tx, db.System("negotiation"), x, notice.Params{Resource: title, Member: member, Until: n.until(e)})
		if err != nil {
			return err
		}
	}
	return nil
}

// until is the last day that an event names, in China; empty if it names none.
func (n *Negotiation) until(e Event) string {
	var t time.Time
	switch {
	case e == OrderRectify && n.Suspension != nil:
		t = n.Suspension.RectifyBy
	case e == BeginDisposal && n.Disposing != nil:
		t = n.Disposing.Order.By
	}
	if t.IsZero() {
		return ""
	}
	return t.In(time.FixedZone("UTC+8", 8*60*60)).Format(time.DateOnly)
}
