package watch

import (
	"net/http"

	"github.com/kuayu/kuayu/support/checkup"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/web/staff"
	"github.com/kuayu/kuayu/web/ui"
)

// setup is the checklist of a node that is to serve: each line well, or with what to do.
func (w *Watch) setup(rw http.ResponseWriter, q staff.Visit) error {
	if err := q.Sess.Require(identity.Operator); err != nil {
		return err
	}
	v := q.V
	list := w.Checks(q.Context(), string(v.Lang))
	x := setupView{now: w.Clock.Now()}
	good, bad := 0, 0
	for _, c := range list {
		switch c.State {
		case checkup.Good:
			good++
		case checkup.Bad:
			bad++
		}
		x.checks = append(x.checks, setupLine{name: c.Name, detail: c.Detail, fix: c.Fix, status: checkStatus(v, c.State)})
	}
	x.good, x.all = int64(good), int64(len(list))
	x.verdict = ui.Status{Tone: ui.Good, Word: v.Pick("可以投入运行", "Ready to serve")}
	if bad > 0 {
		x.verdict = ui.Status{Tone: ui.Bad, Word: v.Pick("有项目须先修复", "Something must be corrected first")}
	} else if good < len(list) {
		x.verdict = ui.Status{Tone: ui.Warning, Word: v.Pick("可以运行，有项目待完善", "It can serve; something is left to do")}
	}
	w.Show(rw, q, http.StatusOK, staff.PathSetup, ui.PageInfo{
		Title: v.Pick("运行检查", "Set-up"), Lead: v.Pick("节点投入运行前逐项核对；每一项不正常都写明如何修复。", "Go through it before the node serves; what is not well says how to correct it."), Crumbs: []ui.Link{staff.Home(v)},
	}, setupPage(v, x))
	return nil
}

func checkStatus(v *ui.View, state string) ui.Status {
	switch state {
	case checkup.Good:
		return ui.Status{Tone: ui.Good, Word: v.Pick("正常", "Well")}
	case checkup.Warning:
		return ui.Status{Tone: ui.Warning, Word: v.Pick("待完善", "To do")}
	case checkup.Bad:
		return ui.Status{Tone: ui.Bad, Word: v.Pick("须修复", "Fix")}
	}
	return ui.Status{Tone: ui.Neutral, Word: v.Pick("未检查", "Not checked")}
}
