package federation

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/kuayu/kuayu/support/seal"
)

// Keys change with an epoch, under the same suite; those of earlier epochs stay what they were, and end when the later
// ones begin. An interrupted rotation is none.
func TestRotate(t *testing.T) {
	for _, suite := range []seal.Suite{seal.Ed25519SHA256, seal.SM2SM3} {
		dir := filepath.Join(t.TempDir(), "keys")
		begun := time.Now().Add(-24 * time.Hour)
		keys, err := GenerateKeys(dir, "zhejiang", suite, begun)
		if err != nil {
			t.Fatal(err)
		}
		load := func() *Keys {
			t.Helper()
			k, err := LoadKeys(dir)
			if err != nil {
				t.Fatal(err)
			}
			return k
		}
		said := func(k *Keys, epoch, now uint32) LogKey {
			t.Helper()
			l, err := k.LogKey(seal.Log{Node: "zhejiang", Instance: "1", Epoch: epoch}, now)
			if err != nil {
				t.Fatal(err)
			}
			return l
		}
		at, broken := time.Now().UTC(), time.Now().UTC().Add(-time.Hour)
		if err := keys.Rotate(dir, 3, at, &broken); err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Join(dir, "e0007"), 0o700); err != nil { // interrupted
			t.Fatal(err)
		}
		k := load()
		first, before, then := said(k, 1, 2), said(k, 2, 2), said(k, 3, 3)
		if first.Until != nil || before.Until != nil || !first.Key.Equal(keys.Evidence.Public()) || !before.Key.Equal(first.Key) {
			t.Errorf("%v: before the epoch of the new keys: %+v %+v", suite, first, before)
		}
		if then.Key.Equal(first.Key) || then.Key.Suite != suite || then.VKey == first.VKey || !then.From.Equal(at) || then.Until != nil {
			t.Errorf("%v: the new keys: %+v", suite, then)
		}
		ended := said(k, 2, 3)
		if ended.Until == nil || !ended.Until.Equal(at) || ended.CompromisedSince == nil || !ended.CompromisedSince.Equal(broken) || !ended.Key.Equal(first.Key) {
			t.Errorf("%v: the old keys, afterwards: %+v", suite, ended)
		}
		for _, x := range []struct {
			when time.Time
			now  uint32
			lost bool
		}{{broken, 2, false}, {broken, 3, true}, {broken.Add(-time.Second), 3, false}} {
			if got := k.Lost(seal.Log{Node: "zhejiang", Instance: "1", Epoch: 2}, x.when, x.now); got != x.lost {
				t.Errorf("%v: lost at %v in epoch %d: %v", suite, x.when, x.now, got)
			}
		}
		st := &Statement{Format: FormatVersion, Member: "zhejiang", Sequence: 1, PeerURL: "https://zhejiang.localhost:1", CABundle: k.BundlePEM(), Logs: []LogKey{said(k, 1, 3), ended, then}}
		signed, err := SignStatement(st, k.Root)
		if err != nil {
			t.Fatal(err)
		}
		back, err := signed.Verify(k.Root.Public())
		if err != nil || !back.Same(st) {
			t.Fatalf("%v: %v", suite, err)
		}
		for _, x := range []struct {
			epoch uint32
			when  time.Time
			ok    bool
		}{{2, broken.Add(-time.Minute), true}, {2, broken.Add(time.Minute), false}, {2, at.Add(time.Minute), false}, {3, at.Add(time.Minute), true}, {3, begun, false}} {
			if _, err := back.LogKeyAt(seal.Log{Node: "zhejiang", Instance: "1", Epoch: x.epoch}, x.when); (err == nil) != x.ok {
				t.Errorf("%v: epoch %d at %v: %v", suite, x.epoch, x.when, err)
			}
		}
		if err := k.Rotate(dir, 4, at.Add(time.Minute), nil); err != nil {
			t.Fatal(err)
		}
		if again := said(load(), 3, 4); again.Until == nil || again.CompromisedSince != nil || !again.Key.Equal(then.Key) {
			t.Errorf("%v: rotated twice: %+v", suite, again)
		}
	}
}
