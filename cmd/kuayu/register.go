package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"

	"github.com/kuayu/kuayu/api/client"
	"github.com/kuayu/kuayu/cmd/cli"
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
		if err := a.Get(ctx, path+"/"+cli.Count(c.Number), &r); err != nil {
			return err
		}
		return a.showResource(&r, true)
	}
	var p cli.Page[catalog.Edition]
	if err := a.Get(ctx, path, &p); err != nil {
		return err
	}
	t := &cli.Table{Head: []string{a.T("版本", "version"), a.T("编目", "described"), a.T("何人", "who"), a.T("发布", "published"), a.T("摘要值", "digest")}}
	for _, v := range p.Items {
		published := "-"
		if v.Published != nil {
			published = cli.When(*v.Published)
		}
		t.Add(cli.Count(v.Number), cli.When(v.Described), cli.Dash(v.By), published, v.Digest)
	}
	return a.List(p.Items, t, "没有版本。", "No versions.")
}

type catalogDiffCmd struct {
	entryArg
	From int `arg:"" help:"从哪一版本。|From which version."`
	To   int `arg:"" help:"到哪一版本。|To which version."`
}

func (c *catalogDiffCmd) Run(ctx context.Context, a *app) error {
	var p cli.Page[catalog.Difference]
	if err := a.Get(ctx, with("/api/v1/resources/"+seg(c.Code)+"/diff", "from", cli.Count(c.From), "to", cli.Count(c.To)), &p); err != nil {
		return err
	}
	t := &cli.Table{Head: []string{a.T("数据项", "item"), a.T("字段", "field"), a.T("原", "from"), a.T("新", "to")}}
	for _, d := range p.Items {
		field := d.Field
		if l := catalog.Label(d.Field, d.Item != "", a.Lang); l != "" {
			field = l
		}
		t.Add(cli.Dash(d.Item), cli.Dash(field), cli.Dash(string(d.From)), cli.Dash(string(d.To)))
	}
	return a.List(p.Items, t, "两个版本相同。", "The two versions are the same.")
}

type catalogMountCmd struct{ entryArg }

func (c *catalogMountCmd) Run(ctx context.Context, a *app) error {
	var m catalog.MountReport
	if err := a.Get(ctx, "/api/v1/resources/"+seg(c.Code)+"/mount", &m); err != nil {
		return err
	}
	word := map[catalog.MountState]string{catalog.Mounted: a.T("已挂接", "mounted"), catalog.Unmounted: a.T("未挂接", "not mounted"), catalog.Broken: a.T("挂接失效", "broken")}
	t := &cli.Table{}
	t.Add(a.T("状态", "state"), word[m.State])
	for _, k := range m.Kinds {
		t.Add(a.T("种类", "kind"), string(k))
	}
	t.Add(a.T("数据源", "source"), cli.Dash(m.Source)+" "+m.Table)
	for _, x := range m.Missing {
		t.Add(a.T("缺少列", "column missing"), x)
	}
	if m.Zh != "" {
		t.Add(a.T("说明", "note"), a.T(m.Zh, m.En))
	}
	return a.Show(&m, t)
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
	b, err := a.Read(c.File)
	if err != nil {
		return err
	}
	cl, err := a.Client(ctx)
	if err != nil {
		return err
	}
	skip := ""
	if c.Skip {
		skip = "1"
	}
	progress, done := newBars(a.Err).Start(a.T("上传并校验（字节）", "sending and checking (bytes)"), int64(len(b)))
	var out catalog.Imported
	err = transfer(ctx, cl, with("/api/v1/catalog-import", "skip", skip), &counted{Reader: bytes.NewReader(b), progress: progress}, &out)
	done()
	if err != nil {
		return err
	}
	t := &cli.Table{}
	t.Add(a.T("行数", "rows"), cli.Count(out.Rows))
	t.Add(a.T("已编目", "described"), cli.Count(len(out.Entries)))
	for _, s := range out.Skipped {
		t.Add(a.T("跳过", "skipped"), s)
	}
	for _, f := range out.Faults {
		t.Add(a.T("问题 ", "fault ")+f.Name, a.T(f.Zh, f.En))
	}
	if out.More > 0 {
		t.Add(a.T("更多问题", "more faults"), cli.Count(out.More))
	}
	return a.Show(&out, t)
}

// transfer sends a body as it is and reads the JSON answer.
func transfer(ctx context.Context, cl *client.Client, path string, body io.Reader, out any) error {
	res, err := cl.Do(ctx, http.MethodPost, path, "application/json", body)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	if err := json.NewDecoder(io.LimitReader(res.Body, cli.MaxFile)).Decode(out); err != nil {
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
	if err := a.Get(ctx, with("/api/v1/catalog-export", "form", c.Form), &b); err != nil {
		return err
	}
	return a.Deliver(c.To, b)
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
	t := &cli.Table{Head: []string{a.T("数据项", "item"), a.T("数据元", "element"), a.T("数源部门", "source department"), a.T("代码", "code"), a.T("何时", "since")}}
	for _, d := range all {
		t.Add(d.Item, cli.Dash(d.Element), d.Name, d.Department, cli.When(d.Time))
	}
	return a.List(all, t, "尚无登记。", "Nothing is registered yet.")
}

// everything reads a list to its end.
func everything[T any](ctx context.Context, a *app, path string) ([]T, error) {
	all, after := []T{}, ""
	for {
		var p cli.Page[T]
		if err := a.Get(ctx, with(path, "after", after, "limit", cli.Count(500)), &p); err != nil {
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
	if err := a.Post(ctx, "/api/v1/register", in, &d); err != nil {
		return err
	}
	t := &cli.Table{}
	t.Add(a.T("数据项", "item"), d.Item)
	t.Add(a.T("数源部门", "source department"), d.Name+" "+d.Department)
	return a.Show(&d, t)
}

type registerEndCmd struct {
	Item string `arg:"" help:"数据项名称。|Title of the item."`
}

func (c *registerEndCmd) Run(ctx context.Context, a *app) error {
	return a.Call(ctx, http.MethodDelete, "/api/v1/register/"+seg(c.Item), nil, nil)
}

type registerConflictsCmd struct{}

func (*registerConflictsCmd) Run(ctx context.Context, a *app) error {
	var p cli.Page[catalog.Conflict]
	if err := a.Get(ctx, with("/api/v1/source-conflicts", "limit", cli.Count(500)), &p); err != nil {
		return err
	}
	t := &cli.Table{Head: []string{a.T("资源", "resource"), a.T("部门", "department"), a.T("数据项", "item"), a.T("已发布", "published"), a.T("数源部门", "source department")}}
	for _, c := range p.Items {
		t.Add(c.Code, c.Department, c.Item+" "+c.Title, a.Yes(c.InForce), c.SourceName+" "+c.Source)
	}
	return a.List(p.Items, t, "没有与登记不符的数据项。", "No item is described by a department that is not its source.")
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
	t := &cli.Table{Head: []string{a.T("部门", "department"), a.T("代码", "code"), a.T("名称", "name"), a.T("更新周期", "update cycle"), a.T("责任人", "owner"), a.T("签发", "signed by"), a.T("状态", "state"), a.T("时限", "clock"), a.T("到何时", "until")}}
	for _, r := range all {
		what, due := cli.Dash(string(r.Clock)), cli.Dash(r.Due)
		if k, err := deadline.RuleOf(r.Clock); err == nil {
			what += " " + a.T(k.Zh, k.En)
		}
		if r.Overdue {
			due += a.T(" 逾期", " overdue")
		}
		t.Add(r.Provider, r.Code, r.Name, r.UpdateCycle, cli.Dash(r.Owner), cli.Dash(r.Approver), catalog.Table().StateWords(r.State).In(a.Lang), what, due)
	}
	return a.List(all, t, "没有条目。", "No entries.")
}

type listsNegativeCmd struct{}

func (*listsNegativeCmd) Run(ctx context.Context, a *app) error {
	all, err := everything[catalog.Withholding](ctx, a, "/api/v1/negative-list")
	if err != nil {
		return err
	}
	t := &cli.Table{Head: []string{a.T("部门", "department"), a.T("代码", "code"), a.T("名称", "name"), a.T("数据项", "item"), a.T("依据", "basis"), a.T("理由", "reason")}}
	for _, w := range all {
		item := a.T("全部", "all")
		if w.Item != "" {
			item = w.Item + " " + w.Title
		}
		t.Add(w.Provider, w.Code, w.Name, item, w.Basis.Name+" "+w.Basis.Article, w.Basis.Reason)
	}
	return a.List(all, t, "没有不予共享的资源。", "Everything is shared.")
}

type catalogBreachCmd struct {
	entryArg
	Kind string `required:"" enum:"P2,P3,A1" help:"违规代码：${enum}。|Code of the violation: ${enum}."`
	Note string `required:"" help:"事实。|What was found."`
}

func (c *catalogBreachCmd) Run(ctx context.Context, a *app) error {
	return a.moveEntry(ctx, c.Code, "violations", catalog.Breach{Code: deadline.Code(c.Kind), Note: c.Note})
}
