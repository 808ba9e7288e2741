package deadline

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/kuayu/kuayu/internal/clock"
	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/internal/workday"
)

func at(s string) time.Time {
	t, err := time.ParseInLocation("2006-01-02 15:04", s, clock.China())
	if err != nil {
		panic(err)
	}
	return t
}

func engine() Engine { return Engine{Calendar: workday.Builtin()} }

func matter(when string) Case {
	return Case{Subject: "negotiation/1", Department: "A", At: at(when)}
}

func start(id ID) Action { return Action{Do: Start, Clock: id} }

func started(t *testing.T, c Case, id ID) Deadline {
	t.Helper()
	r, err := engine().Apply(nil, c, start(id))
	if err != nil || len(r.Changed) != 1 {
		t.Fatalf("%s: %+v %v", id, r, err)
	}
	return r.Changed[0]
}

// TestStatute: the figures of rules of the Decree, the arts. 39–41 code of each clock, and the last day of each for one
// receipt on Monday 2 March 2026.
func TestStatute(t *testing.T) {
	for _, x := range []struct {
		id                     ID
		article, days, ext, yr int
		actor                  Role
		code                   Code
		due                    string
	}{
		{D1, 17, 10, 5, 0, Provider, P1, "2026-03-16"},
		{D2, 17, 2, 0, 0, Authority, A3, "2026-03-04"},
		{D3, 21, 1, 10, 0, Provider, P4, "2026-03-03"},
		{D4, 21, 10, 10, 0, Provider, P4, "2026-03-16"},
		{D6, 22, 20, 0, 0, Provider, P4, "2026-03-30"},
		{D7, 26, 10, 0, 0, Provider, P6, "2026-03-16"},
		{D8, 29, 0, 0, 3, Applicant, "", "2029-03-02"},
		{D9, 12, 0, 0, 3, Provider, "", "2029-03-02"},
	} {
		r, err := RuleOf(x.id)
		if err != nil || r.Article != x.article || r.Days != x.days || r.Extension != x.ext || r.Years != x.yr || r.Actor != x.actor || r.Code != x.code {
			t.Errorf("%s: %+v %v", x.id, r, err)
		}
		if (r.Extension > 0) != (r.Consent == Authority) {
			t.Errorf("%s: an extension needs the authority's consent", x.id)
		}
		if k := started(t, matter("2026-03-02 10:00"), x.id); k.DueDay() != x.due || !k.Certain || k.Responsible != x.actor {
			t.Errorf("%s: %+v", x.id, k)
		}
	}
	if _, err := engine().Apply(nil, matter("2026-03-02 10:00"), start(D5)); !errors.Is(err, ErrClock) {
		t.Error("D5 runs on its own: ", err)
	}
	if _, err := RuleOf("D10"); !errors.Is(err, ErrClock) {
		t.Error(err)
	}
	seen := map[Code]bool{}
	for _, o := range Offences() {
		if seen[o.Code] || o.Zh == "" || o.En == "" || (o.Article == 39) != (o.Code[0] == 'P') || (o.Article == 40) != (o.Code[0] == 'R') {
			t.Errorf("%+v", o)
		}
		seen[o.Code] = true
	}
	if len(seen) != 19 { // 9, 7 and 3 of them
		t.Error(len(seen))
	}
}

// TestReceipt: whenever in the day, and on days off.
func TestReceipt(t *testing.T) {
	for _, x := range []struct{ at, due string }{
		{"2026-03-02 00:00", "2026-03-03"},
		{"2026-03-02 23:59", "2026-03-03"},
		{"2026-03-06 17:00", "2026-03-09"}, // Friday
		{"2026-03-07 10:00", "2026-03-09"}, // Saturday: Monday is day one
		{"2026-02-13 10:00", "2026-02-14"}, // a worked Saturday
		{"2026-02-14 10:00", "2026-02-24"},
		{"2026-02-18 10:00", "2026-02-24"},
	} {
		k := started(t, matter(x.at), D3)
		if k.DueDay() != x.due || !k.Due.Equal(workday.EndOfDay(at(x.due+" 12:00"))) {
			t.Errorf("%s: %s %v, want %s", x.at, k.DueDay(), k.Due, x.due)
		}
	}
	// The date is that of China, whatever the zone of the value.
	c := matter("2026-03-02 10:00")
	c.At = time.Date(2026, 3, 2, 17, 0, 0, 0, time.UTC) // 3 March, 1 o'clock
	if k := started(t, c, D3); k.DueDay() != "2026-03-04" {
		t.Error(k.DueDay())
	}
}

// TestDaysUntil: a period named by its last date.
func TestDaysUntil(t *testing.T) {
	for by, want := range map[string]string{
		"2026-03-06": "2026-03-06", "2026-03-07": "2026-03-09", "2026-03-08": "2026-03-09", "2026-03-09": "2026-03-09",
		"2026-03-02": "2026-03-03", "2026-03-01": "2026-03-03", // today or earlier: one day
	} {
		c := matter("2026-03-02 10:00")
		c.Days = engine().DaysUntil(c.At, at(by+" 18:00"))
		if k := started(t, c, Rectification); k.DueDay() != want {
			t.Errorf("by %s: %s, want %s", by, k.DueDay(), want)
		}
	}
}

func TestFreeClocks(t *testing.T) {
	c := matter("2026-03-02 10:00")
	for _, id := range []ID{FirstApproval, Dispute, Disposal, Rectification} {
		if r, err := engine().Apply(nil, c, start(id)); err != nil || len(r.Changed) != 0 {
			t.Errorf("%s runs though nobody named a period: %+v %v", id, r, err)
		}
		c.Days = 3
		if k := started(t, c, id); k.DueDay() != "2026-03-05" {
			t.Error(id, k.DueDay())
		}
		c.Days = maxFreeDays + 1
		if _, err := engine().Apply(nil, c, start(id)); !errors.Is(err, ErrFigure) {
			t.Error(id, err)
		}
		c.Days = 0
		c.Profile = &Profile{Name: "x", Clocks: map[ID]Period{id: {Days: 5}}}
		if k := started(t, c, id); k.DueDay() != "2026-03-09" || k.Profile != "x" {
			t.Error(id, k)
		}
		c.Days = 6 // an order looser than the region
		if _, err := engine().Apply(nil, c, start(id)); !errors.Is(err, ErrFigure) {
			t.Error(id, err)
		}
		c.Days, c.Profile = 0, nil
	}
	c.Days = 30 // no say where the law has one
	if k := started(t, c, D4); k.DueDay() != "2026-03-16" {
		t.Error(k.DueDay())
	}
	for _, bad := range []Case{{Department: "A", At: c.At}, {Subject: "s", At: c.At}, {Subject: "s", Department: "A"}, {Subject: strings.Repeat("s", 201), Department: "A", At: c.At}} {
		if _, err := engine().Apply(nil, bad, start(D4)); !errors.Is(err, ErrSubject) {
			t.Error(bad, err)
		}
	}
}

// TestKeeper: records are kept by whom the law names: at the other end no clock runs.
func TestKeeper(t *testing.T) {
	c := matter("2026-03-02 10:00")
	for _, x := range []struct {
		end  Role
		want []ID
	}{{Applicant, []ID{D8}}, {Provider, []ID{D9}}, {"", []ID{D8, D9}}} {
		c.End = x.end
		r, err := engine().Apply(nil, c, start(D8), start(D9))
		var got []ID
		for _, k := range r.Changed {
			got = append(got, k.Clock)
		}
		if err != nil || !slices.Equal(got, x.want) {
			t.Error(x.end, got, err)
		}
	}
}

// TestWatch: the applicant's node waits for news that travel. It tells its own people, accuses nobody, and takes an answer
// given in time for what it is, however late it hears of it.
func TestWatch(t *testing.T) {
	e, c := engine(), matter("2026-03-02 10:00")
	c.End = Applicant
	k := started(t, c, D4)
	if m := e.Moments(&k); len(m) != 1 || m[0].Kind != RanOut {
		t.Fatal(m)
	}
	r := e.Tick(k, at("2026-03-17 00:00"))
	if len(r.Violations) != 0 || len(r.Notices) != 1 || r.Notices[0].To != Applicant || r.Changed[0].Late.IsZero() {
		t.Fatalf("%+v", r)
	}
	for when, want := range map[string]Outcome{"2026-03-16 23:59": Met, "2026-03-17 00:00": Overdue} {
		if end, err := e.Apply(r.Changed, matter(when), Action{Do: Stop, Clock: D4}); err != nil || end.Changed[0].Outcome != want || len(end.Violations) != 0 {
			t.Errorf("%s: %+v %v", when, end, err)
		}
	}
	longer := Case{Subject: c.Subject, Department: c.Department, End: Applicant, At: at("2026-03-16 20:00"), Days: 5, Consent: "x"}
	if more, err := e.Apply(r.Changed, longer, Action{Do: Extend, Clock: D4}); err != nil || !more.Changed[0].Late.IsZero() || more.Changed[0].DueDay() != "2026-03-23" {
		t.Errorf("%+v %v", more, err)
	}
	longer.At = at("2026-03-17 08:00") // consented in time, heard of after the end
	if more, err := e.Apply(r.Changed, longer, Action{Do: Extend, Clock: D4}); err != nil || more.Changed[0].DueDay() != "2026-03-23" {
		t.Errorf("%+v %v", more, err)
	}
	ordered := c
	ordered.Days, ordered.Profile = 90, &Profile{Name: "x", Clocks: map[ID]Period{Rectification: {Days: 5}}}
	if k := started(t, ordered, Rectification); k.Days != 90 {
		t.Error(k.Days)
	}
	longer.Days = 11 // a provider that allows itself more than the law does
	if _, err := e.Apply(r.Changed, longer, Action{Do: Extend, Clock: D4}); !errors.Is(err, ErrExtension) {
		t.Error(err)
	}
	if none, err := e.Apply(nil, longer, Action{Do: Extend, Clock: D4}); err != nil || len(none.Changed) != 0 {
		t.Error(none, err)
	}
}

// TestApply: the same receipt twice is one clock; clocks that do not run are passed over but for an extension; an act that
// is refused changes nothing, not even what it was given.
func TestApply(t *testing.T) {
	e, c := engine(), matter("2026-03-02 10:00")
	k := started(t, c, D4)
	if r, err := e.Apply([]Deadline{k}, c, start(D4)); err != nil || len(r.Changed) != 0 {
		t.Error(r, err)
	}
	for _, op := range []Op{Stop, Void, Pause, Resume} {
		if r, err := e.Apply([]Deadline{k}, c, Action{Do: op, Clock: D6}); err != nil || len(r.Changed) != 0 {
			t.Error(op, r, err)
		}
	}
	if _, err := e.Apply([]Deadline{k}, c, Action{Do: Extend, Clock: D6}); !errors.Is(err, ErrNoRunning) {
		t.Error(err)
	}
	before, err := json.Marshal(k)
	if err != nil {
		t.Fatal(err)
	}
	later := matter("2026-03-04 10:00")
	later.Days = 99
	if _, err := e.Apply([]Deadline{k}, later, Action{Do: Pause, Clock: D4, Wait: Supplement}, Action{Do: Extend, Clock: D4}); !errors.Is(err, ErrExtension) {
		t.Error(err)
	}
	after, err := json.Marshal(k)
	if err != nil || string(before) != string(after) {
		t.Errorf("a refused act changed its clock: %s (%v)", after, err)
	}
	r, err := e.Apply([]Deadline{k}, later, Action{Do: Stop, Clock: D4}, start(D6))
	if err != nil || len(r.Changed) != 2 || r.Changed[0].Outcome != Met || r.Changed[1].Clock != D6 {
		t.Error(r, err)
	}
	// A clock that ended can start again, for the same matter.
	if r, err := e.Apply(r.Changed[:1], later, start(D4)); err != nil || len(r.Changed) != 1 || !r.Changed[0].Open() {
		t.Error(r, err)
	}
}

// TestLateWithoutATick: whoever acts late is late even if no timer had woken up before.
func TestLateWithoutATick(t *testing.T) {
	e, k := engine(), started(t, matter("2026-03-02 10:00"), D3)
	for _, op := range []Op{Stop, Void} {
		for _, x := range []struct {
			at   string
			want Outcome
		}{{"2026-03-03 23:59", Met}, {"2026-03-04 00:00", Overdue}} {
			r, err := e.Apply([]Deadline{k}, matter(x.at), Action{Do: op, Clock: D3})
			want := x.want
			if op == Void && want == Met {
				want = Voided
			}
			if err != nil || r.Changed[0].Outcome != want || (len(r.Violations) == 1) != (want == Overdue) {
				t.Errorf("%s at %s: %+v %v", op, x.at, r, err)
			}
		}
	}
	// While the applicant owes a supplement the days run on, and the violation says so.
	waiting, err := e.Apply([]Deadline{k}, matter("2026-03-02 11:00"), Action{Do: Pause, Clock: D3, Wait: Supplement})
	if err != nil {
		t.Fatal(err)
	}
	r := e.Tick(waiting.Changed[0], at("2026-03-04 00:00"))
	if len(r.Violations) != 1 || r.Violations[0].Note != "waiting: supplement" || r.Violations[0].By != Provider || r.Violations[0].Clock.Clock != D3 {
		t.Errorf("%+v", r.Violations)
	}
}

// TestMissedReminders: after a long sleep only what matters now is said, and nothing twice.
func TestMissedReminders(t *testing.T) {
	e, k := engine(), started(t, matter("2026-03-02 10:00"), D4)
	r := e.Tick(k, at("2026-03-16 12:00"))
	if len(r.Notices) != 1 || r.Notices[0].Kind != Today {
		t.Fatalf("%+v", r.Notices)
	}
	k = r.Changed[0]
	if again := e.Tick(k, at("2026-03-16 12:00")); len(again.Changed)+len(again.Notices) != 0 {
		t.Errorf("%+v", again)
	}
	if m, ok := e.Next(&k); !ok || m.Kind != RanOut || !m.At.Equal(k.Due) {
		t.Error(m, ok)
	}
	r = e.Tick(k, at("2026-05-01 00:00"))
	if len(r.Violations) != 1 || !r.Violations[0].At.Equal(k.Due) || len(r.Notices) != 2 || r.Changed[0].Outcome != Running {
		t.Errorf("%+v", r)
	}
	if _, ok := e.Next(&r.Changed[0]); ok {
		t.Error("something is left to say")
	}
}

func TestNewNotice(t *testing.T) {
	e, k := engine(), started(t, matter("2026-12-21 10:00"), D4)
	if k.Certain || k.DueDay() != "2027-01-04" {
		t.Fatal(k.DueDay(), k.Certain)
	}
	if r := e.Tick(k, at("2027-01-05 00:00")); len(r.Violations) != 1 || !r.Violations[0].Provisional {
		t.Errorf("%+v", r.Violations)
	}
	c, err := workday.Builtin().Import(strings.NewReader("notice,date,kind,name\n2027,2027-01-01,off,元旦\n"))
	if err != nil {
		t.Fatal(err)
	}
	again, changed, err := Engine{Calendar: c}.Redate(k)
	if err != nil || !changed || again.DueDay() != "2027-01-05" || !again.Certain {
		t.Error(again, changed, err)
	}
	if _, changed, err := e.Redate(k); changed || err != nil {
		t.Error(changed, err)
	}
}

func TestProfiles(t *testing.T) {
	for in, want := range map[string]*errs.Def{
		`{"name":"x","clocks":{"D4":{"days":15}}}`:               ErrLooser,
		`{"name":"x","clocks":{"D2":{"extension":1}}}`:           ErrLooser,
		`{"name":"x","clocks":{"D1":{"extension":6}}}`:           ErrLooser,
		`{"name":"x","clocks":{"D5":{"days":11}}}`:               ErrLooser,
		`{"name":"x","clocks":{"D8":{"years":2}}}`:               ErrLooser,
		`{"name":"x","clocks":{"D9":{"years":1}}}`:               ErrLooser,
		`{"name":"x","clocks":{"D8":{"days":900}}}`:              ErrProfile,
		`{"name":"x","clocks":{"D4":{"years":1}}}`:               ErrProfile,
		`{"name":"x","clocks":{"D4":{"days":-1}}}`:               ErrProfile,
		`{"name":"x","clocks":{"D8":{"years":101}}}`:             ErrProfile,
		`{"name":"x","clocks":{"dispute":{"days":751}}}`:         ErrFigure,
		`{"name":"x","clocks":{"dispute":{"extension":1}}}`:      ErrProfile,
		`{"name":"x","clocks":{"D10":{"days":1}}}`:               ErrClock,
		`{"name":"x","division":"33"}`:                           ErrProfile,
		`{"name":"x","stops_while":["lunch"]}`:                   ErrProfile,
		`{"name":"x","stops_while":["counter_offer"]}`:           ErrProfile,
		`{"name":"x","stops_while":["supplement","supplement"]}`: ErrProfile,
		`{}`: ErrProfile,
		`{"name":"x","clocks":{"D4":{"days":10,"extension":10}}}`:                 nil,
		`{"name":"x","clocks":{"D4":{"days":5,"extension":0}}}`:                   nil,
		`{"name":"x","clocks":{"D8":{"years":5},"dispute":{"days":20}}}`:          nil,
		`{"name":"x","stops_while":["supplement"],"source":"地方规定第五条"}`:            nil,
		`{"name":"` + strings.Repeat("x", 129) + `"}`:                             ErrProfile,
		`{"name":"x","source":"` + strings.Repeat("x", maxProfile) + `"}`:         ErrProfile,
		`{"name":"x","division":"330000","clocks":{"first_approval":{"days":5}}}`: nil,
	} {
		_, err := ParseProfile([]byte(in))
		if want == nil && err != nil || want != nil && !errors.Is(err, want) {
			t.Errorf("%.80s: %v", in, err)
		}
	}
	if _, err := ParseProfile([]byte(`{"name":"x","speed":1}`)); err == nil {
		t.Error("an unknown member passed")
	}
	_, err := ParseProfile([]byte(`{"name":"x","clocks":{"D4":{"days":15}}}`))
	e := errs.As(err)
	if !strings.Contains(e.En, "D4 has working days 15, the law says 10 (Decree 809 art. 21)") || !strings.Contains(e.Zh, "D4 的工作日数为 15，法规为 10") {
		t.Error(e.En, e.Zh)
	}
	five, zero := 5, 0
	p := &Profile{Name: "x", Clocks: map[ID]Period{D5: {Days: 4}, D4: {Extension: &five}, D1: {Extension: &zero}}}
	for id, want := range map[ID]int{D3: 4, D4: 4, D1: 0} {
		if r, err := p.Rule(id); err != nil || r.Extension != want {
			t.Error(id, r.Extension, err)
		}
	}
	all := Profiles{{Name: "province", Division: "330000"}, {Name: "city", Division: "330100"}, {Name: "other", Division: "310000"}}
	for div, want := range map[string]string{"330106": "city", "330100": "city", "330200": "province", "330000": "province", "320000": "809", "": "809"} {
		if got := all.For(div).Title(); got != want {
			t.Errorf("%s: %s, want %s", div, got, want)
		}
	}
	if got := append(all, &Profile{Name: "all"}).For("320000").Title(); got != "all" {
		t.Error(got)
	}
}

// drawProfile makes a profile that the law allows.
func drawProfile(t *rapid.T, name string) *Profile {
	p := &Profile{Name: name, Clocks: map[ID]Period{}}
	for _, r := range Statute() {
		var q Period
		switch {
		case r.Years > 0:
			q.Years = rapid.SampledFrom([]int{0, r.Years, r.Years + 2}).Draw(t, name+" years")
		case r.Fixed():
			q.Days = rapid.IntRange(0, r.Days).Draw(t, name+" days")
			if x := rapid.IntRange(-1, r.Extension).Draw(t, name+" extension"); x >= 0 {
				q.Extension = &x
			}
		default:
			q.Days = rapid.IntRange(0, 30).Draw(t, name+" free")
		}
		p.Clocks[r.ID] = q
	}
	return p
}

// TestLaws: a due date is always a working day and after the start; no profile that passes the check gives a later one
// than the law, with the longest extension either; a violation comes exactly when the clock ends at or after its due time.
func TestLaws(t *testing.T) {
	e := engine()
	rapid.Check(t, func(t *rapid.T) {
		p := drawProfile(t, "p")
		if err := p.Check(); err != nil {
			t.Fatal(err)
		}
		id := rapid.SampledFrom([]ID{D1, D2, D3, D4, D6, D7}).Draw(t, "clock")
		c := matter("2025-12-01 00:00")
		c.At = c.At.Add(time.Duration(rapid.IntRange(0, 500*24*60).Draw(t, "minutes")) * time.Minute)
		law, err := e.Apply(nil, c, start(id))
		if err != nil {
			t.Fatal(err)
		}
		c.Profile = p
		own, err := e.Apply(nil, c, start(id))
		if err != nil {
			t.Fatal(err)
		}
		l, o := law.Changed[0], own.Changed[0]
		for _, k := range []*Deadline{&l, &o} {
			x := Case{Subject: c.Subject, Department: "A", At: c.At, Days: k.Most, Consent: "x"}
			if k.Most > 0 {
				r, err := e.Apply([]Deadline{*k}, x, Action{Do: Extend, Clock: id})
				if err != nil {
					t.Fatal(err)
				}
				*k = r.Changed[0]
			}
			if w, _ := e.Calendar.IsWorkday(k.Due.Add(-time.Second)); !w || !k.Due.After(c.At) {
				t.Fatalf("due on %s", k.DueDay())
			}
		}
		if o.Due.After(l.Due) || law.Changed[0].Due.Before(own.Changed[0].Due) {
			t.Fatalf("stricter is later: %s after %s", o.DueDay(), l.DueDay())
		}
		c.At = o.Due.Add(time.Duration(rapid.IntRange(-3600, 3600).Draw(t, "seconds")) * time.Second)
		r, err := e.Apply([]Deadline{o}, c, Action{Do: Stop, Clock: id})
		if err != nil {
			t.Fatal(err)
		}
		late := !c.At.Before(o.Due)
		if (r.Changed[0].Outcome == Overdue) != late || len(r.Violations) != number(late) {
			t.Fatalf("%v: %+v", late, r)
		}
	})
}

// TestPauses: time that stands still adds exactly its working days, time that does not adds none.
func TestPauses(t *testing.T) {
	e := engine()
	rapid.Check(t, func(t *rapid.T) {
		c := matter("2026-01-05 09:00")
		c.At = c.At.Add(time.Duration(rapid.IntRange(0, 150*24).Draw(t, "start")) * time.Hour)
		still := rapid.Bool().Draw(t, "still")
		if still {
			c.Profile = &Profile{Name: "x", StopsWhile: []Wait{Supplement}}
		}
		r, err := e.Apply(nil, c, start(D6))
		if err != nil {
			t.Fatal(err)
		}
		plain := r.Changed[0]
		c.At = c.At.Add(time.Duration(rapid.IntRange(0, 15*24).Draw(t, "pause")) * time.Hour)
		from := c.At
		if r, err = e.Apply(r.Changed, c, Action{Do: Pause, Clock: D6, Wait: Supplement}); err != nil {
			t.Fatal(err)
		}
		if _, ok := e.Next(&r.Changed[0]); ok == still || r.Changed[0].Suspended() != still {
			t.Fatalf("%+v", r.Changed[0])
		}
		c.At = c.At.Add(time.Duration(rapid.IntRange(0, 40*24).Draw(t, "resume")) * time.Hour)
		if r, err = e.Apply(r.Changed, c, Action{Do: Resume, Clock: D6}); err != nil {
			t.Fatal(err)
		}
		stood, _ := e.Calendar.Between(from, c.At)
		added, _ := e.Calendar.Between(plain.Due.Add(-time.Second), r.Changed[0].Due.Add(-time.Second))
		if !still {
			stood = 0
		}
		if added != stood || len(r.Violations) != number(!still && !c.At.Before(plain.Due)) {
			t.Fatalf("stood %d working days, added %d, %d violations", stood, added, len(r.Violations))
		}
	})
}

func FuzzParseProfile(f *testing.F) {
	f.Add([]byte(`{"name":"x","clocks":{"D4":{"days":5,"extension":5}},"stops_while":["supplement"]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := ParseProfile(b)
		if err != nil {
			return
		}
		for _, r := range Statute() {
			own, err := p.Rule(r.ID)
			if err != nil || r.Fixed() && (own.Days > r.Days || own.Years < r.Years) || own.Extension > r.Extension {
				t.Fatalf("%s: %+v %v", r.ID, own, err)
			}
		}
	})
}
