package demo

import (
	"net/http"
	"strings"
	"testing"

	"github.com/kuayu/kuayu/internal/webtest"
)

// TestStage: the page of roles has the people of every node, leads to each, and whoever asks for an officer's page without
// having taken a role comes there and back. Another site can't put a visitor in a role.
func TestStage(t *testing.T) {
	f := newFixture(t, Settings{Stage: true})
	v := f.c.browserless(t, "shanghai")
	if code, to, _ := v.do("GET", "/demo", nil); code != http.StatusSeeOther || to != "/demo/roles" {
		t.Errorf("%d %s", code, to)
	}
	if code, to, _ := v.do("GET", "/usage", nil); code != http.StatusSeeOther || to != "/demo/roles?back=%2Fusage" {
		t.Errorf("%d %s", code, to)
	}
	page := f.page(v, "/demo/roles?back=%2Fusage")
	says(t, page, "演示环境，数据均为虚构", "上海市", "浙江省", "数据专员", "主管部门", `name="back" value="/usage"`, root(f.c.Node("zhejiang"))+"/demo/as/officer-zj?to=%2Fworkbench", "共享一项数据", "做这一步（浙江省・数据专员）")
	hides(t, page, "machine-sh", root(f.c.Node("shanghai"))+"/demo/as/officer-sh?to=%2Fworkbench")
	if code, _, page := v.do("GET", "/demo/as/officer-sh", nil, "Sec-Fetch-Site", "cross-site"); code != http.StatusForbidden {
		t.Errorf("a role by a link of another site: %d", code)
	} else if p := webtest.Check(page); len(p) > 0 {
		t.Error(p)
	}
	if code, to, _ := v.do("GET", "/demo/as/officer-sh?to=//evil.example", nil); code != http.StatusSeeOther || to != "/workbench" {
		t.Errorf("%d %s", code, to)
	}
	if code, _, _ := v.do("GET", "/demo/as/nobody", nil); code == http.StatusSeeOther {
		t.Error("nobody got in")
	}
	says(t, f.page(v, "/workbench"), `id="tour"`, "tour=0")
	var steps []Step
	if err := f.c.Client("shanghai").Call(t.Context(), http.MethodGet, "/demo/tour?lang=en", nil, &steps); err != nil || len(steps) != legs || steps[0].Title != "Share a resource" || steps[legVerify].Done {
		t.Errorf("%+v %v", steps, err)
	}
	if code, to, _ := v.do("GET", "/prefer?tour=0&back=%2Fworkbench", nil); code != http.StatusSeeOther || to != "/workbench" {
		t.Errorf("%d %s", code, to)
	}
	if _, _, page := v.do("GET", "/workbench", nil); strings.Contains(page, `id="tour"`) || !strings.Contains(page, "打开导览") {
		t.Error("the tour stays when it was closed")
	}
}

// TestNoStage: a node that is not the demonstration's has neither roles nor a tour.
func TestNoStage(t *testing.T) {
	c := consoleCluster(t, false)
	v := c.browserless(t, "shanghai")
	for _, path := range []string{"/demo", "/demo/roles", "/demo/as/officer-x", "/demo/tour", "/demo/session"} {
		for _, method := range []string{"GET", "POST"} {
			if code, _, _ := v.do(method, path, nil); code != http.StatusNotFound {
				t.Errorf("%s %s: %d", method, path, code)
			}
		}
	}
}
