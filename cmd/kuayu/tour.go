package main

import (
	"context"
	"net/http"

	"github.com/kuayu/kuayu/cmd/cli"
	"github.com/kuayu/kuayu/demo"
)

// tourCmd says where the visitors of a running demonstration are: the steps of its pages' side panel, with their ticks.
type tourCmd struct{}

func (c *tourCmd) Run(ctx context.Context, a *app) error {
	addr, err := a.Staff()
	if err != nil {
		return err
	}
	cl, err := a.Stranger(addr)
	if err != nil {
		return err
	}
	var steps []demo.Step
	if err := cl.Call(ctx, http.MethodGet, "/demo/tour?lang="+a.Lang, nil, &steps); err != nil {
		return err
	}
	t := &cli.Table{Head: []string{"", a.T("步骤", "step"), a.T("做什么", "what"), a.T("在哪里做", "where")}}
	for _, s := range steps {
		mark := "·"
		if s.Done {
			mark = "✓"
		}
		t.Add(mark, s.Title, s.Text, s.URL)
	}
	return a.Show(steps, t)
}
