package seal

import "github.com/kuayu/kuayu/internal/errs"

// The errors of this package.
var (
	ErrSuite     = errs.Define(errs.Invalid, "seal.suite", "未知的密码套件 %q。可用：ed25519-sha256、sm2-sm3。", "Unknown suite %q. Use ed25519-sha256 or sm2-sm3.")
	ErrKey       = errs.Define(errs.Invalid, "seal.key", "密钥格式不正确，应为“套件:base64url”。", "The key is malformed; it should read suite:base64url.")
	ErrMalformed = errs.Define(errs.Invalid, "seal.malformed", "事实或封印的字节不完整或不合格式（%v）。", "The bytes of the fact or seal are incomplete or malformed (%v).")
	ErrVersion   = errs.Define(errs.Invalid, "seal.version", "不支持的事实版本 %d，请升级节点。", "Fact version %d is not supported; upgrade this node.")
	ErrForged    = errs.Define(errs.Denied, "seal.forged", "封印与签名不符：内容被改动，或不是该成员签发。", "The seal does not match its signature: the content was changed, or this member did not issue it.")
)
