package standard

// Fault is the reason why a text is not a good identifier: a small number to count by and a stable word to report.
// The zero Fault means that nothing is wrong.
type Fault uint8

// The faults, in the order in which they are looked for: the first one found is the one reported.
const (
	OK             Fault = iota
	BadLength            // wrong number of characters
	BadPrefix            // certificate identifier: wrong root
	BadParts             // certificate identifier: wrong number of parts
	BadLowercase         // would be within the alphabet if written in upper case
	BadAlphabet          // a character outside the alphabet
	BadVersion           // certificate identifier: version not 001–999
	BadDate              // no date of the calendar, or out of range
	BadCheck             // check character
	BadOrgCheck          // USCC: the organisation code inside fails GB 11714 though GB 32100's own check passes
	BadDivision          // division code unknown
	BadPeriod            // division code known, but not in force at the date
	NumFaults            // number of faults, for arrays
	faultUndefined = NumFaults
)

var faultNames = [NumFaults]string{"ok", "length", "prefix", "parts", "lowercase", "alphabet", "version", "date", "check", "org_check", "division", "division_period"} //nolint:gochecknoglobals // constant table

// String is the stable machine code of the fault; "ok" for none.
func (f Fault) String() string {
	if f < NumFaults {
		return faultNames[f]
	}
	return "undefined"
}

// ParseFault is the inverse of String; false for an unknown word.
func ParseFault(s string) (Fault, bool) {
	for i, n := range faultNames {
		if n == s {
			return Fault(i), true
		}
	}
	return faultUndefined, false
}

// MarshalText implements encoding.TextMarshaler.
func (f Fault) MarshalText() ([]byte, error) { return []byte(f.String()), nil }
