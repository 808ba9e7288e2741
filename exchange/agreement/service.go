package agreement

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/kuayu/kuayu/exchange/catalog"
	"github.com/kuayu/kuayu/internal/clock"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/queue"
	"github.com/kuayu/kuayu/internal/workday"
	"github.com/kuayu/kuayu/support/deadline"
	"github.com/kuayu/kuayu/support/evidence"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/notice"
	"github.com/kuayu/kuayu/support/policy"
	"github.com/kuayu/kuayu/support/process"
	"github.com/kuayu/kuayu/support/seal"
)

// Carrier carries an effect to the other end, in the transaction that caused it. exchange/dataspace is one. note is what
// was said; content are the agreement's exact bytes where the effect is SendAgreement, and what goes with it in JSON where
// it is one of Kuayu's own.
type Carrier interface {
	Carry(ctx context.Context, tx *db.Tx, n *Negotiation, e Effect, note string, content []byte) error
}

// KindExpire is the queue's kind of job that ends an agreement at its time limit.
const KindExpire = "agreement.expire"

// Deps are what the service needs.
type Deps struct {
	Cases   *process.Engine
	Queue   *queue.Queue
	Catalog *catalog.Service
}

// Service is the service of applications and agreements.
type Service struct {
	cases   *process.Engine
	kind    *process.Kind[Negotiation]
	db      *db.DB
	clock   clock.Clock
	queue   *queue.Queue
	catalog *catalog.Service
	self    string
	carrier Carrier

	mu      sync.RWMutex
	cache   map[cacheKey]*InForce
	changes uint64 // how often something was dropped from it
}

// NewService adds agreements to the node's kinds of case. SetCarrier must follow.
func NewService(d Deps) *Service {
	e := d.Cases
	s := &Service{cases: e, db: e.DB, clock: e.Clock, queue: d.Queue, catalog: d.Catalog, self: e.Self, cache: map[cacheKey]*InForce{}}
	s.kind = process.Open(e, Process(), process.Hooks[Negotiation]{
		Index: func(n *Negotiation) process.Index {
			return process.Index{Member: n.Other(), Peer: n.Peer, Ref: n.Agreement, Subject: n.Application.Resource, Title: n.Application.Scenario}
		},
		Parties: func(n *Negotiation) deadline.Parties {
			return deadline.Parties{Provider: deadline.Party(n.Provider), Applicant: deadline.Party(n.Consumer), Authority: deadline.Party{Member: n.Provider.Member}}
		},
		Region: func(n *Negotiation) string { return e.Division(n.Provider.Member) },
		Header: func(n *Negotiation) evidence.Header {
			return evidence.Header{Agreement: n.Agreement, ToDept: n.OtherEnd().Department, To: n.Other(), Digest: n.Hash, Note: n.ID}
		},
		Fact: func(n *Negotiation, _ *act, said map[string]any) {
			said["agreement"], said["hash"] = n.Agreement, n.Hash
		},
		Params: func(n *Negotiation, e Event) notice.Params {
			return notice.Params{Resource: n.Application.Resource, Member: n.Other(), Until: n.until(e)}
		},
		Before: map[Event]process.Hook[Negotiation]{
			AskOffice: s.renewable, CounterOffer: s.grantable, ProposeAnswer: s.grantable, ConsentAnswer: s.conclude, StandingConsent: s.conclude,
			Extend: s.extended, ProposeChange: s.grantable, GrantChange: s.amended,
		},
		Stored: s.stored,
		Send: func(ctx context.Context, tx *db.Tx, n *Negotiation, m *process.Move, a *act) error {
			content := []byte(a.Detail)
			if m.Send == SendAgreement {
				content = a.Document
			}
			return s.carrier.Carry(ctx, tx, n, m.Send, a.Note, content)
		},
	})
	d.Queue.Handle(KindExpire, s.expire)
	return s
}

// SetCarrier names who carries effects.
func (s *Service) SetCarrier(c Carrier) { s.carrier = c }

// until is the last day that an event names, in China; empty if it names none.
func (n *Negotiation) until(e Event) string {
	var t time.Time
	switch {
	case e == OrderRectify && n.Suspension != nil:
		t = n.Suspension.RectifyBy
	case e == BeginDisposal && n.Disposing != nil:
		t = n.Disposing.Order.By
	}
	if t.IsZero() {
		return ""
	}
	return t.In(clock.China()).Format(time.DateOnly)
}

// stored writes the exact bytes that a step brought, sets the timer of an agreement that came into force, and drops it from
// memory: the next use reads it again.
func (s *Service) stored(ctx context.Context, tx *db.Tx, n *Negotiation, a *act) error {
	if a.Document != nil {
		if err := s.saveDocument(ctx, tx, n, a.Document); err != nil {
			return err
		}
	}
	if n.State == Active {
		if err := s.queue.Enqueue(ctx, tx, queue.Job{ID: KindExpire + "/" + n.ID, Kind: KindExpire, Payload: n.ID, RunAt: n.ValidUntil}); err != nil {
			return err
		}
	}
	tx.OnCommit(func() { s.forget(n.Agreement) })
	return nil
}

// begin is a new application of a department.
func (s *Service) begin(department string, a *Application) *Negotiation {
	return &Negotiation{
		Case:     process.Case{Side: Consumer, Department: department},
		Consumer: policy.Party{Member: s.self, Department: department}, Provider: policy.Party{Member: a.Provider},
	}
}

// Apply drafts an application of the session's department and hands it to the head of its sharing office.
func (s *Service) Apply(ctx context.Context, sess *identity.Session, a Application) (*Negotiation, error) {
	if err := sess.Require(identity.DataOfficer); err != nil {
		return nil, err
	}
	if err := a.Check(s.clock.Now()); err != nil {
		return nil, err
	}
	n := s.begin(sess.Department, &a)
	return n, s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		return s.kind.Begin(ctx, tx, sess, n, AskOffice, process.Given{Args: &a})
	})
}

// grantable holds a grant to the application and to the catalogue.
func (s *Service) grantable(ctx context.Context, tx *db.Tx, n *Negotiation, a *act) error {
	g, ok := a.Args.(*Grant)
	if !ok || a.Remote {
		return nil
	}
	of := n
	if a.Event == ProposeChange && n.Change != nil {
		of = n.underChange()
	}
	_, err := s.terms(ctx, tx, of, g)
	return err
}

// conclude makes the agreement's exact bytes.
func (s *Service) conclude(ctx context.Context, tx *db.Tx, n *Negotiation, a *act) error {
	if a.Remote {
		return nil
	}
	if n.Grant == nil {
		n.Grant = &Grant{Fields: n.Application.Fields}
	}
	n.Agreement = s.cases.IDs.NewID()
	t, bytes, err := s.encode(ctx, tx, n, n.Grant)
	if err != nil {
		return err
	}
	n.Hash, n.ValidUntil, a.Document = hashOf(bytes), t.ValidUntil, bytes
	return nil
}

func (s *Service) encode(ctx context.Context, tx *db.Tx, n *Negotiation, g *Grant) (*policy.Terms, []byte, error) {
	t, err := s.terms(ctx, tx, n, g)
	if err != nil {
		return nil, nil, err
	}
	bytes, err := policy.EncodeAgreement(t, s.clock.Now())
	return t, bytes, err
}

func hashOf(b []byte) string {
	h := seal.Ed25519SHA256.Object(b)
	return fmt.Sprintf("%x", h[:])
}

// underChange is the record as it would be under the change of use.
func (n *Negotiation) underChange() *Negotiation {
	m := *n
	m.Application = n.Change.Application
	return &m
}

// amended makes the amended agreement's bytes where they are not given, and keeps those in force.
func (s *Service) amended(ctx context.Context, tx *db.Tx, n *Negotiation, a *act) error {
	x, ok := a.Args.(*Amended)
	if !ok {
		c, err := n.waiting(GrantChange, ChangeProposed)
		if err != nil {
			return err
		}
		t, bytes, err := s.encode(ctx, tx, n.underChange(), c.Grant)
		if err != nil {
			return err
		}
		x = &Amended{Document: bytes, Refused: c.Grant.Refused, terms: t}
		a.Args, a.Note = x, c.Reason
	}
	a.Document = x.Document
	return s.keepVersion(ctx, tx, n)
}

// extended says when the answer is due after the extension: 1 working day for unconditional sharing, 10 otherwise (art.
// 21), and the days of the extension, all counted from receipt.
func (s *Service) extended(ctx context.Context, tx *db.Tx, n *Negotiation, a *act) error {
	if a.Remote || n.Extension == nil {
		return nil
	}
	r, err := s.catalog.GetTx(ctx, tx, db.System("extension"), n.Application.Resource)
	if err != nil {
		return err
	}
	days := 10
	if r.Sharing == catalog.Unconditional {
		days = 1
	}
	x := Extension{Days: n.Extension.Days, Reason: n.Extension.Reason, Asked: n.Extension.Asked, Consented: a.At}
	x.Until, _, err = workday.Builtin().AddWorkdays(n.Received, days+x.Days)
	a.Args, a.Note = &x, x.Reason
	return err
}

// expire is the job at the time limit of use.
func (s *Service) expire(ctx context.Context, j queue.Job) error {
	return s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		n, err := s.GetTx(ctx, tx, db.System("expire"), j.Payload)
		if err != nil {
			return queue.Stop(err)
		}
		if !s.kind.Table.Allows(n.State, Expire, n.Done) {
			return nil // ended otherwise meanwhile
		}
		if s.clock.Now().Before(n.ValidUntil) { // the agreement was amended: it lasts longer
			return s.queue.Enqueue(ctx, tx, queue.Job{ID: j.ID, Kind: KindExpire, Payload: n.ID, RunAt: n.ValidUntil})
		}
		return s.kind.Take(ctx, tx, n, &act{Event: Expire, Note: "valid_until"})
	})
}
