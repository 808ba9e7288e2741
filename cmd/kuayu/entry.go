package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"time"

	"github.com/alecthomas/kong"

	"github.com/kuayu/kuayu/api/rest"
	"github.com/kuayu/kuayu/cmd/cli"
	"github.com/kuayu/kuayu/exchange/catalog"
	"github.com/kuayu/kuayu/support/process"
)

// showEntry shows where an entry stands.
func (a *app) showEntry(e *catalog.Dossier) error {
	t := &cli.Table{}
	t.Add(a.T("代码", "code"), e.Code)
	if e.Resource != nil {
		t.Add(a.T("名称", "name"), e.Resource.Name)
	}
	t.Add(a.T("状态", "state"), string(e.State)+" v"+cli.Count(e.Version)+a.T("（", " (")+catalog.Table().StateWords(e.State).In(a.Lang)+a.T("）", ")"))
	if e.InForce > 0 {
		t.Add(a.T("有效版本", "in force"), "v"+cli.Count(e.InForce))
	}
	for _, x := range [][2]string{
		{a.T("提交", "submitted by"), e.SubmittedBy}, {a.T("签发", "signed by"), e.SignedBy}, {a.T("审核", "reviewed by"), e.ReviewedBy}, {a.T("理由", "reason"), e.Reason},
	} {
		if x[1] != "" {
			t.Add(x[0], x[1])
		}
	}
	if d := e.Demand; d != nil {
		t.Add(a.T("须更新", "update due"), string(d.Cause)+" "+d.Since.Local().Format(time.DateOnly)+" "+d.What)
	}
	for _, x := range e.Assessments {
		t.Add(x.Kind.In(a.Lang), a.Yes(x.Pass)+" "+x.Date+" "+x.Assessor)
	}
	for _, m := range e.Missing {
		t.Add(a.T("尚缺 ", "missing ")+m.Name, a.T(m.Zh, m.En))
	}
	for _, x := range e.Advice {
		t.Add(a.T("提示 ", "advice ")+x.Code, a.T(x.Zh, x.En))
	}
	return a.Show(e, t)
}

// moveEntry takes one step with an entry and shows where it stands then.
func (a *app) moveEntry(ctx context.Context, code, verb string, in any) error {
	var e catalog.Dossier
	if err := a.Post(ctx, "/api/v1/resources/"+seg(code)+"/"+verb, in, &e); err != nil {
		return err
	}
	return a.showEntry(&e)
}

// entryArg is the entry that a command is about.
type entryArg struct {
	Code string `arg:"" help:"资源代码。|Code of the resource."`
}

// entryReason is an entry and why something is done with it.
type entryReason struct {
	entryArg
	Reason string `required:"" help:"理由。|Why."`
}

// entryStep is a step that needs no more than the entry; the tag verb of its field is the route's last word.
type entryStep struct{ entryArg }

func (c *entryStep) Run(ctx context.Context, a *app, k *kong.Context) error {
	return a.moveEntry(ctx, c.Code, k.Selected().Tag.Get("verb"), nil)
}

// entryBecause is a step that needs a reason.
type entryBecause struct{ entryReason }

func (c *entryBecause) Run(ctx context.Context, a *app, k *kong.Context) error {
	return a.moveEntry(ctx, c.Code, k.Selected().Tag.Get("verb"), rest.Reason{Reason: c.Reason})
}

type catalogStatusCmd struct{ entryArg }

func (c *catalogStatusCmd) Run(ctx context.Context, a *app) error {
	var e catalog.Dossier
	if err := a.Get(ctx, "/api/v1/resources/"+seg(c.Code), &e); err != nil {
		return err
	}
	return a.showEntry(&e)
}

type catalogEntriesCmd struct {
	State string `placeholder:"STATE" help:"只看某一状态，如 draft、submitted、signed。|Of one state only, such as draft, submitted, signed."`
	Limit int    `default:"1000" help:"最多几条。|How many at most."`
}

func (c *catalogEntriesCmd) Run(ctx context.Context, a *app) error {
	return a.entries(ctx, c.State, c.Limit)
}

func (a *app) entries(ctx context.Context, state string, limit int) error {
	all, after := []catalog.Dossier{}, ""
	for len(all) < limit {
		var p cli.Page[catalog.Dossier]
		if err := a.Get(ctx, with("/api/v1/entries", "state", state, "after", after, "limit", cli.Count(500)), &p); err != nil {
			return err
		}
		all = append(all, p.Items...)
		if p.Next == "" {
			break
		}
		after = p.Next
	}
	all = all[:min(len(all), limit)]
	t := &cli.Table{Head: []string{a.T("代码", "code"), a.T("名称", "name"), a.T("部门", "department"), a.T("状态", "state"), a.T("版本", "version"), a.T("有效", "in force"), a.T("更新", "updated")}}
	for i := range all {
		e := &all[i]
		name := ""
		if e.Resource != nil {
			name = e.Resource.Name
		}
		t.Add(e.Code, name, e.Department, catalog.Table().StateWords(e.State).In(a.Lang), cli.Count(e.Version), cli.Count(e.InForce), cli.When(e.Updated))
	}
	return a.List(all, t, "没有条目。", "No entries.")
}

type catalogHistoryCmd struct{ entryArg }

func (c *catalogHistoryCmd) Run(ctx context.Context, a *app) error {
	var p cli.Page[process.Step]
	if err := a.Get(ctx, "/api/v1/resources/"+seg(c.Code)+"/history", &p); err != nil {
		return err
	}
	t := &cli.Table{Head: []string{a.T("时间", "time"), a.T("何人", "who"), a.T("办理", "what"), a.T("状态", "state"), a.T("说明", "note")}}
	for _, s := range p.Items {
		t.Add(cli.When(s.Time), s.Actor, catalog.Table().EventWords(s.Event).In(a.Lang), catalog.Table().StateWords(s.To).In(a.Lang), cli.Dash(s.Note))
	}
	return a.List(p.Items, t, "没有记录。", "Nothing yet.")
}

type catalogAssessCmd struct {
	entryArg
	Kind     string `enum:"confidentiality,privacy" default:"confidentiality" help:"评估种类：confidentiality（保密风险）或 privacy（个人信息保护影响）。|Kind: confidentiality or privacy."`
	Assessor string `required:"" help:"评估人。|Who assessed."`
	Date     string `placeholder:"2027-01-31" help:"评估日期；缺省今天。|Date of the assessment; default today."`
	Fail     bool   `help:"结论为不通过。|It did not pass."`
	Text     string `required:"" help:"评估结论。|The conclusion."`
	Document string `placeholder:"FILE" help:"评估文件，登记其 SHA-256。|The document; its SHA-256 is put on record."`
	Digest   string `placeholder:"HEX" help:"评估文件的 SHA-256，代替 --document。|SHA-256 of the document, instead of --document."`
}

func (c *catalogAssessCmd) Run(ctx context.Context, a *app) error {
	if c.Document != "" {
		b, err := a.Read(c.Document)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(b)
		c.Digest = hex.EncodeToString(sum[:])
	}
	if c.Date == "" {
		c.Date = time.Now().Format(time.DateOnly)
	}
	return a.moveEntry(ctx, c.Code, "assessments", catalog.Assessment{
		Kind: catalog.Kind(c.Kind), Assessor: c.Assessor, Date: c.Date, Pass: !c.Fail, Text: c.Text, Digest: c.Digest,
	})
}

// catalogReviewCmd is the authority's review.
type catalogReviewCmd struct {
	List    catalogReviewListCmd `cmd:"" default:"1" help:"待审核的条目。|Entries that wait for review."`
	Approve entryStep            `cmd:"" verb:"publish" help:"审核通过并发布。|Approve and publish."`
	Reject  entryBecause         `cmd:"" verb:"reject" help:"审核不通过。|Reject with reasons."`
}

type catalogReviewListCmd struct{}

func (*catalogReviewListCmd) Run(ctx context.Context, a *app) error {
	return a.entries(ctx, "review", 1000)
}

type catalogDiscardCmd struct{ entryArg }

func (c *catalogDiscardCmd) Run(ctx context.Context, a *app) error {
	var e catalog.Dossier
	if err := a.Call(ctx, http.MethodDelete, "/api/v1/resources/"+seg(c.Code), nil, &e); err != nil {
		return err
	}
	return a.showEntry(&e)
}

type catalogChangeNotedCmd struct {
	entryArg
	Cause string `enum:"law,state_council_decision,duty" default:"law" help:"什么变了：${enum}。|What changed: ${enum}."`
	What  string `required:"" help:"变化的内容。|What the change is."`
	Since string `required:"" placeholder:"2027-01-31" help:"何日起。|Since which day."`
}

func (c *catalogChangeNotedCmd) Run(ctx context.Context, a *app) error {
	since, err := a.Moment(c.Since)
	if err != nil {
		return err
	}
	return a.moveEntry(ctx, c.Code, "change-noted", catalog.Demand{Cause: catalog.Cause(c.Cause), What: c.What, Since: since})
}

type catalogExtendCmd struct {
	entryReason
	Days int `required:"" help:"延长几个工作日，至多 5。|Working days more, at most 5."`
}

func (c *catalogExtendCmd) Run(ctx context.Context, a *app) error {
	return a.moveEntry(ctx, c.Code, "extend", rest.UpdateExtension{Days: c.Days, Reason: c.Reason})
}
