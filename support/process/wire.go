package process

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/httpx"
	"github.com/kuayu/kuayu/internal/wire"
	"github.com/kuayu/kuayu/support/deadline"
	"github.com/kuayu/kuayu/support/peer"
)

// WireVersion is the version of Message. A node takes its own and the one before.
const WireVersion = 1

// Message is a step as it travels to the other end: the body of "KIND.EVENT". The sealed message is the fact that proves
// the step at the other end. Unknown members of a newer version are left out of account; those of this version are not.
type Message struct {
	Version int             `json:"v"`
	Case    string          `json:"case"`   // the sender's id of the case
	Number  string          `json:"number"` //
	Event   Event           `json:"event"`
	To      State           `json:"to"` // at the sender, after the step
	Note    string          `json:"note,omitempty"`
	Args    json.RawMessage `json:"args,omitempty"`

	Time time.Time      `json:"-"` // when it was said, as sealed
	From deadline.Party `json:"-"` // who sent it, as sealed
}

// Arrivals are how a kind takes messages of the other end that the kernel delivers.
type Arrivals[D any] struct {
	// To are the parties a message goes to; nil: Other.
	To func(d *D, a *Act) []deadline.Party
	// Other is the party at the other end, and the agreement a message belongs to, if any.
	Other func(d *D) (_ deadline.Party, agreement string)
	// Send makes what travels of a step; nil: Act.Detail.
	Send map[Event]func(ctx context.Context, tx *db.Tx, d *D, a *Act) (any, error)
	// Opens takes the message that opens a case here: the new document, and the event it begins with. The kernel has seen
	// that the id is free. The answer goes back with the acknowledgement.
	Opens map[Event]func(ctx context.Context, tx *db.Tx, m *Message) (d *D, a *Act, answer any, err error)
	// Hears turns a step of the other end into an event here; nil in the map: the same event with the same arguments. No
	// event: it came too late, is acknowledged, and changes nothing. d is of the end that Message.From speaks to.
	Hears map[Event]func(ctx context.Context, tx *db.Tx, d *D, m *Message) (*Act, error)
	// Belongs reports whether a message may be about a case; nil: it comes from the other party.
	Belongs func(d *D, from deadline.Party) bool
	// Settled learns what became of a message: acknowledged with an answer, or refused for good.
	Settled map[Event]func(ctx context.Context, tx *db.Tx, d *D, answer json.RawMessage, at time.Time, refused error) error
}

// listen takes the kind's messages.
func (k *Kind[D]) listen() {
	for _, e := range k.sent() {
		k.e.Mailbox.Handle(k.message(e), peer.Handler{In: func(ctx context.Context, tx *db.Tx, in *peer.Incoming) ([]byte, error) {
			return k.receive(ctx, tx, in, e)
		}})
		if f := k.hooks.Arrives.Settled[e]; f != nil {
			k.e.Mailbox.OnSettled(k.message(e), func(ctx context.Context, m peer.Message, ack *peer.Answer, err error) error {
				return k.settled(ctx, m, ack, err, f)
			})
		}
	}
}

// sent lists the events that travel.
func (k *Kind[D]) sent() []Event {
	var out []Event
	for _, m := range k.Table.Moves {
		if m.Send != "" && !slices.Contains(out, m.On) {
			out = append(out, m.On)
		}
	}
	return out
}

// message is the kind of message of an event, and of the fact that proves it.
func (k *Kind[D]) message(e Event) string { return k.Table.Kind + "." + string(e) }

// send queues a step for the other end.
func (k *Kind[D]) send(ctx context.Context, tx *db.Tx, d *D, a *Act, out *Outcome) error {
	c, x := k.Case(d), k.hooks.Arrives
	args := a.Detail
	if f := x.Send[a.Event]; f != nil {
		v, err := f(ctx, tx, d, a)
		if err != nil {
			return err
		}
		if args, err = json.Marshal(v); err != nil {
			return err
		}
	}
	body, err := json.Marshal(Message{Version: WireVersion, Case: c.ID, Number: c.Number, Event: a.Event, To: out.To, Note: a.Note, Args: args})
	if err != nil {
		return err
	}
	other, agreement := x.Other(d)
	to := []deadline.Party{other}
	if x.To != nil {
		to = x.To(d, a)
	}
	for _, p := range to {
		err := k.e.Mailbox.Queue(ctx, tx, peer.Message{
			To: p.Member, ToDept: p.Department, Subject: k.subject(c), Kind: k.message(a.Event), Method: http.MethodPost, Path: peer.PathMessages + k.message(a.Event),
			ContentType: "application/json", Agreement: agreement, Department: a.Actor.Department, Officer: a.Actor.Officer, Body: body,
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// DecodeMessage reads a message: strictly if it is of this version, with what is unknown left out if it is of a newer one.
func DecodeMessage(b []byte, e Event) (*Message, error) {
	m := &Message{}
	if err := wire.Decode(b, WireVersion, m); err != nil {
		return nil, err
	}
	switch _, ok := ParseNumber(m.Number); {
	case m.Event != e:
		return nil, ErrWire.With("its event is not that of its address", "事项步骤与地址不符")
	case m.Case == "" || len(m.Case) > 128 || !ok || !Brief(m.Note):
		return nil, ErrWire.With("id, number or note", "编号或说明有误")
	}
	return m, nil
}

// Said reads what is said with a step; for hooks of Arrivals.
func Said[A any](m *Message) (*A, error) {
	a := new(A)
	if m.Version > WireVersion {
		return a, json.Unmarshal(m.Args, a)
	}
	return a, httpx.Unmarshal(m.Args, a)
}

// receive takes a step of the other end. A stranger learns nothing: what is not its case does not exist.
func (k *Kind[D]) receive(ctx context.Context, tx *db.Tx, in *peer.Incoming, e Event) ([]byte, error) {
	m, err := DecodeMessage(in.Body, e)
	if err != nil {
		return nil, err
	}
	m.Time, m.From = in.Fact.Time, deadline.Party{Member: in.From, Department: in.Fact.Actor.Department}
	if now := k.e.Clock.Now(); m.Time.After(now) {
		m.Time = now // said as long ago as that can be
	}
	if f := k.hooks.Arrives.Opens[e]; f != nil {
		return k.opened(ctx, tx, m, f)
	}
	d, err := k.belonging(ctx, tx, m)
	if err != nil {
		return nil, err
	}
	hear := k.hooks.Arrives.Hears[e]
	if hear == nil {
		hear = k.same
	}
	a, err := hear(ctx, tx, d, m)
	if err != nil || a == nil {
		return nil, err
	}
	return nil, k.Take(ctx, tx, d, a)
}

// belonging is the record a message is about, if it comes from its other end.
func (k *Kind[D]) belonging(ctx context.Context, tx *db.Tx, m *Message) (*D, error) {
	x := k.hooks.Arrives
	ds, err := k.Find(ctx, tx, db.System(k.Table.Kind), Query{ID: m.Case, Limit: 2})
	if err != nil {
		return nil, err
	}
	for i := range ds {
		d := &ds[i]
		if x.Belongs != nil && x.Belongs(d, m.From) {
			return d, nil
		}
		if other, _ := x.Other(d); x.Belongs == nil && other == m.From {
			return d, nil
		}
	}
	return nil, k.Table.Refused.NoSuch()
}

// same is the other end's event as an event here.
func (k *Kind[D]) same(_ context.Context, _ *db.Tx, _ *D, m *Message) (*Act, error) {
	args, err := k.Decode(m.Event, m.Args)
	if err != nil {
		return nil, err
	}
	return m.Act(m.Event, args), nil
}

// Act is an event of the other end at this end.
func (m *Message) Act(e Event, args any) *Act {
	return &Act{Event: e, Remote: true, Note: m.Note, Args: args, Said: m.Time}
}

// opened takes a case that the other end opened.
func (k *Kind[D]) opened(ctx context.Context, tx *db.Tx, m *Message, f func(context.Context, *db.Tx, *Message) (*D, *Act, any, error)) ([]byte, error) {
	d, a, answer, err := f(ctx, tx, m)
	if err != nil {
		return nil, err
	}
	c := k.Case(d)
	c.ID, c.Number = m.Case, m.Number
	taken, err := k.Find(ctx, tx, db.System(k.Table.Kind), Query{ID: c.ID, Side: c.Side, Limit: 1})
	if err != nil {
		return nil, err
	}
	if len(taken) > 0 {
		return nil, k.Table.Refused.NoSuch() // somebody else's id
	}
	if err := k.prepare(ctx, tx, d); err != nil {
		return nil, err
	}
	if err := k.Take(ctx, tx, d, a); err != nil || answer == nil {
		return nil, err
	}
	return json.Marshal(answer)
}

// settled learns what became of a message that was sent.
func (k *Kind[D]) settled(ctx context.Context, sent peer.Message, ack *peer.Answer, refused error, f func(context.Context, *db.Tx, *D, json.RawMessage, time.Time, error) error) error {
	var m Message
	if err := json.Unmarshal(sent.Body, &m); err != nil {
		return nil //nolint:nilerr // our own bytes; nothing to learn
	}
	return k.e.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		ds, err := k.Find(ctx, tx, db.System(k.Table.Kind), Query{ID: m.Case, Limit: 2})
		if err != nil {
			return err
		}
		for i := range ds {
			d := &ds[i]
			if k.Case(d).Department != sent.Department {
				continue
			}
			if refused != nil {
				return f(ctx, tx, d, nil, time.Time{}, refused)
			}
			return f(ctx, tx, d, ack.Body, ack.Fact.Time, nil)
		}
		return nil
	})
}
