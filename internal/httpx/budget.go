package httpx

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/kuayu/kuayu/internal/errs"
)

// ErrBusy is one request too many at once.
var ErrBusy = errs.Define(errs.TooMany, "http.busy", "您同时发起的请求过多（上限 %d 个），请等先前的请求完成后再试。", "You have too many requests under way (the limit is %d); wait for some of them to finish.")

// Limits are what a listener gives at most. Zero is no limit.
type Limits struct {
	Conns      int           // connections in all
	PerAddress int           // connections from one address
	Concurrent int           // requests under way for one caller
	Header     time.Duration // for the headers of a request, and for the handshake before
	Idle       time.Duration // between two requests of a connection
	Body       time.Duration // for the first bytes of a body; every MinRate bytes give another second
	MinRate    int64         // bytes a second that a body must come at, on the whole
	BodyBytes  int64         // of a body, whatever it says of its length; handlers may take less
}

// bodyless bounds the body of a request whose method has none, in bytes.
const bodyless = 64 << 10

// Budget keeps a listener within its limits. What it refuses it counts.
type Budget struct {
	Limits
	refused func(reason string)
	caller  func(*http.Request) string

	mu    sync.Mutex
	conns int
	from  map[string]int // connections by address
	under map[string]int // requests under way by caller
}

// The reasons a budget counts refusals by.
const (
	ReasonConns   = "connections"
	ReasonAddress = "address"
	ReasonBusy    = "busy"
	ReasonBody    = "body"
	ReasonSlow    = "slow"
	ReasonText    = "text"
)

// NewBudget makes a budget. caller names who asks (CallerOf, if nil); refused hears of each refusal.
func NewBudget(l Limits, caller func(*http.Request) string, refused func(reason string)) *Budget {
	if caller == nil {
		caller = CallerOf
	}
	if refused == nil {
		refused = func(string) {}
	}
	return &Budget{Limits: l, refused: refused, caller: caller, from: map[string]int{}, under: map[string]int{}}
}

// CallerOf is who asks as far as a budget can tell before anything is verified: a credential, by its digest, or else an
// address. Whoever invents credentials is bounded by the connections of an address.
func CallerOf(r *http.Request) string {
	for _, v := range []string{r.Header.Get("Authorization"), r.Header.Get("Cookie")} {
		if v != "" {
			sum := sha256.Sum256([]byte(v))
			return "credential " + string(sum[:16])
		}
	}
	return "address " + addressOf(r.RemoteAddr)
}

func addressOf(hostport string) string {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		return hostport
	}
	return host
}

type addressKey struct{}

// Address is the network address a request came from; "" outside of a request.
func Address(ctx context.Context) string {
	a, _ := ctx.Value(addressKey{}).(string)
	return a
}

// Listener closes what comes beyond the connections that the budget allows, unread.
func (b *Budget) Listener(l net.Listener) net.Listener { return &budgetListener{l, b} }

type budgetListener struct {
	net.Listener
	b *Budget
}

// Accept implements net.Listener.
func (l *budgetListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		from := addressOf(c.RemoteAddr().String())
		if reason := l.b.take(from); reason != "" {
			l.b.refused(reason)
			_ = c.Close()
			continue
		}
		return &budgetConn{Conn: c, leave: sync.OnceFunc(func() { l.b.leave(from) })}, nil
	}
}

func (b *Budget) take(from string) (reason string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.Conns > 0 && b.conns >= b.Conns:
		return ReasonConns
	case b.PerAddress > 0 && b.from[from] >= b.PerAddress:
		return ReasonAddress
	}
	b.conns++
	b.from[from]++
	return ""
}

func (b *Budget) leave(from string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.conns--
	if b.from[from]--; b.from[from] == 0 {
		delete(b.from, from)
	}
}

type budgetConn struct {
	net.Conn
	leave func()
}

// Close implements net.Conn.
func (c *budgetConn) Close() error {
	c.leave()
	return c.Conn.Close()
}

// Handler bounds the requests that h handles: how many a caller has under way, and how long, how slow and how large their
// bodies are. Bodies stream; nothing is set aside for what a caller says it will send.
func (b *Budget) Handler(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r = r.WithContext(context.WithValue(r.Context(), addressKey{}, addressOf(r.RemoteAddr)))
		who := b.caller(r)
		if !b.enter(who) {
			b.refused(ReasonBusy)
			WriteError(w, r, ErrBusy.With(b.Concurrent))
			return
		}
		defer b.exit(who)
		if r.Body != nil && r.Body != http.NoBody {
			most := b.BodyBytes
			switch r.Method {
			case http.MethodGet, http.MethodHead, http.MethodDelete, http.MethodOptions:
				most = bodyless
			}
			r.Body = b.body(w, r.Body, most)
		}
		h.ServeHTTP(w, r)
	})
}

func (b *Budget) enter(who string) bool {
	if b.Concurrent == 0 {
		return true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.under[who] >= b.Concurrent {
		return false
	}
	b.under[who]++
	return true
}

func (b *Budget) exit(who string) {
	if b.Concurrent == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.under[who]--; b.under[who] == 0 {
		delete(b.under, who)
	}
}

func (b *Budget) body(w http.ResponseWriter, body io.ReadCloser, most int64) io.ReadCloser {
	p := &pacedBody{ReadCloser: body, b: b, c: http.NewResponseController(w), begun: time.Now()}
	if b.Body > 0 {
		_ = p.c.SetReadDeadline(p.begun.Add(b.Body)) // a connection that has none is a test's
	}
	if most > 0 {
		p.ReadCloser = http.MaxBytesReader(w, p.ReadCloser, most)
	}
	return p
}

// pacedBody is a body that must keep coming. The deadline is the connection's, so that a reader that waits is woken.
type pacedBody struct {
	io.ReadCloser
	b     *Budget
	c     *http.ResponseController
	begun time.Time
	read  int64
	over  bool
}

// Read implements io.Reader.
func (p *pacedBody) Read(to []byte) (int, error) {
	n, err := p.ReadCloser.Read(to)
	p.read += int64(n)
	switch {
	case p.b.Body == 0:
	case err == nil && p.b.MinRate > 0 && n > 0:
		_ = p.c.SetReadDeadline(p.begun.Add(p.b.Body + time.Duration(p.read/p.b.MinRate)*time.Second))
	case errors.Is(err, io.EOF): // what follows on the connection has deadlines of its own
		_ = p.c.SetReadDeadline(time.Time{})
	}
	if err != nil && !p.over {
		p.over = true
		var slow net.Error
		var long *http.MaxBytesError
		switch {
		case errors.As(err, &slow) && slow.Timeout():
			p.b.refused(ReasonSlow)
		case errors.As(err, &long):
			p.b.refused(ReasonBody)
		}
	}
	return n, err
}

// Server is a server within the budget.
func (b *Budget) Server(s *http.Server) *http.Server {
	if b.Header > 0 {
		s.ReadHeaderTimeout = b.Header
	}
	if b.Idle > 0 {
		s.IdleTimeout = b.Idle
	}
	s.Handler = b.Handler(s.Handler)
	return s
}
