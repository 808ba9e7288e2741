package demo

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kuayu/kuayu/exchange/scheme"
	"github.com/kuayu/kuayu/internal/webtest"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/policy"
)

// drafting is somebody who fills in the form of a scheme, page by page.
type drafting struct {
	*fixture
	v    *browserless
	form url.Values // what the page last seen would send
}

func (f *fixture) drafting(v *browserless, path string) *drafting {
	f.t.Helper()
	return &drafting{f, v, answers(f.page(v, path))}
}

// sends presses a button; what is set is answered first. The page is looked at and returned; of an act that leads on, where.
func (d *drafting) sends(to string, want int, set ...string) string {
	d.t.Helper()
	for i := 0; i+1 < len(set); i += 2 {
		d.form.Set(set[i], set[i+1])
	}
	d.form.Set("to", to)
	code, where, page := d.v.do("POST", "/schemes/new", d.form)
	if code != want {
		d.t.Fatalf("%s: %d, want %d: %s", to, code, want, texts(page))
	}
	if code == http.StatusSeeOther {
		return where
	}
	look(d.t, page)
	if d.form = answers(page); code >= http.StatusForbidden {
		d.form = url.Values{}
	}
	return page
}

func entryKey(member, code string) string { return member + "/" + escape(code) }

// day is a day some months from now, as pages say it.
func (f *fixture) day(months int) string { return pageDay(f.c.Clock.Now().AddDate(0, months, 0)) }

func pageDay(t time.Time) string {
	return t.In(time.FixedZone("UTC+8", 8*60*60)).Format(time.DateOnly)
}

// TestSchemeDraftZone: the authority drafts a zone by the form; the other member consents on its page, and it is in force.
// Its next version begins with what is in force and has one entry more.
func TestSchemeDraftZone(t *testing.T) {
	f := newFixture(t, Settings{})
	f.entry("330000/more-a", "社会组织登记信息")
	for _, code := range []string{testResource, "330000/more-a"} {
		seeker{f, "shanghai", "authority"}.sees("zhejiang:"+code, "member", "zhejiang", "q", map[bool]string{true: "企业登记", false: "社会组织"}[code == testResource])
	}
	authority, other := f.officer("shanghai", "authority"), f.officer("zhejiang", "authority")
	says(t, f.page(authority, "/schemes"), "没有共享方案", `href="/schemes/new"`, "拟定方案")
	d := f.drafting(authority, "/schemes/new")
	page := d.sends("2", 400)
	says(t, page, "第 1 步，共 4 步", "无差别共享：清单内的数据各成员同等使用", "请写明方案名称", "请写明使用范围", "请写明 1 至 16 个用途", `aria-invalid="true"`)
	hides(t, page, "点对多", "point_to_many")
	page = d.sends("2", 200, "title", "企业服务共享", "purposes", "企业服务、跨省迁移", "scope", "仅限窗口办理")
	says(t, page, "上海市（本成员，始终参加）", "浙江省市场监管部门", "上海市企业服务部门", "上海市另一部门")
	says(t, d.sends("3", 400), "请至少再选一个成员")
	d.form["users"] = []string{"jiangsu/1"}
	says(t, d.sends("3", 400, "parties", "zhejiang"), "所属的成员未参加", `value="zhejiang" checked`)
	d.form.Del("users")
	page = d.sends("3", 200)
	says(t, page, "清单还是空的", "检索目录")
	says(t, d.sends("search", 200, "member", "zhejiang", "find", "渔船证书"), "没有找到可列入的数据资源", "渔船证书")
	says(t, d.sends("search", 400, "find", strings.Repeat("企", 201)), "超过 200 个字")
	page = d.sends("search", 200, "find", "企业登记")
	says(t, page, "企业登记信息", "有条件共享", "add:"+entryKey("zhejiang", testResource))
	page = d.sends("add:"+entryKey("zhejiang", testResource), 200)
	says(t, page, "已在清单", "共享清单（1 项）", "7 个数据项；接口查询、核验（只答是或否）", `value="企业登记"`, f.day(6))
	says(t, d.sends("add:"+entryKey("zhejiang", "none"), 400), "该条目暂时不能加入")
	page = d.sends("open:0", 200)
	says(t, page, "修改：企业登记信息", "法定代表人（3 级，只显示姓，名以 * 代替）")
	d.form["fields"], d.form["modes"] = nil, nil
	says(t, d.sends("4", 400), "没有选数据项", "请至少选一个数据项", "请至少选一种共享方式")
	d.form["fields"], d.form["modes"] = []string{"uscc", "name", "city"}, []string{"query"}
	says(t, d.sends("list", 200), "3 个数据项；接口查询")
	says(t, d.sends("4", 400, "review-0", "明天"), "须写明复核日期", `value="明天"`, `href="#f-review-0"`)
	page = d.sends("4", 200, "review-0", f.day(3))
	says(t, page, "期限与核对", "企业服务、跨省迁移", "上海市、浙江省", "各成员的全部部门", "365 天", f.day(3), "提出即代表本成员同意")
	says(t, d.sends("send", 400, "max_days", "many", "valid_until", "2020-01-01"), "协议最长期限须为 1 至 3660 天", "方案截止时间须晚于今天", `value="many"`)
	says(t, d.sends("check", 200, "max_days", "90", "valid_until", f.day(12)), "90 天")
	path, _, _ := strings.Cut(d.sends("send", 303), "?")
	says(t, f.page(authority, path+"?done=propose"), "方案已提出，等待同意", "征求各成员同意", "3", "90 天")
	f.seen(other, path, path+"/consent")
	says(t, f.post(other, path+"/consent", nil), "有效")
	says(t, f.seen(authority, path, "拟定新版本"), path+"/next")
	x := f.schemeAt("shanghai", "authority", strings.TrimPrefix(path, "/schemes/"))
	if e := x.Text.Entries; len(e) != 1 || !slices.Equal(e[0].Fields, []string{"uscc", "name", "city"}) || !slices.Equal(e[0].Modes, []policy.Mode{policy.ModeQuery}) || pageDay(e[0].ReviewBy) != f.day(3) {
		t.Fatalf("%+v", x.Text)
	}

	d = f.drafting(authority, path+"/next")
	says(t, d.sends("2", 200), "拟定第 2 版：企业服务共享", `value="zhejiang" checked`)
	d.sends("3", 200)
	says(t, d.sends("add:"+entryKey("zhejiang", "330000/more-a"), 200), "共享清单（2 项）", "社会组织登记信息")
	stale := d.form.Get("base")
	page = d.sends("4", 200)
	says(t, page, "与现行版本比较", "社会组织登记信息（")
	hides(t, page, "<del>企业", "<del>9", "<del>202")
	d.sends("send", 303)
	says(t, f.page(authority, path), "有效，新版本待决定")
	hides(t, f.page(authority, path), path+"/next")
	if code, _, page := authority.do("GET", path+"/next", nil); code != http.StatusConflict || !strings.Contains(page, "第 2 版已有提案待决定") {
		t.Errorf("a version while another waits: %d", code)
	} else {
		look(t, page)
	}
	f.seen(other, path, "社会组织登记信息")
	f.post(other, path+"/consent", nil)
	f.await(func() bool { return f.schemeAt("shanghai", "authority", x.ID).Text.Version == 2 })
	y := f.schemeAt("shanghai", "authority", x.ID)
	if len(y.Text.Entries) != 2 || y.Text.Title != x.Text.Title || !slices.Equal(y.Text.Purposes, x.Text.Purposes) || !slices.Equal(y.Text.Entries[0].Fields, x.Text.Entries[0].Fields) {
		t.Errorf("the next version: %+v", y.Text)
	}
	// Whoever began before that is told, and does not undo it.
	d = f.drafting(authority, path+"/next")
	says(t, d.sends("2", http.StatusConflict, "base", stale), "状态已变化")
	// The list may lose an entry, and a member that is not chosen any more takes its entries along.
	d = f.drafting(other, path+"/next")
	d.sends("2", 200)
	d.sends("3", 200)
	says(t, d.sends("drop:1", 200), "共享清单（1 项）")
	d = f.drafting(authority, path+"/next")
	d.form["parties"] = []string{"jiangsu"}
	d.form.Set("step", "2")
	d.sends("3", 200)
	says(t, d.sends("4", 400), "第 1 项“企业登记信息”由浙江省提供，而该成员未参加")
}

// TestSchemeDraftPointToMany: a department's officer opens its own entry to one department of another member; the head of
// its office consents. A draft can be changed before, and the codes of purposes survive being shown in words.
func TestSchemeDraftPointToMany(t *testing.T) {
	f := newFixture(t, Settings{})
	seeker{f, "zhejiang", "officer-zj"}.sees("zhejiang:"+testResource, "q", "企业登记")
	officer, head := f.officer("zhejiang", "officer-zj"), f.officer("zhejiang", "head-zj")
	d := f.drafting(officer, "/schemes/new")
	page := d.sends("2", 400, "title", "企业信息", "purposes", "企业服务", "scope", "窗口")
	says(t, page, "请选择方案类型", "点对多", "多对点", "枢纽", `value="企业信息"`)
	hides(t, page, "无差别共享", "须为")
	d.sends("2", 200, "kind", "point_to_many")
	d.form["users"] = []string{entryKey("shanghai", f.market)}
	page = d.sends("2", 200, "parties", "shanghai")
	says(t, page, "上海市企业服务部门", `value="`+entryKey("shanghai", f.market)+`" checked`)
	hides(t, page, `value="`+entryKey("zhejiang", f.health)) // the owner provides
	says(t, d.sends("3", 200), "企业登记信息", "浙江省市场监管部门")
	says(t, d.sends("4", 400), "请列出共享内容", `href="#f-entries"`)
	d.sends("add:"+entryKey("zhejiang", testResource), 200)
	page = d.sends("4", 200)
	says(t, page, f.market, "点对多：一个部门向多个部门提供", "共享工作机构负责人同意")
	hides(t, page, "复核日期", "与现行版本比较")
	path, _, _ := strings.Cut(d.sends("send", 303, "valid_until", f.day(12)), "?")
	says(t, f.page(officer, path), "草稿", "修改草案")
	hides(t, f.page(head, path), path+"/next")

	d = f.drafting(officer, path+"/next")
	d.sends("2", 200, "title", "企业信息共享")
	d.sends("3", 200)
	hides(t, d.sends("4", 200), "与现行版本比较")
	d.sends("send", 303)
	says(t, f.post(head, path+"/consent", nil), "企业信息共享", "有效")
	f.seen(f.officer("shanghai", "officer-sh"), path, "登记使用")

	var x scheme.Scheme
	f.call(f.as("zhejiang", "officer-zj"), http.MethodPost, "/api/v1/schemes", f.scheme(scheme.PointToMany, "zhejiang", "shanghai"), &x)
	d = f.drafting(officer, "/schemes/"+x.ID+"/next")
	if got := d.form.Get("purposes"); got != "企业服务" {
		t.Errorf("purposes in words: %q", got)
	}
	d.sends("4", 200)
	d.sends("send", 303)
	if y := f.schemeAt("zhejiang", "officer-zj", x.ID); !slices.Equal(y.Proposal.Text.Purposes, x.Text.Purposes) || y.Proposal.Text.Version != 1 {
		t.Errorf("the draft changed: %+v", y.Proposal.Text)
	}
}

// TestSchemeDraftTwoOfficers: two officers of a department change one draft at the same time. The first is done; the second,
// who began from what is no more, is told so on whichever page, and what the first wrote stays.
func TestSchemeDraftTwoOfficers(t *testing.T) {
	f := newFixture(t, Settings{})
	if err := f.c.AddDepartment(f.ctx, "shanghai", "sh3", Department("310000", 3), "上海市第三部门", identity.Actor{ID: "officer-sh4", Name: "另一专员", Kind: "officer", Roles: []identity.Role{identity.DataOfficer}}); err != nil {
		t.Fatal(err)
	}
	var x scheme.Scheme
	f.call(f.as("shanghai", "officer-sh3"), http.MethodPost, "/api/v1/schemes", f.scheme(scheme.ManyToPoint, "shanghai", "zhejiang"), &x)
	next := "/schemes/" + x.ID + "/next"
	one, two, early := f.drafting(f.officer("shanghai", "officer-sh3"), next), f.drafting(f.officer("shanghai", "officer-sh4"), next), f.drafting(f.officer("shanghai", "officer-sh4"), next)
	for title, d := range map[string]*drafting{"先送出的": one, "后送出的": two} {
		d.sends("2", 200, "title", title)
		d.sends("3", 200)
		d.sends("4", 200)
	}
	one.sends("send", 303)
	says(t, two.sends("send", http.StatusConflict), "状态已变化，或已由他人办理", "请返回查看最新状态")
	says(t, early.sends("2", http.StatusConflict), "请返回查看最新状态")
	if y := f.schemeAt("shanghai", "officer-sh3", x.ID); y.Text.Title != "先送出的" || y.Text.Version != 1 {
		t.Errorf("the first officer's draft: %+v", y.Text)
	}
	// Who begins anew begins from that.
	again := f.drafting(f.officer("shanghai", "officer-sh4"), next)
	again.sends("4", 200)
	again.sends("send", 303)
}

// TestSchemeDraftRefusals: whoever may not draft sees no button, and is refused when asking for the form or sending it.
func TestSchemeDraftRefusals(t *testing.T) {
	f := newFixture(t, Settings{})
	var mine, zone scheme.Scheme
	f.call(f.as("zhejiang", "officer-zj"), http.MethodPost, "/api/v1/schemes", f.scheme(scheme.PointToMany, "zhejiang", "shanghai"), &mine)
	f.call(f.as("zhejiang", "head-zj"), http.MethodPost, "/api/v1/schemes/"+mine.ID+"/consent", nil, nil)
	f.call(f.as("shanghai", "authority"), http.MethodPost, "/api/v1/schemes", f.scheme(scheme.Zone, "shanghai", "zhejiang"), &zone)
	f.await(func() bool { return f.schemeAt("zhejiang", "authority", zone.ID).Proposal != nil })
	f.call(f.as("zhejiang", "authority"), http.MethodPost, "/api/v1/schemes/"+zone.ID+"/consent", nil, nil)
	next := func(id string) string { return "/schemes/" + id + "/next" }
	refused := func(v *browserless, path string, want int) {
		t.Helper()
		code, _, page := v.do("GET", path, nil)
		if code != want {
			t.Errorf("%s: %d, want %d", path, code, want)
		}
		look(t, page)
	}
	for _, who := range []string{"head-zj", "chief-zj", "auditor", "operator"} {
		v := f.officer("zhejiang", who)
		_, _, page := v.do("GET", "/schemes", nil)
		hides(t, page, "/schemes/new")
		for _, path := range []string{"/schemes/new", next(mine.ID), next(zone.ID)} {
			refused(v, path, http.StatusForbidden)
		}
		for _, form := range []url.Values{{"to": {"send"}}, {"to": {"search"}}, {"to": {"2"}, "kind": {"zone"}}, {"to": {"send"}, "id": {mine.ID}}, {"to": {"send"}, "id": {zone.ID}}} {
			f.turned(v, "/schemes/new", form, http.StatusForbidden)
		}
	}
	officer, authority := f.officer("zhejiang", "officer-zj"), f.officer("zhejiang", "authority")
	f.turned(officer, "/schemes/new", url.Values{"to": {"2"}, "kind": {"zone"}}, http.StatusForbidden)
	f.turned(officer, "/schemes/new", url.Values{"to": {"send"}, "id": {zone.ID}, "kind": {"hub"}}, http.StatusForbidden)
	refused(officer, next(zone.ID), http.StatusForbidden)
	f.turned(authority, "/schemes/new", url.Values{"to": {"2"}, "kind": {"hub"}}, http.StatusForbidden)
	refused(authority, next(mine.ID), http.StatusForbidden)
	hides(t, f.page(authority, "/schemes/"+mine.ID), next(mine.ID))
	says(t, f.page(officer, "/schemes/"+mine.ID), next(mine.ID))
	hides(t, f.page(officer, "/schemes/"+zone.ID), next(zone.ID))
	f.await(func() bool { return f.schemeAt("shanghai", "officer-sh", mine.ID).ID != "" })
	for _, id := range []string{mine.ID, "none"} {
		want := map[bool]int{true: http.StatusForbidden, false: http.StatusNotFound}[id == mine.ID]
		refused(f.officer("shanghai", "officer-sh"), next(id), want)
	}
	refused(f.officer("shanghai", "authority"), next("none"), http.StatusNotFound)
	// A form that was edited.
	for _, form := range []url.Values{{"to": {"2"}, "kind": {"hub"}, "line": {"{"}}, {"to": {"2"}, "line": make([]string, 2001)}, {"to": {"2"}, "title": {strings.Repeat("x", 300<<10)}}} {
		f.turned(officer, "/schemes/new", form, http.StatusBadRequest)
	}
	f.turned(officer, "/schemes/new", url.Values{"to": {"nothing"}}, http.StatusNotFound)
	says(t, f.turned(officer, "/schemes/new", url.Values{"to": {"2"}, "kind": {"many"}}, http.StatusBadRequest), "请选择方案类型")
	if code, _, _ := f.c.browserless(t, "zhejiang").do("GET", "/schemes/new", nil); code != http.StatusSeeOther {
		t.Errorf("nobody: %d", code)
	}
}

// TestSchemeDraftInABrowser judges the pages of the form as a browser shows them, and drafts a zone by clicking.
func TestSchemeDraftInABrowser(t *testing.T) {
	b := webtest.Open(t)
	judge := judging(t)
	f := newFixture(t, Settings{Routes: roleChooser})
	f.entry("330000/more-a", "社会组织登记信息")
	seeker{f, "shanghai", "authority"}.sees("zhejiang:330000/more-a", "q", "社会组织")
	root := "https://localhost:" + port(f.c.Node("shanghai").Addr("staff"))
	b.Visit(root+"/demo/roles", 1440).Click(`form:has(input[value="authority"]) button`)
	p := b.Visit(root+"/schemes", 1440)
	judge(p, "draft-none")
	p = b.Visit(root+"/schemes/new", 1440)
	const on, search = `button[value="%"]`, `button[value="search"]`
	press := func(to string) { t.Helper(); p.Click("main " + strings.Replace(on, "%", to, 1)) }
	press("2")
	p.Hear()
	judge(p, "draft-step1-faults")
	p.Fill(map[string]string{"#f-title": "企业服务共享", "#f-purposes": "企业服务", "#f-scope": "仅限窗口办理"})
	press("2")
	p.Tick("#f-parties-zhejiang")
	judge(p, "draft-step2")
	press("3")
	judge(p, "draft-step3-none")
	p.Pick("#f-member", "浙江省")
	p.Fill(map[string]string{"#f-find": "登记"})
	p.Click("main " + search)
	press("add:" + entryKey("zhejiang", testResource))
	press("add:" + entryKey("zhejiang", "330000/more-a"))
	press("open:0")
	judge(p, "draft-step3")
	press("list")
	review := func(day string) {
		t.Helper()
		p.Eval(`() => { document.querySelector("#f-review-0").value = ""; return 0 }`, new(int))
		p.Fill(map[string]string{"#f-review-0": day})
	}
	review("明天")
	press("4")
	p.Hear()
	judge(p, "draft-step3-faults")
	review(f.day(6))
	press("4")
	judge(p, "draft-step4")
	p.Fill(map[string]string{"#f-valid_until": f.day(12)})
	press("send")
	judge(p, "draft-proposed")
}
