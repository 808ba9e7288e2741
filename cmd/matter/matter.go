// Package matter is the commands about cases of all kinds: what waits, look up, act; and the processes they follow.
package matter

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"github.com/kuayu/kuayu/api/rest"
	"github.com/kuayu/kuayu/cmd/cli"
	"github.com/kuayu/kuayu/exchange/law"
	"github.com/kuayu/kuayu/support/process"
)

// CaseCmd is about cases of all kinds by one way.
type CaseCmd struct {
	List ListCmd `cmd:"" default:"withargs" help:"事项列表；--todo 只列待办。|List cases; --todo what waits for you."`
	Show ShowCmd `cmd:"" help:"查看事项：按编号或事项编号。|Show a case by id or number."`
	Act  ActCmd  `cmd:"" help:"办理事项的一步。|Cause an event in a case."`
}

// ListCmd lists cases.
type ListCmd struct {
	Word  string `arg:"" optional:"" help:"事项编号，或标题、资源、对方中的字词。|A number, or words of the title, the subject or the other member."`
	Todo  bool   `help:"只列等待我办理的，期限近的在前。|Only what waits for me, the most urgent first."`
	Kind  string `placeholder:"KIND" help:"只列一类：kuayu process list。|Only of a kind: kuayu process list."`
	Limit int    `default:"50" help:"最多几条。|How many at most."`
}

// Run does it.
func (c *ListCmd) Run(ctx context.Context, a *cli.Session) error {
	path := "/api/v1/cases"
	if c.Todo {
		path = "/api/v1/todos"
	}
	var p cli.Page[process.Summary]
	if err := a.Get(ctx, path+"?"+url.Values{"word": {c.Word}, "kind": {c.Kind}, "limit": {cli.Count(c.Limit)}}.Encode(), &p); err != nil {
		return err
	}
	t := &cli.Table{Head: []string{a.T("事项编号", "number"), a.T("种类", "kind"), a.T("状态", "state"), a.T("标题", "title"), a.T("对方", "other"), a.T("期限", "due")}}
	for i := range p.Items {
		x := &p.Items[i]
		t.Add(process.ShowNumber(x.Number), x.Kind, stateOf(a, x), x.Title, cli.Dash(x.Member), cli.When(x.Due))
	}
	return a.List(p.Items, t, "没有事项。", "No cases.")
}

// stateOf says a case's state in words.
func stateOf(a *cli.Session, x *process.Summary) string {
	for _, t := range law.Tables() {
		if t.Kind == x.Kind {
			return t.StateWords(x.State).In(a.Lang)
		}
	}
	return string(x.State)
}

// ShowCmd shows a case.
type ShowCmd struct {
	Case string `arg:"" help:"编号或事项编号。|Id or number."`
}

// Run does it.
func (c *ShowCmd) Run(ctx context.Context, a *cli.Session) error {
	var v process.View
	if err := a.Get(ctx, "/api/v1/cases/"+url.PathEscape(c.Case), &v); err != nil {
		return err
	}
	t := &cli.Table{}
	t.Add(a.T("事项编号", "number"), process.ShowNumber(v.Number))
	t.Add(a.T("编号", "id"), v.ID)
	t.Add(a.T("种类", "kind"), v.Kind)
	t.Add(a.T("状态", "state"), stateOf(a, &v.Summary))
	t.Add(a.T("标题", "title"), cli.Dash(v.Title))
	t.Add(a.T("对方", "other"), cli.Dash(v.Member))
	for _, s := range v.History {
		t.Add(cli.When(s.Time), strings.TrimSpace(string(s.Event)+" "+s.Actor+" "+s.Note))
	}
	events := make([]string, len(v.Events))
	for i, e := range v.Events {
		events[i] = string(e)
	}
	t.Add(a.T("可办理", "possible now"), cli.Dash(strings.Join(events, ", ")))
	return a.Show(&v, t)
}

// ActCmd causes an event in a case.
type ActCmd struct {
	Case  string `arg:"" help:"编号或事项编号。|Id or number."`
	Event string `arg:"" help:"步骤：kuayu process show KIND。|The event: kuayu process show KIND."`
	Note  string `help:"说明或理由。|A note or reason."`
	Say   string `placeholder:"FILE" help:"这一步所需内容（JSON 文件；“-”为标准输入）。|What the event takes besides (JSON file; “-” is standard input)."`
}

// Run does it.
func (c *ActCmd) Run(ctx context.Context, a *cli.Session) error {
	in := rest.CaseAct{Note: c.Note}
	if c.Say != "" {
		var raw json.RawMessage
		if err := a.ReadJSON(c.Say, &raw); err != nil {
			return err
		}
		in.Say = raw
	}
	var x process.Summary
	if err := a.Post(ctx, "/api/v1/cases/"+url.PathEscape(c.Case)+"/"+url.PathEscape(c.Event), in, &x); err != nil {
		return err
	}
	t := &cli.Table{}
	t.Add(a.T("事项编号", "number"), process.ShowNumber(x.Number))
	t.Add(a.T("状态", "state"), stateOf(a, &x))
	return a.Show(&x, t)
}

// ProcessCmd shows the tables that the program runs by. It needs no node, but may ask one: nodes run different versions.
type ProcessCmd struct {
	List KindsCmd `cmd:"" default:"withargs" help:"有哪几类事项。|Which kinds of case there are."`
	Show KindCmd  `cmd:"" help:"一类事项的流程：状态、步骤、由谁办理、时限。|The process of a kind: states, events, who may, clocks."`
}

// KindsCmd lists the kinds of case.
type KindsCmd struct {
	Live bool `help:"向节点查询，而不是列出本程序自带的。|Ask the node, not this program."`
}

// Run does it.
func (c *KindsCmd) Run(ctx context.Context, a *cli.Session) error {
	t := &cli.Table{Head: []string{a.T("种类", "kind"), a.T("名称", "name"), a.T("依据", "law"), a.T("状态数", "states"), a.T("步骤数", "events")}}
	views := []rest.KindView{}
	if c.Live {
		var p cli.Page[rest.KindView]
		if err := a.Get(ctx, "/api/v1/processes", &p); err != nil {
			return err
		}
		views = p.Items
	} else {
		for _, p := range law.Tables() {
			views = append(views, *rest.ViewOf(p))
		}
	}
	for i := range views {
		v := &views[i]
		t.Add(v.Kind, a.T(v.Zh, v.En), v.Law, cli.Count(len(v.States)), cli.Count(len(v.Events)))
	}
	return a.List(views, t, "", "")
}

// KindCmd shows the process of a kind.
type KindCmd struct {
	Kind string `arg:"" help:"种类。|The kind."`
	SVG  bool   `help:"输出流程图（SVG）。|The diagram, as SVG." xor:"how"`
	Live bool   `help:"节点所用的流程（JSON）。|The process as the node runs it (JSON)." xor:"how"`
}

// Run does it.
func (c *KindCmd) Run(ctx context.Context, a *cli.Session) error {
	if c.Live {
		var v json.RawMessage
		if err := a.Get(ctx, "/api/v1/processes/"+url.PathEscape(c.Kind), &v); err != nil {
			return err
		}
		_, err := fmt.Fprintln(a.Out, string(v))
		return err
	}
	var names []string
	for _, t := range law.Tables() {
		if names = append(names, t.Kind); t.Kind != c.Kind {
			continue
		}
		text := t.Markdown()
		if c.SVG {
			text = t.SVG()
		}
		_, err := fmt.Fprint(a.Out, text)
		return err
	}
	return process.ErrKind.With(c.Kind, strings.Join(names, ", "))
}
