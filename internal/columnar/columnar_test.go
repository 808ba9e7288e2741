package columnar

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"testing"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

func sample() arrow.RecordBatch {
	s := arrow.NewSchema([]arrow.Field{
		{Name: "姓名", Type: arrow.BinaryTypes.String, Nullable: true},
		{Name: "i", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
		{Name: "f", Type: arrow.PrimitiveTypes.Float64, Nullable: true},
		{Name: "b", Type: arrow.FixedWidthTypes.Boolean, Nullable: true},
		{Name: "d", Type: arrow.FixedWidthTypes.Date32, Nullable: true},
		{Name: "t", Type: arrow.FixedWidthTypes.Timestamp_us, Nullable: true},
		{Name: "n", Type: &arrow.Decimal128Type{Precision: 10, Scale: 2}, Nullable: true},
		{Name: "x", Type: arrow.BinaryTypes.Binary, Nullable: true},
	}, nil)
	b := NewBuilder(s)
	for i := range 20 {
		if i%3 == 2 {
			for j := range s.NumFields() {
				b.Column(j).Null()
			}
			continue
		}
		b.Column(0).String("张\"三\n" + string(rune('a'+i)))
		b.Column(1).Int64(math.MaxInt64 - int64(i))
		b.Column(2).Float64(1.5 * float64(i))
		b.Column(3).Bool(i%2 == 1)
		b.Column(4).Int32(int32(i))
		b.Column(5).Int64(int64(i) * 1_000_000)
		b.Column(6).Decimal(decimal128.FromI64(int64(i*100 + 5)))
		b.Column(7).Bytes([]byte{byte(i)})
	}
	return b.Finish()
}

func TestJSONRows(t *testing.T) {
	rec := sample()
	defer rec.Release()
	var out bytes.Buffer
	if err := WriteJSONRows(&out, rec, Lines); err != nil {
		t.Fatal(err)
	}
	lines := bytes.Split(bytes.TrimSpace(out.Bytes()), []byte("\n"))
	want := `{"姓名":"张\"三\nb","i":9223372036854775806,"f":1.5,"b":true,"d":"1970-01-02","t":"1970-01-01T00:00:01Z","n":"1.05","x":"AQ=="}`
	if len(lines) != 20 || string(lines[1]) != want {
		t.Fatalf("got  %s\nwant %s", lines[1], want)
	}
	if string(lines[2]) != `{"姓名":null,"i":null,"f":null,"b":null,"d":null,"t":null,"n":null,"x":null}` {
		t.Fatal(string(lines[2]))
	}
	arr := append(append([]byte("["), AppendJSONRows(nil, rec, Elements)...), ']')
	var rows []map[string]any
	if err := json.Unmarshal(arr, &rows); err != nil || len(rows) != 20 {
		t.Fatal(err)
	}
}

func TestIPCRoundTrip(t *testing.T) {
	rec := sample()
	defer rec.Release()
	b, err := EncodeBatch(rec)
	if err != nil {
		t.Fatal(err)
	}
	_, recs, err := Decode(b, Limits{})
	if err != nil || len(recs) != 1 || !array.RecordEqual(rec, recs[0]) {
		t.Fatal("differs", err)
	}
	releaseAll(recs)
	enc, err := NewStreamEncoder(rec.Schema())
	if err != nil {
		t.Fatal(err)
	}
	fast, err := enc.Append(nil, rec)
	if err != nil || !bytes.Equal(fast, b) {
		t.Fatal("the fast path makes other bytes", err)
	}
	if _, _, err := Decode(b, Limits{MaxRows: 5}); !errors.Is(err, ErrTooLarge) {
		t.Fatal(err)
	}
	if _, _, err := Decode(b, Limits{MaxBytes: 700}); err == nil {
		t.Fatal("too many bytes accepted")
	}
	for i := range b { // any damage is an error or an answer, never a panic
		c := bytes.Clone(b)
		c[i] ^= 0xff
		d, err := NewDecoder(bytes.NewReader(c), Limits{MaxBytes: 1 << 20})
		if err != nil {
			continue
		}
		for d.Next() {
			AppendJSONRows(nil, d.RecordBatch(), Lines)
		}
		d.Release()
	}
}

func TestParquetRoundTrip(t *testing.T) {
	rec := sample()
	defer rec.Release()
	rr, err := array.NewRecordReader(rec.Schema(), []arrow.RecordBatch{rec})
	if err != nil {
		t.Fatal(err)
	}
	defer rr.Release()
	var buf bytes.Buffer
	if err := WriteParquet(&buf, rr); err != nil {
		t.Fatal(err)
	}
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer mem.AssertSize(t, 0)
	recs, err := ReadParquet(context.Background(), bytes.NewReader(buf.Bytes()), mem, 100)
	if err != nil || len(recs) != 1 || !array.RecordEqual(rec, recs[0]) {
		t.Fatal("differs", err)
	}
	releaseAll(recs)
	if _, err := ReadParquet(context.Background(), bytes.NewReader(buf.Bytes()), mem, 10); !errors.Is(err, ErrTooLarge) {
		t.Fatal(err)
	}
}

func FuzzIPCDecode(f *testing.F) {
	rec := sample()
	b, err := EncodeBatch(rec)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add(b[:len(b)/2])
	f.Fuzz(func(_ *testing.T, b []byte) {
		_, recs, err := Decode(b, Limits{MaxBytes: 1 << 20, MaxRows: 10_000})
		if err != nil {
			return
		}
		for _, r := range recs {
			AppendJSONRows(nil, r, Lines)
		}
		releaseAll(recs)
	})
}

func FuzzJSONString(f *testing.F) {
	f.Add("a\"\\\x00\xff张\u2028")
	f.Fuzz(func(t *testing.T, s string) {
		var back string
		out := AppendJSONString(nil, s)
		if err := json.Unmarshal(out, &back); err != nil || !utf8.Valid(out) {
			t.Fatal(err)
		}
		if utf8.ValidString(s) && back != s {
			t.Fatalf("%q became %q", s, back)
		}
	})
}

func BenchmarkEncodeOneRow(b *testing.B) {
	rec := sample()
	one := rec.NewSlice(0, 1)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := EncodeBatch(one); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkStreamEncoder(b *testing.B) {
	rec := sample()
	one := rec.NewSlice(0, 1)
	enc, err := NewStreamEncoder(rec.Schema())
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	buf := make([]byte, 0, 8192)
	for b.Loop() {
		if buf, err = enc.Append(buf[:0], one); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkJSONRows(b *testing.B) {
	rec := sample()
	b.ReportAllocs()
	buf := make([]byte, 0, 1<<16)
	for b.Loop() {
		buf = AppendJSONRows(buf[:0], rec, Elements)
	}
	b.ReportMetric(20*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}
