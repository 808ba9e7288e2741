package catalog

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/kuayu/kuayu/exchange/source"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/support/identity"
)

// MountedSource is a department's source of data.
type MountedSource struct {
	ID         string      `json:"id"`
	Department string      `json:"department"`
	Spec       source.Spec `json:"spec"`
}

// AddSource registers a source for a department and checks that it opens. Only an operator may: a source names files
// and passwords of the machine. Data officers mount resources on it.
func (s *Service) AddSource(ctx context.Context, sess *identity.Session, department, id string, spec source.Spec) ([]source.Table, error) {
	if err := sess.Require(identity.Operator); err != nil {
		return nil, err
	}
	if id == "" || len(id) > 64 || department == "" {
		return nil, ErrSource.With("identifier missing or too long", "编号为空或过长")
	}
	src, err := source.Open(ctx, spec)
	if err != nil {
		return nil, err
	}
	defer func() { _ = src.Close() }()
	tables, err := src.Discover(ctx)
	if err != nil {
		return nil, err
	}
	b, err := json.Marshal(spec)
	if err != nil {
		return nil, err
	}
	return tables, s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		res, err := tx.NewRaw("INSERT INTO catalog_source (id, department, spec) VALUES (?, ?, ?) ON CONFLICT (id) DO NOTHING", id, department, string(b)).Exec(ctx)
		if err != nil {
			return fmt.Errorf("add source: %w", err)
		}
		if n, _ := res.RowsAffected(); n == 0 {
			return ErrTaken.With(id)
		}
		return nil
	})
}

// Source returns a source of the scope.
func (s *Service) Source(ctx context.Context, sc db.Scope, id string) (*MountedSource, error) {
	cond, args := sc.Where("department")
	var r struct{ ID, Department, Spec string }
	err := s.db.Read().NewRaw("SELECT id, department, spec FROM catalog_source WHERE id = ? AND "+cond, append([]any{id}, args...)...).Scan(ctx, &r)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, ErrSource.With("no such source", "没有这个数据源")
	}
	if err != nil {
		return nil, fmt.Errorf("source: %w", err)
	}
	m := &MountedSource{ID: r.ID, Department: r.Department}
	return m, json.Unmarshal([]byte(r.Spec), &m.Spec)
}

// Sources lists the sources of the scope.
func (s *Service) Sources(ctx context.Context, sc db.Scope) ([]MountedSource, error) {
	cond, args := sc.Where("department")
	var rows []struct{ ID, Department, Spec string }
	if err := s.db.Read().NewRaw("SELECT id, department, spec FROM catalog_source WHERE "+cond+" ORDER BY id", args...).Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("sources: %w", err)
	}
	out := make([]MountedSource, len(rows))
	for i, r := range rows {
		out[i] = MountedSource{ID: r.ID, Department: r.Department}
		if err := json.Unmarshal([]byte(r.Spec), &out[i].Spec); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// checkMount checks that the items are columns of the table: a catalogue that promises what the source lacks is a lie.
func (s *Service) checkMount(ctx context.Context, sc db.Scope, r *Resource, sourceID, table string) error {
	m, err := s.Source(ctx, sc, sourceID)
	if err != nil {
		return err
	}
	src, err := source.Open(ctx, m.Spec)
	if err != nil {
		return err
	}
	defer func() { _ = src.Close() }()
	tables, err := src.Discover(ctx)
	if err != nil {
		return err
	}
	for i := range tables {
		if tables[i].Name != table {
			continue
		}
		cols := map[string]bool{}
		for _, c := range tables[i].Columns {
			cols[c.Name] = true
		}
		for _, it := range r.Items {
			if !cols[it.Name] {
				return ErrSource.With("the table has no column "+it.Name, "表中没有列 "+it.Name)
			}
		}
		return nil
	}
	return ErrSource.With("no table "+table, "没有表 "+table)
}

// Mount says where a resource's rows are.
type Mount struct {
	Source source.Spec
	ID     string // of the source
	Table  string
}

// Mounted returns where a resource is mounted; for the node's own gateway.
func (s *Service) Mounted(ctx context.Context, code string) (*Resource, *Mount, error) {
	r, m, err := get(ctx, s.db.Read(), db.System("gateway"), code, false)
	if err != nil {
		return nil, nil, err
	}
	if m.ID == "" {
		return nil, nil, ErrSource.With("not mounted", "尚未挂接数据源")
	}
	src, err := s.Source(ctx, db.System("gateway"), m.ID)
	if err != nil {
		return nil, nil, err
	}
	m.Source = src.Spec
	return r, m, nil
}
