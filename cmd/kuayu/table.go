package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/width"
)

// table is what a command shows unless JSON is asked for. Without a head it is a list of names and values.
type table struct {
	head []string
	rows [][]string
}

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

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

// printable keeps what a node sent from steering the terminal: control characters become spaces.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			return ' '
		}
		return r
	}, s)
}

// write aligns the columns; the last one is not padded.
func (t *table) write(w io.Writer, bold func(string) string) error {
	all := t.rows
	if t.head != nil {
		all = append([][]string{t.head}, t.rows...)
	}
	var widths []int
	for _, row := range all {
		for i, c := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], columns(printable(c)))
		}
	}
	var b strings.Builder
	for n, row := range all {
		var line strings.Builder
		for i, c := range row {
			c = printable(c)
			line.WriteString(c)
			if i < len(row)-1 {
				line.WriteString(strings.Repeat(" ", widths[i]-columns(c)+2))
			}
		}
		text := strings.TrimRight(line.String(), " ")
		if n == 0 && t.head != nil {
			text = bold(text)
		}
		b.WriteString(text + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// writeCSV writes the table for spreadsheets. A text that a spreadsheet would take for a formula gets a leading apostrophe.
func (t *table) writeCSV(w io.Writer) error {
	c := csv.NewWriter(w)
	head := t.head
	if head == nil {
		head = []string{"name", "value"}
	}
	if err := c.Write(head); err != nil {
		return err
	}
	for _, row := range t.rows {
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

// show prints an answer in the form asked for: v as JSON, or t.
func (a *app) show(v any, t *table) error {
	switch a.Output {
	case "json":
		return a.json(v)
	case "csv":
		return t.writeCSV(a.out)
	default:
		return t.write(a.out, a.bold())
	}
}

func (a *app) json(v any) error {
	e := json.NewEncoder(a.out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// list is show with a word about what to do when there is nothing.
func (a *app) list(v any, t *table, zh, en string) error {
	if len(t.rows) == 0 && a.Output == "table" {
		a.note(zh, en)
		return nil
	}
	return a.show(v, t)
}

// bold marks the head of a table, on a terminal that wants it (https://no-color.org).
func (a *app) bold() func(string) string {
	if !terminal(a.out) || os.Getenv("NO_COLOR") != "" {
		return func(s string) string { return s }
	}
	return func(s string) string { return "\x1b[1m" + s + "\x1b[0m" }
}

func terminal(w any) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	st, err := f.Stat()
	return err == nil && st.Mode()&os.ModeCharDevice != 0
}

func when(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Local().Format("2006-01-02 15:04:05")
}

func micro(us int64) string { return when(time.UnixMicro(us)) }

func count[N int | int64 | uint64](n N) string { return strconv.FormatInt(int64(n), 10) }

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func (a *app) yes(ok bool) string {
	if ok {
		return a.t("是", "yes")
	}
	return a.t("否", "no")
}

// t picks the language.
func (a *app) t(zh, en string) string {
	if a.Lang == "en" {
		return en
	}
	return zh
}

// note says something beside the answer, on standard error, so that the output stays clean for programs.
func (a *app) note(zh, en string, args ...any) {
	_, _ = fmt.Fprintf(a.err, a.t(zh, en)+"\n", args...)
}
