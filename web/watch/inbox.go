package watch

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/support/notice"
	"github.com/kuayu/kuayu/web/staff"
	"github.com/kuayu/kuayu/web/ui"
)

// inbox lists what the officer should know: what was not read yet, or all.
func (w *Watch) inbox(rw http.ResponseWriter, q staff.Visit) error {
	return w.showInbox(rw, q, nil, "")
}

func (w *Watch) showInbox(rw http.ResponseWriter, q staff.Visit, f url.Values, fault string) error {
	v, all := q.V, q.URL.Query().Get("show") == "all"
	list, err := w.Inbox.List(q.Context(), q.Sess, notice.Query{Unread: !all, After: q.URL.Query().Get("after"), Limit: shown})
	if err != nil {
		return err
	}
	pref, err := w.Inbox.Preferences(q.Context(), q.Sess)
	if err != nil {
		return err
	}
	if f != nil {
		pref = &notice.Preference{Mail: f.Get("mail"), Mode: notice.Mode(f.Get("mode")), Lang: f.Get("lang")}
	}
	x := inboxView{
		tabs: []ui.Tab{
			{Href: staff.PathInbox, Text: v.Pick("未读", "Unread"), Current: !all, Count: list.Unread},
			{Href: staff.PathInbox + "?show=all", Text: v.Pick("全部", "All"), Current: all},
		},
		notices: list.Items, all: all,
		paging: ui.Paging{Total: int64(len(list.Items)), Over: list.Next != "", Previous: back(v), Next: more(v, list.Next)},
		fields: []ui.Field{
			{Name: "mail", Kind: "text", Label: v.Pick("接收通知的邮箱", "Mail address"), Hint: v.Pick("不填则只在本页查看。本节点未配置邮件时不会发送。", "Left empty, notices are here alone. Nothing is sent where the node has no mail configured."), Value: pref.Mail, Optional: true, Error: fault, Autocomplete: "email"},
			{Name: "mode", Kind: "select", Label: v.Pick("邮件频度", "How often"), Value: string(pref.Mode), Options: []ui.Option{
				{Value: string(notice.Each), Label: v.Pick("每条通知一封", "one mail for each notice")}, {Value: string(notice.Daily), Label: v.Pick("每天一封汇总", "one mail a day")}, {Value: string(notice.Off), Label: v.Pick("不发邮件", "none")},
			}},
			{Name: "lang", Kind: "select", Label: v.Pick("邮件语言", "Language of mails"), Value: pref.Lang, Options: []ui.Option{{Value: "zh", Label: v.Pick("中文", "Chinese")}, {Value: "en", Label: v.Pick("英文", "English")}}},
		},
	}
	status := http.StatusOK
	if fault != "" {
		status = http.StatusBadRequest
	}
	w.Show(rw, q, status, staff.PathInbox, ui.PageInfo{Title: v.Pick("通知", "Notices"), Crumbs: []ui.Link{staff.Home(v)}}, inboxPage(v, x))
	return nil
}

// text is a notice in the page's language.
func text(v *ui.View, n *notice.Notice) notice.Text {
	if v.Lang == ui.English {
		return n.En
	}
	return n.Zh
}

func (w *Watch) markRead(rw http.ResponseWriter, q staff.Visit) error {
	if err := w.Inbox.MarkRead(q.Context(), q.Sess, q.PathValue("id")); err != nil {
		return err
	}
	http.Redirect(rw, q.Request, staff.PathInbox, http.StatusSeeOther)
	return nil
}

// prefer keeps how the officer wants to be told.
func (w *Watch) prefer(rw http.ResponseWriter, q staff.Visit) error {
	f, err := staff.Form(rw, q)
	if err != nil {
		return err
	}
	_, err = w.Inbox.SetPreferences(q.Context(), q.Sess, notice.Preference{Mail: strings.TrimSpace(f.Get("mail")), Mode: notice.Mode(f.Get("mode")), Lang: f.Get("lang")})
	if err != nil && errs.As(err).Kind == errs.Invalid {
		return w.showInbox(rw, q, f, errWord(q.V, err))
	}
	if err != nil {
		return err
	}
	return staff.Done(rw, q, staff.PathInbox, "prefer")
}
