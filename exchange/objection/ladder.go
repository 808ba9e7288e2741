package objection

import (
	"slices"
	"strings"

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

// Stage is where a dispute stands.
type Stage string

// The stages, from the bottom of the ladder to its end.
const (
	Negotiating      Stage = "NEGOTIATING"       // between the departments
	AtAuthority      Stage = "AT_AUTHORITY"      // of the same level, or the lowest common superior one
	AuthorityRuled   Stage = "AUTHORITY_RULED"   // the other side has yet to acknowledge
	AuthorityClosed  Stage = "AUTHORITY_CLOSED"  // acknowledged; the government may still be asked
	AtGovernment     Stage = "AT_GOVERNMENT"     // the people's government of the authority's level
	GovernmentRuled  Stage = "GOVERNMENT_RULED"  //
	GovernmentClosed Stage = "GOVERNMENT_CLOSED" // the end of the ladder
	Settled          Stage = "SETTLED"           // by negotiation
)

// Stages lists all stages in the order of Rank.
func Stages() []Stage {
	return []Stage{Negotiating, AtAuthority, AuthorityRuled, AuthorityClosed, AtGovernment, GovernmentRuled, GovernmentClosed, Settled}
}

// Rank is how far up a stage is; every step moves upwards.
func (s Stage) Rank() int { return slices.Index(Stages(), s) }

// Final reports whether nothing can follow.
func (s Stage) Final() bool { return s == GovernmentClosed || s == Settled }

// Act is a step of a dispute.
type Act string

// The acts.
const (
	AddPaper    Act = "paper"       // either side
	Propose     Act = "propose"     // terms of a settlement, by either side
	Accept      Act = "accept"      // the other side's terms
	Escalate    Act = "escalate"    // either side
	Rule        Act = "rule"        // the authority, or with it the government
	Acknowledge Act = "acknowledge" // the side that did not record the ruling
)

// Acts lists all acts.
func Acts() []Act { return []Act{AddPaper, Propose, Accept, Escalate, Rule, Acknowledge} }

// Next is the machine of disputes (Decree 809 art. 28): pure. A paper and proposed terms leave the stage as it is. Otherwise
// ErrTransition.
func Next(s Stage, a Act) (Stage, error) {
	open := s.Rank() >= 0 && !s.Final() && s != AuthorityClosed
	switch {
	case open && (a == AddPaper || a == Propose):
		return s, nil
	case open && a == Accept:
		return Settled, nil
	case a == Escalate && s == Negotiating:
		return AtAuthority, nil
	case a == Escalate && (s == AuthorityRuled || s == AuthorityClosed || s == AtAuthority):
		return AtGovernment, nil
	case a == Rule && s == AtAuthority:
		return AuthorityRuled, nil
	case a == Rule && s == AtGovernment:
		return GovernmentRuled, nil
	case a == Acknowledge && s == AuthorityRuled:
		return AuthorityClosed, nil
	case a == Acknowledge && s == GovernmentRuled:
		return GovernmentClosed, nil
	}
	return s, ErrTransition.With(strings.ToLower(string(s)), string(a))
}

// reaches reports whether an act can lead to a stage at all.
func reaches(a Act, to Stage) bool {
	return slices.ContainsFunc(Stages(), func(s Stage) bool {
		n, err := Next(s, a)
		return err == nil && n == to
	})
}

// Hear is what a step of the other end does here: the stage after it, and whether it counts. A step that this end is
// already beyond came too late and changes nothing.
func Hear(s Stage, a Act, to Stage) (Stage, bool, error) {
	if !reaches(a, to) {
		return s, false, ErrTransition.With(strings.ToLower(string(s)), string(a))
	}
	if a == AddPaper || a == Propose {
		return s, s != Settled, nil
	}
	if a == Accept { // of what this side proposed: it holds whatever else was under way
		return Settled, s != Settled, nil
	}
	if to.Rank() <= s.Rank() {
		return s, false, nil
	}
	n, err := Next(s, a)
	if err == nil && n == to {
		return n, true, nil
	}
	return s, false, ErrTransition.With(strings.ToLower(string(s)), string(a))
}
