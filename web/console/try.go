package console

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/a-h/templ"

	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/exchange/gateway"
	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/internal/httpx"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/policy"
	"github.com/kuayu/kuayu/web/staff"
	"github.com/kuayu/kuayu/web/ui"
)

// tryMost is how many rows a try shows.
const tryMost = 20

// tryView is the panel by which an officer of the using side asks for a few rows.
type tryView struct {
	status  int
	fields  []ui.Field
	failed  string // why it was refused
	asked   bool
	rows    ui.Table
	receipt ui.Link // of the evidence
	trace   ui.Link
}

// mayTry reports whether the panel is shown: to whom the gateway would answer.
func mayTry(q staff.Visit, n *agreement.Negotiation) bool {
	return n.Side == agreement.Consumer && n.Department == q.Sess.Department && q.Sess.Has(identity.DataOfficer) && !n.Foreign() &&
		slices.Contains([]agreement.State{agreement.Active, agreement.ChangeOfUse}, n.State) && slices.Contains(n.Application.Modes, policy.ModeQuery)
}

// tryOf is the panel; f and faults are what was asked before.
func (c *Console) tryOf(v *ui.View, nm *staff.Names, a *agreed, f url.Values, faults map[string]string) *tryView {
	purpose := ui.Field{Name: "purpose", Kind: "select", Label: v.Pick("用途", "Purpose"), Value: f.Get("purpose")}
	for _, p := range a.terms.Purposes {
		purpose.Options = append(purpose.Options, ui.Option{Value: p, Label: staff.Purpose(v, p)})
	}
	var only []string
	for i := range a.terms.Fields {
		only = append(only, a.terms.Fields[i].Name)
	}
	x := &tryView{status: http.StatusOK, fields: append([]ui.Field{purpose}, conditionFields(v, nm.Resource(a.terms.Provider.Member, a.terms.Resource), only, f, faults)...)}
	for i := range x.fields {
		x.fields[i].Of = "try"
	}
	return x
}

// try asks for a few rows under an agreement: a governed query like any other, with its evidence. A refusal is shown where
// it was asked.
func (c *Console) try(w http.ResponseWriter, q staff.Visit, f url.Values) error {
	a, err := c.agreed(q)
	if err != nil {
		return err
	}
	v, nm, faults := q.V, c.Names(q), map[string]string{}
	where := conditionsOf(v, nm.Resource(a.terms.Provider.Member, a.terms.Resource), f, faults)
	x := c.tryOf(v, nm, a, f, faults)
	if len(faults) > 0 {
		x.status = http.StatusBadRequest
		return c.showAgreement(w, q, x)
	}
	res, err := c.Queries.Ask(q.Context(), q.Sess, a.n.Agreement, gateway.Query{Purpose: f.Get("purpose"), Plan: policy.Plan{Where: where, Limit: tryMost}})
	if err != nil {
		e := errs.As(err)
		if e.Kind == errs.Internal || errIsRole(e) {
			return err
		}
		x.failed, x.status = e.Message(string(v.Lang)), httpx.Status(e.Kind)
		return c.showAgreement(w, q, x)
	}
	defer res.Release()
	x.asked, x.rows = true, triedTable(v, nm, a.terms, res)
	x.receipt = ui.Link{Href: staff.FactPath(res.Receipt.ID), Text: v.Pick("查看回执存证", "See the receipt")}
	x.trace = ui.Link{Href: staff.PathExchanges + "/" + url.PathEscape(res.ID), Text: v.Pick("查看这次交换的全过程", "Follow this exchange")}
	return c.showAgreement(w, q, x)
}

// errIsRole reports whether a visitor was refused for the role: that is a page of its own.
func errIsRole(e *errs.Error) bool {
	return e.Kind == errs.Denied && strings.HasPrefix(e.Code, "identity.")
}

func triedTable(v *ui.View, nm *staff.Names, t *policy.Terms, res *gateway.Result) ui.Table {
	columns, rows := res.Texts(tryMost)
	out := ui.Table{
		Caption: v.Pick("查询结果", "What was found"),
		Empty:   ui.State{Kind: ui.Empty, Title: v.Pick("没有符合条件的数据", "No row fits"), Text: v.Pick("换一个条件再试；协议范围以外的数据查不到。", "Try another condition; what is outside of the agreement is not there.")},
	}
	for _, title := range nm.Items(t.Provider.Member, t.Resource, columns) {
		out.Columns = append(out.Columns, ui.Column{Label: title})
	}
	for _, row := range rows {
		var cells []templ.Component
		for _, s := range row {
			if s == "" {
				s = v.Pick("（空）", "(empty)")
			}
			cells = append(cells, ui.Words(s))
		}
		out.Rows = append(out.Rows, cells)
	}
	return out
}
