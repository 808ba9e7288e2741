package share

import (
	"bytes"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/a-h/templ"

	"github.com/kuayu/kuayu/exchange/catalog"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/web/staff"
	"github.com/kuayu/kuayu/web/ui"
)

// sheetPath gives the entries as a sheet; form is csv or xlsx.
const sheetPath = pathDuties + "/sheet"

// duties is the list of responsibilities: who answers for which entry, and what is due.
func (s *Share) duties(w http.ResponseWriter, q staff.Visit) error {
	v := q.V
	list, err := s.Lists.Responsibilities(q.Context(), q.Sess.Scope(), q.URL.Query().Get("after"), shown)
	if err != nil {
		return err
	}
	nm := s.Names(q)
	t := ui.Table{
		Caption: v.Pick("责任清单", "Responsibilities"), Columns: []ui.Column{{Label: v.Pick("数据资源", "Resource")}, {Label: v.Pick("提供部门", "Provider")}, {Label: v.Pick("责任人", "Officer")}, {Label: v.Pick("签发人", "Signed by")}, {Label: v.Pick("更新周期", "Update cycle")}, {Label: v.Pick("待办期限", "Due")}},
		Empty: ui.State{Kind: ui.Empty, Title: v.Pick("责任清单是空的", "The list is empty"), Text: v.Pick("编目的数据资源自动列入，写明提供部门、责任人和签发人。", "Entries are listed by themselves when they are described, with who answers for them."), Next: ui.Link{Href: staff.PathResources, Text: v.Pick("查看数据资源", "See the resources")}},
	}
	cursor := ""
	for i := range list {
		r := &list[i]
		due := ui.Words(v.Pick("无", "nothing"))
		if r.Due != "" {
			st := ui.Status{Tone: ui.Notice, Word: r.Due, Icon: "clock"}
			if r.Overdue {
				st = ui.Status{Tone: ui.Bad, Word: r.Due + v.Pick(" 已超期", " overdue")}
			}
			due = ui.Chip(v, st)
		}
		t.Rows = append(t.Rows, []templ.Component{
			ui.Titled(ui.Link{Href: entryPath(r.Code), Text: r.Name}, r.Code), ui.Words(r.Provider), ui.Words(personOr(v, nm, r.Owner)), ui.Words(personOr(v, nm, r.Approver)), ui.Words(staff.Word(v, r.UpdateCycle)), due,
		})
		cursor = r.Code
	}
	info := ui.PageInfo{Title: v.Pick("责任清单", "Responsibilities"), Lead: v.Pick("每项数据由谁提供、谁负责、谁签发，有什么到期。", "Who provides each entry, who answers for it, who signed it, and what is due."), Crumbs: []ui.Link{staff.Home(v), {Href: staff.PathResources, Text: v.Pick("数据资源", "Resources")}}}
	if q.Sess.Has(identity.DataOfficer, identity.DepartmentHead, identity.Authority) {
		info.Action = sheetLinks(v)
	}
	s.Show(w, q, http.StatusOK, staff.PathResources, info, listPage(v, v.Pick("数据资源各页", "Pages about resources"), catalogTabs(q, pathDuties), v.Pick("按编码排列", "By code"), nil, t, onward(v, len(list), cursor)))
	return nil
}

func personOr(v *ui.View, nm *staff.Names, actor string) string {
	if actor == "" {
		return v.Pick("尚未提交", "not yet")
	}
	return nm.Person(actor)
}

// sheet is the scope's entries as a sheet.
func (s *Share) sheet(w http.ResponseWriter, q staff.Visit) error {
	if err := q.Sess.Require(identity.DataOfficer, identity.DepartmentHead, identity.Authority); err != nil {
		return err
	}
	form, media := catalog.CSV, "text/csv; charset=utf-8"
	if q.URL.Query().Get("form") == string(catalog.XLSX) {
		form, media = catalog.XLSX, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
	}
	var b bytes.Buffer
	if err := s.Lists.Export(q.Context(), q.Sess.Scope(), form, &b); err != nil {
		return err
	}
	w.Header().Set("Content-Type", media)
	w.Header().Set("Content-Disposition", `attachment; filename="catalogue.`+string(form)+`"`)
	_, err := w.Write(b.Bytes())
	return err
}

// withheld is the list of what is not shared, and of what forbids it.
func (s *Share) withheld(w http.ResponseWriter, q staff.Visit) error {
	v := q.V
	list, next, err := s.Lists.NegativeList(q.Context(), q.URL.Query().Get("after"), shown)
	if err != nil {
		return err
	}
	t := ui.Table{
		Caption: v.Pick("不予共享清单", "What is not shared"), Columns: []ui.Column{{Label: v.Pick("数据资源", "Resource")}, {Label: v.Pick("不予共享的内容", "What is withheld")}, {Label: v.Pick("提供部门", "Provider")}, {Label: v.Pick("依据", "Ground")}, {Label: v.Pick("理由", "Reason")}},
		Empty: ui.State{Kind: ui.Empty, Title: v.Pick("没有不予共享的数据", "Nothing is withheld"), Text: v.Pick("不予共享须引用法律、行政法规或国务院决定的条款；编目时标明，发布后自动列入。", "Not to share takes a law, an administrative regulation or a decision of the State Council. What is published so is listed by itself."), Next: ui.Link{Href: staff.PathResources, Text: v.Pick("查看数据资源", "See the resources")}},
	}
	for i := range list {
		x := &list[i]
		what := v.Pick("整项", "the whole entry")
		if x.Item != "" {
			what = v.Pick("数据项：", "item: ") + x.Title
		}
		t.Rows = append(t.Rows, []templ.Component{
			ui.Titled(ui.Link{Href: staff.EntryPath(s.Self, x.Code), Text: x.Name}, x.Code), ui.Words(what), ui.Words(x.Provider), ui.Words(x.Basis.Name + v.Pick("，", ", ") + x.Basis.Article), ui.Words(x.Basis.Reason),
		})
	}
	page := onward(v, len(list), "")
	if next != "" {
		page.Next = v.With("after", next)
	}
	s.Show(w, q, http.StatusOK, staff.PathResources, ui.PageInfo{
		Title: v.Pick("不予共享清单", "What is not shared"), Lead: v.Pick("已发布条目中不予共享的内容，和禁止共享的依据（809 号令第十四、十五条）。", "What published entries do not share, and what forbids it (Decree 809 art. 14, 15)."), Crumbs: []ui.Link{staff.Home(v), {Href: staff.PathResources, Text: v.Pick("数据资源", "Resources")}},
	}, listPage(v, v.Pick("数据资源各页", "Pages about resources"), catalogTabs(q, pathWithheld), v.Pick("按编码排列", "By code"), nil, t, page))
	return nil
}

func (s *Share) register(w http.ResponseWriter, q staff.Visit) error {
	return s.showRegister(w, q, url.Values{}, nil)
}

// showRegister lists the one source of each item that the authority named, and the entries that go against it.
func (s *Share) showRegister(w http.ResponseWriter, q staff.Visit, f url.Values, faults map[string]string) error {
	v, status := q.V, http.StatusOK
	if len(faults) > 0 {
		status = http.StatusBadRequest
	}
	list, err := s.Lists.Register(q.Context(), q.Sess, q.URL.Query().Get("after"), shown)
	if err != nil {
		return err
	}
	conflicts, err := s.Lists.Conflicts(q.Context(), q.Sess.Scope(), q.URL.Query().Get("conflict"), shown)
	if err != nil {
		return err
	}
	nm := s.Names(q)
	t := ui.Table{
		Caption: v.Pick("数源登记", "Sources named"), Columns: []ui.Column{{Label: v.Pick("数据项", "Item")}, {Label: v.Pick("数源部门", "Source department")}, {Label: v.Pick("理由", "Reason")}, {Label: v.Pick("登记时间", "Since")}},
		Empty: ui.State{Kind: ui.Empty, Title: v.Pick("还没有明确数源部门", "No source is named yet"), Text: v.Pick("多个部门都采集的数据项，由主管部门明确一个数源部门统一提供（809 号令第十九条）。", "Where several departments collect an item, the authority names the one that provides it (Decree 809 art. 19).")},
	}
	authority, cursor := q.Sess.Has(identity.Authority), ""
	if authority {
		t.Columns = append(t.Columns, ui.Column{Label: v.Pick("办理", "Act")})
	}
	for i := range list {
		d := &list[i]
		row := []templ.Component{ui.Words(d.Item), ui.Words(d.Name), ui.Words(d.Reason), ui.Day(v, d.Time)}
		if authority {
			row = append(row, endButton(v, d.Item))
		}
		t.Rows, cursor = append(t.Rows, row), d.Item
	}
	c := ui.Table{
		Caption: v.Pick("与登记不符的条目", "Entries that go against it"), Columns: []ui.Column{{Label: v.Pick("数据项", "Item")}, {Label: v.Pick("所在条目", "Entry")}, {Label: v.Pick("编目部门", "Described by")}, {Label: v.Pick("数源部门", "Source department")}, {Label: v.Pick("是否已发布", "Published")}},
		Empty: ui.State{Kind: ui.Empty, Title: v.Pick("没有不符的条目", "Nothing goes against it"), Text: v.Pick("其他部门编目了已明确数源的数据项时，会列在这里。", "When another department describes an item whose source is named, it is listed here.")},
	}
	last := ""
	for i := range conflicts {
		x := &conflicts[i]
		published := v.Pick("在办", "being worked on")
		if x.InForce {
			published = v.Pick("已发布", "published")
		}
		c.Rows = append(c.Rows, []templ.Component{ui.Words(x.Title), ui.Titled(ui.Link{Href: entryPath(x.Code), Text: x.Code}, ""), ui.Words(nm.Department(partyHere(nm, x.Department))), ui.Words(x.SourceName), ui.Words(published)})
		last = x.Code
	}
	more := ui.Paging{Shown: int64(len(conflicts)), Of: v.Pick("：不符的条目", ": entries against it")}
	if q.URL.Query().Get("conflict") != "" {
		more.First = v.Without("conflict")
	}
	if len(conflicts) == shown {
		more.Next = v.With("conflict", last)
	}
	var forms []form
	if authority {
		departments, err := s.Offices.Departments(q.Context())
		if err != nil {
			return err
		}
		forms = append(forms, designateForm(v, departments).filled(true, f, faults))
	}
	done := map[string]string{"designate": v.Pick("数源部门已登记。", "The source is named."), "end": v.Pick("登记已撤销。", "It is off the register.")}[q.URL.Query().Get("done")]
	s.Show(w, q, status, staff.PathResources, ui.PageInfo{
		Title: v.Pick("一数一源", "One source each"), Lead: v.Pick("每个数据项只由一个部门提供：数源登记，和与登记不符的条目。", "Each item is provided by one department alone: the register, and what goes against it."), Crumbs: []ui.Link{staff.Home(v), {Href: staff.PathResources, Text: v.Pick("数据资源", "Resources")}},
	}, registerPage(v, catalogTabs(q, pathRegister), done, forms, t, onward(v, len(list), cursor), c, more))
	return nil
}

func designateForm(v *ui.View, departments []identity.Department) form {
	x := form{
		word: v.Pick("明确数源部门", "Name a source"), post: pathRegister,
		fields: []ui.Field{
			{Name: "item", Kind: "text", Label: v.Pick("数据项", "Item"), Hint: v.Pick("写数据项的名称，标点和空格不影响。", "The item's title; punctuation and spaces do not matter.")},
			{Name: "department", Kind: "select", Label: v.Pick("数源部门", "Source department")},
			{Name: "reason", Kind: "textarea", Optional: true, Label: v.Pick("理由", "Reason")},
		},
	}
	for _, d := range departments {
		x.fields[1].Options = append(x.fields[1].Options, ui.Option{Value: d.ID, Label: d.Name})
	}
	return x
}

// designate names the source of an item, or takes it off the register.
func (s *Share) designate(w http.ResponseWriter, q staff.Visit) error {
	f, err := staff.Form(w, q)
	if err != nil {
		return err
	}
	if item := f.Get("end"); item != "" {
		if err := s.Lists.EndDesignation(q.Context(), q.Sess, item); err != nil {
			return err
		}
		return staff.Done(w, q, pathRegister, "end")
	}
	departments, err := s.Offices.Departments(q.Context())
	if err != nil {
		return err
	}
	d := catalog.Designation{Item: strings.TrimSpace(f.Get("item")), Department: f.Get("department"), Reason: strings.TrimSpace(f.Get("reason"))}
	if i := slices.IndexFunc(departments, func(x identity.Department) bool { return x.ID == d.Department }); i >= 0 {
		d.Name = departments[i].Name
	}
	_, err = s.Lists.Designate(q.Context(), q.Sess, d)
	if faults, ok := wrongAt(q.V, err, "item"); ok {
		return s.showRegister(w, q, f, faults)
	}
	if err != nil {
		return err
	}
	return staff.Done(w, q, pathRegister, "designate")
}
