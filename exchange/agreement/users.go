package agreement

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/kuayu/kuayu/internal/db"
)

// among is a condition that a column has one of the values, after the arguments of the conditions before it.
func among(column string, values []string, args ...any) (string, []any) {
	for _, v := range values {
		args = append(args, v)
	}
	return column + " IN (?" + strings.Repeat(", ?", len(values)-1) + ")", args
}

// using are the states in which a resource is used under an agreement, or would be but for a pause.
func using() []string {
	return []string{string(Provisioning), string(Active), string(ChangeOfUse), string(Suspended), string(Rectifying)}
}

// Users counts, for resources of the scope's departments, the agreements under which others use them.
func (s *Service) Users(ctx context.Context, sc db.Scope, resources []string) (map[string]int, error) {
	out := map[string]int{}
	if len(resources) == 0 {
		return out, nil
	}
	cond, mine := sc.Where("department")
	those, args := among("resource", resources, string(Provider))
	states, args := among("state", using(), args...)
	var rows []struct {
		Resource string
		N        int
	}
	err := s.db.Read().NewRaw("SELECT resource, count(*) AS n FROM agreement_negotiation WHERE role = ? AND "+those+" AND "+states+" AND "+cond+" GROUP BY resource", append(args, mine...)...).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("count users: %w", err)
	}
	for _, r := range rows {
		out[r.Resource] = r.N
	}
	return out, nil
}

// UsersOf lists the agreements under which others use a resource of the scope's departments, latest first.
func (s *Service) UsersOf(ctx context.Context, sc db.Scope, resource string, limit int) ([]Negotiation, error) {
	cond, mine := sc.Where("department")
	states, args := among("state", using(), resource, string(Provider))
	var docs []string
	err := s.db.Read().NewRaw("SELECT doc FROM agreement_negotiation WHERE resource = ? AND role = ? AND "+states+" AND "+cond+" ORDER BY updated DESC LIMIT ?",
		append(append(args, mine...), min(max(limit, 1), 500))...).Scan(ctx, &docs)
	if err != nil {
		return nil, fmt.Errorf("list users: %w", err)
	}
	return decoded[Negotiation](docs)
}

// Standings lists the consents in advance for a resource of the scope's departments that hold now.
func (s *Service) Standings(ctx context.Context, sc db.Scope, resource string) ([]Standing, error) {
	cond, args := sc.Where("department")
	var docs []string
	err := s.db.Read().NewRaw("SELECT doc FROM agreement_standing WHERE resource = ? AND revoked = 0 AND valid_until > ? AND "+cond+" ORDER BY id LIMIT 100",
		append([]any{resource, s.clock.Now().UnixMicro()}, args...)...).Scan(ctx, &docs)
	if err != nil {
		return nil, fmt.Errorf("list standing consents: %w", err)
	}
	return decoded[Standing](docs)
}

func decoded[T any](docs []string) ([]T, error) {
	out := make([]T, len(docs))
	for i := range docs {
		if err := json.Unmarshal([]byte(docs[i]), &out[i]); err != nil {
			return nil, fmt.Errorf("read documents: %w", err)
		}
	}
	return out, nil
}
