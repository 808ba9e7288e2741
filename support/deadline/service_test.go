package deadline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kuayu/kuayu/internal/clock"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/dbtest"
	"github.com/kuayu/kuayu/internal/ids"
	"github.com/kuayu/kuayu/internal/queue"
	"github.com/kuayu/kuayu/internal/workday"
	"github.com/kuayu/kuayu/support/evidence"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/seal"
)

// desk is who is told; it can refuse.
type desk struct {
	mu   sync.Mutex
	got  []Notice
	fail error
}

func (d *desk) Notify(_ context.Context, tx *db.Tx, n Notice) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fail != nil {
		return d.fail
	}
	tx.OnCommit(func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.got = append(d.got, n)
	})
	return nil
}

func (d *desk) kinds() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var s []string
	for _, n := range d.got {
		s = append(s, string(n.Kind)+">"+string(n.To))
	}
	return strings.Join(s, " ")
}

func (d *desk) refuse(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fail = err
}

// office is a node's clocks over one database, startable again and again.
type office struct {
	t     *testing.T
	dsn   string
	dir   string
	key   *seal.PrivateKey
	clock *clock.Manual
	desk  *desk
	cal   *workday.Calendar

	db    *db.DB
	queue *queue.Queue
	*Service
	end func()
}

// TestService runs every test of the durable half on both databases.
func TestService(t *testing.T) {
	if dbtest.Present() {
		dbtest.Postgres(t) // one server for all of them
	}
	for _, x := range []struct {
		name string
		f    func(*testing.T, *office)
	}{
		{"OnceAcrossRestarts", testOnceAcrossRestarts},
		{"AllOrNothing", testAllOrNothing},
		{"Verbs", testVerbs},
		{"Strangers", testStrangers},
		{"Pages", testPages},
		{"Raise", testRaise},
		{"Recount", testRecount},
		{"Remind", testRemind},
	} {
		run := func(t *testing.T, dsn string) {
			key, err := seal.GenerateKey(seal.Ed25519SHA256)
			if err != nil {
				t.Fatal(err)
			}
			o := &office{t: t, dsn: dsn, dir: t.TempDir(), key: key, clock: clock.NewManual(at("2026-03-02 15:00")), desk: &desk{}, cal: workday.Builtin()}
			o.open()
			t.Cleanup(func() { o.end() })
			x.f(t, o)
		}
		t.Run(x.name+"/sqlite", func(t *testing.T) { run(t, filepath.Join(t.TempDir(), "records.db")) })
		t.Run(x.name+"/postgres", func(t *testing.T) { run(t, dbtest.Postgres(t)) })
	}
}

// open wires the service; nothing of the queue runs yet.
func (o *office) open() {
	o.t.Helper()
	d, err := db.Open(o.t.Context(), o.dsn)
	if err != nil {
		o.t.Fatal(err)
	}
	if err := errors.Join(queue.Migrate(o.t.Context(), d), evidence.Migrate(o.t.Context(), d), Migrate(o.t.Context(), d)); err != nil {
		o.t.Fatal(err)
	}
	log, err := evidence.OpenLog(evidence.Config{Dir: o.dir, Key: o.key, Log: seal.Log{Node: "zhejiang", Instance: "1", Epoch: 1}, SegmentBytes: 1 << 20})
	if err != nil {
		o.t.Fatal(err)
	}
	o.db, o.queue = d, queue.New(d, o.clock, slog.New(slog.DiscardHandler))
	o.Service = NewService(Deps{
		DB: d, Clock: o.clock, IDs: ids.Random{}, Queue: o.queue, Outbox: evidence.NewOutbox(d, log, o.queue), Calendar: o.cal, Notifier: o.desk,
		Profiles: Profiles{{Name: "five", Division: "330100", Clocks: map[ID]Period{D4: {Days: 5}}}},
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- log.Run(ctx) }()
	o.end = func() {
		cancel()
		if err := errors.Join(<-done, d.Close()); err != nil {
			o.t.Error(err)
		}
	}
}

// run works the queue until ok.
func (o *office) run(ok func() bool) {
	o.t.Helper()
	ctx, cancel := context.WithCancel(o.t.Context())
	done := make(chan error, 1)
	go func() { done <- o.queue.Run(ctx) }()
	deadline := time.Now().Add(20 * time.Second)
	for !ok() && time.Now().Before(deadline) {
		o.queue.Wake()
		time.Sleep(5 * time.Millisecond)
	}
	good := ok()
	cancel()
	if err := <-done; err != nil || !good {
		o.t.Fatalf("waited in vain; told %q", o.desk.kinds())
	}
}

func (o *office) restart() {
	o.end()
	o.open()
}

// idle reports whether no job is due now.
func (o *office) idle() bool {
	return o.count("SELECT count(*) FROM queue_job WHERE dead = 0 AND run_at <= ?", o.clock.Now().UnixMicro()) == 0
}

func (o *office) count(q string, args ...any) int {
	o.t.Helper()
	var n int
	if err := o.db.Read().NewRaw(q, args...).Scan(o.t.Context(), &n); err != nil {
		o.t.Fatal(err)
	}
	return n
}

func (o *office) apply(c Case, a ...Action) error {
	return o.db.Write(o.t.Context(), func(ctx context.Context, tx *db.Tx) error { return o.Apply(ctx, tx, db.System("test"), c, a...) })
}

func (o *office) must(err error) {
	o.t.Helper()
	if err != nil {
		o.t.Fatal(err)
	}
}

func (o *office) one(subject string) Deadline {
	o.t.Helper()
	k, err := o.Of(o.t.Context(), db.System("test"), subject)
	if err != nil || len(k) == 0 {
		o.t.Fatal(k, err)
	}
	return k[len(k)-1]
}

func of(subject, department string) Case {
	return Case{Subject: subject, Department: department, Parties: Parties{Provider: Party{"zhejiang", department}, Applicant: Party{"shanghai", "X"}, Authority: Party{"zhejiang", "DATA"}}}
}

// testOnceAcrossRestarts: reminders and the end come once each, although the node starts anew before every one of them and
// the timer's job is run again on purpose; the violation and its fact are written together.
func testOnceAcrossRestarts(t *testing.T, o *office) {
	o.must(o.apply(of("negotiation/1", "A"), start(D4)))
	want := ""
	for _, x := range []struct{ at, said string }{
		{"2026-03-09 09:00", "half>provider"}, {"2026-03-13 09:00", "eve>provider"}, {"2026-03-16 09:00", "today>provider"}, {"2026-03-17 00:00", "overdue>provider overdue>authority"}, {"2026-04-01 00:00", ""},
	} {
		o.clock.Set(at(x.at).Add(-time.Second))
		o.restart()
		o.run(o.idle)
		if got := o.desk.kinds(); got != want {
			t.Fatalf("a second before %s: %q, want %q", x.at, got, want)
		}
		o.clock.Set(at(x.at))
		want = strings.TrimSpace(want + " " + x.said)
		for range 2 {
			o.must(o.db.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
				return o.queue.Enqueue(ctx, tx, queue.Job{ID: "again", Kind: KindTick, Payload: o.one("negotiation/1").ID})
			}))
			o.run(o.idle)
		}
		if got := o.desk.kinds(); got != want {
			t.Fatalf("%s: %q, want %q", x.at, got, want)
		}
	}
	v, err := o.Violations(t.Context(), db.System("test"), ViolationQuery{})
	if err != nil || len(v.Items) != 1 || v.Items[0].Code != P4 || v.Items[0].Offender != (Party{"zhejiang", "A"}) || v.Items[0].Clock.DueDay() != "2026-03-16" {
		t.Fatalf("%+v %v", v, err)
	}
	if n := o.count("SELECT count(*) FROM evidence_outbox WHERE kind = ? AND id = ? AND sealed IS NOT NULL", FactOverdue, v.Items[0].Fact); n != 1 || o.count("SELECT count(*) FROM evidence_outbox") != 1 {
		t.Error("facts: ", n)
	}
	o.must(o.apply(of("negotiation/1", "A"), Action{Do: Stop, Clock: D4}))
	if k := o.one("negotiation/1"); k.Outcome != Overdue || k.Open() {
		t.Errorf("%+v", k)
	}
	if n := o.count("SELECT count(*) FROM queue_job"); n != 0 {
		t.Error("jobs left: ", n)
	}
}

// testAllOrNothing: if somebody cannot be told, neither the violation nor the fact is there, and the timer tries again; an
// act that fails after its clocks leaves none.
func testAllOrNothing(t *testing.T, o *office) {
	o.must(o.apply(of("negotiation/1", "A"), start(D3)))
	o.clock.Set(at("2026-03-04 00:00"))
	o.desk.refuse(errors.New("no"))
	o.run(func() bool { return o.count("SELECT count(*) FROM queue_job WHERE attempts > 0") == 1 })
	if n := o.count("SELECT count(*) FROM deadline_violation") + o.count("SELECT count(*) FROM evidence_outbox"); n != 0 || !o.one("negotiation/1").Late.IsZero() {
		t.Fatal("half of it was written: ", n)
	}
	o.desk.refuse(nil)
	o.clock.Advance(time.Minute)
	o.run(func() bool { return o.count("SELECT count(*) FROM deadline_violation") == 1 })
	failed := errors.New("the act failed")
	err := o.db.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		return errors.Join(o.Start(ctx, tx, db.System("test"), of("negotiation/2", "A"), D4), failed)
	})
	if !errors.Is(err, failed) || o.count("SELECT count(*) FROM deadline_clock WHERE subject = 'negotiation/2'") != 0 {
		t.Error(err)
	}
}

// testVerbs: start, pause, resume, extend, stop, each in the transaction of an act, and the regional profile.
func testVerbs(t *testing.T, o *office) {
	c, sc := of("negotiation/1", "A"), db.In("330100", "A", "officer")
	c.Division = "330106"
	act := func(f func(ctx context.Context, tx *db.Tx) error) {
		t.Helper()
		o.must(o.db.Write(t.Context(), f))
	}
	act(func(ctx context.Context, tx *db.Tx) error { return o.Start(ctx, tx, sc, c, D4) })
	if k := o.one("negotiation/1"); k.DueDay() != "2026-03-09" || k.Profile != "five" || !k.Started.Equal(o.clock.Now()) {
		t.Fatalf("%+v", k)
	}
	o.clock.Set(at("2026-03-03 10:00"))
	act(func(ctx context.Context, tx *db.Tx) error { return o.Pause(ctx, tx, sc, c, D4, Supplement) })
	page, err := o.Running(t.Context(), sc, OpenQuery{Holder: Applicant})
	if err != nil || len(page.Items) != 1 || page.Items[0].Waiting() == nil {
		t.Fatal(page, err)
	}
	act(func(ctx context.Context, tx *db.Tx) error { return o.Resume(ctx, tx, sc, c, D4) })
	c.Days, c.Consent = 10, "consent 7"
	act(func(ctx context.Context, tx *db.Tx) error { return o.Extend(ctx, tx, sc, c, D4) })
	if k := o.one("negotiation/1"); k.DueDay() != "2026-03-23" || k.Consent != "consent 7" || k.Responsible != Provider {
		t.Fatalf("%+v", k)
	}
	if err := o.apply(c, Action{Do: Extend, Clock: D4}); !errors.Is(err, ErrExtended) {
		t.Error(err)
	}
	act(func(ctx context.Context, tx *db.Tx) error { return o.Stop(ctx, tx, sc, c, D4) })
	if k := o.one("negotiation/1"); k.Outcome != Met || o.desk.kinds() != "extended>applicant" || o.count("SELECT count(*) FROM queue_job") != 0 {
		t.Errorf("%+v %s", k, o.desk.kinds())
	}
}

// testStrangers: a department neither sees nor moves the clocks and violations of another; the authority sees all.
func testStrangers(t *testing.T, o *office) {
	a, b := db.In("330000", "A", "officer"), db.In("330000", "B", "officer")
	for _, d := range []string{"A", "B"} {
		o.must(o.apply(of("negotiation/of-"+d, d), start(D4)))
		o.must(o.db.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			return o.Raise(ctx, tx, db.In("330000", d, "officer"), Violation{Code: R2, Subject: "negotiation/of-" + d, Department: d, By: Applicant, Offender: Party{"shanghai", "X"}, Note: "secret of " + d})
		}))
	}
	see := func(sc db.Scope) string {
		t.Helper()
		run, err := o.Running(t.Context(), sc, OpenQuery{})
		o.must(err)
		vs, err := o.Violations(t.Context(), sc, ViolationQuery{})
		o.must(err)
		ts, err := o.Tallies(t.Context(), sc, ViolationQuery{})
		o.must(err)
		n := 0
		for _, x := range ts {
			n += x.Count
		}
		s := ""
		for _, d := range []string{"A", "B"} {
			ks, err := o.Of(t.Context(), sc, "negotiation/of-"+d)
			o.must(err)
			if len(ks) > 0 {
				s += d
			}
		}
		return fmt.Sprint(s, len(run.Items), len(vs.Items), n)
	}
	for _, x := range []struct {
		sc   db.Scope
		want string
	}{{a, "A1 1 1"}, {b, "B1 1 1"}, {db.Oversight("330000", "DATA", "chief"), "AB2 2 2"}, {db.Scope{}, "0 0 0"}} {
		if got := see(x.sc); got != x.want {
			t.Errorf("%+v sees %s, want %s", x.sc, got, x.want)
		}
	}
	o.must(o.db.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		c := of("negotiation/of-A", "A")
		for _, err := range []error{o.Stop(ctx, tx, b, c, D4), o.Start(ctx, tx, b, c, D6), o.Raise(ctx, tx, b, Violation{Code: R2, Subject: "x", Department: "A", By: Applicant})} {
			if !errors.Is(err, ErrOutside) {
				t.Error("another department's clock moved: ", err)
			}
		}
		c.Department = "B" // one's own department, another's subject: there is no such clock
		return o.Stop(ctx, tx, b, c, D4)
	}))
	if k := o.one("negotiation/of-A"); !k.Open() {
		t.Error("stopped by a stranger")
	}
}

// testPages: lists come page by page, each line once, the most urgent clock and the latest violation first.
func testPages(t *testing.T, o *office) {
	all := db.System("test")
	for i := range 7 {
		o.clock.Set(at("2026-03-02 15:00").AddDate(0, 0, i/2))
		o.must(o.apply(of(fmt.Sprintf("negotiation/%d", i), "A"), start(D3)))
	}
	walk := func(next func(after string) (ids []string, due []time.Time, more string)) {
		t.Helper()
		seen, last, after := map[string]bool{}, time.Time{}, ""
		for {
			ids, due, more := next(after)
			for i, id := range ids {
				if seen[id] || due[i].Before(last) {
					t.Fatal("twice, or out of order: ", id)
				}
				seen[id], last = true, due[i]
			}
			if more == "" {
				break
			}
			if len(ids) != 3 {
				t.Fatal("a short page with more after it: ", len(ids))
			}
			after = more
		}
		if len(seen) != 7 {
			t.Fatal("lines: ", len(seen))
		}
	}
	walk(func(after string) (ids []string, due []time.Time, _ string) {
		p, err := o.Running(t.Context(), all, OpenQuery{After: after, Limit: 3, Clock: D3})
		o.must(err)
		for _, k := range p.Items {
			ids, due = append(ids, k.ID), append(due, k.Due)
		}
		return ids, due, p.Next
	})
	o.clock.Set(at("2026-03-20 00:00"))
	o.run(func() bool { return o.count("SELECT count(*) FROM deadline_violation") == 7 })
	walk(func(after string) (ids []string, due []time.Time, _ string) {
		p, err := o.Violations(t.Context(), all, ViolationQuery{After: after, Limit: 3, Member: "zhejiang", Department: "A", Code: P4})
		o.must(err)
		for _, v := range p.Items {
			ids, due = append(ids, v.ID), append(due, time.Unix(0, 0).Add(at("2027-01-01 00:00").Sub(v.At)))
		}
		return ids, due, p.Next
	})
	late, err := o.Running(t.Context(), all, OpenQuery{Late: true})
	if err != nil || len(late.Items) != 7 {
		t.Error(len(late.Items), err)
	}
	few, err := o.Violations(t.Context(), all, ViolationQuery{From: at("2026-03-04 00:00"), To: at("2026-03-04 00:01"), Subject: "negotiation/0"})
	if err != nil || len(few.Items) != 1 {
		t.Error(len(few.Items), err)
	}
	ts, err := o.Tallies(t.Context(), all, ViolationQuery{})
	if err != nil || len(ts) != 1 || ts[0] != (Tally{"zhejiang", "A", P4, 7}) {
		t.Error(ts, err)
	}
	for _, bad := range []string{"x", "1", "x.y", "1." + strings.Repeat("x", 300)} {
		if _, err := o.Running(t.Context(), all, OpenQuery{After: bad}); !errors.Is(err, ErrCursor) {
			t.Error(bad, err)
		}
		if _, err := o.Violations(t.Context(), all, ViolationQuery{After: bad}); !errors.Is(err, ErrCursor) {
			t.Error(bad, err)
		}
	}
}

func testRaise(t *testing.T, o *office) {
	raise := func(v Violation) error {
		return o.db.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			return o.Raise(ctx, tx, db.In("330000", "A", "officer"), v)
		})
	}
	for want, v := range map[error]Violation{
		ErrCode:    {Code: "P10", Subject: "s", Department: "A", By: Provider},
		ErrSubject: {Code: P2, Department: "A", By: Provider},
		ErrOutside: {Code: P2, Subject: "s", Department: "B", By: Provider},
	} {
		if err := raise(v); !errors.Is(err, want) {
			t.Error(want, err)
		}
	}
	o.must(raise(Violation{Code: P7, Subject: "s", Department: "A", By: Provider, Offender: Party{"zhejiang", "A"}}))
	if o.count("SELECT count(*) FROM evidence_outbox WHERE kind = ? AND officer = 'officer'", FactViolation) != 1 || o.count("SELECT count(*) FROM deadline_violation") != 1 {
		t.Error("no fact")
	}
}

// testRecount: once the notice of the next year is known, provisional clocks are dated anew and their timers moved.
func testRecount(t *testing.T, o *office) {
	o.clock.Set(at("2026-12-21 10:00"))
	for i := range 3 {
		o.must(o.apply(of(fmt.Sprintf("negotiation/%d", i), "A"), start(D4)))
	}
	if n, err := o.Recount(t.Context()); n != 0 || err != nil {
		t.Fatal(n, err)
	}
	o.must(o.apply(of("negotiation/0", "A"), Action{Do: Stop, Clock: D4}))
	cal, err := o.cal.Import(strings.NewReader("notice,date,kind,name\n2027,2027-01-01,off,元旦\n"))
	o.must(err)
	o.cal = cal
	o.restart()
	if n, err := o.Recount(t.Context()); n != 2 || err != nil {
		t.Fatal(n, err)
	}
	if k := o.one("negotiation/1"); k.DueDay() != "2027-01-05" || !k.Certain {
		t.Error(k)
	}
	o.clock.Set(at("2027-01-05 00:00"))
	o.run(o.idle)
	if n := o.count("SELECT count(*) FROM deadline_violation"); n != 0 {
		t.Error("judged by the old date")
	}
	o.clock.Set(at("2027-01-06 00:00"))
	o.run(func() bool { return o.count("SELECT count(*) FROM deadline_violation") == 2 })
}

// testRemind: the authority alone reminds, of what is overdue alone; notice, fact and line are one transaction, and lists
// go on where the page before ended.
func testRemind(t *testing.T, o *office) {
	o.must(o.apply(of("negotiation/1", "A"), start(D3)))
	k := o.one("negotiation/1")
	sess := func(roles ...identity.Role) *identity.Session {
		return &identity.Session{Actor: "chief", Department: "DATA", Division: "330000", Roles: roles}
	}
	authority := sess(identity.Authority)
	try := func(s *identity.Session, id, text string) error {
		_, err := o.Remind(t.Context(), s, id, text)
		return err
	}
	if err := try(authority, k.ID, "act"); !errors.Is(err, ErrNotLate) {
		t.Errorf("not late yet: %v", err)
	}
	o.clock.Set(k.Due)
	o.run(o.idle)
	for _, r := range []identity.Role{identity.DataOfficer, identity.OfficeHead, identity.DepartmentHead, identity.Auditor, identity.Operator, identity.Machine} {
		if err := try(sess(r), k.ID, "act"); !errors.Is(err, identity.ErrRole) {
			t.Errorf("by %s: %v", r, err)
		}
	}
	for id, want := range map[string]error{"none": ErrNoRunning, k.ID: ErrText} {
		if err := try(authority, id, map[bool]string{true: "act", false: strings.Repeat("长", maxReminder+1)}[id == "none"]); !errors.Is(err, want) {
			t.Errorf("%s: %v", id, err)
		}
	}
	o.desk.refuse(errors.New("nobody can be told"))
	if try(authority, k.ID, "act") == nil || o.count("SELECT count(*) FROM deadline_reminder") != 0 || o.count("SELECT count(*) FROM evidence_outbox WHERE kind = ?", FactReminder) != 0 {
		t.Error("half of a reminder is there")
	}
	o.desk.refuse(nil)
	for i := range 3 {
		o.clock.Set(k.Due.Add(time.Duration(i) * time.Hour))
		o.must(try(authority, k.ID, fmt.Sprint("act ", i)))
	}
	if n := o.count("SELECT count(*) FROM evidence_outbox WHERE kind = ?", FactReminder); n != 3 || strings.Count(o.desk.kinds(), "reminded>provider") != 3 {
		t.Errorf("%d facts, told %s", n, o.desk.kinds())
	}
	for sc, want := range map[db.Scope]string{authority.Scope(): "act 2 act 1 act 0 ", db.In("330000", "A", "o"): "act 2 act 1 act 0 ", db.In("330000", "B", "o"): ""} {
		got, after := "", ""
		for {
			p, err := o.Reminders(t.Context(), sc, ReminderQuery{Clock: k.ID, After: after, Limit: 2})
			o.must(err)
			for i := range p.Items {
				got += p.Items[i].Text + " "
			}
			if after = p.Next; after == "" {
				break
			}
		}
		if got != want {
			t.Errorf("%+v: %q", sc, got)
		}
	}
	o.must(o.apply(of("negotiation/1", "A"), Action{Do: Stop, Clock: D3}))
	if err := try(authority, k.ID, "act"); !errors.Is(err, ErrNotLate) {
		t.Errorf("done by now: %v", err)
	}
	watch := of("negotiation/2", "X")
	watch.End = Applicant
	o.must(o.apply(watch, start(D3)))
	k = o.one("negotiation/2")
	o.clock.Set(k.Due)
	o.run(o.idle)
	if err := try(authority, k.ID, "act"); !errors.Is(err, ErrElsewhere) {
		t.Errorf("another member's department: %v", err)
	}
}
