package source

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kuayu/kuayu/support/policy"
)

func sqliteFile(t testing.TB, stmts ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a b?.db")
	db, err := sql.Open("sqlite", "file:"+strings.ReplaceAll(path, "?", "%3f"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	for _, s := range stmts {
		if _, err := db.Exec(s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
	return path
}

func open(t testing.TB, spec Spec) Source {
	t.Helper()
	s, err := Open(context.Background(), spec)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func personDB(t testing.TB, rows int) string {
	return sqliteFile(t,
		`CREATE TABLE person(id TEXT PRIMARY KEY, name TEXT, born DATE, score REAL, n INTEGER, ok BOOLEAN, addr TEXT, note TEXT, seen TIMESTAMP, unit TEXT)`,
		fmt.Sprintf(`WITH RECURSIVE g(i) AS (SELECT 0 UNION ALL SELECT i+1 FROM g WHERE i<%d)
		INSERT INTO person SELECT printf('3301%%014d',i),'张三'||i,date('1970-01-01','+'||(i%%20000)||' days'),i*0.5,i,i%%2,'浙江省杭州市西湖区文三路'||i||'号',hex(zeroblob(400)),'2024-01-01T08:00:00Z','民政局' FROM g`, rows-1),
		`PRAGMA journal_mode=WAL`)
}

func point(i int) policy.Plan {
	return policy.Plan{Where: &policy.Predicate{Op: policy.Eq, Item: "id", Values: []policy.Value{policy.Str(fmt.Sprintf("3301%014d", i))}}}
}

func BenchmarkSQLitePoint(b *testing.B) {
	s := open(b, Spec{Kind: KindSQLite, Location: personDB(b, 100_000)})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		r, err := s.Read(ctx, "person", point(i%100_000))
		if err != nil {
			b.Fatal(err)
		}
		if !r.Next() || r.RecordBatch().NumRows() != 1 {
			b.Fatal("no row", r.Err())
		}
		r.Release()
	}
}

func BenchmarkSQLiteScan(b *testing.B) {
	const n = 100_000
	s := open(b, Spec{Kind: KindSQLite, Location: personDB(b, n)})
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		r, err := s.Read(context.Background(), "person", policy.Plan{})
		if err != nil {
			b.Fatal(err)
		}
		got := int64(0)
		for r.Next() {
			got += r.RecordBatch().NumRows()
		}
		r.Release()
		if got != n {
			b.Fatal(got, r.Err())
		}
	}
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

func TestSQLiteUsesIndexes(t *testing.T) {
	path := personDB(t, 10)
	s := open(t, Spec{Kind: KindSQLite, Location: path})
	tb, err := s.(*sqliteSource).table("person")
	if err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", "file:"+strings.ReplaceAll(path, "?", "%3f"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	v := func(op policy.Op, vs ...policy.Value) *policy.Predicate {
		return &policy.Predicate{Op: op, Item: "id", Values: vs}
	}
	for name, q := range map[string]policy.Plan{
		"eq": point(3), "prefix": {Where: v(policy.Prefix, policy.Str("33"))}, "in": {Where: v(policy.In, policy.Str("a"), policy.Str("b"))},
		"cursor": {Limit: 3, Cursor: "33"}, "page": {Limit: 3},
	} {
		r, err := bind(tb, &q)
		if err != nil {
			t.Fatal(err)
		}
		c := compileSQL(r, false)
		var a, p, u int
		var detail string
		if err := db.QueryRow("EXPLAIN QUERY PLAN "+c.sql, c.args...).Scan(&a, &p, &u, &detail); err != nil {
			t.Fatal(c.sql, err)
		}
		if !strings.Contains(detail, "USING INDEX") {
			t.Errorf("%s: %s\n%s", name, detail, c.sql)
		}
	}
}
