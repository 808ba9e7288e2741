package agreement

import (
	"context"
	"strings"
	"time"

	"github.com/kuayu/kuayu/exchange/catalog"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/support/deadline"
)

// AnswerClock is the clock for answering an application (Decree 809 art. 21): one working day for the unconditional
// class, ten for the conditional one. The class that is not shared has none.
func AnswerClock(sharing catalog.Sharing) (deadline.ID, bool) {
	switch sharing {
	case catalog.Unconditional:
		return deadline.D3, true
	case catalog.Conditional:
		return deadline.D4, true
	case catalog.NotShared:
	}
	return "", false
}

// answer stands in the table for D3 or D4.
const answer deadline.ID = "answer"

// clockRow is one line of the table: the first line that fits an arrow counts. A state left empty fits every state.
type clockRow struct {
	on   Event
	from State
	do   []deadline.Action
}

// clockTable says which event starts, stops, extends, pauses what. An event without a line moves no clock: a proposal and
// its return are the provider's own affair, a countersignature does not lengthen the time to provide.
func clockTable() []clockRow {
	do := func(a ...deadline.Action) []deadline.Action { return a }
	act := func(op deadline.Op, id deadline.ID) deadline.Action { return deadline.Action{Do: op, Clock: id} }
	wait := func(w deadline.Wait) deadline.Action {
		return deadline.Action{Do: deadline.Pause, Clock: answer, Wait: w}
	}
	const start, stop, void, resume = deadline.Start, deadline.Stop, deadline.Void, deadline.Resume
	return []clockRow{
		// Receipt: the provider's node takes an application up in the transaction that acknowledges it (arts. 20, 21).
		{on: StartReview, do: do(act(start, answer))},
		{on: AskSupplement, from: Submitted, do: do(act(start, answer), wait(deadline.Supplement))},
		{on: AskSupplement, do: do(wait(deadline.Supplement))},
		{on: GiveSupplement, do: do(act(resume, answer))},
		{on: Extend, do: do(act(deadline.Extend, answer))}, // D5
		{on: CounterOffer, do: do(wait(deadline.CounterOffer))},
		{on: Resubmit, do: do(act(resume, answer))},
		{on: AcceptOffer, do: do(act(resume, answer))},
		// The answer, and with a consent the time to provide (art. 22).
		{on: ConsentAnswer, do: do(act(stop, answer), act(start, deadline.D6))},
		{on: StandingConsent, do: do(act(stop, answer), act(start, deadline.D6))},
		{on: Refuse, from: Approved, do: do(act(void, deadline.D6))},
		{on: Refuse, from: Verified, do: do(act(void, deadline.D6))},
		{on: Refuse, do: do(act(stop, answer))},
		{on: Withdraw, from: Approved, do: do(act(void, deadline.D6))},
		{on: Withdraw, from: Verified, do: do(act(void, deadline.D6))},
		{on: Withdraw, do: do(act(void, answer))},
		{on: Provision, do: do(act(stop, deadline.D6))},
		// An end before data flowed, or while something was to be put right (art. 27).
		{on: Terminate, from: Provisioning, do: do(act(void, deadline.D6))},
		{on: Expire, from: Provisioning, do: do(act(void, deadline.D6))},
		{on: OrderRectify, do: do(act(start, deadline.Rectification))},
		// What was ordered is done when it is reported; looking at it is the provider's affair, and may order it again.
		{on: ReportRectified, do: do(act(stop, deadline.Rectification))},
		{on: Resume, do: do(act(stop, deadline.Rectification))},
		{on: Suspend, from: Rectifying, do: do(act(void, deadline.Rectification))},
		{on: Terminate, from: Rectifying, do: do(act(void, deadline.Rectification))},
		{on: Expire, from: Rectifying, do: do(act(void, deadline.Rectification))},
		// Data are disposed of by the date ordered (art. 27); what was recorded is kept from the last record on (art. 29; Network
		// Data Security Regulation art. 12).
		{on: BeginDisposal, do: do(act(start, deadline.Disposal))},
		{on: ConfirmDisposal, do: do(act(stop, deadline.Disposal), act(start, deadline.D8), act(start, deadline.D9))},
	}
}

// ClocksOf says what an arrow of the machine does to the law's clocks: pure, for deadline.Service.Apply in the
// transaction that takes the arrow. sharing is the class of the resource applied for.
func ClocksOf(e Event, from State, sharing catalog.Sharing) []deadline.Action {
	for _, r := range clockTable() {
		if r.on != e || (r.from != "" && r.from != from) {
			continue
		}
		var out []deadline.Action
		for _, a := range r.do {
			if a.Clock == answer {
				id, ok := AnswerClock(sharing)
				if !ok {
					continue
				}
				a.Clock = id
			}
			out = append(out, a)
		}
		return out
	}
	return nil
}

// tick does to the law's clocks what an arrow does, in its transaction. Both ends keep them: the provider's judge, the
// applicant's watch.
func (s *Service) tick(ctx context.Context, tx *db.Tx, n *Negotiation, at time.Time, e Event, actions []deadline.Action) error {
	if len(actions) == 0 {
		return nil
	}
	c := deadline.Case{
		Subject: "negotiation/" + n.ID, Department: n.Department(), End: deadline.Applicant, At: at, Profile: s.clocks.ProfileFor(s.region(n.Provider.Member)),
		Parties: deadline.Parties{
			Provider:  deadline.Party{Member: n.Provider.Member, Department: n.Provider.Department},
			Applicant: deadline.Party{Member: n.Consumer.Member, Department: n.Consumer.Department},
			Authority: deadline.Party{Member: n.Provider.Member},
		},
	}
	if n.Role == Provider {
		c.End = deadline.Provider
	}
	switch e { //nolint:exhaustive // the others say nothing about days
	case Extend:
		if n.Extension != nil {
			c.Days, c.Consent = n.Extension.Days, n.Extension.ConsentedBy
			if c.Consent == "" {
				c.Consent = n.Provider.Member // the provider told of it: its node holds the consent
			}
		}
	case OrderRectify:
		if n.Suspension != nil && !n.Suspension.RectifyBy.IsZero() {
			c.Days = s.clocks.DaysUntil(at, n.Suspension.RectifyBy)
		}
	case BeginDisposal:
		if n.Disposing != nil && !n.Disposing.Order.By.IsZero() {
			c.Days = s.clocks.DaysUntil(at, n.Disposing.Order.By)
		}
	}
	return s.clocks.Apply(ctx, tx, db.System("clocks"), c, actions...)
}

// ReceivedClocks is what the acknowledgement of an application starts at the end that sent it: there the machine takes no
// arrow at that moment.
func ReceivedClocks(sharing catalog.Sharing) []deadline.Action {
	return ClocksOf(StartReview, Submitted, sharing)
}

// ActorsOf says whose act an event is under the law; none for what time does.
func ActorsOf(e Event) []deadline.Role {
	switch e {
	case AskOffice, OfficeReturns, OfficeConsents, GiveSupplement, Resubmit, AcceptOffer, Verify, Withdraw, DraftSupplement, DraftChange, RequestChange,
		ReportRectified, ConfirmDisposal:
		return []deadline.Role{deadline.Applicant}
	case StartReview, AskSupplement, Extend, CounterOffer, ProposeAnswer, AnswerReturned, ConsentAnswer, StandingConsent, Finalize, Provision,
		Refuse, AskExtension, ProposeChange, GrantChange, DeclineChange:
		return []deadline.Role{deadline.Provider}
	case Suspend, OrderRectify, Resume, Terminate: // art. 27
		return []deadline.Role{deadline.Provider, deadline.Authority}
	case RefuseExtension:
		return []deadline.Role{deadline.Authority}
	case BeginDisposal:
		return []deadline.Role{deadline.Provider, deadline.Applicant}
	case Expire:
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
