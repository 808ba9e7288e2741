package source

import (
	"encoding/binary"
	"math"
	"math/big"
	"sort"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/decimal128"

	"github.com/kuayu/kuayu/internal/columnar"
	"github.com/kuayu/kuayu/support/policy"
)

// grouper aggregates the rows of a file in memory, bounded.
type grouper struct {
	r      *request
	groups map[string]*group
	held   int64
	max    int64
	key    []byte
}

type group struct {
	by    []literal
	nulls []bool
	accs  []acc
}

// acc is the state of one aggregate. Integers are summed in two halves, so nothing overflows before 2³¹ rows.
type acc struct {
	n        int64
	hi, lo   int64
	sum, rem float64 // Neumaier's sum and its lost digits
	rat      *big.Rat
	best     literal
}

func newGrouper(r *request, maxHeld int64) *grouper {
	g := &grouper{r: r, groups: make(map[string]*group), max: maxHeld}
	if len(r.group) == 0 {
		g.groups[""] = &group{accs: make([]acc, len(r.outs))}
	}
	return g
}

func (g *grouper) add(c *chunk, sel []int) error {
	naggs := len(g.r.outs) - len(g.r.group)
	for _, row := range sel {
		gr := g.find(c, row)
		if gr == nil {
			gr = &group{by: make([]literal, len(g.r.group)), nulls: make([]bool, len(g.r.group)), accs: make([]acc, naggs)}
			for i, col := range g.r.group {
				a := c.cols[col]
				if gr.nulls[i] = a.IsNull(row); !gr.nulls[i] {
					gr.by[i] = cellAt(g.r.t.Columns[col].kind, a, row)
					gr.by[i].s = strings.Clone(gr.by[i].s)
				}
			}
			g.groups[string(g.key)] = gr
			if g.held += int64(2*len(g.key) + 128 + 160*naggs); g.held > g.max {
				return ErrTooLarge.With("too many groups", "分组过多")
			}
		}
		for i := range naggs {
			o := &g.r.outs[len(g.r.group)+i]
			if o.col < 0 {
				gr.accs[i].n++
				continue
			}
			if a := c.cols[o.col]; !a.IsNull(row) {
				gr.accs[i].add(o.fn, g.r.t.Columns[o.col].kind, a, row)
			}
		}
	}
	return nil
}

// find looks the group of a row up; the key bytes stay in g.key.
func (g *grouper) find(c *chunk, row int) *group {
	k := g.key[:0]
	for _, col := range g.r.group {
		a := c.cols[col]
		if a.IsNull(row) {
			k = append(k, 0)
			continue
		}
		k = append(k, 1)
		kd := g.r.t.Columns[col].kind
		v := cellAt(kd, a, row)
		switch kd {
		case kText, kBinary:
			k = binary.AppendUvarint(k, uint64(len(v.s)))
			k = append(k, v.s...)
		case kFloat:
			f := v.f
			if f == 0 {
				f = 0 // one zero
			}
			if math.IsNaN(f) {
				f = math.NaN()
			}
			k = binary.LittleEndian.AppendUint64(k, math.Float64bits(f+0))
		case kDecimal, kNumeric:
			s := v.r.RatString()
			k = binary.AppendUvarint(k, uint64(len(s)))
			k = append(k, s...)
		case kInt, kBool, kDate, kTime:
			k = binary.LittleEndian.AppendUint64(k, uint64(v.i)) //nolint:gosec // bits
		}
	}
	g.key = k
	return g.groups[string(k)]
}

func (a *acc) add(fn policy.AggFunc, k kind, arr arrow.Array, row int) {
	a.n++
	if fn == policy.Count {
		return
	}
	v := cellAt(k, arr, row)
	switch fn {
	case policy.Min, policy.Max:
		c := 0
		if a.n > 1 {
			c = compare(k, v, a.best)
		}
		if a.n == 1 || (fn == policy.Min && c < 0) || (fn == policy.Max && c > 0) {
			v.s = strings.Clone(v.s)
			a.best = v
		}
	case policy.Sum, policy.Avg:
		switch k {
		case kInt:
			a.hi += v.i >> 32
			a.lo += v.i & 0xffffffff
		case kFloat:
			t := a.sum + v.f
			switch {
			case math.IsInf(t, 0) || math.IsNaN(t):
			case math.Abs(a.sum) >= math.Abs(v.f):
				a.rem += (a.sum - t) + v.f
			default:
				a.rem += (v.f - t) + a.sum
			}
			a.sum = t
		case kDecimal, kNumeric:
			if a.rat == nil {
				a.rat = new(big.Rat)
			}
			a.rat.Add(a.rat, v.r)
		case kText, kBool, kDate, kTime, kBinary:
		}
	case policy.Count:
	}
}

// total is the sum of integers.
func (a *acc) total() *big.Int {
	t := new(big.Int).Lsh(big.NewInt(a.hi), 32)
	return t.Add(t, big.NewInt(a.lo))
}

func (a *acc) put(o *out, k kind, c *columnar.Column) error {
	if o.fn == policy.Count {
		c.Int64(a.n)
		return nil
	}
	if a.n == 0 {
		c.Null()
		return nil
	}
	switch o.fn {
	case policy.Min, policy.Max:
		return putCell(c, k, o.typ, a.best)
	case policy.Avg:
		switch k {
		case kInt:
			f, _ := new(big.Rat).SetFrac(a.total(), big.NewInt(a.n)).Float64()
			c.Float64(f)
		case kDecimal, kNumeric:
			f, _ := new(big.Rat).Quo(a.rat, new(big.Rat).SetInt64(a.n)).Float64()
			c.Float64(f)
		case kFloat, kText, kBool, kDate, kTime, kBinary:
			c.Float64((a.sum + a.rem) / float64(a.n))
		}
	case policy.Sum:
		switch k {
		case kInt:
			t := a.total()
			if !t.IsInt64() {
				return ErrOverflow.With()
			}
			c.Int64(t.Int64())
		case kDecimal, kNumeric:
			return putCell(c, k, o.typ, literal{r: a.rat})
		case kFloat, kText, kBool, kDate, kTime, kBinary:
			c.Float64(a.sum + a.rem)
		}
	case policy.Count:
	}
	return nil
}

func putCell(c *columnar.Column, k kind, t arrow.DataType, v literal) error {
	switch k {
	case kText:
		c.String(v.s)
	case kInt, kTime:
		c.Int64(v.i)
	case kFloat:
		c.Float64(v.f)
	case kBool:
		c.Bool(v.i == 1)
	case kDate:
		c.Int32(int32(v.i)) //nolint:gosec // came from a date32
	case kBinary:
		c.Bytes([]byte(v.s))
	case kNumeric:
		if v.s == "" {
			n, _ := v.r.FloatPrec()
			v.s = v.r.FloatString(n)
		}
		c.String(v.s)
	case kDecimal:
		dt, ok := t.(*arrow.Decimal128Type)
		if !ok {
			return ErrOverflow.With()
		}
		s := new(big.Rat).Mul(v.r, new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(dt.Scale)), nil)))
		if !s.IsInt() || s.Num().BitLen() > 126 {
			return ErrOverflow.With()
		}
		c.Decimal(decimal128.FromBigInt(s.Num()))
	}
	return nil
}

// finish gives the groups in order, null first, at most the limit, in batches.
func (g *grouper) finish(schema *arrow.Schema) ([]arrow.RecordBatch, error) {
	list := make([]*group, 0, len(g.groups))
	for _, gr := range g.groups {
		list = append(list, gr)
	}
	sort.Slice(list, func(i, j int) bool {
		a, b := list[i], list[j]
		for k, col := range g.r.group {
			if a.nulls[k] != b.nulls[k] {
				return a.nulls[k]
			}
			if a.nulls[k] {
				continue
			}
			if c := compare(g.r.t.Columns[col].kind, a.by[k], b.by[k]); c != 0 {
				return c < 0
			}
		}
		return false
	})
	if g.r.limit > 0 && int64(len(list)) > g.r.limit {
		list = list[:g.r.limit]
	}
	var recs []arrow.RecordBatch
	b := columnar.NewBuilder(schema)
	n := 0
	for _, gr := range list {
		for i, col := range g.r.group {
			c := b.Column(i)
			if gr.nulls[i] {
				c.Null()
			} else if err := putCell(c, g.r.t.Columns[col].kind, g.r.t.Columns[col].Type, gr.by[i]); err != nil {
				return nil, err
			}
		}
		for i := range gr.accs[:len(g.r.outs)-len(g.r.group)] {
			o := &g.r.outs[len(g.r.group)+i]
			k := kInt
			if o.col >= 0 {
				k = g.r.t.Columns[o.col].kind
			}
			if err := gr.accs[i].put(o, k, b.Column(len(g.r.group)+i)); err != nil {
				return nil, err
			}
		}
		if n++; n == BatchRows || b.Size() > BatchBytes {
			recs = append(recs, b.FinishRows(n))
			n = 0
		}
	}
	if n > 0 {
		recs = append(recs, b.FinishRows(n))
	}
	return recs, nil
}
