package rest

import (
	"net/http"

	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/exchange/dataspace"
	"github.com/kuayu/kuayu/support/identity"
)

// TransferRequest asks for a transfer under an agreement in force.
type TransferRequest struct {
	Format string `json:"format"` // HttpData-PULL or HttpArrow-PULL
}

// TransferMove moves a transfer.
type TransferMove struct {
	Event  dataspace.TransferEvent `json:"event"` // start, completion, suspension, termination
	Reason string                  `json:"reason,omitempty"`
}

// offerRoutes are the provider's other terms and the applicant's answers to them.
func (a *API) offerRoutes(mux *http.ServeMux) {
	type neg = agreement.Negotiation
	officer, head := roles{identity.DataOfficer}, roles{identity.OfficeHead}
	route(a, mux, "POST", "/api/v1/applications/{id}/offer", "提出要约（另行条件）", "Offer other terms", officer, func(c call, in *agreement.Grant) (*neg, error) {
		return a.Agreements.CounterOffer(c.ctx, c.sess, c.r.PathValue("id"), *in)
	})
	route(a, mux, "POST", "/api/v1/applications/{id}/accept", "接受要约", "Accept the offer", head, func(c call, _ *empty) (*neg, error) {
		return a.Agreements.AcceptOffer(c.ctx, c.sess, c.r.PathValue("id"))
	})
	route(a, mux, "POST", "/api/v1/applications/{id}/resubmit", "再次申请", "Answer the offer by asking again", head, func(c call, in *agreement.Application) (*neg, error) {
		return a.Agreements.Resubmit(c.ctx, c.sess, c.r.PathValue("id"), *in)
	})
}

// transferRoutes are transfer processes. What opens a transfer is not shown to the side that issued it.
func (a *API) transferRoutes(mux *http.ServeMux) {
	who := roles{identity.DataOfficer, identity.Machine}
	route(a, mux, "POST", "/api/v1/agreements/{id}/transfers", "请求传输", "Request a transfer", who, func(c call, in *TransferRequest) (*dataspace.Transfer, error) {
		return shown(a.Dataspace.RequestTransfer(c.ctx, c.sess, c.r.PathValue("id"), in.Format))
	})
	route(a, mux, "GET", "/api/v1/transfers", "传输", "Transfers", nil, func(c call, _ *empty) (*Page[dataspace.Transfer], error) {
		ts, err := a.Dataspace.Transfers(c.ctx, c.sess.Scope(), c.r.URL.Query().Get("agreement"), limitOf(c.r))
		for i := range ts {
			_, _ = shown(&ts[i], nil)
		}
		return &Page[dataspace.Transfer]{Items: ts}, err
	})
	route(a, mux, "GET", "/api/v1/transfers/{id}", "查看传输", "One transfer", nil, func(c call, _ *empty) (*dataspace.Transfer, error) {
		return shown(a.Dataspace.Transfer(c.ctx, c.sess.Scope(), c.r.PathValue("id")))
	})
	route(a, mux, "POST", "/api/v1/transfers/{id}/move", "推进传输", "Move a transfer", who, func(c call, in *TransferMove) (*dataspace.Transfer, error) {
		return shown(a.Dataspace.MoveTransfer(c.ctx, c.sess, c.r.PathValue("id"), in.Event, in.Reason))
	})
}

func shown(t *dataspace.Transfer, err error) (*dataspace.Transfer, error) {
	if t != nil && t.Role == agreement.Provider {
		t.Token, t.Address = "", nil
	}
	return t, err
}
