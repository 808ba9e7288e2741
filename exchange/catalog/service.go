package catalog

import (
	"context"
	"database/sql"
	"embed"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/kuayu/kuayu/exchange/source"
	"github.com/kuayu/kuayu/internal/clock"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/support/evidence"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/seal"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrate creates the room's tables.
func Migrate(ctx context.Context, d *db.DB) error {
	return d.Migrate(ctx, "catalog", migrations, "migrations")
}

// Service is the room.
type Service struct {
	db      *db.DB
	clock   clock.Clock
	outbox  *evidence.Outbox
	watcher Watcher // nil: nobody
}

// NewService wires the room.
func NewService(d *db.DB, c clock.Clock, o *evidence.Outbox) *Service {
	return &Service{db: d, clock: c, outbox: o}
}

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

// Save stores a draft (new, or a new version of an entry of the same department) and where it is mounted.
func (s *Service) Save(ctx context.Context, sess *identity.Session, r Resource, sourceID, table string) error {
	if err := sess.Require(identity.DataOfficer); err != nil {
		return err
	}
	r.Department, r.State, r.Published = sess.Department, Draft, nil
	if err := r.Check(); err != nil {
		return err
	}
	if sourceID != "" {
		if err := s.checkMount(ctx, sess, &r, sourceID, table); err != nil {
			return err
		}
	}
	return s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		var had struct {
			Department string
			Version    int
			State      string
		}
		err := tx.NewRaw("SELECT department, version, state FROM catalog_resource WHERE code = ?", r.Code).Scan(ctx, &had)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("save: %w", err)
		}
		if err == nil && had.Department != sess.Department {
			return ErrTaken.With(r.Code)
		}
		r.Version = had.Version + 1
		doc, err := json.Marshal(&r)
		if err != nil {
			return err
		}
		_, err = tx.NewRaw(`INSERT INTO catalog_resource (code, department, name, state, version, doc, source, source_table, published) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0)
			ON CONFLICT (code) DO UPDATE SET name = excluded.name, state = excluded.state, version = excluded.version, doc = excluded.doc, source = excluded.source, source_table = excluded.source_table`,
			r.Code, r.Department, r.Name, r.State, r.Version, string(doc), sourceID, table).Exec(ctx)
		if err != nil {
			return fmt.Errorf("save: %w", err)
		}
		_, err = tx.NewRaw("INSERT INTO catalog_version (code, version, doc, time, actor) VALUES (?, ?, ?, ?, ?)", r.Code, r.Version, string(doc), s.clock.Now().UnixMicro(), sess.Actor).Exec(ctx)
		if err != nil || had.State != Published {
			return err
		}
		return s.noteChange(ctx, tx, r.Code)
	})
}

// checkMount checks that the items are columns of the table: a catalogue that promises what the source lacks is a lie.
func (s *Service) checkMount(ctx context.Context, sess *identity.Session, r *Resource, sourceID, table string) error {
	m, err := s.Source(ctx, db.In(sess.Division, sess.Department, sess.Actor), sourceID)
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

// Publish makes an entry visible to all members. The head of the department signs it off (Decree 809 art. 13).
func (s *Service) Publish(ctx context.Context, sess *identity.Session, code string) (*Resource, error) {
	if err := sess.Require(identity.DepartmentHead); err != nil {
		return nil, err
	}
	return s.change(ctx, sess, code, "catalog.published", func(r *Resource) error {
		if r.State == Published {
			return ErrState.With(r.State)
		}
		now := s.clock.Now()
		r.State, r.Published = Published, &now
		return r.Check()
	})
}

// Withdraw takes an entry out of the catalogue. Agreements made under it go on by their own terms.
func (s *Service) Withdraw(ctx context.Context, sess *identity.Session, code string) (*Resource, error) {
	if err := sess.Require(identity.DepartmentHead); err != nil {
		return nil, err
	}
	return s.change(ctx, sess, code, "catalog.withdrawn", func(r *Resource) error {
		if r.State != Published {
			return ErrState.With(r.State)
		}
		r.State = Withdrawn
		return nil
	})
}

func (s *Service) change(ctx context.Context, sess *identity.Session, code, kind string, f func(*Resource) error) (*Resource, error) {
	var r *Resource
	err := s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		var err error
		if r, _, err = get(ctx, tx, db.In(sess.Division, sess.Department, sess.Actor), code, false); err != nil {
			return err
		}
		if err := f(r); err != nil {
			return err
		}
		doc, err := json.Marshal(r)
		if err != nil {
			return err
		}
		var published int64
		if r.Published != nil {
			published = r.Published.UnixMicro()
		}
		if _, err := tx.NewRaw("UPDATE catalog_resource SET state = ?, doc = ?, published = ? WHERE code = ?", r.State, string(doc), published, code).Exec(ctx); err != nil {
			return fmt.Errorf("change entry: %w", err)
		}
		if err := s.noteChange(ctx, tx, code); err != nil {
			return err
		}
		h := evidence.Header{Note: code}
		return s.outbox.Put(ctx, tx, evidence.Draft{
			Kind: kind, ID: fmt.Sprintf("%s/%s/%d", kind, code, s.clock.Now().UnixMicro()), Header: h.Encode(), Body: doc,
			Actor: seal.Actor{Department: sess.Department, Officer: sess.Actor},
		})
	})
	return r, err
}

// Mount says where a resource's rows are.
type Mount struct {
	Source source.Spec
	ID     string // of the source
	Table  string
}

func get(ctx context.Context, tx *db.Tx, sc db.Scope, code string, publishedToo bool) (*Resource, *Mount, error) {
	cond, args := sc.Where("department")
	if publishedToo {
		cond = "(state = 'published' OR " + cond + ")"
	}
	var row struct{ Doc, Source, SourceTable string }
	err := tx.NewRaw("SELECT doc, source, source_table FROM catalog_resource WHERE code = ? AND "+cond, append([]any{code}, args...)...).Scan(ctx, &row)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil, ErrNoSuch.With()
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read entry: %w", err)
	}
	r := &Resource{}
	if err := json.Unmarshal([]byte(row.Doc), r); err != nil {
		return nil, nil, fmt.Errorf("read entry: %w", err)
	}
	return r, &Mount{ID: row.Source, Table: row.SourceTable}, nil
}

// Get returns an entry: a published one to anybody, a draft to its department.
func (s *Service) Get(ctx context.Context, sc db.Scope, code string) (*Resource, error) {
	r, _, err := get(ctx, s.db.Read(), sc, code, true)
	return r, err
}

// GetTx is Get inside a transaction.
func (s *Service) GetTx(ctx context.Context, tx *db.Tx, sc db.Scope, code string) (*Resource, error) {
	r, _, err := get(ctx, tx, sc, code, true)
	return r, err
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

// List returns the published entries after the cursor (a code), and with own also all of the scope's department.
func (s *Service) List(ctx context.Context, sc db.Scope, own bool, after string, limit int) ([]Resource, error) {
	cond, args := "state = 'published'", []any{}
	if own {
		c, a := sc.Where("department")
		cond, args = "(state = 'published' OR "+c+")", a
	}
	var docs []string
	err := s.db.Read().NewRaw("SELECT doc FROM catalog_resource WHERE code > ? AND "+cond+" ORDER BY code LIMIT ?", append(append([]any{after}, args...), min(max(limit, 1), 500))...).Scan(ctx, &docs)
	if err != nil {
		return nil, fmt.Errorf("list entries: %w", err)
	}
	out := make([]Resource, len(docs))
	for i, d := range docs {
		if err := json.Unmarshal([]byte(d), &out[i]); err != nil {
			return nil, fmt.Errorf("list entries: %w", err)
		}
	}
	return out, nil
}
