package cli

import (
	"encoding/csv"
	"io"
	"strings"
	"unicode"

	"golang.org/x/text/width"
)

// Table is what a command shows unless JSON is asked for. Without a head it is a list of names and values.
type Table struct {
	Head []string
	Rows [][]string
}

// Add appends a row.
func (t *Table) Add(cells ...string) { t.Rows = append(t.Rows, cells) }

// columns is the width of a text in a terminal: Chinese characters take two columns.
func columns(s string) int {
	n := 0
	for _, r := range s {
		switch {
		case unicode.Is(unicode.Mn, r) || unicode.Is(unicode.Cf, r):
		case wide(r):
			n += 2
		default:
			n++
		}
	}
	return n
}

func wide(r rune) bool {
	k := width.LookupRune(r).Kind()
	return k == width.EastAsianWide || k == width.EastAsianFullwidth
}

// Printable keeps what a node sent from steering the terminal: control characters become spaces.
func Printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			return ' '
		}
		return r
	}, s)
}

// write aligns the columns; the last one is not padded.
func (t *Table) write(w io.Writer, bold func(string) string) error {
	all := t.Rows
	if t.Head != nil {
		all = append([][]string{t.Head}, t.Rows...)
	}
	var widths []int
	for _, row := range all {
		for i, c := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], columns(Printable(c)))
		}
	}
	var b strings.Builder
	for n, row := range all {
		var line strings.Builder
		for i, c := range row {
			c = Printable(c)
			line.WriteString(c)
			if i < len(row)-1 {
				line.WriteString(strings.Repeat(" ", widths[i]-columns(c)+2))
			}
		}
		text := strings.TrimRight(line.String(), " ")
		if n == 0 && t.Head != nil {
			text = bold(text)
		}
		b.WriteString(text + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// writeCSV writes the table for spreadsheets. A text that a spreadsheet would take for a formula gets a leading apostrophe.
func (t *Table) writeCSV(w io.Writer) error {
	c := csv.NewWriter(w)
	head := t.Head
	if head == nil {
		head = []string{"name", "value"}
	}
	if err := c.Write(head); err != nil {
		return err
	}
	for _, row := range t.Rows {
		safe := make([]string, len(row))
		for i, s := range row {
			safe[i] = s
			if s != "" && strings.ContainsRune("=+@", rune(s[0])) {
				safe[i] = "'" + s
			}
		}
		if err := c.Write(safe); err != nil {
			return err
		}
	}
	c.Flush()
	return c.Error()
}
