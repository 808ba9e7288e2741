package law

import "github.com/kuayu/kuayu/internal/errs"

// The errors of this package.
var (
	ErrHistory = errs.Define(errs.Invalid, "law.history", "案例第 %[3]d 行有误：%[2]v。", "The history is not valid, line %[3]d: %[1]v.")
	ErrDiffers = errs.Define(errs.Conflict, "law.differs", "案例 %[1]v 第 %[2]d 行与结果不符：%[3]v 应为 %[4]v，实为 %[5]v。", "History %[1]v, line %[2]d differs: %[3]v should be %[4]v and is %[5]v.")
	ErrActor   = errs.Define(errs.Denied, "law.actor", "“%[1]v”不是该方（%[2]v）可以办理的事项。", "%[1]q is no act of the %[2]v.")
	ErrAct     = errs.Define(errs.Conflict, "law.act", "当前状态“%v”不能执行“%v”。", "In state %q, %q is not possible.")
)
