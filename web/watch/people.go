package watch

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/web/staff"
	"github.com/kuayu/kuayu/web/ui"
)

const pathDepartments = "/departments"

func personPath(id string) string { return staff.PathPeople + "/" + url.PathEscape(id) }

func peopleTabs(v *ui.View, here string) []ui.Tab {
	return []ui.Tab{
		{Href: staff.PathPeople, Text: v.Pick("人员与客户端", "People and machines"), Current: here == staff.PathPeople},
		{Href: staff.PathSignIns, Text: v.Pick("登录记录", "Sign-ins"), Current: here == staff.PathSignIns},
	}
}

// offices are the departments to choose from, and their names.
func (w *Watch) offices(q staff.Visit) ([]ui.Option, map[string]string, error) {
	all, err := w.Offices.Departments(q.Context())
	if err != nil {
		return nil, nil, err
	}
	var out []ui.Option
	names := map[string]string{}
	for _, d := range all {
		out, names[d.ID] = append(out, ui.Option{Value: d.ID, Label: d.Name}), d.Name
	}
	return out, names, nil
}

func roleOptions(v *ui.View) []ui.Option {
	var out []ui.Option
	for _, r := range identity.Roles() {
		out = append(out, ui.Option{Value: string(r), Label: staff.RoleWord(v, r)})
	}
	return out
}

// people lists officers and machine clients.
func (w *Watch) people(rw http.ResponseWriter, q staff.Visit) error {
	return w.showPeople(rw, q, nil, nil, "")
}

// showPeople is the list; f and faults are a form that was not taken, and which one.
func (w *Watch) showPeople(rw http.ResponseWriter, q staff.Visit, f url.Values, faults map[string]string, which string) error {
	p, v := q.URL.Query(), q.V
	list, err := w.Staff.ActorPage(q.Context(), q.Sess, identity.ActorQuery{
		Department: p.Get("department"), Role: identity.Role(p.Get("role")), Text: strings.TrimSpace(p.Get("text")), After: p.Get("after"), Limit: shown,
	})
	if err != nil {
		return err
	}
	offices, names, err := w.offices(q)
	if err != nil {
		return err
	}
	x := peopleView{
		filters: []ui.Filter{
			{Key: "department", Label: v.Pick("部门", "Department"), Value: p.Get("department"), Options: offices},
			{Key: "role", Label: v.Pick("角色", "Role"), Value: p.Get("role"), Options: roleOptions(v)},
			{Key: "text", Label: v.Pick("姓名或登录名", "Name or identifier"), Value: p.Get("text")},
		},
		table:  actorTable(v, names, list.Items),
		paging: ui.Paging{Total: int64(len(list.Items)), Over: list.Next != "", Previous: back(v), Next: more(v, list.Next)},
	}
	if q.Sess.Has(identity.Operator) {
		pick := func(name string) (url.Values, map[string]string) {
			if which == name {
				return f, faults
			}
			return nil, nil
		}
		a, b := pick("person")
		x.add = personFields(v, offices, a, b)
		a, b = pick("office")
		x.office = officeFields(v, a, b)
	}
	status := http.StatusOK
	if len(faults) > 0 {
		status = http.StatusBadRequest
	}
	w.Show(rw, q, status, staff.PathPeople, ui.PageInfo{
		Title: v.Pick("人员与登录", "People"), Lead: v.Pick("本节点的部门、人员、角色和业务系统。", "Departments, people, roles and machine clients of this node."), Crumbs: []ui.Link{staff.Home(v)},
	}, peoplePage(v, x))
	return nil
}

func rolesWord(v *ui.View, rs []identity.Role) string {
	out := make([]string, len(rs))
	for i, r := range rs {
		out[i] = staff.RoleWord(v, r)
	}
	return strings.Join(out, v.Pick("、", ", "))
}

func actorStatus(v *ui.View, a *identity.Actor) ui.Status {
	switch {
	case a.Disabled:
		return ui.Status{Tone: ui.Bad, Word: v.Pick("已停用", "Disabled"), Icon: "ban"}
	case a.PublicKey == "":
		return ui.Status{Tone: ui.Warning, Word: v.Pick("没有公钥，不能登录", "No key: can't sign in")}
	}
	return ui.Status{Tone: ui.Good, Word: v.Pick("可登录", "Can sign in")}
}

func actorTable(v *ui.View, names map[string]string, as []identity.Actor) ui.Table {
	t := ui.Table{
		Caption: v.Pick("人员与客户端", "People and machines"),
		Columns: []ui.Column{{Label: v.Pick("姓名", "Name")}, {Label: v.Pick("部门", "Department")}, {Label: v.Pick("角色", "Roles")}, {Label: v.Pick("状态", "State")}},
		Empty:   ui.State{Kind: ui.Empty, Title: v.Pick("没有符合条件的人员", "Nobody matches"), Text: v.Pick("换一个条件再看；运维员可在下方新增。", "Try another condition; operators add people below."), Next: ui.Link{Href: staff.PathPeople, Text: v.Pick("查看全部", "Show all")}},
	}
	for i := range as {
		a := &as[i]
		t.Rows = append(t.Rows, []templ.Component{ui.Titled(ui.Link{Href: personPath(a.ID), Text: a.Name}, v.Pick("登录名 ", "Identifier ")+a.ID), ui.Words(names[a.Department]), ui.Words(rolesWord(v, a.Roles)), ui.Chip(v, actorStatus(v, a))})
	}
	return t
}

// keyHint says where a public key comes from.
func keyHint(v *ui.View) string {
	return v.Pick("由本人运行“kuayu key 文件名”生成密钥，只把公钥（base64url）交来；私钥不离开本人电脑。可稍后再填。", "Made by the person with kuayu key FILE; only the public key (base64url) is handed over. May be given later.")
}

func personFields(v *ui.View, offices []ui.Option, f url.Values, faults map[string]string) []ui.Field {
	return []ui.Field{
		{Name: "id", Kind: "text", Label: v.Pick("登录名", "Identifier"), Hint: v.Pick("字母、数字和连字符，不能重复。", "Letters, digits and hyphens; used once."), Value: f.Get("id"), Error: faults["id"]},
		{Name: "name", Kind: "text", Label: v.Pick("姓名或系统名称", "Name of the person or system"), Value: f.Get("name"), Error: faults["name"]},
		{Name: "department", Kind: "select", Label: v.Pick("部门", "Department"), Options: offices, Value: f.Get("department"), Error: faults["department"]},
		{Name: "roles", Kind: "check", Label: v.Pick("角色", "Roles"), Hint: v.Pick("机器客户端只能有这一个角色。", "A machine client has that role alone."), Options: roleOptions(v), Values: f["roles"], Error: faults["roles"]},
		{Name: "key", Kind: "text", Label: v.Pick("公钥", "Public key"), Hint: keyHint(v), Optional: true, Value: f.Get("key"), Error: faults["key"]},
	}
}

func officeFields(v *ui.View, f url.Values, faults map[string]string) []ui.Field {
	return []ui.Field{
		{Name: "uscc", Kind: "text", Label: v.Pick("统一社会信用代码", "Unified social credit code"), Value: f.Get("uscc"), Error: faults["uscc"]},
		{Name: "office", Kind: "text", Label: v.Pick("部门名称", "Name of the department"), Value: f.Get("office"), Error: faults["office"]},
	}
}

// addPerson adds an officer or a machine client.
func (w *Watch) addPerson(rw http.ResponseWriter, q staff.Visit) error {
	f, err := staff.Form(rw, q)
	if err != nil {
		return err
	}
	a := identity.Actor{ID: strings.TrimSpace(f.Get("id")), Name: strings.TrimSpace(f.Get("name")), Department: f.Get("department"), Kind: "officer", PublicKey: strings.TrimSpace(f.Get("key"))}
	for _, r := range f["roles"] {
		a.Roles = append(a.Roles, identity.Role(r))
		if identity.Role(r) == identity.Machine {
			a.Kind = "machine"
		}
	}
	err = w.Staff.Enter(q.Context(), q.Sess, a)
	if e := errs.As(err); err != nil && (e.Kind == errs.Invalid || e.Kind == errs.Conflict) {
		return w.showPeople(rw, q, f, map[string]string{wrongField(&a, e): errWord(q.V, err)}, "person")
	}
	if err != nil {
		return err
	}
	return staff.Done(rw, q, staff.PathPeople, "person")
}

// wrongField is the question an error of the package is about.
func wrongField(a *identity.Actor, e *errs.Error) string {
	switch {
	case e.Code == identity.ErrDepartment.Code:
		return "department"
	case e.Code == identity.ErrExists.Code || a.ID == "" || strings.Contains(e.En, "identifier"):
		return "id"
	case strings.Contains(e.En, "public key"):
		return "key"
	case strings.Contains(e.En, "role"):
		return "roles"
	}
	return "name"
}

// addDepartment adds a department.
func (w *Watch) addDepartment(rw http.ResponseWriter, q staff.Visit) error {
	f, err := staff.Form(rw, q)
	if err != nil {
		return err
	}
	err = w.Staff.EnterDepartment(q.Context(), q.Sess, identity.Department{ID: strings.TrimSpace(f.Get("uscc")), Name: strings.TrimSpace(f.Get("office"))})
	if e := errs.As(err); err != nil && (e.Kind == errs.Invalid || e.Kind == errs.Conflict) {
		field := "uscc"
		if strings.TrimSpace(f.Get("office")) == "" {
			field = "office"
		}
		return w.showPeople(rw, q, f, map[string]string{field: errWord(q.V, err)}, "office")
	}
	if err != nil {
		return err
	}
	return staff.Done(rw, q, staff.PathPeople, "office")
}

// onePerson shows an officer or a machine client, with what an operator can change.
func (w *Watch) onePerson(rw http.ResponseWriter, q staff.Visit) error {
	return w.showPerson(rw, q, "", "")
}

func (w *Watch) showPerson(rw http.ResponseWriter, q staff.Visit, key, fault string) error {
	p, err := w.Staff.ActorPage(q.Context(), q.Sess, identity.ActorQuery{ID: q.PathValue("id"), Limit: 1})
	if err != nil {
		return err
	}
	if len(p.Items) == 0 {
		return db.ErrNotFound.With()
	}
	a := &p.Items[0]
	_, names, err := w.offices(q)
	if err != nil {
		return err
	}
	last, err := w.Staff.SignInPage(q.Context(), q.Sess, identity.SignInQuery{Actor: a.ID, Limit: 10})
	if err != nil {
		return err
	}
	v, path := q.V, personPath(a.ID)
	kind := v.Pick("人员", "person")
	if a.Kind == "machine" {
		kind = v.Pick("业务系统（机器客户端）", "machine client")
	}
	keyed := a.PublicKey
	if keyed == "" {
		keyed = v.Pick("还没有登记", "none yet")
	}
	x := personView{
		status: actorStatus(v, a), signIns: signInTable(v, names, map[string]string{a.ID: a.Name}, last.Items),
		facts: []ui.Fact{
			{Label: v.Pick("登录名", "Identifier"), Value: a.ID},
			{Label: v.Pick("类别", "Kind"), Value: kind},
			{Label: v.Pick("部门", "Department"), Value: names[a.Department]},
			{Label: v.Pick("角色", "Roles"), Value: rolesWord(v, a.Roles)},
			{Label: v.Pick("登记的公钥", "Public key"), Value: keyed},
		},
	}
	if q.Sess.Has(identity.Operator) {
		x.post = path + "/key"
		x.key = []ui.Field{{Name: "key", Kind: "text", Label: v.Pick("新公钥", "New public key"), Hint: keyHint(v), Value: key, Error: fault}}
		if a.PublicKey != "" {
			x.acts = append(x.acts, ui.Question{Act: v.Pick("撤销公钥", "Revoke the key"), Text: v.Pick("撤销后不能再登录，直到登记新的公钥。", "Nobody signs in by it until a new one is given."), Post: path + "/revoke", Danger: true})
		}
		switch {
		case a.Disabled:
			x.acts = append(x.acts, ui.Question{Act: v.Pick("重新启用", "Enable"), Text: v.Pick("启用后可用登记的公钥登录。", "It can sign in with its key again."), Post: path + "/enable"})
		case a.ID != q.Sess.Actor:
			x.acts = append(x.acts, ui.Question{Act: v.Pick("停用", "Disable"), Text: v.Pick("立即生效，已登录的会话一并失效。", "At once, open sessions included."), Post: path + "/disable", Danger: true})
		}
	}
	status := http.StatusOK
	if fault != "" {
		status = http.StatusBadRequest
	}
	w.Show(rw, q, status, staff.PathPeople, ui.PageInfo{
		Title: a.Name, Crumbs: []ui.Link{staff.Home(v), {Href: staff.PathPeople, Text: v.Pick("人员与登录", "People")}},
	}, personPage(v, x))
	return nil
}

// changePerson gives, takes or changes a key, disables or enables.
func (w *Watch) changePerson(rw http.ResponseWriter, q staff.Visit) error {
	f, err := staff.Form(rw, q)
	if err != nil {
		return err
	}
	id, act := q.PathValue("id"), q.PathValue("act")
	switch act {
	case "key":
		key := strings.TrimSpace(f.Get("key"))
		if err = q.Sess.Require(identity.Operator); err == nil && key == "" {
			return w.showPerson(rw, q, key, q.V.Pick("请填写公钥；要撤销公钥请用“撤销公钥”。", "Give a key; to take it away use “Revoke the key”."))
		}
		if err == nil {
			err = w.Staff.SetKey(q.Context(), q.Sess, id, key)
		}
		if err != nil && errs.As(err).Kind == errs.Invalid {
			return w.showPerson(rw, q, key, errWord(q.V, err))
		}
	case "revoke":
		act, err = "key", w.Staff.SetKey(q.Context(), q.Sess, id, "")
	case "disable", "enable":
		err = w.Staff.SetDisabled(q.Context(), q.Sess, id, act == "disable")
	default:
		err = staff.ErrNoAct.With()
	}
	if err != nil {
		return err
	}
	return staff.Done(rw, q, personPath(id), act)
}

func signInTable(v *ui.View, offices, people map[string]string, rs []identity.SignInRecord) ui.Table {
	t := ui.Table{
		Caption: v.Pick("登录记录", "Sign-ins"),
		Columns: []ui.Column{{Label: v.Pick("时间", "Time")}, {Label: v.Pick("人员", "Who")}, {Label: v.Pick("部门", "Department")}, {Label: v.Pick("结果", "Result")}},
		Empty:   ui.State{Kind: ui.Empty, Title: v.Pick("没有登录记录", "No attempt to sign in"), Text: v.Pick("每次登录，包括被拒绝的，都会记录在这里。", "Each attempt to sign in is recorded here, refused ones too.")},
	}
	for i := range rs {
		r := &rs[i]
		who := ui.Words(v.Pick("凭据无法识别", "A credential nobody has"))
		if r.Actor != "" {
			name := people[r.Actor]
			if name == "" {
				name = v.Pick("登录名 ", "Identifier ") + r.Actor
			}
			who = ui.Titled(ui.Link{Href: personPath(r.Actor), Text: name}, "")
		}
		office := offices[r.Department]
		if office == "" {
			office = "—"
		}
		result := ui.Status{Tone: ui.Good, Word: v.Pick("成功", "Signed in")}
		if r.Outcome != ok {
			result = ui.Status{Tone: ui.Bad, Word: v.Pick("被拒绝", "Refused")}
		}
		t.Rows = append(t.Rows, []templ.Component{ui.Instant(v, time.UnixMicro(r.Time)), who, ui.Words(office), ui.Chip(v, result)})
	}
	return t
}

// signIns lists attempts to sign in.
func (w *Watch) signIns(rw http.ResponseWriter, q staff.Visit) error {
	p, v := q.URL.Query(), q.V
	list, err := w.Staff.SignInPage(q.Context(), q.Sess, identity.SignInQuery{Actor: strings.TrimSpace(p.Get("actor")), Refused: p.Get("outcome") == "refused", After: p.Get("after"), Limit: shown})
	if err != nil {
		return err
	}
	_, names, err := w.offices(q)
	if err != nil {
		return err
	}
	people := map[string]string{}
	for i := range list.Items {
		id := list.Items[i].Actor
		if _, had := people[id]; had || id == "" {
			continue
		}
		one, err := w.Staff.ActorPage(q.Context(), q.Sess, identity.ActorQuery{ID: id, Limit: 1})
		if err != nil {
			return err
		}
		people[id] = ""
		if len(one.Items) > 0 {
			people[id] = one.Items[0].Name
		}
	}
	filters := []ui.Filter{
		{Key: "actor", Label: v.Pick("登录名", "Identifier"), Value: p.Get("actor")},
		{Key: "outcome", Label: v.Pick("结果", "Result"), Value: p.Get("outcome"), Options: []ui.Option{{Value: "refused", Label: v.Pick("被拒绝", "Refused")}}},
	}
	w.Show(rw, q, http.StatusOK, staff.PathPeople, ui.PageInfo{
		Title: v.Pick("登录记录", "Sign-ins"), Crumbs: []ui.Link{staff.Home(v), {Href: staff.PathPeople, Text: v.Pick("人员与登录", "People")}},
	}, signInsPage(v, filters, signInTable(v, names, people, list.Items), ui.Paging{Total: int64(len(list.Items)), Over: list.Next != "", Previous: back(v), Next: more(v, list.Next)}))
	return nil
}
