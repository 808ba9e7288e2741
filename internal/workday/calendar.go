package workday

import (
	"bytes"
	_ "embed" // the notices known at build time
	"encoding/csv"
	"errors"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// MaxWorkdays bounds AddWorkdays: about 40 years.
const MaxWorkdays = 10_000

// Bounds of an imported file.
const (
	maxBytes   = 1 << 20
	maxPerYear = 200
	firstYear  = 1999 // the first year of make-up workdays
	lastYear   = 2200
	maxName    = 64 // bytes
)

const (
	secondsADay  = 24 * 60 * 60
	chinaSeconds = 8 * 60 * 60
	// A notice may move the days of December before its year from this one on; 29 December is the earliest so far.
	firstMovable = 25
)

// dayNumber counts days from 1970-01-01 in China Standard Time.
type dayNumber int64

// exception is a day that a notice names.
type exception struct {
	day    dayNumber
	off    bool
	notice int
	name   string
}

// counts is what the exception adds to the number of weekdays.
func (e exception) counts() int {
	switch weekday := isWeekday(e.day); {
	case e.off && weekday:
		return -1
	case !e.off && !weekday:
		return 1
	}
	return 0
}

// Calendar knows the working days. The zero value knows no notice and counts weekdays, never certain.
type Calendar struct {
	days  []exception // by day
	years map[int]bool
}

//go:embed data/holidays.csv
var holidays []byte

var builtin = sync.OnceValue(func() *Calendar {
	c, err := new(Calendar).Import(bytes.NewReader(holidays))
	if err != nil {
		panic(err) // the file is part of the program; a test reads it
	}
	return c
})

// Builtin is the calendar shipped with the program: the notices for 2018 to 2026.
func Builtin() *Calendar { return builtin() }

// Import returns a calendar that also knows the notices in r: CSV with the header notice,date,kind,name, where notice
// is the year, date ISO 8601, kind off or work. A year in r replaces the same year of c wholly. Strict: ErrCalendar
// names the first bad line; a date may be named once, must lie in the year of its notice or in the last week of December
// before, and a notice has at least one day off and at most 200 days. At most 1 MiB.
func (c *Calendar) Import(r io.Reader) (*Calendar, error) {
	in := csv.NewReader(io.LimitReader(r, maxBytes+1))
	in.FieldsPerRecord, in.ReuseRecord = 4, true
	type block struct{ days, off int }
	seen, added := map[int]*block{}, []exception{}
	for line := 1; ; line++ {
		rec, err := in.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil || in.InputOffset() > maxBytes {
			return nil, ErrCalendar.Because(err, "not a CSV line of 4 fields, or the file is too large", "不是 4 个字段的 CSV 行，或文件过大", line)
		}
		if line == 1 {
			if strings.Join(rec, ",") != "notice,date,kind,name" {
				return nil, ErrCalendar.With("the header must be notice,date,kind,name", "表头应为 notice,date,kind,name", line)
			}
			continue
		}
		year, err := strconv.Atoi(rec[0])
		if err != nil || len(rec[0]) != 4 || year < firstYear || year > lastYear {
			return nil, ErrCalendar.With("not a year", "年份有误", line)
		}
		date, err := time.Parse(time.DateOnly, rec[1])
		if err != nil {
			return nil, ErrCalendar.Because(err, "not a date", "日期有误", line)
		}
		if movable := date.Year() == year-1 && date.Month() == time.December && date.Day() >= firstMovable; date.Year() != year && !movable {
			return nil, ErrCalendar.With("the date is not of the year of the notice", "日期不属于该年度通知", line)
		}
		if rec[2] != "off" && rec[2] != "work" {
			return nil, ErrCalendar.With("kind must be off or work", "kind 应为 off 或 work", line)
		}
		if rec[3] == "" || len(rec[3]) > maxName || !utf8.ValidString(rec[3]) {
			return nil, ErrCalendar.With("name missing or too long", "名称缺失或过长", line)
		}
		b := seen[year]
		if b == nil {
			b = &block{}
			seen[year] = b
		}
		if b.days++; b.days > maxPerYear {
			return nil, ErrCalendar.With("too many days in one notice", "同一年度的日期过多", line)
		}
		e := exception{day: dayNumber(date.Unix() / secondsADay), off: rec[2] == "off", notice: year, name: strings.Clone(rec[3])}
		if e.off {
			b.off++
		}
		added = append(added, e)
	}
	out := &Calendar{years: map[int]bool{}}
	maps.Copy(out.years, c.years)
	for y, b := range seen {
		if b.off == 0 {
			return nil, ErrCalendar.With("notice "+strconv.Itoa(y)+" has no day off", strconv.Itoa(y)+" 年没有放假日", 0)
		}
		out.years[y] = true
	}
	for _, e := range c.days {
		if seen[e.notice] == nil {
			out.days = append(out.days, e)
		}
	}
	out.days = append(out.days, added...)
	slices.SortFunc(out.days, func(a, b exception) int { return int(a.day - b.day) })
	for i := 1; i < len(out.days); i++ {
		if out.days[i].day == out.days[i-1].day {
			d := dateOf(out.days[i].day).Format(time.DateOnly)
			return nil, ErrCalendar.With(d+" is named twice", d+" 重复", 0)
		}
	}
	return out, nil
}

// KnownUntil is the last year whose notice is known, with all years from the first known one; 0 if none is known.
func (c *Calendar) KnownUntil() int {
	last := 0
	for _, y := range slices.Sorted(maps.Keys(c.years)) {
		if last != 0 && y != last+1 {
			break
		}
		last = y
	}
	return last
}

// IsWorkday reports whether the date of t is a working day. Not certain: no notice covers the date, and the answer is
// just that of the day of the week.
func (c *Calendar) IsWorkday(t time.Time) (workday, certain bool) {
	d := dayOf(t)
	return c.workday(d), c.unknown(d, d) == 0
}

// Holiday is the name a notice gives the date of t, and whether the day is off; a make-up workday bears the name of the
// holiday it makes up for. Empty if no notice names the date.
func (c *Calendar) Holiday(t time.Time) (name string, off bool) {
	if i, ok := c.find(dayOf(t)); ok {
		return c.days[i].name, c.days[i].off
	}
	return "", false
}

// AddWorkdays is the n-th working day after the date of t (before it, for n < 0) at the time of day of t, in the
// location of t; for n = 0 t itself, working day or not. Not certain: a day counted is covered by no notice. ErrRange if
// n is beyond ±MaxWorkdays.
func (c *Calendar) AddWorkdays(t time.Time, n int) (due time.Time, certain bool, err error) {
	if n > MaxWorkdays || n < -MaxWorkdays {
		return time.Time{}, false, ErrRange.With(MaxWorkdays)
	}
	start := dayOf(t)
	d, step := start, dayNumber(1)
	if n < 0 {
		step, n = -1, -n
	}
	for n > 0 {
		if d += step; c.workday(d) {
			n--
		}
	}
	from, to := start+1, d // the days counted
	if step < 0 {
		from, to = d, start-1
	}
	// Days in China are 24 hours: there is no summer time at UTC+8.
	return t.Add(time.Duration(d-start) * 24 * time.Hour), d == start || c.unknown(from, to) == 0, nil
}

// Between is the number of working days after the date of from up to and including the date of to; negative, counting
// from the date of to up to the day before from, if to is earlier. Not certain: one of those days is covered by no
// notice. Its cost does not depend on the distance.
func (c *Calendar) Between(from, to time.Time) (n int, certain bool) {
	a, b := dayOf(from), dayOf(to)
	switch {
	case a < b:
		return c.count(a+1, b), c.unknown(a+1, b) == 0
	case a > b:
		return -c.count(b, a-1), c.unknown(b, a-1) == 0
	}
	return 0, true
}

// Require is nil if notices cover every day from the date of from to the date of to, else ErrUnpublished with the first
// year whose notice is missing.
func (c *Calendar) Require(from, to time.Time) error {
	if y := c.unknown(dayOf(from), dayOf(to)); y != 0 {
		return ErrUnpublished.With(y)
	}
	return nil
}

// EndOfDay is the end of the date of t in China: the following midnight, exclusive. A deadline is kept until then.
func EndOfDay(t time.Time) time.Time {
	return time.Unix(int64(dayOf(t)+1)*secondsADay-chinaSeconds, 0).In(t.Location())
}

// unknown is the first year whose notice is missing for the days from a to b, 0 if none.
func (c *Calendar) unknown(a, b dayNumber) int {
	first := dateOf(a).Year()
	last := dateOf(b)
	for y := first; y <= last.Year(); y++ { // ends at the first year not known, so it is bounded by len(c.years)
		if !c.years[y] {
			return y
		}
	}
	if last.Month() == time.December && last.Day() >= firstMovable && !c.years[last.Year()+1] {
		return last.Year() + 1
	}
	return 0
}

func (c *Calendar) find(d dayNumber) (int, bool) {
	return slices.BinarySearchFunc(c.days, d, func(e exception, d dayNumber) int {
		switch {
		case e.day < d:
			return -1
		case e.day > d:
			return 1
		}
		return 0
	})
}

func (c *Calendar) workday(d dayNumber) bool {
	if i, ok := c.find(d); ok {
		return !c.days[i].off
	}
	return isWeekday(d)
}

// count is the number of working days from a to b, both counted.
func (c *Calendar) count(a, b dayNumber) int {
	n := weekdaysBefore(b+1) - weekdaysBefore(a)
	for i, _ := c.find(a); i < len(c.days) && c.days[i].day <= b; i++ {
		n += c.days[i].counts()
	}
	return n
}

// weekdaysBefore is the number of Mondays to Fridays from a fixed Monday up to the day before d; negative before it.
func weekdaysBefore(d dayNumber) int {
	d -= 4 // 1970-01-05 was a Monday
	weeks := d / 7
	if d%7 < 0 {
		weeks--
	}
	return int(weeks)*5 + int(min(d-weeks*7, 5))
}

func isWeekday(d dayNumber) bool {
	w := (d - 4) % 7
	if w < 0 {
		w += 7
	}
	return w < 5
}

func dayOf(t time.Time) dayNumber {
	s := t.Unix() + chinaSeconds
	d := s / secondsADay
	if s%secondsADay < 0 {
		d--
	}
	return dayNumber(d)
}

// dateOf is the day at 00:00 UTC, for its year, month and day.
func dateOf(d dayNumber) time.Time { return time.Unix(int64(d)*secondsADay, 0).UTC() }
