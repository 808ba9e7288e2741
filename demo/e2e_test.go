package demo

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/kuayu/kuayu/api/client"
	"github.com/kuayu/kuayu/api/rest"
	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/exchange/catalog"
	"github.com/kuayu/kuayu/exchange/source"
	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/policy"

	_ "modernc.org/sqlite"
)

// fixture is a small federation with one published resource and one agreement in force.
type fixture struct {
	t      *testing.T
	c      *Cluster
	ctx    context.Context
	health string // provider department, Zhejiang
	market string // consumer department, Shanghai
	other  string // another department of Shanghai
}

const testResource = "330000/enterprise"

func places(n int) []Place { return Places()[:n] }

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func (f *fixture) as(member, actor string) *client.Client {
	f.t.Helper()
	return must[*client.Client](f.t)(f.c.As(f.ctx, member, actor))
}

func (f *fixture) call(cl *client.Client, method, path string, in, out any) {
	f.t.Helper()
	if err := cl.Call(f.ctx, method, path, in, out); err != nil {
		f.t.Fatalf("%s %s: %v", method, path, err)
	}
}

func code(err error) string {
	if err == nil {
		return ""
	}
	return errs.As(err).Code
}

func newFixture(t *testing.T, s Settings) *fixture {
	t.Helper()
	f := &fixture{t: t, ctx: t.Context(), health: Department("330000", 1), market: Department("310000", 1), other: Department("310000", 2)}
	if s.Places == nil {
		s.Places = places(3)
	}
	if s.Dir == "" {
		s.Dir = t.TempDir()
	}
	s.CheckpointMS = 100
	f.c = must[*Cluster](t)(Start(f.ctx, s))
	t.Cleanup(f.c.Stop)
	operator := identity.Actor{ID: "operator", Name: "运维", Kind: "officer", Roles: []identity.Role{identity.Operator}}
	auditor := identity.Actor{ID: "auditor", Name: "审计", Kind: "officer", Roles: []identity.Role{identity.Auditor}}
	authority := Regulator()
	for _, err := range []error{
		f.c.AddDepartment(f.ctx, "zhejiang", "zj", f.health, "浙江省市场监管部门", operator, auditor, authority),
		f.c.AddDepartment(f.ctx, "shanghai", "sh", f.market, "上海市企业服务部门", operator, auditor, authority),
		f.c.AddDepartment(f.ctx, "shanghai", "sh2", f.other, "上海市另一部门"),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	f.publish()
	return f
}

// publish loads a table at Zhejiang, registers it, and publishes it.
func (f *fixture) publish() {
	path := filepath.Join(f.c.Dir, "zhejiang", "business.db")
	d := must[*sql.DB](f.t)(sql.Open("sqlite", path))
	defer func() { _ = d.Close() }()
	for _, q := range []string{
		"CREATE TABLE enterprise (uscc TEXT PRIMARY KEY, name TEXT, representative TEXT, phone TEXT, city TEXT, capital INTEGER, secret TEXT)",
	} {
		if _, err := d.ExecContext(f.ctx, q); err != nil {
			f.t.Fatal(err)
		}
	}
	for i := range 500 {
		city := []string{"330100", "330200", "330400"}[i%3]
		if _, err := d.ExecContext(f.ctx, "INSERT INTO enterprise VALUES (?,?,?,?,?,?,?)", fmt.Sprintf("91330000MY%06dXX", i), fmt.Sprintf("示范企业%03d有限公司", i), "张某某", fmt.Sprintf("164%08d", i), city, i*10, "不得外传"); err != nil {
			f.t.Fatal(err)
		}
	}
	op := f.as("zhejiang", "operator")
	f.call(op, http.MethodPost, "/api/v1/sources", map[string]any{"id": "biz", "department": f.health, "spec": source.Spec{Kind: source.KindSQLite, Location: path}}, nil)
	r := catalog.Resource{
		Name: "企业登记信息", Provider: "浙江省市场监管部门", Abstract: "在浙江登记的企业基本信息", Format: "database", UpdateCycle: "daily",
		Sharing: catalog.Conditional, Modes: []policy.Mode{policy.ModeQuery, policy.ModeVerify}, Conditions: "限于履行法定职责", ShareScope: "长三角各级政府部门",
		UsePurpose: "企业服务", Class: "base", Grade: 3,
		Items: []catalog.Item{
			{Name: "uscc", Title: "统一社会信用代码", Type: "C", Grade: 1, Key: true},
			{Name: "name", Title: "企业名称", Type: "C", Grade: 1},
			{Name: "representative", Title: "法定代表人", Type: "C", Grade: 3, Mask: policy.Mask{Kind: policy.MaskName}},
			{Name: "phone", Title: "联系电话", Type: "C", Grade: 3, Mask: policy.Mask{Kind: policy.MaskPhone}, Key: true, Subject: true},
			{Name: "city", Title: "所在市", Type: "C", Grade: 1},
			{Name: "capital", Title: "注册资本", Type: "N", Grade: 2},
			{Name: "secret", Title: "内部备注", Type: "C", Grade: 3},
		},
	}
	if err := f.c.Publish(f.ctx, "zhejiang", "zj", testResource, rest.ResourceRequest{Resource: r, Source: "biz", Table: "enterprise"}); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) application() agreement.Application {
	return agreement.Application{
		Provider: "zhejiang", Resource: testResource, Basis: policy.Basis{Kind: "duty", Citation: "企业信息公示暂行条例第十二条"},
		Purposes: []string{"enterprise-service"}, Scenario: "为企业办理跨省迁移", Scope: "仅限窗口办理", Modes: []policy.Mode{policy.ModeQuery, policy.ModeVerify},
		Fields:     []string{"uscc", "name", "representative", "phone", "city", "capital"},
		Filter:     &policy.Predicate{Op: policy.In, Item: "city", Values: []policy.Value{policy.Str("330100"), policy.Str("330400")}},
		ValidUntil: f.c.Clock.Now().AddDate(0, 6, 0), Declared: true,
	}
}

// agree walks an application to an agreement in force and returns its id.
func (f *fixture) agree(a agreement.Application, grant agreement.Grant) string {
	f.t.Helper()
	var n agreement.Negotiation
	f.call(f.as("shanghai", "officer-sh"), http.MethodPost, "/api/v1/applications", a, &n)
	f.call(f.as("shanghai", "head-sh"), http.MethodPost, "/api/v1/applications/"+n.ID+"/consent", nil, nil)
	zj := f.as("zhejiang", "officer-zj")
	var theirs agreement.Negotiation
	f.await(func() bool {
		var page struct {
			Items []agreement.Negotiation `json:"items"`
		}
		f.call(zj, http.MethodGet, "/api/v1/applications?state=REVIEWING", nil, &page)
		for _, x := range page.Items {
			if x.Peer == n.ID {
				theirs = x
			}
		}
		return theirs.ID != ""
	})
	if grant.Fields == nil {
		grant.Fields = a.Fields
	}
	f.call(zj, http.MethodPost, "/api/v1/applications/"+theirs.ID+"/answer", grant, nil)
	f.call(f.as("zhejiang", "head-zj"), http.MethodPost, "/api/v1/applications/"+theirs.ID+"/consent-answer", nil, nil)
	sh := f.as("shanghai", "officer-sh")
	f.await(func() bool {
		f.call(sh, http.MethodGet, "/api/v1/applications/"+n.ID, nil, &n)
		return n.State == agreement.Active
	})
	return n.Agreement
}

func (f *fixture) await(ok func() bool) {
	f.t.Helper()
	if err := Await(f.ctx, 15*time.Second, func() (bool, error) { return ok(), nil }); err != nil {
		f.t.Fatal(err)
	}
}

type answer struct {
	Rows    []map[string]any `json:"rows"`
	Count   int64            `json:"count"`
	Next    string           `json:"next"`
	Receipt struct {
		ID string `json:"id"`
	} `json:"receipt"`
}

func (f *fixture) query(cl *client.Client, id string, q map[string]any) (answer, error) {
	var a answer
	err := cl.Call(f.ctx, http.MethodPost, "/api/v1/agreements/"+id+"/query", q, &a)
	return a, err
}

func plan(p policy.Plan) map[string]any {
	return map[string]any{"purpose": "enterprise-service", "plan": p}
}

func TestOneExchange(t *testing.T) { newFixture(t, Settings{}).oneExchange(t) }

// oneExchange walks from an application to data and to revocation.
func (f *fixture) oneExchange(t *testing.T) {
	t.Helper()
	id := f.agree(f.application(), agreement.Grant{})
	sh := f.as("shanghai", "machine-sh")
	a, err := f.query(sh, id, plan(policy.Plan{Project: []string{"uscc", "name", "representative", "phone"}, Where: &policy.Predicate{Op: policy.Eq, Item: "uscc", Values: []policy.Value{policy.Str("91330000MY000003XX")}}}))
	if err != nil {
		t.Fatal(err)
	}
	if a.Count != 1 || a.Rows[0]["name"] != "示范企业003有限公司" || a.Rows[0]["representative"] != "张**" || a.Rows[0]["phone"] != "164****0003" {
		t.Fatalf("answer: %+v", a)
	}
	// Rows outside the filter (city 330200) are simply absent.
	a, err = f.query(sh, id, plan(policy.Plan{Where: &policy.Predicate{Op: policy.Eq, Item: "uscc", Values: []policy.Value{policy.Str("91330000MY000001XX")}}}))
	if err != nil || a.Count != 0 {
		t.Fatalf("row outside the contract: %+v %v", a, err)
	}
	// Revoked: refused at once at the provider and, told, at the consumer.
	f.call(f.as("zhejiang", "head-zj"), http.MethodPost, "/api/v1/agreements/"+id+"/revoke", map[string]string{"reason": "用途已完成"}, nil)
	f.await(func() bool {
		_, err := f.query(sh, id, plan(policy.Plan{Limit: 1}))
		return errors.Is(err, agreement.ErrRevoked)
	})
}
