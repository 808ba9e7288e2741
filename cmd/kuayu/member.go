package main

import (
	"context"
	"time"

	"github.com/kuayu/kuayu/api/rest"
	"github.com/kuayu/kuayu/cmd/checkup"
	"github.com/kuayu/kuayu/cmd/cli"
	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/support/federation"
)

// memberCmd is about the members of the federation.
type memberCmd struct {
	List    memberListCmd `cmd:"" default:"1" help:"列出成员。|List the members."`
	Ping    memberPingCmd `cmd:"" help:"测试能否连通成员。|Check that members can be reached."`
	Propose proposeCmd    `cmd:"" help:"提议章程变更：成员、法定票数、有效期。|Propose a change of the constitution: members, quorum, validity."`
	Approve approveCmd    `cmd:"" help:"赞成一份提案。|Approve a proposal."`
}

type memberListCmd struct{}

func (*memberListCmd) Run(ctx context.Context, a *app) error {
	var p cli.Page[rest.MemberInfo]
	if err := a.Get(ctx, "/api/v1/members", &p); err != nil {
		return err
	}
	t := &cli.Table{Head: []string{a.T("编号", "id"), a.T("名称", "name"), a.T("区划", "division"), a.T("表决", "voter"), a.T("地址", "address"), a.T("日志", "log")}}
	for _, m := range p.Items {
		seen := "-"
		for _, s := range m.Seen {
			seen = cli.Count(s.Size)
			if s.Forked {
				seen += a.T(" 分叉！", " FORKED")
			}
		}
		t.Add(m.ID, a.T(m.Name, m.NameEN), m.Division, a.Yes(m.Voter), cli.Dash(m.PeerURL), seen)
	}
	return a.List(p.Items, t, "本节点还不在任何联盟中：kuayu join --help。", "This node is in no federation yet: kuayu join --help.")
}

// memberPingCmd reads the first page of members' catalogues: that goes the whole way, mutual TLS and seals included.
type memberPingCmd struct {
	Member []string `arg:"" optional:"" help:"成员编号；缺省为全部。|Member ids; default all."`
}

func (c *memberPingCmd) Run(ctx context.Context, a *app) error {
	ps, err := a.ping(ctx, c.Member)
	if err != nil {
		return err
	}
	t := &cli.Table{Head: []string{a.T("成员", "member"), a.T("连通", "reached"), a.T("毫秒", "ms"), a.T("原因", "why")}}
	silent := 0
	for _, p := range ps {
		if !p.OK {
			silent++
		}
		t.Add(p.Member, a.Yes(p.OK), cli.Count(p.Millis), cli.Dash(p.Error))
	}
	if err := a.Show(ps, t); err != nil {
		return err
	}
	if silent > 0 {
		return ErrSilent.With(silent)
	}
	return nil
}

func (a *app) ping(ctx context.Context, members []string) ([]checkup.Pong, error) {
	if len(members) == 0 {
		var p cli.Page[rest.MemberInfo]
		if err := a.Get(ctx, "/api/v1/members", &p); err != nil {
			return nil, err
		}
		for _, m := range p.Items {
			members = append(members, m.ID)
		}
	}
	out := []checkup.Pong{}
	for _, m := range members {
		start := time.Now()
		err := a.Get(ctx, "/api/v1/catalog/"+seg(m), nil)
		p := checkup.Pong{Member: m, OK: err == nil, Millis: time.Since(start).Milliseconds()}
		if err != nil {
			p.Error = errs.As(err).Message(a.Lang)
		}
		out = append(out, p)
	}
	return out, nil
}

// proposalCmd is about changes of membership that wait.
type proposalCmd struct {
	List proposalListCmd `cmd:"" default:"1" help:"列出待表决的提案。|List what waits for votes."`
}

type proposalListCmd struct{}

func (*proposalListCmd) Run(ctx context.Context, a *app) error {
	var p cli.Page[federation.Proposal]
	if err := a.Get(ctx, "/api/v1/proposals", &p); err != nil {
		return err
	}
	t := &cli.Table{Head: []string{a.T("提案", "proposal"), a.T("版本", "version"), a.T("票数", "votes"), a.T("成员", "members"), a.T("提出", "proposed by"), a.T("理由", "reason")}}
	for i := range p.Items {
		q := &p.Items[i]
		version, members := "-", ""
		if c, err := federation.ParseConstitution(q.Signed.Document); err == nil {
			version = cli.Count(c.Number)
			for _, m := range c.Members {
				members += m.ID + " "
			}
		}
		t.Add(q.Hash, version, cli.Count(q.Votes)+"/"+cli.Count(q.Quorum), members, cli.Dash(q.Proposer), q.Reason)
	}
	return a.List(p.Items, t, "没有待表决的提案。", "Nothing waits for votes.")
}

// proposeCmd drafts the next version of the constitution.
type proposeCmd struct {
	Join   proposeJoinCmd   `cmd:"" help:"接纳新成员。|Take in a newcomer."`
	Remove proposeRemoveCmd `cmd:"" help:"移除成员。|Remove a member."`
	Quorum proposeQuorumCmd `cmd:"" help:"改变法定票数。|Change the quorum."`
	Renew  proposeRenewCmd  `cmd:"" help:"延长章程的有效期。|Renew the validity of the constitution."`
	Rekey  proposeRekeyCmd  `cmd:"" help:"更换成员泄露的根密钥。|Replace a compromised root key."`
}

// proposalFlags are common to all proposals.
type proposalFlags struct {
	Quorum int    `placeholder:"N" help:"新的法定票数；缺省过半。|New quorum; default more than half."`
	Reason string `required:"" help:"理由，供其他表决成员阅读。|Why; the other voters read it."`
}

type proposeJoinCmd struct {
	proposalFlags
	File  string `arg:"" help:"新成员用 kuayu join request 写出的文件。|File the newcomer wrote with kuayu join request."`
	Voter bool   `help:"新成员参加表决。|The newcomer votes."`
}

func (c *proposeJoinCmd) Run(ctx context.Context, a *app) error {
	var j federation.JoinRequest
	if err := a.ReadJSON(c.File, &j); err != nil {
		return err
	}
	j.Member.Voter = c.Voter
	return a.propose(ctx, rest.ProposalRequest{Reason: c.Reason, Quorum: c.Quorum, Join: &j.Member, State: j.Statement, Voter: &c.Voter})
}

type proposeRemoveCmd struct {
	proposalFlags
	ID string `arg:"" help:"成员编号。|Member id."`
}

func (c *proposeRemoveCmd) Run(ctx context.Context, a *app) error {
	return a.propose(ctx, rest.ProposalRequest{Reason: c.Reason, Quorum: c.Quorum, Remove: c.ID})
}

type proposeQuorumCmd struct {
	Quorum int    `arg:"" help:"新的法定票数：过半，且不超过表决成员数。|New quorum: more than half of the voters, no more than all."`
	Reason string `required:"" help:"理由，供其他表决成员阅读。|Why; the other voters read it."`
}

func (c *proposeQuorumCmd) Run(ctx context.Context, a *app) error {
	return a.propose(ctx, rest.ProposalRequest{Reason: c.Reason, Quorum: c.Quorum})
}

type proposeRenewCmd struct {
	proposalFlags
	Until string `arg:"" placeholder:"TIME" help:"新的有效期，晚于现行有效期，最长十年。|New end, later than the present one, ten years at most."`
}

func (c *proposeRenewCmd) Run(ctx context.Context, a *app) error {
	until, err := a.Moment(c.Until)
	if err != nil {
		return err
	}
	return a.propose(ctx, rest.ProposalRequest{Reason: c.Reason, Quorum: c.Quorum, ValidUntil: until})
}

type proposeRekeyCmd struct {
	proposalFlags
	File string `arg:"" help:"该成员用 kuayu rekey request 写出的文件。|File the member wrote with kuayu rekey request."`
}

func (c *proposeRekeyCmd) Run(ctx context.Context, a *app) error {
	var r federation.RekeyRequest
	if err := a.ReadJSON(c.File, &r); err != nil {
		return err
	}
	return a.propose(ctx, rest.ProposalRequest{Reason: c.Reason, Quorum: c.Quorum, Compromised: &federation.Compromise{Member: r.Member, Since: r.Since, NewKey: r.NewKey}, State: r.Statement})
}

func (a *app) propose(ctx context.Context, r rest.ProposalRequest) error {
	var p federation.Proposal
	if err := a.Post(ctx, "/api/v1/proposals", r, &p); err != nil {
		return err
	}
	return a.showProposal(&p)
}

type approveCmd struct {
	Hash string `arg:"" help:"提案的散列，见 kuayu proposal list。|Hash of the proposal, see kuayu proposal list."`
}

func (c *approveCmd) Run(ctx context.Context, a *app) error {
	var p federation.Proposal
	if err := a.Post(ctx, "/api/v1/proposals/"+seg(c.Hash)+"/approve", nil, &p); err != nil {
		return err
	}
	return a.showProposal(&p)
}

func (a *app) showProposal(p *federation.Proposal) error {
	t := &cli.Table{}
	t.Add(a.T("提案", "proposal"), p.Hash)
	t.Add(a.T("票数", "votes"), cli.Count(p.Votes)+"/"+cli.Count(p.Quorum))
	t.Add(a.T("已生效", "adopted"), a.Yes(p.Quorum > 0 && p.Votes >= p.Quorum))
	if p.Votes < p.Quorum {
		a.Note("其他表决成员运行：kuayu approve %s", "Other voters run: kuayu approve %s", p.Hash)
	}
	return a.Show(p, t)
}
