package rest

import (
	"net/http"

	"github.com/kuayu/kuayu/exchange/catalog"
	"github.com/kuayu/kuayu/support/identity"
)

// ResourceRequest describes a catalogue entry and where it is mounted.
type ResourceRequest struct {
	Resource catalog.Resource `json:"resource"`
	Source   string           `json:"source,omitempty"`
	Table    string           `json:"table,omitempty"`
}

// UpdateExtension asks for more time to update an entry.
type UpdateExtension struct {
	Days   int    `json:"days"` // working days, at most 5
	Reason string `json:"reason"`
}

// entryRoutes are an entry's way into the catalogue and out of it (Decree 809 art. 13, 16, 17).
func (a *API) entryRoutes(mux *http.ServeMux) {
	officer, chief, authority := roles{identity.DataOfficer}, roles{identity.DepartmentHead}, roles{identity.Authority}
	const one = "/api/v1/resources/{code}"
	code := func(c call) string { return c.r.PathValue("code") }
	route(a, mux, "PUT", one, "编目", "Describe an entry", officer, func(c call, in *ResourceRequest) (*catalog.Dossier, error) {
		in.Resource.Code = code(c)
		return a.Catalog.Save(c.ctx, c.sess, in.Resource, in.Source, in.Table)
	})
	route(a, mux, "GET", "/api/v1/resources", "本节点目录（含本部门草稿）", "Own catalogue with the department's drafts", nil, func(c call, _ *empty) (*Page[catalog.Resource], error) {
		rs, err := a.Catalog.List(c.ctx, c.sess.Scope(), true, c.r.URL.Query().Get("after"), limitOf(c.r))
		return &Page[catalog.Resource]{Items: rs}, err
	})
	route(a, mux, "GET", one, "条目办理情况", "Where an entry stands", nil, func(c call, _ *empty) (*catalog.Dossier, error) {
		return a.Catalog.Dossier(c.ctx, c.sess.Scope(), code(c))
	})
	route(a, mux, "DELETE", one, "删除草稿", "Discard a draft", officer, func(c call, _ *empty) (*catalog.Dossier, error) {
		return a.Catalog.Discard(c.ctx, c.sess, code(c))
	})
	route(a, mux, "GET", "/api/v1/entries", "条目办理清单", "Where the entries stand", nil, func(c call, _ *empty) (*Page[catalog.Dossier], error) {
		q, n := c.r.URL.Query(), limitOf(c.r)
		es, err := a.Catalog.Dossiers(c.ctx, c.sess.Scope(), catalog.State(q.Get("state")), q.Get("after"), n)
		out := &Page[catalog.Dossier]{Items: es}
		if len(es) == n {
			out.Next = es[n-1].Code
		}
		return out, err
	})
	route(a, mux, "GET", one+"/history", "条目办理经过", "History of an entry", nil, func(c call, _ *empty) (*Page[catalog.Act], error) {
		hs, err := a.Catalog.History(c.ctx, c.sess.Scope(), code(c))
		return &Page[catalog.Act]{Items: hs}, err
	})
	route(a, mux, "POST", one+"/assessments", "登记评估", "Put an assessment on record", officer, func(c call, in *catalog.Assessment) (*catalog.Dossier, error) {
		return a.Catalog.Assess(c.ctx, c.sess, code(c), *in)
	})
	route(a, mux, "POST", one+"/submit", "提交签发", "Submit to the head of the department", officer, func(c call, _ *empty) (*catalog.Dossier, error) {
		return a.Catalog.Submit(c.ctx, c.sess, code(c))
	})
	route(a, mux, "POST", one+"/sign", "部门负责人签发", "Sign, to the authority", chief, func(c call, _ *empty) (*catalog.Dossier, error) {
		return a.Catalog.Sign(c.ctx, c.sess, code(c))
	})
	route(a, mux, "POST", one+"/return", "部门负责人退回", "Return a submission", chief, func(c call, in *Reason) (*catalog.Dossier, error) {
		return a.Catalog.Return(c.ctx, c.sess, code(c), in.Reason)
	})
	route(a, mux, "POST", one+"/publish", "主管部门审核通过并发布", "Approve and publish", authority, func(c call, _ *empty) (*catalog.Dossier, error) {
		return a.Catalog.Publish(c.ctx, c.sess, code(c))
	})
	route(a, mux, "POST", one+"/reject", "主管部门审核不通过", "Reject with reasons", authority, func(c call, in *Reason) (*catalog.Dossier, error) {
		return a.Catalog.Reject(c.ctx, c.sess, code(c), in.Reason)
	})
	route(a, mux, "POST", one+"/withdraw", "申请撤销", "Ask for withdrawal", chief, func(c call, in *Reason) (*catalog.Dossier, error) {
		return a.Catalog.Withdraw(c.ctx, c.sess, code(c), in.Reason)
	})
	route(a, mux, "POST", one+"/file-withdrawal", "撤销备案", "File a withdrawal", authority, func(c call, _ *empty) (*catalog.Dossier, error) {
		return a.Catalog.FileWithdrawal(c.ctx, c.sess, code(c))
	})
	route(a, mux, "POST", one+"/refuse-withdrawal", "不同意撤销", "Refuse a withdrawal", authority, func(c call, in *Reason) (*catalog.Dossier, error) {
		return a.Catalog.RefuseWithdrawal(c.ctx, c.sess, code(c), in.Reason)
	})
	route(a, mux, "POST", one+"/change-noted", "记录须更新的变化", "Note a change that makes an update due", roles{identity.DataOfficer, identity.DepartmentHead, identity.Authority}, func(c call, in *catalog.Demand) (*catalog.Dossier, error) {
		return a.Catalog.NoteChange(c.ctx, c.sess, code(c), *in)
	})
	route(a, mux, "POST", one+"/extend", "申请更新延期", "Ask for more time to update", officer, func(c call, in *UpdateExtension) (*catalog.Dossier, error) {
		return a.Catalog.AskExtension(c.ctx, c.sess, code(c), in.Days, in.Reason)
	})
	route(a, mux, "POST", one+"/consent-extension", "同意更新延期", "Consent to more time to update", authority, func(c call, _ *empty) (*catalog.Dossier, error) {
		return a.Catalog.ConsentExtension(c.ctx, c.sess, code(c))
	})
	route(a, mux, "POST", one+"/refuse-extension", "不同意更新延期", "Refuse more time to update", authority, func(c call, in *Reason) (*catalog.Dossier, error) {
		return a.Catalog.RefuseExtension(c.ctx, c.sess, code(c), in.Reason)
	})
}
