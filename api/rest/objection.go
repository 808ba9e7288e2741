package rest

import (
	"net/http"

	"github.com/kuayu/kuayu/exchange/objection"
	"github.com/kuayu/kuayu/support/identity"
)

// Acceptance names the proposal on which a dispute is settled.
type Acceptance struct {
	Proposal string `json:"proposal"`
}

// objectionRoutes are corrections and disputes (Decree 809 art. 26, 28).
func (a *API) objectionRoutes(mux *http.ServeMux) {
	type corr = objection.Correction
	type disp = objection.Dispute
	officer, head, either := roles{identity.DataOfficer}, roles{identity.OfficeHead}, roles{identity.DataOfficer, identity.OfficeHead}
	id := func(c call) string { return c.r.PathValue("id") }
	s := func() *objection.Service { return a.Objections }

	route(a, mux, "POST", "/api/v1/agreements/{id}/corrections", "提出校核申请", "Report that a record is wrong", officer, func(c call, in *objection.CorrectionRequest) (*corr, error) {
		return s().Report(c.ctx, c.sess, id(c), *in)
	})
	route(a, mux, "GET", "/api/v1/corrections", "校核申请列表", "List corrections", nil, func(c call, _ *empty) (*Page[corr], error) {
		cs, _, err := s().Corrections(c.ctx, c.sess.Scope(), "", limitOf(c.r))
		return &Page[corr]{Items: cs}, err
	})
	route(a, mux, "GET", "/api/v1/corrections/{id}", "查看校核申请", "Show a correction", nil, func(c call, _ *empty) (*corr, error) {
		return s().Correction(c.ctx, c.sess.Scope(), id(c))
	})
	route(a, mux, "POST", "/api/v1/corrections/{id}/answer", "反馈核查结果", "Answer a correction", officer, func(c call, in *objection.CorrectionAnswer) (*corr, error) {
		return s().Answer(c.ctx, c.sess, id(c), *in)
	})
	route(a, mux, "GET", "/api/v1/refetches", "须重新获取的数据", "What is to be asked for again, since it was corrected", nil, func(c call, _ *empty) (*Page[objection.Refetch], error) {
		rs, err := s().Refetches(c.ctx, c.sess.Scope(), c.r.URL.Query().Get("done") == "1", limitOf(c.r))
		return &Page[objection.Refetch]{Items: rs}, err
	})
	route(a, mux, "POST", "/api/v1/refetches/{id}/done", "标记已更新", "Mark as asked for again", officer, func(c call, _ *empty) (*objection.Refetch, error) {
		return s().Refetched(c.ctx, c.sess, id(c))
	})
	route(a, mux, "POST", "/api/v1/disputes", "提出争议", "Open a dispute", either, func(c call, in *objection.Opening) (*disp, error) {
		return s().Open(c.ctx, c.sess, *in)
	})
	route(a, mux, "GET", "/api/v1/disputes", "争议列表", "List disputes", nil, func(c call, _ *empty) (*Page[disp], error) {
		ds, _, err := s().Disputes(c.ctx, c.sess.Scope(), "", limitOf(c.r))
		return &Page[disp]{Items: ds}, err
	})
	route(a, mux, "GET", "/api/v1/disputes/{id}", "查看争议", "Show a dispute", nil, func(c call, _ *empty) (*disp, error) {
		return s().Dispute(c.ctx, c.sess.Scope(), id(c))
	})
	route(a, mux, "POST", "/api/v1/disputes/{id}/papers", "补充材料", "Put a paper forward", either, func(c call, in *objection.Statement) (*disp, error) {
		return s().AddPaper(c.ctx, c.sess, id(c), *in)
	})
	route(a, mux, "POST", "/api/v1/disputes/{id}/propose", "提出和解条件", "Propose terms to settle on", head, func(c call, in *objection.Statement) (*disp, error) {
		return s().Propose(c.ctx, c.sess, id(c), *in)
	})
	route(a, mux, "POST", "/api/v1/disputes/{id}/accept", "接受和解条件", "Accept the other side's terms", head, func(c call, in *Acceptance) (*disp, error) {
		return s().Accept(c.ctx, c.sess, id(c), in.Proposal)
	})
	route(a, mux, "POST", "/api/v1/disputes/{id}/escalate", "提交上一级处理", "Take a dispute one step up", head, func(c call, in *Reason) (*disp, error) {
		return s().Escalate(c.ctx, c.sess, id(c), in.Reason)
	})
	route(a, mux, "POST", "/api/v1/disputes/{id}/ruling", "登记裁决", "Record a ruling", roles{identity.Authority}, func(c call, in *objection.Decision) (*disp, error) {
		return s().Rule(c.ctx, c.sess, id(c), *in)
	})
	route(a, mux, "POST", "/api/v1/disputes/{id}/acknowledge", "确认收到裁决", "Acknowledge a ruling", head, func(c call, _ *empty) (*disp, error) {
		return s().Acknowledge(c.ctx, c.sess, id(c))
	})
}
