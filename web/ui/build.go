package ui

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/a-h/templ"
)

// scrolling is above how many columns a table may be wider than its place: then the keyboard can scroll it.
const scrolling = 4

// suffix sets the name of the face behind a page's title.
func suffix(name string) string {
	if name == "" {
		return ""
	}
	return " - " + name
}

func (v *View) icon(name string) string { return v.assets.path["icons.svg"] + "#" + name }

func count(n int) string { return strconv.Itoa(n) }

func sorted(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }

func keys(filters []Filter) []string {
	out := make([]string, len(filters))
	for i, f := range filters {
		out[i] = f.Key
	}
	return out
}

func anySet(filters []Filter) bool {
	return slices.ContainsFunc(filters, func(f Filter) bool { return f.Value != "" })
}

// kept are the parameters of the page's address that a form of filters must not lose: the order of the list and the tab.
func (v *View) kept(filters []Filter) []string {
	var out []string
	for k := range v.URL.Query() {
		if k != "page" && !slices.Contains(keys(filters), k) {
			out = append(out, k)
		}
	}
	slices.Sort(out)
	return out
}

// attributes are those that all kinds of fields have in common.
func attributes(f Field) templ.Attributes {
	a := templ.Attributes{"maxlength": "2000"}
	switch f.Kind {
	case "select", "file":
		delete(a, "maxlength")
	case day: // typed as it is shown everywhere else; a browser's own field would show it by the browser's language
		a["maxlength"], a["inputmode"] = "10", "numeric"
	}
	if f.Most > 0 {
		a["maxlength"] = count(f.Most)
	}
	if d := f.describedBy(); d != "" {
		a["aria-describedby"] = d
	}
	if f.Error != "" {
		a["aria-invalid"] = "true"
	}
	if f.Autocomplete != "" {
		a["autocomplete"] = f.Autocomplete
	}
	return a
}

func (v *View) degrees() []Tab {
	now := v.degree()
	return []Tab{
		{Href: v.With("view", viewBrief), Text: v.T("timeline.brief"), Current: now == viewBrief},
		{Href: v.With("view", viewLine), Text: v.T("timeline.line"), Current: now == viewLine},
		{Href: v.With("view", viewAll), Text: v.T("timeline.all"), Current: now == viewAll},
	}
}

func allEvents(v *View, t Timeline) Table {
	out := Table{Caption: v.T("timeline.all"), Columns: []Column{{Label: v.T("event.time")}, {Label: v.T("event.what")}, {Label: v.T("event.who")}, {Label: v.T("event.ref")}}}
	for _, e := range t.flat() {
		out.Rows = append(out.Rows, []templ.Component{Moment(v, e.Time), Words(e.Title), Words(e.Who), Words(e.Ref)})
	}
	return out
}

func diffTable(v *View, caption string, items []Difference) Table {
	out := Table{Caption: caption, Columns: []Column{{Label: v.T("diff.field")}, {Label: v.T("diff.before")}, {Label: v.T("diff.after")}, {Label: v.T("diff.kind")}}}
	for _, d := range items {
		out.Rows = append(out.Rows, []templ.Component{Words(d.Field), before(v, d), after(v, d), Chip(v, d.status(v))})
	}
	return out
}

func grantTable(v *View, caption string, items []Granting) Table {
	out := Table{Caption: caption, Columns: []Column{{Label: v.T("grant.item")}, {Label: v.T("grant.asked")}, {Label: v.T("grant.allowed")}, {Label: v.T("grant.result")}}}
	for _, g := range items {
		allowed := g.Allowed
		if allowed == "" {
			allowed = v.T("diff.none")
		}
		out.Rows = append(out.Rows, []templ.Component{grantItem(v, g), Words(g.Asked), Words(allowed), grantResult(v, g)})
	}
	return out
}

func chartTable(v *View, c Chart) Table {
	out := Table{Caption: c.Title, Columns: []Column{{Label: v.T("chart.at")}, {Label: v.T("chart.value"), Number: true}}}
	for _, p := range c.Points {
		out.Rows = append(out.Rows, []templ.Component{Words(p.Name), Words(v.Number(p.Value))})
	}
	return out
}

// box is the viewBox of a code.
func (c code) box() string {
	n := strconv.Itoa(c.size)
	return "0 0 " + n + " " + n
}

// text says which part of how many is shown.
func (p Paging) text(v *View) string {
	if p.Shown > 0 {
		return v.T("page.shown", v.Number(p.Shown))
	}
	total := v.T("table.total", v.Number(p.Total))
	if p.Over {
		total = v.T("table.over", v.Number(p.Total))
	}
	if p.From == 0 {
		return total
	}
	return v.T("page.range", v.Number(p.From), v.Number(p.To)) + total
}

// kept are the conditions of the page's address that a search must not lose: all but where its list went on.
func (s Search) kept(v *View) []string {
	var out []string
	for k := range v.URL.Query() {
		if k != "q" && k != "after" && k != "page" {
			out = append(out, k)
		}
	}
	slices.Sort(out)
	return out
}

// plain is a text without its marks.
func plain(text []Piece) string {
	var b strings.Builder
	for _, p := range text {
		b.WriteString(p.Text)
	}
	return b.String()
}
