package objection

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/exchange/gateway"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/wire"
	"github.com/kuayu/kuayu/support/evidence"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/peer"
	"github.com/kuayu/kuayu/support/policy"
	"github.com/kuayu/kuayu/support/process"
	"github.com/kuayu/kuayu/support/seal"
)

// notice tells a department that a record it may hold was corrected: the body of KindNotice.
type notice struct {
	V         int               `json:"v"`         // noticeVersion
	Agreement string            `json:"agreement"` // the receiver's
	Resource  string            `json:"resource"`
	Items     []string          `json:"items"`
	Digest    string            `json:"digest"`        // of the key: by the provider's secret, for this agreement alone
	Key       *policy.Predicate `json:"key,omitempty"` // only where the receiver had asked for exactly this record, and got it

	to policy.Party
}

// noticeVersion is the version of notice.
const noticeVersion = 1

// The kinds of facts the notices are found by.
const (
	factServe = "query.serve"
	factOpen  = "query.open"
	factClose = "query.close"
)

// FactRefetched is the kind of fact that a department is done with a notice.
const FactRefetched = "correction.refetched"

// receivers finds in the provider's evidence who else got the record, or may have got it (see the package comment).
func (s *Service) receivers(ctx context.Context, sc db.Scope, c *Correction, t *policy.Terms) ([]notice, error) {
	if _, err := s.index.Project(ctx); err != nil {
		return nil, err
	}
	ns, err := s.agreements.Served(ctx, sc, c.Resource)
	if err != nil {
		return nil, err
	}
	field, key := t.Field(c.Report.Key.Item), c.Report.Key
	value := key.Values[0].Text()
	var out []notice
	for i := range ns {
		n := &ns[i]
		if n.Agreement == c.Agreement || n.Foreign() || !got(n) {
			continue
		}
		theirs, err := s.terms(ctx, sc, n.Agreement)
		if err != nil {
			return nil, err
		}
		x := notice{V: noticeVersion, Agreement: n.Agreement, Resource: c.Resource, to: n.Consumer}
		for _, item := range c.Report.items() {
			if theirs.Field(item) != nil {
				x.Items = append(x.Items, item)
			}
		}
		if len(x.Items) == 0 {
			continue
		}
		given, err := s.index.Find(ctx, sc, evidence.Query{Agreement: n.Agreement, Kind: factServe, Limit: 1})
		if err != nil {
			return nil, err
		}
		if len(given) == 0 {
			continue // nothing was ever given
		}
		x.Digest = s.index.Subject("correction/" + n.Agreement + "/" + key.Item + "=" + value)
		if f := theirs.Field(key.Item); field.Subject && f != nil && f.Subject {
			es, err := s.index.Find(ctx, sc, evidence.Query{Agreement: n.Agreement, Kind: factServe, Subject: s.index.Subject(value), Limit: 500})
			if err != nil {
				return nil, err
			}
			for _, e := range es {
				if e.RowCount > 0 {
					x.Key = &key
				}
			}
		}
		out = append(out, x)
	}
	return out, nil
}

// noticed takes a notice at the receiver's node: only from the provider of the agreement.
func (s *Service) noticed(ctx context.Context, tx *db.Tx, in *peer.Incoming) ([]byte, error) {
	var m notice
	if err := wire.Decode(in.Body, noticeVersion, &m); err != nil {
		return nil, err
	}
	n, err := s.agreements.GetByRole(ctx, tx, db.System("notice"), m.Agreement, agreement.Consumer)
	if err != nil {
		return nil, err
	}
	if m.Agreement == "" || n.Agreement != m.Agreement || n.Provider != (policy.Party{Member: in.From, Department: in.Fact.Actor.Department}) {
		return nil, agreement.ErrNoSuch.With()
	}
	t, err := s.terms(ctx, db.System("notice"), m.Agreement)
	if err != nil {
		return nil, err
	}
	var f process.Faults
	f.Need(m.Resource == n.Application.Resource, "resource", "资源与协议不符", "not the agreement's resource")
	f.Need(len(m.Items) > 0 && len(m.Items) <= process.MaxLines && len(m.Digest) <= 128, "items", "数据项过多或过少", "too many items, or none")
	for _, item := range m.Items {
		f.Need(t.Field(item) != nil, "items", "协议没有这个数据项", "no item of the agreement")
	}
	f.Need(m.Key == nil || (m.Key.Op == policy.Eq && len(m.Key.Values) == 1 && len(m.Key.Args) == 0 && t.Field(m.Key.Item) != nil), "key", "记录有误", "not a record's key")
	if err := f.Err(ErrDetails); err != nil {
		return nil, err
	}
	return nil, s.saveRefetch(ctx, tx, &Refetch{
		ID: s.cases.IDs.NewID(), Department: n.Consumer.Department, Agreement: n.Agreement, Resource: m.Resource, Provider: in.From, Items: m.Items, Key: m.Key,
		Digest: m.Digest, Since: s.cases.Clock.Now(),
	})
}

// Refetches lists what the scope should ask for again, latest first; with done, what it asked for as well. A record it has
// asked for by its key since it was told is done.
func (s *Service) Refetches(ctx context.Context, sc db.Scope, done bool, limit int) ([]Refetch, error) {
	where := "done = 0"
	if done {
		where = "1=1"
	}
	rs, err := many[Refetch](ctx, s.cases.DB, sc, "objection_refetch", where, "since DESC, id", limit)
	if err != nil || len(rs) == 0 {
		return rs, err
	}
	if _, err := s.index.Project(ctx); err != nil {
		return nil, err
	}
	out := rs[:0]
	for i := range rs {
		r := &rs[i]
		if r.Done.IsZero() && r.Key != nil {
			if err := s.askedAgain(ctx, r); err != nil {
				return nil, err
			}
		}
		if done || r.Done.IsZero() {
			out = append(out, *r)
		}
	}
	return out, nil
}

// askedAgain looks in this node's own evidence for a query that named the record after the notice, and marks it.
func (s *Service) askedAgain(ctx context.Context, r *Refetch) error {
	sc := db.In("", r.Department, "")
	q := evidence.Query{Agreement: r.Agreement, Kind: factClose, Limit: 500}
	t, err := s.terms(ctx, sc, r.Agreement)
	if err != nil {
		return err
	}
	if f := t.Field(r.Key.Item); f != nil && f.Subject {
		q.Subject = s.index.Subject(r.Key.Values[0].Text())
	}
	es, err := s.index.Find(ctx, sc, q)
	if err != nil {
		return err
	}
	for _, e := range es {
		if e.Time < r.Since.UnixMicro() {
			return nil
		}
		id, _, _ := strings.Cut(e.ID, "#")
		if e.Outcome != "ok" {
			continue
		}
		rec, err := s.index.Record(ctx, sc, id+"#"+factOpen)
		if errors.Is(err, evidence.ErrNoFact) {
			continue
		}
		if err != nil {
			return err
		}
		p, err := gateway.PlanOf(rec.Body)
		if err != nil || !names(p.Where, r.Key) {
			continue
		}
		r.Done, r.Query = time.UnixMicro(e.Time).UTC(), id
		return s.cases.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error { return s.refetched(ctx, tx, r) })
	}
	return nil
}

// refetched writes that a department is done with a notice, with a fact.
func (s *Service) refetched(ctx context.Context, tx *db.Tx, r *Refetch) error {
	if old, err := one[Refetch](ctx, tx, db.System("refetched"), "objection_refetch", "id = ?", r.ID); err != nil || !old.Done.IsZero() {
		if old != nil {
			*r = *old // somebody else was faster
		}
		return err
	}
	if err := s.saveRefetch(ctx, tx, r); err != nil {
		return err
	}
	body, err := json.Marshal(r)
	if err != nil {
		return err
	}
	h := evidence.Header{Agreement: r.Agreement, To: r.Provider, Request: r.Query, Note: r.ID}
	return s.cases.Outbox.Put(ctx, tx, evidence.Draft{Kind: FactRefetched, ID: s.cases.IDs.NewID(), Actor: seal.Actor{Department: r.Department, Officer: r.By}, Header: h.Encode(), Body: body})
}

// Refetched is an officer marking that the department is done with a notice: it asked again, or holds the record no longer.
func (s *Service) Refetched(ctx context.Context, sess *identity.Session, id string) (*Refetch, error) {
	if err := sess.Require(identity.DataOfficer); err != nil {
		return nil, err
	}
	var r *Refetch
	err := s.cases.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		var err error
		if r, err = one[Refetch](ctx, tx, db.In(sess.Division, sess.Department, sess.Actor), "objection_refetch", "id = ?", id); err != nil || !r.Done.IsZero() {
			return err
		}
		r.Done, r.By = s.cases.Clock.Now(), sess.Actor
		return s.refetched(ctx, tx, r)
	})
	if err != nil {
		return nil, err
	}
	return r, nil
}
