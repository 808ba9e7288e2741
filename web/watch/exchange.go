package watch

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"github.com/kuayu/kuayu/exchange/gateway"
	"github.com/kuayu/kuayu/support/evidence"
	"github.com/kuayu/kuayu/support/policy"
	"github.com/kuayu/kuayu/web/staff"
	"github.com/kuayu/kuayu/web/ui"
)

const (
	shown = 25 // lines of a page
	hours = 24 // that the charts show
)

// watchTabs lead from exchanges to use.
func watchTabs(v *ui.View, here string) []ui.Tab {
	return []ui.Tab{
		{Href: staff.PathExchanges, Text: v.Pick("交换情况", "Exchanges"), Current: here == staff.PathExchanges},
		{Href: staff.PathUsage, Text: v.Pick("使用台账", "Usage ledgers"), Current: here == staff.PathUsage},
	}
}

// matters are the agreements that a page names, each asked for once.
type matters struct {
	w  *Watch
	q  staff.Visit
	nm *staff.Names
	of map[string]string
}

func (w *Watch) matters(q staff.Visit, nm *staff.Names) *matters {
	return &matters{w: w, q: q, nm: nm, of: map[string]string{}}
}

// title is the resource that an agreement is about.
func (m *matters) title(id string) string {
	if id == "" {
		return m.q.V.Pick("不属于任何协议的请求", "A request under no agreement")
	}
	name, had := m.of[id]
	if !had {
		name = m.q.V.Pick("本部门不可见的协议", "An agreement not visible here")
		if n, err := m.w.Cases.Get(m.q.Context(), m.q.Sess.Scope(), id); err == nil {
			name = m.nm.Title(n)
		}
		m.of[id] = name
	}
	return name
}

// more is the address of the page after this one.
func more(v *ui.View, after string) string {
	if after == "" {
		return ""
	}
	return v.With("after", after)
}

// back leads from a later page to the first.
func back(v *ui.View) string {
	if v.URL.Query().Get("after") == "" {
		return ""
	}
	return v.Without("after")
}

// exchanges is how exchanges went in the last day, and a list of them.
func (w *Watch) exchanges(rw http.ResponseWriter, q staff.Visit) error {
	p, v := q.URL.Query(), q.V
	query := gateway.ExchangeQuery{
		Side: gateway.Side(p.Get("side")), Member: p.Get("member"), Agreement: strings.TrimSpace(p.Get("agreement")), After: p.Get("after"), Limit: shown,
	}
	if query.Failed = p.Get("outcome") == "failed"; !query.Failed {
		query.Outcome = p.Get("outcome")
	}
	seen, err := w.Exchanges.Watch(q.Context(), q.Sess.Scope(), query.Side, query.Member, hours)
	if err != nil {
		return err
	}
	list, err := w.Exchanges.Exchanges(q.Context(), q.Sess.Scope(), query)
	if err != nil {
		return err
	}
	nm := w.Names(q)
	x := exchangesView{
		now: w.Clock.Now(), figures: figuresOf(v, seen), hours: hoursOf(v, seen), reasons: reasonsOf(v, seen),
		filters: w.exchangeFilters(q, nm, seen), table: exchangeTable(v, nm, w.matters(q, nm), list.Items),
		paging: ui.Paging{Total: int64(len(list.Items)), Over: list.Next != "", Previous: back(v), Next: more(v, list.Next)},
	}
	w.Show(rw, q, http.StatusOK, staff.PathExchanges, ui.PageInfo{
		Title: v.Pick("交换监测", "Exchanges"), Lead: v.Pick("每次受控查询的结果、用时与存证。", "How each governed query ended, how long it took, and its evidence."), Crumbs: []ui.Link{staff.Home(v)},
		Action: ui.Button(v, ui.Link{Href: staff.PathScreen, Text: v.Pick("实时大屏", "Live board")}, "eye", false),
	}, exchangesPage(v, x))
	return nil
}

func figuresOf(v *ui.View, s *gateway.Watch) []ui.Figure {
	trend := make([]ui.Point, len(s.Hours))
	for i, h := range s.Hours {
		trend[i] = ui.Point{Value: h.Calls}
	}
	share, status := "—", ui.Status{Tone: ui.Neutral, Word: v.Pick("还没有交换", "None yet")}
	if s.Calls > 0 {
		share = percent(s.OK, s.Calls)
		failed := s.Calls - s.OK
		status = ui.Status{Tone: ui.Good, Word: v.Pick("全部成功", "All succeeded")}
		if failed > 0 {
			status = ui.Status{Tone: ui.Warning, Word: v.Pick(v.Number(failed)+" 次未成功", v.Number(failed)+" failed")}
		}
	}
	slow := func(n, d string) ui.Figure { return ui.Figure{Label: n, Value: d} }
	p50, p95 := "—", "—"
	if s.P50 > 0 {
		p50, p95 = v.Duration(s.P50), v.Duration(s.P95)
	}
	return []ui.Figure{
		{Label: v.Pick("近 24 小时交换（次）", "Exchanges in 24 hours"), Value: v.Number(s.Calls), Trend: trend},
		{Label: v.Pick("成功率", "Succeeded"), Value: share, Status: status},
		slow(v.Pick("用时中位数（P50）", "Median time (P50)"), p50),
		slow(v.Pick("95% 不超过（P95）", "95% within (P95)"), p95),
	}
}

// percent is a share with two decimals, never rounded up to all.
func percent(part, whole int64) string {
	hundredths := part * 10_000 / max(whole, 1)
	return strconv.FormatFloat(float64(hundredths)/100, 'f', 2, 64) + "%"
}

func hoursOf(v *ui.View, s *gateway.Watch) ui.Chart {
	c := ui.Chart{ID: "hours", Title: v.Pick("每小时交换次数（近 24 小时）", "Exchanges by hour, the last 24 hours")}
	for _, h := range s.Hours {
		c.Points = append(c.Points, ui.Point{Name: v.Minute(h.Start), Value: h.Calls})
	}
	return c
}

// reasonsOf are the reasons of failure, the most frequent first.
func reasonsOf(v *ui.View, s *gateway.Watch) ui.Chart {
	c := ui.Chart{ID: "reasons", Title: v.Pick("未成功的原因（次）", "Why exchanges failed")}
	for _, code := range byCount(s.Failures) {
		c.Points = append(c.Points, ui.Point{Name: short(reason(v, code)), Value: s.Failures[code]})
	}
	return c
}

func byCount(m map[string]int64) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.SortFunc(out, func(a, b string) int {
		if m[a] != m[b] {
			return int(m[b] - m[a])
		}
		return strings.Compare(a, b)
	})
	return out
}

// exchangeFilters are the conditions on the list. Of the reasons those are offered that there were.
func (w *Watch) exchangeFilters(q staff.Visit, nm *staff.Names, s *gateway.Watch) []ui.Filter {
	v, p := q.V, q.URL.Query()
	side := ui.Filter{Key: "side", Label: v.Pick("本节点身份", "This node's part"), Value: p.Get("side")}
	for _, k := range []string{string(gateway.Using), string(gateway.Providing)} {
		side.Options = append(side.Options, ui.Option{Value: k, Label: staff.Say(v, sideWords(), k)})
	}
	result := ui.Filter{Key: "outcome", Label: v.Pick("结果", "Result"), Value: p.Get("outcome"), Options: []ui.Option{
		{Value: ok, Label: v.Pick("成功", "Succeeded")}, {Value: "failed", Label: v.Pick("未成功（全部）", "Failed (all)")},
	}}
	codes := byCount(s.Failures)
	if now := result.Value; now != "" && now != ok && now != "failed" && !slices.Contains(codes, now) {
		codes = append(codes, now)
	}
	for _, code := range codes {
		result.Options = append(result.Options, ui.Option{Value: code, Label: v.Pick("未成功：", "Failed: ") + short(reason(v, code))})
	}
	return []ui.Filter{
		side, w.memberFilter(nm, p.Get("member"), v.Pick("对方成员", "Other member")), result,
		{Key: "agreement", Label: v.Pick("协议编号", "Number of the agreement"), Value: p.Get("agreement")},
	}
}

// memberFilter chooses a member.
func (w *Watch) memberFilter(nm *staff.Names, now, label string) ui.Filter {
	f := ui.Filter{Key: "member", Label: label, Value: now}
	for _, m := range w.MemberRegistry.Current().Members {
		f.Options = append(f.Options, ui.Option{Value: m.ID, Label: nm.Member(m.ID)})
	}
	return f
}

func exchangePath(id string) string { return staff.PathExchanges + "/" + url.PathEscape(id) }

// parties are the two ends of an exchange, the provider first.
func parties(v *ui.View, nm *staff.Names, side gateway.Side, department, member, other string) string {
	here, there := nm.Party(policy.Party{Member: nm.Self(), Department: department}), v.Pick("未送出", "not sent")
	if member != "" {
		there = nm.Party(policy.Party{Member: member, Department: other})
	}
	if side == gateway.Providing {
		return here + " → " + there
	}
	return there + " → " + here
}

func exchangeTable(v *ui.View, nm *staff.Names, m *matters, es []evidence.Entry) ui.Table {
	t := ui.Table{
		Caption: v.Pick("交换记录", "Exchanges"),
		Columns: []ui.Column{
			{Label: v.Pick("时间", "Time")},
			{Label: v.Pick("数据资源", "Resource")},
			{Label: v.Pick("提供方 → 需求部门", "From → to")},
			{Label: v.Pick("数据条数", "Rows"), Number: true},
			{Label: v.Pick("用时", "Took"), Number: true},
			{Label: v.Pick("结果", "Result")},
		},
		Empty: ui.State{
			Kind: ui.Empty, Title: v.Pick("没有符合条件的交换", "No exchange matches"),
			Text: v.Pick("换一个条件再看。协议生效后，业务系统按协议查询，每次都会出现在这里。", "Try another condition. Once an agreement is in force, each query under it appears here."),
			Next: ui.Link{Href: staff.PathCases + "?state=ACTIVE", Text: v.Pick("查看有效的协议", "See agreements in force")},
		},
	}
	for i := range es {
		e := &es[i]
		took := "—"
		if d := e.Duration(); d > 0 {
			took = v.Duration(d)
		}
		side := gateway.SideOf(e)
		t.Rows = append(t.Rows, []templ.Component{
			ui.Instant(v, e.At()), ui.Titled(ui.Link{Href: exchangePath(gateway.ExchangeID(e)), Text: m.title(e.Agreement)}, staff.Say(v, sideWords(), string(side))),
			ui.Words(parties(v, nm, side, e.Department, e.Member, e.Other)), ui.Words(v.Number(e.RowCount)), ui.Words(took), ui.Chip(v, outcomeStatus(v, e.Outcome)),
		})
	}
	return t
}
