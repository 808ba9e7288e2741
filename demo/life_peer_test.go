package demo

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/kuayu/kuayu/api/rest"
	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/exchange/gateway"
	"github.com/kuayu/kuayu/exchange/search"
	"github.com/kuayu/kuayu/internal/clock"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/dbtest"
	"github.com/kuayu/kuayu/internal/ids"
	"github.com/kuayu/kuayu/support/deadline"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/policy"
)

// TestOrderHeardLate: an order to rectify counts even where its date has passed when it arrives.
func TestOrderHeardLate(t *testing.T) {
	c := clock.NewManual(time.Now().UTC())
	f := newFixture(t, Settings{Clock: c})
	m := f.inForce(f.application())
	m.act("head-zj", "suspend", rest.Reason{Reason: "x"})
	m.awaitBoth(agreement.Suspended)
	if err := f.c.StopNode("shanghai"); err != nil {
		t.Fatal(err)
	}
	m.act("head-zj", "rectify", agreement.RectifyOrder{What: "x", By: c.Now().Add(10 * time.Minute)})
	c.Advance(30 * time.Minute)
	if err := f.c.StartNode(context.WithoutCancel(f.ctx), "shanghai"); err != nil {
		t.Fatal(err)
	}
	f.await(func() bool {
		c.Advance(time.Second)
		f.c.Node("zhejiang").Queue.Wake()
		return m.at("shanghai").State == agreement.Rectifying
	})
	m.settled()
}

// TestStrangersTellNothing: messages from a member that is no party, or from the wrong end, change nothing.
func TestStrangersTellNothing(t *testing.T) {
	f := newFixture(t, Settings{})
	m := f.inForce(f.application())
	m.act("head-zj", "suspend", rest.Reason{Reason: "x"})
	m.awaitBoth(agreement.Suspended)
	m.act("head-zj", "rectify", agreement.RectifyOrder{What: "x", By: f.c.Clock.Now().AddDate(0, 0, 1)})
	m.awaitBoth(agreement.Rectifying)
	before := m.stored()
	tell := func(from, to, pid string, what agreement.Effect, want string) {
		t.Helper()
		n, had := f.c.Node(from), f.facts(to, "message.refused", want)
		body, err := json.Marshal(map[string]any{"v": 1, "process": pid, "agreement": m.at("zhejiang").Agreement, "reason": "x", "detail": map[string]any{}})
		if err != nil {
			t.Fatal(err)
		}
		if err := n.DB.Write(f.ctx, func(ctx context.Context, tx *db.Tx) error {
			return n.Mailbox.Send(ctx, tx, to, "forged/"+string(what)+pid, string(what), body)
		}); err != nil {
			t.Fatal(err)
		}
		f.await(func() bool { return f.facts(to, "message.refused", want) > had })
	}
	for _, e := range []agreement.Effect{
		agreement.SendSupplement, agreement.SendSupplied, agreement.SendExtended, agreement.SendChange, agreement.SendSuspended, agreement.SendRectify,
		agreement.SendRectified, agreement.SendResumed, agreement.SendTerminated, agreement.SendDispose, agreement.SendDisposed,
	} {
		tell("jiangsu", "zhejiang", m.theirs, e, "agreement.no_such")
		tell("jiangsu", "shanghai", m.mine, e, "agreement.no_such")
	}
	for _, e := range []agreement.Effect{agreement.SendSuspended, agreement.SendResumed, agreement.SendTerminated, agreement.SendExtended, agreement.SendDispose} {
		tell("shanghai", "zhejiang", m.theirs, e, "agreement.transition") // the provider's to say
	}
	for _, e := range []agreement.Effect{agreement.SendRectified, agreement.SendSupplied, agreement.SendDisposed} {
		tell("zhejiang", "shanghai", m.mine, e, "agreement.transition") // the applicant's to say
	}
	if after := m.stored(); after != before {
		t.Errorf("a message changed something:\n%s\n%s", before, after)
	}
}

// TestMessagesCross: the applicant asks for a change while the provider suspends; both end up suspended.
func TestMessagesCross(t *testing.T) {
	f := newFixture(t, Settings{})
	m := f.inForce(f.application())
	m.act("officer-sh", "change", agreement.ChangeRequest{Application: changedScope(f.application()), Reason: "x"})
	head := func(member, actor string) *identity.Session {
		_, sess, err := f.c.Node(member).Identity.OpenFor(f.ctx, actor)
		if err != nil {
			t.Fatal(err)
		}
		return sess
	}
	sh, zj := head("shanghai", "head-sh"), head("zhejiang", "head-zj")
	errs := make(chan error, 2)
	go func() {
		_, err := f.c.Node("zhejiang").Agreements.Suspend(f.ctx, zj, m.theirs, "疑似超范围")
		errs <- err
	}()
	go func() {
		_, err := f.c.Node("shanghai").Agreements.RequestChange(f.ctx, sh, m.mine)
		if errors.Is(err, agreement.ErrTransition) {
			err = nil // the suspension was faster
		}
		errs <- err
	}()
	for range 2 {
		if err := <-errs; err != nil {
			t.Fatal(err)
		}
	}
	m.awaitBoth(agreement.Suspended)
	f.await(func() bool {
		for _, member := range []string{"shanghai", "zhejiang"} {
			var n int
			if err := f.c.Node(member).DB.Read().NewRaw("SELECT count(*) FROM queue_job WHERE dead = 0 AND kind NOT IN (?, ?, ?)", agreement.KindExpire, deadline.KindTick, search.KindRefresh).Scan(f.ctx, &n); err != nil || n > 0 {
				return false
			}
		}
		return true
	})
	m.settled()
	if a, b := m.at("shanghai").Change, m.at("zhejiang").Change; a.Status != agreement.ChangeDropped || (b != nil && b.Status != agreement.ChangeDropped) {
		t.Errorf("the change: %+v, %+v", a, b)
	}
	// The provider in any case acknowledges a change asked for under a suspension it has not told yet.
	before := m.stored()
	detail, err := json.Marshal(agreement.ChangeRequest{Application: changedScope(m.at("zhejiang").Application), Reason: "x"})
	if err != nil {
		t.Fatal(err)
	}
	n := f.c.Node("zhejiang")
	if err := n.DB.Write(f.ctx, func(ctx context.Context, tx *db.Tx) error {
		_, err := n.Agreements.HandleMessage(ctx, tx, "shanghai", m.theirs, agreement.Provider, agreement.Message{Effect: agreement.SendChange, Time: f.c.Clock.Now(), Detail: detail})
		return err
	}); err != nil {
		t.Errorf("overtaken: %v", err)
	}
	if after := m.stored(); after != before {
		t.Errorf("what was overtaken changed something:\n%s\n%s", before, after)
	}
}

func TestChangeHeardLate(t *testing.T) {
	c := clock.NewManual(time.Now().UTC())
	f := newFixture(t, Settings{Clock: c})
	a := f.application()
	a.ValidUntil = c.Now().Add(20 * time.Minute) // TLS goes by the real clock: not far
	m := f.inForce(a)
	longer := a
	longer.ValidUntil = a.ValidUntil.AddDate(0, 3, 0)
	m.act("officer-sh", "change", agreement.ChangeRequest{Application: longer, Reason: "延长"})
	m.act("head-sh", "consent-change", nil)
	m.awaitBoth(agreement.ChangeOfUse)
	m.act("officer-zj", "answer-change", agreement.Grant{Fields: longer.Fields})
	if err := f.c.StopNode("shanghai"); err != nil {
		t.Fatal(err)
	}
	m.act("head-zj", "grant-change", nil)
	c.Advance(30 * time.Minute)
	if err := f.c.StartNode(context.WithoutCancel(f.ctx), "shanghai"); err != nil {
		t.Fatal(err)
	}
	f.await(func() bool {
		c.Advance(time.Second) // messages are tried again after a while
		for _, member := range []string{"shanghai", "zhejiang"} {
			f.c.Node(member).Queue.Wake()
		}
		here, there := m.at("shanghai"), m.at("zhejiang")
		return here.State == agreement.Active && there.State == agreement.Active && here.Hash == there.Hash
	})
}

// TestLifeOnPostgres: the acts that have tables of their own, on PostgreSQL.
func TestLifeOnPostgres(t *testing.T) {
	dsn := map[string]string{}
	for _, p := range places(3) {
		dsn[p.ID] = dbtest.Postgres(t)
	}
	f := newFixture(t, Settings{Database: func(place string) string { return dsn[place] }})
	m := f.inForce(f.application())
	id := m.at("shanghai").Agreement
	m.act("officer-sh", "change", agreement.ChangeRequest{Application: changedScope(f.application()), Reason: "x"})
	m.act("head-sh", "consent-change", nil)
	m.awaitBoth(agreement.ChangeOfUse)
	m.act("officer-zj", "answer-change", agreement.Grant{Fields: f.application().Fields})
	m.act("head-zj", "grant-change", nil)
	m.awaitBoth(agreement.Active)
	var vs rest.Page[agreement.Version]
	f.call(f.as("shanghai", "officer-sh"), http.MethodGet, "/api/v1/agreements/"+id+"/versions", nil, &vs)
	if len(vs.Items) != 1 || len(vs.Items[0].Document) == 0 {
		t.Errorf("versions: %+v", vs.Items)
	}
	for _, p := range agreement.Parts() {
		m.act("officer-sh", "ledger", agreement.UseRecord{Part: p, Text: "记录"})
	}
	var l agreement.Ledger
	f.call(f.as("zhejiang", "officer-zj"), http.MethodGet, "/api/v1/agreements/"+id+"/ledger", nil, &l)
	if !l.Complete || len(l.Entries) != 5 {
		t.Errorf("ledger: %+v", l)
	}
	m.act("authority", "suspend", rest.Reason{Reason: "x"})
	m.awaitBoth(agreement.Suspended)
	m.settled()
}

func TestNoRepeatAfterSuspension(t *testing.T) {
	f := newFixture(t, Settings{})
	m := f.inForce(f.application())
	rec := f.sealed(ids.Random{}.NewID(), f.wire(m.at("shanghai").Agreement, policy.Plan{Limit: 3}), f.c.Clock.Now().Add(gateway.Life), f.market)
	ask := func() error {
		_, err := f.c.Node("shanghai").Link.Do(f.ctx, "zhejiang", http.MethodPost, gateway.Path, "application/json", rec)
		return err
	}
	for range 2 {
		if err := ask(); err != nil {
			t.Fatal(err)
		}
	}
	m.act("head-zj", "suspend", rest.Reason{Reason: "x"})
	if err := ask(); !errors.Is(err, agreement.ErrSuspended) {
		t.Errorf("repeated after the suspension: %v", err)
	}
	if f.facts("zhejiang", "query.refused", "agreement.suspended") != 1 {
		t.Error("the refusal is not in evidence")
	}
}
