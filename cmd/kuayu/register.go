package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"

	"github.com/kuayu/kuayu/api/client"
	"github.com/kuayu/kuayu/exchange/catalog"
	"github.com/kuayu/kuayu/support/deadline"
)

type catalogVersionsCmd struct {
	entryArg
	Number int `help:"查看这一版本。|Show this version."`
}

func (c *catalogVersionsCmd) Run(ctx context.Context, a *app) error {
	path := "/api/v1/resources/" + seg(c.Code) + "/versions"
	if c.Number > 0 {
		var r catalog.Resource
		if err := a.get(ctx, path+"/"+count(c.Number), &r); err != nil {
			return err
		}
		return a.showResource(&r, true)
	}
	var p page[catalog.Edition]
	if err := a.get(ctx, path, &p); err != nil {
		return err
	}
	t := &table{head: []string{a.t("版本", "version"), a.t("编目", "described"), a.t("何人", "who"), a.t("发布", "published"), a.t("摘要值", "digest")}}
	for _, v := range p.Items {
		published := "-"
		if v.Published != nil {
			published = when(*v.Published)
		}
		t.add(count(v.Number), when(v.Described), dash(v.By), published, v.Digest)
	}
	return a.list(p.Items, t, "没有版本。", "No versions.")
}

type catalogDiffCmd struct {
	entryArg
	From int `arg:"" help:"从哪一版本。|From which version."`
	To   int `arg:"" help:"到哪一版本。|To which version."`
}

func (c *catalogDiffCmd) Run(ctx context.Context, a *app) error {
	var p page[catalog.Difference]
	if err := a.get(ctx, with("/api/v1/resources/"+seg(c.Code)+"/diff", "from", count(c.From), "to", count(c.To)), &p); err != nil {
		return err
	}
	t := &table{head: []string{a.t("数据项", "item"), a.t("字段", "field"), a.t("原", "from"), a.t("新", "to")}}
	for _, d := range p.Items {
		field := d.Field
		if l := catalog.Label(d.Field, d.Item != ""); l != "" {
			field = a.t(l, d.Field)
		}
		t.add(dash(d.Item), dash(field), dash(string(d.From)), dash(string(d.To)))
	}
	return a.list(p.Items, t, "两个版本相同。", "The two versions are the same.")
}

type catalogMountCmd struct{ entryArg }

func (c *catalogMountCmd) Run(ctx context.Context, a *app) error {
	var m catalog.MountReport
	if err := a.get(ctx, "/api/v1/resources/"+seg(c.Code)+"/mount", &m); err != nil {
		return err
	}
	word := map[catalog.MountState]string{catalog.Mounted: a.t("已挂接", "mounted"), catalog.Unmounted: a.t("未挂接", "not mounted"), catalog.Broken: a.t("挂接失效", "broken")}
	t := &table{}
	t.add(a.t("状态", "state"), word[m.State])
	for _, k := range m.Kinds {
		t.add(a.t("种类", "kind"), string(k))
	}
	t.add(a.t("数据源", "source"), dash(m.Source)+" "+m.Table)
	for _, x := range m.Missing {
		t.add(a.t("缺少列", "column missing"), x)
	}
	if m.Zh != "" {
		t.add(a.t("说明", "note"), a.t(m.Zh, m.En))
	}
	return a.show(&m, t)
}

type catalogImportCmd struct {
	File string `arg:"" help:"CSV 或 XLSX 文件；“-”为标准输入。列名见导出的文件。|CSV or XLSX file; “-” is standard input. An export shows the columns."`
	Skip bool   `help:"跳过有误的资源，其余照常导入。|Leave out what is faulty and import the rest."`
}

// counted reports how much of a body has been sent.
type counted struct {
	io.Reader
	sent     int64
	progress func(int64)
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.sent += int64(n)
	c.progress(c.sent)
	return n, err
}

func (c *catalogImportCmd) Run(ctx context.Context, a *app) error {
	b, err := a.read(c.File)
	if err != nil {
		return err
	}
	cl, err := a.client(ctx)
	if err != nil {
		return err
	}
	skip := ""
	if c.Skip {
		skip = "1"
	}
	progress, done := newBars(a.err).Start(a.t("上传并校验（字节）", "sending and checking (bytes)"), int64(len(b)))
	var out catalog.Imported
	err = transfer(ctx, cl, with("/api/v1/catalog-import", "skip", skip), &counted{Reader: bytes.NewReader(b), progress: progress}, &out)
	done()
	if err != nil {
		return err
	}
	t := &table{}
	t.add(a.t("行数", "rows"), count(out.Rows))
	t.add(a.t("已编目", "described"), count(len(out.Entries)))
	for _, s := range out.Skipped {
		t.add(a.t("跳过", "skipped"), s)
	}
	for _, f := range out.Faults {
		t.add(a.t("问题 ", "fault ")+f.Name, a.t(f.Zh, f.En))
	}
	if out.More > 0 {
		t.add(a.t("更多问题", "more faults"), count(out.More))
	}
	return a.show(&out, t)
}

// transfer sends a body as it is and reads the JSON answer.
func transfer(ctx context.Context, cl *client.Client, path string, body io.Reader, out any) error {
	res, err := cl.Do(ctx, http.MethodPost, path, "application/json", body)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	if err := json.NewDecoder(io.LimitReader(res.Body, maxFile)).Decode(out); err != nil {
		return client.ErrUnreachable.Because(err, cl.Base)
	}
	return nil
}

type catalogExportCmd struct {
	Form string `enum:"csv,xlsx" default:"csv" help:"格式：${enum}。|Form: ${enum}."`
	To   string `placeholder:"FILE" help:"写入文件；缺省标准输出。|Write to a file; default standard output."`
}

func (c *catalogExportCmd) Run(ctx context.Context, a *app) error {
	var b []byte
	if err := a.get(ctx, with("/api/v1/catalog-export", "form", c.Form), &b); err != nil {
		return err
	}
	return a.deliver(c.To, b)
}

// catalogRegisterCmd is about which department is the source of which item.
type catalogRegisterCmd struct {
	List      registerListCmd      `cmd:"" default:"1" help:"数源登记。|The register."`
	Name      registerNameCmd      `cmd:"" help:"主管部门明确一个数据项的数源部门。|The authority names the source department of an item."`
	End       registerEndCmd       `cmd:"" help:"撤销登记。|Take an item off the register."`
	Conflicts registerConflictsCmd `cmd:"" help:"与登记不符的数据项。|Items whose source is another department."`
}

type registerListCmd struct{}

func (*registerListCmd) Run(ctx context.Context, a *app) error {
	all, err := everything[catalog.Designation](ctx, a, "/api/v1/register")
	if err != nil {
		return err
	}
	t := &table{head: []string{a.t("数据项", "item"), a.t("数据元", "element"), a.t("数源部门", "source department"), a.t("代码", "code"), a.t("何时", "since")}}
	for _, d := range all {
		t.add(d.Item, dash(d.Element), d.Name, d.Department, when(d.Time))
	}
	return a.list(all, t, "尚无登记。", "Nothing is registered yet.")
}

// everything reads a list to its end.
func everything[T any](ctx context.Context, a *app, path string) ([]T, error) {
	all, after := []T{}, ""
	for {
		var p page[T]
		if err := a.get(ctx, with(path, "after", after, "limit", count(500)), &p); err != nil {
			return nil, err
		}
		all = append(all, p.Items...)
		if p.Next == "" || p.Next == after {
			return all, nil
		}
		after = p.Next
	}
}

type registerNameCmd struct {
	Item       string `arg:"" help:"数据项名称。|Title of the item."`
	Department string `required:"" placeholder:"USCC" help:"数源部门的统一社会信用代码。|USCC of the source department."`
	Name       string `required:"" help:"数源部门名称。|Its name."`
	Element    string `help:"数据元代码。|Code of the data element."`
	Reason     string `help:"理由。|Why."`
}

func (c *registerNameCmd) Run(ctx context.Context, a *app) error {
	var d catalog.Designation
	in := catalog.Designation{Item: c.Item, Department: c.Department, Name: c.Name, Element: c.Element, Reason: c.Reason}
	if err := a.post(ctx, "/api/v1/register", in, &d); err != nil {
		return err
	}
	t := &table{}
	t.add(a.t("数据项", "item"), d.Item)
	t.add(a.t("数源部门", "source department"), d.Name+" "+d.Department)
	return a.show(&d, t)
}

type registerEndCmd struct {
	Item string `arg:"" help:"数据项名称。|Title of the item."`
}

func (c *registerEndCmd) Run(ctx context.Context, a *app) error {
	return a.call(ctx, http.MethodDelete, "/api/v1/register/"+seg(c.Item), nil, nil)
}

type registerConflictsCmd struct{}

func (*registerConflictsCmd) Run(ctx context.Context, a *app) error {
	var p page[catalog.Conflict]
	if err := a.get(ctx, with("/api/v1/source-conflicts", "limit", count(500)), &p); err != nil {
		return err
	}
	t := &table{head: []string{a.t("资源", "resource"), a.t("部门", "department"), a.t("数据项", "item"), a.t("已发布", "published"), a.t("数源部门", "source department")}}
	for _, c := range p.Items {
		t.add(c.Code, c.Department, c.Item+" "+c.Title, a.yes(c.InForce), c.SourceName+" "+c.Source)
	}
	return a.list(p.Items, t, "没有与登记不符的数据项。", "No item is described by a department that is not its source.")
}

// catalogListsCmd are the lists that are made from the catalogue.
type catalogListsCmd struct {
	Responsibility listsResponsibilityCmd `cmd:"" default:"1" help:"责任清单。|Who answers for which entry, and what is due."`
	Negative       listsNegativeCmd       `cmd:"" help:"负面清单：不予共享的资源与数据项及其依据。|What is not shared, and by which law."`
}

type listsResponsibilityCmd struct{}

func (*listsResponsibilityCmd) Run(ctx context.Context, a *app) error {
	all, err := everything[catalog.Responsibility](ctx, a, "/api/v1/responsibilities")
	if err != nil {
		return err
	}
	t := &table{head: []string{a.t("部门", "department"), a.t("代码", "code"), a.t("名称", "name"), a.t("更新周期", "update cycle"), a.t("责任人", "owner"), a.t("签发", "signed by"), a.t("状态", "state"), a.t("时限", "clock"), a.t("到何时", "until")}}
	for _, r := range all {
		what, due := dash(string(r.Clock)), dash(r.Due)
		if k, err := deadline.RuleOf(r.Clock); err == nil {
			what += " " + a.t(k.Zh, k.En)
		}
		if r.Overdue {
			due += a.t(" 逾期", " overdue")
		}
		t.add(r.Provider, r.Code, r.Name, r.UpdateCycle, dash(r.Owner), dash(r.Approver), r.State.In(a.Lang), what, due)
	}
	return a.list(all, t, "没有条目。", "No entries.")
}

type listsNegativeCmd struct{}

func (*listsNegativeCmd) Run(ctx context.Context, a *app) error {
	all, err := everything[catalog.Withholding](ctx, a, "/api/v1/negative-list")
	if err != nil {
		return err
	}
	t := &table{head: []string{a.t("部门", "department"), a.t("代码", "code"), a.t("名称", "name"), a.t("数据项", "item"), a.t("依据", "basis"), a.t("理由", "reason")}}
	for _, w := range all {
		item := a.t("全部", "all")
		if w.Item != "" {
			item = w.Item + " " + w.Title
		}
		t.add(w.Provider, w.Code, w.Name, item, w.Basis.Name+" "+w.Basis.Article, w.Basis.Reason)
	}
	return a.list(all, t, "没有不予共享的资源。", "Everything is shared.")
}

type catalogBreachCmd struct {
	entryArg
	Kind string `required:"" enum:"P2,P3,A1" help:"违规代码：${enum}。|Code of the violation: ${enum}."`
	Note string `required:"" help:"事实。|What was found."`
}

func (c *catalogBreachCmd) Run(ctx context.Context, a *app) error {
	return a.moveEntry(ctx, c.Code, "violations", catalog.Breach{Code: deadline.Code(c.Kind), Note: c.Note})
}
