package catalog

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/encoding/simplifiedchinese"
	"pgregory.net/rapid"

	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/support/policy"
)

// anyText is a text of one line as people write it, trimmed, with what might be taken for something else.
func anyText(t *rapid.T, name string) string {
	s := rapid.StringMatching(`[=+\-@'"]?[\p{Han}A-Za-z0-9，。、“”（）"',=+@#&<> _\-]{1,20}`).Draw(t, name)
	if s = strings.TrimSpace(s); s == "" {
		return "甲"
	}
	return s
}

func anyBasis(t *rapid.T) *LegalBasis {
	return &LegalBasis{
		Instrument: rapid.SampledFrom([]Instrument{Law, Regulation, StateDecision}).Draw(t, "instrument"),
		Name:       anyText(t, "basis"), Article: anyText(t, "article"), Reason: anyText(t, "reason"),
	}
}

// anyResource is a resource that passes its check.
func anyResource(t *rapid.T, n int) Resource {
	r := Resource{
		Code: fmt.Sprintf("330000/%d", n), Name: anyText(t, "name"), Department: deptA, Provider: anyText(t, "provider"), Abstract: anyText(t, "abstract"),
		Format: "oracle", UpdateCycle: rapid.SampledFrom(updateCycles()).Draw(t, "cycle"), Conditions: anyText(t, "conditions"),
		Sharing: rapid.SampledFrom([]Sharing{Unconditional, Conditional, NotShared}).Draw(t, "sharing"),
		Class:   rapid.SampledFrom([]string{"base", "theme", "department"}).Draw(t, "class"), Grade: 4,
		ShareScope: anyText(t, "scope"), UsePurpose: anyText(t, "purpose"), Modes: []policy.Mode{policy.ModeQuery, policy.ModeBatch},
		Secret: rapid.Bool().Draw(t, "secret"), Channel: rapid.SampledFrom([]Channel{"", GovernmentNetwork, Internet, DepartmentNetwork}).Draw(t, "channel"),
	}
	if rapid.Bool().Draw(t, "more") {
		r.FormatClass, r.OriginSystem, r.Related, r.Origins = Database, anyText(t, "system"), []string{"330000/a", "330000/b"}, []string{"甲部门", "乙部门"}
		r.Classification = &Classification{Group: "01", Topic: "002", Detail: "0003"}
		r.ServiceItem = &ServiceItem{Kind: "行政许可", Name: anyText(t, "service"), Basic: "1", Handling: "2", Implementation: "3"}
	}
	if r.Sharing == NotShared {
		r.LegalBasis = anyBasis(t)
	} else if rapid.Bool().Draw(t, "open") {
		r.Openness, r.OpenCondition = OpenConditionally, anyText(t, "open condition")
	}
	for i := range rapid.IntRange(1, 4).Draw(t, "items") {
		it := Item{
			Name: fmt.Sprintf("c%d", i), Title: anyText(t, "title"), Type: rapid.SampledFrom([]string{"C", "N", "D"}).Draw(t, "type"), Length: rapid.IntRange(0, 100).Draw(t, "length"),
			Grade: rapid.IntRange(1, 4).Draw(t, "grade"), Mask: rapid.SampledFrom([]policy.Mask{{}, {Kind: policy.MaskName}, {Kind: policy.MaskKeepFirst, N: 3}}).Draw(t, "mask"),
			Key: rapid.Bool().Draw(t, "key"), Subject: rapid.Bool().Draw(t, "subject"), Personal: rapid.Bool().Draw(t, "personal"), Verify: rapid.Bool().Draw(t, "verify"),
		}
		if r.Sharing != NotShared && rapid.Bool().Draw(t, "item sharing") {
			it.Sharing, it.LegalBasis, it.Element = NotShared, anyBasis(t), "DE001"
		}
		r.Items = append(r.Items, it)
	}
	return r
}

// TestSheetsRoundTrip: what is exported is imported as it was, as CSV, as CSV in GB 18030, and as XLSX.
func TestSheetsRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var es []Dossier
		for n := range rapid.IntRange(1, 3).Draw(t, "entries") {
			r := anyResource(t, n)
			if err := r.Check(); err != nil {
				t.Fatal(err)
			}
			es = append(es, Dossier{Resource: &r, Source: "biz", Table: "t"})
		}
		want, err := json.Marshal(es)
		if err != nil {
			t.Fatal(err)
		}
		var text, book bytes.Buffer
		if err := errors.Join(encodeCSV(&text, writeSheet(es)), encodeXLSX(&book, writeSheet(es))); err != nil {
			t.Fatal(err)
		}
		gb, err := simplifiedchinese.GB18030.NewEncoder().Bytes(bytes.TrimPrefix(text.Bytes(), []byte("\xef\xbb\xbf")))
		if err != nil {
			t.Fatal(err)
		}
		for name, b := range map[string][]byte{"csv": text.Bytes(), "gb18030": gb, "xlsx": book.Bytes()} {
			rows, err := decodeSheet(b)
			if err != nil {
				t.Fatal(name, err)
			}
			ds, f := readSheet(rows, deptA)
			if len(f.list) > 0 {
				t.Fatal(name, f.list)
			}
			var got []Dossier
			for _, d := range ds {
				got = append(got, Dossier{Resource: &d.r, Source: d.m.ID, Table: d.m.Table})
			}
			if b, err := json.Marshal(got); err != nil || string(b) != string(want) {
				t.Fatalf("%s:\n%s\n%s", name, b, want)
			}
		}
	})
}

// csvOf is a sheet of the resources with cells changed: "line:column name" to a value.
func csvOf(t *testing.T, change map[string]string, rs ...Resource) []byte {
	t.Helper()
	var es []Dossier
	for i := range rs {
		es = append(es, Dossier{Resource: &rs[i]})
	}
	rows := writeSheet(es)
	for at, v := range change {
		line, col, _ := strings.Cut(at, ":")
		var n int
		if _, err := fmt.Sscan(line, &n); err != nil {
			t.Fatal(err)
		}
		i := slices.Index(rows[0], col)
		if i < 0 {
			t.Fatalf("no column %s", col)
		}
		rows[n-1][i] = v
	}
	var b bytes.Buffer
	if err := encodeCSV(&b, rows); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestImport: every faulty row is told with its line and column, and nothing is stored unless all rows are good or the
// faulty ones are to be skipped.
func TestImport(t *testing.T) { onBoth(t, testImport) }

func testImport(t *testing.T, s *fixture) {
	ctx := t.Context()
	two := sound("330000/a", "甲信息")
	two.Items = append(two.Items, Item{Name: "name", Title: "名称", Type: "C", Grade: 1})
	good := csvOf(t, nil, two, sound("330000/b", "乙信息"))
	s.publish(sound("330000/p", "已发布"))
	s.draft(sound("330000/s", "已提交"))
	s.assess("330000/s")
	s.must(s.Submit(ctx, officerOf(deptA), "330000/s"))
	foreign := sound("330000/f", "他人条目")
	s.must(s.Save(ctx, officerOf(deptB), foreign, "", ""))
	before := s.rows()
	faulty := csvOf(t, map[string]string{"2:更新周期": "偶尔", "3:资源名称": "丙信息", "3:数据项分级": "x", "4:数据类型": "Z", "5:资源代码": "330000/s", "6:资源代码": "330000/f", "7:数据源": "nowhere"},
		two, sound("330000/b", "乙信息"), sound("330000/c", "丁"), sound("330000/d", "戊"), sound("330000/e", "己"))
	_, err := s.Import(ctx, officerOf(deptA), faulty, false)
	if got := s.refused(err, ErrImport); got != "2:更新周期 3:数据项分级 3:资源名称 3:更新周期 4:数据项 7:数据源 5:资源代码 6:资源代码" {
		t.Errorf("faults: %s", got)
	}
	if after := s.rows(); after != before {
		t.Errorf("a faulty sheet left something:\n%s\n%s", before, after)
	}
	for name, b := range map[string][]byte{
		"empty": nil, "no text": {0, 1, 2}, "utf-16": []byte("\xff\xfea\x00"), "damaged zip": []byte("PK\x03\x04nonsense"), "quotation": []byte("资源代码,数据项\n\"a,b\nc"),
		"too large": bytes.Repeat([]byte("a"), MaxSheet+1), "no such column": []byte("资源代码,数据项,天气\na,b,c\n"), "no code": []byte("数据项\nb\n"), "head only": []byte("资源代码,数据项\n"),
		"column twice": []byte("资源代码,资源代码,数据项\na,a,b\n"), "neither encoding": []byte("\xff\xff\xff,\n"),
	} {
		if _, err := s.Import(ctx, officerOf(deptA), b, true); err == nil || errs.As(err).Kind != errs.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := s.Import(ctx, chiefOf(deptA), good, false); err == nil {
		t.Error("a chief imported")
	}
	if after := s.rows(); after != before {
		t.Errorf("what was refused left something:\n%s\n%s", before, after)
	}
	out, err := s.Import(ctx, officerOf(deptA), good, false)
	if err != nil || out.Rows != 3 || !slices.Equal(out.Entries, []string{"330000/a", "330000/b"}) {
		t.Fatalf("%+v %v", out, err)
	}
	if e := s.must(s.Dossier(ctx, officerOf(deptA).Scope(), "330000/a")); e.State != Draft || len(e.Resource.Items) != 2 {
		t.Errorf("imported: %+v", e)
	}
	// With skip the good ones are stored, the published one as a draft of its next version.
	mixed := csvOf(t, map[string]string{"2:更新周期": "偶尔"}, sound("330000/c", "丙"), sound("330000/p", "已发布，新"), sound("330000/s", "已提交"))
	out, err = s.Import(ctx, officerOf(deptA), mixed, true)
	if err != nil || !slices.Equal(out.Entries, []string{"330000/p"}) || !slices.Equal(out.Skipped, []string{"330000/c", "330000/s"}) || len(out.Faults) != 2 {
		t.Errorf("%+v %v", out, err)
	}
	if e := s.must(s.Dossier(ctx, officerOf(deptA).Scope(), "330000/p")); e.State != Updating || e.InForce != 1 {
		t.Errorf("the published one: %+v", e)
	}
	// The export of a department has its own entries alone, and goes in again.
	var b bytes.Buffer
	if err := s.Export(ctx, officerOf(deptA).Scope(), XLSX, &b); err != nil {
		t.Fatal(err)
	}
	rows, err := decodeSheet(b.Bytes())
	if text := fmt.Sprint(rows); err != nil || len(rows) != 6 || strings.Contains(text, "330000/f") || !strings.Contains(text, "已发布，新") {
		t.Errorf("export: %d rows %v", len(rows), err)
	}
	if err := s.Export(ctx, db.System("test"), "pdf", &b); err == nil {
		t.Error("exported as pdf")
	}
}

// TestSheetBounds: an archive that would unpack to more than a sheet can be is refused before it is unpacked.
func TestSheetBounds(t *testing.T) {
	pack := func(name string, size int) []byte {
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		chunk := make([]byte, 1<<20)
		for range size {
			if _, err := w.Write(chunk); err != nil {
				t.Fatal(err)
			}
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	for name, b := range map[string][]byte{"bomb": pack("[Content_Types].xml", 101), "some archive": pack("readme.txt", 0), "hollow": pack("[Content_Types].xml", 0)} {
		if _, err := decodeSheet(b); !errors.Is(err, ErrSheet) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := decodeSheet([]byte(strings.Repeat("a\n", maxRows+1))); !errors.Is(err, ErrSheet) {
		t.Errorf("too many rows: %v", err)
	}
	// Many faulty rows of one resource are told within a moment, and no more of them than a person reads.
	rows := [][]string{{"资源代码", "数据项", "数据类型"}}
	for range maxRows - 1 {
		rows = append(rows, []string{"330000/x", "a", "Z"})
	}
	if ds, f := readSheet(rows, deptA); len(ds) != 1 || len(f.list) != maxSheetFaults || f.more == 0 {
		t.Errorf("too many items: %d entries, %d faults and %d more", len(ds), len(f.list), f.more)
	}
	if _, err := decodeSheet([]byte(strings.Repeat(",", maxColumns+1))); !errors.Is(err, ErrSheet) {
		t.Errorf("too many columns: %v", err)
	}
}

func FuzzDecodeSheet(f *testing.F) {
	f.Add([]byte("资源代码,数据项\n330000/a,uscc\n"))
	f.Add([]byte("\xef\xbb\xbf资源代码,\"数据\n项\"\n'=1,\n\n"))
	f.Add([]byte("\xd7\xca\xd4\xb4\xb4\xfa\xc2\xeb,x\n"))
	f.Add([]byte("PK\x03\x04"))
	f.Fuzz(func(t *testing.T, b []byte) {
		rows, err := decodeSheet(b)
		if err != nil {
			if !errors.Is(err, ErrSheet) {
				t.Fatalf("an error without a code: %v", err)
			}
			return
		}
		ds, faults := readSheet(rows, deptA)
		for _, d := range ds {
			if !d.bad && d.r.Check() != nil && len(faults.list) == 0 {
				t.Fatalf("a faulty entry passed: %+v", d.r)
			}
		}
	})
}

// TestSheetPage: docs/catalogue-sheet.md names every column.
func TestSheetPage(t *testing.T) {
	page, err := os.ReadFile("../../docs/catalogue-sheet.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range sheetColumns() {
		if !regexp.MustCompile(`(\| |, )` + regexp.QuoteMeta(c.zh) + `( \||, )`).Match(page) {
			t.Errorf("the page does not name the column %s", c.zh)
		}
	}
}
