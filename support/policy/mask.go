package policy

import (
	"strconv"
	"strings"
)

// MaskKind names a masking rule of a column.
type MaskKind string

// The masks. KeepFirst, KeepLast take N characters (not bytes).
const (
	MaskNone      MaskKind = ""
	MaskName      MaskKind = "name"       // 张三丰 → 张**; the surname stays
	MaskID        MaskKind = "id"         // 340102199001010022 → 3401**********0022
	MaskPhone     MaskKind = "phone"      // 13812346021 → 138****6021
	MaskAddress   MaskKind = "address"    // stays down to district or county, the rest is ****
	MaskKeepFirst MaskKind = "keep_first" // keep_first:N
	MaskKeepLast  MaskKind = "keep_last"  // keep_last:N
	MaskHash      MaskKind = "hash"       // keyed digest: equal values stay equal under one agreement
	MaskNull      MaskKind = "null"       // the column is there, its values are not
)

// Mask is a masking rule with its parameter. Its text form is "kind" or "kind:N".
type Mask struct {
	Kind MaskKind
	N    int // characters kept, 1–64, for keep_first and keep_last only
}

// String is the text form.
func (m Mask) String() string {
	if m.Kind == MaskKeepFirst || m.Kind == MaskKeepLast {
		return string(m.Kind) + ":" + strconv.Itoa(m.N)
	}
	return string(m.Kind)
}

// ParseMask reads the text form; ErrMask for anything else.
func ParseMask(s string) (Mask, error) {
	kind, n, has := strings.Cut(s, ":")
	switch k := MaskKind(kind); k {
	case MaskNone, MaskName, MaskID, MaskPhone, MaskAddress, MaskHash, MaskNull:
		if !has {
			return Mask{Kind: k}, nil
		}
	case MaskKeepFirst, MaskKeepLast:
		if i, err := strconv.Atoi(n); has && err == nil && i >= 1 && i <= 64 {
			return Mask{Kind: k, N: i}, nil
		}
	}
	return Mask{}, ErrMask.With(s)
}

// MarshalText implements encoding.TextMarshaler.
func (m Mask) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (m *Mask) UnmarshalText(b []byte) (err error) {
	*m, err = ParseMask(string(b))
	return err
}
