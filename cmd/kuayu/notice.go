package main

import (
	"context"
	"net/http"
	"strings"

	"github.com/kuayu/kuayu/cmd/cli"
	"github.com/kuayu/kuayu/support/notice"
)

// inboxCmd is what waits for the officer.
type inboxCmd struct {
	List        inboxListCmd        `cmd:"" default:"withargs" help:"收件箱，未读在前。|The inbox, unread first."`
	Read        inboxReadCmd        `cmd:"" help:"标为已读。|Mark as read."`
	Preferences inboxPreferencesCmd `cmd:"" help:"查看或更改邮件设置。|See or change how mail is sent to you."`
}

type inboxListCmd struct {
	Unread bool `help:"只看未读。|Only what is unread."`
	Limit  int  `default:"50" help:"最多几条。|How many at most."`
}

func (c *inboxListCmd) Run(ctx context.Context, a *app) error {
	var p notice.Page
	unread := ""
	if c.Unread {
		unread = "1"
	}
	if err := a.Get(ctx, with("/api/v1/notices", "unread", unread, "limit", cli.Count(c.Limit)), &p); err != nil {
		return err
	}
	t := &cli.Table{Head: []string{a.T("编号", "id"), a.T("时间", "time"), a.T("未读", "unread"), a.T("通知", "notice"), a.T("事项", "matter")}}
	for i := range p.Items {
		n := &p.Items[i]
		t.Add(n.ID, cli.When(n.At), a.Yes(!n.Read), a.T(n.Zh.Title, n.En.Title), n.Subject)
	}
	return a.List(p.Items, t, "收件箱是空的。", "The inbox is empty.")
}

type inboxReadCmd struct {
	ID string `arg:"" help:"通知编号。|Id of the notice."`
}

func (c *inboxReadCmd) Run(ctx context.Context, a *app) error {
	if err := a.Post(ctx, "/api/v1/notices/"+seg(c.ID)+"/read", nil, nil); err != nil {
		return err
	}
	a.Note("已标为已读。", "Marked as read.")
	return nil
}

type inboxPreferencesCmd struct {
	Mail  *string `placeholder:"ADDRESS" help:"邮箱地址；空值表示不收邮件。|Mail address; empty for no mail."`
	Mode  string  `placeholder:"MODE" help:"each（逐条）、daily（每日汇总）或 off。|each, daily or off."`
	Speak string  `placeholder:"LANG" help:"邮件语言：zh 或 en。|Language of the mail: zh or en."`
}

func (c *inboxPreferencesCmd) Run(ctx context.Context, a *app) error {
	var p notice.Preference
	if err := a.Get(ctx, "/api/v1/notices/preferences", &p); err != nil {
		return err
	}
	if c.Mail != nil || c.Mode != "" || c.Speak != "" {
		if c.Mail != nil {
			p.Mail = *c.Mail
		}
		if c.Mode != "" {
			p.Mode = notice.Mode(c.Mode)
		}
		if c.Speak != "" {
			p.Lang = c.Speak
		}
		if err := a.Call(ctx, http.MethodPut, "/api/v1/notices/preferences", p, &p); err != nil {
			return err
		}
	}
	t := &cli.Table{Head: []string{a.T("邮箱", "mail"), a.T("方式", "mode"), a.T("语言", "language")}}
	t.Add(cli.Dash(p.Mail), string(p.Mode), p.Lang)
	return a.Show(p, t)
}

// webhookCmd is about the web-hooks of this node's departments: for operators.
type webhookCmd struct {
	List   webhookListCmd   `cmd:"" default:"1" help:"列出回调。|List the web-hooks."`
	Add    webhookAddCmd    `cmd:"" help:"登记回调。|Register a web-hook."`
	Enable webhookEnableCmd `cmd:"" help:"重新启用。|Enable it again."`
	Remove webhookRemoveCmd `cmd:"" help:"删除。|Remove it."`
}

type webhookListCmd struct{}

func (*webhookListCmd) Run(ctx context.Context, a *app) error {
	var p cli.Page[notice.Hook]
	if err := a.Get(ctx, "/api/v1/webhooks", &p); err != nil {
		return err
	}
	return a.webhooks(p.Items)
}

func (a *app) webhooks(hs []notice.Hook) error {
	t := &cli.Table{Head: []string{a.T("编号", "id"), a.T("部门", "department"), a.T("地址", "address"), a.T("连续失败", "failures"), a.T("停用", "disabled")}}
	for i := range hs {
		t.Add(hs[i].ID, hs[i].Department, hs[i].URL, cli.Count(hs[i].Failures), a.Yes(hs[i].Disabled))
	}
	return a.List(hs, t, "没有回调。", "There is no web-hook.")
}

type webhookAddCmd struct {
	Department string   `arg:"" help:"部门的统一社会信用代码。|The department's unified social credit code."`
	URL        string   `arg:"" name:"url" help:"接收地址，须为 https。|Address of the receiver, https."`
	Topic      []string `placeholder:"TOPIC" help:"只发送这些类别的通知，如 application、agreement；不填则全部。|Of these topics alone, application or agreement for example; none: all."`
	SecretFile string   `required:"" placeholder:"FILE" help:"存放签名密钥的文件（32 至 256 个字符）。|File with the secret that signs, 32 to 256 characters."`
}

func (c *webhookAddCmd) Run(ctx context.Context, a *app) error {
	b, err := a.Read(c.SecretFile)
	if err != nil {
		return err
	}
	var h notice.Hook
	in := notice.HookRequest{Department: c.Department, URL: c.URL, Topics: c.Topic, Secret: strings.TrimRight(string(b), "\r\n")}
	if err := a.Post(ctx, "/api/v1/webhooks", in, &h); err != nil {
		return err
	}
	return a.webhooks([]notice.Hook{h})
}

type webhookEnableCmd struct {
	ID string `arg:"" help:"回调编号。|Id of the web-hook."`
}

func (c *webhookEnableCmd) Run(ctx context.Context, a *app) error {
	return a.Post(ctx, "/api/v1/webhooks/"+seg(c.ID)+"/enable", nil, nil)
}

type webhookRemoveCmd struct {
	ID string `arg:"" help:"回调编号。|Id of the web-hook."`
}

func (c *webhookRemoveCmd) Run(ctx context.Context, a *app) error {
	return a.Call(ctx, http.MethodDelete, "/api/v1/webhooks/"+seg(c.ID), nil, nil)
}
