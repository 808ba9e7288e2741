package evidence

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/kuayu/kuayu/internal/db"
)

// Facts that say how something ended are counted while they are indexed: by hour, with how long it took, for whoever
// watches; by agreement and day, with the purpose, for whoever compares use with what was agreed. A page that shows a
// day of a million exchanges reads some hundred rows.

// hourLength is an hour in microseconds.
const hourLength = int64(time.Hour / time.Microsecond)

// pacesPerOctave is how finely durations are kept: a step is a fifth longer than the one before.
const pacesPerOctave = 4

// paceOf is the step of a duration in microseconds; -1 where none was measured.
func paceOf(took int64) int64 {
	if took <= 0 {
		return -1
	}
	return int64(math.Round(pacesPerOctave * math.Log2(float64(took))))
}

// durationOf is the duration in the middle of a step.
func durationOf(pace int64) time.Duration {
	return time.Duration(math.Exp2(float64(pace)/pacesPerOctave)) * time.Microsecond
}

type tallyKey struct {
	hour                                     int64
	kind, department, other, member, outcome string
	pace                                     int64
}

type useKey struct{ agreement, day, kind, purpose, department, other, outcome string }

type sum struct{ calls, rows int64 }

// maxPurpose bounds a purpose as it is counted, in bytes: it is asserted by whoever asks.
const maxPurpose = 200

// tally counts facts that went into the index.
func tally(ctx context.Context, tx *db.Tx, es []Entry) error {
	hours, uses := map[tallyKey]sum{}, map[useKey]sum{}
	for i := range es {
		e := &es[i]
		if e.Outcome == "" || e.had {
			continue
		}
		h := tallyKey{e.Time / hourLength, e.Kind, e.Department, e.Other, e.Member, e.Outcome, paceOf(e.Took)}
		hours[h] = sum{hours[h].calls + 1, hours[h].rows + e.RowCount}
		if e.Agreement == "" {
			continue
		}
		purpose := e.purpose
		if len(purpose) > maxPurpose {
			purpose = ""
		}
		u := useKey{e.Agreement, time.UnixMicro(e.Time).UTC().Format(time.DateOnly), e.Kind, purpose, e.Department, e.Other, e.Outcome}
		uses[u] = sum{uses[u].calls + 1, uses[u].rows + e.RowCount}
	}
	const more = " DO UPDATE SET calls = %[1]s.calls + excluded.calls, row_count = %[1]s.row_count + excluded.row_count"
	add := func(statement string, each func(exec func(...any) error) error) error {
		st, err := tx.Prepare(ctx, statement)
		if err != nil {
			return fmt.Errorf("count facts: %w", err)
		}
		defer func() { _ = st.Close() }()
		return each(func(args ...any) error {
			if _, err := st.ExecContext(ctx, args...); err != nil {
				return fmt.Errorf("count facts: %w", err)
			}
			return nil
		})
	}
	if len(hours) == 0 {
		return nil
	}
	err := add(`INSERT INTO evidence_tally (hour, kind, department, other, member, outcome, pace, calls, row_count) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (hour, kind, department, other, member, outcome, pace)`+fmt.Sprintf(more, "evidence_tally"), func(exec func(...any) error) error {
		for k, s := range hours {
			if err := exec(k.hour, k.kind, k.department, k.other, k.member, k.outcome, k.pace, s.calls, s.rows); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil || len(uses) == 0 {
		return err
	}
	return add(`INSERT INTO evidence_use (agreement, day, kind, purpose, department, other, outcome, calls, row_count) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (agreement, day, kind, purpose, department, other, outcome)`+fmt.Sprintf(more, "evidence_use"), func(exec func(...any) error) error {
		for k, s := range uses {
			if err := exec(k.agreement, k.day, k.kind, k.purpose, k.department, k.other, k.outcome, s.calls, s.rows); err != nil {
				return err
			}
		}
		return nil
	})
}

// Tally is how often something ended in one way within an hour.
type Tally struct {
	Hour    int64 // since the Unix epoch
	Kind    string
	Outcome string
	Pace    int64 // how long it took, in steps; -1: not measured
	Calls   int64
	Rows    int64
}

// Took is how long it took, roughly; 0 if nobody measured.
func (t *Tally) Took() time.Duration {
	if t.Pace < 0 {
		return 0
	}
	return durationOf(t.Pace)
}

// Start is when the hour begins.
func (t *Tally) Start() time.Time { return time.UnixMicro(t.Hour * hourLength).UTC() }

// TallyQuery narrows counts; empty members do not.
type TallyQuery struct {
	Kinds  []string
	Member string
	Since  time.Time // from the hour it is in
}

// Tallies counts the scope's facts by hour, kind, outcome and duration.
func (x *Index) Tallies(ctx context.Context, sc db.Scope, q TallyQuery) ([]Tally, error) {
	cond, args := sc.Where("department", "other")
	cond, args = cond+" AND hour >= ?", append(args, q.Since.UnixMicro()/hourLength)
	f := Query{Kinds: q.Kinds, Member: q.Member}
	more, values, err := f.where()
	if err != nil {
		return nil, err
	}
	out := []Tally{}
	err = x.db.Read().NewRaw("SELECT hour, kind, outcome, pace, sum(calls) AS calls, sum(row_count) AS rows FROM evidence_tally WHERE "+cond+" AND "+more+
		" GROUP BY hour, kind, outcome, pace ORDER BY hour, kind, outcome, pace LIMIT 50000", append(args, values...)...).Scan(ctx, &out)
	if err != nil {
		return nil, fmt.Errorf("count facts: %w", err)
	}
	return out, nil
}

// Use is how much an agreement was used.
type Use struct {
	Agreement string
	Kind      string
	Purpose   string
	Outcome   string
	Calls     int64
	Rows      int64
	Last      string // day, UTC
}

// UseQuery narrows counts of use; empty members do not.
type UseQuery struct {
	Agreement string
	Kinds     []string
	Since     time.Time
	Limit     int // at most 500; 0 means 50
}

// Uses counts the scope's use: of one agreement by kind, purpose and outcome, or else of each agreement as a whole, the
// most used first.
func (x *Index) Uses(ctx context.Context, sc db.Scope, q UseQuery) ([]Use, error) {
	if q.Limit <= 0 || q.Limit > 500 {
		q.Limit = 50
	}
	cond, args := sc.Where("department", "other")
	f := Query{Kinds: q.Kinds, Agreement: q.Agreement}
	more, values, err := f.where()
	if err != nil {
		return nil, err
	}
	cond, args = cond+" AND "+more, append(args, values...)
	if !q.Since.IsZero() {
		cond, args = cond+" AND day >= ?", append(args, q.Since.UTC().Format(time.DateOnly))
	}
	what, by := "agreement", "agreement"
	if q.Agreement != "" {
		what, by = "agreement, kind, purpose, outcome", "agreement, kind, purpose, outcome"
	}
	out := []Use{}
	err = x.db.Read().NewRaw("SELECT "+what+", sum(calls) AS calls, sum(row_count) AS rows, max(day) AS last FROM evidence_use WHERE "+cond+
		" GROUP BY "+by+" ORDER BY calls DESC, agreement LIMIT ?", append(args, q.Limit)...).Scan(ctx, &out)
	if err != nil {
		return nil, fmt.Errorf("count use: %w", err)
	}
	return out, nil
}
