package federation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/kuayu/kuayu/internal/clock"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/support/seal"
)

func encoded(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Error(err)
	}
	return b
}

// arrive lets a proposal arrive, or a vote for it; whoever voted has the document.
func arrive(t *testing.T, s *Service, from voter, kind string, p Proposal) error {
	t.Helper()
	paper := ballotPaper{V: MessageVersion, Signed: p.Signed, Statement: p.Statement, Reason: p.Reason}
	if kind == KindProposal {
		return s.Receive(t.Context(), from.id, kind, encoded(t, paper))
	}
	has(t, s, p)
	return votes(t, s, from, p)
}

// has lets all others have a proposal.
func has(t *testing.T, s *Service, p Proposal) {
	t.Helper()
	b := encoded(t, papers{V: MessageVersion, Proposal: &ballotPaper{V: MessageVersion, Signed: p.Signed, Statement: p.Statement, Reason: p.Reason}})
	s.SetReader(func(context.Context, string, []byte) ([]byte, error) { return b, nil })
}

func votes(t *testing.T, s *Service, from voter, p Proposal) error {
	t.Helper()
	c, err := ParseConstitution(p.Signed.Document)
	if err != nil {
		return err
	}
	v := ballot{V: MessageVersion, Number: c.Number, Hash: Hash(p.Signed.Document)}
	for _, sig := range p.Signed.Signatures {
		if sig.Member == from.id {
			v.Sig = sig.Sig
		}
	}
	return s.Receive(t.Context(), from.id, KindVote, encoded(t, v))
}

// What arrives as a proposal and could never be adopted is not kept: it would take the vote of whoever approves it. One
// member that signed twice keeps nobody else's vote from counting.
func TestArrivingProposals(t *testing.T) {
	vs, one := founded(t)
	s, _ := memberNode(t, onSQLite(t), one, clock.NewManual(time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)), vs[0])
	arrives := func(from voter, kind string, p Proposal) error {
		t.Helper()
		return arrive(t, s, from, kind, p)
	}
	follows := func(change func(*Constitution), by ...voter) Proposal {
		t.Helper()
		d := document(t, vs, 2, Hash(one.Document), change)
		sign(t, &d, by...)
		return Proposal{Signed: d, Reason: "延长"}
	}
	j := request(t, "newcomer")
	joins := func(c *Constitution) { c.Members = append(c.Members, j.Member) }
	long := follows(nil, vs[1])
	long.Reason = strings.Repeat("长", 501)
	bad, forged := follows(joins, vs[1]), *j.Statement
	forged.Sig = append([]byte{}, forged.Sig...)
	forged.Sig[0] ^= 1
	bad.Statement = &forged
	for name, x := range map[string]struct {
		p    Proposal
		want *errs.Def
	}{
		"of another chain":     {follows(func(c *Constitution) { c.Previous = strings.Repeat("0", 64) }, vs[1]), ErrConstitution},
		"of another name":      {follows(func(c *Constitution) { c.Federation = "other" }, vs[1]), ErrConstitution},
		"of a later number":    {follows(func(c *Constitution) { c.Number = 4 }, vs[1]), ErrAhead},
		"not signed":           {follows(nil), ErrConstitution},
		"signed by another":    {follows(nil, vs[2]), ErrConstitution},
		"with a long reason":   {long, ErrConstitution},
		"with a bad statement": {bad, ErrStatement},
	} {
		if err := arrives(vs[1], KindProposal, x.p); !errors.Is(err, x.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if ps, err := s.Proposals(t.Context()); err != nil || len(ps) != 0 {
		t.Fatalf("kept: %+v %v", ps, err)
	}
	renew := func(years int) func(*Constitution) {
		return func(c *Constitution) { c.ValidUntil = c.ValidUntil.AddDate(years, 0, 0) }
	}
	if err := arrives(vs[1], KindProposal, follows(renew(1), vs[1])); err != nil {
		t.Fatal(err)
	}
	if err := arrives(vs[1], KindProposal, follows(renew(2), vs[1])); !errors.Is(err, ErrOffence) {
		t.Errorf("a second document of its sender: %v", err)
	}
	if err := arrives(vs[2], KindVote, follows(renew(2), vs[1], vs[2])); err != nil {
		t.Errorf("an honest vote with the signature of one that signed twice: %v", err)
	}
	ps, err := s.Proposals(t.Context())
	if err != nil || len(ps) != 2 || ps[0].Votes != 1 || ps[1].Votes != 1 {
		t.Errorf("%+v %v", ps, err)
	}
}

// What was adopted counts in memory after it is durable: told again after a failure, it is stored.
func TestAdoptIsDurable(t *testing.T) {
	vs, one := founded(t)
	s, _ := memberNode(t, onSQLite(t), one, clock.NewManual(time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)), vs[0])
	two := document(t, vs, 2, Hash(one.Document), nil)
	sign(t, &two, vs...)
	rename := func(from, to string) {
		t.Helper()
		err := s.db.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.NewRaw("ALTER TABLE ? RENAME TO ?", bun.Ident(from), bun.Ident(to)).Exec(ctx)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	rename("federation_version", "hidden")
	if err := s.Adopt(t.Context(), Chain{one, two}, ""); err == nil || s.dir.Current().Number != 1 {
		t.Fatalf("adopted without being stored: %v", err)
	}
	rename("hidden", "federation_version")
	if err := s.Adopt(t.Context(), Chain{one, two}, ""); err != nil {
		t.Fatal(err)
	}
	again := NewService(s.db, NewDirectory(), s.clock, vs[0].id, vs[0].key)
	if err := again.Load(t.Context()); err != nil || again.dir.Current().Number != 2 {
		t.Errorf("after a restart: version %d, %v", again.dir.Current().Number, err)
	}
}

// A statement is stored and told of once; a later one does not take back that a key was lost.
func TestStatementsKeep(t *testing.T) {
	vs, one := founded(t)
	now := clock.NewManual(time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC))
	s, _ := memberNode(t, onSQLite(t), one, now, vs[0])
	told := 0
	s.SetObserver(func(context.Context, *db.Tx) error { told++; return nil })
	dir := filepath.Join(t.TempDir(), "keys")
	keys, err := GenerateKeys(dir, vs[1].id, seal.Ed25519SHA256, now.Now())
	if err != nil {
		t.Fatal(err)
	}
	lost := now.Now()
	says := func(sequence int, since *time.Time) error {
		t.Helper()
		log := seal.Log{Node: vs[1].id, Instance: "1", Epoch: 1}
		l, err := keys.LogKey(log, 1)
		if err != nil {
			t.Fatal(err)
		}
		l.CompromisedSince = since
		st, err := SignStatement(&Statement{Format: 1, Member: vs[1].id, Sequence: sequence, Issued: now.Now(), PeerURL: "https://127.0.0.1:1", CABundle: keys.BundlePEM(), Logs: []LogKey{l}}, vs[1].key)
		if err != nil {
			t.Fatal(err)
		}
		return s.AcceptStatement(t.Context(), st)
	}
	later := lost.Add(time.Hour)
	earlier := lost.Add(-time.Hour)
	for i, x := range []struct {
		since *time.Time
		ok    bool
		told  int
	}{{nil, true, 1}, {&lost, true, 2}, {nil, false, 2}, {&later, false, 2}, {&earlier, true, 3}} {
		if err := says(i+1, x.since); (err == nil) != x.ok || told != x.told {
			t.Errorf("%d: %v, told %d times", i+1, err, told)
		}
	}
	for range 3 {
		if err := says(5, &earlier); err != nil || told != 3 {
			t.Errorf("said again: %v, told %d times", err, told)
		}
	}
}

// New keys are taken whatever stops in between: before each file that moves, and before the epoch begins.
func TestTakeNextIsResumed(t *testing.T) {
	now := time.Now()
	for stop := range 6 {
		dir := filepath.Join(t.TempDir(), "keys")
		keys, err := GenerateKeys(dir, "zhejiang", seal.Ed25519SHA256, now)
		if err != nil {
			t.Fatal(err)
		}
		next, err := keys.PrepareRekey(dir, "zhejiang", 2, now, now)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Join(dir, "e0002", "left"), 0o700); err != nil { // of a rotation that never began
			t.Fatal(err)
		}
		if Taking(dir) {
			t.Error("prepared alone, the node may start")
		}
		// Interrupted after some of the moves: do them by hand, in the order in which they are done.
		if stop > 0 {
			if err := os.WriteFile(filepath.Join(dir, "next", "begun"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		for i, name := range []string{"e0002", "ca.key", "ca.pem", "root.key"} {
			if i >= stop-1 {
				break
			}
			if err := errors.Join(os.RemoveAll(filepath.Join(dir, name)), os.Rename(filepath.Join(dir, "next", name), filepath.Join(dir, name))); err != nil {
				t.Fatal(err)
			}
		}
		if Taking(dir) != (stop > 0) {
			t.Errorf("stopped at %d: taking is %t", stop, Taking(dir))
		}
		begun := uint32(0)
		if err := TakeNext(dir, func(epoch uint32) error { begun = epoch; return nil }); err != nil || begun != 2 || Taking(dir) {
			t.Fatalf("stopped at %d: %v, epoch %d", stop, err, begun)
		}
		got, err := LoadKeys(dir)
		if err != nil || !got.Root.Public().Equal(next.Root.Public()) || !got.CA.Equal(next.CA) || !got.EvidenceKey(2).Public().Equal(next.EvidenceKey(2).Public()) {
			t.Errorf("stopped at %d: not the new keys: %v", stop, err)
		}
	}
}

// Keys of an epoch that never began are dropped before another one is chosen.
func TestDropRotations(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	keys, err := GenerateKeys(dir, "zhejiang", seal.Ed25519SHA256, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for _, epoch := range []uint32{2, 3} {
		if err := keys.Rotate(dir, epoch, time.Now(), nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := DropRotations(dir, 2); err != nil {
		t.Fatal(err)
	}
	if k, err := LoadKeys(dir); err != nil || len(k.Rotated) != 1 || k.Rotated[0].Epoch != 2 {
		t.Errorf("%+v %v", k, err)
	}
}

// told is who was told what.
type told []string

func (x *told) Proposed(_ context.Context, _ *db.Tx, from, _, reason string) error {
	*x = append(*x, "proposed by "+from+": "+reason)
	return nil
}

func (x *told) Adopted(_ context.Context, _ *db.Tx, number int) error {
	*x = append(*x, fmt.Sprintf("version %d", number))
	return nil
}

// Whoever votes is told once of what another proposes, and of what is in force.
func TestNotifier(t *testing.T) {
	vs, one := founded(t)
	now := clock.NewManual(time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC))
	a, sent := memberNode(t, onSQLite(t), one, now, vs[0])
	b, _ := memberNode(t, onSQLite(t), one, now, vs[1])
	var toA, toB told
	a.SetNotifier(&toA)
	b.SetNotifier(&toB)
	p, err := a.ProposeChange(t.Context(), Change{Reason: "延长有效期", ValidUntil: now.Now().AddDate(1, 0, 0)})
	if err != nil {
		t.Fatal(err)
	}
	vote := *p
	sign(t, &vote.Signed, vs[2])
	for range 2 {
		if err := b.Receive(t.Context(), vs[0].id, KindProposal, (*sent)[0].body); err != nil {
			t.Fatal(err)
		}
	}
	if err := arrive(t, b, vs[2], KindVote, vote); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Approve(t.Context(), p.Hash); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(toB, "; "); got != "proposed by member-0: 延长有效期; version 2" || len(toA) != 0 {
		t.Errorf("told: %s; its proposer: %v", got, toA)
	}
}

// Votes that arrive at once are all kept; papers that are missing are refused, not fallen over.
func TestVotesAtOnce(t *testing.T) {
	for range 10 {
		vs, one := founded(t)
		s, _ := memberNode(t, onSQLite(t), one, clock.NewManual(time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)), vs[0])
		two := document(t, vs, 2, Hash(one.Document), nil)
		has(t, s, Proposal{Signed: two, Reason: "延长"})
		var wait sync.WaitGroup
		for _, v := range vs[1:] {
			p := Proposal{Signed: Signed{Document: two.Document}, Reason: "延长"}
			sign(t, &p.Signed, v)
			wait.Go(func() {
				if err := votes(t, s, v, p); err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		if n := s.dir.Current().Number; n != 2 {
			t.Fatalf("three of three votes, and version %d", n)
		}
		if err := s.Receive(t.Context(), vs[1].id, KindStatement, []byte(`{"v":1,"statement":null}`)); !errors.Is(err, ErrNotMember) {
			t.Errorf("a missing statement: %v", err)
		}
		if _, _, err := VerifyStatement(s.dir.Versions(), nil); !errors.Is(err, ErrStatement) {
			t.Errorf("no statement: %v", err)
		}
	}
}

// What is lost is lost with all that lay beside it: a key that was rotated away before counts no more either, and proves no
// time as a witness. A rotation that never began is no part of a request for new keys.
func TestLostWithTheFolder(t *testing.T) {
	dir, now := filepath.Join(t.TempDir(), "keys"), time.Now().UTC()
	keys, err := GenerateKeys(dir, "zhejiang", seal.Ed25519SHA256, now)
	if err != nil {
		t.Fatal(err)
	}
	lost := now.Add(2 * time.Hour)
	if err := errors.Join(keys.Rotate(dir, 2, now.Add(time.Hour), nil), keys.Rotate(dir, 3, lost, &lost)); err != nil {
		t.Fatal(err)
	}
	k, err := LoadKeys(dir)
	if err != nil {
		t.Fatal(err)
	}
	for epoch, until := range map[uint32]time.Time{1: now.Add(time.Hour), 2: lost} {
		l, err := k.LogKey(seal.Log{Node: "zhejiang", Instance: "1", Epoch: epoch}, 3)
		if err != nil || l.Until == nil || !l.Until.Equal(until) || l.CompromisedSince == nil || !l.CompromisedSince.Equal(lost) {
			t.Errorf("epoch %d: %+v %v", epoch, l, err)
		}
	}
	for epoch, want := range map[uint32]string{1: "", 2: "false", 3: "true true"} {
		fs, err := k.FormerWitnesses("zhejiang", epoch)
		var got []string
		for _, f := range fs {
			got = append(got, fmt.Sprint(f.Lost))
		}
		if err != nil || strings.Join(got, " ") != want {
			t.Errorf("witness keys before epoch %d: %v %v", epoch, got, err)
		}
	}
	next, err := k.PrepareRekey(dir, "zhejiang", 3, lost.Add(time.Hour), lost.Add(time.Hour))
	if err != nil || len(next.Rotated) != 2 || !next.Rotated[1].Since.Equal(lost.Add(time.Hour)) {
		t.Errorf("the request holds a rotation that never began: %+v %v", next, err)
	}
}
