package federation

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/kuayu/kuayu/internal/clock"
	"github.com/kuayu/kuayu/internal/httpx"
)

// TestWire: the messages between members are what they were, to the letter, and nothing else is taken for them.
func TestWire(t *testing.T) {
	signed := Signed{Document: []byte("document"), Signatures: []Signature{{Member: "shanghai", Sig: []byte{1, 2, 3}}}}
	st := &SignedStatement{Document: []byte(`{"member":"anhui"}`), Sig: []byte{4, 5}}
	paper := &ballotPaper{V: 1, Signed: signed, Statement: st, Reason: "扩大试点"}
	for name, m := range map[string]versioned{
		"proposal":     paper,
		"vote":         &ballot{V: 1, Number: 2, Hash: Hash(signed.Document), Sig: []byte{1, 2, 3}},
		"constitution": &bulletin{V: 1, Number: 2, Hash: Hash(signed.Document), Signatures: signed.Signatures, Said: digest(hashes([]*SignedStatement{st}))},
		"statement":    &saying{V: 1, Statement: st},
		"want":         &want{V: 1, Versions: 1, Proposal: Hash(signed.Document), Said: hashes([]*SignedStatement{st})},
		"papers":       &papers{V: 1, Chain: Chain{signed}, Statements: []*SignedStatement{st}, Proposal: paper},
	} {
		b, err := json.MarshalIndent(m, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		b = append(b, '\n')
		path := filepath.Join("testdata", "wire", name+".v1.json")
		golden, err := os.ReadFile(path)
		if err != nil {
			t.Fatalf("%v; it would be\n%s", err, b)
		}
		if !bytes.Equal(b, golden) {
			t.Errorf("%s: the message has changed:\n%s", name, b)
		}
		read := func(b []byte) (versioned, error) {
			into, _ := reflect.New(reflect.TypeOf(m).Elem()).Interface().(versioned)
			return into, decode(b, into)
		}
		if got, err := read(golden); err != nil || !reflect.DeepEqual(got, m) {
			t.Errorf("%s: read as %+v, %v", name, got, err)
		}
		for what, x := range map[string]struct {
			old, new string
			want     error
		}{
			"of another version":  {`"v": 1`, `"v": 2`, ErrConstitution},
			"of no version":       {`"v": 1,`, ``, ErrConstitution},
			"with a member more":  {`"v": 1`, `"v": 1, "more": 1`, httpx.ErrBody},
			"with something else": {`"v": 1`, `"v": [1]`, httpx.ErrBody},
		} {
			if _, err := read([]byte(strings.Replace(string(golden), x.old, x.new, 1))); !errors.Is(err, x.want) {
				t.Errorf("%s %s: %v", name, what, err)
			}
		}
	}
}

// TestCounters: a few voters vote to all; among many a vote goes to who proposed and one more at once.
func TestCounters(t *testing.T) {
	c := &Constitution{}
	for i := range 12 {
		c.Members = append(c.Members, Member{ID: fmt.Sprintf("m%02d", i), Voter: i != 3})
	}
	if got := fmt.Sprint(counters(c, "m02")); got != "map[m02:true m04:true]" {
		t.Error(got)
	}
	if got := fmt.Sprint(counters(c, "m11")); got != "map[m00:true m11:true]" {
		t.Error(got)
	}
	if n := len(counters(c, "")); n != 11 {
		t.Errorf("nobody knows who proposed: %d", n)
	}
	c.Members = c.Members[:8]
	if n := len(counters(c, "m02")); n != 7 {
		t.Errorf("few voters: %d", n)
	}
}

// among is a service of each of many members, all of them voters; what they send is carried by hand.
func among(t *testing.T, many int) ([]voter, []*Service, []*letters, *clock.Manual) {
	t.Helper()
	vs := voters(t, many)
	one := document(t, vs, 1, "", func(c *Constitution) { c.Quorum = many/2 + 1 })
	sign(t, &one, vs...)
	now := clock.NewManual(time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC))
	services, sent := make([]*Service, many), make([]*letters, many)
	for i, v := range vs {
		services[i], sent[i] = memberNode(t, onSQLite(t), one, now, v)
	}
	for _, v := range vs {
		r := request(t, v.id)
		var st Statement
		if err := json.Unmarshal(r.Statement.Document, &st); err != nil {
			t.Fatal(err)
		}
		said, err := SignStatement(&st, v.key)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range services {
			if err := s.AcceptStatement(t.Context(), said); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, s := range services {
		s.SetReader(func(ctx context.Context, member string, body []byte) ([]byte, error) {
			for i, v := range vs {
				if v.id == member {
					return services[i].Papers(ctx, body)
				}
			}
			return nil, ErrNotMember.With(member)
		})
	}
	return vs, services, sent, now
}

// TestVotesWithoutTheirCounters: those who count are gone; after a while the votes go to all, and the version is adopted.
// A member that never got the document asks whoever voted for it.
func TestVotesWithoutTheirCounters(t *testing.T) {
	const many = 10
	vs, services, sent, now := among(t, many)
	p, err := services[0].ProposeChange(t.Context(), Change{Reason: "延长有效期", ValidUntil: now.Now().AddDate(1, 0, 0)})
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range *sent[0] {
		for i := 3; i < many-1; i++ { // 0 and 1 count, 2 is away; the last has not got it
			if l.to == vs[i].id {
				if err := services[i].Receive(t.Context(), vs[0].id, l.kind, l.body); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	for i := 3; i < many-1; i++ {
		if _, err := services[i].Approve(t.Context(), p.Hash); err != nil {
			t.Fatal(err)
		}
		if n := len(*sent[i]); n != 1+deputies {
			t.Fatalf("a vote went to %d members at once", n)
		}
		*sent[i] = nil
		if err := services[i].Spread(t.Context()); err != nil || len(*sent[i]) != 0 {
			t.Fatalf("spread at once: %v %v", *sent[i], err)
		}
	}
	now.Set(now.Now().Add(spreadAfter))
	for range 2 {
		for i := 3; i < many-1; i++ {
			if err := services[i].Spread(t.Context()); err != nil || len(*sent[i]) != many-1-(1+deputies) {
				t.Fatalf("spread to %d: %v", len(*sent[i]), err)
			}
		}
	}
	for i := 3; i < many-1; i++ {
		for _, l := range *sent[i] {
			if l.to == vs[many-1].id {
				if err := services[many-1].Receive(t.Context(), vs[i].id, l.kind, l.body); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	// Six votes and the proposer's, which it got with the document from nobody: its own makes the quorum of six.
	if n := services[many-1].dir.Current().Number; n != 2 {
		t.Errorf("version %d after all votes but its own", n)
	}
}

// TestCatchUp: who hears that a version is in force adopts what it has seen as a proposal, and asks for what it has not.
func TestCatchUp(t *testing.T) {
	const many = 4
	vs, services, sent, now := among(t, many)
	change := func(years int) {
		t.Helper()
		p, err := services[0].ProposeChange(t.Context(), Change{Reason: "延长有效期", ValidUntil: now.Now().AddDate(years, 0, 0)})
		if err != nil {
			t.Fatal(err)
		}
		for i := range 2 {
			if err := votes(t, services[0], vs[i+1], func() Proposal { x := *p; x.Signed.Signatures = nil; sign(t, &x.Signed, vs[i+1]); return x }()); err != nil {
				t.Fatal(err)
			}
		}
	}
	change(1)
	change(2)
	asked := 0
	read := services[1].reader
	for _, s := range services[1:] {
		s.SetReader(func(ctx context.Context, member string, body []byte) ([]byte, error) {
			asked++
			return read(ctx, member, body)
		})
	}
	letter := func(to, kind string, nth int) []byte {
		for _, l := range *sent[0] {
			if l.to == to && l.kind == kind {
				if nth--; nth < 0 {
					return l.body
				}
			}
		}
		t.Fatal("no such letter")
		return nil
	}
	// One has seen the first document: it needs no other.
	tell := func(i int, kind string, nth int) error {
		return services[i].Receive(t.Context(), vs[0].id, kind, letter(vs[i].id, kind, nth))
	}
	if err := errors.Join(tell(1, KindProposal, 0), tell(1, KindConstitution, 0)); err != nil || services[1].dir.Current().Number != 2 || asked != 0 {
		t.Errorf("version %d, asked %d: %v", services[1].dir.Current().Number, asked, err)
	}
	// One has seen neither and asks once for both.
	if err := tell(2, KindConstitution, 1); err != nil || services[2].dir.Current().Number != 3 || asked != 1 {
		t.Errorf("version %d, asked %d: %v", services[2].dir.Current().Number, asked, err)
	}
	if err := errors.Join(tell(2, KindConstitution, 0), tell(2, KindConstitution, 1)); err != nil || asked != 1 {
		t.Errorf("told again: asked %d, %v", asked, err)
	}
	var b bulletin
	if err := json.Unmarshal(letter(vs[3].id, KindConstitution, 0), &b); err != nil {
		t.Fatal(err)
	}
	other := b
	other.Hash = strings.Repeat("0", 64)
	if err := services[2].Receive(t.Context(), vs[0].id, KindConstitution, encoded(t, other)); !errors.Is(err, ErrConstitution) {
		t.Errorf("another document of a version in force: %v", err)
	}
	b.Signatures = b.Signatures[:1]
	if err := errors.Join(tell(3, KindProposal, 0)); err != nil {
		t.Fatal(err)
	}
	if err := services[3].Receive(t.Context(), vs[0].id, KindConstitution, encoded(t, b)); !errors.Is(err, ErrQuorum) {
		t.Errorf("without a quorum: %v", err)
	}
}
