package process_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kuayu/kuayu/internal/clock"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/dbtest"
	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/internal/ids"
	"github.com/kuayu/kuayu/internal/queue"
	"github.com/kuayu/kuayu/support/evidence"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/process"
	"github.com/kuayu/kuayu/support/seal"
)

// leave is a made-up kind of case: somebody asks, somebody else grants or refuses.
type leave struct {
	process.Case
	Days int    `json:"days"`
	Why  string `json:"why,omitempty"`
}

type leaveDays struct {
	Days int `json:"days"`
}

var (
	errState  = errs.Define(errs.Conflict, "test.state", "%v %v", "%v %v")
	errReason = errs.Define(errs.Invalid, "test.reason", "理由", "reason")
	errOther  = errs.Define(errs.Denied, "test.other", "两人", "two")
	errNone   = errs.Define(errs.NotFound, "test.none", "无", "none")
	errDays   = errs.Define(errs.Invalid, "test.days", "天数", "days")
)

func leaves() process.Def[leave] {
	say := process.Say
	return process.Def[leave]{
		Table: process.Table{
			Kind: "leave", Words: say("请假", "leave"),
			States: []process.StateRow{
				{State: "ASKED", Words: say("待批", "asked"), Waits: process.Waits("", identity.OfficeHead)},
				{State: "GRANTED", Words: say("已批", "granted"), Final: true},
				{State: "REFUSED", Words: say("未批", "refused"), Final: true},
			},
			Events: []process.EventRow{
				{Event: "ask", Words: say("申请", "ask"), By: process.At("", identity.DataOfficer, identity.OfficeHead), Silent: "a test"},
				{Event: "lengthen", Words: say("延长", "lengthen"), By: process.At("", identity.DataOfficer), Silent: "a test"},
				{Event: "grant", Words: say("批准", "grant"), By: process.At("", identity.OfficeHead), Other: []process.Event{"ask"}, Silent: "a test"},
				{Event: "refuse", Words: say("不批", "refuse"), By: process.At("", identity.OfficeHead), Reason: true, Silent: "a test"},
			},
			Moves: []process.Move{
				{From: []process.State{""}, On: "ask", To: "ASKED"},
				{From: []process.State{"ASKED"}, On: "lengthen", Once: true},
				{From: []process.State{"ASKED"}, On: "grant", To: "GRANTED"},
				{From: []process.State{"ASKED"}, On: "refuse", To: "REFUSED"},
			},
			Refused: process.Refusals{
				State:  func(_ *process.Table, s process.State, e process.Event) error { return errState.With(s, e) },
				Reason: func() error { return errReason.With() }, Other: func() error { return errOther.With() }, NoSuch: func() error { return errNone.With() },
			},
		}.Build(),
		Case: func(l *leave) *process.Case { return &l.Case },
		Does: map[process.Event]process.Does[leave]{
			"lengthen": process.Saying(func(_ *leave, _ *process.Act, x *leaveDays) error {
				if x.Days < 1 {
					return errDays.With()
				}
				return nil
			}, func(l *leave, _ *process.Act, x *leaveDays) { l.Days += x.Days }),
			"refuse": {Change: func(l *leave, a *process.Act) { l.Why = a.Note }},
		},
		Format: 2,
		Upgrade: func(_ int, doc json.RawMessage) (json.RawMessage, error) { // format 1 said weeks
			var old map[string]any
			if err := json.Unmarshal(doc, &old); err != nil {
				return nil, err
			}
			if w, ok := old["weeks"].(float64); ok {
				old["days"] = w * 7
				delete(old, "weeks")
			}
			return json.Marshal(old)
		},
	}
}

type office struct {
	t      testing.TB
	engine *process.Engine
	kind   *process.Kind[leave]
	d      *db.DB
	clock  *clock.Manual
}

func newOffice(t testing.TB, dsn string) *office {
	t.Helper()
	ctx := context.Background()
	d, err := db.Open(ctx, dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	for _, m := range []func(context.Context, *db.DB) error{queue.Migrate, evidence.Migrate, process.Migrate} {
		if err := m(ctx, d); err != nil {
			t.Fatal(err)
		}
	}
	key, err := seal.GenerateKey(seal.Ed25519SHA256)
	if err != nil {
		t.Fatal(err)
	}
	now := clock.NewManual(time.Date(2026, 3, 2, 2, 0, 0, 0, time.UTC))
	log, err := evidence.OpenLog(evidence.Config{Dir: t.TempDir(), Key: key, Log: seal.Log{Node: "zhejiang", Instance: "1", Epoch: 1}, SegmentBytes: 1 << 20, Clock: now})
	if err != nil {
		t.Fatal(err)
	}
	o := evidence.NewOutbox(d, log, queue.New(d, now, slog.New(slog.DiscardHandler)))
	e := process.NewEngine(process.Deps{Self: "zhejiang", DB: d, Clock: now, IDs: ids.Random{}, Outbox: o})
	k := process.Open(e, leaves(), process.Hooks[leave]{Index: func(l *leave) process.Index { return process.Index{Title: "请假 " + l.Why} }})
	return &office{t, e, k, d, now}
}

func who(department, actor string, roles ...identity.Role) *identity.Session {
	return &identity.Session{Actor: actor, Department: department, Division: "330000", Roles: roles}
}

func (o *office) ask(sess *identity.Session) *leave {
	o.t.Helper()
	l := &leave{Case: process.Case{Department: sess.Department}, Days: 2}
	err := o.d.Write(context.Background(), func(ctx context.Context, tx *db.Tx) error {
		return o.kind.Begin(ctx, tx, sess, l, "ask", process.Given{})
	})
	if err != nil {
		o.t.Fatal(err)
	}
	return l
}

func onBoth(t *testing.T, f func(*testing.T, *office)) {
	t.Helper()
	for name, dsn := range map[string]func(*testing.T) string{
		"sqlite":   func(t *testing.T) string { return filepath.Join(t.TempDir(), "records.db") },
		"postgres": func(t *testing.T) string { return dbtest.Postgres(t) },
	} {
		t.Run(name, func(t *testing.T) { f(t, newOffice(t, dsn(t))) })
	}
}

// TestKernel: who may, two people, reasons, what an event takes, what is found, and that a refusal leaves nothing.
func TestKernel(t *testing.T) {
	onBoth(t, func(t *testing.T, o *office) {
		ctx := t.Context()
		officer, head, stranger := who("A", "甲", identity.DataOfficer), who("A", "乙", identity.OfficeHead), who("B", "丙", identity.OfficeHead)
		l := o.ask(officer)
		act := func(sess *identity.Session, ref string, e process.Event, note, said string) error {
			_, err := o.engine.Act(ctx, sess, ref, e, note, json.RawMessage(said))
			return err
		}
		for name, c := range map[string]struct {
			err  error
			want error
		}{
			"another department": {act(stranger, l.ID, "grant", "", ""), process.ErrNoSuch},
			"the wrong role":     {act(officer, l.ID, "grant", "", ""), identity.ErrRole},
			"no reason":          {act(head, l.ID, "refuse", " ", ""), errReason},
			"no such event":      {act(head, l.ID, "burn", "", ""), process.ErrEvent},
			"nothing to be said": {act(head, l.ID, "grant", "", `{"days":1}`), process.ErrArgs},
			"no such kind":       {listed(o.engine.List(ctx, head.Scope(), process.Filter{Kind: "burn"})), process.ErrKind},
			"no to-dos of it":    {listed(o.engine.Todos(ctx, head, process.Filter{Kind: "burn"})), process.ErrKind},
			"a guard":            {act(officer, l.ID, "lengthen", "", `{"days":0}`), errDays},
			"a long note":        {act(head, l.ID, "grant", strings.Repeat("x", process.MaxNote+1), ""), process.ErrNote},
		} {
			if !errors.Is(c.err, c.want) {
				t.Errorf("%s: %v, want %v", name, c.err, c.want)
			}
		}
		if err := act(head, l.ID, "burn", "", ""); strings.ContainsAny(err.Error(), "[]") || !strings.Contains(err.Error(), "grant, ") {
			t.Errorf("the events are not listed for people: %v", err)
		}
		if err := act(officer, l.ID, "lengthen", "", `{"days":1,"admin":true}`); errs.As(err).Kind != errs.Invalid {
			t.Errorf("an unknown member: %v", err)
		}
		if err := act(officer, process.ShowNumber(l.Number), "lengthen", "", `{"days":3}`); err != nil {
			t.Fatal(err)
		}
		if err := act(officer, l.ID, "lengthen", "", `{"days":3}`); !errors.Is(err, errState) {
			t.Errorf("a second time: %v", err)
		}
		v, err := o.engine.Show(ctx, head.Scope(), l.Number)
		if err != nil || len(v.History) != 2 || v.Number != l.Number || !slices.Equal(v.Events, []process.Event{"grant", "refuse"}) {
			t.Fatalf("%+v %v", v, err)
		}
		both := who("A", "丁", identity.DataOfficer, identity.OfficeHead)
		own := o.ask(both)
		if err := act(both, own.ID, "grant", "", ""); !errors.Is(err, errOther) {
			t.Errorf("one officer does both: %v", err)
		}
		if err := act(head, own.ID, "grant", "", ""); err != nil {
			t.Error(err)
		}
	})
}

func listed(_ []process.Summary, err error) error { return err }

// TestTodos: a case is a to-do of those whose turn it is from the event that makes it so to the one that ends it, and of
// nobody else; the earliest deadline comes first.
func TestTodos(t *testing.T) {
	onBoth(t, func(t *testing.T, o *office) {
		ctx := t.Context()
		officer, head := who("A", "甲", identity.DataOfficer), who("A", "乙", identity.OfficeHead)
		first, second := o.ask(officer), o.ask(officer)
		o.ask(who("B", "丙", identity.DataOfficer))
		if err := o.d.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			return o.engine.SetDue(ctx, tx, "leave/"+second.ID, "A", o.clock.Now().Add(time.Hour))
		}); err != nil {
			t.Fatal(err)
		}
		list := func(sess *identity.Session) []string {
			t.Helper()
			got, err := o.engine.Todos(ctx, sess, process.Filter{})
			if err != nil {
				t.Fatal(err)
			}
			out := []string{}
			for _, x := range got {
				out = append(out, x.ID)
			}
			return out
		}
		if got := list(head); !slices.Equal(got, []string{second.ID, first.ID}) {
			t.Errorf("%v, want %v", got, []string{second.ID, first.ID})
		}
		if got := list(officer); len(got) != 0 {
			t.Errorf("the officer has %v", got)
		}
		if _, err := o.engine.Act(ctx, head, first.ID, "refuse", "人手不足", nil); err != nil {
			t.Fatal(err)
		}
		if got := list(head); !slices.Equal(got, []string{second.ID}) {
			t.Errorf("after the decision %v", got)
		}
		found, err := o.engine.List(ctx, head.Scope(), process.Filter{Word: "人手"})
		if err != nil || len(found) != 1 || found[0].ID != first.ID {
			t.Errorf("by a word: %v %v", found, err)
		}
	})
}

// TestOldFormat: a document stored in an older format is read by this version, and written in the new one.
func TestOldFormat(t *testing.T) {
	onBoth(t, func(t *testing.T, o *office) {
		ctx := t.Context()
		l := o.ask(who("A", "甲", identity.DataOfficer))
		if err := o.d.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.NewRaw("UPDATE process_case SET format = 1, doc = ? WHERE id = ?", `{"id":"`+l.ID+`","number":"`+l.Number+`","state":"ASKED","department":"A","weeks":2}`, l.ID).Exec(ctx)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		got, err := o.kind.Get(ctx, o.d.Read(), db.System("test"), process.Query{ID: l.ID})
		if err != nil || got.Days != 14 {
			t.Fatalf("%+v %v", got, err)
		}
		if _, err := o.engine.Act(ctx, who("A", "乙", identity.OfficeHead), l.ID, "grant", "", nil); err != nil {
			t.Fatal(err)
		}
		var format int
		if err := o.d.Read().NewRaw("SELECT format FROM process_case WHERE id = ?", l.ID).Scan(ctx, &format); err != nil || format != 2 {
			t.Errorf("format %d %v", format, err)
		}
	})
}

// TestMessageVersions: the golden message of version 1 is read; one of a newer version that adds a field is read without
// it, and in this version an unknown field is refused.
func TestMessageVersions(t *testing.T) {
	golden, err := os.ReadFile(filepath.Join("testdata", "wire", "message.v1.json"))
	if err != nil {
		t.Fatal(err)
	}
	m, err := process.DecodeMessage(golden, "escalate")
	if err != nil || m.Case != "01900000-0000-7000-8000-000000000001" || m.Note != "协商不成" {
		t.Fatalf("%+v %v", m, err)
	}
	b, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	var want, got any
	if err := errors.Join(json.Unmarshal(golden, &want), json.Unmarshal(b, &got)); err != nil {
		t.Fatal(err)
	}
	w, _ := json.Marshal(want)
	g, _ := json.Marshal(got)
	if string(w) != string(g) {
		t.Errorf("written %s, golden %s", g, w)
	}
	newer := strings.Replace(string(golden), `"v": 1`, `"v": 2, "urgent": true`, 1)
	if m, err := process.DecodeMessage([]byte(newer), "escalate"); err != nil || m.Version != 2 {
		t.Errorf("a newer version: %+v %v", m, err)
	}
	for name, bad := range map[string]string{
		"an unknown field":  strings.Replace(string(golden), `"v": 1`, `"v": 1, "urgent": true`, 1),
		"no version":        strings.Replace(string(golden), `"v": 1`, `"v": 0`, 1),
		"another event":     strings.Replace(string(golden), `"escalate"`, `"rule"`, 1),
		"a wrong number":    strings.Replace(string(golden), m.Number, "000000000000", 1),
		"no case":           strings.Replace(string(golden), m.Case, "", 1),
		"something follows": string(golden) + "{}",
	} {
		if _, err := process.DecodeMessage([]byte(bad), "escalate"); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

func FuzzDecodeMessage(f *testing.F) {
	f.Add([]byte(`{"v":1,"case":"x","number":"264837291546","event":"e","to":"S"}`))
	f.Fuzz(func(_ *testing.T, b []byte) { _, _ = process.DecodeMessage(b, "e") })
}

// BenchmarkStep is the cost of a step of a case that has two hundred behind it.
func BenchmarkStep(b *testing.B) {
	o := newOffice(b, filepath.Join(b.TempDir(), "records.db"))
	officer := who("A", "甲", identity.DataOfficer)
	l := o.ask(officer)
	for b.Loop() {
		if err := o.d.Write(b.Context(), func(ctx context.Context, tx *db.Tx) error {
			l.Done = nil
			return o.kind.Take(ctx, tx, l, &process.Act{Event: "lengthen", Args: &leaveDays{1}})
		}); err != nil {
			b.Fatal(err)
		}
	}
}
