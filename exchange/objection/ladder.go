package objection

import (
	"slices"

	"github.com/kuayu/kuayu/support/standard"
)

// Nation is the division of the national authority.
const Nation = "100000"

// Resolver is who stands above both parties of a dispute (Decree 809 art. 28).
type Resolver struct {
	Level    string `json:"level"`    // county, city, province or nation
	Division string `json:"division"` // GB/T 2260
}

// Resolve finds the authority for a dispute between departments of two divisions (GB/T 2260): that of their own level where
// they are of one division, else the lowest above both. Shanghai and Jiangsu have none below the nation. In a municipality
// the city is the province. ErrDivision.
func Resolve(a, b string) (Resolver, error) {
	for _, d := range []string{a, b} {
		if nation(d) {
			continue
		}
		if _, err := standard.CheckDivisionCode(d); err != nil {
			return Resolver{}, ErrDivision.Because(err, d)
		}
	}
	if nation(a) || nation(b) || a[:2] != b[:2] {
		return Resolver{"nation", Nation}, nil
	}
	switch {
	case a[:6] == b[:6] && a[4:6] != "00":
		return Resolver{"county", a[:6]}, nil
	case a[2:4] == b[2:4] && a[2:4] != "00" && !municipality(a):
		return Resolver{"city", a[:4] + "00"}, nil
	}
	return Resolver{"province", a[:2] + "0000"}, nil
}

func nation(d string) bool { return d == Nation || d == "000000" }

func municipality(d string) bool { return slices.Contains([]string{"11", "12", "31", "50"}, d[:2]) }
