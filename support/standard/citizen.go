package standard

import (
	"time"
	"unicode/utf8"
)

// CitizenID is a citizen identity number (GB 11643-1999), 18 characters: division (6 digits), date of birth (8),
// sequence (3, odd for men), check character (0–9 or X).
type CitizenID string

// Sex as GB/T 2261.1 counts it in the values that occur here.
type Sex uint8

// The sexes a citizen identity number can express.
const (
	Male   Sex = 1
	Female Sex = 2
)

var (
	citizenLabel  = label{citizenEn, citizenZh}                                     //nolint:gochecknoglobals // constant table
	citizenWeight = [17]uint16{7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2} //nolint:gochecknoglobals // constant table, 2^(18-i) mod 11
	citizenValue  = valuesOf("0123456789X")                                         //nolint:gochecknoglobals // constant table; X counts 10
)

// CheckCitizenID checks s against GB 11643-1999 as far as it can without a table or a clock: length, characters (X
// only at the end; x is BadLowercase), province of the division code, a date of the calendar, check character (ISO
// 7064 MOD 11-2). No allocation when s is good. A 15-digit number of the first generation is BadLength.
func CheckCitizenID(s string) (Fault, error) {
	if len(s) != 18 {
		return badText(citizenLabel, s, "18", 18, &citizenValue)
	}
	var sum uint16
	for i := range 18 {
		v := citizenValue[s[i]]
		if v == none {
			if i := firstX(s); i >= 0 {
				return BadAlphabet, ErrAlphabet.With(citizenLabel.en, citizenLabel.zh, i+1)
			}
			return badText(citizenLabel, s, "18", 18, &citizenValue)
		}
		if i == 17 {
			break
		}
		if v == 10 {
			return BadAlphabet, ErrAlphabet.With(citizenLabel.en, citizenLabel.zh, i+1)
		}
		sum += uint16(v) * citizenWeight[i]
	}
	if !validDate(s[6:14]) {
		return BadDate, ErrDate.With(citizenLabel.en, citizenLabel.zh)
	}
	if want := "10X98765432"[sum%11]; want != s[17] {
		return BadCheck, ErrCheck.With(citizenLabel.en, citizenLabel.zh, string(want), s[17:])
	}
	if !isProvince(s[:2]) {
		return BadDivision, ErrDivision.With(citizenLabel.en, citizenLabel.zh, s[:6])
	}
	return OK, nil
}

// firstX is the first x or X before the last position of an otherwise numeric 18-byte text, -1 if there is none.
func firstX(s string) int {
	for i := range 17 {
		if s[i] == 'X' || s[i] == 'x' {
			return i
		}
		if s[i] < '0' || s[i] > '9' {
			return -1
		}
	}
	return -1
}

// ParseCitizenID accepts what CheckCitizenID finds good.
func ParseCitizenID(s string) (CitizenID, error) {
	if _, err := CheckCitizenID(s); err != nil {
		return "", err
	}
	return CitizenID(s), nil
}

// MakeCitizenID computes the check character for the first 17 digits and checks the whole.
func MakeCitizenID(first17 string) (CitizenID, error) {
	if n := utf8.RuneCountInString(first17); n != 17 || len(first17) != 17 {
		return "", ErrLength.With(citizenLabel.en, citizenLabel.zh, "17", n)
	}
	var sum uint16
	for i := range 17 {
		if first17[i] < '0' || first17[i] > '9' {
			return "", ErrAlphabet.With(citizenLabel.en, citizenLabel.zh, i+1)
		}
		sum += uint16(first17[i]-'0') * citizenWeight[i]
	}
	return ParseCitizenID(first17 + "10X98765432"[sum%11:][:1])
}

// SuggestCitizenID writes s in upper case and returns it if that makes it good; to offer, never to apply unasked.
func SuggestCitizenID(s string) (CitizenID, bool) {
	c, err := ParseCitizenID(upper(s))
	return c, err == nil && string(c) != s
}

// String returns the 18 characters. It is personal information: mask it before it is shown or logged.
func (c CitizenID) String() string { return string(c) }

// Birth is the date of birth at 00:00 UTC; the zero time if c didn't come from ParseCitizenID.
func (c CitizenID) Birth() time.Time {
	if len(c) != 18 || !validDate(string(c[6:14])) {
		return time.Time{}
	}
	y, m, d := datePartsOf(string(c[6:14]))
	return time.Date(y, time.Month(m), d, 0, 0, 0, 0, time.UTC)
}

// Sex is told by position 17: odd for men, even for women.
func (c CitizenID) Sex() Sex {
	if len(c) == 18 && (c[16]-'0')%2 == 1 {
		return Male
	}
	return Female
}

// Division is the division where the number was first given.
func (c CitizenID) Division() DivisionCode {
	if len(c) != 18 {
		return ""
	}
	return DivisionCode(c[:6])
}

// firstIssue is when citizen identity numbers began to be given (Regulation on resident identity cards, 1984).
const firstIssue = "1984-04-06"

// Check looks at what only a table and a date can tell. The date of birth must lie within the 150 years before at
// (BadDate). The division must have been in force on some day between the birth, or 1984-04-06 when the first numbers
// were given, and at (BadPeriod if it was not, BadDivision if no table knows it). Provinces the table does not cover
// pass.
//
// Numbers given long ago carry codes of divisions abolished before the table's history begins, so BadDivision here is
// a reason to look twice, not to refuse a person.
func (c CitizenID) Check(divisions *Divisions, at time.Time) (Fault, error) {
	birth := c.Birth()
	if at = dateOf(at); birth.After(at) || birth.Before(at.AddDate(-150, 0, 0)) {
		return BadDate, ErrFuture.With(citizenLabel.en, citizenLabel.zh, at.AddDate(-150, 0, 0).Format(time.DateOnly), at.Format(time.DateOnly))
	}
	code := c.Division()
	if !divisions.Covers(code) {
		return OK, nil
	}
	periods := divisions.Periods(code)
	if len(periods) == 0 {
		return BadDivision, ErrDivision.With(citizenLabel.en, citizenLabel.zh, string(code))
	}
	from := birth
	if first, _ := time.Parse(time.DateOnly, firstIssue); from.Before(first) {
		from = first
	}
	for _, p := range periods {
		if (p.To.IsZero() || p.To.After(from)) && (p.From.IsZero() || !p.From.After(at)) {
			return OK, nil
		}
	}
	return BadPeriod, ErrPeriod.With(citizenLabel.en, citizenLabel.zh, string(code), from.Format(time.DateOnly), periods[len(periods)-1].period())
}

// UnmarshalText implements encoding.TextUnmarshaler by ParseCitizenID.
func (c *CitizenID) UnmarshalText(b []byte) (err error) {
	*c, err = ParseCitizenID(string(b))
	return err
}

// validDate reports whether 8 bytes are a date of the Gregorian calendar, YYYYMMDD, from the year 1800 on.
func validDate(s string) bool {
	for i := range 8 {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	y, m, d := datePartsOf(s)
	return y >= 1800 && m >= 1 && m <= 12 && d >= 1 && d <= daysIn(y, m)
}

func datePartsOf(s string) (y, m, d int) {
	n := func(s string) (v int) {
		for i := range len(s) {
			v = v*10 + int(s[i]-'0')
		}
		return v
	}
	return n(s[:4]), n(s[4:6]), n(s[6:8])
}

func daysIn(y, m int) int {
	switch m {
	case 2:
		if y%4 == 0 && (y%100 != 0 || y%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// dateOf is the date t shows, at 00:00 UTC.
func dateOf(t time.Time) time.Time {
	y, m, d := t.Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}
