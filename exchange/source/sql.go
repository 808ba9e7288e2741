package source

import (
	"strconv"
	"strings"
	"time"

	"github.com/kuayu/kuayu/support/policy"
)

// query is a compiled request. keyAt are the positions of the key in a result row when it is wanted.
type query struct {
	sql   string
	args  []any
	keyAt []int
	width int // columns of a result row: outs, then key items that are not among them
}

type compiler struct {
	b    strings.Builder
	args []any
	pg   bool
	t    *Table
}

// compileSQL makes one statement of a request. Values are parameters without exception; names come from the catalogue of
// the database, never from the plan.
func compileSQL(r *request, pg bool) query {
	c := compiler{pg: pg, t: r.t}
	c.b.Grow(256)
	q := query{width: len(r.outs)}
	c.b.WriteString("SELECT ")
	for i, o := range r.outs {
		if i > 0 {
			c.b.WriteByte(',')
		}
		c.out(o)
	}
	if r.order {
		q.keyAt = c.selectKey(r, &q.width)
	}
	if q.width == 0 {
		c.b.WriteString("NULL")
	}
	c.b.WriteString(" FROM ")
	c.b.WriteString(r.t.from)
	if pg {
		c.b.WriteString(" AS t")
	}
	c.filter(r)
	switch {
	case r.agg && len(r.group) > 0:
		c.groups(r)
	case r.order:
		c.b.WriteString(" ORDER BY ")
		c.keys()
	}
	if r.limit > 0 {
		c.b.WriteString(" LIMIT ")
		c.arg(r.limit+r.ahead(), "int8")
	}
	q.sql, q.args = c.b.String(), c.args
	return q
}

func (c *compiler) selectKey(r *request, width *int) []int {
	if len(r.t.key) == 0 {
		if *width > 0 {
			c.b.WriteByte(',')
		}
		c.rowKey(true)
		*width++
		return []int{*width - 1}
	}
	at := make([]int, len(r.t.key))
	for i, k := range r.t.key {
		at[i] = -1
		for j, o := range r.outs {
			if o.col == k {
				at[i] = j
			}
		}
		if at[i] < 0 {
			if *width > 0 {
				c.b.WriteByte(',')
			}
			c.b.WriteString(r.t.Columns[k].sel)
			at[i] = *width
			*width++
		}
	}
	return at
}

func (c *compiler) filter(r *request) {
	if r.where != nil {
		c.b.WriteString(" WHERE ")
		c.node(r.where)
	}
	if r.cursor == nil {
		return
	}
	if r.where == nil {
		c.b.WriteString(" WHERE ")
	} else {
		c.b.WriteString(" AND ")
	}
	c.b.WriteByte('(')
	c.keys()
	c.b.WriteString(")>(")
	for i, l := range r.cursor {
		if i > 0 {
			c.b.WriteByte(',')
		}
		if len(r.t.key) == 0 {
			c.rowLit(r, i)
			continue
		}
		col := &r.t.Columns[r.t.key[i]]
		c.lit(col, l)
		if col.char {
			c.b.WriteString("::bpchar")
		}
	}
	c.b.WriteByte(')')
}

// Where a PostgreSQL row lies, alone and with the part of the table.
const (
	placeOfRow   = "t.ctid"
	placeInTable = "t.tableoid,t.ctid"
)

// rowKey writes what a table without a key is ordered by, or how it is selected.
func (c *compiler) rowKey(selected bool) {
	switch {
	case selected && c.t.rowKey == placeOfRow:
		c.b.WriteString("t.ctid::text")
	case selected && c.t.rowKey == placeInTable:
		c.b.WriteString("t.tableoid::text||' '||t.ctid::text")
	default:
		c.b.WriteString(c.t.rowKey)
	}
}

func (c *compiler) rowLit(r *request, i int) {
	switch {
	case !c.pg:
		c.arg(r.cursor[i].i, "")
	case i == 0 && len(r.cursor) == 2:
		c.arg(r.cursor[i].s, "text")
		c.b.WriteString("::oid")
	default:
		c.arg(r.cursor[i].s, "text")
		c.b.WriteString("::tid")
	}
}

// isTID reads the text of a place: (block,row).
func isTID(s string) bool {
	block, row, ok := strings.Cut(strings.TrimSuffix(strings.TrimPrefix(s, "("), ")"), ",")
	return ok && len(s) < 20 && digits(block) && digits(row) && s == "("+block+","+row+")"
}

func isTableTID(s string) bool {
	table, place, ok := strings.Cut(s, " ")
	return ok && len(table) <= 10 && digits(table) && isTID(place)
}

// keys writes the key expressions in their order of comparison. A unique index is taken in its own order, or it would be
// of no use; a key that is only declared is compared byte by byte, as its rows are checked.
func (c *compiler) keys() {
	if len(c.t.key) == 0 {
		c.rowKey(false)
		return
	}
	for i, k := range c.t.key {
		if i > 0 {
			c.b.WriteByte(',')
		}
		col := &c.t.Columns[k]
		switch {
		case c.t.loose:
			c.ordered(col)
		case c.pg && (col.char || col.expr == quote(col.Name)):
			// In ORDER BY the bare name would be that of the selected text.
			c.b.WriteString("t." + quote(col.Name))
		default:
			c.b.WriteString(col.expr)
		}
	}
}

// ordered writes the column so that < and ORDER BY compare text byte by byte.
func (c *compiler) ordered(col *Column) {
	c.b.WriteString(col.expr)
	c.collate(col)
}

func (c *compiler) collate(col *Column) {
	switch {
	case col.kind != kText:
	case !c.pg:
		c.b.WriteString(" COLLATE BINARY")
	case !col.raw:
		c.b.WriteString(` COLLATE "C"`)
	}
}

func (c *compiler) groups(r *request) {
	c.b.WriteString(" GROUP BY ")
	for i, g := range r.group {
		if i > 0 {
			c.b.WriteByte(',')
		}
		if c.pg { // the bare expression, or it would not match the selected one
			c.b.WriteString(r.t.Columns[g].expr)
			continue
		}
		c.ordered(&r.t.Columns[g])
	}
	c.b.WriteString(" ORDER BY ")
	for i, g := range r.group {
		if i > 0 {
			c.b.WriteByte(',')
		}
		c.ordered(&r.t.Columns[g])
		c.b.WriteString(" NULLS FIRST")
	}
}

func (c *compiler) out(o out) {
	if o.fn == "" {
		col := &c.t.Columns[o.col]
		c.b.WriteString(col.sel)
		return
	}
	if o.col < 0 {
		c.b.WriteString("count(*)")
		return
	}
	col := &c.t.Columns[o.col]
	c.b.WriteString(string(o.fn))
	c.b.WriteByte('(')
	c.b.WriteString(col.expr)
	if o.fn == policy.Min || o.fn == policy.Max {
		if col.uuid {
			c.b.WriteString("::text") // min(uuid) is missing before PostgreSQL 18
		}
		c.collate(col)
	}
	c.b.WriteByte(')')
	if !c.pg {
		return
	}
	switch {
	case o.fn == policy.Avg:
		c.b.WriteString("::float8")
	case o.fn == policy.Sum && o.kind == kInt:
		c.b.WriteString("::int8")
	case o.kind == kDecimal || o.kind == kNumeric:
		c.b.WriteString("::text")
	}
}

func (c *compiler) arg(v any, typ string) {
	c.args = append(c.args, v)
	if !c.pg {
		c.b.WriteByte('?')
		return
	}
	c.b.WriteByte('$')
	c.b.WriteString(strconv.Itoa(len(c.args)))
	c.b.WriteString("::")
	c.b.WriteString(typ)
}

// pgType is the parameter type of a column's values, and the type the values travel in.
func pgType(col *Column) (typ, via string) {
	switch col.kind {
	case kInt:
		return "int8", ""
	case kFloat:
		return "float8", ""
	case kBool:
		return "bool", ""
	case kDate:
		return "date", ""
	case kTime:
		if col.Native == "timestamp" {
			return "timestamp", ""
		}
		return "timestamptz", ""
	case kDecimal, kNumeric:
		return "numeric", "text"
	case kText:
		if col.uuid {
			return "uuid", "text"
		}
	case kBinary:
	}
	return "text", ""
}

// value is what the driver is given.
func (c *compiler) value(col *Column, l literal) any {
	switch col.kind {
	case kInt:
		return l.i
	case kFloat:
		return l.f
	case kBool:
		if c.pg {
			return l.i == 1
		}
		return l.i
	case kDate:
		if c.pg {
			return time.Unix(l.i*86400, 0).UTC()
		}
		return dateText(l.i)
	case kTime:
		if c.pg {
			return time.UnixMicro(l.i).UTC()
		}
		return l.i
	case kText, kDecimal, kNumeric, kBinary:
	}
	return l.s
}

func (c *compiler) lit(col *Column, l literal) {
	if !c.pg {
		c.arg(c.value(col, l), "")
		return
	}
	typ, via := pgType(col)
	if via == "" {
		c.arg(c.value(col, l), typ)
		return
	}
	c.arg(c.value(col, l), via)
	c.b.WriteString("::")
	c.b.WriteString(typ)
}

var sqlOps = map[policy.Op]string{policy.Eq: "=", policy.Ne: "<>", policy.Lt: "<", policy.Le: "<=", policy.Gt: ">", policy.Ge: ">="} //nolint:gochecknoglobals // constant table

func (c *compiler) node(n *node) {
	c.b.WriteByte('(')
	defer c.b.WriteByte(')')
	switch n.op {
	case policy.And, policy.Or:
		for i, a := range n.args {
			if i > 0 && n.op == policy.And {
				c.b.WriteString(" AND ")
			} else if i > 0 {
				c.b.WriteString(" OR ")
			}
			c.node(a)
		}
		return
	case policy.Not:
		c.b.WriteString("NOT ")
		c.node(n.args[0])
		return
	case policy.IsNull:
		c.b.WriteString(c.t.Columns[n.col].expr)
		c.b.WriteString(" IS NULL")
		return
	case policy.Prefix:
		c.prefix(&c.t.Columns[n.col], n.lits[0].s)
		return
	case policy.In:
		c.in(&c.t.Columns[n.col], n.lits)
		return
	case policy.Eq, policy.Ne, policy.Lt, policy.Le, policy.Gt, policy.Ge:
	}
	col := &c.t.Columns[n.col]
	if col.uuid && !isUUID(n.lits[0].s) {
		// Text that is no uuid is compared as text.
		c.b.WriteString(col.expr)
		c.b.WriteString(`::text COLLATE "C"`)
		c.b.WriteString(sqlOps[n.op])
		c.arg(n.lits[0].s, "text")
		return
	}
	if n.op == policy.Eq {
		c.indexed(col, n.lits)
	}
	c.equal(col, n.op)
	c.b.WriteString(sqlOps[n.op])
	c.lit(col, n.lits[0])
}

// equal writes the column for a comparison. Texts that are equal are the same bytes under any collation that tells
// different ones apart, and an index is of the column's own.
func (c *compiler) equal(col *Column, op policy.Op) {
	if c.pg && !col.fold && (op == policy.Eq || op == policy.Ne) {
		c.b.WriteString(col.expr)
		return
	}
	c.ordered(col)
}

// indexed adds what an index of a char(n) understands: equality that overlooks blanks at the end.
func (c *compiler) indexed(col *Column, lits []literal) {
	if !col.char {
		return
	}
	c.b.WriteString(quote(col.Name))
	c.b.WriteString("=ANY(")
	c.arg(listOf(lits, func(l literal) string { return l.s }), "text[]")
	c.b.WriteString("::bpchar[]) AND ")
}

// prefix is a range where text compares byte by byte in an index; PostgreSQL gets an escaped LIKE as well as it can
// use either.
func (c *compiler) prefix(col *Column, s string) {
	if c.pg {
		c.b.WriteString(col.expr)
		if col.uuid {
			c.b.WriteString("::text")
		}
		if !col.raw {
			c.b.WriteString(` COLLATE "C"`)
		}
		c.b.WriteString(" LIKE ")
		esc := strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(s)
		c.arg(esc+"%", "text")
		c.b.WriteString(` ESCAPE '\'`)
		return
	}
	c.ordered(col)
	c.b.WriteString(">=")
	c.arg(s, "")
	if s == "" {
		return
	}
	// No byte of UTF-8 is 0xff, so the last one can always be raised.
	up := []byte(s)
	up[len(up)-1]++
	c.b.WriteString(" AND ")
	c.ordered(col)
	c.b.WriteByte('<')
	c.arg(string(up), "")
}

func (c *compiler) in(col *Column, lits []literal) {
	if c.pg {
		c.pgIn(col, lits)
		return
	}
	c.ordered(col)
	c.b.WriteString(" IN (")
	// A power of two of parameters keeps the number of different statements small.
	n := 1
	for n < len(lits) {
		n *= 2
	}
	for i := range n {
		if i > 0 {
			c.b.WriteByte(',')
		}
		c.lit(col, lits[min(i, len(lits)-1)])
	}
	c.b.WriteByte(')')
}

func (c *compiler) pgIn(col *Column, lits []literal) {
	typ, via := pgType(col)
	c.indexed(col, lits)
	c.equal(col, policy.Eq)
	if typ == "uuid" {
		for _, l := range lits {
			if !isUUID(l.s) {
				c.b.WriteString(`::text`)
				typ, via = "text", ""
				break
			}
		}
	}
	c.b.WriteString("=ANY(")
	send := typ
	if via != "" {
		send = via
	}
	switch col.kind {
	case kInt:
		c.arg(listOf(lits, func(l literal) int64 { return l.i }), "int8[]")
	case kFloat:
		c.arg(listOf(lits, func(l literal) float64 { return l.f }), "float8[]")
	case kBool:
		c.arg(listOf(lits, func(l literal) bool { return l.i == 1 }), "bool[]")
	case kDate, kTime:
		c.arg(listOf(lits, func(l literal) time.Time { v, _ := c.value(col, l).(time.Time); return v }), typ+"[]")
	case kText, kDecimal, kNumeric, kBinary:
		c.arg(listOf(lits, func(l literal) string { return l.s }), send+"[]")
	}
	if via != "" {
		c.b.WriteString("::" + typ + "[]")
	}
	c.b.WriteByte(')')
}

func listOf[T any](lits []literal, f func(literal) T) []T {
	v := make([]T, len(lits))
	for i, l := range lits {
		v[i] = f(l)
	}
	return v
}

// isUUID accepts the canonical lower-case form alone, in which order as text and as uuid agree.
func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case i == 8 || i == 13 || i == 18 || i == 23:
			if c != '-' {
				return false
			}
		case (c < '0' || c > '9') && (c < 'a' || c > 'f'):
			return false
		}
	}
	return true
}

// quote makes an SQL identifier.
func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
