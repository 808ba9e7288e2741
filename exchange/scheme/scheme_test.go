package scheme

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/support/policy"
)

func sound(k Kind) Text {
	t := zone("a", "b")
	t.Kind, t.Owner = k, policy.Party{Member: "a", Department: t.Entries[0].Department}
	if k == ManyToPoint {
		t.Entries[0].Member = "b"
	}
	return t
}

// TestTextCheck: each kind takes what is its own, and everything wrong is told at once.
func TestTextCheck(t *testing.T) {
	kinds := []Kind{PointToMany, ManyToPoint, Hub, Zone}
	for _, k := range kinds {
		x := sound(k)
		if err := x.Check(noon()); err != nil {
			t.Errorf("%s: %v", k, err)
		}
	}
	for _, c := range []struct {
		what  string
		wrong func(*Text)
		field string
		kinds []Kind // that refuse it; none: all
	}{
		{"a kind nobody knows", func(x *Text) { x.Kind = "many" }, "kind", nil},
		{"blank title", func(x *Text) { x.Title = " \n" }, "title", nil},
		{"ten megabytes", func(x *Text) { x.Scope = strings.Repeat("仅", 3<<20) }, "scope", nil},
		{"no purpose", func(x *Text) { x.Purposes = nil }, "purposes", nil},
		{"too many purposes", func(x *Text) { x.Purposes = make([]string, 17) }, "purposes", nil},
		{"no term", func(x *Text) { x.MaxDays = 0 }, "max_days", nil},
		{"over", func(x *Text) { x.ValidUntil = noon() }, "valid_until", nil},
		{"alone", func(x *Text) { x.Parties = []string{x.Entries[0].Member} }, "parties", nil},
		{"alone, twice", func(x *Text) { x.Parties = []string{"a", "b", "b"} }, "parties", nil},
		{"too many users", func(x *Text) { x.Users = make([]policy.Party, 501) }, "users", nil},
		{"a strange user", func(x *Text) { x.Users = []policy.Party{{Member: "z"}} }, "users", nil},
		{"too long a list", func(x *Text) { x.Entries = make([]Entry, 2001) }, "entries", nil},
		{"a line twice", func(x *Text) { x.Entries = append(x.Entries, x.Entries[0]) }, "entries", nil},
		{"a line of a stranger", func(x *Text) { x.Entries[0].Member = "z" }, "entries", nil},
		{"a line without items", func(x *Text) { x.Entries[0].Fields = nil }, "entries", nil},
		{"an empty list", func(x *Text) { x.Entries = nil }, "entries", []Kind{PointToMany, ManyToPoint, Hub}},
		{"another department's line", func(x *Text) { x.Entries[0].Department = "x" }, "entries", []Kind{PointToMany}},
		{"a line of the owner's government", func(x *Text) { x.Entries[0].Member = "a" }, "entries", []Kind{ManyToPoint}},
		{"no day of review", func(x *Text) { x.Entries[0].ReviewBy = noon() }, "entries", []Kind{Zone}},
	} {
		for _, k := range kinds {
			x := sound(k)
			c.wrong(&x)
			err := x.Check(noon())
			bad := len(c.kinds) == 0 || slices.Contains(c.kinds, k)
			if bad != (err != nil) || (bad && !slices.ContainsFunc(errs.As(err).Fields, func(f errs.Field) bool { return f.Name == c.field })) {
				t.Errorf("%s in %s: %v", c.what, k, err)
			}
		}
	}
	if err := (&Text{}).Check(noon()); len(errs.As(err).Fields) < 8 {
		t.Errorf("an empty text: %v", err)
	}
}

func TestMayUse(t *testing.T) {
	owner, own, other, stranger := policy.Party{Member: "a", Department: "1"}, policy.Party{Member: "a", Department: "2"}, policy.Party{Member: "b", Department: "1"}, policy.Party{Member: "z", Department: "1"}
	all := []policy.Party{owner, own, other, stranger}
	for _, c := range []struct {
		kind  Kind
		users []policy.Party
		may   []policy.Party
	}{
		{PointToMany, nil, []policy.Party{own, other}},
		{PointToMany, []policy.Party{other}, []policy.Party{other}},
		{ManyToPoint, nil, []policy.Party{owner}},
		{ManyToPoint, []policy.Party{other}, []policy.Party{owner}},
		{Hub, nil, []policy.Party{owner, own, other}},
		{Hub, []policy.Party{own}, []policy.Party{own}},
		{Zone, nil, []policy.Party{owner, own, other}},
		{Zone, []policy.Party{stranger}, nil},
	} {
		x := Text{Kind: c.kind, Owner: owner, Parties: []string{"a", "b"}, Users: c.users}
		for _, p := range all {
			if x.mayUse(p) != slices.Contains(c.may, p) {
				t.Errorf("%s with users %v: %v may use: %v", c.kind, c.users, p, x.mayUse(p))
			}
		}
		if gone := x.without([]string{"b"}); gone.mayUse(other) {
			t.Errorf("%s: a department of a member that left", c.kind)
		}
	}
}

// TestLaws of a text: who encodes it does not matter, whoever left is not in it, and a version waits until the very last
// consent.
func TestLaws(t *testing.T) {
	members := rapid.SampledFrom([]string{"a", "b", "c", "d", "e"})
	some := func(n int) *rapid.Generator[[]string] { return rapid.SliceOfNDistinct(members, n, 5, rapid.ID[string]) }
	rapid.Check(t, func(t *rapid.T) {
		x := zone(some(2).Draw(t, "parties")...)
		x.Title, x.Before = rapid.String().Draw(t, "title"), some(0).Draw(t, "before")
		for _, m := range some(0).Draw(t, "lines") {
			x.Entries = append(x.Entries, Entry{Member: m, Resource: rapid.StringN(1, 8, -1).Draw(t, "resource")})
			x.Users = append(x.Users, policy.Party{Member: m})
		}
		b, hash, err := x.Encode()
		if err != nil {
			t.Fatal(err)
		}
		var there Text
		if err := json.Unmarshal(b, &there); err != nil {
			t.Fatal(err)
		}
		if _, h, _ := there.Encode(); h != hash {
			t.Fatalf("another hash elsewhere: %s", b)
		}
		left := some(0).Draw(t, "left")
		now := (&Scheme{Text: x, Left: left}).Current()
		for _, m := range left {
			if slices.Contains(now.Parties, m) || slices.ContainsFunc(now.Entries, func(e Entry) bool { return e.Member == m }) || slices.ContainsFunc(now.Users, func(u policy.Party) bool { return u.Member == m }) {
				t.Fatalf("%s left and is in %+v", m, now)
			}
		}
		if _, h, _ := x.Encode(); h != hash {
			t.Fatal("a departure changed what was signed")
		}
		p := &Proposal{Text: x}
		given := rapid.Permutation(x.needs()).Draw(t, "order")
		for i, m := range given {
			if waits := p.waitsFor(); len(waits) != len(given)-i {
				t.Fatalf("after %v it waits for %v", given[:i], waits)
			}
			p.Consents = append(p.Consents, Consented{Member: m, Left: i%2 == 0})
		}
		if len(p.waitsFor()) > 0 {
			t.Fatalf("all consented and it waits for %v", p.waitsFor())
		}
		for _, m := range slices.Concat(x.Parties, x.Before) {
			if !slices.Contains(given, m) {
				t.Fatalf("%s is not asked", m)
			}
		}
	})
}

// TestMark: another list of items or modes is another line; another title or day of review is not.
func TestMark(t *testing.T) {
	word := rapid.SliceOfN(rapid.StringMatching(`[a-c]{1,2}`), 1, 3)
	rapid.Check(t, func(t *rapid.T) {
		line := func(what string) Entry {
			e := Entry{Member: "a", Resource: "r", Title: rapid.String().Draw(t, "title"), Fields: word.Draw(t, what+" items")}
			for _, m := range word.Draw(t, what+" modes") {
				e.Modes = append(e.Modes, policy.Mode(m))
			}
			return e
		}
		x, y := line("one"), line("two")
		same := slices.Equal(x.Fields, y.Fields) && slices.Equal(x.Modes, y.Modes)
		if (x.mark() == y.mark()) != same {
			t.Fatalf("%+v %s, %+v %s", x, x.mark(), y, y.mark())
		}
	})
}

// TestUntil: an application that the machine makes is one that an agreement may be made of.
func TestUntil(t *testing.T) {
	for _, days := range []int{1, 90, 3660} {
		x := zone("a", "b")
		x.MaxDays, x.ValidUntil = days, noon().AddDate(20, 0, 0)
		until, ok := x.until(noon())
		a := agreement.Application{
			Provider: "a", Resource: "r", Basis: policy.Basis{Kind: "consent"}, Purposes: x.Purposes, Scenario: "x", Scope: x.Scope, Modes: x.Entries[0].Modes, Fields: x.Entries[0].Fields,
			ValidUntil: until, Declared: true,
		}
		if err := a.Check(noon()); err != nil || !ok {
			t.Errorf("%d days: %v %v", days, until, err)
		}
	}
	x := zone("a", "b")
	if _, ok := x.until(x.ValidUntil); ok {
		t.Error("an application under a scheme that is over")
	}
}

// A zone's version takes the consent of every party, and of those it leaves out.
func Example() {
	next := Text{Kind: Zone, Version: 2, Parties: []string{"qingpu", "wujiang"}, Before: []string{"jiashan", "qingpu", "wujiang"}}
	p := &Proposal{Text: next}
	for _, m := range []string{"qingpu", "wujiang", "jiashan"} {
		p.Consents = append(p.Consents, Consented{Member: m})
		fmt.Println(m, "consents; it waits for", p.waitsFor())
	}
	x := Scheme{State: InForce, Text: next, Left: []string{"wujiang"}}
	fmt.Println("wujiang leaves; the parties are", x.Current().Parties)
	// Output:
	// qingpu consents; it waits for [jiashan wujiang]
	// wujiang consents; it waits for [jiashan]
	// jiashan consents; it waits for []
	// wujiang leaves; the parties are [qingpu]
}
