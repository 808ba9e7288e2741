package console

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/exchange/catalog"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/policy"
	"github.com/kuayu/kuayu/web/staff"
	"github.com/kuayu/kuayu/web/ui"
)

// casesShown is how many lines a page of the list has.
const casesShown = 25

// cases lists the department's applications and agreements, latest first; the address says of which state and which end.
func (c *Console) cases(w http.ResponseWriter, q staff.Visit) error {
	p := q.URL.Query()
	state, role := agreement.State(p.Get("state")), agreement.Role(p.Get("side"))
	if (state != "" && !slices.Contains(agreement.States(), state)) || (role != "" && role != agreement.Consumer && role != agreement.Provider) {
		return agreement.ErrNoSuch.With()
	}
	list, next, err := c.Cases.Page(q.Context(), q.Sess.Scope(), agreement.PageQuery{State: state, Role: role, After: p.Get("after"), Limit: casesShown})
	if err != nil {
		return err
	}
	paging := ui.Paging{Shown: int64(len(list))}
	if p.Get("after") != "" {
		paging.First = q.V.Without("after")
	}
	if next != "" {
		paging.Next = q.V.With("after", next)
	}
	c.Show(w, q, http.StatusOK, staff.PathCases, ui.PageInfo{
		Title:  q.V.Pick("申请与协议", "Applications and agreements"),
		Crumbs: []ui.Link{staff.Home(q.V)},
	}, casesPage(q.V, caseFilters(q.V, state, role), caseTable(q.V, c.Names(q), list), paging))
	return nil
}

// oneCase shows an application or agreement: what it is for, where it stands, what happened.
func (c *Console) oneCase(w http.ResponseWriter, q staff.Visit) error {
	return c.showCase(w, q, "", nil, nil)
}

// caseView is what the page of a case shows.
type caseView struct {
	n        *agreement.Negotiation
	tabs     []ui.Tab
	timeline ui.Timeline
	offers   offers
	facts    []ui.Fact
	papers   []ui.Fact // what was missing, and what came
	changed  []ui.Difference
	grants   []ui.Granting
	bounds   []ui.Fact // what a grant adds to the application: filter, quota, time
	prior    *priorView
	answer   *answerView // what is asked for, to be answered; nil: not by this visitor, not now
	further  []ui.Link   // to what is settled on pages of its own
}

// showCase is the page of a case; taken, f and faults are an act that was not taken.
func (c *Console) showCase(w http.ResponseWriter, q staff.Visit, taken string, f url.Values, faults map[string]string) error {
	id := q.PathValue("id")
	n, err := c.Cases.Get(q.Context(), q.Sess.Scope(), id)
	if err != nil {
		return err
	}
	steps, err := c.Cases.History(q.Context(), q.Sess.Scope(), n.ID)
	if err != nil {
		return err
	}
	clocks, err := c.Clocks.Of(q.Context(), q.Sess.Scope(), "agreement/"+n.ID)
	if err != nil {
		return err
	}
	nm, v, status := c.Names(q), q.V, http.StatusOK
	if len(faults) > 0 {
		status = http.StatusBadRequest
	}
	x := caseView{
		n: n, tabs: caseTabs(v, n, staff.CasePath(n.ID)), timeline: timelineOf(v, nm, n, steps, clocks), offers: offersOf(q, n, taken, f, faults),
		facts: factsOf(v, nm, n), papers: paperFacts(v, n), changed: changeOf(v, nm, n), grants: grantsOf(v, nm, n), bounds: grantFacts(v, nm, n), further: furtherOf(q, n),
	}
	if n.Side == agreement.Provider && slices.Contains(openStates(), n.State) && n.Department == q.Sess.Department {
		if x.prior, err = c.priorOf(q, nm, n); err != nil {
			return err
		}
	}
	if x.offers.answer != "" {
		x.answer = answerOf(v, nm, n, x.offers.answer, f, faults)
	}
	c.Show(w, q, status, staff.PathCases, ui.PageInfo{
		Title:  nm.Title(n),
		Crumbs: []ui.Link{staff.Home(v), {Href: staff.PathCases, Text: v.Pick("申请与协议", "Applications and agreements")}},
		Action: printButton(v, n),
	}, casePage(v, x))
	return nil
}

// openStates are those in which the provider considers an answer.
func openStates() []agreement.State {
	return append(reviewed(), agreement.Supplement, agreement.ProvOfficeApproval, agreement.ChangeOfUse)
}

// caseTabs lead between how a case was handled and what was agreed.
func caseTabs(v *ui.View, n *agreement.Negotiation, here string) []ui.Tab {
	if n.Agreement == "" {
		return nil
	}
	out := []ui.Tab{{Href: staff.CasePath(n.ID), Text: v.Pick("办理", "Handling")}, {Href: agreementPath(n.ID), Text: v.Pick("协议", "Agreement")}}
	for i := range out {
		out[i].Current = out[i].Href == here
	}
	return out
}

// furtherOf leads on to what an agreement gives rise to.
func furtherOf(q staff.Visit, n *agreement.Negotiation) []ui.Link {
	var out []ui.Link
	if n.Department != q.Sess.Department || n.Agreement == "" || !q.Sess.Has(identity.DataOfficer, identity.OfficeHead) {
		return nil
	}
	if n.Side == agreement.Consumer && q.Sess.Has(identity.DataOfficer) {
		out = append(out, ui.Link{Href: staff.CasePath(n.ID) + "/correct", Text: q.V.Pick("记录有误，提出校核", "Report a wrong record")})
	}
	return append(out, ui.Link{Href: staff.CasePath(n.ID) + "/dispute", Text: q.V.Pick("提出争议", "Open a dispute")})
}

// factsOf are the particulars of an application.
func factsOf(v *ui.View, nm *staff.Names, n *agreement.Negotiation) []ui.Fact {
	a, and := &n.Application, v.Pick("、", ", ")
	facts := []ui.Fact{
		{Label: v.Pick("数据资源", "Resource"), Value: nm.Title(n)},
		{Label: v.Pick("需求部门", "Applicant"), Value: nm.Party(n.Consumer)},
		{Label: v.Pick("提供部门", "Provider"), Value: nm.Provider(n)},
		{Label: v.Pick("使用依据", "Basis"), Value: basisWord(v, a.Basis)},
		{Label: v.Pick("用途", "Purpose"), Value: staff.Purposes(v, a.Purposes)},
		{Label: v.Pick("使用场景", "Scenario"), Value: a.Scenario},
		{Label: v.Pick("使用范围", "Scope"), Value: a.Scope},
		{Label: v.Pick("共享方式", "Modes"), Value: modesWord(v, a.Modes)},
		{Label: v.Pick("数据项", "Items"), Value: strings.Join(nm.Items(n.Provider.Member, a.Resource, a.Fields), and)},
	}
	if a.Filter != nil {
		facts = append(facts, ui.Fact{Label: v.Pick("只要符合条件的数据", "Only rows where"), Value: filterWord(v, nm, n.Provider.Member, a.Resource, a.Filter)})
	}
	if a.Quota != (policy.Quota{}) {
		facts = append(facts, ui.Fact{Label: v.Pick("用量", "Amount"), Value: quotaWord(v, a.Quota)})
	}
	facts = append(facts, ui.Fact{Label: v.Pick("使用期限至", "Until"), Value: v.Day(a.ValidUntil)})
	if a.Continues != "" {
		facts = append(facts, ui.Fact{Label: v.Pick("续期", "Renewal"), Value: v.Pick("续签原协议", "of an earlier agreement")})
	}
	if r := said(n.Reason); r != "" {
		facts = append(facts, ui.Fact{Label: v.Pick("理由", "Reason"), Value: r})
	}
	return facts
}

func basisWord(v *ui.View, b policy.Basis) string {
	if b.Kind == "consent" {
		return staff.Word(v, b.Kind)
	}
	return b.Citation
}

func modesWord(v *ui.View, modes []policy.Mode) string {
	out := make([]string, len(modes))
	for i, m := range modes {
		out[i] = staff.Word(v, string(m))
	}
	return strings.Join(out, v.Pick("、", ", "))
}

// paperFacts are what was missing of an application, more time that was asked for, a suspension, and the end of the data.
func paperFacts(v *ui.View, n *agreement.Negotiation) []ui.Fact {
	var out []ui.Fact
	add := func(zh, en, value string) {
		if value != "" {
			out = append(out, ui.Fact{Label: v.Pick(zh, en), Value: value})
		}
	}
	if p := n.Supplement; p != nil {
		for _, m := range p.Missing {
			add("须补正", "To be supplied", m.Item+v.Pick("（", " (")+m.Why+v.Pick("）", ")"))
		}
		if p.Supply != nil {
			for _, t := range p.Supply.Texts {
				add("补正内容", "Supplied", t.Item+v.Pick("：", ": ")+t.Text)
			}
		}
	}
	if x := n.Extension; x != nil {
		add("申请延期", "More time asked for", v.Number(int64(x.Days))+v.Pick(" 个工作日：", " working days: ")+x.Reason)
		add("未同意延期的理由", "Why it was refused", x.Declined)
		if !x.Until.IsZero() {
			add("延期后的答复期限", "The answer is due", v.Day(x.Until))
		}
	}
	if s := n.Suspension; s != nil {
		add("暂停理由", "Why it was suspended", s.Reason)
		add("须整改的内容", "To be put right", s.What)
		if !s.RectifyBy.IsZero() {
			add("整改期限", "By", v.Day(s.RectifyBy))
		}
		add("整改报告", "Report", s.Report)
		add("恢复时的核实情况", "Finding", s.Finding)
	}
	if d := n.Disposing; d != nil {
		add("数据处置要求", "Disposal ordered", d.Order.Method+v.Pick("；", "; ")+d.Order.Scope)
		if !d.Order.By.IsZero() {
			add("处置期限", "Disposal by", v.Day(d.Order.By))
		}
		if c := d.Certificate; c != nil {
			add("销毁证明", "Certificate", c.Method+v.Pick("；", "; ")+c.Scope+v.Pick("；责任人 ", "; officer ")+c.Officer+v.Pick("；", "; ")+v.Day(c.Date))
		}
	}
	return out
}

// changeOf is a change of use that waits, against the terms that hold.
func changeOf(v *ui.View, nm *staff.Names, n *agreement.Negotiation) []ui.Difference {
	if !changing(n, agreement.ChangeDrafted, agreement.ChangeRequested, agreement.ChangeProposed) {
		return nil
	}
	to := *n
	to.Application, to.Reason = n.Change.Application, ""
	out := []ui.Difference{{Field: v.Pick("变更理由", "Why"), After: n.Change.Reason}}
	before := map[string]string{}
	for _, f := range factsOf(v, nm, n) {
		before[f.Label] = f.Value
	}
	for _, f := range factsOf(v, nm, &to) {
		if was := before[f.Label]; was != f.Value {
			out = append(out, ui.Difference{Field: f.Label, Before: was, After: f.Value})
		}
	}
	return out
}

// grantFacts are what the answer adds to the application.
func grantFacts(v *ui.View, nm *staff.Names, n *agreement.Negotiation) []ui.Fact {
	g := n.Grant
	if g == nil || n.Agreement != "" { // what was agreed has a page of its own
		return nil
	}
	var out []ui.Fact
	if g.Filter != nil {
		out = append(out, ui.Fact{Label: v.Pick("限于符合条件的数据", "Only rows where"), Value: filterWord(v, nm, n.Provider.Member, n.Application.Resource, g.Filter)})
	}
	if g.Quota != (policy.Quota{}) {
		out = append(out, ui.Fact{Label: v.Pick("用量上限", "Bounds"), Value: quotaWord(v, g.Quota)})
	}
	if !g.ValidUntil.IsZero() {
		out = append(out, ui.Fact{Label: v.Pick("同意的使用期限至", "Granted until"), Value: v.Day(g.ValidUntil)})
	}
	return out
}

func itemOf(r *catalog.Resource, name string) *catalog.Item {
	if r == nil {
		return nil
	}
	return r.Item(name)
}

// caseFilters choose a state and an end.
func caseFilters(v *ui.View, state agreement.State, role agreement.Role) []ui.Filter {
	f := ui.Filter{Key: "state", Label: v.Pick("状态", "State"), Value: string(state)}
	for _, s := range agreement.States() {
		f.Options = append(f.Options, ui.Option{Value: string(s), Label: staff.StatusOf(v, s).Word})
	}
	return []ui.Filter{f, {Key: "side", Label: v.Pick("本部门是", "This department"), Value: string(role), Options: []ui.Option{
		{Value: string(agreement.Consumer), Label: v.Pick("需求部门", "applies")}, {Value: string(agreement.Provider), Label: v.Pick("提供部门", "provides")},
	}}}
}
