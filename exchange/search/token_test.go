package search

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestTokens(t *testing.T) {
	e := &Entry{Code: "330000/Reg", Name: "企业ＧＤＰ信", Department: "A1", Provider: "局", Sharing: "conditional", Class: "base", Grade: 3, UpdateCycle: "daily", Modes: nil}
	got := strings.Fields(tokens("zj-1", e))
	for _, want := range []string{
		"企", "企业", "_企业", "业", "gdp", "_gdp", "^g", "^gd", "_^gdp", "信", "_信", // full width is half width, capitals are small
		"330000", "^33000", "^330000", "reg", "^re", "局",
		"m=zj_2d1", "d=_411", "c=base", "g=3", "g=4", "u=daily",
	} {
		if !slices.Contains(got, want) {
			t.Errorf("no token %q in %q", want, got)
		}
	}
	for _, not := range []string{"业g", "_局", "g=2", "_reg", "业信"} {
		if slices.Contains(got, not) {
			t.Errorf("token %q in %q", not, got)
		}
	}
	slices.Sort(got)
	if len(slices.Compact(got)) != len(strings.Fields(tokens("zj-1", e))) {
		t.Error("a token is there twice")
	}
}

func TestParse(t *testing.T) {
	for text, want := range map[string]string{
		"":                     "",
		"信息":                   `"信息"`,
		"企业登记":                 `"企业" AND "业登" AND "登记"`,
		"水":                    `"水"`,
		"水 质量":                 `"水" AND "质量"`,
		"gd":                   `"^gd"`,
		"gd ":                  `"gd"`,
		"Enterpr":              `"^enterpr"`,
		"abcdefghijklm":        `"abcdefghijklm"`,
		"ＧＤＰ 统计":               `"gdp" AND "统计"`,
		"信息 信息":                `"信息"`,
		`"信息" AND (登记) NEAR/2`: `"信息" AND "and" AND "登记" AND "near" AND "^2"`,
		"a*":                   `"a"`,
		"社会信用代码2024":           `"社会" AND "会信" AND "信用" AND "用代" AND "代码" AND "^2024"`,
		"㈱①":                   `"株" AND "^1"`, // compatibility forms are what they stand for; punctuation around them is none
	} {
		ts, err := parse(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if got := (expr{all: ts}).fts(); got != want {
			t.Errorf("%q asks for %s, want %s", text, got, want)
		}
	}
	for _, bad := range []string{`"*( )`, "。，", "\xff\xfe", strings.Repeat("信", maxText+1), strings.Repeat("a", 10_000)} {
		if _, err := parse(bad); !errors.Is(err, ErrQuery) {
			t.Errorf("%.20q: %v", bad, err)
		}
	}
}

func TestFiltersAreChecked(t *testing.T) {
	for _, q := range []Query{{Sharing: "maybe"}, {Class: "x"}, {MaxGrade: 5}, {UpdateCycle: "sometimes"}, {Mode: "fax"}, {Member: strings.Repeat("m", 200)}, {Department: "\xff"}} {
		if _, err := q.filters(); !errors.Is(err, ErrFilter) {
			t.Errorf("%+v: %v", q, err)
		}
	}
	q := Query{Member: `zj" OR "sh`, MaxGrade: 2}
	fs, err := q.filters()
	if err != nil || fmt.Sprint(fs) != "[m=zj_22_20_4f_52_20_22sh g=2]" {
		t.Errorf("%v %v", fs, err)
	}
}

func TestCursor(t *testing.T) {
	for _, c := range []cursor{{rest: true, doc: 7}, {doc: 1<<40 + 5}} {
		if got, err := parseCursor(c.String()); err != nil || got != c {
			t.Errorf("%+v comes back as %+v: %v", c, got, err)
		}
	}
	for _, bad := range []string{"x", "====", "bjE", "cjE9PQ", strings.Repeat("A", 100), "eDE", "bi0x", "信息"} {
		if c, err := parseCursor(bad); err == nil && c.String() != bad {
			t.Errorf("%q is taken for %+v", bad, c)
		} else if err != nil && !errors.Is(err, ErrCursor) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestHighlightCountsInCodePoints(t *testing.T) {
	for _, x := range []struct {
		text, query string
		want        string
	}{
		{"长三角企业登记信息", "登记信息", "[[5 9]]"},
		{"登记与登记", "登记", "[[0 2] [3 5]]"},
		{"水质与水", "水", "[[0 1] [3 4]]"},
		{"ＧＤＰ统计", "gd", "[[0 2]]"},
		{"㎏数据", "数据", "[[1 3]]"}, // one character becomes two letters
		{"😀数据", "数据", "[[1 3]]"},
		{"其他", "数据", "[]"},
		{"Enterprise list", "enterprise l", "[[0 10] [11 12]]"},
	} {
		ts, err := parse(x.query)
		if err != nil {
			t.Fatal(err)
		}
		if got := highlight(x.text, ts); fmt.Sprint(got) != x.want {
			t.Errorf("%q in %q: %v, want %s", x.query, x.text, got, x.want)
		}
	}
}

// FuzzQuery: whatever is asked, what an index is asked is made of tokens and nothing else, and what is found is shown
// within its text.
func FuzzQuery(f *testing.F) {
	for _, s := range []string{"信息", `" * ( ) AND NEAR`, "ＧＤＰ", "e\u0301t", "\xff", "水 a*", "ﷺ", "𠀀𠀁", "'; DROP", "m=x ^a _b"} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, query, text string) {
		ts, err := parse(query)
		if err != nil {
			if !errors.Is(err, ErrQuery) {
				t.Fatal(err)
			}
			return
		}
		for _, x := range ts {
			if x == "" || strings.ContainsAny(string(x), "\"'\\*=_ \x00?") {
				t.Fatalf("%q asks for %q", query, x)
			}
		}
		if utf8.ValidString(text) {
			n := utf8.RuneCountInString(text)
			for _, s := range highlight(text, ts) {
				if s[0] < 0 || s[0] >= s[1] || s[1] > n {
					t.Fatalf("%q in %q of %d: %v", query, text, n, s)
				}
			}
		}
		// What is named so is found by its name.
		if len(ts) > 0 && len(ts) < 50 {
			had := " " + tokens("m", &Entry{Name: query, Sharing: "none", Class: "base", Grade: 1}) + " "
			for _, x := range named(ts) {
				if !strings.Contains(had, " "+string(x)+" ") {
					t.Fatalf("%q lacks %q", had, x)
				}
			}
		}
	})
}
