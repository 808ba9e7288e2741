package columnar

import (
	"encoding/base64"
	"io"
	"math"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// JSONForm says how rows are joined.
type JSONForm uint8

// The forms of JSON rows.
const (
	Elements JSONForm = iota // objects joined by commas, for the inside of an array
	Lines                    // one object and a line feed each (NDJSON)
)

// WriteJSONRows writes the rows of a batch as JSON objects, in the order of the schema. Integers are JSON numbers,
// decimals text, dates "2006-01-02", timestamps RFC 3339 in UTC, binary base64; NaN and infinities, which JSON lacks,
// are null. Text that is not UTF-8 is corrected with U+FFFD.
func WriteJSONRows(w io.Writer, rec arrow.RecordBatch, form JSONForm) error {
	e := newEncoder(rec)
	buf := make([]byte, 0, 4096)
	n := int(rec.NumRows())
	for i := range n {
		if form == Elements && i > 0 {
			buf = append(buf, ',')
		}
		buf = e.row(buf, i)
		if form == Lines {
			buf = append(buf, '\n')
		}
		if len(buf) >= 32<<10 {
			if _, err := w.Write(buf); err != nil {
				return err
			}
			buf = buf[:0]
		}
	}
	if len(buf) == 0 {
		return nil
	}
	_, err := w.Write(buf)
	return err
}

// AppendJSONRows is WriteJSONRows into a slice.
func AppendJSONRows(dst []byte, rec arrow.RecordBatch, form JSONForm) []byte {
	e := newEncoder(rec)
	for i := range int(rec.NumRows()) {
		if form == Elements && i > 0 {
			dst = append(dst, ',')
		}
		dst = e.row(dst, i)
		if form == Lines {
			dst = append(dst, '\n')
		}
	}
	return dst
}

// WriteJSONArray writes all batches of a reader as one JSON array and returns the number of rows.
func WriteJSONArray(w io.Writer, r array.RecordReader) (rows int64, err error) {
	open := "["
	for r.Next() {
		rec := r.RecordBatch()
		if rec.NumRows() == 0 {
			continue
		}
		if _, err := io.WriteString(w, open); err != nil {
			return rows, err
		}
		if err := WriteJSONRows(w, rec, Elements); err != nil {
			return rows, err
		}
		rows, open = rows+rec.NumRows(), ","
	}
	if err := r.Err(); err != nil {
		return rows, err
	}
	end := "]"
	if rows == 0 {
		end = "[]"
	}
	_, err = io.WriteString(w, end)
	return rows, err
}

// appender appends value i, which is not null, as JSON.
type appender func(dst []byte, i int) []byte

type encoder struct {
	names  [][]byte // `"name":` with the comma before
	cols   []arrow.Array
	append []appender
}

func newEncoder(rec arrow.RecordBatch) *encoder {
	n := int(rec.NumCols())
	e := &encoder{names: make([][]byte, n), cols: rec.Columns(), append: make([]appender, n)}
	for i := range n {
		name := rec.ColumnName(i)
		k := make([]byte, 0, len(name)+4)
		if i > 0 {
			k = append(k, ',')
		}
		e.names[i] = append(AppendJSONString(k, name), ':')
		e.append[i] = appenderOf(e.cols[i])
	}
	return e
}

func (e *encoder) row(dst []byte, i int) []byte {
	dst = append(dst, '{')
	for j, c := range e.cols {
		dst = append(dst, e.names[j]...)
		if c.IsNull(i) {
			dst = append(dst, "null"...)
			continue
		}
		dst = e.append[j](dst, i)
	}
	return append(dst, '}')
}

func ints[T int8 | int16 | int32 | int64](v interface{ Value(int) T }) appender {
	return func(dst []byte, i int) []byte { return strconv.AppendInt(dst, int64(v.Value(i)), 10) }
}

func uints[T uint8 | uint16 | uint32 | uint64](v interface{ Value(int) T }) appender {
	return func(dst []byte, i int) []byte { return strconv.AppendUint(dst, uint64(v.Value(i)), 10) }
}

func texts(v interface{ Value(int) string }) appender {
	return func(dst []byte, i int) []byte { return AppendJSONString(dst, v.Value(i)) }
}

func blobs(v interface{ Value(int) []byte }) appender {
	return func(dst []byte, i int) []byte {
		dst = append(dst, '"')
		dst = base64.StdEncoding.AppendEncode(dst, v.Value(i))
		return append(dst, '"')
	}
}

func appenderOf(a arrow.Array) appender {
	switch v := a.(type) {
	case *array.String:
		return texts(v)
	case *array.LargeString:
		return texts(v)
	case *array.StringView:
		return texts(v)
	case *array.Int64:
		return ints[int64](v)
	case *array.Int32:
		return ints[int32](v)
	case *array.Int16:
		return ints[int16](v)
	case *array.Int8:
		return ints[int8](v)
	case *array.Uint64:
		return uints[uint64](v)
	case *array.Uint32:
		return uints[uint32](v)
	case *array.Uint16:
		return uints[uint16](v)
	case *array.Uint8:
		return uints[uint8](v)
	case *array.Float64:
		return func(dst []byte, i int) []byte { return appendFloat(dst, v.Value(i), 64) }
	case *array.Float32:
		return func(dst []byte, i int) []byte { return appendFloat(dst, float64(v.Value(i)), 32) }
	case *array.Boolean:
		return func(dst []byte, i int) []byte { return strconv.AppendBool(dst, v.Value(i)) }
	case *array.Date32:
		return func(dst []byte, i int) []byte { return appendTime(dst, v.Value(i).ToTime(), "2006-01-02") }
	case *array.Date64:
		return func(dst []byte, i int) []byte { return appendTime(dst, v.Value(i).ToTime(), "2006-01-02") }
	case *array.Timestamp:
		unit := arrow.Microsecond
		if t, ok := v.DataType().(*arrow.TimestampType); ok {
			unit = t.Unit
		}
		return func(dst []byte, i int) []byte {
			return appendTime(dst, v.Value(i).ToTime(unit).UTC(), time.RFC3339Nano)
		}
	case *array.Binary:
		return blobs(v)
	case *array.LargeBinary:
		return blobs(v)
	case *array.FixedSizeBinary:
		return blobs(v)
	case *array.Decimal128:
		scale := int32(0)
		if t, ok := v.DataType().(*arrow.Decimal128Type); ok {
			scale = t.Scale
		}
		return func(dst []byte, i int) []byte { return AppendJSONString(dst, v.Value(i).ToString(scale)) }
	}
	return func(dst []byte, i int) []byte { return AppendJSONString(dst, a.ValueStr(i)) }
}

func appendTime(dst []byte, t time.Time, layout string) []byte {
	dst = append(dst, '"')
	dst = t.AppendFormat(dst, layout)
	return append(dst, '"')
}

// appendFloat writes as encoding/json does.
func appendFloat(dst []byte, f float64, bits int) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return append(dst, "null"...)
	}
	abs, format := math.Abs(f), byte('f')
	if abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		format = 'e'
	}
	return strconv.AppendFloat(dst, f, format, -1, bits)
}

const hexDigits = "0123456789abcdef"

// AppendJSONString appends s as a JSON string. Invalid UTF-8 becomes U+FFFD; <, >, &, U+2028 and U+2029 are left as they
// are, as the answer is no script.
func AppendJSONString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && n == 1 {
				dst = append(append(dst, s[start:i]...), "\uFFFD"...)
				start = i + 1
			}
			i += n
			continue
		}
		if c >= 0x20 && c != '"' && c != '\\' {
			i++
			continue
		}
		dst = append(dst, s[start:i]...)
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
		i++
		start = i
	}
	return append(append(dst, s[start:]...), '"')
}
