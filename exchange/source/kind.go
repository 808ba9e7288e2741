package source

import (
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/kuayu/kuayu/support/policy"
)

// kind is the logical type of a column: what it may be compared with and how.
type kind uint8

const (
	kText kind = iota
	kInt
	kFloat
	kBool
	kDate    // days since 1970-01-01
	kTime    // microseconds since 1970-01-01 UTC
	kDecimal // decimal128
	kNumeric // number of any precision, carried as text
	kBinary
)

func (k kind) ordered() bool { return k != kBinary && k != kFloat && k != kBool }

func (k kind) arrow() arrow.DataType {
	switch k {
	case kInt:
		return arrow.PrimitiveTypes.Int64
	case kFloat:
		return arrow.PrimitiveTypes.Float64
	case kBool:
		return arrow.FixedWidthTypes.Boolean
	case kDate:
		return arrow.FixedWidthTypes.Date32
	case kTime:
		return arrow.FixedWidthTypes.Timestamp_us
	case kBinary:
		return arrow.BinaryTypes.Binary
	case kText, kNumeric, kDecimal:
		return arrow.BinaryTypes.String
	}
	return arrow.BinaryTypes.String
}

func (k kind) words() (en, zh string) {
	switch k {
	case kInt:
		return "a whole number", "整数"
	case kFloat, kDecimal, kNumeric:
		return "a number", "数字"
	case kBool:
		return "true or false", "true 或 false"
	case kDate:
		return "a date such as 2020-01-31", "日期，如 2020-01-31"
	case kTime:
		return "a time such as 2020-01-31T08:00:00Z", "时间，如 2020-01-31T08:00:00Z"
	case kBinary:
		return "nothing: binary data can't be compared", "空：二进制数据不能比较"
	case kText:
	}
	return "text", "文本"
}

// literal is a value of a predicate or cursor, converted to the kind of its column.
type literal struct {
	s string   // text; canonical text of dates, times and numbers
	i int64    // int, bool (0/1), days, microseconds
	f float64  // float
	r *big.Rat // exact number of a decimal
}

// literalFor converts v to the kind of the column, or fails with ErrValueType.
func literalFor(c *Column, v policy.Value) (literal, error) {
	bad := func() (literal, error) {
		en, zh := c.kind.words()
		return literal{}, valueType(c.Name, en, zh)
	}
	if v.Kind == policy.Float && (math.IsNaN(v.F) || math.IsInf(v.F, 0)) {
		return bad()
	}
	if v.Kind == policy.String && (!utf8.ValidString(v.S) || strings.IndexByte(v.S, 0) >= 0) {
		return bad()
	}
	switch c.kind {
	case kText:
		if v.Kind == policy.String {
			return literal{s: v.S}, nil
		}
	case kInt:
		if v.Kind == policy.Int {
			return literal{i: v.I}, nil
		}
		if v.Kind == policy.Float && v.F == math.Trunc(v.F) && math.Abs(v.F) <= 1<<53 {
			return literal{i: int64(v.F)}, nil
		}
	case kFloat:
		if v.Kind == policy.Float {
			return literal{f: v.F}, nil
		}
		if v.Kind == policy.Int {
			return literal{f: float64(v.I)}, nil
		}
	case kBool:
		if v.Kind == policy.Bool {
			if v.B {
				return literal{i: 1}, nil
			}
			return literal{}, nil
		}
	case kDate:
		if v.Kind == policy.String {
			if d, ok := parseDate(v.S); ok {
				return literal{i: int64(d), s: v.S}, nil
			}
		}
	case kTime:
		if v.Kind == policy.String {
			if us, ok := parseTime(v.S); ok {
				return literal{i: us}, nil
			}
		}
	case kDecimal, kNumeric:
		s := v.S
		switch v.Kind {
		case policy.Int:
			s = strconv.FormatInt(v.I, 10)
		case policy.Float:
			s = strconv.FormatFloat(v.F, 'f', -1, 64)
		case policy.String, policy.Bool:
		}
		if v.Kind != policy.Bool && plainNumber(s) {
			return literal{s: s, r: rat(s)}, nil
		}
	case kBinary:
	}
	return bad()
}

// keyLiteral reads the text of a key back.
func keyLiteral(c *Column, s string) (literal, error) {
	v := policy.Str(s)
	if c.kind == kInt {
		i, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return literal{}, ErrCursor.Because(err)
		}
		v = policy.IntOf(i)
	}
	l, err := literalFor(c, v)
	if err == nil && c.uuid && !isUUID(s) {
		return literal{}, ErrCursor.With()
	}
	if err != nil {
		return literal{}, ErrCursor.Because(err)
	}
	return l, nil
}

// plainNumber accepts an optional sign, digits and a fraction, at most 400 characters.
func plainNumber(s string) bool {
	if len(s) > 400 {
		return false
	}
	s = strings.TrimPrefix(s, "-")
	whole, frac, dot := strings.Cut(s, ".")
	return digits(whole) && (!dot || digits(frac))
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// rat is the exact number of a decimal text made by this package.
func rat(s string) *big.Rat {
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		return new(big.Rat)
	}
	return r
}

func num(s string) (int, bool) {
	n := 0
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + int(s[i]-'0')
	}
	return n, true
}

// parseDate reads exactly YYYY-MM-DD.
func parseDate(s string) (int32, bool) {
	if len(s) != 10 || s[4] != '-' || s[7] != '-' {
		return 0, false
	}
	y, ok1 := num(s[:4])
	m, ok2 := num(s[5:7])
	d, ok3 := num(s[8:])
	if !ok1 || !ok2 || !ok3 || y < 1 || m < 1 || m > 12 || d < 1 || d > monthDays(y, m) {
		return 0, false
	}
	return int32(civil(y, m, d)), true //nolint:gosec // four-digit years fit
}

func monthDays(y, m int) int {
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

// civil is the number of days since 1970-01-01 of a Gregorian date.
func civil(y, m, d int) int {
	if m <= 2 {
		y--
	}
	era := y / 400
	yoe := y - era*400
	mp := (m + 9) % 12
	doy := (153*mp+2)/5 + d - 1
	doe := yoe*365 + yoe/4 - yoe/100 + doy
	return era*146097 + doe - 719468
}

// parseTime reads ISO 8601: YYYY-MM-DD, or with [T ]HH:MM[:SS[.f]] and an optional Z or ±HH[:]MM. Without a zone it is UTC.
// Digits below a microsecond are cut.
func parseTime(s string) (int64, bool) {
	if len(s) < 10 {
		return 0, false
	}
	day, ok := parseDate(s[:10])
	if !ok {
		return 0, false
	}
	us := int64(day) * 86_400_000_000
	s = s[10:]
	if s == "" {
		return us, true
	}
	if len(s) < 6 || (s[0] != 'T' && s[0] != ' ') || s[3] != ':' {
		return 0, false
	}
	h, ok1 := num(s[1:3])
	mi, ok2 := num(s[4:6])
	if !ok1 || !ok2 || h > 23 || mi > 59 {
		return 0, false
	}
	us += int64(h)*3_600_000_000 + int64(mi)*60_000_000
	s = s[6:]
	if len(s) >= 3 && s[0] == ':' {
		sec, ok := num(s[1:3])
		if !ok || sec > 59 {
			return 0, false
		}
		us += int64(sec) * 1_000_000
		s = s[3:]
		if s != "" && s[0] == '.' {
			n, scale := 1, int64(100_000)
			for ; n < len(s) && s[n] >= '0' && s[n] <= '9'; n++ {
				us += int64(s[n]-'0') * scale
				scale /= 10
			}
			if n == 1 || n > 10 {
				return 0, false
			}
			s = s[n:]
		}
	}
	off, ok := zone(s)
	return us - off, ok
}

// zone reads an empty zone, Z or an offset, and gives microseconds.
func zone(s string) (int64, bool) {
	if s == "" || s == "Z" {
		return 0, true
	}
	if (s[0] != '+' && s[0] != '-') || (len(s) != 6 && len(s) != 5 && len(s) != 3) || (len(s) == 6 && s[3] != ':') {
		return 0, false
	}
	h, ok1 := num(s[1:3])
	m, ok2 := 0, true
	if len(s) > 3 {
		m, ok2 = num(s[len(s)-2:])
	}
	if !ok1 || !ok2 || h > 15 || m > 59 {
		return 0, false
	}
	off := (int64(h)*60 + int64(m)) * 60_000_000
	if s[0] == '-' {
		off = -off
	}
	return off, true
}

func dateText(days int64) string { return time.Unix(days*86400, 0).UTC().Format("2006-01-02") }

func timeText(us int64) string { return time.UnixMicro(us).UTC().Format(time.RFC3339Nano) }

func bigText(s string) (*big.Int, bool) { return new(big.Int).SetString(s, 10) }
