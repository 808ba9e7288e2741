package catalog

import (
	"context"
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
	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/internal/ids"
	"github.com/kuayu/kuayu/internal/queue"
	"github.com/kuayu/kuayu/internal/workday"
	"github.com/kuayu/kuayu/support/deadline"
	"github.com/kuayu/kuayu/support/evidence"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/notice"
	"github.com/kuayu/kuayu/support/policy"
	"github.com/kuayu/kuayu/support/process"
	"github.com/kuayu/kuayu/support/seal"
)

const (
	deptA = "11330000MY00000120"
	deptB = "11330000MY00000201"
)

// board remembers the notices put.
type board struct {
	mu  sync.Mutex
	got []notice.Notice
}

func (b *board) Put(_ context.Context, tx *db.Tx, _ db.Scope, n notice.Notice, _ notice.Params) error {
	tx.OnCommit(func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.got = append(b.got, n)
	})
	return nil
}

// heard empties the board: "kind>department:roles" in order.
func (b *board) heard() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []string
	for _, n := range b.got {
		who := map[string]string{deptA: "A", deptB: "B"}[n.Department]
		for _, r := range n.Roles {
			who += ":" + string(r)
		}
		out = append(out, string(n.Kind)+">"+who)
	}
	b.got = nil
	return strings.Join(out, " ")
}

type twoOffices struct{}

func (twoOffices) Departments(context.Context) ([]identity.Department, error) {
	return []identity.Department{{ID: deptA}, {ID: deptB}}, nil
}

// fixture is the catalogue of a node with two departments.
type fixture struct {
	*Service
	t     *testing.T
	clock *clock.Manual
	board *board
}

// onBoth runs a test on both databases.
func onBoth(t *testing.T, f func(*testing.T, *fixture)) {
	t.Helper()
	for name, dsn := range map[string]func(*testing.T) string{
		"sqlite":   func(t *testing.T) string { return filepath.Join(t.TempDir(), "records.db") },
		"postgres": func(t *testing.T) string { return dbtest.Postgres(t) },
	} {
		t.Run(name, func(t *testing.T) { f(t, newFixture(t, dsn(t))) })
	}
}

func newFixture(t *testing.T, dsn string) *fixture {
	t.Helper()
	ctx := t.Context()
	d, err := db.Open(ctx, dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	for _, m := range []func(context.Context, *db.DB) error{queue.Migrate, evidence.Migrate, deadline.Migrate, process.Migrate, Migrate} {
		if err := m(ctx, d); err != nil {
			t.Fatal(err)
		}
	}
	key, err := seal.GenerateKey(seal.Ed25519SHA256)
	if err != nil {
		t.Fatal(err)
	}
	now := clock.NewManual(time.Date(2026, 3, 2, 2, 0, 0, 0, time.UTC)) // a Monday
	log, err := evidence.OpenLog(evidence.Config{Dir: t.TempDir(), Key: key, Log: seal.Log{Node: "zhejiang", Instance: "1", Epoch: 1}, SegmentBytes: 1 << 20, Clock: now})
	if err != nil {
		t.Fatal(err)
	}
	q := queue.New(d, now, slog.New(slog.DiscardHandler))
	o := evidence.NewOutbox(d, log, q)
	b := &board{}
	r := &fixture{t: t, clock: now, board: b}
	r.Service = NewService(process.NewEngine(process.Deps{
		DB: d, Clock: now, IDs: ids.Random{}, Outbox: o, Board: b, Offices: twoOffices{}, Self: "zhejiang",
		Clocks:   deadline.NewService(deadline.Deps{DB: d, Clock: now, IDs: ids.Random{}, Queue: q, Outbox: o, Calendar: workday.Builtin()}),
		Division: func(string) string { return "330000" },
	}))
	return r
}

func session(dept, actor string, roles ...identity.Role) *identity.Session {
	return &identity.Session{Actor: actor, Department: dept, Division: "330000", Roles: roles}
}

func officerOf(dept string) *identity.Session { return session(dept, "officer", identity.DataOfficer) }

func chiefOf(dept string) *identity.Session { return session(dept, "chief", identity.DepartmentHead) }

// regulator is the authority, which is of the other department.
func regulator() *identity.Session { return session(deptB, "regulator", identity.Authority) }

// sound is a resource that nothing keeps from being submitted.
func sound(code, name string) Resource {
	return Resource{
		Code: code, Name: name, Provider: "某部门", Abstract: "摘要", Format: "database", UpdateCycle: "daily", Sharing: Unconditional,
		Modes: []policy.Mode{policy.ModeQuery}, Conditions: "履行职责", Class: "base", Grade: 2,
		Items: []Item{{Name: "uscc", Title: "统一社会信用代码", Type: "C", Grade: 2}},
	}
}

func (r *fixture) must(e *Dossier, err error) *Dossier {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
	return e
}

// refused demands an error of a code, and returns the names of the fields complained about.
func (r *fixture) refused(err error, want *errs.Def) string {
	r.t.Helper()
	if e := errs.As(err); e == nil || e.Code != want.Code {
		r.t.Fatalf("%v, want %s", err, want.Code)
	}
	var names []string
	for _, f := range errs.As(err).Fields {
		names = append(names, f.Name)
	}
	return strings.Join(names, " ")
}

func (r *fixture) draft(x Resource) *Dossier {
	r.t.Helper()
	return r.must(r.Save(r.t.Context(), officerOf(deptA), x, "", ""))
}

func passed(k Kind) Assessment {
	return Assessment{Kind: k, Assessor: "评估小组", Date: "2026-03-01", Pass: true, Text: "未见风险", Digest: strings.Repeat("ab", 32)}
}

// assess puts every assessment on record that the latest version needs.
func (r *fixture) assess(code string) {
	r.t.Helper()
	e := r.must(r.Dossier(r.t.Context(), db.System("test"), code))
	for _, k := range e.Resource.Needed() {
		r.must(r.Assess(r.t.Context(), officerOf(deptA), code, passed(k)))
	}
}

// sign brings the latest version to the authority's desk.
func (r *fixture) sign(code string) {
	r.t.Helper()
	r.assess(code)
	r.must(r.Submit(r.t.Context(), officerOf(deptA), code))
	r.must(r.Sign(r.t.Context(), chiefOf(deptA), code))
}

// publish walks a resource the whole way.
func (r *fixture) publish(x Resource) *Dossier {
	r.t.Helper()
	r.draft(x)
	r.sign(x.Code)
	return r.must(r.Publish(r.t.Context(), regulator(), x.Code))
}

// withdraw walks an entry out of the catalogue.
func (r *fixture) withdraw(code string) {
	r.t.Helper()
	r.must(r.Withdraw(r.t.Context(), chiefOf(deptA), code, "职责取消"))
	r.must(r.FileWithdrawal(r.t.Context(), regulator(), code))
}

// facts counts the facts of a kind in the outbox.
func (r *fixture) facts(kind string) int {
	r.t.Helper()
	var n int
	if err := r.db.Read().NewRaw("SELECT count(*) FROM evidence_outbox WHERE kind = ?", kind).Scan(r.t.Context(), &n); err != nil {
		r.t.Fatal(err)
	}
	return n
}

// rows counts what the package has stored.
func (r *fixture) rows() string {
	r.t.Helper()
	out := ""
	for _, table := range []string{"process_case", "catalog_resource", "catalog_version", "process_step", "catalog_assessment", "catalog_item", "catalog_register", "catalog_change", "evidence_outbox"} {
		var n int
		if err := r.db.Read().NewRaw("SELECT count(*) FROM "+table).Scan(r.t.Context(), &n); err != nil {
			r.t.Fatal(err)
		}
		out += fmt.Sprintf("%s=%d ", table, n)
	}
	return out
}

// ticking lists the open clocks of an entry with the last day of each.
func (r *fixture) ticking(code string) string {
	r.t.Helper()
	cs, err := r.clocks.Of(r.t.Context(), db.System("test"), subject(code))
	if err != nil {
		r.t.Fatal(err)
	}
	var out []string
	for i := range cs {
		if cs[i].Open() {
			out = append(out, string(cs[i].Clock)+"="+cs[i].DueDay())
		}
	}
	return strings.Join(out, " ")
}
