package console

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/exchange/catalog"
	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/web/ui"
)

// question is an act that a page offers: a button that asks before it does.
func question(v *ui.View, n *agreement.Negotiation, act string, word, text pair, reason, danger bool) ui.Question {
	x := ui.Question{Act: v.Pick(word.zh, word.en), Text: v.Pick(text.zh, text.en), Post: pathCases + "/" + n.ID + "/" + act, Danger: danger}
	if reason {
		x.Reason = v.Pick("理由", "Reason")
	}
	return x
}

// actsOf are the acts that a page offers to its visitor. It only hides: whether an act is permitted is asked of the room.
func actsOf(q visit, n *agreement.Negotiation) []ui.Question {
	v, own := q.v, n.Department() == q.sess.Department
	head, officer := own && q.sess.Has(identity.OfficeHead), own && q.sess.Has(identity.DataOfficer)
	var out []ui.Question
	add := func(ok bool, act string, word, text pair, reason, danger bool) {
		if ok {
			out = append(out, question(v, n, act, word, text, reason, danger))
		}
	}
	if n.Role == agreement.Consumer {
		switch n.State { //nolint:exhaustive // elsewhere the applicant has nothing to do here
		case agreement.ReqOfficeApproval:
			add(head, "consent", pair{"同意提出申请", "Consent to the application"}, pair{"同意后，申请立即送达提供方。", "It goes to the provider at once."}, false, false)
			add(head, "withdraw", pair{"不同意，撤回申请", "Do not consent: withdraw it"}, pair{"申请不再送出，数据专员可另行申请。", "It will not be sent; the officer may apply anew."}, true, true)
			add(officer, "withdraw", pair{"撤回申请", "Withdraw the application"}, pair{"撤回后不能恢复，可另行申请。", "It can't be brought back; apply anew if needed."}, true, true)
		case agreement.Draft, agreement.Submitted, agreement.Supplement, agreement.Reviewing, agreement.Extended, agreement.CounterOffered, agreement.Resubmitted:
			add(head || officer, "withdraw", pair{"撤回申请", "Withdraw the application"}, pair{"撤回后不能恢复，可另行申请。", "It can't be brought back; apply anew if needed."}, true, true)
		}
		return out
	}
	refuse := func() {
		add(head, "refuse", pair{"不同意申请", "Refuse the application"}, pair{"须写明理由，理由会送达申请方。材料不齐不是理由。", "The reasons go to the applicant. Incomplete papers are none."}, true, true)
	}
	switch n.State { //nolint:exhaustive // elsewhere the provider has nothing to do here
	case agreement.Reviewing, agreement.Extended, agreement.Resubmitted:
		refuse()
	case agreement.ProvOfficeApproval:
		add(head, "consent-answer", pair{"同意答复，达成协议", "Consent: make the agreement"}, pair{"同意后生成协议并送达申请方会签。", "The agreement is made and goes to the applicant to countersign."}, false, false)
		add(head && !n.Accepted, "return-answer", pair{"退回答复", "Send the answer back"}, pair{"退回数据专员重新提出。", "The officer proposes anew."}, true, false)
		refuse()
	case agreement.Provisioning, agreement.Active, agreement.Suspended, agreement.Rectifying, agreement.ChangeOfUse:
		add(head || own && q.sess.Has(identity.DepartmentHead) || q.sess.Has(identity.Authority), "revoke", pair{"撤销协议", "Revoke the agreement"},
			pair{"撤销立即生效，使用方不能再查询，并须按约定处置数据。", "It binds at once: the consumer can ask no more and must dispose of the data."}, true, true)
	}
	return out
}

// mayAnswer says whether the form for an answer is shown.
func mayAnswer(q visit, n *agreement.Negotiation) bool {
	return n.Role == agreement.Provider && n.Department() == q.sess.Department && q.sess.Has(identity.DataOfficer) &&
		slices.Contains([]agreement.State{agreement.Reviewing, agreement.Extended, agreement.Resubmitted}, n.State)
}

// act does one thing to an application or agreement. The room checks role, department and state.
func (c *Console) act(w http.ResponseWriter, q visit) error {
	q.Body = http.MaxBytesReader(w, q.Body, maxForm)
	if err := q.ParseForm(); err != nil {
		return ErrForm.Because(err)
	}
	id, name, reason := q.PathValue("id"), q.PathValue("act"), strings.TrimSpace(q.PostForm.Get("reason"))
	plain := map[string]func(context.Context, *identity.Session, string) (*agreement.Negotiation, error){
		"consent": c.Cases.ConsentRequest, "consent-answer": c.Cases.ConsentAnswer,
	}
	reasoned := map[string]func(context.Context, *identity.Session, string, string) (*agreement.Negotiation, error){
		"withdraw": c.Cases.Withdraw, "return-answer": c.Cases.ReturnAnswer, "refuse": c.Cases.Refuse, "revoke": c.Cases.Revoke,
	}
	var err error
	switch {
	case name == "answer":
		_, err = c.Cases.Answer(q.Context(), q.sess, id, grantOf(q.v, q.PostForm))
		if e := errs.As(err); err != nil && e.Kind == errs.Invalid {
			faults, _ := faultsOf(q.v, err)
			if faults == nil {
				faults = map[string]string{"until": e.Message(string(q.v.Lang))}
			}
			return c.showCase(w, q, q.PostForm, faults)
		}
	case plain[name] != nil:
		_, err = plain[name](q.Context(), q.sess, id)
	case reasoned[name] != nil:
		_, err = reasoned[name](q.Context(), q.sess, id, reason)
	default:
		err = ErrNoAct.With()
	}
	if errors.Is(err, agreement.ErrTransition) { // its message names states and events by their codes
		err = ErrMoved.Because(err)
	}
	if err != nil {
		return err
	}
	http.Redirect(w, q.Request, pathCases+"/"+id+"?done="+name, http.StatusSeeOther)
	return nil
}

// reasonName is the question of why an item is not granted.
func reasonName(item string) string { return "reason-" + item }

// grantOf reads an answer: what is ticked is granted, the rest refused with its reason.
func grantOf(v *ui.View, f url.Values) agreement.Grant {
	g := agreement.Grant{Fields: f["allowed"]}
	for _, item := range f["asked"] {
		if !slices.Contains(g.Fields, item) {
			g.Refused = append(g.Refused, agreement.RefusedItem{Item: item, Reason: strings.TrimSpace(f.Get(reasonName(item)))})
		}
	}
	if s := f.Get("until"); strings.TrimSpace(s) != "" {
		g.ValidUntil = endOf(v, s)
	}
	return g
}

// answerRow is an item that was asked for, with the answer as far as it is filled in.
type answerRow struct {
	name, title, shown string
	personal, allowed  bool
	reason, fault      string
}

// answerRows set what was asked for against what is allowed.
func answerRows(v *ui.View, nm *names, n *agreement.Negotiation, f url.Values, faults map[string]string) []answerRow {
	titles := nm.items(n.Provider.Member, n.Application.Resource, n.Application.Fields)
	r := nm.resource(n.Provider.Member, n.Application.Resource)
	out := make([]answerRow, len(titles))
	for i, name := range n.Application.Fields {
		out[i] = answerRow{name: name, title: titles[i], allowed: f == nil || slices.Contains(f["allowed"], name), reason: f.Get(reasonName(name)), fault: faults[name]}
		if it := itemOf(r, name); it != nil {
			out[i].shown, out[i].personal = itemShown(v, it)+v.Pick("，", ", ")+gradeWord(v, it.Grade), it.Subject || it.Personal
		}
	}
	return out
}

func itemOf(r *catalog.Resource, name string) *catalog.Item {
	if r == nil {
		return nil
	}
	return r.Item(name)
}

// grantsOf are the items asked for against those of the answer; none before there is one.
func grantsOf(v *ui.View, nm *names, n *agreement.Negotiation) []ui.Granting {
	if n.Grant == nil {
		return nil
	}
	var out []ui.Granting
	for _, x := range answerRows(v, nm, n, nil, nil) {
		g := ui.Granting{Item: x.title, Asked: x.shown, Sensitive: x.personal}
		if g.Asked == "" {
			g.Asked = v.Pick("使用", "use")
		}
		if slices.Contains(n.Grant.Fields, x.name) {
			g.Allowed = g.Asked
		}
		for _, r := range n.Grant.Refused {
			if r.Item == x.name {
				g.Reason = r.Reason
			}
		}
		out = append(out, g)
	}
	return out
}

// The errors of acts.
var (
	ErrMoved = errs.Define(errs.Conflict, "console.moved", "该申请或协议的状态已变化，或已由他人办理，不能再执行此操作。请回到该申请查看最新状态。", "It has moved on, or somebody else has done it: this can't be done any more. Go back to it and see where it stands.")
	ErrNoAct = errs.Define(errs.NotFound, "console.no_act", "没有这项操作。", "There is no such act.")
)
