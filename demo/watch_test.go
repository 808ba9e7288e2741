package demo

import (
	"encoding/json"
	"html"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/internal/webtest"
	"github.com/kuayu/kuayu/support/evidence"
	"github.com/kuayu/kuayu/support/federation"
	"github.com/kuayu/kuayu/support/policy"
)

// exchanged is a federation in which Shanghai asked Zhejiang: some answers, one refusal. It returns the agreement and the
// id of the first exchange.
func (f *fixture) exchanged() (agr, first string) {
	f.t.Helper()
	seeker{f, "shanghai", "officer-sh"}.sees("zhejiang:"+testResource, "q", "企业登记")
	agr = f.agree(f.application(), agreement.Grant{})
	sh := f.as("shanghai", "machine-sh")
	for i := range 3 {
		a, err := f.query(sh, agr, plan(policy.Plan{Project: []string{"uscc", "name", "phone"}, Limit: int64(i + 1), Where: &policy.Predicate{Op: policy.Eq, Item: "city", Values: []policy.Value{policy.Str("330100")}}}))
		if err != nil {
			f.t.Fatal(err)
		}
		if first == "" {
			first = a.Receipt.ID
		}
	}
	q := plan(policy.Plan{Limit: 1})
	q["purpose"] = "something-else"
	if _, err := f.query(sh, agr, q); err == nil {
		f.t.Fatal("another purpose was served")
	}
	return agr, first
}

// TestWatchExchanges: both ends see the same exchanges, each from its own side; another department sees none of them.
func TestWatchExchanges(t *testing.T) {
	f := newFixture(t, Settings{})
	agr, first := f.exchanged()
	sh, zj := f.officer("shanghai", "officer-sh"), f.officer("zhejiang", "officer-zj")
	page := f.page(sh, "/exchanges")
	says(t, page, "近 24 小时交换", "75.00%", "1 次未成功", "企业登记信息", "浙江省市场监管部门", "上海市企业服务部门", "本节点查询他方", "毫秒", "用途不在协议约定之内")
	hides(t, page, "query.close", "policy.purpose<", f.health+"<", "%q", "%!")
	says(t, f.page(zj, "/exchanges"), "本节点提供数据", "100.00%", "企业登记信息", "毫秒")
	says(t, f.page(sh, "/exchanges?outcome=failed"), "共 1 条")
	says(t, f.page(sh, "/exchanges?outcome=policy.purpose"), "共 1 条")
	says(t, f.page(sh, "/exchanges?outcome=ok&member=zhejiang&side=using&agreement="+agr), "共 3 条")
	says(t, f.page(sh, "/exchanges?side=providing"), "没有符合条件的交换", "查看有效的协议")
	says(t, f.page(sh, "/exchanges?member=jiangsu"), "没有符合条件的交换")
	if code, _, page := sh.do("GET", "/exchanges?after=x", nil); code != http.StatusBadRequest {
		t.Errorf("a bad cursor: %d", code)
	} else {
		says(t, page, "翻页游标无效")
	}
	path := "/exchanges/" + first
	page = f.page(sh, path)
	says(t, page, "企业登记信息", "成功", "统一社会信用代码、企业名称、联系电话", "enterprise-service", "作为条件的数据项", "所在市", "号码中间四位以 * 代替", "签名核验通过", "随答复送达", "SHA-256")
	hides(t, page, "签名核验未通过", "330100<", "query.open<", "grant<")
	says(t, f.page(sh, path+"?view=line"), "使用方判定并发出请求", "提供方判定并答复", "使用方收到并核对答复", "协议授权", "业务系统")
	f.page(sh, path+"?view=all")
	page = f.page(zj, path)
	says(t, page, "提供方判定并答复", "签名核验通过", "号码中间四位以 * 代替")
	hides(t, page, "使用方判定并发出请求")
	says(t, f.page(f.officer("shanghai", "auditor"), path), "使用方判定并发出请求")
	other := f.officer("shanghai", "officer-sh2")
	says(t, f.page(other, "/exchanges"), "没有符合条件的交换", "还没有交换")
	for _, path := range []string{path, "/exchanges/none"} {
		code, _, page := other.do("GET", path, nil)
		if code != http.StatusNotFound {
			t.Errorf("%s by another department: %d", path, code)
		}
		look(t, page)
	}
}

// TestWatchEvidence: a fact is found, drawn, checked on the server, and its files verify offline; a person is found by a
// code alone, by those who look after persons' rights alone.
func TestWatchEvidence(t *testing.T) {
	f := newFixture(t, Settings{})
	agr, first := f.exchanged()
	sh, auditor := f.officer("shanghai", "officer-sh"), f.officer("shanghai", "auditor")
	machine := f.as("shanghai", "machine-sh")
	again := func() { must[answer](t)(f.query(machine, agr, plan(policy.Plan{Limit: 1}))) }
	for range 12 {
		again()
	}
	page := f.page(sh, "/evidence")
	says(t, page, "使用方收到并核对答复", "企业登记信息", "浙江省市场监管部门", "超过 25 条", "after=")
	hides(t, page, "query.open<", "agreement.<", f.health+"<", "当事人标识")
	second := f.page(sh, next(t, page))
	says(t, second, "上一页")
	hides(t, second, "超过 25 条")
	says(t, f.page(sh, "/evidence?room=message"), "节点间消息")
	says(t, f.page(sh, "/evidence?from=2020-01-01&to=2020-01-02"), "没有符合条件的存证", "清除全部条件")
	path := "/evidence/" + url.PathEscape(first+"#query.close")
	page = f.page(sh, path)
	says(t, page, "一条存证", "kuayu evidence verify receipt.json --constitution constitution.json", "/exchanges/"+first, "第一段", "<svg role=\"img\"")
	hides(t, page, "复核结果", "query.close<")
	f.await(func() bool { again(); _, _, page := sh.do("GET", path+"?check=1", nil); return strings.Contains(page, "浙江省，最早") })
	page = f.page(sh, path+"?check=1")
	says(t, page, "复核结果", "第二段", "通过", "成员身份", "已共签")
	hides(t, page, "未通过", "未进行", "还没有列入日志")
	var receipt, constitution string
	for name, to := range map[string]*string{path + "/receipt.json": &receipt, "/evidence/constitution.json": &constitution} {
		code, _, body := sh.do("GET", name, nil)
		if code != http.StatusOK {
			t.Fatalf("%s: %d", name, code)
		}
		*to = body
	}
	r := must[*evidence.Receipt](t)(evidence.ParseReceipt([]byte(receipt)))
	var doc federation.Document
	if err := json.Unmarshal([]byte(constitution), &doc); err != nil {
		t.Fatal(err)
	}
	versions := must[[]*federation.Constitution](t)(federation.VerifyChain(doc.Chain, doc.Genesis))
	if v, err := r.Verify(versions); err != nil || v.Kind != "query.close" || !v.Logged || len(v.CosignedBy) == 0 {
		t.Errorf("the files do not verify offline: %+v %v", v, err)
	}
	says(t, f.page(sh, "/evidence/logs"), "浙江省", "只增不改", "江苏省", "已由他方共签")
	page = f.page(auditor, "/evidence?department="+f.other)
	says(t, page, "当事人标识", "没有符合条件的存证")
	if code, to, _ := auditor.do("POST", "/evidence/person", url.Values{"identifier": {"16400000003"}}); code != http.StatusSeeOther || strings.Contains(to, "164") {
		t.Errorf("a person: %d %s", code, to)
	} else {
		says(t, f.page(auditor, to), "与一名当事人有关", "没有符合条件的存证")
	}
	for _, v := range []*browserless{sh, f.officer("shanghai", "operator")} {
		for _, x := range [][2]string{{"POST", "/evidence/person"}, {"GET", "/evidence?subject=00"}} {
			if code, _, page := v.do(x[0], x[1], url.Values{"identifier": {"16400000003"}}); code != http.StatusForbidden {
				t.Errorf("%s by who may not: %d", x[1], code)
			} else {
				look(t, page)
			}
		}
	}
	other := f.officer("shanghai", "officer-sh2")
	says(t, f.page(other, "/evidence"), "没有符合条件的存证")
	for _, p := range []string{path, path + "/receipt.json", "/evidence/none"} {
		if code, _, _ := other.do("GET", p, nil); code != http.StatusNotFound {
			t.Errorf("%s by another department: %d", p, code)
		}
	}
}

// TestWatchMembers: who answers is seen, who does not is named with a remedy; a removal is proposed at one node and
// approved at another, by the authority alone.
func TestWatchMembers(t *testing.T) {
	f := newFixture(t, Settings{})
	operator, authority := f.officer("shanghai", "operator"), f.officer("shanghai", "authority")
	if err := f.c.StopNode("jiangsu"); err != nil {
		t.Fatal(err)
	}
	if code, to, _ := operator.do("POST", "/members/probe", nil); code != http.StatusSeeOther || to != "/members?done=probe" {
		t.Fatalf("%d %s", code, to)
	}
	page := f.page(operator, "/members?done=probe")
	says(t, page, "已逐个探测", "浙江省", "江苏省", "连接不上", "请确认对方节点在运行", "正常", "一致", "0.1.0", "2 / 3", "没有待表决的提案", "kuayu join request")
	hides(t, page, "提议成员退出", "peer.unreachable")
	if err := f.c.StartNode(f.ctx, "jiangsu"); err != nil {
		t.Fatal(err)
	}
	says(t, f.page(authority, "/members"), "提议成员退出", "探测")
	code, _, page := authority.do("POST", "/members/propose", url.Values{"member": {"nobody"}})
	if code != http.StatusBadRequest {
		t.Errorf("a proposal that is none: %d", code)
	}
	look(t, page)
	says(t, page, "请选择成员", "请写明理由", `aria-invalid="true"`)
	ask := url.Values{"member": {"jiangsu"}, "reason": {"节点停办"}}
	for _, actor := range []string{"operator", "auditor", "officer-sh", "head-sh"} {
		v := f.officer("shanghai", actor)
		for _, path := range []string{"/members/propose", "/members/proposals/x/approve"} {
			if code, _, page := v.do("POST", path, ask); code != http.StatusForbidden {
				t.Errorf("%s by %s: %d", path, actor, code)
			} else {
				look(t, page)
			}
		}
	}
	if code, _, _ := f.officer("shanghai", "officer-sh").do("POST", "/members/probe", nil); code != http.StatusForbidden {
		t.Errorf("a probe by an officer: %d", code)
	}
	if code, to, page := authority.do("POST", "/members/propose", ask); code != http.StatusSeeOther || to != "/members?done=propose" {
		t.Fatalf("%d %s %s", code, to, page)
	}
	page = f.page(authority, "/members")
	says(t, page, "节点停办", "1，共 2", "成员：江苏省", "已赞成：上海市")
	hides(t, page, "赞成提案")
	zj := f.officer("zhejiang", "authority")
	var hash string
	f.await(func() bool {
		_, _, page := zj.do("GET", "/members", nil)
		_, rest, _ := strings.Cut(page, "/members/proposals/")
		hash, _, _ = strings.Cut(rest, "/approve")
		return hash != "" && len(hash) < 100
	})
	says(t, f.page(zj, "/members"), "赞成提案", "不能收回")
	hides(t, f.page(f.officer("zhejiang", "operator"), "/members"), "赞成提案")
	if code, to, page := zj.do("POST", "/members/proposals/"+hash+"/approve", nil); code != http.StatusSeeOther || to != "/members?done=approve" {
		t.Fatalf("%d %s %s", code, to, page)
	}
	page = f.page(zj, "/members")
	says(t, page, "第 2 版", "没有待表决的提案")
	if code, _, _ := zj.do("POST", "/members/proposals/none/approve", nil); code != http.StatusNotFound {
		t.Errorf("a proposal that is none: %d", code)
	}
	hides(t, f.page(f.officer("shanghai", "officer-sh"), "/members?done=nonsense"), "nonsense</p>", "探测</button>")
}

// TestWatchInABrowser judges every page of the face as a browser shows it.
func TestWatchInABrowser(t *testing.T) {
	b := webtest.Open(t)
	judge := judging(t)
	f := newFixture(t, Settings{Routes: roleChooser})
	_, first := f.exchanged()
	root := "https://localhost:" + port(f.c.Node("shanghai").Addr("staff"))
	enter := func(actor string) {
		t.Helper()
		b.Visit(root+"/demo/roles", 1440).Click(`form:has(input[value="` + actor + `"]) button`)
	}
	visit := func(name, path string) {
		t.Helper()
		judge(b.Visit(root+path, 1440), "watch-"+name)
	}
	enter("officer-sh")
	visit("exchanges", "/exchanges")
	visit("exchange", "/exchanges/"+first)
	visit("exchange-line", "/exchanges/"+first+"?view=line")
	visit("evidence", "/evidence")
	visit("fact", "/evidence/"+url.PathEscape(first+"#query.close")+"?check=1")
	visit("logs", "/evidence/logs")
	enter("authority")
	b.Visit(root+"/members", 1440).Click("form[action$='/probe'] button")
	visit("members", "/members")
	enter("auditor")
	visit("evidence-auditor", "/evidence")
	enter("officer-sh2")
	visit("exchanges-none", "/exchanges")
}

// next is the address of the page after one.
func next(t *testing.T, page string) string {
	t.Helper()
	_, rest, _ := strings.Cut(page, `rel="next" href="`)
	to, _, found := strings.Cut(rest, `"`)
	if !found {
		t.Fatal("there is no next page")
	}
	return html.UnescapeString(to)
}
