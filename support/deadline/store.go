package deadline

import (
	"context"
	"database/sql"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/kuayu/kuayu/internal/db"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrate creates the tables of this package.
func Migrate(ctx context.Context, d *db.DB) error {
	return d.Migrate(ctx, "deadline", migrations, "migrations")
}

// Pages have at most 500 lines; 50 if nothing is said.
const (
	fewLines  = 50
	mostLines = 500
)

func lines(n int) int {
	if n < 1 {
		return fewLines
	}
	return min(n, mostLines)
}

func number(b bool) int {
	if b {
		return 1
	}
	return 0
}

// saveClock writes a clock.
func (s *Service) saveClock(ctx context.Context, tx *db.Tx, k *Deadline) error {
	doc, err := json.Marshal(k)
	if err != nil {
		return err
	}
	_, err = tx.NewRaw(`INSERT INTO deadline_clock (id, department, subject, clock, holder, open, late, certain, due, doc)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET holder = excluded.holder, open = excluded.open, late = excluded.late, certain = excluded.certain,
		due = excluded.due, doc = excluded.doc`,
		k.ID, k.Department, k.Subject, string(k.Clock), string(k.Responsible), number(k.Open()), number(!k.Late.IsZero()), number(k.Certain),
		k.Due.UnixMicro(), string(doc)).Exec(ctx)
	if err != nil {
		return fmt.Errorf("save clock: %w", err)
	}
	return nil
}

func (s *Service) saveViolation(ctx context.Context, tx *db.Tx, v *Violation) error {
	doc, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = tx.NewRaw("INSERT INTO deadline_violation (id, department, code, subject, member, offender, time, doc) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
		v.ID, v.Department, string(v.Code), v.Subject, v.Offender.Member, v.Offender.Department, v.At.UnixMicro(), string(doc)).Exec(ctx)
	if err != nil {
		return fmt.Errorf("save violation: %w", err)
	}
	return nil
}

// decoded reads documents.
func decoded[T any](docs []string) ([]T, error) {
	out := make([]T, len(docs))
	for i := range docs {
		if err := json.Unmarshal([]byte(docs[i]), &out[i]); err != nil {
			return nil, fmt.Errorf("read document: %w", err)
		}
	}
	return out, nil
}

// clocks reads the scope's clocks of a subject, ended ones too, oldest first.
func (s *Service) clocks(ctx context.Context, tx *db.Tx, sc db.Scope, subject string) ([]Deadline, error) {
	cond, args := sc.Where("department")
	var docs []string
	err := tx.NewRaw("SELECT doc FROM deadline_clock WHERE subject = ? AND "+cond+" ORDER BY id", append([]any{subject}, args...)...).Scan(ctx, &docs)
	if err != nil {
		return nil, fmt.Errorf("read clocks: %w", err)
	}
	return decoded[Deadline](docs)
}

func (s *Service) byID(ctx context.Context, tx *db.Tx, sc db.Scope, id string) (*Deadline, error) {
	cond, args := sc.Where("department")
	var doc string
	err := tx.NewRaw("SELECT doc FROM deadline_clock WHERE id = ? AND "+cond, append([]any{id}, args...)...).Scan(ctx, &doc)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, ErrNoRunning.With(id)
	}
	if err != nil {
		return nil, fmt.Errorf("read clock: %w", err)
	}
	k := &Deadline{}
	return k, json.Unmarshal([]byte(doc), k)
}

// cursor is the place of a line in a list: its time and its ID.
func cursor(t time.Time, id string) string { return strconv.FormatInt(t.UnixMicro(), 10) + "." + id }

func parseCursor(s string) (t int64, id string, err error) {
	a, id, ok := strings.Cut(s, ".")
	t, err = strconv.ParseInt(a, 10, 64)
	if !ok || err != nil || len(id) > maxSubject {
		return 0, "", ErrCursor.With()
	}
	return t, id, nil
}

// OpenQuery narrows a list of open clocks; empty members do not.
type OpenQuery struct {
	Holder Role   // whose turn it is
	Clock  ID     //
	Late   bool   // only those that ran out
	After  string // Page.Next of the page before
	Limit  int    // at most 500; 0 means 50
}

// Page is a part of a list.
type Page[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next,omitempty"` // empty: no more
}

// Running lists the scope's open clocks, the most urgent first: whose turn it is, and until when.
func (s *Service) Running(ctx context.Context, sc db.Scope, q OpenQuery) (*Page[Deadline], error) {
	cond, args := sc.Where("department")
	cond = "open = 1 AND " + cond
	if q.Holder != "" {
		cond, args = cond+" AND holder = ?", append(args, string(q.Holder))
	}
	if q.Clock != "" {
		cond, args = cond+" AND clock = ?", append(args, string(q.Clock))
	}
	if q.Late {
		cond += " AND late = 1"
	}
	if q.After != "" {
		t, id, err := parseCursor(q.After)
		if err != nil {
			return nil, err
		}
		cond, args = cond+" AND (due > ? OR (due = ? AND id > ?))", append(args, t, t, id)
	}
	n := lines(q.Limit)
	var docs []string
	if err := s.db.Read().NewRaw("SELECT doc FROM deadline_clock WHERE "+cond+" ORDER BY due, id LIMIT ?", append(args, n+1)...).Scan(ctx, &docs); err != nil {
		return nil, fmt.Errorf("list clocks: %w", err)
	}
	return paged(docs, n, func(k *Deadline) string { return cursor(k.Due, k.ID) })
}

func paged[T any](docs []string, n int, mark func(*T) string) (*Page[T], error) {
	items, err := decoded[T](docs[:min(len(docs), n)])
	if err != nil {
		return nil, err
	}
	p := &Page[T]{Items: items}
	if len(docs) > n {
		p.Next = mark(&items[n-1])
	}
	return p, nil
}

// Of lists the scope's clocks of one subject, ended ones too, oldest first.
func (s *Service) Of(ctx context.Context, sc db.Scope, subject string) ([]Deadline, error) {
	return s.clocks(ctx, s.db.Read(), sc, subject)
}

// ViolationQuery narrows a list of violations; empty members do not.
type ViolationQuery struct {
	Member     string    // of the offender
	Department string    // of the offender
	Code       Code      //
	Subject    string    //
	From, To   time.Time // To is exclusive
	After      string    // Page.Next of the page before
	Limit      int       // at most 500; 0 means 50
}

func (q *ViolationQuery) where(sc db.Scope) (string, []any) {
	cond, args := sc.Where("department")
	for _, x := range []struct{ column, value string }{{"member", q.Member}, {"offender", q.Department}, {"code", string(q.Code)}, {"subject", q.Subject}} {
		if x.value != "" {
			cond, args = cond+" AND "+x.column+" = ?", append(args, x.value)
		}
	}
	if !q.From.IsZero() {
		cond, args = cond+" AND time >= ?", append(args, q.From.UnixMicro())
	}
	if !q.To.IsZero() {
		cond, args = cond+" AND time < ?", append(args, q.To.UnixMicro())
	}
	return cond, args
}

// Violations lists the scope's violations, latest first.
func (s *Service) Violations(ctx context.Context, sc db.Scope, q ViolationQuery) (*Page[Violation], error) {
	cond, args := q.where(sc)
	if q.After != "" {
		t, id, err := parseCursor(q.After)
		if err != nil {
			return nil, err
		}
		cond, args = cond+" AND (time < ? OR (time = ? AND id < ?))", append(args, t, t, id)
	}
	n := lines(q.Limit)
	var docs []string
	err := s.db.Read().NewRaw("SELECT doc FROM deadline_violation WHERE "+cond+" ORDER BY time DESC, id DESC LIMIT ?", append(args, n+1)...).Scan(ctx, &docs)
	if err != nil {
		return nil, fmt.Errorf("list violations: %w", err)
	}
	return paged(docs, n, func(v *Violation) string { return cursor(v.At, v.ID) })
}

// Tally is how often somebody committed a violation.
type Tally struct {
	Member     string `json:"member"`
	Department string `json:"department"`
	Code       Code   `json:"code"`
	Count      int    `json:"count"`
}

// Tallies counts the scope's violations by member, department and code, for indicators and bulletins (arts. 29 and 38).
// Paging members of the query do not matter.
func (s *Service) Tallies(ctx context.Context, sc db.Scope, q ViolationQuery) ([]Tally, error) {
	cond, args := q.where(sc)
	var rows []struct {
		Member, Offender, Code string
		N                      int
	}
	err := s.db.Read().NewRaw("SELECT member, offender, code, count(*) AS n FROM deadline_violation WHERE "+cond+
		" GROUP BY member, offender, code ORDER BY member, offender, code LIMIT 10000", args...).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("count violations: %w", err)
	}
	out := make([]Tally, len(rows))
	for i, r := range rows {
		out[i] = Tally{Member: r.Member, Department: r.Offender, Code: Code(r.Code), Count: r.N}
	}
	return out, nil
}
