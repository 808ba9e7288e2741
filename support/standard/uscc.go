package standard

import (
	"unicode/utf8"
)

// USCC is a unified social credit code (GB 32100-2015), 18 characters: registration authority, category of
// organisation, division of the registering authority (6 digits), organisation code (9), check character.
type USCC string

// OrganisationCode is an organisation code (GB 11714-1997), 9 characters without the hyphen before the check character.
type OrganisationCode string

const (
	usccAlphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"      // GB 32100: no I, O, S, V, Z
	fullAlphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ" // GB 11714, GB/T 17710
	none         = 0xff
)

// Constant tables, indexed by byte or position.
var (
	usccValue  = valuesOf(usccAlphabet)                                                     //nolint:gochecknoglobals // constant table
	fullValue  = valuesOf(fullAlphabet)                                                     //nolint:gochecknoglobals // constant table
	usccWeight = [17]uint16{1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28} //nolint:gochecknoglobals // constant table, 3^(i-1) mod 31
	orgWeight  = [8]uint16{3, 7, 9, 10, 5, 8, 4, 2}                                         //nolint:gochecknoglobals // constant table
	usccLabel  = label{usccEn, usccZh}                                                      //nolint:gochecknoglobals // constant table
	orgLabel   = label{orgEn, orgZh}                                                        //nolint:gochecknoglobals // constant table
)

func valuesOf(alphabet string) (t [256]uint8) {
	for i := range t {
		t[i] = none
	}
	for i := range len(alphabet) {
		t[alphabet[i]] = uint8(i)
	}
	return t
}

// CheckUSCC checks s against GB 32100-2015 and then the organisation code inside against GB 11714. The order is
// length, alphabet (BadLowercase if writing it in upper case would bring it into the alphabet), check character, inner
// check character; the first failure is returned. No allocation when s is good.
//
// BadOrgCheck is the one fault of a code that passes GB 32100's own check: a handful of codes in use have it.
// ParseUSCC accepts those.
func CheckUSCC(s string) (Fault, error) {
	if len(s) != 18 {
		return badText(usccLabel, s, "18", 18, &usccValue)
	}
	var sum uint16
	for i := range 18 {
		v := usccValue[s[i]]
		if v == none {
			return badText(usccLabel, s, "18", 18, &usccValue)
		}
		if i < 17 {
			sum += uint16(v) * usccWeight[i]
		}
	}
	if want := usccAlphabet[(31-sum%31)%31]; want != s[17] {
		return BadCheck, ErrCheck.With(usccLabel.en, usccLabel.zh, string(want), s[17:])
	}
	if want := orgCheck(s[8:16]); want != s[16] {
		return BadOrgCheck, ErrOrgCheck.With(usccLabel.en, usccLabel.zh, string(want), s[16:17])
	}
	return OK, nil
}

// ParseUSCC accepts what passes GB 32100-2015: length, alphabet, check character. A code whose organisation code alone
// fails is accepted, since such codes have been issued; ask USCC.OrganisationCode. Surrounding blanks are an error.
func ParseUSCC(s string) (USCC, error) {
	if f, err := CheckUSCC(s); f != OK && f != BadOrgCheck {
		return "", err
	}
	return USCC(s), nil
}

// MakeUSCC computes the check character for the first 17 characters. The organisation code in it is not checked.
func MakeUSCC(first17 string) (USCC, error) {
	if len(first17) != 17 {
		_, err := badText(usccLabel, first17, "17", 17, &usccValue)
		return "", err
	}
	var sum uint16
	for i := range 17 {
		v := usccValue[first17[i]]
		if v == none {
			_, err := badText(usccLabel, first17, "17", 17, &usccValue)
			return "", err
		}
		sum += uint16(v) * usccWeight[i]
	}
	return USCC(first17 + usccAlphabet[(31-sum%31)%31:][:1]), nil
}

// SuggestUSCC writes s in upper case and returns it if that makes it pass GB 32100; for a form to offer, never to
// apply unasked.
func SuggestUSCC(s string) (USCC, bool) {
	u, err := ParseUSCC(upper(s))
	return u, err == nil && string(u) != s
}

// String returns the 18 characters.
func (u USCC) String() string { return string(u) }

// Authority is the registration authority (position 1): 1 staffing commission, 5 civil affairs, 9 market regulation …
// 0 if u isn't 18 characters.
func (u USCC) Authority() byte {
	if len(u) != 18 {
		return 0
	}
	return u[0]
}

// Division is the division of the registering authority (positions 3–8). It is the division at the time of first
// registration and may have been abolished since.
func (u USCC) Division() DivisionCode {
	if len(u) != 18 {
		return ""
	}
	return DivisionCode(u[2:8])
}

// OrganisationCode is the organisation code inside (positions 9–17); ErrOrgCheck if it fails GB 11714, along with the
// code as it stands.
func (u USCC) OrganisationCode() (OrganisationCode, error) {
	if len(u) != 18 {
		_, err := badText(usccLabel, string(u), "18", 18, &usccValue)
		return "", err
	}
	if want := orgCheck(string(u[8:16])); want != u[16] {
		return OrganisationCode(u[8:17]), ErrOrgCheck.With(usccLabel.en, usccLabel.zh, string(want), string(u[16:17]))
	}
	return OrganisationCode(u[8:17]), nil
}

// UnmarshalText implements encoding.TextUnmarshaler by ParseUSCC.
func (u *USCC) UnmarshalText(b []byte) (err error) {
	*u, err = ParseUSCC(string(b))
	return err
}

// CheckOrganisationCode checks s against GB 11714-1997: 9 characters, digits and upper-case letters, check character
// 0–9 or X.
func CheckOrganisationCode(s string) (Fault, error) {
	if len(s) != 9 {
		return badText(orgLabel, s, "9", 9, &fullValue)
	}
	for i := range 9 {
		if fullValue[s[i]] == none {
			return badText(orgLabel, s, "9", 9, &fullValue)
		}
	}
	if want := orgCheck(s[:8]); want != s[8] {
		return BadCheck, ErrCheck.With(orgLabel.en, orgLabel.zh, string(want), s[8:])
	}
	return OK, nil
}

// ParseOrganisationCode accepts what CheckOrganisationCode finds good, and the written form with a hyphen before the
// check character, which it drops.
func ParseOrganisationCode(s string) (OrganisationCode, error) {
	if len(s) == 10 && s[8] == '-' {
		s = s[:8] + s[9:]
	}
	if _, err := CheckOrganisationCode(s); err != nil {
		return "", err
	}
	return OrganisationCode(s), nil
}

// MakeOrganisationCode computes the check character for the first 8 characters.
func MakeOrganisationCode(first8 string) (OrganisationCode, error) {
	for i := range len(first8) {
		if fullValue[first8[i]] == none {
			_, err := badText(orgLabel, first8, "8", 8, &fullValue)
			return "", err
		}
	}
	if len(first8) != 8 {
		_, err := badText(orgLabel, first8, "8", 8, &fullValue)
		return "", err
	}
	return OrganisationCode(first8 + string(orgCheck(first8))), nil
}

// String returns the 9 characters.
func (o OrganisationCode) String() string { return string(o) }

// UnmarshalText implements encoding.TextUnmarshaler by ParseOrganisationCode.
func (o *OrganisationCode) UnmarshalText(b []byte) (err error) {
	*o, err = ParseOrganisationCode(string(b))
	return err
}

// orgCheck is the check character for 8 characters of fullAlphabet.
func orgCheck(s string) byte {
	var sum uint16
	for i := range 8 {
		sum += uint16(fullValue[s[i]]) * orgWeight[i]
	}
	return "0X987654321"[sum%11]
}

// badText says what is wrong with the length or the alphabet of s. It is called only when something is: the slow path
// counts characters, not bytes, so that a full-width digit is reported as a wrong character.
func badText(l label, s, lengths string, want int, values *[256]uint8) (Fault, error) {
	if n := utf8.RuneCountInString(s); n != want {
		return BadLength, ErrLength.With(l.en, l.zh, lengths, n)
	}
	lower, pos := 0, 0
	for _, r := range s {
		pos++
		switch {
		case r < utf8.RuneSelf && values[byte(r)] != none: //nolint:gosec // below RuneSelf
		case 'a' <= r && r <= 'z' && values[byte(r)-'a'+'A'] != none:
			if lower == 0 {
				lower = pos
			}
		default:
			return BadAlphabet, ErrAlphabet.With(l.en, l.zh, pos)
		}
	}
	return BadLowercase, ErrLowercase.With(l.en, l.zh, lower)
}

// upper writes ASCII letters in upper case and leaves everything else.
func upper(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'a' <= c && c <= 'z' {
			b[i] = c - 'a' + 'A'
		}
	}
	return string(b)
}
