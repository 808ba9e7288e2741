package watch

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/kuayu/kuayu/internal/queue"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/web/staff"
	"github.com/kuayu/kuayu/web/ui"
)

// Jobs are the node's own work that needs somebody. queue.Queue is one.
type Jobs interface {
	Stuck(ctx context.Context, after string, limit int) ([]queue.Job, error)
	State(j *queue.Job) string
	Retry(ctx context.Context, id string) (*queue.Job, error)
	Drop(ctx context.Context, id, who, reason string) error
}

// pathJobs is the page of the failed jobs; a notice about the node's tasks leads there.
const pathJobs = "/jobs"

// jobsShown is how many are on a page.
const jobsShown = 50

// jobWord says what a kind of job does.
func jobWord(v *ui.View, kind string) string {
	words := map[string]staff.Pair{
		"evidence.seal": {"事实存证", "sealing a fact"}, "peer.send": {"向成员送达消息", "delivering a message to a member"}, "deadline.tick": {"法定时限计时", "a time limit of the law"},
		"agreement.expire": {"协议到期", "the end of an agreement"}, "notice.out": {"发送通知", "sending a notice"}, "notice.mail": {"发送邮件", "sending mail"},
		"notice.digest": {"发送每日汇总", "sending the daily digest"}, "notice.hook": {"调用部门回调", "calling a web-hook"},
	}
	if w, ok := words[kind]; ok {
		return w.In(v)
	}
	return v.Pick("其他后台任务", "other work of the node")
}

// jobLine is a job on its page.
type jobLine struct {
	what, id, kind, since, code string
	status                      ui.Status
	acts                        []ui.Question
}

type jobsView struct {
	jobs []jobLine
	next string
}

// jobs lists what failed for good and what is parked.
func (w *Watch) jobs(rw http.ResponseWriter, q staff.Visit) error {
	if err := q.Sess.Require(identity.Operator); err != nil {
		return err
	}
	v := q.V
	list, err := w.Jobs.Stuck(q.Context(), q.URL.Query().Get("after"), jobsShown+1)
	if err != nil {
		return err
	}
	x := jobsView{}
	if len(list) > jobsShown {
		list = list[:jobsShown]
		x.next = v.With("after", list[jobsShown-1].ID)
	}
	for i := range list {
		x.jobs = append(x.jobs, w.jobLine(v, &list[i]))
	}
	w.Show(rw, q, http.StatusOK, staff.PathSetup, ui.PageInfo{
		Title: v.Pick("失败的任务", "Failed jobs"), Lead: v.Pick("自动重试无望、需要运维员处理的后台任务。", "Work of the node that trying again by itself can't help: an operator decides."), Crumbs: []ui.Link{staff.Home(v)},
	}, jobsPage(v, x))
	return nil
}

func (w *Watch) jobLine(v *ui.View, j *queue.Job) jobLine {
	path := pathJobs + "/" + url.PathEscape(j.ID)
	line := jobLine{
		what: jobWord(v, j.Kind), id: j.ID, kind: j.Kind, since: v.Minute(j.RunAt), code: codeOf(j.LastError),
		status: ui.Status{Tone: ui.Bad, Word: v.Pick("已失败", "Failed")},
	}
	drop := ui.Question{
		Act: v.Pick("放弃", "Drop"), Text: v.Pick("该任务不再执行；任务内容、放弃人和理由会保留。", "It is never done. What it was, who dropped it and why is kept."),
		Post: path + "/drop", Reason: v.Pick("放弃的理由", "Why it is dropped"), Danger: true,
	}
	if w.Jobs.State(j) == queue.Parked {
		line.status = ui.Status{Tone: ui.Warning, Word: v.Pick("已搁置：本版本程序不认识", "Parked: this version does not know it")}
		line.acts = []ui.Question{drop}
		return line
	}
	line.acts = []ui.Question{
		{Act: v.Pick("重试", "Try again"), Text: v.Pick("立即重新执行；如仍失败，会再次列在这里。", "It runs again now. If it fails for good, it is listed here again."), Post: path + "/retry"}, drop,
	}
	return line
}

// codeOf is the code in an error as the queue keeps it.
func codeOf(text string) string {
	text = strings.TrimPrefix(text, "not retried: ")
	code, _, ok := strings.Cut(text, ": ")
	if !ok || strings.ContainsAny(code, " \n") {
		return ""
	}
	return code
}

// changeJob tries a job again or drops it.
func (w *Watch) changeJob(rw http.ResponseWriter, q staff.Visit) error {
	if err := q.Sess.Require(identity.Operator); err != nil {
		return err
	}
	f, err := staff.Form(rw, q)
	if err != nil {
		return err
	}
	id, act := q.PathValue("id"), q.PathValue("act")
	switch act {
	case "retry":
		_, err = w.Jobs.Retry(q.Context(), id)
	case "drop":
		err = w.Jobs.Drop(q.Context(), id, q.Sess.Actor, f.Get("reason"))
	default:
		err = staff.ErrNoAct.With()
	}
	if err != nil {
		return err
	}
	return staff.Done(rw, q, pathJobs, "job-"+act)
}
