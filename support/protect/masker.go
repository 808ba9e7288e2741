package protect

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"slices"
	"strconv"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/kuayu/kuayu/support/policy"
)

const (
	// MinKey is the least length of a key for the hash mask, in bytes.
	MinKey = 16
	// HashBytes is how many bytes of the HMAC-SHA-256 the hash mask keeps; it writes them as twice as many hex digits.
	HashBytes = 16
)

// Masker applies masks to batches of one schema. It is immutable and safe for concurrent use.
type Masker struct {
	in, out *arrow.Schema
	masks   []policy.Mask // by column; zero: passed on
	texts   []textMask    // by column; nil unless the mask is one of text
	key     []byte
}

// Compile prepares masks, by name of column, for batches of schema. key is for the hash mask alone and is copied.
//
// Columns of text (utf8, large_utf8, utf8 view) take every mask. Columns of any other type take hash, which makes them
// utf8, and null, which makes them nullable; others are ErrType. A name the schema doesn't have is ErrColumn; if it has
// the name more than once, all of those columns are masked. ErrKey if hash is asked for and the key is shorter than
// MinKey. A mask of no kind is no mask.
func Compile(schema *arrow.Schema, masks map[string]policy.Mask, key []byte) (*Masker, error) {
	m := &Masker{in: schema, masks: make([]policy.Mask, schema.NumFields()), texts: make([]textMask, schema.NumFields())}
	fields := slices.Clone(schema.Fields())
	names := make([]string, 0, len(masks))
	for name := range masks {
		names = append(names, name)
	}
	slices.Sort(names) // the same error every time
	for _, name := range names {
		mask := masks[name]
		at := schema.FieldIndices(name)
		if len(at) == 0 {
			return nil, ErrColumn.With(name)
		}
		if mask.Kind == policy.MaskNone {
			continue
		}
		for _, i := range at {
			f := &fields[i]
			m.masks[i] = mask
			switch mask.Kind {
			case policy.MaskNull:
				f.Nullable = true
			case policy.MaskHash:
				if len(key) < MinKey {
					return nil, ErrKey.With(MinKey)
				}
				m.key = slices.Clone(key)
				f.Type = arrow.BinaryTypes.String
			default:
				text, err := textMaskOf(mask)
				if err != nil {
					return nil, err
				}
				switch f.Type.ID() {
				case arrow.STRING, arrow.LARGE_STRING:
				case arrow.STRING_VIEW:
					f.Type = arrow.BinaryTypes.String
				default:
					return nil, ErrType.With(name, mask.String(), f.Type.String())
				}
				m.texts[i] = text
			}
		}
	}
	meta := schema.Metadata()
	m.out = arrow.NewSchemaWithEndian(fields, &meta, schema.Endianness())
	return m, nil
}

// Schema is the schema of the batches Apply returns: the same names in the same order.
func (m *Masker) Schema() *arrow.Schema { return m.out }

// Apply returns the masked batch; the caller releases it, and rec as before. ErrSchema if rec is not of the schema
// given to Compile; metadata may differ.
func (m *Masker) Apply(mem memory.Allocator, rec arrow.RecordBatch) (arrow.RecordBatch, error) {
	if !m.Fits(rec.Schema()) {
		return nil, ErrSchema.With()
	}
	cols := make([]arrow.Array, len(m.masks))
	for i := range cols {
		col := rec.Column(i)
		switch m.masks[i].Kind {
		case policy.MaskNone:
			col.Retain()
			cols[i] = col
		case policy.MaskNull:
			cols[i] = array.MakeArrayOfNull(mem, m.out.Field(i).Type, col.Len())
		case policy.MaskHash:
			cols[i] = hashColumn(mem, m.key, col)
		default:
			cols[i] = maskColumn(mem, m.texts[i], col)
		}
	}
	out := array.NewRecordBatch(m.out, cols, rec.NumRows())
	for _, c := range cols {
		c.Release()
	}
	return out, nil
}

// Fits compares names and types, not metadata.
func (m *Masker) Fits(s *arrow.Schema) bool {
	if s == m.in {
		return true
	}
	if s.NumFields() != m.in.NumFields() {
		return false
	}
	for i := range s.NumFields() {
		a, b := s.Field(i), m.in.Field(i)
		if a.Name != b.Name || !arrow.TypeEqual(a.Type, b.Type) {
			return false
		}
	}
	return true
}

// maskColumn masks a column of text.
func maskColumn(mem memory.Allocator, mask textMask, col arrow.Array) arrow.Array {
	n := col.Len()
	var scratch []byte
	if c, ok := col.(*array.LargeString); ok {
		b := array.NewLargeStringBuilder(mem)
		defer b.Release()
		b.Reserve(n)
		for i := range n {
			if c.IsNull(i) {
				b.AppendNull()
				continue
			}
			scratch = mask(scratch[:0], c.Value(i))
			b.BinaryBuilder.Append(scratch)
		}
		return b.NewArray()
	}
	b := array.NewStringBuilder(mem)
	defer b.Release()
	b.Reserve(n)
	if c, ok := col.(*array.String); ok {
		b.ReserveData(len(c.ValueBytes()))
	}
	c, _ := col.(array.StringLike) // Compile let nothing else through
	for i := range n {
		if c.IsNull(i) {
			b.AppendNull()
			continue
		}
		scratch = mask(scratch[:0], c.Value(i))
		b.BinaryBuilder.Append(scratch)
	}
	return b.NewArray()
}

// hashColumn digests the text of every value.
func hashColumn(mem memory.Allocator, key []byte, col arrow.Array) arrow.Array {
	n := col.Len()
	b := array.NewStringBuilder(mem)
	defer b.Release()
	b.Reserve(n)
	b.ReserveData(n * 2 * HashBytes)
	d := digester{mac: hmac.New(sha256.New, key)}
	text := appender(col)
	for i := range n {
		if col.IsNull(i) {
			b.AppendNull()
			continue
		}
		d.text = text(d.text[:0], i)
		b.BinaryBuilder.Append(d.digest())
	}
	return b.NewArray()
}

// digester holds the buffers of one column.
type digester struct {
	mac  hash.Hash
	text []byte
	sum  [sha256.Size]byte
	hex  [2 * HashBytes]byte
}

func (d *digester) digest() []byte {
	d.mac.Reset()
	_, _ = d.mac.Write(d.text)
	hex.Encode(d.hex[:], d.mac.Sum(d.sum[:0])[:HashBytes])
	return d.hex[:]
}

// appender chooses once per column how the text of a value is written. Text is itself, integers are decimal, the rest
// is as Arrow shows it.
func appender(col arrow.Array) func(dst []byte, i int) []byte {
	switch c := col.(type) {
	case array.StringLike:
		return func(dst []byte, i int) []byte { return append(dst, c.Value(i)...) }
	case *array.Int32:
		return func(dst []byte, i int) []byte { return strconv.AppendInt(dst, int64(c.Value(i)), 10) }
	case *array.Int64:
		return func(dst []byte, i int) []byte { return strconv.AppendInt(dst, c.Value(i), 10) }
	}
	return func(dst []byte, i int) []byte { return append(dst, col.ValueStr(i)...) }
}
