package demo

import (
	"bytes"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/kuayu/kuayu/api/rest"
	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/exchange/catalog"
	"github.com/kuayu/kuayu/internal/clock"
	"github.com/kuayu/kuayu/support/deadline"
	"github.com/kuayu/kuayu/support/evidence"
	"github.com/kuayu/kuayu/support/notice"
)

// TestCatalogueUpdate: over the API, a change of law demands an update; the clock D1 runs out and is a violation P1, the
// authority is told; the update goes its way while other members still read the old version; D2 runs out at the authority
// and is A3; published, everybody reads the new one (Decree 809 art. 16, 17, 39, 41).
func TestCatalogueUpdate(t *testing.T) {
	now := clock.NewManual(time.Now().UTC())
	f := newFixture(t, Settings{Clock: now, Places: []Place{Places()[0], Places()[2]}})
	path := "/api/v1/resources/" + escape(testResource)
	officer := func() caller { return caller{f, "officer-zj"} }
	chief, authority := caller{f, "chief-zj"}, caller{f, "authority"}
	if n, ok := f.inbox("zhejiang", "officer-zj")[notice.EntryPublished]; !ok || n.Link != "/resources/"+escape(testResource) {
		t.Errorf("the publication was not announced: %+v", n)
	}
	var d catalog.Dossier
	authority.post(path+"/change-noted", catalog.Demand{Cause: catalog.LawChanged, What: "登记条例修订", Since: now.Now().Add(-time.Hour)}, &d)
	due := func(id deadline.ID) time.Time {
		t.Helper()
		var p deadline.Page[deadline.Deadline]
		f.call(f.as("zhejiang", "authority"), http.MethodGet, "/api/v1/deadlines?clock="+string(id), nil, &p)
		if len(p.Items) != 1 || p.Items[0].Subject != "catalog/"+testResource {
			t.Fatalf("%s: %+v", id, p.Items)
		}
		return p.Items[0].Due
	}
	violated := func(c deadline.Code, late time.Time) {
		t.Helper()
		now.Set(late.Add(time.Minute))
		f.await(func() bool {
			f.c.Node("zhejiang").Queue.Wake()
			var p deadline.Page[deadline.Violation]
			f.call(f.as("zhejiang", "authority"), http.MethodGet, "/api/v1/violations?code="+string(c), nil, &p)
			return len(p.Items) == 1 && p.Items[0].Clock != nil && p.Items[0].Subject == "catalog/"+testResource
		})
	}
	violated(deadline.P1, due(deadline.D1))
	if n, ok := f.inbox("zhejiang", "authority")[notice.DeadlineOverdue]; !ok || n.Link != "/resources/"+url.PathEscape(testResource) {
		t.Errorf("the authority was not told: %+v", n)
	}
	// The update, late: exported, changed in the sheet, imported.
	cl := f.as("zhejiang", "officer-zj")
	var sheet []byte
	f.call(cl, http.MethodGet, "/api/v1/catalog-export?form=csv", nil, &sheet)
	sheet = bytes.ReplaceAll(sheet, []byte("企业登记信息"), []byte("经营主体登记信息"))
	res, err := cl.Do(f.ctx, http.MethodPost, "/api/v1/catalog-import", "application/json", bytes.NewReader(sheet))
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	officer().get(path, &d)
	if d.State != catalog.Updating || d.Version != 2 || d.InForce != 1 || len(d.Missing) != 2 {
		t.Fatalf("imported: %+v", d)
	}
	for _, k := range d.Resource.Needed() {
		officer().post(path+"/assessments", Assessed(k, now.Now()), nil)
	}
	officer().post(path+"/submit", nil, &d)
	chief.post(path+"/sign", nil, nil)
	reads := func(want string) {
		t.Helper()
		var r catalog.Resource
		f.call(f.as("shanghai", "officer-sh"), http.MethodGet, "/api/v1/catalog/zhejiang/"+escape(testResource), nil, &r)
		if r.Name != want {
			t.Errorf("another member reads %s, want %s", r.Name, want)
		}
	}
	reads("企业登记信息")
	violated(deadline.A3, due(deadline.D2))
	d = catalog.Dossier{}
	authority.post(path+"/publish", nil, &d)
	if d.State != catalog.Published || d.InForce != 2 || d.Demand != nil {
		t.Errorf("published: %+v", d)
	}
	reads("经营主体登记信息")
	var ds struct{ Items []catalog.Difference }
	officer().get(path+"/diff?from=1&to=2", &ds)
	if len(ds.Items) != 1 || ds.Items[0].Field != "name" {
		t.Errorf("differences: %+v", ds.Items)
	}
	// The signature and the publication are sealed facts.
	f.await(func() bool {
		var p rest.Page[evidence.Entry]
		f.call(f.as("zhejiang", "auditor"), http.MethodGet, "/api/v1/facts?kind=catalog.sign", nil, &p)
		return len(p.Items) == 2
	})
}

// caller is an officer of Zhejiang, who signs in for each call: the clock of the test runs faster than sessions live.
type caller struct {
	*fixture
	actor string
}

func (c caller) post(path string, in, out any) {
	c.t.Helper()
	c.call(c.as("zhejiang", c.actor), http.MethodPost, path, in, out)
}

func (c caller) get(path string, out any) {
	c.t.Helper()
	c.call(c.as("zhejiang", c.actor), http.MethodGet, path, nil, out)
}

// TestItemsThatAreNotShared: an item that a law withholds is granted to nobody, though its entry is shared; and an item
// that is shared conditionally gives an application of an unconditional entry the conditional class (Decree 809 art. 14).
func TestItemsThatAreNotShared(t *testing.T) {
	f := newFixture(t, Settings{Places: []Place{Places()[0], Places()[2]}})
	basis := &catalog.LegalBasis{Instrument: catalog.Law, Name: "某法", Article: "第九条", Reason: "保护举报人"}
	r := catalog.Resource{
		Name: "企业简要信息", Provider: "浙江省市场监管部门", Abstract: "摘要", Format: "database", UpdateCycle: "daily", Sharing: catalog.Unconditional,
		Modes: f.application().Modes, Conditions: "履行职责", ShareScope: "政府部门", UsePurpose: "企业服务", Class: "base", Grade: 3,
		Items: []catalog.Item{
			{Name: "uscc", Title: "统一社会信用代码", Type: "C", Grade: 1},
			{Name: "capital", Title: "注册资本", Type: "N", Grade: 2, Sharing: catalog.Conditional},
			{Name: "secret", Title: "内部备注", Type: "C", Grade: 3, Sharing: catalog.NotShared, LegalBasis: basis},
		},
	}
	const code = "330000/brief"
	if err := f.c.Publish(f.ctx, "zhejiang", "zj", code, rest.ResourceRequest{Resource: r, Source: "biz", Table: "enterprise"}); err != nil {
		t.Fatal(err)
	}
	a := f.application()
	a.Resource, a.Filter = code, nil
	for fields, want := range map[string]catalog.Sharing{"uscc": catalog.Unconditional, "capital": catalog.Conditional} {
		a.Fields = []string{fields}
		if _, theirs := f.applied(a); theirs.Sharing != want {
			t.Errorf("%s: class %s, want %s", fields, theirs.Sharing, want)
		}
	}
	a.Fields = []string{"uscc", "secret"}
	var n agreement.Negotiation
	f.call(f.as("shanghai", "officer-sh"), http.MethodPost, "/api/v1/applications", a, &n)
	f.call(f.as("shanghai", "head-sh"), http.MethodPost, "/api/v1/applications/"+n.ID+"/consent", nil, nil)
	f.reaches("shanghai", n.ID, agreement.Refused)
	var list rest.Page[catalog.Withholding]
	f.call(f.as("zhejiang", "officer-zj"), http.MethodGet, "/api/v1/negative-list", nil, &list)
	if len(list.Items) != 1 || list.Items[0].Item != "secret" || list.Items[0].Basis.Article != "第九条" {
		t.Errorf("negative list: %+v", list.Items)
	}
}
