package agreement

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"time"

	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/support/process"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrate creates the tables of exact bytes, leases, ledgers and consents in advance; the records are the kernel's.
func Migrate(ctx context.Context, d *db.DB) error {
	return d.Migrate(ctx, "agreement", migrations, "migrations")
}

// document are the exact bytes of an agreement, and until when its consumer may use what it holds.
type document struct {
	Bytes      []byte
	LeaseUntil int64
}

func (s *Service) saveDocument(ctx context.Context, tx *db.Tx, n *Negotiation, bytes []byte) error {
	_, err := tx.NewRaw(`INSERT INTO agreement_document (negotiation, bytes, lease_until) VALUES (?, ?, 0)
		ON CONFLICT (negotiation) DO UPDATE SET bytes = excluded.bytes`, n.ID, bytes).Exec(ctx)
	if err != nil {
		return fmt.Errorf("save agreement: %w", err)
	}
	return nil
}

// document reads what Get found a record of; ErrNoSuch if nothing was agreed yet.
func (s *Service) document(ctx context.Context, tx *db.Tx, n *Negotiation) (*document, error) {
	var r document
	err := tx.NewRaw("SELECT bytes, lease_until FROM agreement_document WHERE negotiation = ?", n.ID).Scan(ctx, &r)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, ErrNoSuch.With()
	}
	if err != nil {
		return nil, fmt.Errorf("read agreement: %w", err)
	}
	return &r, nil
}

// GetTx reads a record inside a transaction, by its id, number or agreement. ErrNoSuch.
func (s *Service) GetTx(ctx context.Context, tx *db.Tx, sc db.Scope, id string) (*Negotiation, error) {
	return s.kind.Get(ctx, tx, sc, process.Query{ID: id})
}

// GetByRole is GetTx of one end.
func (s *Service) GetByRole(ctx context.Context, tx *db.Tx, sc db.Scope, id string, role Role) (*Negotiation, error) {
	return s.kind.Get(ctx, tx, sc, process.Query{ID: id, Side: role})
}

func (s *Service) byAgreement(ctx context.Context, tx *db.Tx, sc db.Scope, id string, role Role) (*Negotiation, error) {
	if id == "" {
		return nil, ErrNoSuch.With()
	}
	return s.kind.Get(ctx, tx, sc, process.Query{Ref: id, Side: role})
}

// Get returns a negotiation of the scope by its id, its number or its agreement's id.
func (s *Service) Get(ctx context.Context, sc db.Scope, id string) (*Negotiation, error) {
	return s.GetTx(ctx, s.db.Read(), sc, id)
}

// Bytes returns the exact bytes of an agreement of the scope.
func (s *Service) Bytes(ctx context.Context, sc db.Scope, id string) ([]byte, error) {
	n, err := s.Get(ctx, sc, id)
	if err != nil {
		return nil, err
	}
	r, err := s.document(ctx, s.db.Read(), n)
	if err != nil {
		return nil, err
	}
	return r.Bytes, nil
}

// History returns the steps of a negotiation of the scope, oldest first.
func (s *Service) History(ctx context.Context, sc db.Scope, id string) ([]process.Step, error) {
	n, err := s.Get(ctx, sc, id)
	if err != nil {
		return nil, err
	}
	return s.kind.History(ctx, s.db.Read(), n)
}

// Version is an agreement as it was before it was amended.
type Version struct {
	Number   int       `json:"number"` // from 1
	Hash     string    `json:"hash"`   // SHA-256 of the exact bytes, hex
	Document []byte    `json:"document"`
	Replaced time.Time `json:"replaced"`
}

// keepVersion stores the agreement in force before another takes its place.
func (s *Service) keepVersion(ctx context.Context, tx *db.Tx, n *Negotiation) error {
	r, err := s.document(ctx, tx, n)
	if err != nil {
		return err
	}
	_, err = tx.NewRaw("INSERT INTO agreement_version (negotiation, number, department, hash, bytes, replaced) VALUES (?, ?, ?, ?, ?, ?)",
		n.ID, n.Version+1, n.Department, n.Hash, r.Bytes, s.clock.Now().UnixMicro()).Exec(ctx)
	if err != nil {
		return fmt.Errorf("keep version: %w", err)
	}
	return nil
}

// Versions returns the earlier exact bytes of an agreement of the scope, oldest first.
func (s *Service) Versions(ctx context.Context, sc db.Scope, id string) ([]Version, error) {
	n, err := s.Get(ctx, sc, id)
	if err != nil {
		return nil, err
	}
	cond, args := sc.Where("department")
	var rows []struct {
		Number   int
		Hash     string
		Bytes    []byte
		Replaced int64
	}
	err = s.db.Read().NewRaw("SELECT number, hash, bytes, replaced FROM agreement_version WHERE negotiation = ? AND "+cond+" ORDER BY number", append([]any{n.ID}, args...)...).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("versions: %w", err)
	}
	out := make([]Version, len(rows))
	for i, r := range rows {
		out[i] = Version{Number: r.Number, Hash: r.Hash, Document: r.Bytes, Replaced: time.UnixMicro(r.Replaced).UTC()}
	}
	return out, nil
}

// PeerSignature is the seal under which the other end signed an agreement: its fact, sealed, with the body that the fact commits to.
type PeerSignature struct {
	Hash     string // of the agreement's bytes
	Sealed   []byte // seal.Sealed, wire form
	BodySalt []byte
	Body     []byte
}

// SaveSignature keeps the other end's word for the agreement as it stands now, in the transaction that takes it.
func (s *Service) SaveSignature(ctx context.Context, tx *db.Tx, n *Negotiation, w PeerSignature) error {
	if n.Hash == "" {
		return nil
	}
	_, err := tx.NewRaw("INSERT INTO agreement_seal (negotiation, department, hash, time, sealed, body_salt, body) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (negotiation, hash) DO NOTHING",
		n.ID, n.Department, n.Hash, s.clock.Now().UnixMicro(), w.Sealed, w.BodySalt, w.Body).Exec(ctx)
	if err != nil {
		return fmt.Errorf("keep seal: %w", err)
	}
	return nil
}

// SignatureOf is the other end's word for an agreement of the scope as it stands now, or else, if it was amended since, as it
// stood last before; without a hash if none was kept, as of what was agreed before seals were.
func (s *Service) SignatureOf(ctx context.Context, sc db.Scope, id string) (PeerSignature, error) {
	n, err := s.Get(ctx, sc, id)
	if err != nil {
		return PeerSignature{}, err
	}
	cond, args := sc.Where("department")
	var out []PeerSignature
	err = s.db.Read().NewRaw("SELECT hash, sealed, body_salt, body FROM agreement_seal WHERE negotiation = ? AND "+cond+" ORDER BY CASE WHEN hash = ? THEN 0 ELSE 1 END, time DESC LIMIT 1",
		append(append([]any{n.ID}, args...), n.Hash)...).Scan(ctx, &out)
	if err != nil {
		return PeerSignature{}, fmt.Errorf("read seal: %w", err)
	}
	return append(out, PeerSignature{})[0], nil
}
