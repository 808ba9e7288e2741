package share

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/a-h/templ"

	"github.com/kuayu/kuayu/exchange/catalog"
	"github.com/kuayu/kuayu/exchange/source"
	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/web/staff"
	"github.com/kuayu/kuayu/web/ui"
)

// sources is the operator's page: where the departments' data lives.
func (s *Share) sources(w http.ResponseWriter, q staff.Visit) error {
	return s.showSources(w, q, url.Values{"kind": {source.KindSQLite}}, nil)
}

func (s *Share) addSource(w http.ResponseWriter, q staff.Visit) error {
	f, err := staff.Form(w, q)
	if err != nil {
		return err
	}
	get := func(name string) string { return strings.TrimSpace(f.Get(name)) }
	_, err = s.Sources.AddSource(q.Context(), q.Sess, get("department"), get("id"), source.Spec{Kind: get("kind"), Location: get("location")})
	if e := errs.As(err); err != nil && e.Kind != errs.Denied && e.Kind != errs.Unauthorized && e.Kind != errs.Internal {
		at := "location"
		if e.Code == catalog.ErrTaken.With().Code || get("id") == "" {
			at = "id"
		}
		return s.showSources(w, q, f, map[string]string{at: e.Message(string(q.V.Lang))})
	}
	if err != nil {
		return err
	}
	return staff.Done(w, q, staff.PathSources, "registered")
}

func (s *Share) showSources(w http.ResponseWriter, q staff.Visit, f url.Values, faults map[string]string) error {
	v, status := q.V, http.StatusOK
	if len(faults) > 0 {
		status = http.StatusBadRequest
	}
	list, err := s.Sources.Registered(q.Context(), q.Sess, q.URL.Query().Get("after"), shown)
	if err != nil {
		return err
	}
	departments, err := s.Offices.Departments(q.Context())
	if err != nil {
		return err
	}
	names, choices := map[string]string{}, []ui.Option{}
	for _, d := range departments {
		names[d.ID] = d.Name
		choices = append(choices, ui.Option{Value: d.ID, Label: d.Name})
	}
	t := ui.Table{
		Caption: v.Pick("数据源", "Sources"), Columns: []ui.Column{{Label: v.Pick("编号", "Identifier")}, {Label: v.Pick("部门", "Department")}, {Label: v.Pick("类型", "Kind")}},
		Empty: ui.State{Kind: ui.Empty, Title: v.Pick("还没有登记数据源", "No source is registered"), Text: v.Pick("在上方登记第一个。登记后，该部门的数据专员就可以共享其中的数据。", "Register the first one above. Then the department's data officer can share from it.")},
	}
	cursor := ""
	for i := range list {
		t.Rows = append(t.Rows, []templ.Component{ui.Words(list[i].ID), ui.Words(names[list[i].Department]), ui.Words(kindWord(v, list[i].Spec.Kind))})
		cursor = list[i].ID
	}
	x := form{
		word: v.Pick("登记数据源", "Register a source"), post: staff.PathSources, open: len(faults) > 0 || len(list) == 0,
		text: v.Pick("数据留在原处，系统只按协议读取。登记时会试着打开一次。位置和密码只保存在本节点，不再显示。", "The data stays where it is and is read under agreements only. It is opened once now. Its place and password stay on this node and are not shown again."),
		fields: []ui.Field{
			{Name: "department", Kind: "select", Label: v.Pick("哪个部门的数据", "Whose data it is"), Options: choices},
			{Name: "id", Kind: "text", Label: v.Pick("编号", "Identifier"), Hint: v.Pick("便于辨认的简短名称，例如“登记业务库”，不超过 64 个字节。", "A short name to know it by, 64 bytes at most.")},
			{Name: "kind", Kind: "radio", Label: v.Pick("类型", "Kind"), Options: []ui.Option{{Value: source.KindSQLite, Label: kindWord(v, source.KindSQLite)}, {Value: source.KindPostgres, Label: kindWord(v, source.KindPostgres)}, {Value: source.KindFile, Label: kindWord(v, source.KindFile)}}},
			{Name: "location", Kind: "text", Label: v.Pick("位置", "Place"), Autocomplete: "off", Hint: v.Pick("本机上的文件或文件夹，或数据库的连接字符串（只需读的权限）。", "A file or folder of this machine, or the database's connection string (it needs to read only).")},
		},
	}
	for i := range x.fields {
		field := &x.fields[i]
		field.Value, field.Error = f.Get(field.Name), faults[field.Name]
	}
	done := ""
	if v.URL.Query().Get("done") == "registered" {
		done = v.Pick("数据源已登记并可以打开。", "The source is registered, and it opens.")
	}
	s.Show(w, q, status, staff.PathSources, ui.PageInfo{
		Title: v.Pick("数据源", "Sources"), Lead: v.Pick("各部门的数据库和文件。数据专员在其中选表，共享一项数据。", "The departments' databases and files. Data officers choose tables of them to share."), Crumbs: []ui.Link{staff.Home(v)},
	}, sourcesPage(v, done, x, t, onward(v, len(list), cursor)))
	return nil
}

func kindWord(v *ui.View, kind string) string {
	return staff.Say(v, map[string]staff.Pair{
		source.KindSQLite: {"SQLite 数据库文件", "SQLite database"}, source.KindPostgres: {"PostgreSQL 数据库", "PostgreSQL database"}, source.KindFile: {"CSV 或 Parquet 文件", "CSV or Parquet files"},
	}, kind)
}
