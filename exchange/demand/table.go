package demand

import (
	"slices"
	"sync"
	"time"

	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/notice"
	"github.com/kuayu/kuayu/support/process"
)

// The words of the kernel, as this package uses them.
type (
	State = process.State
	Event = process.Event
)

// The ends.
const (
	Consumer process.Side = "consumer" // the department that needs the data
	Provider process.Side = "provider" // a member that was asked
)

// The states. Consumer: Draft → Listed → Answered → Satisfied, or Withdrawn. Provider: Open → Assigned → Replied, or Closed.
const (
	Draft     State = "DRAFT"
	Listed    State = "LISTED"
	Answered  State = "ANSWERED" // at least one member offers something
	Satisfied State = "SATISFIED"
	Withdrawn State = "WITHDRAWN"
	Open      State = "OPEN"
	Assigned  State = "ASSIGNED"
	Replied   State = "REPLIED"
	Closed    State = "CLOSED"
)

// The events.
const (
	Write    Event = "write"
	Consent  Event = "consent"
	Return   Event = "return" // withdrawn, to be written anew
	Withdraw Event = "withdraw"
	Satisfy  Event = "satisfy"
	Offer    Event = "offer"   // a member answered with an entry or a day
	Decline  Event = "decline" // a member holds nothing of the kind
	Receive  Event = "receive"
	Assign   Event = "assign"
	Reply    Event = "reply" // the department answers, or answers anew
	Close    Event = "close" // the consumer's end is done
)

// Table is the process of demands (Decree 809 art. 20: the authority sees to it that supply meets demand).
func Table() *process.Table { return table() }

var table = sync.OnceValue(build) // built once, never changed

func build() *process.Table {
	const officer, head, authority = identity.DataOfficer, identity.OfficeHead, identity.Authority
	at, waits, say := process.At, process.Waits, process.Say
	notify := func(side process.Side, role identity.Role, kind notice.Kind) []process.Notify {
		return []process.Notify{process.Notice(side, kind, role)}
	}
	return process.Table{
		Kind: "demand", Words: say("数据需求", "demand"), Law: "Decree 809 art. 20",
		Sides: []process.SideRow{
			{Side: Consumer, Words: say("需求部门", "consumer")},
			{Side: Provider, Words: say("提供部门", "provider")},
		},
		States: []process.StateRow{
			{State: Draft, Words: say("待负责人同意", "Waiting for the office head"), Waits: waits(Consumer, head)},
			{State: Listed, Words: say("已列入清单", "Listed")},
			{State: Answered, Words: say("已有答复", "Answered"), Waits: waits(Consumer, officer)},
			{State: Satisfied, Words: say("已满足", "Satisfied"), Final: true},
			{State: Withdrawn, Words: say("已撤回", "Withdrawn"), Final: true},
			{State: Open, Words: say("待交办", "To be assigned"), Waits: waits(Provider, authority)},
			{State: Assigned, Words: say("待答复", "To be answered"), Waits: waits(Provider, officer)},
			{State: Replied, Words: say("已答复", "Replied")},
			{State: Closed, Words: say("已办结", "Closed"), Final: true},
		},
		Events: []process.EventRow{
			{Event: Write, Words: say("提出", "write"), By: at(Consumer, officer), Notify: notify(Consumer, head, notice.DemandConsent)},
			{Event: Consent, Words: say("同意列入清单", "consent"), By: at(Consumer, head), Silent: "the head's own act; the members' authorities are notified where it arrives"},
			{Event: Return, Words: say("退回", "return"), By: at(Consumer, head), Reason: true, Notify: notify(Consumer, officer, notice.DemandReturned)},
			{Event: Withdraw, Words: say("撤回", "withdraw"), By: at(Consumer, officer, head), Silent: "the department's own act; the members asked are notified of the close"},
			{Event: Satisfy, Words: say("办结", "satisfy"), By: at(Consumer, officer), Needs: []process.Arg{{Name: "application", Words: say("申请编号", "id of the application")}}, Silent: "the officer's own act"},
			{Event: Offer, Words: say("成员答复可提供", "offered by a member"), Notify: notify(Consumer, officer, notice.DemandAnswered)},
			{Event: Decline, Words: say("成员答复无此数据", "declined by a member"), Notify: notify(Consumer, officer, notice.DemandAnswered)},
			{Event: Receive, Words: say("收到", "receive"), Notify: notify(Provider, authority, notice.DemandReceived)},
			{Event: Assign, Words: say("交办", "assign"), By: at(Provider, authority), Needs: []process.Arg{{Name: "department", Words: say("承办部门代码", "code of the department")}}, Notify: notify(Provider, officer, notice.DemandAssigned)},
			{Event: Reply, Words: say("答复", "reply"), By: at(Provider, officer), Needs: []process.Arg{
				{Name: "kind", Words: say("offered、planned 或 not_held", "offered, planned or not_held")},
				{Name: "resource", Words: say("目录条目代码", "code of the entry"), Maybe: true},
				{Name: "by", Words: say("预计发布日期", "day by which the entry will be published"), Maybe: true},
				{Name: "reason", Words: say("理由", "reason"), Maybe: true},
			}, Silent: "the consumer is notified where the answer arrives"},
			{Event: Close, Words: say("需求部门办结", "closed by the consumer"), Notify: notify(Provider, officer, notice.DemandClosed)},
		},
		Moves: []process.Move{
			{From: []State{""}, On: Write, To: Draft},
			{From: []State{Draft}, On: Consent, To: Listed, Send: "list"},
			{From: []State{Draft}, On: Return, To: Withdrawn},
			{From: []State{Draft}, On: Withdraw, To: Withdrawn}, // nobody was asked yet
			{From: []State{Listed, Answered}, On: Withdraw, To: Withdrawn, Send: "close"},
			{From: []State{Listed, Answered}, On: Satisfy, To: Satisfied, Send: "close"}, // perhaps found without an answer
			{From: []State{Listed, Answered}, On: Offer, To: Answered},
			{From: []State{Listed, Answered}, On: Decline},
			{From: []State{Satisfied, Withdrawn}, On: Offer, Quiet: true}, // answered before the close arrived
			{From: []State{Satisfied, Withdrawn}, On: Decline, Quiet: true},
			{From: []State{""}, On: Receive, To: Open},
			{From: []State{Open, Assigned, Replied}, On: Assign, To: Assigned}, // the authority may ask another department
			{From: []State{Assigned, Replied}, On: Reply, To: Replied, Send: "answer"},
			{From: []State{Open, Assigned, Replied}, On: Close, To: Closed},
		},
		Refused: process.Refusals{
			State:  func(_ *process.Table, s State, e Event) error { return ErrTransition.With(string(s), string(e)) },
			Reason: func() error { return ErrReason.With() },
			NoSuch: func() error { return ErrNoSuch.With() },
		},
	}.Build()
}

// Assignment names the department that is to answer.
type Assignment struct {
	Department string `json:"department"`
}

// Satisfaction names the application made for what a demand found.
type Satisfaction struct {
	Application string `json:"application"`
}

// def is the process without a node.
func def() process.Def[Demand] {
	return process.Def[Demand]{
		Table: Table(),
		Case:  func(d *Demand) *process.Case { return &d.Case },
		Does: map[Event]process.Does[Demand]{
			Write:   {Guard: func(d *Demand, a *process.Act) error { return d.Want.check(a.At) }},
			Receive: {Guard: func(d *Demand, _ *process.Act) error { return d.Want.check(time.Time{}) }}, // a day that passed on the way is for people to see
			Satisfy: process.Saying(nil, func(d *Demand, _ *process.Act, x *Satisfaction) { d.Application = x.Application }),
			Assign:  process.Saying(nil, func(d *Demand, _ *process.Act, x *Assignment) { d.Department = x.Department }),
			Reply:   process.Saying(func(_ *Demand, a *process.Act, x *AnswerGiven) error { return x.check(a.At) }, nil),
			Offer:   process.Saying(nil, keepAnswer),
			Decline: process.Saying(nil, keepAnswer),
		},
	}
}

func keepAnswer(d *Demand, _ *process.Act, x *Answer) { d.answered(*x) }

// asked reports whether a member was asked.
func (d *Demand) asked(member string) bool { return slices.Contains(d.Members, member) }
