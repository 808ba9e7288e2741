package arch

import (
	"go/ast"
	"go/token"
	"testing"
)

const noticeKinds = "support/notice/kind.go"

// TestEveryNoticeIsTold: each kind of notice has a place where a package tells it. That a kind has its texts, and that an
// event of a package has a line, is checked in the packages.
func TestEveryNoticeIsTold(t *testing.T) {
	kinds := map[string]bool{} // name of the constant → told
	files := tree(t)
	for _, f := range files {
		if f.name != noticeKinds {
			continue
		}
		for _, d := range f.ast.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.CONST {
				continue
			}
			for _, s := range g.Specs {
				for _, n := range s.(*ast.ValueSpec).Names { //nolint:forcetypeassert // a declaration of constants has nothing else
					kinds[n.Name] = false
				}
			}
		}
	}
	if len(kinds) < 60 {
		t.Fatalf("only %d kinds are found in %s", len(kinds), noticeKinds)
	}
	for _, f := range files {
		if f.test {
			continue
		}
		if f.dir == "support/notice" && f.name != noticeKinds { // the package tells of its own web-hooks
			ast.Inspect(f.ast, func(n ast.Node) bool {
				if id, ok := n.(*ast.Ident); ok {
					if _, kind := kinds[id.Name]; kind {
						kinds[id.Name] = true
					}
				}
				return true
			})
		}
		f.uses(module+"/support/notice", func(name string, _ ast.Node) {
			if _, kind := kinds[name]; kind {
				kinds[name] = true
			}
		})
	}
	for name, told := range kinds {
		if !told {
			t.Errorf("notice.%s: no package sends it", name)
		}
	}
}
