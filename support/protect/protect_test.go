package protect_test

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"pgregory.net/rapid"

	"github.com/kuayu/kuayu/support/policy"
	"github.com/kuayu/kuayu/support/protect"
)

func mask(t interface{ Fatal(...any) }, rule, s string) string {
	m, err := policy.ParseMask(rule)
	if err != nil {
		t.Fatal(err)
	}
	out, err := protect.Text(m, s)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestText(t *testing.T) {
	for _, c := range []struct{ mask, in, want string }{
		{"name", "张三丰", "张**"},
		{"name", "张三", "张*"},
		{"name", "张", "*"},
		{"name", "", ""},
		{"name", "欧阳修", "欧阳*"},
		{"name", "司马相如", "司马**"},
		{"name", "欧阳", "欧*"},
		{"name", "阿依古丽·买买提", "阿*******"},
		{"name", "John", "J***"},
		{"name", "\xff三", "**"},
		{"name", "𠮷田", "𠮷*"},
		{"id", "340102199001010022", "3401**********0022"},
		{"id", "340102900101002", "340*********002"},
		{"id", "12345678", "12****78"},
		{"id", "1234567", "*******"},
		{"phone", "13812346021", "138****6021"},
		{"phone", "+8613812346021", "+86*******6021"},
		{"phone", "62651234", "******34"},
		{"phone", "12345", "*****"},
		{"phone", "１３８１２３４６０２１", "１３８****６０２１"},
		{"address", "安徽省合肥市蜀山区长江西路8号", "安徽省合肥市蜀山区****"},
		{"address", "合肥市蜀山区", "合肥市蜀山区****"},
		{"address", "上海市浦东新区张江路1号", "上海市浦东新区****"},
		{"address", "上海浦东新区张江路1号", "上海浦东新区****"},
		{"address", "上海市河南南路824号3楼", "上海市****"},
		{"address", "江苏省南通海门市人民路", "江苏省南通海门市****"},
		{"address", "南京东路100号", "****"},
		{"address", "河南中路小区8号", "****"},
		{"address", "人民小区5号", "****"},
		{"address", "上海市金山小区5号", "上海市****"},
		{"address", "黄山市场路3号", "****"},
		{"address", "广东省深圳市南山区粤海街道", "广东省****"},
		{"address", "昆山市花桥镇兆丰路", "昆山市****"},
		{"address", "巢湖市居巢区东风路", "巢湖市居巢区****"},
		{"address", "", ""},
		{"address", "1", "****"},
		{"keep_first:2", "abcdef", "ab****"},
		{"keep_first:2", "ab", "**"},
		{"keep_last:3", "上海市黄浦区", "***黄浦区"},
		{"keep_last:3", "黄浦区", "***"},
	} {
		if got := mask(t, c.mask, c.in); got != c.want {
			t.Errorf("%s %q: %q, want %q", c.mask, c.in, got, c.want)
		}
		if once := mask(t, c.mask, c.in); mask(t, c.mask, once) != once {
			t.Errorf("%s %q: masking twice is not masking once: %q", c.mask, c.in, mask(t, c.mask, once))
		}
	}
	if s, err := protect.Text(policy.Mask{}, "x"); s != "x" || err != nil {
		t.Error(s, err)
	}
	if _, err := protect.Text(policy.Mask{Kind: policy.MaskHash}, "x"); !errors.Is(err, protect.ErrKind) {
		t.Error(err)
	}
}

// Masking never reveals. Values are drawn with every character different from every other and from *, so that a hidden
// character can be looked for by itself.
func TestMaskingNeverReveals(t *testing.T) {
	secret := rapid.SliceOfDistinct(rapid.Rune().Filter(func(r rune) bool { return r != '*' && r != utf8.RuneError }), func(r rune) rune { return r })
	for rule, keeps := range map[string]func(n int) (first, last int){
		"name":         func(int) (int, int) { return 2, 0 },
		"id":           func(int) (int, int) { return 4, 4 },
		"phone":        func(int) (int, int) { return 3, 4 },
		"keep_first:3": func(int) (int, int) { return 3, 0 },
		"keep_last:3":  func(int) (int, int) { return 0, 3 },
	} {
		t.Run(rule, rapid.MakeCheck(func(t *rapid.T) {
			runes := secret.Draw(t, "runes")
			in := string(runes)
			out := []rune(mask(t, rule, in))
			if len(out) != len(runes) {
				t.Fatalf("length %d, was %d", len(out), len(runes))
			}
			first, last := keeps(len(runes))
			stars := 0
			for i, r := range out {
				switch {
				case r == '*':
					stars++
				case i >= first && i < len(out)-last || r != runes[i]:
					t.Fatalf("position %d of %q reveals %q", i, in, r)
				}
			}
			if len(runes) > 0 && stars == 0 {
				t.Fatalf("%q is not masked", in)
			}
			if again := mask(t, rule, string(out)); again != string(out) {
				t.Fatalf("masked twice: %q, once: %q", again, string(out))
			}
		}))
	}
	t.Run("address", rapid.MakeCheck(func(t *rapid.T) {
		known := rapid.SampledFrom([]string{"", "上海市", "安徽省", "安徽省合肥市", "安徽省合肥市蜀山区", "浙江杭州西湖区", "广东省"}).Draw(t, "known")
		rest := rapid.StringOf(rapid.RuneFrom([]rune("路弄号室村镇幢楼小区社园0123456789甲乙丙丁新"))).Draw(t, "rest")
		out := mask(t, "address", known+rest)
		kept, ok := strings.CutSuffix(out, "****")
		if known+rest == "" {
			ok = out == ""
		}
		if !ok || len(kept) > len(known) || !strings.HasPrefix(known, kept) {
			t.Fatalf("%q becomes %q", known+rest, out)
		}
		if mask(t, "address", out) != out {
			t.Fatalf("masked twice: %q", out)
		}
	}))
	t.Run("any bytes", rapid.MakeCheck(func(t *rapid.T) {
		in := string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes"))
		for _, rule := range []string{"name", "id", "phone", "address", "keep_first:1", "keep_last:1"} {
			out := mask(t, rule, in)
			if !utf8.ValidString(out) || in != "" && !strings.Contains(out, "*") {
				t.Fatalf("%s %q: %q", rule, in, out)
			}
		}
	}))
}

var testKey = []byte("0123456789abcdef")

func batch(mem memory.Allocator) (*arrow.Schema, arrow.RecordBatch) {
	meta := arrow.NewMetadata([]string{"k"}, []string{"v"})
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "name", Type: arrow.BinaryTypes.String, Nullable: true},
		{Name: "id", Type: arrow.BinaryTypes.LargeString, Nullable: true},
		{Name: "age", Type: arrow.PrimitiveTypes.Int64},
		{Name: "height", Type: arrow.PrimitiveTypes.Float64, Nullable: true},
		{Name: "note", Type: arrow.BinaryTypes.StringView, Nullable: true},
		{Name: "tags", Type: arrow.ListOf(arrow.BinaryTypes.String), Nullable: true},
	}, &meta)
	b := array.NewRecordBuilder(mem, schema)
	defer b.Release()
	names, ids := b.Field(0).(*array.StringBuilder), b.Field(1).(*array.LargeStringBuilder)
	ages, heights, notes := b.Field(2).(*array.Int64Builder), b.Field(3).(*array.Float64Builder), b.Field(4).(*array.StringViewBuilder)
	tags := b.Field(5).(*array.ListBuilder)
	for i, n := range []string{"张三丰", "", "欧阳修", "李四"} {
		if i == 1 {
			names.AppendNull()
			ids.AppendNull()
			heights.AppendNull()
			notes.AppendNull()
			tags.AppendNull()
		} else {
			names.Append(n)
			ids.Append("340102199001010022")
			heights.Append(1.5)
			notes.Append("一个很长的备注，超过十二个字节")
			tags.Append(true)
			tags.ValueBuilder().(*array.StringBuilder).Append("a")
		}
		ages.Append(42)
	}
	return schema, b.NewRecordBatch()
}

func masks(t *testing.T, rules map[string]string) map[string]policy.Mask {
	t.Helper()
	out := map[string]policy.Mask{}
	for k, v := range rules {
		m, err := policy.ParseMask(v)
		if err != nil {
			t.Fatal(err)
		}
		out[k] = m
	}
	return out
}

func TestApply(t *testing.T) {
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer mem.AssertSize(t, 0)
	schema, rec := batch(mem)
	defer rec.Release()
	m, err := protect.Compile(schema, masks(t, map[string]string{"name": "name", "id": "id", "age": "hash", "note": "keep_first:2", "tags": "null"}), testKey)
	if err != nil {
		t.Fatal(err)
	}
	slice := rec.NewSlice(1, 4) // offsets other than 0
	defer slice.Release()
	for _, in := range []arrow.RecordBatch{rec, slice} {
		out, err := m.Apply(mem, in)
		if err != nil {
			t.Fatal(err)
		}
		off := int(4 - in.NumRows())
		if out.NumRows() != in.NumRows() || !out.Schema().Equal(m.Schema()) || out.Schema().Metadata().Len() != 1 {
			t.Fatal(out.Schema())
		}
		for i := range int(out.NumRows()) {
			for c := range 6 {
				wantNull := c == 5 || c != 2 && i+off == 1
				if out.Column(c).IsNull(i) != wantNull {
					t.Errorf("column %d row %d: null %v", c, i, !wantNull)
				}
			}
		}
		last := int(out.NumRows()) - 1
		names, ids := out.Column(0).(*array.String), out.Column(1).(*array.LargeString)
		if names.Value(last) != "李*" || names.Value(last-1) != "欧阳*" || ids.Value(last) != "3401**********0022" {
			t.Error(out)
		}
		if v := out.Column(4).(*array.String).Value(last); !strings.HasPrefix(v, "一个**") {
			t.Error(v)
		}
		hashes := out.Column(2).(*array.String)
		if h := hashes.Value(0); len(h) != 2*protect.HashBytes || h != hashes.Value(last) {
			t.Error(h)
		}
		if &out.Column(3).Data().Buffers()[1].Bytes()[0] != &in.Column(3).Data().Buffers()[1].Bytes()[0] {
			t.Error("column without a mask was copied")
		}
		out.Release()
	}
}

func TestHash(t *testing.T) {
	mem := memory.NewGoAllocator()
	schema, rec := batch(mem)
	hash := func(key, column string) string {
		m, err := protect.Compile(schema, masks(t, map[string]string{column: "hash"}), []byte(key))
		if err != nil {
			t.Fatal(err)
		}
		out, err := m.Apply(mem, rec)
		if err != nil {
			t.Fatal(err)
		}
		return out.Column(schema.FieldIndices(column)[0]).(*array.String).Value(0)
	}
	const other = "abcdef0123456789"
	for _, c := range []string{"name", "id", "age", "height", "note", "tags"} {
		if a, b := hash(string(testKey), c), hash(other, c); a == b || a != hash(string(testKey), c) {
			t.Errorf("%s: %s %s", c, a, b)
		}
	}
	// RFC 2104 over the text: a fixed value, so that other programs can compute it.
	if h := hash(string(testKey), "age"); h != "8d24a2a526d5f556469db8b6280e3a7b" {
		t.Error(h)
	}
}

func TestCompileRefuses(t *testing.T) {
	mem := memory.NewGoAllocator()
	schema, rec := batch(mem)
	for _, c := range []struct {
		rules map[string]string
		key   []byte
		want  error
	}{
		{map[string]string{"nmae": "name"}, nil, protect.ErrColumn},
		{map[string]string{"nmae": ""}, nil, protect.ErrColumn},
		{map[string]string{"age": "keep_first:1"}, nil, protect.ErrType},
		{map[string]string{"tags": "name"}, nil, protect.ErrType},
		{map[string]string{"name": "hash"}, testKey[:15], protect.ErrKey},
	} {
		if _, err := protect.Compile(schema, masks(t, c.rules), c.key); !errors.Is(err, c.want) {
			t.Errorf("%v: %v", c.rules, err)
		}
	}
	for _, m := range []policy.Mask{{Kind: "blur"}, {Kind: policy.MaskKeepFirst}} {
		if _, err := protect.Compile(schema, map[string]policy.Mask{"name": m}, nil); !errors.Is(err, protect.ErrKind) {
			t.Errorf("%v: %v", m, err)
		}
	}
	m, err := protect.Compile(arrow.NewSchema([]arrow.Field{{Name: "name", Type: arrow.BinaryTypes.String}}, nil), masks(t, map[string]string{"name": "name"}), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Apply(mem, rec); !errors.Is(err, protect.ErrSchema) {
		t.Error(err)
	}
}

// A name that occurs twice is masked twice.
func TestDoubleName(t *testing.T) {
	f := arrow.Field{Name: "n", Type: arrow.BinaryTypes.String}
	schema := arrow.NewSchema([]arrow.Field{f, f}, nil)
	mem := memory.NewGoAllocator()
	b := array.NewRecordBuilder(mem, schema)
	b.Field(0).(*array.StringBuilder).Append("张三")
	b.Field(1).(*array.StringBuilder).Append("张三")
	m, err := protect.Compile(schema, masks(t, map[string]string{"n": "name"}), nil)
	if err != nil {
		t.Fatal(err)
	}
	out, err := m.Apply(mem, b.NewRecordBatch())
	if err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		if v := out.Column(i).(*array.String).Value(0); v != "张*" {
			t.Error(v)
		}
	}
}

func BenchmarkApply(b *testing.B) {
	const rows = 10_000
	mem := memory.NewGoAllocator()
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "name", Type: arrow.BinaryTypes.String},
		{Name: "id", Type: arrow.BinaryTypes.String},
		{Name: "phone", Type: arrow.BinaryTypes.String},
		{Name: "address", Type: arrow.BinaryTypes.String},
	}, nil)
	rb := array.NewRecordBuilder(mem, schema)
	for range rows {
		for i, v := range []string{"张三丰", "340102199001010022", "13812346021", "安徽省合肥市蜀山区长江西路8号"} {
			rb.Field(i).(*array.StringBuilder).Append(v)
		}
	}
	rec := rb.NewRecordBatch()
	for _, rule := range []struct{ column, mask string }{{"name", "name"}, {"id", "id"}, {"phone", "phone"}, {"address", "address"}, {"id", "hash"}, {"id", "null"}, {"all", ""}} {
		b.Run(rule.column+"_"+rule.mask, func(b *testing.B) {
			rules := map[string]policy.Mask{rule.column: {Kind: policy.MaskKind(rule.mask)}}
			if rule.column == "all" {
				rules = map[string]policy.Mask{"name": {Kind: policy.MaskName}, "id": {Kind: policy.MaskID}, "phone": {Kind: policy.MaskPhone}, "address": {Kind: policy.MaskAddress}}
			}
			m, err := protect.Compile(schema, rules, testKey)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				out, err := m.Apply(mem, rec)
				if err != nil {
					b.Fatal(err)
				}
				out.Release()
			}
			b.ReportMetric(float64(b.N)*rows/b.Elapsed().Seconds(), "rows/s")
		})
	}
}
