package seed

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// Bounds of one record. A record over several lines is looked at again from its start for every line that has a quote,
// so their number is bounded too.
const (
	maxRecord = 1 << 20 // bytes
	maxLooks  = 64
)

var errTooLong = errors.New("record too long")

// rowReader splits CSV (RFC 4180) into records without copying where there is no quote. Unlike encoding/csv it bounds a
// record and carries on after a bad one, since finding those is its purpose.
type rowReader struct {
	in     *bufio.Reader
	line   int // of the record last returned
	next   int
	buf    []byte // a record that spans buffers or lines
	text   []byte // unquoted text of quoted fields
	fields [][]byte
}

func newRowReader(r io.Reader) *rowReader {
	return &rowReader{in: bufio.NewReaderSize(r, 256<<10), next: 1}
}

// read returns the fields of the next record, valid until the next call. clean is false if quotes are not as RFC 4180
// has them. Empty lines are passed over. io.EOF at the end.
func (r *rowReader) read() (fields [][]byte, clean bool, err error) {
	for {
		r.line = r.next
		record, err := r.readLine(nil)
		if err != nil {
			return nil, false, err
		}
		if len(trimEnd(record)) == 0 {
			continue
		}
		if bytes.IndexByte(record, '"') < 0 {
			r.split(trimEnd(record))
			return r.fields, true, nil
		}
		kept := false // record is in r.buf, not in the buffer of r.in
		for range maxLooks {
			clean, open := r.unquote(record)
			if !open {
				return r.fields, clean, nil
			}
			for quoted := false; !quoted; { // the field goes on to the next line that has a quote
				if !kept {
					r.buf, kept = append(r.buf[:0], record...), true
				}
				before := len(r.buf)
				if record, err = r.readLine(r.buf); errors.Is(err, io.EOF) {
					_, _ = r.unquote(r.buf[:before])
					return r.fields, false, nil
				} else if err != nil {
					return nil, false, err
				}
				quoted = bytes.IndexByte(record[before:], '"') >= 0
			}
		}
		return nil, false, errTooLong
	}
}

// readLine returns begun and the next line with its end. Without begun it does not copy a line within the buffer.
func (r *rowReader) readLine(begun []byte) ([]byte, error) {
	got := false
	for {
		part, err := r.in.ReadSlice('\n')
		got = got || len(part) > 0
		if err == nil && len(begun) == 0 {
			r.next++
			return part, nil
		}
		if len(begun)+len(part) > maxRecord {
			return nil, errTooLong
		}
		switch {
		case err == nil || errors.Is(err, io.EOF) && got:
			r.buf = append(begun, part...) //nolint:gocritic // begun is r.buf or nil
			r.next++
			return r.buf, nil
		case errors.Is(err, bufio.ErrBufferFull):
			if begun == nil {
				begun = r.buf[:0]
			}
			begun = append(begun, part...)
		default:
			return nil, err
		}
	}
}

func trimEnd(b []byte) []byte {
	b = bytes.TrimSuffix(b, []byte{'\n'})
	return bytes.TrimSuffix(b, []byte{'\r'})
}

// split cuts a record that has no quotes.
func (r *rowReader) split(b []byte) {
	r.fields = r.fields[:0]
	for {
		i := bytes.IndexByte(b, ',')
		if i < 0 {
			r.fields = append(r.fields, b)
			return
		}
		r.fields = append(r.fields, b[:i])
		b = b[i+1:]
	}
}

// unquote cuts a record with quotes; open if its last field has no closing quote.
func (r *rowReader) unquote(record []byte) (clean, open bool) {
	r.fields, r.text, clean = r.fields[:0], r.text[:0], true
	if cap(r.text) < len(record) {
		r.text = make([]byte, 0, len(record)) // fields point into text: it must not move
	}
	b := record
	for {
		if len(b) == 0 || b[0] != '"' {
			end := bytes.IndexByte(b, ',')
			field := b
			if end >= 0 {
				field = b[:end]
			} else {
				field = trimEnd(field)
			}
			clean = clean && bytes.IndexByte(field, '"') < 0
			r.fields = append(r.fields, field)
			if end < 0 {
				return clean, false
			}
			b = b[end+1:]
			continue
		}
		start := len(r.text)
		b = b[1:]
		for {
			i := bytes.IndexByte(b, '"')
			if i < 0 {
				r.text = append(r.text, b...)
				r.fields = append(r.fields, r.text[start:])
				return false, true
			}
			r.text = append(r.text, b[:i]...)
			b = b[i+1:]
			if len(b) == 0 || b[0] != '"' {
				break
			}
			r.text = append(r.text, '"')
			b = b[1:]
		}
		// After the closing quote there may be a comma or the end; anything else belongs to the field, though unclean.
		end := bytes.IndexByte(b, ',')
		rest := b
		if end >= 0 {
			rest = b[:end]
		} else {
			rest = trimEnd(rest)
		}
		clean = clean && len(rest) == 0
		r.text = append(r.text, rest...)
		r.fields = append(r.fields, r.text[start:])
		if end < 0 {
			return clean, false
		}
		b = b[end+1:]
	}
}
