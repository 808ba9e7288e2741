package demo

import (
	"encoding/json"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/kuayu/kuayu/api/client"
	"github.com/kuayu/kuayu/api/rest"
	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/internal/clock"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/workday"
	"github.com/kuayu/kuayu/support/evidence"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/policy"
)

// matter is an application or agreement, with its record at both ends.
type matter struct {
	*fixture
	mine, theirs string // Shanghai applies, Zhejiang provides
}

// under walks an application to review at the provider.
func (f *fixture) under(a agreement.Application) *matter {
	f.t.Helper()
	var n agreement.Negotiation
	f.call(f.as("shanghai", "officer-sh"), http.MethodPost, "/api/v1/applications", a, &n)
	f.call(f.as("shanghai", "head-sh"), http.MethodPost, "/api/v1/applications/"+n.ID+"/consent", nil, nil)
	m := &matter{fixture: f, mine: n.ID}
	f.await(func() bool {
		ns, err := f.c.Node("zhejiang").Agreements.List(f.ctx, db.System("test"), "", 500)
		if err != nil {
			f.t.Fatal(err)
		}
		for _, x := range ns {
			if x.Peer == n.ID {
				m.theirs = x.ID
			}
		}
		return m.theirs != "" && m.at("shanghai").Peer != ""
	})
	return m
}

// inForce walks an application to an agreement in force.
func (f *fixture) inForce(a agreement.Application) *matter {
	f.t.Helper()
	m := f.under(a)
	m.act("officer-zj", "answer", agreement.Grant{Fields: a.Fields})
	m.act("head-zj", "consent-answer", nil)
	m.awaitBoth(agreement.Active)
	return m
}

func memberOf(actor string) string {
	if actor[len(actor)-2:] == "sh" {
		return "shanghai"
	}
	return "zhejiang"
}

// path is a verb's route, with the record's id at the actor's node. Both ids work for applications and agreements.
func (m *matter) path(actor, verb string) string {
	id := m.theirs
	if memberOf(actor) == "shanghai" {
		id = m.mine
	}
	switch verb {
	case "answer", "consent-answer", "refuse", "withdraw", "supplement", "supply", "consent-supply", "extend", "consent-extension", "refuse-extension":
		return "/api/v1/applications/" + id + "/" + verb
	}
	return "/api/v1/agreements/" + id + "/" + verb
}

func (m *matter) client(actor string) *client.Client {
	m.t.Helper()
	if actor == "authority" {
		return m.as("zhejiang", actor)
	}
	return m.as(memberOf(actor), actor)
}

func (m *matter) act(actor, verb string, in any) agreement.Negotiation {
	m.t.Helper()
	var n agreement.Negotiation
	m.call(m.client(actor), http.MethodPost, m.path(actor, verb), in, &n)
	return n
}

func (m *matter) at(member string) agreement.Negotiation {
	m.t.Helper()
	id := m.theirs
	if member == "shanghai" {
		id = m.mine
	}
	n, err := m.c.Node(member).Agreements.Get(m.ctx, db.System("test"), id)
	if err != nil {
		m.t.Fatal(err)
	}
	return *n
}

func (m *matter) awaitBoth(s agreement.State) {
	m.t.Helper()
	m.await(func() bool { return m.at("shanghai").State == s && m.at("zhejiang").State == s })
}

// stored is everything kept about the matter at both ends.
func (m *matter) stored() string {
	m.t.Helper()
	out, err := json.Marshal([]any{m.at("shanghai"), m.at("zhejiang"), m.steps("shanghai"), m.steps("zhejiang")})
	if err != nil {
		m.t.Fatal(err)
	}
	return string(out)
}

func (m *matter) steps(member string) int {
	m.t.Helper()
	id := m.theirs
	if member == "shanghai" {
		id = m.mine
	}
	h, err := m.c.Node(member).Agreements.History(m.ctx, db.System("test"), id)
	if err != nil {
		m.t.Fatal(err)
	}
	return len(h)
}

// refused expects an act to be refused and nothing to be stored.
func (m *matter) refused(want, actor, verb string, in any) {
	m.t.Helper()
	before := m.stored()
	if err := m.client(actor).Call(m.ctx, http.MethodPost, m.path(actor, verb), in, nil); code(err) != want {
		m.t.Errorf("%s by %s: %v, want %s", verb, actor, err, want)
	}
	if after := m.stored(); after != before {
		m.t.Errorf("%s by %s was refused and changed something:\n%s\n%s", verb, actor, before, after)
	}
}

func one(item, text string) rest.SupplementRequest {
	return rest.SupplementRequest{Missing: []agreement.Missing{{Item: item, Why: text}}}
}

// TestSupplement: everything missing is told once, what widens the application needs the head, and incompleteness never
// becomes a refusal (Decree 809 art. 20, 21).
func TestSupplement(t *testing.T) {
	f := newFixture(t, Settings{})
	a := f.application()
	a.Fields = a.Fields[:3]
	m := f.under(a)
	m.refused("agreement.details", "officer-zj", "supplement", rest.SupplementRequest{})
	m.refused("agreement.details", "officer-zj", "supplement", one("依据", " "))
	m.refused("identity.role", "head-zj", "supplement", one("依据", "缺条文"))
	m.refused("agreement.no_such", "officer-sh", "supplement", one("依据", "缺条文"))
	m.refused("agreement.incomplete", "head-zj", "refuse", rest.Reason{Reason: "incomplete"})
	m.act("officer-zj", "supplement", rest.SupplementRequest{Missing: []agreement.Missing{{Item: "依据", Why: "缺条文"}, {Item: "范围", Why: "不明确"}}})
	m.awaitBoth(agreement.Supplement)
	if p := m.at("shanghai").Supplement; p == nil || len(p.Missing) != 2 || p.Missing[1].Why != "不明确" || p.Asked.IsZero() {
		t.Fatalf("what the applicant was told: %+v", p)
	}
	m.refused("agreement.incomplete", "head-zj", "refuse", rest.Reason{Reason: "别的理由"})
	texts := []agreement.Supplied{{Item: "依据", Text: "第十二条"}, {Item: "范围", Text: "仅限迁移"}}
	m.refused("agreement.details", "officer-sh", "supply", agreement.Supply{Texts: texts[:1]})
	m.refused("agreement.details", "officer-sh", "supply", agreement.Supply{Texts: append(texts[:2:2], agreement.Supplied{Item: "其他", Text: "x"})})
	m.refused("agreement.transition", "head-sh", "consent-supply", nil)
	m.refused("identity.role", "head-sh", "supply", agreement.Supply{Texts: texts})
	elsewhere := a
	elsewhere.Resource = "330000/other"
	m.refused("agreement.mismatch", "officer-sh", "supply", agreement.Supply{Texts: texts, Application: &elsewhere})
	// More items than the head consented to: it waits for the head.
	wide := f.application()
	wide.ValidUntil = a.ValidUntil
	n := m.act("officer-sh", "supply", agreement.Supply{Texts: texts, Application: &wide})
	if n.State != agreement.Supplement || len(n.Application.Fields) != 3 || m.at("zhejiang").Supplement.Supply != nil {
		t.Fatalf("a widened supplement went out without the head: %+v", n)
	}
	m.refused("identity.role", "officer-sh", "consent-supply", nil)
	m.act("head-sh", "consent-supply", nil)
	m.awaitBoth(agreement.Reviewing)
	for _, member := range []string{"shanghai", "zhejiang"} {
		if n := m.at(member); len(n.Application.Fields) != len(wide.Fields) || n.Supplement.Supply.Texts[0].Text != "第十二条" || n.Supplement.Given.IsZero() {
			t.Errorf("%s after the supplement: %+v", member, n)
		}
	}
	m.refused("agreement.transition", "officer-zj", "supplement", one("依据", "还缺")) // once
	m.act("officer-zj", "answer", agreement.Grant{Fields: wide.Fields})
	m.act("head-zj", "consent-answer", nil)
	m.awaitBoth(agreement.Active)

	// Within what the head consented to, it goes out at once.
	m = f.under(a)
	m.act("officer-zj", "supplement", one("数据项", "过多"))
	m.awaitBoth(agreement.Supplement)
	narrow := a
	narrow.Fields = a.Fields[:1]
	m.act("officer-sh", "supply", agreement.Supply{Texts: []agreement.Supplied{{Item: "数据项", Text: "已减"}}, Application: &narrow})
	m.awaitBoth(agreement.Reviewing)
	if n := m.at("zhejiang"); len(n.Application.Fields) != 1 {
		t.Errorf("narrowed: %v", n.Application.Fields)
	}
}

// TestExtension: at most 10 working days, once, and only with the authority's consent (Decree 809 art. 21).
func TestExtension(t *testing.T) {
	f := newFixture(t, Settings{})
	m := f.under(f.application())
	m.refused("agreement.details", "officer-zj", "extend", rest.ExtensionRequest{Days: 11, Reason: "核实"})
	m.refused("agreement.details", "officer-zj", "extend", rest.ExtensionRequest{Days: 0, Reason: "核实"})
	m.refused("agreement.details", "officer-zj", "extend", rest.ExtensionRequest{Days: 5})
	m.refused("identity.role", "head-zj", "extend", rest.ExtensionRequest{Days: 5, Reason: "核实"})
	m.refused("agreement.no_such", "officer-sh", "extend", rest.ExtensionRequest{Days: 5, Reason: "核实"})
	m.refused("agreement.transition", "authority", "consent-extension", nil) // nobody asked
	n := m.act("officer-zj", "extend", rest.ExtensionRequest{Days: 3, Reason: "核实"})
	if n.State != agreement.Reviewing || n.Extension == nil || !n.Extension.Until.IsZero() || m.at("shanghai").Extension != nil {
		t.Fatalf("it holds without consent: %+v", n)
	}
	m.refused("identity.role", "head-zj", "consent-extension", nil)
	m.refused("agreement.reason", "authority", "refuse-extension", rest.Reason{})
	m.act("authority", "refuse-extension", rest.Reason{Reason: "理由不足"})
	m.refused("agreement.transition", "authority", "consent-extension", nil)
	m.act("officer-zj", "extend", rest.ExtensionRequest{Days: 10, Reason: "跨部门核实"})
	m.act("authority", "consent-extension", nil)
	m.awaitBoth(agreement.Extended)
	here, there := m.at("zhejiang"), m.at("shanghai").Extension
	until, _, err := workday.Builtin().AddWorkdays(here.Received, 20)
	if err != nil || !here.Extension.Until.Equal(until) || here.Extension.ConsentedBy != "authority" || !there.Until.Equal(until) || there.Reason != "跨部门核实" {
		t.Errorf("extended until %v by %q, told %+v, want %v", here.Extension.Until, here.Extension.ConsentedBy, there, until)
	}
	m.refused("agreement.transition", "officer-zj", "extend", rest.ExtensionRequest{Days: 1, Reason: "再延"})
	m.act("officer-zj", "answer", agreement.Grant{Fields: here.Application.Fields})
	m.act("head-zj", "consent-answer", nil)
	m.awaitBoth(agreement.Active)
	m.evident("agreement.extend")
}

// TestPartApproval: every item is granted or refused with a reason, and the applicant reads the reasons (art. 21).
func TestPartApproval(t *testing.T) {
	f := newFixture(t, Settings{})
	a := f.application()
	m := f.under(a)
	m.refused("agreement.details", "officer-zj", "answer", agreement.Grant{Fields: a.Fields[:5]})
	m.refused("agreement.details", "officer-zj", "answer", agreement.Grant{Fields: a.Fields[:5], Refused: []agreement.RefusedItem{{Item: "capital"}}})
	m.refused("agreement.details", "officer-zj", "answer", agreement.Grant{Fields: a.Fields, Refused: []agreement.RefusedItem{{Item: "capital", Reason: "x"}}})
	m.refused("agreement.details", "officer-zj", "answer", agreement.Grant{Fields: a.Fields[:5], Refused: []agreement.RefusedItem{{Item: "capital", Reason: "x"}, {Item: "secret", Reason: "x"}}})
	m.act("officer-zj", "answer", agreement.Grant{Fields: a.Fields[:5], Refused: []agreement.RefusedItem{{Item: "capital", Reason: "与事项无关"}}})
	m.act("head-zj", "consent-answer", nil)
	m.awaitBoth(agreement.Active)
	g := m.at("shanghai").Grant
	if g == nil || len(g.Fields) != 5 || len(g.Refused) != 1 || g.Refused[0].Reason != "与事项无关" {
		t.Fatalf("what the applicant was told: %+v", g)
	}
	if _, err := f.query(f.as("shanghai", "machine-sh"), m.at("shanghai").Agreement, plan(policy.Plan{Project: []string{"capital"}})); code(err) != "policy.field" {
		t.Errorf("an item refused: %v", err)
	}
}

// TestChangeOfUse: two people at each end, the old terms until it is granted, the new bytes at both ends afterwards, and
// the old ones kept (Decree 809 art. 20, 25).
func TestChangeOfUse(t *testing.T) {
	f := newFixture(t, Settings{})
	a := f.application()
	m := f.inForce(a)
	id, sh := m.at("shanghai").Agreement, f.as("shanghai", "machine-sh")
	ask := func(purpose string) error {
		_, err := f.query(sh, id, map[string]any{"purpose": purpose, "plan": policy.Plan{Limit: 1}})
		return err
	}
	wanted := a
	wanted.Purposes = []string{"enterprise-service", "statistics"}
	wanted.ValidUntil = a.ValidUntil.AddDate(0, 1, 0)
	change := agreement.ChangeRequest{Application: wanted, Reason: "新增统计用途"}
	past, other := wanted, wanted
	past.ValidUntil = f.c.Clock.Now().Add(-time.Hour)
	other.Resource = "330000/other"
	m.refused("agreement.details", "officer-sh", "change", agreement.ChangeRequest{Application: wanted})
	m.refused("agreement.details", "officer-sh", "change", agreement.ChangeRequest{Application: m.at("shanghai").Application, Reason: "x"})
	m.refused("agreement.application", "officer-sh", "change", agreement.ChangeRequest{Application: past, Reason: "x"})
	m.refused("agreement.mismatch", "officer-sh", "change", agreement.ChangeRequest{Application: other, Reason: "x"})
	m.refused("identity.role", "head-sh", "change", change)
	m.refused("agreement.no_such", "officer-zj", "change", change)
	m.refused("agreement.transition", "head-sh", "consent-change", nil)
	m.act("officer-sh", "change", change)
	m.refused("identity.role", "officer-sh", "consent-change", nil)
	m.act("head-sh", "consent-change", nil)
	m.awaitBoth(agreement.ChangeOfUse)
	if err := ask("enterprise-service"); err != nil {
		t.Errorf("the old terms while a change is asked for: %v", err)
	}
	if err := ask("statistics"); code(err) != "policy.purpose" {
		t.Errorf("the new purpose before it is granted: %v", err)
	}
	m.refused("agreement.reason", "head-zj", "decline-change", rest.Reason{})
	m.refused("agreement.transition", "head-zj", "grant-change", nil)
	m.act("head-zj", "decline-change", rest.Reason{Reason: "统计另有渠道"})
	m.awaitBoth(agreement.Active)
	if c := m.at("shanghai").Change; c.Status != agreement.ChangeDeclined || c.Declined != "统计另有渠道" {
		t.Errorf("declined: %+v", c)
	}
	if err := ask("enterprise-service"); err != nil {
		t.Errorf("the old terms after a change was declined: %v", err)
	}
	// Again, and granted.
	m.act("officer-sh", "change", change)
	m.act("head-sh", "consent-change", nil)
	m.awaitBoth(agreement.ChangeOfUse)
	m.refused("agreement.grant", "officer-zj", "answer-change", agreement.Grant{Fields: a.Fields, ValidUntil: wanted.ValidUntil.AddDate(0, 0, 1)}) // more than was asked
	m.refused("agreement.grant", "officer-zj", "answer-change", agreement.Grant{Fields: append(a.Fields[:6:6], "secret")})
	m.refused("agreement.details", "officer-zj", "answer-change", agreement.Grant{Fields: a.Fields[:5]})
	m.act("officer-zj", "answer-change", agreement.Grant{Fields: a.Fields[:5], Refused: []agreement.RefusedItem{{Item: "capital", Reason: "统计不需要"}}})
	m.refused("identity.role", "officer-zj", "grant-change", nil)
	old := m.at("zhejiang").Hash
	m.act("head-zj", "grant-change", nil)
	m.awaitBoth(agreement.Active)
	here, there := m.at("shanghai"), m.at("zhejiang")
	if here.Hash == old || here.Hash != there.Hash || here.Agreement != id || !here.ValidUntil.Equal(there.ValidUntil) || here.Grant.Refused[0].Reason != "统计不需要" {
		t.Errorf("amended: %+v, %+v", here, there)
	}
	if err := ask("statistics"); err != nil {
		t.Errorf("the new purpose: %v", err)
	}
	if _, err := f.query(sh, id, plan(policy.Plan{Project: []string{"capital"}})); code(err) != "policy.field" {
		t.Errorf("an item the amended agreement no longer grants: %v", err)
	}
	for member, actor := range map[string]string{"shanghai": "officer-sh", "zhejiang": "officer-zj"} {
		var vs rest.Page[agreement.Version]
		f.call(f.as(member, actor), http.MethodGet, "/api/v1/agreements/"+id+"/versions", nil, &vs)
		if len(vs.Items) != 1 || vs.Items[0].Hash != old || len(vs.Items[0].Document) == 0 {
			t.Errorf("%s keeps %+v", member, vs.Items)
		}
	}
	m.settled()
}

// TestSuspension: at once, by the head or the authority, until what was ordered is put right (Decree 809 art. 27).
func TestSuspension(t *testing.T) {
	f := newFixture(t, Settings{})
	m := f.inForce(f.application())
	id, sh := m.at("shanghai").Agreement, f.as("shanghai", "machine-sh")
	soon := f.c.Clock.Now().AddDate(0, 0, 10)
	m.refused("agreement.reason", "head-zj", "suspend", rest.Reason{Reason: " "})
	m.refused("identity.role", "officer-zj", "suspend", rest.Reason{Reason: "x"})
	m.refused("agreement.no_such", "head-sh", "suspend", rest.Reason{Reason: "x"})
	m.refused("agreement.transition", "head-zj", "rectify", agreement.RectifyOrder{What: "x", By: soon})
	m.refused("agreement.transition", "officer-sh", "rectified", rest.Report{Report: "x"})
	if _, err := f.query(sh, id, plan(policy.Plan{Limit: 1})); err != nil {
		t.Fatal(err)
	}
	m.act("officer-sh", "change", agreement.ChangeRequest{Application: changedScope(f.application()), Reason: "x"})
	m.act("head-sh", "consent-change", nil)
	m.awaitBoth(agreement.ChangeOfUse)
	m.act("head-zj", "suspend", rest.Reason{Reason: "疑似超范围使用"})
	before := f.reads("zhejiang")
	if _, err := f.query(sh, id, plan(policy.Plan{Limit: 1})); !errors.Is(err, agreement.ErrSuspended) {
		t.Errorf("suspended: %v", err)
	}
	if f.reads("zhejiang") != before {
		t.Error("a suspended agreement reached the source")
	}
	m.awaitBoth(agreement.Suspended)
	if n := m.at("shanghai"); n.Suspension.Reason != "疑似超范围使用" || n.Change.Status != agreement.ChangeDropped {
		t.Errorf("the applicant was told %+v %+v", n.Suspension, n.Change)
	}
	m.refused("agreement.details", "head-zj", "rectify", agreement.RectifyOrder{What: "停止外传", By: f.c.Clock.Now().Add(-time.Minute)})
	m.refused("agreement.details", "head-zj", "rectify", agreement.RectifyOrder{By: soon})
	m.refused("agreement.transition", "head-zj", "resume", rest.Reason{Reason: "x"})
	m.act("authority", "rectify", agreement.RectifyOrder{What: "停止外传", By: soon})
	m.awaitBoth(agreement.Rectifying)
	m.refused("agreement.not_rectified", "head-zj", "resume", rest.Reason{Reason: "x"})
	m.refused("agreement.details", "officer-sh", "rectified", rest.Report{})
	m.refused("agreement.no_such", "officer-zj", "rectified", rest.Report{Report: "x"})
	m.act("officer-sh", "rectified", rest.Report{Report: "已停止并核查"})
	m.await(func() bool { return m.at("zhejiang").Suspension.Report == "已停止并核查" })
	m.refused("agreement.reason", "head-zj", "resume", rest.Reason{})
	m.act("head-zj", "resume", rest.Reason{Reason: "整改到位"})
	m.awaitBoth(agreement.Active)
	if n := m.at("shanghai"); n.Suspension.Finding != "整改到位" || n.Suspension.Resumed.IsZero() || !n.Suspension.RectifyBy.Equal(soon) {
		t.Errorf("resumed: %+v", n.Suspension)
	}
	if _, err := f.query(sh, id, plan(policy.Plan{Limit: 1})); err != nil {
		t.Errorf("resumed: %v", err)
	}
	// The authority suspends, too; not put right, it is terminated.
	m.act("authority", "suspend", rest.Reason{Reason: "再次超范围"})
	m.awaitBoth(agreement.Suspended)
	m.act("head-zj", "rectify", agreement.RectifyOrder{What: "停止", By: soon})
	m.awaitBoth(agreement.Rectifying)
	m.act("authority", "revoke", rest.Reason{Reason: "拒不整改"})
	m.awaitBoth(agreement.Terminated)
	if _, err := f.query(sh, id, plan(policy.Plan{Limit: 1})); !errors.Is(err, agreement.ErrRevoked) {
		t.Errorf("terminated: %v", err)
	}
	m.settled()
}

func changedScope(a agreement.Application) agreement.Application {
	a.Scope = "窗口与自助终端"
	return a
}

// TestLedgerAndDisposal: five parts, read by the provider over the link and by the authorities, and without them no
// renewal; after the end the data are destroyed, certified, and the matter is closed at both ends (art. 27, 29).
func TestLedgerAndDisposal(t *testing.T) {
	c := clock.NewManual(time.Now().UTC())
	f := newFixture(t, Settings{Clock: c})
	a := f.application()
	m := f.under(a)
	m.refused("agreement.not_in_force", "officer-sh", "ledger", agreement.UseRecord{Part: agreement.PartEffect, Text: "x"})
	m.act("officer-zj", "answer", agreement.Grant{Fields: a.Fields})
	m.act("head-zj", "consent-answer", nil)
	m.awaitBoth(agreement.Active)
	id := m.at("shanghai").Agreement
	renewal := a
	renewal.Continues = id
	apply := func(a agreement.Application) error {
		return f.as("shanghai", "officer-sh").Call(f.ctx, http.MethodPost, "/api/v1/applications", a, nil)
	}
	m.refused("agreement.details", "officer-sh", "ledger", agreement.UseRecord{Part: "other", Text: "x"})
	m.refused("agreement.details", "officer-sh", "ledger", agreement.UseRecord{Part: agreement.PartEffect})
	m.refused("identity.role", "head-sh", "ledger", agreement.UseRecord{Part: agreement.PartEffect, Text: "x"})
	m.refused("agreement.no_such", "officer-zj", "ledger", agreement.UseRecord{Part: agreement.PartEffect, Text: "x"})
	for i, p := range agreement.Parts() {
		if err := apply(renewal); code(err) != "agreement.ledger" {
			t.Errorf("renewal with %d parts of the ledger: %v", i, err)
		}
		m.act("officer-sh", "ledger", agreement.UseRecord{Part: p, Text: "记录" + string(p)})
	}
	for member, actors := range map[string][]string{"shanghai": {"officer-sh", "authority"}, "zhejiang": {"officer-zj", "head-zj", "authority"}} {
		for _, actor := range actors {
			var l agreement.Ledger
			f.call(f.as(member, actor), http.MethodGet, "/api/v1/agreements/"+id+"/ledger", nil, &l)
			if len(l.Entries) != 5 || !l.Complete || l.KeepUntil.Before(c.Now().AddDate(3, 0, 0)) {
				t.Errorf("%s at %s reads %+v", actor, member, l)
			}
		}
	}
	if f.facts("shanghai", "ledger.serve", "ok") != 3 {
		t.Error("the provider's reading is not in evidence")
	}
	if err := f.as("shanghai", "officer-sh2").Call(f.ctx, http.MethodGet, "/api/v1/agreements/"+id+"/ledger", nil, nil); code(err) != "agreement.no_such" {
		t.Errorf("another department's ledger: %v", err)
	}
	for member, dept := range map[string]string{"jiangsu": f.health, "zhejiang": f.other} {
		if _, err := f.c.Node("shanghai").Agreements.LedgerFor(f.ctx, member, dept, id); !errors.Is(err, agreement.ErrNoSuch) {
			t.Errorf("%s of %s reads the ledger: %v", dept, member, err)
		}
	}
	// Renewal: of one's own agreement, for the same resource.
	foreign := renewal
	foreign.Continues = "00000000-0000-0000-0000-000000000000"
	if err := apply(foreign); code(err) != "agreement.no_such" {
		t.Errorf("continuing what is not there: %v", err)
	}
	renewal.ValidUntil = c.Now().AddDate(1, 0, 0)
	next := f.under(renewal)
	if n := next.at("zhejiang"); n.Application.Continues != id {
		t.Errorf("the provider is not told what is continued: %+v", n.Application)
	}
	// The end.
	order := agreement.DisposalOrder{Method: "覆写三次", Scope: "全部副本", By: c.Now().AddDate(0, 8, 0)}
	m.refused("agreement.transition", "officer-zj", "dispose", order)
	c.Advance(200 * 24 * time.Hour)
	for _, member := range []string{"shanghai", "zhejiang"} {
		f.c.Node(member).Queue.Wake()
	}
	m.awaitBoth(agreement.Expired)
	done := agreement.Certificate{Method: "覆写三次", Scope: "全部副本", Date: c.Now().Add(-time.Hour), Officer: "信息科负责人"}
	m.refused("agreement.transition", "head-sh", "destroyed", done)
	m.refused("agreement.details", "officer-zj", "dispose", agreement.DisposalOrder{Method: "x", Scope: "x", By: c.Now().Add(-time.Hour)})
	m.refused("agreement.no_such", "officer-sh", "dispose", order)
	m.act("officer-zj", "dispose", order)
	m.awaitBoth(agreement.Disposal)
	if d := m.at("shanghai").Disposing; d.Order.Method != "覆写三次" {
		t.Errorf("told: %+v", d)
	}
	future := done
	future.Date = c.Now().Add(24 * time.Hour)
	m.refused("agreement.details", "head-sh", "destroyed", future)
	m.refused("agreement.details", "head-sh", "destroyed", agreement.Certificate{Method: "x", Scope: "x", Date: done.Date})
	m.refused("identity.role", "officer-sh", "destroyed", done)
	m.act("head-sh", "destroyed", done)
	m.awaitBoth(agreement.Closed)
	if d := m.at("zhejiang").Disposing; d.Certificate == nil || d.Certificate.Officer != "信息科负责人" {
		t.Errorf("the provider has %+v", d)
	}
	m.evident("agreement.confirm_disposal")
	renewal.ValidUntil = c.Now().AddDate(1, 0, 0)
	if err := apply(renewal); code(err) != "agreement.not_in_force" {
		t.Errorf("renewal of what was destroyed: %v", err)
	}
	m.settled()
}

// TestTwoPeopleChangeAndExtend: who has both roles still can't do both steps (art. 20, 21).
func TestTwoPeopleChangeAndExtend(t *testing.T) {
	f := newFixture(t, Settings{})
	dual := func(member, dept string) *identity.Session {
		n := f.c.Node(member)
		a := identity.Actor{ID: "dual", Department: dept, Name: "兼任", Kind: "officer", Roles: []identity.Role{identity.DataOfficer, identity.OfficeHead, identity.Authority}}
		if err := n.Identity.AddActor(f.ctx, a); err != nil {
			t.Fatal(err)
		}
		_, sess, err := n.Identity.OpenFor(f.ctx, "dual")
		if err != nil {
			t.Fatal(err)
		}
		return sess
	}
	zj, sh := dual("zhejiang", f.health), dual("shanghai", f.market)
	here, there := f.c.Node("shanghai").Agreements, f.c.Node("zhejiang").Agreements
	alone := func(_ *agreement.Negotiation, err error) {
		t.Helper()
		if !errors.Is(err, agreement.ErrTwoPeople) {
			t.Errorf("alone: %v", err)
		}
	}
	m := f.under(f.application())
	must[*agreement.Negotiation](t)(there.AskExtension(f.ctx, zj, m.theirs, 5, "核实"))
	alone(there.ConsentExtension(f.ctx, zj, m.theirs))
	must[*agreement.Negotiation](t)(there.AskSupplement(f.ctx, zj, m.theirs, []agreement.Missing{{Item: "范围", Why: "不明"}}))
	m.awaitBoth(agreement.Supplement)
	wide := changedScope(f.application())
	wide.ValidUntil = m.at("shanghai").Application.ValidUntil
	must[*agreement.Negotiation](t)(here.GiveSupplement(f.ctx, sh, m.mine, agreement.Supply{Texts: []agreement.Supplied{{Item: "范围", Text: "见更正"}}, Application: &wide}))
	alone(here.ConsentSupplement(f.ctx, sh, m.mine))
	m.act("head-sh", "consent-supply", nil)
	m.awaitBoth(agreement.Reviewing)
	m.act("officer-zj", "answer", agreement.Grant{Fields: wide.Fields})
	m.act("head-zj", "consent-answer", nil)
	m.awaitBoth(agreement.Active)
	change := f.application()
	change.Scenario = "另一场景"
	must[*agreement.Negotiation](t)(here.DraftChange(f.ctx, sh, m.mine, agreement.ChangeRequest{Application: change, Reason: "x"}))
	alone(here.RequestChange(f.ctx, sh, m.mine))
	m.act("head-sh", "consent-change", nil)
	m.awaitBoth(agreement.ChangeOfUse)
	must[*agreement.Negotiation](t)(there.ProposeChange(f.ctx, zj, m.theirs, agreement.Grant{Fields: change.Fields}))
	alone(there.GrantChange(f.ctx, zj, m.theirs))
	m.act("head-zj", "grant-change", nil)
	m.awaitBoth(agreement.Active)
}

// TestAuthorityOfAnotherDepartment: the authority acts on what belongs to others; the fact is theirs and names it, and
// its own colleagues see nothing of it.
func TestAuthorityOfAnotherDepartment(t *testing.T) {
	f := newFixture(t, Settings{})
	bureau := Department("330000", 9)
	if err := f.c.AddDepartment(f.ctx, "zhejiang", "bureau", bureau, "浙江省数据主管部门", identity.Actor{ID: "regulator", Name: "主管", Kind: "officer", Roles: []identity.Role{identity.Authority}}); err != nil {
		t.Fatal(err)
	}
	m := f.inForce(f.application())
	id := m.at("zhejiang").Agreement
	suspend := "/api/v1/agreements/" + id + "/suspend"
	if err := f.as("zhejiang", "head-bureau").Call(f.ctx, http.MethodPost, suspend, rest.Reason{Reason: "x"}, nil); code(err) != "agreement.no_such" {
		t.Errorf("the head of another department: %v", err)
	}
	f.call(f.as("zhejiang", "regulator"), http.MethodPost, suspend, rest.Reason{Reason: "检查发现超范围"}, nil)
	m.awaitBoth(agreement.Suspended)
	m.evident("agreement.suspend")
	find := func(actor string) (es rest.Page[evidence.Entry]) {
		f.call(f.as("zhejiang", actor), http.MethodGet, "/api/v1/facts?kind=agreement.suspend", nil, &es)
		return es
	}
	f.await(func() bool { return len(find("officer-zj").Items) == 1 })
	if es := find("officer-bureau"); len(es.Items) != 0 {
		t.Errorf("the authority's colleagues see %+v", es.Items)
	}
}

// TestChangeHeardLate: an applicant that could not be reached until the old limit had passed hears of the change and is
// in force again, as the provider is.
// evident waits until both ends have a fact of the kind: it is sealed just after its transaction.
func (m *matter) evident(kind string) {
	m.t.Helper()
	m.await(func() bool { return m.facts("shanghai", kind, "") == 1 && m.facts("zhejiang", kind, "") == 1 })
}

// settled checks that no message was refused for good.
func (m *matter) settled() {
	m.t.Helper()
	for _, member := range []string{"shanghai", "zhejiang"} {
		if dead, err := m.c.Node(member).Queue.Dead(m.ctx); err != nil || len(dead) > 0 {
			m.t.Errorf("%s: dead jobs %+v %v", member, dead, err)
		}
	}
}

// TestNoRepeatAfterSuspension: an answer given before a suspension is not given again after it, not even to the very same
// request (invariant 1).
