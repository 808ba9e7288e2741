package catalog

import (
	"cmp"
	"context"
	"time"

	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/support/deadline"
	"github.com/kuayu/kuayu/support/process"
)

// Responsibility is one line of the list of responsibilities (责任清单): who owes what of an entry, and until when.
type Responsibility struct {
	Department  string      `json:"department"`
	Provider    string      `json:"provider"`
	Code        string      `json:"code"`
	Name        string      `json:"name"`
	UpdateCycle string      `json:"update_cycle"`
	State       State       `json:"state"`
	Version     int         `json:"version"`
	Owner       string      `json:"owner,omitempty"`    // the officer who submitted it
	Approver    string      `json:"approver,omitempty"` // the head of the department who signed it
	Clock       deadline.ID `json:"clock,omitempty"`    // of the law, that runs now
	Due         string      `json:"due,omitempty"`      // its last day
	Overdue     bool        `json:"overdue,omitempty"`
}

// alive are the states of entries that are not gone.
func alive() []State {
	return []State{Draft, Submitted, Signed, Published, Updating, UpdateSubmitted, UpdateSigned, RevokePending}
}

// Responsibilities lists the scope's entries with who answers for them and the law's clocks that run, by code after the
// cursor.
func (s *Service) Responsibilities(ctx context.Context, sc db.Scope, after string, limit int) ([]Responsibility, error) {
	due, err := s.due(ctx, sc)
	if err != nil {
		return nil, err
	}
	es, err := s.kind.Find(ctx, s.db.Read(), sc, process.Query{ByID: true, From: after, States: alive(), Limit: min(max(limit, 1), 500)})
	if err != nil {
		return nil, err
	}
	out := make([]Responsibility, len(es))
	for i := range es {
		e := &es[i]
		out[i] = Responsibility{
			Department: e.Department, Provider: e.Resource.Provider, Code: e.Code, Name: e.Resource.Name, UpdateCycle: e.Resource.UpdateCycle,
			State: e.State, Version: e.Version, Owner: cmp.Or(e.Owner, e.SubmittedBy), Approver: cmp.Or(e.Approver, e.SignedBy),
		}
		if k, ok := due[subject(e.Code)]; ok {
			out[i].Clock, out[i].Due, out[i].Overdue = k.Clock, k.DueDay(), !k.Late.IsZero()
		}
	}
	return out, nil
}

// due are the clocks about entries that run in a scope, by their subject.
func (s *Service) due(ctx context.Context, sc db.Scope) (map[string]deadline.Deadline, error) {
	out := map[string]deadline.Deadline{}
	for _, id := range []deadline.ID{deadline.D1, deadline.D2, deadline.FirstApproval} {
		q := deadline.OpenQuery{Clock: id, Limit: 500}
		for {
			p, err := s.clocks.Running(ctx, sc, q)
			if err != nil {
				return nil, err
			}
			for _, k := range p.Items {
				out[k.Subject] = k
			}
			if p.Next == "" {
				break
			}
			q.After = p.Next
		}
	}
	return out, nil
}

// Withholding is one line of the negative list (负面清单): what is not shared, and which law, administrative regulation or
// decision of the State Council forbids it (Decree 809 art. 14, 15).
type Withholding struct {
	Department string     `json:"department"`
	Provider   string     `json:"provider"`
	Code       string     `json:"code"`
	Name       string     `json:"name"`
	Item       string     `json:"item,omitempty"` // empty: the whole entry
	Title      string     `json:"title,omitempty"`
	Basis      LegalBasis `json:"basis"`
	Published  time.Time  `json:"published"`
}

// NegativeList lists what published entries do not share, by code after the cursor; limit counts entries, and next is the
// cursor of the next page, empty at the end.
func (s *Service) NegativeList(ctx context.Context, after string, limit int) (out []Withholding, next string, err error) {
	limit = min(max(limit, 1), 500)
	rs, err := s.resources(ctx, "state = 'published' AND withheld = 1", nil, after, limit)
	if err != nil {
		return nil, "", err
	}
	for i := range rs {
		r := &rs[i]
		line := Withholding{Department: r.Department, Provider: r.Provider, Code: r.Code, Name: r.Name}
		if r.Published != nil {
			line.Published = *r.Published
		}
		if r.Sharing == NotShared {
			line.Basis = r.basis(nil)
			out = append(out, line)
			continue
		}
		for k := range r.Items {
			if it := &r.Items[k]; it.Sharing == NotShared {
				x := line
				x.Item, x.Title, x.Basis = it.Name, it.Title, r.basis(it)
				out = append(out, x)
			}
		}
	}
	if len(rs) == limit {
		next = rs[len(rs)-1].Code
	}
	return out, next, nil
}

// basis is the citation that keeps an item, or the entry, from being shared.
func (r *Resource) basis(it *Item) LegalBasis {
	switch {
	case it != nil && it.LegalBasis != nil:
		return *it.LegalBasis
	case r.LegalBasis != nil:
		return *r.LegalBasis
	}
	return LegalBasis{}
}
