package agreement

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/kuayu/kuayu/internal/db"
)

// TestCasesAreFoundByTheirNames: a department may have ten thousand cases; one is found without walking through them.
func TestCasesAreFoundByTheirNames(t *testing.T) {
	d, err := db.Open(t.Context(), filepath.Join(t.TempDir(), "records.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	if err := Migrate(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	for where, args := range map[string][]any{named: {"x", "x"}, "id = ?": {"x"}, "agreement = ? AND role = ?": {"x", "provider"}} {
		query, more := rowQuery(db.In("330000", "d", "officer"), where)
		var plan []struct {
			ID, Parent int64
			NotUsed    int64 `bun:"notused"`
			Detail     string
		}
		if err := d.Read().NewRaw("EXPLAIN QUERY PLAN "+query, append(args, more...)...).Scan(t.Context(), &plan); err != nil {
			t.Fatal(err)
		}
		for _, p := range plan {
			if strings.Contains(p.Detail, "SCAN") || strings.Contains(p.Detail, "_department") {
				t.Errorf("%s walks: %s", where, p.Detail)
			}
		}
	}
}
