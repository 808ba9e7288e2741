package bench

import (
	"bytes"
	"context"
	"crypto/x509"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/kuayu/kuayu/api/client"
	"github.com/kuayu/kuayu/api/rest"
	"github.com/kuayu/kuayu/demo"
	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/exchange/catalog"
	"github.com/kuayu/kuayu/exchange/source"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/policy"
)

const (
	records        = 50_000
	promisedRatio  = 0.45
	promisedAddP99 = 10.0
)

// exchange compares a governed two-node query of one indexed record with the bare chain: client → TLS → reverse proxy →
// mutual TLS → reverse proxy → a handler that has the record in memory.
func exchange(ctx context.Context, o Options) (*Result, error) {
	if o.Target != "" {
		return target(ctx, o)
	}
	r := &Result{Bench: "exchange", Load: Load{Connections: o.Connections, Payload: o.Payload, Rounds: o.Rounds, Seconds: o.Seconds}}
	o.Progress("start", 0, 1)
	ours, err := startChild(ctx, "ours", fmt.Sprint(o.Payload))
	if err != nil {
		return nil, err
	}
	defer func() { _ = ours.stop() }()
	bare, err := startChild(ctx, "bare", fmt.Sprint(o.Payload))
	if err != nil {
		return nil, err
	}
	defer func() { _ = bare.stop() }()
	fo, err := queryOp(&ours.at, o.Connections)
	if err != nil {
		return nil, err
	}
	fb, err := getOp(&bare.at, o.Connections)
	if err != nil {
		return nil, err
	}
	d := time.Duration(o.Seconds * float64(time.Second))
	_, _, _ = saturate(ctx, o.Connections, d/2, fo) // warm-up: connections, caches, prepared statements
	_, _, _ = saturate(ctx, o.Connections, d/2, fb)
	r.Ours.Unit, r.Baseline = "exchanges/s", &Arm{Unit: "requests/s"}
	var ro, rb float64
	var no, nb int64
	co, cb := ours.cpu(), bare.cpu()
	for i := range o.Rounds {
		o.Progress("saturate", i, o.Rounds)
		x, e, n := saturate(ctx, o.Connections, d, fo)
		ro, r.Ours.Errors, no = ro+x, r.Ours.Errors+e, no+n
		x, e, n = saturate(ctx, o.Connections, d, fb)
		rb, r.Baseline.Errors, nb = rb+x, r.Baseline.Errors+e, nb+n
	}
	co, cb = ours.cpu()-co, bare.cpu()-cb
	r.Ours.Throughput, r.Baseline.Throughput = round(ro/float64(o.Rounds), 1), round(rb/float64(o.Rounds), 1)
	r.Ours.CPU, r.Baseline.CPU = perOp(co, no), perOp(cb, nb)
	ratio := round(ro/rb, 3)
	r.Ratio = &ratio
	half := r.Ours.Throughput / 2
	r.Load.HalfRate = round(half, 1)
	var lo, lb []float64
	machine, err := newProbe()
	if err != nil {
		return nil, err
	}
	for i := range o.Rounds {
		o.Progress("latency", i, o.Rounds)
		if err := machine.round(); err != nil {
			return nil, err
		}
		l, e := openLoop(ctx, half, d, fo)
		lo, r.Ours.Errors = append(lo, l...), r.Ours.Errors+e
		l, e = openLoop(ctx, half, d, fb)
		lb, r.Baseline.Errors = append(lb, l...), r.Baseline.Errors+e
	}
	sortFloats(lo)
	sortFloats(lb)
	r.Ours.P50, r.Ours.P99 = percentile(lo, 50), percentile(lo, 99)
	r.Baseline.P50, r.Baseline.P99 = percentile(lb, 50), percentile(lb, 99)
	r.Ours.RSS, r.Baseline.RSS = round(ours.rss(), 1), round(bare.rss(), 1)
	added := round(r.Ours.P99-r.Baseline.P99, 3)
	r.More = map[string]any{"added_p99_ms": added}
	machine.close(r.More)
	r.Promised = fmt.Sprintf("ratio ≥ %.2f, added p99 ≤ %.0f ms", promisedRatio, promisedAddP99)
	r.Met = ratio >= promisedRatio && added <= promisedAddP99 && r.Ours.Errors == 0
	return r, nil
}

func perOp(d time.Duration, n int64) float64 {
	if n == 0 {
		return 0
	}
	return round(float64(d.Microseconds())/float64(n), 1)
}

// target runs the query workload against nodes that run elsewhere.
func target(ctx context.Context, o Options) (*Result, error) {
	if o.Token == "" || o.Agreement == "" || o.Plan == "" {
		return nil, ErrTarget.With()
	}
	plan, err := os.ReadFile(o.Plan)
	if err != nil {
		return nil, ErrTarget.Because(err)
	}
	var ca []byte
	if o.CA != "" {
		if ca, err = os.ReadFile(o.CA); err != nil {
			return nil, ErrTarget.Because(err)
		}
	}
	a := &arm{URL: o.Target, Token: o.Token, Agreement: o.Agreement, CA: string(ca)}
	cl, err := httpClient(a, o.Connections)
	if err != nil {
		return nil, err
	}
	f := post(cl, a, func() []byte { return plan })
	d := time.Duration(o.Seconds * float64(time.Second))
	r := &Result{Bench: "exchange", Reason: "against a target there is no baseline in the same run", Load: Load{Connections: o.Connections, Payload: o.Payload, Rounds: 1, Seconds: o.Seconds}, Promised: "none", Met: true}
	rate, e, _ := saturate(ctx, o.Connections, d, f)
	r.Ours = Arm{Throughput: round(rate, 1), Unit: "exchanges/s", Errors: e}
	l, e := openLoop(ctx, max(rate/2, 1), d, f)
	r.Ours.P50, r.Ours.P99, r.Ours.Errors = percentile(l, 50), percentile(l, 99), r.Ours.Errors+e
	return r, nil
}

func httpClient(a *arm, conns int) (*http.Client, error) {
	var pool *x509.CertPool
	if a.CA != "" {
		pool = x509.NewCertPool()
		if !pool.AppendCertsFromPEM([]byte(a.CA)) {
			return nil, errors.New("arm sent no certificate")
		}
	}
	cl := client.New(a.URL, pool).HTTP
	t, _ := cl.Transport.(*http.Transport)
	// As many connections as the run is for, also under open-loop load: a stall must not turn into a storm of handshakes.
	t.MaxIdleConnsPerHost, t.MaxConnsPerHost = conns, conns
	if strings.Contains(a.URL, "127.0.0.1") {
		t.TLSClientConfig.ServerName = "localhost"
	}
	return cl, nil
}

// queryOp asks for one random record.
func queryOp(a *arm, conns int) (op, error) {
	cl, err := httpClient(a, conns)
	if err != nil {
		return nil, err
	}
	return post(cl, a, func() []byte {
		return fmt.Appendf(nil, `{"purpose":"bench","plan":{"where":{"op":"eq","item":"id","values":[%d]}}}`, rand.IntN(a.Records)) //nolint:gosec // load, not secrets
	}), nil
}

func post(cl *http.Client, a *arm, body func() []byte) op {
	u := a.URL + "/api/v1/agreements/" + a.Agreement + "/query"
	return func(ctx context.Context, _, _ int) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, u, bytes.NewReader(body()))
		if err != nil {
			return err
		}
		req.Header.Set("Authorization", "Bearer "+a.Token)
		req.Header.Set("Content-Type", "application/json")
		return finish(cl, req, `"count":1,`)
	}
}

func getOp(a *arm, conns int) (op, error) {
	cl, err := httpClient(a, conns)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, _, _ int) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("%s/record/%d", a.URL, rand.IntN(a.Records)), nil) //nolint:gosec // load, not secrets
		if err != nil {
			return err
		}
		return finish(cl, req, `"payload":`)
	}, nil
}

func finish(cl *http.Client, req *http.Request, want string) error {
	res, err := cl.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK || !bytes.Contains(b, []byte(want)) {
		return fmt.Errorf("status %d: %.200s", res.StatusCode, b)
	}
	return nil
}

// ServeOurs is the arm with two Kuayu nodes and an agreement between them.
// pprof, if not empty, is an address to serve profiles on.
func ServeOurs(ctx context.Context, payload int, pprof string) error {
	dir, err := os.MkdirTemp("", "kuayu-bench-")
	if err != nil {
		return fmt.Errorf("bench folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	c, err := demo.Start(ctx, demo.Settings{Dir: dir, Places: demo.Places()[:2]})
	if err != nil {
		return err
	}
	defer c.Stop()
	if pprof != "" {
		go servePprof(pprof)
	}
	a, err := prepare(ctx, c, payload)
	if err != nil {
		return err
	}
	return serveArm(*a)
}

// prepare fills Jiangsu with records and agrees with Shanghai on them.
func prepare(ctx context.Context, c *demo.Cluster, payload int) (*arm, error) {
	giver, taker := demo.Department("320000", 1), demo.Department("310000", 1)
	operator := identity.Actor{ID: "operator", Name: "运维", Kind: "officer", Roles: []identity.Role{identity.Operator}}
	if err := c.AddDepartment(ctx, "jiangsu", "js", giver, "江苏省数据部门", operator, demo.Regulator()); err != nil {
		return nil, err
	}
	if err := c.AddDepartment(ctx, "shanghai", "sh", taker, "上海市用数部门"); err != nil {
		return nil, err
	}
	path := filepath.Join(c.Dir, "records-bench.db")
	if err := fill(ctx, path, payload); err != nil {
		return nil, err
	}
	op, err := c.As(ctx, "jiangsu", "operator")
	if err != nil {
		return nil, err
	}
	if err := op.Call(ctx, http.MethodPost, "/api/v1/sources", map[string]any{"id": "b", "department": giver, "spec": source.Spec{Kind: source.KindSQLite, Location: path}}, nil); err != nil {
		return nil, err
	}
	res := catalog.Resource{
		Name: "基准记录", Provider: "江苏省数据部门", Abstract: "基准测试用的生成数据", Format: "database", UpdateCycle: "yearly", Sharing: catalog.Unconditional,
		Modes: []policy.Mode{policy.ModeQuery}, Conditions: "仅供测试", Class: "department", Grade: 2,
		Items: []catalog.Item{{Name: "id", Title: "编号", Type: "I", Grade: 1}, {Name: "name", Title: "姓名", Type: "C", Grade: 2, Mask: policy.Mask{Kind: policy.MaskName}}, {Name: "payload", Title: "内容", Type: "C", Grade: 1}},
	}
	code := "bench/records"
	if err := c.Publish(ctx, "jiangsu", "js", code, rest.ResourceRequest{Resource: res, Source: "b", Table: "record"}); err != nil {
		return nil, err
	}
	standing := agreement.Standing{Resource: code, Fields: []string{"id", "name", "payload"}, Modes: []policy.Mode{policy.ModeQuery}, MaxDays: 30, ValidUntil: c.Clock.Now().AddDate(0, 1, 0)}
	if err := as(ctx, c, "jiangsu", "head-js", "/api/v1/standing-consents", standing, nil); err != nil {
		return nil, err
	}
	app := agreement.Application{
		Provider: "jiangsu", Resource: code, Basis: policy.Basis{Kind: "duty", Citation: "809 号令第二十条"}, Purposes: []string{"bench"}, Scenario: "基准测试", Scope: "本机",
		Modes: []policy.Mode{policy.ModeQuery}, Fields: []string{"id", "name", "payload"}, ValidUntil: c.Clock.Now().AddDate(0, 0, 7), Declared: true,
	}
	var n agreement.Negotiation
	if err := as(ctx, c, "shanghai", "officer-sh", "/api/v1/applications", app, &n); err != nil {
		return nil, err
	}
	if err := as(ctx, c, "shanghai", "head-sh", "/api/v1/applications/"+n.ID+"/consent", nil, nil); err != nil {
		return nil, err
	}
	officer, err := c.As(ctx, "shanghai", "officer-sh")
	if err != nil {
		return nil, err
	}
	err = demo.Await(ctx, 20*time.Second, func() (bool, error) {
		err := officer.Call(ctx, http.MethodGet, "/api/v1/applications/"+n.ID, nil, &n)
		return n.State == agreement.Active, err
	})
	if err != nil {
		return nil, err
	}
	return &arm{URL: "https://" + c.Node("shanghai").Addr("staff"), Token: officer.Token, Agreement: n.Agreement, CA: c.Node("shanghai").Keys.BundlePEM(), Records: records}, nil
}

func as(ctx context.Context, c *demo.Cluster, member, actor, path string, in, out any) error {
	cl, err := c.As(ctx, member, actor)
	if err != nil {
		return err
	}
	return cl.Call(ctx, http.MethodPost, path, in, out)
}

func fill(ctx context.Context, path string, payload int) error {
	d, err := sql.Open("sqlite", path)
	if err != nil {
		return fmt.Errorf("fill: %w", err)
	}
	defer func() { _ = d.Close() }()
	if _, err := d.ExecContext(ctx, "PRAGMA journal_mode=WAL; CREATE TABLE record (id INTEGER PRIMARY KEY, name TEXT NOT NULL, payload TEXT NOT NULL)"); err != nil {
		return fmt.Errorf("fill: %w", err)
	}
	tx, err := d.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("fill: %w", err)
	}
	defer func() { _ = tx.Rollback() }()
	st, err := tx.PrepareContext(ctx, "INSERT INTO record VALUES (?, ?, ?)")
	if err != nil {
		return fmt.Errorf("fill: %w", err)
	}
	defer func() { _ = st.Close() }()
	for i := range records {
		if _, err := st.ExecContext(ctx, i, "测试名", record(i, payload)); err != nil {
			return fmt.Errorf("fill: %w", err)
		}
	}
	return tx.Commit()
}

func record(i, payload int) string {
	s := fmt.Sprintf("record-%08d-", i)
	return s + strings.Repeat("x", max(0, payload-len(s)))
}

func recordJSON(i, payload int) []byte {
	b, err := json.Marshal(map[string]any{"id": i, "name": "测**", "payload": record(i, payload)})
	if err != nil {
		return nil
	}
	return b
}
