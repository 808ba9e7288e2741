package agreement

import (
	"context"

	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/support/process"
)

// List returns the scope's negotiations, latest first.
func (s *Service) List(ctx context.Context, sc db.Scope, state State, limit int) ([]Negotiation, error) {
	ns, _, err := s.Page(ctx, sc, PageQuery{State: state, Limit: limit})
	return ns, err
}

// PageQuery narrows a list of applications and agreements. After is db.LatestAfter of the last line before.
type PageQuery struct {
	State State // empty: any
	Role  Role  // empty: either
	After string
	Limit int
}

// Page lists the scope's negotiations from a place on, latest first, and where the list goes on; empty at its end.
func (s *Service) Page(ctx context.Context, sc db.Scope, q PageQuery) ([]Negotiation, string, error) {
	x := process.Query{Side: q.Role, After: q.After, Limit: q.Limit}
	if q.State != "" {
		x.States = []State{q.State}
	}
	return s.kind.Page(ctx, sc, x)
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

// Earlier is what there was at the provider's end with the consumer of a negotiation, besides it.
func (s *Service) Earlier(ctx context.Context, sc db.Scope, n *Negotiation) (*Prior, error) {
	all, err := s.kind.Find(ctx, s.db.Read(), sc, process.Query{Side: Provider, Member: n.Consumer.Member, Not: n.ID, Limit: priorMost})
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
	switch x.State {
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

// using are the states in which a resource is used under an agreement, or would be but for a pause.
func using() []State { return []State{Provisioning, Active, ChangeOfUse, Suspended, Rectifying} }

// Users counts, for resources of the scope's departments, the agreements under which others use them.
func (s *Service) Users(ctx context.Context, sc db.Scope, resources []string) (map[string]int, error) {
	return s.kind.Count(ctx, sc, process.Query{Side: Provider, States: using()}, resources)
}

// UsersOf lists the agreements under which others use a resource of the scope's departments, latest first.
func (s *Service) UsersOf(ctx context.Context, sc db.Scope, resource string, limit int) ([]Negotiation, error) {
	return s.kind.Find(ctx, s.db.Read(), sc, process.Query{Side: Provider, Subject: resource, States: using(), Limit: min(max(limit, 1), 500)})
}

// Served lists the agreements on a resource that the scope's department provides, whatever became of them.
func (s *Service) Served(ctx context.Context, sc db.Scope, resource string) ([]Negotiation, error) {
	return s.kind.Find(ctx, s.db.Read(), sc, process.Query{Side: Provider, Subject: resource, HasRef: true, Limit: process.NoLimit})
}
