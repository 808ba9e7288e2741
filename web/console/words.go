package console

import (
	"time"

	"github.com/a-h/templ"

	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/support/deadline"
	"github.com/kuayu/kuayu/support/process"
	"github.com/kuayu/kuayu/web/staff"
	"github.com/kuayu/kuayu/web/ui"
)

// timelineOf is what happened to a case, latest first.
func timelineOf(v *ui.View, nm *staff.Names, n *agreement.Negotiation, steps []process.Step, clocks []deadline.Deadline) ui.Timeline {
	t := ui.Timeline{Label: nm.Title(n), State: staff.StatusOf(v, n.State)}
	for i := range clocks {
		k := &clocks[i]
		if !k.Open() || (!t.Due.IsZero() && !k.Due.Before(t.Due)) {
			continue
		}
		rule, err := deadline.RuleOf(k.Clock)
		if err != nil {
			continue // a clock of a newer version
		}
		t.Due, t.Whose, t.Next = k.Due.Add(-time.Nanosecond), holderWord(v, k.Responsible), v.Pick(rule.Zh, rule.En)
	}
	if t.Due.IsZero() {
		whose, next := turnOf(n.State)
		t.Whose, t.Next = whose.In(v), next.In(v)
	}
	for i := len(steps) - 1; i >= 0; i-- {
		s := steps[i]
		t.Events = append(t.Events, ui.Event{Time: s.Time, Title: staff.EventWord(v, s.Event), Who: nm.Person(s.Actor), Text: said(s.Note), Status: ui.Status{Tone: staff.StatusOf(v, s.To).Tone}, Ref: s.ID})
	}
	return t
}

// turnOf says whose turn it is in a state, and what comes next.
func turnOf(s agreement.State) (whose, next staff.Pair) {
	asker, asking := staff.Pair{"需求部门数据专员", "The applicant's data officer"}, staff.Pair{"需求部门共享工作机构负责人", "The head of the applicant's sharing office"}
	giver, giving := staff.Pair{"提供部门数据专员", "The provider's data officer"}, staff.Pair{"提供部门共享工作机构负责人", "The head of the provider's sharing office"}
	nobody := staff.Pair{"无", "no one"}
	w := map[agreement.State][2]staff.Pair{
		agreement.Draft:              {asker, {"修改申请后重新报负责人，或撤回。", "Correct the application and put it to the head again, or withdraw it."}},
		agreement.ReqOfficeApproval:  {asking, {"负责人同意后，申请送达提供方。", "When the head consents, the application goes to the provider."}},
		agreement.Submitted:          {giver, {"等待提供方受理。", "The provider takes it up."}},
		agreement.Supplement:         {asker, {"补正缺少的内容。", "Supply what is missing."}},
		agreement.Reviewing:          {giver, {"逐项提出答复，报负责人同意。", "Answer item by item and put it to the head."}},
		agreement.Extended:           {giver, {"在延长的期限内提出答复。", "Answer within the longer time."}},
		agreement.CounterOffered:     {asking, {"接受提供方提出的条件，或按新条件申请。", "Accept the terms offered, or ask again."}},
		agreement.Resubmitted:        {giver, {"对新的申请提出答复。", "Answer the new application item by item."}},
		agreement.ProvOfficeApproval: {giving, {"负责人同意后达成协议。", "When the head consents, there is an agreement."}},
		agreement.Approved:           {asking, {"协议自动会签，数秒内完成。", "It is countersigned by itself within seconds."}},
		agreement.Verified:           {giver, {"协议即将生效。", "It is about to bind."}},
		agreement.Provisioning:       {giver, {"提供方在二十个工作日内提供数据。", "The provider provides within 20 working days."}},
		agreement.Active:             {nobody, {"按约定使用数据，并登记使用台账。", "Use the data as agreed and keep the ledger."}},
		agreement.Expired:            {giver, {"提供方要求处置数据；仍需使用的申请续期。", "The provider orders the disposal; apply for renewal if still needed."}},
		agreement.ChangeOfUse:        {giver, {"答复变更申请；同意前按原条件执行。", "Answer the change; the old terms hold until then."}},
		agreement.Suspended:          {giving, {"责令限期整改，或撤销协议。", "Order to put it right, or revoke."}},
		agreement.Rectifying:         {asker, {"在期限内整改并报告，由提供方核实后恢复。", "Put it right and report; the provider then resumes."}},
		agreement.Terminated:         {giver, {"要求需求部门处置数据。", "Say how the data are to be disposed of."}},
		agreement.Disposal:           {asking, {"处置数据并登记销毁证明。", "Dispose of the data and certify it."}},
		agreement.Closed:             {nobody, {"已办结，无须办理。", "Closed: nothing to be done."}},
		agreement.Refused:            {nobody, {"如仍需使用，可另行申请。", "Apply anew if it is still needed."}},
		agreement.Withdrawn:          {nobody, {"如仍需使用，可另行申请。", "Apply anew if it is still needed."}},
	}[s]
	return w[0], w[1]
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

// caseTable lists cases.
func caseTable(v *ui.View, nm *staff.Names, list []agreement.Negotiation) ui.Table {
	t := ui.Table{
		Caption: v.Pick("申请与协议", "Applications and agreements"),
		Columns: []ui.Column{{Label: v.Pick("数据资源", "Resource")}, {Label: v.Pick("需求部门", "Applicant")}, {Label: v.Pick("提供部门", "Provider")}, {Label: v.Pick("最近变动", "Changed")}, {Label: v.Pick("状态", "State")}},
		Empty:   ui.State{Kind: ui.Empty, Title: v.Pick("没有申请或协议", "No application or agreement"), Text: v.Pick("换一个状态再看，或从目录中提出申请。", "Try another state, or apply from the catalogue."), Next: ui.Link{Href: staff.PathCases, Text: v.Pick("查看全部", "Show all")}},
	}
	for i := range list {
		n := &list[i]
		t.Rows = append(t.Rows, []templ.Component{
			ui.Titled(ui.Link{Href: staff.CasePath(n.ID), Text: nm.Title(n)}, n.Application.Resource),
			ui.Words(nm.Party(n.Consumer)), ui.Words(nm.Provider(n)), ui.Moment(v, n.Updated), ui.Chip(v, staff.StatusOf(v, n.State)),
		})
	}
	return t
}
