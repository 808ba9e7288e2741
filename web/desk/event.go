package desk

import (
	"strings"

	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/web/ui"
)

// eventWords says each event of an application or agreement for people.
func eventWords() map[agreement.Event]Pair {
	return map[agreement.Event]Pair{
		agreement.AskOffice:       {"报负责人同意", "Put to the head of the office"},
		agreement.OfficeReturns:   {"负责人退回", "Sent back by the head"},
		agreement.OfficeConsents:  {"负责人同意，提出申请", "Head consented, application sent"},
		agreement.StartReview:     {"提供方开始审查", "Review began"},
		agreement.AskSupplement:   {"一次性告知补正", "Supplement asked for"},
		agreement.GiveSupplement:  {"补正完成", "Supplement given"},
		agreement.DraftSupplement: {"补正报负责人同意", "Supplement put to the head"},
		agreement.AskExtension:    {"申请延期", "Extension asked for"},
		agreement.RefuseExtension: {"不同意延期", "Extension refused"},
		agreement.Extend:          {"延期", "Extended"},
		agreement.CounterOffer:    {"提出其他条件", "Other terms offered"},
		agreement.Resubmit:        {"按新条件申请", "Asked again on other terms"},
		agreement.AcceptOffer:     {"接受条件", "Terms accepted"},
		agreement.ProposeAnswer:   {"拟同意，报负责人", "Grant put to the head"},
		agreement.AnswerReturned:  {"负责人退回答复", "Answer sent back"},
		agreement.ConsentAnswer:   {"负责人同意，达成协议", "Head consented, agreement made"},
		agreement.StandingConsent: {"按事先同意办理", "Granted under standing consent"},
		agreement.Verify:          {"申请方会签", "Countersigned"},
		agreement.Finalize:        {"协议生效", "Agreement in force"},
		agreement.Provision:       {"开始提供数据", "Data can flow"},
		agreement.Refuse:          {"不同意", "Refused"},
		agreement.Withdraw:        {"撤回", "Withdrawn"},
		agreement.Expire:          {"到期", "Expired"},
		agreement.DraftChange:     {"拟变更用途", "Change of use drafted"},
		agreement.RequestChange:   {"申请变更用途", "Change of use asked for"},
		agreement.ProposeChange:   {"拟同意变更", "Change put to the head"},
		agreement.GrantChange:     {"同意变更", "Change granted"},
		agreement.DeclineChange:   {"不同意变更", "Change declined"},
		agreement.Suspend:         {"暂停", "Suspended"},
		agreement.OrderRectify:    {"责令限期整改", "Ordered to rectify"},
		agreement.ReportRectified: {"报告整改情况", "Rectification reported"},
		agreement.Resume:          {"恢复", "Resumed"},
		agreement.Terminate:       {"终止", "Terminated"},
		agreement.BeginDisposal:   {"要求处置数据", "Disposal ordered"},
		agreement.ConfirmDisposal: {"确认已处置", "Disposal confirmed"},
	}
}

// EventWord says an event for people.
func EventWord(v *ui.View, e agreement.Event) string {
	if w, ok := eventWords()[e]; ok {
		return w.In(v)
	}
	return string(e)
}

// roomWords says the kinds of facts that other rooms leave.
func roomWords() map[string]Pair {
	return map[string]Pair{
		"dsp.ContractRequestMessage": {"送出申请", "Sent the application"}, "dsp.ContractOfferMessage": {"送出其他条件", "Sent other terms"},
		"dsp.ContractAgreementMessage": {"送出协议", "Sent the agreement"}, "dsp.ContractAgreementVerificationMessage": {"送出会签", "Sent the countersignature"},
		"dsp.ContractNegotiationTerminationMessage": {"告知对方终止办理", "Told that it ends"}, "dsp.ContractNegotiationEventMessage.ACCEPTED": {"告知对方接受条件", "Told that the terms are accepted"},
		"dsp.ContractNegotiationEventMessage.FINALIZED": {"告知对方协议生效", "Told that the agreement is in force"},
		"catalog.describe": {"编制目录条目", "Described an entry"}, "catalog.assess": {"登记评估", "Recorded an assessment"}, "catalog.submit": {"提交目录条目", "Handed in an entry"}, "catalog.sign": {"签发目录条目", "Signed an entry"},
		"catalog.publish": {"审核发布目录条目", "Published an entry"}, "catalog.reject": {"目录审核未通过", "Rejected an entry"}, "catalog.withdraw": {"撤销目录条目", "Withdrew an entry"},
		"demand.listed": {"列入需求清单", "Listed a demand"}, "demand.answer": {"答复数据需求", "Answered a demand"}, "demand.closed": {"需求办结", "Closed a demand"},
		"scheme.proposed": {"提出共享方案", "Proposed a scheme"}, "scheme.consented": {"同意共享方案", "Consented to a scheme"}, "scheme.declined": {"不同意共享方案", "Declined a scheme"}, "scheme.left": {"退出共享方案", "Left a scheme"},
		"correction.report": {"提出校核", "Reported a wrong record"}, "correction.answer": {"答复校核", "Answered a report"}, "correction.notice": {"告知数据更正", "Told of a correction"}, "dispute.open": {"提出争议", "Opened a dispute"},
		"federation.proposal": {"提出章程变更", "Proposed a change of the constitution"}, "federation.vote": {"对章程变更投票", "Voted on the constitution"}, "federation.constitution": {"章程新版本", "A version of the constitution"}, "federation.statement": {"公布节点密钥", "Stated the node's keys"},
	}
}

// FactWord says a kind of fact for people; "" if it has no words of its own.
func FactWord(v *ui.View, kind string) string {
	if e, ok := strings.CutPrefix(kind, "agreement."); ok {
		if w, had := eventWords()[agreement.Event(e)]; had {
			return w.In(v)
		}
	}
	return roomWords()[kind].In(v)
}
