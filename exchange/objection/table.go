package objection

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/support/deadline"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/policy"
	"github.com/kuayu/kuayu/support/process"
)

// The words of the kernel, as this package uses them. A dispute's states are the stages of a ladder, its events acts.
type (
	State = process.State
	Event = process.Event
	Side  = process.Side
	Stage = process.State
	Act   = process.Event
)

// The ends of a correction.
const (
	Consumer = agreement.Consumer
	Provider = agreement.Provider
)

// The states of a correction.
const (
	Sent       State = "SENT"       // not yet acknowledged by the provider's node
	Verifying  State = "VERIFYING"  // D7 runs
	Corrected  State = "CORRECTED"  // at the source
	Withdrawn  State = "WITHDRAWN"  // the record was taken out of the source
	Maintained State = "MAINTAINED" // the record is right, with reasons
	Undone     State = "UNDONE"     // the provider's node refused the message
)

// The events of a correction.
const (
	Report   Event = "report"
	Received Event = "receive"
	Accepted Event = "acknowledge" // the provider's node took it
	Rejected Event = "refuse"      // the provider's node did not
	Correct  Event = "correct"
	Remove   Event = "withdraw"
	Maintain Event = "maintain"
)

func start(id deadline.ID) deadline.Action { return deadline.Action{Do: deadline.Start, Clock: id} }
func stop(id deadline.ID) deadline.Action  { return deadline.Action{Do: deadline.Stop, Clock: id} }

func refusals() process.Refusals {
	return process.Refusals{
		State: func(_ *process.Table, s State, e Event) error {
			return ErrTransition.With(strings.ToLower(string(s)), string(e))
		},
		Reason: func() error {
			return ErrDetails.With().WithFields(errs.Field{Name: "reason", Zh: "请写明理由", En: "give reasons"})
		},
		NoSuch: func() error { return ErrNoSuch.With() },
	}
}

// CorrectionTable is the process of corrections (Decree 809 art. 26: answered within 10 working days from receipt).
func CorrectionTable() *process.Table { return correctionTable() }

var correctionTable = sync.OnceValue(buildCorrections) // built once, never changed

func buildCorrections() *process.Table {
	say, at := process.Say, process.At
	finding := []process.Arg{{Name: "values", Words: say("来源系统中现在的值", "what the source has now"), Maybe: true}, {Name: "reason", Words: say("理由", "reason"), Maybe: true}}
	answer := func(e Event, zh, en string) process.EventRow {
		return process.EventRow{Event: e, Words: say(zh, en), By: at(Provider, identity.DataOfficer), Law: []deadline.Role{deadline.Provider}, Needs: finding, Silent: "whoever reported sees it on its list; the others who got the record are notified by messages"}
	}
	d7, both := []deadline.Action{stop(deadline.D7)}, []deadline.Action{start(deadline.D7), stop(deadline.D7)}
	moves := []process.Move{
		{From: []State{""}, On: Report, To: Sent, Send: "report"},
		{From: []State{""}, On: Received, To: Verifying, Clocks: []deadline.Action{start(deadline.D7)}},
		{From: []State{Sent}, On: Accepted, To: Verifying, Clocks: []deadline.Action{start(deadline.D7)}},
		{From: []State{Sent}, On: Rejected, To: Undone},
	}
	for e, to := range outcomes() {
		moves = append(moves, process.Move{From: []State{Verifying}, On: e, To: to, Send: "answer", Clocks: d7},
			process.Move{From: []State{Sent}, On: e, To: to, Send: "answer", Clocks: both}) // the answer overtook the acknowledgement
	}
	slices.SortStableFunc(moves[4:], func(a, b process.Move) int { return strings.Compare(string(a.On), string(b.On)) })
	return process.Table{
		Kind: "correction", Words: say("校核申请", "correction"), Law: "Decree 809 art. 26",
		Sides: []process.SideRow{{Side: Consumer, Words: say("需求部门", "consumer"), Law: deadline.Applicant}, {Side: Provider, Words: say("提供部门", "provider"), Law: deadline.Provider}},
		States: []process.StateRow{
			{State: Sent, Words: say("已发出", "Sent")},
			{State: Verifying, Words: say("核实中", "Being verified"), Waits: process.Waits(Provider, identity.DataOfficer)},
			{State: Corrected, Words: say("已更正", "Corrected"), Final: true},
			{State: Withdrawn, Words: say("记录已撤除", "Record removed"), Final: true},
			{State: Maintained, Words: say("维持原值", "Maintained"), Final: true},
			{State: Undone, Words: say("未送达", "Not accepted"), Final: true},
		},
		Events: []process.EventRow{
			{Event: Report, Words: say("提出校核", "report"), By: at(Consumer, identity.DataOfficer), Law: []deadline.Role{deadline.Applicant}, Silent: "the officer's own act; the provider sees it on its list, with the clock"},
			{Event: Received, Words: say("收到校核申请", "received"), Law: []deadline.Role{deadline.Applicant}, Silent: "the law's clock notifies the provider"},
			{Event: Accepted, Words: say("提供方已签收", "acknowledged by the provider"), Silent: "nothing to be done"},
			{Event: Rejected, Words: say("提供方节点拒收", "refused by the provider's node"), Silent: "seen on the list"},
			answer(Correct, "更正", "correct"), answer(Remove, "撤除记录", "remove the record"), answer(Maintain, "维持原值", "maintain"),
		},
		Moves: moves, Refused: refusals(),
	}.Build()
}

// outcomes are the answers to a correction, by event.
func outcomes() map[Event]State {
	return map[Event]State{Correct: Corrected, Remove: Withdrawn, Maintain: Maintained}
}

// Corrections is the process of corrections without a node.
func Corrections() process.Def[Correction] {
	span := func(c *Correction, a *process.Act) process.Span { return process.Span{At: c.heardAt(a)} }
	does := map[Event]process.Does[Correction]{
		Received: {Change: func(c *Correction, a *process.Act) { c.Received = a.At }},
		Accepted: {Change: func(c *Correction, a *process.Act) { c.Received = a.Said }, Span: func(c *Correction, _ *process.Act) process.Span { return process.Span{At: c.Received} }},
		Rejected: {Change: func(c *Correction, a *process.Act) { c.Refused = a.Note }},
	}
	for e, to := range outcomes() {
		does[e] = process.Saying(func(c *Correction, a *process.Act, x *CorrectionAnswer) error {
			x.Outcome = to
			return x.check(&c.Report, !a.Remote)
		}, func(c *Correction, a *process.Act, x *CorrectionAnswer) {
			c.Answered = c.heardAt(a)
			if c.Received.IsZero() {
				c.Received = c.Answered
			}
			c.Finding, c.Notified = x, len(x.notices)
			a.Note = strings.TrimSpace(string(to) + " " + x.Reason)
		}).Spanning(span)
	}
	return process.Def[Correction]{Table: CorrectionTable(), Case: func(c *Correction) *process.Case { return &c.Case }, Does: does}
}

// heardAt is when an answer was given: when it was said, and not before the correction was received.
func (c *Correction) heardAt(a *process.Act) time.Time {
	if a.Said.Before(c.Received) {
		return c.Received
	}
	return a.Said
}

// The ends of a dispute.
const (
	Opener     Side = "opener"
	Respondent Side = "respondent"
)

func otherSide(s Side) Side {
	if s == Opener {
		return Respondent
	}
	return Opener
}

// The stages, from the bottom of the ladder to its end.
const (
	Negotiating      Stage = "NEGOTIATING"       // between the departments
	AtAuthority      Stage = "AT_AUTHORITY"      // of the same level, or the lowest common superior one
	AuthorityRuled   Stage = "AUTHORITY_RULED"   // the other side has yet to acknowledge
	AuthorityClosed  Stage = "AUTHORITY_CLOSED"  // acknowledged; the government may still be asked
	AtGovernment     Stage = "AT_GOVERNMENT"     // the people's government of the authority's level
	GovernmentRuled  Stage = "GOVERNMENT_RULED"  //
	GovernmentClosed Stage = "GOVERNMENT_CLOSED" // the end of the ladder
	Settled          Stage = "SETTLED"           // by negotiation
)

// Stages lists all stages in the order of Rank.
func Stages() []Stage {
	return []Stage{Negotiating, AtAuthority, AuthorityRuled, AuthorityClosed, AtGovernment, GovernmentRuled, GovernmentClosed, Settled}
}

// Rank is how far up a stage is; every step moves upwards, so that two ends whose messages cross end up in the same one.
func Rank(s Stage) int { return slices.Index(Stages(), s) }

// The acts.
const (
	OpenDispute Act = "open"
	Opened      Act = "receive"
	Refusal     Act = "refuse"  // the other end's node would not hear of it
	AddPaper    Act = "paper"   // either side
	Propose     Act = "propose" // terms of a settlement, by either side
	Accept      Act = "accept"  // the other side's terms
	Escalate    Act = "escalate"
	Rule        Act = "rule"        // the authority, or with it the government
	Acknowledge Act = "acknowledge" // the side that did not record the ruling
	LatePaper   Act = "late_paper"  // a paper or terms of the other side, written before it heard of the end
	LateAccept  Act = "late_accept" // its acceptance, likewise: it holds
)

// Acts lists the acts that travel once a dispute is open.
func Acts() []Act { return []Act{AddPaper, Propose, Accept, Escalate, Rule, Acknowledge} }

// DisputeTable is the process of disputes (Decree 809 art. 28). The law names no period for the authority; its clock runs
// where a regional profile has one.
func DisputeTable() *process.Table { return disputeTable() }

var disputeTable = sync.OnceValue(buildDisputes) // built once, never changed

func buildDisputes() *process.Table {
	say := process.Say
	const officer, head, authority = identity.DataOfficer, identity.OfficeHead, identity.Authority
	either := func(roles ...identity.Role) []process.Who {
		return []process.Who{{Side: Opener, Roles: roles}, {Side: Respondent, Roles: roles}}
	}
	waits := func(roles ...identity.Role) map[string][]process.Who {
		return map[string][]process.Who{"": either(roles...)}
	}
	mine := func(m map[string][]process.Who) map[string][]process.Who { // an acknowledgement waits for one side only
		return map[string][]process.Who{pendingOther: m[""]}
	}
	parties := []deadline.Role{deadline.Applicant, deadline.Provider}
	own := "the side's own act; the other sees it on its list"
	arg := func(name, zh, en string, maybe bool) process.Arg {
		return process.Arg{Name: name, Words: say(zh, en), Maybe: maybe}
	}
	statement := []process.Arg{arg("text", "内容", "text", false), arg("file", "文件的 SHA-256", "SHA-256 of a file", true)}
	open := []State{Negotiating, AtAuthority, AuthorityRuled, AtGovernment, GovernmentRuled}
	late := []State{AuthorityClosed, GovernmentClosed} // what was said before the other end heard of the end
	void := []deadline.Action{{Do: deadline.Void, Clock: deadline.Dispute}}
	return process.Table{
		Kind: "dispute", Words: say("争议", "dispute"), Law: "Decree 809 art. 28",
		Sides: []process.SideRow{{Side: Opener, Words: say("提出方", "opener")}, {Side: Respondent, Words: say("对方", "respondent")}},
		States: []process.StateRow{
			{State: Negotiating, Words: say("协商中", "Under negotiation"), Waits: waits(head)},
			{State: AtAuthority, Words: say("主管部门处理中", "With the authority"), Waits: map[string][]process.Who{pendingRuling: either(authority)}},
			{State: AuthorityRuled, Words: say("主管部门已裁决", "Ruled by the authority"), Waits: mine(waits(head))},
			{State: AuthorityClosed, Words: say("按主管部门裁决办结", "Closed by the authority's ruling")},
			{State: AtGovernment, Words: say("政府处理中", "With the government"), Waits: map[string][]process.Who{pendingRuling: either(authority)}},
			{State: GovernmentRuled, Words: say("政府已裁决", "Ruled by the government"), Waits: mine(waits(head))},
			{State: GovernmentClosed, Words: say("按政府裁决办结", "Closed by the government's ruling"), Final: true},
			{State: Settled, Words: say("协商一致", "Settled"), Final: true},
		},
		Events: []process.EventRow{
			{Event: OpenDispute, Words: say("提出争议", "open"), By: either(head, officer), Law: parties, Silent: own},
			{Event: Opened, Words: say("收到争议", "received"), Law: parties, Silent: own},
			{Event: Refusal, Words: say("对方节点拒收", "refused by the other end's node"), Silent: own},
			{Event: AddPaper, Words: say("提交材料", "submit a paper"), By: either(officer, head), Law: parties, Needs: statement, Silent: own},
			{Event: Propose, Words: say("提出和解条件", "propose terms"), By: either(head), Law: parties, Needs: statement, Silent: own},
			{Event: Accept, Words: say("接受和解条件", "accept terms"), By: either(head), Law: parties, Needs: []process.Arg{arg("proposal", "对方条件的编号", "id of the other side's terms", false)}, Silent: own},
			{Event: Escalate, Words: say("提请上一级处理", "escalate"), By: either(head), Law: parties, Reason: true, Silent: own},
			{Event: Rule, Words: say("裁决", "rule"), By: either(authority), Law: []deadline.Role{deadline.Authority}, Needs: []process.Arg{arg("reference", "文号", "number of the document", false), arg("text", "裁决内容", "what was decided", false)}, Silent: own},
			{Event: LatePaper, Words: say("收到办结前提交的材料", "paper received late"), Silent: own},
			{Event: LateAccept, Words: say("收到办结前的接受", "acceptance received late"), Silent: own},
			{Event: Acknowledge, Words: say("确认裁决", "acknowledge the ruling"), By: either(head), Law: parties, Silent: own},
		},
		Moves: []process.Move{
			{From: []State{""}, On: OpenDispute, To: Negotiating, Send: "open"},
			{From: []State{""}, On: Opened, To: Negotiating},
			{From: Stages(), On: Refusal},
			{From: open, On: AddPaper, Send: "act"},
			{From: open, On: Propose, Send: "act"},
			{From: open, On: Accept, To: Settled, Send: "act", Clocks: void},
			{From: late, On: LatePaper},
			{From: late, On: LateAccept, To: Settled},
			{From: []State{Negotiating}, On: Escalate, To: AtAuthority, Send: "act", Clocks: []deadline.Action{start(deadline.Dispute)}},
			{From: []State{AtAuthority, AuthorityRuled, AuthorityClosed}, On: Escalate, To: AtGovernment, Send: "act", Clocks: []deadline.Action{stop(deadline.Dispute), start(deadline.Dispute)}},
			{From: []State{AtAuthority}, On: Rule, To: AuthorityRuled, Send: "act", Clocks: []deadline.Action{stop(deadline.Dispute)}},
			{From: []State{AtGovernment}, On: Rule, To: GovernmentRuled, Send: "act", Clocks: []deadline.Action{stop(deadline.Dispute)}},
			{From: []State{AuthorityRuled}, On: Acknowledge, To: AuthorityClosed, Send: "act"},
			{From: []State{GovernmentRuled}, On: Acknowledge, To: GovernmentClosed, Send: "act"},
		},
		Refused: refusals(),
	}.Build()
}

// What may be pending within a stage.
const (
	pendingRuling = "ruling" // this node's authority decides
	pendingOther  = "other"  // this side acknowledges what the other recorded
)

// Acceptance names what is accepted or acknowledged.
type Acceptance struct {
	Proposal string `json:"proposal"`
}

type (
	dispute = process.Does[Dispute]
	act     = process.Act
)

// Disputes is the process of disputes without a node.
func Disputes() process.Def[Dispute] {
	accept := process.Saying(func(d *Dispute, a *act, x *Acceptance) error {
		if d.proposal(x.Proposal, otherSide(d.speaker(a))) == nil {
			return ErrNoSuch.With()
		}
		return nil
	}, func(d *Dispute, _ *act, x *Acceptance) { d.Settlement = x.Proposal })
	paper := func(e Act) dispute {
		return dispute{
			Args: func() any { return new(Statement) },
			Guard: func(d *Dispute, a *act) error {
				p := d.paper(a, e == Propose)
				if err := (&Statement{Text: p.Text, File: p.File}).check(); err != nil {
					return err
				}
				if !d.takes(p) {
					return ErrDetails.With()
				}
				return nil
			},
			Change: func(d *Dispute, a *act) {
				p := d.paper(a, e == Propose)
				d.Papers = append(d.Papers, *p)
				a.Args, a.Note = p, p.ID
			},
		}
	}
	return process.Def[Dispute]{
		Table: DisputeTable(), Case: func(d *Dispute) *process.Case { return &d.Case },
		Pending: func(d *Dispute) string {
			switch {
			case (d.State == AtAuthority || d.State == AtGovernment) && d.Decides:
				return pendingRuling
			case d.Ruling != nil && d.Ruling.Recorded != d.Side && (d.State == AuthorityRuled || d.State == GovernmentRuled):
				return pendingOther
			}
			return ""
		},
		Does: map[Event]dispute{
			Refusal:  {Change: func(d *Dispute, a *act) { d.Refused = a.Note }},
			AddPaper: paper(AddPaper), Propose: paper(Propose),
			Accept: accept, LateAccept: accept, LatePaper: paper(AddPaper),
			Rule: {
				Args: func() any { return new(Decision) },
				Guard: func(d *Dispute, a *act) error {
					r := d.ruling(a)
					if err := (&Decision{Reference: r.Reference, Text: r.Text}).check(); err != nil {
						return err
					}
					return nil
				},
				Change: func(d *Dispute, a *act) {
					d.Ruling = d.ruling(a)
					a.Args, a.Note = d.Ruling, d.Ruling.Reference
				},
			},
			Acknowledge: {Guard: func(d *Dispute, a *act) error {
				if !a.Remote && (d.Ruling == nil || d.Ruling.Recorded == d.Side) {
					return ErrOwnRuling.With()
				}
				return nil
			}},
		},
	}
}

// speaker is the side that does something.
func (d *Dispute) speaker(a *act) Side {
	if a.Remote {
		return otherSide(d.Side)
	}
	return d.Side
}

// paper is what is put forward: as it came from the other side, or made of an officer's statement.
func (d *Dispute) paper(a *act, proposal bool) *Paper {
	switch x := a.Args.(type) {
	case *Paper:
		return x
	case *Statement:
		return &Paper{ID: fmt.Sprintf("%s-%d", d.Side, d.count(d.Side)+1), Side: d.Side, Proposal: proposal, Text: x.Text, File: strings.ToLower(x.File), Time: a.At, By: a.Actor.Officer}
	}
	return &Paper{}
}

// ruling is how it was decided: as it came from the other side, or as the authority's officer records it.
func (d *Dispute) ruling(a *act) *Ruling {
	switch x := a.Args.(type) {
	case *Ruling:
		return x
	case *Decision:
		stage := AuthorityRuled
		if d.State == AtGovernment || d.State == GovernmentRuled {
			stage = GovernmentRuled
		}
		by := a.Authority
		if by == "" {
			by = a.Actor.Department
		}
		return &Ruling{ID: fmt.Sprintf("%s-%s", d.Side, strings.ToLower(string(stage))), Stage: stage, Reference: x.Reference, Text: x.Text, Recorded: d.Side, Authority: by, Time: a.At}
	}
	return &Ruling{}
}

// Rehearse are a correction and a dispute to which nothing was done yet, for playing histories.
func Rehearse() (*Correction, *Dispute) {
	p, q := policy.Party{Member: "consumer"}, policy.Party{Member: "provider"}
	return &Correction{Consumer: p, Provider: q, Report: CorrectionRequest{Items: []WrongItem{{Item: "item"}}}}, &Dispute{Case: process.Case{Side: Opener}, Opener: p, Respondent: q}
}
