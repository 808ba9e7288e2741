package demo

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/exchange/gateway"
	"github.com/kuayu/kuayu/exchange/search"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/node"
	"github.com/kuayu/kuayu/support/deadline"
	"github.com/kuayu/kuayu/support/evidence"
	"github.com/kuayu/kuayu/support/federation"
	"github.com/kuayu/kuayu/support/peer"
	"github.com/kuayu/kuayu/support/policy"
)

type cursor struct {
	Member, Subject, Direction string
	Seq                        int64
}

// cursorsOf reads how far messages have come, in and out.
func cursorsOf(t *testing.T, d *db.DB) []cursor {
	t.Helper()
	var out []cursor
	if err := d.Read().NewRaw("SELECT member, subject, direction, seq FROM peer_order").Scan(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// remains is what a node has after the power came back.
type remains struct {
	states     map[string]agreement.State // by negotiation
	agreements map[string]string          // bytes by agreement
	cursors    map[string]int64
	facts      map[string]bool // id#kind
}

// powerCheck recovers both nodes from an image and compares them with what was acknowledged.
type powerCheck struct {
	t         *testing.T
	dir, what string
}

func (c *powerCheck) bad(format string, args ...any) {
	c.t.Helper()
	c.t.Errorf("%s: %s", c.what, fmt.Sprintf(format, args...))
}

func (c *powerCheck) run(said []string) {
	c.t.Helper()
	nodes := map[string]*remains{}
	for _, name := range []string{"shanghai", "zhejiang"} {
		r, err := c.recover(name)
		if err != nil {
			c.bad("%s does not recover: %v", name, err)
			return
		}
		nodes[name] = r
	}
	for _, line := range said {
		c.acknowledged(nodes, strings.Fields(line))
	}
	// Nothing can have arrived that its sender does not know it sent.
	for key, in := range nodes["zhejiang"].cursors {
		c.sent("zhejiang", key, in, "shanghai", nodes["shanghai"])
	}
	for key, in := range nodes["shanghai"].cursors {
		c.sent("shanghai", key, in, "zhejiang", nodes["zhejiang"])
	}
	for id, b := range nodes["shanghai"].agreements {
		if nodes["zhejiang"].agreements[id] != b {
			c.bad("the two ends hold different bytes of agreement %s", id)
		}
	}
}

func (c *powerCheck) sent(at, key string, seq int64, from string, sender *remains) {
	subject, ok := strings.CutPrefix(key, "in "+from+" ")
	if ok && sender.cursors["out "+at+" "+subject] < seq {
		c.bad("%s took message %d of %s, which %s does not know", at, seq, subject, from)
	}
}

// acknowledged checks one acknowledgement.
func (c *powerCheck) acknowledged(nodes map[string]*remains, f []string) {
	c.t.Helper()
	order := agreement.States()
	switch f[0] {
	case "state":
		got, ok := nodes[f[1]].states[f[2]]
		if !ok || slices.Index(order, got) < slices.Index(order, agreement.State(f[3])) {
			c.bad("negotiation %s at %s was acknowledged as %s and is %q", f[2], f[1], f[3], got)
		}
	case "agreement":
		for _, name := range []string{"shanghai", "zhejiang"} {
			if nodes[name].agreements[f[1]] == "" {
				c.bad("%s lost the bytes of agreement %s", name, f[1])
			}
		}
	case "query":
		if !nodes["shanghai"].facts[f[1]+"#query.open"] || !nodes["shanghai"].facts[f[1]+"#query.close"] || !nodes["zhejiang"].facts[f[1]+"#query.serve"] {
			c.bad("evidence of query %s is lost", f[1])
		}
	case "cursor":
		want, err := strconv.ParseInt(f[5], 10, 64)
		if got := nodes[f[1]].cursors[strings.Join(f[2:5], " ")]; err != nil || got < want {
			c.bad("cursor %v is back at %d", f[1:], got)
		}
	case "dir", "end":
	default:
		c.bad("unknown acknowledgement %v", f)
	}
}

// recover opens a node's databases and evidence as a start does, and checks that they are sound.
func (c *powerCheck) recover(name string) (*remains, error) {
	c.t.Helper()
	ctx := c.t.Context()
	dir := filepath.Join(c.dir, name)
	conf, err := node.LoadConfig(dir)
	if err != nil {
		return nil, err
	}
	keys, err := federation.LoadKeys(filepath.Join(dir, "keys"))
	if err != nil {
		return nil, err
	}
	r := &remains{states: map[string]agreement.State{}, agreements: map[string]string{}, cursors: map[string]int64{}, facts: map[string]bool{}}
	for _, file := range []string{"records.db", "index.db"} {
		d, err := db.Open(ctx, filepath.Join(dir, file))
		if err != nil {
			return nil, err
		}
		var sound []string
		err = d.Read().NewRaw("PRAGMA integrity_check").Scan(ctx, &sound)
		if err == nil && (len(sound) != 1 || sound[0] != "ok") {
			c.bad("%s of %s: %v", file, name, sound)
		}
		if err == nil && file == "records.db" {
			defer func() { _ = d.Close() }()
			err = r.records(c.t, d)
			defer c.outbox(ctx, name, d, r)
		} else {
			_ = d.Close()
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
	}
	id := node.LogOf(&conf, node.Epoch(dir))
	ev := node.EvidenceDir(dir, node.Epoch(dir))
	l, err := evidence.OpenLog(evidence.Config{Dir: ev, Key: keys.EvidenceKey(id.Epoch), Log: id})
	if err != nil {
		return nil, err
	}
	err = l.Replay(0, func(rec *evidence.Record) error {
		f, err := rec.Fact()
		r.facts[f.ID+"#"+f.Kind] = true
		return err
	})
	if err != nil {
		return nil, err
	}
	_, vkey, err := keys.CheckpointSigner(id)
	if err != nil {
		return nil, err
	}
	v, err := note.NewVerifier(vkey)
	if err != nil {
		return nil, err
	}
	rep, err := evidence.Fsck(ctx, ev, keys.EvidenceKey(id.Epoch).Public(), id, v)
	if err != nil {
		return nil, err
	}
	for _, f := range rep.Findings { // the public log may lag or be torn; it is made anew from the segments
		if strings.HasSuffix(f.File, ".seg") || f.File == "segments" || strings.HasPrefix(f.What, "it covers") {
			c.bad("fsck of %s: %s: %s", name, f.File, f.What)
		}
	}
	return r, nil
}

func (r *remains) records(t *testing.T, d *db.DB) error {
	t.Helper()
	var rows []struct {
		ID, State, Agreement string
		Bytes                []byte
	}
	if err := d.Read().NewRaw("SELECT c.id, c.state, c.ref AS agreement, d.bytes FROM process_case c LEFT JOIN agreement_document d ON d.negotiation = c.id WHERE c.kind = 'agreement'").Scan(t.Context(), &rows); err != nil {
		return err
	}
	for _, n := range rows {
		r.states[n.ID] = agreement.State(n.State)
		if n.Agreement != "" {
			r.agreements[n.Agreement] = string(n.Bytes)
		}
	}
	for _, c := range cursorsOf(t, d) {
		r.cursors[c.Direction+" "+c.Member+" "+c.Subject] = c.Seq
	}
	return nil
}

// outbox checks that every act recorded is in evidence or will be: a job waits for it.
func (c *powerCheck) outbox(ctx context.Context, name string, d *db.DB, r *remains) {
	var rows []struct {
		ID, Kind, Job string
		Batch         int64
	}
	err := d.Read().NewRaw("SELECT o.id AS id, o.kind AS kind, o.batch AS batch, COALESCE(j.id, '') AS job FROM evidence_outbox o LEFT JOIN queue_job j ON j.id = 'evidence.seal/' || o.id").Scan(ctx, &rows)
	if err != nil {
		c.bad("outbox of %s: %v", name, err)
	}
	for _, o := range rows {
		if o.Batch >= 0 && !r.facts[o.ID+"#"+o.Kind] {
			c.bad("%s noted that fact %s (%s) is sealed, and it is not", name, o.ID, o.Kind)
		}
		if o.Batch < 0 && o.Job == "" {
			c.bad("%s will never seal fact %s (%s)", name, o.ID, o.Kind)
		}
	}
}

// powerStart starts both nodes on what the disk held, waits until they have settled, and asks under every agreement.
func powerStart(t *testing.T, dir, what string, said []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cl, err := Start(ctx, Settings{Dir: dir, Places: []Place{Places()[0], Places()[2]}})
	if err != nil {
		t.Errorf("%s: the nodes do not start: %v", what, err)
		return
	}
	defer cl.Stop()
	sh, zj := cl.Node("shanghai"), cl.Node("zhejiang")
	pending := func(n *node.Node) (left int, err error) {
		// What was refused while the other node was down waits longer and longer: here it is tried at once.
		if _, err := n.DB.Read().NewRaw("UPDATE queue_job SET run_at = ? WHERE dead = 0 AND kind = ?", cl.Clock.Now().UnixMicro(), peer.KindSend).Exec(ctx); err != nil {
			return 0, err
		}
		n.Queue.Wake()
		err = n.DB.Read().NewRaw("SELECT count(*) FROM queue_job WHERE dead = 0 AND kind NOT IN (?, ?, ?)", agreement.KindExpire, deadline.KindTick, search.KindRefresh).Scan(ctx, &left)
		return left, err
	}
	err = Await(ctx, 30*time.Second, func() (bool, error) {
		a, err := pending(sh)
		if err != nil || a > 0 {
			return false, err
		}
		b, err := pending(zj)
		return b == 0, err
	})
	if err != nil {
		t.Errorf("%s: messages are stuck: %v\n%s\n%s", what, err, waitingJobs(t, sh), waitingJobs(t, zj))
	}
	_, sess, err := sh.Identity.OpenFor(ctx, "machine-sh")
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return
	}
	for _, line := range said {
		id, ok := strings.CutPrefix(line, "agreement ")
		if !ok {
			continue
		}
		mine, err := sh.Agreements.Get(ctx, db.System("test"), id)
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		theirs, err := zj.Agreements.Get(ctx, db.System("test"), id)
		if err != nil || mine.State != theirs.State || mine.Hash != theirs.Hash {
			t.Errorf("%s: the ends of agreement %s did not come together: %s %v %v", what, id, mine.State, theirs, err)
			continue
		}
		res, err := sh.Gateway.Ask(ctx, sess, id, gateway.Query{Purpose: "enterprise-service", Plan: policy.Plan{Limit: 1}})
		if (err == nil) != (mine.State == agreement.Active) {
			t.Errorf("%s: query under agreement %s in state %s: %v", what, id, mine.State, err)
		}
		if err == nil {
			res.Release()
		}
	}
	for _, n := range []*node.Node{sh, zj} { // the public log caught up
		err := Await(ctx, 20*time.Second, func() (bool, error) {
			cp := n.Tlog.Latest()
			return cp != nil && cp.Size == n.Log.Durable(), nil
		})
		if err != nil {
			t.Errorf("%s: the public log of %s stays behind at %+v of %d: %v", what, n.Config.Member, n.Tlog.Latest(), n.Log.Durable(), err)
		}
	}
}

// waitingJobs says what still waits at a node, and why.
func waitingJobs(t *testing.T, n *node.Node) string {
	t.Helper()
	var rows []struct {
		ID, LastError string
		Attempts      int
	}
	if err := n.DB.Read().NewRaw("SELECT id, attempts, last_error FROM queue_job WHERE dead = 0 AND kind NOT IN (?, ?, ?)", agreement.KindExpire, deadline.KindTick, search.KindRefresh).Scan(t.Context(), &rows); err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%+v", rows)
}
