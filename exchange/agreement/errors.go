package agreement

import "github.com/kuayu/kuayu/internal/errs"

// The errors of this package.
var (
	ErrApplication  = errs.Define(errs.Invalid, "agreement.application", "申请不完整，请补齐所列各项。", "The application is incomplete; supply what is listed.")
	ErrTransition   = errs.Define(errs.Conflict, "agreement.transition", "当前状态“%v”不能执行“%v”。", "In state %q, %q is not possible.")
	ErrNoSuch       = errs.Define(errs.NotFound, "agreement.no_such", "没有这份申请或协议，或对您不可见。", "There is no such application or agreement, or it is not visible to you.")
	ErrNotInForce   = errs.Define(errs.Denied, "agreement.not_in_force", "协议尚未生效或已终止。", "The agreement is not in force.")
	ErrExpired      = errs.Define(errs.Denied, "agreement.expired", "协议已到期。如仍需使用，请申请续期。", "The agreement has expired. Apply for renewal if you still need the data.")
	ErrRevoked      = errs.Define(errs.Denied, "agreement.revoked", "提供方已撤销协议，请立即停止使用并按约定处置数据。", "The provider has revoked the agreement: stop using the data and dispose of it as agreed.")
	ErrSuspended    = errs.Define(errs.Denied, "agreement.suspended", "协议已暂停，请按要求整改。", "The agreement is suspended; put right what was asked.")
	ErrLease        = errs.Define(errs.Denied, "agreement.lease", "与提供方失联超过租约时间，已停止使用。恢复连接后会自动续租。", "The provider has not been heard from for longer than the lease; use has stopped. It resumes by itself once the connection is back.")
	ErrTwoPeople    = errs.Define(errs.Denied, "agreement.two_people", "拟办与同意须由两人分别办理。", "What one officer proposes, another must consent to.")
	ErrMismatch     = errs.Define(errs.Invalid, "agreement.mismatch", "协议内容与申请不符：%[2]v。", "The agreement does not match the application: %[1]v.")
	ErrGrant        = errs.Define(errs.Invalid, "agreement.grant", "不能授予申请或目录之外的内容：%[2]v。", "What was not applied for or is not in the catalogue cannot be granted: %[1]v.")
	ErrReason       = errs.Define(errs.Invalid, "agreement.reason", "拒绝、退回、暂停、恢复、撤销必须写明理由。", "Refusing, returning, suspending, resuming and revoking need a reason.")
	ErrIncomplete   = errs.Define(errs.Conflict, "agreement.incomplete", "材料不齐不能直接拒绝，须一次性告知补正（809 号令第二十一条）。", "Incomplete papers are no ground for refusal; tell the applicant once what is missing (Decree 809 art. 21).")
	ErrDetails      = errs.Define(errs.Invalid, "agreement.details", "内容不全或有误，请按所列各项补正。", "Something is missing or wrong; correct what is listed.")
	ErrForeign      = errs.Define(errs.Conflict, "agreement.foreign", "对方不是联盟成员，其协议无法传达这一步。", "The other end is no member, and its protocol has no word for this step.")
	ErrNotRectified = errs.Define(errs.Precondition, "agreement.not_rectified", "需求部门尚未报告整改情况，不能恢复。", "The applicant has not reported that it put things right; the agreement can't be resumed.")
	ErrLedger       = errs.Define(errs.Precondition, "agreement.ledger", "原协议的使用台账不完整，不能续期（809 号令第二十九条）。缺少：%[1]v。请需求部门先登记台账。", "The usage ledger of the agreement to be continued is incomplete (Decree 809 art. 29); it lacks: %[2]v. Write it up first.")
)
