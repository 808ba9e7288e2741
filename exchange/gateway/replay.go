package gateway

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"sync"
	"time"

	"github.com/kuayu/kuayu/support/evidence"
	"github.com/kuayu/kuayu/support/seal"
)

// replay remembers answers for as long as their requests are fresh: the same id with the same content gets the same
// answer and is metered once. Small answers are held, as many as fit; of the others, and after a restart, the digest is
// known, and the answer is computed again and must match.
//
// A busy node remembers a hundred thousand requests. They lie in a map without pointers and in a few large pieces of
// memory: the collector has nothing to follow (docs/performance.md).
type replay struct {
	mu       sync.Mutex
	open     map[replayKey]*computing
	settled  map[replayKey]settled
	order    []arrival // of settled, by when they were settled
	pages    []page    // held answers, oldest first
	firstNum uint32    // number of pages[0]; numbers begin at 1
	bytes    int       // of the pages
}

// replayKey names a request: a hash of the member it came from and its id.
type replayKey [sha256.Size]byte

func keyOf(member, id string) replayKey { return sha256.Sum256([]byte(member + "/" + id)) }

// computing is a request whose answer is not there yet.
type computing struct {
	done    chan struct{} // closed when it is settled
	content [sha256.Size]byte
	at      int64
	err     error // set before done is closed
}

// settled is an answered request. No pointers.
type settled struct {
	content [sha256.Size]byte
	digest  [sha256.Size]byte // of the answer
	page    uint32            // 0: the answer was not held
	off, n  uint32
}

type arrival struct {
	key replayKey
	at  int64 // Unix nanoseconds
}

// page is a piece of memory that held answers lie in, one behind the other.
type page struct {
	buf  []byte
	last int64 // arrival of the newest
}

// Bounds of the memory of answers.
const (
	replayBytes = 16 << 20
	replayKeep  = Life + 5*time.Second
	replaySmall = 256 << 10
	replayPage  = 512 << 10
)

func newReplay() *replay {
	return &replay{open: map[replayKey]*computing{}, settled: map[replayKey]settled{}, firstNum: 1}
}

// enter says whether a request is new: then the caller computes the answer and calls settle. Otherwise the answer is
// known (recall) once c.done is closed; c is nil if it is known already.
func (r *replay) enter(key replayKey, content [sha256.Size]byte, now time.Time) (c *computing, fresh bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forget(now.UnixNano())
	if c := r.open[key]; c != nil {
		return c, false
	}
	if _, ok := r.settled[key]; ok {
		return nil, false
	}
	c = &computing{done: make(chan struct{}), content: content, at: now.UnixNano()}
	r.open[key] = c
	return c, true
}

// forget drops what is no longer fresh, and the oldest held answers when there are too many.
func (r *replay) forget(now int64) {
	for len(r.order) > 0 && now-r.order[0].at >= int64(replayKeep) {
		delete(r.settled, r.order[0].key)
		r.order = r.order[1:]
	}
	for len(r.pages) > 0 && (r.bytes > replayBytes || now-r.pages[0].last >= int64(replayKeep)) {
		r.bytes -= cap(r.pages[0].buf)
		r.pages[0].buf = nil
		r.pages, r.firstNum = r.pages[1:], r.firstNum+1
	}
}

// settle stores the answer of a request. A failed one is forgotten: it may be tried again.
func (r *replay) settle(key replayKey, c *computing, rec *evidence.Record, o *output, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.open, key)
	if c.err = err; err == nil {
		s := settled{content: c.content, digest: o.digest}
		if len(rec.Body) <= replaySmall {
			s.page, s.off, s.n = r.hold(rec, o.media, c.at)
		}
		r.settled[key] = s
		r.order = append(r.order, arrival{key, c.at})
	}
	close(c.done)
}

// hold lays an answer into the last page, or a new one where it does not fit. What is laid there never changes.
func (r *replay) hold(rec *evidence.Record, media string, at int64) (num, off, n uint32) {
	need := packedSize(rec, media)
	last := len(r.pages) - 1
	if last < 0 || cap(r.pages[last].buf)-len(r.pages[last].buf) < need {
		r.pages = append(r.pages, page{buf: make([]byte, 0, max(replayPage, need))})
		last++
		r.bytes += cap(r.pages[last].buf)
	}
	p := &r.pages[last]
	start := len(p.buf)
	p.buf, p.last = pack(p.buf, rec, media), at
	return r.firstNum + uint32(last), uint32(start), uint32(len(p.buf) - start) //nolint:gosec // bounded by replayBytes and replayPage
}

// known is what is remembered of a settled request.
type known struct {
	content, digest [sha256.Size]byte
	rec             *evidence.Record // nil if only the digest is known
	media           string           // of rec
}

// recall returns what is remembered of a settled request.
func (r *replay) recall(key replayKey) (known, bool, error) {
	r.mu.Lock()
	s, ok := r.settled[key]
	var held []byte
	if s.page >= r.firstNum {
		held = r.pages[s.page-r.firstNum].buf[s.off : s.off+s.n]
	}
	r.mu.Unlock()
	k := known{content: s.content, digest: s.digest}
	if held == nil {
		return k, ok, nil
	}
	var err error
	k.rec, k.media, err = unpack(held)
	return k, ok, err
}

// restore puts back what is known of an answer given before a restart. Texts are hex.
func (r *replay) restore(key replayKey, content, digest string, at time.Time) {
	var s settled
	_, _ = hex.Decode(s.content[:], []byte(content))
	_, _ = hex.Decode(s.digest[:], []byte(digest))
	r.mu.Lock()
	defer r.mu.Unlock()
	r.settled[key] = s
	r.order = append(r.order, arrival{key, at.UnixNano()})
}

// packedSize is at least what pack appends.
func packedSize(rec *evidence.Record, media string) int {
	return 512 + len(rec.Sealed.Fact) + len(rec.Sealed.Path)*seal.HashSize + len(rec.Sealed.Signature) + len(media) + len(rec.Body)
}

// pack appends an answer in one piece: length and bytes of the sealed fact, length and bytes of the media type, salt of
// the body, body.
func pack(b []byte, rec *evidence.Record, media string) []byte {
	start := len(b)
	b = rec.Sealed.Encode(append(b, 0, 0, 0, 0))
	binary.BigEndian.PutUint32(b[start:], uint32(len(b)-start-4)) //nolint:gosec // bounded by the format
	b = append(b, byte(len(media)))                               //nolint:gosec // one of the few short media types this node answers with
	b = append(b, media...)
	b = append(b, rec.BodySalt[:]...)
	return append(b, rec.Body...)
}

func unpack(b []byte) (*evidence.Record, string, error) {
	n := 4 + int(binary.BigEndian.Uint32(b))
	s, err := seal.DecodeSealed(b[4:n])
	if err != nil {
		return nil, "", err
	}
	b = b[n:]
	media := string(b[1 : 1+int(b[0])])
	b = b[1+len(media):]
	rec := &evidence.Record{Sealed: s, Batch: s.Header.Number, Body: b[seal.BodySaltSize:len(b):len(b)]}
	copy(rec.BodySalt[:], b)
	return rec, media, nil
}
