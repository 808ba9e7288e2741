package staff

import (
	"testing"

	"github.com/kuayu/kuayu/internal/guide"
)

// TestGuide follows docs/ui.md word by word: its page is built into a node, opened and judged, and takes at most eight files.
func TestGuide(t *testing.T) {
	c := guide.Follow(t, "../..", "docs/ui.md", "")
	if n := len(c.Files); n < 5 || n+3 > 8 {
		t.Errorf("the guide's page takes %d files, and three more with a template", n)
	}
	c.Build("./node")
	c.TestNew("./web/hello")
	c.Test("./web/staff", "TestPlaces")
}
