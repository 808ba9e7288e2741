package watch

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/kuayu/kuayu/internal/httpx"
	"github.com/kuayu/kuayu/support/federation"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/web/staff"
	"github.com/kuayu/kuayu/web/ui"
)

// pathPropose is below which each kind of change is proposed.
const pathPropose = staff.PathMembers + "/propose"

// The kinds of change that the authority proposes on the page.
const (
	changeJoin   = "join"
	changeLeave  = "leave"
	changeQuorum = "quorum"
	changeRenew  = "renew"
)

// joinMost bounds a joining file, in characters: one is about 3,000.
const joinMost = 20_000

// proposing is what the authority can propose, or why it can't.
type proposing struct {
	text  string
	forms []ui.Form
}

// fields are those of all forms, for the summary of what is wrong.
func (p proposing) fields() []ui.Field {
	var out []ui.Field
	for _, f := range p.forms {
		out = append(out, f.Fields...)
	}
	return out
}

// proposing says what a proposal is, and leaves the forms out where this member can't propose.
func (w *Watch) proposing(v *ui.View, nm *staff.Names, con *federation.Constitution, ps []federation.Proposal, forms []ui.Form) *proposing {
	if m := con.Member(nm.Self()); m == nil || !m.Voter {
		return &proposing{text: v.Pick("本成员没有表决权，不能提出或赞成章程变更。", "This member does not vote: it proposes and approves nothing.")}
	}
	for i := range ps {
		if slices.Contains(federation.Approvers(con, &ps[i].Signed), nm.Self()) {
			return &proposing{text: v.Pick("本成员已为章程的下一版签名（见上方提案），同一版本只能签一份。该提案生效后，可提出下一项变更。", "This member has signed the next version, see the proposal above; of each version it signs one document. Once that is in force, the next change can be proposed.")}
		}
	}
	text := v.Pick("每项变更成为章程的新一版。提出即以本成员根密钥签名赞成，不能收回；达到法定票数时自动生效。", "Each change makes a new version of the constitution. Proposing it signs it with this member's root key, which can't be taken back; it takes effect with the quorum.")
	if len(ps) > 0 {
		text += v.Pick("已有提案待表决：同一版本只能签一份，另提一项后就不能再赞成上方的提案。", " A proposal waits already: of each version one document is signed, so whoever proposes another can't approve that one any more.")
	}
	return &proposing{text, forms}
}

// changeForms are the questions of each kind of change; the one that was not taken is open, with what was typed.
func changeForms(v *ui.View, nm *staff.Names, con *federation.Constitution, kind string, f url.Values, faults map[string]string) []ui.Form {
	leave := ui.Field{Name: "remove", Kind: "select", Label: v.Pick("退出的成员", "Member to leave"), Options: []ui.Option{{Value: "", Label: v.Pick("请选择", "Choose")}}}
	for _, m := range con.Members {
		leave.Options = append(leave.Options, ui.Option{Value: m.ID, Label: nm.Member(m.ID)})
	}
	voters := v.Number(int64(con.Voters()))
	forms := []ui.Form{
		{Post: changeJoin, Act: v.Pick("接纳新成员", "Take in a newcomer"), Text: v.Pick("先核对文件内容，确认后才提出。", "What the file says is checked first; it is proposed when you confirm."), Fields: []ui.Field{
			{Name: "join", Kind: "textarea", Most: joinMost, Label: v.Pick("加入文件的内容", "Text of the joining file"), Hint: v.Pick("新成员在其节点上运行 kuayu join request 得到文件；用文本编辑器打开，把全部内容粘贴在此。", "The newcomer runs kuayu join request at its node. Open the file in a text editor and paste all of it here.")},
			{Name: "voter", Kind: "radio", Label: v.Pick("是否有表决权", "Does it vote?"), Options: []ui.Option{{Value: "yes", Label: v.Pick("有表决权", "It votes")}, {Value: "no", Label: v.Pick("无表决权", "It does not vote")}}},
		}},
		{Post: changeLeave, Act: v.Pick("提议成员退出", "Propose that a member leaves"), Fields: []ui.Field{leave}},
		{Post: changeQuorum, Act: v.Pick("改变法定票数", "Change the quorum"), Fields: []ui.Field{
			{Name: "quorum", Kind: "text", Label: v.Pick("新的法定票数", "New quorum"), Value: strconv.Itoa(con.Quorum), Hint: v.Pick("须过半，且不超过表决成员数；现有 "+voters+" 个成员有表决权。", "More than half of the voters and no more than all; "+voters+" members vote now.")},
		}},
		{Post: changeRenew, Act: v.Pick("延长有效期", "Renew the validity"), Fields: []ui.Field{
			{Name: "valid_until", Kind: "day", Label: v.Pick("新的有效期至", "Valid until"), Value: v.Day(con.ValidUntil.AddDate(1, 0, 0)), Hint: v.Pick("写作 2028-12-31，须晚于现行的 "+v.Day(con.ValidUntil)+"，最长十年。", "Written 2028-12-31, later than "+v.Day(con.ValidUntil)+", ten years at most.")},
		}},
	}
	for i := range forms {
		x := &forms[i]
		x.Fields = append(x.Fields, ui.Field{Name: "reason", Kind: "textarea", Most: 500, Label: v.Pick("理由", "Reason"), Hint: v.Pick("理由随提案送达各表决成员。", "It goes to all who vote.")})
		x.Open = x.Post == kind
		for k := range x.Fields {
			y := &x.Fields[k]
			if y.Of = x.Post; x.Open {
				y.Value, y.Error = f.Get(y.Name), faults[y.Name]
			}
		}
		x.Post = pathPropose + "/" + x.Post
	}
	return forms
}

// changeOf is what a form asks for, with what can be told to be wrong before the package looks at it.
func (w *Watch) changeOf(v *ui.View, kind string, f url.Values) (federation.Change, map[string]string, error) {
	con, faults := w.MemberRegistry.Current(), map[string]string{}
	c := federation.Change{Reason: strings.TrimSpace(f.Get("reason"))}
	switch kind {
	case changeJoin:
		var j federation.JoinRequest
		text, votes := f.Get("join"), f.Get("voter") == "yes"
		if err := httpx.Unmarshal([]byte(text), &j); err != nil || j.Statement == nil || len(text) > joinMost {
			faults["join"] = v.Pick("这不是加入文件，或内容不完整；请把 kuayu join request 写出的文件的全部内容原样粘贴", "This is no joining file, or not all of it: paste the whole file that kuayu join request wrote, as it is")
		} else {
			c.Join, c.State, c.Voter = &j.Member, j.Statement, &votes
		}
		if !votes && f.Get("voter") != "no" {
			faults["voter"] = v.Pick("请选择新成员是否有表决权", "Choose whether the newcomer votes")
		}
	case changeLeave:
		if c.Remove = f.Get("remove"); con.Member(c.Remove) == nil {
			c.Remove, faults["remove"] = "", v.Pick("请选择成员", "Choose a member")
		}
	case changeQuorum:
		n, err := strconv.Atoi(strings.TrimSpace(f.Get("quorum")))
		if err != nil || n == 0 {
			n = -1 // the package says what it may be
		}
		if c.Quorum = n; n == con.Quorum {
			faults["quorum"] = v.Pick("与现行法定票数相同，不必提出；要改变请填写另一个数", "That is the quorum already: give another number to change it")
		}
	case changeRenew:
		if c.ValidUntil = staff.EndOf(v, f.Get("valid_until")); c.ValidUntil.IsZero() {
			faults["valid_until"] = v.Pick("请填写日期，写作 2028-12-31", "Give a day, written 2028-12-31")
		}
	default:
		return c, nil, staff.ErrNoAct.With()
	}
	return c, faults, nil
}

// propose proposes a change. A newcomer's file is shown in words first; what was pasted comes along in the form, nothing is
// kept here before the proposal.
func (w *Watch) propose(rw http.ResponseWriter, q staff.Visit) error {
	if err := q.Sess.Require(identity.Authority); err != nil {
		return err
	}
	f, err := staff.Form(rw, q)
	if err != nil {
		return err
	}
	kind := q.PathValue("change")
	c, faults, err := w.changeOf(q.V, kind, f)
	if err != nil {
		return err
	}
	if f.Get("step") == "edit" {
		return w.showMembers(rw, q, kind, f, nil)
	}
	next, err := w.Ballots.Draft(q.Context(), c)
	said, err := staff.Faults(q.V, err)
	if err != nil {
		return err
	}
	for name, text := range said {
		if faults[name] == "" {
			faults[name] = text
		}
	}
	if len(faults) > 0 {
		return w.showMembers(rw, q, kind, f, faults)
	}
	if kind == changeJoin && f.Get("step") != "send" {
		return w.showNewcomer(rw, q, f, c, next)
	}
	if _, err := w.Ballots.ProposeChange(q.Context(), c); err != nil {
		return err
	}
	return staff.Done(rw, q, staff.PathMembers, "propose")
}

// showNewcomer says what a joining file says, and what would change.
func (w *Watch) showNewcomer(rw http.ResponseWriter, q staff.Visit, f url.Values, c federation.Change, next *federation.Constitution) error {
	v, con := q.V, w.MemberRegistry.Current()
	w.Show(rw, q, http.StatusOK, staff.PathMembers, ui.PageInfo{
		Title: v.Pick("核对新成员", "Check the newcomer"), Lead: v.Pick("以下是加入文件的内容，核对无误后提出。", "This is what the joining file says. Propose it when it is right."),
		Crumbs: []ui.Link{staff.Home(v), {Href: staff.PathMembers, Text: v.Pick("成员节点", "Members")}},
	}, newcomerPage(v, newcomersOf(v, con, next, c.State), changesOf(v, con, next), c.Reason, [][2]string{{"join", f.Get("join")}, {"voter", f.Get("voter")}, {"reason", c.Reason}}))
	return nil
}

// proposed leads from the address of a form, opened as a page, to the page it is on.
func (w *Watch) proposed(rw http.ResponseWriter, q staff.Visit) error {
	http.Redirect(rw, q.Request, staff.PathMembers, http.StatusSeeOther)
	return nil
}

// approve votes for a proposal.
func (w *Watch) approve(rw http.ResponseWriter, q staff.Visit) error {
	if err := q.Sess.Require(identity.Authority); err != nil {
		return err
	}
	if _, err := w.Ballots.Approve(q.Context(), q.PathValue("hash")); err != nil {
		return err
	}
	return staff.Done(rw, q, staff.PathMembers, "approve")
}
