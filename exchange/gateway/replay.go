package gateway

import (
	"sync"
	"time"

	"github.com/kuayu/kuayu/support/evidence"
	"github.com/kuayu/kuayu/support/policy"
)

// replay remembers answers for as long as their requests are fresh: the same id with the same content gets the same
// answer and is metered once. Small answers are kept; after a restart, and for large ones, the digest is, and the
// answer is computed again and must match.
type replay struct {
	mu      sync.Mutex
	entries map[string]*replayed
	order   []string // by arrival
	bytes   int
}

type replayed struct {
	done    chan struct{} // closed when the answer is there
	content string        // hex hash of the request's body
	rec     *evidence.Record
	digest  string // of the answer, when rec was not kept
	media   string
	terms   *policy.Terms
	err     error
	at      time.Time
	size    int
}

// Bounds of the memory of answers.
const (
	replayBytes = 64 << 20
	replayKeep  = Life + 5*time.Second
	replaySmall = 256 << 10
)

func newReplay() *replay { return &replay{entries: map[string]*replayed{}} }

// enter returns the entry of a request, and whether it is new: then the caller computes the answer and calls settle.
func (r *replay) enter(key, content string, now time.Time) (*replayed, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.order) > 0 {
		e := r.entries[r.order[0]]
		if e != nil && now.Sub(e.at) < replayKeep && r.bytes < replayBytes {
			break
		}
		if e != nil {
			select {
			case <-e.done:
			default:
				if now.Sub(e.at) < time.Minute { // still being computed
					goto enough
				}
			}
			r.bytes -= e.size
			delete(r.entries, r.order[0])
		}
		r.order = r.order[1:]
	}
enough:
	if e := r.entries[key]; e != nil {
		return e, false
	}
	e := &replayed{done: make(chan struct{}), content: content, at: now}
	r.entries[key] = e
	r.order = append(r.order, key)
	return e, true
}

// settle stores the answer of an entry. A failed request is forgotten: it may be tried again.
func (r *replay) settle(key string, e *replayed, rec *evidence.Record, o *output, err error) {
	r.mu.Lock()
	if o != nil {
		e.digest, e.media, e.terms = o.digest, o.media, o.terms
	}
	if e.err = err; err != nil {
		delete(r.entries, key)
	} else {
		e.rec = rec
		e.size = len(rec.Body) + 1024
		if len(rec.Body) > replaySmall {
			kept := *rec
			kept.Body = nil
			e.rec, e.size = &kept, 1024
		}
		r.bytes += e.size
	}
	r.mu.Unlock()
	close(e.done)
}

// restore puts back what is known of an answer given before a restart.
func (r *replay) restore(key, content, digest string, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := &replayed{done: make(chan struct{}), content: content, digest: digest, at: at, size: 256}
	close(e.done)
	r.entries[key] = e
	r.order = append(r.order, key)
	r.bytes += e.size
}
