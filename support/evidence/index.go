package evidence

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"sort"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/support/seal"
)

// Index is the private, searchable projection of the log: facts by agreement and time, and which facts concern a
// person. It can be rebuilt from the segments at any time (invariant 7).
type Index struct {
	db  *db.DB
	log *Log
	key []byte
}

// NewIndex keeps its tables in d. key blinds persons' identifiers.
func NewIndex(d *db.DB, l *Log, key []byte) *Index { return &Index{db: d, log: l, key: key} }

// Subject is the keyed digest under which a person's facts are found; the identifier itself is never stored.
func (x *Index) Subject(identifier string) string {
	m := hmac.New(sha256.New, x.key)
	_, _ = m.Write([]byte(identifier))
	return hex.EncodeToString(m.Sum(nil)[:16])
}

// Entry is one fact in the index.
type Entry struct {
	bun.BaseModel `bun:"table:evidence_fact"`
	ID            string `bun:",pk" json:"id"`
	Kind          string `json:"kind"`
	Time          int64  `json:"time"`       // Unix microseconds
	Department    string `json:"department"` // who acted
	Member        string `json:"member"`     // addressed; empty: kept to itself
	Other         string `json:"other"`      // department on the other side, as far as known
	Officer       string `json:"officer"`
	Agreement     string `json:"agreement"`
	Outcome       string `json:"outcome"`
	RowCount      int64  `json:"rows"`
	Size          int64  `json:"bytes"`
	Took          int64  `json:"took"` // microseconds, as who acted measured it; 0: not measured
	Batch         int64  `json:"batch"`
	Leaf          int64  `json:"leaf"`
	Epoch         int64  `json:"epoch"` // of this instance's log

	purpose string // asserted by who asked; kept in the tallies alone
	had     bool   // it was in the index before
}

type subjectRow struct {
	bun.BaseModel `bun:"table:evidence_subject"`
	Subject       string
	Day           string
	Fact          string
	entry         int // of the entries written with it
}

const (
	// projectStep is how many facts go into the index per transaction: so many that what a transaction costs whatever it holds,
	// and the counts they share, weigh little.
	projectStep = 512
	// insertRows is how many of them go into one statement.
	insertRows = 16
)

type backgroundKey struct{}

func background(ctx context.Context) bool { return ctx.Value(backgroundKey{}) != nil }

// errOvertaken says that another projection of the same log went ahead.
var errOvertaken = errors.New("overtaken by another projection")

// Project brings the index up to the durable end of the log; it returns how many facts it added. Several at once do no
// harm: each step counts only if it begins where the index ends.
func (x *Index) Project(ctx context.Context) (int, error) {
	total := 0
	for {
		n, err := x.project(ctx)
		total += n
		if !errors.Is(err, errOvertaken) {
			return total, err
		}
	}
}

func (x *Index) project(ctx context.Context) (int, error) {
	from, err := x.cursor(ctx, x.db.Read())
	if err != nil {
		return 0, err
	}
	total, at := 0, from
	var st step
	var newest time.Time // of the batches read
	flush := func(next uint64) error {
		if len(st.entries)+len(st.asides) == 0 {
			return nil
		}
		begun := x.log.cfg.Clock.Now()
		err := x.write(ctx, at, next, st, false)
		if err != nil && db.Unfit(err) {
			err = x.write(ctx, at, next, st, true)
		}
		if err == nil {
			total, at = total+len(st.entries), next
		}
		st = step{entries: st.entries[:0], subjects: st.subjects[:0]}
		if err == nil {
			x.pauseAfter(ctx, begun, newest)
		}
		return err
	}
	next, durable := from, x.log.Durable()
	err = x.log.scanBriefly(from, func(s *stored) (bool, error) {
		number := s.entry.Header.Number
		if number >= durable {
			return false, nil
		}
		for i := range s.facts {
			if !s.facts[i].erased {
				st.add(s, i)
			}
		}
		next, newest = number+1, s.entry.Header.Time
		if len(st.entries) >= projectStep {
			return true, flush(next)
		}
		return true, nil
	})
	if err != nil {
		return total, err
	}
	return total, flush(next)
}

// Lag is how far the index is behind the log.
type Lag struct {
	Batches uint64
	For     time.Duration // how long ago the oldest of them was sealed
}

// Behind is how far the index is behind the log; zero if it is not.
func (x *Index) Behind(ctx context.Context) (Lag, error) {
	from, err := x.cursor(ctx, x.db.Read())
	durable := x.log.Durable()
	if err != nil || from >= durable {
		return Lag{}, err
	}
	lag := Lag{Batches: durable - from}
	err = x.log.scanBriefly(from, func(s *stored) (bool, error) {
		lag.For = max(x.log.cfg.Clock.Now().Sub(s.entry.Header.Time), 0)
		return false, nil
	})
	return lag, err
}

// step is what one transaction of the projection writes.
type step struct {
	entries  []Entry
	subjects []subjectRow
	asides   []Aside
}

// add takes fact i of a batch into the step: as a row, or set aside if it can't be read.
func (st *step) add(s *stored, i int) {
	batch, leaf := int64(s.entry.Header.Number), int64(i) //nolint:gosec // fits
	e, subjects, err := entryOf(s.facts[i].fact)
	if err != nil {
		st.asides = append(st.asides, Aside{Epoch: int64(s.entry.Header.Log.Epoch), Batch: batch, Leaf: leaf, Reason: reasonOf(err)})
		return
	}
	e.Batch, e.Leaf = batch, leaf
	for _, subject := range subjects {
		st.subjects = append(st.subjects, subjectRow{Subject: subject, Day: time.UnixMicro(e.Time).UTC().Format(time.DateOnly), Fact: e.ID, entry: len(st.entries)})
	}
	st.entries = append(st.entries, e)
}

// write puts a step into the index and moves its end from one batch to another. With each, no fact spoils it for the others.
func (x *Index) write(ctx context.Context, from, to uint64, st step, each bool) error {
	return x.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		now, err := x.cursor(ctx, tx)
		if err != nil {
			return err
		}
		if now != from {
			return errOvertaken
		}
		if each {
			err = x.oneByOne(ctx, tx, st.entries, st.subjects)
		} else if err = insert(ctx, tx, st.entries, st.subjects); err == nil {
			err = tally(ctx, tx, st.entries)
		}
		if err != nil {
			return err
		}
		for _, a := range st.asides {
			if err := x.setAside(ctx, tx, a); err != nil {
				return err
			}
		}
		_, err = tx.NewRaw("INSERT INTO evidence_cursor (name, batch) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET batch = excluded.batch",
			x.cursorName(), int64(to)).Exec(ctx) //nolint:gosec // fits
		return err
	})
}

// entryOf is a fact's row, without its place, and the keyed digests of the persons it concerns.
func entryOf(fact []byte) (Entry, []string, error) {
	f, err := seal.DecodeFact(fact)
	if err != nil {
		return Entry{}, nil, err
	}
	h, err := HeaderOf(&f)
	if err == nil {
		err = CheckText(&f, &h)
	}
	return Entry{
		ID: f.ID + "#" + f.Kind, Kind: f.Kind, Time: f.Time.UnixMicro(), Department: f.Actor.Department, Other: h.ToDept, Officer: f.Actor.Officer,
		Member: h.To, Agreement: h.Agreement, Outcome: h.Outcome, RowCount: h.Rows, Size: h.Bytes, Took: h.Took, Epoch: int64(f.Log.Epoch), purpose: h.Purpose,
	}, h.Subjects, err
}

// insert writes rows through prepared statements: building one large statement costs several times as much.
func insert(ctx context.Context, tx *db.Tx, es []Entry, ss []subjectRow) error {
	many, err := tx.Prepare(ctx, insertFact+strings.Repeat(insertValues+", ", insertRows-1)+insertValues+onConflict)
	if err != nil {
		return fmt.Errorf("index facts: %w", err)
	}
	defer func() { _ = many.Close() }()
	args := make([]any, 0, insertRows*15)
	at := 0
	for ; at+insertRows <= len(es); at += insertRows {
		args = args[:0]
		for i := range es[at : at+insertRows] {
			args = es[at+i].values(args)
		}
		res, err := many.ExecContext(ctx, args...)
		if err != nil {
			return fmt.Errorf("index facts: %w", err)
		}
		if n, err := res.RowsAffected(); err != nil || n < insertRows {
			if err := insertEach(ctx, tx, es, ss, at, at+insertRows); err != nil {
				return err
			}
		}
	}
	if err := insertEach(ctx, tx, es, ss, at, len(es)); err != nil {
		return err
	}
	return insertSubjects(ctx, tx, ss)
}

const (
	insertFact   = "INSERT INTO evidence_fact (id, kind, time, department, member, other, officer, agreement, outcome, row_count, size, took, batch, leaf, epoch) VALUES "
	insertValues = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
	onConflict   = " ON CONFLICT (id) DO NOTHING"
)

func (e *Entry) values(to []any) []any {
	return append(to, e.ID, e.Kind, e.Time, e.Department, e.Member, e.Other, e.Officer, e.Agreement, e.Outcome, e.RowCount, e.Size, e.Took, e.Batch, e.Leaf, e.Epoch)
}

// insertEach writes es[from:to] one by one; some of them may be there already.
func insertEach(ctx context.Context, tx *db.Tx, es []Entry, ss []subjectRow, from, to int) error {
	if from == to {
		return nil
	}
	fact, err := tx.Prepare(ctx, insertFact+insertValues+onConflict)
	if err != nil {
		return fmt.Errorf("index facts: %w", err)
	}
	defer func() { _ = fact.Close() }()
	add := func(e *Entry) (bool, error) {
		res, err := fact.ExecContext(ctx, e.values(nil)...)
		if err != nil {
			return false, fmt.Errorf("index facts: %w", err)
		}
		n, err := res.RowsAffected()
		return n > 0, err
	}
	for i := from; i < to; i++ {
		e := &es[i]
		added, err := add(e)
		if err != nil {
			return err
		}
		if added {
			continue
		}
		// The same act sealed twice is one entry. Another act under an id used before is one of its own: whoever asks
		// chooses the id, and must not hide what it asks by choosing it again.
		var had struct{ Time, Batch, Leaf, Epoch int64 }
		if err := tx.NewRaw("SELECT time, batch, leaf, epoch FROM evidence_fact WHERE id = ?", e.ID).Scan(ctx, &had); err != nil {
			return fmt.Errorf("index facts: %w", err)
		}
		if had.Batch == e.Batch && had.Leaf == e.Leaf && had.Epoch == e.Epoch {
			continue // it went in just now, with its neighbours
		}
		if e.had = had.Time == e.Time; e.had {
			continue
		}
		e.ID = fmt.Sprintf("%s#%d", e.ID, e.Time)
		added, err = add(e)
		if err != nil {
			return err
		}
		e.had = !added
		for j := range ss {
			if ss[j].entry == i {
				ss[j].Fact = e.ID
			}
		}
	}
	return nil
}

func insertSubjects(ctx context.Context, tx *db.Tx, ss []subjectRow) error {
	if len(ss) == 0 {
		return nil
	}
	subject, err := tx.Prepare(ctx, "INSERT INTO evidence_subject (subject, day, fact) VALUES (?, ?, ?) ON CONFLICT (subject, day, fact) DO NOTHING")
	if err != nil {
		return fmt.Errorf("index subjects: %w", err)
	}
	defer func() { _ = subject.Close() }()
	for _, r := range ss {
		if _, err := subject.ExecContext(ctx, r.Subject, r.Day, r.Fact); err != nil {
			return fmt.Errorf("index subjects: %w", err)
		}
	}
	return nil
}

func (x *Index) cursorName() string {
	l := x.log.ID()
	return fmt.Sprintf("index/%s/%d", l.Instance, l.Epoch)
}

func (x *Index) cursor(ctx context.Context, tx *db.Tx) (uint64, error) {
	var n []int64
	if err := tx.NewRaw("SELECT batch FROM evidence_cursor WHERE name = ?", x.cursorName()).Scan(ctx, &n); err != nil {
		return 0, fmt.Errorf("index cursor: %w", err)
	}
	if len(n) == 0 {
		return 0, nil
	}
	return uint64(n[0]), nil //nolint:gosec // never negative
}

// Day is the signed summary of a day's subject index: with it an auditor can tell that no entry was added or removed
// later.
type Day struct {
	Day   string `json:"day"`
	Count int    `json:"count"`
	Root  string `json:"root"` // hex Merkle root over the sorted entries
}

// KindDay is the kind of the daily fact.
const KindDay = "index.day"

// Summarise computes the summary of a day (YYYY-MM-DD, UTC).
func (x *Index) Summarise(ctx context.Context, day string) (Day, error) {
	var rows []subjectRow
	if err := x.db.Read().NewSelect().Model(&rows).Where("day = ?", day).Scan(ctx); err != nil {
		return Day{}, fmt.Errorf("summarise: %w", err)
	}
	sort.Slice(rows, func(i, j int) bool {
		return rows[i].Subject < rows[j].Subject || (rows[i].Subject == rows[j].Subject && rows[i].Fact < rows[j].Fact)
	})
	d := Day{Day: day, Count: len(rows)}
	if len(rows) == 0 {
		return d, nil
	}
	suite := x.log.Key().Suite
	leaves := make([]seal.Hash, len(rows))
	for i, r := range rows {
		leaves[i] = suite.Object([]byte(r.Subject + "\n" + r.Fact))
	}
	root := seal.NewTree(suite, leaves).Root()
	d.Root = hex.EncodeToString(root[:])
	return d, nil
}

// SealDay records the summary of a finished day once.
func (x *Index) SealDay(ctx context.Context, day string) error {
	id := KindDay + "/" + day
	var n int
	if err := x.db.Read().NewRaw("SELECT count(*) FROM evidence_fact WHERE id = ?", id+"#"+KindDay).Scan(ctx, &n); err != nil || n > 0 {
		return err
	}
	d, err := x.Summarise(ctx, day)
	if err != nil {
		return err
	}
	body, err := json.Marshal(d)
	if err != nil {
		return err
	}
	_, err = x.log.Seal(ctx, Draft{Kind: KindDay, ID: id, Body: body})
	return err
}

// Run projects every second and seals finished days until ctx ends.
func (x *Index) Run(ctx context.Context) error {
	t := time.NewTicker(time.Second)
	defer t.Stop()
	last := ""
	low := context.WithValue(ctx, backgroundKey{}, true)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
		if _, err := x.Project(low); err != nil && ctx.Err() == nil {
			return err
		}
		if day := x.log.cfg.Clock.Now().AddDate(0, 0, -1).Format(time.DateOnly); day != last {
			if err := x.SealDay(ctx, day); err != nil && ctx.Err() == nil {
				return err
			}
			last = day
		}
	}
}

// Usage sums what was delivered under an agreement since a moment (Unix microseconds), from the log's projection.
func (x *Index) Usage(ctx context.Context, agreement, kind string, since int64) (calls, rows int64, err error) {
	var r struct{ Calls, Total int64 }
	err = x.db.Read().NewRaw("SELECT count(*) AS calls, COALESCE(sum(row_count), 0) AS total FROM evidence_fact WHERE agreement = ? AND time >= ? AND kind || '' = ?", agreement, since, kind).Scan(ctx, &r)
	return r.Calls, r.Total, err
}

// Recent calls visit for the facts of a kind since a moment (Unix microseconds), those that are erased left out.
func (x *Index) Recent(ctx context.Context, kind string, since int64, visit func(*Record) error) error {
	var es []Entry
	if err := x.db.Read().NewSelect().Model(&es).Where("kind = ? AND time >= ?", kind, since).OrderExpr("batch").Scan(ctx); err != nil {
		return fmt.Errorf("recent facts: %w", err)
	}
	for _, e := range es {
		r, err := x.log.getEntry(&e)
		if errors.Is(err, ErrErased) || errors.Is(err, ErrNoFact) {
			continue
		}
		if err != nil {
			return err
		}
		if err := visit(r); err != nil {
			return err
		}
	}
	return nil
}
