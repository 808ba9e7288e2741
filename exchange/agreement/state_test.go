package agreement

import (
	"errors"
	"testing"

	"pgregory.net/rapid"

	"github.com/kuayu/kuayu/support/process"
)

// next is the machine, with the message that it sends.
func next(s State, e Event, done []Event) (State, Effect, error) {
	to, m, err := Table().Next(s, e, done)
	if err != nil {
		return to, "", err
	}
	return to, m.Send, nil
}

// events lists all events.
func events() []Event { return Table().EventNames() }

// TestTable: the table has no faults.
func TestTable(t *testing.T) {
	for _, f := range Table().Check() {
		t.Error(f)
	}
}

// TestWay walks the law's way from draft to closed, and checks what each arrow tells the other end.
func TestWay(t *testing.T) {
	for _, c := range []struct {
		from   State
		on     Event
		to     State
		effect Effect
	}{
		{Draft, AskOffice, ReqOfficeApproval, ""},
		{ReqOfficeApproval, OfficeReturns, Draft, ""},
		{ReqOfficeApproval, OfficeConsents, Submitted, SendRequest},
		{Submitted, StartReview, Reviewing, ""},
		{Submitted, StandingConsent, Approved, SendAgreement},
		{Reviewing, AskSupplement, Supplement, SendSupplement},
		{Supplement, GiveSupplement, Reviewing, SendSupplied},
		{Reviewing, Extend, Extended, SendExtended},
		{Extended, CounterOffer, CounterOffered, SendOffer},
		{CounterOffered, Resubmit, Resubmitted, SendRequest},
		{CounterOffered, AcceptOffer, ProvOfficeApproval, SendAccepted},
		{Reviewing, ProposeAnswer, ProvOfficeApproval, ""},
		{ProvOfficeApproval, AnswerReturned, Reviewing, ""},
		{ProvOfficeApproval, ConsentAnswer, Approved, SendAgreement},
		{Approved, Verify, Verified, SendVerification},
		{Verified, Finalize, Provisioning, SendFinalized},
		{Provisioning, Provision, Active, ""},
		{Active, Expire, Expired, Ended},
		{Active, Suspend, Suspended, SendSuspended},
		{Suspended, OrderRectify, Rectifying, SendRectify},
		{Rectifying, Resume, Active, SendResumed},
		{Rectifying, Terminate, Terminated, SendTerminated},
		{Active, RequestChange, ChangeOfUse, SendChange},
		{ChangeOfUse, GrantChange, Active, SendChange},
		{Expired, BeginDisposal, Disposal, SendDispose},
		{Terminated, BeginDisposal, Disposal, SendDispose},
		{Supplement, DraftSupplement, Supplement, ""},
		{Supplement, GiveSupplement, Reviewing, SendSupplied},
		{Reviewing, AskExtension, Reviewing, ""},
		{Reviewing, RefuseExtension, Reviewing, ""},
		{Active, DraftChange, Active, ""},
		{ChangeOfUse, ProposeChange, ChangeOfUse, ""},
		{ChangeOfUse, DeclineChange, Active, SendChange},
		{Rectifying, ReportRectified, Rectifying, SendRectified},
		{Disposal, ConfirmDisposal, Closed, SendDisposed},
		{Reviewing, Refuse, Refused, SendTermination},
		{Submitted, Withdraw, Withdrawn, SendTermination},
	} {
		to, effect, err := next(c.from, c.on, nil)
		if err != nil || to != c.to || effect != c.effect {
			t.Errorf("%s on %s: %s %q %v, want %s %q", c.from, c.on, to, effect, err, c.to, c.effect)
		}
	}
	if _, _, err := next(Reviewing, AskSupplement, []Event{AskSupplement}); !errors.Is(err, ErrTransition) {
		t.Error("a second supplement (Decree 809 art. 21: everything missing is told once)")
	}
	if _, _, err := next(Reviewing, Extend, []Event{Extend}); !errors.Is(err, ErrTransition) {
		t.Error("a second extension (Decree 809 art. 21)")
	}
	for _, s := range []State{Provisioning, Active, Closed, Refused, Withdrawn} {
		if _, _, err := next(s, Refuse, nil); err == nil {
			t.Errorf("refused in %s", s)
		}
	}
}

// TestMachineProperties: final states stay final, every state is reachable, and nothing leaves before approval.
func TestMachineProperties(t *testing.T) {
	reached := map[State]bool{Draft: true}
	for grew := true; grew; {
		grew = false
		Table().Each(func(from State, _ Event, m *process.Move) {
			if reached[from] && m.To != "" && !reached[m.To] {
				reached[m.To], grew = true, true
			}
		})
	}
	for _, s := range States() {
		if !reached[s] {
			t.Errorf("%s is never reached", s)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		s, approved := Draft, false
		var done []Event
		for range 40 {
			e := rapid.SampledFrom(events()).Draw(t, "event")
			to, _, err := next(s, e, done)
			if err != nil {
				if to != s {
					t.Fatalf("%s on %s failed and moved to %s", s, e, to)
				}
				continue
			}
			if Table().Final(s) {
				t.Fatalf("%s is final and moved to %s", s, to)
			}
			if e == AskSupplement || e == Extend {
				done = append(done, e)
			}
			approved = approved || to == Approved
			if to == Active && !approved {
				t.Fatal("in force without approval")
			}
			s = to
		}
	})
}
