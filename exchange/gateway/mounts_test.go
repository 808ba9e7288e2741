package gateway

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/kuayu/kuayu/exchange/catalog"
	"github.com/kuayu/kuayu/exchange/source"
	"github.com/kuayu/kuayu/internal/clock"
	"github.com/kuayu/kuayu/support/policy"
)

// stub is a source of one empty table, or one that hangs until the context ends.
type stub struct {
	hangs  bool
	closed chan struct{}
}

func (s *stub) Discover(context.Context) ([]source.Table, error) { return nil, nil }
func (s *stub) Sample(context.Context, string, int) (arrow.RecordBatch, error) {
	return nil, errors.New("no rows")
}
func (s *stub) Close() error { close(s.closed); return nil }
func (s *stub) Read(ctx context.Context, _ string, _ policy.Plan) (array.RecordReader, error) {
	if s.hangs {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return array.NewRecordReader(arrow.NewSchema(nil, nil), nil)
}

func mountOf(id string) *catalog.Mount {
	return &catalog.Mount{ID: id, Source: source.Spec{Kind: "stub", Location: id}, Table: "t"}
}

func stubs(t *testing.T) (*mounts, map[string]*stub) {
	t.Helper()
	all := map[string]*stub{}
	for _, id := range []string{"good", "slow", "moved"} {
		all[id] = &stub{hangs: id == "slow", closed: make(chan struct{})}
	}
	ms := newMounts(clock.System{})
	ms.open = func(ctx context.Context, s source.Spec) (source.Source, error) {
		if all[s.Location] == nil { // one that never opens
			<-ctx.Done()
			return nil, ctx.Err()
		}
		return all[s.Location], nil
	}
	return ms, all
}

func nothing(array.RecordReader) error { return nil }

// TestHungSourceHoldsUpNobodyElse: neither one that never opens nor one whose reads never end.
func TestHungSourceHoldsUpNobodyElse(t *testing.T) {
	ms, _ := stubs(t)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 2)
	go func() { _, err := ms.get(ctx, mountOf("stopped")); ended <- err }()
	slow, err := ms.get(t.Context(), mountOf("slow"))
	if err != nil {
		t.Fatal(err)
	}
	go func() { ended <- slow.read(ctx, ms.clock, "t", policy.Plan{}, nothing) }()
	start := time.Now()
	for range 100 {
		good, err := ms.get(t.Context(), mountOf("good"))
		if err != nil {
			t.Fatal(err)
		}
		if err := good.read(t.Context(), ms.clock, "t", policy.Plan{}, nothing); err != nil {
			t.Fatal(err)
		}
	}
	if took := time.Since(start); took > time.Second {
		t.Errorf("a hundred reads beside hung sources took %s", took)
	}
	cancel()
	for range 2 {
		if err := <-ended; err == nil {
			t.Error("a hung source answered")
		}
	}
}

// TestHungSourceIsBounded: so many reads of it wait, the next one is refused at once.
func TestHungSourceIsBounded(t *testing.T) {
	ms, _ := stubs(t)
	s, err := ms.get(t.Context(), mountOf("slow"))
	if err != nil {
		t.Fatal(err)
	}
	for range sourceSlots {
		s.slots <- struct{}{}
	}
	if err := s.read(t.Context(), ms.clock, "t", policy.Plan{}, nothing); !errors.Is(err, ErrSource) {
		t.Errorf("one read too many: %v", err)
	}
}

// TestBreaker: after timeouts in a row a source is left alone for a while, then tried once.
func TestBreaker(t *testing.T) {
	s := &mounted{src: &stub{closed: make(chan struct{})}}
	now := time.Unix(1_800_000_000, 0)
	late := func(at time.Time, was bool) {
		if _, err := s.enter(at); err != nil {
			t.Fatal(err)
		}
		s.leave(at, was)
	}
	for range breakerTrips {
		late(now, true)
	}
	if _, err := s.enter(now.Add(breakerPause - 1)); !errors.Is(err, ErrSource) {
		t.Errorf("during the pause: %v", err)
	}
	late(now.Add(breakerPause), true)
	if _, err := s.enter(now.Add(breakerPause + 1)); !errors.Is(err, ErrSource) {
		t.Errorf("late once more after the pause: %v", err)
	}
	late(now.Add(2*breakerPause), false)
	late(now.Add(2*breakerPause), true)
}

// TestMountFollowsItsSpecification: a source registered anew is opened anew; the old one closes when its last read ends.
func TestMountFollowsItsSpecification(t *testing.T) {
	ms, all := stubs(t)
	m := mountOf("good")
	s, err := ms.get(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.enter(time.Now()); err != nil {
		t.Fatal(err)
	}
	m.Source.Location = "moved"
	moved, err := ms.get(t.Context(), m)
	if err != nil || moved == s {
		t.Fatalf("the old source: %v", err)
	}
	select {
	case <-all["good"].closed:
		t.Fatal("closed while it was being read")
	default:
	}
	s.leave(time.Now(), false)
	<-all["good"].closed
	if err := ms.close(); err != nil {
		t.Fatal(err)
	}
	<-all["moved"].closed
}
