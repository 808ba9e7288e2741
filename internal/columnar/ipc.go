package columnar

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// Errors of decoding. Everything wrong with foreign bytes wraps one of them.
var (
	ErrTooLarge  = errors.New("columnar: larger than allowed")
	ErrMalformed = errors.New("columnar: malformed")
)

// Limits bound a decoder. Zero means the default in brackets.
type Limits struct {
	MaxBytes int64 // bytes of the stream, and of memory for one batch (64 MiB)
	MaxRows  int64 // rows of the whole stream (1 000 000)
}

func (l Limits) defaults() Limits {
	if l.MaxBytes <= 0 {
		l.MaxBytes = 64 << 20
	}
	if l.MaxRows <= 0 {
		l.MaxRows = 1_000_000
	}
	return l
}

// Encode makes an IPC stream of batches of one schema.
func Encode(schema *arrow.Schema, recs ...arrow.RecordBatch) ([]byte, error) {
	size := 1024
	for _, r := range recs {
		for _, c := range r.Columns() {
			for _, b := range c.Data().Buffers() {
				if b != nil {
					size += b.Len() + 64
				}
			}
		}
	}
	buf := bytes.NewBuffer(make([]byte, 0, min(size, 64<<20)))
	w := ipc.NewWriter(buf, ipc.WithSchema(schema))
	for _, r := range recs {
		if err := w.Write(r); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}

// EncodeBatch makes an IPC stream of one batch.
func EncodeBatch(rec arrow.RecordBatch) ([]byte, error) { return Encode(rec.Schema(), rec) }

// EncodeTo writes all batches of a reader as an IPC stream and returns the number of rows.
func EncodeTo(w io.Writer, r array.RecordReader) (rows int64, err error) {
	iw := ipc.NewWriter(w, ipc.WithSchema(r.Schema()))
	for r.Next() {
		rec := r.RecordBatch()
		if err := iw.Write(rec); err != nil {
			return rows, errors.Join(err, iw.Close())
		}
		rows += rec.NumRows()
	}
	return rows, errors.Join(r.Err(), iw.Close())
}

// Decode reads an IPC stream. The caller releases the batches. Bytes behind the end of the stream are refused.
func Decode(b []byte, lim Limits) (schema *arrow.Schema, recs []arrow.RecordBatch, err error) {
	d, err := NewDecoder(bytes.NewReader(b), lim)
	if err != nil {
		return nil, nil, err
	}
	defer d.Release()
	for d.Next() {
		rec := d.RecordBatch()
		rec.Retain()
		recs = append(recs, rec)
	}
	if d.Err() != nil {
		releaseAll(recs)
		return nil, nil, d.Err()
	}
	return d.Schema(), recs, nil
}

// Decoder reads an IPC stream of unknown origin. It is an array.RecordReader.
type Decoder struct {
	in   *ipc.Reader
	lim  Limits
	rows int64
	cur  arrow.RecordBatch
	err  error
	refs int64
}

// NewDecoder reads the schema. Dictionaries, unions, views, nested types and compression are refused: an answer of rows
// has none of them, and what is not read can't be attacked.
// Memory is the collector's, so that a batch the library gives up halfway is no leak.
func NewDecoder(r io.Reader, lim Limits) (d *Decoder, err error) {
	defer recovered(&err)
	lim = lim.defaults()
	in, err := ipc.NewReaderFromMessageReader(&messages{r: r, left: lim.MaxBytes}, ipc.WithAllocator(memory.NewGoAllocator()))
	if err != nil {
		return nil, wrap(err)
	}
	for _, f := range in.Schema().Fields() {
		if !flat(f.Type) {
			in.Release()
			return nil, fmt.Errorf("%w: type %v", ErrMalformed, f.Type)
		}
	}
	return &Decoder{in: in, lim: lim, refs: 1}, nil
}

func flat(t arrow.DataType) bool {
	if d, ok := t.(arrow.DecimalType); ok && (d.GetPrecision() < 1 || d.GetPrecision() > 76 || d.GetScale() < 0 || d.GetScale() > d.GetPrecision()) {
		return false
	}
	switch t.ID() {
	case arrow.BOOL, arrow.INT8, arrow.INT16, arrow.INT32, arrow.INT64, arrow.UINT8, arrow.UINT16, arrow.UINT32, arrow.UINT64,
		arrow.FLOAT32, arrow.FLOAT64, arrow.STRING, arrow.BINARY, arrow.LARGE_STRING, arrow.LARGE_BINARY,
		arrow.DATE32, arrow.DATE64, arrow.TIMESTAMP, arrow.TIME32, arrow.TIME64, arrow.DECIMAL128, arrow.DECIMAL256, arrow.NULL:
		return true
	default:
		return false
	}
}

// Schema is the schema of the stream.
func (d *Decoder) Schema() *arrow.Schema { return d.in.Schema() }

// Retain adds a reference.
func (d *Decoder) Retain() { d.refs++ }

// Release drops a reference, with the last one the current batch.
func (d *Decoder) Release() {
	if d.refs--; d.refs == 0 {
		d.drop()
		d.in.Release()
	}
}

func (d *Decoder) drop() {
	if d.cur != nil {
		d.cur.Release()
		d.cur = nil
	}
}

// RecordBatch is the current batch.
func (d *Decoder) RecordBatch() arrow.RecordBatch { return d.cur }

// Record is RecordBatch, for interfaces that still ask for it.
func (d *Decoder) Record() arrow.RecordBatch { return d.cur }

// Err tells why Next gave false, nil at the end of the stream.
func (d *Decoder) Err() error { return d.err }

// Next reads and validates one batch.
func (d *Decoder) Next() (ok bool) {
	d.drop()
	if d.err != nil {
		return false
	}
	if ok = d.step(); d.err != nil {
		d.drop()
		return false
	}
	return ok
}

func (d *Decoder) step() bool {
	defer recovered(&d.err)
	if !d.in.Next() {
		if err := d.in.Err(); err != nil && !errors.Is(err, io.EOF) {
			d.err = wrap(err)
		}
		return false
	}
	rec := d.in.RecordBatch()
	if d.rows += rec.NumRows(); d.rows > d.lim.MaxRows || rec.NumRows() < 0 {
		d.err = ErrTooLarge
		return false
	}
	for i, c := range rec.Columns() {
		if err := sound(c, rec.NumRows()); err != nil {
			d.err = fmt.Errorf("%w: column %d: %w", ErrMalformed, i, err)
			return false
		}
	}
	rec.Retain()
	d.cur = rec
	return true
}

// sound checks that no value of the array lies outside its buffers, and that text is UTF-8.
func sound(a arrow.Array, rows int64) error {
	d := a.Data()
	if int64(a.Len()) != rows || d.Offset() != 0 {
		return errors.New("length")
	}
	n := a.Len()
	bufs := d.Buffers()
	if len(bufs) > 0 && bufs[0] != nil && bufs[0].Len() > 0 && bufs[0].Len() < (n+7)/8 {
		return errors.New("validity")
	}
	if len(bufs) > 0 && a.NullN() > 0 && (bufs[0] == nil || bufs[0].Len() == 0) && a.DataType().ID() != arrow.NULL {
		return errors.New("validity missing")
	}
	switch v := a.(type) {
	case *array.Null:
		return nil
	case *array.String:
		return soundText(n, bufs, 4, func(i int) bool { return v.IsNull(i) || utf8.ValidString(v.Value(i)) })
	case *array.LargeString:
		return soundText(n, bufs, 8, func(i int) bool { return v.IsNull(i) || utf8.ValidString(v.Value(i)) })
	case *array.Binary:
		return soundText(n, bufs, 4, nil)
	case *array.LargeBinary:
		return soundText(n, bufs, 8, nil)
	}
	w, ok := a.DataType().(arrow.FixedWidthDataType)
	if !ok || len(bufs) < 2 {
		return errors.New("type")
	}
	if n > 0 && (bufs[1] == nil || int64(bufs[1].Len())*8 < int64(n)*int64(w.BitWidth())) {
		return errors.New("values")
	}
	return nil
}

func soundText(n int, bufs []*memory.Buffer, width int, valid func(int) bool) error {
	if n == 0 {
		return nil
	}
	if len(bufs) < 3 || bufs[1] == nil || int64(bufs[1].Len()) < int64(n+1)*int64(width) {
		return errors.New("offsets")
	}
	size := int64(0)
	if bufs[2] != nil {
		size = int64(bufs[2].Len())
	}
	last := int64(0)
	for i := range n + 1 {
		var o int64
		if width == 4 {
			o = int64(int32(binary.LittleEndian.Uint32(bufs[1].Bytes()[4*i:]))) //nolint:gosec // the wire form
		} else {
			o = int64(binary.LittleEndian.Uint64(bufs[1].Bytes()[8*i:])) //nolint:gosec // the wire form
		}
		if o < last || o > size {
			return errors.New("offsets")
		}
		last = o
	}
	if valid == nil || size == 0 {
		return nil
	}
	for i := range n {
		if !valid(i) {
			return errors.New("text is not UTF-8")
		}
	}
	return nil
}

func wrap(err error) error {
	if err == nil || errors.Is(err, ErrTooLarge) || errors.Is(err, ErrMalformed) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrMalformed, err)
}

// recovered turns a panic of the library into an error. It must be deferred itself, not called by what is.
func recovered(err *error) {
	p := recover()
	if p == nil {
		return
	}
	if e, ok := p.(error); ok && errors.Is(e, ErrTooLarge) {
		*err = ErrTooLarge
		return
	}
	*err = fmt.Errorf("%w: %v", ErrMalformed, p)
}
