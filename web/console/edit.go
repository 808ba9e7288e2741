package console

import (
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/web/staff"
	"github.com/kuayu/kuayu/web/ui"
)

// Acts that have a page or a part of one of their own.
const (
	actAnswer       = "answer"
	actAnswerChange = "answer-change"
	actSupplement   = "supplement"
	actRevise       = "revise"
	actSupply       = "supply"
	actResubmit     = "resubmit"
	actChange       = "change"
	actRenew        = "renew"
)

// ErrNotNow is an act that the state of a case does not allow.
var ErrNotNow = errs.Define(errs.Conflict, "console.not_now", "状态已变化：该事项现为“%[1]v”，不能执行此操作。现在由%[3]v办理：%[5]v", "It has moved on: it is now %[2]q and this can't be done. It is with: %[4]v. %[6]v")

// faulty is an error of what was wrong with a form; nil if nothing was.
func faulty(faults map[string]string) error {
	if len(faults) == 0 {
		return nil
	}
	var f []errs.Field
	for name, text := range faults {
		f = append(f, errs.Field{Name: name, Zh: text, En: text}) // in the visitor's language already
	}
	return agreement.ErrDetails.With().WithFields(f...)
}

// formOf is an application as the answers of its form.
func formOf(v *ui.View, a *agreement.Application) url.Values {
	f := url.Values{
		"basis": {a.Basis.Kind}, "citation": {a.Basis.Citation}, "purposes": {strings.Join(a.Purposes, "、")}, "scenario": {a.Scenario}, "scope": {a.Scope},
		"fields": a.Fields, "valid_until": {v.Day(a.ValidUntil)},
	}
	for _, m := range a.Modes {
		f.Add("modes", string(m))
	}
	return f
}

// edited is an application as its form has it now. What the form does not ask stays, and so does what was not touched.
func edited(v *ui.View, a *agreement.Application, f url.Values) agreement.Application {
	to := applicationOf(v, a.Provider, a.Resource, f)
	to.Filter, to.Quota, to.Offer, to.Continues = a.Filter, a.Quota, a.Offer, a.Continues
	if strings.TrimSpace(f.Get("valid_until")) == v.Day(a.ValidUntil) {
		to.ValidUntil = a.ValidUntil
	}
	if strings.TrimSpace(f.Get("purposes")) == strings.Join(a.Purposes, "、") {
		to.Purposes = a.Purposes
	}
	return to
}

// askingPage opens the page of an act that needs more than a few lines.
func (c *Console) askingPage(w http.ResponseWriter, q staff.Visit) error {
	act := q.PathValue("act")
	if !slices.Contains([]string{actSupplement, actRevise, actSupply, actResubmit, actChange, actRenew}, act) {
		// Whoever changes the language on the page of a refusal comes back to the address of the act.
		http.Redirect(w, q.Request, ui.Local(staff.CasePath(q.PathValue("id"))), http.StatusSeeOther)
		return nil
	}
	return c.askPage(w, q, act, nil, nil)
}

// askPage is the page of an act; f and faults are one that was not taken.
func (c *Console) askPage(w http.ResponseWriter, q staff.Visit, name string, f url.Values, faults map[string]string) error {
	n, err := c.Cases.Get(q.Context(), q.Sess.Scope(), q.PathValue("id"))
	if err != nil {
		return err
	}
	all := acts()
	a := &all[slices.IndexFunc(all, func(a act) bool { return a.name == name })]
	if err := q.Sess.Require(a.by...); err != nil {
		return err
	}
	if f == nil && !a.offered(q, n) {
		return c.told(q, n.ID, agreement.ErrTransition.With(string(n.State), name))
	}
	v, status := q.V, http.StatusOK
	if len(faults) > 0 {
		status = http.StatusBadRequest
	}
	x := askView{post: staff.CasePath(n.ID) + "/" + name, word: a.word.In(v), back: staff.CasePath(n.ID)}
	if name == actSupplement {
		x.fields = missingFields(v, f, faults)
	} else if x.fields, err = c.applicationFields(q, n, name, f, faults); err != nil {
		return err
	}
	title := c.Names(q).Title(n)
	c.Show(w, q, status, staff.PathCases, ui.PageInfo{
		Title: x.word, Lead: askLead(v, name),
		Crumbs: []ui.Link{staff.Home(v), {Href: staff.PathCases, Text: v.Pick("申请与协议", "Applications and agreements")}, {Href: staff.CasePath(n.ID), Text: title}},
	}, askForm(v, x))
	return nil
}

// askView is a form with a page of its own.
type askView struct {
	post, word, back string
	fields           []ui.Field
}

func askLead(v *ui.View, name string) string {
	return map[string]staff.Pair{
		actSupplement: {"缺少的内容须一次列全，以后不得再要求补正（809 号令第二十一条）。", "Everything that is missing, at once: there is no second time (Decree 809 art. 21)."},
		actRevise:     {"修改后重新报本部门共享工作机构负责人。", "It goes to the head of your sharing office again."},
		actSupply:     {"逐项补正；申请内容需要更正的，在下面一并修改。扩大申请内容的须经负责人同意。", "Supply each thing; correct the application below if needed. What asks for more needs the head's consent."},
		actResubmit:   {"按新的条件再次申请，直接送达提供方。", "Ask again on other terms; it goes to the provider at once."},
		actChange:     {"变更用途、场景、范围或期限须经提供方同意，同意前按原条件执行（809 号令第二十五条）。", "Another purpose, scenario, scope or time needs the provider's consent; the old terms hold until then (Decree 809 art. 25)."},
		actRenew:      {"以现行协议的内容提出新的申请；使用台账须完整（809 号令第二十九条）。", "A new application with what the agreement has; its usage ledger must be complete (Decree 809 art. 29)."},
	}[name].In(v)
}

// applicationFields are the questions of an application with its answers, and what an act asks besides.
func (c *Console) applicationFields(q staff.Visit, n *agreement.Negotiation, name string, f url.Values, faults map[string]string) ([]ui.Field, error) {
	v := q.V
	r, err := c.CatalogReader.Read(q.Context(), n.Provider.Member, n.Application.Resource)
	if err != nil {
		return nil, err
	}
	first := f == nil
	if first {
		f = formOf(v, &n.Application)
		if name == actRenew {
			f.Set("valid_until", v.Day(later(n.ValidUntil, c.Clock.Now()).AddDate(1, 0, 0)))
		}
	}
	var out []ui.Field
	switch name {
	case actSupply:
		for i, m := range missing(n) {
			out = append(out, ui.Field{Name: "text-" + strconv.Itoa(i), Kind: "textarea", Label: m.Item, Hint: m.Why, Value: f.Get("text-" + strconv.Itoa(i)), Error: faults[m.Item]})
		}
	case actChange:
		out = append(out, ui.Field{Name: "reason", Kind: "textarea", Label: v.Pick("变更理由", "Why the use must change"), Value: f.Get("reason"), Error: firstOf(faults["reason"], faults["application"])})
	}
	for step := 1; step <= lastStep; step++ {
		out = append(out, stepFields(v, r, step, f, faults)...)
	}
	return out, nil
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func missing(n *agreement.Negotiation) []agreement.Missing {
	if n.Supplement == nil {
		return nil
	}
	return n.Supplement.Missing
}

// missingLines is how many missing things the form takes.
const missingLines = 6

func missingFields(v *ui.View, f url.Values, faults map[string]string) []ui.Field {
	var out []ui.Field
	for i := range missingLines {
		no := strconv.Itoa(i + 1)
		what := ui.Field{Name: "item-" + no, Kind: "text", Optional: i > 0, Label: v.Pick("缺少的内容 "+no, "What is missing "+no), Value: f.Get("item-" + no)}
		why := ui.Field{Name: "why-" + no, Kind: "text", Optional: i > 0, Beside: true, Label: v.Pick("为何需要 "+no, "Why it is needed "+no), Value: f.Get("why-" + no)}
		if i == 0 {
			what.Error = firstOf(faults["missing"], faults["item"])
		}
		if name := strings.TrimSpace(what.Value); name != "" {
			why.Error = faults[name]
		}
		out = append(out, what, why)
	}
	return out
}

// supplement tells an applicant everything that is missing.
func (c *Console) supplement(q staff.Visit, id string, f url.Values) error {
	var list []agreement.Missing
	for i := range missingLines {
		no := strconv.Itoa(i + 1)
		m := agreement.Missing{Item: strings.TrimSpace(f.Get("item-" + no)), Why: strings.TrimSpace(f.Get("why-" + no))}
		if m != (agreement.Missing{}) {
			list = append(list, m)
		}
	}
	return only(c.Cases.AskSupplement(q.Context(), q.Sess, id, list))
}

// editing reads an application that was corrected.
func (c *Console) editing(q staff.Visit, id string, f url.Values) (*agreement.Negotiation, agreement.Application, error) {
	n, err := c.Cases.Get(q.Context(), q.Sess.Scope(), id)
	if err != nil {
		return nil, agreement.Application{}, err
	}
	return n, edited(q.V, &n.Application, f), nil
}

func (c *Console) revise(q staff.Visit, id string, f url.Values) error {
	_, a, err := c.editing(q, id, f)
	if err != nil {
		return err
	}
	return only(c.Cases.Correct(q.Context(), q.Sess, id, a))
}

func (c *Console) resubmit(q staff.Visit, id string, f url.Values) error {
	_, a, err := c.editing(q, id, f)
	if err != nil {
		return err
	}
	return only(c.Cases.Resubmit(q.Context(), q.Sess, id, a))
}

func (c *Console) supply(q staff.Visit, id string, f url.Values) error {
	n, a, err := c.editing(q, id, f)
	if err != nil {
		return err
	}
	var s agreement.Supply
	for i, m := range missing(n) {
		s.Texts = append(s.Texts, agreement.Supplied{Item: m.Item, Text: strings.TrimSpace(f.Get("text-" + strconv.Itoa(i)))})
	}
	if f.Has("scope") && !reflect.DeepEqual(a, n.Application) {
		s.Application = &a
	}
	return only(c.Cases.GiveSupplement(q.Context(), q.Sess, id, s))
}

func (c *Console) change(q staff.Visit, id string, f url.Values) error {
	_, a, err := c.editing(q, id, f)
	if err != nil {
		return err
	}
	return only(c.Cases.DraftChange(q.Context(), q.Sess, id, agreement.ChangeRequest{Application: a, Reason: reasonIn(f)}))
}

// renew applies anew for what an agreement has; the new application has a page of its own.
func (c *Console) renew(w http.ResponseWriter, q staff.Visit, f url.Values) error {
	if err := q.Sess.Require(officer()...); err != nil {
		return err
	}
	n, a, err := c.editing(q, q.PathValue("id"), f)
	if err != nil {
		return err
	}
	if n.Side != agreement.Consumer || n.Agreement == "" {
		return agreement.ErrNoSuch.With()
	}
	a.Continues = n.Agreement
	made, err := c.Cases.Apply(q.Context(), q.Sess, a)
	faults, err := staff.Faults(q.V, err)
	switch {
	case err != nil:
		return err
	case len(faults) > 0:
		return c.askPage(w, q, actRenew, f, faults)
	}
	return staff.Done(w, q, staff.CasePath(made.ID), "apply")
}
