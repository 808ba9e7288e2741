package arch

import (
	"regexp"
	"strings"
	"testing"
)

var (
	required = regexp.MustCompile(`(?m)^(?:require )?\s*([a-z0-9.\-]+\.[a-z]+/\S+) v\S+`)
	listed   = regexp.MustCompile("(?m)^\\| `([^`]+)` \\| (.+) \\|$")
)

// Every module that the code imports itself has a line that says why. Tests count: they are code we depend on.
func TestDependenciesAreExplained(t *testing.T) {
	mods := map[string]bool{}
	gomod, _, _ := strings.Cut(read(t, "go.mod"), "\nreplace ")
	for _, m := range required.FindAllStringSubmatch(gomod, -1) {
		mods[m[1]] = true
	}
	if len(mods) < 10 {
		t.Fatalf("read %d modules from go.mod", len(mods))
	}
	why := map[string]bool{}
	for _, m := range listed.FindAllStringSubmatch(read(t, "docs/dependencies.md"), -1) {
		why[m[1]] = true
		if !mods[m[1]] {
			t.Errorf("docs/dependencies.md explains %s, which is not in go.mod", m[1])
		}
		if len(m[2]) < 20 {
			t.Errorf("docs/dependencies.md: %s needs a reason", m[1])
		}
	}
	missing := map[string]bool{}
	for _, f := range tree(t) {
		for _, imp := range f.imports() {
			if first, _, _ := strings.Cut(imp, "/"); !strings.Contains(first, ".") || strings.HasPrefix(imp, module+"/") {
				continue
			}
			m := imp
			for m != "" && !mods[m] {
				i := strings.LastIndex(m, "/")
				m = m[:max(i, 0)]
			}
			if m == "" {
				t.Errorf("%s imports %s, which no line of go.mod provides", f.name, imp)
				continue
			}
			if !why[m] && !missing[m] {
				missing[m] = true
				t.Errorf("%s imports %s: say in docs/dependencies.md why", f.name, m)
			}
		}
	}
}
