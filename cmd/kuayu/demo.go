package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/kuayu/kuayu/cmd/cli"
	"github.com/kuayu/kuayu/demo"
	"github.com/kuayu/kuayu/node"
)

// demoCmd runs the demonstration federation.
type demoCmd struct {
	Auto bool   `help:"走完流程即结束；全部成立才返回 0。|End after the story; 0 only if every step held."`
	Data string `placeholder:"DIR" help:"载入真实企业登记文件的目录。|Folder with the real registration files to load."`
}

func (c *demoCmd) Run(ctx context.Context, a *app) error {
	node.Tune()
	dir := a.Dir
	if dir == cli.DefaultDir {
		dir = "" // the demonstration keeps out of a real node's folder
	}
	return demo.Run(ctx, demo.Options{Dir: dir, Data: c.Data, Auto: c.Auto, Lang: a.Lang, Out: a.Out, Bars: newBars(a.Err)})
}

// bars shows progress as bars on a terminal and as one line each elsewhere.
type bars struct {
	out io.Writer
	p   *mpb.Progress
}

func newBars(w io.Writer) *bars {
	b := &bars{out: w}
	if f, ok := w.(*os.File); ok && os.Getenv("NO_COLOR") == "" {
		if st, err := f.Stat(); err == nil && st.Mode()&os.ModeCharDevice != 0 {
			b.p = mpb.New(mpb.WithOutput(w), mpb.WithWidth(64))
		}
	}
	return b
}

// Start implements demo.Bars.
func (b *bars) Start(what string, total int64) (func(int64), func()) {
	if b.p == nil {
		var last int64
		return func(n int64) { last = n }, func() { _, _ = fmt.Fprintf(b.out, "%s %d\n", what, last) }
	}
	var bar *mpb.Bar
	opts := []mpb.BarOption{
		mpb.PrependDecorators(decor.Name(what + " ")),
		mpb.AppendDecorators(decor.CurrentNoUnit("%d"), decor.AverageSpeed(0, "  %.0f/s")),
	}
	if total > 0 {
		bar = b.p.AddBar(total, opts...)
	} else {
		bar = b.p.AddSpinner(0, opts...)
	}
	return bar.SetCurrent, func() { bar.SetTotal(-1, true); bar.Wait() }
}
