package objection

import (
	"errors"
	"testing"

	"pgregory.net/rapid"
)

func TestResolve(t *testing.T) {
	for _, c := range []struct{ a, b, level, division string }{
		{"310000", "320000", "nation", Nation}, // Shanghai and Jiangsu: nothing below the nation
		{"320500", "330400", "nation", Nation},
		{"320509", "330421", "nation", Nation}, // neighbours in the demonstration zone, of two provinces
		{"310118", "320509", "nation", Nation},
		{"320500", "320600", "province", "320000"}, // two cities of one province
		{"320500", "320000", "province", "320000"}, // a city and its province
		{"320509", "320000", "province", "320000"},
		{"320000", "320000", "province", "320000"}, // of one level: the authority of that level
		{"320500", "320500", "city", "320500"},
		{"320509", "320500", "city", "320500"},
		{"320509", "320505", "city", "320500"},
		{"320509", "320509", "county", "320509"},
		{"320509100", "320509", "county", "320509"}, // a town and its county
		{"310101", "310115", "province", "310000"},  // a municipality is its own city
		{"310115", "310000", "province", "310000"},
		{"310115", "310115", "county", "310115"},
		{"100000", "320000", "nation", Nation},
		{"000000", "000000", "nation", Nation},
	} {
		for _, x := range [][2]string{{c.a, c.b}, {c.b, c.a}} {
			if r, err := Resolve(x[0], x[1]); err != nil || r.Level != c.level || r.Division != c.division {
				t.Errorf("Resolve(%s, %s) = %+v, %v; want %s %s", x[0], x[1], r, err, c.level, c.division)
			}
		}
	}
	for _, bad := range []string{"", "31", "31000a", "990000", "3100000", "320005"} {
		if _, err := Resolve(bad, "310000"); !errors.Is(err, ErrDivision) {
			t.Errorf("Resolve(%q): %v", bad, err)
		}
	}
}

// TestTables: the tables have no faults.
func TestTables(t *testing.T) {
	for _, f := range append(CorrectionTable().Check(), DisputeTable().Check()...) {
		t.Error(f)
	}
}

// TestNext: the whole table; what is not in it is refused.
func TestNext(t *testing.T) {
	type key struct {
		s Stage
		a Act
	}
	want := map[key]Stage{
		{Negotiating, Escalate}: AtAuthority, {AtAuthority, Escalate}: AtGovernment, {AuthorityRuled, Escalate}: AtGovernment, {AuthorityClosed, Escalate}: AtGovernment,
		{AtAuthority, Rule}: AuthorityRuled, {AtGovernment, Rule}: GovernmentRuled,
		{AuthorityRuled, Acknowledge}: AuthorityClosed, {GovernmentRuled, Acknowledge}: GovernmentClosed,
	}
	for _, s := range []Stage{Negotiating, AtAuthority, AuthorityRuled, AtGovernment, GovernmentRuled} {
		want[key{s, AddPaper}], want[key{s, Propose}], want[key{s, Accept}] = s, s, Settled
	}
	for _, s := range append(Stages(), "NOWHERE") {
		for _, a := range append(Acts(), "nothing") {
			to, ok := want[key{s, a}]
			got, _, err := DisputeTable().Next(s, a, nil)
			if ok != (err == nil) || (ok && got != to) || (!ok && (got != s || !errors.Is(err, ErrTransition))) {
				t.Errorf("%s in %s: %s, %v; want %s", a, s, got, err, to)
			}
			if err == nil && Rank(got) < Rank(s) {
				t.Errorf("%s in %s leads down to %s", a, s, got)
			}
		}
	}
}

// TestEndsAgree: whatever both ends do while their messages are under way, in order, they end up in the same stage, and no
// step is refused.
func TestEndsAgree(t *testing.T) {
	type said struct {
		a  Act
		to Stage
	}
	rapid.Check(t, func(t *rapid.T) {
		stage := [2]Stage{Negotiating, Negotiating}
		ruled := [2]int{-1, -1} // who recorded the ruling each end counts
		var wire [2][]said      // by receiver
		hear := func(i int) {
			m := wire[i][0]
			wire[i] = wire[i][1:]
			to, counts, err := Hear(stage[i], m.a, m.to)
			if err != nil {
				t.Fatalf("%s to %s was refused at %s: %v", m.a, m.to, stage[i], err)
			}
			if m.a == Rule && counts {
				ruled[i] = 1 - i
			}
			stage[i] = to
		}
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			i := rapid.IntRange(0, 1).Draw(t, "end")
			if len(wire[i]) > 0 && rapid.Bool().Draw(t, "hear") {
				hear(i)
				continue
			}
			a := rapid.SampledFrom(Acts()).Draw(t, "act")
			to, _, err := DisputeTable().Next(stage[i], a, nil)
			if err != nil || (a == Acknowledge && ruled[i] == i) {
				continue
			}
			if a == Rule {
				ruled[i] = i
			}
			stage[i] = to
			wire[1-i] = append(wire[1-i], said{a, to})
		}
		for i := range 2 {
			for len(wire[i]) > 0 {
				hear(i)
			}
		}
		if stage[0] != stage[1] {
			t.Fatalf("%s and %s", stage[0], stage[1])
		}
	})
}

// TestHearIsStrict: a step that leads nowhere, or skips the ladder, is refused.
func TestHearIsStrict(t *testing.T) {
	for _, c := range []struct {
		s  Stage
		a  Act
		to Stage
	}{
		{Negotiating, Rule, AuthorityRuled},
		{Negotiating, Rule, GovernmentRuled},
		{Negotiating, Escalate, AtGovernment},
		{AtAuthority, Rule, GovernmentRuled},
		{Negotiating, Escalate, Settled},
		{Negotiating, Acknowledge, GovernmentClosed},
		{Negotiating, "nothing", Settled},
		{Settled, Rule, Negotiating},
	} {
		if s, counts, err := Hear(c.s, c.a, c.to); err == nil || counts || s != c.s {
			t.Errorf("%s to %s in %s: %s %v", c.a, c.to, c.s, s, err)
		}
	}
}
