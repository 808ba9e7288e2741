package gateway

import (
	"context"
	"encoding/hex"
	"time"

	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/support/evidence"
	"github.com/kuayu/kuayu/support/policy"
	"github.com/kuayu/kuayu/support/seal"
)

// Pull answers a participant of another dataspace under a started transfer: the same decision, plan, masks, quota and
// evidence as for a member, only that nobody sealed the request. purpose empty takes the agreement's own, if it has but
// one. It returns an Arrow stream and the cursor of the next page; the caller has checked who asks.
func (g *Gateway) Pull(ctx context.Context, who policy.Party, id, purpose string, plan policy.Plan) (body []byte, next string, err error) {
	start := time.Now()
	defer func() { g.observe("foreign", start, nil, err) }()
	f, err := g.agreements.InForce(ctx, id, agreement.Provider)
	if err != nil {
		return nil, "", err
	}
	if f.Terms.Consumer != who {
		return nil, "", agreement.ErrNoSuch.With()
	}
	if purpose == "" && len(f.Terms.Purposes) == 1 {
		purpose = f.Terms.Purposes[0]
	}
	out := &output{terms: f.Terms, d: &policy.Decision{}, began: start}
	if err := g.pull(ctx, f, who, purpose, plan, out); err != nil {
		e := errs.As(err)
		if e.Kind != errs.Internal {
			h := evidence.Header{To: who.Member, ToDept: who.Department, Agreement: id, Purpose: purpose, Outcome: e.Code, Policies: out.d.Policies, Took: out.took()}
			g.record(ctx, evidence.Draft{Kind: factRefused, ID: g.ids.NewID(), Actor: seal.Actor{Department: f.Terms.Provider.Department}, Header: h.Encode()})
		}
		g.live.tell(f.Terms.Provider.Department, Event{Side: Providing, Member: who.Member})
		return nil, "", err
	}
	h := evidence.Header{
		To: who.Member, ToDept: who.Department, Agreement: id, Purpose: purpose, Outcome: "ok", Policies: out.d.Policies, Rows: out.rows,
		Bytes: int64(len(out.body)), Took: out.took(), Digest: hex.EncodeToString(out.digest[:]), Subjects: g.subjects(out.d), MediaType: out.media, Note: out.next,
	}
	_, err = g.log.Seal(ctx, evidence.Draft{
		Kind: factServe, ID: g.ids.NewID(), Actor: seal.Actor{Department: f.Terms.Provider.Department}, Header: h.Encode(), Body: out.body, Detached: true,
	})
	if err != nil {
		return nil, "", err
	}
	g.live.tell(f.Terms.Provider.Department, Event{Side: Providing, Member: who.Member, OK: true})
	return out.body, out.next, nil
}

func (g *Gateway) pull(ctx context.Context, f *agreement.InForce, who policy.Party, purpose string, plan policy.Plan, out *output) error {
	var err error
	out.d, err = f.Decide(&policy.Request{
		Principal: who, Mode: policy.ModeQuery, Resource: f.Terms.Resource, Purpose: purpose, Now: g.clock.Now(), Plan: plan,
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
	if err := s.meter.take(g.clock.Now()); err != nil {
		return err
	}
	return g.rows(ctx, f, s, out)
}
