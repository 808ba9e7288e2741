package catalog

import (
	"sync"
	"time"

	"github.com/kuayu/kuayu/support/deadline"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/notice"
	"github.com/kuayu/kuayu/support/process"
)

// The words of the kernel, as this package uses them.
type (
	State = process.State
	Event = process.Event
)

// The states of an entry (Decree 809 art. 13, 16, 17). In those whose names begin with Updat a version is in force and
// visible to every member: it stays so while the next version goes the same way.
const (
	New             State = ""                 // nothing of the code is there
	Draft           State = "draft"            // described, assessed
	Submitted       State = "submitted"        // waits for the head of the department
	Signed          State = "signed"           // waits for the authority
	Published       State = "published"        //
	Updating        State = "updating"         // in force; the next version is a draft
	UpdateSubmitted State = "update_submitted" // in force; the next version waits for the head of the department
	UpdateSigned    State = "update_signed"    // in force; the next version waits for the authority
	RevokePending   State = "revoke_pending"   // in force; the withdrawal waits for the authority
	Revoked         State = "revoked"          // was in force; the code is not used again
	Deleted         State = "deleted"          // never was in force; the code stays its department's
)

// InForce reports whether a version is published and can be applied for.
func InForce(s State) bool {
	switch s {
	case Published, Updating, UpdateSubmitted, UpdateSigned, RevokePending:
		return true
	}
	return false
}

// Drafting reports whether a version is being described and assessed.
func Drafting(s State) bool { return s == Draft || s == Updating }

// The events.
const (
	Describe         Event = "describe"          // a draft, or another version of it
	Assess           Event = "assess"            // an assessment of the draft (art. 13)
	Submit           Event = "submit"            // to the head of the department
	Return           Event = "return"            //
	Sign             Event = "sign"              // to the authority (art. 13, 16)
	Publish          Event = "publish"           // after review (art. 16)
	Reject           Event = "reject"            //
	Discard          Event = "discard"           // the draft is dropped
	AskWithdrawal    Event = "ask_withdrawal"    //
	FileWithdrawal   Event = "file_withdrawal"   // on file, out of the catalogue
	RefuseWithdrawal Event = "refuse_withdrawal" //
	NoteChange       Event = "note_change"       // law, State Council decision or duty changed: an update is due (art. 17)
	AskExtension     Event = "ask_extension"     // more time for the update (art. 17)
	Extend           Event = "extend"            // once
	RefuseExtension  Event = "refuse_extension"  //
)

// demanded stands in the table for D1 where a change still demands an update (art. 17); otherwise no clock runs.
const demanded deadline.ID = "D1, if demanded"

// pendingExtension waits for the authority within a state.
const pendingExtension = "extension"

// Table is the process of catalogue entries. What goes to the authority ends the provider's clock D1 and starts the
// authority's D2, or, for an entry that was never published, the clock of a first approval, which the Decree gives no
// figure (art. 16). What the authority rejects is reviewed: its clock ends, and what was demanded is due again.
func Table() *process.Table { return table() }

var table = sync.OnceValue(build) // built once, never changed

func build() *process.Table {
	const officer, chief, authority = identity.DataOfficer, identity.DepartmentHead, identity.Authority
	say, put := process.Say, process.Notice
	at := func(r ...identity.Role) []process.Who { return process.At("", r...) }
	waits := func(r ...identity.Role) map[string][]process.Who { return process.Waits("", r...) }
	extendable := func(r ...identity.Role) map[string][]process.Who {
		m := map[string][]process.Who{pendingExtension: at(authority)}
		if len(r) > 0 {
			m[""] = at(r...)
		}
		return m
	}
	tell := func(n ...process.Notify) []process.Notify { return n }
	everyone := func(k notice.Kind) []process.Notify {
		return tell(process.Notify{To: process.Everyone, Roles: []identity.Role{officer}, Kind: k})
	}
	law := func(r ...deadline.Role) []deadline.Role { return r }
	act := func(op deadline.Op, id deadline.ID) deadline.Action { return deadline.Action{Do: op, Clock: id} }
	do := func(a ...deadline.Action) []deadline.Action { return a }
	in := func(s ...State) []State { return s }
	arg := func(name, zh, en string) process.Arg { return process.Arg{Name: name, Words: say(zh, en)} }
	forSign := func(review deadline.ID) []deadline.Action {
		return do(act(deadline.Stop, deadline.D1), act(deadline.Start, review))
	}
	forReject := func(review deadline.ID) []deadline.Action {
		return do(act(deadline.Stop, review), act(deadline.Start, demanded))
	}
	return process.Table{
		Kind: "catalog", Words: say("目录条目", "catalogue entry"), Law: "Decree 809 art. 12–17",
		States: []process.StateRow{
			{State: New, Words: say("尚未编目", "not described")},
			{State: Draft, Words: say("草稿", "draft"), Waits: waits(officer)},
			{State: Submitted, Words: say("待部门负责人签发", "waiting for the department head"), Waits: waits(chief)},
			{State: Signed, Words: say("待主管部门审核", "waiting for the authority"), Waits: waits(authority)},
			{State: Published, Words: say("已发布", "published"), Waits: extendable()},
			{State: Updating, Words: say("已发布，更新中", "published, being updated"), Waits: extendable(officer)},
			{State: UpdateSubmitted, Words: say("已发布，更新待签发", "published, the update is waiting for the department head"), Waits: waits(chief)},
			{State: UpdateSigned, Words: say("已发布，更新待审核", "published, the update is waiting for the authority"), Waits: waits(authority)},
			{State: RevokePending, Words: say("已发布，撤销待备案", "published, the withdrawal is waiting for the authority"), Waits: waits(authority)},
			{State: Revoked, Words: say("已撤销", "revoked"), Final: true},
			{State: Deleted, Words: say("已删除", "deleted")},
		},
		Events: []process.EventRow{
			{Event: Describe, Words: say("编目", "describe"), By: at(officer), Law: law(deadline.Provider), Silent: "the officer's own draft, nobody's turn"},
			{Event: Assess, Words: say("评估", "assess"), By: at(officer), Law: law(deadline.Provider), Needs: []process.Arg{arg("kind", "评估种类", "confidentiality or privacy"), arg("assessor", "评估人", "assessor"), arg("date", "评估日期", "date"), arg("pass", "是否通过", "whether it passed"), arg("text", "评估结论", "conclusion"), arg("digest", "文件的 SHA-256", "SHA-256 of the document")}, Silent: "the officer's own act, put on record with the draft"},
			{Event: Submit, Words: say("提交", "submit"), By: at(officer), Law: law(deadline.Provider), Notify: tell(put("", notice.EntrySubmitted, chief))},
			{Event: Return, Words: say("退回", "return"), By: at(chief), Law: law(deadline.Provider), Reason: true, Notify: tell(put("", notice.EntryReturned, officer))},
			{Event: Sign, Words: say("签发", "sign"), By: at(chief), Law: law(deadline.Provider), Other: []Event{Submit}, Notify: tell(put("", notice.EntrySigned, authority))},
			{Event: Publish, Words: say("审核通过并发布", "publish"), By: at(authority), Law: law(deadline.Authority), Other: []Event{Submit, Sign}, Notify: everyone(notice.EntryPublished)},
			{Event: Reject, Words: say("审核不通过", "reject"), By: at(authority), Law: law(deadline.Authority), Reason: true, Notify: tell(put("", notice.EntryRejected, officer, chief))},
			{Event: Discard, Words: say("删除草稿", "discard"), By: at(officer), Law: law(deadline.Provider), Silent: "the officer's own act; nothing visible changes"},
			{Event: AskWithdrawal, Words: say("申请撤销", "ask for withdrawal"), By: at(chief), Law: law(deadline.Provider), Reason: true, Notify: tell(put("", notice.EntryWithdrawal, authority))},
			{Event: FileWithdrawal, Words: say("撤销备案", "file the withdrawal"), By: at(authority), Law: law(deadline.Authority), Notify: everyone(notice.EntryWithdrawn)},
			{Event: RefuseWithdrawal, Words: say("不同意撤销", "refuse the withdrawal"), By: at(authority), Law: law(deadline.Authority), Reason: true, Notify: tell(put("", notice.EntryKept, officer, chief))},
			{Event: NoteChange, Words: say("登记变更事项", "note a change"), By: at(officer, chief, authority), Law: law(deadline.Provider, deadline.Authority), Needs: []process.Arg{arg("cause", "law、state_council_decision 或 duty", "law, state_council_decision or duty"), arg("what", "变更内容", "what changed"), arg("since", "变更日期", "day of the change")}, Notify: tell(put("", notice.EntryChanged, officer, chief))},
			{Event: AskExtension, Words: say("申请延期", "ask for an extension"), By: at(officer), Law: law(deadline.Provider), Needs: []process.Arg{arg("days", "工作日", "working days"), arg("reason", "理由", "reason")}, Notify: tell(put("", notice.EntryExtension, authority))},
			{Event: Extend, Words: say("同意延期", "extend"), By: at(authority), Law: law(deadline.Authority), Other: []Event{AskExtension}, Notify: tell(put("", notice.EntryExtended, officer))},
			{Event: RefuseExtension, Words: say("不同意延期", "refuse the extension"), By: at(authority), Law: law(deadline.Authority), Reason: true, Other: []Event{AskExtension}, Notify: tell(put("", notice.EntryUnextended, officer))},
		},
		Moves: []process.Move{
			{From: in(New, Deleted, Draft), On: Describe, To: Draft},
			{From: in(Draft), On: Assess},
			{From: in(Draft), On: Submit, To: Submitted},
			{From: in(Draft), On: Discard, To: Deleted},
			{From: in(Submitted), On: Return, To: Draft},
			{From: in(Submitted), On: Sign, To: Signed, Clocks: forSign(deadline.FirstApproval)},
			{From: in(Signed), On: Reject, To: Draft, Clocks: forReject(deadline.FirstApproval)},
			{From: in(Signed), On: Publish, To: Published, Clocks: do(act(deadline.Stop, deadline.FirstApproval))},

			{From: in(Published, Updating), On: Describe, To: Updating},
			{From: in(Updating), On: Assess},
			{From: in(Updating), On: Submit, To: UpdateSubmitted},
			{From: in(Updating), On: Discard, To: Published},
			{From: in(UpdateSubmitted), On: Return, To: Updating},
			{From: in(UpdateSubmitted), On: Sign, To: UpdateSigned, Clocks: forSign(deadline.D2)},
			{From: in(UpdateSigned), On: Reject, To: Updating, Clocks: forReject(deadline.D2)},
			{From: in(UpdateSigned), On: Publish, To: Published, Clocks: do(act(deadline.Stop, deadline.D2))},
			{From: in(Published, Updating), On: NoteChange, Clocks: do(act(deadline.Start, deadline.D1))},
			{From: in(Published, Updating), On: AskExtension},
			{From: in(Published, Updating), On: Extend, Clocks: do(act(deadline.Extend, deadline.D1))},
			{From: in(Published, Updating), On: RefuseExtension},

			{From: in(Published), On: AskWithdrawal, To: RevokePending},
			{From: in(RevokePending), On: FileWithdrawal, To: Revoked, Clocks: do(act(deadline.Void, deadline.D1))},
			{From: in(RevokePending), On: RefuseWithdrawal, To: Published},
		},
		Refused: process.Refusals{
			State: func(t *process.Table, s State, e Event) error {
				return ErrState.With(t.StateWords(s).En, t.EventWords(e).En, t.StateWords(s).Zh, t.EventWords(e).Zh)
			},
			Reason: func() error { return ErrReason.With() },
			Other:  func() error { return ErrTwoPeople.With() },
			NoSuch: func() error { return ErrNoSuch.With() },
		},
	}.Build()
}

type acts = process.Does[Dossier]

// Process is the process of catalogue entries without a node.
func Process() process.Def[Dossier] {
	type act = process.Act
	because := acts{Change: func(e *Dossier, a *act) { e.Reason = a.Note }}
	waiting := func(e *Dossier, _ *act) error {
		if e.Extension == nil || !e.Extension.open() {
			return ErrNoAsk.With()
		}
		return nil
	}
	return process.Def[Dossier]{
		Table: Table(), Case: func(e *Dossier) *process.Case { return &e.Case },
		Clock: func(e *Dossier, id deadline.ID) (deadline.ID, bool) {
			if id == demanded {
				return deadline.D1, e.Demand != nil
			}
			return id, true
		},
		Pending: func(e *Dossier) string {
			if (e.State == Published || e.State == Updating) && e.Extension != nil && e.Extension.open() {
				return pendingExtension
			}
			return ""
		},
		Does: map[Event]acts{
			Assess: process.Saying(func(_ *Dossier, a *act, x *Assessment) error { return x.check(a.At) }, nil),
			Submit: {Change: func(e *Dossier, a *act) {
				e.SubmittedBy, e.SignedBy, e.ReviewedBy, e.Reason = a.Actor.Officer, "", "", ""
			}},
			Sign: {Change: func(e *Dossier, a *act) { e.SignedBy = a.Actor.Officer }},
			Publish: {Change: func(e *Dossier, a *act) {
				e.ReviewedBy, e.Owner, e.Approver, e.Reason = a.Actor.Officer, e.SubmittedBy, e.SignedBy, ""
				e.Demand, e.Extension = nil, nil // what demanded the update is in it
			}},
			Return: because, Reject: because, AskWithdrawal: because, RefuseWithdrawal: because,
			NoteChange: process.Saying(func(_ *Dossier, a *act, x *Demand) error { return x.check(a.At) }, func(e *Dossier, a *act, x *Demand) {
				x.By, a.Note = a.Actor.Officer, x.What
				if e.Demand == nil || x.Since.Before(e.Demand.Since) {
					e.Demand = x
				}
			}).Spanning(func(e *Dossier, _ *act) process.Span { return process.Span{At: e.Demand.Since} }),
			AskExtension: process.Saying(func(e *Dossier, _ *act, x *ExtensionRequest) error {
				if err := (&MoreTime{Days: x.Days, Reason: x.Reason}).check(); err != nil {
					return err
				}
				if e.Demand == nil || (e.Extension != nil && e.Extension.ConsentedBy != "") {
					return ErrNoAsk.With() // nothing is due, or it was extended once
				}
				return nil
			}, func(e *Dossier, a *act, x *ExtensionRequest) {
				e.Extension = &MoreTime{Days: x.Days, Reason: x.Reason, AskedBy: a.Actor.Officer, Asked: a.At}
				a.Note = x.Reason
			}),
			Extend: acts{Guard: waiting, Change: func(e *Dossier, a *act) { e.Extension.ConsentedBy, a.Note = a.Actor.Officer, e.Extension.Reason }}.Spanning(func(e *Dossier, _ *act) process.Span {
				return process.Span{Days: e.Extension.Days, Consent: e.Extension.ConsentedBy}
			}),
			RefuseExtension: {Guard: waiting, Change: func(e *Dossier, a *act) { e.Extension.Declined = a.Note }},
		},
	}
}

// ExtensionRequest asks the authority for more time for an update.
type ExtensionRequest struct {
	Days   int    `json:"days"` // working days
	Reason string `json:"reason"`
}

// Rehearsal is an entry in force since a time, for playing histories.
func Rehearsal(since time.Time) *Dossier {
	return &Dossier{Case: process.Case{State: Published, Created: since}, Version: 1, InForce: 1}
}

// States lists all states in the order of the table.
func States() []State { return Table().StateNames() }
