package bench

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/kuayu/kuayu/demo"
	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/support/policy"
)

const (
	promisedNegotiation = 100.0 // milliseconds, p50
	promisedIdle        = 0.5   // percent of one core, more than without any
	openNegotiations    = 10_000
	idleSeconds         = 10.0
)

// negotiationBench measures an application from its consent to FINALIZED at both ends, under a standing consent so that no
// person is in between; then what 10,000 open negotiations cost two nodes that do nothing. There is no baseline: nothing
// bare negotiates.
func negotiationBench(ctx context.Context, o Options) (*Result, error) {
	dir, err := os.MkdirTemp("", "kuayu-bench-")
	if err != nil {
		return nil, fmt.Errorf("bench folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	c, err := demo.Start(ctx, demo.Settings{Dir: dir, Places: demo.Places()[:2]})
	if err != nil {
		return nil, err
	}
	defer c.Stop()
	if _, err := prepare(ctx, c, o.Payload); err != nil {
		return nil, err
	}
	n := int(max(20, 40*o.Seconds))
	lat := make([]float64, 0, n)
	for i := range n {
		if i%20 == 0 {
			o.Progress("negotiations", i, n)
		}
		ms, err := oneNegotiation(ctx, c)
		if err != nil {
			return nil, err
		}
		lat = append(lat, ms)
	}
	sortFloats(lat)
	quiet := func() (float64, error) {
		time.Sleep(3 * time.Second) // what was done before settles: index, checkpoint
		o.Progress("idle", 0, 1)
		return ownCPU(time.Duration(idleSeconds * float64(time.Second)))
	}
	without, err := quiet()
	if err != nil {
		return nil, err
	}
	o.Progress("open negotiations", 0, 1)
	if err := openMany(ctx, c, openNegotiations); err != nil {
		return nil, err
	}
	with, err := quiet()
	if err != nil {
		return nil, err
	}
	more := max(0, 100*(with-without))
	r := &Result{Bench: "negotiation", Reason: "nothing bare negotiates", Load: Load{Connections: 1, Rounds: 1, Seconds: o.Seconds}}
	r.Ours = Arm{Throughput: round(1000/percentile(lat, 50), 1), Unit: "negotiations/s, one after the other", P50: percentile(lat, 50), P99: percentile(lat, 99)}
	r.More = map[string]any{
		"negotiations": n, "open_negotiations": openNegotiations, "idle_seconds": idleSeconds, "idle_percent_of_a_core": round(100*with, 2), "idle_percent_without": round(100*without, 2),
		"nodes_in_this_process": 2,
	}
	r.Promised = fmt.Sprintf("p50 ≤ %.0f ms, %d open ones cost ≤ %.1f %% of a core when idle", promisedNegotiation, openNegotiations, promisedIdle)
	r.Met = r.Ours.P50 <= promisedNegotiation && more <= promisedIdle
	return r, nil
}

func benchApplication(c *demo.Cluster, fields ...string) agreement.Application {
	return agreement.Application{
		Provider: "jiangsu", Resource: "bench/records", Basis: policy.Basis{Kind: "duty", Citation: "809 号令第二十条"}, Purposes: []string{"bench"}, Scenario: "基准测试", Scope: "本机",
		Modes: []policy.Mode{policy.ModeQuery}, Fields: fields, ValidUntil: c.Clock.Now().AddDate(0, 0, 7), Declared: true,
	}
}

// oneNegotiation applies, consents, and waits until both ends are in force; it counts from the consent, in milliseconds.
func oneNegotiation(ctx context.Context, c *demo.Cluster) (float64, error) {
	var n agreement.Negotiation
	if err := as(ctx, c, "shanghai", "officer-sh", "/api/v1/applications", benchApplication(c, "id", "name"), &n); err != nil {
		return 0, err
	}
	head, err := c.As(ctx, "shanghai", "head-sh")
	if err != nil {
		return 0, err
	}
	start := time.Now()
	if err := head.Call(ctx, http.MethodPost, "/api/v1/applications/"+n.ID+"/consent", nil, nil); err != nil {
		return 0, err
	}
	mine := c.Node("shanghai").Agreements
	for time.Since(start) < 20*time.Second {
		got, err := mine.Get(ctx, db.System("bench"), n.ID)
		if err != nil {
			return 0, err
		}
		if got.State == agreement.Active { // the consumer hears of it last
			return float64(time.Since(start)) / float64(time.Millisecond), nil
		}
		time.Sleep(time.Millisecond)
	}
	return 0, fmt.Errorf("negotiation %s did not end in 20 s", n.ID)
}

// openMany leaves applications at the provider that nobody answers.
func openMany(ctx context.Context, c *demo.Cluster, many int) error {
	jiangsu := c.Node("jiangsu")
	const step = 500
	for done := 0; done < many; done += step {
		err := jiangsu.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			for i := range step {
				a := benchApplication(c, "payload", "id")
				a.ValidUntil = c.Clock.Now().AddDate(5, 0, 0) // longer than the standing consent covers
				if _, err := jiangsu.Agreements.OnRequest(ctx, tx, policy.Party{Member: "shanghai", Department: demo.Department("310000", 1)}, fmt.Sprintf("open-%d", done+i), "", a); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	for {
		n, err := jiangsu.Queue.Ready(ctx)
		if err != nil || n == 0 {
			return err
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// ownCPU is this process's use of processors over a while, in cores.
func ownCPU(d time.Duration) (float64, error) {
	before, err := usage()
	if err != nil {
		return 0, err
	}
	time.Sleep(d)
	after, err := usage()
	return (after - before).Seconds() / d.Seconds(), err
}
