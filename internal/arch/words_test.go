package arch

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestWordsNotToUse: no source or page has a word of the glossary's table of words not to use. Records of decisions and of
// reviews, and the glossary itself, say what was said at their time.
func TestWordsNotToUse(t *testing.T) {
	_, table, ok := strings.Cut(read(t, "docs/glossary.md"), "## Not these words")
	if !ok {
		t.Fatal("the glossary has no table of words not to use")
	}
	var words []string
	for line := range strings.Lines(table) {
		cells := strings.Split(line, "|")
		if len(cells) != 4 || strings.HasPrefix(cells[1], "-") || strings.TrimSpace(cells[1]) == "not" {
			continue
		}
		for w := range strings.SplitSeq(cells[1], ",") {
			words = append(words, strings.TrimSpace(w))
		}
	}
	if len(words) < 10 {
		t.Fatalf("only %d words: %v", len(words), words)
	}
	for i, w := range words {
		words[i] = regexp.QuoteMeta(w)
		if w[0] < 0x80 {
			words[i] = `\b` + words[i] + `(?:s|ed|ing)?\b`
		}
	}
	never := regexp.MustCompile("(?i)" + strings.Join(words, "|"))
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel := filepath.ToSlash(strings.TrimPrefix(path, root+string(filepath.Separator)))
		if d.IsDir() {
			if d.Name() == ".git" || rel == "docs/adr" || rel == "docs/reviews" || rel == "bin" {
				return filepath.SkipDir
			}
			return nil
		}
		ext := filepath.Ext(path)
		if (ext != ".go" && ext != ".templ" && ext != ".md") || strings.HasSuffix(path, "_templ.go") || rel == "docs/glossary.md" || rel == "docs/STATUS.md" || rel == "internal/arch/words_test.go" {
			return nil
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for i, line := range strings.Split(string(b), "\n") {
			if m := never.FindString(line); m != "" {
				t.Errorf("%s:%d: %q is a word not to use: %s", rel, i+1, m, strings.TrimSpace(line))
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
