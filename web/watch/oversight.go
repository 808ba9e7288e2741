package watch

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/kuayu/kuayu/support/deadline"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/policy"
	"github.com/kuayu/kuayu/web/staff"
	"github.com/kuayu/kuayu/web/ui"
)

// overdueMost bounds what the figures of the overdue count.
const overdueMost = 500

// late is an overdue matter as the page shows it.
type late struct {
	todo   ui.Todo
	due    time.Time
	remind *ui.Question // nil: it is another member's, whose own authority reminds it
	told   string       // when it was reminded last
}

// oversight is what is overdue, by whom, and what was said about it.
func (w *Watch) oversight(rw http.ResponseWriter, q staff.Visit) error {
	if err := q.Sess.Require(identity.Authority); err != nil {
		return err
	}
	v, sc := q.V, q.Sess.Scope()
	all, err := w.Clocks.Running(q.Context(), sc, deadline.OpenQuery{Late: true, Limit: overdueMost})
	if err != nil {
		return err
	}
	list, err := w.Clocks.Running(q.Context(), sc, deadline.OpenQuery{Late: true, After: q.URL.Query().Get("after"), Limit: shown})
	if err != nil {
		return err
	}
	tallies, err := w.Clocks.Tallies(q.Context(), sc, deadline.ViolationQuery{From: w.Clock.Now().AddDate(-1, 0, 0)})
	if err != nil {
		return err
	}
	sent, err := w.Clocks.Reminders(q.Context(), sc, deadline.ReminderQuery{After: q.URL.Query().Get("sent"), Limit: shown})
	if err != nil {
		return err
	}
	nm := w.Names(q)
	x := oversightView{now: w.Clock.Now(), byMember: overdueBy(v, nm, all.Items), byOffence: offencesOf(v, nm, tallies), sent: reminderTable(v, nm, w, q, sent.Items)}
	for i := range list.Items {
		l, err := w.late(q, nm, &list.Items[i])
		if err != nil {
			return err
		}
		x.late = append(x.late, l)
	}
	x.figures = []ui.Figure{
		{Label: v.Pick("超期未办", "Overdue"), Value: atLeast(v, len(all.Items), all.Next != ""), Status: ui.Status{Tone: ui.Good, Word: v.Pick("没有超期", "None")}},
		{Label: v.Pick("涉及部门", "Departments"), Value: v.Number(int64(len(x.byMember.Points)))},
	}
	if len(all.Items) > 0 {
		x.figures[0].Status = ui.Status{Tone: ui.Bad, Word: v.Pick("须督促办理", "See that they act")}
	}
	total := 0
	for _, t := range tallies {
		total += t.Count
	}
	x.figures = append(x.figures, ui.Figure{Label: v.Pick("近一年违规记录", "Violations in a year"), Value: v.Number(int64(total))})
	x.paging = ui.Paging{Total: int64(len(list.Items)), Over: list.Next != "", Previous: back(v), Next: more(v, list.Next), Of: v.Pick("：超期未办", ": overdue")}
	x.sentPaging = ui.Paging{Total: int64(len(sent.Items)), Over: sent.Next != "", Of: v.Pick("：已发督办", ": reminders")}
	if sent.Next != "" {
		x.sentPaging.Next = v.With("sent", sent.Next)
	}
	w.Show(rw, q, http.StatusOK, staff.PathOversight, ui.PageInfo{
		Title: v.Pick("督办", "Oversight"), Lead: v.Pick("超过法定时限的事项，按成员和部门列出，可发督办通知。", "What passed the law's time limits, by member and department; remind whoever must act."), Crumbs: []ui.Link{staff.Home(v)},
		Action: ui.Button(v, ui.Link{Href: staff.PathMembers, Text: v.Pick("查看成员节点", "Members' nodes")}, "building", false),
	}, oversightPage(v, x))
	return nil
}

// atLeast is a count, or that there are more.
func atLeast(v *ui.View, n int, more bool) string {
	if more {
		return v.Pick(v.Number(int64(n))+" 以上", "over "+v.Number(int64(n)))
	}
	return v.Number(int64(n))
}

func holderOf(nm *staff.Names, k *deadline.Deadline) string {
	p := k.Parties.Of(k.Responsible)
	return nm.Party(policy.Party{Member: p.Member, Department: p.Department})
}

func clockName(v *ui.View, id deadline.ID) string {
	if r, err := deadline.RuleOf(id); err == nil {
		return v.Pick(r.Zh, r.En)
	}
	return v.Pick("法定时限", "A time limit of the law")
}

func overdueBy(v *ui.View, nm *staff.Names, ks []deadline.Deadline) ui.Chart {
	c := ui.Chart{ID: "overdue", Title: v.Pick("超期未办（件）", "Overdue")}
	n := map[string]int64{}
	for i := range ks {
		n[holderOf(nm, &ks[i])]++
	}
	for _, name := range byCount(n) {
		c.Points = append(c.Points, ui.Point{Name: name, Value: n[name]})
	}
	return c
}

func offencesOf(v *ui.View, nm *staff.Names, ts []deadline.Tally) ui.Table {
	t := ui.Table{
		Caption: v.Pick("近一年违规记录", "Violations in a year"),
		Columns: []ui.Column{{Label: v.Pick("部门", "Department")}, {Label: v.Pick("违规情形", "Violation")}, {Label: v.Pick("次数", "Times"), Number: true}},
	}
	for _, x := range ts {
		what := v.Pick("其他情形", "other")
		if o, err := deadline.OffenceOf(x.Code); err == nil {
			what = v.Pick(o.Zh, o.En)
		}
		t.Rows = append(t.Rows, []templ.Component{ui.Words(nm.Party(policy.Party{Member: x.Member, Department: x.Department})), ui.Words(what), ui.Words(v.Number(int64(x.Count)))})
	}
	return t
}

// about is the page of a matter and what it is, as far as the visitor may know.
func (w *Watch) about(q staff.Visit, nm *staff.Names, subject string) ui.Link {
	kind, id, _ := strings.Cut(subject, "/")
	switch kind {
	case "agreement":
		if n, err := w.Cases.Get(q.Context(), q.Sess.Scope(), id); err == nil {
			return ui.Link{Href: staff.CasePath(n.ID), Text: nm.Title(n)}
		}
	case "catalog":
		if e := nm.Entry(nm.Self(), id); e != nil {
			return ui.Link{Href: staff.EntryPath(nm.Self(), id), Text: e.Name}
		}
		return ui.Link{Text: q.V.Pick("目录编码 ", "Code in the catalogue ") + id}
	}
	return ui.Link{Href: staff.SubjectPath(subject), Text: q.V.Pick("事项编号 ", "Case ") + id}
}

func (w *Watch) late(q staff.Visit, nm *staff.Names, k *deadline.Deadline) (late, error) {
	v := q.V
	about := w.about(q, nm, k.Subject)
	days := int(w.Clock.Now().Sub(k.Due).Hours()/24) + 1
	l := late{due: k.Due.Add(-time.Nanosecond), todo: ui.Todo{
		Href: about.Href, Title: clockName(v, k.Clock) + v.Pick("：", ": ") + about.Text, Text: v.Pick("责任方 ", "To act: ") + holderOf(nm, k),
		Status: ui.Status{Tone: ui.Bad, Word: v.Pick("超期 "+v.Number(int64(days))+" 天", v.Number(int64(days))+" days late")},
	}}
	told, err := w.Clocks.Reminders(q.Context(), q.Sess.Scope(), deadline.ReminderQuery{Clock: k.ID, Limit: 1})
	if err != nil {
		return l, err
	}
	if len(told.Items) > 0 {
		l.told = v.Pick("已于 ", "Reminded at ") + v.Minute(told.Items[0].At) + v.Pick(" 督办。", ".")
	}
	if !k.Watch && k.Parties.Of(k.Responsible).Department == k.Department {
		l.remind = &ui.Question{
			Act: v.Pick("发督办通知", "Remind"), Post: staff.PathOversight + "/" + url.PathEscape(k.ID) + "/remind", Reason: v.Pick("督办要求（不超过 120 字）", "What is to be done (at most 120 characters)"),
			Text: v.Pick("通知送达该部门的数据专员和共享工作机构负责人，并留存证。", "It goes to the department's data officers and the head of its sharing office, and into the evidence."),
		}
	}
	return l, nil
}

func reminderTable(v *ui.View, nm *staff.Names, w *Watch, q staff.Visit, rs []deadline.Reminder) ui.Table {
	t := ui.Table{
		Caption: v.Pick("已发督办", "Reminders"),
		Columns: []ui.Column{{Label: v.Pick("时间", "Time")}, {Label: v.Pick("部门", "Department")}, {Label: v.Pick("事项", "Matter")}, {Label: v.Pick("督办要求", "What was said")}, {Label: v.Pick("经办", "By")}},
		Empty:   ui.State{Kind: ui.Empty, Title: v.Pick("还没有发过督办通知", "No reminder was sent yet"), Text: v.Pick("有事项超期时，可在上方逐件发出。", "Overdue matters above can be reminded of, one by one.")},
	}
	for i := range rs {
		r := &rs[i]
		about, what := w.about(q, nm, r.Subject), ui.Words(clockName(v, r.What))
		if about.Href != "" {
			what = ui.Titled(ui.Link{Href: about.Href, Text: about.Text}, clockName(v, r.What))
		}
		t.Rows = append(t.Rows, []templ.Component{ui.Instant(v, r.At), ui.Words(nm.Party(policy.Party{Member: nm.Self(), Department: r.Department})), what, ui.Words(r.Text), ui.Words(nm.Person(r.By))})
	}
	return t
}

// remind tells a department to act.
func (w *Watch) remind(rw http.ResponseWriter, q staff.Visit) error {
	f, err := staff.Form(rw, q)
	if err != nil {
		return err
	}
	if _, err := w.Clocks.Remind(q.Context(), q.Sess, q.PathValue("clock"), f.Get("reason")); err != nil {
		return err
	}
	return staff.Done(rw, q, staff.PathOversight, "remind")
}
