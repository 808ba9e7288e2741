package notice

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kuayu/kuayu/internal/clock"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/dbtest"
	"github.com/kuayu/kuayu/internal/ids"
	"github.com/kuayu/kuayu/internal/queue"
	"github.com/kuayu/kuayu/support/identity"
)

const (
	deptA = "11330000MY00000120"
	deptB = "11330000MY0000020T"
)

// office is a node's inboxes over one database; its queue runs.
type office struct {
	*Service
	t     *testing.T
	clock *clock.Manual
	ctx   context.Context
}

func newOffice(t *testing.T, dsn string, conf *MailConfig) *office {
	t.Helper()
	d, err := db.Open(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(queue.Migrate(t.Context(), d), identity.Migrate(t.Context(), d), Migrate(t.Context(), d)); err != nil {
		t.Fatal(err)
	}
	o := &office{t: t, clock: clock.NewManual(time.Date(2026, 3, 2, 7, 0, 0, 0, time.UTC)), ctx: t.Context()} // 15:00 in China
	q := queue.New(d, o.clock, slog.New(slog.DiscardHandler))
	staff := identity.NewService(d, o.clock, ids.Random{}, "330000", "zhejiang")
	for _, dept := range []string{deptA, deptB} {
		if err := staff.AddDepartment(t.Context(), identity.Department{ID: dept, Name: "部门"}); err != nil {
			t.Fatal(err)
		}
	}
	for id, r := range map[string]identity.Role{"officer-a": identity.DataOfficer, "head-a": identity.OfficeHead, "authority": identity.Authority, "operator": identity.Operator, "officer-b": identity.DataOfficer} {
		dept := deptA
		if strings.HasSuffix(id, "b") {
			dept = deptB
		}
		if err := staff.AddActor(t.Context(), identity.Actor{ID: id, Department: dept, Name: id, Kind: "officer", Roles: []identity.Role{r}}); err != nil {
			t.Fatal(err)
		}
	}
	deps := Deps{DB: d, Clock: o.clock, IDs: ids.Random{}, Queue: q, Staff: staff}
	if conf != nil {
		if deps.Mail, err = NewMail(*conf); err != nil {
			t.Fatal(err)
		}
	}
	o.Service = NewService(deps)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- q.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := errors.Join(<-done, d.Close()); err != nil {
			t.Error(err)
		}
	})
	return o
}

func sqlite(t *testing.T) string { return filepath.Join(t.TempDir(), "records.db") }

func (o *office) as(id string) *identity.Session {
	dept, role := deptA, identity.DataOfficer
	switch id {
	case "officer-b":
		dept = deptB
	case "head-a":
		role = identity.OfficeHead
	case "authority":
		role = identity.Authority
	case "operator":
		role = identity.Operator
	}
	return &identity.Session{Actor: id, Department: dept, Division: "330000", Roles: []identity.Role{role}}
}

func (o *office) put(n Notice, p Params) error {
	o.t.Helper()
	return o.db.Write(o.ctx, func(ctx context.Context, tx *db.Tx) error { return o.Put(ctx, tx, db.System("test"), n, p) })
}

// tell puts a notice about a matter.
func (o *office) tell(dept, id string, k Kind, r ...identity.Role) {
	o.t.Helper()
	n := Notice{Department: dept, Roles: r, Kind: k, Subject: "negotiation/" + id, Link: "/applications/" + id}
	if err := o.put(n, Params{Resource: "330000/enterprise", Member: "shanghai", Until: "2026-03-16", Zh: "答复申请", En: "answer an application"}); err != nil {
		o.t.Fatal(err)
	}
	o.clock.Advance(time.Second)
}

func (o *office) inbox(id string, q Query) *Page {
	o.t.Helper()
	p, err := o.List(o.ctx, o.as(id), q)
	if err != nil {
		o.t.Fatal(err)
	}
	return p
}

func subjects(p *Page) string {
	var s []string
	for _, n := range p.Items {
		s = append(s, strings.TrimPrefix(n.Subject, "negotiation/"))
	}
	return strings.Join(s, " ")
}

// await lets the queue work until ok, moving the clock over the pauses of retries.
func (o *office) await(step time.Duration, ok func() bool) {
	o.t.Helper()
	for range 2000 {
		if ok() {
			return
		}
		time.Sleep(5 * time.Millisecond)
		o.clock.Advance(step)
		o.queue.Wake()
	}
	o.t.Fatal("waited in vain")
}

func (o *office) idle() bool {
	n, err := o.queue.Depth(o.ctx)
	if err != nil {
		o.t.Fatal(err)
	}
	return n == 0
}

func TestInbox(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) { testInbox(t, sqlite(t)) })
	t.Run("postgres", func(t *testing.T) { testInbox(t, dbtest.Postgres(t)) })
}

func testInbox(t *testing.T, dsn string) {
	o := newOffice(t, dsn, nil)
	o.tell(deptA, "1", ApplicationReceived, identity.DataOfficer)
	o.tell(deptA, "2", AnswerConsent, identity.OfficeHead)
	o.tell(deptA, "3", OfferMade, identity.DataOfficer, identity.OfficeHead)
	o.tell(deptB, "4", ApplicationReceived, identity.DataOfficer)
	o.tell("", "5", DeadlineOverdue, identity.Authority)
	for id, want := range map[string]string{"officer-a": "3 1", "head-a": "3 2", "officer-b": "4", "authority": "5", "operator": ""} {
		if p := o.inbox(id, Query{}); subjects(p) != want || p.Unread != len(p.Items) {
			t.Errorf("%s sees %q (%d unread), want %q", id, subjects(p), p.Unread, want)
		}
	}
	all := o.inbox("officer-a", Query{})
	n := all.Items[1]
	if n.Zh.Title != "收到申请：330000/enterprise" || !strings.Contains(n.En.Body, "shanghai applies for 330000/enterprise") || n.Link != "/applications/1" {
		t.Errorf("texts: %+v", n)
	}
	// Read by one officer, unread for the other; unread first.
	both := all.Items[0].ID
	for range 2 {
		if err := o.MarkRead(o.ctx, o.as("officer-a"), both); err != nil {
			t.Fatal(err)
		}
	}
	if p := o.inbox("officer-a", Query{}); subjects(p) != "1 3" || p.Unread != 1 || p.Items[0].Read || !p.Items[1].Read {
		t.Errorf("after reading: %s %+v", subjects(p), p)
	}
	if p := o.inbox("officer-a", Query{Unread: true}); subjects(p) != "1" {
		t.Errorf("unread: %s", subjects(p))
	}
	if p := o.inbox("head-a", Query{}); p.Unread != 2 {
		t.Errorf("read for somebody else: %+v", p)
	}
	// Of strangers, and of other roles: as if it were not there.
	for _, id := range []string{"officer-b", "authority", "operator"} {
		if err := o.MarkRead(o.ctx, o.as(id), both); !errors.Is(err, db.ErrNotFound) {
			t.Errorf("%s reads it: %v", id, err)
		}
	}
	// Pages.
	for i := range 7 {
		o.tell(deptB, fmt.Sprintf("p%d", i), AgreementExpired, identity.DataOfficer)
	}
	if err := o.MarkRead(o.ctx, o.as("officer-b"), o.inbox("officer-b", Query{}).Items[0].ID); err != nil {
		t.Fatal(err)
	}
	var pages []string
	for after := ""; ; {
		p := o.inbox("officer-b", Query{Limit: 3, After: after})
		pages = append(pages, subjects(p))
		if after = p.Next; after == "" {
			break
		}
	}
	if got := strings.Join(pages, "|"); got != "p5 p4 p3|p2 p1 p0|4 p6" {
		t.Errorf("pages: %s", got)
	}
	for _, bad := range []string{"x", "0.1", "a.b.c", "0.x.1", "0.1." + strings.Repeat("x", 300)} {
		if _, err := o.List(o.ctx, o.as("officer-b"), Query{After: bad}); !errors.Is(err, ErrCursor) {
			t.Errorf("cursor %q: %v", bad, err)
		}
	}
	// Kept for long, not for ever.
	o.clock.Advance(Keep - time.Hour)
	o.tell(deptA, "new", ApplicationReceived, identity.DataOfficer)
	if err := o.Trim(o.ctx); err != nil || len(o.inbox("officer-a", Query{}).Items) != 3 {
		t.Errorf("trimmed too early: %v", err)
	}
	o.clock.Advance(2 * time.Hour)
	if err := o.Trim(o.ctx); err != nil || subjects(o.inbox("officer-a", Query{})) != "new" {
		t.Errorf("not trimmed: %v", err)
	}
}

func TestPutRefuses(t *testing.T) {
	o := newOffice(t, sqlite(t), nil)
	good := Notice{Department: deptA, Roles: []identity.Role{identity.DataOfficer}, Kind: ApplicationReceived, Subject: "negotiation/1", Link: "/applications/1"}
	for name, f := range map[string]func(*Notice){
		"kind":            func(n *Notice) { n.Kind = "x.y" },
		"no role":         func(n *Notice) { n.Roles = nil },
		"unknown role":    func(n *Notice) { n.Roles = []identity.Role{"x,office_head"} },
		"nobody's":        func(n *Notice) { n.Department = "" },
		"no subject":      func(n *Notice) { n.Subject = "" },
		"a line break":    func(n *Notice) { n.Subject = "negotiation/1\r\nBcc: x@y.cn" },
		"foreign link":    func(n *Notice) { n.Link = "//evil.example/x" },
		"absolute link":   func(n *Notice) { n.Link = "https://evil.example" },
		"a break in link": func(n *Notice) { n.Link = "/x\n" },
		"long":            func(n *Notice) { n.Subject = strings.Repeat("x", maxKey+1) },
	} {
		n := good
		f(&n)
		if err := o.put(n, Params{}); !errors.Is(err, ErrNotice) && !errors.Is(err, ErrKind) {
			t.Errorf("%s: %v", name, err)
		}
	}
	err := o.db.Write(o.ctx, func(ctx context.Context, tx *db.Tx) error {
		return o.Put(ctx, tx, db.In("330000", deptB, "x"), good, Params{})
	})
	if !errors.Is(err, ErrOutside) {
		t.Errorf("for a stranger: %v", err)
	}
	if p := o.inbox("officer-a", Query{}); len(p.Items) != 0 {
		t.Errorf("something was kept: %+v", p)
	}
}

func TestPreferences(t *testing.T) {
	o := newOffice(t, sqlite(t), nil)
	sess := o.as("officer-a")
	if p, err := o.Preferences(o.ctx, sess); err != nil || p.Mail != "" || p.Mode != Each || p.Lang != "zh" {
		t.Errorf("default: %+v %v", p, err)
	}
	for _, bad := range []Preference{
		{Mail: "x"},
		{Mail: "a@b.cn\r\nBcc: c@d.cn"},
		{Mail: "A <a@b.cn>"},
		{Mail: "a@b.cn, c@d.cn"},
		{Mail: "张@b.cn"},
		{Mail: `"a b"@b.cn`},
		{Mail: "a@" + strings.Repeat("b", 300)},
		{Mail: "a@b.cn>"},
		{Mail: "a@b.cn", Mode: "hourly"},
		{Mail: "a@b.cn", Lang: "fr"},
	} {
		if _, err := o.SetPreferences(o.ctx, sess, bad); !errors.Is(err, ErrPreference) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	if p, err := o.SetPreferences(o.ctx, sess, Preference{Mail: "a.b@c-d.example", Mode: Daily, Lang: "en"}); err != nil || p.Mail != "a.b@c-d.example" || p.Mode != Daily || p.Lang != "en" {
		t.Errorf("set: %+v %v", p, err)
	}
	if p, err := o.Preferences(o.ctx, o.as("officer-b")); err != nil || p.Mail != "" {
		t.Errorf("somebody else's: %+v %v", p, err)
	}
}
