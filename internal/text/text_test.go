package text

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestCheck(t *testing.T) {
	for _, c := range []struct {
		s           string
		line, block error
	}{
		{"", nil, nil},
		{"查询户籍 · قاۋاق", nil, nil},
		{"a\x00b", ErrControl, ErrControl},
		{"a\x1bb", ErrControl, ErrControl},
		{"a\u007fb", ErrControl, ErrControl},
		{"a\u0085b", ErrControl, ErrControl},
		{"a\nb\tc\r", ErrControl, nil},
		{"abc\u202egpj.exe", ErrControl, nil},
		{"a\u2028b", ErrControl, nil},
		{"a\xffb", ErrEncoding, ErrEncoding},
		{"a\xed\xa0\x80b", ErrEncoding, ErrEncoding}, // a surrogate in bytes
		{strings.Repeat("长", 14), ErrLong, ErrLong},
	} {
		if err := Check(Name{"It", "它"}, c.s, 40); !same(err, c.line) {
			t.Errorf("line %q: %v", c.s, err)
		}
		if err := Block(Name{"It", "它"}, c.s, 40); !same(err, c.block) {
			t.Errorf("block %q: %v", c.s, err)
		}
	}
}

func same(err, want error) bool {
	if want == nil {
		return err == nil
	}
	return errors.Is(err, want)
}

func TestEscaped(t *testing.T) {
	for _, c := range []struct {
		s           string
		line, block error
	}{
		{`{"a":"b"}`, nil, nil},
		{`{"a":"\u4e2d\ud83d\ude00\ufffd"}`, nil, nil},
		{`{"a":"\\u0000"}`, nil, nil}, // a backslash and digits
		{`{"a":"\\\u0000"}`, ErrControl, ErrControl},
		{`{"a":"\u0000"}`, ErrControl, ErrControl},
		{`{"a":"\u001B"}`, ErrControl, ErrControl},
		{`{"a":"\b"}`, ErrControl, ErrControl},
		{`{"a":"\n\t"}`, ErrControl, nil},
		{`{"a":"\u000a"}`, ErrControl, nil},
		{`{"a":"\ud800"}`, ErrEncoding, ErrEncoding},
		{`{"a":"\ud800\u0041"}`, ErrEncoding, ErrEncoding},
		{`{"a":"\ude00\ud83d"}`, ErrEncoding, ErrEncoding},
		{"{\"a\":\"\xff\"}", ErrEncoding, ErrEncoding},
		{"{\n\t\"a\":\"b\"}", nil, nil},
		{"{\"a\":\"b\x7f\u0085\"}", ErrControl, ErrControl},
		{"{\"a\":\"b\u202e\"}", ErrControl, nil},
		{`{"a":"\`, nil, nil}, // no JSON: for the decoder to say
		{`{"a":"\u00`, nil, nil},
	} {
		if err := Escaped(Name{"It", "它"}, []byte(c.s), false); !same(err, c.line) {
			t.Errorf("line %s: %v", c.s, err)
		}
		if err := Escaped(Name{"It", "它"}, []byte(c.s), true); !same(err, c.block) {
			t.Errorf("block %s: %v", c.s, err)
		}
	}
}

// A Line comes out of JSON checked, or not at all.
func TestLineJSON(t *testing.T) {
	var v struct{ ID Line }
	if err := json.Unmarshal([]byte(`{"ID":"甲"}`), &v); err != nil || v.ID.String() != "甲" {
		t.Errorf("%v, %v", v.ID, err)
	}
	for _, s := range []string{`{"ID":"a\u0000"}`, `{"ID":"` + strings.Repeat("a", MaxLine+1) + `"}`, `{"ID":"a\nb"}`} {
		if err := json.Unmarshal([]byte(s), &v); err == nil {
			t.Errorf("%.40s: accepted", s)
		}
	}
}

// FuzzEscaped: what passes and is JSON holds no control character when decoded, and lost nothing.
func FuzzEscaped(f *testing.F) {
	f.Add([]byte(`"\ud83d\ude00\\\u0000"`))
	f.Add([]byte(`"\ud83d"`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var s string
		if Escaped(Name{"It", "它"}, b, false) != nil || json.Unmarshal(b, &s) != nil {
			return
		}
		if err := Check(Name{"It", "它"}, s, len(s)); err != nil || !utf8.ValidString(s) {
			t.Errorf("%q: %v", b, err)
		}
	})
}
