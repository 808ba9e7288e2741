package cli

import (
	"bytes"
	"strings"
	"testing"
)

func TestColumns(t *testing.T) {
	for s, want := range map[string]int{"": 0, "abc": 3, "浙江": 4, "a浙b": 4, "，": 2, "Ａ": 2, "✓": 1, "é": 1, "e\u0301": 1, "a\u200db": 2} {
		if got := columns(s); got != want {
			t.Errorf("columns(%q) = %d, want %d", s, got, want)
		}
	}
}

func TestTableAligns(t *testing.T) {
	tb := &Table{Head: []string{"编号", "name", "x"}}
	tb.Add("a", "浙江省", "1")
	tb.Add("abcdef", "b", "")
	var b bytes.Buffer
	if err := tb.write(&b, func(s string) string { return s }); err != nil {
		t.Fatal(err)
	}
	want := "编号    name    x\na       浙江省  1\nabcdef  b\n"
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

// What a node or another member sent can't move the cursor, break the line or start a formula.
func TestTableIsHarmless(t *testing.T) {
	tb := &Table{Head: []string{"a", "b"}}
	tb.Add("x\x1b[31m\ny\u202e", "=1+1")
	var b bytes.Buffer
	if err := tb.write(&b, func(s string) string { return s }); err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(b.String(), "\x1b\u202e") || strings.Count(b.String(), "\n") != 2 {
		t.Errorf("control characters passed: %q", b.String())
	}
	b.Reset()
	if err := tb.writeCSV(&b); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), ",'=1+1\n") {
		t.Errorf("a formula passed: %q", b.String())
	}
}
