package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"

	"github.com/alecthomas/kong"
)

// cli is the tree of commands. A new command is a file with its struct and one field here.
type cli struct {
	globals

	Demo     demoCmd     `cmd:"" help:"五个节点的完整演示。|The whole federation of five nodes, demonstrated."`
	Bench    benchCmd    `cmd:"" help:"与裸基线对照的性能测试。|Benchmarks against a bare baseline."`
	BenchArm benchArmCmd `cmd:"" hidden:""`

	Conformance conformanceCmd `cmd:"" help:"为协议一致性测试启动节点（不用于生产）。|Start a node for a conformance kit (not for production)."`

	Init    initCmd    `cmd:"" help:"建立本成员的节点：密钥、配置、首个部门。|Make this member's node: keys, configuration, first department."`
	Serve   serveCmd   `cmd:"" help:"运行节点，直到收到中断信号。|Run the node until it is interrupted."`
	Config  configCmd  `cmd:"" help:"显示生效的配置。|Print the effective configuration."`
	Doctor  doctorCmd  `cmd:"" help:"逐项体检，并说明怎样修复。|Check everything, and say how to mend it."`
	Status  statusCmd  `cmd:"" help:"节点运行状态。|State of the running node."`
	Version versionCmd `cmd:"" help:"程序版本。|Version of the program."`

	Join     joinCmd     `cmd:"" help:"加入联盟。|Join a federation."`
	Member   memberCmd   `cmd:"" help:"成员：查看、连通测试、变更。|Members: list, reach, change."`
	Proposal proposalCmd `cmd:"" help:"待表决的成员变更提案。|Proposals that wait for votes."`
	Propose  proposeCmd  `cmd:"" help:"提议变更成员。|Propose a change of membership."`
	Approve  approveCmd  `cmd:"" help:"赞成一份提案。|Approve a proposal."`

	Department departmentCmd `cmd:"" help:"部门。|Departments."`
	User       userCmd       `cmd:"" help:"人员与机器客户端。|Officers and machine clients."`
	Whoami     whoamiCmd     `cmd:"" help:"当前以谁的身份操作。|Who is signed in, with which roles."`
	Credential credentialCmd `cmd:"" help:"生成一次性登录凭据，粘贴到控制台的登录页。|Make a credential for the console's sign-in page, good once."`
	Signins    signinsCmd    `cmd:"" help:"登录审计。|Audit of sign-ins."`

	Source  sourceCmd  `cmd:"" help:"数据源。|Sources of data."`
	Catalog catalogCmd `cmd:"" help:"政务数据目录。|The catalogue."`

	Request    requestCmd    `cmd:"" help:"数据使用申请。|Applications for data."`
	Standing   standingCmd   `cmd:"" help:"常设同意。|Consent in advance."`
	Agreement  agreementCmd  `cmd:"" help:"协议。|Agreements."`
	Deadline   deadlineCmd   `cmd:"" help:"法定时限与违规记录。|The law's clocks, and violations."`
	Correction correctionCmd `cmd:"" help:"校核申请：收到的数据有误时提出。|Corrections: report that a record is wrong."`
	Refetch    refetchCmd    `cmd:"" help:"来源已更正、须重新获取的数据。|What was corrected at its source and is to be asked for again."`
	Dispute    disputeCmd    `cmd:"" help:"争议：协商、主管部门、人民政府。|Disputes: negotiation, authority, government."`

	Inbox    inboxCmd    `cmd:"" help:"收件箱：等您办理的事。|The inbox: what waits for you."`
	Webhook  webhookCmd  `cmd:"" help:"回调：把部门的通知也送到业务系统。|Web-hooks: a department's notices to its own systems, too."`
	Transfer transferCmd `cmd:"" help:"传输过程。|Transfer processes."`
	Query    queryCmd    `cmd:"" help:"按协议查询。|Query under an agreement."`
	Verify   verifyCmd   `cmd:"" help:"按协议核验：只答是或否。|Verify claims under an agreement: yes or no, nothing else."`

	Evidence evidenceCmd `cmd:"" help:"存证与回执。|Evidence and receipts."`
	Law      lawCmd      `cmd:"" help:"法定程序与时限：回放案例。|The law's way and its clocks: play histories."`
}

// defaultDir is where a node lives unless --dir says otherwise.
const defaultDir = "./kuayu-data"

// globals are the flags every command takes.
type globals struct {
	Lang     string `enum:"zh,en" default:"${lang}" env:"KUAYU_LANG" help:"语言：zh 或 en。|Language: zh or en."`
	Output   string `short:"o" enum:"table,json,csv" default:"table" help:"输出格式：table、json 或 csv。|Form of the output: table, json or csv."`
	Dir      string `default:"./kuayu-data" env:"KUAYU_DIR" placeholder:"DIR" help:"节点的数据目录。|Data folder of the node."`
	Node     string `env:"KUAYU_NODE" placeholder:"URL" help:"节点工作人员接口的地址；缺省取自数据目录的配置。|Address of the node's staff listener; default from the data folder's configuration."`
	Audience string `env:"KUAYU_AUDIENCE" placeholder:"ID" help:"节点的成员编号；缺省取自配置。|The node's member id; default from the configuration."`
	Actor    string `env:"KUAYU_ACTOR" placeholder:"ID" help:"以谁的身份操作；缺省取私钥的文件名。|Who acts; default the name of the key file."`
	Key      string `env:"KUAYU_KEY" placeholder:"FILE" help:"操作人的 Ed25519 私钥文件（0600）；缺省 DIR/officers/ACTOR.key。|The actor's Ed25519 key file (0600); default DIR/officers/ACTOR.key."`
	CA       string `name:"ca" env:"KUAYU_CA" placeholder:"FILE" help:"节点的 CA 证书；缺省 DIR/keys/ca.pem。|CA certificate of the node; default DIR/keys/ca.pem."`
}

// languageOf says in which language to speak before the flags are parsed: --lang, KUAYU_LANG, then the locale; Chinese
// unless the locale is English.
func languageOf(args []string) string {
	for i, a := range args {
		if v, ok := strings.CutPrefix(a, "--lang="); ok && (v == "en" || v == "zh") {
			return v
		}
		if a == "--lang" && i+1 < len(args) && (args[i+1] == "en" || args[i+1] == "zh") {
			return args[i+1]
		}
	}
	for _, name := range []string{"KUAYU_LANG", "LC_ALL", "LC_MESSAGES", "LANG"} {
		if v := os.Getenv(name); v != "" {
			if strings.HasPrefix(v, "en") {
				return "en"
			}
			return "zh"
		}
	}
	return "zh"
}

// exited carries the exit code out of kong when it has printed help.
type exited int

// newParser builds the parser. A test walks its model.
func newParser(c *cli, lang string, stdout, stderr io.Writer) (*kong.Kong, error) {
	description := "跨域：政府之间受控的数据共享。"
	if lang == "en" {
		description = "Kuayu: governed exchange of data between governments."
	}
	return kong.New(c,
		kong.Name("kuayu"), kong.Description(description), kong.Writers(stdout, stderr), kong.Vars{"lang": lang},
		kong.Exit(func(code int) { panic(exited(code)) }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true}),
		kong.Help(helpIn(lang)), speak(lang),
	)
}

// run is the whole program but for the process: it returns the exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) (code int) {
	lang := languageOf(args)
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
	var c cli
	parser, err := newParser(&c, lang, stdout, stderr)
	if err != nil {
		return fail(stderr, lang, err)
	}
	k, err := parser.Parse(args)
	if err != nil {
		var pe *kong.ParseError
		if errors.As(err, &pe) {
			err = ErrUsage.With(err)
		}
		return fail(stderr, lang, err)
	}
	a := &app{globals: &c.globals, in: stdin, out: stdout, err: stderr}
	k.BindTo(ctx, (*context.Context)(nil))
	err = k.Run(a)
	a.close(ctx)
	return fail(stderr, a.Lang, err)
}

// speak picks one language of every help text: they are written "中文|English".
func speak(lang string) kong.Option {
	pick := func(s string) string {
		zh, en, ok := strings.Cut(s, "|")
		switch {
		case !ok:
			return s
		case lang == "en":
			return en
		default:
			return zh
		}
	}
	return kong.PostBuild(func(k *kong.Kong) error {
		if lang == "zh" {
			k.Model.HelpFlag.Help = "显示帮助。"
		}
		return kong.Visit(k.Model, func(v kong.Visitable, next kong.Next) error {
			switch n := v.(type) {
			case *kong.Node:
				n.Help = pick(n.Help)
			case *kong.Flag:
				n.Help = pick(n.Help)
			case *kong.Value:
				n.Help = pick(n.Help)
			}
			return next(nil)
		})
	})
}

// helpIn prints kong's help with its few fixed words in the language.
func helpIn(lang string) kong.HelpPrinter {
	return func(o kong.HelpOptions, k *kong.Context) error {
		if lang == "en" {
			return kong.DefaultHelpPrinter(o, k)
		}
		out := k.Stdout
		var b bytes.Buffer
		k.Stdout = &b
		err := kong.DefaultHelpPrinter(o, k)
		k.Stdout = out
		words := strings.NewReplacer("Usage:", "用法：", "\nArguments:\n", "\n参数：\n", "\nFlags:\n", "\n选项：\n", "\nCommands:\n", "\n命令：\n",
			"\" for more information on a command.", "\" 查看某个命令的说明。", "Run \"", "运行 \"")
		_, werr := words.WriteString(out, b.String())
		return errors.Join(err, werr)
	}
}
