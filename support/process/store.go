package process

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/kuayu/kuayu/internal/db"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrate creates the tables of cases and their histories.
func Migrate(ctx context.Context, d *db.DB) error {
	return d.Migrate(ctx, "process", migrations, "migrations")
}

// NoLimit is the Limit of a query that must see every case.
const NoLimit = -1

// noDue orders cases without a deadline after all others.
const noDue = math.MaxInt64

// Index is what lists and searches know of a case besides the kernel's part.
type Index struct {
	Member  string // at the other end; empty for a case of one end
	Peer    string // the other end's id, where it has its own
	Ref     string // another name of the case: the agreement made of an application
	Subject string // what it is about: the code of a resource
	Title   string // in the words of who opened it
}

// Query selects cases; what is left empty selects all. Lists are latest first.
type Query struct {
	ID      string // of Get: the case's id, its Ref, or its number
	Side    Side
	States  []State
	Member  string
	Peer    string
	Ref     string
	Subject string
	HasRef  bool
	Not     string // all but this id
	After   string // cursor: db.LatestAfter of the last case before
	ByID    bool   // in the order of ids instead, those after From
	From    string
	Limit   int // at most 500; 0 means 50; NoLimit: all there are

	number string
}

func (q *Query) where(sc db.Scope, kind string) (string, []any) {
	cond, args := "kind = ?", []any{kind}
	and := func(s string, a ...any) { cond, args = cond+" AND "+s, append(args, a...) }
	named := false
	for _, c := range []struct {
		column, value string
		names         bool
	}{
		{"id", q.ID, true},
		{"number", q.number, true},
		{"ref", q.Ref, true},
		{"peer", q.Peer, true},
		{"side", string(q.Side), false},
		{"member", q.Member, false},
		{"subject", q.Subject, false},
	} {
		if c.value != "" {
			and(c.column+" = ?", c.value)
			named = named || c.names
		}
	}
	if q.HasRef {
		and("ref <> ''")
	}
	if q.Not != "" {
		and("id <> ?", q.Not)
	}
	if len(q.States) > 0 {
		in := make([]any, len(q.States))
		for i, s := range q.States {
			in[i] = string(s)
		}
		and("state IN (?"+strings.Repeat(", ?", len(in)-1)+")", in...)
	}
	// Where a case is named, the department is kept from the planner, which would walk through all its cases instead of
	// taking the index of the name.
	column := "department"
	if named {
		column = "department || ''"
	}
	mine, margs := sc.Where(column)
	and(mine, margs...)
	if q.ByID {
		and("id > ?", q.From)
	}
	if q.After != "" {
		on, place := db.Latest(q.After)
		and(on, place...)
	}
	return cond, args
}

type row struct {
	Doc    string
	Format int
}

func (k *Kind[D]) read(r row) (*D, error) {
	raw := json.RawMessage(r.Doc)
	for f := r.Format; f < max(k.Format, 1); f++ {
		if k.Upgrade == nil {
			return nil, fmt.Errorf("%s: no upgrade of format %d", k.Table.Kind, f)
		}
		var err error
		if raw, err = k.Upgrade(f, raw); err != nil {
			return nil, fmt.Errorf("%s: upgrade of format %d: %w", k.Table.Kind, f, err)
		}
	}
	d := new(D)
	if err := json.Unmarshal(raw, d); err != nil {
		return nil, fmt.Errorf("read %s: %w", k.Table.Kind, err)
	}
	return d, nil
}

// Get reads one case of the scope; the kind's own error if there is none.
func (k *Kind[D]) Get(ctx context.Context, tx *db.Tx, sc db.Scope, q Query) (*D, error) {
	for _, way := range q.ways() {
		way.Limit = 1
		if ds, err := k.Find(ctx, tx, sc, way); err != nil || len(ds) > 0 {
			return first(ds), err
		}
	}
	return nil, k.Table.Refused.NoSuch()
}

func first[D any](ds []D) *D {
	if len(ds) == 0 {
		return nil
	}
	return &ds[0]
}

// ways are the queries that name one case, each with an index of its own: by id, by number, by its other name.
func (q *Query) ways() []Query {
	if q.ID == "" {
		return []Query{*q}
	}
	byRef, byNumber := *q, *q
	byRef.ID, byRef.Ref = "", q.ID
	if n, ok := ParseNumber(q.ID); ok {
		byNumber.ID, byNumber.number = "", n
		return []Query{byNumber, *q}
	}
	return []Query{*q, byRef}
}

// Find lists cases of the scope, latest first.
func (k *Kind[D]) Find(ctx context.Context, tx *db.Tx, sc db.Scope, q Query) ([]D, error) {
	cond, args := q.where(sc, k.Table.Kind)
	limit := 50
	switch {
	case q.Limit == NoLimit:
		limit = math.MaxInt32
	case q.Limit > 0:
		limit = min(q.Limit, 501)
	}
	order := "updated DESC, id"
	if q.ByID {
		order = "id"
	}
	var rows []row
	if err := tx.NewRaw("SELECT doc, format FROM process_case WHERE "+cond+" ORDER BY "+order+" LIMIT ?", append(args, limit)...).Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("list %s: %w", k.Table.Kind, err)
	}
	out := make([]D, len(rows))
	for i, r := range rows {
		d, err := k.read(r)
		if err != nil {
			return nil, err
		}
		out[i] = *d
	}
	return out, nil
}

// Page is Find with the cursor behind it; empty at the end of the list.
func (k *Kind[D]) Page(ctx context.Context, sc db.Scope, q Query) ([]D, string, error) {
	limit := min(max(q.Limit, 1), 500)
	q.Limit = limit + 1
	out, err := k.Find(ctx, k.e.DB.Read(), sc, q)
	if err != nil || len(out) <= limit {
		return out, "", err
	}
	out = out[:limit]
	last := k.Case(&out[limit-1])
	return out, db.LatestAfter(last.Updated, last.ID), nil
}

// Count counts the scope's cases by subject.
func (k *Kind[D]) Count(ctx context.Context, sc db.Scope, q Query, subjects []string) (map[string]int, error) {
	out := map[string]int{}
	if len(subjects) == 0 {
		return out, nil
	}
	cond, args := q.where(sc, k.Table.Kind)
	for _, s := range subjects {
		args = append(args, s)
	}
	var rows []struct {
		Subject string
		N       int
	}
	err := k.e.DB.Read().NewRaw("SELECT subject, count(*) AS n FROM process_case WHERE "+cond+" AND subject IN (?"+strings.Repeat(", ?", len(subjects)-1)+") GROUP BY subject", args...).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("count %s: %w", k.Table.Kind, err)
	}
	for _, r := range rows {
		out[r.Subject] = r.N
	}
	return out, nil
}

// Save writes a document without a step: for what is learnt and moves nothing.
func (k *Kind[D]) Save(ctx context.Context, tx *db.Tx, d *D) error {
	doc, err := json.Marshal(d)
	if err != nil {
		return err
	}
	c, x := k.Case(d), k.hooks.Index(d)
	_, err = tx.NewRaw(`INSERT INTO process_case (kind, id, side, number, department, member, peer, ref, subject, title, state, turn, due, format, doc, created, updated)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (kind, id, side) DO UPDATE SET number = excluded.number, department = excluded.department, member = excluded.member, peer = excluded.peer,
		ref = excluded.ref, subject = excluded.subject, title = excluded.title, state = excluded.state, turn = excluded.turn, format = excluded.format,
		doc = excluded.doc, updated = excluded.updated`,
		k.Table.Kind, c.ID, string(c.Side), c.Number, c.Department, x.Member, x.Peer, x.Ref, x.Subject, x.Title, string(c.State), k.turn(d), int64(noDue),
		max(k.Format, 1), string(doc), c.Created.UnixMicro(), c.Updated.UnixMicro()).Exec(ctx)
	if err != nil {
		return fmt.Errorf("save %s: %w", k.Table.Kind, err)
	}
	return nil
}

func (k *Kind[D]) saveStep(ctx context.Context, tx *db.Tx, c *Case, s Step) error {
	_, err := tx.NewRaw("INSERT INTO process_step (id, kind, case_id, side, time, actor, event, from_state, to_state, note) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		s.ID, k.Table.Kind, c.ID, string(c.Side), s.Time.UnixMicro(), s.Actor, string(s.Event), string(s.From), string(s.To), s.Note).Exec(ctx)
	if err != nil {
		return fmt.Errorf("write history: %w", err)
	}
	return nil
}

// History reads the steps of a case, oldest first; the caller has read the case within its scope.
func (k *Kind[D]) History(ctx context.Context, tx *db.Tx, d *D) ([]Step, error) {
	c := k.Case(d)
	return history(ctx, tx, k.Table.Kind, c.ID, string(c.Side))
}

func history(ctx context.Context, tx *db.Tx, kind, id, side string) ([]Step, error) {
	var rows []struct {
		ID, Actor, Event, FromState, ToState, Note string
		Time                                       int64
	}
	err := tx.NewRaw("SELECT id, actor, event, from_state, to_state, note, time FROM process_step WHERE kind = ? AND case_id = ? AND side = ? ORDER BY time, id",
		kind, id, side).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("read history: %w", err)
	}
	out := make([]Step, len(rows))
	for i, r := range rows {
		out[i] = Step{ID: r.ID, Time: time.UnixMicro(r.Time).UTC(), Actor: r.Actor, Event: Event(r.Event), From: State(r.FromState), To: State(r.ToState), Note: r.Note}
	}
	return out, nil
}

// free draws a number that no case of this node has.
func (e *Engine) free(ctx context.Context, tx *db.Tx, at time.Time) (string, error) {
	for {
		n := NewNumber(at)
		var taken int
		if err := tx.NewRaw("SELECT count(*) FROM process_case WHERE number = ?", n).Scan(ctx, &taken); err != nil {
			return "", fmt.Errorf("draw a number: %w", err)
		}
		if taken == 0 {
			return n, nil
		}
	}
}

// SetDue notes the earliest deadline of a case that its own department must keep; zero: none. deadline.Service calls it in
// the transaction that changes a clock.
func (e *Engine) SetDue(ctx context.Context, tx *db.Tx, subject, department string, due time.Time) error {
	kind, id, ok := strings.Cut(subject, "/")
	if !ok {
		return nil
	}
	at := int64(noDue)
	if !due.IsZero() {
		at = due.UnixMicro()
	}
	if _, err := tx.NewRaw("UPDATE process_case SET due = ? WHERE kind = ? AND id = ? AND department = ? AND due <> ?", at, kind, id, department, at).Exec(ctx); err != nil {
		return fmt.Errorf("note the deadline of a case: %w", err)
	}
	return nil
}
