package process

import "github.com/kuayu/kuayu/internal/errs"

// The errors of this package; those of a kind are in its Table.
var (
	ErrNoSuch = errs.Define(errs.NotFound, "process.no_such", "没有这个事项，或对您不可见。请核对事项编号。", "There is no such case, or it is not visible to you. Check its number.")
	ErrKind   = errs.Define(errs.Invalid, "process.kind", "没有“%[1]v”这类事项；可用：%[2]v。", "There is no kind of case %[1]q; there are: %[2]v.")
	ErrEvent  = errs.Define(errs.Invalid, "process.event", "“%[1]v”类事项没有“%[2]v”这一步；可用：%[3]v。", "A case of the kind %[1]q has no step %[2]q; there are: %[3]v.")
	ErrOwn    = errs.Define(errs.Denied, "process.not_by_hand", "“%v”由系统或对方节点办理，不能手工执行。", "%q is taken by a rule of the node or by the other end, not by hand.")
	ErrArgs   = errs.Define(errs.Invalid, "process.args", "这一步不接受附加内容，只可写说明。", "This step takes nothing but a note.")
	ErrNote   = errs.Define(errs.Invalid, "process.note", "说明过长（4000 字节以内）。", "The note is too long (4000 bytes).")
	ErrWire   = errs.Define(errs.Invalid, "process.wire", "对方发来的事项消息有误：%[2]v。", "The message about a case is not valid: %[1]v.")
)
