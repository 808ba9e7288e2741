package demo

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/kuayu/kuayu/api/rest"
	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/exchange/demand"
	"github.com/kuayu/kuayu/exchange/objection"
	"github.com/kuayu/kuayu/exchange/scheme"
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
	f.await(func() bool {
		_, _, page := authority.do("GET", path, nil)
		return strings.Contains(page, "（匹配度 ")
	})
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

// seen waits until a page says something, and returns it.
func (f *fixture) seen(v *browserless, path, text string) string {
	f.t.Helper()
	f.await(func() bool {
		code, _, page := v.do("GET", path, nil)
		return code == http.StatusOK && strings.Contains(page, text)
	})
	return f.page(v, path)
}

// TestShareCorrections: a record is reported wrong from its agreement, answered, and asked for again; a dispute about a
// record that is maintained goes from negotiation to a ruling, with both sides' papers side by side.
func TestShareCorrections(t *testing.T) {
	f := newFixture(t, Settings{})
	seeker{f, "shanghai", "officer-sh"}.sees("zhejiang:"+testResource, "q", "企业登记信息")
	f.agreed("shanghai", "sh")
	user, provider := f.officer("shanghai", "officer-sh"), f.officer("zhejiang", "officer-zj")
	head, theirs := f.officer("shanghai", "head-sh"), f.officer("zhejiang", "head-zj")
	says(t, f.page(user, "/corrections"), "没有校核申请", "/disputes", "/refetches")
	says(t, f.page(user, "/refetches"), "没有须重新获取的数据")
	says(t, f.page(user, "/disputes"), "没有争议")
	mine := must[rest.Page[agreement.Negotiation]](t)(f.cases("shanghai", "officer-sh")).Items[0]
	path := "/applications/" + mine.ID
	says(t, f.page(user, path), path+"/correct", path+"/dispute")
	hides(t, f.page(head, path), path+"/correct")
	says(t, f.page(user, path+"/correct"), "统一社会信用代码", "送提供部门核查")
	wrong := url.Values{"key": {"uscc"}, "value": {"91330000MY000003XX"}, "item": {"name"}, "received": {"示范企业003有限公司"}, "claimed": {"示范企业003有限公司"}, "reason": {"与营业执照不符"}}
	says(t, f.turned(user, path+"/correct", wrong, http.StatusBadRequest), "收到的值与主张的值不得相同", "示范企业003有限公司")
	says(t, f.turned(user, path+"/correct", url.Values{}, http.StatusBadRequest), "请写明理由")
	f.turned(head, path+"/correct", wrong, http.StatusForbidden)
	f.turned(f.officer("shanghai", "officer-sh2"), path+"/correct", wrong, http.StatusNotFound)
	report := func(claimed string) string {
		t.Helper()
		wrong.Set("claimed", claimed)
		code, to, page := user.do("POST", path+"/correct", wrong)
		if code != http.StatusSeeOther {
			t.Fatalf("%d %s", code, texts(page))
		}
		says(t, f.page(user, to), "校核申请已发出", "<del>示范企业003有限公司</del>", "<ins>"+claimed+"</ins>", "统一社会信用代码为 91330000MY000003XX")
		to = strings.TrimSuffix(to, "?done=report")
		f.seen(provider, to, "核查中")
		f.seen(user, to, "核查中")
		return to
	}
	f.seen(provider, "/resources/"+escape(testResource), "上海市企业服务部门") // it has published nothing; its member told its name
	says(t, f.page(provider, "/resources/"+escape(testResource)), "有效")
	hides(t, f.page(provider, "/resources/"+escape(testResource)), "还没有使用协议", "上海市・部门")
	one := report("示范企业叁有限公司")
	says(t, f.page(provider, one), one+"/answer", "办理期限", "更正后的企业名称")
	hides(t, f.page(user, one), one+"/answer")
	f.turned(user, one+"/answer", url.Values{"outcome": {"MAINTAINED"}, "reason": {"x"}}, http.StatusNotFound)
	f.turned(theirs, one+"/answer", url.Values{"outcome": {"MAINTAINED"}, "reason": {"x"}}, http.StatusForbidden)
	says(t, f.turned(provider, one+"/answer", url.Values{}, http.StatusBadRequest), "请选择核查结果")
	says(t, f.turned(provider, one+"/answer", url.Values{"outcome": {"MAINTAINED"}}, http.StatusBadRequest), "维持原值须写明理由")
	says(t, f.turned(provider, one+"/answer", url.Values{"outcome": {"CORRECTED"}}, http.StatusBadRequest), "请写明来源系统中现在的值")
	says(t, f.post(provider, one+"/answer", url.Values{"outcome": {"CORRECTED"}, "name": {"示范企业叁有限公司"}}), "已更正", "核查结果已反馈")
	says(t, f.turned(provider, one+"/answer", url.Values{"outcome": {"MAINTAINED"}, "reason": {"x"}}, http.StatusConflict), "状态已变化")
	f.seen(user, one, "已更正")
	says(t, f.page(user, "/corrections"), "企业登记信息", "与营业执照不符", "浙江省市场监管部门", "已更正")
	says(t, f.page(user, "/refetches"), "企业登记信息", "企业名称", "91330000MY000003XX", "标为已更新")
	refetch := f.refetches("shanghai", "sh")[0].ID
	f.turned(head, "/refetches/"+refetch+"/done", nil, http.StatusForbidden)
	f.turned(provider, "/refetches/"+refetch+"/done", nil, http.StatusNotFound)
	says(t, f.post(user, "/refetches/"+refetch+"/done", nil), "没有须重新获取的数据")
	says(t, f.page(user, "/refetches?done=1"), "企业登记信息")

	// The other one is maintained; that is disputed.
	two := report("示范企业三有限公司")
	f.post(provider, two+"/answer", url.Values{"outcome": {"MAINTAINED"}, "reason": {"与登记档案一致"}})
	says(t, f.seen(user, two, "维持原值"), "与登记档案一致", "提出争议")
	about := url.Values{"kind": {"correction"}, "matter": {strings.TrimPrefix(two, "/corrections/")}}
	says(t, f.turned(user, "/disputes", about, http.StatusBadRequest), "请写明主张和理由")
	f.turned(f.officer("shanghai", "authority"), "/disputes", about, http.StatusForbidden)
	about.Set("claim", "应按营业执照更正")
	code, dispute, page := user.do("POST", "/disputes", about)
	if code != http.StatusSeeOther {
		t.Fatalf("%d %s", code, texts(page))
	}
	dispute = strings.TrimSuffix(dispute, "?done=open")
	says(t, f.page(user, dispute+"?done=open"), "争议已提出", "协商中", "应按营业执照更正", two)
	f.seen(provider, dispute, "协商中")
	says(t, f.turned(provider, dispute+"/paper", nil, http.StatusBadRequest), "请写明内容")
	says(t, f.post(provider, dispute+"/paper", url.Values{"text": {"登记档案复印件"}}), "登记档案复印件")
	f.post(theirs, dispute+"/propose", url.Values{"terms": {"加注曾用名"}})
	says(t, f.seen(head, dispute, "接受条件：加注曾用名"), "登记档案复印件", "和解条件", dispute+"/escalate")
	hides(t, f.page(user, dispute), dispute+"/escalate", dispute+"/accept")
	f.turned(user, dispute+"/escalate", url.Values{"reason": {"x"}}, http.StatusForbidden)
	f.turned(head, dispute+"/ruling", url.Values{"reference": {"x"}, "ruling": {"x"}}, http.StatusForbidden)
	f.turned(head, dispute+"/accept", url.Values{"proposal": {"none"}}, http.StatusNotFound)
	says(t, f.post(head, dispute+"/escalate", url.Values{"reason": {"协商不成"}}), "主管部门处理中")
	authority := f.officer("shanghai", "authority")
	says(t, f.page(authority, dispute), dispute+"/ruling")
	says(t, f.turned(authority, dispute+"/ruling", nil, http.StatusBadRequest), "请写明文号", "请写明裁决内容")
	says(t, f.post(authority, dispute+"/ruling", url.Values{"reference": {"沪数裁〔2026〕1号"}, "ruling": {"加注曾用名"}}), "主管部门已裁决", "沪数裁〔2026〕1号")
	f.seen(theirs, dispute, "确认收到裁决")
	says(t, f.post(theirs, dispute+"/acknowledge", nil), "裁决已确认")
	says(t, f.page(authority, "/disputes"), "应按营业执照更正", "上海市企业服务部门")
	for _, p := range []string{"/corrections/none", "/disputes/none", path + "x/correct"} {
		if code, _, page := user.do("GET", p, nil); code != http.StatusNotFound {
			t.Errorf("%s: %d", p, code)
		} else {
			look(t, page)
		}
	}
	stranger := f.officer("shanghai", "officer-sh2")
	for _, p := range []string{one, dispute} {
		if code, _, _ := stranger.do("GET", p, nil); code != http.StatusNotFound {
			t.Errorf("a stranger at %s: %d", p, code)
		}
	}
}

// cases are the applications and agreements of an officer's department.
func (f *fixture) cases(place, actor string) (rest.Page[agreement.Negotiation], error) {
	var p rest.Page[agreement.Negotiation]
	err := f.as(place, actor).Call(f.ctx, http.MethodGet, "/api/v1/applications", nil, &p)
	return p, err
}

// TestShareSchemes: a zone is consented to, joined, used and left through its page.
func TestShareSchemes(t *testing.T) {
	f := newFixture(t, Settings{})
	authority, other := f.officer("shanghai", "authority"), f.officer("zhejiang", "authority")
	says(t, f.page(authority, "/schemes"), "没有共享方案", "需求清单")
	var x scheme.Scheme
	f.call(f.as("shanghai", "authority"), http.MethodPost, "/api/v1/schemes", f.scheme(scheme.Zone, "shanghai", "zhejiang"), &x)
	path := "/schemes/" + x.ID
	page := f.page(authority, path)
	says(t, page, "征求各成员同意", "企业登记信息", "无差别共享", "已同意", "等待决定", "90 天")
	hides(t, page, path+"/consent\"")
	says(t, f.seen(other, path, path+"/consent"), path+"/decline")
	for _, who := range []string{"officer-zj", "head-zj"} {
		v := f.officer("zhejiang", who)
		f.turned(v, path+"/decline", url.Values{"reason": {"x"}}, http.StatusForbidden)
		f.turned(v, path+"/leave", url.Values{"reason": {"x"}}, http.StatusForbidden)
	}
	f.turned(f.officer("zhejiang", "officer-zj"), path+"/consent", nil, http.StatusForbidden)
	says(t, f.post(other, path+"/consent", nil), "已同意", "有效")
	f.seen(authority, path, "有效")
	provider, user, head := f.officer("zhejiang", "head-zj"), f.officer("shanghai", "officer-sh"), f.officer("shanghai", "head-sh")
	says(t, f.page(provider, path), path+"/join")
	f.turned(user, path+"/join", nil, http.StatusForbidden)
	says(t, f.post(provider, path+"/join", nil), "本部门的条目已加入方案")
	says(t, f.page(user, path), path+"/enrol", "还没有部门登记使用")
	f.turned(head, path+"/enrol", url.Values{"basis": {"consent"}, "scenario": {"x"}}, http.StatusForbidden)
	page = f.turned(user, path+"/enrol", url.Values{"basis": {"duty"}, "scenario": {"为企业办理跨省迁移"}}, http.StatusBadRequest)
	says(t, page, "为企业办理跨省迁移", `aria-invalid="true"`)
	says(t, f.post(user, path+"/enrol", url.Values{"basis": {"duty"}, "citation": {"企业信息公示暂行条例第十二条"}, "scenario": {"为企业办理跨省迁移"}}), "已登记", "待负责人同意")
	says(t, f.post(head, path+"/consent-enrolment", nil), "使用中")
	says(t, f.page(user, "/schemes"), "企业服务共享", "上海市、浙江省", "有效")
	says(t, f.turned(other, path+"/leave", nil, http.StatusBadRequest), "理由")
	says(t, f.post(other, path+"/leave", url.Values{"reason": {"职责调整"}}), "本成员已退出")
	if code, _, page := user.do("GET", "/schemes/none", nil); code != http.StatusNotFound {
		t.Errorf("a scheme that is not there: %d", code)
	} else {
		look(t, page)
	}
	f.turned(user, path+"/nothing", nil, http.StatusNotFound)
}

// TestShareLists: who answers for what, the one source of each item with what goes against it, and what is not shared.
func TestShareLists(t *testing.T) {
	f := newFixture(t, Settings{})
	officer, authority, head := f.officer("zhejiang", "officer-zj"), f.officer("zhejiang", "authority"), f.officer("zhejiang", "head-zj")
	other := Department("330000", 2)
	if err := f.c.AddDepartment(f.ctx, "zhejiang", "zj2", other, "浙江省另一部门"); err != nil {
		t.Fatal(err)
	}
	says(t, f.page(officer, "/responsibilities"), "企业登记信息", "数据专员", "每日更新", "/responsibilities/sheet?form=xlsx")
	hides(t, f.page(head, "/responsibilities"), "/responsibilities/sheet")
	for form, want := range map[string]int{"csv": http.StatusOK, "xlsx": http.StatusOK} {
		if code, _, body := officer.do("GET", "/responsibilities/sheet?form="+form, nil); code != want || len(body) == 0 {
			t.Errorf("%s: %d", form, code)
		}
	}
	if code, _, _ := head.do("GET", "/responsibilities/sheet", nil); code != http.StatusForbidden {
		t.Errorf("a sheet for the head of the office: %d", code)
	}
	says(t, f.page(officer, "/withheld"), "没有不予共享的数据")
	says(t, f.page(officer, "/register"), "还没有明确数源部门", "没有不符的条目")
	hides(t, f.page(officer, "/register"), `action="/register"`)
	f.turned(officer, "/register", url.Values{"item": {"注册资本"}, "department": {other}}, http.StatusForbidden)
	f.turned(officer, "/register", url.Values{"end": {"注册资本"}}, http.StatusForbidden)
	says(t, f.turned(authority, "/register", url.Values{"department": {other}}, http.StatusBadRequest), "请写明数据项名称")
	says(t, f.post(authority, "/register", url.Values{"item": {"注册资本"}, "department": {other}, "reason": {"由其核定"}}), "数源部门已登记", "注册资本", "浙江省另一部门", "由其核定", testResource, "已发布")
	says(t, f.page(officer, "/register"), "注册资本", "浙江省市场监管部门")
	says(t, f.post(authority, "/register", url.Values{"end": {"注册资本"}}), "登记已撤销", "还没有明确数源部门")
	path := f.described(officer, "企业密级信息", url.Values{"shown-6": {"nothing"}, "instrument": {"law"}, "law": {"《保守国家秘密法》"}, "article": {"第九条"}, "why": {"涉及内部管理"}})
	f.assessed(officer, path)
	f.post(officer, path+"/submit", nil)
	f.post(f.officer("zhejiang", "chief-zj"), path+"/sign", nil)
	f.post(authority, path+"/publish", nil)
	says(t, f.page(officer, "/withheld"), "企业密级信息", "数据项：备注", "《保守国家秘密法》，第九条", "涉及内部管理")
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
	c := f.report(f.as("shanghai", "officer-sh"), f.agreed("shanghai", "sh"), wrong(wrongPhone))
	var o objection.Dispute
	f.call(f.as("shanghai", "officer-sh"), http.MethodPost, "/api/v1/disputes", objection.Opening{Matter: objection.Matter{Kind: "correction", ID: c.ID}, Claim: "应按营业执照更正企业名称"}, &o)
	f.call(f.as("shanghai", "officer-sh"), http.MethodPost, "/api/v1/disputes/"+o.ID+"/papers", objection.Statement{Text: "营业执照复印件，登记机关加盖公章"}, nil)
	f.call(f.as("shanghai", "head-sh"), http.MethodPost, "/api/v1/disputes/"+o.ID+"/propose", objection.Statement{Text: "加注曾用名，保留原记录"}, nil)
	var x scheme.Scheme
	f.call(f.as("shanghai", "authority"), http.MethodPost, "/api/v1/schemes", f.scheme(scheme.Zone, "shanghai", "zhejiang"), &x)
	judge(b.Visit(root("zhejiang")+"/register", 1440), "share-register")
	judge(b.Visit(root("zhejiang")+"/responsibilities", 1440), "share-responsibilities")
	judge(b.Visit(root("zhejiang")+"/withheld", 1440), "share-withheld")
	enter("zhejiang", "officer-zj")
	p = b.Visit(root("zhejiang")+"/corrections/"+c.ID, 1440)
	p.Eval(`() => { document.querySelectorAll("details").forEach(d => d.open = true); return 0 }`, new(int))
	judge(p, "share-correction")
	enter("shanghai", "officer-sh")
	for name, path := range map[string]string{
		"corrections": "/corrections", "disputes": "/disputes", "dispute": "/disputes/" + o.ID, "refetches": "/refetches", "correct": "/applications/" + c.Agreement + "/correct",
		"disputing": "/applications/" + c.Agreement + "/dispute", "schemes": "/schemes",
	} {
		judge(b.Visit(root("shanghai")+path, 1440), "share-"+name)
	}
	enter("shanghai", "authority")
	judge(b.Visit(root("shanghai")+"/schemes/"+x.ID, 1440), "share-scheme")
}
