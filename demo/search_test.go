package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/kuayu/kuayu/api/rest"
	"github.com/kuayu/kuayu/exchange/catalog"
	"github.com/kuayu/kuayu/exchange/search"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/dbtest"
	"github.com/kuayu/kuayu/internal/httpx"
	"github.com/kuayu/kuayu/support/federation"
	"github.com/kuayu/kuayu/support/policy"
)

// seeker searches at one member.
type seeker struct {
	*fixture
	place, actor string
}

func (s seeker) answer(params ...string) search.Answer {
	s.t.Helper()
	var a search.Answer
	s.call(s.as(s.place, s.actor), http.MethodGet, "/api/v1/search?"+values(params), nil, &a)
	return a
}

func values(params []string) string {
	v := url.Values{}
	for i := 0; i+1 < len(params); i += 2 {
		v.Set(params[i], params[i+1])
	}
	return v.Encode()
}

func (s seeker) codes(params ...string) string {
	s.t.Helper()
	var out []string
	for _, h := range s.answer(params...).Items {
		out = append(out, h.Member+":"+h.Code)
	}
	return strings.Join(out, " ")
}

// sees waits until a search finds just that, and says how long it took.
func (s seeker) sees(want string, params ...string) time.Duration {
	s.t.Helper()
	begun, got := time.Now(), ""
	if err := Await(s.ctx, 15*time.Second, func() (bool, error) { got = s.codes(params...); return got == want, nil }); err != nil {
		s.t.Fatalf("%s: %v finds %q, want %q", s.place, params, got, want)
	}
	return time.Since(begun)
}

// fresh is what a node says of its copy of a member's catalogue.
func (s seeker) fresh(member string) search.Freshness {
	s.t.Helper()
	var p rest.Page[search.Freshness]
	s.call(s.as(s.place, s.actor), http.MethodGet, "/api/v1/search/members", nil, &p)
	for _, m := range p.Items {
		if m.Member == member {
			return m
		}
	}
	return search.Freshness{}
}

// entry describes and publishes a resource of Zhejiang.
func (f *fixture) entry(code, name string) {
	f.t.Helper()
	r := catalog.Resource{
		Name: name, Provider: "浙江省市场监管部门", Abstract: "测试条目", Format: "database", UpdateCycle: "daily", Sharing: catalog.Unconditional,
		Modes: []policy.Mode{policy.ModeQuery}, Conditions: "限于履行法定职责", Class: "theme", Grade: 1,
		Items: []catalog.Item{{Name: "uscc", Title: "统一社会信用代码", Type: "C", Grade: 1}},
	}
	if err := f.c.Publish(f.ctx, "zhejiang", "zj", code, rest.ResourceRequest{Resource: r, Source: "biz", Table: "enterprise"}); err != nil {
		f.t.Fatal(err)
	}
}

// withdraw takes an entry of Zhejiang out of the catalogue for good: its head asks, the authority puts it on file.
func (f *fixture) withdraw(code string) {
	f.t.Helper()
	path := "/api/v1/resources/" + escape(code)
	f.call(f.as("zhejiang", "chief-zj"), http.MethodPost, path+"/withdraw", rest.Reason{Reason: "职责调整"}, nil)
	f.call(f.as("zhejiang", "authority"), http.MethodPost, path+"/file-withdrawal", nil, nil)
}

func TestSearchAcrossMembers(t *testing.T) { testSearch(t, Settings{}) }

func TestSearchAcrossMembersOnPostgres(t *testing.T) {
	dsn := map[string]string{}
	for _, p := range places(3) {
		dsn[p.ID] = dbtest.Postgres(t)
	}
	testSearch(t, Settings{Database: func(place string) string { return dsn[place] }})
}

// testSearch: what Zhejiang publishes is found in Shanghai at once, what it withdraws is gone; what happened while either
// was down is caught up with from where the other was; a member that can't be reached is found with the time it was true.
func testSearch(t *testing.T, set Settings) {
	f := newFixture(t, set)
	sh, zj := seeker{f, "shanghai", "machine-sh"}, seeker{f, "zhejiang", "officer-zj"}
	const enterprise = "zhejiang:" + testResource
	for _, s := range []seeker{sh, zj} {
		if d := s.sees(enterprise, "q", "企业登记"); d > 3*time.Second {
			t.Errorf("%s: found after %v", s.place, d)
		}
	}
	a := sh.answer("q", "企业登记", "member", "zhejiang", "sharing", "conditional")
	if len(a.Items) != 1 || a.Items[0].Name != "企业登记信息" || fmt.Sprint(a.Items[0].Marks["name"]) != "[[0 4]]" || a.Total.String() != "1" || len(a.Members) != 3 {
		t.Fatalf("%+v", a)
	}
	var raw []byte
	f.call(sh.as("shanghai", "machine-sh"), http.MethodGet, "/api/v1/search?q="+url.QueryEscape("企业"), nil, &raw)
	if s := string(raw); strings.Contains(s, "business.db") || strings.Contains(s, `"biz"`) || !strings.Contains(s, "企业登记信息") {
		t.Errorf("the answer tells what is mounted where, or nothing: %s", s)
	}

	f.entry("330000/tide", "潮位监测信息")
	if d := sh.sees("zhejiang:330000/tide "+enterprise, "q", "信息"); d > 3*time.Second {
		t.Errorf("published, found after %v", d)
	}
	f.withdraw("330000/tide")
	if d := sh.sees(enterprise, "q", "信息"); d > 3*time.Second {
		t.Errorf("withdrawn, gone after %v", d)
	}
	f.entry("330000/tide2", "潮位监测信息")
	sh.sees("zhejiang:330000/tide2", "q", "潮位")
	// An entry that is edited is found as it was until the authority has published the new version.
	f.call(f.as("zhejiang", "officer-zj"), http.MethodPut, "/api/v1/resources/330000%2Ftide2", map[string]any{"resource": f.draft(), "source": "biz", "table": "enterprise"}, nil)
	sh.sees("zhejiang:330000/tide2", "q", "测试条目")
	sh.sees("", "q", "新版潮汐")
	if err := f.c.Publish(f.ctx, "zhejiang", "zj", "330000/tide2", rest.ResourceRequest{Resource: f.draft(), Source: "biz", Table: "enterprise"}); err != nil {
		f.t.Fatal(err)
	}
	sh.sees("zhejiang:330000/tide2", "q", "新版潮汐")
	f.withdraw("330000/tide2")
	sh.sees("", "q", "潮位")

	f.refused(sh)

	// Shanghai is down while Zhejiang publishes: it goes on from where it was.
	f.entry("330000/gust", "阵风监测信息")
	sh.sees("zhejiang:330000/gust", "q", "阵风")
	was := f.position("shanghai", "zhejiang")
	f.stop("shanghai")
	f.entry("330000/wind", "风速监测信息")
	f.await(func() bool { return f.told("zhejiang", "shanghai") == "0" })
	f.withdraw("330000/gust")
	f.await(func() bool { return f.told("zhejiang", "shanghai") == "1" })
	var waiting int
	if err := f.c.Node("zhejiang").DB.Read().NewRaw("SELECT count(*) FROM queue_job WHERE serial_key = 'peer.send/shanghai/directory'").Scan(f.ctx, &waiting); err != nil || waiting != 1 {
		t.Errorf("%d messages wait for a member that is down (%v)", waiting, err)
	}
	f.start("shanghai")
	sh.sees("zhejiang:330000/wind", "q", "风速")
	sh.sees("", "q", "阵风")
	if now := f.position("shanghai", "zhejiang"); now.generation != was.generation || now.position <= was.position {
		t.Errorf("Shanghai began anew: %+v, then %+v", was, now)
	}

	// Zhejiang is down: its entries are found, and said to be as of when.
	if m := sh.fresh("zhejiang"); m.Stale || m.AsOf == nil || m.Entries != 2 {
		t.Errorf("before: %+v", m)
	}
	f.stop("zhejiang")
	f.call(f.as("shanghai", "operator"), http.MethodPost, "/api/v1/search/refresh", rest.RefreshRequest{Member: "zhejiang"}, nil)
	f.await(func() bool { return sh.fresh("zhejiang").Stale })
	a = sh.answer("q", "风速")
	if len(a.Items) != 1 {
		t.Fatalf("%+v", a)
	}
	for _, m := range a.Members {
		if m.Stale != (m.Member == "zhejiang") || m.AsOf == nil || m.Stale && m.Error == "" {
			t.Errorf("%+v", m)
		}
	}
	f.start("zhejiang")
	f.call(f.as("shanghai", "operator"), http.MethodPost, "/api/v1/search/refresh", rest.RefreshRequest{}, nil)
	f.await(func() bool { return !sh.fresh("zhejiang").Stale })

	// Zhejiang's records are restored from a backup, and other changes get the numbers of those that were lost.
	err := f.c.Node("zhejiang").DB.Write(f.ctx, func(ctx context.Context, tx *db.Tx) error {
		for _, q := range []string{
			"DELETE FROM catalog_resource WHERE code = '330000/wind'", "UPDATE catalog_change SET time = time + 1", "DELETE FROM catalog_change WHERE code = '330000/wind'",
			"INSERT INTO catalog_change (seq, code, time) SELECT max(seq) + 1, '330000/tide', 7 FROM catalog_change",
		} {
			if _, err := tx.NewRaw(q).Exec(ctx); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	f.call(f.as("shanghai", "operator"), http.MethodPost, "/api/v1/search/refresh", rest.RefreshRequest{}, nil)
	sh.sees(enterprise)
	if now := f.position("shanghai", "zhejiang"); now.generation != was.generation+1 {
		t.Errorf("read anew %d times", now.generation-was.generation)
	}
	f.call(f.as("shanghai", "operator"), http.MethodPost, "/api/v1/search/refresh", rest.RefreshRequest{Whole: true}, nil)
	f.await(func() bool {
		return f.position("shanghai", "zhejiang").generation == was.generation+2 && !sh.fresh("zhejiang").Reading
	})
	sh.sees(enterprise)
	for _, p := range places(3) {
		if dead, err := f.c.Node(p.ID).Queue.Dead(f.ctx); err != nil || len(dead) > 0 {
			t.Errorf("%s: dead jobs %+v %v", p.ID, dead, err)
		}
	}

	// Zhejiang leaves: so do its entries.
	f.remove("zhejiang")
	sh.sees("")
	if m := sh.fresh("zhejiang"); m.Member != "" {
		t.Errorf("still told: %+v", m)
	}
}

func (f *fixture) draft() catalog.Resource {
	return catalog.Resource{
		Name: "潮位监测信息", Provider: "浙江省市场监管部门", Abstract: "新版潮汐", Format: "database", UpdateCycle: "daily", Sharing: catalog.Unconditional,
		Modes: []policy.Mode{policy.ModeQuery}, Conditions: "限于履行法定职责", Class: "theme", Grade: 1, Items: []catalog.Item{{Name: "uscc", Title: "代码", Type: "C", Grade: 1}},
	}
}

// refused asks what cannot be answered.
func (f *fixture) refused(s seeker) {
	f.t.Helper()
	cl := s.as(s.place, s.actor)
	for _, x := range []struct{ query, want string }{
		{values([]string{"q", strings.Repeat("信", 3_400)}), "text.long"}, // 10 kB
		{"q=%ff%fe", "text.encoding"},
		{values([]string{"q", `" * ( )`}), "search.query"},
		{values([]string{"q", "信息", "after", "nonsense"}), "search.cursor"},
		{"sharing=maybe", "search.filter"},
		{"class=x", "search.filter"},
		{"grade=9", "search.filter"},
		{"limit=-1", "search.filter"},
		{"mode=fax", "search.filter"},
		{values([]string{"q", `企业" OR "x" AND (NEAR)`}), ""},
		{values([]string{"q", "'; DROP TABLE directory_entry; --"}), ""},
		{"q=", ""},
		{"member=nobody", ""},
	} {
		if err := cl.Call(f.ctx, http.MethodGet, "/api/v1/search?"+x.query, nil, nil); code(err) != x.want {
			f.t.Errorf("%.60s: %v, want %q", x.query, err, x.want)
		}
	}
	for who, want := range map[string]string{"machine-sh": "identity.role", "officer-sh": "identity.role"} {
		if err := f.as("shanghai", who).Call(f.ctx, http.MethodPost, "/api/v1/search/refresh", rest.RefreshRequest{}, nil); code(err) != want {
			f.t.Errorf("%s may have catalogues read: %v", who, err)
		}
	}
	if err := f.as("shanghai", "operator").Call(f.ctx, http.MethodPost, "/api/v1/search/refresh", rest.RefreshRequest{Member: "atlantis"}, nil); code(err) != "search.member" {
		f.t.Errorf("a stranger is read: %v", err)
	}
}

type reading struct {
	position   string
	generation int64
}

// position is how far a node has read a member's catalogue.
func (f *fixture) position(at, member string) reading {
	f.t.Helper()
	var row struct {
		Position   string
		Generation int64
	}
	if err := f.c.Node(at).Derived.Read().NewRaw("SELECT position, generation FROM directory_member WHERE member = ?", member).Scan(f.ctx, &row); err != nil {
		f.t.Fatal(err)
	}
	return reading{row.Position, row.Generation}
}

// told is what a node noted of the message to a member that is under way.
func (f *fixture) told(at, member string) string {
	f.t.Helper()
	var again []string
	if err := f.c.Node(at).DB.Read().NewRaw("SELECT again FROM directory_told WHERE member = ?", member).Scan(f.ctx, &again); err != nil {
		f.t.Fatal(err)
	}
	return strings.Join(again, " ")
}

// elder stands before a node that knows neither kuayu:since nor the message about changes.
type elder struct{ next http.RoundTripper }

func (e elder) RoundTrip(r *http.Request) (*http.Response, error) {
	p := httpx.Problem{Status: http.StatusBadRequest, Kind: "invalid"}
	switch {
	case strings.HasSuffix(r.URL.Path, "/catalog/request"):
		b, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		r.Body = io.NopCloser(bytes.NewReader(b))
		if bytes.Contains(b, []byte("kuayu:since")) {
			p.Code, p.Zh, p.En = "http.body", "未知成员", "unknown member"
		}
	case strings.HasSuffix(r.URL.Path, "/"+search.KindChanged):
		p.Code, p.Zh, p.En = "peer.kind", "未知消息", "unknown message"
	}
	if p.Code == "" {
		return e.next.RoundTrip(r)
	}
	b, err := json.Marshal(p)
	return &http.Response{StatusCode: p.Status, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(b)), ContentLength: int64(len(b)), Request: r}, err
}

// TestSearchAmongElderNodes: a member that tells no changes is read in full pages, each time from the beginning; one that
// does not know the message is not sent it again and again.
func TestSearchAmongElderNodes(t *testing.T) {
	f := newFixture(t, Settings{Places: places(3), Wire: func(next http.RoundTripper) http.RoundTripper { return elder{next} }})
	sh := seeker{f, "shanghai", "officer-sh"}
	refresh := func() {
		t.Helper()
		f.call(f.as("shanghai", "operator"), http.MethodPost, "/api/v1/search/refresh", rest.RefreshRequest{}, nil)
	}
	for i := range 120 { // more than a page
		f.entry(fmt.Sprintf("330000/n%03d", i), fmt.Sprintf("批量目录%d", i))
	}
	refresh()
	f.await(func() bool { return sh.fresh("zhejiang").Entries == 121 && !sh.fresh("zhejiang").Reading })
	f.withdraw("330000/n007")
	refresh()
	f.await(func() bool { return sh.fresh("zhejiang").Entries == 120 && !sh.fresh("zhejiang").Reading })
	if got := sh.codes("q", "n007"); got != "" {
		t.Errorf("withdrawn and found: %s", got)
	}
	f.await(func() bool { return f.told("zhejiang", "shanghai") == "2" })
	dead, err := f.c.Node("zhejiang").Queue.Dead(f.ctx)
	if err != nil || len(dead) != 2 { // one to each of the two others
		t.Errorf("%d messages were refused (%v)", len(dead), err)
	}
}

func (f *fixture) stop(place string) {
	f.t.Helper()
	if err := f.c.StopNode(place); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) start(place string) {
	f.t.Helper()
	if err := f.c.StartNode(f.ctx, place); err != nil {
		f.t.Fatal(err)
	}
}

// remove takes a member out of the federation by the votes of the two others.
func (f *fixture) remove(member string) {
	f.t.Helper()
	var p federation.Proposal
	f.call(f.as("shanghai", "authority"), http.MethodPost, "/api/v1/proposals", rest.ProposalRequest{Reason: "测试", Remove: member, Quorum: 2}, &p)
	f.await(func() bool {
		ps, err := f.c.Node("jiangsu").Federation.Proposals(f.ctx)
		return err == nil && len(ps) == 1
	})
	if _, err := f.c.Node("jiangsu").Federation.Approve(f.ctx, p.Hash); err != nil {
		f.t.Fatal(err)
	}
}
