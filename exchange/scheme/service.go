package scheme

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/exchange/catalog"
	"github.com/kuayu/kuayu/internal/clock"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/ids"
	"github.com/kuayu/kuayu/internal/queue"
	"github.com/kuayu/kuayu/support/evidence"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/notice"
	"github.com/kuayu/kuayu/support/peer"
	"github.com/kuayu/kuayu/support/policy"
	"github.com/kuayu/kuayu/support/seal"
)

// The kinds of messages, and of the facts that prove them.
const (
	KindProposed  = "scheme.proposed"
	KindConsented = "scheme.consented"
	KindDeclined  = "scheme.declined"
	KindLeft      = "scheme.left"
	KindVersion   = "scheme.version"
	KindClosed    = "scheme.closed"
)

// KindReview is the queue's kind of job that reminds a keeper of a line's review.
const KindReview = "scheme.review"

// reviewNotice is how long before the day of review its keeper is told.
const reviewNotice = 7 * 24 * time.Hour

// Board is where notices are put. notice.Service is one.
type Board interface {
	Put(ctx context.Context, tx *db.Tx, sc db.Scope, n notice.Notice, p notice.Params) error
}

// Deps are what the service needs.
type Deps struct {
	Self       string // this member
	DB         *db.DB
	Clock      clock.Clock
	IDs        ids.Source
	Queue      *queue.Queue
	Outbox     *evidence.Outbox
	Mailbox    *peer.Mailbox
	Catalog    *catalog.Service
	Agreements *agreement.Service
	Board      Board
	// Members are the ids of all members of the federation.
	Members func() []string
}

// Service is the service of this package.
type Service struct{ d Deps }

// NewService wires the service, its messages and its job.
func NewService(d Deps) *Service {
	s := &Service{d: d}
	for kind, in := range map[string]func(context.Context, *db.Tx, *peer.Incoming, *message) error{
		KindProposed: s.onProposed, KindConsented: s.onConsented, KindDeclined: s.onDeclined, KindLeft: s.onLeft, KindVersion: s.onVersion, KindClosed: s.onClosed,
	} {
		d.Mailbox.Handle(kind, peer.Handler{In: func(ctx context.Context, tx *db.Tx, m *peer.Incoming) ([]byte, error) {
			return nil, s.take(ctx, tx, m, in)
		}})
	}
	d.Queue.Handle(KindReview, s.review)
	return s
}

func under(id string) string { return "scheme/" + id }

func (s *Service) fact(ctx context.Context, tx *db.Tx, kind string, sess *identity.Session, id string, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	h := evidence.Header{Note: id}
	return s.d.Outbox.Put(ctx, tx, evidence.Draft{Kind: kind, ID: s.d.IDs.NewID(), Header: h.Encode(), Body: body, Actor: seal.Actor{Department: sess.Department, Officer: sess.Actor}})
}

// send tells members; the message is the fact that proves the act.
func (s *Service) send(ctx context.Context, tx *db.Tx, kind string, to []string, sess *identity.Session, m message) error {
	m.V = messageVersion
	body, err := json.Marshal(m)
	if err != nil {
		return err
	}
	to = slices.Clone(to)
	slices.Sort(to)
	for _, member := range slices.Compact(to) {
		if member == s.d.Self {
			continue
		}
		err := s.d.Mailbox.Queue(ctx, tx, peer.Message{
			To: member, Subject: under(m.ID), Kind: kind, Method: http.MethodPost, Path: peer.PathMessages + kind, ContentType: "application/json",
			Department: sess.Department, Officer: sess.Actor, Body: body,
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) tell(ctx context.Context, tx *db.Tx, x *Scheme, kind notice.Kind, department, member, until string, roles ...identity.Role) error {
	n := notice.Notice{Department: department, Roles: roles, Kind: kind, Subject: under(x.ID)}
	return s.d.Board.Put(ctx, tx, db.System("scheme"), n, notice.Params{Zh: x.Text.Title, En: x.Text.Title, Member: member, Until: until})
}

// mark names an entry with what it lists: another list of items or modes is another entry.
func (e *Entry) mark() string {
	h := sha256.New()
	for _, f := range e.Fields {
		_, _ = h.Write([]byte(f + "\n"))
	}
	_, _ = h.Write([]byte("\n")) // items end here: an item is no mode
	for _, m := range e.Modes {
		_, _ = h.Write([]byte(string(m) + "\n"))
	}
	return e.key() + "#" + hex.EncodeToString(h.Sum(nil)[:6])
}

// Propose drafts a scheme, or a new version of one (t.ID says which). A department's officer drafts its own, and the head
// of its office consents; the authority proposes a zone's, which is its member's consent.
func (s *Service) Propose(ctx context.Context, sess *identity.Session, t Text) (*Scheme, error) {
	if err := sess.Require(drafter(t.Kind)); err != nil {
		return nil, err
	}
	var x *Scheme
	err := s.d.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		var err error
		if x, err = s.draft(ctx, tx, sess, &t); err != nil {
			return err
		}
		if err := t.Check(s.d.Clock.Now()); err != nil {
			return err
		}
		_, hash, err := t.Encode()
		if err != nil {
			return err
		}
		x.Proposal, x.Officer = &Proposal{Text: t, Hash: hash, By: s.d.Self, Consents: []Consented{}}, sess.Actor
		if x.State != InForce {
			x.Text = t
		}
		if t.Kind != Zone {
			if err := s.save(ctx, tx, x); err != nil {
				return err
			}
			return s.tell(ctx, tx, x, notice.SchemeConsent, t.Owner.Department, s.d.Self, "", identity.OfficeHead)
		}
		if err := s.send(ctx, tx, KindProposed, t.needs(), sess, message{ID: x.ID, Text: &t}); err != nil {
			return err
		}
		return s.agree(ctx, tx, x, s.d.Self)
	})
	if err != nil {
		return nil, err
	}
	return x, nil
}

// everybody are the parties of the version in force and of what is proposed.
func (x *Scheme) everybody() []string {
	out := slices.Clone(x.Current().Parties)
	for _, p := range x.proposals() {
		out = append(out, p.Text.needs()...)
	}
	return out
}

// draft finds or makes the record a text is for, and fills in what is not the caller's to say.
func (s *Service) draft(ctx context.Context, tx *db.Tx, sess *identity.Session, t *Text) (*Scheme, error) {
	own := policy.Party{Member: s.d.Self, Department: sess.Department}
	if t.ID == "" {
		t.ID, t.Version, t.Prev, t.Owner, t.Round, t.Before = s.d.IDs.NewID(), 1, "", own, "", nil
		state := Draft
		if t.Kind == Zone {
			state = Proposed
		}
		now := s.d.Clock.Now()
		return &Scheme{ID: t.ID, State: state, Text: *t, Created: now, Updated: now}, s.members(t)
	}
	x, err := s.draftable(ctx, tx, sess, t.ID)
	if err != nil {
		return nil, err
	}
	x.number(t)
	if t.Kind == Zone {
		t.Round, t.Before = s.d.IDs.NewID(), x.Current().Parties
	}
	return x, s.members(t)
}

// drafter is who drafts schemes of a kind.
func drafter(k Kind) identity.Role {
	if k == Zone {
		return identity.Authority
	}
	return identity.DataOfficer
}

// draftable loads a scheme for who may draft its next version now. What kind it is of is the record's to say, not the caller's.
func (s *Service) draftable(ctx context.Context, tx *db.Tx, sess *identity.Session, id string) (*Scheme, error) {
	x, err := s.load(ctx, tx, scopeOf(sess), id)
	if err != nil {
		return nil, err
	}
	if err := sess.Require(drafter(x.Text.Kind)); err != nil {
		return nil, err
	}
	switch own := (policy.Party{Member: s.d.Self, Department: sess.Department}); {
	case x.State != InForce && x.State != Draft:
		return nil, ErrState.With("the scheme is not in force", "方案未生效")
	case x.Text.Kind != Zone && x.Text.Owner != own:
		return nil, ErrOwner.With()
	case x.Proposal != nil && x.Text.Kind == Zone:
		return nil, ErrTaken.With(x.Proposal.Text.Version)
	}
	return x, nil
}

// number makes a text the scheme's next version, or its draft corrected.
func (x *Scheme) number(t *Text) {
	t.ID, t.Kind, t.Owner, t.Version, t.Prev, t.Round, t.Before = x.ID, x.Text.Kind, x.Text.Owner, x.Text.Version, "", "", nil
	if x.State == InForce {
		t.Version, t.Prev = x.Text.Version+1, x.Hash
	}
}

// Next is what the next version of a scheme says before anybody changed it, for who may propose one: the list as it stands,
// or the version that waits for the head of its owner's office.
func (s *Service) Next(ctx context.Context, sess *identity.Session, id string) (*Text, error) {
	if err := sess.Require(identity.DataOfficer, identity.Authority); err != nil {
		return nil, err
	}
	x, err := s.draftable(ctx, s.d.DB.Read(), sess, id)
	if err != nil {
		return nil, err
	}
	t := *x.Current()
	if x.Proposal != nil {
		t = x.Proposal.Text
	}
	x.number(&t)
	return &t, nil
}

func (s *Service) members(t *Text) error {
	all := s.d.Members()
	for _, m := range t.Parties {
		if !slices.Contains(all, m) {
			return ErrForeign.With()
		}
	}
	if (t.Version == 1 || t.Kind != Zone) && !slices.Contains(t.Parties, s.d.Self) {
		return ErrForeign.With()
	}
	return nil
}

func scopeOf(sess *identity.Session) db.Scope {
	if sess.Has(identity.Authority) {
		return db.Oversight(sess.Division, sess.Department, sess.Actor)
	}
	return db.In(sess.Division, sess.Department, sess.Actor)
}

// act loads a scheme and does something to it.
func (s *Service) act(ctx context.Context, sess *identity.Session, id string, roles []identity.Role, f func(context.Context, *db.Tx, *Scheme) error) (*Scheme, error) {
	if err := sess.Require(roles...); err != nil {
		return nil, err
	}
	var x *Scheme
	err := s.d.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		var err error
		if x, err = s.load(ctx, tx, scopeOf(sess), id); err != nil {
			return err
		}
		return f(ctx, tx, x)
	})
	return x, err
}

// Consent is the head of the owner's office putting a version in force (Decree 809 art. 20), or the authority of a party
// consenting to a zone's.
func (s *Service) Consent(ctx context.Context, sess *identity.Session, id string) (*Scheme, error) {
	return s.act(ctx, sess, id, []identity.Role{identity.OfficeHead, identity.Authority}, func(ctx context.Context, tx *db.Tx, x *Scheme) error {
		p := x.Proposal
		if p == nil {
			return ErrState.With("nothing is proposed", "没有待决定的版本")
		}
		if p.Text.Kind == Zone {
			if err := sess.Require(identity.Authority); err != nil {
				return err
			}
			if !slices.Contains(p.waitsFor(), s.d.Self) {
				return ErrState.With("this member has consented", "本成员已同意")
			}
			if err := s.assent(ctx, tx, sess, &p.Text, p.Hash); err != nil {
				return err
			}
			for _, o := range x.Others { // one of a number
				if err := s.refuse(ctx, tx, sess, &o.Text, o.Hash, "another version has this member's consent"); err != nil {
					return err
				}
			}
			x.Others = nil
			return s.agree(ctx, tx, x, s.d.Self)
		}
		if err := sess.Require(identity.OfficeHead); err != nil {
			return err
		}
		if p.Text.Owner != (policy.Party{Member: s.d.Self, Department: sess.Department}) {
			return ErrOwner.With()
		}
		if x.Officer == sess.Actor {
			return agreement.ErrTwoPeople.With()
		}
		if err := s.send(ctx, tx, KindVersion, x.everybody(), sess, message{ID: x.ID, Text: &p.Text}); err != nil {
			return err
		}
		if err := s.enact(ctx, tx, x); err != nil {
			return err
		}
		if p.Text.Kind == PointToMany { // its own entries: the same head consents to both
			return s.join(ctx, tx, x, sess)
		}
		return s.save(ctx, tx, x)
	})
}

// agree counts a member's consent to the version proposed, and puts it in force with the last one.
func (s *Service) agree(ctx context.Context, tx *db.Tx, x *Scheme, member string) error {
	p := x.Proposal
	if err := s.consent(ctx, tx, x.ID, p.Text.Version, member, p.Hash, s.d.Clock.Now()); err != nil {
		return err
	}
	var err error
	if p.Consents, err = s.consents(ctx, tx, x.ID, p.Text.Version, p.Hash); err != nil {
		return err
	}
	if len(p.waitsFor()) > 0 {
		return s.save(ctx, tx, x)
	}
	if err := s.enact(ctx, tx, x); err != nil {
		return err
	}
	return s.save(ctx, tx, x)
}

// enact puts the version proposed in force at this node.
func (s *Service) enact(ctx context.Context, tx *db.Tx, x *Scheme) error {
	p := x.Proposal
	bytes, hash, err := p.Text.Encode()
	if err != nil {
		return err
	}
	if err := s.saveVersion(ctx, tx, &p.Text, hash, bytes); err != nil {
		return err
	}
	before := x.Current()
	x.Text, x.Hash, x.State, x.Proposal, x.Others, x.Left = p.Text, hash, InForce, nil, nil, nil
	for _, c := range p.Consents {
		if c.Left && slices.Contains(x.Text.Parties, c.Member) {
			x.Left = append(x.Left, c.Member)
		}
	}
	if !slices.Contains(x.Current().Parties, s.d.Self) {
		x.State = Left // what comes next does not come here, until somebody asks this member again
	}
	if err := s.settle(ctx, tx, x, before, "scheme version "+hash[:12]); err != nil {
		return err
	}
	if x.Text.Kind == Zone {
		if err := s.tell(ctx, tx, x, notice.SchemeInForce, "", x.Text.Owner.Member, "", identity.Authority); err != nil {
			return err
		}
	}
	for _, u := range x.Text.Users {
		if u.Member == s.d.Self && u != x.Text.Owner {
			if err := s.tell(ctx, tx, x, notice.SchemeOpen, u.Department, x.Text.Owner.Member, "", identity.DataOfficer); err != nil {
				return err
			}
		}
	}
	return nil
}

// settle makes what this node has done under a scheme agree with the list as it stands.
func (s *Service) settle(ctx context.Context, tx *db.Tx, x *Scheme, before *Text, reason string) error {
	now := x.Current()
	marks := map[string]*Entry{}
	for i := range now.Entries {
		marks[now.Entries[i].mark()] = &now.Entries[i]
	}
	still := map[string]bool{} // resource
	kept := x.Joined[:0:0]
	for _, j := range x.Joined {
		if marks[j.Entry] != nil && x.State == InForce {
			still[marks[j.Entry].Resource] = true
			kept = append(kept, j)
		}
	}
	x.Joined = kept
	// Standing consents are for the parties of a version: they are given anew. Agreements go on unless their entry or
	// their consumer is no longer in the list.
	err := s.d.Agreements.EndUnder(ctx, tx, under(x.ID), reason, func(resource, consumer string) bool {
		return consumer == "" || !still[resource] || !slices.Contains(now.Parties, consumer)
	})
	if err != nil {
		return err
	}
	for _, j := range x.Joined {
		if err := s.stand(ctx, tx, x, marks[j.Entry], &j); err != nil {
			return err
		}
	}
	if x.State != InForce { // a member that comes back enrols and joins anew
		return s.endEnrolments(ctx, tx, x.ID)
	}
	if err := s.remind(ctx, tx, x, before); err != nil {
		return err
	}
	es, err := s.enrolments(ctx, tx, db.System("scheme"), x.ID)
	if err != nil {
		return err
	}
	for i := range es {
		// What left the list took its agreement along; if it comes back, it is applied for again.
		for k := range es[i].Applied {
			a := &es[i].Applied[k]
			a.Over = a.Over || marks[a.Entry] == nil
		}
		if err := s.saveEnrolment(ctx, tx, &es[i]); err != nil {
			return err
		}
		if err := s.apply(ctx, tx, x, &es[i]); err != nil {
			return err
		}
	}
	return nil
}

// remind tells the keepers of new lines that the head of their office is to join with them, and sets the timers of review.
func (s *Service) remind(ctx context.Context, tx *db.Tx, x *Scheme, before *Text) error {
	told := map[string]bool{}
	for i := range x.Text.Entries {
		e := &x.Text.Entries[i]
		if e.Member != s.d.Self {
			continue
		}
		if !e.ReviewBy.IsZero() {
			job := queue.Job{ID: KindReview + "/" + x.ID + "/" + e.Resource, Kind: KindReview, Payload: x.ID + "\n" + e.Resource, RunAt: e.ReviewBy.Add(-reviewNotice)}
			if err := s.d.Queue.Enqueue(ctx, tx, job); err != nil {
				return err
			}
		}
		was := slices.ContainsFunc(before.Entries, func(o Entry) bool { return o.mark() == e.mark() }) && x.Text.Version > 1
		if was || told[e.Department] || (x.Text.Kind == PointToMany) {
			continue
		}
		told[e.Department] = true
		if err := s.tell(ctx, tx, x, notice.SchemeJoin, e.Department, x.Text.Owner.Member, "", identity.OfficeHead); err != nil {
			return err
		}
	}
	return nil
}

// review is the job that tells a keeper that a line is due.
func (s *Service) review(ctx context.Context, j queue.Job) error {
	id, resource, _ := strings.Cut(j.Payload, "\n")
	return s.d.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		x, err := s.load(ctx, tx, db.System("review"), id)
		if err != nil {
			return queue.Stop(err)
		}
		for _, e := range x.Current().Entries {
			if e.Member != s.d.Self || e.Resource != resource || x.State != InForce {
				continue
			}
			until := e.ReviewBy.In(clock.China()).Format(time.DateOnly)
			return s.tell(ctx, tx, x, notice.SchemeReview, e.Department, s.d.Self, until, identity.DataOfficer)
		}
		return nil
	})
}

// assent tells everybody who is asked that this member consents to a version.
func (s *Service) assent(ctx context.Context, tx *db.Tx, sess *identity.Session, t *Text, hash string) error {
	return s.send(ctx, tx, KindConsented, t.needs(), sess, message{ID: t.ID, Version: t.Version, Hash: hash})
}

// refuse tells them that it never will, and remembers it.
func (s *Service) refuse(ctx context.Context, tx *db.Tx, sess *identity.Session, t *Text, hash, reason string) error {
	if err := s.decline(ctx, tx, t.ID, s.d.Self, hash); err != nil {
		return err
	}
	return s.send(ctx, tx, KindDeclined, t.needs(), sess, message{ID: t.ID, Version: t.Version, Hash: hash, Reason: reason})
}

// drop takes a proposal off the table and reads what has been said of the next one.
func (s *Service) drop(ctx context.Context, tx *db.Tx, x *Scheme, hash string) error {
	x.drop(hash)
	if p := x.Proposal; p != nil {
		var err error
		if p.Consents, err = s.consents(ctx, tx, x.ID, p.Text.Version, p.Hash); err != nil {
			return err
		}
	}
	return s.save(ctx, tx, x)
}

// Decline is the authority of a party refusing a zone's version: it is off the table, everywhere. Who has consented is
// bound by it: elsewhere the version may be in force with that consent already.
func (s *Service) Decline(ctx context.Context, sess *identity.Session, id, reason string) (*Scheme, error) {
	if strings.TrimSpace(reason) == "" || len(reason) > maxText {
		return nil, agreement.ErrReason.With()
	}
	return s.act(ctx, sess, id, []identity.Role{identity.Authority}, func(ctx context.Context, tx *db.Tx, x *Scheme) error {
		p := x.Proposal
		if p == nil || x.Text.Kind != Zone {
			return ErrState.With("nothing is proposed", "没有待决定的版本")
		}
		if !slices.Contains(p.waitsFor(), s.d.Self) {
			return ErrState.With("this member has consented", "本成员已同意")
		}
		if err := s.refuse(ctx, tx, sess, &p.Text, p.Hash, reason); err != nil {
			return err
		}
		return s.drop(ctx, tx, x, p.Hash)
	})
}

// Leave takes this member out of a zone at once: its entries leave the list, and the agreements with it end. What it has
// consented to may still come into force, without it.
func (s *Service) Leave(ctx context.Context, sess *identity.Session, id, reason string) (*Scheme, error) {
	if strings.TrimSpace(reason) == "" || len(reason) > maxText {
		return nil, agreement.ErrReason.With()
	}
	return s.act(ctx, sess, id, []identity.Role{identity.Authority}, func(ctx context.Context, tx *db.Tx, x *Scheme) error {
		if x.Text.Kind != Zone || x.State != InForce || !slices.Contains(x.Current().Parties, s.d.Self) {
			return ErrState.With("this member is no party", "本成员不是当事方")
		}
		for _, p := range x.proposals() { // nobody is to wait for it
			if p.consented(s.d.Self) {
				continue
			}
			if err := s.without(ctx, tx, sess, &p.Text, p.Hash); err != nil {
				return err
			}
		}
		if err := s.send(ctx, tx, KindLeft, x.everybody(), sess, message{ID: x.ID, Reason: reason}); err != nil {
			return err
		}
		before := x.Current()
		x.Left, x.State, x.Proposal, x.Others = append(x.Left, s.d.Self), Left, nil, nil
		if err := s.settle(ctx, tx, x, before, reason); err != nil {
			return err
		}
		return s.save(ctx, tx, x)
	})
}

// without answers a version for a member that has left: one that releases it has its consent, one that counts on it has not.
func (s *Service) without(ctx context.Context, tx *db.Tx, sess *identity.Session, t *Text, hash string) error {
	if slices.Contains(t.Parties, s.d.Self) {
		return s.refuse(ctx, tx, sess, t, hash, "this member has left")
	}
	return s.assent(ctx, tx, sess, t, hash)
}

// Close ends a scheme by its owner: nothing new is agreed under it; agreements go on by their own terms.
func (s *Service) Close(ctx context.Context, sess *identity.Session, id, reason string) (*Scheme, error) {
	if strings.TrimSpace(reason) == "" || len(reason) > maxText {
		return nil, agreement.ErrReason.With()
	}
	return s.act(ctx, sess, id, []identity.Role{identity.OfficeHead}, func(ctx context.Context, tx *db.Tx, x *Scheme) error {
		if x.Text.Kind == Zone || x.Text.Owner != (policy.Party{Member: s.d.Self, Department: sess.Department}) {
			return ErrOwner.With()
		}
		if x.State != Draft {
			if err := s.send(ctx, tx, KindClosed, x.everybody(), sess, message{ID: x.ID, Reason: reason}); err != nil {
				return err
			}
		}
		return s.end(ctx, tx, x, reason)
	})
}

func (s *Service) end(ctx context.Context, tx *db.Tx, x *Scheme, reason string) error {
	x.State, x.Proposal, x.Others, x.Joined = Ended, nil, nil, nil
	if err := s.d.Agreements.EndUnder(ctx, tx, under(x.ID), reason, func(_, consumer string) bool { return consumer == "" }); err != nil {
		return err
	}
	return s.save(ctx, tx, x)
}
