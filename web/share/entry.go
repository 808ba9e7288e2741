package share

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/exchange/catalog"
	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/support/deadline"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/policy"
	"github.com/kuayu/kuayu/support/process"
	"github.com/kuayu/kuayu/web/staff"
	"github.com/kuayu/kuayu/web/ui"
)

// entryAct is an act on an entry: a button that asks before it does. Whether the entry's state allows it is asked of the
// package's process.
type entryAct struct {
	name       string
	on         catalog.Event
	role       identity.Role
	word, text staff.Pair
	plain      func(Entries) func(context.Context, *identity.Session, string) (*catalog.Dossier, error)
	reasoned   func(Entries) func(context.Context, *identity.Session, string, string) (*catalog.Dossier, error)
	danger     bool
	done       staff.Pair
}

func entryActs() []entryAct {
	type plain = func(context.Context, *identity.Session, string) (*catalog.Dossier, error)
	type reasoned = func(context.Context, *identity.Session, string, string) (*catalog.Dossier, error)
	officer, chief, authority := identity.DataOfficer, identity.DepartmentHead, identity.Authority
	return []entryAct{
		{
			name: "submit", on: catalog.Submit, role: officer, word: staff.Pair{"提交部门负责人签发", "Hand it to the head of the department"}, text: staff.Pair{"提交后不能再改，退回后可以改。", "It can't be changed then, unless it is sent back."},
			plain: func(e Entries) plain { return e.Submit }, done: staff.Pair{"已提交，等待部门负责人签发。", "Handed in; it waits for the head of the department."},
		},
		{
			name: "sign", on: catalog.Sign, role: chief, word: staff.Pair{"签发", "Sign"}, text: staff.Pair{"签发即以本人名义对该版本负责，随后送主管部门审核。", "You answer for this version with your name; it goes to the authority for review."},
			plain: func(e Entries) plain { return e.Sign }, done: staff.Pair{"已签发，送主管部门审核。", "Signed; it is with the authority."},
		},
		{
			name: "return", on: catalog.Return, role: chief, word: staff.Pair{"退回", "Send it back"}, text: staff.Pair{"退回数据专员修改，须写明理由。", "The officer corrects it; say why."}, danger: true,
			reasoned: func(e Entries) reasoned { return e.Return }, done: staff.Pair{"已退回数据专员。", "It is back with the officer."},
		},
		{
			name: "publish", on: catalog.Publish, role: authority, word: staff.Pair{"审核通过并发布", "Approve and publish"}, text: staff.Pair{"发布后立即生效，并通告各部门和各成员。", "It is in force at once and announced to all departments and members."},
			plain: func(e Entries) plain { return e.Publish }, done: staff.Pair{"已发布并通告。", "Published and announced."},
		},
		{
			name: "reject", on: catalog.Reject, role: authority, word: staff.Pair{"审核不通过", "Reject"}, text: staff.Pair{"退回部门修改，须写明理由。", "The department corrects it; say why."}, danger: true,
			reasoned: func(e Entries) reasoned { return e.Reject }, done: staff.Pair{"已退回部门。", "It is back with the department."},
		},
		{
			name: "discard", on: catalog.Discard, role: officer, word: staff.Pair{"删除草稿", "Discard the draft"}, text: staff.Pair{"在办的版本不再保留；在用的版本不受影响。", "What is being worked on is dropped; what is in force stays."}, danger: true,
			plain: func(e Entries) plain { return e.Discard }, done: staff.Pair{"草稿已删除。", "The draft is gone."},
		},
		{
			name: "withdraw", on: catalog.AskWithdrawal, role: chief, word: staff.Pair{"申请撤销", "Ask for withdrawal"}, text: staff.Pair{"主管部门备案后退出目录；已有协议按约定办理。", "It leaves the catalogue when the authority has it on file; agreements go on by their terms."}, danger: true,
			reasoned: func(e Entries) reasoned { return e.Withdraw }, done: staff.Pair{"已报主管部门备案。", "The withdrawal is with the authority."},
		},
		{
			name: "file-withdrawal", on: catalog.FileWithdrawal, role: authority, word: staff.Pair{"撤销备案", "File the withdrawal"}, text: staff.Pair{"备案后立即退出目录，编码不再使用。", "It leaves the catalogue at once; the code is not used again."}, danger: true,
			plain: func(e Entries) plain { return e.FileWithdrawal }, done: staff.Pair{"已备案，退出目录。", "On file; it has left the catalogue."},
		},
		{
			name: "refuse-withdrawal", on: catalog.RefuseWithdrawal, role: authority, word: staff.Pair{"不同意撤销", "Refuse the withdrawal"}, text: staff.Pair{"条目继续在用，须写明理由。", "The entry stays in force; say why."},
			reasoned: func(e Entries) reasoned { return e.RefuseWithdrawal }, done: staff.Pair{"已答复不同意撤销。", "The withdrawal is refused."},
		},
		{
			name: "consent-extension", on: catalog.Extend, role: authority, word: staff.Pair{"同意更新延期", "Consent to more time"}, text: staff.Pair{"更新期限按申请的工作日数顺延，只此一次。", "The update is due later by the working days asked for, once."},
			plain: func(e Entries) plain { return e.ConsentExtension }, done: staff.Pair{"已同意延期。", "More time is granted."},
		},
		{
			name: "refuse-extension", on: catalog.RefuseExtension, role: authority, word: staff.Pair{"不同意更新延期", "Refuse more time"}, text: staff.Pair{"更新期限不变，须写明理由。", "The update stays due when it was; say why."}, danger: true,
			reasoned: func(e Entries) reasoned { return e.RefuseExtension }, done: staff.Pair{"已答复不同意延期。", "More time is refused."},
		},
	}
}

// allows reports whether an entry is where an event can happen to it.
func allows(e *catalog.Dossier, on catalog.Event) bool {
	if !catalog.Table().Allows(e.State, on, nil) {
		return false
	}
	switch on {
	case catalog.Submit:
		return len(e.Missing) == 0
	case catalog.Extend, catalog.RefuseExtension:
		return e.Extension != nil && e.Extension.ConsentedBy == "" && e.Extension.Declined == ""
	case catalog.AskExtension:
		return e.Demand != nil && e.Extension == nil
	}
	return true
}

// actsOf are the acts that a page offers to its visitor.
func actsOf(q staff.Visit, e *catalog.Dossier) []ui.Question {
	var out []ui.Question
	for _, a := range entryActs() {
		mine := a.role == identity.Authority || q.Sess.Department == e.Department
		if !mine || !q.Sess.Has(a.role) || !allows(e, a.on) {
			continue
		}
		x := ui.Question{Act: a.word.In(q.V), Text: a.text.In(q.V), Post: entryPath(e.Code) + "/" + a.name, Danger: a.danger}
		if a.reasoned != nil {
			x.Reason = q.V.Pick("理由", "Reason")
		}
		out = append(out, x)
	}
	return out
}

// entryAct does one thing to an entry. The package checks role, department and state.
func (s *Share) entryAct(w http.ResponseWriter, q staff.Visit) error {
	code, name := q.PathValue("code"), q.PathValue("act")
	if name == "assess" {
		return s.assess(w, q)
	}
	f, err := staff.Form(w, q)
	if err != nil {
		return err
	}
	switch name {
	case "change-noted":
		since, _ := time.ParseInLocation(time.DateOnly, strings.TrimSpace(f.Get("since")), q.V.Zone) // none is refused by the package
		_, err = s.Entries.NoteChange(q.Context(), q.Sess, code, catalog.Demand{Cause: catalog.Cause(f.Get("cause")), What: strings.TrimSpace(f.Get("what")), Since: since})
	case "extend":
		days, _ := strconv.Atoi(f.Get("days")) // none is refused by the package
		_, err = s.Entries.AskExtension(q.Context(), q.Sess, code, days, strings.TrimSpace(f.Get("reason")))
	case "stand":
		err = s.stand(q, code, f)
	default:
		err = s.simple(q, code, name, strings.TrimSpace(f.Get("reason")))
	}
	return s.entryDone(w, q, code, name, f, err)
}

// simple does an act that needs no more than a reason.
func (s *Share) simple(q staff.Visit, code, name, reason string) error {
	for _, a := range entryActs() {
		switch {
		case a.name != name:
			continue
		case a.plain != nil:
			_, err := a.plain(s.Entries)(q.Context(), q.Sess, code)
			return err
		}
		_, err := a.reasoned(s.Entries)(q.Context(), q.Sess, code, reason)
		return err
	}
	return staff.ErrNoAct.With()
}

// entryDone leads to the entry's page, or back to the form with what is wrong with it.
func (s *Share) entryDone(w http.ResponseWriter, q staff.Visit, code, name string, f url.Values, err error) error {
	if faults, e := staff.Faults(q.V, err); e == nil && len(faults) > 0 {
		return s.showEntry(w, q, name, f, faults)
	}
	if errs.As(err) != nil && errs.As(err).Code == catalog.ErrState.With().Code {
		return staff.ErrMoved.Because(err)
	}
	if err != nil {
		return err
	}
	if name == "discard" {
		if _, err := s.Entries.Dossier(q.Context(), q.Sess.Scope(), code); err != nil {
			return staff.Done(w, q, staff.PathResources, name)
		}
	}
	return staff.Done(w, q, entryPath(code), name)
}

// stand gives a consent in advance.
func (s *Share) stand(q staff.Visit, code string, f url.Values) error {
	st := agreement.Standing{Resource: code, Fields: f["fields"], ValidUntil: staff.EndOf(q.V, f.Get("until"))}
	st.MaxDays, _ = strconv.Atoi(f.Get("max_days")) // none is refused by the package
	for _, m := range f["modes"] {
		st.Modes = append(st.Modes, policy.Mode(m))
	}
	_, err := s.Uses.ConsentInAdvance(q.Context(), q.Sess, st)
	if e := errs.As(err); err != nil && e.Kind == errs.Invalid {
		return e.WithFields(errs.Field{Name: "until", Zh: e.Message("zh"), En: e.Message("en")})
	}
	return err
}

func (s *Share) entry(w http.ResponseWriter, q staff.Visit) error {
	return s.showEntry(w, q, "", url.Values{}, nil)
}

// entryView is what the page of an entry shows.
type entryView struct {
	e        *catalog.Dossier
	timeline ui.Timeline
	missing  []string
	advice   []string
	acts     []ui.Question
	forms    []form
	diff     []ui.Difference
	facts    []ui.Fact
	items    ui.Table
	papers   ui.Table
	users    ui.Table
	stands   ui.Table
	versions ui.Table
	mount    *ui.Status
	mountWhy string
}

// showEntry is the page of an entry; act, f and faults are a form that was not taken.
func (s *Share) showEntry(w http.ResponseWriter, q staff.Visit, act string, f url.Values, faults map[string]string) error {
	v, ctx, sc, code := q.V, q.Context(), q.Sess.Scope(), q.PathValue("code")
	e, err := s.Entries.Dossier(ctx, sc, code)
	if err != nil {
		return err
	}
	steps, err := s.Entries.History(ctx, sc, code)
	if err != nil {
		return err
	}
	clocks, err := s.Clocks.Of(ctx, sc, "catalog/"+code)
	if err != nil {
		return err
	}
	versions, err := s.Entries.Versions(ctx, sc, code)
	if err != nil {
		return err
	}
	users, err := s.Uses.UsersOf(ctx, sc, code, shown)
	if err != nil {
		return err
	}
	stands, err := s.Uses.Standings(ctx, sc, code)
	if err != nil {
		return err
	}
	nm := s.Names(q)
	x := entryView{
		e: e, timeline: entryTimeline(v, nm, e, steps, clocks), acts: actsOf(q, e), facts: entryFacts(v, e), items: itemTable(v, e.Resource), papers: paperTable(v, e),
		users: usersTable(v, nm, users), stands: standTable(v, nm, e, stands), versions: versionTable(v, nm, e, versions), forms: s.entryForms(q, e, act, f, faults),
	}
	for _, m := range e.Missing {
		x.missing = append(x.missing, v.Pick(m.Zh, m.En))
	}
	if slices.Contains([]catalog.State{catalog.Submitted, catalog.Signed, catalog.UpdateSubmitted, catalog.UpdateSigned}, e.State) {
		for _, a := range e.Advice {
			x.advice = append(x.advice, v.Pick(a.Zh, a.En))
		}
	}
	if x.diff, err = s.differences(q, e); err != nil {
		return err
	}
	if q.URL.Query().Get("mount") == "1" {
		if err := s.lookAtMount(q, &x); err != nil {
			return err
		}
	}
	status := http.StatusOK
	if len(faults) > 0 {
		status = http.StatusBadRequest
	}
	info := ui.PageInfo{Title: e.Resource.Name, Lead: e.Resource.Abstract, Crumbs: []ui.Link{staff.Home(v), {Href: staff.PathResources, Text: v.Pick("数据资源", "Resources")}}}
	if owns(q, e.Department, identity.DataOfficer) && allows(e, catalog.Describe) {
		info.Action = ui.Button(v, ui.Link{Href: entryPath(code) + "/edit", Text: v.Pick("更新", "Update")}, "pencil", e.State == catalog.Published)
	}
	s.Show(w, q, status, staff.PathResources, info, entryPage(v, x, doneEntry(v)))
	return nil
}

func doneEntry(v *ui.View) string {
	name := v.URL.Query().Get("done")
	for _, a := range entryActs() {
		if a.name == name {
			return a.done.In(v)
		}
	}
	return map[string]string{
		"described":    v.Pick("已保存为草稿。接着登记评估，再提交签发。", "Kept as a draft. Put the assessments on record, then hand it in."),
		"assess":       v.Pick("评估已登记。", "The assessment is on record."),
		"change-noted": v.Pick("已记录，更新期限开始计算。", "On record; the time for the update runs."),
		"extend":       v.Pick("延期申请已报主管部门。", "The authority has been asked for more time."),
		"stand":        v.Pick("事先同意已生效，符合条件的申请由系统即时同意。", "The standing consent holds: applications it covers are granted at once."),
	}[name]
}

// lookAtMount says whether the rows behind the entry can be had now.
func (s *Share) lookAtMount(q staff.Visit, x *entryView) error {
	m, err := s.Entries.CheckMount(q.Context(), q.Sess.Scope(), x.e.Code)
	if err != nil {
		return err
	}
	v := q.V
	st := map[catalog.MountState]ui.Status{
		catalog.Mounted:   {Tone: ui.Good, Word: v.Pick("数据可以取到", "The data can be had")},
		catalog.Unmounted: {Tone: ui.Warning, Word: v.Pick("尚未挂接数据源", "Not mounted on a source")},
		catalog.Broken:    {Tone: ui.Bad, Word: v.Pick("数据取不到", "The data can't be had")},
	}[m.State]
	x.mount, x.mountWhy = &st, v.Pick(m.Zh, m.En)+strings.Join(m.Missing, v.Pick("、", ", "))
	return nil
}

// entryTimeline is what happened to an entry, latest first.
func entryTimeline(v *ui.View, nm *staff.Names, e *catalog.Dossier, steps []process.Step, clocks []deadline.Deadline) ui.Timeline {
	t := ui.Timeline{Label: e.Resource.Name, State: entryStatus(v, e.State)}
	t.Whose, t.Next = turn(v, e.State)
	for i := range clocks {
		if k := &clocks[i]; k.Open() && (t.Due.IsZero() || k.Due.Before(t.Due)) {
			t.Due = k.Due.Add(-time.Nanosecond)
		}
	}
	table, version := catalog.Table(), 0
	for i := range steps {
		x := &steps[i]
		if x.Event == catalog.Describe {
			version++
		}
		number, words := v.Number(int64(version)), table.EventWords(x.Event)
		t.Events = append(t.Events, ui.Event{
			Time: x.Time, Title: v.Pick(words.Zh+"（第 "+number+" 版）", words.En+" (version "+number+")"), Who: nm.Person(x.Actor), Text: x.Note,
			Status: ui.Status{Tone: entryStatus(v, x.To).Tone}, Ref: x.ID,
		})
	}
	slices.Reverse(t.Events)
	return t
}

func entryFacts(v *ui.View, e *catalog.Dossier) []ui.Fact {
	facts := []ui.Fact{{Label: v.Pick("提供部门", "Provider"), Value: e.Resource.Provider}}
	if e.Source != "" {
		facts = append(facts, ui.Fact{Label: v.Pick("数据表", "Table"), Value: v.Pick("数据源 ", "source ") + e.Source + v.Pick("・表 ", ", table ") + e.Table})
	}
	if d := e.Demand; d != nil {
		facts = append(facts, ui.Fact{Label: v.Pick("须更新的原因", "Why an update is due"), Value: d.What + v.Pick("（", " (") + v.Day(d.Since) + v.Pick("）", ")")})
	}
	if x := e.Extension; x != nil {
		facts = append(facts, ui.Fact{Label: v.Pick("更新延期", "More time"), Value: v.Pick("申请延长 ", "asked for ") + v.Number(int64(x.Days)) + v.Pick(" 个工作日：", " working days: ") + x.Reason})
	}
	if e.Reason != "" {
		facts = append(facts, ui.Fact{Label: v.Pick("最近一次退回或撤销的理由", "Reason of the last return or withdrawal"), Value: e.Reason})
	}
	return append(facts, resourceFacts(v, e.Resource)...)
}

// differences sets the version being worked on, or the one the address names, against the one before it.
func (s *Share) differences(q staff.Visit, e *catalog.Dossier) ([]ui.Difference, error) {
	from, to := e.InForce, e.Version
	if n, err := strconv.Atoi(q.URL.Query().Get("version")); err == nil && n > 1 {
		from, to = n-1, n
	}
	if from == 0 || from == to {
		return nil, nil
	}
	a, err := s.Entries.Version(q.Context(), q.Sess.Scope(), e.Code, from)
	if err != nil {
		return nil, err
	}
	b, err := s.Entries.Version(q.Context(), q.Sess.Scope(), e.Code, to)
	if err != nil {
		return nil, err
	}
	ds, err := catalog.Compare(a, b)
	if err != nil {
		return nil, err
	}
	return said(q.V, a, b, ds), nil
}

// said puts what two versions have differently into words: the entry's own particulars, and its items one by one.
func said(v *ui.View, a, b *catalog.Resource, ds []catalog.Difference) []ui.Difference {
	before, after := particulars(v, a), particulars(v, b)
	var out []ui.Difference
	items := []string{}
	for _, d := range ds {
		if d.Item != "" {
			if !slices.Contains(items, d.Item) {
				items = append(items, d.Item)
				out = append(out, ui.Difference{Field: v.Pick("数据项：", "item: ") + titleOf(a, b, d.Item), Before: itemWord(v, a.Item(d.Item)), After: itemWord(v, b.Item(d.Item))})
			}
			continue
		}
		label := fieldWord(v, d.Field)
		from, had := before[d.Field]
		to, has := after[d.Field]
		if !had && !has { // particulars the pages have no words for: what changed can be read from the document
			from, to = plainJSON(d.From), plainJSON(d.To)
		}
		out = append(out, ui.Difference{Field: label, Before: from, After: to})
	}
	return out
}

func titleOf(a, b *catalog.Resource, name string) string {
	for _, r := range []*catalog.Resource{b, a} {
		if it := r.Item(name); it != nil {
			return it.Title
		}
	}
	return name
}

func itemWord(v *ui.View, it *catalog.Item) string {
	if it == nil {
		return ""
	}
	and := v.Pick("，", ", ")
	out := it.Title + and + typeWord(v, it.Type) + and + staff.GradeWord(v, it.Grade) + and + staff.ItemShown(v, it)
	if p := personOf(it); p != personNone {
		out += and + v.Pick("个人信息", "personal information")
	}
	if it.Key {
		out += and + v.Pick("可按精确值查询", "may be asked for by its exact value")
	}
	return out
}

// particulars are an entry's own fields in words, by their names in the document.
func particulars(v *ui.View, r *catalog.Resource) map[string]string {
	modes := make([]string, len(r.Modes))
	for i, m := range r.Modes {
		modes[i] = staff.Word(v, string(m))
	}
	basis := ""
	if b := r.LegalBasis; b != nil {
		basis = b.Name + v.Pick("，", ", ") + b.Article + v.Pick("：", ": ") + b.Reason
	}
	return map[string]string{
		"name": r.Name, "abstract": r.Abstract, "conditions": r.Conditions, "share_scope": r.ShareScope, "use_purpose": r.UsePurpose, "class": staff.Word(v, r.Class), "provider": r.Provider,
		"update_cycle": staff.Word(v, r.UpdateCycle), "sharing": staff.SharingStatus(v, r.Sharing).Word, "grade": staff.GradeWord(v, r.Grade), "modes": strings.Join(modes, v.Pick("、", ", ")),
		"legal_basis": basis, "format": r.Format, "origin_system": r.OriginSystem, "open_condition": r.OpenCondition,
	}
}

// plainJSON is a value of a document without the marks of its notation.
func plainJSON(raw json.RawMessage) string {
	return strings.Trim(strings.NewReplacer(`"`, "", "{", "", "}", "", "[", "", "]", "", ",", "，").Replace(string(raw)), " ")
}

func fieldWord(v *ui.View, name string) string {
	return staff.Say(v, map[string]staff.Pair{
		"name": {"资源名称", "Name"}, "abstract": {"摘要", "Abstract"}, "conditions": {"使用条件", "Conditions of use"}, "share_scope": {"共享范围", "Scope of sharing"}, "use_purpose": {"使用用途", "Purpose of use"},
		"class": {"资源分类", "Class"}, "provider": {"提供部门", "Provider"}, "update_cycle": {"更新周期", "Update cycle"}, "sharing": {"共享属性", "Sharing"}, "grade": {"敏感等级", "Grade"}, "modes": {"共享方式", "Modes"},
		"legal_basis": {"不予共享依据", "Grounds for not sharing"}, "format": {"格式", "Format"}, "format_class": {"格式分类", "Class of the format"}, "origin_system": {"所属系统", "System of origin"}, "openness": {"开放属性", "Openness"},
		"open_condition": {"开放条件", "Condition of opening"}, "classification": {"项、目、细目", "Group, topic and detail"}, "related": {"关联资源", "Related resources"}, "channel": {"所在网络", "Network"},
		"origins": {"来源方", "Departments of origin"}, "service_item": {"关联事项", "Linked service"}, "secret": {"涉密", "State secrets"},
	}, name)
}

// paperTable lists the assessments of the version being worked on.
func paperTable(v *ui.View, e *catalog.Dossier) ui.Table {
	t := ui.Table{Caption: v.Pick("评估", "Assessments"), Columns: []ui.Column{{Label: v.Pick("评估", "Assessment")}, {Label: v.Pick("评估人", "By")}, {Label: v.Pick("日期", "Date")}, {Label: v.Pick("结论", "Conclusion")}, {Label: v.Pick("结果", "Result")}}}
	for i := range e.Assessments {
		a := &e.Assessments[i]
		st := ui.Status{Tone: ui.Good, Word: v.Pick("通过", "Passed")}
		if !a.Pass {
			st = ui.Status{Tone: ui.Bad, Word: v.Pick("不通过", "Not passed")}
		}
		t.Rows = append(t.Rows, []templ.Component{ui.Words(v.Pick(a.Kind.In("zh"), a.Kind.In("en"))), ui.Words(a.Assessor), ui.Words(a.Date), ui.Words(a.Text), ui.Chip(v, st)})
	}
	return t
}

func usersTable(v *ui.View, nm *staff.Names, users []agreement.Negotiation) ui.Table {
	t := ui.Table{
		Caption: v.Pick("谁在使用", "Who uses it"), Columns: []ui.Column{{Label: v.Pick("需求部门", "User")}, {Label: v.Pick("用途", "Purpose")}, {Label: v.Pick("期限至", "Until")}, {Label: v.Pick("状态", "State")}},
		Empty: ui.State{Kind: ui.Empty, Title: v.Pick("还没有使用协议", "No agreement yet"), Text: v.Pick("发布后，各部门可在目录中申请使用；同意后列在这里。", "Once it is published, departments can apply from the catalogue; what is granted is listed here.")},
	}
	for i := range users {
		n := &users[i]
		t.Rows = append(t.Rows, []templ.Component{
			ui.Titled(ui.Link{Href: staff.CasePath(n.ID), Text: nm.Party(n.Consumer)}, ""), ui.Words(staff.Purposes(v, n.Application.Purposes)), ui.Day(v, n.ValidUntil), ui.Chip(v, staff.StatusOf(v, n.State)),
		})
	}
	return t
}

func standTable(v *ui.View, nm *staff.Names, e *catalog.Dossier, stands []agreement.Standing) ui.Table {
	t := ui.Table{Caption: v.Pick("事先同意", "Standing consents"), Columns: []ui.Column{{Label: v.Pick("数据项", "Items")}, {Label: v.Pick("对谁", "For whom")}, {Label: v.Pick("协议最长", "Longest agreement")}, {Label: v.Pick("有效至", "Until")}, {Label: v.Pick("同意人", "By")}}}
	for i := range stands {
		st := &stands[i]
		items := make([]string, len(st.Fields))
		for k, name := range st.Fields {
			items[k] = titleOf(e.Resource, e.Resource, name)
		}
		whom := v.Pick("全部成员", "All members")
		if len(st.Members) > 0 {
			names := make([]string, len(st.Members))
			for k, m := range st.Members {
				names[k] = nm.Member(m)
			}
			whom = strings.Join(names, v.Pick("、", ", "))
		}
		days := v.Number(int64(st.MaxDays))
		t.Rows = append(t.Rows, []templ.Component{
			ui.Words(strings.Join(items, v.Pick("、", ", "))), ui.Words(whom), ui.Words(v.Pick(days+" 天", days+" days")), ui.Day(v, st.ValidUntil), ui.Words(nm.Person(st.By)),
		})
	}
	return t
}

func versionTable(v *ui.View, nm *staff.Names, e *catalog.Dossier, editions []catalog.Edition) ui.Table {
	t := ui.Table{Caption: v.Pick("版本", "Versions"), Columns: []ui.Column{{Label: v.Pick("版本", "Version")}, {Label: v.Pick("编目时间", "Described")}, {Label: v.Pick("编目人", "By")}, {Label: v.Pick("发布时间", "Published")}, {Label: v.Pick("比较", "Compare")}}}
	for _, x := range editions {
		number := v.Number(int64(x.Number))
		published, compare := ui.Words(v.Pick("未发布", "not published")), ui.Words(v.Pick("首版", "the first"))
		if x.Published != nil {
			published = ui.Moment(v, *x.Published)
		}
		if x.Number > 1 {
			compare = ui.Titled(ui.Link{Href: entryPath(e.Code) + "?version=" + strconv.Itoa(x.Number) + "#diff", Text: v.Pick("第 "+number+" 版改了什么", "what version "+number+" changed")}, "")
		}
		t.Rows = append(t.Rows, []templ.Component{ui.Words(v.Pick("第 "+number+" 版", "version "+number)), ui.Moment(v, x.Described), ui.Words(nm.Person(x.By)), published, compare})
	}
	return t
}
