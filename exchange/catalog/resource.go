package catalog

import (
	"regexp"
	"strings"
	"time"

	"github.com/kuayu/kuayu/support/policy"
	"github.com/kuayu/kuayu/support/process"
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

	Personal   bool        `json:"personal,omitempty"`    // personal information, though it identifies nobody by itself
	Sharing    Sharing     `json:"sharing,omitempty"`     // empty: as the entry; never looser than it
	LegalBasis *LegalBasis `json:"legal_basis,omitempty"` // mandatory when the item alone is not shared
	Open       bool        `json:"open,omitempty"`        // may be opened to the public with the entry
	Element    string      `json:"element,omitempty"`     // code of the data element (数据元) it carries
}

// Openness says whether the public may have the data (开放属性).
type Openness string

// The openness attributes.
const (
	Closed            Openness = ""
	Open              Openness = "open"
	OpenConditionally Openness = "conditional"
)

// Channel is the network over which the resource is reached.
type Channel string

// The channels.
const (
	GovernmentNetwork Channel = "government_network" // 政务外网
	Internet          Channel = "internet"           // 互联网
	DepartmentNetwork Channel = "department_network" // 部门专网
)

// Classification places an entry in the classes of the 2017 guide below its first digit, Resource.Class.
type Classification struct {
	Group  string `json:"group"`            // 项, two digits
	Topic  string `json:"topic,omitempty"`  // 目, three digits
	Detail string `json:"detail,omitempty"` // 细目, digits
}

// ServiceItem is the service to citizens or enterprises that the data comes from or serves.
type ServiceItem struct {
	Kind           string `json:"kind,omitempty"`
	Name           string `json:"name"`
	Basic          string `json:"basic,omitempty"`          // 基本目录编码
	Handling       string `json:"handling,omitempty"`       // 业务办理项编码
	Implementation string `json:"implementation,omitempty"` // 实施清单编码
}

// Resource is one entry of the catalogue. The fields of Decree 809 art. 13: name, items, providing unit, format,
// update cycle, sharing attribute, modes, conditions of use, class and grade. Department is the core metadata's provider
// code; the fields after Published are the rest of the 2017 guide's core metadata and what platforms add to it.
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
	State       State         `json:"state"` // draft, published, revoked
	Published   *time.Time    `json:"published,omitempty"`

	Classification *Classification `json:"classification,omitempty"`
	FormatClass    FormatClass     `json:"format_class,omitempty"` // empty: the class that Format is of
	Openness       Openness        `json:"openness,omitempty"`
	OpenCondition  string          `json:"open_condition,omitempty"` // mandatory when opened conditionally
	Related        []string        `json:"related,omitempty"`        // codes of related resources
	Secret         bool            `json:"secret,omitempty"`         // holds State secrets
	Channel        Channel         `json:"channel,omitempty"`
	OriginSystem   string          `json:"origin_system,omitempty"` // 信息主要所属系统
	Origins        []string        `json:"origins,omitempty"`       // 来源方: departments the data comes from
	ServiceItem    *ServiceItem    `json:"service_item,omitempty"`
}

// updateCycles of the 2017 guide.
func updateCycles() []string {
	return []string{"realtime", "daily", "weekly", "monthly", "quarterly", "yearly", "on_demand"}
}

// Check validates the entry and lists everything wrong at once.
func (r *Resource) Check() error {
	var f faults
	add := func(name, zh, en string) { f.Need(false, name, zh, en) }
	need := func(name, zh, v string) {
		if strings.TrimSpace(v) == "" {
			add(name, zh+"不能为空", "the "+name+" must not be empty")
		} else if len(v) > 4000 {
			add(name, zh+"过长", "the "+name+" is too long")
		}
	}
	need("code", "资源编码", r.Code)
	need("name", "资源名称", r.Name)
	need("department", "提供部门代码", r.Department)
	need("provider", "提供部门名称", r.Provider)
	need("abstract", "摘要", r.Abstract)
	need("format", "格式", r.Format)
	need("conditions", "使用条件", r.Conditions)
	if r.Code != "" && !codeForm.MatchString(r.Code) {
		add("code", "只能用字母、数字和 . _ - /，不超过 128 个字符", "takes letters, digits and . _ - / only, at most 128 of them")
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
	r.checkMetadata(&f)
	return f.Err(ErrResource)
}

// codeForm is what every identifier must look like, so that it fits addresses, notices and clocks. Whether it also has
// the guide's structure is told on submission: codeAdvice.
var codeForm = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z._/-]{0,127}$`)

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
		if !r.LegalBasis.valid() {
			add("legal_basis", "不予共享须引用法律、行政法规或国务院决定的具体条款（809 号令第十四、十五条）", "not sharing takes a citation of a law, an administrative regulation or a State Council decision (Decree 809 art. 14, 15)")
		}
	default:
		add("sharing", "须为 unconditional、conditional 或 none", "must be unconditional, conditional or none")
	}
}

// valid reports whether a citation can forbid sharing: only the three instruments of art. 14 can.
func (b *LegalBasis) valid() bool {
	return b != nil && b.Name != "" && b.Article != "" && b.Reason != "" && len(b.Name)+len(b.Article)+len(b.Reason) <= process.MaxNote &&
		(b.Instrument == Law || b.Instrument == Regulation || b.Instrument == StateDecision)
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
		r.checkItemSharing(it, add)
	}
}

// strictness orders the sharing attributes; -1 is none of them.
func (s Sharing) strictness() int {
	switch s {
	case Unconditional:
		return 0
	case Conditional:
		return 1
	case NotShared:
		return 2
	}
	return -1
}

// checkItemSharing: an item may be shared more strictly than its entry, never more loosely, and to share it not at all
// takes a citation of its own (Decree 809 art. 14, 15).
func (r *Resource) checkItemSharing(it *Item, add func(name, zh, en string)) {
	if it.Length < 0 || len(it.Title) > process.MaxNote || len(it.Name) > 200 || len(it.Element) > 100 {
		add("items", it.Name+" 的名称、长度或数据元代码超出范围", it.Name+": name, length or element code out of range")
	}
	switch {
	case it.Sharing == "":
	case it.Sharing.strictness() < 0:
		add("items", it.Name+" 的共享属性须为 unconditional、conditional 或 none", "the sharing of "+it.Name+" must be unconditional, conditional or none")
	case it.Sharing.strictness() < r.Sharing.strictness():
		add("items", it.Name+" 的共享属性不得宽于条目", "the sharing of "+it.Name+" must not be looser than the entry's")
	case it.Sharing == NotShared && r.Sharing != NotShared && !it.LegalBasis.valid():
		add("items", it.Name+" 不予共享，须引用法律、行政法规或国务院决定的具体条款（809 号令第十四、十五条）", it.Name+" is not shared; that takes a citation of a law, an administrative regulation or a State Council decision (Decree 809 art. 14, 15)")
	case it.Sharing == Conditional && r.Sharing == Unconditional && (r.ShareScope == "" || r.UsePurpose == ""):
		add("items", it.Name+" 为有条件共享，条目须写明共享范围和使用用途（809 号令第十五条）", it.Name+" is shared conditionally; the entry must state scope and purpose (Decree 809 art. 15)")
	}
	if it.Open && (r.Openness == Closed || it.Subject || it.Personal || r.SharingOf([]string{it.Name}) == NotShared) {
		add("items", it.Name+" 不能开放：条目未开放，或属个人信息，或不予共享", it.Name+" cannot be open: the entry is not, or it is personal information, or it is not shared")
	}
}

// SharingOf is the class of an application for some items: the strictest of the entry's and theirs.
func (r *Resource) SharingOf(fields []string) Sharing {
	out := r.Sharing
	for _, name := range fields {
		if it := r.Item(name); it != nil && it.Sharing.strictness() > out.strictness() {
			out = it.Sharing
		}
	}
	return out
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
