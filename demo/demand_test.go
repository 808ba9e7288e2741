package demo

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/kuayu/kuayu/api/rest"
	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/exchange/demand"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/dbtest"
	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/policy"
)

func (f *fixture) want() demand.Want {
	return demand.Want{
		Name: "企业联系信息", Items: []string{"联系电话", "注册资本"}, Scenario: "跨省迁移时联系企业", Basis: policy.Basis{Kind: "duty", Citation: "企业信息公示暂行条例第十二条"},
		Scope: "在浙江登记的企业", Until: f.c.Clock.Now().AddDate(0, 3, 0),
	}
}

func (f *fixture) demandAt(member, actor, id string) demand.Demand {
	f.t.Helper()
	var d demand.Demand
	f.call(f.as(member, actor), http.MethodGet, "/api/v1/demands/"+id, nil, &d)
	return d
}

// authorityAt gives a member an authority, in a department of its own.
func (f *fixture) authorityAt(member, short, division string) string {
	f.t.Helper()
	dept := Department(division, 1)
	err := f.c.AddDepartment(f.ctx, member, short, dept, "某部门", identity.Actor{ID: "authority", Name: "主管部门", Kind: "officer", Roles: []identity.Role{identity.Authority}})
	if err != nil {
		f.t.Fatal(err)
	}
	return dept
}

// TestDemand: a demand for what the asking department does not know anybody publishes finds its provider through the
// authorities, and is closed with the application made for it (Decree 809 art. 20).
func TestDemand(t *testing.T) { testDemand(t, Settings{}) }

func TestDemandOnPostgres(t *testing.T) {
	dsn := map[string]string{}
	for _, p := range places(3) {
		dsn[p.ID] = dbtest.Postgres(t)
	}
	testDemand(t, Settings{Database: func(place string) string { return dsn[place] }})
}

func testDemand(t *testing.T, s Settings) {
	f := newFixture(t, s)
	f.authorityAt("jiangsu", "js", "320000")
	officer, head := f.as("shanghai", "officer-sh"), f.as("shanghai", "head-sh")
	var d demand.Demand
	f.call(officer, http.MethodPost, "/api/v1/demands", rest.DemandRequest{Want: f.want()}, &d)
	if d.State != demand.Draft || len(f.demandsOf("zhejiang")) != 0 {
		t.Fatalf("a draft went out: %+v", d)
	}
	path := "/api/v1/demands/" + d.ID
	// Another department of the node is a stranger to it, and its officer cannot consent.
	if err := f.as("shanghai", "officer-sh2").Call(f.ctx, http.MethodGet, path, nil, nil); code(err) != "demand.no_such" {
		t.Errorf("another department: %v", err)
	}
	if err := f.as("shanghai", "head-sh2").Call(f.ctx, http.MethodPost, path+"/consent", nil, nil); code(err) != "demand.no_such" {
		t.Errorf("another department's head: %v", err)
	}
	if err := officer.Call(f.ctx, http.MethodPost, path+"/consent", nil, nil); code(err) != "identity.role" {
		t.Errorf("its own officer consents: %v", err)
	}
	f.call(head, http.MethodPost, path+"/consent", nil, &d)
	if d.State != demand.Listed || len(d.Members) != 2 {
		t.Fatalf("listed: %+v", d)
	}
	// It arrives at the authorities, and at nobody else.
	authority := f.as("zhejiang", "authority")
	f.await(func() bool { return authority.Call(f.ctx, http.MethodGet, path, nil, nil) == nil })
	if err := f.as("zhejiang", "officer-zj").Call(f.ctx, http.MethodGet, path, nil, nil); code(err) != "demand.no_such" {
		t.Errorf("before it is assigned: %v", err)
	}
	var cs rest.Page[demand.Candidate]
	f.await(func() bool {
		f.call(authority, http.MethodGet, path+"/candidates", nil, &cs)
		return len(cs.Items) > 0
	})
	if c := cs.Items[0]; c.Department != f.health || len(c.Why) == 0 || c.Why[0].Code != testResource || c.Score < 50 {
		t.Errorf("candidates: %+v", cs.Items)
	}
	if err := authority.Call(f.ctx, http.MethodPost, path+"/assign", rest.Assignment{Department: "nobody"}, nil); code(err) != "demand.department" {
		t.Errorf("assigned to nobody: %v", err)
	}
	f.call(authority, http.MethodPost, path+"/assign", rest.Assignment{Department: f.health}, nil)
	provider := f.as("zhejiang", "officer-zj")
	for name, x := range map[string]struct {
		a    demand.AnswerGiven
		code string
	}{
		"no such entry": {demand.AnswerGiven{Kind: demand.Offered, Resource: "330000/none"}, "demand.entry"},
		"no entry":      {demand.AnswerGiven{Kind: demand.Offered}, "demand.answer"},
		"no reason":     {demand.AnswerGiven{Kind: demand.NotHeld}, "demand.answer"},
		"past day":      {demand.AnswerGiven{Kind: demand.Planned, By: f.c.Clock.Now().AddDate(0, 0, -1)}, "demand.answer"},
		"no kind":       {demand.AnswerGiven{}, "demand.answer"},
	} {
		if err := provider.Call(f.ctx, http.MethodPost, path+"/reply", x.a, nil); code(err) != x.code {
			t.Errorf("%s: %v", name, err)
		}
	}
	// First a day, then the entry.
	f.call(provider, http.MethodPost, path+"/reply", demand.AnswerGiven{Kind: demand.Planned, By: f.c.Clock.Now().AddDate(0, 1, 0), Reason: "正在编目"}, nil)
	f.call(provider, http.MethodPost, path+"/reply", demand.AnswerGiven{Kind: demand.Offered, Resource: testResource}, nil)
	// Jiangsu holds nothing of the kind.
	js := f.as("jiangsu", "authority")
	f.await(func() bool { return js.Call(f.ctx, http.MethodGet, path, nil, nil) == nil })
	f.call(js, http.MethodPost, path+"/assign", rest.Assignment{Department: Department("320000", 1)}, nil)
	f.call(f.as("jiangsu", "officer-js"), http.MethodPost, path+"/reply", demand.AnswerGiven{Kind: demand.NotHeld, Reason: "非本部门职责"}, nil)
	f.await(func() bool { // the day came first; the entry replaces it
		d = f.demandAt("shanghai", "officer-sh", d.ID)
		offers := slices.ContainsFunc(d.Answers, func(a demand.Answer) bool { return a.Kind == demand.Offered })
		return len(d.Answers) == 2 && d.State == demand.Answered && offers
	})
	for _, a := range d.Answers {
		if a.From.Member == "zhejiang" && (a.Kind != demand.Offered || a.Resource != testResource || a.From.Department != f.health) {
			t.Errorf("answer: %+v", a)
		}
	}
	// Entries that are there already are shown to whoever asks.
	var ms rest.Page[demand.Match]
	f.await(func() bool {
		f.call(officer, http.MethodGet, path+"/matches", nil, &ms)
		return len(ms.Items) > 0
	})
	if m := ms.Items[0]; m.Member != "zhejiang" || m.Code != testResource {
		t.Errorf("matches: %+v", ms.Items)
	}
	if err := officer.Call(f.ctx, http.MethodPost, path+"/satisfy", rest.Satisfaction{Application: "none"}, nil); code(err) != "demand.application" {
		t.Errorf("satisfied with nothing: %v", err)
	}
	var n agreement.Negotiation
	f.call(officer, http.MethodPost, "/api/v1/applications", f.application(), &n)
	f.call(officer, http.MethodPost, path+"/satisfy", rest.Satisfaction{Application: n.ID}, &d)
	if d.State != demand.Satisfied || d.Application != n.ID {
		t.Errorf("satisfied: %+v", d)
	}
	f.await(func() bool { return f.demandAt("zhejiang", "officer-zj", d.ID).State == demand.Closed })
	if err := provider.Call(f.ctx, http.MethodPost, path+"/reply", demand.AnswerGiven{Kind: demand.NotHeld, Reason: "晚了"}, nil); code(err) != "demand.transition" {
		t.Errorf("an answer to a closed demand: %v", err)
	}
}

// demandsOf lists a node's demands.
func (f *fixture) demandsOf(member string) []demand.Demand {
	f.t.Helper()
	ds, err := f.c.Node(member).Demands.List(f.ctx, oversight(), "", 100)
	if err != nil {
		f.t.Fatal(err)
	}
	return ds
}

// TestDemandBadInput: what is missing is told all at once, and nothing is stored.
func TestDemandBadInput(t *testing.T) {
	f := newFixture(t, Settings{})
	officer := f.as("shanghai", "officer-sh")
	err := officer.Call(f.ctx, http.MethodPost, "/api/v1/demands", rest.DemandRequest{}, nil)
	if code(err) != "demand.want" || len(fieldsOf(err)) < 6 {
		t.Errorf("empty: %v %v", err, fieldsOf(err))
	}
	w := f.want()
	w.Until = f.c.Clock.Now().Add(-time.Hour)
	if err := officer.Call(f.ctx, http.MethodPost, "/api/v1/demands", rest.DemandRequest{Want: w}, nil); code(err) != "demand.want" {
		t.Errorf("past day: %v", err)
	}
	for _, m := range []string{"shanghai", "nowhere"} {
		if err := officer.Call(f.ctx, http.MethodPost, "/api/v1/demands", rest.DemandRequest{Want: f.want(), Members: []string{m}}, nil); code(err) != "demand.member" {
			t.Errorf("asked %s: %v", m, err)
		}
	}
	var p rest.Page[demand.Demand]
	f.call(officer, http.MethodGet, "/api/v1/demands", nil, &p)
	if len(p.Items) != 0 {
		t.Errorf("stored: %+v", p.Items)
	}
	var d demand.Demand
	f.call(officer, http.MethodPost, "/api/v1/demands", rest.DemandRequest{Want: f.want()}, &d)
	if err := f.as("shanghai", "head-sh").Call(f.ctx, http.MethodPost, "/api/v1/demands/"+d.ID+"/return", rest.Reason{}, nil); code(err) != "demand.reason" {
		t.Errorf("returned without a reason: %v", err)
	}
	f.call(f.as("shanghai", "head-sh"), http.MethodPost, "/api/v1/demands/"+d.ID+"/return", rest.Reason{Reason: "范围过大"}, &d)
	if d.State != demand.Withdrawn {
		t.Errorf("returned: %+v", d)
	}
}

func oversight() db.Scope { return db.System("test") }

func fieldsOf(err error) []errs.Field {
	if err == nil {
		return nil
	}
	return errs.As(err).Fields
}
