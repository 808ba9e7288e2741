package console

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/kuayu/kuayu/exchange/catalog"
	"github.com/kuayu/kuayu/exchange/search"
	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/web/staff"
	"github.com/kuayu/kuayu/web/ui"
)

// found is how many entries a page of the catalogue shows.
const found = 20

// search is the catalogue of all members: a text, facets, entries.
func (c *Console) search(w http.ResponseWriter, q staff.Visit) error {
	p := q.URL.Query()
	query := search.Query{
		Text: strings.TrimSpace(p.Get("q")), Member: p.Get("member"), Department: p.Get("department"), Sharing: catalog.Sharing(p.Get("sharing")), Class: p.Get("class"),
		After: p.Get("after"), Limit: found,
	}
	a, err := c.Search.Search(q.Context(), query)
	wrong := ""
	if e := errs.As(err); err != nil && e.Kind == errs.Invalid { // what was typed, or an address that was edited
		wrong, a = e.Message(string(q.V.Lang)), &search.Answer{}
	} else if err != nil {
		return err
	}
	if query.After != "" && wrong == "" { // facets and totals come with a first page
		query.After, query.Limit = "", 1
		first, err := c.Search.Search(q.Context(), query)
		if err != nil {
			return err
		}
		a.Total, a.Facets = first.Total, first.Facets
	}
	nm := c.Names(q)
	c.Show(w, q, http.StatusOK, staff.PathCatalog, ui.PageInfo{
		Title: q.V.Pick("目录检索", "Catalogue"), Lead: q.V.Pick("检索各成员已发布的数据资源。", "What all members have published."),
		Crumbs: []ui.Link{staff.Home(q.V)},
	}, searchPage(q.V, ui.Search{Action: staff.PathCatalog, Label: q.V.Pick("资源名称、数据项、部门或编码", "Name, item, department or code"), Query: p.Get("q")}, wrong, foundOf(q, nm, a)))
	return nil
}

// with is the page's address with one condition changed, from the beginning of the list.
func with(q staff.Visit, key, value string) string {
	p := q.URL.Query()
	p.Del("after")
	p.Del(key)
	if value != "" {
		p.Set(key, value)
	}
	if len(p) == 0 {
		return staff.PathCatalog
	}
	return staff.PathCatalog + "?" + p.Encode()
}

func facetOf(q staff.Visit, key, label string, values []search.Value, name func(search.Value) string) ui.Facet {
	f, now := ui.Facet{Label: label}, q.URL.Query().Get(key)
	for _, x := range values {
		v := ui.FacetValue{Href: with(q, key, x.Value), Text: name(x), Count: x.String()}
		if x.Value == now {
			v.Chosen, v.Href = true, with(q, key, "")
		}
		f.Values = append(f.Values, v)
	}
	return f
}

func foundOf(q staff.Visit, nm *staff.Names, a *search.Answer) ui.Found {
	v, p := q.V, q.URL.Query()
	text := strings.TrimSpace(p.Get("q"))
	f := ui.Found{Title: v.Pick("检索结果", "What was found"), Empty: ui.State{
		Kind: ui.Empty, Title: v.Pick("没有找到符合条件的资源", "Nothing was found"),
		Text: v.Pick("换一个说法，或去掉部分条件再试。确实没有的，可以列入数据需求清单：各成员会逐项答复能否提供。", "Try other words or fewer conditions. What is really not there can be put on the list of demands: the members answer whether they can provide it."),
		Next: ui.Link{Href: pathDemand + "?" + url.Values{"name": {text}}.Encode(), Text: v.Pick("提出数据需求", "Put it on the list of demands")},
	}}
	if a.Facets != nil {
		f.Facets = []ui.Facet{
			facetOf(q, "member", v.Pick("成员", "Member"), a.Facets.Member, func(x search.Value) string { return nm.Member(x.Value) }),
			facetOf(q, "sharing", v.Pick("共享属性", "Sharing"), a.Facets.Sharing, func(x search.Value) string { return staff.SharingStatus(v, catalog.Sharing(x.Value)).Word }),
			facetOf(q, "class", v.Pick("资源分类", "Class"), a.Facets.Class, func(x search.Value) string { return staff.Word(v, x.Value) }),
			facetOf(q, "department", v.Pick("提供部门", "Provider"), a.Facets.Department, func(x search.Value) string { return x.Label }),
		}
	}
	for _, k := range []string{"member", "sharing", "class", "department"} {
		if p.Get(k) != "" {
			f.Clear = staff.PathCatalog
			if text != "" {
				f.Clear += "?" + url.Values{"q": {text}}.Encode()
			}
		}
	}
	fresh := map[string]search.Freshness{}
	for _, m := range a.Members {
		fresh[m.Member] = m
	}
	for i := range a.Items {
		f.Results = append(f.Results, resultOf(q, nm, &a.Items[i], fresh[a.Items[i].Member]))
	}
	if a.Total != nil {
		f.Paging.Total, f.Paging.Over = int64(a.Total.Count), a.Total.More
	}
	if a.Next != "" {
		p.Set("after", a.Next)
		f.Paging.Next = staff.PathCatalog + "?" + p.Encode()
	}
	return f
}

// resultOf is the card of an entry.
func resultOf(q staff.Visit, nm *staff.Names, h *search.Hit, fresh search.Freshness) ui.Result {
	v := q.V
	r := ui.Result{
		Href: staff.EntryPath(h.Member, h.Code), Title: pieces(h.Name, h.Marks["name"]), Text: pieces(h.Abstract, h.Marks["abstract"]), Chips: []ui.Status{staff.SharingStatus(v, h.Sharing)},
		Below: append(append(ui.Plainly(nm.Member(h.Member)+v.Pick("・", ", ")), pieces(h.Provider, h.Marks["provider"])...), ui.Piece{Text: v.Pick("・编码 ", ". Code ") + h.Code}),
		Note:  v.Pick(v.Number(int64(len(h.Items)))+" 个数据项・", v.Number(int64(len(h.Items)))+" items, ") + staff.Word(v, h.UpdateCycle) + freshWord(v, h.Member == nm.Self(), fresh),
	}
	if fresh.Stale {
		r.Chips = append(r.Chips, ui.Status{Tone: ui.Warning, Word: v.Pick("副本可能不是最新", "The copy may be old")})
	}
	if mayApply(q, h.Sharing, h.Member == nm.Self(), h.Department) {
		r.Act = ui.Link{Href: staff.EntryPath(h.Member, h.Code) + "/apply", Text: v.Pick("申请使用", "Apply")}
	}
	return r
}

// mayApply says whether the button is shown; whether the application is taken is the package's affair.
func mayApply(q staff.Visit, s catalog.Sharing, here bool, department string) bool {
	return s != catalog.NotShared && q.Sess.Has(identity.DataOfficer) && (!here || department != q.Sess.Department)
}

func freshWord(v *ui.View, here bool, f search.Freshness) string {
	switch {
	case here:
		return v.Pick("・本节点目录", ". This node's own catalogue")
	case f.AsOf == nil:
		return v.Pick("・目录副本尚未读全", ". The copy is not complete yet")
	}
	return v.Pick("・目录副本截至 ", ". Copy as of ") + v.Minute(*f.AsOf)
}

// pieces cuts a text at what was found in it; spans are in code points, in order.
func pieces(text string, spans []search.Span) []ui.Piece {
	var out []ui.Piece
	runes, at := []rune(text), 0
	for _, s := range spans {
		if s[0] < at || s[1] > len(runes) {
			continue
		}
		if s[0] > at {
			out = append(out, ui.Piece{Text: string(runes[at:s[0]])})
		}
		out, at = append(out, ui.Piece{Text: string(runes[s[0]:s[1]]), Hit: true}), s[1]
	}
	if at < len(runes) {
		out = append(out, ui.Piece{Text: string(runes[at:])})
	}
	return out
}

// resource is the page of one entry, as its member has it now.
func (c *Console) resource(w http.ResponseWriter, q staff.Visit) error {
	member, code := q.PathValue("member"), q.PathValue("code")
	r, err := c.CatalogReader.Read(q.Context(), member, code)
	if err != nil {
		return err
	}
	nm := c.Names(q)
	var editions []catalog.Edition
	if member == c.Self {
		if editions, err = c.Entries.Versions(q.Context(), q.Sess.Scope(), code); err != nil {
			return err
		}
	}
	info := ui.PageInfo{
		Title: r.Name, Lead: r.Abstract,
		Crumbs: []ui.Link{staff.Home(q.V), {Href: staff.PathCatalog, Text: q.V.Pick("目录检索", "Catalogue")}},
	}
	if mayApply(q, r.Sharing, member == c.Self, r.Department) {
		info.Action = ui.Button(q.V, ui.Link{Href: staff.EntryPath(member, code) + "/apply", Text: q.V.Pick("申请使用", "Apply")}, "plus", true)
	}
	c.Show(w, q, http.StatusOK, staff.PathCatalog, info, resourcePage(q.V, resourceFacts(q.V, nm, member, r), itemTable(q.V, r), r, editionTable(q.V, editions)))
	return nil
}

func resourceFacts(v *ui.View, nm *staff.Names, member string, r *catalog.Resource) []ui.Fact {
	modes := make([]string, len(r.Modes))
	for i, m := range r.Modes {
		modes[i] = staff.Word(v, string(m))
	}
	facts := []ui.Fact{
		{Label: v.Pick("提供部门", "Provider"), Value: nm.Of(member, r.Provider)},
		{Label: v.Pick("资源分类", "Class"), Value: staff.Word(v, r.Class)},
		{Label: v.Pick("更新周期", "Update cycle"), Value: staff.Word(v, r.UpdateCycle)},
		{Label: v.Pick("敏感等级", "Grade"), Value: staff.GradeWord(v, r.Grade)},
		{Label: v.Pick("共享方式", "Modes"), Value: strings.Join(modes, v.Pick("、", ", "))},
		{Label: v.Pick("使用条件", "Conditions of use"), Value: r.Conditions},
	}
	for _, f := range []ui.Fact{
		{Label: v.Pick("共享范围", "Scope of sharing"), Value: r.ShareScope},
		{Label: v.Pick("使用用途", "Purpose of use"), Value: r.UsePurpose},
	} {
		if f.Value != "" {
			facts = append(facts, f)
		}
	}
	if b := r.LegalBasis; r.Sharing == catalog.NotShared && b != nil {
		facts = append(facts, ui.Fact{Label: v.Pick("不予共享依据", "Grounds for not sharing"), Value: b.Name + v.Pick("，", ", ") + b.Article + v.Pick("：", ": ") + b.Reason})
	}
	return facts
}
