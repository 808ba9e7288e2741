package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"time"
)

// Show prints an answer in the form asked for: v as JSON, or t.
func (s *Session) Show(v any, t *Table) error {
	switch s.Output {
	case "json":
		return s.JSON(v)
	case "csv":
		return t.writeCSV(s.Out)
	default:
		return t.write(s.Out, s.bold())
	}
}

// JSON prints v as JSON.
func (s *Session) JSON(v any) error {
	e := json.NewEncoder(s.Out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// List is Show with a word about what to do when there is nothing.
func (s *Session) List(v any, t *Table, zh, en string) error {
	if len(t.Rows) == 0 && s.Output == "table" {
		s.Note(zh, en)
		return nil
	}
	return s.Show(v, t)
}

// bold marks the head of a table, on a terminal that wants it (https://no-color.org).
func (s *Session) bold() func(string) string {
	if !Terminal(s.Out) || os.Getenv("NO_COLOR") != "" {
		return func(s string) string { return s }
	}
	return func(s string) string { return "\x1b[1m" + s + "\x1b[0m" }
}

// Terminal reports whether a stream is one.
func Terminal(w any) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	st, err := f.Stat()
	return err == nil && st.Mode()&os.ModeCharDevice != 0
}

// When shows a time as it is on this machine.
func When(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Local().Format("2006-01-02 15:04:05")
}

// Micro shows a time given in microseconds.
func Micro(us int64) string { return When(time.UnixMicro(us)) }

// Count shows a number.
func Count[N int | int64 | uint64](n N) string { return strconv.FormatInt(int64(n), 10) }

// Dash shows what is not there as one.
func Dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// Yes says yes or no.
func (s *Session) Yes(ok bool) string {
	if ok {
		return s.T("是", "yes")
	}
	return s.T("否", "no")
}

// T picks the language.
func (s *Session) T(zh, en string) string {
	if s.Lang == "en" {
		return en
	}
	return zh
}

// Note says something beside the answer, on standard error, so that the output stays clean for programs.
func (s *Session) Note(zh, en string, args ...any) {
	_, _ = fmt.Fprintf(s.Err, s.T(zh, en)+"\n", args...)
}
