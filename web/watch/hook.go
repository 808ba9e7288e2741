package watch

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/notice"
	"github.com/kuayu/kuayu/web/staff"
	"github.com/kuayu/kuayu/web/ui"
)

// Hooks are where departments' notices are sent, too. notice.Service is one.
type Hooks interface {
	Hooks(ctx context.Context, sc db.Scope) ([]notice.Hook, error)
	AddHook(ctx context.Context, sess *identity.Session, r notice.HookRequest) (*notice.Hook, error)
	EnableHook(ctx context.Context, sc db.Scope, id string) error
	RemoveHook(ctx context.Context, sc db.Scope, id string) error
}

// pathHooks is the page of the web-hooks; a notice about one leads below it.
const pathHooks = "/webhooks"

// setupTabs are the pages of an operator about how the node is set up.
func setupTabs(v *ui.View, here string) []ui.Tab {
	return []ui.Tab{
		{Href: staff.PathSetup, Text: v.Pick("运行检查", "Set-up"), Current: here == staff.PathSetup},
		{Href: pathHooks, Text: v.Pick("通知回调", "Web-hooks"), Current: here == pathHooks},
		{Href: pathJobs, Text: v.Pick("失败的任务", "Failed jobs"), Current: here == pathJobs},
	}
}

// topicWord says what notices are about.
func topicWord(v *ui.View, topic string) string {
	return staff.Say(v, map[string]staff.Pair{
		"application": {"申请", "applications"}, "supplement": {"补正", "supplements"}, "extension": {"答复延期", "more time for answers"}, "offer": {"其他条件", "other terms"},
		"answer": {"答复同意", "answers to consent to"}, "agreement": {"协议", "agreements"}, "change": {"变更用途", "changes of use"}, "entry": {"目录条目", "entries of the catalogue"},
		"deadline": {"法定时限", "time limits"}, "demand": {"数据需求", "demands"}, "scheme": {"共享方案", "schemes"}, "membership": {"章程变更", "changes of the constitution"}, "node": {"本节点运行", "this node's own running"},
	}, topic)
}

// faultWord says why a call failed, and what to look at.
func faultWord(v *ui.View, f notice.Fault) string {
	words := map[notice.Fault]staff.Pair{
		notice.FaultAddress:     {"该地址不允许访问，请移除后换一个地址。", "The address is never called: remove it and give another one."},
		notice.FaultName:        {"主机名无法解析，请检查地址和域名解析。", "Nobody knows the name of the machine: look at the address and at name resolution."},
		notice.FaultCertificate: {"证书不受信任，请检查接收方的证书。", "The certificate is not trusted: look at the receiver's."},
		notice.FaultTime:        {"规定时间内没有应答，请检查接收方是否运行、网络是否可达。", "No answer in time: look whether the receiver runs and can be reached."},
		notice.FaultConnection:  {"无法建立连接，请检查接收方是否运行、端口是否开放。", "No connection: look whether the receiver runs and its port is open."},
	}
	if w, ok := words[f]; ok {
		return w.In(v)
	}
	return v.Pick("接收方没有确认（应答码 "+string(f)+"），请检查接收方。", "The receiver did not accept (status "+string(f)+"): look at it.")
}

// hookLine is a web-hook on its page.
type hookLine struct {
	address, office, topics, fault string
	status                         ui.Status
	acts                           []ui.Question
}

type hooksView struct {
	made   *notice.Hook // that was just registered
	hooks  []hookLine
	fields []ui.Field
}

// allHooks is what an operator looks after: every department of the node.
func allHooks(q staff.Visit) db.Scope {
	return db.Oversight(q.Sess.Division, q.Sess.Department, q.Sess.Actor)
}

// hooks lists the web-hooks of all departments.
func (w *Watch) hooks(rw http.ResponseWriter, q staff.Visit) error {
	return w.showHooks(rw, q, nil, nil, nil)
}

func (w *Watch) showHooks(rw http.ResponseWriter, q staff.Visit, made *notice.Hook, f url.Values, faults map[string]string) error {
	if err := q.Sess.Require(identity.Operator); err != nil {
		return err
	}
	v := q.V
	list, err := w.Hooks.Hooks(q.Context(), allHooks(q))
	if err != nil {
		return err
	}
	options, names, err := w.offices(q)
	if err != nil {
		return err
	}
	topics := ui.Field{Name: "topics", Kind: "check", Optional: true, Label: v.Pick("通知类别", "What it is told about"), Hint: v.Pick("都不选时发送全部通知。", "If none is ticked: everything."), Values: f["topics"]}
	for _, t := range notice.Topics() {
		topics.Options = append(topics.Options, ui.Option{Value: t, Label: topicWord(v, t)})
	}
	x := hooksView{made: made, fields: []ui.Field{
		{Name: "department", Kind: "select", Label: v.Pick("部门", "Department"), Options: append([]ui.Option{{Value: "", Label: v.Pick("请选择", "Choose one")}}, options...), Value: f.Get("department"), Error: faults["department"]},
		{Name: "url", Kind: "text", Label: v.Pick("接收地址", "Address"), Hint: v.Pick("部门业务系统接收通知的网址，须为 https；本机上的可用 http。", "Where the department's own system takes notices: https, or http on this very machine."), Value: f.Get("url"), Error: faults["url"]},
		topics,
	}}
	for i := range list {
		x.hooks = append(x.hooks, hookLineOf(v, &list[i], names))
	}
	status := http.StatusOK
	if len(faults) > 0 {
		status = http.StatusBadRequest
	}
	w.Show(rw, q, status, staff.PathSetup, ui.PageInfo{
		Title: v.Pick("通知回调", "Web-hooks"), Lead: v.Pick("把部门的通知同时送到部门自己的业务系统。", "A department's notices, sent to its own systems, too."), Crumbs: []ui.Link{staff.Home(v)},
	}, hooksPage(v, x))
	return nil
}

func hookLineOf(v *ui.View, h *notice.Hook, names map[string]string) hookLine {
	line := hookLine{address: h.URL, office: names[h.Department], status: ui.Status{Tone: ui.Good, Word: v.Pick("使用中", "In use")}}
	words := make([]string, len(h.Topics))
	for i, t := range h.Topics {
		words[i] = topicWord(v, t)
	}
	line.topics = v.Pick("通知类别：", "Told about: ") + strings.Join(words, v.Pick("、", ", "))
	if len(words) == 0 {
		line.topics = v.Pick("通知类别：全部", "Told about everything")
	}
	if !h.Failed.IsZero() {
		line.fault = v.Pick("最近一次失败 ", "Failed last ") + v.Minute(h.Failed) + v.Pick("：", ": ") + faultWord(v, h.Fault)
	}
	path, failed := pathHooks+"/"+url.PathEscape(h.ID), v.Number(int64(h.Failures))
	if h.Failures > 0 {
		line.status = ui.Status{Tone: ui.Warning, Word: v.Pick("连续失败 "+failed+" 次", failed+" failures in a row")}
	}
	if h.Disabled {
		line.status = ui.Status{Tone: ui.Bad, Word: v.Pick("连续失败 "+failed+" 次，已停用", "Disabled after "+failed+" failures")}
		line.acts = append(line.acts, ui.Question{Act: v.Pick("重新启用", "Enable"), Text: v.Pick("此后的新通知会再次发送；停用期间的通知不补发，仍在收件箱中。", "It hears of what is new from now on; what came meanwhile is in the inbox alone."), Post: path + "/enable"})
	}
	line.acts = append(line.acts, ui.Question{Act: v.Pick("移除", "Remove"), Text: v.Pick("不再向该地址发送通知，尚未送出的也不再发送。", "Nothing is sent there any more, nor what waits."), Post: path + "/remove", Danger: true})
	return line
}

// addHook registers a web-hook; the secret that the node made for it is shown on this page alone.
func (w *Watch) addHook(rw http.ResponseWriter, q staff.Visit) error {
	if err := q.Sess.Require(identity.Operator); err != nil {
		return err
	}
	f, err := staff.Form(rw, q)
	if err != nil {
		return err
	}
	v, faults := q.V, map[string]string{}
	in := notice.HookRequest{Department: f.Get("department"), URL: strings.TrimSpace(f.Get("url")), Topics: f["topics"]}
	name, err := w.Offices.DepartmentName(q.Context(), in.Department)
	if err != nil {
		return err
	}
	if name == "" {
		faults["department"] = v.Pick("请选择部门。", "Choose the department.")
		return w.showHooks(rw, q, nil, f, faults)
	}
	h, err := w.Hooks.AddHook(q.Context(), q.Sess, in)
	if err != nil && errs.As(err).Kind == errs.Invalid {
		faults["url"] = errWord(v, err)
		return w.showHooks(rw, q, nil, f, faults)
	}
	if err != nil {
		return err
	}
	return w.showHooks(rw, q, h, nil, nil)
}

// changeHook lets a web-hook try again, or forgets it.
func (w *Watch) changeHook(rw http.ResponseWriter, q staff.Visit) error {
	err := q.Sess.Require(identity.Operator)
	id, act := q.PathValue("id"), q.PathValue("act")
	switch {
	case err != nil:
	case act == "enable":
		err = w.Hooks.EnableHook(q.Context(), allHooks(q), id)
	case act == "remove":
		err = w.Hooks.RemoveHook(q.Context(), allHooks(q), id)
	default:
		err = staff.ErrNoAct.With()
	}
	if err != nil {
		return err
	}
	return staff.Done(rw, q, pathHooks, "hook-"+act)
}
