package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/kuayu/kuayu/conformance"
)

// conformanceCmd starts a node for a protocol's conformance kit.
type conformanceCmd struct {
	DSP conformanceDSPCmd `cmd:"" name:"dsp" help:"为数据空间协议一致性测试套件启动节点。|Start a node for the Dataspace Protocol's conformance kit."`
}

type conformanceDSPCmd struct {
	Listen    string `default:"127.0.0.1:8080" help:"协议地址。|Address of the protocol."`
	Trigger   string `default:"127.0.0.1:8081" help:"触发地址（套件请本节点发起流程）。|Address where the kit asks this node to begin."`
	Kit       string `default:"http://127.0.0.1:8083" help:"套件自身的地址。|URL of the kit's own server."`
	KitConfig string `placeholder:"FILE" help:"写出套件的配置文件。|Write the kit's configuration."`
}

func (c *conformanceDSPCmd) Run(ctx context.Context, a *app) error {
	dir, err := os.MkdirTemp("", "kuayu-conformance-")
	if err != nil {
		return fmt.Errorf("conformance: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	s := conformance.Settings{Dir: filepath.Join(dir, "node"), Addr: c.Listen, Trigger: c.Trigger, Kit: c.Kit, Logger: slog.New(slog.NewTextHandler(a.Err, &slog.HandlerOptions{Level: slog.LevelWarn}))}
	if c.KitConfig != "" {
		if err := os.WriteFile(c.KitConfig, []byte(conformance.KitConfig(s)), 0o600); err != nil {
			return fmt.Errorf("conformance: %w", err)
		}
	}
	s.Ready = func() {
		_, _ = fmt.Fprintln(a.Out, a.T("一致性测试节点已就绪："+c.Listen, "The node for the conformance kit is ready: "+c.Listen))
	}
	if err := conformance.Serve(ctx, s); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}
