package demand

import "github.com/kuayu/kuayu/internal/errs"

// The errors of this package.
var (
	ErrWant       = errs.Define(errs.Invalid, "demand.want", "需求内容不全或有误，请按所列各项补正。", "Something of the demand is missing or wrong; correct what is listed.")
	ErrAnswer     = errs.Define(errs.Invalid, "demand.answer", "答复内容不全或有误，请按所列各项补正。", "Something of the answer is missing or wrong; correct what is listed.")
	ErrNoSuch     = errs.Define(errs.NotFound, "demand.no_such", "没有这项需求，或对您不可见。", "There is no such demand, or it is not visible to you.")
	ErrTransition = errs.Define(errs.Conflict, "demand.transition", "需求处于“%v”状态，不能执行“%v”。", "The demand is in state %q; %q is not possible.")
	ErrReason     = errs.Define(errs.Invalid, "demand.reason", "退回必须写明理由。", "Returning a demand needs a reason.")
	ErrDepartment = errs.Define(errs.Invalid, "demand.department", "本节点没有代码为 %v 的部门。", "This node has no department %v.")
	ErrEntry      = errs.Define(errs.Invalid, "demand.entry", "本部门没有已发布的目录条目 %v。", "The department has no published entry %v.")
	ErrMember     = errs.Define(errs.Invalid, "demand.member", "%v 不是联盟成员，或就是本节点。", "%v is no other member of the federation.")
	ErrOther      = errs.Define(errs.Invalid, "demand.application", "申请 %v 不是本部门就所答复的目录条目提出的。", "Application %v is not this department's for an entry that was answered.")
)
