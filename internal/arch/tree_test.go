package arch

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
)

const (
	root   = "../.."
	module = "github.com/kuayu/kuayu"
)

// source is one parsed Go file.
type source struct {
	name      string // slash-separated, relative to the root
	dir       string
	test      bool
	generated bool
	lines     int
	ast       *ast.File
	fset      *token.FileSet
}

// imports lists the import paths of the file.
func (s *source) imports() []string {
	out := make([]string, 0, len(s.ast.Imports))
	for _, i := range s.ast.Imports {
		if p, err := strconv.Unquote(i.Path.Value); err == nil {
			out = append(out, p)
		}
	}
	return out
}

// inModule turns an import path of this module into a folder.
func inModule(importPath string) (string, bool) {
	return strings.CutPrefix(importPath, module+"/")
}

// top is the top-level folder.
func top(dir string) string {
	t, _, _ := strings.Cut(dir, "/")
	return t
}

// pos says where a node stands.
func (s *source) pos(n ast.Node) string {
	return s.name + ":" + strconv.Itoa(s.fset.Position(n.Pos()).Line)
}

// localName is the name under which the file imports a package, "" if it does not.
func (s *source) localName(importPath string) string {
	for _, i := range s.ast.Imports {
		if p, err := strconv.Unquote(i.Path.Value); err != nil || p != importPath {
			continue
		}
		if i.Name != nil {
			return i.Name.Name
		}
		return path.Base(importPath)
	}
	return ""
}

// uses calls visit for every use of a function or value of an imported package.
func (s *source) uses(importPath string, visit func(name string, n ast.Node)) {
	local := s.localName(importPath)
	if local == "" {
		return
	}
	ast.Inspect(s.ast, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if x, ok := sel.X.(*ast.Ident); ok && x.Name == local {
			visit(sel.Sel.Name, sel)
		}
		return true
	})
}

var parsed = sync.OnceValues(parse)

// tree parses every Go file of the module once per test process.
func tree(t *testing.T) []*source {
	t.Helper()
	files, err := parsed()
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 50 {
		t.Fatalf("only %d Go files found: is this the root of the repository?", len(files))
	}
	return files
}

func parse() ([]*source, error) {
	var out []*source
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if d.IsDir() {
			if rel != "." && skipped(rel) {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(rel, ".go") {
			return nil
		}
		text, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		if bytes.HasPrefix(text, []byte("//go:build ignore")) {
			return nil // a program of its own, run by hand
		}
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, p, text, parser.ParseComments)
		if err != nil {
			return err
		}
		out = append(out, &source{
			name: rel, dir: path.Dir(rel), test: strings.HasSuffix(rel, "_test.go"), generated: ast.IsGenerated(f),
			lines: bytes.Count(text, []byte("\n")), ast: f, fset: fset,
		})
		return nil
	})
	return out, err
}

// skipped folders hold no package of the module: hidden ones, built ones, test data, and tools with its own go.mod.
func skipped(rel string) bool {
	b := path.Base(rel)
	return strings.HasPrefix(b, ".") || strings.HasPrefix(b, "_") || b == "testdata" || b == "node_modules" ||
		rel == "bin" || rel == "dist" || rel == "tools"
}

// packages groups the files by folder.
func packages(files []*source) map[string][]*source {
	out := map[string][]*source{}
	for _, f := range files {
		out[f.dir] = append(out[f.dir], f)
	}
	return out
}

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
