package demo

import "github.com/kuayu/kuayu/internal/errs"

// The errors of this package.
var (
	ErrData = errs.Define(errs.Invalid, "demo.data", "数据目录 %v 里没有需要的企业登记文件（enterprise_31…34.csv.gz）。", "Folder %v lacks the registration files (enterprise_31…34.csv.gz).")
	ErrStep = errs.Define(errs.Precondition, "demo.step", "演示步骤“%[2]v”没有得到应有的结果。", "The step %[1]q of the story did not come out as it must.")
	ErrUsed = errs.Define(errs.Conflict, "demo.used", "目录 %v 里已有别的内容，请换一个空目录。", "Folder %v is not empty; choose an empty one.")
)
