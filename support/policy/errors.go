package policy

import "github.com/kuayu/kuayu/internal/errs"

// The errors of this package. Refusals say what was asked beyond the contract, never whether a row exists.
var (
	ErrPlan    = errs.Define(errs.Invalid, "plan.invalid", "查询计划不正确（%[2]v），请对照接口文档修改。", "The plan is not valid: %[1]v. See the API description and correct it.")
	ErrMask    = errs.Define(errs.Invalid, "mask.unknown", "未知的脱敏规则 %q。可用：name、id、phone、address、keep_first:N、keep_last:N、hash、null。", "Unknown mask %q. Use name, id, phone, address, keep_first:N, keep_last:N, hash or null.")
	ErrTerms   = errs.Define(errs.Invalid, "policy.terms", "协议条款不合格：%[2]v。", "The terms are not valid: %[1]v.")
	ErrDenied  = errs.Define(errs.Denied, "policy.department", "本部门不是这份协议的需求部门。请以协议约定的部门身份访问，或另行申请。", "This department is not the one the agreement names. Use the department it names, or apply.")
	ErrPurpose = errs.Define(errs.Denied, "policy.purpose", "用途 %q 不在协议约定之内。请使用约定的用途，或申请变更用途。", "Purpose %q is not in the agreement. Use an agreed purpose, or apply for a change of use.")
	ErrMode    = errs.Define(errs.Denied, "policy.mode", "共享方式 %q 不在协议约定之内。", "Mode %q is not in the agreement.")
	ErrTime    = errs.Define(errs.Denied, "policy.time", "协议不在有效期内。如仍需使用，请申请续期。", "The agreement is not in force at this time. Apply for renewal if you still need the data.")
	ErrConsent = errs.Define(errs.Denied, "policy.consent", "本协议以本人同意为依据，请求没有附上有效的同意凭证。", "This agreement rests on the person's consent, and the request carries no valid proof of it.")
	ErrField   = errs.Define(errs.Denied, "policy.field", "数据项 %q 未获授权，或不能以这种方式使用。请只使用协议列出的数据项。", "Item %q is not granted, or not for this kind of use. Use the items the agreement lists.")
	ErrOutside = errs.Define(errs.Denied, "policy.outside", "查询条件超出协议约定的数据范围。", "The predicate asks only for rows outside the agreement's scope.")
)
