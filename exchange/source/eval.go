package source

import (
	"cmp"
	"math"
	"math/big"
	"slices"
	"sort"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/kuayu/kuayu/support/policy"
)

// chunk is a piece of a file: the columns a request needs, by their index in the table, all of normal form (see
// normal in parquet.go).
type chunk struct {
	cols []arrow.Array // nil where not needed
	rows int
	free func()

	first  int64  // number of the first row, where they follow one another
	places []spot // where each row ends, otherwise
}

// truth is SQL's third-valued logic.
type truth = uint8

const (
	isFalse truth = iota
	isTrue
	isUnknown
)

// eval gives the truth of the predicate for every row.
func eval(t *Table, n *node, c *chunk) []truth {
	res := make([]truth, c.rows)
	switch n.op {
	case policy.And, policy.Or:
		weak, strong := isTrue, isFalse // and: true yields to anything, false beats everything
		if n.op == policy.Or {
			weak, strong = isFalse, isTrue
		}
		for i := range res {
			res[i] = weak
		}
		for _, a := range n.args {
			for i, v := range eval(t, a, c) {
				switch {
				case res[i] == strong || v == weak:
				case v == strong:
					res[i] = strong
				default:
					res[i] = isUnknown
				}
			}
		}
		return res
	case policy.Not:
		for i, v := range eval(t, n.args[0], c) {
			switch v {
			case isTrue:
				res[i] = isFalse
			case isFalse:
				res[i] = isTrue
			default:
				res[i] = isUnknown
			}
		}
		return res
	case policy.IsNull:
		for i := range res {
			if c.cols[n.col].IsNull(i) {
				res[i] = isTrue
			}
		}
		return res
	case policy.Eq, policy.Ne, policy.Lt, policy.Le, policy.Gt, policy.Ge, policy.In, policy.Prefix:
	}
	leaf(t.Columns[n.col].kind, n, c.cols[n.col], res)
	return res
}

func leaf(k kind, n *node, a arrow.Array, res []truth) {
	var ok [3]bool // result for less, equal, greater
	switch n.op {
	case policy.Eq:
		ok[1] = true
	case policy.Ne:
		ok[0], ok[2] = true, true
	case policy.Lt:
		ok[0] = true
	case policy.Le:
		ok[0], ok[1] = true, true
	case policy.Gt:
		ok[2] = true
	case policy.Ge:
		ok[1], ok[2] = true, true
	case policy.Prefix:
		s, _ := a.(*array.String)
		for i := range res {
			switch {
			case s.IsNull(i):
				res[i] = isUnknown
			case strings.HasPrefix(s.Value(i), n.lits[0].s):
				res[i] = isTrue
			}
		}
		return
	case policy.In:
		for i := range res {
			if a.IsNull(i) {
				res[i] = isUnknown
				continue
			}
			if _, found := slices.BinarySearchFunc(n.lits, cellAt(k, a, i), func(x, y literal) int { return compare(k, x, y) }); found {
				res[i] = isTrue
			}
		}
		return
	case policy.And, policy.Or, policy.Not, policy.IsNull:
		return
	}
	l := n.lits[0]
	for i := range res {
		if a.IsNull(i) {
			res[i] = isUnknown
		} else if ok[compare(k, cellAt(k, a, i), l)+1] {
			res[i] = isTrue
		}
	}
}

// prepare sorts the lists of In, for eval to search.
func prepare(t *Table, n *node) {
	if n == nil {
		return
	}
	if n.op == policy.In {
		k := t.Columns[n.col].kind
		sort.Slice(n.lits, func(i, j int) bool { return compare(k, n.lits[i], n.lits[j]) < 0 })
	}
	for _, a := range n.args {
		prepare(t, a)
	}
}

// cellAt reads one value that is not null. Text is a view of the array.
func cellAt(k kind, a arrow.Array, i int) literal {
	switch v := a.(type) {
	case *array.String:
		l := literal{s: v.Value(i)}
		if k == kNumeric {
			l.r = rat(l.s)
		}
		return l
	case *array.Int64:
		return literal{i: v.Value(i)}
	case *array.Float64:
		return literal{f: v.Value(i)}
	case *array.Boolean:
		if v.Value(i) {
			return literal{i: 1}
		}
	case *array.Date32:
		return literal{i: int64(v.Value(i))}
	case *array.Timestamp:
		return literal{i: int64(v.Value(i))}
	case *array.Decimal128:
		scale := int64(0)
		if t, ok := v.DataType().(*arrow.Decimal128Type); ok {
			scale = int64(t.Scale)
		}
		den := new(big.Int).Exp(big.NewInt(10), big.NewInt(scale), nil)
		return literal{r: new(big.Rat).SetFrac(v.Value(i).BigInt(), den)}
	case *array.Binary:
		return literal{s: string(v.Value(i))}
	}
	return literal{}
}

// compare orders two values of a kind: text byte by byte; NaN equals itself and is the greatest, as PostgreSQL has it.
func compare(k kind, a, b literal) int {
	switch k {
	case kText, kBinary:
		return strings.Compare(a.s, b.s)
	case kFloat:
		an, bn := math.IsNaN(a.f), math.IsNaN(b.f)
		switch {
		case an && bn:
			return 0
		case an:
			return 1
		case bn:
			return -1
		}
		return cmp.Compare(a.f, b.f)
	case kDecimal, kNumeric:
		return a.r.Cmp(b.r)
	case kInt, kBool, kDate, kTime:
	}
	return cmp.Compare(a.i, b.i)
}
