package gateway

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/support/evidence"
)

// Event is an exchange that just ended at this node, as far as a board shows it: no person, no content.
type Event struct {
	Side   Side
	Member string // at the other end
	OK     bool
}

// live tells whoever looks of exchanges as they end. It keeps nothing: who comes late sees the counts.
type live struct {
	watched atomic.Int64
	mu      sync.Mutex
	all     map[chan Event]db.Scope
}

// liveBacklog is how many events wait for one who looks; more are left out, the counts have them.
const liveBacklog = 1024

// Live is the exchanges of the scope from now on, until the function is called.
func (g *Gateway) Live(sc db.Scope) (events <-chan Event, stop func()) {
	l, c := &g.live, make(chan Event, liveBacklog)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.all == nil {
		l.all = map[chan Event]db.Scope{}
	}
	l.all[c] = sc
	l.watched.Add(1)
	return c, sync.OnceFunc(func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.all, c)
		l.watched.Add(-1)
	})
}

// tell costs one comparison while nobody looks.
func (l *live) tell(department string, e Event) {
	if l.watched.Load() == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for c, sc := range l.all {
		if sc.All() || sc.Owns(department) {
			select {
			case c <- e:
			default:
			}
		}
	}
}

// Flow is how many exchanges of a side went between this node and a member.
type Flow struct {
	Side      Side
	Member    string
	Calls, OK int64
}

// Flows counts exchanges of the scope by side and member since the hour of a moment.
func (g *Gateway) Flows(ctx context.Context, sc db.Scope, since time.Time) ([]Flow, error) {
	ts, err := g.index.TalliesByMember(ctx, sc, evidence.TallyQuery{Kinds: []string{factClose, factServe}, Since: since})
	if err != nil {
		return nil, err
	}
	out := make([]Flow, len(ts))
	for i, t := range ts {
		out[i] = Flow{Side: Using, Member: t.Member, Calls: t.Calls, OK: t.OK}
		if t.Kind == factServe {
			out[i].Side = Providing
		}
	}
	return out, nil
}
