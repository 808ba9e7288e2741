package webtest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

const bad = `<html><body style="color:#ccc"><h1>标题</h1><h3>Skipped</h3><p id="a">中文,半角</p><p id="a" aria-describedby="none">⟦x⟧</p>
<input name="q"><img src="/x.png"><table><tr><th>A</th></tr></table><a href="/"></a><svg></svg><script>console.log(1)</script></body></html>`

// What looks at pages must see what is wrong with one; otherwise "nothing found" means nothing.
func TestCheckSees(t *testing.T) {
	got := strings.Join(Check(bad), "\n")
	for _, want := range []string{"language", `"a" is there 2 times`, `"none", which is not there`, "follows a heading of level 1", "no scope", "no caption", "no alt", "neither hidden nor named", "has no text", "has no label", "<script> inline", "inline attribute style", "half-width", "missing words", "0 main parts"} {
		if !strings.Contains(got, want) {
			t.Errorf("not seen: %s\n%s", want, got)
		}
	}
	if p := Check(`<html lang="zh-CN"><body><main><h1>标题</h1><p>时间 12:05，共 3 条（含 1 条）。</p></main></body></html>`); len(p) > 0 {
		t.Error(p)
	}
}

// What reads pages for an officer must see what is not for one.
func TestPlainSees(t *testing.T) {
	const bad = `<html lang="zh-CN"><body><p>{"code": "x"}</p><p>状态 REVIEWING</p><div><div><ul><li>0198a1b2c3d4e5f60718</li></ul></div></div></body></html>`
	got := strings.Join(Plain(bad), "\n")
	for _, want := range []string{"in its notation", `"REVIEWING"`, "an identifier alone"} {
		if !strings.Contains(got, want) {
			t.Errorf("not seen: %s\n%s", want, got)
		}
	}
	good := `<html lang="zh-CN"><body><p>编号 <code>0198a1b2c3d4e5f60718</code></p><p>导出 CSV</p><a lang="en">English</a><td data-label="编号">0198a1b2c3d4e5f60718</td></body></html>`
	if p := Plain(good, "CSV"); len(p) > 0 {
		t.Error(p)
	}
}

func TestBrowserSees(t *testing.T) {
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'none'")
		_, _ = fmt.Fprint(w, bad, `<div id="wide"></div>`)
	}))
	defer srv.Close()
	p := Open(t).Visit(srv.URL, 320)
	p.Eval(`() => { document.getElementById("wide").innerHTML = "x".repeat(500); return 0 }`, new(int))
	if p.Overflow() <= 0 {
		t.Error("a page wider than its window was not seen")
	}
	if c := strings.Join(p.Complaints(), "\n"); !strings.Contains(c, "Content Security Policy") && !strings.Contains(c, "content policy") {
		t.Errorf("a breach of the content policy was not seen: %s", c)
	}
	var found []string
	for _, f := range p.Axe() {
		found = append(found, f.ID)
	}
	for _, want := range []string{"html-has-lang", "image-alt", "label", "link-name"} {
		if !slices.Contains(found, want) {
			t.Errorf("axe-core did not find %s: %v", want, found)
		}
	}
}
