package demo

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/internal/webtest"
	"github.com/kuayu/kuayu/support/policy"
)

// exchanged is a federation in which Shanghai asked Zhejiang: some answers, one refusal. It returns the agreement and the
// id of the first exchange.
func (f *fixture) exchanged() (agr, first string) {
	f.t.Helper()
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
	enter("officer-sh2")
	visit("exchanges-none", "/exchanges")
}

func query(pairs ...string) string {
	q := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
	}
	return "?" + strings.TrimPrefix(q.Encode(), "?")
}
