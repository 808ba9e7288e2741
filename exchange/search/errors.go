package search

import "github.com/kuayu/kuayu/internal/errs"

// The errors of this package.
var (
	ErrQuery   = errs.Define(errs.Invalid, "search.query", "检索词不合格：%[2]v。", "The search text is not acceptable: %[1]v.")
	ErrFilter  = errs.Define(errs.Invalid, "search.filter", "检索条件 %v 的取值无效；可用：%v。", "The filter %v has no such value; there are: %v.")
	ErrCursor  = errs.Define(errs.Invalid, "search.cursor", "翻页游标无效，请从第一页重新检索。", "The cursor is not valid; search again from the first page.")
	ErrNoEntry = errs.Define(errs.NotFound, "search.no_entry", "目录副本中没有这项资源。", "The copy of the catalogues has no such resource.")
	ErrMember  = errs.Define(errs.NotFound, "search.member", "%v 不是联盟成员。", "%v is not a member of this federation.")
)
