package watch

import (
	"slices"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"github.com/kuayu/kuayu/support/federation"
	"github.com/kuayu/kuayu/web/staff"
	"github.com/kuayu/kuayu/web/ui"
)

// Bounds of what the page lists.
const (
	ballotsMost  = 20
	versionsMost = 10
)

// ballot is a proposal that waits for votes.
type ballot struct {
	id        string
	reason    string
	by        string // who proposed it; empty: not known
	votes     int64
	quorum    int64
	voted     string // who has approved
	waiting   string // who votes and has not approved
	changes   []ui.Difference
	newcomers []newcomer
	approve   *ui.Question
}

func (w *Watch) ballotsOf(v *ui.View, con *federation.Constitution, ps []federation.Proposal, may bool) []ballot {
	var out []ballot
	for i := range ps[:min(len(ps), ballotsMost)] {
		p := &ps[i]
		next, err := federation.ParseConstitution(p.Signed.Document)
		if err != nil {
			continue // of a newer version of the program
		}
		voted := federation.Approvers(con, &p.Signed)
		var waiting []string
		for _, m := range con.Members {
			if m.Voter && !slices.Contains(voted, m.ID) {
				waiting = append(waiting, m.ID)
			}
		}
		b := ballot{
			id: p.Hash[:min(len(p.Hash), 8)], reason: p.Reason, votes: int64(p.Votes), quorum: int64(p.Quorum),
			voted: namesIn(v, con, voted), waiting: namesIn(v, con, waiting), changes: changesOf(v, con, next), newcomers: newcomersOf(v, con, next, p.Statement),
		}
		if p.Proposer != "" {
			b.by = namesIn(v, con, []string{p.Proposer})
		}
		if may && slices.Contains(waiting, w.Self) {
			b.approve = &ui.Question{
				Act: v.Pick("赞成提案", "Approve"), Post: staff.PathMembers + "/proposals/" + p.Hash + "/approve",
				Text: v.Pick("赞成即以本成员根密钥签名，不能收回；同一版本只能签一份。", "It is signed with this member's root key and can't be taken back; one document of each version is signed."),
			}
			switch {
			case rekeyed(con, next):
				b.approve.Text += v.Pick("请先另经电话等途径与该成员核对新根密钥指纹和失密时间：旧密钥自该时间起所签的不再作数。", " First compare the fingerprint of the new root key, and since when the old one is not trusted, with that member over another way: nothing that the old key signed from then on will count.")
			case len(b.newcomers) > 0:
				b.approve.Text += v.Pick("请先另经电话等途径与新成员核对根密钥指纹。", " First compare the fingerprint of the root key with the newcomer over another way, such as a telephone.")
			}
		}
		out = append(out, b)
	}
	return out
}

// rekeyed reports whether a member has another root key in the next version.
func rekeyed(con, next *federation.Constitution) bool {
	return slices.ContainsFunc(next.Members, func(m federation.Member) bool {
		old := con.Member(m.ID)
		return old != nil && !old.RootKey.Equal(m.RootKey)
	})
}

// namesIn are members by the names that a version of the constitution gives them.
func namesIn(v *ui.View, con *federation.Constitution, ids []string) string {
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = id
		if m := con.Member(id); m != nil {
			out[i] = v.Pick(m.Name, m.NameEN)
		}
	}
	if len(out) == 0 {
		return v.Pick("无", "nobody")
	}
	return strings.Join(out, v.Pick("、", ", "))
}

// newcomer is what a joining file says, or a proposal of one who is to join.
type newcomer struct {
	facts  []trait
	signed ui.Status // whether the statement holds under the root key
}

// trait is a line about a newcomer.
type trait struct {
	label, value string
	as           string // how it is written: code, print (a fingerprint), en; empty: in words
}

func newcomersOf(v *ui.View, old, next *federation.Constitution, s *federation.SignedStatement) []newcomer {
	var out []newcomer
	for i := range next.Members {
		if m := &next.Members[i]; old.Member(m.ID) == nil {
			out = append(out, newcomerOf(v, m, s))
		}
	}
	return out
}

func newcomerOf(v *ui.View, m *federation.Member, s *federation.SignedStatement) newcomer {
	n := newcomer{
		facts: []trait{
			{label: v.Pick("名称", "Name"), value: m.Name},
			{label: v.Pick("英文名称", "Name in English"), value: m.NameEN, as: "en"},
			{label: v.Pick("成员编号", "Identifier"), value: m.ID, as: "code"},
			{label: v.Pick("行政区划", "Division"), value: m.Division},
			{label: v.Pick("表决权", "Vote"), value: votes(v, m.Voter)},
			{label: v.Pick("根密钥指纹", "Root key"), value: m.Fingerprint(), as: "print"},
		},
		signed: ui.Status{Tone: ui.Bad, Word: v.Pick("没有由该根密钥签名的声明", "No statement signed by this root key")},
	}
	if s == nil {
		return n
	}
	if st, err := s.Verify(m.RootKey); err == nil && st.Member == m.ID {
		n.signed = ui.Status{Tone: ui.Good, Word: v.Pick("由该根密钥签名，核验通过", "Signed by this root key, verified")}
		n.facts = append(n.facts, trait{v.Pick("节点间地址", "For members"), st.PeerURL, "code"}, trait{v.Pick("公众接口地址", "For the public"), st.PublicURL, "code"})
	}
	return n
}

func votes(v *ui.View, yes bool) string {
	if yes {
		return v.Pick("有表决权", "votes")
	}
	return v.Pick("无表决权", "does not vote")
}

// history are the versions of the constitution, latest first, from the one the page's address names.
func (w *Watch) history(v *ui.View) (ui.Table, ui.Paging) {
	versions, chain := w.MemberRegistry.Versions(), w.MemberRegistry.Chain()
	t := ui.Table{
		Caption: v.Pick("章程的历次版本", "Versions of the constitution"),
		Columns: []ui.Column{{Label: v.Pick("版本", "Version")}, {Label: v.Pick("变化", "Changes")}, {Label: v.Pick("签名赞成", "Signed by")}},
		Empty:   ui.State{Kind: ui.Empty, Title: v.Pick("还没有章程", "No constitution yet"), Text: v.Pick("本节点还不在任何联盟中，请运维员运行 kuayu join request 申请加入。", "This node is in no federation yet: its operator asks to join with kuayu join request.")},
	}
	last := min(len(versions), len(chain))
	top := last
	if n, err := strconv.Atoi(v.URL.Query().Get("before")); err == nil && n > 1 && n <= last {
		top = n - 1
	}
	for i := top - 1; i >= max(top-versionsMost, 0); i-- {
		con, electorate, said := versions[i], versions[max(i-1, 0)], []string{v.Pick("创立联盟，"+v.Number(int64(len(versions[i].Members)))+" 个成员", "The federation is founded, members: "+v.Number(int64(len(versions[i].Members))))}
		if i > 0 {
			was := *electorate
			was.ValidFrom = con.ValidFrom // the first column says it
			said = changed(changesOf(v, &was, con), v)
		}
		number := v.Pick("第 "+v.Number(int64(con.Number))+" 版", "Version "+v.Number(int64(con.Number)))
		if i == last-1 {
			number += v.Pick("（现行）", " (in force)")
		}
		t.Rows = append(t.Rows, []templ.Component{lined(number, v.Pick("自 ", "from ")+v.Minute(con.ValidFrom)), each(said), ui.Words(namesIn(v, electorate, federation.Approvers(electorate, &chain[i])))})
	}
	p := ui.Paging{Total: int64(last), Of: v.Pick("（章程版本）", " (versions)")}
	if top < last {
		p.First = v.Without("before")
	}
	if top > versionsMost {
		p.Next = v.With("before", strconv.Itoa(top-versionsMost+1))
	}
	return t, p
}

// changed are differences as short sentences.
func changed(ds []ui.Difference, v *ui.View) []string {
	var out []string
	for _, d := range ds {
		switch {
		case d.Before == d.After:
		case d.Before == "" && d.Code:
			out = append(out, d.Field+v.Pick("：", ": ")+d.After)
		case d.After == "" && d.Code:
			out = append(out, d.Field+v.Pick("，撤销：", ", withdrawn: ")+d.Before)
		case d.Before == "":
			out = append(out, d.Field+v.Pick("", ": ")+d.After)
		case d.After == "":
			out = append(out, d.Field+v.Pick("退出", ": leaves"))
		default:
			out = append(out, d.Field+v.Pick("：", ": ")+d.Before+" → "+d.After)
		}
	}
	return out
}
