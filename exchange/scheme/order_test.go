package scheme

import (
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/kuayu/kuayu/internal/errs"
)

// TestEarlyConsent: a consent that comes before its text is kept, and counted when the text is there.
func TestEarlyConsent(t *testing.T) {
	onBoth(t, func(r *packages) {
		x := r.propose("a", zone("a", "b", "c"))
		r.ways()
		if err := r.deliver([2]string{"a", "b"}); err != nil {
			r.Fatal(err)
		}
		r.consent("b", x.ID)
		r.ways()
		if err := r.deliver([2]string{"b", "c"}); err != nil { // c has not seen the text
			r.Fatal(err)
		}
		if _, err := r.all["c"].Get(r.ctx, systemScope(), x.ID); !errors.Is(err, ErrNoSuch) {
			r.Fatalf("a text out of a consent: %v", err)
		}
		if err := r.deliver([2]string{"a", "c"}); err != nil {
			r.Fatal(err)
		}
		if waits := r.at("c", x.ID).Proposal.waitsFor(); !slices.Equal(waits, []string{"c"}) {
			r.Fatalf("waits for %v", waits)
		}
		r.consent("c", x.ID)
		r.settle()
		r.agreed(x.ID, 1, "a", "b", "c")
	})
}

// TestEarlyRefusal: a refusal that overtakes its text is kept; the text is off the table when it comes.
func TestEarlyRefusal(t *testing.T) {
	onBoth(t, func(r *packages) {
		x := r.founded("a", "b", "c")
		r.propose("a", x.Text)
		r.ways()
		if err := r.deliver([2]string{"a", "b"}); err != nil {
			r.Fatal(err)
		}
		r.decline("b", x.ID)
		r.ways()
		if err := r.deliver([2]string{"b", "c"}); err != nil {
			r.Fatal(err)
		}
		r.settle()
		for _, m := range []string{"a", "b", "c"} {
			if y := r.at(m, x.ID); y.Proposal != nil || y.State != InForce {
				r.Fatalf("%s: %s, %+v", m, y.State, y.Proposal)
			}
		}
		// The same words proposed again are another proposal.
		r.propose("b", x.Text)
		r.settle()
		r.consent("a", x.ID)
		r.consent("c", x.ID)
		r.settle()
		r.agreed(x.ID, 2, "a", "b", "c")
	})
}

// TestBound: who has consented can't refuse any more: elsewhere the version may be in force.
func TestBound(t *testing.T) {
	r := newRooms(t, onSQLite, "a", "b", "c")
	x := r.founded("a", "b", "c")
	p := r.propose("a", x.Text).Proposal
	r.settle()
	if _, err := r.all["a"].Decline(r.ctx, r.all["a"].authority(), x.ID, "不再需要"); !errors.Is(err, ErrState) {
		r.Fatalf("its own proposer: %v", err)
	}
	err := r.all["b"].receive(r.ctx, told("a", KindDeclined, message{ID: x.ID, Version: 2, Hash: p.Hash, Reason: "x"}))
	if !errors.Is(err, ErrState) || r.at("b", x.ID).Proposal == nil {
		r.Fatalf("told so by another node: %v", err)
	}
}

// TestAhead: a version whose predecessor has not come into force here yet is asked for again, at a party and at a member
// that waits for the first one.
func TestAhead(t *testing.T) {
	onBoth(t, func(r *packages) {
		x := r.propose("a", zone("a", "b", "c"))
		r.settle()
		r.consent("c", x.ID)
		r.settle()
		r.consent("b", x.ID)
		r.ways()
		if err := r.deliver([2]string{"b", "a"}); err != nil {
			r.Fatal(err)
		}
		r.propose("a", r.at("a", x.ID).Text) // c does not know that b has consented
		r.ways()
		err := r.deliver([2]string{"a", "c"})
		if !errors.Is(err, ErrAhead) || errs.As(err).Kind != errs.Unavailable {
			r.Fatalf("the second version before the first: %v", err)
		}
		r.settle()
		for _, m := range []string{"a", "b", "c"} {
			if y := r.at(m, x.ID); y.State != InForce || y.Text.Version != 1 || y.Proposal == nil || y.Proposal.Text.Version != 2 {
				r.Fatalf("%s: %s, %+v", m, y.State, y.Proposal)
			}
		}
	})
}

// TestTwoProposals of one number, by members that did not know of each other's: neither is lost, both proposers hold on to
// their own, and the table is free at all members at once.
func TestTwoProposals(t *testing.T) {
	onBoth(t, func(r *packages) {
		x := r.founded("a", "b", "c")
		one, two := x.Text, x.Text
		one.Title, two.Title = "甲", "乙"
		r.propose("a", one)
		r.propose("b", two)
		r.settle()
		for _, m := range []string{"a", "b", "c"} {
			if y := r.at(m, x.ID); len(y.proposals()) > 0 {
				r.Fatalf("%s still has %+v", m, y.proposals())
			}
		}
		if _, err := r.all["a"].Propose(r.ctx, r.all["a"].authority(), one); err != nil {
			r.Fatal(err)
		}
		if _, err := r.all["a"].Propose(r.ctx, r.all["a"].authority(), two); !errors.Is(err, ErrTaken) {
			r.Fatalf("two of one member: %v", err)
		}
		r.settle()
		r.consent("b", x.ID)
		r.consent("c", x.ID)
		r.settle()
		r.agreed(x.ID, 2, "a", "b", "c")
	})
}

// TestLeftBeforeInForce: a departure may come before the last consent to what it departs from.
func TestLeftBeforeInForce(t *testing.T) {
	onBoth(t, func(r *packages) {
		x := r.propose("a", zone("a", "b", "c"))
		r.settle()
		r.consent("b", x.ID)
		r.settle()
		r.consent("c", x.ID)
		r.ways()
		if err := r.deliver([2]string{"c", "b"}); err != nil {
			r.Fatal(err)
		}
		r.leave("b", x.ID) // a does not know that it is in force
		r.ways()
		if err := r.deliver([2]string{"b", "a"}); err != nil {
			r.Fatal(err)
		}
		r.settle()
		r.agreed(x.ID, 1, "a", "c")
	})
}

// TestLeftWhileProposed: a departure that crosses with a proposal leads to the same end on either side of it.
func TestLeftWhileProposed(t *testing.T) {
	onBoth(t, func(r *packages) {
		x := r.founded("a", "b", "c")
		r.propose("a", x.Text)
		r.leave("b", x.ID)
		r.ways()
		_ = r.deliver([2]string{"b", "c"}) // c hears of the departure first, a of it last
		r.settle()
		for _, m := range []string{"a", "c"} {
			if y := r.at(m, x.ID); y.Proposal != nil || !slices.Equal(y.Current().Parties, []string{"a", "c"}) {
				r.Fatalf("%s: %v, %+v", m, y.Current().Parties, y.Proposal)
			}
		}
		// And it comes back by a version that all consent to.
		back := r.at("a", x.ID).Text
		r.propose("a", back)
		r.settle()
		if y := r.at("b", x.ID); y.State != Proposed {
			r.Fatalf("asked again: %s", y.State)
		}
		r.consent("b", x.ID)
		r.consent("c", x.ID)
		r.settle()
		r.agreed(x.ID, 2, "a", "b", "c")
	})
}

// TestReleased: a party that a version leaves out is asked, by the new parties, too; afterwards it can be asked back.
func TestReleased(t *testing.T) {
	onBoth(t, func(r *packages) {
		x := r.founded("a", "b", "c")
		next := x.Text
		next.Parties = []string{"a", "b", "d"}
		r.propose("a", next)
		r.settle()
		r.consent("b", x.ID)
		r.consent("d", x.ID)
		r.settle()
		for _, m := range []string{"a", "b", "d"} {
			if waits := r.at(m, x.ID).Proposal.waitsFor(); !slices.Equal(waits, []string{"c"}) {
				r.Fatalf("%s waits for %v", m, waits)
			}
		}
		r.consent("c", x.ID)
		r.settle()
		r.agreed(x.ID, 2, "a", "b", "d")
		if y := r.at("c", x.ID); y.State != Left {
			r.Fatalf("released, and %s", y.State)
		}
		next.Parties = []string{"a", "b", "c", "d"}
		next.ID = x.ID
		for _, parties := range [][]string{{"a", "b", "d"}, {"a", "b", "c", "d"}} { // a version passes without it
			next.Parties = parties
			p := r.propose("a", next)
			r.settle()
			for _, m := range parties[1:] {
				r.consent(m, x.ID)
			}
			r.settle()
			r.agreed(x.ID, p.Proposal.Text.Version, parties...)
		}
	})
}

// TestStrangers: whoever is no party is told so, whatever it says.
func TestStrangers(t *testing.T) {
	r := newRooms(t, onSQLite, "a", "b", "c", "d")
	x := r.founded("a", "b", "c")
	next := x.Text
	next.Version, next.Prev, next.Parties, next.Before = 2, x.Hash, []string{"a", "b", "c", "d"}, []string{"a", "b", "c", "d"}
	fresh := zone("a", "b")
	fresh.ID, fresh.Version, fresh.Owner.Member = "01890a5d-ac96-774b-bcce-b302099a8057", 1, "a"
	elsewhere := fresh
	elsewhere.Owner.Member, elsewhere.Parties = "d", []string{"a", "d"}
	elsewhere.Entries[0].Member = "a"
	p := r.propose("a", x.Text).Proposal
	r.settle()
	for _, c := range []struct {
		name, kind string
		m          message
		want       *errs.Def
	}{
		{"a version of a zone it is not in", KindProposed, message{ID: x.ID, Text: &next}, ErrForeign},
		{"a zone in another's name", KindProposed, message{ID: fresh.ID, Text: &fresh}, ErrForeign},
		{"a zone this member is not asked for", KindProposed, message{ID: fresh.ID, Text: &elsewhere}, ErrForeign},
		{"a refusal", KindDeclined, message{ID: x.ID, Version: 2, Hash: p.Hash}, ErrForeign},
		{"a departure", KindLeft, message{ID: x.ID}, ErrForeign},
		{"an end", KindClosed, message{ID: x.ID}, ErrOwner},
		{"a version by an owner", KindVersion, message{ID: x.ID, Text: &next}, ErrNoSuch},
		{"no identifier", KindLeft, message{ID: "x"}, ErrNoSuch},
		{"no hash", KindConsented, message{ID: x.ID, Version: 2, Hash: "ab"}, ErrNoSuch},
	} {
		if err := r.all["b"].receive(r.ctx, told("d", c.kind, c.m)); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	// A departure from what this node does not know may be of a proposal that was refused before it came here; it leaves nothing.
	if err := r.all["b"].receive(r.ctx, told("d", KindLeft, message{ID: fresh.ID})); err != nil {
		t.Error(err)
	}
	if _, err := r.all["b"].Get(r.ctx, systemScope(), fresh.ID); !errors.Is(err, ErrNoSuch) {
		t.Errorf("a departure from nothing left %v", err)
	}
	// A stranger's consent is kept, and counts for nothing.
	if err := r.all["b"].receive(r.ctx, told("d", KindConsented, message{ID: x.ID, Version: 2, Hash: p.Hash})); err != nil {
		t.Fatal(err)
	}
	if y := r.at("b", x.ID); y.Text.Version != 1 || !slices.Equal(y.Proposal.waitsFor(), []string{"b", "c"}) {
		t.Errorf("after a stranger's consent: %+v", y.Proposal)
	}
}

// TestAnyOrder: whatever four members propose, consent to, refuse and leave, and in whatever order the letters arrive,
// in the end all that are still parties have one version, one hash and one list of parties, and nobody waits for a version
// that is off the table elsewhere.
func TestAnyOrder(t *testing.T) {
	members := []string{"a", "b", "c", "d"}
	base := newRooms(t, onSQLite, members...)
	seen := map[string]int{}
	rapid.Check(t, func(rt *rapid.T) {
		r := &packages{fails: rt, ctx: t.Context(), all: base.all, wire: map[[2]string][]letter{}}
		x := r.propose("a", zone("a", "b", "c"))
		if rapid.Bool().Draw(rt, "founded") {
			r.settle()
			r.consent("b", x.ID)
			r.consent("c", x.ID)
			r.settle()
		}
		for range rapid.IntRange(5, 60).Draw(rt, "steps") {
			ways := r.ways()
			if len(ways) > 0 && rapid.IntRange(0, 2).Draw(rt, "deliver") > 0 {
				way := rapid.SampledFrom(ways).Draw(rt, "way")
				if err := r.deliver(way); err != nil && !errors.Is(err, ErrAhead) {
					rt.Fatalf("%s → %s: %v", way[0], way[1], err)
				}
				continue
			}
			by := rapid.SampledFrom(members).Draw(rt, "by")
			what := rapid.SampledFrom([]string{"propose", "consent", "consent", "consent", "decline", "leave"}).Draw(rt, "what")
			var err error
			switch s, sess := r.all[by], r.all[by].authority(); what {
			case "propose":
				next := zone("a", "b", "c")
				next.ID, next.Title = x.ID, rapid.SampledFrom([]string{"甲", "乙"}).Draw(rt, "title")
				next.Parties = rapid.SliceOfNDistinct(rapid.SampledFrom(members), 2, 4, rapid.ID[string]).Draw(rt, "parties")
				next.Entries[0].Member = next.Parties[0]
				_, err = s.Propose(r.ctx, sess, next)
			case "consent":
				_, err = s.Consent(r.ctx, sess, x.ID)
			case "decline":
				_, err = s.Decline(r.ctx, sess, x.ID, "x")
			case "leave":
				_, err = s.Leave(r.ctx, sess, x.ID, "x")
			}
			if err == nil {
				seen[what]++
			} else if errs.As(err).Kind == errs.Internal {
				rt.Fatalf("%s by %s: %v", what, by, err)
			}
		}
		r.settle()
		var of *Scheme
		for _, m := range members {
			y, err := r.all[m].Get(r.ctx, systemScope(), x.ID)
			if errors.Is(err, ErrNoSuch) || (err == nil && (y.State != InForce || !slices.Contains(y.Current().Parties, m))) {
				continue
			}
			if err != nil {
				rt.Fatal(err)
			}
			if of == nil {
				of = y
				seen["versions"] += y.Text.Version
				seen["left"] += len(y.Left)
			}
			if y.Hash != of.Hash || !slices.Equal(y.Current().Parties, of.Current().Parties) {
				rt.Fatalf("%s has version %d %.6s of %v, another one %d %.6s of %v", m, y.Text.Version, y.Hash, y.Current().Parties, of.Text.Version, of.Hash, of.Current().Parties)
			}
		}
		if of == nil {
			return
		}
		// A party of the list is a party in its own eyes, and all see the same proposals.
		waits := map[string]string{}
		for _, m := range of.Current().Parties {
			y := r.at(m, x.ID)
			if y.State != InForce || y.Hash != of.Hash {
				rt.Fatalf("%s is a party to the others and %s at %.6s itself", m, y.State, y.Hash)
			}
			for _, p := range y.proposals() {
				waits[p.Hash] += m
			}
		}
		for h, who := range waits {
			if len(who) != len(of.Current().Parties) {
				rt.Fatalf("%.6s waits at %s only, of %v", h, who, of.Current().Parties)
			}
		}
	})
	t.Log(seen)
	for _, what := range []string{"propose", "consent", "decline", "leave", "versions", "left"} {
		if seen[what] < 5 {
			t.Errorf("too little happened: %v", seen)
		}
	}
}
