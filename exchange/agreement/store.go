package agreement

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
	return d.Migrate(ctx, "agreement", migrations, "migrations")
}

type row struct {
	Doc        string
	Bytes      []byte
	LeaseUntil int64
}

// named finds a case by its own identifier or its agreement's.
const named = "(id = ? OR agreement = ?)"

// rowQuery reads the one case of the scope that a condition names. The department is kept from the planner, which would walk
// through all its cases instead of taking the index of the identifier.
func rowQuery(sc db.Scope, where string) (query string, args []any) {
	cond, args := sc.Where("department || ''")
	return "SELECT doc, bytes, lease_until FROM agreement_negotiation WHERE " + where + " AND " + cond + " ORDER BY updated DESC LIMIT 1", args
}

func scanRow(ctx context.Context, tx *db.Tx, sc db.Scope, where string, args ...any) (*Negotiation, *row, error) {
	query, sargs := rowQuery(sc, where)
	var r row
	err := tx.NewRaw(query, append(args, sargs...)...).Scan(ctx, &r)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil, ErrNoSuch.With()
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read negotiation: %w", err)
	}
	n := &Negotiation{}
	if err := json.Unmarshal([]byte(r.Doc), n); err != nil {
		return nil, nil, fmt.Errorf("read negotiation: %w", err)
	}
	return n, &r, nil
}

func (s *Service) byID(ctx context.Context, tx *db.Tx, sc db.Scope, id string) (*Negotiation, *row, error) {
	return scanRow(ctx, tx, sc, "id = ?", id)
}

func (s *Service) byAgreement(ctx context.Context, tx *db.Tx, sc db.Scope, id string, role Role) (*Negotiation, *row, error) {
	return scanRow(ctx, tx, sc, "agreement = ? AND role = ?", id, string(role))
}

// save writes the record; bytes nil keeps what is there.
func (s *Service) save(ctx context.Context, tx *db.Tx, n *Negotiation, bytes []byte) error {
	doc, err := json.Marshal(n)
	if err != nil {
		return err
	}
	_, err = tx.NewRaw(`INSERT INTO agreement_negotiation (id, department, role, state, peer, member, agreement, resource, doc, bytes, lease_until, updated)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?)
		ON CONFLICT (id) DO UPDATE SET state = excluded.state, peer = excluded.peer, agreement = excluded.agreement, doc = excluded.doc,
		bytes = COALESCE(excluded.bytes, agreement_negotiation.bytes), updated = excluded.updated`,
		n.ID, n.Department(), string(n.Role), string(n.State), n.Peer, n.Other(), n.Agreement, n.Application.Resource, string(doc), bytes, n.Updated.UnixMicro()).Exec(ctx)
	if err != nil {
		return fmt.Errorf("save negotiation: %w", err)
	}
	return nil
}

func (s *Service) step(ctx context.Context, tx *db.Tx, n *Negotiation, st Step) error {
	_, err := tx.NewRaw("INSERT INTO agreement_step (id, negotiation, department, time, actor, event, from_state, to_state, note) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
		st.ID, n.ID, n.Department(), st.Time, st.Actor, string(st.Event), string(st.From), string(st.To), st.Note).Exec(ctx)
	if err != nil {
		return fmt.Errorf("write history: %w", err)
	}
	return nil
}

// Get returns a negotiation of the scope by its id or by its agreement's id.
func (s *Service) Get(ctx context.Context, sc db.Scope, id string) (*Negotiation, error) {
	n, _, err := scanRow(ctx, s.db.Read(), sc, named, id, id)
	return n, err
}

// Bytes returns the exact bytes of an agreement of the scope.
func (s *Service) Bytes(ctx context.Context, sc db.Scope, id string) ([]byte, error) {
	_, r, err := scanRow(ctx, s.db.Read(), sc, named+" AND bytes IS NOT NULL", id, id)
	if err != nil {
		return nil, err
	}
	return r.Bytes, nil
}

// List returns the scope's negotiations, latest first.
func (s *Service) List(ctx context.Context, sc db.Scope, state State, limit int) ([]Negotiation, error) {
	cond, args := sc.Where("department")
	if state != "" {
		cond += " AND state = ?"
		args = append(args, string(state))
	}
	var docs []string
	err := s.db.Read().NewRaw("SELECT doc FROM agreement_negotiation WHERE "+cond+" ORDER BY updated DESC LIMIT ?", append(args, min(max(limit, 1), 500))...).Scan(ctx, &docs)
	if err != nil {
		return nil, fmt.Errorf("list negotiations: %w", err)
	}
	out := make([]Negotiation, len(docs))
	for i := range docs {
		if err := json.Unmarshal([]byte(docs[i]), &out[i]); err != nil {
			return nil, fmt.Errorf("list negotiations: %w", err)
		}
	}
	return out, nil
}

// History returns the steps of a negotiation of the scope, oldest first.
func (s *Service) History(ctx context.Context, sc db.Scope, id string) ([]Step, error) {
	n, err := s.Get(ctx, sc, id)
	if err != nil {
		return nil, err
	}
	var rows []struct {
		ID, Actor, Event, FromState, ToState, Note string
		Time                                       int64
	}
	err = s.db.Read().NewRaw("SELECT id, actor, event, from_state, to_state, note, time FROM agreement_step WHERE negotiation = ? ORDER BY time, id", n.ID).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("history: %w", err)
	}
	out := make([]Step, len(rows))
	for i, r := range rows {
		out[i] = Step{ID: r.ID, Time: r.Time, Actor: r.Actor, Event: Event(r.Event), From: State(r.FromState), To: State(r.ToState), Note: r.Note}
	}
	return out, nil
}
