package console

import (
	"github.com/a-h/templ"

	"github.com/kuayu/kuayu/exchange/catalog"
	"github.com/kuayu/kuayu/web/staff"
	"github.com/kuayu/kuayu/web/ui"
)

// itemTable lists the items of an entry.
func itemTable(v *ui.View, r *catalog.Resource) ui.Table {
	t := ui.Table{
		Caption: v.Pick("数据项", "Items"),
		Columns: []ui.Column{{Label: v.Pick("数据项", "Item")}, {Label: v.Pick("敏感等级", "Grade")}, {Label: v.Pick("脱敏方式", "What is shown")}, {Label: v.Pick("共享属性", "Sharing")}},
	}
	for i := range r.Items {
		it := &r.Items[i]
		t.Rows = append(t.Rows, []templ.Component{
			itemName(v, it), ui.Words(staff.GradeWord(v, it.Grade)), ui.Words(staff.ItemShown(v, it)), ui.Chip(v, staff.SharingStatus(v, r.SharingOf([]string{it.Name}))),
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
