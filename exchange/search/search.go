package search

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/kuayu/kuayu/exchange/catalog"
	"github.com/kuayu/kuayu/internal/db"
)

const (
	// counted is how far hits are counted, as a whole and of each sharing attribute.
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
	found, more, err := x.page(ctx, ts, filters, all, rankOf(q.Sharing), at, limit)
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
		a.Total, a.Facets, err = x.count(ctx, all, q.Sharing)
	}
	return a, err
}

// page walks the hits from a place: those whose name has all terms, then the others, each in the order of rank. Either
// walk ends as soon as the page is full. It tells whether there are more.
func (x *Index) page(ctx context.Context, ts []term, filters []string, all expr, lie within, at cursor, limit int) ([]cursor, bool, error) {
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
		left := lie
		if at.rest == rest {
			left.from = max(left.from, at.doc+1)
		}
		docs, err := x.match(ctx, e, left, limit+1-len(found))
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

// match lists documents of a stretch, in the order of rank.
func (x *Index) match(ctx context.Context, e expr, lie within, limit int) ([]int64, error) {
	from, where, question := x.matching(e)
	var docs []int64
	err := x.db.Read().NewRaw("SELECT doc FROM (SELECT "+x.doc()+" AS doc FROM "+from+" WHERE "+where+" AND "+x.doc()+" >= ? AND "+x.doc()+" < ? ORDER BY 1 LIMIT ?) AS hit",
		question, lie.from, lie.to, limit).Scan(ctx, &docs)
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
		Doc          int64
		Member, Text string
	}
	if err := x.db.Read().NewRaw("SELECT e.doc, e.member, t.text FROM directory_entry e JOIN directory_text t ON t.doc = e.doc WHERE e.doc IN ("+list.String()+")").Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("search: %w", err)
	}
	byDoc := make(map[int64]Hit, len(rows))
	for _, r := range rows {
		h := Hit{Member: r.Member}
		if err := json.Unmarshal([]byte(r.Text), &h.Entry); err != nil {
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

// spread is how many of the hits counted have the same of everything.
type spread struct {
	Member, Department, Class string
	Sharing                   string
	Doc                       int64 // one of them
	N                         int
}

// count counts the hits and how they are spread. The entries of a sharing attribute lie together in the order of rank:
// of each, hits are counted up to the limit, in one walk that ends there. What is counted beyond is at least so many.
func (x *Index) count(ctx context.Context, all expr, only catalog.Sharing) (*Count, *Facets, error) {
	from, where, question := x.matching(all)
	total := Count{}
	f := &Facets{Sharing: []Value{}}
	var seen []spread
	var err error
	for _, sharing := range sharings() {
		if only != "" && sharing != string(only) {
			continue
		}
		lie := rankOf(catalog.Sharing(sharing))
		var rows []spread
		err = x.db.Read().NewRaw(`SELECT e.member, e.department, e.class, min(e.doc) AS doc, count(*) AS n FROM (SELECT `+x.doc()+` AS doc FROM `+from+` WHERE `+where+` AND `+x.doc()+` >= ? AND `+x.doc()+` < ? ORDER BY 1 LIMIT ?) AS hit
			JOIN directory_entry e ON e.doc = hit.doc GROUP BY 1, 2, 3`, question, lie.from, lie.to, counted+1).Scan(ctx, &rows)
		if err != nil {
			return nil, nil, fmt.Errorf("search: count: %w", err)
		}
		c := Count{}
		for j := range rows {
			rows[j].Sharing = sharing
			c.Count += rows[j].N
		}
		seen = append(seen, rows...)
		total.Count += c.Count
		c.cap(false)
		total.More = total.More || c.More
		f.Sharing = append(f.Sharing, Value{Value: sharing, Count: c})
	}
	more := total.More
	total.cap(more)
	f.Sharing = ordered(f.Sharing)
	f.Member = tally(seen, more, func(r *spread) string { return r.Member })
	f.Class = tally(seen, more, func(r *spread) string { return r.Class })
	f.Department = tally(seen, more, func(r *spread) string { return r.Department })
	f.Department = f.Department[:min(len(f.Department), departments)]
	if more {
		var members []string
		if err := x.db.Read().NewRaw("SELECT member FROM directory_member WHERE entries > 0 ORDER BY member").Scan(ctx, &members); err != nil {
			return nil, nil, fmt.Errorf("search: count: %w", err)
		}
		if f.Member, err = x.unseen(ctx, all, rankOf(only), byMember, f.Member, members); err != nil {
			return nil, nil, err
		}
		if f.Class, err = x.unseen(ctx, all, rankOf(only), byClass, f.Class, classes()); err != nil {
			return nil, nil, err
		}
	}
	return &total, f, x.label(ctx, f.Department)
}

// unseen adds the values that none of the hits counted had: rank puts some of them last.
func (x *Index) unseen(ctx context.Context, all expr, lie within, by facet, had []Value, of []string) ([]Value, error) {
	for _, v := range of {
		if slices.ContainsFunc(had, func(h Value) bool { return h.Value == v }) {
			continue
		}
		from, where, question := x.matching(all.and(by.token(v)))
		c := Count{}
		if err := x.db.Read().NewRaw("SELECT count(*) FROM (SELECT 1 FROM "+from+" WHERE "+where+" AND "+x.doc()+" >= ? AND "+x.doc()+" < ? LIMIT ?) AS hit", question, lie.from, lie.to, counted+1).Scan(ctx, &c.Count); err != nil {
			return nil, fmt.Errorf("search: count: %w", err)
		}
		c.cap(false)
		had = append(had, Value{Value: v, Count: c})
	}
	return ordered(had), nil
}

// cap cuts a count off at the limit; more says that not everything was looked at.
func (c *Count) cap(more bool) {
	c.More = more || c.Count > counted
	c.Count = min(c.Count, counted)
}

// label gives departments the names they have in their entries.
func (x *Index) label(ctx context.Context, vs []Value) error {
	for i := range vs {
		var text string
		if err := x.db.Read().NewRaw("SELECT text FROM directory_text WHERE doc = ?", vs[i].doc).Scan(ctx, &text); err != nil {
			if errors.Is(db.One(err), db.ErrNotFound) {
				continue // it went meanwhile
			}
			return fmt.Errorf("search: count: %w", err)
		}
		var e Entry
		if err := json.Unmarshal([]byte(text), &e); err != nil {
			return fmt.Errorf("search: count: %w", err)
		}
		vs[i].Label = e.Provider
	}
	return nil
}

// tally counts values, most frequent first.
func tally(rows []spread, more bool, of func(*spread) string) []Value {
	at := map[string]int{}
	out := []Value{}
	for i := range rows {
		v := of(&rows[i])
		n, had := at[v]
		if !had {
			n = len(out)
			at[v] = n
			out = append(out, Value{Value: v, doc: rows[i].Doc})
		}
		out[n].Count.Count += rows[i].N
	}
	for i := range out {
		out[i].cap(more)
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

// Entry is the entry of a member's catalogue, as it was read last; ErrNoEntry.
func (x *Index) Entry(ctx context.Context, member, code string) (*Entry, error) {
	var text string
	err := x.db.Read().NewRaw("SELECT t.text FROM directory_entry e JOIN directory_text t ON t.doc = e.doc WHERE e.member = ? AND e.code = ?", member, code).Scan(ctx, &text)
	switch {
	case errors.Is(db.One(err), db.ErrNotFound):
		return nil, ErrNoEntry.With()
	case err != nil:
		return nil, fmt.Errorf("entry: %w", err)
	}
	var e Entry
	if err := json.Unmarshal([]byte(text), &e); err != nil {
		return nil, fmt.Errorf("entry: %w", err)
	}
	return &e, nil
}
