// Package job is the command about the node's own work that failed, for operators: see it, let it run again, drop it.
package job

import (
	"context"
	"net/url"
	"time"

	"github.com/kuayu/kuayu/api/rest"
	"github.com/kuayu/kuayu/cmd/cli"
)

// Cmd is the command.
type Cmd struct {
	List  ListCmd  `cmd:"" default:"1" help:"列出失败与搁置的任务。|List the jobs that failed for good or are parked."`
	Show  ShowCmd  `cmd:"" help:"查看一个任务。|Show one."`
	Retry RetryCmd `cmd:"" help:"重试。|Let it run again."`
	Drop  DropCmd  `cmd:"" help:"放弃并说明理由。|Drop it, with the reason."`
}

// ListCmd lists what failed for good and what is parked.
type ListCmd struct {
	After string `placeholder:"ID" help:"从这个任务之后列起。|Go on after this job."`
}

// Run does it.
func (c *ListCmd) Run(ctx context.Context, a *cli.Session) error {
	var p cli.Page[rest.Job]
	if err := a.Get(ctx, "/api/v1/jobs?after="+url.QueryEscape(c.After), &p); err != nil {
		return err
	}
	t := &cli.Table{Head: []string{a.T("编号", "id"), a.T("状态", "state"), a.T("尝试次数", "attempts"), a.T("错误", "error")}}
	for i := range p.Items {
		j := &p.Items[i]
		t.Add(j.ID, stateWord(a, j.State), cli.Count(j.Attempts), j.Error)
	}
	return a.List(p.Items, t, "没有失败的任务。", "No job has failed.")
}

func stateWord(a *cli.Session, s string) string {
	switch s {
	case "failed":
		return a.T("已失败", "failed")
	case "parked":
		return a.T("已搁置", "parked")
	}
	return a.T("进行中", "on its way")
}

func show(a *cli.Session, j *rest.Job) error {
	t := &cli.Table{}
	t.Add(a.T("编号", "id"), j.ID)
	t.Add(a.T("种类", "kind"), j.Kind)
	t.Add(a.T("状态", "state"), stateWord(a, j.State))
	t.Add(a.T("尝试次数", "attempts"), cli.Count(j.Attempts))
	t.Add(a.T("应执行时间", "due"), j.Due.Format(time.RFC3339))
	t.Add(a.T("错误", "error"), j.Error)
	t.Add(a.T("内容", "payload"), j.Payload)
	return a.Show(j, t)
}

// ShowCmd shows one job.
type ShowCmd struct {
	ID string `arg:"" help:"任务编号。|Id of the job."`
}

// Run does it.
func (c *ShowCmd) Run(ctx context.Context, a *cli.Session) error {
	var j rest.Job
	if err := a.Get(ctx, "/api/v1/jobs/"+url.PathEscape(c.ID), &j); err != nil {
		return err
	}
	return show(a, &j)
}

// RetryCmd lets a failed job run again.
type RetryCmd struct {
	ID string `arg:"" help:"任务编号。|Id of the job."`
}

// Run does it.
func (c *RetryCmd) Run(ctx context.Context, a *cli.Session) error {
	var j rest.Job
	if err := a.Post(ctx, "/api/v1/jobs/"+url.PathEscape(c.ID)+"/retry", nil, &j); err != nil {
		return err
	}
	return show(a, &j)
}

// DropCmd gives a job up.
type DropCmd struct {
	ID     string `arg:"" help:"任务编号。|Id of the job."`
	Reason string `required:"" placeholder:"TEXT" help:"放弃的理由。|Why it is dropped."`
}

// Run does it.
func (c *DropCmd) Run(ctx context.Context, a *cli.Session) error {
	return a.Post(ctx, "/api/v1/jobs/"+url.PathEscape(c.ID)+"/drop", rest.Reason{Reason: c.Reason}, nil)
}
