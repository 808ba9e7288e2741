package identity

import "github.com/kuayu/kuayu/internal/errs"

// The errors of this package.
var (
	ErrSignIn     = errs.Define(errs.Unauthorized, "identity.sign_in", "请先登录。", "Sign in first.")
	ErrAssertion  = errs.Define(errs.Unauthorized, "identity.assertion", "登录凭证无效、已过期或已使用过。请检查密钥、时钟与受众（aud），重新签发。", "The assertion is invalid, expired or was used before. Check the key, the clock and the audience, and sign a new one.")
	ErrThrottled  = errs.Define(errs.TooMany, "identity.throttled", "登录尝试过于频繁，请稍后再试。", "Too many attempts to sign in; try again later.")
	ErrRole       = errs.Define(errs.Denied, "identity.role", "您的角色不能执行此操作，需要：%[2]v。", "Your role may not do this; it takes one of: %[1]v.")
	ErrDepartment = errs.Define(errs.Invalid, "identity.department", "部门不合格：%[2]v。", "The department is not valid: %[1]v.")
	ErrActor      = errs.Define(errs.Invalid, "identity.actor", "人员或客户端不合格：%[2]v。", "The actor is not valid: %[1]v.")
	ErrExists     = errs.Define(errs.Conflict, "identity.exists", "编号 %v 已存在。", "%v exists already.")
	ErrSelf       = errs.Define(errs.Conflict, "identity.self", "不能停用自己。请由另一名运维员办理。", "You can't disable yourself; another operator can.")
	ErrCursor     = errs.Define(errs.Invalid, "identity.cursor", "翻页标记无效，请从第一页重新查看。", "The page marker is not valid; start again from the first page.")
)
