package catalog

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/kuayu/kuayu/exchange/source"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/policy"
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
	if err := source.CheckKeys(ctx, src, tables); err != nil {
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
	missing, err := s.columnsMissing(ctx, sc, r, sourceID, table)
	if err != nil {
		return err
	}
	if len(missing) > 0 {
		all := strings.Join(missing, ", ")
		return ErrSource.With("the table has no column "+all, "表中没有列 "+all)
	}
	return nil
}

// columnsMissing lists the items that are no columns of a table of a source of the scope.
func (s *Service) columnsMissing(ctx context.Context, sc db.Scope, r *Resource, sourceID, table string) ([]string, error) {
	m, err := s.Source(ctx, sc, sourceID)
	if err != nil {
		return nil, err
	}
	src, err := source.Open(ctx, m.Spec)
	if err != nil {
		return nil, err
	}
	defer func() { _ = src.Close() }()
	tables, err := src.Discover(ctx)
	if err != nil {
		return nil, err
	}
	for i := range tables {
		if tables[i].Name != table {
			continue
		}
		cols := map[string]bool{}
		for _, c := range tables[i].Columns {
			cols[c.Name] = true
		}
		var missing []string
		for k := range r.Items {
			if !cols[r.Items[k].Name] {
				missing = append(missing, r.Items[k].Name)
			}
		}
		return missing, nil
	}
	return nil, ErrSource.With("no table "+table, "没有表 "+table)
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

// MountState says whether the rows behind an entry can be had (挂接状态).
type MountState string

// The states of a mount.
const (
	Mounted   MountState = "mounted"
	Unmounted MountState = "unmounted"
	Broken    MountState = "broken" // the source cannot be opened, or the table or a column is gone
)

// MountKind is what stands under an entry for those who may use it.
type MountKind string

// The kinds, by the entry's modes: rows asked for one request at a time, tables delivered in batches, files.
const (
	MountAPI   MountKind = "api"
	MountTable MountKind = "table"
	MountFile  MountKind = "file"
)

// MountReport is the state of an entry's mount when it was looked at.
type MountReport struct {
	Code    string      `json:"code"`
	State   MountState  `json:"state"`
	Kinds   []MountKind `json:"kinds"`
	Source  string      `json:"source,omitempty"`
	Table   string      `json:"table,omitempty"`
	Missing []string    `json:"missing,omitempty"` // items that are no columns
	Zh      string      `json:"zh,omitempty"`      // what is wrong
	En      string      `json:"en,omitempty"`
}

// kinds of a mount follow from the modes.
func (r *Resource) kinds() []MountKind {
	var out []MountKind
	add := func(k MountKind) {
		if !slices.Contains(out, k) {
			out = append(out, k)
		}
	}
	for _, m := range r.Modes {
		switch m {
		case policy.ModeQuery, policy.ModeVerify:
			add(MountAPI)
		case policy.ModeBatch:
			add(MountTable)
		case policy.ModeFile:
			add(MountFile)
		}
	}
	return out
}

// CheckMount looks whether the rows behind an entry of the scope can be had now: of the version in force, or else of the
// draft.
func (s *Service) CheckMount(ctx context.Context, sc db.Scope, code string) (*MountReport, error) {
	r, m, err := get(ctx, s.db.Read(), sc, code, false)
	if err != nil {
		return nil, err
	}
	out := &MountReport{Code: code, State: Unmounted, Kinds: r.kinds(), Source: m.ID, Table: m.Table}
	if m.ID == "" {
		out.Zh, out.En = "尚未挂接数据源", "not mounted on a source yet"
		return out, nil
	}
	out.State = Mounted
	missing, err := s.columnsMissing(ctx, db.System("mount"), r, m.ID, m.Table)
	if err != nil {
		e := errs.As(err)
		out.State, out.Zh, out.En = Broken, e.Zh, e.En
		return out, nil
	}
	if len(missing) > 0 {
		out.State, out.Missing = Broken, missing
		out.Zh, out.En = "表中缺少列", "the table lacks columns"
	}
	return out, nil
}
