package deadline

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/kuayu/kuayu/internal/httpx"
)

// Wait is why a clock waits for the other party.
type Wait string

// The reasons.
const (
	Supplement   Wait = "supplement"    // papers asked for (art. 21)
	CounterOffer Wait = "counter_offer" // an offer on other terms, unanswered
)

// Period is what a region sets for one clock; a zero leaves the law's figure.
type Period struct {
	Days      int  `json:"days,omitempty"`      // working days
	Years     int  `json:"years,omitempty"`     // for clocks of retention
	Extension *int `json:"extension,omitempty"` // longest extension in working days; 0 forbids it
}

// Profile is the practice of one region: Decree 809 with stricter figures, and figures where the Decree names none. The
// zero value is the law alone: nothing stops a clock, and clocks without a figure are off unless an act states one.
type Profile struct {
	Name     string        `json:"name"`
	Division string        `json:"division,omitempty"` // GB/T 2260 code of the region; empty: everywhere
	Source   string        `json:"source,omitempty"`   // the rule it comes from
	Clocks   map[ID]Period `json:"clocks,omitempty"`
	// StopsWhile lists for what a clock stands still: supplements or nothing. The Decree does not say whether it stops for
	// them, so the default is that it does not. It knows no counter-offers: a clock that stood still for one could be
	// stopped by whoever owes the answer.
	StopsWhile []Wait `json:"stops_while,omitempty"`
}

// Bounds of a profile.
const (
	maxProfile   = 64 << 10
	maxName      = 128
	maxFreeDays  = 750 // three years, for clocks the law leaves open
	maxYears     = 100
	maxSubject   = 200
	statuteTitle = "809"
)

var division = regexp.MustCompile(`^[1-9][0-9]{5}$`)

// ParseProfile reads a profile, strictly: JSON of at most 64 KiB, no unknown member, checked.
func ParseProfile(b []byte) (*Profile, error) {
	if len(b) > maxProfile {
		return nil, ErrProfile.With("it is longer than 64 KiB", "超过 64 KiB")
	}
	p := &Profile{}
	if err := httpx.Unmarshal(b, p); err != nil {
		return nil, err
	}
	return p, p.Check()
}

// Check refuses what is malformed, and what is looser than the law with ErrLooser, which names the clock and both figures.
func (p *Profile) Check() error {
	if p.Name == "" || len(p.Name) > maxName || len(p.Source) > 8*maxName {
		return ErrProfile.With("it needs a name of at most 128 bytes", "须有名称，不超过 128 字节")
	}
	if p.Division != "" && !division.MatchString(p.Division) {
		return ErrProfile.With("division "+p.Division+" is no code of six digits", "区划代码 "+p.Division+" 不是六位数字")
	}
	ids := make([]ID, 0, len(p.Clocks))
	for id := range p.Clocks {
		ids = append(ids, id)
	}
	slices.Sort(ids) // the first complaint is always the same one
	for _, id := range ids {
		r, err := RuleOf(id)
		if err != nil {
			return err
		}
		if err := p.Clocks[id].check(&r); err != nil {
			return err
		}
	}
	for i, w := range p.StopsWhile {
		if w != Supplement || slices.Contains(p.StopsWhile[:i], w) {
			return ErrProfile.With(fmt.Sprintf("stops_while has %q", w), fmt.Sprintf("stops_while 中的 %q 有误", w))
		}
	}
	return nil
}

func (q Period) check(r *Rule) error {
	law := fmt.Sprintf("Decree 809 art. %d", r.Article)
	if r.Law != statuteTitle {
		law = fmt.Sprintf("Network Data Security Regulation art. %d", r.Article)
	}
	looser := func(en, zh string, got, want int) error {
		return ErrLooser.With(string(r.ID), en, got, want, law, zh)
	}
	switch {
	case q.Days < 0 || q.Years < 0 || q.Years > maxYears || (q.Extension != nil && *q.Extension < 0):
		return ErrProfile.With(fmt.Sprintf("a figure of %s is out of range", r.ID), fmt.Sprintf("%s 的数值超出范围", r.ID))
	case r.Retention() && (q.Days > 0 || q.Extension != nil), !r.Retention() && q.Years > 0:
		return ErrProfile.With(fmt.Sprintf("%s counts in another unit", r.ID), fmt.Sprintf("%s 的计量单位不对", r.ID))
	case r.Retention() && q.Years > 0 && q.Years < r.Years:
		return looser("years", "年数", q.Years, r.Years)
	case r.Fixed() && q.Days > r.Days:
		return looser("working days", "工作日数", q.Days, r.Days)
	case !r.Fixed() && q.Days > maxFreeDays:
		return ErrFigure.With(string(r.ID), maxFreeDays, q.Days)
	case q.Extension != nil && *q.Extension > r.Extension && r.Fixed():
		return looser("extension in working days", "延长工作日数", *q.Extension, r.Extension)
	case q.Extension != nil && !r.Fixed():
		return ErrProfile.With(fmt.Sprintf("%s has no extension", r.ID), fmt.Sprintf("%s 没有延长规定", r.ID))
	}
	return nil
}

// Rule is the law's line for a clock with the figures of the region. D5 set stricter lowers the extension of D3 and D4.
func (p *Profile) Rule(id ID) (Rule, error) {
	r, err := RuleOf(id)
	if err != nil || p == nil {
		return r, err
	}
	q := p.Clocks[id]
	if q.Days > 0 {
		r.Days = q.Days
	}
	if q.Years > 0 {
		r.Years = q.Years
	}
	if d5 := p.Clocks[D5]; d5.Days > 0 && (id == D3 || id == D4) {
		r.Extension = min(r.Extension, d5.Days)
	}
	if q.Extension != nil {
		r.Extension = min(r.Extension, *q.Extension)
	}
	return r, nil
}

// Stops reports whether a clock stands still while w lasts.
func (p *Profile) Stops(w Wait) bool { return p != nil && slices.Contains(p.StopsWhile, w) }

// Title names the profile in records: "809" for the law alone.
func (p *Profile) Title() string {
	if p == nil || p.Name == "" {
		return statuteTitle
	}
	return p.Name
}

// Profiles are the regional profiles a node knows.
type Profiles []*Profile

// For is the profile of a region: its own, else that of the city or province it lies in, else the one for everywhere,
// else the law alone. Of several with the same division the first counts.
func (ps Profiles) For(div string) *Profile {
	best, most := &Profile{}, -1
	for _, p := range ps {
		stem := p.Division
		for strings.HasSuffix(stem, "00") {
			stem = strings.TrimSuffix(stem, "00")
		}
		if strings.HasPrefix(div, stem) && len(stem) > most {
			best, most = p, len(stem)
		}
	}
	return best
}
