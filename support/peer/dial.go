package peer

import (
	"bufio"
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/kuayu/kuayu/support/federation"
)

const (
	// lineLoad is how many exchanges run over a line before another is opened.
	lineLoad = 128
	// maxLines is how many lines are kept to one member.
	maxLines = 8
	// lineAge is how long a line is used: certificates are checked when one is opened.
	lineAge = 30 * time.Minute
	// noLineFor is how long a member that gave no line is not asked for another.
	noLineFor = time.Minute
	// dialPatience is how long opening one may take.
	dialPatience = 10 * time.Second
)

// Answers says who answers a path on lines, and that this node asks for that path over lines, too. Call before serving.
func (l *Link) Answers(path string, f Responder) {
	if l.responders == nil {
		l.responders = map[string]Responder{}
	}
	l.responders[path] = f
}

// lineTo is a line to a member, nil if there is none and none can be had: HTTP is for that.
func (l *Link) lineTo(ctx context.Context, st *federation.Statement, to string) *line {
	if l.Wire != nil {
		return nil // faults are made in HTTP messages
	}
	l.mu.Lock()
	best, full := l.pick(to)
	open := best == nil || full && len(l.lines[to]) < maxLines
	if open {
		if at, ok := l.noLine[to]; ok && time.Since(at) < noLineFor || l.closing {
			open = false
		} else { // one at a time: until it is there, the others go by what there is
			l.holdOff(to)
		}
	}
	l.mu.Unlock()
	if !open {
		return best
	}
	x, err := l.openLine(ctx, st, to)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		if ctx.Err() != nil {
			delete(l.noLine, to) // nobody refused
		}
		return best
	}
	delete(l.noLine, to)
	if l.lines == nil {
		l.lines = map[string][]*line{}
	}
	l.lines[to] = append(l.lines[to], x)
	return x
}

// pick is the line with the least load; full says that it has enough. Lines that ended are dropped, old ones retired.
func (l *Link) pick(to string) (best *line, full bool) {
	kept, least := l.lines[to][:0], 0
	for _, x := range l.lines[to] {
		n, usable := x.load()
		if usable && time.Since(x.opened) > lineAge {
			go x.retire()
			continue
		}
		if !usable {
			continue
		}
		if kept = append(kept, x); best == nil || n < least {
			best, least = x, n
		}
	}
	if l.lines != nil {
		clear(l.lines[to][len(kept):])
		l.lines[to] = kept
	}
	return best, least >= lineLoad
}

// Lines is how many lines to a member are open.
func (l *Link) Lines(to string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for _, x := range l.lines[to] {
		if _, usable := x.load(); usable {
			n++
		}
	}
	return n
}

// holdOff lets nobody ask a member for a line for a while.
func (l *Link) holdOff(to string) {
	if l.noLine == nil {
		l.noLine = map[string]time.Time{}
	}
	l.noLine[to] = time.Now()
}

// openLine dials a member, whose certificate must be the one its membership names, and asks for a line.
func (l *Link) openLine(ctx context.Context, st *federation.Statement, to string) (*line, error) {
	ctx, cancel := context.WithTimeout(ctx, dialPatience)
	defer cancel()
	conf, err := federation.ClientTLS(l.Identity, l.Dir, to)
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(strings.TrimSuffix(st.PeerURL, "/") + PathLine)
	if err != nil {
		return nil, err
	}
	conf = conf.Clone()
	if conf.ServerName == "" {
		conf.ServerName = u.Hostname()
	}
	d := tls.Dialer{NetDialer: &net.Dialer{KeepAlive: 30 * time.Second}, Config: conf}
	address := u.Host
	if u.Port() == "" {
		address = net.JoinHostPort(u.Hostname(), "443")
	}
	conn, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	x, err := l.upgrade(ctx, conn, u, to)
	if err != nil {
		_ = conn.Close()
	}
	return x, err
}

func (l *Link) upgrade(ctx context.Context, conn net.Conn, u *url.URL, to string) (*line, error) {
	end, _ := ctx.Deadline()
	if err := conn.SetDeadline(end); err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), http.NoBody)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Connection", "Upgrade")
	req.Header.Set("Upgrade", lineName)
	sent := l.Clock.Now()
	if err := req.Write(conn); err != nil {
		return nil, err
	}
	r := bufio.NewReaderSize(conn, maxLineBody)
	res, err := http.ReadResponse(r, req)
	if err != nil {
		return nil, err
	}
	_ = res.Body.Close()
	if c, ok := conn.(*tls.Conn); ok {
		state := c.ConnectionState()
		res.TLS = &state
	}
	l.answered(to, sent, res)
	if res.StatusCode != http.StatusSwitchingProtocols || !strings.EqualFold(res.Header.Get("Upgrade"), lineName) {
		return nil, errLine
	}
	return newLine(conn, r), conn.SetDeadline(time.Time{})
}

// keep remembers another member's line; false if this node takes none any more.
func (l *Link) keep(c net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closing {
		return false
	}
	if l.ends == nil {
		l.ends = map[net.Conn]struct{}{}
	}
	l.ends[c] = struct{}{}
	l.serving.Add(1)
	return true
}

func (l *Link) drop(c net.Conn) {
	l.mu.Lock()
	delete(l.ends, c)
	l.mu.Unlock()
	l.serving.Done()
}

func (l *Link) stopping() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.closing
}

// CloseLines ends the lines of others: no more frames are read, what is under way is answered, until ctx ends. Call when the
// node stops: a server's shutdown does not know of connections that became lines.
func (l *Link) CloseLines(ctx context.Context) {
	l.mu.Lock()
	l.closing = true
	ends := make([]net.Conn, 0, len(l.ends))
	for c := range l.ends {
		ends = append(ends, c)
	}
	l.mu.Unlock()
	for _, c := range ends {
		_ = c.SetReadDeadline(time.Now())
	}
	l.CloseIdle()
	answered := make(chan struct{})
	go func() {
		l.serving.Wait()
		close(answered)
	}()
	select {
	case <-answered:
	case <-ctx.Done():
	}
}
