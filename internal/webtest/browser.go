package webtest

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/go-rod/rod"
	"github.com/go-rod/rod/lib/input"
	"github.com/go-rod/rod/lib/launcher"
	"github.com/go-rod/rod/lib/proto"
)

// timeout is how long a visitor may stay with one page and what it leads to, on a busy machine.
const timeout = 5 * time.Minute

// Browser is a Chromium of one test.
type Browser struct {
	t testing.TB
	b *rod.Browser
}

// Open starts a Chromium that talks to nobody but the test, and ends it with the test.
func Open(t testing.TB) *Browser {
	t.Helper()
	bin := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if p, err := exec.LookPath(name); err == nil {
			bin = p
			break
		}
	}
	if bin == "" {
		if os.Getenv("KUAYU_REQUIRE_SERVICES") == "1" {
			t.Fatal("no Chromium on this machine, and KUAYU_REQUIRE_SERVICES is 1")
		}
		t.Skip("no Chromium on this machine: pages were not looked at in a browser")
	}
	l := launcher.New().Bin(bin).Leakless(false).Headless(true).NoSandbox(true).UserDataDir(t.TempDir()).
		Set("disable-gpu").Set("disable-background-networking").Set("disable-component-update").Set("disable-sync").Set("no-first-run").
		Set("force-color-profile", "srgb").Set("hide-scrollbars").
		Set("ignore-certificate-errors")
	url, err := l.Launch()
	if err != nil {
		t.Fatal("Chromium did not start: ", err)
	}
	b := rod.New().ControlURL(url)
	if err := b.Connect(); err != nil {
		t.Fatal("Chromium does not answer: ", err)
	}
	t.Cleanup(func() {
		_ = b.Close()
		l.Kill()
		l.Cleanup()
	})
	return &Browser{t: t, b: b}
}

// Page is an open page. What it complained about so far is in Complaints.
type Page struct {
	t testing.TB
	p *rod.Page

	mu         sync.Mutex
	complaints []string
}

// Visit opens a page at a width, with everything the browser says about it noted: the console, refused resources, and
// breaches of the content policy.
func (b *Browser) Visit(url string, width int) *Page {
	b.t.Helper()
	p, err := b.b.Page(proto.TargetCreateTarget{URL: "about:blank"})
	if err != nil {
		b.t.Fatal(err)
	}
	out := &Page{t: b.t, p: p.Timeout(timeout)}
	b.t.Cleanup(func() { _ = p.Close() })
	note := func(format string, args ...any) {
		out.mu.Lock()
		defer out.mu.Unlock()
		out.complaints = append(out.complaints, fmt.Sprintf(format, args...))
	}
	for _, enable := range []proto.Request{proto.LogEnable{}, proto.RuntimeEnable{}, proto.AuditsEnable{}, proto.NetworkEnable{}} {
		if _, err := p.Call(p.GetContext(), string(p.SessionID), enable.ProtoReq(), enable); err != nil {
			b.t.Fatal(err)
		}
	}
	go p.EachEvent(
		func(e *proto.LogEntryAdded) { note("log: %s %s", e.Entry.Level, e.Entry.Text) },
		func(e *proto.RuntimeConsoleAPICalled) { note("console: %s", e.Type) },
		func(e *proto.RuntimeExceptionThrown) { note("exception: %s", e.ExceptionDetails.Text) },
		func(e *proto.AuditsIssueAdded) {
			if e.Issue.Details.ContentSecurityPolicyIssueDetails != nil {
				note("content policy: %s", e.Issue.Details.ContentSecurityPolicyIssueDetails.ViolatedDirective)
			}
		},
		func(e *proto.NetworkResponseReceived) {
			if e.Response.Status >= 400 && e.Response.URL != url {
				note("%s answered %d", e.Response.URL, e.Response.Status)
			}
		},
	)()
	out.Resize(width)
	if err := out.p.Navigate(url); err != nil {
		b.t.Fatal(err)
	}
	if err := out.p.WaitLoad(); err != nil {
		b.t.Fatal(err)
	}
	return out
}

// Close closes the page before its test ends.
func (p *Page) Close() { _ = p.p.Close() }

// Complaints are what the browser said about the page.
func (p *Page) Complaints() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.complaints...)
}

// Resize changes the width of the window.
func (p *Page) Resize(width int) {
	p.t.Helper()
	p.Screen(width, 900)
}

// Eventually waits until a function in the page says true.
func (p *Page) Eventually(js string) {
	p.t.Helper()
	for end := time.Now().Add(timeout); ; time.Sleep(50 * time.Millisecond) {
		var ok bool
		if p.Eval(js, &ok); ok {
			return
		}
		if time.Now().After(end) {
			p.t.Fatalf("never: %s", js)
		}
	}
}

// Screen changes the size of the window.
func (p *Page) Screen(width, height int) {
	p.t.Helper()
	err := p.p.SetViewport(&proto.EmulationSetDeviceMetricsOverride{Width: width, Height: height, DeviceScaleFactor: 1, Mobile: false})
	if err != nil {
		p.t.Fatal(err)
	}
}

// Eval runs a function in the page and reads its result into v.
func (p *Page) Eval(js string, v any) {
	p.t.Helper()
	res, err := p.p.Eval(js)
	if err != nil {
		p.t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(res.Value.JSON("", "")), v); err != nil {
		p.t.Fatal(err)
	}
}

// appear is how long something may take to be on a page that has loaded.
const appear = 10 * time.Second

// find is the first element that a selector finds. If it is not there, the test says what is.
func (p *Page) find(selector string) *rod.Element {
	p.t.Helper()
	e, err := p.p.Timeout(appear).Element(selector)
	if err != nil {
		text := ""
		if main, e := p.p.Timeout(appear).Element("main"); e == nil {
			text, _ = main.Text()
		}
		p.t.Fatalf("%s: %v, on this page:\n%s", selector, err, text)
	}
	return e.CancelTimeout()
}

// Click clicks the first element that a selector finds, and waits for the page it leads to.
func (p *Page) Click(selector string) {
	p.t.Helper()
	e := p.find(selector)
	wait := p.p.WaitNavigation(proto.PageLifecycleEventNameLoad)
	if err := e.Click(proto.InputMouseButtonLeft, 1); err != nil {
		p.t.Fatal(err)
	}
	wait()
}

// Hear forgets what the browser said so far: a page that refuses a form has a status that the browser mentions.
func (p *Page) Hear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.complaints = nil
}

// Fill types texts into fields, by selector.
func (p *Page) Fill(texts map[string]string) {
	p.t.Helper()
	for selector, text := range texts {
		e := p.find(selector)
		if err := e.Input(text); err != nil {
			p.t.Fatal(err)
		}
	}
}

// Tick clicks what a selector finds, and stays on the page.
func (p *Page) Tick(selectors ...string) {
	p.t.Helper()
	for _, s := range selectors {
		e := p.find(s)
		if err := e.Click(proto.InputMouseButtonLeft, 1); err != nil {
			p.t.Fatal(err)
		}
	}
}

// Pick chooses an option of a select by its text.
func (p *Page) Pick(selector, text string) {
	p.t.Helper()
	e := p.find(selector)
	if err := e.Select([]string{text}, true, rod.SelectorTypeText); err != nil {
		p.t.Fatal(err)
	}
}

// Attach puts a file of this machine into a form.
func (p *Page) Attach(selector, file string) {
	p.t.Helper()
	e := p.find(selector)
	if err := e.SetFiles([]string{file}); err != nil {
		p.t.Fatal(err)
	}
}

// Has reports whether a selector finds anything.
func (p *Page) Has(selector string) bool {
	p.t.Helper()
	has, _, err := p.p.Has(selector)
	if err != nil {
		p.t.Fatal(err)
	}
	return has
}

// Text is what the visitor reads in the first element that a selector finds.
func (p *Page) Text(selector string) string {
	p.t.Helper()
	e := p.find(selector)
	s, err := e.Text()
	if err != nil {
		p.t.Fatal(err)
	}
	return s
}

// Again loads the page once more.
func (p *Page) Again() {
	p.t.Helper()
	if err := p.p.Reload(); err != nil {
		p.t.Fatal(err)
	}
	if err := p.p.WaitLoad(); err != nil {
		p.t.Fatal(err)
	}
}

// Finding is what axe-core found wrong.
type Finding struct {
	ID, Impact, Help string
	Nodes            []struct {
		HTML           string `json:"html"`
		FailureSummary string `json:"failureSummary"`
	}
}

func (f Finding) String() string {
	s := f.ID + " (" + f.Impact + "): " + f.Help
	for _, n := range f.Nodes {
		s += "\n    " + n.HTML + "\n    " + n.FailureSummary
	}
	return s
}

// Axe judges the page by all rules of axe-core, its best practices included.
func (p *Page) Axe() []Finding {
	p.t.Helper()
	if _, err := p.p.Evaluate(rod.Eval("() => { " + axe(p.t) + " }")); err != nil {
		p.t.Fatal("axe-core: ", err)
	}
	res, err := p.p.Evaluate(rod.Eval("() => axe.run(document, {resultTypes: ['violations']}).then(r => r.violations)").ByPromise())
	if err != nil {
		p.t.Fatal("axe-core: ", err)
	}
	var out []Finding
	if err := json.Unmarshal([]byte(res.Value.JSON("", "")), &out); err != nil {
		p.t.Fatal(err)
	}
	return out
}

// Overflow is by how many pixels the page is wider than its window.
func (p *Page) Overflow() int {
	p.t.Helper()
	var n int
	p.Eval("() => Math.max(document.documentElement.scrollWidth, document.body.scrollWidth) - document.documentElement.clientWidth", &n)
	return n
}

// HTML is the page as the browser has it.
func (p *Page) HTML() string {
	p.t.Helper()
	var s string
	p.Eval("() => document.documentElement.outerHTML", &s)
	return s
}

// Weight is how many bytes the page and what it needs take over the wire, headers aside.
func (p *Page) Weight() int {
	p.t.Helper()
	var n int
	p.Eval(`() => [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")].reduce((n, e) => n + e.encodedBodySize, 0)`, &n)
	return n
}

// Shot takes a picture of the whole page into the folder that KUAYU_SHOTS names; without it, none.
func (p *Page) Shot(name string) {
	p.t.Helper()
	dir := os.Getenv("KUAYU_SHOTS")
	if dir == "" {
		return
	}
	b, err := p.p.Screenshot(true, &proto.PageCaptureScreenshot{Format: proto.PageCaptureScreenshotFormatPng})
	if err != nil {
		p.t.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o750); err != nil { //nolint:gosec // the folder is named by whoever runs the test
		p.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), b, 0o600); err != nil { //nolint:gosec // as above
		p.t.Fatal(err)
	}
}

// Press sends the Tab key n times and returns, after each, what has the focus and whether it can be seen.
func (p *Page) Press(n int) []Focus {
	p.t.Helper()
	var out []Focus
	for range n {
		if err := p.p.Keyboard.Press('\t'); err != nil {
			p.t.Fatal(err)
		}
		var f Focus
		p.Eval(`() => {
			const e = document.activeElement, r = e.getBoundingClientRect(), s = getComputedStyle(e)
			return {Name: e.tagName + " " + (e.textContent || e.name || "").trim().slice(0, 40),
				Seen: r.width > 0 && r.height > 0 && r.bottom > 0 && r.top < innerHeight && r.right > 0 && r.left < innerWidth,
				Outlined: s.outlineStyle !== "none" && parseFloat(s.outlineWidth) >= 2}
		}`, &f)
		out = append(out, f)
	}
	return out
}

// Focus is what the keyboard has reached.
type Focus struct {
	Name           string
	Seen, Outlined bool
}

// Reach presses the Tab key until what a selector finds has the focus. On the way whatever has it must be seen to.
func (p *Page) Reach(selector string) {
	p.t.Helper()
	const most = 150
	for range most {
		f := p.Press(1)[0]
		if !f.Seen || !f.Outlined {
			p.t.Errorf("%s has the focus, and it can't be seen: %+v", f.Name, f)
		}
		var there bool
		if p.Eval("() => document.activeElement.matches("+strconv.Quote(selector)+")", &there); there {
			return
		}
	}
	p.t.Fatalf("the Tab key does not reach %s", selector)
}

// Type writes where the focus is, in place of what is there.
func (p *Page) Type(text string) {
	p.t.Helper()
	if err := p.p.InsertText(text); err != nil {
		p.t.Fatal(err)
	}
}

// Space presses the space bar: it ticks, and opens what folds.
func (p *Page) Space() {
	p.t.Helper()
	if err := p.p.Keyboard.Type(input.Space); err != nil {
		p.t.Fatal(err)
	}
}

// Enter presses the key and waits for the page it leads to.
func (p *Page) Enter() {
	p.t.Helper()
	wait := p.p.WaitNavigation(proto.PageLifecycleEventNameLoad)
	if err := p.p.Keyboard.Type(input.Enter); err != nil {
		p.t.Fatal(err)
	}
	wait()
}
