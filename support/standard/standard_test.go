package standard_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/support/standard"
)

type check func(string) (standard.Fault, error)

func TestVectors(t *testing.T) {
	const root = standard.CertificateRoot
	for _, c := range []struct {
		name  string
		check check
		in    string
		want  standard.Fault
		says  string // part of the English message
	}{
		{"classic citizen", standard.CheckCitizenID, "11010519491231002X", standard.OK, ""},
		{"classic citizen 2", standard.CheckCitizenID, "440524188001010014", standard.OK, ""},
		{"synthetic 31", standard.CheckCitizenID, "310101199001010020", standard.OK, ""},
		{"synthetic 32", standard.CheckCitizenID, "320102199001010029", standard.OK, ""},
		{"synthetic 33", standard.CheckCitizenID, "330102199001010020", standard.OK, ""},
		{"synthetic 34", standard.CheckCitizenID, "340102199001010022", standard.OK, ""},
		{"synthetic X", standard.CheckCitizenID, "32050519900101002X", standard.OK, ""},
		{"lower x", standard.CheckCitizenID, "32050519900101002x", standard.BadLowercase, "position 18"},
		{"check", standard.CheckCitizenID, "310101199001010021", standard.BadCheck, "should be 0, found 1"},
		{"15 digits", standard.CheckCitizenID, "310101900101002", standard.BadLength, "found 15"},
		{"empty", standard.CheckCitizenID, "", standard.BadLength, "found 0"},
		{"X inside", standard.CheckCitizenID, "3101011990010X0020", standard.BadAlphabet, "position 14"},
		{"letter", standard.CheckCitizenID, "31010119900101002A", standard.BadAlphabet, "position 18"},
		{"full width", standard.CheckCitizenID, "31010119900101002０", standard.BadAlphabet, "position 18"},
		{"29 February", standard.CheckCitizenID, "310101199002290020", standard.BadDate, ""},
		{"month 13", standard.CheckCitizenID, "310101199013010020", standard.BadDate, ""},
		{"day 0", standard.CheckCitizenID, "310101199001000020", standard.BadDate, ""},
		{"no province", standard.CheckCitizenID, "990101199001010020", standard.BadCheck, ""},
		{"no province, good check", standard.CheckCitizenID, mustCheck("99010119900101002"), standard.BadDivision, "990101"},

		{"published", standard.CheckUSCC, "91350100M000100Y43", standard.OK, ""},
		{"published invalid", standard.CheckUSCC, "91350100M000100Y4Z", standard.BadAlphabet, "position 18"},
		{"agency 1", standard.CheckUSCC, "11100000000013338W", standard.OK, ""},
		{"agency 2", standard.CheckUSCC, "11430000006122244L", standard.OK, ""},
		{"agency 3", standard.CheckUSCC, "11330105002500287C", standard.OK, ""},
		{"agency 4", standard.CheckUSCC, "11100000MB03271699", standard.OK, ""},
		{"v = 31", standard.CheckUSCC, "913100000000001820", standard.OK, ""},
		{"wrong check", standard.CheckUSCC, "91350100M000100Y44", standard.BadCheck, "should be 3, found 4"},
		{"lower", standard.CheckUSCC, "91350100m000100Y43", standard.BadLowercase, "position 9"},
		{"lower of nothing", standard.CheckUSCC, "91350100o000100Y43", standard.BadAlphabet, "position 9"},
		{"letter O", standard.CheckUSCC, "9135O100M000100Y43", standard.BadAlphabet, "position 5"},
		{"lower, then S", standard.CheckUSCC, "91350100m00S100Y43", standard.BadAlphabet, "position 12"},
		{"15", standard.CheckUSCC, "321084000032743", standard.BadLength, "found 15"},
		{"Chinese", standard.CheckUSCC, "甲乙丙丁戊己", standard.BadLength, "found 6"},

		{"org digit", standard.CheckOrganisationCode, "000013338", standard.OK, ""},
		{"org X", standard.CheckOrganisationCode, "D2143569X", standard.OK, ""},
		{"org letters", standard.CheckOrganisationCode, "MB0327169", standard.OK, ""},
		{"org check", standard.CheckOrganisationCode, "MB0327168", standard.BadCheck, "should be 9, found 8"},
		{"org length", standard.CheckOrganisationCode, "MB032716", standard.BadLength, "found 8"},
		{"org lower", standard.CheckOrganisationCode, "d2143569X", standard.BadLowercase, "position 1"},

		{"Shanghai", standard.CheckDivisionCode, "310000", standard.OK, ""},
		{"town", standard.CheckDivisionCode, "310101002", standard.OK, ""},
		{"gap", standard.CheckDivisionCode, "320005", standard.BadDivision, ""},
		{"no such province", standard.CheckDivisionCode, "300000", standard.BadDivision, ""},
		{"letters", standard.CheckDivisionCode, "31O000", standard.BadAlphabet, "position 3"},
		{"four digits", standard.CheckDivisionCode, "3101", standard.BadLength, "found 4"},

		{"cert 1", standard.CheckElectronicCertificateID, root + ".11100000000013338W011.11430000006122244L.20230000403.001.U", standard.OK, ""},
		{"cert 2", standard.CheckElectronicCertificateID, root + ".11100000MB03271699022.340100.000000016.001.9", standard.OK, ""},
		{"cert 3", standard.CheckElectronicCertificateID, root + ".11100000000013338W009.11330105002500287C.2025052201.002.0", standard.OK, ""},
		{"cert 4", standard.CheckElectronicCertificateID, root + ".11100000000013338W011.11430000006122244L.20260000001.001.K", standard.OK, ""},
		{"cert 5", standard.CheckElectronicCertificateID, root + ".11100000000013338W011.11430000006122244L.20260000001.002.I", standard.OK, ""},
		{"cert 6", standard.CheckElectronicCertificateID, root + ".11100000000013338W011.11330105002500287C.20260000001.001.D", standard.OK, ""},
		{"cert 7", standard.CheckElectronicCertificateID, root + ".11100000000013338W011.11330105002500287C.20260000001.002.B", standard.OK, ""},
		{"cert check", standard.CheckElectronicCertificateID, root + ".11100000000013338W011.11330105002500287C.20260000001.002.M", standard.BadCheck, "should be B, found M"},
		{"cert root", standard.CheckElectronicCertificateID, "1.2.156.3005.3.11100000000013338W011.11330105002500287C.20260000001.002.B", standard.BadPrefix, "1.2.156.3005.2"},
		{"cert parts", standard.CheckElectronicCertificateID, root + ".11100000000013338W011.11330105002500287C.20260000001.B", standard.BadParts, ""},
		{"cert more parts", standard.CheckElectronicCertificateID, root + ".11100000000013338W011.11330105002500287C.20260000001.002.B.", standard.BadParts, ""},
		{"cert lower", standard.CheckElectronicCertificateID, root + ".11100000000013338w011.11330105002500287C.20260000001.002.B", standard.BadLowercase, ""},
		{"cert version", standard.CheckElectronicCertificateID, root + ".11100000000013338W011.11330105002500287C.20260000001.000.B", standard.BadVersion, ""},
		{"cert serial", standard.CheckElectronicCertificateID, root + ".11100000000013338W011.11330105002500287C..002.B", standard.BadLength, "found 0"},
	} {
		f, err := c.check(c.in)
		if f != c.want {
			t.Errorf("%s: fault %s, want %s (%v)", c.name, f, c.want, err)
			continue
		}
		if (err == nil) != (f == standard.OK) {
			t.Errorf("%s: fault %s with error %v", c.name, f, err)
		}
		if err != nil {
			e := errs.As(err)
			if e.Kind != errs.Invalid || !strings.Contains(e.En, c.says) || strings.Contains(e.En+e.Zh, "%!") {
				t.Errorf("%s: message %q / %q lacks %q", c.name, e.En, e.Zh, c.says)
			}
			if len(c.in) > 9 && strings.Contains(e.En+e.Zh, c.in) {
				t.Errorf("%s: the message echoes the identifier", c.name)
			}
		}
	}
}

// mustCheck appends the check character to 17 digits without any other check.
func mustCheck(first17 string) string {
	sum := 0
	for i, w := range []int{7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2} {
		sum += int(first17[i]-'0') * w
	}
	return first17 + "10X98765432"[sum%11:][:1]
}

func TestUSCCParts(t *testing.T) {
	u, err := standard.ParseUSCC("91310101132414205" + "7")
	if err != nil {
		t.Fatal(err)
	}
	if u.Authority() != '9' || u.Division() != "310101" {
		t.Errorf("authority %c, division %s", u.Authority(), u.Division())
	}
	if o, err := u.OrganisationCode(); err != nil || o != "132414205" {
		t.Errorf("organisation code %s, %v", o, err)
	}
	// The outer check passes, the inner does not: accepted, and reported apart.
	bad, err := standard.MakeUSCC("91310101132414206")
	if err != nil {
		t.Fatal(err)
	}
	if f, err := standard.CheckUSCC(string(bad)); f != standard.BadOrgCheck || !errors.Is(err, standard.ErrOrgCheck) {
		t.Errorf("fault %s, %v", f, err)
	}
	if _, err := standard.ParseUSCC(string(bad)); err != nil {
		t.Errorf("ParseUSCC: %v", err)
	}
	if _, err := bad.OrganisationCode(); !errors.Is(err, standard.ErrOrgCheck) {
		t.Errorf("OrganisationCode: %v", err)
	}
	if s, ok := standard.SuggestUSCC("91350100m000100y43"); !ok || s != "91350100M000100Y43" {
		t.Errorf("suggestion %s %v", s, ok)
	}
	if _, ok := standard.SuggestUSCC("91350100M000100Y43"); ok {
		t.Error("nothing to suggest for a good code")
	}
	if o, err := standard.ParseOrganisationCode("D2143569-X"); err != nil || o != "D2143569X" {
		t.Errorf("hyphen: %s %v", o, err)
	}
}

func TestCitizenParts(t *testing.T) {
	c, err := standard.ParseCitizenID("11010519491231002X")
	if err != nil {
		t.Fatal(err)
	}
	if c.Sex() != standard.Female || c.Division() != "110105" || !c.Birth().Equal(time.Date(1949, 12, 31, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("%v %v %v", c.Sex(), c.Division(), c.Birth())
	}
}

func day(s string) time.Time {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		panic(err)
	}
	return t
}

func TestCitizenAtDate(t *testing.T) {
	d := standard.BuiltinDivisions()
	for _, c := range []struct {
		first17, at string
		want        standard.Fault
	}{
		{"34140219900101002", "2026-01-01", standard.OK},        // Juchao district: abolished 2011, still good for those born before
		{"34140220120101002", "2026-01-01", standard.BadPeriod}, // born after its end
		{"33011320200101002", "2021-04-08", standard.BadPeriod}, // Linping began on 2021-04-09
		{"33011320200101002", "2021-04-09", standard.OK},        //
		{"31999919900101002", "2026-01-01", standard.BadDivision},
		{"31010119900101002", "1989-12-31", standard.BadDate}, // not born yet
		{"31010118700101002", "2026-01-01", standard.BadDate}, // 156 years
		{"44052418900101001", "2026-01-01", standard.OK},      // province not in the table
	} {
		id, err := standard.MakeCitizenID(c.first17)
		if err != nil {
			t.Fatal(err)
		}
		f, err := id.Check(d, day(c.at))
		if f != c.want || (err == nil) != (f == standard.OK) {
			t.Errorf("%s at %s: %s %v, want %s", c.first17[:6], c.at, f, err, c.want)
		}
	}
}

func TestDivisions(t *testing.T) {
	d := standard.BuiltinDivisions()
	today := day("2026-03-01")
	if n := d.Len(); n != 436+4793 {
		t.Errorf("%d rows", n)
	}
	for _, c := range []struct {
		code standard.DivisionCode
		at   string
		name string
		err  error
	}{
		{"310000", "2026-03-01", "上海市", nil},
		{"320509", "2026-03-01", "吴江区", nil},
		{"341400", "2011-08-21", "巢湖市", nil},
		{"341400", "2011-08-22", "", standard.ErrPeriod},
		{"341400", "2026-03-01", "", standard.ErrPeriod},
		{"310230", "2010-01-01", "崇明县", nil},
		{"310151", "2010-01-01", "", standard.ErrPeriod},
		{"310151", "2026-01-01", "崇明区", nil},
		{"319999", "2026-01-01", "", standard.ErrDivision},
		{"310101002", "2026-01-01", "南京东路街道", nil},
	} {
		got, err := d.At(c.code, day(c.at))
		if got.Name != c.name || (c.err == nil) != (err == nil) || c.err != nil && !errors.Is(err, c.err) {
			t.Errorf("%s at %s: %q %v", c.code, c.at, got.Name, err)
		}
	}
	provinces := d.Provinces(today)
	if len(provinces) != 4 {
		t.Fatalf("%d provinces", len(provinces))
	}
	cities := 0
	for _, p := range provinces {
		for _, c := range d.Children(p.Code, today) {
			if c.Level == standard.City {
				cities++
			}
		}
	}
	if cities != 13+11+16 {
		t.Errorf("%d cities", cities)
	}
	if n := len(d.Children("310000", today)); n != 16 {
		t.Errorf("%d districts of Shanghai", n)
	}
	if n := len(d.Children("310101", today)); n == 0 {
		t.Error("no streets")
	}
	if d.Covers("440000") || !d.Covers("340000") || d.Covers("3") {
		t.Error("Covers")
	}
	if r, ok := d.Lookup("340176"); !ok || !r.StatisticsOnly() {
		t.Errorf("340176: %v", r)
	}
	// Every division has its parent in the table.
	for _, p := range provinces {
		walk(t, d, p.Code, today, 0)
	}
}

func walk(t *testing.T, d *standard.Divisions, code standard.DivisionCode, at time.Time, depth int) {
	t.Helper()
	for _, c := range d.Children(code, at) {
		if !code.Contains(c.Code) || c.Code.Contains(code) || depth > 3 {
			t.Fatalf("%s in %s", c.Code, code)
		}
		walk(t, d, c.Code, at, depth+1)
	}
}

func TestDivisionCode(t *testing.T) {
	for _, c := range []struct {
		code, parent, province standard.DivisionCode
		level                  standard.Level
	}{
		{"310000", "", "310000", standard.Province},
		{"310101", "310000", "310000", standard.County},
		{"320500", "320000", "320000", standard.City},
		{"320509", "320500", "320000", standard.County},
		{"320509001", "320509", "320000", standard.Town},
		{"429004", "420000", "420000", standard.County},
		{"x", "", "", standard.NoLevel},
	} {
		p, ok := c.code.Parent()
		if p != c.parent || ok != (c.parent != "") || c.code.Province() != c.province || c.code.Level() != c.level {
			t.Errorf("%s: %s %v %s", c.code, p, c.code.Level(), c.code.Province())
		}
		if ok && (!p.Contains(c.code) || c.code.Contains(p)) {
			t.Errorf("%s and %s", p, c.code)
		}
	}
	if standard.DivisionCode("320500").Contains("320600") || !standard.DivisionCode("320500").Contains("320500") || standard.DivisionCode("").Contains("320500") {
		t.Error("Contains")
	}
}

func TestReadDivisionsRefuses(t *testing.T) {
	const head = "code,name,level,valid_from,valid_to,source\n"
	for _, in := range []string{
		"310000,上海市,province,,,x\n",
		head + "310000,上海市,city,,,x\n",
		head + "310000,,province,,,x\n",
		head + "31,上海市,province,,,x\n",
		head + "310000,上海市,province,2020-02-30,,x\n",
		head + "310000,上海市,province,2020-02-03,2020-02-03,x\n",
		head + "310000,上海市,province,,,x\n310000,上海市,province,,,x\n",
		head + "310000,上海市,province,,\n",
	} {
		if _, err := standard.ReadDivisions(strings.NewReader(in)); !errors.Is(err, standard.ErrDivisionTable) {
			t.Errorf("%q: %v", in, err)
		}
	}
	d, err := standard.ReadDivisions(strings.NewReader(head + "310230,甲,county,,2000-01-01,x\n310230,乙,county,2001-01-01,,x\n"))
	if err != nil {
		t.Fatal(err)
	}
	if a, _ := d.At("310230", day("1999-12-31")); a.Name != "甲" {
		t.Error(a)
	}
	if _, err := d.At("310230", day("2000-06-01")); !errors.Is(err, standard.ErrPeriod) {
		t.Error(err)
	}
	if a, _ := d.At("310230", day("2001-01-01")); a.Name != "乙" {
		t.Error(a)
	}
}

func TestFaultWords(t *testing.T) {
	seen := map[string]bool{}
	for f := range standard.NumFaults {
		w := f.String()
		back, ok := standard.ParseFault(w)
		if seen[w] || !ok || back != f {
			t.Errorf("%d %q", f, w)
		}
		seen[w] = true
	}
	if _, ok := standard.ParseFault("x"); ok {
		t.Error("x")
	}
}

// A change of any one character of a protected identifier is found.
func TestAnySingleChangeIsFound(t *testing.T) {
	const a31, a36 = "0123456789ABCDEFGHJKLMNPQRTUWXY", "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	text := func(t *rapid.T, alphabet string, n int, label string) string {
		return rapid.StringOfN(rapid.RuneFrom([]rune(alphabet)), n, n, -1).Draw(t, label)
	}
	alter := func(t *rapid.T, s, alphabet string, from int) string {
		i := rapid.IntRange(from, len(s)-1).Filter(func(i int) bool { return s[i] != '.' }).Draw(t, "position")
		c := rapid.RuneFrom([]rune(alphabet)).Filter(func(r rune) bool { return byte(r) != s[i] }).Draw(t, "character")
		return s[:i] + string(c) + s[i+1:]
	}
	t.Run("uscc", rapid.MakeCheck(func(t *rapid.T) {
		u, err := standard.MakeUSCC(text(t, a31, 17, "body"))
		if err != nil {
			t.Fatal(err)
		}
		if p, err := standard.ParseUSCC(u.String()); err != nil || p != u {
			t.Fatal(p, err)
		}
		if _, err := standard.ParseUSCC(alter(t, u.String(), a31, 0)); err == nil {
			t.Fatal("not found")
		}
	}))
	t.Run("organisation", rapid.MakeCheck(func(t *rapid.T) {
		o, err := standard.MakeOrganisationCode(text(t, a36, 8, "body"))
		if err != nil {
			t.Fatal(err)
		}
		if p, err := standard.ParseOrganisationCode(o.String()); err != nil || p != o {
			t.Fatal(p, err)
		}
		// GB 11714 counts letters up to 35 modulo 11, so only a change of a digit for a digit is sure to be found.
		i := rapid.IntRange(0, 7).Draw(t, "position")
		if o[i] > '9' {
			return
		}
		c := text(t, "0123456789", 1, "digit")
		if c[0] == o[i] {
			return
		}
		if _, err := standard.ParseOrganisationCode(string(o[:i]) + c + string(o[i+1:])); err == nil {
			t.Fatal("not found")
		}
	}))
	t.Run("citizen", rapid.MakeCheck(func(t *rapid.T) {
		birth := day("1900-01-01").AddDate(0, 0, rapid.IntRange(0, 45000).Draw(t, "day"))
		c, err := standard.MakeCitizenID("3" + text(t, "1234", 1, "p") + text(t, "0123456789", 4, "division") + birth.Format("20060102") + text(t, "0123456789", 3, "sequence"))
		if err != nil {
			t.Fatal(err)
		}
		if p, err := standard.ParseCitizenID(c.String()); err != nil || p != c || !p.Birth().Equal(birth) {
			t.Fatal(p, err)
		}
		if _, err := standard.ParseCitizenID(alter(t, c.String(), "0123456789X", 0)); err == nil {
			t.Fatal("not found")
		}
	}))
	t.Run("certificate", rapid.MakeCheck(func(t *rapid.T) {
		typ, err := standard.MakeUSCC(text(t, a31, 17, "type"))
		if err != nil {
			t.Fatal(err)
		}
		serial := text(t, a36, rapid.IntRange(1, 32).Draw(t, "n"), "serial")
		version := rapid.IntRange(1, 999).Draw(t, "version")
		id, err := standard.MakeElectronicCertificateID(string(typ)+text(t, a36, 3, "seq"), "11430000006122244L", serial, version)
		if err != nil {
			t.Fatal(err)
		}
		if p, err := standard.ParseElectronicCertificateID(id.String()); err != nil || p != id || p.Serial() != serial || p.Version() != version || p.Type()[:18] != string(typ) || p.Issuer() != "11430000006122244L" {
			t.Fatal(p, err)
		}
		if _, err := standard.ParseElectronicCertificateID(alter(t, id.String(), a36, len(standard.CertificateRoot)+1)); err == nil {
			t.Fatal("not found")
		}
	}))
}

func TestGoodTextDoesNotAllocate(t *testing.T) {
	var f standard.Fault
	if n := testing.AllocsPerRun(100, func() {
		f, _ = standard.CheckUSCC("91350100M000100Y43")
		g, _ := standard.CheckCitizenID("11010519491231002X")
		h, _ := standard.CheckElectronicCertificateID(standard.CertificateRoot + ".11100000MB03271699022.340100.000000016.001.9")
		f |= g | h
	}); n != 0 || f != standard.OK {
		t.Errorf("%v allocations, fault %s", n, f)
	}
}

func BenchmarkCheckUSCC(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		_, _ = standard.CheckUSCC("91350100M000100Y43")
	}
}

func BenchmarkCheckCitizenID(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		_, _ = standard.CheckCitizenID("11010519491231002X")
	}
}

func FuzzUSCC(f *testing.F) {
	for _, s := range []string{"91350100M000100Y43", "91350100m000100Y43", "9135０100M000100Y43", "", "\xff\xfe", "913100000000001820"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		fault, err := standard.CheckUSCC(s)
		if (fault == standard.OK) != (err == nil) {
			t.Fatal(fault, err)
		}
		u, err := standard.ParseUSCC(s)
		if err != nil {
			if u != "" || strings.Contains(err.Error(), "%!") {
				t.Fatal(u, err)
			}
			if v, ok := standard.SuggestUSCC(s); ok {
				if _, err := standard.ParseUSCC(v.String()); err != nil {
					t.Fatal(err)
				}
			}
			return
		}
		if u.String() != s {
			t.Fatal("not the same")
		}
		_, _ = u.OrganisationCode()
		_ = u.Division().Level()
	})
}

func FuzzCitizenID(f *testing.F) {
	for _, s := range []string{"11010519491231002X", "11010519491231002x", "310101900101002", "", "３10101199001010020"} {
		f.Add(s)
	}
	divisions, at := standard.BuiltinDivisions(), day("2026-01-01")
	f.Fuzz(func(t *testing.T, s string) {
		id, err := standard.ParseCitizenID(s)
		if err != nil {
			if id != "" || strings.Contains(err.Error(), "%!") {
				t.Fatal(id, err)
			}
			return
		}
		if id.String() != s || id.Birth().IsZero() {
			t.Fatal("not the same")
		}
		_, _ = id.Check(divisions, at)
	})
}

func FuzzCertID(f *testing.F) {
	for _, s := range []string{
		standard.CertificateRoot + ".11100000000013338W011.11430000006122244L.20230000403.001.U",
		standard.CertificateRoot + ".11100000MB03271699022.340100.000000016.001.9", "", ".....", standard.CertificateRoot + ".",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		id, err := standard.ParseElectronicCertificateID(s)
		if err != nil {
			if id != "" || strings.Contains(err.Error(), "%!") {
				t.Fatal(id, err)
			}
			return
		}
		back, err := standard.MakeElectronicCertificateID(id.Type(), id.Issuer(), id.Serial(), id.Version())
		if err != nil || back != id || back.String() != s {
			t.Fatal(back, err)
		}
	})
}

func FuzzReadDivisions(f *testing.F) {
	f.Add("code,name,level,valid_from,valid_to,source\n310230,甲,county,,2000-01-01,x\n310230,乙,county,2001-01-01,,x\n")
	f.Fuzz(func(t *testing.T, s string) {
		d, err := standard.ReadDivisions(strings.NewReader(s))
		if err != nil && !errors.Is(err, standard.ErrDivisionTable) || err == nil && d == nil {
			t.Fatal(err)
		}
	})
}
