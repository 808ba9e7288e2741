package demo

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/kuayu/kuayu/api/rest"
	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/exchange/catalog"
	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/support/policy"
)

// TestApplicationBadInput: what is wrong with an application or an entry is said at the field it is about, and nothing of it
// is stored (Decree 809 art. 14, 15, 20).
func TestApplicationBadInput(t *testing.T) {
	f := newFixture(t, Settings{})
	sh := f.as("shanghai", "officer-sh")
	field := func(err error) string {
		var names []string
		for _, x := range errs.As(err).Fields {
			names = append(names, x.Name)
		}
		return strings.Join(names, ",")
	}
	for name, x := range map[string]struct {
		change func(*agreement.Application)
		field  string
	}{
		"no basis":         {func(a *agreement.Application) { a.Basis = policy.Basis{} }, "basis"},
		"a duty uncited":   {func(a *agreement.Application) { a.Basis.Citation = " " }, "basis"},
		"a past date":      {func(a *agreement.Application) { a.ValidUntil = f.c.Clock.Now().AddDate(0, 0, -1) }, "valid_until"},
		"no scope":         {func(a *agreement.Application) { a.Scope = "" }, "scope"},
		"not declared":     {func(a *agreement.Application) { a.Declared = false }, "declared"},
		"two at once":      {func(a *agreement.Application) { a.Scenario, a.Fields = "", nil }, "scenario,fields"},
		"a text too large": {func(a *agreement.Application) { a.Scope = strings.Repeat("范", 4000) }, "scope"},
	} {
		a := f.application()
		x.change(&a)
		if err := sh.Call(f.ctx, http.MethodPost, "/api/v1/applications", a, nil); code(err) != "agreement.application" || field(err) != x.field {
			t.Errorf("%s: %v (%s)", name, err, field(err))
		}
	}
	a := f.application()
	a.Scenario = strings.Repeat("x", 10<<20)
	if err := sh.Call(f.ctx, http.MethodPost, "/api/v1/applications", a, nil); code(err) != "http.too_large" {
		t.Errorf("10 MB: %v", err)
	}
	for body, want := range map[string]string{"{\"scenario\":\"\xff\"}": "http.utf8", `{"version":9}`: "http.body", `[]`: "http.body"} {
		if err := sh.Call(f.ctx, http.MethodPost, "/api/v1/applications", json.RawMessage(body), nil); code(err) != want {
			t.Errorf("%q: %v, want %s", body, err, want)
		}
	}
	if err := sh.Call(f.ctx, http.MethodGet, "/api/v9/applications", nil, nil); code(err) != "http.route" {
		t.Errorf("unknown version of the interface: %v", err)
	}
	var p rest.Page[agreement.Negotiation]
	f.call(sh, http.MethodGet, "/api/v1/applications", nil, &p)
	if len(p.Items) != 0 {
		t.Errorf("stored: %+v", p.Items)
	}
	// A stranger's application is as if it were not there.
	var n agreement.Negotiation
	f.call(sh, http.MethodPost, "/api/v1/applications", f.application(), &n)
	for _, verb := range []string{"consent", "refuse", "withdraw"} {
		err := f.as("shanghai", "head-sh2").Call(f.ctx, http.MethodPost, "/api/v1/applications/"+n.ID+"/"+verb, rest.Reason{Reason: "x"}, nil)
		if c := code(err); c != "agreement.no_such" && c != "http.body" {
			t.Errorf("%s by a stranger: %v", verb, err)
		}
	}
	if got := f.negotiation("shanghai", "sh", n.ID); got.State != n.State {
		t.Errorf("a stranger moved it to %s", got.State)
	}
	// "Not shared" takes a law, an administrative regulation or a decision of the State Council.
	zj := f.as("zhejiang", "officer-zj")
	r := catalog.Resource{
		Name: "不予共享的信息", Provider: "浙江省市场监管部门", Abstract: "摘要", Format: "database", UpdateCycle: "daily", Sharing: catalog.NotShared,
		LegalBasis: &catalog.LegalBasis{Instrument: "local_rule", Name: "某市办法", Article: "第三条", Reason: "内部规定"}, Conditions: "无", Class: "base", Grade: 1,
		Items: []catalog.Item{{Name: "uscc", Title: "代码", Type: "C", Grade: 1}},
	}
	err := zj.Call(f.ctx, http.MethodPut, "/api/v1/resources/"+escape("330000/none"), map[string]any{"resource": r}, nil)
	if code(err) != "catalog.resource" || !strings.Contains(field(err), "legal_basis") {
		t.Errorf("a local rule as basis: %v (%s)", err, field(err))
	}
	if err := zj.Call(f.ctx, http.MethodGet, "/api/v1/resources/"+escape("330000/none"), nil, nil); code(err) != "catalog.no_resource" {
		t.Errorf("stored: %v", err)
	}
}
