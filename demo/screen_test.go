package demo

import (
	"bufio"
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/internal/webtest"
	"github.com/kuayu/kuayu/support/policy"
	"github.com/kuayu/kuayu/web/screen"
)

// stream reads the board's stream until a line has all the given texts, or fails.
func (v *browserless) stream(path string, ask func(), want ...string) {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(v.t.Context(), 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, v.root+path, http.NoBody)
	if err != nil {
		v.t.Fatal(err)
	}
	res, err := v.http.Do(req)
	if err != nil {
		v.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK || !strings.HasPrefix(res.Header.Get("Content-Type"), "text/event-stream") {
		v.t.Fatalf("%d %s", res.StatusCode, res.Header.Get("Content-Type"))
	}
	if ask != nil {
		ask()
	}
	in := bufio.NewScanner(res.Body)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		missing := false
		for _, w := range want {
			missing = missing || !strings.Contains(in.Text(), w)
		}
		if !missing {
			return
		}
	}
	v.t.Errorf("the stream never said %q: %v", want, in.Err())
}

// TestScreen: the board counts what its visitor may see, shows what happens as it happens, and no person.
func TestScreen(t *testing.T) {
	f := newFixture(t, Settings{})
	agr, first := f.exchanged()
	auditor, officer, other := f.officer("shanghai", "auditor"), f.officer("shanghai", "officer-sh"), f.officer("shanghai", "officer-sh2")
	page := f.page(auditor, "/screen")
	says(t, page, "今日跨域交换", "75.00 %", "浙江省 → 上海市：3", "企业登记信息", "没有失联节点，没有超期事项", "/exchanges/"+first, "返回工作台", "示意图")
	hides(t, page, "330100", "query.close", "officer-sh", agr+"<")
	hides(t, f.page(auditor, "/screen?kiosk=1"), "返回工作台")
	says(t, f.page(officer, "/screen"), "浙江省 → 上海市：3")
	says(t, f.page(other, "/screen"), "今天还没有交换", "浙江省 → 上海市：0")
	says(t, f.page(f.officer("zhejiang", "officer-zj"), "/screen"), "浙江省 → 上海市：3")
	if code, to, _ := f.c.browserless(t, "shanghai").do("GET", "/screen", nil); code != http.StatusSeeOther || !strings.HasPrefix(to, "/sign-in") {
		t.Errorf("a stranger: %d %s", code, to)
	}
	if code, to, _ := f.c.browserless(t, "shanghai").do("GET", "/screen/events", nil); code != http.StatusSeeOther || !strings.HasPrefix(to, "/sign-in") {
		t.Errorf("a stranger's stream: %d %s", code, to)
	}
	if code, _, _ := auditor.do("GET", "/screen/map.svg", nil); code != http.StatusNotFound {
		t.Errorf("a map without its approval: %d", code)
	}
	ask := func() {
		if _, err := f.query(f.as("shanghai", "machine-sh"), agr, plan(policy.Plan{Limit: 1})); err != nil {
			t.Error(err)
		}
	}
	auditor.stream("/screen/events", ask, `"way":"using-`, `"n":1`)
	f.officer("zhejiang", "officer-zj").stream("/screen/events", ask, `"way":"providing-`, `"failed":0`)
	auditor.stream("/screen/events", ask, `"id":"today"`, "成功率")
	// Another department's exchanges are not in the stream; its own board is.
	_, stranger, err := f.c.Node("shanghai").Identity.OpenFor(f.ctx, "officer-sh2")
	if err != nil {
		t.Fatal(err)
	}
	events, stop := f.c.Node("shanghai").Gateway.Live(stranger.Scope())
	defer stop()
	ask()
	select {
	case e := <-events:
		t.Errorf("a stranger department heard of %+v", e)
	case <-time.After(100 * time.Millisecond):
	}
	if err := f.c.StopNode("zhejiang"); err != nil {
		t.Fatal(err)
	}
	if _, err := f.query(f.as("shanghai", "machine-sh"), agr, plan(policy.Plan{Limit: 1})); err == nil {
		t.Fatal("a stopped node answered")
	}
	says(t, f.page(auditor, "/screen"), "浙江省节点失联", "双方运维", ">失联<")
}

// TestScreenMap: a map is shown with the number of its review, and not without.
func TestScreenMap(t *testing.T) {
	f := newFixture(t, Settings{})
	f.agree(f.application(), agreement.Grant{})
	n := f.c.Node("shanghai")
	file := filepath.Join(t.TempDir(), "map.svg")
	if err := os.WriteFile(file, []byte(`<svg xmlns="http://www.w3.org/2000/svg"/>`), 0o600); err != nil {
		t.Fatal(err)
	}
	for want, m := range map[bool]*screen.Map{true: {File: file, ApprovalNo: "测试"}, false: {File: file}} {
		c := n.Config
		c.Map = m
		if err := c.Check(); (err == nil) != want {
			t.Errorf("%+v: %v", m, err)
		}
	}
	n.Screen.Map = &screen.Map{File: file, ApprovalNo: "测试（2026）1 号", Places: map[string][2]float64{"shanghai": {70, 50}}}
	v := f.officer("shanghai", "auditor")
	says(t, f.page(v, "/screen"), "审图号：测试（2026）1 号", "/screen/map.svg", `cx="700.0"`)
	if code, _, b := v.do("GET", "/screen/map.svg", nil); code != http.StatusOK || !strings.Contains(b, "<svg") {
		t.Errorf("the map: %d", code)
	}
}

// TestScreenInABrowser: the same picture on both walls, nothing cut off, live; readable on a telephone, too.
func TestScreenInABrowser(t *testing.T) {
	b := webtest.Open(t)
	f := newFixture(t, Settings{Routes: roleChooser, Places: places(4)})
	agr, _ := f.exchanged()
	root := "https://localhost:" + port(f.c.Node("shanghai").Addr("staff"))
	b.Visit(root+"/demo/roles", 1440).Click(`form:has(input[value="auditor"]) button`)
	p := b.Visit(root+"/screen?kiosk=1", 1920)
	for _, size := range [][2]int{{1920, 1080}, {3840, 2160}} {
		p.Screen(size[0], size[1])
		var cut []string
		p.Eval(`() => [...document.querySelectorAll('.card > div, .card, body')].filter(e => e.scrollHeight > e.clientHeight + 2 || e.scrollWidth > e.clientWidth + 2).map(e => (e.id || e.className || e.tagName) + ' ' + e.scrollHeight + '>' + e.clientHeight)`, &cut)
		if len(cut) > 0 {
			t.Errorf("at %d: cut off: %s", size[0], strings.Join(cut, ", "))
		}
		p.Shot("screen-" + map[int]string{1920: "1080p", 3840: "4k"}[size[0]])
	}
	for range 3 {
		if _, err := f.query(f.as("shanghai", "machine-sh"), agr, plan(policy.Plan{Limit: 1})); err != nil {
			t.Fatal(err)
		}
	}
	p.Eventually(`() => document.querySelectorAll('.spark').length > 0`)
	p.Eventually(`() => document.querySelector('#today .big').textContent.trim().startsWith('7')`)
	if s := p.Complaints(); len(s) > 0 {
		t.Error(strings.Join(s, "\n"))
	}
	for _, path := range []string{"/screen", "/screen?lang=en"} {
		judging(t)(b.Visit(root+path, 1440), "screen-"+strings.TrimPrefix(path, "/screen"))
	}
}
