package process

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/kuayu/kuayu/internal/httpx"
	"github.com/kuayu/kuayu/support/deadline"
	"github.com/kuayu/kuayu/support/seal"
)

// Case is the kernel's part of a document; the documents of all kinds embed it.
type Case struct {
	ID         string    `json:"id"`     // the same at both ends, unless the kind names the other end's (Index.Peer)
	Number     string    `json:"number"` // the same at both ends; ShowNumber is how people see it
	Side       Side      `json:"side,omitempty"`
	State      State     `json:"state"`
	Department string    `json:"department"` // whose record it is; empty: the node's as a whole
	Done       []Event   `json:"done,omitempty"`
	Created    time.Time `json:"created"`
	Updated    time.Time `json:"updated"`
	// Officers says who of this end caused each event last.
	Officers map[Event]string `json:"officers,omitempty"`
}

// Step is one line of a history: every event writes one.
type Step struct {
	ID    string    `json:"id"`
	Time  time.Time `json:"time"`
	Actor string    `json:"actor"` // an officer of this end, or the member at the other; empty: a rule of the node, or time
	Event Event     `json:"event"`
	From  State     `json:"from"`
	To    State     `json:"to"`
	Note  string    `json:"note,omitempty"`
}

// Act is an event that somebody, or something, wants to happen.
type Act struct {
	Event     Event
	At        time.Time       // now
	Said      time.Time       // when the other end said it; At for what happens here
	Actor     seal.Actor      // nobody: a rule of the node, or time
	Authority string          // department of the authority, where it acts for the department whose record it is
	Note      string          //
	Args      any             // as Does.Args makes it
	Remote    bool            // the other end did it: nothing is sent back
	Detail    json.RawMessage // Args as they go into the fact and to the other end
	Document  []byte          // exact bytes that the event brings, for hooks
}

// Span is what an event says to the law's clocks.
type Span struct {
	At      time.Time // zero: Act.At
	Days    int       // working days
	By      time.Time // last day, instead of Days
	Consent string    // reference of the authority's consent
}

// Does is what one event does to a document: pure.
type Does[D any] struct {
	Args   func() any               // a fresh value to decode what is said into; nil: nothing is said besides a note
	Guard  func(d *D, a *Act) error // may refuse, and changes nothing
	Change func(d *D, a *Act)       // what the document says afterwards; the state is the kernel's
	Span   func(d *D, a *Act) Span
}

// Saying is an event with which something is said. check may be nil.
func Saying[D, A any](check func(d *D, a *Act, x *A) error, change func(d *D, a *Act, x *A)) Does[D] {
	return Does[D]{
		Args: func() any { return new(A) },
		Guard: func(d *D, a *Act) error {
			x, ok := a.Args.(*A)
			if !ok {
				x = new(A)
				a.Args = x
			}
			if check == nil {
				return nil
			}
			return check(d, a, x)
		},
		Change: func(d *D, a *Act) {
			if x, ok := a.Args.(*A); ok && change != nil {
				change(d, a, x)
			}
		},
	}
}

// Spanning adds what the event says to the law's clocks.
func (x Does[D]) Spanning(f func(d *D, a *Act) Span) Does[D] {
	x.Span = f
	return x
}

// Def is a kind of case without a node: its table, and what events do to its document.
type Def[D any] struct {
	Table *Table
	Case  func(*D) *Case
	Does  map[Event]Does[D]
	// Pending names what waits within a state, a key of StateRow.Waits; nil: nothing ever does.
	Pending func(*D) string
	// Clock resolves a clock of the table that stands for one of several; nil: none does. Not ok: no such clock runs.
	Clock func(d *D, id deadline.ID) (_ deadline.ID, ok bool)
	// Format is the version of the document as it is stored, from 1; Upgrade makes the next format of an older one.
	Format  int
	Upgrade func(format int, doc json.RawMessage) (json.RawMessage, error)
}

// Outcome is what a step did.
type Outcome struct {
	From, To State
	Move     *Move
	Clocks   []deadline.Action
	Span     Span
}

// MaxNote bounds what people write beside an event, in bytes.
const MaxNote = 4000

// Step takes one event: pure, and the only place where a case's state changes. What it refuses leaves the document as it
// was, unless a guard changed it.
func (k *Def[D]) Step(d *D, a *Act) (*Outcome, error) {
	c, does := k.Case(d), k.Does[a.Event]
	if a.Said.IsZero() {
		a.Said = a.At
	}
	if err := k.Ready(d, a); err != nil {
		return nil, err
	}
	from := c.State
	to, move, err := k.Table.Next(from, a.Event, c.Done)
	if err != nil {
		return nil, err
	}
	if does.Guard != nil {
		if err := does.Guard(d, a); err != nil {
			return nil, err
		}
	}
	if does.Change != nil {
		does.Change(d, a)
	}
	c.State, c.Updated = to, a.At
	if move.Once {
		c.Done = append(c.Done, a.Event)
	}
	if a.Actor.Officer != "" && !a.Remote {
		if c.Officers == nil {
			c.Officers = map[Event]string{}
		}
		c.Officers[a.Event] = a.Actor.Officer
	}
	if a.Detail == nil && a.Args != nil {
		if a.Detail, err = json.Marshal(a.Args); err != nil {
			return nil, err
		}
	}
	out := &Outcome{From: from, To: to, Move: move, Clocks: k.clocks(d, move.Clocks)}
	if does.Span != nil {
		out.Span = does.Span(d, a)
	}
	return out, nil
}

// Ready checks what the table demands of an event before anything is prepared for it: state, reason, two officers.
func (k *Def[D]) Ready(d *D, a *Act) error {
	c, row := k.Case(d), k.Table.Event(a.Event)
	switch {
	case row == nil || !k.Table.Allows(c.State, a.Event, c.Done):
		return k.Table.Refused.State(k.Table, c.State, a.Event)
	case len(a.Note) > MaxNote:
		return ErrNote.With()
	case row.Reason && !a.Remote && !Text(a.Note):
		return k.Table.Refused.Reason()
	case a.Actor.Officer != "" && !a.Remote && slices.ContainsFunc(row.Other, func(e Event) bool { return c.Officers[e] == a.Actor.Officer }):
		return k.Table.Refused.Other()
	}
	return nil
}

// clocks resolves the clocks of a move.
func (k *Def[D]) clocks(d *D, actions []deadline.Action) []deadline.Action {
	if k.Clock == nil {
		return actions
	}
	var out []deadline.Action
	for _, a := range actions {
		id, ok := k.Clock(d, a.Clock)
		if !ok {
			continue
		}
		a.Clock = id
		out = append(out, a)
	}
	return out
}

// Decode reads what is said with an event: strictly, and nothing where the event takes nothing.
func (k *Def[D]) Decode(e Event, raw json.RawMessage) (any, error) {
	does := k.Does[e]
	if does.Args == nil {
		if len(raw) > 0 && string(raw) != "null" && string(raw) != "{}" {
			return nil, ErrArgs.With()
		}
		return nil, nil //nolint:nilnil // nothing is said
	}
	v := does.Args()
	if len(raw) == 0 {
		return v, nil
	}
	return v, httpx.Unmarshal(raw, v)
}

// turn is whose turn it is, as lists know it.
func (k *Def[D]) turn(d *D) string {
	t := string(k.Case(d).State)
	if k.Pending != nil {
		if p := k.Pending(d); p != "" {
			t += "/" + p
		}
	}
	return t
}

// Simulation is a case without a node: what `kuayu law replay` drives.
type Simulation interface {
	Spec() *Table
	State() State
	// Do takes an event with what is said as JSON. officer tells apart who prepares and who decides.
	Do(e Event, at time.Time, officer, note string, said json.RawMessage) (*Outcome, error)
	// Undo takes the last event back.
	Undo() error
}

type simulation[D any] struct {
	def  *Def[D]
	doc  *D
	kept json.RawMessage
}

// Simulate drives a document by the kind's own table and guards.
func (k *Def[D]) Simulate(d *D) Simulation { return &simulation[D]{def: k, doc: d} }

func (s *simulation[D]) Spec() *Table { return s.def.Table }

func (s *simulation[D]) State() State { return s.def.Case(s.doc).State }

func (s *simulation[D]) Do(e Event, at time.Time, officer, note string, said json.RawMessage) (*Outcome, error) {
	var err error
	if s.kept, err = json.Marshal(s.doc); err != nil {
		return nil, err
	}
	args, err := s.def.Decode(e, said)
	if err != nil {
		return nil, err
	}
	out, err := s.def.Step(s.doc, &Act{Event: e, At: at, Actor: seal.Actor{Department: "department", Officer: officer}, Note: note, Args: args})
	if err != nil { // a guard that refuses may have begun to change it
		if back := s.Undo(); back != nil {
			return nil, back
		}
	}
	return out, err
}

func (s *simulation[D]) Undo() error {
	d := new(D)
	if err := json.Unmarshal(s.kept, d); err != nil {
		return err
	}
	*s.doc = *d
	return nil
}
