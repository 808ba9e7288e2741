package agreement

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/kuayu/kuayu/exchange/catalog"
	"github.com/kuayu/kuayu/internal/clock"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/ids"
	"github.com/kuayu/kuayu/internal/queue"
	"github.com/kuayu/kuayu/support/deadline"
	"github.com/kuayu/kuayu/support/evidence"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/policy"
	"github.com/kuayu/kuayu/support/seal"
)

// Carrier carries an effect to the other end, in the transaction that caused it. exchange/dataspace is one. bytes are
// the agreement's exact bytes where the effect is SendAgreement, and what goes with it in JSON where it is one of
// Kuayu's own.
type Carrier interface {
	Carry(ctx context.Context, tx *db.Tx, n *Negotiation, e Effect, bytes []byte) error
}

// KindExpire is the queue's kind of job that ends an agreement at its time limit.
const KindExpire = "agreement.expire"

// Deps are what the room needs.
type Deps struct {
	DB      *db.DB
	Clock   clock.Clock
	IDs     ids.Source
	Queue   *queue.Queue
	Outbox  *evidence.Outbox
	Catalog *catalog.Service
	Clocks  *deadline.Service
	// Division is a member's division (GB/T 2260), whose regional profile its clocks run by; empty if unknown.
	Division func(member string) string
	Self     string // this member
}

// Service is the room.
type Service struct {
	db      *db.DB
	clock   clock.Clock
	ids     ids.Source
	queue   *queue.Queue
	outbox  *evidence.Outbox
	catalog *catalog.Service
	clocks  *deadline.Service
	region  func(member string) string
	self    string
	carrier Carrier
	hears   Listener

	mu      sync.RWMutex
	cache   map[cacheKey]*InForce
	changes uint64 // how often something was dropped from it
}

// NewService wires the room. SetCarrier must follow.
func NewService(d Deps) *Service {
	s := &Service{db: d.DB, clock: d.Clock, ids: d.IDs, queue: d.Queue, outbox: d.Outbox, catalog: d.Catalog, clocks: d.Clocks, region: d.Division, self: d.Self, cache: map[cacheKey]*InForce{}}
	d.Queue.Handle(KindExpire, s.expire)
	return s
}

// SetCarrier tells the room how effects travel.
func (s *Service) SetCarrier(c Carrier) { s.carrier = c }

// by says who moves an agreement, and whether the other end still has to be told.
type by struct {
	actor     seal.Actor
	authority string // department of the authority, where it acted instead of the provider
	note      string
	remote    bool // the other end did it: nothing is sent back
	bytes     []byte
	detail    json.RawMessage // what was said besides: part of the fact, and of Kuayu's own messages
}

func person(sess *identity.Session, note string) by {
	return by{actor: seal.Actor{Department: sess.Department, Officer: sess.Actor}, note: note}
}

// move takes one arrow: state, history, fact and message in one transaction.
func (s *Service) move(ctx context.Context, tx *db.Tx, n *Negotiation, e Event, b by) error {
	to, effect, err := Next(n.State, e, n.Done)
	if err != nil {
		return err
	}
	now := s.clock.Now()
	from := n.State
	n.State, n.Updated, n.said = to, now, b.note
	switch e { //nolint:exhaustive // only these leave a mark of their own
	case AskSupplement, Extend:
		n.Done = append(n.Done, e)
	case AcceptOffer:
		n.Accepted = true
	case Refuse, Withdraw, Suspend, Terminate, AnswerReturned, OfficeReturns:
		n.Reason = b.note
	case AskOffice, ProposeAnswer, Resume:
		n.Reason = "" // what was found is mended
	}
	n.marked(e, now)
	if err := s.save(ctx, tx, n, b.bytes); err != nil {
		return err
	}
	actor := b.actor.Officer
	if b.remote {
		actor = n.Other()
	}
	if err := s.step(ctx, tx, n, Step{ID: s.ids.NewID(), Time: now.UnixMicro(), Actor: actor, Event: e, From: from, To: to, Note: b.note}); err != nil {
		return err
	}
	if err := s.fact(ctx, tx, n, e, from, b); err != nil {
		return err
	}
	if err := s.tick(ctx, tx, n, now, e, ClocksOf(e, from, n.Sharing)); err != nil {
		return err
	}
	if to == Active {
		if err := s.queue.Enqueue(ctx, tx, queue.Job{ID: KindExpire + "/" + n.ID, Kind: KindExpire, Payload: n.ID, RunAt: n.ValidUntil}); err != nil {
			return err
		}
	}
	if s.hears != nil {
		if err := s.hears.Moved(ctx, tx, n, e); err != nil {
			return err
		}
	}
	tx.OnCommit(func() { s.forget(n.Agreement) })
	if effect != None && !b.remote {
		return s.carrier.Carry(ctx, tx, n, effect, b.content())
	}
	return nil
}

// fact records the arrow in evidence.
func (s *Service) fact(ctx context.Context, tx *db.Tx, n *Negotiation, e Event, from State, b by) error {
	said := map[string]any{
		"negotiation": n.ID, "event": string(e), "from": string(from), "to": string(n.State), "agreement": n.Agreement, "hash": n.Hash, "note": b.note,
	}
	if b.detail != nil {
		said["detail"] = b.detail
	}
	if b.authority != "" {
		said["authority"] = b.authority
	}
	body, err := json.Marshal(said)
	if err != nil {
		return err
	}
	other := n.Provider.Department
	if n.Role == Provider {
		other = n.Consumer.Department
	}
	if b.actor.Department == "" {
		b.actor.Department = n.Department()
	}
	h := evidence.Header{Agreement: n.Agreement, ToDept: other, To: n.Other(), Digest: n.Hash, Note: n.ID}
	return s.outbox.Put(ctx, tx, evidence.Draft{Kind: "agreement." + string(e), ID: s.ids.NewID(), Actor: b.actor, Header: h.Encode(), Body: body})
}

// Apply drafts an application of the session's department and hands it to the head of its sharing office.
func (s *Service) Apply(ctx context.Context, sess *identity.Session, a Application) (*Negotiation, error) {
	if err := sess.Require(identity.DataOfficer); err != nil {
		return nil, err
	}
	now := s.clock.Now()
	if err := a.Check(now); err != nil {
		return nil, err
	}
	n := &Negotiation{
		ID: s.ids.NewID(), Role: Consumer, State: Draft, Application: a, Created: now, Updated: now,
		Consumer: policy.Party{Member: s.self, Department: sess.Department}, Provider: policy.Party{Member: a.Provider},
	}
	return n, s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if err := s.renewable(ctx, tx, sess, &a); err != nil {
			return err
		}
		return s.move(ctx, tx, n, AskOffice, person(sess, ""))
	})
}

// ConsentRequest is the consent of the head of the applicant's sharing office: the application goes out (art. 20).
func (s *Service) ConsentRequest(ctx context.Context, sess *identity.Session, id string) (*Negotiation, error) {
	return s.act(ctx, sess, id, Consumer, []identity.Role{identity.OfficeHead}, func(ctx context.Context, tx *db.Tx, n *Negotiation) error {
		return s.move(ctx, tx, n, OfficeConsents, person(sess, ""))
	})
}

// ReturnRequest is the head of the applicant's sharing office sending a draft back to the officer, with what to mend.
func (s *Service) ReturnRequest(ctx context.Context, sess *identity.Session, id, reason string) (*Negotiation, error) {
	if !text(reason) {
		return nil, ErrReason.With()
	}
	return s.act(ctx, sess, id, Consumer, []identity.Role{identity.OfficeHead}, func(ctx context.Context, tx *db.Tx, n *Negotiation) error {
		return s.move(ctx, tx, n, OfficeReturns, person(sess, reason))
	})
}

// Mend is the applicant's officer putting a draft that the head returned up again, mended: for the same resource of the
// same provider.
func (s *Service) Mend(ctx context.Context, sess *identity.Session, id string, a Application) (*Negotiation, error) {
	return s.act(ctx, sess, id, Consumer, []identity.Role{identity.DataOfficer}, func(ctx context.Context, tx *db.Tx, n *Negotiation) error {
		if _, _, err := Next(n.State, AskOffice, n.Done); err != nil {
			return err
		}
		if err := a.Check(s.clock.Now()); err != nil {
			return err
		}
		if err := n.asksAgain(a); err != nil {
			return err
		}
		if err := s.renewable(ctx, tx, sess, &a); err != nil {
			return err
		}
		return s.move(ctx, tx, n, AskOffice, person(sess, ""))
	})
}

// act loads a negotiation of the session's department in a transaction, checks the role, and runs f.
func (s *Service) act(ctx context.Context, sess *identity.Session, id string, role Role, roles []identity.Role, f func(context.Context, *db.Tx, *Negotiation) error) (*Negotiation, error) {
	if err := sess.Require(roles...); err != nil {
		return nil, err
	}
	return s.actIn(ctx, db.In(sess.Division, sess.Department, sess.Actor), id, role, f)
}

func (s *Service) actIn(ctx context.Context, sc db.Scope, id string, role Role, f func(context.Context, *db.Tx, *Negotiation) error) (*Negotiation, error) {
	var n *Negotiation
	err := s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		var err error
		n, _, err = scanRow(ctx, tx, sc, named+" AND role = ?", id, id, string(role))
		if err != nil {
			return err
		}
		return f(ctx, tx, n)
	})
	return n, err
}

// Answer is the provider's officer proposing what to grant; the head of the office consents after it (art. 20).
func (s *Service) Answer(ctx context.Context, sess *identity.Session, id string, g Grant) (*Negotiation, error) {
	return s.act(ctx, sess, id, Provider, []identity.Role{identity.DataOfficer}, func(ctx context.Context, tx *db.Tx, n *Negotiation) error {
		if _, err := s.terms(ctx, tx, n, &g); err != nil {
			return err
		}
		if err := g.accounts(n.Application.Fields); err != nil {
			return err
		}
		n.Grant, n.ProposedBy = &g, sess.Actor
		return s.move(ctx, tx, n, ProposeAnswer, person(sess, ""))
	})
}

// ConsentAnswer is the second officer: the head of the provider's office. The agreement's bytes are made here.
func (s *Service) ConsentAnswer(ctx context.Context, sess *identity.Session, id string) (*Negotiation, error) {
	return s.act(ctx, sess, id, Provider, []identity.Role{identity.OfficeHead}, func(ctx context.Context, tx *db.Tx, n *Negotiation) error {
		if n.ProposedBy == sess.Actor {
			return ErrTwoPeople.With()
		}
		return s.conclude(ctx, tx, n, ConsentAnswer, person(sess, ""))
	})
}

// ReturnAnswer sends the officer's proposal back.
func (s *Service) ReturnAnswer(ctx context.Context, sess *identity.Session, id, reason string) (*Negotiation, error) {
	if strings.TrimSpace(reason) == "" {
		return nil, ErrReason.With()
	}
	return s.act(ctx, sess, id, Provider, []identity.Role{identity.OfficeHead}, func(ctx context.Context, tx *db.Tx, n *Negotiation) error {
		if n.Accepted {
			// The applicant took the terms offered: they are agreed to, or the application is refused with reasons.
			return ErrTransition.With(string(n.State), string(AnswerReturned))
		}
		return s.move(ctx, tx, n, AnswerReturned, person(sess, reason))
	})
}

// conclude makes the agreement's exact bytes and sends them.
func (s *Service) conclude(ctx context.Context, tx *db.Tx, n *Negotiation, e Event, b by) error {
	if n.Grant == nil {
		n.Grant = &Grant{Fields: n.Application.Fields}
	}
	n.Agreement = s.ids.NewID()
	t, err := s.terms(ctx, tx, n, n.Grant)
	if err != nil {
		return err
	}
	bytes, err := policy.EncodeAgreement(t, s.clock.Now())
	if err != nil {
		return err
	}
	n.Hash, n.ValidUntil = hashOf(bytes), t.ValidUntil
	b.bytes = bytes
	return s.move(ctx, tx, n, e, b)
}

func hashOf(b []byte) string {
	h := seal.Ed25519SHA256.Object(b)
	return fmt.Sprintf("%x", h[:])
}

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
		if !hasMode(r.Modes, m) {
			return nil, ErrGrant.With("mode "+string(m)+" is not offered", "目录未提供共享方式 "+string(m))
		}
	}
	for _, name := range g.Fields {
		it := r.Item(name)
		if it == nil || it.Sharing == catalog.NotShared || !hasString(a.Fields, name) {
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

func hasMode(list []policy.Mode, m policy.Mode) bool {
	for _, l := range list {
		if l == m {
			return true
		}
	}
	return false
}

func hasString(list []string, s string) bool {
	for _, l := range list {
		if l == s {
			return true
		}
	}
	return false
}

// Refuse declines an application with reasons (art. 21); incompleteness is no reason.
func (s *Service) Refuse(ctx context.Context, sess *identity.Session, id, reason string) (*Negotiation, error) {
	switch strings.TrimSpace(reason) {
	case "":
		return nil, ErrReason.With()
	case "incomplete":
		return nil, ErrIncomplete.With()
	}
	return s.act(ctx, sess, id, Provider, []identity.Role{identity.OfficeHead}, func(ctx context.Context, tx *db.Tx, n *Negotiation) error {
		switch n.State { //nolint:exhaustive // the others have their arrow, or none
		case Approved, Verified:
			return ErrTransition.With(string(n.State), string(Refuse)) // an answer given is no longer refused: it is revoked
		case Supplement:
			return ErrIncomplete.With() // what is asked for may still come: refusing now would be for incompleteness
		}
		return s.move(ctx, tx, n, Refuse, person(sess, reason))
	})
}

// Withdraw takes an application back. One that was granted and countersigned is on its way into force: taking it back then
// would cross the provider's last word, and the ends would not agree what became of it.
func (s *Service) Withdraw(ctx context.Context, sess *identity.Session, id, reason string) (*Negotiation, error) {
	return s.act(ctx, sess, id, Consumer, []identity.Role{identity.DataOfficer, identity.OfficeHead}, func(ctx context.Context, tx *db.Tx, n *Negotiation) error {
		if n.State == Verified {
			return ErrTransition.With(string(n.State), string(Withdraw))
		}
		return s.move(ctx, tx, n, Withdraw, person(sess, reason))
	})
}

// Revoke ends an agreement by the provider or the authority (art. 27), at once here and on receipt, at the latest when
// the lease ends, there.
func (s *Service) Revoke(ctx context.Context, sess *identity.Session, id, reason string) (*Negotiation, error) {
	if strings.TrimSpace(reason) == "" {
		return nil, ErrReason.With()
	}
	return s.oversee(ctx, sess, id, []identity.Role{identity.OfficeHead, identity.DepartmentHead, identity.Authority}, func(ctx context.Context, tx *db.Tx, n *Negotiation) error {
		return s.move(ctx, tx, n, Terminate, n.overseer(sess, reason))
	})
}

// expire is the job at the time limit of use.
func (s *Service) expire(ctx context.Context, j queue.Job) error {
	return s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		n, _, err := s.byID(ctx, tx, db.System("expire"), j.Payload)
		if err != nil {
			return queue.Stop(err)
		}
		if _, _, err := Next(n.State, Expire, n.Done); err != nil {
			return nil //nolint:nilerr // ended otherwise meanwhile
		}
		if s.clock.Now().Before(n.ValidUntil) { // the agreement was amended: it lasts longer
			return s.queue.Enqueue(ctx, tx, queue.Job{ID: j.ID, Kind: KindExpire, Payload: n.ID, RunAt: n.ValidUntil})
		}
		return s.move(ctx, tx, n, Expire, by{note: "valid_until"})
	})
}

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
	st.ID, st.By, st.Under = s.ids.NewID(), sess.Actor, ""
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
	var docs []string
	now := s.clock.Now()
	err := tx.NewRaw("SELECT doc FROM agreement_standing WHERE resource = ? AND department = ? AND revoked = 0 AND valid_until > ? ORDER BY id",
		n.Application.Resource, n.Provider.Department, now.UnixMicro()).Scan(ctx, &docs)
	if err != nil {
		return nil, fmt.Errorf("standing consent: %w", err)
	}
	for _, d := range docs {
		var st Standing
		if err := json.Unmarshal([]byte(d), &st); err != nil {
			return nil, fmt.Errorf("standing consent: %w", err)
		}
		if st.covers(&n.Application, n.Consumer, now) {
			return &st, nil
		}
	}
	return nil, nil //nolint:nilnil // no consent is no error
}

func (st *Standing) covers(a *Application, consumer policy.Party, now time.Time) bool {
	if len(st.Members) > 0 && !hasString(st.Members, consumer.Member) {
		return false
	}
	if len(st.Parties) > 0 && !slices.Contains(st.Parties, consumer) {
		return false
	}
	for _, f := range a.Fields {
		if !hasString(st.Fields, f) {
			return false
		}
	}
	for _, m := range a.Modes {
		if !hasMode(st.Modes, m) {
			return false
		}
	}
	return a.ValidUntil.Before(now.AddDate(0, 0, st.MaxDays).Add(time.Hour))
}
