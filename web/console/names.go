package console

import (
	"context"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/exchange/catalog"
	"github.com/kuayu/kuayu/exchange/directory"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/policy"
	"github.com/kuayu/kuayu/web/ui"
)

// names says for one page what codes stand for. What it asked once it knows until the page is done; what nobody can tell
// stays a code, beside a word that says what it is.
type names struct {
	c       *Console
	q       visit
	offices map[string]string // departments of this node
	people  map[string]string // of the visitor's scope
	entries map[[2]string]*directory.Entry
	others  map[policy.Party]string // departments of other members
	shelf   map[[2]string]*catalog.Resource
}

func (c *Console) names(q visit) (*names, error) {
	n := &names{
		c: c, q: q, offices: map[string]string{}, people: map[string]string{}, entries: map[[2]string]*directory.Entry{}, others: map[policy.Party]string{},
		shelf: map[[2]string]*catalog.Resource{},
	}
	departments, err := c.Offices.Departments(q.Context())
	if err != nil {
		return nil, err
	}
	for _, d := range departments {
		n.offices[d.ID] = d.Name
	}
	actors, err := c.Offices.Actors(q.Context(), q.sess.Scope())
	if err != nil {
		return nil, err
	}
	for i := range actors {
		n.people[actors[i].ID] = actors[i].Name
	}
	return n, nil
}

// member is a member's name.
func (n *names) member(id string) string {
	if m, err := n.c.Members.Member(id); err == nil {
		return n.q.v.Pick(m.Name, m.NameEN)
	}
	if id == n.c.Self {
		return n.q.v.Pick(n.c.Name, n.c.NameEN)
	}
	return id
}

// department is a department's name; of another member's, as that member's catalogue has it. "" if nobody told.
func (n *names) department(p policy.Party) string {
	if p.Member == n.c.Self {
		return n.offices[p.Department]
	}
	if p.Department == "" || p.Department == p.Member {
		return ""
	}
	name, had := n.others[p]
	if !had {
		if a, err := n.c.Search.Search(n.q.Context(), directory.Query{Member: p.Member, Department: p.Department, Limit: 1}); err == nil && len(a.Items) > 0 {
			name = a.Items[0].Provider
		}
		n.others[p] = name
	}
	return name
}

// of sets a member's name before its department's, unless that says it: 浙江省市场监管局.
func (n *names) of(member, department string) string {
	name := n.member(member)
	if strings.HasPrefix(department, name) {
		return department
	}
	return name + n.q.v.Pick("・", ", ") + department
}

// party is a department with its member, by names; a code only where there is no name.
func (n *names) party(p policy.Party) string {
	switch name := n.department(p); {
	case name != "":
		return n.of(p.Member, name)
	case p.Department == "" || p.Department == p.Member:
		return n.member(p.Member)
	}
	return n.member(p.Member) + n.q.v.Pick("・部门（统一社会信用代码 ", ", department (credit code ") + p.Department + n.q.v.Pick("）", ")")
}

// provider is who provides what a case is about; before the answer its department is known from the catalogue alone.
func (n *names) provider(x *agreement.Negotiation) string {
	p := x.Provider
	if p.Department == "" {
		if e := n.entry(p.Member, x.Application.Resource); e != nil {
			return n.of(p.Member, e.Provider)
		}
	}
	return n.party(p)
}

func (n *names) entry(member, code string) *directory.Entry {
	k := [2]string{member, code}
	e, had := n.entries[k]
	if !had {
		e, _ = n.c.Search.Entry(n.q.Context(), member, code) // what was withdrawn has no name here any more
		n.entries[k] = e
	}
	return e
}

// title is a resource's title, known or not.
func (n *names) title(x *agreement.Negotiation) string {
	if e := n.entry(x.Provider.Member, x.Application.Resource); e != nil {
		return e.Name
	}
	return n.q.v.Pick("数据资源（编码 ", "Resource (code ") + x.Application.Resource + n.q.v.Pick("）", ")")
}

// person is an officer by name; the other end's people are that member.
func (n *names) person(actor string) string {
	switch name := n.people[actor]; {
	case actor == "":
		return n.q.v.Pick("本节点自动办理", "This node, by itself")
	case name != "":
		return name
	}
	return n.member(actor)
}

// shelfPatience is how long a page waits for another member before it shows what is known here.
const shelfPatience = 4 * time.Second

// resource is an entry as its member has it now; nil if the member can't be asked.
func (n *names) resource(member, code string) *catalog.Resource {
	k := [2]string{member, code}
	r, had := n.shelf[k]
	if !had {
		ctx, cancel := context.WithTimeout(n.q.Context(), shelfPatience)
		defer cancel()
		r, _ = n.c.Shelf.Read(ctx, member, code)
		n.shelf[k] = r
	}
	return r
}

// items are the titles of items, in their order; a code where the title is not known.
func (n *names) items(member, code string, fields []string) []string {
	r := n.resource(member, code)
	out := make([]string, len(fields))
	for i, f := range fields {
		out[i] = n.q.v.Pick("数据项（代码 ", "item (code ") + f + n.q.v.Pick("）", ")")
		if r == nil {
			continue
		}
		if it := r.Item(f); it != nil {
			out[i] = it.Title
		}
	}
	return out
}

// sharingStatus is a sharing attribute as a chip.
func sharingStatus(v *ui.View, s catalog.Sharing) ui.Status {
	switch s {
	case catalog.Unconditional:
		return ui.Status{Tone: ui.Good, Word: v.Pick("无条件共享", "Shared unconditionally")}
	case catalog.Conditional:
		return ui.Status{Tone: ui.Notice, Word: v.Pick("有条件共享", "Shared conditionally")}
	case catalog.NotShared:
	}
	return ui.Status{Tone: ui.Neutral, Word: v.Pick("不予共享", "Not shared"), Icon: "lock"}
}

// pair is a word in both languages.
type pair struct{ zh, en string }

func say(v *ui.View, m map[string]pair, key string) string {
	if w, ok := m[key]; ok {
		return v.Pick(w.zh, w.en)
	}
	return key
}

// codeWords are what the codes of a catalogue entry and of an application mean.
func codeWords() map[string]pair {
	return map[string]pair{
		"base": {"基础信息资源", "Basic"}, "theme": {"主题信息资源", "Thematic"}, "department": {"部门信息资源", "Departmental"},
		"realtime": {"实时更新", "updated at once"}, "daily": {"每日更新", "updated daily"}, "weekly": {"每周更新", "updated weekly"}, "monthly": {"每月更新", "updated monthly"},
		"quarterly": {"每季度更新", "updated quarterly"}, "yearly": {"每年更新", "updated yearly"}, "on_demand": {"按需更新", "updated as needed"},
		"query": {"接口查询", "query"}, "verify": {"核验（只答是或否）", "verification (yes or no only)"}, "batch": {"批量交换", "batch exchange"}, "file": {"文件下载", "file download"},
		"duty": {"履行法定职责", "a duty by law"}, "consent": {"本人同意", "the person's consent"},
		string(policy.MaskNone): {"原文", "as it is"}, string(policy.MaskName): {"只显示姓，名以 * 代替", "surname only"}, string(policy.MaskID): {"只显示证件号码首四位和末四位", "first and last four digits only"},
		string(policy.MaskPhone): {"号码中间四位以 * 代替", "the middle digits hidden"}, string(policy.MaskAddress): {"只显示到区县", "down to the district only"},
		string(policy.MaskHash): {"以不可还原的代号代替", "replaced by a code that can't be turned back"}, string(policy.MaskNull): {"不显示内容", "left empty"},
	}
}

// word is what a code means.
func word(v *ui.View, code string) string { return say(v, codeWords(), code) }

// maskWord says what of an item is shown.
func maskWord(v *ui.View, m policy.Mask) string {
	count := v.Number(int64(m.N))
	switch m.Kind { //nolint:exhaustive // the others have no number
	case policy.MaskKeepFirst:
		return v.Pick("只显示前 "+count+" 个字符", "the first "+count+" characters only")
	case policy.MaskKeepLast:
		return v.Pick("只显示后 "+count+" 个字符", "the last "+count+" characters only")
	}
	return word(v, string(m.Kind))
}

// gradeWord is a grade of sensitivity.
func gradeWord(v *ui.View, grade int) string {
	return v.Pick(v.Number(int64(grade))+" 级", "grade "+v.Number(int64(grade)))
}

// roleWord is a role for people.
func roleWord(v *ui.View, r identity.Role) string {
	return v.Pick(r.Zh(), strings.ReplaceAll(string(r), "_", " "))
}

// itemShown says how much of an item its user gets to see.
func itemShown(v *ui.View, it *catalog.Item) string {
	switch {
	case it.Sharing == catalog.NotShared:
		return v.Pick("不予共享", "not shared")
	case it.Verify:
		return v.Pick("只供核验，不显示内容", "for verification only")
	}
	return maskWord(v, it.Mask)
}

// itemTable lists the items of an entry.
func itemTable(v *ui.View, r *catalog.Resource) ui.Table {
	t := ui.Table{
		Caption: v.Pick("数据项", "Items"),
		Columns: []ui.Column{{Label: v.Pick("数据项", "Item")}, {Label: v.Pick("敏感等级", "Grade")}, {Label: v.Pick("显示方式", "What is shown")}, {Label: v.Pick("共享属性", "Sharing")}},
	}
	for i := range r.Items {
		it := &r.Items[i]
		t.Rows = append(t.Rows, []templ.Component{
			itemName(v, it), ui.Words(gradeWord(v, it.Grade)), ui.Words(itemShown(v, it)), ui.Chip(v, sharingStatus(v, r.SharingOf([]string{it.Name}))),
		})
	}
	return t
}

// editionTable lists the versions of this node's own entry.
func editionTable(v *ui.View, editions []catalog.Edition) ui.Table {
	t := ui.Table{Caption: v.Pick("版本", "Versions"), Columns: []ui.Column{{Label: v.Pick("版本", "Version")}, {Label: v.Pick("编目时间", "Described")}, {Label: v.Pick("发布时间", "Published")}}}
	for _, e := range editions {
		published := ui.Words(v.Pick("未发布", "not published"))
		if e.Published != nil {
			published = ui.Moment(v, *e.Published)
		}
		number := v.Number(int64(e.Number))
		t.Rows = append(t.Rows, []templ.Component{ui.Words(v.Pick("第 "+number+" 版", "version "+number)), ui.Moment(v, e.Described), published})
	}
	return t
}
