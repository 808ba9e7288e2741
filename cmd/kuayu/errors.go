package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/kuayu/kuayu/internal/errs"
)

// The errors of the command line itself.
var (
	ErrUsage   = errs.Define(errs.Invalid, "cli.usage", "命令用法不正确：%v", "The command is not used correctly: %v")
	ErrFile    = errs.Define(errs.Precondition, "cli.file", "无法读写文件 %v。", "The file %v cannot be read or written.")
	ErrJSON    = errs.Define(errs.Invalid, "cli.json", "文件 %[1]v 的内容不合格：%[3]v", "The content of %[1]v is not valid: %[2]v")
	ErrReceipt = errs.Define(errs.Invalid, "cli.receipt", "回执无效（%[1]v）：%[3]v", "The receipt is not valid (%[1]v): %[2]v")
	ErrOther   = errs.Define(errs.Internal, "cli.other_fact", "节点给出的不是 %v 的回执，而是 %v 的，未保存。请告知运维人员。", "The node gave no receipt of %v but one of %v; it was not kept. Tell the operator of the node.")
	ErrKeyFile = errs.Define(errs.Precondition, "cli.key", "私钥文件 %[1]v 不能使用：%[3]v。", "The key file %[1]v cannot be used: %[2]v.")
	ErrFaults  = errs.Define(errs.Precondition, "cli.faults", "发现 %d 处问题，详见上文。", "%d faults were found; they are listed above.")
	ErrSilent  = errs.Define(errs.Unavailable, "cli.members", "%d 个成员没有应答，详见上文。", "%d members did not answer; they are listed above.")
	ErrBroken  = errs.Define(errs.Unavailable, "cli.broken", "数据流在结束前中断，已收到的内容不完整，请重试。", "The stream broke off before its end; what arrived is incomplete. Try again.")
)

// The exit codes.
const (
	exitFailed      = 1
	exitUsage       = 2
	exitDenied      = 3
	exitUnreachable = 4
)

// exitCode is the one place where a kind of error becomes an exit code.
func exitCode(e *errs.Error) int {
	if errors.Is(e, ErrUsage) {
		return exitUsage
	}
	switch e.Kind {
	case errs.Denied, errs.Unauthorized:
		return exitDenied
	case errs.Unavailable:
		return exitUnreachable
	default:
		return exitFailed
	}
}

// fail prints an error, if there is one, and returns the exit code: what happened, where, which field, what to do.
func fail(w io.Writer, lang string, err error) int {
	if err == nil {
		return 0
	}
	pick := func(zh, en string) string {
		if lang == "en" {
			return en
		}
		return zh
	}
	e := errs.As(err)
	if errors.Is(e, errs.ErrInternal) && e.Cause != nil {
		// It arose on this machine, in front of the person who runs it: the cause helps more than a request id.
		_, _ = fmt.Fprintf(w, pick("错误：%v\n", "error: %v\n"), e.Cause)
	} else {
		_, _ = fmt.Fprintf(w, pick("错误：%s（%s）\n", "error: %s (%s)\n"), e.Message(lang), e.Code)
		if e.Cause != nil {
			_, _ = fmt.Fprintf(w, pick("  原因：%v\n", "  cause: %v\n"), e.Cause)
		}
	}
	if e.Node != "" {
		_, _ = fmt.Fprintf(w, pick("  发生在：%s %s\n", "  at: %s %s\n"), e.Node, e.Hop)
	}
	for _, f := range e.Fields {
		_, _ = fmt.Fprintf(w, "  - %s: %s\n", f.Name, pick(f.Zh, f.En))
	}
	if hint := hintFor(e, pick); hint != "" {
		_, _ = fmt.Fprintln(w, "  "+hint)
	}
	return exitCode(e)
}

func hintFor(e *errs.Error, pick func(zh, en string) string) string {
	if errors.Is(e, ErrUsage) {
		return pick("请看 kuayu --help，或在命令后加 --help。", "See kuayu --help, or add --help to the command.")
	}
	switch e.Kind {
	case errs.Denied:
		return pick("kuayu whoami 显示当前身份与角色；用 --actor 换一个身份。", "kuayu whoami shows who you are and your roles; --actor acts as another.")
	case errs.Unauthorized:
		return pick("请核对 --actor 与 --key。", "Check --actor and --key.")
	case errs.Unavailable:
		return pick("kuayu doctor 会指出连不上的原因。", "kuayu doctor says what is in the way.")
	default:
		return ""
	}
}
