package gateway

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/exchange/source"
	"github.com/kuayu/kuayu/internal/columnar"
	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/internal/httpx"
	"github.com/kuayu/kuayu/support/evidence"
	"github.com/kuayu/kuayu/support/peer"
	"github.com/kuayu/kuayu/support/policy"
	"github.com/kuayu/kuayu/support/protect"
	"github.com/kuayu/kuayu/support/seal"
)

// The kinds of facts about an exchange.
const (
	factOpen    = "query.open"    // the using end's: request and decision, before anything is sent
	factClose   = "query.close"   // the using end's: how it ended, with the provider's sealed answer
	factServe   = "query.serve"   // the provider's: request, decision and digest of the answer in one
	factRefused = "query.refused" // of either end
)

// Restore reads back which requests were answered in the last moments before a restart.
func (g *Gateway) Restore(ctx context.Context) error {
	if _, err := g.index.Project(ctx); err != nil {
		return err
	}
	since := g.clock.Now().Add(-replayKeep).UnixMicro()
	return g.index.Recent(ctx, factServe, since, func(r *evidence.Record) error {
		f, err := r.Fact()
		if err != nil {
			return err
		}
		h, err := evidence.HeaderOf(&f)
		if err != nil {
			return err
		}
		g.replay.restore(keyOf(h.To, h.Request), h.Content, h.Digest, f.Time)
		return nil
	})
}

// Serve is the provider's side of a query over HTTP.
func (g *Gateway) Serve(w http.ResponseWriter, r *http.Request) {
	g.link.Over(w, r, maxRequest, g.Respond)
}

// Respond is the provider's side of a query, however it came in.
func (g *Gateway) Respond(ctx context.Context, in *peer.Incoming, err error) (*evidence.Record, string, error) {
	g.log.Busy(1)
	defer g.log.Busy(-1)
	start := time.Now()
	if err != nil {
		g.observe("provider", start, nil, err)
		if in != nil {
			g.refused(ctx, in, nil, err)
		}
		return nil, "", err
	}
	rec, media, err := g.answer(ctx, in)
	g.observe("provider", start, nil, err)
	return rec, media, err
}

// answer gives the same answer to the same request, and computes it at most once.
func (g *Gateway) answer(ctx context.Context, in *peer.Incoming) (*evidence.Record, string, error) {
	key, content := keyOf(in.From, in.Fact.ID), sha256.Sum256(in.Body)
	c, fresh := g.replay.enter(key, content, g.clock.Now())
	if !fresh {
		return g.again(ctx, in, key, c, content)
	}
	out, err := g.compute(ctx, in)
	if err != nil {
		g.refused(ctx, in, out, err)
		g.replay.settle(key, c, nil, nil, err)
		return nil, "", err
	}
	rec, err := g.seal(ctx, in, out, content)
	g.replay.settle(key, c, rec, out, err)
	return rec, out.media, err
}

// again answers a request seen before; c is nil if its answer is known already.
func (g *Gateway) again(ctx context.Context, in *peer.Incoming, key replayKey, c *computing, content [sha256.Size]byte) (*evidence.Record, string, error) {
	if c != nil && c.content == content {
		select {
		case <-c.done:
		case <-ctx.Done():
			return nil, "", ctx.Err()
		}
		if c.err != nil {
			return nil, "", c.err
		}
	}
	k, ok, err := g.replay.recall(key)
	switch {
	case err != nil:
		return nil, "", err
	case !ok || k.content != content:
		err := peer.ErrReused.With()
		g.refused(ctx, in, nil, err)
		return nil, "", err
	}
	if k.rec != nil {
		terms, err := g.stands(ctx, in)
		if err != nil {
			g.refused(ctx, in, nil, err)
			return nil, "", err
		}
		if h, err := headerOf(k.rec); err == nil && h.ReqHash == peer.Commitment(in.Sealed) {
			return k.rec, k.media, nil
		}
		// The same request sealed anew: the same bytes, sealed for it, not metered again.
		return g.repeat(ctx, in, &output{terms: terms, body: k.rec.Body, media: k.media, digest: k.digest}, content)
	}
	out, err := g.read(ctx, in, false)
	if err != nil {
		return nil, "", err
	}
	if out.digest != k.digest {
		return nil, "", ErrReplay.With()
	}
	return g.repeat(ctx, in, out, content)
}

// stands returns the terms an answer from memory is given under, and refuses it where the agreement was suspended, ended
// or amended since: no row leaves without an agreement in force at that moment (invariant 1).
func (g *Gateway) stands(ctx context.Context, in *peer.Incoming) (*policy.Terms, error) {
	w, err := parseWire(in.Body)
	if err != nil {
		return nil, err
	}
	f, err := g.agreements.InForce(ctx, w.Agreement, agreement.Provider)
	if err != nil {
		return nil, g.stranger(ctx, in, w.Agreement, err)
	}
	if f.Hash != w.Hash {
		return nil, ErrBytes.With()
	}
	return f.Terms, nil
}

func headerOf(r *evidence.Record) (evidence.Header, error) {
	f, err := r.Fact()
	if err != nil {
		return evidence.Header{}, err
	}
	return evidence.HeaderOf(&f)
}

// repeat seals an answer given before for a request sealed anew; it is not metered again.
func (g *Gateway) repeat(ctx context.Context, in *peer.Incoming, o *output, content [sha256.Size]byte) (*evidence.Record, string, error) {
	again := *o
	again.d, again.repeated = &policy.Decision{}, true
	rec, err := g.seal(ctx, in, &again, content)
	return rec, o.media, err
}

// output is a computed answer.
type output struct {
	terms    *policy.Terms // of the agreement it is under, once known
	body     []byte
	media    string
	digest   [sha256.Size]byte // of the body
	rows     int64
	next     string
	guesses  []string // keyed digests of what a verification asked
	d        *policy.Decision
	repeated bool
	began    time.Time // when this end began to work on it
}

// took is how long this end has been working on it, in microseconds; 0 for an answer from memory.
func (o *output) took() int64 {
	if o.began.IsZero() {
		return 0
	}
	return time.Since(o.began).Microseconds()
}

func (g *Gateway) compute(ctx context.Context, in *peer.Incoming) (*output, error) {
	return g.read(ctx, in, true)
}

// read decides, reads, masks and encodes. metered says whether it counts against the quota.
func (g *Gateway) read(ctx context.Context, in *peer.Incoming, metered bool) (*output, error) {
	out := &output{d: &policy.Decision{}, began: time.Now()}
	w, err := parseWire(in.Body)
	if err != nil {
		return out, err
	}
	f, err := g.agreements.InForce(ctx, w.Agreement, agreement.Provider)
	if err != nil {
		return out, g.stranger(ctx, in, w.Agreement, err)
	}
	if f.Terms.Consumer.Member != in.From {
		return out, agreement.ErrNoSuch.With()
	}
	if f.Hash != w.Hash {
		return out, ErrBytes.With()
	}
	who := policy.Party{Member: in.From, Department: in.Fact.Actor.Department}
	return out, g.execute(ctx, f, who, w, metered, out)
}

// execute is the one governed read, whoever asks: it decides, counts, reads, masks and encodes into out, which holds what
// is known of the decision even when it fails.
func (g *Gateway) execute(ctx context.Context, f *agreement.InForce, who policy.Party, w *wireRequest, metered bool, out *output) error {
	var err error
	out.terms = f.Terms
	out.d, err = f.Decide(&policy.Request{
		Principal: who, Mode: w.Mode, Resource: f.Terms.Resource, Purpose: w.Purpose, Now: g.clock.Now(), Plan: w.Plan,
	})
	if err != nil {
		return err
	}
	if len(out.d.Subjects) > maxSubjects {
		return ErrRequest.With("more than 100 persons in one request", "一次请求超过 100 名自然人")
	}
	s, err := g.serving(ctx, f)
	if err != nil {
		return err
	}
	if w.Mode == policy.ModeVerify {
		return g.verify(ctx, f, s, w, out, metered)
	}
	if metered {
		if err := s.meter.take(g.clock.Now()); err != nil {
			return err
		}
	}
	return g.rows(ctx, f, s, out)
}

// stranger hides from members that are no party whether an agreement exists.
func (g *Gateway) stranger(ctx context.Context, in *peer.Incoming, id string, err error) error {
	if c, _, perr := g.agreements.Parties(ctx, id, agreement.Provider); perr != nil || c.Member != in.From {
		return agreement.ErrNoSuch.With()
	}
	return err
}

// rows reads through the plan, masks, and encodes.
func (g *Gateway) rows(ctx context.Context, f *agreement.InForce, s *served, out *output) error {
	plan := out.d.Plan
	cut := plan.Limit == 0 || plan.Limit > MaxRows
	if cut {
		plan.Limit = MaxRows
	}
	if plan.Cursor != "" {
		key, err := g.openCursor(f.ID, plan.Cursor)
		if err != nil {
			return err
		}
		plan.Cursor = key
	}
	g.metrics.Reads.Inc()
	var last string
	err := s.src.read(ctx, g.clock, s.mount.Table, plan, func(rd array.RecordReader) (err error) {
		last, err = g.encode(f, s, &plan, rd, out)
		return err
	})
	if err != nil {
		return err
	}
	if cut && out.rows == plan.Limit && last == "" {
		return ErrPages.Because(errors.New("more rows than one page, and no place to go on from"))
	}
	out.media = MediaArrow
	out.sum()
	s.meter.done(out.rows)
	if out.rows == plan.Limit && len(plan.Aggregate) == 0 && last != "" {
		out.next, err = g.sealCursor(f.ID, last)
	}
	return err
}

// encode masks what is read, writes it as the answer's body, and returns the key of the last row.
func (g *Gateway) encode(f *agreement.InForce, s *served, plan *policy.Plan, rd array.RecordReader, out *output) (last string, err error) {
	m, err := s.maskerFor(plan, rd.Schema(), out.d.Masks, g.maskKey(f.ID))
	if err != nil {
		return "", err
	}
	var batches []arrow.RecordBatch
	defer func() {
		for _, b := range batches {
			b.Release()
		}
	}()
	for rd.Next() {
		b, err := m.Apply(g.mem, rd.RecordBatch())
		if err != nil {
			return "", err
		}
		batches = append(batches, b)
		out.rows += b.NumRows()
	}
	if err := rd.Err(); err != nil {
		return "", sourceError(err)
	}
	if len(batches) == 1 {
		out.body, err = m.stream.Append(nil, batches[0])
	} else {
		out.body, err = columnar.Encode(m.Schema(), batches...)
	}
	if err != nil {
		return "", fmt.Errorf("encode answer: %w", err)
	}
	return lastKey(rd), nil
}

func (o *output) sum() {
	o.digest = sha256.Sum256(o.body)
}

func lastKey(r array.RecordReader) string {
	if k, ok := r.(source.Keyed); ok {
		return k.LastKey()
	}
	return ""
}

// sourceError keeps what the requester can correct and hides the rest.
func sourceError(err error) error {
	if e := errs.As(err); e.Kind == errs.Invalid || e.Kind == errs.Denied {
		return e
	}
	if errors.Is(err, source.ErrKey) || errors.Is(err, source.ErrNoKey) {
		return ErrPages.Because(err)
	}
	return ErrSource.Because(err)
}

func (s *served) maskerFor(p *policy.Plan, schema *arrow.Schema, masks map[string]policy.Mask, key []byte) (*masker, error) {
	k := maskKey(p)
	s.maskers.mu.Lock()
	m := s.maskers.all[k]
	s.maskers.mu.Unlock()
	if m != nil && m.Fits(schema) {
		return m, nil
	}
	compiled, err := protect.Compile(schema, masks, key)
	if err != nil {
		return nil, err
	}
	m = &masker{Masker: compiled}
	if m.stream, err = columnar.NewStreamEncoder(compiled.Schema()); err != nil {
		return nil, fmt.Errorf("encode schema: %w", err)
	}
	s.maskers.mu.Lock()
	if len(s.maskers.all) > 256 {
		s.maskers.all = map[string]*masker{}
	}
	s.maskers.all[k] = m
	s.maskers.mu.Unlock()
	return m, nil
}

// maskKey derives the key of hash masks for one agreement: pseudonyms cannot be joined across agreements.
func (g *Gateway) maskKey(agreement string) []byte { return g.derive("mask/" + agreement) }

func (g *Gateway) derive(label string) []byte {
	m := hmac.New(sha256.New, g.pseudonym)
	_, _ = m.Write([]byte(label))
	return m.Sum(nil)
}

// Cursors hold the key of a row, which may be masked in the answer: they are sealed for the agreement.
func (g *Gateway) cursorAEAD(agreement string) (cipher.AEAD, error) {
	b, err := aes.NewCipher(g.derive("cursor/" + agreement))
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(b)
}

func (g *Gateway) sealCursor(agreement, key string) (string, error) {
	a, err := g.cursorAEAD(agreement)
	if err != nil {
		return "", err
	}
	nonce := make([]byte, a.NonceSize())
	_, _ = rand.Read(nonce)
	return base64.RawURLEncoding.EncodeToString(a.Seal(nonce, nonce, []byte(key), nil)), nil
}

func (g *Gateway) openCursor(agreement, text string) (string, error) {
	a, err := g.cursorAEAD(agreement)
	if err != nil {
		return "", err
	}
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(b) < a.NonceSize() {
		return "", ErrCursor.Because(err)
	}
	key, err := a.Open(nil, b[:a.NonceSize()], b[a.NonceSize():], nil)
	if err != nil {
		return "", ErrCursor.Because(err)
	}
	return string(key), nil
}

// seal makes the provider's fact about the answer durable. Which agreement it counts for is what was decided upon, not
// what the requester's header says.
func (g *Gateway) seal(ctx context.Context, in *peer.Incoming, o *output, content [sha256.Size]byte) (*evidence.Record, error) {
	h := evidence.Header{
		To: in.From, ToDept: in.Fact.Actor.Department, Request: in.Fact.ID, ReqHash: peer.Commitment(in.Sealed), Agreement: o.terms.Agreement,
		Outcome: "ok", Policies: o.d.Policies, Rows: o.rows, Bytes: int64(len(o.body)), Digest: hex.EncodeToString(o.digest[:]), Subjects: g.subjects(o.d), Guesses: o.guesses, Purpose: in.Header.Purpose,
		MediaType: o.media, Content: hex.EncodeToString(content[:]), Note: o.next,
	}
	id := in.Fact.ID
	h.Took = o.took()
	if o.repeated {
		h.Rows, h.Bytes = 0, 0
		id += "/again/" + g.ids.NewID()
	}
	rec, err := g.log.Seal(ctx, evidence.Draft{
		Kind: factServe, ID: id, Actor: seal.Actor{Department: o.terms.Provider.Department}, Header: h.Encode(), Body: o.body, Detached: true,
	})
	if err == nil {
		g.live.tell(o.terms.Provider.Department, Event{Side: Providing, Member: in.From, OK: true})
	}
	return rec, err
}

// refused records the provider's refusal of an authenticated request.
func (g *Gateway) refused(ctx context.Context, in *peer.Incoming, o *output, err error) {
	e := errs.As(err)
	if e.Kind == errs.Internal || errors.Is(err, context.Canceled) || errors.Is(err, evidence.ErrStaleProof) {
		return
	}
	h := evidence.Header{
		To: in.From, ToDept: in.Fact.Actor.Department, Request: in.Fact.ID, ReqHash: peer.Commitment(in.Sealed), Outcome: e.Code, Purpose: clip(in.Header.Purpose),
	}
	dept := ""
	if o != nil {
		h.Policies, h.Took = o.d.Policies, o.took()
		if o.terms != nil {
			h.Agreement, dept = o.terms.Agreement, o.terms.Provider.Department
		}
	}
	if consumer, provider, perr := g.agreements.Parties(ctx, in.Header.Agreement, agreement.Provider); dept == "" && perr == nil && consumer.Member == in.From {
		h.Agreement, dept = in.Header.Agreement, provider.Department
	}
	g.record(ctx, evidence.Draft{Kind: factRefused, ID: in.Fact.ID, Actor: seal.Actor{Department: dept}, Header: h.Encode()})
	g.live.tell(dept, Event{Side: Providing, Member: in.From})
}

// PathLease is where consumers ask whether an agreement still stands.
const PathLease = "/peer/v1/lease"

type leaseRequest struct {
	Agreement string `json:"agreement"`
	Hash      string `json:"hash"`
}

// ServeLease confirms that an agreement is in force, to its consumer.
func (g *Gateway) ServeLease(w http.ResponseWriter, r *http.Request) { g.serve(w, r, g.lease) }

// serve answers a short sealed question; a refusal of an authenticated one is recorded.
func (g *Gateway) serve(w http.ResponseWriter, r *http.Request, f func(context.Context, *peer.Incoming) (*evidence.Record, error)) {
	g.link.Over(w, r, 16<<10, func(ctx context.Context, in *peer.Incoming, err error) (*evidence.Record, string, error) {
		var rec *evidence.Record
		if err == nil {
			rec, err = f(ctx, in)
		}
		if err != nil && in != nil {
			g.refused(ctx, in, nil, err)
		}
		return rec, "application/json", err
	})
}

func (g *Gateway) lease(ctx context.Context, in *peer.Incoming) (*evidence.Record, error) {
	var q leaseRequest
	if err := httpx.Unmarshal(in.Body, &q); err != nil {
		return nil, err
	}
	f, err := g.agreements.InForce(ctx, q.Agreement, agreement.Provider)
	if err != nil {
		return nil, g.stranger(ctx, in, q.Agreement, err)
	}
	if f.Terms.Consumer != (policy.Party{Member: in.From, Department: in.Fact.Actor.Department}) {
		return nil, agreement.ErrNoSuch.With()
	}
	if f.Hash != q.Hash {
		return nil, ErrBytes.With()
	}
	h := evidence.Header{To: in.From, ToDept: in.Fact.Actor.Department, Request: in.Fact.ID, ReqHash: peer.Commitment(in.Sealed), Agreement: q.Agreement, Outcome: "ok"}
	return g.log.Seal(ctx, evidence.Draft{Kind: "lease.granted", ID: in.Fact.ID, Actor: seal.Actor{Department: f.Terms.Provider.Department}, Header: h.Encode(), Body: []byte(`{}`)})
}
