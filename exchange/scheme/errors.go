package scheme

import "github.com/kuayu/kuayu/internal/errs"

// The errors of this package.
var (
	ErrText       = errs.Define(errs.Invalid, "scheme.text", "共享方案内容不全或有误，请按所列各项补正。", "Something of the scheme is missing or wrong; correct what is listed.")
	ErrNoSuch     = errs.Define(errs.NotFound, "scheme.no_such", "没有这个共享方案，或对您不可见。", "There is no such scheme, or it is not visible to you.")
	ErrState      = errs.Define(errs.Conflict, "scheme.state", "方案当前不能执行此操作（%[2]v）。", "This is not possible now (%[1]v).")
	ErrTaken      = errs.Define(errs.Conflict, "scheme.proposed", "第 %v 版已有提案待决定，请先同意或否决。", "A proposal for version %v waits already; consent to it or decline it first.")
	ErrOwner      = errs.Define(errs.Denied, "scheme.owner", "只有提出方案的部门可以变更它。", "Only the department that owns the scheme may change it.")
	ErrEntry      = errs.Define(errs.Invalid, "scheme.entry", "目录条目 %v 不在本部门的已发布目录中，或缺少方案所列数据项、共享方式。", "%v is no published entry of the department, or lacks an item or a mode the scheme lists.")
	ErrNothing    = errs.Define(errs.Precondition, "scheme.nothing", "方案中没有本部门可以加入或使用的内容。", "The scheme has nothing for this department to join or use.")
	ErrEnrolled   = errs.Define(errs.Conflict, "scheme.enrolled", "本部门已经登记使用。", "The department is enrolled already.")
	ErrForeign    = errs.Define(errs.Denied, "scheme.party", "该成员不是方案的当事方。", "That member is no party to the scheme.")
	ErrAhead      = errs.Define(errs.Unavailable, "scheme.ahead", "前一版本尚未送达，请稍后重试。", "What comes before this has not arrived yet; try again later.")
	ErrStatements = errs.Define(errs.Invalid, "scheme.statements", "登记使用须写明使用依据和使用场景。", "To enrol, state the legal basis and the scenario.")
)
