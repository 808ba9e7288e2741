package share

import (
	"net/http"
	"slices"

	"github.com/a-h/templ"

	"github.com/kuayu/kuayu/exchange/catalog"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/web/staff"
	"github.com/kuayu/kuayu/web/ui"
)

// resources lists a department's own entries; for the authority, those of all departments.
func (s *Share) resources(w http.ResponseWriter, q staff.Visit) error {
	v, p := q.V, q.URL.Query()
	state := catalog.State(p.Get("state"))
	if state != "" && state != catalog.InReview && !slices.Contains(catalog.States(), state) {
		return catalog.ErrNoSuch.With()
	}
	list, err := s.Entries.Dossiers(q.Context(), q.Sess.Scope(), state, p.Get("after"), shown)
	if err != nil {
		return err
	}
	codes := make([]string, len(list))
	for i := range list {
		codes[i] = list[i].Code
	}
	users, err := s.Uses.Users(q.Context(), q.Sess.Scope(), codes)
	if err != nil {
		return err
	}
	cursor := ""
	if len(list) > 0 {
		cursor = list[len(list)-1].Code
	}
	info := ui.PageInfo{Title: v.Pick("我的资源", "My resources"), Lead: v.Pick("本部门共享的数据资源，以及每一项的办理情况。", "What this department shares, and where each entry stands."), Crumbs: []ui.Link{staff.Home(v)}}
	if q.Sess.Scope().All() {
		info.Title, info.Lead = v.Pick("数据资源", "Resources"), v.Pick("本级各部门的数据资源，以及每一项的办理情况。", "What the departments of this node share, and where each entry stands.")
	}
	if q.Sess.Has(identity.DataOfficer) {
		info.Action = ui.Button(v, ui.Link{Href: pathShare, Text: v.Pick("共享一项数据", "Share data")}, "plus", true)
	}
	s.Show(w, q, http.StatusOK, staff.PathResources, info, resourcesPage(v, catalogTabs(q, staff.PathResources), stateFilter(v, state), resourceTable(q, list, users), onward(v, len(list), cursor)))
	return nil
}

// catalogTabs are the pages about what departments share.
func catalogTabs(q staff.Visit, here string) []ui.Tab {
	v := q.V
	tabs := []ui.Tab{{Href: staff.PathResources, Text: v.Pick("数据资源", "Resources")}}
	if q.Sess.Has(identity.Authority) {
		tabs = append(tabs, ui.Tab{Href: pathReview, Text: v.Pick("待审核", "To be reviewed")})
	}
	tabs = append(
		tabs, ui.Tab{Href: pathDuties, Text: v.Pick("责任清单", "Responsibilities")},
		ui.Tab{Href: pathRegister, Text: v.Pick("一数一源", "One source each")},
		ui.Tab{Href: pathWithheld, Text: v.Pick("不予共享清单", "Not shared")},
	)
	if here == staff.PathResources && q.URL.Query().Get("state") == catalog.InReview {
		here = pathReview
	}
	for i := range tabs {
		tabs[i].Current = tabs[i].Href == here
	}
	return tabs
}

// pathReview lists the entries that wait for the authority.
const pathReview = staff.PathResources + "?state=" + catalog.InReview

func stateFilter(v *ui.View, now catalog.State) []ui.Filter {
	f := ui.Filter{Key: "state", Label: v.Pick("状态", "State"), Value: string(now)}
	f.Options = append(f.Options, ui.Option{Value: catalog.InReview, Label: v.Pick("待主管部门办理", "Waits for the authority")})
	for _, s := range catalog.States() {
		if s != catalog.New {
			f.Options = append(f.Options, ui.Option{Value: string(s), Label: entryStatus(v, s).Word})
		}
	}
	return []ui.Filter{f}
}

func resourceTable(q staff.Visit, list []catalog.Dossier, users map[string]int) ui.Table {
	v := q.V
	t := ui.Table{
		Caption: v.Pick("数据资源", "Resources"),
		Columns: []ui.Column{{Label: v.Pick("数据资源", "Resource")}, {Label: v.Pick("状态", "State")}, {Label: v.Pick("版本", "Version")}, {Label: v.Pick("使用协议", "Agreements"), Number: true}, {Label: v.Pick("下一步", "Next step")}},
		Empty:   noResources(q),
	}
	for i := range list {
		e := &list[i]
		whose, next := turn(v, e.State)
		if whose == nobody(v) {
			whose = ""
		} else {
			whose += v.Pick("：", ": ")
		}
		below := e.Code
		if q.Sess.Scope().All() {
			below = e.Resource.Provider + v.Pick("・", ", ") + e.Code
		}
		t.Rows = append(t.Rows, []templ.Component{
			ui.Titled(ui.Link{Href: entryPath(e.Code), Text: e.Resource.Name}, below), ui.Chip(v, entryStatus(v, e.State)),
			ui.Words(versionsWord(v, e)), ui.Words(v.Number(int64(users[e.Code]))), ui.Words(whose + next),
		})
	}
	return t
}

func noResources(q staff.Visit) ui.State {
	v, p := q.V, q.URL.Query()
	switch {
	case p.Get("state") != "" || p.Get("after") != "":
		return ui.State{Kind: ui.Empty, Title: v.Pick("没有处于该状态的资源", "No entry is in this state"), Text: v.Pick("换一个状态再看。", "Try another state."), Next: ui.Link{Href: staff.PathResources, Text: v.Pick("查看全部", "Show all")}}
	case q.Sess.Has(identity.DataOfficer):
		return ui.State{
			Kind: ui.Empty, Title: v.Pick("本部门还没有共享数据", "This department shares nothing yet"), Text: v.Pick("选一张业务表，分五步说明数据是什么、谁可以用、按什么条件。", "Choose a table and say in five steps what it is, who may use it and on what terms."),
			Next: ui.Link{Href: pathShare, Text: v.Pick("共享一项数据", "Share data")},
		}
	}
	return ui.State{Kind: ui.Empty, Title: v.Pick("还没有数据资源", "No resources yet"), Text: v.Pick("由各部门的数据专员编目，签发和审核时会出现在这里。", "The departments' data officers describe them; they appear here to be signed and reviewed."), Next: ui.Link{Href: staff.PathCatalog, Text: v.Pick("检索目录", "Search the catalogue")}}
}
