package gateway

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/support/evidence"
	"github.com/kuayu/kuayu/support/federation"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/peer"
	"github.com/kuayu/kuayu/support/policy"
	"github.com/kuayu/kuayu/support/seal"
)

// Side is the end of an exchange that a fact is of.
type Side string

// The ends.
const (
	Using     Side = "using"
	Providing Side = "providing"
)

// ended are the kinds of facts that say how an exchange ended, by end; either end may have refused.
func ended(s Side) []string {
	switch s {
	case Using:
		return []string{factClose}
	case Providing:
		return []string{factServe}
	}
	return []string{factClose, factServe, factRefused}
}

// SideOf is the end a fact is of. A refusal before anything was sent is addressed to nobody.
func SideOf(e *evidence.Entry) Side {
	if e.Kind == factServe || (e.Kind == factRefused && e.Member != "") {
		return Providing
	}
	return Using
}

// ExchangeID is the id of the exchange a fact is about.
func ExchangeID(e *evidence.Entry) string {
	id, _, _ := strings.Cut(e.ID, "#")
	id, _, _ = strings.Cut(id, "/")
	return id
}

// Outcomes are the errors by which an exchange ends otherwise than well.
func Outcomes() []*errs.Def {
	return []*errs.Def{
		ErrQuota, ErrRate, ErrRequest, ErrSource, ErrPages, ErrCursor, ErrAnswer, ErrReplay, ErrBytes, ErrNoVerify, ErrSubject,
		agreement.ErrNoSuch, agreement.ErrNotInForce, agreement.ErrExpired, agreement.ErrRevoked, agreement.ErrSuspended, agreement.ErrLease, agreement.ErrMismatch,
		policy.ErrDenied, policy.ErrPurpose, policy.ErrMode, policy.ErrTime, policy.ErrConsent, policy.ErrField, policy.ErrOutside, policy.ErrPlan,
		peer.ErrUnreachable, peer.ErrTLS, peer.ErrAnswer, peer.ErrStale, peer.ErrReused, peer.ErrMisaddressed,
		evidence.ErrDown, evidence.ErrFork, evidence.ErrCheckpoint, federation.ErrNotMember, federation.ErrUnknownKey, seal.ErrForged, errs.ErrInternal,
	}
}

// ExchangeQuery narrows a list of exchanges; empty members do not.
type ExchangeQuery struct {
	Side      Side
	Member    string // at the other end
	Agreement string
	Outcome   string // one code
	Failed    bool   // whatever did not end well
	After     string // Exchanges.Next of the page before
	Limit     int    // at most 500; 0 means 50
}

// Exchanges is a page of facts, newest first: of those that tell how exchanges ended, or others.
type Exchanges struct {
	Items []evidence.Entry
	Next  string // empty: no more
}

// projectPatience is how long a list waits for the index to catch up with exchanges under way.
const projectPatience = 200 * time.Millisecond

func (g *Gateway) catchUp(ctx context.Context) error {
	short, cancel := context.WithTimeout(ctx, projectPatience)
	defer cancel()
	if _, err := g.index.Project(short); err != nil && short.Err() == nil {
		return err
	}
	return ctx.Err()
}

// Exchanges lists exchanges of the scope.
func (g *Gateway) Exchanges(ctx context.Context, sc db.Scope, q ExchangeQuery) (*Exchanges, error) {
	return g.Facts(ctx, sc, evidence.Query{
		Kinds: ended(q.Side), Member: q.Member, Agreement: q.Agreement, Outcome: q.Outcome, Failed: q.Failed, After: q.After, Limit: q.Limit,
	})
}

// Facts lists facts of the scope, newest first.
func (g *Gateway) Facts(ctx context.Context, sc db.Scope, q evidence.Query) (*Exchanges, error) {
	if err := g.catchUp(ctx); err != nil {
		return nil, err
	}
	if q.Limit <= 0 || q.Limit >= 500 {
		q.Limit = 50
	}
	n := q.Limit
	q.Limit++
	es, err := g.index.Find(ctx, sc, q)
	if err != nil {
		return nil, err
	}
	p := &Exchanges{Items: es}
	if len(es) > n {
		p.Items, p.Next = es[:n], es[n-1].Place()
	}
	return p, nil
}

// Pseudonym is the keyed digest under which a person's facts are found, for those who look after persons' rights.
func (g *Gateway) Pseudonym(sess *identity.Session, identifier string) (string, error) {
	if err := sess.Require(identity.Auditor, identity.Authority); err != nil {
		return "", err
	}
	return g.index.Subject(identifier), nil
}

// Hour is how many exchanges ended within an hour.
type Hour struct {
	Start     time.Time
	Calls, OK int64
}

// Watch is how exchanges went over some hours.
type Watch struct {
	Hours     []Hour // every one, oldest first
	Calls, OK int64
	Rows      int64
	P50, P95  time.Duration    // of those that ended well and were measured; 0: none
	Failures  map[string]int64 // by code
}

// Watch counts exchanges of the scope over the last hours, those of one member or of all.
func (g *Gateway) Watch(ctx context.Context, sc db.Scope, side Side, member string, hours int) (*Watch, error) {
	if err := g.catchUp(ctx); err != nil {
		return nil, err
	}
	now := g.clock.Now().UTC()
	first := now.Truncate(time.Hour).Add(-time.Duration(hours-1) * time.Hour)
	ts, err := g.index.Tallies(ctx, sc, evidence.TallyQuery{Kinds: ended(side), Member: member, Since: first})
	if err != nil {
		return nil, err
	}
	w := &Watch{Hours: make([]Hour, hours), Failures: map[string]int64{}}
	for i := range w.Hours {
		w.Hours[i].Start = first.Add(time.Duration(i) * time.Hour)
	}
	paces := map[time.Duration]int64{}
	for i := range ts {
		t := &ts[i]
		at := int(t.Start().Sub(first) / time.Hour)
		if at < 0 || at >= hours {
			continue
		}
		h := &w.Hours[at]
		h.Calls, w.Calls, w.Rows = h.Calls+t.Calls, w.Calls+t.Calls, w.Rows+t.Rows
		if t.Outcome != "ok" {
			w.Failures[t.Outcome] += t.Calls
			continue
		}
		h.OK, w.OK = h.OK+t.Calls, w.OK+t.Calls
		if d := t.Took(); d > 0 {
			paces[d] += t.Calls
		}
	}
	w.P50, w.P95 = quantile(paces, 50), quantile(paces, 95)
	return w, nil
}

// quantile is the duration that a percentage of them does not exceed.
func quantile(paces map[time.Duration]int64, percent int64) time.Duration {
	var all []time.Duration
	total := int64(0)
	for d, n := range paces {
		all, total = append(all, d), total+n
	}
	slices.Sort(all)
	want, seen := (total*percent+99)/100, int64(0)
	for _, d := range all {
		if seen += paces[d]; seen >= want {
			return d
		}
	}
	return 0
}

// Used says how much agreements of the scope were used since a day: one by purpose and outcome, or each as a whole.
func (g *Gateway) Used(ctx context.Context, sc db.Scope, agreement string, since time.Time, limit int) ([]evidence.Use, error) {
	if err := g.catchUp(ctx); err != nil {
		return nil, err
	}
	return g.index.Uses(ctx, sc, evidence.UseQuery{Agreement: agreement, Kinds: ended(""), Since: since, Limit: limit})
}

// Hop is one station of an exchange, as a sealed fact tells it.
type Hop struct {
	Name   string // of the fact in this node's index; empty: the other end's, as it came with its answer
	Fact   seal.Fact
	Header evidence.Header
	Errs   error // why the proof fails; nil: it holds
}

// Asked is what a request asked for. What was compared with is left out: it may name people.
type Asked struct {
	Mode          policy.Mode
	Purpose, Case string
	Items         []string // empty: all that is granted
	By            []string // items that narrow it
	Claims        []string // items to be verified
}

// Trace is one exchange as far as this node can know and prove it, in order of time.
type Trace struct {
	ID    string
	Hops  []Hop
	Asked *Asked        // nil: the request is at the other end
	Terms *policy.Terms // nil: it was under no agreement of the scope
}

// Trace follows an exchange of the scope over both ends. evidence.ErrNoFact if there is none.
func (g *Gateway) Trace(ctx context.Context, sc db.Scope, id string) (*Trace, error) {
	if err := g.catchUp(ctx); err != nil {
		return nil, err
	}
	var names []string
	for _, k := range []string{factOpen, factClose, factServe, factRefused} {
		names = append(names, id+"#"+k)
	}
	es, err := g.index.Named(ctx, sc, names...)
	if err != nil {
		return nil, err
	}
	if len(es) == 0 {
		return nil, evidence.ErrNoFact.With()
	}
	t := &Trace{ID: id}
	var open *evidence.Record
	for i := range es {
		r, err := g.index.Record(ctx, sc, es[i].ID)
		if err != nil {
			return nil, err
		}
		h := Hop{Name: es[i].ID}
		if h.Fact, h.Header, h.Errs = g.proven(r.Sealed); h.Fact.Kind == "" {
			return nil, h.Errs
		}
		switch es[i].Kind {
		case factOpen:
			open = r
			if t.Asked, err = askedOf(r.Body); err != nil {
				return nil, err
			}
		case factClose:
			if theirs, ok := g.answered(r, open); ok {
				t.Hops = append(t.Hops, theirs)
			}
		}
		t.Hops = append(t.Hops, h)
	}
	if a := es[0].Agreement; a != "" {
		if b, err := g.agreements.Bytes(ctx, sc, a); err == nil {
			if t.Terms, err = policy.DecodeAgreement(b); err != nil {
				return nil, err
			}
		}
	}
	return t, nil
}

// proven opens a sealed fact with the key that its member announced for the time.
func (g *Gateway) proven(s *seal.Sealed) (f seal.Fact, h evidence.Header, err error) {
	if f, err = seal.DecodeFact(s.Fact); err != nil {
		return f, h, err
	}
	if h, err = evidence.HeaderOf(&f); err != nil {
		return f, h, err
	}
	k, err := g.link.Dir.LogKey(s.Header.Log, s.Header.Time)
	if err != nil {
		return f, h, err
	}
	_, err = s.Open(k.Key, nil)
	return f, h, err
}

// answered is the provider's fact that a close holds; it proves nothing unless it answers the very request.
func (g *Gateway) answered(closed, open *evidence.Record) (Hop, bool) {
	s, err := seal.DecodeSealed(closed.Body)
	if err != nil {
		return Hop{}, false // it ended without an answer
	}
	var h Hop
	h.Fact, h.Header, h.Errs = g.proven(s)
	if h.Errs == nil && (open == nil || h.Header.ReqHash != peer.Commitment(open.Sealed)) {
		h.Errs = ErrAnswer.With()
	}
	return h, true
}

func askedOf(body []byte) (*Asked, error) {
	w, err := parseWire(body)
	if err != nil {
		return nil, err
	}
	a := &Asked{Mode: w.Mode, Purpose: w.Purpose, Case: w.Case, Items: slices.Concat(w.Plan.Project, w.Plan.Group)}
	for _, x := range w.Plan.Aggregate {
		if x.Item != "" {
			a.Items = append(a.Items, x.Item)
		}
	}
	for _, c := range w.Claims {
		a.Claims = append(a.Claims, c.Item)
	}
	a.By = itemsOf(w.Plan.Where, nil)
	return a, nil
}

// itemsOf are the items a condition compares, each once.
func itemsOf(p *policy.Predicate, out []string) []string {
	if p == nil {
		return out
	}
	if p.Item != "" && !slices.Contains(out, p.Item) {
		out = append(out, p.Item)
	}
	for i := range p.Args {
		out = itemsOf(p.Args[i], out)
	}
	return out
}
