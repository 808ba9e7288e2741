package main

import (
	"context"
	"errors"
	"io"

	"github.com/alecthomas/kong"

	"github.com/kuayu/kuayu/cmd/cli"
	"github.com/kuayu/kuayu/cmd/job"
	"github.com/kuayu/kuayu/cmd/matter"
)

// tree is the tree of commands. A new command is a file with its struct and one field here.
type tree struct {
	cli.Flags

	Demo     demoCmd     `cmd:"" help:"五个节点的完整演示。|The whole federation of five nodes, demonstrated."`
	Tour     tourCmd     `cmd:"" help:"演示的五步导览：做到哪一步。|The demonstration's tour of five steps: how far it is."`
	Bench    benchCmd    `cmd:"" help:"与裸基线对照的性能测试。|Benchmarks against a bare baseline."`
	BenchArm benchArmCmd `cmd:"" hidden:""`

	Conformance conformanceCmd `cmd:"" help:"为协议一致性测试启动节点（不用于生产）。|Start a node for a conformance kit (not for production)."`

	Init    initCmd    `cmd:"" help:"建立本成员的节点：密钥、配置、首个部门。|Make this member's node: keys, configuration, first department."`
	Serve   serveCmd   `cmd:"" help:"运行节点，直到收到中断信号。|Run the node until it is interrupted."`
	Config  configCmd  `cmd:"" help:"显示生效的配置。|Print the effective configuration."`
	Doctor  doctorCmd  `cmd:"" help:"逐项体检，并说明怎样修复。|Check everything, and say how to correct it."`
	Status  statusCmd  `cmd:"" help:"节点运行状态。|State of the running node."`
	Version versionCmd `cmd:"" help:"程序版本。|Version of the program."`

	Join     joinCmd     `cmd:"" help:"加入联盟。|Join a federation."`
	Rekey    rekeyCmd    `cmd:"" help:"密钥失密后更换全部密钥。|Change all keys after they were lost."`
	Member   memberCmd   `cmd:"" help:"成员：查看、连通测试、变更。|Members: list, reach, change."`
	Proposal proposalCmd `cmd:"" help:"待表决的成员变更提案。|Proposals that wait for votes."`
	Propose  proposeCmd  `cmd:"" help:"提议章程变更。|Propose a change of the constitution."`
	Approve  approveCmd  `cmd:"" help:"赞成一份提案。|Approve a proposal."`

	Department departmentCmd `cmd:"" help:"部门。|Departments."`
	User       userCmd       `cmd:"" help:"人员与机器客户端。|Officers and machine clients."`
	Whoami     whoamiCmd     `cmd:"" help:"当前以谁的身份操作。|Who is signed in, with which roles."`
	Credential credentialCmd `cmd:"" help:"生成一次性登录凭据，粘贴到控制台的登录页。|Make a credential for the console's sign-in page, good once."`
	Key        keyCmd        `cmd:"" help:"在本机生成密钥，交出公钥供运维员登记。|Make a key on this machine; hand its public key to an operator."`
	Signins    signinsCmd    `cmd:"" help:"登录审计。|Audit of sign-ins."`

	Source  sourceCmd  `cmd:"" help:"数据源。|Sources of data."`
	Catalog catalogCmd `cmd:"" help:"政务数据目录。|The catalogue."`

	Request    requestCmd    `cmd:"" help:"数据使用申请。|Applications for data."`
	Standing   standingCmd   `cmd:"" help:"常设同意。|Consent in advance."`
	Agreement  agreementCmd  `cmd:"" help:"协议。|Agreements."`
	Deadline   deadlineCmd   `cmd:"" help:"法定时限与违规记录。|The law's clocks, and violations."`
	Demand     demandCmd     `cmd:"" help:"需求清单：没有目录条目的数据。|Demands: data that no entry offers."`
	Scheme     schemeCmd     `cmd:"" help:"共享方案：点对多、多对点、枢纽、无差别共享。|Schemes: point to many, many to one, hub, undifferentiated sharing."`
	Correction correctionCmd `cmd:"" help:"校核申请：收到的数据有误时提出。|Corrections: report that a record is wrong."`
	Refetch    refetchCmd    `cmd:"" help:"来源已更正、须重新获取的数据。|What was corrected at its source and is to be asked for again."`
	Dispute    disputeCmd    `cmd:"" help:"争议：协商、主管部门、人民政府。|Disputes: negotiation, authority, government."`

	Case     matter.CaseCmd    `cmd:"" help:"各类事项：待办、查询、办理。|Cases of all kinds: what waits, look up, act."`
	Process  matter.ProcessCmd `cmd:"" help:"各类事项的流程。|The processes of all kinds of case."`
	Inbox    inboxCmd          `cmd:"" help:"收件箱：等您办理的事。|The inbox: what waits for you."`
	Webhook  webhookCmd        `cmd:"" help:"回调：把部门的通知也送到业务系统。|Web-hooks: a department's notices to its own systems, too."`
	Job      job.Cmd           `cmd:"" help:"失败的后台任务：查看、重试、放弃。|Failed jobs of the node: see, try again, drop."`
	Transfer transferCmd       `cmd:"" help:"传输过程。|Transfer processes."`
	Query    queryCmd          `cmd:"" help:"按协议查询。|Query under an agreement."`
	Verify   verifyCmd         `cmd:"" help:"按协议核验：只答是或否。|Verify claims under an agreement: yes or no, nothing else."`
	Evidence evidenceCmd       `cmd:"" help:"存证与回执。|Evidence and receipts."`
	Law      lawCmd            `cmd:"" help:"法定程序与时限：回放案例。|The law's way and its clocks: play histories."`
}

// exited carries the exit code out of kong when it has printed help.
type exited int

// newParser builds the parser. A test walks its model.
func newParser(c *tree, lang string, stdout, stderr io.Writer) (*kong.Kong, error) {
	description := "跨域：政府之间受控的数据共享。"
	if lang == "en" {
		description = "Kuayu: governed exchange of data between governments."
	}
	return kong.New(c,
		kong.Name("kuayu"), kong.Description(description), kong.Writers(stdout, stderr), kong.Vars{"lang": lang},
		kong.Exit(func(code int) { panic(exited(code)) }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true}),
		kong.Help(cli.HelpIn(lang)), cli.Speak(lang),
	)
}

// run is the whole program but for the process: it returns the exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) (code int) {
	lang := cli.LanguageOf(args)
	defer func() {
		if p := recover(); p != nil {
			e, ok := p.(exited)
			if !ok {
				panic(p)
			}
			code = int(e)
		}
	}()
	if len(args) == 0 {
		args = []string{"--help"}
	}
	var c tree
	parser, err := newParser(&c, lang, stdout, stderr)
	if err != nil {
		return cli.Fail(stderr, lang, err)
	}
	k, err := parser.Parse(args)
	if err != nil {
		var pe *kong.ParseError
		if errors.As(err, &pe) {
			err = cli.ErrUsage.With(err)
		}
		return cli.Fail(stderr, lang, err)
	}
	a := &app{cli.Session{Flags: &c.Flags, In: stdin, Out: stdout, Err: stderr}}
	k.BindTo(ctx, (*context.Context)(nil))
	err = k.Run(a, &a.Session)
	a.Close(ctx)
	return cli.Fail(stderr, a.Lang, err)
}
