package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/kuayu/kuayu/api/client"
	"github.com/kuayu/kuayu/api/rest"
	"github.com/kuayu/kuayu/cmd/cli"
	"github.com/kuayu/kuayu/cmd/folder"
	"github.com/kuayu/kuayu/support/federation"
)

// constitutionPath is where the public listener of every member shows the constitution.
const constitutionPath = "/.well-known/kuayu/constitution"

// joinCmd is the newcomer's side of joining.
type joinCmd struct {
	Request joinRequestCmd `cmd:"" help:"写出加入申请：本成员的身份与签名声明（离线）。|Write the request: who this member is, and its signed statement (offline)."`
	Accept  joinAcceptCmd  `cmd:"" help:"采纳联盟的章程（节点须停止）。|Adopt the federation's constitution (the node must be stopped)."`
}

type joinRequestCmd struct{}

func (*joinRequestCmd) Run(a *app) error {
	n, err := folder.Offline(a.Dir)
	if err != nil {
		return err
	}
	j, err := n.JoinRequest(time.Now())
	if err != nil {
		return err
	}
	a.Note("把它交给任一表决成员，由其在“成员节点”页面提出，或运行 kuayu propose join FILE；表决通过后在本节点运行 kuayu join accept。", "Give it to any voter, who proposes it on the page of members or runs kuayu propose join FILE; once adopted, run kuayu join accept here.")
	a.Note("请另经电话等途径告知根密钥指纹，供其核对：%s", "Tell it the fingerprint of your root key over another way, to be compared: %s", j.Member.Fingerprint())
	return a.JSON(j)
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
	n, err := folder.Open(ctx, a.Dir, true)
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
	t := &cli.Table{}
	t.Add(a.T("联盟", "federation"), cur.Federation)
	t.Add(a.T("章程版本", "version"), cli.Count(cur.Number))
	t.Add(a.T("成员数", "members"), cli.Count(len(cur.Members)))
	listed := cur.Member(n.Config.Member) != nil
	t.Add(a.T("本节点是成员", "this node is a member"), a.Yes(listed))
	if !listed {
		a.Note("本成员还不在章程中：请一位表决成员运行 kuayu propose join。通过后节点会自动得到新版本。", "This member is not in the constitution yet: a voter must run kuayu propose join. Once adopted, the new version arrives by itself.")
	}
	a.Note("下一步：kuayu serve --dir %[1]s", "Next: kuayu serve --dir %[1]s", a.Dir)
	return a.Show(map[string]any{"federation": cur.Federation, "version": cur.Number, "members": len(cur.Members), "listed": listed}, t)
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
		b, err = a.Read(from)
	}
	if err != nil {
		return nil, nil, err
	}
	var con rest.Constitution
	return &con, b, cli.DecodeJSON(from, b, &con)
}

// fetch reads a document that proves itself (the constitution) from an address whose certificate nobody has vouched for yet.
func fetch(ctx context.Context, addr string) ([]byte, error) {
	t := &http.Transport{TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS13, InsecureSkipVerify: true}} //nolint:gosec // the document is checked by its signatures and the hash of its first version
	defer t.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, addr, nil)
	if err != nil {
		return nil, client.ErrUnreachable.Because(err, addr)
	}
	res, err := (&http.Client{Transport: t, Timeout: 30 * time.Second}).Do(req)
	if err != nil {
		return nil, client.ErrUnreachable.Because(err, addr)
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(io.LimitReader(res.Body, cli.MaxFile))
	if err != nil || res.StatusCode != http.StatusOK {
		return nil, client.ErrUnreachable.Because(errors.Join(err, fmt.Errorf("status %d", res.StatusCode)), addr)
	}
	return b, nil
}
