package scheme

import (
	"context"
	"encoding/json"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/exchange/catalog"
	"github.com/kuayu/kuayu/internal/clock"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/dbtest"
	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/internal/ids"
	"github.com/kuayu/kuayu/internal/queue"
	"github.com/kuayu/kuayu/support/evidence"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/notice"
	"github.com/kuayu/kuayu/support/peer"
	"github.com/kuayu/kuayu/support/policy"
	"github.com/kuayu/kuayu/support/process"
	"github.com/kuayu/kuayu/support/seal"
)

func noon() time.Time { return time.Date(2026, 3, 2, 4, 0, 0, 0, time.UTC) }

// fails is what a test and a property's run have in common.
type fails interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

type deaf struct{}

func (deaf) Put(context.Context, *db.Tx, db.Scope, notice.Notice, notice.Params) error { return nil }

// fixture is the schemes of one member, on a database of its own; letters of the others are put into its hands.
type fixture struct {
	*Service
	post map[string]func(context.Context, *db.Tx, *peer.Incoming, *message) error
	read int64 // how many letters of its outbox are on the wire
}

// letter is a message as it was queued.
type letter struct {
	from, to, kind, department string
	body                       []byte
}

func newFixture(t *testing.T, self, dsn string, members ...string) *fixture {
	t.Helper()
	d, err := db.Open(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	for _, m := range []func(context.Context, *db.DB) error{queue.Migrate, evidence.Migrate, peer.Migrate, process.Migrate, catalog.Migrate, agreement.Migrate, Migrate} {
		if err := m(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	key, err := seal.GenerateKey(seal.Ed25519SHA256)
	if err != nil {
		t.Fatal(err)
	}
	now := clock.NewManual(noon())
	log, err := evidence.OpenLog(evidence.Config{Dir: t.TempDir(), Key: key, Log: seal.Log{Node: self, Instance: "1", Epoch: 1}, SegmentBytes: 1 << 20, Clock: now})
	if err != nil {
		t.Fatal(err)
	}
	q := queue.New(d, now, slog.New(slog.DiscardHandler))
	o := evidence.NewOutbox(d, log, q)
	e := process.NewEngine(process.Deps{Self: self, DB: d, Clock: now, IDs: ids.Random{}, Outbox: o, Board: deaf{}, Division: func(string) string { return "" }})
	c := catalog.NewService(e)
	r := &fixture{Service: NewService(Deps{
		Self: self, DB: d, Clock: now, IDs: ids.Random{}, Queue: q, Outbox: o, Mailbox: peer.NewMailbox(d, q, nil, log, o, now, ids.Random{}), Catalog: c,
		Agreements: agreement.NewService(agreement.Deps{Cases: e, Queue: q, Catalog: c}),
		Board:      deaf{}, Members: func() []string { return members },
	})}
	r.post = map[string]func(context.Context, *db.Tx, *peer.Incoming, *message) error{
		KindProposed: r.onProposed, KindConsented: r.onConsented, KindDeclined: r.onDeclined, KindLeft: r.onLeft, KindVersion: r.onVersion, KindClosed: r.onClosed,
	}
	return r
}

func (r *fixture) authority() *identity.Session {
	return &identity.Session{Actor: "authority", Department: "11330000MY00000120", Division: "330000", Roles: []identity.Role{identity.Authority}}
}

// take puts a letter into the package's hands, as the post does: all of it or nothing.
func (r *fixture) receive(ctx context.Context, l *letter) error {
	in := &peer.Incoming{From: l.from, Body: l.body, Fact: seal.Fact{Time: noon(), Actor: seal.Actor{Department: l.department}}}
	return r.d.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error { return r.take(ctx, tx, in, r.post[l.kind]) })
}

// letters are those the package has queued since it was asked last.
func (r *fixture) letters(ctx context.Context, t fails) []letter {
	t.Helper()
	var rows []struct {
		Seq     int64
		Payload string
		Body    []byte
	}
	q := "SELECT j.seq, j.payload, o.body FROM queue_job j JOIN evidence_outbox o ON j.id = 'peer.send/' || o.id WHERE j.kind = 'peer.send' AND j.seq > ? ORDER BY j.seq"
	if err := r.d.DB.Read().NewRaw(q, r.read).Scan(ctx, &rows); err != nil {
		t.Fatal(err)
	}
	var out []letter
	for _, x := range rows {
		var m peer.Message
		if err := json.Unmarshal([]byte(x.Payload), &m); err != nil {
			t.Fatal(err)
		}
		r.read = x.Seq
		out = append(out, letter{from: r.d.Self, to: m.To, kind: m.Kind, department: m.Department, body: x.Body})
	}
	return out
}

func (r *fixture) at(ctx context.Context, t fails, id string) *Scheme {
	t.Helper()
	x, err := r.Get(ctx, db.System("test"), id)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// zone is a text that nothing is wrong with.
func zone(parties ...string) Text {
	return Text{
		Kind: Zone, Title: "企业服务共享", Parties: parties, Purposes: []string{"enterprise-service"}, Scope: "仅限窗口办理", MaxDays: 90, ValidUntil: noon().AddDate(1, 0, 0),
		Entries: []Entry{{
			Member: parties[0], Department: "11330000MY00000120", Resource: "330000/enterprise", Title: "企业登记信息", Fields: []string{"uscc", "name"},
			Modes: []policy.Mode{policy.ModeQuery}, ReviewBy: noon().AddDate(0, 6, 0),
		}},
	}
}

// packages are several members whose letters lie on a wire until somebody delivers them; those from one to another stay in
// order, as the post keeps them.
type packages struct {
	fails
	ctx  context.Context
	all  map[string]*fixture
	wire map[[2]string][]letter
}

func newRooms(t *testing.T, dsn func(*testing.T, string) string, members ...string) *packages {
	t.Helper()
	r := &packages{fails: t, ctx: t.Context(), all: map[string]*fixture{}, wire: map[[2]string][]letter{}}
	for _, m := range members {
		r.all[m] = newFixture(t, m, dsn(t, m), members...)
	}
	return r
}

func onSQLite(t *testing.T, member string) string {
	t.Helper()
	return filepath.Join(t.TempDir(), member+".db")
}

// onBoth runs a test on both databases.
func onBoth(t *testing.T, f func(*packages)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { f(newRooms(t, onSQLite, "a", "b", "c", "d")) })
	t.Run("postgres", func(t *testing.T) {
		f(newRooms(t, func(t *testing.T, _ string) string { return dbtest.Postgres(t) }, "a", "b", "c", "d"))
	})
}

// collect puts what the packages have written on the wire.
func (r *packages) collect() {
	r.Helper()
	for _, x := range r.all {
		for _, l := range x.letters(r.ctx, r) {
			way := [2]string{l.from, l.to}
			r.wire[way] = append(r.wire[way], l)
		}
	}
}

// ways are those on which something lies, in a fixed order.
func (r *packages) ways() [][2]string {
	r.Helper()
	r.collect()
	var out [][2]string
	for way, ls := range r.wire {
		if len(ls) > 0 {
			out = append(out, way)
		}
	}
	slices.SortFunc(out, func(a, b [2]string) int { return strings.Compare(a[0]+a[1], b[0]+b[1]) })
	return out
}

// deliver hands over the first letter of a way. One that came too early stays; one that was refused is gone.
func (r *packages) deliver(way [2]string) error {
	r.Helper()
	l := r.wire[way][0]
	err := r.all[l.to].receive(r.ctx, &l)
	if err != nil && errs.As(err).Kind == errs.Internal {
		r.Fatalf("%s from %s to %s: %v", l.kind, l.from, l.to, err)
	}
	if err == nil || errs.As(err).Kind != errs.Unavailable {
		r.wire[way] = r.wire[way][1:]
	}
	return err
}

// settle delivers everything; nothing is refused, and nothing waits for what never comes.
func (r *packages) settle() {
	r.Helper()
	for moved := true; moved; {
		moved = false
		for _, way := range r.ways() {
			err := r.deliver(way)
			if err == nil {
				moved = true
			} else if errs.As(err).Kind != errs.Unavailable {
				r.Fatalf("%s → %s: %v", way[0], way[1], err)
			}
		}
	}
	if left := r.ways(); len(left) > 0 {
		r.Fatalf("letters that nobody takes: %v", left)
	}
}

func (r *packages) propose(by string, t Text) *Scheme {
	r.Helper()
	x, err := r.all[by].Propose(r.ctx, r.all[by].authority(), t)
	if err != nil {
		r.Fatal(err)
	}
	return x
}

func (r *packages) consent(by, id string) {
	r.Helper()
	if _, err := r.all[by].Consent(r.ctx, r.all[by].authority(), id); err != nil {
		r.Fatalf("%s consents: %v", by, err)
	}
}

func (r *packages) decline(by, id string) {
	r.Helper()
	if _, err := r.all[by].Decline(r.ctx, r.all[by].authority(), id, "清单未核实"); err != nil {
		r.Fatalf("%s declines: %v", by, err)
	}
}

func (r *packages) leave(by, id string) {
	r.Helper()
	if _, err := r.all[by].Leave(r.ctx, r.all[by].authority(), id, "职能调整"); err != nil {
		r.Fatalf("%s leaves: %v", by, err)
	}
}

func (r *packages) at(member, id string) *Scheme { r.Helper(); return r.all[member].at(r.ctx, r, id) }

// founded is a zone's first version, in force at all its parties.
func (r *packages) founded(parties ...string) *Scheme {
	r.Helper()
	x := r.propose(parties[0], zone(parties...))
	r.settle()
	for _, m := range parties[1:] {
		r.consent(m, x.ID)
	}
	r.settle()
	r.agreed(x.ID, 1, parties...)
	return r.at(parties[0], x.ID)
}

// agreed demands one version and hash, and these parties, at each of them.
func (r *packages) agreed(id string, version int, parties ...string) {
	r.Helper()
	first := r.at(parties[0], id)
	for _, m := range parties {
		x := r.at(m, id)
		if x.State != InForce || x.Text.Version != version || x.Hash != first.Hash || !slices.Equal(x.Current().Parties, parties) {
			r.Fatalf("%s: %s version %d %.6s of %v, want version %d %.6s of %v", m, x.State, x.Text.Version, x.Hash, x.Current().Parties, version, first.Hash, parties)
		}
	}
}

func systemScope() db.Scope { return db.System("test") }

// told is a letter that a node with a program of its own might write.
func told(from, kind string, m message) *letter {
	m.V = messageVersion
	body, err := json.Marshal(m)
	if err != nil {
		return nil
	}
	return &letter{from: from, kind: kind, body: body}
}

// TestNext: what a next version begins with is for who may propose one, and what kind a scheme is of is the record's to say:
// an officer cannot propose a zone's next version, which would be the member's consent, by calling it something else.
func TestNext(t *testing.T) {
	r := newRooms(t, onSQLite, "a", "b")
	x := r.founded("a", "b")
	a, authority := r.all["a"], r.all["a"].authority()
	officer := &identity.Session{Actor: "officer", Department: x.Text.Entries[0].Department, Division: "330000", Roles: []identity.Role{identity.DataOfficer}}
	text, err := a.Next(t.Context(), authority, x.ID)
	if err != nil || text.Version != 2 || text.Prev != x.Hash || !slices.Equal(text.Parties, x.Text.Parties) || len(text.Entries) != 1 {
		t.Fatalf("%v %+v", err, text)
	}
	for _, k := range []Kind{Hub, Zone} {
		y := *text
		y.Kind = k
		if _, err := a.Propose(t.Context(), officer, y); errs.As(err).Code != "identity.role" {
			t.Errorf("an officer proposes the zone's next version as %s: %v", k, err)
		}
	}
	auditor := &identity.Session{Actor: "auditor", Roles: []identity.Role{identity.Auditor}}
	for who, sess := range map[string]*identity.Session{"officer": officer, "auditor": auditor} {
		if _, err := a.Next(t.Context(), sess, x.ID); errs.As(err).Code != "identity.role" {
			t.Errorf("%s: %v", who, err)
		}
	}
	r.propose("a", *text)
	if _, err := a.Next(t.Context(), authority, x.ID); errs.As(err).Code != "scheme.proposed" {
		t.Errorf("while one waits: %v", err)
	}
	if _, err := a.Next(t.Context(), authority, "none"); errs.As(err).Code != "scheme.no_such" {
		t.Errorf("none: %v", err)
	}
	// A draft that waits for its head is gone on with; a member that left is not in what a version begins with.
	draft := sound(PointToMany)
	draft.Title = "本部门的方案"
	d, err := a.Propose(t.Context(), officer, draft)
	if err != nil {
		t.Fatal(err)
	}
	if text, err = a.Next(t.Context(), officer, d.ID); err != nil || text.Version != 1 || text.Prev != "" || text.Title != draft.Title {
		t.Errorf("a draft: %v %+v", err, text)
	}
	if _, err := a.Next(t.Context(), authority, d.ID); errs.As(err).Code != "identity.role" {
		t.Errorf("the authority, of a department's scheme: %v", err)
	}
	stranger := *officer
	stranger.Department = "x"
	if _, err := a.Next(t.Context(), &stranger, d.ID); errs.As(err).Code != "scheme.no_such" {
		t.Errorf("another department: %v", err)
	}
	r.settle()
	r.consent("b", x.ID)
	r.settle()
	r.leave("b", x.ID)
	r.settle()
	if text, err = a.Next(t.Context(), authority, x.ID); err != nil || !slices.Equal(text.Parties, []string{"a"}) || text.Version != 3 {
		t.Errorf("after b left: %v %+v", err, text)
	}
	if _, err := r.all["b"].Next(t.Context(), r.all["b"].authority(), x.ID); errs.As(err).Code != "scheme.state" {
		t.Errorf("a member that left: %v", err)
	}
}
