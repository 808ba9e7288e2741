package evidence

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/kuayu/kuayu/internal/disk"
	"github.com/kuayu/kuayu/support/seal"
)

// A segment is a file of frames: length (u32) · CRC-32C of the rest (u32) · type (u8) · payload. A batch is one entry
// frame followed by one frame per fact, all written at once and flushed once. Big-endian throughout.
const (
	frameHead   = 9
	maxFrame    = seal.MaxBody + 64<<10
	segmentSize = 8 << 20 // bytes of a segment; a batch that does not fit opens the next one
	nextSegment = "next.tmp"

	frameEntry  = 'E' // seal.Entry
	frameFact   = 'F' // salt · length of fact (u32) · fact · [body salt · body]
	frameErased = 'X' // zeros of the same length: the content was destroyed
)

func crcTable() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) } // the standard library caches this table

// appendFrame appends a frame whose payload is the concatenation of parts.
func appendFrame(b []byte, kind byte, parts ...[]byte) []byte {
	start := len(b)
	b = append(b, 0, 0, 0, 0, 0, 0, 0, 0, kind)
	for _, p := range parts {
		b = append(b, p...)
	}
	binary.BigEndian.PutUint32(b[start:], uint32(len(b)-start-frameHead)) //nolint:gosec // bounded by maxFrame
	binary.BigEndian.PutUint32(b[start+4:], crc32.Checksum(b[start+8:], crcTable()))
	return b
}

// Record is a sealed fact with its private body as its own node stores it.
type Record struct {
	Sealed   *seal.Sealed
	BodySalt [seal.BodySaltSize]byte
	Body     []byte // nil when the fact has none
	Batch    uint64
}

// Fact decodes the fact of the record.
func (r *Record) Fact() (seal.Fact, error) { return seal.DecodeFact(r.Sealed.Fact) }

// storedFact is one fact frame decoded.
type storedFact struct {
	erased   bool
	salt     seal.Hash
	fact     []byte
	hasBody  bool
	bodySalt [seal.BodySaltSize]byte
	body     []byte
	off      int64 // of the frame in its segment
	size     int   // of the payload
}

func appendFact(b []byte, f *storedFact) []byte {
	var n [4]byte
	binary.BigEndian.PutUint32(n[:], uint32(len(f.fact))) //nolint:gosec // bounded by Fact.Check
	if !f.hasBody {
		return appendFrame(b, frameFact, f.salt[:], n[:], f.fact)
	}
	return appendFrame(b, frameFact, f.salt[:], n[:], f.fact, f.bodySalt[:], f.body)
}

func decodeFact(kind byte, p []byte) (storedFact, error) {
	f := storedFact{size: len(p)}
	if kind == frameErased {
		f.erased = true
		return f, nil
	}
	if len(p) < seal.HashSize+4 {
		return f, errors.New("fact frame too short")
	}
	copy(f.salt[:], p)
	n := int(binary.BigEndian.Uint32(p[seal.HashSize:]))
	p = p[seal.HashSize+4:]
	if n > len(p) {
		return f, errors.New("fact longer than its frame")
	}
	f.fact, p = p[:n], p[n:]
	if len(p) > 0 {
		if len(p) < seal.BodySaltSize {
			return f, errors.New("body frame too short")
		}
		f.hasBody = true
		copy(f.bodySalt[:], p)
		f.body = p[seal.BodySaltSize:]
	}
	return f, nil
}

// stored is one batch as read back from a segment.
type stored struct {
	entry    *seal.Entry
	rawEntry []byte
	facts    []storedFact
	segment  int
	off, end int64
}

// record builds the record of fact i; nil if it was erased.
func (s *stored) record(i int, t *seal.Tree) *Record {
	f := &s.facts[i]
	if f.erased {
		return nil
	}
	r := &Record{
		Sealed: &seal.Sealed{
			Fact: f.fact, Salt: f.salt, Header: s.entry.Header, Signature: s.entry.Signature,
			Index: uint32(i), Path: t.Path(i), //nolint:gosec // bounded by MaxBatch
		},
		Batch: s.entry.Header.Number,
	}
	if f.hasBody {
		r.BodySalt, r.Body = f.bodySalt, f.body
	}
	return r
}

// errTorn marks bytes at the end of a segment that are not a complete batch.
var errTorn = errors.New("incomplete or damaged batch")

// window reads a file through buffers that grow, for walks that go forward, most of them a few batches far. What it
// hands out stays valid, a buffer is never written again, unless restart says that nothing of it is kept.
type window struct {
	f    io.ReaderAt
	buf  []byte
	off  int64
	size int // of the last buffer
}

const (
	windowFirst = 16 << 10
	windowMax   = 256 << 10
)

// bytes returns n bytes at off.
func (w *window) bytes(off int64, n int) ([]byte, error) {
	if off < w.off || off+int64(n) > w.off+int64(len(w.buf)) {
		w.size = min(max(2*w.size, windowFirst), windowMax)
		w.buf = make([]byte, max(n, w.size))
		got, err := w.f.ReadAt(w.buf, off)
		w.buf, w.off = w.buf[:got], off
		if got < n {
			return nil, err
		}
	}
	at := int(off - w.off)
	return w.buf[at : at+n : at+n], nil
}

// restart reads on at off into the same buffer if little of it is left: nothing that was handed out is needed any more.
func (w *window) restart(off int64) {
	if len(w.buf) < windowFirst || off+windowFirst <= w.off+int64(len(w.buf)) {
		return
	}
	w.buf = w.buf[:cap(w.buf)]
	got, _ := w.f.ReadAt(w.buf, off) // what is missing is found missing by bytes
	w.buf, w.off = w.buf[:got], off
}

// readFrame reads the frame at off. io.EOF exactly at the end; errTorn for anything damaged.
func readFrame(f *window, off, size int64) (kind byte, payload []byte, next int64, err error) {
	if off == size {
		return 0, nil, off, io.EOF
	}
	if off+frameHead > size {
		if zeros(f.f, off, size) {
			return 0, nil, off, io.EOF
		}
		return 0, nil, off, errTorn
	}
	head, err := f.bytes(off, frameHead)
	if err != nil {
		return 0, nil, off, fmt.Errorf("read frame: %w", err)
	}
	if [frameHead]byte(head) == ([frameHead]byte{}) {
		return 0, nil, off, io.EOF
	}
	n := int64(binary.BigEndian.Uint32(head))
	if n > maxFrame || off+frameHead+n > size {
		return 0, nil, off, errTorn
	}
	buf, err := f.bytes(off+frameHead-1, int(1+n)) // the type is under the checksum too
	if err != nil {
		return 0, nil, off, fmt.Errorf("read frame: %w", err)
	}
	if crc32.Checksum(buf, crcTable()) != binary.BigEndian.Uint32(head[4:]) {
		return 0, nil, off, errTorn
	}
	return buf[0], buf[1:], off + frameHead + n, nil
}

// readBatch reads the batch that begins at off.
func readBatch(f *window, off, size int64) (*stored, error) {
	kind, p, next, err := readFrame(f, off, size)
	if err != nil {
		return nil, err
	}
	if kind != frameEntry {
		return nil, errTorn
	}
	e, err := seal.DecodeEntry(p)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errTorn, err)
	}
	s := &stored{entry: e, rawEntry: p, off: off, facts: make([]storedFact, e.Header.Count)}
	for i := range s.facts {
		at := next
		kind, p, next, err = readFrame(f, at, size)
		if errors.Is(err, io.EOF) || (err == nil && kind != frameFact && kind != frameErased) {
			return nil, errTorn
		}
		if err != nil {
			return nil, err
		}
		if s.facts[i], err = decodeFact(kind, p); err != nil {
			return nil, fmt.Errorf("%w: %w", errTorn, err)
		}
		s.facts[i].off = at
	}
	s.end = next
	return s, nil
}

func segmentName(dir string, n int) string {
	return filepath.Join(dir, fmt.Sprintf("%08d.seg", n))
}

// listSegments returns the numbers of the segments in dir, ascending and without gaps, or an error naming the gap.
func listSegments(fs disk.FS, dir string) (int, error) {
	names, err := fs.List(dir)
	if err != nil {
		return 0, err
	}
	n := 0
	for _, name := range names {
		base, ok := strings.CutSuffix(name, ".seg")
		if !ok {
			continue
		}
		i, err := strconv.Atoi(base)
		if err != nil || i != n {
			return 0, ErrCorrupt.With(fmt.Sprintf("segment %08d.seg is missing", n))
		}
		n++
	}
	return n, nil
}

// walk calls visit for each batch of each segment until visit returns false.
// A damaged batch ends the walk with an error that names file and offset.
func walk(fs disk.FS, dir string, visit func(*stored) (bool, error)) error {
	return walkWith(fs, dir, 0, 0, false, visit)
}

// walkWith is walk from a place on; with brief, what visit gets is good until it returns.
func walkWith(fs disk.FS, dir string, seg int, off int64, brief bool, visit func(*stored) (bool, error)) error {
	n, err := listSegments(fs, dir)
	if err != nil {
		return err
	}
	for ; seg < n; seg, off = seg+1, 0 {
		more, err := walkSegment(fs, dir, seg, off, brief, visit)
		if err != nil || !more {
			return err
		}
	}
	return nil
}

func walkSegment(fs disk.FS, dir string, seg int, off int64, brief bool, visit func(*stored) (bool, error)) (bool, error) {
	name := segmentName(dir, seg)
	f, err := fs.Open(name, false)
	if err != nil {
		return false, err
	}
	defer func() { _ = f.Close() }()
	size, err := f.Size()
	if err != nil {
		return false, err
	}
	r := &window{f: f}
	for off < size {
		if brief {
			r.restart(off)
		}
		s, err := readBatch(r, off, size)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return false, &tornError{segment: seg, off: off, cause: err, name: filepath.Base(name)}
		}
		s.segment = seg
		off = s.end
		if more, err := visit(s); err != nil || !more {
			return false, err
		}
	}
	return true, nil
}

// tornError says where a walk met damage.
type tornError struct {
	segment int
	off     int64
	name    string
	cause   error
}

func (e *tornError) Error() string {
	return fmt.Sprintf("segment %s, offset %d: %v", e.name, e.off, e.cause)
}

func (e *tornError) Unwrap() error { return e.cause }

// zeros reports whether a file holds nothing but zeros from off on.
func zeros(f io.ReaderAt, off, size int64) bool {
	buf := make([]byte, 64<<10)
	for off < size {
		n, err := f.ReadAt(buf[:min(int64(len(buf)), size-off)], off)
		for _, b := range buf[:n] {
			if b != 0 {
				return false
			}
		}
		if off += int64(n); err != nil || n == 0 {
			return err == nil || errors.Is(err, io.EOF)
		}
	}
	return true
}

// fill makes a file of zeros, durable. pause is the rest after each chunk, so that filling ahead never holds up the
// flushes of a busy log; chunks are written out without a flush each, because every flush of a growing file is a commit
// of the file system's journal that the log's own flushes would wait for.
func fill(fs disk.FS, name string, size int, pause time.Duration) (err error) {
	f, err := fs.Open(name, true)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = f.Truncate(0) // a part is of no use, and others want the space
		}
		_ = f.Close()
	}()
	chunk := make([]byte, min(size, 128<<10))
	for off := 0; off < size; off += len(chunk) {
		if _, err := f.WriteAt(chunk[:min(len(chunk), size-off)], int64(off)); err != nil {
			return fmt.Errorf("fill segment: %w", err)
		}
		if pause > 0 {
			if err := f.WriteOut(int64(off), int64(len(chunk))); err != nil {
				return fmt.Errorf("fill segment: %w", err)
			}
			time.Sleep(pause)
		}
	}
	return f.Datasync()
}

// laterBatch reports whether a valid entry frame of a higher batch follows a damaged spot: then the damage is not the
// torn tail of the last write, but corruption of something that was durable.
func laterBatch(f io.ReaderAt, off, size int64) bool {
	const magic = "kuayu-batch/1\n"
	buf := make([]byte, 1<<16)
	for at := off + 1; at < size; {
		n, _ := f.ReadAt(buf[:min(int64(len(buf)), size-at)], at)
		if n < len(magic) {
			return false
		}
		i := strings.Index(string(buf[:n]), magic)
		if i < 0 {
			at += int64(n - len(magic) + 1)
			continue
		}
		start := at + int64(i) - frameHead
		if start > off {
			if kind, p, _, err := readFrame(&window{f: f}, start, size); err == nil && kind == frameEntry {
				if _, err := seal.DecodeEntry(p); err == nil {
					return true
				}
			}
		}
		at += int64(i) + 1
	}
	return false
}
