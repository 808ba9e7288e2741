package share

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/a-h/templ"

	"github.com/kuayu/kuayu/exchange/scheme"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/policy"
	"github.com/kuayu/kuayu/web/staff"
	"github.com/kuayu/kuayu/web/ui"
)

// Schemes are texts under which many agreements are made. scheme.Service is one.
type Schemes interface {
	List(ctx context.Context, sc db.Scope, limit int) ([]scheme.Scheme, error)
	Get(ctx context.Context, sc db.Scope, id string) (*scheme.Scheme, error)
	Versions(ctx context.Context, sc db.Scope, id string) ([]scheme.Version, error)
	Next(ctx context.Context, sess *identity.Session, id string) (*scheme.Text, error)
	Propose(ctx context.Context, sess *identity.Session, t scheme.Text) (*scheme.Scheme, error)
	Enrolments(ctx context.Context, sc db.Scope, id string) ([]scheme.Enrolment, error)
	Consent(ctx context.Context, sess *identity.Session, id string) (*scheme.Scheme, error)
	Decline(ctx context.Context, sess *identity.Session, id, reason string) (*scheme.Scheme, error)
	Join(ctx context.Context, sess *identity.Session, id string) (*scheme.Scheme, error)
	Leave(ctx context.Context, sess *identity.Session, id, reason string) (*scheme.Scheme, error)
	Close(ctx context.Context, sess *identity.Session, id, reason string) (*scheme.Scheme, error)
	Enrol(ctx context.Context, sess *identity.Session, id string, basis policy.Basis, scenario string) (*scheme.Enrolment, error)
	ConsentEnrolment(ctx context.Context, sess *identity.Session, id string) (*scheme.Enrolment, error)
}

func schemePath(id string) string { return pathSchemes + "/" + url.PathEscape(id) }

// kindOf is who provides to whom.
func kindOf(v *ui.View, k scheme.Kind) string {
	return staff.Say(v, map[string]staff.Pair{
		string(scheme.PointToMany): {"点对多：一个部门向多个部门提供", "Point to many: one department provides to several"}, string(scheme.ManyToPoint): {"多对点：多个成员向一个部门提供", "Many to one: several members provide to one department"},
		string(scheme.Hub): {"枢纽：成员之间按清单互相提供", "Hub: members provide to one another by a list"}, string(scheme.Zone): {"无差别共享：清单内的数据各成员同等使用", "Zone: what is on the list is used by all members alike"},
	}, string(k))
}

// schemeWord is a state as a chip, whose turn it is, and what comes next.
func schemeWord(v *ui.View, x *scheme.Scheme) (ui.Status, string, string) {
	w := map[scheme.State]struct {
		tone             ui.Tone
		word, whose, say staff.Pair
	}{
		scheme.Draft:    {ui.Neutral, staff.Pair{"草稿", "Draft"}, staff.Pair{"提出部门共享工作机构负责人", "The head of its owner's sharing office"}, staff.Pair{"负责人同意后生效。", "It is in force when the head consents."}},
		scheme.Proposed: {ui.Notice, staff.Pair{"征求各成员同意", "Waits for the members"}, staff.Pair{"尚未同意的成员", "The members that have not consented"}, staff.Pair{"全部成员同意后生效。", "It is in force when every member has consented."}},
		scheme.InForce:  {ui.Good, staff.Pair{"有效", "In force"}, staff.Pair{"无", "no one"}, staff.Pair{"部门登记使用后，按清单取得数据。", "Departments enrol and get what is listed."}},
		scheme.Left:     {ui.Neutral, staff.Pair{"本成员已退出", "This member has left"}, staff.Pair{"无", "no one"}, staff.Pair{"方案对本成员不再有效。", "It binds this member no more."}},
		scheme.Ended:    {ui.Neutral, staff.Pair{"已终止", "Ended"}, staff.Pair{"无", "no one"}, staff.Pair{"不再依此达成新协议。", "Nothing new is agreed under it."}},
	}[x.State]
	st, whose, say := ui.Status{Tone: w.tone, Word: w.word.In(v)}, w.whose.In(v), w.say.In(v)
	if x.State == scheme.InForce && x.Proposal != nil {
		st = ui.Status{Tone: ui.Notice, Word: v.Pick("有效，新版本待决定", "In force, a new version waits")}
		whose, say = v.Pick("负责人或尚未同意的成员", "The head, or the members that have not consented"), v.Pick("新版本同意后取代现行版本。", "When it has its consents, the new version replaces this one.")
	}
	return st, whose, say
}

// schemesShown bounds the list: a government has few of them.
const schemesShown = 100

func (s *Share) schemes(w http.ResponseWriter, q staff.Visit) error {
	v := q.V
	list, err := s.Schemes.List(q.Context(), q.Sess.Scope(), schemesShown)
	if err != nil {
		return err
	}
	nm := s.Names(q)
	t := ui.Table{
		Caption: v.Pick("共享方案", "Schemes"), Columns: []ui.Column{{Label: v.Pick("方案", "Scheme")}, {Label: v.Pick("提出方", "Owner")}, {Label: v.Pick("成员", "Members")}, {Label: v.Pick("共享内容", "Entries"), Number: true}, {Label: v.Pick("状态", "State")}},
		Empty: ui.State{Kind: ui.Empty, Title: v.Pick("没有共享方案", "No schemes"), Text: v.Pick("一份方案一次同意，清单内的数据不必逐件申请。方案由数据专员拟定；无差别共享由主管部门拟定，各成员同意后生效。", "One text, consented to once: what it lists needs no application each time. A data officer drafts it; a zone's is proposed by the authority and takes every member's consent."), Next: ui.Link{Href: staff.PathDemands, Text: v.Pick("查看需求清单", "See the demands")}},
	}
	var draft templ.Component
	if len(draftKinds(q)) > 0 {
		begin := ui.Link{Href: pathDraft, Text: v.Pick("拟定方案", "Draft a scheme")}
		draft, t.Empty.Next = ui.Button(v, begin, "plus", true), begin
	}
	for i := range list {
		x := &list[i]
		st, _, _ := schemeWord(v, x)
		members := make([]string, len(x.Current().Parties))
		for k, m := range x.Current().Parties {
			members[k] = nm.Member(m)
		}
		t.Rows = append(t.Rows, []templ.Component{
			ui.Titled(ui.Link{Href: schemePath(x.ID), Text: x.Text.Title}, kindOf(v, x.Text.Kind)), ui.Words(nm.Party(x.Text.Owner)), ui.Words(strings.Join(members, v.Pick("、", ", "))),
			ui.Words(v.Number(int64(len(x.Current().Entries)))), ui.Chip(v, st),
		})
	}
	s.Show(w, q, http.StatusOK, staff.PathDemands, ui.PageInfo{
		Title: v.Pick("共享方案", "Schemes"), Lead: v.Pick("一份文本、一次同意，多个部门按清单共享。", "One text, one consent, many departments that share by a list."), Crumbs: []ui.Link{staff.Home(v)}, Action: draft,
	}, listPage(v, v.Pick("需求与方案各页", "Pages about demands"), supplyTabs(v, pathSchemes), v.Pick("最近变动在前", "Latest first"), nil, t, ui.Paging{Shown: int64(len(list))}))
	return nil
}

// schemeView is what the page of a scheme shows.
type schemeView struct {
	state    ui.Status
	timeline ui.Timeline
	acts     []ui.Question
	forms    []form
	facts    []ui.Fact
	entries  ui.Table
	proposal []ui.Difference // of the version proposed against the one in force
	consents ui.Table
	users    ui.Table
	versions ui.Table
	page     ui.Paging // of the entries
}

func (s *Share) scheme(w http.ResponseWriter, q staff.Visit) error {
	return s.showScheme(w, q, "", url.Values{}, nil)
}

func (s *Share) showScheme(w http.ResponseWriter, q staff.Visit, act string, f url.Values, faults map[string]string) error {
	v, status, id := q.V, http.StatusOK, q.PathValue("id")
	if len(faults) > 0 {
		status = http.StatusBadRequest
	}
	x, err := s.Schemes.Get(q.Context(), q.Sess.Scope(), id)
	if err != nil {
		return err
	}
	versions, err := s.Schemes.Versions(q.Context(), q.Sess.Scope(), id)
	if err != nil {
		return err
	}
	enrolled, err := s.Schemes.Enrolments(q.Context(), q.Sess.Scope(), id)
	if err != nil {
		return err
	}
	nm := s.Names(q)
	y := schemeView{facts: schemeFacts(v, nm, x.Current()), acts: s.schemeActs(q, x, enrolled), forms: s.schemeForms(q, x, enrolled, act, f, faults), users: enrolmentTable(v, nm, enrolled)}
	y.timeline = ui.Timeline{Label: x.Text.Title}
	y.timeline.State, y.timeline.Whose, y.timeline.Next = schemeWord(v, x)
	y.state = y.timeline.State
	y.entries, y.page = listedTable(v, nm, x.Current(), q.URL.Query().Get("after"))
	for _, ver := range slices.Backward(versions) {
		number := v.Number(int64(ver.Version))
		y.timeline.Events = append([]ui.Event{{Time: ver.Time, Title: v.Pick("第 "+number+" 版生效", "version "+number+" in force"), Who: nm.Party(ver.Text.Owner), Status: ui.Status{Tone: ui.Good}}}, y.timeline.Events...)
	}
	y.versions = schemeVersions(v, versions)
	if p := x.Proposal; p != nil {
		y.consents = consentTable(v, nm, p)
		if x.State == scheme.InForce {
			y.proposal = schemeDiff(v, nm, x.Current(), &p.Text)
		}
	}
	info := ui.PageInfo{Title: x.Text.Title, Lead: kindOf(v, x.Text.Kind), Crumbs: []ui.Link{staff.Home(v), {Href: pathSchemes, Text: v.Pick("共享方案", "Schemes")}}}
	if s.mayDraftNext(q, x) {
		word := v.Pick("拟定新版本", "Draft the next version")
		if x.State == scheme.Draft {
			word = v.Pick("修改草案", "Change the draft")
		}
		info.Action = ui.Button(v, ui.Link{Href: schemePath(x.ID) + "/next", Text: word}, "pencil", false)
	}
	s.Show(w, q, status, staff.PathDemands, info, schemePage(v, x.ID, y, doneScheme(v)))
	return nil
}

// schemeFacts are a text in words.
func schemeFacts(v *ui.View, nm *staff.Names, t *scheme.Text) []ui.Fact {
	and := v.Pick("、", ", ")
	members := make([]string, len(t.Parties))
	for i, m := range t.Parties {
		members[i] = nm.Member(m)
	}
	users := v.Pick("各成员的全部部门", "every department of the members")
	if len(t.Users) > 0 {
		names := make([]string, len(t.Users))
		for i, p := range t.Users {
			names[i] = nm.Party(p)
		}
		users = strings.Join(names, and)
	}
	days, end := "", ""
	if t.MaxDays > 0 { // a draft may not say yet
		n := v.Number(int64(t.MaxDays))
		days = v.Pick(n+" 天", n+" days")
	}
	if !t.ValidUntil.IsZero() {
		end = v.Day(t.ValidUntil)
	}
	return []ui.Fact{
		{Label: v.Pick("提出方", "Owner"), Value: nm.Party(t.Owner)},
		{Label: v.Pick("参加成员", "Members"), Value: strings.Join(members, and)},
		{Label: v.Pick("可使用的部门", "Who may use it"), Value: users},
		{Label: v.Pick("用途", "Purposes"), Value: staff.Purposes(v, t.Purposes)},
		{Label: v.Pick("使用范围", "Scope"), Value: t.Scope},
		{Label: v.Pick("每份协议最长", "Longest agreement"), Value: days},
		{Label: v.Pick("方案有效至", "Valid until"), Value: end},
		{Label: v.Pick("版本", "Version"), Value: v.Number(int64(t.Version))},
	}
}

// entryTable lists what is shared. In a form it leads nowhere, so that no answer is lost.
func entryTable(v *ui.View, nm *staff.Names, list []scheme.Entry, form bool) ui.Table {
	out := ui.Table{
		Caption: v.Pick("共享清单", "Shared list"), Columns: []ui.Column{{Label: v.Pick("数据资源", "Resource")}, {Label: v.Pick("提供部门", "Provider")}, {Label: v.Pick("数据项", "Items"), Number: true}, {Label: v.Pick("共享方式", "Modes")}, {Label: v.Pick("下次复核", "Next review")}},
		Empty: ui.State{Kind: ui.Empty, Title: v.Pick("清单是空的", "Nothing is listed"), Text: v.Pick("由提出方在下一版本中列入数据资源。", "Its owner lists entries in the next version.")},
	}
	for i := range list {
		e := &list[i]
		modes := make([]string, len(e.Modes))
		for k, m := range e.Modes {
			modes[k] = staff.Word(v, string(m))
		}
		title := ui.Titled(ui.Link{Href: staff.EntryPath(e.Member, e.Resource), Text: e.Title}, e.Resource)
		if form {
			title = named(e.Title, e.Resource)
		}
		out.Rows = append(out.Rows, []templ.Component{
			title, ui.Words(nm.Party(policy.Party{Member: e.Member, Department: e.Department})), ui.Words(v.Number(int64(len(e.Fields)))),
			ui.Words(strings.Join(modes, v.Pick("、", ", "))), ui.Words(until(v, e.ReviewBy)),
		})
	}
	return out
}

// listedTable is a page of the shared list; a scheme may list two thousand entries.
func listedTable(v *ui.View, nm *staff.Names, t *scheme.Text, after string) (ui.Table, ui.Paging) {
	list := slices.Clone(t.Entries)
	key := func(e *scheme.Entry) string { return e.Member + "/" + e.Resource }
	slices.SortFunc(list, func(a, b scheme.Entry) int { return strings.Compare(key(&a), key(&b)) })
	list = slices.DeleteFunc(list, func(e scheme.Entry) bool { return key(&e) <= after })
	list = list[:min(len(list), shown)]
	cursor := ""
	if len(list) > 0 {
		cursor = key(&list[len(list)-1])
	}
	return entryTable(v, nm, list, false), onward(v, len(list), cursor)
}

// consentTable says who has consented to the version proposed, and who is waited for.
func consentTable(v *ui.View, nm *staff.Names, p *scheme.Proposal) ui.Table {
	t := ui.Table{Caption: v.Pick("各成员的决定", "What the members decided"), Columns: []ui.Column{{Label: v.Pick("成员", "Member")}, {Label: v.Pick("决定", "Decision")}}}
	if p.Text.Kind != scheme.Zone {
		return ui.Table{}
	}
	members := slices.Concat(p.Text.Parties, p.Text.Before)
	slices.Sort(members)
	for _, m := range slices.Compact(members) {
		cell := ui.Chip(v, ui.Status{Tone: ui.Notice, Word: v.Pick("等待决定", "Waited for"), Icon: "clock"})
		for _, c := range p.Consents {
			if c.Member == m {
				cell = ui.Chip(v, ui.Status{Tone: ui.Good, Word: v.Pick("已同意 ", "Consented ") + v.Day(c.Time)})
			}
		}
		t.Rows = append(t.Rows, []templ.Component{ui.Words(nm.Member(m)), cell})
	}
	return t
}

// schemeDiff sets the version proposed beside the one in force.
func schemeDiff(v *ui.View, nm *staff.Names, a, b *scheme.Text) []ui.Difference {
	var out []ui.Difference
	before, after := schemeFacts(v, nm, a), schemeFacts(v, nm, b)
	for i := range before {
		if before[i].Value != after[i].Value {
			out = append(out, ui.Difference{Field: before[i].Label, Before: before[i].Value, After: after[i].Value})
		}
	}
	word := func(e *scheme.Entry) string {
		return e.Title + v.Pick("（", " (") + v.Number(int64(len(e.Fields))) + v.Pick(" 个数据项）", " items)")
	}
	find := func(t *scheme.Text, e *scheme.Entry) *scheme.Entry {
		i := slices.IndexFunc(t.Entries, func(x scheme.Entry) bool { return x.Member == e.Member && x.Resource == e.Resource })
		if i < 0 {
			return nil
		}
		return &t.Entries[i]
	}
	for i := range a.Entries {
		e := &a.Entries[i]
		switch o := find(b, e); {
		case o == nil:
			out = append(out, ui.Difference{Field: v.Pick("清单", "List"), Before: word(e)})
		case !slices.Equal(o.Fields, e.Fields) || !slices.Equal(o.Modes, e.Modes):
			out = append(out, ui.Difference{Field: v.Pick("清单", "List"), Before: word(e), After: word(o)})
		}
	}
	for i := range b.Entries {
		if e := &b.Entries[i]; find(a, e) == nil {
			out = append(out, ui.Difference{Field: v.Pick("清单", "List"), After: word(e)})
		}
	}
	return out
}

func enrolmentTable(v *ui.View, nm *staff.Names, list []scheme.Enrolment) ui.Table {
	t := ui.Table{
		Caption: v.Pick("登记使用的部门", "Departments that use it"), Columns: []ui.Column{{Label: v.Pick("部门", "Department")}, {Label: v.Pick("使用场景", "Scenario")}, {Label: v.Pick("申请", "Applications"), Number: true}, {Label: v.Pick("状态", "State")}},
		Empty: ui.State{Kind: ui.Empty, Title: v.Pick("本节点还没有部门登记使用", "No department of this node uses it yet"), Text: v.Pick("方案有效时，由数据专员登记，共享工作机构负责人同意。", "While it is in force a data officer enrols the department, and the head of its sharing office consents.")},
	}
	for i := range list {
		e := &list[i]
		st := ui.Status{Tone: ui.Notice, Word: v.Pick("待负责人同意", "Waits for the head")}
		if e.Head != "" {
			st = ui.Status{Tone: ui.Good, Word: v.Pick("使用中", "In use")}
		}
		t.Rows = append(t.Rows, []templ.Component{ui.Words(nm.Party(partyHere(nm, e.Department))), ui.Words(e.Scenario), ui.Words(v.Number(int64(len(e.Applied)))), ui.Chip(v, st)})
	}
	return t
}

func schemeVersions(v *ui.View, list []scheme.Version) ui.Table {
	t := ui.Table{Caption: v.Pick("版本", "Versions"), Columns: []ui.Column{{Label: v.Pick("版本", "Version")}, {Label: v.Pick("生效时间", "In force since")}, {Label: v.Pick("共享内容", "Entries"), Number: true}, {Label: v.Pick("文本摘要值", "Digest of the text")}}}
	for i := range list {
		x := &list[i]
		number := v.Number(int64(x.Version))
		t.Rows = append(t.Rows, []templ.Component{ui.Words(v.Pick("第 "+number+" 版", "version "+number)), ui.Moment(v, x.Time), ui.Words(v.Number(int64(len(x.Text.Entries)))), ui.Identifier(v, x.Hash)})
	}
	return t
}

// schemeActs are the acts that need no more than a reason.
func (s *Share) schemeActs(q staff.Visit, x *scheme.Scheme, enrolled []scheme.Enrolment) []ui.Question {
	v, own := q.V, policy.Party{Member: s.Self, Department: q.Sess.Department}
	zone, head, authority := x.Text.Kind == scheme.Zone, q.Sess.Has(identity.OfficeHead), q.Sess.Has(identity.Authority)
	var out []ui.Question
	add := func(ok bool, act string, word, text staff.Pair, reason, danger bool) {
		if !ok {
			return
		}
		y := ui.Question{Act: word.In(v), Text: text.In(v), Post: schemePath(x.ID) + "/" + act, Danger: danger}
		if reason {
			y.Reason = v.Pick("理由", "Reason")
		}
		out = append(out, y)
	}
	if p := x.Proposal; p != nil {
		asked := slices.Contains(p.Text.Parties, s.Self) || slices.Contains(p.Text.Before, s.Self)
		consented := slices.ContainsFunc(p.Consents, func(c scheme.Consented) bool { return c.Member == s.Self })
		add(zone && authority && asked && !consented, "consent", staff.Pair{"同意该版本", "Consent to this version"}, staff.Pair{"代表本成员同意；全部成员同意后生效。", "For this member; it is in force when all have consented."}, false, false)
		add(zone && authority && asked && !consented, "decline", staff.Pair{"否决该版本", "Decline this version"}, staff.Pair{"该版本不再生效，须写明理由。", "It will not come into force; say why."}, true, true)
		add(!zone && head && p.Text.Owner == own, "consent", staff.Pair{"同意方案", "Consent to the scheme"}, staff.Pair{"同意后立即生效并送达各成员。", "It is in force at once and goes to the members."}, false, false)
	}
	listed := slices.ContainsFunc(x.Current().Entries, func(e scheme.Entry) bool { return e.Member == s.Self && e.Department == q.Sess.Department })
	joined := 0
	for _, j := range x.Joined {
		if j.Department == q.Sess.Department {
			joined++
		}
	}
	force := x.State == scheme.InForce
	add(force && head && listed && joined == 0, "join", staff.Pair{"以本部门条目加入", "Join with this department's entries"}, staff.Pair{"对清单内本部门的条目事先同意，符合方案的申请即时同意。", "A standing consent for this department's entries: applications under the scheme are granted at once."}, false, false)
	waiting := slices.ContainsFunc(enrolled, func(e scheme.Enrolment) bool { return e.Department == q.Sess.Department && e.Head == "" })
	add(force && head && waiting, "consent-enrolment", staff.Pair{"同意登记使用", "Consent to the enrolment"}, staff.Pair{"同意后，系统对清单内的每个条目提出申请。", "The node then applies for every entry of the list."}, false, false)
	add(force && zone && authority, "leave", staff.Pair{"退出方案", "Leave the scheme"}, staff.Pair{"立即退出：本成员的条目移出清单，依方案达成的协议终止。", "At once: this member's entries leave the list, and agreements under it end."}, true, true)
	add(force && !zone && head && x.Text.Owner == own, "close", staff.Pair{"终止方案", "Close the scheme"}, staff.Pair{"不再依此达成新协议；已有协议按约定办理。", "Nothing new is agreed under it; agreements go on by their terms."}, true, true)
	return out
}

func (s *Share) schemeForms(q staff.Visit, x *scheme.Scheme, enrolled []scheme.Enrolment, act string, f url.Values, faults map[string]string) []form {
	v, t := q.V, x.Current()
	had := slices.ContainsFunc(enrolled, func(e scheme.Enrolment) bool { return e.Department == q.Sess.Department })
	may := slices.Contains(t.Parties, s.Self) && (len(t.Users) == 0 || slices.Contains(t.Users, policy.Party{Member: s.Self, Department: q.Sess.Department}))
	if t.Kind == scheme.ManyToPoint || t.Kind == scheme.PointToMany {
		may = may && (t.Owner == policy.Party{Member: s.Self, Department: q.Sess.Department}) == (t.Kind == scheme.ManyToPoint)
	}
	if x.State != scheme.InForce || !q.Sess.Has(identity.DataOfficer) || had || !may {
		return nil
	}
	y := form{
		word: v.Pick("登记使用", "Enrol this department"), post: schemePath(x.ID) + "/enrol", text: v.Pick("写明一次使用依据和场景，负责人同意后，系统对清单内的每个条目提出申请。", "State basis and scenario once; when the head consents, the node applies for every entry of the list."),
		fields: []ui.Field{
			{Name: "basis", Kind: "radio", Label: v.Pick("使用依据", "Basis"), Options: coded(v, "duty", "consent")},
			{Name: "citation", Kind: "text", Optional: true, Label: v.Pick("法定职责的条文", "Article of the duty"), Hint: v.Pick("依据为法定职责时填写。", "If the basis is a duty.")},
			{Name: "scenario", Kind: "textarea", Label: v.Pick("使用场景", "Scenario")},
		},
	}
	return []form{y.filled(act == "enrol", f, faults)}
}

// schemeAct does one thing to a scheme. The package checks role, member and state.
func (s *Share) schemeAct(w http.ResponseWriter, q staff.Visit) error {
	f, err := staff.Form(w, q)
	if err != nil {
		return err
	}
	ctx, id, act, reason := q.Context(), q.PathValue("id"), q.PathValue("act"), strings.TrimSpace(f.Get("reason"))
	at := ""
	switch act {
	case "consent":
		_, err = s.Schemes.Consent(ctx, q.Sess, id)
	case "decline":
		_, err = s.Schemes.Decline(ctx, q.Sess, id, reason)
	case "join":
		_, err = s.Schemes.Join(ctx, q.Sess, id)
	case "leave":
		_, err = s.Schemes.Leave(ctx, q.Sess, id, reason)
	case "close":
		_, err = s.Schemes.Close(ctx, q.Sess, id, reason)
	case "consent-enrolment":
		_, err = s.Schemes.ConsentEnrolment(ctx, q.Sess, id)
	case "enrol":
		b := policy.Basis{Kind: f.Get("basis")}
		if b.Kind == "duty" {
			b.Citation = strings.TrimSpace(f.Get("citation"))
		}
		at = "scenario"
		_, err = s.Schemes.Enrol(ctx, q.Sess, id, b, strings.TrimSpace(f.Get("scenario")))
	default:
		err = staff.ErrNoAct.With()
	}
	if faults, ok := wrongAt(q.V, err, at); ok {
		return s.showScheme(w, q, act, f, faults)
	}
	if err != nil {
		return settled(err)
	}
	return staff.Done(w, q, schemePath(id), act)
}

func doneScheme(v *ui.View) string {
	return map[string]string{
		"propose":           v.Pick("方案已提出，等待同意。", "Proposed; it waits for consent."),
		"consent":           v.Pick("已同意。", "Consented."),
		"decline":           v.Pick("已否决，各成员会收到通知。", "Declined; the members are told."),
		"join":              v.Pick("本部门的条目已加入方案。", "This department's entries are in."),
		"leave":             v.Pick("已退出方案。", "This member has left."),
		"close":             v.Pick("方案已终止。", "The scheme is closed."),
		"enrol":             v.Pick("已登记，等待负责人同意。", "Enrolled; it waits for the head."),
		"consent-enrolment": v.Pick("已同意，系统正在对清单内的条目提出申请。", "Consented; the node applies for what is listed."),
	}[v.URL.Query().Get("done")]
}
