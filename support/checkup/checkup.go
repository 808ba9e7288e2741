package checkup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/support/federation"
	"github.com/kuayu/kuayu/support/seal"
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

// List is a checklist in one language, "en" or else Chinese.
type List struct {
	Lang   string
	Zone   *time.Location // in which times are told; nil: the machine's
	Checks []Check
}

// T is one of two texts.
func (l *List) T(zh, en string) string {
	if l.Lang == "en" {
		return en
	}
	return zh
}

// When is a time as people read it.
func (l *List) When(t time.Time) string {
	if l.Zone == nil {
		return t.Local().Format(time.DateTime)
	}
	return t.In(l.Zone).Format(time.DateTime)
}

// Add adds a check.
func (l *List) Add(zh, en, state, detail, fix string) {
	l.Checks = append(l.Checks, Check{Name: l.T(zh, en), State: state, Detail: detail, Fix: fix})
}

// Judge adds a check that failed if err is not nil, and reports whether it is well.
func (l *List) Judge(zh, en string, err error, detail, fix string) bool {
	if err != nil {
		e := errs.As(err)
		detail = e.Message(l.Lang)
		if e.Cause != nil {
			detail = e.Cause.Error()
		}
		l.Add(zh, en, Bad, detail, fix)
		return false
	}
	l.Add(zh, en, Good, detail, "")
	return true
}

// KeyFiles looks at the folder of keys: nobody else may read it.
func (l *List) KeyFiles(dir string) {
	var open []string
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if st, serr := e.Info(); serr == nil && st.Mode().Perm()&0o077 != 0 && strings.HasSuffix(path, ".key") {
			name, _ := filepath.Rel(dir, path)
			open = append(open, name)
		}
		return nil
	})
	if err == nil && len(open) > 0 {
		l.Add("密钥权限", "key files", Bad, l.T("其他用户可读：", "others may read: ")+strings.Join(open, " "), "cd "+dir+" && chmod 600 "+strings.Join(open, " "))
		return
	}
	l.Judge("密钥权限", "key files", err, dir, l.T("从备份恢复 keys 目录", "restore the keys folder from backup"))
}

// enoughSpace is when a full disk is warned of, in bytes.
const enoughSpace = 1 << 30

// Folder looks whether a folder can be written, and how much space there is.
func (l *List) Folder(dir string) {
	f, err := os.CreateTemp(dir, ".doctor-*")
	if err == nil {
		err = errors.Join(f.Close(), os.Remove(f.Name()))
	}
	if !l.Judge("磁盘可写", "disk can be written", err, "", l.T("检查权限与挂载", "check permissions and mounts")) {
		return
	}
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return
	}
	free := st.Bavail * uint64(st.Bsize) //nolint:gosec // never negative
	detail := fmt.Sprintf("%.1f GiB", float64(free)/(1<<30))
	if free < enoughSpace {
		l.Add("剩余空间", "free space", Warning, detail, l.T("写满后交换会停止：清理或扩容", "exchange stops when it is full: make space"))
		return
	}
	l.Add("剩余空间", "free space", Good, detail, "")
}

// Clock compares the clock with times that must lie in the past: of the first certificate, if it is known, and of the
// evidence in a folder.
func (l *List) Clock(now, first time.Time, evidence string) {
	newest := first
	_ = filepath.WalkDir(evidence, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return nil //nolint:nilerr // what can't be read tells no time
		}
		if st, err := e.Info(); err == nil && st.ModTime().After(newest) {
			newest = st.ModTime()
		}
		return nil
	})
	if newest.After(now.Add(time.Minute)) {
		l.Add("时钟", "clock", Bad, l.When(now)+l.T("，早于已有存证 ", ", before evidence of ")+l.When(newest), l.T("同步时钟（NTP）后再启动", "set the clock (NTP) before starting"))
		return
	}
	l.Add("时钟", "clock", Good, l.When(now), "")
}

// tables are one of each package: a package that was not migrated lacks its own.
func tables() []string {
	return []string{"queue_job", "federation_version", "evidence_seen", "identity_actor", "catalog_resource", "process_case"}
}

// Tables looks whether the packages' tables can be read.
func (l *List) Tables(ctx context.Context, b *db.DB, fix string) bool {
	var err error
	for _, name := range tables() {
		var n int
		if err = b.Read().NewRaw("SELECT count(*) FROM (SELECT 1 FROM "+name+" LIMIT 1) t").Scan(ctx, &n); err != nil {
			break
		}
	}
	return l.Judge("数据表", "tables", err, "", fix)
}

// constitutionEnds is how long before its end a constitution is warned of, in days.
const constitutionEnds = 30

// Constitution looks whether this member is in the constitution, under its own key, and for how long.
func (l *List) Constitution(c *federation.Constitution, self string, root seal.PublicKey, now time.Time) {
	detail := fmt.Sprintf(l.T("%s 第 %d 版，%d 个成员，有效至 %s", "%s version %d, %d members, valid until %s"), c.Federation, c.Number, len(c.Members), l.When(c.ValidUntil))
	m := c.Member(self)
	switch {
	case c.Number == 0:
		l.Add("章程", "constitution", Warning, l.T("尚未加入联盟", "in no federation yet"), "kuayu join request; kuayu join accept")
	case m == nil:
		l.Add("章程", "constitution", Warning, l.T("章程中没有本成员", "this member is not in it"), "kuayu propose join")
	case m.RootKey.String() != root.String():
		l.Add("章程", "constitution", Bad, l.T("章程所列的根密钥不是本节点的", "it lists another root key than this node's"), l.T("恢复原来的 keys 目录，或 kuayu propose rekey", "restore the old keys folder, or kuayu propose rekey"))
	case now.After(c.ValidUntil):
		l.Add("章程", "constitution", Bad, detail, l.T("已过期：请提议新版本", "expired: propose a new version"))
	case now.AddDate(0, 0, constitutionEnds).After(c.ValidUntil):
		l.Add("章程", "constitution", Warning, detail, l.T("30 天内到期：请提议新版本", "it ends within 30 days: propose a new version"))
	default:
		l.Add("章程", "constitution", Good, detail, "")
	}
}

// Dead looks at the jobs that failed for good.
func (l *List) Dead(dead, waiting int) {
	if dead > 0 {
		l.Add("失败任务", "failed jobs", Bad, fmt.Sprint(dead), l.T("在“失败的任务”页查看、重试或放弃", "see, retry or drop them on the page of failed jobs, or by kuayu job"))
		return
	}
	l.Add("失败任务", "failed jobs", Good, fmt.Sprintf(l.T("无；%d 个在等待", "none; %d wait"), waiting), "")
}

// PeerFix says what to do about a member that does not answer.
func (l *List) PeerFix() string {
	return l.T("确认对方在运行、peer_url 可达、双方时钟一致", "check that it runs, that its peer_url is reachable, and both clocks")
}
