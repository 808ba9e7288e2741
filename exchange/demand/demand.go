package demand

import (
	"strings"
	"time"

	"github.com/kuayu/kuayu/support/policy"
	"github.com/kuayu/kuayu/support/process"
)

// Want is what a department needs, and why: the statements an application will have to make (Decree 809 art. 20) as far as
// they are known before there is an entry to apply for.
type Want struct {
	Name        string       `json:"name"`  // of the data, in the words of who needs it
	Items       []string     `json:"items"` // what each record should say
	Scenario    string       `json:"scenario"`
	Basis       policy.Basis `json:"basis"`
	Scope       string       `json:"scope"` // regions, periods, kinds of subjects
	UpdateCycle string       `json:"update_cycle,omitempty"`
	Until       time.Time    `json:"until"` // by when it is needed
}

// maxItems bounds what a demand lists.
const maxItems = 64

// check lists everything missing at once.
func (w *Want) check(now time.Time) error {
	var f process.Faults
	need, text := f.Need, process.Text
	need(text(w.Name) && len(w.Name) <= 200, "name", "请写明所需数据的名称（不超过 60 字）", "name the data that is needed, in at most 200 bytes")
	need(len(w.Items) > 0 && len(w.Items) <= maxItems, "items", "请列出 1 至 64 个所需数据项", "list 1 to 64 items that are needed")
	for _, it := range w.Items {
		need(text(it) && len(it) <= 200, "items", "数据项名称为空或过长", "an item is empty or too long")
	}
	need(text(w.Scenario), "scenario", "请写明使用场景", "state the scenario")
	need(text(w.Scope), "scope", "请写明范围", "state the scope")
	need(w.Basis.Kind == "consent" || (w.Basis.Kind == "duty" && text(w.Basis.Citation)), "basis", "请写明使用依据（法定职责的条文，或本人同意）", "state the legal basis: the article of a duty, or consent")
	need(len(w.UpdateCycle) <= 100, "update_cycle", "更新频率过长", "the update cycle is too long")
	need(w.Until.After(now), "until", "期望时间须晚于今天", "the day by which it is needed must be in the future")
	return f.Err(ErrWant)
}

// Kind is what a department answers.
type Kind string

// The answers.
const (
	Offered Kind = "offered" // an entry of its catalogue
	Planned Kind = "planned" // an entry by a day
	NotHeld Kind = "not_held"
)

// AnswerGiven says what a department has.
type AnswerGiven struct {
	Kind     Kind      `json:"kind"`
	Resource string    `json:"resource,omitempty"` // of Offered
	By       time.Time `json:"by,omitzero"`        // of Planned
	Reason   string    `json:"reason,omitempty"`   // of NotHeld, and of Planned what is in the way
}

func (a *AnswerGiven) check(now time.Time) error {
	var f process.Faults
	need := f.Need
	switch a.Kind {
	case Offered:
		need(a.Resource != "", "resource", "请写明目录条目代码", "name the entry of the catalogue")
	case Planned:
		need(a.By.After(now), "by", "请写明预计发布日期（晚于今天）", "name the day by which the entry will be there")
	case NotHeld:
		need(strings.TrimSpace(a.Reason) != "", "reason", "请说明理由", "give the reason")
	default:
		need(false, "kind", "须为 offered、planned 或 not_held", "must be offered, planned or not_held")
	}
	need(len(a.Resource) <= 128 && process.Brief(a.Reason), "reason", "内容过长", "too long")
	return f.Err(ErrAnswer)
}

// Answer is an answer with who gave it.
type Answer struct {
	AnswerGiven
	From policy.Party `json:"from"`
	Time time.Time    `json:"time"`
}

// Demand is one end's record. Its department is empty at a provider until the authority assigns it.
type Demand struct {
	process.Case
	Consumer    policy.Party   `json:"consumer"` // who needs the data
	Want        Want           `json:"want"`
	Members     []string       `json:"members,omitempty"`     // asked; empty: all
	Answers     []Answer       `json:"answers,omitempty"`     // the latest of each member
	Application string         `json:"application,omitempty"` // it was satisfied with
	Steps       []process.Step `json:"steps,omitempty"`       // filled in when one demand is read; not stored with it
}

// answered puts an answer in the place of an earlier one from the same member.
func (d *Demand) answered(a Answer) {
	for i := range d.Answers {
		if d.Answers[i].From.Member == a.From.Member {
			d.Answers[i] = a
			return
		}
	}
	d.Answers = append(d.Answers, a)
}
