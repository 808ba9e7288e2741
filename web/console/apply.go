package console

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/exchange/catalog"
	"github.com/kuayu/kuayu/exchange/demand"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/policy"
	"github.com/kuayu/kuayu/web/staff"
	"github.com/kuayu/kuayu/web/ui"
)

const pathDemand = "/demands/new"

// lastStep is the page on which the answers are checked; from it the application goes out.
const lastStep = 4

// stepNames are the questions of each step, by the names under which the package tells what is wrong with them.
func stepNames(step int) []string {
	return [][]string{{"basis", "citation", "purposes", "scenario"}, {"fields", "modes"}, {"valid_until", "scope"}, {"declared"}}[step-1]
}

func basisOf(f url.Values) policy.Basis {
	b := policy.Basis{Kind: f.Get("basis")}
	if b.Kind == "duty" {
		b.Citation = strings.TrimSpace(f.Get("citation"))
	}
	return b
}

func applicationOf(v *ui.View, member, code string, f url.Values) agreement.Application {
	a := agreement.Application{
		Provider: member, Resource: code, Basis: basisOf(f), Purposes: staff.Lines(f.Get("purposes")), Scenario: strings.TrimSpace(f.Get("scenario")), Scope: strings.TrimSpace(f.Get("scope")),
		Fields: f["fields"], ValidUntil: staff.EndOf(v, f.Get("valid_until")), Declared: f.Get("declared") == "yes",
	}
	for _, m := range f["modes"] {
		a.Modes = append(a.Modes, policy.Mode(m))
	}
	return a
}

// applyPage begins an application.
func (c *Console) applyPage(w http.ResponseWriter, q staff.Visit) error {
	f := url.Values{"basis": {"duty"}}
	r, err := c.applicable(q)
	if err != nil {
		return err
	}
	if len(r.Modes) == 1 {
		f.Set("modes", string(r.Modes[0]))
	}
	return c.askStep(w, q, r, 1, f, nil)
}

// applicable reads what is applied for, for an officer who may: whoever may not is told before four pages, not after.
func (c *Console) applicable(q staff.Visit) (*catalog.Resource, error) {
	if err := q.Sess.Require(identity.DataOfficer); err != nil {
		return nil, err
	}
	return c.CatalogReader.Read(q.Context(), q.PathValue("member"), q.PathValue("code"))
}

// apply takes a step of an application. What was answered before comes along in the form: nothing is kept here until the
// application is made.
func (c *Console) apply(w http.ResponseWriter, q staff.Visit) error {
	r, err := c.applicable(q)
	if err != nil {
		return err
	}
	f, err := staff.Form(w, q)
	if err != nil {
		return err
	}
	step, to := stepIn(f.Get("step")), stepIn(f.Get("to"))
	a := applicationOf(q.V, q.PathValue("member"), r.Code, f)
	if to <= step && f.Get("to") != "send" {
		return c.askStep(w, q, r, to, f, nil)
	}
	var n *agreement.Negotiation
	if f.Get("to") == "send" {
		n, err = c.Cases.Apply(q.Context(), q.Sess, a)
		step = lastStep
	} else {
		err = a.Check(c.Clock.Now())
	}
	faults, err := staff.Faults(q.V, err)
	if err != nil {
		return err
	}
	for at := 1; at <= step; at++ {
		for _, name := range stepNames(at) {
			if faults[name] != "" {
				return c.askStep(w, q, r, at, f, faults)
			}
		}
	}
	if n == nil {
		return c.askStep(w, q, r, to, f, nil)
	}
	http.Redirect(w, q.Request, staff.CasePath(n.ID)+"?done=apply", http.StatusSeeOther)
	return nil
}

func stepIn(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return 1
	}
	return min(max(n, 1), lastStep)
}

func (c *Console) askStep(w http.ResponseWriter, q staff.Visit, r *catalog.Resource, step int, f url.Values, faults map[string]string) error {
	status := http.StatusOK
	if len(faults) > 0 {
		status = http.StatusBadRequest
	}
	nm := c.Names(q)
	var facts []ui.Fact
	if step == lastStep {
		a := applicationOf(q.V, q.PathValue("member"), r.Code, f)
		nm.Read(a.Provider, r)
		facts = factsOf(q.V, nm, &agreement.Negotiation{
			Application: a, Consumer: policy.Party{Member: c.Self, Department: q.Sess.Department}, Provider: policy.Party{Member: a.Provider, Department: r.Department},
		})
	}
	title := []string{q.V.Pick("用途与依据", "Purpose and basis"), q.V.Pick("数据项与方式", "Items and modes"), q.V.Pick("期限与范围", "Time limit and scope"), q.V.Pick("核对并提出", "Check and send")}[step-1]
	here := staff.EntryPath(q.PathValue("member"), r.Code)
	c.Show(w, q, status, staff.PathCatalog, ui.PageInfo{
		Title: title, Lead: q.V.Pick("申请使用：", "Applying for: ") + r.Name + q.V.Pick("（", " (") + nm.Of(q.PathValue("member"), r.Provider) + q.V.Pick("）", ")"),
		Crumbs: []ui.Link{staff.Home(q.V), {Href: staff.PathCatalog, Text: q.V.Pick("目录检索", "Catalogue")}, {Href: here, Text: r.Name}},
	}, stepPage(q.V, step, here+"/apply", hiddenOf(f, step), stepFields(q.V, r, step, f, faults), facts))
	return nil
}

// hiddenOf are the answers of the other steps.
func hiddenOf(f url.Values, step int) [][2]string {
	var out [][2]string
	for at := 1; at <= lastStep; at++ {
		if at == step {
			continue
		}
		for _, name := range stepNames(at) {
			for _, value := range f[name] {
				out = append(out, [2]string{name, value})
			}
		}
	}
	return out
}

func stepFields(v *ui.View, r *catalog.Resource, step int, f url.Values, faults map[string]string) []ui.Field {
	var out []ui.Field
	switch step {
	case 1:
		out = []ui.Field{
			{Name: "basis", Kind: "radio", Label: v.Pick("使用依据", "Basis"), Options: []ui.Option{{Value: "duty", Label: staff.Word(v, "duty")}, {Value: "consent", Label: staff.Word(v, "consent")}}},
			{Name: "citation", Kind: "text", Label: v.Pick("法定职责的条文", "Article of the duty"), Hint: v.Pick("依据为法定职责时填写，例如《企业信息公示暂行条例》第十二条。", "If the basis is a duty: the text and its article.")},
			{Name: "purposes", Kind: "text", Label: v.Pick("用途", "Purpose"), Hint: v.Pick("办理什么事项。有多个时用顿号分开。", "Which service it is for; several with commas between them.")},
			{Name: "scenario", Kind: "textarea", Label: v.Pick("使用场景", "Scenario"), Hint: v.Pick("谁在什么环节使用，达到什么目的。", "Who uses it at which step, and to what end.")},
		}
	case 2:
		items := ui.Field{Name: "fields", Kind: "check", Label: v.Pick("数据项", "Items"), Hint: v.Pick("只选办理事项必需的。括号内为敏感等级和脱敏方式。", "Only what the service needs. In brackets: the grade and what is shown."), Values: f["fields"]}
		for i := range r.Items {
			if it := &r.Items[i]; r.SharingOf([]string{it.Name}) != catalog.NotShared {
				items.Options = append(items.Options, ui.Option{Value: it.Name, Label: it.Title + v.Pick("（", " (") + staff.GradeWord(v, it.Grade) + v.Pick("，", ", ") + staff.ItemShown(v, it) + v.Pick("）", ")")})
			}
		}
		modes := ui.Field{Name: "modes", Kind: "check", Label: v.Pick("共享方式", "Modes"), Values: f["modes"]}
		for _, m := range r.Modes {
			modes.Options = append(modes.Options, ui.Option{Value: string(m), Label: staff.Word(v, string(m))})
		}
		out = []ui.Field{items, modes}
	case 3:
		out = []ui.Field{
			{Name: "valid_until", Kind: "day", Label: v.Pick("使用期限至", "Use until"), Hint: v.Pick("写作 2027-05-31，最长十年。", "Written 2027-05-31, ten years at most.")},
			{Name: "scope", Kind: "textarea", Label: v.Pick("使用范围", "Scope"), Hint: v.Pick("哪些岗位、哪些地区、哪些对象。", "Which posts, which regions, which subjects.")},
		}
	case lastStep:
		out = []ui.Field{{Name: "declared", Kind: "check", Label: v.Pick("声明", "Declaration"), Options: []ui.Option{{Value: "yes", Label: v.Pick("申请内容真实、合法、必要，只用于以上用途。", "The application is true, lawful and necessary, and the data serve this purpose alone.")}}}}
	}
	for i := range out {
		out[i].Error = faults[out[i].Name]
		if len(out[i].Values) == 0 && (out[i].Kind != "check" || out[i].Name == "declared") {
			out[i].Value = f.Get(out[i].Name)
		}
	}
	return out
}

// demandPage asks for what is in no catalogue.
func (c *Console) demandPage(w http.ResponseWriter, q staff.Visit) error {
	if err := q.Sess.Require(identity.DataOfficer); err != nil {
		return err
	}
	return c.askDemand(w, q, url.Values{"name": {q.URL.Query().Get("name")}, "basis": {"duty"}}, nil)
}

func (c *Console) writeDemand(w http.ResponseWriter, q staff.Visit) error {
	f, err := staff.Form(w, q)
	if err != nil {
		return err
	}
	_, err = c.Demands.Write(q.Context(), q.Sess, demand.Want{
		Name: strings.TrimSpace(f.Get("name")), Items: staff.Lines(f.Get("items")), Scenario: strings.TrimSpace(f.Get("scenario")), Basis: basisOf(f), Scope: strings.TrimSpace(f.Get("scope")), Until: staff.EndOf(q.V, f.Get("until")),
	}, nil)
	faults, err := staff.Faults(q.V, err)
	if err != nil {
		return err
	}
	if len(faults) > 0 {
		return c.askDemand(w, q, f, faults)
	}
	http.Redirect(w, q.Request, staff.PathWorkbench+"?done=demand", http.StatusSeeOther)
	return nil
}

func (c *Console) askDemand(w http.ResponseWriter, q staff.Visit, f url.Values, faults map[string]string) error {
	v, status := q.V, http.StatusOK
	if len(faults) > 0 {
		status = http.StatusBadRequest
	}
	fields := []ui.Field{
		{Name: "name", Kind: "text", Label: v.Pick("需要什么数据", "What is needed")},
		{Name: "items", Kind: "text", Label: v.Pick("数据项", "Items"), Hint: v.Pick("每条记录应说明什么，用顿号分开。", "What each record should say, with commas between.")},
		{Name: "basis", Kind: "radio", Label: v.Pick("使用依据", "Basis"), Options: []ui.Option{{Value: "duty", Label: staff.Word(v, "duty")}, {Value: "consent", Label: staff.Word(v, "consent")}}},
		{Name: "citation", Kind: "text", Label: v.Pick("法定职责的条文", "Article of the duty"), Hint: v.Pick("依据为法定职责时填写。", "If the basis is a duty.")},
		{Name: "scenario", Kind: "textarea", Label: v.Pick("使用场景", "Scenario")},
		{Name: "scope", Kind: "textarea", Label: v.Pick("数据范围", "Scope"), Hint: v.Pick("哪些地区、时段、对象。", "Which regions, periods, subjects.")},
		{Name: "until", Kind: "day", Label: v.Pick("最迟何时需要", "Needed by"), Hint: v.Pick("写作 2027-05-31。", "Written 2027-05-31.")},
	}
	for i := range fields {
		fields[i].Value, fields[i].Error = f.Get(fields[i].Name), faults[fields[i].Name]
	}
	c.Show(w, q, status, staff.PathDemands, ui.PageInfo{
		Title:  v.Pick("提出数据需求", "A demand for data"),
		Lead:   v.Pick("目录中没有的数据，可列入需求清单；本部门共享工作机构负责人同意后送达各成员。", "For what no catalogue has. It goes to all members when the head of your sharing office consents."),
		Crumbs: []ui.Link{{Href: staff.PathWorkbench, Text: v.Pick("工作台", "Workbench")}, {Href: staff.PathCatalog, Text: v.Pick("目录检索", "Catalogue")}},
	}, demandForm(v, fields))
	return nil
}

// doneWord is what the page an act leads to says of it.
func doneWord(v *ui.View, done string) string {
	return map[string]staff.Pair{
		"consent":           {"申请已送出，等待提供方受理。", "The application is on its way to the provider."},
		"return":            {"申请已退回数据专员修改。", "The application is back with the officer to be corrected."},
		"revise":            {"申请已重新报本部门共享工作机构负责人。", "The application is with the head of your sharing office again."},
		"withdraw":          {"申请已撤回。", "The application is withdrawn."},
		"supply":            {"补正已提交；扩大申请内容的，待负责人同意后送达提供方。", "Supplied; what asks for more goes out when the head consents."},
		"consent-supply":    {"补正已送达提供方。", "The supplement goes to the provider."},
		"accept":            {"已接受条件，待提供方负责人同意。", "The terms are accepted; the provider's head consents next."},
		"resubmit":          {"已按新条件再次申请。", "Asked again on other terms."},
		"change":            {"变更申请已报本部门共享工作机构负责人。", "The change is with the head of your sharing office."},
		"consent-change":    {"变更申请已送达提供方，此前按原条件执行。", "The change is asked for; the old terms hold until it is granted."},
		"rectified":         {"整改报告已送达提供方。", "The report goes to the provider."},
		"destroyed":         {"销毁证明已登记并送达提供方，事项办结。", "The certificate is recorded and sent: the matter is closed."},
		"supplement":        {"已一次性告知补正，答复时限暂停计算。", "The applicant is told; the time for the answer stands still."},
		"extend":            {"延期申请已送主管部门。", "The authority is asked for more time."},
		"consent-extension": {"已同意延期，并告知需求部门。", "More time is granted, and the applicant told."},
		"refuse-extension":  {"未同意延期，答复期限不变。", "Refused: the answer stays due when it was."},
		"answer":            {"答复已报本部门共享工作机构负责人，或作为其他条件送达需求部门。", "The answer is with the head of your sharing office, or with the applicant as other terms."},
		"consent-answer":    {"协议已生成并送达需求部门会签。", "The agreement is made and goes to the applicant to countersign."},
		"return-answer":     {"答复已退回数据专员。", "The answer is back with the officer."},
		"refuse":            {"已答复不同意，理由送达需求部门。", "Refused; the reasons go to the applicant."},
		"answer-change":     {"变更答复已报本部门共享工作机构负责人。", "The answer about the change is with the head of your sharing office."},
		"grant-change":      {"变更已同意，协议已修订并立即生效。", "The change is granted: the amended agreement binds."},
		"decline-change":    {"已答复不同意变更，协议按原条件执行。", "Declined: the old terms hold."},
		"suspend":           {"协议已暂停，立即生效。", "The agreement is suspended, with effect at once."},
		"rectify":           {"整改要求已送达需求部门。", "The order goes to the using department."},
		"resume":            {"协议已恢复，立即生效。", "The agreement is resumed, with effect at once."},
		"revoke":            {"协议已撤销，立即生效。", "The agreement is revoked, with effect at once."},
		"dispose":           {"处置要求已送达需求部门。", "The order goes to the using department."},
		"apply":             {"申请已报本部门共享工作机构负责人，负责人同意后送达提供方。", "The application is with the head of your sharing office; it goes to the provider when the head consents."},
		"demand":            {"需求已报本部门共享工作机构负责人，负责人同意后送达各成员。", "The demand is with the head of your sharing office; it goes to the members when the head consents."},
	}[done].In(v)
}
