package rest

import (
	"bytes"
	"net/http"
	"reflect"
	"strconv"

	"github.com/kuayu/kuayu/exchange/catalog"
	"github.com/kuayu/kuayu/internal/httpx"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/process"
)

// ResourceRequest describes a catalogue entry and where it is mounted.
type ResourceRequest struct {
	Resource catalog.Resource `json:"resource"`
	Source   string           `json:"source,omitempty"`
	Table    string           `json:"table,omitempty"`
}

// UpdateExtension asks for more time to update an entry.
type UpdateExtension struct {
	Days   int    `json:"days"` // working days, at most 5
	Reason string `json:"reason"`
}

// entryRoutes are an entry's way into the catalogue and out of it (Decree 809 art. 13, 16, 17).
func (a *API) entryRoutes(mux *http.ServeMux) {
	officer, chief, authority := roles{identity.DataOfficer}, roles{identity.DepartmentHead}, roles{identity.Authority}
	const one = "/api/v1/resources/{code}"
	code := func(c call) string { return c.r.PathValue("code") }
	route(a, mux, "PUT", one, "编目", "Describe an entry", officer, func(c call, in *ResourceRequest) (*catalog.Dossier, error) {
		in.Resource.Code = code(c)
		return a.Catalog.Save(c.ctx, c.sess, in.Resource, in.Source, in.Table)
	})
	route(a, mux, "GET", "/api/v1/resources", "本节点目录（含本部门草稿）", "Own catalogue with the department's drafts", nil, func(c call, _ *empty) (*Page[catalog.Resource], error) {
		rs, err := a.Catalog.List(c.ctx, c.sess.Scope(), true, c.r.URL.Query().Get("after"), limitOf(c.r))
		return &Page[catalog.Resource]{Items: rs}, err
	})
	route(a, mux, "GET", one, "条目办理情况", "Where an entry stands", nil, func(c call, _ *empty) (*catalog.Dossier, error) {
		return a.Catalog.Dossier(c.ctx, c.sess.Scope(), code(c))
	})
	route(a, mux, "DELETE", one, "删除草稿", "Discard a draft", officer, func(c call, _ *empty) (*catalog.Dossier, error) {
		return a.Catalog.Discard(c.ctx, c.sess, code(c))
	})
	route(a, mux, "GET", "/api/v1/entries", "条目办理清单", "Where the entries stand", nil, func(c call, _ *empty) (*Page[catalog.Dossier], error) {
		q := c.r.URL.Query()
		es, err := a.Catalog.Dossiers(c.ctx, c.sess.Scope(), catalog.State(q.Get("state")), q.Get("after"), limitOf(c.r))
		return paged(es, limitOf(c.r), func(e *catalog.Dossier) string { return e.Code }), err
	})
	route(a, mux, "GET", one+"/history", "条目办理经过", "History of an entry", nil, func(c call, _ *empty) (*Page[process.Step], error) {
		hs, err := a.Catalog.History(c.ctx, c.sess.Scope(), code(c))
		return &Page[process.Step]{Items: hs}, err
	})
	route(a, mux, "POST", one+"/assessments", "登记评估", "Put an assessment on record", officer, func(c call, in *catalog.Assessment) (*catalog.Dossier, error) {
		return a.Catalog.Assess(c.ctx, c.sess, code(c), *in)
	})
	route(a, mux, "POST", one+"/submit", "提交签发", "Submit to the head of the department", officer, func(c call, _ *empty) (*catalog.Dossier, error) {
		return a.Catalog.Submit(c.ctx, c.sess, code(c))
	})
	route(a, mux, "POST", one+"/sign", "部门负责人签发", "Sign, to the authority", chief, func(c call, _ *empty) (*catalog.Dossier, error) {
		return a.Catalog.Sign(c.ctx, c.sess, code(c))
	})
	route(a, mux, "POST", one+"/return", "部门负责人退回", "Return a submission", chief, func(c call, in *Reason) (*catalog.Dossier, error) {
		return a.Catalog.Return(c.ctx, c.sess, code(c), in.Reason)
	})
	route(a, mux, "POST", one+"/publish", "主管部门审核通过并发布", "Approve and publish", authority, func(c call, _ *empty) (*catalog.Dossier, error) {
		return a.Catalog.Publish(c.ctx, c.sess, code(c))
	})
	route(a, mux, "POST", one+"/reject", "主管部门审核不通过", "Reject with reasons", authority, func(c call, in *Reason) (*catalog.Dossier, error) {
		return a.Catalog.Reject(c.ctx, c.sess, code(c), in.Reason)
	})
	route(a, mux, "POST", one+"/withdraw", "申请撤销", "Ask for withdrawal", chief, func(c call, in *Reason) (*catalog.Dossier, error) {
		return a.Catalog.Withdraw(c.ctx, c.sess, code(c), in.Reason)
	})
	route(a, mux, "POST", one+"/file-withdrawal", "撤销备案", "File a withdrawal", authority, func(c call, _ *empty) (*catalog.Dossier, error) {
		return a.Catalog.FileWithdrawal(c.ctx, c.sess, code(c))
	})
	route(a, mux, "POST", one+"/refuse-withdrawal", "不同意撤销", "Refuse a withdrawal", authority, func(c call, in *Reason) (*catalog.Dossier, error) {
		return a.Catalog.RefuseWithdrawal(c.ctx, c.sess, code(c), in.Reason)
	})
	route(a, mux, "POST", one+"/change-noted", "登记变更事项", "Note a change that makes an update due", roles{identity.DataOfficer, identity.DepartmentHead, identity.Authority}, func(c call, in *catalog.Demand) (*catalog.Dossier, error) {
		return a.Catalog.NoteChange(c.ctx, c.sess, code(c), *in)
	})
	route(a, mux, "POST", one+"/extend", "申请更新延期", "Ask for more time to update", officer, func(c call, in *UpdateExtension) (*catalog.Dossier, error) {
		return a.Catalog.AskExtension(c.ctx, c.sess, code(c), in.Days, in.Reason)
	})
	route(a, mux, "POST", one+"/consent-extension", "同意更新延期", "Consent to more time to update", authority, func(c call, _ *empty) (*catalog.Dossier, error) {
		return a.Catalog.ConsentExtension(c.ctx, c.sess, code(c))
	})
	route(a, mux, "POST", one+"/refuse-extension", "不同意更新延期", "Refuse more time to update", authority, func(c call, in *Reason) (*catalog.Dossier, error) {
		return a.Catalog.RefuseExtension(c.ctx, c.sess, code(c), in.Reason)
	})
}

// registerRoutes are versions, mounts, the register of sources, the generated lists, and sheets.
func (a *API) registerRoutes(mux *http.ServeMux) {
	authority := roles{identity.Authority}
	const one = "/api/v1/resources/{code}"
	route(a, mux, "GET", one+"/versions", "条目版本", "Versions of an entry", nil, func(c call, _ *empty) (*Page[catalog.Edition], error) {
		vs, err := a.Catalog.Versions(c.ctx, c.sess.Scope(), c.r.PathValue("code"))
		return &Page[catalog.Edition]{Items: vs}, err
	})
	route(a, mux, "GET", one+"/versions/{version}", "条目的一个版本", "One version of an entry", nil, func(c call, _ *empty) (*catalog.Resource, error) {
		n, err := strconv.Atoi(c.r.PathValue("version"))
		if err != nil {
			return nil, catalog.ErrNoVersion.With()
		}
		return a.Catalog.Version(c.ctx, c.sess.Scope(), c.r.PathValue("code"), n)
	})
	route(a, mux, "GET", one+"/diff", "比较两个版本", "Compare two versions", nil, func(c call, _ *empty) (*Page[catalog.Difference], error) {
		from, err := strconv.Atoi(c.r.URL.Query().Get("from"))
		if err != nil {
			return nil, catalog.ErrNoVersion.With()
		}
		to, err := strconv.Atoi(c.r.URL.Query().Get("to"))
		if err != nil {
			return nil, catalog.ErrNoVersion.With()
		}
		ds, err := a.Catalog.Diff(c.ctx, c.sess.Scope(), c.r.PathValue("code"), from, to)
		return &Page[catalog.Difference]{Items: ds}, err
	})
	route(a, mux, "GET", one+"/mount", "挂接状态", "State of the mount", roles{identity.DataOfficer, identity.DepartmentHead, identity.Authority}, func(c call, _ *empty) (*catalog.MountReport, error) {
		return a.Catalog.CheckMount(c.ctx, c.sess.Scope(), c.r.PathValue("code"))
	})
	route(a, mux, "POST", one+"/violations", "登记违规", "Record a violation", authority, func(c call, in *catalog.Breach) (*catalog.Dossier, error) {
		return a.Catalog.RecordBreach(c.ctx, c.sess, c.r.PathValue("code"), *in)
	})
	route(a, mux, "GET", "/api/v1/register", "数源登记（一数一源）", "Register of sources: one item, one source", nil, func(c call, _ *empty) (*Page[catalog.Designation], error) {
		ds, err := a.Catalog.Register(c.ctx, c.sess, c.r.URL.Query().Get("after"), limitOf(c.r))
		return paged(ds, limitOf(c.r), func(d *catalog.Designation) string { return d.Item }), err
	})
	route(a, mux, "POST", "/api/v1/register", "明确数源部门", "Name the source department of an item", authority, func(c call, in *catalog.Designation) (*catalog.Designation, error) {
		return a.Catalog.Designate(c.ctx, c.sess, *in)
	})
	route(a, mux, "DELETE", "/api/v1/register/{item}", "撤销数源登记", "Take an item off the register", authority, func(c call, _ *empty) (*empty, error) {
		return &empty{}, a.Catalog.EndDesignation(c.ctx, c.sess, c.r.PathValue("item"))
	})
	route(a, mux, "GET", "/api/v1/source-conflicts", "与数源登记不符的数据项", "Items whose source is another department", nil, func(c call, _ *empty) (*Page[catalog.Conflict], error) {
		cs, err := a.Catalog.Conflicts(c.ctx, c.sess.Scope(), c.r.URL.Query().Get("after"), limitOf(c.r))
		return &Page[catalog.Conflict]{Items: cs}, err
	})
	route(a, mux, "GET", "/api/v1/responsibilities", "责任清单", "List of responsibilities", nil, func(c call, _ *empty) (*Page[catalog.Responsibility], error) {
		rs, err := a.Catalog.Responsibilities(c.ctx, c.sess.Scope(), c.r.URL.Query().Get("after"), limitOf(c.r))
		return paged(rs, limitOf(c.r), func(r *catalog.Responsibility) string { return r.Code }), err
	})
	route(a, mux, "GET", "/api/v1/negative-list", "负面清单", "Negative list: what is not shared", nil, func(c call, _ *empty) (*Page[catalog.Withholding], error) {
		ws, next, err := a.Catalog.NegativeList(c.ctx, c.r.URL.Query().Get("after"), limitOf(c.r))
		return &Page[catalog.Withholding]{Items: ws, Next: next}, err
	})
	a.rawRoute(mux, operation{
		method: "POST", path: "/api/v1/catalog-import", zh: "批量导入（CSV、XLSX；skip=1 跳过有误的资源）", en: "Import a sheet (CSV, XLSX; skip=1 leaves out what is faulty)",
		roles: roles{identity.DataOfficer}, out: reflect.TypeFor[catalog.Imported](),
	}, a.importSheet)
	a.rawRoute(mux, operation{
		method: "GET", path: "/api/v1/catalog-export", zh: "批量导出（form=csv 或 xlsx）", en: "Export as a sheet (form=csv or xlsx)",
		roles: roles{identity.DataOfficer, identity.DepartmentHead, identity.Authority}, media: []string{"text/csv", xlsxType},
	}, a.exportSheet)
}

const xlsxType = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

// paged is a page with the cursor of the next one, if it is full.
func paged[T any](items []T, limit int, cursor func(*T) string) *Page[T] {
	p := &Page[T]{Items: items}
	if len(items) == limit {
		p.Next = cursor(&items[limit-1])
	}
	return p
}

func (a *API) importSheet(w http.ResponseWriter, c call) {
	b, err := httpx.ReadBody(c.r, catalog.MaxSheet)
	if err != nil {
		writeErr(w, c, err)
		return
	}
	out, err := a.Catalog.Import(c.ctx, c.sess, b, c.r.URL.Query().Get("skip") == "1")
	if err != nil {
		writeErr(w, c, err)
		return
	}
	httpx.WriteJSON(w, c.r, http.StatusOK, out)
}

func (a *API) exportSheet(w http.ResponseWriter, c call) {
	form := catalog.Form(c.r.URL.Query().Get("form"))
	if form == "" {
		form = catalog.CSV
	}
	var b bytes.Buffer
	if err := a.Catalog.Export(c.ctx, c.sess.Scope(), form, &b); err != nil {
		writeErr(w, c, err)
		return
	}
	media := "text/csv; charset=utf-8"
	if form == catalog.XLSX {
		media = xlsxType
	}
	w.Header().Set("Content-Type", media)
	w.Header().Set("Content-Disposition", `attachment; filename="catalogue.`+string(form)+`"`)
	_, _ = w.Write(b.Bytes())
}
