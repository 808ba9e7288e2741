package main

import (
	"context"
	"strconv"
	"strings"

	"github.com/kuayu/kuayu/api/rest"
	"github.com/kuayu/kuayu/cmd/cli"
	"github.com/kuayu/kuayu/exchange/scheme"
	"github.com/kuayu/kuayu/support/policy"
)

// schemeCmd is about texts under which many agreements are made.
type schemeCmd struct {
	Propose  schemeProposeCmd  `cmd:"" help:"拟定方案或其新版本（JSON 文件）。|Draft a scheme, or a new version (JSON file)."`
	List     schemeListCmd     `cmd:"" default:"withargs" help:"列出共享方案。|List schemes."`
	Show     schemeShowCmd     `cmd:"" help:"查看方案及清单。|Show a scheme and its list."`
	Versions schemeVersionsCmd `cmd:"" help:"历次版本。|Versions."`
	Users    schemeUsersCmd    `cmd:"" help:"登记使用情况。|Departments that use it."`
	Consent  schemeConsentCmd  `cmd:"" help:"同意待决定的版本。|Consent to the version proposed."`
	Decline  schemeDeclineCmd  `cmd:"" help:"否决待决定的版本。|Decline the version proposed."`
	Join     schemeJoinCmd     `cmd:"" help:"以本部门条目加入。|Join with the department's entries."`
	Enrol    schemeEnrolCmd    `cmd:"" help:"登记使用：一次写明依据与场景，不再逐项申请。|Enrol: state basis and scenario once, apply for nothing more."`
	Admit    schemeAdmitCmd    `cmd:"" help:"同意登记使用。|Consent to the department's enrolment."`
	Leave    schemeLeaveCmd    `cmd:"" help:"退出无差别共享。|Leave a zone."`
	Close    schemeCloseCmd    `cmd:"" help:"终止方案。|Close a scheme."`
}

func schemePath(id, verb string) string { return "/api/v1/schemes/" + seg(id) + "/" + verb }

func (a *app) scheme(ctx context.Context, path string, in any) error {
	var x scheme.Scheme
	if err := a.Post(ctx, path, in, &x); err != nil {
		return err
	}
	return a.showScheme(&x)
}

func (a *app) showScheme(x *scheme.Scheme) error {
	t := &cli.Table{}
	t.Add(a.T("编号", "id"), x.ID)
	t.Add(a.T("名称", "title"), x.Text.Title)
	t.Add(a.T("类型", "kind"), string(x.Text.Kind))
	t.Add(a.T("状态", "state"), string(x.State)+" v"+strconv.Itoa(x.Text.Version))
	list := x.Current()
	t.Add(a.T("成员", "parties"), strings.Join(list.Parties, " "))
	if p := x.Proposal; p != nil {
		names := make([]string, len(p.Consents))
		for i, c := range p.Consents {
			names[i] = c.Member
		}
		t.Add(a.T("待决定", "proposed"), "v"+strconv.Itoa(p.Text.Version)+a.T("，已同意：", ", consented: ")+cli.Dash(strings.Join(names, " ")))
	}
	for i := range list.Entries {
		e := &list.Entries[i]
		text := e.Title + " (" + strings.Join(e.Fields, ",") + ")"
		if !e.ReviewBy.IsZero() {
			text += a.T(" 复核 ", " review ") + e.ReviewBy.Format("2006-01-02")
		}
		t.Add(e.Member+" "+e.Resource, text)
	}
	return a.Show(x, t)
}

type schemeProposeCmd struct {
	File string `arg:"" help:"JSON 文件；“-”为标准输入。|JSON file; “-” is standard input."`
}

func (c *schemeProposeCmd) Run(ctx context.Context, a *app) error {
	var t scheme.Text
	if err := a.ReadJSON(c.File, &t); err != nil {
		return err
	}
	return a.scheme(ctx, "/api/v1/schemes", t)
}

type schemeListCmd struct {
	Limit int `default:"100" help:"最多几条。|How many at most."`
}

func (c *schemeListCmd) Run(ctx context.Context, a *app) error {
	var p cli.Page[scheme.Scheme]
	if err := a.Get(ctx, with("/api/v1/schemes", "limit", cli.Count(c.Limit)), &p); err != nil {
		return err
	}
	t := &cli.Table{Head: []string{a.T("编号", "id"), a.T("名称", "title"), a.T("类型", "kind"), a.T("状态", "state"), a.T("版本", "version"), a.T("条目", "entries")}}
	for i := range p.Items {
		x := &p.Items[i]
		t.Add(x.ID, x.Text.Title, string(x.Text.Kind), string(x.State), strconv.Itoa(x.Text.Version), strconv.Itoa(len(x.Current().Entries)))
	}
	return a.List(p.Items, t, "没有共享方案：kuayu scheme propose FILE。", "No schemes: kuayu scheme propose FILE.")
}

type schemeShowCmd struct {
	ID string `arg:"" help:"方案编号。|Id of the scheme."`
}

func (c *schemeShowCmd) Run(ctx context.Context, a *app) error {
	var x scheme.Scheme
	if err := a.Get(ctx, "/api/v1/schemes/"+seg(c.ID), &x); err != nil {
		return err
	}
	return a.showScheme(&x)
}

type schemeVersionsCmd struct {
	ID string `arg:"" help:"方案编号。|Id of the scheme."`
}

func (c *schemeVersionsCmd) Run(ctx context.Context, a *app) error {
	var p cli.Page[scheme.Version]
	if err := a.Get(ctx, schemePath(c.ID, "versions"), &p); err != nil {
		return err
	}
	t := &cli.Table{Head: []string{a.T("版本", "version"), a.T("生效", "in force"), a.T("条目", "entries"), a.T("成员", "parties"), a.T("摘要", "hash")}}
	for i := range p.Items {
		v := &p.Items[i]
		t.Add(strconv.Itoa(v.Version), cli.When(v.Time), strconv.Itoa(len(v.Text.Entries)), strings.Join(v.Text.Parties, " "), v.Hash)
	}
	return a.List(p.Items, t, "还没有生效的版本。", "No version is in force yet.")
}

type schemeUsersCmd struct {
	ID string `arg:"" help:"方案编号。|Id of the scheme."`
}

func (c *schemeUsersCmd) Run(ctx context.Context, a *app) error {
	var p cli.Page[scheme.Enrolment]
	if err := a.Get(ctx, schemePath(c.ID, "enrolments"), &p); err != nil {
		return err
	}
	t := &cli.Table{Head: []string{a.T("部门", "department"), a.T("依据", "basis"), a.T("同意", "consented"), a.T("申请", "applications")}}
	for i := range p.Items {
		e := &p.Items[i]
		t.Add(e.Department, e.Basis.Kind+" "+e.Basis.Citation, cli.Dash(e.Head), strconv.Itoa(len(e.Applied)))
	}
	return a.List(p.Items, t, "本部门尚未登记：kuayu scheme enrol ID。", "The department is not enrolled: kuayu scheme enrol ID.")
}

type schemeConsentCmd struct {
	ID string `arg:"" help:"方案编号。|Id of the scheme."`
}

func (c *schemeConsentCmd) Run(ctx context.Context, a *app) error {
	return a.scheme(ctx, schemePath(c.ID, "consent"), nil)
}

type schemeDeclineCmd struct {
	ID     string `arg:"" help:"方案编号。|Id of the scheme."`
	Reason string `required:"" help:"理由。|Why."`
}

func (c *schemeDeclineCmd) Run(ctx context.Context, a *app) error {
	return a.scheme(ctx, schemePath(c.ID, "decline"), rest.Reason{Reason: c.Reason})
}

type schemeJoinCmd struct {
	ID string `arg:"" help:"方案编号。|Id of the scheme."`
}

func (c *schemeJoinCmd) Run(ctx context.Context, a *app) error {
	return a.scheme(ctx, schemePath(c.ID, "join"), nil)
}

type schemeEnrolCmd struct {
	ID       string `arg:"" help:"方案编号。|Id of the scheme."`
	Basis    string `required:"" help:"使用依据：法定职责的条文；“consent”为本人同意。|Legal basis: the article of a duty; “consent” for the person's."`
	Scenario string `required:"" help:"使用场景。|Scenario."`
}

func (c *schemeEnrolCmd) Run(ctx context.Context, a *app) error {
	b := policy.Basis{Kind: "duty", Citation: c.Basis}
	if c.Basis == "consent" {
		b = policy.Basis{Kind: "consent"}
	}
	return a.enrolment(ctx, schemePath(c.ID, "enrol"), rest.EnrolRequest{Basis: b, Scenario: c.Scenario})
}

func (a *app) enrolment(ctx context.Context, path string, in any) error {
	var e scheme.Enrolment
	if err := a.Post(ctx, path, in, &e); err != nil {
		return err
	}
	t := &cli.Table{}
	t.Add(a.T("方案", "scheme"), e.Scheme)
	t.Add(a.T("部门", "department"), e.Department)
	t.Add(a.T("同意", "consented"), cli.Dash(e.Head))
	t.Add(a.T("已发出申请", "applications sent"), strconv.Itoa(len(e.Applied)))
	return a.Show(&e, t)
}

type schemeAdmitCmd struct {
	ID string `arg:"" help:"方案编号。|Id of the scheme."`
}

func (c *schemeAdmitCmd) Run(ctx context.Context, a *app) error {
	return a.enrolment(ctx, schemePath(c.ID, "consent-enrolment"), nil)
}

type schemeLeaveCmd struct {
	ID     string `arg:"" help:"方案编号。|Id of the scheme."`
	Reason string `required:"" help:"理由。|Why."`
}

func (c *schemeLeaveCmd) Run(ctx context.Context, a *app) error {
	return a.scheme(ctx, schemePath(c.ID, "leave"), rest.Reason{Reason: c.Reason})
}

type schemeCloseCmd struct {
	ID     string `arg:"" help:"方案编号。|Id of the scheme."`
	Reason string `required:"" help:"理由。|Why."`
}

func (c *schemeCloseCmd) Run(ctx context.Context, a *app) error {
	return a.scheme(ctx, schemePath(c.ID, "close"), rest.Reason{Reason: c.Reason})
}
