package catalog

import "github.com/kuayu/kuayu/internal/errs"

// The errors of this room.
var (
	ErrResource = errs.Define(errs.Invalid, "catalog.resource", "目录条目不合格，请按所列字段修改。", "The catalogue entry is not valid; correct the fields listed.")
	ErrNoSuch   = errs.Define(errs.NotFound, "catalog.no_resource", "目录中没有这项资源，或对您不可见。", "There is no such resource in the catalogue, or it is not visible to you.")
	ErrSource   = errs.Define(errs.Invalid, "catalog.source", "数据源不合格（%[2]v）。", "The source is not valid (%[1]v).")
	ErrState    = errs.Define(errs.Conflict, "catalog.state", "条目处于“%v”状态，不能执行此操作。", "The entry is in state %q; this is not possible now.")
	ErrTaken    = errs.Define(errs.Conflict, "catalog.taken", "编号 %v 已被使用。", "%v is taken already.")
)
