package cli

import (
	"errors"
	"fmt"
	"io"

	"github.com/kuayu/kuayu/internal/errs"
)

// The errors of every command line.
var (
	ErrUsage   = errs.Define(errs.Invalid, "cli.usage", "命令用法不正确：%v", "The command is not used correctly: %v")
	ErrFile    = errs.Define(errs.Precondition, "cli.file", "无法读写文件 %v。", "The file %v cannot be read or written.")
	ErrJSON    = errs.Define(errs.Invalid, "cli.json", "文件 %[1]v 不能使用：%[3]v", "The file %[1]v cannot be used: %[2]v")
	ErrKeyFile = errs.Define(errs.Precondition, "cli.key", "私钥文件 %[1]v 不能使用：%[3]v。", "The key file %[1]v cannot be used: %[2]v.")
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

// Fail prints an error, if there is one, and returns the exit code: what happened, where, which field, what to do.
func Fail(w io.Writer, lang string, err error) int {
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
