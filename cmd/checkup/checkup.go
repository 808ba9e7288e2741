// Package checkup is the checklist of kuayu doctor: configuration, keys, disk, clock, database, evidence, listeners,
// members. It changes nothing and works whether or not the node runs.
package checkup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/kuayu/kuayu/internal/clock"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/disk"
	"github.com/kuayu/kuayu/node"
	"github.com/kuayu/kuayu/support/checkup"
	"github.com/kuayu/kuayu/support/federation"
)

// Pong is how a member answered.
type Pong struct {
	Member string `json:"member"`
	OK     bool   `json:"ok"`
	Millis int64  `json:"ms"`
	Error  string `json:"error,omitempty"`
}

// Hands are what the checklist has others do.
type Hands struct {
	Offline func(dir string) (*node.Node, error)                        // the node's configuration and keys alone
	Lock    func(dir string) (func(), error)                            // node.ErrInUse while a node runs
	Health  func(ctx context.Context) (*node.Health, error)             // of the running node
	Key     func() error                                                // whether there is a key to sign in with
	Ping    func(ctx context.Context, members []string) ([]Pong, error) //
}

// run is the state of one run.
type run struct {
	Hands
	checkup.List
	Dir     string
	conf    node.Config
	node    *node.Node // configuration and keys alone
	running bool
	members []string
}

// Run goes through the checklist of a node's folder, in a language.
func Run(ctx context.Context, dir, lang string, h Hands) []checkup.Check {
	d := &run{Hands: h, Dir: dir, List: checkup.List{Lang: lang}}
	if d.configuration() {
		d.keys()
		d.Folder(d.Dir)
		d.clock()
		d.storage(ctx)
		d.evidence()
		d.listeners(ctx)
		d.reach(ctx)
	}
	return d.Checks
}

func (d *run) configuration() bool {
	var err error
	d.conf, err = node.LoadConfig(d.Dir)
	fix := d.T("检查 "+filepath.Join(d.Dir, node.ConfigFile), "correct "+filepath.Join(d.Dir, node.ConfigFile))
	if errors.Is(err, federation.ErrNoNode) {
		fix = d.T("运行 kuayu init，或用 --dir 指明数据目录", "run kuayu init, or name the data folder with --dir")
	}
	return d.Judge("配置", "configuration", err, d.conf.Member+" "+d.conf.Name, fix)
}

func (d *run) keys() {
	d.KeyFiles(filepath.Join(d.Dir, "keys"))
	var err error
	d.node, err = d.Offline(d.Dir)
	d.Judge("密钥可用", "keys load", err, "", d.T("从备份恢复 keys 目录", "restore the keys folder from backup"))
	if err != nil {
		d.node = nil
	}
}

// clock compares the clock with times that must lie in the past.
func (d *run) clock() {
	first := time.Time{}
	if d.node != nil {
		first = d.node.Keys.CA.NotBefore
	}
	d.Clock(time.Now(), first, filepath.Join(d.Dir, "evidence"))
}

func (d *run) storage(ctx context.Context) {
	fix := d.T("检查配置中的 database；表由 kuayu serve 启动时建立", "check “database” in the configuration; kuayu serve makes the tables when it starts")
	if !strings.Contains(d.conf.Database, "://") {
		if _, err := os.Stat(d.conf.Database); err != nil { // opening would create it
			d.Judge("数据库", "database", err, "", fix)
			return
		}
	}
	b, err := db.Open(ctx, d.conf.Database)
	if !d.Judge("数据库", "database", err, "", fix) {
		return
	}
	defer func() { _ = b.Close() }()
	if d.Tables(ctx, b, fix) && d.node != nil {
		d.constitution(ctx, b)
	}
}

func (d *run) constitution(ctx context.Context, b *db.DB) {
	dir := federation.NewDirectory()
	err := federation.NewService(b, dir, clock.System{}, d.conf.Member, d.node.Keys.Root).Load(ctx)
	if err != nil {
		d.Judge("章程", "constitution", err, "", d.T("从备份恢复数据库", "restore the database from backup"))
		return
	}
	c := dir.Current()
	for _, m := range c.Members {
		d.members = append(d.members, m.ID)
	}
	d.Constitution(c, d.conf.Member, d.node.Keys.Root.Public(), time.Now())
}

// evidence looks at the checkpoints only; kuayu evidence fsck reads everything.
func (d *run) evidence() {
	if d.node == nil {
		return
	}
	for e := uint32(1); e <= node.Epoch(d.Dir); e++ {
		dir := node.EvidenceDir(d.Dir, e)
		if _, err := os.Stat(dir); err != nil {
			continue
		}
		name := fmt.Sprintf(" e%04d", e)
		detail, err := d.checkpoint(dir, e)
		d.Judge("存证"+name, "evidence"+name, err, detail, "kuayu evidence fsck --dir "+d.Dir)
	}
}

func (d *run) checkpoint(dir string, epoch uint32) (string, error) {
	files, err := (disk.OS{}).List(filepath.Join(dir, "segments"))
	if err != nil {
		return "", err
	}
	detail := fmt.Sprintf(d.T("%d 个存证文件", "%d segments"), len(files))
	raw, err := os.ReadFile(filepath.Join(dir, "tlog", "checkpoint"))
	if errors.Is(err, fs.ErrNotExist) {
		return detail + d.T("，尚无检查点", ", no checkpoint yet"), nil
	}
	if err != nil {
		return "", err
	}
	_, vkey, err := d.node.Keys.CheckpointSigner(node.LogOf(&d.conf, epoch))
	if err != nil {
		return "", err
	}
	v, err := note.NewVerifier(vkey)
	if err != nil {
		return "", err
	}
	_, err = note.Open(raw, note.VerifierList(v))
	return detail, err
}

func (d *run) listeners(ctx context.Context) {
	if unlock, err := d.Lock(d.Dir); err == nil {
		unlock()
	} else if errors.Is(err, node.ErrInUse) {
		d.running = true
	}
	if d.running {
		h, err := d.Health(ctx)
		if d.conf.Listen.Admin == "off" {
			d.Add("节点", "node", checkup.Good, d.T("正在运行", "it runs"), "")
			return
		}
		if !d.Judge("节点", "node", err, d.T("正在运行", "it runs"), d.T("进程占用数据目录却不应答：查看其日志", "a process holds the folder and does not answer: read its log")) {
			return
		}
		d.jobs(h)
		return
	}
	l := d.conf.Listen
	for _, at := range [][2]string{{"peer", l.Peer}, {"staff", l.Staff}, {"public", l.Public}, {"admin", l.Admin}} {
		name, addr := at[0], at[1]
		if addr == "off" {
			continue
		}
		l, err := net.Listen("tcp", addr) //nolint:noctx // closed at once
		if err == nil {
			_ = l.Close()
			continue
		}
		d.Judge("监听 "+name, "listener "+name, err, "", d.T("停止占用者，或改配置中的 listen."+name, "stop who holds it, or change listen."+name+" in the configuration"))
		return
	}
	d.Add("节点", "node", checkup.Warning, d.T("未运行，监听地址空闲", "not running; its addresses are free"), "kuayu serve --dir "+d.Dir)
}

func (d *run) jobs(h *node.Health) {
	d.Dead(h.Dead, h.QueueDepth)
	for _, s := range h.Seen {
		if s.Forked {
			d.Add("成员日志 "+s.Member, "log of "+s.Member, checkup.Bad, d.T("与此前见过的矛盾：", "contradicts what was seen before: ")+s.Origin, d.T("联系该成员与审计人员", "contact that member and the auditors"))
		}
	}
}

// reach asks every member for its catalogue, as whoever --actor says, or the operator.
func (d *run) reach(ctx context.Context) {
	if !d.running || len(d.members) == 0 {
		return
	}
	if err := d.Key(); err != nil {
		d.Add("成员连通", "members", checkup.Skipped, d.T("没有可用的私钥", "no key to sign in with"), "kuayu doctor --actor ID --key FILE")
		return
	}
	ps, err := d.Ping(ctx, d.members)
	if err != nil {
		d.Judge("成员连通", "members", err, "", "kuayu whoami")
		return
	}
	for _, p := range ps {
		if p.OK {
			d.Add("成员 "+p.Member, "member "+p.Member, checkup.Good, strconv.FormatInt(p.Millis, 10)+d.T(" 毫秒", " ms"), "")
		} else {
			d.Add("成员 "+p.Member, "member "+p.Member, checkup.Bad, p.Error, d.PeerFix())
		}
	}
}
