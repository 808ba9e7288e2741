package demo

import (
	"encoding/json"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kuayu/kuayu/node"
	"github.com/kuayu/kuayu/support/federation"
)

// newcomer makes the node of a place that is no member, not running, and returns the file with which it asks to join.
func (f *fixture) newcomer(p Place) *federation.JoinRequest {
	f.t.Helper()
	if err := f.c.prepare(p, Settings{Dir: f.c.Dir, CheckpointMS: 100}); err != nil {
		f.t.Fatal(err)
	}
	dir := f.c.seats[p.ID].dir
	n := &node.Node{Dir: dir, Config: must[node.Config](f.t)(node.LoadConfig(dir)), Keys: must[*federation.Keys](f.t)(federation.LoadKeys(filepath.Join(dir, "keys")))}
	return must[*federation.JoinRequest](f.t)(n.JoinRequest(f.c.Clock.Now()))
}

// fileOf is a document as a file has it, in many lines.
func fileOf(t *testing.T, v any) string {
	t.Helper()
	return string(must[[]byte](t)(json.MarshalIndent(v, "", "  ")))
}

// approved waits until a member's authority sees a proposal, looks at it, and approves it.
func (f *fixture) approved(place string, texts ...string) {
	f.t.Helper()
	v := f.officer(place, "authority")
	var path string
	f.await(func() bool {
		_, _, page := v.do("GET", "/members", nil)
		_, rest, found := strings.Cut(page, `action="/members/proposals/`)
		path, _, _ = strings.Cut(rest, `"`)
		return found
	})
	says(f.t, f.page(v, "/members"), append(texts, "赞成提案", "不能收回")...)
	hides(f.t, f.page(f.officer(place, "operator"), "/members"), "赞成提案", "提出章程变更")
	says(f.t, f.post(v, "/members/proposals/"+path, nil), "已赞成", "没有待表决的提案")
}

func (f *fixture) version(n int) {
	f.t.Helper()
	f.await(func() bool {
		return f.c.Node("shanghai").Directory.Current().Number == n && f.c.Node("zhejiang").Directory.Current().Number == n
	})
}

// TestNewcomerJoinsByPage: a file is pasted at one member, shown in words, proposed, approved at another, and the newcomer
// is a member that answers.
func TestNewcomerJoinsByPage(t *testing.T) {
	f := newFixture(t, Settings{})
	j := f.newcomer(Places()[3])
	authority := f.officer("shanghai", "authority")
	says(t, f.page(authority, "/members"), "提出章程变更", "接纳新成员", "kuayu join request", "没有待表决的提案", "第 1 版（现行）", "创立联盟")
	ask := url.Values{"join": {fileOf(t, j)}, "voter": {"yes"}, "reason": {"扩大试点"}}
	page := f.turned(authority, "/members/propose/join", ask, http.StatusOK)
	says(t, page, "核对新成员", "安徽省", "340000", "有表决权", j.Member.Fingerprint(), "核验通过", "https://127.0.0.1:", "扩大试点", `type="hidden" name="join"`, "2 / 3", "3 / 4", "逐字核对")
	says(t, f.page(authority, "/members"), "没有待表决的提案")
	page = f.turned(authority, "/members/propose/join", with(ask, "step", "edit"), http.StatusOK)
	says(t, page, "<details class=\"ask\" open", "扩大试点", "34")
	page = f.post(authority, "/members/propose/join", with(ask, "step", "send"))
	says(t, page, "提案已提出", "扩大试点", "提出：", "上海市", "1，共 2", "已赞成：", "尚未表决：", "江苏省、浙江省", "加入，有表决权", j.Member.Fingerprint(), "同一版本只能签一份")
	hides(t, page, "赞成提案", "加入文件的内容")
	f.approved("zhejiang", "扩大试点", "提出：", "安徽省", j.Member.Fingerprint(), "核验通过", "另提一项后就不能再赞成", "请先另经电话等途径")
	f.version(2)
	page = f.page(authority, "/members")
	says(t, page, "安徽省", "第 2 版（现行）", "成员：安徽省加入，有表决权", "法定票数：2 / 3 → 3 / 4", "创立联盟", "上海市、浙江省", "加入文件的内容")
	// The newcomer's own step, and the members reach it.
	if err := f.c.open(f.ctx, "anhui"); err != nil {
		t.Fatal(err)
	}
	doc := f.c.Node("shanghai").Directory.Document()
	n := f.c.Node("anhui")
	if err := n.Federation.Adopt(f.ctx, doc.Chain, doc.Genesis); err != nil {
		t.Fatal(err)
	}
	for _, st := range doc.Statements {
		if err := n.Federation.AcceptStatement(f.ctx, st); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.c.run(f.ctx, "anhui"); err != nil {
		t.Fatal(err)
	}
	f.post(authority, "/members/probe", nil)
	hides(t, f.page(authority, "/members"), "连接不上")
	if c, had := f.c.Node("shanghai").Link.Contacts()["anhui"]; !had || !c.Reached() {
		t.Errorf("the newcomer does not answer: %+v", c)
	}
	page = f.turned(authority, "/members/propose/join", ask, http.StatusBadRequest)
	says(t, page, "已是联盟成员")
}

// TestChangesByPage: quorum, validity and a member's leave are proposed at one member, approved at another, and stand in the
// list of versions; a member that has signed a version is told so, not asked.
func TestChangesByPage(t *testing.T) {
	f := newFixture(t, Settings{})
	authority := f.officer("shanghai", "authority")
	propose := func(kind, field, value, reason string) {
		t.Helper()
		page := f.post(authority, "/members/propose/"+kind, url.Values{field: {value}, "reason": {reason}})
		says(t, page, reason, "已赞成：", "提出：")
		code, _, _ := authority.do("POST", "/members/propose/renew", url.Values{"valid_until": {f.day(72)}, "reason": {"又一份"}})
		if code != http.StatusConflict {
			t.Errorf("a second document of one version: %d", code)
		}
		hides(t, f.page(authority, "/members"), "又一份")
	}
	propose("quorum", "quorum", "3", "重大事项须全体同意")
	f.approved("zhejiang", "重大事项须全体同意", "2 / 3", "3 / 3")
	f.version(2)
	propose("renew", "valid_until", f.day(60), "试点延长")
	f.approvedByTwo(t, "试点延长")
	f.version(3)
	propose("leave", "remove", "jiangsu", "节点停办")
	f.approvedByTwo(t, "节点停办")
	f.version(4)
	page := f.page(authority, "/members")
	says(t, page, "第 4 版（现行）", "成员：江苏省退出", "法定票数：3 / 3 → 2 / 2", "法定票数：2 / 3 → 3 / 3", "→ "+f.day(60), "第 1 版")
	if n := strings.Count(page, "（现行）"); n != 1 {
		t.Errorf("%d versions in force", n)
	}
	four, one := strings.Index(page, "第 4 版（现行）"), strings.LastIndex(page, "第 1 版")
	if four > one {
		t.Error("not the latest first")
	}
	page = f.page(authority, "/members?before=3")
	says(t, page, "第 2 版", "第 1 版", "首页")
	hides(t, page, "（现行）")
	for _, odd := range []string{"1", "99", "x", "-3"} {
		says(t, f.page(authority, "/members?before="+odd), "第 4 版（现行）")
	}
	says(t, f.page(f.officer("shanghai", "officer-sh"), "/members"), "章程的历次版本", "成员：江苏省退出")
}

// approvedByTwo lets Zhejiang by the page and Jiangsu by its package approve the one proposal there is.
func (f *fixture) approvedByTwo(t *testing.T, reason string) {
	t.Helper()
	n := f.c.Node("jiangsu").Federation
	var hash string
	f.await(func() bool {
		ps := must[[]federation.Proposal](t)(n.Proposals(f.ctx))
		if len(ps) == 1 {
			hash = ps[0].Hash
		}
		return len(ps) == 1
	})
	if _, err := n.Approve(f.ctx, hash); err != nil {
		t.Fatal(err)
	}
	f.await(func() bool {
		ps := must[[]federation.Proposal](t)(f.c.Node("zhejiang").Federation.Proposals(f.ctx))
		return len(ps) == 1 && ps[0].Votes == 2
	})
	f.approved("zhejiang", reason, "江苏省、上海市")
}

// TestChangesRefused: what is wrong stands beside its field, says what to do, and keeps what was typed.
func TestChangesRefused(t *testing.T) {
	f := newFixture(t, Settings{})
	authority := f.officer("shanghai", "authority")
	j, other := f.newcomer(Places()[3]), f.newcomer(Places()[4])
	forged := *j
	forged.Statement = &federation.SignedStatement{Document: slices.Clone(j.Statement.Document), Sig: slices.Clone(j.Statement.Sig)}
	forged.Statement.Sig[3] ^= 1
	mixed := federation.JoinRequest{Member: j.Member, Statement: other.Statement}
	again := *j
	again.Member.ID = "zhejiang"
	odd := *j
	odd.Member.Division = "34"
	const lost, forge = "这不是加入文件", "不是由文件中的根密钥签名"
	for _, c := range []struct {
		kind  string
		form  url.Values
		wrong []string
	}{
		{"join", url.Values{"reason": {"理由甲"}}, []string{lost, "请选择新成员是否有表决权"}},
		{"join", url.Values{"join": {"不是文件"}, "voter": {"no"}, "reason": {"理由甲"}}, []string{lost}},
		{"join", url.Values{"join": {fileOf(t, j) + "{}"}, "voter": {"no"}, "reason": {"理由甲"}}, []string{lost}},
		{"join", url.Values{"join": {fileOf(t, map[string]any{"member": j.Member, "statement": j.Statement, "more": 1})}, "voter": {"no"}, "reason": {"理由甲"}}, []string{lost}},
		{"join", url.Values{"join": {fileOf(t, map[string]any{"member": j.Member})}, "voter": {"no"}, "reason": {"理由甲"}}, []string{lost}},
		{"join", url.Values{"join": {fileOf(t, j) + strings.Repeat(" ", 20_000)}, "voter": {"no"}, "reason": {"理由甲"}}, []string{lost}},
		{"join", url.Values{"join": {fileOf(t, forged)}, "voter": {"no"}, "reason": {"理由甲"}}, []string{forge}},
		{"join", url.Values{"join": {fileOf(t, mixed)}, "voter": {"no"}, "reason": {"理由甲"}}, []string{forge}},
		{"join", url.Values{"join": {fileOf(t, again)}, "voter": {"no"}, "reason": {"理由甲"}}, []string{"已是联盟成员"}},
		{"join", url.Values{"join": {fileOf(t, odd)}, "voter": {"no"}, "reason": {"理由甲"}, "step": {"send"}}, []string{"行政区划代码不合格"}},
		{"join", url.Values{"join": {fileOf(t, j)}, "voter": {"yes"}, "step": {"send"}}, []string{"请写明理由"}},
		{"leave", url.Values{"remove": {"nobody"}}, []string{"请选择成员", "请写明理由"}},
		{"quorum", url.Values{"quorum": {"1"}, "reason": {"理由甲"}}, []string{"填写 2 至 3 之间的整数"}},
		{"quorum", url.Values{"quorum": {"4"}, "reason": {"理由甲"}}, []string{"填写 2 至 3 之间的整数"}},
		{"quorum", url.Values{"quorum": {"0"}, "reason": {"理由甲"}}, []string{"填写 2 至 3 之间的整数"}},
		{"quorum", url.Values{"quorum": {"三"}, "reason": {strings.Repeat("长", 501)}}, []string{"请写明理由，不超过 500 字", `value="三"`}},
		{"quorum", url.Values{"quorum": {"2"}, "reason": {"理由甲"}}, []string{"与现行法定票数相同"}},
		{"renew", url.Values{"valid_until": {f.day(-12)}, "reason": {"理由甲"}}, []string{"有效期须晚于今天", `value="` + f.day(-12) + `"`}},
		{"renew", url.Values{"valid_until": {f.day(1)}, "reason": {"理由甲"}}, []string{"须晚于现行有效期"}},
		{"renew", url.Values{"valid_until": {f.day(132)}, "reason": {"理由甲"}}, []string{"最长十年"}},
		{"renew", url.Values{"valid_until": {"明年"}, "reason": {"理由甲"}}, []string{"请填写日期", `value="明年"`}},
	} {
		page := f.turned(authority, "/members/propose/"+c.kind, c.form, http.StatusBadRequest)
		says(t, page, append(c.wrong, `class="errors"`, `aria-invalid="true"`, `<details class="ask" open`)...)
		if c.form.Get("reason") == "理由甲" {
			says(t, page, "理由甲</textarea>")
		}
		if n := strings.Count(page, `<details class="ask" open`); n != 1 {
			t.Errorf("%s: %d forms are open", c.kind, n)
		}
		hides(t, page, "federation.", "json:", "unknown", "%!")
	}
	if code, _, _ := authority.do("POST", "/members/propose/anything", url.Values{"reason": {"理由甲"}}); code != http.StatusNotFound {
		t.Errorf("no such change: %d", code)
	}
	if code, to, _ := authority.do("GET", "/members/propose/join", nil); code != http.StatusSeeOther || to != "/members" {
		t.Errorf("the address of a form, opened: %d %s", code, to)
	}
	if code, _, _ := authority.do("POST", "/members/proposals/none/approve", nil); code != http.StatusNotFound {
		t.Errorf("a proposal that is none: %d", code)
	}
	whole := url.Values{"join": {fileOf(t, j)}, "voter": {"yes"}, "step": {"send"}, "remove": {"jiangsu"}, "quorum": {"3"}, "valid_until": {f.day(24)}, "reason": {"理由甲"}}
	for _, actor := range []string{"operator", "auditor", "officer-sh", "head-sh", "chief-sh"} {
		v := f.officer("shanghai", actor)
		for _, path := range []string{"propose/join", "propose/leave", "propose/quorum", "propose/renew", "proposals/x/approve"} {
			f.turned(v, "/members/"+path, whole, http.StatusForbidden)
		}
	}
	for _, place := range []string{"shanghai", "zhejiang"} {
		if ps := must[[]federation.Proposal](t)(f.c.Node(place).Federation.Proposals(f.ctx)); len(ps) != 0 {
			t.Errorf("%s: %d proposals", place, len(ps))
		}
	}
}

// TestVersionsArePaged: what a constitution went through is listed in parts.
func TestVersionsArePaged(t *testing.T) {
	f := newFixture(t, Settings{Places: places(3)})
	n := f.c.Node("shanghai")
	for i := range 12 {
		p := must[*federation.Proposal](t)(n.Federation.ProposeChange(f.ctx, federation.Change{Reason: "测试", ValidUntil: f.c.Clock.Now().AddDate(1, 0, i+1)}))
		z := f.c.Node("zhejiang")
		f.await(func() bool { return len(must[[]federation.Proposal](t)(z.Federation.Proposals(f.ctx))) == 1 })
		if _, err := z.Federation.Approve(f.ctx, p.Hash); err != nil {
			t.Fatal(err)
		}
		f.version(i + 2)
	}
	v := f.officer("shanghai", "auditor")
	page := f.page(v, "/members")
	says(t, page, "第 13 版（现行）", "第 4 版", "共 13 条")
	hides(t, page, "第 3 版")
	page = f.page(v, next(t, page))
	says(t, page, "第 3 版", "第 1 版", "创立联盟")
	hides(t, page, "第 4 版<")
}
