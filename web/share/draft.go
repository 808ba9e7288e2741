package share

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/kuayu/kuayu/exchange/scheme"
	"github.com/kuayu/kuayu/exchange/search"
	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/support/federation"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/policy"
	"github.com/kuayu/kuayu/web/staff"
	"github.com/kuayu/kuayu/web/ui"
)

// MemberRegistry is who the members are. federation.Directory is one.
type MemberRegistry interface {
	Current() *federation.Constitution
}

// Neighbours tell which departments the members have. search.Service is one.
type Neighbours interface {
	Departments(ctx context.Context, member string, limit int) ([]search.Department, error)
}

// pathDraft is the form that drafts a scheme, or the next version of one. Its answers travel in the form; nothing is kept
// before the last page.
const pathDraft = pathSchemes + "/new"

// draftSteps is how many pages the form has; on the last one the text is read once more and proposed.
const draftSteps = 4

// maxDraft bounds the form and maxListed what its list takes of it, in bytes.
const (
	maxDraft  = 256 << 10
	maxListed = 128 << 10
)

// ErrLongList is a scheme with a longer list than the form can carry.
var ErrLongList = errs.Define(errs.Invalid, "share.long_list", "该方案的清单有 %v 项，超过表单能处理的长度。请用命令 kuayu scheme propose 拟定新版本。", "The list has %v entries, more than the form can carry. Draft the next version with the command kuayu scheme propose.")

// draftNames are the answers of each page, by the names under which the package tells what is wrong with them. The lines of
// the list travel apart from them.
func draftNames(step int) []string {
	return [][]string{{"kind", "title", "purposes", "scope"}, {"parties", "users"}, {}, {"max_days", "valid_until"}}[step-1]
}

// drafted is what has been answered so far.
type drafted struct {
	f    url.Values
	base *scheme.Text // of a next version: what it starts from
	text scheme.Text
	list []line
}

// version names the text that the form begins from, by its hash: number and predecessor are in it, and so is what another
// officer made of a draft meanwhile.
func version(t *scheme.Text) (string, error) {
	_, hash, err := t.Encode()
	return hash, err
}

// draftKinds are the kinds that a visitor may draft.
func draftKinds(q staff.Visit) []scheme.Kind {
	var out []scheme.Kind
	if q.Sess.Has(identity.DataOfficer) {
		out = append(out, scheme.PointToMany, scheme.ManyToPoint, scheme.Hub)
	}
	if q.Sess.Has(identity.Authority) {
		out = append(out, scheme.Zone)
	}
	return out
}

// mayDraftNext says whether the button is shown; the package checks it again.
func (s *Share) mayDraftNext(q staff.Visit, x *scheme.Scheme) bool {
	if x.Text.Kind == scheme.Zone {
		return x.State == scheme.InForce && x.Proposal == nil && q.Sess.Has(identity.Authority)
	}
	return (x.State == scheme.InForce || x.State == scheme.Draft) && x.Text.Owner.Member == s.Self && owns(q, x.Text.Owner.Department, identity.DataOfficer)
}

// newScheme begins a scheme.
func (s *Share) newScheme(w http.ResponseWriter, q staff.Visit) error {
	if err := q.Sess.Require(identity.DataOfficer, identity.Authority); err != nil {
		return err
	}
	f := url.Values{"max_days": {"365"}}
	if kinds := draftKinds(q); len(kinds) == 1 {
		f.Set("kind", string(kinds[0]))
	}
	return s.askDraft(w, q, 1, s.draftedOf(q, f, nil, nil), nil)
}

// nextVersion begins the next version of a scheme with what the present one says.
func (s *Share) nextVersion(w http.ResponseWriter, q staff.Visit) error {
	base, err := s.Schemes.Next(q.Context(), q.Sess, q.PathValue("id"))
	if err != nil {
		return settled(err)
	}
	began, err := version(base)
	if err != nil {
		return err
	}
	list := linesOf(q.V, base.Entries)
	if sizeOf(list) > maxListed {
		return ErrLongList.With(len(list))
	}
	f := url.Values{
		"id": {base.ID}, "base": {began}, "title": {base.Title}, "purposes": {staff.Purposes(q.V, base.Purposes)}, "scope": {base.Scope}, "parties": base.Parties,
		"max_days": {strconv.Itoa(base.MaxDays)}, "valid_until": {q.V.Day(base.ValidUntil)},
	}
	for _, p := range base.Users {
		f.Add("users", partyValue(p))
	}
	return s.askDraft(w, q, 1, s.draftedOf(q, f, base, list), nil)
}

// takeDraft takes a page of the form; from the last one the text is proposed.
func (s *Share) takeDraft(w http.ResponseWriter, q staff.Visit) error {
	if err := q.Sess.Require(identity.DataOfficer, identity.Authority); err != nil {
		return err
	}
	d, err := s.readDraft(w, q)
	if err != nil {
		return err
	}
	step := min(stepIn(d.f.Get("step")), draftSteps)
	act, what, _ := strings.Cut(d.f.Get("to"), ":")
	to, err := strconv.Atoi(act)
	switch {
	case act == "send" || act == "check":
		step, to = draftSteps, draftSteps
	case err != nil:
		return s.editList(w, q, d, act, what)
	case to <= step:
		return s.askDraft(w, q, max(to, 1), d, nil)
	}
	to = min(to, draftSteps)
	faults, err := s.draftFaults(q, d)
	if err != nil {
		return err
	}
	for name := range faults {
		step = min(step, stepOf(name, step))
	}
	if wrong := faultsAt(faults, step); len(wrong) > 0 {
		return s.askDraft(w, q, step, d, wrong)
	}
	if act != "send" {
		return s.askDraft(w, q, to, d, nil)
	}
	x, err := s.Schemes.Propose(q.Context(), q.Sess, d.text)
	if err != nil {
		return settled(err)
	}
	return staff.Done(w, q, schemePath(x.ID), "propose")
}

// stepOf is the page on which something is asked, and unasked what has no page.
func stepOf(name string, unasked int) int {
	for at := 1; at <= draftSteps; at++ {
		if slices.Contains(draftNames(at), name) {
			return at
		}
	}
	if slices.Contains([]string{"entries", "find", "fields", "modes"}, name) || strings.HasPrefix(name, "review-") {
		return listStep
	}
	return unasked
}

// faultsAt are what is wrong with the answers of a page.
func faultsAt(faults map[string]string, step int) map[string]string {
	out := map[string]string{}
	for name, text := range faults {
		if stepOf(name, 0) == step {
			out[name] = text
		}
	}
	return out
}

// readDraft reads what has been answered. Whoever may not draft this kind, or this scheme's next version, is told now and
// not after four pages.
func (s *Share) readDraft(w http.ResponseWriter, q staff.Visit) (*drafted, error) {
	f, err := staff.LongForm(w, q, maxDraft)
	if err != nil {
		return nil, err
	}
	var base *scheme.Text
	if id := f.Get("id"); id != "" {
		if base, err = s.Schemes.Next(q.Context(), q.Sess, id); err != nil {
			return nil, settled(err)
		}
		now, err := version(base)
		if err != nil {
			return nil, err
		}
		if f.Get("base") != now {
			return nil, staff.ErrMoved.With() // somebody else drafted meanwhile
		}
	} else if kind := scheme.Kind(f.Get("kind")); kind == scheme.Zone {
		err = q.Sess.Require(identity.Authority)
	} else if kind != "" {
		err = q.Sess.Require(identity.DataOfficer)
	}
	if err != nil {
		return nil, err
	}
	list, err := readLines(f)
	if err != nil {
		return nil, err
	}
	return s.draftedOf(q, f, base, list), nil
}

// draftedOf makes a text of the answers.
func (s *Share) draftedOf(q staff.Visit, f url.Values, base *scheme.Text, list []line) *drafted {
	v, d := q.V, &drafted{f: f, base: base, list: list}
	t := &d.text
	if base != nil {
		*t = *base
	} else {
		t.Version, t.Kind, t.Owner = 1, scheme.Kind(f.Get("kind")), policy.Party{Member: s.Self, Department: q.Sess.Department}
	}
	t.Title, t.Scope, t.ValidUntil = strings.TrimSpace(f.Get("title")), strings.TrimSpace(f.Get("scope")), staff.EndOf(v, f.Get("valid_until"))
	t.MaxDays, _ = strconv.Atoi(strings.TrimSpace(f.Get("max_days"))) // none is 0, which the package refuses
	var before scheme.Text
	if base != nil {
		before = *base
	}
	t.Purposes = nil
	for _, p := range staff.Lines(f.Get("purposes")) {
		if i := slices.IndexFunc(before.Purposes, func(had string) bool { return staff.Purpose(v, had) == p }); i >= 0 {
			p = before.Purposes[i] // it was shown in words
		}
		t.Purposes = append(t.Purposes, p)
	}
	t.Parties = kept(before.Parties, append([]string{s.Self}, f["parties"]...))
	var users []policy.Party
	for _, x := range f["users"] {
		if p, ok := partyOfValue(x); ok && t.Kind != scheme.ManyToPoint {
			users = append(users, p)
		}
	}
	t.Users = kept(before.Users, users)
	t.Entries = entriesOf(v, list)
	return d
}

// kept are the chosen ones, each once: those that were there before in the order they had, then the others.
func kept[T comparable](before, chosen []T) []T {
	var out []T
	for _, list := range [][]T{before, chosen} {
		for _, x := range list {
			if slices.Contains(chosen, x) && !slices.Contains(out, x) {
				out = append(out, x)
			}
		}
	}
	return out
}

// partyValue names a department in one word.
func partyValue(p policy.Party) string { return p.Member + "/" + url.PathEscape(p.Department) }

func partyOfValue(s string) (policy.Party, bool) {
	member, rest, ok := strings.Cut(s, "/")
	department, err := url.PathUnescape(rest)
	return policy.Party{Member: member, Department: department}, ok && err == nil && department != ""
}

// draftFaults are what is wrong with the answers: what the package says, and in its place what the page can say by names.
func (s *Share) draftFaults(q staff.Visit, d *drafted) (map[string]string, error) {
	v, nm, t := q.V, s.Names(q), &d.text
	out := map[string]string{}
	if err := t.Check(s.Clock.Now()); err != nil {
		faults, err := staff.Faults(v, err)
		if err != nil {
			return nil, err
		}
		out = faults
	}
	if out["kind"] != "" {
		out["kind"] = v.Pick("请选择方案类型。", "Choose the kind.")
	}
	if len(t.Parties) < 2 {
		out["parties"] = v.Pick("请至少再选一个成员。", "Choose one more member at least.")
	}
	for _, p := range t.Users {
		if !slices.Contains(t.Parties, p.Member) {
			out["users"] = v.Pick(nm.Party(p)+"所属的成员未参加，请选上该成员，或不选该部门。", "The member of "+nm.Party(p)+" does not take part: choose the member, or not the department.")
		}
	}
	s.listFaults(q, d, out)
	return out, nil
}

// draftView is what a page of the form shows.
type draftView struct {
	step    int
	hidden  [][2]string
	fields  []ui.Field
	users   ui.Field // which departments may use it, folded while all may; without options: not asked
	more    bool     // departments are listed of the members chosen alone
	rest    string   // that members have more departments than are listed
	list    *listView
	facts   []ui.Fact
	entries ui.Table
	changes []ui.Difference
	after   string // what comes of it
}

// wrong are the questions that something is wrong with.
func (x *draftView) wrong() []ui.Field {
	out := append(slices.Clone(x.fields), x.users)
	if x.list != nil {
		out = append(out, x.list.asked...)
	}
	return out
}

func (s *Share) askDraft(w http.ResponseWriter, q staff.Visit, step int, d *drafted, faults map[string]string) error {
	v, status := q.V, http.StatusOK
	x := draftView{step: step, hidden: d.hidden(step)}
	var err error
	switch step {
	case 1:
		x.fields = aboutFields(q, d)
	case 2:
		err = s.memberFields(q, d, &x)
	case listStep:
		x.list, err = s.listOf(q, d, faults)
	case draftSteps:
		err = s.readDraftOnce(q, d, &x)
	}
	if err != nil {
		return err
	}
	for _, field := range append(pointers(x.fields), &x.users) {
		field.Error = faults[field.Name]
		if field.Kind == "check" {
			field.Values = d.f[field.Name]
		} else {
			field.Value = d.f.Get(field.Name)
		}
	}
	if slices.ContainsFunc(x.wrong(), func(f ui.Field) bool { return f.Error != "" }) {
		status = http.StatusBadRequest
	}
	title := []string{
		v.Pick("类型、用途与范围", "Kind, purpose and scope"), v.Pick("参加的成员和部门", "Members and departments"), v.Pick("共享清单", "What is shared"), v.Pick("期限与核对", "Time limits, and check"),
	}[step-1]
	lead, crumbs := v.Pick("拟定共享方案", "Draft a scheme"), []ui.Link{staff.Home(v), {Href: pathSchemes, Text: v.Pick("共享方案", "Schemes")}}
	if b := d.base; b != nil {
		lead = v.Pick("拟定第 "+v.Number(int64(b.Version))+" 版：", "Draft version "+v.Number(int64(b.Version))+": ") + b.Title
		crumbs = append(crumbs, ui.Link{Href: schemePath(b.ID), Text: b.Title})
	}
	s.Show(w, q, status, staff.PathDemands, ui.PageInfo{Title: title, Lead: lead, Crumbs: crumbs}, draftPage(v, x))
	return nil
}

func pointers(list []ui.Field) []*ui.Field {
	out := make([]*ui.Field, len(list))
	for i := range list {
		out[i] = &list[i]
	}
	return out
}

// hidden are the answers of the other pages, and the list.
func (d *drafted) hidden(step int) [][2]string {
	var out [][2]string
	add := func(name string) {
		for _, value := range d.f[name] {
			out = append(out, [2]string{name, value})
		}
	}
	add("id")
	add("base")
	for at := 1; at <= draftSteps; at++ {
		if at == step {
			continue
		}
		for _, name := range draftNames(at) {
			add(name)
		}
	}
	for i := range d.list {
		out = append(out, [2]string{"line", d.list[i].String()})
	}
	return out
}

// aboutFields ask what kind of scheme it is, and what for.
func aboutFields(q staff.Visit, d *drafted) []ui.Field {
	v := q.V
	var out []ui.Field
	if d.base == nil {
		kind := ui.Field{Name: "kind", Kind: "radio", Label: v.Pick("方案类型", "Kind"), Hint: v.Pick("谁向谁提供数据。拟定后不能更改。", "Who provides to whom. It can't be changed later.")}
		for _, k := range draftKinds(q) {
			kind.Options = append(kind.Options, ui.Option{Value: string(k), Label: kindOf(v, k)})
		}
		out = append(out, kind)
	}
	return append(
		out,
		ui.Field{Name: "title", Kind: "text", Label: v.Pick("方案名称", "Title"), Hint: v.Pick("例如“企业服务数据共享”。", "For example “Data for enterprise services”.")},
		ui.Field{Name: "purposes", Kind: "text", Label: v.Pick("用途", "Purposes"), Hint: v.Pick("办理什么事项。有多个时用顿号分开，最多 16 个。", "Which services it is for; several with commas between them, 16 at most.")},
		ui.Field{Name: "scope", Kind: "textarea", Label: v.Pick("使用范围", "Scope"), Hint: v.Pick("哪些岗位、哪些地区、哪些对象。", "Which posts, which regions, which subjects.")},
	)
}

const (
	// fewMembers are so few that the departments of all of them are listed at once.
	fewMembers = 8
	// neighbours is how many departments of another member are listed.
	neighbours = 100
)

// memberFields ask which members take part, and which departments may use what is shared.
func (s *Share) memberFields(q staff.Visit, d *drafted, x *draftView) error {
	v, nm := q.V, s.Names(q)
	own := ui.Option{Value: s.Self, Label: nm.Member(s.Self) + v.Pick("（本成员，始终参加）", " (this member, always)")}
	members := ui.Field{Name: "parties", Kind: "check", Label: v.Pick("参加成员", "Members"), Fixed: []string{s.Self}, Options: []ui.Option{own}}
	for _, m := range s.MemberRegistry.Current().Members {
		if m.ID != s.Self {
			members.Options = append(members.Options, ui.Option{Value: m.ID, Label: nm.Member(m.ID)})
		}
	}
	x.fields = []ui.Field{members}
	if d.text.Kind == scheme.ManyToPoint { // its owner alone uses it
		return nil
	}
	x.more = len(members.Options) > fewMembers
	x.users = ui.Field{
		Name: "users", Kind: "check", Label: v.Pick("可使用的部门", "Departments that may use it"),
		Hint: v.Pick("都不选时，参加成员的全部部门都可以使用。这里列出本成员的部门，以及其他成员告知的部门。", "If none is ticked, every department of the members may use it. Listed are this member's departments, and those that the other members told of."),
	}
	known := map[string]bool{}
	add := func(p policy.Party, name string) {
		if value := partyValue(p); !known[value] && (d.text.Kind != scheme.PointToMany || p != d.text.Owner) {
			known[value] = true
			x.users.Options = append(x.users.Options, ui.Option{Value: value, Label: name})
		}
	}
	var longer []string
	for _, o := range members.Options {
		if x.more && !slices.Contains(d.text.Parties, o.Value) {
			continue
		}
		names, more, err := s.departmentsOf(q, o.Value)
		if err != nil {
			return err
		}
		if more {
			longer = append(longer, nm.Member(o.Value))
		}
		for _, y := range names {
			add(policy.Party{Member: o.Value, Department: y.Value}, nm.Of(o.Value, y.Label))
		}
	}
	for _, p := range d.text.Users { // chosen before, and not listed any more
		add(p, nm.Party(p))
	}
	if len(longer) > 0 {
		n := strconv.Itoa(neighbours)
		x.rest = v.Pick(
			strings.Join(longer, "、")+"还有更多部门，这里各列前 "+n+" 个。要指定未列出的部门，请用命令 kuayu scheme propose 或数据接口拟定方案。",
			"Of "+strings.Join(longer, ", ")+" only the first "+n+" departments are listed. To name one that is not, draft the scheme with the command kuayu scheme propose, or by REST.",
		)
	}
	return nil
}

// departmentsOf are the departments of a member that are known here, by code and name, and whether it has more.
func (s *Share) departmentsOf(q staff.Visit, member string) ([]ui.Option, bool, error) {
	var out []ui.Option
	if member == s.Self {
		list, err := s.Offices.Departments(q.Context())
		for _, d := range list {
			out = append(out, ui.Option{Value: d.ID, Label: d.Name})
		}
		return out, false, err
	}
	list, err := s.Neighbours.Departments(q.Context(), member, neighbours+1)
	for _, d := range list[:min(len(list), neighbours)] {
		out = append(out, ui.Option{Value: d.ID, Label: d.Name})
	}
	return out, len(list) > neighbours, err
}

// readDraftOnce asks for the time limits and shows the text in words, as its page will.
func (s *Share) readDraftOnce(q staff.Visit, d *drafted, x *draftView) error {
	v, nm, t := q.V, s.Names(q), &d.text
	x.fields = []ui.Field{
		{Name: "max_days", Kind: "text", Label: v.Pick("每份协议最长天数", "Longest agreement, in days"), Hint: v.Pick("1 至 3660 天。部门每次登记使用，协议不超过这个期限。", "1 to 3660 days: no agreement under the scheme is longer.")},
		{Name: "valid_until", Kind: "day", Label: v.Pick("方案有效至", "Valid until"), Hint: v.Pick("写作 2027-05-31。", "Written 2027-05-31.")},
	}
	x.facts = append([]ui.Fact{{Label: v.Pick("方案名称", "Title"), Value: t.Title}, {Label: v.Pick("方案类型", "Kind"), Value: kindOf(v, t.Kind)}}, schemeFacts(v, nm, t)...)
	x.facts = slices.DeleteFunc(x.facts, func(f ui.Fact) bool { return f.Value == "" })
	x.entries = entryTable(v, nm, t.Entries, true)
	if t.Prev != "" {
		now, err := s.Schemes.Get(q.Context(), q.Sess.Scope(), t.ID)
		if err != nil {
			return err
		}
		x.changes = schemeDiff(v, nm, now.Current(), t)
	}
	x.after = v.Pick("提出后由本部门共享工作机构负责人同意，同意后立即生效并送达各成员。", "The head of this department's sharing office consents next; then it is in force at once and goes to the members.")
	if t.Kind == scheme.Zone {
		x.after = v.Pick("提出即代表本成员同意，并立即送各成员征求同意；全部成员同意后生效。", "To propose it is this member's consent. It goes to the members at once, and is in force when all of them have consented.")
	}
	return nil
}
