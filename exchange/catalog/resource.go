package catalog

import (
	"strings"
	"time"

	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/support/policy"
)

// Sharing is one of exactly three attributes (Decree 809 art. 14).
type Sharing string

// The sharing attributes.
const (
	Unconditional Sharing = "unconditional" // 无条件共享
	Conditional   Sharing = "conditional"   // 有条件共享
	NotShared     Sharing = "none"          // 不予共享
)

// Instrument is what may forbid sharing: a law, an administrative regulation or a decision of the State Council;
// departmental and local rules may not (Decree 809 art. 14, 15).
type Instrument string

// The instruments.
const (
	Law           Instrument = "law"
	Regulation    Instrument = "regulation"
	StateDecision Instrument = "state_council_decision"
)

// LegalBasis cites what forbids sharing.
type LegalBasis struct {
	Instrument Instrument `json:"instrument"`
	Name       string     `json:"name"`
	Article    string     `json:"article"`
	Reason     string     `json:"reason"`
}

// Item is one data item (信息项) with its own grade and default mask.
type Item struct {
	Name    string      `json:"name"`  // column in the source
	Title   string      `json:"title"` // what people read
	Type    string      `json:"type"`  // C N Y D T L M G B I F, as the 2017 catalogue guide has them
	Length  int         `json:"length,omitempty"`
	Grade   int         `json:"grade"` // 1–4, GB/T 43697
	Mask    policy.Mask `json:"mask,omitzero"`
	Key     bool        `json:"key,omitempty"`     // may be asked for by exact value though masked
	Subject bool        `json:"subject,omitempty"` // identifies a natural person
	Verify  bool        `json:"verify,omitempty"`  // may be compared, not read
}

// Resource is one entry of the catalogue. The fields of Decree 809 art. 13: name, items, providing unit, format,
// update cycle, sharing attribute, modes, conditions of use, class and grade.
type Resource struct {
	Code        string        `json:"code"`
	Name        string        `json:"name"`
	Department  string        `json:"department"` // USCC of the providing unit
	Provider    string        `json:"provider"`   // its name
	Abstract    string        `json:"abstract"`
	Items       []Item        `json:"items"`
	Format      string        `json:"format"`
	UpdateCycle string        `json:"update_cycle"`
	Sharing     Sharing       `json:"sharing"`
	Modes       []policy.Mode `json:"modes"`
	Conditions  string        `json:"conditions"`            // 使用条件
	ShareScope  string        `json:"share_scope,omitempty"` // mandatory when conditional (art. 15)
	UsePurpose  string        `json:"use_purpose,omitempty"` // mandatory when conditional (art. 15)
	LegalBasis  *LegalBasis   `json:"legal_basis,omitempty"` // mandatory when not shared
	Class       string        `json:"class"`                 // base, theme, department
	Grade       int           `json:"grade"`                 // at least the highest of its items
	Version     int           `json:"version"`
	State       string        `json:"state"` // draft, published, withdrawn
	Published   *time.Time    `json:"published,omitempty"`
}

// The states of an entry.
const (
	Draft     = "draft"
	Published = "published"
	Withdrawn = "withdrawn"
)

// updateCycles of the 2017 guide.
func updateCycles() []string {
	return []string{"realtime", "daily", "weekly", "monthly", "quarterly", "yearly", "on_demand"}
}

// Check validates the entry and lists everything wrong at once.
func (r *Resource) Check() error {
	var f []errs.Field
	add := func(name, zh, en string) { f = append(f, errs.Field{Name: name, Zh: zh, En: en}) }
	need := func(name, v string) {
		if strings.TrimSpace(v) == "" {
			add(name, "不能为空", "must not be empty")
		} else if len(v) > 4000 {
			add(name, "过长", "is too long")
		}
	}
	need("code", r.Code)
	need("name", r.Name)
	need("department", r.Department)
	need("provider", r.Provider)
	need("abstract", r.Abstract)
	need("format", r.Format)
	need("conditions", r.Conditions)
	if strings.ContainsAny(r.Code, " \n?#%") || len(r.Code) > 128 {
		add("code", "含有不允许的字符或过长", "has characters that are not allowed, or is too long")
	}
	if !member(updateCycles(), r.UpdateCycle) {
		add("update_cycle", "须为 "+strings.Join(updateCycles(), "、")+" 之一", "must be one of "+strings.Join(updateCycles(), ", "))
	}
	if r.Class != "base" && r.Class != "theme" && r.Class != "department" {
		add("class", "须为 base、theme 或 department", "must be base, theme or department")
	}
	if len(r.Modes) == 0 && r.Sharing != NotShared {
		add("modes", "至少一种共享方式", "needs at least one mode")
	}
	r.checkSharing(add)
	r.checkItems(add)
	if len(f) > 0 {
		return ErrResource.With().WithFields(f...)
	}
	return nil
}

func (r *Resource) checkSharing(add func(name, zh, en string)) {
	switch r.Sharing {
	case Unconditional:
	case Conditional:
		if r.ShareScope == "" {
			add("share_scope", "有条件共享须写明共享范围（809 号令第十五条）", "conditional sharing must state its scope (Decree 809 art. 15)")
		}
		if r.UsePurpose == "" {
			add("use_purpose", "有条件共享须写明使用用途（809 号令第十五条）", "conditional sharing must state its purpose (Decree 809 art. 15)")
		}
	case NotShared:
		b := r.LegalBasis
		if b == nil || b.Name == "" || b.Article == "" || b.Reason == "" || (b.Instrument != Law && b.Instrument != Regulation && b.Instrument != StateDecision) {
			add("legal_basis", "不予共享须引用法律、行政法规或国务院决定的具体条款（809 号令第十四、十五条）", "not sharing takes a citation of a law, an administrative regulation or a State Council decision (Decree 809 art. 14, 15)")
		}
	default:
		add("sharing", "须为 unconditional、conditional 或 none", "must be unconditional, conditional or none")
	}
}

func (r *Resource) checkItems(add func(name, zh, en string)) {
	if len(r.Items) == 0 || len(r.Items) > policy.MaxItems {
		add("items", "须有 1 至 512 个数据项", "needs 1 to 512 items")
	}
	seen := map[string]bool{}
	for i := range r.Items {
		it := &r.Items[i]
		if it.Name == "" || it.Title == "" || seen[it.Name] {
			add("items", "数据项名称为空或重复："+it.Name, "item empty or listed twice: "+it.Name)
		}
		seen[it.Name] = true
		if len(it.Type) != 1 || !strings.Contains("CNYDTLMGBIF", it.Type) {
			add("items", it.Name+" 的类型须为 C N Y D T L M G B I F 之一", "the type of "+it.Name+" must be one of C N Y D T L M G B I F")
		}
		if it.Grade < 1 || it.Grade > 4 {
			add("items", it.Name+" 的分级须为 1 至 4", "the grade of "+it.Name+" must be 1 to 4")
		}
		if it.Grade > r.Grade {
			add("grade", "条目分级不得低于其数据项（就高从严）", "the grade must not be below that of an item")
		}
	}
}

func member(list []string, s string) bool {
	for _, l := range list {
		if l == s {
			return true
		}
	}
	return false
}

// Item returns the item of the name, nil if there is none.
func (r *Resource) Item(name string) *Item {
	for i := range r.Items {
		if r.Items[i].Name == name {
			return &r.Items[i]
		}
	}
	return nil
}
