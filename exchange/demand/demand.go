package demand

import (
	"strings"
	"time"

	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/support/policy"
)

// Side is which end a record is.
type Side string

// The sides.
const (
	Asker  Side = "asker"  // the department that needs the data
	Holder Side = "holder" // a member that was asked
)

// State is how far a demand is at one end.
type State string

// The states. Asker: Draft → Listed → Answered → Satisfied, or Withdrawn. Holder: Open → Assigned → Replied, or Closed.
const (
	Draft     State = "DRAFT" // waits for the head of the asking office
	Listed    State = "LISTED"
	Answered  State = "ANSWERED" // at least one member offers something
	Satisfied State = "SATISFIED"
	Withdrawn State = "WITHDRAWN"
	Open      State = "OPEN" // waits for the authority
	Assigned  State = "ASSIGNED"
	Replied   State = "REPLIED"
	Closed    State = "CLOSED"
)

// Event is what happens to a demand.
type Event string

// The events.
const (
	Consent  Event = "consent"  // the head of the asking office: it is listed
	Return   Event = "return"   // the head sends it back: withdrawn, to be written anew
	Withdraw Event = "withdraw" // the asking department needs it no more
	Satisfy  Event = "satisfy"  // an application for an entry was made
	Offer    Event = "offer"    // a member answered with an entry or a day
	Decline  Event = "decline"  // a member holds nothing of the kind
	Assign   Event = "assign"   // the authority names the department, or another one
	Reply    Event = "reply"    // the department answers, or answers anew
	Close    Event = "close"    // the asking end is done
)

// next is the whole machine.
func next(s State, e Event) (State, error) {
	for _, a := range arrows() {
		if a.on == e && a.from == s {
			return a.to, nil
		}
	}
	return s, ErrTransition.With(string(s), string(e))
}

type arrow struct {
	from State
	on   Event
	to   State
}

func arrows() []arrow {
	return []arrow{
		{Draft, Consent, Listed},
		{Draft, Return, Withdrawn},
		{Draft, Withdraw, Withdrawn},
		{Listed, Withdraw, Withdrawn},
		{Answered, Withdraw, Withdrawn},
		{Listed, Offer, Answered},
		{Answered, Offer, Answered},
		{Listed, Decline, Listed},
		{Answered, Decline, Answered},
		{Listed, Satisfy, Satisfied}, // the data was found without an answer
		{Answered, Satisfy, Satisfied},
		{Open, Assign, Assigned},
		{Assigned, Assign, Assigned},
		{Replied, Assign, Assigned}, // the authority asks another department
		{Assigned, Reply, Replied},
		{Replied, Reply, Replied}, // the planned entry is there
		{Open, Close, Closed},
		{Assigned, Close, Closed},
		{Replied, Close, Closed},
		// What arrives late at an end that is done changes nothing there.
		{Satisfied, Offer, Satisfied},
		{Satisfied, Decline, Satisfied},
		{Withdrawn, Offer, Withdrawn},
		{Withdrawn, Decline, Withdrawn},
	}
}

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

// Bounds of what a demand says.
const (
	maxItems = 64
	maxText  = 4000
)

// check lists everything missing at once.
func (w *Want) check(now time.Time) error {
	var f []errs.Field
	need := func(ok bool, name, zh, en string) {
		if !ok {
			f = append(f, errs.Field{Name: name, Zh: zh, En: en})
		}
	}
	text := func(s string) bool { return strings.TrimSpace(s) != "" && len(s) <= maxText }
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
	if len(f) > 0 {
		return ErrWant.With().WithFields(f...)
	}
	return nil
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
	var f []errs.Field
	need := func(ok bool, name, zh, en string) {
		if !ok {
			f = append(f, errs.Field{Name: name, Zh: zh, En: en})
		}
	}
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
	need(len(a.Resource) <= 128 && len(a.Reason) <= maxText, "reason", "内容过长", "too long")
	if len(f) > 0 {
		return ErrAnswer.With().WithFields(f...)
	}
	return nil
}

// Answer is an answer with who gave it.
type Answer struct {
	AnswerGiven
	From policy.Party `json:"from"`
	Time time.Time    `json:"time"`
}

// Step is one line of a demand's history.
type Step struct {
	Time  time.Time `json:"time"`
	Actor string    `json:"actor"` // an officer of this end, or the member at the other
	Event Event     `json:"event"`
	Note  string    `json:"note,omitempty"`
}

// Demand is one end's record.
type Demand struct {
	ID          string       `json:"id"`
	Side        Side         `json:"side"`
	State       State        `json:"state"`
	Asker       policy.Party `json:"asker"`
	Want        Want         `json:"want"`
	Members     []string     `json:"members,omitempty"`     // asked; empty: all
	Department  string       `json:"department"`            // whose record it is; empty at a holder before it is assigned
	Answers     []Answer     `json:"answers,omitempty"`     // the latest of each member
	Application string       `json:"application,omitempty"` // it was satisfied with
	Steps       []Step       `json:"steps"`
	Created     time.Time    `json:"created"`
	Updated     time.Time    `json:"updated"`
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
