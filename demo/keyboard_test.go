package demo

import (
	"net/url"
	"testing"

	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/internal/webtest"
)

// TestByKeyboard does the five main tasks without a mouse: get in and find what waits, apply, answer, revoke, verify.
// Whatever has the focus on the way must be seen to have it (webtest.Page.Reach).
func TestByKeyboard(t *testing.T) {
	b := webtest.Open(t)
	f := newFixture(t, Settings{Stage: true})
	agr, first := f.exchanged()
	_, theirs := f.applied(f.application())
	says := func(p *webtest.Page, selector, text string) {
		t.Helper()
		if got := p.Text(selector); got != text {
			t.Fatalf("%s: %q, want %q", selector, got, text)
		}
	}
	t.Run("get in and find what waits", func(t *testing.T) {
		p := b.Visit(root(f.c.Node("zhejiang"))+"/demo/roles", 1440)
		p.Reach("form:has(input[value='officer-zj']) button")
		p.Enter()
		says(p, "h1", "工作台")
		p.Reach(".todos a[href='/applications/" + theirs.ID + "']")
		p.Enter()
		says(p, "h1", "企业登记信息")
	})
	t.Run("answer", func(t *testing.T) {
		p := b.Visit(root(f.c.Node("zhejiang"))+"/applications/"+theirs.ID, 1440)
		p.Reach("#allow-phone")
		p.Space()
		p.Reach("#reason-phone")
		p.Type("办理迁移不需要联系电话")
		p.Reach("form[action$='/answer'] .acts button")
		p.Enter()
		if !p.Has(".toast") {
			t.Fatal(p.Text("main"))
		}
	})
	t.Run("apply", func(t *testing.T) {
		p := b.Visit(root(f.c.Node("shanghai"))+"/demo/as/officer-sh?to="+url.QueryEscape("/catalog/zhejiang/"+escape(testResource)+"/apply"), 1440)
		fill := func(id, text string) { p.Reach("#f-" + id); p.Type(text) }
		next := func() { p.Reach("main form .acts button"); p.Enter() }
		fill("citation", "企业信息公示暂行条例第十二条")
		fill("purposes", "企业跨省迁移")
		fill("scenario", "为企业办理跨省迁移")
		next()
		for _, id := range []string{"fields-uscc", "fields-name", "modes-query"} {
			p.Reach("#f-" + id)
			p.Space()
		}
		next()
		fill("valid_until", f.c.Clock.Now().AddDate(0, 6, 0).Format("2006-01-02"))
		fill("scope", "仅限窗口办理")
		next()
		p.Reach("#f-declared-yes")
		p.Space()
		next()
		if !p.Has(".toast") {
			t.Fatal(p.Text("main"))
		}
	})
	t.Run("verify", func(t *testing.T) {
		p := b.Visit(root(f.c.Node("shanghai"))+"/demo/as/auditor?to="+url.QueryEscape("/evidence/"+url.PathEscape(first+"#query.close")), 1440)
		p.Reach("main a.button[href$='check=1']")
		p.Enter()
		if !p.Has("main .chip.good") {
			t.Fatal(p.Text("main"))
		}
	})
	t.Run("revoke", func(t *testing.T) {
		id := f.provided(agr)
		p := b.Visit(root(f.c.Node("zhejiang"))+"/demo/as/head-zj?to=/applications/"+id, 1440)
		p.Reach("details.ask:has(form[action$='/revoke']) summary")
		p.Space()
		p.Reach("form[action$='/revoke'] textarea")
		p.Type("用途已完成")
		p.Reach("form[action$='/revoke'] .acts button")
		p.Enter()
		if !p.Has(".toast") {
			t.Fatal(p.Text("main"))
		}
		f.reaches("zhejiang", id, agreement.Terminated)
	})
}

// provided is the provider's own number of an agreement.
func (f *fixture) provided(agr string) string {
	f.t.Helper()
	for _, n := range must[[]agreement.Negotiation](f.t)(f.c.Node("zhejiang").Agreements.List(f.ctx, oversight(), "", 50)) {
		if n.Agreement == agr {
			return n.ID
		}
	}
	f.t.Fatal("no such agreement")
	return ""
}
