package console

import (
	"net/url"
	"slices"
	"strings"

	"github.com/a-h/templ"

	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/exchange/catalog"
	"github.com/kuayu/kuayu/support/policy"
	"github.com/kuayu/kuayu/web/staff"
	"github.com/kuayu/kuayu/web/ui"
)

// answerView is the form by which an application, or a change of use, is answered item by item.
type answerView struct {
	post   string
	offer  bool // other terms can be offered instead
	rows   []answerRow
	until  ui.Field
	bounds []ui.Field // row filter and quota
	open   bool       // they are set, or wrong
}

// answerRow is an item that was asked for, with the answer as far as it is filled in.
type answerRow struct {
	name, title, shown string
	personal, allowed  bool
	reason, fault      string
}

// asOffer is what the answer's second button says: that it is an offer of other terms.
const asOffer = "offer"

// asked is what an act answers.
func asked(n *agreement.Negotiation, act string) *agreement.Application {
	if act == actAnswerChange && n.Change != nil {
		return &n.Change.Application
	}
	return &n.Application
}

// answerOf is the form, with what was answered before if it was not taken.
func answerOf(v *ui.View, nm *staff.Names, n *agreement.Negotiation, act string, f url.Values, faults map[string]string) *answerView {
	a := asked(n, act)
	r := nm.Resource(n.Provider.Member, a.Resource)
	quota := a.Quota
	if n.Grant != nil && quota == (policy.Quota{}) {
		quota = n.Grant.Quota // of an answer that was returned, or of the terms that hold
	}
	x := &answerView{
		post: staff.CasePath(n.ID) + "/" + act, offer: act == actAnswer, rows: answerRows(v, nm, n, a, f, faults),
		until:  ui.Field{Name: "until", Kind: "day", Optional: true, Label: v.Pick("使用期限至", "Use until"), Hint: v.Pick("不填即按申请的 ", "As asked for if left empty: ") + v.Day(a.ValidUntil) + v.Pick("。", "."), Value: f.Get("until"), Error: faults["until"]},
		bounds: append(conditionFields(v, r, nil, f, faults), quotaFields(v, quota, f, faults)...),
	}
	for _, b := range x.bounds {
		x.open = x.open || b.Error != "" || (b.Kind == "text" && b.Value != "")
	}
	return x
}

// answerRows set what was asked for against what is allowed.
func answerRows(v *ui.View, nm *staff.Names, n *agreement.Negotiation, a *agreement.Application, f url.Values, faults map[string]string) []answerRow {
	titles := nm.Items(n.Provider.Member, a.Resource, a.Fields)
	r := nm.Resource(n.Provider.Member, a.Resource)
	out := make([]answerRow, len(titles))
	for i, name := range a.Fields {
		out[i] = answerRow{name: name, title: titles[i], allowed: f == nil || slices.Contains(f["allowed"], name), reason: f.Get(reasonName(name)), fault: faults[name]}
		if it := itemOf(r, name); it != nil {
			out[i].shown, out[i].personal = staff.ItemShown(v, it)+v.Pick("，", ", ")+staff.GradeWord(v, it.Grade), it.Subject || it.Personal
		}
	}
	return out
}

// answerTable is what was asked for against what is allowed, a line for each item.
func answerTable(v *ui.View, rows []answerRow) ui.Table {
	t := ui.Table{
		Caption: v.Pick("逐项答复", "Answer item by item"),
		Columns: []ui.Column{{Label: v.Pick("申请的数据项", "Item asked for")}, {Label: v.Pick("将看到什么", "What will be seen")}, {Label: v.Pick("是否共享", "Granted")}, {Label: v.Pick("不予共享的理由", "Reason if it is not granted")}},
	}
	for i := range rows {
		r := &rows[i]
		t.Rows = append(t.Rows, []templ.Component{answerItem(v, r), ui.Words(r.shown), answerTick(v, r), answerReason(v, r)})
	}
	return t
}

// reasonName is the question of why an item is not granted.
func reasonName(item string) string { return "reason-" + item }

// grantOf reads an answer: what is ticked is granted, the rest refused with its reason.
func grantOf(v *ui.View, r *catalog.Resource, f url.Values) (agreement.Grant, map[string]string) {
	faults := map[string]string{}
	g := agreement.Grant{Fields: f["allowed"], Quota: quotaOf(v, f, faults), Filter: conditionsOf(v, r, f, faults)}
	for _, item := range f["asked"] {
		if !slices.Contains(g.Fields, item) {
			g.Refused = append(g.Refused, agreement.RefusedItem{Item: item, Reason: strings.TrimSpace(f.Get(reasonName(item)))})
		}
	}
	if s := strings.TrimSpace(f.Get("until")); s != "" {
		if g.ValidUntil = staff.EndOf(v, s); g.ValidUntil.IsZero() {
			faults["until"] = v.Pick("日期写作 2027-05-31。", "Write the date as 2027-05-31.")
		}
	}
	return g, faults
}

// granting reads the answer to a case.
func (c *Console) granting(q staff.Visit, id string, f url.Values) (agreement.Grant, error) {
	n, err := c.Cases.Get(q.Context(), q.Sess.Scope(), id)
	if err != nil {
		return agreement.Grant{}, err
	}
	g, faults := grantOf(q.V, c.Names(q).Resource(n.Provider.Member, n.Application.Resource), f)
	return g, faulty(faults)
}

// answer puts an answer to the head, or offers other terms.
func (c *Console) answer(q staff.Visit, id string, f url.Values) error {
	g, err := c.granting(q, id, f)
	if err != nil {
		return err
	}
	if f.Get("as") == asOffer {
		return only(c.Cases.CounterOffer(q.Context(), q.Sess, id, g))
	}
	return only(c.Cases.Answer(q.Context(), q.Sess, id, g))
}

func (c *Console) answerChange(q staff.Visit, id string, f url.Values) error {
	g, err := c.granting(q, id, f)
	if err != nil {
		return err
	}
	return only(c.Cases.ProposeChange(q.Context(), q.Sess, id, g))
}

// grantsOf are the items asked for against those of the answer; none before there is one.
func grantsOf(v *ui.View, nm *staff.Names, n *agreement.Negotiation) []ui.Granting {
	grant := n.Grant
	if grant == nil && n.Agreement != "" { // the applicant is told of what was refused only
		grant = &agreement.Grant{Fields: n.Application.Fields}
	}
	if grant == nil {
		return nil
	}
	var out []ui.Granting
	for _, x := range answerRows(v, nm, n, &n.Application, nil, nil) {
		g := ui.Granting{Item: x.title, Asked: x.shown, Sensitive: x.personal}
		if g.Asked == "" {
			g.Asked = v.Pick("使用", "use")
		}
		if slices.Contains(grant.Fields, x.name) {
			g.Allowed = g.Asked
		}
		for _, r := range grant.Refused {
			if r.Item == x.name {
				g.Reason = r.Reason
			}
		}
		out = append(out, g)
	}
	return out
}

// priorView is what there was before with an applicant.
type priorView struct {
	figures []ui.Figure
	table   ui.Table
	more    bool
}

// usedMonths is over how many months the use of earlier agreements is counted.
const usedMonths = 12

// priorOf is the record of the applicant here: what it asked for before, what became of it, how it was used.
func (c *Console) priorOf(q staff.Visit, nm *staff.Names, n *agreement.Negotiation) (*priorView, error) {
	p, err := c.Cases.Earlier(q.Context(), q.Sess.Scope(), n)
	if err != nil {
		return nil, err
	}
	v := q.V
	count := func(zh, en string, n int, s ui.Status) ui.Figure {
		return ui.Figure{Label: v.Pick(zh, en), Value: v.Number(int64(n)), Status: s}
	}
	stopped := ui.Status{Tone: ui.Good, Word: v.Pick("没有", "None")}
	if p.Stopped > 0 {
		stopped = ui.Status{Tone: ui.Warning, Word: v.Pick("请查看经过", "Look at what happened")}
	}
	x := &priorView{more: p.More, figures: []ui.Figure{
		count("此前申请", "Earlier applications", p.Applications, ui.Status{}), count("有效协议", "In force", p.InForce, ui.Status{}),
		count("未同意", "Refused", p.Refused, ui.Status{}), count("曾暂停或撤销", "Suspended or revoked", p.Stopped, stopped),
	}}
	x.table = ui.Table{
		Caption: v.Pick("最近的协议", "Latest agreements"),
		Columns: []ui.Column{{Label: v.Pick("数据资源", "Resource")}, {Label: v.Pick("近 12 个月调用", "Calls in 12 months"), Number: true}, {Label: v.Pick("数据条数", "Rows"), Number: true}, {Label: v.Pick("状态", "State")}},
	}
	since := c.Clock.Now().AddDate(0, -usedMonths, 0)
	for i := range p.Latest {
		e := &p.Latest[i]
		uses, err := c.Queries.Used(q.Context(), q.Sess.Scope(), e.Agreement, since, usesMost)
		if err != nil {
			return nil, err
		}
		calls, rows := int64(0), int64(0)
		for _, u := range uses {
			calls, rows = calls+u.Calls, rows+u.Rows
		}
		x.table.Rows = append(x.table.Rows, priorRow(v, nm, e, calls, rows))
	}
	return x, nil
}

func priorRow(v *ui.View, nm *staff.Names, e *agreement.Negotiation, calls, rows int64) []templ.Component {
	return []templ.Component{
		ui.Titled(ui.Link{Href: staff.CasePath(e.ID), Text: nm.Title(e)}, ""), ui.Words(v.Number(calls)), ui.Words(v.Number(rows)), ui.Chip(v, staff.StatusOf(v, e.State)),
	}
}
