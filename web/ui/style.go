package ui

import (
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/kuayu/kuayu/internal/clock"
)

// stylePage is the living style page: each component in each of its states, in the visitor's language and size. What it
// shows is made up.
func (u *UI) stylePage(w http.ResponseWriter, r *http.Request) {
	v := u.View(r)
	u.Render(w, r, http.StatusOK, Page(v, styleFrame(v), style(v)))
}

// moment is the "now" of the style page, so that it looks the same every day.
func moment() time.Time { return time.Date(2026, 11, 22, 12, 5, 0, 0, clock.China()) }

func styleFrame(v *View) PageInfo {
	return PageInfo{
		Title: v.Pick("组件样式", "Style page"),
		Lead:  v.Pick("每个组件的每种状态。内容均为虚构，不含任何真实数据。", "Each component in each state. Everything here is made up."),
		Crumbs: []Link{
			{"/ui", v.Pick("工作台", "Workbench")},
		},
		Action: Button(v, Link{"#form", v.Pick("新建数据申请", "New application")}, "plus", true),
		Chrome: Chrome{
			Name: v.Pick("长三角数据共享", "Delta data sharing"), Home: "/ui", Help: "/ui#state",
			Place: v.Pick("浙江省", "Zhejiang"), Role: v.Pick("大数据局 数据专员", "Data bureau, data officer"), Demo: true,
			Tour: &Tour{Steps: []Leg{
				{v.Pick("共享一项数据", "Share a resource"), v.Pick("把一张业务表放进目录。", "Put a table into the catalogue."), Link{"#form", v.Pick("再做一次", "Do it again")}, true},
				{v.Pick("申请使用", "Apply for it"), v.Pick("写明依据、用途和期限。", "Say on what basis, for what and how long."), Link{"#form", v.Pick("做这一步", "Do this step")}, false},
				{v.Pick("审批", "Decide"), v.Pick("逐项答复，负责人同意。", "Answer item by item; the head consents."), Link{"#grant", v.Pick("做这一步", "Do this step")}, false},
			}},
			Search: &Search{Action: "/ui", Label: v.Pick("搜索目录、申请、协议", "Search everything"), Query: v.URL.Query().Get("q")},
			Footer: Footer{Host: v.Pick("示例单位", "Example office"), Links: []Link{{"/ui#main", v.Pick("站点地图", "Site map")}, {"/ui#state", v.Pick("我要找错", "Report a mistake")}}},
			Nav: []NavItem{
				{"/ui", v.Pick("工作台", "Workbench"), "layout-dashboard", 0, true},
				{"/ui#table", v.Pick("数据目录", "Catalogue"), "database", 0, false},
				{"/ui#grant", v.Pick("申请与审批", "Applications"), "file-check", 5, false},
				{"/ui#diff", v.Pick("共享协议", "Agreements"), "certificate", 0, false},
				{"/ui#chart", v.Pick("交换监测", "Exchanges"), "arrows-exchange", 0, false},
				{"/ui#progress", v.Pick("数据质量", "Data quality"), "chart-bar", 0, false},
				{"/ui#history", v.Pick("异议处理", "Objections"), "scale", 2, false},
				{"/ui#qr", v.Pick("审计存证", "Evidence"), "shield-check", 0, false},
				{"/ui#tiles", v.Pick("成员节点", "Members"), "building", 0, false},
			},
		},
	}
}

func sampleFigures(v *View) []Figure {
	trend := []Point{{"06", 320}, {"07", 900}, {"08", 2100}, {"09", 3600}, {"10", 3900}, {"11", 4000}, {"12", 3580}}
	return []Figure{
		{v.Pick("今日跨省交换（次）", "Exchanges today"), v.Number(18_426), Status{Good, v.Pick("成功率 99.82%", "99.82% succeeded"), ""}, trend},
		{v.Pick("待我审批", "Waiting for me"), "5", Status{Warning, v.Pick("1 项今日到期", "1 due today"), ""}, nil},
		{v.Pick("在线节点", "Nodes online"), "3 / 4", Status{Bad, v.Pick("安徽节点失联 6 分钟", "Anhui silent for 6 min"), ""}, nil},
		{v.Pick("待答复异议", "Open objections"), "2", Status{Notice, v.Pick("最早 11-24 到期", "first due 11-24"), "scale"}, nil},
	}
}

func sampleTodos(v *View) []Todo {
	return []Todo{
		{"#grant", v.Pick("审批：企业电子营业执照共享申请", "Decide: business licences"), v.Pick("需求部门 上海市市场监管局・依据《一网通办事项清单》第 17 项", "Applicant: Shanghai market regulation. Basis: service list, item 17"), Status{Warning, v.Pick("今日到期", "Due today"), ""}},
		{"#grant", v.Pick("审批：异地公积金缴存证明", "Decide: housing fund certificates"), v.Pick("需求部门 江苏省住房城乡建设厅・数据项 6 个，含敏感 1 个", "Applicant: Jiangsu housing. 6 items, 1 sensitive"), Status{Notice, v.Pick("剩 2 天", "2 days left"), "file-text"}},
		{"#history", v.Pick("答复异议：婚姻登记日期不一致", "Answer: date of marriage differs"), v.Pick("提出方 安徽省民政厅・涉及 3 条记录", "Raised by Anhui civil affairs. 3 records"), Status{Notice, v.Pick("剩 2 天", "2 days left"), "scale"}},
		{"#progress", v.Pick("质量整改：社保缴费月份缺失 1.2%", "Quality: months missing in 1.2%"), v.Pick("规则 Q-014 完整性・上次 0.3%", "Rule Q-014 completeness. Last time 0.3%"), Status{Bad, v.Pick("已超标", "Over the limit"), ""}},
		{"#diff", v.Pick("协议续签：道路运输证共享协议", "Renew: road transport licences"), v.Pick("与 安徽省交通运输厅・12-01 到期", "With Anhui transport. Ends 12-01"), Status{Neutral, v.Pick("剩 9 天", "9 days left"), "certificate"}},
	}
}

func sampleTable(v *View) Table {
	t := Table{
		Caption: v.Pick("正在运行的交换", "Running exchanges"), Sort: v.URL.Query().Get("sort"),
		Columns: []Column{{Key: "name", Label: v.Pick("数据资源", "Resource")}, {Label: v.Pick("提供方 → 需求部门", "From → to")}, {"count", v.Pick("今日次数", "Today"), true}, {Label: v.Pick("P95 时延", "P95"), Number: true}, {Label: v.Pick("最近一次", "Last")}, {Label: v.Pick("状态", "State")}},
		Empty:   State{Kind: Empty, Title: v.Pick("没有符合条件的交换", "No exchange matches"), Text: v.Pick("换一个条件，或清除全部条件后再看。", "Try another condition, or clear them all."), Next: Link{v.Without("q", "state", "sort"), v.T("table.clear")}},
	}
	good, late := Status{Good, v.Pick("正常", "Running"), ""}, Status{Warning, v.Pick("延迟", "Slow"), ""}
	failed, wait := Status{Bad, v.Pick("失败", "Failed"), ""}, Status{Notice, v.Pick("待审批", "To be decided"), "file-text"}
	for _, s := range []struct {
		zh, en, id, from, to string
		count                int64
		p95, last            string
		status               Status
		group                string
	}{
		{"居民身份核验", "Identity check", "EX-20261122-0091", "浙江", "上海", 6204, "142 ms", "12:05:31", good, "good"},
		{"企业电子营业执照", "Business licences", "EX-20261122-0087", "江苏", "上海", 3871, "208 ms", "12:05:29", good, "good"},
		{"异地公积金缴存证明", "Housing fund certificates", "EX-20261122-0085", "上海", "安徽", 1120, "1,940 ms", "12:04:55", late, "late"},
		{"道路运输证", "Road transport licences", "EX-20261122-0080", "安徽", "浙江", 402, "—", "11:59:02", failed, "failed"},
		{"婚姻登记信息核验", "Marriage check", "EX-20261122-0076", "江苏", "浙江", 288, "175 ms", "12:05:12", good, "good"},
		{"不动产权属信息", "Real estate titles", "EX-20261122-0071", "上海", "江苏", 0, "—", "—", wait, "wait"},
	} {
		if want := v.URL.Query().Get("state"); want != "" && want != s.group {
			continue
		}
		if q := v.URL.Query().Get("q"); q != "" && !strings.Contains(s.zh+s.en+s.id, q) {
			continue
		}
		t.Rows = append(t.Rows, []templ.Component{
			Titled(Link{"#history", v.Pick(s.zh, s.en)}, s.id), Words(province(v, s.from) + " → " + province(v, s.to)),
			Words(v.Number(s.count)), Words(s.p95), Words(s.last), Chip(v, s.status),
		})
	}
	return t
}

func province(v *View, zh string) string {
	return v.Pick(zh, map[string]string{"浙江": "Zhejiang", "上海": "Shanghai", "江苏": "Jiangsu", "安徽": "Anhui"}[zh])
}

func sampleFilters(v *View) []Filter {
	return []Filter{
		{"q", v.Pick("名称或编号", "Name or number"), v.URL.Query().Get("q"), nil},
		{"state", v.Pick("状态", "State"), v.URL.Query().Get("state"), []Option{
			{"good", v.Pick("正常", "Running")},
			{"late", v.Pick("延迟", "Slow")},
			{"failed", v.Pick("失败", "Failed")},
			{"wait", v.Pick("待审批", "To be decided")},
			{"ended", v.Pick("已终止", "Ended")},
		}},
	}
}

func sampleFields(v *View) []Field {
	return []Field{
		{Name: "title", Label: v.Pick("申请事项", "What it is for"), Hint: v.Pick("写明办理的事项，最多 50 字。", "Name the service, at most 50 characters."), Kind: "text", Error: v.Pick("请填写申请事项", "Say what it is for")},
		{Name: "until", Label: v.Pick("使用截止日期", "Use until"), Hint: v.Pick("例如 2026-12-01。", "For example 2026-12-01."), Kind: day, Value: "2026-11-01", Error: v.Pick("截止日期须晚于今天", "The date must be after today")},
		{Name: "mode", Label: v.Pick("共享方式", "Mode"), Kind: "radio", Value: "query", Options: []Option{{"query", v.Pick("查询", "Query")}, {"check", v.Pick("核验（只返回是或否）", "Verification (yes or no only)")}}},
		{Name: "basis", Label: v.Pick("使用依据", "Basis"), Kind: "select", Value: "duty", Options: []Option{{"duty", v.Pick("法定职责", "A duty by law")}, {"consent", v.Pick("本人同意", "The person's consent")}}},
		{Name: "phone", Label: v.Pick("联系电话", "Telephone"), Kind: "tel", Optional: true, Autocomplete: "tel", Value: "138****6021"},
		{Name: "why", Label: v.Pick("使用场景", "Scenario"), Kind: "textarea", Hint: v.Pick("谁在什么环节使用，达到什么目的。", "Who uses it at which step, and to what end.")},
		{Name: "members", Label: v.Pick("参加成员", "Members"), Kind: "check", Fixed: []string{"own"}, Options: []Option{{"own", v.Pick("本成员（必选）", "This member, always")}, {"other", v.Pick("其他成员", "Another member")}}},
		{Name: "promise", Label: v.Pick("承诺", "Promise"), Kind: "check", Error: v.Pick("请勾选承诺", "Tick the promise"), Options: []Option{{"yes", v.Pick("仅用于以上用途，到期销毁。", "Used for this purpose only, destroyed afterwards.")}}},
	}
}

func sampleFacts(v *View) []Fact {
	read := moment().Add(-2 * time.Minute)
	return []Fact{
		{v.Pick("姓名", "Name"), "张*", v.Pick("公安部门", "public security"), read, ""},
		{v.Pick("证件号码", "Identity number"), "3401**********1234", v.Pick("电子身份证", "electronic identity card"), time.Time{}, ""},
		{v.Pick("手机号码", "Mobile number"), "138****6021", "", time.Time{}, "#form"},
		{v.Pick("连续缴存", "Months in a row"), v.Pick("38 个月", "38 months"), v.Pick("安徽省住房公积金", "Anhui housing fund"), read, ""},
	}
}

func sampleTimeline(v *View) Timeline {
	at := func(d, h, m int) time.Time { return time.Date(2026, 11, d, h, m, 0, 0, clock.China()) }
	officer, head := v.Pick("上海市市场监管局 数据专员", "Shanghai market regulation, data officer"), v.Pick("共享工作机构负责人", "Head of the sharing office")
	return Timeline{
		Label: v.Pick("企业电子营业执照", "Business licences"),
		State: Status{Notice, v.Pick("审查中", "Under review"), "hourglass"}, Whose: v.Pick("浙江省大数据局 数据专员", "Zhejiang data bureau, data officer"),
		Due: at(22, 18, 0), Next: v.Pick("逐项答复，并报负责人同意。", "Answer item by item, then ask the head for consent."),
		Events: []Event{
			{Time: at(22, 9, 30), Title: v.Pick("开始审查", "Review began"), Who: v.Pick("浙江省大数据局", "Zhejiang data bureau"), Status: Status{Notice, "", "hourglass"}, Ref: "b7f2-0041"},
			{Time: at(20, 16, 12), Title: v.Pick("补正完成", "Supplement given"), Who: officer, Text: v.Pick("补充了使用场景说明。", "The scenario was explained."), Status: Status{Tone: Good}, Ref: "b7f2-0038"},
			{Time: at(19, 10, 5), Title: v.Pick("一次性告知补正", "Supplement asked for"), Who: v.Pick("浙江省大数据局", "Zhejiang data bureau"), Status: Status{Tone: Warning}, Ref: "b7f2-0031"},
			{
				Time: at(18, 11, 40), Title: v.Pick("提出申请", "Application"), Who: officer, Status: Status{Neutral, "", "file-text"},
				Details: []Event{
					{Time: at(18, 11, 2), Title: v.Pick("保存草稿", "Draft saved"), Who: officer, Ref: "a410-0007"},
					{Time: at(18, 11, 31), Title: v.Pick("负责人同意申请", "Head consented"), Who: head, Ref: "a410-0009"},
					{Time: at(18, 11, 40), Title: v.Pick("申请送达并回执", "Delivered and acknowledged"), Who: v.Pick("节点", "Node"), Ref: "a410-0010"},
				},
			},
		},
	}
}

func sampleDiff(v *View) []Difference {
	return []Difference{
		{Field: v.Pick("用途", "Purpose"), Before: v.Pick("企业开办", "Opening a business"), After: v.Pick("企业开办、变更", "Opening and changing a business")},
		{Field: v.Pick("有效期至", "Valid until"), Before: "2026-12-01", After: "2027-12-01"},
		{Field: v.Pick("数据项：联系电话", "Item: telephone"), Before: v.Pick("可用", "granted")},
		{Field: v.Pick("数据项：经营状态", "Item: status"), After: v.Pick("可用", "granted")},
		{Field: v.Pick("共享方式", "Mode"), Before: v.Pick("查询", "query"), After: v.Pick("查询", "query")},
		{Field: v.Pick("密钥指纹", "Key"), Before: "8a64 9022 63ea 96ff c022 791f ffd2 3e5d", After: "f2d1 21c9 572f e29e 22f2 fd41 d85a a42d", Code: true},
	}
}

func sampleGrants(v *View) []Granting {
	plain := v.Pick("原文", "as it is")
	return []Granting{
		{Item: v.Pick("企业名称", "Name of the business"), Asked: plain, Allowed: plain},
		{Item: v.Pick("法定代表人证件号码", "Identity number of its head"), Asked: plain, Allowed: v.Pick("掩码 3401****1234", "masked 3401****1234"), Reason: v.Pick("核验身份只需末四位。", "The last four digits suffice."), Sensitive: true},
		{Item: v.Pick("股东住址", "Addresses of the owners"), Asked: plain, Reason: v.Pick("与所列用途无关。", "Not needed for the purpose."), Sensitive: true},
	}
}

func sampleFound(v *View) Found {
	apply := Link{"#form", v.Pick("申请使用", "Apply")}
	return Found{
		Title: v.Pick("找到 2 项", "2 found"), Clear: "/ui", Paging: Paging{From: 1, To: 2, Total: 2, Of: v.Pick("：检索结果", ": what was found")},
		Facets: []Facet{
			{v.Pick("成员", "Member"), []FacetValue{{"#find", v.Pick("浙江省", "Zhejiang"), "12", true}, {"#find", v.Pick("上海市", "Shanghai"), "1000+", false}}},
			{v.Pick("共享属性", "Sharing"), []FacetValue{{"#find", v.Pick("有条件共享", "Conditional"), "9", false}}},
		},
		Results: []Result{
			{
				"#find",
				[]Piece{{v.Pick("企业电子", "Business "), false}, {v.Pick("营业执照", "licences"), true}},
				Plainly(v.Pick("浙江省・市场监管部门", "Zhejiang, market regulation")),
				Plainly(v.Pick("在本省登记的企业的电子营业执照。", "Electronic licences of the businesses registered here.")),
				[]Status{{Notice, v.Pick("有条件共享", "Conditional"), ""}},
				v.Pick("12 个数据项・目录截至 2026-11-22 12:05", "12 items. Copy as of 2026-11-22 12:05"), apply,
			},
			{
				"#find", Plainly(v.Pick("内部备查信息", "Internal notes")), Plainly(v.Pick("上海市・市场监管部门", "Shanghai, market regulation")), nil,
				[]Status{{Neutral, v.Pick("不予共享", "Not shared"), "lock"}},
				v.Pick("3 个数据项", "3 items"),
				Link{},
			},
		},
	}
}

func sampleClimb(v *View, steps int) Climb {
	c := Climb{Title: v.Pick("事实所在的批次", "The batch of the fact"), Leaf: Node{v.Pick("这条事实", "this fact"), "3f9a 77c2"}, Root: Node{v.Pick("批次根", "the root of the batch"), "c01d 5be8"}}
	if steps > mostSteps {
		c.Title, c.Root.Word = v.Pick("批次所在的日志", "The log of the batch"), v.Pick("日志根", "the root of the log")
	}
	for i := range steps {
		c.Steps = append(c.Steps, Beside{"a7" + strconv.Itoa(10+i) + " 09e4", i%3 == 1})
	}
	return c
}

func sampleTones(v *View) []Status {
	return []Status{
		{Neutral, v.Pick("草稿", "Draft"), ""},
		{Notice, v.Pick("待审批", "To be decided"), "file-text"},
		{Good, v.Pick("正常", "Running"), ""},
		{Warning, v.Pick("今日到期", "Due today"), ""},
		{Bad, v.Pick("已超期", "Overdue"), ""},
	}
}

func sampleStates(v *View) []State {
	return []State{
		{Kind: Empty, Title: v.Pick("还没有申请", "No application yet"), Text: v.Pick("先在目录中找到需要的数据，再提出申请。", "Find the data in the catalogue, then apply."), Next: Link{"#table", v.Pick("去目录查找", "Go to the catalogue")}},
		{Kind: Loading, Title: v.Pick("正在查询安徽省节点", "Asking the node of Anhui"), Text: v.Pick("通常 2 秒内返回，也可以稍后刷新。", "It answers within 2 seconds as a rule; you may come back later."), Next: Link{v.URL.RequestURI(), v.Pick("刷新", "Refresh")}},
		{Kind: Failed, Title: v.Pick("安徽省节点没有应答", "The node of Anhui does not answer"), Text: v.Pick("您填写的内容已保存，稍后重试即可。", "What you entered is kept; try again later."), Next: Link{v.URL.RequestURI(), v.T("state.again")}, Code: "peer.unreachable", Request: "01a2146a-5c3f-7d6c"},
		{Kind: Forbidden, Title: v.T("state.forbidden"), Text: v.Pick("该申请属于其他部门。如因工作需要查看，请联系本部门负责人。", "It belongs to another department. Ask your head if you need to see it."), Next: Link{"/ui", v.Pick("返回工作台", "Back to the workbench")}},
	}
}

func sampleBars(v *View) Chart {
	return Chart{ID: "bars", Title: v.Pick("高频事项（今日）", "Most used today"), Points: []Point{
		{v.Pick("身份核验", "Identity"), 6204},
		{v.Pick("企业开办", "Businesses"), 3871},
		{v.Pick("公积金证明", "Housing fund"), 1120},
		{v.Pick("道路运输证", "Transport"), 402},
		{v.Pick("婚姻登记", "Marriages"), 288},
	}}
}

func sampleTrend(v *View) Chart {
	return Chart{ID: "trend", Title: v.Pick("每小时交换量", "Exchanges by hour"), Points: sampleFigures(v)[0].Trend}
}

// colour is a token of the style sheet.
type colour struct{ Name, Value string }

var tokenForm = regexp.MustCompile(`--([a-z-]+): (#[0-9a-f]{6});`)

// colours reads the colour tokens from the style sheet: there is no second list that could differ.
func (v *View) colours() []colour {
	css := string(v.assets.file[strings.TrimPrefix(v.assets.path["ui.css"], pathAssets)].plain)
	var out []colour
	for _, m := range tokenForm.FindAllStringSubmatch(css, -1) {
		out = append(out, colour{m[1], m[2]})
	}
	return out
}

var symbolForm = regexp.MustCompile(`<symbol id="([a-z0-9-]+)"`)

// signs are the names of the icons in the sprite.
func (v *View) signs() []string {
	svg := string(v.assets.file[strings.TrimPrefix(v.assets.path["icons.svg"], pathAssets)].plain)
	var out []string
	for _, m := range symbolForm.FindAllStringSubmatch(svg, -1) {
		out = append(out, m[1])
	}
	return out
}
