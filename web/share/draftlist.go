package share

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/kuayu/kuayu/exchange/catalog"
	"github.com/kuayu/kuayu/exchange/scheme"
	"github.com/kuayu/kuayu/exchange/search"
	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/support/policy"
	"github.com/kuayu/kuayu/web/staff"
	"github.com/kuayu/kuayu/web/ui"
)

// listStep is the page of the form on which the list is put together.
const listStep = 3

// maxLines is how many lines a form may bring.
const maxLines = 2000

// line is an entry of the list as the form carries it: the day of its review as it was typed.
type line struct {
	Member     string        `json:"m"`
	Department string        `json:"d"`
	Resource   string        `json:"c"`
	Title      string        `json:"t"`
	Fields     []string      `json:"f"`
	Modes      []policy.Mode `json:"w"`
	Review     string        `json:"r,omitempty"`
}

// String is how the form carries it.
func (l *line) String() string {
	b, _ := json.Marshal(l) // texts alone: nothing can fail
	return string(b)
}

func (l *line) is(member, resource string) bool { return l.Member == member && l.Resource == resource }

// sizeOf is what a list takes of the form.
func sizeOf(list []line) int {
	n := 0
	for i := range list {
		n += len(url.QueryEscape(list[i].String()))
	}
	return n
}

func linesOf(v *ui.View, list []scheme.Entry) []line {
	out := make([]line, len(list))
	for i := range list {
		e := &list[i]
		out[i] = line{e.Member, e.Department, e.Resource, e.Title, e.Fields, e.Modes, ""}
		if !e.ReviewBy.IsZero() {
			out[i].Review = v.Day(e.ReviewBy)
		}
	}
	return out
}

func entriesOf(v *ui.View, list []line) []scheme.Entry {
	var out []scheme.Entry
	for i := range list {
		l := &list[i]
		out = append(out, scheme.Entry{Member: l.Member, Department: l.Department, Resource: l.Resource, Title: l.Title, Fields: l.Fields, Modes: l.Modes, ReviewBy: staff.EndOf(v, l.Review)})
	}
	return out
}

func reviewName(i int) string { return "review-" + strconv.Itoa(i) }

// readLines reads the list with what was changed of it on its page.
func readLines(f url.Values) ([]line, error) {
	if len(f["line"]) > maxLines {
		return nil, staff.ErrForm.With()
	}
	var out []line
	for i, text := range f["line"] {
		var l line
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			return nil, staff.ErrForm.Because(err)
		}
		if f.Has(reviewName(i)) {
			l.Review = strings.TrimSpace(f.Get(reviewName(i)))
		}
		out = append(out, l)
	}
	if l := lineAt(out, f.Get("open")); l != nil {
		l.Fields, l.Modes = f["fields"], nil
		for _, m := range f["modes"] {
			l.Modes = append(l.Modes, policy.Mode(m))
		}
	}
	return out, nil
}

func lineAt(list []line, number string) *line {
	if i, err := strconv.Atoi(number); err == nil && i >= 0 && i < len(list) {
		return &list[i]
	}
	return nil
}

// lineFault is what is wrong with a line, in words.
func lineFault(v *ui.View, nm *staff.Names, t *scheme.Text, l *line) string {
	member := nm.Member(l.Member)
	switch {
	case !slices.Contains(t.Parties, l.Member):
		return v.Pick("由"+member+"提供，而该成员未参加：请移出这一项，或返回上一步选上该成员。", "is "+member+"'s, which does not take part: take the entry off, or go back and choose the member.")
	case t.Kind == scheme.PointToMany && (policy.Party{Member: l.Member, Department: l.Department} != t.Owner):
		return v.Pick("不是本部门的条目，点对多方案请移出这一项。", "is not this department's: one department provides its own entries here. Take it off.")
	case t.Kind == scheme.ManyToPoint && l.Member == t.Owner.Member:
		return v.Pick("是本成员的条目，多对点方案请移出这一项。", "is this member's: others provide here. Take it off.")
	case len(l.Fields) == 0:
		return v.Pick("没有选数据项，请修改这一项。", "has no item: change it.")
	case len(l.Modes) == 0:
		return v.Pick("没有选共享方式，请修改这一项。", "has no mode: change it.")
	}
	return ""
}

// listFaults says what is wrong with the list beside the line that it is about.
func (s *Share) listFaults(q staff.Visit, d *drafted, out map[string]string) {
	v, nm := q.V, s.Names(q)
	said := ""
	for i := range d.list {
		l := &d.list[i]
		if fault := lineFault(v, nm, &d.text, l); fault != "" && said == "" {
			number := v.Number(int64(i + 1))
			said = v.Pick("第 "+number+" 项“"+l.Title+"”", "Entry "+number+" “"+l.Title+"” ") + fault
			if len(l.Fields) == 0 || len(l.Modes) == 0 {
				d.f.Set("open", strconv.Itoa(i))
			}
		}
		if d.text.Kind == scheme.Zone && !d.text.Entries[i].ReviewBy.After(s.Clock.Now()) {
			out[reviewName(i)] = v.Pick("“"+l.Title+"”须写明复核日期，晚于今天，写作 2027-05-31。", "“"+l.Title+"” needs a day of review after today, written 2027-05-31.")
			delete(out, "entries")
		}
	}
	if said != "" {
		out["entries"] = said
	}
	if l := lineAt(d.list, d.f.Get("open")); l != nil && said != "" {
		if len(l.Fields) == 0 {
			out["fields"] = v.Pick("请至少选一个数据项。", "Choose one item at least.")
		}
		if len(l.Modes) == 0 {
			out["modes"] = v.Pick("请至少选一种共享方式。", "Choose one mode at least.")
		}
	}
}

// editList does one thing to the list and shows its page again.
func (s *Share) editList(w http.ResponseWriter, q staff.Visit, d *drafted, act, what string) error {
	var faults map[string]string
	switch act {
	case "search":
		d.f.Del("after")
	case "more":
		d.f.Set("after", what)
	case "add":
		fault, err := s.addLine(q, d, what)
		if err != nil {
			return err
		}
		if fault != "" {
			faults = map[string]string{"find": fault}
		}
	case "drop":
		if i, err := strconv.Atoi(what); err == nil && i >= 0 && i < len(d.list) {
			d.list = slices.Delete(d.list, i, i+1)
		}
		d.f.Del("open")
	case "open":
		d.f.Set("open", what)
	case "list":
		d.f.Del("open")
	default:
		return staff.ErrNoAct.With()
	}
	return s.askDraft(w, q, listStep, d, faults)
}

// addLine reads an entry where it is kept and puts it on the list, with all of it that may be shared.
func (s *Share) addLine(q staff.Visit, d *drafted, what string) (fault string, err error) {
	v := q.V
	member, code, _ := strings.Cut(what, "/")
	if code, err = url.PathUnescape(code); err != nil {
		return "", staff.ErrForm.Because(err)
	}
	if slices.ContainsFunc(d.list, func(l line) bool { return l.is(member, code) }) {
		return "", nil
	}
	r, err := s.CatalogReader.Read(q.Context(), member, code)
	if e := errs.As(err); err != nil && e.Kind != errs.Internal {
		return v.Pick("该条目暂时不能加入：", "It can't be added now: ") + e.Message(string(v.Lang)), nil
	}
	if err != nil {
		return "", err
	}
	l := line{Member: member, Department: r.Department, Resource: code, Title: r.Name, Fields: sharable(r), Modes: r.Modes}
	if len(l.Fields) == 0 {
		return v.Pick("该条目没有可以共享的数据项。", "Nothing of it may be shared."), nil
	}
	if d.text.Kind == scheme.Zone {
		l.Review = v.Day(firstReview(s.Clock.Now(), d.text.ValidUntil))
	}
	if sizeOf(d.list)+sizeOf([]line{l}) > maxListed {
		return v.Pick("清单已满。请先提出这些，其余的列入下一版本，或另拟一个方案。", "The list is full. Propose these first; put the others into the next version, or into a scheme of their own."), nil
	}
	d.list = append(d.list, l)
	return "", nil
}

// firstReview is the day that is offered for a line's next review: in half a year, or before the scheme ends.
func firstReview(now, end time.Time) time.Time {
	at := now.AddDate(0, 6, 0)
	if end.After(now) && end.Before(at) {
		return end
	}
	return at
}

// sharable are the items of an entry that may be shared.
func sharable(r *catalog.Resource) []string {
	var out []string
	for i := range r.Items {
		if name := r.Items[i].Name; r.SharingOf([]string{name}) != catalog.NotShared {
			out = append(out, name)
		}
	}
	return out
}

// listView is what the page of the list shows.
type listView struct {
	search []ui.Field // what is looked for
	hits   ui.Table
	more   string // where the hits go on
	lines  ui.Table
	open   string // the line that is being changed, by its place
	title  string // of it
	change []ui.Field
	asked  []ui.Field // every question something may be wrong with
}

// hitsShown is how many entries are offered at once.
const hitsShown = 10

func (s *Share) listOf(q staff.Visit, d *drafted, faults map[string]string) (*listView, error) {
	v, nm, x := q.V, s.Names(q), &listView{}
	entries := ui.Field{Name: "entries", Kind: "hidden", Error: faults["entries"]}
	wrong, err := s.findEntries(q, nm, d, x)
	if err != nil {
		return nil, err
	}
	if wrong == "" {
		wrong = faults["find"]
	}
	x.search[len(x.search)-1].Error = wrong
	x.asked = append(slices.Clone(x.search), entries)
	x.lines = ui.Table{
		Caption: v.Pick("共享清单", "Shared list"), Columns: []ui.Column{{Label: v.Pick("数据资源", "Resource")}, {Label: v.Pick("提供部门", "Provider")}, {Label: v.Pick("数据项和方式", "Items and modes")}},
		Empty: ui.State{Kind: ui.Empty, Title: v.Pick("清单还是空的", "Nothing is on the list yet"), Text: v.Pick("在上面检索，把要共享的数据资源加入清单。", "Search above and add what is to be shared.")},
	}
	zone := d.text.Kind == scheme.Zone
	if zone {
		x.lines.Columns = append(x.lines.Columns, ui.Column{Label: v.Pick("下次复核", "Next review")})
	}
	x.lines.Columns = append(x.lines.Columns, ui.Column{Label: v.Pick("操作", "Change")})
	for i := range d.list {
		l, number := &d.list[i], strconv.Itoa(i)
		row := []templ.Component{
			named(v.Number(int64(i+1))+v.Pick("．", ". ")+l.Title, v.Pick("编码 ", "Code ")+l.Resource), ui.Words(nm.Party(policy.Party{Member: l.Member, Department: l.Department})), ui.Words(sharedWord(v, l.Fields, l.Modes)),
		}
		if zone {
			review := ui.Field{Name: reviewName(i), Kind: "day", Label: v.Pick("“"+l.Title+"”的下次复核", "Next review of “"+l.Title+"”"), Value: l.Review, Error: faults[reviewName(i)]}
			x.asked = append(x.asked, review)
			row = append(row, dayCell(v, review))
		}
		x.lines.Rows = append(x.lines.Rows, append(row, lineActs(v, number, l.Title)))
	}
	if l := lineAt(d.list, d.f.Get("open")); l != nil {
		x.open, x.title, x.change = d.f.Get("open"), l.Title, changeFields(v, nm, l)
		for i := range x.change {
			x.change[i].Error = faults[x.change[i].Name]
		}
		x.asked = append(x.asked, x.change...)
	}
	return x, nil
}

// sharedWord says how much of an entry is shared.
func sharedWord(v *ui.View, fields []string, modes []policy.Mode) string {
	words := make([]string, len(modes))
	for i, m := range modes {
		words[i] = staff.Word(v, string(m))
	}
	n := v.Number(int64(len(fields)))
	return v.Pick(n+" 个数据项；", n+" items; ") + strings.Join(words, v.Pick("、", ", "))
}

// changeFields ask which items of a line are shared, and how. What its member cannot be asked for now stays as it is.
func changeFields(v *ui.View, nm *staff.Names, l *line) []ui.Field {
	items := ui.Field{Name: "fields", Kind: "check", Label: v.Pick("数据项", "Items"), Values: l.Fields}
	modes := ui.Field{Name: "modes", Kind: "check", Label: v.Pick("共享方式", "Modes")}
	offered := l.Modes
	if r := nm.Resource(l.Member, l.Resource); r != nil {
		for _, name := range sharable(r) {
			it := r.Item(name)
			items.Options = append(items.Options, ui.Option{Value: name, Label: it.Title + v.Pick("（", " (") + staff.GradeWord(v, it.Grade) + v.Pick("，", ", ") + staff.ItemShown(v, it) + v.Pick("）", ")")})
		}
		offered = r.Modes
	} else {
		items.Hint = v.Pick("暂时读不到该条目，只列出已选的数据项。", "Its member can't be asked now: only what is chosen is listed.")
		for i, title := range nm.Items(l.Member, l.Resource, l.Fields) {
			items.Options = append(items.Options, ui.Option{Value: l.Fields[i], Label: title})
		}
	}
	for _, m := range offered {
		modes.Options = append(modes.Options, ui.Option{Value: string(m), Label: staff.Word(v, string(m))})
	}
	for _, m := range l.Modes {
		modes.Values = append(modes.Values, string(m))
	}
	return []ui.Field{items, modes}
}

// findEntries offers entries of one of the members that may provide, in this node's copy of their catalogues.
func (s *Share) findEntries(q staff.Visit, nm *staff.Names, d *drafted, x *listView) (wrong string, err error) {
	v, t := q.V, &d.text
	members := slices.Clone(t.Parties)
	query := search.Query{Text: strings.TrimSpace(d.f.Get("find")), After: d.f.Get("after"), Limit: hitsShown}
	switch t.Kind {
	case scheme.PointToMany:
		members, query.Department = []string{s.Self}, t.Owner.Department
	case scheme.ManyToPoint:
		members = slices.DeleteFunc(members, func(m string) bool { return m == s.Self })
	case scheme.Hub, scheme.Zone:
	}
	if len(members) > 0 {
		query.Member = members[0]
	}
	if m := d.f.Get("member"); slices.Contains(members, m) {
		query.Member = m
	}
	if len(members) > 1 {
		of := ui.Field{Name: "member", Kind: "select", Label: v.Pick("成员", "Member"), Value: query.Member}
		for _, m := range members {
			of.Options = append(of.Options, ui.Option{Value: m, Label: nm.Member(m)})
		}
		x.search = append(x.search, of)
	}
	x.search = append(x.search, ui.Field{Name: "find", Kind: "text", Label: v.Pick("资源名称、数据项、部门或编码", "Name, item, department or code"), Value: d.f.Get("find")})
	x.hits = ui.Table{
		Caption: v.Pick("可列入的数据资源", "What can be listed"), Columns: []ui.Column{{Label: v.Pick("数据资源", "Resource")}, {Label: v.Pick("提供部门", "Provider")}, {Label: v.Pick("共享属性", "Sharing")}, {Label: v.Pick("操作", "Add")}},
		Empty: ui.State{Kind: ui.Empty, Title: v.Pick("没有找到可列入的数据资源", "Nothing was found"), Text: v.Pick("换一个说法或另选成员再检索。只能列入已发布的数据资源。", "Try other words or another member. Only what is published can be listed.")},
	}
	if query.Member == "" {
		return "", nil
	}
	a, err := s.Search.Search(q.Context(), query)
	if errors.Is(err, search.ErrQuery) || errors.Is(err, search.ErrCursor) { // what was typed, or a page that was edited
		return errs.As(err).Message(string(v.Lang)), nil
	}
	if err != nil {
		return "", err
	}
	for i := range a.Items {
		h := &a.Items[i]
		act := templ.Component(addButton(v, partyValue(policy.Party{Member: h.Member, Department: h.Code}), h.Name))
		switch {
		case slices.ContainsFunc(d.list, func(l line) bool { return l.is(h.Member, h.Code) }):
			act = ui.Chip(v, ui.Status{Tone: ui.Good, Word: v.Pick("已在清单", "On the list")})
		case h.Sharing == catalog.NotShared:
			act = ui.Words(v.Pick("不能列入", "can't be listed"))
		}
		x.hits.Rows = append(x.hits.Rows, []templ.Component{named(h.Name, v.Pick("编码 ", "Code ")+h.Code), ui.Words(nm.Of(h.Member, h.Provider)), ui.Chip(v, staff.SharingStatus(v, h.Sharing)), act})
	}
	x.more = a.Next
	return "", nil
}
