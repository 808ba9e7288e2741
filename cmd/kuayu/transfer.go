package main

import (
	"context"
	"time"

	"github.com/kuayu/kuayu/api/rest"
	"github.com/kuayu/kuayu/cmd/cli"
	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/exchange/dataspace"
)

// transferCmd is about transfer processes under agreements in force.
type transferCmd struct {
	New  transferNewCmd  `cmd:"" help:"在生效协议下请求传输。|Request a transfer under an agreement in force."`
	List transferListCmd `cmd:"" default:"1" help:"列出传输。|List transfers."`
	Show transferShowCmd `cmd:"" help:"查看传输。|Show a transfer."`
	Move transferMoveCmd `cmd:"" help:"推进传输：start、suspension、completion、termination。|Move a transfer: start, suspension, completion, termination."`
}

type transferNewCmd struct {
	Agreement string `arg:"" help:"协议编号。|Agreement."`
	Format    string `default:"HttpData-PULL" enum:"HttpData-PULL,HttpArrow-PULL" help:"传输方式。|Format."`
}

func (c *transferNewCmd) Run(ctx context.Context, a *app) error {
	var t dataspace.Transfer
	if err := a.Post(ctx, "/api/v1/agreements/"+seg(c.Agreement)+"/transfers", rest.TransferRequest{Format: c.Format}, &t); err != nil {
		return err
	}
	return a.showTransfer(&t)
}

type transferListCmd struct {
	Agreement string `placeholder:"ID" help:"只看某一协议。|Of one agreement only."`
	Limit     int    `default:"100" help:"最多几条。|How many at most."`
}

func (c *transferListCmd) Run(ctx context.Context, a *app) error {
	var p cli.Page[dataspace.Transfer]
	if err := a.Get(ctx, with("/api/v1/transfers", "agreement", c.Agreement, "limit", cli.Count(c.Limit)), &p); err != nil {
		return err
	}
	t := &cli.Table{Head: []string{a.T("编号", "id"), a.T("本方", "we are"), a.T("对方", "other"), a.T("资源", "resource"), a.T("状态", "state"), a.T("更新", "updated")}}
	for i := range p.Items {
		x := &p.Items[i]
		t.Add(x.ID, string(x.Role), x.Member, x.Resource, string(x.State), cli.When(x.Updated))
	}
	return a.List(p.Items, t, "没有传输：kuayu transfer new AGREEMENT。", "No transfers: kuayu transfer new AGREEMENT.")
}

type transferShowCmd struct {
	ID string `arg:"" help:"传输编号。|Id of the transfer."`
}

func (c *transferShowCmd) Run(ctx context.Context, a *app) error {
	var t dataspace.Transfer
	if err := a.Get(ctx, "/api/v1/transfers/"+seg(c.ID), &t); err != nil {
		return err
	}
	return a.showTransfer(&t)
}

type transferMoveCmd struct {
	ID     string `arg:"" help:"传输编号。|Id of the transfer."`
	Event  string `arg:"" enum:"start,suspension,completion,termination" help:"事项。|What."`
	Reason string `help:"理由。|Why."`
}

func (c *transferMoveCmd) Run(ctx context.Context, a *app) error {
	var t dataspace.Transfer
	if err := a.Post(ctx, "/api/v1/transfers/"+seg(c.ID)+"/move", rest.TransferMove{Event: dataspace.TransferEvent(c.Event), Reason: c.Reason}, &t); err != nil {
		return err
	}
	return a.showTransfer(&t)
}

func (a *app) showTransfer(x *dataspace.Transfer) error {
	t := &cli.Table{}
	t.Add(a.T("编号", "id"), x.ID)
	t.Add(a.T("本方", "we are"), string(x.Role))
	t.Add(a.T("状态", "state"), string(x.State))
	t.Add(a.T("对方", "other"), x.Member)
	t.Add(a.T("协议", "agreement"), x.Agreement)
	t.Add(a.T("资源", "resource"), x.Resource)
	t.Add(a.T("方式", "format"), x.Format)
	if x.Address != nil {
		t.Add(a.T("取数地址", "address"), x.Address.Endpoint)
	}
	if x.Reason != "" {
		t.Add(a.T("理由", "reason"), x.Reason)
	}
	return a.Show(x, t)
}

// requestOfferCmd is the provider's officer offering other terms.
type requestOfferCmd struct {
	ID     string        `arg:"" help:"申请编号。|Id of the application."`
	Fields []string      `required:"" placeholder:"ITEM" help:"愿意共享的数据项。|Items that would be shared."`
	Filter []string      `sep:"none" placeholder:"ITEM=VALUE" help:"进一步限定行；可重复。|Narrow the rows; repeatable."`
	Until  string        `placeholder:"DATE" help:"不晚于申请的时限。|Not later than asked."`
	Lease  time.Duration `placeholder:"10m" help:"需求部门失联后可继续使用多久。|How long the consumer may go on unheard."`
}

func (c *requestOfferCmd) Run(ctx context.Context, a *app) error {
	g := agreement.Grant{Fields: c.Fields, Lease: int(c.Lease / time.Second)}
	var err error
	if g.Filter, err = a.where(c.Filter); err != nil {
		return err
	}
	if c.Until != "" {
		if g.ValidUntil, err = a.Moment(c.Until); err != nil {
			return err
		}
	}
	return a.negotiate(ctx, step(c.ID, "offer"), g)
}

type requestAcceptCmd struct {
	ID string `arg:"" help:"申请编号。|Id of the application."`
}

func (c *requestAcceptCmd) Run(ctx context.Context, a *app) error {
	return a.negotiate(ctx, step(c.ID, "accept"), nil)
}

type requestResubmitCmd struct {
	ID   string `arg:"" help:"申请编号。|Id of the application."`
	File string `arg:"" help:"JSON 文件：整份申请。|JSON file: the whole application."`
}

func (c *requestResubmitCmd) Run(ctx context.Context, a *app) error {
	var in agreement.Application
	if err := a.ReadJSON(c.File, &in); err != nil {
		return err
	}
	return a.negotiate(ctx, step(c.ID, "resubmit"), in)
}
