package source

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"github.com/kuayu/kuayu/internal/columnar"
)

func (s *fileSource) describeParquet(t *fileTable) error {
	err := guard(func() error {
		f, err := os.Open(t.path)
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }()
		rd, err := columnar.OpenParquet(f, s.spec.Allocator, BatchRows)
		if err != nil {
			return err
		}
		schema, err := rd.Schema()
		if err != nil {
			return err
		}
		t.Rows = rd.ParquetReader().NumRows()
		for _, f := range schema.Fields() {
			if f.Name == "" || len(schema.FieldIndices(f.Name)) != 1 {
				return ErrDuplicate.With(f.Name)
			}
			c := Column{Name: f.Name, Nullable: f.Nullable, Native: f.Type.String()}
			c.kind, c.Type = normalKind(f.Type)
			t.Columns = append(t.Columns, c)
		}
		return nil
	})
	return fileFailed(t.Name, err)
}

// guard turns a panic of the Parquet library on a damaged file into an error.
func guard(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return f()
}

func fileFailed(name string, err error) error {
	if err == nil {
		return nil
	}
	if known(err) {
		return err
	}
	return ErrFile.Because(err, name)
}

// normalKind is the kind an Arrow type of a file is read as. Whatever has no kind of its own is text.
func normalKind(t arrow.DataType) (kind, arrow.DataType) {
	k := kText
	switch t.ID() {
	case arrow.INT8, arrow.INT16, arrow.INT32, arrow.INT64, arrow.UINT8, arrow.UINT16, arrow.UINT32:
		k = kInt
	case arrow.UINT64, arrow.DECIMAL256, arrow.DECIMAL32, arrow.DECIMAL64:
		k = kNumeric
	case arrow.FLOAT16, arrow.FLOAT32, arrow.FLOAT64:
		k = kFloat
	case arrow.BOOL:
		k = kBool
	case arrow.DATE32, arrow.DATE64:
		k = kDate
	case arrow.TIMESTAMP:
		k = kTime
	case arrow.BINARY, arrow.LARGE_BINARY, arrow.FIXED_SIZE_BINARY, arrow.BINARY_VIEW:
		k = kBinary
	case arrow.DECIMAL128:
		return kDecimal, t
	case arrow.DICTIONARY:
		if d, ok := t.(*arrow.DictionaryType); ok {
			return normalKind(d.ValueType)
		}
	default:
	}
	return k, k.arrow()
}

// normal brings an array to the form of its kind. The result is owned by the caller.
func normal(k kind, t arrow.DataType, a arrow.Array) (arrow.Array, error) {
	if arrow.TypeEqual(a.DataType(), t) {
		a.Retain()
		return a, nil
	}
	b := columnar.NewBuilder(arrow.NewSchema([]arrow.Field{{Name: "v", Type: t, Nullable: true}}, nil))
	c := b.Column(0)
	for i := range a.Len() {
		if a.IsNull(i) {
			c.Null()
		} else if !normalValue(c, k, a, i) {
			return nil, fmt.Errorf("a value of %v does not fit", a.DataType())
		}
	}
	rec := b.FinishRows(a.Len())
	defer rec.Release()
	col := rec.Column(0)
	col.Retain()
	return col, nil
}

func normalValue(c *columnar.Column, k kind, a arrow.Array, i int) bool {
	switch v := a.(type) {
	case *array.Int8:
		c.Int64(int64(v.Value(i)))
	case *array.Int16:
		c.Int64(int64(v.Value(i)))
	case *array.Int32:
		c.Int64(int64(v.Value(i)))
	case *array.Uint8:
		c.Int64(int64(v.Value(i)))
	case *array.Uint16:
		c.Int64(int64(v.Value(i)))
	case *array.Uint32:
		c.Int64(int64(v.Value(i)))
	case *array.Float16:
		c.Float64(float64(v.Value(i).Float32()))
	case *array.Float32:
		c.Float64(float64(v.Value(i)))
	case *array.Date64:
		d := int64(v.Value(i))
		day := d / 86_400_000
		if d%86_400_000 < 0 {
			day--
		}
		c.Int32(int32(day)) //nolint:gosec // a date64 in milliseconds spans fewer days
	case *array.Timestamp:
		us, ok := micros(v, i)
		if ok {
			c.Int64(us)
		}
		return ok
	case *array.LargeBinary:
		c.Bytes(v.Value(i))
	case *array.FixedSizeBinary:
		c.Bytes(v.Value(i))
	case *array.LargeString:
		c.String(v.Value(i))
	case *array.Dictionary:
		d := v.Dictionary()
		j := v.GetValueIndex(i)
		if arrow.TypeEqual(d.DataType(), c.Type()) {
			c.From(d, j)
			return true
		}
		if d.IsNull(j) {
			c.Null()
			return true
		}
		return normalValue(c, k, d, j)
	default:
		if k != kText && k != kNumeric {
			return false
		}
		c.String(strings.ToValidUTF8(a.ValueStr(i), "\uFFFD"))
	}
	return true
}

// micros scales a timestamp; digits below a microsecond are cut.
func micros(v *array.Timestamp, i int) (int64, bool) {
	x := int64(v.Value(i))
	t, ok := v.DataType().(*arrow.TimestampType)
	if !ok {
		return 0, false
	}
	mul := int64(1)
	switch t.Unit {
	case arrow.Second:
		mul = 1_000_000
	case arrow.Millisecond:
		mul = 1000
	case arrow.Nanosecond:
		us := x / 1000
		if x%1000 < 0 {
			us--
		}
		return us, true
	case arrow.Microsecond:
	}
	r := x * mul
	return r, r/mul == x
}

type parquetScanner struct {
	t    *fileTable
	need []bool
	file *os.File
	rd   pqarrow.RecordReader
	at   []int // table column of each column of a batch
	row  int64
	from int64 // rows before the page

	ended bool
}

func (s *fileSource) scanParquet(ctx context.Context, f *os.File, t *fileTable, need []bool, from place) (scanner, error) {
	p := &parquetScanner{t: t, need: need, file: f, row: from.row, from: from.row}
	err := guard(func() error {
		rd, err := columnar.OpenParquet(f, s.spec.Allocator, BatchRows)
		if err != nil {
			return err
		}
		names := make([]string, 0, len(need))
		for i, ok := range need {
			if ok {
				names, p.at = append(names, t.Columns[i].Name), append(p.at, i)
			}
		}
		if len(names) == 0 { // rows are counted by some column
			names, p.at = append(names, t.Columns[0].Name), append(p.at, 0)
		}
		if from.row > rd.ParquetReader().NumRows() {
			return ErrCursor.With()
		}
		if p.rd, err = columnar.ParquetColumns(ctx, rd, names); err != nil || from.row == 0 {
			return err
		}
		if from.row == rd.ParquetReader().NumRows() {
			p.ended = true
			return nil
		}
		return p.rd.SeekToRow(from.row)
	})
	if err != nil {
		return nil, fileFailed(t.Name, err)
	}
	return p, nil
}

func (p *parquetScanner) close() {
	_ = guard(func() error {
		p.rd.Release()
		return nil
	})
	_ = p.file.Close()
}

func (p *parquetScanner) report() Report { return Report{Rows: p.row - p.from} }

func (p *parquetScanner) next(context.Context) (*chunk, error) {
	if p.ended {
		return nil, nil //nolint:nilnil // the end
	}
	var c *chunk
	err := guard(func() error {
		if !p.rd.Next() {
			if err := p.rd.Err(); err != nil && err != io.EOF { //nolint:errorlint // the library gives io.EOF bare
				return err
			}
			return nil
		}
		rec := p.rd.RecordBatch()
		c = &chunk{cols: make([]arrow.Array, len(p.t.Columns)), rows: int(rec.NumRows())}
		c.free = func() {
			for _, a := range c.cols {
				if a != nil {
					a.Release()
				}
			}
		}
		for j, i := range p.at {
			col := &p.t.Columns[i]
			src := rec.Column(j)
			a, err := normal(col.kind, col.Type, src)
			if err != nil {
				c.free()
				return ErrBadData.Because(err, p.t.Name, col.Name)
			}
			c.cols[i] = a
			if s, ok := a.(*array.String); ok && !validText(s) {
				c.free()
				return ErrBadData.With(p.t.Name, col.Name)
			}
		}
		c.first = p.row + 1
		p.row += int64(c.rows)
		return nil
	})
	if err != nil {
		return nil, fileFailed(p.t.Name, err)
	}
	return c, nil
}
