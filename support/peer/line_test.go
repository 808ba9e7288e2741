package peer

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
	"testing"
	"time"
)

// joined is a line whose other end answers with f, and how the other end ended.
func joined(t *testing.T, f func(context.Context, *ask) *reply) (*line, *lineEnd, chan error) {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	ours, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	e, ended := newLineEnd(theirs, f), make(chan error, 1)
	go func() { ended <- e.serve(t.Context(), bufio.NewReader(theirs)) }()
	x := newLine(ours, bufio.NewReader(ours))
	t.Cleanup(func() { _ = theirs.Close(); x.end(io.EOF) })
	return x, e, ended
}

func echo(_ context.Context, a *ask) *reply {
	return &reply{status: 200, env: envelope{media: a.env.media, cosign: a.env.request}, body: a.body}
}

// Many exchanges at once, with answers from nothing to several parts, each get their own.
func TestLineCarriesManyExchanges(t *testing.T) {
	x, _, _ := joined(t, func(ctx context.Context, a *ask) *reply {
		n, err := strconv.Atoi(a.path)
		if err != nil {
			return &reply{status: 400}
		}
		r := echo(ctx, a)
		r.body = bytes.Repeat(a.body, n)
		return r
	})
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			n := []int{0, 1, 1000, 30_000, 100_000}[i%5]
			body := fmt.Appendf(nil, "%05d", i)
			r, err := x.do(t.Context(), &ask{path: strconv.Itoa(n), env: envelope{media: "m", request: strconv.Itoa(i)}, body: body})
			if err != nil || r.status != 200 || r.env.cosign != strconv.Itoa(i) || !bytes.Equal(r.body, bytes.Repeat(body, n)) {
				t.Errorf("exchange %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	if n, usable := x.load(); n != 0 || !usable {
		t.Errorf("%d exchanges left, usable %v", n, usable)
	}
}

// Who no longer waits says so, and the other end stops working for nobody.
func TestLineCancels(t *testing.T) {
	stopped := make(chan struct{})
	x, _, _ := joined(t, func(ctx context.Context, a *ask) *reply {
		if a.path == "slow" {
			<-ctx.Done()
			close(stopped)
		}
		return echo(ctx, a)
	})
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	if _, err := x.do(ctx, &ask{path: "slow"}); !errors.Is(err, context.Canceled) {
		t.Fatalf("%v", err)
	}
	select {
	case <-stopped:
	case <-time.After(5 * time.Second):
		t.Fatal("the other end works on")
	}
	if r, err := x.do(t.Context(), &ask{path: "next", body: []byte("y")}); err != nil || string(r.body) != "y" {
		t.Errorf("the next exchange: %v", err)
	}
}

// A line that breaks fails what is under way, and takes nothing more.
func TestLineBreaks(t *testing.T) {
	x, e, _ := joined(t, func(ctx context.Context, a *ask) *reply { <-ctx.Done(); return echo(ctx, a) })
	failed := make(chan error, 8)
	for range 8 {
		go func() {
			_, err := x.do(t.Context(), &ask{path: "x"})
			failed <- err
		}()
	}
	for n := 0; n < 8; n, _ = x.load() {
		time.Sleep(time.Millisecond)
	}
	_ = e.out.conn.Close()
	for range 8 {
		if err := <-failed; err == nil {
			t.Error("an exchange without an answer succeeded")
		}
	}
	if _, err := x.do(t.Context(), &ask{path: "x"}); !errors.Is(err, errRetired) {
		t.Errorf("a dead line took an exchange: %v", err)
	}
}

// A retired line ends after its last exchange, not before.
func TestLineRetires(t *testing.T) {
	release := make(chan struct{})
	x, _, ended := joined(t, func(ctx context.Context, a *ask) *reply { <-release; return echo(ctx, a) })
	done := make(chan error, 1)
	go func() {
		_, err := x.do(t.Context(), &ask{path: "x"})
		done <- err
	}()
	for n := 0; n == 0; n, _ = x.load() {
		time.Sleep(time.Millisecond)
	}
	x.retire()
	if _, err := x.do(t.Context(), &ask{path: "y"}); !errors.Is(err, errRetired) {
		t.Errorf("a retired line took an exchange: %v", err)
	}
	close(release)
	if err := <-done; err != nil {
		t.Errorf("the last exchange: %v", err)
	}
	if err := <-ended; !errors.Is(err, io.EOF) {
		t.Errorf("the other end: %v", err)
	}
}

// What does not decode ends the line and nothing else.
func TestLineRefusesNonsense(t *testing.T) {
	for name, b := range map[string][]byte{
		"a frame too long":        {0xff, 0xff, 0xff, 0xff, lineAsk, 0, 0, 0, 1},
		"a frame too short":       {0, 0, 0, 1, lineAsk, 0, 0, 0, 1},
		"an unknown kind":         {0, 0, 0, 5, 99, 0, 0, 0, 1},
		"an answer to the asked":  {0, 0, 0, 5, lineAnswer, 0, 0, 0, 1},
		"a text beyond its frame": {0, 0, 0, 9, lineAsk, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff},
	} {
		x, _, ended := joined(t, echo)
		if _, err := x.conn.Write(b); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-ended:
			if !errors.Is(err, errLine) {
				t.Errorf("%s: %v", name, err)
			}
		case <-time.After(5 * time.Second):
			t.Errorf("%s: taken", name)
		}
	}
	x, e, _ := joined(t, func(ctx context.Context, a *ask) *reply { <-ctx.Done(); return echo(ctx, a) })
	failed := make(chan error, 1)
	go func() {
		_, err := x.do(t.Context(), &ask{path: "x"})
		failed <- err
	}()
	for n := 0; n == 0; n, _ = x.load() {
		time.Sleep(time.Millisecond)
	}
	if err := e.out.put(linePart, 1, func(b []byte) []byte { return append(b, 1) }); err != nil { // before the head
		t.Fatal(err)
	}
	if err := <-failed; !errors.Is(err, errLine) {
		t.Errorf("a part without a head: %v", err)
	}
}

// FuzzLine: no bytes of the other end do more than end the line, and what decodes encodes to the same bytes.
func FuzzLine(f *testing.F) {
	a := &ask{path: "/p", env: envelope{cosign: "1 x", known: "2", media: "m", request: "r"}, body: []byte("b")}
	r := &reply{status: 200, env: a.env, body: []byte("body")}
	for kind, content := range map[byte][]byte{lineAsk: a.append(nil), lineAnswer: r.appendHead(nil), lineCancel: nil} {
		b := binary.BigEndian.AppendUint32(nil, uint32(len(content)+5))
		b = append(b, kind, 0, 0, 0, 1)
		f.Add(append(b, content...))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		in := bufio.NewReader(bytes.NewReader(b))
		for {
			kind, _, content, err := frameOf(in)
			if err != nil {
				return
			}
			var x ask
			if kind == lineAsk && x.decode(content) == nil && len(x.env.seal) == 0 && !bytes.Equal(x.append(nil), content) {
				t.Fatalf("%x became %x", content, x.append(nil))
			}
			var y reply
			if left, err := y.decodeHead(content); kind == lineAnswer && err == nil && (left < 0 || len(y.body)+left > MaxAnswer) {
				t.Fatalf("an answer of %d bytes with %d to come", len(y.body), left)
			}
		}
	})
}

// Frames of many writers never mix, whatever the connection takes at a time.
func TestOutlet(t *testing.T) {
	ours, theirs := net.Pipe()
	defer func() { _ = ours.Close() }()
	o := newOutlet(ours)
	var wg sync.WaitGroup
	const writers, each = 16, 50
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				body := bytes.Repeat([]byte{byte(w)}, 1+rand.IntN(4000))
				if err := o.put(linePart, uint32(w*each+i), func(b []byte) []byte { return append(b, body...) }); err != nil {
					t.Error(err)
				}
			}
		})
	}
	in := bufio.NewReaderSize(theirs, 64<<10)
	next := [writers]uint32{}
	for range writers * each {
		_, number, content, err := frameOf(in)
		if err != nil {
			t.Fatal(err)
		}
		w := number / each
		if number != w*each+next[w] || bytes.Count(content, []byte{byte(w)}) != len(content) {
			t.Fatalf("frame %d of writer %d is mixed or out of order", number, w)
		}
		next[w]++
	}
	wg.Wait()
}
