package db

import (
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/kuayu/kuayu/internal/dbtest"
)

// TestLatest walks a list that is latest first, with lines of the same moment, page by page, on both databases.
func TestLatest(t *testing.T) {
	for name, dsn := range map[string]string{"sqlite": filepath.Join(t.TempDir(), "r.db"), "postgres": ""} {
		t.Run(name, func(t *testing.T) {
			if dsn == "" {
				dsn = dbtest.Postgres(t)
			}
			ctx := t.Context()
			d, err := Open(ctx, dsn)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = d.Close() })
			for _, q := range []string{"CREATE TABLE line (id TEXT PRIMARY KEY, updated BIGINT NOT NULL)", "INSERT INTO line VALUES ('a', 1), ('b', 3), ('c', 3), ('d', 3), ('e', 2)"} {
				if _, err := d.write.ExecContext(ctx, q); err != nil {
					t.Fatal(err)
				}
			}
			var got []string
			for cursor := ""; ; {
				cond, args := Latest(cursor)
				var rows []struct {
					ID      string
					Updated int64
				}
				if err := d.Read().NewRaw("SELECT id, updated FROM line WHERE "+cond+" ORDER BY updated DESC, id LIMIT 2", args...).Scan(ctx, &rows); err != nil {
					t.Fatal(err)
				}
				if len(rows) == 0 {
					break
				}
				for _, r := range rows {
					got, cursor = append(got, r.ID), LatestAfter(time.UnixMicro(r.Updated), r.ID)
				}
			}
			if want := []string{"b", "c", "d", "e", "a"}; !slices.Equal(got, want) {
				t.Errorf("%v, want %v", got, want)
			}
			for _, nonsense := range []string{"x", "x.y", "1", "."} {
				if cond, _ := Latest(nonsense); cond != "1=1" {
					t.Errorf("%q is a place: %s", nonsense, cond)
				}
			}
		})
	}
}
