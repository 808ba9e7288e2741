package demo

import (
	"net/http"
	"testing"
	"time"

	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/exchange/dataspace"
	"github.com/kuayu/kuayu/internal/clock"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/support/policy"
)

// applied sends an application and returns both ends' records of it, the provider's under review.
func (f *fixture) applied(a agreement.Application) (mine, theirs agreement.Negotiation) {
	f.t.Helper()
	f.call(f.as("shanghai", "officer-sh"), http.MethodPost, "/api/v1/applications", a, &mine)
	f.call(f.as("shanghai", "head-sh"), http.MethodPost, "/api/v1/applications/"+mine.ID+"/consent", nil, nil)
	f.await(func() bool {
		ns, err := f.c.Node("zhejiang").Agreements.List(f.ctx, db.System("test"), agreement.Reviewing, 100)
		if err != nil {
			f.t.Fatal(err)
		}
		for _, n := range ns {
			if n.Peer == mine.ID {
				theirs = n
			}
		}
		return theirs.ID != ""
	})
	return mine, theirs
}

func (f *fixture) reaches(member, id string, s agreement.State) (n agreement.Negotiation) {
	f.t.Helper()
	officer := map[string]string{"shanghai": "officer-sh", "zhejiang": "officer-zj"}[member]
	f.await(func() bool {
		f.call(f.as(member, officer), http.MethodGet, "/api/v1/applications/"+id, nil, &n)
		return n.State == s
	})
	return n
}

// TestCounterOffer: the provider offers less, the applicant asks again, is offered again, accepts; both hold the same
// bytes of what was offered last.
func TestCounterOffer(t *testing.T) {
	f := newFixture(t, Settings{})
	mine, theirs := f.applied(f.application())
	zj, head := f.as("zhejiang", "officer-zj"), f.as("zhejiang", "head-zj")
	// More than was asked, a later end, an unknown item: refused, and nothing changes.
	for name, g := range map[string]agreement.Grant{
		"an item not asked for": {Fields: []string{"uscc", "secret"}},
		"an unknown item":       {Fields: []string{"nothing"}},
		"a later end":           {Fields: []string{"uscc"}, ValidUntil: f.c.Clock.Now().AddDate(2, 0, 0)},
		"no item":               {},
	} {
		if err := zj.Call(f.ctx, http.MethodPost, "/api/v1/applications/"+theirs.ID+"/offer", g, nil); err == nil {
			t.Errorf("offered %s", name)
		}
	}
	if n := f.reaches("zhejiang", theirs.ID, agreement.Reviewing); n.Grant != nil {
		t.Errorf("a refused offer was kept: %+v", n.Grant)
	}
	f.call(zj, http.MethodPost, "/api/v1/applications/"+theirs.ID+"/offer", agreement.Grant{Fields: []string{"uscc"}}, nil)
	got := f.reaches("shanghai", mine.ID, agreement.CounterOffered)
	if got.Grant == nil || len(got.Grant.Fields) != 1 || got.DSP() != "OFFERED" {
		t.Fatalf("the offer did not arrive: %+v", got.Grant)
	}
	// Nobody answers an offer for the applicant's head, and the provider cannot conclude over its own offer.
	if err := f.as("shanghai", "officer-sh").Call(f.ctx, http.MethodPost, "/api/v1/applications/"+mine.ID+"/accept", nil, nil); code(err) != "identity.role" {
		t.Errorf("accepted by the officer: %v", err)
	}
	if err := head.Call(f.ctx, http.MethodPost, "/api/v1/applications/"+theirs.ID+"/consent-answer", nil, nil); code(err) != "agreement.transition" {
		t.Errorf("concluded over an open offer: %v", err)
	}
	again := f.application()
	again.Fields = []string{"uscc", "name", "city"}
	f.call(f.as("shanghai", "head-sh"), http.MethodPost, "/api/v1/applications/"+mine.ID+"/resubmit", again, nil)
	if n := f.reaches("zhejiang", theirs.ID, agreement.Resubmitted); len(n.Application.Fields) != 3 {
		t.Fatalf("asked again: %v", n.Application.Fields)
	}
	f.call(zj, http.MethodPost, "/api/v1/applications/"+theirs.ID+"/offer", agreement.Grant{Fields: []string{"uscc", "name", "city"}}, nil)
	f.reaches("shanghai", mine.ID, agreement.CounterOffered)
	f.call(f.as("shanghai", "head-sh"), http.MethodPost, "/api/v1/applications/"+mine.ID+"/accept", nil, nil)
	f.reaches("zhejiang", theirs.ID, agreement.ProvOfficeApproval)
	f.call(head, http.MethodPost, "/api/v1/applications/"+theirs.ID+"/consent-answer", nil, nil)
	a, b := f.reaches("shanghai", mine.ID, agreement.Active), f.reaches("zhejiang", theirs.ID, agreement.Active)
	if a.Hash == "" || a.Hash != b.Hash {
		t.Fatalf("two truths: %s %s", a.Hash, b.Hash)
	}
	r, err := f.query(f.as("shanghai", "machine-sh"), a.Agreement, plan(policy.Plan{Limit: 1}))
	if err != nil || len(r.Rows) != 1 || r.Rows[0]["name"] == nil || r.Rows[0]["phone"] != nil {
		t.Fatalf("rows under the accepted offer: %+v %v", r.Rows, err)
	}
}

// TestTransferFollows: a transfer between members starts by itself under an agreement in force, and ends with it.
func TestTransferFollows(t *testing.T) {
	now := clock.NewManual(time.Now().UTC())
	f := newFixture(t, Settings{Clock: now})
	id := f.agree(f.application(), agreement.Grant{})
	sh := f.as("shanghai", "officer-sh")
	var tr dataspace.Transfer
	f.call(sh, http.MethodPost, "/api/v1/agreements/"+id+"/transfers", map[string]string{"format": dataspace.FormatQuery}, &tr)
	state := func(want dataspace.TransferState) {
		t.Helper()
		f.await(func() bool {
			f.call(sh, http.MethodGet, "/api/v1/transfers/"+tr.ID, nil, &tr)
			return tr.State == want
		})
	}
	state(dataspace.Started)
	if err := sh.Call(f.ctx, http.MethodPost, "/api/v1/agreements/"+id+"/transfers", map[string]string{"format": "carrier-pigeon"}, nil); code(err) != "dataspace.format" {
		t.Errorf("unknown format: %v", err)
	}
	// Suspended with the agreement, resumed with it; what an officer suspended stays so.
	var own dataspace.Transfer
	f.call(sh, http.MethodPost, "/api/v1/agreements/"+id+"/transfers", map[string]string{"format": dataspace.FormatQuery}, &own)
	f.await(func() bool {
		f.call(sh, http.MethodGet, "/api/v1/transfers/"+own.ID, nil, &own)
		return own.State == dataspace.Started
	})
	f.call(sh, http.MethodPost, "/api/v1/transfers/"+own.ID+"/move", map[string]string{"event": "suspension"}, nil)
	f.call(f.as("zhejiang", "head-zj"), http.MethodPost, "/api/v1/agreements/"+id+"/suspend", map[string]string{"reason": "疑似超范围使用"}, nil)
	state(dataspace.Suspended)
	f.call(f.as("zhejiang", "head-zj"), http.MethodPost, "/api/v1/agreements/"+id+"/rectify", map[string]any{"what": "停止使用", "by": now.Now().AddDate(0, 0, 20)}, nil)
	f.await(func() bool {
		return sh.Call(f.ctx, http.MethodPost, "/api/v1/agreements/"+id+"/rectified", map[string]string{"report": "已停止"}, nil) == nil
	})
	f.await(func() bool {
		return f.as("zhejiang", "head-zj").Call(f.ctx, http.MethodPost, "/api/v1/agreements/"+id+"/resume", map[string]string{"reason": "属实"}, nil) == nil
	})
	state(dataspace.Started)
	if f.call(sh, http.MethodGet, "/api/v1/transfers/"+own.ID, nil, &own); own.State != dataspace.Suspended {
		t.Errorf("resumed with the agreement: %s", own.State)
	}
	f.call(f.as("zhejiang", "head-zj"), http.MethodPost, "/api/v1/agreements/"+id+"/revoke", map[string]string{"reason": "用途已完成"}, nil)
	state(dataspace.Terminated)
	if err := sh.Call(f.ctx, http.MethodPost, "/api/v1/transfers/"+tr.ID+"/move", map[string]string{"event": "start"}, nil); code(err) != "dataspace.transfer" {
		t.Errorf("started again after the end: %v", err)
	}
	f.await(func() bool {
		err := sh.Call(f.ctx, http.MethodPost, "/api/v1/agreements/"+id+"/transfers", map[string]string{"format": dataspace.FormatQuery}, nil)
		return code(err) == "agreement.not_in_force"
	})
	// At the time limit nobody has to do anything.
	id = f.agree(f.application(), agreement.Grant{})
	f.call(sh, http.MethodPost, "/api/v1/agreements/"+id+"/transfers", map[string]string{"format": dataspace.FormatQuery}, &tr)
	state(dataspace.Started)
	now.Set(now.Now().AddDate(0, 7, 0))
	f.await(func() bool {
		f.c.Node("zhejiang").Queue.Wake()
		ts, err := f.c.Node("zhejiang").Dataspace.Transfers(f.ctx, db.System("test"), id, 10)
		return err == nil && len(ts) == 1 && ts[0].State == dataspace.Terminated
	})
}
