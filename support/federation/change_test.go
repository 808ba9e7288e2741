package federation

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kuayu/kuayu/internal/clock"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/dbtest"
	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/support/seal"
)

// letters are what a member sent.
type letters []struct {
	to, kind string
	body     []byte
}

func (l *letters) Send(_ context.Context, _ *db.Tx, to, _, kind string, body []byte) error {
	*l = append(*l, struct {
		to, kind string
		body     []byte
	}{to, kind, body})
	return nil
}

// memberNode is a member's service over a database of its own, in a federation of four voters that need three votes.
func memberNode(t *testing.T, dsn string, one Signed, now clock.Clock, v voter) (*Service, *letters) {
	t.Helper()
	d, err := db.Open(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	s, sent := NewService(d, NewDirectory(), now, v.id, v.key), &letters{}
	s.SetCourier(sent)
	if err := errors.Join(Migrate(t.Context(), d), s.Adopt(t.Context(), Chain{one}, Hash(one.Document))); err != nil {
		t.Fatal(err)
	}
	return s, sent
}

func founded(t *testing.T) ([]voter, Signed) {
	t.Helper()
	vs := voters(t, 4)
	one := document(t, vs, 1, "", nil)
	sign(t, &one, vs...)
	return vs, one
}

func onSQLite(t *testing.T) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "records.db")
}

// request is the joining file of a newcomer.
func request(t *testing.T, id string) *JoinRequest {
	t.Helper()
	keys, err := GenerateKeys(t.TempDir(), id, seal.Ed25519SHA256, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	log := seal.Log{Node: id, Instance: "1", Epoch: 1}
	_, vkey, err := keys.CheckpointSigner(log)
	if err != nil {
		t.Fatal(err)
	}
	st, err := SignStatement(&Statement{
		Format: 1, Member: id, Sequence: 1, Issued: time.Now(), PeerURL: "https://127.0.0.1:1", CABundle: keys.BundlePEM(),
		Logs: []LogKey{{Log: log, Key: keys.Evidence.Public(), VKey: vkey, From: time.Now()}},
	}, keys.Root)
	if err != nil {
		t.Fatal(err)
	}
	return &JoinRequest{Member: Member{ID: id, Name: "新成员", Division: "330000", RootKey: keys.Root.Public()}, Statement: st}
}

// TestDraft: what a change may be, and which part of it is at fault.
func TestDraft(t *testing.T) {
	vs, one := founded(t)
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	now := clock.NewManual(begin.AddDate(0, 6, 0))
	s, _ := memberNode(t, onSQLite(t), one, now, vs[0])
	yes, no := true, false
	j, other := request(t, "newcomer"), request(t, "another")
	taken := request(t, vs[1].id)
	day := func(years, days int) time.Time { return now.Now().AddDate(years, 0, days) }
	with := func(m Member, f func(*Member)) *Member { f(&m); return &m }
	for name, c := range map[string]struct {
		change Change
		wrong  string // the field; empty: none
		holds  func(*Constitution) bool
	}{
		"renewed": {Change{ValidUntil: day(2, 0)}, "", func(n *Constitution) bool { return n.ValidUntil.Equal(day(2, 0)) && n.Quorum == 3 && n.Voters() == 4 }},
		"renewed, and a voter's right is left alone": {Change{ValidUntil: day(1, 0), Voter: &no}, "", func(n *Constitution) bool { return n.Voters() == 4 }},
		"ten years":                 {Change{ValidUntil: day(10, 0)}, "", func(n *Constitution) bool { return n.ValidUntil.Equal(day(10, 0)) }},
		"more than ten years":       {Change{ValidUntil: day(10, 2)}, "valid_until", nil},
		"past":                      {Change{ValidUntil: day(-1, 0)}, "valid_until", nil},
		"before the end":            {Change{ValidUntil: begin.AddDate(0, 9, 0)}, "valid_until", nil},
		"quorum of all":             {Change{Quorum: 4}, "", func(n *Constitution) bool { return n.Quorum == 4 }},
		"quorum of half":            {Change{Quorum: 2}, "quorum", nil},
		"quorum above all":          {Change{Quorum: 5}, "quorum", nil},
		"negative quorum":           {Change{Quorum: -1}, "quorum", nil},
		"quorum after removal":      {Change{Quorum: 4, Remove: vs[2].id}, "quorum", nil},
		"a newcomer":                {Change{Join: &j.Member, State: j.Statement}, "", func(n *Constitution) bool { return n.Member("newcomer") != nil && n.Voters() == 4 && n.Quorum == 3 }},
		"a newcomer that votes":     {Change{Join: &j.Member, State: j.Statement, Voter: &yes}, "", func(n *Constitution) bool { return n.Voters() == 5 && n.Quorum == 3 }},
		"a member again":            {Change{Join: &taken.Member, State: taken.Statement}, "join", nil},
		"another's statement":       {Change{Join: &j.Member, State: other.Statement}, "join", nil},
		"a statement about another": {Change{Join: with(j.Member, func(m *Member) { m.ID = "someone" }), State: j.Statement}, "join", nil},
		"nothing changes":           {Change{}, "change", nil},
		"another's root key":        {Change{Join: with(j.Member, func(m *Member) { m.RootKey = vs[1].key.Public() })}, "join", nil},
		"a key retired beforehand":  {Change{Join: with(j.Member, func(m *Member) { m.Retired = []RetiredKey{{Key: vs[1].key.Public()}} })}, "join", nil},
		"a file that says it votes": {Change{Join: with(j.Member, func(m *Member) { m.Voter = true }), State: j.Statement}, "", func(n *Constitution) bool { return !n.Member("newcomer").Voter && n.Voters() == 4 }},
		"no division":               {Change{Join: with(j.Member, func(m *Member) { m.Division = "" }), State: j.Statement}, "join", nil},
		"no reason":                 {Change{Reason: " ", Quorum: 4}, "reason", nil},
		"a long reason":             {Change{Reason: strings.Repeat("长", 501), Quorum: 4}, "reason", nil},
	} {
		if c.change.Reason == "" {
			c.change.Reason = "测试"
		}
		n, err := s.Draft(t.Context(), c.change)
		switch fields := faulty(err); {
		case c.wrong == "" && (err != nil || !c.holds(n)):
			t.Errorf("%s: %+v %v", name, n, err)
		case c.wrong != "" && (!errors.Is(err, ErrChange) || !strings.HasPrefix(fields, c.wrong)):
			t.Errorf("%s: fields %q, %v", name, fields, err)
		}
	}
	if j.Member.Voter || s.dir.Current().Quorum != 3 {
		t.Error("a draft changed what it was made from")
	}
	if _, err := s.Draft(t.Context(), Change{Reason: "测试", Remove: "nobody"}); !errors.Is(err, ErrNotMember) {
		t.Errorf("nobody leaves: %v", err)
	}
	// Expired: it is renewed, by a day that needs to be later than today alone; nobody joins meanwhile.
	now.Set(begin.AddDate(2, 0, 0))
	if _, err := s.Draft(t.Context(), Change{Reason: "测试", Join: &j.Member}); !errors.Is(err, ErrExpired) {
		t.Errorf("joining what has expired: %v", err)
	}
	if n, err := s.Draft(t.Context(), Change{Reason: "测试", ValidUntil: day(0, 30)}); err != nil || !n.ValidUntil.Equal(day(0, 30)) {
		t.Errorf("renewed after its end: %v", err)
	}
	if _, err := s.Draft(t.Context(), Change{Reason: "测试", ValidUntil: now.Now().Add(-time.Hour)}); !errors.Is(err, ErrChange) {
		t.Errorf("an end before today, after the old one: %v", err)
	}
}

func faulty(err error) string {
	var names []string
	if err != nil {
		for _, f := range errs.As(err).Fields {
			names = append(names, f.Name)
		}
	}
	return strings.Join(names, " ")
}

// TestProposer: who sent a proposal is known, who only voted for it is not taken for its proposer, and none is left behind
// by a member that may not sign another document of the version.
func TestProposer(t *testing.T) {
	for name, dsn := range map[string]func(*testing.T) string{"sqlite": onSQLite, "postgres": func(t *testing.T) string { return dbtest.Postgres(t) }} {
		t.Run(name, func(t *testing.T) {
			vs, one := founded(t)
			now := clock.NewManual(time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC))
			a, sent := memberNode(t, onSQLite(t), one, now, vs[0])
			b, _ := memberNode(t, dsn(t), one, now, vs[1])
			p, err := a.ProposeChange(t.Context(), Change{Reason: "延长有效期", ValidUntil: now.Now().AddDate(1, 0, 0)})
			if err != nil || p.Proposer != vs[0].id || p.Votes != 1 || p.Quorum != 3 {
				t.Fatalf("%+v %v", p, err)
			}
			if _, err := a.ProposeChange(t.Context(), Change{Reason: "又一份", Quorum: 4}); !errors.Is(err, ErrVoted) {
				t.Errorf("a second document of the version: %v", err)
			}
			if ps, err := a.Proposals(t.Context()); err != nil || len(ps) != 1 {
				t.Errorf("%d proposals, %v", len(ps), err)
			}
			if len(*sent) != 3 || (*sent)[0].kind != KindProposal || strings.Contains(string((*sent)[0].body), "proposer") {
				t.Fatalf("sent: %d", len(*sent))
			}
			vote := *p
			vote.Proposer = vs[2].id // a body that says so itself is not believed
			vote.Signed.Signatures = nil
			sign(t, &vote.Signed, vs[2])
			knows := func(want string, approvers int) {
				t.Helper()
				ps, err := b.Proposals(t.Context())
				if err != nil || len(ps) != 1 || ps[0].Proposer != want || len(Approvers(b.dir.Current(), &ps[0].Signed)) != approvers {
					t.Fatalf("%+v %v", ps, err)
				}
			}
			if err := arrive(t, b, vs[2], KindVote, vote); err != nil {
				t.Fatal(err)
			}
			knows("", 1)
			if err := b.Receive(t.Context(), vs[0].id, KindProposal, (*sent)[0].body); err != nil {
				t.Fatal(err)
			}
			knows(vs[0].id, 2)
			if err := arrive(t, b, vs[2], KindProposal, vote); err != nil {
				t.Fatal(err)
			}
			knows(vs[0].id, 2)
			if _, err := b.Approve(t.Context(), p.Hash); err != nil || b.dir.Current().Number != 2 || !b.dir.Current().ValidUntil.Equal(now.Now().AddDate(1, 0, 0)) {
				t.Errorf("adopted: %+v %v", b.dir.Current(), err)
			}
		})
	}
}
