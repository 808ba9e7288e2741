package deadline

import "github.com/kuayu/kuayu/internal/errs"

// The errors of this package.
var (
	ErrClock     = errs.Define(errs.Invalid, "deadline.clock", "没有这个时钟：%q。", "There is no clock %q.")
	ErrCode      = errs.Define(errs.Invalid, "deadline.code", "没有这个违规代码：%q。", "There is no violation code %q.")
	ErrProfile   = errs.Define(errs.Invalid, "deadline.profile", "时限规则有误：%[2]v。", "The deadline profile is not valid: %[1]v.")
	ErrLooser    = errs.Define(errs.Invalid, "deadline.looser", "时限规则宽于法规：%[1]v 的%[6]v为 %[3]d，法规为 %[4]d。地方规定只能更严。", "The profile is looser than the law: %[1]v has %[2]v %[3]d, the law says %[4]d (%[5]v). A region may only be stricter.")
	ErrNoFigure  = errs.Define(errs.Precondition, "deadline.no_figure", "法规未规定 %v 的期限，时限规则也未设定：请写明工作日数。", "Neither the law nor the profile names a period for %v: state the working days.")
	ErrFigure    = errs.Define(errs.Invalid, "deadline.figure", "%[1]v 的期限须为 1 至 %[2]d 个工作日，不能是 %[3]d。", "%[1]v takes 1 to %[2]d working days, not %[3]d.")
	ErrExtension = errs.Define(errs.Conflict, "deadline.extension", "%[1]v 最多延长 %[2]d 个工作日，不能延长 %[3]d 个。", "%[1]v may be extended by at most %[2]d working days, not by %[3]d.")
	ErrExtended  = errs.Define(errs.Conflict, "deadline.extended", "%v 已延长过一次，不能再次延长。", "%v has been extended once already; there is no second time.")
	ErrConsent   = errs.Define(errs.Precondition, "deadline.consent", "延长 %v 须先取得同级主管部门同意。", "Extending %v needs the consent of the authority of the same level.")
	ErrLate      = errs.Define(errs.Conflict, "deadline.late", "%v 已逾期，不能再延长。", "%v has run out; it can no longer be extended.")
	ErrNoRunning = errs.Define(errs.NotFound, "deadline.not_running", "%v 没有在计时，或对您不可见。", "%v is not running here, or is not yours to see.")
	ErrOutside   = errs.Define(errs.Denied, "deadline.department", "不能为其他部门计时。", "Clocks of another department cannot be moved.")
	ErrCursor    = errs.Define(errs.Invalid, "deadline.cursor", "翻页标记无效，请从第一页重新查询。", "The page marker is not valid; start again from the first page.")
	ErrSubject   = errs.Define(errs.Invalid, "deadline.subject", "计时须写明事项、部门和时间。", "A clock needs a subject, a department and a time.")
	ErrText      = errs.Define(errs.Invalid, "deadline.text", "请写明督办要求，不超过 %d 个字。", "Say what is to be done, in at most %d characters.")
	ErrNotLate   = errs.Define(errs.Conflict, "deadline.not_late", "该事项没有超期或已经办结，无须督办。", "It is not overdue, or done by now: nothing to remind of.")
	ErrElsewhere = errs.Define(errs.Conflict, "deadline.elsewhere", "责任部门属于其他成员，由其主管部门督办；本节点的超期记录可作依据。", "The department is another member's: its own authority reminds it; the record here can be shown.")
)
