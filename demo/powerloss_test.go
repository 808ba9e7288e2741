package demo

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/support/policy"
)

// The environment of the child process and of the length of the test.
const (
	envPower = "KUAYU_POWERLOSS_ACKS"
	envCuts  = "KUAYU_CUTS"
)

// wholeStarts is how many cuts are followed by a start of both nodes.
const wholeStarts = 8

// TestPowerLoss cuts the power of two whole nodes. A child process runs them and lets departments apply, agree, query
// and revoke, with strace writing down every operation on a file. The parent replays these operations on a simulated
// disk and cuts at random points, during any operation, also within a flush. The disk then holds everything that a
// completed fsync or fdatasync covered, and of the rest nothing, all, the beginning, or any sectors of 512 bytes; a name
// whose folder was not flushed may be missing. From what is left the nodes are recovered: nothing that was acknowledged
// to anybody is missing, both ends hold the same bytes, evidence and databases are sound. A few cuts are followed by a
// whole start of both nodes.
//
// What it cannot show: a disk that lies about flushes, and bits that rot.
func TestPowerLoss(t *testing.T) {
	if name := os.Getenv(envPower); name != "" {
		powerChild(t, name)
		return
	}
	if _, err := exec.LookPath("strace"); err != nil {
		if os.Getenv("KUAYU_REQUIRE_SERVICES") == "1" {
			t.Fatal("no strace on this machine, and KUAYU_REQUIRE_SERVICES=1")
		}
		t.Skip("no strace on this machine, which writes down the file operations")
	}
	cuts := 200
	if text := os.Getenv(envCuts); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		cuts = max(n, wholeStarts)
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	start := time.Now()
	log, names := record(t)
	recorded := time.Since(start)
	p := &power{t: t, rand: rand.New(rand.NewPCG(seed, 3)), log: log, acks: names, dir: t.TempDir()}
	first, last := p.measure()
	for range cuts {
		p.cuts = append(p.cuts, first+p.rand.IntN(last-first))
	}
	slices.Sort(p.cuts)
	p.run()
	t.Logf("%d cuts among %d file operations, %d acknowledgements in all; %v to record, %v to check; %d whole starts; treatments %v",
		len(p.cuts), last-first, p.said, recorded.Round(time.Millisecond), (time.Since(start) - recorded).Round(time.Millisecond), p.started, p.how)
}

// record runs the child under strace and returns the log and the file of acknowledgements.
func record(t *testing.T) (log, names string) {
	t.Helper()
	dir := t.TempDir()
	log, names = filepath.Join(dir, "log"), filepath.Join(dir, "acks")
	tmp := filepath.Join(dir, "t")
	if err := os.Mkdir(tmp, 0o700); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, "strace", "-f", "--seccomp-bpf", "-y", "-xx", "-s", strconv.Itoa(16<<20), "-o", log,
		"-e", "trace=open,openat,creat,write,pwrite64,writev,pwritev,fsync,fdatasync,sync_file_range,ftruncate,rename,renameat,renameat2,link,linkat,unlink,unlinkat,mkdir,mkdirat,fallocate,close",
		self, "-test.run=^TestPowerLoss$", "-test.count=1")
	cmd.Env = append(os.Environ(), envPower+"="+names, "TMPDIR="+tmp)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("the traced nodes: %v\n%s", err, out)
	}
	return log, names
}

// power is one recorded run and what is done with it.
type power struct {
	t         *testing.T
	rand      *rand.Rand
	log, acks string
	dir       string // for images
	nodes     string // folder of the nodes when they ran
	cuts      []int
	said      int
	started   int
	how       [treatments]int
}

var errEnough = errors.New("enough")

// replay replays the log on a new disk.
func (p *power) replay(step func(*powerDisk) error) {
	p.t.Helper()
	f, err := os.Open(p.log)
	if err != nil {
		p.t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	d := newPowerDisk(p.nodes, p.acks)
	if err := d.replay(f, func() error { return step(d) }); err != nil && !errors.Is(err, errEnough) {
		p.t.Fatal(err)
	}
}

// measure finds the operations between which to cut: from when the nodes were set up until they were stopped.
func (p *power) measure() (first, last int) {
	p.t.Helper()
	said, err := os.ReadFile(p.acks)
	if err != nil {
		p.t.Fatal(err)
	}
	lines := strings.Split(string(said), "\n")
	dir, ok := strings.CutPrefix(lines[0], "dir ")
	if !ok {
		p.t.Fatalf("first acknowledgement: %q", lines[0])
	}
	p.nodes, p.said = dir, len(lines)-1
	p.replay(func(d *powerDisk) error {
		switch {
		case len(d.said) == 0:
			first = d.ops + 1
		case d.said[len(d.said)-1] != "end":
			last = d.ops
		default:
			return errEnough
		}
		return nil
	})
	if last-first < 1000 {
		p.t.Fatalf("only %d operations were recorded", last-first)
	}
	return first, last
}

// run cuts the power at every cut.
func (p *power) run() {
	p.t.Helper()
	next := 0
	p.replay(func(d *powerDisk) error {
		for ; next < len(p.cuts) && p.cuts[next] == d.ops; next++ {
			how := p.rand.IntN(treatments)
			p.how[how]++
			image := filepath.Join(p.dir, strconv.Itoa(next))
			p.write(d, image, how, "tile") // thousands of files that nothing looks at without a start
			c := &powerCheck{t: p.t, dir: image, what: fmt.Sprintf("cut %d at operation %d, treatment %d", next, d.ops, how)}
			c.run(d.said)
			if err := os.RemoveAll(image); err != nil {
				return err
			}
			if next%(len(p.cuts)/wholeStarts) == 0 {
				if err := errors.Join(os.RemoveAll(p.nodes), p.start(d, how, c.what)); err != nil {
					return err
				}
			}
			if p.t.Failed() {
				return errEnough
			}
		}
		if next == len(p.cuts) {
			return errEnough
		}
		return nil
	})
}

// start starts both nodes on what the disk held, where they had run.
func (p *power) start(d *powerDisk, how int, what string) error {
	p.write(d, p.nodes, how, "")
	b, err := os.ReadFile(filepath.Join(filepath.Dir(p.acks), departmentsOwn))
	if err == nil {
		err = os.WriteFile(filepath.Join(p.nodes, "zhejiang", departmentsOwn), b, 0o600)
	}
	p.started++
	powerStart(p.t, p.nodes, what, d.said)
	return err
}

// write writes an image of both nodes. Sometimes only one of them lost its power, and the other's program was killed.
func (p *power) write(d *powerDisk, dir string, how int, without string) {
	p.t.Helper()
	spared := p.rand.IntN(6) // 0 and 1: that node
	for i, name := range []string{"shanghai", "zhejiang"} {
		treated := how
		if i == spared {
			treated = keepsAll
		}
		n := d.top.dir[name]
		if n == nil {
			p.t.Fatalf("%s is gone", name)
		}
		if err := n.write(filepath.Join(dir, name), treated, p.rand, without); err != nil {
			p.t.Fatal(err)
		}
	}
}

// acks is a file outside the nodes' folders: one line for each step, written after the step was acknowledged.
type acks struct {
	mu   sync.Mutex
	f    *os.File
	last map[string]int64 // by cursor: as told last
}

func (a *acks) say(format string, args ...any) {
	a.mu.Lock()
	defer a.mu.Unlock()
	_, _ = fmt.Fprintf(a.f, format+"\n", args...)
}

// powerChild runs two nodes and lets departments apply, agree, ask and revoke for a while.
func powerChild(t *testing.T, name string) {
	out, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	a := &acks{f: out, last: map[string]int64{}}
	f := newFixture(t, Settings{Places: []Place{Places()[0], Places()[2]}})
	b, err := os.ReadFile(filepath.Join(f.c.Dir, "zhejiang", departmentsOwn))
	if err == nil {
		err = os.WriteFile(filepath.Join(filepath.Dir(name), departmentsOwn), b, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	a.say("dir %s", f.c.Dir)
	end := time.Now().Add(5 * time.Second)
	var wg sync.WaitGroup
	for w := range 2 {
		wg.Go(func() {
			for i := 0; i < 3 || time.Now().Before(end); i++ {
				f.powerWalk(a, w == 0 && i%2 == 1)
			}
		})
	}
	wg.Go(func() {
		for time.Now().Before(end) {
			f.powerCursors(a)
			time.Sleep(20 * time.Millisecond)
		}
	})
	wg.Wait()
	f.powerCursors(a)
	a.say("end")
}

// powerWalk walks one application to an agreement, asks three times under it, and may revoke it.
func (f *fixture) powerWalk(a *acks, revoke bool) {
	var n agreement.Negotiation
	sh, zj := f.as("shanghai", "officer-sh"), f.as("zhejiang", "officer-zj")
	f.call(sh, http.MethodPost, "/api/v1/applications", f.application(), &n)
	a.say("state shanghai %s %s", n.ID, n.State)
	f.call(f.as("shanghai", "head-sh"), http.MethodPost, "/api/v1/applications/"+n.ID+"/consent", nil, &n)
	a.say("state shanghai %s %s", n.ID, n.State)
	var theirs agreement.Negotiation
	f.await(func() bool {
		var page struct {
			Items []agreement.Negotiation `json:"items"`
		}
		f.call(zj, http.MethodGet, "/api/v1/applications?state=REVIEWING", nil, &page)
		for _, x := range page.Items {
			if x.Peer == n.ID {
				theirs = x
			}
		}
		return theirs.ID != ""
	})
	a.say("state zhejiang %s %s", theirs.ID, theirs.State)
	f.call(zj, http.MethodPost, "/api/v1/applications/"+theirs.ID+"/answer", agreement.Grant{Fields: f.application().Fields}, &theirs)
	a.say("state zhejiang %s %s", theirs.ID, theirs.State)
	f.call(f.as("zhejiang", "head-zj"), http.MethodPost, "/api/v1/applications/"+theirs.ID+"/consent-answer", nil, &theirs)
	a.say("state zhejiang %s %s", theirs.ID, theirs.State)
	f.await(func() bool {
		f.call(sh, http.MethodGet, "/api/v1/applications/"+n.ID, nil, &n)
		return n.State == agreement.Active
	})
	a.say("state shanghai %s %s", n.ID, n.State)
	a.say("state zhejiang %s %s", theirs.ID, agreement.Active) // it was in force there first
	a.say("agreement %s", n.Agreement)
	machine := f.as("shanghai", "machine-sh")
	for range 3 {
		res, err := f.query(machine, n.Agreement, plan(policy.Plan{Limit: 3}))
		if err != nil {
			f.t.Error(err)
			return
		}
		a.say("query %s", res.Receipt.ID)
	}
	if revoke {
		f.call(f.as("zhejiang", "head-zj"), http.MethodPost, "/api/v1/agreements/"+n.Agreement+"/revoke", map[string]string{"reason": "用途已完成"}, nil)
		a.say("state zhejiang %s %s", theirs.ID, agreement.Terminated)
	}
}

// powerCursors acknowledges how far the messages between the nodes have come, as anybody can read it.
func (f *fixture) powerCursors(a *acks) {
	for _, place := range []string{"shanghai", "zhejiang"} {
		for _, c := range cursorsOf(f.t, f.c.Node(place).DB) {
			name := fmt.Sprintf("%s %s %s %s", place, c.Direction, c.Member, c.Subject)
			if a.last[name] < c.Seq {
				a.last[name] = c.Seq
				a.say("cursor %s %d", name, c.Seq)
			}
		}
	}
}
