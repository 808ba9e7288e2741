package demo

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/internal/dbtest"
	"github.com/kuayu/kuayu/support/evidence"
	"github.com/kuayu/kuayu/support/policy"
	"github.com/kuayu/kuayu/support/process"
)

// TestOneExchangeOnPostgres walks the story of TestOneExchange with every node's records in a PostgreSQL database of its
// own, then reads back what the packages stored: history, evidence, queue, and again after a restart.
func TestOneExchangeOnPostgres(t *testing.T) {
	dsn := map[string]string{}
	for _, p := range places(3) {
		dsn[p.ID] = dbtest.Postgres(t)
	}
	f := newFixture(t, Settings{Database: func(place string) string { return dsn[place] }})
	for _, p := range places(3) {
		if !f.c.Node(p.ID).DB.Postgres() {
			t.Fatalf("%s does not use PostgreSQL", p.ID)
		}
	}
	f.oneExchange(t)

	var page struct {
		Items []agreement.Negotiation `json:"items"`
	}
	f.await(func() bool { // the provider refuses at once; the applicant is told by a message
		f.call(f.as("shanghai", "officer-sh"), http.MethodGet, "/api/v1/applications", nil, &page)
		return len(page.Items) == 1 && page.Items[0].State == agreement.Terminated
	})
	n := page.Items[0]
	f.sameHistory(n.ID)
	var facts struct {
		Items []evidence.Entry `json:"items"`
	}
	f.call(f.as("shanghai", "officer-sh"), http.MethodGet, "/api/v1/facts?agreement="+n.Agreement+"&kind=query.close", nil, &facts)
	if len(facts.Items) < 2 {
		t.Fatalf("facts of the queries: %+v", facts.Items)
	}

	// A second agreement is in force after both nodes were stopped and started again.
	id := f.agree(f.application(), agreement.Grant{})
	for _, place := range []string{"zhejiang", "shanghai"} {
		if err := f.c.StopNode(place); err != nil {
			t.Fatal(err)
		}
		if err := f.c.StartNode(f.ctx, place); err != nil {
			t.Fatal(err)
		}
	}
	a, err := f.query(f.as("shanghai", "machine-sh"), id, plan(policy.Plan{Limit: 3}))
	if err != nil || a.Count != 3 {
		t.Fatalf("after the restart: %+v %v", a, err)
	}
	for _, place := range []string{"zhejiang", "shanghai"} {
		if dead, err := f.c.Node(place).Queue.Dead(f.ctx); err != nil || len(dead) > 0 {
			t.Errorf("%s: dead jobs %+v %v", place, dead, err)
		}
	}
}

// sameHistory checks that both ends wrote the same states into their history, in order.
func (f *fixture) sameHistory(id string) {
	f.t.Helper()
	var mine agreement.Negotiation
	sh, zj := f.as("shanghai", "officer-sh"), f.as("zhejiang", "officer-zj")
	f.call(sh, http.MethodGet, "/api/v1/applications/"+id, nil, &mine)
	read := func(get func(out any)) []string {
		var h struct {
			Items []process.Step `json:"items"`
		}
		get(&h)
		out := []string{}
		for _, s := range h.Items {
			if s.Event == agreement.AskOffice || s.Event == agreement.OfficeConsents || s.To == agreement.Submitted {
				continue // the applicant's own
			}
			out = append(out, fmt.Sprintf("%s→%s", s.From, s.To))
		}
		return out
	}
	a := read(func(out any) { f.call(sh, http.MethodGet, "/api/v1/applications/"+id+"/history", nil, out) })
	b := read(func(out any) { f.call(zj, http.MethodGet, "/api/v1/applications/"+mine.Peer+"/history", nil, out) })
	if len(a) == 0 || fmt.Sprint(a) != fmt.Sprint(b) {
		f.t.Errorf("the histories differ:\nconsumer %v\nprovider %v", a, b)
	}
}

// TestEveryPageOnPostgres opens every page with content where the records lie in PostgreSQL: what a query of a page takes
// for granted of SQLite fails here.
func TestEveryPageOnPostgres(t *testing.T) {
	dsn := map[string]string{}
	for _, p := range places(3) {
		dsn[p.ID] = dbtest.Postgres(t)
	}
	f := newFixture(t, Settings{Stage: true, Database: func(place string) string { return dsn[place] }})
	for _, p := range f.furnished() {
		v := f.c.browserless(t, p.place)
		if p.actor != "" {
			v = f.officer(p.place, p.actor)
		}
		mark := "?"
		if strings.Contains(p.path, "?") {
			mark = "&"
		}
		for path, whole := range map[string]bool{p.path: true, p.path + mark + "view=all": true, p.path + mark + "after=none&state=none": false} {
			if code, _, page := v.do("GET", path, nil); code >= http.StatusInternalServerError || (whole && code != http.StatusOK) {
				t.Errorf("%s as %s at %s: %d %.400s", path, p.actor, p.place, code, texts(page))
			}
		}
	}
}
