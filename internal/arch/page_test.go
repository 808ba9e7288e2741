package arch

import (
	"go/ast"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var (
	fence  = regexp.MustCompile("(?ms)^```.*?^```")
	span   = regexp.MustCompile("`([^`\n]+)`")
	isPath = regexp.MustCompile(`^[A-Za-z0-9_.\-]+(/[A-Za-z0-9_.\-]+)+/?$|^[A-Za-z0-9_\-]*\.(go|md|mod|sum|yml|json)$|^(Makefile|LICENSE|NOTICE)$|^[a-z]+/$`)
	isName = regexp.MustCompile(`^([a-z][a-z0-9]*)\.([A-Za-z]\w*)(?:\.([A-Za-z]\w*))?$`)
)

// Pages that name code in backticks, and how many names they must have: a page that names nothing can't go stale, and
// can't guide anybody either.
var pages = map[string]int{
	"ARCHITECTURE.md":    minPageNames,
	"docs/invariants.md": lastInvariant,
	"docs/glossary.md":   minPageNames,
}

func TestNamesOnPagesExist(t *testing.T) {
	names := declared(tree(t))
	for page, least := range pages {
		t.Run(page, func(t *testing.T) {
			text := fence.ReplaceAllString(read(t, page), "")
			seen := map[string]bool{}
			for _, m := range span.FindAllStringSubmatch(text, -1) {
				s := m[1]
				switch {
				case isPath.MatchString(s):
					seen[s] = true
					if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(s))); err != nil {
						t.Errorf("%s names the file %s, which does not exist", page, s)
					}
				case isName.MatchString(s):
					seen[s] = true
					if !names[s] {
						t.Errorf("%s names %s, which is not declared anywhere", page, s)
					}
				}
			}
			if len(seen) < least {
				t.Errorf("%s names %d files and symbols; it should name at least %d", page, len(seen), least)
			}
		})
	}
}

func TestArchitectureIsShort(t *testing.T) {
	if n := strings.Count(read(t, "ARCHITECTURE.md"), "\n"); n > maxPageLines {
		t.Errorf("ARCHITECTURE.md has %d lines; at most %d", n, maxPageLines)
	}
}

func TestInvariantsAreNumbered(t *testing.T) {
	text := read(t, "docs/invariants.md")
	for i := 1; i <= lastInvariant; i++ {
		if h := "\n## " + strconv.Itoa(i) + ". "; strings.Count(text, h) != 1 {
			t.Errorf("docs/invariants.md must have one heading %q", strings.TrimSpace(h))
		}
	}
}

// declared lists what can be named: package.Symbol, package.Type.Method, package.Type.Field.
func declared(files []*source) map[string]bool {
	out := map[string]bool{}
	for _, f := range files {
		pkg := strings.TrimSuffix(f.ast.Name.Name, "_test") + "."
		for _, d := range f.ast.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				out[pkg+receiver(d)+d.Name.Name] = true
			case *ast.GenDecl:
				for _, s := range d.Specs {
					declareSpec(out, pkg, s)
				}
			}
		}
	}
	return out
}

func declareSpec(out map[string]bool, pkg string, s ast.Spec) {
	switch s := s.(type) {
	case *ast.ValueSpec:
		for _, n := range s.Names {
			out[pkg+n.Name] = true
		}
	case *ast.TypeSpec:
		out[pkg+s.Name.Name] = true
		var members *ast.FieldList
		switch u := s.Type.(type) {
		case *ast.StructType:
			members = u.Fields
		case *ast.InterfaceType:
			members = u.Methods
		default:
			return
		}
		for _, m := range members.List {
			for _, n := range m.Names {
				out[pkg+s.Name.Name+"."+n.Name] = true
			}
		}
	}
}

// receiver is "Type." for a method, "" for a function.
func receiver(d *ast.FuncDecl) string {
	if d.Recv == nil || len(d.Recv.List) == 0 {
		return ""
	}
	e := d.Recv.List[0].Type
	for {
		switch x := e.(type) {
		case *ast.StarExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.IndexListExpr:
			e = x.X
		case *ast.Ident:
			return x.Name + "."
		default:
			return ""
		}
	}
}
