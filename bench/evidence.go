package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/kuayu/kuayu/internal/disk"
	"github.com/kuayu/kuayu/support/evidence"
	"github.com/kuayu/kuayu/support/seal"
)

const (
	promisedFacts = 20_000.0
	promisedLone  = 2.0
)

// evidenceBench seals facts: many callers with one outstanding each, and one lone caller. The baseline is the naive
// log: each fact written and flushed by itself.
func evidenceBench(ctx context.Context, o Options) (*Result, error) {
	dir, err := os.MkdirTemp("", "kuayu-bench-")
	if err != nil {
		return nil, fmt.Errorf("bench folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	key, err := seal.GenerateKey(seal.Ed25519SHA256)
	if err != nil {
		return nil, err
	}
	l, err := evidence.OpenLog(evidence.Config{Dir: dir, FS: disk.OS{}, Key: key, Log: seal.Log{Node: "bench", Instance: "1", Epoch: 1}})
	if err != nil {
		return nil, err
	}
	run, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- l.Run(run) }()
	defer func() {
		cancel()
		<-done //nolint:errcheck // the figures are taken; a failed log shows in the errors counted
	}()
	naive, err := newNaive(filepath.Join(dir, "naive"))
	if err != nil {
		return nil, err
	}
	body := make([]byte, o.Payload)
	f := func(ctx context.Context, c, i int) error {
		_, err := l.Seal(ctx, evidence.Draft{Kind: "bench", ID: fmt.Sprintf("%d/%d", c, i), Body: body})
		return err
	}
	b := func(context.Context, int, int) error { return naive.append(body) }
	d := time.Duration(o.Seconds * float64(time.Second))
	r := &Result{Bench: "evidence", Load: Load{Connections: o.Connections, Payload: o.Payload, Rounds: o.Rounds, Seconds: o.Seconds}, Baseline: &Arm{Unit: "facts/s"}}
	r.Ours.Unit = "facts/s"
	_, _, _ = saturate(ctx, o.Connections, d/4, f)
	before := l.Stats()
	var ro, rb float64
	for i := range o.Rounds {
		o.Progress("64 callers", i, o.Rounds)
		x, e, _ := saturate(ctx, o.Connections, d, f)
		ro, r.Ours.Errors = ro+x, r.Ours.Errors+e
		x, e, _ = saturate(ctx, o.Connections, d, b)
		rb, r.Baseline.Errors = rb+x, r.Baseline.Errors+e
	}
	after := l.Stats()
	time.Sleep(50 * time.Millisecond)
	var lone []float64
	o.Progress("one caller", 0, 1)
	for end, i := time.Now().Add(d), 0; time.Now().Before(end); i++ {
		t := time.Now()
		if err := f(ctx, -1, i); err != nil {
			return nil, err
		}
		lone = append(lone, float64(time.Since(t))/float64(time.Millisecond))
	}
	sortFloats(lone)
	r.Ours.Throughput, r.Baseline.Throughput = round(ro/float64(o.Rounds), 1), round(rb/float64(o.Rounds), 1)
	ratio := round(ro/rb, 2)
	r.Ratio = &ratio
	r.Ours.P50, r.Ours.P99 = percentile(lone, 50), percentile(lone, 99)
	r.More = map[string]any{
		"facts": after.Facts - before.Facts, "fdatasync": after.Flushes - before.Flushes, "bytes": after.Bytes - before.Bytes,
		"facts_per_fdatasync": round(float64(after.Facts-before.Facts)/float64(max(1, after.Flushes-before.Flushes)), 1),
		"baseline_fdatasync":  naive.syncs, "latency": "one lone caller",
	}
	r.Promised = fmt.Sprintf("≥ %.0f durable facts/s with %d callers, lone caller p50 ≤ %.0f ms", promisedFacts, o.Connections, promisedLone)
	r.Met = r.Ours.Throughput >= promisedFacts && r.Ours.P50 <= promisedLone && r.Ours.Errors == 0
	return r, nil
}

// naive writes and flushes each fact by itself.
type naive struct {
	mu    sync.Mutex
	f     disk.File
	off   int64
	syncs int
}

func newNaive(path string) (*naive, error) {
	f, err := disk.OS{}.Open(path, true)
	return &naive{f: f}, err
}

func (n *naive) append(b []byte) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if _, err := n.f.WriteAt(b, n.off); err != nil {
		return err
	}
	n.off += int64(len(b))
	n.syncs++
	return n.f.Datasync()
}
