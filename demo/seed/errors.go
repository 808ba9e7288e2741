package seed

import "github.com/kuayu/kuayu/internal/errs"

// The errors of this package.
var (
	ErrHeader   = errs.Define(errs.Invalid, "seed.header", "文件首行不是企业登记数据的表头。", "The first line is not the header of enterprise registrations.")
	ErrInput    = errs.Define(errs.Invalid, "seed.input", "第 %d 行附近无法读取：文件损坏、被截断，或单条记录超过 1 MiB。", "Cannot read near line %d: the file is damaged or cut off, or one record is longer than 1 MiB.")
	ErrProvince = errs.Define(errs.Invalid, "seed.province", "省级代码应为 31、32、33 或 34。", "The province must be 31, 32, 33 or 34.")
	ErrCount    = errs.Define(errs.Invalid, "seed.count", "数量应在 0 至 %d 之间。", "The number must be between 0 and %d.")
)
