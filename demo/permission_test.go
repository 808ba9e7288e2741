package demo

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/support/identity"
)

// TestEveryRouteRefusesTheWrongCaller walks the route table: nobody without a session gets anywhere but the public
// routes, and each role gets only where it may.
func TestEveryRouteRefusesTheWrongCaller(t *testing.T) {
	c, err := Start(t.Context(), Settings{Dir: t.TempDir(), Places: Places()[:1], CheckpointMS: 500})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Stop)
	var extra []identity.Actor
	for _, r := range []identity.Role{identity.Authority, identity.Auditor, identity.Operator} {
		extra = append(extra, identity.Actor{ID: string(r), Name: "测试", Kind: "officer", Roles: []identity.Role{r}})
	}
	if err := c.AddDepartment(t.Context(), "shanghai", "x", Department("310000", 1), "部门", extra...); err != nil {
		t.Fatal(err)
	}
	actors := map[string]identity.Role{
		"officer-x": identity.DataOfficer, "head-x": identity.OfficeHead, "chief-x": identity.DepartmentHead, "machine-x": identity.Machine,
		"authority": identity.Authority, "auditor": identity.Auditor, "operator": identity.Operator,
	}
	perms := c.Node("shanghai").API.Permissions()
	if len(perms) < 40 {
		t.Fatalf("only %d routes", len(perms))
	}
	replace := strings.NewReplacer("{id}", "x", "{code}", "x", "{member}", "shanghai", "{table}", "x", "{hash}", "x")
	tried := 0
	for _, p := range perms {
		if p.Public || (p.Method == "DELETE" && p.Path == "/api/v1/session") {
			continue
		}
		path := replace.Replace(p.Path)
		if err := c.Client("shanghai").Call(t.Context(), p.Method, path, nil, nil); errs.As(err).Kind != errs.Unauthorized {
			t.Errorf("%s %s without a session: %v", p.Method, p.Path, err)
		}
		stale := c.Client("shanghai")
		stale.Token = strings.Repeat("ab", 32)
		if err := stale.Call(t.Context(), p.Method, path, nil, nil); errs.As(err).Kind != errs.Unauthorized {
			t.Errorf("%s %s with an invented token: %v", p.Method, p.Path, err)
		}
		if len(p.Roles) == 0 {
			continue
		}
		for actor, role := range actors {
			may := false
			for _, r := range p.Roles {
				may = may || r == role
			}
			if may {
				continue
			}
			cl, err := c.As(t.Context(), "shanghai", actor)
			if err != nil {
				t.Fatal(err)
			}
			tried++
			if err := cl.Call(t.Context(), p.Method, path, nil, nil); errs.As(err).Code != "identity.role" {
				t.Errorf("%s %s as %s: %v", p.Method, p.Path, role, err)
			}
		}
	}
	t.Logf("%d routes, %d wrong callers", len(perms), tried)
	// The demonstration's role chooser does not exist outside of it.
	if err := c.Client("shanghai").Call(t.Context(), http.MethodPost, "/demo/session", map[string]string{"actor": "officer-x"}, nil); errs.As(err).Code != "http.route" {
		t.Errorf("role chooser: %v", err)
	}
	// The description covers every route and is valid JSON; the page for people lists them too.
	var doc, page []byte
	if err := c.Client("shanghai").Call(t.Context(), http.MethodGet, "/api/v1/openapi.json", nil, &doc); err != nil {
		t.Fatal(err)
	}
	if err := c.Client("shanghai").Call(t.Context(), http.MethodGet, "/docs", nil, &page); err != nil {
		t.Fatal(err)
	}
	for _, p := range perms {
		if !bytes.Contains(doc, []byte(`"`+p.Path+`"`)) || !bytes.Contains(page, []byte(p.Path)) {
			t.Errorf("%s is not described", p.Path)
		}
	}
}
