package peer

import (
	"context"
	"database/sql"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/kuayu/kuayu/internal/clock"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/internal/httpx"
	"github.com/kuayu/kuayu/internal/ids"
	"github.com/kuayu/kuayu/internal/queue"
	"github.com/kuayu/kuayu/support/evidence"
	"github.com/kuayu/kuayu/support/federation"
	"github.com/kuayu/kuayu/support/seal"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrate creates the tables of this package.
func Migrate(ctx context.Context, d *db.DB) error {
	return d.Migrate(ctx, "peer", migrations, "migrations")
}

// KindSend is the queue's kind of job that delivers a message.
const KindSend = "peer.send"

// PathMessages is where messages of Kuayu's own kinds go: PathMessages + kind.
const PathMessages = "/peer/v1/messages/"

// MaxMessage bounds a message body, in bytes.
const MaxMessage = 4 << 20

// Handler takes a message inside the transaction that records it. Its result is the body of the sealed
// acknowledgement. Before runs first, outside the transaction; it must be idempotent. Either may be nil.
type Handler struct {
	Before func(ctx context.Context, in *Incoming) error
	In     func(ctx context.Context, tx *db.Tx, in *Incoming) ([]byte, error)
}

// Settled tells the sender's package what became of a message: acknowledged (err nil), or refused for good.
type Settled func(ctx context.Context, m Message, ack *Answer, err error) error

// Message is a message to be sent.
type Message struct {
	ID          string `json:"id"`
	To          string `json:"to"`
	ToDept      string `json:"to_dept,omitempty"`
	Subject     string `json:"subject"` // messages of one subject to one member arrive in order
	Kind        string `json:"kind"`    // of the fact: what this node did by sending it
	Method      string `json:"method"`
	Path        string `json:"path"`
	ContentType string `json:"content_type"`
	Agreement   string `json:"agreement,omitempty"`
	Department  string `json:"department,omitempty"` // on whose behalf
	Officer     string `json:"officer,omitempty"`
	Body        []byte `json:"-"`
}

// Mailbox is the durable outbox and inbox of a node.
type Mailbox struct {
	db       *db.DB
	queue    *queue.Queue
	link     *Link
	log      *evidence.Log
	outbox   *evidence.Outbox
	clock    clock.Clock
	ids      ids.Source
	handlers map[string]Handler
	settled  map[string]Settled
}

// NewMailbox wires the service and registers its job.
func NewMailbox(d *db.DB, q *queue.Queue, link *Link, log *evidence.Log, o *evidence.Outbox, c clock.Clock, src ids.Source) *Mailbox {
	p := &Mailbox{db: d, queue: q, link: link, log: log, outbox: o, clock: c, ids: src, handlers: map[string]Handler{}, settled: map[string]Settled{}}
	q.Handle(KindSend, p.deliver)
	q.Lanes(KindSend, func(j queue.Job) string { // a member that hangs holds up no other's messages
		var m struct {
			To string `json:"to"`
		}
		_ = json.Unmarshal([]byte(j.Payload), &m)
		return m.To
	})
	return p
}

// Handle registers the handler of a kind of message. Call before serving.
func (p *Mailbox) Handle(kind string, h Handler) { p.handlers[kind] = h }

// OnSettled registers who learns what became of messages of a fact kind. Call before serving.
func (p *Mailbox) OnSettled(kind string, f Settled) { p.settled[kind] = f }

// Send queues a message of Kuayu's own kinds.
func (p *Mailbox) Send(ctx context.Context, tx *db.Tx, to, subject, kind string, body []byte) error {
	return p.Queue(ctx, tx, Message{To: to, Subject: subject, Kind: kind, Method: http.MethodPost, Path: PathMessages + kind, ContentType: "application/json", Body: body})
}

// Queue records the message as a fact of this node and queues its delivery, all in the caller's transaction.
func (p *Mailbox) Queue(ctx context.Context, tx *db.Tx, m Message) error {
	if m.ID == "" {
		m.ID = p.ids.NewID()
	}
	var seq int64
	err := tx.NewRaw(`INSERT INTO peer_order (member, subject, direction, seq) VALUES (?, ?, 'out', 1)
		ON CONFLICT (member, subject, direction) DO UPDATE SET seq = peer_order.seq + 1 RETURNING seq`, m.To, m.Subject).Scan(ctx, &seq)
	if err != nil {
		return fmt.Errorf("queue message: %w", err)
	}
	h := evidence.Header{To: m.To, ToDept: m.ToDept, Route: m.Method + " " + m.Path, Subject: m.Subject, Seq: uint64(seq), Agreement: m.Agreement, MediaType: m.ContentType} //nolint:gosec // grows from 1
	err = p.outbox.Put(ctx, tx, evidence.Draft{
		Kind: m.Kind, ID: m.ID, Actor: seal.Actor{Department: m.Department, Officer: m.Officer}, Header: h.Encode(), Body: nonNil(m.Body),
	})
	if err != nil {
		return err
	}
	payload, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return p.queue.Enqueue(ctx, tx, queue.Job{ID: KindSend + "/" + m.ID, Kind: KindSend, SerialKey: KindSend + "/" + m.To + "/" + m.Subject, Payload: string(payload)})
}

func nonNil(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

func (p *Mailbox) deliver(ctx context.Context, j queue.Job) error {
	var m Message
	if err := json.Unmarshal([]byte(j.Payload), &m); err != nil {
		return queue.Stop(err)
	}
	rec, err := p.outbox.Sealed(ctx, m.ID)
	if err != nil {
		return err
	}
	m.Body = rec.Body
	ack, err := p.link.Do(ctx, m.To, m.Method, m.Path, m.ContentType, rec)
	p.count("out", err)
	if err != nil && !final(err) {
		return err
	}
	if f := p.settled[m.Kind]; f != nil {
		if serr := f(ctx, m, ack, err); serr != nil {
			return serr
		}
	}
	if err != nil {
		return queue.Stop(err)
	}
	return nil
}

// final reports whether sending again cannot help.
func final(err error) bool {
	for _, passing := range []error{ErrTLS, evidence.ErrStaleProof, evidence.ErrCheckpoint, federation.ErrUnknownKey} {
		if errors.Is(err, passing) {
			return false // a member that was removed may come back; a proof can be made anew, a key be made known
		}
	}
	switch errs.As(err).Kind {
	case errs.Invalid, errs.Denied, errs.NotFound, errs.Conflict, errs.Precondition, errs.Unauthorized:
		return true
	case errs.Internal, errs.TooMany, errs.Unavailable:
		return false
	}
	return false
}

func (p *Mailbox) count(direction string, err error) {
	outcome := "ok"
	if err != nil {
		outcome = errs.As(err).Code
	}
	p.link.Metrics.Messages.WithLabelValues(direction, outcome).Inc()
}

// ServeMessages serves PathMessages.
func (p *Mailbox) ServeMessages(w http.ResponseWriter, r *http.Request) {
	kind := r.PathValue("kind")
	h, ok := p.handlers[kind]
	if !ok {
		p.link.Refuse(w, r, ErrKind.With(kind))
		return
	}
	p.Serve(w, r, h)
}

// Serve takes one message: verify, apply once in the order of its subject, acknowledge with a sealed fact. The time of
// the acknowledgement is when the law's clocks start.
func (p *Mailbox) Serve(w http.ResponseWriter, r *http.Request, h Handler) {
	p.link.Over(w, r, MaxMessage, func(ctx context.Context, in *Incoming, err error) (*evidence.Record, string, error) {
		var rec *evidence.Record
		if err == nil {
			rec, err = p.take(ctx, in, h)
		}
		p.count("in", err)
		switch {
		case err != nil && in != nil:
			p.recordRefusal(ctx, in, err)
		case err != nil:
			p.refused(ctx, r, err)
		}
		return rec, "application/json", err
	})
}

// refused counts what could not even be attributed; it leaves no fact, because nobody knows whose it would be.
func (p *Mailbox) refused(ctx context.Context, r *http.Request, err error) {
	if member, _, cerr := p.link.Caller(r); cerr != nil {
		httpx.Logger(ctx).WarnContext(ctx, "peer refused", "member", member, "error", err)
	}
}

func (p *Mailbox) recordRefusal(ctx context.Context, in *Incoming, err error) {
	e := errs.As(err)
	if e.Kind == errs.Unavailable || e.Kind == errs.Internal || errors.Is(err, evidence.ErrStaleProof) {
		return // not a decision
	}
	h := evidence.Header{To: in.From, Request: in.Fact.ID, ReqHash: Commitment(in.Sealed), Outcome: e.Code, Route: in.Header.Route}
	if _, serr := p.log.Seal(ctx, evidence.Draft{Kind: "message.refused", ID: in.Fact.ID, Header: h.Encode()}); serr != nil {
		httpx.Logger(ctx).ErrorContext(ctx, "refusal not recorded", "error", serr)
	}
}

func ackID(in *Incoming) string { return "ack/" + in.From + "/" + in.Fact.ID }

func (p *Mailbox) take(ctx context.Context, in *Incoming, h Handler) (*evidence.Record, error) {
	if h.Before != nil {
		if err := h.Before(ctx, in); err != nil {
			return nil, err
		}
	}
	err := p.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error { return p.apply(ctx, tx, in, h) })
	if err != nil {
		return nil, err
	}
	rec, err := p.outbox.Sealed(ctx, ackID(in))
	if err != nil {
		return nil, err
	}
	ack, err := rec.Fact()
	if err != nil {
		return nil, err
	}
	if h, err := evidence.HeaderOf(&ack); err != nil || h.ReqHash == Commitment(in.Sealed) {
		return rec, err
	}
	return p.again(ctx, in, rec.Body)
}

// again acknowledges a message that was sealed anew since it was taken: an acknowledgement names the seal that it answers.
func (p *Mailbox) again(ctx context.Context, in *Incoming, reply []byte) (*evidence.Record, error) {
	id := ackID(in) + "/" + Commitment(in.Sealed)
	rec, err := p.outbox.Sealed(ctx, id)
	if !errors.Is(err, evidence.ErrNoFact) {
		return rec, err
	}
	err = p.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		return p.acknowledge(ctx, tx, in, id, reply)
	})
	if err != nil {
		return nil, err
	}
	return p.outbox.Sealed(ctx, id)
}

func (p *Mailbox) acknowledge(ctx context.Context, tx *db.Tx, in *Incoming, id string, reply []byte) error {
	head := evidence.Header{To: in.From, ToDept: in.Fact.Actor.Department, Request: in.Fact.ID, ReqHash: Commitment(in.Sealed), Outcome: "ok", Agreement: in.Header.Agreement}
	return p.outbox.Put(ctx, tx, evidence.Draft{Kind: "message.ack", ID: id, Time: p.clock.Now(), Header: head.Encode(), Body: reply, Actor: seal.Actor{Department: in.Header.ToDept}})
}

func (p *Mailbox) apply(ctx context.Context, tx *db.Tx, in *Incoming, h Handler) error {
	var had string
	err := tx.NewRaw("SELECT body_hash FROM peer_in WHERE member = ? AND id = ?", in.From, in.Fact.ID).Scan(ctx, &had)
	bodyHash := fmt.Sprintf("%x", in.Fact.Suite.Object(in.Body))
	switch {
	case err == nil && had == bodyHash:
		return nil // seen before: the stored acknowledgement answers
	case err == nil:
		return ErrReused.With()
	case !errors.Is(err, sql.ErrNoRows):
		return fmt.Errorf("inbox: %w", err)
	}
	var last int64
	err = tx.NewRaw("SELECT seq FROM peer_order WHERE member = ? AND subject = ? AND direction = 'in'", in.From, in.Header.Subject).Scan(ctx, &last)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("inbox: %w", err)
	}
	seq := int64(in.Header.Seq) //nolint:gosec // compared only
	if seq <= last {
		return ErrOvertaken.With()
	}
	_, err = tx.NewRaw(`INSERT INTO peer_order (member, subject, direction, seq) VALUES (?, ?, 'in', ?)
		ON CONFLICT (member, subject, direction) DO UPDATE SET seq = excluded.seq`, in.From, in.Header.Subject, seq).Exec(ctx)
	if err != nil {
		return fmt.Errorf("inbox: %w", err)
	}
	now := p.clock.Now()
	_, err = tx.NewRaw("INSERT INTO peer_in (member, id, body_hash, received) VALUES (?, ?, ?, ?)", in.From, in.Fact.ID, bodyHash, now.UnixMicro()).Exec(ctx)
	if err != nil {
		return fmt.Errorf("inbox: %w", err)
	}
	var reply []byte
	if h.In != nil {
		if reply, err = h.In(ctx, tx, in); err != nil {
			return err
		}
	}
	if reply == nil {
		reply = []byte("{}")
	}
	return p.acknowledge(ctx, tx, in, ackID(in), reply)
}

// Forget drops inbox entries older than keep; duplicates of older messages are caught by the order of their subject.
func (p *Mailbox) Forget(ctx context.Context, keep time.Duration) error {
	return p.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.NewRaw("DELETE FROM peer_in WHERE received < ?", p.clock.Now().Add(-keep).UnixMicro()).Exec(ctx)
		return err
	})
}
