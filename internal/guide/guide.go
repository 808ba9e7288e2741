// Package guide follows a page of instructions word by word, so that a guide that went stale fails a test.
//
// An instruction is a line with a file's path in backticks, alone (the file is written) or with "after" and a line of it
// (what follows is put behind that line), then a block of Go. Only tests import it; the tree itself is not changed.
package guide

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var instruction = regexp.MustCompile("(?ms)^`([a-z_/]+\\.go)`(?:, after `([^`]+)`)?\n\n```go\n(.*?)\n```$")

// Changes is a tree as it would be after the instructions.
type Changes struct {
	Files []string // paths that were written or changed

	t       *testing.T
	root    string
	overlay string
}

// Follow takes the instructions of a page's section, or of the whole page if heading is empty.
func Follow(t *testing.T, root, page, heading string) *Changes {
	t.Helper()
	root, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(page)))
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	if heading != "" {
		_, rest, ok := strings.Cut(text, "\n## "+heading)
		if !ok {
			t.Fatalf("%s has no section %q", page, heading)
		}
		text, _, _ = strings.Cut(rest, "\n## ")
	}
	c, files := &Changes{t: t, root: root}, map[string]string{}
	for _, m := range instruction.FindAllStringSubmatch(text, -1) {
		file, after, code := m[1], m[2], m[3]
		if files[file] == "" {
			c.Files = append(c.Files, file)
		}
		if after == "" {
			files[file] = code + "\n"
			continue
		}
		if files[file] == "" {
			b, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(file))) //nolint:gosec // a page of this tree names it
			if err != nil {
				t.Fatal(err)
			}
			files[file] = string(b)
		}
		if strings.Count(files[file], after) != 1 {
			t.Fatalf("%s has %q %d times: the guide is out of date", file, after, strings.Count(files[file], after))
		}
		files[file] = strings.Replace(files[file], after, after+"\n"+code, 1)
	}
	c.write(files)
	return c
}

func (c *Changes) write(files map[string]string) {
	c.t.Helper()
	dir, overlay := c.t.TempDir(), map[string]string{}
	for file, code := range files {
		to := filepath.Join(dir, strings.ReplaceAll(file, "/", "_")+".txt")
		if err := os.WriteFile(to, []byte(code), 0o600); err != nil {
			c.t.Fatal(err)
		}
		overlay[filepath.Join(c.root, filepath.FromSlash(file))] = to
	}
	b, err := json.Marshal(map[string]any{"Replace": overlay})
	if err != nil {
		c.t.Fatal(err)
	}
	c.overlay = filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(c.overlay, b, 0o600); err != nil {
		c.t.Fatal(err)
	}
}

// Build builds a package of the changed tree.
func (c *Changes) Build(pkg string) {
	c.t.Helper()
	c.run("go", "build", "-overlay", c.overlay, pkg)
}

// Test runs tests of a package of the changed tree, in its folder.
func (c *Changes) Test(pkg, run string) {
	c.t.Helper()
	c.run("go", "test", "-overlay", c.overlay, "-vet=off", "-count=1", "-run", run, pkg)
}

// TestNew runs the tests of a package whose folder is not there: it can't be run from it.
func (c *Changes) TestNew(pkg string) {
	c.t.Helper()
	program := filepath.Join(filepath.Dir(c.overlay), "new.test")
	c.run("go", "test", "-overlay", c.overlay, "-vet=off", "-c", "-o", program, pkg)
	c.run(program)
}

func (c *Changes) run(program string, args ...string) {
	c.t.Helper()
	cmd := exec.CommandContext(c.t.Context(), program, args...) //nolint:gosec // the test's own
	cmd.Dir = c.root
	if out, err := cmd.CombinedOutput(); err != nil {
		c.t.Errorf("%s %s: %v\n%s", program, strings.Join(args, " "), err, out)
	}
}
