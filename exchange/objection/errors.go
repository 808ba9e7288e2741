package objection

import "github.com/kuayu/kuayu/internal/errs"

// The errors of this package.
var (
	ErrDetails    = errs.Define(errs.Invalid, "objection.details", "内容不全或有误，请按所列各项补正。", "Something is missing or wrong; correct what is listed.")
	ErrNoSuch     = errs.Define(errs.NotFound, "objection.no_such", "没有这份校核申请、争议或更新提示，或对您不可见。", "There is no such correction, dispute or notice, or it is not visible to you.")
	ErrTransition = errs.Define(errs.Conflict, "objection.transition", "当前状态“%v”不能执行“%v”。", "In state %q, %q is not possible.")
	ErrForeign    = errs.Define(errs.Conflict, "objection.foreign", "对方不是联盟成员，无法传达。", "The other end is no member, so it can't be told.")
	ErrResolver   = errs.Define(errs.Denied, "objection.resolver", "应由 %v 的主管部门裁决（809 号令第二十八条）。", "The authority of %v decides here (Decree 809 art. 28).")
	ErrOwnRuling  = errs.Define(errs.Denied, "objection.own_side", "应由对方确认。", "It is for the other side to say so.")
	ErrDivision   = errs.Define(errs.Invalid, "objection.division", "行政区划代码“%v”有误。", "%q is no code of a division.")
)
