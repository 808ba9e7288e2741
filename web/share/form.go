package share

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/kuayu/kuayu/exchange/catalog"
	"github.com/kuayu/kuayu/internal/httpx"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/web/staff"
	"github.com/kuayu/kuayu/web/ui"
)

// form is an act that needs more than a reason: it opens in place, like a question.
type form struct {
	word, text, post string
	fields           []ui.Field
	hidden           [][2]string
	file             bool // one of the fields is a file
	open             bool // it was not taken
}

// filled sets what was answered and what was wrong with it, if it is this form that was not taken.
func (x form) filled(taken bool, f url.Values, faults map[string]string) form {
	x.open = taken && len(faults) > 0
	for i := range x.fields {
		field := &x.fields[i]
		if !x.open {
			continue
		}
		if field.Error = faults[field.Name]; field.Kind == "check" {
			field.Values = f[field.Name]
		} else {
			field.Value = f.Get(field.Name)
		}
	}
	return x
}

// entryForms are the forms that an entry's page offers to its visitor.
func (s *Share) entryForms(q staff.Visit, e *catalog.Dossier, act string, f url.Values, faults map[string]string) []form {
	v, post := q.V, entryPath(e.Code)+"/"
	var out []form
	add := func(name string, x form) {
		x.post = post + name
		out = append(out, x.filled(act == name, f, faults))
	}
	if owns(q, e.Department, identity.DataOfficer) && allows(e, catalog.Assess) {
		kinds := []ui.Option{}
		for _, k := range e.Resource.Needed() {
			kinds = append(kinds, ui.Option{Value: string(k), Label: v.Pick(k.In("zh"), k.In("en"))})
		}
		add("assess", form{
			word: v.Pick("登记评估", "Put an assessment on record"), file: true, text: v.Pick("提交签发前须有评估（809 号令第十三条）。系统登记结论和文件的摘要值，不保存文件。", "Needed before it is handed in (Decree 809 art. 13). The conclusion and the digest of the document are kept, not the document."),
			fields: []ui.Field{
				{Name: "kind", Kind: "check", Label: v.Pick("文件包括哪些评估", "Which assessments the document holds"), Options: kinds, Values: missingPapers(e)},
				{Name: "assessor", Kind: "text", Label: v.Pick("评估人或机构", "Who assessed")},
				{Name: "date", Kind: "day", Label: v.Pick("评估日期", "Date"), Hint: v.Pick("写作 2026-11-22。", "Written 2026-11-22."), Value: v.Day(s.Clock.Now())},
				{Name: "pass", Kind: "radio", Label: v.Pick("结果", "Result"), Options: []ui.Option{{Value: "yes", Label: v.Pick("通过", "Passed")}, {Value: "no", Label: v.Pick("不通过", "Not passed")}}},
				{Name: "text", Kind: "textarea", Label: v.Pick("评估结论", "Conclusion")},
				{Name: "digest", Kind: "file", Label: v.Pick("评估文件", "Document"), Hint: v.Pick("不超过 32 MB。", "32 MB at most.")},
				{Name: "then", Kind: "check", Label: v.Pick("登记之后", "After that"), Options: []ui.Option{{Value: andSubmit, Label: v.Pick("评估齐备的，随即提交部门负责人签发", "Hand it to the head of the department, if nothing else is missing")}}, Values: []string{andSubmit}},
			},
		})
	}
	if (owns(q, e.Department, identity.DataOfficer, identity.DepartmentHead) || q.Sess.Has(identity.Authority)) && allows(e, catalog.NoteChange) {
		add("change-noted", form{
			word: v.Pick("登记变更事项", "Note a change"), text: v.Pick("法律、国务院决定或职责变化的，自变化之日起十个工作日内更新（809 号令第十七条）。", "When a law, a decision of the State Council or a duty changes, the entry is updated within 10 working days (Decree 809 art. 17)."),
			fields: []ui.Field{
				{Name: "cause", Kind: "radio", Label: v.Pick("什么变了", "What changed"), Options: []ui.Option{{Value: string(catalog.LawChanged), Label: v.Pick("法律、法规、规章", "A law or regulation")}, {Value: string(catalog.DecisionChanged), Label: v.Pick("国务院决定", "A decision of the State Council")}, {Value: string(catalog.DutyChanged), Label: v.Pick("部门职责", "The department's duty")}}},
				{Name: "what", Kind: "textarea", Label: v.Pick("变化的内容", "What exactly")},
				{Name: "since", Kind: "day", Label: v.Pick("变化日期", "Since"), Hint: v.Pick("写作 2026-11-22。", "Written 2026-11-22.")},
			},
		})
	}
	if owns(q, e.Department, identity.DataOfficer) && allows(e, catalog.AskExtension) {
		add("extend", form{
			word: v.Pick("申请更新延期", "Ask for more time"), text: v.Pick("经主管部门同意，可延长一次，最多五个工作日。", "With the authority's consent, once, 5 working days at most."),
			fields: []ui.Field{
				{Name: "days", Kind: "radio", Label: v.Pick("延长的工作日", "Working days"), Options: []ui.Option{{Value: "1", Label: "1"}, {Value: "2", Label: "2"}, {Value: "3", Label: "3"}, {Value: "4", Label: "4"}, {Value: "5", Label: "5"}}},
				{Name: "reason", Kind: "textarea", Label: v.Pick("延期理由", "Why")},
			},
		})
	}
	if owns(q, e.Department, identity.OfficeHead) && e.InForce > 0 && e.Resource.Sharing != catalog.NotShared {
		add("stand", standForm(v, e))
	}
	return out
}

// standForm asks for a consent in advance; what is ticked at first is what is least sensitive.
func standForm(v *ui.View, e *catalog.Dossier) form {
	items := ui.Field{Name: "fields", Kind: "check", Label: v.Pick("数据项", "Items")}
	modes := ui.Field{Name: "modes", Kind: "check", Label: v.Pick("共享方式", "Modes")}
	for i := range e.Resource.Items {
		if it := &e.Resource.Items[i]; it.Sharing != catalog.NotShared {
			items.Options = append(items.Options, ui.Option{Value: it.Name, Label: it.Title + v.Pick("（", " (") + staff.GradeWord(v, it.Grade) + v.Pick("，", ", ") + staff.ItemShown(v, it) + v.Pick("）", ")")})
		}
	}
	for _, m := range e.Resource.Modes {
		modes.Options = append(modes.Options, ui.Option{Value: string(m), Label: staff.Word(v, string(m))})
		modes.Values = append(modes.Values, string(m))
	}
	return form{
		word: v.Pick("事先同意", "Consent in advance"), text: v.Pick("符合以下条件的申请不必逐件审批，由系统即时同意，协议中写明依据。", "Applications within these bounds are granted at once by this node; the agreement cites this consent."),
		fields: []ui.Field{
			items, modes,
			{Name: "max_days", Kind: "text", Label: v.Pick("每份协议最长天数", "Longest agreement, in days"), Value: "365"},
			{Name: "until", Kind: "day", Label: v.Pick("事先同意有效至", "Holds until"), Hint: v.Pick("写作 2027-05-31。", "Written 2027-05-31.")},
		},
	}
}

// andSubmit is the answer that hands an entry in with its last assessment.
const andSubmit = "submit"

// missingPapers are the assessments that are asked for; all of them when none is missing.
func missingPapers(e *catalog.Dossier) []string {
	var all, missing []string
	for _, k := range e.Resource.Needed() {
		all = append(all, string(k))
		if !slices.ContainsFunc(e.Assessments, func(a catalog.Assessment) bool { return a.Kind == k && a.Pass }) {
			missing = append(missing, string(k))
		}
	}
	if len(missing) == 0 {
		return all
	}
	return missing
}

// maxUpload bounds a document, in bytes; maxAnswer an answer beside it.
const (
	maxUpload = 32 << 20
	maxAnswer = 8 << 10
	// maxAnswers bounds how many there are, and how many of one name.
	maxAnswers = 64
)

// assess puts an assessment on record. The document is read to its digest and kept nowhere.
func (s *Share) assess(w http.ResponseWriter, q staff.Visit) error {
	q.Body = http.MaxBytesReader(w, q.Body, maxUpload)
	f, err := uploaded(q.Request)
	if err != nil {
		return staff.ErrForm.Because(err)
	}
	a := catalog.Assessment{
		Assessor: strings.TrimSpace(f.Get("assessor")), Date: strings.TrimSpace(f.Get("date")), Pass: f.Get("pass") == "yes", Text: strings.TrimSpace(f.Get("text")), Digest: f.Get("digest"),
	}
	if _, err := time.Parse(time.DateOnly, a.Date); err == nil && f.Get("pass") == "" {
		return s.showEntry(w, q, "assess", f, map[string]string{"pass": q.V.Pick("请选择评估结果。", "Choose the result.")})
	}
	code := q.PathValue("code")
	kinds := f["kind"]
	if len(kinds) == 0 {
		kinds = []string{""} // the package says what is missing
	}
	var e *catalog.Dossier
	for _, k := range kinds {
		a.Kind = catalog.Kind(k)
		if e, err = s.Entries.Assess(q.Context(), q.Sess, code, a); err != nil {
			break
		}
	}
	if faults, e := staff.Faults(q.V, err); e == nil && faults["digest"] != "" {
		faults["digest"] = q.V.Pick("请选择评估文件。", "Choose the document.")
		return s.showEntry(w, q, "assess", f, faults)
	}
	if err == nil && slices.Contains(f["then"], andSubmit) && len(e.Missing) == 0 {
		_, err = s.Entries.Submit(q.Context(), q.Sess, code)
		return s.entryDone(w, q, code, "submit", f, err)
	}
	return s.entryDone(w, q, code, "assess", f, err)
}

// uploaded reads a form with a file: in place of the file stands its SHA-256, and nothing if there was none.
func uploaded(r *http.Request) (url.Values, error) {
	parts, err := r.MultipartReader()
	if err != nil {
		return nil, err
	}
	f := url.Values{}
	for {
		p, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return f, httpx.CheckForm(f)
		}
		if err != nil {
			return nil, err
		}
		value, err := answerOf(p)
		if err != nil {
			return nil, err
		}
		if f.Add(p.FormName(), value); len(f) > maxAnswers || len(f[p.FormName()]) > maxAnswers {
			return nil, errors.New("too many parts")
		}
	}
}

func answerOf(p *multipart.Part) (string, error) {
	if p.FileName() == "" {
		b, err := io.ReadAll(io.LimitReader(p, maxAnswer))
		return string(b), err
	}
	h := sha256.New()
	n, err := io.Copy(h, p)
	if err != nil || n == 0 {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
