package agreement

import (
	"context"
	"fmt"

	"github.com/kuayu/kuayu/internal/db"
)

// PageQuery narrows a list of applications and agreements. After is db.LatestAfter of the last line before.
type PageQuery struct {
	State State // empty: any
	Role  Role  // empty: either
	After string
	Limit int
}

// Page lists the scope's negotiations from a place on, latest first, and tells where the list goes on; empty at its end.
func (s *Service) Page(ctx context.Context, sc db.Scope, q PageQuery) ([]Negotiation, string, error) {
	cond, args := sc.Where("department")
	if q.State != "" {
		cond, args = cond+" AND state = ?", append(args, string(q.State))
	}
	if q.Role != "" {
		cond, args = cond+" AND role = ?", append(args, string(q.Role))
	}
	on, place := db.Latest(q.After)
	limit := min(max(q.Limit, 1), 500)
	var docs []string
	err := s.db.Read().NewRaw("SELECT doc FROM agreement_negotiation WHERE "+cond+" AND "+on+" ORDER BY updated DESC, id LIMIT ?",
		append(append(args, place...), limit+1)...).Scan(ctx, &docs)
	if err != nil {
		return nil, "", fmt.Errorf("page of negotiations: %w", err)
	}
	out, err := decoded[Negotiation](docs)
	if err != nil || len(out) <= limit {
		return out, "", err
	}
	out = out[:limit]
	return out, db.LatestAfter(out[limit-1].Updated, out[limit-1].ID), nil
}

// Prior is what there was before with an applicant.
type Prior struct {
	Applications int // others of it, as far back as is looked
	InForce      int
	Refused      int
	Stopped      int           // suspended, or ended before their time
	Latest       []Negotiation // of those that came to an agreement
	More         bool          // there are older ones, which nobody counted
}

// How far back Earlier looks, and how many agreements it names.
const (
	priorMost  = 200
	priorNamed = 3
)

// Earlier is what there was at the provider's end with the applicant of a negotiation, besides it.
func (s *Service) Earlier(ctx context.Context, sc db.Scope, n *Negotiation) (*Prior, error) {
	cond, args := sc.Where("department")
	var docs []string
	err := s.db.Read().NewRaw("SELECT doc FROM agreement_negotiation WHERE member = ? AND role = ? AND id <> ? AND "+cond+" ORDER BY updated DESC LIMIT ?",
		append(append([]any{n.Consumer.Member, string(Provider), n.ID}, args...), priorMost)...).Scan(ctx, &docs)
	if err != nil {
		return nil, fmt.Errorf("earlier negotiations: %w", err)
	}
	all, err := decoded[Negotiation](docs)
	if err != nil {
		return nil, err
	}
	p := &Prior{More: len(all) == priorMost}
	for i := range all {
		if x := &all[i]; x.Consumer == n.Consumer {
			p.count(x)
		}
	}
	return p, nil
}

func (p *Prior) count(x *Negotiation) {
	p.Applications++
	switch x.State { //nolint:exhaustive // the others are neither
	case Refused:
		p.Refused++
	case Provisioning, Active, ChangeOfUse:
		p.InForce++
	}
	if x.stopped() {
		p.Stopped++
	}
	if x.Agreement != "" && len(p.Latest) < priorNamed {
		p.Latest = append(p.Latest, *x)
	}
}

// stopped reports whether an agreement was suspended, or revoked before its time. What was only returned has no reason
// any more once it was put up again.
func (n *Negotiation) stopped() bool {
	return n.Suspension != nil || n.State == Terminated || ((n.State == Disposal || n.State == Closed) && n.Reason != "")
}

// SealedWord is the seal under which the other end signed an agreement: its fact, sealed, with the body that the fact commits to.
type SealedWord struct {
	Hash     string // of the agreement's bytes
	Sealed   []byte // seal.Sealed, wire form
	BodySalt []byte
	Body     []byte
}

// KeepSeal keeps the other end's word for the agreement as it stands now, in the transaction that takes it.
func (s *Service) KeepSeal(ctx context.Context, tx *db.Tx, n *Negotiation, w SealedWord) error {
	if n.Hash == "" {
		return nil
	}
	_, err := tx.NewRaw("INSERT INTO agreement_seal (negotiation, department, hash, time, sealed, body_salt, body) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (negotiation, hash) DO NOTHING",
		n.ID, n.Department(), n.Hash, s.clock.Now().UnixMicro(), w.Sealed, w.BodySalt, w.Body).Exec(ctx)
	if err != nil {
		return fmt.Errorf("keep seal: %w", err)
	}
	return nil
}

// SealOf is the other end's word for an agreement of the scope as it stands now, or else, if it was amended since, as it
// stood last before; without a hash if none was kept, as of what was agreed before seals were.
func (s *Service) SealOf(ctx context.Context, sc db.Scope, id string) (SealedWord, error) {
	n, err := s.Get(ctx, sc, id)
	if err != nil {
		return SealedWord{}, err
	}
	cond, args := sc.Where("department")
	var out []SealedWord
	err = s.db.Read().NewRaw("SELECT hash, sealed, body_salt, body FROM agreement_seal WHERE negotiation = ? AND "+cond+" ORDER BY CASE WHEN hash = ? THEN 0 ELSE 1 END, time DESC LIMIT 1",
		append(append([]any{n.ID}, args...), n.Hash)...).Scan(ctx, &out)
	if err != nil {
		return SealedWord{}, fmt.Errorf("read seal: %w", err)
	}
	return append(out, SealedWord{})[0], nil
}
