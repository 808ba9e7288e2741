package demo

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kuayu/kuayu/api/rest"
	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/exchange/search"
	"github.com/kuayu/kuayu/internal/clock"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/disk"
	"github.com/kuayu/kuayu/internal/httpx"
	"github.com/kuayu/kuayu/internal/queue"
	"github.com/kuayu/kuayu/node"
	"github.com/kuayu/kuayu/support/evidence"
	"github.com/kuayu/kuayu/support/federation"
	"github.com/kuayu/kuayu/support/peer"
	"github.com/kuayu/kuayu/support/policy"
	"github.com/kuayu/kuayu/support/seal"
)

// epoch begins a new epoch of a stopped node's log, as kuayu evidence epoch does.
func (f *fixture) epoch(place string) {
	f.t.Helper()
	dir := f.c.Node(place).Dir
	if err := os.MkdirAll(node.EvidenceDir(dir, node.Epoch(dir)+1), 0o700); err != nil {
		f.t.Fatal(err)
	}
}

// TestNewEpoch: a node that begins a new epoch of its log makes its new key known by itself, whoever speaks first, and
// exchange goes on both ways.
func TestNewEpoch(t *testing.T) {
	for _, place := range []string{"shanghai", "zhejiang"} { // the consumer, the provider
		t.Run(place, func(t *testing.T) {
			f := newFixture(t, Settings{})
			id := f.agree(f.application(), agreement.Grant{})
			f.asks(id)
			f.stop(place)
			f.epoch(place)
			f.start(place)
			if got := f.c.Node(place).Log.ID().Epoch; got != 2 {
				t.Fatalf("epoch %d", got)
			}
			f.asks(id)
		})
	}
}

func (f *fixture) asks(id string) {
	f.t.Helper()
	if a, err := f.query(f.as("shanghai", "machine-sh"), id, plan(policy.Plan{Limit: 1})); err != nil || a.Count != 1 {
		f.t.Fatalf("%+v %v", a, err)
	}
}

// TestRotatedKeys: a node that changes its keys with a new epoch goes on; receipts of before, made before and after, verify
// offline, and so do new ones. What the old keys sign from the moment they were lost does not count.
func TestRotatedKeys(t *testing.T) {
	f := newFixture(t, Settings{})
	id := f.agree(f.application(), agreement.Grant{})
	f.asks(id)
	n := f.c.Node("zhejiang")
	served := func() string {
		t.Helper()
		x := f.c.Node("zhejiang").Index
		if _, err := x.Project(f.ctx); err != nil {
			t.Fatal(err)
		}
		es, err := x.Find(f.ctx, db.System("test"), evidence.Query{Kind: "query.serve", Limit: 1})
		if err != nil || len(es) != 1 {
			t.Fatalf("%d facts, %v", len(es), err)
		}
		return es[0].ID
	}
	receipt := func(id string) []byte {
		t.Helper()
		rec, err := f.c.Node("zhejiang").Index.Record(f.ctx, db.System("test"), id)
		if err != nil {
			t.Fatal(err)
		}
		r, err := f.c.Node("zhejiang").Issuer.Receipt(f.ctx, rec, true)
		if err != nil {
			t.Fatal(err)
		}
		return encode(t, r)
	}
	verifies := func(b []byte) (*evidence.Verified, error) {
		t.Helper()
		r, err := evidence.ParseReceipt(b)
		if err != nil {
			t.Fatal(err)
		}
		return r.Verify(f.c.Node("jiangsu").Directory.Versions())
	}
	seen := f.cosignedReceipt(n, id)
	old := encode(t, seen)
	before := must[*evidence.Verified](t)(seen.Verify(n.Directory.Versions())).ID
	f.stop("zhejiang")
	lost := time.Now()
	if err := n.Keys.Rotate(filepath.Join(n.Dir, "keys"), 2, time.Now(), &lost); err != nil {
		t.Fatal(err)
	}
	f.epoch("zhejiang")
	f.start("zhejiang")
	f.asks(id)
	if k := f.c.Node("zhejiang").Log.Key(); k.Equal(n.Keys.Evidence.Public()) {
		t.Error("the old key signs")
	}
	for name, b := range map[string][]byte{"of before": old, "of before, made now": receipt(before), "of now": receipt(served())} {
		v, err := verifies(b)
		if err != nil {
			t.Errorf("a receipt %s: %v", name, err)
		}
		if name != "of now" && (!v.Logged || len(v.CosignedBy) == 0) {
			t.Errorf("a receipt %s shows no place in a log that others saw: logged %t, cosigned by %v", name, v.Logged, v.CosignedBy)
		}
	}
	f.forged(n, lost, seen.Statement)
	st, err := f.c.Node("shanghai").Directory.Statement("zhejiang")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := st.LogKeyAt(seal.Log{Node: "zhejiang", Instance: f.c.Node("zhejiang").Config.Instance, Epoch: 1}, lost.Add(time.Second)); !errors.Is(err, federation.ErrUnknownKey) {
		t.Errorf("the old key still counts: %v", err)
	}
}

// forged: whoever found the old keys of a node seals what it likes, at the times it likes; no receipt of it verifies, neither
// with the statement of today nor with one of before.
func (f *fixture) forged(old *node.Node, lost time.Time, before *federation.SignedStatement) {
	f.t.Helper()
	now := f.c.Node("jiangsu").Directory
	for name, x := range map[string]struct {
		at        time.Time
		statement *federation.SignedStatement
	}{
		"dated back, with today's statement": {lost.Add(-10 * time.Minute), now.SignedStatement("zhejiang")},
		"dated back, with an old statement":  {lost.Add(-10 * time.Minute), before},
		"later, with an old statement":       {lost.Add(time.Hour), before},
	} {
		log := must[*evidence.Log](f.t)(evidence.OpenLog(evidence.Config{Dir: f.t.TempDir(), FS: disk.OS{}, Key: old.Keys.Evidence, Log: seal.Log{Node: "zhejiang", Instance: old.Config.Instance, Epoch: 1}, Clock: clock.NewManual(x.at)}))
		ctx, stop := context.WithCancel(f.ctx)
		done := make(chan error, 1)
		go func() { done <- log.Run(ctx) }()
		rec, err := log.Seal(ctx, evidence.Draft{Kind: "query.serve", ID: "forged", Time: x.at})
		stop()
		if err := errors.Join(err, <-done); err != nil {
			f.t.Fatal(err)
		}
		r := &evidence.Receipt{Version: evidence.ReceiptVersion, Sealed: rec.Sealed.Encode(nil), Statement: x.statement}
		if v, err := r.Verify(now.Versions(), now.Statements()...); err == nil {
			f.t.Errorf("%s: verifies: %+v", name, v)
		}
	}
}

// TestWaitingOverAnEpoch: what waits to be sent when a new epoch begins arrives afterwards: a revocation at the consumer, an
// application at the provider.
func TestWaitingOverAnEpoch(t *testing.T) {
	for _, fresh := range []bool{false, true} { // the keys, too
		f := newFixture(t, Settings{})
		id := f.agree(f.application(), agreement.Grant{})
		f.asks(id)
		f.stop("shanghai")
		f.call(f.as("zhejiang", "head-zj"), http.MethodPost, "/api/v1/agreements/"+id+"/revoke", map[string]string{"reason": "用途已完成"}, nil)
		f.newEpoch("zhejiang", fresh)
		f.start("shanghai")
		f.await(func() bool {
			_, err := f.query(f.as("shanghai", "machine-sh"), id, plan(policy.Plan{Limit: 1}))
			var page rest.Page[agreement.Negotiation]
			f.call(f.as("shanghai", "officer-sh"), http.MethodGet, "/api/v1/applications", nil, &page)
			return errors.Is(err, agreement.ErrRevoked) && len(page.Items) == 1 && page.Items[0].State == agreement.Terminated
		})
		f.stop("zhejiang")
		var mine agreement.Negotiation
		f.call(f.as("shanghai", "officer-sh"), http.MethodPost, "/api/v1/applications", f.application(), &mine)
		f.call(f.as("shanghai", "head-sh"), http.MethodPost, "/api/v1/applications/"+mine.ID+"/consent", nil, nil)
		f.newEpoch("shanghai", fresh)
		f.start("zhejiang")
		f.await(func() bool {
			f.call(f.as("shanghai", "officer-sh"), http.MethodGet, "/api/v1/applications/"+mine.ID, nil, &mine)
			return mine.Peer != "" // the provider has it
		})
		for place, node := range map[string]*node.Node{"shanghai": f.c.Node("shanghai"), "zhejiang": f.c.Node("zhejiang")} {
			if dead, err := node.Queue.Dead(f.ctx); err != nil || len(dead) > 0 {
				t.Errorf("%s: dead jobs %+v %v", place, dead, err)
			}
		}
	}
}

// TestSealedAnew: a message that had arrived, and is sent again under new keys because its acknowledgement was lost with the
// old ones, is acknowledged: nothing behind it waits for ever.
func TestSealedAnew(t *testing.T) {
	f := newFixture(t, Settings{})
	n := f.c.Node("zhejiang")
	var sent []struct{ ID, Header string }
	f.await(func() bool {
		if err := n.DB.Read().NewRaw("SELECT id, header FROM evidence_outbox WHERE kind = ? AND sealed IS NOT NULL", search.KindChanged).Scan(f.ctx, &sent); err != nil {
			t.Fatal(err)
		}
		sent = slices.DeleteFunc(sent, func(x struct{ ID, Header string }) bool { return !strings.Contains(x.Header, `"shanghai"`) })
		return len(sent) > 0
	})
	f.await(func() bool { return f.told("zhejiang", "shanghai") == "" }) // acknowledged
	f.stop("zhejiang")
	lost := f.c.Clock.Now().Add(-time.Hour)
	if err := n.Keys.Rotate(filepath.Join(n.Dir, "keys"), 2, f.c.Clock.Now(), &lost); err != nil {
		t.Fatal(err)
	}
	f.epoch("zhejiang")
	f.start("zhejiang")
	n = f.c.Node("zhejiang")
	payload := must[[]byte](t)(json.Marshal(peer.Message{ID: sent[0].ID, To: "shanghai", Subject: "directory", Kind: search.KindChanged, Method: http.MethodPost, Path: peer.PathMessages + search.KindChanged, ContentType: "application/json"}))
	again := queue.Job{ID: "peer.send/again", Kind: peer.KindSend, Payload: string(payload)}
	if err := n.DB.Write(f.ctx, func(ctx context.Context, tx *db.Tx) error { return n.Queue.Enqueue(ctx, tx, again) }); err != nil {
		t.Fatal(err)
	}
	f.await(func() bool {
		var left []string
		if err := n.DB.Read().NewRaw("SELECT id FROM queue_job WHERE id = ?", again.ID).Scan(f.ctx, &left); err != nil {
			t.Fatal(err)
		}
		return len(left) == 0
	})
}

// newEpoch stops a node after its log has a checkpoint, begins an epoch, with new keys if they are to be fresh, and starts it.
func (f *fixture) newEpoch(place string, fresh bool) {
	f.t.Helper()
	n := f.c.Node(place)
	f.stop(place)
	if fresh {
		if err := n.Keys.Rotate(filepath.Join(n.Dir, "keys"), node.Epoch(n.Dir)+1, f.c.Clock.Now(), nil); err != nil {
			f.t.Fatal(err)
		}
	}
	f.epoch(place)
	f.start(place)
	<-f.c.Node(place).Tlog.Ready()
}

// TestRestoredFromABackup: a node that lost what it did since its backup, and begins a new epoch, is taken in again: others
// see no fork, data flows, and what it says afterwards is heard.
func TestRestoredFromABackup(t *testing.T) {
	for _, place := range []string{"shanghai", "zhejiang"} {
		t.Run(place, func(t *testing.T) {
			f := newFixture(t, Settings{})
			id := f.agree(f.application(), agreement.Grant{})
			f.asks(id)
			dir, backup := f.c.Node(place).Dir, t.TempDir()
			f.stop(place)
			if err := os.CopyFS(backup, os.DirFS(dir)); err != nil {
				t.Fatal(err)
			}
			f.start(place)
			for range 3 {
				f.asks(id)
			}
			f.agree(f.application(), agreement.Grant{}) // forgotten by one end
			f.stop(place)
			if err := os.RemoveAll(dir); err != nil {
				t.Fatal(err)
			}
			if err := os.CopyFS(dir, os.DirFS(backup)); err != nil {
				t.Fatal(err)
			}
			f.epoch(place)
			f.start(place)
			f.asks(id)
			f.call(f.as("zhejiang", "head-zj"), http.MethodPost, "/api/v1/agreements/"+id+"/revoke", map[string]string{"reason": "用途已完成"}, nil)
			f.await(func() bool {
				_, err := f.query(f.as("shanghai", "machine-sh"), id, plan(policy.Plan{Limit: 1}))
				return errors.Is(err, agreement.ErrRevoked)
			})
			next := f.agree(f.application(), agreement.Grant{})
			f.asks(next)
		})
	}
}

// TestStatementsProveThemselves: a member's statement is taken from that member alone, signed by its root key, and never
// an older one; what is no statement is refused in words.
func TestStatementsProveThemselves(t *testing.T) {
	f := newFixture(t, Settings{})
	link := f.c.Node("shanghai").Link
	hand := func(body []byte) error {
		_, err := link.Ask(f.ctx, "zhejiang", http.MethodPost, peer.PathStatement, body)
		return err
	}
	js, err := json.Marshal(f.c.Node("shanghai").Directory.SignedStatement("jiangsu"))
	if err != nil {
		t.Fatal(err)
	}
	if err := hand(js); !errors.Is(err, federation.ErrStatement) {
		t.Errorf("another member's statement: %v", err)
	}
	if err := hand([]byte(`{"document":"e30","sig":""}`)); err == nil {
		t.Error("no signature: taken")
	}
	if err := hand([]byte(`[`)); !errors.Is(err, httpx.ErrBody) {
		t.Errorf("no JSON: %v", err)
	}
	own := func() *federation.Statement {
		st, err := f.c.Node("zhejiang").Directory.Statement("shanghai")
		if err != nil {
			t.Fatal(err)
		}
		return st
	}
	old := *own()
	root := f.c.Node("shanghai").Keys.Root
	older, newer := old, old
	older.PeerURL = "https://127.0.0.1:1" // of the number that is known already
	newer.Sequence, newer.Divisions = old.Sequence+1, []string{"310000", "310100"}
	for _, x := range []struct {
		st   federation.Statement
		want string
	}{{older, old.PeerURL}, {newer, newer.PeerURL}} {
		signed, err := federation.SignStatement(&x.st, root)
		if err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(signed)
		if err != nil {
			t.Fatal(err)
		}
		if err := hand(b); err != nil || own().PeerURL != x.want {
			t.Errorf("statement %d: %v, %s", x.st.Sequence, err, own().PeerURL)
		}
	}
	if got := own(); got.Sequence != newer.Sequence || len(got.Divisions) != 2 {
		t.Errorf("the newer one was not taken: %+v", got)
	}
}
