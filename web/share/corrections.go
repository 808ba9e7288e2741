package share

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/exchange/objection"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/policy"
	"github.com/kuayu/kuayu/support/process"
	"github.com/kuayu/kuayu/web/staff"
	"github.com/kuayu/kuayu/web/ui"
)

// Objections are corrections and disputes. objection.Service is one.
type Objections interface {
	Report(ctx context.Context, sess *identity.Session, id string, r objection.CorrectionRequest) (*objection.Correction, error)
	Corrections(ctx context.Context, sc db.Scope, after string, limit int) ([]objection.Correction, string, error)
	Correction(ctx context.Context, sc db.Scope, id string) (*objection.Correction, error)
	Answer(ctx context.Context, sess *identity.Session, id string, d objection.CorrectionAnswer) (*objection.Correction, error)
	Refetches(ctx context.Context, sc db.Scope, done bool, limit int) ([]objection.Refetch, error)
	Refetched(ctx context.Context, sess *identity.Session, id string) (*objection.Refetch, error)
	Open(ctx context.Context, sess *identity.Session, o objection.Opening) (*objection.Dispute, error)
	Disputes(ctx context.Context, sc db.Scope, after string, limit int) ([]objection.Dispute, string, error)
	Dispute(ctx context.Context, sc db.Scope, id string) (*objection.Dispute, error)
	AddPaper(ctx context.Context, sess *identity.Session, id string, t objection.Statement) (*objection.Dispute, error)
	Propose(ctx context.Context, sess *identity.Session, id string, t objection.Statement) (*objection.Dispute, error)
	Accept(ctx context.Context, sess *identity.Session, id, proposal string) (*objection.Dispute, error)
	Escalate(ctx context.Context, sess *identity.Session, id, reason string) (*objection.Dispute, error)
	Rule(ctx context.Context, sess *identity.Session, id string, x objection.Decision) (*objection.Dispute, error)
	Acknowledge(ctx context.Context, sess *identity.Session, id string) (*objection.Dispute, error)
}

func correctionPath(id string) string { return staff.PathDisputes + "/" + url.PathEscape(id) }

// objectionTabs are the pages about what is wrong and what is disputed.
func objectionTabs(v *ui.View, here string) []ui.Tab {
	tabs := []ui.Tab{
		{Href: staff.PathDisputes, Text: v.Pick("校核申请", "Corrections")},
		{Href: pathDisputes, Text: v.Pick("争议", "Disputes")},
		{Href: pathRefetches, Text: v.Pick("须重新获取", "Re-fetch required")},
	}
	for i := range tabs {
		tabs[i].Current = tabs[i].Href == here
	}
	return tabs
}

// correctionWord is a state as a chip, whose turn it is, and what comes next.
func correctionWord(v *ui.View, s objection.State) (ui.Status, string, string) {
	w := map[objection.State]struct {
		tone             ui.Tone
		word, whose, say staff.Pair
	}{
		objection.Sent:       {ui.Notice, staff.Pair{"已发出", "Sent"}, staff.Pair{"提供部门的节点", "The provider's node"}, staff.Pair{"等待提供部门的节点签收。", "The provider's node acknowledges it."}},
		objection.Verifying:  {ui.Warning, staff.Pair{"核查中", "Being verified"}, staff.Pair{"提供部门数据专员", "The provider's officer"}, staff.Pair{"十个工作日内反馈核查结果（809 号令第二十六条）。", "Answered within 10 working days (Decree 809 art. 26)."}},
		objection.Corrected:  {ui.Good, staff.Pair{"已更正", "Corrected"}, staff.Pair{"需求部门", "The user"}, staff.Pair{"重新获取更正后的记录。", "Ask for the corrected record again."}},
		objection.Withdrawn:  {ui.Good, staff.Pair{"记录已撤下", "Record withdrawn"}, staff.Pair{"需求部门", "The user"}, staff.Pair{"不再使用该记录。", "Do not use the record any more."}},
		objection.Maintained: {ui.Neutral, staff.Pair{"维持原值", "Maintained"}, staff.Pair{"需求部门", "The user"}, staff.Pair{"接受理由，或提出争议。", "Accept the reasons, or open a dispute."}},
		objection.Undone:     {ui.Bad, staff.Pair{"对方未接收", "Not taken"}, staff.Pair{"需求部门", "The user"}, staff.Pair{"核对协议后重新提出。", "Check the agreement and report it again."}},
	}[s]
	return ui.Status{Tone: w.tone, Word: w.word.In(v)}, w.whose.In(v), w.say.In(v)
}

// entryName is a resource's title, known or not.
func entryName(v *ui.View, nm *staff.Names, member, code string) string {
	if e := nm.Entry(member, code); e != nil {
		return e.Name
	}
	return v.Pick("数据资源（编码 ", "Resource (code ") + code + v.Pick("）", ")")
}

// itemNamed is an item's title; a code where the title is not known.
func itemNamed(nm *staff.Names, member, code, item string) string {
	return nm.Items(member, code, []string{item})[0]
}

// corrections lists records that were reported wrong, by this department and to it.
func (s *Share) corrections(w http.ResponseWriter, q staff.Visit) error {
	v := q.V
	list, cursor, err := s.Objections.Corrections(q.Context(), q.Sess.Scope(), q.URL.Query().Get("after"), shown)
	if err != nil {
		return err
	}
	nm := s.Names(q)
	t := ui.Table{
		Caption: v.Pick("校核申请", "Corrections"), Columns: []ui.Column{{Label: v.Pick("数据资源", "Resource")}, {Label: v.Pick("提出部门", "Reported by")}, {Label: v.Pick("提供部门", "Provider")}, {Label: v.Pick("最近变动", "Changed")}, {Label: v.Pick("状态", "State")}},
		Empty: ui.State{Kind: ui.Empty, Title: v.Pick("没有校核申请", "No corrections"), Text: v.Pick("使用中发现记录有误的，在对应协议的页面选择“提出校核”。提供部门十个工作日内反馈，办件照常进行。", "When a record turns out to be wrong, report it from its agreement. The provider answers within 10 working days; the case goes on."), Next: ui.Link{Href: staff.PathCases + "?state=" + string(agreement.Active), Text: v.Pick("查看有效协议", "See agreements in force")}},
	}
	for i := range list {
		c := &list[i]
		st, _, _ := correctionWord(v, c.State)
		t.Rows = append(t.Rows, []templ.Component{
			ui.Titled(ui.Link{Href: correctionPath(c.ID), Text: entryName(v, nm, c.Provider.Member, c.Resource)}, c.Report.Reason), ui.Words(nm.Party(c.Consumer)), ui.Words(nm.Party(c.Provider)), ui.Moment(v, c.Updated), ui.Chip(v, st),
		})
	}
	s.Show(w, q, http.StatusOK, staff.PathDisputes, ui.PageInfo{
		Title: v.Pick("校核申请", "Corrections"), Lead: v.Pick("使用中发现有误的记录，和对它的核查结果。", "Records that turned out to be wrong, and what became of them."), Crumbs: []ui.Link{staff.Home(v)},
	}, listPage(v, v.Pick("校核与争议各页", "Pages about corrections"), objectionTabs(v, staff.PathDisputes), v.Pick("最近变动在前", "Latest first"), nil, t, onward(v, len(list), cursor)))
	return nil
}

// reporting is the page on which a record of an agreement is reported wrong.
func (s *Share) reporting(w http.ResponseWriter, q staff.Visit) error {
	return s.askReport(w, q, url.Values{}, nil)
}

func (s *Share) askReport(w http.ResponseWriter, q staff.Visit, f url.Values, faults map[string]string) error {
	v, status := q.V, http.StatusOK
	if len(faults) > 0 {
		status = http.StatusBadRequest
	}
	if err := q.Sess.Require(identity.DataOfficer); err != nil {
		return err
	}
	n, terms, err := s.granted(q)
	if err != nil {
		return err
	}
	nm := s.Names(q)
	items := []ui.Option{{Value: "", Label: v.Pick("请选择", "Choose one")}}
	for i := range terms.Fields {
		name := terms.Fields[i].Name
		items = append(items, ui.Option{Value: name, Label: itemNamed(nm, n.Provider.Member, n.Application.Resource, name)})
	}
	fields := []ui.Field{
		{Name: "key", Kind: "select", Label: v.Pick("标识项", "Which item names the record"), Options: items, Hint: v.Pick("例如统一社会信用代码。", "A credit code, for example.")},
		{Name: "value", Kind: "text", Label: v.Pick("它的值", "Its value"), Autocomplete: "off"},
		{Name: "item", Kind: "select", Label: v.Pick("哪个数据项有误", "Which item is wrong"), Options: items},
		{Name: "received", Kind: "text", Label: v.Pick("收到的值", "Received")},
		{Name: "claimed", Kind: "text", Label: v.Pick("应为", "Should be")},
		{Name: "reason", Kind: "textarea", Label: v.Pick("理由", "Reasons")},
		{Name: "evidence", Kind: "text", Optional: true, Label: v.Pick("依据材料", "What speaks for it")},
		{Name: "case", Kind: "text", Optional: true, Label: v.Pick("所涉办件编号", "Case it is needed for"), Hint: v.Pick("校核期间办件照常进行。", "The case goes on meanwhile.")},
		{Name: "person", Kind: "check", Optional: true, Label: v.Pick("代谁提出", "On whose behalf"), Options: []ui.Option{{Value: "yes", Label: v.Pick("代当事人提出", "The person concerned asked for it")}}},
	}
	for i := range fields {
		x := &fields[i]
		if x.Error = faults[x.Name]; x.Kind == "check" {
			x.Values = f[x.Name]
		} else {
			x.Value = f.Get(x.Name)
		}
	}
	s.Show(w, q, status, staff.PathDisputes, ui.PageInfo{
		Title: v.Pick("提出校核", "Report a wrong record"), Lead: nm.Title(n) + v.Pick("（", " (") + nm.Provider(n) + v.Pick("）", ")"),
		Crumbs: []ui.Link{staff.Home(v), {Href: staff.PathCases, Text: v.Pick("申请与协议", "Applications and agreements")}, {Href: staff.CasePath(n.ID), Text: nm.Title(n)}},
	}, reportPage(v, correctPath(n.ID), fields, v.Pick("送提供部门核查", "Send it to the provider")))
	return nil
}

// correctPath is where a record got under an agreement is reported wrong.
func correctPath(id string) string { return staff.CasePath(id) + "/correct" }

// granted is the agreement a page is about, with what it grants.
func (s *Share) granted(q staff.Visit) (*agreement.Negotiation, *policy.Terms, error) {
	n, err := s.Cases.Get(q.Context(), ownScope(q), q.PathValue("id"))
	if err != nil {
		return nil, nil, err
	}
	b, err := s.Cases.Bytes(q.Context(), ownScope(q), n.ID)
	if err != nil {
		return nil, nil, agreement.ErrNotInForce.Because(err) // it has not come to an agreement
	}
	t, err := policy.DecodeAgreement(b)
	return n, t, err
}

func (s *Share) report(w http.ResponseWriter, q staff.Visit) error {
	f, err := staff.Form(w, q)
	if err != nil {
		return err
	}
	n, err := s.Cases.Get(q.Context(), ownScope(q), q.PathValue("id"))
	if err != nil {
		return err
	}
	get := func(name string) string { return strings.TrimSpace(f.Get(name)) }
	c, err := s.Objections.Report(q.Context(), q.Sess, n.Agreement, objection.CorrectionRequest{
		Key: policy.Predicate{Op: policy.Eq, Item: get("key"), Values: []policy.Value{policy.Str(get("value"))}}, Reason: get("reason"), Evidence: get("evidence"), Case: get("case"), Person: f.Get("person") == "yes",
		Items: []objection.WrongItem{{Item: get("item"), Received: get("received"), Claimed: get("claimed")}},
	})
	if faults, ok := wrongAt(q.V, err, "item"); ok {
		if wrong := faults[get("item")]; wrong != "" {
			faults["item"] = wrong
		}
		return s.askReport(w, q, f, faults)
	}
	if err != nil {
		return settled(err)
	}
	return staff.Done(w, q, correctionPath(c.ID), "report")
}

// correctionView is what the page of a correction shows.
type correctionView struct {
	state    ui.Status
	timeline ui.Timeline
	facts    []ui.Fact
	claims   []ui.Difference
	acts     []ui.Question
	forms    []form
}

func (s *Share) correction(w http.ResponseWriter, q staff.Visit) error {
	return s.showCorrection(w, q, "", url.Values{}, nil)
}

func (s *Share) showCorrection(w http.ResponseWriter, q staff.Visit, act string, f url.Values, faults map[string]string) error {
	v, status := q.V, http.StatusOK
	if len(faults) > 0 {
		status = http.StatusBadRequest
	}
	c, err := s.Objections.Correction(q.Context(), q.Sess.Scope(), q.PathValue("id"))
	if err != nil {
		return err
	}
	nm := s.Names(q)
	clocks, err := s.Clocks.Of(q.Context(), q.Sess.Scope(), "correction/"+c.ID)
	if err != nil {
		return err
	}
	x := correctionView{}
	t := ui.Timeline{Label: entryName(v, nm, c.Provider.Member, c.Resource)}
	t.State, t.Whose, t.Next = correctionWord(v, c.State)
	for i := range clocks {
		if clocks[i].Open() {
			t.Due = clocks[i].Due.Add(-time.Nanosecond)
		}
	}
	t.Events = caseEvents(v, nm, c.Steps)
	x.state, x.timeline, x.facts = t.State, t, correctionFacts(v, nm, c)
	for _, it := range c.Report.Items {
		x.claims = append(x.claims, ui.Difference{Field: itemNamed(nm, c.Provider.Member, c.Resource, it.Item), Before: it.Received, After: it.Claimed})
	}
	if c.Side == agreement.Provider && owns(q, c.Department, identity.DataOfficer) && (c.State == objection.Sent || c.State == objection.Verifying) {
		x.forms = append(x.forms, s.findingForm(v, nm, c).filled(act == "answer", f, faults))
	}
	if c.State == objection.Maintained && owns(q, c.Department, identity.DataOfficer, identity.OfficeHead) {
		x.forms = append(x.forms, disputeForm(v, "correction", c.ID))
	}
	s.Show(w, q, status, staff.PathDisputes, ui.PageInfo{
		Title: v.Pick("校核：", "Correction: ") + t.Label, Lead: c.Report.Reason, Crumbs: []ui.Link{staff.Home(v), {Href: staff.PathDisputes, Text: v.Pick("校核申请", "Corrections")}},
	}, correctionPage(v, c.ID, x, doneObjection(v)))
	return nil
}

func correctionFacts(v *ui.View, nm *staff.Names, c *objection.Correction) []ui.Fact {
	key := ""
	if len(c.Report.Key.Values) > 0 {
		key = itemNamed(nm, c.Provider.Member, c.Resource, c.Report.Key.Item) + v.Pick("为 ", " is ") + c.Report.Key.Values[0].Text()
	}
	facts := []ui.Fact{
		{Label: v.Pick("提出部门", "Reported by"), Value: nm.Party(c.Consumer)},
		{Label: v.Pick("提供部门", "Provider"), Value: nm.Party(c.Provider)},
		{Label: v.Pick("哪条记录", "Which record"), Value: key},
		{Label: v.Pick("理由", "Reasons"), Value: c.Report.Reason},
		{Label: v.Pick("依据材料", "What speaks for it"), Value: c.Report.Evidence},
		{Label: v.Pick("所涉办件", "Case"), Value: c.Report.Case},
	}
	if c.Finding != nil {
		facts = append(facts, ui.Fact{Label: v.Pick("核查说明", "Finding"), Value: c.Finding.Reason})
		for _, x := range c.Finding.Values {
			facts = append(facts, ui.Fact{Label: v.Pick("更正后的", "Now: ") + itemNamed(nm, c.Provider.Member, c.Resource, x.Item), Value: x.Value})
		}
	}
	if c.Notified > 0 {
		facts = append(facts, ui.Fact{Label: v.Pick("同时告知", "Also told"), Value: v.Pick(v.Number(int64(c.Notified))+" 份其他协议的需求部门", v.Number(int64(c.Notified))+" other agreements")})
	}
	out := facts[:0]
	for _, x := range facts {
		if x.Value != "" {
			out = append(out, x)
		}
	}
	return out
}

// caseEvents is what happened, latest first.
func caseEvents(v *ui.View, nm *staff.Names, steps []process.Step) []ui.Event {
	words := map[process.Event]staff.Pair{
		"report": {"提出校核", "Reported"}, "receive": {"收到", "Received"}, "acknowledge": {"对方签收", "Acknowledged"}, "refuse": {"对方未接收", "Not accepted by the other end"},
		"correct": {"反馈：已更正", "Answered: corrected"}, "withdraw": {"反馈：记录已撤除", "Answered: record removed"}, "maintain": {"反馈：维持原值", "Answered: maintained"}, "late_paper": {"补充材料", "Paper put forward"}, "late_accept": {"接受和解条件", "Terms accepted"},
		"open": {"提出争议", "Opened"}, "paper": {"补充材料", "Paper put forward"}, "propose": {"提出和解条件", "Terms proposed"}, "accept": {"接受和解条件", "Terms accepted"}, "escalate": {"提交上一级处理", "Taken one step up"}, "rule": {"登记裁决", "Ruling recorded"},
	}
	var out []ui.Event
	for i := len(steps) - 1; i >= 0; i-- {
		x := steps[i]
		note := x.Note
		switch x.Event {
		case "refuse", "paper", "late_paper", "propose", "correct", "withdraw", "maintain": // codes and numbers; the page has what they stand for
			note = ""
		}
		out = append(out, ui.Event{Time: x.Time, Title: words[x.Event].In(v), Who: nm.Person(x.Actor), Text: note, Status: ui.Status{Tone: ui.Notice}})
	}
	return out
}

// findingForm is the provider's answer: what the source has now, for each item that was reported.
func (s *Share) findingForm(v *ui.View, nm *staff.Names, c *objection.Correction) form {
	x := form{
		word: v.Pick("反馈核查结果", "Answer it"), post: correctionPath(c.ID) + "/answer", text: v.Pick("更正须先在来源系统中完成；更正后，其他得到过该记录的部门会一并收到提示。", "A correction is made at the source first. Then everybody who got the record is told."),
		fields: []ui.Field{{Name: "outcome", Kind: "radio", Label: v.Pick("核查结果", "Finding"), Options: []ui.Option{
			{Value: string(objection.Corrected), Label: v.Pick("记录有误，已在来源系统更正", "It was wrong, and is corrected at the source")},
			{Value: string(objection.Withdrawn), Label: v.Pick("记录不应存在，已撤下", "The record should not be there, and is gone")},
			{Value: string(objection.Maintained), Label: v.Pick("记录无误，维持原值", "It is right: maintained")},
		}}},
	}
	for _, it := range c.Report.Items {
		x.fields = append(x.fields, ui.Field{Name: it.Item, Kind: "text", Optional: true, Label: v.Pick("更正后的", "Now: ") + itemNamed(nm, c.Provider.Member, c.Resource, it.Item), Hint: v.Pick("已更正时填写来源系统中现在的值。", "If it was corrected: what the source has now."), Value: it.Claimed})
	}
	x.fields = append(x.fields, ui.Field{Name: "reason", Kind: "textarea", Optional: true, Label: v.Pick("说明", "Reasons"), Hint: v.Pick("维持原值时必填。", "Needed if it is maintained.")})
	return x
}

// correctionAct answers a correction.
func (s *Share) correctionAct(w http.ResponseWriter, q staff.Visit) error {
	f, err := staff.Form(w, q)
	if err != nil {
		return err
	}
	if q.PathValue("act") != "answer" {
		return staff.ErrNoAct.With()
	}
	c, err := s.Objections.Correction(q.Context(), q.Sess.Scope(), q.PathValue("id"))
	if err != nil {
		return err
	}
	a := objection.CorrectionAnswer{Outcome: objection.State(f.Get("outcome")), Reason: strings.TrimSpace(f.Get("reason"))}
	if a.Outcome == objection.Corrected {
		for _, it := range c.Report.Items {
			if value := strings.TrimSpace(f.Get(it.Item)); value != "" {
				a.Values = append(a.Values, objection.CorrectedItem{Item: it.Item, Value: value})
			}
		}
	}
	if a.Outcome == "" {
		return s.showCorrection(w, q, "answer", f, map[string]string{"outcome": q.V.Pick("请选择核查结果。", "Choose the finding.")})
	}
	_, err = s.Objections.Answer(q.Context(), q.Sess, c.ID, a)
	if faults, ok := wrongAt(q.V, err, "outcome"); ok {
		return s.showCorrection(w, q, "answer", f, faults)
	}
	if err != nil {
		return settled(err)
	}
	return staff.Done(w, q, correctionPath(c.ID), "answer")
}

// refetches lists what was corrected at its source and is to be asked for again.
func (s *Share) refetches(w http.ResponseWriter, q staff.Visit) error {
	v := q.V
	list, err := s.Objections.Refetches(q.Context(), q.Sess.Scope(), q.URL.Query().Get("done") == "1", refetched)
	if err != nil {
		return err
	}
	nm := s.Names(q)
	t := ui.Table{
		Caption: v.Pick("须重新获取", "Re-fetch required"), Columns: []ui.Column{{Label: v.Pick("数据资源", "Resource")}, {Label: v.Pick("哪条记录", "Which record")}, {Label: v.Pick("更正的数据项", "Corrected items")}, {Label: v.Pick("告知时间", "Told")}, {Label: v.Pick("办理", "Done")}},
		Empty: ui.State{Kind: ui.Empty, Title: v.Pick("没有须重新获取的数据", "Nothing to be asked for again"), Text: v.Pick("本部门得到过的记录在来源处更正后，会在这里提示重新获取。再次查询该记录后自动办结。", "When a record that this department got is corrected at its source, it is listed here. Asking for it again settles it."), Next: ui.Link{Href: staff.PathDisputes, Text: v.Pick("查看校核申请", "See the corrections")}},
	}
	for i := range list {
		r := &list[i]
		record := ui.Words(v.Pick("本部门得到过的相关记录", "records of it that this department got"))
		if r.Key != nil && len(r.Key.Values) > 0 {
			record = ui.Words(itemNamed(nm, r.Provider, r.Resource, r.Key.Item) + v.Pick("为 ", " is ") + r.Key.Values[0].Text())
		}
		act := settledCell(v, r.Done)
		if r.Done.IsZero() && owns(q, r.Department, identity.DataOfficer) {
			act = refetchButton(v, pathRefetches+"/"+url.PathEscape(r.ID)+"/done", entryName(v, nm, r.Provider, r.Resource))
		}
		t.Rows = append(t.Rows, []templ.Component{
			ui.Titled(ui.Link{Href: staff.CasePath(r.Agreement), Text: entryName(v, nm, r.Provider, r.Resource)}, nm.Member(r.Provider)), record, ui.Words(strings.Join(nm.Items(r.Provider, r.Resource, r.Items), v.Pick("、", ", "))), ui.Moment(v, r.Since), act,
		})
	}
	s.Show(w, q, http.StatusOK, staff.PathDisputes, ui.PageInfo{
		Title: v.Pick("须重新获取", "Re-fetch required"), Lead: v.Pick("在来源处更正过、本部门可能仍持有旧值的记录。", "Records corrected at their source of which this department may hold the old values."), Crumbs: []ui.Link{staff.Home(v), {Href: staff.PathDisputes, Text: v.Pick("校核与争议", "Corrections")}},
	}, listPage(v, v.Pick("校核与争议各页", "Pages about corrections"), objectionTabs(v, pathRefetches), v.Pick("最近告知在前", "Latest first"), nil, t, ui.Paging{Shown: int64(len(list))}))
	return nil
}

// refetched bounds the list of what is to be asked for again; what is asked for again leaves it.
const refetched = 100

func (s *Share) refetchDone(w http.ResponseWriter, q staff.Visit) error {
	if _, err := s.Objections.Refetched(q.Context(), q.Sess, q.PathValue("id")); err != nil {
		return settled(err)
	}
	http.Redirect(w, q.Request, pathRefetches, http.StatusSeeOther)
	return nil
}
