package demo

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/kuayu/kuayu/api/client"
	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/internal/clock"
	"github.com/kuayu/kuayu/internal/dbtest"
	"github.com/kuayu/kuayu/internal/ids"
	"github.com/kuayu/kuayu/node"
	"github.com/kuayu/kuayu/support/policy"
)

// Faults of the machine below, and of those who mean no good: nothing acknowledged is lost, nobody else is held up, and
// work goes on without a restart when the cause is gone. KUAYU_FAULTS=full makes them as large as they were found
// (make nightly); a normal run has them small.

// fullFaults says how large faults are.
func fullFaults() bool { return os.Getenv("KUAYU_FAULTS") == "full" }

func sized(small, full int) int {
	if fullFaults() {
		return full
	}
	return small
}

// asked is one query of a machine client; its receipt's id, if it was acknowledged.
func (f *fixture) asked(cl *client.Client, id string) (string, error) {
	ctx, cancel := context.WithTimeout(f.ctx, 20*time.Second)
	defer cancel()
	q := plan(policy.Plan{Limit: 1})
	q["id"] = ids.Random{}.NewID()
	var a answer
	err := cl.Call(ctx, http.MethodPost, "/api/v1/agreements/"+id+"/query", q, &a)
	return a.Receipt.ID, err
}

// goesOn waits until a query is answered again.
func (f *fixture) goesOn(id, after string) {
	f.t.Helper()
	var err error
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		var cl *client.Client
		if cl, err = f.c.As(f.ctx, "shanghai", "machine-sh"); err == nil {
			if _, err = f.asked(cl, id); err == nil {
				return
			}
		}
	}
	f.t.Fatalf("%s: no query is answered: %v", after, err)
}

// proven checks that everything acknowledged is in the consumer's evidence.
func (f *fixture) proven(acked []string) {
	f.t.Helper()
	n := f.c.Node("shanghai")
	if _, err := n.Index.Project(f.ctx); err != nil {
		f.t.Fatal(err)
	}
	for _, id := range acked {
		if _, err := n.Index.Record(f.ctx, oversight(), id); err != nil {
			f.t.Errorf("acknowledged and lost: %s: %v", id, err)
		}
	}
}

// lacking skips a test for what the machine can't do; where services are required, that is a failure.
func lacking(t *testing.T, what string, err error) {
	t.Helper()
	if os.Getenv("KUAYU_REQUIRE_SERVICES") == "1" {
		t.Fatalf("%s, and KUAYU_REQUIRE_SERVICES is 1: %v", what, err)
	}
	t.Skipf("%s: %v", what, err)
}

// TestFaultNoSpace: the consumer's disk is full. Queries are refused as unavailable once the space reserved for evidence is
// used up; when there is space again, they go on.
func TestFaultNoSpace(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%dm", sized(120, 160))); err != nil {
		lacking(t, "no file system of a bounded size can be mounted", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	f := newFixture(t, Settings{Dir: dir})
	id := f.agree(f.application(), agreement.Grant{})
	cl := f.as("shanghai", "machine-sh")
	var acked []string
	for range 10 {
		r, err := f.asked(cl, id)
		if err != nil {
			t.Fatal(err)
		}
		acked = append(acked, r)
	}
	ballast := filepath.Join(dir, "ballast")
	b, err := os.Create(ballast)
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.Copy(b, io.LimitReader(zeros{}, 1<<30))
	_ = b.Close()
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("the disk is not full: %v", err)
	}
	refused := map[string]int{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range sized(10, 2500) {
				r, err := f.asked(cl, id)
				mu.Lock()
				if err == nil {
					acked = append(acked, r)
				} else {
					refused[code(err)]++
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	for c := range refused {
		if c != "evidence.down" && c != "unavailable" && c != "db.unavailable" && c != "agreement.no_lease" && !strings.HasPrefix(c, "peer.") {
			t.Errorf("refused as %s", c)
		}
	}
	if fullFaults() && len(refused) == 0 {
		t.Error("the space reserved for evidence was not used up: nothing was tried")
	}
	t.Logf("while the disk was full: %v refused, %d acknowledged in all", refused, len(acked))
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	f.goesOn(id, "no space")
	f.proven(acked)
	for _, place := range []string{"shanghai", "zhejiang"} {
		f.await(func() bool { return f.c.Node(place).Health(f.ctx).Status != node.HealthStopped })
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// TestFaultNoHandles: for a while this process gets no file handle any more.
func TestFaultNoHandles(t *testing.T) {
	f := newFixture(t, Settings{})
	id := f.agree(f.application(), agreement.Grant{})
	cl := f.as("shanghai", "machine-sh")
	var acked []string
	ask := func() {
		if r, err := f.asked(cl, id); err == nil {
			acked = append(acked, r)
		}
	}
	for range 10 {
		ask()
	}
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		lacking(t, "the process can't see its file handles", err)
	}
	var was syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &was); err != nil {
		t.Fatal(err)
	}
	few := was
	few.Cur = uint64(len(open) - 1)
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &few); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(time.Duration(sized(3, 20)) * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		ask()
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &was); err != nil {
		t.Fatal(err)
	}
	f.goesOn(id, "no file handles")
	f.proven(acked)
	for _, p := range places(3) {
		f.await(func() bool { return f.c.Node(p.ID).Health(f.ctx).Status == node.HealthOK })
	}
}

// TestFaultNoDatabase: the provider's database can't be reached for a while.
func TestFaultNoDatabase(t *testing.T) {
	dsn, proxy := map[string]string{}, map[string]*cable{}
	for _, p := range places(2) {
		u, err := url.Parse(dbtest.Postgres(t))
		if err != nil {
			t.Fatal(err)
		}
		proxy[p.ID] = newCable(t, u.Host)
		u.Host = proxy[p.ID].addr
		dsn[p.ID] = u.String()
	}
	f := newFixture(t, Settings{Database: func(place string) string { return dsn[place] }})
	id := f.agree(f.application(), agreement.Grant{})
	f.goesOn(id, "at the beginning")
	for _, place := range []string{"zhejiang", "shanghai"} {
		if proxy[place] == nil {
			continue
		}
		proxy[place].cut()
		h := f.c.Node(place).Health(f.ctx)
		if h.Status != node.HealthStopped {
			t.Errorf("%s: health without a database: %+v", place, h)
		}
		if _, err := f.c.As(f.ctx, place, "auditor"); err == nil || (code(err) != "unavailable" && code(err) != "db.unavailable") {
			t.Errorf("%s: sign-in without a database: %v", place, err)
		}
		time.Sleep(2 * time.Second)
		proxy[place].join()
		f.goesOn(id, "no database at "+place)
		f.await(func() bool { return f.c.Node(place).Health(f.ctx).Status == node.HealthOK })
	}
}

// cable carries connections to a server, and can be cut.
type cable struct {
	addr string
	mu   sync.Mutex
	down bool
	all  map[net.Conn]struct{}
}

func newCable(t *testing.T, to string) *cable {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cable{addr: l.Addr().String(), all: map[net.Conn]struct{}{}}
	t.Cleanup(func() { _ = l.Close(); c.cut() })
	go func() {
		for {
			from, err := l.Accept()
			if err != nil {
				return
			}
			there, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", to)
			c.mu.Lock()
			down := c.down || err != nil
			if !down {
				c.all[from], c.all[there] = struct{}{}, struct{}{}
			}
			c.mu.Unlock()
			if down {
				_ = from.Close()
				if there != nil {
					_ = there.Close()
				}
				continue
			}
			carry := func(a, b net.Conn) { _, _ = io.Copy(a, b); _ = a.Close(); _ = b.Close() }
			go carry(from, there)
			go carry(there, from)
		}
	}()
	return c
}

func (c *cable) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.down = true
	for x := range c.all {
		_ = x.Close()
	}
	c.all = map[net.Conn]struct{}{}
}

func (c *cable) join() { c.mu.Lock(); c.down = false; c.mu.Unlock() }

// TestFaultClock: the machine's clock is 400 days ahead for a while, then right again. Nothing expires by it, and nothing
// needs a restart.
func TestFaultClock(t *testing.T) {
	wall := clock.NewManual(time.Now().UTC())
	start := time.Now()
	ticking := stepped{wall, start}
	f := newFixture(t, Settings{Clock: clock.NewGuardOf(ticking, func() time.Duration { return time.Since(start) })})
	id := f.agree(f.application(), agreement.Grant{})
	f.goesOn(id, "at the beginning")
	for _, off := range []time.Duration{400 * 24 * time.Hour, -400 * 24 * time.Hour} {
		wall.Advance(off)
		time.Sleep(time.Duration(sized(1, 5)) * time.Second)
		h := f.c.Node("zhejiang").Health(f.ctx)
		if h.Status != node.HealthDegraded || len(h.Troubles) == 0 || h.Troubles[0].Part != "clock" {
			t.Errorf("health: %+v", h)
		}
		f.goesOn(id, fmt.Sprint("a clock off by ", off))
		wall.Advance(-off)
		f.goesOn(id, "a clock that is right again")
		if h := f.c.Node("zhejiang").Health(f.ctx); h.Status != node.HealthOK {
			t.Errorf("health afterwards: %+v", h)
		}
	}
}

// stepped is the machine's clock, off by what a manual one was moved.
type stepped struct {
	by    *clock.Manual
	start time.Time
}

func (s stepped) Now() time.Time { return s.by.Now().Add(time.Since(s.start)) }

// TestFaultStrangers: slow bodies, idle connections, bodies without an end on every route that needs no sign-in, and
// attempts to sign in, all at once. An officer who works is not held up, memory stays, and what was refused is counted.
func TestFaultStrangers(t *testing.T) {
	f := newFixture(t, Settings{})
	id := f.agree(f.application(), agreement.Grant{})
	n := f.c.Node("shanghai")
	f.goesOn(id, "at the beginning")
	before := heap()
	// Strangers come from another address than those who work.
	far := &net.Dialer{Timeout: 5 * time.Second, LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}
	dial := func() (net.Conn, error) {
		d := tls.Dialer{NetDialer: far, Config: &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}}}
		return d.DialContext(f.ctx, "tcp", n.Addr("staff"))
	}
	ctx, cancel := context.WithCancel(f.ctx)
	defer cancel()
	var strangers sync.WaitGroup
	for range sized(60, 400) {
		strangers.Go(func() {
			c, err := dial()
			if err != nil {
				return
			}
			defer func() { _ = c.Close() }()
			_, _ = io.WriteString(c, "POST /api/v1/session HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n")
			for ctx.Err() == nil {
				if _, err := io.WriteString(c, "x"); err != nil {
					return
				}
				time.Sleep(300 * time.Millisecond)
			}
		})
	}
	var idle []net.Conn
	for range sized(100, 800) {
		if c, err := far.DialContext(f.ctx, "tcp", n.Addr("staff")); err == nil {
			idle = append(idle, c)
		}
	}
	cl := f.as("shanghai", "machine-sh") // signs in meanwhile
	slowest := time.Duration(0)
	for range 20 {
		begun := time.Now()
		if _, err := f.query(cl, id, plan(policy.Plan{Limit: 1})); err != nil {
			t.Errorf("an officer is held up: %v", err)
		}
		slowest = max(slowest, time.Since(begun))
	}
	t.Logf("slowest query meanwhile: %v", slowest)
	if fullFaults() { // it takes as long as a body may; httpx has the same in short
		f.await(func() bool { return testutil.ToFloat64(n.Metrics.Refused.WithLabelValues("staff", "slow")) >= 300 })
	}

	// Bodies without an end, when those before have been cut.
	cancel()
	for _, c := range idle {
		_ = c.Close()
	}
	strangers.Wait()
	temps, _ := filepath.Glob(filepath.Join(os.TempDir(), "multipart-*"))
	for _, r := range []string{"GET /sign-in", "POST /sign-in", "POST /api/v1/session", "GET /", "GET /api/v1/constitution", "POST /nowhere", "GET /prefer", "POST /sign-out"} {
		for _, kind := range []string{"application/json", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded"} {
			c, err := dial()
			if err != nil {
				t.Errorf("%s: %v", r, err)
				continue
			}
			_, _ = fmt.Fprintf(c, "%s HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nContent-Type: %s\r\n\r\n", r, kind)
			sent, chunk := 0, "--x\r\nContent-Disposition: form-data; name=\"f\"; filename=\"f\"\r\n\r\n"+strings.Repeat("a", 64<<10)
			for most := sized(60, 300) << 20; sent < most; sent += len(chunk) {
				_ = c.SetWriteDeadline(time.Now().Add(3 * time.Second))
				if _, err := fmt.Fprintf(c, "%x\r\n%s\r\n", len(chunk), chunk); err != nil {
					break
				}
			}
			_ = c.Close()
			if sent >= 40<<20 {
				t.Errorf("%s, %s: %d MB were taken", r, kind, sent>>20)
			}
		}
	}
	if left, _ := filepath.Glob(filepath.Join(os.TempDir(), "multipart-*")); len(left) > len(temps) {
		t.Errorf("temporary files: %v", left)
	}

	// Attempts to sign in.
	throttled, stranger := 0, f.c.Client("shanghai")
	way, _ := stranger.HTTP.Transport.(*http.Transport)
	way = way.Clone()
	way.DialContext = far.DialContext
	stranger.HTTP = &http.Client{Transport: way}
	defer way.CloseIdleConnections()
	for range sized(300, 3000) {
		err := stranger.Call(f.ctx, http.MethodPost, "/api/v1/session", map[string]string{"assertion": "a.b.c"}, nil)
		switch code(err) {
		case "identity.throttled":
			throttled++
		case "identity.assertion":
		default:
			t.Fatalf("attempt: %v", err)
		}
	}
	if throttled < sized(200, 2900) {
		t.Errorf("%d attempts were throttled", throttled)
	}
	if _, err := f.query(f.as("shanghai", "machine-sh"), id, plan(policy.Plan{Limit: 1})); err != nil {
		t.Errorf("an officer is kept out: %v", err)
	}
	if got := testutil.ToFloat64(n.Metrics.Refused.WithLabelValues("staff", "sign_in")); int(got) != throttled {
		t.Errorf("%v counted, %d throttled", got, throttled)
	}
	if after := heap(); after > before+200<<20 {
		t.Errorf("%d MB before, %d MB after", before>>20, after>>20)
	}
	f.goesOn(id, "strangers")
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse
}
