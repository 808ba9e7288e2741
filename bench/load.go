package bench

import (
	"context"
	"math"
	"sort"
	"sync"
	"sync/atomic"
	"time"
)

// op does one operation; i numbers the operations of a caller.
type op func(ctx context.Context, caller, i int) error

// saturate runs callers in a closed loop for d and returns completed operations per second and errors.
func saturate(ctx context.Context, callers int, d time.Duration, f op) (rate float64, errs, n int64) {
	var done, failed atomic.Int64
	ctx, cancel := context.WithTimeout(ctx, d+30*time.Second)
	defer cancel()
	start := time.Now()
	end := start.Add(d)
	var wg sync.WaitGroup
	for c := range callers {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := 0; time.Now().Before(end) && ctx.Err() == nil; i++ {
				if f(ctx, c, i) != nil {
					failed.Add(1)
					continue
				}
				done.Add(1)
			}
		}()
	}
	wg.Wait()
	return float64(done.Load()) / time.Since(start).Seconds(), failed.Load(), done.Load()
}

// openLoop starts operations at a fixed rate whatever their latency, and measures each from the moment it was due: a
// stall counts for everybody it made wait. It returns latencies in milliseconds, sorted.
func openLoop(ctx context.Context, rate float64, d time.Duration, f op) ([]float64, int64) {
	n := int(rate * d.Seconds())
	lat := make([]float64, n)
	var failed atomic.Int64
	var wg sync.WaitGroup
	gate := make(chan struct{}, 1024)
	start := time.Now()
	gap := float64(time.Second) / rate
	for i := range n {
		due := start.Add(time.Duration(float64(i) * gap))
		if wait := time.Until(due); wait > 0 {
			time.Sleep(wait)
		}
		gate <- struct{}{}
		wg.Add(1)
		go func() {
			defer wg.Done()
			if f(ctx, i%1024, i) != nil {
				failed.Add(1)
			}
			lat[i] = float64(time.Since(due)) / float64(time.Millisecond)
			<-gate
		}()
	}
	wg.Wait()
	sort.Float64s(lat)
	return lat, failed.Load()
}

// percentile of sorted values, p in 0–100.
func percentile(sorted []float64, p float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	i := int(math.Ceil(p/100*float64(len(sorted)))) - 1
	return math.Round(sorted[max(0, i)]*1000) / 1000
}

func round(f float64, digits int) float64 {
	m := math.Pow10(digits)
	return math.Round(f*m) / m
}
