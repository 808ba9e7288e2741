package demand

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
	return d.Migrate(ctx, "demand", migrations, "migrations")
}

func (s *Service) load(ctx context.Context, tx *db.Tx, sc db.Scope, id string, sides ...Side) (*Demand, error) {
	cond, args := sc.Where("department")
	where := "id = ?"
	if len(sides) == 1 {
		where += " AND side = ?"
		args = append([]any{string(sides[0])}, args...)
	}
	var doc string
	err := tx.NewRaw("SELECT doc FROM demand_demand WHERE "+where+" AND "+cond+" ORDER BY side LIMIT 1", append([]any{id}, args...)...).Scan(ctx, &doc)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, ErrNoSuch.With()
	}
	if err != nil {
		return nil, fmt.Errorf("read demand: %w", err)
	}
	d := &Demand{}
	if err := json.Unmarshal([]byte(doc), d); err != nil {
		return nil, fmt.Errorf("read demand: %w", err)
	}
	return d, nil
}

func (s *Service) save(ctx context.Context, tx *db.Tx, d *Demand) error {
	doc, err := json.Marshal(d)
	if err != nil {
		return err
	}
	_, err = tx.NewRaw(`INSERT INTO demand_demand (id, side, department, member, state, doc, updated) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id, side) DO UPDATE SET department = excluded.department, state = excluded.state, doc = excluded.doc, updated = excluded.updated`,
		d.ID, string(d.Side), d.Department, d.Asker.Member, string(d.State), string(doc), d.Updated.UnixMicro()).Exec(ctx)
	if err != nil {
		return fmt.Errorf("save demand: %w", err)
	}
	return nil
}

// Get returns a demand of the scope.
func (s *Service) Get(ctx context.Context, sc db.Scope, id string) (*Demand, error) {
	return s.load(ctx, s.d.DB.Read(), sc, id)
}

// List lists the scope's demands, latest first; state empty: in any state.
func (s *Service) List(ctx context.Context, sc db.Scope, state State, limit int) ([]Demand, error) {
	return s.Page(ctx, sc, state, "", limit)
}

// Page is List from a cursor on: db.LatestAfter of the last line before.
func (s *Service) Page(ctx context.Context, sc db.Scope, state State, after string, limit int) ([]Demand, error) {
	cond, args := sc.Where("department")
	on, place := db.Latest(after)
	cond, args = cond+" AND "+on, append(args, place...)
	if state != "" {
		cond += " AND state = ?"
		args = append(args, string(state))
	}
	var docs []string
	if err := s.d.DB.Read().NewRaw("SELECT doc FROM demand_demand WHERE "+cond+" ORDER BY updated DESC, id LIMIT ?", append(args, min(max(limit, 1), 500))...).Scan(ctx, &docs); err != nil {
		return nil, fmt.Errorf("list demands: %w", err)
	}
	out := make([]Demand, len(docs))
	for i := range docs {
		if err := json.Unmarshal([]byte(docs[i]), &out[i]); err != nil {
			return nil, fmt.Errorf("list demands: %w", err)
		}
	}
	return out, nil
}
