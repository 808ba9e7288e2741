package share

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/exchange/catalog"
	"github.com/kuayu/kuayu/exchange/demand"
	"github.com/kuayu/kuayu/exchange/objection"
	"github.com/kuayu/kuayu/exchange/scheme"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/policy"
	"github.com/kuayu/kuayu/web/staff"
	"github.com/kuayu/kuayu/web/ui"
)

// Demands are what departments need and no entry offers yet. demand.Service is one.
type Demands interface {
	Page(ctx context.Context, sc db.Scope, state demand.State, after string, limit int) ([]demand.Demand, string, error)
	Get(ctx context.Context, sc db.Scope, id string) (*demand.Demand, error)
	Matches(ctx context.Context, sc db.Scope, id string) ([]demand.Match, error)
	Candidates(ctx context.Context, sess *identity.Session, id string) ([]demand.Candidate, error)
	ConsentDemand(ctx context.Context, sess *identity.Session, id string) (*demand.Demand, error)
	ReturnDemand(ctx context.Context, sess *identity.Session, id, reason string) (*demand.Demand, error)
	WithdrawDemand(ctx context.Context, sess *identity.Session, id, reason string) (*demand.Demand, error)
	SatisfyDemand(ctx context.Context, sess *identity.Session, id, application string) (*demand.Demand, error)
	AssignDemand(ctx context.Context, sess *identity.Session, id, department string) (*demand.Demand, error)
	ReplyDemand(ctx context.Context, sess *identity.Session, id string, a demand.AnswerGiven) (*demand.Demand, error)
}

// Cases are applications and agreements. agreement.Service is one.
type Cases interface {
	Get(ctx context.Context, sc db.Scope, id string) (*agreement.Negotiation, error)
	List(ctx context.Context, sc db.Scope, state agreement.State, limit int) ([]agreement.Negotiation, error)
	Bytes(ctx context.Context, sc db.Scope, id string) ([]byte, error)
}

// settled is an error as a page says it: packages name states and events by their codes.
func settled(err error) error {
	for _, moved := range []error{catalog.ErrState, demand.ErrTransition, objection.ErrTransition, scheme.ErrState} {
		if errors.Is(err, moved) {
			return staff.ErrMoved.Because(err)
		}
	}
	return err
}

func demandPath(id string) string { return staff.PathDemands + "/" + url.PathEscape(id) }

// supplyTabs are the pages about needing and offering.
func supplyTabs(v *ui.View, here string) []ui.Tab {
	tabs := []ui.Tab{{Href: staff.PathDemands, Text: v.Pick("需求清单", "Demands")}, {Href: pathSchemes, Text: v.Pick("共享方案", "Schemes")}}
	for i := range tabs {
		tabs[i].Current = tabs[i].Href == here
	}
	return tabs
}

func demandStates() []demand.State {
	return []demand.State{demand.Draft, demand.Listed, demand.Answered, demand.Satisfied, demand.Withdrawn, demand.Open, demand.Assigned, demand.Replied, demand.Closed}
}

// demandWord is a state as a chip, whose turn it is, and what comes next.
func demandWord(v *ui.View, s demand.State) (ui.Status, string, string) {
	w := map[demand.State]struct {
		tone             ui.Tone
		word, whose, say staff.Pair
	}{
		demand.Draft:     {ui.Notice, staff.Pair{"待负责人同意", "Waits for the head"}, staff.Pair{"共享工作机构负责人", "The head of the sharing office"}, staff.Pair{"负责人同意后送达各成员。", "It goes to the members when the head consents."}},
		demand.Listed:    {ui.Notice, staff.Pair{"已列入清单", "Listed"}, staff.Pair{"各成员", "The members"}, staff.Pair{"等待各成员答复能否提供。", "The members say whether they can provide it."}},
		demand.Answered:  {ui.Good, staff.Pair{"已有答复", "Answered"}, staff.Pair{"本部门数据专员", "This department's officer"}, staff.Pair{"按答复申请使用，再办结需求。", "Apply for what was offered, then close the demand."}},
		demand.Satisfied: {ui.Good, staff.Pair{"已满足", "Satisfied"}, staff.Pair{"无", "no one"}, staff.Pair{"需求已办结。", "It is closed."}},
		demand.Withdrawn: {ui.Neutral, staff.Pair{"已撤回", "Withdrawn"}, staff.Pair{"无", "no one"}, staff.Pair{"需求已撤回，需要时可重新提出。", "It was withdrawn; write another if it is needed."}},
		demand.Open:      {ui.Warning, staff.Pair{"待交办", "To be assigned"}, staff.Pair{"主管部门", "The authority"}, staff.Pair{"指定由哪个部门答复。", "Name the department that is to answer."}},
		demand.Assigned:  {ui.Notice, staff.Pair{"待部门答复", "Waits for an answer"}, staff.Pair{"承办部门数据专员", "The officer of the department named"}, staff.Pair{"答复能否提供。", "Say whether it can be provided."}},
		demand.Replied:   {ui.Good, staff.Pair{"已答复", "Replied"}, staff.Pair{"需求方", "Who asked"}, staff.Pair{"需求方按答复办理；条目发布后可再次答复。", "Who asked goes on; answer anew when a planned entry is there."}},
		demand.Closed:    {ui.Neutral, staff.Pair{"已办结", "Closed"}, staff.Pair{"无", "no one"}, staff.Pair{"需求方已办结或撤回。", "Who asked has closed or withdrawn it."}},
	}[s]
	return ui.Status{Tone: w.tone, Word: w.word.In(v)}, w.whose.In(v), w.say.In(v)
}

// demands lists what departments need.
func (s *Share) demands(w http.ResponseWriter, q staff.Visit) error {
	v, p := q.V, q.URL.Query()
	state := demand.State(p.Get("state"))
	if state != "" && !slices.Contains(demandStates(), state) {
		return demand.ErrNoSuch.With()
	}
	list, cursor, err := s.Demands.Page(q.Context(), q.Sess.Scope(), state, p.Get("after"), shown)
	if err != nil {
		return err
	}
	nm := s.Names(q)
	ask := ui.Link{Href: staff.PathDemands + "/new", Text: v.Pick("提出需求", "Ask for data")}
	t := ui.Table{
		Caption: v.Pick("需求清单", "Demands"), Columns: []ui.Column{{Label: v.Pick("需要的数据", "What is needed")}, {Label: v.Pick("需求部门", "Asked by")}, {Label: v.Pick("最迟何时", "Needed by")}, {Label: v.Pick("状态", "State")}, {Label: v.Pick("下一步", "Next step")}},
		Empty: ui.State{Kind: ui.Empty, Title: v.Pick("没有数据需求", "No demands"), Text: v.Pick("目录中找不到的数据可以列入需求清单，各成员会答复能否提供。其他成员的需求送达后也列在这里。", "What no catalogue has can be put on the list; the members answer whether they can provide it. Demands of other members appear here, too."), Next: ui.Link{Href: staff.PathCatalog, Text: v.Pick("先检索目录", "Search the catalogue first")}},
	}
	for i := range list {
		d := &list[i]
		st, whose, next := demandWord(v, d.State)
		t.Rows = append(t.Rows, []templ.Component{
			ui.Titled(ui.Link{Href: demandPath(d.ID), Text: d.Want.Name}, strings.Join(d.Want.Items, v.Pick("、", ", "))), ui.Words(nm.Party(d.Consumer)), ui.Day(v, d.Want.Until), ui.Chip(v, st), ui.Words(whose + v.Pick("：", ": ") + next),
		})
	}
	filter := ui.Filter{Key: "state", Label: v.Pick("状态", "State"), Value: string(state)}
	for _, x := range demandStates() {
		st, _, _ := demandWord(v, x)
		filter.Options = append(filter.Options, ui.Option{Value: string(x), Label: st.Word})
	}
	info := ui.PageInfo{Title: v.Pick("需求清单", "Demands"), Lead: v.Pick("部门需要而目录中还没有的数据。", "What departments need and no catalogue has yet."), Crumbs: []ui.Link{staff.Home(v)}}
	if q.Sess.Has(identity.DataOfficer) {
		info.Action = ui.Button(v, ask, "plus", true)
	}
	s.Show(w, q, http.StatusOK, staff.PathDemands, info, listPage(v, v.Pick("需求与方案各页", "Pages about demands"), supplyTabs(v, staff.PathDemands), v.Pick("最近变动在前", "Latest first"), []ui.Filter{filter}, t, onward(v, len(list), cursor)))
	return nil
}

func (s *Share) demand(w http.ResponseWriter, q staff.Visit) error {
	return s.showDemand(w, q, "", url.Values{}, nil)
}

// demandView is what the page of a demand shows.
type demandView struct {
	state    ui.Status
	timeline ui.Timeline
	facts    []ui.Fact
	acts     []ui.Question
	forms    []form
	answers  ui.Table
	matches  *ui.Table
}

// fewItems is up to how many items a demand's matches are looked for with each view of its page.
const fewItems = 8

func (s *Share) showDemand(w http.ResponseWriter, q staff.Visit, act string, f url.Values, faults map[string]string) error {
	v := q.V
	d, err := s.Demands.Get(q.Context(), q.Sess.Scope(), q.PathValue("id"))
	if err != nil {
		return err
	}
	nm := s.Names(q)
	x := demandView{facts: demandFacts(v, nm, d), timeline: demandTimeline(v, nm, d), answers: answerTable(v, nm, d), acts: demandActs(q, d)}
	x.state = x.timeline.State
	if x.forms, err = s.demandForms(q, nm, d, act, f, faults); err != nil {
		return err
	}
	open := d.State == demand.Draft || d.State == demand.Listed || d.State == demand.Answered
	if d.Side == demand.Consumer && open && (len(d.Want.Items) <= fewItems || q.URL.Query().Get("match") == "1") {
		ms, err := s.Demands.Matches(q.Context(), q.Sess.Scope(), d.ID)
		if err != nil {
			return err
		}
		t := matchTable(v, nm, ms)
		x.matches = &t
	}
	status := http.StatusOK
	if len(faults) > 0 {
		status = http.StatusBadRequest
	}
	s.Show(w, q, status, staff.PathDemands, ui.PageInfo{
		Title: d.Want.Name, Lead: d.Want.Scenario, Crumbs: []ui.Link{staff.Home(v), {Href: staff.PathDemands, Text: v.Pick("需求清单", "Demands")}},
	}, demandPage(v, d.ID, x, doneDemand(v)))
	return nil
}

func demandFacts(v *ui.View, nm *staff.Names, d *demand.Demand) []ui.Fact {
	basis := d.Want.Basis.Citation
	if d.Want.Basis.Kind == "consent" {
		basis = staff.Word(v, d.Want.Basis.Kind)
	}
	members := v.Pick("全部成员", "All members")
	if len(d.Members) > 0 {
		names := make([]string, len(d.Members))
		for i, m := range d.Members {
			names[i] = nm.Member(m)
		}
		members = strings.Join(names, v.Pick("、", ", "))
	}
	facts := []ui.Fact{
		{Label: v.Pick("需求部门", "Asked by"), Value: nm.Party(d.Consumer)},
		{Label: v.Pick("数据项", "Items"), Value: strings.Join(d.Want.Items, v.Pick("、", ", "))},
		{Label: v.Pick("使用依据", "Basis"), Value: basis},
		{Label: v.Pick("数据范围", "Scope"), Value: d.Want.Scope},
		{Label: v.Pick("最迟何时需要", "Needed by"), Value: v.Day(d.Want.Until)},
	}
	if d.Side == demand.Consumer {
		facts = append(facts, ui.Fact{Label: v.Pick("向谁征集", "Who is asked"), Value: members})
	}
	return facts
}

func demandTimeline(v *ui.View, nm *staff.Names, d *demand.Demand) ui.Timeline {
	t := ui.Timeline{Label: d.Want.Name}
	t.State, t.Whose, t.Next = demandWord(v, d.State)
	words := map[demand.Event]staff.Pair{
		demand.Consent: {"负责人同意，列入清单", "Head consented: listed"}, demand.Return: {"负责人退回", "Sent back by the head"}, demand.Withdraw: {"撤回", "Withdrawn"}, demand.Satisfy: {"办结", "Closed as satisfied"},
		demand.Offer: {"有成员答复可以提供", "A member offers it"}, demand.Decline: {"有成员答复不掌握", "A member does not hold it"}, demand.Assign: {"主管部门交办", "Assigned by the authority"}, demand.Reply: {"部门答复", "Department replied"}, demand.Close: {"需求方办结", "Closed by who asked"},
	}
	for i := len(d.Steps) - 1; i >= 0; i-- {
		x := d.Steps[i]
		note := x.Note
		switch x.Event {
		case demand.Assign:
			note = nm.Department(partyHere(nm, x.Note))
		case demand.Close, demand.Satisfy:
			note = "" // a code
		}
		t.Events = append(t.Events, ui.Event{Time: x.Time, Title: words[x.Event].In(v), Who: nm.Person(x.Actor), Text: note, Status: ui.Status{Tone: ui.Notice}})
	}
	return t
}

func answerTable(v *ui.View, nm *staff.Names, d *demand.Demand) ui.Table {
	t := ui.Table{
		Caption: v.Pick("答复", "Answers"), Columns: []ui.Column{{Label: v.Pick("答复部门", "From")}, {Label: v.Pick("答复", "Answer")}, {Label: v.Pick("内容", "What")}, {Label: v.Pick("时间", "When")}},
		Empty: ui.State{Kind: ui.Empty, Title: v.Pick("还没有答复", "No answer yet"), Text: v.Pick("各成员的主管部门交办后，由承办部门答复。", "The members' authorities assign it; the departments named answer.")},
	}
	for i := range d.Answers {
		a := &d.Answers[i]
		st, what := ui.Status{Tone: ui.Bad, Word: v.Pick("不掌握", "Not held")}, ui.Words(a.Reason)
		switch a.Kind {
		case demand.Offered:
			st = ui.Status{Tone: ui.Good, Word: v.Pick("可以提供", "Offered")}
			name := v.Pick("数据资源（编码 ", "Resource (code ") + a.Resource + v.Pick("）", ")")
			if e := nm.Entry(a.From.Member, a.Resource); e != nil {
				name = e.Name
			}
			what = ui.Titled(ui.Link{Href: staff.EntryPath(a.From.Member, a.Resource), Text: name}, a.Resource)
		case demand.Planned:
			st = ui.Status{Tone: ui.Notice, Word: v.Pick("计划提供", "Planned")}
			what = ui.Words(v.Pick("预计 ", "by ") + v.Day(a.By) + v.Pick(" 发布。", ". ") + a.Reason)
		case demand.NotHeld:
		}
		t.Rows = append(t.Rows, []templ.Component{ui.Words(nm.Party(a.From)), ui.Chip(v, st), what, ui.Moment(v, a.Time)})
	}
	return t
}

func matchTable(v *ui.View, nm *staff.Names, ms []demand.Match) ui.Table {
	t := ui.Table{
		Caption: v.Pick("可能已有的条目", "Entries that may do"), Columns: []ui.Column{{Label: v.Pick("数据资源", "Resource")}, {Label: v.Pick("提供部门", "Provider")}, {Label: v.Pick("符合之处", "What fits")}, {Label: v.Pick("匹配度", "Score"), Number: true}},
		Empty: ui.State{Kind: ui.Empty, Title: v.Pick("目录中没有相近的条目", "Nothing like it in the catalogues"), Text: v.Pick("请等待各成员答复。", "Wait for the members' answers.")},
	}
	for i := range ms {
		m := &ms[i]
		t.Rows = append(t.Rows, []templ.Component{
			ui.Titled(ui.Link{Href: staff.EntryPath(m.Member, m.Code), Text: m.Name}, m.Code), ui.Words(nm.Of(m.Member, m.Provider)), ui.Words(strings.Join(m.Fits, v.Pick("、", ", "))), ui.Words(v.Number(int64(m.Score))),
		})
	}
	return t
}

// demandActs are the acts that need no more than a reason.
func demandActs(q staff.Visit, d *demand.Demand) []ui.Question {
	v := q.V
	var out []ui.Question
	add := func(act, word, text, reason string, danger bool) {
		out = append(out, ui.Question{Act: word, Text: text, Post: demandPath(d.ID) + "/" + act, Reason: reason, Danger: danger})
	}
	if d.Side != demand.Consumer {
		return nil
	}
	if owns(q, d.Department, identity.OfficeHead) && d.State == demand.Draft {
		add("consent", v.Pick("同意列入清单", "Consent: list it"), v.Pick("同意后立即送达各成员。", "It goes to the members at once."), "", false)
		add("return", v.Pick("退回", "Send it back"), v.Pick("退回数据专员，须写明理由。", "The officer writes it anew; say why."), v.Pick("理由", "Reason"), true)
	}
	if owns(q, d.Department, identity.DataOfficer, identity.OfficeHead) && (d.State == demand.Draft || d.State == demand.Listed || d.State == demand.Answered) {
		add("withdraw", v.Pick("撤回需求", "Withdraw it"), v.Pick("撤回后通知各成员，不能恢复。", "The members are told; it can't be brought back."), v.Pick("理由", "Reason"), true)
	}
	return out
}

// choices bounds what a form offers to choose from; beyond it the code is typed.
const choices = 100

func (s *Share) demandForms(q staff.Visit, nm *staff.Names, d *demand.Demand, act string, f url.Values, faults map[string]string) ([]form, error) {
	v := q.V
	var out []form
	add := func(name string, x form) {
		x.post = demandPath(d.ID) + "/" + name
		out = append(out, x.filled(act == name, f, faults))
	}
	switch {
	case d.Side == demand.Consumer && owns(q, d.Department, identity.DataOfficer) && (d.State == demand.Listed || d.State == demand.Answered):
		list, err := s.Cases.List(q.Context(), ownScope(q), "", choices)
		if err != nil {
			return nil, err
		}
		field := ui.Field{Name: "application", Kind: "select", Label: v.Pick("为此提出的申请", "The application made for it"), Options: []ui.Option{{Value: "", Label: v.Pick("请选择", "Choose one")}}}
		for i := range list {
			if n := &list[i]; n.Side == agreement.Consumer {
				field.Options = append(field.Options, ui.Option{Value: n.ID, Label: nm.Title(n) + v.Pick("・", ", ") + staff.StatusOf(v, n.State).Word + v.Pick("・", ", ") + v.Day(n.Updated)})
			}
		}
		if len(field.Options) > 1 {
			add("satisfy", form{word: v.Pick("办结：已申请到数据", "Close it: the data was applied for"), text: v.Pick("选择就所答复的条目提出的申请，需求即办结。", "Choose the application for what was offered; the demand is closed."), fields: []ui.Field{field}})
		}
	case d.Side == demand.Provider && q.Sess.Has(identity.Authority) && (d.State == demand.Open || d.State == demand.Assigned || d.State == demand.Replied):
		field, err := s.assignees(q, d)
		if err != nil {
			return nil, err
		}
		add("assign", form{word: v.Pick("交办", "Assign it"), text: v.Pick("可能掌握数据的部门按其目录推断，列在前面。", "Departments that are likely to hold it, by what they publish, stand first."), fields: []ui.Field{field}})
	}
	if d.Side == demand.Provider && owns(q, d.Department, identity.DataOfficer) && (d.State == demand.Assigned || d.State == demand.Replied) {
		x, err := s.replyForm(q)
		if err != nil {
			return nil, err
		}
		add("reply", x)
	}
	return out, nil
}

// assignees are the departments that may be named, the likely ones first.
func (s *Share) assignees(q staff.Visit, d *demand.Demand) (ui.Field, error) {
	v := q.V
	field := ui.Field{Name: "department", Kind: "select", Label: v.Pick("由哪个部门答复", "Which department is to answer")}
	likely, err := s.Demands.Candidates(q.Context(), q.Sess, d.ID)
	if err != nil {
		return field, err
	}
	all, err := s.Offices.Departments(q.Context())
	if err != nil {
		return field, err
	}
	for _, c := range likely {
		field.Options = append(field.Options, ui.Option{Value: c.Department, Label: c.Name + v.Pick("（匹配度 ", " (score ") + v.Number(int64(c.Score)) + v.Pick("）", ")")})
	}
	for _, x := range all {
		if !slices.ContainsFunc(likely, func(c demand.Candidate) bool { return c.Department == x.ID }) {
			field.Options = append(field.Options, ui.Option{Value: x.ID, Label: x.Name})
		}
	}
	return field, nil
}

func (s *Share) replyForm(q staff.Visit) (form, error) {
	v := q.V
	list, err := s.Entries.Dossiers(q.Context(), ownScope(q), catalog.Published, "", choices)
	if err != nil {
		return form{}, err
	}
	entry := ui.Field{Name: "resource", Kind: "select", Label: v.Pick("哪个条目", "Which entry"), Hint: v.Pick("答复可以提供时选择。", "If it can be provided."), Options: []ui.Option{{Value: "", Label: v.Pick("请选择", "Choose one")}}}
	for i := range list {
		entry.Options = append(entry.Options, ui.Option{Value: list[i].Code, Label: list[i].Resource.Name + v.Pick("（", " (") + list[i].Code + v.Pick("）", ")")})
	}
	if len(list) == choices {
		entry.Kind, entry.Options, entry.Hint = "text", nil, v.Pick("答复可以提供时填写资源编码，可在“我的资源”中查到。", "If it can be provided: the entry's code, as “My resources” has it.")
	}
	entry.Optional = true
	return form{
		word: v.Pick("答复", "Answer"), text: v.Pick("能提供的给出条目，计划提供的给出日期，不掌握的说明理由。", "An entry if it is there, a day if it will be, a reason if it is not held."),
		fields: []ui.Field{
			{Name: "kind", Kind: "radio", Label: v.Pick("答复", "Answer"), Options: []ui.Option{{Value: string(demand.Offered), Label: v.Pick("可以提供", "It can be provided")}, {Value: string(demand.Planned), Label: v.Pick("计划提供", "It will be")}, {Value: string(demand.NotHeld), Label: v.Pick("不掌握", "It is not held")}}},
			entry,
			{Name: "by", Kind: "day", Optional: true, Label: v.Pick("预计发布日期", "Published by"), Hint: v.Pick("计划提供时填写，写作 2027-05-31。", "If it will be, written 2027-05-31.")},
			{Name: "reason", Kind: "textarea", Optional: true, Label: v.Pick("说明", "Reason"), Hint: v.Pick("不掌握时必填。", "Needed if it is not held.")},
		},
	}, nil
}

// demandAct does one thing to a demand. The package checks role, department and state.
func (s *Share) demandAct(w http.ResponseWriter, q staff.Visit) error {
	f, err := staff.Form(w, q)
	if err != nil {
		return err
	}
	id, act, reason := q.PathValue("id"), q.PathValue("act"), strings.TrimSpace(f.Get("reason"))
	at := "" // the question that an error without one is about
	switch act {
	case "consent":
		_, err = s.Demands.ConsentDemand(q.Context(), q.Sess, id)
	case "return":
		_, err = s.Demands.ReturnDemand(q.Context(), q.Sess, id, reason)
	case "withdraw":
		_, err = s.Demands.WithdrawDemand(q.Context(), q.Sess, id, reason)
	case "satisfy":
		_, err = s.Demands.SatisfyDemand(q.Context(), q.Sess, id, f.Get("application"))
		at = "application"
	case "assign":
		_, err = s.Demands.AssignDemand(q.Context(), q.Sess, id, f.Get("department"))
		at = "department"
	case "reply":
		a := demand.AnswerGiven{Kind: demand.Kind(f.Get("kind")), Reason: reason}
		switch a.Kind {
		case demand.Offered:
			a.Resource = strings.TrimSpace(f.Get("resource"))
		case demand.Planned:
			a.By = staff.EndOf(q.V, f.Get("by"))
		case demand.NotHeld:
		}
		_, err = s.Demands.ReplyDemand(q.Context(), q.Sess, id, a)
		at = "resource"
	default:
		err = staff.ErrNoAct.With()
	}
	if faults, ok := wrongAt(q.V, err, at); ok {
		return s.showDemand(w, q, act, f, faults)
	}
	if err != nil {
		return settled(err)
	}
	return staff.Done(w, q, demandPath(id), act)
}

// wrongAt are what a package says is wrong, by question; what it says of no question in particular stands at one.
func wrongAt(v *ui.View, err error, at string) (map[string]string, bool) {
	e := errs.As(err)
	if err == nil || e.Kind != errs.Invalid || at == "" {
		return nil, false
	}
	faults, other := staff.Faults(v, err)
	if other != nil || len(faults) == 0 {
		return map[string]string{at: e.Message(string(v.Lang))}, true
	}
	return faults, true
}

func doneDemand(v *ui.View) string {
	return map[string]string{
		"consent":  v.Pick("已列入清单并送达各成员。", "Listed, and on its way to the members."),
		"return":   v.Pick("已退回数据专员。", "It is back with the officer."),
		"withdraw": v.Pick("需求已撤回。", "It is withdrawn."),
		"satisfy":  v.Pick("需求已办结。", "It is closed."),
		"assign":   v.Pick("已交办，承办部门会收到通知。", "Assigned; the department is told."),
		"reply":    v.Pick("答复已送达需求方。", "The answer goes to who asked."),
	}[v.URL.Query().Get("done")]
}

// until is the end of the time a text is about, or nothing.
func until(v *ui.View, t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return v.Day(t)
}

func partyHere(nm *staff.Names, department string) policy.Party {
	return policy.Party{Member: nm.Self(), Department: department}
}
