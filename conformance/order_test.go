package conformance

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kuayu/kuayu/exchange/dataspace"
)

// until polls the node's state of a process.
func (r *run) until(pid, want string) bool {
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if _, got := r.do(http.MethodGet, r.base+r.process()+pid, nil); got["state"] == want {
			return true
		}
	}
	return false
}

// TestSuspensionBeforeTermination: a node that ends a transfer while an earlier message of its own is still on the way
// delivers both, in order. The counterpart starts the transfer before it answers the request, so that the node has two
// reasons to move on at once, and does not answer the suspension before the node has ended the transfer.
func TestSuspensionBeforeTermination(t *testing.T) {
	c := newCounterpart(t)
	s := startNode(t, c.srv.URL)
	r := &run{t: t, c: c, base: "http://" + s.Addr + dataspace.Base, trigger: "http://" + s.Trigger, id: "ATPC0203", transfer: true}
	started := make(chan string, 1)
	var lost atomic.Bool
	c.before = func(path string, m map[string]any) bool {
		pid, _ := m["consumerPid"].(string)
		switch {
		case strings.HasSuffix(path, "/request"):
			started <- pid
			if !r.until(pid, "STARTED") {
				t.Error("not started")
			}
		case strings.HasSuffix(path, "/suspension") && lost.CompareAndSwap(false, true):
			if !r.until(pid, "TERMINATED") {
				t.Error("not ended")
			}
			return false
		}
		return true
	}
	go func() {
		early := *r
		early.theirs, early.ours, early.consumer = <-started, "peer-"+r.id, true
		early.send("start", true)
	}()
	r.begin("trigger")
	r.await("suspension")
	r.await("tp-termination")
	if !lost.Load() {
		t.Error("the suspension was answered at once")
	}
}

// TestOfferBeforeTermination is the same for a negotiation: the offer's answer is lost, the counter-request it led to is
// refused, and the refusal does not overtake the offer that is sent again.
func TestOfferBeforeTermination(t *testing.T) {
	c := newCounterpart(t)
	s := startNode(t, c.srv.URL)
	r := &run{t: t, c: c, base: "http://" + s.Addr + dataspace.Base, id: "ACN0102"}
	var lost atomic.Bool
	ready := make(chan struct{})
	c.before = func(path string, _ map[string]any) bool {
		if !strings.HasSuffix(path, "/offers") || !lost.CompareAndSwap(false, true) {
			return true
		}
		<-ready
		r.send("counter", true)
		if !r.until(r.theirs, "TERMINATED") {
			t.Error("not ended")
		}
		return false
	}
	r.begin("request")
	close(ready)
	r.await("offer")
	r.await("termination")
}

// TestNothingAfterTheOtherEndIsDone: what is still on the way when the other end ends a process is not sent again.
func TestNothingAfterTheOtherEndIsDone(t *testing.T) {
	c := newCounterpart(t)
	s := startNode(t, c.srv.URL)
	r := &run{t: t, c: c, base: "http://" + s.Addr + dataspace.Base, id: "ATP0201", transfer: true}
	var tries atomic.Int32
	ready, ended := make(chan struct{}), make(chan struct{})
	c.before = func(path string, _ map[string]any) bool {
		if strings.HasSuffix(path, "/start") && tries.Add(1) == 1 {
			<-ready
			r.send("tp-termination", true)
			close(ended)
			return false
		}
		return true
	}
	r.begin("request")
	close(ready)
	<-ended
	time.Sleep(300 * time.Millisecond) // the first retry is due after 60 ms at the latest
	if n := tries.Load(); n != 1 {
		t.Errorf("sent %d times", n)
	}
}
