package main

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/kuayu/kuayu/node"
	"github.com/kuayu/kuayu/support/federation"
	"github.com/kuayu/kuayu/support/identity"
)

// initCmd makes a node. Everything that can be refused is refused before the first file is written.
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

func (c *initCmd) Run(ctx context.Context, a *app) (err error) {
	conf := node.Config{
		Member: c.Member, Name: c.Name, NameEN: c.NameEN, Division: c.Division, Suite: c.Suite, Database: c.Database,
		Listen:  node.Listen{Peer: c.ListenPeer, Staff: c.ListenStaff, Public: c.ListenPublic, Admin: c.ListenAdmin},
		PeerURL: c.PeerURL, PublicURL: c.PublicURL, DNSNames: c.DNS,
	}
	conf = conf.Defaults(a.Dir)
	dept := identity.Department{ID: c.Department, Name: c.DepartmentName, Division: c.Division}
	if err := conf.Check(); err != nil {
		return err
	}
	if err := dept.Check(); err != nil {
		return err
	}
	if !memberID().MatchString(c.Member) {
		return ErrUsage.With(a.t("成员编号只能用小写字母、数字和连字符，以字母开头", "a member id is small letters, digits and hyphens, and begins with a letter"))
	}
	if _, err := os.Stat(filepath.Join(a.Dir, node.ConfigFile)); err == nil {
		return federation.ErrExists.With()
	}
	if err := portsFree(&conf); err != nil {
		return err
	}
	left, err := os.ReadDir(a.Dir)
	fresh := err != nil || len(left) == 0
	now := time.Now()
	if _, err := node.Init(a.Dir, conf, now); err != nil {
		return err
	}
	defer func() {
		if err != nil && fresh {
			undo(a.Dir) // half a node would refuse the next attempt
		}
	}()
	n, err := open(ctx, a.Dir, true)
	if err != nil {
		return err
	}
	defer func() { _ = n.Close() }()
	if err := n.Identity.AddDepartment(ctx, dept); err != nil {
		return err
	}
	for _, p := range []identity.Actor{
		{ID: "operator", Name: "运维人员", Roles: []identity.Role{identity.Operator}},
		{ID: "authority", Name: "主管部门", Roles: []identity.Role{identity.Authority}},
	} {
		p.Kind, p.Department = "officer", dept.ID
		if p.PublicKey, err = newKey(a.officerKey(p.ID)); err != nil {
			return err
		}
		if err := n.Identity.AddActor(ctx, p); err != nil {
			return err
		}
	}
	genesis := ""
	if c.Found != "" {
		if genesis, err = found(ctx, n, c.Found, now); err != nil {
			return err
		}
	}
	return a.initialised(&conf, genesis)
}

// found writes the first constitution with this node as its only voter, and accepts the node's own statement.
func found(ctx context.Context, n *node.Node, name string, now time.Time) (string, error) {
	con := federation.Constitution{
		Format: federation.FormatVersion, Federation: name, Number: 1, Ballot: 1, ValidFrom: now, ValidUntil: now.AddDate(1, 0, 0),
		Quorum: 1, Members: []federation.Member{n.MemberEntry(true)},
	}
	doc, err := con.Encode()
	if err != nil {
		return "", err
	}
	signed := federation.Signed{Document: doc}
	if err := signed.Sign(n.Config.Member, n.Keys.Root); err != nil {
		return "", err
	}
	st, err := firstStatement(n, now)
	if err != nil {
		return "", err
	}
	genesis := federation.Hash(doc)
	if err := n.Federation.Adopt(ctx, federation.Chain{signed}, genesis); err != nil {
		return "", err
	}
	return genesis, n.Federation.AcceptStatement(ctx, st)
}

// firstStatement is what a node that no federation knows yet says of itself, signed.
func firstStatement(n *node.Node, now time.Time) (*federation.SignedStatement, error) {
	st, err := n.Statement()
	if err != nil {
		return nil, err
	}
	st.Format, st.Member, st.Sequence, st.Issued = federation.FormatVersion, n.Config.Member, 1, now
	return federation.SignStatement(st, n.Keys.Root)
}

// portsFree refuses before anything is written what could not be served afterwards.
func portsFree(c *node.Config) error {
	for _, addr := range []string{c.Listen.Peer, c.Listen.Staff, c.Listen.Public, c.Listen.Admin} {
		if addr == "off" {
			continue
		}
		l, err := net.Listen("tcp", addr) //nolint:noctx // closed at once
		if err != nil {
			return node.ErrConfig.Because(err, "cannot listen on "+addr+"; choose others with --listen-peer and the like", "无法监听 "+addr+"，请用 --listen-peer 等另选地址")
		}
		_ = l.Close()
	}
	return nil
}

func undo(dir string) {
	for _, name := range []string{node.ConfigFile, "keys", "officers", "evidence", "lock", "records.db", "records.db-wal", "records.db-shm", "index.db", "index.db-wal", "index.db-shm"} {
		_ = os.RemoveAll(filepath.Join(dir, name))
	}
}

func (a *app) initialised(c *node.Config, genesis string) error {
	t := &table{}
	t.add(a.t("成员", "member"), c.Member)
	t.add(a.t("数据目录", "data folder"), a.Dir)
	t.add(a.t("工作人员接口", "staff listener"), "https://"+c.Listen.Staff)
	t.add(a.t("公众接口", "public listener"), c.PublicURL)
	t.add(a.t("私钥", "keys"), a.officerKey("operator")+" "+a.officerKey("authority"))
	if genesis != "" {
		t.add(a.t("创始章程散列", "genesis"), genesis)
	}
	err := a.show(map[string]any{"member": c.Member, "dir": a.Dir, "staff": "https://" + c.Listen.Staff, "public": c.PublicURL, "genesis": genesis, "officers": []string{"operator", "authority"}}, t)
	a.note("\n请备份 %[1]s/keys：丢失后无法恢复，泄露后他人可冒充本成员。\n下一步：", "\nBack up %[1]s/keys: lost, they cannot be recovered; leaked, others can pose as this member.\nNext:", a.Dir)
	if genesis == "" {
		a.note("  kuayu join request --dir %[1]s > join.json    交给任一成员提议加入", "  kuayu join request --dir %[1]s > join.json    give it to any voter, who proposes it", a.Dir)
	}
	a.note("  kuayu serve --dir %[1]s                        运行节点", "  kuayu serve --dir %[1]s                        run the node", a.Dir)
	a.note("  kuayu doctor --dir %[1]s                       体检", "  kuayu doctor --dir %[1]s                       check everything", a.Dir)
	a.note("  kuayu user add ID --dir %[1]s --actor operator --name … --role data_officer --new-key FILE", "  kuayu user add ID --dir %[1]s --actor operator --name … --role data_officer --new-key FILE", a.Dir)
	return err
}
