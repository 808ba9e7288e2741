package node

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/kuayu/kuayu/internal/clock"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/httpx"
	"github.com/kuayu/kuayu/internal/supervise"
	"github.com/kuayu/kuayu/support/evidence"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/notice"
)

// The states of a node as /healthz says them.
const (
	HealthOK       = "ok"       // all is well
	HealthDegraded = "degraded" // it exchanges, and something needs looking after
	HealthStopped  = "stopped"  // it can't exchange: no evidence can be written, or the database is gone
)

// Health is what `kuayu status` and monitors read.
type Health struct {
	Status     string            `json:"status"`
	Troubles   []Trouble         `json:"troubles"`
	Member     string            `json:"member"`
	Version    string            `json:"version"`
	Members    int               `json:"members"`
	Batches    uint64            `json:"batches"`     // durable batches of evidence
	Logged     uint64            `json:"logged"`      // of them, under a checkpoint
	Cosigned   uint64            `json:"cosigned"`    // of them, seen by another member
	QueueDepth int               `json:"queue_depth"` // jobs that wait
	Dead       int               `json:"dead"`        // jobs that failed for good
	Parked     int               `json:"parked"`      // jobs of kinds that this version does not know
	Aside      int               `json:"aside"`       // facts that the index could not take
	Unindexed  uint64            `json:"unindexed"`   // durable batches that are not in the index yet: pages don't show them
	Behind     float64           `json:"behind"`      // seconds since the oldest of them was sealed
	Tasks      []supervise.State `json:"tasks"`
	Seen       []evidence.Seen   `json:"seen"` // other members' logs
}

// Trouble is one thing that keeps a node from being well.
type Trouble struct {
	Part  string `json:"part"` // evidence, database, clock, task, jobs, aside, index
	Text  string `json:"text"` // for the operator: causes included
	stops bool
}

// Health reads the node's state. What can't be read is a trouble itself, never an error.
func (n *Node) Health(ctx context.Context) *Health {
	h := &Health{
		Status: HealthOK, Troubles: []Trouble{}, Member: n.Config.Member, Version: Version, Members: len(n.Directory.Current().Members),
		Batches: n.Log.Durable(), Tasks: n.Tasks.States(), Seen: []evidence.Seen{},
	}
	if cp := n.Tlog.Latest(); cp != nil {
		h.Logged = cp.Size
	}
	if cp := n.Tlog.Cosigned(); cp != nil {
		h.Cosigned = cp.Size
	}
	if err := n.Log.Trouble(); err != nil {
		h.trouble(Trouble{"evidence", err.Error(), true})
	}
	if g, ok := n.Clock.(*clock.Guard); ok {
		if off := g.Jump(); off != 0 {
			h.trouble(Trouble{"clock", fmt.Sprintf("the machine's clock jumped by %v and is not followed; correct it, or restart the node if it is right now", off.Round(time.Second)), false})
		}
	}
	for _, t := range h.Tasks {
		if !t.Up {
			h.trouble(Trouble{"task", t.Name + ": " + t.Error, false})
		}
	}
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	if err := n.healthOfRecords(ctx, h); err != nil {
		h.trouble(Trouble{"database", err.Error(), true})
	}
	return h
}

// healthTimeout is how long a database may take to answer before it counts as gone.
const healthTimeout = 3 * time.Second

// longBehind is how far the index may lag before the operator hears of it.
const longBehind = 5 * time.Minute

// healthOfRecords fills in what the databases know.
func (n *Node) healthOfRecords(ctx context.Context, h *Health) error {
	var err error
	if h.QueueDepth, err = n.Queue.Depth(ctx); err != nil {
		return err
	}
	if h.Dead, err = n.Queue.DeadCount(ctx); err != nil {
		return err
	}
	parked, err := n.Queue.ParkedKinds(ctx)
	if err != nil {
		return err
	}
	for _, count := range parked {
		h.Parked += count
	}
	if h.Dead+h.Parked > 0 {
		h.trouble(Trouble{"jobs", "jobs failed for good or are of kinds that this version does not know: kuayu job list", false})
	}
	if h.Aside, err = n.Index.AsideCount(ctx); err != nil {
		return err
	}
	if h.Aside > 0 {
		h.trouble(Trouble{"aside", "facts were set aside by the index: kuayu evidence fsck", false})
	}
	lag, err := n.Index.Behind(ctx)
	if err != nil {
		return err
	}
	if h.Unindexed, h.Behind = lag.Batches, lag.For.Seconds(); lag.For > longBehind {
		h.trouble(Trouble{"index", fmt.Sprintf("pages lag: facts of the last %v are not in the index yet", lag.For.Round(time.Second)), false})
	}
	h.Seen, err = n.Witness.List(ctx)
	return err
}

func (h *Health) trouble(t Trouble) {
	h.Troubles = append(h.Troubles, t)
	switch {
	case t.stops:
		h.Status = HealthStopped
	case h.Status == HealthOK:
		h.Status = HealthDegraded
	}
}

func (n *Node) serveHealth(w http.ResponseWriter, r *http.Request) {
	httpx.WriteJSON(w, r, http.StatusOK, n.Health(r.Context()))
}

// serveHealthz is serveHealth for monitors that look at the status line: 503 while the node can't exchange.
func (n *Node) serveHealthz(w http.ResponseWriter, r *http.Request) {
	h, status := n.Health(r.Context()), http.StatusOK
	if h.Status == HealthStopped {
		status = http.StatusServiceUnavailable
	}
	httpx.WriteJSON(w, r, status, h)
}

// taskFailed counts a failure of a background task. The operators are notified of one that goes on failing, once until it
// runs again.
func (n *Node) taskFailed(ctx context.Context, s supervise.State) {
	n.Metrics.Failures.WithLabelValues(s.Name).Inc()
	if s.InARow != supervise.Persistent {
		return
	}
	x := notice.Notice{Kind: notice.NodeTrouble, Subject: "task/" + s.Name, Link: "/jobs", Roles: []identity.Role{identity.Operator}}
	err := n.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		return n.Notices.Put(ctx, tx, db.System("node"), x, notice.Params{Text: s.Name})
	})
	if err != nil { // the database may be what is wrong: /healthz says it
		n.Logger.WarnContext(ctx, "operators not notified", "task", s.Name, "error", err)
	}
}
