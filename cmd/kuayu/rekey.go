package main

import (
	"context"
	"errors"
	"time"

	"github.com/kuayu/kuayu/cmd/cli"
	"github.com/kuayu/kuayu/cmd/folder"
	"github.com/kuayu/kuayu/node"
	"github.com/kuayu/kuayu/support/federation"
)

// rekeyCmd is the side of a member whose keys were lost.
type rekeyCmd struct {
	Request rekeyRequestCmd `cmd:"" help:"密钥失密：生成全部新密钥，写出更换申请（节点可继续运行）。|Keys were lost: make all keys anew and write the request (the node may run on)."`
	Accept  rekeyAcceptCmd  `cmd:"" help:"更换通过后，启用新密钥（节点须停止）。|Once it is adopted, use the new keys (the node must be stopped)."`
}

type rekeyRequestCmd struct {
	Since string `required:"" placeholder:"TIME" help:"旧密钥自何时起不可信。|Since when the old keys are not trusted."`
}

func (c *rekeyRequestCmd) Run(a *app) error {
	since, err := a.Moment(c.Since)
	if err != nil {
		return err
	}
	n, err := folder.Offline(a.Dir)
	if err != nil {
		return err
	}
	r, err := n.PrepareRekey(time.Now(), since)
	if err != nil {
		return err
	}
	a.Note(`新根密钥的指纹：%[1]s。把文件交给任一表决成员，并另经电话等途径核对指纹：kuayu propose rekey FILE。
通过后停止本节点，运行 kuayu rekey accept。`,
		`Fingerprint of the new root key: %[1]s. Give the file to any voter and compare the fingerprint over another way:
kuayu propose rekey FILE. Once it is adopted, stop this node and run kuayu rekey accept.`, (&federation.Member{RootKey: r.NewKey}).Fingerprint())
	return a.JSON(r)
}

type rekeyAcceptCmd struct {
	From string `arg:"" placeholder:"FILE|URL" help:"章程文件，或另一成员的公众接口地址。|The constitution's file, or the public address of another member."`
}

func (c *rekeyAcceptCmd) Run(ctx context.Context, a *app) error {
	unlock, err := folder.Lock(a.Dir)
	if err != nil {
		return err
	}
	done, err := node.ResumeRekey(a.Dir)
	unlock()
	if err != nil {
		return err
	}
	if !done {
		con, err := a.constitution(ctx, c.From)
		if err != nil {
			return err
		}
		member, cur, err := c.adopt(ctx, a, con)
		if err != nil {
			return err
		}
		if err := node.AcceptRekey(a.Dir, cur, member); err != nil {
			return err
		}
	}
	n, err := folder.Offline(a.Dir)
	if err != nil {
		return err
	}
	root := &federation.Member{RootKey: n.Keys.Root.Public()}
	t := &cli.Table{}
	t.Add(a.T("根密钥", "root key"), root.Fingerprint())
	t.Add(a.T("存证的期", "epoch"), cli.Count(int(node.Epoch(a.Dir))))
	a.Note("新密钥已启用。下一步：kuayu serve --dir %[1]s", "The new keys are in use. Next: kuayu serve --dir %[1]s", a.Dir)
	return a.Show(map[string]any{"root_key": root.RootKey, "epoch": node.Epoch(a.Dir)}, t)
}

// adopt takes what the federation decided while this member could not hear it.
func (c *rekeyAcceptCmd) adopt(ctx context.Context, a *app, con *federation.Document) (string, *federation.Constitution, error) {
	n, err := folder.Open(ctx, a.Dir, true)
	if err != nil {
		return "", nil, err
	}
	if err := n.Federation.Adopt(ctx, con.Chain, ""); err != nil {
		return "", nil, errors.Join(err, n.Close())
	}
	for _, st := range con.Statements {
		if err := n.Federation.AcceptStatement(ctx, st); err != nil {
			return "", nil, errors.Join(err, n.Close())
		}
	}
	return n.Config.Member, n.Directory.Current(), n.Close()
}
