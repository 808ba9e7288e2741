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
	"github.com/kuayu/kuayu/web/desk"
	"github.com/kuayu/kuayu/web/ui"
)

// question is an act that a page offers: a button that asks before it does.
func question(v *ui.View, n *agreement.Negotiation, act string, word, text desk.Pair, reason, danger bool) ui.Question {
	x := ui.Question{Act: word.In(v), Text: text.In(v), Post: desk.CasePath(n.ID) + "/" + act, Danger: danger}
	if reason {
		x.Reason = v.Pick("理由", "Reason")
	}
	return x
}

// actsOf are the acts that a page offers to its visitor. It only hides: whether an act is permitted is asked of the room.
func actsOf(q desk.Visit, n *agreement.Negotiation) []ui.Question {
	v, own := q.V, n.Department() == q.Sess.Department
	head, officer := own && q.Sess.Has(identity.OfficeHead), own && q.Sess.Has(identity.DataOfficer)
	var out []ui.Question
	add := func(ok bool, act string, word, text desk.Pair, reason, danger bool) {
		if ok {
			out = append(out, question(v, n, act, word, text, reason, danger))
		}
	}
	if n.Role == agreement.Consumer {
		switch n.State { //nolint:exhaustive // elsewhere the applicant has nothing to do here
		case agreement.ReqOfficeApproval:
			add(head, "consent", desk.Pair{"同意提出申请", "Consent to the application"}, desk.Pair{"同意后，申请立即送达提供方。", "It goes to the provider at once."}, false, false)
			add(head, "withdraw", desk.Pair{"不同意，撤回申请", "Do not consent: withdraw it"}, desk.Pair{"申请不再送出，数据专员可另行申请。", "It will not be sent; the officer may apply anew."}, true, true)
			add(officer, "withdraw", desk.Pair{"撤回申请", "Withdraw the application"}, desk.Pair{"撤回后不能恢复，可另行申请。", "It can't be brought back; apply anew if needed."}, true, true)
		case agreement.Draft, agreement.Submitted, agreement.Supplement, agreement.Reviewing, agreement.Extended, agreement.CounterOffered, agreement.Resubmitted:
			add(head || officer, "withdraw", desk.Pair{"撤回申请", "Withdraw the application"}, desk.Pair{"撤回后不能恢复，可另行申请。", "It can't be brought back; apply anew if needed."}, true, true)
		}
		return out
	}
	refuse := func() {
		add(head, "refuse", desk.Pair{"不同意申请", "Refuse the application"}, desk.Pair{"须写明理由，理由会送达申请方。材料不齐不是理由。", "The reasons go to the applicant. Incomplete papers are none."}, true, true)
	}
	switch n.State { //nolint:exhaustive // elsewhere the provider has nothing to do here
	case agreement.Reviewing, agreement.Extended, agreement.Resubmitted:
		refuse()
	case agreement.ProvOfficeApproval:
		add(head, "consent-answer", desk.Pair{"同意答复，达成协议", "Consent: make the agreement"}, desk.Pair{"同意后生成协议并送达申请方会签。", "The agreement is made and goes to the applicant to countersign."}, false, false)
		add(head && !n.Accepted, "return-answer", desk.Pair{"退回答复", "Send the answer back"}, desk.Pair{"退回数据专员重新提出。", "The officer proposes anew."}, true, false)
		refuse()
	case agreement.Provisioning, agreement.Active, agreement.Suspended, agreement.Rectifying, agreement.ChangeOfUse:
		add(head || own && q.Sess.Has(identity.DepartmentHead) || q.Sess.Has(identity.Authority), "revoke", desk.Pair{"撤销协议", "Revoke the agreement"},
			desk.Pair{"撤销立即生效，使用方不能再查询，并须按约定处置数据。", "It binds at once: the consumer can ask no more and must dispose of the data."}, true, true)
	}
	return out
}

// furtherOf leads on to what an agreement gives rise to.
func furtherOf(q desk.Visit, n *agreement.Negotiation) []ui.Link {
	var out []ui.Link
	if n.Department() != q.Sess.Department || n.Agreement == "" || !q.Sess.Has(identity.DataOfficer, identity.OfficeHead) {
		return nil
	}
	if n.Role == agreement.Consumer && q.Sess.Has(identity.DataOfficer) {
		out = append(out, ui.Link{Href: desk.CasePath(n.ID) + "/correct", Text: q.V.Pick("记录有误，提出校核", "Report a wrong record")})
	}
	return append(out, ui.Link{Href: desk.CasePath(n.ID) + "/dispute", Text: q.V.Pick("提出争议", "Open a dispute")})
}

// mayAnswer says whether the form for an answer is shown.
func mayAnswer(q desk.Visit, n *agreement.Negotiation) bool {
	return n.Role == agreement.Provider && n.Department() == q.Sess.Department && q.Sess.Has(identity.DataOfficer) &&
		slices.Contains([]agreement.State{agreement.Reviewing, agreement.Extended, agreement.Resubmitted}, n.State)
}

// act does one thing to an application or agreement. The room checks role, department and state.
func (c *Console) act(w http.ResponseWriter, q desk.Visit) error {
	f, err := desk.Form(w, q)
	if err != nil {
		return err
	}
	id, name, reason := q.PathValue("id"), q.PathValue("act"), strings.TrimSpace(f.Get("reason"))
	plain := map[string]func(context.Context, *identity.Session, string) (*agreement.Negotiation, error){
		"consent": c.Cases.ConsentRequest, "consent-answer": c.Cases.ConsentAnswer,
	}
	reasoned := map[string]func(context.Context, *identity.Session, string, string) (*agreement.Negotiation, error){
		"withdraw": c.Cases.Withdraw, "return-answer": c.Cases.ReturnAnswer, "refuse": c.Cases.Refuse, "revoke": c.Cases.Revoke,
	}
	switch {
	case name == "answer":
		_, err = c.Cases.Answer(q.Context(), q.Sess, id, grantOf(q.V, f))
		if e := errs.As(err); err != nil && e.Kind == errs.Invalid {
			faults, _ := desk.Faults(q.V, err)
			if faults == nil {
				faults = map[string]string{"until": e.Message(string(q.V.Lang))}
			}
			return c.showCase(w, q, f, faults)
		}
	case plain[name] != nil:
		_, err = plain[name](q.Context(), q.Sess, id)
	case reasoned[name] != nil:
		_, err = reasoned[name](q.Context(), q.Sess, id, reason)
	default:
		err = desk.ErrNoAct.With()
	}
	if errors.Is(err, agreement.ErrTransition) { // its message names states and events by their codes
		err = desk.ErrMoved.Because(err)
	}
	if err != nil {
		return err
	}
	return desk.Done(w, q, desk.CasePath(id), name)
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
		g.ValidUntil = desk.EndOf(v, s)
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
func answerRows(v *ui.View, nm *desk.Names, n *agreement.Negotiation, f url.Values, faults map[string]string) []answerRow {
	titles := nm.Items(n.Provider.Member, n.Application.Resource, n.Application.Fields)
	r := nm.Resource(n.Provider.Member, n.Application.Resource)
	out := make([]answerRow, len(titles))
	for i, name := range n.Application.Fields {
		out[i] = answerRow{name: name, title: titles[i], allowed: f == nil || slices.Contains(f["allowed"], name), reason: f.Get(reasonName(name)), fault: faults[name]}
		if it := itemOf(r, name); it != nil {
			out[i].shown, out[i].personal = desk.ItemShown(v, it)+v.Pick("，", ", ")+desk.GradeWord(v, it.Grade), it.Subject || it.Personal
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
func grantsOf(v *ui.View, nm *desk.Names, n *agreement.Negotiation) []ui.Granting {
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
