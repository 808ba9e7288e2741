package ui

import (
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/kuayu/kuayu/internal/webtest"
)

// TestInABrowser looks at the style page as its visitors do: in both languages and sizes, wide and narrow. axe-core finds
// nothing, the browser complains about nothing, and nothing scrolls sideways.
func TestInABrowser(t *testing.T) {
	b := webtest.Open(t)
	srv := httptest.NewTLSServer(handler(t))
	defer srv.Close()
	for _, lang := range []string{"zh", "en"} {
		for _, elder := range []string{"0", "1"} {
			for _, width := range []int{390, 1440} {
				name := lang + "-" + strconv.Itoa(width)
				if elder == "1" {
					name += "-elder"
				}
				t.Run(name, func(t *testing.T) {
					p := b.Visit(srv.URL+"/ui?lang="+lang+"&elder="+elder, width)
					p.Shot(name)
					if n := p.Overflow(); n > 0 {
						t.Errorf("%d px wider than the window", n)
					}
					small(t, p, elder == "1")
					if c := p.Complaints(); len(c) > 0 {
						t.Errorf("the browser complains: %s", strings.Join(c, "\n"))
					}
					for _, f := range p.Axe() {
						t.Error(f)
					}
				})
			}
		}
	}
}

// small looks for text and targets that are too small: links inside a sentence are exempt (WCAG 2.2, 2.5.8).
func small(t *testing.T, p *webtest.Page, elder bool) {
	t.Helper()
	text, target := 14.0, 44.0
	if elder {
		text, target = 18, 60
	}
	var found []string
	p.Eval(`() => {
		const out = [], text = `+strconv.FormatFloat(text, 'f', 0, 64)+`, target = `+strconv.FormatFloat(target, 'f', 0, 64)+`
		const seen = e => { const r = e.getBoundingClientRect(); return r.width > 1 && r.height > 1 && getComputedStyle(e).visibility !== "hidden" }
		for (const e of document.querySelectorAll("body *")) {
			const own = [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim())
			if (own && seen(e) && parseFloat(getComputedStyle(e).fontSize) < text - .01) out.push("text " + getComputedStyle(e).fontSize + ": " + e.textContent.trim().slice(0, 40))
		}
		for (const e of document.querySelectorAll(".button, summary, .tools a, .side a, .tabs a, .choice, select, textarea, input:not([type=checkbox]):not([type=radio])")) {
			const r = e.getBoundingClientRect()
			if (seen(e) && r.height < target - .01) out.push("target " + r.height + ": " + (e.textContent.trim() || e.name).slice(0, 40))
		}
		return out
	}`, &found)
	for _, f := range found {
		t.Error(f)
	}
}

// TestNarrowAndZoomed: 320 px wide is what a page of 1280 px has at 400 % zoom (WCAG 2.2, 1.4.10); 720 px is 1440 at 200 %.
func TestNarrowAndZoomed(t *testing.T) {
	b := webtest.Open(t)
	srv := httptest.NewTLSServer(handler(t))
	defer srv.Close()
	for _, q := range []string{"?lang=zh", "?lang=en", "?lang=zh&elder=1", "?lang=en&elder=1", "?view=line", "?view=all", "?state=ended"} {
		p := b.Visit(srv.URL+"/ui"+q, 320)
		for _, width := range []int{320, 720} {
			p.Resize(width)
			if n := p.Overflow(); n > 0 {
				var wide []string
				p.Eval(`() => [...document.querySelectorAll("body *")].filter(e => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest(".vh, thead")).slice(0, 5).map(e => e.outerHTML.slice(0, 120))`, &wide)
				t.Errorf("%s at %d px: %d px wider than the window: %s", q, width, n, strings.Join(wide, "\n"))
			}
		}
	}
}

// TestKeyboard: the skip link comes first, and whatever has the focus can be seen to have it.
func TestKeyboard(t *testing.T) {
	b := webtest.Open(t)
	srv := httptest.NewTLSServer(handler(t))
	defer srv.Close()
	p := b.Visit(srv.URL+"/ui", 1440)
	reached := p.Press(60)
	if !strings.Contains(reached[0].Name, "跳到正文") {
		t.Errorf("first comes %q", reached[0].Name)
	}
	for i, f := range reached {
		if !f.Seen || !f.Outlined {
			t.Errorf("step %d, %q: seen %v, outlined %v", i+1, f.Name, f.Seen, f.Outlined)
		}
	}
}
