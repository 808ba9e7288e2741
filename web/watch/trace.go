package watch

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/kuayu/kuayu/exchange/gateway"
	"github.com/kuayu/kuayu/support/policy"
	"github.com/kuayu/kuayu/web/staff"
	"github.com/kuayu/kuayu/web/ui"
)

// exchange follows one exchange over both ends.
func (w *Watch) exchange(rw http.ResponseWriter, q staff.Visit) error {
	t, err := w.Exchanges.Trace(q.Context(), q.Sess.Scope(), q.PathValue("id"))
	if err != nil {
		return err
	}
	nm := w.Names(q)
	v := q.V
	x := traceView{
		id: t.ID, timeline: hopsOf(v, nm, t, w.matters(q, nm)), asked: askedFacts(v, nm, t), answered: answerFacts(v, t),
		masks: maskTable(v, nm, t), proofs: proofTable(v, nm, t),
	}
	if a := agreementOf(t); a != "" {
		if n, err := w.Cases.Get(q.Context(), q.Sess.Scope(), a); err == nil {
			x.about = ui.Link{Href: staff.CasePath(n.ID), Text: nm.Title(n)}
		}
	}
	w.Show(rw, q, http.StatusOK, staff.PathExchanges, ui.PageInfo{
		Title:  v.Pick("一次交换的全过程", "One exchange, hop by hop"),
		Crumbs: []ui.Link{staff.Home(v), {Href: staff.PathExchanges, Text: v.Pick("交换监测", "Exchanges")}},
	}, tracePage(v, x))
	return nil
}

// last is the hop by which this node knows how the exchange ended.
func last(t *gateway.Trace) *gateway.Hop { return &t.Hops[len(t.Hops)-1] }

func outcomeOf(t *gateway.Trace) string {
	for i := range t.Hops {
		if h := &t.Hops[len(t.Hops)-1-i]; h.Header.Outcome != "" && h.Name != "" {
			return h.Header.Outcome
		}
	}
	return "" // under way, or the node stopped in the middle of it
}

func agreementOf(t *gateway.Trace) string {
	for i := range t.Hops {
		if a := t.Hops[i].Header.Agreement; a != "" {
			return a
		}
	}
	return ""
}

// hopWords says what each kind of fact tells.
func hopWords() map[string]staff.Pair {
	return map[string]staff.Pair{
		"query.open":    {"需求部门判定并发出请求", "The using end decided and asked"},
		"query.serve":   {"提供方判定并答复", "The provider decided and answered"},
		"query.close":   {"需求部门收到并核对答复", "The using end took and checked the answer"},
		"query.refused": {"请求被拒绝", "The request was refused"},
	}
}

func proofStatus(v *ui.View, err error) ui.Status {
	if err != nil {
		return ui.Status{Tone: ui.Bad, Word: v.Pick("签名核验未通过", "Does not verify")}
	}
	return ui.Status{Tone: ui.Good, Word: v.Pick("签名核验通过", "Verifies")}
}

// actor is who a fact names: a person of this node by name, or else the department.
func actor(nm *staff.Names, h *gateway.Hop) string {
	f := &h.Fact
	who := nm.Party(policy.Party{Member: f.Log.Node, Department: f.Actor.Department})
	if f.Actor.Officer != "" && f.Log.Node == nm.Self() {
		if p := nm.Person(f.Actor.Officer); p != nm.Member(f.Actor.Officer) {
			who += "・" + p
		}
	}
	return who
}

func hopText(v *ui.View, h *gateway.Hop) string {
	x := &h.Header
	parts := []string{v.Second(h.Fact.Time) + h.Fact.Time.Format(".000")}
	add := func(zh, en, value string) {
		if value != "" {
			parts = append(parts, v.Pick(zh, en)+value)
		}
	}
	if x.Took > 0 {
		add("用时 ", "took ", v.Duration(time.Duration(x.Took)*time.Microsecond))
	}
	add("判定依据：", "decided by: ", policies(v, x.Policies))
	if x.Outcome != "" {
		add("结果：", "result: ", reason(v, x.Outcome))
	}
	if x.Rows > 0 {
		add("数据 ", "rows: ", v.Pick(v.Number(x.Rows)+" 条", v.Number(x.Rows)))
	}
	if x.Bytes > 0 {
		add("大小 ", "size ", v.Bytes(x.Bytes))
	}
	return strings.Join(parts, v.Pick("；", "; "))
}

// hopsOf is the timeline of an exchange, latest first as every timeline.
func hopsOf(v *ui.View, nm *staff.Names, t *gateway.Trace, m *matters) ui.Timeline {
	out := outcomeOf(t)
	line := ui.Timeline{Label: m.title(agreementOf(t)), State: outcomeStatus(v, out), Whose: v.Pick("已结束，无须办理", "Ended: nobody's"), Next: v.Pick("无须办理。", "Nothing to be done.")}
	switch {
	case out == "":
		line.State = ui.Status{Tone: ui.Warning, Word: v.Pick("没有结果", "No result")}
		line.Next = v.Pick("节点可能在途中停止。请用新编号重新查询。", "The node may have stopped in the middle. Ask anew with another id.")
	case out != ok:
		line.Whose, line.Next = v.Pick("需求部门", "The using end"), reason(v, out)
	}
	for i := range t.Hops {
		h := &t.Hops[len(t.Hops)-1-i]
		e := ui.Event{Time: h.Fact.Time, Title: staff.Say(v, hopWords(), h.Fact.Kind), Who: actor(nm, h), Text: hopText(v, h), Status: ui.Status{Tone: ui.Good}, Ref: h.Fact.ID}
		switch {
		case h.Errs != nil:
			e.Status.Tone = ui.Bad
		case h.Header.Outcome != "" && h.Header.Outcome != ok:
			e.Status.Tone = ui.Bad
		}
		line.Events = append(line.Events, e)
	}
	return line
}

// askedFacts are the particulars of the request, if this end made it or knows them from its answer.
func askedFacts(v *ui.View, nm *staff.Names, t *gateway.Trace) []ui.Fact {
	var out []ui.Fact
	add := func(zh, en, value string) {
		if value != "" {
			out = append(out, ui.Fact{Label: v.Pick(zh, en), Value: value})
		}
	}
	names := func(items []string) string {
		if t.Terms == nil {
			return strings.Join(items, v.Pick("、", ", "))
		}
		return strings.Join(nm.Items(t.Terms.Provider.Member, t.Terms.Resource, items), v.Pick("、", ", "))
	}
	a := t.Asked
	if a == nil {
		add("用途", "Purpose", staff.Purpose(v, last(t).Header.Purpose))
		return out
	}
	add("方式", "Mode", staff.Word(v, string(a.Mode)))
	add("用途", "Purpose", staff.Purpose(v, a.Purpose))
	add("办件编号", "Case", a.Case)
	switch {
	case a.Mode == policy.ModeVerify:
		add("核验的数据项", "Verified", names(a.Claims))
	case len(a.Items) == 0:
		add("查询的数据项", "Items", v.Pick("协议授权的全部数据项", "all that the agreement grants"))
	default:
		add("查询的数据项", "Items", names(a.Items))
	}
	add("作为条件的数据项", "Narrowed by", names(a.By))
	return out
}

// answerFacts are the particulars of the answer, as the end closest to it tells them.
func answerFacts(v *ui.View, t *gateway.Trace) []ui.Fact {
	i := slices.IndexFunc(t.Hops, func(h gateway.Hop) bool { return h.Header.Digest != "" })
	if i < 0 {
		return nil
	}
	h := &t.Hops[i].Header
	both := ""
	if slices.ContainsFunc(t.Hops[i+1:], func(x gateway.Hop) bool { return x.Header.Digest == h.Digest }) {
		both = v.Pick("双方的存证，两者一致", "the evidence of both ends, which agrees")
	}
	return []ui.Fact{
		{Label: v.Pick("数据条数", "Rows"), Value: v.Number(h.Rows)},
		{Label: v.Pick("答复大小", "Size"), Value: v.Bytes(h.Bytes)},
		{Label: v.Pick("答复内容的散列（SHA-256）", "Digest of the answer (SHA-256)"), Value: h.Digest, Source: both},
	}
}

// maskTable says what of each granted item is shown.
func maskTable(v *ui.View, nm *staff.Names, t *gateway.Trace) ui.Table {
	out := ui.Table{Caption: v.Pick("脱敏规则", "Masks"), Columns: []ui.Column{{Label: v.Pick("数据项", "Item")}, {Label: v.Pick("脱敏方式", "What is shown")}}}
	if t.Terms == nil {
		return out
	}
	fields := make([]string, len(t.Terms.Fields))
	for i := range t.Terms.Fields {
		fields[i] = t.Terms.Fields[i].Name
	}
	for i, name := range nm.Items(t.Terms.Provider.Member, t.Terms.Resource, fields) {
		f := &t.Terms.Fields[i]
		if a := t.Asked; a != nil && len(a.Items) > 0 && !slices.Contains(a.Items, f.Name) {
			continue
		}
		word := staff.MaskWord(v, f.Mask)
		if f.Verify {
			word = v.Pick("只供核验，不显示内容", "for verification only")
		}
		out.Rows = append(out.Rows, []templ.Component{ui.Words(name), ui.Words(word)})
	}
	return out
}

// proofTable lists the facts with what checking them said.
func proofTable(v *ui.View, nm *staff.Names, t *gateway.Trace) ui.Table {
	out := ui.Table{
		Caption: v.Pick("存证", "Evidence"),
		Columns: []ui.Column{{Label: v.Pick("事实", "Fact")}, {Label: v.Pick("由谁签名", "Signed by")}, {Label: v.Pick("时间", "Time")}, {Label: v.Pick("核验", "Check")}},
	}
	for i := range t.Hops {
		h := &t.Hops[i]
		what := ui.Words(staff.Say(v, hopWords(), h.Fact.Kind) + v.Pick("（随答复送达，内含于需求部门存证）", " (came with the answer, kept in the using end's fact)"))
		if h.Name != "" {
			what = ui.Titled(ui.Link{Href: staff.FactPath(h.Name), Text: staff.Say(v, hopWords(), h.Fact.Kind)}, "")
		}
		out.Rows = append(out.Rows, []templ.Component{what, ui.Words(nm.Member(h.Fact.Log.Node)), ui.Instant(v, h.Fact.Time), ui.Chip(v, proofStatus(v, h.Errs))})
	}
	return out
}
