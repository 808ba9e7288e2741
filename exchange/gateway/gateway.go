package gateway

import (
	"log/slog"
	"sync"
	"time"

	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/exchange/catalog"
	"github.com/kuayu/kuayu/internal/clock"
	"github.com/kuayu/kuayu/internal/columnar"
	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/internal/ids"
	"github.com/kuayu/kuayu/internal/obs"
	"github.com/kuayu/kuayu/support/evidence"
	"github.com/kuayu/kuayu/support/peer"
	"github.com/kuayu/kuayu/support/protect"
)

// Deps are what the service needs.
type Deps struct {
	Self       string
	Clock      clock.Clock
	IDs        ids.Source
	Log        *evidence.Log
	Index      *evidence.Index
	Link       *peer.Link
	Agreements *agreement.Service
	Catalog    *catalog.Service
	Metrics    *obs.Metrics
	Logger     *slog.Logger
	Pseudonym  []byte // keys masks of kind hash
}

// Gateway is both sides of governed queries of one node.
type Gateway struct {
	self       string
	clock      clock.Clock
	ids        ids.Source
	log        *evidence.Log
	index      *evidence.Index
	link       *peer.Link
	agreements *agreement.Service
	catalog    *catalog.Service
	metrics    *obs.Metrics
	logger     *slog.Logger
	pseudonym  []byte
	mem        memory.Allocator

	replay *replay
	live   live

	mounts *mounts

	mu     sync.Mutex
	served map[string]*served // by agreement
	meters map[string]*meter  // by agreement: those that counted today
	swept  time.Time          // when both were looked through
}

// masker masks answers of one plan and encodes them.
type masker struct {
	*protect.Masker
	stream *columnar.StreamEncoder
}

// served is what the provider keeps in memory about an agreement it serves. It can be rebuilt at any time.
type served struct {
	hash    string // of the agreement's bytes: an amended one has other bounds
	mount   *catalog.Mount
	src     *mounted
	checked time.Time // when the mount was looked up
	meter   *meter
	maskers *maskers
}

// maskers are those of the plans asked for, by their columns.
type maskers struct {
	mu  sync.Mutex
	all map[string]*masker
}

// New wires the service.
func New(d Deps) *Gateway {
	return &Gateway{
		self: d.Self, clock: d.Clock, ids: d.IDs, log: d.Log, index: d.Index, link: d.Link, agreements: d.Agreements, catalog: d.Catalog,
		metrics: d.Metrics, logger: d.Logger, pseudonym: d.Pseudonym, mem: memory.NewGoAllocator(),
		replay: newReplay(), mounts: newMounts(d.Clock), served: map[string]*served{}, meters: map[string]*meter{},
	}
}

// Close closes the sources.
func (g *Gateway) Close() error { return g.mounts.close() }

func (g *Gateway) observe(side string, start time.Time, res *Result, err error) {
	outcome := "ok"
	if err != nil {
		outcome = errs.As(err).Code
	}
	g.metrics.Exchanges.WithLabelValues(side, outcome).Inc()
	g.metrics.Latency.WithLabelValues(side).Observe(time.Since(start).Seconds())
	if res != nil {
		g.metrics.Rows.WithLabelValues(side).Add(float64(res.Rows))
	}
}
