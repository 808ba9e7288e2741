package main

import (
	"context"
	"strconv"
	"strings"

	"github.com/kuayu/kuayu/api/rest"
	"github.com/kuayu/kuayu/cmd/cli"
	"github.com/kuayu/kuayu/exchange/objection"
	"github.com/kuayu/kuayu/support/policy"
)

// correctionCmd is about records that are wrong (Decree 809 art. 26).
type correctionCmd struct {
	New    correctionNewCmd    `cmd:"" help:"提出校核申请；事项照常办理。|Report that a record is wrong; the case goes on."`
	List   correctionListCmd   `cmd:"" default:"1" help:"列出校核申请。|List corrections."`
	Show   correctionShowCmd   `cmd:"" help:"查看校核申请。|Show a correction."`
	Answer correctionAnswerCmd `cmd:"" help:"反馈核查结果。|Answer a correction."`
}

type correctionNewCmd struct {
	Agreement string   `arg:"" help:"协议编号。|Id of the agreement."`
	Record    string   `required:"" placeholder:"ITEM=VALUE" help:"哪条记录。|Which record."`
	Received  []string `required:"" sep:"none" placeholder:"ITEM=VALUE" help:"收到的值；可重复。|The value received; repeatable."`
	Claimed   []string `required:"" sep:"none" placeholder:"ITEM=VALUE" help:"主张的值；可重复。|The value it should be; repeatable."`
	Reason    string   `required:"" help:"理由。|Why."`
	Evidence  string   `help:"依据。|What speaks for it."`
	Person    bool     `help:"代本人提出。|On behalf of the person concerned."`
	Case      string   `help:"所办事项。|The matter the record is needed for."`
}

func (c *correctionNewCmd) Run(ctx context.Context, a *app) error {
	item, v, err := a.equality(c.Record)
	if err != nil {
		return err
	}
	in := objection.CorrectionRequest{
		Key: policy.Predicate{Op: policy.Eq, Item: item, Values: []policy.Value{v}}, Reason: c.Reason, Evidence: c.Evidence, Person: c.Person, Case: c.Case,
	}
	got := map[string]string{}
	if err := a.pairs(c.Received, func(item, text string) { got[item] = text }); err != nil {
		return err
	}
	err = a.pairs(c.Claimed, func(item, text string) {
		in.Items = append(in.Items, objection.WrongItem{Item: item, Received: got[item], Claimed: text})
		delete(got, item)
	})
	if err != nil {
		return err
	}
	for item := range got {
		return cli.ErrUsage.With(a.T("--claimed 缺少 "+item, "--claimed lacks "+item))
	}
	return a.correction(ctx, agreed(c.Agreement, "corrections"), in)
}

func (a *app) correction(ctx context.Context, path string, in any) error {
	var x objection.Correction
	if err := a.Post(ctx, path, in, &x); err != nil {
		return err
	}
	return a.showCorrection(&x)
}

func (a *app) showCorrection(x *objection.Correction) error {
	t := &cli.Table{}
	t.Add(a.T("编号", "id"), x.ID)
	t.Add(a.T("状态", "state"), string(x.State))
	t.Add(a.T("协议", "agreement"), x.Agreement)
	t.Add(a.T("资源", "resource"), x.Resource)
	if len(x.Report.Key.Values) == 1 {
		t.Add(a.T("记录", "record"), x.Report.Key.Item+" = "+x.Report.Key.Values[0].Text())
	}
	for _, c := range x.Report.Items {
		t.Add(c.Item, a.T("收到 ", "received ")+cli.Dash(c.Received)+a.T("，主张 ", ", claimed ")+cli.Dash(c.Claimed))
	}
	t.Add(a.T("理由", "reason"), x.Report.Reason)
	if f := x.Finding; f != nil {
		for _, v := range f.Values {
			t.Add(a.T("现为", "now"), v.Item+" = "+v.Value)
		}
		t.Add(a.T("反馈理由", "answer"), cli.Dash(f.Reason))
		t.Add(a.T("已告知其他协议", "others told"), strconv.Itoa(x.Notified))
	}
	if !objection.CorrectionTable().Final(x.State) {
		t.Add(a.T("所办事项", "the case"), a.T("照常办理，不等待校核结果", "goes on; it does not wait for the answer"))
	}
	return a.Show(x, t)
}

type correctionListCmd struct {
	Limit int `default:"100" help:"最多几条。|How many at most."`
}

func (c *correctionListCmd) Run(ctx context.Context, a *app) error {
	var p cli.Page[objection.Correction]
	if err := a.Get(ctx, with("/api/v1/corrections", "limit", cli.Count(c.Limit)), &p); err != nil {
		return err
	}
	t := &cli.Table{Head: []string{a.T("编号", "id"), a.T("本方", "we are"), a.T("资源", "resource"), a.T("状态", "state"), a.T("更新", "updated")}}
	for i := range p.Items {
		x := &p.Items[i]
		t.Add(x.ID, string(x.Side), x.Resource, string(x.State), cli.When(x.Updated))
	}
	return a.List(p.Items, t, "没有校核申请。", "No corrections.")
}

type correctionShowCmd struct {
	ID string `arg:"" help:"校核申请编号。|Id of the correction."`
}

func (c *correctionShowCmd) Run(ctx context.Context, a *app) error {
	var x objection.Correction
	if err := a.Get(ctx, "/api/v1/corrections/"+seg(c.ID), &x); err != nil {
		return err
	}
	return a.showCorrection(&x)
}

type correctionAnswerCmd struct {
	ID        string   `arg:"" help:"校核申请编号。|Id of the correction."`
	Corrected []string `sep:"none" placeholder:"ITEM=VALUE" xor:"outcome" help:"来源系统已更正，现在的值；可重复。|Corrected at the source: what it has now; repeatable."`
	Withdrawn bool     `xor:"outcome" help:"来源系统已删除该记录。|The record was taken out of the source."`
	Maintain  string   `placeholder:"REASON" xor:"outcome" help:"维持原值的理由。|Why the value is maintained."`
}

func (c *correctionAnswerCmd) Run(ctx context.Context, a *app) error {
	in := objection.CorrectionAnswer{Outcome: objection.Corrected}
	switch {
	case c.Withdrawn:
		in.Outcome = objection.Withdrawn
	case c.Maintain != "":
		in.Outcome, in.Reason = objection.Maintained, c.Maintain
	}
	if err := a.pairs(c.Corrected, func(item, text string) {
		in.Values = append(in.Values, objection.CorrectedItem{Item: item, Value: text})
	}); err != nil {
		return err
	}
	return a.correction(ctx, "/api/v1/corrections/"+seg(c.ID)+"/answer", in)
}

// refetchCmd is about data that was corrected at its source.
type refetchCmd struct {
	List refetchListCmd `cmd:"" default:"1" help:"列出须重新获取的数据。|List what is to be asked for again."`
	Done refetchDoneCmd `cmd:"" help:"标记已更新。|Mark as asked for again."`
}

type refetchListCmd struct {
	All   bool `help:"包括已更新的。|What was asked for again as well."`
	Limit int  `default:"100" help:"最多几条。|How many at most."`
}

func (c *refetchListCmd) Run(ctx context.Context, a *app) error {
	var p cli.Page[objection.Refetch]
	done := ""
	if c.All {
		done = "1"
	}
	if err := a.Get(ctx, with("/api/v1/refetches", "done", done, "limit", cli.Count(c.Limit)), &p); err != nil {
		return err
	}
	return a.refetches(p.Items)
}

func (a *app) refetches(rs []objection.Refetch) error {
	t := &cli.Table{Head: []string{a.T("编号", "id"), a.T("协议", "agreement"), a.T("资源", "resource"), a.T("数据项", "items"), a.T("记录", "record"), a.T("告知", "told"), a.T("已更新", "done")}}
	for i := range rs {
		r := &rs[i]
		key := a.T("未指明", "not named")
		if r.Key != nil && len(r.Key.Values) == 1 {
			key = r.Key.Item + " = " + r.Key.Values[0].Text()
		}
		t.Add(r.ID, r.Agreement, r.Resource, strings.Join(r.Items, ","), key, cli.When(r.Since), a.Yes(!r.Done.IsZero()))
	}
	return a.List(rs, t, "没有须重新获取的数据。", "Nothing is to be asked for again.")
}

type refetchDoneCmd struct {
	ID string `arg:"" help:"提示编号。|Id of the notice."`
}

func (c *refetchDoneCmd) Run(ctx context.Context, a *app) error {
	var r objection.Refetch
	if err := a.Post(ctx, "/api/v1/refetches/"+seg(c.ID)+"/done", nil, &r); err != nil {
		return err
	}
	return a.refetches([]objection.Refetch{r})
}

// disputeCmd is the ladder of disputes (Decree 809 art. 28).
type disputeCmd struct {
	Open        disputeOpenCmd        `cmd:"" help:"提出争议。|Open a dispute."`
	List        disputeListCmd        `cmd:"" default:"1" help:"列出争议。|List disputes."`
	Show        disputeShowCmd        `cmd:"" help:"查看争议。|Show a dispute."`
	Paper       disputePaperCmd       `cmd:"" help:"补充材料。|Put a paper forward."`
	Propose     disputeProposeCmd     `cmd:"" help:"提出和解条件。|Propose terms to settle on."`
	Accept      disputeAcceptCmd      `cmd:"" help:"接受对方的和解条件。|Accept the other side's terms."`
	Escalate    disputeEscalateCmd    `cmd:"" help:"提交上一级处理。|Take it one step up."`
	Ruling      disputeRulingCmd      `cmd:"" help:"登记裁决（主管部门）。|Record a ruling (the authority)."`
	Acknowledge disputeAcknowledgeCmd `cmd:"" help:"确认收到裁决。|Acknowledge a ruling."`
}

func contested(id, verb string) string { return "/api/v1/disputes/" + seg(id) + "/" + verb }

func (a *app) dispute(ctx context.Context, path string, in any) error {
	var d objection.Dispute
	if err := a.Post(ctx, path, in, &d); err != nil {
		return err
	}
	return a.showDispute(&d)
}

func (a *app) showDispute(d *objection.Dispute) error {
	t := &cli.Table{}
	t.Add(a.T("编号", "id"), d.ID)
	t.Add(a.T("阶段", "stage"), string(d.State))
	t.Add(a.T("事项", "about"), d.Matter.Kind+" "+d.Matter.ID)
	t.Add(a.T("提出方", "opened by"), d.Opener.Member+" "+d.Opener.Department)
	t.Add(a.T("对方", "against"), d.Respondent.Member+" "+d.Respondent.Department)
	t.Add(a.T("主张", "claim"), d.Claim)
	t.Add(a.T("由谁裁决", "who decides"), d.Resolver.Level+" "+d.Resolver.Division)
	for _, p := range d.Papers {
		what := a.T("材料", "paper")
		if p.Proposal {
			what = a.T("和解条件 ", "terms ") + p.ID
		}
		t.Add(what, string(p.Side)+" "+cli.When(p.Time)+" "+p.Text)
	}
	if d.Settlement != "" {
		t.Add(a.T("和解", "settled on"), d.Settlement)
	}
	if r := d.Ruling; r != nil {
		t.Add(a.T("裁决", "ruling"), r.Reference+" "+cli.When(r.Time)+" "+r.Text)
	}
	return a.Show(d, t)
}

type disputeOpenCmd struct {
	About string `required:"" enum:"application,agreement,correction" help:"application（申请）、agreement（协议）或 correction（校核申请）。|application, agreement or correction."`
	ID    string `name:"id" required:"" help:"其编号。|Its id."`
	Claim string `required:"" help:"主张和理由。|What is wanted, and why."`
}

func (c *disputeOpenCmd) Run(ctx context.Context, a *app) error {
	return a.dispute(ctx, "/api/v1/disputes", objection.Opening{Matter: objection.Matter{Kind: c.About, ID: c.ID}, Claim: c.Claim})
}

type disputeListCmd struct {
	Limit int `default:"100" help:"最多几条。|How many at most."`
}

func (c *disputeListCmd) Run(ctx context.Context, a *app) error {
	var p cli.Page[objection.Dispute]
	if err := a.Get(ctx, with("/api/v1/disputes", "limit", cli.Count(c.Limit)), &p); err != nil {
		return err
	}
	t := &cli.Table{Head: []string{a.T("编号", "id"), a.T("事项", "about"), a.T("提出方", "opened by"), a.T("对方", "against"), a.T("阶段", "stage"), a.T("更新", "updated")}}
	for i := range p.Items {
		d := &p.Items[i]
		t.Add(d.ID, d.Matter.Kind, d.Opener.Member, d.Respondent.Member, string(d.State), cli.When(d.Updated))
	}
	return a.List(p.Items, t, "没有争议。", "No disputes.")
}

type disputeShowCmd struct {
	ID string `arg:"" help:"争议编号。|Id of the dispute."`
}

func (c *disputeShowCmd) Run(ctx context.Context, a *app) error {
	var d objection.Dispute
	if err := a.Get(ctx, "/api/v1/disputes/"+seg(c.ID), &d); err != nil {
		return err
	}
	return a.showDispute(&d)
}

type disputeTextCmd struct {
	ID   string `arg:"" help:"争议编号。|Id of the dispute."`
	Text string `required:"" help:"内容。|What is put forward."`
	File string `placeholder:"SHA256" help:"附件的摘要（十六进制）。|SHA-256 of a file, hex."`
}

func (c *disputeTextCmd) do(ctx context.Context, a *app, verb string) error {
	return a.dispute(ctx, contested(c.ID, verb), objection.Statement{Text: c.Text, File: c.File})
}

type disputePaperCmd struct{ disputeTextCmd }

func (c *disputePaperCmd) Run(ctx context.Context, a *app) error { return c.do(ctx, a, "papers") }

type disputeProposeCmd struct{ disputeTextCmd }

func (c *disputeProposeCmd) Run(ctx context.Context, a *app) error { return c.do(ctx, a, "propose") }

type disputeAcceptCmd struct {
	ID       string `arg:"" help:"争议编号。|Id of the dispute."`
	Proposal string `required:"" help:"所接受条件的编号。|Id of the terms."`
}

func (c *disputeAcceptCmd) Run(ctx context.Context, a *app) error {
	return a.dispute(ctx, contested(c.ID, "accept"), rest.Acceptance{Proposal: c.Proposal})
}

type disputeEscalateCmd struct {
	ID     string `arg:"" help:"争议编号。|Id of the dispute."`
	Reason string `required:"" help:"理由。|Why."`
}

func (c *disputeEscalateCmd) Run(ctx context.Context, a *app) error {
	return a.dispute(ctx, contested(c.ID, "escalate"), rest.Reason{Reason: c.Reason})
}

type disputeRulingCmd struct {
	ID        string `arg:"" help:"争议编号。|Id of the dispute."`
	Reference string `required:"" help:"文号。|Number of the document."`
	Text      string `required:"" help:"裁决内容。|What was decided."`
}

func (c *disputeRulingCmd) Run(ctx context.Context, a *app) error {
	return a.dispute(ctx, contested(c.ID, "ruling"), objection.Decision{Reference: c.Reference, Text: c.Text})
}

type disputeAcknowledgeCmd struct {
	ID string `arg:"" help:"争议编号。|Id of the dispute."`
}

func (c *disputeAcknowledgeCmd) Run(ctx context.Context, a *app) error {
	return a.dispute(ctx, contested(c.ID, "acknowledge"), nil)
}
