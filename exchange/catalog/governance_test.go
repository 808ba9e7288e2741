package catalog

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kuayu/kuayu/exchange/source"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/support/deadline"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/policy"
)

// TestMetadata: what the guide of 2017 adds to the law's fields is validated as far as it is stated, all faults at once.
func TestMetadata(t *testing.T) {
	for name, x := range map[string]struct {
		change func(*Resource)
		want   string
	}{
		"full": {func(r *Resource) {
			r.Classification, r.FormatClass, r.Format = &Classification{Group: "01", Topic: "002", Detail: "0003"}, Database, "oracle"
			r.Openness, r.OpenCondition, r.Related, r.Channel = OpenConditionally, "注册用户", []string{"330000/y"}, GovernmentNetwork
			r.OriginSystem, r.Origins, r.ServiceItem = "登记系统", []string{"甲部门"}, &ServiceItem{Name: "开办企业"}
			r.Items[0].Open, r.Items[0].Element = true, "DE01"
		}, ""},
		"classification":  {func(r *Resource) { r.Classification = &Classification{Group: "1", Topic: "02"} }, "classification"},
		"detail alone":    {func(r *Resource) { r.Classification = &Classification{Group: "01", Detail: "1"} }, "classification"},
		"format class":    {func(r *Resource) { r.FormatClass = "paper" }, "format_class"},
		"format of class": {func(r *Resource) { r.FormatClass = Spreadsheet }, "format"},
		"openness":        {func(r *Resource) { r.Openness = "maybe" }, "openness"},
		"open condition":  {func(r *Resource) { r.Openness = OpenConditionally }, "open_condition"},
		"open secret law": {func(r *Resource) {
			r.Sharing, r.LegalBasis, r.Openness = NotShared, &LegalBasis{Law, "某法", "五", "秘密"}, Open
		}, "openness"},
		"channel":        {func(r *Resource) { r.Channel = "fax" }, "channel"},
		"related itself": {func(r *Resource) { r.Related = []string{r.Code} }, "related"},
		"origins":        {func(r *Resource) { r.Origins = []string{" "} }, "origins"},
		"service":        {func(r *Resource) { r.ServiceItem = &ServiceItem{Kind: "许可"} }, "service_item"},
		"looser item": {func(r *Resource) {
			r.Sharing, r.ShareScope, r.UsePurpose, r.Items[0].Sharing = Conditional, "甲", "乙", Unconditional
		}, "items"},
		"stricter item": {func(r *Resource) {
			r.Items[0].Sharing, r.Items[0].LegalBasis = NotShared, &LegalBasis{Law, "某法", "五", "秘密"}
		}, ""},
		"item uncited": {func(r *Resource) { r.Items[0].Sharing = NotShared }, "items"},
		"item local rule": {func(r *Resource) {
			r.Items[0].Sharing, r.Items[0].LegalBasis = NotShared, &LegalBasis{"local_rule", "某办法", "五", "秘密"}
		}, "items"},
		"item conditions": {func(r *Resource) { r.Items[0].Sharing = Conditional }, "items"},
		"item open":       {func(r *Resource) { r.Items[0].Open = true }, "items"},
		"open person":     {func(r *Resource) { r.Openness, r.Items[0].Open, r.Items[0].Personal = Open, true, true }, "items"},
		"code":            {func(r *Resource) { r.Code = "330000/企业" }, "code"},
		"all at once":     {func(r *Resource) { r.Channel, r.Openness, r.FormatClass = "fax", "maybe", "paper" }, "format_class openness channel"},
	} {
		r := sound("330000/x", "登记信息")
		r.Department = deptA
		x.change(&r)
		got := ""
		if err := r.Check(); err != nil {
			got = (&fixture{t: t}).refused(err, ErrResource)
		}
		if got != x.want {
			t.Errorf("%s: %q, want %q", name, got, x.want)
		}
	}
	r := sound("330000/x", "登记信息")
	r.Items = append(r.Items, Item{Name: "a", Sharing: Conditional}, Item{Name: "b", Sharing: NotShared})
	for _, x := range []struct {
		fields string
		want   Sharing
	}{{"uscc", Unconditional}, {"uscc a", Conditional}, {"uscc a b", NotShared}, {"unknown", Unconditional}} {
		if got := r.SharingOf(strings.Fields(x.fields)); got != x.want {
			t.Errorf("%s: %s, want %s", x.fields, got, x.want)
		}
	}
}

// TestParseCode: the guide's structure, with and without a platform's prefix; what is not so is advice, unless the entry
// states a class that its code denies.
func TestParseCode(t *testing.T) {
	for _, x := range []struct {
		code, class string
		want        ResourceCode
		ok          bool
	}{
		{"102003/000001", "1", ResourceCode{"", "102003", "000001"}, true},
		{"1020030004/1", "102003", ResourceCode{"", "1020030004", "1"}, true},
		{"330000102003/12", "102003", ResourceCode{"330000", "102003", "12"}, true},
		{"30701505003030050000000003/000123", "303005", ResourceCode{"3070150500", "3030050000000003", "000123"}, true},
		{"330000/enterprise", "1", ResourceCode{}, false},
		{"330000/1", "1", ResourceCode{}, false},
		{"10200/1", "1", ResourceCode{}, false},
		{"102003", "1", ResourceCode{}, false},
		{"102003/", "1", ResourceCode{}, false},
		{"102003/1/2", "1", ResourceCode{}, false},
		{"202003/1", "1", ResourceCode{}, false},
		{"102003/1", "", ResourceCode{}, false},
	} {
		if got, ok := ParseCode(x.code, x.class); got != x.want || ok != x.ok {
			t.Errorf("%s: %+v %v, want %+v", x.code, got, ok, x.want)
		}
	}
}

// TestCompiled: what compilers of catalogues get wrong most is refused on submission, all at once.
func TestCompiled(t *testing.T) { onBoth(t, testCompiled) }

func testCompiled(t *testing.T, s *fixture) {
	ctx := t.Context()
	s.draft(sound("330000/a", "企业 登记信息（2026）"))
	for name, x := range map[string]struct {
		change func(*Resource)
		want   string
	}{
		"good":              {func(*Resource) {}, ""},
		"same name":         {func(r *Resource) { r.Name = "企业登记信息(2026)。" }, "name"},
		"system":            {func(r *Resource) { r.Name = "企业登记管理系统" }, "name"},
		"platform":          {func(r *Resource) { r.Name = "信用信息平台 " }, "name"},
		"database of files": {func(r *Resource) { r.Modes = []policy.Mode{policy.ModeFile} }, "modes"},
		"queried file":      {func(r *Resource) { r.Format = "pdf" }, "modes"},
		"file":              {func(r *Resource) { r.Format, r.Modes = "xlsx", []policy.Mode{policy.ModeFile} }, ""},
		"format":            {func(r *Resource) { r.Format = "parchment" }, "format"},
		"described format": {func(r *Resource) {
			r.Format, r.FormatClass, r.Modes = "parchment", SelfDescribed, []policy.Mode{policy.ModeFile}
		}, ""},
		"secret":         {func(r *Resource) { r.Secret = true }, "secret"},
		"code and class": {func(r *Resource) { r.Classification = &Classification{Group: "02"} }, "code"},
		"all at once":    {func(r *Resource) { r.Name, r.Secret, r.Format = "某系统", true, "pdf" }, "name modes secret"},
	} {
		r := sound("330000/b", "另一条")
		x.change(&r)
		s.draft(r)
		s.assess(r.Code)
		got := ""
		e, err := s.Submit(ctx, officerOf(deptA), r.Code)
		if err != nil {
			got = s.refused(err, ErrGate)
		} else {
			if len(e.Advice) == 0 || e.Advice[0].Code != "code_form" {
				t.Errorf("%s: advice %+v", name, e.Advice)
			}
			s.must(s.Return(ctx, chiefOf(deptA), r.Code, "再改"))
		}
		if got != x.want {
			t.Errorf("%s: %q, want %q", name, got, x.want)
		}
	}
	// Another department may call its data the same.
	if _, err := s.Save(ctx, officerOf(deptB), sound("330000/other", "企业登记信息2026"), "", ""); err != nil {
		t.Fatal(err)
	}
	coded := sound("330000102003/1", "编码合格")
	coded.Classification, coded.Channel, coded.OriginSystem = &Classification{Group: "02", Topic: "003"}, Internet, "某系统"
	s.draft(coded)
	s.assess(coded.Code)
	if e := s.must(s.Submit(ctx, officerOf(deptA), coded.Code)); len(e.Advice) != 0 {
		t.Errorf("advice: %+v", e.Advice)
	}
}

// TestVersions: what was described once never changes; two versions are compared field by field, items by name; others see
// the published ones.
func TestVersions(t *testing.T) { onBoth(t, testVersions) }

func testVersions(t *testing.T, s *fixture) {
	ctx := t.Context()
	x := sound("330000/x", "登记信息")
	x.Items = append(x.Items, Item{Name: "old", Title: "旧项", Type: "C", Grade: 1})
	s.publish(x)
	y := x
	y.Name, y.Items = "登记信息二", []Item{{Name: "uscc", Title: "统一社会信用代码", Type: "C", Grade: 1}, {Name: "new", Title: "新项", Type: "N", Grade: 1}}
	s.draft(y)
	mine, other := officerOf(deptA).Scope(), officerOf(deptB).Scope()
	vs, err := s.Versions(ctx, mine, x.Code)
	if err != nil || len(vs) != 2 || vs[0].Number != 2 || vs[0].Published != nil || vs[1].Published == nil || vs[1].By != "officer" || vs[0].Digest == vs[1].Digest {
		t.Errorf("versions: %+v %v", vs, err)
	}
	vs, err = s.Versions(ctx, other, x.Code)
	if err != nil || len(vs) != 1 || vs[0].Number != 1 || vs[0].By != "" {
		t.Errorf("versions for others: %+v %v", vs, err)
	}
	if _, err := s.Version(ctx, other, x.Code, 2); !errors.Is(err, ErrNoVersion) {
		t.Errorf("a draft shown to others: %v", err)
	}
	if _, err := s.Diff(ctx, other, x.Code, 1, 2); !errors.Is(err, ErrNoVersion) {
		t.Errorf("a draft compared for others: %v", err)
	}
	if _, err := s.Versions(ctx, other, "330000/none"); !errors.Is(err, ErrNoSuch) {
		t.Errorf("versions of nothing: %v", err)
	}
	if _, err := s.Version(ctx, mine, x.Code, 9); !errors.Is(err, ErrNoVersion) {
		t.Errorf("version 9: %v", err)
	}
	r, err := s.Version(ctx, other, x.Code, 1)
	if err != nil || r.Name != "登记信息" || r.State != Published || len(r.Items) != 2 {
		t.Errorf("version 1: %+v %v", r, err)
	}
	ds, err := s.Diff(ctx, mine, x.Code, 1, 2)
	var got []string
	for _, d := range ds {
		got = append(got, strings.TrimSpace(d.Item+" "+d.Field)+" "+string(d.From)+"→"+string(d.To))
	}
	if err != nil || len(got) != 4 || got[0] != `name "登记信息"→"登记信息二"` || got[1] != "uscc grade 2→1" || !strings.HasPrefix(got[2], "old {") || !strings.HasPrefix(got[3], "new →{") {
		t.Errorf("differences: %q %v", got, err)
	}
	if ds, err := s.Diff(ctx, mine, x.Code, 2, 2); err != nil || len(ds) != 0 {
		t.Errorf("a version differs from itself: %v %v", ds, err)
	}
	s.sign(x.Code)
	s.must(s.Publish(ctx, regulator(), x.Code))
	if again, err := s.Version(ctx, other, x.Code, 1); err != nil || again.Name != "登记信息" {
		t.Errorf("version 1 after the second: %+v %v", again, err)
	}
}

// TestMount: not mounted, mounted, and broken when the table or a column is gone.
func TestMount(t *testing.T) { onBoth(t, testMount) }

func testMount(t *testing.T, s *fixture) {
	ctx := t.Context()
	dir := t.TempDir()
	file := filepath.Join(dir, "t.csv")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("uscc,name\n1,a\n")
	if _, err := s.AddSource(ctx, session(deptB, "op", identity.Operator), deptA, "files", source.Spec{Kind: source.KindFile, Location: dir}); err != nil {
		t.Fatal(err)
	}
	x := sound("330000/x", "登记信息")
	s.draft(x)
	look := func(state MountState) *MountReport {
		t.Helper()
		m, err := s.CheckMount(ctx, officerOf(deptA).Scope(), x.Code)
		if err != nil || m.State != state || !slices.Equal(m.Kinds, []MountKind{MountAPI}) {
			t.Fatalf("%+v %v, want %s", m, err, state)
		}
		return m
	}
	look(Unmounted)
	s.refused2(s.Save(ctx, officerOf(deptA), x, "files", "nowhere"))(ErrSource)
	s.must(s.Save(ctx, officerOf(deptA), x, "files", "t"))
	look(Mounted)
	write("name\na\n")
	if m := look(Broken); !slices.Equal(m.Missing, []string{"uscc"}) {
		t.Errorf("missing: %+v", m)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if m := look(Broken); m.Zh == "" || m.En == "" {
		t.Errorf("no word on what is wrong: %+v", m)
	}
	if _, err := s.CheckMount(ctx, officerOf(deptB).Scope(), x.Code); !errors.Is(err, ErrNoSuch) {
		t.Errorf("shown to another department: %v", err)
	}
}

// TestOneItemOneSource: the authority names the source of an item; who describes it all the same is warned, and the
// authority sees the list; violations are recorded by people alone (Decree 809 art. 19, 39, 41).
func TestOneItemOneSource(t *testing.T) { onBoth(t, testOneItemOneSource) }

func testOneItemOneSource(t *testing.T, s *fixture) {
	ctx := t.Context()
	if _, err := s.Designate(ctx, chiefOf(deptB), Designation{Item: "x", Department: deptB, Name: "乙"}); !errors.Is(err, identity.ErrRole) {
		t.Errorf("named by a chief: %v", err)
	}
	_, err := s.Designate(ctx, regulator(), Designation{Item: "——", Department: "123", Name: ""})
	if got := s.refused(err, ErrResource); got != "item department name" {
		t.Errorf("faults: %s", got)
	}
	source := Designation{Item: "统一社会信用代码", Element: "DE01", Department: "11310000425007013H", Name: "登记部门"}
	if _, err := s.Designate(ctx, regulator(), source); err != nil {
		t.Fatal(err)
	}
	x := sound("330000/x", "登记信息")
	x.Items = []Item{{Name: "code", Title: "统一社会信用代码 ", Type: "C", Grade: 1}, {Name: "id", Title: "别的名字", Type: "C", Grade: 1, Element: "DE01"}, {Name: "free", Title: "备注", Type: "C", Grade: 1}}
	s.draft(x)
	s.assess(x.Code)
	e := s.must(s.Submit(ctx, officerOf(deptA), x.Code))
	var warned []string
	for _, a := range e.Advice {
		if a.Code == "source_department" {
			warned = append(warned, a.Item)
		}
	}
	if !slices.Equal(warned, []string{"code", "id"}) {
		t.Errorf("warned: %v", warned)
	}
	s.must(s.Sign(ctx, chiefOf(deptA), x.Code))
	s.must(s.Publish(ctx, regulator(), x.Code)) // a warning keeps nobody from publishing
	cs, err := s.Conflicts(ctx, regulator().Scope(), "", 10)
	if err != nil || len(cs) != 2 || cs[0].Code != x.Code || !cs[0].InForce || cs[0].SourceName != "登记部门" {
		t.Errorf("conflicts: %+v %v", cs, err)
	}
	if cs, err := s.Conflicts(ctx, officerOf(deptB).Scope(), "", 10); err != nil || len(cs) != 0 {
		t.Errorf("conflicts of a department that has none: %+v %v", cs, err)
	}
	v, err := s.clocks.Violations(ctx, db.System("test"), deadline.ViolationQuery{})
	if err != nil || len(v.Items) != 0 {
		t.Errorf("a violation nobody recorded: %+v %v", v, err)
	}
	s.refused2(s.RecordBreach(ctx, regulator(), x.Code, Breach{Code: deadline.P4, Note: ""}))(ErrResource)
	s.refused2(s.RecordBreach(ctx, chiefOf(deptA), x.Code, Breach{Code: deadline.P3, Note: "x"}))(identity.ErrRole)
	s.must(s.RecordBreach(ctx, regulator(), x.Code, Breach{Code: deadline.P3, Note: "不向数源部门提供更新"}))
	if v, err = s.clocks.Violations(ctx, officerOf(deptA).Scope(), deadline.ViolationQuery{}); err != nil || len(v.Items) != 1 || v.Items[0].Code != deadline.P3 {
		t.Errorf("recorded: %+v %v", v, err)
	}
	// Named anew, the department is the source itself; taken off, nobody is.
	source.Department = deptA
	if _, err := s.Designate(ctx, regulator(), source); err != nil {
		t.Fatal(err)
	}
	if cs, err := s.Conflicts(ctx, regulator().Scope(), "", 10); err != nil || len(cs) != 0 {
		t.Errorf("conflicts with itself: %+v %v", cs, err)
	}
	ds, err := s.Register(ctx, officerOf(deptB), "", 10)
	if err != nil || len(ds) != 1 || ds[0].Department != deptA {
		t.Errorf("register: %+v %v", ds, err)
	}
	if err := s.EndDesignation(ctx, regulator(), "统一社会信用代码"); err != nil {
		t.Error(err)
	}
	if err := s.EndDesignation(ctx, regulator(), "统一社会信用代码"); !errors.Is(err, ErrNoItem) {
		t.Errorf("ended twice: %v", err)
	}
}

// TestLists: who answers for what, with what is due; what is not shared, with the citation.
func TestLists(t *testing.T) { onBoth(t, testLists) }

func testLists(t *testing.T, s *fixture) {
	ctx := t.Context()
	x := sound("330000/x", "登记信息")
	x.Items = append(x.Items, Item{Name: "hidden", Title: "举报人", Type: "C", Grade: 2, Sharing: NotShared, LegalBasis: &LegalBasis{Law, "某法", "第九条", "保护举报人"}})
	s.publish(x)
	whole := sound("330000/y", "不共享信息")
	whole.Sharing, whole.Modes, whole.LegalBasis = NotShared, nil, &LegalBasis{StateDecision, "某决定", "第二条", "国家安全"}
	s.publish(whole)
	draft := whole
	draft.Code, draft.Name = "330000/z", "未发布"
	s.draft(draft)
	s.must(s.NoteChange(ctx, officerOf(deptA), x.Code, Demand{Cause: DutyChanged, What: "机构改革", Since: s.clock.Now()}))
	rs, err := s.Responsibilities(ctx, officerOf(deptA).Scope(), "", 10)
	if err != nil || len(rs) != 3 || rs[0].Owner != "officer" || rs[0].Approver != "chief" || rs[0].Clock != deadline.D1 || rs[0].Due != "2026-03-16" || rs[0].Overdue || rs[1].Clock != "" {
		t.Errorf("responsibilities: %+v %v", rs, err)
	}
	if rs, err := s.Responsibilities(ctx, officerOf(deptB).Scope(), "", 10); err != nil || len(rs) != 0 {
		t.Errorf("of another department: %+v %v", rs, err)
	}
	if rs, err := s.Responsibilities(ctx, regulator().Scope(), "330000/x", 1); err != nil || len(rs) != 1 || rs[0].Code != "330000/y" {
		t.Errorf("a page: %+v %v", rs, err)
	}
	ws, next, err := s.NegativeList(ctx, "", 10)
	if err != nil || next != "" || len(ws) != 2 || ws[0].Item != "hidden" || ws[0].Basis.Article != "第九条" || ws[1].Item != "" || ws[1].Basis.Instrument != StateDecision {
		t.Errorf("negative list: %+v %q %v", ws, next, err)
	}
	if ws, next, err = s.NegativeList(ctx, "", 1); err != nil || next != "330000/x" || len(ws) != 1 {
		t.Errorf("a page: %+v %q %v", ws, next, err)
	}
	s.clock.Set(s.clock.Now().Add(30 * 24 * time.Hour))
	if got := s.ticking(x.Code); got != "D1=2026-03-16" {
		t.Errorf("clock: %s", got)
	}
}
