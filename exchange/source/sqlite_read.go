package source

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/kuayu/kuayu/internal/columnar"
)

func emptyBatch(s *arrow.Schema) arrow.RecordBatch { return columnar.NewBuilder(s).FinishRows(0) }

// read runs a bound request. The reader holds a connection until its end or release.
func (s *sqliteSource) read(ctx context.Context, r *request) (array.RecordReader, error) {
	q := compileSQL(r, false)
	c, err := s.conn(ctx)
	if err != nil {
		return nil, err
	}
	st, err := c.prepare(ctx, q.sql)
	if err != nil {
		s.give(c, true)
		return nil, sqliteFailed(ctx, err)
	}
	if ctx.Err() != nil {
		s.give(c, false)
		return nil, ErrStopped.Because(ctx.Err())
	}
	inner, unwatch := c.watch(ctx)
	rows, err := st.QueryContext(inner, named(q.args))
	if err != nil {
		unwatch()
		s.give(c, true)
		return nil, sqliteFailed(ctx, err)
	}
	schema := st.schemaOf(r)
	rd := &sqliteRows{ctx: ctx, r: r, q: q, rows: rows, row: make([]driver.Value, q.width), b: columnar.NewBuilder(schema)}
	if q.width == 0 {
		rd.row = make([]driver.Value, 1)
	}
	return newReader(schema, rd.next, func() {
		unwatch()
		err := rows.Close()
		s.give(c, err != nil || ctx.Err() != nil)
	}), nil
}

// schemaOf remembers the schema with the statement. Names of aggregates are not in the text, nor whether a key at the end
// was asked for.
func (st *sqliteStmt) schemaOf(r *request) *arrow.Schema {
	if r.agg {
		return r.schema()
	}
	if st.table != r.t || st.schema.NumFields() != len(r.outs) {
		st.table, st.schema = r.t, r.schema()
	}
	return st.schema
}

func sqliteFailed(ctx context.Context, err error) error {
	if strings.Contains(err.Error(), "integer overflow") {
		return ErrOverflow.Because(err)
	}
	return failed(ctx, err)
}

type sqliteRows struct {
	ctx  context.Context //nolint:containedctx // a reader outlives the call that made it
	r    *request
	q    query
	rows driver.Rows
	row  []driver.Value
	b    *columnar.Builder
	done bool

	given int64
	keys  []driver.Value // of the last row, where the key is only declared
}

func (s *sqliteRows) next() (arrow.RecordBatch, string, error) {
	if s.done {
		return nil, "", nil
	}
	n := 0
	for n < BatchRows {
		if n&63 == 0 && s.ctx.Err() != nil {
			return nil, "", ErrStopped.Because(s.ctx.Err())
		}
		if err := s.rows.Next(s.row); err != nil {
			if !errors.Is(err, io.EOF) {
				return nil, "", sqliteFailed(s.ctx, err)
			}
			s.done = true
			break
		}
		if s.r.ahead() > 0 {
			ok, err := s.checkKey()
			if err != nil {
				return nil, "", err
			}
			if !ok {
				s.done = true
				break
			}
		}
		for i := range s.r.outs {
			if !put(s.b.Column(i), &s.r.outs[i], s.row[i]) {
				return nil, "", ErrBadData.With(s.r.t.Name, s.r.outs[i].name)
			}
		}
		n++
		s.given++
		if n&15 == 0 && s.b.Size() > BatchBytes {
			break
		}
	}
	if n == 0 {
		return nil, "", nil
	}
	if s.done && s.given == s.r.limit && s.keys != nil {
		s.lastKeys() // the row read ahead is none of these
	}
	last, err := s.key()
	if err != nil {
		return nil, "", err
	}
	return s.b.FinishRows(n), last, nil
}

// checkKey checks the key of the next row of a table whose key is only declared; false when it is one more than asked for.
func (s *sqliteRows) checkKey() (bool, error) {
	same := s.given > 0
	if s.keys == nil {
		s.keys = make([]driver.Value, len(s.q.keyAt))
	}
	for i, at := range s.q.keyAt {
		switch s.row[at].(type) {
		case int64, string:
		case nil:
			return false, ErrKey.With(s.r.t.Name, s.r.keyName(i))
		default:
			return false, s.badKey(i)
		}
		same = same && s.row[at] == s.keys[i]
	}
	switch {
	case same:
		return false, ErrKey.With(s.r.t.Name, s.r.keyName(0))
	case s.r.limit > 0 && s.given >= s.r.limit:
		return false, nil
	}
	for i, at := range s.q.keyAt {
		s.keys[i] = s.row[at]
	}
	return true, nil
}

func (s *sqliteRows) lastKeys() {
	for i, at := range s.q.keyAt {
		s.row[at] = s.keys[i]
	}
}

// key is the key of the row read last, whose values are still in row unless the end was met: the driver leaves them.
func (s *sqliteRows) key() (string, error) {
	if len(s.q.keyAt) == 0 {
		return "", nil
	}
	parts := make([]string, len(s.q.keyAt))
	for i, at := range s.q.keyAt {
		k := kInt
		if len(s.r.t.key) > 0 {
			k = s.r.t.Columns[s.r.t.key[i]].kind
		}
		switch v := s.row[at].(type) {
		case int64:
			parts[i] = strconv.FormatInt(v, 10)
		case string:
			parts[i] = v
			if k == kTime {
				us, ok := parseTime(v)
				if !ok {
					return "", s.badKey(i)
				}
				parts[i] = timeText(us)
			}
		default:
			return "", s.badKey(i)
		}
	}
	return joinKey(parts), nil
}

func (s *sqliteRows) badKey(i int) error { return ErrBadData.With(s.r.t.Name, s.r.keyName(i)) }

// put appends what the driver gave; false if it doesn't fit the kind.
func put(c *columnar.Column, o *out, v driver.Value) bool {
	if v == nil {
		c.Null()
		return true
	}
	switch o.kind {
	case kText:
		s, ok := v.(string)
		if !ok || !utf8.ValidString(s) || len(s) > maxCell {
			return false
		}
		c.String(s)
		return true
	case kInt:
		i, ok := v.(int64)
		if ok {
			c.Int64(i)
		}
		return ok
	case kFloat:
		switch f := v.(type) {
		case float64:
			c.Float64(f)
			return true
		case int64:
			c.Float64(float64(f))
			return true
		}
		return false
	case kBool:
		i, ok := v.(int64)
		if ok = ok && (i == 0 || i == 1); ok {
			c.Bool(i == 1)
		}
		return ok
	case kDate:
		s, _ := v.(string)
		d, ok := parseDate(s)
		if ok {
			c.Int32(d)
		}
		return ok
	case kTime:
		if us, ok := v.(int64); ok && o.fn != "" { // an aggregate over timeFunc
			c.Int64(us)
			return true
		}
		s, _ := v.(string)
		us, ok := parseTime(s)
		if ok {
			c.Int64(us)
		}
		return ok
	case kBinary:
		switch b := v.(type) {
		case []byte:
			c.Bytes(b)
			return len(b) <= maxCell
		case string:
			c.String(b)
			return len(b) <= maxCell
		}
		return false
	case kDecimal, kNumeric:
	}
	return false
}
