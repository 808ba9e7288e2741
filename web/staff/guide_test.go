package staff

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// step is one instruction of the guide: a file to write, or a line to put after another one.
var step = regexp.MustCompile("(?ms)^`([a-z/_]+\\.go)`(?:, after `([^`]+)`)?\n\n```go\n(.*?)\n```$")

// TestGuide follows docs/ui.md word by word: its page is built into a node, opened and judged, and takes at most eight files.
func TestGuide(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(root, "docs", "ui.md"))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, m := range step.FindAllStringSubmatch(string(text), -1) {
		file, after, code := m[1], m[2], m[3]
		if after == "" {
			files[file] = code + "\n"
			continue
		}
		if files[file] == "" {
			b, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(file)))
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
	if n := len(files); n < 5 || n+3 > 8 {
		t.Errorf("the guide's page takes %d files, and three more with a template", n)
	}
	dir, overlay := t.TempDir(), map[string]string{}
	for file, code := range files {
		to := filepath.Join(dir, strings.ReplaceAll(file, "/", "_")+".txt")
		if err := os.WriteFile(to, []byte(code), 0o600); err != nil {
			t.Fatal(err)
		}
		overlay[filepath.Join(root, filepath.FromSlash(file))] = to
	}
	b, err := json.Marshal(map[string]any{"Replace": overlay})
	if err != nil {
		t.Fatal(err)
	}
	list := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(list, b, 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(program string, args ...string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), program, args...)
		cmd.Dir = root
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s %s: %v\n%s", program, strings.Join(args, " "), err, out)
		}
	}
	opened := filepath.Join(dir, "hello.test")
	run("go", "build", "-overlay", list, "./node")
	run("go", "test", "-overlay", list, "-vet=off", "-c", "-o", opened, "./web/hello") // its folder is not there: it can't be run from it
	run(opened)
	run("go", "test", "-overlay", list, "-vet=off", "-count=1", "-run", "TestPlaces", "./web/desk")
}
