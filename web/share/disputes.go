package share

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/a-h/templ"

	"github.com/kuayu/kuayu/exchange/objection"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/policy"
	"github.com/kuayu/kuayu/web/staff"
	"github.com/kuayu/kuayu/web/ui"
)

func disputePath(id string) string { return pathDisputes + "/" + url.PathEscape(id) }

// stageWord is a stage as a chip, whose turn it is, and what comes next.
func stageWord(v *ui.View, s objection.Stage) (ui.Status, string, string) {
	w := map[objection.Stage]struct {
		tone             ui.Tone
		word, whose, say staff.Pair
	}{
		objection.Negotiating:      {ui.Notice, staff.Pair{"协商中", "Negotiating"}, staff.Pair{"双方", "Both sides"}, staff.Pair{"协商和解；不成的提交主管部门。", "Settle it, or take it to the authority."}},
		objection.AtAuthority:      {ui.Warning, staff.Pair{"主管部门处理中", "At the authority"}, staff.Pair{"主管部门", "The authority"}, staff.Pair{"主管部门登记裁决。", "The authority records its ruling."}},
		objection.AuthorityRuled:   {ui.Notice, staff.Pair{"主管部门已裁决", "Ruled by the authority"}, staff.Pair{"另一方", "The other side"}, staff.Pair{"确认收到，或提请同级人民政府决定。", "Acknowledge it, or ask the people's government."}},
		objection.AuthorityClosed:  {ui.Good, staff.Pair{"裁决已确认", "Ruling acknowledged"}, staff.Pair{"双方", "Both sides"}, staff.Pair{"照裁决办理；仍有异议的可提请人民政府决定。", "Do as ruled; the government may still be asked."}},
		objection.AtGovernment:     {ui.Warning, staff.Pair{"人民政府处理中", "At the government"}, staff.Pair{"人民政府", "The people's government"}, staff.Pair{"主管部门登记人民政府的决定。", "The authority records the government's decision."}},
		objection.GovernmentRuled:  {ui.Notice, staff.Pair{"人民政府已决定", "Decided by the government"}, staff.Pair{"另一方", "The other side"}, staff.Pair{"确认收到决定。", "Acknowledge the decision."}},
		objection.GovernmentClosed: {ui.Good, staff.Pair{"已终结", "Closed"}, staff.Pair{"无", "no one"}, staff.Pair{"照决定办理。", "Do as decided."}},
		objection.Settled:          {ui.Good, staff.Pair{"已和解", "Settled"}, staff.Pair{"无", "no one"}, staff.Pair{"照和解条件办理。", "Do as agreed."}},
	}[s]
	return ui.Status{Tone: w.tone, Word: w.word.In(v)}, w.whose.In(v), w.say.In(v)
}

// disputes lists the department's disputes; for the authority, those of all departments.
func (s *Share) disputes(w http.ResponseWriter, q staff.Visit) error {
	v := q.V
	list, cursor, err := s.Objections.Disputes(q.Context(), q.Sess.Scope(), q.URL.Query().Get("after"), shown)
	if err != nil {
		return err
	}
	nm := s.Names(q)
	t := ui.Table{
		Caption: v.Pick("争议", "Disputes"), Columns: []ui.Column{{Label: v.Pick("主张", "Claim")}, {Label: v.Pick("提出方", "Opened by")}, {Label: v.Pick("另一方", "Other side")}, {Label: v.Pick("最近变动", "Changed")}, {Label: v.Pick("状态", "State")}},
		Empty: ui.State{Kind: ui.Empty, Title: v.Pick("没有争议", "No disputes"), Text: v.Pick("对申请、协议或校核结果有争议的，在其页面提出：先协商，不成的由共同的上级主管部门裁决（809 号令第二十八条）。", "A dispute about an application, agreement or correction is opened on its page: negotiation first, then the authority above both (Decree 809 art. 28)."), Next: ui.Link{Href: staff.PathDisputes, Text: v.Pick("查看校核申请", "See the corrections")}},
	}
	for i := range list {
		d := &list[i]
		st, _, _ := stageWord(v, d.State)
		t.Rows = append(t.Rows, []templ.Component{ui.Titled(ui.Link{Href: disputePath(d.ID), Text: clip(d.Claim)}, s.matterLink(q, nm, d.Matter).Text), ui.Words(nm.Party(d.Opener)), ui.Words(nm.Party(d.Respondent)), ui.Moment(v, d.Updated), ui.Chip(v, st)})
	}
	s.Show(w, q, http.StatusOK, staff.PathDisputes, ui.PageInfo{
		Title: v.Pick("争议", "Disputes"), Lead: v.Pick("部门之间关于共享的争议，从协商到裁决。", "Disputes between departments, from negotiation to a ruling."), Crumbs: []ui.Link{staff.Home(v), {Href: staff.PathDisputes, Text: v.Pick("校核与争议", "Corrections")}},
	}, listPage(v, v.Pick("校核与争议各页", "Pages about corrections"), objectionTabs(v, pathDisputes), v.Pick("最近变动在前", "Latest first"), nil, t, onward(v, len(list), cursor)))
	return nil
}

// clip is the beginning of a text, for a line of a list.
func clip(s string) string {
	const most = 40
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}

// disputeForm opens a dispute about a matter.
func disputeForm(v *ui.View, kind, id string) form {
	return form{
		word: v.Pick("提出争议", "Open a dispute"), post: pathDisputes, text: v.Pick("先由双方协商；协商不成的，提交共同的上级主管部门（809 号令第二十八条）。", "It begins with negotiation; then the authority above both sides (Decree 809 art. 28)."),
		hidden: [][2]string{{"kind", kind}, {"matter", id}}, fields: []ui.Field{{Name: "claim", Kind: "textarea", Label: v.Pick("主张和理由", "What is wanted, and why")}},
	}
}

// disputing is the page on which a dispute about an application or agreement is opened.
func (s *Share) disputing(w http.ResponseWriter, q staff.Visit) error {
	return s.askDispute(w, q, "application", q.PathValue("id"), url.Values{}, nil)
}

func (s *Share) askDispute(w http.ResponseWriter, q staff.Visit, kind, id string, f url.Values, faults map[string]string) error {
	v, status := q.V, http.StatusOK
	if len(faults) > 0 {
		status = http.StatusBadRequest
	}
	if err := q.Sess.Require(identity.DataOfficer, identity.OfficeHead); err != nil {
		return err
	}
	if kind != "correction" {
		if _, err := s.Cases.Get(q.Context(), ownScope(q), id); err != nil {
			return err
		}
	}
	x := disputeForm(v, kind, id)
	for i := range x.fields {
		x.fields[i].Value, x.fields[i].Error = f.Get(x.fields[i].Name), faults[x.fields[i].Name]
	}
	s.Show(w, q, status, staff.PathDisputes, ui.PageInfo{
		Title: x.word, Lead: x.text, Crumbs: []ui.Link{staff.Home(v), {Href: pathDisputes, Text: v.Pick("争议", "Disputes")}, s.matterLink(q, s.Names(q), objection.Matter{Kind: kind, ID: id})},
	}, disputeAsked(v, x))
	return nil
}

func (s *Share) openDispute(w http.ResponseWriter, q staff.Visit) error {
	f, err := staff.Form(w, q)
	if err != nil {
		return err
	}
	m := objection.Matter{Kind: f.Get("kind"), ID: f.Get("matter")}
	d, err := s.Objections.Open(q.Context(), q.Sess, objection.Opening{Matter: m, Claim: strings.TrimSpace(f.Get("claim"))})
	if faults, ok := wrongAt(q.V, err, "claim"); ok {
		return s.askDispute(w, q, m.Kind, m.ID, f, faults)
	}
	if err != nil {
		return settled(err)
	}
	return staff.Done(w, q, disputePath(d.ID), "open")
}

// disputeView is what the page of a dispute shows.
type disputeView struct {
	state    ui.Status
	timeline ui.Timeline
	facts    []ui.Fact
	matter   ui.Link
	sides    [2]papers
	ruling   []ui.Fact
	acts     []ui.Question
	forms    []form
}

// papers are what one side put forward.
type papers struct {
	title string
	list  []objection.Paper
	kept  string // the proposal both agreed on
}

func (s *Share) dispute(w http.ResponseWriter, q staff.Visit) error {
	return s.showDispute(w, q, "", url.Values{}, nil)
}

func (s *Share) showDispute(w http.ResponseWriter, q staff.Visit, act string, f url.Values, faults map[string]string) error {
	v, status := q.V, http.StatusOK
	if len(faults) > 0 {
		status = http.StatusBadRequest
	}
	d, err := s.Objections.Dispute(q.Context(), q.Sess.Scope(), q.PathValue("id"))
	if err != nil {
		return err
	}
	nm := s.Names(q)
	x := disputeView{matter: s.matterLink(q, nm, d.Matter), acts: disputeActs(q, d), forms: disputeForms(q, d, act, f, faults)}
	t := ui.Timeline{Label: clip(d.Claim), Events: caseEvents(v, nm, d.Steps)}
	t.State, t.Whose, t.Next = stageWord(v, d.State)
	x.state, x.timeline = t.State, t
	level := map[string]staff.Pair{"county": {"县级", "of the county"}, "city": {"市级", "of the city"}, "province": {"省级", "of the province"}, "nation": {"国家", "of the nation"}}[d.Resolver.Level]
	x.facts = []ui.Fact{
		{Label: v.Pick("提出方", "Opened by"), Value: nm.Party(d.Opener)},
		{Label: v.Pick("另一方", "Other side"), Value: nm.Party(d.Respondent)},
		{Label: v.Pick("主张和理由", "Claim"), Value: d.Claim},
		{Label: v.Pick("协商不成的，由谁裁决", "Who rules if it is not settled"), Value: level.In(v) + v.Pick("主管部门", " authority")},
	}
	if r := d.Ruling; r != nil {
		x.ruling = []ui.Fact{{Label: v.Pick("文号", "Document"), Value: r.Reference}, {Label: v.Pick("裁决", "Ruling"), Value: r.Text}, {Label: v.Pick("登记时间", "Recorded"), Value: v.Minute(r.Time)}}
	}
	x.sides[0].title, x.sides[1].title = nm.Party(d.Opener), nm.Party(d.Respondent)
	for _, p := range d.Papers {
		at := 0
		if p.Side == objection.Respondent {
			at = 1
		}
		x.sides[at].list, x.sides[at].kept = append(x.sides[at].list, p), d.Settlement
	}
	s.Show(w, q, status, staff.PathDisputes, ui.PageInfo{
		Title: v.Pick("争议：", "Dispute: ") + clip(d.Claim), Crumbs: []ui.Link{staff.Home(v), {Href: pathDisputes, Text: v.Pick("争议", "Disputes")}},
	}, disputePage(v, d.ID, x, doneObjection(v)))
	return nil
}

// mine is the department of this end.
func mine(d *objection.Dispute) policy.Party {
	if d.Side == objection.Opener {
		return d.Opener
	}
	return d.Respondent
}

// can reports whether a dispute is where an act is possible.
func can(d *objection.Dispute, a objection.Act) bool {
	return objection.DisputeTable().Allows(d.State, a, nil)
}

func disputeActs(q staff.Visit, d *objection.Dispute) []ui.Question {
	v := q.V
	var out []ui.Question
	if !owns(q, mine(d).Department, identity.OfficeHead) {
		return nil
	}
	if can(d, objection.Accept) {
		for _, p := range d.Papers {
			if p.Proposal && p.Side != d.Side {
				out = append(out, ui.Question{Act: v.Pick("接受条件：", "Accept: ") + clip(p.Text), Text: v.Pick("接受后争议即和解，双方照此办理。", "The dispute is settled; both sides do as agreed."), Post: disputePath(d.ID) + "/accept", Hidden: map[string]string{"proposal": p.ID}})
			}
		}
	}
	if can(d, objection.Acknowledge) && d.Ruling != nil && d.Ruling.Recorded != d.Side {
		out = append(out, ui.Question{Act: v.Pick("确认收到裁决", "Acknowledge the ruling"), Text: v.Pick("确认后照裁决办理。", "Then do as ruled."), Post: disputePath(d.ID) + "/acknowledge"})
	}
	if can(d, objection.Escalate) {
		out = append(out, ui.Question{Act: v.Pick("提交上一级处理", "Take it one step up"), Text: v.Pick("协商不成提交主管部门；对裁决有异议提请人民政府。", "To the authority if it is not settled; to the government against a ruling."), Post: disputePath(d.ID) + "/escalate", Reason: v.Pick("理由", "Reason")})
	}
	return out
}

func disputeForms(q staff.Visit, d *objection.Dispute, act string, f url.Values, faults map[string]string) []form {
	v := q.V
	var out []form
	add := func(name string, x form) {
		x.post = disputePath(d.ID) + "/" + name
		out = append(out, x.filled(act == name, f, faults))
	}
	if owns(q, mine(d).Department, identity.DataOfficer, identity.OfficeHead) && can(d, objection.AddPaper) {
		add("paper", form{word: v.Pick("补充材料", "Put a paper forward"), fields: []ui.Field{{Name: "text", Kind: "textarea", Label: v.Pick("内容", "What is put forward")}}})
	}
	if owns(q, mine(d).Department, identity.OfficeHead) && can(d, objection.Propose) {
		add("propose", form{word: v.Pick("提出和解条件", "Propose terms"), text: v.Pick("对方接受后即和解。", "The dispute is settled when the other side accepts."), fields: []ui.Field{{Name: "terms", Kind: "textarea", Label: v.Pick("条件", "Terms")}}})
	}
	if q.Sess.Has(identity.Authority) && can(d, objection.Rule) {
		add("ruling", form{word: v.Pick("登记裁决", "Record the ruling"), text: v.Pick("登记裁决文书，送达双方。", "The document is recorded and goes to both sides."), fields: []ui.Field{{Name: "reference", Kind: "text", Label: v.Pick("文号", "Number of the document")}, {Name: "ruling", Kind: "textarea", Label: v.Pick("裁决内容", "What was decided")}}})
	}
	return out
}

// disputeAct does one thing to a dispute. The package checks role, department and stage.
func (s *Share) disputeAct(w http.ResponseWriter, q staff.Visit) error {
	f, err := staff.Form(w, q)
	if err != nil {
		return err
	}
	id, act := q.PathValue("id"), q.PathValue("act")
	get := func(name string) string { return strings.TrimSpace(f.Get(name)) }
	at, field := "", "" // the question on the page, and what the package calls it
	switch act {
	case "paper":
		at, field = "text", "text"
		_, err = s.Objections.AddPaper(q.Context(), q.Sess, id, objection.Statement{Text: get("text")})
	case "propose":
		at, field = "terms", "text"
		_, err = s.Objections.Propose(q.Context(), q.Sess, id, objection.Statement{Text: get("terms")})
	case "accept":
		_, err = s.Objections.Accept(q.Context(), q.Sess, id, get("proposal"))
	case "escalate":
		_, err = s.Objections.Escalate(q.Context(), q.Sess, id, get("reason"))
	case "ruling":
		at, field = "ruling", "text"
		_, err = s.Objections.Rule(q.Context(), q.Sess, id, objection.Decision{Reference: get("reference"), Text: get("ruling")})
	case "acknowledge":
		_, err = s.Objections.Acknowledge(q.Context(), q.Sess, id)
	default:
		err = staff.ErrNoAct.With()
	}
	if faults, ok := wrongAt(q.V, err, at); ok {
		if faults[field] != "" {
			faults[at] = faults[field]
		}
		return s.showDispute(w, q, act, f, faults)
	}
	if err != nil {
		return settled(err)
	}
	return staff.Done(w, q, disputePath(id), act)
}

func doneObjection(v *ui.View) string {
	done := v.URL.Query().Get("done")
	if !slices.Contains([]string{"report", "answer", "open", "paper", "propose", "accept", "escalate", "ruling", "acknowledge"}, done) {
		return ""
	}
	return map[string]string{
		"report":      v.Pick("校核申请已发出，提供部门十个工作日内反馈；办件照常进行。", "Reported. The provider answers within 10 working days; the case goes on."),
		"answer":      v.Pick("核查结果已反馈。", "The finding goes to who reported it."),
		"open":        v.Pick("争议已提出，送达另一方。", "The dispute is opened, and on its way to the other side."),
		"paper":       v.Pick("材料已送达另一方。", "The paper goes to the other side."),
		"propose":     v.Pick("和解条件已送达另一方。", "The terms go to the other side."),
		"accept":      v.Pick("争议已和解。", "The dispute is settled."),
		"escalate":    v.Pick("已提交上一级处理。", "It is one step up."),
		"ruling":      v.Pick("裁决已登记，送达双方。", "The ruling is recorded and goes to both sides."),
		"acknowledge": v.Pick("已确认收到裁决。", "The ruling is acknowledged."),
	}[done]
}
