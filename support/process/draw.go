package process

import (
	"fmt"
	"html"
	"slices"
	"strings"
)

// arc is one line of the diagram: all events that lead from one state to another.
type arc struct {
	from, to int
	events   []Event
}

// arcs joins the moves that change the state, in the order of the table.
func (t *Table) arcs() []arc {
	place := map[State]int{}
	for i, s := range t.States {
		place[s.State] = i
	}
	var out []arc
	t.Each(func(from State, on Event, m *Move) {
		if m.To == "" || m.To == from {
			return
		}
		a, b := place[from], place[m.To]
		i := slices.IndexFunc(out, func(x arc) bool { return x.from == a && x.to == b })
		if i < 0 {
			i = len(out)
			out = append(out, arc{from: a, to: b})
		}
		out[i].events = append(out[i].events, on)
	})
	return out
}

// The diagram, in pixels.
const (
	boxWide, boxHigh, boxGap = 300, 40, 26
	arcNear, arcStep         = 46, 15 // how far an arc of one step stands off, and each further step
	margin                   = 20
)

// SVG draws a process: its states from top to bottom, what leads on at the right, what leads back at the left. Numbers
// are those of the table of Markdown.
func (t *Table) SVG() string {
	far := 1
	arcs := t.arcs()
	for _, a := range arcs {
		far = max(far, a.to-a.from, a.from-a.to)
	}
	side := margin + arcNear + far*arcStep + 24
	left, wide, high := side, 2*side+boxWide, len(t.States)*(boxHigh+boxGap)+margin
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" aria-label="%s" font-family="sans-serif">`+"\n", wide, high, html.EscapeString(t.Words.Zh+" / "+t.Words.En))
	b.WriteString(`<rect width="100%" height="100%" fill="#fff"/><defs><marker id="a" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" fill="#456"/></marker></defs>` + "\n")
	middle := func(i int) int { return margin + i*(boxHigh+boxGap) + boxHigh/2 }
	seen := map[int]int{} // arcs at a place, so that their ends stand apart
	for n, a := range arcs {
		steps, x, out := a.to-a.from, left+boxWide, 1
		if steps < 0 {
			steps, x, out = -steps, left, -1
		}
		y1, y2 := middle(a.from)+spread(seen[a.from]), middle(a.to)+spread(seen[a.to])
		seen[a.from]++
		seen[a.to]++
		off := x + out*(arcNear+steps*arcStep)
		fmt.Fprintf(&b, `<path d="M%d %dC%d %d %d %d %d %d" fill="none" stroke="#678" marker-end="url(#a)"/>`+"\n", x, y1, off, y1, off, y2, x, y2)
		fmt.Fprintf(&b, `<circle cx="%d" cy="%d" r="10" fill="#fff" stroke="#678"/><text x="%d" y="%d" font-size="11" text-anchor="middle" fill="#234">%d</text>`+"\n",
			x+(off-x)*3/4, (y1+y2)/2, x+(off-x)*3/4, (y1+y2)/2+4, n+1)
	}
	for i, s := range t.States {
		fill := "#eef4fb"
		if s.Final {
			fill = "#e8e8e8"
		}
		y := margin + i*(boxHigh+boxGap)
		fmt.Fprintf(&b, `<rect x="%d" y="%d" width="%d" height="%d" rx="6" fill="%s" stroke="#345"/>`, left, y, boxWide, boxHigh, fill)
		fmt.Fprintf(&b, `<text x="%d" y="%d" font-size="14" text-anchor="middle" fill="#123">%s</text>`, left+boxWide/2, y+17, html.EscapeString(s.Words.Zh))
		fmt.Fprintf(&b, `<text x="%d" y="%d" font-size="11" text-anchor="middle" fill="#456">%s</text>`+"\n", left+boxWide/2, y+33, html.EscapeString(s.Words.En))
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// spread sets the ends of arcs at one state apart.
func spread(n int) int { return []int{0, -8, 8, -4, 4, -12, 12}[n%7] }

// Markdown is a process as a page: its states with whose turn each is, its events with who may cause them, what must be
// said, which of the law's clocks they move and whom they notify.
func (t *Table) Markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s / %s\n\nMade from the table of the kind `%s` by `make generate`; do not edit.", t.Words.Zh, t.Words.En, t.Kind)
	if t.Law != "" {
		fmt.Fprintf(&b, " Source: %s.", t.Law)
	}
	fmt.Fprintf(&b, "\n\n![%s](%s.svg)\n\n## States\n\n| state | | | whose turn |\n|---|---|---|---|\n", t.Words.Zh, t.Kind)
	for _, s := range t.States {
		name := string(s.State)
		if name == "" {
			name = "–"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", name, s.Words.Zh, s.Words.En, t.turns(&s))
	}
	b.WriteString("\n## Events\n\n| event | | | who may | what is said | from → to | no. | clocks | notifies |\n|---|---|---|---|---|---|---|---|---|\n")
	for i := range t.Events {
		e := &t.Events[i]
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | %s | %s | %s | %s |\n", e.Event, e.Words.Zh, e.Words.En, t.who(e.By), t.needs(e), t.ways(e.Event), t.numbers(e.Event), t.moved(e.Event), t.notified(e))
	}
	return b.String()
}

func (t *Table) side(s Side) string {
	if s == "" {
		return ""
	}
	return string(s) + ": "
}

func (t *Table) who(ws []Who) string {
	if len(ws) == 0 {
		return "rule, time or other end"
	}
	var out []string
	for _, w := range ws {
		roles := make([]string, len(w.Roles))
		for i, r := range w.Roles {
			roles[i] = strings.ReplaceAll(string(r), "_", " ")
		}
		out = append(out, t.side(w.Side)+strings.Join(roles, ", "))
	}
	return strings.Join(out, "; ")
}

func (t *Table) turns(s *StateRow) string {
	var out []string
	keys := []string{}
	for k := range s.Waits {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		text := t.who(s.Waits[k])
		if k != "" {
			text = "with *" + k + "* pending " + text
		}
		out = append(out, text)
	}
	if len(out) == 0 {
		return "–"
	}
	return strings.Join(out, "; ")
}

func (t *Table) needs(e *EventRow) string {
	var out []string
	if e.Reason {
		out = append(out, "reason")
	}
	for _, a := range e.Needs {
		name := "`" + a.Name + "`"
		if a.Maybe {
			name += "?"
		}
		out = append(out, name)
	}
	for _, o := range e.Other {
		out = append(out, "by another officer than `"+string(o)+"`")
	}
	if len(out) == 0 {
		return "–"
	}
	return strings.Join(out, ", ")
}

func (t *Table) ways(e Event) string {
	var out []string
	for i := range t.Moves {
		m := &t.Moves[i]
		if m.On != e {
			continue
		}
		from := make([]string, len(m.From))
		for j, s := range m.From {
			if from[j] = string(s); s == "" {
				from[j] = "new"
			}
		}
		to := string(m.To)
		if to == "" {
			to = "same"
		}
		text := strings.Join(from, ", ") + " → " + to
		if m.Once {
			text += " (once)"
		}
		out = append(out, text)
	}
	return strings.Join(out, "; ")
}

func (t *Table) numbers(e Event) string {
	var out []string
	for i, a := range t.arcs() {
		if slices.Contains(a.events, e) {
			out = append(out, fmt.Sprint(i+1))
		}
	}
	return strings.Join(out, " ")
}

func (t *Table) moved(e Event) string {
	var out []string
	for i := range t.Moves {
		if t.Moves[i].On != e {
			continue
		}
		for _, a := range t.Moves[i].Clocks {
			text := string(a.Do) + " " + string(a.Clock)
			if !slices.Contains(out, text) {
				out = append(out, text)
			}
		}
	}
	if len(out) == 0 {
		return "–"
	}
	return strings.Join(out, ", ")
}

func (t *Table) notified(e *EventRow) string {
	if e.Silent != "" {
		return "nobody: " + e.Silent
	}
	var out []string
	for _, n := range e.Notify {
		text := t.who([]Who{{Side: n.Side, Roles: n.Roles}})
		if n.To == Everyone {
			text += " of every department"
		}
		out = append(out, text)
	}
	return strings.Join(out, "; ")
}
