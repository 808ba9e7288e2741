package catalog

import (
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/kuayu/kuayu/support/deadline"
	"github.com/kuayu/kuayu/support/notice"
)

// TestWay walks the whole machine: every arrow there is, with what it does to what everybody sees, and no other.
func TestWay(t *testing.T) {
	arrows := []struct {
		from   State
		on     Event
		to     State
		effect Effect
	}{
		{New, Describe, Draft, None},
		{Deleted, Describe, Draft, None},
		{Draft, Describe, Draft, None},
		{Draft, Assess, Draft, None},
		{Draft, Submit, Submitted, None},
		{Draft, Discard, Deleted, Drop},
		{Submitted, Return, Draft, None},
		{Submitted, Sign, Signed, None},
		{Signed, Reject, Draft, None},
		{Signed, Publish, Published, Announce},
		{Published, Describe, Updating, None},
		{Published, NoteChange, Published, None},
		{Published, AskExtension, Published, None},
		{Published, Extend, Published, None},
		{Published, RefuseExtension, Published, None},
		{Published, AskWithdrawal, RevokePending, None},
		{RevokePending, FileWithdrawal, Revoked, Retract},
		{RevokePending, RefuseWithdrawal, Published, None},
		{Updating, Describe, Updating, None},
		{Updating, Assess, Updating, None},
		{Updating, Submit, UpdateSubmitted, None},
		{Updating, Discard, Published, Drop},
		{Updating, NoteChange, Updating, None},
		{Updating, AskExtension, Updating, None},
		{Updating, Extend, Updating, None},
		{Updating, RefuseExtension, Updating, None},
		{UpdateSubmitted, Return, Updating, None},
		{UpdateSubmitted, Sign, UpdateSigned, None},
		{UpdateSigned, Reject, Updating, None},
		{UpdateSigned, Publish, Published, Announce},
	}
	known := map[key]bool{}
	for _, a := range arrows {
		known[key{a.from, a.on}] = true
		to, effect, err := Next(a.from, a.on)
		if err != nil || to != a.to || effect != a.effect {
			t.Errorf("%s on %s: %s %q %v, want %s %q", a.from, a.on, to, effect, err, a.to, a.effect)
		}
	}
	for _, s := range States() {
		for _, e := range Events() {
			if known[key{s, e}] {
				continue
			}
			if to, effect, err := Next(s, e); !errors.Is(err, ErrState) || to != s || effect != None {
				t.Errorf("%s on %s: %s %q %v, want no such arrow", s, e, to, effect, err)
			}
		}
	}
	for _, w := range []map[string][2]string{stateWords(), eventWords()} {
		for code, x := range w {
			if x[0] == "" || x[1] == "" {
				t.Errorf("%s has no words", code)
			}
		}
	}
	if len(stateWords()) != len(States()) || len(eventWords()) != len(Events()) {
		t.Error("a state or an event has no words")
	}
}

// TestWayProperties: nothing is in force that was not signed and approved since it was last changed; what is in force
// stays so until the authority files a withdrawal; what is revoked stays revoked.
func TestWayProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, signed := New, false
		for range 60 {
			e := rapid.SampledFrom(Events()).Draw(t, "event")
			to, effect, err := Next(s, e)
			if err != nil {
				continue
			}
			switch {
			case s == Revoked:
				t.Fatalf("%s left the state revoked", e)
			case s.InForce() && !to.InForce() && e != FileWithdrawal:
				t.Fatalf("%s took an entry out of the catalogue", e)
			case !s.InForce() && to.InForce() && (e != Publish || !signed):
				t.Fatalf("in force by %s, signed: %v", e, signed)
			case effect == Announce && !signed:
				t.Fatal("announced without a signature")
			}
			switch e { //nolint:exhaustive // the others change no version
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
		if got := ClocksOf(x.on, x.from, x.demanded); !slices.Equal(got, x.want) {
			t.Errorf("%s from %s: %v, want %v", x.on, x.from, got, x.want)
		}
	}
}

// TestEveryEventTellsSomebody: each event has a line or a reason why not, and a line names a kind that has texts.
func TestEveryEventTellsSomebody(t *testing.T) {
	told, kinds := map[Event]int{}, map[notice.Kind]bool{}
	for _, k := range notice.Kinds() {
		kinds[k.Kind] = true
	}
	for _, r := range toldTable() {
		told[r.on]++
		if !kinds[r.kind] || len(r.to) == 0 {
			t.Errorf("%s: %+v", r.on, r)
		}
	}
	for _, e := range Events() {
		if (told[e] == 0) != (untold()[e] != "") {
			t.Errorf("%s: %d lines, and the reason against is %q", e, told[e], untold()[e])
		}
	}
}
