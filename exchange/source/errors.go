package source

import (
	"context"
	"errors"

	"github.com/kuayu/kuayu/internal/errs"
)

// The errors of this package. None carries a connection string, a statement or a value of a row.
var (
	ErrSpec         = errs.Define(errs.Invalid, "source.spec", "数据源配置不正确：%[2]v。", "The data source is not configured correctly: %[1]v.")
	ErrOpen         = errs.Define(errs.Unavailable, "source.open", "无法打开数据源，请检查地址、权限与网络。", "The data source can't be opened. Check its location, permissions and network.")
	ErrRead         = errs.Define(errs.Unavailable, "source.read", "读取数据源失败，请稍后重试；如仍失败，请检查数据源。", "Reading the data source failed. Try again; if it persists, check the source.")
	ErrStopped      = errs.Define(errs.Unavailable, "source.stopped", "读取已取消或超时。", "The read was cancelled or ran out of time.")
	ErrClosed       = errs.Define(errs.Unavailable, "source.closed", "数据源已关闭。", "The data source is closed.")
	ErrUnknownTable = errs.Define(errs.NotFound, "source.unknown_table", "数据源中没有表 %q。", "The source has no table %q.")
	ErrUnknownItem  = errs.Define(errs.Invalid, "source.unknown_item", "表中没有数据项 %q。", "The table has no item %q.")
	ErrDuplicate    = errs.Define(errs.Invalid, "source.duplicate", "名称 %q 出现了两次。", "The name %q appears twice.")
	ErrValueType    = errs.Define(errs.Invalid, "source.value_type", "数据项 %[1]q 的比较值类型不符，应为%[3]v。", "A value compared with item %[1]q has the wrong type; it must be %[2]v.")
	ErrAggregate    = errs.Define(errs.Invalid, "source.aggregate", "数据项 %[1]q 不能做 %[2]v 运算。", "Item %[1]q can't be used with %[2]v.")
	ErrCursor       = errs.Define(errs.Invalid, "source.cursor", "续传位置无效，请从头开始读取。", "The cursor is not valid. Start again without one.")
	ErrNoKey        = errs.Define(errs.Precondition, "source.no_key", "表 %q 没有主键，不能续传；请在数据源配置中声明主键。", "Table %q has no key, so it can't be read from a cursor. Declare its key in the source.")
	ErrKey          = errs.Define(errs.Precondition, "source.key_not_unique", "表 %[1]q 声明的主键 %[2]q 有重复值或空值，无法逐页完整读取；请声明唯一且非空的数据项。", "The declared key %[2]q of table %[1]q has duplicates or nulls, so it can't be read completely page by page. Declare an item that is unique and never empty.")
	ErrBadData      = errs.Define(errs.Precondition, "source.bad_data", "表 %[1]q 的数据项 %[2]q 中有不符合其类型的数据，请订正源数据。", "Item %[2]q of table %[1]q holds a value that does not fit its type. Correct the source data.")
	ErrOverflow     = errs.Define(errs.Precondition, "source.overflow", "汇总结果超出可表示的范围。", "The aggregate is out of range.")
	ErrTooLarge     = errs.Define(errs.Precondition, "source.too_large", "数据超出允许的大小（%[2]v）。", "The data is larger than allowed (%[1]v).")
	ErrEncoding     = errs.Define(errs.Precondition, "source.encoding", "文件 %q 的编码无法识别，请另存为 UTF-8 或 GB18030。", "The encoding of file %q is not recognised. Save it as UTF-8 or GB18030.")
	ErrBadRow       = errs.Define(errs.Precondition, "source.bad_row", "文件 %[1]q 第 %[2]d 行不正确（%[4]v），请订正后重试。", "Line %[2]d of file %[1]q is not correct (%[3]v). Correct it and try again.")
	ErrFile         = errs.Define(errs.Precondition, "source.file", "文件 %q 无法读取，可能已损坏。", "File %q can't be read; it may be damaged.")
)

// failed wraps what a driver said: a cancelled context is told apart from a failure.
func failed(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	var e *errs.Error
	if errors.As(err, &e) {
		return err
	}
	if c := ctx.Err(); c != nil {
		return ErrStopped.Because(c)
	}
	return ErrRead.Because(err)
}

func valueType(item, en, zh string) error { return ErrValueType.With(item, en, zh) }
