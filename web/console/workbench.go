package console

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/kuayu/kuayu/support/deadline"
	"github.com/kuayu/kuayu/support/notice"
	"github.com/kuayu/kuayu/support/process"
	"github.com/kuayu/kuayu/web/staff"
	"github.com/kuayu/kuayu/web/ui"
)

// shown bounds what the workbench lists of each kind.
const shown = 100

// task is one line of what waits for an officer: a case whose turn is the officer's, a clock of the law that is this
// department's to stop, or a notice.
type task struct {
	due  time.Time // last moment; zero: no clock runs
	at   time.Time
	todo ui.Todo
	read string // id of the notice to be marked as read
}

// workbench is an officer's first page: what waits, the most urgent first.
func (c *Console) workbench(w http.ResponseWriter, q staff.Visit) error {
	now := c.Clock.Now()
	todos, clocks, inbox, err := c.waits(q)
	if err != nil {
		return err
	}
	nm := c.Names(q)
	tasks, late, today := tasksOf(q, now, todos, clocks, inbox.Items, func(subject string) string { return c.about(q, nm, subject) })
	figures := []ui.Figure{
		{Label: q.V.Pick("待办事项", "Waiting for you"), Value: q.V.Number(int64(len(tasks)))},
		{Label: q.V.Pick("今日到期", "Due today"), Value: q.V.Number(int64(today)), Status: ui.Status{Tone: toneOf(today, ui.Warning), Word: wordOf(q.V, today, "尽快办理", "Do it now")}},
		{Label: q.V.Pick("已超期", "Overdue"), Value: q.V.Number(int64(late)), Status: ui.Status{Tone: toneOf(late, ui.Bad), Word: wordOf(q.V, late, "须说明原因", "Say why")}},
		{Label: q.V.Pick("未读通知", "Unread notices"), Value: q.V.Number(int64(inbox.Unread))},
	}
	c.Show(w, q, http.StatusOK, staff.PathWorkbench, ui.PageInfo{
		Title: q.V.Pick("工作台", "Workbench"), Action: ui.Button(q.V, ui.Link{Href: staff.PathInbox, Text: q.V.Pick("全部通知", "All notices")}, "inbox", false),
	}, workbenchPage(q.V, now, figures, tasks))
	return nil
}

// waiting is how many things wait for a visitor.
func (c *Console) waiting(q staff.Visit) (int, error) {
	todos, clocks, inbox, err := c.waits(q)
	if err != nil {
		return 0, err
	}
	tasks, _, _ := tasksOf(q, c.Clock.Now(), todos, clocks, inbox.Items, func(string) string { return "" })
	return len(tasks), nil
}

// waits are the cases, the law's clocks and the notices that wait for a visitor.
func (c *Console) waits(q staff.Visit) ([]process.Summary, []deadline.Deadline, *notice.Page, error) {
	todos, err := c.Todos.Todos(q.Context(), q.Sess, process.Filter{Limit: shown})
	if err != nil {
		return nil, nil, nil, err
	}
	clocks, err := c.Clocks.Running(q.Context(), q.Sess.Scope(), deadline.OpenQuery{Limit: shown})
	if err != nil {
		return nil, nil, nil, err
	}
	inbox, err := c.Inbox.List(q.Context(), q.Sess, notice.Query{Unread: true, Limit: shown})
	if err != nil {
		return nil, nil, nil, err
	}
	return todos, clocks.Items, inbox, nil
}

func toneOf(n int, bad ui.Tone) ui.Tone {
	if n == 0 {
		return ui.Good
	}
	return bad
}

func wordOf(v *ui.View, n int, zh, en string) string {
	if n == 0 {
		return v.Pick("没有", "None")
	}
	return v.Pick(zh, en)
}

// tasksOf puts cases, clocks and notices into one list. A case whose turn is the visitor's stands in it until the state of
// the case says otherwise, whatever was read; the latest notice about it says what happened. A notice about a case whose
// clock runs takes the clock's time. Nothing is listed twice.
func tasksOf(q staff.Visit, now time.Time, todos []process.Summary, clocks []deadline.Deadline, notices []notice.Notice, about func(subject string) string) (tasks []task, late, today int) {
	due := map[string]deadline.Deadline{}
	for _, k := range clocks {
		if k.Watch || k.Parties.Of(k.Responsible).Department != q.Sess.Department {
			continue // it is somebody else's turn
		}
		if old, ok := due[k.Subject]; !ok || k.Due.Before(old.Due) {
			due[k.Subject] = k
		}
	}
	told := map[string]bool{}
	latest, todo := map[string]*notice.Notice{}, map[string]bool{}
	for i := range notices {
		if n := &notices[i]; latest[n.Subject] == nil || latest[n.Subject].At.Before(n.At) {
			latest[n.Subject] = n
		}
	}
	for i := range todos {
		x := &todos[i]
		subject := x.Kind + "/" + x.ID
		told[subject], todo[subject] = true, true
		t := task{due: x.Due, at: x.Updated, todo: ui.Todo{Href: staff.SubjectPath(subject), Title: staff.CaseWord(q.V, x), Text: about(subject), Status: ui.Status{Tone: ui.Notice, Word: q.V.Pick("待办", "To do")}}}
		if n := latest[subject]; n != nil {
			text := noticeText(q.V, n)
			t.todo.Title, t.todo.Text = text.Title, text.Body
		}
		tasks = append(tasks, t)
	}
	for i := range notices {
		n := &notices[i]
		if todo[n.Subject] {
			continue
		}
		text := noticeText(q.V, n)
		t := task{at: n.At, read: n.ID, todo: ui.Todo{Href: n.Link, Title: text.Title, Text: text.Body, Status: ui.Status{Tone: ui.Notice, Word: q.V.Pick("新通知", "New")}}}
		if k, ok := due[n.Subject]; ok && !told[n.Subject] {
			told[n.Subject] = true
			t.due = k.Due
		}
		tasks = append(tasks, t)
	}
	for subject, k := range due {
		if told[subject] {
			continue
		}
		rule, err := deadline.RuleOf(k.Clock)
		if err != nil {
			continue // a clock of a newer version
		}
		t := task{due: k.Due, at: k.Started, todo: ui.Todo{Title: q.V.Pick(rule.Zh, rule.En), Href: staff.SubjectPath(subject), Text: about(subject)}}
		tasks = append(tasks, t)
	}
	for i := range tasks {
		if tasks[i].due.IsZero() {
			continue
		}
		var isLate, isToday bool
		tasks[i].todo.Status, isLate, isToday = remaining(q.V, now, tasks[i].due)
		late += one(isLate)
		today += one(isToday)
	}
	slices.SortStableFunc(tasks, func(a, b task) int {
		switch {
		case a.due.IsZero() != b.due.IsZero():
			return one(a.due.IsZero()) - one(b.due.IsZero())
		case !a.due.Equal(b.due):
			return a.due.Compare(b.due)
		}
		return cmp.Or(b.at.Compare(a.at), cmp.Compare(a.todo.Href, b.todo.Href))
	})
	return tasks, late, today
}

// about says in words what a clock is about.
func (c *Console) about(q staff.Visit, nm *staff.Names, subject string) string {
	kind, id, _ := strings.Cut(subject, "/")
	v := q.V
	switch kind {
	case "agreement":
		if n, err := c.Cases.Get(q.Context(), q.Sess.Scope(), id); err == nil {
			return nm.Title(n) + v.Pick("・需求部门 ", ". Applicant: ") + nm.Party(n.Consumer)
		}
	case "catalog":
		if e := nm.Entry(c.Self, id); e != nil {
			return v.Pick("目录条目：", "Entry: ") + e.Name
		}
	}
	if text := c.Subject(q, nm, kind, id); text != "" {
		return text
	}
	word, ok := map[string]staff.Pair{
		"agreement": {"一项申请或协议", "An application or agreement"}, "catalog": {"一项目录条目", "An entry of the catalogue"}, "correction": {"一项校核申请", "A report of a wrong record"},
		"dispute": {"一项争议", "A dispute"}, "demand": {"一项数据需求", "A demand"}, "scheme": {"一项共享方案", "A scheme"},
	}[kind]
	if !ok {
		return v.Pick("一项限期办理的事项", "Something with a time limit")
	}
	return word.In(v)
}

func noticeText(v *ui.View, n *notice.Notice) notice.Text {
	if v.Lang == ui.English {
		return n.En
	}
	return n.Zh
}

func one(b bool) int {
	if b {
		return 1
	}
	return 0
}

// soonDays is from when a deadline is near, in days.
const soonDays = 2

// remaining says how long there is until a clock runs out. A clock is due at the midnight after its last day.
func remaining(v *ui.View, now, due time.Time) (s ui.Status, late, today bool) {
	last := due.Add(-time.Nanosecond).In(v.Zone)
	date := func(t time.Time) time.Time {
		y, m, d := t.In(v.Zone).Date()
		return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	}
	days := int(date(last).Sub(date(now)).Hours() / 24)
	switch {
	case !now.Before(due):
		return ui.Status{Tone: ui.Bad, Word: v.Pick("已超期", "Overdue")}, true, false
	case days == 0:
		return ui.Status{Tone: ui.Warning, Word: v.Pick("今日到期", "Due today")}, false, true
	case days <= soonDays:
		return ui.Status{Tone: ui.Warning, Word: v.Pick("剩 "+v.Number(int64(days))+" 天", v.Number(int64(days))+" days left")}, false, false
	}
	return ui.Status{Tone: ui.Notice, Word: v.Pick("剩 "+v.Number(int64(days))+" 天", v.Number(int64(days))+" days left"), Icon: "clock"}, false, false
}

// markRead takes a notice off the workbench.
func (c *Console) markRead(w http.ResponseWriter, q staff.Visit) error {
	if err := c.Inbox.MarkRead(q.Context(), q.Sess, q.PathValue("id")); err != nil {
		return err
	}
	http.Redirect(w, q.Request, staff.PathWorkbench, http.StatusSeeOther)
	return nil
}
