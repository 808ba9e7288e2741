package main

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/kuayu/kuayu/api/rest"
	"github.com/kuayu/kuayu/cmd/cli"
	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/support/policy"
	"github.com/kuayu/kuayu/support/process"
)

// requestCmd walks an application the law's way: the applicant's officer drafts, its head consents, the provider's
// officer answers, its head consents (Decree 809 art. 20–22).
type requestCmd struct {
	New           requestNewCmd           `cmd:"" help:"申请使用数据。|Apply for data."`
	List          requestListCmd          `cmd:"" default:"1" help:"列出申请。|List applications."`
	Show          requestShowCmd          `cmd:"" help:"查看申请，以及轮到谁。|Show an application and whose turn it is."`
	History       requestHistoryCmd       `cmd:"" help:"办理经过。|What happened so far."`
	Consent       requestConsentCmd       `cmd:"" help:"需求部门同意：申请发出。|Consumer's head: the application goes out."`
	SendBack      requestSendBackCmd      `cmd:"" help:"需求部门负责人退回申请。|Consumer's head: back to the officer."`
	Correct       requestMendCmd          `cmd:"" help:"需求部门修改被退回的申请并重新报送（JSON 文件）。|Consumer's officer: correct a returned draft and put it up again (JSON file)."`
	Answer        requestAnswerCmd        `cmd:"" help:"提供方提出答复。|Provider's officer: what would be granted."`
	Offer         requestOfferCmd         `cmd:"" help:"提供方提出要约（另行条件）。|Provider's officer: offer other terms."`
	Accept        requestAcceptCmd        `cmd:"" help:"需求部门接受要约。|Consumer's head: accept the offer."`
	Resubmit      requestResubmitCmd      `cmd:"" help:"需求部门就要约再次申请。|Consumer's head: answer the offer by asking again."`
	ConsentAnswer requestConsentAnswerCmd `cmd:"" help:"提供方同意：协议成立。|Provider's head: the agreement is made."`
	Return        requestReturnCmd        `cmd:"" help:"提供方退回答复。|Provider's head: back to the officer."`
	Refuse        requestRefuseCmd        `cmd:"" help:"提供方拒绝并说明理由。|Provider's head: refuse, with reasons."`
	Withdraw      requestWithdrawCmd      `cmd:"" help:"需求部门撤回申请。|Consumer: withdraw the application."`

	Supplement    requestSupplementCmd       `cmd:"" help:"提供方一次性告知补正。|Provider's officer: tell everything that is missing, once."`
	Supply        requestSupplyCmd           `cmd:"" help:"需求部门补正。|Consumer's officer: supply what was missing."`
	ConsentSupply requestConsentSupplyCmd    `cmd:"" help:"需求部门同意扩大申请内容的补正。|Consumer's head: consent to a supplement that asks for more."`
	Extend        requestExtendCmd           `cmd:"" help:"提供方申请延期答复。|Provider's officer: ask the authority for more time."`
	ConsentExtend requestConsentExtensionCmd `cmd:"" help:"主管部门同意延期。|Authority: consent to more time."`
	RefuseExtend  requestRefuseExtensionCmd  `cmd:"" help:"主管部门不同意延期。|Authority: do not consent to more time."`
}

type requestNewCmd struct {
	File     string   `placeholder:"FILE" help:"以 JSON 文件给出整份申请（代替下面的选项）。|Give the whole application as a JSON file instead."`
	Provider string   `placeholder:"ID" help:"提供方成员编号。|Member that provides."`
	Resource string   `placeholder:"CODE" help:"资源代码。|Code of the resource."`
	Basis    string   `enum:"duty,consent" default:"duty" help:"使用依据：duty（法定职责）或 consent（本人同意）。|Legal basis: duty or consent."`
	Citation string   `placeholder:"TEXT" help:"法定职责的条文。|Article of the duty."`
	Purpose  []string `placeholder:"CODE" help:"用途；可重复。|Purpose; repeatable."`
	Scenario string   `placeholder:"TEXT" help:"使用场景。|Scenario."`
	Scope    string   `placeholder:"TEXT" help:"使用范围。|Scope."`
	Mode     []string `default:"query" help:"共享方式：query、verify；可重复。|Mode: query, verify; repeatable."`
	Fields   []string `placeholder:"ITEM" help:"数据项。|Items."`
	Filter   []string `sep:"none" placeholder:"ITEM=VALUE" help:"只要符合条件的行；可重复。|Only rows that fit; repeatable."`
	Until    string   `placeholder:"DATE" help:"使用时限。|Time limit of use."`
	Continue string   `placeholder:"ID" help:"所续的协议编号；其使用台账须完整。|Agreement to be continued; its usage ledger must be complete."`
	Declare  bool     `help:"声明申请真实、合法、必要（条例第二十条）。|Declare that the application is true, lawful and necessary (art. 20)."`
}

func (c *requestNewCmd) Run(ctx context.Context, a *app) error {
	in := agreement.Application{
		Provider: c.Provider, Resource: c.Resource, Basis: policy.Basis{Kind: c.Basis, Citation: c.Citation}, Purposes: c.Purpose,
		Scenario: c.Scenario, Scope: c.Scope, Fields: c.Fields, Declared: c.Declare, Continues: c.Continue,
	}
	if c.File != "" {
		in = agreement.Application{}
		if err := a.ReadJSON(c.File, &in); err != nil {
			return err
		}
	} else {
		for _, m := range c.Mode {
			in.Modes = append(in.Modes, policy.Mode(m))
		}
		var err error
		if in.Filter, err = a.where(c.Filter); err != nil {
			return err
		}
		if c.Until != "" {
			if in.ValidUntil, err = a.Moment(c.Until); err != nil {
				return err
			}
		}
	}
	return a.negotiate(ctx, "/api/v1/applications", in)
}

type requestListCmd struct {
	State string `placeholder:"STATE" help:"只看某一状态，如 REVIEWING、ACTIVE。|Only one state, such as REVIEWING or ACTIVE."`
	Limit int    `default:"100" help:"最多几条。|How many at most."`
}

func (c *requestListCmd) Run(ctx context.Context, a *app) error {
	ns, err := a.negotiations(ctx, c.State, c.Limit)
	if err != nil {
		return err
	}
	t := &cli.Table{Head: []string{a.T("编号", "id"), a.T("本方", "we are"), a.T("对方", "other"), a.T("资源", "resource"), a.T("状态", "state"), a.T("时限", "until"), a.T("更新", "updated"), a.T("轮到本方", "our turn")}}
	for i := range ns {
		n := &ns[i]
		_, turn := a.next(n)
		t.Add(n.ID, string(n.Side), n.Other(), n.Application.Resource, string(n.State), cli.When(n.Application.ValidUntil), cli.When(n.Updated), cli.Dash(turn))
	}
	return a.List(ns, t, "没有申请：先 kuayu catalog list MEMBER，再 kuayu request new。", "No applications: kuayu catalog list MEMBER, then kuayu request new.")
}

func (a *app) negotiations(ctx context.Context, state string, limit int) ([]agreement.Negotiation, error) {
	var p cli.Page[agreement.Negotiation]
	return p.Items, a.Get(ctx, with("/api/v1/applications", "state", strings.ToUpper(state), "limit", cli.Count(limit)), &p)
}

type requestShowCmd struct {
	ID string `arg:"" help:"申请或协议的编号。|Id of the application or agreement."`
}

func (c *requestShowCmd) Run(ctx context.Context, a *app) error {
	var n agreement.Negotiation
	if err := a.Get(ctx, "/api/v1/applications/"+seg(c.ID), &n); err != nil {
		return err
	}
	return a.showNegotiation(&n)
}

// next says which command moves a negotiation on from this end, and which role runs it.
func (a *app) next(n *agreement.Negotiation) (command, role string) {
	switch {
	case n.Side == agreement.Consumer && n.State == agreement.ReqOfficeApproval:
		return "kuayu request consent " + n.ID, "office_head"
	case n.Side == agreement.Provider && (n.State == agreement.Reviewing || n.State == agreement.Extended || n.State == agreement.Resubmitted):
		return "kuayu request answer " + n.ID, "data_officer"
	case n.Side == agreement.Provider && n.State == agreement.ProvOfficeApproval:
		return "kuayu request consent-answer " + n.ID, "office_head"
	case n.Side == agreement.Consumer && n.State == agreement.CounterOffered:
		return "kuayu request accept " + n.ID, "office_head"
	default:
		return a.nextLife(n)
	}
}

func (a *app) showNegotiation(n *agreement.Negotiation) error {
	t := &cli.Table{}
	t.Add(a.T("编号", "id"), n.ID)
	t.Add(a.T("本方", "we are"), string(n.Side))
	t.Add(a.T("状态", "state"), string(n.State))
	t.Add(a.T("需求部门", "consumer"), n.Consumer.Member+" "+n.Consumer.Department)
	t.Add(a.T("提供方", "provider"), n.Provider.Member+" "+n.Provider.Department)
	t.Add(a.T("资源", "resource"), n.Application.Resource)
	t.Add(a.T("依据", "basis"), n.Application.Basis.Kind+" "+n.Application.Basis.Citation)
	t.Add(a.T("用途", "purposes"), strings.Join(n.Application.Purposes, ","))
	t.Add(a.T("方式", "modes"), modeNames(n.Application.Modes))
	t.Add(a.T("数据项", "items"), strings.Join(n.Application.Fields, ","))
	if n.Grant != nil {
		t.Add(a.T("拟同意的数据项", "items granted"), strings.Join(n.Grant.Fields, ","))
	}
	t.Add(a.T("使用时限", "until"), cli.When(n.Application.ValidUntil))
	t.Add(a.T("协议", "agreement"), cli.Dash(n.Agreement))
	if n.Hash != "" {
		t.Add(a.T("协议散列", "hash"), n.Hash)
	}
	if n.Reason != "" {
		t.Add(a.T("理由", "reason"), n.Reason)
	}
	a.addLife(t, n)
	if cmd, role := a.next(n); cmd != "" {
		a.Note("下一步（%s）：%s", "Next (%s): %s", role, cmd)
	} else if n.Side == agreement.Consumer && n.State == agreement.Active {
		a.Note("可以使用：kuayu query %s --purpose %s", "In force: kuayu query %s --purpose %s", n.Agreement, strings.Join(n.Application.Purposes, "|"))
	}
	return a.Show(n, t)
}

// negotiate does one step and shows what became of it.
func (a *app) negotiate(ctx context.Context, path string, in any) error {
	var n agreement.Negotiation
	if err := a.Post(ctx, path, in, &n); err != nil {
		return err
	}
	return a.showNegotiation(&n)
}

func step(id, verb string) string { return "/api/v1/applications/" + seg(id) + "/" + verb }

type requestHistoryCmd struct {
	ID string `arg:"" help:"申请或协议的编号。|Id of the application or agreement."`
}

func (c *requestHistoryCmd) Run(ctx context.Context, a *app) error {
	var p cli.Page[process.Step]
	if err := a.Get(ctx, step(c.ID, "history"), &p); err != nil {
		return err
	}
	t := &cli.Table{Head: []string{a.T("时间", "time"), a.T("何人", "who"), a.T("事项", "event"), a.T("由", "from"), a.T("至", "to"), a.T("说明", "note")}}
	for _, s := range p.Items {
		t.Add(cli.When(s.Time), cli.Dash(s.Actor), string(s.Event), string(s.From), string(s.To), cli.Dash(s.Note))
	}
	return a.List(p.Items, t, "还没有经过。", "Nothing happened yet.")
}

type requestConsentCmd struct {
	ID string `arg:"" help:"申请编号。|Id of the application."`
}

func (c *requestConsentCmd) Run(ctx context.Context, a *app) error {
	return a.negotiate(ctx, step(c.ID, "consent"), nil)
}

type requestAnswerCmd struct {
	ID     string        `arg:"" help:"申请编号。|Id of the application."`
	File   string        `placeholder:"FILE" help:"以 JSON 文件给出答复（代替下面的选项）。|Give the answer as a JSON file instead."`
	Fields []string      `placeholder:"ITEM" help:"同意的数据项；缺省为申请的全部。|Items granted; default all that were asked."`
	Refuse []string      `sep:"none" placeholder:"ITEM=WHY" help:"不予共享的数据项及理由；可重复。|Items not granted, and why; repeatable."`
	Filter []string      `sep:"none" placeholder:"ITEM=VALUE" help:"进一步限定行；可重复。|Narrow the rows; repeatable."`
	Until  string        `placeholder:"DATE" help:"不晚于申请的时限。|Not later than asked."`
	Lease  time.Duration `placeholder:"10m" help:"需求部门失联后可继续使用多久。|How long the consumer may go on unheard."`
}

func (c *requestAnswerCmd) Run(ctx context.Context, a *app) error {
	return c.answer(ctx, a, step(c.ID, "answer"), func(n *agreement.Negotiation) []string { return n.Application.Fields })
}

// answer posts a grant; asked are the items that were asked for.
func (c *requestAnswerCmd) answer(ctx context.Context, a *app, path string, asked func(*agreement.Negotiation) []string) error {
	g := agreement.Grant{Fields: c.Fields, Lease: int(c.Lease / time.Second)}
	if c.File != "" {
		g = agreement.Grant{}
		if err := a.ReadJSON(c.File, &g); err != nil {
			return err
		}
		return a.negotiate(ctx, path, g)
	}
	err := a.pairs(c.Refuse, func(item, why string) { g.Refused = append(g.Refused, agreement.RefusedItem{Item: item, Reason: why}) })
	if err != nil {
		return err
	}
	if g.Filter, err = a.where(c.Filter); err != nil {
		return err
	}
	if c.Until != "" {
		if g.ValidUntil, err = a.Moment(c.Until); err != nil {
			return err
		}
	}
	if len(g.Fields) == 0 {
		var n agreement.Negotiation
		if err := a.Get(ctx, "/api/v1/applications/"+seg(c.ID), &n); err != nil {
			return err
		}
		for _, item := range asked(&n) {
			if !slices.ContainsFunc(g.Refused, func(r agreement.RefusedItem) bool { return r.Item == item }) {
				g.Fields = append(g.Fields, item)
			}
		}
	}
	return a.negotiate(ctx, path, g)
}

type requestSendBackCmd struct {
	ID     string `arg:"" help:"申请编号。|Id of the application."`
	Reason string `required:"" help:"须修改什么。|What is to be corrected."`
}

func (c *requestSendBackCmd) Run(ctx context.Context, a *app) error {
	return a.negotiate(ctx, step(c.ID, "return"), rest.Reason{Reason: c.Reason})
}

type requestMendCmd struct {
	ID   string `arg:"" help:"申请编号。|Id of the application."`
	File string `arg:"" help:"JSON 文件：整份申请。|JSON file: the whole application."`
}

func (c *requestMendCmd) Run(ctx context.Context, a *app) error {
	var in agreement.Application
	if err := a.ReadJSON(c.File, &in); err != nil {
		return err
	}
	return a.negotiate(ctx, step(c.ID, "correct"), in)
}

type requestConsentAnswerCmd struct {
	ID string `arg:"" help:"申请编号。|Id of the application."`
}

func (c *requestConsentAnswerCmd) Run(ctx context.Context, a *app) error {
	return a.negotiate(ctx, step(c.ID, "consent-answer"), nil)
}

type requestReturnCmd struct {
	ID     string `arg:"" help:"申请编号。|Id of the application."`
	Reason string `required:"" help:"理由。|Why."`
}

func (c *requestReturnCmd) Run(ctx context.Context, a *app) error {
	return a.negotiate(ctx, step(c.ID, "return-answer"), rest.Reason{Reason: c.Reason})
}

type requestRefuseCmd struct {
	ID     string `arg:"" help:"申请编号。|Id of the application."`
	Reason string `required:"" help:"理由。|Why."`
}

func (c *requestRefuseCmd) Run(ctx context.Context, a *app) error {
	return a.negotiate(ctx, step(c.ID, "refuse"), rest.Reason{Reason: c.Reason})
}

type requestWithdrawCmd struct {
	ID     string `arg:"" help:"申请编号。|Id of the application."`
	Reason string `required:"" help:"理由。|Why."`
}

func (c *requestWithdrawCmd) Run(ctx context.Context, a *app) error {
	return a.negotiate(ctx, step(c.ID, "withdraw"), rest.Reason{Reason: c.Reason})
}

// standingCmd is consent in advance to a kind of application.
type standingCmd struct {
	Add standingAddCmd `cmd:"" help:"对一类申请事先同意（JSON 文件）。|Consent in advance to a kind of application (JSON file)."`
}

type standingAddCmd struct {
	File string `arg:"" help:"JSON 文件：resource、fields、modes、members、max_days、valid_until。|JSON file: resource, fields, modes, members, max_days, valid_until."`
}

func (c *standingAddCmd) Run(ctx context.Context, a *app) error {
	var st agreement.Standing
	if err := a.ReadJSON(c.File, &st); err != nil {
		return err
	}
	if err := a.Post(ctx, "/api/v1/standing-consents", st, &st); err != nil {
		return err
	}
	t := &cli.Table{}
	t.Add(a.T("常设同意", "standing consent"), st.ID)
	t.Add(a.T("资源", "resource"), st.Resource)
	t.Add(a.T("有效至", "valid until"), cli.When(st.ValidUntil))
	return a.Show(st, t)
}
