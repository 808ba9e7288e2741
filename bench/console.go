package bench

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"sort"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/kuayu/kuayu/demo"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/node"
	"github.com/kuayu/kuayu/support/evidence"
	"github.com/kuayu/kuayu/support/federation"
	"github.com/kuayu/kuayu/support/seal"
)

const (
	promisedPage = 50.0 // milliseconds, p95 of the slowest page
	pageLooks    = 60   // of each page
	openCases    = 500  // applications that wait, with their clocks
	sealers      = 256
)

// consoleBench measures pages of the officers' console at a node with 100,000 resources, 10,000 agreements and 1,000,000
// exchanges, all of them of one department: the time from the request to the last byte, one visitor, pages in turn. The
// baseline is a bare handler behind the same TLS that has as many bytes in memory. Entries scales it: exchanges, a tenth of
// them resources, a hundredth agreements.
func consoleBench(ctx context.Context, o Options) (*Result, error) {
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
	pages, took, err := seedConsole(ctx, c, o)
	if err != nil {
		return nil, err
	}
	keys, err := federation.GenerateKeys(dir+"/bare", "bare", seal.Ed25519SHA256, time.Now())
	if err != nil {
		return nil, err
	}
	id, err := federation.NewIdentity(keys, "bare", "1", []string{"localhost"}, time.Now())
	if err != nil {
		return nil, err
	}
	var size atomic.Int64
	filler := make([]byte, 1<<20)
	bare, err := listen(federation.StaffTLS(id), http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write(filler[:size.Load()])
	}))
	if err != nil {
		return nil, err
	}
	theirs := &arm{URL: "https://" + bare, CA: keys.BundlePEM()}
	there, err := httpClient(theirs, 1)
	if err != nil {
		return nil, err
	}
	ours := &arm{URL: "https://" + c.Node("jiangsu").Addr("staff"), CA: c.Node("jiangsu").Keys.BundlePEM()}
	here, err := httpClient(ours, 1)
	if err != nil {
		return nil, err
	}
	here.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	var all, base []float64
	slow := map[string]float64{}
	bytes := map[string]int{}
	for at, p := range pages {
		o.Progress(p.actor+" "+p.path, at, len(pages))
		token, _, err := c.Node("jiangsu").Identity.OpenFor(ctx, p.actor)
		if err != nil {
			return nil, err
		}
		var mine []float64
		for i := range pageLooks + 3 {
			ms, n, err := look(ctx, here, ours.URL+p.path, token)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", p.path, err)
			}
			size.Store(int64(n))
			b, _, err := look(ctx, there, theirs.URL+"/", "")
			if err != nil {
				return nil, err
			}
			if i >= 3 { // connections, prepared statements
				mine, base, bytes[p.path] = append(mine, ms), append(base, b), n
			}
		}
		sortFloats(mine)
		slow[p.actor+" "+p.path] = percentile(mine, 95)
		all = append(all, mine...)
	}
	sortFloats(all)
	sortFloats(base)
	worst := make([]string, 0, len(slow))
	for p := range slow {
		worst = append(worst, p)
	}
	sort.Slice(worst, func(i, j int) bool { return slow[worst[i]] > slow[worst[j]] })
	r := &Result{Bench: "console", Load: Load{Connections: 1, Rounds: pageLooks}}
	r.Ours = Arm{Throughput: round(1000/mean(all), 1), Unit: "pages/s, one after the other", P50: percentile(all, 50), P99: percentile(all, 99)}
	r.Baseline = &Arm{Throughput: round(1000/mean(base), 1), Unit: "pages/s, one after the other", P50: percentile(base, 50), P99: percentile(base, 99)}
	ratio := round(r.Ours.Throughput/r.Baseline.Throughput, 4)
	r.Ratio = &ratio
	p95 := map[string]float64{}
	for _, p := range worst[:min(8, len(worst))] {
		p95[p] = slow[p]
	}
	r.More = map[string]any{
		"p95_ms": percentile(all, 95), "slowest_pages_p95_ms": p95, "pages": len(pages), "looks_each": pageLooks, "html_bytes": bytes,
		"resources": o.Entries / 10, "agreements": o.Entries / 100, "exchanges": o.Entries, "open_applications": openCases, "seeded_s": round(took.Seconds(), 1),
	}
	r.Promised = fmt.Sprintf("p95 ≤ %.0f ms on every page", promisedPage)
	r.Met = slow[worst[0]] <= promisedPage
	return r, nil
}

func mean(f []float64) float64 {
	sum := 0.0
	for _, x := range f {
		sum += x
	}
	return sum / float64(max(len(f), 1))
}

// look reads a page to its last byte and returns how long that took, in milliseconds, and its size.
func look(ctx context.Context, cl *http.Client, address, token string) (float64, int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return 0, 0, err
	}
	if token != "" {
		req.Header.Set("Cookie", "__Host-kuayu_session="+token)
	}
	start := time.Now()
	res, err := cl.Do(req)
	if err != nil {
		return 0, 0, err
	}
	b, err := io.ReadAll(res.Body)
	took := float64(time.Since(start)) / float64(time.Millisecond)
	_ = res.Body.Close()
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %d", res.StatusCode)
	}
	return took, len(b), err
}

// shown is a page and who looks at it.
type shown struct{ actor, path string }

// seedConsole fills Jiangsu and returns the pages that are measured, and how long filling took.
func seedConsole(ctx context.Context, c *demo.Cluster, o Options) ([]shown, time.Duration, error) {
	start, n := time.Now(), c.Node("jiangsu")
	agreement, err := copies(ctx, n, o.Entries/10, o.Entries/100)
	if err != nil {
		return nil, 0, err
	}
	if err := openMany(ctx, c, openCases); err != nil {
		return nil, 0, err
	}
	last, err := sealMany(ctx, n, o)
	if err != nil {
		return nil, 0, err
	}
	o.Progress("index", 0, 1)
	if _, err := n.Index.Project(ctx); err != nil {
		return nil, 0, err
	}
	if err := awaitCopy(ctx, n, o.Entries/10); err != nil {
		return nil, 0, err
	}
	entry := "/" + url.PathEscape("bench/r000077")
	officer := []string{
		"/workbench", "/inbox", "/catalog", "/catalog?q=" + url.QueryEscape("记录"), "/catalog/jiangsu" + entry, "/applications", "/applications?state=ACTIVE", "/applications/" + agreement,
		"/resources", "/resources?state=published", "/resources" + entry, "/demands", "/corrections", "/disputes", "/schemes", "/exchanges", "/exchanges?outcome=failed",
		"/exchanges?outcome=gateway.quota", "/exchanges/" + last, "/evidence", "/evidence/" + url.PathEscape(last+"#query.serve"), "/evidence/logs", "/usage", "/screen",
		"/agreements/" + agreement, "/share", "/demands/new", "/schemes/new",
	}
	var out []shown
	for _, p := range officer {
		out = append(out, shown{"officer-js", p})
	}
	for _, p := range []string{"/workbench", "/oversight", "/exchanges", "/exchanges?outcome=failed", "/evidence", "/resources?state=review", "/register", "/withheld", "/responsibilities", "/screen", "/members", "/schemes"} {
		out = append(out, shown{"authority", p})
	}
	for _, p := range []string{"/members", "/people", "/sign-ins", "/setup", "/sources", "/webhooks"} {
		out = append(out, shown{"operator", p})
	}
	return out, time.Since(start), nil
}

// copies makes many of the one resource and the one agreement there are, row by row as the packages wrote them, and returns the
// id of one of the agreements.
func copies(ctx context.Context, n *node.Node, resources, agreements int) (string, error) {
	const caseColumns = "kind, id, side, number, department, member, peer, ref, subject, title, state, turn, due, format, doc, created, updated"
	const series = "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < ?) "
	const code = "'bench/r' || printf('%06d', s.n)"
	const named = "replace(replace(doc, 'bench/records', " + code + "), '基准记录', '基准记录' || s.n)"
	var of string
	err := n.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		for _, q := range []struct {
			text  string
			count int
		}{
			{"INSERT INTO catalog_resource (code, department, name, state, version, doc, source, source_table, published, withheld) " + series + "SELECT " + code + ", department, name || s.n, state, version, " + named + ", source, source_table, published, withheld FROM catalog_resource, s WHERE code = 'bench/records'", resources},
			{"INSERT INTO process_case (" + caseColumns + ") " + series + "SELECT kind, " + code + ", side, number, department, member, peer, ref, subject || s.n, title || s.n, state, turn, due, format, " + named + ", created, updated + s.n FROM process_case, s WHERE kind = 'catalog' AND id = 'bench/records'", resources},
			{"INSERT INTO catalog_item (code, stage, name, department, title, title_key, element) " + series + "SELECT " + code + ", stage, name, department, title || s.n, title_key || s.n, element FROM catalog_item, s WHERE code = 'bench/records'", resources},
			{"INSERT INTO catalog_version (code, version, department, doc, time, actor, published) " + series + "SELECT " + code + ", version, department, " + named + ", time, actor, published FROM catalog_version, s WHERE code = 'bench/records'", resources},
			{"INSERT INTO catalog_change (seq, code, time) " + series + "SELECT (SELECT max(seq) FROM catalog_change) + s.n, " + code + ", (SELECT max(time) FROM catalog_change) FROM s", resources},
			{"INSERT INTO agreement_document (negotiation, bytes, lease_until) " + series + "SELECT negotiation || '-' || s.n, bytes, lease_until FROM agreement_document, s", agreements},
			{"INSERT INTO process_step (id, kind, case_id, side, time, actor, event, from_state, to_state, note) " + series + "SELECT id || '-' || s.n, kind, case_id || '-' || s.n, side, time, actor, event, from_state, to_state, note FROM process_step, s WHERE kind = 'agreement'", agreements},
			{"INSERT INTO process_case (" + caseColumns + ") " + series + "SELECT kind, id || '-' || s.n, side, number, department, member, peer || '-' || s.n, ref || '-' || s.n, 'bench/r' || printf('%06d', s.n), title, state, turn, due, format, replace(replace(replace(doc, id, id || '-' || s.n), ref, ref || '-' || s.n), 'bench/records', 'bench/r' || printf('%06d', s.n)), created, updated + s.n FROM process_case, s WHERE kind = 'agreement' AND subject = 'bench/records'", agreements},
		} {
			if _, err := tx.NewRaw(q.text, q.count).Exec(ctx); err != nil {
				return fmt.Errorf("fill: %w", err)
			}
		}
		if err := n.Search.CatalogChanged(ctx, tx); err != nil {
			return err
		}
		return tx.NewRaw("SELECT id FROM process_case WHERE kind = 'agreement' AND subject = 'bench/r000042'").Scan(ctx, &of)
	})
	return of, err
}

// sealMany seals what a provider seals of exchanges: one in a thousand fails. It returns the last id.
func sealMany(ctx context.Context, n *node.Node, o Options) (string, error) {
	var agreements []string
	if err := n.DB.Read().NewRaw("SELECT ref FROM process_case WHERE kind = 'agreement' AND ref <> '' ORDER BY id").Scan(ctx, &agreements); err != nil {
		return "", fmt.Errorf("fill: %w", err)
	}
	now, giver, taker := time.Now(), demo.Department("320000", 1), demo.Department("310000", 1)
	id := func(i int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", i) }
	var g errgroup.Group
	var next atomic.Int64
	var show sync.Mutex
	for range sealers {
		g.Go(func() error {
			for {
				i := int(next.Add(1)) - 1
				if i >= o.Entries {
					return nil
				}
				h := evidence.Header{
					To: "shanghai", ToDept: taker, Request: id(i), Agreement: agreements[i%len(agreements)], Outcome: "ok", Rows: 1, Bytes: 1200, Took: int64(800 + i%4000), Purpose: "bench",
				}
				if i%1000 == 7 {
					h.Outcome, h.Rows, h.Bytes = "gateway.rate", 0, 0
				}
				at := now.Add(-time.Duration(o.Entries-i) * (36 * time.Hour / time.Duration(o.Entries)))
				if _, err := n.Log.Seal(ctx, evidence.Draft{Kind: "query.serve", ID: id(i), Time: at, Actor: seal.Actor{Department: giver}, Header: h.Encode()}); err != nil {
					return err
				}
				if i%100_000 == 0 {
					show.Lock()
					o.Progress("exchanges", i, o.Entries)
					show.Unlock()
				}
			}
		})
	}
	return id(o.Entries - 1), g.Wait()
}

// awaitCopy waits until the searchable copy has the node's own entries.
func awaitCopy(ctx context.Context, n *node.Node, want int) error {
	for end := time.Now().Add(5 * time.Minute); time.Now().Before(end); time.Sleep(time.Second) {
		if e, err := n.Search.Entry(ctx, "jiangsu", fmt.Sprintf("bench/r%06d", want)); err == nil && e != nil {
			return nil
		}
	}
	return fmt.Errorf("the catalogue's copy is not there after five minutes")
}
