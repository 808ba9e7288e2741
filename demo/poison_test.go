package demo

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/exchange/gateway"
	"github.com/kuayu/kuayu/internal/dbtest"
	"github.com/kuayu/kuayu/internal/ids"
	"github.com/kuayu/kuayu/node"
	"github.com/kuayu/kuayu/support/evidence"
	"github.com/kuayu/kuayu/support/policy"
	"github.com/kuayu/kuayu/support/seal"
)

// past seals a fact with a node's own key past its log, which would refuse it.
func past(t *testing.T, n *node.Node, f seal.Fact, h evidence.Header, body []byte) *evidence.Record {
	t.Helper()
	key := n.Keys.EvidenceKey(node.Epoch(n.Dir))
	f.Suite, f.Log, f.Time, f.Header = key.Public().Suite, n.Log.ID(), n.Clock.Now(), h.Encode()
	rec := &evidence.Record{Body: body}
	var salt seal.Hash
	_, _ = rand.Read(salt[:])
	_, _ = rand.Read(rec.BodySalt[:])
	f.BodyHash = f.Suite.Body(rec.BodySalt, body)
	bytes := f.Encode(nil)
	e, tree, err := seal.NewEntry(key, seal.Header{Log: f.Log, Number: 1 << 30, Time: f.Time}, []seal.Hash{f.Suite.Commit(salt, bytes)})
	if err != nil {
		t.Fatal(err)
	}
	rec.Sealed = &seal.Sealed{Fact: bytes, Salt: salt, Header: e.Header, Signature: e.Signature, Path: tree.Path(0)}
	return rec
}

// TestPoison: text that no database takes, from a member or from an officer, is refused at the border. Nobody is stopped,
// nothing of it reaches the log, and a restart finds nothing to stumble over.
func TestPoison(t *testing.T) {
	t.Run("SQLite", func(t *testing.T) { poison(newFixture(t, Settings{})) })
	t.Run("PostgreSQL", func(t *testing.T) {
		dsn := map[string]string{}
		for _, p := range places(3) {
			dsn[p.ID] = dbtest.Postgres(t)
		}
		poison(newFixture(t, Settings{Database: func(place string) string { return dsn[place] }}))
	})
}

func poison(f *fixture) {
	t := f.t
	t.Helper()
	id := f.agree(f.application(), agreement.Grant{})
	long := strings.Repeat("x", 1000)
	from := f.c.Node("shanghai")
	body := func(purpose, matter string) []byte {
		b, err := json.Marshal(map[string]any{"version": 1, "agreement": id, "mode": "query", "purpose": purpose, "case": matter, "plan": policy.Plan{Limit: 1}})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	dept := f.market
	for _, c := range []struct {
		name, want           string
		id, kind, dept, head string // head: purpose in the header
		body                 []byte
	}{
		{"a fact id with NUL", "text.control", "poison\x00", "query.open", dept, "", body("enterprise-service", "")},
		{"a fact id with ESC", "text.control", "poison\x1b[2J", "query.open", dept, "", body("enterprise-service", "")},
		{"a fact id that is not UTF-8", "text.encoding", "poison\xff", "query.open", dept, "", body("enterprise-service", "")},
		{"a fact id too long", "text.long", long, "query.open", dept, "", body("enterprise-service", "")},
		{"a kind with NUL", "text.control", "k1", "query\x00open", dept, "", body("enterprise-service", "")},
		{"a department with NUL", "text.control", "k2", "query.open", dept + "\x00", "", body("enterprise-service", "")},
		{"a department too long", "text.long", "k3", "query.open", long, "", body("enterprise-service", "")},
		{"a purpose in the header with NUL", "text.control", "k4", "query.open", dept, "a\x00", body("enterprise-service", "")},
		{"a purpose with NUL", "text.control", "k5", "query.open", dept, "", body("a\x00", "")},
		{"a case with NUL", "text.control", "k6", "query.open", dept, "", body("enterprise-service", "b\x00")},
		{"a purpose too long", "gateway.request", "k7", "query.open", dept, "", body(long, "")},
		{"a case too long", "gateway.request", "k8", "query.open", dept, "", body("enterprise-service", long)},
		{"half a surrogate pair", "text.encoding", "k9", "query.open", dept, "", []byte(strings.Replace(string(body("x", "")), `"x"`, `"\ud800"`, 1))},
		{"a body that is not UTF-8", "http.utf8", "k10", "query.open", dept, "", []byte(strings.Replace(string(body("x", "")), `"x"`, "\"\xff\"", 1))},
	} {
		for range 2 { // once is enough on PostgreSQL, SQLite took two
			h := evidence.Header{To: "zhejiang", Route: "POST " + gateway.Path, Expires: from.Clock.Now().Add(time.Minute).UnixMilli(), Agreement: id, Purpose: c.head}
			rec := past(t, from, seal.Fact{Kind: c.kind, ID: c.id, Actor: seal.Actor{Department: c.dept}}, h, c.body)
			if _, err := from.Link.Do(f.ctx, "zhejiang", http.MethodPost, gateway.Path, "application/json", rec); code(err) != c.want {
				t.Errorf("from a member, %s: %v, want %s", c.name, err, c.want)
			}
		}
	}

	sh := f.as("shanghai", "machine-sh")
	post := func(path, body string) error {
		res, err := sh.Do(f.ctx, http.MethodPost, path, "application/json", strings.NewReader(body))
		if err == nil {
			_ = res.Body.Close()
		}
		return err
	}
	for path, want := range map[string]string{
		"/api/v1/agreements/%00/query": "text.control", "/api/v1/agreements/%ff/query": "text.encoding", "/api/v1/agreements/a%0Ab/query": "text.control",
		"/api/v1/agreements/" + long + "/query": "text.long", "/api/v1/agreements/x/query?q=%00": "text.control",
	} {
		if err := post(path, `{"purpose":"x","plan":{}}`); code(err) != want {
			t.Errorf("from an officer, %.40s: %v, want %s", path, err, want)
		}
	}
	for _, q := range []string{`{"purpose":"a\u0000","plan":{}}`, `{"purpose":"x","case":"\u001b","plan":{}}`} {
		if err := post("/api/v1/agreements/"+id+"/query", q); code(err) != "text.control" {
			t.Errorf("from an officer, %s: %v", q, err)
		}
	}
	for _, q := range []map[string]any{{"purpose": long, "plan": policy.Plan{}}, {"purpose": "enterprise-service", "case": long, "plan": policy.Plan{}}} {
		if _, err := f.query(sh, id, q); code(err) != "gateway.request" { // as at the provider, and with evidence of the refusal
			t.Errorf("from an officer, too long: %v", err)
		}
	}
	for _, page := range []string{"/cases/%00", "/sign-in?back=%00", "/catalog?q=%ff", "/evidence/" + url.PathEscape("a\x00")} {
		res, err := f.c.Client("shanghai").Do(f.ctx, http.MethodGet, page, "", nil)
		if err == nil {
			_ = res.Body.Close()
		}
		if c := code(err); c != "text.control" && c != "text.encoding" {
			t.Errorf("a page, %s: %v", page, err)
		}
	}

	for _, place := range []string{"zhejiang", "shanghai"} {
		if err := f.c.StopNode(place); err != nil {
			t.Fatalf("%s had stopped: %v", place, err)
		}
		if err := f.c.StartNode(context.WithoutCancel(f.ctx), place); err != nil {
			t.Fatalf("%s does not start again: %v", place, err)
		}
		if _, err := f.c.Node(place).Index.Project(f.ctx); err != nil {
			t.Error(err)
		}
	}
	if a, err := f.query(f.as("shanghai", "machine-sh"), id, map[string]any{"id": ids.Random{}.NewID(), "purpose": "enterprise-service", "plan": policy.Plan{Limit: 1}}); err != nil || a.Count != 1 {
		t.Errorf("a good query afterwards: %+v %v", a, err)
	}
}
