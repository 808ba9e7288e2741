package evidence

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/transparency-dev/tessera/api/layout"

	"github.com/kuayu/kuayu/internal/clock"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/disk"
	"github.com/kuayu/kuayu/support/federation"
	"github.com/kuayu/kuayu/support/seal"
)

type testNode struct {
	log    *Log
	tlog   *Tlog
	keys   *federation.Keys
	v      note.Verifier
	dir    string
	cancel context.CancelFunc
	done   chan error
}

func (n *testNode) stop(t *testing.T) {
	t.Helper()
	n.cancel()
	for range 2 {
		if err := <-n.done; err != nil {
			t.Fatal(err)
		}
	}
}

func startNode(t *testing.T, dir string, keys *federation.Keys) *testNode {
	t.Helper()
	if keys == nil {
		var err error
		if keys, err = federation.GenerateKeys(filepath.Join(t.TempDir(), "keys"), "zhejiang", seal.Ed25519SHA256, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	l, err := OpenLog(Config{Dir: dir, FS: disk.OS{}, Key: keys.Evidence, Log: testLog()})
	if err != nil {
		t.Fatal(err)
	}
	signer, vkey, err := keys.CheckpointSigner(testLog())
	if err != nil {
		t.Fatal(err)
	}
	v, err := note.NewVerifier(vkey)
	if err != nil {
		t.Fatal(err)
	}
	n := &testNode{log: l, tlog: NewTlog(l, signer, v, 100*time.Millisecond), keys: keys, v: v, dir: dir, done: make(chan error, 2)}
	var ctx context.Context
	ctx, n.cancel = context.WithCancel(context.Background())
	go func() { n.done <- l.Run(ctx) }()
	go func() { n.done <- n.tlog.Run(ctx) }()
	return n
}

func (n *testNode) sealMany(t *testing.T, count int, tag string) {
	t.Helper()
	for i := range count {
		if _, err := n.log.Seal(t.Context(), Draft{Kind: "test", ID: fmt.Sprintf("%s-%d", tag, i), Body: []byte(tag)}); err != nil {
			t.Fatal(err)
		}
	}
}

func (n *testNode) awaitSize(t *testing.T, size uint64) *Checkpoint {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if cp := n.tlog.Latest(); cp != nil && cp.Size >= size {
			return cp
		}
	}
	t.Fatalf("no checkpoint of size %d", size)
	return nil
}

// TestFsckNamesEveryDamagedFile flips one byte in the checkpoint, in segments, and in every bundle and tile reachable
// from the checkpoint, one at a time.
func TestFsckNamesEveryDamagedFile(t *testing.T) {
	n := startNode(t, t.TempDir(), nil)
	n.sealMany(t, 600, "a")
	n.awaitSize(t, 600)
	n.stop(t)
	check := func() *Report {
		t.Helper()
		r, err := Fsck(t.Context(), n.dir, n.keys.Evidence.Public(), testLog(), n.v)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	clean := check()
	if len(clean.Findings) != 0 || clean.Facts != 600 || clean.Logged != 600 {
		t.Fatalf("clean log: %+v", clean)
	}
	// 600 entries: bundles and level-0 tiles 0 and 1 full and 2 with 88; level 1 has one tile of 2.
	files := []string{
		filepath.Join("tlog", layout.CheckpointPath), "segments/00000000.seg",
		"tlog/" + layout.EntriesPath(0, 0), "tlog/" + layout.EntriesPath(1, 0), "tlog/" + layout.EntriesPath(2, 88),
		"tlog/" + layout.TilePath(0, 0, 0), "tlog/" + layout.TilePath(0, 1, 0), "tlog/" + layout.TilePath(0, 2, 88), "tlog/" + layout.TilePath(1, 0, 2),
	}
	for _, rel := range files {
		p := filepath.Join(n.dir, rel)
		good, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		for _, at := range []int{0, len(good) / 3, len(good) / 2, len(good) - 1} {
			bad := append([]byte(nil), good...)
			bad[at] ^= 1
			if err := os.WriteFile(p, bad, 0o600); err != nil {
				t.Fatal(err)
			}
			r := check()
			named := false
			for _, f := range r.Findings {
				named = named || strings.HasSuffix(p, f.File)
			}
			if !named {
				t.Errorf("%s byte %d of %d: not named; findings %v", rel, at, len(good), r.Findings)
			}
		}
		if err := os.WriteFile(p, good, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(filepath.Join(n.dir, "tlog", layout.TilePath(0, 3, 0))); !errors.Is(err, fs.ErrNotExist) {
		t.Fatal("the list of files above no longer covers the log")
	}
}

func testWitness(t *testing.T) (*Witness, note.Verifier) {
	t.Helper()
	d, err := db.Open(t.Context(), filepath.Join(t.TempDir(), "w.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	if err := Migrate(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	keys, err := federation.GenerateKeys(filepath.Join(t.TempDir(), "k"), "jiangsu", seal.Ed25519SHA256, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	signer, vkey, err := keys.CosignSigner("jiangsu", 1)
	if err != nil {
		t.Fatal(err)
	}
	v, err := WitnessVerifier(vkey)
	if err != nil {
		t.Fatal(err)
	}
	return NewWitness(d, signer, clock.System{}), v
}

func (n *testNode) announce(t *testing.T, from uint64) *Announcement {
	t.Helper()
	cp := n.tlog.Latest()
	p, err := n.tlog.Consistency(t.Context(), from, cp)
	if err != nil {
		t.Fatal(err)
	}
	return &Announcement{Checkpoint: cp.Raw, OldSize: from, Proof: p}
}

// TestRewrittenHistoryIsCaught: a node rewrites its log with its own keys; the next checkpoint it shows is refused,
// whether its new log is longer, as long, or shorter.
func TestRewrittenHistoryIsCaught(t *testing.T) {
	for name, count := range map[string]int{"longer": 40, "same": 30, "shorter": 10} {
		t.Run(name, func(t *testing.T) {
			n := startNode(t, t.TempDir(), nil)
			n.sealMany(t, 10, "a")
			n.awaitSize(t, 10)
			w, cosigner := testWitness(t)
			line, err := w.Observe(t.Context(), "zhejiang", n.v, n.announce(t, 0))
			if err != nil {
				t.Fatal(err)
			}
			if !n.tlog.AddCosignature(10, line.Line, cosigner) || n.tlog.Cosigned() == nil {
				t.Fatal("cosignature not accepted")
			}
			n.sealMany(t, 20, "b")
			n.awaitSize(t, 30)
			if _, err := w.Observe(t.Context(), "zhejiang", n.v, n.announce(t, 3)); !errors.Is(err, ErrStaleProof) {
				t.Fatalf("proof from a size never cosigned: %v", err)
			}
			if _, err := w.Observe(t.Context(), "zhejiang", n.v, n.announce(t, 10)); err != nil {
				t.Fatal(err)
			}
			n.stop(t)

			forger := startNode(t, t.TempDir(), n.keys) // same keys, another history
			forger.sealMany(t, count, "forged")
			forger.awaitSize(t, uint64(count))
			a := forger.announce(t, min(30, uint64(count)))
			a.OldSize = 30
			if _, err = w.Observe(t.Context(), "zhejiang", n.v, a); !errors.Is(err, ErrFork) {
				t.Fatalf("forged history: %v", err)
			}
			if !w.Forked(n.v.Name()) {
				t.Fatal("the fork is forgotten")
			}
			forger.stop(t)
		})
	}
}

// TestTlogSurvivesLosingItsFolder: the transparency log is rebuilt from the segments, byte for byte, and while that
// lasts nobody is shown a log shorter than the one they saw: they would take it for rewritten history.
func TestTlogSurvivesLosingItsFolder(t *testing.T) {
	for name, lose := range map[string]func(string) error{
		"folder": os.RemoveAll,
		"checkpoint": func(dir string) error {
			return os.WriteFile(filepath.Join(dir, layout.CheckpointPath), []byte("x"), 0o600)
		},
		"entries": func(dir string) error { return os.RemoveAll(filepath.Join(dir, "tile", "entries")) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			n := startNode(t, dir, nil)
			n.sealMany(t, 300, "a")
			before := n.awaitSize(t, 300)
			w, _ := testWitness(t)
			if _, err := w.Observe(t.Context(), "zhejiang", n.v, n.announce(t, 0)); err != nil {
				t.Fatal(err)
			}
			n.stop(t)
			if err := lose(filepath.Join(dir, "tlog")); err != nil {
				t.Fatal(err)
			}
			n = startNode(t, dir, n.keys)
			defer n.stop(t)
			for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
				cp := n.tlog.Latest()
				if raw, err := n.tlog.Resource(layout.CheckpointPath); err == nil {
					if shown, err := parseCheckpoint(raw, n.v); err != nil || shown.Size < 300 {
						t.Fatalf("the public checkpoint covers less than 300 batches: %+v %v", shown, err)
					}
				}
				if cp == nil {
					continue
				}
				a := &Announcement{Checkpoint: cp.Raw, OldSize: 300}
				if _, err := w.Observe(t.Context(), "zhejiang", n.v, a); err != nil {
					t.Fatalf("the witness does not take the rebuilt log of size %d: %v", cp.Size, err)
				}
				if cp.Size == 300 {
					if string(before.Root) != string(cp.Root) {
						t.Fatal("the rebuilt log has another root")
					}
					return
				}
			}
			t.Fatal("the log was not rebuilt")
		})
	}
}
