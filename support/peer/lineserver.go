package peer

import (
	"bufio"
	"context"
	"errors"
	"net"
	"net/http"
	"runtime/debug"
	"strings"
	"sync"

	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/internal/httpx"
	"github.com/kuayu/kuayu/support/evidence"
)

// PathLine is where a member asks for a line.
const PathLine = "/peer/v1/line"

// maxLineLoad is how many exchanges of one line are answered at once; the next ones wait unread.
const maxLineLoad = 256

// Responder answers a verified request with a sealed record and its media type. err is why Link refuses the request; in is
// nil where it is not known whose it is. Whatever error comes back is what the other end gets.
type Responder func(ctx context.Context, in *Incoming, err error) (*evidence.Record, string, error)

// ServeLine turns a request of a member into a line.
func (l *Link) ServeLine(w http.ResponseWriter, r *http.Request) {
	member, instance, err := l.Caller(r)
	if err == nil && !strings.EqualFold(r.Header.Get("Upgrade"), lineName) {
		err = ErrLine.With(lineName)
	}
	if err != nil {
		l.Refuse(w, r, err)
		return
	}
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		l.Refuse(w, r, err)
		return
	}
	defer func() { _ = conn.Close() }()
	if _, err := rw.WriteString("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: " + lineName +
		"\r\nDate: " + l.Clock.Now().UTC().Format(http.TimeFormat) + "\r\n" + HeaderVersion + ": " + w.Header().Get(HeaderVersion) + "\r\n\r\n"); err != nil {
		return
	}
	if err := rw.Flush(); err != nil {
		return
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(r.Context()))
	defer cancel()
	e := newLineEnd(conn, func(ctx context.Context, a *ask) *reply { return l.answer(ctx, member, instance, a) })
	if !l.keep(conn) {
		return // this node stops
	}
	defer l.drop(conn)
	err = e.serve(ctx, bufio.NewReaderSize(rw.Reader, maxLineBody))
	if errors.Is(err, errLine) {
		httpx.Logger(ctx).WarnContext(ctx, "line of a member ended", "member", member, "error", err)
	}
	// Who stops serving lets what is under way finish: the frames are read, their facts sealed.
	if l.stopping() {
		e.wait.Wait()
	}
}

// lineEnd is the answerer's end of a line.
type lineEnd struct {
	answer func(context.Context, *ask) *reply
	out    *outlet
	slots  chan struct{}
	wait   sync.WaitGroup

	mu      sync.Mutex
	running map[uint32]context.CancelFunc
}

func newLineEnd(c net.Conn, answer func(context.Context, *ask) *reply) *lineEnd {
	return &lineEnd{answer: answer, out: newOutlet(c), slots: make(chan struct{}, maxLineLoad), running: map[uint32]context.CancelFunc{}}
}

func (e *lineEnd) serve(ctx context.Context, r *bufio.Reader) error {
	for {
		kind, number, content, err := frameOf(r)
		if err != nil {
			return err
		}
		switch kind {
		case lineAsk:
			a := &ask{}
			if err := a.decode(content); err != nil {
				return err
			}
			e.slots <- struct{}{}
			if err := e.begin(ctx, number, a); err != nil {
				return err
			}
		case lineCancel:
			e.mu.Lock()
			cancel := e.running[number]
			e.mu.Unlock()
			if cancel != nil {
				cancel()
			}
		default:
			return errLine
		}
	}
}

func (e *lineEnd) begin(ctx context.Context, number uint32, a *ask) error {
	ctx, cancel := context.WithCancel(ctx)
	e.mu.Lock()
	_, twice := e.running[number]
	if !twice {
		e.running[number] = cancel
	}
	e.mu.Unlock()
	if twice {
		cancel()
		return errLine
	}
	e.wait.Go(func() {
		defer func() { <-e.slots }()
		r := e.answer(ctx, a)
		e.mu.Lock()
		delete(e.running, number)
		e.mu.Unlock()
		cancel()
		e.send(number, r)
	})
	return nil
}

// answer runs the responder of a path; a panic of it is this exchange's end and no other's.
func (l *Link) answer(ctx context.Context, member, instance string, a *ask) (r *reply) {
	ctx = httpx.WithRequest(ctx, a.env.request)
	defer func() {
		if p := recover(); p != nil {
			httpx.Logger(ctx).ErrorContext(ctx, "panic", "path", a.path, "panic", p, "stack", string(debug.Stack()))
			r = l.refusal(ctx, errs.ErrInternal.With())
		}
	}()
	f := l.responders[a.path]
	if f == nil {
		return l.refusal(ctx, httpx.ErrRoute.With())
	}
	return l.respond(ctx, &request{member: member, instance: instance, route: http.MethodPost + " " + a.path, ask: a}, f)
}

// send writes an answer, a long one in parts between which others have their turn.
func (e *lineEnd) send(number uint32, r *reply) {
	if e.out.put(lineAnswer, number, r.appendHead) != nil {
		return // the asker hears of it by the line's end
	}
	for b := r.body[min(len(r.body), maxLineBody):]; len(b) > 0; {
		n := min(len(b), maxLineBody)
		part := b[:n]
		if e.out.put(linePart, number, func(to []byte) []byte { return append(to, part...) }) != nil {
			return
		}
		b = b[n:]
	}
}
