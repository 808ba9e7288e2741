package main

import (
	"context"

	doctor "github.com/kuayu/kuayu/cmd/checkup"
	"github.com/kuayu/kuayu/cmd/cli"
	"github.com/kuayu/kuayu/cmd/folder"
	"github.com/kuayu/kuayu/node"
	"github.com/kuayu/kuayu/support/checkup"
)

// doctorCmd goes through a checklist. It changes nothing and works whether or not the node runs.
type doctorCmd struct {
	JSON bool `name:"json" help:"输出 JSON，同 -o json。|Print JSON, as -o json."`
}

func (c *doctorCmd) Run(ctx context.Context, a *app) error {
	if c.JSON {
		a.Output = "json"
	}
	checks := doctor.Run(ctx, a.Dir, a.Lang, doctor.Hands{
		Offline: folder.Offline, Lock: folder.Lock, Ping: a.ping,
		Health: func(ctx context.Context) (*node.Health, error) { return a.health(ctx, "") },
		Key: func() error { // whoever --actor says, or the operator
			if a.Actor == "" && a.Key == "" {
				a.Actor = "operator"
			}
			_, _, err := a.Identity()
			return err
		},
	})
	t := &cli.Table{Head: []string{"", a.T("检查项", "check"), a.T("情况", "state"), a.T("修复", "fix")}}
	failed := 0
	for _, x := range checks {
		mark := map[string]string{checkup.Good: "✓", checkup.Warning: "!", checkup.Bad: "✗", checkup.Skipped: "-"}[x.State]
		if x.State == checkup.Bad {
			failed++
		}
		t.Add(mark, x.Name, cli.Dash(x.Detail), x.Fix)
	}
	if err := a.Show(checks, t); err != nil {
		return err
	}
	if failed > 0 {
		return ErrFaults.With(failed)
	}
	return nil
}
