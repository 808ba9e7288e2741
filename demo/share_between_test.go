package demo

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/kuayu/kuayu/api/rest"
	"github.com/kuayu/kuayu/exchange/demand"
	"github.com/kuayu/kuayu/internal/webtest"
)

// TestShareDemands: a demand goes its way through the pages of both ends, each act for who may and nobody else.
func TestShareDemands(t *testing.T) {
	f := newFixture(t, Settings{})
	seeker{f, "shanghai", "officer-sh"}.sees("zhejiang:"+testResource, "q", "企业登记信息")
	officer, head := f.officer("shanghai", "officer-sh"), f.officer("shanghai", "head-sh")
	says(t, f.page(officer, "/demands"), "没有数据需求", "/demands/new", "共享方案")
	var d demand.Demand
	f.call(f.as("shanghai", "officer-sh"), http.MethodPost, "/api/v1/demands", rest.DemandRequest{Want: f.want()}, &d)
	path := "/demands/" + d.ID
	page := f.page(officer, path)
	says(t, page, "待负责人同意", "联系电话、注册资本", "企业登记信息", "匹配度", "撤回需求")
	hides(t, page, path+"/consent", string(demand.Draft)+"<")
	says(t, f.page(head, path), path+"/consent", path+"/return")
	says(t, f.turned(head, path+"/return", nil, http.StatusBadRequest), "理由")
	f.turned(officer, path+"/consent", nil, http.StatusForbidden)
	for _, other := range []*browserless{f.officer("shanghai", "officer-sh2"), f.officer("zhejiang", "officer-zj")} {
		if code, _, page := other.do("GET", path, nil); code != http.StatusNotFound {
			t.Errorf("a stranger: %d", code)
		} else {
			look(t, page)
		}
		f.turned(other, path+"/withdraw", url.Values{"reason": {"x"}}, http.StatusNotFound)
	}
	says(t, f.post(head, path+"/consent", nil), "已列入清单", "还没有答复")
	says(t, f.page(officer, "/demands?state=LISTED"), "企业联系信息", "上海市企业服务部门", "本页 1 条")
	says(t, f.turned(head, path+"/consent", nil, http.StatusConflict), "状态已变化")
	authority, provider := f.officer("zhejiang", "authority"), f.officer("zhejiang", "officer-zj")
	f.await(func() bool { code, _, _ := authority.do("GET", path, nil); return code == http.StatusOK })
	f.await(func() bool { _, _, page := authority.do("GET", path, nil); return strings.Contains(page, "（匹配度 ") })
	says(t, f.page(authority, path), "待交办", "浙江省市场监管部门（匹配度", path+"/assign")
	says(t, f.turned(authority, path+"/assign", url.Values{"department": {"nobody"}}, http.StatusBadRequest), "本节点没有代码为")
	f.turned(provider, path+"/reply", url.Values{"kind": {"not_held"}, "reason": {"x"}}, http.StatusNotFound)
	says(t, f.post(authority, path+"/assign", url.Values{"department": {f.health}}), "已交办", "待部门答复")
	says(t, f.page(provider, path), path+"/reply", "企业登记信息（"+testResource+"）")
	f.turned(authority, path+"/reply", url.Values{"kind": {"not_held"}, "reason": {"x"}}, http.StatusForbidden)
	f.turned(provider, path+"/assign", url.Values{"department": {f.health}}, http.StatusForbidden)
	for want, a := range map[string]url.Values{
		"须为 offered":   {"kind": {"x"}},
		"请写明目录条目代码":    {"kind": {"offered"}},
		"请写明预计发布日期":    {"kind": {"planned"}, "by": {"2020-01-01"}},
		"请说明理由":        {"kind": {"not_held"}},
		"本部门没有已发布的目录条": {"kind": {"offered"}, "resource": {"none"}},
	} {
		says(t, f.turned(provider, path+"/reply", a, http.StatusBadRequest), want)
	}
	f.post(provider, path+"/reply", url.Values{"kind": {"planned"}, "by": {f.c.Clock.Now().AddDate(0, 1, 0).Format("2006-01-02")}, "reason": {"正在编目"}})
	says(t, f.post(provider, path+"/reply", url.Values{"kind": {"offered"}, "resource": {testResource}}), "答复已送达需求方", "已答复")
	f.await(func() bool { _, _, page := officer.do("GET", path, nil); return strings.Contains(page, "可以提供") })
	page = f.page(officer, path)
	says(t, page, "已有答复", "浙江省市场监管部门", "/catalog/zhejiang/"+escape(testResource))
	mine, _ := f.applied(f.application())
	says(t, f.page(officer, path), mine.ID, "办结：已申请到数据")
	says(t, f.turned(officer, path+"/satisfy", url.Values{"application": {"none"}}, http.StatusBadRequest), "不是本部门就所答复的目录条目提出的")
	says(t, f.post(officer, path+"/satisfy", url.Values{"application": {mine.ID}}), "需求已办结", "已满足")
	f.await(func() bool { _, _, page := provider.do("GET", path, nil); return strings.Contains(page, "已办结") })
	for _, p := range []string{"/demands?state=x", "/demands/none"} {
		if code, _, page := officer.do("GET", p, nil); code != http.StatusNotFound {
			t.Errorf("%s: %d", p, code)
		} else {
			look(t, page)
		}
	}
}

// TestBetweenInABrowser judges the pages of what is settled between departments as a browser shows them.
func TestBetweenInABrowser(t *testing.T) {
	b := webtest.Open(t)
	judge := judging(t)
	f := newFixture(t, Settings{Routes: roleChooser})
	seeker{f, "shanghai", "officer-sh"}.sees("zhejiang:"+testResource, "q", "企业登记信息")
	root := func(place string) string { return "https://localhost:" + port(f.c.Node(place).Addr("staff")) }
	enter := func(place, actor string) {
		t.Helper()
		b.Visit(root(place)+"/demo/roles", 1440).Click(`form:has(input[value="` + actor + `"]) button`)
	}
	var d demand.Demand
	f.call(f.as("shanghai", "officer-sh"), http.MethodPost, "/api/v1/demands", rest.DemandRequest{Want: f.want()}, &d)
	f.call(f.as("shanghai", "head-sh"), http.MethodPost, "/api/v1/demands/"+d.ID+"/consent", nil, nil)
	enter("shanghai", "officer-sh")
	judge(b.Visit(root("shanghai")+"/demands", 1440), "share-demands")
	judge(b.Visit(root("shanghai")+"/demands/"+d.ID, 1440), "share-demand")
	f.await(func() bool {
		return f.as("zhejiang", "authority").Call(f.ctx, http.MethodGet, "/api/v1/demands/"+d.ID, nil, nil) == nil
	})
	enter("zhejiang", "authority")
	p := b.Visit(root("zhejiang")+"/demands/"+d.ID, 1440)
	p.Eval(`() => { document.querySelectorAll("details").forEach(d => d.open = true); return 0 }`, new(int))
	judge(p, "share-demand-assign")
}
