package catalog

import (
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/kuayu/kuayu/support/deadline"
)

// TestWay walks the whole machine: every arrow there is, with what it does to what everybody sees, and no other.
func TestWay(t *testing.T) {
	arrows := []struct {
		from   State
		on     Event
		to     State
		effect bool // on what everybody sees: the version is announced, or the entry retracted, or the draft dropped
	}{
		{New, Describe, Draft, false},
		{Deleted, Describe, Draft, false},
		{Draft, Describe, Draft, false},
		{Draft, Assess, Draft, false},
		{Draft, Submit, Submitted, false},
		{Draft, Discard, Deleted, true},
		{Submitted, Return, Draft, false},
		{Submitted, Sign, Signed, false},
		{Signed, Reject, Draft, false},
		{Signed, Publish, Published, true},
		{Published, Describe, Updating, false},
		{Published, NoteChange, Published, false},
		{Published, AskExtension, Published, false},
		{Published, Extend, Published, false},
		{Published, RefuseExtension, Published, false},
		{Published, AskWithdrawal, RevokePending, false},
		{RevokePending, FileWithdrawal, Revoked, true},
		{RevokePending, RefuseWithdrawal, Published, false},
		{Updating, Describe, Updating, false},
		{Updating, Assess, Updating, false},
		{Updating, Submit, UpdateSubmitted, false},
		{Updating, Discard, Published, true},
		{Updating, NoteChange, Updating, false},
		{Updating, AskExtension, Updating, false},
		{Updating, Extend, Updating, false},
		{Updating, RefuseExtension, Updating, false},
		{UpdateSubmitted, Return, Updating, false},
		{UpdateSubmitted, Sign, UpdateSigned, false},
		{UpdateSigned, Reject, Updating, false},
		{UpdateSigned, Publish, Published, true},
	}
	type key struct {
		from State
		on   Event
	}
	known, hooks := map[key]bool{}, new(Service).hooks()
	for _, a := range arrows {
		known[key{a.from, a.on}] = true
		to, _, err := Table().Next(a.from, a.on, nil)
		if err != nil || to != a.to || (a.effect && hooks.Before[a.on] == nil) {
			t.Errorf("%s on %s: %s %v, want %s", a.from, a.on, to, err, a.to)
		}
	}
	for _, s := range States() {
		for _, e := range Table().EventNames() {
			if known[key{s, e}] {
				continue
			}
			if to, _, err := Table().Next(s, e, nil); !errors.Is(err, ErrState) || to != s {
				t.Errorf("%s on %s: %s %v, want no such arrow", s, e, to, err)
			}
		}
	}
	for _, f := range Table().Check() {
		t.Error(f)
	}
}

// TestWayProperties: nothing is in force that was not signed and approved since it was last changed; what is in force
// stays so until the authority files a withdrawal; what is revoked stays revoked.
func TestWayProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, signed := New, false
		for range 60 {
			e := rapid.SampledFrom(Table().EventNames()).Draw(t, "event")
			to, _, err := Table().Next(s, e, nil)
			if err != nil {
				continue
			}
			switch {
			case s == Revoked:
				t.Fatalf("%s left the state revoked", e)
			case InForce(s) && !InForce(to) && e != FileWithdrawal:
				t.Fatalf("%s took an entry out of the catalogue", e)
			case !InForce(s) && InForce(to) && (e != Publish || !signed):
				t.Fatalf("in force by %s, signed: %v", e, signed)
			case e == Publish && !signed:
				t.Fatal("announced without a signature")
			}
			switch e {
			case Sign:
				signed = true
			case Describe, Return, Reject, Discard, Publish:
				signed = false
			}
			s = to
		}
	})
}

// TestClocksOf: what each arrow does to D1, D2 and the clock of a first approval (Decree 809 art. 16, 17).
func TestClocksOf(t *testing.T) {
	act := func(op deadline.Op, id deadline.ID) deadline.Action { return deadline.Action{Do: op, Clock: id} }
	for _, x := range []struct {
		on       Event
		from     State
		demanded bool
		want     []deadline.Action
	}{
		{NoteChange, Published, true, []deadline.Action{act(deadline.Start, deadline.D1)}},
		{Extend, Updating, true, []deadline.Action{act(deadline.Extend, deadline.D1)}},
		{Sign, Submitted, false, []deadline.Action{act(deadline.Stop, deadline.D1), act(deadline.Start, deadline.FirstApproval)}},
		{Sign, UpdateSubmitted, true, []deadline.Action{act(deadline.Stop, deadline.D1), act(deadline.Start, deadline.D2)}},
		{Publish, Signed, false, []deadline.Action{act(deadline.Stop, deadline.FirstApproval)}},
		{Publish, UpdateSigned, true, []deadline.Action{act(deadline.Stop, deadline.D2)}},
		{Reject, Signed, false, []deadline.Action{act(deadline.Stop, deadline.FirstApproval)}},
		{Reject, UpdateSigned, false, []deadline.Action{act(deadline.Stop, deadline.D2)}},
		{Reject, UpdateSigned, true, []deadline.Action{act(deadline.Stop, deadline.D2), act(deadline.Start, deadline.D1)}},
		{FileWithdrawal, RevokePending, true, []deadline.Action{act(deadline.Void, deadline.D1)}},
		{Submit, Updating, true, nil},
		{Describe, Published, true, nil},
	} {
		if got := clocksOf(x.on, x.from, x.demanded); !slices.Equal(got, x.want) {
			t.Errorf("%s from %s: %v, want %v", x.on, x.from, got, x.want)
		}
	}
}

// clocksOf is what a step does to the law's clocks.
func clocksOf(e Event, from State, due bool) []deadline.Action {
	d, x := Process(), &Dossier{}
	if due {
		x.Demand = &Demand{}
	}
	_, m, err := d.Table.Next(from, e, nil)
	if err != nil {
		return nil
	}
	var out []deadline.Action
	for _, a := range m.Clocks {
		if id, ok := d.Clock(x, a.Clock); ok {
			a.Clock = id
			out = append(out, a)
		}
	}
	return out
}
