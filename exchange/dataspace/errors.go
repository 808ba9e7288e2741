package dataspace

import "github.com/kuayu/kuayu/internal/errs"

// The errors of this package.
var (
	ErrMessage = errs.Define(errs.Invalid, "dataspace.message", "消息不符合数据空间协议 2025-1（%[2]v）。", "The message does not conform to the Dataspace Protocol 2025-1 (%[1]v).")
	ErrOffer   = errs.Define(errs.Invalid, "dataspace.offer", "请求没有附上跨域申请内容，无法处理。", "The request carries no Kuayu application, which this node needs.")
)
