package process

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kuayu/kuayu/support/deadline"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/notice"
)

// State is where a case stands; the same words at both ends.
type State string

// Event is what moves a case, or is written down in it.
type Event string

// Side is which end of a case a record is; empty where a case has one end.
type Side string

// Words are a text in both languages.
type Words struct {
	Zh string `json:"zh"`
	En string `json:"en"`
}

// In is the text in a language: "zh", or else English.
func (w Words) In(lang string) string {
	if lang == "zh" {
		return w.Zh
	}
	return w.En
}

// Who are roles at one end.
type Who struct {
	Side  Side            `json:"side,omitempty"`
	Roles []identity.Role `json:"roles"`
}

// Say makes words.
func Say(zh, en string) Words { return Words{Zh: zh, En: en} }

// At are roles at an end.
func At(side Side, roles ...identity.Role) []Who { return []Who{{Side: side, Roles: roles}} }

// Waits says whose turn a state is, whatever is pending.
func Waits(side Side, roles ...identity.Role) map[string][]Who {
	return map[string][]Who{"": At(side, roles...)}
}

// Notice is a notice to roles of the department whose record it is; the authority gets it for the whole node.
func Notice(side Side, kind notice.Kind, roles ...identity.Role) Notify {
	to := Office
	if slices.Contains(roles, identity.Authority) {
		to = Authority
	}
	return Notify{Side: side, To: to, Roles: roles, Kind: kind}
}

// StateRow is a state.
type StateRow struct {
	State State
	Words Words
	Final bool // no officer's step follows; what the other end did before it heard of the end may still arrive
	// Waits says whose turn it is, by the name of what is pending (Def.Pending); "" is the state itself. Nobody: another
	// end, a rule, or time.
	Waits map[string][]Who
}

// Audience is who is notified.
type Audience int

// The audiences.
const (
	Office    Audience = iota // roles of the department whose record it is
	Authority                 // the authority, which looks after the whole node
	Everyone                  // roles of every department of the node
)

// Notify is one notice of an event at an end.
type Notify struct {
	Side  Side
	To    Audience
	Roles []identity.Role
	Kind  notice.Kind
}

// EventRow is an event.
type EventRow struct {
	Event Event
	Words Words
	// By are the roles that may cause it; none: a rule of the node, time, or the other end alone.
	By []Who
	// Law says whose act it is under the law; none for what time does.
	Law []deadline.Role
	// Other demands another officer than who caused the named events last: what one prepares, another decides.
	Other []Event
	// Reason: a note must say why. The error is Table.Reason.
	Reason bool
	Needs  []Arg // what must or may be said besides
	Notify []Notify
	Silent string // why nobody is notified
}

// Arg is something said with an event.
type Arg struct {
	Name  string `json:"name"`
	Words Words  `json:"words"`
	Maybe bool   `json:"maybe,omitempty" doc:"may be left out"`
}

// Move is what an event does in some states.
type Move struct {
	From   []State
	On     Event
	To     State  // empty: the state stays
	Once   bool   // a single time in the life of a case
	Quiet  bool   // nobody is notified: it came too late to matter
	Send   string // message to the other end; empty: none
	Clocks []deadline.Action
}

// Table is a kind of case.
type Table struct {
	Kind   string // noun of commands, wires and subjects: "agreement"
	Words  Words
	Law    string // articles it follows, as "Decree 809 art. 20–22, 25–27"
	Sides  []SideRow
	Start  State // a new case is in it, before its first event
	States []StateRow
	Events []EventRow
	Moves  []Move
	// Refused makes the errors of a kind: an event that the state does not allow, a missing reason, and one officer where
	// two are needed. Its codes are the kind's own.
	Refused Refusals

	index map[moveKey]*Move
}

// SideRow is an end of a case.
type SideRow struct {
	Side  Side
	Words Words
	Law   deadline.Role // which party it is under the law
}

// Refusals are the errors of a kind.
type Refusals struct {
	State  func(t *Table, from State, on Event) error
	Reason func() error
	Other  func() error
	NoSuch func() error
}

type moveKey struct {
	from State
	on   Event
}

// Build indexes a table. Of two moves for one event and state the first counts, so that a special line stands before a
// general one.
func (t Table) Build() *Table {
	t.index = make(map[moveKey]*Move, len(t.Moves))
	for i := range t.Moves {
		m := &t.Moves[i]
		for _, from := range m.From {
			k := moveKey{from, m.On}
			if t.index[k] == nil {
				t.index[k] = m
			}
		}
	}
	return &t
}

// Next is the machine: pure and total. done lists the events that happened before and may happen once only.
func (t *Table) Next(s State, e Event, done []Event) (State, *Move, error) {
	m := t.index[moveKey{s, e}]
	if m == nil || (m.Once && slices.Contains(done, e)) {
		return s, nil, t.Refused.State(t, s, e)
	}
	if m.To == "" {
		return s, m, nil
	}
	return m.To, m, nil
}

// Allows reports whether an event is possible.
func (t *Table) Allows(s State, e Event, done []Event) bool {
	_, _, err := t.Next(s, e, done)
	return err == nil
}

// Event finds an event; nil if the kind has none of the name.
func (t *Table) Event(e Event) *EventRow {
	for i := range t.Events {
		if t.Events[i].Event == e {
			return &t.Events[i]
		}
	}
	return nil
}

// State finds a state.
func (t *Table) State(s State) *StateRow {
	for i := range t.States {
		if t.States[i].State == s {
			return &t.States[i]
		}
	}
	return nil
}

// Final reports whether nothing follows a state.
func (t *Table) Final(s State) bool {
	r := t.State(s)
	return r != nil && r.Final
}

// StateWords are a state's words; its code if the table does not know it.
func (t *Table) StateWords(s State) Words {
	if r := t.State(s); r != nil {
		return r.Words
	}
	return Words{string(s), string(s)}
}

// EventWords are an event's words; its code if the table does not know it.
func (t *Table) EventWords(e Event) Words {
	if r := t.Event(e); r != nil {
		return r.Words
	}
	return Words{string(e), string(e)}
}

// StateNames lists all states in the order of the table.
func (t *Table) StateNames() []State {
	out := make([]State, len(t.States))
	for i := range t.States {
		out[i] = t.States[i].State
	}
	return out
}

// EventNames lists all events in the order of the table.
func (t *Table) EventNames() []Event {
	out := make([]Event, len(t.Events))
	for i := range t.Events {
		out[i] = t.Events[i].Event
	}
	return out
}

// noEvent is ErrEvent with the events that there are.
func (t *Table) noEvent(e Event) error {
	names := make([]string, len(t.Events))
	for i := range t.Events {
		names[i] = string(t.Events[i].Event)
	}
	return ErrEvent.With(t.Kind, string(e), strings.Join(names, ", "))
}

// Each visits every state and event that a move joins.
func (t *Table) Each(f func(from State, on Event, m *Move)) {
	for _, s := range t.States {
		for _, e := range t.Events {
			if m := t.index[moveKey{s.State, e.Event}]; m != nil {
				f(s.State, e.Event, m)
			}
		}
	}
}

// law is which party an end is under the law.
func (t *Table) law(s Side) deadline.Role {
	for _, r := range t.Sides {
		if r.Side == s {
			return r.Law
		}
	}
	return ""
}

// by are all roles that may cause an event at an end; side "" asks for any end.
func (e *EventRow) by(side Side) []identity.Role {
	var out []identity.Role
	for _, w := range e.By {
		if side == "" || w.Side == side {
			out = append(out, w.Roles...)
		}
	}
	return out
}

// Check lists what is wrong with a table: a state that is never reached or has no words, an event that moves nothing,
// notifies nobody without saying why, or is notified twice at one end, a line that another one hides. A node does not
// start with a table that has faults.
func (t *Table) Check() []string {
	var bad []string
	fault := func(format string, args ...any) { bad = append(bad, t.Kind+": "+fmt.Sprintf(format, args...)) }
	known := map[notice.Kind]bool{}
	for _, k := range notice.Kinds() {
		known[k.Kind] = true
	}
	reached := map[State]bool{t.Start: true, "": true}
	for range t.States {
		for i := range t.Moves {
			m := &t.Moves[i]
			if m.To != "" && slices.ContainsFunc(m.From, func(s State) bool { return reached[s] }) {
				reached[m.To] = true
			}
		}
	}
	for i := range t.States {
		s := &t.States[i]
		if s.Words.Zh == "" || s.Words.En == "" {
			fault("state %s has no words", s.State)
		}
		if !reached[s.State] {
			fault("state %s is never reached", s.State)
		}
		t.Each(func(from State, on Event, m *Move) {
			if from == s.State && s.Final && m.To != "" && m.To != from && t.Event(on) != nil && len(t.Event(on).By) > 0 {
				fault("%s is final and %s leads to %s", from, on, m.To)
			}
		})
	}
	for i := range t.Moves {
		m := &t.Moves[i]
		if m.To != "" && t.State(m.To) == nil {
			fault("%s leads to the unknown state %s", m.On, m.To)
		}
		if t.Event(m.On) == nil {
			fault("unknown event %s", m.On)
		}
		if !slices.ContainsFunc(m.From, func(s State) bool { return t.index[moveKey{s, m.On}] == m }) {
			fault("the line for %s from %v is hidden by another one", m.On, m.From)
		}
	}
	for i := range t.Events {
		bad = append(bad, t.checkEvent(&t.Events[i], known)...)
	}
	return bad
}

func (t *Table) checkEvent(e *EventRow, known map[notice.Kind]bool) []string {
	var bad []string
	fault := func(format string, args ...any) { bad = append(bad, t.Kind+": "+fmt.Sprintf(format, args...)) }
	if e.Words.Zh == "" || e.Words.En == "" {
		fault("event %s has no words", e.Event)
	}
	if !slices.ContainsFunc(t.Moves, func(m Move) bool { return m.On == e.Event }) {
		fault("event %s moves nothing", e.Event)
	}
	if (len(e.Notify) == 0) != (e.Silent != "") {
		fault("event %s: %d notices, and the reason against is %q", e.Event, len(e.Notify), e.Silent)
	}
	for _, o := range e.Other {
		if t.Event(o) == nil {
			fault("event %s: unknown event %s", e.Event, o)
		}
	}
	twice := map[string]bool{}
	for _, n := range e.Notify {
		key := fmt.Sprint(n.Side, n.To, n.Kind)
		if twice[key] || len(n.Roles) == 0 || !known[n.Kind] {
			fault("event %s: the notice %s is repeated, unknown, or for nobody", e.Event, n.Kind)
		}
		twice[key] = true
		if (n.To == Authority) != slices.Contains(n.Roles, identity.Authority) {
			fault("event %s: the authority belongs to no department", e.Event)
		}
		if len(t.Sides) > 0 && !slices.ContainsFunc(t.Sides, func(s SideRow) bool { return s.Side == n.Side }) {
			fault("event %s: unknown end %q", e.Event, n.Side)
		}
	}
	return bad
}
