package seal

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func batch(t testing.TB, s Suite, n int) (*PrivateKey, []*Sealed, *Entry) {
	t.Helper()
	k, err := GenerateKey(s)
	if err != nil {
		t.Fatal(err)
	}
	log := Log{Node: "zhejiang", Instance: "1", Epoch: 1}
	var facts [][]byte
	var commits []Hash
	for i := range n {
		f := Fact{Suite: s, Log: log, Kind: "test", Time: time.UnixMicro(int64(i)), ID: string(rune('a' + i%26)), Header: []byte(`{"rows":1}`)}
		b := f.Encode(nil)
		facts = append(facts, b)
		commits = append(commits, s.Commit(Hash{byte(i)}, b))
	}
	e, tree, err := NewEntry(k, Header{Log: log, Time: time.UnixMicro(1)}, commits)
	if err != nil {
		t.Fatal(err)
	}
	var out []*Sealed
	for i := range n {
		out = append(out, &Sealed{Fact: facts[i], Salt: Hash{byte(i)}, Header: e.Header, Signature: e.Signature, Index: uint32(i), Path: tree.Path(i)})
	}
	return k, out, e
}

// TestSealRoundTrip: for both suites and many sizes, every fact verifies by its path, and any changed byte is found.
func TestSealRoundTrip(t *testing.T) {
	for _, s := range []Suite{Ed25519SHA256, SM2SM3} {
		for _, n := range []int{1, 2, 3, 5, 8, 13, 64, 100} {
			k, sealed, e := batch(t, s, n)
			var cache RootCache
			for _, x := range sealed {
				wire := x.Encode(nil)
				back, err := DecodeSealed(wire)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := back.Open(k.Public(), &cache); err != nil {
					t.Fatalf("%v of %d: %v", s, n, err)
				}
			}
			back, err := DecodeEntry(e.Encode(nil))
			if err != nil || back.Verify(k.Public()) != nil {
				t.Fatalf("%v: entry: %v", s, err)
			}
		}
		k, sealed, _ := batch(t, s, 6)
		wire := sealed[4].Encode(nil)
		for i := range wire {
			bad := append([]byte(nil), wire...)
			bad[i] ^= 1
			back, err := DecodeSealed(bad)
			if err != nil {
				continue
			}
			if _, err := back.Open(k.Public(), nil); err == nil {
				t.Fatalf("%v: byte %d of %d changed and still valid", s, i, len(wire))
			}
		}
	}
}

func TestKeysAsText(t *testing.T) {
	for _, s := range []Suite{Ed25519SHA256, SM2SM3} {
		k, err := GenerateKey(s)
		if err != nil {
			t.Fatal(err)
		}
		back, err := ParsePrivateKey(k.Marshal())
		if err != nil || !back.Public().Equal(k.Public()) {
			t.Fatalf("%v: %v", s, err)
		}
		pub, err := ParsePublicKey(k.Public().String())
		if err != nil || !pub.Equal(k.Public()) {
			t.Fatalf("%v: %v", s, err)
		}
	}
	if _, err := ParsePublicKey("rsa:AAAA"); !errors.Is(err, ErrKey) {
		t.Fatal(err)
	}
}

func TestFactRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := Fact{
			Suite: Ed25519SHA256, Log: Log{Node: rapid.StringN(1, 20, 100).Draw(t, "node"), Instance: "1", Epoch: rapid.Uint32().Draw(t, "epoch")},
			Kind: rapid.StringN(1, 20, 100).Draw(t, "kind"), Time: time.UnixMicro(rapid.Int64Range(0, 1<<50).Draw(t, "time")).UTC(),
			Actor: Actor{Department: rapid.StringN(0, 20, 100).Draw(t, "dept")}, ID: rapid.StringN(1, 20, 100).Draw(t, "id"), Header: []byte(rapid.StringN(1, 50, 300).Draw(t, "header")),
		}
		b := f.Encode(nil)
		g, err := DecodeFact(b)
		if err != nil || !bytes.Equal(g.Encode(nil), b) {
			t.Fatalf("%v", err)
		}
	})
}

func FuzzSealed(f *testing.F) {
	_, sealed, e := batch(f, Ed25519SHA256, 3)
	f.Add(sealed[1].Encode(nil))
	f.Add(e.Encode(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		if s, err := DecodeSealed(b); err == nil && !bytes.Equal(s.Encode(nil), b) {
			t.Fatal("two encodings of one seal")
		}
		if e, err := DecodeEntry(b); err == nil && !bytes.Equal(e.Encode(nil), b) {
			t.Fatal("two encodings of one entry")
		}
		_, _ = DecodeFact(b)
	})
}
