package demo

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/kuayu/kuayu/api/client"
	"github.com/kuayu/kuayu/api/rest"
	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/exchange/gateway"
	"github.com/kuayu/kuayu/internal/clock"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/ids"
	"github.com/kuayu/kuayu/support/evidence"
	"github.com/kuayu/kuayu/support/federation"
	"github.com/kuayu/kuayu/support/peer"
	"github.com/kuayu/kuayu/support/policy"
	"github.com/kuayu/kuayu/support/seal"
)

func eq(item, v string) *policy.Predicate {
	return &policy.Predicate{Op: policy.Eq, Item: item, Values: []policy.Value{policy.Str(v)}}
}

// reads counts the plans that reached a source at a node.
func (f *fixture) reads(member string) float64 {
	return testutil.ToFloat64(f.c.Node(member).Metrics.Reads)
}

// facts counts the facts of a kind with an outcome at a node.
func (f *fixture) facts(member, kind, outcome string) int {
	f.t.Helper()
	n := f.c.Node(member)
	if _, err := n.Index.Project(f.ctx); err != nil {
		f.t.Fatal(err)
	}
	es, err := n.Index.Find(f.ctx, db.System("test"), evidence.Query{Kind: kind, Limit: 500})
	if err != nil {
		f.t.Fatal(err)
	}
	count := 0
	for _, e := range es {
		if e.Outcome == outcome {
			count++
		}
	}
	return count
}

// TestRefusals: each has its own code, none reaches the source, each is recorded.
func TestRefusals(t *testing.T) {
	f := newFixture(t, Settings{})
	id := f.agree(f.application(), agreement.Grant{})
	sh, sh2 := f.as("shanghai", "machine-sh"), f.as("shanghai", "officer-sh2")
	if _, err := f.query(sh, id, plan(policy.Plan{Limit: 1})); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, want string
		cl         *client.Client
		q          map[string]any
	}{
		{"another department", "policy.department", sh2, plan(policy.Plan{Limit: 1})},
		{"another purpose", "policy.purpose", sh, map[string]any{"purpose": "statistics", "plan": policy.Plan{Limit: 1}}},
		{"an item not granted", "policy.field", sh, plan(policy.Plan{Project: []string{"secret"}})},
		{"a filter on an item not granted", "policy.field", sh, plan(policy.Plan{Where: eq("secret", "x")})},
		{"a range over a masked item", "policy.field", sh, plan(policy.Plan{Where: &policy.Predicate{Op: policy.Prefix, Item: "phone", Values: []policy.Value{policy.Str("164")}}})},
		{"a predicate outside the contract", "policy.outside", sh, plan(policy.Plan{Where: eq("city", "330200")})},
		{"an aggregate of a masked item", "policy.field", sh, plan(policy.Plan{Aggregate: []policy.Aggregate{{Func: policy.Max, Item: "phone"}}})},
		{"an unknown operator", "plan.invalid", sh, plan(policy.Plan{Where: &policy.Predicate{Op: "like", Item: "name", Values: []policy.Value{policy.Str("x")}}})},
	} {
		before, recorded := f.reads("zhejiang"), f.facts("shanghai", "query.refused", c.want)
		if _, err := f.query(c.cl, id, c.q); code(err) != c.want {
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
		}
		if got := f.reads("zhejiang"); got != before {
			t.Errorf("%s reached the source", c.name)
		}
		if got := f.facts("shanghai", "query.refused", c.want); got != recorded+1 {
			t.Errorf("%s: %d refusals recorded, want %d", c.name, got, recorded+1)
		}
	}
	// Bad input: a clear error, nothing run.
	for body, want := range map[string]string{
		`{"purpose":"enterprise-service","plan":{},"extra":1}`: "http.body", ``: "http.body", `{"purpose":`: "http.body", "\xff\xfe": "http.utf8",
		`{"purpose":"enterprise-service","plan":{}} {}`: "http.body", `{"id":"not-a-uuid","purpose":"enterprise-service","plan":{}}`: "gateway.request",
		`{"purpose":"enterprise-service","plan":{"cursor":"AAAA"}}`: "gateway.cursor", strings.Repeat("x", 2<<20): "http.too_large",
	} {
		res, err := sh.Do(f.ctx, http.MethodPost, "/api/v1/agreements/"+id+"/query", "application/json", strings.NewReader(body))
		if err == nil {
			_ = res.Body.Close()
		}
		if code(err) != want {
			t.Errorf("%.40q: %v, want %s", body, err, want)
		}
	}
	if _, err := f.query(sh, "00000000-0000-0000-0000-000000000000", plan(policy.Plan{})); code(err) != "agreement.no_such" {
		t.Errorf("unknown agreement: %v", err)
	}
	f.guesses(id)
	f.verify(id)
	f.longPurpose(id)
	f.revoked(id)
}

// guesses: the guess-the-masked-value attack by verification fails within the quota, whichever way round it is asked.
func (f *fixture) guesses(id string) {
	f.t.Helper()
	sh := f.as("shanghai", "machine-sh")
	known := gateway.Claim{Item: "uscc", Value: policy.Str("91330000MY000006XX")}
	for _, x := range []struct {
		item    string
		subject bool // the guess is the subject, what is known the claim
		want    string
		at      int // which is the first to be refused
	}{
		{"representative", true, "gateway.subject", 0}, {"city", true, "gateway.subject", 0}, {"phone", true, "gateway.quota", 20}, {"representative", false, "gateway.quota", 0},
	} {
		for i := range 60 {
			guess := gateway.Claim{Item: x.item, Value: policy.Str(fmt.Sprintf("170%08d", i))}
			v := gateway.VerifyRequest{Purpose: "enterprise-service", Subject: known, Claims: []gateway.Claim{guess}}
			if x.subject {
				v.Subject, v.Claims = guess, []gateway.Claim{known}
			}
			err := sh.Call(f.ctx, http.MethodPost, "/api/v1/agreements/"+id+"/verify", v, nil)
			if (i < x.at && err != nil) || (i >= x.at && code(err) != x.want) {
				f.t.Fatalf("guess %d of %s: %v", i, x.item, err)
			}
		}
	}
}

// longPurpose: what is too long to be recorded whole is refused, and the refusal is recorded.
func (f *fixture) longPurpose(id string) {
	f.t.Helper()
	sh := f.as("shanghai", "machine-sh")
	q := gateway.Query{ID: "7b0e3f6c-6a57-4a0d-9f0a-0c1f5b0c8f11", Purpose: strings.Repeat("长", 5000)}
	if err := sh.Call(f.ctx, http.MethodPost, "/api/v1/agreements/"+id+"/query", q, nil); code(err) != "gateway.request" {
		f.t.Errorf("a purpose of 15,000 bytes: %v", err)
	}
	var page rest.Page[evidence.Entry]
	f.call(f.as("shanghai", "auditor"), http.MethodGet, "/api/v1/facts?kind=query.refused&limit=500", nil, &page)
	for _, e := range page.Items {
		if strings.HasPrefix(e.ID, q.ID) && e.Outcome == "gateway.request" {
			return
		}
	}
	f.t.Error("the refusal of a long purpose left no evidence")
}

// verify: yes or no for each claim, at most 20 times a day for one subject, and never more.
func (f *fixture) verify(id string) {
	f.t.Helper()
	sh := f.as("shanghai", "machine-sh")
	v := gateway.VerifyRequest{
		Purpose: "enterprise-service", Subject: gateway.Claim{Item: "phone", Value: policy.Str("16400000003")},
		Claims: []gateway.Claim{{Item: "name", Value: policy.Str("示范企业003有限公司")}, {Item: "name", Value: policy.Str("别的企业")}},
	}
	for i := range 21 {
		var out rest.VerifyAnswer
		err := sh.Call(f.ctx, http.MethodPost, "/api/v1/agreements/"+id+"/verify", v, &out)
		if i == 20 {
			if code(err) != "gateway.quota" {
				f.t.Errorf("21st verification of one subject: %v", err)
			}
			break
		}
		if err != nil || len(out.Findings) != 2 || !out.Findings[0].Match || out.Findings[1].Match {
			f.t.Fatalf("verification: %+v %v", out, err)
		}
	}
	var page rest.Page[evidence.Entry]
	f.call(f.as("zhejiang", "auditor"), http.MethodPost, "/api/v1/subjects", rest.SubjectRequest{Identifier: "16400000003"}, &page)
	if len(page.Items) != 20 {
		f.t.Errorf("who looked at the subject: %d facts, want 20", len(page.Items))
	}
}

func (f *fixture) revoked(id string) {
	f.t.Helper()
	sh := f.as("shanghai", "machine-sh")
	if err := f.as("zhejiang", "head-zj").Call(f.ctx, http.MethodPost, "/api/v1/agreements/"+id+"/revoke", rest.Reason{}, nil); code(err) != "agreement.reason" {
		f.t.Errorf("revocation without reason: %v", err)
	}
	f.call(f.as("zhejiang", "head-zj"), http.MethodPost, "/api/v1/agreements/"+id+"/revoke", rest.Reason{Reason: "测试"}, nil)
	before := f.reads("zhejiang")
	if _, err := f.query(sh, id, plan(policy.Plan{Limit: 1})); !errors.Is(err, agreement.ErrRevoked) {
		f.t.Errorf("after revocation: %v", err)
	}
	if f.reads("zhejiang") != before {
		f.t.Error("a revoked agreement reached the source")
	}
}

// sealed seals a request at Shanghai as its node would, for asking Zhejiang by hand.
func (f *fixture) sealed(id string, body []byte, expires time.Time, dept string) *evidence.Record {
	f.t.Helper()
	n := f.c.Node("shanghai")
	h := evidence.Header{To: "zhejiang", ToDept: f.health, Route: "POST " + gateway.Path, Expires: expires.UnixMilli(), Purpose: "enterprise-service"}
	rec, err := n.Log.Seal(f.ctx, evidence.Draft{Kind: "query.open", ID: id, Actor: seal.Actor{Department: dept}, Header: h.Encode(), Body: body})
	if err != nil {
		f.t.Fatal(err)
	}
	return rec
}

func (f *fixture) wire(id string, p policy.Plan) []byte {
	f.t.Helper()
	in, err := f.c.Node("shanghai").Agreements.InForce(f.ctx, id, agreement.Consumer)
	if err != nil {
		f.t.Fatal(err)
	}
	b, err := json.Marshal(map[string]any{"version": 1, "agreement": id, "hash": in.Hash, "mode": "query", "purpose": "enterprise-service", "plan": p})
	if err != nil {
		f.t.Fatal(err)
	}
	return b
}

// TestProviderDecidesForItself: a consumer node that lies or replays meets the provider's own checks.
func TestProviderDecidesForItself(t *testing.T) {
	f := newFixture(t, Settings{})
	id := f.agree(f.application(), agreement.Grant{})
	link := f.c.Node("shanghai").Link
	ask := func(rec *evidence.Record) (*peer.Answer, error) {
		return link.Do(f.ctx, "zhejiang", http.MethodPost, gateway.Path, "application/json", rec)
	}
	now := f.c.Clock.Now()
	before := f.reads("zhejiang")
	one := f.wire(id, policy.Plan{Limit: 1})
	fresh := func(body []byte, dept string) *evidence.Record {
		return f.sealed(ids.Random{}.NewID(), body, now.Add(gateway.Life), dept)
	}
	for name, c := range map[string]struct {
		rec  *evidence.Record
		want string
	}{
		"stale":                {f.sealed(ids.Random{}.NewID(), one, now.Add(-time.Second), f.market), "peer.stale"},
		"another department":   {fresh(one, f.other), "policy.department"},
		"an item not granted":  {fresh(f.wire(id, policy.Plan{Project: []string{"secret"}}), f.market), "policy.field"},
		"outside the contract": {fresh(f.wire(id, policy.Plan{Where: eq("city", "330200")}), f.market), "policy.outside"},
		"other bytes":          {fresh(bytes.Replace(one, []byte(`"hash":"`), []byte(`"hash":"00`), 1), f.market), "gateway.mismatch"},
		"unknown version":      {fresh(bytes.Replace(one, []byte(`"version":1`), []byte(`"version":9`), 1), f.market), "gateway.request"},
	} {
		if _, err := ask(c.rec); code(err) != c.want {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	if f.reads("zhejiang") != before {
		t.Error("a refused request reached the source")
	}
	if f.facts("zhejiang", "query.refused", "policy.department") != 1 || f.facts("zhejiang", "query.refused", "policy.outside") != 1 || f.facts("zhejiang", "query.refused", "peer.stale") != 1 {
		t.Error("the provider did not record its refusals")
	}
	// The same request twice: the same answer, metered once.
	rid := ids.Random{}.NewID()
	rec := f.sealed(rid, f.wire(id, policy.Plan{Limit: 3}), now.Add(gateway.Life), f.market)
	a, err := ask(rec)
	if err != nil {
		t.Fatal(err)
	}
	b, err := ask(rec)
	if err != nil || !bytes.Equal(a.Body, b.Body) || a.Fact.ID != b.Fact.ID {
		t.Fatalf("replay: %v", err)
	}
	if n := f.facts("zhejiang", "query.serve", "ok"); n != 1 {
		t.Fatalf("metered %d times", n)
	}
	// The same id with another content is refused.
	if _, err := ask(f.sealed(rid, f.wire(id, policy.Plan{Limit: 4}), now.Add(gateway.Life), f.market)); code(err) != "peer.reused" {
		t.Errorf("reused id: %v", err)
	}
	// Also after a restart of the provider.
	if err := f.c.StopNode("zhejiang"); err != nil {
		t.Fatal(err)
	}
	if err := f.c.StartNode(f.ctx, "zhejiang"); err != nil {
		t.Fatal(err)
	}
	c, err := ask(rec)
	if err != nil || !bytes.Equal(a.Body, c.Body) {
		t.Fatalf("replay after restart: %v", err)
	}
	_, rows, err := f.c.Node("zhejiang").Index.Usage(f.ctx, id, "query.serve", 0)
	if err != nil || rows != 3 {
		t.Fatalf("after the restart: %d rows metered, %v", rows, err)
	}
}

// TestStrangerFailsInTLS: whoever is no member gets a TLS alert and a counter, never an answer.
func TestStrangerFailsInTLS(t *testing.T) {
	f := newFixture(t, Settings{Places: places(3)})
	addr := f.c.Node("zhejiang").Addr("peer")
	keys, err := federation.GenerateKeys(t.TempDir(), "stranger", seal.Ed25519SHA256, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	id, err := federation.NewIdentity(keys, "stranger", "1", nil, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	member := *f.c.Node("shanghai").TLS.Certificate()
	for name, conf := range map[string]*tls.Config{
		"no certificate":        {InsecureSkipVerify: true, MinVersion: tls.VersionTLS13},
		"a stranger's own":      {InsecureSkipVerify: true, MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{*id.Certificate()}},
		"TLS 1.2 with a member": {InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12, Certificates: []tls.Certificate{member}},
	} {
		conn, err := (&tls.Dialer{Config: conf}).DialContext(f.ctx, "tcp", addr)
		if err != nil {
			continue
		}
		_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
		_, err = conn.Write([]byte("GET /dsp/2025-1/catalog/datasets/x HTTP/1.1\r\nHost: x\r\n\r\n"))
		var b []byte
		if err == nil {
			b, err = io.ReadAll(conn)
		}
		if err == nil {
			t.Errorf("%s: answered %.80q", name, b)
		}
		_ = conn.Close()
	}
	f.await(func() bool { return testutil.ToFloat64(f.c.Node("zhejiang").Metrics.Strangers) >= 2 })
}

// TestLine: queries go over a line to the provider, survive its restart, and nobody gets one without asking for it rightly.
func TestLine(t *testing.T) {
	f := newFixture(t, Settings{Places: places(4)})
	id := f.agree(f.application(), agreement.Grant{})
	sh := f.as("shanghai", "machine-sh")
	if _, err := f.query(sh, id, plan(policy.Plan{Limit: 1})); err != nil {
		t.Fatal(err)
	}
	link := f.c.Node("shanghai").Link
	if link.Lines("zhejiang") != 1 {
		t.Fatal("the query did not go over a line")
	}
	if _, err := link.Ask(f.ctx, "zhejiang", http.MethodGet, peer.PathLine, nil); code(err) != "peer.line" {
		t.Errorf("without an upgrade: %v", err)
	}
	if err := f.c.StopNode("zhejiang"); err != nil {
		t.Fatal(err)
	}
	if _, err := f.query(sh, id, plan(policy.Plan{Limit: 1})); code(err) != "peer.unreachable" {
		t.Errorf("a stopped provider: %v", err)
	}
	if err := f.c.StartNode(f.ctx, "zhejiang"); err != nil {
		t.Fatal(err)
	}
	if _, err := f.query(sh, id, plan(policy.Plan{Limit: 1})); err != nil {
		t.Errorf("after its restart: %v", err)
	}
}

// TestRemovedMember: after a quorum has removed a member it is refused on connections made before, and on new ones.
func TestRemovedMember(t *testing.T) {
	f := newFixture(t, Settings{Places: places(4)})
	id := f.agree(f.application(), agreement.Grant{})
	sh := f.as("shanghai", "machine-sh")
	if _, err := f.query(sh, id, plan(policy.Plan{Limit: 1})); err != nil {
		t.Fatal(err)
	}
	authority := f.as("zhejiang", "authority")
	var p federation.Proposal
	f.call(authority, http.MethodPost, "/api/v1/proposals", rest.ProposalRequest{Reason: "测试", Remove: "shanghai", Quorum: 2}, &p)
	for _, m := range []string{"jiangsu", "anhui"} {
		f.await(func() bool {
			ps, err := f.c.Node(m).Federation.Proposals(f.ctx)
			return err == nil && len(ps) == 1
		})
		if _, err := f.c.Node(m).Federation.Approve(f.ctx, p.Hash); err != nil {
			t.Fatal(err)
		}
	}
	f.await(func() bool { return f.c.Node("zhejiang").Directory.Current().Number == 2 })
	before := f.reads("zhejiang")
	if _, err := f.query(sh, id, plan(policy.Plan{Limit: 1})); code(err) != "federation.not_member" && code(err) != "peer.tls" {
		t.Fatalf("removed member: %v", err)
	}
	f.c.Node("shanghai").Link.CloseIdle()
	if _, err := f.query(sh, id, plan(policy.Plan{Limit: 1})); code(err) == "" {
		t.Fatal("a removed member made a new connection")
	}
	if f.reads("zhejiang") != before {
		t.Error("a removed member reached the source")
	}
}

// TestTwoMembersNeedNobody: two members exchange while the hub and all others are down.
func TestTwoMembersNeedNobody(t *testing.T) {
	f := newFixture(t, Settings{Places: Places()})
	id := f.agree(f.application(), agreement.Grant{})
	for _, m := range []string{"hub", "jiangsu", "anhui"} {
		if err := f.c.StopNode(m); err != nil {
			t.Fatal(err)
		}
	}
	a, err := f.query(f.as("shanghai", "machine-sh"), id, plan(policy.Plan{Limit: 2}))
	if err != nil || a.Count != 2 || a.Next == "" {
		t.Fatalf("%+v %v", a, err)
	}
	second := f.agree(f.application(), agreement.Grant{}) // and agree on something new
	if _, err := f.query(f.as("shanghai", "machine-sh"), second, plan(policy.Plan{Limit: 2})); err != nil {
		t.Fatal(err)
	}
}

// TestPartitionedConsumer: a consumer that cannot hear of a revocation stops when its lease ends.
func TestPartitionedConsumer(t *testing.T) {
	c := clock.NewManual(time.Now().UTC())
	f := newFixture(t, Settings{Clock: c})
	id := f.agree(f.application(), agreement.Grant{Lease: 60})
	sh := f.as("shanghai", "officer-sh")
	var lease rest.Lease
	f.call(sh, http.MethodGet, "/api/v1/agreements/"+id+"/lease", nil, &lease)
	if err := f.c.StopNode("zhejiang"); err != nil { // the partition: nothing gets through
		t.Fatal(err)
	}
	c.Advance(30 * time.Second)
	f.call(sh, http.MethodGet, "/api/v1/agreements/"+id+"/lease", nil, &lease) // still within
	if _, err := f.query(sh, id, plan(policy.Plan{Limit: 1})); code(err) != "peer.unreachable" {
		t.Fatalf("within the lease: %v", err)
	}
	c.Advance(40 * time.Second)
	if err := sh.Call(f.ctx, http.MethodGet, "/api/v1/agreements/"+id+"/lease", nil, &lease); !errors.Is(err, agreement.ErrLease) {
		t.Fatalf("after the lease: %v", err)
	}
	if _, err := f.query(sh, id, plan(policy.Plan{Limit: 1})); !errors.Is(err, agreement.ErrLease) {
		t.Fatalf("query after the lease: %v", err)
	}
	// Back again: the lease is renewed by itself.
	if err := f.c.StartNode(context.WithoutCancel(f.ctx), "zhejiang"); err != nil {
		t.Fatal(err)
	}
	f.call(sh, http.MethodGet, "/api/v1/agreements/"+id+"/lease", nil, &lease)
	// Expiry binds both ends without a message.
	c.Advance(200 * 24 * time.Hour)
	if _, err := f.query(f.as("shanghai", "officer-sh"), id, plan(policy.Plan{Limit: 1})); !errors.Is(err, agreement.ErrExpired) {
		t.Fatalf("expired: %v", err)
	}
}

// TestStreamsAndPages: NDJSON and Arrow carry all pages and end with a close receipt.
func TestStreamsAndPages(t *testing.T) {
	f := newFixture(t, Settings{})
	id := f.agree(f.application(), agreement.Grant{Quota: policy.Quota{RowsPerCall: 100}})
	sh := f.as("shanghai", "machine-sh")
	body := `{"purpose":"enterprise-service","plan":{"project":["uscc"]}}`
	for _, accept := range []string{"application/x-ndjson", gateway.MediaArrow} {
		res, err := sh.Do(f.ctx, http.MethodPost, "/api/v1/agreements/"+id+"/query", accept, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if err != nil || res.Trailer.Get("Kuayu-Receipt") == "" {
			t.Fatalf("%s: %v, trailer %v", accept, err, res.Trailer)
		}
		if accept == "application/x-ndjson" && bytes.Count(b, []byte("\n")) != 333 {
			t.Errorf("%d rows, want 333", bytes.Count(b, []byte("\n")))
		}
	}
	if n := f.facts("shanghai", "stream.close", "ok"); n != 2 {
		t.Errorf("%d streams closed", n)
	}
}
