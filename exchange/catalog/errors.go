package catalog

import "github.com/kuayu/kuayu/internal/errs"

// The errors of this package.
var (
	ErrResource  = errs.Define(errs.Invalid, "catalog.resource", "内容不合格，请按所列各项修改。", "Something is not valid; correct what is listed.")
	ErrNoSuch    = errs.Define(errs.NotFound, "catalog.no_resource", "目录中没有这项资源，或对您不可见。", "There is no such resource in the catalogue, or it is not visible to you.")
	ErrNoVersion = errs.Define(errs.NotFound, "catalog.no_version", "没有这个版本，或对您不可见。", "There is no such version, or it is not visible to you.")
	ErrNoItem    = errs.Define(errs.NotFound, "catalog.no_item", "数源登记中没有这个数据项。", "The register of sources does not have this item.")
	ErrSheet     = errs.Define(errs.Invalid, "catalog.sheet", "无法读取表格：%[2]v。", "The sheet cannot be read: %[1]v.")
	ErrImport    = errs.Define(errs.Invalid, "catalog.import", "表格有 %d 处问题，未导入任何内容。请按“行:列”修改后重试，或选择跳过有误的资源。", "The sheet has %d faults; nothing was imported. Correct them by “line:column” and try again, or skip what is faulty.")
	ErrSource    = errs.Define(errs.Invalid, "catalog.source", "数据源不合格（%[2]v）。", "The source is not valid (%[1]v).")
	ErrState     = errs.Define(errs.Conflict, "catalog.state", "条目处于“%[3]v”状态，不能%[4]v。", "The entry is in the state “%[1]v”; %[2]v is not possible now.")
	ErrTaken     = errs.Define(errs.Conflict, "catalog.taken", "编号 %v 已被使用。", "%v is taken already.")
	ErrGate      = errs.Define(errs.Precondition, "catalog.not_ready", "条目还不能提交，请先办理所列各项。", "The entry cannot be submitted yet; see to what is listed first.")
	ErrReason    = errs.Define(errs.Invalid, "catalog.reason", "退回、不通过、撤销必须写明理由。", "Returning, rejecting and withdrawing need a reason.")
	ErrTwoPeople = errs.Define(errs.Denied, "catalog.two_people", "提交、签发、审核须由不同的人办理。", "Who submits, who signs and who reviews must be different people.")
	ErrNoAsk     = errs.Define(errs.Conflict, "catalog.no_extension", "没有待批的延期申请。", "No extension waits for consent.")
)
