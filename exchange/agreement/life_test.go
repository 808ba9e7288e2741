package agreement

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/support/policy"
	"github.com/kuayu/kuayu/support/process"
)

var day = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

func asked() Application {
	return Application{
		Provider: "zhejiang", Resource: "r", Basis: policy.Basis{Kind: "duty", Citation: "第十二条"}, Purposes: []string{"p", "q"}, Scenario: "s", Scope: "c",
		Modes: []policy.Mode{policy.ModeQuery, policy.ModeVerify}, Fields: []string{"a", "b"}, ValidUntil: day.AddDate(0, 6, 0), Declared: true,
	}
}

// TestWithin: whatever could be more than the head of the office consented to needs a new consent (art. 20).
func TestWithin(t *testing.T) {
	where := &policy.Predicate{Op: policy.Eq, Item: "a", Values: []policy.Value{policy.Str("x")}}
	old := asked()
	for name, c := range map[string]struct {
		change func(*Application)
		within bool
	}{
		"nothing":          {func(*Application) {}, true},
		"fewer items":      {func(a *Application) { a.Fields = a.Fields[:1] }, true},
		"fewer purposes":   {func(a *Application) { a.Purposes = a.Purposes[:1] }, true},
		"fewer modes":      {func(a *Application) { a.Modes = a.Modes[:1] }, true},
		"a shorter time":   {func(a *Application) { a.ValidUntil = a.ValidUntil.AddDate(0, -1, 0) }, true},
		"fewer rows":       {func(a *Application) { a.Filter = where }, true},
		"another item":     {func(a *Application) { a.Fields = []string{"a", "c"} }, false},
		"another purpose":  {func(a *Application) { a.Purposes = []string{"r"} }, false},
		"another mode":     {func(a *Application) { a.Modes = []policy.Mode{policy.ModeBatch} }, false},
		"a longer time":    {func(a *Application) { a.ValidUntil = a.ValidUntil.AddDate(0, 0, 1) }, false},
		"another scenario": {func(a *Application) { a.Scenario = "t" }, false},
		"another scope":    {func(a *Application) { a.Scope = "d" }, false},
		"another basis":    {func(a *Application) { a.Basis.Citation = "第十三条" }, false},
		"another quota":    {func(a *Application) { a.Quota.CallsPerDay = 9 }, false},
	} {
		a := asked()
		c.change(&a)
		if a.within(&old) != c.within {
			t.Errorf("%s: within is %v", name, !c.within)
		}
	}
	a := asked()
	old.Filter = where
	if a.within(&old) {
		t.Error("a filter taken away is within")
	}
}

// TestAccounts: no item without an answer, no refusal without a reason, and all faults told at once (art. 21).
func TestAccounts(t *testing.T) {
	items := []string{"a", "b", "c"}
	for name, c := range map[string]struct {
		g      Grant
		faults int
	}{
		"all granted":     {Grant{Fields: items}, 0},
		"all accounted":   {Grant{Fields: items[:1], Refused: []RefusedItem{{"b", "x"}, {"c", "y"}}}, 0},
		"two forgotten":   {Grant{Fields: items[:1]}, 2},
		"no reason":       {Grant{Fields: items[:2], Refused: []RefusedItem{{"c", " "}}}, 1},
		"an endless one":  {Grant{Fields: items[:2], Refused: []RefusedItem{{"c", strings.Repeat("x", process.MaxNote+1)}}}, 1},
		"both":            {Grant{Fields: items, Refused: []RefusedItem{{"c", "y"}}}, 1},
		"twice":           {Grant{Fields: items[:2], Refused: []RefusedItem{{"c", "y"}, {"c", "y"}}}, 1},
		"never asked for": {Grant{Fields: items, Refused: []RefusedItem{{"d", "y"}}}, 1},
	} {
		err := c.g.accounts(items)
		if c.faults == 0 {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if !errors.Is(err, ErrDetails) || len(errs.As(err).Fields) != c.faults {
			t.Errorf("%s: %v with %d faults, want %d", name, err, len(errs.As(err).Fields), c.faults)
		}
		for _, f := range errs.As(err).Fields {
			if f.Zh == "" || f.En == "" {
				t.Errorf("%s: %+v lacks a language", name, f)
			}
		}
	}
}

// TestContinues: what may be continued, by its state.
func TestContinues(t *testing.T) {
	a := asked()
	for _, s := range States() {
		n := &Negotiation{Case: process.Case{State: s}, Application: a, Provider: policy.Party{Member: a.Provider}}
		want := error(ErrNotInForce)
		switch s {
		case Active, ChangeOfUse, Expired:
			want = nil
		case Suspended, Rectifying:
			want = ErrSuspended
		}
		if err := n.continues(&a); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", s, err, want)
		}
		n.Application.Resource = "other"
		if err := n.continues(&a); !errors.Is(err, ErrMismatch) {
			t.Errorf("%s of another resource: %v", s, err)
		}
	}
}

// TestOvertaken: what comes too late is acknowledged only where there is no arrow, and never instead of one.
func TestOvertaken(t *testing.T) {
	some := 0
	for _, s := range States() {
		for _, e := range events() {
			if !overtaken(s, e) {
				continue
			}
			some++
			if to, _, err := next(s, e, nil); err == nil {
				t.Errorf("%s in %s has an arrow to %s", e, s, to)
			}
		}
	}
	if some == 0 {
		t.Error("nothing is ever overtaken")
	}
}

// TestDropped: a change that waits dies with the agreement, one that was answered stays as it is.
func TestDropped(t *testing.T) {
	for from, to := range map[ChangeStatus]ChangeStatus{
		ChangeDrafted: ChangeDropped, ChangeRequested: ChangeDropped, ChangeProposed: ChangeDropped, ChangeGranted: ChangeGranted, ChangeDeclined: ChangeDeclined,
	} {
		for _, e := range []Event{Suspend, Terminate, Expire} {
			n := &Negotiation{Lifecycle: Lifecycle{Change: &Change{Status: from}}}
			does()[e].Change(n, &act{Event: e, At: day})
			if n.Change.Status != to {
				t.Errorf("%s on %s: %s, want %s", from, e, n.Change.Status, to)
			}
		}
	}
}
