package evidence

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kuayu/kuayu/internal/db"
)

// Query selects facts. Zero members select everything.
type Query struct {
	Agreement  string
	Kind       string
	Kinds      []string // any of them
	Area       string   // the first word of the kind
	Department string   // who acted, or was addressed
	Member     string   // addressed
	Officer    string
	Outcome    string // one code; Failed: whatever is not ok
	Failed     bool
	Subject    string // keyed digest, from Index.Subject
	Since      int64  // Unix microseconds
	Before     int64  // Unix microseconds; for paging backwards
	After      string // cursor of Place: what comes after that fact in the list
	Limit      int    // at most 500; 0 means 50
}

// At is when it happened.
func (e *Entry) At() time.Time { return time.UnixMicro(e.Time).UTC() }

// Duration is how long it took; 0 if nobody measured.
func (e *Entry) Duration() time.Duration { return time.Duration(e.Took) * time.Microsecond }

// Place is the cursor of a fact in a list.
func (e *Entry) Place() string { return fmt.Sprintf("%d.%d.%d", e.Time, e.Batch, e.Leaf) }

func parsePlace(s string) (p [3]int64, err error) {
	parts := strings.Split(s, ".")
	if len(parts) != len(p) {
		return p, ErrCursor.With()
	}
	for i := range p {
		if p[i], err = strconv.ParseInt(parts[i], 10, 64); err != nil {
			return p, ErrCursor.Because(err)
		}
	}
	return p, nil
}

func (q *Query) where() (string, []any, error) {
	cond, args := "1=1", []any{}
	and := func(c string, a ...any) { cond, args = cond+" AND "+c, append(args, a...) }
	for _, x := range []struct{ column, value string }{{"agreement", q.Agreement}, {"kind", q.Kind}, {"member", q.Member}, {"officer", q.Officer}, {"outcome", q.Outcome}} {
		if x.value != "" {
			and(x.column+" = ?", x.value)
		}
	}
	if len(q.Kinds) > 0 {
		var kinds []any
		for _, k := range q.Kinds {
			kinds = append(kinds, k)
		}
		column := "kind"
		if failing(q) { // or the planner takes the index over kinds, and walks through all that went well
			column = "kind || ''"
		}
		and(column+" IN (?"+strings.Repeat(", ?", len(kinds)-1)+")", kinds...)
	}
	if q.Area != "" {
		and("kind LIKE ?", likeEscape(q.Area)+".%")
	}
	if failing(q) { // said as the index over failures has it
		and("outcome <> '' AND outcome <> 'ok'")
	}
	if q.Since > 0 {
		and("time >= ?", q.Since)
	}
	if q.Before > 0 {
		and("time < ?", q.Before)
	}
	if q.After != "" {
		p, err := parsePlace(q.After)
		if err != nil {
			return "", nil, err
		}
		and("time <= ? AND (time < ? OR batch < ? OR (batch = ? AND leaf < ?))", p[0], p[0], p[1], p[1], p[2])
	}
	if q.Subject != "" {
		and("id IN (SELECT fact FROM evidence_subject WHERE subject = ?)", q.Subject)
	}
	return cond, args, nil
}

const newest = " ORDER BY time DESC, batch DESC, leaf DESC LIMIT ?"

// Find lists facts of the scope, newest first. A department sees what it did and what was addressed to it. Each of the two
// is read by an index of its own, and so is each kind: a condition with OR would walk through everybody's facts.
func (x *Index) Find(ctx context.Context, sc db.Scope, q Query) ([]Entry, error) {
	if q.Limit <= 0 || q.Limit > 500 {
		q.Limit = 50
	}
	cond, args, err := q.where()
	if err != nil {
		return nil, err
	}
	narrow := [][2]string{{"", ""}}
	if q.Department != "" {
		narrow = [][2]string{{"department", q.Department}, {"other", q.Department}}
	}
	own, kinds := []string{""}, []string{q.Kind}
	if !sc.All() {
		own = []string{"department", "other"}
		if failing(&q) { // the index over failures is the shorter one
			own = []string{"department || ''", "other || ''"}
		}
	}
	switch {
	case q.Kind != "" || q.Agreement != "" || q.Member != "" || failing(&q): // these have indexes of their own
	case len(q.Kinds) > 0:
		kinds, q.Kinds = q.Kinds, nil
		if cond, args, err = q.where(); err != nil {
			return nil, err
		}
	case q.Area != "" || !sc.All():
		prefix := ""
		if q.Area != "" {
			prefix = q.Area + "."
		}
		if kinds, err = x.kinds(ctx, prefix); err != nil {
			return nil, err
		}
		q.Area = ""
		if cond, args, err = q.where(); err != nil {
			return nil, err
		}
	}
	out := []Entry{}
	for _, n := range narrow {
		for _, part := range pairs(own, kinds) {
			column, kind := part[0], part[1]
			c, a := cond, slices.Clone(args)
			if kind != "" && kind != q.Kind {
				c, a = c+" AND kind = ?", append(a, kind)
			}
			if n[0] != "" {
				c, a = c+" AND "+n[0]+" = ?", append(a, n[1])
			}
			if column != "" {
				mine, of := sc.Where(column)
				c, a = c+" AND "+mine, append(a, of...)
			}
			var es []Entry
			if err := x.db.Read().NewRaw("SELECT * FROM evidence_fact WHERE "+c+newest, append(a, q.Limit)...).Scan(ctx, &es); err != nil {
				return nil, fmt.Errorf("find facts: %w", err)
			}
			out = append(out, es...)
		}
	}
	if len(narrow)*len(own)*len(kinds) > 1 {
		out = merged(out, q.Limit)
	}
	return out, nil
}

// kinds are the kinds of facts there are that begin with a text: one step through the index for each kind.
func (x *Index) kinds(ctx context.Context, prefix string) ([]string, error) {
	var out []string
	for last := ""; ; {
		var next *string
		if err := x.db.Read().NewRaw("SELECT min(kind) FROM evidence_fact WHERE kind > ?", last).Scan(ctx, &next); err != nil {
			return nil, fmt.Errorf("list kinds: %w", err)
		}
		if next == nil {
			return out, nil
		}
		if last = *next; strings.HasPrefix(last, prefix) {
			out = append(out, last)
		}
	}
}

// failing reports whether a query is for failures, which have an index of their own.
func failing(q *Query) bool { return q.Failed || (q.Outcome != "" && q.Outcome != "ok") }

func pairs(a, b []string) (out [][2]string) {
	for _, x := range a {
		for _, y := range b {
			out = append(out, [2]string{x, y})
		}
	}
	return out
}

// merged puts lists into one order, each fact once.
func merged(es []Entry, limit int) []Entry {
	slices.SortFunc(es, func(a, b Entry) int {
		for _, d := range []int64{b.Time - a.Time, b.Batch - a.Batch, b.Leaf - a.Leaf, b.Epoch - a.Epoch} {
			if d > 0 {
				return 1
			} else if d < 0 {
				return -1
			}
		}
		return strings.Compare(a.ID, b.ID)
	})
	es = slices.CompactFunc(es, func(a, b Entry) bool { return a.ID == b.ID })
	return es[:min(len(es), limit)]
}

// Named lists the facts of the scope with the very names, oldest first.
func (x *Index) Named(ctx context.Context, sc db.Scope, names ...string) ([]Entry, error) {
	if len(names) == 0 {
		return nil, nil
	}
	cond, args := sc.Where("department", "other")
	all := make([]any, len(names))
	for i, n := range names {
		all[i] = n
	}
	var es []Entry
	err := x.db.Read().NewRaw("SELECT * FROM evidence_fact WHERE id IN (?"+strings.Repeat(", ?", len(names)-1)+") AND "+cond+" ORDER BY time, batch, leaf", append(all, args...)...).Scan(ctx, &es)
	if err != nil {
		return nil, fmt.Errorf("find facts: %w", err)
	}
	return es, nil
}

// Record returns one fact of the scope with its body, by id ("id" finds every kind, "id#kind" one). ErrNoFact.
func (x *Index) Record(ctx context.Context, sc db.Scope, id string) (*Record, error) {
	es, err := x.Named(ctx, sc, id)
	if err != nil {
		return nil, err
	}
	if len(es) == 0 {
		cond, args := sc.Where("department", "other")
		err := x.db.Read().NewSelect().Model(&es).Where(cond, args...).Where("id LIKE ?", likeEscape(id)+"#%").OrderExpr("time DESC").Limit(1).Scan(ctx)
		if err != nil {
			return nil, fmt.Errorf("find fact: %w", err)
		}
	}
	if len(es) == 0 {
		return nil, ErrNoFact.With()
	}
	return x.log.getEntry(&es[0])
}

func likeEscape(s string) string {
	out := make([]byte, 0, len(s))
	for i := range len(s) {
		if s[i] != '%' && s[i] != '_' {
			out = append(out, s[i])
		}
	}
	return string(out)
}
