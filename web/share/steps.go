package share

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"github.com/kuayu/kuayu/exchange/catalog"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/policy"
	"github.com/kuayu/kuayu/web/staff"
	"github.com/kuayu/kuayu/web/ui"
)

// ownScope is the visitor's department alone, whatever other roles the visitor has.
func ownScope(q staff.Visit) db.Scope { return db.In(q.Sess.Division, q.Sess.Department, q.Sess.Actor) }

// stepView is what a page of the wizard shows.
type stepView struct {
	step    int
	editing bool
	hidden  [][2]string
	sample  ui.Table   // rows of the table, masked
	items   ui.Table   // what is asked of each item
	fields  []ui.Field // what is asked of the entry
	ground  []ui.Field // what forbids sharing, folded until it is needed
	facts   []ui.Fact  // on the last page
	broken  []string   // sources that cannot be opened
	none    *ui.State  // there is nothing to choose from
	numbers []string   // of all columns, shared or not, on the page that asks which

	needGround bool
}

func (s *Share) askStep(w http.ResponseWriter, q staff.Visit, step int, f url.Values, faults map[string]string) error {
	v, status := q.V, http.StatusOK
	if len(faults) > 0 {
		status = http.StatusBadRequest
	}
	x := stepView{step: step, editing: f.Get("editing") != ""}
	var err error
	switch step {
	case 1:
		err = s.chooseTable(q, &x)
	case 2:
		err = s.nameItems(q, &x, f)
	case 3:
		gradeItems(v, &x, f)
	case 4:
		termFields(v, &x, f)
		if f.Get("code") == "" {
			f.Set("code", s.suggestCode(q, f.Get("class")))
		}
	case lastStep:
		err = s.readOnce(q, &x, f)
	}
	if err != nil {
		return err
	}
	for _, list := range [][]ui.Field{x.fields, x.ground} {
		for i := range list {
			field := &list[i]
			field.Error = faults[field.Name]
			if field.Kind == "check" {
				field.Values = f[field.Name]
			} else {
				field.Value = f.Get(field.Name)
			}
		}
	}
	x.needGround = faults["legal_basis"] != "" || f.Get("law") != ""
	if step != 2 {
		x.numbers = f["item"]
	}
	x.hidden = hiddenOf(f, step, x.numbers)
	title := []string{
		v.Pick("数据在哪里", "Where the data is"), v.Pick("这是什么数据", "What the data is"), v.Pick("分级与脱敏方式", "Grades, and what is shown"),
		v.Pick("谁可以用，按什么条件", "Who may use it, on what terms"), v.Pick("核对并保存", "Check and keep"),
	}[step-1]
	lead := v.Pick("共享一项数据", "Share data")
	if x.editing {
		lead = v.Pick("更新：", "Update: ") + f.Get("name") + v.Pick("。保存后成为待办的新版本，在用版本不受影响。", ". It is kept as the next version; the one in force stays.")
	}
	s.Show(w, q, status, staff.PathResources, ui.PageInfo{
		Title: title, Lead: lead, Crumbs: []ui.Link{staff.Home(v), {Href: staff.PathResources, Text: v.Pick("我的资源", "My resources")}},
	}, wizardPage(v, x))
	return nil
}

// hiddenOf are the answers of the other pages.
func hiddenOf(f url.Values, step int, numbers []string) [][2]string {
	var out [][2]string
	add := func(name string) {
		for _, value := range f[name] {
			out = append(out, [2]string{name, value})
		}
	}
	add("editing")
	add("version")
	if step != 2 {
		add("item")
	}
	for at := 1; at <= lastStep; at++ {
		if at == step {
			continue
		}
		for _, name := range stepNames(at) {
			add(name)
		}
		for _, name := range itemNames(at) {
			for _, n := range numbers {
				add(numbered(name, n))
			}
		}
	}
	return out
}

// chooseTable asks where the data is, or says how a source comes to be there.
func (s *Share) chooseTable(q staff.Visit, x *stepView) error {
	v := q.V
	list, broken, err := []ui.Option(nil), []string(nil), error(nil)
	if q.Sess.Has(identity.DataOfficer) {
		list, broken, err = s.tables(q.Context(), q)
	}
	if err != nil {
		return err
	}
	x.broken = broken
	if len(list) == 0 {
		x.none = &ui.State{
			Kind: ui.Empty, Title: v.Pick("本部门还没有登记数据源", "No source is registered for this department"),
			Text: v.Pick("数据源是本部门自己的数据库或文件，数据留在原处。由本节点的运维员在“数据源”页登记：请告诉运维员数据库的位置，登记后回到这里继续。", "A source is the department's own database or file; the data stays where it is. An operator of this node registers it on the page “Sources”: tell the operator where the database is, then come back here."),
			Next: ui.Link{Href: staff.PathResources, Text: v.Pick("返回我的资源", "Back to my resources")},
		}
		if q.Sess.Has(identity.Operator) {
			x.none.Next = ui.Link{Href: staff.PathSources, Text: v.Pick("登记数据源", "Register a source")}
		}
		return nil
	}
	x.fields = []ui.Field{{
		Name: "table", Kind: "select", Label: v.Pick("数据表", "Table"), Options: append([]ui.Option{{Value: "", Label: v.Pick("请选择", "Choose one")}}, list...),
		Hint: v.Pick("本部门已登记的数据源中的表。数据留在原处，这里只作说明。", "Tables of this department's registered sources. The data stays where it is; here it is only described."),
	}}
	return nil
}

// nameItems shows some rows, and asks what the data is and which items are shared.
func (s *Share) nameItems(q staff.Visit, x *stepView, f url.Values) error {
	v := q.V
	id, table := tableOf(f)
	p, err := s.Sources.Preview(q.Context(), q.Sess, id, table, nil, sampled)
	if err != nil {
		return err
	}
	if len(p.Items) > maxColumns {
		return ErrWide.With(len(p.Items), maxColumns)
	}
	x.sample = sampleTable(v, p)
	// Columns are numbered anew from the table; answers given before follow the column's name.
	before, chosen := map[string]string{}, len(f["item"]) > 0
	for _, n := range f["item"] {
		before[f.Get(numbered("column", n))] = n
	}
	all, items := url.Values{}, []string(nil)
	for i := range p.Items {
		n, old := strconv.Itoa(i), ""
		x.numbers = append(x.numbers, n)
		offer(all, n, &p.Items[i])
		if o, ok := before[p.Items[i].Name]; ok {
			old = o
		}
		if old != "" {
			for _, name := range slices.Concat(itemNames(2), itemNames(3)) {
				if had := f[numbered(name, old)]; len(had) > 0 {
					all[numbered(name, n)] = had
				} else if name == "key" {
					all.Del(numbered(name, n))
				}
			}
		}
		if old != "" || !chosen {
			items = append(items, n)
		}
	}
	for k, values := range all {
		f[k] = values
	}
	f["item"] = items
	x.items = nameTable(v, p, f)
	x.fields = []ui.Field{
		{Name: "name", Kind: "text", Label: v.Pick("资源名称", "Name"), Hint: v.Pick("写数据的名称，不写系统的名称，例如“企业登记信息”。", "Name the data, not the system it is in.")},
		{Name: "abstract", Kind: "textarea", Label: v.Pick("摘要", "Abstract"), Hint: v.Pick("一两句话说明数据的内容、范围和来历，供其他部门检索。", "One or two sentences: what it holds, of whom, from where. Others search in it.")},
		{Name: "class", Kind: "radio", Label: v.Pick("资源分类", "Class"), Options: coded(v, "base", "theme", "department")},
		{Name: "items", Kind: "hidden"},
	}
	return nil
}

// gradeItems asks what of each item is shown, and how the whole is shared.
func gradeItems(v *ui.View, x *stepView, f url.Values) {
	for _, n := range f["item"] { // what has no answer yet takes the careful one
		if f.Get(numbered("degree", n)) == "" {
			f.Set(numbered("degree", n), "3")
		}
	}
	x.items = gradeTable(v, f)
	x.fields = []ui.Field{
		{Name: "grade", Kind: "hidden"},
		{Name: "sharing", Kind: "radio", Label: v.Pick("共享属性", "Sharing"), Options: sharingOptions(v), Hint: v.Pick("无条件共享的申请一个工作日内答复，有条件共享十个工作日内答复（809 号令第二十一条）。", "Unconditional: answered within 1 working day; conditional: within 10 (Decree 809 art. 21).")},
	}
	x.ground = []ui.Field{
		{Name: "legal_basis", Kind: "hidden"},
		{Name: "instrument", Kind: "select", Label: v.Pick("不予共享的依据", "What forbids sharing"), Options: append([]ui.Option{{Value: "", Label: v.Pick("没有不予共享的内容", "Nothing is withheld")}}, instrumentOptions(v)...), Hint: v.Pick("整项或其中的数据项不予共享时必填；部门和地方的规定不能作为依据。", "Needed if the entry or an item is not shared; rules of departments or regions are no ground.")},
		{Name: "law", Kind: "text", Label: v.Pick("文件名称", "Its title")},
		{Name: "article", Kind: "text", Label: v.Pick("条款", "Article")},
		{Name: "why", Kind: "text", Label: v.Pick("理由", "Reason")},
	}
}

func termFields(v *ui.View, x *stepView, f url.Values) {
	x.fields = []ui.Field{
		{Name: "modes", Kind: "check", Label: v.Pick("共享方式", "Modes"), Options: coded(v, string(policy.ModeQuery), string(policy.ModeVerify), string(policy.ModeBatch), string(policy.ModeFile))},
		{Name: "conditions", Kind: "textarea", Label: v.Pick("使用条件", "Conditions of use"), Hint: v.Pick("需求部门须遵守的条件，例如“限于履行法定职责，不得转给第三方”。", "What users must keep to.")},
		{Name: "share_scope", Kind: "text", Optional: f.Get("sharing") != string(catalog.Conditional), Label: v.Pick("共享范围", "Scope of sharing"), Hint: v.Pick("哪些部门可以申请。有条件共享的必填。", "Which departments may apply. Needed for conditional sharing.")},
		{Name: "use_purpose", Kind: "text", Optional: f.Get("sharing") != string(catalog.Conditional), Label: v.Pick("使用用途", "Purpose of use"), Hint: v.Pick("可以用来办理什么。有条件共享的必填。", "What it may be used for. Needed for conditional sharing.")},
		{Name: "update_cycle", Kind: "select", Label: v.Pick("更新周期", "Update cycle"), Options: coded(v, "realtime", "daily", "weekly", "monthly", "quarterly", "yearly", "on_demand")},
	}
	if !x.editing {
		x.fields = append(x.fields, ui.Field{Name: "code", Kind: "text", Label: v.Pick("资源编码", "Code"), Hint: v.Pick("已按《政务信息资源目录编制指南》的结构给出，可以改成本地的编码；发布后不能再改。", "Made by the structure of the guide of 2017; put your own instead if you have one. It can't be changed once it is published.")})
	}
}

// readOnce shows the entry in words, and its rows as a user would see them.
func (s *Share) readOnce(q staff.Visit, x *stepView, f url.Values) error {
	v := q.V
	r, err := s.resourceOf(q, f)
	if err != nil {
		return err
	}
	id, table := tableOf(f)
	p, err := s.Sources.Preview(q.Context(), q.Sess, id, table, sharedItems(r), sampled)
	if err != nil {
		return err
	}
	x.sample, x.items = sampleTable(v, p), itemTable(v, r)
	x.facts = append([]ui.Fact{
		{Label: v.Pick("资源名称", "Name"), Value: r.Name},
		{Label: v.Pick("摘要", "Abstract"), Value: r.Abstract},
		{Label: v.Pick("数据表", "Table"), Value: v.Pick("数据源 ", "source ") + id + v.Pick("・表 ", ", table ") + table},
	}, resourceFacts(v, r)...)
	return nil
}

// sharedItems are the items whose content a user gets to see.
func sharedItems(r *catalog.Resource) []catalog.Item {
	out := []catalog.Item{}
	for i := range r.Items {
		if it := r.Items[i]; r.Sharing != catalog.NotShared && it.Sharing != catalog.NotShared && !it.Verify {
			out = append(out, it)
		}
	}
	return out
}

// resourceFacts say in words who may use an entry and on what terms.
func resourceFacts(v *ui.View, r *catalog.Resource) []ui.Fact {
	modes := make([]string, len(r.Modes))
	for i, m := range r.Modes {
		modes[i] = staff.Word(v, string(m))
	}
	answer := map[catalog.Sharing]staff.Pair{
		catalog.Unconditional: {"无条件共享：各部门申请后一个工作日内答复。", "Shared unconditionally: applications are answered within 1 working day."},
		catalog.Conditional:   {"有条件共享：逐件审查，十个工作日内答复。", "Shared conditionally: each application is reviewed, within 10 working days."},
		catalog.NotShared:     {"不予共享：列入不予共享清单，写明依据。", "Not shared: it goes on the list of what is withheld, with its ground."},
	}[r.Sharing]
	facts := []ui.Fact{
		{Label: v.Pick("资源编码", "Code"), Value: r.Code},
		{Label: v.Pick("资源分类", "Class"), Value: staff.Word(v, r.Class)},
		{Label: v.Pick("敏感等级", "Grade"), Value: staff.GradeWord(v, r.Grade)},
		{Label: v.Pick("共享属性", "Sharing"), Value: answer.In(v)},
		{Label: v.Pick("共享方式", "Modes"), Value: strings.Join(modes, v.Pick("、", ", "))},
		{Label: v.Pick("使用条件", "Conditions of use"), Value: r.Conditions},
		{Label: v.Pick("共享范围", "Scope of sharing"), Value: r.ShareScope},
		{Label: v.Pick("使用用途", "Purpose of use"), Value: r.UsePurpose},
		{Label: v.Pick("更新周期", "Update cycle"), Value: staff.Word(v, r.UpdateCycle)},
	}
	basis := r.LegalBasis
	for i := range r.Items {
		if basis == nil {
			basis = r.Items[i].LegalBasis
		}
	}
	if basis != nil {
		facts = append(facts, ui.Fact{Label: v.Pick("不予共享依据", "Grounds for not sharing"), Value: basis.Name + v.Pick("，", ", ") + basis.Article + v.Pick("：", ": ") + basis.Reason})
	}
	return slices.DeleteFunc(facts, func(f ui.Fact) bool { return f.Value == "" })
}

// sampleTable shows rows of a table, masked.
func sampleTable(v *ui.View, p *catalog.Preview) ui.Table {
	t := ui.Table{
		Caption: v.Pick("样例数据（已脱敏）", "Sample, masked"),
		Empty:   ui.State{Kind: ui.Empty, Title: v.Pick("没有可以显示的内容", "Nothing to show"), Text: v.Pick("表中没有行，或没有显示内容的数据项。仍可以继续。", "The table has no rows, or no item is shown. You can go on.")},
	}
	for i := range p.Items {
		t.Columns = append(t.Columns, ui.Column{Label: p.Items[i].Title})
	}
	if len(p.Items) == 0 {
		return t
	}
	for _, row := range p.Rows {
		cells := make([]templ.Component, len(row))
		for i, text := range row {
			if text == "" {
				text = v.Pick("（空）", "(empty)")
			}
			cells[i] = ui.Words(text)
		}
		t.Rows = append(t.Rows, cells)
	}
	return t
}

// nameTable asks of each column whether it is shared, what it is called, and whether it is about a person.
func nameTable(v *ui.View, p *catalog.Preview, f url.Values) ui.Table {
	t := ui.Table{
		Caption: v.Pick("数据项", "Items"),
		Columns: []ui.Column{{Label: v.Pick("共享", "Shared")}, {Label: v.Pick("名称", "Title")}, {Label: v.Pick("类型", "Type")}, {Label: v.Pick("个人信息", "About a person")}},
	}
	for i := range p.Items {
		n, column := strconv.Itoa(i), p.Items[i].Name
		t.Rows = append(t.Rows, []templ.Component{
			tick(numbered("item", n), "item", n, column, slices.Contains(f["item"], n)),
			titleCell(n, column, f.Get(numbered("title", n)), p.Items[i].Type, v.Pick("列 "+column+" 的名称", "Title of the column "+column)),
			ui.Words(typeWord(v, p.Items[i].Type)),
			choose(numbered("person", n), v.Pick("列 "+column+" 是否个人信息", "Is the column "+column+" about a person"), personOptions(v), f.Get(numbered("person", n))),
		})
	}
	return t
}

// gradeTable asks of each item that is shared how sensitive it is and what of it is shown.
func gradeTable(v *ui.View, f url.Values) ui.Table {
	t := ui.Table{
		Caption: v.Pick("分级与脱敏方式", "Grades, and what is shown"),
		Columns: []ui.Column{{Label: v.Pick("数据项", "Item")}, {Label: v.Pick("敏感等级", "Grade")}, {Label: v.Pick("脱敏方式", "What is shown")}, {Label: v.Pick("准确值", "Exact value")}},
	}
	for _, n := range f["item"] {
		title, shown := f.Get(numbered("title", n)), f.Get(numbered("shown", n))
		t.Rows = append(t.Rows, []templ.Component{
			itemName(v, title, f.Get(numbered("person", n)) != personNone),
			choose(numbered("degree", n), v.Pick(title+"的敏感等级", "Grade of "+title), gradeOptions(v), f.Get(numbered("degree", n))),
			choose(numbered("shown", n), v.Pick(title+"的脱敏方式", "What is shown of "+title), shownOptions(v, shown), shown),
			tick(numbered("key", n), numbered("key", n), "yes", v.Pick("可按精确值查询", "May be asked for by it"), f.Get(numbered("key", n)) != ""),
		})
	}
	return t
}

// itemTable lists the items of an entry.
func itemTable(v *ui.View, r *catalog.Resource) ui.Table {
	t := ui.Table{
		Caption: v.Pick("数据项", "Items"),
		Columns: []ui.Column{{Label: v.Pick("数据项", "Item")}, {Label: v.Pick("类型", "Type")}, {Label: v.Pick("敏感等级", "Grade")}, {Label: v.Pick("需求部门看到什么", "What users see")}},
	}
	for i := range r.Items {
		it := &r.Items[i]
		seen := staff.ItemShown(v, it)
		if it.Key {
			seen += v.Pick("；可按精确值查询", "; may be asked for by its exact value")
		}
		t.Rows = append(t.Rows, []templ.Component{itemName(v, it.Title, it.Subject || it.Personal), ui.Words(typeWord(v, it.Type)), ui.Words(staff.GradeWord(v, it.Grade)), ui.Words(seen)})
	}
	return t
}

// ErrWide is a table with more columns than the wizard can ask about.
var ErrWide = errs.Define(errs.Invalid, "share.wide", "该表有 %d 列，向导最多处理 %d 列。请改用表格批量导入，或先在数据库中建立只含所需列的视图。", "The table has %d columns; the wizard takes %d at most. Import a sheet instead, or make a view with the columns needed.")
