package staff

import (
	"strings"

	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/exchange/catalog"
	"github.com/kuayu/kuayu/exchange/demand"
	"github.com/kuayu/kuayu/exchange/objection"
	"github.com/kuayu/kuayu/support/process"
	"github.com/kuayu/kuayu/web/ui"
)

// EventWord says an event for people.
func EventWord(v *ui.View, e agreement.Event) string {
	w := agreement.Table().EventWords(e)
	return v.Pick(w.Zh, w.En)
}

// factWords says the kinds of facts that other packages leave.
func factWords() map[string]Pair {
	return map[string]Pair{
		"dsp.ContractRequestMessage": {"送出申请", "Sent the application"}, "dsp.ContractOfferMessage": {"送出其他条件", "Sent other terms"},
		"dsp.ContractAgreementMessage": {"送出协议", "Sent the agreement"}, "dsp.ContractAgreementVerificationMessage": {"送出会签", "Sent the countersignature"},
		"dsp.ContractNegotiationTerminationMessage": {"告知对方终止办理", "Told that it ends"}, "dsp.ContractNegotiationEventMessage.ACCEPTED": {"告知对方接受条件", "Told that the terms are accepted"},
		"dsp.ContractNegotiationEventMessage.FINALIZED": {"告知对方协议生效", "Told that the agreement is in force"},
		"scheme.proposed": {"提出共享方案", "Proposed a scheme"}, "scheme.consented": {"同意共享方案", "Consented to a scheme"}, "scheme.declined": {"不同意共享方案", "Declined a scheme"}, "scheme.left": {"退出共享方案", "Left a scheme"},
		"correction.notice":   {"告知数据更正", "Told of a correction"},
		"federation.proposal": {"提出章程变更", "Proposed a change of the constitution"}, "federation.vote": {"对章程变更投票", "Voted on the constitution"}, "federation.constitution": {"章程新版本", "A version of the constitution"}, "federation.statement": {"公布节点密钥", "Stated the node's keys"},
	}
}

// tables are the processes that pages speak of.
func tables() []*process.Table {
	return []*process.Table{agreement.Table(), catalog.Table(), demand.Table(), objection.CorrectionTable(), objection.DisputeTable()}
}

// CaseWord is what a case waits for: its kind and its state.
func CaseWord(v *ui.View, x *process.Summary) string {
	for _, t := range tables() {
		if w := t.StateWords(x.State); t.Kind == x.Kind {
			return v.Pick(t.Words.Zh+"："+w.Zh, t.Words.En+": "+w.En)
		}
	}
	return x.Title
}

// FactWord says a kind of fact for people; "" if it has no words of its own.
func FactWord(v *ui.View, kind string) string {
	name, event, _ := strings.Cut(kind, ".")
	for _, t := range tables() {
		if e := t.Event(process.Event(event)); e != nil && t.Kind == name {
			return v.Pick(t.Words.Zh+"："+e.Words.Zh, t.Words.En+": "+e.Words.En)
		}
	}
	return factWords()[kind].In(v)
}
