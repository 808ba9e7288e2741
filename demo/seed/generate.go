package seed

import (
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/kuayu/kuayu/support/standard"
)

// MaxRows bounds one call of a generator.
const MaxRows = 5_000_000

// PersonColumns is the header of persons: name, citizen identity number, sex, date of birth, telephone, address.
func PersonColumns() []string {
	return []string{"姓名", "公民身份号码", "性别", "出生日期", "联系电话", "住址"}
}

// WriteEnterprises writes the header and n rows of Enterprises as CSV.
func WriteEnterprises(w io.Writer, province string, n int, seed uint64) error {
	return writeCSV(w, EnterpriseColumns(), func(yield func([]string) error) error { return Enterprises(province, n, seed, yield) })
}

// WritePersons writes the header and n rows of Persons as CSV.
func WritePersons(w io.Writer, province string, n int, seed uint64) error {
	return writeCSV(w, PersonColumns(), func(yield func([]string) error) error { return Persons(province, n, seed, yield) })
}

func writeCSV(w io.Writer, header []string, rows func(func([]string) error) error) error {
	out := csv.NewWriter(w)
	if err := out.Write(header); err != nil {
		return err
	}
	if err := rows(out.Write); err != nil {
		return err
	}
	out.Flush()
	return out.Error()
}

// generator holds what both generators draw from.
type generator struct {
	*rand.Rand
	province              standard.Division
	short                 string // 江苏
	counties, cities, old []standard.Division
	from                  time.Time
	words                 wordLists
}

// newGenerator prepares the words of a province ("31" … "34"); ErrProvince for others, ErrCount if n is out of bounds.
func newGenerator(province string, n int, seed, stream uint64) (*generator, error) {
	short := map[string]string{"31": "上海", "32": "江苏", "33": "浙江", "34": "安徽"}[province]
	if short == "" {
		return nil, ErrProvince.With()
	}
	if n < 0 || n > MaxRows {
		return nil, ErrCount.With(MaxRows)
	}
	code, _ := strconv.ParseUint(province, 10, 64)
	table := standard.BuiltinDivisions()
	at := time.Date(2023, 1, 1, 0, 0, 0, 0, time.UTC)
	g := &generator{words: newWordLists(), Rand: rand.New(rand.NewPCG(seed, code<<32|stream)), short: short, from: time.Date(1978, 1, 1, 0, 0, 0, 0, time.UTC)} //nolint:gosec // made-up data needs repeatable, not secret, numbers
	g.province, _ = table.Lookup(standard.DivisionCode(province + "0000"))
	for _, c := range table.Children(g.province.Code, at) {
		if c.Level == standard.City {
			g.cities = append(g.cities, c)
			g.counties = append(g.counties, table.Children(c.Code, at)...)
		} else {
			g.counties = append(g.counties, c)
		}
	}
	if len(g.cities) == 0 {
		g.cities = []standard.Division{g.province}
	}
	table.Each(func(d standard.Division) {
		if d.Level == standard.County && !d.To.IsZero() && g.province.Code.Contains(d.Code) {
			if last, _ := table.Lookup(d.Code); !last.To.IsZero() {
				g.old = append(g.old, d)
			}
		}
	})
	return g, nil
}

// wordLists are the lists of words.go, made once per generator.
type wordLists struct {
	surnames, male, female, first, second, roads []string
	trades                                       []trade
}

func newWordLists() wordLists {
	return wordLists{surnames(), givenMale(), givenFemale(), brandFirst(), brandSecond(), roads(), trades()}
}

func pick[T any](g *generator, from []T) T { return from[g.IntN(len(from))] }

func (g *generator) chance(p float64) bool { return g.Float64() < p }

// city is the city of a county; for Shanghai the province.
func (g *generator) city(county standard.Division) standard.Division {
	for _, c := range g.cities {
		if c.Code.Contains(county.Code) {
			return c
		}
	}
	return g.province
}

func (g *generator) street() string {
	s := pick(g, g.words.roads) + []string{"路", "路", "路", "街", "大道", "东路", "西路"}[g.IntN(7)] + strconv.Itoa(1+g.IntN(1999)) + "号"
	switch g.IntN(6) {
	case 0:
		s += strconv.Itoa(1+g.IntN(30)) + "幢" + strconv.Itoa(101+g.IntN(900)) + "室"
	case 1:
		s += strconv.Itoa(1+g.IntN(20)) + "楼"
	}
	return s
}

// permutation maps 0…n-1 onto itself and 0 to n-1: i ↦ a·i - 1 mod n.
type permutation struct{ a, n uint64 }

func (g *generator) permutation(n uint64) permutation {
	if n < 2 {
		return permutation{1, max(n, 1)}
	}
	for {
		a := g.Uint64N(n-1) + 1
		x, y := a, n
		for y != 0 {
			x, y = y, x%y
		}
		if x == 1 && (a > n/8 || n < 64) {
			return permutation{a, n}
		}
	}
}

func (p permutation) at(i int) uint64 { return (p.a*(uint64(i)%p.n) + p.n - 1) % p.n } //nolint:gosec // i is never negative

// Persons yields n made-up persons of a province ("31" … "34"): columns as PersonColumns. The row is valid until yield
// returns; an error of yield ends the generation and is returned. No identity number occurs twice. See the package
// documentation for why none of them can be a real person's.
func Persons(province string, n int, seed uint64, yield func(row []string) error) error {
	const stream = 2
	g, err := newGenerator(province, n, seed, stream)
	if err != nil {
		return err
	}
	first, last := time.Date(1936, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2015, 1, 1, 0, 0, 0, 0, time.UTC)
	days := uint64(last.Sub(first).Hours() / 24)
	numbers := g.permutation(uint64(len(g.cities)) * days * 999) // city, day of birth, sequence 001–999
	row := make([]string, 6)
	for i := range n {
		k := numbers.at(i + 1)
		sequence, birth, city := k%999+1, first.AddDate(0, 0, int(k/999%days)), g.cities[k/999/days] //nolint:gosec // bounded by the domain
		id, err := standard.MakeCitizenID(fmt.Sprintf("%s%s%03d", city.Code, birth.Format("20060102"), sequence))
		if err != nil {
			return err
		}
		given, sex := g.words.male, "男"
		if id.Sex() == standard.Female {
			given, sex = g.words.female, "女"
		}
		name := pick(g, g.words.surnames[:1+g.IntN(len(g.words.surnames))]) + pick(g, given) // the first ones are the frequent ones
		if g.chance(0.75) {
			name += pick(g, given)
		}
		county := pick(g, g.counties)
		address := g.province.Name
		if c := g.city(county); c.Code != g.province.Code {
			address += c.Name
		}
		row[0], row[1], row[2], row[3] = name, id.String(), sex, birth.Format(time.DateOnly)
		row[4] = fmt.Sprintf("%s%08d", phonePrefix, g.IntN(100_000_000))
		row[5] = address + county.Name + g.street()
		if err := yield(row); err != nil {
			return err
		}
	}
	return nil
}

// phonePrefix is a block of mobile numbers not opened to subscribers.
const phonePrefix = "164"

// Planned is how many rows of each kind of dirt a generated file has. Every row has at most one kind.
type Planned struct {
	Digits15, Digits13, Digits11 int // codes of the registers before 2015
	Lowercase                    int // letter of the code in lower case
	Check, OrgCheck              int // wrong check character, of the code or of the organisation code inside
	Duplicate                    int // code of an earlier row
	Shifted, Malformed           int // cells moved; a row of nine fields (shifted as well)
}

// profile is what the registers of a province look like, as shares of rows.
type profile struct {
	digits15, digits13, digits11, lower, check, org, duplicate, shifted, malformed float64
	abolished, noType, noRepresentative, noCapital, half, full                     float64
	units                                                                          []weighted
}

type weighted struct {
	text   string
	weight float64
}

// profileOf gives the shares measured by InspectEnterprises on 91,150, 140,176, 169,744 and 116,962 registrations.
func profileOf(province string) profile {
	switch province {
	case "31":
		return profile{
			digits15: 1.1e-5, lower: 54e-5, shifted: 11e-5,
			abolished: 0.036, noType: 0.963, noRepresentative: 0.202, noCapital: 0.120, half: 0.028, full: 0.001,
			units: []weighted{{"(万元人民币)", 74.0}, {"(万美元)", 4.3}, {"万人民币", 1.5}, {"(万人民币 )", 0.16}, {"(万美元 )", 0.13}, {"(万日元)", 0.09}, {"(万欧元)", 0.04}, {"(万港币)", 0.03}},
		}
	case "32":
		return profile{
			digits15: 5282e-5, digits13: 353e-5, digits11: 12e-5, org: 2.9e-5, duplicate: 51e-5, shifted: 4.3e-5,
			abolished: 0.051, noType: 0.906, noRepresentative: 0.253, noCapital: 0.027, half: 0.025, full: 0.003,
			units: []weighted{{"(万元人民币)", 117.8}, {"万人民币", 13.2}, {"(万美元)", 3.8}, {"万元人民币", 1.0}, {"(万)", 0.36}, {"(万日元)", 0.08}, {"(万欧元)", 0.06}, {"(万港元)", 0.05}},
		}
	case "33":
		return profile{
			digits15: 1.2e-5, digits13: 1.2e-5, lower: 24e-5, check: 1.2e-5, duplicate: 12e-5, shifted: 3.5e-5, malformed: 0.6e-5,
			abolished: 0.088, noType: 0.867, noRepresentative: 0.095, noCapital: 0.249, half: 0.009, full: 0.012,
			units: []weighted{{"(万元人民币)", 105.7}, {"万人民币", 9.9}, {"(万)", 7.3}, {"(万美元)", 3.4}, {"万元人民币", 0.6}, {"万人民币元", 0.3}, {"(万香港元)", 0.1}, {"(万日元)", 0.04}},
		}
	}
	return profile{
		lower: 0.9e-5, check: 9.4e-5, org: 6.8e-5, shifted: 1.7e-5,
		abolished: 0.034, noType: 0.968, noRepresentative: 0.102, noCapital: 0.237, half: 0.009, full: 0.001,
		units: []weighted{{"(万元)", 84.9}, {"万人民币", 1.3}, {"万元人民币", 0.85}, {"(万)", 0.78}, {"(万美元)", 0.6}, {"(万人民币元)", 0.32}, {"万人民币元", 0.25}, {"万元", 0.1}},
	}
}

// Dirt is the dirt that Enterprises(province, n, …) puts in, whatever the seed: the measured share of n rounded; from
// n = 1000 on, at least one row of each kind the province has.
func Dirt(province string, n int) Planned {
	p := profileOf(province)
	count := func(share float64) int {
		c := int(math.Round(share * float64(n)))
		if c == 0 && share > 0 && n >= 1000 {
			return 1
		}
		return c
	}
	return Planned{
		Digits15: count(p.digits15), Digits13: count(p.digits13), Digits11: count(p.digits11), Lowercase: count(p.lower), Check: count(p.check),
		OrgCheck: count(p.org), Duplicate: count(p.duplicate), Shifted: count(p.shifted), Malformed: count(p.malformed),
	}
}

// kind is the kind of dirt of a row.
type kind uint8

const (
	clean kind = iota
	digits15
	digits13
	digits11
	lowercase
	badCheck
	badOrg
	duplicate
	shifted
	malformed
)

// kindOf deals the kinds out: k is the place of the row in a permutation.
func (p Planned) kindOf(k uint64) kind {
	for i, n := range []int{p.Digits15, p.Digits13, p.Digits11, p.Lowercase, p.Check, p.OrgCheck, p.Duplicate, p.Shifted, p.Malformed} {
		if k < uint64(n) { //nolint:gosec // counts
			return kind(i + 1)
		}
		k -= uint64(n) //nolint:gosec // counts
	}
	return clean
}

// Enterprises yields n made-up enterprises of a province ("31" … "34"): columns as EnterpriseColumns, with the dirt of
// Dirt(province, n). The row, of 9 fields where it is malformed, is valid until yield returns; an error of yield ends
// the generation and is returned.
func Enterprises(province string, n int, seed uint64, yield func(row []string) error) error {
	const stream = 1
	g, err := newGenerator(province, n, seed, stream)
	if err != nil {
		return err
	}
	e := enterprises{
		generator: g, profile: profileOf(province),
		rows: g.permutation(uint64(max(n, 1))), numeric: g.permutation(10_000_000), lettered: g.permutation(31 * 31 * 31 * 31 * 31 * 31),
	}
	planned := Dirt(province, n)
	row := make([]string, numColumns)
	for i := range n {
		k := planned.kindOf(e.rows.at(i)) // never dirty for i = 0, which has the last place
		if err := e.fill(row, i, k); err != nil {
			return err
		}
		out := row
		if k == shifted || k == malformed {
			out = e.shift(row, k)
		}
		if err := yield(out); err != nil {
			return err
		}
	}
	return nil
}

type enterprises struct {
	*generator
	profile                 profile
	rows, numeric, lettered permutation
	last                    string // a good code of an earlier row
}

func (e *enterprises) fill(row []string, i int, k kind) error {
	county := pick(e.generator, e.counties)
	city := e.city(county)
	division := county
	if len(e.old) > 0 && e.chance(e.profile.abolished) {
		division = pick(e.generator, e.old)
	}
	code, err := e.code(i, string(division.Code), k)
	if err != nil {
		return err
	}
	place := strings.TrimSuffix(city.Name, "市")
	if city.Code == e.province.Code { // Shanghai counts by district
		place = strings.TrimSuffix(strings.TrimSuffix(county.Name, "新区"), "区")
	}
	line := pick(e.generator, e.words.trades)
	row[colName] = e.name(city, line)
	row[colCode] = code
	row[colDate] = e.from.AddDate(0, 0, int(14_900*math.Pow(e.Float64(), 0.55))).Format(time.DateOnly) // to October 2018, most of them late
	row[colType] = "N/A"
	if !e.chance(e.profile.noType) {
		row[colType] = []string{"个人独资企业", "有限责任公司", "股份合作制", "集体所有制", "普通合伙", "集体分支机构(非法人)"}[e.IntN(6)]
	}
	row[colRepresentative] = "N/A"
	if !e.chance(e.profile.noRepresentative) {
		row[colRepresentative] = pick(e.generator, e.words.surnames) + "某"
	}
	row[colCapital] = "N/A"
	if !e.chance(e.profile.noCapital) {
		row[colCapital] = e.capital()
	}
	row[colScope] = line.scope
	row[colProvince] = e.short
	row[colDistrict] = place
	row[colAddress] = county.Name + e.street()
	if e.chance(0.6) {
		row[colAddress] = city.Name + row[colAddress]
		if e.chance(0.4) && city.Code != e.province.Code {
			row[colAddress] = e.province.Name + row[colAddress]
		}
	}
	return nil
}

// code is a unified social credit code, unique but for duplicate, good but for the kinds that say otherwise.
func (e *enterprises) code(i int, division string, k kind) (string, error) {
	switch k { //nolint:exhaustive // the other kinds have an 18-character code
	case digits15:
		return fmt.Sprintf("%s%09d", division, e.numeric.at(i+1)*97%1_000_000_000), nil
	case digits13:
		return fmt.Sprintf("%s%07d", division, e.numeric.at(i+1)), nil
	case digits11:
		return fmt.Sprintf("%s%05d", division, e.numeric.at(i+1)%100_000), nil
	case duplicate:
		return e.last, nil
	}
	var org string
	if e.chance(0.6) {
		org = fmt.Sprintf("9%07d", e.numeric.at(i+1))
	} else {
		org = "MY" + base31(e.lettered.at(i+1))
	}
	if k == lowercase {
		org = "MY" + base31(e.lettered.at(i+1)) // has a letter
	}
	full, err := standard.MakeOrganisationCode(org)
	if err != nil {
		return "", err
	}
	org = full.String()
	if k == badOrg {
		org = org[:8] + string("1234567890"[(org[8]-'0')%10]) // another digit, or a digit for X
	}
	head := "91"
	if e.chance(0.025) {
		head = "93"
	}
	u, err := standard.MakeUSCC(head + division + org)
	if err != nil {
		return "", err
	}
	code := u.String()
	switch k { //nolint:exhaustive // the other kinds leave the code as it is
	case lowercase:
		return strings.Replace(code, "MY", "My", 1), nil
	case badCheck:
		const alphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"
		return code[:17] + string(alphabet[(strings.IndexByte(alphabet, code[17])+1+e.IntN(30))%31]), nil
	case clean:
		e.last = code
	}
	return code, nil
}

func base31(v uint64) string {
	const alphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"
	var b [6]byte
	for i := range b {
		b[i] = alphabet[v%31]
		v /= 31
	}
	return string(b[:])
}

func (e *enterprises) name(city standard.Division, line trade) string {
	brand := pick(e.generator, e.words.first) + pick(e.generator, e.words.second)
	tail := []string{"有限公司", "有限公司", "有限公司", "有限责任公司", "厂", "经营部", "股份有限公司"}[e.IntN(7)]
	switch {
	case e.chance(e.profile.half):
		return brand + line.word + "(" + strings.TrimSuffix(city.Name, "市") + ")" + "有限公司"
	case e.chance(e.profile.full):
		return brand + line.word + "（" + strings.TrimSuffix(city.Name, "市") + "）" + "有限公司"
	}
	name := city.Name + brand + line.word + tail
	if e.chance(0.06) {
		name += pick(e.generator, []string{"第一", "第二", "城东", "新区", "滨江"}) + "分公司"
	}
	return name
}

// capital writes an amount in one of the spellings of the register.
func (e *enterprises) capital() string {
	sum := 0.0
	for _, u := range e.profile.units {
		sum += u.weight
	}
	at, unit := e.Float64()*sum, e.profile.units[0].text
	for _, u := range e.profile.units {
		if at -= u.weight; at < 0 {
			unit = u.text
			break
		}
	}
	amount := []int{3, 10, 30, 50, 50, 100, 100, 200, 500, 1000, 2000, 5000, 12000}[e.IntN(13)]
	text := strconv.Itoa(amount)
	if amount >= 1000 && unit[0] == '(' {
		text = strconv.Itoa(amount/1000) + "," + text[len(text)-3:]
	}
	if e.chance(0.08) {
		text += fmt.Sprintf(".%d000", 1+e.IntN(9))
	}
	return text + unit
}

// shift moves the cells the way registers do: a foreign representative's name with a comma in it was cut in two, or a
// quoted scope was cut at its comma and the row lost a cell.
func (e *enterprises) shift(row []string, k kind) []string {
	foreign := pick(e.generator, []string{"MARTIN）", "Sebastian", "ANNA MARIE", "Philippe", "LEE MING"})
	if k == malformed {
		return []string{row[colName], row[colCode], row[colDate], "5某", "000(万美元)", strings.TrimSuffix(row[colScope], "。") + "\",\"" + foreign, row[colAddress], "N/A", row[colDistrict][:3] + "某"}
	}
	capital := row[colCapital]
	if e.chance(0.5) {
		row[colType], row[colCapital], row[colProvince] = capital, foreign, "N/A"
	} else {
		row[colType], row[colCapital], row[colProvince] = foreign, "Jean", capital
	}
	return row
}
