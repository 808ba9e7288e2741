package source

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/kuayu/kuayu/support/policy"
)

// request is a plan bound to a table: every name is an index, every value has the type of its column.
type request struct {
	t      *Table
	outs   []out
	group  []int
	agg    bool
	where  *node
	order  bool      // by key, ascending
	cursor []literal // rows after this key; nil for all
	limit  int64
}

// out is one column of the answer.
type out struct {
	name string
	col  int // index in the table, -1 for count of rows
	fn   policy.AggFunc
	kind kind
	typ  arrow.DataType
	null bool
}

// node is a bound predicate.
type node struct {
	op   policy.Op
	col  int
	lits []literal
	args []*node
}

// bind checks the plan against the table.
func bind(t *Table, q *policy.Plan) (*request, error) {
	if err := q.Check(); err != nil {
		return nil, err
	}
	r := &request{t: t, limit: q.Limit}
	if err := r.bindOuts(q); err != nil {
		return nil, err
	}
	w, err := bindNode(t, q.Where)
	if err != nil {
		return nil, err
	}
	r.where = w
	if r.agg {
		if q.Cursor != "" {
			return nil, ErrCursor.With()
		}
		return r, nil
	}
	hasKey := len(t.key) > 0 || t.rowKey != ""
	r.order = hasKey && (q.Limit > 0 || q.Cursor != "")
	if q.Cursor != "" {
		if !hasKey {
			return nil, ErrNoKey.With(t.Name)
		}
		if r.cursor, err = bindCursor(t, q.Cursor); err != nil {
			return nil, err
		}
	}
	return r, nil
}

func (r *request) bindOuts(q *policy.Plan) error {
	t := r.t
	items := q.Project
	if len(q.Aggregate) > 0 {
		items, r.agg = q.Group, true
	}
	switch {
	case len(items) == 0 && !r.agg:
		r.outs = make([]out, len(t.Columns))
		for i := range t.Columns {
			r.outs[i] = outOf(t, i)
		}
		return nil
	default:
		r.outs = make([]out, 0, len(items)+len(q.Aggregate))
	}
	for _, it := range items {
		i, ok := t.byName[it]
		if !ok {
			return ErrUnknownItem.With(it)
		}
		if r.agg {
			if t.Columns[i].kind == kBinary {
				return ErrAggregate.With(it, "group")
			}
			r.group = append(r.group, i)
		}
		r.outs = append(r.outs, outOf(t, i))
	}
	for _, a := range q.Aggregate {
		o, err := bindAggregate(t, a)
		if err != nil {
			return err
		}
		r.outs = append(r.outs, o)
	}
	return r.unique()
}

func (r *request) unique() error {
	if len(r.outs) <= 16 {
		for i := range r.outs {
			for j := range i {
				if r.outs[i].name == r.outs[j].name {
					return ErrDuplicate.With(r.outs[i].name)
				}
			}
		}
		return nil
	}
	seen := make(map[string]bool, len(r.outs))
	for _, o := range r.outs {
		if seen[o.name] {
			return ErrDuplicate.With(o.name)
		}
		seen[o.name] = true
	}
	return nil
}

func outOf(t *Table, i int) out {
	c := &t.Columns[i]
	return out{name: c.Name, col: i, kind: c.kind, typ: c.Type, null: c.Nullable}
}

func bindAggregate(t *Table, a policy.Aggregate) (out, error) {
	o := out{name: a.Name(), col: -1, fn: a.Func, kind: kInt, typ: kInt.arrow()}
	if a.Item == "" {
		return o, nil
	}
	i, ok := t.byName[a.Item]
	if !ok {
		return o, ErrUnknownItem.With(a.Item)
	}
	c := &t.Columns[i]
	o.col = i
	if a.Func == policy.Count {
		return o, nil
	}
	number := c.kind == kInt || c.kind == kFloat || c.kind == kDecimal || c.kind == kNumeric
	o.kind, o.typ, o.null = c.kind, c.Type, true
	switch a.Func {
	case policy.Min, policy.Max:
		if c.kind == kBinary || c.kind == kBool {
			return o, ErrAggregate.With(a.Item, string(a.Func))
		}
	case policy.Sum:
		if !number {
			return o, ErrAggregate.With(a.Item, string(a.Func))
		}
		if d, ok := c.Type.(*arrow.Decimal128Type); ok {
			o.typ = &arrow.Decimal128Type{Precision: 38, Scale: d.Scale}
		}
	case policy.Avg:
		if !number {
			return o, ErrAggregate.With(a.Item, string(a.Func))
		}
		o.kind, o.typ = kFloat, kFloat.arrow()
	case policy.Count:
	}
	return o, nil
}

func bindNode(t *Table, p *policy.Predicate) (*node, error) {
	if p == nil {
		return nil, nil //nolint:nilnil // no predicate is a valid predicate
	}
	n := &node{op: p.Op, col: -1}
	if len(p.Args) > 0 {
		n.args = make([]*node, len(p.Args))
		for i, a := range p.Args {
			c, err := bindNode(t, a)
			if err != nil {
				return nil, err
			}
			n.args[i] = c
		}
		return n, nil
	}
	i, ok := t.byName[p.Item]
	if !ok {
		return nil, ErrUnknownItem.With(p.Item)
	}
	n.col = i
	c := &t.Columns[i]
	if p.Op == policy.Prefix && c.kind != kText {
		return nil, ErrValueType.With(c.Name, "of a text item for prefix", "文本类数据项（prefix）")
	}
	n.lits = make([]literal, len(p.Values))
	for j, v := range p.Values {
		l, err := literalFor(c, v)
		if err != nil {
			return nil, err
		}
		n.lits[j] = l
	}
	return n, nil
}

// bindCursor reads the text of a key: the value itself, or a JSON array of texts for a key of several items.
func bindCursor(t *Table, s string) ([]literal, error) {
	if t.rowKey == rowOfFile {
		return nil, nil // read by placeOf
	}
	if len(t.key) == 0 && t.rowKey == placeInTable {
		if !isTableTID(s) {
			return nil, ErrCursor.With()
		}
		table, place, _ := strings.Cut(s, " ")
		return []literal{{s: table}, {s: place}}, nil
	}
	if len(t.key) == 0 && t.rowKey == placeOfRow {
		if !isTID(s) {
			return nil, ErrCursor.With()
		}
		return []literal{{s: s}}, nil
	}
	if len(t.key) == 0 {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return nil, ErrCursor.Because(err)
		}
		return []literal{{i: n}}, nil
	}
	parts := []string{s}
	if len(t.key) > 1 || strings.HasPrefix(s, "[") {
		parts = nil
		if err := json.Unmarshal([]byte(s), &parts); err != nil {
			return nil, ErrCursor.Because(err)
		}
		if len(parts) != len(t.key) {
			return nil, ErrCursor.With()
		}
	}
	lits := make([]literal, len(parts))
	for i, p := range parts {
		if strings.IndexByte(p, 0) >= 0 {
			return nil, ErrCursor.With()
		}
		l, err := keyLiteral(&t.Columns[t.key[i]], p)
		if err != nil {
			return nil, err
		}
		lits[i] = l
	}
	return lits, nil
}

// joinKey is the inverse of bindCursor. An empty text is written as JSON: the empty cursor is the beginning.
func joinKey(parts []string) string {
	if len(parts) == 1 && parts[0] != "" && parts[0][0] != '[' {
		return parts[0]
	}
	b, err := json.Marshal(parts)
	if err != nil {
		return ""
	}
	return string(b)
}

// schema is the Arrow schema of the answer.
func (r *request) schema() *arrow.Schema {
	f := make([]arrow.Field, len(r.outs))
	for i, o := range r.outs {
		f[i] = arrow.Field{Name: o.name, Type: o.typ, Nullable: o.null}
	}
	return arrow.NewSchema(f, nil)
}

// ahead is how many rows more than asked for are read, to see that the key of the last one is not that of the next.
func (r *request) ahead() int64 {
	if r.order && r.t.loose && len(r.t.key) > 0 && r.limit < math.MaxInt64 {
		return 1
	}
	return 0
}

// keyName names an item of the key pages are ordered by.
func (r *request) keyName(i int) string {
	if len(r.t.key) == 0 {
		return r.t.rowKey
	}
	return r.t.Columns[r.t.key[i]].Name
}
