package policy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
)

// Plan is a request for rows: one small typed tree that compiles to SQL for databases and to Arrow kernels for
// files, is the row filter of an agreement, and is what policy intersects.
//
// An empty Project means every granted item. With Group or Aggregate set, the answer has the Group items first,
// then one column per Aggregate. Limit 0 means no limit of its own. Cursor is opaque to the requester; inside the
// provider it holds the key of the last row already delivered.
type Plan struct {
	Project   []string    `json:"project,omitempty"`
	Where     *Predicate  `json:"where,omitempty"`
	Group     []string    `json:"group,omitempty"`
	Aggregate []Aggregate `json:"aggregate,omitempty"`
	Limit     int64       `json:"limit,omitempty"`
	Cursor    string      `json:"cursor,omitempty"`
}

// Aggregate is one aggregate column.
type Aggregate struct {
	Func AggFunc `json:"func"`
	Item string  `json:"item,omitempty"` // empty only for count
	As   string  `json:"as,omitempty"`   // name of the column; default "func_item", "count" for a bare count
}

// Name is the name of the resulting column.
func (a Aggregate) Name() string {
	switch {
	case a.As != "":
		return a.As
	case a.Item == "":
		return string(a.Func)
	default:
		return string(a.Func) + "_" + a.Item
	}
}

// AggFunc is an aggregate function.
type AggFunc string

// The aggregate functions every source supports.
const (
	Count AggFunc = "count" // rows, or non-null values of Item
	Sum   AggFunc = "sum"
	Min   AggFunc = "min"
	Max   AggFunc = "max"
	Avg   AggFunc = "avg"
)

// Op is the operator of a predicate.
type Op string

// The operators. And, Or and Not take Args; the others take Item and Values.
const (
	And    Op = "and"
	Or     Op = "or"
	Not    Op = "not" // one argument
	Eq     Op = "eq"
	Ne     Op = "ne"
	Lt     Op = "lt"
	Le     Op = "le"
	Gt     Op = "gt"
	Ge     Op = "ge"
	In     Op = "in"     // one or more values
	Prefix Op = "prefix" // text begins with the value, case-sensitive
	IsNull Op = "isnull" // no value
)

// Predicate is a node of the row filter. A comparison with null is false, as is its negation by Not of a null
// comparison: three-valued logic collapses to "not there" exactly as in SQL.
type Predicate struct {
	Op     Op           `json:"op"`
	Item   string       `json:"item,omitempty"`
	Values []Value      `json:"values,omitempty"`
	Args   []*Predicate `json:"args,omitempty"`
}

// ValueKind tells which member of a Value is set.
type ValueKind uint8

// The kinds of scalar.
const (
	String ValueKind = iota
	Int
	Float
	Bool
)

// Value is a scalar of a predicate: a bare JSON string, number or boolean. Dates and timestamps are strings in ISO
// 8601 ("2020-01-31", "2020-01-31T08:00:00Z").
type Value struct {
	Kind ValueKind
	S    string
	I    int64
	F    float64
	B    bool
}

// Str makes a text value.
func Str(s string) Value { return Value{Kind: String, S: s} }

// IntOf makes an integer value.
func IntOf(i int64) Value { return Value{Kind: Int, I: i} }

// Any returns the value as string, int64, float64 or bool, for a database driver.
func (v Value) Any() any {
	switch v.Kind {
	case Int:
		return v.I
	case Float:
		return v.F
	case Bool:
		return v.B
	case String:
		return v.S
	}
	return v.S
}

// Text is the value as text.
func (v Value) Text() string {
	switch v.Kind {
	case Int:
		return strconv.FormatInt(v.I, 10)
	case Float:
		return strconv.FormatFloat(v.F, 'g', -1, 64)
	case Bool:
		return strconv.FormatBool(v.B)
	case String:
		return v.S
	}
	return v.S
}

// MarshalJSON writes the bare scalar.
func (v Value) MarshalJSON() ([]byte, error) { return json.Marshal(v.Any()) }

// UnmarshalJSON reads a bare scalar; null, arrays and objects are refused.
func (v *Value) UnmarshalJSON(b []byte) error {
	b = bytes.TrimSpace(b)
	if len(b) == 0 {
		return fmt.Errorf("empty value")
	}
	switch b[0] {
	case '"':
		v.Kind = String
		return json.Unmarshal(b, &v.S)
	case 't', 'f':
		v.Kind = Bool
		return json.Unmarshal(b, &v.B)
	case 'n', '[', '{':
		return fmt.Errorf("a value must be a string, a number or true/false")
	}
	if i, err := strconv.ParseInt(string(b), 10, 64); err == nil {
		v.Kind, v.I = Int, i
		return nil
	}
	f, err := strconv.ParseFloat(string(b), 64)
	if err != nil || math.IsInf(f, 0) || math.IsNaN(f) {
		return fmt.Errorf("not a number: %q", b)
	}
	v.Kind, v.F = Float, f
	return nil
}

// Limits of a plan, so that a foreign one can't cost more than a bounded amount of work.
const (
	MaxPredicateNodes = 256
	MaxPredicateDepth = 16
	MaxValues         = 10_000
	MaxItems          = 512
)

// Check validates the shape of the plan: operators, arity, bounds. It knows nothing of schemas or grants.
func (p *Plan) Check() error {
	if len(p.Project) > MaxItems || len(p.Group) > MaxItems || len(p.Aggregate) > MaxItems {
		return ErrPlan.With("more than 512 items", "超过 512 个数据项")
	}
	if p.Limit < 0 {
		return ErrPlan.With("limit is negative", "limit 为负数")
	}
	if len(p.Group) > 0 && len(p.Aggregate) == 0 {
		return ErrPlan.With("group needs at least one aggregate", "group 需要至少一个 aggregate")
	}
	if len(p.Project) > 0 && len(p.Aggregate) > 0 {
		return ErrPlan.With("project and aggregate exclude one another; use group", "project 与 aggregate 不能同时使用，请用 group")
	}
	for _, a := range p.Aggregate {
		switch a.Func {
		case Count:
		case Sum, Min, Max, Avg:
			if a.Item == "" {
				return ErrPlan.With(string(a.Func)+" needs an item", string(a.Func)+" 缺少数据项")
			}
		default:
			return ErrPlan.With("unknown aggregate "+strconv.Quote(string(a.Func)), "未知的聚合函数 "+strconv.Quote(string(a.Func)))
		}
	}
	nodes, values := 0, 0
	return p.Where.check(0, &nodes, &values)
}

func (p *Predicate) check(depth int, nodes, values *int) error {
	if p == nil {
		return nil
	}
	*nodes++
	*values += len(p.Values)
	if depth > MaxPredicateDepth || *nodes > MaxPredicateNodes || *values > MaxValues {
		return ErrPlan.With("predicate too large", "条件过于复杂")
	}
	bad := func() error {
		return ErrPlan.With("operator "+strconv.Quote(string(p.Op))+" has wrong arguments", "运算符 "+strconv.Quote(string(p.Op))+" 的参数不正确")
	}
	switch p.Op {
	case And, Or, Not:
		if p.Item != "" || len(p.Values) != 0 || len(p.Args) == 0 || (p.Op == Not && len(p.Args) != 1) {
			return bad()
		}
		for _, a := range p.Args {
			if a == nil {
				return bad()
			}
			if err := a.check(depth+1, nodes, values); err != nil {
				return err
			}
		}
		return nil
	case Eq, Ne, Lt, Le, Gt, Ge:
		if p.Item == "" || len(p.Values) != 1 || len(p.Args) != 0 {
			return bad()
		}
		return nil
	case Prefix:
		if p.Item == "" || len(p.Values) != 1 || p.Values[0].Kind != String || len(p.Args) != 0 {
			return bad()
		}
		return nil
	case In:
		if p.Item == "" || len(p.Values) == 0 || len(p.Args) != 0 {
			return bad()
		}
		return nil
	case IsNull:
		if p.Item == "" || len(p.Values) != 0 || len(p.Args) != 0 {
			return bad()
		}
		return nil
	}
	return ErrPlan.With("unknown operator "+strconv.Quote(string(p.Op)), "未知的运算符 "+strconv.Quote(string(p.Op)))
}

// Items appends the names of all items the predicate looks at.
func (p *Predicate) Items(into []string) []string {
	if p == nil {
		return into
	}
	if p.Item != "" {
		into = append(into, p.Item)
	}
	for _, a := range p.Args {
		into = a.Items(into)
	}
	return into
}

// Both joins two predicates with And; nil means "everything".
func Both(a, b *Predicate) *Predicate {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	return &Predicate{Op: And, Args: []*Predicate{a, b}}
}
