package source

import (
	"errors"
	"math"
	"strconv"
	"unicode/utf8"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/kuayu/kuayu/internal/columnar"
	"github.com/kuayu/kuayu/internal/errs"
)

// guess collects what the sampled values of a CSV column could be. Identifier-like numbers (leading zeros, a plus
// sign, more than 15 digits) are text: an identity number must not lose a digit.
type guess struct{ seen, notInt, notFloat, notBool, notDate bool }

func (g *guess) see(f []byte, quoted bool) {
	g.seen = true
	s := view(f)
	if quoted && s == "" {
		*g = guess{true, true, true, true, true}
		return
	}
	g.notInt = g.notInt || !intLike(s)
	g.notFloat = g.notFloat || !floatLike(s)
	g.notBool = g.notBool || !boolLike(s)
	if !g.notDate {
		_, ok := parseDate(s)
		g.notDate = !ok
	}
}

func (g *guess) kind() kind {
	switch {
	case !g.seen:
		return kText
	case !g.notInt:
		return kInt
	case !g.notFloat:
		return kFloat
	case !g.notBool:
		return kBool
	case !g.notDate:
		return kDate
	}
	return kText
}

func kindNamed(s string) (kind, bool) {
	switch s {
	case "string":
		return kText, true
	case "int":
		return kInt, true
	case "float":
		return kFloat, true
	case "bool":
		return kBool, true
	case "date":
		return kDate, true
	case "timestamp":
		return kTime, true
	}
	return kText, false
}

// view reads bytes as text without a copy, for a parser that keeps nothing.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) } //nolint:gosec // not kept

// intLike accepts what survives the way to a number and back.
func intLike(s string) bool {
	if s != "" && s[0] == '-' {
		s = s[1:]
		if s == "0" {
			return false
		}
	}
	return digits(s) && len(s) <= 15 && (s[0] != '0' || len(s) == 1)
}

// floatLike accepts whole numbers as above, and decimals with an optional exponent of at most 17 digits in all.
func floatLike(s string) bool {
	if intLike(s) || s == "-0" {
		return true
	}
	if s != "" && s[0] == '-' {
		s = s[1:]
	}
	whole, rest := span10(s)
	if whole == "" || (whole[0] == '0' && len(whole) > 1) {
		return false
	}
	n := len(whole)
	if rest != "" && rest[0] == '.' {
		var frac string
		frac, rest = span10(rest[1:])
		if frac == "" {
			return false
		}
		n += len(frac)
	} else if rest == "" {
		return false // a whole number that is too long
	}
	if n > 17 && whole != "0" || n > 20 {
		return false
	}
	if rest == "" {
		return true
	}
	if rest[0] != 'e' && rest[0] != 'E' {
		return false
	}
	rest = rest[1:]
	if rest != "" && (rest[0] == '-' || rest[0] == '+') {
		rest = rest[1:]
	}
	return digits(rest) && len(rest) <= 3
}

func span10(s string) (num, rest string) {
	i := 0
	for i < len(s) && s[i] >= '0' && s[i] <= '9' {
		i++
	}
	return s[:i], s[i:]
}

func boolLike(s string) bool {
	switch s {
	case "true", "false", "TRUE", "FALSE", "True", "False":
		return true
	}
	return false
}

// fits tells whether a field can be read as the kind.
func fits(k kind, f []byte) bool {
	s := view(f)
	switch k {
	case kInt:
		_, err := strconv.ParseInt(s, 10, 64)
		return err == nil
	case kFloat:
		v, err := strconv.ParseFloat(s, 64)
		return err == nil && !math.IsInf(v, 0) && !math.IsNaN(v)
	case kBool:
		return boolLike(s)
	case kDate:
		_, ok := parseDate(s)
		return ok
	case kTime:
		_, ok := parseTime(s)
		return ok
	case kText, kDecimal, kNumeric, kBinary:
	}
	return true
}

// putText appends a field that fits.
func putText(c *columnar.Column, k kind, f []byte) {
	s := view(f)
	switch k {
	case kInt:
		v, _ := strconv.ParseInt(s, 10, 64)
		c.Int64(v)
	case kFloat:
		v, _ := strconv.ParseFloat(s, 64)
		c.Float64(v)
	case kBool:
		c.Bool(s[0] == 't' || s[0] == 'T')
	case kDate:
		v, _ := parseDate(s)
		c.Int32(v)
	case kTime:
		v, _ := parseTime(s)
		c.Int64(v)
	case kText, kDecimal, kNumeric, kBinary:
		c.Bytes(f)
	}
}

func validText(a *array.String) bool {
	for i := range a.Len() {
		if a.IsValid(i) && !utf8.ValidString(a.Value(i)) {
			return false
		}
	}
	return true
}

// known tells our own errors from those of libraries.
func known(err error) bool {
	var e *errs.Error
	return errors.As(err, &e)
}
