package share

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/kuayu/kuayu/exchange/catalog"
	"github.com/kuayu/kuayu/exchange/source"
	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/policy"
	"github.com/kuayu/kuayu/support/protect"
	"github.com/kuayu/kuayu/web/staff"
	"github.com/kuayu/kuayu/web/ui"
)

// pathShare is the wizard that describes an entry: a new one, or the next version of one. Its answers travel in the form;
// nothing is kept before the last page.
const pathShare = "/share"

// lastStep is the page on which everything is read once more; from it the entry is kept as a draft.
const lastStep = 5

// sampled is how many rows of a table are shown; maxColumns how many columns a form of this size can carry.
const (
	sampled    = 5
	maxColumns = 150
)

// stepNames are the answers of each page that are of the entry itself, by the names under which the package tells what is wrong.
func stepNames(step int) []string {
	return [][]string{
		{"table"},
		{"name", "abstract", "class", "items"},
		{"grade", "sharing", "legal_basis", "instrument", "law", "article", "why"},
		{"modes", "update_cycle", "conditions", "share_scope", "use_purpose", "code"},
		{},
	}[step-1]
}

// itemNames are the answers of each page that are of one item; each has the number of its column behind it.
func itemNames(step int) []string {
	return [][]string{{}, {"column", "type", "title", "person"}, {"degree", "shown", "key"}, {}, {}}[step-1]
}

func numbered(name, n string) string { return name + "-" + n }

// wizard begins to describe a new entry.
func (s *Share) wizard(w http.ResponseWriter, q staff.Visit) error {
	if err := q.Sess.Require(identity.DataOfficer, identity.Operator); err != nil {
		return err
	}
	return s.askStep(w, q, 1, url.Values{"class": {"department"}, "sharing": {string(catalog.Conditional)}, "update_cycle": {"daily"}, "modes": {"query"}}, nil)
}

// edit begins the next version of an entry with what the latest one says.
func (s *Share) edit(w http.ResponseWriter, q staff.Visit) error {
	if err := q.Sess.Require(identity.DataOfficer); err != nil {
		return err
	}
	e, err := s.Entries.Dossier(q.Context(), ownScope(q), q.PathValue("code"))
	if err != nil {
		return err
	}
	return s.askStep(w, q, 2, formOf(e), nil)
}

// formOf are the answers that an entry already has.
func formOf(e *catalog.Dossier) url.Values {
	r := e.Resource
	f := url.Values{
		"editing": {e.Code}, "version": {strconv.Itoa(e.Version)}, "table": {tableValue(e.Source, e.Table)}, "name": {r.Name}, "abstract": {r.Abstract}, "class": {r.Class},
		"sharing": {string(r.Sharing)}, "update_cycle": {r.UpdateCycle}, "conditions": {r.Conditions}, "share_scope": {r.ShareScope}, "use_purpose": {r.UsePurpose}, "code": {r.Code},
	}
	if b := r.LegalBasis; b != nil {
		f["instrument"], f["law"], f["article"], f["why"] = []string{string(b.Instrument)}, []string{b.Name}, []string{b.Article}, []string{b.Reason}
	}
	for _, m := range r.Modes {
		f.Add("modes", string(m))
	}
	for i := range r.Items {
		offer(f, strconv.Itoa(i), &r.Items[i])
		f.Add("item", strconv.Itoa(i))
	}
	return f
}

// offer fills in what is known, or guessed, of an item.
func offer(f url.Values, n string, it *catalog.Item) {
	for name, value := range map[string]string{
		"column": it.Name, "type": it.Type, "title": it.Title, "person": personOf(it), "degree": strconv.Itoa(it.Grade), "shown": shownOf(it),
	} {
		f.Set(numbered(name, n), value)
	}
	if it.Key {
		f.Set(numbered("key", n), "yes")
	}
}

// tableValue names a table of a source in one word.
func tableValue(id, table string) string {
	if id == "" {
		return ""
	}
	return url.PathEscape(id) + "/" + table
}

func tableOf(f url.Values) (id, table string) {
	id, table, _ = strings.Cut(f.Get("table"), "/")
	id, err := url.PathUnescape(id)
	if err != nil {
		return "", ""
	}
	return id, table
}

// describe takes a page of the wizard; from the last one the entry is kept.
func (s *Share) describe(w http.ResponseWriter, q staff.Visit) error {
	if err := q.Sess.Require(identity.DataOfficer); err != nil {
		return err
	}
	f, err := staff.Form(w, q)
	if err != nil {
		return err
	}
	step, to := stepIn(f.Get("step")), stepIn(f.Get("to"))
	save := f.Get("to") == "save"
	if to <= step && !save {
		return s.askStep(w, q, to, f, nil)
	}
	if save {
		step = lastStep
	}
	r, err := s.resourceOf(q, f)
	if err != nil {
		return err
	}
	faults, err := s.faultsOf(q, step, f, r)
	if err != nil {
		return err
	}
	for at := 1; at <= step; at++ {
		if slices.ContainsFunc(stepNames(at), func(name string) bool { return faults[name] != "" }) {
			return s.askStep(w, q, at, f, faults)
		}
	}
	if !save {
		return s.askStep(w, q, to, f, nil)
	}
	id, table := tableOf(f)
	e, err := s.Entries.Save(q.Context(), q.Sess, *r, id, table)
	if errors.Is(err, catalog.ErrTaken) {
		return s.askStep(w, q, 4, f, map[string]string{"code": taken(q.V)})
	}
	if errors.Is(err, catalog.ErrState) {
		return staff.ErrMoved.Because(err)
	}
	if err != nil {
		return err
	}
	return staff.Done(w, q, entryPath(e.Code), "described")
}

func taken(v *ui.View) string {
	return v.Pick("该编码已被使用，请换一个。", "This code is taken. Choose another one.")
}

func stepIn(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return 1
	}
	return min(max(n, 1), lastStep)
}

// faultsOf is what the package says is wrong with the answers up to a page, by question.
func (s *Share) faultsOf(q staff.Visit, step int, f url.Values, r *catalog.Resource) (map[string]string, error) {
	v, out := q.V, map[string]string{}
	id, table := tableOf(f)
	if table == "" {
		out["table"] = v.Pick("请选择一张表。", "Choose a table.")
		return out, nil
	}
	check := *r
	if err := check.Check(); err != nil {
		faults, err := staff.Faults(v, err)
		if err != nil {
			return nil, err
		}
		out = faults
	}
	withheld := slices.ContainsFunc(r.Items, func(it catalog.Item) bool { return it.Sharing == catalog.NotShared })
	if withheld && slices.ContainsFunc([]string{"instrument", "law", "article", "why"}, func(name string) bool { return strings.TrimSpace(f.Get(name)) == "" }) {
		delete(out, "items") // what is wrong with them is the ground, which is asked for once
		out["legal_basis"] = v.Pick("有数据项不予共享，请写明依据的文件、条款和理由。", "An item is not shared: state the text, the article and the reason.")
	}
	if slices.Contains(r.Modes, policy.ModeFile) && len(r.Modes) > 1 {
		out["modes"] = v.Pick("文件下载是整份提供，不能与查询、核验、批量交换同时选择。", "A file is downloaded as a whole: it does not go with query, verification or batch.")
	}
	if f.Get("editing") == "" { // to describe what is there already would make a version of it
		e, err := s.Entries.Dossier(q.Context(), ownScope(q), r.Code)
		if err == nil && e.State != catalog.Deleted {
			out["code"] = taken(v)
		} else if err != nil && !errors.Is(err, catalog.ErrNoSuch) {
			return nil, err
		}
	}
	if step < 3 || out["items"] != "" {
		return out, nil
	}
	_, err := s.Sources.Preview(q.Context(), q.Sess, id, table, r.Items, 1)
	if errors.Is(err, protect.ErrType) {
		out["grade"] = v.Pick("有数据项不是文字，只能选“原文”或“不显示内容”。", "An item is no text: show it as it is, or leave it empty.")
		return out, nil
	}
	return out, err
}

// resourceOf reads the answers into an entry; one that is edited keeps what the wizard does not ask for.
func (s *Share) resourceOf(q staff.Visit, f url.Values) (*catalog.Resource, error) {
	r := &catalog.Resource{}
	if code := f.Get("editing"); code != "" {
		e, err := s.Entries.Dossier(q.Context(), ownScope(q), code)
		if err != nil {
			return nil, err
		}
		if strconv.Itoa(e.Version) != f.Get("version") {
			return nil, staff.ErrMoved.With() // somebody else described a version meanwhile
		}
		r = e.Resource
	} else {
		departments, err := s.Offices.Departments(q.Context())
		if err != nil {
			return nil, err
		}
		for _, d := range departments {
			if d.ID == q.Sess.Department {
				r.Provider = d.Name
			}
		}
		r.Code = strings.TrimSpace(f.Get("code"))
		if r.Code == "" {
			r.Code = s.suggestCode(q, f.Get("class"))
		}
	}
	text := func(name string) string { return strings.TrimSpace(f.Get(name)) }
	r.Department, r.Name, r.Abstract, r.Class, r.UpdateCycle = q.Sess.Department, text("name"), text("abstract"), text("class"), text("update_cycle")
	r.Sharing, r.Conditions, r.ShareScope, r.UsePurpose = catalog.Sharing(text("sharing")), text("conditions"), text("share_scope"), text("use_purpose")
	r.LegalBasis = nil
	if r.Sharing == catalog.NotShared || slices.ContainsFunc(f["item"], func(n string) bool { return f.Get(numbered("shown", n)) == shownNothing }) {
		r.LegalBasis = &catalog.LegalBasis{Instrument: catalog.Instrument(text("instrument")), Name: text("law"), Article: text("article"), Reason: text("why")}
	}
	r.Modes = nil
	for _, m := range f["modes"] {
		r.Modes = append(r.Modes, policy.Mode(m))
	}
	r.Format, r.FormatClass = "database", ""
	if len(r.Modes) == 1 && r.Modes[0] == policy.ModeFile {
		r.Format = "csv"
	}
	old := r.Items
	r.Items, r.Grade = nil, 1
	for _, n := range f["item"] {
		it := itemOf(f, n, old)
		if it.Sharing == catalog.NotShared {
			it.LegalBasis = r.LegalBasis
		}
		r.Items, r.Grade = append(r.Items, it), max(r.Grade, it.Grade)
	}
	if r.Sharing != catalog.NotShared {
		r.LegalBasis = nil
	}
	return r, nil
}

// itemOf reads the answers about one item; what the wizard does not ask for stays as the latest version has it.
func itemOf(f url.Values, n string, old []catalog.Item) catalog.Item {
	get := func(name string) string { return strings.TrimSpace(f.Get(numbered(name, n))) }
	var it catalog.Item
	if i := slices.IndexFunc(old, func(x catalog.Item) bool { return x.Name == get("column") }); i >= 0 {
		it = old[i]
	}
	it.Name, it.Title, it.Type, it.Key = get("column"), get("title"), get("type"), get("key") != ""
	it.Subject, it.Personal = get("person") == personSubject, get("person") == personAbout
	it.Grade, _ = strconv.Atoi(get("degree")) // none is 0, which the package refuses
	it.Mask, it.Verify, it.Sharing, it.LegalBasis = policy.Mask{}, false, "", nil
	switch shown := get("shown"); shown {
	case shownVerify:
		it.Verify = true
	case shownNothing:
		it.Sharing = catalog.NotShared
	default:
		it.Mask, _ = policy.ParseMask(shown) // the form offers masks that there are; another word masks nothing less than asked
	}
	return it
}

// suggestCode makes a code with the structure of the guide of 2017: the region, the class, and a number nobody has.
func (s *Share) suggestCode(q staff.Visit, class string) string {
	digit := map[string]string{"base": "1", "theme": "2"}[class]
	if digit == "" {
		digit = "3"
	}
	return q.Sess.Division + digit + "00000/" + s.Clock.Now().In(q.V.Zone).Format("20060102150405")
}

// tables are the tables of the department's sources, and what is wrong with those that cannot be opened.
func (s *Share) tables(ctx context.Context, q staff.Visit) (list []ui.Option, broken []string, err error) {
	v := q.V
	sources, err := s.Sources.Sources(ctx, ownScope(q))
	if err != nil {
		return nil, nil, err
	}
	for i := range sources {
		x := &sources[i]
		found, err := s.Sources.Discover(ctx, q.Sess, x.ID)
		if err != nil {
			broken = append(broken, x.ID+v.Pick("：", ": ")+errs.As(err).Message(string(v.Lang)))
			continue
		}
		for k := range found {
			t := &found[k]
			name := t.Name
			if t.Comment != "" {
				name = t.Comment + v.Pick("（", " (") + t.Name + v.Pick("）", ")")
			}
			list = append(list, ui.Option{Value: tableValue(x.ID, t.Name), Label: v.Pick("数据源 ", "source ") + x.ID + v.Pick("・表 ", ", table ") + name + v.Pick("・", ", ") + sizeWord(v, t)})
		}
	}
	return list, broken, nil
}

func sizeWord(v *ui.View, t *source.Table) string {
	columns := v.Number(int64(len(t.Columns)))
	out := v.Pick(columns+" 列", columns+" columns")
	if t.Rows >= 0 {
		out += v.Pick("，约 "+v.Number(t.Rows)+" 行", ", about "+v.Number(t.Rows)+" rows")
	}
	return out
}
