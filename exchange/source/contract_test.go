package source

import (
	"bytes"
	"compress/gzip"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"sort"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"

	"github.com/kuayu/kuayu/internal/columnar"
	"github.com/kuayu/kuayu/internal/dbtest"
	"github.com/kuayu/kuayu/support/policy"
)

// The contract: every kind of source gives the same answer to the same plan over these rows.

var people = [][]any{
	// id, name, age, score, active, born, seen, grp
	{"p01", "张三", int64(34), 1.5, true, "1990-02-28", "2024-01-01T08:00:00Z", "甲"},
	{"p02", "李四", int64(-5), -2.25, false, "2000-01-01", "2024-01-01T08:00:00.123456Z", "乙"},
	{"p03", "", int64(0), 0.0, true, "1969-12-31", "1969-12-31T23:59:59Z", ""},
	{"p04", nil, nil, nil, nil, nil, nil, nil},
	{"p05", "张三丰", int64(100), 1e10, false, "1900-03-01", "2020-02-29T00:00:00Z", "甲"},
	{"p06", "Zhang_San%", int64(34), 0.1, true, "2024-02-29", "2024-01-01T08:00:00Z", "A"},
	{"p07", "zhang", int64(7), 0.2, nil, "1990-02-28", nil, "a"},
	{"p08", "it's \"quoted\", a\nb\\", int64(-100), -0.3, false, "9999-12-31", "2024-06-30T23:59:59.999999Z", "甲"},
	{"p09", "O'Hara; DROP TABLE person--", int64(99), 3.5, true, nil, "2024-01-01T00:00:00Z", nil},
	{"p10", "王五", nil, 1.5, true, "1990-03-01", "2023-12-31T16:00:00Z", "乙"},
	{"p11", "ｗｉｄｅ 𠮷野", int64(34), nil, false, "0001-01-01", "2024-01-01T08:00:00Z", "𠮷"},
	{"p12", " ", int64(9), 2.0, true, "1970-01-01", "1970-01-01T00:00:00Z", " "},
	{"p13", "张", int64(123456789012345), 100.0, false, "1970-01-02", "2038-01-19T03:14:08Z", "a"},
}

var items = []string{"id", "name", "age", "score", "active", "born", "seen", "grp"}

// order of insertion: not by key.
var shuffled = []int{7, 2, 12, 0, 5, 9, 3, 11, 1, 8, 4, 10, 6}

func implementations(t testing.TB, mem memory.Allocator) map[string]Source {
	t.Helper()
	key := map[string]string{"person": "id"}
	types := map[string]map[string]string{"person": {"seen": "timestamp"}}
	dir := t.TempDir()
	file := func(name string, b []byte) string {
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return p
	}
	text := csvText()
	var gz bytes.Buffer
	z := gzip.NewWriter(&gz)
	_, _ = z.Write(text)
	_ = z.Close()
	m := map[string]Source{
		"sqlite":  open(t, Spec{Kind: KindSQLite, Location: sqlitePeople(t)}),
		"csv":     open(t, Spec{Kind: KindFile, Location: file("person.csv", text), Key: key, Types: types}),
		"csv.gz":  open(t, Spec{Kind: KindFile, Location: file("person.csv.gz", gz.Bytes()), Key: key, Types: types}),
		"parquet": open(t, Spec{Kind: KindFile, Location: file("person.parquet", parquetPeople(t)), Key: key, Allocator: mem}),
	}
	if dsn := postgresPeople(t); dsn != "" {
		m["postgres"] = open(t, Spec{Kind: KindPostgres, Location: dsn})
	}
	return m
}

func csvText() []byte {
	var b strings.Builder
	b.WriteString("\ufeff" + strings.Join(items, ",") + "\r\n")
	for _, i := range shuffled {
		for j, v := range people[i] {
			if j > 0 {
				b.WriteByte(',')
			}
			switch x := v.(type) {
			case nil:
			case string:
				b.WriteString(`"` + strings.ReplaceAll(x, `"`, `""`) + `"`)
			default:
				fmt.Fprint(&b, x)
			}
		}
		b.WriteString("\r\n")
	}
	return []byte(b.String())
}

func sqlitePeople(t testing.TB) string {
	path := sqliteFile(t, `CREATE TABLE person(id TEXT PRIMARY KEY, name VARCHAR(80), age INTEGER, score DOUBLE, active BOOLEAN, born DATE, seen TIMESTAMP, grp TEXT COLLATE NOCASE)`)
	db, err := sql.Open("sqlite", "file:"+strings.ReplaceAll(path, "?", "%3f"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	for _, i := range shuffled {
		if _, err := db.Exec(`INSERT INTO person VALUES(?,?,?,?,?,?,?,?)`, people[i]...); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

func postgresPeople(t testing.TB) string {
	dsn := ""
	if tt, ok := t.(*testing.T); ok {
		// A machine without PostgreSQL still runs the rest of the suite.
		if !tt.Run("postgres server", func(t *testing.T) { dbtest.Available(t) }) {
			t.FailNow()
		}
		if !dbtest.Present() {
			return ""
		}
	}
	dsn = dbtest.Postgres(t)
	ctx := context.Background()
	c, err := pgx.Connect(ctx, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close(ctx) }()
	if _, err := c.Exec(ctx, `CREATE TABLE person(id varchar(20) PRIMARY KEY, name text, age bigint, score float8, active bool, born date, seen timestamptz, grp text);
		COMMENT ON TABLE person IS '人员'; COMMENT ON COLUMN person.name IS '姓名'`); err != nil {
		t.Fatal(err)
	}
	for _, i := range shuffled {
		if _, err := c.Exec(ctx, `INSERT INTO person VALUES($1,$2,$3,$4,$5,$6::text::date,$7::text::timestamptz,$8)`, people[i]...); err != nil {
			t.Fatal(err)
		}
	}
	return dsn
}

func parquetPeople(t testing.TB) []byte {
	kinds := []kind{kText, kText, kInt, kFloat, kBool, kDate, kTime, kText}
	f := make([]arrow.Field, len(items))
	for i, n := range items {
		f[i] = arrow.Field{Name: n, Type: kinds[i].arrow(), Nullable: true}
	}
	b := columnar.NewBuilder(arrow.NewSchema(f, nil))
	for _, i := range shuffled {
		for j, v := range people[i] {
			c := b.Column(j)
			switch x := v.(type) {
			case nil:
				c.Null()
			case string:
				putText(c, kinds[j], []byte(x))
			case int64:
				c.Int64(x)
			case float64:
				c.Float64(x)
			case bool:
				c.Bool(x)
			}
		}
	}
	rec := b.Finish()
	rr, err := array.NewRecordReader(rec.Schema(), []arrow.RecordBatch{rec})
	if err != nil {
		t.Fatal(err)
	}
	var buf bytes.Buffer
	if err := columnar.WriteParquet(&buf, rr); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// answer is what a read gave: rows as JSON values.
type answer struct {
	Names []string
	Types []string
	Rows  [][]any
	Last  string
}

func ask(s Source, q policy.Plan) (answer, error) {
	var a answer
	r, err := s.Read(context.Background(), "person", q)
	if err != nil {
		return a, err
	}
	defer r.Release()
	for _, f := range r.Schema().Fields() {
		a.Names, a.Types = append(a.Names, f.Name), append(a.Types, f.Type.String())
	}
	for r.Next() {
		rec := r.RecordBatch()
		if rec.NumRows() > BatchRows {
			return a, fmt.Errorf("batch of %d rows", rec.NumRows())
		}
		for _, l := range bytes.Split(bytes.TrimSpace(columnar.AppendJSONRows(nil, rec, columnar.Lines)), []byte("\n")) {
			d := json.NewDecoder(bytes.NewReader(l))
			d.UseNumber()
			var m map[string]any
			if err := d.Decode(&m); err != nil {
				return a, err
			}
			row := make([]any, len(a.Names))
			for i, n := range a.Names {
				row[i] = m[n]
			}
			a.Rows = append(a.Rows, row)
		}
	}
	k, _ := r.(Keyed)
	a.Last = k.LastKey()
	return a, r.Err()
}

// same compares answers; floats may differ in the last digits, as sums are made in different orders.
func same(a, b answer, ordered bool) error {
	if !reflect.DeepEqual(a.Names, b.Names) || !reflect.DeepEqual(a.Types, b.Types) {
		return fmt.Errorf("schema %v %v, not %v %v", a.Names, a.Types, b.Names, b.Types)
	}
	if a.Last != b.Last {
		return fmt.Errorf("last key %q, not %q", a.Last, b.Last)
	}
	if len(a.Rows) != len(b.Rows) {
		return fmt.Errorf("%d rows, not %d: %v; %v", len(a.Rows), len(b.Rows), a.Rows, b.Rows)
	}
	ra, rb := a.Rows, b.Rows
	if !ordered {
		for _, r := range []*[][]any{&ra, &rb} {
			c := append([][]any(nil), *r...)
			sort.Slice(c, func(i, j int) bool { return fmt.Sprint(c[i]) < fmt.Sprint(c[j]) })
			*r = c
		}
	}
	for i := range ra {
		for j := range ra[i] {
			if !sameValue(ra[i][j], rb[i][j]) {
				return fmt.Errorf("row %d, %s: %v, not %v", i, a.Names[j], ra[i][j], rb[i][j])
			}
		}
	}
	return nil
}

func sameValue(x, y any) bool {
	if reflect.DeepEqual(x, y) {
		return true
	}
	nx, ok1 := x.(json.Number)
	ny, ok2 := y.(json.Number)
	if !ok1 || !ok2 || (!strings.ContainsAny(string(nx), ".e") && !strings.ContainsAny(string(ny), ".e")) {
		return false
	}
	fx, _ := nx.Float64()
	fy, _ := ny.Float64()
	return math.Abs(fx-fy) <= 1e-9*math.Max(1, math.Max(math.Abs(fx), math.Abs(fy)))
}

func vals(v ...any) []policy.Value {
	out := make([]policy.Value, len(v))
	for i, x := range v {
		switch y := x.(type) {
		case string:
			out[i] = policy.Str(y)
		case int:
			out[i] = policy.IntOf(int64(y))
		case float64:
			out[i] = policy.Value{Kind: policy.Float, F: y}
		case bool:
			out[i] = policy.Value{Kind: policy.Bool, B: y}
		}
	}
	return out
}

func is(op policy.Op, item string, v ...any) *policy.Predicate {
	return &policy.Predicate{Op: op, Item: item, Values: vals(v...)}
}

func not(p *policy.Predicate) *policy.Predicate {
	return &policy.Predicate{Op: policy.Not, Args: []*policy.Predicate{p}}
}

func any2(op policy.Op, a ...*policy.Predicate) *policy.Predicate {
	return &policy.Predicate{Op: op, Args: a}
}

func TestContract(t *testing.T) {
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	impls := implementations(t, mem)
	ids := func(q policy.Plan) policy.Plan { q.Project = []string{"id"}; return q }
	where := func(p *policy.Predicate) policy.Plan { return ids(policy.Plan{Where: p}) }
	agg := func(f policy.AggFunc, item string) policy.Aggregate { return policy.Aggregate{Func: f, Item: item} }
	cases := []struct {
		name string
		q    policy.Plan
		want string // rows as JSON; ids alone for a projection of id
		last string
	}{
		{"eq text", where(is(policy.Eq, "name", "张三")), `p01`, ""},
		{"ne leaves null out", where(is(policy.Ne, "age", 34)), `p02 p03 p05 p07 p08 p09 p12 p13`, ""},
		{"not keeps unknown out", where(not(is(policy.Gt, "age", 0))), `p02 p03 p08`, ""},
		{"in", where(is(policy.In, "age", 34, 7, 1000)), `p01 p06 p07 p11`, ""},
		{"not in", where(not(is(policy.In, "grp", "甲", "乙", "a"))), `p03 p06 p11 p12`, ""},
		{"prefix", where(is(policy.Prefix, "name", "张三")), `p01 p05`, ""},
		{"prefix minds case", where(is(policy.Prefix, "name", "Z")), `p06`, ""},
		{"prefix has no wildcard", where(is(policy.Prefix, "name", "%")), ``, ""},
		{"prefix underscore", where(is(policy.Prefix, "name", "Zhang_")), `p06`, ""},
		{"empty prefix", where(is(policy.Prefix, "name", "")), `p01 p02 p03 p05 p06 p07 p08 p09 p10 p11 p12 p13`, ""},
		{"eq minds case", where(is(policy.Eq, "grp", "a")), `p07 p13`, ""},
		{"empty text is no null", where(is(policy.Eq, "grp", "")), `p03`, ""},
		{"isnull", where(is(policy.IsNull, "grp")), `p04 p09`, ""},
		{"text is ordered by bytes", where(is(policy.Lt, "grp", "a")), `p03 p06 p12`, ""},
		{"dates", where(is(policy.Lt, "born", "1970-01-01")), `p03 p05 p11`, ""},
		{"times", where(is(policy.Ge, "seen", "2024-01-01T16:00:00+08:00")), `p01 p02 p06 p08 p11 p13`, ""},
		{"time eq", where(is(policy.Eq, "seen", "2024-01-01T08:00:00.123456Z")), `p02`, ""},
		{"bool", where(is(policy.Eq, "active", false)), `p02 p05 p08 p11 p13`, ""},
		{"int against float column", where(is(policy.Eq, "score", 2)), `p12`, ""},
		{"whole float against int column", where(is(policy.Eq, "age", 7.0)), `p07`, ""},
		{"unknown or true", where(any2(policy.Or, is(policy.Eq, "age", 1), is(policy.IsNull, "age"))), `p04 p10`, ""},
		{"page", ids(policy.Plan{Limit: 3}), `p01 p02 p03`, "p03"},
		{"next page", ids(policy.Plan{Limit: 3, Cursor: "p03"}), `p04 p05 p06`, "p06"},
		{"rest", ids(policy.Plan{Cursor: "p11"}), `p12 p13`, "p13"},
		{"behind the end", ids(policy.Plan{Cursor: "p13", Limit: 5}), ``, ""},
		{"filtered page", ids(policy.Plan{Where: is(policy.Eq, "age", 34), Limit: 2, Cursor: "p01"}), `p06 p11`, "p11"},
		{"key not projected", policy.Plan{Project: []string{"age"}, Limit: 2}, `[[34],[-5]]`, "p02"},
		{"key not projected, one row", policy.Plan{Project: []string{"age"}, Limit: 1}, `[[34]]`, "p01"},
		{"key behind", policy.Plan{Project: []string{"age", "id"}, Limit: 1}, `[[34,"p01"]]`, "p01"}, // the same SQL as above
		{"count", policy.Plan{Aggregate: []policy.Aggregate{{Func: policy.Count}, agg(policy.Count, "age")}}, `[[13,11]]`, ""},
		{"aggregates over nothing", policy.Plan{Where: is(policy.Eq, "id", "none"), Aggregate: []policy.Aggregate{{Func: policy.Count}, agg(policy.Sum, "age"), agg(policy.Max, "name")}}, `[[0,null,null]]`, ""},
		{"numbers", policy.Plan{Where: is(policy.Lt, "age", 1000), Aggregate: []policy.Aggregate{agg(policy.Min, "age"), agg(policy.Max, "age"), agg(policy.Sum, "age"), agg(policy.Avg, "age"), agg(policy.Min, "score")}}, `[[-100,100,212,21.2,-2.25]]`, ""},
		{"min and max of others", policy.Plan{Aggregate: []policy.Aggregate{agg(policy.Min, "name"), agg(policy.Max, "name"), agg(policy.Min, "born"), agg(policy.Max, "seen")}}, `[["","ｗｉｄｅ 𠮷野","0001-01-01","2038-01-19T03:14:08Z"]]`, ""},
		{"groups", policy.Plan{Group: []string{"grp"}, Aggregate: []policy.Aggregate{{Func: policy.Count, As: "n"}}}, `[[null,2],["",1],[" ",1],["A",1],["a",2],["乙",2],["甲",3],["𠮷",1]]`, ""},
		{"groups limited", policy.Plan{Group: []string{"active"}, Limit: 2, Aggregate: []policy.Aggregate{agg(policy.Sum, "age")}}, `[[null,7],[false,123456789012374]]`, ""},
		{"group by date", policy.Plan{Group: []string{"born"}, Where: is(policy.Le, "born", "1969-12-31"), Aggregate: []policy.Aggregate{{Func: policy.Count}}}, `[["0001-01-01",1],["1900-03-01",1],["1969-12-31",1]]`, ""},
		{"group by time", policy.Plan{Group: []string{"seen"}, Where: is(policy.Eq, "seen", "2024-01-01T08:00:00Z"), Aggregate: []policy.Aggregate{{Func: policy.Count}}}, `[["2024-01-01T08:00:00Z",3]]`, ""},
	}
	refused := []struct {
		name string
		q    policy.Plan
		want error
	}{
		{"unknown item", policy.Plan{Project: []string{"x"}}, ErrUnknownItem},
		{"unknown item in where", where(is(policy.Eq, `id" OR 1=1 --`, "x")), ErrUnknownItem},
		{"case of items counts", policy.Plan{Project: []string{"ID"}}, ErrUnknownItem},
		{"text for int", where(is(policy.Eq, "age", "34")), ErrValueType},
		{"int for text", where(is(policy.Eq, "name", 1)), ErrValueType},
		{"bad date", where(is(policy.Eq, "born", "2023-02-29")), ErrValueType},
		{"half an int", where(is(policy.Eq, "age", 1.5)), ErrValueType},
		{"NUL", where(is(policy.Eq, "name", "a\x00")), ErrValueType},
		{"not UTF-8", where(is(policy.Eq, "name", "\xff")), ErrValueType},
		{"prefix of a number", where(is(policy.Prefix, "age", "3")), ErrValueType},
		{"sum of text", policy.Plan{Aggregate: []policy.Aggregate{agg(policy.Sum, "name")}}, ErrAggregate},
		{"twice", policy.Plan{Project: []string{"id", "id"}}, ErrDuplicate},
		{"shape", policy.Plan{Limit: -1}, policy.ErrPlan},
		{"cursor of an aggregate", policy.Plan{Cursor: "a", Aggregate: []policy.Aggregate{{Func: policy.Count}}}, ErrCursor},
		{"NUL in cursor", policy.Plan{Cursor: "a\x00"}, ErrCursor},
	}
	for name, s := range impls {
		t.Run(name, func(t *testing.T) {
			for _, c := range cases {
				if isFile(s) && (c.q.Cursor != "" || (c.last != "" && c.q.Limit > 0)) {
					continue // a file is paged in its own order: TestCompleteReads
				}
				got, err := ask(s, c.q)
				if err != nil {
					t.Errorf("%s: %v", c.name, err)
					continue
				}
				var text string
				if len(c.q.Project) == 1 && c.q.Project[0] == "id" {
					var l []string
					for _, r := range got.Rows {
						l = append(l, fmt.Sprint(r[0]))
					}
					if c.q.Limit == 0 && c.q.Cursor == "" {
						sort.Strings(l)
					}
					text = strings.Join(l, " ")
				} else {
					b, _ := json.Marshal(got.Rows)
					text = string(b)
				}
				if text != c.want || (got.Last != c.last && !isFile(s)) {
					t.Errorf("%s:\n got %s last %q\nwant %s last %q", c.name, text, got.Last, c.want, c.last)
				}
			}
			for _, c := range refused {
				if _, err := ask(s, c.q); !errors.Is(err, c.want) {
					t.Errorf("%s: %v, not %v", c.name, err, c.want)
				}
			}
			if _, err := s.Read(context.Background(), "person\"", policy.Plan{}); !errors.Is(err, ErrUnknownTable) {
				t.Error(err)
			}
			discovered(t, s)
			cancelled(t, s)
			again(t, s)
		})
	}
	if t.Failed() {
		return
	}
	t.Run("agree", func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			q := planGen().Draw(t, "plan")
			ref, refErr := ask(impls["sqlite"], q)
			for name, s := range impls {
				if isFile(s) && (q.Cursor != "" || (q.Limit > 0 && len(q.Aggregate) == 0)) {
					continue
				}
				got, err := ask(s, q)
				b, _ := json.Marshal(q)
				if (err == nil) != (refErr == nil) || (err != nil && !errors.Is(err, refErr) && err.Error() != refErr.Error()) {
					t.Fatalf("%s: %v, sqlite: %v\n%s", name, err, refErr, b)
				}
				if err != nil {
					continue
				}
				if isFile(s) {
					got.Last = ref.Last
				}
				if e := same(got, ref, q.Limit > 0 || q.Cursor != "" || len(q.Aggregate) > 0); e != nil {
					t.Fatalf("%s differs from sqlite: %v\n%s", name, e, b)
				}
			}
		})
	})
	mem.AssertSize(t, 0)
}

func isFile(s Source) bool { _, ok := s.(*fileSource); return ok }

func discovered(t *testing.T, s Source) {
	t.Helper()
	tables, err := s.Discover(context.Background())
	if err != nil || len(tables) != 1 || tables[0].Name != "person" || !reflect.DeepEqual(tables[0].Key, []string{"id"}) {
		t.Fatalf("%v %+v", err, tables)
	}
	want := []kind{kText, kText, kInt, kFloat, kBool, kDate, kTime, kText}
	for i, c := range tables[0].Columns {
		if c.Name != items[i] || !arrow.TypeEqual(c.Type, want[i].arrow()) {
			t.Errorf("column %s %v", c.Name, c.Type)
		}
	}
	rec, err := s.Sample(context.Background(), "person", 4)
	if err != nil || rec.NumRows() != 4 || rec.NumCols() != int64(len(items)) {
		t.Fatal(err, rec)
	}
	rec.Release()
}

func cancelled(t *testing.T, s Source) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	r, err := s.Read(ctx, "person", policy.Plan{})
	if err == nil {
		for r.Next() {
			continue
		}
		err = r.Err()
		r.Release()
	}
	if !errors.Is(err, context.Canceled) || !errors.Is(err, ErrStopped) {
		t.Error("cancelled read:", err)
	}
}

// again checks that readers given back early free what they hold: more of them than connections.
func again(t *testing.T, s Source) {
	t.Helper()
	for range 20 {
		r, err := s.Read(context.Background(), "person", policy.Plan{})
		if err != nil {
			t.Fatal(err)
		}
		r.Next()
		r.Release()
	}
}

func planGen() *rapid.Generator[policy.Plan] {
	return rapid.Custom(func(t *rapid.T) policy.Plan {
		var q policy.Plan
		if rapid.Bool().Draw(t, "where") {
			q.Where = predicate(t, 3)
		}
		if rapid.IntRange(0, 3).Draw(t, "form") == 0 {
			q.Group = rapid.SliceOfNDistinct(rapid.SampledFrom(items), 0, 3, rapid.ID[string]).Draw(t, "group")
			q.Aggregate = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) policy.Aggregate {
				return policy.Aggregate{Func: rapid.SampledFrom([]policy.AggFunc{policy.Count, policy.Sum, policy.Min, policy.Max, policy.Avg}).Draw(t, "func"), Item: rapid.SampledFrom(items).Draw(t, "item")}
			}), 1, 3).Draw(t, "aggs")
		} else {
			q.Project = rapid.SliceOfNDistinct(rapid.SampledFrom(items), 0, 4, rapid.ID[string]).Draw(t, "project")
			if rapid.Bool().Draw(t, "resume") {
				q.Cursor = rapid.SampledFrom([]string{"", "p02", "p055", "p12", "p"}).Draw(t, "cursor")
			}
		}
		q.Limit = rapid.SampledFrom([]int64{0, 0, 1, 2, 5, 100}).Draw(t, "limit")
		return q
	})
}

func predicate(t *rapid.T, depth int) *policy.Predicate {
	if depth > 0 && rapid.IntRange(0, 2).Draw(t, "deeper") == 0 {
		op := rapid.SampledFrom([]policy.Op{policy.And, policy.Or, policy.Not}).Draw(t, "op")
		n := 1
		if op != policy.Not {
			n = rapid.IntRange(1, 3).Draw(t, "n")
		}
		p := &policy.Predicate{Op: op}
		for range n {
			p.Args = append(p.Args, predicate(t, depth-1))
		}
		return p
	}
	i := rapid.IntRange(0, len(items)-1).Draw(t, "item")
	op := rapid.SampledFrom([]policy.Op{policy.Eq, policy.Ne, policy.Lt, policy.Le, policy.Gt, policy.Ge, policy.In, policy.Prefix, policy.IsNull}).Draw(t, "op")
	p := &policy.Predicate{Op: op, Item: items[i]}
	switch op {
	case policy.IsNull:
		return p
	case policy.Prefix:
		s, _ := value(t, i).Any().(string)
		if r := []rune(s); len(r) > 0 {
			s = string(r[:rapid.IntRange(0, len(r)).Draw(t, "cut")])
		}
		p.Values = vals(s)
		return p
	case policy.In:
		for range rapid.IntRange(1, 4).Draw(t, "n") {
			p.Values = append(p.Values, value(t, i))
		}
		return p
	default:
		p.Values = []policy.Value{value(t, i)}
		return p
	}
}

// value draws one of the column's own values mostly, else another one.
func value(t *rapid.T, col int) policy.Value {
	if rapid.IntRange(0, 9).Draw(t, "odd") == 0 {
		return rapid.SampledFrom(vals("", "x' OR '1'='1", "%", 0, -1, 1.5, true, "2024-01-01", "\U0001F600")).Draw(t, "v")
	}
	v := people[rapid.IntRange(0, len(people)-1).Draw(t, "row")][col]
	switch x := v.(type) {
	case string:
		return policy.Str(x)
	case int64:
		return policy.IntOf(x)
	case float64:
		return policy.Value{Kind: policy.Float, F: x}
	case bool:
		return policy.Value{Kind: policy.Bool, B: x}
	}
	return policy.Str("")
}
