package demo

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/kuayu/kuayu/support/federation"
)

// gauge counts what the members send one another.
type gauge struct{ messages, bytes atomic.Int64 }

type gaugeWire struct {
	next http.RoundTripper
	*gauge
}

func (g *gaugeWire) RoundTrip(r *http.Request) (*http.Response, error) {
	g.messages.Add(1)
	size := max(r.ContentLength, 0) + headerSize(r.Header) + int64(len(r.URL.Path))
	res, err := g.next.RoundTrip(r)
	if err == nil {
		size += headerSize(res.Header)
		res.Body = &gaugeBody{res.Body, g.gauge}
	}
	g.bytes.Add(size)
	return res, err
}

type gaugeBody struct {
	io.ReadCloser
	*gauge
}

func (b *gaugeBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.bytes.Add(int64(n))
	return n, err
}

func headerSize(h http.Header) int64 {
	n := 0
	for k, vs := range h {
		for _, v := range vs {
			n += len(k) + len(v) + 4
		}
	}
	return int64(n)
}

func cpu(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// TestChangeDoesNotFlood: a change of the constitution, voted for by all at once, goes through a large federation with a few
// messages to each member and its document to each voter once. KUAYU_MEMBERS makes the federation as large as the country.
func TestChangeDoesNotFlood(t *testing.T) {
	many := 12
	if n, err := strconv.Atoi(os.Getenv("KUAYU_MEMBERS")); err == nil {
		many = n
	}
	var g gauge
	var ps []Place
	for i := range many {
		ps = append(ps, Place{ID: fmt.Sprintf("place-%02d", i), Name: fmt.Sprintf("第%d地", i), NameEN: fmt.Sprintf("Place %d", i), Division: "330000", Voter: i > 0})
	}
	c := must[*Cluster](t)(Start(t.Context(), Settings{Dir: t.TempDir(), Places: ps, CheckpointMS: 1000, Wire: func(next http.RoundTripper) http.RoundTripper { return &gaugeWire{next, &g} }}))
	t.Cleanup(c.Stop)
	quiet := func() {
		t.Helper()
		for last := int64(-1); last != g.messages.Load(); time.Sleep(500 * time.Millisecond) {
			last = g.messages.Load()
		}
	}
	quiet()
	messages, bytes, begun, spent := g.messages.Load(), g.bytes.Load(), time.Now(), cpu(t)
	p := must[*federation.Proposal](t)(c.Node(ps[1].ID).Federation.ProposeChange(t.Context(), federation.Change{Reason: "延长有效期", ValidUntil: c.Clock.Now().AddDate(2, 0, 0)}))
	document := int64(len(p.Signed.Document))
	var wg sync.WaitGroup
	for _, x := range ps[2:] {
		wg.Go(func() {
			for f, dir := c.Node(x.ID).Federation, c.Node(x.ID).Directory; dir.Current().Number == 1; time.Sleep(100 * time.Millisecond) {
				found := must[[]federation.Proposal](t)(f.Proposals(t.Context()))
				if len(found) == 0 {
					continue
				}
				if _, err := f.Approve(t.Context(), p.Hash); err != nil && dir.Current().Number == 1 {
					t.Errorf("%s: %v", x.ID, err)
				}
				return
			}
		})
	}
	for _, x := range ps {
		for deadline := time.Now().Add(time.Minute); c.Node(x.ID).Directory.Current().Number != 2; time.Sleep(5 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%s has not adopted it", x.ID)
			}
		}
	}
	took, spent := time.Since(begun), cpu(t)-spent
	wg.Wait()
	quiet()
	messages, bytes = g.messages.Load()-messages, g.bytes.Load()-bytes
	t.Logf("%d members: %d messages, %.2f MB, document of %d bytes, adopted everywhere after %v and %v of a processor", many, messages, float64(bytes)/1e6, document, took.Round(time.Millisecond), spent.Round(time.Millisecond))
	n := int64(many)
	if messages > 8*n { // the document, three votes, news of three, and who has no document asks
		t.Errorf("%d messages among %d members", messages, n)
	}
	if most := n*document*2 + messages*4096; bytes > most {
		t.Errorf("%d bytes: each document went more than once to each member (%d)", bytes, most)
	}
}
