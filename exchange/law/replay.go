package law

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/kuayu/kuayu/internal/clock"
	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/support/deadline"
	"github.com/kuayu/kuayu/support/process"
)

// Row is one line of a timeline: an act, a look, or something that time did.
type Row struct {
	Line       int             `json:"line,omitempty"` // of the file; 0: time did it
	At         time.Time       `json:"at"`
	By         deadline.Role   `json:"by,omitempty"`
	Act        string          `json:"act,omitempty"`
	Refused    string          `json:"refused,omitempty"` // code
	State      string          `json:"state"`
	Clocks     []ClockLine     `json:"clocks"`
	Violations []deadline.Code `json:"violations,omitempty"` // new ones
	Notices    []NoticeLine    `json:"notices,omitempty"`    // new ones
}

// Difference is the first line where a history expects something else than what happens.
type Difference struct {
	Line int    `json:"line"`
	What string `json:"what"`
	Want string `json:"want"`
	Got  string `json:"got"`
}

// Timeline is a history played.
type Timeline struct {
	Title      string      `json:"title"`
	Rows       []Row       `json:"rows"`
	Difference *Difference `json:"difference,omitempty"`
}

// Err is ErrDiffers for the file if the history differs, else nil.
func (t *Timeline) Err(file string) error {
	if d := t.Difference; d != nil {
		return ErrDiffers.With(file, d.Line, d.What, d.Want, d.Got)
	}
	return nil
}

// player plays one history.
type player struct {
	h          *History
	engine     deadline.Engine
	matter     *matter
	sim        process.Simulation
	clocks     []deadline.Deadline
	violations []deadline.Code
	notices    []NoticeLine // since the step before
	out        Timeline
}

// Play plays a history up to its first difference. An error means that the history itself is no good.
func Play(h *History) (*Timeline, error) {
	p := &player{h: h, engine: deadline.Engine{Calendar: h.calendar}, matter: matterOf(h.Matter), out: Timeline{Title: h.Title, Rows: []Row{}}}
	p.sim = p.matter.begin(h)
	err := h.settings()
	if got := code(err); got != h.ProfileRefused {
		if h.ProfileRefused == "" {
			return nil, err
		}
		p.differ(max(h.lines["profile_refused"], 1), "profile_refused", h.ProfileRefused, got)
		return &p.out, nil
	}
	if err != nil {
		return &p.out, nil //nolint:nilerr // refused as expected: there is nothing to play
	}
	for i := range h.Steps {
		if err := p.step(i, &h.Steps[i]); err != nil {
			return nil, err
		}
		if p.out.Difference != nil {
			break
		}
	}
	return &p.out, nil
}

func code(err error) string {
	if err == nil {
		return ""
	}
	return errs.As(err).Code
}

func (p *player) differ(line int, what, want, got string) {
	if p.out.Difference == nil && want != got {
		p.out.Difference = &Difference{Line: line, What: what, Want: none(want), Got: none(got)}
	}
}

func none(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// pass lets time pass: every moment up to t, in order.
func (p *player) pass(t time.Time) {
	for {
		at, i := t, -1
		for j := range p.clocks {
			if m, ok := p.engine.Next(&p.clocks[j]); ok && !m.At.After(at) && (i < 0 || m.At.Before(at)) {
				at, i = m.At, j
			}
		}
		if i < 0 {
			return
		}
		r := p.engine.Tick(p.clocks[i], at)
		p.clocks[i] = r.Changed[0]
		p.out.Rows = append(p.out.Rows, p.take(Row{At: at}, r))
	}
}

// take notes what happened and makes a line of it.
func (p *player) take(row Row, r deadline.Result) Row {
	for _, n := range r.Notices {
		l := NoticeLine{At: n.At.In(clock.China()).Format(minute), Kind: n.Kind, Clock: n.Clock.Clock, To: n.To}
		p.notices, row.Notices = append(p.notices, l), append(row.Notices, l)
	}
	for _, v := range r.Violations {
		p.violations, row.Violations = append(p.violations, v.Code), append(row.Violations, v.Code)
	}
	row.At, row.State, row.Clocks = row.At.In(clock.China()), string(p.sim.State()), p.open()
	return row
}

func (p *player) open() []ClockLine {
	out := []ClockLine{}
	for i := range p.clocks {
		k := &p.clocks[i]
		if !k.Open() {
			continue
		}
		l := ClockLine{Clock: k.Clock, Due: k.DueDay(), Holder: k.Responsible, Is: "running", Provisional: !k.Certain}
		switch {
		case !k.Late.IsZero():
			l.Is = "overdue"
		case k.Suspended():
			l.Is = "still"
		case k.Waiting() != nil:
			l.Is = "waiting"
		}
		out = append(out, l)
	}
	return out
}

// step plays one step and compares.
func (p *player) step(i int, s *Step) error {
	p.notices = nil
	p.pass(s.time)
	row := Row{Line: p.h.line(i, ""), At: s.time, By: s.By, Act: s.Act}
	var r deadline.Result
	if s.Act != "" {
		var err error
		r, err = p.act(s)
		row.Refused = code(err)
		if err != nil && errs.As(err).Kind == errs.Internal {
			return err
		}
	}
	p.out.Rows = append(p.out.Rows, p.take(row, r))
	x := &s.Expect
	p.differ(p.h.line(i, "expect.refused"), "refused", x.Refused, row.Refused)
	if x.State != "" {
		p.differ(p.h.line(i, "expect.state"), "state", x.State, string(p.sim.State()))
	}
	if x.Clocks != nil {
		compare(p, i, "clocks", *x.Clocks, p.open())
	}
	if x.Violations != nil {
		compare(p, i, "violations", *x.Violations, p.violations)
	}
	if x.Notices != nil {
		compare(p, i, "notices", *x.Notices, p.notices)
	}
	return nil
}

// compare names the first entry of a list that differs.
func compare[T comparable](p *player, step int, what string, want, got []T) {
	if slices.Equal(want, got) {
		return
	}
	text := func(l []T, i int) string {
		if i < len(l) {
			return strings.TrimSpace(fmt.Sprint(l[i]))
		}
		return ""
	}
	for i := range max(len(want), len(got)) {
		if i >= len(want) || i >= len(got) || want[i] != got[i] {
			line := p.h.line(step, "expect."+what)
			if n, ok := p.h.lines[fmt.Sprintf("steps.%d.expect.%s.%d", step, what, i)]; ok {
				line = n
			}
			p.differ(line, what, text(want, i), text(got, i))
			return
		}
	}
}

// act does one act: the process first, then the clocks; if either refuses nothing has changed.
func (p *player) act(s *Step) (deadline.Result, error) {
	e := process.Event(s.Act)
	row := p.sim.Spec().Event(e)
	if row == nil {
		return deadline.Result{}, ErrAct.With(string(p.sim.State()), s.Act)
	}
	if len(row.Law) > 0 && !slices.Contains(row.Law, s.By) {
		return deadline.Result{}, ErrActor.With(s.Act, string(s.By))
	}
	said, err := p.matter.said(s)
	if err != nil {
		return deadline.Result{}, err
	}
	officer := s.Officer
	if officer == "" {
		officer = string(s.By) + "/" + s.Act
	}
	out, err := p.sim.Do(e, s.time, officer, s.Reason, said)
	if err != nil {
		return deadline.Result{}, err
	}
	c := deadline.Case{Subject: "history", Department: "history", Profile: p.h.profile, At: s.time, Days: out.Span.Days, Consent: out.Span.Consent}
	if !out.Span.At.IsZero() {
		c.At = out.Span.At
	}
	if !out.Span.By.IsZero() {
		c.Days = p.engine.DaysUntil(c.At, out.Span.By)
	}
	r, err := p.engine.Apply(p.clocks, c, out.Clocks...)
	if err != nil {
		return deadline.Result{}, errors.Join(err, p.sim.Undo())
	}
	for _, k := range r.Changed {
		i := slices.IndexFunc(p.clocks, func(x deadline.Deadline) bool { return x.Clock == k.Clock && x.Open() })
		if i < 0 {
			p.clocks = append(p.clocks, k)
		} else {
			p.clocks[i] = k
		}
	}
	return r, nil
}
