package staff

import (
	"net/url"
	"slices"

	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/web/ui"
)

// Addresses that more than one face leads to.
const (
	PathWorkbench = "/workbench"
	PathSignIn    = "/sign-in"
	PathSignOut   = "/sign-out"
	PathCatalog   = "/catalog"
	PathCases     = "/applications"
	PathResources = "/resources"
	PathSources   = "/sources"
	PathDemands   = "/demands"
	PathDisputes  = "/corrections" // and disputes
	PathExchanges = "/exchanges"
	PathScreen    = "/screen"
	PathUsage     = "/usage"
	PathEvidence  = "/evidence"
	PathMembers   = "/members"
	PathOversight = "/oversight"
	PathPeople    = "/people"
	PathSignIns   = "/sign-ins"
	PathSetup     = "/setup"
	PathInbox     = "/inbox"
)

// CasePath is the page of an application or agreement.
func CasePath(id string) string { return PathCases + "/" + url.PathEscape(id) }

// FactPath is the page of a fact in the evidence.
func FactPath(id string) string { return PathEvidence + "/" + url.PathEscape(id) }

// EntryPath is the page of a catalogue's entry. Codes have slashes: they are one part of the address.
func EntryPath(member, code string) string {
	return PathCatalog + "/" + url.PathEscape(member) + "/" + url.PathEscape(code)
}

// place is one line of the navigation. Without roles it is for everybody.
type place struct {
	path  string
	name  Pair
	icon  string
	roles []identity.Role
}

// places are the navigation, in order. No role sees more than nine; what is left out is led to from another page.
func places() []place {
	offices := []identity.Role{identity.DataOfficer, identity.OfficeHead, identity.DepartmentHead, identity.Authority}
	looking := append(slices.Clone(offices), identity.Auditor)
	return []place{
		{PathWorkbench, Pair{"工作台", "Workbench"}, "layout-dashboard", nil},
		{PathCatalog, Pair{"目录检索", "Catalogue"}, "database", nil},
		{PathCases, Pair{"申请与协议", "Applications"}, "file-check", nil},
		{PathResources, Pair{"数据资源", "Resources"}, "file-text", looking},
		{PathDemands, Pair{"需求与方案", "Demands"}, "inbox", offices},
		{PathDisputes, Pair{"校核与争议", "Corrections"}, "scale", looking},
		{PathSources, Pair{"数据源", "Sources"}, "building", []identity.Role{identity.Operator}},
		{PathExchanges, Pair{"交换监测", "Exchanges"}, "arrows-exchange", nil},
		{PathEvidence, Pair{"审计存证", "Evidence"}, "shield-check", nil},
		{PathOversight, Pair{"督办", "Oversight"}, "flag", []identity.Role{identity.Authority}},
		{PathMembers, Pair{"成员节点", "Members"}, "building", []identity.Role{identity.Operator, identity.Auditor}},
		{PathPeople, Pair{"人员与登录", "People"}, "user", []identity.Role{identity.Operator, identity.Auditor}},
		{PathSetup, Pair{"运行检查", "Set-up"}, "info-circle", []identity.Role{identity.Operator}},
	}
}

// Home is the crumb that leads to the workbench.
func Home(v *ui.View) ui.Link {
	return ui.Link{Href: PathWorkbench, Text: v.Pick("工作台", "Workbench")}
}

// Frame is what stands around a page for somebody who is not signed in.
func (d *Desk) Frame(v *ui.View) ui.Chrome {
	name := v.Pick(d.Name, d.NameEN)
	return ui.Chrome{Name: v.Pick("跨域数据共享", "Kuayu"), Home: "/", Place: name, Help: "/docs", Demo: d.chooser != "", Footer: ui.Footer{Host: name}}
}

// framed is the frame for an officer, with what waits in the navigation.
func (d *Desk) framed(q Visit, here string) ui.Chrome {
	f := d.Frame(q.V)
	f.Role, f.SignOut = rolesOf(q.V, q.Sess), PathSignOut
	if d.tour != nil {
		f.Tour = d.tour(q.Request, q.V)
	}
	if here != PathCatalog {
		f.Search = &ui.Search{Action: PathCatalog, Label: q.V.Pick("检索目录", "Search the catalogue")}
	}
	for _, p := range places() {
		if len(p.roles) > 0 && !q.Sess.Has(p.roles...) {
			continue
		}
		f.Nav = append(f.Nav, ui.NavItem{Href: p.path, Text: p.name.In(q.V), Icon: p.icon, Current: p.path == here})
	}
	if d.todo != nil {
		if n, err := d.todo(q); err == nil { // a badge is no reason to fail a page
			f.Nav[0].Todo = n
		}
	}
	return f
}

func rolesOf(v *ui.View, s *identity.Session) string {
	out := s.Name
	for _, r := range s.Roles {
		if word := RoleWord(v, r); word != s.Name {
			out += v.Pick("・", ", ") + word
		}
	}
	return out
}
