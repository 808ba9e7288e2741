package main

import (
	"context"
	"time"

	"github.com/kuayu/kuayu/cmd/cli"
	"github.com/kuayu/kuayu/cmd/folder"
	"github.com/kuayu/kuayu/node"
	"github.com/kuayu/kuayu/support/identity"
)

// initCmd makes a node.
type initCmd struct {
	Member   string `required:"" placeholder:"ID" help:"成员编号：小写字母、数字、连字符。|Member id: small letters, digits, hyphens."`
	Name     string `required:"" placeholder:"NAME" help:"成员名称（中文）。|Name of the member, in Chinese."`
	NameEN   string `name:"name-en" required:"" placeholder:"NAME" help:"成员英文名称。|Name of the member, in English."`
	Division string `required:"" placeholder:"CODE" help:"六位行政区划代码（GB/T 2260）。|Division code of six digits (GB/T 2260)."`

	Department     string `required:"" placeholder:"USCC" help:"首个部门的统一社会信用代码。|Unified social credit code of the first department."`
	DepartmentName string `required:"" placeholder:"NAME" help:"首个部门的名称。|Name of the first department."`
	Found          string `placeholder:"NAME" help:"同时创建一个联盟，本节点为唯一表决成员。|Found a federation with this node as its only voter."`

	Suite        string   `placeholder:"SUITE" help:"密码套件：ed25519-sha256（缺省）或 sm2-sm3。|Suite: ed25519-sha256 (default) or sm2-sm3."`
	Database     string   `placeholder:"DSN" help:"SQLite 文件或 postgres://…；缺省在数据目录内。|SQLite file or postgres://…; default in the data folder."`
	ListenPeer   string   `placeholder:"ADDR" help:"节点间监听地址；缺省 127.0.0.1:8441。|Listener for members; default 127.0.0.1:8441."`
	ListenStaff  string   `placeholder:"ADDR" help:"工作人员监听地址；缺省 127.0.0.1:8442。|Listener for staff; default 127.0.0.1:8442."`
	ListenPublic string   `placeholder:"ADDR" help:"公众监听地址；缺省 127.0.0.1:8443。|Listener for everybody; default 127.0.0.1:8443."`
	ListenAdmin  string   `placeholder:"ADDR" help:"运维监听地址；缺省 127.0.0.1:8444。|Listener for the engineer; default 127.0.0.1:8444."`
	PeerURL      string   `name:"peer-url" placeholder:"URL" help:"其他成员访问本节点的地址。|How other members reach this node."`
	PublicURL    string   `name:"public-url" placeholder:"URL" help:"公众访问本节点的地址。|How everybody reaches this node."`
	DNS          []string `name:"dns" placeholder:"NAME" help:"证书中的域名；可重复。|Names in the certificate; repeatable."`
}

func (c *initCmd) Run(ctx context.Context, a *app) error {
	conf := node.Config{
		Member: c.Member, Name: c.Name, NameEN: c.NameEN, Division: c.Division, Suite: c.Suite, Database: c.Database,
		Listen:  node.Listen{Peer: c.ListenPeer, Staff: c.ListenStaff, Public: c.ListenPublic, Admin: c.ListenAdmin},
		PeerURL: c.PeerURL, PublicURL: c.PublicURL, DNSNames: c.DNS,
	}
	conf = conf.Defaults(a.Dir)
	if !memberID().MatchString(c.Member) {
		return cli.ErrUsage.With(a.T("成员编号只能用小写字母、数字和连字符，以字母开头", "a member id is small letters, digits and hyphens, and begins with a letter"))
	}
	dept := identity.Department{ID: c.Department, Name: c.DepartmentName, Division: c.Division}
	genesis, err := folder.Make(ctx, a.Dir, conf, dept, c.Found, time.Now())
	if err != nil {
		return err
	}
	return a.initialised(&conf, genesis)
}

func (a *app) initialised(c *node.Config, genesis string) error {
	t := &cli.Table{}
	t.Add(a.T("成员", "member"), c.Member)
	t.Add(a.T("数据目录", "data folder"), a.Dir)
	t.Add(a.T("工作人员接口", "staff listener"), "https://"+c.Listen.Staff)
	t.Add(a.T("公众接口", "public listener"), c.PublicURL)
	t.Add(a.T("私钥", "keys"), cli.OfficerKey(a.Dir, "operator")+" "+cli.OfficerKey(a.Dir, "authority"))
	if genesis != "" {
		t.Add(a.T("创始章程散列", "genesis"), genesis)
	}
	err := a.Show(map[string]any{"member": c.Member, "dir": a.Dir, "staff": "https://" + c.Listen.Staff, "public": c.PublicURL, "genesis": genesis, "officers": []string{"operator", "authority"}}, t)
	a.Note("\n请备份 %[1]s/keys：丢失后无法恢复，泄露后他人可冒充本成员。\n下一步：", "\nBack up %[1]s/keys: lost, they cannot be recovered; leaked, others can pose as this member.\nNext:", a.Dir)
	if genesis == "" {
		a.Note("  kuayu join request --dir %[1]s > join.json    交给任一成员提议加入", "  kuayu join request --dir %[1]s > join.json    give it to any voter, who proposes it", a.Dir)
	}
	a.Note("  kuayu serve --dir %[1]s                        运行节点", "  kuayu serve --dir %[1]s                        run the node", a.Dir)
	a.Note("  kuayu doctor --dir %[1]s                       体检", "  kuayu doctor --dir %[1]s                       check everything", a.Dir)
	a.Note("  kuayu user add ID --dir %[1]s --actor operator --name … --role data_officer --new-key FILE", "  kuayu user add ID --dir %[1]s --actor operator --name … --role data_officer --new-key FILE", a.Dir)
	return err
}
