package gateway

import "github.com/kuayu/kuayu/internal/errs"

// The errors of this package.
var (
	ErrQuota    = errs.Define(errs.TooMany, "gateway.quota", "已达到协议约定的用量上限（%[2]v），请明日再试或申请调整。", "The agreement's quota is used up (%[1]v). Try tomorrow or apply for more.")
	ErrRate     = errs.Define(errs.TooMany, "gateway.rate", "请求过于频繁，请按协议约定的频率调用。", "Too many requests; keep to the rate the agreement allows.")
	ErrRequest  = errs.Define(errs.Invalid, "gateway.request", "请求不合格：%[2]v。", "The request is not valid: %[1]v.")
	ErrSource   = errs.Define(errs.Unavailable, "gateway.source", "提供方的数据源暂时不可用，请稍后重试。", "The provider's source is not available; try again later.")
	ErrPages    = errs.Define(errs.Precondition, "gateway.pages", "提供方的数据表没有唯一的键，不能分页完整读出，因此不给出不完整的答复。请缩小查询范围，或请提供方为该表声明主键。", "The provider's table has no unique key, so it can't be read completely page by page, and an incomplete answer is not given. Narrow the query, or ask the provider to declare a key.")
	ErrCursor   = errs.Define(errs.Invalid, "gateway.cursor", "游标无效，请从头查询。", "The cursor is not valid; begin anew.")
	ErrAnswer   = errs.Define(errs.Unavailable, "gateway.answer", "提供方的答复超出协议约定，已丢弃并记录。", "The provider's answer went beyond the agreement; it was dropped and recorded.")
	ErrReplay   = errs.Define(errs.Conflict, "gateway.replay", "同一请求在重启前已答复过，而数据已变化，无法给出相同的答复。请用新编号重新查询。", "This request was answered before a restart and the data has changed since, so the same answer cannot be given. Ask anew with another id.")
	ErrBytes    = errs.Define(errs.Invalid, "gateway.mismatch", "双方所存协议不一致，请核对协议散列。", "The two ends hold different bytes of the agreement; compare its hash.")
	ErrSubject  = errs.Define(errs.Denied, "gateway.subject", "数据项 %[1]v 不能标识主体，核验须以协议中标识主体的数据项为准。", "Item %[1]v does not identify anybody; the subject of a verification is an item that the agreement marks as identifying.")
	ErrNoVerify = errs.Define(errs.Invalid, "gateway.verify", "核验须给出一个标识主体的数据项和至少一项声明。", "Verification takes one item that identifies the subject and at least one claim.")
)
