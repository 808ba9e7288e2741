package law_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/kuayu/kuayu/exchange/law"
)

// TestProcessPages: docs/processes is what the tables say; -update writes it anew.
func TestProcessPages(t *testing.T) {
	folder := filepath.Join(root, "docs", "processes")
	for _, table := range law.Tables() {
		for _, fault := range table.Check() {
			t.Error(fault)
		}
		for name, text := range map[string]string{table.Kind + ".md": table.Markdown(), table.Kind + ".svg": table.SVG()} {
			file := filepath.Join(folder, name)
			if *update {
				if err := os.MkdirAll(folder, 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
				continue
			}
			if b, err := os.ReadFile(file); err != nil || string(b) != text {
				t.Errorf("%s is not what the table says; run make generate (%v)", file, err)
			}
		}
	}
}
