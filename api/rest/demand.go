package rest

import (
	"net/http"

	"github.com/kuayu/kuayu/exchange/demand"
	"github.com/kuayu/kuayu/exchange/scheme"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/policy"
)

// DemandRequest lists a demand; Members are those to be asked, none: all.
type DemandRequest struct {
	Want    demand.Want `json:"want"`
	Members []string    `json:"members,omitempty"`
}

// Assignment names a department.
type Assignment struct {
	Department string `json:"department"`
}

// Satisfaction names an application.
type Satisfaction struct {
	Application string `json:"application"`
}

// demandRoutes are what departments need and nobody offers yet (Decree 809 art. 20).
func (a *API) demandRoutes(mux *http.ServeMux) {
	type dem = demand.Demand
	officer, head, either := roles{identity.DataOfficer}, roles{identity.OfficeHead}, roles{identity.DataOfficer, identity.OfficeHead}
	id := func(c call) string { return c.r.PathValue("id") }
	s := func() *demand.Service { return a.Demands }

	route(a, mux, "POST", "/api/v1/demands", "提出数据需求", "Write a demand for data nobody offers", officer, func(c call, in *DemandRequest) (*dem, error) {
		return s().Write(c.ctx, c.sess, in.Want, in.Members)
	})
	route(a, mux, "GET", "/api/v1/demands", "需求清单", "List demands", nil, func(c call, _ *empty) (*Page[dem], error) {
		ds, err := s().List(c.ctx, c.sess.Scope(), demand.State(c.r.URL.Query().Get("state")), limitOf(c.r))
		return &Page[dem]{Items: ds}, err
	})
	route(a, mux, "GET", "/api/v1/demands/{id}", "查看需求", "Show a demand", nil, func(c call, _ *empty) (*dem, error) {
		return s().Get(c.ctx, c.sess.Scope(), id(c))
	})
	route(a, mux, "GET", "/api/v1/demands/{id}/matches", "可能满足需求的目录条目", "Entries that seem to offer what is needed", nil, func(c call, _ *empty) (*Page[demand.Match], error) {
		ms, err := s().Matches(c.ctx, c.sess.Scope(), id(c))
		return &Page[demand.Match]{Items: ms}, err
	})
	route(a, mux, "GET", "/api/v1/demands/{id}/candidates", "可能掌握数据的部门", "Departments that are likely to hold what is needed", roles{identity.Authority}, func(c call, _ *empty) (*Page[demand.Candidate], error) {
		cs, err := s().Candidates(c.ctx, c.sess, id(c))
		return &Page[demand.Candidate]{Items: cs}, err
	})
	route(a, mux, "POST", "/api/v1/demands/{id}/consent", "同意需求", "Consent that a demand is listed", head, func(c call, _ *empty) (*dem, error) {
		return s().ConsentDemand(c.ctx, c.sess, id(c))
	})
	route(a, mux, "POST", "/api/v1/demands/{id}/return", "退回需求", "Return a demand", head, func(c call, in *Reason) (*dem, error) {
		return s().ReturnDemand(c.ctx, c.sess, id(c), in.Reason)
	})
	route(a, mux, "POST", "/api/v1/demands/{id}/withdraw", "撤回需求", "Withdraw a demand", either, func(c call, in *Reason) (*dem, error) {
		return s().WithdrawDemand(c.ctx, c.sess, id(c), in.Reason)
	})
	route(a, mux, "POST", "/api/v1/demands/{id}/satisfy", "办结需求", "Close a demand with the application made for it", officer, func(c call, in *Satisfaction) (*dem, error) {
		return s().SatisfyDemand(c.ctx, c.sess, id(c), in.Application)
	})
	route(a, mux, "POST", "/api/v1/demands/{id}/assign", "交办需求", "Name the department that is to answer", roles{identity.Authority}, func(c call, in *Assignment) (*dem, error) {
		return s().AssignDemand(c.ctx, c.sess, id(c), in.Department)
	})
	route(a, mux, "POST", "/api/v1/demands/{id}/reply", "答复需求", "Answer a demand", officer, func(c call, in *demand.AnswerGiven) (*dem, error) {
		return s().ReplyDemand(c.ctx, c.sess, id(c), *in)
	})
}

// EnrolRequest is what a department states once for all applications under a scheme.
type EnrolRequest struct {
	Basis    policy.Basis `json:"basis"`
	Scenario string       `json:"scenario"`
}

// schemeRoutes are texts under which many agreements are made: point to many, many to one, hub, and a zone's shared list.
func (a *API) schemeRoutes(mux *http.ServeMux) {
	type sch = scheme.Scheme
	officer, head, authority := roles{identity.DataOfficer}, roles{identity.OfficeHead}, roles{identity.Authority}
	id := func(c call) string { return c.r.PathValue("id") }
	s := func() *scheme.Service { return a.Schemes }

	route(a, mux, "POST", "/api/v1/schemes", "拟定共享方案或其新版本", "Draft a scheme, or a new version of one", roles{identity.DataOfficer, identity.Authority}, func(c call, in *scheme.Text) (*sch, error) {
		return s().Propose(c.ctx, c.sess, *in)
	})
	route(a, mux, "GET", "/api/v1/schemes", "共享方案", "List schemes", nil, func(c call, _ *empty) (*Page[sch], error) {
		xs, err := s().List(c.ctx, c.sess.Scope(), limitOf(c.r))
		return &Page[sch]{Items: xs}, err
	})
	route(a, mux, "GET", "/api/v1/schemes/{id}", "查看共享方案", "Show a scheme", nil, func(c call, _ *empty) (*sch, error) {
		return s().Get(c.ctx, c.sess.Scope(), id(c))
	})
	route(a, mux, "GET", "/api/v1/schemes/{id}/versions", "方案的历次版本", "Versions of a scheme", nil, func(c call, _ *empty) (*Page[scheme.Version], error) {
		vs, err := s().Versions(c.ctx, c.sess.Scope(), id(c))
		return &Page[scheme.Version]{Items: vs}, err
	})
	route(a, mux, "GET", "/api/v1/schemes/{id}/enrolments", "登记使用情况", "Departments that use a scheme", nil, func(c call, _ *empty) (*Page[scheme.Enrolment], error) {
		es, err := s().Enrolments(c.ctx, c.sess.Scope(), id(c))
		return &Page[scheme.Enrolment]{Items: es}, err
	})
	route(a, mux, "POST", "/api/v1/schemes/{id}/consent", "同意方案", "Consent to the version proposed", roles{identity.OfficeHead, identity.Authority}, func(c call, _ *empty) (*sch, error) {
		return s().Consent(c.ctx, c.sess, id(c))
	})
	route(a, mux, "POST", "/api/v1/schemes/{id}/decline", "否决方案", "Decline the version proposed", authority, func(c call, in *Reason) (*sch, error) {
		return s().Decline(c.ctx, c.sess, id(c), in.Reason)
	})
	route(a, mux, "POST", "/api/v1/schemes/{id}/join", "以本部门条目加入方案", "Join with the department's entries", head, func(c call, _ *empty) (*sch, error) {
		return s().Join(c.ctx, c.sess, id(c))
	})
	route(a, mux, "POST", "/api/v1/schemes/{id}/enrol", "登记使用", "Enrol the department as a user", officer, func(c call, in *EnrolRequest) (*scheme.Enrolment, error) {
		return s().Enrol(c.ctx, c.sess, id(c), in.Basis, in.Scenario)
	})
	route(a, mux, "POST", "/api/v1/schemes/{id}/consent-enrolment", "同意登记使用", "Consent to the enrolment", head, func(c call, _ *empty) (*scheme.Enrolment, error) {
		return s().ConsentEnrolment(c.ctx, c.sess, id(c))
	})
	route(a, mux, "POST", "/api/v1/schemes/{id}/leave", "退出无差别共享", "Leave a zone", authority, func(c call, in *Reason) (*sch, error) {
		return s().Leave(c.ctx, c.sess, id(c), in.Reason)
	})
	route(a, mux, "POST", "/api/v1/schemes/{id}/close", "终止方案", "Close a scheme", head, func(c call, in *Reason) (*sch, error) {
		return s().Close(c.ctx, c.sess, id(c), in.Reason)
	})
}
