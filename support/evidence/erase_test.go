package evidence

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/api/layout"

	"github.com/kuayu/kuayu/internal/disk/crashdisk"
)

// TestErasureAndThePublicLog: a fact erased from a log with its transparency log leaves fsck clean, every entry of the
// public log as it was, every other fact of its batch provable as before, and the node starts again.
func TestErasureAndThePublicLog(t *testing.T) {
	n := startNode(t, t.TempDir(), nil)
	var wg sync.WaitGroup
	records := make([]*Record, 64)
	for i := range records {
		wg.Go(func() {
			rec, err := n.log.Seal(context.Background(), Draft{Kind: "test", ID: fmt.Sprint(i), Body: fmt.Appendf(nil, "private %d", i)})
			if err != nil {
				t.Error(err)
			}
			records[i] = rec
		})
	}
	wg.Wait()
	cp := n.awaitSize(t, n.log.Durable())
	var victim *Record
	for i, r := range records { // one that shares its batch
		for _, o := range records[i+1:] {
			if r.Batch == o.Batch {
				victim = r
			}
		}
	}
	if victim == nil {
		t.Fatal("no two facts share a batch")
	}
	before, err := n.tlog.Resource(layout.EntriesPath(0, layout.PartialTileSize(0, 0, cp.Size)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.log.Erase(t.Context(), victim.Batch, int(victim.Sealed.Index), Draft{Kind: "fact.erased", ID: "erasure"}); err != nil {
		t.Fatal(err)
	}
	after, err := n.tlog.Resource(layout.EntriesPath(0, layout.PartialTileSize(0, 0, cp.Size)))
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("erasing changed the public log (%v)", err)
	}
	n.stop(t)
	for range 2 { // as it is, and after another start
		rep, err := Fsck(t.Context(), n.dir, n.keys.Evidence.Public(), testLog(), n.v)
		if err != nil || len(rep.Findings) > 0 || rep.Erased != 1 || rep.Facts != 65 {
			t.Fatalf("fsck: %+v %v", rep, err)
		}
		n = startNode(t, n.dir, n.keys)
		n.awaitSize(t, n.log.Durable())
		for _, r := range records {
			got, err := n.log.Get(r.Batch, int(r.Sealed.Index))
			if r == victim {
				if !errors.Is(err, ErrErased) {
					t.Errorf("the erased fact: %v", err)
				}
				continue
			}
			if err != nil || !bytes.Equal(got.Body, r.Body) {
				t.Fatalf("another fact of the log: %v", err)
			}
			if _, err := got.Sealed.Open(n.log.Key(), nil); err != nil {
				t.Errorf("another fact of the log does not open: %v", err)
			}
			p, err := n.tlog.Inclusion(t.Context(), r.Batch, cp)
			if err != nil {
				t.Fatal(err)
			}
			err = n.log.scan(r.Batch, func(s *stored) (bool, error) {
				return false, proof.VerifyInclusion(rfc6962.DefaultHasher, r.Batch, cp.Size, rfc6962.DefaultHasher.HashLeaf(s.rawEntry), p, cp.Root)
			})
			if err != nil {
				t.Errorf("batch %d is no longer provable: %v", r.Batch, err)
			}
		}
		n.stop(t)
	}
}

// TestPowerCutWhileErasing: whatever a power cut leaves of an erasure under way, the log opens, all other facts are
// there, the one to be erased is whole or gone, and if the erasure was acknowledged it is gone.
func TestPowerCutWhileErasing(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 9))
	k := testKey(t)
	secret := bytes.Repeat([]byte("very private "), 400) // over several sectors
	for round := range 200 {
		d := crashdisk.New()
		l, stop := running(t, d, "/e", k)
		var at *Record
		for i := range 4 {
			rec, err := l.Seal(t.Context(), Draft{Kind: "test", ID: fmt.Sprint(i), Body: secret})
			if err != nil {
				t.Fatal(err)
			}
			if i == 1 {
				at = rec
			}
		}
		d.CutAfter(1 + r.IntN(8))
		_, erased := l.Erase(t.Context(), at.Batch, int(at.Sealed.Index), Draft{Kind: "fact.erased", ID: "e"})
		_ = stop()
		d.Crash(r)
		l, err := OpenLog(Config{Dir: "/e", FS: d, Key: k, Log: testLog(), SegmentBytes: 1 << 20})
		if err != nil {
			t.Fatalf("round %d: the log does not open after a power cut while erasing (%v): %v", round, erased, err)
		}
		for i := range 4 {
			rec, err := l.Get(uint64(i), 0)
			switch {
			case i != 1 && (err != nil || !bytes.Equal(rec.Body, secret)):
				t.Fatalf("round %d: fact %d: %v", round, i, err)
			case i == 1 && erased == nil && !errors.Is(err, ErrErased):
				t.Fatalf("round %d: the erasure was acknowledged, and the fact says %v", round, err)
			case i == 1 && err != nil && !errors.Is(err, ErrErased):
				t.Fatalf("round %d: the fact to be erased: %v", round, err)
			}
		}
		if erased == nil && !bytes.Contains(d.Bytes(filepath.Join("/e", "segments", "00000000.seg")), []byte("very private")) {
			t.Fatalf("round %d: the other facts are gone", round)
		}
	}
}
