package main

import (
	"context"
	"errors"
	"net/url"
	"regexp"
	"runtime"
	"strings"

	"github.com/kuayu/kuayu/cmd/cli"
	"github.com/kuayu/kuayu/cmd/folder"
	"github.com/kuayu/kuayu/node"
)

// memberID is how members are named: the name becomes a trust domain.
func memberID() *regexp.Regexp { return regexp.MustCompile(`^[a-z][a-z0-9-]{0,62}$`) }

// serveCmd runs the node.
type serveCmd struct{}

func (*serveCmd) Run(ctx context.Context, a *app) error {
	node.Tune()
	n, err := folder.Open(ctx, a.Dir, false)
	if err != nil {
		return err
	}
	go func() {
		select {
		case <-ctx.Done():
		case <-n.Ready():
			a.Note("%[1]s 正在服务：工作人员 https://%[2]s  公众 https://%[3]s  节点间 https://%[4]s", "%[1]s serves: staff https://%[2]s  public https://%[3]s  members https://%[4]s",
				n.Config.Member, n.Addr("staff"), n.Addr("public"), n.Addr("peer"))
			if _, err := n.Directory.Member(n.Config.Member); err != nil {
				a.Note("本节点尚未加入联盟，还不能交换：kuayu join request，kuayu join accept。", "This node is in no federation yet and cannot exchange: kuayu join request, kuayu join accept.")
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
	return a.JSON(c)
}

// versionCmd prints the version.
type versionCmd struct{}

func (*versionCmd) Run(a *app) error {
	t := &cli.Table{}
	t.Add("kuayu", node.Version)
	t.Add("go", runtime.Version())
	t.Add(a.T("平台", "platform"), runtime.GOOS+"/"+runtime.GOARCH)
	return a.Show(map[string]string{"version": node.Version, "go": runtime.Version(), "platform": runtime.GOOS + "/" + runtime.GOARCH}, t)
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
	t := &cli.Table{}
	t.Add(a.T("状态", "status"), h.Status)
	for _, x := range h.Troubles {
		t.Add(a.T("问题 ", "trouble ")+x.Part, x.Text)
	}
	t.Add(a.T("成员", "member"), h.Member)
	t.Add(a.T("版本", "version"), h.Version)
	t.Add(a.T("联盟成员数", "members"), cli.Count(h.Members))
	t.Add(a.T("存证批次", "batches of evidence"), cli.Count(h.Batches))
	t.Add(a.T("已入透明日志", "in the transparency log"), cli.Count(h.Logged))
	t.Add(a.T("已获共签", "cosigned by others"), cli.Count(h.Cosigned))
	t.Add(a.T("待办任务", "jobs that wait"), cli.Count(h.QueueDepth))
	t.Add(a.T("失败任务", "jobs that failed for good"), cli.Count(h.Dead))
	t.Add(a.T("搁置任务", "jobs of unknown kinds"), cli.Count(h.Parked))
	t.Add(a.T("搁置的事实", "facts not indexed"), cli.Count(h.Aside))
	for _, s := range h.Seen {
		state := a.T("一致", "consistent")
		if s.Forked {
			state = a.T("分叉！", "FORKED")
		}
		t.Add(a.T("见过的日志 ", "log seen ")+s.Origin, cli.Count(s.Size)+" "+state)
	}
	return a.Show(h, t)
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
	cl, err := a.Stranger(admin)
	if err != nil {
		return nil, err
	}
	defer cl.HTTP.CloseIdleConnections()
	var h node.Health
	return &h, cl.Call(ctx, "GET", "/health", nil, &h)
}
