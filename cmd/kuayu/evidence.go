package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/kuayu/kuayu/api/rest"
	"github.com/kuayu/kuayu/cmd/cli"
	"github.com/kuayu/kuayu/cmd/folder"
	"github.com/kuayu/kuayu/internal/disk"
	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/node"
	"github.com/kuayu/kuayu/support/evidence"
	"github.com/kuayu/kuayu/support/federation"
)

// evidenceCmd is about facts and their proofs. Verify and fsck need no node.
type evidenceCmd struct {
	Verify       evidenceVerifyCmd       `cmd:"" help:"离线验证回执：只读两个文件。|Verify a receipt offline: reads two files, nothing else."`
	Constitution evidenceConstitutionCmd `cmd:"" help:"下载章程文件（公开）。|Download the constitution (public)."`
	List         evidenceListCmd         `cmd:"" default:"1" help:"检索存证。|Search the evidence."`
	Receipt      evidenceReceiptCmd      `cmd:"" help:"取得一条事实的回执。|Get the receipt of a fact."`
	Subject      evidenceSubjectCmd      `cmd:"" help:"谁看过某人的数据。|Who looked at a person's data."`
	Fsck         evidenceFsckCmd         `cmd:"" help:"检查本节点存证文件（离线，不改动）。|Check this node's evidence files (offline, changes nothing)."`
	Epoch        evidenceEpochCmd        `cmd:"" help:"从备份恢复后，开始新的一期日志（节点须停止）。|After a restore from backup: begin a new epoch of the log (the node must be stopped)."`
}

type evidenceVerifyCmd struct {
	File         string `arg:"" name:"receipt" help:"回执文件。|The receipt."`
	Constitution string `required:"" placeholder:"FILE" help:"章程文件，见 kuayu evidence constitution。|The constitution, see kuayu evidence constitution."`
	Genesis      string `placeholder:"HASH" help:"第一版章程须有的散列。|The hash the first version must have."`
	Body         bool   `help:"一并输出回执中的正文。|Print the body that is in the receipt, too."`
}

// verified is what a receipt says, as this command shows it.
type verified struct {
	*evidence.Verified
	Department string `json:"department,omitempty"`
	Officer    string `json:"officer,omitempty"`
	Genesis    string `json:"genesis"`
	Text       string `json:"body,omitempty"`
}

func (c *evidenceVerifyCmd) Run(ctx context.Context, a *app) error {
	v, genesis, err := c.verify(ctx, a)
	if err != nil {
		return err
	}
	out := verified{Verified: v, Department: v.Fact.Actor.Department, Officer: v.Fact.Actor.Officer, Genesis: genesis}
	if c.Body && v.HasBody {
		out.Text = string(v.Body)
	}
	if c.Genesis == "" {
		a.Note("注意：未给出 --genesis；请与可靠途径获知的创始章程散列核对。", "Mind: without --genesis, compare the genesis hash with one learned over a way you trust.")
	}
	return a.Show(out, a.verdict(&out))
}

// verify reads the two files, and nothing else.
func (c *evidenceVerifyCmd) verify(ctx context.Context, a *app) (*evidence.Verified, string, error) {
	if strings.HasPrefix(c.Constitution, "https://") {
		return nil, "", cli.ErrUsage.With(a.T("离线验证只读文件：先用 kuayu evidence constitution 下载", "offline means files: download with kuayu evidence constitution first"))
	}
	b, err := a.Read(c.File)
	if err != nil {
		return nil, "", err
	}
	con, err := a.constitution(ctx, c.Constitution)
	if err != nil {
		return nil, "", err
	}
	v, err := judge(b, con, c.Genesis)
	if err != nil {
		// Whatever is wrong with a receipt, the answer is one: it is not valid.
		e := errs.As(err)
		return nil, "", ErrReceipt.With(e.Code, e.En, e.Zh)
	}
	return v, federation.Hash(con.Chain[0].Document), nil
}

func judge(receipt []byte, con *federation.Document, genesis string) (*evidence.Verified, error) {
	versions, err := federation.VerifyChain(con.Chain, genesis)
	if err != nil {
		return nil, err
	}
	r, err := evidence.ParseReceipt(receipt)
	if err != nil {
		return nil, err
	}
	return r.Verify(versions, con.Statements...)
}

func (a *app) verdict(v *verified) *cli.Table {
	t := &cli.Table{}
	t.Add(a.T("结论", "verdict"), a.T("有效：签名、章程与日志证明全部相符", "valid: signatures, constitution and log proof agree"))
	t.Add(a.T("成员", "member"), v.Member)
	t.Add(a.T("事实", "fact"), v.Kind+" "+v.ID)
	t.Add(a.T("时间", "time"), cli.When(v.Time))
	t.Add(a.T("行为部门", "acting department"), cli.Dash(v.Department))
	t.Add(a.T("协议", "agreement"), cli.Dash(v.Header.Agreement))
	t.Add(a.T("用途", "purpose"), cli.Dash(v.Header.Purpose))
	t.Add(a.T("结果", "outcome"), cli.Dash(v.Header.Outcome))
	t.Add(a.T("行数", "rows"), cli.Count(v.Header.Rows))
	t.Add(a.T("数据摘要", "digest"), cli.Dash(v.Header.Digest))
	t.Add(a.T("已入日志", "logged"), a.Yes(v.Logged))
	t.Add(a.T("共签成员", "cosigned by"), cli.Dash(strings.Join(v.CosignedBy, ", ")))
	t.Add(a.T("可信时间", "trusted time"), cli.When(v.CosignedAt))
	t.Add(a.T("创始章程散列", "genesis"), v.Genesis)
	if v.Text != "" {
		t.Add(a.T("正文", "body"), v.Text)
	}
	return t
}

type evidenceConstitutionCmd struct {
	From    string `placeholder:"URL" help:"某成员的公众接口；缺省为本节点。|A member's public address; default this node."`
	Genesis string `placeholder:"HASH" help:"第一版章程须有的散列。|The hash the first version must have."`
	To      string `placeholder:"FILE" help:"写入文件；缺省为标准输出。|Write to a file; default standard output."`
}

func (c *evidenceConstitutionCmd) Run(ctx context.Context, a *app) error {
	con, b, err := c.get(ctx, a)
	if err != nil {
		return err
	}
	if _, err := federation.VerifyChain(con.Chain, c.Genesis); err != nil {
		return err
	}
	a.Note("创始章程散列 %s，%d 个版本", "genesis %s, %d versions", federation.Hash(con.Chain[0].Document), len(con.Chain))
	return a.Deliver(c.To, b)
}

func (c *evidenceConstitutionCmd) get(ctx context.Context, a *app) (*rest.Constitution, []byte, error) {
	if c.From != "" {
		return a.constitutionBytes(ctx, c.From)
	}
	addr, err := a.Staff()
	if err != nil {
		return nil, nil, err
	}
	cl, err := a.Stranger(addr)
	if err != nil {
		return nil, nil, err
	}
	defer cl.HTTP.CloseIdleConnections()
	var b []byte
	if err := cl.Call(ctx, http.MethodGet, "/api/v1/constitution", nil, &b); err != nil {
		return nil, nil, err
	}
	var con rest.Constitution
	return &con, b, cli.DecodeJSON(addr, b, &con)
}

type evidenceListCmd struct {
	Agreement string `placeholder:"ID" help:"只看某一协议。|Of one agreement."`
	Kind      string `help:"只看某一种类，如 query.close。|Of one kind, such as query.close."`
	Before    string `placeholder:"TIME" help:"只看此前的。|Before a time."`
	Limit     int    `default:"100" help:"最多几条。|How many at most."`
}

func (c *evidenceListCmd) Run(ctx context.Context, a *app) error {
	before := ""
	if c.Before != "" {
		at, err := a.Moment(c.Before)
		if err != nil {
			return err
		}
		before = cli.Count(at.UnixMicro())
	}
	var p cli.Page[evidence.Entry]
	if err := a.Get(ctx, with("/api/v1/facts", "agreement", c.Agreement, "kind", c.Kind, "before", before, "limit", cli.Count(c.Limit)), &p); err != nil {
		return err
	}
	return a.showFacts(p.Items)
}

func (a *app) showFacts(es []evidence.Entry) error {
	t := &cli.Table{Head: []string{a.T("时间", "time"), a.T("编号", "id"), a.T("行为部门", "department"), a.T("对方部门", "other"), a.T("人员", "officer"), a.T("协议", "agreement"), a.T("结果", "outcome"), a.T("行数", "rows")}}
	for i := range es {
		e := &es[i]
		t.Add(cli.Micro(e.Time), e.ID, cli.Dash(e.Department), cli.Dash(e.Other), cli.Dash(e.Officer), cli.Dash(e.Agreement), cli.Dash(e.Outcome), cli.Count(e.RowCount))
	}
	return a.List(es, t, "没有符合条件的存证。", "No evidence fits.")
}

type evidenceReceiptCmd struct {
	ID     string        `arg:"" help:"事实的编号。|Id of the fact."`
	To     string        `placeholder:"FILE" help:"写入文件；缺省为标准输出。|Write to a file; default standard output."`
	Wait   time.Duration `default:"0s" help:"等待入日志的时间。|How long to wait for it to be logged."`
	NoBody bool          `help:"不含正文（审计人员）。|Without the body (auditors)."`
}

func (c *evidenceReceiptCmd) Run(ctx context.Context, a *app) error {
	body := ""
	if c.NoBody {
		body = "0"
	}
	b, err := a.receipt(ctx, c.ID, c.Wait, body)
	if err != nil {
		return err
	}
	return a.Deliver(c.To, b)
}

type evidenceSubjectCmd struct {
	ID string `arg:"" name:"identifier" help:"某人的标识；“-”从标准输入读取，不留在命令历史里。|Identifier of a person; “-” reads it from standard input, so that it stays out of the shell's history."`
}

func (c *evidenceSubjectCmd) Run(ctx context.Context, a *app) error {
	id := c.ID
	if id == "-" {
		b, err := a.Read("-")
		if err != nil {
			return err
		}
		id = strings.TrimSpace(string(b))
	}
	var p cli.Page[evidence.Entry]
	if err := a.Post(ctx, "/api/v1/subjects", map[string]string{"identifier": id}, &p); err != nil {
		return err
	}
	return a.showFacts(p.Items)
}

type evidenceFsckCmd struct{}

// epochReport is what fsck found in one epoch.
type epochReport struct {
	Epoch uint32 `json:"epoch"`
	Dir   string `json:"dir"`
	*evidence.Report
}

func (*evidenceFsckCmd) Run(ctx context.Context, a *app) error {
	n, err := folder.Offline(a.Dir)
	if err != nil {
		return err
	}
	if unlock, err := folder.Lock(a.Dir); err == nil {
		defer unlock()
	} else {
		a.Note("节点正在运行：刚写入的内容可能尚未进入日志，若报错请停止节点后再查。", "The node runs: what it writes right now may look unfinished. If faults are found, stop it and check again.")
	}
	var all []epochReport
	faults := 0
	t := &cli.Table{Head: []string{a.T("期", "epoch"), a.T("批次", "batches"), a.T("事实", "facts"), a.T("已销毁", "erased"), a.T("已入日志", "logged"), a.T("日志文件", "log files"), a.T("问题", "faults")}}
	for e := uint32(1); e <= node.Epoch(a.Dir); e++ {
		r, err := fsck(ctx, n, e)
		if err != nil {
			return err
		}
		if r == nil {
			continue
		}
		all = append(all, epochReport{e, node.EvidenceDir(a.Dir, e), r})
		faults += len(r.Findings)
		t.Add(fmt.Sprintf("e%04d", e), cli.Count(r.Batches), cli.Count(r.Facts), cli.Count(r.Erased), cli.Count(r.Logged), cli.Count(r.Files), cli.Count(len(r.Findings)))
	}
	if err := a.Show(all, t); err != nil {
		return err
	}
	for _, r := range all {
		for _, f := range r.Findings {
			a.Note("✗ %s：%s", "✗ %s: %s", filepath.Join(r.Dir, f.File), f.What)
		}
		for _, f := range r.Aside {
			a.Note("! 已搁置，不在索引中：%s：%s", "! set aside, not in the index: %s: %s", filepath.Join(r.Dir, f.File), f.What)
		}
	}
	if faults > 0 {
		return ErrFaults.With(faults)
	}
	a.Note("存证完好。", "The evidence is sound.")
	return nil
}

// fsck checks one epoch; nil if there is none of that number.
func fsck(ctx context.Context, n *node.Node, epoch uint32) (*evidence.Report, error) {
	dir := node.EvidenceDir(n.Dir, epoch)
	if _, err := os.Stat(dir); err != nil {
		return nil, nil //nolint:nilerr,nilnil // an epoch that was skipped
	}
	id := node.LogOf(&n.Config, epoch)
	_, vkey, err := n.Keys.CheckpointSigner(id)
	if err != nil {
		return nil, err
	}
	v, err := note.NewVerifier(vkey)
	if err != nil {
		return nil, fmt.Errorf("checkpoint verifier: %w", err)
	}
	return evidence.Fsck(ctx, dir, n.Keys.EvidenceKey(epoch).Public(), id, v)
}

// evidenceEpochCmd begins a new epoch. A node restored from a backup holds a log shorter than the one others have seen;
// if it went on from there, the others would take it for a fork and stop exchanging with it, and rightly so. In a new epoch
// the log has a new name and begins at zero: nothing that was seen before is contradicted, and everything sealed before
// keeps its proof, since earlier epochs stay listed in the member's statement.
type evidenceEpochCmd struct {
	Number      uint32 `placeholder:"N" help:"指定期号，如果其他成员见过更高的期。|Number of the epoch, if others have seen a higher one."`
	NewKeys     bool   `help:"同时更换存证密钥和日志密钥。|Change the keys of evidence and log, too."`
	Compromised string `placeholder:"TIME" help:"旧密钥自何时起不可信：此后以旧密钥签名的事实不再作数（须与 --new-keys 同用）。|Since when the old keys are not trusted: facts they sign from then on don't count (with --new-keys)."`
}

// rotate makes new keys for the epoch, if they are asked for.
func (c *evidenceEpochCmd) rotate(a *app, n *node.Node, next uint32) error {
	if !c.NewKeys {
		if c.Compromised != "" {
			return cli.ErrUsage.With(a.T("--compromised 须与 --new-keys 同用", "--compromised goes with --new-keys"))
		}
		return nil
	}
	var since *time.Time
	if c.Compromised != "" {
		t, err := a.Moment(c.Compromised)
		if err != nil {
			return err
		}
		since = &t
	}
	return n.Keys.Rotate(filepath.Join(a.Dir, "keys"), next, time.Now(), since)
}

func (c *evidenceEpochCmd) Run(a *app) error {
	n, err := folder.Offline(a.Dir)
	if err != nil {
		return err
	}
	unlock, err := folder.Lock(a.Dir)
	if err != nil {
		return err
	}
	defer unlock()
	if err := federation.DropRotations(filepath.Join(a.Dir, "keys"), node.Epoch(a.Dir)); err != nil { // of an attempt before
		return err
	}
	next := node.Epoch(a.Dir) + 1
	if c.Number != 0 {
		if c.Number < next || c.Number > 9999 {
			return cli.ErrUsage.With(a.T(fmt.Sprintf("期号须在 %d 与 9999 之间", next), fmt.Sprintf("the number must be %d to 9999", next)))
		}
		next = c.Number
	}
	if err := c.rotate(a, n, next); err != nil { // unused before the epoch has its folder
		return err
	}
	dir := node.EvidenceDir(a.Dir, next)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return cli.ErrFile.Because(err, dir)
	}
	if err := (disk.OS{}).SyncDir(filepath.Dir(dir)); err != nil {
		return cli.ErrFile.Because(err, dir)
	}
	t := &cli.Table{}
	t.Add(a.T("新的一期", "new epoch"), fmt.Sprintf("e%04d", next))
	t.Add(a.T("目录", "folder"), dir)
	t.Add(a.T("更换密钥", "new keys"), a.Yes(c.NewKeys))
	a.Note(`此前各期原样保留，其回执仍然有效。下次启动时，节点会用新日志，并把新的签名声明告知全体成员。
如果备份丢失了最近的期，请先在其他成员处用 kuayu member list 查明见过的最高期号，再用 --number 指定更高的。
如果备份早于最近一次更换密钥，请同时恢复更新的 keys 目录；已声明失密的密钥不能再用，其他成员会拒绝。`,
		`Earlier epochs stay as they are, and their receipts stay valid. At its next start the node writes to the new log and tells
all members so in a signed statement. If the backup lacks recent epochs, look at another member with kuayu member list for the
highest epoch seen, and give a higher --number. If the backup is older than the last change of keys, restore a
newer keys folder as well: a key that was declared lost does not come back, the others refuse it.`)
	return a.Show(map[string]any{"epoch": next, "dir": dir, "new_keys": c.NewKeys}, t)
}
