package columnar

import (
	"bytes"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// endOfStream marks the end of an IPC stream.
const endOfStream = "\xff\xff\xff\xff\x00\x00\x00\x00"

// StreamEncoder makes many small IPC streams of one schema: the schema is encoded once. Safe for concurrent use.
type StreamEncoder struct {
	schema *arrow.Schema
	head   []byte
}

// NewStreamEncoder encodes the schema.
func NewStreamEncoder(schema *arrow.Schema) (*StreamEncoder, error) {
	p := ipc.GetSchemaPayload(schema, memory.NewGoAllocator())
	defer p.Release()
	var b bytes.Buffer
	if _, err := p.WritePayload(&b); err != nil {
		return nil, err
	}
	return &StreamEncoder{schema: schema, head: b.Bytes()}, nil
}

// Schema is the schema of the streams.
func (e *StreamEncoder) Schema() *arrow.Schema { return e.schema }

// Append appends a whole stream of one batch, which must have the schema of the encoder, to dst.
func (e *StreamEncoder) Append(dst []byte, rec arrow.RecordBatch) ([]byte, error) {
	p, err := ipc.GetRecordBatchPayload(rec, ipc.WithAllocator(memory.NewGoAllocator()))
	if err != nil {
		return dst, err
	}
	defer p.Release()
	space := len(e.head) + p.Meta().Len() + len(endOfStream) + 64
	for _, c := range rec.Columns() {
		for _, b := range c.Data().Buffers() {
			if b != nil {
				space += b.Len() + 64
			}
		}
	}
	w := sink{append(slices.Grow(dst, space), e.head...)}
	if _, err := p.WritePayload(&w); err != nil {
		return dst, err
	}
	return append(w.b, endOfStream...), nil
}

// sink is a slice to write to.
type sink struct{ b []byte }

func (s *sink) Write(p []byte) (int, error) {
	s.b = append(s.b, p...)
	return len(p), nil
}
