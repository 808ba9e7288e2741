package evidence

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/transparency-dev/tessera/api/layout"

	"github.com/kuayu/kuayu/internal/disk"
)

// faultFS is a file system on which, after fail, nothing can be opened for writing, written or flushed.
type faultFS struct {
	disk.OS
	err atomic.Pointer[error]
}

func (f *faultFS) fail(err error) { f.err.Store(&err) }
func (f *faultFS) heal()          { f.err.Store(nil) }
func (f *faultFS) now() error {
	if err := f.err.Load(); err != nil {
		return *err
	}
	return nil
}

func (f *faultFS) Open(name string, create bool) (disk.File, error) {
	if err := f.now(); err != nil {
		return nil, err
	}
	x, err := f.OS.Open(name, create)
	return &faultFile{File: x, fs: f}, err
}

type faultFile struct {
	disk.File
	fs *faultFS
}

func (f *faultFile) WriteAt(p []byte, off int64) (int, error) {
	if err := f.fs.now(); err != nil {
		n, _ := f.File.WriteAt(p[:len(p)/2], off) // a part of it may be there
		return n, err
	}
	return f.File.WriteAt(p, off)
}

func (f *faultFile) Datasync() error {
	if err := f.fs.now(); err != nil {
		return err
	}
	return f.File.Datasync()
}

// TestLogGoesOn: whatever the disk refuses for a while, what is not durable is not acknowledged, what was acknowledged
// stays, and sealing goes on without a restart when the cause is gone. The segments hold nothing of the failed batches.
func TestLogGoesOn(t *testing.T) {
	f, dir, key := &faultFS{}, t.TempDir(), testKey(t)
	l, stop := running(t, f, dir, key)
	acked := map[string]*Record{}
	var mu sync.Mutex
	seal := func(id string) error {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		r, err := l.Seal(ctx, Draft{Kind: "test", ID: id, Body: []byte(strings.Repeat("x", 9000))})
		if err == nil {
			mu.Lock()
			acked[id] = r
			mu.Unlock()
		}
		return err
	}
	for round, cause := range []error{syscall.ENOSPC, syscall.EMFILE, syscall.EIO} {
		var wg sync.WaitGroup
		for w := range 8 {
			wg.Go(func() {
				for i := range 60 { // over the end of a segment
					if err := seal(fmt.Sprintf("%d-%d-%d", round, w, i)); err != nil && !errors.Is(err, ErrDown) {
						t.Error(err)
					}
				}
			})
		}
		time.Sleep(20 * time.Millisecond)
		f.fail(cause)
		time.Sleep(100 * time.Millisecond)
		if err := seal("refused"); !errors.Is(err, ErrDown) {
			t.Errorf("%v: sealed: %v", cause, err)
		}
		if l.Trouble() == nil {
			t.Errorf("%v: no trouble", cause)
		}
		f.heal()
		for end := time.Now().Add(10 * time.Second); l.Trouble() != nil && time.Now().Before(end); {
			time.Sleep(10 * time.Millisecond)
		}
		wg.Wait()
		if err := seal(fmt.Sprintf("after-%d", round)); err != nil {
			t.Fatalf("%v: does not go on: %v", cause, err)
		}
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	r, err := Fsck(t.Context(), dir, key.Public(), testLog(), noVerifier{})
	if err != nil || len(r.Findings) != 1 { // there is no transparency log beside
		t.Errorf("fsck: %+v %v", r, err)
	}
	l, stop = running(t, disk.OS{}, dir, key)
	defer func() { _ = stop() }()
	found := map[string]bool{}
	err = l.Replay(0, func(r *Record) error {
		x, err := r.Fact()
		found[x.ID] = true
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for id := range acked {
		if !found[id] {
			t.Errorf("acknowledged and lost: %s", id)
		}
	}
	if len(found) != len(acked) {
		t.Errorf("%d facts in the log, %d acknowledged", len(found), len(acked))
	}
}

// TestTlogGoesOn: a folder that can't be written stops the public log with an error, and nothing else. Run again, it goes
// on where it was, also when files of it are gone.
func TestTlogGoesOn(t *testing.T) {
	n := startNode(t, t.TempDir(), nil)
	n.sealMany(t, 300, "a")
	n.awaitSize(t, 300)
	dir := filepath.Join(n.dir, "tlog")
	// The tiles' folder becomes a file: no permission stops root, this does.
	tile := filepath.Join(dir, "tile")
	if err := os.Rename(tile, tile+".away"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(tile, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	n.sealMany(t, 10, "b")
	if err := <-n.done; err == nil {
		t.Fatal("it did not notice")
	}
	if err := n.tlog.Run(t.Context()); err == nil {
		t.Fatal("it ran on nothing")
	}
	if err := os.Remove(tile); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(tile+".away", tile); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- n.tlog.Run(ctx) }()
	n.awaitSize(t, 310)
	again := func() {
		t.Helper()
		cancel()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		ctx, cancel = context.WithCancel(context.Background())
		go func() { done <- n.tlog.Run(ctx) }()
	}
	// Partial files under a full tile are gone, those of the unfinished one are there.
	if _, err := os.Stat(filepath.Join(dir, layout.TilePath(0, 0, 0)+".p")); !os.IsNotExist(err) {
		t.Errorf("superseded partial tiles stay: %v", err)
	}
	// The tile at the edge is lost, as in a power failure: the log is made anew.
	again()
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, layout.TilePath(1, 0, 1))); err != nil {
		t.Fatal(err)
	}
	ctx, cancel = context.WithCancel(context.Background())
	go func() { done <- n.tlog.Run(ctx) }()
	n.sealMany(t, 1, "c")
	n.awaitSize(t, 311)
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	n.cancel()
	if err := <-n.done; err != nil {
		t.Fatal(err)
	}
	r, err := Fsck(t.Context(), n.dir, n.keys.Evidence.Public(), testLog(), n.v)
	if err != nil || len(r.Findings) > 0 || r.Logged != 311 {
		t.Errorf("fsck: %+v %v", r, err)
	}
}
