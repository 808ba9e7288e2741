package law_test

import (
	"testing"

	"github.com/kuayu/kuayu/internal/guide"
)

// TestGuideEvent follows the first part of docs/cases.md: an event takes at most three files.
func TestGuideEvent(t *testing.T) {
	c := guide.Follow(t, root, "docs/cases.md", "An event")
	if n := len(c.Files); n < 2 || n > 3 {
		t.Errorf("an event takes %d files: %v", n, c.Files)
	}
	c.Test("./exchange/demand", "TestTable|TestUrge")
}

// TestGuideKind follows the second part: a kind of case takes at most eight files, and a node opens it.
func TestGuideKind(t *testing.T) {
	c := guide.Follow(t, root, "docs/cases.md", "A kind of case")
	if n := len(c.Files); n < 6 || n > 8 {
		t.Errorf("a kind takes %d files: %v", n, c.Files)
	}
	c.Build("./node")
	c.TestNew("./exchange/visit")
	c.Test("./internal/arch", "TestImportsGoDown")
}
