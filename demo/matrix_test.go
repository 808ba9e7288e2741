package demo

import (
	"context"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/kuayu/kuayu/api/rest"
	"github.com/kuayu/kuayu/exchange/demand"
	"github.com/kuayu/kuayu/exchange/objection"
	"github.com/kuayu/kuayu/exchange/scheme"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/queue"
	"github.com/kuayu/kuayu/internal/webtest"
	"github.com/kuayu/kuayu/support/notice"
)

// looked is a page of the matrix: the route, whose page it is looked at as, and its address with seeded content.
type looked struct{ pattern, place, actor, path string }

// noPage are routes that answer no page: files, and addresses that lead on.
var noPage = []string{
	"/{$}", "/demands/{id}/{act}", "/corrections/{id}/{act}", "/disputes/{id}/{act}", "/schemes/{id}/{act}", "/resources/{code}/{act}",
	"/evidence/constitution.json", "/evidence/{id}/receipt.json", "/usage/{id}/ledger.csv", "/responsibilities/sheet", "/demo", "/demo/as/{actor}",
	"/applications/{id}/print.pdf", "/agreements/{id}/print.pdf", "/agreements/{id}/{act}", "/screen/events", "/screen/map.svg", "/members/propose/{change}", "/webhooks/{id}",
}

// english are the words of another script that a Chinese page may use: forms of files, programs and their commands, what has
// no other name; and the names that the departments of the fixture gave their own things.
var english = []string{
	"ICP", "CSV", "JSON", "PDF", "SQL", "SQLite", "PostgreSQL", "MySQL", "Parquet", "Excel", "SHA", "KiB", "MiB", "GiB", "curl", "Python", "English", "TLS", "http", "https",
	"kuayu", "credential", "key", "join", "request", "propose", "json", "mail", "base", "url",
	"biz", "enterprise", "uscc", "name", "representative", "phone", "city", "capital", "secret", // a source, its table and columns
	"something", "else", // a purpose that nobody agreed to, as it was declared
	"yangtze", "river", "delta", // the federation's identifier
	"officer", // an account, on its own page
}

// furnished seeds a federation so that every page has content, and lists the pages.
func (f *fixture) furnished() []looked {
	f.t.Helper()
	agr, first := f.exchanged()
	mine, theirs := f.applied(f.application())
	var d demand.Demand
	f.call(f.as("shanghai", "officer-sh"), http.MethodPost, "/api/v1/demands", rest.DemandRequest{Want: f.want()}, &d)
	f.call(f.as("shanghai", "head-sh"), http.MethodPost, "/api/v1/demands/"+d.ID+"/consent", nil, nil)
	c := f.report(f.as("shanghai", "officer-sh"), agr, wrong(wrongPhone))
	var o objection.Dispute
	f.call(f.as("shanghai", "officer-sh"), http.MethodPost, "/api/v1/disputes", objection.Opening{Matter: objection.Matter{Kind: "correction", ID: c.ID}, Claim: "应按营业执照更正企业名称"}, &o)
	var x scheme.Scheme
	f.call(f.as("shanghai", "authority"), http.MethodPost, "/api/v1/schemes", f.scheme(scheme.Zone, "shanghai", "zhejiang"), &x)
	j := f.newcomer(Places()[3])
	f.call(f.as("shanghai", "authority"), http.MethodPost, "/api/v1/proposals", rest.ProposalRequest{Reason: "扩大试点", Join: &j.Member, State: j.Statement}, nil)
	f.await(func() bool {
		ps, err := f.c.Node("zhejiang").Federation.Proposals(f.ctx)
		return err == nil && len(ps) == 1
	})
	var drawn scheme.Scheme
	f.call(f.as("zhejiang", "officer-zj"), http.MethodPost, "/api/v1/schemes", f.scheme(scheme.PointToMany, "zhejiang", "shanghai"), &drawn)
	hook := notice.HookRequest{Department: f.market, URL: "https://business.example.cn/kuayu/notices", Topics: []string{"application", "agreement"}}
	f.call(f.as("shanghai", "operator"), http.MethodPost, "/api/v1/webhooks", hook, nil)
	err := f.c.Node("shanghai").DB.Write(f.ctx, func(ctx context.Context, tx *db.Tx) error { // one fails, the other nobody knows
		for _, j := range []queue.Job{{ID: "peer.send/0190b5e2", Kind: "peer.send", Payload: "{"}, {ID: "later.kind/1", Kind: "later.kind"}} {
			if err := f.c.Node("shanghai").Queue.Enqueue(ctx, tx, j); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		f.t.Fatal(err)
	}
	f.await(func() bool {
		js, err := f.c.Node("shanghai").Queue.Stuck(f.ctx, "", 10)
		return err == nil && len(js) == 2 && js[0].Dead
	})
	one := "/catalog/zhejiang/" + escape(testResource)
	const sh, zj = "shanghai", "zhejiang"
	return []looked{
		{"/sign-in", sh, "", "/sign-in"},
		{"/demo/roles", sh, "", "/demo/roles"},
		{"/workbench", zj, "officer-zj", "/workbench"},
		{"/catalog", sh, "officer-sh", "/catalog?q=" + url.QueryEscape("企业")},
		{"/catalog/{member}/{code}", sh, "officer-sh", one},
		{"/catalog/{member}/{code}/apply", sh, "officer-sh", one + "/apply"},
		{"/demands/new", sh, "officer-sh", "/demands/new"},
		{"/applications", sh, "officer-sh", "/applications"},
		{"/applications/{id}", zj, "officer-zj", "/applications/" + theirs.ID},
		{"/applications/{id}/correct", sh, "officer-sh", "/applications/" + c.Agreement + "/correct"},
		{"/applications/{id}/dispute", sh, "officer-sh", "/applications/" + mine.ID + "/dispute"},
		{"/applications/{id}/{act}", zj, "officer-zj", "/applications/" + theirs.ID + "/supplement"},
		{"/agreements/{id}", sh, "officer-sh", "/agreements/" + agr},
		{"/resources", zj, "officer-zj", "/resources"},
		{"/resources/{code}", zj, "officer-zj", "/resources/" + escape(testResource)},
		{"/resources/{code}/edit", zj, "officer-zj", "/resources/" + escape(testResource) + "/edit"},
		{"/share", zj, "officer-zj", "/share"},
		{"/sources", zj, "operator", "/sources"},
		{"/demands", sh, "officer-sh", "/demands"},
		{"/demands/{id}", sh, "officer-sh", "/demands/" + d.ID},
		{"/corrections", sh, "officer-sh", "/corrections"},
		{"/corrections/{id}", zj, "officer-zj", "/corrections/" + c.ID},
		{"/disputes", sh, "officer-sh", "/disputes"},
		{"/disputes/{id}", sh, "officer-sh", "/disputes/" + o.ID},
		{"/refetches", sh, "officer-sh", "/refetches"},
		{"/schemes", sh, "authority", "/schemes"},
		{"/schemes/{id}", sh, "authority", "/schemes/" + x.ID},
		{"/schemes/new", zj, "officer-zj", "/schemes/new"},
		{"/schemes/{id}/next", zj, "officer-zj", "/schemes/" + drawn.ID + "/next"},
		{"/responsibilities", zj, "authority", "/responsibilities"},
		{"/withheld", zj, "authority", "/withheld"},
		{"/register", zj, "authority", "/register"},
		{"/exchanges", sh, "officer-sh", "/exchanges"},
		{"/exchanges/{id}", sh, "officer-sh", "/exchanges/" + first},
		{"/evidence", sh, "auditor", "/evidence"},
		{"/evidence/{id}", sh, "auditor", "/evidence/" + url.PathEscape(first+"#query.close") + "?check=1"},
		{"/evidence/logs", sh, "auditor", "/evidence/logs"},
		{"/members", sh, "operator", "/members"},
		{"/members", zj, "authority", "/members"},
		{"/oversight", zj, "authority", "/oversight"},
		{"/usage", sh, "officer-sh", "/usage"},
		{"/usage/{id}", sh, "officer-sh", "/usage/" + agr},
		{"/people", sh, "operator", "/people"},
		{"/people/{id}", sh, "operator", "/people/officer-sh"},
		{"/sign-ins", sh, "operator", "/sign-ins"},
		{"/setup", sh, "operator", "/setup"},
		{"/webhooks", sh, "operator", "/webhooks"},
		{"/jobs", sh, "operator", "/jobs"},
		{"/screen", sh, "auditor", "/screen"},
		{"/inbox", zj, "officer-zj", "/inbox?show=all"},
	}
}

// heaviest is what a page may weigh with all it needs, over the wire.
const heaviest = 150_000

// TestEveryPage looks at every page of all faces with seeded content, as somebody who sees it: what axe-core finds, what is
// wider than the window at 320 px and at half of 1440, what the console says, the HTML, the weight, and what an officer
// can't read. Chinese at both widths; KUAYU_PAGES=all adds English and the elder size (make nightly).
func TestEveryPage(t *testing.T) {
	b := webtest.Open(t)
	f := newFixture(t, Settings{Stage: true})
	pages := f.furnished()
	var listed []string
	for _, p := range pages {
		listed = append(listed, p.pattern)
	}
	for _, pattern := range f.c.Node("shanghai").Desk.Opened() {
		if path, ok := strings.CutPrefix(pattern, "GET "); ok && !slices.Contains(listed, path) && !slices.Contains(noPage, path) {
			t.Errorf("nobody looks at %s: add it to the list, with content", path)
		}
	}
	variants := []string{""}
	if os.Getenv("KUAYU_PAGES") == "all" {
		variants = append(variants, "lang=en", "elder=1", "lang=en&elder=1")
	}
	for i, page := range pages {
		for _, variant := range variants {
			name := strings.NewReplacer("/", "-", "{", "", "}", "").Replace(strings.TrimPrefix(page.pattern, "/")) + strings.NewReplacer("=", "-", "&", "-").Replace(variant)
			if variant != "" {
				name = strings.Replace(name, variant, "-"+variant, 1)
			}
			if slices.Contains(listed[:i], page.pattern) { // as somebody else sees it
				name += "-" + page.actor
			}
			t.Run(name, func(t *testing.T) { f.lookAt(t, b, page, name, variant) })
		}
	}
}

func (f *fixture) lookAt(t *testing.T, b *webtest.Browser, page looked, name, variant string) {
	t.Helper()
	at := root(f.c.Node(page.place))
	path := page.path
	if variant != "" {
		mark := "?"
		if strings.Contains(path, "?") {
			mark = "&"
		}
		path += mark + variant
	}
	if page.actor != "" {
		b.Visit(at+"/demo/as/"+page.actor, 1440).Close()
	}
	p := b.Visit(at+path, 1440)
	defer p.Close()
	for _, width := range []int{1440, 720, 390, 320} {
		p.Resize(width)
		if n := p.Overflow(); n > 0 {
			t.Errorf("at %d: %d px wider than the window", width, n)
		}
		if width != 1440 && width != 390 {
			continue
		}
		p.Shot("page-" + name + "-" + strconv.Itoa(width))
		for _, x := range p.Axe() {
			if x.Impact == "serious" || x.Impact == "critical" || page.pattern == "/sign-in" {
				t.Errorf("at %d: %s", width, x)
			} else {
				t.Logf("at %d: %s", width, x)
			}
		}
	}
	for _, s := range p.Complaints() {
		t.Error(s)
	}
	if n := p.Weight(); n > heaviest || n < 1000 {
		t.Errorf("%d bytes over the wire, may be %d", n, heaviest)
	}
	text := p.HTML()
	for _, s := range webtest.Check(text) {
		t.Error(s)
	}
	for _, s := range webtest.Plain(text, english...) {
		t.Error(s)
	}
}
