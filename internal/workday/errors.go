package workday

import "github.com/kuayu/kuayu/internal/errs"

// The errors of this package.
var (
	ErrCalendar    = errs.Define(errs.Invalid, "workday.calendar", "节假日文件第 %[3]d 行有误：%[2]s。", "Holiday file, line %[3]d: %[1]s.")
	ErrUnpublished = errs.Define(errs.Precondition, "workday.unpublished", "尚无 %d 年的节假日安排，请先导入国务院办公厅通知。", "The holidays of %d are not known yet: import the notice of the State Council first.")
	ErrRange       = errs.Define(errs.Invalid, "workday.range", "工作日数须在 ±%d 之内。", "The number of working days must be within ±%d.")
)
