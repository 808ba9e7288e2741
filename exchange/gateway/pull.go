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
	w := &wireRequest{Agreement: id, Mode: policy.ModeQuery, Purpose: purpose, Plan: plan}
	if err := g.execute(ctx, f, who, w, true, out); err != nil {
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
