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

	"github.com/kuayu/kuayu/cmd/cli"
	"github.com/kuayu/kuayu/support/policy"
)

func TestWhere(t *testing.T) {
	a := &app{cli.Session{Flags: &cli.Flags{Lang: "en"}}}
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
		if _, err := a.where([]string{bad}); !errors.Is(err, cli.ErrUsage) {
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
	a := &app{cli.Session{Flags: &cli.Flags{Lang: "en"}}}
	f.Fuzz(func(t *testing.T, s string) {
		item, v, err := a.equality(s)
		if err == nil && (item == "" || (v.Kind == policy.String && !strings.HasSuffix(s, v.S))) {
			t.Errorf("%q: %q %v", s, item, v)
		}
	})
}

// Every command, argument and flag is explained in both languages.
func TestHelpIsBilingual(t *testing.T) {
	texts := map[string][]string{}
	for _, lang := range []string{"zh", "en"} {
		p, err := newParser(&tree{}, lang, io.Discard, io.Discard)
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

// A credential is made without a node: a signed assertion of three parts, for the node that is named.
func TestCredential(t *testing.T) {
	dir := t.TempDir()
	key := filepath.Join(dir, "someone.key")
	if _, err := cli.NewKey(key); err != nil {
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
