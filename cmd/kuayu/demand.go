package main

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/kuayu/kuayu/api/rest"
	"github.com/kuayu/kuayu/cmd/cli"
	"github.com/kuayu/kuayu/exchange/demand"
)

// demandCmd is about data that nobody offers yet (Decree 809 art. 20).
type demandCmd struct {
	New        demandNewCmd        `cmd:"" help:"提出数据需求（JSON 文件）。|Write a demand (JSON file)."`
	List       demandListCmd       `cmd:"" default:"withargs" help:"需求清单。|List demands."`
	Show       demandShowCmd       `cmd:"" help:"查看需求。|Show a demand."`
	Matches    demandMatchesCmd    `cmd:"" help:"可能满足需求的目录条目。|Entries that seem to offer what is needed."`
	Candidates demandCandidatesCmd `cmd:"" help:"可能掌握数据的本节点部门（主管部门）。|Departments of this node that are likely to hold it (authority)."`
	Consent    demandConsentCmd    `cmd:"" help:"同意需求，列入清单。|Consent that a demand is listed."`
	Return     demandReturnCmd     `cmd:"" help:"退回需求。|Return a demand."`
	Withdraw   demandWithdrawCmd   `cmd:"" help:"撤回需求。|Withdraw a demand."`
	Satisfy    demandSatisfyCmd    `cmd:"" help:"以所提申请办结需求。|Close a demand with the application made for it."`
	Assign     demandAssignCmd     `cmd:"" help:"交由部门答复（主管部门）。|Name the department that is to answer (authority)."`
	Reply      demandReplyCmd      `cmd:"" help:"答复需求。|Answer a demand."`
}

type demandNewCmd struct {
	File   string   `arg:"" help:"JSON 文件：{\"name\":…,\"items\":[…],\"scenario\":…,\"basis\":{…},\"scope\":…,\"until\":…}；“-”为标准输入。|JSON file: {\"name\":…,\"items\":[…],\"scenario\":…,\"basis\":{…},\"scope\":…,\"until\":…}; “-” is standard input."`
	Member []string `placeholder:"ID" help:"向哪些成员提出；缺省为全体。|Members to be asked; default all."`
}

func (c *demandNewCmd) Run(ctx context.Context, a *app) error {
	in := rest.DemandRequest{Members: c.Member}
	if err := a.ReadJSON(c.File, &in.Want); err != nil {
		return err
	}
	return a.demand(ctx, "/api/v1/demands", in)
}

func (a *app) demand(ctx context.Context, path string, in any) error {
	var d demand.Demand
	if err := a.Post(ctx, path, in, &d); err != nil {
		return err
	}
	return a.showDemand(&d)
}

func demandPath(id, verb string) string { return "/api/v1/demands/" + seg(id) + "/" + verb }

func (a *app) showDemand(d *demand.Demand) error {
	t := &cli.Table{}
	t.Add(a.T("编号", "id"), d.ID)
	t.Add(a.T("需求", "demand"), d.Want.Name)
	t.Add(a.T("状态", "state"), string(d.State))
	t.Add(a.T("提出方", "asked by"), d.Consumer.Member+" "+d.Consumer.Department)
	t.Add(a.T("数据项", "items"), strings.Join(d.Want.Items, a.T("、", ", ")))
	t.Add(a.T("场景", "scenario"), d.Want.Scenario)
	t.Add(a.T("范围", "scope"), d.Want.Scope)
	t.Add(a.T("期望时间", "needed by"), cli.When(d.Want.Until))
	for _, x := range d.Answers {
		t.Add(a.T("答复 ", "answer of ")+x.From.Member, a.answerText(&x.AnswerGiven))
	}
	return a.Show(d, t)
}

func (a *app) answerText(x *demand.AnswerGiven) string {
	switch x.Kind {
	case demand.Offered:
		return a.T("已有目录条目 ", "entry ") + x.Resource
	case demand.Planned:
		return a.T("计划发布于 ", "planned by ") + x.By.Format(time.DateOnly) + " " + x.Reason
	case demand.NotHeld:
		return a.T("未掌握：", "not held: ") + x.Reason
	}
	return string(x.Kind)
}

type demandListCmd struct {
	State string `help:"只列某状态。|Only those in a state."`
	Limit int    `default:"100" help:"最多几条。|How many at most."`
}

func (c *demandListCmd) Run(ctx context.Context, a *app) error {
	var p cli.Page[demand.Demand]
	if err := a.Get(ctx, with("/api/v1/demands", "state", c.State, "limit", cli.Count(c.Limit)), &p); err != nil {
		return err
	}
	t := &cli.Table{Head: []string{a.T("编号", "id"), a.T("需求", "demand"), a.T("提出方", "asked by"), a.T("状态", "state"), a.T("答复", "answers"), a.T("更新", "updated")}}
	for i := range p.Items {
		d := &p.Items[i]
		t.Add(d.ID, d.Want.Name, d.Consumer.Member, string(d.State), strconv.Itoa(len(d.Answers)), cli.When(d.Updated))
	}
	return a.List(p.Items, t, "清单为空：kuayu demand new FILE 提出需求。", "The list is empty: kuayu demand new FILE writes a demand.")
}

type demandShowCmd struct {
	ID string `arg:"" help:"需求编号。|Id of the demand."`
}

func (c *demandShowCmd) Run(ctx context.Context, a *app) error {
	var d demand.Demand
	if err := a.Get(ctx, "/api/v1/demands/"+seg(c.ID), &d); err != nil {
		return err
	}
	return a.showDemand(&d)
}

type demandMatchesCmd struct {
	ID string `arg:"" help:"需求编号。|Id of the demand."`
}

func (c *demandMatchesCmd) Run(ctx context.Context, a *app) error {
	var p cli.Page[demand.Match]
	if err := a.Get(ctx, demandPath(c.ID, "matches"), &p); err != nil {
		return err
	}
	t := &cli.Table{Head: []string{a.T("成员", "member"), a.T("代码", "code"), a.T("名称", "name"), a.T("提供部门", "provider"), a.T("相符", "fits"), "%"}}
	for _, m := range p.Items {
		t.Add(m.Member, m.Code, m.Name, m.Provider, strings.Join(m.Fits, a.T("、", ", ")), strconv.Itoa(m.Score))
	}
	return a.List(p.Items, t, "没有相近的目录条目，请等待各方答复。", "No entry comes near; wait for the answers.")
}

type demandCandidatesCmd struct {
	ID string `arg:"" help:"需求编号。|Id of the demand."`
}

func (c *demandCandidatesCmd) Run(ctx context.Context, a *app) error {
	var p cli.Page[demand.Candidate]
	if err := a.Get(ctx, demandPath(c.ID, "candidates"), &p); err != nil {
		return err
	}
	t := &cli.Table{Head: []string{a.T("部门", "department"), a.T("名称", "name"), a.T("依据", "because of"), "%"}}
	for _, x := range p.Items {
		names := make([]string, len(x.Why))
		for i, m := range x.Why {
			names[i] = m.Name
		}
		t.Add(x.Department, x.Name, strings.Join(names, a.T("、", ", ")), strconv.Itoa(x.Score))
	}
	return a.List(p.Items, t, "没有部门的目录与之相近，请按职责指定。", "No department's entries come near; assign by duty.")
}

type demandConsentCmd struct {
	ID string `arg:"" help:"需求编号。|Id of the demand."`
}

func (c *demandConsentCmd) Run(ctx context.Context, a *app) error {
	return a.demand(ctx, demandPath(c.ID, "consent"), nil)
}

type demandReturnCmd struct {
	ID     string `arg:"" help:"需求编号。|Id of the demand."`
	Reason string `required:"" help:"理由。|Why."`
}

func (c *demandReturnCmd) Run(ctx context.Context, a *app) error {
	return a.demand(ctx, demandPath(c.ID, "return"), rest.Reason{Reason: c.Reason})
}

type demandWithdrawCmd struct {
	ID     string `arg:"" help:"需求编号。|Id of the demand."`
	Reason string `help:"理由。|Why."`
}

func (c *demandWithdrawCmd) Run(ctx context.Context, a *app) error {
	return a.demand(ctx, demandPath(c.ID, "withdraw"), rest.Reason{Reason: c.Reason})
}

type demandSatisfyCmd struct {
	ID          string `arg:"" help:"需求编号。|Id of the demand."`
	Application string `required:"" help:"申请编号。|Id of the application."`
}

func (c *demandSatisfyCmd) Run(ctx context.Context, a *app) error {
	return a.demand(ctx, demandPath(c.ID, "satisfy"), rest.Satisfaction{Application: c.Application})
}

type demandAssignCmd struct {
	ID         string `arg:"" help:"需求编号。|Id of the demand."`
	Department string `required:"" help:"部门的统一社会信用代码。|USCC of the department."`
}

func (c *demandAssignCmd) Run(ctx context.Context, a *app) error {
	return a.demand(ctx, demandPath(c.ID, "assign"), rest.Assignment{Department: c.Department})
}

type demandReplyCmd struct {
	ID       string    `arg:"" help:"需求编号。|Id of the demand."`
	Resource string    `xor:"kind" help:"已有的目录条目代码。|Code of an entry that offers it."`
	By       time.Time `xor:"kind" format:"2006-01-02" placeholder:"DATE" help:"计划发布日期。|Day by which an entry is planned."`
	NotHeld  bool      `xor:"kind" help:"未掌握。|Not held."`
	Reason   string    `help:"理由或说明。|Why, or what is in the way."`
}

func (c *demandReplyCmd) Run(ctx context.Context, a *app) error {
	in := demand.AnswerGiven{Kind: demand.NotHeld, Resource: c.Resource, By: c.By, Reason: c.Reason}
	switch {
	case c.Resource != "":
		in.Kind = demand.Offered
	case !c.By.IsZero():
		in.Kind = demand.Planned
	case !c.NotHeld:
		return cli.ErrUsage.With(a.T("须给出 --resource、--by 或 --not-held", "give --resource, --by or --not-held"))
	}
	return a.demand(ctx, demandPath(c.ID, "reply"), in)
}
