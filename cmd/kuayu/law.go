package main

import (
	"errors"
	"path/filepath"
	"strings"

	"github.com/kuayu/kuayu/cmd/cli"
	"github.com/kuayu/kuayu/exchange/law"
	"github.com/kuayu/kuayu/internal/errs"
)

type lawCmd struct {
	Replay lawReplayCmd `cmd:"" help:"回放案例，逐步核对状态、期限、违规与提醒。|Play histories and check every state, due date, violation and notice."`
}

// lawReplayCmd needs no node: it plays files.
type lawReplayCmd struct {
	Files []string `arg:"" name:"file" help:"案例文件，或 - 表示标准输入（格式见 docs/law-histories.md）。|Histories, or - for standard input (format: docs/law-histories.md)."`
}

// played is a timeline with its file.
type played struct {
	File string `json:"file"`
	*law.Timeline
}

func (c *lawReplayCmd) Run(a *app) error {
	all, failures := []played{}, []error{}
	t := &cli.Table{Head: []string{
		a.T("案例", "history"), a.T("行", "line"), a.T("时间", "time"), a.T("谁", "by"), a.T("办理", "act"), a.T("状态", "state"), a.T("在计时限", "clocks"), a.T("结果", "result"),
	}}
	for _, file := range c.Files {
		b, err := a.Read(file)
		if err != nil {
			return err
		}
		tl, err := playHistory(b)
		if err != nil {
			failures = append(failures, errs.As(err).WithFields(errs.Field{Name: file, Zh: "无法回放", En: "cannot be played"}))
			continue
		}
		all = append(all, played{file, tl})
		for i := range tl.Rows {
			t.Add(a.lawRow(file, &tl.Rows[i])...)
		}
		if err := tl.Err(file); err != nil {
			failures = append(failures, err)
		}
	}
	if err := a.List(all, t, "没有可回放的步骤。", "Nothing was played."); err != nil {
		return err
	}
	if len(failures) > 1 {
		for _, f := range failures[1:] {
			a.Note("另：%v", "also: %v", errs.As(f).Message(a.Lang))
		}
	}
	return errors.Join(failures[:min(len(failures), 1)]...)
}

func playHistory(b []byte) (*law.Timeline, error) {
	h, err := law.Parse(b)
	if err != nil {
		return nil, err
	}
	return law.Play(h)
}

func (a *app) lawRow(file string, r *law.Row) []string {
	var clocks, result []string
	for _, c := range r.Clocks {
		clocks = append(clocks, c.String())
	}
	if r.Refused != "" {
		result = append(result, a.T("拒绝 ", "refused ")+r.Refused)
	}
	for _, v := range r.Violations {
		result = append(result, a.T("违规 ", "violation ")+string(v))
	}
	for _, n := range r.Notices {
		result = append(result, a.T("提醒 ", "notice ")+string(n.Kind)+" "+string(n.Clock)+" → "+string(n.To))
	}
	line := "-"
	if r.Line > 0 {
		line = cli.Count(r.Line)
	}
	return []string{
		filepath.Base(file), line, r.At.Format("2006-01-02 15:04"), cli.Dash(string(r.By)), cli.Dash(r.Act), r.State, cli.Dash(strings.Join(clocks, "; ")), cli.Dash(strings.Join(result, "; ")),
	}
}
