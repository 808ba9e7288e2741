package gateway

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"sync"
	"time"

	"github.com/kuayu/kuayu/support/evidence"
	"github.com/kuayu/kuayu/support/policy"
	"github.com/kuayu/kuayu/support/seal"
)

// replay remembers answers for as long as their requests are fresh: the same id with the same content gets the same
// answer and is metered once. Small answers are held, as many as fit; of the others, and after a restart, the digest is
// known, and the answer is computed again and must match.
type replay struct {
	mu      sync.Mutex
	entries map[replayKey]*replayed
	order   []replayKey // by arrival
	holding []replayKey // those whose answer is held, by arrival
	bytes   int         // of held answers
}

// replayKey names a request: a hash of the member it came from and its id.
type replayKey [sha256.Size]byte

func keyOf(member, id string) replayKey { return sha256.Sum256([]byte(member + "/" + id)) }

// replayed is one request. Tens of thousands are remembered on a busy node, each in two pieces of memory.
type replayed struct {
	done    chan struct{} // closed when the answer is there; nil once it is
	content [sha256.Size]byte
	digest  [sha256.Size]byte
	held    []byte // the answer as pack makes it; nil if only its digest is known
	media   string
	terms   *policy.Terms
	err     error
	at      int64 // Unix nanoseconds
}

// Bounds of the memory of answers.
const (
	replayBytes = 32 << 20
	replayKeep  = Life + 5*time.Second
	replaySmall = 256 << 10
)

func newReplay() *replay { return &replay{entries: map[replayKey]*replayed{}} }

// enter returns the entry of a request, and whether it is new: then the caller computes the answer and calls settle.
// Otherwise the entry may be read once done, if not nil, is closed.
func (r *replay) enter(key replayKey, content [sha256.Size]byte, now time.Time) (e *replayed, done <-chan struct{}, fresh bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forget(now)
	if e := r.entries[key]; e != nil {
		return e, e.done, false
	}
	e = &replayed{done: make(chan struct{}), content: content, at: now.UnixNano()}
	r.entries[key] = e
	r.order = append(r.order, key)
	return e, e.done, true
}

// forget drops what is no longer fresh, and the oldest held answers when there are too many.
func (r *replay) forget(now time.Time) {
	for len(r.order) > 0 {
		e := r.entries[r.order[0]]
		if e != nil {
			if now.UnixNano()-e.at < int64(replayKeep) {
				break
			}
			if e.done != nil && now.UnixNano()-e.at < int64(time.Minute) { // still being computed
				break
			}
			r.drop(e)
			delete(r.entries, r.order[0])
		}
		r.order = r.order[1:]
	}
	for len(r.holding) > 0 && (r.bytes > replayBytes || r.entries[r.holding[0]] == nil) {
		if e := r.entries[r.holding[0]]; e != nil {
			r.drop(e)
		}
		r.holding = r.holding[1:]
	}
}

func (r *replay) drop(e *replayed) {
	r.bytes -= len(e.held)
	e.held = nil
}

// settle stores the answer of an entry. A failed request is forgotten: it may be tried again.
func (r *replay) settle(key replayKey, e *replayed, rec *evidence.Record, o *output, err error) {
	var held []byte
	if err == nil && len(rec.Body) <= replaySmall {
		held = pack(rec)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	done := e.done
	e.done = nil
	if o != nil {
		e.digest, e.media, e.terms = o.digest, o.media, o.terms
	}
	if e.err = err; err != nil {
		delete(r.entries, key)
	} else if e.held = held; held != nil {
		r.bytes += len(held)
		r.holding = append(r.holding, key)
	}
	close(done)
}

// answer returns what is known of a settled entry: the record if it is held.
func (r *replay) answer(e *replayed) (*evidence.Record, *output, error) {
	r.mu.Lock()
	held, o, err := e.held, &output{media: e.media, digest: e.digest, terms: e.terms}, e.err
	r.mu.Unlock()
	if err != nil || held == nil {
		return nil, o, err
	}
	rec, err := unpack(held)
	return rec, o, err
}

// restore puts back what is known of an answer given before a restart. Texts are hex.
func (r *replay) restore(key replayKey, content, digest string, at time.Time) {
	e := &replayed{at: at.UnixNano()}
	_, _ = hex.Decode(e.content[:], []byte(content))
	_, _ = hex.Decode(e.digest[:], []byte(digest))
	r.mu.Lock()
	defer r.mu.Unlock()
	r.entries[key] = e
	r.order = append(r.order, key)
}

// pack lays an answer out in one piece: length and bytes of the sealed fact, salt of the body, body.
func pack(rec *evidence.Record) []byte {
	b := make([]byte, 4, 1024+len(rec.Body))
	b = rec.Sealed.Encode(b)
	binary.BigEndian.PutUint32(b, uint32(len(b)-4)) //nolint:gosec // bounded by the format
	b = append(b, rec.BodySalt[:]...)
	return append(b, rec.Body...)
}

func unpack(b []byte) (*evidence.Record, error) {
	n := 4 + binary.BigEndian.Uint32(b)
	s, err := seal.DecodeSealed(b[4:n])
	if err != nil {
		return nil, err
	}
	rec := &evidence.Record{Sealed: s, Batch: s.Header.Number, Body: b[int(n)+seal.BodySaltSize:]}
	copy(rec.BodySalt[:], b[n:])
	return rec, nil
}
