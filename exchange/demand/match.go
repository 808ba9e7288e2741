package demand

import (
	"context"
	"sort"
)

// Found is an entry of a catalogue that a search came upon.
type Found struct {
	Member     string `json:"member"`
	Department string `json:"department"`
	Provider   string `json:"provider"` // name of the department
	Code       string `json:"code"`
	Name       string `json:"name"`
}

// Finder searches the catalogues of all members, or of one. The text is a person's; text nothing is found for is no
// error.
type Finder interface {
	Find(ctx context.Context, member, text string, limit int) ([]Found, error)
}

// Match is an entry with how well it fits.
type Match struct {
	Found
	Fits  []string `json:"fits"`  // which words of the demand it answers: its name, or items
	Score int      `json:"score"` // 0 to 100
}

// Candidate is a department that is likely to hold what is needed, by what it publishes.
type Candidate struct {
	Department string  `json:"department"`
	Name       string  `json:"name"`
	Score      int     `json:"score"`
	Why        []Match `json:"why"` // at most three entries
}

const (
	perQuestion = 20 // entries looked at for each word of a demand
	matches     = 10
	why         = 3
)

// find asks for the demand's name and each of its items, and ranks what comes back: the name counts as much as half of
// the items.
func find(ctx context.Context, f Finder, member string, w *Want) ([]Match, error) {
	type place struct{ member, code string }
	at := map[place]*Match{}
	var look func(text string, points int) error
	look = func(text string, points int) error {
		found, err := f.Find(ctx, member, text, perQuestion)
		if err != nil {
			return err
		}
		// A long word that nobody uses whole may be two that somebody does.
		if r := []rune(text); len(found) == 0 && len(r) >= 4 && points > 1 {
			if err := look(string(r[:len(r)/2]), points/2); err != nil {
				return err
			}
			return look(string(r[len(r)/2:]), points/2)
		}
		for _, x := range found {
			p := place{x.Member, x.Code}
			if at[p] == nil {
				at[p] = &Match{Found: x}
			}
			at[p].Fits = append(at[p].Fits, text)
			at[p].Score += points
		}
		return nil
	}
	half := 2 * len(w.Items)
	if err := look(w.Name, half); err != nil {
		return nil, err
	}
	for _, it := range w.Items {
		if err := look(it, 4); err != nil {
			return nil, err
		}
	}
	out := make([]Match, 0, len(at))
	for _, m := range at {
		m.Score = min(100, 100*m.Score/(half+4*len(w.Items)))
		out = append(out, *m)
	}
	sort.Slice(out, func(i, j int) bool {
		a, b := &out[i], &out[j]
		if a.Score != b.Score {
			return a.Score > b.Score
		}
		return a.Member+"/"+a.Code < b.Member+"/"+b.Code
	})
	return out, nil
}

// candidates groups what was found by department; a department scores what its best entry does.
func candidates(found []Match) []Candidate {
	var out []Candidate
	at := map[string]int{}
	for _, m := range found {
		i, ok := at[m.Department]
		if !ok {
			i = len(out)
			at[m.Department] = i
			out = append(out, Candidate{Department: m.Department, Name: m.Provider, Score: m.Score})
		}
		if len(out[i].Why) < why {
			out[i].Why = append(out[i].Why, m)
		}
	}
	return out[:min(len(out), matches)]
}
