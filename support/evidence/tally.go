package evidence

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/kuayu/kuayu/internal/db"
)

// Facts that say how something ended are counted while they are indexed: by hour, with how long it took, for whoever
// watches; by agreement and month, with the purpose, for whoever compares use with what was agreed. Each is counted for
// every viewer: both departments it concerns, and whoever sees all of the node. A page that shows a day of a million
// exchanges reads some hundred rows.

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
	viewer                string
	hour                  int64
	kind, member, outcome string
	pace                  int64
}

type useKey struct{ viewer, month, agreement, kind, purpose, outcome string }

type sum struct{ calls, rows, last int64 }

func (s sum) plus(e *Entry) sum { return sum{s.calls + 1, s.rows + e.RowCount, max(s.last, e.Time)} }

// viewers are those who see a fact, the node's overseers by an empty name.
func viewers(e *Entry) []string {
	out := []string{""}
	for _, d := range []string{e.Department, e.Other} {
		if d != "" && !slices.Contains(out, d) {
			out = append(out, d)
		}
	}
	return out
}

// viewer is as whom a scope reads counts; false: it sees nothing.
func viewer(sc db.Scope) (string, bool) {
	if sc.All() {
		return "", true
	}
	return sc.Department, sc.Department != ""
}

// monthOf is the month of a time in UTC.
func monthOf(t time.Time) string { return t.UTC().Format("2006-01") }

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
		purpose := e.purpose
		if len(purpose) > maxPurpose {
			purpose = ""
		}
		for _, who := range viewers(e) {
			h := tallyKey{who, e.Time / hourLength, e.Kind, e.Member, e.Outcome, paceOf(e.Took)}
			hours[h] = hours[h].plus(e)
			if e.Agreement != "" {
				u := useKey{who, monthOf(e.At()), e.Agreement, e.Kind, purpose, e.Outcome}
				uses[u] = uses[u].plus(e)
			}
		}
	}
	if len(hours) == 0 {
		return nil
	}
	st, err := tx.Prepare(ctx, `INSERT INTO evidence_tally (viewer, hour, kind, member, outcome, pace, calls, row_count) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (viewer, hour, kind, member, outcome, pace) DO UPDATE SET
		calls = evidence_tally.calls + excluded.calls, row_count = evidence_tally.row_count + excluded.row_count`)
	if err != nil {
		return fmt.Errorf("count facts: %w", err)
	}
	defer func() { _ = st.Close() }()
	for k, s := range hours {
		if _, err := st.ExecContext(ctx, k.viewer, k.hour, k.kind, k.member, k.outcome, k.pace, s.calls, s.rows); err != nil {
			return fmt.Errorf("count facts: %w", err)
		}
	}
	return tallyUse(ctx, tx, uses)
}

func tallyUse(ctx context.Context, tx *db.Tx, uses map[useKey]sum) error {
	if len(uses) == 0 {
		return nil
	}
	st, err := tx.Prepare(ctx, `INSERT INTO evidence_use (viewer, month, agreement, kind, purpose, outcome, calls, row_count, last) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (viewer, month, agreement, kind, purpose, outcome) DO UPDATE SET
		calls = evidence_use.calls + excluded.calls, row_count = evidence_use.row_count + excluded.row_count,
		last = CASE WHEN excluded.last > evidence_use.last THEN excluded.last ELSE evidence_use.last END`)
	if err != nil {
		return fmt.Errorf("count use: %w", err)
	}
	defer func() { _ = st.Close() }()
	for k, s := range uses {
		if _, err := st.ExecContext(ctx, k.viewer, k.month, k.agreement, k.kind, k.purpose, k.outcome, s.calls, s.rows, s.last); err != nil {
			return fmt.Errorf("count use: %w", err)
		}
	}
	return nil
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
	out := []Tally{}
	err := x.counted(ctx, sc, q, "hour, kind, outcome, pace", "sum(calls) AS calls, sum(row_count) AS rows", &out)
	return out, err
}

// MemberTally is how many facts of a kind concern a member, and how many of them went well.
type MemberTally struct {
	Member, Kind string
	Calls, OK    int64
}

// TalliesByMember counts the scope's facts by the member they concern.
func (x *Index) TalliesByMember(ctx context.Context, sc db.Scope, q TallyQuery) ([]MemberTally, error) {
	out := []MemberTally{}
	err := x.counted(ctx, sc, q, "member, kind", "sum(calls) AS calls, sum(CASE WHEN outcome = 'ok' THEN calls ELSE 0 END) AS ok", &out)
	return out, err
}

// counted reads sums of the scope's tallies, by some columns.
func (x *Index) counted(ctx context.Context, sc db.Scope, q TallyQuery, by, sums string, to any) error {
	who, ok := viewer(sc)
	if !ok {
		return nil
	}
	f := Query{Kinds: q.Kinds, Member: q.Member}
	more, values, err := f.where()
	if err != nil {
		return err
	}
	err = x.db.Read().NewRaw("SELECT "+by+", "+sums+" FROM evidence_tally WHERE viewer = ? AND hour >= ? AND "+more+" GROUP BY "+by+" ORDER BY "+by+" LIMIT 50000",
		append([]any{who, q.Since.UnixMicro() / hourLength}, values...)...).Scan(ctx, to)
	if err != nil {
		return fmt.Errorf("count facts: %w", err)
	}
	return nil
}

// Use is how much an agreement was used.
type Use struct {
	Agreement string
	Kind      string
	Purpose   string
	Outcome   string
	Calls     int64
	Rows      int64
	Last      int64 // Unix microseconds
}

// UseQuery narrows counts of use; empty members do not.
type UseQuery struct {
	Agreement string
	Kinds     []string
	Since     time.Time // from the month it is in
	Limit     int       // at most 500; 0 means 50
}

// Uses counts the scope's use: of one agreement by kind, purpose and outcome, or else of each agreement as a whole, the
// most used first.
func (x *Index) Uses(ctx context.Context, sc db.Scope, q UseQuery) ([]Use, error) {
	if q.Limit <= 0 || q.Limit > 500 {
		q.Limit = 50
	}
	out := []Use{}
	who, ok := viewer(sc)
	if !ok {
		return out, nil
	}
	f := Query{Kinds: q.Kinds, Agreement: q.Agreement}
	more, values, err := f.where()
	if err != nil {
		return nil, err
	}
	from := ""
	if !q.Since.IsZero() {
		from = monthOf(q.Since)
	}
	by := "agreement"
	if q.Agreement != "" {
		by = "agreement, kind, purpose, outcome"
	}
	err = x.db.Read().NewRaw("SELECT "+by+", sum(calls) AS calls, sum(row_count) AS rows, max(last) AS last FROM evidence_use WHERE viewer = ? AND month >= ? AND "+more+
		" GROUP BY "+by+" ORDER BY calls DESC, agreement LIMIT ?", append(append([]any{who, from}, values...), q.Limit)...).Scan(ctx, &out)
	if err != nil {
		return nil, fmt.Errorf("count use: %w", err)
	}
	return out, nil
}
