package main

import (
	"context"
	"strconv"
	"strings"

	"github.com/kuayu/kuayu/api/rest"
	"github.com/kuayu/kuayu/cmd/cli"
	"github.com/kuayu/kuayu/exchange/agreement"
)

// pairs reads "item=text" arguments, in order.
func (a *app) pairs(in []string, add func(item, text string)) error {
	for _, p := range in {
		item, text, ok := strings.Cut(p, "=")
		if !ok || item == "" {
			return cli.ErrUsage.With(a.T("应写作 项目=文字："+p, "write ITEM=TEXT: "+p))
		}
		add(item, text)
	}
	return nil
}

func agreed(id, verb string) string { return "/api/v1/agreements/" + seg(id) + "/" + verb }

type requestSupplementCmd struct {
	ID      string   `arg:"" help:"申请编号。|Id of the application."`
	Missing []string `required:"" sep:"none" placeholder:"ITEM=WHY" help:"缺少的内容及理由；可重复，须一次列全。|What is missing and why; repeatable, all at once."`
}

func (c *requestSupplementCmd) Run(ctx context.Context, a *app) error {
	var in rest.SupplementRequest
	if err := a.pairs(c.Missing, func(item, why string) { in.Missing = append(in.Missing, agreement.Missing{Item: item, Why: why}) }); err != nil {
		return err
	}
	return a.negotiate(ctx, step(c.ID, "supplement"), in)
}

type requestSupplyCmd struct {
	ID   string   `arg:"" help:"申请编号。|Id of the application."`
	Text []string `required:"" sep:"none" placeholder:"ITEM=TEXT" help:"对每项缺少内容的补正；可重复。|An answer to each missing thing; repeatable."`
	File string   `placeholder:"FILE" help:"更正后的整份申请（JSON 文件）。|The whole application as corrected, a JSON file."`
}

func (c *requestSupplyCmd) Run(ctx context.Context, a *app) error {
	var in agreement.Supply
	if err := a.pairs(c.Text, func(item, text string) { in.Texts = append(in.Texts, agreement.Supplied{Item: item, Text: text}) }); err != nil {
		return err
	}
	if c.File != "" {
		in.Application = &agreement.Application{}
		if err := a.ReadJSON(c.File, in.Application); err != nil {
			return err
		}
	}
	return a.negotiate(ctx, step(c.ID, "supply"), in)
}

type requestConsentSupplyCmd struct {
	ID string `arg:"" help:"申请编号。|Id of the application."`
}

func (c *requestConsentSupplyCmd) Run(ctx context.Context, a *app) error {
	return a.negotiate(ctx, step(c.ID, "consent-supply"), nil)
}

type requestExtendCmd struct {
	ID     string `arg:"" help:"申请编号。|Id of the application."`
	Days   int    `required:"" help:"延期的工作日数，至多十个。|Working days, at most 10."`
	Reason string `required:"" help:"理由。|Why."`
}

func (c *requestExtendCmd) Run(ctx context.Context, a *app) error {
	return a.negotiate(ctx, step(c.ID, "extend"), rest.ExtensionRequest{Days: c.Days, Reason: c.Reason})
}

type requestConsentExtensionCmd struct {
	ID string `arg:"" help:"申请编号。|Id of the application."`
}

func (c *requestConsentExtensionCmd) Run(ctx context.Context, a *app) error {
	return a.negotiate(ctx, step(c.ID, "consent-extension"), nil)
}

type requestRefuseExtensionCmd struct {
	ID     string `arg:"" help:"申请编号。|Id of the application."`
	Reason string `required:"" help:"理由。|Why."`
}

func (c *requestRefuseExtensionCmd) Run(ctx context.Context, a *app) error {
	return a.negotiate(ctx, step(c.ID, "refuse-extension"), rest.Reason{Reason: c.Reason})
}

type agreementChangeCmd struct {
	ID     string `arg:"" help:"协议编号。|Id of the agreement."`
	File   string `required:"" placeholder:"FILE" help:"变更后的整份申请（JSON 文件）。|The whole application as it would be, a JSON file."`
	Reason string `required:"" help:"理由。|Why."`
}

func (c *agreementChangeCmd) Run(ctx context.Context, a *app) error {
	in := agreement.ChangeRequest{Reason: c.Reason}
	if err := a.ReadJSON(c.File, &in.Application); err != nil {
		return err
	}
	return a.negotiate(ctx, agreed(c.ID, "change"), in)
}

type agreementConsentChangeCmd struct {
	ID string `arg:"" help:"协议编号。|Id of the agreement."`
}

func (c *agreementConsentChangeCmd) Run(ctx context.Context, a *app) error {
	return a.negotiate(ctx, agreed(c.ID, "consent-change"), nil)
}

type agreementAnswerChangeCmd struct {
	requestAnswerCmd
}

func (c *agreementAnswerChangeCmd) Run(ctx context.Context, a *app) error {
	return c.answer(ctx, a, agreed(c.ID, "answer-change"), func(n *agreement.Negotiation) []string {
		if n.Change == nil {
			return nil
		}
		return n.Change.Application.Fields
	})
}

type agreementGrantChangeCmd struct {
	ID string `arg:"" help:"协议编号。|Id of the agreement."`
}

func (c *agreementGrantChangeCmd) Run(ctx context.Context, a *app) error {
	return a.negotiate(ctx, agreed(c.ID, "grant-change"), nil)
}

// agreementReasonCmd are the verbs that take a reason and nothing else.
type agreementReasonCmd struct {
	ID     string `arg:"" help:"协议编号。|Id of the agreement."`
	Reason string `required:"" help:"理由。|Why."`
}

func (c *agreementReasonCmd) do(ctx context.Context, a *app, verb string) error {
	return a.negotiate(ctx, agreed(c.ID, verb), rest.Reason{Reason: c.Reason})
}

type agreementDeclineChangeCmd struct{ agreementReasonCmd }

func (c *agreementDeclineChangeCmd) Run(ctx context.Context, a *app) error {
	return c.do(ctx, a, "decline-change")
}

type agreementSuspendCmd struct{ agreementReasonCmd }

func (c *agreementSuspendCmd) Run(ctx context.Context, a *app) error { return c.do(ctx, a, "suspend") }

type agreementResumeCmd struct{ agreementReasonCmd }

func (c *agreementResumeCmd) Run(ctx context.Context, a *app) error { return c.do(ctx, a, "resume") }

type agreementRectifyCmd struct {
	ID   string `arg:"" help:"协议编号。|Id of the agreement."`
	What string `required:"" help:"须整改的内容。|What must be put right."`
	By   string `required:"" placeholder:"DATE" help:"整改期限。|By when."`
}

func (c *agreementRectifyCmd) Run(ctx context.Context, a *app) error {
	by, err := a.Moment(c.By)
	if err != nil {
		return err
	}
	return a.negotiate(ctx, agreed(c.ID, "rectify"), agreement.RectifyOrder{What: c.What, By: by})
}

type agreementRectifiedCmd struct {
	ID     string `arg:"" help:"协议编号。|Id of the agreement."`
	Report string `required:"" help:"整改情况。|What was put right."`
}

func (c *agreementRectifiedCmd) Run(ctx context.Context, a *app) error {
	return a.negotiate(ctx, agreed(c.ID, "rectified"), rest.Report{Report: c.Report})
}

type agreementDisposeCmd struct {
	ID     string `arg:"" help:"协议编号。|Id of the agreement."`
	Method string `required:"" help:"处置方式。|How."`
	Scope  string `required:"" help:"处置范围。|Which data."`
	By     string `required:"" placeholder:"DATE" help:"期限。|By when."`
}

func (c *agreementDisposeCmd) Run(ctx context.Context, a *app) error {
	by, err := a.Moment(c.By)
	if err != nil {
		return err
	}
	return a.negotiate(ctx, agreed(c.ID, "dispose"), agreement.DisposalOrder{Method: c.Method, Scope: c.Scope, By: by})
}

type agreementDestroyedCmd struct {
	ID      string `arg:"" help:"协议编号。|Id of the agreement."`
	Method  string `required:"" help:"销毁方式。|How."`
	Scope   string `required:"" help:"销毁范围。|Which data."`
	Date    string `required:"" placeholder:"DATE" help:"销毁日期。|When."`
	Officer string `required:"" help:"责任人。|The officer responsible."`
}

func (c *agreementDestroyedCmd) Run(ctx context.Context, a *app) error {
	date, err := a.Moment(c.Date)
	if err != nil {
		return err
	}
	return a.negotiate(ctx, agreed(c.ID, "destroyed"), agreement.Certificate{Method: c.Method, Scope: c.Scope, Date: date, Officer: c.Officer})
}

type agreementRecordCmd struct {
	ID   string `arg:"" help:"协议编号。|Id of the agreement."`
	Part string `required:"" enum:"scenario,process,effect,storage,destruction" help:"scenario（场景）、process（过程）、effect（成效）、storage（存储）、destruction（销毁）。|scenario, process, effect, storage or destruction."`
	Text string `required:"" help:"内容。|What is to be recorded."`
}

func (c *agreementRecordCmd) Run(ctx context.Context, a *app) error {
	var l agreement.Ledger
	if err := a.Post(ctx, agreed(c.ID, "ledger"), agreement.UseRecord{Part: agreement.Part(c.Part), Text: c.Text}, &l); err != nil {
		return err
	}
	return a.showLedger(&l)
}

type agreementLedgerCmd struct {
	ID string `arg:"" help:"协议编号。|Id of the agreement."`
}

func (c *agreementLedgerCmd) Run(ctx context.Context, a *app) error {
	var l agreement.Ledger
	if err := a.Get(ctx, agreed(c.ID, "ledger"), &l); err != nil {
		return err
	}
	return a.showLedger(&l)
}

func (a *app) showLedger(l *agreement.Ledger) error {
	t := &cli.Table{Head: []string{a.T("时间", "time"), a.T("事项", "part"), a.T("内容", "text"), a.T("何人", "who")}}
	for _, e := range l.Entries {
		t.Add(cli.When(e.Time), string(e.Part), e.Text, e.By)
	}
	if !l.Complete {
		missing := make([]string, len(l.Missing))
		for i, p := range l.Missing {
			missing[i] = string(p)
		}
		a.Note("台账不完整，缺少：%s", "The ledger is incomplete; it lacks: %s", strings.Join(missing, ", "))
	}
	return a.Show(l, t)
}

type agreementVersionsCmd struct {
	ID string `arg:"" help:"协议编号。|Id of the agreement."`
}

func (c *agreementVersionsCmd) Run(ctx context.Context, a *app) error {
	var p cli.Page[agreement.Version]
	if err := a.Get(ctx, agreed(c.ID, "versions"), &p); err != nil {
		return err
	}
	t := &cli.Table{Head: []string{a.T("版本", "version"), a.T("被替换", "replaced"), a.T("散列", "hash")}}
	for _, v := range p.Items {
		t.Add(strconv.Itoa(v.Number), cli.When(v.Replaced), v.Hash)
	}
	return a.List(p.Items, t, "协议没有变更过。", "The agreement was never amended.")
}

// nextLife is next for what happens besides the answer.
func (a *app) nextLife(n *agreement.Negotiation) (command, role string) {
	consumer, change := n.Side == agreement.Consumer, agreement.ChangeStatus("")
	if n.Change != nil {
		change = n.Change.Status
	}
	switch {
	case consumer && n.State == agreement.Supplement && n.Supplement != nil && n.Supplement.Supply != nil:
		return "kuayu request consent-supply " + n.ID, "office_head"
	case consumer && n.State == agreement.Supplement:
		return "kuayu request supply " + n.ID, "data_officer"
	case !consumer && n.State == agreement.Extended:
		return "kuayu request answer " + n.ID, "data_officer"
	case consumer && n.State == agreement.Active && change == agreement.ChangeDrafted:
		return "kuayu agreement consent-change " + n.Agreement, "office_head"
	case !consumer && n.State == agreement.ChangeOfUse && change == agreement.ChangeRequested:
		return "kuayu agreement answer-change " + n.Agreement, "data_officer"
	case !consumer && n.State == agreement.ChangeOfUse && change == agreement.ChangeProposed:
		return "kuayu agreement grant-change " + n.Agreement, "office_head"
	case !consumer && n.State == agreement.Suspended:
		return "kuayu agreement rectify " + n.Agreement, "office_head"
	case consumer && n.State == agreement.Rectifying:
		return "kuayu agreement rectified " + n.Agreement, "data_officer"
	case !consumer && n.State == agreement.Rectifying && n.Suspension != nil && !n.Suspension.Reported.IsZero():
		return "kuayu agreement resume " + n.Agreement, "office_head"
	case !consumer && (n.State == agreement.Expired || n.State == agreement.Terminated):
		return "kuayu agreement dispose " + n.Agreement, "data_officer"
	case consumer && n.State == agreement.Disposal:
		return "kuayu agreement destroyed " + n.Agreement, "office_head"
	}
	return "", ""
}

// addLife adds what happened besides the answer to a shown record.
func (a *app) addLife(t *cli.Table, n *agreement.Negotiation) {
	if n.Application.Continues != "" {
		t.Add(a.T("所续协议", "continues"), n.Application.Continues)
	}
	if n.Grant != nil {
		for _, r := range n.Grant.Refused {
			t.Add(a.T("不予共享", "not granted"), r.Item+": "+r.Reason)
		}
	}
	if n.Supplement != nil {
		for _, m := range n.Supplement.Missing {
			t.Add(a.T("须补正", "missing"), m.Item+": "+m.Why)
		}
		if n.Supplement.Supply != nil {
			for _, s := range n.Supplement.Supply.Texts {
				t.Add(a.T("补正", "supplied"), s.Item+": "+s.Text)
			}
		}
	}
	if x := n.Extension; x != nil {
		t.Add(a.T("延期", "extension"), strconv.Itoa(x.Days)+a.T(" 个工作日：", " working days: ")+x.Reason)
		if !x.Until.IsZero() {
			t.Add(a.T("答复延至", "answer due"), cli.When(x.Until))
		}
		if x.Declined != "" {
			t.Add(a.T("不同意延期", "extension refused"), x.Declined)
		}
	}
	if c := n.Change; c != nil {
		t.Add(a.T("变更", "change"), string(c.Status)+": "+c.Reason)
		if c.Declined != "" {
			t.Add(a.T("不同意变更", "change declined"), c.Declined)
		}
	}
	if s := n.Suspension; s != nil {
		t.Add(a.T("暂停", "suspended"), cli.When(s.Since)+" "+s.Reason)
		if s.What != "" {
			t.Add(a.T("限期整改", "to put right"), cli.When(s.RectifyBy)+" "+s.What)
		}
		if s.Report != "" {
			t.Add(a.T("整改情况", "put right"), s.Report)
		}
		if !s.Resumed.IsZero() {
			t.Add(a.T("恢复", "resumed"), cli.When(s.Resumed)+" "+s.Finding)
		}
	}
	if d := n.Disposing; d != nil {
		t.Add(a.T("处置要求", "to dispose of"), cli.When(d.Order.By)+" "+d.Order.Method+" "+d.Order.Scope)
		if c := d.Certificate; c != nil {
			t.Add(a.T("销毁证明", "destroyed"), cli.When(c.Date)+" "+c.Method+" "+c.Scope+" "+c.Officer)
		}
	}
}
