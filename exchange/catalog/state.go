package catalog

// State is where an entry stands on its way into the catalogue and out of it (Decree 809 art. 13, 16, 17).
type State string

// The states. In the last five but two a version is in force and visible to every member: it stays so while the next
// version goes the same way.
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

// States lists all states in the order of the law's way.
func States() []State {
	return []State{New, Draft, Submitted, Signed, Published, Updating, UpdateSubmitted, UpdateSigned, RevokePending, Revoked, Deleted}
}

// InForce reports whether a version is published and can be applied for.
func (s State) InForce() bool {
	switch s {
	case Published, Updating, UpdateSubmitted, UpdateSigned, RevokePending:
		return true
	case New, Draft, Submitted, Signed, Revoked, Deleted:
	}
	return false
}

// Drafting reports whether a version is being described and assessed.
func (s State) Drafting() bool { return s == Draft || s == Updating }

// Event is what moves an entry.
type Event string

// The events.
const (
	Describe         Event = "describe"          // officer: a draft, or another version of it
	Assess           Event = "assess"            // officer: an assessment of the draft (art. 13)
	Submit           Event = "submit"            // officer: to the head of the department
	Return           Event = "return"            // head of the department, with reasons
	Sign             Event = "sign"              // head of the department: to the authority (art. 13, 16)
	Publish          Event = "publish"           // authority, after review (art. 16)
	Reject           Event = "reject"            // authority, with reasons
	Discard          Event = "discard"           // officer: the draft is dropped
	AskWithdrawal    Event = "ask_withdrawal"    // head of the department, with reasons
	FileWithdrawal   Event = "file_withdrawal"   // authority: on file, out of the catalogue
	RefuseWithdrawal Event = "refuse_withdrawal" // authority, with reasons
	NoteChange       Event = "note_change"       // law, State Council decision or duty changed: an update is due (art. 17)
	AskExtension     Event = "ask_extension"     // officer: more time for the update (art. 17)
	Extend           Event = "extend"            // authority consents, once
	RefuseExtension  Event = "refuse_extension"  // authority does not
)

// Events lists all events.
func Events() []Event {
	return []Event{
		Describe, Assess, Submit, Return, Sign, Publish, Reject, Discard, AskWithdrawal, FileWithdrawal, RefuseWithdrawal, NoteChange, AskExtension, Extend, RefuseExtension,
	}
}

// Effect is what an arrow does to what everybody sees.
type Effect string

// The effects.
const (
	None     Effect = ""
	Announce Effect = "announce" // the version is in force and told to all departments (art. 16)
	Retract  Effect = "retract"  // out of the catalogue, and told; agreements go on by their own terms
	Drop     Effect = "drop"     // the draft is forgotten
)

type turn struct {
	to     State
	effect Effect
}

type key struct {
	from State
	on   Event
}

// table is the whole machine.
func table() map[key]turn {
	t := map[key]turn{
		{New, Describe}:       {to: Draft},
		{Deleted, Describe}:   {to: Draft},
		{Draft, Describe}:     {to: Draft},
		{Draft, Assess}:       {to: Draft},
		{Draft, Submit}:       {to: Submitted},
		{Draft, Discard}:      {to: Deleted, effect: Drop},
		{Submitted, Return}:   {to: Draft},
		{Submitted, Sign}:     {to: Signed},
		{Signed, Reject}:      {to: Draft},
		{Signed, Publish}:     {to: Published, effect: Announce},
		{Published, Describe}: {to: Updating},

		{Updating, Describe}:      {to: Updating},
		{Updating, Assess}:        {to: Updating},
		{Updating, Submit}:        {to: UpdateSubmitted},
		{Updating, Discard}:       {to: Published, effect: Drop},
		{UpdateSubmitted, Return}: {to: Updating},
		{UpdateSubmitted, Sign}:   {to: UpdateSigned},
		{UpdateSigned, Reject}:    {to: Updating},
		{UpdateSigned, Publish}:   {to: Published, effect: Announce},

		{Published, AskWithdrawal}:        {to: RevokePending},
		{RevokePending, FileWithdrawal}:   {to: Revoked, effect: Retract},
		{RevokePending, RefuseWithdrawal}: {to: Published},
	}
	for _, s := range []State{Published, Updating} {
		for _, e := range []Event{NoteChange, AskExtension, Extend, RefuseExtension} {
			t[key{s, e}] = turn{to: s}
		}
	}
	return t
}

// Next is the state machine: pure and total. An event that the state does not allow is ErrState.
func Next(s State, e Event) (State, Effect, error) {
	a, ok := table()[key{s, e}]
	if !ok {
		return s, None, ErrState.With(s.In("en"), e.In("en"), s.In("zh"), e.In("zh"))
	}
	return a.to, a.effect, nil
}

// In is the state in the words of a language: "zh" or "en".
func (s State) In(lang string) string { return word(lang, string(s), stateWords()) }

// In is the event in the words of a language: "zh" or "en".
func (e Event) In(lang string) string { return word(lang, string(e), eventWords()) }

func word(lang, code string, words map[string][2]string) string {
	w := words[code]
	if lang == "zh" {
		return w[0]
	}
	return w[1]
}

func stateWords() map[string][2]string {
	return map[string][2]string{
		string(New):             {"尚未编目", "not described"},
		string(Draft):           {"草稿", "draft"},
		string(Submitted):       {"待部门负责人签发", "waits for the head of the department"},
		string(Signed):          {"待主管部门审核", "waits for the authority"},
		string(Published):       {"已发布", "published"},
		string(Updating):        {"已发布，更新中", "published, being updated"},
		string(UpdateSubmitted): {"已发布，更新待签发", "published, the update waits for the head of the department"},
		string(UpdateSigned):    {"已发布，更新待审核", "published, the update waits for the authority"},
		string(RevokePending):   {"已发布，撤销待备案", "published, the withdrawal waits for the authority"},
		string(Revoked):         {"已撤销", "revoked"},
		string(Deleted):         {"已删除", "deleted"},
	}
}

func eventWords() map[string][2]string {
	return map[string][2]string{
		string(Describe):         {"编目", "describe"},
		string(Assess):           {"评估", "assess"},
		string(Submit):           {"提交", "submit"},
		string(Return):           {"退回", "return"},
		string(Sign):             {"签发", "sign"},
		string(Publish):          {"审核通过并发布", "publish"},
		string(Reject):           {"审核不通过", "reject"},
		string(Discard):          {"删除草稿", "discard"},
		string(AskWithdrawal):    {"申请撤销", "ask for withdrawal"},
		string(FileWithdrawal):   {"撤销备案", "file the withdrawal"},
		string(RefuseWithdrawal): {"不同意撤销", "refuse the withdrawal"},
		string(NoteChange):       {"记录变化", "note a change"},
		string(AskExtension):     {"申请延期", "ask for an extension"},
		string(Extend):           {"同意延期", "extend"},
		string(RefuseExtension):  {"不同意延期", "refuse the extension"},
	}
}
