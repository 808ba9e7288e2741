package demo

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/internal/ids"
	"github.com/kuayu/kuayu/support/identity"
)

// officer is a visitor who signed in with the key of an actor.
func (f *fixture) officer(place, actor string) *browserless {
	f.t.Helper()
	v := f.c.browserless(f.t, place)
	a := must[string](f.t)(identity.Assert(f.c.seats[place].keys[actor], actor, place, ids.Random{}.NewID(), f.c.Clock.Now()))
	if code, _, _ := v.do("POST", "/sign-in", url.Values{"assertion": {a}}); code != http.StatusSeeOther {
		f.t.Fatalf("%s does not get in: %d", actor, code)
	}
	return v
}

// page opens a page, looks at it in both languages, and returns the Chinese one.
func (f *fixture) page(v *browserless, path string) string {
	f.t.Helper()
	other := "?lang=en"
	if strings.Contains(path, "?") {
		other = "&lang=en"
	}
	code, _, english := v.do("GET", path+other, nil)
	if code != http.StatusOK {
		f.t.Errorf("%s in English: %d", path, code)
	}
	look(f.t, english)
	code, _, page := v.do("GET", path, nil)
	if code != http.StatusOK {
		f.t.Fatalf("%s: %d\n%s", path, code, page)
	}
	look(f.t, page)
	return page
}

// says checks that a page has all of the texts, and hides checks that it has none of them.
func says(t *testing.T, page string, texts ...string) {
	t.Helper()
	for _, s := range texts {
		if !strings.Contains(page, s) {
			t.Errorf("the page does not say %q", s)
		}
	}
}

func hides(t *testing.T, page string, texts ...string) {
	t.Helper()
	for _, s := range texts {
		if strings.Contains(page, s) {
			t.Errorf("the page says %q", s)
		}
	}
}

// TestConsoleNames: departments, members, resources, items and people stand on pages by their names, at both ends.
func TestConsoleNames(t *testing.T) {
	f := newFixture(t, Settings{})
	seeker{f, "shanghai", "officer-sh"}.sees("zhejiang:"+testResource, "q", "企业登记")
	mine, theirs := f.applied(f.application())
	sh, zj := f.officer("shanghai", "officer-sh"), f.officer("zhejiang", "officer-zj")
	for _, page := range []string{f.page(sh, "/applications"), f.page(zj, "/applications")} {
		says(t, page, "企业登记信息", "上海市", "浙江省・浙江省市场监管部门")
		hides(t, page, f.health, "shanghai →", string(agreement.Reviewing)+"<")
	}
	for _, page := range []string{f.page(sh, "/applications/"+mine.ID), f.page(zj, "/applications/"+theirs.ID)} {
		says(t, page, "企业登记信息", "统一社会信用代码、企业名称、法定代表人、联系电话、所在市、注册资本", "接口查询、核验（只答是或否）")
		hides(t, page, "representative", ">zhejiang", f.health)
	}
	says(t, f.page(sh, "/applications/"+mine.ID+"?view=line"), "数据专员", "共享机构负责人")
	says(t, f.page(zj, "/applications/"+theirs.ID+"?view=line"), "上海市")
	f.page(zj, "/workbench")
}
