package main

import (
	"context"
	"strings"
	"time"

	"github.com/kuayu/kuayu/api/rest"
	"github.com/kuayu/kuayu/cmd/cli"
	"github.com/kuayu/kuayu/exchange/search"
)

type catalogSearchCmd struct {
	Query      []string `arg:"" optional:"" help:"检索词；缺省列出全部。|What to look for; default everything."`
	Member     string   `help:"只查某成员。|Entries of one member."`
	Department string   `placeholder:"USCC" help:"只查某部门（统一社会信用代码）。|Entries of one department (USCC)."`
	Sharing    string   `placeholder:"ATTRIBUTE" help:"共享属性：unconditional、conditional、none。|Sharing attribute: unconditional, conditional, none."`
	Class      string   `help:"类别：base、theme、department。|Class: base, theme, department."`
	Grade      int      `placeholder:"N" help:"级别不高于 N（1–4）。|Grade at most N (1–4)."`
	Cycle      string   `help:"更新周期，如 daily。|Update cycle, as daily."`
	Mode       string   `help:"共享方式，如 query。|Mode, as query."`
	After      string   `placeholder:"CURSOR" help:"从上一页给出的游标继续。|Go on from the cursor of the page before."`
	Limit      int      `default:"20" help:"最多几条。|How many at most."`
}

func (c *catalogSearchCmd) Run(ctx context.Context, a *app) error {
	q := strings.Join(c.Query, " ")
	grade := ""
	if c.Grade != 0 {
		grade = cli.Count(c.Grade)
	}
	var all *search.Answer
	for after := c.After; all == nil || len(all.Items) < c.Limit; {
		var p search.Answer
		rest := c.Limit
		if all != nil {
			rest -= len(all.Items)
		}
		err := a.Get(ctx, with("/api/v1/search", "q", q, "member", c.Member, "department", c.Department, "sharing", c.Sharing, "class", c.Class, "grade", grade,
			"update_cycle", c.Cycle, "mode", c.Mode, "after", after, "limit", cli.Count(min(max(rest, 1), 100))), &p)
		if err != nil {
			return err
		}
		if all == nil {
			all = &p
		} else {
			all.Items, all.Next = append(all.Items, p.Items...), p.Next
		}
		if p.Next == "" || p.Next == after {
			break
		}
		after = p.Next
	}
	t := &cli.Table{Head: []string{a.T("成员", "member"), a.T("代码", "code"), a.T("名称", "name"), a.T("提供部门", "provider"), a.T("共享属性", "sharing"), a.T("方式", "modes"), a.T("更新", "updated"), a.T("级别", "grade")}}
	for i := range all.Items {
		h := &all.Items[i]
		t.Add(h.Member, h.Code, h.Name, h.Provider, string(h.Sharing), modeNames(h.Modes), h.UpdateCycle, cli.Count(h.Grade))
	}
	err := a.List(all, t, "没有找到。换一个词，或去掉筛选条件。", "Nothing found. Try another word, or fewer filters.")
	if err == nil && a.Output == "table" {
		c.summary(a, all)
	}
	return err
}

// summary says beside the table how many there are, how they are spread, and what may be out of date.
func (c *catalogSearchCmd) summary(a *app, all *search.Answer) {
	if all.Total != nil && len(all.Items) > 0 {
		a.Note("共 %s 条。", "%s found.", all.Total.String())
	}
	if f := all.Facets; f != nil {
		for _, x := range []struct {
			zh, en string
			values []search.Value
		}{{"成员", "member", f.Member}, {"部门", "department", f.Department}, {"共享属性", "sharing", f.Sharing}, {"类别", "class", f.Class}} {
			if len(x.values) < 2 {
				continue
			}
			var parts []string
			for _, v := range x.values {
				name := v.Label
				if name == "" {
					name = v.Value
				}
				parts = append(parts, cli.Printable(name)+" "+v.String())
			}
			a.Note("%s：%s", "%s: %s", a.T(x.zh, x.en), strings.Join(parts, a.T("，", ", ")))
		}
	}
	for _, m := range all.Members {
		if m.Stale {
			a.Note("%s 的目录截至 %s，之后未能更新。", "The catalogue of %s is as of %s; it could not be read since.", cli.Printable(m.Member), asOf(a, m.AsOf))
		}
	}
	if all.Next != "" {
		a.Note("下一页：--after %s", "Next page: --after %s", all.Next)
	}
}

func asOf(a *app, t *time.Time) string {
	if t == nil {
		return a.T("（尚未读完）", "(never read to the end)")
	}
	return t.Local().Format(time.DateTime)
}

type catalogMembersCmd struct{}

func (c *catalogMembersCmd) Run(ctx context.Context, a *app) error {
	var p cli.Page[search.Freshness]
	if err := a.Get(ctx, "/api/v1/search/members", &p); err != nil {
		return err
	}
	return a.freshness(p.Items)
}

func (a *app) freshness(ms []search.Freshness) error {
	t := &cli.Table{Head: []string{a.T("成员", "member"), a.T("条目", "entries"), a.T("截至", "as of"), a.T("状态", "state")}}
	for _, m := range ms {
		state := a.T("正常", "fresh")
		switch {
		case m.Reading:
			state = a.T("读取中", "reading")
		case m.Stale:
			state = strings.TrimSpace(a.T("陈旧 ", "stale ") + m.Error)
		}
		t.Add(m.Member, cli.Count(m.Entries), asOf(a, m.AsOf), state)
	}
	return a.List(ms, t, "尚无成员。", "There are no members yet.")
}

type catalogRefreshCmd struct {
	Member string `arg:"" optional:"" help:"成员编号；缺省为全部。|Member id; default all."`
	Whole  bool   `help:"从头重读，而不只读变化。|From the beginning, not only what changed."`
}

func (c *catalogRefreshCmd) Run(ctx context.Context, a *app) error {
	var p cli.Page[search.Freshness]
	if err := a.Post(ctx, "/api/v1/search/refresh", rest.RefreshRequest{Member: c.Member, Whole: c.Whole}, &p); err != nil {
		return err
	}
	a.Note("已开始重读；以下为之前的状态，稍后用 kuayu catalog members 查看。", "Reading has begun; below is the state before. See kuayu catalog members in a moment.")
	return a.freshness(p.Items)
}
