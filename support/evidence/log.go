package evidence

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sort"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kuayu/kuayu/internal/clock"
	"github.com/kuayu/kuayu/internal/disk"
	"github.com/kuayu/kuayu/support/seal"
)

// Draft is a fact to be sealed.
type Draft struct {
	Kind   string     // what happened: "query.open", "agreement.revoked"
	ID     string     // idempotency id: the same act drafted twice has the same ID
	Time   time.Time  // zero: now
	Actor  seal.Actor // who
	Header []byte     // shown with the fact: a small canonical JSON object
	Body   []byte     // private; nil for none; at most seal.MaxBody bytes unless detached
	// Detached: the fact commits to the body, but the body is not kept here (an answer's rows belong to whoever asked).
	Detached bool
}

// Config is what a Log needs. Dir, Key and Log are required.
type Config struct {
	Dir   string // folder of this epoch
	FS    disk.FS
	Key   *seal.PrivateKey
	Log   seal.Log
	Clock clock.Clock
	Rand  io.Reader
	// MaxGap is the longest pause between flushes under load; 0 means DefaultGap.
	MaxGap time.Duration
	// SegmentBytes is the size of a segment; 0 means the default.
	SegmentBytes int
}

// DefaultGap is the pause between flushes under load: what gathers in it shares one signature and one fdatasync.
const DefaultGap = 800 * time.Microsecond

// fillPause is the rest between chunks of 128 KiB while the next segment is filled.
const fillPause = 4 * time.Millisecond

// What the pause grows by: a lone caller is never made to wait, a loaded node waits up to MaxGap, and where flushes are
// quick never longer than a few of them take. See docs/performance.md for the measurements behind it.
const (
	gapPerFact     = 60 * time.Microsecond
	gapPerExchange = 150 * time.Microsecond
	gapPerFlush    = 8
)

// Stats are counters of a log since it was opened.
type Stats struct {
	Facts, Batches, Flushes, Bytes uint64
}

// Log is the write side of one epoch of one instance's evidence. Safe for concurrent use.
type Log struct {
	cfg Config
	dir string // of the segments

	mu     sync.Mutex
	cur    *pending
	failed error
	closed bool

	wake  chan struct{} // 1-buffered: there is something to flush
	grown chan struct{} // closed and replaced after each flush; guarded by mu

	// owned by the flusher
	file      disk.File
	segment   int
	off       int64
	next      uint64 // number of the next batch
	prev      seal.Hash
	lastStart time.Time
	buf       []byte // of the batch being written
	dirty     int64  // bytes behind off that a failed write may have left
	ewma      float64
	flushTime time.Duration // a moving average of what a flush takes, signature included

	marks   []mark        // where every markEvery-th batch begins; guarded by mu
	busy    atomic.Int64  // exchanges under way
	erasing sync.Mutex    // held while a frame is destroyed
	spare   atomic.Bool   // the next segment is prepared
	wanted  chan struct{} // 1-buffered: prepare the next segment
	durable atomic.Uint64 // batches durable
	facts   atomic.Uint64
	flushes atomic.Uint64
	bytes   atomic.Uint64
}

// mark says where a batch begins, so that readers need not walk from the first one.
type mark struct {
	number  uint64
	segment int
	off     int64
}

const markEvery = 64

func (l *Log) mark(number uint64, segment int, off int64) {
	if number%markEvery != 0 {
		return
	}
	l.mu.Lock()
	l.marks = append(l.marks, mark{number, segment, off})
	l.mu.Unlock()
}

// markBefore returns the last mark at or before a batch.
func (l *Log) markBefore(number uint64) mark {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := sort.Search(len(l.marks), func(i int) bool { return l.marks[i].number > number })
	if i == 0 {
		return mark{}
	}
	return l.marks[i-1]
}

// pending is the batch being gathered.
type pending struct {
	facts   []storedFact
	commits []seal.Hash
	size    int
	done    chan struct{}
	full    chan struct{} // closed when MaxBatch is reached
	// set before done is closed
	err   error
	entry *seal.Entry
	tree  *seal.Tree
}

func newPending() *pending {
	return &pending{done: make(chan struct{}), full: make(chan struct{})}
}

// OpenLog opens or creates the log in cfg.Dir and recovers it: an incomplete batch at the end of the last segment was
// never acknowledged and is cut off; damage anywhere else is ErrCorrupt. Call Run to make Seal work.
func OpenLog(cfg Config) (*Log, error) {
	if cfg.FS == nil {
		cfg.FS = disk.OS{}
	}
	if cfg.Clock == nil {
		cfg.Clock = clock.System{}
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Reader
	}
	if cfg.SegmentBytes == 0 {
		cfg.SegmentBytes = segmentSize
	}
	if cfg.MaxGap == 0 {
		cfg.MaxGap = DefaultGap
	}
	l := &Log{
		cfg: cfg, dir: filepath.Join(cfg.Dir, "segments"), cur: newPending(),
		wake: make(chan struct{}, 1), wanted: make(chan struct{}, 1), grown: make(chan struct{}),
	}
	if err := cfg.FS.MkdirAll(l.dir); err != nil {
		return nil, fmt.Errorf("evidence folder: %w", err)
	}
	if err := l.recover(); err != nil {
		return nil, err
	}
	return l, nil
}

// recover finds the end of the log and cuts off what was never acknowledged.
func (l *Log) recover() error {
	if err := l.finishErase(); err != nil {
		return err
	}
	n, err := listSegments(l.cfg.FS, l.dir)
	if err != nil {
		return err
	}
	err = walk(l.cfg.FS, l.dir, func(s *stored) (bool, error) {
		h := s.entry.Header
		if h.Number != l.next || h.Prev != l.prev || h.Log != l.cfg.Log {
			return false, ErrCorrupt.With(fmt.Sprintf("segment %08d.seg, offset %d: batch %d does not follow batch %d", s.segment, s.off, h.Number, l.next))
		}
		l.mark(h.Number, s.segment, s.off)
		l.next, l.prev = h.Number+1, s.entry.Root()
		l.segment, l.off = s.segment, s.end
		return true, nil
	})
	var torn *tornError
	switch {
	case errors.As(err, &torn):
		err = l.cut(torn, n)
	case err != nil:
		return err
	case n > 0 && l.segment < n-1: // a new, still empty segment
		l.segment, l.off = n-1, 0
		err = l.tail(n)
	default:
		err = l.tail(n)
	}
	if err != nil {
		return err
	}
	l.durable.Store(l.next)
	if n == 0 {
		return l.openSegment(0)
	}
	l.file, err = l.cfg.FS.Open(segmentName(l.dir, l.segment), false)
	return err
}

// cut clears what a torn write left behind in the last segment, unless something durable follows it.
func (l *Log) cut(torn *tornError, n int) error {
	if torn.segment != n-1 {
		return ErrCorrupt.Because(torn, torn.Error())
	}
	f, err := l.cfg.FS.Open(segmentName(l.dir, torn.segment), false)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	size, err := f.Size()
	if err != nil {
		return err
	}
	if laterBatch(f, torn.off, size) {
		return ErrCorrupt.Because(torn, torn.Error())
	}
	if _, err := f.WriteAt(make([]byte, size-torn.off), torn.off); err != nil {
		return fmt.Errorf("cut torn batch: %w", err)
	}
	l.segment, l.off = torn.segment, torn.off
	return f.Datasync()
}

// tail checks that nothing follows the last batch of the last segment: what does is the rest of a torn write whose
// beginning was lost.
func (l *Log) tail(n int) error {
	if n == 0 {
		return nil
	}
	name := segmentName(l.dir, l.segment)
	f, err := l.cfg.FS.Open(name, false)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	size, err := f.Size()
	if err != nil || zeros(f, l.off, size) {
		return err
	}
	return l.cut(&tornError{segment: l.segment, off: l.off, cause: errTorn, name: filepath.Base(name)}, n)
}

// openSegment begins segment n: the spare one if it is ready, a new one otherwise.
func (l *Log) openSegment(n int) error {
	name, spare := segmentName(l.dir, n), filepath.Join(l.dir, nextSegment)
	if l.spare.Swap(false) {
		if err := l.cfg.FS.Rename(spare, name); err != nil {
			return fmt.Errorf("next segment: %w", err)
		}
	} else if err := fill(l.cfg.FS, name, l.cfg.SegmentBytes, 0); err != nil {
		return err
	}
	if err := l.cfg.FS.SyncDir(l.dir); err != nil {
		return err
	}
	f, err := l.cfg.FS.Open(name, false)
	if err != nil {
		return err
	}
	if l.file != nil {
		_ = l.file.Close()
	}
	l.file, l.segment, l.off = f, n, 0
	return nil
}

// prepare keeps one spare segment ready until ctx ends, so that the flusher never fills one itself under load.
func (l *Log) prepare(ctx context.Context) {
	for {
		if !l.spare.Load() {
			if err := fill(l.cfg.FS, filepath.Join(l.dir, nextSegment), l.cfg.SegmentBytes, fillPause); err != nil {
				select { // the flusher will meet the same trouble and say so
				case <-ctx.Done():
					return
				case <-time.After(repairPause):
					continue
				}
			}
			l.spare.Store(true)
		}
		select {
		case <-ctx.Done():
			return
		case <-l.wanted:
		}
	}
}

// ID returns which log this is.
func (l *Log) ID() seal.Log { return l.cfg.Log }

// Key returns the public key of the log.
func (l *Log) Key() seal.PublicKey { return l.cfg.Key.Public() }

// Durable is the number of batches that are durable.
func (l *Log) Durable() uint64 { return l.durable.Load() }

// Stats returns the counters.
func (l *Log) Stats() Stats {
	return Stats{Facts: l.facts.Load(), Batches: l.flushes.Load(), Flushes: l.flushes.Load(), Bytes: l.bytes.Load()}
}

// Seal records the draft and returns when it is durable.
// ErrDown when evidence cannot be written; then nothing may be acknowledged.
func (l *Log) Seal(ctx context.Context, d Draft) (*Record, error) {
	if len(d.Body) > seal.MaxBody && !d.Detached {
		return nil, ErrTooLarge.With()
	}
	var salts [seal.HashSize + seal.BodySaltSize]byte
	if _, err := io.ReadFull(l.cfg.Rand, salts[:]); err != nil {
		return nil, ErrDown.Because(err)
	}
	if d.Time.IsZero() {
		d.Time = l.cfg.Clock.Now()
	}
	suite := l.cfg.Key.Public().Suite
	f := seal.Fact{Suite: suite, Log: l.cfg.Log, Kind: d.Kind, Time: d.Time, Actor: d.Actor, ID: d.ID, Header: d.Header}
	sf := storedFact{}
	copy(sf.salt[:], salts[:])
	var bodySalt [seal.BodySaltSize]byte
	if d.Body != nil {
		copy(bodySalt[:], salts[seal.HashSize:])
		f.BodyHash = suite.Body(bodySalt, d.Body)
		if !d.Detached {
			sf.hasBody, sf.body, sf.bodySalt = true, d.Body, bodySalt
		}
	}
	if err := f.Check(); err != nil {
		return nil, err
	}
	h, err := HeaderOf(&f)
	if err != nil {
		return nil, err
	}
	if err := CheckText(&f, &h); err != nil {
		return nil, err
	}
	sf.fact = f.Encode(make([]byte, 0, 256+len(d.Header)))
	p, i, err := l.enqueue(sf, suite.Commit(sf.salt, sf.fact))
	if err != nil {
		return nil, err
	}
	select {
	case <-p.done:
	case <-ctx.Done():
		return nil, ctx.Err() // the fact may still become durable; nobody was told so
	}
	if p.err != nil {
		return nil, p.err
	}
	r := &Record{
		Sealed: &seal.Sealed{
			Fact: sf.fact, Salt: sf.salt, Header: p.entry.Header, Signature: p.entry.Signature,
			Index: uint32(i), Path: p.tree.Path(i), //nolint:gosec // bounded by MaxBatch
		},
		Batch: p.entry.Header.Number,
	}
	r.BodySalt, r.Body = bodySalt, d.Body
	return r, nil
}

func (l *Log) enqueue(f storedFact, c seal.Hash) (*pending, int, error) {
	l.mu.Lock()
	for l.failed == nil && !l.closed && len(l.cur.facts) >= seal.MaxBatch {
		grown := l.grown
		l.mu.Unlock()
		<-grown
		l.mu.Lock()
	}
	if l.failed != nil || l.closed {
		err := l.failed
		l.mu.Unlock()
		return nil, 0, ErrDown.Because(err)
	}
	p := l.cur
	i := len(p.facts)
	p.facts = append(p.facts, f)
	p.commits = append(p.commits, c)
	p.size += len(f.fact) + len(f.body) + frameHead + 64
	if i+1 == seal.MaxBatch {
		close(p.full)
	}
	l.mu.Unlock()
	if i == 0 {
		select {
		case l.wake <- struct{}{}:
		default:
		}
	}
	return p, i, nil
}

// Run flushes batches until ctx ends; then it flushes what is pending and refuses more. When a batch can't be written (no
// space, no file handles) it is refused and everything after it, until writing works again: nothing of it counts, and
// whatever was acknowledged before is as durable as it was.
func (l *Log) Run(ctx context.Context) error {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	var spare sync.WaitGroup
	pctx, stop := context.WithCancel(ctx)
	spare.Go(func() { l.prepare(pctx) })
	defer func() { stop(); spare.Wait() }()
	for {
		select {
		case <-l.wake:
		case <-ctx.Done():
			return l.close()
		}
		if wait := l.gap() - time.Since(l.lastStart); wait > 0 {
			l.mu.Lock()
			full := l.cur.full
			l.mu.Unlock()
			timer.Reset(wait)
			select {
			case <-timer.C:
			case <-full:
			case <-ctx.Done():
				return l.close()
			}
		}
		if l.flush() != nil && !l.repaired(ctx) {
			return l.close()
		}
	}
}

// repairPause is the pause between attempts to write again.
const repairPause = 250 * time.Millisecond

// repaired waits until a batch can be written again; false if ctx ended before.
func (l *Log) repaired(ctx context.Context) bool {
	t := time.NewTicker(repairPause)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-t.C:
		}
		if l.repair() == nil {
			l.mu.Lock()
			l.failed = nil
			l.mu.Unlock()
			return true
		}
	}
}

// errNoSpare says that the next segment is not there yet.
var errNoSpare = errors.New("no space for the next segment")

// repair clears what a failed write may have left, so that nothing of it is ever read, and looks whether there is space
// ahead: the spare segment.
func (l *Log) repair() error {
	if l.dirty > 0 {
		if _, err := l.file.WriteAt(make([]byte, l.dirty), l.off); err != nil {
			return fmt.Errorf("clear failed batch: %w", err)
		}
	}
	if err := l.file.Datasync(); err != nil {
		return fmt.Errorf("clear failed batch: %w", err)
	}
	l.dirty = 0
	if !l.spare.Load() {
		select {
		case l.wanted <- struct{}{}:
		default:
		}
		return errNoSpare
	}
	return nil
}

// Trouble is why nothing can be sealed right now; nil if all is well.
func (l *Log) Trouble() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.failed
}

// Busy tells the log how many exchanges are under way that will want facts sealed: +1 at the beginning of each, -1 at
// its end. Where many are, a flush that waits a little serves several of them.
func (l *Log) Busy(delta int64) { l.busy.Add(delta) }

// gap is the pause between the starts of two flushes: none for a lone caller, growing with the size of recent batches
// and with the exchanges under way. Exchanges under way grow with the pause (Little's law), so it must grow by little for
// each: with 1 ms it was the whole pause at any load.
func (l *Log) gap() time.Duration {
	byFacts := time.Duration((l.ewma - 1.5) * float64(gapPerFact))
	byBusy := time.Duration(l.busy.Load()-2) * gapPerExchange
	return max(0, min(max(byFacts, byBusy), l.cfg.MaxGap, gapPerFlush*l.flushTime))
}

func (l *Log) close() error {
	err := l.flush()
	l.mu.Lock()
	l.closed = true
	p := l.cur
	close(l.grown)
	l.grown = make(chan struct{})
	l.mu.Unlock()
	p.err = ErrDown.With()
	close(p.done)
	return errors.Join(err, l.file.Close())
}

// flush makes the pending batch durable. After an error the log refuses everything until repair succeeds.
func (l *Log) flush() error {
	l.lastStart = time.Now()
	l.mu.Lock()
	p := l.cur
	if len(p.facts) == 0 {
		l.mu.Unlock()
		return nil
	}
	l.cur = newPending()
	close(l.grown)
	l.grown = make(chan struct{})
	l.mu.Unlock()

	p.err = l.write(p)
	if p.err != nil {
		l.mu.Lock()
		l.failed = p.err
		later := l.cur
		l.cur = newPending()
		close(l.grown) // whoever waits for a place learns that there is none
		l.grown = make(chan struct{})
		l.mu.Unlock()
		later.err = ErrDown.Because(p.err)
		close(later.done)
		p.err = ErrDown.Because(p.err)
	}
	close(p.done)
	l.ewma = 0.8*l.ewma + 0.2*float64(len(p.facts))
	l.flushTime = (7*l.flushTime + time.Since(l.lastStart)) / 8
	return p.err
}

func (l *Log) write(p *pending) error {
	h := seal.Header{Log: l.cfg.Log, Number: l.next, Time: l.cfg.Clock.Now(), Prev: l.prev}
	entry, tree, err := seal.NewEntry(l.cfg.Key, h, p.commits)
	if err != nil {
		return fmt.Errorf("sign batch: %w", err)
	}
	if need := p.size + len(p.commits)*seal.HashSize + 512; cap(l.buf) < need || cap(l.buf) > 4*need && cap(l.buf) > 1<<20 {
		l.buf = make([]byte, 0, need)
	}
	buf := l.buf[:0]
	buf = appendFrame(buf, frameEntry, entry.Encode(nil))
	for i := range p.facts {
		buf = appendFact(buf, &p.facts[i])
	}
	if l.off > 0 && l.off+int64(len(buf)) > int64(l.cfg.SegmentBytes) {
		if err := l.openSegment(l.segment + 1); err != nil {
			return err
		}
		select {
		case l.wanted <- struct{}{}:
		default:
		}
	}
	l.dirty = int64(len(buf))
	if _, err := l.file.WriteAt(buf, l.off); err != nil {
		return fmt.Errorf("write batch: %w", err)
	}
	if err := l.file.Datasync(); err != nil {
		return fmt.Errorf("flush batch: %w", err)
	}
	l.dirty = 0
	l.mark(l.next, l.segment, l.off)
	l.off += int64(len(buf))
	l.next, l.prev = l.next+1, tree.Root()
	p.entry, p.tree = entry, tree
	l.durable.Store(l.next)
	l.flushes.Add(1)
	l.facts.Add(uint64(len(p.facts)))
	l.bytes.Add(uint64(len(buf)))
	return nil
}

// Replay calls visit for every fact from batch number `from` on, in order, erased ones left out. Bodies included.
func (l *Log) Replay(from uint64, visit func(*Record) error) error {
	end := l.Durable()
	return l.scan(from, func(s *stored) (bool, error) {
		if s.entry.Header.Number >= end {
			return false, nil
		}
		t := seal.NewTree(s.entry.Header.Suite, s.entry.Commitments)
		for i := range s.facts {
			if r := s.record(i, t); r != nil {
				if err := visit(r); err != nil {
					return false, err
				}
			}
		}
		return true, nil
	})
}

// scan walks batches from a number on. The tail that is being written right now may read as torn; it ends the scan.
func (l *Log) scan(from uint64, visit func(*stored) (bool, error)) error {
	return l.scanWith(from, false, visit)
}

// scanBriefly is scan for readers that keep nothing of what they are shown.
func (l *Log) scanBriefly(from uint64, visit func(*stored) (bool, error)) error {
	return l.scanWith(from, true, visit)
}

func (l *Log) scanWith(from uint64, brief bool, visit func(*stored) (bool, error)) error {
	at := l.markBefore(from)
	err := walkWith(l.cfg.FS, l.dir, at.segment, at.off, brief, func(s *stored) (bool, error) {
		if s.entry.Header.Number < from {
			return true, nil
		}
		return visit(s)
	})
	var torn *tornError
	if errors.As(err, &torn) {
		n, lerr := listSegments(l.cfg.FS, l.dir)
		if lerr == nil && torn.segment == n-1 {
			return nil
		}
	}
	return err
}

// Get returns one fact. ErrNoFact if there is none at that place, ErrErased if its content was destroyed.
func (l *Log) Get(batch uint64, index int) (*Record, error) {
	var found *Record
	err := l.scan(batch, func(s *stored) (bool, error) {
		if s.entry.Header.Number != batch || index < 0 || index >= len(s.facts) {
			return false, ErrNoFact.With()
		}
		found = s.record(index, seal.NewTree(s.entry.Header.Suite, s.entry.Commitments))
		if found == nil {
			return false, ErrErased.With()
		}
		return false, nil
	})
	if err == nil && found == nil {
		err = ErrNoFact.With()
	}
	return found, err
}

// getEntry reads the fact an index entry points to, from the epoch it belongs to, and checks that it is that fact.
func (l *Log) getEntry(e *Entry) (*Record, error) {
	batch, leaf := uint64(e.Batch), int(e.Leaf) //nolint:gosec // never negative
	read := l.Get
	if uint32(e.Epoch) != l.cfg.Log.Epoch { //nolint:gosec // small
		read = l.getEarlier(uint32(e.Epoch)) //nolint:gosec // small
	}
	r, err := read(batch, leaf)
	if err != nil {
		return nil, err
	}
	f, err := r.Fact()
	if err != nil {
		return nil, err
	}
	if name := f.ID + "#" + f.Kind; e.ID != name && e.ID != fmt.Sprintf("%s#%d", name, f.Time.UnixMicro()) {
		return nil, ErrNoFact.With()
	}
	return r, nil
}

// getEarlier reads from the segments of an earlier epoch, which are beside this one's and no longer written.
func (l *Log) getEarlier(epoch uint32) func(uint64, int) (*Record, error) {
	dir := filepath.Join(filepath.Dir(l.cfg.Dir), fmt.Sprintf("e%04d", epoch), "segments")
	return func(batch uint64, index int) (*Record, error) {
		var found *Record
		err := walk(l.cfg.FS, dir, func(s *stored) (bool, error) {
			if s.entry.Header.Number < batch {
				return true, nil
			}
			if s.entry.Header.Number == batch && index < len(s.facts) {
				if found = s.record(index, seal.NewTree(s.entry.Header.Suite, s.entry.Commitments)); found == nil {
					return false, ErrErased.With()
				}
			}
			return false, nil
		})
		if err == nil && found == nil {
			err = ErrNoFact.With()
		}
		return found, err
	}
}

// Erase destroys the content of one fact in place: salt, fact and body become zeros. The commitment in the public log
// stays and opens to nothing. The act of erasing is itself a fact, sealed before the first byte is touched.
func (l *Log) Erase(ctx context.Context, batch uint64, index int, why Draft) (*Record, error) {
	var at storedFact
	var seg int
	err := l.scan(batch, func(s *stored) (bool, error) {
		if s.entry.Header.Number != batch || index < 0 || index >= len(s.facts) {
			return false, ErrNoFact.With()
		}
		at, seg = s.facts[index], s.segment
		return false, nil
	})
	if err != nil {
		return nil, err
	}
	if at.size == 0 {
		return nil, ErrNoFact.With()
	}
	rec, err := l.Seal(ctx, why)
	if err != nil {
		return nil, err
	}
	return rec, l.destroy(seg, at.off, at.size)
}
