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

	"github.com/kuayu/kuayu/internal/clock"
	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/internal/httpx"
	"github.com/kuayu/kuayu/internal/obs"
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
	// Wire, if not nil, lies between this node and the others: tests lose, repeat and delay messages in it.
	Wire func(http.RoundTripper) http.RoundTripper

	roots     seal.RootCache
	mu        sync.Mutex
	clients   map[string]*http.Client
	known     map[string]uint64 // size of our log that each member cosigned last
	lines     map[string]string // the cosignature line each member sent last
	verifiers map[string]note.Verifier
	contacts  map[string]Contact
}

// peerConns is how many connections are kept to each member; more would only turn a stall into a storm of handshakes.
const peerConns = 128

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

// CloseIdle drops idle connections, after certificates or members changed.
func (l *Link) CloseIdle() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.clients {
		c.CloseIdleConnections()
	}
}

// announcement is this node's latest checkpoint for a member, with the proof from what the member cosigned last.
func (l *Link) announcement(ctx context.Context, member string) *evidence.Announcement {
	if l.Tlog == nil {
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
		if err == nil {
			a.Proof = p
		}
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
	c, err := l.client(to)
	if err != nil {
		return nil, false, err
	}
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(st.PeerURL, "/")+path, bytes.NewReader(rec.Body))
	if err != nil {
		return nil, false, ErrUnreachable.Because(err, to)
	}
	f := frame{sealed: rec.Sealed, bodySalt: rec.BodySalt, announce: l.announcement(ctx, to)}
	l.tellKnown(ctx, req.Header, st)
	req.Header[HeaderSeal] = []string{f.encode()}
	req.Header["Content-Type"] = []string{contentType}
	if id := httpx.RequestID(ctx); id != "" {
		req.Header[httpx.HeaderRequestID] = []string{id}
	}
	sent := l.Clock.Now()
	res, err := c.Do(req)
	if err != nil {
		return nil, false, l.silent(to, unreachable(err, to))
	}
	l.answered(to, sent, res)
	defer func() { _ = res.Body.Close() }()
	body, err := readAll(res.Body, res.ContentLength, MaxAnswer)
	if err != nil {
		return nil, false, ErrUnreachable.Because(err, to)
	}
	if res.StatusCode/100 != 2 {
		return l.refused(to, res, body)
	}
	a, err := l.verify(to, rec, res, body)
	return a, false, err
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

func (l *Link) refused(to string, res *http.Response, body []byte) (*Answer, bool, error) {
	err := httpx.ReadProblem(res.StatusCode, body, to, "provider")
	if errors.Is(err, evidence.ErrStaleProof) {
		if n, perr := strconv.ParseUint(res.Header.Get(HeaderKnown), 10, 64); perr == nil {
			l.setKnown(to, n)
			return nil, true, err
		}
	}
	return nil, false, err
}

func (l *Link) verify(to string, rec *evidence.Record, res *http.Response, body []byte) (*Answer, error) {
	f, err := decodeFrame(res.Header.Get(HeaderSeal))
	if err != nil {
		return nil, ErrAnswer.Because(err, to)
	}
	a := &Answer{Sealed: f.sealed, BodySalt: f.bodySalt, Body: body}
	if a.Fact, a.Header, err = l.open(to, f, body); err != nil {
		return nil, ErrAnswer.Because(err, to)
	}
	if a.Header.ReqHash != Commitment(rec.Sealed) {
		return nil, ErrAnswer.Because(errors.New("it answers another request"), to)
	}
	l.hearKnown(to, res.Header)
	if f.announce != nil {
		if err := l.observe(res.Request.Context(), to, f); errors.Is(err, evidence.ErrFork) {
			return nil, err
		}
	}
	return a, nil
}

// tellKnown tells a member what this node has seen of its log: the size, and the cosignature.
func (l *Link) tellKnown(ctx context.Context, h http.Header, st *federation.Statement) {
	if len(st.Logs) == 0 {
		return
	}
	size, c := l.Witness.Known(ctx, originOf(st))
	if c != nil {
		h[HeaderCosign] = []string{encodeCosign(c)}
	} else if size > 0 {
		h[HeaderKnown] = []string{strconv.FormatUint(size, 10)}
	}
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
func (l *Link) hearKnown(member string, h http.Header) {
	if l.Tlog == nil {
		return
	}
	text := h.Get(HeaderCosign)
	if text == "" {
		if n, err := strconv.ParseUint(h.Get(HeaderKnown), 10, 64); err == nil {
			l.setKnown(member, n)
		}
		return
	}
	l.mu.Lock()
	seen := l.lines[member] == text
	if !seen {
		if l.lines == nil {
			l.lines = map[string]string{}
		}
		l.lines[member] = text
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
	h, err = evidence.HeaderOf(&fact)
	return fact, h, err
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

// Receive verifies a sealed request: the TLS identity is a member in force, the seal is that member's and covers body,
// address and route, it is fresh, and the member's log still extends what was seen of it. A request whose seal verified
// comes back even with an error: it is known whose it is, so the refusal can be recorded.
func (l *Link) Receive(r *http.Request, body []byte) (*Incoming, error) {
	member, instance, err := l.Caller(r)
	if err != nil {
		return nil, err
	}
	f, err := decodeFrame(r.Header.Get(HeaderSeal))
	if err != nil {
		return nil, err
	}
	in := &Incoming{From: member, Instance: instance, Sealed: f.sealed, BodySalt: f.bodySalt, Body: body}
	if in.Fact, in.Header, err = l.open(member, f, body); err != nil {
		return nil, err
	}
	return in, l.acceptable(r, in, f)
}

// acceptable checks a request whose seal verified.
func (l *Link) acceptable(r *http.Request, in *Incoming, f *frame) (err error) {
	if in.Header.To != l.Self || in.Header.Route != r.Method+" "+r.URL.Path {
		return ErrMisaddressed.With()
	}
	if in.Header.Expired(l.Clock.Now()) {
		return ErrStale.With()
	}
	l.hearKnown(in.From, r.Header)
	if f.announce != nil {
		in.cosign, err = l.observeLine(r.Context(), in.From, f)
	}
	return err
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

// Reply writes a sealed answer. The record's header must carry ReqHash of the request.
func (l *Link) Reply(w http.ResponseWriter, r *http.Request, in *Incoming, rec *evidence.Record, status int, contentType string) {
	f := frame{sealed: rec.Sealed, bodySalt: rec.BodySalt, announce: l.announcement(r.Context(), in.From)}
	h := w.Header()
	h[HeaderSeal] = []string{f.encode()}
	if in.cosign != nil {
		h[HeaderCosign] = []string{encodeCosign(in.cosign)}
	}
	h["Content-Type"] = []string{contentType}
	h["Content-Length"] = []string{strconv.Itoa(len(rec.Body))}
	w.WriteHeader(status)
	_, _ = w.Write(rec.Body)
}

// Refuse writes an error to a peer; for a stale proof it says from which size to prove.
func (l *Link) Refuse(w http.ResponseWriter, r *http.Request, err error) {
	e := errs.As(err)
	if errors.Is(err, evidence.ErrStaleProof) {
		w.Header().Set(HeaderKnown, strings.Map(func(c rune) rune {
			if c >= '0' && c <= '9' {
				return c
			}
			return -1
		}, e.En))
	}
	httpx.WriteError(w, r, e.At(l.Self, "provider"))
}
