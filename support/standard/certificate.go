package standard

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// ElectronicCertificateID is an electronic certificate identifier (GB/T 36904-2018):
// root.type.issuer.serial.version.check, where root is 1.2.156.3005.2, type the USCC of the organisation that defines
// the certificate type plus 3 characters, issuer a USCC (a division code in older data), serial 1–32 digits and
// upper-case letters, version 001–999, and check one character by ISO 7064 MOD 37,36 over the four parts without dots.
type ElectronicCertificateID string

// CertificateRoot is the object identifier all certificate identifiers begin with.
const CertificateRoot = "1.2.156.3005.2"

const maxSerial = 32

var certLabel = label{certEn, certZh} //nolint:gochecknoglobals // constant table

// CheckElectronicCertificateID checks s against GB/T 36904-2018: root, number of parts, characters and lengths of the
// parts, version, check character, the credit codes in type and issuer, in this order. No allocation when s is good.
func CheckElectronicCertificateID(s string) (Fault, error) {
	rest, ok := strings.CutPrefix(s, CertificateRoot+".")
	if !ok {
		return BadPrefix, ErrPrefix.With(certLabel.en, certLabel.zh, CertificateRoot)
	}
	var part [5]string
	for i := range part {
		var more bool
		part[i], rest, more = strings.Cut(rest, ".")
		if more == (i == 4) {
			return BadParts, ErrParts.With(certLabel.en, certLabel.zh, strings.Count(CertificateRoot, ".")+1+len(part))
		}
	}
	typ, issuer, serial, version, check := part[0], part[1], part[2], part[3], part[4]
	var sum mod3736
	for _, p := range part {
		for i := range len(p) {
			if fullValue[p[i]] == none {
				return badCharacter(s)
			}
		}
	}
	switch {
	case len(typ) != 21:
		return BadLength, ErrLength.With("Certificate type code", "证照类型代码", "21", len(typ))
	case len(issuer) != 18 && len(issuer) != 6:
		return BadLength, ErrLength.With("Issuer code", "证照颁发机构代码", "18/6", len(issuer))
	case len(serial) < 1 || len(serial) > maxSerial:
		return BadLength, ErrLength.With("Serial", "流水号", "1–32", len(serial))
	case len(version) != 3:
		return BadLength, ErrLength.With("Version", "版本号", "3", len(version))
	case len(check) != 1:
		return BadLength, ErrLength.With("Check character", "校验位", "1", len(check))
	case !digits(version) || version == "000":
		return BadVersion, ErrVersion.With(certLabel.en, certLabel.zh)
	}
	for _, p := range part[:4] {
		sum.add(p)
	}
	if want := sum.check(); want != check[0] {
		return BadCheck, ErrCheck.With(certLabel.en, certLabel.zh, string(want), check)
	}
	if f, err := CheckUSCC(typ[:18]); f != OK && f != BadOrgCheck {
		return f, err
	}
	if len(issuer) == 6 {
		return CheckDivisionCode(issuer)
	}
	if f, err := CheckUSCC(issuer); f != OK && f != BadOrgCheck {
		return f, err
	}
	return OK, nil
}

// badCharacter reports the first character of s that is neither in the alphabet nor a dot.
func badCharacter(s string) (Fault, error) {
	pos := 0
	for _, r := range s {
		pos++
		switch {
		case r == '.' || r < utf8.RuneSelf && fullValue[byte(r)] != none: //nolint:gosec // below RuneSelf
		case 'a' <= r && r <= 'z':
			return BadLowercase, ErrLowercase.With(certLabel.en, certLabel.zh, pos)
		default:
			return BadAlphabet, ErrAlphabet.With(certLabel.en, certLabel.zh, pos)
		}
	}
	return BadAlphabet, ErrAlphabet.With(certLabel.en, certLabel.zh, pos)
}

// ParseElectronicCertificateID accepts what CheckElectronicCertificateID finds good.
func ParseElectronicCertificateID(s string) (ElectronicCertificateID, error) {
	if _, err := CheckElectronicCertificateID(s); err != nil {
		return "", err
	}
	return ElectronicCertificateID(s), nil
}

// MakeElectronicCertificateID joins the parts, computes the check character and checks the whole. version is 1–999.
func MakeElectronicCertificateID(typ, issuer, serial string, version int) (ElectronicCertificateID, error) {
	if version < 1 || version > 999 {
		return "", ErrVersion.With(certLabel.en, certLabel.zh)
	}
	v := fmt.Sprintf("%03d", version)
	check := byte('0')
	if fullOnly(typ) && fullOnly(issuer) && fullOnly(serial) {
		var sum mod3736
		sum.add(typ)
		sum.add(issuer)
		sum.add(serial)
		sum.add(v)
		check = sum.check()
	}
	return ParseElectronicCertificateID(strings.Join([]string{CertificateRoot, typ, issuer, serial, v, string(check)}, "."))
}

// String returns the identifier.
func (id ElectronicCertificateID) String() string { return string(id) }

// Type is the certificate type code, 21 characters.
func (id ElectronicCertificateID) Type() string { return id.part(0) }

// Issuer is the code of the issuing organisation: 18 characters, or 6 in older data.
func (id ElectronicCertificateID) Issuer() string { return id.part(1) }

// Serial is the serial number within type and issuer.
func (id ElectronicCertificateID) Serial() string { return id.part(2) }

// Version is 1 for the first issue and grows with every change.
func (id ElectronicCertificateID) Version() int {
	v := 0
	for _, c := range []byte(id.part(3)) {
		v = v*10 + int(c-'0')
	}
	return v
}

func (id ElectronicCertificateID) part(n int) string {
	rest, _ := strings.CutPrefix(string(id), CertificateRoot+".")
	for ; n > 0; n-- {
		_, rest, _ = strings.Cut(rest, ".")
	}
	p, _, _ := strings.Cut(rest, ".")
	return p
}

// UnmarshalText implements encoding.TextUnmarshaler by ParseElectronicCertificateID.
func (id *ElectronicCertificateID) UnmarshalText(b []byte) (err error) {
	*id, err = ParseElectronicCertificateID(string(b))
	return err
}

// mod3736 is the running sum of ISO 7064 MOD 37,36, kept as its difference from 36 so that the zero value is the start.
type mod3736 struct{ p int }

// add takes the characters of fullAlphabet in s.
func (m *mod3736) add(s string) {
	p := 36 - m.p
	for i := range len(s) {
		p = (p + int(fullValue[s[i]])) % 36
		if p == 0 {
			p = 36
		}
		p = p * 2 % 37
	}
	m.p = 36 - p
}

func (m *mod3736) check() byte { return fullAlphabet[(37-(36-m.p))%36] }

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

func fullOnly(s string) bool {
	for i := range len(s) {
		if fullValue[s[i]] == none {
			return false
		}
	}
	return true
}
