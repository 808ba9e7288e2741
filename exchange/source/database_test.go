package source

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/kuayu/kuayu/internal/dbtest"
	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/support/policy"
)

func TestSQLiteTables(t *testing.T) {
	path := sqliteFile(t,
		`CREATE TABLE nokey(a TEXT, "odd ""name" INT)`, `INSERT INTO nokey VALUES('x',1),('y',2),('z',3)`,
		`CREATE TABLE pair(a INT, b TEXT, v REAL, PRIMARY KEY(a,b)) WITHOUT ROWID`, `INSERT INTO pair VALUES(1,'a',1),(1,'b',2),(2,'a',3),(2,'"]',4)`,
		`CREATE TABLE ints(id INTEGER PRIMARY KEY, rowid_ TEXT)`, `INSERT INTO ints VALUES(-5,'m'),(10,'n'),(9223372036854775807,'o')`,
		`CREATE VIEW seen AS SELECT a, v FROM pair`, `CREATE VIEW once AS SELECT b FROM pair WHERE a=1`,
		`CREATE TABLE bad(id INTEGER PRIMARY KEY, d DATE, n INT, s TEXT, t TIMESTAMP, x BLOB, any)`,
		`INSERT INTO bad VALUES(1,'2024-13-01',1,'a','2024-01-01',x'00ff',1),(2,'2024-01-01','abc','a','yesterday',NULL,'b'),(3,NULL,NULL,CAST(x'ff' AS TEXT),NULL,NULL,2.5)`,
		`CREATE TABLE big(id INTEGER PRIMARY KEY, n INTEGER)`, `INSERT INTO big VALUES(1,9223372036854775807),(2,1)`,
		`CREATE TABLE _rowid_t(_rowid_ TEXT, rowid TEXT)`, `INSERT INTO _rowid_t VALUES('q','r')`)
	s := open(t, Spec{Kind: KindSQLite, Location: path})
	page := func(table string, q policy.Plan) (string, string) {
		t.Helper()
		r, err := s.Read(context.Background(), table, q)
		if err != nil {
			t.Fatal(table, err)
		}
		defer r.Release()
		rows := int64(0)
		for r.Next() {
			rows += r.RecordBatch().NumRows()
		}
		if r.Err() != nil {
			t.Fatal(table, r.Err())
		}
		k, _ := r.(Keyed)
		return k.LastKey(), strings.Repeat("r", int(rows))
	}
	for _, c := range []struct {
		table  string
		limit  int64
		cursor string
		last   string
		rows   string
	}{
		{"nokey", 2, "", "2", "rr"},
		{"nokey", 2, "2", "3", "r"},
		{"pair", 3, "", `["2","\"]"]`, "rrr"},
		{"pair", 3, `["2","\"]"]`, `["2","a"]`, "r"},
		{"pair", 1, `["1","a"]`, `["1","b"]`, "r"},
		{"ints", 1, "-5", "10", "r"},
		{"ints", 0, "10", "9223372036854775807", "r"},
		{"seen", 2, "", "", "rr"},
		{"_rowid_t", 2, "", "1", "r"},
	} {
		if last, rows := page(c.table, policy.Plan{Limit: c.limit, Cursor: c.cursor}); last != c.last || rows != c.rows {
			t.Errorf("%+v: %q %s", c, last, rows)
		}
	}
	for name, c := range map[string]struct {
		table string
		q     policy.Plan
		want  error
	}{
		"cursor of a view":       {"seen", policy.Plan{Cursor: "1"}, ErrNoKey},
		"cursor that is no int":  {"ints", policy.Plan{Cursor: "x"}, ErrCursor},
		"cursor of half a key":   {"pair", policy.Plan{Cursor: `["1"]`}, ErrCursor},
		"cursor that is no JSON": {"pair", policy.Plan{Cursor: `1`}, ErrCursor},
		"bad date":               {"bad", policy.Plan{Project: []string{"d"}}, ErrBadData},
		"bad int":                {"bad", policy.Plan{Project: []string{"n"}}, ErrBadData},
		"bad text":               {"bad", policy.Plan{Project: []string{"s"}}, ErrBadData},
		"bad time":               {"bad", policy.Plan{Project: []string{"t"}}, ErrBadData},
		"overflow":               {"big", policy.Plan{Aggregate: []policy.Aggregate{{Func: policy.Sum, Item: "n"}}}, ErrOverflow},
		"binary compared":        {"bad", policy.Plan{Where: is(policy.Eq, "x", "a")}, ErrValueType},
		"unknown table":          {"sqlite_master", policy.Plan{}, ErrUnknownTable},
	} {
		_, _, err := lines(s, c.table, c.q)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	got, _, err := lines(s, "bad", policy.Plan{Project: []string{"any", "x"}, Where: is(policy.Ge, "any", "1")})
	if err != nil || got != `{"any":"1","x":"AP8="}`+"\n"+`{"any":"b","x":null}`+"\n"+`{"any":"2.5","x":null}`+"\n" {
		t.Error(err, got)
	}
	got, _, err = lines(s, "nokey", policy.Plan{Where: is(policy.Gt, `odd "name`, 2)})
	if err != nil || got != `{"a":"z","odd \"name":3}`+"\n" {
		t.Error(err, got)
	}
	views := open(t, Spec{Kind: KindSQLite, Location: path, Key: map[string]string{"seen": "a"}})
	for _, q := range []policy.Plan{{Limit: 1}, {Limit: 5}, {Cursor: "1"}} {
		if got, _, err := lines(views, "seen", q); !errors.Is(err, ErrKey) {
			t.Error("a view by a key with duplicates:", err, got)
		}
	}
	views = open(t, Spec{Kind: KindSQLite, Location: path, Key: map[string]string{"once": "b"}})
	if got, _, err := lines(views, "once", policy.Plan{Limit: 1}); err != nil || got != `{"b":"a"}`+"\n" {
		t.Error(err, got)
	}
	if got, _, err := lines(views, "once", policy.Plan{Cursor: "a"}); err != nil || got != `{"b":"b"}`+"\n" {
		t.Error(err, got)
	}
}

// TestSQLiteIsReadOnly: neither a file is made nor one changed.
func TestSQLiteIsReadOnly(t *testing.T) {
	if _, err := Open(context.Background(), Spec{Kind: KindSQLite, Location: t.TempDir() + "/none.db"}); !errors.Is(err, ErrOpen) {
		t.Error(err)
	}
	if _, err := Open(context.Background(), Spec{Kind: KindSQLite, Location: write(t, "x.db", []byte(strings.Repeat("no database ", 100)))}); err == nil {
		t.Error("opened what is no database")
	}
	s := open(t, Spec{Kind: KindSQLite, Location: personDB(t, 3)})
	c, err := s.(*sqliteSource).conn(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer s.(*sqliteSource).give(c, false)
	if err := c.all(context.Background(), "DELETE FROM person", nil); err == nil {
		t.Error("a row was deleted")
	}
}

func TestSQLiteAtOnce(t *testing.T) {
	s := open(t, Spec{Kind: KindSQLite, Location: personDB(t, 1000), MaxConns: 2})
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 100 {
				got, _, err := lines(s, "person", point((g*100+i)%1000))
				if err != nil || strings.Count(got, "\n") != 1 {
					t.Error(err, got)
					return
				}
			}
		})
	}
	wg.Wait()
	// All connections in use: the next reader waits, no longer than its context.
	var held []interface{ Release() }
	for range 2 {
		r, err := s.Read(context.Background(), "person", policy.Plan{})
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, r)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if _, err := s.Read(ctx, "person", policy.Plan{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	for _, r := range held {
		r.Release()
	}
	if _, _, err := lines(s, "person", point(1)); err != nil {
		t.Error(err)
	}
}

// TestStatementsAreBounded: more different statements than the cache holds.
func TestStatementsAreBounded(t *testing.T) {
	s := open(t, Spec{Kind: KindSQLite, Location: personDB(t, 3), MaxConns: 1})
	for i := range 3 * stmtsPerConn {
		p := &policy.Predicate{Op: policy.And}
		for j := range 10 {
			op := policy.Ge
			if i>>j&1 == 1 {
				op = policy.Le
			}
			p.Args = append(p.Args, is(op, "n", 1))
		}
		if _, _, err := lines(s, "person", policy.Plan{Where: p}); err != nil {
			t.Fatal(err)
		}
	}
	c, err := s.(*sqliteSource).conn(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if len(c.stmts) > stmtsPerConn || c.lru.Len() != len(c.stmts) {
		t.Error(len(c.stmts), c.lru.Len())
	}
	s.(*sqliteSource).give(c, false)
}

func TestSQLiteScanStops(t *testing.T) {
	s := open(t, Spec{Kind: KindSQLite, Location: personDB(t, 20_000)})
	ctx, cancel := context.WithCancel(context.Background())
	r, err := s.Read(ctx, "person", policy.Plan{})
	if err != nil || !r.Next() {
		t.Fatal(err)
	}
	cancel()
	if r.Next() || !errors.Is(r.Err(), context.Canceled) {
		t.Error("went on", r.Err())
	}
	r.Release()
	if _, _, err := lines(s, "person", point(1)); err != nil {
		t.Error(err)
	}
}

// TestSQLiteInterrupts: a scan that finds one row and then looks long for another ends with its context.
func TestSQLiteInterrupts(t *testing.T) {
	path := sqliteFile(t, `CREATE TABLE n(id INTEGER PRIMARY KEY, a INT)`, `WITH RECURSIVE g(i) AS (SELECT 0 UNION ALL SELECT i+1 FROM g WHERE i<300000) INSERT INTO n SELECT i, i=0 FROM g`)
	s := open(t, Spec{Kind: KindSQLite, Location: path, MaxConns: 1})
	deep := is(policy.Eq, "a", 1)
	slow := &policy.Predicate{Op: policy.Or, Args: []*policy.Predicate{deep}}
	for range 150 { // makes every row dear
		slow.Args = append(slow.Args, is(policy.Eq, "a", 7))
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Millisecond)
	defer cancel()
	r, err := s.Read(ctx, "n", policy.Plan{Where: slow})
	if err == nil {
		for r.Next() {
			continue
		}
		err = r.Err()
		r.Release()
	}
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Error("ran to the end:", err)
	}
	if got, _, err := lines(s, "n", policy.Plan{Where: deep}); err != nil || strings.Count(got, "\n") != 1 {
		t.Error(err, got)
	}
}

// TestMessagesAreSafe: what callers see names no statement, file or driver.
func TestMessagesAreSafe(t *testing.T) {
	for _, spec := range []Spec{
		{Kind: KindPostgres, Location: "postgres://u:secret@127.0.0.1:1/db?connect_timeout=1"},
		{Kind: KindPostgres, Location: "postgres://u:secret@[::"},
		{Kind: KindSQLite, Location: "/secret/x.db"},
		{Kind: KindFile, Location: "/secret/x.csv"},
		{Kind: "secret", Location: "x"},
		{Kind: KindFile},
	} {
		_, err := Open(context.Background(), spec)
		e := errs.As(err)
		if err == nil || strings.Contains(e.Zh+e.En, "secret") || e.Kind == errs.Internal || strings.Contains(e.Zh+e.En, "%!") {
			t.Errorf("%s %s", e.Zh, e.En)
		}
	}
}

func TestPostgresTypes(t *testing.T) {
	dsn := dbtest.Postgres(t)
	ctx := context.Background()
	c, err := pgx.Connect(ctx, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close(ctx) }()
	if _, err := c.Exec(ctx, `
		CREATE DOMAIN idno AS varchar(18);
		CREATE TYPE mood AS ENUM ('b','a');
		CREATE SCHEMA other;
		CREATE TABLE every(id uuid PRIMARY KEY, i2 int2, i4 int4, f4 float4, n numeric(10,2), nn numeric, ts timestamp, tz timestamptz, by bytea, j jsonb, ch char(5), dom idno, m mood, arr int[], "odd ""name" text COLLATE "C");
		INSERT INTO every VALUES
		('11111111-2222-3333-4444-555555555555',-3,7,0.5,1.05,12345678901234567890.5,'2024-01-01 08:00','2024-01-01 08:00+08','\x0102','{"a":1}','ab','3301','a','{1,2}','x'),
		('aaaaaaaa-2222-3333-4444-555555555555',null,null,null,-2.5,7,null,null,null,null,null,null,'b',null,null);
		CREATE TABLE other.pair(a int, b text, v int, PRIMARY KEY(b,a));
		INSERT INTO other.pair VALUES(1,'x',1),(2,'x',2),(1,'乙',3),(1,'A',4),(1,'a',5);
		CREATE VIEW v AS SELECT 1 AS a;
		COMMENT ON TABLE every IS '全部'; COMMENT ON COLUMN every.n IS '数'`); err != nil {
		t.Fatal(err)
	}
	s := open(t, Spec{Kind: KindPostgres, Location: dsn})
	tables, err := s.Discover(ctx)
	if err != nil || len(tables) != 3 || tables[0].Comment != "全部" || tables[0].Columns[4].Comment != "数" || tables[1].Name != "other.pair" {
		t.Fatalf("%v %+v", err, tables)
	}
	got, _, err := lines(s, "every", policy.Plan{Limit: 1})
	want := `{"id":"11111111-2222-3333-4444-555555555555","i2":-3,"i4":7,"f4":0.5,"n":"1.05","nn":"12345678901234567890.5","ts":"2024-01-01T08:00:00Z","tz":"2024-01-01T00:00:00Z","by":"AQI=","j":"{\"a\": 1}","ch":"ab","dom":"3301","m":"a","arr":"{1,2}","odd \"name":"x"}` + "\n"
	if err != nil || got != want {
		t.Errorf("%v\n got %s\nwant %s", err, got, want)
	}
	const first, second = "11111111-2222-3333-4444-555555555555", "aaaaaaaa-2222-3333-4444-555555555555"
	for _, c := range []struct {
		p    *policy.Predicate
		want string
	}{
		{is(policy.Eq, "id", first), first},
		{is(policy.Eq, "id", "no uuid"), ""},
		{is(policy.Gt, "id", first), second},
		{is(policy.Gt, "id", "5"), second},
		{is(policy.In, "id", second, "x"), second},
		{is(policy.In, "id", second), second},
		{is(policy.Prefix, "id", "1111"), first},
		{is(policy.Gt, "n", 1), first},
		{is(policy.Eq, "n", -2.5), second},
		{is(policy.In, "nn", 7, "8"), second},
		{is(policy.Lt, "nn", "12345678901234567890.5"), second},
		{is(policy.Eq, "ts", "2024-01-01T08:00:00Z"), first},
		{is(policy.Eq, "tz", "2024-01-01"), first},
		{is(policy.In, "tz", "2024-01-01"), first},
		{is(policy.Eq, "f4", 0.5), first},
		{is(policy.In, "i2", -3), first},
		{is(policy.Eq, "ch", "ab"), first},
		{is(policy.Eq, "dom", "3301"), first},
		{is(policy.Eq, "m", "b"), second},
		{is(policy.Lt, "m", "b"), first},
		{is(policy.Eq, "j", `{"a": 1}`), first},
		{is(policy.Prefix, `odd "name`, "x"), first},
	} {
		got, _, err := lines(s, "every", policy.Plan{Project: []string{"id"}, Where: c.p})
		want := ""
		if c.want != "" {
			want = `{"id":"` + c.want + "\"}\n"
		}
		if err != nil || got != want {
			b, _ := json.Marshal(c.p)
			t.Errorf("%s: %v %s", b, err, got)
		}
	}
	got, _, err = lines(s, "every", policy.Plan{Project: []string{"i2"}, Cursor: first})
	if err != nil || got != "{\"i2\":null}\n" {
		t.Error(err, got)
	}
	got, _, err = lines(s, "every", policy.Plan{Aggregate: []policy.Aggregate{{Func: policy.Sum, Item: "n"}, {Func: policy.Sum, Item: "nn"}, {Func: policy.Avg, Item: "n"}, {Func: policy.Min, Item: "id"}, {Func: policy.Max, Item: "m"}, {Func: policy.Sum, Item: "i2"}}})
	if err != nil || got != `{"sum_n":"-1.45","sum_nn":"12345678901234567897.5","avg_n":-0.725,"min_id":"`+first+`","max_m":"b","sum_i2":-3}`+"\n" {
		t.Error(err, got)
	}
	got, _, err = lines(s, "every", policy.Plan{Group: []string{"m", "n", "id"}, Aggregate: []policy.Aggregate{{Func: policy.Count}}})
	if err != nil || strings.Count(got, "\n") != 2 || !strings.HasPrefix(got, `{"m":"a"`) {
		t.Error(err, got)
	}
	got, _, err = lines(s, "other.pair", policy.Plan{Project: []string{"v"}, Cursor: `["a","0"]`, Limit: 3})
	if err != nil || strings.Count(got, "\n") != 3 {
		t.Error(err, got)
	}
	for _, q := range []policy.Plan{{Cursor: "no uuid"}, {Cursor: "x", Limit: 1}} {
		if _, _, err := lines(s, "every", q); !errors.Is(err, ErrCursor) {
			t.Error(err)
		}
	}
	if _, _, err := lines(s, "v", policy.Plan{Cursor: "1"}); !errors.Is(err, ErrNoKey) {
		t.Error(err)
	}
	if _, _, err := lines(s, "pg_catalog.pg_class", policy.Plan{}); !errors.Is(err, ErrUnknownTable) {
		t.Error(err)
	}
}

func TestPostgresLargeScan(t *testing.T) {
	dsn := dbtest.Postgres(t)
	ctx := context.Background()
	c, err := pgx.Connect(ctx, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close(ctx) }()
	if _, err := c.Exec(ctx, `CREATE TABLE n(id bigint PRIMARY KEY, s text); INSERT INTO n SELECT i, 'row '||i FROM generate_series(1,100000) i`); err != nil {
		t.Fatal(err)
	}
	s := open(t, Spec{Kind: KindPostgres, Location: dsn, MaxConns: 1})
	for range 3 { // released early: the one connection must come free
		r, err := s.Read(ctx, "n", policy.Plan{})
		if err != nil || !r.Next() {
			t.Fatal(err)
		}
		r.Release()
	}
	r, err := s.Read(ctx, "n", policy.Plan{Limit: 99_999})
	if err != nil {
		t.Fatal(err)
	}
	rows := int64(0)
	for r.Next() {
		rows += r.RecordBatch().NumRows()
	}
	k, _ := r.(Keyed)
	if rows != 99_999 || k.LastKey() != "99999" || r.Err() != nil {
		t.Error(rows, k.LastKey(), r.Err())
	}
	r.Release()
	if _, err := c.Exec(ctx, "DROP TABLE n"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := lines(s, "n", policy.Plan{}); !errors.Is(err, ErrRead) {
		t.Error(err)
	}
}

// FuzzPlanSQL: no plan makes a wrong statement, and none reads or changes what it should not.
func FuzzPlanSQL(f *testing.F) {
	s := open(f, Spec{Kind: KindSQLite, Location: sqlitePeople(f)})
	f.Add([]byte(`{"where":{"op":"eq","item":"name","values":["x' OR '1'='1"]}}`))
	f.Add([]byte(`{"project":["id\" FROM person; DROP TABLE person; --"],"limit":3,"cursor":"' OR 1"}`))
	f.Add([]byte(`{"group":["grp"],"aggregate":[{"func":"sum","item":"age","as":"a\",(SELECT 1)"}]}`))
	f.Add([]byte(`{"where":{"op":"not","args":[{"op":"in","item":"born","values":["2024-01-01","1990-02-28"]}]}}`))
	f.Add([]byte(`{"where":{"op":"or","args":[{"op":"prefix","item":"name","values":["%_\\"]},{"op":"isnull","item":"age"}]}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var q policy.Plan
		if json.Unmarshal(b, &q) != nil {
			return
		}
		got, err := ask(s, q)
		if err != nil {
			if errors.Is(err, ErrRead) || !known(err) {
				t.Fatal(err)
			}
			return
		}
		if len(q.Aggregate) == 0 && len(got.Rows) > len(people) {
			t.Fatal("rows out of nothing")
		}
	})
}
