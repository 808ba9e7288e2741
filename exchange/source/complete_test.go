package source

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/jackc/pgx/v5"

	"github.com/kuayu/kuayu/internal/columnar"
	"github.com/kuayu/kuayu/internal/dbtest"
	"github.com/kuayu/kuayu/support/policy"
)

const (
	manyRows = 200_000
	pageRows = 9_000
	heirs    = 100
)

// city is a key with five hundred values, null in every fourth row.
func city(i int) (string, bool) { return fmt.Sprintf("城%03d", i%500), i%4 != 3 }

func manyText() []byte {
	var b bytes.Buffer
	b.WriteString("\ufeffn,id,city,note\n")
	for i := range manyRows {
		c, _ := city(i)
		if i%4 == 3 {
			c = ""
		}
		fmt.Fprintf(&b, "%d,id%06d,%s,\"第 %d\n行\"\n", i, (i*7919)%manyRows, c, i)
	}
	return b.Bytes()
}

func manyParquet(t *testing.T, path string) {
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	schema := arrow.NewSchema([]arrow.Field{{Name: "n", Type: kInt.arrow()}, {Name: "id", Type: kText.arrow()}, {Name: "city", Type: kText.arrow(), Nullable: true}}, nil)
	var recs []arrow.RecordBatch
	b := columnar.NewBuilder(schema)
	for i := range manyRows {
		b.Column(0).Int64(int64(i))
		b.Column(1).String(fmt.Sprintf("id%06d", (i*7919)%manyRows))
		if c, ok := city(i); ok {
			b.Column(2).String(c)
		} else {
			b.Column(2).Null()
		}
		if (i+1)%5_000 == 0 {
			recs = append(recs, b.FinishRows(5_000))
		}
	}
	rr, err := array.NewRecordReader(schema, recs)
	if err != nil {
		t.Fatal(err)
	}
	if err := columnar.WriteParquet(f, rr); err != nil {
		t.Fatal(err)
	}
}

const manySQL = `WITH RECURSIVE g(i) AS (SELECT 0 UNION ALL SELECT i+1 FROM g WHERE i<%d)
 INSERT INTO %s SELECT i, printf('id%%06d',(i*7919)%%%%%d), CASE WHEN i%%%%4=3 THEN NULL ELSE printf('城%%03d',i%%%%500) END FROM g`

func manySQLite(t *testing.T) string {
	into := func(table string) string {
		return strings.ReplaceAll(fmt.Sprintf(manySQL, manyRows-1, table, manyRows), "%%", "%")
	}
	return sqliteFile(t,
		`CREATE TABLE uniq(n INTEGER, id TEXT PRIMARY KEY NOT NULL, city TEXT)`, into("uniq"),
		`CREATE TABLE nullpk(n INTEGER, id TEXT, city TEXT PRIMARY KEY)`,
		`INSERT INTO nullpk SELECT n, id, CASE WHEN n%4=3 THEN NULL ELSE id END FROM uniq`,
		`CREATE TABLE dup(n INTEGER, id TEXT, city TEXT)`, `INSERT INTO dup SELECT * FROM uniq`,
		`CREATE TABLE pair(n INTEGER NOT NULL, id TEXT, city TEXT NOT NULL, PRIMARY KEY(city, n)) WITHOUT ROWID`, `INSERT INTO pair SELECT n, id, ifnull(city,'') FROM uniq`,
		`CREATE VIEW good AS SELECT * FROM uniq`, `CREATE VIEW bad AS SELECT * FROM uniq`)
}

func manyPostgres(t *testing.T) string {
	dsn := dbtest.Postgres(t)
	exec(t, dsn,
		fmt.Sprintf(`CREATE TABLE uniq(n int, id text PRIMARY KEY, city text); INSERT INTO uniq SELECT i, 'id'||lpad(((i::int8*7919)%%%[1]d)::text,6,'0'), CASE WHEN i%%4=3 THEN NULL ELSE '城'||lpad((i%%500)::text,3,'0') END FROM generate_series(0,%[1]d-1) i`, manyRows),
		`CREATE TABLE dup AS SELECT * FROM uniq`,
		`CREATE MATERIALIZED VIEW mat AS SELECT * FROM uniq`,
		`CREATE TABLE fixed(n int, id char(10) PRIMARY KEY, city text); INSERT INTO fixed SELECT * FROM uniq`,
		`CREATE TABLE pair(n int, id text, city text, PRIMARY KEY(city, n)); INSERT INTO pair SELECT n, id, coalesce(city,'') FROM uniq`,
		`CREATE TABLE nullkey(n int, id text, city text UNIQUE); INSERT INTO nullkey SELECT n, id, CASE WHEN n%4=3 THEN NULL ELSE id END FROM uniq`,
		`CREATE TABLE parts(n int, id text, city text) PARTITION BY RANGE (n); CREATE TABLE parts1 PARTITION OF parts FOR VALUES FROM (0) TO (70000); CREATE TABLE parts2 PARTITION OF parts FOR VALUES FROM (70000) TO (10000000); INSERT INTO parts SELECT * FROM uniq`,
		`CREATE TABLE heir() INHERITS (uniq); INSERT INTO heir SELECT n+1000000, id, city FROM uniq WHERE n < 100`,
		`CREATE VIEW good AS SELECT * FROM dup`, `CREATE VIEW bad AS SELECT * FROM dup`,
		`ANALYZE`)
	return dsn
}

func exec(t *testing.T, dsn string, stmts ...string) {
	t.Helper()
	ctx := context.Background()
	c, err := pgx.Connect(ctx, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close(ctx) }()
	for _, s := range stmts {
		if _, err := c.Exec(ctx, s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// pages reads a table page by page and counts its rows.
func pages(t *testing.T, s Source, table string, where *policy.Predicate, limit int64) (seen map[int64]int, err error) {
	t.Helper()
	seen = map[int64]int{}
	cursor := ""
	for {
		r, err := s.Read(context.Background(), table, policy.Plan{Project: []string{"n"}, Where: where, Limit: limit, Cursor: cursor})
		if err != nil {
			return seen, err
		}
		got := int64(0)
		for r.Next() {
			a, _ := r.RecordBatch().Column(0).(*array.Int64)
			for i := range a.Len() {
				seen[a.Value(i)]++
			}
			got += int64(a.Len())
		}
		k, _ := r.(Keyed)
		cursor, err = k.LastKey(), r.Err()
		r.Release()
		if err != nil {
			return seen, err
		}
		if limit == 0 || got < limit {
			return seen, nil
		}
		if got > limit || cursor == "" {
			t.Fatalf("%s: %d rows, cursor %q", table, got, cursor)
		}
	}
}

// TestCompleteReads: whatever the key of a table, reading it whole or by pages gives each row once, or an error.
func TestCompleteReads(t *testing.T) {
	dir := t.TempDir()
	text := manyText()
	var gz bytes.Buffer
	z := gzip.NewWriter(&gz)
	_, _ = z.Write(text)
	_ = z.Close()
	for name, b := range map[string][]byte{"plain.csv": text, "packed.csv.gz": gz.Bytes()} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	manyParquet(t, filepath.Join(dir, "table.parquet"))
	key := map[string]string{"plain": "city", "packed": "city", "table": "city", "dup": "city", "mat": "city", "parts": "city", "nullkey": "city", "good": "id", "bad": "city"}
	sources := map[string]Spec{
		"files":  {Kind: KindFile, Location: dir, Key: map[string]string{"plain": "city", "packed": "id", "table": "city"}},
		"sqlite": {Kind: KindSQLite, Location: manySQLite(t), Key: key},
	}
	if dbtest.Present() {
		sources["postgres"] = Spec{Kind: KindPostgres, Location: manyPostgres(t), Key: key}
	}
	for kind, spec := range sources {
		s := open(t, spec)
		tables, err := s.Discover(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		for _, table := range tables {
			t.Run(kind+"/"+table.Name, func(t *testing.T) { complete(t, s, kind, &table) })
		}
		if err := CheckKeys(context.Background(), s, tables); kind != "files" && !errors.Is(err, ErrKey) {
			t.Errorf("%s: a key with duplicates and nulls: %v", kind, err)
		}
	}
}

func complete(t *testing.T, s Source, kind string, table *Table) {
	for _, limit := range []int64{0, pageRows, manyRows / 4, manyRows} {
		began := time.Now()
		seen, err := pages(t, s, table.Name, nil, limit)
		if table.Name == "bad" && limit > 0 {
			if !errors.Is(err, ErrKey) {
				t.Errorf("a page by a key with duplicates: %v", err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		for n, times := range seen {
			if times != 1 {
				t.Fatalf("row %d came %d times", n, times)
			}
		}
		want := manyRows
		switch {
		case table.Name == "heir":
			want = heirs
		case table.Name == "uniq" && kind == KindPostgres: // those of the table that inherits from it, too
			want += heirs
		}
		if len(seen) != want {
			t.Fatalf("%d rows of %d by pages of %d", len(seen), want, limit)
		}
		t.Logf("pages of %d: %v", limit, time.Since(began).Round(time.Millisecond))
	}
	if table.Name == "bad" || table.Name == "heir" {
		return
	}
	if seen, err := pages(t, s, table.Name, is(policy.Lt, "n", 1000), 97); err != nil || len(seen) != 1000 {
		t.Errorf("%d rows of 1000 where filtered: %v", len(seen), err)
	}
}

// TestReplacedFile: a page of another version of the file is refused, as the rows before it may be others.
func TestReplacedFile(t *testing.T) {
	path := write(t, "t.csv", []byte("n\n1\n2\n3\n"))
	s := open(t, Spec{Kind: KindFile, Location: path})
	r, err := s.Read(context.Background(), "t", policy.Plan{Limit: 1})
	if err != nil || !r.Next() {
		t.Fatal(err)
	}
	k, _ := r.(Keyed)
	last := k.LastKey()
	r.Release()
	if got, _, err := lines(s, "t", policy.Plan{Cursor: last}); err != nil || strings.Count(got, "\n") != 2 {
		t.Error(got, err)
	}
	if err := os.WriteFile(path, []byte("n\n0\n1\n2\n3\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := lines(s, "t", policy.Plan{Cursor: last}); !errors.Is(err, ErrCursor) {
		t.Error(err)
	}
}

// TestEmptyTextAsKey: an empty text, which comes first, is a place like any other.
func TestEmptyTextAsKey(t *testing.T) {
	path := sqliteFile(t, `CREATE TABLE t(n INTEGER, k TEXT PRIMARY KEY NOT NULL)`, `INSERT INTO t VALUES(1,''),(2,'[1]'),(3,'b')`)
	if seen, err := pages(t, open(t, Spec{Kind: KindSQLite, Location: path}), "t", nil, 1); err != nil || len(seen) != 3 {
		t.Error(seen, err)
	}
}

// TestPostgresPlans: what is asked for by key, and each page, is found by an index, whatever the collation.
func TestPostgresPlans(t *testing.T) {
	dbtest.Available(t)
	dsn := dbtest.Postgres(t)
	exec(t, dsn, `CREATE TABLE t(id text COLLATE "und-x-icu" PRIMARY KEY, c char(18) COLLATE "und-x-icu" UNIQUE NOT NULL, n int)`,
		`INSERT INTO t SELECT 'id'||i, 'c'||i, i FROM generate_series(1,50000) i`, `ANALYZE t`)
	s := open(t, Spec{Kind: KindPostgres, Location: dsn})
	src, _ := s.(*pgSource)
	tb, err := src.table("t")
	if err != nil {
		t.Fatal(err)
	}
	for name, q := range map[string]policy.Plan{
		"eq": {Where: is(policy.Eq, "id", "id77")}, "in": {Where: is(policy.In, "id", "id77", "id78")}, "page": {Limit: 10}, "cursor": {Limit: 10, Cursor: "id77"},
		"eq char": {Where: is(policy.Eq, "c", "c77")}, "in char": {Where: is(policy.In, "c", "c77", "c78")},
	} {
		r, err := bind(tb, &q)
		if err != nil {
			t.Fatal(err)
		}
		c := compileSQL(r, true)
		rows, err := src.pool.Query(context.Background(), "EXPLAIN "+c.sql, c.args...)
		if err != nil {
			t.Fatal(err)
		}
		plan, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		if text := strings.Join(plan, "\n"); !strings.Contains(text, "Index") || strings.Contains(text, "Sort") || strings.Contains(text, "Seq Scan") {
			t.Errorf("%s: %s\n%s", name, text, c.sql)
		}
	}
	if got, _, err := lines(s, "t", policy.Plan{Project: []string{"n"}, Where: is(policy.Eq, "c", "c77  ")}); err != nil || got != "" {
		t.Error("blanks at the end of a char(n):", got, err)
	}
}
