package objection

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/internal/httpx"
	"github.com/kuayu/kuayu/internal/ids"
	"github.com/kuayu/kuayu/support/deadline"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/peer"
	"github.com/kuayu/kuayu/support/policy"
)

// KindDispute is the kind of the message that opens a dispute; each later act has a kind of its own.
const KindDispute = "dispute.open"

func kindOf(a Act) string { return "dispute." + string(a) }

// Side is an end of a dispute.
type Side string

// The sides.
const (
	Opener     Side = "opener"
	Respondent Side = "respondent"
)

func (s Side) other() Side {
	if s == Opener {
		return Respondent
	}
	return Opener
}

// Matter is what a dispute is about. An application has an id of its own at each end.
type Matter struct {
	Kind string `json:"kind" doc:"application, agreement or correction"`
	ID   string `json:"id"`
}

// Paper is something a side put forward, or terms it proposed to settle on.
type Paper struct {
	ID       string    `json:"id"`
	Side     Side      `json:"side"`
	Proposal bool      `json:"proposal,omitempty"`
	Text     string    `json:"text"`
	File     string    `json:"file,omitempty"` // SHA-256 of a file handed over elsewhere, hex
	Time     time.Time `json:"time"`
	By       string    `json:"by,omitempty"` // known where it was written
}

// Ruling is how an authority or its government decided (Decree 809 art. 28).
type Ruling struct {
	ID        string    `json:"id"`
	Stage     Stage     `json:"stage"`     // AUTHORITY_RULED or GOVERNMENT_RULED
	Reference string    `json:"reference"` // number of the document
	Text      string    `json:"text"`
	Recorded  Side      `json:"recorded"`  // by the authority's officer at this end
	Authority string    `json:"authority"` // department of that officer
	Time      time.Time `json:"time"`
}

// Dispute is one end's record.
type Dispute struct {
	ID         string       `json:"id"` // the same at both ends
	Side       Side         `json:"side"`
	Stage      Stage        `json:"stage"`
	Matter     Matter       `json:"matter"`
	Agreement  string       `json:"agreement,omitempty"`
	Opener     policy.Party `json:"opener"`
	Respondent policy.Party `json:"respondent"`
	Claim      string       `json:"claim"` // what the opener wants, and why
	Resolver   Resolver     `json:"resolver"`
	Papers     []Paper      `json:"papers,omitempty"`
	Settlement string       `json:"settlement,omitempty"` // id of the proposal that was accepted
	Ruling     *Ruling      `json:"ruling,omitempty"`     // that counts
	Refused    string       `json:"refused,omitempty"`    // code with which the other end refused to hear of it
	Created    time.Time    `json:"created"`
	Updated    time.Time    `json:"updated"`
	Steps      []CaseStep   `json:"steps"`
}

func (d *Dispute) party(s Side) policy.Party {
	if s == Opener {
		return d.Opener
	}
	return d.Respondent
}

func (d *Dispute) own() policy.Party   { return d.party(d.Side) }
func (d *Dispute) other() policy.Party { return d.party(d.Side.other()) }

func (d *Dispute) step(at time.Time, actor string, a Act, note string) {
	d.Updated = at
	d.Steps = append(d.Steps, CaseStep{Time: at, Actor: actor, What: string(a), Note: note})
}

// Opening opens a dispute.
type Opening struct {
	Matter Matter `json:"matter"`
	Claim  string `json:"claim"`
}

// Statement is a paper of a side, or terms it proposes.
type Statement struct {
	Text string `json:"text"`
	File string `json:"file,omitempty" doc:"SHA-256 of a file handed over elsewhere, hex"`
}

func (t *Statement) check() error {
	var f faults
	f.need(text(t.Text), "text", "请写明内容", "say what is put forward")
	b, err := hex.DecodeString(t.File)
	f.need(t.File == "" || (err == nil && len(b) == 32), "file", "须为 SHA-256 摘要（十六进制）", "must be a SHA-256 digest in hex")
	return f.err()
}

// Decision is what the authority records of a ruling.
type Decision struct {
	Reference string `json:"reference"`
	Text      string `json:"text"`
}

func (x *Decision) check() error {
	var f faults
	f.need(text(x.Reference) && len(x.Reference) <= 200, "reference", "请写明文号", "name the document")
	f.need(text(x.Text), "text", "请写明裁决内容", "say what was decided")
	return f.err()
}

// openMessage is the body of KindDispute.
type openMessage struct {
	ID     string `json:"id"`
	Matter Matter `json:"matter"` // as the receiver knows it
	Claim  string `json:"claim"`
}

// actMessage is the body of the others.
type actMessage struct {
	ID     string  `json:"id"`
	To     Stage   `json:"to"`
	Note   string  `json:"note,omitempty"`
	Paper  *Paper  `json:"paper,omitempty"`
	Accept string  `json:"accept,omitempty"` // id of the proposal, or of the ruling acknowledged
	Ruling *Ruling `json:"ruling,omitempty"`
}

// parties finds who a matter is between, as one end of it knows: own, other, the agreement, and the id at the other end.
func (s *Service) parties(ctx context.Context, tx *db.Tx, sc db.Scope, m Matter, role agreement.Role) (own, other policy.Party, agr, theirs string, err error) {
	switch m.Kind {
	case "correction":
		c, err := one[Correction](ctx, tx, sc, "objection_correction", "id = ? AND role = ?", m.ID, string(role))
		if err != nil {
			return own, other, "", "", err
		}
		own, other = c.Consumer, c.Provider
		if c.Role == agreement.Provider {
			own, other = other, own
		}
		return own, other, c.Agreement, c.ID, nil
	case "application", "agreement":
		n, err := s.agreements.End(ctx, tx, sc, m.ID, role)
		switch {
		case err != nil:
			return own, other, "", "", err
		case n.Foreign():
			return own, other, "", "", ErrForeign.With()
		}
		own, other, theirs = n.Consumer, n.Provider, n.Peer
		if n.Role == agreement.Provider {
			own, other = other, own
		}
		if m.Kind == "agreement" {
			theirs = n.Agreement
		}
		if theirs == "" || (m.Kind == "agreement" && m.ID != n.Agreement) {
			return own, other, "", "", agreement.ErrNoSuch.With() // the other end does not know of it yet
		}
		return own, other, n.Agreement, theirs, nil
	}
	return own, other, "", "", ErrDetails.With()
}

// either looks for a matter at both ends this node may be: the using one first.
func (s *Service) either(ctx context.Context, tx *db.Tx, sc db.Scope, m Matter) (own, other policy.Party, agr, theirs string, err error) {
	own, other, agr, theirs, err = s.parties(ctx, tx, sc, m, agreement.Consumer)
	if err != nil && errs.As(err).Kind == errs.NotFound {
		return s.parties(ctx, tx, sc, m, agreement.Provider)
	}
	return own, other, agr, theirs, err
}

// Open opens a dispute about an application, agreement or correction of the session's department (Decree 809 art. 28). It
// begins with negotiation.
func (s *Service) Open(ctx context.Context, sess *identity.Session, o Opening) (*Dispute, error) {
	if err := sess.Require(identity.OfficeHead, identity.DataOfficer); err != nil {
		return nil, err
	}
	var f faults
	f.need(slices.Contains([]string{"application", "agreement", "correction"}, o.Matter.Kind) && o.Matter.ID != "", "matter", "请指明申请、协议或校核申请", "name the application, agreement or correction")
	f.need(text(o.Claim), "claim", "请写明主张和理由", "say what is wanted, and why")
	if err := f.err(); err != nil {
		return nil, err
	}
	var d *Dispute
	err := s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		own, other, agr, theirs, err := s.either(ctx, tx, scopeOf(sess), o.Matter)
		if err != nil {
			return err
		}
		r, err := Resolve(s.region(own.Member), s.region(other.Member))
		if err != nil {
			return err
		}
		now := s.clock.Now()
		d = &Dispute{ID: s.ids.NewID(), Side: Opener, Stage: Negotiating, Matter: o.Matter, Agreement: agr, Opener: own, Respondent: other, Claim: o.Claim, Resolver: r, Created: now}
		d.step(now, sess.Actor, "open", o.Claim)
		if err := s.saveDispute(ctx, tx, d); err != nil {
			return err
		}
		m := openMessage{ID: d.ID, Matter: Matter{Kind: o.Matter.Kind, ID: theirs}, Claim: o.Claim}
		return s.send(ctx, tx, KindDispute, "dispute/"+d.ID, agr, sess.Actor, own, other, m)
	})
	if err != nil {
		return nil, err
	}
	return d, nil
}

// disputed takes a dispute at the other end.
func (s *Service) disputed(ctx context.Context, tx *db.Tx, in *peer.Incoming) ([]byte, error) {
	var m openMessage
	if err := httpx.Unmarshal(in.Body, &m); err != nil {
		return nil, err
	}
	if !ids.Valid(m.ID) || m.Matter.ID == "" || !text(m.Claim) {
		return nil, ErrDetails.With()
	}
	from := policy.Party{Member: in.From, Department: in.Fact.Actor.Department}
	own, other, agr, _, err := s.parties(ctx, tx, db.System("dispute"), m.Matter, agreement.Consumer)
	if (err != nil && errs.As(err).Kind == errs.NotFound) || (err == nil && !fits(other, from)) {
		own, other, agr, _, err = s.parties(ctx, tx, db.System("dispute"), m.Matter, agreement.Provider)
	}
	if err != nil {
		return nil, err
	}
	if !fits(other, from) {
		return nil, ErrNoSuch.With() // a stranger learns nothing
	}
	if _, err := one[Dispute](ctx, tx, db.System("dispute"), "objection_dispute", "id = ? AND role = ?", m.ID, string(Respondent)); err == nil {
		return nil, ErrNoSuch.With() // somebody else's id
	}
	r, err := Resolve(s.region(own.Member), s.region(other.Member))
	if err != nil {
		return nil, err
	}
	now := s.clock.Now()
	d := &Dispute{ID: m.ID, Side: Respondent, Stage: Negotiating, Matter: m.Matter, Agreement: agr, Opener: from, Respondent: own, Claim: m.Claim, Resolver: r, Created: now}
	d.step(now, in.From, "open", m.Claim)
	if err := s.saveDispute(ctx, tx, d); err != nil {
		return nil, err
	}
	return json.Marshal(openAnswer{Department: own.Department})
}

// fits reports whether a message came from the party known. Until an application is answered its applicant knows the
// providing member only; that member says for which of its departments it speaks.
func fits(known, from policy.Party) bool {
	return from.Department != "" && from.Member == known.Member && (from.Department == known.Department || known.Department == "")
}

// openAnswer is the body of the acknowledgement of KindDispute.
type openAnswer struct {
	Department string `json:"department"` // of the respondent
}

// opened learns what became of a dispute that was opened: who answers for the other end, or that it refused to hear of it.
func (s *Service) opened(ctx context.Context, m peer.Message, ack *peer.Answer, err error) error {
	var sent openMessage
	if jerr := json.Unmarshal(m.Body, &sent); jerr != nil {
		return nil //nolint:nilerr // our own bytes; nothing to learn
	}
	return s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		d, gerr := one[Dispute](ctx, tx, db.System("opened"), "objection_dispute", "id = ? AND role = ?", sent.ID, string(Opener))
		if gerr != nil {
			return gerr
		}
		if err != nil {
			d.Refused = errs.As(err).Code
			d.step(s.clock.Now(), d.Respondent.Member, "refuse", d.Refused)
			return s.saveDispute(ctx, tx, d)
		}
		var got openAnswer
		if jerr := json.Unmarshal(ack.Body, &got); jerr != nil || d.Respondent.Department != "" || len(got.Department) > 64 {
			return nil //nolint:nilerr // its first message will say
		}
		d.Respondent.Department = got.Department
		return s.saveDispute(ctx, tx, d)
	})
}

// act takes one step at this end: record, clock and message in one transaction. fill says what is said and may refuse.
func (s *Service) act(ctx context.Context, sess *identity.Session, sc db.Scope, id string, a Act, fill func(d *Dispute, m *actMessage, now time.Time) error) (*Dispute, error) {
	var d *Dispute
	err := s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		var err error
		if d, err = one[Dispute](ctx, tx, sc, "objection_dispute", "id = ?", id); err != nil {
			return err
		}
		to, err := Next(d.Stage, a)
		if err != nil {
			return err
		}
		now, from := s.clock.Now(), d.Stage
		m := actMessage{ID: d.ID, To: to}
		if err := fill(d, &m, now); err != nil {
			return err
		}
		d.Stage = to
		d.step(now, sess.Actor, a, m.Note)
		if err := s.saveDispute(ctx, tx, d); err != nil {
			return err
		}
		if err := s.handling(ctx, tx, d, from, now); err != nil {
			return err
		}
		return s.send(ctx, tx, kindOf(a), "dispute/"+d.ID, d.Agreement, sess.Actor, d.own(), d.other(), m)
	})
	if err != nil {
		return nil, err
	}
	return d, nil
}

// handling keeps the clock of whoever decides: from escalation to a ruling. The law names no period (art. 28), so it runs
// only where a regional profile does.
func (s *Service) handling(ctx context.Context, tx *db.Tx, d *Dispute, from Stage, at time.Time) error {
	if from == d.Stage {
		return nil
	}
	var do []deadline.Action
	switch d.Stage {
	case AtAuthority:
		do = []deadline.Action{start(deadline.Dispute)}
	case AtGovernment:
		do = []deadline.Action{stop(deadline.Dispute), start(deadline.Dispute)}
	case Settled:
		do = []deadline.Action{{Do: deadline.Void, Clock: deadline.Dispute}}
	case AuthorityRuled, GovernmentRuled:
		do = []deadline.Action{stop(deadline.Dispute)}
	case Negotiating, AuthorityClosed, GovernmentClosed:
		return nil
	}
	return s.clocks.Apply(ctx, tx, db.System("dispute"), deadline.Case{
		Subject: "dispute/" + d.ID, Department: d.own().Department, At: at, Profile: s.clocks.ProfileFor(d.Resolver.Division),
		Parties: deadline.Parties{
			Provider:  deadline.Party{Member: d.Respondent.Member, Department: d.Respondent.Department},
			Applicant: deadline.Party{Member: d.Opener.Member, Department: d.Opener.Department},
			Authority: deadline.Party{Member: d.Resolver.Division},
		},
	}, do...)
}

func (s *Service) paper(ctx context.Context, sess *identity.Session, id string, t Statement, a Act) (*Dispute, error) {
	if err := t.check(); err != nil {
		return nil, err
	}
	return s.act(ctx, sess, scopeOf(sess), id, a, func(d *Dispute, m *actMessage, now time.Time) error {
		p := Paper{ID: s.ids.NewID(), Side: d.Side, Proposal: a == Propose, Text: t.Text, File: strings.ToLower(t.File), Time: now, By: sess.Actor}
		if !d.add(p) {
			return ErrDetails.With()
		}
		p.By, m.Paper, m.Note = "", &p, p.ID
		return nil
	})
}

// add keeps a paper, at most maxLines of a side.
func (d *Dispute) add(p Paper) bool {
	n := 0
	for _, o := range d.Papers {
		if o.Side == p.Side {
			n++
		}
		if o.ID == p.ID {
			return false
		}
	}
	if n >= maxLines {
		return false
	}
	d.Papers = append(d.Papers, p)
	return true
}

// proposal finds terms a side proposed.
func (d *Dispute) proposal(id string, by Side) *Paper {
	for i := range d.Papers {
		if p := &d.Papers[i]; p.ID == id && p.Proposal && p.Side == by {
			return p
		}
	}
	return nil
}

// AddPaper puts a paper forward.
func (s *Service) AddPaper(ctx context.Context, sess *identity.Session, id string, t Statement) (*Dispute, error) {
	if err := sess.Require(identity.DataOfficer, identity.OfficeHead); err != nil {
		return nil, err
	}
	return s.paper(ctx, sess, id, t, AddPaper)
}

// Propose proposes terms to settle on, at any time before the end (Decree 809 art. 28).
func (s *Service) Propose(ctx context.Context, sess *identity.Session, id string, t Statement) (*Dispute, error) {
	if err := sess.Require(identity.OfficeHead); err != nil {
		return nil, err
	}
	return s.paper(ctx, sess, id, t, Propose)
}

// Accept settles the dispute on terms the other side proposed.
func (s *Service) Accept(ctx context.Context, sess *identity.Session, id, proposal string) (*Dispute, error) {
	if err := sess.Require(identity.OfficeHead); err != nil {
		return nil, err
	}
	return s.act(ctx, sess, scopeOf(sess), id, Accept, func(d *Dispute, m *actMessage, _ time.Time) error {
		if d.proposal(proposal, d.Side.other()) == nil {
			return ErrNoSuch.With()
		}
		d.Settlement, m.Accept = proposal, proposal
		return nil
	})
}

// Escalate takes the dispute one step up: to the authority above both, then to its people's government.
func (s *Service) Escalate(ctx context.Context, sess *identity.Session, id, reason string) (*Dispute, error) {
	if err := sess.Require(identity.OfficeHead); err != nil {
		return nil, err
	}
	var f faults
	if f.need(text(reason), "reason", "请写明理由", "give reasons"); len(f) > 0 {
		return nil, f.err()
	}
	return s.act(ctx, sess, scopeOf(sess), id, Escalate, func(_ *Dispute, m *actMessage, _ time.Time) error {
		m.Note = reason
		return nil
	})
}

// Rule records the ruling of the authority, or of its government, by the authority's officer. Where the division that
// decides is that of one of the two members, at that member's node alone (ErrResolver); where it is no party's, as the
// nation's, at either, with the document's number.
func (s *Service) Rule(ctx context.Context, sess *identity.Session, id string, x Decision) (*Dispute, error) {
	if err := sess.Require(identity.Authority); err != nil {
		return nil, err
	}
	if err := x.check(); err != nil {
		return nil, err
	}
	return s.act(ctx, sess, db.Oversight(sess.Division, sess.Department, sess.Actor), id, Rule, func(d *Dispute, m *actMessage, now time.Time) error {
		if !s.decides(d, d.Side) {
			return ErrResolver.With(d.Resolver.Division)
		}
		d.Ruling = &Ruling{ID: s.ids.NewID(), Stage: m.To, Reference: x.Reference, Text: x.Text, Recorded: d.Side, Authority: sess.Department, Time: now}
		m.Ruling, m.Note = d.Ruling, x.Reference
		return nil
	})
}

// decides reports whether the authority at a side's node may record the ruling.
func (s *Service) decides(d *Dispute, by Side) bool {
	resolver := d.Resolver.Division
	return s.region(d.party(by).Member) == resolver || s.region(d.party(by.other()).Member) != resolver
}

// Acknowledge takes note of a ruling that was recorded at the other end.
func (s *Service) Acknowledge(ctx context.Context, sess *identity.Session, id string) (*Dispute, error) {
	if err := sess.Require(identity.OfficeHead); err != nil {
		return nil, err
	}
	return s.act(ctx, sess, scopeOf(sess), id, Acknowledge, func(d *Dispute, m *actMessage, _ time.Time) error {
		if d.Ruling == nil || d.Ruling.Recorded == d.Side {
			return ErrOwnRuling.With()
		}
		m.Accept = d.Ruling.ID
		return nil
	})
}

// heard takes a step of the other end. A step that this end is already beyond is acknowledged and changes nothing.
func (s *Service) heard(ctx context.Context, tx *db.Tx, in *peer.Incoming, a Act) error {
	var m actMessage
	if err := httpx.Unmarshal(in.Body, &m); err != nil {
		return err
	}
	d, err := s.from(ctx, tx, m.ID, policy.Party{Member: in.From, Department: in.Fact.Actor.Department})
	if err != nil {
		return err
	}
	if !brief(m.Note) {
		return ErrDetails.With()
	}
	if a == Acknowledge && d.Ruling != nil && d.Ruling.ID != m.Accept {
		return nil // of a ruling that another one has replaced meanwhile
	}
	if err := s.holds(d, a, &m); err != nil {
		return err
	}
	from := d.Stage
	to, counts, err := Hear(d.Stage, a, m.To)
	if err != nil {
		return err
	}
	switch {
	case counts && a == AddPaper, counts && a == Propose:
		if !d.add(*m.Paper) {
			return ErrDetails.With()
		}
	case counts && a == Accept, a == Accept && d.proposal(m.Accept, Opener) != nil: // both accepted: the opener's terms hold
		d.Settlement = m.Accept
	case a == Rule && (counts || (m.To == d.Stage && d.Ruling != nil && m.Ruling.Recorded == Opener)): // both recorded one: the opener's end holds
		d.Ruling = m.Ruling
	}
	d.Stage = to
	now := s.clock.Now()
	d.step(now, in.From, a, m.Note)
	if err := s.saveDispute(ctx, tx, d); err != nil {
		return err
	}
	return s.handling(ctx, tx, d, from, now)
}

// from is the record a message is about, if it came from the other end of it.
func (s *Service) from(ctx context.Context, tx *db.Tx, id string, p policy.Party) (*Dispute, error) {
	for _, side := range []Side{Opener, Respondent} {
		d, err := one[Dispute](ctx, tx, db.System("dispute"), "objection_dispute", "id = ? AND role = ?", id, string(side))
		if err == nil && fits(d.other(), p) {
			if d.Side == Opener {
				d.Respondent = p
			}
			return d, nil
		}
		if err != nil && errs.As(err).Kind != errs.NotFound {
			return nil, err
		}
	}
	return nil, ErrNoSuch.With() // a stranger learns nothing
}

// holds checks what a message says besides its step.
func (s *Service) holds(d *Dispute, a Act, m *actMessage) error {
	other := d.Side.other()
	switch a {
	case AddPaper, Propose:
		p := m.Paper
		if p == nil || !ids.Valid(p.ID) || p.Side != other || p.Proposal != (a == Propose) || p.By != "" {
			return ErrDetails.With()
		}
		t := Statement{Text: p.Text, File: p.File}
		return t.check()
	case Accept:
		if d.proposal(m.Accept, d.Side) == nil {
			return ErrNoSuch.With()
		}
	case Escalate:
		if !text(m.Note) {
			return ErrDetails.With()
		}
	case Rule:
		r := m.Ruling
		if r == nil || !ids.Valid(r.ID) || r.Stage != m.To || r.Recorded != other || !brief(r.Authority) {
			return ErrDetails.With()
		}
		if !s.decides(d, other) {
			return ErrResolver.With(d.Resolver.Division)
		}
		x := Decision{Reference: r.Reference, Text: r.Text}
		return x.check()
	case Acknowledge:
		if d.Ruling == nil || d.Ruling.Recorded != d.Side {
			return ErrNoSuch.With()
		}
	}
	return nil
}
