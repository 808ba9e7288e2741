package agreement

import (
	"errors"
	"testing"

	"pgregory.net/rapid"
)

// TestWay walks the law's way from draft to closed, and checks what each arrow tells the other end.
func TestWay(t *testing.T) {
	for _, c := range []struct {
		from   State
		on     Event
		to     State
		effect Effect
	}{
		{Draft, AskOffice, ReqOfficeApproval, None},
		{ReqOfficeApproval, OfficeReturns, Draft, None},
		{ReqOfficeApproval, OfficeConsents, Submitted, SendRequest},
		{Submitted, StartReview, Reviewing, None},
		{Submitted, StandingConsent, Approved, SendAgreement},
		{Reviewing, AskSupplement, Supplement, TellSupplement},
		{Supplement, GiveSupplement, Reviewing, TellSupplied},
		{Reviewing, Extend, Extended, TellExtended},
		{Extended, CounterOffer, CounterOffered, SendOffer},
		{CounterOffered, Resubmit, Resubmitted, SendRequest},
		{CounterOffered, AcceptOffer, ProvOfficeApproval, SendAccepted},
		{Reviewing, ProposeAnswer, ProvOfficeApproval, None},
		{ProvOfficeApproval, AnswerReturned, Reviewing, None},
		{ProvOfficeApproval, ConsentAnswer, Approved, SendAgreement},
		{Approved, Verify, Verified, SendVerification},
		{Verified, Finalize, Provisioning, SendFinalized},
		{Provisioning, Provision, Active, None},
		{Active, Expire, Expired, Ended},
		{Active, Suspend, Suspended, TellSuspended},
		{Suspended, OrderRectify, Rectifying, TellRectify},
		{Rectifying, Resume, Active, TellResumed},
		{Rectifying, Terminate, Terminated, TellTerminated},
		{Active, RequestChange, ChangeOfUse, TellChange},
		{ChangeOfUse, GrantChange, Active, TellChange},
		{Expired, BeginDisposal, Disposal, TellDispose},
		{Terminated, BeginDisposal, Disposal, TellDispose},
		{Supplement, DraftSupplement, Supplement, None},
		{Supplement, GiveSupplement, Reviewing, TellSupplied},
		{Reviewing, AskExtension, Reviewing, None},
		{Reviewing, RefuseExtension, Reviewing, None},
		{Active, DraftChange, Active, None},
		{ChangeOfUse, ProposeChange, ChangeOfUse, None},
		{ChangeOfUse, DeclineChange, Active, TellChange},
		{Rectifying, ReportRectified, Rectifying, TellRectified},
		{Disposal, ConfirmDisposal, Closed, TellDisposed},
		{Reviewing, Refuse, Refused, SendTermination},
		{Submitted, Withdraw, Withdrawn, SendTermination},
	} {
		to, effect, err := Next(c.from, c.on, nil)
		if err != nil || to != c.to || effect != c.effect {
			t.Errorf("%s on %s: %s %q %v, want %s %q", c.from, c.on, to, effect, err, c.to, c.effect)
		}
	}
	if _, _, err := Next(Reviewing, AskSupplement, []Event{AskSupplement}); !errors.Is(err, ErrTransition) {
		t.Error("a second supplement (Decree 809 art. 21: everything missing is told once)")
	}
	if _, _, err := Next(Reviewing, Extend, []Event{Extend}); !errors.Is(err, ErrTransition) {
		t.Error("a second extension (Decree 809 art. 21)")
	}
	for _, s := range []State{Provisioning, Active, Closed, Refused, Withdrawn} {
		if _, _, err := Next(s, Refuse, nil); err == nil {
			t.Errorf("refused in %s", s)
		}
	}
}

// TestMachineProperties: final states stay final, every state is reachable, and nothing leaves before approval.
func TestMachineProperties(t *testing.T) {
	reached := map[State]bool{Draft: true}
	for grew := true; grew; {
		grew = false
		for k, a := range table() {
			if reached[k.from] && !reached[a.to] {
				reached[a.to], grew = true, true
			}
		}
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
			e := rapid.SampledFrom(Events()).Draw(t, "event")
			next, _, err := Next(s, e, done)
			if err != nil {
				if next != s {
					t.Fatalf("%s on %s failed and moved to %s", s, e, next)
				}
				continue
			}
			if s.Final() {
				t.Fatalf("%s is final and moved to %s", s, next)
			}
			if e == AskSupplement || e == Extend {
				done = append(done, e)
			}
			approved = approved || next == Approved
			if next == Active && !approved {
				t.Fatal("in force without approval")
			}
			s = next
		}
	})
}
