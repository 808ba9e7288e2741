package agreement

import (
	"context"
	"slices"
	"time"

	"github.com/kuayu/kuayu/exchange/catalog"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/support/policy"
)

// terms builds the terms of a grant: nothing beyond the application, nothing beyond the catalogue.
func (s *Service) terms(ctx context.Context, tx *db.Tx, n *Negotiation, g *Grant) (*policy.Terms, error) {
	a := &n.Application
	r, err := s.catalog.GetTx(ctx, tx, db.System("terms"), a.Resource)
	if err != nil {
		return nil, err
	}
	until := a.ValidUntil
	if !g.ValidUntil.IsZero() {
		if g.ValidUntil.After(until) {
			return nil, ErrGrant.With("longer than asked", "期限长于申请")
		}
		until = g.ValidUntil
	}
	lease := g.Lease
	if lease == 0 {
		lease = policy.DefaultLease
	}
	id := n.Agreement
	if id == "" {
		id = "00000000-0000-0000-0000-000000000000" // a preview; the real id comes with the consent
	}
	t := &policy.Terms{
		Version: policy.TermsVersion, Agreement: id, Resource: r.Code, Provider: n.Provider, Consumer: n.Consumer,
		Basis: a.Basis, Purposes: a.Purposes, Scenario: a.Scenario, Scope: a.Scope, Modes: a.Modes,
		Filter: policy.Both(a.Filter, g.Filter), Quota: g.Quota, ValidFrom: s.clock.Now().Truncate(time.Second), ValidUntil: until.UTC().Truncate(time.Second),
		LeaseSeconds: lease, RetentionDays: 0, NoOnward: true,
	}
	for _, m := range a.Modes {
		if !slices.Contains(r.Modes, m) {
			return nil, ErrGrant.With("mode "+string(m)+" is not offered", "目录未提供共享方式 "+string(m))
		}
	}
	for _, name := range g.Fields {
		it := r.Item(name)
		if it == nil || it.Sharing == catalog.NotShared || !slices.Contains(a.Fields, name) {
			return nil, ErrGrant.With("item "+name, "数据项 "+name)
		}
		t.Fields = append(t.Fields, policy.Field{Name: it.Name, Mask: it.Mask, Key: it.Key, Subject: it.Subject, Verify: it.Verify})
	}
	for _, name := range (&policy.Predicate{Op: policy.And, Args: nonNil(t.Filter)}).Items(nil) {
		if it := r.Item(name); it == nil || it.Sharing == catalog.NotShared {
			return nil, ErrGrant.With("filter on unknown item "+name, "条件中的数据项 "+name+" 不在目录中")
		}
	}
	return t, t.Check()
}

func nonNil(p *policy.Predicate) []*policy.Predicate {
	if p == nil {
		return nil
	}
	return []*policy.Predicate{p}
}
