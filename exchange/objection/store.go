package objection

import (
	"context"
	"database/sql"
	"embed"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/kuayu/kuayu/internal/db"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrate creates the room's tables.
func Migrate(ctx context.Context, d *db.DB) error {
	return d.Migrate(ctx, "objection", migrations, "migrations")
}

// one reads one row of the scope; ErrNoSuch.
func one[T any](ctx context.Context, tx *db.Tx, sc db.Scope, table, where string, args ...any) (*T, error) {
	cond, sargs := sc.Where("department")
	var doc string
	err := tx.NewRaw("SELECT doc FROM "+table+" WHERE "+where+" AND "+cond+" LIMIT 1", append(args, sargs...)...).Scan(ctx, &doc)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, ErrNoSuch.With()
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", table, err)
	}
	v := new(T)
	if err := json.Unmarshal([]byte(doc), v); err != nil {
		return nil, fmt.Errorf("read %s: %w", table, err)
	}
	return v, nil
}

// many reads rows of the scope.
func many[T any](ctx context.Context, d *db.DB, sc db.Scope, table, where, order string, limit int, args ...any) ([]T, error) {
	cond, sargs := sc.Where("department")
	args = append(append(args, sargs...), min(max(limit, 1), 500))
	var docs []string
	if err := d.Read().NewRaw("SELECT doc FROM "+table+" WHERE "+where+" AND "+cond+" ORDER BY "+order+" LIMIT ?", args...).Scan(ctx, &docs); err != nil {
		return nil, fmt.Errorf("list %s: %w", table, err)
	}
	out := make([]T, len(docs))
	for i := range docs {
		if err := json.Unmarshal([]byte(docs[i]), &out[i]); err != nil {
			return nil, fmt.Errorf("list %s: %w", table, err)
		}
	}
	return out, nil
}

func (s *Service) save(ctx context.Context, tx *db.Tx, c *Correction) error {
	doc, err := json.Marshal(c)
	if err != nil {
		return err
	}
	_, err = tx.NewRaw(`INSERT INTO objection_correction (id, role, department, member, agreement, state, doc, updated) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id, role) DO UPDATE SET state = excluded.state, doc = excluded.doc, updated = excluded.updated`,
		c.ID, string(c.Role), c.Department(), c.other().Member, c.Agreement, string(c.State), string(doc), c.Updated.UnixMicro()).Exec(ctx)
	if err != nil {
		return fmt.Errorf("save correction: %w", err)
	}
	return nil
}

func (s *Service) saveRefetch(ctx context.Context, tx *db.Tx, r *Refetch) error {
	doc, err := json.Marshal(r)
	if err != nil {
		return err
	}
	done := 0
	if !r.Done.IsZero() {
		done = 1
	}
	_, err = tx.NewRaw(`INSERT INTO objection_refetch (id, department, agreement, done, doc, since) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET done = excluded.done, doc = excluded.doc`, r.ID, r.Department, r.Agreement, done, string(doc), r.Since.UnixMicro()).Exec(ctx)
	if err != nil {
		return fmt.Errorf("save refetch: %w", err)
	}
	return nil
}

func (s *Service) saveDispute(ctx context.Context, tx *db.Tx, d *Dispute) error {
	doc, err := json.Marshal(d)
	if err != nil {
		return err
	}
	_, err = tx.NewRaw(`INSERT INTO objection_dispute (id, role, department, member, state, doc, updated) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id, role) DO UPDATE SET state = excluded.state, doc = excluded.doc, updated = excluded.updated`,
		d.ID, string(d.Side), d.own().Department, d.other().Member, string(d.Stage), string(doc), d.Updated.UnixMicro()).Exec(ctx)
	if err != nil {
		return fmt.Errorf("save dispute: %w", err)
	}
	return nil
}

// Correction returns a correction of the scope.
func (s *Service) Correction(ctx context.Context, sc db.Scope, id string) (*Correction, error) {
	return one[Correction](ctx, s.db.Read(), sc, "objection_correction", "id = ?", id)
}

// Corrections lists the scope's corrections, latest first.
func (s *Service) Corrections(ctx context.Context, sc db.Scope, limit int) ([]Correction, error) {
	return s.CorrectionsAfter(ctx, sc, "", limit)
}

// CorrectionsAfter is Corrections from a cursor on: db.LatestAfter of the last line before.
func (s *Service) CorrectionsAfter(ctx context.Context, sc db.Scope, after string, limit int) ([]Correction, error) {
	on, place := db.Latest(after)
	return many[Correction](ctx, s.db, sc, "objection_correction", on, "updated DESC, id", limit, place...)
}

// Dispute returns a dispute of the scope.
func (s *Service) Dispute(ctx context.Context, sc db.Scope, id string) (*Dispute, error) {
	return one[Dispute](ctx, s.db.Read(), sc, "objection_dispute", "id = ?", id)
}

// Disputes lists the scope's disputes, latest first.
func (s *Service) Disputes(ctx context.Context, sc db.Scope, limit int) ([]Dispute, error) {
	return s.DisputesAfter(ctx, sc, "", limit)
}

// DisputesAfter is Disputes from a cursor on: db.LatestAfter of the last line before.
func (s *Service) DisputesAfter(ctx context.Context, sc db.Scope, after string, limit int) ([]Dispute, error) {
	on, place := db.Latest(after)
	return many[Dispute](ctx, s.db, sc, "objection_dispute", on, "updated DESC, id", limit, place...)
}
