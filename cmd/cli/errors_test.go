package cli

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/support/federation"
	"github.com/kuayu/kuayu/support/identity"
)

func TestExitCodes(t *testing.T) {
	for _, c := range []struct {
		err  error
		want int
	}{
		{nil, 0},
		{errors.New("unknown"), exitFailed},
		{ErrUsage.With("x"), exitUsage},
		{federation.ErrExists.With(), exitFailed},
		{federation.ErrNotMember.With("x"), exitDenied},
		{identity.ErrSignIn.With(), exitDenied},
		{errs.FromWire("unavailable", "peer.unreachable", "不通", "no", "zhejiang", "provider"), exitUnreachable},
		{errs.FromWire("internal", "internal", "错", "no", "", ""), exitFailed},
	} {
		for _, lang := range []string{"zh", "en"} {
			var b bytes.Buffer
			if got := Fail(&b, lang, c.err); got != c.want {
				t.Errorf("%v: exit %d, want %d", c.err, got, c.want)
			}
			if (c.err == nil) != (b.Len() == 0) {
				t.Errorf("%v: printed %q", c.err, b.String())
			}
		}
	}
}

func TestFailSaysEverything(t *testing.T) {
	e := errs.FromWire("denied", "policy.denied", "不允许", "not allowed", "zhejiang", "provider")
	e.Fields = []errs.Field{{Name: "scope", Zh: "请写明", En: "state it"}}
	for lang, want := range map[string][]string{
		"zh": {"错误：不允许（policy.denied）", "zhejiang provider", "- scope: 请写明", "whoami"},
		"en": {"error: not allowed (policy.denied)", "at: zhejiang provider", "- scope: state it", "whoami"},
	} {
		var b bytes.Buffer
		Fail(&b, lang, e)
		for _, w := range want {
			if !strings.Contains(b.String(), w) {
				t.Errorf("%s: %q is not in %q", lang, w, b.String())
			}
		}
	}
}

// What a file lacks is said in words of the language, never in those of the decoder.
func TestDecodeJSONSaysWhatIsWrong(t *testing.T) {
	for text, want := range map[string]string{
		"":         "错误：文件 a.json 不能使用：内容不是合格的 JSON：为空或不完整。（cli.json）\n",
		"[]":       "错误：文件 a.json 不能使用：内容不是合格的 JSON：最外层的类型不对。（cli.json）\n",
		`{"n":1,}`: "错误：文件 a.json 不能使用：内容不是合格的 JSON：第 8 字节处有语法错误。（cli.json）\n",
		`{"m":1}`:  "错误：文件 a.json 不能使用：内容不是合格的 JSON：未知成员 \"m\"。（cli.json）\n",
	} {
		var v struct {
			N int `json:"n"`
		}
		var b strings.Builder
		Fail(&b, "zh", DecodeJSON("a.json", []byte(text), &v))
		if b.String() != want {
			t.Errorf("%q: %q", text, b.String())
		}
	}
}
