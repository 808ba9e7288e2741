package text

import "github.com/kuayu/kuayu/internal/errs"

// The errors of this package.
var (
	ErrEncoding = errs.Define(errs.Invalid, "text.encoding", "%[2]v不是合格的 UTF-8 文本，请转换编码后重试。", "%[1]v is not valid UTF-8; convert it and try again.")
	ErrControl  = errs.Define(errs.Invalid, "text.control", "%[2]v含有控制字符，请去掉后重试。", "%[1]v holds a control character; remove it and try again.")
	ErrLong     = errs.Define(errs.Invalid, "text.long", "%[2]v超过 %[3]d 字节的上限，请缩短后重试。", "%[1]v is over the limit of %[3]d bytes; shorten it and try again.")
)
