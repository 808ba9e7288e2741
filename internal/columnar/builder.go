package columnar

import (
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// Physical is how the values of a column are laid out while a batch is built.
type Physical uint8

// The layouts a Builder knows.
const (
	Bytes   Physical = iota // utf8 and binary
	Int64                   // int64, timestamps
	Int32                   // date32
	Float64                 // float64
	Bool                    // boolean
	Decimal                 // decimal128
)

// PhysicalOf tells the layout of an Arrow type; false for a type the Builder can't build.
func PhysicalOf(t arrow.DataType) (Physical, bool) {
	switch t.ID() {
	case arrow.STRING, arrow.BINARY:
		return Bytes, true
	case arrow.INT64, arrow.TIMESTAMP:
		return Int64, true
	case arrow.DATE32:
		return Int32, true
	case arrow.FLOAT64:
		return Float64, true
	case arrow.BOOL:
		return Bool, true
	case arrow.DECIMAL128:
		return Decimal, true
	default:
		return Bytes, false
	}
}

// Builder builds batches row by row from plain slices. It is cheaper than the builders of Arrow for batches of one
// or a few rows: a column costs one or two allocations and none is reference counted.
type Builder struct {
	schema *arrow.Schema
	cols   []Column
}

// Column is one column under construction. Append exactly one value or null per row, with the method that fits its
// layout.
type Column struct {
	typ            arrow.DataType
	phys           Physical
	n              int
	nulls          int
	hint, hintData int    // rows and bytes of the batch before
	valid          []byte // bitmap; nil while no null was seen
	i64            []int64
	i32            []int32 // date values, or offsets
	f64            []float64
	bits           []byte // booleans
	data           []byte // text
	dec            []decimal128.Num
}

// NewBuilder makes a builder for the schema, whose types PhysicalOf must know; others are built as bytes.
func NewBuilder(schema *arrow.Schema) *Builder {
	b := &Builder{schema: schema, cols: make([]Column, schema.NumFields())}
	for i := range b.cols {
		t := schema.Field(i).Type
		p, _ := PhysicalOf(t)
		b.cols[i] = Column{typ: t, phys: p}
	}
	return b
}

// Column returns the i-th column.
func (b *Builder) Column(i int) *Column { return &b.cols[i] }

// Len is the number of rows so far, taken from the first column.
func (b *Builder) Len() int {
	if len(b.cols) == 0 {
		return 0
	}
	return b.cols[0].n
}

// Finish returns the rows so far as a batch and starts afresh.
func (b *Builder) Finish() arrow.RecordBatch { return b.FinishRows(b.Len()) }

// FinishRows is Finish for a schema that may have no column.
func (b *Builder) FinishRows(rows int) arrow.RecordBatch {
	arrs := make([]arrow.Array, len(b.cols))
	for i := range b.cols {
		arrs[i] = b.cols[i].finish()
	}
	rec := array.NewRecordBatch(b.schema, arrs, int64(rows))
	for _, a := range arrs {
		a.Release()
	}
	return rec
}

// Null appends a null.
func (c *Column) Null() {
	if c.valid == nil {
		c.valid = make([]byte, c.n/8+1, c.n/8+16)
		for i := range c.n {
			c.valid[i>>3] |= 1 << (i & 7)
		}
	}
	c.grow()
	c.nulls++
	switch c.phys {
	case Bytes:
		c.offset()
	case Int64:
		c.i64 = append(c.i64, 0)
	case Int32:
		c.i32 = append(c.i32, 0)
	case Float64:
		c.f64 = append(c.f64, 0)
	case Bool:
		c.bit(false)
	case Decimal:
		c.dec = append(c.dec, decimal128.Num{})
	}
	c.n++
}

func (c *Column) grow() {
	if c.valid != nil && c.n>>3 >= len(c.valid) {
		c.valid = append(c.valid, 0)
	}
}

func (c *Column) mark() {
	if c.valid != nil {
		c.grow()
		c.valid[c.n>>3] |= 1 << (c.n & 7)
	}
	c.n++
	if c.hint > 0 {
		c.space()
	}
}

func (c *Column) offset() {
	if c.i32 == nil {
		c.i32 = make([]int32, 1, 4)
	}
	c.i32 = append(c.i32, int32(len(c.data))) //nolint:gosec // callers bound a batch far below 2 GiB
}

func (c *Column) bit(v bool) {
	if c.n>>3 >= len(c.bits) {
		c.bits = append(c.bits, 0)
	}
	if v {
		c.bits[c.n>>3] |= 1 << (c.n & 7)
	}
}

// String appends text.
func (c *Column) String(s string) {
	c.data = append(c.data, s...)
	c.offset()
	c.mark()
}

// Bytes appends bytes (or text held as bytes).
func (c *Column) Bytes(b []byte) {
	c.data = append(c.data, b...)
	c.offset()
	c.mark()
}

// Int64 appends an integer, or microseconds of a timestamp.
func (c *Column) Int64(v int64) { c.i64 = append(c.i64, v); c.mark() }

// Int32 appends days since 1970-01-01.
func (c *Column) Int32(v int32) { c.i32 = append(c.i32, v); c.mark() }

// Float64 appends a float.
func (c *Column) Float64(v float64) { c.f64 = append(c.f64, v); c.mark() }

// Bool appends a boolean.
func (c *Column) Bool(v bool) { c.bit(v); c.mark() }

// Decimal appends a decimal, already scaled.
func (c *Column) Decimal(v decimal128.Num) { c.dec = append(c.dec, v); c.mark() }

// Size is roughly the bytes held.
func (c *Column) Size() int {
	return len(c.data) + 8*len(c.i64) + 4*len(c.i32) + 8*len(c.f64) + len(c.bits) + 16*len(c.dec)
}

// Size is roughly the bytes held by all columns.
func (b *Builder) Size() int {
	n := 0
	for i := range b.cols {
		n += b.cols[i].Size()
	}
	return n
}

func (c *Column) finish() arrow.Array {
	bufs := make([]*memory.Buffer, 2, 3)
	if c.nulls > 0 {
		bufs[0] = memory.NewBufferBytes(c.valid)
	}
	switch c.phys {
	case Bytes:
		if c.i32 == nil {
			c.i32 = make([]int32, 1)
		}
		bufs[1] = memory.NewBufferBytes(raw(c.i32))
		bufs = append(bufs, memory.NewBufferBytes(c.data))
	case Int64:
		bufs[1] = memory.NewBufferBytes(raw(c.i64))
	case Int32:
		bufs[1] = memory.NewBufferBytes(raw(c.i32))
	case Float64:
		bufs[1] = memory.NewBufferBytes(raw(c.f64))
	case Bool:
		bufs[1] = memory.NewBufferBytes(c.bits)
	case Decimal:
		bufs[1] = memory.NewBufferBytes(raw(c.dec))
	}
	data := array.NewData(c.typ, c.n, bufs, nil, c.nulls, 0)
	a := array.MakeFromData(data)
	data.Release()
	c.again()
	return a
}

// again starts afresh. After a large batch another one as large is likely.
func (c *Column) again() {
	o := *c
	*c = Column{typ: o.typ, phys: o.phys}
	if o.n >= 1024 {
		c.hint, c.hintData = o.n, len(o.data)+len(o.data)/16
	}
}

// space is made at once, with the first value, instead of by doubling.
func (c *Column) space() {
	n := c.hint
	switch c.phys {
	case Bytes:
		c.i32 = append(make([]int32, 0, n+1), c.i32...)
		c.data = append(make([]byte, 0, max(c.hintData, len(c.data))), c.data...)
	case Int64:
		c.i64 = append(make([]int64, 0, n), c.i64...)
	case Int32:
		c.i32 = append(make([]int32, 0, n), c.i32...)
	case Float64:
		c.f64 = append(make([]float64, 0, n), c.f64...)
	case Bool:
		c.bits = append(make([]byte, 0, n/8+1), c.bits...)
	case Decimal:
		c.dec = append(make([]decimal128.Num, 0, n), c.dec...)
	}
	c.hint = 0
}

// raw views a slice of fixed-width numbers as its bytes, which is what an Arrow buffer is.
func raw[T int32 | int64 | float64 | decimal128.Num](s []T) []byte {
	if len(s) == 0 {
		return nil
	}
	var z T
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), len(s)*int(unsafe.Sizeof(z))) //nolint:gosec // plain numbers
}

// From appends value i of an array of the same type, null included.
func (c *Column) From(a arrow.Array, i int) {
	if a.IsNull(i) {
		c.Null()
		return
	}
	switch v := a.(type) {
	case *array.String:
		c.String(v.Value(i))
	case *array.Int64:
		c.Int64(v.Value(i))
	case *array.Float64:
		c.Float64(v.Value(i))
	case *array.Timestamp:
		c.Int64(int64(v.Value(i)))
	case *array.Date32:
		c.Int32(int32(v.Value(i)))
	case *array.Boolean:
		c.Bool(v.Value(i))
	case *array.Decimal128:
		c.Decimal(v.Value(i))
	case *array.Binary:
		c.Bytes(v.Value(i))
	default:
		c.Null()
	}
}

// Type is the Arrow type of the column.
func (c *Column) Type() arrow.DataType { return c.typ }
