package agreement

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/support/policy"
)

type cacheKey struct {
	id   string
	role Role
}

// InForce is an agreement ready to be used: its compiled terms and the lease. Safe for concurrent use.
type InForce struct {
	*policy.Compiled
	ID    string // agreement
	Hash  string // of its exact bytes
	Role  Role
	lease atomic.Int64 // consumer: Unix microseconds
	saved atomic.Int64 // the lease as last stored
	read  time.Time

	record string // of this end
}

// cacheLife bounds how long another instance's change can go unnoticed when several share a PostgreSQL database.
const cacheLife = 2 * time.Second

// InForce returns the agreement if it may be used now at this end; otherwise ErrNoSuch, ErrNotInForce, ErrExpired,
// ErrRevoked or ErrSuspended. The consumer's lease is judged by Leased.
func (s *Service) InForce(ctx context.Context, id string, role Role) (*InForce, error) {
	now := s.clock.Now()
	s.mu.RLock()
	f := s.cache[cacheKey{id, role}]
	s.mu.RUnlock()
	if f == nil || (s.db.Postgres() && now.Sub(f.read) > cacheLife) {
		var err error
		if f, err = s.load(ctx, id, role); err != nil {
			return nil, err
		}
	}
	if !now.Before(f.Terms.ValidUntil) {
		return nil, ErrExpired.With()
	}
	return f, nil
}

func (s *Service) load(ctx context.Context, id string, role Role) (*InForce, error) {
	s.mu.RLock()
	changes := s.changes
	s.mu.RUnlock()
	n, err := s.byAgreement(ctx, s.db.Read(), db.System("in force"), id, role)
	if err != nil {
		return nil, err
	}
	switch n.State {
	case Active, ChangeOfUse:
	case Expired:
		return nil, ErrExpired.With()
	case Terminated:
		return nil, ErrRevoked.With()
	case Suspended, Rectifying:
		return nil, ErrSuspended.With()
	case Disposal, Closed:
		return nil, ErrNotInForce.With()
	default:
		return nil, ErrNotInForce.With()
	}
	r, err := s.document(ctx, s.db.Read(), n)
	if err != nil {
		return nil, err
	}
	if hashOf(r.Bytes) != n.Hash {
		return nil, ErrMismatch.With("its stored bytes do not match their hash", "所存字节与散列不符")
	}
	t, err := policy.DecodeAgreement(r.Bytes)
	if err != nil {
		return nil, err
	}
	c, err := policy.Compile(t)
	if err != nil {
		return nil, err
	}
	f := &InForce{Compiled: c, ID: id, record: n.ID, Hash: n.Hash, Role: role, read: s.clock.Now()}
	f.lease.Store(r.LeaseUntil)
	f.saved.Store(r.LeaseUntil)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.changes == changes { // else what was read may be what a suspension has just replaced
		s.cache[cacheKey{id, role}] = f
	}
	return f, nil
}

// forget drops an agreement from memory; the next use reads it again.
func (s *Service) forget(id string) {
	s.mu.Lock()
	s.changes++
	delete(s.cache, cacheKey{id, Consumer})
	delete(s.cache, cacheKey{id, Provider})
	s.mu.Unlock()
}

// lease starts the consumer's lease inside a transaction.
func (s *Service) lease(ctx context.Context, tx *db.Tx, n *Negotiation) error {
	r, err := s.document(ctx, tx, n)
	if err != nil {
		return err
	}
	t, err := policy.DecodeAgreement(r.Bytes)
	if err != nil {
		return err
	}
	until := s.clock.Now().Add(time.Duration(t.LeaseSeconds) * time.Second)
	_, err = tx.NewRaw("UPDATE agreement_document SET lease_until = ? WHERE negotiation = ?", until.UnixMicro(), n.ID).Exec(ctx)
	if err != nil {
		return fmt.Errorf("lease: %w", err)
	}
	return nil
}

// Leased reports until when the consumer may use what it holds; ErrLease if that time has passed.
func (s *Service) Leased(f *InForce) (time.Time, error) {
	until := time.UnixMicro(f.lease.Load()).UTC()
	if f.Role == Consumer && s.clock.Now().After(until) {
		return until, ErrLease.With()
	}
	return until, nil
}

// Renew extends the lease: the provider has just confirmed the agreement, at the time asked. It is stored when it has
// moved by a third.
func (s *Service) Renew(ctx context.Context, f *InForce, asked time.Time) error {
	life := time.Duration(f.Terms.LeaseSeconds) * time.Second
	until := asked.Add(life).UnixMicro()
	for {
		old := f.lease.Load()
		if until <= old || f.lease.CompareAndSwap(old, until) {
			break
		}
	}
	saved := f.saved.Load()
	if until-saved < (life/3).Microseconds() || !f.saved.CompareAndSwap(saved, until) {
		return nil
	}
	return s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.NewRaw("UPDATE agreement_document SET lease_until = ? WHERE negotiation = ? AND lease_until < ?", until, f.record, until).Exec(ctx)
		return err
	})
}

// Parties returns the parties of an agreement whatever its state, for judging who asks about one that is not in force.
// ErrNoSuch if this end has no such agreement.
func (s *Service) Parties(ctx context.Context, id string, role Role) (consumer, provider policy.Party, err error) {
	n, err := s.byAgreement(ctx, s.db.Read(), db.System("party"), id, role)
	if err != nil {
		return policy.Party{}, policy.Party{}, err
	}
	return n.Consumer, n.Provider, nil
}
