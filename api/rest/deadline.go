package rest

import (
	"net/http"

	"github.com/kuayu/kuayu/support/deadline"
)

// deadlineRoutes say whose turn it is, until when, and who let it fall (Decree 809 art. 38–41).
func (a *API) deadlineRoutes(mux *http.ServeMux) {
	route(a, mux, "GET", "/api/v1/deadlines", "法定时限：轮到谁、到何时", "The law's clocks: whose turn it is, until when", nil, func(c call, _ *empty) (*deadline.Page[deadline.Deadline], error) {
		q := c.r.URL.Query()
		return a.Deadlines.Running(c.ctx, c.sess.Scope(), deadline.OpenQuery{
			Holder: deadline.Role(q.Get("holder")), Clock: deadline.ID(q.Get("clock")), Late: q.Get("late") == "1", After: q.Get("after"), Limit: limitOf(c.r),
		})
	})
	route(a, mux, "GET", "/api/v1/applications/{id}/deadlines", "一件申请的时限", "The clocks of one application", nil, func(c call, _ *empty) (*Page[deadline.Deadline], error) {
		n, err := a.Agreements.Get(c.ctx, c.sess.Scope(), c.r.PathValue("id"))
		if err != nil {
			return nil, err
		}
		cs, err := a.Deadlines.Of(c.ctx, c.sess.Scope(), "agreement/"+n.ID)
		return &Page[deadline.Deadline]{Items: cs}, err
	})
	route(a, mux, "GET", "/api/v1/violations", "违规记录", "Violations", nil, func(c call, _ *empty) (*deadline.Page[deadline.Violation], error) {
		q := c.r.URL.Query()
		return a.Deadlines.Violations(c.ctx, c.sess.Scope(), deadline.ViolationQuery{
			Member: q.Get("member"), Department: q.Get("department"), Code: deadline.Code(q.Get("code")), After: q.Get("after"), Limit: limitOf(c.r),
		})
	})
}
