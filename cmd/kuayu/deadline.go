package main

import (
	"context"
	"strconv"

	"github.com/kuayu/kuayu/cmd/cli"
	"github.com/kuayu/kuayu/support/deadline"
)

// deadlineCmd shows the law's clocks.
type deadlineCmd struct {
	List       deadlineListCmd       `cmd:"" default:"1" help:"正在走的时限，最急的在前。|Clocks that run, the most urgent first."`
	Of         deadlineOfCmd         `cmd:"" help:"一件申请的时限。|The clocks of one application."`
	Violations deadlineViolationsCmd `cmd:"" help:"违规记录。|Violations."`
}

type deadlineListCmd struct {
	Holder string `placeholder:"ROLE" help:"轮到谁：provider、applicant、authority。|Who has to act: provider, applicant, authority."`
	Late   bool   `help:"只看逾期的。|Only what is overdue."`
	Limit  int    `default:"100" help:"最多几条。|How many at most."`
}

func (c *deadlineListCmd) Run(ctx context.Context, a *app) error {
	var p cli.Page[deadline.Deadline]
	late := ""
	if c.Late {
		late = "1"
	}
	if err := a.Get(ctx, with("/api/v1/deadlines", "holder", c.Holder, "late", late, "limit", cli.Count(c.Limit)), &p); err != nil {
		return err
	}
	return a.clocks(p.Items)
}

func (a *app) clocks(cs []deadline.Deadline) error {
	t := &cli.Table{Head: []string{a.T("事项", "matter"), a.T("时限", "clock"), a.T("轮到", "who"), a.T("到何时", "until"), a.T("结果", "outcome")}}
	for i := range cs {
		k := &cs[i]
		what := string(k.Clock)
		if r, err := deadline.RuleOf(k.Clock); err == nil {
			what += " " + a.T(r.Zh, r.En)
		}
		outcome := string(k.Outcome)
		if k.Open() && !k.Late.IsZero() {
			outcome = a.T("逾期", "overdue")
		}
		t.Add(k.Subject, what, string(k.Responsible), k.DueDay(), cli.Dash(outcome))
	}
	return a.List(cs, t, "没有正在走的时限。", "No clock is running.")
}

type deadlineOfCmd struct {
	ID string `arg:"" help:"申请或协议的编号。|Id of the application or agreement."`
}

func (c *deadlineOfCmd) Run(ctx context.Context, a *app) error {
	var p cli.Page[deadline.Deadline]
	if err := a.Get(ctx, step(c.ID, "deadlines"), &p); err != nil {
		return err
	}
	return a.clocks(p.Items)
}

type deadlineViolationsCmd struct {
	Member string `placeholder:"ID" help:"只看某一成员。|Of one member only."`
	Code   string `placeholder:"CODE" help:"只看某一类，如 P4。|Of one kind only, such as P4."`
	Limit  int    `default:"100" help:"最多几条。|How many at most."`
}

func (c *deadlineViolationsCmd) Run(ctx context.Context, a *app) error {
	var p cli.Page[deadline.Violation]
	if err := a.Get(ctx, with("/api/v1/violations", "member", c.Member, "code", c.Code, "limit", cli.Count(c.Limit)), &p); err != nil {
		return err
	}
	t := &cli.Table{Head: []string{a.T("时间", "time"), a.T("类别", "code"), a.T("条文", "article"), a.T("内容", "what"), a.T("何人", "who"), a.T("事项", "matter")}}
	for i := range p.Items {
		v := &p.Items[i]
		o, err := deadline.OffenceOf(v.Code)
		if err != nil {
			return err
		}
		t.Add(cli.When(v.At), string(v.Code), strconv.Itoa(o.Article), a.T(o.Zh, o.En), v.Offender.Member+" "+v.Offender.Department, v.Subject)
	}
	return a.List(p.Items, t, "没有违规记录。", "No violations.")
}
