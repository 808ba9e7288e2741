package console

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/kuayu/kuayu/support/deadline"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/notice"
	"github.com/kuayu/kuayu/support/process"
	"github.com/kuayu/kuayu/web/staff"
	"github.com/kuayu/kuayu/web/ui"
)

const (
	ours   = "11330000MB0000001A"
	theirs = "11310000MB0000002B"
)

func at(day, hour int) time.Time {
	return time.Date(2026, 11, day, hour, 0, 0, 0, time.FixedZone("", 8*60*60))
}

func look(t *testing.T) staff.Visit {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), "GET", staff.PathWorkbench, nil)
	return staff.Visit{Request: r, Sess: &identity.Session{Actor: "officer", Department: ours, Roles: []identity.Role{identity.DataOfficer}}, V: ui.New().View(r)}
}

// What waits is listed once, the most urgent first; what another department must do is not listed.
func TestTasks(t *testing.T) {
	parties := deadline.Parties{Provider: deadline.Party{Department: ours}, Applicant: deadline.Party{Department: theirs}}
	clock := func(subject string, due time.Time, holder deadline.Role) deadline.Deadline {
		return deadline.Deadline{Clock: deadline.D4, Subject: subject, Parties: parties, Responsible: holder, Due: due}
	}
	clocks := []deadline.Deadline{
		clock("agreement/later", at(30, 0), deadline.Provider), clock("agreement/today", at(23, 0), deadline.Provider),
		clock("agreement/late", at(22, 0), deadline.Provider), clock("agreement/theirs", at(23, 0), deadline.Applicant),
	}
	notices := []notice.Notice{
		{ID: "n1", Subject: "agreement/none", Link: "/applications/none", At: at(21, 9), Zh: notice.Text{Title: "无时限"}},
		{ID: "n2", Subject: "agreement/today", Link: "/applications/today", At: at(20, 9), Zh: notice.Text{Title: "收到申请"}},
	}
	tasks, late, today := tasksOf(look(t), at(22, 12), nil, clocks, notices, func(string) string { return "" })
	var got []string
	for _, k := range tasks {
		got = append(got, k.todo.Href+" "+k.todo.Status.Word)
	}
	want := "/applications/late 已超期|/applications/today 今日到期|/applications/later 剩 7 天|/applications/none 新通知"
	if strings.Join(got, "|") != want || late != 1 || today != 1 {
		t.Errorf("%s, %d late, %d today; want %s", strings.Join(got, "|"), late, today, want)
	}
}

// A case stays a to-do whether its notice was read or not, and is listed once with what the notice says.
func TestTodosStay(t *testing.T) {
	todos := []process.Summary{{Kind: "agreement", ID: "a", State: "REVIEWING", Due: at(25, 0)}, {Kind: "demand", ID: "d", State: "ASSIGNED"}}
	notices := []notice.Notice{{ID: "n1", Subject: "agreement/a", Link: "/applications/a", At: at(21, 9), Zh: notice.Text{Title: "收到申请"}}}
	for name, unread := range map[string][]notice.Notice{"unread": notices, "read": nil} {
		tasks, _, _ := tasksOf(look(t), at(22, 12), todos, nil, unread, func(string) string { return "" })
		if len(tasks) != 2 || tasks[0].todo.Href != "/applications/a" || tasks[1].todo.Href != "/demands/d" || tasks[0].read != "" {
			t.Errorf("%s: %+v", name, tasks)
		}
	}
}

// What a clock is about has a page, of each kind that there is.
func TestSubjectPath(t *testing.T) {
	for subject, want := range map[string]string{
		"agreement/n1": "/applications/n1", "catalog/330000/a b": "/resources/330000%2Fa%20b", "correction/c": "/corrections/c", "dispute/d": "/disputes/d", "demand/d": "/demands/d", "other/x": "",
	} {
		if got := staff.SubjectPath(subject); got != want {
			t.Errorf("%s: %q, want %q", subject, got, want)
		}
	}
}

// Beijing's midnight ends a day, wherever the machine stands.
func TestRemaining(t *testing.T) {
	v := look(t).V
	for now, want := range map[time.Time]string{
		at(22, 23): "今日到期", at(23, 0): "已超期", at(21, 1): "剩 1 天", at(22, 0).UTC(): "今日到期", at(12, 12): "剩 10 天",
	} {
		if s, _, _ := remaining(v, now, at(23, 0)); s.Word != want {
			t.Errorf("%v: %q, want %q", now, s.Word, want)
		}
	}
}
