package process

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/kuayu/kuayu/internal/db"
)

// TestCasesAreFoundByTheirNames: a department may have ten thousand cases; one is found without walking through them, and
// a page of a list, or of what waits, without sorting them.
func TestCasesAreFoundByTheirNames(t *testing.T) {
	d, err := db.Open(t.Context(), filepath.Join(t.TempDir(), "records.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	if err := Migrate(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	sc := db.In("330000", "d", "officer")
	for name, c := range map[string]struct {
		q     Query
		order string
		not   string // an index that would walk
	}{
		"id":           {Query{ID: "x"}, "updated DESC, id", "_department"},
		"id and side":  {Query{ID: "x", Side: "provider"}, "updated DESC, id", "_department"},
		"number":       {Query{number: "264837291546"}, "updated DESC, id", "_department"},
		"ref and side": {Query{Ref: "x", Side: "provider"}, "updated DESC, id", "_department"},
		"peer":         {Query{Member: "zhejiang", Peer: "x"}, "updated DESC, id", "_department"},
		"a page":       {Query{}, "updated DESC, id", "TEMP B-TREE FOR ORDER BY"},
		"by id":        {Query{ByID: true, From: "x"}, "id", "TEMP B-TREE"},
	} {
		cond, args := c.q.where(sc, "agreement")
		plan := explain(t, d, "SELECT doc FROM process_case WHERE "+cond+" ORDER BY "+c.order+" LIMIT 50", args...)
		if strings.Contains(plan, "SCAN process_case") || strings.Contains(plan, c.not) {
			t.Errorf("%s walks: %s", name, plan)
		}
	}
	plan := explain(t, d, "SELECT id FROM process_case WHERE kind = ? AND side = ? AND turn = ? AND department = ? ORDER BY due, id LIMIT 50", "agreement", "provider", "REVIEWING", "d")
	if strings.Contains(plan, "TEMP B-TREE") || !strings.Contains(plan, "process_case_turn") {
		t.Errorf("what waits is sorted: %s", plan)
	}
}

func explain(t *testing.T, d *db.DB, query string, args ...any) string {
	t.Helper()
	var plan []struct {
		ID, Parent int64
		NotUsed    int64 `bun:"notused"`
		Detail     string
	}
	if err := d.Read().NewRaw("EXPLAIN QUERY PLAN "+query, args...).Scan(t.Context(), &plan); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for _, p := range plan {
		out.WriteString(p.Detail + "; ")
	}
	return out.String()
}
