package main

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/kuayu/kuayu/cmd/cli"
	"github.com/kuayu/kuayu/cmd/folder"
	"github.com/kuayu/kuayu/internal/ids"
	"github.com/kuayu/kuayu/support/identity"
)

// departmentCmd is about the departments of this node.
type departmentCmd struct {
	List departmentListCmd `cmd:"" default:"1" help:"列出部门。|List the departments."`
	Add  departmentAddCmd  `cmd:"" help:"新增部门。|Add a department."`
}

type departmentListCmd struct{}

func (*departmentListCmd) Run(ctx context.Context, a *app) error {
	var p cli.Page[identity.Department]
	if err := a.Get(ctx, "/api/v1/departments", &p); err != nil {
		return err
	}
	t := &cli.Table{Head: []string{a.T("统一社会信用代码", "USCC"), a.T("名称", "name"), a.T("区划", "division")}}
	for _, d := range p.Items {
		t.Add(d.ID, d.Name, d.Division)
	}
	return a.List(p.Items, t, "还没有部门：kuayu department add。", "There is no department yet: kuayu department add.")
}

type departmentAddCmd struct {
	ID       string `arg:"" name:"uscc" help:"统一社会信用代码。|Unified social credit code."`
	Name     string `arg:"" help:"名称。|Name."`
	Division string `placeholder:"CODE" help:"行政区划代码；缺省为本成员的。|Division code; default the member's."`
}

func (c *departmentAddCmd) Run(ctx context.Context, a *app) error {
	d := identity.Department{ID: c.ID, Name: c.Name, Division: c.Division}
	if err := a.Post(ctx, "/api/v1/departments", d, &d); err != nil {
		return err
	}
	t := &cli.Table{}
	t.Add(a.T("已新增部门", "added"), d.ID+" "+d.Name)
	return a.Show(d, t)
}

// userCmd is about officers and machine clients.
type userCmd struct {
	List    userListCmd    `cmd:"" default:"1" help:"列出人员与机器客户端。|List officers and machine clients."`
	Add     userAddCmd     `cmd:"" help:"新增人员或机器客户端。|Add an officer or a machine client."`
	Disable userDisableCmd `cmd:"" help:"立即停用，已登录的会话一并失效。|Disable at once, open sessions included."`
}

type userListCmd struct{}

func (*userListCmd) Run(ctx context.Context, a *app) error {
	var p cli.Page[identity.Actor]
	if err := a.Get(ctx, "/api/v1/actors", &p); err != nil {
		return err
	}
	t := &cli.Table{Head: []string{a.T("编号", "id"), a.T("名称", "name"), a.T("类别", "kind"), a.T("部门", "department"), a.T("角色", "roles"), a.T("停用", "disabled")}}
	for _, u := range p.Items {
		t.Add(u.ID, u.Name, u.Kind, u.Department, roleNames(u.Roles), a.Yes(u.Disabled))
	}
	return a.List(p.Items, t, "还没有人员：kuayu user add。", "There is nobody yet: kuayu user add.")
}

func roleNames(rs []identity.Role) string {
	names := make([]string, len(rs))
	for i, r := range rs {
		names[i] = string(r)
	}
	return strings.Join(names, ",")
}

type userAddCmd struct {
	ID         string   `arg:"" help:"编号，即登录名。|Identifier: the name to sign in with."`
	Name       string   `required:"" help:"姓名或系统名称。|Name of the officer or system."`
	Role       []string `required:"" enum:"data_officer,office_head,department_head,authority,auditor,operator,machine" help:"角色，可重复：${enum}。|Role, repeatable: ${enum}."`
	Department string   `placeholder:"USCC" help:"部门；缺省为操作人的部门。|Department; default the actor's own."`
	PublicKey  string   `placeholder:"KEY" xor:"key" help:"其 Ed25519 公钥（base64url）。|Ed25519 public key (base64url)."`
	NewKey     string   `placeholder:"FILE" xor:"key" help:"生成新密钥并写入此文件（0600）。|Make a new key and write it to this file (0600)."`
	Offline    bool     `help:"节点已停止、无人能登录时：直接写入数据目录。|When the node is stopped and nobody can sign in: write to the data folder."`
}

func (c *userAddCmd) Run(ctx context.Context, a *app) error {
	u := identity.Actor{ID: c.ID, Name: c.Name, Kind: "officer", Department: c.Department, PublicKey: c.PublicKey}
	for _, r := range c.Role {
		u.Roles = append(u.Roles, identity.Role(r))
		if identity.Role(r) == identity.Machine {
			u.Kind = "machine"
		}
	}
	if u.PublicKey == "" && c.NewKey == "" {
		return cli.ErrUsage.With(a.T("请给出 --public-key，或用 --new-key 生成", "give --public-key, or make one with --new-key"))
	}
	if u.Department == "" {
		if c.Offline {
			return cli.ErrUsage.With(a.T("--offline 时须给出 --department", "with --offline, name the --department"))
		}
		var s identity.Session
		if err := a.Get(ctx, "/api/v1/session", &s); err != nil {
			return err
		}
		u.Department = s.Department
	}
	if err := u.Check(); err != nil {
		return err
	}
	if c.NewKey != "" {
		var err error
		if u.PublicKey, err = cli.NewKey(c.NewKey); err != nil {
			return err
		}
	}
	if c.Offline {
		if err := addOffline(ctx, a.Dir, u); err != nil {
			return err
		}
	} else if err := a.Post(ctx, "/api/v1/actors", u, &u); err != nil {
		return err
	}
	t := &cli.Table{}
	t.Add(a.T("已新增", "added"), u.ID)
	t.Add(a.T("部门", "department"), u.Department)
	t.Add(a.T("角色", "roles"), roleNames(u.Roles))
	if c.NewKey != "" {
		t.Add(a.T("私钥", "key"), c.NewKey)
	}
	return a.Show(u, t)
}

func addOffline(ctx context.Context, dir string, u identity.Actor) error {
	n, err := folder.Open(ctx, dir, true)
	if err != nil {
		return err
	}
	defer func() { _ = n.Close() }()
	return n.Identity.AddActor(ctx, u)
}

type userDisableCmd struct {
	ID string `arg:"" help:"编号。|Identifier."`
}

func (c *userDisableCmd) Run(ctx context.Context, a *app) error {
	if err := a.Call(ctx, http.MethodDelete, "/api/v1/actors/"+seg(c.ID), nil, nil); err != nil {
		return err
	}
	t := &cli.Table{}
	t.Add(a.T("已停用", "disabled"), c.ID)
	return a.Show(map[string]string{"disabled": c.ID}, t)
}

// whoamiCmd shows the session.
type whoamiCmd struct{}

func (*whoamiCmd) Run(ctx context.Context, a *app) error {
	var s identity.Session
	if err := a.Get(ctx, "/api/v1/session", &s); err != nil {
		return err
	}
	t := &cli.Table{}
	t.Add(a.T("编号", "id"), s.Actor)
	t.Add(a.T("名称", "name"), s.Name)
	t.Add(a.T("部门", "department"), s.Department)
	t.Add(a.T("区划", "division"), s.Division)
	t.Add(a.T("角色", "roles"), roleNames(s.Roles))
	return a.Show(s, t)
}

// credentialCmd makes what the console's sign-in page asks for: a signed assertion, good for two minutes and once. The key
// stays on this machine, and the node need not be reached.
type credentialCmd struct{}

func (*credentialCmd) Run(a *app) error {
	audience, err := a.Member()
	if err != nil {
		return err
	}
	actor, key, err := a.Identity()
	if err != nil {
		return err
	}
	assertion, err := identity.Assert(key, actor, audience, ids.Random{}.NewID(), time.Now())
	if err != nil {
		return err
	}
	t := &cli.Table{}
	t.Add(assertion)
	return a.Show(map[string]string{"assertion": assertion}, t)
}

// keyCmd makes the key of an officer or a machine client where it will be used: nobody else ever holds it.
type keyCmd struct {
	File string `arg:"" help:"私钥写入此文件（0600）。|Write the private key to this file (0600)."`
}

func (c *keyCmd) Run(a *app) error {
	public, err := cli.NewKey(c.File)
	if err != nil {
		return err
	}
	t := &cli.Table{}
	t.Add(a.T("公钥", "public key"), public)
	t.Add(a.T("私钥", "key"), c.File)
	return a.Show(map[string]string{"public_key": public, "key": c.File}, t)
}

// signinsCmd lists attempts to sign in, failed ones too.
type signinsCmd struct {
	Limit int `default:"100" help:"最多几条。|How many at most."`
}

func (c *signinsCmd) Run(ctx context.Context, a *app) error {
	var p cli.Page[identity.SignInRecord]
	if err := a.Get(ctx, with("/api/v1/sign-ins", "limit", cli.Count(c.Limit)), &p); err != nil {
		return err
	}
	t := &cli.Table{Head: []string{a.T("时间", "time"), a.T("编号", "id"), a.T("部门", "department"), a.T("结果", "outcome")}}
	for _, r := range p.Items {
		t.Add(cli.Micro(r.Time), cli.Dash(r.Actor), cli.Dash(r.Department), r.Outcome)
	}
	return a.List(p.Items, t, "还没有登录记录。", "Nobody has signed in yet.")
}
