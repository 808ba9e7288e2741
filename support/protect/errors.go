package protect

import "github.com/kuayu/kuayu/internal/errs"

// The errors of this package.
var (
	ErrColumn = errs.Define(errs.Invalid, "protect.column", "脱敏规则指向的数据项 %q 不存在。", "The mask names item %q, which does not exist.")
	ErrType   = errs.Define(errs.Invalid, "protect.type", "脱敏规则 %[2]s 不能用于数据项 %[1]q 的类型 %[3]s：请改用 hash 或 null。", "Mask %[2]s cannot be applied to item %[1]q of type %[3]s: use hash or null.")
	ErrKey    = errs.Define(errs.Precondition, "protect.key", "hash 脱敏需要至少 %d 字节的密钥。", "The hash mask needs a key of at least %d bytes.")
	ErrKind   = errs.Define(errs.Invalid, "protect.kind", "未知的脱敏规则 %q。", "Unknown mask %q.")
	ErrSchema = errs.Define(errs.Internal, "protect.schema", "数据批次与编译脱敏规则时的结构不一致。", "The batch does not have the schema the masks were compiled for.")
)
