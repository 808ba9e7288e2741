package agreement

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/kuayu/kuayu/internal/db"
)

// End reads one end's record inside a transaction, by its id or its agreement's. ErrNoSuch.
func (s *Service) End(ctx context.Context, tx *db.Tx, sc db.Scope, id string, role Role) (*Negotiation, error) {
	n, _, err := scanRow(ctx, tx, sc, named+" AND role = ?", id, id, string(role))
	return n, err
}

// Served lists the agreements on a resource that the scope's department provides, whatever became of them.
func (s *Service) Served(ctx context.Context, sc db.Scope, resource string) ([]Negotiation, error) {
	cond, args := sc.Where("department")
	var docs []string
	err := s.db.Read().NewRaw("SELECT doc FROM agreement_negotiation WHERE role = ? AND resource = ? AND agreement <> '' AND "+cond+" ORDER BY id",
		append([]any{string(Provider), resource}, args...)...).Scan(ctx, &docs)
	if err != nil {
		return nil, fmt.Errorf("list agreements: %w", err)
	}
	out := make([]Negotiation, len(docs))
	for i := range docs {
		if err := json.Unmarshal([]byte(docs[i]), &out[i]); err != nil {
			return nil, fmt.Errorf("list agreements: %w", err)
		}
	}
	return out, nil
}
