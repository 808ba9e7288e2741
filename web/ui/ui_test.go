package ui

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/kuayu/kuayu/internal/clock"
	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/internal/httpx"
	"github.com/kuayu/kuayu/internal/webtest"
)

func handler(t *testing.T) http.Handler {
	t.Helper()
	u := New()
	mux := http.NewServeMux()
	u.Routes(mux)
	return httpx.Wrap(mux, slog.New(slog.DiscardHandler), false)
}

func get(t *testing.T, h http.Handler, url string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func css(t *testing.T) string {
	t.Helper()
	b, err := files.ReadFile("assets/ui.css")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// pairs are all combinations of a colour of text and the ground it stands on. Text needs 4.5:1 at any size, so that
// nobody has to think about which text is large; lines that must be seen need 3:1 (WCAG 2.2, 1.4.3 and 1.4.11).
func pairs() map[string][]string {
	return map[string][]string{
		"ink":          {"paper", "ground", "head", "notice-tint", "neutral-tint", "good-tint", "warning-tint", "bad-tint"},
		"soft":         {"paper", "ground", "head"},
		"blue":         {"paper", "ground", "notice-tint"},
		"blue-deep":    {"paper", "ground", "notice-tint"},
		"red":          {"paper", "ground"},
		"on-navy":      {"navy", "navy-lit", "blue", "blue-deep", "red", "red-deep"},
		"on-navy-soft": {"navy"},
		"neutral-ink":  {"neutral-tint", "paper", "ground"},
		"notice-ink":   {"notice-tint", "paper", "ground"},
		"good-ink":     {"good-tint", "paper", "ground"},
		"warning-ink":  {"warning-tint", "paper", "ground"},
		"bad-ink":      {"bad-tint", "paper", "ground"},
	}
}

func luminance(t *testing.T, hex string) float64 {
	t.Helper()
	var l float64
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		n, err := strconv.ParseUint(hex[1+2*i:3+2*i], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		c := float64(n) / 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		l += weight * c
	}
	return l
}

func contrast(t *testing.T, a, b string) float64 {
	t.Helper()
	x, y := luminance(t, a), luminance(t, b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

func TestContrast(t *testing.T) {
	colour := map[string]string{}
	for _, m := range tokenForm.FindAllStringSubmatch(css(t), -1) {
		colour[m[1]] = m[2]
	}
	if len(colour) < 20 {
		t.Fatalf("%d colours found", len(colour))
	}
	used := map[string]bool{"line": true} // separates what already stands apart
	check := func(ink, ground string, least float64) {
		used[ink], used[ground] = true, true
		if colour[ink] == "" || colour[ground] == "" {
			t.Errorf("no such token: %s or %s", ink, ground)
			return
		}
		if c := contrast(t, colour[ink], colour[ground]); c < least {
			t.Errorf("%s on %s: %.2f:1, want %.1f:1", ink, ground, c, least)
		}
	}
	for ink, grounds := range pairs() {
		for _, g := range grounds {
			check(ink, g, 4.5)
		}
	}
	for _, line := range []struct{ ink, ground string }{{"edge", "paper"}, {"edge", "ground"}, {"blue", "neutral-tint"}, {"focus", "ink"}, {"focus", "navy"}} {
		check(line.ink, line.ground, 3)
	}
	for name := range colour {
		if !used[name] {
			t.Errorf("the colour %s is in no pair: say here on what it stands", name)
		}
	}
	// Outside the tokens there is no colour, so that no text escapes this test.
	_, rest, _ := strings.Cut(css(t), "html {")
	if m := regexp.MustCompile(`#[0-9a-fA-F]{3,8}\b|rgba?\(|hsla?\(`).FindString(rest); m != "" {
		t.Errorf("the colour %s is not a token", m)
	}
}

func token(t *testing.T, text, name string) float64 {
	t.Helper()
	m := regexp.MustCompile(regexp.QuoteMeta(name) + `: ?([\d.]+)(rem|px|%)`).FindStringSubmatch(text)
	if m == nil {
		t.Fatalf("no token %s", name)
	}
	f, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		t.Fatal(err)
	}
	if m[2] == "rem" {
		f *= 16
	}
	return f
}

// The elder version: no text under 18 px, no target under 60 px (MIIT's rules for 适老化, 2021).
func TestElderSizes(t *testing.T) {
	text := css(t)
	_, elder, _ := strings.Cut(text, "html.elder {")
	elder, _, _ = strings.Cut(elder, "}")
	scale := token(t, elder, "font-size") / 100
	for _, name := range []string{"--small", "--text", "--large", "--title", "--figure"} {
		if px := token(t, text, name) * scale; px < 18 {
			t.Errorf("%s is %.1f px in the elder version", name, px)
		}
	}
	if px := token(t, elder, "--target"); px < 60 {
		t.Errorf("targets of %.0f px in the elder version", px)
	}
	if px := token(t, text, "--target"); px < 44 {
		t.Errorf("targets of %.0f px", px)
	}
	if m := regexp.MustCompile(`font-size: ?[\d.]+(px|em|rem)`).FindString(text); m != "" {
		t.Errorf("%q is not a token of type", m)
	}
}

func TestSizes(t *testing.T) {
	text := css(t)
	if len(text) > 25<<10 {
		t.Errorf("the style sheet has %d bytes; at most 25 KiB", len(text))
	}
	if n := len(zip([]byte(text))); n > 6<<10 {
		t.Errorf("the style sheet has %d bytes compressed; at most 6 KiB", n)
	}
	for _, no := range []string{":has(", "color-mix(", "oklch(", "@import", "url(", "!important"} {
		if strings.Contains(text, no) {
			t.Errorf("%s: not for browsers of 2018, or not for us", no)
		}
	}
	res := get(t, handler(t), "/ui", "Accept-Encoding", "gzip")
	if b := res.Body.String(); res.Header().Get("Content-Encoding") != "gzip" || len(b) > 20<<10 {
		t.Errorf("the style page has %d bytes, encoding %q", len(b), res.Header().Get("Content-Encoding"))
	}
}

// Every text is there in both languages, with the same verbs; the Chinese ones use Chinese marks; no text is without use,
// and no page asks for one that is not there.
func TestWords(t *testing.T) {
	verbs := regexp.MustCompile(`%[a-z]`)
	for k, w := range words() {
		if w.Zh == "" || w.En == "" {
			t.Errorf("%s: missing in one language", k)
		}
		if strings.Join(verbs.FindAllString(w.Zh, -1), "") != strings.Join(verbs.FindAllString(w.En, -1), "") {
			t.Errorf("%s: %q and %q have different verbs", k, w.Zh, w.En)
		}
		if webtest.HalfWidth(w.Zh) {
			t.Errorf("%s: %q has half-width marks", k, w.Zh)
		}
		if regexp.MustCompile(`\p{Han}|[，。：；？！（）]`).MatchString(w.En) && k != "switch.lang" {
			t.Errorf("%s: %q is not English", k, w.En)
		}
	}
	asked := regexp.MustCompile(`\.T\("([a-z.]+)"|footed\(v, "([a-z.]+)"`)
	used := map[string]bool{}
	err := filepath.WalkDir(".", func(p string, _ fs.DirEntry, err error) error {
		if err != nil || (filepath.Ext(p) != ".templ" && filepath.Ext(p) != ".go") || strings.HasSuffix(p, "_test.go") || strings.HasSuffix(p, "_templ.go") {
			return err
		}
		b, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		for _, m := range asked.FindAllStringSubmatch(string(b), -1) {
			key := m[1] + m[2]
			used[key] = true
			if _, ok := words()[key]; !ok {
				t.Errorf("%s asks for %q, which is not in the table of words", p, key)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for k := range words() {
		if !used[k] {
			t.Errorf("nothing says %q", k)
		}
	}
}

func TestFormats(t *testing.T) {
	v := &View{Zone: clock.China()}
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 18426: "18,426", 1234567: "1,234,567", -1000: "−1,000"} {
		if got := v.Number(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
	at := time.Date(2026, 11, 21, 20, 5, 0, 0, time.UTC)
	if got := v.Minute(at); got != "2026-11-22 04:05" {
		t.Error(got)
	}
	if got := v.Day(at); got != "2026-11-22" {
		t.Error(got)
	}
	if got := machine(at); got != "2026-11-21T20:05:00Z" {
		t.Error(got)
	}
}

// The HTML of the style page, in every language, size, view and filter.
func TestStylePage(t *testing.T) {
	h := handler(t)
	for _, q := range []string{"", "?lang=en", "?elder=1", "?lang=en&elder=1", "?view=line", "?view=all", "?state=ended", "?state=good&sort=-count&page=3", "?q=%3Cscript%3Ealert(1)%3C%2Fscript%3E"} {
		t.Run(q, func(t *testing.T) {
			res := get(t, h, "/ui"+q)
			text := res.Body.String()
			if res.Code != http.StatusOK {
				t.Fatalf("%d %s", res.Code, text)
			}
			for _, p := range webtest.Check(text) {
				t.Error(p)
			}
			lang := `lang="zh-CN"`
			if strings.Contains(q, "lang=en") {
				lang = `lang="en"`
			}
			if !strings.Contains(text, "<html "+lang) || strings.Contains(q, "elder=1") != strings.Contains(text, `class="elder"`) {
				t.Error("language or size is not what was asked for")
			}
			if strings.Contains(text, "<script") {
				t.Error("a query became markup")
			}
		})
	}
}

func TestEnglishPageIsEnglish(t *testing.T) {
	text := get(t, handler(t), "/ui?lang=en").Body.String()
	text = regexp.MustCompile(`(?s)<svg.*?</svg>`).ReplaceAllString(text, "")
	if m := regexp.MustCompile(`>[^<]*[\p{Han}，。：（）][^<]*<`).FindAllString(text, -1); len(m) > 1 || (len(m) == 1 && !strings.Contains(m[0], "中文")) {
		for _, s := range m {
			if !strings.Contains(s, "中文") && !strings.Contains(s, "张*") && !strings.Contains(s, "・") {
				t.Errorf("not English: %s", s)
			}
		}
	}
}

func TestHeaders(t *testing.T) {
	res := get(t, handler(t), "/ui")
	for k, want := range map[string]string{
		"Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
		"X-Content-Type-Options":  "nosniff", "Referrer-Policy": "same-origin", "X-Frame-Options": "DENY", "Cache-Control": "no-store",
		"Cross-Origin-Opener-Policy": "same-origin", "Content-Type": "text/html; charset=utf-8", "Content-Language": "zh-CN",
	} {
		if got := res.Header().Get(k); got != want {
			t.Errorf("%s: %q, want %q", k, got, want)
		}
	}
}

func TestAssets(t *testing.T) {
	h := handler(t)
	page := get(t, h, "/ui").Body.String()
	names := regexp.MustCompile(`/assets/[a-z]+\.[0-9a-f]{12}\.(?:css|svg)`).FindAllString(page, -1)
	if len(names) < 3 {
		t.Fatalf("the page names %v", names)
	}
	for _, name := range names[:3] {
		plain, packed := get(t, h, name), get(t, h, name, "Accept-Encoding", "br;q=1, gzip;q=0.5")
		z, err := gzip.NewReader(packed.Body)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		b, err := io.ReadAll(z)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(b, plain.Body.Bytes()) || plain.Header().Get("Content-Encoding") != "" || packed.Header().Get("Content-Encoding") != "gzip" {
			t.Errorf("%s: the two forms differ", name)
		}
		if plain.Header().Get("Cache-Control") != "public, max-age=31536000, immutable" || plain.Header().Get("Vary") != "Accept-Encoding" {
			t.Errorf("%s: %v", name, plain.Header())
		}
		if none := get(t, h, name, "Accept-Encoding", "gzip;q=0"); none.Header().Get("Content-Encoding") != "" {
			t.Errorf("%s: compressed for somebody who refuses it", name)
		}
	}
	for _, name := range []string{"/assets/ui.css", "/assets/ui.000000000000.css", "/assets/NOTICE", "/assets/..%2fui.go"} {
		if res := get(t, h, name); res.Code != http.StatusNotFound {
			t.Errorf("%s: %d", name, res.Code)
		}
	}
}

func TestPrefer(t *testing.T) {
	h := handler(t)
	for _, c := range []struct{ query, cookie, to string }{
		{"lang=en&back=%2Fui%3Fview%3Dall", "kuayu_lang=en", "/ui?view=all"},
		{"lang=zh&back=%2Fui%3Flang%3Den", "kuayu_lang=zh", "/ui"},
		{"lang=fr&back=%2Fui", "kuayu_lang=zh", "/ui"},
		{"elder=1&back=%2Fui", "kuayu_elder=1", "/ui"},
		{"elder=7&back=%2Fui", "kuayu_elder=0", "/ui"},
		{"lang=en&back=%2Fcatalog%2Fa%2Fb%252Fc", "kuayu_lang=en", "/catalog/a/b%2Fc"}, // a code with slashes is one part of the path
		{"lang=en&back=%2F%252Fevil.example", "kuayu_lang=en", "/"},
		{"lang=en&back=https%3A%2F%2Fevil.example%2F", "kuayu_lang=en", "/"},
		{"lang=en&back=%2F%2Fevil.example", "kuayu_lang=en", "/"},
		{"lang=en&back=%2F%5Cevil.example", "kuayu_lang=en", "/"},
		{"lang=en&back=javascript%3Aalert(1)", "kuayu_lang=en", "/"},
		{"lang=en", "kuayu_lang=en", "/"},
	} {
		res := get(t, h, "/prefer?"+c.query)
		set := res.Header().Get("Set-Cookie")
		if res.Code != http.StatusSeeOther || res.Header().Get("Location") != c.to || !strings.HasPrefix(set, c.cookie+";") {
			t.Errorf("%s: %d to %q, cookie %q", c.query, res.Code, res.Header().Get("Location"), set)
		}
		for _, want := range []string{"HttpOnly", "Secure", "SameSite=Lax", "Path=/"} {
			if !strings.Contains(set, want) {
				t.Errorf("%s: the cookie lacks %s: %s", c.query, want, set)
			}
		}
	}
	if text := get(t, h, "/ui", "Cookie", "kuayu_lang=en; kuayu_elder=1").Body.String(); !strings.Contains(text, `<html lang="en" class="elder"`) {
		t.Error("the cookies were not read")
	}
}

// A failure is a page with its next step, and the status of its kind; its cause is not on it.
func TestFail(t *testing.T) {
	u := New()
	for kind, status := range map[errs.Kind]int{errs.Denied: 403, errs.NotFound: 404, errs.Unavailable: 503, errs.Internal: 500, errs.Conflict: 409} {
		def := &errs.Def{Kind: kind, Code: "ui.test", Zh: "请稍后再试。", En: "Try again later."}
		w := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/cases/7", nil)
		httpx.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			u.Fail(w, r, Chrome{Name: "节点", Home: "/"}, Link{"/", "返回首页"}, def.Because(errors.New("the disk is full")))
		}), slog.New(slog.DiscardHandler), false).ServeHTTP(w, r)
		text := w.Body.String()
		if w.Code != status || !strings.Contains(text, "请稍后再试。") || !strings.Contains(text, "ui.test") || strings.Contains(text, "disk") || !strings.Contains(text, `class="button`) {
			t.Errorf("%s: %d %s", kind, w.Code, text)
		}
		for _, p := range webtest.Check(text) {
			t.Errorf("%s: %s", kind, p)
		}
	}
}

func TestQR(t *testing.T) {
	q, err := encodeQR("https://node.example/verify/EX-20261122-0091")
	if err != nil || q.size < 29 || !strings.HasPrefix(q.path, "M4 4h7v1h-7z") { // the finder pattern begins with seven dark squares
		t.Errorf("%v %d %.40s", err, q.size, q.path)
	}
	if _, err := encodeQR(strings.Repeat("x", 4000)); !errors.Is(err, ErrQR) {
		t.Error(err)
	}
}
