package arch

import (
	"flag"
	"fmt"
	"go/ast"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/errors.md anew")

const errorsPage = "docs/errors.md"

// definition is one call of errs.Define.
type definition struct{ code, kind, zh, en, at string }

var goodCode = regexp.MustCompile(`^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*$`)

// definitions reads them from the sources.
func definitions(t *testing.T) []definition {
	t.Helper()
	var out []definition
	for _, f := range tree(t) {
		if f.test {
			continue
		}
		local := f.localName(module + "/internal/errs")
		if local == "" && f.dir != "internal/errs" {
			continue
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) != 4 || !isDefine(call.Fun, local) {
				return true
			}
			d := definition{at: f.pos(call), kind: kindOf(call.Args[0])}
			for i, to := range []*string{&d.code, &d.zh, &d.en} {
				s, ok := literal(call.Args[i+1])
				if !ok || s == "" {
					t.Errorf("%s: the arguments of Define must be literal texts", d.at)
				}
				*to = s
			}
			if !goodCode.MatchString(d.code) {
				t.Errorf("%s: code %q must be like package.what", d.at, d.code)
			}
			out = append(out, d)
			return true
		})
	}
	sort.SliceStable(out, func(i, j int) bool { return out[i].code < out[j].code })
	return out
}

// isDefine: errs.Define, or Define within errs itself.
func isDefine(fun ast.Expr, local string) bool {
	switch x := fun.(type) {
	case *ast.Ident:
		return local == "" && x.Name == "Define"
	case *ast.SelectorExpr:
		p, ok := x.X.(*ast.Ident)
		return ok && p.Name == local && x.Sel.Name == "Define"
	}
	return false
}

// literal is the value of a text written out, also in parts joined by +.
func literal(e ast.Expr) (string, bool) {
	switch x := e.(type) {
	case *ast.BasicLit:
		s, err := strconv.Unquote(x.Value)
		return s, err == nil && x.Kind == token.STRING
	case *ast.BinaryExpr:
		a, okA := literal(x.X)
		b, okB := literal(x.Y)
		return a + b, okA && okB && x.Op == token.ADD
	}
	return "", false
}

var humps = regexp.MustCompile(`([a-z])([A-Z])`)

// kindOf turns errs.NotFound into not_found, the word used on the wire.
func kindOf(e ast.Expr) string {
	name := ""
	switch x := e.(type) {
	case *ast.Ident:
		name = x.Name
	case *ast.SelectorExpr:
		name = x.Sel.Name
	}
	return strings.ToLower(humps.ReplaceAllString(name, "${1}_$2"))
}

var verb = regexp.MustCompile(`%(?:\[\d+\])?[a-zA-Z]`)

// plain shows a message to a reader: what is filled in at run time is "…".
func plain(s string) string {
	s = verb.ReplaceAllString(s, "…")
	s = strings.ReplaceAll(s, "%%", "%")
	s = strings.ReplaceAll(s, "|", "\\|")
	return strings.ReplaceAll(s, "\n", " ")
}

func TestErrorCodesAreUnique(t *testing.T) {
	at := map[string]string{}
	for _, d := range definitions(t) {
		if other, ok := at[d.code]; ok {
			t.Errorf("%s and %s both define %s", other, d.at, d.code)
		}
		at[d.code] = d.at
	}
}

func TestErrorsPage(t *testing.T) {
	var b strings.Builder
	b.WriteString(`# Error codes

Generated from the sources by ` + "`make generate`" + `; do not edit. Every answer that is not a success carries one of these codes,
its kind and both messages. "…" stands for what is filled in at run time. The kinds and their HTTP status:
invalid 400 · unauthorized 401 · denied 403 · not_found 404 · conflict 409 · precondition 412 · too_many 429 · internal 500 ·
unavailable 503.

| code | kind | 中文 | English |
|---|---|---|---|
`)
	for _, d := range definitions(t) {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", d.code, d.kind, plain(d.zh), plain(d.en))
	}
	file := filepath.Join(root, filepath.FromSlash(errorsPage))
	if *update {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if read(t, errorsPage) != b.String() {
		t.Errorf("%s is not what the sources say; run make generate", errorsPage)
	}
}
