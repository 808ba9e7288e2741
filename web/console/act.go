package console

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/web/staff"
	"github.com/kuayu/kuayu/web/ui"
)

// how an act is offered.
type how int

const (
	direct  how = iota // a button that does it: the page shows all that there is to consider
	reasons            // a button that asks for a reason before it does
	fills              // a form that opens in place
	leads              // a page of its own
)

// act is one thing that may be done to an application or agreement, with who is offered it when. The table only hides:
// whether an act is permitted is asked of the package.
type act struct {
	name       string
	at         agreement.Role
	in         []agreement.State
	by         []identity.Role                                    // of this end's department
	authority  bool                                               // and the authority, over any department of its node
	when       func(q staff.Visit, n *agreement.Negotiation) bool // nil: always
	how        how
	danger     bool
	word, text staff.Pair
	fields     func(v *ui.View, n *agreement.Negotiation) []ui.Field
	do         func(c *Console, q staff.Visit, id string, f url.Values) error
}

// offered reports whether a page shows an act to its visitor.
func (a *act) offered(q staff.Visit, n *agreement.Negotiation) bool {
	who := (n.Department == q.Sess.Department && q.Sess.Has(a.by...)) || (a.authority && q.Sess.Has(identity.Authority))
	return a.at == n.Side && slices.Contains(a.in, n.State) && who && (a.when == nil || a.when(q, n))
}

// only is the error of what the packages' acts return.
func only(_ *agreement.Negotiation, err error) error { return err }

func reasonIn(f url.Values) string { return strings.TrimSpace(f.Get("reason")) }

// Roles that acts are offered to.
func officer() []identity.Role { return []identity.Role{identity.DataOfficer} }
func head() []identity.Role    { return []identity.Role{identity.OfficeHead} }
func either() []identity.Role  { return []identity.Role{identity.DataOfficer, identity.OfficeHead} }

// States from which the law goes on alike.
func reviewed() []agreement.State {
	return []agreement.State{agreement.Reviewing, agreement.Extended, agreement.Resubmitted}
}

func used() []agreement.State {
	return []agreement.State{agreement.Provisioning, agreement.Active, agreement.Suspended, agreement.Rectifying, agreement.ChangeOfUse}
}

// acts are all acts of the law, in the order in which a page offers them.
func acts() []act {
	return slices.Concat(applicantActs(), providerActs())
}

func applicantActs() []act {
	const us = agreement.Consumer
	in := func(s ...agreement.State) []agreement.State { return s }
	return []act{
		{
			name: "consent", at: us, in: in(agreement.ReqOfficeApproval), by: head(), how: direct,
			word: staff.Pair{"同意提出申请", "Consent to the application"}, text: staff.Pair{"同意后，申请立即送达提供方。", "It goes to the provider at once."},
			do: func(c *Console, q staff.Visit, id string, _ url.Values) error {
				return only(c.Cases.ConsentRequest(q.Context(), q.Sess, id))
			},
		},
		{
			name: "return", at: us, in: in(agreement.ReqOfficeApproval), by: head(), how: reasons,
			word: staff.Pair{"退回修改", "Send it back to be corrected"}, text: staff.Pair{"退回数据专员修改后重新报送，请写明须修改什么。", "The officer corrects it and puts it up again; say what is to be corrected."},
			do: func(c *Console, q staff.Visit, id string, f url.Values) error {
				return only(c.Cases.ReturnRequest(q.Context(), q.Sess, id, reasonIn(f)))
			},
		},
		{
			name: actRevise, at: us, in: in(agreement.Draft), by: officer(), how: leads,
			word: staff.Pair{"修改并重新报送", "Revise and resubmit"}, do: (*Console).revise,
		},
		{
			name: "withdraw", at: us, in: in(agreement.ReqOfficeApproval), by: head(), how: reasons, danger: true, do: withdraw,
			word: staff.Pair{"不同意，撤回申请", "Do not consent: withdraw it"}, text: staff.Pair{"申请不再送出，数据专员可另行申请。", "It will not be sent; the officer may apply anew."},
		},
		{
			name: actSupply, at: us, in: in(agreement.Supplement), by: officer(), how: leads,
			word: staff.Pair{"补正", "Supply what is missing"}, do: (*Console).supply,
		},
		{
			name: "consent-supply", at: us, in: in(agreement.Supplement), by: head(), how: direct,
			when: func(_ staff.Visit, n *agreement.Negotiation) bool {
				return n.Supplement != nil && n.Supplement.Supply != nil
			},
			word: staff.Pair{"同意补正内容", "Consent to the supplement"}, text: staff.Pair{"补正扩大了申请内容，经负责人同意后送达提供方。", "It asks for more than before; it goes out with the head's consent."},
			do: func(c *Console, q staff.Visit, id string, _ url.Values) error {
				return only(c.Cases.ConsentSupplement(q.Context(), q.Sess, id))
			},
		},
		{
			name: "accept", at: us, in: in(agreement.CounterOffered), by: head(), how: direct,
			word: staff.Pair{"接受提供方的条件", "Accept the terms offered"}, text: staff.Pair{"接受后由提供方负责人同意，达成协议。", "The provider's head then consents, and there is an agreement."},
			do: func(c *Console, q staff.Visit, id string, _ url.Values) error {
				return only(c.Cases.AcceptOffer(q.Context(), q.Sess, id))
			},
		},
		{
			name: actResubmit, at: us, in: in(agreement.CounterOffered), by: head(), how: leads,
			word: staff.Pair{"按新条件再次申请", "Ask again on other terms"}, do: (*Console).resubmit,
		},
		{
			name: actChange, at: us, in: in(agreement.Active), by: officer(), how: leads,
			when: func(_ staff.Visit, n *agreement.Negotiation) bool {
				return !n.Foreign() && !changing(n, agreement.ChangeDrafted)
			},
			word: staff.Pair{"申请变更用途", "Ask for a change of use"}, do: (*Console).change,
		},
		{
			name: "consent-change", at: us, in: in(agreement.Active), by: head(), how: direct,
			when: func(_ staff.Visit, n *agreement.Negotiation) bool { return changing(n, agreement.ChangeDrafted) },
			word: staff.Pair{"同意申请变更用途", "Consent to asking for the change"}, text: staff.Pair{"同意后送达提供方；同意变更前，协议按原条件执行。", "It goes to the provider; the old terms hold until the change is granted."},
			do: func(c *Console, q staff.Visit, id string, _ url.Values) error {
				return only(c.Cases.RequestChange(q.Context(), q.Sess, id))
			},
		},
		{
			name: "rectified", at: us, in: in(agreement.Rectifying), by: either(), how: fills,
			word: staff.Pair{"报告整改情况", "Report what was put right"}, text: staff.Pair{"报告送达提供方，由提供方核实后恢复协议。", "It goes to the provider, who looks at it and resumes the agreement."},
			fields: func(v *ui.View, _ *agreement.Negotiation) []ui.Field {
				return []ui.Field{{Name: "report", Kind: "textarea", Label: v.Pick("整改情况", "What was put right")}}
			},
			do: func(c *Console, q staff.Visit, id string, f url.Values) error {
				return only(c.Cases.ReportRectified(q.Context(), q.Sess, id, strings.TrimSpace(f.Get("report"))))
			},
		},
		{
			name: "destroyed", at: us, in: in(agreement.Disposal), by: head(), how: fills,
			word: staff.Pair{"确认已处置数据", "Certify that the data were destroyed"}, text: staff.Pair{"登记销毁证明，由本节点签名送达提供方，事项办结。", "The certificate is sealed by this node and goes to the provider; the matter is closed."},
			fields: func(v *ui.View, n *agreement.Negotiation) []ui.Field {
				x := []ui.Field{
					{Name: "method", Kind: "text", Label: v.Pick("销毁方式", "How they were destroyed")},
					{Name: "scope", Kind: "text", Label: v.Pick("销毁范围", "Which data")},
					{Name: "date", Kind: "day", Label: v.Pick("销毁日期", "Date"), Hint: dayHint(v)},
					{Name: "officer", Kind: "text", Label: v.Pick("责任人", "Officer responsible")},
				}
				if d := n.Disposing; d != nil {
					x[0].Value, x[1].Value = d.Order.Method, d.Order.Scope
				}
				return x
			},
			do: func(c *Console, q staff.Visit, id string, f url.Values) error {
				date, _ := time.ParseInLocation(time.DateOnly, strings.TrimSpace(f.Get("date")), q.V.Zone) // zero is said to be wrong
				return only(c.Cases.ConfirmDisposal(q.Context(), q.Sess, id, agreement.Certificate{
					Method: strings.TrimSpace(f.Get("method")), Scope: strings.TrimSpace(f.Get("scope")), Date: date, Officer: strings.TrimSpace(f.Get("officer")),
				}))
			},
		},
		{
			name: actRenew, at: us, in: in(agreement.Active, agreement.ChangeOfUse, agreement.Expired), by: officer(), how: leads,
			when: func(_ staff.Visit, n *agreement.Negotiation) bool { return !n.Foreign() },
			word: staff.Pair{"申请续期", "Apply for renewal"}, do: nil, // it makes another application: see renew
		},
		{
			name: "withdraw", at: us, by: either(), how: reasons, danger: true, do: withdraw,
			in:   in(agreement.Draft, agreement.Submitted, agreement.Supplement, agreement.Reviewing, agreement.Extended, agreement.CounterOffered, agreement.Resubmitted),
			word: staff.Pair{"撤回申请", "Withdraw the application"}, text: staff.Pair{"撤回后不能恢复，可另行申请。", "It can't be brought back; apply anew if needed."},
		},
		{
			name: "withdraw", at: us, in: in(agreement.ReqOfficeApproval), by: officer(), how: reasons, danger: true, do: withdraw,
			word: staff.Pair{"撤回申请", "Withdraw the application"}, text: staff.Pair{"撤回后不能恢复，可另行申请。", "It can't be brought back; apply anew if needed."},
			when: func(q staff.Visit, _ *agreement.Negotiation) bool { return !q.Sess.Has(identity.OfficeHead) },
		},
	}
}

func withdraw(c *Console, q staff.Visit, id string, f url.Values) error {
	return only(c.Cases.Withdraw(q.Context(), q.Sess, id, reasonIn(f)))
}

func dayHint(v *ui.View) string { return v.Pick("写作 2027-05-31。", "Written 2027-05-31.") }

// changing reports whether a change of use is in one of the statuses.
func changing(n *agreement.Negotiation, in ...agreement.ChangeStatus) bool {
	return n.Change != nil && slices.Contains(in, n.Change.Status)
}

// extending reports whether more time was asked for and the authority has not decided.
func extending(n *agreement.Negotiation) bool {
	return n.Extension != nil && n.Extension.Consented.IsZero() && n.Extension.Declined == ""
}

func providerActs() []act {
	const us = agreement.Provider
	in := func(s ...agreement.State) []agreement.State { return s }
	return []act{
		{
			name: "consent-answer", at: us, in: in(agreement.ProvOfficeApproval), by: head(), how: direct,
			word: staff.Pair{"同意答复，达成协议", "Consent: make the agreement"}, text: staff.Pair{"同意后生成协议并送达需求部门会签。", "The agreement is made and goes to the applicant to countersign."},
			do: func(c *Console, q staff.Visit, id string, _ url.Values) error {
				return only(c.Cases.ConsentAnswer(q.Context(), q.Sess, id))
			},
		},
		{
			name: "return-answer", at: us, in: in(agreement.ProvOfficeApproval), by: head(), how: reasons,
			when: func(_ staff.Visit, n *agreement.Negotiation) bool { return !n.Accepted },
			word: staff.Pair{"退回答复", "Send the answer back"}, text: staff.Pair{"退回数据专员重新提出。", "The officer proposes anew."},
			do: func(c *Console, q staff.Visit, id string, f url.Values) error {
				return only(c.Cases.ReturnAnswer(q.Context(), q.Sess, id, reasonIn(f)))
			},
		},
		{
			name: actSupplement, at: us, in: append(in(agreement.Submitted), reviewed()...), by: officer(), how: leads,
			when: func(_ staff.Visit, n *agreement.Negotiation) bool {
				return !n.Foreign() && !slices.Contains(n.Done, agreement.AskSupplement)
			},
			word: staff.Pair{"一次性告知补正", "Tell what is missing, once"}, do: (*Console).supplement,
		},
		{
			name: "extend", at: us, in: in(agreement.Reviewing), by: officer(), how: fills,
			when: func(_ staff.Visit, n *agreement.Negotiation) bool {
				return !extending(n) && !slices.Contains(n.Done, agreement.Extend)
			},
			word: staff.Pair{"申请延期答复", "Ask for more time to answer"}, text: staff.Pair{"经主管部门同意可延长一次，最多十个工作日（809 号令第二十一条）。", "With the authority's consent, once, 10 working days at most (Decree 809 art. 21)."},
			fields: func(v *ui.View, _ *agreement.Negotiation) []ui.Field {
				days := ui.Field{Name: "days", Kind: "select", Label: v.Pick("延长的工作日", "Working days"), Value: strconv.Itoa(agreement.MaxExtension)}
				for d := 1; d <= agreement.MaxExtension; d++ {
					days.Options = append(days.Options, ui.Option{Value: strconv.Itoa(d), Label: strconv.Itoa(d)})
				}
				return []ui.Field{days, {Name: "reason", Kind: "textarea", Label: v.Pick("延期理由", "Why")}}
			},
			do: func(c *Console, q staff.Visit, id string, f url.Values) error {
				days, _ := strconv.Atoi(f.Get("days")) // zero is said to be wrong
				return only(c.Cases.AskExtension(q.Context(), q.Sess, id, days, reasonIn(f)))
			},
		},
		{
			name: "consent-extension", at: us, in: in(agreement.Reviewing), authority: true, how: direct,
			when: func(_ staff.Visit, n *agreement.Negotiation) bool { return extending(n) },
			word: staff.Pair{"同意延期", "Consent to more time"}, text: staff.Pair{"同意后告知需求部门新的答复期限。", "The applicant is told of the new date."},
			do: func(c *Console, q staff.Visit, id string, _ url.Values) error {
				return only(c.Cases.ConsentExtension(q.Context(), q.Sess, id))
			},
		},
		{
			name: "refuse-extension", at: us, in: in(agreement.Reviewing), authority: true, how: reasons,
			when: func(_ staff.Visit, n *agreement.Negotiation) bool { return extending(n) },
			word: staff.Pair{"不同意延期", "Do not consent to more time"}, text: staff.Pair{"答复期限不变。", "The answer stays due when it was."},
			do: func(c *Console, q staff.Visit, id string, f url.Values) error {
				return only(c.Cases.RefuseExtension(q.Context(), q.Sess, id, reasonIn(f)))
			},
		},
		{
			name: "grant-change", at: us, in: in(agreement.ChangeOfUse), by: head(), how: direct,
			when: func(_ staff.Visit, n *agreement.Negotiation) bool { return changing(n, agreement.ChangeProposed) },
			word: staff.Pair{"同意变更，修订协议", "Grant it: amend the agreement"}, text: staff.Pair{"修订后的协议立即生效，原文本留存。", "The amended agreement binds at once; the old text is kept."},
			do: func(c *Console, q staff.Visit, id string, _ url.Values) error {
				return only(c.Cases.GrantChange(q.Context(), q.Sess, id))
			},
		},
		{
			name: "decline-change", at: us, in: in(agreement.ChangeOfUse), by: head(), how: reasons,
			when: func(_ staff.Visit, n *agreement.Negotiation) bool {
				return changing(n, agreement.ChangeRequested, agreement.ChangeProposed)
			},
			word: staff.Pair{"不同意变更", "Decline the change"}, text: staff.Pair{"协议按原条件继续执行，理由送达需求部门。", "The old terms hold; the reasons go to the using department."},
			do: func(c *Console, q staff.Visit, id string, f url.Values) error {
				return only(c.Cases.DeclineChange(q.Context(), q.Sess, id, reasonIn(f)))
			},
		},
		{
			name: "rectify", at: us, in: in(agreement.Suspended), by: head(), authority: true, how: fills,
			word: staff.Pair{"责令限期整改", "Order to put it right"}, text: staff.Pair{"需求部门须在期限内整改并报告（809 号令第二十七条）。", "The using department puts it right by the date, and reports (Decree 809 art. 27)."},
			fields: func(v *ui.View, _ *agreement.Negotiation) []ui.Field {
				return []ui.Field{
					{Name: "what", Kind: "textarea", Label: v.Pick("须整改的内容", "What must be put right")},
					{Name: "by", Kind: "day", Label: v.Pick("整改期限", "By"), Hint: dayHint(v)},
				}
			},
			do: func(c *Console, q staff.Visit, id string, f url.Values) error {
				return only(c.Cases.OrderRectify(q.Context(), q.Sess, id, agreement.RectifyOrder{What: strings.TrimSpace(f.Get("what")), By: staff.EndOf(q.V, f.Get("by"))}))
			},
		},
		{
			name: "resume", at: us, in: in(agreement.Rectifying), by: head(), authority: true, how: reasons,
			when: func(_ staff.Visit, n *agreement.Negotiation) bool {
				return n.Foreign() || (n.Suspension != nil && !n.Suspension.Reported.IsZero())
			},
			word: staff.Pair{"恢复协议", "Resume the agreement"}, text: staff.Pair{"写明核实情况，协议立即恢复。", "Say what was found; it resumes at once."},
			do: func(c *Console, q staff.Visit, id string, f url.Values) error {
				return only(c.Cases.Resume(q.Context(), q.Sess, id, reasonIn(f)))
			},
		},
		{
			name: "dispose", at: us, in: in(agreement.Expired, agreement.Terminated), by: either(), how: fills,
			word: staff.Pair{"要求处置数据", "Say how to dispose of the data"}, text: staff.Pair{"协议终止后，需求部门按此处置所持数据并出具证明（809 号令第二十七条）。", "The using department disposes of what it holds and certifies it (Decree 809 art. 27)."},
			fields: func(v *ui.View, _ *agreement.Negotiation) []ui.Field {
				return []ui.Field{
					{Name: "method", Kind: "text", Label: v.Pick("处置方式", "How")},
					{Name: "scope", Kind: "text", Label: v.Pick("处置范围", "Which data")},
					{Name: "by", Kind: "day", Label: v.Pick("处置期限", "By"), Hint: dayHint(v)},
				}
			},
			do: func(c *Console, q staff.Visit, id string, f url.Values) error {
				return only(c.Cases.Dispose(q.Context(), q.Sess, id, agreement.DisposalOrder{
					Method: strings.TrimSpace(f.Get("method")), Scope: strings.TrimSpace(f.Get("scope")), By: staff.EndOf(q.V, f.Get("by")),
				}))
			},
		},
		{
			name: "suspend", at: us, in: in(agreement.Active, agreement.ChangeOfUse, agreement.Rectifying), by: head(), authority: true, how: reasons, danger: true,
			word: staff.Pair{"暂停协议", "Suspend the agreement"}, text: staff.Pair{"暂停立即生效，需求部门不能再查询，整改后可以恢复。", "It binds at once: the consumer can ask no more until it is resumed."},
			do: func(c *Console, q staff.Visit, id string, f url.Values) error {
				return only(c.Cases.Suspend(q.Context(), q.Sess, id, reasonIn(f)))
			},
		},
		{
			name: "refuse", at: us, in: append(in(agreement.Submitted, agreement.CounterOffered, agreement.ProvOfficeApproval), reviewed()...), by: head(), how: reasons, danger: true,
			word: staff.Pair{"不同意申请", "Refuse the application"}, text: staff.Pair{"须写明理由，理由会送达需求部门。材料不齐不是理由。", "The reasons go to the applicant. Incomplete papers are none."},
			do: func(c *Console, q staff.Visit, id string, f url.Values) error {
				return only(c.Cases.Refuse(q.Context(), q.Sess, id, reasonIn(f)))
			},
		},
		{
			name: "revoke", at: us, in: used(), by: []identity.Role{identity.OfficeHead, identity.DepartmentHead}, authority: true, how: reasons, danger: true,
			word: staff.Pair{"撤销协议", "Revoke the agreement"}, text: staff.Pair{"撤销立即生效，需求部门不能再查询，并须按约定处置数据。", "It binds at once: the consumer can ask no more and must dispose of the data."},
			do: func(c *Console, q staff.Visit, id string, f url.Values) error {
				return only(c.Cases.Revoke(q.Context(), q.Sess, id, reasonIn(f)))
			},
		},
		{name: actAnswer, at: us, in: reviewed(), by: officer(), how: leads, do: (*Console).answer},
		{
			name: actAnswerChange, at: us, in: in(agreement.ChangeOfUse), by: officer(), how: leads, do: (*Console).answerChange,
			when: func(_ staff.Visit, n *agreement.Negotiation) bool {
				return changing(n, agreement.ChangeRequested, agreement.ChangeProposed)
			},
		},
	}
}

// offers are what a page offers to its visitor, each kind as it is shown.
type offers struct {
	direct    []ui.Question
	questions []ui.Question
	forms     []ui.Form
	pages     []ui.Link
	answer    string // the act by which a form on the page answers item by item; "" for none
}

func (o *offers) none() bool { return len(o.direct)+len(o.questions)+len(o.forms)+len(o.pages) == 0 }

// offersOf are the acts that a page offers; taken, f and faults are one that was not taken.
func offersOf(q staff.Visit, n *agreement.Negotiation, taken string, f url.Values, faults map[string]string) offers {
	var out offers
	v := q.V
	for _, a := range acts() {
		if !a.offered(q, n) {
			continue
		}
		post := staff.CasePath(n.ID) + "/" + a.name
		switch a.how {
		case direct:
			out.direct = append(out.direct, ui.Question{Act: a.word.In(v), Text: a.text.In(v), Post: post})
		case reasons:
			out.questions = append(out.questions, ui.Question{Act: a.word.In(v), Text: a.text.In(v), Post: post, Danger: a.danger, Reason: v.Pick("理由", "Reason")})
		case fills:
			x := ui.Form{Act: a.word.In(v), Text: a.text.In(v), Post: post, Fields: a.fields(v, n), Open: a.name == taken && len(faults) > 0}
			for i := range x.Fields {
				x.Fields[i].Of = a.name
				if x.Open {
					x.Fields[i].Value, x.Fields[i].Error = f.Get(x.Fields[i].Name), faults[x.Fields[i].Name]
				}
			}
			out.forms = append(out.forms, x)
		case leads:
			if a.name == actAnswer || a.name == actAnswerChange {
				out.answer = a.name
				continue
			}
			out.pages = append(out.pages, ui.Link{Href: post, Text: a.word.In(v)})
		}
	}
	return out
}

// act does one thing to an application or agreement. The package checks role, department and state.
func (c *Console) act(w http.ResponseWriter, q staff.Visit) error {
	f, err := staff.Form(w, q)
	if err != nil {
		return err
	}
	id, name := q.PathValue("id"), q.PathValue("act")
	if name == actRenew {
		return c.renew(w, q, f)
	}
	all := acts()
	at := slices.IndexFunc(all, func(a act) bool { return a.name == name })
	if at < 0 {
		return staff.ErrNoAct.With()
	}
	a := &all[at]
	err = c.told(q, id, a.do(c, q, id, f))
	faults, err := staff.Faults(q.V, err)
	if err != nil && a.how == leads && errors.Is(err, agreement.ErrGrant) {
		faults, err = map[string]string{"until": errs.As(err).Message(string(q.V.Lang))}, nil
	}
	switch {
	case err != nil:
		return err
	case len(faults) == 0:
		return staff.Done(w, q, staff.CasePath(id), name)
	case a.how == leads && name != actAnswer && name != actAnswerChange:
		return c.askPage(w, q, name, f, faults)
	}
	return c.showCase(w, q, name, f, faults)
}

// told says of an act that came too late, or too early, where the matter stands and what comes next: the package's message
// names states and events by their codes.
func (c *Console) told(q staff.Visit, id string, err error) error {
	if !errors.Is(err, agreement.ErrTransition) {
		return err
	}
	n, e := c.Cases.Get(q.Context(), q.Sess.Scope(), id)
	if e != nil {
		return staff.ErrMoved.Because(err)
	}
	whose, next := turnOf(n.State)
	state := staff.StateWord(n.State)
	return ErrNotNow.Because(err, state[0], state[1], whose[0], whose[1], next[0], next[1])
}
