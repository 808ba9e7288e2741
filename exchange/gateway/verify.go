package gateway

import (
	"context"
	"encoding/json"

	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/internal/clock"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/support/evidence"
	"github.com/kuayu/kuayu/support/policy"
)

// checkVerify refuses a verification whose subject does not identify, and claims about what is not granted. Both ends
// check.
func checkVerify(t *policy.Terms, p *policy.Plan, claims []Claim) error {
	item, _, err := subjectOf(p)
	if err != nil {
		return err
	}
	if f := t.Field(item); f == nil {
		return policy.ErrField.With(item)
	} else if !f.Identifies() {
		return ErrSubject.With(item)
	}
	for _, c := range claims {
		if t.Field(c.Item) == nil {
			return policy.ErrField.With(c.Item)
		}
	}
	return nil
}

// askedBy is what a verification asks about whom. A claim about an item that identifies is a guess about its value's
// owner, too: the same question the other way round.
func (g *Gateway) askedBy(t *policy.Terms, item string, subject policy.Value, claims []Claim) *asked {
	a := &asked{of: g.index.Subject(subject.Text()), guesses: map[string][]string{}}
	for _, c := range claims {
		a.guesses[a.of] = append(a.guesses[a.of], g.guess(t.Agreement, a.of, c.Item, c.Value))
		if f := t.Field(c.Item); f.Identifies() {
			other := g.index.Subject(c.Value.Text())
			a.guesses[other] = append(a.guesses[other], g.guess(t.Agreement, other, item, subject))
		}
	}
	return a
}

// guess is the keyed digest of a guess about a subject, short: 32 of them fit into a fact's header.
func (g *Gateway) guess(agreement, subject, item string, v policy.Value) string {
	const digits = 16
	return g.index.Subject("guess/" + agreement + "/" + subject + "/" + item + "/" + v.Text())[:digits]
}

// usedBy reads from evidence what verifications asked about a subject today.
func (g *Gateway) usedBy(ctx context.Context, agreement, subject string) (*budget, error) {
	b := &budget{guesses: map[string]bool{}}
	sc := db.System("gateway")
	es, err := g.index.Find(ctx, sc, evidence.Query{
		Agreement: agreement, Kind: factServe, Subject: subject, Since: dayStart(g.clock.Now()).UnixMicro(), Limit: 500,
	})
	if err != nil {
		return nil, err
	}
	for i := range es {
		r, err := g.index.Record(ctx, sc, es[i].ID)
		if err != nil {
			return nil, err
		}
		h, err := headerOf(r)
		if err != nil {
			return nil, err
		}
		if len(h.Guesses) == 0 {
			continue // a query about the subject
		}
		b.calls++
		for _, q := range h.Guesses {
			b.guesses[q] = true
		}
	}
	return b, nil
}

// verify compares claims with the subject's row. Only yes and no leave.
func (g *Gateway) verify(ctx context.Context, f *agreement.InForce, s *served, w *wireRequest, out *output, metered bool) error {
	if err := checkVerify(f.Terms, &w.Plan, w.Claims); err != nil {
		return err
	}
	item, v, err := subjectOf(&w.Plan)
	if err != nil {
		return err
	}
	out.d.Subjects = []string{v.Text()} // a verification always concerns somebody
	for _, c := range w.Claims {
		if f.Terms.Field(c.Item).Identifies() {
			out.d.Subjects = append(out.d.Subjects, c.Value.Text())
		}
	}
	a := g.askedBy(f.Terms, item, v, w.Claims)
	for _, gs := range a.guesses {
		out.guesses = append(out.guesses, gs...)
	}
	if metered {
		if err := s.meter.verify(g.clock.Now(), a, func(subject string) (*budget, error) { return g.usedBy(ctx, f.ID, subject) }); err != nil {
			return err
		}
	}
	findings, held := make([]Finding, len(w.Claims)), false
	for i, c := range w.Claims {
		plan := policy.Plan{
			Aggregate: []policy.Aggregate{{Func: policy.Count, As: "n"}},
			Where:     policy.Both(out.d.Plan.Where, &policy.Predicate{Op: policy.Eq, Item: c.Item, Values: []policy.Value{c.Value}}),
		}
		g.metrics.Reads.Inc()
		n, err := countRows(ctx, g.clock, s, plan)
		if err != nil {
			return err
		}
		findings[i] = Finding{Item: c.Item, Match: n > 0}
		held = held || n > 0
	}
	if metered && !held {
		s.meter.missed(a.of)
	}
	if out.body, err = json.Marshal(findings); err != nil {
		return err
	}
	out.media, out.rows = "application/json", 0
	out.sum()
	return nil
}

func countRows(ctx context.Context, c clock.Clock, s *served, plan policy.Plan) (n int64, err error) {
	err = s.src.read(ctx, c, s.mount.Table, plan, func(rd array.RecordReader) error {
		for rd.Next() {
			if c, ok := rd.RecordBatch().Column(0).(*array.Int64); ok && c.Len() > 0 {
				n += c.Value(0)
			}
		}
		return nil
	})
	return n, err
}
