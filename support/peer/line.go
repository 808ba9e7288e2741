package peer

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// A line is one TLS connection over which many sealed exchanges run at once (docs/adr/0012-lines.md). It begins as an HTTP
// request for PathLine that is answered with 101; from then on both ends write frames:
//
//	length u32 · kind u8 · number u32 · content
//	ask     path, envelope, body      an exchange begins; its number is the asker's and unused on this line
//	answer  status u16, size u32, envelope, body or its beginning
//	part    the body goes on
//	cancel  the asker no longer waits
//
// An envelope is four texts (seal, cosign, known, media) and the request's identifier, each behind its length. All numbers
// are big-endian. Whatever does not decode ends the line.
const (
	lineAsk    = 1
	lineAnswer = 2
	linePart   = 3
	lineCancel = 4

	// lineName is the protocol in the Upgrade header.
	lineName = "kuayu-line/1"
	// maxLineFrame bounds a frame, in bytes.
	maxLineFrame = 192 << 10
	// maxLineBody bounds the body within a frame: a longer answer goes on in parts, a longer request goes by HTTP.
	maxLineBody = 64 << 10
	// lineFull is how much may wait to be written before writers wait, too, in bytes.
	lineFull = 1 << 20
	// linePatience is how long a write may take.
	linePatience = 20 * time.Second

	frameHead = 4 + 1 + 4
)

var errLine = errors.New("malformed frame on a line")

// envelope is what travels beside a body, over HTTP in headers.
type envelope struct {
	frame   *frame // to be sent
	seal    []byte // the frame as it came, not decoded yet
	cosign  string // the receiver's cosignature line, with its size
	known   string // the size of the other end's log that is known
	media   string
	request string // identifier of the request, for logs
}

func appendText(b []byte, s string) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(s))) //nolint:gosec // texts are far smaller, and a frame is bounded
	return append(b, s...)
}

func (e *envelope) append(b []byte) []byte {
	at := len(b)
	b = append(b, 0, 0, 0, 0)
	if e.frame != nil {
		b = e.frame.append(b)
	}
	binary.BigEndian.PutUint32(b[at:], uint32(len(b)-at-4)) //nolint:gosec // bounded by maxFrame
	b = appendText(b, e.cosign)
	b = appendText(b, e.known)
	b = appendText(b, e.media)
	return appendText(b, e.request)
}

// cutText cuts a text off b.
func cutText(b []byte) (s, rest []byte, err error) {
	if len(b) < 4 {
		return nil, nil, errLine
	}
	n := binary.BigEndian.Uint32(b)
	if b = b[4:]; uint64(n) > uint64(len(b)) {
		return nil, nil, errLine
	}
	return b[:n:n], b[n:], nil
}

func (e *envelope) decode(b []byte) (rest []byte, err error) {
	if e.seal, b, err = cutText(b); err != nil {
		return nil, err
	}
	for _, to := range []*string{&e.cosign, &e.known, &e.media, &e.request} {
		var s []byte
		if s, b, err = cutText(b); err != nil {
			return nil, err
		}
		*to = string(s)
	}
	return b, nil
}

// ask is an exchange as its asker begins it.
type ask struct {
	path string
	env  envelope
	body []byte
}

func (a *ask) append(b []byte) []byte {
	return append(a.env.append(appendText(b, a.path)), a.body...)
}

func (a *ask) decode(b []byte) error {
	p, b, err := cutText(b)
	if err != nil {
		return err
	}
	a.path = string(p)
	a.body, err = a.env.decode(b)
	return err
}

// reply is an exchange as its answerer ends it, with the status it would have over HTTP.
type reply struct {
	status int
	env    envelope
	body   []byte
}

// appendHead writes the answer up to the first maxLineBody bytes of its body.
func (r *reply) appendHead(b []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(r.status))    //nolint:gosec // three digits
	b = binary.BigEndian.AppendUint32(b, uint32(len(r.body))) //nolint:gosec // at most MaxAnswer
	b = r.env.append(b)
	return append(b, r.body[:min(len(r.body), maxLineBody)]...)
}

// decodeHead reads an answer's first frame; left is how many bytes of its body are to come.
func (r *reply) decodeHead(b []byte) (left int, err error) {
	if len(b) < 6 {
		return 0, errLine
	}
	r.status = int(binary.BigEndian.Uint16(b))
	size := binary.BigEndian.Uint32(b[2:])
	if size > MaxAnswer {
		return 0, errLine
	}
	if r.body, err = r.env.decode(b[6:]); err != nil {
		return 0, err
	}
	if left = int(size) - len(r.body); left < 0 {
		return 0, errLine
	}
	return left, nil
}

// outlet writes frames of many exchanges to one connection. Whoever finds nobody writing writes; what others add
// meanwhile goes out with the next write, so that a busy line costs few system calls and few TLS records.
type outlet struct {
	conn  net.Conn
	mu    sync.Mutex
	space sync.Cond
	buf   []byte
	spare []byte
	busy  bool
	err   error
}

func newOutlet(c net.Conn) *outlet {
	o := &outlet{conn: c}
	o.space.L = &o.mu
	return o
}

// put adds a frame whose content fill appends.
func (o *outlet) put(kind byte, number uint32, fill func([]byte) []byte) error {
	o.mu.Lock()
	for len(o.buf) > lineFull && o.err == nil {
		o.space.Wait()
	}
	if o.err != nil {
		defer o.mu.Unlock()
		return o.err
	}
	at := len(o.buf)
	o.buf = append(o.buf, 0, 0, 0, 0, kind)
	o.buf = binary.BigEndian.AppendUint32(o.buf, number)
	if fill != nil {
		o.buf = fill(o.buf)
	}
	binary.BigEndian.PutUint32(o.buf[at:], uint32(len(o.buf)-at-4)) //nolint:gosec // bounded by maxLineFrame
	if o.busy {
		o.mu.Unlock()
		return nil
	}
	o.busy = true
	err := o.write()
	if len(o.buf) > 0 && err == nil {
		go o.drain() // others added meanwhile: the caller need not write for them
	} else {
		o.busy = false
	}
	o.mu.Unlock()
	return err
}

// drain writes until nothing waits.
func (o *outlet) drain() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for len(o.buf) > 0 && o.err == nil {
		_ = o.write() // kept in o.err
	}
	o.busy = false
}

// write writes what waits. It is called with the lock held and gives it up meanwhile.
func (o *outlet) write() error {
	b := o.buf
	o.buf = o.spare[:0]
	o.mu.Unlock()
	err := o.conn.SetWriteDeadline(time.Now().Add(linePatience))
	if err == nil {
		_, err = o.conn.Write(b)
	}
	o.mu.Lock()
	if o.spare = b; cap(b) > 2*lineFull {
		o.spare = nil
	}
	if err != nil && o.err == nil {
		o.err = err
	}
	o.space.Broadcast()
	return o.err
}

// frameOf reads one frame; content is its own memory.
func frameOf(r *bufio.Reader) (kind byte, number uint32, content []byte, err error) {
	head, err := r.Peek(frameHead)
	if err != nil {
		return 0, 0, nil, err
	}
	n := binary.BigEndian.Uint32(head)
	kind, number = head[4], binary.BigEndian.Uint32(head[5:])
	if n < frameHead-4 || n > maxLineFrame {
		return 0, 0, nil, errLine
	}
	if _, err := r.Discard(frameHead); err != nil {
		return 0, 0, nil, err
	}
	content = make([]byte, n-(frameHead-4))
	_, err = io.ReadFull(r, content)
	return kind, number, content, err
}

// line is the asker's end.
type line struct {
	conn net.Conn
	out  *outlet

	mu      sync.Mutex
	pending map[uint32]*waiting
	next    uint32
	dead    error
	retired bool // takes no more exchanges, closes after the last
	opened  time.Time
}

// waiting is an exchange whose answer is to come.
type waiting struct {
	left int  // bytes of the body to come, once the head is there
	head bool // it is
	r    reply
	err  error
	done chan struct{}
}

func newLine(c net.Conn, r *bufio.Reader) *line {
	l := &line{conn: c, out: newOutlet(c), pending: map[uint32]*waiting{}, opened: time.Now()}
	go l.read(r)
	return l
}

// do runs one exchange. An error means that no answer came; whether the other end did the work is not known.
func (l *line) do(ctx context.Context, a *ask) (*reply, error) {
	w := &waiting{done: make(chan struct{})}
	l.mu.Lock()
	if l.dead != nil || l.retired {
		l.mu.Unlock()
		return nil, errRetired
	}
	l.next++
	number := l.next
	l.pending[number] = w
	l.mu.Unlock()
	if err := l.out.put(lineAsk, number, a.append); err != nil {
		l.end(err)
	}
	late := time.NewTimer(answerPatience)
	defer late.Stop()
	var err error
	select {
	case <-w.done:
		return &w.r, w.err
	case <-ctx.Done():
		err = ctx.Err()
	case <-late.C:
		err = errLate
	}
	l.forget(number)
	if perr := l.out.put(lineCancel, number, nil); perr != nil {
		l.end(perr)
	}
	return nil, err
}

// answerPatience is how long an exchange waits for its answer.
const answerPatience = 60 * time.Second

var errLate = errors.New("no answer in time")

// errRetired is a line that takes nothing any more; nothing was sent.
var errRetired = errors.New("line is closed")

// forget takes an exchange off the line, and closes a retired line after its last. It says whether it was there.
func (l *line) forget(number uint32) bool {
	l.mu.Lock()
	_, there := l.pending[number]
	delete(l.pending, number)
	last := l.retired && len(l.pending) == 0
	l.mu.Unlock()
	if last {
		l.end(errRetired)
	}
	return there
}

// retire lets no more exchanges begin.
func (l *line) retire() {
	l.mu.Lock()
	l.retired = true
	idle := len(l.pending) == 0
	l.mu.Unlock()
	if idle {
		l.end(errRetired)
	}
}

// load is how many exchanges are under way; usable is false for a line that takes no more.
func (l *line) load() (n int, usable bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.pending), l.dead == nil && !l.retired
}

// end fails everything under way.
func (l *line) end(err error) {
	l.mu.Lock()
	if l.dead == nil {
		l.dead = err
	}
	all := l.pending
	l.pending = map[uint32]*waiting{}
	l.mu.Unlock()
	_ = l.conn.Close()
	for _, w := range all {
		w.err = err
		close(w.done)
	}
}

// read takes answers until the line ends.
func (l *line) read(r *bufio.Reader) {
	for {
		kind, number, content, err := frameOf(r)
		if err == nil {
			err = l.take(kind, number, content)
		}
		if err != nil {
			l.end(err)
			return
		}
	}
}

// take puts a frame to the exchange it is for; one that nobody waits for any more is dropped.
func (l *line) take(kind byte, number uint32, content []byte) error {
	l.mu.Lock()
	w := l.pending[number]
	l.mu.Unlock()
	if w == nil && (kind == lineAnswer || kind == linePart) {
		return nil
	}
	switch {
	case kind == lineAnswer && !w.head:
		left, err := w.r.decodeHead(content)
		if err != nil {
			return err
		}
		w.head, w.left = true, left
	case kind == linePart && w.head && len(content) > 0 && len(content) <= w.left:
		w.r.body = append(w.r.body, content...)
		w.left -= len(content)
	default:
		return errLine
	}
	if w.left == 0 && l.forget(number) {
		close(w.done)
	}
	return nil
}
