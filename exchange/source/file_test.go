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

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"golang.org/x/text/encoding/simplifiedchinese"

	"github.com/kuayu/kuayu/internal/columnar"
	"github.com/kuayu/kuayu/support/policy"
)

func write(t testing.TB, name string, b []byte) string {
	t.Helper()
	p := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(p, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

// lines reads a table as NDJSON.
func lines(s Source, table string, q policy.Plan) (string, Report, error) {
	r, err := s.Read(context.Background(), table, q)
	if err != nil {
		return "", Report{}, err
	}
	defer r.Release()
	var b []byte
	for r.Next() {
		b = append(b, columnar.AppendJSONRows(nil, r.RecordBatch(), columnar.Lines)...)
	}
	rep := Report{}
	if x, ok := r.(Reporting); ok {
		rep = x.Report()
	}
	return string(b), rep, r.Err()
}

func TestCSVForms(t *testing.T) {
	gb, err := simplifiedchinese.GB18030.NewEncoder().String("姓名,号码\n张三,1\n𠮷野,2\n")
	if err != nil {
		t.Fatal(err)
	}
	chinese := "{\"姓名\":\"张三\",\"号码\":1}\n{\"姓名\":\"𠮷野\",\"号码\":2}\n"
	u16 := []byte{0xff, 0xfe}
	for _, r := range "姓名,号码\n张三,1\n" {
		u16 = append(u16, byte(r), byte(r>>8))
	}
	for _, c := range []struct{ name, in, want string }{
		{"plain", "a,b\n1,x\n", `{"a":1,"b":"x"}` + "\n"},
		{"no newline at the end", "a,b\n1,x", `{"a":1,"b":"x"}` + "\n"},
		{"crlf and blank lines", "a,b\r\n1,x\r\n\r\n2,y\r\n", `{"a":1,"b":"x"}` + "\n" + `{"a":2,"b":"y"}` + "\n"},
		{"quotes", "a,b\n\"x\"\"y\",\"1,2\n3\"\n", `{"a":"x\"y","b":"1,2\n3"}` + "\n"},
		{"null and empty", "a,b\n,\"\"\n", `{"a":null,"b":""}` + "\n"},
		{"leading zeros stay", "a\n007\n008\n", "{\"a\":\"007\"}\n{\"a\":\"008\"}\n"},
		{"long digits stay", "a\n330106199001011234\n", "{\"a\":\"330106199001011234\"}\n"},
		{"floats", "a\n1\n2.5\n-1e3\n", "{\"a\":1}\n{\"a\":2.5}\n{\"a\":-1000}\n"},
		{"zero and negative", "a\n0\n-7\n", "{\"a\":0}\n{\"a\":-7}\n"},
		{"plus is text", "a\n+1\n", "{\"a\":\"+1\"}\n"},
		{"not a number", "a\nNaN\nInf\n", "{\"a\":\"NaN\"}\n{\"a\":\"Inf\"}\n"},
		{"bool", "a\ntrue\nFALSE\n", "{\"a\":true}\n{\"a\":false}\n"},
		{"date", "a\n2024-02-29\n", "{\"a\":\"2024-02-29\"}\n"},
		{"no date", "a\n2023-02-29\n", "{\"a\":\"2023-02-29\"}\n"},
		{"semicolon", "a;b\n1;2,5\n", `{"a":1,"b":"2,5"}` + "\n"},
		{"one column with null", "a\n1\n\n2\n", "{\"a\":1}\n{\"a\":null}\n{\"a\":2}\n"},
		{"bom", "\xef\xbb\xbfa\n1\n", "{\"a\":1}\n"},
		{"gb18030", gb, chinese},
		{"utf-16", string(u16), "{\"姓名\":\"张三\",\"号码\":1}\n"},
	} {
		s, err := Open(context.Background(), Spec{Kind: KindFile, Location: write(t, "t.csv", []byte(c.in))})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		got, _, err := lines(s, "t", policy.Plan{})
		if err != nil || got != c.want {
			t.Errorf("%s: %v\n got %s\nwant %s", c.name, err, got, c.want)
		}
	}
}

func TestCSVBadRows(t *testing.T) {
	in := "a,b\n1,x\n2\n3,y,z\n4,\"u\"v\n5,\xff\xff\nsix,w\n7,ok\n8," + strings.Repeat("l", 200) + "\n9,end\n"
	spec := Spec{Kind: KindFile, Location: write(t, "t.csv", []byte(in)), MaxFieldBytes: 100, SampleRows: 1, Lenient: true}
	if _, err := Open(context.Background(), spec); !errors.Is(err, ErrEncoding) {
		t.Error("neither UTF-8 nor GB18030:", err)
	}
	in = "\xef\xbb\xbf" + in // a byte order mark says UTF-8, so bad bytes are bad rows
	spec.Location = write(t, "t.csv", []byte(in))
	s := open(t, spec)
	got, rep, err := lines(s, "t", policy.Plan{Project: []string{"a"}})
	if err != nil || got != "{\"a\":1}\n{\"a\":7}\n{\"a\":9}\n" {
		t.Error(err, got)
	}
	want := []Rejection{{3, ReasonShort}, {4, ReasonLong}, {5, ReasonQuote}, {6, ReasonEncoding}, {7, ReasonValue}, {9, ReasonSize}}
	if rep.Rows != 9 || rep.Rejected != 6 || fmt.Sprint(rep.First) != fmt.Sprint(want) {
		t.Errorf("%+v", rep)
	}
	// A page goes on behind the bad rows.
	second := ""
	for range 2 {
		r, err := s.Read(context.Background(), "t", policy.Plan{Project: []string{"a"}, Cursor: second, Limit: 1})
		if err != nil || !r.Next() {
			t.Fatal(err)
		}
		k, _ := r.(Keyed)
		second = k.LastKey()
		r.Release()
	}
	got, _, err = lines(s, "t", policy.Plan{Project: []string{"a"}, Cursor: second, Limit: 1})
	if err != nil || got != "{\"a\":9}\n" {
		t.Error(err, got)
	}
	spec.Lenient = false
	if _, _, err := lines(open(t, spec), "t", policy.Plan{}); !errors.Is(err, ErrBadRow) {
		t.Error(err)
	}
}

func TestCSVBounds(t *testing.T) {
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	_, _ = z.Write([]byte("a,b\n"))
	for range 1000 {
		_, _ = z.Write(bytes.Repeat([]byte("1,2\n"), 1000))
	}
	_ = z.Close()
	s := open(t, Spec{Kind: KindFile, Location: write(t, "t.csv.gz", bomb.Bytes()), MaxFileBytes: 1 << 20})
	if _, _, err := lines(s, "t", policy.Plan{}); !errors.Is(err, ErrTooLarge) {
		t.Error(err)
	}
	for name, c := range map[string]struct {
		spec Spec
		in   string
		want error
	}{
		"columns":        {Spec{MaxColumns: 3}, "a,b,c,d\n", ErrTooLarge},
		"same names":     {Spec{}, "a,a\n", ErrDuplicate},
		"empty name":     {Spec{}, "a,\n", ErrSpec},
		"empty file":     {Spec{}, "", ErrFile},
		"unknown type":   {Spec{Types: map[string]map[string]string{"t": {"a": "money"}}}, "a\n", ErrSpec},
		"unknown key":    {Spec{Key: map[string]string{"t": "k"}}, "a\n", ErrUnknownItem},
		"float as a key": {Spec{Key: map[string]string{"t": "a"}}, "a\n1.5\n", ErrSpec},
	} {
		c.spec.Kind, c.spec.Location = KindFile, write(t, "t.csv", []byte(c.in))
		if _, err := Open(context.Background(), c.spec); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Open(context.Background(), Spec{Kind: KindFile, Location: write(t, "t.csv.gz", []byte("no gzip"))}); !errors.Is(err, ErrFile) {
		t.Error(err)
	}
	if _, err := Open(context.Background(), Spec{Kind: KindFile, Location: write(t, "t.parquet", []byte("PAR1 no parquet PAR1"))}); !errors.Is(err, ErrFile) {
		t.Error(err)
	}
	if _, err := Open(context.Background(), Spec{Kind: KindFile, Location: filepath.Join(t.TempDir(), "none.csv")}); !errors.Is(err, ErrOpen) {
		t.Error(err)
	}
}

func TestFolder(t *testing.T) {
	dir := t.TempDir()
	for n, b := range map[string]string{"a.csv": "x\n1\n", "b.tsv": "x\ty\n1\t2\n", ".hidden.csv": "x\n", "notes.txt": "x"} {
		if err := os.WriteFile(filepath.Join(dir, n), []byte(b), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := open(t, Spec{Kind: KindFile, Location: dir})
	tables, err := s.Discover(context.Background())
	if err != nil || len(tables) != 2 || tables[0].Name != "a" || tables[1].Name != "b" {
		t.Fatal(err, tables)
	}
	if _, _, err := lines(s, "../a", policy.Plan{}); !errors.Is(err, ErrUnknownTable) {
		t.Error(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "a.csv.gz"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Discover(context.Background()); err == nil {
		t.Error("two files of one name")
	}
}

// TestFilePages walks a file larger than a batch, with and without a declared key, and meets every row once.
func TestFilePages(t *testing.T) {
	const n = 50_000
	var b strings.Builder
	b.WriteString("k,v\n")
	for i := range n {
		fmt.Fprintf(&b, "%d,%d\n", (i*7919)%n, i)
	}
	path := write(t, "t.csv", []byte(b.String()))
	for name, spec := range map[string]Spec{"rows": {}, "key": {Key: map[string]string{"t": "k"}}} {
		spec.Kind, spec.Location = KindFile, path
		s := open(t, spec)
		seen := make([]bool, n)
		cursor, total := "", 0
		for pages := 0; pages < 100; pages++ {
			r, err := s.Read(context.Background(), "t", policy.Plan{Project: []string{"k"}, Limit: 9000, Cursor: cursor})
			if err != nil {
				t.Fatal(err)
			}
			got := 0
			for r.Next() {
				a, _ := r.RecordBatch().Column(0).(*array.Int64)
				for i := range a.Len() {
					k := a.Value(i)
					if seen[k] {
						t.Fatal(name, "row again", k)
					}
					seen[k] = true
				}
				got += a.Len()
			}
			if r.Err() != nil {
				t.Fatal(r.Err())
			}
			keyed, _ := r.(Keyed)
			cursor = keyed.LastKey()
			r.Release()
			if total += got; got == 0 {
				break
			}
		}
		if total != n {
			t.Error(name, total)
		}
	}
	s := open(t, Spec{Kind: KindFile, Location: path, Key: map[string]string{"t": "k"}, MaxHeldBytes: 10_000})
	if _, _, err := lines(s, "t", policy.Plan{Group: []string{"k"}, Aggregate: []policy.Aggregate{{Func: policy.Count}}}); !errors.Is(err, ErrTooLarge) {
		t.Error("grouped without bound:", err)
	}
}

func TestParquetTypes(t *testing.T) {
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer mem.AssertSize(t, 0)
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "i8", Type: arrow.PrimitiveTypes.Int8, Nullable: true},
		{Name: "u32", Type: arrow.PrimitiveTypes.Uint32, Nullable: true},
		{Name: "u64", Type: arrow.PrimitiveTypes.Uint64, Nullable: true},
		{Name: "f32", Type: arrow.PrimitiveTypes.Float32, Nullable: true},
		{Name: "ms", Type: arrow.FixedWidthTypes.Timestamp_ms, Nullable: true},
		{Name: "ls", Type: arrow.BinaryTypes.LargeString, Nullable: true},
		{Name: "dec", Type: &arrow.Decimal128Type{Precision: 10, Scale: 2}, Nullable: true},
		{Name: "list", Type: arrow.ListOf(arrow.PrimitiveTypes.Int64), Nullable: true},
		{Name: "dict", Type: &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int32, ValueType: arrow.BinaryTypes.String}, Nullable: true},
		{Name: "bin", Type: arrow.BinaryTypes.Binary, Nullable: true},
	}, nil)
	rec, _, err := array.RecordFromJSON(memory.NewGoAllocator(), schema, strings.NewReader(`[
		{"i8":-3,"u32":4000000000,"u64":18446744073709551615,"f32":0.5,"ms":"2024-01-01T08:00:00.123Z","ls":"张","dec":"1.05","list":[1,2],"dict":"甲","bin":"AQ=="},
		{"i8":null,"u32":null,"u64":null,"f32":null,"ms":null,"ls":null,"dec":null,"list":null,"dict":null,"bin":null},
		{"i8":1,"u32":1,"u64":9,"f32":1,"ms":"2024-01-01T08:00:00.5Z","ls":"b","dec":"-2.50","list":[],"dict":"乙","bin":""}]`))
	if err != nil {
		t.Fatal(err)
	}
	rr, err := array.NewRecordReader(schema, []arrow.RecordBatch{rec})
	if err != nil {
		t.Fatal(err)
	}
	var buf bytes.Buffer
	if err := columnar.WriteParquet(&buf, rr); err != nil {
		t.Fatal(err)
	}
	s := open(t, Spec{Kind: KindFile, Location: write(t, "t.parquet", buf.Bytes()), Allocator: mem})
	got, _, err := lines(s, "t", policy.Plan{Limit: 1})
	want := `{"i8":-3,"u32":4000000000,"u64":"18446744073709551615","f32":0.5,"ms":"2024-01-01T08:00:00.123Z","ls":"张","dec":"1.05","list":"[1,2]","dict":"甲","bin":"AQ=="}` + "\n"
	if err != nil || got != want {
		t.Errorf("%v\n got %s\nwant %s", err, got, want)
	}
	for _, c := range []struct {
		p    *policy.Predicate
		want string
	}{
		{is(policy.Gt, "dec", 1), "-3"},
		{is(policy.Eq, "dec", -2.5), "1"},
		{is(policy.In, "dec", "1.050", 7), "-3"},
		{is(policy.Gt, "u64", 10), "-3"},
		{is(policy.Eq, "dict", "乙"), "1"},
	} {
		got, _, err := lines(s, "t", policy.Plan{Project: []string{"i8"}, Where: c.p})
		if err != nil || got != `{"i8":`+c.want+"}\n" {
			t.Errorf("%v %s", err, got)
		}
	}
	got, _, err = lines(s, "t", policy.Plan{Aggregate: []policy.Aggregate{{Func: policy.Sum, Item: "dec"}, {Func: policy.Avg, Item: "dec"}, {Func: policy.Max, Item: "u64"}}})
	if err != nil || got != `{"sum_dec":"-1.45","avg_dec":-0.725,"max_u64":"18446744073709551615"}`+"\n" {
		t.Error(err, got)
	}
	for i := 0; i < buf.Len(); i += 7 { // a damaged file is an error or an answer
		b := bytes.Clone(buf.Bytes())
		b[i] ^= 0x55
		s, err := Open(context.Background(), Spec{Kind: KindFile, Location: write(t, "t.parquet", b)})
		if err == nil {
			_, _, _ = lines(s, "t", policy.Plan{})
		}
	}
}

func FuzzCSV(f *testing.F) {
	f.Add([]byte("a,b\n1,\"x\"\"y\"\n\"\n\",z\n"), true)
	f.Add([]byte("\xff\xfea\x00\n\x00"), false)
	f.Add(csvText(), true)
	f.Fuzz(func(t *testing.T, b []byte, lenient bool) {
		p := filepath.Join(t.TempDir(), "t.csv")
		if err := os.WriteFile(p, b, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := Open(context.Background(), Spec{Kind: KindFile, Location: p, Lenient: lenient, MaxLineBytes: 4096, MaxFieldBytes: 1024, MaxColumns: 50, SampleRows: 5})
		if err != nil {
			if !known(err) {
				t.Fatal(err)
			}
			return
		}
		r, err := s.Read(context.Background(), "t", policy.Plan{})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Release()
		rows := int64(0)
		for r.Next() {
			rows += r.RecordBatch().NumRows()
			columnar.AppendJSONRows(nil, r.RecordBatch(), columnar.Lines)
		}
		if r.Err() != nil && !known(r.Err()) {
			t.Fatal(r.Err())
		}
		x, _ := r.(Reporting)
		if rep := x.Report(); r.Err() == nil && rep.Rows != rows+rep.Rejected {
			t.Fatal("rows vanished", rep, rows)
		}
	})
}

func BenchmarkCSVScan(b *testing.B) {
	const n = 100_000
	var t strings.Builder
	t.WriteString("id,name,born,score,n,note\n")
	for i := range n {
		fmt.Fprintf(&t, "3301%014d,张三%d,1990-01-01,%d.5,%d,%s\n", i, i, i, i, strings.Repeat("x", 100))
	}
	path := write(b, "t.csv", []byte(t.String()))
	s := open(b, Spec{Kind: KindFile, Location: path})
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		r, err := s.Read(context.Background(), "t", policy.Plan{})
		if err != nil {
			b.Fatal(err)
		}
		for r.Next() {
			continue
		}
		if r.Err() != nil {
			b.Fatal(r.Err())
		}
		r.Release()
	}
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}
