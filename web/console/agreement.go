package console

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/support/evidence"
	"github.com/kuayu/kuayu/support/policy"
	"github.com/kuayu/kuayu/support/seal"
	"github.com/kuayu/kuayu/web/staff"
	"github.com/kuayu/kuayu/web/ui"
)

const pathAgreements = "/agreements"

// usesMost bounds the lines by purpose and outcome that the use of an agreement is summed from.
const usesMost = 500

func agreementPath(id string) string { return pathAgreements + "/" + url.PathEscape(id) }

// agreementView is what the page of an agreement shows.
type agreementView struct {
	n        *agreement.Negotiation
	tabs     []ui.Tab
	facts    []ui.Fact
	items    ui.Table
	signed   ui.Table
	timeline ui.Timeline
	figures  []ui.Figure
	quotas   []quotaUse
	uses     ui.Chart
	links    []ui.Link
	try      *tryView
	recipes  []recipe
	offers   offers
}

// quotaUse is how much of a bound of today is used.
type quotaUse struct {
	id, label  string
	done, most int64
}

// agreed is an agreement as a page needs it.
type agreed struct {
	n     *agreement.Negotiation
	terms *policy.Terms
	bytes []byte
}

// agreed reads the agreement that the address names, with its exact bytes.
func (c *Console) agreed(q staff.Visit) (*agreed, error) {
	n, err := c.Cases.Get(q.Context(), q.Sess.Scope(), q.PathValue("id"))
	if err != nil {
		return nil, err
	}
	if n.Agreement == "" {
		return nil, ErrNoAgreement.With()
	}
	x := &agreed{n: n}
	if x.bytes, err = c.Cases.Bytes(q.Context(), q.Sess.Scope(), n.ID); err != nil {
		return nil, err
	}
	if n.Foreign() { // its own words, about what was applied for
		a := &n.Application
		x.terms = &policy.Terms{Agreement: n.Agreement, Resource: a.Resource, Provider: n.Provider, Consumer: n.Consumer, Basis: a.Basis, Purposes: a.Purposes, Scenario: a.Scenario, Scope: a.Scope, Modes: a.Modes, Filter: a.Filter, ValidUntil: n.ValidUntil}
		for _, f := range a.Fields {
			x.terms.Fields = append(x.terms.Fields, policy.Field{Name: f})
		}
		return x, nil
	}
	x.terms, err = policy.DecodeAgreement(x.bytes)
	return x, err
}

// ErrNoAgreement is an application that came to no agreement, or not yet.
var ErrNoAgreement = errs.Define(errs.NotFound, "console.no_agreement", "该申请尚未达成协议。请在申请页面查看办理进度。", "The application has come to no agreement. Its own page says where it stands.")

// oneAgreement shows an agreement: what was agreed, who signed, how it is used, and how to use it.
func (c *Console) oneAgreement(w http.ResponseWriter, q staff.Visit) error {
	return c.showAgreement(w, q, nil)
}

func (c *Console) showAgreement(w http.ResponseWriter, q staff.Visit, tried *tryView) error {
	a, err := c.agreed(q)
	if err != nil {
		return err
	}
	n, v, nm := a.n, q.V, c.Names(q)
	steps, err := c.Cases.History(q.Context(), q.Sess.Scope(), n.ID)
	if err != nil {
		return err
	}
	clocks, err := c.Clocks.Of(q.Context(), q.Sess.Scope(), "agreement/"+n.ID)
	if err != nil {
		return err
	}
	signed, err := c.signatures(q, nm, n)
	if err != nil {
		return err
	}
	x := agreementView{
		n: n, tabs: caseTabs(v, n, agreementPath(n.ID)), facts: termFacts(v, nm, a), items: grantedTable(v, nm, a.terms), signed: signatureTable(v, signed),
		timeline: timelineOf(v, nm, n, steps, clocks), offers: offersOf(q, n, "", nil, nil), recipes: recipesOf(q, a),
		links: []ui.Link{
			{Href: staff.PathExchanges + "?agreement=" + url.QueryEscape(n.Agreement), Text: v.Pick("查看交换记录", "See its exchanges")},
			{Href: staff.PathUsage + "/" + url.PathEscape(n.ID), Text: v.Pick("查看使用台账", "See its usage ledger")},
			{Href: staff.PathEvidence + "?agreement=" + url.QueryEscape(n.Agreement), Text: v.Pick("查看存证", "See its evidence")},
		},
	}
	if err := c.useOf(q, a, &x); err != nil {
		return err
	}
	if x.try = tried; tried == nil && mayTry(q, n) {
		x.try = c.tryOf(v, nm, a, nil, nil)
	}
	status := http.StatusOK
	if tried != nil {
		status = tried.status
	}
	c.Show(w, q, status, staff.PathCases, ui.PageInfo{
		Title: v.Pick("协议：", "Agreement: ") + nm.Title(n), Lead: nm.Party(a.terms.Provider) + " → " + nm.Party(a.terms.Consumer),
		Crumbs: []ui.Link{staff.Home(v), {Href: staff.PathCases, Text: v.Pick("申请与协议", "Applications and agreements")}},
		Action: ui.Button(v, ui.Link{Href: agreementPath(n.ID) + "/print.pdf", Text: v.Pick("打印协议（PDF）", "Print (PDF)")}, "download", false),
	}, agreementPage(v, x))
	return nil
}

// termFacts are the terms in words.
func termFacts(v *ui.View, nm *staff.Names, a *agreed) []ui.Fact {
	t := a.terms
	facts := []ui.Fact{
		{Label: v.Pick("数据资源", "Resource"), Value: nm.Title(a.n)},
		{Label: v.Pick("提供部门", "Provider"), Value: nm.Party(t.Provider)},
		{Label: v.Pick("需求部门", "Using department"), Value: nm.Party(t.Consumer)},
		{Label: v.Pick("使用依据", "Basis"), Value: basisWord(v, t.Basis)},
		{Label: v.Pick("约定用途", "Purpose"), Value: staff.Purposes(v, t.Purposes)},
		{Label: v.Pick("使用场景", "Scenario"), Value: t.Scenario},
		{Label: v.Pick("使用范围", "Scope"), Value: t.Scope},
		{Label: v.Pick("共享方式", "Modes"), Value: modesWord(v, t.Modes)},
		{Label: v.Pick("可用的数据", "Rows"), Value: v.Pick("全部", "all of them")},
		{Label: v.Pick("用量上限", "Bounds"), Value: quotaWord(v, t.Quota)},
		{Label: v.Pick("有效期", "Valid"), Value: validWord(v, t)},
	}
	if t.Filter != nil {
		facts[8].Value = v.Pick("限于", "only where ") + filterWord(v, nm, t.Provider.Member, t.Resource, t.Filter)
	}
	if t.LeaseSeconds > 0 {
		facts = append(facts, ui.Fact{Label: v.Pick("失联停用", "Lease"), Value: v.Pick("与提供方失联超过 "+v.Number(int64(t.LeaseSeconds))+" 秒即停止使用", "access stops after "+v.Number(int64(t.LeaseSeconds))+" s offline")})
	}
	if t.NoOnward {
		facts = append(facts, ui.Fact{Label: v.Pick("转供", "Onward sharing"), Value: v.Pick("不得提供给第三方", "not to third parties")})
	}
	if a.n.Version > 0 {
		facts = append(facts, ui.Fact{Label: v.Pick("变更", "Amended"), Value: v.Pick("已变更 "+v.Number(int64(a.n.Version))+" 次，原文本留存", v.Number(int64(a.n.Version))+" times; the old texts are kept")})
	}
	return facts
}

func validWord(v *ui.View, t *policy.Terms) string {
	if t.ValidFrom.IsZero() {
		return v.Pick("至 ", "until ") + v.Day(t.ValidUntil)
	}
	return v.Day(t.ValidFrom) + v.Pick(" 至 ", " to ") + v.Day(t.ValidUntil)
}

// fieldWord says how much of a granted item its user gets to see.
func fieldWord(v *ui.View, f *policy.Field) string {
	if f.Verify {
		return v.Pick("只供核验，不显示内容", "for verification only")
	}
	return staff.MaskWord(v, f.Mask)
}

// grantedTable lists the items that were granted.
func grantedTable(v *ui.View, nm *staff.Names, t *policy.Terms) ui.Table {
	out := ui.Table{Caption: v.Pick("约定的数据项", "Items agreed"), Columns: []ui.Column{{Label: v.Pick("数据项", "Item")}, {Label: v.Pick("脱敏方式", "What is shown")}, {Label: v.Pick("个人信息", "Personal")}}}
	for i := range t.Fields {
		f := &t.Fields[i]
		personal := ui.Words(v.Pick("—", "—"))
		if f.Subject {
			personal = ui.Chip(v, ui.Status{Tone: ui.Warning, Word: v.Pick("识别到个人", "Identifies a person"), Icon: "user"})
		}
		out.Rows = append(out.Rows, []templ.Component{ui.Words(nm.Items(t.Provider.Member, t.Resource, []string{f.Name})[0]), ui.Words(fieldWord(v, f)), personal})
	}
	return out
}

// signature is one side's word for an agreement.
type signature struct {
	side, party, who string
	at               time.Time
	key              string // its fingerprint
	state            ui.Status
	fact             string // in this node's evidence; empty: the other end's
}

// signatures are both sides' words, each verified now against the directory.
func (c *Console) signatures(q staff.Visit, nm *staff.Names, n *agreement.Negotiation) ([]signature, error) {
	own, err := c.ownWord(q, nm, n)
	if err != nil {
		return nil, err
	}
	other, err := c.otherWord(q, nm, n)
	if err != nil {
		return nil, err
	}
	v := q.V
	provider, consumer := own, other
	if n.Side == agreement.Consumer {
		provider, consumer = other, own
	}
	provider.side, provider.party = v.Pick("提供方", "Provider"), nm.Party(n.Provider)
	consumer.side, consumer.party = v.Pick("需求部门", "Using side"), nm.Party(n.Consumer)
	return []signature{provider, consumer}, nil
}

// signingKinds are the facts by which this end signs, the latest of which counts.
func signingKinds(r agreement.Role) []string {
	if r == agreement.Provider {
		return []string{"agreement." + string(agreement.GrantChange), "agreement." + string(agreement.ConsentAnswer), "agreement." + string(agreement.StandingConsent)}
	}
	return []string{"agreement." + string(agreement.RequestChange), "agreement." + string(agreement.Verify)}
}

// ownWord is this end's signature, from its evidence.
func (c *Console) ownWord(q staff.Visit, nm *staff.Names, n *agreement.Negotiation) (signature, error) {
	v := q.V
	missing := signature{state: ui.Status{Tone: ui.Notice, Word: v.Pick("正在写入存证", "Being written to the evidence")}}
	es, err := c.Facts.Find(q.Context(), q.Sess.Scope(), evidence.Query{Agreement: n.Agreement, Kinds: signingKinds(n.Side), Limit: 1})
	if err != nil || len(es) == 0 {
		return missing, err
	}
	r, err := c.Facts.Record(q.Context(), q.Sess.Scope(), es[0].ID)
	if err != nil {
		return missing, err
	}
	s := c.verified(q, r.Sealed, func(*seal.Fact) bool { return true })
	s.fact = es[0].ID
	if f, err := r.Fact(); err == nil {
		s.who = v.Pick("本节点自动会签", "countersigned by this node")
		if f.Actor.Officer != "" {
			s.who = nm.Person(f.Actor.Officer)
		}
	}
	return s, nil
}

// otherWord is the other end's signature, as it came with its message.
func (c *Console) otherWord(q staff.Visit, nm *staff.Names, n *agreement.Negotiation) (signature, error) {
	v := q.V
	w, err := c.Cases.SignatureOf(q.Context(), q.Sess.Scope(), n.ID)
	if err != nil {
		return signature{}, err
	}
	if w.Hash == "" {
		return signature{who: nm.Member(n.Other()), state: ui.Status{Tone: ui.Neutral, Word: v.Pick("本节点未留存对方签名", "Not kept at this node")}}, nil
	}
	sealed, err := seal.DecodeSealed(w.Sealed)
	if err != nil {
		return signature{}, err
	}
	s := c.verified(q, sealed, func(f *seal.Fact) bool {
		var salt [seal.BodySaltSize]byte
		return sealed.Header.Log.Node == n.Other() && copy(salt[:], w.BodySalt) == seal.BodySaltSize && f.Suite.Body(salt, w.Body) == f.BodyHash
	})
	s.who = nm.Member(n.Other())
	if w.Hash != n.Hash && s.state.Tone == ui.Good {
		s.state = ui.Status{Tone: ui.Notice, Word: v.Pick("签名有效（变更前的文本）", "Verified, of the text before the change")}
	}
	return s, nil
}

// verified checks a seal against the directory, and what it covers.
func (c *Console) verified(q staff.Visit, s *seal.Sealed, covers func(*seal.Fact) bool) signature {
	v := q.V
	spoken, err := c.Seals.Spoken(s)
	if err != nil || !covers(&spoken.Fact) {
		return signature{at: s.Header.Time, state: ui.Status{Tone: ui.Bad, Word: v.Pick("签名核验未通过", "Does not verify")}}
	}
	return signature{at: spoken.Fact.Time, key: spoken.Print, state: ui.Status{Tone: ui.Good, Word: v.Pick("签名核验通过", "Verified against the directory")}}
}

func signatureTable(v *ui.View, list []signature) ui.Table {
	t := ui.Table{
		Caption: v.Pick("双方签署", "Signatures"),
		Columns: []ui.Column{{Label: v.Pick("签署方", "Side")}, {Label: v.Pick("签署人", "Signed by")}, {Label: v.Pick("时间", "Time")}, {Label: v.Pick("密钥指纹", "Key")}, {Label: v.Pick("核验", "Checked now")}},
	}
	for _, s := range list {
		t.Rows = append(t.Rows, []templ.Component{ui.Words(s.side + v.Pick("：", ": ") + s.party), ui.Words(s.who), signedAt(v, s), fingerprint(v, s), signedState(v, s)})
	}
	return t
}

// useOf is how much an agreement was used, by this end's own evidence, and of what is allowed today.
func (c *Console) useOf(q staff.Visit, a *agreed, x *agreementView) error {
	v, now := q.V, c.Clock.Now().UTC()
	kind := "query.close"
	if a.n.Side == agreement.Provider {
		kind = "query.serve"
	}
	uses, err := c.Queries.Used(q.Context(), q.Sess.Scope(), a.n.Agreement, now.AddDate(0, -usedMonths, 0), usesMost)
	if err != nil {
		return err
	}
	var calls, rows int64
	by := map[string]int64{}
	for _, u := range uses {
		if (a.n.Side == agreement.Provider) == (u.Kind == "query.serve") {
			calls, rows = calls+u.Calls, rows+u.Rows
			by[u.Purpose] += u.Calls
		}
	}
	today, todays, err := c.Facts.Usage(q.Context(), a.n.Agreement, kind, now.Truncate(24*time.Hour).UnixMicro())
	if err != nil {
		return err
	}
	x.figures = []ui.Figure{
		{Label: v.Pick("近 12 个月调用（次）", "Calls in 12 months"), Value: v.Number(calls)},
		{Label: v.Pick("近 12 个月数据（条）", "Rows in 12 months"), Value: v.Number(rows)},
		{Label: v.Pick("今日调用（次）", "Calls today"), Value: v.Number(today)},
		{Label: v.Pick("今日数据（条）", "Rows today"), Value: v.Number(todays)},
	}
	if m := a.terms.Quota.CallsPerDay; m > 0 {
		x.quotas = append(x.quotas, quotaUse{"calls", v.Pick("今日调用次数与上限", "Calls today, of what is allowed"), today, m})
	}
	if m := a.terms.Quota.RowsPerDay; m > 0 {
		x.quotas = append(x.quotas, quotaUse{"rows", v.Pick("今日数据条数与上限", "Rows today, of what is allowed"), todays, m})
	}
	x.uses = ui.Chart{Title: v.Pick("近 12 个月调用，按用途", "Calls in 12 months, by purpose")}
	for _, p := range a.terms.Purposes {
		x.uses.Points = append(x.uses.Points, ui.Point{Name: staff.Purpose(v, p), Value: by[p]})
		delete(by, p)
	}
	other := int64(0)
	for _, n := range by {
		other += n
	}
	if other > 0 {
		x.uses.Points = append(x.uses.Points, ui.Point{Name: v.Pick("约定以外的用途", "not agreed"), Value: other})
	}
	return nil
}

// agreementAct does what the page of an agreement offers by itself.
func (c *Console) agreementAct(w http.ResponseWriter, q staff.Visit) error {
	if q.PathValue("act") != "try" {
		return staff.ErrNoAct.With()
	}
	f, err := staff.Form(w, q)
	if err != nil {
		return err
	}
	return c.try(w, q, f)
}

// recipe is how a program asks under an agreement.
type recipe struct{ name, text string }

// recipesOf are the recipes, with this node's address and the agreement's own items.
func recipesOf(q staff.Visit, a *agreed) []recipe {
	if a.n.Side != agreement.Consumer || a.n.Foreign() {
		return nil
	}
	items := make([]string, len(a.terms.Fields))
	for i := range a.terms.Fields {
		items[i] = `"` + a.terms.Fields[i].Name + `"`
	}
	node, path := "https://"+q.Host, "/api/v1/agreements/"+a.n.Agreement+"/query"
	body := `{"purpose": "` + strings.ReplaceAll(a.terms.Purposes[0], `"`, `\"`) + `", "plan": {"project": [` + strings.Join(items, ", ") + `], "limit": 10}}`
	return []recipe{
		{"curl", "# TOKEN: kuayu login\ncurl --cacert ca.pem -H \"Authorization: Bearer $TOKEN\" -H \"Content-Type: application/json\" \\\n  -d '" + body + "' \\\n  " + node + path + "\n"},
		{"Python", "import json, os, ssl, urllib.request\n\nbody = json.dumps(json.loads('''" + body + "''')).encode()\nrequest = urllib.request.Request(\"" + node + path + "\", body, {\n    \"Authorization\": \"Bearer \" + os.environ[\"TOKEN\"], \"Content-Type\": \"application/json\"})\nwith urllib.request.urlopen(request, context=ssl.create_default_context(cafile=\"ca.pem\")) as answer:\n    print(json.load(answer)[\"rows\"])\n"},
		{"Go", "c := client.New(\"" + node + "\", pool) // github.com/kuayu/kuayu/api/client\nc.Token = os.Getenv(\"TOKEN\")\nvar answer struct{ Rows []map[string]any }\nerr := c.Call(ctx, http.MethodPost, \"" + path + "\", json.RawMessage(`" + body + "`), &answer)\n"},
	}
}
