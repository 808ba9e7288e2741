package httpx

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// served is a server within limits, its address, and what it refused.
func served(t *testing.T, l Limits, h http.HandlerFunc) (addr string, refused func(reason string) int) {
	t.Helper()
	var mu sync.Mutex
	counts := map[string]int{}
	b := NewBudget(l, nil, func(reason string) { mu.Lock(); counts[reason]++; mu.Unlock() })
	srv := b.Server(NewServer(Wrap(h, slog.New(slog.DiscardHandler), false), slog.New(slog.DiscardHandler)))
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() { _ = srv.Serve(b.Listener(ln)) })
	t.Cleanup(func() {
		_ = srv.Close()
		serving.Wait()
		time.Sleep(50 * time.Millisecond) // handlers of closed connections end on their own
		b.mu.Lock()
		defer b.mu.Unlock()
		if len(b.under) > 0 {
			t.Errorf("requests that never ended: %v", b.under)
		}
	})
	return ln.Addr().String(), func(reason string) int { mu.Lock(); defer mu.Unlock(); return counts[reason] }
}

func dialed(t *testing.T, addr string) net.Conn {
	t.Helper()
	c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// closed reports whether the other end closes the connection within d.
func closed(c net.Conn, d time.Duration) bool {
	_ = c.SetReadDeadline(time.Now().Add(d))
	_, err := io.Copy(io.Discard, c)
	var n net.Error
	return err == nil || !errors.As(err, &n) || !n.Timeout()
}

func TestConnectionsAreBounded(t *testing.T) {
	addr, refused := served(t, Limits{Conns: 20, PerAddress: 8}, func(http.ResponseWriter, *http.Request) {})
	open := 0
	for range 30 {
		c := dialed(t, addr)
		if !closed(c, 50*time.Millisecond) {
			open++
		}
	}
	if open != 8 || refused(ReasonAddress) != 22 {
		t.Errorf("%d connections of one address stay, %d refused", open, refused(ReasonAddress))
	}
}

// A body that comes too slowly is cut, though each byte of it comes in time; one that keeps coming is not.
func TestSlowBodies(t *testing.T) {
	got := make(chan error, 500)
	addr, refused := served(t, Limits{Body: 300 * time.Millisecond, MinRate: 1000}, func(_ http.ResponseWriter, r *http.Request) {
		_, err := ReadBody(r, 1<<20)
		got <- err
	})
	var before, during runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	const many = 200
	for range many {
		c := dialed(t, addr)
		_, _ = fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n")
		go func() {
			for {
				if _, err := c.Write([]byte("x")); err != nil {
					return
				}
				time.Sleep(50 * time.Millisecond)
			}
		}()
	}
	time.Sleep(100 * time.Millisecond)
	runtime.ReadMemStats(&during)
	if grown := int64(during.HeapAlloc) - int64(before.HeapAlloc); grown > 40<<20 {
		t.Errorf("%d MB for bodies that have not come", grown>>20)
	}
	for i := range many {
		select {
		case err := <-got:
			if err == nil {
				t.Error("a slow body was taken")
			}
		case <-time.After(5 * time.Second):
			t.Fatalf("only %d of %d slow bodies were cut", i, many)
		}
	}
	if n := refused(ReasonSlow); n != many {
		t.Errorf("%d counted", n)
	}
	c := dialed(t, addr)
	_, _ = fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n")
	for range 10 {
		_, _ = c.Write([]byte(strings.Repeat("x", 500)))
		time.Sleep(60 * time.Millisecond)
	}
	if err := <-got; err != nil {
		t.Errorf("a body of 8 kB/s: %v", err)
	}
}

// However a body comes, chunked too, and whether or not anybody reads it, no more than its bound is taken.
func TestBodiesAreBounded(t *testing.T) {
	addr, refused := served(t, Limits{BodyBytes: 1 << 20}, func(w http.ResponseWriter, r *http.Request) {
		if _, err := Form(w, r, 1<<21); err != nil {
			WriteError(w, r, err)
		}
	})
	for method, kind := range map[string]string{"POST": "application/x-www-form-urlencoded", "GET": "multipart/form-data; boundary=x"} {
		c := dialed(t, addr)
		_, _ = fmt.Fprintf(c, "%s / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Type: %s\r\n\r\n", method, kind)
		sent := 0
		for chunk := strings.Repeat("x", 64<<10); sent < 300<<20; sent += len(chunk) {
			_ = c.SetWriteDeadline(time.Now().Add(2 * time.Second))
			if _, err := fmt.Fprintf(c, "%x\r\n%s\r\n", len(chunk), chunk); err != nil {
				break
			}
		}
		if sent > 16<<20 {
			t.Errorf("%s: %d MB were taken", method, sent>>20)
		}
	}
	if refused(ReasonBody) != 1 { // the other was never read
		t.Errorf("%d counted", refused(ReasonBody))
	}
}

// One caller's requests never keep out those of others.
func TestCallersAreBounded(t *testing.T) {
	hold := make(chan struct{})
	addr, refused := served(t, Limits{Concurrent: 3}, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/hold" {
			<-hold
		}
		_, _ = io.WriteString(w, Address(r.Context()))
	})
	ask := func(path, token string) (status int, after, body string) {
		c := dialed(t, addr)
		_, _ = fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nConnection: close\r\n\r\n", path, token)
		res, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Error(err)
			return 0, "", ""
		}
		defer func() { _ = res.Body.Close() }()
		b, _ := io.ReadAll(res.Body)
		return res.StatusCode, res.Header.Get("Retry-After"), string(b)
	}
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() { ask("/hold", "a") })
	}
	time.Sleep(100 * time.Millisecond)
	if status, after, body := ask("/", "a"); status != http.StatusTooManyRequests || after == "" || !strings.Contains(body, "http.busy") {
		t.Errorf("one too many: %d %s", status, body)
	}
	if status, _, body := ask("/", "b"); status != http.StatusOK || body != "127.0.0.1" {
		t.Errorf("another caller: %d %s", status, body)
	}
	close(hold)
	wg.Wait()
	if status, _, _ := ask("/", "a"); status != http.StatusOK || refused(ReasonBusy) != 1 {
		t.Errorf("afterwards: %d, %d counted", status, refused(ReasonBusy))
	}
}

// Headers that never end, and connections on which nothing comes, are closed.
func TestIdleConnections(t *testing.T) {
	addr, _ := served(t, Limits{Header: 200 * time.Millisecond, Idle: 200 * time.Millisecond}, func(http.ResponseWriter, *http.Request) {})
	for _, begun := range []string{"", "GET / HTTP/1.1\r\nHost: x\r\nX-", "GET / HTTP/1.1\r\nHost: x\r\n\r\n"} {
		c := dialed(t, addr)
		_, _ = io.WriteString(c, begun)
		if !closed(c, 2*time.Second) {
			t.Errorf("%q: stays open", begun)
		}
	}
}
