package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/exchange/catalog"
	"github.com/kuayu/kuayu/exchange/source"
	"github.com/kuayu/kuayu/internal/clock"
	"github.com/kuayu/kuayu/support/policy"
)

// Bounds of a source, so that one that hangs holds up nobody but those who ask it.
const (
	sourceSlots  = 128              // reads at once
	openTimeout  = 10 * time.Second // to open it
	readTimeout  = 25 * time.Second // of one read, below Life: the requester hears of it as an error of the source
	breakerTrips = 5                // timeouts in a row after which it is left alone
	breakerPause = 5 * time.Second  // for so long
	mountFresh   = 2 * time.Second  // how long what is mounted where is taken from memory
	servedIdle   = 10 * time.Minute // after which an agreement that nobody uses is forgotten
	sweepEvery   = time.Minute
)

// mounts are the sources this node reads, each opened once, on first use.
type mounts struct {
	clock clock.Clock
	open  func(context.Context, source.Spec) (source.Source, error)

	mu     sync.Mutex
	all    map[string]*mounted // by id of the source
	closed bool
}

func newMounts(c clock.Clock) *mounts {
	return &mounts{clock: c, open: source.Open, all: map[string]*mounted{}}
}

// mounted is one source under one specification.
type mounted struct {
	spec  string        // as JSON: another one is another source
	ready chan struct{} // closed when src and err are set
	src   source.Source
	err   error
	slots chan struct{}

	mu       sync.Mutex
	readers  int
	retired  bool // nobody new reads it: closed by the last reader
	timeouts int  // in a row
	until    time.Time
}

// get returns the opened source of a mount. It waits for nobody else's source, and for this one no longer than
// openTimeout and the context.
func (ms *mounts) get(ctx context.Context, m *catalog.Mount) (*mounted, error) {
	spec, err := json.Marshal(m.Source)
	if err != nil {
		return nil, fmt.Errorf("source: %w", err)
	}
	ms.mu.Lock()
	if ms.closed {
		ms.mu.Unlock()
		return nil, ErrSource.Because(errors.New("the gateway is closed"))
	}
	s := ms.all[m.ID]
	if s == nil || s.spec != string(spec) {
		if s != nil {
			_ = s.retire()
		}
		s = &mounted{spec: string(spec), ready: make(chan struct{}), slots: make(chan struct{}, sourceSlots)}
		ms.all[m.ID] = s
		go ms.opening(context.WithoutCancel(ctx), m, s)
	}
	ms.mu.Unlock()
	wait := time.NewTimer(openTimeout)
	defer wait.Stop()
	select {
	case <-s.ready:
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-wait.C:
		return nil, ErrSource.Because(fmt.Errorf("not open after %s", openTimeout))
	}
	if s.err != nil {
		return nil, ErrSource.Because(s.err)
	}
	return s, nil
}

// opening opens a source; one that can't be opened is forgotten, so that the next request tries again.
func (ms *mounts) opening(ctx context.Context, m *catalog.Mount, s *mounted) {
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	src, err := ms.open(ctx, m.Source)
	s.mu.Lock()
	s.src, s.err = src, err
	s.mu.Unlock()
	close(s.ready)
	if err != nil {
		ms.mu.Lock()
		if ms.all[m.ID] == s {
			delete(ms.all, m.ID)
		}
		ms.mu.Unlock()
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.closeUnused() // it may have been retired meanwhile
}

// close retires all of them; those that are being read are closed by their last reader.
func (ms *mounts) close() error {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	ms.closed = true
	var err error
	for _, s := range ms.all {
		err = errors.Join(err, s.retire())
	}
	return err
}

func (s *mounted) retire() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.retired = true
	return s.closeUnused()
}

// closeUnused is called with the lock held.
func (s *mounted) closeUnused() error {
	if !s.retired || s.readers > 0 || s.src == nil {
		return nil
	}
	src := s.src
	s.src = nil
	return src.Close()
}

// gone reports whether it was mounted anew under another specification.
func (s *mounted) gone() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.retired
}

// read executes a plan within the source's bounds. visit gets each batch's reader once; it must not keep it.
func (s *mounted) read(ctx context.Context, c clock.Clock, table string, p policy.Plan, visit func(array.RecordReader) error) error {
	select {
	case s.slots <- struct{}{}:
	default:
		return ErrSource.Because(fmt.Errorf("%d reads at once", sourceSlots))
	}
	defer func() { <-s.slots }()
	src, err := s.enter(c.Now())
	if err != nil {
		return err
	}
	short, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	err = readAll(short, src, table, p, visit)
	s.leave(c.Now(), err != nil && ctx.Err() == nil && short.Err() != nil)
	return err
}

func readAll(ctx context.Context, src source.Source, table string, p policy.Plan, visit func(array.RecordReader) error) error {
	rd, err := src.Read(ctx, table, p)
	if err != nil {
		return sourceError(err)
	}
	defer rd.Release()
	if err := visit(rd); err != nil {
		return err
	}
	if err := rd.Err(); err != nil {
		return sourceError(err)
	}
	return nil
}

func (s *mounted) enter(now time.Time) (source.Source, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.src == nil:
		return nil, ErrSource.Because(errors.New("it was mounted anew meanwhile"))
	case now.Before(s.until):
		return nil, ErrSource.Because(fmt.Errorf("%d timeouts in a row", breakerTrips))
	}
	s.readers++
	return s.src, nil
}

func (s *mounted) leave(now time.Time, late bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !late {
		s.timeouts = 0
	} else if s.timeouts++; s.timeouts >= breakerTrips {
		s.timeouts, s.until = breakerTrips-1, now.Add(breakerPause) // the next one tries; if it is late too, so is the pause
	}
	s.readers--
	_ = s.closeUnused()
}

// serving returns what is needed to serve an agreement, opening its source on first use. What is mounted behind a
// resource is looked up again after mountFresh: a new version of an entry may have moved it.
func (g *Gateway) serving(ctx context.Context, f *agreement.InForce) (*served, error) {
	now := g.clock.Now()
	g.mu.Lock()
	s := g.served[f.ID]
	g.mu.Unlock()
	if s != nil && s.hash != f.Hash {
		s = nil
	}
	if s != nil && now.Sub(s.checked) < mountFresh && !now.Before(s.checked) && !s.src.gone() {
		return s, nil
	}
	_, m, err := g.catalog.Mounted(ctx, f.Terms.Resource)
	if err != nil {
		return nil, err
	}
	src, err := g.mounts.get(ctx, m)
	if err != nil {
		return nil, err
	}
	next := &served{hash: f.Hash, mount: m, src: src, checked: now}
	if next.meter, err = g.meterOf(ctx, f); err != nil {
		return nil, err
	}
	if s != nil && s.src == src && s.mount.Table == m.Table {
		next.maskers = s.maskers
	} else {
		next.maskers = &maskers{all: map[string]*masker{}}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.served[f.ID] = next
	g.sweep(now)
	return next, nil
}

// sweep forgets agreements that were not used for a while, and the meters of days that are over. The lock is held.
func (g *Gateway) sweep(now time.Time) {
	if now.Sub(g.swept) < sweepEvery && !now.Before(g.swept) {
		return
	}
	g.swept = now
	for id, s := range g.served {
		if now.Sub(s.checked) >= servedIdle {
			delete(g.served, id)
		}
	}
	day := dayOf(now)
	for id, m := range g.meters {
		if g.served[id] == nil && m.over(day) {
			delete(g.meters, id)
		}
	}
}
