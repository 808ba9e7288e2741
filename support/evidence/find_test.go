package evidence

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/kuayu/kuayu/internal/db"
)

// TestFailuresAreReadByTheirOwnIndex: among a million exchanges that went well, the few that did not are found without
// walking through the others.
func TestFailuresAreReadByTheirOwnIndex(t *testing.T) {
	d, err := db.Open(t.Context(), filepath.Join(t.TempDir(), "index.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	if err := MigrateIndex(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	kinds := []string{"query.close", "query.serve", "query.refused"}
	for want, q := range map[string]Query{
		"evidence_fact_failed":  {Kinds: kinds, Failed: true},
		"evidence_fact_outcome": {Kinds: kinds, Outcome: "gateway.quota"},
	} {
		cond, args, err := q.where()
		if err != nil {
			t.Fatal(err)
		}
		var plan []struct {
			ID, Parent int64
			NotUsed    int64 `bun:"notused"`
			Detail     string
		}
		if err := d.Read().NewRaw("EXPLAIN QUERY PLAN SELECT * FROM evidence_fact WHERE "+cond+newest, append(args, 50)...).Scan(t.Context(), &plan); err != nil {
			t.Fatal(err)
		}
		if len(plan) == 0 || !strings.Contains(plan[0].Detail, want+" ") && !strings.HasSuffix(plan[0].Detail, want) {
			t.Errorf("%+v is not read by %s: %+v", q, want, plan)
		}
	}
}
