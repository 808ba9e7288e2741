package notice

import (
	"slices"
	"strings"
)

// Kind is what a notice is about: a code of two words.
type Kind string

// The kinds.
const (
	ApplicationConsent   Kind = "application.consent"
	ApplicationReturned  Kind = "application.returned"
	ApplicationReceived  Kind = "application.received"
	ApplicationGranted   Kind = "application.granted"
	ApplicationRefused   Kind = "application.refused"
	ApplicationWithdrawn Kind = "application.withdrawn"
	SupplementAsked      Kind = "supplement.asked"
	SupplementConsent    Kind = "supplement.consent"
	SupplementGiven      Kind = "supplement.given"
	ExtensionAsked       Kind = "extension.asked"
	ExtensionGranted     Kind = "extension.granted"
	ExtensionRefused     Kind = "extension.refused"
	OfferMade            Kind = "offer.made"
	OfferAnswered        Kind = "offer.answered"
	OfferAccepted        Kind = "offer.accepted"
	AnswerConsent        Kind = "answer.consent"
	AnswerReturned       Kind = "answer.returned"
	AgreementExpired     Kind = "agreement.expired"
	AgreementSuspended   Kind = "agreement.suspended"
	AgreementRectify     Kind = "agreement.rectify"
	AgreementRectified   Kind = "agreement.rectified"
	AgreementResumed     Kind = "agreement.resumed"
	AgreementRevoked     Kind = "agreement.revoked"
	AgreementDispose     Kind = "agreement.dispose"
	AgreementDisposed    Kind = "agreement.disposed"
	ChangeConsent        Kind = "change.consent"
	ChangeReceived       Kind = "change.received"
	ChangeProposed       Kind = "change.proposed"
	ChangeGranted        Kind = "change.granted"
	ChangeDeclined       Kind = "change.declined"
	EntrySubmitted       Kind = "entry.submitted"
	EntryReturned        Kind = "entry.returned"
	EntrySigned          Kind = "entry.signed"
	EntryPublished       Kind = "entry.published"
	EntryRejected        Kind = "entry.rejected"
	EntryWithdrawal      Kind = "entry.withdrawal"
	EntryWithdrawn       Kind = "entry.withdrawn"
	EntryKept            Kind = "entry.kept"
	EntryChanged         Kind = "entry.changed"
	EntryExtension       Kind = "entry.extension"
	EntryExtended        Kind = "entry.extended"
	EntryUnextended      Kind = "entry.unextended"
	DeadlineHalf         Kind = "deadline.halfway"
	DeadlineEve          Kind = "deadline.eve"
	DeadlineToday        Kind = "deadline.today"
	DeadlineOverdue      Kind = "deadline.overdue"
	DeadlineExtended     Kind = "deadline.extended"
	DeadlineKept         Kind = "deadline.kept"
	DeadlineReminded     Kind = "deadline.reminded"
	DemandConsent        Kind = "demand.consent"
	DemandReturned       Kind = "demand.returned"
	DemandReceived       Kind = "demand.received"
	DemandAssigned       Kind = "demand.assigned"
	DemandAnswered       Kind = "demand.answered"
	DemandClosed         Kind = "demand.closed"
	SchemeConsent        Kind = "scheme.consent"
	SchemeProposed       Kind = "scheme.proposed"
	SchemeInForce        Kind = "scheme.in_force"
	SchemeOpen           Kind = "scheme.open"
	SchemeJoin           Kind = "scheme.join"
	SchemeEnrol          Kind = "scheme.enrol"
	SchemeReview         Kind = "scheme.review"
	SchemeLeft           Kind = "scheme.left"
	MembershipProposed   Kind = "membership.proposed"
	MembershipChanged    Kind = "membership.changed"
	HookDisabled         Kind = "webhook.disabled"
	NodeTrouble          Kind = "node.trouble"
)

// Topic is what a kind is about: the first of its words.
func (k Kind) Topic() string {
	topic, _, _ := strings.Cut(string(k), ".")
	return topic
}

// Topics are what a department's notices are about, in the order of their kinds. What is told of a web-hook goes to none.
func Topics() []string {
	var out []string
	for _, t := range Kinds() {
		if topic := t.Kind.Topic(); !slices.Contains(out, topic) && t.Kind != HookDisabled {
			out = append(out, topic)
		}
	}
	return out
}

// Template is the text of a kind in both languages, with {resource}, {member}, {until}, {what} and {text} to be filled in.
type Template struct {
	Kind             Kind
	TitleZh, TitleEn string
	Zh, En           string
}

// Kinds are all kinds with their texts: the one place where they stand.
func Kinds() []Template {
	return []Template{
		{ApplicationConsent, "申请待同意：{resource}", "An application waits for consent: {resource}", "本部门拟向 {member} 申请使用 {resource}，待您同意。", "The department would apply to {member} for {resource}; it waits for your consent."},
		{ApplicationReturned, "申请被退回：{resource}", "An application was returned: {resource}", "共享工作机构负责人退回了对 {resource} 的申请，请查看意见后修改。", "The head of the sharing office returned the application for {resource}; see why and correct it."},
		{ApplicationReceived, "收到申请：{resource}", "An application arrived: {resource}", "{member} 申请使用 {resource}，请在法定时限内审核并提出答复。", "{member} applies for {resource}; review it and propose an answer within the time the law gives."},
		{ApplicationGranted, "申请获同意：{resource}", "An application was granted: {resource}", "{member} 已同意对 {resource} 的申请。", "{member} has granted the application for {resource}."},
		{ApplicationRefused, "申请被拒绝：{resource}", "An application was refused: {resource}", "{member} 拒绝了对 {resource} 的申请，理由见申请页面。", "{member} has refused the application for {resource}; its page gives the reasons."},
		{ApplicationWithdrawn, "申请已撤回：{resource}", "An application was withdrawn: {resource}", "{member} 撤回了对 {resource} 的申请，无须再办理。", "{member} has withdrawn its application for {resource}; nothing more is to be done."},
		{SupplementAsked, "须补正材料：{resource}", "Something is missing: {resource}", "{member} 要求补正对 {resource} 的申请，缺少的内容见申请页面。", "{member} asks to complete the application for {resource}; its page lists what is missing."},
		{SupplementConsent, "补正待同意：{resource}", "A supplement waits for consent: {resource}", "补正内容扩大了对 {resource} 的申请，待您同意。", "The supplement widens the application for {resource}; it waits for your consent."},
		{SupplementGiven, "已补正：{resource}", "The application was completed: {resource}", "{member} 已补正对 {resource} 的申请，请继续审核。", "{member} has completed its application for {resource}; go on with the review."},
		{ExtensionAsked, "延期待审批：{resource}", "An extension waits for consent: {resource}", "提供部门请求延长答复 {resource} 申请的期限，请决定是否同意。", "The provider asks for more time to answer the application for {resource}; decide whether to consent."},
		{ExtensionGranted, "延期已获同意：{resource}", "An extension was granted: {resource}", "主管部门已同意延长答复 {resource} 申请的期限。", "The authority has consented to more time for the answer about {resource}."},
		{ExtensionRefused, "延期未获同意：{resource}", "An extension was refused: {resource}", "主管部门未同意延长答复 {resource} 申请的期限，请按原时限答复。", "The authority has not consented to more time for the answer about {resource}; the old time limit holds."},
		{OfferMade, "对方提出其他条件：{resource}", "Other terms are offered: {resource}", "{member} 愿按其他条件共享 {resource}，请接受、再次申请或撤回。", "{member} would share {resource} on other terms; accept, ask again, or withdraw."},
		{OfferAnswered, "再次申请：{resource}", "Asked again on other terms: {resource}", "{member} 就 {resource} 按其他条件再次申请，请审核。", "{member} asks for {resource} again on other terms; review it."},
		{OfferAccepted, "条件被接受，待同意：{resource}", "An offer was accepted and waits for consent: {resource}", "{member} 接受了共享 {resource} 的条件，待您同意。", "{member} accepts the terms offered for {resource}; it waits for your consent."},
		{AnswerConsent, "答复待同意：{resource}", "An answer waits for consent: {resource}", "数据专员已就 {member} 对 {resource} 的申请提出答复，待您同意。", "The data officer proposes an answer to the application of {member} for {resource}; it waits for your consent."},
		{AnswerReturned, "答复被退回：{resource}", "An answer was returned: {resource}", "共享工作机构负责人退回了对 {resource} 申请的答复，请重新提出。", "The head of the sharing office returned the answer about {resource}; propose another."},
		{AgreementExpired, "协议到期：{resource}", "An agreement has ended: {resource}", "与 {member} 关于 {resource} 的协议已到使用时限。", "The agreement with {member} about {resource} has reached its time limit."},
		{AgreementSuspended, "协议暂停：{resource}", "An agreement is suspended: {resource}", "与 {member} 关于 {resource} 的协议已暂停，立即停止使用。", "The agreement with {member} about {resource} is suspended; all use stops at once."},
		{AgreementRectify, "须限期整改：{resource}", "Something must be put right: {resource}", "关于 {resource} 的协议已暂停，{member} 要求在 {until} 前整改并报告。", "The agreement about {resource} is suspended; {member} orders to put things right and report by {until}."},
		{AgreementRectified, "收到整改报告：{resource}", "A report on what was put right: {resource}", "{member} 报告已就 {resource} 完成整改，请核查后恢复或继续暂停。", "{member} reports that things are put right about {resource}; look, then resume or go on suspending."},
		{AgreementResumed, "协议恢复：{resource}", "An agreement is resumed: {resource}", "与 {member} 关于 {resource} 的协议已恢复使用。", "The agreement with {member} about {resource} is in force again."},
		{AgreementRevoked, "协议撤销：{resource}", "An agreement is revoked: {resource}", "与 {member} 关于 {resource} 的协议已撤销，不得再使用。", "The agreement with {member} about {resource} is revoked; nothing may be used any more."},
		{AgreementDispose, "须处置数据：{resource}", "Data must be disposed of: {resource}", "须在 {until} 前按 {member} 的要求处置已取得的 {resource} 数据，并提交销毁证明。", "Dispose of the data of {resource} as {member} requires by {until}, and hand in the certificate."},
		{AgreementDisposed, "数据已处置：{resource}", "Data were disposed of: {resource}", "{member} 已处置 {resource} 数据并提交销毁证明。", "{member} has disposed of the data of {resource} and handed in the certificate."},
		{ChangeConsent, "变更待同意：{resource}", "A change waits for consent: {resource}", "本部门拟变更对 {resource} 的使用，待您同意。", "The department would change its use of {resource}; it waits for your consent."},
		{ChangeReceived, "收到变更申请：{resource}", "A change is asked for: {resource}", "{member} 申请变更对 {resource} 的使用，请审核并提出答复。", "{member} asks to change its use of {resource}; review it and propose an answer."},
		{ChangeProposed, "变更答复待同意：{resource}", "An answer about a change waits for consent: {resource}", "数据专员拟同意 {member} 变更对 {resource} 的使用，待您同意。", "The data officer would grant {member} the change about {resource}; it waits for your consent."},
		{ChangeGranted, "变更获同意：{resource}", "A change was granted: {resource}", "{member} 已同意变更对 {resource} 的使用。", "{member} has granted the change about {resource}."},
		{ChangeDeclined, "变更未获同意：{resource}", "A change was declined: {resource}", "{member} 未同意变更对 {resource} 的使用，原条款继续有效。", "{member} has declined the change about {resource}; the old terms hold."},
		{EntrySubmitted, "目录待签发：{resource}", "An entry waits for your signature: {resource}", "数据专员提交了目录条目 {resource}，待您签发后报主管部门审核。", "The data officer has submitted the entry {resource}; it goes to the authority once you have signed it."},
		{EntryReturned, "目录被退回：{resource}", "An entry was returned: {resource}", "部门负责人退回了目录条目 {resource}，请查看意见后修改。", "The head of the department returned the entry {resource}; see why and correct it."},
		{EntrySigned, "目录待审核：{resource}", "An entry waits for review: {resource}", "{member} 报送了目录条目 {resource}，请在法定时限内审核并发布。", "{member} has sent the entry {resource}; review and publish it within the time the law gives."},
		{EntryPublished, "目录发布公告：{resource}", "Published in the catalogue: {resource}", "主管部门已审核发布 {member} 的目录条目 {resource}，可按其共享属性申请使用。", "The authority has published the entry {resource} of {member}; it can be applied for as its sharing attribute says."},
		{EntryRejected, "目录审核未通过：{resource}", "An entry was not approved: {resource}", "主管部门未通过目录条目 {resource}，理由见条目页面，请修改后重新提交。", "The authority has not approved the entry {resource}; its page gives the reasons. Correct it and submit it again."},
		{EntryWithdrawal, "撤销目录待备案：{resource}", "A withdrawal waits to be filed: {resource}", "{member} 申请撤销目录条目 {resource}，请备案或说明不同意的理由。", "{member} would withdraw the entry {resource}; put it on file, or say why not."},
		{EntryWithdrawn, "目录撤销公告：{resource}", "Withdrawn from the catalogue: {resource}", "{member} 的目录条目 {resource} 已撤销；已有协议按其条款继续。", "The entry {resource} of {member} is withdrawn; agreements go on by their own terms."},
		{EntryKept, "撤销未获同意：{resource}", "A withdrawal was refused: {resource}", "主管部门未同意撤销目录条目 {resource}，条目继续有效。", "The authority has refused the withdrawal of {resource}; the entry stays in force."},
		{EntryChanged, "目录须更新：{resource}", "An entry must be updated: {resource}", "法律法规、国务院决定或职责变化，须在法定时限内更新目录条目 {resource}。", "A law, a State Council decision or a duty has changed; update the entry {resource} within the time the law gives."},
		{EntryExtension, "更新延期待批：{resource}", "More time for an update is asked for: {resource}", "{member} 请求延长更新目录条目 {resource} 的期限，请决定是否同意。", "{member} asks for more time to update the entry {resource}; decide whether to consent."},
		{EntryExtended, "更新延期已获同意：{resource}", "More time for an update was granted: {resource}", "主管部门已同意延长更新目录条目 {resource} 的期限。", "The authority has consented to more time for updating {resource}."},
		{EntryUnextended, "更新延期未获同意：{resource}", "More time for an update was refused: {resource}", "主管部门未同意延长更新目录条目 {resource} 的期限，请按原时限更新。", "The authority has not consented to more time for updating {resource}; the old time limit holds."},
		{DeadlineHalf, "时限过半：{what}", "Half of the time has passed: {what}", "“{what}”的法定时限已过半，{until} 截止。", "Half of the time for “{what}” has passed; the last day is {until}."},
		{DeadlineEve, "明日截止：{what}", "Due tomorrow: {what}", "“{what}”的法定时限为 {until}，请尽快办理。", "The last day for “{what}” is {until}; please act."},
		{DeadlineToday, "今日截止：{what}", "Due today: {what}", "“{what}”的法定时限今日（{until}）截止。", "Today, {until}, is the last day for “{what}”."},
		{DeadlineOverdue, "已逾期：{what}", "Overdue: {what}", "“{what}”已于 {until} 逾期，仍须立即办理。", "“{what}” was due by {until} and is overdue; it still has to be done at once."},
		{DeadlineExtended, "时限延长：{what}", "More time is taken: {what}", "“{what}”的时限已依法延长至 {until}。", "The time for “{what}” is extended under the law to {until}."},
		{DeadlineKept, "保存期满：{what}", "A period of keeping has passed: {what}", "“{what}”的法定保存期已于 {until} 届满。", "The period to “{what}” ended on {until}."},
		{DeadlineReminded, "督办通知：{what}", "The authority reminds: {what}", "“{what}”已于 {until} 逾期，主管部门要求：{text}", "“{what}” was due by {until}; the authority says: {text}"},
		{DemandConsent, "需求待同意：{what}", "A demand waits for consent: {what}", "数据专员拟提出数据需求“{what}”，待您同意。", "The data officer would list a demand for “{what}”; it waits for your consent."},
		{DemandReturned, "需求被退回：{what}", "A demand was returned: {what}", "共享工作机构负责人退回了需求“{what}”，请查看意见后重新提出。", "The head of the sharing office returned the demand for “{what}”; see why and write it anew."},
		{DemandReceived, "收到数据需求：{what}", "A demand arrived: {what}", "{member} 需要“{what}”，请确定由哪个部门答复。", "{member} needs “{what}”; name the department that is to answer."},
		{DemandAssigned, "需求待答复：{what}", "A demand waits for an answer: {what}", "主管部门将 {member} 的需求“{what}”交由本部门答复。", "The authority asks this department to answer the demand of {member} for “{what}”."},
		{DemandAnswered, "需求有答复：{what}", "A demand was answered: {what}", "{member} 已答复需求“{what}”，请查看并申请使用。", "{member} has answered the demand for “{what}”; look, and apply."},
		{DemandClosed, "需求已办结：{what}", "A demand is closed: {what}", "{member} 的需求“{what}”已办结，无须再处理。", "The demand of {member} for “{what}” is closed; nothing more is to be done."},
		{SchemeConsent, "共享方案待同意：{what}", "A scheme waits for consent: {what}", "数据专员拟定了共享方案“{what}”，待您同意后生效。", "The data officer has drafted the scheme “{what}”; it is in force once you consent."},
		{SchemeProposed, "无差别共享清单待决定：{what}", "A shared list waits for a decision: {what}", "{member} 提出“{what}”的新版本，请决定是否同意。", "{member} proposes a version of “{what}”; consent to it or decline it."},
		{SchemeInForce, "无差别共享清单生效：{what}", "A shared list is in force: {what}", "各方均已同意“{what}”的新版本，即日生效。", "All parties have consented to the version of “{what}”; it is in force."},
		{SchemeOpen, "可按方案使用数据：{what}", "Data can be had under a scheme: {what}", "{member} 的共享方案“{what}”已向本部门开放，登记使用并经同意后即可查询。", "The scheme “{what}” of {member} is open to this department; enrol, and query once the head consents."},
		{SchemeJoin, "共享方案待加入：{what}", "A scheme waits for its entries: {what}", "共享方案“{what}”列有本部门的目录条目，请同意后加入。", "The scheme “{what}” lists entries of this department; consent to join with them."},
		{SchemeEnrol, "登记使用待同意：{what}", "An enrolment waits for consent: {what}", "数据专员拟按共享方案“{what}”使用数据，待您同意。", "The data officer would use what the scheme “{what}” lists; it waits for your consent."},
		{SchemeReview, "共享清单待复核：{what}", "A shared list is due for review: {what}", "“{what}”中由本部门维护的条目应于 {until} 前复核。", "The entries of “{what}” that this department keeps are to be reviewed by {until}."},
		{SchemeLeft, "成员退出：{what}", "A member has left: {what}", "{member} 已退出“{what}”，与其相关的协议已终止。", "{member} has left “{what}”; the agreements with it have ended."},
		{MembershipProposed, "章程变更待表决", "A change of the constitution waits for your vote", "{member} 提出变更章程：{text}。请在成员节点页核对后决定是否赞成。", "{member} proposes to change the constitution: {text}. Look at it on the page of members, and decide whether to approve."},
		{MembershipChanged, "章程第 {text} 版生效", "Version {text} of the constitution is in force", "达到法定票数，章程第 {text} 版已经生效，变化见成员节点页。", "It has its quorum; version {text} of the constitution is in force. The page of members shows what changed."},
		{HookDisabled, "回调已停用：{what}", "A web-hook is disabled: {what}", "回调 {what} 多次投递失败，已停用。请检查接收方后重新启用。", "The web-hook {what} failed too often and is disabled; look at its receiver, then enable it again."},
		{NodeTrouble, "本节点后台任务异常：{text}", "A background task keeps failing: {text}", "本节点的后台任务 {text} 反复失败，正在自动重试；请查看 /healthz 与日志，处理磁盘空间、文件句柄或数据库问题。", "The background task {text} of this node keeps failing and is tried again; look at /healthz and the log for disk space, file handles or the database."},
	}
}

func kindOf(k Kind) (Template, bool) {
	for _, t := range Kinds() {
		if t.Kind == k {
			return t, true
		}
	}
	return Template{}, false
}
