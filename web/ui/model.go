package ui

import (
	"slices"
	"time"

	"github.com/a-h/templ"
)

// Link is somewhere to go.
type Link struct{ Href, Text string }

// Chrome is what stands around the content of a page, the same on all pages of a face.
type Chrome struct {
	Name    string // of the face: 长三角数据共享
	Home    string // address behind the name
	Place   string // 浙江省
	Role    string // 大数据局 数据提供员; empty: nobody is signed in
	Help    string // address of the help
	SignOut string // address a form posts to; empty: nobody is signed in
	Search  *Search
	Nav     []NavItem // at most nine
	Footer  Footer
	Demo    bool  // says that the data are made up
	Tour    *Tour // beside every page of the demonstration; nil anywhere else
}

// Tour leads through a whole piece of work, one step after the other, by what has happened and not by what was clicked.
type Tour struct{ Steps []Leg }

// Leg is one step of a tour.
type Leg struct {
	Title, Text string
	Go          Link // to the page where it is done, as whoever does it
	Done        bool
}

// next is the first step that is not done.
func (t *Tour) next() int {
	i := slices.IndexFunc(t.Steps, func(l Leg) bool { return !l.Done })
	if i < 0 {
		return len(t.Steps)
	}
	return i
}

// Done counts the steps that are.
func (t *Tour) Done() int {
	n := 0
	for _, l := range t.Steps {
		if l.Done {
			n++
		}
	}
	return n
}

// NavItem is an entry of the navigation. Todo counts what waits for the visitor there.
type NavItem struct {
	Href, Text, Icon string
	Todo             int
	Current          bool
}

// Footer holds what a government's page must say about itself (国办发〔2017〕47号); what is empty is shown as not configured
// yet, and is never made up.
type Footer struct {
	Host, Contact, ICP, Police, Code string
	Links                            []Link
}

// Search is the box in the header.
type Search struct {
	Action string // address; the query is its parameter q
	Label  string // visible
	Query  string
}

// PageInfo is one page's own part of the frame.
type PageInfo struct {
	Chrome Chrome
	Title  string // the heading and the window's title
	Lead   string // one sentence below it
	Crumbs []Link // from the home page to the parent of this one
	Action templ.Component
	Plain  bool // the content brings its own heading
}

// Tone says how good or bad a state is. It is never shown by colour alone.
type Tone int

// The tones.
const (
	Neutral Tone = iota
	Notice       // something to know
	Good
	Warning // a deadline is near, something is incomplete
	Bad     // failed, refused, overdue
)

// name is the tone's class in the style sheet.
func (t Tone) name() string { return [...]string{"neutral", "notice", "good", "warning", "bad"}[t] }

// icon is what stands beside the word unless the chip has another.
func (t Tone) icon() string {
	return [...]string{"circle-dashed", "info-circle", "check", "clock", "alert-triangle"}[t]
}

// Status is a state in a word.
type Status struct {
	Tone Tone
	Word string
	Icon string // of the sprite; empty: the tone's
}

func (s Status) icon() string {
	if s.Icon != "" {
		return s.Icon
	}
	return s.Tone.icon()
}

// Task is where a step of a list of tasks stands.
type Task int

// The states of a task.
const (
	NotStarted Task = iota
	Underway
	Incomplete
	Done
	Blocked
)

// Status is how a task is shown.
func (k Task) Status(v *View) Status {
	switch k {
	case Underway:
		return Status{Notice, v.T("task.doing"), "hourglass"}
	case Incomplete:
		return Status{Warning, v.T("task.missing"), "alert-triangle"}
	case Done:
		return Status{Good, v.T("task.done"), ""}
	case Blocked:
		return Status{Neutral, v.T("task.blocked"), "ban"}
	case NotStarted:
	}
	return Status{Neutral, v.T("task.todo"), ""}
}

// Column is a column of a table.
type Column struct {
	Key    string // parameter value when it is sorted by; empty: it can't be
	Label  string
	Number bool // aligned to the right, in figures of one width
}

// Table is a page of a list. On a narrow screen each row becomes a card.
type Table struct {
	Caption string
	Columns []Column
	Rows    [][]templ.Component
	Sort    string // the key that is sorted by; "-key" downwards
	Empty   State  // shown instead of a table without rows
}

// order is what a click on a column's heading sorts by, and how the column is sorted now (for aria-sort).
func (t Table) order(key string) (next, now string) {
	switch t.Sort {
	case key:
		return "-" + key, "ascending"
	case "-" + key:
		return key, "descending"
	}
	return key, "none"
}

// Filter is one condition on a list; it lives in the page's address.
type Filter struct {
	Key, Label, Value string
	Options           []Option // empty: a text
}

// Option is one of the values to choose from.
type Option struct{ Value, Label string }

// Paging says which part of a list is shown. Cursors, not numbers, lead on.
type Paging struct {
	From, To, Total int64
	Over            bool   // there are more than Total
	Shown           int64  // how many lines the page has, where nobody counts the list
	First           string // leads to the beginning, where nothing leads back one page
	Of              string // of which list, where a page has several
	Previous, Next  string
}

// Field is a question of a form.
type Field struct {
	Name, Label, Hint, Value string
	Kind                     string // text, day, tel, file, textarea, select, radio, check
	Error                    string
	Optional                 bool
	Options                  []Option
	Values                   []string // of a check, what is ticked
	Fixed                    []string // of a check, what is ticked and stays so; it is not sent
	Autocomplete             string
	Of                       string // the form it is in, where a page has several
	Most                     int    // characters; zero: the usual bound
	Beside                   bool   // it shares the row of the field before it, where there is space
}

// inRows groups fields that stand beside each other.
func inRows(fields []Field) [][]Field {
	var out [][]Field
	for _, f := range fields {
		if n := len(out); f.Beside && n > 0 {
			out[n-1] = append(out[n-1], f)
			continue
		}
		out = append(out, []Field{f})
	}
	return out
}

// day is the kind of field that takes a date (2026-11-22).
const day = "day"

// input is the type attribute.
func (f Field) input() string {
	if f.Kind == day {
		return "text"
	}
	return f.Kind
}

func (f Field) id() string {
	if f.Of != "" {
		return "f-" + f.Of + "-" + f.Name
	}
	return "f-" + f.Name
}

// describedBy are the ids of hint and error.
func (f Field) describedBy() string {
	switch {
	case f.Hint != "" && f.Error != "":
		return f.id() + "-hint " + f.id() + "-error"
	case f.Hint != "":
		return f.id() + "-hint"
	case f.Error != "":
		return f.id() + "-error"
	}
	return ""
}

// grouped reports whether the question is a group of choices with a legend.
func (f Field) grouped() bool { return f.Kind == "radio" || f.Kind == "check" }

// target is where an error in the summary leads: the field, or the first choice of a group.
func (f Field) target() string {
	for _, o := range f.Options {
		if f.grouped() && !f.fixed(o) {
			return f.choice(o)
		}
	}
	return f.id()
}

// chosen reports whether a choice is ticked.
func (f Field) chosen(o Option) bool {
	return o.Value == f.Value || slices.Contains(f.Values, o.Value) || f.fixed(o)
}

func (f Field) fixed(o Option) bool { return slices.Contains(f.Fixed, o.Value) }

func (f Field) choice(o Option) string { return f.id() + "-" + o.Value }

// wrong are the fields with errors.
func wrong(fields []Field) []Field {
	var out []Field
	for _, f := range fields {
		if f.Error != "" {
			out = append(out, f)
		}
	}
	return out
}

// Fact is a pre-filled value: shown as it is, with where it comes from and when it was read.
type Fact struct {
	Label, Value string
	Source       string
	Read         time.Time // zero: not told
	Change       string    // address, for what the visitor may change
}

// StateKind is why a page shows no content.
type StateKind int

// The kinds of state.
const (
	Empty StateKind = iota
	Loading
	Failed
	Forbidden
)

func (k StateKind) icon() string {
	return [...]string{"inbox", "loader", "alert-triangle", "lock"}[k]
}

// State says why there is no content and what to do next.
type State struct {
	Kind    StateKind
	Title   string
	Text    string
	Next    Link
	Code    string // of an error
	Request string // by which an engineer finds it in the log
}

// Event is something that happened to a case.
type Event struct {
	Time    time.Time
	Title   string
	Who     string
	Text    string
	Status  Status
	Ref     string  // in the evidence
	Details []Event // folded into this one
}

// Timeline is what happened to a case, in three degrees of detail; the page's address says which (?view=).
type Timeline struct {
	Label  string // what it is of, for the tabs
	State  Status
	Whose  string
	Due    time.Time
	Next   string
	Events []Event
}

// Degrees of detail.
const (
	viewBrief = "brief"
	viewLine  = "line"
	viewAll   = "all"
)

// degree is the detail a page's address asks for.
func (v *View) degree() string {
	switch d := v.URL.Query().Get("view"); d {
	case viewLine, viewAll:
		return d
	}
	return viewBrief
}

// flat lists all events, folded ones too.
func (t Timeline) flat() []Event {
	var out []Event
	for _, e := range t.Events {
		if len(e.Details) == 0 {
			out = append(out, e)
		}
		out = append(out, e.Details...)
	}
	return out
}

// Tab is a part of a page with an address of its own.
type Tab struct {
	Href, Text string
	Current    bool
	Count      int // shown if it is not zero
}

// Difference is one item before and after.
type Difference struct {
	Field, Before, After string
	Code                 bool // both are to be compared letter by letter: fingerprints
}

// status is what kind of difference it is.
func (d Difference) status(v *View) Status {
	switch {
	case d.Before == d.After:
		return Status{Neutral, v.T("diff.same"), "minus"}
	case d.Before == "":
		return Status{Good, v.T("diff.added"), "plus"}
	case d.After == "":
		return Status{Bad, v.T("diff.removed"), "x"}
	}
	return Status{Notice, v.T("diff.changed"), "pencil"}
}

// Granting is one item of an application against what is allowed.
type Granting struct {
	Item, Asked, Allowed string // Allowed empty: refused
	Reason               string
	Sensitive            bool
}

func (g Granting) status(v *View) Status {
	switch {
	case g.Allowed == "":
		return Status{Bad, v.T("grant.refused"), "ban"}
	case g.Allowed != g.Asked:
		return Status{Warning, v.T("grant.part"), "minus"}
	}
	return Status{Good, v.T("grant.full"), ""}
}

// Todo is an entry of a list of what waits.
type Todo struct {
	Href, Title, Text string
	Status            Status
}

// Figure is one number that matters.
type Figure struct {
	Label, Value string
	Status       Status
	Trend        []Point // drawn small beside it, if there is any
}

// Question is asked before an act that can't be taken back. It opens in place, without a script.
type Question struct {
	Act    string // on the button that opens it and on the one that does it
	Text   string
	Post   string // address
	Hidden map[string]string
	Reason string // label of the reason that must be given; empty: none
	Danger bool
}

// Form is an act that needs more than a reason: it opens in place, like a question.
type Form struct {
	Act    string // on the button that opens it and on the one that does it
	Text   string
	Post   string // address
	Fields []Field
	Open   bool // it was not taken
}

// Found is a list of what was found.
type Found struct {
	Title   string // how many there are
	Facets  []Facet
	Clear   string // address without conditions; empty: there are none
	Results []Result
	Empty   State
	Paging  Paging
}

// Facet is a condition with the values that what was found has.
type Facet struct {
	Label  string
	Values []FacetValue
}

// FacetValue is one value of a condition; Href chooses it, or no longer.
type FacetValue struct {
	Href, Text, Count string
	Chosen            bool
}

// Result is one thing that was found.
type Result struct {
	Href               string
	Title, Below, Text []Piece
	Chips              []Status
	Note               string
	Act                Link
}

// Piece is a part of a text; Hit: it is what was looked for.
type Piece struct {
	Text string
	Hit  bool
}

// Plainly is a text in which nothing was looked for.
func Plainly(text string) []Piece { return []Piece{{Text: text}} }

// Climb is the way from a leaf of a Merkle tree to its root: at each step what stands beside it is hashed with it.
type Climb struct {
	Title      string
	Leaf, Root Node
	Steps      []Beside // from the bottom up
}

// Node is a place in a tree: a word for what it is, and the beginning of its hash.
type Node struct{ Word, Hash string }

// Beside is what stands beside the way at one height; Left: before it.
type Beside struct {
	Hash string
	Left bool
}

// mostSteps is how many steps are drawn; of a longer way the middle is left out.
const mostSteps = 8

// drawn are the steps that are drawn, and how many are left out in the middle.
func (c Climb) drawn() (low, high []Beside, left int) {
	if n := len(c.Steps); n > mostSteps {
		return c.Steps[:mostSteps/2], c.Steps[n-mostSteps/2:], n - mostSteps
	}
	return c.Steps, nil, 0
}
