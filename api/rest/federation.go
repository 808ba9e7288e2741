package rest

import (
	"net/http"

	"github.com/kuayu/kuayu/internal/httpx"
	"github.com/kuayu/kuayu/support/federation"
)

func writeErr(w http.ResponseWriter, c call, err error) { httpx.WriteError(w, c.r, err) }

func (a *API) propose(c call, in *ProposalRequest) (*federation.Proposal, error) {
	return a.Federation.ProposeChange(c.ctx, *in)
}
