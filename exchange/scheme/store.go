package scheme

import (
	"context"
	"database/sql"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/support/policy"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrate creates the tables of this package.
func Migrate(ctx context.Context, d *db.DB) error {
	return d.Migrate(ctx, "scheme", migrations, "migrations")
}

// load reads a scheme of the scope: a draft is its department's; what was sent to other members is for every department it
// names, and for all of them where it names none.
func (s *Service) load(ctx context.Context, tx *db.Tx, sc db.Scope, id string) (*Scheme, error) {
	var doc string
	err := tx.NewRaw("SELECT doc FROM scheme_scheme WHERE id = ?", id).Scan(ctx, &doc)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, ErrNoSuch.With()
	}
	if err != nil {
		return nil, fmt.Errorf("read scheme: %w", err)
	}
	x := &Scheme{}
	if err := json.Unmarshal([]byte(doc), x); err != nil {
		return nil, fmt.Errorf("read scheme: %w", err)
	}
	if !s.visible(sc, x) {
		return nil, ErrNoSuch.With()
	}
	return x, nil
}

func (s *Service) visible(sc db.Scope, x *Scheme) bool {
	own := policy.Party{Member: s.d.Self, Department: sc.Department}
	if sc.All() || x.Text.Owner == own {
		return true
	}
	if x.State == Draft || sc.Department == "" {
		return false
	}
	return x.Text.mayUse(own) || slices.ContainsFunc(x.Text.Entries, func(e Entry) bool { return e.Member == own.Member && e.Department == own.Department })
}

func (s *Service) save(ctx context.Context, tx *db.Tx, x *Scheme) error {
	x.Updated = s.d.Clock.Now()
	doc, err := json.Marshal(x)
	if err != nil {
		return err
	}
	owner := ""
	if x.Text.Owner.Member == s.d.Self {
		owner = x.Text.Owner.Department
	}
	_, err = tx.NewRaw(`INSERT INTO scheme_scheme (id, department, state, doc, updated) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET state = excluded.state, doc = excluded.doc, updated = excluded.updated`,
		x.ID, owner, string(x.State), string(doc), x.Updated.UnixMicro()).Exec(ctx)
	if err != nil {
		return fmt.Errorf("save scheme: %w", err)
	}
	return nil
}

func (s *Service) saveVersion(ctx context.Context, tx *db.Tx, t *Text, hash string, bytes []byte) error {
	_, err := tx.NewRaw("INSERT INTO scheme_version (id, version, hash, bytes, time) VALUES (?, ?, ?, ?, ?)", t.ID, t.Version, hash, string(bytes), s.d.Clock.Now().UnixMicro()).Exec(ctx)
	if err != nil {
		return fmt.Errorf("save version: %w", err)
	}
	return nil
}

// Get returns a scheme of the scope.
func (s *Service) Get(ctx context.Context, sc db.Scope, id string) (*Scheme, error) {
	return s.load(ctx, s.d.DB.Read(), sc, id)
}

// List lists the schemes of the scope, latest first.
func (s *Service) List(ctx context.Context, sc db.Scope, limit int) ([]Scheme, error) {
	var docs []string
	if err := s.d.DB.Read().NewRaw("SELECT doc FROM scheme_scheme ORDER BY updated DESC LIMIT 5000").Scan(ctx, &docs); err != nil {
		return nil, fmt.Errorf("list schemes: %w", err)
	}
	out := []Scheme{}
	for _, d := range docs {
		var x Scheme
		if err := json.Unmarshal([]byte(d), &x); err != nil {
			return nil, fmt.Errorf("list schemes: %w", err)
		}
		if s.visible(sc, &x) && len(out) < min(max(limit, 1), 500) {
			out = append(out, x)
		}
	}
	return out, nil
}

// Version is one that was in force.
type Version struct {
	Version int       `json:"version"`
	Hash    string    `json:"hash"`
	Time    time.Time `json:"time"`
	Text    Text      `json:"text"`
}

// Versions lists the versions of a scheme of the scope, latest first.
func (s *Service) Versions(ctx context.Context, sc db.Scope, id string) ([]Version, error) {
	if _, err := s.Get(ctx, sc, id); err != nil {
		return nil, err
	}
	var rows []struct {
		Version int
		Hash    string
		Bytes   string
		Time    int64
	}
	if err := s.d.DB.Read().NewRaw("SELECT version, hash, bytes, time FROM scheme_version WHERE id = ? ORDER BY version DESC", id).Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("list versions: %w", err)
	}
	out := make([]Version, len(rows))
	for i, r := range rows {
		out[i] = Version{Version: r.Version, Hash: r.Hash, Time: time.UnixMicro(r.Time).UTC()}
		if err := json.Unmarshal([]byte(r.Bytes), &out[i].Text); err != nil {
			return nil, fmt.Errorf("list versions: %w", err)
		}
	}
	return out, nil
}

// consent keeps a member's consent to a version of a number; its last word counts.
func (s *Service) consent(ctx context.Context, tx *db.Tx, id string, version int, member, hash string, at time.Time) error {
	_, err := tx.NewRaw(`INSERT INTO scheme_consent (id, version, member, hash, time, gone) VALUES (?, ?, ?, ?, ?, 0)
		ON CONFLICT (id, version, member) DO UPDATE SET hash = excluded.hash, time = excluded.time, gone = 0`, id, version, member, hash, at.UnixMicro()).Exec(ctx)
	if err != nil {
		return fmt.Errorf("keep consent: %w", err)
	}
	return nil
}

// consents are those to a version that are known here; some may have come before the text.
func (s *Service) consents(ctx context.Context, tx *db.Tx, id string, version int, hash string) ([]Consented, error) {
	var rows []struct {
		Member string
		Time   int64
		Gone   int
	}
	if err := tx.NewRaw("SELECT member, time, gone FROM scheme_consent WHERE id = ? AND version = ? AND hash = ? ORDER BY time, member", id, version, hash).Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("read consents: %w", err)
	}
	out := make([]Consented, len(rows))
	for i, r := range rows {
		out[i] = Consented{Member: r.Member, Time: time.UnixMicro(r.Time).UTC(), Left: r.Gone != 0}
	}
	return out, nil
}

// gone marks what a member has consented to so far: it is out of whatever of it comes into force. It reports whether there
// was anything.
func (s *Service) gone(ctx context.Context, tx *db.Tx, id, member string) (bool, error) {
	var versions []int
	if err := tx.NewRaw("UPDATE scheme_consent SET gone = 1 WHERE id = ? AND member = ? RETURNING version", id, member).Scan(ctx, &versions); err != nil {
		return false, fmt.Errorf("mark consents: %w", err)
	}
	return len(versions) > 0, nil
}

// decline remembers that a member will never consent to a version; the text may come later.
func (s *Service) decline(ctx context.Context, tx *db.Tx, id, member, hash string) error {
	if _, err := tx.NewRaw("INSERT INTO scheme_decline (id, hash, member) VALUES (?, ?, ?) ON CONFLICT (id, hash, member) DO NOTHING", id, hash, member).Exec(ctx); err != nil {
		return fmt.Errorf("keep refusal: %w", err)
	}
	return nil
}

// declined are the members that refused a version.
func (s *Service) declined(ctx context.Context, tx *db.Tx, id, hash string) ([]string, error) {
	var out []string
	if err := tx.NewRaw("SELECT member FROM scheme_decline WHERE id = ? AND hash = ? ORDER BY member", id, hash).Scan(ctx, &out); err != nil {
		return nil, fmt.Errorf("read refusals: %w", err)
	}
	return out, nil
}

// Enrolments lists the scope's departments that use a scheme.
func (s *Service) Enrolments(ctx context.Context, sc db.Scope, id string) ([]Enrolment, error) {
	return s.enrolments(ctx, s.d.DB.Read(), sc, id)
}

func (s *Service) enrolments(ctx context.Context, tx *db.Tx, sc db.Scope, id string) ([]Enrolment, error) {
	cond, args := sc.Where("department")
	var docs []string
	if err := tx.NewRaw("SELECT doc FROM scheme_enrolment WHERE scheme = ? AND "+cond+" ORDER BY department", append([]any{id}, args...)...).Scan(ctx, &docs); err != nil {
		return nil, fmt.Errorf("list enrolments: %w", err)
	}
	out := make([]Enrolment, len(docs))
	for i, d := range docs {
		if err := json.Unmarshal([]byte(d), &out[i]); err != nil {
			return nil, fmt.Errorf("list enrolments: %w", err)
		}
	}
	return out, nil
}

func (s *Service) endEnrolments(ctx context.Context, tx *db.Tx, id string) error {
	if _, err := tx.NewRaw("DELETE FROM scheme_enrolment WHERE scheme = ?", id).Exec(ctx); err != nil {
		return fmt.Errorf("end enrolments: %w", err)
	}
	return nil
}

func (s *Service) saveEnrolment(ctx context.Context, tx *db.Tx, e *Enrolment) error {
	doc, err := json.Marshal(e)
	if err != nil {
		return err
	}
	_, err = tx.NewRaw("INSERT INTO scheme_enrolment (scheme, department, doc) VALUES (?, ?, ?) ON CONFLICT (scheme, department) DO UPDATE SET doc = excluded.doc", e.Scheme, e.Department, string(doc)).Exec(ctx)
	if err != nil {
		return fmt.Errorf("save enrolment: %w", err)
	}
	return nil
}
