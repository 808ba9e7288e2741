package node

import (
	"context"
	"path/filepath"
	"strconv"

	"github.com/kuayu/kuayu/internal/clock"
	"github.com/kuayu/kuayu/support/checkup"
)

// Checks goes through the set-up of this node while it runs, for its operators.
func (n *Node) Checks(ctx context.Context, lang string) []checkup.Check {
	l := &checkup.List{Lang: lang, Zone: clock.China()}
	now, con := n.Clock.Now(), n.Directory.Current()
	l.Add("身份", "identity", checkup.Good, l.T(n.Config.Name, n.Config.NameEN)+l.T("，行政区划代码 ", ", division ")+n.Config.Division, "")
	l.Constitution(con, n.Config.Member, n.Keys.Root.Public(), now)
	l.KeyFiles(filepath.Join(n.Dir, "keys"))
	l.Clock(now, n.Keys.CA.NotBefore, EvidenceDir(n.Dir, n.Log.ID().Epoch))
	l.Folder(n.Dir)
	l.Tables(ctx, n.DB, l.T("查看节点日志，检查配置中的 database", "read the node's log, and check “database” in the configuration"))
	depth, err := n.Queue.Depth(ctx)
	if dead, derr := n.Queue.Dead(ctx); err == nil && derr == nil {
		l.Dead(len(dead), depth)
	}
	contacts := n.Link.Contacts()
	for i := range con.Members {
		m := &con.Members[i]
		c, had := contacts[m.ID]
		zh, en := "成员连通："+m.Name, "member "+m.NameEN
		switch {
		case m.ID == n.Config.Member:
		case !had:
			l.Add(zh, en, checkup.Skipped, l.T("启动后还没有往来", "no contact since the start"), l.T("在“成员节点”页探测", "probe it on the page of members"))
		case c.Reached():
			l.Add(zh, en, checkup.Good, strconv.FormatInt(c.Took.Milliseconds(), 10)+l.T(" 毫秒", " ms"), "")
		default:
			detail := ""
			if c.Err != nil {
				detail = c.Err.Message(lang)
			}
			l.Add(zh, en, checkup.Bad, detail, l.PeerFix())
		}
	}
	if n.mail == nil {
		l.Add("邮件", "mail", checkup.Warning, l.T("未配置，通知只在页面上查看", "not configured: notices are on the pages alone"), l.T("在配置文件 "+ConfigFile+" 中填写 mail 后重启节点", "fill in “mail” in "+ConfigFile+" and restart the node"))
	} else {
		l.Add("邮件", "mail", checkup.Good, l.T("已配置", "configured"), "")
	}
	return l.Checks
}
