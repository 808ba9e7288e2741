package watch

import (
	"context"
	"net/http"
	"time"

	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/exchange/catalog"
	"github.com/kuayu/kuayu/exchange/gateway"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/support/checkup"
	"github.com/kuayu/kuayu/support/deadline"
	"github.com/kuayu/kuayu/support/evidence"
	"github.com/kuayu/kuayu/support/federation"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/notice"
	"github.com/kuayu/kuayu/support/peer"
	"github.com/kuayu/kuayu/web/staff"
)

// Exchanges tell how governed queries went. gateway.Gateway is one.
type Exchanges interface {
	Exchanges(ctx context.Context, sc db.Scope, q gateway.ExchangeQuery) (*gateway.Exchanges, error)
	Watch(ctx context.Context, sc db.Scope, side gateway.Side, member string, hours int) (*gateway.Watch, error)
	Trace(ctx context.Context, sc db.Scope, id string) (*gateway.Trace, error)
	Facts(ctx context.Context, sc db.Scope, q evidence.Query) (*gateway.Exchanges, error)
	Pseudonym(sess *identity.Session, identifier string) (string, error)
	Used(ctx context.Context, sc db.Scope, agreement string, since time.Time, limit int) ([]evidence.Use, error)
}

// Cases are applications and agreements. agreement.Service is one.
type Cases interface {
	Get(ctx context.Context, sc db.Scope, id string) (*agreement.Negotiation, error)
	Bytes(ctx context.Context, sc db.Scope, id string) ([]byte, error)
}

// MemberRegistry is who the members are, now and before, and what they say of themselves. federation.Directory is one.
type MemberRegistry interface {
	Current() *federation.Constitution
	Versions() []*federation.Constitution
	Statements() []*federation.SignedStatement
	Chain() federation.Chain
	Document() *federation.Document
}

// Facts gives one fact out. evidence.Index is one.
type Facts interface {
	Record(ctx context.Context, sc db.Scope, id string) (*evidence.Record, error)
}

// Receipts prove facts. evidence.Issuer is one.
type Receipts interface {
	Receipt(ctx context.Context, r *evidence.Record, withBody bool) (*evidence.Receipt, error)
	State() evidence.State
}

// Logs are what this node has seen of the members' logs. evidence.Witness is one.
type Logs interface {
	List(ctx context.Context) ([]evidence.Seen, error)
}

// Contacts are how the members were reached. peer.Link is one.
type Contacts interface {
	Contacts() map[string]peer.Contact
}

// Prober reads the first page of a member's catalogue: that goes the whole way. dataspace.Service is one.
type Prober interface {
	Browse(ctx context.Context, member, after string) ([]catalog.Resource, string, error)
}

// Ballots change who the members are. federation.Service is one.
type Ballots interface {
	Proposals(ctx context.Context) ([]federation.Proposal, error)
	Draft(ctx context.Context, c federation.Change) (*federation.Constitution, error)
	ProposeChange(ctx context.Context, c federation.Change) (*federation.Proposal, error)
	Approve(ctx context.Context, hash string) (*federation.Proposal, error)
}

// Clocks are the law's, with what came of those that ran out. deadline.Service is one.
type Clocks interface {
	Running(ctx context.Context, sc db.Scope, q deadline.OpenQuery) (*deadline.Page[deadline.Deadline], error)
	Tallies(ctx context.Context, sc db.Scope, q deadline.ViolationQuery) ([]deadline.Tally, error)
	Reminders(ctx context.Context, sc db.Scope, q deadline.ReminderQuery) (*deadline.Page[deadline.Reminder], error)
	Remind(ctx context.Context, sess *identity.Session, clock, text string) (*deadline.Reminder, error)
}

// Ledgers are how agreements were used, as their using departments wrote it down. gateway.Gateway is one: the other end's
// it asks for.
type Ledgers interface {
	Ledger(ctx context.Context, sess *identity.Session, id string) (*agreement.Ledger, error)
}

// Staff are the departments, the people and the machines of this node. identity.Service is one.
type Staff interface {
	ActorPage(ctx context.Context, sess *identity.Session, q identity.ActorQuery) (*identity.Page[identity.Actor], error)
	SignInPage(ctx context.Context, sess *identity.Session, q identity.SignInQuery) (*identity.Page[identity.SignInRecord], error)
	Enter(ctx context.Context, sess *identity.Session, a identity.Actor) error
	EnterDepartment(ctx context.Context, sess *identity.Session, d identity.Department) error
	SetKey(ctx context.Context, sess *identity.Session, id, key string) error
	SetDisabled(ctx context.Context, sess *identity.Session, id string, disabled bool) error
}

// Inbox holds what an officer should know. notice.Service is one.
type Inbox interface {
	List(ctx context.Context, sess *identity.Session, q notice.Query) (*notice.Page, error)
	MarkRead(ctx context.Context, sess *identity.Session, id string) error
	Preferences(ctx context.Context, sess *identity.Session) (*notice.Preference, error)
	SetPreferences(ctx context.Context, sess *identity.Session, p notice.Preference) (*notice.Preference, error)
}

// Deps are what the face needs.
type Deps struct {
	*staff.Desk
	Exchanges      Exchanges
	Cases          Cases
	MemberRegistry MemberRegistry
	Facts          Facts
	Receipts       Receipts
	Logs           Logs
	Contacts       Contacts
	Prober         Prober
	Ballots        Ballots
	Clocks         Clocks
	Ledgers        Ledgers
	Staff          Staff
	Inbox          Inbox
	Hooks          Hooks
	Jobs           Jobs

	Checks       func(ctx context.Context, lang string) []checkup.Check // of this node's set-up
	Version      string                                                 // of this program
	Certificates func() (leaf, ca time.Time)                            // ends of this node's own
}

// Watch serves the pages.
type Watch struct {
	Deps
	held func() // told of every check that held
}

// New makes the face; it serves nothing before Routes.
func New(d Deps) *Watch { return &Watch{Deps: d} }

// OnHeld names who is told when a visitor checked a fact and it held. Call before the routes.
func (w *Watch) OnHeld(f func()) { w.held = f }

// Routes adds the pages.
func (w *Watch) Routes(mux *http.ServeMux) {
	w.Get(mux, staff.PathExchanges, w.exchanges)
	w.Get(mux, staff.PathExchanges+"/{id}", w.exchange)
	w.Get(mux, staff.PathEvidence, w.facts)
	w.Post(mux, staff.PathEvidence+"/person", w.person)
	w.Get(mux, staff.PathEvidence+"/constitution.json", w.constitution)
	w.Get(mux, staff.PathEvidence+"/{id}", w.fact)
	w.Get(mux, staff.PathEvidence+"/{id}/receipt.json", w.receipt)
	w.Get(mux, pathLogs, w.logs)
	w.Get(mux, staff.PathMembers, w.members)
	w.Post(mux, staff.PathMembers+"/probe", w.probe)
	w.Get(mux, pathPropose+"/{change}", w.proposed)
	w.Post(mux, pathPropose+"/{change}", w.propose)
	w.Post(mux, staff.PathMembers+"/proposals/{hash}/approve", w.approve)
	w.Get(mux, staff.PathOversight, w.oversight)
	w.Post(mux, staff.PathOversight+"/{clock}/remind", w.remind)
	w.Get(mux, staff.PathUsage, w.usage)
	w.Get(mux, staff.PathUsage+"/{id}", w.oneUsage)
	w.Get(mux, staff.PathUsage+"/{id}/ledger.csv", w.ledgerFile)
	w.Get(mux, staff.PathPeople, w.people)
	w.Post(mux, staff.PathPeople, w.addPerson)
	w.Post(mux, pathDepartments, w.addDepartment)
	w.Get(mux, staff.PathPeople+"/{id}", w.onePerson)
	w.Post(mux, staff.PathPeople+"/{id}/{act}", w.changePerson)
	w.Get(mux, staff.PathSignIns, w.signIns)
	w.Get(mux, staff.PathSetup, w.setup)
	w.Get(mux, pathHooks, w.hooks)
	w.Post(mux, pathHooks, w.addHook)
	w.Post(mux, pathHooks+"/{id}/{act}", w.changeHook)
	w.Open(mux, "GET "+pathHooks+"/{id}", func(rw http.ResponseWriter, r *http.Request) { // to which a notice about one leads
		http.Redirect(rw, r, pathHooks, http.StatusSeeOther)
	})
	w.Get(mux, pathJobs, w.jobs)
	w.Post(mux, pathJobs+"/{id}/{act}", w.changeJob)
	w.Get(mux, staff.PathInbox, w.inbox)
	w.Post(mux, staff.PathInbox+"/preferences", w.prefer)
	w.Post(mux, staff.PathInbox+"/{id}/read", w.markRead)
}
