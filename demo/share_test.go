package demo

import (
	"bytes"
	"mime/multipart"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/kuayu/kuayu/exchange/catalog"
	"github.com/kuayu/kuayu/internal/webtest"
)

// post sends a form and demands that it leads on; the page it leads to is looked at and returned.
func (f *fixture) post(v *browserless, path string, form url.Values) string {
	f.t.Helper()
	code, to, page := v.do("POST", path, form)
	if code != http.StatusSeeOther {
		f.t.Fatalf("%s: %d\n%s", path, code, texts(page))
	}
	return f.page(v, to)
}

// texts is what a page says, to read when something fails.
func texts(page string) string {
	if i := strings.Index(page, "<main"); i >= 0 {
		page = page[i:]
	}
	var b strings.Builder
	in := false
	for _, r := range page {
		switch {
		case r == '<':
			in = true
		case r == '>':
			in = false
			b.WriteByte(' ')
		case !in:
			b.WriteRune(r)
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// turned sends a form and demands a status; the page is looked at and returned.
func (f *fixture) turned(v *browserless, path string, form url.Values, want int) string {
	f.t.Helper()
	code, _, page := v.do("POST", path, form)
	if code != want {
		f.t.Errorf("%s: %d, want %d: %s", path, code, want, texts(page))
	}
	if code != http.StatusSeeOther {
		look(f.t, page)
	}
	return page
}

// upload sends a form with a file.
func (f *fixture) upload(v *browserless, path string, form url.Values, field, content string) (int, string, string) {
	f.t.Helper()
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	for k, values := range form {
		for _, x := range values {
			if err := m.WriteField(k, x); err != nil {
				f.t.Fatal(err)
			}
		}
	}
	w := must[interface{ Write([]byte) (int, error) }](f.t)(m.CreateFormFile(field, "report.pdf"))
	if _, err := w.Write([]byte(content)); err != nil {
		f.t.Fatal(err)
	}
	if err := m.Close(); err != nil {
		f.t.Fatal(err)
	}
	return v.send("POST", path, b.String(), m.FormDataContentType())
}

// answers are what a page of the wizard has, filled in or hidden: what a browser would send on.
func answers(page string) url.Values {
	out := url.Values{}
	for _, tag := range strings.Split(page, "<")[1:] {
		name, _, _ := strings.Cut(tag, " ")
		head, rest, _ := strings.Cut(tag, ">")
		switch name {
		case "input":
			kind, n, value := attr(head, "type"), attr(head, "name"), attr(head, "value")
			if n == "" || n == "q" || (kind == "checkbox" || kind == "radio") && !strings.Contains(head, " checked") {
				continue
			}
			out.Add(n, value)
		case "textarea":
			out.Add(attr(head, "name"), rest)
		case "select":
			out["\x00"] = []string{attr(head, "name")}
		case "option":
			if strings.Contains(head, " selected") {
				out.Add(out.Get("\x00"), attr(head, "value"))
			}
		}
	}
	out.Del("\x00")
	return out
}

func attr(tag, name string) string {
	_, rest, ok := strings.Cut(tag, " "+name+`="`)
	if !ok {
		return ""
	}
	value, _, _ := strings.Cut(rest, `"`)
	return strings.NewReplacer("&#34;", `"`, "&amp;", "&", "&lt;", "<", "&gt;", ">", "&#39;", "'").Replace(value)
}

// described walks the wizard to its end for a table and returns the entry's page address.
func (f *fixture) described(v *browserless, name string, with url.Values) string {
	f.t.Helper()
	form := answers(f.page(v, "/share"))
	form.Set("table", "biz/enterprise")
	set := func(step, to string, pairs ...string) string {
		form.Set("step", step)
		form.Set("to", to)
		for i := 0; i < len(pairs); i += 2 {
			form.Set(pairs[i], pairs[i+1])
		}
		for k, x := range with {
			if form.Has(k) || step == "4" {
				form[k] = x
			}
		}
		code, to, page := v.do("POST", "/share", form)
		if code == http.StatusSeeOther {
			return to
		}
		look(f.t, page)
		if code != http.StatusOK {
			f.t.Fatalf("step %s: %d: %s", step, code, texts(page))
		}
		form = answers(page)
		return page
	}
	page := set("1", "2")
	says(f.t, page, "第 2 步，共 5 步", "示范企业000有限公司", "张**", "164****0000")
	hides(f.t, page, "张某某", ">16400000000<")
	page = set("2", "3", "name", name, "abstract", "在浙江登记的企业", "class", "base")
	says(f.t, page, "第 3 步", "法定代表人", "只显示姓，名以 * 代替", "个人信息")
	page = set("3", "4", "sharing", "conditional")
	says(f.t, page, "第 4 步", "使用条件", "330000100000/")
	page = set("4", "5", "conditions", "限于履行法定职责", "share_scope", "长三角各级政府部门", "use_purpose", "企业服务")
	says(f.t, page, "第 5 步", "需求部门看到的样子", "张**", "有条件共享：逐件审查，十个工作日内答复。", "保存后是草稿")
	to := set("5", "save")
	if !strings.HasPrefix(to, "/resources/330000") {
		f.t.Fatalf("led to %s", to)
	}
	return strings.TrimSuffix(to, "?done=described")
}

// assessed puts both assessments of an entry on record by its page.
func (f *fixture) assessed(v *browserless, path string) {
	f.t.Helper()
	for _, kind := range []string{"confidentiality", "privacy"} {
		a := url.Values{"kind": {kind}, "assessor": {"评估小组"}, "date": {f.c.Clock.Now().Format("2006-01-02")}, "pass": {"yes"}, "text": {"未见风险"}}
		if code, to, page := f.upload(v, path+"/assess", a, "digest", "评估报告"); code != http.StatusSeeOther {
			f.t.Fatalf("%d %s %s", code, to, texts(page))
		}
	}
}

// TestShareWizard: an officer shares a table in five steps; what is wrong is said where it was asked, nothing is kept before
// the last page, and the way into the catalogue is on the entry's page, each act for who may and nobody else.
func TestShareWizard(t *testing.T) {
	f := newFixture(t, Settings{})
	v := f.officer("zhejiang", "officer-zj")
	page := f.page(v, "/resources")
	says(t, page, "企业登记信息", "已发布", "在用第 1 版", "共享一项数据", "本页 1 条")
	bad := url.Values{"step": {"1"}, "to": {"2"}}
	says(t, f.turned(v, "/share", bad, http.StatusBadRequest), "请选择一张表")
	bad.Set("table", "biz/enterprise")
	_, _, page = v.do("POST", "/share", bad)
	form := answers(page)
	form.Set("to", "3")
	says(t, f.turned(v, "/share", form, http.StatusBadRequest), "资源名称不能为空", "摘要不能为空", `aria-invalid="true"`, "示范企业")
	form.Set("name", "企业名录")
	form.Set("abstract", "在浙江登记的企业")
	form.Del("item")
	says(t, f.turned(v, "/share", form, http.StatusBadRequest), "须有 1 至 512 个数据项")

	// A code that is there already is no new entry's.
	form["item"] = []string{"0"}
	for name, value := range map[string]string{"step": "4", "to": "5", "conditions": "限于履行法定职责", "share_scope": "各部门", "use_purpose": "企业服务", "code": testResource, "class": "base", "sharing": "conditional", "update_cycle": "daily", "modes": "query"} {
		form.Set(name, value)
	}
	says(t, f.turned(v, "/share", form, http.StatusBadRequest), "第 4 步", "该编码已被使用")

	path := f.described(v, "企业名录", nil)
	page = f.page(v, path+"?done=described")
	says(t, page, "已保存为草稿", "草稿", "第 1 版（未发布）", "缺少本版本的保密风险评估", "缺少本版本的个人信息保护影响评估", "登记评估", "删除草稿", "法定代表人")
	hides(t, page, path+"/submit", path+"/sign", path+"/publish")
	says(t, f.page(v, path+"?mount=1"), "数据可以取到")
	for name, a := range map[string]url.Values{
		"请选择评估结果":  {"kind": {"privacy"}, "assessor": {"评估小组"}, "date": {"2026-01-01"}, "text": {"未见风险"}},
		"请写明评估人":   {"kind": {"privacy"}, "date": {"2026-01-01"}, "pass": {"yes"}, "text": {"未见风险"}},
		"评估日期写作 2": {"kind": {"privacy"}, "assessor": {"评估小组"}, "date": {"昨天"}, "pass": {"yes"}, "text": {"未见风险"}},
	} {
		code, _, page := f.upload(v, path+"/assess", a, "digest", "评估报告")
		if code != http.StatusBadRequest {
			t.Errorf("%s: %d", name, code)
		}
		look(t, page)
		says(t, page, name)
	}
	a := url.Values{"kind": {"privacy"}, "assessor": {"评估小组"}, "date": {"2026-01-01"}, "pass": {"yes"}, "text": {"未见风险"}}
	if code, _, page := f.upload(v, path+"/assess", a, "digest", ""); code != http.StatusBadRequest || !strings.Contains(page, "请选择评估文件") {
		t.Errorf("without a document: %d", code)
	}
	f.assessed(v, path)
	says(t, f.page(v, path), "提交部门负责人签发", "评估小组", "未见风险")
	says(t, f.post(v, path+"/submit", nil), "已提交", "待部门负责人签发")
	chief, authority, head := f.officer("zhejiang", "chief-zj"), f.officer("zhejiang", "authority"), f.officer("zhejiang", "head-zj")
	page = f.page(chief, path)
	says(t, page, path+"/sign", path+"/return")
	hides(t, page, path+"/publish", "登记评估")
	says(t, f.turned(chief, path+"/return", nil, http.StatusBadRequest), "必须写明理由")
	f.post(chief, path+"/return", url.Values{"reason": {"摘要不清"}})
	says(t, f.page(v, path), "摘要不清", "提交部门负责人签发")
	f.post(v, path+"/submit", nil)
	says(t, f.post(chief, path+"/sign", nil), "已签发")
	page = f.page(authority, "/resources?state=review")
	says(t, page, "企业名录", "待主管部门审核", "主管部门：审核后发布。")
	hides(t, page, "企业登记信息")
	says(t, f.post(authority, path+"/publish", nil), "已发布并通告")
	says(t, f.page(v, "/catalog/zhejiang/"+strings.TrimPrefix(path, "/resources/")), "企业名录")

	// The next version: what changed is set beside the version in force, which stays.
	form = answers(f.page(v, path+"/edit"))
	form.Set("name", "企业名录（新）")
	form.Set("to", "3")
	for step := 3; step <= 5; step++ {
		_, _, page := v.do("POST", "/share", form)
		form = answers(page)
		form.Set("to", strconv.Itoa(step+1))
		if step == 5 {
			form.Set("to", "save")
		}
	}
	stale := form.Get("version")
	says(t, f.post(v, "/share", form), "已发布，更新中", "在用第 1 版，在办第 2 版", "与前一版本比较", "<del>企业名录</del>", "<ins>企业名录（新）</ins>")
	form.Set("version", stale)
	says(t, f.turned(v, "/share", form, http.StatusConflict), "状态已变化")
	says(t, f.post(v, path+"/discard", nil), "已发布", "草稿已删除")
	change := url.Values{"cause": {"law"}, "what": {"《企业信息公示暂行条例》修订"}, "since": {"2090-01-01"}}
	says(t, f.turned(v, path+"/change-noted", change, http.StatusBadRequest), "变化日期须为今天或以前五年之内")
	change.Set("since", f.c.Clock.Now().AddDate(0, 0, -1).Format("2006-01-02"))
	says(t, f.post(v, path+"/change-noted", change), "已记录", "《企业信息公示暂行条例》修订", "申请更新延期")
	says(t, f.turned(v, path+"/extend", url.Values{"reason": {"数据量大"}}, http.StatusBadRequest), "延期须为一至五个工作日")
	f.post(v, path+"/extend", url.Values{"days": {"3"}, "reason": {"数据量大"}})
	says(t, f.post(authority, path+"/consent-extension", nil), "已同意延期")

	says(t, f.turned(head, path+"/stand", url.Values{"fields": {"uscc"}, "modes": {"query"}, "max_days": {"90"}, "until": {"2020-01-01"}}, http.StatusBadRequest), "常设同意须写明")
	says(t, f.post(head, path+"/stand", url.Values{"fields": {"uscc"}, "modes": {"query"}, "max_days": {"90"}, "until": {f.c.Clock.Now().AddDate(1, 0, 0).Format("2006-01-02")}}), "事先同意已生效", "全部成员", "90 天")

	f.post(chief, path+"/withdraw", url.Values{"reason": {"职责取消"}})
	says(t, f.page(authority, path), "撤销备案", "不同意撤销", "职责取消")
	says(t, f.post(authority, path+"/file-withdrawal", nil), "已撤销")
	f.page(v, "/resources?state=revoked")
}

// TestShareRefusals: whoever may not does not see the act, and is refused when asking for it all the same.
func TestShareRefusals(t *testing.T) {
	f := newFixture(t, Settings{})
	path := "/resources/" + escape(testResource)
	reason := url.Values{"reason": {"理由"}}
	for who, acts := range map[string][]string{
		"officer-zj": {"sign", "return", "publish", "reject", "withdraw", "file-withdrawal", "refuse-withdrawal", "consent-extension", "refuse-extension", "stand"},
		"chief-zj":   {"submit", "discard", "publish", "reject", "extend", "stand", "file-withdrawal"},
		"head-zj":    {"submit", "sign", "publish", "withdraw", "change-noted"},
		"auditor":    {"submit", "sign", "publish", "withdraw", "stand", "change-noted"},
		"authority":  {"submit", "sign", "withdraw", "discard", "stand"},
		"operator":   {"submit", "sign", "publish", "stand"},
	} {
		v := f.officer("zhejiang", who)
		_, _, page := v.do("GET", path, nil)
		for _, act := range acts {
			hides(t, page, path+"/"+act+`"`)
			f.turned(v, path+"/"+act, reason, http.StatusForbidden)
		}
		if who != "officer-zj" {
			code, _, _ := f.upload(v, path+"/assess", url.Values{"kind": {string(catalog.Privacy)}, "assessor": {"x"}, "date": {"2026-01-01"}, "pass": {"yes"}, "text": {"x"}}, "digest", "x")
			if code != http.StatusForbidden {
				t.Errorf("%s assesses: %d", who, code)
			}
			f.turned(v, "/share", url.Values{"to": {"save"}}, http.StatusForbidden)
		}
		if who != "operator" {
			if code, _, _ := v.do("GET", "/sources", nil); code != http.StatusForbidden {
				t.Errorf("%s sees the sources: %d", who, code)
			}
			f.turned(v, "/sources", url.Values{"id": {"x"}, "department": {f.health}, "kind": {"file"}, "location": {"/"}}, http.StatusForbidden)
		}
	}
	// Another department of the node is a stranger to where an entry stands, published or not.
	if err := f.c.AddDepartment(f.ctx, "zhejiang", "zj2", Department("330000", 2), "浙江省另一部门"); err != nil {
		t.Fatal(err)
	}
	other := f.officer("zhejiang", "officer-zj2")
	for _, p := range []string{path, path + "/edit"} {
		if code, _, page := other.do("GET", p, nil); code != http.StatusNotFound {
			t.Errorf("%s: %d", p, code)
		} else {
			look(t, page)
		}
	}
	f.turned(other, path+"/submit", nil, http.StatusNotFound)
	says(t, f.page(other, "/resources"), "本部门还没有共享数据", `href="/share"`)
	says(t, f.page(other, "/share"), "本部门还没有登记数据源", "运维员")
	v := f.officer("zhejiang", "officer-zj")
	if code, _, _ := v.do("POST", path+"/nothing", nil); code != http.StatusNotFound {
		t.Errorf("an act that is none: %d", code)
	}
	if code, to, _ := v.do("GET", path+"/sign", nil); code != http.StatusSeeOther || to != path {
		t.Errorf("the address of an act: %d %s", code, to)
	}
	says(t, f.turned(v, path+"/submit", nil, http.StatusConflict), "状态已变化", `href="`+path+`"`, "返回该事项")
}

// TestShareSources: the operator registers where data lives; the department's officer then finds the tables in the wizard.
func TestShareSources(t *testing.T) {
	f := newFixture(t, Settings{})
	op := f.officer("zhejiang", "operator")
	says(t, f.page(op, "/sources"), "biz", "浙江省市场监管部门", "SQLite 数据库文件")
	form := url.Values{"department": {f.health}, "id": {"又一个库"}, "kind": {"sqlite"}, "location": {"/nowhere/none.db"}}
	page := f.turned(op, "/sources", form, http.StatusBadRequest)
	says(t, page, `aria-invalid="true"`, "又一个库")
	form.Set("location", f.c.Dir+"/zhejiang/business.db")
	form.Set("id", "biz")
	says(t, f.turned(op, "/sources", form, http.StatusBadRequest), "已被使用")
	form.Set("id", "又一个库")
	page = f.post(op, "/sources", form)
	says(t, page, "已登记并可以打开", "又一个库")
	hides(t, page, "business.db")
	says(t, f.page(f.officer("zhejiang", "officer-zj"), "/share"), "数据源 又一个库・表 enterprise・7 列")
}

// TestShareInABrowser judges the pages of sharing as a browser shows them, and shares a table by clicking.
func TestShareInABrowser(t *testing.T) {
	b := webtest.Open(t)
	judge := judging(t)
	f := newFixture(t, Settings{Routes: roleChooser})
	f.agreed("shanghai", "sh")
	root := "https://localhost:" + port(f.c.Node("zhejiang").Addr("staff"))
	enter := func(actor string) {
		t.Helper()
		b.Visit(root+"/demo/roles", 1440).Click(`form:has(input[value="` + actor + `"]) button`)
	}
	enter("officer-zj")
	judge(b.Visit(root+"/resources", 1440), "share-resources")
	judge(b.Visit(root+"/resources/"+escape(testResource), 1440), "share-entry")
	p := b.Visit(root+"/share", 1440)
	judge(p, "share-step1")
	p.Eval(`() => { document.querySelector("#f-table").value = "biz/enterprise"; return 0 }`, new(int))
	next := "main form .acts button"
	p.Click(next)
	judge(p, "share-step2")
	p.Fill(map[string]string{"#f-name": "企业名录", "#f-abstract": "在浙江登记的企业"})
	p.Click(next)
	judge(p, "share-step3")
	p.Click(next)
	judge(p, "share-step4")
	p.Click(next) // nothing was answered
	p.Hear()
	judge(p, "share-step4-faults")
	p.Fill(map[string]string{"#f-conditions": "限于履行法定职责", "#f-share_scope": "长三角各级政府部门", "#f-use_purpose": "企业服务"})
	p.Click(next)
	judge(p, "share-step5")
	p.Click(next)
	judge(p, "share-described")
	enter("operator")
	judge(b.Visit(root+"/sources", 1440), "share-sources")
	enter("authority")
	judge(b.Visit(root+"/resources?state=review", 1440), "share-review")
}
