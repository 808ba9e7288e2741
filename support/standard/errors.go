package standard

import "github.com/kuayu/kuayu/internal/errs"

// The errors of this package. The first two arguments are always the name of the identifier, English then Chinese.
var (
	ErrLength    = errs.Define(errs.Invalid, "standard.length", "%[2]s应为 %[3]s 位，实为 %[4]d 位。", "%[1]s must have %[3]s characters, found %[4]d.")
	ErrAlphabet  = errs.Define(errs.Invalid, "standard.alphabet", "%[2]s第 %[3]d 位的字符不允许使用。", "%[1]s: the character at position %[3]d is not allowed.")
	ErrLowercase = errs.Define(errs.Invalid, "standard.lowercase", "%[2]s第 %[3]d 位是小写字母，请改用大写字母。", "%[1]s: the letter at position %[3]d is lower case; write it in upper case.")
	ErrCheck     = errs.Define(errs.Invalid, "standard.check", "%[2]s校验码应为 %[3]s，实为 %[4]s，请核对各位字符。", "%[1]s: the check character should be %[3]s, found %[4]s; compare every character.")
	ErrOrgCheck  = errs.Define(errs.Invalid, "standard.org_check", "%[2]s所含组织机构代码的校验码应为 %[3]s，实为 %[4]s，请核对第 9 至 17 位。", "%[1]s: the check character of the organisation code inside should be %[3]s, found %[4]s; compare positions 9 to 17.")
	ErrDivision  = errs.Define(errs.Invalid, "standard.division", "%[2]s所含行政区划代码 %[3]s 不存在。", "%[1]s: division code %[3]s does not exist.")
	ErrPeriod    = errs.Define(errs.Invalid, "standard.division_period", "%[2]s所含行政区划代码 %[3]s 在 %[4]s 无效（有效期 %[5]s）。", "%[1]s: division code %[3]s was not in force on %[4]s (in force %[5]s).")
	ErrDate      = errs.Define(errs.Invalid, "standard.date", "%[2]s第 7 至 14 位不是有效日期。", "%[1]s: positions 7 to 14 are not a date of the calendar.")
	ErrFuture    = errs.Define(errs.Invalid, "standard.date_range", "%[2]s所含出生日期不在 %[3]s 至 %[4]s 之间。", "%[1]s: the date of birth is not between %[3]s and %[4]s.")
	ErrPrefix    = errs.Define(errs.Invalid, "standard.prefix", "%[2]s应以 %[3]s 开头。", "%[1]s must begin with %[3]s.")
	ErrParts     = errs.Define(errs.Invalid, "standard.parts", "%[2]s应有 %[3]d 段，以点分隔。", "%[1]s must have %[3]d parts separated by dots.")
	ErrVersion   = errs.Define(errs.Invalid, "standard.version", "%[2]s的版本号应为 001 至 999。", "%[1]s: the version must be 001 to 999.")

	ErrDivisionTable = errs.Define(errs.Invalid, "standard.division_table", "行政区划表第 %[3]d 行有误：%[2]s。", "Division table, line %[3]d: %[1]s.")
)

// label is the name of an identifier in messages.
type label struct{ en, zh string }

// Labels of the identifiers.
const (
	usccEn, usccZh         = "Unified social credit code", "统一社会信用代码"
	orgEn, orgZh           = "Organisation code", "组织机构代码"
	citizenEn, citizenZh   = "Citizen identity number", "公民身份号码"
	divisionEn, divisionZh = "Division code", "行政区划代码"
	certEn, certZh         = "Electronic certificate identifier", "电子证照标识"
)
