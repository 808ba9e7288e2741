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
	"syscall"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/kuayu/kuayu/internal/clock"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/disk"
	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/node"
	"github.com/kuayu/kuayu/support/federation"
)

// The marks of a check.
const (
	Good    = "ok"
	Warning = "warning"
	Bad     = "failed"
	Skipped = "skipped"
)

// Check is one line of the checklist.
type Check struct {
	Name   string `json:"name"`
	State  string `json:"state"` // ok, Warning, failed, skipped
	Detail string `json:"detail,omitempty"`
	Fix    string `json:"fix,omitempty"`
}

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

// checkup is the state of one run.
type checkup struct {
	Hands
	Dir, Lang string
	conf      node.Config
	node      *node.Node // configuration and keys alone
	running   bool
	members   []string
	checks    []Check
}

// Run goes through the checklist of a node's folder, in a language.
func Run(ctx context.Context, dir, lang string, h Hands) []Check {
	d := &checkup{Hands: h, Dir: dir, Lang: lang}
	if d.configuration() {
		d.keys()
		d.folder()
		d.clock()
		d.storage(ctx)
		d.evidence()
		d.listeners(ctx)
		d.reach(ctx)
	}
	return d.checks
}

func (d *checkup) t(zh, en string) string {
	if d.Lang == "en" {
		return en
	}
	return zh
}

func when(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05") }

func (d *checkup) add(zh, en, state, detail, fix string) {
	d.checks = append(d.checks, Check{Name: d.t(zh, en), State: state, Detail: detail, Fix: fix})
}

// judge adds a check that failed if err is not nil.
func (d *checkup) judge(zh, en string, err error, detail, fix string) bool {
	if err != nil {
		e := errs.As(err)
		detail = e.Message(d.Lang)
		if e.Cause != nil {
			detail = e.Cause.Error()
		}
		d.add(zh, en, Bad, detail, fix)
		return false
	}
	d.add(zh, en, Good, detail, "")
	return true
}

func (d *checkup) configuration() bool {
	var err error
	d.conf, err = node.LoadConfig(d.Dir)
	fix := d.t("检查 "+filepath.Join(d.Dir, node.ConfigFile), "mend "+filepath.Join(d.Dir, node.ConfigFile))
	if errors.Is(err, federation.ErrNoNode) {
		fix = d.t("运行 kuayu init，或用 --dir 指明数据目录", "run kuayu init, or name the data folder with --dir")
	}
	return d.judge("配置", "configuration", err, d.conf.Member+" "+d.conf.Name, fix)
}

func (d *checkup) keys() {
	dir := filepath.Join(d.Dir, "keys")
	var open []string
	es, err := os.ReadDir(dir)
	for _, e := range es {
		if st, serr := e.Info(); serr == nil && st.Mode().Perm()&0o077 != 0 && strings.HasSuffix(e.Name(), ".key") {
			open = append(open, e.Name())
		}
	}
	if err == nil && len(open) > 0 {
		d.add("密钥权限", "key files", Bad, d.t("其他用户可读：", "others may read: ")+strings.Join(open, " "), "chmod 600 "+dir+"/*.key")
	} else {
		d.judge("密钥权限", "key files", err, dir, d.t("从备份恢复 keys 目录", "restore the keys folder from backup"))
	}
	d.node, err = d.Offline(d.Dir)
	d.judge("密钥可用", "keys load", err, "", d.t("从备份恢复 keys 目录", "restore the keys folder from backup"))
	if err != nil {
		d.node = nil
	}
}

// enoughSpace is when doctor begins to warn, in bytes.
const enoughSpace = 1 << 30

func (d *checkup) folder() {
	f, err := os.CreateTemp(d.Dir, ".doctor-*")
	if err == nil {
		err = errors.Join(f.Close(), os.Remove(f.Name()))
	}
	if !d.judge("磁盘可写", "disk can be written", err, "", d.t("检查权限与挂载", "check permissions and mounts")) {
		return
	}
	var st syscall.Statfs_t
	if err := syscall.Statfs(d.Dir, &st); err != nil {
		return
	}
	free := st.Bavail * uint64(st.Bsize) //nolint:gosec // never negative
	detail := fmt.Sprintf("%.1f GiB", float64(free)/(1<<30))
	if free < enoughSpace {
		d.add("剩余空间", "free space", Warning, detail, d.t("写满后交换会停止：清理或扩容", "exchange stops when it is full: make room"))
		return
	}
	d.add("剩余空间", "free space", Good, detail, "")
}

// clock compares the clock with times that must lie in the past.
func (d *checkup) clock() {
	now := time.Now()
	newest := time.Time{}
	if d.node != nil {
		newest = d.node.Keys.CA.NotBefore
	}
	_ = filepath.WalkDir(filepath.Join(d.Dir, "evidence"), func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return nil //nolint:nilerr // what can't be read tells no time
		}
		if st, err := e.Info(); err == nil && st.ModTime().After(newest) {
			newest = st.ModTime()
		}
		return nil
	})
	if newest.After(now.Add(time.Minute)) {
		d.add("时钟", "clock", Bad, when(now)+d.t("，早于已有存证 ", ", before evidence of ")+when(newest), d.t("同步时钟（NTP）后再启动", "set the clock (NTP) before starting"))
		return
	}
	d.add("时钟", "clock", Good, when(now), "")
}

// tables are one of each room: a room that was not migrated lacks its own.
func tables() []string {
	return []string{"queue_job", "federation_version", "evidence_seen", "identity_actor", "catalog_resource", "agreement_negotiation"}
}

func (d *checkup) storage(ctx context.Context) {
	fix := d.t("检查配置中的 database；表由 kuayu serve 启动时建立", "check “database” in the configuration; kuayu serve makes the tables when it starts")
	if !strings.Contains(d.conf.Database, "://") {
		if _, err := os.Stat(d.conf.Database); err != nil { // opening would create it
			d.judge("数据库", "database", err, "", fix)
			return
		}
	}
	b, err := db.Open(ctx, d.conf.Database)
	if !d.judge("数据库", "database", err, "", fix) {
		return
	}
	defer func() { _ = b.Close() }()
	for _, name := range tables() {
		var n int
		if err = b.Read().NewRaw("SELECT count(*) FROM "+name).Scan(ctx, &n); err != nil {
			break
		}
	}
	if d.judge("数据表", "tables", err, "", fix) && d.node != nil {
		d.constitution(ctx, b)
	}
}

func (d *checkup) constitution(ctx context.Context, b *db.DB) {
	dir := federation.NewDirectory()
	err := federation.NewService(b, dir, clock.System{}, d.conf.Member, d.node.Keys.Root).Load(ctx)
	if err != nil {
		d.judge("章程", "constitution", err, "", d.t("从备份恢复数据库", "restore the database from backup"))
		return
	}
	c := dir.Current()
	for _, m := range c.Members {
		d.members = append(d.members, m.ID)
	}
	detail := fmt.Sprintf(d.t("%s 第 %d 版，%d 个成员，有效至 %s", "%s version %d, %d members, valid until %s"), c.Federation, c.Number, len(c.Members), when(c.ValidUntil))
	self := c.Member(d.conf.Member)
	switch {
	case c.Number == 0:
		d.add("章程", "constitution", Warning, d.t("尚未加入联盟", "in no federation yet"), "kuayu join request; kuayu join accept")
	case self == nil:
		d.add("章程", "constitution", Warning, d.t("章程中没有本成员", "this member is not in it"), "kuayu propose join")
	case self.RootKey.String() != d.node.Keys.Root.Public().String():
		d.add("章程", "constitution", Bad, d.t("章程所列的根密钥不是本节点的", "it lists another root key than this node's"), d.t("恢复原来的 keys 目录，或 kuayu propose rekey", "restore the old keys folder, or kuayu propose rekey"))
	case time.Now().After(c.ValidUntil):
		d.add("章程", "constitution", Bad, detail, d.t("已过期：请提议新版本", "expired: propose a new version"))
	case time.Now().AddDate(0, 0, 30).After(c.ValidUntil):
		d.add("章程", "constitution", Warning, detail, d.t("30 天内到期：请提议新版本", "it ends within 30 days: propose a new version"))
	default:
		d.add("章程", "constitution", Good, detail, "")
	}
}

// evidence looks at the checkpoints only; kuayu evidence fsck reads everything.
func (d *checkup) evidence() {
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
		d.judge("存证"+name, "evidence"+name, err, detail, "kuayu evidence fsck --dir "+d.Dir)
	}
}

func (d *checkup) checkpoint(dir string, epoch uint32) (string, error) {
	files, err := (disk.OS{}).List(filepath.Join(dir, "segments"))
	if err != nil {
		return "", err
	}
	detail := fmt.Sprintf(d.t("%d 个存证文件", "%d segments"), len(files))
	raw, err := os.ReadFile(filepath.Join(dir, "tlog", "checkpoint"))
	if errors.Is(err, fs.ErrNotExist) {
		return detail + d.t("，尚无检查点", ", no checkpoint yet"), nil
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

func (d *checkup) listeners(ctx context.Context) {
	if unlock, err := d.Lock(d.Dir); err == nil {
		unlock()
	} else if errors.Is(err, node.ErrInUse) {
		d.running = true
	}
	if d.running {
		h, err := d.Health(ctx)
		if d.conf.Listen.Admin == "off" {
			d.add("节点", "node", Good, d.t("正在运行", "it runs"), "")
			return
		}
		if !d.judge("节点", "node", err, d.t("正在运行", "it runs"), d.t("进程占用数据目录却不应答：查看其日志", "a process holds the folder and does not answer: read its log")) {
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
		d.judge("监听 "+name, "listener "+name, err, "", d.t("停止占用者，或改配置中的 listen."+name, "stop who holds it, or change listen."+name+" in the configuration"))
		return
	}
	d.add("节点", "node", Warning, d.t("未运行，监听地址空闲", "not running; its addresses are free"), "kuayu serve --dir "+d.Dir)
}

func (d *checkup) jobs(h *node.Health) {
	if h.Dead > 0 {
		d.add("失败任务", "dead jobs", Bad, strconv.FormatInt(int64(h.Dead), 10), d.t("查看日志；表 queue_job 中 dead = 1 的行记有原因", "read the log; rows of queue_job with dead = 1 say why"))
	} else {
		d.add("失败任务", "dead jobs", Good, fmt.Sprintf(d.t("无；%d 个在等待", "none; %d wait"), h.QueueDepth), "")
	}
	for _, s := range h.Seen {
		if s.Forked {
			d.add("成员日志 "+s.Member, "log of "+s.Member, Bad, d.t("与此前见过的矛盾：", "contradicts what was seen before: ")+s.Origin, d.t("联系该成员与审计人员", "contact that member and the auditors"))
		}
	}
}

// reach asks every member for its catalogue, as whoever --actor says, or the operator.
func (d *checkup) reach(ctx context.Context) {
	if !d.running || len(d.members) == 0 {
		return
	}
	if err := d.Key(); err != nil {
		d.add("成员连通", "members", Skipped, d.t("没有可用的私钥", "no key to sign in with"), "kuayu doctor --actor ID --key FILE")
		return
	}
	ps, err := d.Ping(ctx, d.members)
	if err != nil {
		d.judge("成员连通", "members", err, "", "kuayu whoami")
		return
	}
	for _, p := range ps {
		if p.OK {
			d.add("成员 "+p.Member, "member "+p.Member, Good, strconv.FormatInt(p.Millis, 10)+" ms", "")
		} else {
			d.add("成员 "+p.Member, "member "+p.Member, Bad, p.Error, d.t("确认对方在运行、peer_url 可达、双方时钟一致", "check that it runs, that its peer_url is reachable, and both clocks"))
		}
	}
}
