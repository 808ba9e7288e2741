package agreement

import (
	"strings"
	"time"

	"github.com/kuayu/kuayu/exchange/catalog"
	"github.com/kuayu/kuayu/support/deadline"
	"github.com/kuayu/kuayu/support/policy"
	"github.com/kuayu/kuayu/support/process"
)

// skew is how far two members' clocks may be apart.
const skew = 5 * time.Minute

// ExtensionRequest asks the authority for more time.
type ExtensionRequest struct {
	Days   int    `json:"days"` // working days
	Reason string `json:"reason"`
}

// Amended is the provider's grant of a change of use: the amended agreement's exact bytes, or at the end that made them
// what is kept of it.
type Amended struct {
	Document []byte        `json:"document,omitempty"`
	Refused  []RefusedItem `json:"refused,omitempty"`

	terms *policy.Terms
	grant *Grant
}

// Process is the process of applications and agreements without a node: table, guards, and what events do to the record.
// The node's services (service.go) add what needs the catalogue and the store.
func Process() process.Def[Negotiation] {
	return process.Def[Negotiation]{
		Table: Table(),
		Case:  func(n *Negotiation) *process.Case { return &n.Case },
		Clock: func(n *Negotiation, id deadline.ID) (deadline.ID, bool) {
			if id == answer {
				return AnswerClock(n.Sharing)
			}
			return id, true
		},
		Pending: pending,
		Does:    does(),
	}
}

// Rehearsal is an application to a resource of a class that nothing was done to yet, for playing histories.
func Rehearsal(sharing catalog.Sharing) *Negotiation {
	return &Negotiation{Case: process.Case{State: Draft}, Sharing: sharing, Consumer: policy.Party{Member: "consumer"}, Provider: policy.Party{Member: "provider"}}
}

// pending names what waits within a state.
func pending(n *Negotiation) string {
	x, c := n.Extension, n.Change
	switch {
	case n.State == Reviewing && x != nil && x.open():
		return pendingExtension
	case n.State == Supplement && n.Supplement != nil && n.Supplement.Supply != nil, n.State == Active && c != nil && c.Status == ChangeDrafted:
		return pendingDraft
	case n.State == ChangeOfUse && c != nil && c.Status == ChangeProposed:
		return pendingProposed
	case n.State == Rectifying && n.Suspension != nil && !n.Suspension.Reported.IsZero():
		return pendingReported
	}
	return ""
}

func (x *Extension) open() bool { return x.Consented.IsZero() && x.Declined == "" }

// transition is the error of an event that what is pending does not allow.
func (n *Negotiation) transition(e Event) error {
	return ErrTransition.With(string(n.State), string(e))
}

// members refuses what a foreign party's protocol has no word for.
func members(n *Negotiation, a *process.Act) error {
	if n.Foreign() && !a.Remote {
		return ErrForeign.With()
	}
	return nil
}

type (
	act  = process.Act
	acts = process.Does[Negotiation]
)

// noted is an event that leaves its note as the record's reason.
func noted(guard func(n *Negotiation, a *act) error) acts {
	return acts{Guard: guard, Change: func(n *Negotiation, a *act) { n.Reason = a.Note }}
}

func does() map[Event]acts {
	return map[Event]acts{
		AskOffice:       process.Saying(applies, func(n *Negotiation, _ *act, x *Application) { n.Application, n.Grant, n.Reason = *x, nil, "" }),
		OfficeReturns:   noted(nil),
		AskSupplement:   process.Saying(asksSupplement, requestSupplement),
		DraftSupplement: process.Saying(suppliesWider, keepSupply),
		GiveSupplement:  process.Saying(supplies, supply),
		AskExtension:    process.Saying(asksExtension, requestExtension),
		RefuseExtension: {Guard: decidesExtension, Change: func(n *Negotiation, a *act) { n.Extension.Declined = a.Note }},
		Extend: process.Saying(extends, func(n *Negotiation, a *act, x *Extension) {
			if a.Remote {
				n.Extension = x
				return
			}
			n.Extension.Consented, n.Extension.ConsentedBy, n.Extension.Until = a.At, a.Actor.Officer, x.Until
		}).Spanning(func(n *Negotiation, _ *act) process.Span {
			s := process.Span{Days: n.Extension.Days, Consent: n.Extension.ConsentedBy}
			if s.Consent == "" {
				s.Consent = n.Provider.Member // the provider says so: its node holds the consent
			}
			return s
		}),
		CounterOffer: process.Saying(nil, func(n *Negotiation, a *act, x *Grant) { n.Grant, n.ProposedBy = x, a.Actor.Officer }),
		Resubmit:     process.Saying(applies, func(n *Negotiation, _ *act, x *Application) { n.Application, n.Grant = *x, nil }),
		AcceptOffer:  {Change: func(n *Negotiation, _ *act) { n.Accepted = true }},
		ProposeAnswer: process.Saying(func(n *Negotiation, a *act, x *Grant) error {
			if a.Remote {
				return nil
			}
			return x.accounts(n.Application.Fields)
		}, func(n *Negotiation, a *act, x *Grant) {
			if a.Remote { // implied by the agreement that came
				return
			}
			n.Grant, n.ProposedBy, n.Reason = x, a.Actor.Officer, ""
		}),
		AnswerReturned: noted(func(n *Negotiation, _ *act) error {
			if n.Accepted { // the consumer took the terms offered: they are agreed to, or the application is refused with reasons
				return n.transition(AnswerReturned)
			}
			return nil
		}),
		Refuse:    noted(refuses),
		Withdraw:  noted(withdraws),
		Terminate: dropping(noted(nil)),
		Expire:    dropping(acts{}),
		Suspend:   dropping(noted(nil)),
		DraftChange: process.Saying(draftsChange, func(n *Negotiation, a *act, x *ChangeRequest) {
			n.Change = &Change{ChangeRequest: *x, Status: ChangeDrafted, DraftedBy: a.Actor.Officer}
		}),
		RequestChange: process.Saying(requestsChange, requestChange),
		ProposeChange: process.Saying(proposesChange, func(n *Negotiation, a *act, x *Grant) {
			n.Change.Grant, n.Change.ProposedBy, n.Change.Status = x, a.Actor.Officer, ChangeProposed
		}),
		GrantChange: process.Saying(grantsChange, amend),
		DeclineChange: {Guard: declinesChange, Change: func(n *Negotiation, a *act) {
			n.Change.Status, n.Change.Declined, n.Change.Answered = ChangeDeclined, a.Note, a.At
		}},
		OrderRectify:    process.Saying(func(_ *Negotiation, a *act, x *RectifyOrder) error { return x.check(a.Said) }, order).Spanning(func(n *Negotiation, _ *act) process.Span { return process.Span{By: n.Suspension.RectifyBy} }),
		ReportRectified: {Guard: reports, Change: func(n *Negotiation, a *act) { n.reported(a.Note, a.At) }},
		Resume:          {Guard: resumes, Change: resume},
		BeginDisposal:   process.Saying(func(_ *Negotiation, a *act, x *DisposalOrder) error { return x.check(a.Said) }, func(n *Negotiation, a *act, x *DisposalOrder) { n.Disposing = &Disposing{Order: *x, Ordered: a.At} }).Spanning(func(n *Negotiation, _ *act) process.Span { return process.Span{By: n.Disposing.Order.By} }),
		ConfirmDisposal: process.Saying(certifies, func(n *Negotiation, a *act, x *Certificate) { n.destroyed(*x, a.At) }),
	}
}

// dropping is an event at which a change of use that waits dies with the agreement.
func dropping(x acts) acts {
	then := x.Change
	x.Change = func(n *Negotiation, a *act) {
		if then != nil {
			then(n, a)
		}
		if a.Event == Suspend {
			if n.Suspension == nil || !n.Suspension.Resumed.IsZero() {
				n.Suspension = &Suspension{Since: a.At}
			}
			n.Suspension.Reason = n.Reason
		}
		n.dropChange()
	}
	return x
}

// byHand reports whether an officer does something here; the others are rules of the node, time, and the other end.
func byHand(a *act) bool { return !a.Remote && a.Actor.Officer != "" }

// applies holds an application to the statements of the law, and one that is changed to the same resource.
func applies(n *Negotiation, a *act, x *Application) error {
	if err := x.Check(a.At); err != nil && (a.Remote || byHand(a)) {
		return err
	}
	if old := &n.Application; old.Resource != "" && (x.Provider != old.Provider || x.Resource != old.Resource) {
		return ErrMismatch.With("resource", "资源")
	}
	return nil
}

func asksSupplement(n *Negotiation, a *act, x *[]Missing) error {
	if err := members(n, a); err != nil {
		return err
	}
	return checkMissing(*x)
}

func requestSupplement(n *Negotiation, a *act, x *[]Missing) {
	n.Supplement = &SupplementRequest{Missing: *x, Asked: a.At}
	if !a.Remote {
		n.Supplement.AskedBy = a.Actor.Officer
	}
}

// supplies holds a supplement to what was missing, and to what the head of the office consented to. With nothing said it
// is the head's consent to what was drafted.
func supplies(n *Negotiation, a *act, x *Supply) error {
	switch {
	case n.Supplement == nil:
		return n.transition(GiveSupplement)
	case len(x.Texts) == 0 && x.Application == nil && n.Supplement.Supply != nil:
		if n.Supplement.DraftBy == a.Actor.Officer {
			return ErrTwoPeople.With()
		}
		a.Args = n.Supplement.Supply
		return n.Supplement.Supply.check(n, a.At)
	case len(x.Texts) == 0 && x.Application == nil && !a.Remote:
		return n.transition(GiveSupplement)
	case !a.Remote && x.Application != nil && !x.Application.within(&n.Application):
		return n.transition(GiveSupplement)
	}
	return x.check(n, a.Said)
}

// suppliesWider is a supplement that asks for more than before: it waits for the head (art. 20).
func suppliesWider(n *Negotiation, a *act, x *Supply) error {
	if n.Supplement == nil {
		return n.transition(DraftSupplement)
	}
	return x.check(n, a.At)
}

func keepSupply(n *Negotiation, a *act, x *Supply) {
	n.Supplement.Supply, n.Supplement.DraftBy = x, a.Actor.Officer
}

// supply puts the corrected application in the place of the old one.
func supply(n *Negotiation, a *act, x *Supply) {
	n.Supplement.Supply, n.Supplement.Given = x, a.At
	if x.Application != nil {
		n.Application, n.Grant = *x.Application, nil
	}
}

func asksExtension(n *Negotiation, _ *act, x *ExtensionRequest) error {
	if err := (&Extension{Days: x.Days, Reason: x.Reason}).check(); err != nil {
		return err
	}
	_, _, err := Table().Next(n.State, Extend, n.Done) // it was extended before, or the time for it is over
	return err
}

func requestExtension(n *Negotiation, a *act, x *ExtensionRequest) {
	n.Extension = &Extension{Days: x.Days, Reason: x.Reason, Asked: a.At, AskedBy: a.Actor.Officer}
	a.Note = x.Reason
}

// decidesExtension: there is an extension that waits for the authority.
func decidesExtension(n *Negotiation, a *act) error {
	if n.State != Reviewing || n.Extension == nil || !n.Extension.open() {
		return n.transition(a.Event)
	}
	return nil
}

func extends(n *Negotiation, a *act, x *Extension) error {
	if !a.Remote {
		return decidesExtension(n, a)
	}
	if err := x.check(); err != nil {
		return err
	}
	if x.Until.IsZero() {
		return ErrDetails.With()
	}
	return nil
}

// CheckRefusal refuses a refusal without reasons, or for incomplete papers alone (Decree 809 art. 21).
func CheckRefusal(reason string) error {
	switch strings.TrimSpace(reason) {
	case "":
		return ErrReason.With()
	case "incomplete":
		return ErrIncomplete.With()
	}
	return nil
}

func refuses(n *Negotiation, a *act) error {
	switch {
	case !byHand(a):
		return nil
	case n.State == Approved, n.State == Verified:
		return n.transition(Refuse) // an answer given is no longer refused: it is revoked
	case n.State == Supplement:
		return ErrIncomplete.With() // what is asked for may still come: refusing now would be for incompleteness
	}
	return CheckRefusal(a.Note)
}

// withdraws: one that was granted and countersigned is on its way into force; taking it back then would cross the
// provider's last word, and the ends would not agree what became of it.
func withdraws(n *Negotiation, a *act) error {
	if n.State == Verified && byHand(a) {
		return n.transition(Withdraw)
	}
	return nil
}

func draftsChange(n *Negotiation, a *act, x *ChangeRequest) error {
	if err := members(n, a); err != nil {
		return err
	}
	return x.check(n, a.Said)
}

// waiting is the change of use, if it is in one of the statuses.
func (n *Negotiation) waiting(e Event, in ...ChangeStatus) (*Change, error) {
	for _, st := range in {
		if c := n.Change; c != nil && c.Status == st {
			return c, nil
		}
	}
	return nil, n.transition(e)
}

func requestsChange(n *Negotiation, a *act, x *ChangeRequest) error {
	if a.Remote {
		return x.check(n, a.Said)
	}
	c, err := n.waiting(RequestChange, ChangeDrafted)
	if err != nil {
		return err
	}
	*x = c.ChangeRequest
	return x.check(n, a.At)
}

func requestChange(n *Negotiation, a *act, x *ChangeRequest) {
	if n.Change == nil || a.Remote {
		n.Change = &Change{ChangeRequest: *x}
	}
	n.Change.Status, n.Change.Asked = ChangeRequested, a.At
	a.Note = x.Reason
}

func proposesChange(n *Negotiation, _ *act, x *Grant) error {
	c, err := n.waiting(ProposeChange, ChangeRequested, ChangeProposed)
	if err != nil {
		return err
	}
	return x.accounts(c.Application.Fields)
}

func grantsChange(n *Negotiation, a *act, _ *Amended) error {
	if a.Remote {
		return nil
	}
	if _, err := n.waiting(GrantChange, ChangeProposed); err != nil {
		return err
	}
	if !a.At.Before(n.ValidUntil) && !n.ValidUntil.IsZero() {
		return ErrExpired.With()
	}
	return nil
}

// amend puts the amended agreement in the place of the one before.
func amend(n *Negotiation, a *act, x *Amended) {
	n.Change.Status, n.Change.Answered = ChangeGranted, a.At
	if a.Remote {
		n.Change.Grant = x.grant
	}
	n.Application, n.Grant = n.Change.Application, n.Change.Grant
	if x.terms != nil {
		n.Version++
		n.Hash, n.ValidUntil = hashOf(x.Document), x.terms.ValidUntil
	}
}

func declinesChange(n *Negotiation, a *act) error {
	if a.Remote {
		return nil
	}
	_, err := n.waiting(DeclineChange, ChangeRequested, ChangeProposed)
	return err
}

func (n *Negotiation) dropChange() {
	if c := n.Change; c != nil && (c.Status == ChangeDrafted || c.Status == ChangeRequested || c.Status == ChangeProposed) {
		c.Status = ChangeDropped
	}
}

func order(n *Negotiation, a *act, x *RectifyOrder) {
	if n.Suspension == nil {
		n.Suspension = &Suspension{Reason: n.Reason}
	}
	n.Suspension.What, n.Suspension.RectifyBy = x.What, x.By
	n.Suspension.Report, n.Suspension.Reported = "", time.Time{}
	a.Note = x.What
}

func reports(_ *Negotiation, a *act) error {
	var f process.Faults
	f.Need(process.Text(a.Note), "report", "请写明整改情况", "say what was rectified")
	return f.Err(ErrDetails)
}

func (n *Negotiation) reported(report string, now time.Time) {
	if n.Suspension != nil {
		n.Suspension.Report, n.Suspension.Reported = report, now
	}
}

// resumes: a foreign consumer, whose protocol knows no report, gives it outside of it.
func resumes(n *Negotiation, a *act) error {
	if n.State == Rectifying && !a.Remote && !n.Foreign() && (n.Suspension == nil || n.Suspension.Reported.IsZero()) {
		return ErrNotRectified.With()
	}
	return nil
}

func resume(n *Negotiation, a *act) {
	n.Reason = ""
	if n.Suspension != nil {
		n.Suspension.Finding, n.Suspension.Resumed = a.Note, a.At
	}
}

// certifies holds a certificate to dates that are possible: at this end not before the application, at the other not
// later than it was said.
func certifies(n *Negotiation, a *act, x *Certificate) error {
	if a.Remote {
		return x.check(time.Time{}, a.Said.Add(skew))
	}
	return x.check(n.Created.Truncate(24*time.Hour).Add(-24*time.Hour), a.At)
}

func (n *Negotiation) destroyed(c Certificate, now time.Time) {
	if n.Disposing == nil {
		n.Disposing = &Disposing{}
	}
	n.Disposing.Certificate, n.Disposing.Confirmed = &c, now
}
