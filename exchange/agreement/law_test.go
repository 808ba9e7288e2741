package agreement

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/kuayu/kuayu/exchange/catalog"
	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/support/deadline"
	"github.com/kuayu/kuayu/support/policy"
	"github.com/kuayu/kuayu/support/process"
)

// clocksOf is what a step does to the law's clocks.
func clocksOf(e Event, from State, sharing catalog.Sharing) []deadline.Action {
	d := Process()
	n := Rehearsal(sharing)
	n.State, n.Supplement = from, &SupplementRequest{}
	_, m, err := d.Table.Next(from, e, nil)
	if err != nil {
		return nil
	}
	var out []deadline.Action
	for _, a := range m.Clocks {
		if id, ok := d.Clock(n, a.Clock); ok {
			a.Clock = id
			out = append(out, a)
		}
	}
	return out
}

// TestClocksOf is the table of Decree 809 arts. 20–22, 27 and 29: which event moves which clock, for the conditional
// class; "D4" becomes "D3" in the unconditional one. Events that are not listed move none.
func TestClocksOf(t *testing.T) {
	act := func(op deadline.Op, id deadline.ID) deadline.Action { return deadline.Action{Do: op, Clock: id} }
	wait := func(w deadline.Wait) deadline.Action {
		return deadline.Action{Do: deadline.Pause, Clock: deadline.D4, Wait: w}
	}
	consented := []deadline.Action{act(deadline.Stop, deadline.D4), act(deadline.Start, deadline.D6)}
	type key struct {
		from State
		on   Event
	}
	want := map[key][]deadline.Action{
		{Submitted, StartReview}:            {act(deadline.Start, deadline.D4)},
		{Submitted, AskSupplement}:          {act(deadline.Start, deadline.D4), wait(deadline.Supplement)},
		{Reviewing, AskSupplement}:          {wait(deadline.Supplement)},
		{Extended, AskSupplement}:           {wait(deadline.Supplement)},
		{Resubmitted, AskSupplement}:        {wait(deadline.Supplement)},
		{Resubmitted, Extend}:               {act(deadline.Extend, deadline.D4)},
		{Supplement, GiveSupplement}:        {act(deadline.Resume, deadline.D4)},
		{Reviewing, Extend}:                 {act(deadline.Extend, deadline.D4)},
		{CounterOffered, AcceptOffer}:       {act(deadline.Resume, deadline.D4)},
		{CounterOffered, Resubmit}:          {act(deadline.Resume, deadline.D4)},
		{ProvOfficeApproval, ConsentAnswer}: consented,
		{Submitted, StandingConsent}:        consented,
		{Reviewing, StandingConsent}:        consented,
		{Provisioning, Provision}:           {act(deadline.Stop, deadline.D6)},
		{Provisioning, Terminate}:           {act(deadline.Void, deadline.D6)},
		{Provisioning, Expire}:              {act(deadline.Void, deadline.D6)},
		{Suspended, OrderRectify}:           {act(deadline.Start, deadline.Rectification)},
		{Rectifying, ReportRectified}:       {act(deadline.Stop, deadline.Rectification)},
		{Rectifying, Resume}:                {act(deadline.Stop, deadline.Rectification)},
		{Rectifying, Suspend}:               {act(deadline.Void, deadline.Rectification)},
		{Rectifying, Terminate}:             {act(deadline.Void, deadline.Rectification)},
		{Rectifying, Expire}:                {act(deadline.Void, deadline.Rectification)},
		{Expired, BeginDisposal}:            {act(deadline.Start, deadline.Disposal)},
		{Terminated, BeginDisposal}:         {act(deadline.Start, deadline.Disposal)},
		{Disposal, ConfirmDisposal}:         {act(deadline.Stop, deadline.Disposal), act(deadline.Start, deadline.D8), act(deadline.Start, deadline.D9)},
	}
	for _, s := range []State{Reviewing, Extended, Resubmitted} {
		want[key{s, CounterOffer}] = []deadline.Action{wait(deadline.CounterOffer)}
	}
	for _, s := range []State{Submitted, Supplement, Reviewing, Extended, CounterOffered, Resubmitted, ProvOfficeApproval, Draft, ReqOfficeApproval} {
		want[key{s, Withdraw}] = []deadline.Action{act(deadline.Void, deadline.D4)}
		want[key{s, Refuse}] = []deadline.Action{act(deadline.Stop, deadline.D4)}
	}
	for _, s := range []State{Approved, Verified} {
		want[key{s, Withdraw}] = []deadline.Action{act(deadline.Void, deadline.D6)}
		want[key{s, Refuse}] = []deadline.Action{act(deadline.Void, deadline.D6)}
	}
	Table().Each(func(from State, on Event, _ *process.Move) {
		k := key{from, on}
		got := clocksOf(k.on, k.from, catalog.Conditional)
		if !slices.Equal(got, want[k]) {
			t.Errorf("%s on %s: %v, want %v", k.from, k.on, got, want[k])
		}
		easy := clocksOf(k.on, k.from, catalog.Unconditional)
		for i := range easy {
			if easy[i].Clock == deadline.D3 {
				easy[i].Clock = deadline.D4
			}
		}
		if !slices.Equal(easy, got) {
			t.Errorf("%s on %s: the unconditional class has %v", k.from, k.on, easy)
		}
		for _, a := range clocksOf(k.on, k.from, catalog.NotShared) {
			if a.Clock == deadline.D3 || a.Clock == deadline.D4 {
				t.Errorf("%s on %s: %v for what is not shared", k.from, k.on, a)
			}
		}
	})
	if got := clocksOf(StartReview, Submitted, catalog.Unconditional); !slices.Equal(got, []deadline.Action{act(deadline.Start, deadline.D3)}) {
		t.Error(got)
	}
}

// TestClocksEnd: every way of the machine out of the states before an answer ends the answer's clock, and every way out
// of the states between consent and data the clock of provision.
func TestClocksEnd(t *testing.T) {
	before := []State{Submitted, Supplement, Reviewing, Extended, CounterOffered, Resubmitted, ProvOfficeApproval}
	after := []State{Approved, Verified, Provisioning}
	ends := func(as []deadline.Action, id deadline.ID) bool {
		return slices.ContainsFunc(as, func(a deadline.Action) bool { return a.Clock == id && (a.Do == deadline.Stop || a.Do == deadline.Void) })
	}
	Table().Each(func(from State, on Event, m *process.Move) {
		to := m.To
		if to == "" {
			to = from
		}
		as := clocksOf(on, from, catalog.Conditional)
		if slices.Contains(before, from) && !slices.Contains(before, to) != ends(as, deadline.D4) {
			t.Errorf("%s on %s to %s: %v", from, on, to, as)
		}
		if slices.Contains(after, from) && !slices.Contains(after, to) != ends(as, deadline.D6) {
			t.Errorf("%s on %s to %s: %v", from, on, to, as)
		}
		if (from == Rectifying && (to != Rectifying || on == ReportRectified)) != ends(as, deadline.Rectification) {
			t.Errorf("%s on %s to %s: %v", from, on, to, as)
		}
	})
}

func TestActorsOf(t *testing.T) {
	for _, e := range Table().Events {
		if got := e.Law; (len(got) == 0) != (e.Event == Expire) {
			t.Errorf("%s: %v", e.Event, got)
		}
	}
}

func TestCheckRefusal(t *testing.T) {
	for reason, want := range map[string]error{"": ErrReason, " \t": ErrReason, "incomplete": ErrIncomplete, " incomplete ": ErrIncomplete, "用途与职责不符": nil} {
		if err := CheckRefusal(reason); !errors.Is(err, want) {
			t.Errorf("%q: %v", reason, err)
		}
	}
}

// TestApplicationCheck: the five statements of Decree 809 art. 20 and the declaration, all faults told at once.
func TestApplicationCheck(t *testing.T) {
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	good := func() Application {
		return Application{
			Provider: "zhejiang", Resource: "x", Basis: policy.Basis{Kind: "duty", Citation: "第五条"}, Purposes: []string{"p"}, Scenario: "窗口", Scope: "本部门",
			Modes: []policy.Mode{policy.ModeQuery}, Fields: []string{"uscc"}, ValidUntil: now.AddDate(1, 0, 0), Declared: true,
		}
	}
	for name, x := range map[string]struct {
		change func(*Application)
		want   []string
	}{
		"good":        {func(*Application) {}, nil},
		"basis":       {func(a *Application) { a.Basis.Citation = " " }, []string{"basis"}},
		"scenario":    {func(a *Application) { a.Scenario = "" }, []string{"scenario"}},
		"scope":       {func(a *Application) { a.Scope = "" }, []string{"scope"}},
		"modes":       {func(a *Application) { a.Modes = nil }, []string{"modes"}},
		"time limit":  {func(a *Application) { a.ValidUntil = now }, []string{"valid_until"}},
		"eleven":      {func(a *Application) { a.ValidUntil = now.AddDate(11, 0, 0) }, []string{"valid_until"}},
		"declaration": {func(a *Application) { a.Declared = false }, []string{"declared"}},
		"all at once": {func(a *Application) { *a = Application{} }, []string{"provider", "resource", "basis", "purposes", "scenario", "scope", "modes", "fields", "valid_until", "declared"}},
	} {
		a := good()
		x.change(&a)
		var got []string
		if err := a.Check(now); err != nil {
			for _, f := range errs.As(err).Fields {
				got = append(got, f.Name)
			}
		}
		if !slices.Equal(got, x.want) {
			t.Errorf("%s: %v, want %v", name, got, x.want)
		}
	}
}
