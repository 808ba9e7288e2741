package main

import (
	"context"
	"net/http"
	"strings"

	"github.com/kuayu/kuayu/api/rest"
	"github.com/kuayu/kuayu/cmd/cli"
	"github.com/kuayu/kuayu/exchange/catalog"
	"github.com/kuayu/kuayu/support/policy"
)

// catalogCmd is about what departments share.
type catalogCmd struct {
	List    catalogListCmd    `cmd:"" default:"withargs" help:"列出目录：本节点的（含草稿），或某成员的。|List the catalogue: this node's with drafts, or a member's."`
	Show    catalogShowCmd    `cmd:"" help:"查看一条目录。|Show an entry."`
	Save    catalogSaveCmd    `cmd:"" help:"编目：保存一条目录及其挂接（JSON 文件）。|Describe an entry and where it is mounted (JSON file)."`
	Status  catalogStatusCmd  `cmd:"" help:"条目办到哪一步、还缺什么。|Where an entry stands, and what it lacks."`
	Entries catalogEntriesCmd `cmd:"" help:"条目办理清单。|Where the entries stand."`
	History catalogHistoryCmd `cmd:"" help:"条目办理经过。|History of an entry."`

	Assess  catalogAssessCmd  `cmd:"" help:"登记评估：保密风险、个人信息保护影响。|Put an assessment on record: secrets, personal information."`
	Submit  entryStep         `cmd:"" verb:"submit" help:"提交部门负责人签发。|Submit to the head of the department."`
	Sign    entryStep         `cmd:"" verb:"sign" help:"部门负责人签发，报主管部门。|The head of the department signs, to the authority."`
	Return  entryBecause      `cmd:"" verb:"return" help:"部门负责人退回。|The head of the department returns a submission."`
	Review  catalogReviewCmd  `cmd:"" help:"主管部门审核。|Review by the authority."`
	Discard catalogDiscardCmd `cmd:"" help:"删除草稿。|Discard a draft."`

	Withdraw         entryBecause `cmd:"" verb:"withdraw" help:"部门负责人申请撤销。|The head of the department asks for withdrawal."`
	FileWithdrawal   entryStep    `cmd:"" verb:"file-withdrawal" help:"主管部门将撤销备案。|The authority files a withdrawal."`
	RefuseWithdrawal entryBecause `cmd:"" verb:"refuse-withdrawal" help:"主管部门不同意撤销。|The authority refuses a withdrawal."`

	Versions catalogVersionsCmd `cmd:"" help:"条目的版本，或其中一个。|Versions of an entry, or one of them."`
	Diff     catalogDiffCmd     `cmd:"" help:"比较两个版本。|Compare two versions."`
	Mount    catalogMountCmd    `cmd:"" help:"检查挂接。|Look whether the rows behind an entry can be had."`
	Import   catalogImportCmd   `cmd:"" help:"从 CSV 或 XLSX 批量编目。|Describe many entries from a CSV or XLSX file."`
	Export   catalogExportCmd   `cmd:"" help:"导出为 CSV 或 XLSX。|Write the entries as CSV or XLSX."`
	Register catalogRegisterCmd `cmd:"" help:"数源登记（一数一源）。|Register of sources: one item, one source."`
	Lists    catalogListsCmd    `cmd:"" help:"责任清单与负面清单。|Lists of responsibilities, and of what is not shared."`
	Breach   catalogBreachCmd   `cmd:"" help:"主管部门登记违规（P2、P3、A1）。|The authority records a violation (P2, P3, A1)."`

	ChangeNoted   catalogChangeNotedCmd `cmd:"" help:"记录法律、国务院决定或职责的变化：条目须限期更新。|Note a change of law, State Council decision or duty: an update is due."`
	Extend        catalogExtendCmd      `cmd:"" help:"申请更新延期。|Ask for more time to update."`
	ConsentExtend entryStep             `cmd:"" verb:"consent-extension" help:"主管部门同意更新延期。|The authority consents to more time."`
	RefuseExtend  entryBecause          `cmd:"" verb:"refuse-extension" help:"主管部门不同意更新延期。|The authority refuses more time."`

	Search  catalogSearchCmd  `cmd:"" help:"检索所有成员的目录。|Search all members' catalogues."`
	Members catalogMembersCmd `cmd:"" help:"各成员目录副本的时效。|How fresh the copy of each member's catalogue is."`
	Refresh catalogRefreshCmd `cmd:"" help:"立即重读成员目录。|Read the members' catalogues now."`
}

type catalogListCmd struct {
	Member string `arg:"" optional:"" help:"成员编号；缺省为本节点。|Member id; default this node."`
	Limit  int    `default:"1000" help:"最多几条。|How many at most."`
}

func (c *catalogListCmd) Run(ctx context.Context, a *app) error {
	path := "/api/v1/resources"
	if c.Member != "" {
		path = "/api/v1/catalog/" + seg(c.Member)
	}
	const step = 500
	all, after := []catalog.Resource{}, ""
	for len(all) < c.Limit {
		var p cli.Page[catalog.Resource]
		if err := a.Get(ctx, with(path, "after", after, "limit", cli.Count(step)), &p); err != nil {
			return err
		}
		all = append(all, p.Items...)
		if c.Member == "" && len(p.Items) == step {
			p.Next = p.Items[step-1].Code
		}
		if p.Next == "" || p.Next == after {
			break
		}
		after = p.Next
	}
	all = all[:min(len(all), c.Limit)]
	t := &cli.Table{Head: []string{a.T("代码", "code"), a.T("名称", "name"), a.T("提供部门", "provider"), a.T("共享属性", "sharing"), a.T("方式", "modes"), a.T("更新", "updated"), a.T("状态", "state"), a.T("版本", "version")}}
	for i := range all {
		r := &all[i]
		t.Add(r.Code, r.Name, r.Provider, string(r.Sharing), modeNames(r.Modes), r.UpdateCycle, string(r.State), cli.Count(r.Version))
	}
	return a.List(all, t, "目录为空：从 kuayu catalog save FILE 开始编目。", "The catalogue is empty: describe an entry with kuayu catalog save FILE.")
}

func modeNames(ms []policy.Mode) string {
	names := make([]string, len(ms))
	for i, m := range ms {
		names[i] = string(m)
	}
	return strings.Join(names, ",")
}

type catalogShowCmd struct {
	Member string `arg:"" help:"成员编号。|Member id."`
	Code   string `arg:"" help:"资源代码。|Code of the resource."`
}

func (c *catalogShowCmd) Run(ctx context.Context, a *app) error {
	var r catalog.Resource
	if err := a.Get(ctx, "/api/v1/catalog/"+seg(c.Member)+"/"+seg(c.Code), &r); err != nil {
		return err
	}
	return a.showResource(&r, true)
}

func (a *app) showResource(r *catalog.Resource, items bool) error {
	t := &cli.Table{}
	t.Add(a.T("代码", "code"), r.Code)
	t.Add(a.T("名称", "name"), r.Name)
	t.Add(a.T("提供部门", "provider"), r.Provider+" "+r.Department)
	t.Add(a.T("共享属性", "sharing"), string(r.Sharing))
	t.Add(a.T("方式", "modes"), modeNames(r.Modes))
	t.Add(a.T("使用条件", "conditions"), cli.Dash(r.Conditions))
	t.Add(a.T("状态", "state"), string(r.State)+" v"+cli.Count(r.Version))
	if items {
		for _, i := range r.Items {
			t.Add(a.T("数据项 ", "item ")+i.Name, strings.TrimSpace(i.Title+" "+i.Type+a.T(" 级别 ", " grade ")+cli.Count(i.Grade)+mark(i.Key, " key")+mark(i.Subject, " subject")+mark(i.Personal, " personal")+mark(i.Verify, " verify-only")+mask(i.Mask)))
		}
	}
	return a.Show(r, t)
}

func mark(ok bool, s string) string {
	if ok {
		return s
	}
	return ""
}

func mask(m policy.Mask) string {
	if m.Kind == policy.MaskNone {
		return ""
	}
	return " mask:" + string(m.Kind)
}

type catalogSaveCmd struct {
	File string `arg:"" help:"JSON 文件：{\"resource\":{…},\"source\":…,\"table\":…}；“-”为标准输入。|JSON file: {\"resource\":{…},\"source\":…,\"table\":…}; “-” is standard input."`
}

func (c *catalogSaveCmd) Run(ctx context.Context, a *app) error {
	var in rest.ResourceRequest
	if err := a.ReadJSON(c.File, &in); err != nil {
		return err
	}
	if in.Resource.Code == "" {
		return cli.ErrJSON.With(c.File, "resource.code is missing", "缺少 resource.code")
	}
	var e catalog.Dossier
	if err := a.Call(ctx, http.MethodPut, "/api/v1/resources/"+seg(in.Resource.Code), in, &e); err != nil {
		return err
	}
	a.Note("已存为草稿；登记评估后运行 kuayu catalog submit %s。", "Saved as a draft; put the assessments on record, then kuayu catalog submit %s.", in.Resource.Code)
	return a.showEntry(&e)
}
