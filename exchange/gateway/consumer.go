package gateway

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/internal/columnar"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/internal/ids"
	"github.com/kuayu/kuayu/support/evidence"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/peer"
	"github.com/kuayu/kuayu/support/policy"
	"github.com/kuayu/kuayu/support/seal"
)

// Life is how long a request is fresh.
const Life = 30 * time.Second

// Query is what a department asks of its own node.
type Query struct {
	ID      string      `json:"id,omitempty"` // idempotency id (UUID); made here if empty
	Purpose string      `json:"purpose"`
	Case    string      `json:"case,omitempty"`
	Plan    policy.Plan `json:"plan"`
}

// Result is an answer with its evidence. Release the batches.
type Result struct {
	ID       string
	Schema   *arrow.Schema
	Batches  []arrow.RecordBatch
	Rows     int64
	Next     string // cursor of the following page, empty at the end
	Receipt  ReceiptRef
	Findings []Finding
}

// Release frees the rows.
func (r *Result) Release() {
	for _, b := range r.Batches {
		b.Release()
	}
}

// ReceiptRef is the proof that comes with every answer: the provider's sealed answer fact. The full receipt, with
// everything an auditor needs offline, is fetched by ID.
type ReceiptRef struct {
	ID       string `json:"id"`
	Provider []byte `json:"provider"` // seal.Sealed, wire form
	BodySalt []byte `json:"body_salt"`
	Digest   string `json:"digest"` // SHA-256 of the answer's bytes, hex
}

// Ask runs a governed query: this end's decision, a durable open fact, the provider's answer verified, a durable close
// fact, then the rows.
func (g *Gateway) Ask(ctx context.Context, sess *identity.Session, id string, q Query) (*Result, error) {
	return g.ask(ctx, sess, id, q, policy.ModeQuery, nil)
}

// VerifyRequest asks whether claims about one subject hold.
type VerifyRequest struct {
	ID      string  `json:"id,omitempty"`
	Purpose string  `json:"purpose"`
	Case    string  `json:"case,omitempty"`
	Subject Claim   `json:"subject"`
	Claims  []Claim `json:"claims"`
}

// Verify runs a verification: a yes or no for each claim, nothing else leaves the provider.
func (g *Gateway) Verify(ctx context.Context, sess *identity.Session, id string, v VerifyRequest) (*Result, error) {
	if v.Subject.Item == "" || len(v.Claims) == 0 {
		return nil, ErrNoVerify.With()
	}
	q := Query{ID: v.ID, Purpose: v.Purpose, Case: v.Case, Plan: policy.Plan{
		Where: &policy.Predicate{Op: policy.Eq, Item: v.Subject.Item, Values: []policy.Value{v.Subject.Value}},
	}}
	return g.ask(ctx, sess, id, q, policy.ModeVerify, v.Claims)
}

func (g *Gateway) ask(ctx context.Context, sess *identity.Session, id string, q Query, mode policy.Mode, claims []Claim) (res *Result, err error) {
	g.log.Busy(1)
	defer g.log.Busy(-1)
	start := time.Now()
	defer func() { g.observe("consumer", start, res, err) }()
	if err := sess.Require(identity.DataOfficer, identity.Machine); err != nil {
		return nil, err
	}
	if q.ID == "" {
		q.ID = g.ids.NewID()
	} else if !ids.Valid(q.ID) {
		return nil, ErrRequest.With("id must be a UUID", "id 须为 UUID")
	}
	f, d, err := g.decide(ctx, sess, id, &q, mode, claims)
	if err != nil {
		g.refuseHere(ctx, sess, id, &q, d, start, err)
		return nil, err
	}
	body, err := json.Marshal(wireRequest{
		Version: WireVersion, Agreement: id, Hash: f.Hash, Mode: mode, Purpose: q.Purpose, Case: q.Case, Plan: q.Plan, Claims: claims,
	})
	if err != nil {
		return nil, err
	}
	now := g.clock.Now()
	h := evidence.Header{
		To: f.Terms.Provider.Member, ToDept: f.Terms.Provider.Department, Route: http.MethodPost + " " + Path, Expires: now.Add(Life).UnixMilli(),
		Agreement: id, Purpose: q.Purpose, Policies: d.Policies, Subjects: g.subjects(d),
	}
	open, err := g.log.Seal(ctx, evidence.Draft{
		Kind: factOpen, ID: q.ID, Time: now, Actor: seal.Actor{Department: sess.Department, Officer: sess.Actor}, Header: h.Encode(), Body: body,
	})
	if err != nil {
		return nil, err
	}
	answer, err := g.link.Do(ctx, f.Terms.Provider.Member, http.MethodPost, Path, "application/json", open)
	if err != nil {
		return nil, g.failed(ctx, sess, f, &q, start, err)
	}
	res, err = g.accept(f, &q, mode, answer)
	if err != nil {
		return nil, g.failed(ctx, sess, f, &q, start, err)
	}
	ch := evidence.Header{
		To: f.Terms.Provider.Member, ToDept: f.Terms.Provider.Department, Agreement: id, Request: q.ID, Outcome: "ok", Rows: res.Rows, Purpose: q.Purpose,
		Bytes: int64(len(answer.Body)), Took: time.Since(start).Microseconds(), Digest: res.Receipt.Digest, Subjects: h.Subjects,
	}
	if _, err := g.log.Seal(ctx, evidence.Draft{
		Kind: factClose, ID: q.ID, Actor: seal.Actor{Department: sess.Department, Officer: sess.Actor}, Header: ch.Encode(), Body: res.Receipt.Provider,
	}); err != nil {
		res.Release()
		return nil, err
	}
	g.live.tell(sess.Department, Event{Side: Using, Member: f.Terms.Provider.Member, OK: true})
	return res, g.agreements.Renew(ctx, f, now)
}

// decide is this end's decision (invariant 1): the provider decides again for itself.
func (g *Gateway) decide(ctx context.Context, sess *identity.Session, id string, q *Query, mode policy.Mode, claims []Claim) (*agreement.InForce, *policy.Decision, error) {
	if len(q.Purpose) > maxText || len(q.Case) > maxText {
		return nil, nil, ErrRequest.With("purpose or case over 200 bytes", "用途或事项超过 200 字节")
	}
	f, err := g.agreements.InForce(ctx, id, agreement.Consumer)
	if err != nil {
		if _, nerr := g.agreements.Get(ctx, sess.Scope(), id); nerr != nil {
			return nil, nil, agreement.ErrNoSuch.With() // another department's agreement is as if it did not exist
		}
		return nil, nil, err
	}
	if f.Terms.Consumer != (policy.Party{Member: g.self, Department: sess.Department}) {
		return nil, nil, policy.ErrDenied.With()
	}
	plan := q.Plan
	if mode == policy.ModeVerify {
		if err := checkVerify(f.Terms, &plan, claims); err != nil {
			return f, nil, err
		}
	}
	d, err := f.Decide(&policy.Request{
		Principal: policy.Party{Member: g.self, Department: sess.Department}, Mode: mode, Resource: f.Terms.Resource, Purpose: q.Purpose, Now: g.clock.Now(), Plan: plan,
	})
	return f, d, err
}

// refuseHere records a refusal by this end.
func (g *Gateway) refuseHere(ctx context.Context, sess *identity.Session, id string, q *Query, d *policy.Decision, start time.Time, err error) {
	h := evidence.Header{Agreement: clip(id), Purpose: clip(q.Purpose), Outcome: errs.As(err).Code, Took: time.Since(start).Microseconds()}
	if d != nil {
		h.Policies = d.Policies
	}
	g.record(ctx, evidence.Draft{Kind: factRefused, ID: q.ID, Actor: seal.Actor{Department: sess.Department, Officer: sess.Actor}, Header: h.Encode()})
}

func (g *Gateway) record(ctx context.Context, d evidence.Draft) {
	if _, err := g.log.Seal(context.WithoutCancel(ctx), d); err != nil {
		g.logger.ErrorContext(ctx, "refusal not recorded", "error", err)
	}
}

// failed closes the exchange with what went wrong. When the provider can't be reached, the lease decides what is said.
func (g *Gateway) failed(ctx context.Context, sess *identity.Session, f *agreement.InForce, q *Query, start time.Time, err error) error {
	e := errs.As(err)
	h := evidence.Header{To: f.Terms.Provider.Member, ToDept: f.Terms.Provider.Department, Agreement: f.ID, Request: q.ID, Outcome: e.Code, Purpose: q.Purpose, Took: time.Since(start).Microseconds()}
	g.record(ctx, evidence.Draft{Kind: factClose, ID: q.ID, Actor: seal.Actor{Department: sess.Department, Officer: sess.Actor}, Header: h.Encode()})
	g.live.tell(sess.Department, Event{Side: Using, Member: f.Terms.Provider.Member})
	if e.Kind == errs.Unavailable {
		if _, lerr := g.agreements.Leased(f); lerr != nil {
			return lerr
		}
	}
	return err
}

// accept decodes an answer and checks that it stays within the agreement.
func (g *Gateway) accept(f *agreement.InForce, q *Query, mode policy.Mode, a *peer.Answer) (*Result, error) {
	sum := sha256.Sum256(a.Body)
	res := &Result{ID: q.ID, Next: a.Header.Note, Receipt: ReceiptRef{ID: q.ID, Provider: a.Sealed.Encode(nil), BodySalt: a.BodySalt[:], Digest: hex.EncodeToString(sum[:])}}
	if a.Fact.Kind != "query.serve" || a.Header.Agreement != f.ID || a.Header.Digest != res.Receipt.Digest {
		return nil, ErrAnswer.With()
	}
	if mode == policy.ModeVerify {
		return res, json.Unmarshal(a.Body, &res.Findings)
	}
	schema, batches, err := columnar.Decode(a.Body, columnar.Limits{MaxBytes: peer.MaxAnswer, MaxRows: MaxRows})
	if err != nil {
		return nil, ErrAnswer.Because(err)
	}
	res.Schema, res.Batches = schema, batches
	for _, b := range batches {
		res.Rows += b.NumRows()
	}
	if len(q.Plan.Aggregate) == 0 {
		for _, c := range schema.Fields() {
			if fd := f.Terms.Field(c.Name); fd == nil || fd.Verify {
				res.Release()
				return nil, ErrAnswer.Because(errors.New("column " + c.Name))
			}
		}
	}
	return res, nil
}

// Lease tells a department until when it may use what it holds under an agreement, asking the provider if it can be
// reached. ErrLease when the lease has run out and the provider is silent; ErrRevoked and others as the provider says.
func (g *Gateway) Lease(ctx context.Context, sess *identity.Session, id string) (time.Time, error) {
	if _, err := g.agreements.Get(ctx, sess.Scope(), id); err != nil {
		return time.Time{}, err
	}
	f, err := g.agreements.InForce(ctx, id, agreement.Consumer)
	if err != nil {
		return time.Time{}, err
	}
	if err := g.renew(ctx, f); err != nil && errs.As(err).Kind != errs.Unavailable {
		return time.Time{}, err
	}
	return g.agreements.Leased(f)
}

// renew asks the provider whether the agreement still stands.
func (g *Gateway) renew(ctx context.Context, f *agreement.InForce) error {
	now := g.clock.Now()
	body, err := json.Marshal(leaseRequest{Agreement: f.ID, Hash: f.Hash})
	if err != nil {
		return err
	}
	h := evidence.Header{To: f.Terms.Provider.Member, ToDept: f.Terms.Provider.Department, Route: http.MethodPost + " " + PathLease, Expires: now.Add(Life).UnixMilli(), Agreement: f.ID}
	rec, err := g.log.Seal(ctx, evidence.Draft{Kind: "lease.ask", ID: g.ids.NewID(), Time: now, Actor: seal.Actor{Department: f.Terms.Consumer.Department}, Header: h.Encode(), Body: body})
	if err != nil {
		return err
	}
	if _, err := g.link.Do(ctx, f.Terms.Provider.Member, http.MethodPost, PathLease, "application/json", rec); err != nil {
		return err
	}
	return g.agreements.Renew(ctx, f, now)
}

// subjects blinds the persons asked about for the index of who looked at whom.
func (g *Gateway) subjects(d *policy.Decision) []string {
	if len(d.Subjects) == 0 {
		return nil
	}
	out := make([]string, 0, min(len(d.Subjects), maxSubjects))
	for _, s := range d.Subjects {
		if len(out) == maxSubjects {
			break
		}
		out = append(out, g.index.Subject(s))
	}
	return out
}

// maxSubjects bounds how many persons one request may name exactly, so that the index stays complete.
const maxSubjects = 100

// SubjectFacts lists the facts about a person, for the person's own "who looked at my data" and for auditors.
func (g *Gateway) SubjectFacts(ctx context.Context, sc db.Scope, identifier string) ([]evidence.Entry, error) {
	return g.index.Find(ctx, sc, evidence.Query{Subject: g.index.Subject(identifier), Limit: 500})
}

// Texts are the names of the columns and at most so many rows, as people read them.
func (r *Result) Texts(most int) (columns []string, rows [][]string) {
	if r.Schema != nil {
		for _, f := range r.Schema.Fields() {
			columns = append(columns, f.Name)
		}
	}
	for _, b := range r.Batches {
		for i := range int(b.NumRows()) {
			if len(rows) == most {
				return columns, rows
			}
			row := make([]string, b.NumCols())
			for j := range row {
				if c := b.Column(j); !c.IsNull(i) {
					row[j] = c.ValueStr(i)
				}
			}
			rows = append(rows, row)
		}
	}
	return columns, rows
}
