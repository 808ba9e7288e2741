package demo

import (
	"net/http"
	"slices"
	"testing"

	"github.com/kuayu/kuayu/api/rest"
	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/exchange/scheme"
	"github.com/kuayu/kuayu/internal/dbtest"
	"github.com/kuayu/kuayu/support/policy"
)

func (f *fixture) scheme(kind scheme.Kind, parties ...string) scheme.Text {
	return scheme.Text{
		Kind: kind, Title: "企业服务共享", Parties: parties, Purposes: []string{"enterprise-service"}, Scope: "仅限窗口办理", MaxDays: 90, ValidUntil: f.c.Clock.Now().AddDate(1, 0, 0),
		Entries: []scheme.Entry{{
			Member: "zhejiang", Department: f.health, Resource: testResource, Title: "企业登记信息", Fields: []string{"uscc", "name", "city"}, Modes: []policy.Mode{policy.ModeQuery},
			ReviewBy: f.c.Clock.Now().AddDate(0, 6, 0),
		}},
	}
}

func (f *fixture) schemeAt(member, actor, id string) scheme.Scheme {
	var x scheme.Scheme
	if err := f.as(member, actor).Call(f.ctx, http.MethodGet, "/api/v1/schemes/"+id, nil, &x); err != nil {
		return scheme.Scheme{}
	}
	return x
}

func (f *fixture) enrol(member, short, id string) scheme.Enrolment {
	f.t.Helper()
	in := rest.EnrolRequest{Basis: policy.Basis{Kind: "duty", Citation: "企业信息公示暂行条例第十二条"}, Scenario: "为企业办理跨省迁移"}
	f.call(f.as(member, "officer-"+short), http.MethodPost, "/api/v1/schemes/"+id+"/enrol", in, nil)
	var e scheme.Enrolment
	f.call(f.as(member, "head-"+short), http.MethodPost, "/api/v1/schemes/"+id+"/consent-enrolment", nil, &e)
	return e
}

func (f *fixture) negotiation(member, short, id string) agreement.Negotiation {
	f.t.Helper()
	var n agreement.Negotiation
	f.call(f.as(member, "officer-"+short), http.MethodGet, "/api/v1/applications/"+id, nil, &n)
	return n
}

func (f *fixture) awaitState(member, short, id string, s agreement.State) agreement.Negotiation {
	f.t.Helper()
	var n agreement.Negotiation
	f.await(func() bool { n = f.negotiation(member, short, id); return n.State == s })
	return n
}

func byCity() map[string]any {
	return plan(policy.Plan{Project: []string{"uscc", "name"}, Where: eq("city", "330100")})
}

// TestPointToMany: a department opens an entry to two others once; each uses it without an application of its own.
func TestPointToMany(t *testing.T) {
	f := newFixture(t, Settings{})
	officer, head := f.as("zhejiang", "officer-zj"), f.as("zhejiang", "head-zj")
	text := f.scheme(scheme.PointToMany, "zhejiang", "shanghai")
	text.Users = []policy.Party{{Member: "shanghai", Department: f.market}}
	var x scheme.Scheme
	f.call(officer, http.MethodPost, "/api/v1/schemes", text, &x)
	path := "/api/v1/schemes/" + x.ID
	if x.State != scheme.Draft || f.schemeAt("shanghai", "officer-sh", x.ID).ID != "" {
		t.Fatalf("a draft went out: %+v", x)
	}
	f.call(head, http.MethodPost, path+"/consent", nil, &x)
	if x.State != scheme.InForce || len(x.Joined) != 1 {
		t.Fatalf("consented: %+v", x)
	}
	f.await(func() bool { return f.schemeAt("shanghai", "officer-sh", x.ID).State == scheme.InForce })
	// Who is not named neither sees nor uses it.
	in := rest.EnrolRequest{Basis: policy.Basis{Kind: "duty", Citation: "某条"}, Scenario: "某事"}
	if err := f.as("shanghai", "officer-sh2").Call(f.ctx, http.MethodPost, path+"/enrol", in, nil); code(err) != "scheme.no_such" {
		t.Errorf("another department: %v", err)
	}
	if err := f.as("shanghai", "officer-sh").Call(f.ctx, http.MethodPost, path+"/enrol", rest.EnrolRequest{}, nil); code(err) != "scheme.statements" {
		t.Errorf("without a basis: %v", err)
	}
	e := f.enrol("shanghai", "sh", x.ID)
	if len(e.Applied) != 1 {
		t.Fatalf("enrolled: %+v", e)
	}
	n := f.awaitState("shanghai", "sh", e.Applied[0].Application, agreement.Active)
	a, err := f.query(f.as("shanghai", "officer-sh"), n.Agreement, byCity())
	if err != nil || a.Count == 0 {
		t.Fatalf("query: %v, %d rows", err, a.Count)
	}
	if err := f.as("shanghai", "officer-sh").Call(f.ctx, http.MethodPost, path+"/enrol", in, nil); code(err) != "scheme.enrolled" {
		t.Errorf("enrolled twice: %v", err)
	}
	// A new version opens it to the other department, too, and lists one item less: the old agreement ends, the new list is
	// applied for.
	text = x.Text
	text.Users = append(text.Users, policy.Party{Member: "shanghai", Department: f.other})
	text.Entries = slices.Clone(text.Entries)
	text.Entries[0].Fields = []string{"uscc", "city"}
	f.call(officer, http.MethodPost, "/api/v1/schemes", text, &x)
	f.call(head, http.MethodPost, path+"/consent", nil, &x)
	f.awaitState("shanghai", "sh", n.Agreement, agreement.Terminated)
	f.await(func() bool { return f.schemeAt("shanghai", "officer-sh2", x.ID).Text.Version == 2 })
	e2 := f.enrol("shanghai", "sh2", x.ID)
	f.awaitState("shanghai", "sh2", e2.Applied[0].Application, agreement.Active)
	var es rest.Page[scheme.Enrolment]
	f.call(f.as("shanghai", "officer-sh"), http.MethodGet, path+"/enrolments", nil, &es)
	if len(es.Items) != 1 || len(es.Items[0].Applied) != 2 {
		t.Fatalf("enrolments of the department: %+v", es.Items)
	}
	f.awaitState("shanghai", "sh", es.Items[0].Applied[1].Application, agreement.Active)
	// Closed: what is agreed goes on, nothing new is.
	f.call(head, http.MethodPost, path+"/close", rest.Reason{Reason: "改由平台统一提供"}, nil)
	f.await(func() bool { return f.schemeAt("shanghai", "officer-sh", x.ID).State == scheme.Ended })
	if n := f.negotiation("shanghai", "sh2", e2.Applied[0].Application); n.State != agreement.Active {
		t.Errorf("closed: %s", n.State)
	}
	if err := f.as("shanghai", "head-sh").Call(f.ctx, http.MethodPost, path+"/close", rest.Reason{Reason: "x"}, nil); code(err) != "scheme.owner" {
		t.Errorf("closed by somebody else: %v", err)
	}
	var vs rest.Page[scheme.Version]
	f.call(officer, http.MethodGet, path+"/versions", nil, &vs)
	if len(vs.Items) != 2 || vs.Items[0].Text.Prev != vs.Items[1].Hash {
		t.Errorf("versions: %+v", vs.Items)
	}
}

// TestManyToPoint: one department asks others for their entries at once; whoever joins answers at once, the others by the
// ordinary way, and whoever joins later answers what waits.
func TestManyToPoint(t *testing.T) {
	f := newFixture(t, Settings{})
	var x scheme.Scheme
	f.call(f.as("shanghai", "officer-sh"), http.MethodPost, "/api/v1/schemes", f.scheme(scheme.ManyToPoint, "shanghai", "zhejiang"), &x)
	f.call(f.as("shanghai", "head-sh"), http.MethodPost, "/api/v1/schemes/"+x.ID+"/consent", nil, nil)
	e := f.enrol("shanghai", "sh", x.ID)
	id := e.Applied[0].Application
	f.awaitState("shanghai", "sh", id, agreement.Submitted)
	f.await(func() bool { return f.schemeAt("zhejiang", "head-zj", x.ID).State == scheme.InForce })
	if err := f.as("zhejiang", "officer-zj").Call(f.ctx, http.MethodPost, "/api/v1/schemes/"+x.ID+"/join", nil, nil); code(err) != "identity.role" {
		t.Errorf("an officer joins: %v", err)
	}
	f.await(func() bool { return len(f.reviewing("zhejiang")) == 1 })
	f.call(f.as("zhejiang", "head-zj"), http.MethodPost, "/api/v1/schemes/"+x.ID+"/join", nil, nil)
	f.awaitState("shanghai", "sh", id, agreement.Active)
	if err := f.as("zhejiang", "head-zj").Call(f.ctx, http.MethodPost, "/api/v1/schemes/"+x.ID+"/join", nil, nil); code(err) != "scheme.nothing" {
		t.Errorf("joined twice: %v", err)
	}
}

// TestHub: the hub brings a provider and a user together; data goes from one to the other.
func TestHub(t *testing.T) {
	f := newFixture(t, Settings{})
	f.authorityAt("jiangsu", "js", "320000")
	text := f.scheme(scheme.Hub, "jiangsu", "shanghai", "zhejiang")
	text.Users = []policy.Party{{Member: "shanghai", Department: f.market}}
	var x scheme.Scheme
	f.call(f.as("jiangsu", "officer-js"), http.MethodPost, "/api/v1/schemes", text, &x)
	f.call(f.as("jiangsu", "head-js"), http.MethodPost, "/api/v1/schemes/"+x.ID+"/consent", nil, nil)
	f.await(func() bool { return f.schemeAt("zhejiang", "head-zj", x.ID).State == scheme.InForce })
	f.call(f.as("zhejiang", "head-zj"), http.MethodPost, "/api/v1/schemes/"+x.ID+"/join", nil, nil)
	f.await(func() bool { return f.schemeAt("shanghai", "officer-sh", x.ID).State == scheme.InForce })
	e := f.enrol("shanghai", "sh", x.ID)
	n := f.awaitState("shanghai", "sh", e.Applied[0].Application, agreement.Active)
	if n.Provider.Member != "zhejiang" || n.Consumer.Member != "shanghai" {
		t.Errorf("parties: %+v", n)
	}
}

// TestZone: members agree on a shared list, each version by the authority of every party; departments use it without an
// application for each resource; one that leaves is out at once.
func TestZone(t *testing.T) { testZone(t, Settings{}) }

func TestZoneOnPostgres(t *testing.T) {
	dsn := map[string]string{}
	for _, p := range places(3) {
		dsn[p.ID] = dbtest.Postgres(t)
	}
	testZone(t, Settings{Database: func(place string) string { return dsn[place] }})
}

func testZone(t *testing.T, s Settings) {
	f := newFixture(t, s)
	f.authorityAt("jiangsu", "js", "320000")
	sh, js, zj := f.as("shanghai", "authority"), f.as("jiangsu", "authority"), f.as("zhejiang", "authority")
	if err := f.as("shanghai", "officer-sh").Call(f.ctx, http.MethodPost, "/api/v1/schemes", f.scheme(scheme.Zone, "shanghai", "jiangsu", "zhejiang"), nil); code(err) != "identity.role" {
		t.Errorf("an officer proposes a zone: %v", err)
	}
	var x scheme.Scheme
	f.call(sh, http.MethodPost, "/api/v1/schemes", f.scheme(scheme.Zone, "shanghai", "jiangsu", "zhejiang"), &x)
	path := "/api/v1/schemes/" + x.ID
	waits := func(member string) bool { return f.schemeAt(member, "authority", x.ID).Proposal != nil }
	f.await(func() bool { return waits("jiangsu") && waits("zhejiang") })
	f.call(js, http.MethodPost, path+"/consent", nil, nil)
	if err := js.Call(f.ctx, http.MethodPost, path+"/consent", nil, nil); code(err) != "scheme.state" {
		t.Errorf("consented twice: %v", err)
	}
	if err := f.as("shanghai", "officer-sh").Call(f.ctx, http.MethodPost, path+"/enrol", rest.EnrolRequest{Basis: policy.Basis{Kind: "consent"}, Scenario: "x"}, nil); code(err) != "scheme.state" {
		t.Errorf("used before it is in force: %v", err)
	}
	f.call(zj, http.MethodPost, path+"/consent", nil, nil)
	inForce := func(version int) func() bool {
		return func() bool {
			hash := ""
			for _, m := range []string{"shanghai", "jiangsu", "zhejiang"} {
				y := f.schemeAt(m, "authority", x.ID)
				if y.State != scheme.InForce || y.Text.Version != version || (hash != "" && y.Hash != hash) {
					return false
				}
				hash = y.Hash
			}
			return true
		}
	}
	f.await(inForce(1))
	f.call(f.as("zhejiang", "head-zj"), http.MethodPost, path+"/join", nil, nil)
	e, e2 := f.enrol("shanghai", "sh", x.ID), f.enrol("jiangsu", "js", x.ID)
	n := f.awaitState("shanghai", "sh", e.Applied[0].Application, agreement.Active)
	n2 := f.awaitState("jiangsu", "js", e2.Applied[0].Application, agreement.Active)
	if a, err := f.query(f.as("shanghai", "officer-sh"), n.Agreement, byCity()); err != nil || a.Count == 0 {
		t.Fatalf("query: %v", err)
	}
	// A version that one party declines is off the table everywhere.
	text := f.schemeAt("shanghai", "authority", x.ID).Text
	text.Title = "企业服务共享（扩大）"
	f.call(zj, http.MethodPost, "/api/v1/schemes", text, nil)
	f.await(func() bool { return waits("shanghai") && waits("jiangsu") })
	if err := sh.Call(f.ctx, http.MethodPost, "/api/v1/schemes", text, nil); code(err) != "scheme.proposed" {
		t.Errorf("two proposals at once: %v", err)
	}
	f.call(js, http.MethodPost, path+"/decline", rest.Reason{Reason: "清单未核实"}, nil)
	f.await(func() bool { return !waits("shanghai") && !waits("jiangsu") && !waits("zhejiang") })
	// The next proposal of the same number goes through.
	f.call(sh, http.MethodPost, "/api/v1/schemes", text, nil)
	f.await(func() bool { return waits("jiangsu") && waits("zhejiang") })
	f.call(zj, http.MethodPost, path+"/consent", nil, nil)
	f.call(js, http.MethodPost, path+"/consent", nil, nil)
	f.await(inForce(2))
	if m := f.negotiation("shanghai", "sh", n.ID); m.State != agreement.Active {
		t.Errorf("a version with the same list ended an agreement: %s", m.State)
	}
	// Jiangsu leaves: its agreement ends, Shanghai's goes on.
	if err := js.Call(f.ctx, http.MethodPost, path+"/leave", rest.Reason{}, nil); code(err) != "agreement.reason" {
		t.Errorf("left without a reason: %v", err)
	}
	f.call(js, http.MethodPost, path+"/leave", rest.Reason{Reason: "职能调整"}, nil)
	f.awaitState("jiangsu", "js", n2.ID, agreement.Terminated)
	f.await(func() bool {
		now := f.schemeAt("shanghai", "authority", x.ID)
		return slices.Equal(now.Current().Parties, []string{"shanghai", "zhejiang"})
	})
	if _, err := f.query(f.as("jiangsu", "officer-js"), n2.Agreement, byCity()); err == nil {
		t.Error("a member that left still gets rows")
	}
	if a, err := f.query(f.as("shanghai", "officer-sh"), n.Agreement, byCity()); err != nil || a.Count == 0 {
		t.Errorf("whoever stayed: %v", err)
	}
	// And it may come back: by a version that all consent to.
	text = f.schemeAt("shanghai", "authority", x.ID).Text
	text.Parties = []string{"jiangsu", "shanghai", "zhejiang"}
	f.call(sh, http.MethodPost, "/api/v1/schemes", text, nil)
	f.await(func() bool { return waits("jiangsu") && waits("zhejiang") })
	f.call(zj, http.MethodPost, path+"/consent", nil, nil)
	f.call(js, http.MethodPost, path+"/consent", nil, nil)
	f.await(inForce(3))
}

// TestSchemeBadInput: what is wrong with a text is told all at once, and nothing is stored.
func TestSchemeBadInput(t *testing.T) {
	f := newFixture(t, Settings{})
	officer := f.as("zhejiang", "officer-zj")
	if err := officer.Call(f.ctx, http.MethodPost, "/api/v1/schemes", scheme.Text{}, nil); code(err) != "scheme.party" {
		t.Errorf("empty: %v", err)
	}
	if err := officer.Call(f.ctx, http.MethodPost, "/api/v1/schemes", scheme.Text{Parties: []string{"zhejiang", "shanghai"}}, nil); code(err) != "scheme.text" || len(fieldsOf(err)) < 6 {
		t.Errorf("without a word: %v %v", err, fieldsOf(err))
	}
	text := f.scheme(scheme.PointToMany, "zhejiang", "nowhere")
	if err := officer.Call(f.ctx, http.MethodPost, "/api/v1/schemes", text, nil); code(err) != "scheme.party" {
		t.Errorf("a stranger as a party: %v", err)
	}
	text = f.scheme(scheme.PointToMany, "zhejiang", "shanghai")
	text.Entries[0].Fields = []string{"nothing"}
	var x scheme.Scheme
	f.call(officer, http.MethodPost, "/api/v1/schemes", text, &x)
	if err := f.as("zhejiang", "head-zj").Call(f.ctx, http.MethodPost, "/api/v1/schemes/"+x.ID+"/consent", nil, nil); code(err) != "scheme.entry" {
		t.Errorf("an item the catalogue lacks: %v", err)
	}
	if y := f.schemeAt("zhejiang", "officer-zj", x.ID); y.State != scheme.Draft {
		t.Errorf("half in force: %s", y.State)
	}
}

func (f *fixture) reviewing(member string) []agreement.Negotiation {
	f.t.Helper()
	ns, err := f.c.Node(member).Agreements.List(f.ctx, oversight(), agreement.Reviewing, 100)
	if err != nil {
		f.t.Fatal(err)
	}
	return ns
}
