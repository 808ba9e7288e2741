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
	"github.com/kuayu/kuayu/internal/ids"
	"github.com/kuayu/kuayu/support/deadline"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/policy"
	"github.com/kuayu/kuayu/support/process"
)

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
	process.Case
	Matter     Matter         `json:"matter"`
	Agreement  string         `json:"agreement,omitempty"`
	Opener     policy.Party   `json:"opener"`
	Respondent policy.Party   `json:"respondent"`
	Claim      string         `json:"claim"` // what the opener wants, and why
	Resolver   Resolver       `json:"resolver"`
	Decides    bool           `json:"decides,omitempty"` // the authority of this node records the ruling
	Papers     []Paper        `json:"papers,omitempty"`
	Settlement string         `json:"settlement,omitempty"` // id of the proposal that was accepted
	Ruling     *Ruling        `json:"ruling,omitempty"`     // that counts
	Refused    string         `json:"refused,omitempty"`    // code with which the other end refused to hear of it
	Steps      []process.Step `json:"steps,omitempty"`      // filled in when one is read; not stored with it
}

func (d *Dispute) party(s Side) policy.Party {
	if s == Opener {
		return d.Opener
	}
	return d.Respondent
}

func (d *Dispute) own() policy.Party   { return d.party(d.Side) }
func (d *Dispute) other() policy.Party { return d.party(otherSide(d.Side)) }

// count is how many papers a side put forward.
func (d *Dispute) count(s Side) int {
	n := 0
	for i := range d.Papers {
		if d.Papers[i].Side == s {
			n++
		}
	}
	return n
}

// takes reports whether there is space for a paper: at most process.MaxLines of a side, each once.
func (d *Dispute) takes(p *Paper) bool {
	return d.count(p.Side) < process.MaxLines && !slices.ContainsFunc(d.Papers, func(o Paper) bool { return o.ID == p.ID })
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
	var f process.Faults
	f.Need(process.Text(t.Text), "text", "请写明内容", "say what is put forward")
	b, err := hex.DecodeString(t.File)
	f.Need(t.File == "" || (err == nil && len(b) == 32), "file", "须为 SHA-256 摘要（十六进制）", "must be a SHA-256 digest in hex")
	return f.Err(ErrDetails)
}

// Decision is what the authority records of a ruling.
type Decision struct {
	Reference string `json:"reference"`
	Text      string `json:"text"`
}

func (x *Decision) check() error {
	var f process.Faults
	f.Need(process.Text(x.Reference) && len(x.Reference) <= 200, "reference", "请写明文号", "name the document")
	f.Need(process.Text(x.Text), "text", "请写明裁决内容", "say what was decided")
	return f.Err(ErrDetails)
}

// parties finds who a matter is between, as one end of it knows: own, other, the agreement, and the id at the other end.
func (s *Service) parties(ctx context.Context, tx *db.Tx, sc db.Scope, m Matter, role agreement.Role) (own, other policy.Party, agr, theirs string, err error) {
	switch m.Kind {
	case "correction":
		c, err := s.corrections.Get(ctx, tx, sc, process.Query{ID: m.ID, Side: role})
		if err != nil {
			return own, other, "", "", err
		}
		own, other = c.Consumer, c.Provider
		if c.Side == agreement.Provider {
			own, other = other, own
		}
		return own, other, c.Agreement, c.ID, nil
	case "application", "agreement":
		n, err := s.agreements.GetByRole(ctx, tx, sc, m.ID, role)
		switch {
		case err != nil:
			return own, other, "", "", err
		case n.Foreign():
			return own, other, "", "", ErrForeign.With()
		}
		own, other, theirs = n.Consumer, n.Provider, n.Peer
		if n.Side == agreement.Provider {
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

// disputeHooks bind disputes to the node.
func (s *Service) disputeHooks() process.Hooks[Dispute] {
	hears := map[Event]func(context.Context, *db.Tx, *Dispute, *process.Message) (*act, error){}
	for _, a := range Acts() {
		hears[a] = s.hear
	}
	return process.Hooks[Dispute]{
		Index: func(d *Dispute) process.Index {
			return process.Index{Member: d.other().Member, Subject: d.Matter.ID, Title: d.Claim}
		},
		Parties: func(d *Dispute) deadline.Parties {
			return deadline.Parties{Provider: deadline.Party(d.Respondent), Applicant: deadline.Party(d.Opener), Authority: deadline.Party{Member: d.Resolver.Division}}
		},
		Region: func(d *Dispute) string { return d.Resolver.Division },
		Before: map[Event]process.Hook[Dispute]{Rule: func(_ context.Context, _ *db.Tx, d *Dispute, a *act) error {
			if !s.decides(d, d.speaker(a)) {
				return ErrResolver.With(d.Resolver.Division)
			}
			return nil
		}},
		Arrives: &process.Arrivals[Dispute]{
			Other:   func(d *Dispute) (deadline.Party, string) { return deadline.Party(d.other()), d.Agreement },
			Belongs: func(d *Dispute, from deadline.Party) bool { return fits(d.other(), policy.Party(from)) },
			Send: map[Event]func(context.Context, *db.Tx, *Dispute, *act) (any, error){
				OpenDispute: func(_ context.Context, _ *db.Tx, d *Dispute, a *act) (any, error) { return a.Args, nil },
				AddPaper:    sendPaper, Propose: sendPaper,
				Acknowledge: func(_ context.Context, _ *db.Tx, d *Dispute, _ *act) (any, error) {
					return Acceptance{d.Ruling.ID}, nil
				},
			},
			Opens:   map[Event]func(context.Context, *db.Tx, *process.Message) (*Dispute, *act, any, error){OpenDispute: s.disputed},
			Hears:   hears,
			Settled: map[Event]func(context.Context, *db.Tx, *Dispute, json.RawMessage, time.Time, error) error{OpenDispute: s.settled},
		},
	}
}

// sendPaper is a paper without the name of the officer who wrote it.
func sendPaper(_ context.Context, _ *db.Tx, d *Dispute, _ *act) (any, error) {
	p := d.Papers[len(d.Papers)-1]
	p.By = ""
	return p, nil
}

// opening is a dispute as it travels to the other end: the matter as that end knows it.
type opening struct {
	Matter Matter `json:"matter"`
	Claim  string `json:"claim"`
}

// Open opens a dispute about an application, agreement or correction of the session's department (Decree 809 art. 28). It
// begins with negotiation.
func (s *Service) Open(ctx context.Context, sess *identity.Session, o Opening) (*Dispute, error) {
	if err := sess.Require(identity.OfficeHead, identity.DataOfficer); err != nil {
		return nil, err
	}
	var f process.Faults
	f.Need(slices.Contains([]string{"application", "agreement", "correction"}, o.Matter.Kind) && o.Matter.ID != "", "matter", "请指明申请、协议或校核申请", "name the application, agreement or correction")
	f.Need(process.Text(o.Claim), "claim", "请写明主张和理由", "say what is wanted, and why")
	if err := f.Err(ErrDetails); err != nil {
		return nil, err
	}
	var d *Dispute
	err := s.cases.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		own, other, agr, theirs, err := s.either(ctx, tx, db.In(sess.Division, sess.Department, sess.Actor), o.Matter)
		if err != nil {
			return err
		}
		d = &Dispute{Case: process.Case{Side: Opener, Department: own.Department}, Matter: o.Matter, Agreement: agr, Opener: own, Respondent: other, Claim: o.Claim}
		if err := s.ladder(d); err != nil {
			return err
		}
		return s.disputes.Begin(ctx, tx, sess, d, OpenDispute, process.Given{Note: o.Claim, Args: &opening{Matter: Matter{Kind: o.Matter.Kind, ID: theirs}, Claim: o.Claim}})
	})
	if err != nil {
		return nil, err
	}
	return d, nil
}

// ladder finds who decides, and whether it is this node's authority.
func (s *Service) ladder(d *Dispute) error {
	var err error
	d.Resolver, err = Resolve(s.cases.Division(d.own().Member), s.cases.Division(d.other().Member))
	d.Decides = err == nil && s.decides(d, d.Side)
	return err
}

// disputed takes a dispute at the other end. The answer says which department it is with.
func (s *Service) disputed(ctx context.Context, tx *db.Tx, m *process.Message) (*Dispute, *act, any, error) {
	o, err := process.Said[opening](m)
	if err != nil {
		return nil, nil, nil, err
	}
	if !ids.Valid(m.Case) || o.Matter.ID == "" || !process.Text(o.Claim) {
		return nil, nil, nil, ErrDetails.With()
	}
	from := policy.Party(m.From)
	own, other, agr, _, err := s.parties(ctx, tx, db.System("dispute"), o.Matter, agreement.Consumer)
	if (err != nil && errs.As(err).Kind == errs.NotFound) || (err == nil && !fits(other, from)) {
		own, other, agr, _, err = s.parties(ctx, tx, db.System("dispute"), o.Matter, agreement.Provider)
	}
	if err != nil {
		return nil, nil, nil, err
	}
	if !fits(other, from) {
		return nil, nil, nil, ErrNoSuch.With() // a stranger learns nothing
	}
	d := &Dispute{Case: process.Case{Side: Respondent, Department: own.Department}, Matter: o.Matter, Agreement: agr, Opener: from, Respondent: own, Claim: o.Claim}
	if err := s.ladder(d); err != nil {
		return nil, nil, nil, err
	}
	return d, m.Act(Opened, nil), openAnswer{Department: own.Department}, nil
}

// fits reports whether a message came from the party known. Until an application is answered its applicant knows the
// providing member only; that member says for which of its departments it speaks.
func fits(known, from policy.Party) bool {
	return from.Department != "" && from.Member == known.Member && (from.Department == known.Department || known.Department == "")
}

// openAnswer is the body of the acknowledgement of a dispute.
type openAnswer struct {
	Department string `json:"department"` // of the respondent
}

// settled learns what became of a dispute that was opened: who answers for the other end, or that it refused to hear of it.
func (s *Service) settled(ctx context.Context, tx *db.Tx, d *Dispute, answer json.RawMessage, _ time.Time, refused error) error {
	if refused != nil {
		return s.disputes.Take(ctx, tx, d, &act{Event: Refusal, Remote: true, Note: errs.As(refused).Code})
	}
	var got openAnswer
	if err := json.Unmarshal(answer, &got); err != nil || d.Respondent.Department != "" || len(got.Department) > 64 {
		return nil //nolint:nilerr // its first message will say
	}
	d.Respondent.Department = got.Department
	return s.disputes.Save(ctx, tx, d)
}

// put causes an act of the session's department.
func (s *Service) put(ctx context.Context, sess *identity.Session, id string, a Act, note string, args any) (*Dispute, error) {
	return s.disputes.Act(ctx, sess, id, "", a, process.Given{Note: note, Args: args})
}

// AddPaper puts a paper forward.
func (s *Service) AddPaper(ctx context.Context, sess *identity.Session, id string, t Statement) (*Dispute, error) {
	return s.put(ctx, sess, id, AddPaper, "", &t)
}

// Propose proposes terms to settle on, at any time before the end (Decree 809 art. 28).
func (s *Service) Propose(ctx context.Context, sess *identity.Session, id string, t Statement) (*Dispute, error) {
	return s.put(ctx, sess, id, Propose, "", &t)
}

// Accept settles the dispute on terms the other side proposed.
func (s *Service) Accept(ctx context.Context, sess *identity.Session, id, proposal string) (*Dispute, error) {
	return s.put(ctx, sess, id, Accept, "", &Acceptance{proposal})
}

// Escalate takes the dispute one step up: to the authority above both, then to its people's government.
func (s *Service) Escalate(ctx context.Context, sess *identity.Session, id, reason string) (*Dispute, error) {
	return s.put(ctx, sess, id, Escalate, reason, nil)
}

// Rule records the ruling of the authority, or of its government, by the authority's officer. Where the division that
// decides is that of one of the two members, at that member's node alone (ErrResolver); where it is no party's, as the
// nation's, at either, with the document's number.
func (s *Service) Rule(ctx context.Context, sess *identity.Session, id string, x Decision) (*Dispute, error) {
	return s.put(ctx, sess, id, Rule, "", &x)
}

// decides reports whether the authority at a side's node may record the ruling.
func (s *Service) decides(d *Dispute, by Side) bool {
	resolver := d.Resolver.Division
	return s.cases.Division(d.party(by).Member) == resolver || s.cases.Division(d.party(otherSide(by)).Member) != resolver
}

// Acknowledge takes note of a ruling that was recorded at the other end.
func (s *Service) Acknowledge(ctx context.Context, sess *identity.Session, id string) (*Dispute, error) {
	return s.put(ctx, sess, id, Acknowledge, "", nil)
}

// reaches reports whether an act can lead to a stage at all.
func reaches(a Act, to Stage) bool {
	t := DisputeTable()
	return slices.ContainsFunc(Stages(), func(s Stage) bool {
		n, _, err := t.Next(s, a, nil)
		return err == nil && n == to
	})
}

// Hear is what an act of the other end does here: the stage after it, and whether it counts. One that this end is already
// beyond came too late and changes nothing.
func Hear(s Stage, a Act, to Stage) (Stage, bool, error) {
	refused := ErrTransition.With(strings.ToLower(string(s)), string(a))
	if !reaches(a, to) {
		return s, false, refused
	}
	switch {
	case a == AddPaper || a == Propose:
		return s, s != Settled, nil
	case a == Accept: // of what this side proposed: it holds whatever else was under way
		return Settled, s != Settled, nil
	case Rank(to) <= Rank(s):
		return s, false, nil
	}
	n, _, err := DisputeTable().Next(s, a, nil)
	if err == nil && n == to { // no act that comes late leads further up
		return n, true, nil
	}
	return s, false, refused
}

// hear takes an act of the other end. One that this end is already beyond is acknowledged and changes nothing, but where
// both ends did the same at once the opener's holds.
func (s *Service) hear(ctx context.Context, tx *db.Tx, d *Dispute, m *process.Message) (*act, error) {
	if d.Side == Opener {
		d.Respondent = policy.Party(m.From)
	}
	args, err := heard(d, m)
	if err != nil {
		return nil, err
	}
	if a, ok := args.(*Acceptance); ok && m.Event == Acknowledge && d.Ruling != nil && d.Ruling.ID != a.Proposal {
		return nil, nil //nolint:nilnil // of a ruling that another one has replaced meanwhile
	}
	if m.Event == Acknowledge {
		if d.Ruling == nil || d.Ruling.Recorded != d.Side {
			return nil, ErrNoSuch.With()
		}
		args = nil
	}
	_, counts, err := Hear(d.State, m.Event, m.To)
	if err != nil {
		return nil, err
	}
	if counts {
		return m.Act(arrival(d.State, m.Event), args), nil
	}
	switch x := args.(type) {
	case *Acceptance:
		if d.proposal(x.Proposal, Opener) != nil { // both accepted
			d.Settlement = x.Proposal
		}
	case *Ruling:
		if m.To == d.State && d.Ruling != nil && x.Recorded == Opener { // both recorded one
			if !s.decides(d, Opener) {
				return nil, ErrResolver.With(d.Resolver.Division)
			}
			d.Ruling = x
		}
	}
	return nil, s.disputes.Save(ctx, tx, d)
}

// arrival is an act of the other end as an event here: what was said before it heard of the end comes late.
func arrival(s Stage, a Act) Act {
	late := s == AuthorityClosed || s == GovernmentClosed
	switch {
	case late && (a == AddPaper || a == Propose):
		return LatePaper
	case late && a == Accept:
		return LateAccept
	}
	return a
}

// heard reads and checks what an act of the other end says.
func heard(d *Dispute, m *process.Message) (any, error) {
	other := otherSide(d.Side)
	switch m.Event {
	case AddPaper, Propose:
		p, err := process.Said[Paper](m)
		if err != nil {
			return nil, err
		}
		if p.Side != other || p.Proposal != (m.Event == Propose) || p.By != "" || !strings.HasPrefix(p.ID, string(other)+"-") || len(p.ID) > 32 {
			return nil, ErrDetails.With()
		}
		return p, nil
	case Rule:
		r, err := process.Said[Ruling](m)
		if err != nil {
			return nil, err
		}
		if r.Stage != m.To || r.Recorded != other || !strings.HasPrefix(r.ID, string(other)+"-") || len(r.ID) > 64 || !process.Brief(r.Authority) {
			return nil, ErrDetails.With()
		}
		return r, nil
	case Accept, Acknowledge:
		return process.Said[Acceptance](m)
	case Escalate:
		if !process.Text(m.Note) {
			return nil, ErrDetails.With()
		}
	}
	return nil, nil //nolint:nilnil // nothing is said besides the note
}

// Dispute returns a dispute of the scope, with its history.
func (s *Service) Dispute(ctx context.Context, sc db.Scope, id string) (*Dispute, error) {
	d, err := s.disputes.Get(ctx, s.cases.DB.Read(), sc, process.Query{ID: id})
	if err != nil {
		return nil, err
	}
	d.Steps, err = s.disputes.History(ctx, s.cases.DB.Read(), d)
	return d, err
}

// Disputes lists the scope's disputes from a cursor on, latest first, and the cursor behind the list.
func (s *Service) Disputes(ctx context.Context, sc db.Scope, after string, limit int) ([]Dispute, string, error) {
	return s.disputes.Page(ctx, sc, process.Query{After: after, Limit: limit})
}
