package catalog

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/process"
)

// own is the scope of the session's department alone, whatever other roles it has.
func own(sess *identity.Session) db.Scope { return db.In(sess.Division, sess.Department, sess.Actor) }

// The published version of an entry, or the draft of one that never was in force, is a row of catalog_resource: what the
// gateway, agreements and other members read. Where an entry stands and the version being
// worked on are its case.

func get(ctx context.Context, tx *db.Tx, sc db.Scope, code string, publishedToo bool) (*Resource, *Mount, error) {
	cond, args := sc.Where("department")
	if publishedToo {
		cond = "(state = 'published' OR " + cond + ")"
	}
	var row struct{ Doc, State, Source, SourceTable string }
	err := tx.NewRaw("SELECT doc, state, source, source_table FROM catalog_resource WHERE code = ? AND "+cond, append([]any{code}, args...)...).Scan(ctx, &row)
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
	r.State = State(row.State)
	return r, &Mount{ID: row.Source, Table: row.SourceTable}, nil
}

// Get returns an entry: a published one to anybody, a draft that never was published to its department.
func (s *Service) Get(ctx context.Context, sc db.Scope, code string) (*Resource, error) {
	r, _, err := get(ctx, s.db.Read(), sc, code, true)
	return r, err
}

// GetTx is Get inside a transaction.
func (s *Service) GetTx(ctx context.Context, tx *db.Tx, sc db.Scope, code string) (*Resource, error) {
	r, _, err := get(ctx, tx, sc, code, true)
	return r, err
}

// List returns the published entries after the cursor (a code), and with own also all of the scope's department.
func (s *Service) List(ctx context.Context, sc db.Scope, own bool, after string, limit int) ([]Resource, error) {
	cond, args := "state = 'published'", []any{}
	if own {
		c, a := sc.Where("department")
		cond, args = "(state = 'published' OR "+c+")", a
	}
	return s.resources(ctx, cond, args, after, limit)
}

func (s *Service) resources(ctx context.Context, cond string, args []any, after string, limit int) ([]Resource, error) {
	var rows []struct{ Doc, State string }
	err := s.db.Read().NewRaw("SELECT doc, state FROM catalog_resource WHERE code > ? AND "+cond+" ORDER BY code LIMIT ?", append(append([]any{after}, args...), min(max(limit, 1), 500))...).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("list entries: %w", err)
	}
	out := make([]Resource, len(rows))
	for i, d := range rows {
		if err := json.Unmarshal([]byte(d.Doc), &out[i]); err != nil {
			return nil, fmt.Errorf("list entries: %w", err)
		}
		out[i].State = State(d.State)
	}
	return out, nil
}

// entry reads where an entry of the scope stands, with the version being worked on.
func (s *Service) entry(ctx context.Context, tx *db.Tx, sc db.Scope, code string) (*Dossier, error) {
	return s.kind.Get(ctx, tx, sc, process.Query{ID: code})
}

// show writes what others may come to see: a draft that is the only version, what is in force, what was.
func (s *Service) show(ctx context.Context, tx *db.Tx, r *Resource, m Mount) error {
	doc, err := json.Marshal(r)
	if err != nil {
		return err
	}
	var published int64
	if r.Published != nil {
		published = r.Published.UnixMicro()
	}
	withheld := 0
	if r.Withheld() {
		withheld = 1
	}
	_, err = tx.NewRaw(`INSERT INTO catalog_resource (code, department, name, state, version, doc, source, source_table, published, withheld) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (code) DO UPDATE SET name = excluded.name, state = excluded.state, version = excluded.version, doc = excluded.doc, source = excluded.source,
		source_table = excluded.source_table, published = excluded.published, withheld = excluded.withheld`,
		r.Code, r.Department, r.Name, string(r.State), r.Version, string(doc), m.ID, m.Table, published, withheld).Exec(ctx)
	if err != nil {
		return fmt.Errorf("show entry: %w", err)
	}
	return nil
}

// Withheld reports whether the entry or one of its items is not shared.
func (r *Resource) Withheld() bool {
	if r.Sharing == NotShared {
		return true
	}
	for i := range r.Items {
		if r.Items[i].Sharing == NotShared {
			return true
		}
	}
	return false
}

// The stages of an entry's items in catalog_item.
const (
	stageWork  = "work"  // of the version being worked on
	stageForce = "force" // of the version in force
)

// indexItems writes the titles and data elements of a version, by which the register of sources finds them.
func (s *Service) indexItems(ctx context.Context, tx *db.Tx, r *Resource, stage string) error {
	if err := s.dropItems(ctx, tx, r.Code, stage); err != nil {
		return err
	}
	st, err := tx.Prepare(ctx, "INSERT INTO catalog_item (code, stage, name, department, title, title_key, element) VALUES (?, ?, ?, ?, ?, ?, ?)")
	if err != nil {
		return fmt.Errorf("index items: %w", err)
	}
	defer func() { _ = st.Close() }()
	for i := range r.Items {
		it := &r.Items[i]
		if _, err := st.ExecContext(ctx, r.Code, stage, it.Name, r.Department, it.Title, nameKey(it.Title), it.Element); err != nil {
			return fmt.Errorf("index items: %w", err)
		}
	}
	return nil
}

func (s *Service) dropItems(ctx context.Context, tx *db.Tx, code, stage string) error {
	if _, err := tx.NewRaw("DELETE FROM catalog_item WHERE code = ? AND stage = ?", code, stage).Exec(ctx); err != nil {
		return fmt.Errorf("index items: %w", err)
	}
	return nil
}

// digest is the SHA-256 of a version as it is stored: what a signature of the head of the department covers.
func digest(r *Resource) (string, error) {
	doc, err := json.Marshal(r)
	if err != nil {
		return "", err
	}
	h := sha256.Sum256(doc)
	return hex.EncodeToString(h[:]), nil
}

// assessments reads the assessments of a version.
func (s *Service) assessments(ctx context.Context, tx *db.Tx, code string, version int) ([]Assessment, error) {
	var docs []string
	if err := tx.NewRaw("SELECT doc FROM catalog_assessment WHERE code = ? AND version = ? ORDER BY time, id", code, version).Scan(ctx, &docs); err != nil {
		return nil, fmt.Errorf("read assessments: %w", err)
	}
	out := make([]Assessment, len(docs))
	for i := range docs {
		if err := json.Unmarshal([]byte(docs[i]), &out[i]); err != nil {
			return nil, fmt.Errorf("read assessments: %w", err)
		}
	}
	return out, nil
}

// Dossier returns where an entry of the scope stands: its latest version, what was assessed, what is missing.
func (s *Service) Dossier(ctx context.Context, sc db.Scope, code string) (*Dossier, error) {
	e, err := s.entry(ctx, s.db.Read(), sc, code)
	if err != nil {
		return nil, err
	}
	return e, s.fill(ctx, s.db.Read(), e)
}

func (s *Service) fill(ctx context.Context, tx *db.Tx, e *Dossier) error {
	var err error
	if e.Assessments, err = s.assessments(ctx, tx, e.Code, e.Version); err != nil {
		return err
	}
	if Drafting(e.State) {
		e.Missing, err = s.missing(ctx, tx, e.Resource, e.Assessments)
	}
	return err
}

// InReview narrows a list of entries to those that wait for the authority.
const InReview = "review"

// Dossiers lists where the scope's entries stand, by code after the cursor; state narrows the list, InReview to all that
// wait for the authority.
func (s *Service) Dossiers(ctx context.Context, sc db.Scope, state State, after string, limit int) ([]Dossier, error) {
	q := process.Query{ByID: true, From: after, Limit: min(max(limit, 1), 500)}
	switch state {
	case "":
	case InReview:
		q.States = []State{Signed, UpdateSigned, RevokePending}
	default:
		q.States = []State{state}
	}
	return s.kind.Find(ctx, s.db.Read(), sc, q)
}

// History returns the steps of an entry of the scope, oldest first.
func (s *Service) History(ctx context.Context, sc db.Scope, code string) ([]process.Step, error) {
	e, err := s.entry(ctx, s.db.Read(), sc, code)
	if err != nil {
		return nil, err
	}
	return s.kind.History(ctx, s.db.Read(), e)
}
