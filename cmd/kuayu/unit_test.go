package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/support/federation"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/policy"
)

func TestColumns(t *testing.T) {
	for s, want := range map[string]int{"": 0, "abc": 3, "浙江": 4, "a浙b": 4, "，": 2, "Ａ": 2, "✓": 1, "é": 1, "e\u0301": 1, "a\u200db": 2} {
		if got := columns(s); got != want {
			t.Errorf("columns(%q) = %d, want %d", s, got, want)
		}
	}
}

func TestTableAligns(t *testing.T) {
	tb := &table{head: []string{"编号", "name", "x"}}
	tb.add("a", "浙江省", "1")
	tb.add("abcdef", "b", "")
	var b bytes.Buffer
	if err := tb.write(&b, func(s string) string { return s }); err != nil {
		t.Fatal(err)
	}
	want := "编号    name    x\na       浙江省  1\nabcdef  b\n"
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

// What a node or another member sent can't move the cursor, break the line or start a formula.
func TestTableIsHarmless(t *testing.T) {
	tb := &table{head: []string{"a", "b"}}
	tb.add("x\x1b[31m\ny\u202e", "=1+1")
	var b bytes.Buffer
	if err := tb.write(&b, func(s string) string { return s }); err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(b.String(), "\x1b\u202e") || strings.Count(b.String(), "\n") != 2 {
		t.Errorf("control characters passed: %q", b.String())
	}
	b.Reset()
	if err := tb.writeCSV(&b); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), ",'=1+1\n") {
		t.Errorf("a formula passed: %q", b.String())
	}
}

func TestWhere(t *testing.T) {
	a := &app{globals: &globals{Lang: "en"}}
	for _, c := range []struct{ in, want string }{
		{"city=330100", `{"op":"eq","item":"city","values":["330100"]}`},
		{"name=a=b", `{"op":"eq","item":"name","values":["a=b"]}`},
		{"name=", `{"op":"eq","item":"name","values":[""]}`},
		{"名称=甲,乙", `{"op":"eq","item":"名称","values":["甲,乙"]}`},
		{"capital:=100", `{"op":"eq","item":"capital","values":[100]}`},
		{"rate:=1.5", `{"op":"eq","item":"rate","values":[1.5]}`},
		{"open:=true", `{"op":"eq","item":"open","values":[true]}`},
		{"x=1|y=2", `{"op":"and","args":[{"op":"eq","item":"x","values":["1"]},{"op":"eq","item":"y","values":["2"]}]}`},
	} {
		p, err := a.where(strings.Split(c.in, "|"))
		if err != nil {
			t.Errorf("%s: %v", c.in, err)
			continue
		}
		b, err := json.Marshal(p)
		if err != nil || string(b) != c.want {
			t.Errorf("%s: %s %v", c.in, b, err)
		}
		if err := (&policy.Plan{Where: p}).Check(); err != nil {
			t.Errorf("%s: the plan is refused: %v", c.in, err)
		}
	}
	for _, bad := range []string{"", "city", "=1", ":=1", " =1", "x:=", "x:=abc", `x:="text"`, "x:=[1]", "x:=null", "x:={}"} {
		if _, err := a.where([]string{bad}); !errors.Is(err, ErrUsage) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if p, err := a.where(nil); p != nil || err != nil {
		t.Errorf("none: %v %v", p, err)
	}
}

func FuzzEquality(f *testing.F) {
	f.Add("city=330100")
	f.Add("x:=1e999")
	a := &app{globals: &globals{Lang: "en"}}
	f.Fuzz(func(t *testing.T, s string) {
		item, v, err := a.equality(s)
		if err == nil && (item == "" || (v.Kind == policy.String && !strings.HasSuffix(s, v.S))) {
			t.Errorf("%q: %q %v", s, item, v)
		}
	})
}

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
			if got := fail(&b, lang, c.err); got != c.want {
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
		fail(&b, lang, e)
		for _, w := range want {
			if !strings.Contains(b.String(), w) {
				t.Errorf("%s: %q is not in %q", lang, w, b.String())
			}
		}
	}
}

// Every command, argument and flag is explained in both languages.
func TestHelpIsBilingual(t *testing.T) {
	texts := map[string][]string{}
	for _, lang := range []string{"zh", "en"} {
		p, err := newParser(&cli{}, lang, io.Discard, io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		_ = kong.Visit(p.Model, func(v kong.Visitable, next kong.Next) error {
			name, help := "", ""
			switch n := v.(type) {
			case *kong.Node:
				if n.Hidden {
					return nil // not for people
				}
				name, help = n.Name, n.Help
			case *kong.Flag:
				name, help = "--"+n.Name, n.Help
			case *kong.Value:
				name, help = n.Name, n.Help
			}
			if name != "" && (help == "" || strings.Contains(help, "|")) {
				t.Errorf("%s has no help in %s: %q", name, lang, help)
			}
			texts[lang] = append(texts[lang], name+": "+help)
			return next(nil)
		})
	}
	for i, zh := range texts["zh"] {
		if en := texts["en"][i]; zh == en && !strings.HasSuffix(zh, ": ") {
			t.Errorf("not translated: %s", zh)
		}
	}
}

func TestLanguage(t *testing.T) {
	for _, c := range []struct {
		env, value string
		args       []string
		want       string
	}{
		{"LANG", "en_GB.UTF-8", nil, "en"},
		{"LANG", "zh_CN.UTF-8", nil, "zh"},
		{"LANG", "C", nil, "zh"},
		{"KUAYU_LANG", "en", nil, "en"},
		{"LANG", "en_GB.UTF-8", []string{"--lang", "zh"}, "zh"},
		{"LANG", "zh_CN.UTF-8", []string{"x", "--lang=en"}, "en"},
	} {
		for _, n := range []string{"KUAYU_LANG", "LC_ALL", "LC_MESSAGES", "LANG"} {
			t.Setenv(n, "")
		}
		t.Setenv(c.env, c.value)
		if got := languageOf(c.args); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
}

// A credential is made without a node: a signed assertion of three parts, for the node that is named.
func TestCredential(t *testing.T) {
	dir := t.TempDir()
	key := filepath.Join(dir, "someone.key")
	if _, err := newKey(key); err != nil {
		t.Fatal(err)
	}
	var out, errOut bytes.Buffer
	code := run(t.Context(), []string{"credential", "--dir", filepath.Join(dir, "none"), "--audience", "zhejiang", "--key", key}, strings.NewReader(""), &out, &errOut)
	if code != 0 || strings.Count(strings.TrimSpace(out.String()), ".") != 2 || strings.Count(out.String(), "\n") != 1 {
		t.Errorf("exit %d: %q %s", code, out.String(), errOut.String())
	}
	if code := run(t.Context(), []string{"credential", "--dir", filepath.Join(dir, "none"), "--key", key}, strings.NewReader(""), &out, &errOut); code == 0 {
		t.Error("a credential for no node")
	}
}
