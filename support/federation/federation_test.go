package federation

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/kuayu/kuayu/support/seal"
)

type voter struct {
	id  string
	key *seal.PrivateKey
}

func voters(t *testing.T, n int) []voter {
	t.Helper()
	out := make([]voter, n)
	for i := range out {
		k, err := seal.GenerateKey(seal.Ed25519SHA256)
		if err != nil {
			t.Fatal(err)
		}
		out[i] = voter{fmt.Sprintf("member-%d", i), k}
	}
	return out
}

func document(t *testing.T, vs []voter, number int, previous string, change func(*Constitution)) Signed {
	t.Helper()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	c := Constitution{Format: 1, Federation: "delta", Number: number, Previous: previous, Ballot: 1, ValidFrom: now, ValidUntil: now.AddDate(1, 0, 0), Quorum: 3}
	for _, v := range vs {
		c.Members = append(c.Members, Member{ID: v.id, Name: "成员", Division: "310000", RootKey: v.key.Public(), Voter: true})
	}
	if change != nil {
		change(&c)
	}
	b, err := c.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return Signed{Document: b}
}

func sign(t *testing.T, s *Signed, vs ...voter) {
	t.Helper()
	for _, v := range vs {
		if err := s.Sign(v.id, v.key); err != nil {
			t.Fatal(err)
		}
	}
}

// TestChain: a version counts with a quorum of the voters of the version before it, and only as its successor.
func TestChain(t *testing.T) {
	vs := voters(t, 4)
	one := document(t, vs, 1, "", nil)
	sign(t, &one, vs[:2]...)
	if _, err := VerifyChain(Chain{one}, ""); !errors.Is(err, ErrQuorum) {
		t.Fatalf("two of four: %v", err)
	}
	sign(t, &one, vs[2])
	if _, err := VerifyChain(Chain{one}, Hash(one.Document)); err != nil {
		t.Fatal(err)
	}
	if _, err := VerifyChain(Chain{one}, "00"); !errors.Is(err, ErrConstitution) {
		t.Fatalf("another genesis: %v", err)
	}
	newcomer := voters(t, 1)[0]
	two := document(t, vs, 2, Hash(one.Document), func(c *Constitution) {
		c.Members = append(c.Members, Member{ID: "newcomer", Name: "新成员", Division: "320000", RootKey: newcomer.key.Public(), Voter: true})
	})
	sign(t, &two, vs[0], vs[1], voter{"newcomer", newcomer.key}) // the newcomer has no vote on its own admission
	if _, err := VerifyChain(Chain{one, two}, ""); !errors.Is(err, ErrQuorum) {
		t.Fatalf("the newcomer's vote counted: %v", err)
	}
	sign(t, &two, vs[3])
	if _, err := VerifyChain(Chain{one, two}, ""); err != nil {
		t.Fatal(err)
	}
	flipped := two
	flipped.Document = append([]byte(nil), two.Document...)
	flipped.Document[len(flipped.Document)/2] ^= 1
	if _, err := VerifyChain(Chain{one, flipped}, ""); err == nil {
		t.Fatal("a changed document verified")
	}
	other := document(t, vs, 2, Hash(two.Document), nil)
	sign(t, &other, vs...)
	if _, err := VerifyChain(Chain{one, other}, ""); !errors.Is(err, ErrConstitution) {
		t.Fatalf("not the successor: %v", err)
	}
}

// TestOffence: two documents of one version with a signature of the same voter prove it.
func TestOffence(t *testing.T) {
	vs := voters(t, 4)
	one := document(t, vs, 1, "", nil)
	cur, err := ParseConstitution(one.Document)
	if err != nil {
		t.Fatal(err)
	}
	a := document(t, vs, 2, Hash(one.Document), nil)
	b := document(t, vs, 2, Hash(one.Document), func(c *Constitution) { c.Ballot = 2 })
	sign(t, &a, vs[0], vs[1])
	sign(t, &b, vs[1], vs[2])
	if o := FindOffence(cur, a, b); o == nil || o.Member != vs[1].id {
		t.Fatalf("offence %+v", o)
	}
	b.Signatures = b.Signatures[1:]
	if o := FindOffence(cur, a, b); o != nil {
		t.Fatalf("no offence: %+v", o)
	}
}

// TestStatement: only the root key of the constitution signs it; keys count in their time.
func TestStatement(t *testing.T) {
	keys, err := GenerateKeys(t.TempDir(), "zhejiang", seal.Ed25519SHA256, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	log := seal.Log{Node: "zhejiang", Instance: "1", Epoch: 1}
	_, vkey, err := keys.CheckpointSigner(log)
	if err != nil {
		t.Fatal(err)
	}
	from := time.Now().Add(-time.Hour)
	until, broken := time.Now(), time.Now().Add(-10*time.Minute)
	st := &Statement{
		Format: 1, Member: "zhejiang", Sequence: 1, Issued: time.Now(), PeerURL: "https://127.0.0.1:1", CABundle: keys.BundlePEM(),
		Logs: []LogKey{{Log: log, Key: keys.Evidence.Public(), VKey: vkey, From: from, Until: &until, CompromisedSince: &broken}},
	}
	signed, err := SignStatement(st, keys.Root)
	if err != nil {
		t.Fatal(err)
	}
	got, err := signed.Verify(keys.Root.Public())
	if err != nil {
		t.Fatal(err)
	}
	for at, want := range map[time.Time]bool{from.Add(time.Minute): true, broken.Add(time.Second): false, until.Add(time.Second): false, from.Add(-time.Hour): false} {
		if _, err := got.LogKeyAt(log, at); (err == nil) != want {
			t.Errorf("key at %v: %v", at, err)
		}
	}
	stranger := voters(t, 1)[0]
	if _, err := signed.Verify(stranger.key.Public()); !errors.Is(err, ErrStatement) {
		t.Fatalf("a stranger's key: %v", err)
	}
	signed.Document[10] ^= 1
	if _, err := signed.Verify(keys.Root.Public()); !errors.Is(err, ErrStatement) {
		t.Fatalf("changed: %v", err)
	}
}

func FuzzConstitution(f *testing.F) {
	f.Add([]byte(`{"format":1}`))
	f.Fuzz(func(_ *testing.T, b []byte) { _, _ = ParseConstitution(b) })
}
