package demo

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/kuayu/kuayu/api/rest"
	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/node"
	"github.com/kuayu/kuayu/support/evidence"
	"github.com/kuayu/kuayu/support/federation"
)

// proposed is a proposal to give a member new keys, as kuayu propose rekey makes it.
func proposed(r *federation.RekeyRequest) rest.ProposalRequest {
	return rest.ProposalRequest{Reason: "密钥失密", Compromised: &federation.Compromise{Member: r.Member, Since: r.Since, NewKey: r.NewKey}, State: r.Statement}
}

// takeKeys is what kuayu rekey accept does at a stopped node.
func (f *fixture) takeKeys(place, from string) {
	f.t.Helper()
	dir, chain := f.c.Node(place).Dir, f.c.Node(from).Directory
	n := must[*node.Node](f.t)(node.Open(context.WithoutCancel(f.ctx), dir, node.Options{Clock: f.c.Clock}))
	if err := n.Federation.Adopt(f.ctx, chain.Chain(), ""); err != nil {
		f.t.Fatal(err)
	}
	for _, st := range chain.Statements() {
		if err := n.Federation.AcceptStatement(f.ctx, st); err != nil {
			f.t.Fatal(err)
		}
	}
	cur := n.Directory.Current()
	if err := n.Close(); err != nil {
		f.t.Fatal(err)
	}
	if err := node.AcceptRekey(dir, cur, place); err != nil {
		f.t.Fatal(err)
	}
}

// TestLostKeys: a member that lost its keys gets new ones by a quorum of the others, and goes on; nothing that the old root
// key signs counts any more, save what others had seen before; the others start again with what they know.
func TestLostKeys(t *testing.T) {
	f := newFixture(t, Settings{})
	id := f.agree(f.application(), agreement.Grant{})
	f.asks(id)
	old := f.c.Node("zhejiang")
	before := f.cosignedReceipt(old, id)
	if _, _, err := federation.NextRoot(old.Dir + "/keys"); !errors.Is(err, federation.ErrNoRekey) {
		t.Errorf("no request: %v", err)
	}
	since := f.c.Clock.Now()
	r := must[*federation.RekeyRequest](t)(old.PrepareRekey(since, since))
	f.asks(id) // the old keys serve until the new ones are adopted
	f.wrongRekeys(r)
	if err := node.AcceptRekey(old.Dir, old.Directory.Current(), "zhejiang"); !errors.Is(err, node.ErrRekey) {
		t.Errorf("not adopted yet: %v", err)
	}
	var p federation.Proposal
	f.call(f.as("shanghai", "authority"), http.MethodPost, "/api/v1/proposals", proposed(r), &p)
	f.await(func() bool {
		ps, err := f.c.Node("jiangsu").Federation.Proposals(f.ctx)
		return err == nil && len(ps) == 1
	})
	if _, err := f.c.Node("jiangsu").Federation.Approve(f.ctx, p.Hash); err != nil {
		t.Fatal(err)
	}
	f.await(func() bool { return f.c.Node("shanghai").Directory.Current().Number == 2 })
	f.stop("zhejiang")
	f.takeKeys("zhejiang", "shanghai")
	f.start("zhejiang")
	f.asks(id)
	f.stop("shanghai")
	f.start("shanghai")
	f.asks(id)
	if n := f.c.Node("zhejiang"); n.Keys.Root.Public().Equal(old.Keys.Root.Public()) || n.Log.Key().Equal(old.Log.Key()) || n.Log.ID().Epoch != 2 {
		t.Error("an old key is in use")
	}

	// What the old root key signs from now on is nobody's word; what others saw before still counts, alone it does not.
	st := must[*federation.Statement](t)(old.Statement())
	st.Format, st.Member, st.Sequence, st.Issued = federation.FormatVersion, "zhejiang", int(f.c.Clock.Now().Unix())+1000, since.Add(-time.Hour)
	signed := must[*federation.SignedStatement](t)(federation.SignStatement(st, old.Keys.Root))
	if err := f.c.Node("shanghai").Federation.AcceptStatement(f.ctx, signed); !errors.Is(err, federation.ErrStatement) {
		t.Errorf("a statement under the old root key: %v", err)
	}
	versions := f.c.Node("jiangsu").Directory.Versions()
	if _, err := before.Verify(versions); err != nil {
		t.Errorf("a receipt cosigned before: %v", err)
	}
	before.Inclusion = nil
	if _, err := before.Verify(versions); !errors.Is(err, evidence.ErrReceipt) {
		t.Errorf("a receipt that nobody cosigned: %v", err)
	}
	if _, err := f.receiptOf(f.c.Node("zhejiang"), before).Verify(versions); err != nil {
		t.Errorf("a receipt of before, made now: %v", err)
	}
}

// cosignedReceipt waits until others have cosigned the log that the last answer of a node is in.
func (f *fixture) cosignedReceipt(n *node.Node, agr string) *evidence.Receipt {
	f.t.Helper()
	if _, err := n.Index.Project(f.ctx); err != nil {
		f.t.Fatal(err)
	}
	es := must[[]evidence.Entry](f.t)(n.Index.Find(f.ctx, db.System("test"), evidence.Query{Kind: "query.serve", Limit: 1}))
	if len(es) != 1 {
		f.t.Fatalf("%d facts", len(es))
	}
	var r *evidence.Receipt
	f.await(func() bool {
		f.asks(agr) // every exchange carries a checkpoint there and a cosignature back
		rec := must[*evidence.Record](f.t)(n.Index.Record(f.ctx, db.System("test"), es[0].ID))
		r = must[*evidence.Receipt](f.t)(n.Issuer.Receipt(f.ctx, rec, true))
		v, err := r.Verify(n.Directory.Versions())
		return err == nil && len(v.CosignedBy) > 0
	})
	return r
}

// receiptOf makes the receipt of the same fact again.
func (f *fixture) receiptOf(n *node.Node, r *evidence.Receipt) *evidence.Receipt {
	f.t.Helper()
	if _, err := n.Index.Project(f.ctx); err != nil {
		f.t.Fatal(err)
	}
	v := must[*evidence.Verified](f.t)(r.Verify(n.Directory.Versions()[:1]))
	rec := must[*evidence.Record](f.t)(n.Index.Record(f.ctx, db.System("test"), v.ID))
	return must[*evidence.Receipt](f.t)(n.Issuer.Receipt(f.ctx, rec, true))
}

// wrongRekeys: what does not fit is refused, with what to do.
func (f *fixture) wrongRekeys(r *federation.RekeyRequest) {
	f.t.Helper()
	for name, change := range map[string]func(*rest.ProposalRequest){
		"no statement":           func(c *rest.ProposalRequest) { c.State = nil },
		"another's statement":    func(c *rest.ProposalRequest) { c.Compromised.Member = "jiangsu" },
		"the old key again":      func(c *rest.ProposalRequest) { c.Compromised.NewKey = f.c.Node("zhejiang").Keys.Root.Public() },
		"from tomorrow on":       func(c *rest.ProposalRequest) { c.Compromised.Since = f.c.Clock.Now().Add(24 * time.Hour) },
		"since when is not said": func(c *rest.ProposalRequest) { c.Compromised.Since = time.Time{} },
		"a stranger":             func(c *rest.ProposalRequest) { c.Compromised.Member = "nobody" },
	} {
		c := proposed(r)
		change(&c)
		if err := f.as("shanghai", "authority").Call(f.ctx, http.MethodPost, "/api/v1/proposals", c, nil); !errors.Is(err, federation.ErrChange) {
			f.t.Errorf("%s: %v", name, err)
		}
	}
	if err := f.as("shanghai", "operator").Call(f.ctx, http.MethodPost, "/api/v1/proposals", proposed(r), nil); code(err) != "identity.role" {
		f.t.Errorf("an operator proposes: %v", err)
	}
}
