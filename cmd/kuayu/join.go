package main

import (
	"context"
	"path/filepath"
	"strings"
	"time"

	"github.com/kuayu/kuayu/api/rest"
	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/internal/httpx"
	"github.com/kuayu/kuayu/node"
	"github.com/kuayu/kuayu/support/federation"
)

// constitutionPath is where the public listener of every member shows the constitution.
const constitutionPath = "/.well-known/kuayu/constitution"

// joinRequest is the file a newcomer gives to a voter.
type joinRequest struct {
	Member    federation.Member           `json:"member"`
	Statement *federation.SignedStatement `json:"statement"`
}

// joinCmd is the newcomer's side of joining.
type joinCmd struct {
	Request joinRequestCmd `cmd:"" help:"写出加入申请：本成员的身份与签名声明（离线）。|Write the request: who this member is, and its signed statement (offline)."`
	Accept  joinAcceptCmd  `cmd:"" help:"采纳联盟的章程（节点须停止）。|Adopt the federation's constitution (the node must be stopped)."`
}

type joinRequestCmd struct{}

func (*joinRequestCmd) Run(a *app) error {
	n, err := offline(a.Dir)
	if err != nil {
		return err
	}
	st, err := firstStatement(n, time.Now())
	if err != nil {
		return err
	}
	a.note("把它交给任一表决成员：kuayu propose join FILE；表决通过后在本节点运行 kuayu join accept。", "Give it to any voter, who runs kuayu propose join FILE; once adopted, run kuayu join accept here.")
	return a.json(joinRequest{Member: n.MemberEntry(false), Statement: st})
}

// offline is a node of which only configuration and keys are there: enough to speak of itself, even while it runs.
func offline(dir string) (*node.Node, error) {
	c, err := node.LoadConfig(dir)
	if err != nil {
		return nil, err
	}
	keys, err := federation.LoadKeys(filepath.Join(dir, "keys"))
	return &node.Node{Config: c, Dir: dir, Keys: keys}, err
}

type joinAcceptCmd struct {
	From    string `arg:"" placeholder:"FILE|URL" help:"章程文件，或另一成员的公众接口地址。|The constitution's file, or the public address of another member."`
	Genesis string `required:"" placeholder:"HASH" help:"第一版章程的散列，须经可靠途径获知。|Hash of the first version, learned over a way you trust."`
}

func (c *joinAcceptCmd) Run(ctx context.Context, a *app) error {
	con, err := a.constitution(ctx, c.From)
	if err != nil {
		return err
	}
	if _, err := federation.VerifyChain(con.Chain, c.Genesis); err != nil {
		return err
	}
	n, err := open(ctx, a.Dir, true)
	if err != nil {
		return err
	}
	defer func() { _ = n.Close() }()
	if err := n.Federation.Adopt(ctx, con.Chain, c.Genesis); err != nil {
		return err
	}
	for _, st := range con.Statements {
		if err := n.Federation.AcceptStatement(ctx, st); err != nil {
			return err
		}
	}
	cur := n.Directory.Current()
	t := &table{}
	t.add(a.t("联盟", "federation"), cur.Federation)
	t.add(a.t("章程版本", "version"), count(cur.Number))
	t.add(a.t("成员数", "members"), count(len(cur.Members)))
	listed := cur.Member(n.Config.Member) != nil
	t.add(a.t("本节点是成员", "this node is a member"), a.yes(listed))
	if !listed {
		a.note("本成员还不在章程中：请一位表决成员运行 kuayu propose join。通过后节点会自动得到新版本。", "This member is not in the constitution yet: a voter must run kuayu propose join. Once adopted, the new version arrives by itself.")
	}
	a.note("下一步：kuayu serve --dir %[1]s", "Next: kuayu serve --dir %[1]s", a.Dir)
	return a.show(map[string]any{"federation": cur.Federation, "version": cur.Number, "members": len(cur.Members), "listed": listed}, t)
}

// constitution reads the constitution with the members' statements from a file or a member's public listener. What is
// read is not trusted: the caller verifies it.
func (a *app) constitution(ctx context.Context, from string) (*rest.Constitution, error) {
	con, _, err := a.constitutionBytes(ctx, from)
	return con, err
}

func (a *app) constitutionBytes(ctx context.Context, from string) (*rest.Constitution, []byte, error) {
	var b []byte
	var err error
	if strings.HasPrefix(from, "https://") {
		if !strings.Contains(strings.TrimPrefix(from, "https://"), "/") || strings.HasSuffix(from, "/") {
			from = strings.TrimSuffix(from, "/") + constitutionPath
		}
		b, err = fetch(ctx, from)
	} else {
		b, err = a.read(from)
	}
	if err != nil {
		return nil, nil, err
	}
	var con rest.Constitution
	if err := httpx.Unmarshal(b, &con); err != nil {
		e := errs.As(err)
		return nil, nil, ErrJSON.Because(e.Cause, from, e.En, e.Zh)
	}
	return &con, b, nil
}
