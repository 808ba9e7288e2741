package console

import (
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/support/deadline"
	"github.com/kuayu/kuayu/web/desk"
	"github.com/kuayu/kuayu/web/ui"
)

// eventWords says each event for people.
func eventWords() map[agreement.Event][2]string {
	return map[agreement.Event][2]string{
		agreement.AskOffice:       {"报负责人同意", "Put to the head of the office"},
		agreement.OfficeReturns:   {"负责人退回", "Sent back by the head"},
		agreement.OfficeConsents:  {"负责人同意，提出申请", "Head consented, application sent"},
		agreement.StartReview:     {"提供方开始审查", "Review began"},
		agreement.AskSupplement:   {"一次性告知补正", "Supplement asked for"},
		agreement.GiveSupplement:  {"补正完成", "Supplement given"},
		agreement.DraftSupplement: {"补正报负责人同意", "Supplement put to the head"},
		agreement.AskExtension:    {"申请延期", "Extension asked for"},
		agreement.RefuseExtension: {"不同意延期", "Extension refused"},
		agreement.Extend:          {"延期", "Extended"},
		agreement.CounterOffer:    {"提出其他条件", "Other terms offered"},
		agreement.Resubmit:        {"按新条件申请", "Asked again on other terms"},
		agreement.AcceptOffer:     {"接受条件", "Terms accepted"},
		agreement.ProposeAnswer:   {"拟同意，报负责人", "Grant put to the head"},
		agreement.AnswerReturned:  {"负责人退回答复", "Answer sent back"},
		agreement.ConsentAnswer:   {"负责人同意，达成协议", "Head consented, agreement made"},
		agreement.StandingConsent: {"按事先同意办理", "Granted under standing consent"},
		agreement.Verify:          {"申请方会签", "Countersigned"},
		agreement.Finalize:        {"协议生效", "Agreement in force"},
		agreement.Provision:       {"开始提供数据", "Data can flow"},
		agreement.Refuse:          {"不同意", "Refused"},
		agreement.Withdraw:        {"撤回", "Withdrawn"},
		agreement.Expire:          {"到期", "Expired"},
		agreement.DraftChange:     {"拟变更用途", "Change of use drafted"},
		agreement.RequestChange:   {"申请变更用途", "Change of use asked for"},
		agreement.ProposeChange:   {"拟同意变更", "Change put to the head"},
		agreement.GrantChange:     {"同意变更", "Change granted"},
		agreement.DeclineChange:   {"不同意变更", "Change declined"},
		agreement.Suspend:         {"暂停", "Suspended"},
		agreement.OrderRectify:    {"责令限期整改", "Ordered to rectify"},
		agreement.ReportRectified: {"报告整改情况", "Rectification reported"},
		agreement.Resume:          {"恢复", "Resumed"},
		agreement.Terminate:       {"终止", "Terminated"},
		agreement.BeginDisposal:   {"要求处置数据", "Disposal ordered"},
		agreement.ConfirmDisposal: {"确认已处置", "Disposal confirmed"},
	}
}

// timelineOf is what happened to a case, latest first.
func timelineOf(v *ui.View, nm *desk.Names, n *agreement.Negotiation, steps []agreement.Step, clocks []deadline.Clock) ui.Timeline {
	t := ui.Timeline{Label: nm.Title(n), State: desk.StatusOf(v, n.State), Whose: v.Pick("无人", "Nobody"), Next: v.Pick("目前无须办理。", "Nothing to be done now.")}
	for i := range clocks {
		k := &clocks[i]
		if !k.Open() || (!t.Due.IsZero() && !k.Due.Before(t.Due)) {
			continue
		}
		rule, err := deadline.RuleOf(k.Clock)
		if err != nil {
			continue // a clock of a newer version
		}
		t.Due, t.Whose, t.Next = k.Due.Add(-time.Nanosecond), holderWord(v, k.Holder), v.Pick(rule.Zh, rule.En)
	}
	if t.Due.IsZero() {
		if w, ok := turnWords()[n.State]; ok {
			t.Whose, t.Next = w[0].In(v), w[1].In(v)
		}
	}
	for i := len(steps) - 1; i >= 0; i-- {
		s := steps[i]
		title := string(s.Event)
		if w, ok := eventWords()[s.Event]; ok {
			title = v.Pick(w[0], w[1])
		}
		t.Events = append(t.Events, ui.Event{Time: time.UnixMicro(s.Time), Title: title, Who: nm.Person(s.Actor), Text: said(s.Note), Status: ui.Status{Tone: desk.StatusOf(v, s.To).Tone}, Ref: s.ID})
	}
	return t
}

// turnWords says whose turn it is where no clock of the law runs, and what comes next.
func turnWords() map[agreement.State][2]desk.Pair {
	return map[agreement.State][2]desk.Pair{
		agreement.Draft:              {{"需求部门数据专员", "The applicant's data officer"}, {"修改申请后重新报负责人，或撤回。", "Mend the application and put it to the head again, or withdraw it."}},
		agreement.ReqOfficeApproval:  {{"需求部门共享工作机构负责人", "The head of the applicant's sharing office"}, {"负责人同意后，申请送达提供方。", "When the head consents, the application goes to the provider."}},
		agreement.Submitted:          {{"提供部门", "The provider"}, {"等待提供方受理。", "The provider takes it up."}},
		agreement.CounterOffered:     {{"需求部门共享工作机构负责人", "The head of the applicant's sharing office"}, {"接受提供方提出的条件，或按新条件申请。", "Accept the terms offered, or ask again."}},
		agreement.ProvOfficeApproval: {{"提供部门共享工作机构负责人", "The head of the provider's sharing office"}, {"负责人同意后达成协议。", "When the head consents, there is an agreement."}},
	}
}

func holderWord(v *ui.View, r deadline.Role) string {
	switch r {
	case deadline.Provider:
		return v.Pick("提供部门", "The provider")
	case deadline.Applicant:
		return v.Pick("需求部门", "The applicant")
	case deadline.Authority:
		return v.Pick("主管部门", "The authority")
	}
	return string(r)
}

// said is a note that a person wrote. What the node noted for itself is a code and says nothing to a person.
func said(note string) string {
	if note == "valid_until" {
		return ""
	}
	return note
}

// factsOf are the particulars of an application.
func factsOf(v *ui.View, nm *desk.Names, n *agreement.Negotiation) []ui.Fact {
	a, and := &n.Application, v.Pick("、", ", ")
	basis := a.Basis.Citation
	if a.Basis.Kind == "consent" {
		basis = desk.Word(v, a.Basis.Kind)
	}
	modes := make([]string, len(a.Modes))
	for i, m := range a.Modes {
		modes[i] = desk.Word(v, string(m))
	}
	facts := []ui.Fact{
		{Label: v.Pick("数据资源", "Resource"), Value: nm.Title(n)},
		{Label: v.Pick("需求部门", "Applicant"), Value: nm.Party(n.Consumer)},
		{Label: v.Pick("提供部门", "Provider"), Value: nm.Provider(n)},
		{Label: v.Pick("使用依据", "Basis"), Value: basis},
		{Label: v.Pick("用途", "Purpose"), Value: strings.Join(a.Purposes, and)},
		{Label: v.Pick("使用场景", "Scenario"), Value: a.Scenario},
		{Label: v.Pick("使用范围", "Scope"), Value: a.Scope},
		{Label: v.Pick("共享方式", "Modes"), Value: strings.Join(modes, and)},
		{Label: v.Pick("数据项", "Items"), Value: strings.Join(nm.Items(n.Provider.Member, a.Resource, a.Fields), and)},
		{Label: v.Pick("使用期限至", "Until"), Value: v.Day(a.ValidUntil)},
	}
	if r := said(n.Reason); r != "" {
		facts = append(facts, ui.Fact{Label: v.Pick("理由", "Reason"), Value: r})
	}
	return facts
}

// caseTable lists cases.
func caseTable(v *ui.View, nm *desk.Names, list []agreement.Negotiation) ui.Table {
	t := ui.Table{
		Caption: v.Pick("申请与协议", "Applications and agreements"),
		Columns: []ui.Column{{Label: v.Pick("数据资源", "Resource")}, {Label: v.Pick("需求部门", "Applicant")}, {Label: v.Pick("提供部门", "Provider")}, {Label: v.Pick("最近变动", "Changed")}, {Label: v.Pick("状态", "State")}},
		Empty:   ui.State{Kind: ui.Empty, Title: v.Pick("没有申请或协议", "No application or agreement"), Text: v.Pick("换一个状态再看，或从目录中提出申请。", "Try another state, or apply from the catalogue."), Next: ui.Link{Href: desk.PathCases, Text: v.Pick("查看全部", "Show all")}},
	}
	for i := range list {
		n := &list[i]
		t.Rows = append(t.Rows, []templ.Component{
			ui.Titled(ui.Link{Href: desk.CasePath(n.ID), Text: nm.Title(n)}, n.Application.Resource),
			ui.Words(nm.Party(n.Consumer)), ui.Words(nm.Provider(n)), ui.Moment(v, n.Updated), ui.Chip(v, desk.StatusOf(v, n.State)),
		})
	}
	return t
}

// stateFilter chooses a state.
func stateFilter(v *ui.View, now agreement.State) []ui.Filter {
	f := ui.Filter{Key: "state", Label: v.Pick("状态", "State"), Value: string(now)}
	for _, s := range agreement.States() {
		f.Options = append(f.Options, ui.Option{Value: string(s), Label: desk.StatusOf(v, s).Word})
	}
	return []ui.Filter{f}
}
