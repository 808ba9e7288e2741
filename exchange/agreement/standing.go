package agreement

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/kuayu/kuayu/exchange/catalog"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/support/evidence"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/policy"
	"github.com/kuayu/kuayu/support/process"
	"github.com/kuayu/kuayu/support/seal"
)

// Standing is a consent given in advance by the head of the office (protocol.md section 1): applications it covers are
// granted by machine, and the agreements cite it.
type Standing struct {
	ID         string         `json:"id"`
	Resource   string         `json:"resource"`
	Fields     []string       `json:"fields"`
	Modes      []policy.Mode  `json:"modes"`
	Members    []string       `json:"members,omitempty"` // empty: every member
	Parties    []policy.Party `json:"parties,omitempty"` // departments; empty: every one of the members
	Under      string         `json:"under,omitempty"`   // the text it was given under
	MaxDays    int            `json:"max_days"`          // longest agreement it covers
	ValidUntil time.Time      `json:"valid_until"`
	By         string         `json:"by"`
}

// ConsentInAdvance records a standing consent for a resource of the session's department.
func (s *Service) ConsentInAdvance(ctx context.Context, sess *identity.Session, st Standing) (*Standing, error) {
	if err := sess.Require(identity.OfficeHead); err != nil {
		return nil, err
	}
	if st.MaxDays < 1 || st.MaxDays > 3660 || !st.ValidUntil.After(s.clock.Now()) || len(st.Fields) == 0 || len(st.Modes) == 0 {
		return nil, ErrGrant.With("a standing consent needs items, modes, a longest duration and an end", "常设同意须写明数据项、方式、最长期限和终止时间")
	}
	st.ID, st.By, st.Under = s.cases.IDs.NewID(), sess.Actor, ""
	return &st, s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		r, err := s.catalog.GetTx(ctx, tx, db.In(sess.Division, sess.Department, sess.Actor), st.Resource)
		if err != nil {
			return err
		}
		if r.Department != sess.Department {
			return catalog.ErrNoSuch.With()
		}
		return s.stand(ctx, tx, sess.Department, &st)
	})
}

// standing finds a consent in advance that covers the application.
func (s *Service) standing(ctx context.Context, tx *db.Tx, n *Negotiation) (*Standing, error) {
	now := s.clock.Now()
	sts, err := s.standings(ctx, tx, "resource = ? AND department = ? AND revoked = 0 AND valid_until > ?", n.Application.Resource, n.Provider.Department, now.UnixMicro())
	for i := range sts {
		if sts[i].covers(&n.Application, n.Consumer, now) {
			return &sts[i], nil
		}
	}
	return nil, err
}

func (s *Service) standings(ctx context.Context, tx *db.Tx, where string, args ...any) ([]Standing, error) {
	var docs []string
	if err := tx.NewRaw("SELECT doc FROM agreement_standing WHERE "+where+" ORDER BY id LIMIT 100", args...).Scan(ctx, &docs); err != nil {
		return nil, fmt.Errorf("standing consents: %w", err)
	}
	out := make([]Standing, len(docs))
	for i := range docs {
		if err := json.Unmarshal([]byte(docs[i]), &out[i]); err != nil {
			return nil, fmt.Errorf("standing consents: %w", err)
		}
	}
	return out, nil
}

// Standings lists the consents in advance for a resource of the scope's departments that hold now.
func (s *Service) Standings(ctx context.Context, sc db.Scope, resource string) ([]Standing, error) {
	cond, args := sc.Where("department")
	return s.standings(ctx, s.db.Read(), "resource = ? AND revoked = 0 AND valid_until > ? AND "+cond, append([]any{resource, s.clock.Now().UnixMicro()}, args...)...)
}

func (st *Standing) covers(a *Application, consumer policy.Party, now time.Time) bool {
	if len(st.Members) > 0 && !slices.Contains(st.Members, consumer.Member) {
		return false
	}
	if len(st.Parties) > 0 && !slices.Contains(st.Parties, consumer) {
		return false
	}
	for _, f := range a.Fields {
		if !slices.Contains(st.Fields, f) {
			return false
		}
	}
	for _, m := range a.Modes {
		if !slices.Contains(st.Modes, m) {
			return false
		}
	}
	return a.ValidUntil.Before(now.AddDate(0, 0, st.MaxDays).Add(time.Hour))
}

// Agreements made under a common text (exchange/scheme): its parties sign it once, and neither an application nor an answer
// needs papers of its own. The two heads that Decree 809 art. 20 asks for have consented in advance; their names go into
// the history of each agreement.

// Mandate is who consented in advance to what is done under a text.
type Mandate struct {
	Under      string // the text: "scheme/ID"
	Department string
	Officer    string // wrote it
	Head       string // of the department's sharing office; consented to it
}

func (m *Mandate) act(e Event, officer string, args any) *act {
	return &act{Event: e, Actor: seal.Actor{Department: m.Department, Officer: officer}, Note: m.Under, Args: args}
}

// ApplyUnder sends an application of the mandate's department.
func (s *Service) ApplyUnder(ctx context.Context, tx *db.Tx, m Mandate, a Application) (*Negotiation, error) {
	n := s.begin(m.Department, &a)
	if err := s.kind.Take(ctx, tx, n, m.act(AskOffice, m.Officer, &a)); err != nil {
		return nil, err
	}
	return n, s.kind.Take(ctx, tx, n, m.act(OfficeConsents, m.Head, nil))
}

// StandUnder records a standing consent for the mandate's department, and answers what waits for it already.
func (s *Service) StandUnder(ctx context.Context, tx *db.Tx, m Mandate, st Standing) error {
	st.ID, st.By, st.Under = s.cases.IDs.NewID(), m.Head, m.Under
	return s.stand(ctx, tx, m.Department, &st)
}

func (s *Service) stand(ctx context.Context, tx *db.Tx, department string, st *Standing) error {
	doc, err := json.Marshal(st)
	if err != nil {
		return err
	}
	if _, err := tx.NewRaw("INSERT INTO agreement_standing (id, department, resource, doc, valid_until, revoked, under) VALUES (?, ?, ?, ?, ?, 0, ?)",
		st.ID, department, st.Resource, string(doc), st.ValidUntil.UnixMicro(), st.Under).Exec(ctx); err != nil {
		return fmt.Errorf("standing consent: %w", err)
	}
	h := evidence.Header{Note: st.Resource}
	if err := s.cases.Outbox.Put(ctx, tx, evidence.Draft{Kind: "agreement.standing", ID: st.ID, Header: h.Encode(), Body: doc, Actor: seal.Actor{Department: department, Officer: st.By}}); err != nil {
		return err
	}
	waiting, err := s.served(ctx, tx, department, st.Resource, Reviewing)
	if err != nil {
		return err
	}
	for i := range waiting {
		if _, err := s.Automatic(ctx, tx, &waiting[i]); err != nil {
			return err
		}
	}
	return nil
}

// served lists a department's negotiations on a resource of its own.
func (s *Service) served(ctx context.Context, tx *db.Tx, department, resource string, states ...State) ([]Negotiation, error) {
	return s.kind.Find(ctx, tx, db.In("", department, ""), process.Query{Side: Provider, Subject: resource, States: states, Limit: process.NoLimit})
}

// EndUnder ends what was consented to in advance under a text: the standing consents on the resources that ends selects,
// and, where it says so, the agreements they made. ends is asked for each resource and consumer; an empty consumer asks
// for the consent itself. The reason goes into each agreement's history.
func (s *Service) EndUnder(ctx context.Context, tx *db.Tx, under, reason string, ends func(resource, consumer string) bool) error {
	var rows []struct{ ID, Department, Resource string }
	if err := tx.NewRaw("SELECT id, department, resource FROM agreement_standing WHERE under = ?", under).Scan(ctx, &rows); err != nil {
		return fmt.Errorf("standing consents: %w", err)
	}
	for _, r := range rows {
		if ends(r.Resource, "") {
			if _, err := tx.NewRaw("UPDATE agreement_standing SET revoked = 1 WHERE id = ?", r.ID).Exec(ctx); err != nil {
				return fmt.Errorf("end standing consent: %w", err)
			}
		}
		ns, err := s.served(ctx, tx, r.Department, r.Resource)
		if err != nil {
			return err
		}
		for i := range ns {
			n := &ns[i]
			if n.Standing != r.ID || !ends(r.Resource, n.Consumer.Member) {
				continue
			}
			if !s.kind.Table.Allows(n.State, Terminate, n.Done) {
				continue // it ended before
			}
			if err := s.kind.Take(ctx, tx, n, &act{Event: Terminate, Actor: seal.Actor{Department: n.Department}, Note: reason}); err != nil {
				return err
			}
		}
	}
	return nil
}
