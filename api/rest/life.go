package rest

import (
	"net/http"

	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/support/identity"
)

// SupplementRequest tells everything an application lacks, once.
type SupplementRequest struct {
	Missing []agreement.Missing `json:"missing"`
}

// ExtensionRequest asks the authority for more time to answer.
type ExtensionRequest struct {
	Days   int    `json:"days" doc:"working days, at most 10"`
	Reason string `json:"reason"`
}

// Report is what an applicant says it put right.
type Report struct {
	Report string `json:"report"`
}

// lifeRoutes are what happens to an application and agreement besides the answer (Decree 809 art. 21, 25, 27, 29).
func (a *API) lifeRoutes(mux *http.ServeMux) {
	type neg = agreement.Negotiation
	officer, head, either := roles{identity.DataOfficer}, roles{identity.OfficeHead}, roles{identity.DataOfficer, identity.OfficeHead}
	authority, watchers := roles{identity.Authority}, roles{identity.OfficeHead, identity.Authority}
	id := func(c call) string { return c.r.PathValue("id") }
	s := func() *agreement.Service { return a.Agreements }

	route(a, mux, "POST", "/api/v1/applications/{id}/supplement", "一次性告知补正", "Tell everything that is missing, once", officer, func(c call, in *SupplementRequest) (*neg, error) {
		return s().AskSupplement(c.ctx, c.sess, id(c), in.Missing)
	})
	route(a, mux, "POST", "/api/v1/applications/{id}/supply", "补正", "Supply what was missing", officer, func(c call, in *agreement.Supply) (*neg, error) {
		return s().GiveSupplement(c.ctx, c.sess, id(c), *in)
	})
	route(a, mux, "POST", "/api/v1/applications/{id}/consent-supply", "同意扩大申请内容的补正", "Consent to a supplement that asks for more", head, func(c call, _ *empty) (*neg, error) {
		return s().ConsentSupplement(c.ctx, c.sess, id(c))
	})
	route(a, mux, "POST", "/api/v1/applications/{id}/extend", "申请延期答复", "Ask the authority for more time to answer", officer, func(c call, in *ExtensionRequest) (*neg, error) {
		return s().AskExtension(c.ctx, c.sess, id(c), in.Days, in.Reason)
	})
	route(a, mux, "POST", "/api/v1/applications/{id}/consent-extension", "主管部门同意延期", "The authority consents to more time", authority, func(c call, _ *empty) (*neg, error) {
		return s().ConsentExtension(c.ctx, c.sess, id(c))
	})
	route(a, mux, "POST", "/api/v1/applications/{id}/refuse-extension", "主管部门不同意延期", "The authority does not consent to more time", authority, func(c call, in *Reason) (*neg, error) {
		return s().RefuseExtension(c.ctx, c.sess, id(c), in.Reason)
	})
	route(a, mux, "POST", "/api/v1/agreements/{id}/change", "拟申请变更用途", "Draft a change of use", officer, func(c call, in *agreement.ChangeRequest) (*neg, error) {
		return s().DraftChange(c.ctx, c.sess, id(c), *in)
	})
	route(a, mux, "POST", "/api/v1/agreements/{id}/consent-change", "需求部门同意变更申请", "Consent that the change is asked for", head, func(c call, _ *empty) (*neg, error) {
		return s().RequestChange(c.ctx, c.sess, id(c))
	})
	route(a, mux, "POST", "/api/v1/agreements/{id}/answer-change", "提出对变更的答复", "Propose what to grant of a change", officer, func(c call, in *agreement.Grant) (*neg, error) {
		return s().ProposeChange(c.ctx, c.sess, id(c), *in)
	})
	route(a, mux, "POST", "/api/v1/agreements/{id}/grant-change", "提供方同意变更", "Grant a change: the agreement is amended", head, func(c call, _ *empty) (*neg, error) {
		return s().GrantChange(c.ctx, c.sess, id(c))
	})
	route(a, mux, "POST", "/api/v1/agreements/{id}/decline-change", "不同意变更并说明理由", "Decline a change with reasons", head, func(c call, in *Reason) (*neg, error) {
		return s().DeclineChange(c.ctx, c.sess, id(c), in.Reason)
	})
	route(a, mux, "GET", "/api/v1/agreements/{id}/versions", "变更前的协议原文", "The agreement before it was amended", nil, func(c call, _ *empty) (*Page[agreement.Version], error) {
		vs, err := s().Versions(c.ctx, c.sess.Scope(), id(c))
		return &Page[agreement.Version]{Items: vs}, err
	})
	route(a, mux, "POST", "/api/v1/agreements/{id}/suspend", "暂停，立即生效", "Suspend, with effect at once", watchers, func(c call, in *Reason) (*neg, error) {
		return s().Suspend(c.ctx, c.sess, id(c), in.Reason)
	})
	route(a, mux, "POST", "/api/v1/agreements/{id}/rectify", "责令限期整改", "Order to put things right by a date", watchers, func(c call, in *agreement.RectifyOrder) (*neg, error) {
		return s().OrderRectify(c.ctx, c.sess, id(c), *in)
	})
	route(a, mux, "POST", "/api/v1/agreements/{id}/rectified", "报告整改情况", "Report what was put right", either, func(c call, in *Report) (*neg, error) {
		return s().ReportRectified(c.ctx, c.sess, id(c), in.Report)
	})
	route(a, mux, "POST", "/api/v1/agreements/{id}/resume", "恢复", "Resume", watchers, func(c call, in *Reason) (*neg, error) {
		return s().Resume(c.ctx, c.sess, id(c), in.Reason)
	})
	route(a, mux, "POST", "/api/v1/agreements/{id}/dispose", "要求处置数据", "Say how to dispose of the data", either, func(c call, in *agreement.DisposalOrder) (*neg, error) {
		return s().Dispose(c.ctx, c.sess, id(c), *in)
	})
	route(a, mux, "POST", "/api/v1/agreements/{id}/destroyed", "销毁证明", "Certify that the data were destroyed", head, func(c call, in *agreement.Certificate) (*neg, error) {
		return s().ConfirmDisposal(c.ctx, c.sess, id(c), *in)
	})
	route(a, mux, "POST", "/api/v1/agreements/{id}/ledger", "登记使用台账", "Write into the usage ledger", officer, func(c call, in *agreement.UseRecord) (*agreement.Ledger, error) {
		return s().RecordUse(c.ctx, c.sess, id(c), *in)
	})
	readers := roles{identity.DataOfficer, identity.OfficeHead, identity.DepartmentHead, identity.Authority, identity.Auditor}
	route(a, mux, "GET", "/api/v1/agreements/{id}/ledger", "查看使用台账", "Read the usage ledger", readers, func(c call, _ *empty) (*agreement.Ledger, error) {
		return a.Gateway.Ledger(c.ctx, c.sess, id(c))
	})
}
