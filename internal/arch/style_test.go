package arch

import (
	"go/ast"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestPackagesAreDocumented(t *testing.T) {
	for dir, files := range packages(tree(t)) {
		name, doc, code := "", "", false
		for _, f := range files {
			if f.test {
				continue
			}
			code, name = true, f.ast.Name.Name
			if f.ast.Doc != nil && len(f.ast.Doc.Text()) > len(doc) {
				doc = f.ast.Doc.Text()
			}
		}
		if !code {
			continue
		}
		want := "Package " + name + " "
		if name == "main" {
			want = "Command " + dir[strings.LastIndex(dir, "/")+1:] + " "
		}
		if !strings.HasPrefix(doc, want) || len(doc) < len(want)+20 {
			t.Errorf("%s: the package comment must begin with %q and say what the package is", dir, want)
		}
	}
}

func TestSizes(t *testing.T) {
	for dir, files := range packages(tree(t)) {
		sum := 0
		for _, f := range files {
			if f.generated {
				continue
			}
			if f.lines > maxFileLines {
				t.Errorf("%s has %d lines; at most %d: split it by concept", f.name, f.lines, maxFileLines)
			}
			if !f.test {
				sum += f.lines
			}
		}
		if sum > maxPackageLines {
			t.Errorf("%s has %d lines; at most %d", dir, sum, maxPackageLines)
		}
	}
}

func excepted(list []exception, file string) bool {
	return slices.ContainsFunc(list, func(e exception) bool { return e.file == file })
}

// stale complains about exceptions for files that do not need them.
func stale(t *testing.T, list []exception, needed map[string]bool) {
	t.Helper()
	for _, e := range list {
		if !needed[e.file] || e.why == "" {
			t.Errorf("the exception for %s is not needed, or gives no reason: remove it from rules_test.go", e.file)
		}
	}
}

func TestTimeComesAsAValue(t *testing.T) {
	needed := map[string]bool{}
	for _, f := range tree(t) {
		if f.test || slices.Contains(clockFolders, top(f.dir)) {
			continue
		}
		f.uses("time", func(name string, n ast.Node) {
			if name != "Now" {
				return
			}
			needed[f.name] = true
			if !excepted(readTheClock, f.name) {
				t.Errorf("%s: time.Now in a domain: take a clock.Clock or a time (invariant 8)", f.pos(n))
			}
		})
	}
	stale(t, readTheClock, needed)
}

func TestOnlyCommandsReadTheEnvironment(t *testing.T) {
	forbidden := []string{"Getenv", "LookupEnv", "Environ", "ExpandEnv"}
	needed := map[string]bool{}
	for _, f := range tree(t) {
		if f.test || top(f.dir) == "cmd" {
			continue
		}
		f.uses("os", func(name string, n ast.Node) {
			if !slices.Contains(forbidden, name) {
				return
			}
			needed[f.name] = true
			if !excepted(readTheEnvironment, f.name) {
				t.Errorf("%s: os.%s outside cmd: settings come from the configuration", f.pos(n), name)
			}
		})
	}
	stale(t, readTheEnvironment, needed)
}

// A session without a key exists in the demonstration only.
func TestOnlyTheDemonstrationOpensSessionsWithoutAKey(t *testing.T) {
	for _, f := range tree(t) {
		if f.test || top(f.dir) == "demo" || top(f.dir) == "bench" {
			continue
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok && s.Sel.Name == "OpenFor" {
				t.Errorf("%s calls identity.Service.OpenFor, which only the demonstration may", f.pos(n))
			}
			return true
		})
	}
}

var cited = regexp.MustCompile(`[Ii]nvariants? (\d+)`)

func TestCitedInvariantsExist(t *testing.T) {
	for _, f := range tree(t) {
		for _, g := range f.ast.Comments {
			for _, m := range cited.FindAllStringSubmatch(g.Text(), -1) {
				if n, err := strconv.Atoi(m[1]); err != nil || n < 1 || n > lastInvariant {
					t.Errorf("%s cites invariant %s; docs/invariants.md has %d", f.pos(g), m[1], lastInvariant)
				}
			}
		}
	}
}
