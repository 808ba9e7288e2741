package catalog

import (
	"slices"
	"testing"

	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/support/policy"
)

// TestResourceCheck: Decree 809 art. 13 names what an entry must state, arts. 14 and 15 what each class must, and every
// fault is told at once.
func TestResourceCheck(t *testing.T) {
	good := func() Resource {
		return Resource{
			Code: "330000/x", Department: "11330000MY00000120", Name: "登记信息", Provider: "某部门", Abstract: "摘要", Format: "database", UpdateCycle: "daily",
			Sharing: Unconditional, Modes: []policy.Mode{policy.ModeQuery}, Conditions: "履行职责", Class: "base", Grade: 2,
			Items: []Item{{Name: "uscc", Title: "代码", Type: "C", Grade: 2}},
		}
	}
	basis := func(i Instrument) *LegalBasis {
		return &LegalBasis{Instrument: i, Name: "某法", Article: "第五条", Reason: "国家秘密"}
	}
	for name, x := range map[string]struct {
		change func(*Resource)
		want   []string
	}{
		"good":          {func(*Resource) {}, nil},
		"name":          {func(r *Resource) { r.Name = " " }, []string{"name"}},
		"provider":      {func(r *Resource) { r.Provider = "" }, []string{"provider"}},
		"format":        {func(r *Resource) { r.Format = "" }, []string{"format"}},
		"update":        {func(r *Resource) { r.UpdateCycle = "sometimes" }, []string{"update_cycle"}},
		"conditions":    {func(r *Resource) { r.Conditions = "" }, []string{"conditions"}},
		"class":         {func(r *Resource) { r.Class = "" }, []string{"class"}},
		"items":         {func(r *Resource) { r.Items = nil }, []string{"items"}},
		"modes":         {func(r *Resource) { r.Modes = nil }, []string{"modes"}},
		"grade":         {func(r *Resource) { r.Grade = 1 }, []string{"grade"}},
		"sharing":       {func(r *Resource) { r.Sharing = "maybe" }, []string{"sharing"}},
		"conditional":   {func(r *Resource) { r.Sharing = Conditional }, []string{"share_scope", "use_purpose"}},
		"conditional+":  {func(r *Resource) { r.Sharing, r.ShareScope, r.UsePurpose = Conditional, "政府部门", "企业服务" }, nil},
		"not shared":    {func(r *Resource) { r.Sharing = NotShared }, []string{"legal_basis"}},
		"law":           {func(r *Resource) { r.Sharing, r.LegalBasis = NotShared, basis(Law) }, nil},
		"regulation":    {func(r *Resource) { r.Sharing, r.LegalBasis = NotShared, basis(Regulation) }, nil},
		"State Council": {func(r *Resource) { r.Sharing, r.LegalBasis = NotShared, basis(StateDecision) }, nil},
		"local rule":    {func(r *Resource) { r.Sharing, r.LegalBasis = NotShared, basis("local_rule") }, []string{"legal_basis"}},
		"all at once":   {func(r *Resource) { r.Name, r.Format, r.Sharing, r.Class = "", "", Conditional, "" }, []string{"name", "format", "class", "share_scope", "use_purpose"}},
	} {
		r := good()
		x.change(&r)
		var got []string
		if err := r.Check(); err != nil {
			for _, f := range errs.As(err).Fields {
				got = append(got, f.Name)
			}
		}
		if !slices.Equal(got, x.want) {
			t.Errorf("%s: %v, want %v", name, got, x.want)
		}
	}
}
