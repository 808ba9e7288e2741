package demo

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/internal/ids"
	"github.com/kuayu/kuayu/internal/webtest"
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
		says(t, page, "企业登记信息", "上海市", "浙江省市场监管部门")
		hides(t, page, f.health, "shanghai →", string(agreement.Reviewing)+"<")
	}
	for _, page := range []string{f.page(sh, "/applications/"+mine.ID), f.page(zj, "/applications/"+theirs.ID)} {
		says(t, page, "企业登记信息", "统一社会信用代码、企业名称、法定代表人、联系电话、所在市、注册资本", "接口查询、核验（只答是或否）")
		hides(t, page, ">representative", "representative、", ">zhejiang", f.health)
	}
	says(t, f.page(sh, "/applications/"+mine.ID+"?view=line"), "数据专员", "共享机构负责人")
	says(t, f.page(zj, "/applications/"+theirs.ID+"?view=line"), "上海市")
	f.page(zj, "/workbench")
}

// TestConsoleCatalog: an officer of Shanghai finds what Zhejiang published, narrows it, reads it, and is led on when there
// is nothing; who may not apply is not shown the button, and refused when asking without it.
func TestConsoleCatalog(t *testing.T) {
	f := newFixture(t, Settings{})
	for i, name := range []string{"社会组织登记信息", "企业年报信息"} {
		f.entry("330000/more-"+string(rune('a'+i)), name)
	}
	seeker{f, "shanghai", "officer-sh"}.sees("zhejiang:"+testResource, "q", "企业登记信息")
	seeker{f, "shanghai", "officer-sh"}.sees("zhejiang:330000/more-b", "q", "企业年报")
	v := f.officer("shanghai", "officer-sh")
	one := "/catalog/zhejiang/" + escape(testResource)
	page := f.page(v, "/catalog")
	says(t, page, "企业登记信息", "企业年报信息", "浙江省・", "浙江省市场监管部门", "有条件共享", "无条件共享", "7 个数据项", "目录副本截至", "基础信息资源", one+"/apply", "申请使用")
	hides(t, page, ">theme<", ">conditional<", "daily", f.health+"<")
	page = f.page(v, "/catalog?q="+url.QueryEscape("企业")+"&sharing=conditional")
	says(t, page, "<mark>企业</mark>", `aria-current="true"`, "共 1 条", "清除条件")
	hides(t, page, "more-b")
	page = f.page(v, "/catalog?q="+url.QueryEscape("渔船证书"))
	says(t, page, "没有找到符合条件的资源", "/demands/new?name=", "提出数据需求")
	says(t, f.page(v, "/catalog?sharing=anything"), "检索条件")
	says(t, f.page(v, "/catalog?after=x"), "翻页游标无效")
	page = f.page(v, one)
	says(t, page, "法定代表人", "3 级", "只显示姓，名以 * 代替", "个人信息", "限于履行法定职责", "长三角各级政府部门", "每日更新", one+"/apply")
	hides(t, page, "representative", "daily", ">第 1 版<")
	own := f.page(f.officer("zhejiang", "officer-zj"), one)
	says(t, own, "第 1 版")
	hides(t, own, "/apply")
	if code, _, page := v.do("GET", "/catalog/zhejiang/none", nil); code != http.StatusNotFound {
		t.Errorf("an entry that is not there: %d", code)
	} else {
		look(t, page)
	}
	head := f.officer("shanghai", "head-sh")
	hides(t, f.page(head, one), "/apply")
	for _, path := range []string{one + "/apply", "/demands/new"} {
		for _, method := range []string{"GET", "POST"} {
			code, _, page := head.do(method, path, url.Values{"to": {"send"}})
			if code != http.StatusForbidden {
				t.Errorf("%s %s by the head: %d", method, path, code)
			}
			says(t, page, "您的角色不能执行此操作", "数据专员")
			look(t, page)
		}
	}
	name := "/demands/new?name=" + url.QueryEscape("渔船证书")
	says(t, f.page(v, name), `value="渔船证书"`)
	code, _, page := v.do("POST", "/demands/new", url.Values{"name": {"渔船证书"}})
	if code != http.StatusBadRequest {
		t.Errorf("an empty demand: %d", code)
	}
	look(t, page)
	says(t, page, `aria-invalid="true"`, `value="渔船证书"`)
	w := url.Values{"name": {"渔船证书"}, "items": {"船名、船号"}, "basis": {"duty"}, "citation": {"《渔业法》第二十三条"}, "scenario": {"窗口办理"}, "scope": {"全省"}, "until": {f.c.Clock.Now().AddDate(0, 3, 0).Format("2006-01-02")}}
	if code, to, page := v.do("POST", "/demands/new", w); code != http.StatusSeeOther || to != "/workbench?done=demand" {
		t.Errorf("%d %s %s", code, to, page)
	}
	says(t, f.page(v, "/workbench?done=demand"), "需求已报")
}

// TestConsoleApplies: four steps, faults at their questions in the package's words, and a page that says what comes next.
func TestConsoleApplies(t *testing.T) {
	f := newFixture(t, Settings{})
	seeker{f, "shanghai", "officer-sh"}.sees("zhejiang:"+testResource, "q", "企业登记")
	v := f.officer("shanghai", "officer-sh")
	path := "/catalog/zhejiang/" + escape(testResource) + "/apply"
	says(t, f.page(v, path), "第 1 步，共 4 步", "使用依据")
	form := url.Values{"basis": {"duty"}}
	step := func(at, to string, want int, texts ...string) {
		t.Helper()
		form.Set("step", at)
		form.Set("to", to)
		code, _, page := v.do("POST", path, form)
		if code != want {
			t.Fatalf("step %s: %d\n%s", at, code, page)
		}
		look(t, page)
		says(t, page, texts...)
	}
	step("1", "2", http.StatusBadRequest, "请写明使用依据", "请写明用途", "请写明使用场景", "第 1 步")
	form.Set("citation", "企业信息公示暂行条例第十二条")
	form.Set("purposes", "企业跨省迁移")
	form.Set("scenario", "为企业办理跨省迁移")
	step("1", "2", http.StatusOK, "第 2 步", "法定代表人（3 级，只显示姓，名以 * 代替）", `type="hidden" name="scenario" value="为企业办理跨省迁移"`)
	step("2", "3", http.StatusBadRequest, "请选择数据项", "请选择共享方式")
	form["fields"], form["modes"] = []string{"uscc", "name", "phone"}, []string{"query"}
	step("2", "3", http.StatusOK, "第 3 步")
	form.Set("scope", "仅限窗口办理")
	form.Set("valid_until", "2020-01-01")
	step("3", "4", http.StatusBadRequest, "使用时限须晚于今天")
	form.Set("valid_until", f.c.Clock.Now().AddDate(0, 6, 0).Format("2006-01-02"))
	step("3", "4", http.StatusOK, "第 4 步", "统一社会信用代码、企业名称、联系电话", "浙江省市场监管部门", "修改期限与范围")
	step("4", "1", http.StatusOK, "第 1 步", `value="企业跨省迁移"`)
	step("4", "send", http.StatusBadRequest, "请确认申请真实、合法、必要")
	form.Set("declared", "yes")
	if code, _, _ := v.do("POST", path, form, "Origin", "https://evil.example"); code != http.StatusForbidden {
		t.Errorf("an application from another site: %d", code)
	}
	code, to, page := v.do("POST", path, form)
	if code != http.StatusSeeOther {
		t.Fatalf("%d %s", code, page)
	}
	says(t, f.page(v, to), "申请已报", "待需求部门负责人同意", "需求部门共享工作机构负责人", "负责人同意后，申请送达提供方。", "企业跨省迁移")
}

// TestConsolePagesInABrowser judges the pages of the way from a search to an answer as a browser shows them, at both ends.
func TestConsolePagesInABrowser(t *testing.T) {
	b := webtest.Open(t)
	judge := judging(t)
	f := newFixture(t, Settings{Routes: roleChooser})
	f.entry("330000/associations", "社会组织登记信息")
	seeker{f, "shanghai", "officer-sh"}.sees("zhejiang:"+testResource, "q", "企业登记信息")
	seeker{f, "shanghai", "officer-sh"}.sees("zhejiang:330000/associations", "q", "社会组织登记")
	mine, theirs := f.applied(f.application())
	root := func(place string) string { return "https://localhost:" + port(f.c.Node(place).Addr("staff")) }
	enter := func(place, actor string) {
		t.Helper()
		b.Visit(root(place)+"/demo/roles", 1440).Click(`form:has(input[value="` + actor + `"]) button`)
	}
	enter("shanghai", "officer-sh")
	one := "/catalog/zhejiang/" + escape(testResource)
	for name, path := range map[string]string{
		"catalog": "/catalog", "catalog-narrowed": "/catalog?q=" + url.QueryEscape("登记") + "&member=zhejiang", "catalog-nothing": "/catalog?q=" + url.QueryEscape("渔船证书"),
		"resource": one, "apply": one + "/apply", "demand": "/demands/new", "case": "/applications/" + mine.ID, "cases": "/applications",
	} {
		judge(b.Visit(root("shanghai")+path, 1440), "console-"+name)
	}
	p := b.Visit(root("shanghai")+one+"/apply", 1440)
	p.Click("main form .acts button") // nothing was answered
	p.Hear()
	judge(p, "console-apply-faults")
	p.Fill(map[string]string{"#f-citation": "企业信息公示暂行条例第十二条", "#f-purposes": "企业跨省迁移", "#f-scenario": "为企业办理跨省迁移"})
	p.Click("main form .acts button")
	judge(p, "console-apply-items")
	p.Tick("#f-fields-uscc", "#f-fields-name", "#f-modes-query")
	p.Click("main form .acts button")
	judge(p, "console-apply-limits")
	p.Fill(map[string]string{"#f-valid_until": f.c.Clock.Now().AddDate(0, 6, 0).Format("2006-01-02"), "#f-scope": "仅限窗口办理"})
	p.Click("main form .acts button")
	judge(p, "console-apply-check")
	p.Tick("#f-declared-yes")
	p.Click("main form .acts button")
	judge(p, "console-applied")
	enter("zhejiang", "officer-zj")
	p = b.Visit(root("zhejiang")+"/applications/"+theirs.ID, 1440)
	judge(p, "console-answer")
	p.Click("form[action$='/answer'] button")
	judge(p, "console-answered")
	enter("zhejiang", "head-zj")
	p = b.Visit(root("zhejiang")+"/applications/"+theirs.ID, 1440)
	p.Tick("details.ask summary")
	judge(p, "console-consent")
}

// TestConsoleActs walks an application through both ends by the pages alone: consent, an answer in part with its reasons,
// its return, consent, agreement, revocation.
func TestConsoleActs(t *testing.T) {
	f := newFixture(t, Settings{})
	seeker{f, "shanghai", "officer-sh"}.sees("zhejiang:"+testResource, "q", "企业登记")
	var mine agreement.Negotiation
	f.call(f.as("shanghai", "officer-sh"), http.MethodPost, "/api/v1/applications", f.application(), &mine)
	do := func(v *browserless, id, act string, form url.Values) {
		t.Helper()
		path := "/applications/" + id
		if code, _, _ := v.do("POST", path+"/"+act, form, "Sec-Fetch-Site", "cross-site"); code != http.StatusForbidden {
			t.Errorf("%s from another site: %d", act, code)
		}
		code, to, page := v.do("POST", path+"/"+act, form)
		if code != http.StatusSeeOther || to != path+"?done="+act {
			t.Fatalf("%s: %d %s\n%s", act, code, to, page)
		}
		says(t, f.page(v, to), "已办理")
	}
	refused := func(v *browserless, id, act string, form url.Values, want int, texts ...string) {
		t.Helper()
		code, _, page := v.do("POST", "/applications/"+id+"/"+act, form)
		if code != want {
			t.Errorf("%s: %d, want %d", act, code, want)
		}
		look(t, page)
		says(t, page, texts...)
		hides(t, page, "ask_office", "REVIEWING", "{\"")
	}
	because := url.Values{"reason": {"用途已完成"}}
	sh, shead := f.officer("shanghai", "officer-sh"), f.officer("shanghai", "head-sh")
	hides(t, f.page(sh, "/applications/"+mine.ID), "同意提出申请")
	says(t, f.page(shead, "/applications/"+mine.ID), "同意提出申请", "不同意，撤回申请")
	do(shead, mine.ID, "consent", nil)
	if code, to, _ := shead.do("GET", "/applications/"+mine.ID+"/consent", nil); code != http.StatusSeeOther || to != "/applications/"+mine.ID {
		t.Errorf("the address of an act, opened: %d %s", code, to)
	}
	refused(shead, mine.ID, "consent", nil, http.StatusConflict, "状态已变化", "返回该事项")
	refused(shead, mine.ID, "anything", nil, http.StatusNotFound, "没有这项操作")
	var id string
	f.await(func() bool {
		for _, n := range f.reviewing("zhejiang") {
			if n.Peer == mine.ID {
				id = n.ID
			}
		}
		return id != ""
	})
	zj, zhead := f.officer("zhejiang", "officer-zj"), f.officer("zhejiang", "head-zj")
	says(t, f.page(zj, "/applications/"+id), "逐项答复", "法定代表人", "只显示姓，名以 * 代替", "同意共享", "不予共享的理由")
	hides(t, f.page(zhead, "/applications/"+id), "逐项答复")
	form := url.Values{"asked": f.application().Fields, "allowed": {"uscc", "name", "city", "representative"}}
	refused(zj, id, "answer", form, http.StatusBadRequest, "不予共享的数据项须写明理由")
	form.Set("reason-phone", "办理迁移不需要联系电话")
	form.Set("reason-capital", "办理迁移不需要注册资本")
	late := url.Values{"until": {"2099-01-01"}}
	for k, x := range form {
		late[k] = x
	}
	refused(zj, id, "answer", late, http.StatusBadRequest, "期限长于申请", "办理迁移不需要联系电话")
	do(zj, id, "answer", form)
	says(t, f.page(zhead, "/applications/"+id), "同意答复，达成协议", "申请与允许对照", "办理迁移不需要联系电话", "不同意")
	refused(zhead, id, "return-answer", nil, http.StatusBadRequest, "必须写明理由")
	do(zhead, id, "return-answer", url.Values{"reason": {"联系电话再核对"}})
	do(zj, id, "answer", form)
	do(zhead, id, "consent-answer", nil)
	f.reaches("shanghai", mine.ID, agreement.Active)
	f.reaches("zhejiang", id, agreement.Active)
	says(t, f.page(sh, "/applications/"+mine.ID), "申请与允许对照", "办理迁移不需要注册资本", "有效")
	hides(t, f.page(sh, "/applications/"+mine.ID), "撤销协议")
	refused(zhead, id, "revoke", nil, http.StatusBadRequest, "必须写明理由")
	do(zhead, id, "revoke", because)
	f.reaches("shanghai", mine.ID, agreement.Terminated)
	says(t, f.page(sh, "/applications/"+mine.ID), "已终止", "用途已完成")
}

// TestConsoleActsRefuseTheWrongRole tries every act as every role that may not, and as another department's people: the
// server refuses, whatever the page shows.
func TestConsoleActsRefuseTheWrongRole(t *testing.T) {
	f := newFixture(t, Settings{})
	seeker{f, "shanghai", "officer-sh"}.sees("zhejiang:"+testResource, "q", "企业登记")
	mine, theirs := f.applied(f.application())
	officer, head, either, watchers := []string{"officer"}, []string{"head"}, []string{"officer", "head"}, []string{"head", "authority"}
	may := map[string][]string{
		"consent": head, "return": head, "revise": officer, "withdraw": either, "supply": officer, "consent-supply": head, "accept": head, "resubmit": head,
		"change": officer, "consent-change": head, "rectified": either, "destroyed": head, "renew": officer,
		"answer": officer, "supplement": officer, "extend": officer, "consent-extension": {"authority"}, "refuse-extension": {"authority"}, "consent-answer": head, "return-answer": head,
		"refuse": head, "answer-change": officer, "grant-change": head, "decline-change": head, "suspend": watchers, "rectify": watchers, "resume": watchers, "dispose": either,
		"revoke": {"head", "chief", "authority"},
	}
	until := f.c.Clock.Now().AddDate(0, 3, 0).Format("2006-01-02")
	whole := url.Values{ // good enough for every act, so that nothing but the role refuses it
		"reason": {"理由"}, "basis": {"duty"}, "citation": {"第十二条"}, "purposes": {"企业服务"}, "scenario": {"窗口"}, "scope": {"全省"}, "fields": {"uscc"}, "modes": {"query"},
		"valid_until": {until}, "declared": {"yes"}, "report": {"已改正"}, "method": {"删除"}, "date": {"2020-01-01"}, "officer": {"甲"}, "days": {"3"}, "what": {"停止使用"}, "by": {until},
		"item-1": {"依据"}, "why-1": {"缺条文"}, "asked": {"uscc"}, "allowed": {"uscc"},
	}
	tried := 0
	for place, people := range map[string]map[string]string{
		"shanghai": {"officer-sh": "officer", "head-sh": "head", "chief-sh": "chief", "authority": "authority", "auditor": "auditor", "operator": "operator", "officer-sh2": "stranger", "head-sh2": "stranger"},
		"zhejiang": {"officer-zj": "officer", "head-zj": "head", "chief-zj": "chief", "authority": "authority", "auditor": "auditor", "operator": "operator"},
	} {
		id := map[string]string{"shanghai": mine.ID, "zhejiang": theirs.ID}[place]
		for actor, role := range people {
			v := f.officer(place, actor)
			for act, roles := range may {
				if slices.Contains(roles, role) {
					continue
				}
				tried++
				form := whole
				if slices.Contains([]string{"answer", "answer-change"}, act) {
					form = url.Values{"asked": {"uscc"}, "allowed": {"uscc"}}
				}
				code, _, page := v.do("POST", "/applications/"+id+"/"+act, form)
				if code != http.StatusForbidden && (role != "stranger" || code != http.StatusNotFound) {
					t.Errorf("%s at %s by %s: %d", act, place, actor, code)
				}
				look(t, page)
			}
			if code, _, _ := v.do("POST", "/agreements/"+id+"/try", whole); code != http.StatusForbidden && code != http.StatusNotFound {
				t.Errorf("try at %s by %s: %d", place, actor, code)
			}
		}
	}
	if tried < 250 {
		t.Errorf("only %d tried", tried)
	}
	for place, id := range map[string]string{"shanghai": mine.ID, "zhejiang": theirs.ID} {
		var n agreement.Negotiation
		f.call(f.as(place, "authority"), http.MethodGet, "/api/v1/applications/"+id, nil, &n)
		if n.State != agreement.Submitted && n.State != agreement.Reviewing {
			t.Errorf("%s: moved to %s", place, n.State)
		}
	}
}
