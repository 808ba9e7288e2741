package directory

import (
	"context"
	"encoding/json"
	"fmt"
	"sort"
	"strings"
)

const (
	// counted is how far hits are counted, as a whole and per value of a facet.
	counted = 1000
	// departments is how many of them the facets tell.
	departments = 8
	// shown is how many hits a page has unless the query says otherwise, and at most.
	shown, shownMost = 20, 100
)

// Search finds a page of entries. ErrQuery, ErrFilter, ErrCursor.
func (x *Index) Search(ctx context.Context, q Query) (*Answer, error) {
	ts, err := parse(q.Text)
	if err != nil {
		return nil, err
	}
	filters, err := q.filters()
	if err != nil {
		return nil, err
	}
	at, err := parseCursor(q.After)
	if err != nil {
		return nil, err
	}
	limit := q.Limit
	if limit <= 0 {
		limit = shown
	}
	limit = min(limit, shownMost)
	all := everywhere(ts, filters)
	found, more, err := x.page(ctx, ts, filters, all, at, limit)
	if err != nil {
		return nil, err
	}
	a := &Answer{}
	if more {
		a.Next = found[len(found)-1].String()
	}
	if a.Items, err = x.hits(ctx, found, ts); err != nil {
		return nil, err
	}
	if q.After == "" {
		a.Total, a.Facets, err = x.count(ctx, all)
	}
	return a, err
}

// page walks the hits from a place: those whose name has all terms, then the others, each in the order of rank. Either
// walk ends as soon as the page is full. It tells whether there are more.
func (x *Index) page(ctx context.Context, ts []term, filters []string, all expr, at cursor, limit int) ([]cursor, bool, error) {
	phases := map[bool]expr{true: all} // by cursor.rest
	if len(ts) > 0 {
		name := named(ts)
		phases[false] = expr{all: name}.and(filters...)
		phases[true] = expr{all: all.all, but: name}
	}
	var found []cursor
	for _, rest := range []bool{false, true} {
		e, ok := phases[rest]
		if !ok || at.rest && !rest || len(found) > limit {
			continue
		}
		from := int64(0)
		if at.rest == rest {
			from = at.doc
		}
		docs, err := x.match(ctx, e, from, limit+1-len(found))
		if err != nil {
			return nil, false, err
		}
		for _, d := range docs {
			found = append(found, cursor{rest: rest, doc: d})
		}
	}
	if len(found) > limit {
		return found[:limit], true, nil
	}
	return found, false, nil
}

// match lists documents after one, in the order of rank.
func (x *Index) match(ctx context.Context, e expr, after int64, limit int) ([]int64, error) {
	from, where, question := x.matching(e)
	var docs []int64
	err := x.db.Read().NewRaw("SELECT doc FROM (SELECT "+x.doc()+" AS doc FROM "+from+" WHERE "+where+" AND "+x.doc()+" > ? ORDER BY 1 LIMIT ?) AS hit",
		question, after, limit).Scan(ctx, &docs)
	if err != nil {
		return nil, fmt.Errorf("search: %w", err)
	}
	return docs, nil
}

// matching says where tokens are, and how they are asked for, on either database.
func (x *Index) matching(e expr) (from, where, question string) {
	if x.db.Postgres() {
		return "directory_entry", "tokens @@ ?::tsquery", e.tsquery()
	}
	return "directory_token", "directory_token MATCH ?", e.fts()
}

// doc is the column of the document's number beside the tokens.
func (x *Index) doc() string {
	if x.db.Postgres() {
		return "doc"
	}
	return "rowid"
}

// hits reads entries, in the order given; one that went meanwhile is left out.
func (x *Index) hits(ctx context.Context, found []cursor, ts []term) ([]Hit, error) {
	out := []Hit{}
	if len(found) == 0 {
		return out, nil
	}
	var list strings.Builder
	for i, c := range found {
		if i > 0 {
			list.WriteByte(',')
		}
		fmt.Fprintf(&list, "%d", c.doc)
	}
	var rows []struct {
		Doc     int64
		Member  string
		DocJSON string `bun:"doc_json"`
	}
	if err := x.db.Read().NewRaw("SELECT doc, member, doc_json FROM directory_entry WHERE doc IN ("+list.String()+")").Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("search: %w", err)
	}
	byDoc := make(map[int64]Hit, len(rows))
	for _, r := range rows {
		h := Hit{Member: r.Member}
		if err := json.Unmarshal([]byte(r.DocJSON), &h.Entry); err != nil {
			return nil, fmt.Errorf("search: %w", err)
		}
		h.mark(ts)
		byDoc[r.Doc] = h
	}
	for _, c := range found {
		if h, ok := byDoc[c.doc]; ok {
			out = append(out, h)
		}
	}
	return out, nil
}

func (h *Hit) mark(ts []term) {
	for field, text := range map[string]string{"name": h.Name, "code": h.Code, "provider": h.Provider, "abstract": h.Abstract} {
		if m := highlight(text, ts); len(m) > 0 {
			if h.Marks == nil {
				h.Marks = map[string][]Span{}
			}
			h.Marks[field] = m
		}
	}
}

// spread is what the facets need of a hit.
type spread struct {
	Member, Department, Provider, Sharing, Class string
}

// count counts the hits and how they are spread. Up to the limit everything is counted from the hits themselves; beyond
// it each value of a facet is a search of its own that ends at the limit.
func (x *Index) count(ctx context.Context, all expr) (*Count, *Facets, error) {
	from, where, question := x.matching(all)
	var rows []spread
	err := x.db.Read().NewRaw("SELECT member, department, provider, sharing, class FROM directory_entry WHERE doc IN (SELECT "+x.doc()+" FROM "+from+" WHERE "+where+" ORDER BY 1 LIMIT ?)",
		question, counted+1).Scan(ctx, &rows)
	if err != nil {
		return nil, nil, fmt.Errorf("search: count: %w", err)
	}
	f := &Facets{
		Member: tally(rows, func(r *spread) (string, string) { return r.Member, "" }), Department: tally(rows, func(r *spread) (string, string) { return r.Department, r.Provider }),
		Sharing: tally(rows, func(r *spread) (string, string) { return r.Sharing, "" }), Class: tally(rows, func(r *spread) (string, string) { return r.Class, "" }),
	}
	f.Department = f.Department[:min(len(f.Department), departments)]
	if len(rows) <= counted {
		return &Count{Count: len(rows)}, f, nil
	}
	var members []string
	if err := x.db.Read().NewRaw("SELECT member FROM directory_member WHERE entries > 0 ORDER BY member").Scan(ctx, &members); err != nil {
		return nil, nil, fmt.Errorf("search: count: %w", err)
	}
	f.Member, f.Sharing, f.Class = valuesOf(members), valuesOf(sharings()), valuesOf(classes())
	var asked []*Value
	var by []facet
	ask := func(vs []Value, k facet) {
		for i := range vs {
			asked, by = append(asked, &vs[i]), append(by, k)
		}
	}
	ask(f.Member, byMember)
	ask(f.Sharing, bySharing)
	ask(f.Class, byClass)
	ask(f.Department, byDepartment)
	if err := x.countEach(ctx, all, asked, by); err != nil {
		return nil, nil, err
	}
	for _, vs := range []*[]Value{&f.Member, &f.Sharing, &f.Class, &f.Department} {
		*vs = ordered(*vs)
	}
	return &Count{Count: counted, More: true}, f, nil
}

// countEach counts the hits that have each of the values, in one statement.
func (x *Index) countEach(ctx context.Context, all expr, vs []*Value, by []facet) error {
	if len(vs) == 0 {
		return nil
	}
	var parts []string
	var args []any
	for i, v := range vs {
		from, where, question := x.matching(all.and(by[i].token(v.Value)))
		parts = append(parts, fmt.Sprintf("SELECT %d AS at, (SELECT count(*) FROM (SELECT 1 FROM %s WHERE %s LIMIT %d) AS hit) AS n", i, from, where, counted+1))
		args = append(args, question)
	}
	var ns []struct{ At, N int }
	if err := x.db.Read().NewRaw(strings.Join(parts, " UNION ALL "), args...).Scan(ctx, &ns); err != nil {
		return fmt.Errorf("search: count: %w", err)
	}
	for _, r := range ns {
		vs[r.At].Count = Count{Count: min(r.N, counted), More: r.N > counted}
	}
	return nil
}

func valuesOf(list []string) []Value {
	out := make([]Value, len(list))
	for i, v := range list {
		out[i].Value = v
	}
	return out
}

// tally counts values, most frequent first.
func tally(rows []spread, of func(*spread) (value, label string)) []Value {
	at := map[string]int{}
	out := []Value{}
	for i := range rows {
		v, label := of(&rows[i])
		n, had := at[v]
		if !had {
			n = len(out)
			at[v] = n
			out = append(out, Value{Value: v, Label: label})
		}
		out[n].Count.Count++
	}
	return ordered(out)
}

// ordered sorts values by how many there are, and leaves out those that are none.
func ordered(vs []Value) []Value {
	out := vs[:0]
	for _, v := range vs {
		if v.Count.Count > 0 {
			out = append(out, v)
		}
	}
	sort.SliceStable(out, func(i, j int) bool {
		a, b := out[i].Count, out[j].Count
		if a.Count != b.Count {
			return a.Count > b.Count
		}
		return out[i].Value < out[j].Value
	})
	return out
}
