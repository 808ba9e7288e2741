package main

import (
	"context"

	"github.com/kuayu/kuayu/cmd/checkup"
	"github.com/kuayu/kuayu/node"
)

// doctorCmd goes through a checklist. It changes nothing and works whether or not the node runs.
type doctorCmd struct {
	JSON bool `name:"json" help:"输出 JSON，同 -o json。|Print JSON, as -o json."`
}

func (c *doctorCmd) Run(ctx context.Context, a *app) error {
	if c.JSON {
		a.Output = "json"
	}
	checks := checkup.Run(ctx, a.Dir, a.Lang, checkup.Hands{
		Offline: offline, Lock: lockFolder, Ping: a.ping,
		Health: func(ctx context.Context) (*node.Health, error) { return a.health(ctx, "") },
		Key: func() error { // whoever --actor says, or the operator
			if a.Actor == "" && a.Key == "" {
				a.Actor = "operator"
			}
			_, _, err := a.identity()
			return err
		},
	})
	t := &table{head: []string{"", a.t("检查项", "check"), a.t("情况", "state"), a.t("修复", "fix")}}
	failed := 0
	for _, x := range checks {
		mark := map[string]string{checkup.Good: "✓", checkup.Warning: "!", checkup.Bad: "✗", checkup.Skipped: "-"}[x.State]
		if x.State == checkup.Bad {
			failed++
		}
		t.add(mark, x.Name, dash(x.Detail), x.Fix)
	}
	if err := a.show(checks, t); err != nil {
		return err
	}
	if failed > 0 {
		return ErrFaults.With(failed)
	}
	return nil
}
