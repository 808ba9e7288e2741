package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/kuayu/kuayu/bench"
	"github.com/kuayu/kuayu/cmd/cli"
	"github.com/kuayu/kuayu/node"
)

// benchCmd measures against a bare baseline in the same run.
type benchCmd struct {
	Name        string  `arg:"" help:"exchange、evidence、negotiation、catalog 或 console。|exchange, evidence, negotiation, catalog or console."`
	JSON        bool    `name:"json" help:"只输出一个 JSON 对象。|Print one JSON object."`
	Connections int     `default:"64" help:"并发连接数。|Connections."`
	Payload     int     `default:"1024" help:"每条记录的字节数。|Bytes of a record."`
	Rounds      int     `default:"4" help:"交替轮数。|Interleaved rounds."`
	Seconds     float64 `default:"4" help:"每轮秒数。|Seconds a round."`
	Entries     int     `default:"1000000" help:"目录条目数（catalog）；交换次数，其十分之一为资源数、百分之一为协议数（console）。|Entries of the catalogue (catalog); exchanges, a tenth as many resources and a hundredth as many agreements (console)."`
	Database    string  `placeholder:"DSN" help:"在空的 PostgreSQL 库上压测（catalog）。|Measure on an empty PostgreSQL database (catalog)."`
	Target      string  `placeholder:"URL" help:"对正在运行的节点压测。|Measure nodes that run elsewhere."`
	Token       string  `env:"KUAYU_TOKEN" help:"会话令牌（对外压测）。|Session token (with --target)."`
	Agreement   string  `help:"协议编号（对外压测）。|Agreement (with --target)."`
	Plan        string  `placeholder:"FILE" help:"查询请求文件（对外压测）。|File with the query request (with --target)."`
}

func (c *benchCmd) Run(ctx context.Context, a *app) error {
	node.Tune()
	ca := a.CA
	o := bench.Options{
		Connections: c.Connections, Payload: c.Payload, Rounds: c.Rounds, Seconds: c.Seconds, Entries: c.Entries, Database: c.Database,
		Target: c.Target, Token: c.Token, Agreement: c.Agreement, Plan: c.Plan, CA: ca,
	}
	if !c.JSON {
		o.Progress = func(what string, done, total int) { _, _ = fmt.Fprintf(a.Err, "%s %d/%d\n", what, done+1, total) }
	}
	r, err := bench.Run(ctx, c.Name, o)
	if r == nil {
		return err
	}
	if c.JSON {
		b, jerr := json.Marshal(r)
		if jerr != nil {
			return jerr
		}
		_, _ = fmt.Fprintln(a.Out, string(b))
		return err
	}
	c.table(a, r)
	return err
}

func (c *benchCmd) table(a *app, r *bench.Result) {
	t := &cli.Table{Head: []string{"", a.T("本系统", "ours"), a.T("基线", "baseline")}}
	row := func(what string, f func(*bench.Arm) string) {
		base := "-"
		if r.Baseline != nil {
			base = f(r.Baseline)
		}
		t.Add(what, f(&r.Ours), base)
	}
	row(a.T("吞吐", "throughput"), func(m *bench.Arm) string { return fmt.Sprintf("%.1f %s", m.Throughput, m.Unit) })
	row("p50 ms", func(m *bench.Arm) string { return fmt.Sprint(m.P50) })
	row("p99 ms", func(m *bench.Arm) string { return fmt.Sprint(m.P99) })
	row("RSS MB", func(m *bench.Arm) string { return fmt.Sprint(m.RSS) })
	row("CPU µs", func(m *bench.Arm) string { return fmt.Sprint(m.CPU) })
	ratio := r.Reason
	if r.Ratio != nil {
		ratio = fmt.Sprint(*r.Ratio)
	}
	t.Add(a.T("比值", "ratio"), ratio, "")
	for k, v := range r.More {
		t.Add(k, fmt.Sprint(v), "")
	}
	t.Add(a.T("承诺", "promised"), r.Promised, strings.ToUpper(fmt.Sprint(r.Met)))
	_ = a.Show(r, t)
}

// benchArmCmd is one side of a comparison, started by `kuayu bench` as its own process.
type benchArmCmd struct {
	Side    string `arg:"" enum:"ours,bare"`
	Payload int    `arg:""`
}

func (c *benchArmCmd) Run(ctx context.Context, _ *app) error {
	node.Tune()
	if c.Side == "bare" {
		return bench.ServeBare(ctx, c.Payload)
	}
	err := bench.ServeOurs(ctx, c.Payload, os.Getenv("KUAYU_BENCH_PPROF"))
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}
