package workday_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/kuayu/kuayu/internal/workday"
)

var china = time.FixedZone("UTC+8", 8*60*60)

func day(s string) time.Time {
	t, err := time.ParseInLocation(time.DateOnly, s, china)
	if err != nil {
		panic(err)
	}
	return t.Add(10 * time.Hour)
}

func TestIsWorkday(t *testing.T) {
	c := workday.Builtin()
	for _, x := range []struct {
		date             string
		workday, certain bool
	}{
		{"2026-02-13", true, true},  // Friday
		{"2026-02-14", true, true},  // Saturday made up
		{"2026-02-15", false, true}, // Spring Festival begins
		{"2026-02-17", false, true},
		{"2026-02-23", false, true}, // Monday, last day of it
		{"2026-02-24", true, true},
		{"2026-02-28", true, true}, // Saturday made up
		{"2026-03-01", false, true},
		{"2026-01-01", false, true},
		{"2026-01-04", true, true},  // Sunday made up
		{"2025-12-31", true, true},  // notice of 2026 known
		{"2018-12-29", true, true},  // Saturday made up by the notice of 2019
		{"2018-12-31", false, true}, // Monday off by the notice of 2019
		{"2020-02-03", true, true},  // named a workday though a Monday
		{"2026-12-24", true, true},
		{"2026-12-25", true, false}, // the notice of 2027 may move it
		{"2027-01-01", true, false}, // a Friday: weekdays only
		{"2027-01-02", false, false},
		{"2017-12-29", true, false},
	} {
		if w, certain := c.IsWorkday(day(x.date)); w != x.workday || certain != x.certain {
			t.Errorf("%s: %v %v", x.date, w, certain)
		}
	}
	if n, off := c.Holiday(day("2026-02-14")); n != "春节" || off {
		t.Error(n, off)
	}
	if n, _ := c.Holiday(day("2026-02-13")); n != "" {
		t.Error(n)
	}
	if y := c.KnownUntil(); y != 2026 {
		t.Error(y)
	}
	// The date is that of China: 17:00 UTC on Friday is Saturday the 14th there, a make-up day; a day later Sunday, off.
	if w, _ := c.IsWorkday(time.Date(2026, 2, 14, 17, 0, 0, 0, time.UTC)); w {
		t.Error("UTC")
	}
}

func TestAddWorkdays(t *testing.T) {
	c := workday.Builtin()
	for _, x := range []struct {
		from    string
		n       int
		to      string
		certain bool
	}{
		{"2026-02-13", 1, "2026-02-14", true},
		{"2026-02-13", 2, "2026-02-24", true},
		{"2026-02-13", 10, "2026-03-05", true}, // 14, 24–28 (28 is a Saturday), 2–5 March
		{"2026-02-18", 1, "2026-02-24", true},  // received on a holiday
		{"2026-02-24", -1, "2026-02-14", true},
		{"2026-02-24", -2, "2026-02-13", true},
		{"2026-02-24", 0, "2026-02-24", true},
		{"2026-02-18", 0, "2026-02-18", true},
		{"2025-12-31", 1, "2026-01-04", true}, // over the year's end to a worked Sunday
		{"2025-12-25", 5, "2026-01-04", true},
		{"2026-09-30", 1, "2026-10-08", true},
		{"2026-10-08", 2, "2026-10-10", true},
		{"2026-12-18", 4, "2026-12-24", true},
		{"2026-12-18", 5, "2026-12-25", false},
		{"2026-12-31", 1, "2027-01-01", false},
		{"2018-01-02", -1, "2017-12-29", false},
	} {
		due, certain, err := c.AddWorkdays(day(x.from), x.n)
		if err != nil || !due.Equal(day(x.to)) || certain != x.certain {
			t.Errorf("%s %+d: %s %v %v", x.from, x.n, due.Format(time.DateOnly), certain, err)
		}
	}
	for _, n := range []int{workday.MaxWorkdays + 1, -workday.MaxWorkdays - 1} {
		if _, _, err := c.AddWorkdays(day("2026-01-01"), n); !errors.Is(err, workday.ErrRange) {
			t.Error(err)
		}
	}
}

func TestBetween(t *testing.T) {
	c := workday.Builtin()
	for _, x := range []struct {
		from, to string
		n        int
		certain  bool
	}{
		{"2026-02-13", "2026-02-13", 0, true},
		{"2026-02-13", "2026-02-14", 1, true},
		{"2026-02-14", "2026-02-23", 0, true},
		{"2026-02-13", "2026-03-05", 10, true},
		{"2026-03-05", "2026-02-24", -8, true}, // 24–28 February, 2–4 March
		{"2025-12-31", "2026-12-24", 243, true},
		{"2026-12-24", "2026-12-31", 5, false},
	} {
		n, certain := c.Between(day(x.from), day(x.to))
		if n != x.n || certain != x.certain {
			t.Errorf("%s to %s: %d %v", x.from, x.to, n, certain)
		}
	}
	if _, certain := c.Between(time.Time{}, time.Unix(1<<40, 0)); certain {
		t.Error("centuries are certain")
	}
}

func TestRequire(t *testing.T) {
	c := workday.Builtin()
	if err := c.Require(day("2018-01-01"), day("2026-12-24")); err != nil {
		t.Error(err)
	}
	for _, x := range []string{"2026-12-25", "2027-01-01", "2030-01-01"} {
		err := c.Require(day("2026-01-01"), day(x))
		if !errors.Is(err, workday.ErrUnpublished) || !strings.Contains(err.Error(), "2027") {
			t.Error(x, err)
		}
	}
	if err := new(workday.Calendar).Require(day("2026-01-01"), day("2026-01-01")); !errors.Is(err, workday.ErrUnpublished) {
		t.Error(err)
	}
}

func TestEndOfDay(t *testing.T) {
	if e := workday.EndOfDay(day("2026-02-14")); !e.Equal(time.Date(2026, 2, 15, 0, 0, 0, 0, china)) {
		t.Error(e)
	}
	if e := workday.EndOfDay(time.Date(1969, 12, 31, 15, 0, 0, 0, time.UTC)); !e.Equal(time.Date(1969, 12, 31, 16, 0, 0, 0, time.UTC)) {
		t.Error(e)
	}
}

const head = "notice,date,kind,name\n"

func TestImport(t *testing.T) {
	c := workday.Builtin()
	next, err := c.Import(strings.NewReader(head + "2027,2027-01-01,off,元旦\n2027,2026-12-31,off,元旦\n2027,2027-01-03,work,元旦\n"))
	if err != nil {
		t.Fatal(err)
	}
	if w, certain := next.IsWorkday(day("2026-12-31")); w || !certain {
		t.Error("2026-12-31", w, certain)
	}
	if w, certain := next.IsWorkday(day("2027-01-03")); !w || !certain {
		t.Error("2027-01-03", w, certain)
	}
	if next.KnownUntil() != 2027 || c.KnownUntil() != 2026 {
		t.Error("the old calendar changed")
	}
	if w, _ := c.IsWorkday(day("2026-12-31")); !w {
		t.Error("the old calendar changed")
	}
	// A year is replaced wholly.
	again, err := next.Import(strings.NewReader(head + "2027,2027-01-01,off,元旦\n"))
	if err != nil {
		t.Fatal(err)
	}
	if w, _ := again.IsWorkday(day("2026-12-31")); !w {
		t.Error("not replaced")
	}
	for name, in := range map[string]string{
		"header":       "date,kind,name\n",
		"fields":       head + "2027,2027-01-01,off\n",
		"year":         head + "27,2027-01-01,off,x\n",
		"early":        head + "1998,1998-01-01,off,x\n",
		"date":         head + "2027,2027-02-29,off,x\n",
		"other year":   head + "2027,2028-01-01,off,x\n",
		"December":     head + "2027,2026-12-24,off,x\n",
		"kind":         head + "2027,2027-01-01,free,x\n",
		"name":         head + "2027,2027-01-01,off,\n",
		"twice":        head + "2027,2027-01-01,off,x\n2027,2027-01-01,off,x\n",
		"known day":    head + "2019,2019-01-01,off,x\n2018,2018-01-01,off,x\n2018,2018-01-01,work,x\n",
		"only work":    head + "2027,2027-01-02,work,x\n",
		"invalid text": head + "2027,2027-01-01,off,\xff\n",
		"huge":         head + strings.Repeat("2027,2027-01-01,off,x\n", 201),
	} {
		if _, err := c.Import(strings.NewReader(in)); !errors.Is(err, workday.ErrCalendar) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Counting and adding agree with one another and with looking at every day.
func TestLaws(t *testing.T) {
	c := workday.Builtin()
	rapid.Check(t, func(t *rapid.T) {
		from := day("2016-06-01").Add(time.Duration(rapid.IntRange(0, 13*365*24).Draw(t, "hours")) * time.Hour)
		n := rapid.IntRange(-300, 300).Draw(t, "n")
		due, certain, err := c.AddWorkdays(from, n)
		if err != nil {
			t.Fatal(err)
		}
		if back, sure := c.Between(from, due); n > 0 && (back != n || sure != certain) || n < 0 && back != n {
			t.Fatalf("%v %+d: %v, back %d", from, n, due, back)
		}
		if w, _ := c.IsWorkday(due); n != 0 && !w {
			t.Fatalf("%v is no workday", due)
		}
		slow, all := 0, true
		for d := from; d.Before(due); {
			d = d.AddDate(0, 0, 1)
			w, sure := c.IsWorkday(d)
			if w {
				slow++
			}
			all = all && sure
		}
		if n > 0 && (slow != n || all != certain) {
			t.Fatalf("%d days counted one by one, certain %v", slow, all)
		}
	})
}

func FuzzImport(f *testing.F) {
	f.Add(head + "2027,2027-01-01,off,元旦\n")
	f.Add("")
	f.Fuzz(func(t *testing.T, s string) {
		c, err := workday.Builtin().Import(strings.NewReader(s))
		if err != nil {
			if !errors.Is(err, workday.ErrCalendar) {
				t.Fatal(err)
			}
			return
		}
		c.IsWorkday(day("2026-01-01"))
	})
}

func ExampleCalendar_AddWorkdays() {
	received := time.Date(2026, 2, 13, 9, 30, 0, 0, time.FixedZone("UTC+8", 8*60*60))
	due, certain, err := workday.Builtin().AddWorkdays(received, 10) // Decree 809 art. 21: 10 working days
	fmt.Println(due.Format(time.DateOnly), certain, err)
	// Output: 2026-03-05 true <nil>
}
