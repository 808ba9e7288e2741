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

// Migrate creates the table of notices to ask again; the cases are the kernel's.
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
