package staff

import (
	"context"
	"strings"
	"time"

	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/exchange/catalog"
	"github.com/kuayu/kuayu/exchange/search"
	"github.com/kuayu/kuayu/support/policy"
)

// Names says for one page what codes stand for. What it asked once it knows until the page is done; what nobody can tell
// stays a code, beside a word that says what it is.
type Names struct {
	d       *Desk
	q       Visit
	offices map[string]string // departments of this node
	people  map[string]string // of the visitor's scope
	entries map[[2]string]*search.Entry
	others  map[policy.Party]string // departments of other members
	shelf   map[[2]string]*catalog.Resource
}

// Names begins the names of one page. Nothing is read before it is asked for.
func (d *Desk) Names(q Visit) *Names {
	return &Names{
		d: d, q: q, offices: map[string]string{}, people: map[string]string{}, entries: map[[2]string]*search.Entry{}, others: map[policy.Party]string{},
		shelf: map[[2]string]*catalog.Resource{},
	}
}

// Member is a member's name.
func (n *Names) Member(id string) string {
	if m, err := n.d.Members.Member(id); err == nil {
		return n.q.V.Pick(m.Name, m.NameEN)
	}
	if id == n.d.Self {
		return n.q.V.Pick(n.d.Name, n.d.NameEN)
	}
	return id
}

// Department is a department's name; of another member's, as that member calls it. "" if nobody told.
func (n *Names) Department(p policy.Party) string {
	if p.Member == n.d.Self {
		return once(n.offices, p.Department, func() (string, error) { return n.d.Offices.DepartmentName(n.q.Context(), p.Department) })
	}
	if p.Department == "" || p.Department == p.Member {
		return ""
	}
	name, had := n.others[p]
	if !had {
		name, _ = n.d.Search.DepartmentName(n.q.Context(), p.Member, p.Department) // what can't be told has none
		n.others[p] = name
	}
	return name
}

// Of sets a member's name before its department's, unless that says it: 浙江省市场监管局.
func (n *Names) Of(member, department string) string {
	name := n.Member(member)
	if strings.HasPrefix(department, name) {
		return department
	}
	return name + n.q.V.Pick("・", ", ") + department
}

// Party is a department with its member, by names; a code only where there is no name.
func (n *Names) Party(p policy.Party) string {
	switch name := n.Department(p); {
	case name != "":
		return n.Of(p.Member, name)
	case p.Department == "" || p.Department == p.Member:
		return n.Member(p.Member)
	}
	return n.Member(p.Member) + n.q.V.Pick("・部门（统一社会信用代码 ", ", department (credit code ") + p.Department + n.q.V.Pick("）", ")")
}

// Provider is who provides what a case is about; before the answer its department is known from the catalogue alone.
func (n *Names) Provider(x *agreement.Negotiation) string {
	p := x.Provider
	if p.Department == "" {
		if e := n.Entry(p.Member, x.Application.Resource); e != nil {
			return n.Of(p.Member, e.Provider)
		}
	}
	return n.Party(p)
}

func (n *Names) Entry(member, code string) *search.Entry {
	k := [2]string{member, code}
	e, had := n.entries[k]
	if !had {
		e, _ = n.d.Search.Entry(n.q.Context(), member, code) // what was withdrawn has no name here any more
		n.entries[k] = e
	}
	return e
}

// Title is a resource's title, known or not.
func (n *Names) Title(x *agreement.Negotiation) string {
	if e := n.Entry(x.Provider.Member, x.Application.Resource); e != nil {
		return e.Name
	}
	return n.q.V.Pick("数据资源（编码 ", "Resource (code ") + x.Application.Resource + n.q.V.Pick("）", ")")
}

// Person is an officer by name; the other end's people are that member.
func (n *Names) Person(actor string) string {
	if actor == "" {
		return n.q.V.Pick("本节点自动办理", "This node, by itself")
	}
	name := once(n.people, actor, func() (string, error) { return n.d.Offices.ActorName(n.q.Context(), n.q.Sess.Scope(), actor) })
	if name == "" {
		return n.Member(actor)
	}
	return name
}

// once asks for a name the first time it is needed; what can't be told has none.
func once(known map[string]string, code string, ask func() (string, error)) string {
	name, had := known[code]
	if !had {
		name, _ = ask()
		known[code] = name
	}
	return name
}

// shelfPatience is how long a page waits for another member before it shows what is known here.
const shelfPatience = 4 * time.Second

// Resource is an entry as its member has it now; nil if the member can't be asked.
func (n *Names) Resource(member, code string) *catalog.Resource {
	k := [2]string{member, code}
	r, had := n.shelf[k]
	if !had {
		ctx, cancel := context.WithTimeout(n.q.Context(), shelfPatience)
		defer cancel()
		r, _ = n.d.CatalogReader.Read(ctx, member, code)
		n.shelf[k] = r
	}
	return r
}

// Items are the titles of items, in their order; a code where the title is not known.
func (n *Names) Items(member, code string, fields []string) []string {
	r := n.Resource(member, code)
	out := make([]string, len(fields))
	for i, f := range fields {
		out[i] = n.q.V.Pick("数据项（代码 ", "item (code ") + f + n.q.V.Pick("）", ")")
		if r == nil {
			continue
		}
		if it := r.Item(f); it != nil {
			out[i] = it.Title
		}
	}
	return out
}

// Self is this member.
func (n *Names) Self() string { return n.d.Self }

// Read keeps an entry that the page has read already.
func (n *Names) Read(member string, r *catalog.Resource) { n.shelf[[2]string{member, r.Code}] = r }
