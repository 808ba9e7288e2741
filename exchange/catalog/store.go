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
)

// own is the scope of the session's department alone, whatever other roles it has.
func own(sess *identity.Session) db.Scope { return db.In(sess.Division, sess.Department, sess.Actor) }

// The published version of an entry, or the draft of one that never was in force, is a row of catalog_resource: what the
// gateway, agreements and other members read. catalog_entry is where the entry stands and the version being worked on.

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

// entryRow is a row of catalog_entry.
type entryRow struct {
	Code, Department, State, Doc, Work, Source, SourceTable string
	Version, InForce                                        int
}

const entryColumns = "code, department, state, version, in_force, doc, work, source, source_table"

func (row *entryRow) entry() (*Dossier, error) {
	e := &Dossier{}
	if err := json.Unmarshal([]byte(row.Doc), e); err != nil {
		return nil, fmt.Errorf("read entry: %w", err)
	}
	e.Code, e.Department, e.State, e.Version, e.InForce = row.Code, row.Department, State(row.State), row.Version, row.InForce
	e.Source, e.Table, e.Resource = row.Source, row.SourceTable, &Resource{}
	if err := json.Unmarshal([]byte(row.Work), e.Resource); err != nil {
		return nil, fmt.Errorf("read entry: %w", err)
	}
	return e, nil
}

// entry reads where an entry of the scope stands, with the version being worked on.
func (s *Service) entry(ctx context.Context, tx *db.Tx, sc db.Scope, code string) (*Dossier, error) {
	cond, args := sc.Where("department")
	var row entryRow
	err := tx.NewRaw("SELECT "+entryColumns+" FROM catalog_entry WHERE code = ? AND "+cond, append([]any{code}, args...)...).Scan(ctx, &row)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, ErrNoSuch.With()
	}
	if err != nil {
		return nil, fmt.Errorf("read entry: %w", err)
	}
	return row.entry()
}

// saveEntry writes where an entry stands and the version being worked on.
func (s *Service) saveEntry(ctx context.Context, tx *db.Tx, e *Dossier) error {
	work, err := json.Marshal(e.Resource)
	if err != nil {
		return err
	}
	bare := *e
	bare.Resource, bare.Assessments, bare.Missing, bare.Source, bare.Table = nil, nil, nil, "", ""
	doc, err := json.Marshal(&bare)
	if err != nil {
		return err
	}
	_, err = tx.NewRaw(`INSERT INTO catalog_entry (code, department, state, version, in_force, name_key, doc, work, source, source_table, updated) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (code) DO UPDATE SET state = excluded.state, version = excluded.version, in_force = excluded.in_force, name_key = excluded.name_key,
		doc = excluded.doc, work = excluded.work, source = excluded.source, source_table = excluded.source_table, updated = excluded.updated`,
		e.Code, e.Department, string(e.State), e.Version, e.InForce, nameKey(e.Resource.Name), string(doc), string(work), e.Source, e.Table, e.Updated.UnixMicro()).Exec(ctx)
	if err != nil {
		return fmt.Errorf("save entry: %w", err)
	}
	return nil
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

// step writes one line of the history.
func (s *Service) step(ctx context.Context, tx *db.Tx, e *Dossier, x Act) error {
	_, err := tx.NewRaw("INSERT INTO catalog_step (id, code, department, time, actor, event, from_state, to_state, version, note) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		x.ID, e.Code, e.Department, x.Time, x.Actor, string(x.Event), string(x.From), string(x.To), x.Version, x.Note).Exec(ctx)
	if err != nil {
		return fmt.Errorf("history: %w", err)
	}
	return nil
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
	if e.State.Drafting() {
		e.Missing, err = s.missing(ctx, tx, e.Resource, e.Assessments)
	}
	return err
}

// InReview narrows a list of entries to those that wait for the authority.
const InReview = "review"

// Dossiers lists where the scope's entries stand, by code after the cursor; state narrows the list, InReview to all that
// wait for the authority.
func (s *Service) Dossiers(ctx context.Context, sc db.Scope, state State, after string, limit int) ([]Dossier, error) {
	cond, args := sc.Where("department")
	switch state {
	case "":
	case InReview:
		cond, args = cond+" AND state IN (?, ?, ?)", append(args, string(Signed), string(UpdateSigned), string(RevokePending))
	default:
		cond, args = cond+" AND state = ?", append(args, string(state))
	}
	var rows []entryRow
	err := s.db.Read().NewRaw("SELECT "+entryColumns+" FROM catalog_entry WHERE code > ? AND "+cond+" ORDER BY code LIMIT ?", append(append([]any{after}, args...), min(max(limit, 1), 500))...).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("list entries: %w", err)
	}
	out := make([]Dossier, len(rows))
	for i := range rows {
		e, err := rows[i].entry()
		if err != nil {
			return nil, err
		}
		out[i] = *e
	}
	return out, nil
}

// History returns the steps of an entry of the scope, oldest first.
func (s *Service) History(ctx context.Context, sc db.Scope, code string) ([]Act, error) {
	if _, err := s.entry(ctx, s.db.Read(), sc, code); err != nil {
		return nil, err
	}
	var rows []struct {
		ID, Actor, Event, FromState, ToState, Note string
		Time                                       int64
		Version                                    int
	}
	err := s.db.Read().NewRaw("SELECT id, actor, event, from_state, to_state, note, time, version FROM catalog_step WHERE code = ? ORDER BY time, id", code).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("history: %w", err)
	}
	out := make([]Act, len(rows))
	for i, r := range rows {
		out[i] = Act{ID: r.ID, Time: r.Time, Actor: r.Actor, Event: Event(r.Event), From: State(r.FromState), To: State(r.ToState), Version: r.Version, Note: r.Note}
	}
	return out, nil
}
