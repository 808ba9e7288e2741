package arch

import (
	"strings"
	"testing"
)

func TestEveryFolderHasAFloor(t *testing.T) {
	for dir := range packages(tree(t)) {
		if _, ok := floors[top(dir)]; !ok {
			t.Errorf("%s: the folder %q stands on no floor; add it to rules_test.go", dir, top(dir))
		}
	}
}

func TestImportsGoDown(t *testing.T) {
	files := tree(t)
	declared := map[[2]string]bool{} // edge → used
	for _, e := range edges {
		k := [2]string{e.from, e.to}
		if _, twice := declared[k]; twice || e.why == "" {
			t.Errorf("edge %s → %s is declared twice or without a reason", e.from, e.to)
		}
		if floors[top(e.from)] != floors[top(e.to)] {
			t.Errorf("edge %s → %s is not within a floor", e.from, e.to)
		}
		declared[k] = false
	}
	for _, f := range files {
		for _, imp := range f.imports() {
			to, ok := inModule(imp)
			if !ok || to == f.dir {
				continue
			}
			if _, helper := testHelpers[to]; helper {
				if !f.test && f.dir != to {
					t.Errorf("%s imports %s, which is for _test.go files alone", f.name, to)
				}
				continue
			}
			a, b := floors[top(f.dir)], floors[top(to)]
			if a > b {
				continue
			}
			k := [2]string{f.dir, to}
			if _, ok := declared[k]; ok && a == b {
				declared[k] = declared[k] || !f.test
				continue
			}
			if a < b {
				t.Errorf("%s (floor %d) imports %s (floor %d): imports go down only", f.name, a, to, b)
				continue
			}
			t.Errorf("%s imports %s on its own floor %d; declare the edge with a reason in rules_test.go, or do without it", f.name, to, a)
		}
	}
	exists := packages(files)
	for k, used := range declared {
		if !used && floors[top(k[0])] < 9 && len(exists[k[0]]) > 0 && len(exists[k[1]]) > 0 {
			t.Errorf("edge %s → %s is declared, but nothing uses it: remove it from rules_test.go", k[0], k[1])
		}
	}
}

// Tests of a domain check the domain, never a mock of it; and what only tests need is not linked into the program.
func TestProgramLinksNoTestCode(t *testing.T) {
	for _, f := range tree(t) {
		if _, helper := testHelpers[f.dir]; f.test || helper {
			continue
		}
		for _, imp := range f.imports() {
			if imp == "testing" || strings.HasPrefix(imp, "testing/") || imp == "net/http/httptest" {
				t.Errorf("%s imports %s", f.name, imp)
			}
		}
	}
}
