package agreement

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/support/evidence"
	"github.com/kuayu/kuayu/support/policy"
	"github.com/kuayu/kuayu/support/seal"
)

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

func (m *Mandate) by(officer string) by {
	return by{actor: seal.Actor{Department: m.Department, Officer: officer}, note: m.Under}
}

// ApplyUnder sends an application of the mandate's department.
func (s *Service) ApplyUnder(ctx context.Context, tx *db.Tx, m Mandate, a Application) (*Negotiation, error) {
	now := s.clock.Now()
	if err := a.Check(now); err != nil {
		return nil, err
	}
	n := &Negotiation{
		ID: s.ids.NewID(), Role: Consumer, State: Draft, Application: a, Created: now, Updated: now,
		Consumer: policy.Party{Member: s.self, Department: m.Department}, Provider: policy.Party{Member: a.Provider},
	}
	if err := s.move(ctx, tx, n, AskOffice, m.by(m.Officer)); err != nil {
		return nil, err
	}
	return n, s.move(ctx, tx, n, OfficeConsents, m.by(m.Head))
}

// StandUnder records a standing consent for the mandate's department, and answers what waits for it already.
func (s *Service) StandUnder(ctx context.Context, tx *db.Tx, m Mandate, st Standing) error {
	st.ID, st.By, st.Under = s.ids.NewID(), m.Head, m.Under
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
	if err := s.outbox.Put(ctx, tx, evidence.Draft{Kind: "agreement.standing", ID: st.ID, Header: h.Encode(), Body: doc, Actor: seal.Actor{Department: department, Officer: st.By}}); err != nil {
		return err
	}
	waiting, err := s.where(ctx, tx, "role = ? AND state = ? AND resource = ? AND department = ?", string(Provider), string(Reviewing), st.Resource, department)
	if err != nil {
		return err
	}
	for i := range waiting {
		if _, err := s.BySelf(ctx, tx, &waiting[i]); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) where(ctx context.Context, tx *db.Tx, where string, args ...any) ([]Negotiation, error) {
	var docs []string
	if err := tx.NewRaw("SELECT doc FROM agreement_negotiation WHERE "+where+" ORDER BY id", args...).Scan(ctx, &docs); err != nil {
		return nil, fmt.Errorf("list negotiations: %w", err)
	}
	out := make([]Negotiation, len(docs))
	for i := range docs {
		if err := json.Unmarshal([]byte(docs[i]), &out[i]); err != nil {
			return nil, fmt.Errorf("list negotiations: %w", err)
		}
	}
	return out, nil
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
		ns, err := s.where(ctx, tx, "role = ? AND resource = ? AND department = ?", string(Provider), r.Resource, r.Department)
		if err != nil {
			return err
		}
		for i := range ns {
			n := &ns[i]
			if n.Standing != r.ID || !ends(r.Resource, n.Consumer.Member) {
				continue
			}
			if _, _, err := Next(n.State, Terminate, n.Done); err != nil {
				continue // it ended before
			}
			if err := s.move(ctx, tx, n, Terminate, by{actor: seal.Actor{Department: n.Department()}, note: reason}); err != nil {
				return err
			}
		}
	}
	return nil
}
