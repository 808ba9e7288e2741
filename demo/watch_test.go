package demo

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"html"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/internal/clock"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/webtest"
	"github.com/kuayu/kuayu/support/deadline"
	"github.com/kuayu/kuayu/support/evidence"
	"github.com/kuayu/kuayu/support/federation"
	"github.com/kuayu/kuayu/support/notice"
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
	if code, _, page := sh.do("GET", "/evidence?from=abc", nil); code != http.StatusBadRequest {
		t.Errorf("a day that is none: %d", code)
	} else {
		says(t, page, "日期无法识别")
	}
	says(t, f.page(sh, "/exchanges?member=jiangsu"), "没有符合条件的交换")
	if code, _, page := sh.do("GET", "/exchanges?after=x", nil); code != http.StatusBadRequest {
		t.Errorf("a bad cursor: %d", code)
	} else {
		says(t, page, "翻页游标无效")
	}
	path := "/exchanges/" + first
	page = f.page(sh, path)
	says(t, page, "企业登记信息", "成功", "统一社会信用代码、企业名称、联系电话", "企业服务", "作为条件的数据项", "所在市", "号码中间四位以 * 代替", "签名核验通过", "随答复送达", "SHA-256")
	hides(t, page, "签名核验未通过", "330100<", "query.open<", "grant<")
	says(t, f.page(sh, path+"?view=line"), "需求部门判定并发出请求", "提供方判定并答复", "需求部门收到并核对答复", "协议授权", "业务系统")
	f.page(sh, path+"?view=all")
	page = f.page(zj, path)
	says(t, page, "提供方判定并答复", "签名核验通过", "号码中间四位以 * 代替")
	hides(t, page, "需求部门判定并发出请求")
	says(t, f.page(f.officer("shanghai", "auditor"), path), "需求部门判定并发出请求")
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
	says(t, page, "需求部门收到并核对答复", "企业登记信息", "浙江省市场监管部门", "超过 25 条", "after=")
	hides(t, page, "query.open<", "agreement.<", f.health+"<", "当事人标识")
	second := f.page(sh, next(t, page))
	says(t, second, "上一页")
	hides(t, second, "超过 25 条")
	says(t, f.page(sh, "/evidence?area=message"), "节点间消息")
	says(t, f.page(sh, "/evidence?from=2020-01-01&to=2020-01-02"), "没有符合条件的存证", "清除全部条件")
	path := "/evidence/" + url.PathEscape(first+"#query.close")
	page = f.page(sh, path)
	says(t, page, "一条存证", "kuayu evidence verify receipt.json --constitution constitution.json", "/exchanges/"+first, "第一段", "<svg role=\"img\"")
	hides(t, page, "复核结果", "query.close<")
	f.await(func() bool {
		again()
		_, _, page := sh.do("GET", path+"?check=1", nil)
		return strings.Contains(page, "浙江省，最早")
	})
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

// TestWatchMembers: who answers is seen, who does not is named with a remedy.
func TestWatchMembers(t *testing.T) {
	f := newFixture(t, Settings{})
	operator := f.officer("shanghai", "operator")
	if err := f.c.StopNode("jiangsu"); err != nil {
		t.Fatal(err)
	}
	if code, to, _ := operator.do("POST", "/members/probe", nil); code != http.StatusSeeOther || to != "/members?done=probe" {
		t.Fatalf("%d %s", code, to)
	}
	page := f.page(operator, "/members?done=probe")
	says(t, page, "已逐个探测", "浙江省", "江苏省", "连接不上", "请确认对方节点在运行", "正常", "一致", "0.1.0", "2 / 3", "没有待表决的提案", "kuayu join request")
	hides(t, page, "提出章程变更", "peer.unreachable", "kuayu propose")
	if code, _, _ := f.officer("shanghai", "officer-sh").do("POST", "/members/probe", nil); code != http.StatusForbidden {
		t.Errorf("a probe by an officer: %d", code)
	}
	hides(t, f.page(f.officer("shanghai", "officer-sh"), "/members?done=nonsense"), "nonsense</p>", "探测</button>")
}

// overdue lets Zhejiang's answer become late and returns the clock and a signed-in authority.
func (f *fixture) overdue(now *clock.Manual) deadline.Deadline {
	f.t.Helper()
	_, theirs := f.applied(f.application())
	n := f.c.Node("zhejiang")
	var k deadline.Deadline
	f.await(func() bool {
		cs := must[[]deadline.Deadline](f.t)(n.Deadlines.Of(f.ctx, db.System("test"), "agreement/"+theirs.ID))
		if len(cs) == 1 {
			k = cs[0]
		}
		return len(cs) == 1
	})
	now.Set(k.Due.Add(30 * time.Hour))
	f.await(func() bool {
		n.Queue.Wake()
		p := must[*deadline.Page[deadline.Deadline]](f.t)(n.Deadlines.Running(f.ctx, db.System("test"), deadline.OpenQuery{Late: true}))
		return len(p.Items) == 1
	})
	return k
}

// TestWatchOversight: what is overdue leads to its case; a reminder reaches the department, is on record, and is the
// authority's alone.
func TestWatchOversight(t *testing.T) {
	now := clock.NewManual(time.Now().UTC())
	f := newFixture(t, Settings{Clock: now})
	says(t, f.page(f.officer("zhejiang", "authority"), "/oversight"), "没有超期事项", "还没有发过督办通知")
	k := f.overdue(now)
	authority := f.officer("zhejiang", "authority")
	page := f.page(authority, "/oversight")
	says(t, page, "企业登记信息", "责任方 浙江省市场监管部门", "超期 2 天", "发督办通知", "/applications/", "未按时")
	hides(t, page, "D4", "P4", f.health)
	path := "/oversight/" + k.ID + "/remind"
	for _, actor := range []string{"officer-zj", "head-zj", "chief-zj", "auditor", "operator"} {
		v := f.officer("zhejiang", actor)
		for _, x := range [][2]string{{"GET", "/oversight"}, {"POST", path}} {
			code, _, page := v.do(x[0], x[1], url.Values{"reason": {"请办理"}})
			if code != http.StatusForbidden {
				t.Errorf("%s %s by %s: %d", x[0], x[1], actor, code)
			}
			look(t, page)
		}
	}
	for _, bad := range []string{"", strings.Repeat("长", 121)} {
		code, _, page := authority.do("POST", path, url.Values{"reason": {bad}})
		if code != http.StatusBadRequest {
			t.Errorf("a reminder of %d bytes: %d", len(bad), code)
		}
		says(t, page, "请写明督办要求")
		look(t, page)
	}
	if code, _, _ := authority.do("POST", "/oversight/none/remind", url.Values{"reason": {"x"}}); code != http.StatusNotFound {
		t.Errorf("a clock that is none: %d", code)
	}
	if code, to, page := authority.do("POST", path, url.Values{"reason": {"请于两日内答复，并说明原因。"}}); code != http.StatusSeeOther || to != "/oversight?done=remind" {
		t.Fatalf("%d %s %s", code, to, page)
	}
	says(t, f.page(authority, "/oversight?done=remind"), "督办通知已送达", "督办。", "请于两日内答复，并说明原因。")
	officer := f.officer("zhejiang", "officer-zj")
	page = f.page(officer, "/inbox")
	says(t, page, "督办通知", "请于两日内答复，并说明原因。", "标为已读")
	says(t, f.page(f.officer("zhejiang", "auditor"), "/evidence?area=deadline"), "主管部门督办")
	// At the other end the clock is a watch: it judges nobody there.
	says(t, f.page(f.officer("shanghai", "authority"), "/oversight"), "由对方主管部门督办")
}

// TestWatchInbox: read and unread, and how the officer wants to be told.
func TestWatchInbox(t *testing.T) {
	f := newFixture(t, Settings{})
	f.applied(f.application())
	v := f.officer("zhejiang", "officer-zj")
	page := f.page(v, "/inbox")
	says(t, page, "收到申请", "未读", "邮件频度")
	_, rest, _ := strings.Cut(page, `action="/inbox/`)
	id, _, _ := strings.Cut(rest, "/read")
	if code, to, _ := v.do("POST", "/inbox/"+id+"/read", nil); code != http.StatusSeeOther || to != "/inbox" {
		t.Errorf("%d %s", code, to)
	}
	hides(t, f.page(v, "/inbox"), "收到申请")
	says(t, f.page(v, "/inbox?show=all"), "收到申请", "已读")
	code, _, page := v.do("POST", "/inbox/preferences", url.Values{"mail": {"no address"}, "mode": {"daily"}, "lang": {"zh"}})
	if code != http.StatusBadRequest {
		t.Errorf("a bad address: %d", code)
	}
	look(t, page)
	says(t, page, "普通邮箱地址", `value="no address"`)
	if code, to, _ := v.do("POST", "/inbox/preferences", url.Values{"mail": {"officer@example.gov.cn"}, "mode": {"daily"}, "lang": {"en"}}); code != http.StatusSeeOther || to != "/inbox?done=prefer" {
		t.Errorf("%d %s", code, to)
	}
	says(t, f.page(v, "/inbox?done=prefer"), "通知设置已保存", "officer@example.gov.cn")
	hides(t, f.page(f.officer("shanghai", "officer-sh2"), "/inbox"), "收到申请", "officer@example")
	if code, _, _ := f.officer("shanghai", "officer-sh2").do("POST", "/inbox/"+id+"/read", nil); code != http.StatusNotFound {
		t.Errorf("another's notice: %d", code)
	}
}

// TestWatchUsage: use against what was agreed, the ledger with what it lacks, and both as a table.
func TestWatchUsage(t *testing.T) {
	f := newFixture(t, Settings{})
	agr, _ := f.exchanged()
	sh := f.officer("shanghai", "officer-sh")
	says(t, f.page(sh, "/usage"), "企业登记信息", "浙江省市场监管部门 → 上海市企业服务部门", "有效")
	path := "/usage/" + agr
	page := f.page(sh, path)
	says(t, page, "企业服务", "something-else", "不在约定之内", "约定的用途", "尚缺：使用场景、使用过程、使用成效、存储情况、销毁情况", "未设用量上限")
	f.call(f.as("shanghai", "officer-sh"), http.MethodPost, "/api/v1/agreements/"+agr+"/ledger", agreement.UseRecord{Part: agreement.PartScenario, Text: "=窗口办理跨省迁移"}, nil)
	says(t, f.page(sh, path+"?months=1"), "=窗口办理跨省迁移", "尚缺：使用过程")
	says(t, f.page(f.officer("zhejiang", "officer-zj"), path), "=窗口办理跨省迁移", "约定的用途")
	code, _, file := sh.do("GET", path+"/ledger.csv", nil)
	if code != http.StatusOK || !strings.Contains(file, "enterprise-service,成功,3,6") || !strings.Contains(file, "使用场景,'=窗口办理跨省迁移") {
		t.Errorf("%d %s", code, file)
	}
	other := f.officer("shanghai", "officer-sh2")
	says(t, f.page(other, "/usage"), "没有使用记录", "去目录查找")
	for _, p := range []string{path, path + "/ledger.csv", "/usage/none"} {
		if code, _, page := other.do("GET", p, nil); code != http.StatusNotFound {
			t.Errorf("%s by another department: %d", p, code)
		} else {
			look(t, page)
		}
	}
}

// TestWatchPeople: an operator adds, keys, disables and enables by forms, and each takes effect; nobody else changes
// anything, and who may not look sees nothing.
func TestWatchPeople(t *testing.T) {
	f := newFixture(t, Settings{})
	operator := f.officer("shanghai", "operator")
	page := f.page(operator, "/people")
	says(t, page, "上海市企业服务部门", "数据专员", "可登录", "新增人员或业务系统", "业务系统")
	hides(t, page, "data_officer<", f.market+"<")
	says(t, f.page(operator, "/people?role=operator"), "运维", "共 1 条")
	says(t, f.page(operator, "/people?department="+f.other), "共 4 条")
	says(t, f.page(operator, "/people?text=nobody"), "没有符合条件的人员")
	refused := func(path string, form url.Values, texts ...string) {
		t.Helper()
		code, _, page := operator.do("POST", path, form)
		if code != http.StatusBadRequest {
			t.Errorf("%s: %d", path, code)
		}
		look(t, page)
		says(t, page, append(texts, `class="errors"`)...)
	}
	done := func(path string, form url.Values, want string) {
		t.Helper()
		if code, to, page := operator.do("POST", path, form); code != http.StatusSeeOther || to != want {
			t.Fatalf("%s: %d %s\n%s", path, code, to, page)
		}
		f.page(operator, want)
	}
	person := url.Values{"id": {"new-officer"}, "name": {"新任专员"}, "department": {f.market}}
	refused("/people", person, "没有角色", `value="新任专员"`)
	person["roles"] = []string{"data_officer"}
	person.Set("key", "nonsense")
	refused("/people", person, "公钥")
	person.Del("key")
	done("/people", person, "/people?done=person")
	refused("/people", person, "已存在")
	refused("/departments", url.Values{"uscc": {"123"}, "office": {"某局"}}, "统一社会信用代码不合格")
	done("/departments", url.Values{"uscc": {Department("310000", 9)}, "office": {"上海市第九部门"}}, "/people?done=office")
	says(t, f.page(operator, "/people/new-officer"), "没有公钥，不能登录", "还没有登记", "没有登录记录")
	pub, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	refused("/people/new-officer/key", url.Values{"key": {""}}, "请填写公钥")
	refused("/people/new-officer/key", url.Values{"key": {"short"}}, "公钥")
	done("/people/new-officer/key", url.Values{"key": {base64.RawURLEncoding.EncodeToString(pub)}}, "/people/new-officer?done=key")
	f.c.seats["shanghai"].keys["new-officer"] = key
	v := f.officer("shanghai", "new-officer")
	f.page(v, "/workbench")
	done("/people/new-officer/disable", nil, "/people/new-officer?done=disable")
	if code, _, _ := v.do("GET", "/workbench", nil); code != http.StatusSeeOther {
		t.Errorf("disabled and still in: %d", code)
	}
	says(t, f.page(operator, "/people/new-officer"), "已停用", "重新启用")
	done("/people/new-officer/enable", nil, "/people/new-officer?done=enable")
	v = f.officer("shanghai", "new-officer")
	done("/people/new-officer/revoke", nil, "/people/new-officer?done=key")
	if code, _, _ := v.do("GET", "/workbench", nil); code != http.StatusSeeOther {
		t.Errorf("without a key and still in: %d", code)
	}
	if code, _, _ := operator.do("POST", "/people/operator/disable", nil); code != http.StatusConflict {
		t.Errorf("an operator disables itself: %d", code)
	}
	hides(t, f.page(operator, "/people/operator"), ">停用<")
	for path, want := range map[string]int{"/people/none/disable": 404, "/people/new-officer/anything": 404} {
		if code, _, _ := operator.do("POST", path, nil); code != want {
			t.Errorf("%s: %d", path, code)
		}
	}
	says(t, f.page(operator, "/sign-ins"), "新任专员", "成功")
	f.c.browserless(t, "shanghai").do("POST", "/sign-in", url.Values{"assertion": {"nonsense"}})
	says(t, f.page(operator, "/sign-ins?outcome=refused"), "凭据无法识别", "被拒绝", "共 1 条")
	says(t, f.page(operator, "/sign-ins?actor=new-officer"), "新任专员", "共 2 条")
	hides(t, f.page(f.officer("shanghai", "auditor"), "/people/new-officer"), "保存公钥", "停用</summary>")
	hides(t, f.page(f.officer("shanghai", "auditor"), "/people"), "新增人员")
	for _, actor := range []string{"officer-sh", "head-sh", "chief-sh", "auditor", "authority"} {
		v := f.officer("shanghai", actor)
		for _, path := range []string{"/people", "/departments", "/people/new-officer/key", "/people/new-officer/revoke", "/people/new-officer/disable", "/people/new-officer/enable"} {
			person.Set("key", base64.RawURLEncoding.EncodeToString(pub))
			person.Set("id", "by-"+actor)
			if code, _, page := v.do("POST", path, person); code != http.StatusForbidden {
				t.Errorf("%s by %s: %d", path, actor, code)
			} else {
				look(t, page)
			}
		}
	}
	for _, path := range []string{"/people", "/people/operator", "/sign-ins"} {
		if code, _, _ := f.officer("shanghai", "officer-sh").do("GET", path, nil); code != http.StatusForbidden {
			t.Errorf("%s by an officer: %d", path, code)
		}
	}
	chief := f.officer("shanghai", "chief-sh2")
	hides(t, f.page(chief, "/people"), "officer-sh<", "/people/officer-sh\"")
	if code, _, _ := chief.do("GET", "/people/officer-sh", nil); code != http.StatusNotFound {
		t.Errorf("another department's officer: %d", code)
	}
}

// TestWatchSetup: the checklist is green where it is well, says the fix where it is not, and is the operator's alone.
func TestWatchSetup(t *testing.T) {
	f := newFixture(t, Settings{})
	operator := f.officer("shanghai", "operator")
	page := f.page(operator, "/setup")
	says(t, page, "身份", "章程", "密钥权限", "时钟", "磁盘可写", "数据表", "邮件", "未配置", "填写 mail", "第 1 版", "正常")
	hides(t, page, "须修复</span>", "有项目须先修复")
	if err := os.Chmod(filepath.Join(f.c.Dir, "shanghai", "keys", "root.key"), 0o644); err != nil {
		t.Fatal(err)
	}
	says(t, f.page(operator, "/setup"), "有项目须先修复", "其他用户可读：root.key", "chmod 600")
	for _, actor := range []string{"officer-sh", "head-sh", "authority", "auditor"} {
		if code, _, page := f.officer("shanghai", actor).do("GET", "/setup", nil); code != http.StatusForbidden {
			t.Errorf("%s: %d", actor, code)
		} else {
			look(t, page)
		}
	}
}

// TestWatchInABrowser judges every page of the face as a browser shows it.
func TestWatchInABrowser(t *testing.T) {
	b := webtest.Open(t)
	judge := judging(t)
	f := newFixture(t, Settings{Routes: roleChooser})
	agr, first := f.exchanged()
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
	visit("usage", "/usage")
	visit("usage-one", "/usage/"+agr)
	visit("inbox", "/inbox?show=all")
	enter("authority")
	b.Visit(root+"/members", 1440).Click("form[action$='/probe'] button")
	visit("members", "/members")
	j := f.newcomer(Places()[3])
	p := b.Visit(root+"/members", 1440)
	for _, kind := range []string{"join", "leave", "quorum", "renew"} {
		p.Tick("details:has(form[action$='/" + kind + "']) > summary")
	}
	judge(p, "watch-changes")
	p.Click("form[action$='/join'] button") // nothing was filled in
	p.Hear()
	judge(p, "watch-change-faults")
	p.Fill(map[string]string{"#f-join-join": fileOf(t, j), "#f-join-reason": "扩大试点"})
	p.Tick("#f-join-voter-yes")
	p.Click("form[action$='/join'] button")
	judge(p, "watch-newcomer")
	p.Click("button[value=send]")
	judge(p, "watch-proposed")
	visit("oversight", "/oversight")
	enter("operator")
	visit("setup", "/setup")
	p = b.Visit(root+"/webhooks", 1440)
	p.Pick("#f-department", "上海市企业服务部门")
	p.Fill(map[string]string{"#f-url": "https://127.0.0.1:1/notices"})
	p.Click(`main form[action="/webhooks"] .acts button`)
	judge(p, "watch-hooks")
	visit("people", "/people")
	visit("person", "/people/officer-sh")
	visit("sign-ins", "/sign-ins")
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

// TestWatchHooks: the operator registers a web-hook on its page, sees the secret once, sees why it fails, and switches it on
// again or removes it; nobody else sees or does any of it.
func TestWatchHooks(t *testing.T) {
	f := newFixture(t, Settings{})
	operator := f.officer("shanghai", "operator")
	page := f.page(operator, "/setup")
	says(t, page, `href="/webhooks"`, "通知回调")
	says(t, f.page(operator, "/webhooks"), "还没有回调", "登记接收地址", "申请", "法定时限")
	in := url.Values{"url": {"https://127.0.0.1:1/notices"}, "topics": {"application", "agreement"}}
	says(t, f.turned(operator, "/webhooks", in, http.StatusBadRequest), "请选择部门", `value="https://127.0.0.1:1/notices"`, `value="application" checked`)
	in.Set("department", f.market)
	for address, want := range map[string]string{"http://business.example.cn/": "除本机外须使用 https", "": "不是合格的网址", "https://169.254.169.254/": "不允许访问该地址"} {
		in.Set("url", address)
		says(t, f.turned(operator, "/webhooks", in, http.StatusBadRequest), want, `aria-invalid="true"`)
	}
	in.Set("url", "https://127.0.0.1:1/notices")
	page = f.turned(operator, "/webhooks", in, http.StatusOK)
	says(t, page, "离开本页后不再显示", "上海市企业服务部门", "通知类别：申请、协议", "使用中")
	_, rest, _ := strings.Cut(page, `class="identifier"`)
	_, rest, _ = strings.Cut(rest, ">")
	secret, _, _ := strings.Cut(rest, "<")
	if len(secret) < 32 {
		t.Fatalf("secret %q", secret)
	}
	hides(t, f.page(operator, "/webhooks"), secret)
	says(t, f.turned(operator, "/webhooks", in, http.StatusBadRequest), "该部门已登记这个地址")
	hooks := must[[]notice.Hook](t)(f.c.Node("shanghai").Notices.Hooks(f.ctx, oversight()))
	path := "/webhooks/" + hooks[0].ID
	for _, actor := range []string{"officer-sh", "head-sh", "chief-sh", "authority", "auditor"} {
		v := f.officer("shanghai", actor)
		if code, _, page := v.do("GET", "/webhooks", nil); code != http.StatusForbidden {
			t.Errorf("%s: %d", actor, code)
		} else {
			look(t, page)
		}
		for _, post := range []string{"/webhooks", path + "/enable", path + "/remove"} {
			f.turned(v, post, in, http.StatusForbidden)
		}
	}
	f.turned(operator, path+"/nothing", nil, http.StatusNotFound)
	f.turned(operator, "/webhooks/none/enable", nil, http.StatusNotFound)
	if code, to, _ := operator.do("GET", path, nil); code != http.StatusSeeOther || to != "/webhooks" {
		t.Errorf("where a notice about it leads: %d %s", code, to)
	}
	// An application tells the department, and its receiver is not there.
	f.call(f.as("shanghai", "officer-sh"), http.MethodPost, "/api/v1/applications", f.application(), nil)
	says(t, f.seen(operator, "/webhooks", "最近一次失败"), "连续失败", "无法建立连接，请检查接收方是否运行")
	d := f.c.Node("shanghai").DB
	if err := d.Write(f.ctx, func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.NewRaw("UPDATE notice_hook SET disabled = 1, failures = 20, fault = '503'").Exec(ctx)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	says(t, f.page(operator, "/webhooks"), "连续失败 20 次，已停用", "应答码 503", path+"/enable")
	page = f.post(operator, path+"/enable", nil)
	says(t, page, "回调已重新启用")
	hides(t, page, path+"/enable")
	says(t, f.post(operator, path+"/remove", nil), "回调已移除", "还没有回调")
}
