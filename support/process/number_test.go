package process

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestNumber: what is drawn is read again however it is grouped, and every single wrong digit is found.
func TestNumber(t *testing.T) {
	at := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	rapid.Check(t, func(t *rapid.T) {
		n := NewNumber(at)
		if got, ok := ParseNumber(ShowNumber(n)); !ok || got != n || n[:2] != "26" {
			t.Fatalf("%q: %q %v", n, got, ok)
		}
		i := rapid.IntRange(0, len(n)-1).Draw(t, "place")
		wrong := []byte(n)
		wrong[i] = '0' + (wrong[i]-'0'+byte(rapid.IntRange(1, 9).Draw(t, "by")))%10
		if _, ok := ParseNumber(string(wrong)); ok {
			t.Fatalf("%s passes for %s", wrong, n)
		}
	})
	for _, s := range []string{"", "2648", "26483729154x", "２６４８３７２９１５４６", "2648372915460"} {
		if n, ok := ParseNumber(s); ok {
			t.Errorf("%q is read as %s", s, n)
		}
	}
	// ISO/IEC 7064:2003, the example of MOD 11,10: 0794 has the check digit 5.
	if c := checkDigit([]byte("0794")); c != '5' {
		t.Errorf("check digit %c", c)
	}
}
