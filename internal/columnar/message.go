package columnar

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
	flatbuffers "github.com/google/flatbuffers/go"
)

// The library trusts the lengths inside a message: a vector said to be long makes it allocate as much, which no
// recover can catch. So messages are framed and looked through here, and only what is harmless is handed on.

// Slots of the tables of Arrow's Message.fbs and Schema.fbs, as offsets in the vtable.
const (
	slotMessageHeaderType = 6
	slotMessageHeader     = 8
	slotMessageBody       = 10
	slotMessageMetadata   = 12
	slotSchemaFields      = 6
	slotSchemaMetadata    = 8
	slotFieldTypeType     = 8
	slotFieldDictionary   = 12
	slotFieldChildren     = 14
	slotFieldMetadata     = 16
	slotBatchNodes        = 6
	slotBatchBuffers      = 8
	slotBatchCompression  = 10
	slotBatchVariadic     = 12

	headerSchema = 1
	headerBatch  = 3

	maxMetadata = 4 << 20
	maxFields   = 10_000
)

// messages reads bounded messages and implements ipc.MessageReader.
type messages struct {
	r    io.Reader
	left int64 // bytes that may still be read
	msg  *ipc.Message
	seen int
}

func (m *messages) Retain() {}

// Release frees the current message. The Decoder is the only holder.
func (m *messages) Release() {
	if m.msg != nil {
		m.msg.Release()
		m.msg = nil
	}
}

func (m *messages) full(b []byte) error {
	if m.left -= int64(len(b)); m.left < 0 {
		return ErrTooLarge
	}
	_, err := io.ReadFull(m.r, b)
	return err
}

// Message implements ipc.MessageReader. The end of the stream must be marked, so that a cut is seen.
func (m *messages) Message() (msg *ipc.Message, err error) {
	defer recovered(&err)
	m.Release()
	var head [4]byte
	if err := m.full(head[:]); err != nil {
		return nil, short(err)
	}
	n := binary.LittleEndian.Uint32(head[:])
	if n == 0xffffffff {
		if err := m.full(head[:]); err != nil {
			return nil, short(err)
		}
		n = binary.LittleEndian.Uint32(head[:])
	}
	if n == 0 {
		return nil, io.EOF
	}
	if n < 16 || n > maxMetadata || int64(n) > m.left {
		return nil, fmt.Errorf("%w: metadata of %d bytes", ErrTooLarge, n)
	}
	meta := make([]byte, n)
	if err := m.full(meta); err != nil {
		return nil, short(err)
	}
	size, err := m.verify(meta)
	if err != nil {
		return nil, err
	}
	if size < 0 || size > m.left {
		return nil, ErrTooLarge
	}
	body := memory.NewResizableBuffer(memory.NewGoAllocator())
	defer body.Release()
	// Grows with what arrives: who announces much must send it.
	for at := int64(0); at < size; {
		step := min(size-at, max(1<<20, at))
		body.Resize(int(at + step))
		if err := m.full(body.Bytes()[at : at+step]); err != nil {
			return nil, short(err)
		}
		at += step
	}
	m.seen++
	mb := memory.NewBufferBytes(meta)
	defer mb.Release()
	m.msg = ipc.NewMessage(mb, body)
	return m.msg, nil
}

// short is an end of input where there should be more.
func short(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: stream ends early", ErrMalformed)
	}
	return err
}

// verify looks through the metadata and returns the size of the body. It may panic on wild offsets.
func (m *messages) verify(meta []byte) (int64, error) {
	root := flatbuffers.Table{Bytes: meta, Pos: flatbuffers.GetUOffsetT(meta)}
	if err := short16(root); err != nil {
		return 0, err
	}
	typ := root.GetByteSlot(slotMessageHeaderType, 0)
	size := root.GetInt64Slot(slotMessageBody, 0)
	if err := vector(root, slotMessageMetadata, 8); err != nil {
		return 0, err
	}
	h, ok := child(root, slotMessageHeader)
	if !ok {
		return 0, fmt.Errorf("%w: no header", ErrMalformed)
	}
	switch {
	case typ == headerSchema && m.seen == 0:
		if size != 0 {
			return 0, fmt.Errorf("%w: schema with a body", ErrMalformed)
		}
		return 0, verifySchema(h)
	case typ == headerBatch && m.seen > 0:
		if h.Offset(slotBatchCompression) != 0 || h.Offset(slotBatchVariadic) != 0 {
			return 0, fmt.Errorf("%w: compressed or view batch", ErrMalformed)
		}
		return size, errors.Join(vector(h, slotBatchNodes, 16), vector(h, slotBatchBuffers, 16))
	}
	return 0, fmt.Errorf("%w: message of type %d", ErrMalformed, typ)
}

// short16 refuses a root outside of the bytes before anything is read from it.
func short16(t flatbuffers.Table) error {
	if int64(t.Pos)+4 > int64(len(t.Bytes)) {
		return fmt.Errorf("%w: offset", ErrMalformed)
	}
	return nil
}

func child(t flatbuffers.Table, slot flatbuffers.VOffsetT) (flatbuffers.Table, bool) {
	o := t.Offset(slot)
	if o == 0 {
		return flatbuffers.Table{}, false
	}
	return flatbuffers.Table{Bytes: t.Bytes, Pos: t.Indirect(t.Pos + flatbuffers.UOffsetT(o))}, true
}

// vector refuses one whose elements, of the given width, don't fit into the bytes.
func vector(t flatbuffers.Table, slot flatbuffers.VOffsetT, width int) error {
	o := t.Offset(slot)
	if o == 0 {
		return nil
	}
	n := t.VectorLen(flatbuffers.UOffsetT(o))
	if n < 0 || n > len(t.Bytes)/width {
		return fmt.Errorf("%w: vector of %d", ErrMalformed, n)
	}
	return nil
}

func verifySchema(s flatbuffers.Table) error {
	if err := errors.Join(vector(s, slotSchemaFields, 4), vector(s, slotSchemaMetadata, 4)); err != nil {
		return err
	}
	o := s.Offset(slotSchemaFields)
	if o == 0 {
		return nil
	}
	n := s.VectorLen(flatbuffers.UOffsetT(o))
	if n > maxFields {
		return ErrTooLarge
	}
	start := s.Vector(flatbuffers.UOffsetT(o))
	for i := range n {
		f := flatbuffers.Table{Bytes: s.Bytes, Pos: s.Indirect(start + flatbuffers.UOffsetT(4*i))}
		if err := verifyField(f); err != nil {
			return err
		}
	}
	return nil
}

// verifyField lets flat types through: null to timestamp (1–10) and large binary and text (19, 20).
func verifyField(f flatbuffers.Table) error {
	typ := f.GetByteSlot(slotFieldTypeType, 0)
	if typ == 0 || (typ > 10 && typ != 19 && typ != 20) || f.Offset(slotFieldDictionary) != 0 {
		return fmt.Errorf("%w: type %d", ErrMalformed, typ)
	}
	if o := f.Offset(slotFieldChildren); o != 0 && f.VectorLen(flatbuffers.UOffsetT(o)) != 0 {
		return fmt.Errorf("%w: nested type", ErrMalformed)
	}
	return vector(f, slotFieldMetadata, 4)
}
