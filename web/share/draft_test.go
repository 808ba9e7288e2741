package share

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/kuayu/kuayu/exchange/scheme"
	"github.com/kuayu/kuayu/exchange/search"
	"github.com/kuayu/kuayu/support/federation"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/web/staff"
	"github.com/kuayu/kuayu/web/ui"
)

// federal is a federation of three, seen by one of them.
type federal struct{ staff.Offices }

func (f federal) Current() *federation.Constitution {
	return &federation.Constitution{Members: []federation.Member{{ID: "zhejiang", Name: "浙江省"}, {ID: "shanghai", Name: "上海市"}, {ID: "jiangsu", Name: "江苏省"}}}
}

func (f federal) Member(id string) (*federation.Member, error) {
	return f.Current().Member(id), nil
}

func (f federal) Departments(context.Context) ([]identity.Department, error) {
	return []identity.Department{{ID: "own", Name: "浙江省市场监管部门"}}, nil
}

// neighboursOf tell of departments.
type neighboursOf map[string]int

func (n neighboursOf) Departments(_ context.Context, member string, limit int) ([]search.Department, error) {
	var out []search.Department
	for i := range min(limit, n[member]) {
		out = append(out, search.Department{ID: fmt.Sprintf("%s-%03d", member, i), Name: fmt.Sprintf("部门 %03d", i)})
	}
	return out, nil
}

// A member's departments are listed up to a bound, and the page says when there are more.
func TestMoreDepartments(t *testing.T) {
	for _, x := range []struct {
		shanghai, jiangsu int
		want              string
	}{{neighbours, 1, ""}, {neighbours + 1, 1, "上海市还有更多部门"}, {neighbours + 50, neighbours + 1, "上海市、江苏省还有更多部门"}} {
		f := federal{}
		s := New(Deps{Desk: staff.New(staff.Deps{UI: ui.New(), Self: "zhejiang", Members: f, Offices: f}), MemberRegistry: f, Neighbours: neighboursOf{"shanghai": x.shanghai, "jiangsu": x.jiangsu}})
		r := httptest.NewRequestWithContext(t.Context(), "GET", pathDraft, nil)
		q := staff.Visit{Request: r, Sess: &identity.Session{Department: "own"}, V: ui.New().View(r)}
		v := draftView{step: 2}
		if err := s.memberFields(q, &drafted{text: scheme.Text{Kind: scheme.Hub}}, &v); err != nil {
			t.Fatal(err)
		}
		if n, want := len(v.users.Options), 1+min(x.shanghai, neighbours)+min(x.jiangsu, neighbours); n != want {
			t.Errorf("%d departments, want %d", n, want)
		}
		var page strings.Builder
		if err := draftPage(q.V, v).Render(t.Context(), &page); err != nil {
			t.Fatal(err)
		}
		if more := "还有更多部门"; !strings.Contains(page.String(), x.want) || strings.Contains(page.String(), more) != (x.want != "") {
			t.Errorf("%d and %d departments: %q", x.shanghai, x.jiangsu, v.rest)
		}
	}
}
