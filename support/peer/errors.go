package peer

import "github.com/kuayu/kuayu/internal/errs"

// The errors of this package.
var (
	ErrUnreachable  = errs.Define(errs.Unavailable, "peer.unreachable", "无法连接成员 %v，请稍后重试或联系对方运维。", "Member %v cannot be reached; try again later or call its operators.")
	ErrTLS          = errs.Define(errs.Denied, "peer.tls", "与成员 %v 的安全连接被拒绝：一方不再承认另一方的身份。", "The secure connection with member %v was refused: one side no longer accepts the identity of the other.")
	ErrEnvelope     = errs.Define(errs.Invalid, "peer.envelope", "消息缺少合格的封印（%v）。", "The message has no acceptable seal (%v).")
	ErrVersion      = errs.Define(errs.Invalid, "peer.version", "消息信封版本 %d 不受支持，本节点支持 %d 及前后各一版。", "Envelope version %d is not supported; this node speaks %d and one version before and after.")
	ErrStale        = errs.Define(errs.Denied, "peer.stale", "请求已过期（有效期 30 秒）。请核对双方时钟后重新发起。", "The request is stale (requests live for 30 seconds). Check both clocks and ask anew.")
	ErrReused       = errs.Define(errs.Conflict, "peer.reused", "同一编号的请求内容不同，已拒绝。", "A request with this id but other content was seen before; refused.")
	ErrMisaddressed = errs.Define(errs.Denied, "peer.misaddressed", "消息不是发给本节点或本地址的。", "The message is not addressed to this node and address.")
	ErrOvertaken    = errs.Define(errs.Conflict, "peer.overtaken", "同一事项的更新消息已经处理，这条旧消息不再接受。", "A later message on this subject was taken already; this older one is refused.")
	ErrKind         = errs.Define(errs.Invalid, "peer.kind", "未知的消息种类 %q。", "Unknown kind of message %q.")
	ErrLine         = errs.Define(errs.Invalid, "peer.line", "此地址只用于节点间的长连接（%v）。", "This address is for lines between nodes only (%v).")
	ErrAnswer       = errs.Define(errs.Unavailable, "peer.answer", "成员 %v 的答复没有通过验证，已丢弃。", "The answer of member %v did not verify and was dropped.")
)
