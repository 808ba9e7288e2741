package main

import (
	"context"

	"github.com/kuayu/kuayu/api/rest"
	"github.com/kuayu/kuayu/cmd/cli"
	"github.com/kuayu/kuayu/exchange/agreement"
)

// agreementCmd is about applications that became agreements.
type agreementCmd struct {
	List     agreementListCmd     `cmd:"" default:"1" help:"列出协议。|List agreements."`
	Show     requestShowCmd       `cmd:"" help:"查看协议。|Show an agreement."`
	Document agreementDocumentCmd `cmd:"" help:"协议原文，逐字节。|The agreement's exact bytes."`
	History  requestHistoryCmd    `cmd:"" help:"办理经过。|What happened so far."`
	Revoke   agreementRevokeCmd   `cmd:"" help:"撤销，立即生效。|Revoke, with effect at once."`
	Lease    agreementLeaseCmd    `cmd:"" help:"租约：已得数据可用到何时。|Until when data held may be used."`

	Change        agreementChangeCmd        `cmd:"" help:"需求部门拟申请变更用途。|Consumer's officer: draft a change of use."`
	ConsentChange agreementConsentChangeCmd `cmd:"" help:"需求部门同意变更申请。|Consumer's head: the change is asked for."`
	AnswerChange  agreementAnswerChangeCmd  `cmd:"" help:"提供方提出对变更的答复。|Provider's officer: what would be granted of a change."`
	GrantChange   agreementGrantChangeCmd   `cmd:"" help:"提供方同意变更：协议修订。|Provider's head: the agreement is amended."`
	DeclineChange agreementDeclineChangeCmd `cmd:"" help:"提供方不同意变更。|Provider's head: decline a change, with reasons."`
	Versions      agreementVersionsCmd      `cmd:"" help:"变更前的协议。|The agreement before it was amended."`
	Suspend       agreementSuspendCmd       `cmd:"" help:"暂停，立即生效。|Suspend, with effect at once."`
	Rectify       agreementRectifyCmd       `cmd:"" help:"责令限期整改。|Order to put things right by a date."`
	Rectified     agreementRectifiedCmd     `cmd:"" help:"需求部门报告整改情况。|Consumer: report what was put right."`
	Resume        agreementResumeCmd        `cmd:"" help:"恢复。|Resume."`
	Dispose       agreementDisposeCmd       `cmd:"" help:"提供方要求处置数据。|Provider: say how to dispose of the data."`
	Destroyed     agreementDestroyedCmd     `cmd:"" help:"需求部门出具销毁证明。|Consumer's head: certify that the data were destroyed."`
	Record        agreementRecordCmd        `cmd:"" help:"登记使用台账。|Consumer's officer: write into the usage ledger."`
	Ledger        agreementLedgerCmd        `cmd:"" help:"查看使用台账。|Read the usage ledger."`
}

type agreementListCmd struct {
	State string `placeholder:"STATE" help:"只看某一状态，如 ACTIVE、TERMINATED。|Only one state, such as ACTIVE or TERMINATED."`
	Limit int    `default:"100" help:"最多几条。|How many at most."`
}

func (c *agreementListCmd) Run(ctx context.Context, a *app) error {
	ns, err := a.negotiations(ctx, c.State, c.Limit)
	if err != nil {
		return err
	}
	made := []agreement.Negotiation{}
	t := &cli.Table{Head: []string{a.T("协议", "agreement"), a.T("本方", "we are"), a.T("对方", "other"), a.T("资源", "resource"), a.T("状态", "state"), a.T("时限", "until")}}
	for i := range ns {
		n := &ns[i]
		if n.Agreement == "" {
			continue
		}
		made = append(made, *n)
		t.Add(n.Agreement, string(n.Side), n.Other(), n.Application.Resource, string(n.State), cli.When(n.ValidUntil))
	}
	return a.List(made, t, "还没有协议：kuayu request list 显示办理中的申请。", "No agreement yet: kuayu request list shows applications under way.")
}

type agreementDocumentCmd struct {
	ID string `arg:"" help:"协议编号。|Id of the agreement."`
	To string `placeholder:"FILE" help:"写入文件；缺省为标准输出。|Write to a file; default standard output."`
}

func (c *agreementDocumentCmd) Run(ctx context.Context, a *app) error {
	var b []byte
	if err := a.Get(ctx, "/api/v1/agreements/"+seg(c.ID)+"/document", &b); err != nil {
		return err
	}
	return a.Deliver(c.To, b)
}

type agreementRevokeCmd struct {
	ID     string `arg:"" help:"协议编号。|Id of the agreement."`
	Reason string `required:"" help:"理由。|Why."`
}

func (c *agreementRevokeCmd) Run(ctx context.Context, a *app) error {
	return a.negotiate(ctx, "/api/v1/agreements/"+seg(c.ID)+"/revoke", rest.Reason{Reason: c.Reason})
}

type agreementLeaseCmd struct {
	ID string `arg:"" help:"协议编号。|Id of the agreement."`
}

func (c *agreementLeaseCmd) Run(ctx context.Context, a *app) error {
	var l rest.Lease
	if err := a.Get(ctx, "/api/v1/agreements/"+seg(c.ID)+"/lease", &l); err != nil {
		return err
	}
	t := &cli.Table{}
	t.Add(a.T("可用至", "usable until"), cli.When(l.Until))
	return a.Show(l, t)
}
