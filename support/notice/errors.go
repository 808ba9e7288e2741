package notice

import "github.com/kuayu/kuayu/internal/errs"

// The errors of this package.
var (
	ErrKind       = errs.Define(errs.Internal, "notice.kind", "没有这种通知：%q。", "There is no notice of the kind %q.")
	ErrNotice     = errs.Define(errs.Internal, "notice.invalid", "通知须写明部门、对象、事项和链接。", "A notice needs a department, roles, a matter and a link.")
	ErrOutside    = errs.Define(errs.Denied, "notice.department", "不能替其他部门发通知。", "Another department cannot be told in this scope.")
	ErrCursor     = errs.Define(errs.Invalid, "notice.cursor", "翻页标记无效，请从第一页重新查询。", "The page marker is not valid; start again from the first page.")
	ErrPreference = errs.Define(errs.Invalid, "notice.preference", "通知设置有误：%[2]v。", "The preference is not valid: %[1]v.")
	ErrMailConfig = errs.Define(errs.Invalid, "notice.mail_config", "邮件配置有误：%[2]v。", "The mail configuration is not valid: %[1]v.")
	ErrMail       = errs.Define(errs.Unavailable, "notice.mail", "邮件未能送出，将自动重试。", "The mail could not be delivered; it will be tried again.")
	ErrHook       = errs.Define(errs.Invalid, "notice.hook", "回调地址有误：%[2]v。", "The web-hook is not valid: %[1]v.")
	ErrReceiver   = errs.Define(errs.Unavailable, "notice.receiver", "回调接收方没有确认（%v），将自动重试。", "The receiver of the web-hook did not accept (%v); it will be tried again.")
)
