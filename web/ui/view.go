package ui

import (
	"fmt"
	"net/url"
	"strconv"
	"time"
)

// Lang is a language of the pages.
type Lang string

// The languages. Chinese is what is shown to whoever did not choose.
const (
	Chinese Lang = "zh"
	English Lang = "en"
)

func language(s string) Lang {
	if s == string(English) {
		return English
	}
	return Chinese
}

// Tag is the language for the lang attribute (BCP 47).
func (l Lang) Tag() string {
	if l == English {
		return "en"
	}
	return "zh-CN"
}

func (l Lang) short() string { return string(l) }

// View is how one visitor sees a page: in which language, in which size, at which address.
type View struct {
	Lang  Lang
	Elder bool           // 长辈版: larger text, larger targets
	Alone bool           // the tour was closed
	URL   *url.URL       // of the page; filters, tabs and pages are addresses made from it
	Zone  *time.Location // in which times are shown

	assets *assets
}

// T is the text of a key in the view's language, with its verbs filled. A key that is not in the table is shown as such,
// and a test fails.
func (v *View) T(key string, args ...any) string {
	w, ok := words()[key]
	if !ok {
		return "⟦" + key + "⟧"
	}
	text := v.Pick(w.Zh, w.En)
	if len(args) > 0 {
		return fmt.Sprintf(text, args...)
	}
	return text
}

// Pick is one of two texts, by the view's language.
func (v *View) Pick(zh, en string) string {
	if v.Lang == English {
		return en
	}
	return zh
}

// Number is a count with its thousands set apart (GB/T 15835 allows it; the pages always do).
func (v *View) Number(n int64) string {
	s := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, s = "−", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return sign + s
}

// Day is a date as government pages write it: 2026-11-22.
func (v *View) Day(t time.Time) string { return t.In(v.Zone).Format("2006-01-02") }

// Minute is a time as government pages write it: 2026-11-22 12:05.
func (v *View) Minute(t time.Time) string { return t.In(v.Zone).Format("2006-01-02 15:04") }

// Second is a time where seconds matter: 2026-11-22 12:05:31.
func (v *View) Second(t time.Time) string { return t.In(v.Zone).Format(time.DateTime) }

// Duration is how long something took: 8.4 毫秒, 1.25 秒.
func (v *View) Duration(d time.Duration) string {
	switch ms := float64(d) / float64(time.Millisecond); {
	case d < 50*time.Microsecond:
		return v.Pick("不足 0.1 毫秒", "under 0.1 ms")
	case d < 100*time.Millisecond:
		return strconv.FormatFloat(ms, 'f', 1, 64) + v.Pick(" 毫秒", " ms")
	case d < time.Second:
		return strconv.FormatFloat(ms, 'f', 0, 64) + v.Pick(" 毫秒", " ms")
	}
	return strconv.FormatFloat(d.Seconds(), 'f', 2, 64) + v.Pick(" 秒", " s")
}

// Bytes is a size: 812 字节, 12.5 KiB.
func (v *View) Bytes(n int64) string {
	const kib = 1 << 10
	switch {
	case n < kib:
		return v.Number(n) + v.Pick(" 字节", " bytes")
	case n < kib*kib:
		return strconv.FormatFloat(float64(n)/kib, 'f', 1, 64) + " KiB"
	}
	return strconv.FormatFloat(float64(n)/kib/kib, 'f', 1, 64) + " MiB"
}

// machine is the same time for programs, in a <time datetime>.
func machine(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// With is the page's address with one parameter changed, an empty value removing it. Whatever changes what is listed
// leads back to the first page.
func (v *View) With(key, value string) string {
	q := v.URL.Query()
	q.Del("page")
	if value == "" {
		q.Del(key)
	} else {
		q.Set(key, value)
	}
	return address(v.URL.Path, q)
}

// Without is the page's address without the given parameters.
func (v *View) Without(keys ...string) string {
	q := v.URL.Query()
	for _, k := range append(keys, "page") {
		q.Del(k)
	}
	return address(v.URL.Path, q)
}

func address(path string, q url.Values) string {
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}

// prefer is the address that changes a choice and comes back to this page.
func (v *View) prefer(key, value string) string {
	return PathPrefer + "?" + url.Values{key: {value}, "back": {v.URL.RequestURI()}}.Encode()
}

// onOff is how a choice is written in an address.
func onOff(on bool) string {
	if on {
		return "1"
	}
	return "0"
}

// other is the language a visitor can change to.
func (v *View) other() Lang {
	if v.Lang == English {
		return Chinese
	}
	return English
}
