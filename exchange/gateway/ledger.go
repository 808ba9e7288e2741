package gateway

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/internal/httpx"
	"github.com/kuayu/kuayu/support/evidence"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/peer"
	"github.com/kuayu/kuayu/support/seal"
)

// PathLedger is where a provider reads how its data were used (Decree 809 art. 29).
const PathLedger = "/peer/v1/ledger"

type ledgerRequest struct {
	Agreement string `json:"agreement"`
}

// Ledger returns the usage ledger of an agreement of the session's scope: from this node at the using end, and by a
// sealed request from the using department's node at the provider's (Decree 809 art. 29).
func (g *Gateway) Ledger(ctx context.Context, sess *identity.Session, id string) (*agreement.Ledger, error) {
	n, err := g.agreements.Get(ctx, sess.Scope(), id)
	if err != nil {
		return nil, err
	}
	if n.Side == agreement.Consumer {
		return g.agreements.Ledger(ctx, sess.Scope(), id)
	}
	switch {
	case n.Agreement == "":
		return nil, agreement.ErrNotInForce.With()
	case n.Foreign():
		return nil, agreement.ErrForeign.With()
	case n.Consumer.Member == g.self:
		return g.agreements.LedgerFor(ctx, g.self, n.Provider.Department, n.Agreement)
	}
	body, err := json.Marshal(ledgerRequest{Agreement: n.Agreement})
	if err != nil {
		return nil, err
	}
	now := g.clock.Now()
	h := evidence.Header{To: n.Consumer.Member, ToDept: n.Consumer.Department, Route: http.MethodPost + " " + PathLedger, Expires: now.Add(Life).UnixMilli(), Agreement: n.Agreement}
	rec, err := g.log.Seal(ctx, evidence.Draft{
		Kind: "ledger.ask", ID: g.ids.NewID(), Time: now, Actor: seal.Actor{Department: n.Provider.Department, Officer: sess.Actor}, Header: h.Encode(), Body: body,
	})
	if err != nil {
		return nil, err
	}
	a, err := g.link.Do(ctx, n.Consumer.Member, http.MethodPost, PathLedger, "application/json", rec)
	if err != nil {
		return nil, err
	}
	var l agreement.Ledger
	if err := httpx.Unmarshal(a.Body, &l); err != nil {
		return nil, err
	}
	if a.Fact.Kind != "ledger.serve" || l.Agreement != n.Agreement {
		return nil, ErrAnswer.With()
	}
	return &l, nil
}

// ServeLedger answers the provider of an agreement, and nobody else.
func (g *Gateway) ServeLedger(w http.ResponseWriter, r *http.Request) { g.serve(w, r, g.ledger) }

func (g *Gateway) ledger(ctx context.Context, in *peer.Incoming) (*evidence.Record, error) {
	var q ledgerRequest
	if err := httpx.Unmarshal(in.Body, &q); err != nil {
		return nil, err
	}
	l, err := g.agreements.LedgerFor(ctx, in.From, in.Fact.Actor.Department, q.Agreement)
	if err != nil {
		return nil, err
	}
	consumer, _, err := g.agreements.Parties(ctx, q.Agreement, agreement.Consumer)
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(l)
	if err != nil {
		return nil, err
	}
	h := evidence.Header{To: in.From, ToDept: in.Fact.Actor.Department, Request: in.Fact.ID, ReqHash: peer.Commitment(in.Sealed), Agreement: q.Agreement, Outcome: "ok"}
	return g.log.Seal(ctx, evidence.Draft{Kind: "ledger.serve", ID: in.Fact.ID, Actor: seal.Actor{Department: consumer.Department}, Header: h.Encode(), Body: body})
}
