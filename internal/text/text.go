package text

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
)

// MaxLine bounds a Line that is decoded, in bytes: an identifier, a purpose, a name.
const MaxLine = 512

// Name is what an error calls a text, at the beginning of a sentence.
type Name struct{ En, Zh string }

// Line is one line of checked text. The zero value is the empty line.
type Line struct{ s string }

// Parse checks s, which an error calls name, against the bound in bytes.
func Parse(name Name, s string, most int) (Line, error) {
	if err := Check(name, s, most); err != nil {
		return Line{}, err
	}
	return Line{s}, nil
}

// String is the text.
func (l Line) String() string { return l.s }

// UnmarshalText implements encoding.TextUnmarshaler, within MaxLine.
func (l *Line) UnmarshalText(b []byte) (err error) {
	*l, err = Parse(Name{"The text", "文本"}, string(b), MaxLine)
	return err
}

// MarshalText implements encoding.TextMarshaler.
func (l Line) MarshalText() ([]byte, error) { return []byte(l.s), nil }

// Check refuses what is no Line; name is what the error calls it. ErrLong, ErrEncoding, ErrControl.
func Check(name Name, s string, most int) error { return check(name, s, most, false) }

// Block is Check for text of several lines: line breaks and tabs are allowed.
func Block(name Name, s string, most int) error { return check(name, s, most, true) }

func check(name Name, s string, most int, block bool) error {
	if len(s) > most {
		return ErrLong.With(name.En, name.Zh, most)
	}
	plain := true
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= 0x7f {
			plain = false
			break
		}
	}
	if plain {
		return nil
	}
	if !utf8.ValidString(s) {
		return ErrEncoding.With(name.En, name.Zh)
	}
	for _, r := range s {
		if unfit(r, block) {
			return ErrControl.With(name.En, name.Zh)
		}
	}
	return nil
}

// unfit characters are the controls C0, DEL and C1; in a line also what breaks it, or changes the direction in which all
// that follows is read, so that a name looks like another.
func unfit(r rune, block bool) bool {
	switch {
	case r == '\n' || r == '\r' || r == '\t':
		return !block
	case r >= ' ' && r < 0x7f:
		return false
	case r <= 0x9f:
		return true
	case r == 0x2028 || r == 0x2029 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069:
		return !block
	}
	return false
}

// Escaped checks the bytes of a JSON text before it is decoded: valid UTF-8, and no escape that stands for a control
// character or half a surrogate pair. With block, line breaks and tabs may be escaped. Whether it is JSON is for the
// decoder to say.
func Escaped(name Name, b []byte, block bool) error {
	if !utf8.Valid(b) {
		return ErrEncoding.With(name.En, name.Zh)
	}
	for _, r := range string(b) { // unescaped breaks stand between values: within one no decoder takes them
		if r != '\n' && r != '\r' && r != '\t' && unfit(r, block) {
			return ErrControl.With(name.En, name.Zh)
		}
	}
	for at := 0; ; {
		i := bytes.IndexByte(b[at:], '\\')
		if i < 0 || at+i+1 >= len(b) {
			return nil
		}
		at += i + 2
		switch b[at-1] {
		case 'b', 'f':
			return ErrControl.With(name.En, name.Zh)
		case 'n', 'r', 't':
			if !block {
				return ErrControl.With(name.En, name.Zh)
			}
		case 'u':
			r, n := escape(b[at:])
			switch {
			case n == 0:
			case r == utf8.RuneError && n == 4:
				return ErrEncoding.With(name.En, name.Zh)
			case unfit(r, block):
				return ErrControl.With(name.En, name.Zh)
			}
			at += n
		}
	}
}

// escape reads the four digits behind \u, and the second half of a pair. n is how many bytes that took: 0 if there are no
// digits. Half a pair is utf8.RuneError.
func escape(b []byte) (r rune, n int) {
	r, ok := digits(b)
	switch {
	case !ok:
		return 0, 0
	case !utf16.IsSurrogate(r):
		if r == utf8.RuneError {
			return ' ', 4 // U+FFFD itself, written out, is a character like any other
		}
		return r, 4
	}
	if len(b) >= 10 && b[4] == '\\' && b[5] == 'u' {
		if low, ok := digits(b[6:]); ok {
			if r := utf16.DecodeRune(r, low); r != utf8.RuneError {
				return r, 10
			}
		}
	}
	return utf8.RuneError, 4
}

func digits(b []byte) (rune, bool) {
	if len(b) < 4 {
		return 0, false
	}
	var r rune
	for _, c := range b[:4] {
		switch {
		case c >= '0' && c <= '9':
			r = r<<4 | rune(c-'0')
		case c >= 'a' && c <= 'f':
			r = r<<4 | rune(c-'a'+10)
		case c >= 'A' && c <= 'F':
			r = r<<4 | rune(c-'A'+10)
		default:
			return 0, false
		}
	}
	return r, true
}
