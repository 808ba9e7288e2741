package watch

import (
	"context"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/a-h/templ"

	"github.com/kuayu/kuayu/support/federation"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/peer"
	"github.com/kuayu/kuayu/web/staff"
	"github.com/kuayu/kuayu/web/ui"
)

// When something of a member needs a look.
const (
	clockOff   = 5 * time.Second     // requests live for 30 seconds
	endsSoon   = 30 * 24 * time.Hour // of a constitution or of an authority's certificate
	leafSoon   = 24 * time.Hour      // of a node's certificate, which lives a week and is renewed daily
	probeAtAll = 5 * time.Second     // how long a probe of all members may take
	probeMost  = 64                  // members
)

// keepers are those who look after the federation's nodes.
func keepers() []identity.Role {
	return []identity.Role{identity.Operator, identity.Authority, identity.Auditor}
}

// members is how the members' nodes are, what waits for votes, and how the constitution came about.
func (w *Watch) members(rw http.ResponseWriter, q staff.Visit) error {
	return w.showMembers(rw, q, "", nil, nil)
}

// showMembers is the page; f and faults are a form for a kind of change that was not taken.
func (w *Watch) showMembers(rw http.ResponseWriter, q staff.Visit, kind string, f url.Values, faults map[string]string) error {
	nm := w.Names(q)
	v, con, contacts := q.V, w.MemberRegistry.Current(), w.Contacts.Contacts()
	x := membersView{now: w.Clock.Now(), figures: w.memberFigures(v, con, contacts), table: w.memberTable(v, nm, con, contacts), own: w.ownFacts(v, con), probe: q.Sess.Has(keepers()...)}
	x.history, x.paging = w.history(v)
	if q.Sess.Has(identity.Operator, identity.Authority) {
		ps, err := w.Ballots.Proposals(q.Context())
		if err != nil {
			return err
		}
		may := q.Sess.Has(identity.Authority)
		x.ballots, x.votes = w.ballotsOf(v, con, ps, may), true
		if may {
			x.propose = w.proposing(v, nm, con, ps, changeForms(v, nm, con, kind, f, faults))
		}
	}
	status := http.StatusOK
	if len(faults) > 0 {
		status = http.StatusBadRequest
	}
	w.Show(rw, q, status, staff.PathMembers, ui.PageInfo{
		Title: v.Pick("成员节点", "Members"), Lead: v.Pick("各成员节点能否连通、证书与时钟是否正常，章程的变更与历次版本。", "Whether the members' nodes can be reached, their certificates and clocks, and how the constitution changes."), Crumbs: []ui.Link{staff.Home(v)},
	}, membersPage(v, x))
	return nil
}

func (w *Watch) memberFigures(v *ui.View, con *federation.Constitution, contacts map[string]peer.Contact) []ui.Figure {
	reached, tried := 0, 0
	for _, m := range con.Members {
		if c, had := contacts[m.ID]; had && m.ID != w.Self {
			tried++
			if c.Reached() {
				reached++
			}
		}
	}
	reach := ui.Status{Tone: ui.Good, Word: v.Pick("都能连通", "All answer")}
	switch {
	case tried == 0:
		reach = ui.Status{Tone: ui.Neutral, Word: v.Pick("启动后还没有往来", "No contact since the start")}
	case reached < tried:
		reach = ui.Status{Tone: ui.Bad, Word: v.Pick("有成员连接不上", "Some do not answer")}
	}
	ends := ui.Status{Tone: ui.Good, Word: v.Pick("有效至 ", "valid until ") + v.Day(con.ValidUntil)}
	if left := con.ValidUntil.Sub(w.Clock.Now()); left <= 0 {
		ends = ui.Status{Tone: ui.Bad, Word: v.Pick("已过期，请提议新版本", "expired: propose a new version")}
	} else if left < endsSoon {
		ends.Tone = ui.Warning
	}
	n := func(i int) string { return v.Number(int64(i)) }
	return []ui.Figure{
		{Label: v.Pick("成员", "Members"), Value: n(len(con.Members)), Status: ui.Status{Tone: ui.Neutral, Word: v.Pick(n(con.Voters())+" 个有表决权", n(con.Voters())+" vote")}},
		{Label: v.Pick("可连通（有往来的）", "Answer, of those contacted"), Value: n(reached) + " / " + n(tried), Status: reach},
		{Label: v.Pick("章程", "Constitution"), Value: v.Pick("第 "+n(con.Number)+" 版", "version "+n(con.Number)), Status: ends},
		{Label: v.Pick("法定票数", "Quorum"), Value: n(con.Quorum) + " / " + n(con.Voters())},
	}
}

// ownFacts are this node's own certificates and version.
func (w *Watch) ownFacts(v *ui.View, con *federation.Constitution) []ui.Fact {
	leaf, ca := w.Certificates()
	return []ui.Fact{
		{Label: v.Pick("本节点证书有效至", "This node's certificate ends"), Value: v.Minute(leaf) + v.Pick("（每天自动换发）", " (renewed daily by itself)")},
		{Label: v.Pick("本成员签发机构证书有效至", "The certificate of this member's authority ends"), Value: v.Day(ca)},
		{Label: v.Pick("本节点程序版本", "This node's version"), Value: w.Version},
		{Label: v.Pick("联盟标识", "Federation"), Value: con.Federation},
	}
}

// health is how a member is, in a word, with what to do about it.
func (w *Watch) health(v *ui.View, c *peer.Contact) (ui.Status, string) {
	now := w.Clock.Now()
	switch {
	case c.At.IsZero() && c.Failed.IsZero():
		return ui.Status{Tone: ui.Neutral, Word: v.Pick("还没有往来", "No contact yet")}, v.Pick("可点“探测”试一试。", "Try the probe.")
	case !c.Reached():
		remedy := v.Pick("请确认对方节点在运行、对外地址可达、防火墙放行；仍不通请联系对方运维。", "Check that it runs, that its address can be reached, and the firewall; or call its operators.")
		if c.Err != nil && c.Err.Code == peer.ErrTLS.Code {
			remedy = v.Pick("请核对双方章程版本与证书；一方可能已不是成员，或证书已换而对方未收到声明。", "Compare both constitutions and certificates: one may be no member any more, or its new certificate was not announced.")
		}
		return ui.Status{Tone: ui.Bad, Word: v.Pick("连接不上", "Does not answer")}, v.Pick("自 ", "Since ") + v.Minute(c.Failed) + v.Pick("。", ". ") + remedy
	case c.Ahead.Abs() >= clockOff:
		return ui.Status{Tone: ui.Warning, Word: v.Pick("时钟不一致", "Clocks differ")}, v.Pick("相差超过 30 秒时请求会被拒绝，请双方与时间服务器（NTP）同步。", "Beyond 30 seconds requests are refused: set both clocks by NTP.")
	case !c.Ends.IsZero() && c.Ends.Sub(now) < leafSoon:
		return ui.Status{Tone: ui.Warning, Word: v.Pick("证书即将到期", "Certificate ends soon")}, v.Pick("节点证书应每天自动换发，请对方运维查看日志或重启节点。", "It should be renewed daily: its operators should read the log or restart the node.")
	case c.Version != "" && c.Version != w.Version:
		return ui.Status{Tone: ui.Notice, Word: v.Pick("版本不同", "Another version")}, v.Pick("相邻版本可以互通，请安排升级到同一版本。", "Neighbouring versions work together; plan to upgrade.")
	}
	return ui.Status{Tone: ui.Good, Word: v.Pick("正常", "Well")}, ""
}

func clockWord(v *ui.View, c *peer.Contact) string {
	switch {
	case c.At.IsZero():
		return "—"
	case c.Ahead == 0:
		return v.Pick("一致", "agree")
	case c.Ahead > 0:
		return v.Pick("对方快 ", "ahead by ") + v.Duration(c.Ahead)
	}
	return v.Pick("对方慢 ", "behind by ") + v.Duration(-c.Ahead)
}

func (w *Watch) memberTable(v *ui.View, nm *staff.Names, con *federation.Constitution, contacts map[string]peer.Contact) ui.Table {
	t := ui.Table{
		Caption: v.Pick("成员节点", "Members"),
		Columns: []ui.Column{
			{Label: v.Pick("成员", "Member")},
			{Label: v.Pick("最近应答", "Last answer")},
			{Label: v.Pick("往返用时", "Round trip"), Number: true},
			{Label: v.Pick("证书有效至", "Certificate ends")},
			{Label: v.Pick("时钟", "Clock")},
			{Label: v.Pick("版本", "Version")},
			{Label: v.Pick("诊断", "Diagnosis")},
		},
	}
	for _, m := range con.Members {
		if m.ID == w.Self {
			continue
		}
		c := contacts[m.ID]
		at, took, ends, version := ui.Words("—"), "—", ui.Words("—"), "—"
		if !c.At.IsZero() {
			at, took = ui.Instant(v, c.At), v.Duration(c.Took)
		}
		if !c.Ends.IsZero() {
			ends = ui.Day(v, c.Ends)
		}
		if c.Version != "" {
			version = c.Version
		}
		voter := v.Pick("无表决权", "does not vote")
		if m.Voter {
			voter = v.Pick("有表决权", "votes")
		}
		status, remedy := w.health(v, &c)
		t.Rows = append(t.Rows, []templ.Component{lined(nm.Member(m.ID), voter), at, ui.Words(took), ends, ui.Words(clockWord(v, &c)), ui.Words(version), diagnosis(v, status, remedy)})
	}
	return t
}

// probe asks every member for the first page of its catalogue, all at once and not for long.
func (w *Watch) probe(rw http.ResponseWriter, q staff.Visit) error {
	if err := q.Sess.Require(keepers()...); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(q.Context(), probeAtAll)
	defer cancel()
	var all sync.WaitGroup
	for i, m := range w.MemberRegistry.Current().Members {
		if m.ID == w.Self || i >= probeMost {
			continue
		}
		all.Go(func() { _, _, _ = w.Prober.Browse(ctx, m.ID, "") }) // how it went is in the contacts
	}
	all.Wait()
	return staff.Done(rw, q, staff.PathMembers, "probe")
}
