package main

import (
	"context"
	"errors"
	"net/url"
	"regexp"
	"runtime"
	"strings"

	"github.com/kuayu/kuayu/node"
)

// memberID is how members are named: the name becomes a trust domain.
func memberID() *regexp.Regexp { return regexp.MustCompile(`^[a-z][a-z0-9-]{0,62}$`) }

// serveCmd runs the node.
type serveCmd struct{}

func (*serveCmd) Run(ctx context.Context, a *app) error {
	node.Tune()
	n, err := open(ctx, a.Dir, false)
	if err != nil {
		return err
	}
	go func() {
		select {
		case <-ctx.Done():
		case <-n.Ready():
			a.note("%[1]s 正在服务：工作人员 https://%[2]s  公众 https://%[3]s  节点间 https://%[4]s", "%[1]s serves: staff https://%[2]s  public https://%[3]s  members https://%[4]s",
				n.Config.Member, n.Addr("staff"), n.Addr("public"), n.Addr("peer"))
			if _, err := n.Directory.Member(n.Config.Member); err != nil {
				a.note("本节点尚未加入联盟，还不能交换：kuayu join request，kuayu join accept。", "This node is in no federation yet and cannot exchange: kuayu join request, kuayu join accept.")
			}
		}
	}()
	return errors.Join(n.Run(ctx), n.Close())
}

// configCmd prints the configuration with its defaults filled in.
type configCmd struct{}

func (*configCmd) Run(a *app) error {
	c, err := node.LoadConfig(a.Dir)
	if err != nil {
		return err
	}
	if u, err := url.Parse(c.Database); err == nil && strings.HasPrefix(u.Scheme, "postgres") {
		c.Database = u.Redacted()
	}
	return a.json(c)
}

// versionCmd prints the version.
type versionCmd struct{}

func (*versionCmd) Run(a *app) error {
	t := &table{}
	t.add("kuayu", node.Version)
	t.add("go", runtime.Version())
	t.add(a.t("平台", "platform"), runtime.GOOS+"/"+runtime.GOARCH)
	return a.show(map[string]string{"version": node.Version, "go": runtime.Version(), "platform": runtime.GOOS + "/" + runtime.GOARCH}, t)
}

// statusCmd shows the health of the running node, from its admin listener.
type statusCmd struct {
	Admin string `placeholder:"URL" help:"运维接口地址；缺省取自配置。|Address of the admin listener; default from the configuration."`
}

func (c *statusCmd) Run(ctx context.Context, a *app) error {
	h, err := a.health(ctx, c.Admin)
	if err != nil {
		return err
	}
	t := &table{}
	t.add(a.t("成员", "member"), h.Member)
	t.add(a.t("版本", "version"), h.Version)
	t.add(a.t("联盟成员数", "members"), count(h.Members))
	t.add(a.t("存证批次", "batches of evidence"), count(h.Batches))
	t.add(a.t("已入透明日志", "in the transparency log"), count(h.Logged))
	t.add(a.t("已获共签", "cosigned by others"), count(h.Cosigned))
	t.add(a.t("待办任务", "jobs that wait"), count(h.QueueDepth))
	t.add(a.t("失败任务", "jobs that failed for good"), count(h.Dead))
	for _, s := range h.Seen {
		state := a.t("一致", "consistent")
		if s.Forked {
			state = a.t("分叉！", "FORKED")
		}
		t.add(a.t("见过的日志 ", "log seen ")+s.Origin, count(s.Size)+" "+state)
	}
	return a.show(h, t)
}

// health asks the admin listener.
func (a *app) health(ctx context.Context, admin string) (*node.Health, error) {
	if admin == "" {
		c, err := node.LoadConfig(a.Dir)
		if err != nil {
			return nil, err
		}
		admin = "https://" + c.Listen.Admin
	}
	cl, err := a.stranger(admin)
	if err != nil {
		return nil, err
	}
	defer cl.HTTP.CloseIdleConnections()
	var h node.Health
	return &h, cl.Call(ctx, "GET", "/health", nil, &h)
}
