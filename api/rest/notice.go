package rest

import (
	"net/http"

	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/notice"
)

// noticeRoutes are the inbox of who is signed in, and the operator's web-hooks.
func (a *API) noticeRoutes(mux *http.ServeMux) {
	route(a, mux, "GET", "/api/v1/notices", "收件箱（未读在前）", "The inbox, unread first", nil, func(c call, _ *empty) (*notice.Page, error) {
		q := c.r.URL.Query()
		return a.Notices.List(c.ctx, c.sess, notice.Query{Unread: q.Get("unread") == "1", After: q.Get("after"), Limit: limitOf(c.r)})
	})
	route(a, mux, "POST", "/api/v1/notices/{id}/read", "标为已读", "Mark a notice as read", nil, func(c call, _ *empty) (*empty, error) {
		return &empty{}, a.Notices.MarkRead(c.ctx, c.sess, c.r.PathValue("id"))
	})
	route(a, mux, "GET", "/api/v1/notices/preferences", "本人通知设置", "How the officer wants to be told", nil, func(c call, _ *empty) (*notice.Preference, error) {
		return a.Notices.Preferences(c.ctx, c.sess)
	})
	route(a, mux, "PUT", "/api/v1/notices/preferences", "更改本人通知设置", "Change how the officer wants to be told", nil, func(c call, in *notice.Preference) (*notice.Preference, error) {
		return a.Notices.SetPreferences(c.ctx, c.sess, *in)
	})
	operator := roles{identity.Operator}
	all := func(c call) db.Scope { return db.Oversight(c.sess.Division, c.sess.Department, c.sess.Actor) }
	route(a, mux, "GET", "/api/v1/webhooks", "回调列表", "Web-hooks of all departments", operator, func(c call, _ *empty) (*Page[notice.Hook], error) {
		hs, err := a.Notices.Hooks(c.ctx, all(c))
		return &Page[notice.Hook]{Items: hs}, err
	})
	route(a, mux, "POST", "/api/v1/webhooks", "登记回调", "Register a department's web-hook", operator, func(c call, in *notice.HookRequest) (*notice.Hook, error) {
		return a.Notices.AddHook(c.ctx, c.sess, *in)
	})
	route(a, mux, "POST", "/api/v1/webhooks/{id}/enable", "重新启用回调", "Enable a disabled web-hook", operator, func(c call, _ *empty) (*empty, error) {
		return &empty{}, a.Notices.EnableHook(c.ctx, all(c), c.r.PathValue("id"))
	})
	route(a, mux, "DELETE", "/api/v1/webhooks/{id}", "删除回调", "Remove a web-hook", operator, func(c call, _ *empty) (*empty, error) {
		return &empty{}, a.Notices.RemoveHook(c.ctx, all(c), c.r.PathValue("id"))
	})
}
