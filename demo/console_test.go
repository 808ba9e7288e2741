package demo

import (
	"crypto/tls"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/kuayu/kuayu/internal/ids"
	"github.com/kuayu/kuayu/internal/webtest"
	"github.com/kuayu/kuayu/node"
	"github.com/kuayu/kuayu/support/identity"
)

// browserless is a browser without a screen: it keeps cookies and follows nothing by itself.
type browserless struct {
	t    *testing.T
	http *http.Client
	root string
}

func (c *Cluster) browserless(t *testing.T, id string) *browserless {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	tr := c.Client(id).HTTP.Transport.(*http.Transport).Clone()
	tr.TLSClientConfig = &tls.Config{RootCAs: tr.TLSClientConfig.RootCAs, ServerName: "localhost", MinVersion: tls.VersionTLS13}
	return &browserless{t: t, root: "https://" + c.Node(id).Addr("staff"), http: &http.Client{
		Transport: tr, Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// do returns status, where it leads, and the page.
func (v *browserless) do(method, path string, form url.Values, header ...string) (int, string, string) {
	v.t.Helper()
	return v.send(method, path, form.Encode(), "application/x-www-form-urlencoded", header...)
}

// send is do with a body of any kind.
func (v *browserless) send(method, path, body, kind string, header ...string) (int, string, string) {
	v.t.Helper()
	req, err := http.NewRequestWithContext(v.t.Context(), method, v.root+path, strings.NewReader(body))
	if err != nil {
		v.t.Fatal(err)
	}
	req.Header.Set("Content-Type", kind)
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := v.http.Do(req)
	if err != nil {
		v.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	return res.StatusCode, res.Header.Get("Location"), string(b)
}

func consoleCluster(t *testing.T, chooser bool) *Cluster {
	t.Helper()
	s := Settings{Dir: t.TempDir(), Places: Places()[:1], CheckpointMS: 500}
	if chooser {
		s.Routes = roleChooser
	}
	c, err := Start(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Stop)
	if err := c.AddDepartment(t.Context(), "shanghai", "x", Department("310000", 1), "市场监督管理局"); err != nil {
		t.Fatal(err)
	}
	return c
}

// TestConsoleSignIn: by key and by nothing else; the session lives in a cookie that is gone after signing out.
func TestConsoleSignIn(t *testing.T) {
	c := consoleCluster(t, false)
	v := c.browserless(t, "shanghai")
	if code, to, _ := v.do("GET", "/", nil); code != http.StatusSeeOther || to != "/workbench" {
		t.Fatalf("%d %s", code, to)
	}
	if code, to, _ := v.do("GET", "/workbench", nil); code != http.StatusSeeOther || to != "/sign-in?back=%2Fworkbench" {
		t.Fatalf("%d %s", code, to)
	}
	code, _, page := v.do("GET", "/sign-in?back=%2Fapplications", nil)
	if code != http.StatusOK || strings.Contains(page, "/demo/roles") {
		t.Fatalf("%d %s", code, page)
	}
	look(t, page)
	code, _, page = v.do("POST", "/sign-in", url.Values{"assertion": {"nonsense"}})
	if code != http.StatusUnauthorized || !strings.Contains(page, `aria-invalid="true"`) {
		t.Errorf("a bad credential: %d", code)
	}
	look(t, page)
	a, err := identity.Assert(c.seats["shanghai"].keys["officer-x"], "officer-x", "shanghai", ids.Random{}.NewID(), c.Clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	form := url.Values{"assertion": {a}, "back": {"https://evil.example/"}}
	if code, _, _ := v.do("POST", "/sign-in", form, "Origin", "https://evil.example"); code != http.StatusForbidden {
		t.Errorf("a form of another site: %d", code)
	}
	if code, to, _ := v.do("POST", "/sign-in", form); code != http.StatusSeeOther || to != "/workbench" {
		t.Fatalf("%d %s", code, to)
	}
	if code, _, _ := c.browserless(t, "shanghai").do("POST", "/sign-in", form); code != http.StatusUnauthorized {
		t.Errorf("the credential was taken twice: %d", code)
	}
	code, _, page = v.do("GET", "/workbench", nil)
	if code != http.StatusOK || !strings.Contains(page, "没有待办事项") || !strings.Contains(page, "数据专员") {
		t.Errorf("%d %s", code, page)
	}
	look(t, page)
	for path, want := range map[string]int{"/applications": 200, "/applications?state=ACTIVE": 200, "/applications?state=x": 404, "/applications/none": 404} {
		code, _, page := v.do("GET", path, nil)
		if code != want {
			t.Errorf("%s: %d", path, code)
		}
		look(t, page)
	}
	if code, _, _ := v.do("POST", "/notices/none/read", nil); code != http.StatusNotFound {
		t.Errorf("a notice that is not there: %d", code)
	}
	if code, to, _ := v.do("POST", "/sign-out", nil); code != http.StatusSeeOther || to != "/sign-in" {
		t.Errorf("%d %s", code, to)
	}
	if code, _, _ := v.do("GET", "/workbench", nil); code != http.StatusSeeOther {
		t.Errorf("after signing out: %d", code)
	}
	if code, _, _ := v.do("POST", "/notices/none/read", nil); code != http.StatusUnauthorized {
		t.Errorf("a write without a session: %d", code)
	}
	if code, _, _ := v.do("POST", "/demo/roles", url.Values{"actor": {"officer-x"}}); code != http.StatusNotFound {
		t.Errorf("the role chooser outside the demonstration: %d", code)
	}
}

func look(t *testing.T, page string) {
	t.Helper()
	for _, p := range webtest.Check(page) {
		t.Error(p)
	}
}

// judging looks at pages in a browser: pictures at the two widths, nothing wider than the window, nothing that axe-core
// finds, nothing in the console.
func judging(t *testing.T) func(p *webtest.Page, name string) {
	return func(p *webtest.Page, name string) {
		t.Helper()
		for _, width := range []int{1440, 390, 320} {
			p.Resize(width)
			if width > 320 {
				p.Shot(name + "-" + strconv.Itoa(width))
			}
			if n := p.Overflow(); n > 0 {
				t.Errorf("%s at %d: %d px wider than the window", name, width, n)
			}
		}
		for _, f := range p.Axe() {
			t.Errorf("%s: %s", name, f)
		}
		if s := p.Complaints(); len(s) > 0 {
			t.Errorf("%s: %s", name, strings.Join(s, "\n"))
		}
	}
}

// TestConsoleInABrowser goes from the demonstration's roles to the workbench by clicking, and judges every page on the way.
func TestConsoleInABrowser(t *testing.T) {
	b := webtest.Open(t)
	c := consoleCluster(t, true)
	root := "https://localhost:" + port(c.Node("shanghai").Addr("staff"))
	judge := judging(t)
	judge(b.Visit(root+"/sign-in", 1440), "console-sign-in")
	p := b.Visit(root+"/demo/roles", 1440)
	judge(p, "console-roles")
	p.Click("form button")
	var title string
	if p.Eval("() => document.querySelector('h1').textContent", &title); title != "工作台" {
		t.Fatalf("led to %q", title)
	}
	judge(p, "console-workbench")
	judge(b.Visit(root+"/applications", 1440), "console-applications")
}

// roleChooser is the stage for a test that needs nothing but its page of roles.
func roleChooser(n *node.Node, mux *http.ServeMux) {
	c := &Cluster{Clock: n.Clock, seats: map[string]*seat{}, places: []Place{{ID: n.Config.Member, Name: n.Config.Name, NameEN: n.Config.NameEN}}}
	c.seats[n.Config.Member] = &seat{node: n}
	(&stage{c: c, plain: true}).routes(n, mux)
}
