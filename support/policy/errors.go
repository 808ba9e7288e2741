package policy

import "github.com/kuayu/kuayu/internal/errs"

// The errors of this room.
var (
	ErrPlan = errs.Define(errs.Invalid, "plan.invalid", "查询计划不正确（%[2]v），请对照接口文档修改。", "The plan is not valid: %[1]v. See the API description and correct it.")
	ErrMask = errs.Define(errs.Invalid, "mask.unknown", "未知的脱敏规则 %q。可用：name、id、phone、address、keep_first:N、keep_last:N、hash、null。", "Unknown mask %q. Use name, id, phone, address, keep_first:N, keep_last:N, hash or null.")
)
