package source

import (
	"sort"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
)

// sorter holds the rows of an ordered read: with a limit no more than about twice as many, without one all of them
// within the bound of memory.
type sorter struct {
	recs []arrow.RecordBatch
	rows []heldRow
	held int64
}

type heldRow struct {
	key      literal
	rec, row int
}

// sorted delivers rows by the declared key.
func (p *pipe) sorted() (arrow.RecordBatch, string, error) {
	if !p.ran {
		p.ran = true
		if err := p.collect(); err != nil {
			p.sort.drop()
			return nil, "", err
		}
		p.emit()
		p.sort.drop()
	}
	return p.pop()
}

func (s *sorter) drop() {
	for _, r := range s.recs {
		r.Release()
	}
	*s = sorter{}
}

func (p *pipe) kindOfKey() kind { return p.r.t.Columns[p.r.t.key[0]].kind }

func (p *pipe) collect() error {
	k, col := p.kindOfKey(), p.r.t.key[0]
	for {
		more, err := p.pull()
		if err != nil || !more {
			return err
		}
		for at, i := range p.sel {
			a := p.cur.cols[col]
			if a.IsNull(i) {
				return ErrBadData.With(p.r.t.Name, p.r.t.Key[0])
			}
			key := cellAt(k, a, i)
			key.s = strings.Clone(key.s)
			for j, o := range p.r.outs {
				p.b.Column(j).From(p.cur.cols[o.col], i)
			}
			p.sort.rows = append(p.sort.rows, heldRow{key: key, rec: len(p.sort.recs), row: at})
			p.sort.held += int64(64 + len(key.s))
		}
		p.sort.held += int64(p.b.Size())
		p.sort.recs = append(p.sort.recs, p.b.FinishRows(len(p.sel)))
		if p.r.limit > 0 && int64(len(p.sort.rows)) > 2*min(p.r.limit, 1<<40)+4*BatchRows {
			p.compact()
		}
		if p.sort.held > p.max {
			return ErrTooLarge.With("too many rows to sort; set a smaller limit", "需排序的行过多，请减小 limit")
		}
	}
}

func (p *pipe) order() {
	k := p.kindOfKey()
	rows := p.sort.rows
	sort.SliceStable(rows, func(i, j int) bool { return compare(k, rows[i].key, rows[j].key) < 0 })
	if p.r.limit > 0 && int64(len(rows)) > p.r.limit {
		p.sort.rows = rows[:p.r.limit]
	}
}

// compact keeps the first rows only.
func (p *pipe) compact() {
	p.order()
	old := p.sort
	p.sort = sorter{}
	n := 0
	flush := func() {
		p.sort.held += int64(p.b.Size())
		p.sort.recs = append(p.sort.recs, p.b.FinishRows(n))
		n = 0
	}
	for _, h := range old.rows {
		for j := range p.r.outs {
			p.b.Column(j).From(old.recs[h.rec].Column(j), h.row)
		}
		p.sort.rows = append(p.sort.rows, heldRow{key: h.key, rec: len(p.sort.recs), row: n})
		p.sort.held += int64(64 + len(h.key.s))
		if n++; n == BatchRows || p.b.Size() > BatchBytes {
			flush()
		}
	}
	if n > 0 {
		flush()
	}
	old.drop()
}

// emit makes the batches.
func (p *pipe) emit() {
	p.order()
	n := 0
	for i, h := range p.sort.rows {
		for j := range p.r.outs {
			p.b.Column(j).From(p.sort.recs[h.rec].Column(j), h.row)
		}
		n++
		if n == BatchRows || i == len(p.sort.rows)-1 || p.b.Size() > BatchBytes {
			p.ready = append(p.ready, p.b.FinishRows(n))
			p.lasts = append(p.lasts, keyText(p.kindOfKey(), h.key))
			n = 0
		}
	}
}

// keyText is the inverse of keyLiteral.
func keyText(k kind, l literal) string {
	switch k {
	case kInt:
		return strconv.FormatInt(l.i, 10)
	case kDate:
		return dateText(l.i)
	case kTime:
		return timeText(l.i)
	case kDecimal, kNumeric:
		n, _ := l.r.FloatPrec()
		return l.r.FloatString(n)
	case kText, kFloat, kBool, kBinary:
	}
	return l.s
}
