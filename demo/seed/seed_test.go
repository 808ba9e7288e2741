package seed_test

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kuayu/kuayu/demo/seed"
	"github.com/kuayu/kuayu/support/standard"
)

// dataFile opens a file of the folder of real registrations, which may not be part of the repository.
func dataFile(t testing.TB, name string) *os.File {
	t.Helper()
	dir := os.Getenv("KUAYU_DATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "data")
	}
	f, err := os.Open(filepath.Join(dir, name))
	if errors.Is(err, os.ErrNotExist) {
		t.Skipf("the real registrations are not here (KUAYU_DATA): no %s", name)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

var provinces = []string{"31", "32", "33", "34"}

func TestInspectRealRegistrations(t *testing.T) {
	var all seed.Report
	start := time.Now()
	for _, p := range provinces {
		r, err := seed.InspectEnterprises(dataFile(t, "enterprise_"+p+".csv.gz"))
		if err != nil {
			t.Fatal(err)
		}
		all.Add(r)
	}
	took := time.Since(start)
	t.Logf("%.0f rows/s\n%s", float64(all.Rows)/took.Seconds(), all.String())
	for _, c := range []struct {
		what      string
		got, want int64
	}{
		{"rows", all.Rows, 518_032},
		{"codes that pass", all.Passing(), 509_998},
		{"of another length", all.Faults[standard.BadLength], 7_930},
		{"lower case", all.Faults[standard.BadLowercase], 91},
		{"wrong check", all.Faults[standard.BadCheck], 13},
		{"organisation code", all.Faults[standard.BadOrgCheck], 12},
		{"other characters", all.Faults[standard.BadAlphabet], 0},
		{"shifted", all.Shifted, 25},
		{"malformed", all.Malformed, 1},
		{"duplicates", all.Duplicates, 93},
	} {
		if c.got != c.want {
			t.Errorf("%s: %d, want %d", c.what, c.got, c.want)
		}
	}
	var sum int64
	for _, n := range all.Faults {
		sum += n
	}
	if sum != all.Rows {
		t.Errorf("%d faults for %d rows", sum, all.Rows)
	}
	if d := all.DivisionInForce + all.DivisionAbolished + all.DivisionStatistics + all.DivisionUnknown + all.DivisionElsewhere; d != all.Passing() {
		t.Errorf("%d divisions for %d codes", d, all.Passing())
	}
}

// What changes in a file changes in the report, and nothing else.
func TestInspectFollowsChanges(t *testing.T) {
	z, err := gzip.NewReader(dataFile(t, "enterprise_sample.csv.gz"))
	if err != nil {
		t.Fatal(err)
	}
	rows, err := readAll(z)
	if err != nil {
		t.Fatal(err)
	}
	before := inspectRows(t, rows)
	changed := slices.Clone(rows)
	const flips, cuts, lowers, letters, moves, doubles = 7, 5, 3, 4, 2, 6
	want := map[string]int64{}
	done := 0
	for i := 1; i < len(rows) && done < flips+cuts+lowers+letters+moves+doubles; i += 37 {
		row := slices.Clone(rows[i])
		code := row[1]
		if f, _ := standard.CheckUSCC(code); f != standard.OK || len(row) != 10 {
			continue
		}
		switch {
		case done < flips: // a digit of the division: only the check character notices
			d := byte('1')
			if code[7] == '1' {
				d = '2'
			}
			row[1] = code[:7] + string(d) + code[8:]
			want["check"]++
		case done < flips+cuts:
			row[1] = code[:17]
			want["length"]++
		case done < flips+cuts+lowers:
			row[1] = code[:8] + "m" + code[9:]
			want["lowercase"]++
		case done < flips+cuts+lowers+letters:
			row[1] = code[:8] + "O" + code[9:]
			want["alphabet"]++
		case done < flips+cuts+lowers+letters+moves:
			row[7], row[8] = row[8], "N/A" // one cell to the left
			want["shifted"]++
		default:
			row = slices.Clone(rows[i-1])
			if f, _ := standard.CheckUSCC(row[1]); f != standard.OK {
				continue
			}
			want["duplicate"]++
		}
		changed[i] = row
		done++
	}
	file := filepath.Join(t.TempDir(), "changed.csv.gz")
	writeGzip(t, file, encode(t, changed))
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // only read
	after, err := seed.InspectEnterprises(f)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int64{}
	for fault := range standard.NumFaults {
		if d := after.Faults[fault] - before.Faults[fault]; d != 0 && fault != standard.OK {
			got[fault.String()] = d
		}
	}
	got["shifted"], got["duplicate"] = after.Shifted-before.Shifted, after.Duplicates-before.Duplicates
	if fmt.Sprint(got) != fmt.Sprint(want) || done != flips+cuts+lowers+letters+moves+doubles {
		t.Errorf("changed by %v, want %v", got, want)
	}
	if d := before.Passing() - after.Passing(); d != flips+cuts+lowers+letters {
		t.Errorf("%d fewer pass", d)
	}
	if after.Rows != before.Rows || after.Malformed != before.Malformed {
		t.Errorf("%d rows, %d malformed", after.Rows, after.Malformed)
	}
}

func readAll(r io.Reader) ([][]string, error) {
	in := csv.NewReader(r)
	in.FieldsPerRecord = -1
	return in.ReadAll()
}

func encode(t testing.TB, rows [][]string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	if err := w.WriteAll(rows); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func inspectRows(t testing.TB, rows [][]string) seed.Report {
	t.Helper()
	r, err := seed.InspectEnterprises(bytes.NewReader(encode(t, rows)))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func writeGzip(t testing.TB, file string, b []byte) {
	t.Helper()
	if err := os.WriteFile(file, compress(t, b), 0o600); err != nil {
		t.Fatal(err)
	}
}

func compress(t testing.TB, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	if _, err := z.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// The generator puts in what Dirt says, and the inspection finds it.
func TestGeneratedEnterprises(t *testing.T) {
	for _, p := range provinces {
		for _, n := range []int{0, 1, 50, 1000, 20_000} {
			for _, s := range []uint64{1, 2} {
				var b bytes.Buffer
				if err := seed.WriteEnterprises(&b, p, n, s); err != nil {
					t.Fatal(err)
				}
				var again bytes.Buffer
				if err := seed.WriteEnterprises(&again, p, n, s); err != nil || !bytes.Equal(b.Bytes(), again.Bytes()) {
					t.Fatal("not the same twice", err)
				}
				r, err := seed.InspectEnterprises(&b)
				if err != nil {
					t.Fatal(err)
				}
				d := seed.Dirt(p, n)
				for _, c := range []struct {
					what string
					got  int64
					want int
				}{
					{"rows", r.Rows, n},
					{"length", r.Faults[standard.BadLength], d.Digits15 + d.Digits13 + d.Digits11},
					{"lower", r.Faults[standard.BadLowercase], d.Lowercase},
					{"check", r.Faults[standard.BadCheck], d.Check},
					{"org", r.Faults[standard.BadOrgCheck], d.OrgCheck},
					{"alphabet", r.Faults[standard.BadAlphabet], 0},
					{"duplicates", r.Duplicates, d.Duplicate},
					{"malformed", r.Malformed, d.Malformed},
					{"shifted", r.Shifted, d.Shifted + d.Malformed},
					{"unknown division", r.DivisionUnknown + r.DivisionElsewhere + r.DivisionStatistics, 0},
					{"dates", r.BadDates, 0},
				} {
					if c.got != int64(c.want) {
						t.Errorf("%s %d seed %d: %s %d, want %d", p, n, s, c.what, c.got, c.want)
					}
				}
				if n == 20_000 {
					share := func(c int64) float64 { return float64(c) / float64(n) }
					if share(r.DivisionAbolished) < 0.02 || share(r.DivisionAbolished) > 0.12 || share(r.Missing[3]) < 0.8 || len(r.Units) < 6 || r.HalfWidth == 0 || r.FullWidth == 0 {
						t.Errorf("%s: not like the registers\n%s", p, r.String())
					}
				}
			}
		}
	}
}

func TestGeneratedPersons(t *testing.T) {
	divisions, at := standard.BuiltinDivisions(), time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, p := range provinces {
		seen := map[string]bool{}
		women := 0
		const n = 5000
		if err := seed.Persons(p, n, 7, func(row []string) error {
			id, err := standard.ParseCitizenID(row[1])
			if err != nil {
				return err
			}
			if f, err := id.Check(divisions, at); f != standard.OK {
				return err
			}
			if seen[row[1]] {
				t.Error("twice")
			}
			seen[row[1]] = true
			// Never a county: that is what makes every number one that nobody has.
			if l := id.Division().Level(); l != standard.City && l != standard.Province {
				t.Errorf("division %s", id.Division())
			}
			sex := map[standard.Sex]string{standard.Male: "男", standard.Female: "女"}[id.Sex()]
			if sex == "女" {
				women++
			}
			if row[0] == "" || row[2] != sex || row[3] != id.Birth().Format(time.DateOnly) || len(row[4]) != 11 || !strings.HasPrefix(row[4], "164") || !strings.HasSuffix(id.Division().Province().String(), "0000") || row[5] == "" {
				t.Errorf("%v", row)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if len(seen) != n || women < n*2/5 || women > n*3/5 {
			t.Errorf("%s: %d persons, %d women", p, len(seen), women)
		}
	}
	var a, b bytes.Buffer
	if seed.WritePersons(&a, "31", 100, 1) != nil || seed.WritePersons(&b, "31", 100, 2) != nil || a.String() == b.String() {
		t.Error("the seed does nothing")
	}
}

func TestGeneratorsRefuse(t *testing.T) {
	none := func([]string) error { return nil }
	for _, gen := range []func(string, int, uint64, func([]string) error) error{seed.Enterprises, seed.Persons} {
		if err := gen("35", 1, 1, none); !errors.Is(err, seed.ErrProvince) {
			t.Error(err)
		}
		if err := gen("31", -1, 1, none); !errors.Is(err, seed.ErrCount) {
			t.Error(err)
		}
		stop := errors.New("stop")
		if err := gen("31", 10, 1, func([]string) error { return stop }); !errors.Is(err, stop) {
			t.Error(err)
		}
	}
}

func TestRealDataSets(t *testing.T) {
	for _, c := range []struct {
		open func() (io.ReadCloser, error)
		of   func(string) (io.ReadCloser, error)
		rows int
		by   []int
	}{
		{seed.OpenEpidemic, seed.OpenEpidemicOf, 21_466, []int{6244, 4746, 4740, 5736}},
		{seed.OpenClinics, seed.OpenClinicsOf, 983, []int{110, 537, 336, 0}},
	} {
		count := func(r io.ReadCloser, err error) int {
			if err != nil {
				t.Fatal(err)
			}
			rows, err := readAll(r)
			if err != nil {
				t.Fatal(err)
			}
			return len(rows) - 1
		}
		if n := count(c.open()); n != c.rows {
			t.Errorf("%d rows", n)
		}
		for i, p := range provinces {
			if n := count(c.of(p)); n != c.by[i] {
				t.Errorf("%s: %d rows", p, n)
			}
		}
		if _, err := c.of("11"); !errors.Is(err, seed.ErrProvince) {
			t.Error(err)
		}
	}
}

func TestInspectRefuses(t *testing.T) {
	head := strings.Join(seed.EnterpriseColumns(), ",") + "\n"
	for name, c := range map[string]struct {
		in   []byte
		want error
	}{
		"empty":        {nil, seed.ErrHeader},
		"other header": {[]byte("a,b\n"), seed.ErrHeader},
		"cut gzip":     {compress(t, bytes.Repeat([]byte(head), 1000))[:60], seed.ErrHeader},
		"no gzip":      {[]byte{0x1f, 0x8b, 0}, seed.ErrInput},
		"long record":  {[]byte(head + strings.Repeat("x", 2<<20)), seed.ErrInput},
		"open quote":   {[]byte(head + "\"" + strings.Repeat("x\n", 1<<20)), seed.ErrInput},
		"many quotes":  {[]byte(head + "\"" + strings.Repeat("\"\"\n", 1<<16)), seed.ErrInput},
	} {
		_, err := seed.InspectEnterprises(bytes.NewReader(c.in))
		if name == "cut gzip" && errors.Is(err, seed.ErrInput) {
			continue
		}
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// A cut-off stream is an error, and the report holds what came before.
	whole := compress(t, []byte(head+strings.Repeat("a,b,c,d,e,f,g,上海,i,j\n", 200_000)))
	r, err := seed.InspectEnterprises(bytes.NewReader(whole[:len(whole)-20]))
	if !errors.Is(err, seed.ErrInput) || r.Rows == 0 {
		t.Errorf("%d rows, %v", r.Rows, err)
	}
}

func TestReportLines(t *testing.T) {
	var r seed.Report
	seen := map[string]bool{}
	for _, l := range r.Lines() {
		if l.Key == "" || l.Zh == "" || l.En == "" || seen[l.Key] {
			t.Errorf("%+v", l)
		}
		seen[l.Key] = true
	}
	if lines := strings.Count(r.String(), "\n"); lines != len(r.Lines()) {
		t.Error(lines)
	}
}

func BenchmarkInspect(b *testing.B) {
	var file bytes.Buffer
	const n = 100_000
	if err := seed.WriteEnterprises(&file, "32", n, 1); err != nil {
		b.Fatal(err)
	}
	packed := compress(b, file.Bytes())
	for name, in := range map[string][]byte{"plain": file.Bytes(), "gzip": packed} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(file.Len()))
			for b.Loop() {
				if r, err := seed.InspectEnterprises(bytes.NewReader(in)); err != nil || r.Rows != n {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)*n/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

func BenchmarkEnterprises(b *testing.B) {
	for b.Loop() {
		if err := seed.Enterprises("32", 10_000, 1, func([]string) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*10_000/b.Elapsed().Seconds(), "rows/s")
}

func FuzzInspect(f *testing.F) {
	head := strings.Join(seed.EnterpriseColumns(), ",") + "\n"
	for _, s := range []string{
		head, head + "a,91350100M000100Y43,2000-01-01,d,e,5(万),g,上海,i,j\n", head + "\"a,b\",\"x\"\"y\"z\n", head + "\"open\nline", "\x1f\x8b", "",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := seed.InspectEnterprises(bytes.NewReader(b))
		if err != nil && !errors.Is(err, seed.ErrHeader) && !errors.Is(err, seed.ErrInput) {
			t.Fatal(err)
		}
		var sum int64
		for _, n := range r.Faults {
			sum += n
		}
		if sum != r.Rows || r.Duplicates > r.Rows || r.Malformed > r.Rows {
			t.Fatal(r.String())
		}
	})
}
