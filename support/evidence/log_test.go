package evidence

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/kuayu/kuayu/internal/disk"
	"github.com/kuayu/kuayu/internal/disk/crashdisk"
	"github.com/kuayu/kuayu/support/seal"
)

func testKey(t testing.TB) *seal.PrivateKey {
	t.Helper()
	k, err := seal.GenerateKey(seal.Ed25519SHA256)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func testLog() seal.Log { return seal.Log{Node: "zhejiang", Instance: "1", Epoch: 1} }

// running opens a log on fs and runs it until the returned stop is called.
func running(t testing.TB, fs disk.FS, dir string, k *seal.PrivateKey) (*Log, func() error) {
	t.Helper()
	l, err := OpenLog(Config{Dir: dir, FS: fs, Key: k, Log: testLog(), SegmentBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx) }()
	return l, func() error { cancel(); return <-done }
}

// TestNothingAcknowledgedIsLost cuts the power at random points, drops what was not flushed, restarts, and looks for
// every fact whose Seal had returned. 500 cuts.
func TestNothingAcknowledgedIsLost(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 7))
	k := testKey(t)
	for round := range 50 {
		d := crashdisk.New()
		acked := map[string]*Record{}
		var mu sync.Mutex
		for cut := range 10 {
			l, err := OpenLog(Config{Dir: "/e", FS: d, Key: k, Log: testLog(), MaxGap: 200 * time.Microsecond, SegmentBytes: 8 << 10})
			if err != nil {
				t.Fatalf("round %d cut %d: %v", round, cut, err)
			}
			found := map[string]bool{}
			if err := l.Replay(0, func(rec *Record) error {
				f, err := rec.Sealed.Open(k.Public(), nil)
				if err != nil {
					return err
				}
				if f.Suite.Body(rec.BodySalt, rec.Body) != f.BodyHash {
					return errors.New("body does not match")
				}
				found[f.ID] = true
				return nil
			}); err != nil {
				t.Fatalf("round %d cut %d: replay: %v", round, cut, err)
			}
			for id := range acked {
				if !found[id] {
					t.Fatalf("round %d cut %d: acknowledged fact %s is gone", round, cut, id)
				}
			}
			d.CutAfter(1 + r.IntN(40))
			ctx, cancel := context.WithCancel(context.Background())
			var wg sync.WaitGroup
			done := make(chan error, 1)
			go func() { done <- l.Run(ctx) }()
			for c := range 1 + r.IntN(8) {
				wg.Add(1)
				go func() {
					defer wg.Done()
					for i := 0; ; i++ {
						id := fmt.Sprintf("%d-%d-%d", cut, c, i)
						rec, err := l.Seal(ctx, Draft{Kind: "test", ID: id, Body: []byte(id)})
						if err != nil {
							return
						}
						mu.Lock()
						acked[id] = rec
						mu.Unlock()
					}
				}()
			}
			wg.Wait()
			cancel()
			<-done //nolint:errcheck // the disk may have failed
			d.Crash(r)
		}
	}
}

// TestDamageIsNamed flips one byte anywhere in a closed segment: opening the log refuses and says where, unless the
// damage is confined to the last batch, which looks like a torn write; fsck names that too.
func TestDamageIsNamed(t *testing.T) {
	k := testKey(t)
	d := crashdisk.New()
	l, stop := running(t, d, "/e", k)
	for i := range 20 {
		if _, err := l.Seal(t.Context(), Draft{Kind: "test", ID: fmt.Sprint(i), Body: []byte("body")}); err != nil {
			t.Fatal(err)
		}
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	name := segmentName("/e/segments", 0)
	var last int64
	if err := walk(d, "/e/segments", func(s *stored) (bool, error) { last = s.off; return true, nil }); err != nil {
		t.Fatal(err)
	}
	for off := int64(0); off < last; off += 13 {
		d.Flip(name, off)
		_, err := OpenLog(Config{Dir: "/e", FS: d, Key: k, Log: testLog()})
		if !errors.Is(err, ErrCorrupt) {
			t.Fatalf("byte %d flipped: %v", off, err)
		}
		d.Flip(name, off)
	}
}

func TestEraseLeavesTheRestValid(t *testing.T) {
	k := testKey(t)
	d := crashdisk.New()
	l, stop := running(t, d, "/e", k)
	defer func() { _ = stop() }()
	secret, err := l.Seal(t.Context(), Draft{Kind: "test", ID: "secret", Body: []byte("very private")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Seal(t.Context(), Draft{Kind: "test", ID: "other"}); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Erase(t.Context(), secret.Batch, int(secret.Sealed.Index), Draft{Kind: "fact.erased", ID: "e1"}); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Get(secret.Batch, int(secret.Sealed.Index)); !errors.Is(err, ErrErased) {
		t.Fatalf("erased fact: %v", err)
	}
	if b := string(d.Bytes(segmentName("/e/segments", 0))); contains(b, "very private") || contains(b, string(secret.Sealed.Salt[:])) {
		t.Fatal("content or salt still on disk")
	}
	n := 0
	if err := l.Replay(0, func(*Record) error { n++; return nil }); err != nil || n != 2 {
		t.Fatalf("replay after erasure: %d facts, %v", n, err)
	}
}

func contains(s, sub string) bool {
	for i := 0; i+len(sub) <= len(s); i++ {
		if s[i:i+len(sub)] == sub {
			return true
		}
	}
	return false
}

func BenchmarkSeal(b *testing.B) {
	for _, callers := range []int{1, 16, 64} {
		b.Run(fmt.Sprint(callers), func(b *testing.B) {
			l, stop := running(b, disk.OS{}, b.TempDir(), testKey(b))
			defer func() { _ = stop() }()
			body := make([]byte, 200)
			b.ResetTimer()
			var wg sync.WaitGroup
			for c := range callers {
				wg.Add(1)
				go func() {
					defer wg.Done()
					for i := c; i < b.N; i += callers {
						if _, err := l.Seal(context.Background(), Draft{Kind: "bench", ID: fmt.Sprint(i), Body: body}); err != nil {
							b.Error(err)
							return
						}
					}
				}()
			}
			wg.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "facts/s")
			b.ReportMetric(float64(b.N)/float64(max(1, l.Stats().Flushes)), "facts/flush")
		})
	}
}

// TestBriefScan: whoever keeps nothing is shown the same as whoever keeps everything, also where batches are larger than
// what is read at once.
func TestBriefScan(t *testing.T) {
	l, stop := running(t, crashdisk.New(), "/e", testKey(t))
	defer func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
	}()
	for i := range 200 {
		body := bytes.Repeat([]byte{byte(i)}, []int{10, 5_000, 60_000, 300_000}[i%4])
		if _, err := l.Seal(t.Context(), Draft{Kind: "test", ID: fmt.Sprint(i), Body: body}); err != nil {
			t.Fatal(err)
		}
	}
	sum := func(scan func(uint64, func(*stored) (bool, error)) error) (n int, digest [32]byte) {
		h := sha256.New()
		if err := scan(0, func(s *stored) (bool, error) {
			_, _ = h.Write(s.rawEntry)
			for i := range s.facts {
				_, _ = h.Write(s.facts[i].fact)
				_, _ = h.Write(s.facts[i].body)
				n++
			}
			return true, nil
		}); err != nil {
			t.Fatal(err)
		}
		return n, [32]byte(h.Sum(nil))
	}
	n, whole := sum(l.scan)
	m, brief := sum(l.scanBriefly)
	if n != 200 || m != n || whole != brief {
		t.Errorf("%d facts, briefly %d; the same: %v", n, m, whole == brief)
	}
}
