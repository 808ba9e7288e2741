package search

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/kuayu/kuayu/exchange/catalog"
	"github.com/kuayu/kuayu/support/policy"
)

// Entry is what the directory keeps of a published entry: what a hit shows, and what is searched.
type Entry struct {
	Code        string          `json:"code"`
	Name        string          `json:"name"`
	Department  string          `json:"department"` // USCC
	Provider    string          `json:"provider"`
	Abstract    string          `json:"abstract"`
	Items       []string        `json:"items"` // what people read
	Sharing     catalog.Sharing `json:"sharing"`
	Class       string          `json:"class"`
	Grade       int             `json:"grade"`
	UpdateCycle string          `json:"update_cycle"`
	Modes       []policy.Mode   `json:"modes"`
	Version     int             `json:"version"`
	Published   *time.Time      `json:"published,omitempty"`
}

// EntryOf takes from a resource what the directory keeps; false if it is nothing to be found: not published, or not
// within the bounds an entry has.
func EntryOf(r *catalog.Resource) (*Entry, bool) {
	e := &Entry{
		Code: r.Code, Name: r.Name, Department: r.Department, Provider: r.Provider, Abstract: r.Abstract, Items: make([]string, 0, len(r.Items)),
		Sharing: r.Sharing, Class: r.Class, Grade: r.Grade, UpdateCycle: r.UpdateCycle, Modes: r.Modes, Version: r.Version, Published: r.Published,
	}
	const (
		long  = 4000     // bytes of one text
		total = 64 << 10 // of all of them: an index takes no more of one document
	)
	size := 0
	sound := r.State == catalog.Published && r.Code != "" && len(r.Code) <= 128 && r.Name != "" && len(r.Items) <= policy.MaxItems && len(r.Modes) <= 16 && r.Grade >= 0
	for _, s := range []string{r.Name, r.Department, r.Provider, r.Abstract} {
		sound = sound && len(s) <= long && utf8.ValidString(s) && !strings.ContainsRune(s, 0)
		size += len(s)
	}
	for i := range r.Items {
		t := r.Items[i].Title
		sound = sound && len(t) <= long && utf8.ValidString(t) && !strings.ContainsRune(t, 0)
		size += len(t)
		e.Items = append(e.Items, t)
	}
	for _, m := range r.Modes {
		sound = sound && len(m) <= maxValue
	}
	sound = sound && size <= total && utf8.ValidString(r.Code)
	return e, sound && among(sharings(), string(r.Sharing)) && len(r.Class) <= maxValue && len(r.UpdateCycle) <= maxValue && !strings.ContainsRune(r.Code, 0)
}

// Hit is an entry that was found.
type Hit struct {
	Member string `json:"member"`
	Entry
	Marks map[string][]Span `json:"marks,omitempty"` // by field, what was found in it, in code points
}

// Count is how many there are, counted up to a limit.
type Count struct {
	Count int  `json:"count"`
	More  bool `json:"more,omitempty"` // at least
}

// String shows a count, "1000+" when there are more than were counted.
func (c Count) String() string {
	if c.More {
		return strconv.Itoa(c.Count) + "+"
	}
	return strconv.Itoa(c.Count)
}

// Value is one value of a facet.
type Value struct {
	Value string `json:"value"`
	Label string `json:"label,omitempty"` // for people: the name of a department
	Count
	doc int64 // an entry that has it
}

// Facets say how the hits are spread, largest first. When there are more than were counted, "212+" means that at least
// so many have the value; departments are those most frequent among the hits counted.
type Facets struct {
	Member     []Value `json:"member"`
	Department []Value `json:"department"`
	Sharing    []Value `json:"sharing"`
	Class      []Value `json:"class"`
}

// Freshness is how true the copy of a member's catalogue is.
type Freshness struct {
	Member  string     `json:"member"`
	Entries int        `json:"entries"`
	AsOf    *time.Time `json:"as_of,omitempty"`   // everything published by then is here; absent: never read to the end
	Stale   bool       `json:"stale,omitempty"`   // the member could not be asked since
	Error   string     `json:"error,omitempty"`   // code of what failed when it was asked last
	Reading bool       `json:"reading,omitempty"` // being read from the beginning
	Refused int        `json:"refused,omitempty"` // entries that were not taken because they are not sound
}

// Answer is a page of hits. Total and facets come with the first page alone.
type Answer struct {
	Items   []Hit       `json:"items"`
	Next    string      `json:"next,omitempty"`
	Total   *Count      `json:"total,omitempty"`
	Facets  *Facets     `json:"facets,omitempty"`
	Members []Freshness `json:"members"`
}
