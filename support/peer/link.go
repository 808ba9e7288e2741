package peer

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/sync/singleflight"

	"github.com/kuayu/kuayu/internal/clock"
	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/internal/httpx"
	"github.com/kuayu/kuayu/internal/obs"
	"github.com/kuayu/kuayu/internal/text"
	"github.com/kuayu/kuayu/support/evidence"
	"github.com/kuayu/kuayu/support/federation"
	"github.com/kuayu/kuayu/support/seal"
)

// Link does one sealed exchange with another member, in either direction.
type Link struct {
	Self     string
	Dir      *federation.Directory
	Identity *federation.Identity
	Tlog     *evidence.Tlog
	Witness  *evidence.Witness
	Clock    clock.Clock
	Metrics  *obs.Metrics
	// Accept takes a member's statement that verified. federation.Service has one.
	Accept func(context.Context, *federation.SignedStatement) error
	// Papers answers a member that lacks documents of the federation. federation.Service has one.
	Papers func(ctx context.Context, body []byte) ([]byte, error)
	// Wire, if not nil, lies between this node and the others: tests lose, repeat and delay messages in it.
	Wire func(http.RoundTripper) http.RoundTripper

	responders map[string]Responder // by path: what is answered on lines
	roots      seal.RootCache
	mu         sync.Mutex
	clients    map[string]*http.Client
	lines      map[string][]*line    // to each member, for the paths that responders have
	noLine     map[string]time.Time  // members that refused a line, and when
	ends       map[net.Conn]struct{} // lines of others to this node
	closing    bool                  // no more lines
	serving    sync.WaitGroup        // of lines of others
	known      map[string]uint64     // size of our log that each member cosigned last
	cosigned   map[string]string     // the cosignature line each member sent last
	verifiers  map[string]note.Verifier
	contacts   map[string]Contact
	learning   singleflight.Group
	unlearned  map[string]time.Time // when a member was asked for its statement in vain
}

// peerConns is how many connections are kept to each member; more would only turn a stall into a storm of handshakes.
const peerConns = 128

// maxID bounds the id of a message, in bytes.
const maxID = 512

// MaxAnswer bounds an answer that is held in memory, in bytes.
const MaxAnswer = 64 << 20

func (l *Link) client(member string) (*http.Client, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if c := l.clients[member]; c != nil {
		return c, nil
	}
	conf, err := federation.ClientTLS(l.Identity, l.Dir, member)
	if err != nil {
		return nil, err
	}
	c := &http.Client{
		Transport: &http.Transport{
			TLSClientConfig: conf, MaxIdleConnsPerHost: peerConns, MaxConnsPerHost: peerConns, IdleConnTimeout: 90 * time.Second,
			DialContext:           (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
			TLSHandshakeTimeout:   5 * time.Second,
			ResponseHeaderTimeout: 60 * time.Second,
			DisableCompression:    true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	if l.Wire != nil {
		c.Transport = l.Wire(c.Transport)
	}
	if l.clients == nil {
		l.clients = map[string]*http.Client{}
	}
	l.clients[member] = c
	return c, nil
}

// CloseIdle drops idle connections and lets lines end, after certificates or members changed.
func (l *Link) CloseIdle() {
	l.mu.Lock()
	lines := l.lines
	l.lines, l.noLine = nil, nil
	for _, c := range l.clients {
		c.CloseIdleConnections()
	}
	l.mu.Unlock()
	for _, of := range lines {
		for _, x := range of {
			x.retire()
		}
	}
}

// announcement is this node's latest checkpoint for a member, with the proof from what the member cosigned last. It goes
// with what is sealed in the same log alone: the key that verifies it is found by the seal beside it.
func (l *Link) announcement(ctx context.Context, member string, s *seal.Sealed) *evidence.Announcement {
	if l.Tlog == nil || s.Header.Log != l.Tlog.ID() {
		return nil
	}
	// In this order: what the member knows cannot be newer than the latest checkpoint read after it. The other way
	// round, a message overtaken by another would seem to hide a part of the log, and that is a fork.
	l.mu.Lock()
	from := l.known[member]
	l.mu.Unlock()
	cp := l.Tlog.Latest()
	if cp == nil {
		return nil
	}
	a := &evidence.Announcement{Checkpoint: cp.Raw, OldSize: from}
	if from > 0 && from < cp.Size {
		p, err := l.Tlog.Consistency(ctx, from, cp)
		if err != nil {
			return nil // it can't be read right now; a checkpoint without its proof would look like a fork, for good
		}
		a.Proof = p
	}
	return a
}

func (l *Link) setKnown(member string, size uint64) {
	l.mu.Lock()
	if l.known == nil {
		l.known = map[string]uint64{}
	}
	l.known[member] = size
	l.mu.Unlock()
}

// Answer is a verified answer of another member.
type Answer struct {
	Sealed   *seal.Sealed
	BodySalt [seal.BodySaltSize]byte
	Fact     seal.Fact
	Header   evidence.Header
	Body     []byte
}

// Commitment is the hex commitment of a sealed fact: how an answer names the request it answers.
func Commitment(s *seal.Sealed) string {
	c := s.Header.Suite.Commit(s.Salt, s.Fact)
	return hex.EncodeToString(c[:])
}

// Do sends a sealed request to a member and verifies the answer: its seal, that it answers this very request, and its
// body. The record's header must carry To and Route as given here. Errors of the other node come back as its own.
func (l *Link) Do(ctx context.Context, to, method, path, contentType string, rec *evidence.Record) (*Answer, error) {
	for attempt := 0; ; attempt++ {
		a, retry, err := l.once(ctx, to, method, path, contentType, rec)
		if err == nil || !retry || attempt == 2 {
			return a, err
		}
	}
}

func (l *Link) once(ctx context.Context, to, method, path, contentType string, rec *evidence.Record) (*Answer, bool, error) {
	st, err := l.Dir.Statement(to)
	if err != nil {
		return nil, false, err
	}
	f := &frame{sealed: rec.Sealed, bodySalt: rec.BodySalt, announce: l.announcement(ctx, to, rec.Sealed)}
	a := &ask{path: path, body: rec.Body, env: envelope{frame: f, media: contentType, request: httpx.RequestID(ctx)}}
	a.env.cosign, a.env.known = l.tellKnown(ctx, st)
	r, err := l.send(ctx, st, to, method, a)
	if err != nil {
		return nil, false, err
	}
	if r.status/100 != 2 {
		return l.refused(ctx, to, r)
	}
	answer, err := l.verify(ctx, to, rec, r)
	return answer, false, err
}

// send carries a sealed request over a line, where it fits one, or over HTTP. A line that broke before the answer came is
// no failure of the exchange: the same sealed request asked again gets the same answer.
func (l *Link) send(ctx context.Context, st *federation.Statement, to, method string, a *ask) (*reply, error) {
	if method == http.MethodPost && len(a.body) <= maxLineBody && l.responders[a.path] != nil {
		if x := l.lineTo(ctx, st, to); x != nil {
			sent := l.Clock.Now()
			r, err := x.do(ctx, a)
			switch {
			case err == nil:
				l.heard(to, sent)
				return r, nil
			case ctx.Err() != nil, errors.Is(err, errLate):
				return nil, ErrUnreachable.Because(err, to)
			}
		}
	}
	c, err := l.client(to)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(st.PeerURL, "/")+a.path, bytes.NewReader(a.body))
	if err != nil {
		return nil, ErrUnreachable.Because(err, to)
	}
	a.env.toHeader(req.Header)
	sent := l.Clock.Now()
	res, err := c.Do(req)
	if err != nil {
		return nil, l.silent(to, unreachable(err, to))
	}
	l.answered(to, sent, res)
	defer func() { _ = res.Body.Close() }()
	r := &reply{status: res.StatusCode}
	if r.body, err = readAll(res.Body, res.ContentLength, MaxAnswer); err != nil {
		return nil, ErrUnreachable.Because(err, to)
	}
	if err := r.env.fromHeader(res.Header); err != nil && r.status/100 == 2 {
		return nil, ErrAnswer.Because(err, to)
	}
	return r, nil
}

// Ask sends an unsealed request (reading what every member may read, as a catalogue) and returns the body of a 2xx.
func (l *Link) Ask(ctx context.Context, to, method, path string, body []byte) ([]byte, error) {
	st, err := l.Dir.Statement(to)
	if err != nil {
		return nil, err
	}
	c, err := l.client(to)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(st.PeerURL, "/")+path, bytes.NewReader(body))
	if err != nil {
		return nil, ErrUnreachable.Because(err, to)
	}
	req.Header.Set("Content-Type", "application/json")
	if id := httpx.RequestID(ctx); id != "" {
		req.Header.Set(httpx.HeaderRequestID, id)
	}
	sent := l.Clock.Now()
	res, err := c.Do(req)
	if err != nil {
		return nil, l.silent(to, unreachable(err, to))
	}
	l.answered(to, sent, res)
	defer func() { _ = res.Body.Close() }()
	b, err := readAll(res.Body, res.ContentLength, MaxAnswer)
	if err != nil {
		return nil, ErrUnreachable.Because(err, to)
	}
	if res.StatusCode/100 != 2 {
		return nil, httpx.ReadProblem(res.StatusCode, b, to, "provider")
	}
	if err := httpx.CheckJSON(b); err != nil {
		return nil, ErrAnswer.Because(err, to)
	}
	return b, nil
}

func unreachable(err error, to string) error {
	var alert tls.AlertError
	var cert *tls.CertificateVerificationError
	if errors.As(err, &alert) || errors.As(err, &cert) || errors.Is(err, federation.ErrNotMember) {
		return ErrTLS.Because(err, to)
	}
	return ErrUnreachable.Because(err, to)
}

func readAll(r io.Reader, length, limit int64) ([]byte, error) {
	if length > limit {
		return nil, errors.New("answer too long")
	}
	var buf bytes.Buffer
	if length > 0 {
		buf.Grow(int(length) + bytes.MinRead)
	}
	if _, err := buf.ReadFrom(io.LimitReader(r, limit+1)); err != nil {
		return nil, err
	}
	if int64(buf.Len()) > limit {
		return nil, errors.New("answer too long")
	}
	return buf.Bytes(), nil
}

// refused reads a refusal. After one that this node can clear up the same request is sent again.
func (l *Link) refused(ctx context.Context, to string, r *reply) (*Answer, bool, error) {
	err := httpx.ReadProblem(r.status, r.body, to, "provider")
	if errors.Is(err, federation.ErrUnknownKey) {
		return nil, l.introduce(ctx, to) == nil, err
	}
	if errors.Is(err, evidence.ErrStaleProof) {
		if n, perr := strconv.ParseUint(r.env.known, 10, 64); perr == nil {
			l.setKnown(to, n)
			return nil, true, err
		}
	}
	return nil, false, err
}

func (l *Link) verify(ctx context.Context, to string, rec *evidence.Record, r *reply) (*Answer, error) {
	f, err := decodeFrame(r.env.seal)
	if err != nil {
		return nil, ErrAnswer.Because(err, to)
	}
	a := &Answer{Sealed: f.sealed, BodySalt: f.bodySalt, Body: r.body}
	if strings.Contains(r.env.media, "json") {
		if err := httpx.CheckJSON(r.body); err != nil {
			return nil, ErrAnswer.Because(err, to)
		}
	}
	a.Fact, a.Header, err = l.open(to, f, r.body)
	if errors.Is(err, federation.ErrUnknownKey) {
		l.learn(ctx, to)
		a.Fact, a.Header, err = l.open(to, f, r.body)
	}
	if err != nil {
		return nil, ErrAnswer.Because(err, to)
	}
	if a.Header.ReqHash != Commitment(rec.Sealed) {
		return nil, ErrAnswer.Because(errors.New("it answers another request"), to)
	}
	l.hearKnown(to, &r.env)
	if f.announce != nil {
		if err := l.observe(ctx, to, f); errors.Is(err, evidence.ErrFork) {
			return nil, err
		}
	}
	return a, nil
}

// tellKnown is what a member is told of what this node has seen of its log: a cosignature, or the size alone.
func (l *Link) tellKnown(ctx context.Context, st *federation.Statement) (cosign, known string) {
	if len(st.Logs) == 0 {
		return "", ""
	}
	size, c := l.Witness.Known(ctx, originOf(st))
	if c != nil {
		return encodeCosign(c), ""
	} else if size > 0 {
		return "", strconv.FormatUint(size, 10)
	}
	return "", ""
}

// originOf is the origin of a member's current log: the name in its verifier key.
func originOf(st *federation.Statement) string {
	origin, _, _ := strings.Cut(st.Logs[len(st.Logs)-1].VKey, "+")
	return origin
}

func encodeCosign(c *evidence.Cosignature) string {
	return strconv.FormatUint(c.Size, 10) + " " + base64.RawURLEncoding.EncodeToString(c.Line)
}

// hearKnown keeps what a member says it has seen of this node's log. A line heard before costs a comparison.
func (l *Link) hearKnown(member string, env *envelope) {
	if l.Tlog == nil {
		return
	}
	text := env.cosign
	if text == "" {
		if n, err := strconv.ParseUint(env.known, 10, 64); err == nil {
			l.setKnown(member, n)
		}
		return
	}
	l.mu.Lock()
	seen := l.cosigned[member] == text
	if !seen {
		if l.cosigned == nil {
			l.cosigned = map[string]string{}
		}
		l.cosigned[member] = text
	}
	l.mu.Unlock()
	if seen {
		return
	}
	number, encoded, _ := strings.Cut(text, " ")
	size, err := strconv.ParseUint(number, 10, 64)
	if err != nil || len(encoded) > 4096 {
		return
	}
	line, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil {
		return
	}
	st, err := l.Dir.Statement(member)
	if err != nil {
		return
	}
	l.mu.Lock()
	v := l.verifiers[st.WitnessKey]
	older := size < l.known[member]
	l.mu.Unlock()
	if v == nil {
		if v, err = evidence.WitnessVerifier(st.WitnessKey); err != nil {
			return
		}
		l.keepVerifier(st.WitnessKey, v)
	}
	if l.Tlog.AddCosignature(size, line, v) && !older {
		l.setKnown(member, size)
	}
}

func (l *Link) keepVerifier(key string, v note.Verifier) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.verifiers == nil {
		l.verifiers = map[string]note.Verifier{}
	}
	l.verifiers[key] = v
}

func (l *Link) open(member string, f *frame, body []byte) (seal.Fact, evidence.Header, error) {
	var h evidence.Header
	if f.sealed.Header.Log.Node != member {
		return seal.Fact{}, h, seal.ErrForged.With()
	}
	k, err := l.Dir.LogKey(f.sealed.Header.Log, f.sealed.Header.Time)
	if err != nil {
		return seal.Fact{}, h, err
	}
	fact, err := f.sealed.Open(k.Key, &l.roots)
	if err != nil {
		return fact, h, err
	}
	if fact.BodyHash != (seal.Hash{}) || len(body) > 0 {
		if fact.Suite.Body(f.bodySalt, body) != fact.BodyHash {
			return fact, h, seal.ErrForged.With()
		}
	}
	if h, err = evidence.HeaderOf(&fact); err != nil {
		return fact, h, err
	}
	return fact, h, evidence.CheckText(&fact, &h)
}

func (l *Link) observe(ctx context.Context, member string, f *frame) error {
	_, err := l.observeLine(ctx, member, f)
	return err
}

func (l *Link) observeLine(ctx context.Context, member string, f *frame) (*evidence.Cosignature, error) {
	k, err := l.Dir.LogKey(f.sealed.Header.Log, f.sealed.Header.Time)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	v := l.verifiers[k.VKey]
	l.mu.Unlock()
	if v == nil {
		if v, err = note.NewVerifier(k.VKey); err != nil {
			return nil, evidence.ErrCheckpoint.Because(err, "log key")
		}
		l.keepVerifier(k.VKey, v)
	}
	return l.Witness.Observe(ctx, member, v, f.announce)
}

// Incoming is a verified request of another member.
type Incoming struct {
	From     string
	Instance string
	Fact     seal.Fact
	Header   evidence.Header
	Sealed   *seal.Sealed
	BodySalt [seal.BodySaltSize]byte
	Body     []byte
	cosign   *evidence.Cosignature
}

// request is a sealed request as it came in.
type request struct {
	member, instance string // by the certificate of the connection
	route            string
	*ask
}

// Receive verifies a sealed request: the TLS identity is a member in force, the seal is that member's and covers body,
// address and route, it is fresh, and the member's log still extends what was seen of it. A request whose seal verified
// comes back even with an error: it is known whose it is, so the refusal can be recorded.
func (l *Link) Receive(r *http.Request, body []byte) (*Incoming, error) {
	member, instance, err := l.Caller(r)
	if err != nil {
		return nil, err
	}
	a := &ask{body: body}
	if err := a.env.fromHeader(r.Header); err != nil {
		return nil, err
	}
	return l.receive(r.Context(), &request{member: member, instance: instance, route: r.Method + " " + r.URL.Path, ask: a})
}

func (l *Link) receive(ctx context.Context, q *request) (*Incoming, error) {
	f, err := decodeFrame(q.env.seal)
	if err != nil {
		return nil, err
	}
	in := &Incoming{From: q.member, Instance: q.instance, Sealed: f.sealed, BodySalt: f.bodySalt, Body: q.body}
	if in.Fact, in.Header, err = l.open(q.member, f, q.body); err != nil {
		return nil, err
	}
	// What this node answers with names the request by an id made of this one.
	if err := text.Check(text.Name{En: "The id of the message", Zh: "消息编号"}, in.Fact.ID, maxID); err != nil {
		return nil, err
	}
	if err := httpx.CheckJSON(q.body); err != nil {
		return in, err
	}
	return in, l.acceptable(ctx, q, in, f)
}

// acceptable checks a request whose seal verified.
func (l *Link) acceptable(ctx context.Context, q *request, in *Incoming, f *frame) (err error) {
	if in.Header.To != l.Self || in.Header.Route != q.route {
		return ErrMisaddressed.With()
	}
	if in.Header.Expired(l.Clock.Now()) {
		return ErrStale.With()
	}
	l.hearKnown(in.From, &q.env)
	if f.announce != nil {
		in.cosign, err = l.observeLine(ctx, in.From, f)
	}
	return err
}

// respond lets a responder answer a request that came in over a line.
func (l *Link) respond(ctx context.Context, q *request, f Responder) *reply {
	var in *Incoming
	_, err := l.Dir.Member(q.member) // it may have left since the line was opened
	if err == nil {
		in, err = l.receive(ctx, q)
	}
	rec, media, err := f(ctx, in, err)
	if err != nil {
		return l.refusal(ctx, err)
	}
	return &reply{status: http.StatusOK, env: l.replied(ctx, in, rec, media), body: rec.Body}
}

// replied is what travels beside a sealed answer.
func (l *Link) replied(ctx context.Context, in *Incoming, rec *evidence.Record, media string) envelope {
	e := envelope{frame: &frame{sealed: rec.Sealed, bodySalt: rec.BodySalt, announce: l.announcement(ctx, in.From, rec.Sealed)}, media: media}
	if in.cosign != nil {
		e.cosign = encodeCosign(in.cosign)
	}
	return e
}

// refusal is an error for a peer.
func (l *Link) refusal(ctx context.Context, err error) *reply {
	status, body := httpx.ProblemOf(ctx, "zh", errs.As(err).At(l.Self, "provider"))
	return &reply{status: status, env: envelope{known: knownOf(err), media: httpx.MediaProblem}, body: body}
}

// knownOf is, with a stale proof, the size to prove from.
func knownOf(err error) string {
	if !errors.Is(err, evidence.ErrStaleProof) {
		return ""
	}
	return strings.Map(func(c rune) rune {
		if c >= '0' && c <= '9' {
			return c
		}
		return -1
	}, errs.As(err).En)
}

// Caller returns the member at the other end of the TLS connection, if it is one in the constitution in force.
func (l *Link) Caller(r *http.Request) (member, instance string, err error) {
	if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
		return "", "", federation.ErrNotMember.With("?")
	}
	member, instance = federation.MemberOf(r.TLS.PeerCertificates[0])
	if _, err := l.Dir.Member(member); err != nil {
		return member, instance, err
	}
	return member, instance, nil
}

// Over answers one sealed request over HTTP; its body is at most limit bytes.
func (l *Link) Over(w http.ResponseWriter, r *http.Request, limit int64, f Responder) {
	body, err := httpx.ReadBody(r, limit)
	if err != nil {
		l.Refuse(w, r, err)
		return
	}
	in, err := l.Receive(r, body)
	rec, media, err := f(r.Context(), in, err)
	if err != nil {
		l.Refuse(w, r, err)
		return
	}
	l.Reply(w, r, in, rec, http.StatusOK, media)
}

// Reply writes a sealed answer. The record's header must carry ReqHash of the request.
func (l *Link) Reply(w http.ResponseWriter, r *http.Request, in *Incoming, rec *evidence.Record, status int, contentType string) {
	e := l.replied(r.Context(), in, rec, contentType)
	e.toHeader(w.Header())
	w.Header()["Content-Length"] = []string{strconv.Itoa(len(rec.Body))}
	w.WriteHeader(status)
	_, _ = w.Write(rec.Body)
}

// Refuse writes an error to a peer; for a stale proof it says from which size to prove.
func (l *Link) Refuse(w http.ResponseWriter, r *http.Request, err error) {
	if known := knownOf(err); known != "" {
		w.Header().Set(HeaderKnown, known)
	}
	httpx.WriteError(w, r, errs.As(err).At(l.Self, "provider"))
}
