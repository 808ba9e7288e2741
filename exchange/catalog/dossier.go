package catalog

import (
	"encoding/hex"
	"slices"
	"time"

	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/support/process"
)

// Dossier is what a department and its authority see of a resource besides the resource itself: where its next version
// stands, who did what, what is missing. It is no affair of other departments.
type Dossier struct {
	process.Case
	Code    string `json:"code"`
	Version int    `json:"version"`  // the latest one described
	InForce int    `json:"in_force"` // the published one; 0: none

	SubmittedBy string    `json:"submitted_by,omitempty"`
	SignedBy    string    `json:"signed_by,omitempty"` // the head of the department
	ReviewedBy  string    `json:"reviewed_by,omitempty"`
	Owner       string    `json:"owner,omitempty"`    // who submitted the version in force
	Approver    string    `json:"approver,omitempty"` // who signed it
	Reason      string    `json:"reason,omitempty"`   // of the last return, rejection, withdrawal or refusal
	Demand      *Demand   `json:"demand,omitempty"`
	Extension   *MoreTime `json:"extension,omitempty"`
	Advice      []Advice  `json:"advice,omitempty"`   // what the submission was told, and the authority should weigh
	Resource    *Resource `json:"resource,omitempty"` // the latest version
	Source      string    `json:"source,omitempty"`
	Table       string    `json:"table,omitempty"`

	// Filled in when one entry is read; not stored with it.
	Assessments []Assessment `json:"assessments,omitempty"` // of the latest version
	Missing     []errs.Field `json:"missing,omitempty"`     // what a submission would be refused for
	Division    string       `json:"division,omitempty"`    // of who described it: the region by whose profile its clocks run
}

// Demand is a change that makes an update due (Decree 809 art. 17).
type Demand struct {
	Cause Cause     `json:"cause"`
	What  string    `json:"what"` // which provision, which decision, which duty
	Since time.Time `json:"since"`
	By    string    `json:"by"`
}

// Cause is what changed.
type Cause string

// The causes art. 17 names.
const (
	LawChanged      Cause = "law"
	DecisionChanged Cause = "state_council_decision"
	DutyChanged     Cause = "duty"
)

// maxDemandAge bounds how far back a change may lie.
const maxDemandAge = 5 * 366 * 24 * time.Hour

func (d *Demand) check(now time.Time) error {
	var f faults
	f.Need(d.Cause == LawChanged || d.Cause == DecisionChanged || d.Cause == DutyChanged, "cause", "须为 law、state_council_decision 或 duty", "must be law, state_council_decision or duty")
	f.Need(process.Text(d.What), "what", "请写明变化的内容（4000 字节以内）", "say what changed, in at most 4000 bytes")
	f.Need(!d.Since.IsZero() && !d.Since.After(now) && d.Since.After(now.Add(-maxDemandAge)), "since", "变化日期须为今天或以前五年之内", "the date of the change must be today or within the five years before")
	return f.Err(ErrResource)
}

// MaxExtension is how many working days the authority may add to the time for an update (Decree 809 art. 17).
const MaxExtension = 5

// MoreTime is more time for an update: asked for by the department, consented to by the authority of its level, once.
type MoreTime struct {
	Days        int       `json:"days"` // working days
	Reason      string    `json:"reason"`
	AskedBy     string    `json:"asked_by"`
	Asked       time.Time `json:"asked"`
	ConsentedBy string    `json:"consented_by,omitempty"`
	Declined    string    `json:"declined,omitempty"`
}

func (x *MoreTime) open() bool { return x.ConsentedBy == "" && x.Declined == "" }

func (x *MoreTime) check() error {
	var f faults
	f.Need(x.Days >= 1 && x.Days <= MaxExtension, "days", "延期须为一至五个工作日（809 号令第十七条）", "an extension is 1 to 5 working days (Decree 809 art. 17)")
	f.Need(process.Text(x.Reason), "reason", "请写明延期理由", "say why more time is needed")
	return f.Err(ErrResource)
}

// Kind is which assessment the law asks for before an entry is submitted (Decree 809 art. 13).
type Kind string

// The kinds.
const (
	Confidentiality Kind = "confidentiality" // 保密风险评估
	Privacy         Kind = "privacy"         // 个人信息保护影响评估
)

// Assessment is the record of one assessment of one version.
type Assessment struct {
	ID       string    `json:"id"`
	Version  int       `json:"version"`
	Kind     Kind      `json:"kind"`
	Assessor string    `json:"assessor"` // who assessed: a person or body, as the document names it
	Date     string    `json:"date"`     // 2006-01-02
	Pass     bool      `json:"pass"`
	Text     string    `json:"text"`   // conclusion
	Digest   string    `json:"digest"` // hex SHA-256 of the document
	By       string    `json:"by"`     // who put it on record
	Time     time.Time `json:"time"`
}

func (a *Assessment) check(now time.Time) error {
	var f faults
	f.Need(a.Kind == Confidentiality || a.Kind == Privacy, "kind", "须为 confidentiality（保密风险评估）或 privacy（个人信息保护影响评估）", "must be confidentiality or privacy")
	f.Need(process.Text(a.Assessor) && len(a.Assessor) <= 200, "assessor", "请写明评估人", "name the assessor")
	d, err := time.Parse(time.DateOnly, a.Date)
	f.Need(err == nil && !d.After(now.Add(24*time.Hour)), "date", "评估日期写作 2027-01-31，不得晚于今天", "the date is written 2027-01-31 and not later than today")
	f.Need(process.Text(a.Text), "text", "请写明评估结论（4000 字节以内）", "state the conclusion, in at most 4000 bytes")
	raw, err := hex.DecodeString(a.Digest)
	f.Need(err == nil && len(raw) == 32, "digest", "请给出评估文件的 SHA-256（64 位十六进制）", "give the SHA-256 of the document, 64 hex digits")
	return f.Err(ErrResource)
}

// Needed are the assessments that a resource needs: of the risk to secrets always, of the impact on personal information
// if it has any.
func (r *Resource) Needed() []Kind {
	if slices.ContainsFunc(r.Items, func(i Item) bool { return i.Subject || i.Personal }) {
		return []Kind{Confidentiality, Privacy}
	}
	return []Kind{Confidentiality}
}

// In is the name of the assessment in a language.
func (k Kind) In(lang string) string {
	if k == Privacy {
		return process.Say("个人信息保护影响评估", "personal-information impact assessment").In(lang)
	}
	return process.Say("保密风险评估", "confidentiality-risk assessment").In(lang)
}

// gates lists what the assessments of a version lack: of each kind needed the latest must have passed.
func gates(r *Resource, as []Assessment) []errs.Field {
	var f faults
	for _, k := range r.Needed() {
		var last *Assessment
		for i := range as {
			if as[i].Kind == k && (last == nil || !as[i].Time.Before(last.Time)) {
				last = &as[i]
			}
		}
		switch {
		case last == nil:
			f.Need(false, "assessments", "缺少本版本的"+k.In("zh")+"（809 号令第十三条）", "this version has no "+k.In("en")+" (Decree 809 art. 13)")
		case !last.Pass:
			f.Need(false, "assessments", k.In("zh")+"的结论为不通过", "the "+k.In("en")+" did not pass")
		}
	}
	return f
}

// faults collects everything that is wrong, to be answered at once.
type faults = process.Faults

// Advice is what is not forbidden and should still be weighed.
type Advice struct {
	Code string `json:"code"` // code_form, source_department, …
	Item string `json:"item,omitempty"`
	Zh   string `json:"zh"`
	En   string `json:"en"`
}
