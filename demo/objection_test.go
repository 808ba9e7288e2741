package demo

import (
	"context"
	"database/sql"
	"encoding/json"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kuayu/kuayu/api/client"
	"github.com/kuayu/kuayu/api/rest"
	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/exchange/objection"
	"github.com/kuayu/kuayu/internal/clock"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/dbtest"
	"github.com/kuayu/kuayu/internal/ids"
	"github.com/kuayu/kuayu/support/deadline"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/policy"
	"github.com/kuayu/kuayu/support/process"
)

// agreed concludes an agreement of a department of any member with Zhejiang's.
func (f *fixture) agreed(member, short string, fields ...string) string {
	f.t.Helper()
	a := f.application()
	if len(fields) > 0 {
		a.Fields = fields
	}
	var n agreement.Negotiation
	f.call(f.as(member, "officer-"+short), http.MethodPost, "/api/v1/applications", a, &n)
	f.call(f.as(member, "head-"+short), http.MethodPost, "/api/v1/applications/"+n.ID+"/consent", nil, nil)
	id := ""
	f.await(func() bool {
		ns, err := f.c.Node("zhejiang").Agreements.List(f.ctx, db.System("test"), agreement.Reviewing, 500)
		if err != nil {
			f.t.Fatal(err)
		}
		for _, x := range ns {
			if x.Peer == n.ID {
				id = x.ID
			}
		}
		return id != ""
	})
	f.call(f.as("zhejiang", "officer-zj"), http.MethodPost, "/api/v1/applications/"+id+"/answer", agreement.Grant{Fields: a.Fields}, nil)
	f.call(f.as("zhejiang", "head-zj"), http.MethodPost, "/api/v1/applications/"+id+"/consent-answer", nil, nil)
	officer := f.as(member, "officer-"+short)
	f.await(func() bool {
		f.call(officer, http.MethodGet, "/api/v1/applications/"+n.ID, nil, &n)
		return n.State == agreement.Active
	})
	return n.Agreement
}

const (
	wrongPhone = "16400000003" // of 示范企业003有限公司, in 330100
	otherPhone = "16400000005"
)

// wrong says that the name of the enterprise with a telephone number is wrong.
func wrong(phone string) objection.CorrectionRequest {
	return objection.CorrectionRequest{
		Key: *eq("phone", phone), Items: []objection.WrongItem{{Item: "name", Received: "示范企业003有限公司", Claimed: "示范企业叁有限公司"}},
		Reason: "与营业执照不符", Evidence: "营业执照原件", Case: "办件一",
	}
}

func (f *fixture) report(cl *client.Client, id string, r objection.CorrectionRequest) objection.Correction {
	f.t.Helper()
	var c objection.Correction
	f.call(cl, http.MethodPost, "/api/v1/agreements/"+id+"/corrections", r, &c)
	f.awaitCorrection("shanghai", c.ID, objection.Verifying)
	return c
}

func (f *fixture) correctionAt(member, id string) *objection.Correction {
	c, err := f.c.Node(member).Objections.Correction(f.ctx, db.System("test"), id)
	if err != nil {
		return &objection.Correction{}
	}
	return c
}

func (f *fixture) awaitCorrection(member, id string, s objection.State) {
	f.t.Helper()
	f.await(func() bool { return f.correctionAt(member, id).State == s })
}

func (f *fixture) refetches(member, short string) []objection.Refetch {
	f.t.Helper()
	var p rest.Page[objection.Refetch]
	f.call(f.as(member, "officer-"+short), http.MethodGet, "/api/v1/refetches", nil, &p)
	return p.Items
}

func (f *fixture) d7(member, id string) []deadline.Deadline {
	f.t.Helper()
	cs, err := f.c.Node(member).Deadlines.Of(f.ctx, db.System("test"), "correction/"+id)
	if err != nil {
		f.t.Fatal(err)
	}
	return cs
}

func byPhone(phone string) map[string]any {
	return plan(policy.Plan{Project: []string{"uscc", "name"}, Where: eq("phone", phone)})
}

// TestCorrection: a record is reported wrong, the case goes on, the source is corrected, everybody who got the record is
// told, and nobody learns a key it did not ask for (Decree 809 art. 26).
func TestCorrection(t *testing.T) {
	f := newFixture(t, Settings{})
	tax := Department("320000", 1)
	if err := f.c.AddDepartment(f.ctx, "jiangsu", "js", tax, "江苏省某部门"); err != nil {
		t.Fatal(err)
	}
	mine, exact, scan, bare := f.agreed("shanghai", "sh"), f.agreed("shanghai", "sh2"), f.agreed("jiangsu", "js"), f.agreed("jiangsu", "js", "uscc", "city")
	unused := f.agreed("shanghai", "sh2")
	sh, sh2, js := f.as("shanghai", "officer-sh"), f.as("shanghai", "officer-sh2"), f.as("jiangsu", "officer-js")
	ask := func(cl *client.Client, id string, q map[string]any) answer {
		t.Helper()
		a, err := f.query(cl, id, q)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	if a := ask(sh, mine, byPhone(wrongPhone)); a.Count != 1 || a.Rows[0]["name"] != "示范企业003有限公司" {
		t.Fatalf("before: %+v", a)
	}
	ask(sh2, exact, byPhone(wrongPhone))
	ask(js, scan, plan(policy.Plan{Limit: 50}))
	ask(js, bare, plan(policy.Plan{Limit: 50}))

	c := f.report(sh, mine, wrong(wrongPhone))
	there := f.correctionAt("zhejiang", c.ID)
	if there.State != objection.Verifying || there.Report.Reason != "与营业执照不符" || !there.CaseGoes || !c.CaseGoes {
		t.Fatalf("at the provider: %+v", there)
	}
	f.await(func() bool { return len(f.d7("shanghai", c.ID)) == 1 })
	a, b := f.d7("shanghai", c.ID)[0], f.d7("zhejiang", c.ID)[0]
	if a.Clock != deadline.D7 || b.Clock != deadline.D7 || !a.Due.Equal(b.Due) || b.Responsible != deadline.Provider || b.Days != 10 {
		t.Fatalf("two ends, two clocks: %+v %+v", a, b)
	}
	// While it is pending nothing is blocked.
	if a := ask(sh, mine, byPhone(wrongPhone)); a.Count != 1 {
		t.Errorf("pending: %+v", a)
	}
	if rs := f.refetches("shanghai", "sh"); len(rs) != 0 {
		t.Errorf("too early: %+v", rs)
	}
	d, err := sql.Open("sqlite", filepath.Join(f.c.Dir, "zhejiang", "business.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	if _, err := d.ExecContext(f.ctx, "UPDATE enterprise SET name = '示范企业叁有限公司' WHERE phone = ?", wrongPhone); err != nil {
		t.Fatal(err)
	}
	var done objection.Correction
	f.call(f.as("zhejiang", "officer-zj"), http.MethodPost, "/api/v1/corrections/"+c.ID+"/answer", objection.CorrectionAnswer{
		Outcome: objection.Corrected, Values: []objection.CorrectedItem{{Item: "name", Value: "示范企业叁有限公司"}},
	}, &done)
	if done.Notified != 2 {
		t.Errorf("%d agreements were told, want the exact one and the scan", done.Notified)
	}
	f.awaitCorrection("shanghai", c.ID, objection.Corrected)
	if v := f.correctionAt("shanghai", c.ID).Finding.Values; len(v) != 1 || v[0].Value != "示范企业叁有限公司" {
		t.Errorf("the answer: %+v", v)
	}
	for _, member := range []string{"shanghai", "zhejiang"} {
		if k := f.d7(member, c.ID); len(k) != 1 || k[0].Outcome != deadline.Met {
			t.Errorf("clocks at %s: %+v", member, k)
		}
	}
	f.await(func() bool { return len(f.refetches("shanghai", "sh2")) == 1 && len(f.refetches("jiangsu", "js")) == 1 })
	r := f.refetches("shanghai", "sh2")[0]
	if r.Agreement != exact || r.Key == nil || r.Key.Values[0].Text() != wrongPhone || len(r.Items) != 1 || r.Items[0] != "name" || r.Agreement == unused {
		t.Errorf("who asked for exactly it: %+v", r)
	}
	x := f.refetches("jiangsu", "js")[0]
	text, err := json.Marshal(x)
	if err != nil {
		t.Fatal(err)
	}
	if x.Agreement != scan || x.Key != nil || x.Digest == "" || x.Digest == r.Digest || strings.Contains(string(text), wrongPhone) || strings.Contains(string(text), "叁") {
		t.Errorf("who did not ask for it by its key: %s", text)
	}
	// Done when it is asked for again by its key, or marked.
	ask(sh2, exact, byPhone(otherPhone))
	if rs := f.refetches("shanghai", "sh2"); len(rs) != 1 {
		t.Errorf("another record was asked for: %+v", rs)
	}
	if a := ask(sh2, exact, byPhone(wrongPhone)); a.Rows[0]["name"] != "示范企业叁有限公司" {
		t.Errorf("after: %+v", a)
	}
	ask(sh, mine, byPhone(wrongPhone))
	for _, short := range []string{"sh", "sh2"} {
		if rs := f.refetches("shanghai", short); len(rs) != 0 {
			t.Errorf("asked for again: %+v", rs)
		}
	}
	f.await(func() bool { return f.facts("shanghai", objection.FactRefetched, "") == 2 })
	var marked objection.Refetch
	f.call(js, http.MethodPost, "/api/v1/refetches/"+x.ID+"/done", nil, &marked)
	if marked.By != "officer-js" || len(f.refetches("jiangsu", "js")) != 0 {
		t.Errorf("marked: %+v", marked)
	}
	var all rest.Page[objection.Refetch]
	f.call(sh2, http.MethodGet, "/api/v1/refetches?done=1", nil, &all)
	if len(all.Items) != 1 || all.Items[0].Query == "" {
		t.Errorf("what was done: %+v", all.Items)
	}
	if code(f.as("zhejiang", "officer-zj").Call(f.ctx, http.MethodPost, "/api/v1/corrections/"+c.ID+"/answer", objection.CorrectionAnswer{Outcome: objection.Withdrawn}, nil)) != "objection.transition" {
		t.Error("answered twice")
	}
}

// TestCorrectionMasked: the new value of a masked item is not told past the mask.
func TestCorrectionMasked(t *testing.T) {
	f := newFixture(t, Settings{})
	mine := f.agreed("shanghai", "sh")
	r := wrong(wrongPhone)
	r.Items = []objection.WrongItem{{Item: "representative", Received: "张**", Claimed: "李某"}}
	c := f.report(f.as("shanghai", "officer-sh"), mine, r)
	f.call(f.as("zhejiang", "officer-zj"), http.MethodPost, "/api/v1/corrections/"+c.ID+"/answer", objection.CorrectionAnswer{
		Outcome: objection.Corrected, Values: []objection.CorrectedItem{{Item: "representative", Value: "李某某"}},
	}, nil)
	f.awaitCorrection("shanghai", c.ID, objection.Corrected)
	if v := f.correctionAt("shanghai", c.ID).Finding.Values; len(v) != 0 {
		t.Errorf("told past the mask: %+v", v)
	}
	f.await(func() bool { return len(f.refetches("shanghai", "sh")) == 1 })
}

// TestCorrectionRefused: wrong roles, wrong members, strangers' ids and bad input change nothing.
func TestCorrectionRefused(t *testing.T) {
	f := newFixture(t, Settings{})
	mine := f.agreed("shanghai", "sh")
	path := "/api/v1/agreements/" + mine + "/corrections"
	sh := f.as("shanghai", "officer-sh")
	try := func(want string, cl *client.Client, path string, in any) {
		t.Helper()
		if err := cl.Call(f.ctx, http.MethodPost, path, in, nil); code(err) != want {
			t.Errorf("%s: %v, want %s", path, err, want)
		}
	}
	with := func(change func(*objection.CorrectionRequest)) objection.CorrectionRequest {
		r := wrong(wrongPhone)
		change(&r)
		return r
	}
	try("identity.role", f.as("shanghai", "head-sh"), path, wrong(wrongPhone))
	try("agreement.no_such", f.as("shanghai", "officer-sh2"), path, wrong(wrongPhone))
	try("agreement.no_such", f.as("zhejiang", "officer-zj"), path, wrong(wrongPhone)) // the provider corrects, it does not ask itself
	try("agreement.no_such", sh, "/api/v1/agreements/01900000-0000-7000-8000-000000000000/corrections", wrong(wrongPhone))
	for _, r := range []objection.CorrectionRequest{
		with(func(r *objection.CorrectionRequest) { r.Reason = " " }),
		with(func(r *objection.CorrectionRequest) { r.Reason = strings.Repeat("长", 4000) }),
		with(func(r *objection.CorrectionRequest) { r.Items = nil }),
		with(func(r *objection.CorrectionRequest) { r.Items[0].Item = "secret" }),
		with(func(r *objection.CorrectionRequest) { r.Items[0].Claimed = r.Items[0].Received }),
		with(func(r *objection.CorrectionRequest) { r.Items = append(r.Items, r.Items[0]) }),
		with(func(r *objection.CorrectionRequest) { r.Key = policy.Predicate{} }),
		with(func(r *objection.CorrectionRequest) { r.Key.Op = policy.Prefix }),
		with(func(r *objection.CorrectionRequest) { r.Key.Item = "secret" }),
	} {
		try("objection.details", sh, path, r)
	}
	try("http.too_large", sh, path, with(func(r *objection.CorrectionRequest) { r.Reason = strings.Repeat("x", 10<<20) }))
	try("http.body", sh, path, map[string]any{"unknown": 1})
	if err := f.invalidUTF8(sh, path); code(err) != "http.utf8" {
		t.Errorf("invalid UTF-8: %v", err)
	}
	c := f.report(sh, mine, wrong(wrongPhone))
	answer := "/api/v1/corrections/" + c.ID + "/answer"
	zj := f.as("zhejiang", "officer-zj")
	try("identity.role", f.as("zhejiang", "head-zj"), answer, objection.CorrectionAnswer{Outcome: objection.Withdrawn})
	try("objection.no_such", sh, answer, objection.CorrectionAnswer{Outcome: objection.Withdrawn})
	for _, d := range []objection.CorrectionAnswer{
		{},
		{Outcome: objection.Maintained},
		{Outcome: objection.Corrected},
		{Outcome: objection.Verifying},
		{Outcome: objection.Corrected, Values: []objection.CorrectedItem{{Item: "city", Value: "x"}}},
		{Outcome: objection.Withdrawn, Values: []objection.CorrectedItem{{Item: "name", Value: "x"}}},
	} {
		try("objection.details", zj, answer, d)
	}
	if s := f.correctionAt("zhejiang", c.ID).State; s != objection.Verifying {
		t.Errorf("something changed: %s", s)
	}
	// Messages of a member that is no party, and from the wrong end.
	forge := func(from, to, dept, kind, want string, v any) {
		t.Helper()
		had := f.facts(to, "message.refused", want)
		body, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		n := f.c.Node(from)
		if err := n.DB.Write(f.ctx, func(ctx context.Context, tx *db.Tx) error {
			return n.Mailbox.Send(ctx, tx, to, "forged/"+kind+ids.Token(4), kind, body)
		}); err != nil {
			t.Fatal(err)
		}
		f.await(func() bool { return f.facts(to, "message.refused", want) > had })
	}
	said := func(id string, e process.Event, args any) map[string]any {
		return map[string]any{"v": 1, "case": id, "number": c.Number, "event": e, "to": "", "args": args}
	}
	finding := said(c.ID, objection.Remove, objection.CorrectionAnswer{Outcome: objection.Withdrawn})
	forge("jiangsu", "shanghai", "", "correction.withdraw", "objection.no_such", finding)
	forge("zhejiang", "shanghai", "", "correction.withdraw", "objection.no_such", finding) // in no department's name
	report := map[string]any{"agreement": mine, "report": wrong(wrongPhone)}
	forge("jiangsu", "zhejiang", "", "correction.report", "agreement.no_such", said(ids.Random{}.NewID(), objection.Report, report))
	forge("jiangsu", "zhejiang", "", "correction.report", "objection.details", said("x", objection.Report, report))
	forge("jiangsu", "shanghai", "", objection.KindNotice, "agreement.no_such", map[string]any{"v": 1, "agreement": mine, "resource": testResource, "items": []string{"name"}, "digest": "x"})
	forge("jiangsu", "zhejiang", "", "dispute.open", "objection.no_such", said(ids.Random{}.NewID(), objection.OpenDispute, map[string]any{"matter": objection.Matter{Kind: "correction", ID: c.ID}, "claim": "x"}))
	if s := f.correctionAt("shanghai", c.ID).State; s != objection.Verifying || len(f.refetches("shanghai", "sh")) != 0 {
		t.Errorf("a stranger's message changed something: %s", s)
	}
}

// invalidUTF8 posts bytes that are no text.
func (f *fixture) invalidUTF8(cl *client.Client, path string) error {
	return cl.Call(f.ctx, http.MethodPost, path, json.RawMessage("{\"reason\":\"\xff\"}"), nil)
}

// TestCorrectionOverdue: not answered within ten working days, it is the provider's violation P6.
func TestCorrectionOverdue(t *testing.T) {
	now := clock.NewManual(time.Now().UTC())
	f := newFixture(t, Settings{Clock: now})
	mine := f.agreed("shanghai", "sh")
	c := f.report(f.as("shanghai", "officer-sh"), mine, wrong(wrongPhone))
	due := f.d7("zhejiang", c.ID)[0].Due
	violations := func() []deadline.Violation {
		t.Helper()
		p, err := f.c.Node("zhejiang").Deadlines.Violations(f.ctx, db.System("test"), deadline.ViolationQuery{Code: deadline.P6})
		if err != nil {
			t.Fatal(err)
		}
		return p.Items
	}
	now.Set(due.Add(-time.Minute))
	f.c.Node("zhejiang").Queue.Wake()
	time.Sleep(200 * time.Millisecond)
	if v := violations(); len(v) != 0 {
		t.Fatalf("too early: %+v", v)
	}
	now.Set(due.Add(time.Minute))
	f.await(func() bool { f.c.Node("zhejiang").Queue.Wake(); return len(violations()) == 1 })
	if v := violations()[0]; v.Offender.Member != "zhejiang" || v.Subject != "correction/"+c.ID {
		t.Errorf("violation: %+v", v)
	}
}

func (f *fixture) disputeAt(member, id string) *objection.Dispute {
	d, err := f.c.Node(member).Objections.Dispute(f.ctx, db.System("test"), id)
	if err != nil {
		return &objection.Dispute{}
	}
	return d
}

func (f *fixture) awaitDispute(id string, s objection.Stage) {
	f.t.Helper()
	f.await(func() bool { return f.disputeAt("shanghai", id).State == s && f.disputeAt("zhejiang", id).State == s })
}

// TestDispute: a correction is maintained with reasons; the dispute about it goes up the ladder to the nation, whose ruling
// is recorded with its number; both ends agree at every step (Decree 809 art. 28).
func TestDispute(t *testing.T) {
	f := newFixture(t, Settings{})
	mine := f.agreed("shanghai", "sh")
	c := f.report(f.as("shanghai", "officer-sh"), mine, wrong(wrongPhone))
	f.call(f.as("zhejiang", "officer-zj"), http.MethodPost, "/api/v1/corrections/"+c.ID+"/answer", objection.CorrectionAnswer{Outcome: objection.Maintained, Reason: "与登记档案一致"}, nil)
	f.awaitCorrection("shanghai", c.ID, objection.Maintained)
	if len(f.refetches("shanghai", "sh")) != 0 || f.correctionAt("shanghai", c.ID).Finding.Reason != "与登记档案一致" {
		t.Error("maintained, with reasons")
	}
	try := func(want, member, actor, path string, in any) {
		t.Helper()
		if err := f.as(member, actor).Call(f.ctx, http.MethodPost, "/api/v1/disputes"+path, in, nil); code(err) != want {
			t.Errorf("%s by %s: %v, want %q", path, actor, err, want)
		}
	}
	opening := objection.Opening{Matter: objection.Matter{Kind: "correction", ID: c.ID}, Claim: "应当更正"}
	try("objection.no_such", "shanghai", "officer-sh2", "", opening)
	try("identity.role", "shanghai", "machine-sh", "", opening)
	try("objection.details", "shanghai", "officer-sh", "", objection.Opening{Matter: opening.Matter})
	try("objection.details", "shanghai", "officer-sh", "", objection.Opening{Matter: objection.Matter{Kind: "else", ID: c.ID}, Claim: "x"})
	var d objection.Dispute
	f.call(f.as("shanghai", "head-sh"), http.MethodPost, "/api/v1/disputes", opening, &d)
	if d.Resolver != (objection.Resolver{Level: "nation", Division: objection.Nation}) {
		t.Errorf("Shanghai and Zhejiang: %+v", d.Resolver)
	}
	f.awaitDispute(d.ID, objection.Negotiating)
	id := "/" + d.ID
	try("objection.no_such", "shanghai", "head-sh2", id+"/escalate", rest.Reason{Reason: "x"})
	try("objection.details", "zhejiang", "head-zj", id+"/escalate", rest.Reason{})
	try("identity.role", "zhejiang", "officer-zj", id+"/escalate", rest.Reason{Reason: "x"})
	try("objection.transition", "zhejiang", "authority", id+"/ruling", objection.Decision{Reference: "x", Text: "x"})
	try("objection.details", "zhejiang", "officer-zj", id+"/papers", objection.Statement{Text: "档案", File: "zz"})
	try("", "zhejiang", "officer-zj", id+"/papers", objection.Statement{Text: "登记档案", File: strings.Repeat("ab", 32)})
	try("", "shanghai", "officer-sh", id+"/papers", objection.Statement{Text: "营业执照"})
	f.await(func() bool {
		return len(f.disputeAt("shanghai", d.ID).Papers) == 2 && len(f.disputeAt("zhejiang", d.ID).Papers) == 2
	})
	try("", "shanghai", "head-sh", id+"/escalate", rest.Reason{Reason: "协商不成"})
	f.awaitDispute(d.ID, objection.AtAuthority)
	try("", "zhejiang", "head-zj", id+"/escalate", rest.Reason{Reason: "仍不一致"})
	f.awaitDispute(d.ID, objection.AtGovernment)
	try("identity.role", "shanghai", "head-sh", id+"/ruling", objection.Decision{Reference: "国函一号", Text: "予以更正"})
	try("objection.details", "shanghai", "authority", id+"/ruling", objection.Decision{Text: "予以更正"})
	try("", "shanghai", "authority", id+"/ruling", objection.Decision{Reference: "国函一号", Text: "予以更正"})
	f.awaitDispute(d.ID, objection.GovernmentRuled)
	try("objection.own_side", "shanghai", "head-sh", id+"/acknowledge", nil)
	try("", "zhejiang", "head-zj", id+"/acknowledge", nil)
	f.awaitDispute(d.ID, objection.GovernmentClosed)
	try("objection.transition", "zhejiang", "head-zj", id+"/propose", objection.Statement{Text: "x"})
	for _, member := range []string{"shanghai", "zhejiang"} {
		if r := f.disputeAt(member, d.ID).Ruling; r == nil || r.Reference != "国函一号" || r.Recorded != objection.Opener || r.Authority != f.market {
			t.Errorf("the ruling at %s: %+v", member, r)
		}
	}
	for kind, member := range map[string]string{"dispute.open": "shanghai", "dispute.escalate": "zhejiang", "dispute.rule": "shanghai", "dispute.acknowledge": "zhejiang"} {
		if f.facts(member, kind, "") == 0 {
			t.Errorf("no fact %s at %s", kind, member)
		}
	}
}

// TestDisputeSettled: about an application that was refused and about an agreement; settled by negotiation at any time.
func TestDisputeSettled(t *testing.T) {
	f := newFixture(t, Settings{})
	m := f.under(f.application())
	m.act("head-zj", "refuse", rest.Reason{Reason: "与职责无关"})
	m.awaitBoth(agreement.Refused)
	var d objection.Dispute
	f.call(f.as("shanghai", "officer-sh"), http.MethodPost, "/api/v1/disputes", objection.Opening{Matter: objection.Matter{Kind: "application", ID: m.mine}, Claim: "属于职责"}, &d)
	f.awaitDispute(d.ID, objection.Negotiating)
	if x := f.disputeAt("zhejiang", d.ID); x.Matter.ID != m.theirs || x.Side != objection.Respondent {
		t.Errorf("at the other end: %+v", x)
	}
	id := "/api/v1/disputes/" + d.ID
	sh, zj := f.as("shanghai", "head-sh"), f.as("zhejiang", "head-zj")
	f.call(sh, http.MethodPost, id+"/escalate", rest.Reason{Reason: "协商不成"}, nil)
	f.awaitDispute(d.ID, objection.AtAuthority)
	var x objection.Dispute
	f.call(zj, http.MethodPost, id+"/propose", objection.Statement{Text: "同意提供其中四项"}, &x)
	terms := x.Papers[0].ID
	f.await(func() bool { return len(f.disputeAt("shanghai", d.ID).Papers) == 1 })
	if err := zj.Call(f.ctx, http.MethodPost, id+"/accept", rest.Acceptance{Proposal: terms}, nil); code(err) != "objection.no_such" {
		t.Errorf("accepting one's own terms: %v", err)
	}
	f.call(sh, http.MethodPost, id+"/accept", rest.Acceptance{Proposal: terms}, nil)
	f.awaitDispute(d.ID, objection.Settled)
	if a, b := f.disputeAt("shanghai", d.ID).Settlement, f.disputeAt("zhejiang", d.ID).Settlement; a != terms || b != terms {
		t.Errorf("settled on %s and %s", a, b)
	}
	// About an agreement, by the provider.
	mine := f.agreed("shanghai", "sh")
	f.call(zj, http.MethodPost, "/api/v1/disputes", objection.Opening{Matter: objection.Matter{Kind: "agreement", ID: mine}, Claim: "超范围使用"}, &d)
	f.awaitDispute(d.ID, objection.Negotiating)
	if x := f.disputeAt("shanghai", d.ID); x.Agreement != mine || x.Opener.Member != "zhejiang" {
		t.Errorf("opened by the provider: %+v", x)
	}
}

// objectionMethods are the scoped methods of corrections and disputes.
func objectionMethods() []scopedMethod {
	type svc = *objection.Service
	read := func(name, kind string, f func(context.Context, svc, *visitor, string) (any, error)) scopedMethod {
		return scopedMethod{"objection.Service." + name, kind, func(ctx context.Context, v *visitor, id string) (any, error) { return f(ctx, v.n.Objections, v, id) }}
	}
	act := func(name, kind string, f func(context.Context, svc, func(string) *identity.Session, string) error) scopedMethod {
		return read(name, kind, func(ctx context.Context, s svc, v *visitor, id string) (any, error) { return nil, f(ctx, s, v.as, id) })
	}
	return []scopedMethod{
		read("Correction", "correction", func(ctx context.Context, s svc, v *visitor, id string) (any, error) {
			return s.Correction(ctx, v.sc, id)
		}),
		read("Corrections", "", func(ctx context.Context, s svc, v *visitor, _ string) (any, error) {
			cs, _, err := s.Corrections(ctx, v.sc, "", 500)
			return cs, err
		}),
		read("Dispute", "dispute", func(ctx context.Context, s svc, v *visitor, id string) (any, error) { return s.Dispute(ctx, v.sc, id) }),
		read("Disputes", "", func(ctx context.Context, s svc, v *visitor, _ string) (any, error) {
			ds, _, err := s.Disputes(ctx, v.sc, "", 500)
			return ds, err
		}),
		read("Refetches", "", func(ctx context.Context, s svc, v *visitor, _ string) (any, error) {
			return s.Refetches(ctx, v.sc, true, 500)
		}),
		act("Refetched", "refetch correction", func(ctx context.Context, s svc, as func(string) *identity.Session, id string) error {
			_, err := s.Refetched(ctx, as("officer"), id)
			return err
		}),
		act("Report", "negotiation agreement", func(ctx context.Context, s svc, as func(string) *identity.Session, id string) error {
			_, err := s.Report(ctx, as("officer"), id, wrong(wrongPhone))
			return err
		}),
		act("Answer", "correction", func(ctx context.Context, s svc, as func(string) *identity.Session, id string) error {
			_, err := s.Answer(ctx, as("officer"), id, objection.CorrectionAnswer{Outcome: objection.Withdrawn})
			return err
		}),
		act("Open", "negotiation", func(ctx context.Context, s svc, as func(string) *identity.Session, id string) error {
			_, err := s.Open(ctx, as("head"), objection.Opening{Matter: objection.Matter{Kind: "application", ID: id}, Claim: "x"})
			return err
		}),
		act("AddPaper", "dispute", func(ctx context.Context, s svc, as func(string) *identity.Session, id string) error {
			_, err := s.AddPaper(ctx, as("officer"), id, objection.Statement{Text: "x"})
			return err
		}),
		act("Propose", "dispute", func(ctx context.Context, s svc, as func(string) *identity.Session, id string) error {
			_, err := s.Propose(ctx, as("head"), id, objection.Statement{Text: "x"})
			return err
		}),
		act("Accept", "dispute", func(ctx context.Context, s svc, as func(string) *identity.Session, id string) error {
			_, err := s.Accept(ctx, as("head"), id, "x")
			return err
		}),
		act("Escalate", "dispute", func(ctx context.Context, s svc, as func(string) *identity.Session, id string) error {
			_, err := s.Escalate(ctx, as("head"), id, "x")
			return err
		}),
		act("Rule", "dispute", func(ctx context.Context, s svc, as func(string) *identity.Session, id string) error {
			_, err := s.Rule(ctx, as("head"), id, objection.Decision{Reference: "x", Text: "x"})
			return err
		}),
		act("Acknowledge", "dispute", func(ctx context.Context, s svc, as func(string) *identity.Session, id string) error {
			_, err := s.Acknowledge(ctx, as("head"), id)
			return err
		}),
		{"agreement.Service.GetByRole", "negotiation agreement", func(ctx context.Context, v *visitor, id string) (any, error) {
			for _, role := range []agreement.Role{agreement.Consumer, agreement.Provider} {
				if n, err := v.n.Agreements.GetByRole(ctx, v.n.DB.Read(), v.sc, id, role); err == nil {
					return n, nil
				}
			}
			return nil, agreement.ErrNoSuch.With()
		}},
		{"agreement.Service.Served", "", func(ctx context.Context, v *visitor, _ string) (any, error) {
			var all []agreement.Negotiation
			for _, d := range v.tenants {
				ns, err := v.n.Agreements.Served(ctx, v.sc, d.resource)
				if err != nil {
					return nil, err
				}
				all = append(all, ns...)
			}
			return all, nil
		}},
	}
}

// object lets a department report a record got under an agreement, the provider correct it, and open a dispute about it.
func (s *strangers) object(from, to tenant, agr string, allowed []tenant) {
	s.t.Helper()
	mine, theirs := s.node(from).Objections, s.node(to).Objections
	c, err := mine.Report(s.ctx, s.session(from.member, "officer-"+from.short), agr, objection.CorrectionRequest{
		Key: *eq("uscc", s.hidden(allowed...)), Items: []objection.WrongItem{{Item: "uscc", Received: s.hidden(allowed...), Claimed: "x"}}, Reason: s.hidden(allowed...),
	})
	if err != nil {
		s.t.Fatal(err)
	}
	s.own("correction", c.ID, allowed...)
	s.await(func() bool {
		x, err := theirs.Correction(s.ctx, db.System("test"), c.ID)
		return err == nil && x.State == objection.Verifying
	})
	if _, err := theirs.Answer(s.ctx, s.session(to.member, "officer-"+to.short), c.ID, objection.CorrectionAnswer{Outcome: objection.Withdrawn, Reason: s.hidden(allowed...)}); err != nil {
		s.t.Fatal(err)
	}
	s.await(func() bool {
		rs, err := mine.Refetches(s.ctx, db.System("test"), true, 500)
		if err != nil {
			s.t.Fatal(err)
		}
		for _, r := range rs {
			if r.Agreement == agr && r.Digest == "" {
				s.own("refetch", r.ID, from)
				return true
			}
		}
		return false
	})
	d, err := mine.Open(s.ctx, s.session(from.member, "head-"+from.short), objection.Opening{Matter: objection.Matter{Kind: "correction", ID: c.ID}, Claim: s.hidden(allowed...)})
	if err != nil {
		s.t.Fatal(err)
	}
	s.own("dispute", d.ID, allowed...)
	s.await(func() bool {
		_, err := theirs.Dispute(s.ctx, db.System("test"), d.ID)
		return err == nil
	})
}

// TestCorrectionOnPostgres: the package's tables and its reads within transactions, on PostgreSQL.
func TestCorrectionOnPostgres(t *testing.T) {
	dsn := map[string]string{}
	for _, p := range places(3) {
		dsn[p.ID] = dbtest.Postgres(t)
	}
	f := newFixture(t, Settings{Database: func(place string) string { return dsn[place] }})
	c := f.report(f.as("shanghai", "officer-sh"), f.agreed("shanghai", "sh"), wrong(wrongPhone))
	f.call(f.as("zhejiang", "officer-zj"), http.MethodPost, "/api/v1/corrections/"+c.ID+"/answer", objection.CorrectionAnswer{Outcome: objection.Withdrawn}, nil)
	f.awaitCorrection("shanghai", c.ID, objection.Withdrawn)
	if rs := f.refetches("shanghai", "sh"); len(rs) != 1 {
		t.Errorf("to be asked for again: %+v", rs)
	}
	var d objection.Dispute
	f.call(f.as("shanghai", "head-sh"), http.MethodPost, "/api/v1/disputes", objection.Opening{Matter: objection.Matter{Kind: "correction", ID: c.ID}, Claim: "不应删除"}, &d)
	f.awaitDispute(d.ID, objection.Negotiating)
}
