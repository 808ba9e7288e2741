package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/kuayu/kuayu/internal/errs"
)

// The errors of this package.
var (
	ErrUnknown = errs.Define(errs.Invalid, "bench.unknown", "没有名为 %q 的基准，可用：%v。", "There is no benchmark %q. There are: %v.")
	ErrBelow   = errs.Define(errs.Precondition, "bench.below", "未达到承诺的指标：%v。", "Below the promised figure: %v.")
	ErrTarget  = errs.Define(errs.Invalid, "bench.target", "对外压测须同时给出 --target、--agreement、--plan 与令牌。", "A run against a target takes --target, --agreement, --plan and a token.")
)

// Arm is what one side of a comparison did.
type Arm struct {
	Throughput float64 `json:"throughput"` // at saturation
	Unit       string  `json:"unit"`
	P50        float64 `json:"p50_ms"` // open-loop at half of the saturated rate
	P99        float64 `json:"p99_ms"`
	RSS        float64 `json:"rss_mb"` // highest resident set of its process
	Errors     int64   `json:"errors"`
	CPU        float64 `json:"cpu_us_per_op,omitempty"` // CPU time of its process per operation, microseconds
}

// Load describes what was run.
type Load struct {
	Connections int     `json:"connections"`
	Payload     int     `json:"payload_bytes"`
	Rounds      int     `json:"rounds"`
	Seconds     float64 `json:"seconds_per_round"`
	HalfRate    float64 `json:"half_rate,omitempty"` // operations per second of the latency run
}

// Machine is what it ran on.
type Machine struct {
	CPUs int    `json:"cpus"`
	Go   string `json:"go"`
	OS   string `json:"os"`
}

// Result is the one object `kuayu bench NAME --json` prints.
type Result struct {
	Bench    string         `json:"bench"`
	Ratio    *float64       `json:"ratio"` // ours ÷ baseline throughput; null with a reason where there is none
	Reason   string         `json:"reason,omitempty"`
	Ours     Arm            `json:"ours"`
	Baseline *Arm           `json:"baseline"`
	Load     Load           `json:"load"`
	Machine  Machine        `json:"machine"`
	More     map[string]any `json:"more,omitempty"`
	Promised string         `json:"promised"` // what this run had to reach
	Met      bool           `json:"met"`
}

// Options of a run.
type Options struct {
	Connections int
	Payload     int // bytes of a record
	Rounds      int
	Seconds     float64
	Progress    func(what string, done, total int)
	Entries     int    // of the catalogue
	Database    string // of the catalogue: a PostgreSQL address; empty: SQLite in a temporary folder
	// Against running nodes instead of own children:
	Target, Token, Agreement, Plan, CA string
}

func (o *Options) defaults() {
	if o.Connections == 0 {
		o.Connections = 64
	}
	if o.Payload == 0 {
		o.Payload = 1024
	}
	if o.Rounds == 0 {
		o.Rounds = 4
	}
	if o.Seconds == 0 {
		o.Seconds = 4
	}
	if o.Entries == 0 {
		o.Entries = 1_000_000
	}
	if o.Progress == nil {
		o.Progress = func(string, int, int) {}
	}
}

// Names lists the benchmarks.
func Names() []string { return []string{"exchange", "evidence", "negotiation", "catalog", "console"} }

// Run runs a benchmark by name. ErrBelow comes with the result when a promised figure was missed.
func Run(ctx context.Context, name string, o Options) (*Result, error) {
	o.defaults()
	var r *Result
	var err error
	switch name {
	case "exchange":
		r, err = exchange(ctx, o)
	case "evidence":
		r, err = evidenceBench(ctx, o)
	case "negotiation":
		r, err = negotiationBench(ctx, o)
	case "catalog":
		r, err = catalogBench(ctx, o)
	case "console":
		r, err = consoleBench(ctx, o)
	default:
		return nil, ErrUnknown.With(name, strings.Join(Names(), ", "))
	}
	if err != nil {
		return nil, err
	}
	r.Machine = Machine{CPUs: runtime.NumCPU(), Go: runtime.Version(), OS: runtime.GOOS + "/" + runtime.GOARCH}
	if !r.Met {
		return r, ErrBelow.With(r.Promised)
	}
	return r, nil
}

// child is an arm running as its own process. It prints one line of JSON when it serves and ends when its standard
// input closes.
type child struct {
	cmd   *exec.Cmd
	stdin io.Closer
	at    arm
}

// arm is what a child says of itself.
type arm struct {
	URL       string `json:"url"`
	Token     string `json:"token"`
	Agreement string `json:"agreement"`
	CA        string `json:"ca"` // PEM
	Records   int    `json:"records"`
}

func startChild(ctx context.Context, args ...string) (*child, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find own binary: %w", err)
	}
	cmd := exec.CommandContext(ctx, exe, append([]string{"bench-arm"}, args...)...) //nolint:gosec // our own binary
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start arm: %w", err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start arm: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start arm: %w", err)
	}
	c := &child{cmd: cmd, stdin: in}
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &c.at)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("arm %v did not start: %w", args, err), c.stop())
	}
	return c, nil
}

func (c *child) stop() error {
	_ = c.stdin.Close()
	done := make(chan error, 1)
	go func() { done <- c.cmd.Wait() }()
	select {
	case err := <-done:
		return err
	case <-time.After(15 * time.Second):
		_ = c.cmd.Process.Kill()
		return <-done
	}
}

// rss reads the highest resident set of the child in MB.
func (c *child) rss() float64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	for _, l := range strings.Split(string(b), "\n") {
		if v, ok := strings.CutPrefix(l, "VmHWM:"); ok {
			n, _ := strconv.ParseFloat(strings.Fields(v)[0], 64)
			return n / 1024
		}
	}
	return 0
}

// cpu reads the child's CPU time so far.
func (c *child) cpu() time.Duration {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", c.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	f := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
	if len(f) < 13 {
		return 0
	}
	u, _ := strconv.ParseInt(f[11], 10, 64)
	s, _ := strconv.ParseInt(f[12], 10, 64)
	return time.Duration(u+s) * 10 * time.Millisecond
}

// serveArm prints what the arm is and waits for the parent to close standard input.
func serveArm(a arm) error {
	b, err := json.Marshal(a)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintln(os.Stdout, string(b)); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}
