package agreement

import (
	"sync"

	"github.com/kuayu/kuayu/exchange/catalog"
	"github.com/kuayu/kuayu/support/deadline"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/notice"
	"github.com/kuayu/kuayu/support/process"
)

// The words of the kernel, as this package uses them.
type (
	State = process.State
	Event = process.Event
	Role  = process.Side
)

// The ends.
const (
	Consumer Role = "consumer"
	Provider Role = "provider"
)

// The states; the same words at both ends.
const (
	Draft              State = "DRAFT"
	ReqOfficeApproval  State = "REQ_OFFICE_APPROVAL"
	Submitted          State = "SUBMITTED"
	Supplement         State = "SUPPLEMENT"
	Reviewing          State = "REVIEWING"
	Extended           State = "EXTENDED"
	CounterOffered     State = "COUNTER_OFFERED"
	Resubmitted        State = "RESUBMITTED"
	ProvOfficeApproval State = "PROV_OFFICE_APPROVAL"
	Approved           State = "APPROVED"
	Verified           State = "VERIFIED"
	Provisioning       State = "PROVISIONING"
	Active             State = "ACTIVE"
	Expired            State = "EXPIRED"
	ChangeOfUse        State = "CHANGE_OF_USE"
	Suspended          State = "SUSPENDED"
	Rectifying         State = "RECTIFYING"
	Terminated         State = "TERMINATED"
	Disposal           State = "DISPOSAL"
	Closed             State = "CLOSED"
	Refused            State = "REFUSED"
	Withdrawn          State = "WITHDRAWN"
)

// The events.
const (
	AskOffice       Event = "ask_office"       // the draft goes to the head of the consumer's sharing office (art. 20)
	OfficeReturns   Event = "office_returns"   // the head sends the draft back
	OfficeConsents  Event = "office_consents"  // the application goes out
	StartReview     Event = "start_review"     // the provider's node takes it up
	AskSupplement   Event = "ask_supplement"   // everything missing is named, once (art. 21)
	GiveSupplement  Event = "give_supplement"  //
	DraftSupplement Event = "draft_supplement" // what would be supplied widens the application: the head must consent (art. 20)
	AskExtension    Event = "ask_extension"    // of the authority, for more time (art. 21)
	RefuseExtension Event = "refuse_extension" //
	Extend          Event = "extend"           // with the authority's consent (art. 21)
	CounterOffer    Event = "counter_offer"    // the provider would share on other terms
	Resubmit        Event = "resubmit"         // the consumer asks again on other terms
	AcceptOffer     Event = "accept_offer"     //
	ProposeAnswer   Event = "propose_answer"   // the provider's officer would grant
	AnswerReturned  Event = "answer_returned"  //
	ConsentAnswer   Event = "consent_answer"   // the agreement is made (art. 20)
	StandingConsent Event = "standing_consent" // under a consent given in advance
	Verify          Event = "verify"           // the consumer countersigns
	Finalize        Event = "finalize"         // the provider closes the negotiation
	Provision       Event = "provision"        // data can flow (art. 22: within 20 WD)
	Refuse          Event = "refuse"           // with reasons (art. 21)
	Withdraw        Event = "withdraw"         //
	Expire          Event = "expire"           // the time limit of use (art. 20)
	DraftChange     Event = "draft_change"     // another purpose, scope, scenario or time (art. 25)
	RequestChange   Event = "request_change"   //
	ProposeChange   Event = "propose_change"   //
	GrantChange     Event = "grant_change"     // the agreement is amended
	DeclineChange   Event = "decline_change"   // the old terms hold
	Suspend         Event = "suspend"          // at once (art. 27)
	OrderRectify    Event = "order_rectify"    // with a date
	ReportRectified Event = "report_rectified" //
	Resume          Event = "resume"           //
	Terminate       Event = "terminate"        // revocation
	BeginDisposal   Event = "begin_disposal"   // art. 27
	ConfirmDisposal Event = "confirm_disposal" // destruction certificate
)

// Effect is the message of a step to the other end.
type Effect = string

// The effects: the first group are Dataspace Protocol messages, the second Kuayu's own.
const (
	SendRequest      Effect = "ContractRequestMessage"
	SendOffer        Effect = "ContractOfferMessage"
	SendAccepted     Effect = "ContractNegotiationEventMessage:ACCEPTED"
	SendAgreement    Effect = "ContractAgreementMessage"
	SendVerification Effect = "ContractAgreementVerificationMessage"
	SendFinalized    Effect = "ContractNegotiationEventMessage:FINALIZED"
	SendTermination  Effect = "ContractNegotiationTerminationMessage"

	SendSupplement Effect = "agreement.supplement"
	SendSupplied   Effect = "agreement.supplied"
	SendExtended   Effect = "agreement.extended"
	SendChange     Effect = "agreement.change"
	SendSuspended  Effect = "agreement.suspended"
	SendRectify    Effect = "agreement.rectify"
	SendRectified  Effect = "agreement.rectified"
	SendResumed    Effect = "agreement.resumed"
	SendTerminated Effect = "agreement.terminated"
	SendDispose    Effect = "agreement.dispose"
	SendDisposed   Effect = "agreement.disposed"

	// Ended goes to nobody: both ends know the time limit. What runs under the agreement ends with it.
	Ended Effect = "agreement.ended"
)

// answer stands in the table for the clock of an answer (art. 21): AnswerClock says which it is.
const answer deadline.ID = "answer"

// AnswerClock is the clock for answering an application (Decree 809 art. 21): one working day for the unconditional
// class, ten for the conditional one. The class that is not shared has none.
func AnswerClock(sharing catalog.Sharing) (deadline.ID, bool) {
	switch sharing {
	case catalog.Unconditional:
		return deadline.D3, true
	case catalog.Conditional:
		return deadline.D4, true
	case catalog.NotShared:
	}
	return "", false
}

// What may be pending within a state, for StateRow.Waits.
const (
	pendingExtension = "extension" // waits for the authority
	pendingDraft     = "draft"     // a supplement or change waits for the consumer's head
	pendingProposed  = "proposed"  // a change waits for the provider's head
	pendingReported  = "reported"  // a rectification waits for the provider's judgement
)

// Table is the process of applications and agreements (Decree 809 art. 20–22, 25–27, 29), the same at both ends.
func Table() *process.Table { return table() }

var table = sync.OnceValue(build) // built once, never changed

func build() *process.Table {
	const officer, head, authority = identity.DataOfficer, identity.OfficeHead, identity.Authority
	const applicant, provider = deadline.Applicant, deadline.Provider
	at, waits, say, put := process.At, process.Waits, process.Say, process.Notice
	law := func(r ...deadline.Role) []deadline.Role { return r }
	tell := func(n ...process.Notify) []process.Notify { return n }
	arg := func(name, zh, en string, maybe bool) process.Arg {
		return process.Arg{Name: name, Words: say(zh, en), Maybe: maybe}
	}
	also := func(m map[string][]process.Who, pending string, side Role, roles ...identity.Role) map[string][]process.Who {
		m[pending] = at(side, roles...)
		return m
	}
	application := []process.Arg{
		arg("provider", "提供方", "providing member", false), arg("resource", "资源代码", "code of the resource", false), arg("basis", "使用依据", "legal basis", false),
		arg("purposes", "用途", "purposes", false), arg("scenario", "使用场景", "scenario", false), arg("scope", "使用范围", "scope", false),
		arg("modes", "共享方式", "modes", false), arg("fields", "数据项", "items", false), arg("filter", "条件", "row filter", true), arg("quota", "用量", "quota", true),
		arg("valid_until", "使用时限", "time limit", false), arg("continues", "所续协议", "agreement it continues", true), arg("declared", "声明真实、合法、必要", "declaration that it is true, lawful and necessary", false),
	}
	grant := []process.Arg{
		arg("fields", "同意的数据项", "items granted", false), arg("refused", "不予共享的数据项及理由", "items refused, with reasons", true), arg("quota", "用量", "quota", true),
		arg("valid_until", "使用时限", "time limit", true), arg("lease_seconds", "租约秒数", "lease in seconds", true), arg("filter", "条件", "row filter", true),
	}
	overseen := at(Provider, head, authority)
	return process.Table{
		Kind: "agreement", Words: say("申请与协议", "application and agreement"), Law: "Decree 809 art. 20–22, 25–27, 29", Start: Draft,
		Sides: []process.SideRow{
			{Side: Consumer, Words: say("需求部门", "consumer"), Law: applicant},
			{Side: Provider, Words: say("提供部门", "provider"), Law: provider},
		},
		States: []process.StateRow{
			{State: Draft, Words: say("草稿", "Draft"), Waits: waits(Consumer, officer)},
			{State: ReqOfficeApproval, Words: say("待需求部门负责人同意", "Waiting for the consumer's office head"), Waits: waits(Consumer, head)},
			{State: Submitted, Words: say("已提交", "Submitted")},
			{State: Supplement, Words: say("待补正", "Supplement requested"), Waits: also(waits(Consumer, officer), pendingDraft, Consumer, head)},
			{State: Reviewing, Words: say("审查中", "Under review"), Waits: also(waits(Provider, officer), pendingExtension, Provider, authority)},
			{State: Extended, Words: say("审查中（已延期）", "Under review, extended"), Waits: waits(Provider, officer)},
			{State: CounterOffered, Words: say("待需求部门答复条件", "Other terms offered"), Waits: waits(Consumer, head)},
			{State: Resubmitted, Words: say("已按新条件申请", "Resubmitted"), Waits: waits(Provider, officer)},
			{State: ProvOfficeApproval, Words: say("待提供部门负责人同意", "Waiting for the provider's office head"), Waits: waits(Provider, head)},
			{State: Approved, Words: say("已同意", "Granted")},
			{State: Verified, Words: say("已会签", "Countersigned")},
			{State: Provisioning, Words: say("正在提供", "Provisioning")},
			{State: Active, Words: say("有效", "In force"), Waits: map[string][]process.Who{pendingDraft: at(Consumer, head)}},
			{State: Expired, Words: say("已到期", "Expired")},
			{State: ChangeOfUse, Words: say("变更用途审批中", "Change of use under review"), Waits: also(waits(Provider, officer), pendingProposed, Provider, head)},
			{State: Suspended, Words: say("已暂停", "Suspended"), Waits: waits(Provider, head)},
			{State: Rectifying, Words: say("限期整改", "Rectification ordered"), Waits: also(waits(Consumer, officer), pendingReported, Provider, head)},
			{State: Terminated, Words: say("已终止", "Terminated"), Waits: waits(Provider, officer)},
			{State: Disposal, Words: say("待处置数据", "Disposal ordered"), Waits: waits(Consumer, head)},
			{State: Closed, Words: say("已办结", "Closed"), Final: true},
			{State: Refused, Words: say("未同意", "Refused"), Final: true},
			{State: Withdrawn, Words: say("已撤回", "Withdrawn"), Final: true},
		},
		Events: []process.EventRow{
			{Event: AskOffice, Words: say("报负责人同意", "Sent to the office head"), By: at(Consumer, officer), Law: law(applicant), Needs: application, Notify: tell(put(Consumer, notice.ApplicationConsent, head))},
			{Event: OfficeReturns, Words: say("负责人退回", "Returned by the office head"), By: at(Consumer, head), Law: law(applicant), Reason: true, Notify: tell(put(Consumer, notice.ApplicationReturned, officer))},
			{Event: OfficeConsents, Words: say("负责人同意，提出申请", "Head consented, application sent"), By: at(Consumer, head), Law: law(applicant), Silent: "the head's own act; the arrival is announced at the other end, and what comes of it here"},
			{Event: StartReview, Words: say("提供部门开始审查", "Review started"), Law: law(provider), Notify: tell(put(Provider, notice.ApplicationReceived, officer))},
			{Event: AskSupplement, Words: say("一次性告知补正", "Supplement requested"), By: at(Provider, officer), Law: law(provider), Needs: []process.Arg{arg("item", "缺少的内容", "what is missing", false), arg("why", "为何需要", "why it is needed", false)}, Notify: tell(put(Consumer, notice.SupplementAsked, officer))},
			{Event: GiveSupplement, Words: say("补正完成", "Supplement given"), By: at(Consumer, officer, head), Law: law(applicant), Needs: []process.Arg{arg("texts", "补正内容", "what was missing", true), arg("application", "更正后的申请", "the application as corrected", true)}, Notify: tell(put(Provider, notice.SupplementGiven, officer))},
			{Event: DraftSupplement, Words: say("补正报负责人同意", "Supplement sent to the office head"), By: at(Consumer, officer), Law: law(applicant), Needs: []process.Arg{arg("texts", "补正内容", "what was missing", false), arg("application", "更正后的申请", "the application as corrected", false)}, Notify: tell(put(Consumer, notice.SupplementConsent, head))},
			{Event: AskExtension, Words: say("申请延期", "Extension requested"), By: at(Provider, officer), Law: law(provider), Needs: []process.Arg{arg("days", "工作日", "working days", false), arg("reason", "理由", "reason", false)}, Notify: tell(put(Provider, notice.ExtensionAsked, authority))},
			{Event: RefuseExtension, Words: say("不同意延期", "Extension refused"), By: at(Provider, authority), Law: law(deadline.Authority), Reason: true, Other: []Event{AskExtension}, Notify: tell(put(Provider, notice.ExtensionRefused, officer))},
			{Event: Extend, Words: say("延期", "Extended"), By: at(Provider, authority), Law: law(deadline.Authority), Other: []Event{AskExtension}, Notify: tell(put(Provider, notice.ExtensionGranted, officer))}, // the consumer hears of its clock
			{Event: CounterOffer, Words: say("提出其他条件", "Other terms offered"), By: at(Provider, officer), Law: law(provider), Needs: grant, Notify: tell(put(Consumer, notice.OfferMade, officer, head))},
			{Event: Resubmit, Words: say("按新条件申请", "Resubmitted on other terms"), By: at(Consumer, head), Law: law(applicant), Needs: application, Notify: tell(put(Provider, notice.OfferAnswered, officer))},
			{Event: AcceptOffer, Words: say("接受条件", "Terms accepted"), By: at(Consumer, head), Law: law(applicant), Notify: tell(put(Provider, notice.OfferAccepted, head))},
			{Event: ProposeAnswer, Words: say("拟同意，报负责人", "Grant sent to the office head"), By: at(Provider, officer), Law: law(provider), Needs: grant, Notify: tell(put(Provider, notice.AnswerConsent, head))},
			{Event: AnswerReturned, Words: say("负责人退回答复", "Answer returned by the office head"), By: at(Provider, head), Law: law(provider), Reason: true, Notify: tell(put(Provider, notice.AnswerReturned, officer))},
			{Event: ConsentAnswer, Words: say("负责人同意，达成协议", "Head consented, agreement made"), By: at(Provider, head), Law: law(provider), Other: []Event{ProposeAnswer}, Notify: tell(put(Consumer, notice.ApplicationGranted, officer))},
			{Event: StandingConsent, Words: say("按事先同意办理", "Granted under standing consent"), Law: law(provider), Notify: tell(put(Consumer, notice.ApplicationGranted, officer))},
			{Event: Verify, Words: say("需求部门会签", "Countersigned"), Law: law(applicant), Silent: "the nodes do it by themselves, within seconds of the grant that was announced"},
			{Event: Finalize, Words: say("协议生效", "Agreement in force"), Law: law(provider), Silent: "as verify"},
			{Event: Provision, Words: say("开始提供数据", "Data can flow"), Law: law(provider), Silent: "as verify"},
			{Event: Refuse, Words: say("不同意", "Refused"), By: at(Provider, head), Law: law(provider), Reason: true, Notify: tell(put(Consumer, notice.ApplicationRefused, officer))},
			{Event: Withdraw, Words: say("撤回", "Withdrawn"), By: at(Consumer, officer, head), Law: law(applicant), Notify: tell(put(Provider, notice.ApplicationWithdrawn, officer))},
			{Event: Expire, Words: say("到期", "Expired"), Notify: tell(put(Consumer, notice.AgreementExpired, officer), put(Provider, notice.AgreementExpired, officer))},
			{Event: DraftChange, Words: say("拟变更用途", "Change of use drafted"), By: at(Consumer, officer), Law: law(applicant), Needs: []process.Arg{arg("application", "变更后的申请", "the application as it would be", false), arg("reason", "理由", "reason", false)}, Notify: tell(put(Consumer, notice.ChangeConsent, head))},
			{Event: RequestChange, Words: say("申请变更用途", "Change of use requested"), By: at(Consumer, head), Law: law(applicant), Other: []Event{DraftChange}, Notify: tell(put(Provider, notice.ChangeReceived, officer))},
			{Event: ProposeChange, Words: say("拟同意变更", "Change sent to the office head"), By: at(Provider, officer), Law: law(provider), Needs: grant, Notify: tell(put(Provider, notice.ChangeProposed, head))},
			{Event: GrantChange, Words: say("同意变更", "Change granted"), By: at(Provider, head), Law: law(provider), Other: []Event{ProposeChange}, Notify: tell(put(Consumer, notice.ChangeGranted, officer))},
			{Event: DeclineChange, Words: say("不同意变更", "Change declined"), By: at(Provider, head), Law: law(provider), Reason: true, Notify: tell(put(Consumer, notice.ChangeDeclined, officer))},
			{Event: Suspend, Words: say("暂停", "Suspended"), By: overseen, Law: law(provider, deadline.Authority), Reason: true, Notify: tell(put(Consumer, notice.AgreementSuspended, officer, head), put(Provider, notice.AgreementSuspended, officer))}, // by a head, or by the authority over its head
			{Event: OrderRectify, Words: say("责令限期整改", "Rectification ordered"), By: overseen, Law: law(provider, deadline.Authority), Needs: []process.Arg{arg("what", "整改内容", "what must be rectified", false), arg("by", "期限", "by when", false)}, Notify: tell(put(Consumer, notice.AgreementRectify, officer, head))},
			{Event: ReportRectified, Words: say("报告整改情况", "Rectification reported"), By: at(Consumer, officer, head), Law: law(applicant), Notify: tell(put(Provider, notice.AgreementRectified, officer, head))},
			{Event: Resume, Words: say("恢复", "Resumed"), By: overseen, Law: law(provider, deadline.Authority), Reason: true, Notify: tell(put(Consumer, notice.AgreementResumed, officer), put(Provider, notice.AgreementResumed, officer))},
			{Event: Terminate, Words: say("终止", "Terminated"), By: at(Provider, head, identity.DepartmentHead, authority), Law: law(provider, deadline.Authority), Reason: true, Notify: tell(put(Consumer, notice.AgreementRevoked, officer, head), put(Provider, notice.AgreementRevoked, officer))},
			{Event: BeginDisposal, Words: say("要求处置数据", "Disposal ordered"), By: at(Provider, officer, head), Law: law(provider), Needs: []process.Arg{arg("method", "处置方式", "method", false), arg("scope", "处置范围", "scope", false), arg("by", "期限", "by when", false)}, Notify: tell(put(Consumer, notice.AgreementDispose, officer))},
			{Event: ConfirmDisposal, Words: say("确认已处置", "Disposal confirmed"), By: at(Consumer, head), Law: law(applicant), Needs: []process.Arg{arg("method", "销毁方式", "method", false), arg("scope", "销毁范围", "scope", false), arg("date", "销毁日期", "date", false), arg("officer", "责任人", "officer responsible", false)}, Notify: tell(put(Provider, notice.AgreementDisposed, officer))},
		},
		Moves: moves(),
		Refused: process.Refusals{
			State:  func(_ *process.Table, s State, e Event) error { return ErrTransition.With(string(s), string(e)) },
			Reason: func() error { return ErrReason.With() },
			Other:  func() error { return ErrTwoPeople.With() },
			NoSuch: func() error { return ErrNoSuch.With() },
		},
	}.Build()
}

// moves are the arrows, each with the law's clocks that it moves. An arrow without clocks is the party's own affair: a
// proposal and its return, a countersignature do not lengthen anybody's time.
func moves() []process.Move {
	in := func(s ...State) []State { return s }
	do := func(op deadline.Op, id deadline.ID) deadline.Action { return deadline.Action{Do: op, Clock: id} }
	wait := func(w deadline.Wait) deadline.Action {
		return deadline.Action{Do: deadline.Pause, Clock: answer, Wait: w}
	}
	as := func(a ...deadline.Action) []deadline.Action { return a }
	consented := as(do(deadline.Stop, answer), do(deadline.Start, deadline.D6)) // the answer, and the time to provide (art. 22)
	voidD6, voidRectification := as(do(deadline.Void, deadline.D6)), as(do(deadline.Void, deadline.Rectification))
	review := in(Reviewing, Extended, Resubmitted)
	open := in(Submitted, Supplement, Reviewing, Extended, CounterOffered, Resubmitted, ProvOfficeApproval)
	return []process.Move{
		{From: in(Draft), On: AskOffice, To: ReqOfficeApproval},
		{From: in(ReqOfficeApproval), On: OfficeReturns, To: Draft},
		{From: in(ReqOfficeApproval), On: OfficeConsents, To: Submitted, Send: SendRequest},
		// Receipt: the provider's node takes an application up in the transaction that acknowledges it (arts. 20, 21).
		{From: in(Submitted), On: StartReview, To: Reviewing, Clocks: as(do(deadline.Start, answer))},
		{From: in(Submitted), On: AskSupplement, To: Supplement, Send: SendSupplement, Once: true, Clocks: as(do(deadline.Start, answer), wait(deadline.Supplement))},
		// An answer that the head returned brings the provider back to REVIEWING without a word to the consumer, who may have
		// heard of more time, or have asked again: what can be said under review can be heard there too.
		{From: review, On: AskSupplement, To: Supplement, Send: SendSupplement, Once: true, Clocks: as(wait(deadline.Supplement))},
		{From: in(Supplement), On: DraftSupplement},
		{From: in(Supplement), On: GiveSupplement, To: Reviewing, Send: SendSupplied, Clocks: as(do(deadline.Resume, answer))},
		{From: in(Reviewing), On: AskExtension},
		{From: in(Reviewing), On: RefuseExtension},
		{From: in(Reviewing, Resubmitted), On: Extend, To: Extended, Send: SendExtended, Once: true, Clocks: as(do(deadline.Extend, answer))}, // D5
		{From: review, On: CounterOffer, To: CounterOffered, Send: SendOffer, Clocks: as(wait(deadline.CounterOffer))},
		{From: in(CounterOffered), On: AcceptOffer, To: ProvOfficeApproval, Send: SendAccepted, Clocks: as(do(deadline.Resume, answer))},
		{From: in(CounterOffered), On: Resubmit, To: Resubmitted, Send: SendRequest, Clocks: as(do(deadline.Resume, answer))},
		{From: review, On: ProposeAnswer, To: ProvOfficeApproval},
		{From: in(ProvOfficeApproval), On: AnswerReturned, To: Reviewing},
		{From: in(ProvOfficeApproval), On: ConsentAnswer, To: Approved, Send: SendAgreement, Clocks: consented},
		{From: in(Submitted, Reviewing), On: StandingConsent, To: Approved, Send: SendAgreement, Clocks: consented},
		{From: in(Approved), On: Verify, To: Verified, Send: SendVerification},
		{From: in(Verified), On: Finalize, To: Provisioning, Send: SendFinalized},
		{From: in(Provisioning), On: Provision, To: Active, Clocks: as(do(deadline.Stop, deadline.D6))},
		{From: open, On: Refuse, To: Refused, Send: SendTermination, Clocks: as(do(deadline.Stop, answer))},
		{From: open, On: Withdraw, To: Withdrawn, Send: SendTermination, Clocks: as(do(deadline.Void, answer))},
		{From: in(Draft, ReqOfficeApproval), On: Withdraw, To: Withdrawn, Clocks: as(do(deadline.Void, answer))},
		// The Dataspace Protocol lets either side end a negotiation until it is finalized: nothing has flowed yet.
		{From: in(Approved, Verified), On: Refuse, To: Refused, Send: SendTermination, Clocks: voidD6},
		{From: in(Approved, Verified), On: Withdraw, To: Withdrawn, Send: SendTermination, Clocks: voidD6},

		{From: in(Active, Suspended, ChangeOfUse), On: Expire, To: Expired, Send: Ended},
		{From: in(Rectifying), On: Expire, To: Expired, Send: Ended, Clocks: voidRectification},
		{From: in(Provisioning), On: Expire, To: Expired, Send: Ended, Clocks: voidD6},
		{From: in(Active), On: DraftChange},
		{From: in(Active), On: RequestChange, To: ChangeOfUse, Send: SendChange},
		{From: in(ChangeOfUse), On: ProposeChange},
		// Granted in time, heard of after the old limit by a consumer that could not be reached.
		{From: in(ChangeOfUse, Expired), On: GrantChange, To: Active, Send: SendChange},
		{From: in(ChangeOfUse), On: DeclineChange, To: Active, Send: SendChange},
		{From: in(Active, ChangeOfUse), On: Suspend, To: Suspended, Send: SendSuspended},
		{From: in(Rectifying), On: Suspend, To: Suspended, Send: SendSuspended, Clocks: voidRectification},
		{From: in(Suspended), On: OrderRectify, To: Rectifying, Send: SendRectify, Clocks: as(do(deadline.Start, deadline.Rectification))},
		// What was ordered is done when it is reported; looking at it is the provider's affair, and may order it again.
		{From: in(Rectifying), On: ReportRectified, Send: SendRectified, Clocks: as(do(deadline.Stop, deadline.Rectification))},
		{From: in(Rectifying), On: Resume, To: Active, Send: SendResumed, Clocks: as(do(deadline.Stop, deadline.Rectification))},
		{From: in(Provisioning), On: Terminate, To: Terminated, Send: SendTerminated, Clocks: voidD6},
		{From: in(Rectifying), On: Terminate, To: Terminated, Send: SendTerminated, Clocks: voidRectification},
		{From: in(Active, Suspended, ChangeOfUse), On: Terminate, To: Terminated, Send: SendTerminated},
		// Data are disposed of by the date ordered (art. 27); what was recorded is kept from the last record on (art. 29; Network
		// Data Security Regulation art. 12).
		{From: in(Expired, Terminated), On: BeginDisposal, To: Disposal, Send: SendDispose, Clocks: as(do(deadline.Start, deadline.Disposal))},
		{From: in(Disposal), On: ConfirmDisposal, To: Closed, Send: SendDisposed, Clocks: as(do(deadline.Stop, deadline.Disposal), do(deadline.Start, deadline.D8), do(deadline.Start, deadline.D9))},
	}
}

// DSP is the projection of a state to the Dataspace Protocol's negotiation states; empty before anything was sent.
func DSP(s State) string {
	switch s {
	case Submitted, Supplement, Reviewing, Extended, Resubmitted, ProvOfficeApproval: // after an accepted offer the record says ACCEPTED
		return "REQUESTED"
	case CounterOffered:
		return "OFFERED"
	case Approved:
		return "AGREED"
	case Verified:
		return "VERIFIED"
	case Provisioning, Active, Expired, ChangeOfUse, Suspended, Rectifying, Terminated, Disposal, Closed:
		return "FINALIZED"
	case Refused, Withdrawn:
		return "TERMINATED"
	}
	return ""
}

// States lists all states in the order of the table.
func States() []State { return Table().StateNames() }
