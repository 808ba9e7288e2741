package process

import (
	"crypto/rand"
	"strings"
	"time"
)

// A case number is twelve digits, shown in three groups of four: two of the year, nine at random, and a check digit by
// ISO/IEC 7064 MOD 11,10, which finds every wrong digit and nearly every pair read in the wrong order. It is drawn at
// the end that opens a case and goes with it; it is a name to be spoken, not a key: two members may by chance draw one
// number (one in a thousand among a million cases a year), and a search then shows both.

// numberDigits is the length of a number.
const numberDigits = 12

// NewNumber draws a number for a case opened at a time.
func NewNumber(at time.Time) string {
	var raw [numberDigits - 3]byte
	_, _ = rand.Read(raw[:]) // never fails since Go 1.24: it crashes the program instead
	b := []byte(at.UTC().Format("06"))
	for _, r := range raw {
		for r >= 250 { // else low digits would be likelier
			var one [1]byte
			_, _ = rand.Read(one[:])
			r = one[0]
		}
		b = append(b, '0'+r%10)
	}
	return string(append(b, checkDigit(b)))
}

// checkDigit is that of ISO/IEC 7064 MOD 11,10.
func checkDigit(digits []byte) byte {
	p := 10
	for _, d := range digits {
		s := (p + int(d-'0')) % 10
		if s == 0 {
			s = 10
		}
		p = s * 2 % 11
	}
	return byte('0' + (11-p)%10)
}

// ParseNumber reads a number as people write it, with spaces or hyphens; ok is false if it is none.
func ParseNumber(s string) (number string, ok bool) {
	s = strings.NewReplacer(" ", "", "-", "", "\u3000", "", "－", "").Replace(s)
	if len(s) != numberDigits || strings.Trim(s, "0123456789") != "" {
		return "", false
	}
	return s, checkDigit([]byte(s[:numberDigits-1])) == s[numberDigits-1]
}

// ShowNumber is a number in groups, as it is read out; anything else stays as it is.
func ShowNumber(n string) string {
	if len(n) != numberDigits {
		return n
	}
	return n[:4] + " " + n[4:8] + " " + n[8:]
}
