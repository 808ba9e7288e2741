package standard

import (
	"bytes"
	"compress/gzip"
	_ "embed" // the division tables
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// DivisionCode is a code of an administrative division: 6 digits down to the county (GB/T 2260) or 9 down to the town
// or street (GB/T 10114). 310000 is Shanghai, 320500 Suzhou, 320509 its district Wujiang.
type DivisionCode string

// Level is the level of a division.
type Level uint8

// The levels, from the top.
const (
	NoLevel Level = iota
	Province
	City
	County
	Town
)

var (
	divisionLabel = label{divisionEn, divisionZh}                             //nolint:gochecknoglobals // constant table
	levelNames    = [...]string{"none", "province", "city", "county", "town"} //nolint:gochecknoglobals // constant table
)

// String is the word of the level in the table.
func (l Level) String() string {
	if int(l) < len(levelNames) {
		return levelNames[l]
	}
	return levelNames[0]
}

// CheckDivisionCode checks the form: 6 or 9 digits that begin with a province and have no gap (320005 skips the city).
// Whether the division exists is for Divisions to say.
func CheckDivisionCode(s string) (Fault, error) {
	if len(s) != 6 && len(s) != 9 {
		return BadLength, ErrLength.With(divisionLabel.en, divisionLabel.zh, "6/9", utf8.RuneCountInString(s))
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return BadAlphabet, ErrAlphabet.With(divisionLabel.en, divisionLabel.zh, i+1)
		}
	}
	gap := s[2:4] == "00" && s[4:6] != "00" || len(s) == 9 && (s[4:6] == "00" || s[6:] == "000")
	if !isProvince(s[:2]) || gap {
		return BadDivision, ErrDivision.With(divisionLabel.en, divisionLabel.zh, s)
	}
	return OK, nil
}

// ParseDivisionCode accepts what CheckDivisionCode finds good.
func ParseDivisionCode(s string) (DivisionCode, error) {
	if _, err := CheckDivisionCode(s); err != nil {
		return "", err
	}
	return DivisionCode(s), nil
}

// String returns the digits.
func (c DivisionCode) String() string { return string(c) }

// Level is told by the digits alone; NoLevel if they are not a code.
func (c DivisionCode) Level() Level {
	switch {
	case len(c) == 9:
		return Town
	case len(c) != 6:
		return NoLevel
	case c[2:] == "0000":
		return Province
	case c[4:] == "00":
		return City
	}
	return County
}

// Province is the province: 320509 → 320000. Empty if c isn't a code.
func (c DivisionCode) Province() DivisionCode {
	if c.Level() == NoLevel {
		return ""
	}
	return c[:2] + "0000"
}

// Parent is the division above, false for a province. Districts of the four municipalities (11, 12, 31, 50) and
// counties directly under a province (city part 90) have the province as parent.
func (c DivisionCode) Parent() (DivisionCode, bool) {
	switch c.Level() {
	case Town:
		return c[:6], true
	case County:
		if p := c[:2]; p == "11" || p == "12" || p == "31" || p == "50" || c[2:4] == "90" {
			return c.Province(), true
		}
		return c[:4] + "00", true
	case City:
		return c.Province(), true
	case Province, NoLevel:
	}
	return "", false
}

// Contains reports whether other is c or lies within it, by the digits alone: 320000 contains 320509 and 320509001.
func (c DivisionCode) Contains(other DivisionCode) bool {
	if c.Level() == NoLevel || other.Level() == NoLevel {
		return false
	}
	return strings.HasPrefix(string(other), c.significant())
}

// significant is the code without the zeros that fill it up.
func (c DivisionCode) significant() string {
	switch c.Level() {
	case Province:
		return string(c[:2])
	case City:
		return string(c[:4])
	case County, Town, NoLevel:
	}
	return string(c)
}

// UnmarshalText implements encoding.TextUnmarshaler by ParseDivisionCode.
func (c *DivisionCode) UnmarshalText(b []byte) (err error) {
	*c, err = ParseDivisionCode(string(b))
	return err
}

// isProvince reports whether two digits are the province part of a division code (GB/T 2260, 34 of them).
func isProvince(s string) bool {
	const all = "11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 46 50 51 52 53 54 61 62 63 64 65 71 81 82 "
	return len(s) == 2 && s[0] != ' ' && s[1] != ' ' && strings.Contains(all, s)
}

// Division is one period of a division code.
type Division struct {
	Code     DivisionCode
	Name     string
	Level    Level
	From, To time.Time // in force from From up to, not including, To; zero: open, as far as the table knows
	Source   string    // gbt2260 (end of 2020), nbs2023, statistics, history
}

// StatisticsOnly tells a code that the statistics use and GB/T 2260 does not know: development zones and the like.
func (d Division) StatisticsOnly() bool { return d.Source == "statistics" }

// InForce reports whether the division is in force on the date t shows.
func (d Division) InForce(t time.Time) bool {
	t = dateOf(t)
	return (d.From.IsZero() || !t.Before(d.From)) && (d.To.IsZero() || t.Before(d.To))
}

// period is the period for messages.
func (d Division) period() string {
	show := func(t time.Time) string {
		if t.IsZero() {
			return "…"
		}
		return t.Format(time.DateOnly)
	}
	return show(d.From) + " – " + show(d.To)
}

// Divisions is a table of divisions with their periods. It is immutable and safe for concurrent use.
type Divisions struct {
	rows      []Division // by code, then From
	index     map[DivisionCode][2]int32
	provinces map[string]bool
}

//go:embed data/divisions.csv
var divisionsCSV []byte

//go:embed data/towns.csv.gz
var townsGZ []byte

var builtinDivisions = sync.OnceValue(func() *Divisions {
	z, err := gzip.NewReader(bytes.NewReader(townsGZ))
	if err != nil {
		panic(err) // the file is part of the program; a test reads it
	}
	d, err := ReadDivisions(bytes.NewReader(divisionsCSV), z)
	if err != nil {
		panic(err)
	}
	return d
})

// BuiltinDivisions is the table shipped with the program: the four provinces 31–34 down to towns (town level as of
// 2023), and the county-level codes abolished or created by the reorganisations since about 2009. Days of change are
// those of the approval or announcement and may be some weeks off the day registries switched; codes abolished earlier
// are missing.
func BuiltinDivisions() *Divisions { return builtinDivisions() }

// Bounds of a division table read from outside.
const (
	maxDivisions     = 1_000_000
	maxDivisionBytes = 64 << 20
)

// ReadDivisions reads tables of the form code,name,level,valid_from,valid_to,source with a header line; dates are ISO
// 8601 or empty. Strict and bounded: ErrDivisionTable names the first bad line.
func ReadDivisions(tables ...io.Reader) (*Divisions, error) {
	d := &Divisions{index: map[DivisionCode][2]int32{}, provinces: map[string]bool{}}
	for _, t := range tables {
		if err := d.read(t); err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(d.rows, func(a, b Division) int {
		if c := strings.Compare(string(a.Code), string(b.Code)); c != 0 {
			return c
		}
		return a.From.Compare(b.From)
	})
	for i := range d.rows {
		c := d.rows[i].Code
		r, ok := d.index[c]
		if !ok {
			r[0] = int32(i)
		}
		r[1] = int32(i) + 1
		if prev := int(r[1]) - 2; prev >= int(r[0]) && (d.rows[prev].To.IsZero() || d.rows[prev].To.After(d.rows[i].From)) {
			return nil, ErrDivisionTable.With("periods of "+string(c)+" overlap", string(c)+" 的有效期重叠", 0)
		}
		d.index[c] = r
		d.provinces[string(c[:2])] = true
	}
	return d, nil
}

func (d *Divisions) read(r io.Reader) error {
	in := csv.NewReader(io.LimitReader(r, maxDivisionBytes))
	in.FieldsPerRecord, in.ReuseRecord = 6, true
	for line := 1; ; line++ {
		rec, err := in.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return ErrDivisionTable.Because(err, "not a CSV line of 6 fields", "不是 6 个字段的 CSV 行", line)
		}
		if line == 1 {
			if rec[0] != "code" || rec[5] != "source" {
				return ErrDivisionTable.With("header expected", "缺少表头", line)
			}
			continue
		}
		if len(d.rows) >= maxDivisions {
			return ErrDivisionTable.With("too many lines", "行数过多", line)
		}
		row := Division{Name: strings.Clone(rec[1]), Source: strings.Clone(rec[5])}
		if row.Code, err = ParseDivisionCode(strings.Clone(rec[0])); err != nil {
			return ErrDivisionTable.Because(err, "bad code", "代码有误", line)
		}
		row.Level = row.Code.Level()
		if row.Name == "" || rec[2] != row.Level.String() {
			return ErrDivisionTable.With("name or level missing or wrong", "名称或级别有误", line)
		}
		for i, t := range []*time.Time{&row.From, &row.To} {
			if rec[3+i] == "" {
				continue
			}
			if *t, err = time.Parse(time.DateOnly, rec[3+i]); err != nil {
				return ErrDivisionTable.Because(err, "bad date", "日期有误", line)
			}
		}
		if !row.To.IsZero() && !row.From.Before(row.To) {
			return ErrDivisionTable.With("valid_from not before valid_to", "有效期起止颠倒", line)
		}
		d.rows = append(d.rows, row)
	}
}

// Len is the number of rows.
func (d *Divisions) Len() int { return len(d.rows) }

// Each calls yield for every row, by code and then From.
func (d *Divisions) Each(yield func(Division)) {
	for _, r := range d.rows {
		yield(r)
	}
}

// Covers reports whether the table has the province of the code, so that not finding the code means something.
func (d *Divisions) Covers(code DivisionCode) bool {
	return len(code) >= 2 && d.provinces[string(code[:2])]
}

// Periods are the periods of a code, oldest first; empty if the table does not know it. The caller must not change
// them.
func (d *Divisions) Periods(code DivisionCode) []Division {
	r := d.index[code]
	return d.rows[r[0]:r[1]:r[1]]
}

// Lookup is the latest period of a code.
func (d *Divisions) Lookup(code DivisionCode) (Division, bool) {
	p := d.Periods(code)
	if len(p) == 0 {
		return Division{}, false
	}
	return p[len(p)-1], true
}

// At is the division a code stands for on the date t shows. ErrDivision if the table does not know the code, ErrPeriod
// if it was not in force.
func (d *Divisions) At(code DivisionCode, t time.Time) (Division, error) {
	p := d.Periods(code)
	for _, row := range p {
		if row.InForce(t) {
			return row, nil
		}
	}
	if len(p) == 0 {
		return Division{}, ErrDivision.With(divisionLabel.en, divisionLabel.zh, string(code))
	}
	return Division{}, ErrPeriod.With(divisionLabel.en, divisionLabel.zh, string(code), t.Format(time.DateOnly), p[len(p)-1].period())
}

// Children are the divisions directly below code in force on the date t shows, by code. Codes used by statistics only
// are left out.
func (d *Divisions) Children(code DivisionCode, t time.Time) []Division {
	var out []Division
	i, _ := slices.BinarySearchFunc(d.rows, code, func(r Division, c DivisionCode) int { return strings.Compare(string(r.Code), string(c)) })
	for ; i < len(d.rows) && code.Contains(d.rows[i].Code); i++ {
		r := d.rows[i]
		if p, ok := r.Code.Parent(); ok && p == code && r.InForce(t) && !r.StatisticsOnly() {
			out = append(out, r)
		}
	}
	return out
}

// Provinces are the provinces of the table in force on the date t shows, by code.
func (d *Divisions) Provinces(t time.Time) []Division {
	var out []Division
	for _, r := range d.rows {
		if r.Level == Province && r.InForce(t) {
			out = append(out, r)
		}
	}
	return out
}
