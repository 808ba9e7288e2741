package search

import (
	"encoding/base64"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/kuayu/kuayu/exchange/catalog"
	"github.com/kuayu/kuayu/support/policy"
)

// Query asks for entries. Zero members do not restrict; an empty Text finds everything, in the order of rank.
type Query struct {
	Text        string
	Member      string
	Department  string // USCC
	Sharing     catalog.Sharing
	Class       string
	MaxGrade    int // 1 to 4; 0: any
	UpdateCycle string
	Mode        policy.Mode
	After       string // cursor of an answer
	Limit       int    // 1 to 100; 0 means 20
}

const (
	maxText  = 200 // characters of a search text
	maxValue = 128 // bytes of a filter's value
)

// term is one thing the text asks for, as a token.
type term string

// parse turns a search text into terms: all of them must be found. ErrQuery.
func parse(text string) ([]term, error) {
	switch {
	case !utf8.ValidString(text):
		return nil, ErrQuery.With("it is not UTF-8", "不是 UTF-8 编码")
	case len(text) > 16*maxText || utf8.RuneCountInString(text) > maxText:
		return nil, ErrQuery.With("it is over "+strconv.Itoa(maxText)+" characters", "超过 "+strconv.Itoa(maxText)+" 个字")
	}
	f := fold(text)
	var ts []term
	seen := map[term]bool{}
	add := func(t term) {
		if !seen[t] {
			seen[t] = true
			ts = append(ts, t)
		}
	}
	for n, r := range f.runs {
		rs := f.runes[r.from:r.to]
		last := n == len(f.runs)-1 && r.to == len(f.runes)
		switch {
		case r.pairs && len(rs) == 1:
			add(term(rs))
		case r.pairs:
			for i := range rs[:len(rs)-1] {
				add(term(rs[i : i+2]))
			}
		case last && len(rs) <= edgeRunes: // the word may not be finished
			add(edge + term(rs))
		default:
			add(term(rs[:min(len(rs), wordRunes)]))
		}
	}
	if len(ts) == 0 && strings.TrimSpace(text) != "" {
		return nil, ErrQuery.With("it has no letter, digit or character to look for", "没有可检索的文字、字母或数字")
	}
	return ts, nil
}

// Match is what the query asks SQLite's full-text index for, without order and cursor: for measurements against it.
func (q *Query) Match() (string, error) {
	ts, err := parse(q.Text)
	if err != nil {
		return "", err
	}
	filters, err := q.filters()
	return everywhere(ts, filters).fts(), err
}

// filters are the tokens an entry must have, beside where it must lie. ErrFilter.
func (q *Query) filters() ([]string, error) {
	var out []string
	if q.Sharing != "" && !among(sharings(), string(q.Sharing)) { // no token: it is a stretch of the order
		return nil, ErrFilter.With("sharing", strings.Join(sharings(), ", "))
	}
	for _, x := range []struct {
		f     facet
		name  string
		value string
		of    []string // nil: anything
	}{
		{byMember, "member", q.Member, nil},
		{byDepartment, "department", q.Department, nil},
		{byClass, "class", q.Class, classes()},
		{byCycle, "update_cycle", q.UpdateCycle, []string{"realtime", "daily", "weekly", "monthly", "quarterly", "yearly", "on_demand"}},
		{byMode, "mode", string(q.Mode), []string{string(policy.ModeQuery), string(policy.ModeVerify), string(policy.ModeBatch), string(policy.ModeFile)}},
	} {
		if x.value == "" {
			continue
		}
		if x.of != nil && !among(x.of, x.value) {
			return nil, ErrFilter.With(x.name, strings.Join(x.of, ", "))
		}
		if len(x.value) > maxValue || !utf8.ValidString(x.value) {
			return nil, ErrFilter.With(x.name, "≤ "+strconv.Itoa(maxValue)+" B, UTF-8")
		}
		out = append(out, x.f.token(x.value))
	}
	if q.MaxGrade != 0 {
		if q.MaxGrade < 1 || q.MaxGrade > maxGrade {
			return nil, ErrFilter.With("grade", "1–4")
		}
		out = append(out, gradeToken(q.MaxGrade))
	}
	return out, nil
}

func sharings() []string {
	return []string{string(catalog.Unconditional), string(catalog.Conditional), string(catalog.NotShared)}
}

func classes() []string { return []string{"base", "theme", "department"} }

func among(list []string, s string) bool {
	for _, l := range list {
		if l == s {
			return true
		}
	}
	return false
}

// expr is what an index is asked: all of the terms, and not all of the others.
type expr struct{ all, but []term }

// and returns the expression with more tokens.
func (x expr) and(tokens ...string) expr {
	all := append([]term(nil), x.all...)
	for _, t := range tokens {
		all = append(all, term(t))
	}
	return expr{all: all, but: x.but}
}

// everywhere and name are the two expressions of a query: the terms anywhere in the entry, and all of them in its name.
func everywhere(ts []term, filters []string) expr {
	if len(ts) == 0 && len(filters) == 0 {
		filters = []string{gradeToken(maxGrade)} // every entry has it
	}
	return expr{all: ts}.and(filters...)
}

func named(ts []term) []term {
	out := make([]term, len(ts))
	for i, t := range ts {
		out[i] = inName + t
	}
	return out
}

// fts writes the expression for SQLite's FTS5, where everything between double quotes is text. Tokens hold letters,
// digits and marks only (see parse and facet.token), never a quote.
func (x expr) fts() string {
	list := func(ts []term) string {
		var b strings.Builder
		for i, t := range ts {
			if i > 0 {
				b.WriteString(" AND ")
			}
			b.WriteString(`"` + string(t) + `"`)
		}
		return b.String()
	}
	if len(x.but) == 0 {
		return list(x.all)
	}
	return "(" + list(x.all) + ") NOT (" + list(x.but) + ")"
}

// tsquery writes the expression for PostgreSQL, where everything between single quotes is text.
func (x expr) tsquery() string {
	list := func(ts []term) string {
		var b strings.Builder
		for i, t := range ts {
			if i > 0 {
				b.WriteString(" & ")
			}
			b.WriteString("'" + string(t) + "'")
		}
		return b.String()
	}
	if len(x.but) == 0 {
		return list(x.all)
	}
	return list(x.all) + " & !(" + list(x.but) + ")"
}

// cursor is a place in the order of hits: those whose name matches come first, then the others, each by rank.
type cursor struct {
	rest bool // among the others
	doc  int64
}

func (c cursor) String() string {
	phase := "n"
	if c.rest {
		phase = "r"
	}
	return base64.RawURLEncoding.EncodeToString([]byte(phase + strconv.FormatInt(c.doc, 36)))
}

func parseCursor(s string) (cursor, error) {
	if s == "" {
		return cursor{}, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || len(b) < 2 || len(b) > 16 || (b[0] != 'n' && b[0] != 'r') {
		return cursor{}, ErrCursor.With()
	}
	doc, err := strconv.ParseInt(string(b[1:]), 36, 64)
	if err != nil || doc < 0 || (cursor{rest: b[0] == 'r', doc: doc}).String() != s {
		return cursor{}, ErrCursor.With()
	}
	return cursor{rest: b[0] == 'r', doc: doc}, nil
}

// Span is a piece of a text in code points: from the first to before the second.
type Span [2]int

// highlight finds what the terms found in a text.
func highlight(text string, ts []term) []Span {
	if len(ts) == 0 {
		return nil
	}
	f := fold(text)
	hit := make([]bool, len(f.runes))
	mark := func(from, to int) {
		for i := from; i < to; i++ {
			hit[i] = true
		}
	}
	want := make(map[string]bool, len(ts))
	var begins []string
	for _, t := range ts {
		if begin, ok := strings.CutPrefix(string(t), edge); ok {
			begins = append(begins, begin)
		} else {
			want[string(t)] = true
		}
	}
	for _, r := range f.runs {
		rs := f.runes[r.from:r.to]
		if !r.pairs {
			word := string(rs[:min(len(rs), wordRunes)])
			if want[word] {
				mark(r.from, r.to)
			}
			for _, b := range begins {
				if strings.HasPrefix(word, b) {
					mark(r.from, r.from+utf8.RuneCountInString(b))
				}
			}
			continue
		}
		for i := range rs {
			if want[string(rs[i])] {
				mark(r.from+i, r.from+i+1)
			}
			if i+1 < len(rs) && want[string(rs[i:i+2])] {
				mark(r.from+i, r.from+i+2)
			}
		}
	}
	return f.spans(hit)
}

// spans joins marked runes to pieces of the original.
func (f *folded) spans(hit []bool) []Span {
	var out []Span
	for i, h := range hit {
		if !h {
			continue
		}
		at := i
		if f.at != nil {
			at = f.at[i]
		}
		if n := len(out); n > 0 && out[n-1][1] >= at {
			out[n-1][1] = at + 1
			continue
		}
		out = append(out, Span{at, at + 1})
	}
	return out
}
