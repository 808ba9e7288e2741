package demo

import (
	"maps"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/internal/webtest"
)

// caseWalk walks a matter through the pages of both ends.
type caseWalk struct {
	*fixture
	mine, theirs string
	people       map[string]*browserless
}

// casing begins an application whose pages are to be walked through.
func (f *fixture) casing(a agreement.Application) *caseWalk {
	f.t.Helper()
	seeker{f, "shanghai", "officer-sh"}.sees("zhejiang:"+testResource, "q", "企业登记")
	m := &caseWalk{fixture: f, people: map[string]*browserless{}}
	for _, actor := range []string{"officer-sh", "head-sh", "officer-zj", "head-zj"} {
		m.people[actor] = f.officer(memberOf(actor), actor)
	}
	m.people["authority"] = f.officer("zhejiang", "authority")
	var n agreement.Negotiation
	f.call(f.as("shanghai", "officer-sh"), http.MethodPost, "/api/v1/applications", a, &n)
	m.mine = n.ID
	return m
}

func (m *caseWalk) path(actor string) string {
	if actor == "authority" || memberOf(actor) == "zhejiang" {
		return "/applications/" + m.theirs
	}
	return "/applications/" + m.mine
}

// offered checks that the page of the case offers an act to somebody, and to nobody else.
func (m *caseWalk) offered(actor, act string) {
	m.t.Helper()
	for who, v := range m.people {
		if m.path(who) == "/applications/" {
			continue
		}
		page := m.page(v, m.path(who))
		there := strings.Contains(page, m.path(who)+"/"+act+`"`)
		if there != (who == actor) {
			m.t.Errorf("%s is offered to %s: %v", act, who, there)
		}
	}
}

// do does an act through its form and sees what the page says then.
func (m *caseWalk) do(actor, act string, form url.Values) {
	m.t.Helper()
	code, to, page := m.people[actor].do("POST", m.path(actor)+"/"+act, form)
	if code != http.StatusSeeOther || to != m.path(actor)+"?done="+act {
		m.t.Fatalf("%s by %s: %d %s\n%s", act, actor, code, to, page)
	}
	says(m.t, m.page(m.people[actor], to), "已办理")
}

// wrong expects an act to be refused with words that say what to do.
func (m *caseWalk) wrong(actor, act string, form url.Values, want int, texts ...string) {
	m.t.Helper()
	code, _, page := m.people[actor].do("POST", m.path(actor)+"/"+act, form)
	if code != want {
		m.t.Errorf("%s by %s: %d, want %d", act, actor, code, want)
	}
	look(m.t, page)
	says(m.t, page, texts...)
	hides(m.t, page, "ask_supplement", "REVIEWING")
}

// sent waits for the application at the other end.
func (m *caseWalk) sent() {
	m.t.Helper()
	m.await(func() bool {
		for _, n := range m.reviewing("zhejiang") {
			if n.Peer == m.mine {
				m.theirs = n.ID
			}
		}
		return m.theirs != ""
	})
}

func (m *caseWalk) both(s agreement.State) {
	m.t.Helper()
	m.reaches("shanghai", m.mine, s)
	m.reaches("zhejiang", m.theirs, s)
}

// asForm are the answers with which the form of an application opens.
func (m *caseWalk) asForm(until string) url.Values {
	a := m.application()
	f := url.Values{
		"basis": {a.Basis.Kind}, "citation": {a.Basis.Citation}, "purposes": a.Purposes, "scenario": {a.Scenario}, "scope": {a.Scope}, "fields": a.Fields,
		"valid_until": {until}, "declared": {"yes"},
	}
	for _, x := range a.Modes {
		f.Add("modes", string(x))
	}
	return f
}

func with(f url.Values, more ...string) url.Values {
	out := maps.Clone(f)
	for i := 0; i+1 < len(more); i += 2 {
		out.Set(more[i], more[i+1])
	}
	return out
}

// granted is an answer that grants all that was asked for.
func (m *caseWalk) granted() url.Values {
	return url.Values{"asked": m.application().Fields, "allowed": m.application().Fields}
}

func (m *caseWalk) days(n int) string { return m.c.Clock.Now().AddDate(0, 0, n).Format("2006-01-02") }

// TestCaseReturned: the head of the using office sends an application back with what to correct; the officer corrects it and puts
// it up again; the head consents.
func TestCaseReturned(t *testing.T) {
	f := newFixture(t, Settings{})
	m := f.casing(f.application())
	m.offered("head-sh", "return")
	m.wrong("head-sh", "return", nil, http.StatusBadRequest, "必须写明理由")
	m.do("head-sh", "return", url.Values{"reason": {"写明窗口"}})
	m.offered("officer-sh", "revise")
	officer := m.people["officer-sh"]
	says(t, m.page(officer, m.path("officer-sh")), "草稿", "写明窗口", "修改并重新报送")
	says(t, m.page(officer, m.path("officer-sh")+"/revise"), "为企业办理跨省迁移", "仅限窗口办理")
	m.wrong("head-sh", "consent", nil, http.StatusConflict, "现为“草稿”", "需求部门数据专员")
	form := m.asForm(m.days(90))
	m.wrong("officer-sh", "revise", with(form, "scenario", ""), http.StatusBadRequest, "请写明使用场景", "仅限窗口办理")
	m.do("officer-sh", "revise", with(form, "scenario", "在综合窗口办理迁移"))
	page := m.page(m.people["head-sh"], m.path("head-sh"))
	says(t, page, "在综合窗口办理迁移", "待需求部门负责人同意")
	hides(t, page, "写明窗口</span>")
	m.do("head-sh", "consent", nil)
	m.sent()
	if n := m.reaches("zhejiang", m.theirs, agreement.Reviewing); n.Application.Scenario != "在综合窗口办理迁移" || n.Application.Filter == nil {
		t.Errorf("what arrived: %+v", n.Application)
	}
	if code, _, page := officer.do("GET", m.path("officer-sh")+"/revise", nil); code != http.StatusConflict {
		t.Errorf("correcting what has gone out: %d", code)
	} else {
		look(t, page)
	}
}

// TestCaseSupplementAndOffer: what is missing is told once and supplied; the authority grants more time; other terms are
// offered, asked again, offered and accepted, with a row filter and a quota; the agreement has them.
func TestCaseSupplementAndOffer(t *testing.T) {
	f := newFixture(t, Settings{})
	m := f.casing(f.application())
	m.do("head-sh", "consent", nil)
	m.sent()
	says(t, m.page(m.people["officer-zj"], m.path("officer-zj")), "需求部门此前记录", "此前申请", "逐项答复", "限定数据条件和用量", "所在市为其中之一 330100、330400")
	m.offered("officer-zj", "supplement")
	m.page(m.people["officer-zj"], m.path("officer-zj")+"/supplement")
	m.wrong("officer-zj", "supplement", url.Values{"item-1": {"依据"}}, http.StatusBadRequest, "须说明为何需要")
	m.wrong("officer-zj", "supplement", nil, http.StatusBadRequest, "请一次性列出全部缺少的内容")
	m.do("officer-zj", "supplement", url.Values{"item-1": {"依据"}, "why-1": {"缺条文"}})
	m.both(agreement.Supplement)
	m.offered("officer-sh", "supply")
	says(t, m.page(m.people["officer-sh"], m.path("officer-sh")+"/supply"), "缺条文", "仅限窗口办理")
	until := m.at("shanghai").Application.ValidUntil.In(time.FixedZone("", 8*60*60)).Format("2006-01-02")
	form := m.asForm(until)
	m.wrong("officer-sh", "supply", form, http.StatusBadRequest, "这一项尚未补正")
	m.do("officer-sh", "supply", with(form, "text-0", "条例第十二条", "scope", "全市窗口办理"))
	m.offered("head-sh", "consent-supply")
	m.do("head-sh", "consent-supply", nil)
	m.both(agreement.Reviewing)
	m.wrong("officer-zj", "supplement", url.Values{"item-1": {"还缺"}, "why-1": {"x"}}, http.StatusConflict, "现为“审查中”")

	m.offered("officer-zj", "extend")
	m.wrong("officer-zj", "extend", url.Values{"days": {"3"}}, http.StatusBadRequest, "请写明延期理由")
	m.do("officer-zj", "extend", url.Values{"days": {"3"}, "reason": {"数据量大"}})
	m.offered("authority", "consent-extension")
	m.do("authority", "refuse-extension", url.Values{"reason": {"按期办理"}})
	m.do("officer-zj", "extend", url.Values{"days": {"2"}, "reason": {"须核对"}})
	m.do("authority", "consent-extension", nil)
	m.both(agreement.Extended)

	less := url.Values{"asked": f.application().Fields, "allowed": {"uscc", "name", "city"}, "as": {"offer"}}
	m.wrong("officer-zj", "answer", with(less, "calls_per_day", "许多"), http.StatusBadRequest, "请填写大于零的整数")
	m.wrong("officer-zj", "answer", with(less, "item-1", "capital", "op-1", "ge", "value-1", "很多"), http.StatusBadRequest, "请填写与数据项相符的值")
	bounds := []string{"item-1", "city", "op-1", "eq", "value-1", "330100", "calls_per_day", "50"}
	m.do("officer-zj", "answer", with(less, bounds...))
	m.both(agreement.CounterOffered)
	says(t, m.page(m.people["head-sh"], m.path("head-sh")), "接受提供方的条件", "每日最多调用 50 次", "所在市等于 330100")
	m.offered("head-sh", "accept")
	m.page(m.people["head-sh"], m.path("head-sh")+"/resubmit")
	m.do("head-sh", "resubmit", with(form, "scenario", "再次申请"))
	m.both(agreement.Resubmitted)
	m.do("officer-zj", "answer", with(less, bounds...))
	m.both(agreement.CounterOffered)
	m.do("head-sh", "accept", nil)
	m.reaches("zhejiang", m.theirs, agreement.ProvOfficeApproval)
	m.do("head-zj", "consent-answer", nil)
	m.both(agreement.Active)
	page := m.page(m.people["officer-sh"], "/agreements/"+m.mine)
	says(t, page, "每日最多调用 50 次", "所在市等于 330100", "今日调用次数与上限")
}

// at is the record at one end.
func (m *caseWalk) at(member string) *agreement.Negotiation {
	m.t.Helper()
	id := m.mine
	if member == "zhejiang" {
		id = m.theirs
	}
	n, err := m.c.Node(member).Agreements.Get(m.ctx, oversight(), id)
	if err != nil {
		m.t.Fatal(err)
	}
	return n
}

// agreeing walks a case into force by the pages.
func (f *fixture) agreeing() *caseWalk {
	f.t.Helper()
	m := f.casing(f.application())
	m.do("head-sh", "consent", nil)
	m.sent()
	m.do("officer-zj", "answer", m.granted())
	m.do("head-zj", "consent-answer", nil)
	m.both(agreement.Active)
	return m
}

// TestCaseLife: a change of use is granted and another declined; an agreement is suspended, put right and resumed; then
// revoked, its data are disposed of, and the matter is closed.
func TestCaseLife(t *testing.T) {
	f := newFixture(t, Settings{})
	m := f.agreeing()
	form := with(m.asForm(m.days(60)), "reason", "新增事项")
	m.offered("officer-sh", "change")
	m.page(m.people["officer-sh"], m.path("officer-sh")+"/change")
	m.wrong("officer-sh", "change", with(form, "reason", ""), http.StatusBadRequest, "请写明变更理由")
	m.do("officer-sh", "change", with(form, "purposes", "企业注销"))
	says(t, m.page(m.people["head-sh"], m.path("head-sh")), "申请变更的内容", "企业注销", "企业服务")
	m.do("head-sh", "consent-change", nil)
	m.both(agreement.ChangeOfUse)
	m.do("officer-zj", "answer-change", m.granted())
	m.do("head-zj", "grant-change", nil)
	m.both(agreement.Active)
	says(t, m.page(m.people["officer-sh"], "/agreements/"+m.mine), "已变更 1 次", "企业注销", "签名核验通过")
	says(t, m.page(m.people["officer-zj"], "/agreements/"+m.theirs), "变更前的文本")
	m.do("officer-sh", "change", with(form, "purposes", "企业清算"))
	m.do("head-sh", "consent-change", nil)
	m.both(agreement.ChangeOfUse)
	m.do("head-zj", "decline-change", url.Values{"reason": {"与职责无关"}})
	m.both(agreement.Active)

	m.do("head-zj", "suspend", url.Values{"reason": {"疑似超范围"}})
	m.both(agreement.Suspended)
	m.wrong("authority", "rectify", url.Values{"what": {"停止"}}, http.StatusBadRequest, "整改期限须晚于今天")
	m.do("authority", "rectify", url.Values{"what": {"停止超范围查询"}, "by": {m.days(10)}})
	m.both(agreement.Rectifying)
	m.wrong("head-zj", "resume", url.Values{"reason": {"可以"}}, http.StatusPreconditionFailed, "尚未报告整改情况")
	m.wrong("officer-sh", "rectified", nil, http.StatusBadRequest, "请写明整改情况")
	m.do("officer-sh", "rectified", url.Values{"report": {"已停止"}})
	m.await(func() bool { return !m.at("zhejiang").Suspension.Reported.IsZero() })
	m.do("head-zj", "resume", url.Values{"reason": {"已核实"}})
	m.both(agreement.Active)

	m.page(m.people["officer-sh"], m.path("officer-sh")+"/renew")
	m.wrong("officer-sh", "renew", m.asForm(m.days(300)), http.StatusPreconditionFailed, "使用台账不完整", "使用场景")

	m.do("head-zj", "revoke", url.Values{"reason": {"用途已完成"}})
	m.both(agreement.Terminated)
	m.wrong("officer-zj", "dispose", url.Values{"method": {"删除"}}, http.StatusBadRequest, "请写明处置范围")
	m.do("officer-zj", "dispose", url.Values{"method": {"删除"}, "scope": {"全部"}, "by": {m.days(10)}})
	m.both(agreement.Disposal)
	m.offered("head-sh", "destroyed")
	m.wrong("head-sh", "destroyed", url.Values{"method": {"删除"}, "scope": {"全部"}}, http.StatusBadRequest, "请写明责任人")
	m.do("head-sh", "destroyed", url.Values{"method": {"删除"}, "scope": {"全部"}, "officer": {"王某"}, "date": {m.days(0)}})
	m.both(agreement.Closed)
	says(t, m.page(m.people["officer-zj"], m.path("officer-zj")), "已办结", "销毁证明", "王某")
}

// TestAgreementPage: terms in words, both signatures verified, a try with its receipt, recipes, and the documents.
func TestAgreementPage(t *testing.T) {
	f := newFixture(t, Settings{})
	m := f.agreeing()
	officer, path := m.people["officer-sh"], "/agreements/"+m.mine
	f.await(func() bool {
		_, _, page := officer.do("GET", path, nil)
		return strings.Count(page, "签名核验通过") == 2
	})
	page := f.page(officer, path)
	says(t, page, "协议：企业登记信息", "企业信息公示暂行条例第十二条", "限于所在市为其中之一 330100、330400", "只显示姓，名以 * 代替", "识别到个人", "企业服务", "/exchanges?agreement=", "试查数据", "curl --cacert", "urllib.request", "client.New", "协议摘要")
	hides(t, page, ">representative<", "enterprise-service<")
	page = f.page(m.people["officer-zj"], "/agreements/"+m.theirs)
	says(t, page, "签名核验通过", "共享机构负责人")
	hides(t, page, "试查数据")
	code, _, page := officer.do("POST", path+"/try", url.Values{"purpose": {"enterprise-service"}, "item-1": {"uscc"}, "op-1": {"eq"}, "value-1": {"91330000MY000003XX"}})
	if code != http.StatusOK {
		t.Fatalf("try: %d %s", code, page)
	}
	look(t, page)
	says(t, page, "示范企业003有限公司", "张**", "查看回执存证")
	receipt := regexp.MustCompile(`href="(/evidence/[^"]+)"[^>]*>(?:<svg.*?</svg>)?\s*查看回执存证`).FindStringSubmatch(page)
	if receipt == nil {
		t.Fatal("no link to the receipt")
	}
	f.await(func() bool { code, _, _ := officer.do("GET", receipt[1], nil); return code == http.StatusOK })
	code, _, page = officer.do("POST", path+"/try", url.Values{"purpose": {"别的用途"}})
	if code != http.StatusForbidden {
		t.Errorf("another purpose: %d", code)
	}
	look(t, page)
	says(t, page, "试查数据", `role="alert"`)
	if code, _, _ := officer.do("POST", path+"/anything", nil); code != http.StatusNotFound {
		t.Errorf("an act that is none: %d", code)
	}
	if code, _, _ := f.officer("shanghai", "officer-sh2").do("GET", path, nil); code != http.StatusNotFound {
		t.Errorf("another department: %d", code)
	}
	f.documents(m, officer)
}

// documents prints what can be printed, and reads it back.
func (f *fixture) documents(m *caseWalk, v *browserless) {
	t := f.t
	t.Helper()
	n := m.at("shanghai")
	for path, texts := range map[string][]string{
		"/agreements/" + m.mine + "/print.pdf":   {"政务数据共享协议", "上海市企业服务部门", "法定代表人", "第 1 页，共", n.Hash[:16]},
		"/applications/" + m.mine + "/print.pdf": {"政务数据共享申请答复书", "逐项答复", "企业登记信息", "贵单位提出的使用“企业登记信息”的申请收悉", "同意共享"},
	} {
		code, _, pdf := v.do("GET", path, nil)
		if code == http.StatusPreconditionFailed {
			says(t, pdf, "fonts-droid-fallback")
			look(t, pdf)
			if os.Getenv("KUAYU_REQUIRE_SERVICES") != "" {
				t.Errorf("%s: no font", path)
			}
			continue
		}
		if code != http.StatusOK || !strings.HasPrefix(pdf, "%PDF-") {
			t.Fatalf("%s: %d", path, code)
		}
		file := filepath.Join(t.TempDir(), "a.pdf")
		if err := os.WriteFile(file, []byte(pdf), 0o600); err != nil {
			t.Fatal(err)
		}
		if dir := os.Getenv("KUAYU_SHOTS"); dir != "" {
			_ = os.WriteFile(filepath.Join(dir, strings.ReplaceAll(path[1:13], "/", "-")+".pdf"), []byte(pdf), 0o600)
		}
		if _, err := exec.LookPath("pdftotext"); err != nil {
			t.Log("pdftotext is not here: the text was not read back")
			continue
		}
		out, err := exec.CommandContext(t.Context(), "pdftotext", "-layout", file, "-").Output()
		if err != nil {
			t.Fatal(err)
		}
		says(t, string(out), texts...)
	}
}

// TestCasesArePaged: the list goes on where a page ends, and says so in the address.
func TestCasesArePaged(t *testing.T) {
	f := newFixture(t, Settings{})
	for range 27 {
		f.call(f.as("shanghai", "officer-sh"), http.MethodPost, "/api/v1/applications", f.application(), nil)
	}
	v := f.officer("shanghai", "officer-sh")
	page := f.page(v, "/applications?side=consumer")
	next := regexp.MustCompile(`href="(/applications\?after=[^"]+)"`).FindStringSubmatch(page)
	if next == nil {
		t.Fatal("no second page")
	}
	page = f.page(v, strings.ReplaceAll(next[1], "&amp;", "&"))
	if n := strings.Count(page, `href="/applications/0`); n != 2 {
		t.Errorf("%d on the second page", n)
	}
	says(t, f.page(v, "/applications?side=provider"), "没有申请或协议")
}

// TestCasePagesInABrowser judges the pages of a case and of an agreement.
func TestCasePagesInABrowser(t *testing.T) {
	b := webtest.Open(t)
	judge := judging(t)
	f := newFixture(t, Settings{Routes: roleChooser})
	m := f.agreeing()
	root := func(place string) string { return "https://localhost:" + port(f.c.Node(place).Addr("staff")) }
	enter := func(place, actor string) {
		t.Helper()
		b.Visit(root(place)+"/demo/roles", 1440).Click(`form:has(input[value="` + actor + `"]) button`)
	}
	enter("shanghai", "officer-sh")
	judge(b.Visit(root("shanghai")+"/agreements/"+m.mine, 1440), "case-agreement")
	judge(b.Visit(root("shanghai")+"/applications/"+m.mine+"?view=line", 1440), "case-in-force")
	judge(b.Visit(root("shanghai")+"/applications/"+m.mine+"/change", 1440), "case-change")
	judge(b.Visit(root("shanghai")+"/applications?side=consumer", 1440), "case-list")
	_, theirs := f.applied(f.application())
	enter("zhejiang", "officer-zj")
	p := b.Visit(root("zhejiang")+"/applications/"+theirs.ID, 1440)
	judge(p, "case-answer")
	p.Tick("form[action$='/answer'] details summary")
	judge(p, "case-answer-bounds")
	judge(b.Visit(root("zhejiang")+"/applications/"+theirs.ID+"/supplement", 1440), "case-supplement")
	judge(b.Visit(root("zhejiang")+"/agreements/"+m.theirs, 1440), "case-agreement-provider")
}
