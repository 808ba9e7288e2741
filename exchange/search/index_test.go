package search

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kuayu/kuayu/exchange/catalog"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/dbtest"
	"github.com/kuayu/kuayu/support/policy"
)

var noon = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

// both runs a test on SQLite and on PostgreSQL.
func both(t *testing.T, f func(t *testing.T, x *Index)) {
	t.Helper()
	for name, dsn := range map[string]func(*testing.T) string{
		"sqlite":   func(t *testing.T) string { return filepath.Join(t.TempDir(), "index.db") },
		"postgres": func(t *testing.T) string { return dbtest.Postgres(t) },
	} {
		t.Run(name, func(t *testing.T) {
			d, err := db.Open(t.Context(), dsn(t))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = d.Close() })
			if err := MigrateIndex(t.Context(), d); err != nil {
				t.Fatal(err)
			}
			f(t, NewIndex(d))
		})
	}
}

func resource(code, name string, change ...func(*catalog.Resource)) catalog.Resource {
	r := catalog.Resource{
		Code: code, Name: name, Department: "D1", Provider: "浙江省市场监管部门", Abstract: "在本省办理的业务", Sharing: catalog.Conditional, Class: "base", Grade: 2,
		UpdateCycle: "daily", Modes: []policy.Mode{policy.ModeQuery}, Version: 1, State: catalog.Published, Items: []catalog.Item{{Name: "uscc", Title: "统一社会信用代码"}},
	}
	for _, c := range change {
		c(&r)
	}
	return r
}

type indexed struct {
	*testing.T
	x *Index
}

// apply takes one step of reading from where the member is.
func (i indexed) apply(member string, d *Delta) {
	i.Helper()
	from, err := i.x.Position(i.Context(), member)
	if err == nil {
		err = i.x.Apply(i.Context(), member, from, d, noon)
	}
	if err != nil {
		i.Fatal(err)
	}
}

// found lists the codes a query finds on its first page.
func (i indexed) found(q Query) string {
	i.Helper()
	return codes(i.search(q))
}

func codes(a *Answer) string {
	var out []string
	for _, h := range a.Items {
		out = append(out, h.Member+":"+h.Code)
	}
	return strings.Join(out, " ")
}

func (i indexed) search(q Query) *Answer {
	i.Helper()
	a, err := i.x.Search(i.Context(), q)
	if err != nil {
		i.Fatalf("%+v: %v", q, err)
	}
	return a
}

func TestSearch(t *testing.T) {
	both(t, func(t *testing.T, x *Index) {
		i := indexed{t, x}
		free := func(r *catalog.Resource) { r.Sharing = catalog.Unconditional }
		i.apply("zj", &Delta{Whole: true, Position: "3", Entries: []catalog.Resource{
			resource("zj/1", "企业登记信息"),
			resource("zj/2", "不动产权属", func(r *catalog.Resource) {
				r.Abstract, r.Department, r.Provider = "登记簿中的权属", "D2", "自然资源部门"
			}, free),
			resource("zj/3", "水质监测GDP", func(r *catalog.Resource) { r.Class, r.Grade, r.UpdateCycle = "theme", 4, "yearly" }),
		}})
		i.apply("sh", &Delta{Whole: true, Position: "2", Entries: []catalog.Resource{
			resource("sh/enterprise", "企业登记信息", free, func(r *catalog.Resource) { r.Modes = []policy.Mode{policy.ModeBatch} }),
			resource("sh/2", "税务登记", func(r *catalog.Resource) {
				r.Sharing, r.LegalBasis = catalog.NotShared, &catalog.LegalBasis{Name: "某法"}
			}),
		}})
		for _, c := range []struct {
			q    Query
			want string
		}{
			// The name beats the abstract, what may be had for the asking beats what may not.
			{Query{Text: "登记"}, "sh:sh/enterprise zj:zj/1 sh:sh/2 zj:zj/2"},
			{Query{Text: "企业登记信息"}, "sh:sh/enterprise zj:zj/1"},
			{Query{Text: "企业 信息"}, "sh:sh/enterprise zj:zj/1"},
			{Query{Text: "水"}, "zj:zj/3"},
			{Query{Text: "质"}, "zj:zj/3"},
			{Query{Text: "权"}, "zj:zj/2"},
			{Query{Text: "gd"}, "zj:zj/3"},
			{Query{Text: "ＧＤＰ"}, "zj:zj/3"},
			{Query{Text: "enterpri"}, "sh:sh/enterprise"},
			{Query{Text: "sh/2"}, "sh:sh/2"},
			{Query{Text: "gd "}, ""},
			{Query{Text: "信用代码", Member: "sh"}, "sh:sh/enterprise sh:sh/2"},
			{Query{Text: "没有这样"}, ""},
			{Query{}, "zj:zj/2 sh:sh/enterprise zj:zj/1 zj:zj/3 sh:sh/2"},
			{Query{Member: "zj", Sharing: catalog.Conditional}, "zj:zj/1 zj:zj/3"},
			{Query{Department: "D2"}, "zj:zj/2"},
			{Query{Class: "theme"}, "zj:zj/3"},
			{Query{MaxGrade: 2, Member: "zj"}, "zj:zj/2 zj:zj/1"},
			{Query{UpdateCycle: "yearly"}, "zj:zj/3"},
			{Query{Mode: policy.ModeBatch}, "sh:sh/enterprise"},
			{Query{Text: "登记", Sharing: catalog.NotShared}, "sh:sh/2"},
			{Query{Text: "登记", Member: "nobody"}, ""},
			{Query{Text: `"登记" OR '企业' AND (NEAR) -x`}, ""},
		} {
			if got := i.found(c.q); got != c.want {
				t.Errorf("%+v finds %q, want %q", c.q, got, c.want)
			}
		}
		var longest strings.Builder
		for r := rune(0x4e00); r < 0x4e00+maxText; r++ {
			longest.WriteRune(r)
		}
		if got := i.found(Query{Text: longest.String()}); got != "" {
			t.Errorf("two hundred characters find %q", got)
		}
		i.apply("sh", &Delta{Position: "3", Entries: []catalog.Resource{resource("long", "长", func(r *catalog.Resource) { // as much as is taken
			n := rune(0x4e00)
			for range 16 {
				title := ""
				for len(title) < 3900 {
					title += string(n)
					n++
				}
				r.Items = append(r.Items, catalog.Item{Title: title})
			}
		}), resource("longer", "长", func(r *catalog.Resource) { // and more
			for range 20 {
				r.Items = append(r.Items, catalog.Item{Title: strings.Repeat("长", 1300)})
			}
		})}})
		if got := i.found(Query{Text: "长"}); got != "sh:long" {
			t.Errorf("long entries: %q", got)
		}
		i.apply("sh", &Delta{Position: "4", Gone: []string{"long"}})
		a := i.search(Query{Text: "登记"})
		if a.Total.String() != "4" || fmt.Sprint(a.Facets.Member) != "[2 2]" || len(a.Facets.Sharing) != 3 || a.Facets.Sharing[0].Value != "unconditional" ||
			a.Facets.Department[0].Label != "浙江省市场监管部门" || a.Facets.Department[0].Count.Count != 3 || len(a.Facets.Class) != 1 {
			t.Errorf("%v %+v", a.Total, a.Facets)
		}
		if m := a.Items[0].Marks["name"]; fmt.Sprint(m) != "[[2 4]]" {
			t.Errorf("marks %v", a.Items[0].Marks)
		}
		for _, bad := range []struct {
			q    Query
			want error
		}{{Query{After: "x"}, ErrCursor}, {Query{Text: "\xff"}, ErrQuery}, {Query{Sharing: "x"}, ErrFilter}, {Query{Text: `"`}, ErrQuery}} {
			if _, err := x.Search(t.Context(), bad.q); !errors.Is(err, bad.want) {
				t.Errorf("%+v: %v", bad.q, err)
			}
		}
	})
}

// TestReading: what is published appears, what is withdrawn goes, a new beginning leaves nothing of before, a member that
// left takes its entries along, and an entry that did not change stays where it is.
func TestReading(t *testing.T) {
	both(t, func(t *testing.T, x *Index) {
		i := indexed{t, x}
		fresh := func() string {
			t.Helper()
			fs, err := x.Members(t.Context(), noon.Add(time.Minute), time.Hour)
			if err != nil {
				t.Fatal(err)
			}
			out := ""
			for _, f := range fs {
				out += fmt.Sprintf("%s %d", f.Member, f.Entries)
				if f.Stale {
					out += " stale " + f.Error
				}
				if f.Reading {
					out += " reading"
				}
				if f.Refused > 0 {
					out += fmt.Sprintf(" refused %d", f.Refused)
				}
				out += "; "
			}
			return out
		}
		i.apply("zj", &Delta{Whole: true, Position: "1", More: true, Entries: []catalog.Resource{resource("a", "甲数据"), resource("b", "乙数据")}})
		if got := fresh(); got != "zj 2 stale  reading; " {
			t.Errorf("in the middle of reading: %q", got)
		}
		draft := resource("d", "草稿", func(r *catalog.Resource) { r.State = catalog.Draft })
		i.apply("zj", &Delta{Position: "2", Entries: []catalog.Resource{resource("c", "丙数据"), draft}})
		if got := fresh(); got != "zj 3 refused 1; " {
			t.Errorf("after reading: %q", got)
		}
		if got := i.found(Query{Text: "数据"}); got != "zj:c zj:b zj:a" {
			t.Errorf("newest first: %q", got)
		}
		i.apply("zj", &Delta{Position: "3", Gone: []string{"b", "never"}, Entries: []catalog.Resource{resource("a", "甲新据")}})
		if got := i.found(Query{Text: "数据"}) + "/" + i.found(Query{Text: "新据"}) + "/" + fresh(); got != "zj:c/zj:a/zj 2 refused 1; " {
			t.Errorf("after changes: %q", got)
		}
		// From another position than the one asked for: nothing is done.
		if err := x.Apply(t.Context(), "zj", "2", &Delta{Position: "9", Gone: []string{"a"}}, noon); !errors.Is(err, errMoved) {
			t.Errorf("applied from where nobody is: %v", err)
		}
		// Another rank: another place, found once.
		i.apply("zj", &Delta{Position: "4", Entries: []catalog.Resource{resource("c", "丙数据", func(r *catalog.Resource) { r.Sharing = catalog.Unconditional })}})
		if got := i.found(Query{}); got != "zj:c zj:a" {
			t.Errorf("after a change of rank: %q", got)
		}
		i.apply("sh", &Delta{Whole: true, Position: "1", Entries: []catalog.Resource{resource("a", "甲数据")}})
		// The provider was restored: everything is told anew, in two steps; c is no longer told of.
		i.apply("zj", &Delta{Whole: true, Position: "1", More: true, Entries: []catalog.Resource{resource("a", "甲新据")}})
		if got := i.found(Query{Member: "zj"}); got != "zj:c zj:a" {
			t.Errorf("while it is told anew: %q", got)
		}
		i.apply("zj", &Delta{Position: "2", Entries: []catalog.Resource{resource("e", "戊")}})
		if got := i.found(Query{}) + " " + fresh(); got != "sh:a zj:e zj:a sh 1; zj 2; " && got != "zj:e sh:a zj:a sh 1; zj 2; " {
			t.Errorf("after it was told anew: %q", got)
		}
		if err := x.Failed(t.Context(), "zj", "peer.unreachable", noon); err != nil {
			t.Fatal(err)
		}
		if got := fresh() + i.found(Query{Member: "zj"}); got != "sh 1; zj 2 stale peer.unreachable; zj:e zj:a" {
			t.Errorf("unreachable: %q", got)
		}
		if err := x.Drop(t.Context(), "zj"); err != nil {
			t.Fatal(err)
		}
		if got := fresh() + i.found(Query{}) + i.found(Query{Text: "新据"}); got != "sh 1; sh:a" {
			t.Errorf("after it left: %q", got)
		}
		if err := x.Settle(t.Context()); err != nil {
			t.Fatal(err)
		}
		// A copy made by another way of cutting is read from the beginning.
		if _, err := x.db.Read().NewRaw("UPDATE directory_member SET scheme = ?", scheme-1).Exec(t.Context()); err != nil {
			t.Fatal(err)
		}
		if p, err := x.Position(t.Context(), "sh"); err != nil || p != "" {
			t.Errorf("position %q %v", p, err)
		}
	})
}

// TestPaging walks all hits in pages of every size: each is seen once, in one order, with honest counts.
func TestPaging(t *testing.T) {
	both(t, func(t *testing.T, x *Index) {
		i := indexed{t, x}
		const many = 2300
		var es []catalog.Resource
		for n := range many {
			es = append(es, resource(fmt.Sprintf("r%04d", n), "统计年报", func(r *catalog.Resource) {
				r.Sharing = catalog.Sharing(sharings()[n%2])
				r.Department = fmt.Sprintf("D%d", n%3)
				if n%10 == 0 {
					r.Name, r.Abstract = "其他", "统计附录"
				}
				if n%1000 == 0 {
					r.Class = "theme"
				}
			}))
		}
		i.apply("zj", &Delta{Whole: true, Position: "1", Entries: es})
		a := i.search(Query{Text: "统计"})
		if a.Total.String() != "1000+" || fmt.Sprint(a.Facets.Sharing) != "[1000+ 1000+]" || fmt.Sprint(a.Facets.Class) != "[1000+ 3]" || fmt.Sprint(a.Facets.Department) != "[668+ 667+ 667+]" {
			t.Errorf("%v %+v", a.Total, a.Facets)
		}
		var first []string
		for _, size := range []int{100, 37, 1} {
			var all []string
			q := Query{Text: "统计", Limit: size}
			for size > 1 || len(all) < 50 {
				a := i.search(q)
				for _, h := range a.Items {
					all = append(all, h.Code)
				}
				if a.Next == "" {
					break
				}
				if q.After = a.Next; a.Total != nil && len(all) > size {
					t.Fatal("counted again on a later page")
				}
			}
			if first == nil {
				first = all
			}
			if len(first) != many || strings.Join(all, " ") != strings.Join(first[:len(all)], " ") || size > 1 && len(all) != many {
				t.Fatalf("pages of %d: %d hits", size, len(all))
			}
		}
		seen := map[string]bool{}
		for n, c := range first {
			if seen[c] {
				t.Fatalf("%s twice", c)
			}
			seen[c] = true
			if inAbstract := strings.HasSuffix(c, "0"); inAbstract != (n >= many-many/10) {
				t.Fatalf("%s is hit %d", c, n)
			}
		}
	})
}

// What a member calls its departments is replaced by what it says next, as far as it can be shown; who leaves is forgotten.
func TestDepartments(t *testing.T) {
	both(t, func(t *testing.T, x *Index) {
		i := indexed{t, x}
		const a, b, c = "91330000MA27XHGU2X", "11310000MY0000012P", "11330000MY0000020T"
		names := func() string {
			t.Helper()
			var out []string
			for _, id := range []string{a, b, c, "11"} {
				name, err := x.DepartmentName(t.Context(), "zj", id)
				if err != nil {
					t.Fatal(err)
				}
				out = append(out, name)
			}
			return strings.Join(out, "|")
		}
		i.apply("zj", &Delta{Whole: true, Position: "1", More: true, Departments: []Department{{b, "还没读完"}}})
		i.apply("zj", &Delta{Position: "2", Departments: []Department{{b, "企业服务部门"}, {"11", "没有代码"}, {c, "名\x00称"}}})
		i.apply("js", &Delta{Whole: true, Position: "1", Departments: []Department{{c, "另一成员的部门"}}})
		if got := names(); got != "|企业服务部门||" {
			t.Errorf("told at first: %q", got)
		}
		i.apply("zj", &Delta{Position: "3", Departments: []Department{{b, "企业服务局"}, {c, "市场监管部门"}}})
		if got := names(); got != "|企业服务局|市场监管部门|" {
			t.Errorf("told again: %q", got)
		}
		for limit, want := range map[int]string{1: "[{" + b + " 企业服务局}]", 9: "[{" + b + " 企业服务局} {" + c + " 市场监管部门}]"} {
			if ds, err := x.Departments(t.Context(), "zj", limit); err != nil || fmt.Sprint(ds) != want {
				t.Errorf("at most %d: %v %v", limit, ds, err)
			}
		}
		i.apply("zj", &Delta{Position: "4"})
		if got := names(); got != "|企业服务局|市场监管部门|" {
			t.Errorf("not told: %q", got)
		}
		i.apply("zj", &Delta{Position: "5", Departments: []Department{{c, "市场监管部门"}}})
		if got := names(); got != "||市场监管部门|" {
			t.Errorf("one is gone: %q", got)
		}
		if err := x.Drop(t.Context(), "zj"); err != nil {
			t.Fatal(err)
		}
		if got := names(); got != "|||" {
			t.Errorf("the member left: %q", got)
		}
	})
}
