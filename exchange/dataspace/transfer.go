package dataspace

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/internal/ids"
	"github.com/kuayu/kuayu/internal/queue"
	"github.com/kuayu/kuayu/support/evidence"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/peer"
	"github.com/kuayu/kuayu/support/seal"
)

// TransferState is where a transfer process stands (Dataspace Protocol 2025-1, transfer process).
type TransferState string

// The states.
const (
	Requested  TransferState = "REQUESTED"
	Started    TransferState = "STARTED"
	Suspended  TransferState = "SUSPENDED"
	Completed  TransferState = "COMPLETED"
	Terminated TransferState = "TERMINATED"
)

// TransferEvent moves a transfer.
type TransferEvent string

// The events.
const (
	Start     TransferEvent = "start"
	Complete  TransferEvent = "completion"
	Suspend   TransferEvent = "suspension"
	Terminate TransferEvent = "termination"
)

// Formats this node offers.
const (
	FormatQuery = "HttpData-PULL" // governed query, JSON
	FormatArrow = "HttpArrow-PULL"
)

// NextTransfer is the state machine, the same at both ends. by is the role of the end that moves it: the first start is
// the provider's. ErrTransfer if the state does not allow it.
func NextTransfer(s TransferState, e TransferEvent, by agreement.Role) (TransferState, error) {
	switch {
	case e == Start && (s == Requested && by == agreement.Provider || s == Suspended):
		return Started, nil
	case e == Complete && s == Started:
		return Completed, nil
	case e == Suspend && s == Started:
		return Suspended, nil
	case e == Terminate && (s == Requested || s == Started || s == Suspended):
		return Terminated, nil
	}
	return s, ErrTransfer.With(string(s), string(e))
}

// Final reports whether nothing more can happen.
func (s TransferState) Final() bool { return s == Completed || s == Terminated }

// Transfer is one end's record of a transfer process under an agreement in force.
type Transfer struct {
	ID         string         `json:"id"`
	Peer       string         `json:"peer"` // the other end's process id, empty until known
	Role       agreement.Role `json:"role"`
	State      TransferState  `json:"state"`
	Member     string         `json:"member"` // at the other end
	Agreement  string         `json:"agreement"`
	Resource   string         `json:"resource"`
	Format     string         `json:"format"`
	Department string         `json:"department"`
	Other      string         `json:"other"`             // department at the other end
	Address    *DataAddress   `json:"address,omitempty"` // where the data is
	Token      string         `json:"token,omitempty"`   // provider: what opens it
	Reason     string         `json:"reason,omitempty"`
	Held       bool           `json:"held,omitempty"` // suspended with its agreement, and resumed with it
	Created    time.Time      `json:"created"`
	Updated    time.Time      `json:"updated"`
}

// The errors of transfers.
var (
	ErrTransfer       = errs.Define(errs.Conflict, "dataspace.transfer", "传输处于 %s 状态，不能执行 %s。", "The transfer is %s; %s is not possible.")
	ErrNoSuchTransfer = errs.Define(errs.NotFound, "dataspace.no_such_transfer", "没有找到该传输，或您无权查看。", "No such transfer, or not yours to see.")
	ErrFormat         = errs.Define(errs.Invalid, "dataspace.format", "本节点不提供传输方式 %q，可用：HttpData-PULL、HttpArrow-PULL。", "This node does not offer the format %q. It offers HttpData-PULL and HttpArrow-PULL.")
)

// factTransfer is the kind of fact a transfer request becomes.
const factTransfer = "dsp.TransferRequestMessage"

func (s *Service) saveTransfer(ctx context.Context, tx *db.Tx, t *Transfer) error {
	doc, err := json.Marshal(t)
	if err != nil {
		return err
	}
	_, err = tx.NewRaw(`INSERT INTO dataspace_transfer (id, department, role, state, peer, member, agreement, doc, updated) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET state = excluded.state, peer = excluded.peer, doc = excluded.doc, updated = excluded.updated`,
		t.ID, t.Department, string(t.Role), string(t.State), t.Peer, t.Member, t.Agreement, string(doc), t.Updated.UnixMicro()).Exec(ctx)
	if err != nil {
		return fmt.Errorf("save transfer: %w", err)
	}
	return nil
}

func scanTransfers(ctx context.Context, tx *db.Tx, sc db.Scope, where string, limit int, args ...any) ([]Transfer, error) {
	cond, sargs := sc.Where("department")
	var docs []string
	err := tx.NewRaw("SELECT doc FROM dataspace_transfer WHERE "+where+" AND "+cond+" ORDER BY updated DESC LIMIT ?", append(append(args, sargs...), limit)...).Scan(ctx, &docs)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("read transfers: %w", err)
	}
	out := make([]Transfer, len(docs))
	for i := range docs {
		if err := json.Unmarshal([]byte(docs[i]), &out[i]); err != nil {
			return nil, fmt.Errorf("read transfers: %w", err)
		}
	}
	return out, nil
}

func oneTransfer(ctx context.Context, tx *db.Tx, sc db.Scope, where string, args ...any) (*Transfer, error) {
	ts, err := scanTransfers(ctx, tx, sc, where, 1, args...)
	if err == nil && len(ts) == 0 {
		err = ErrNoSuchTransfer.With()
	}
	if err != nil {
		return nil, err
	}
	return &ts[0], nil
}

// Transfer returns one of the scope's transfers.
func (s *Service) Transfer(ctx context.Context, sc db.Scope, id string) (*Transfer, error) {
	return oneTransfer(ctx, s.db.Read(), sc, "id = ?", id)
}

// Transfers lists the scope's transfers, latest first; of one agreement, if it is named.
func (s *Service) Transfers(ctx context.Context, sc db.Scope, agreementID string, limit int) ([]Transfer, error) {
	if agreementID == "" {
		return scanTransfers(ctx, s.db.Read(), sc, "1 = 1", min(max(limit, 1), 500))
	}
	return scanTransfers(ctx, s.db.Read(), sc, "agreement = ?", min(max(limit, 1), 500), agreementID)
}

// RequestTransfer asks the provider of an agreement in force for a transfer.
func (s *Service) RequestTransfer(ctx context.Context, sess *identity.Session, agreementID, format string) (*Transfer, error) {
	if err := sess.Require(identity.DataOfficer, identity.Machine); err != nil {
		return nil, err
	}
	if format != FormatQuery && format != FormatArrow {
		return nil, ErrFormat.With(format)
	}
	var t *Transfer
	return t, s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		n, err := s.agreements.GetTx(ctx, tx, db.In(sess.Division, sess.Department, sess.Actor), agreementID)
		if err != nil {
			return err
		}
		if n.Side != agreement.Consumer || n.State != agreement.Active {
			return agreement.ErrNotInForce.With()
		}
		now := s.clock.Now()
		t = &Transfer{
			ID: s.ids.NewID(), Role: agreement.Consumer, State: Requested, Member: n.Other(), Agreement: n.Agreement, Resource: n.Application.Resource,
			Format: format, Department: n.Department, Other: n.Provider.Department, Created: now, Updated: now,
		}
		if err := s.saveTransfer(ctx, tx, t); err != nil {
			return err
		}
		callback, err := s.callbackURL(s.participant(t.Member))
		if err != nil {
			return err
		}
		m := &message{Context: ldContext(), Type: "TransferRequestMessage", ConsumerPid: t.ID, AgreementID: t.Agreement, Format: format, Callback: callback}
		return s.tell(ctx, tx, t, "/transfers/request", factTransfer, m)
	})
}

// MoveTransfer is an officer of either end moving a transfer.
func (s *Service) MoveTransfer(ctx context.Context, sess *identity.Session, id string, e TransferEvent, reason string) (*Transfer, error) {
	if err := sess.Require(identity.DataOfficer, identity.Machine); err != nil {
		return nil, err
	}
	var t *Transfer
	return t, s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		var err error
		if t, err = oneTransfer(ctx, tx, db.In(sess.Division, sess.Department, sess.Actor), "id = ?", id); err != nil {
			return err
		}
		return s.Move(ctx, tx, t, e, reason)
	})
}

// Move takes one arrow of a transfer at this end: state, fact and message in one transaction.
func (s *Service) Move(ctx context.Context, tx *db.Tx, t *Transfer, e TransferEvent, reason string) error {
	if err := s.moved(ctx, tx, t, e, t.Role, reason); err != nil {
		return err
	}
	m := &message{Context: ldContext(), ProviderPid: t.ID, ConsumerPid: t.Peer}
	if t.Role == agreement.Consumer {
		m.ProviderPid, m.ConsumerPid = t.Peer, t.ID
	}
	switch e {
	case Start:
		m.Type = "TransferStartMessage"
		if t.Role == agreement.Provider {
			m.Address = t.Address
		}
	case Complete:
		m.Type = "TransferCompletionMessage"
	case Suspend:
		m.Type, m.Code = "TransferSuspensionMessage", "suspended"
	case Terminate:
		m.Type, m.Code = "TransferTerminationMessage", "terminated"
	}
	if reason != "" {
		m.Reason = reasons{reason}
	}
	paths := map[TransferEvent]string{Start: "start", Complete: "completion", Suspend: "suspension", Terminate: "termination"}
	return s.tell(ctx, tx, t, "/transfers/"+url.PathEscape(t.Peer)+"/"+paths[e], "dsp."+m.Type, m)
}

// moved changes the record and leaves a fact.
func (s *Service) moved(ctx context.Context, tx *db.Tx, t *Transfer, e TransferEvent, who agreement.Role, reason string) error {
	to, err := NextTransfer(t.State, e, who)
	if err != nil {
		return err
	}
	if to == Started && t.Role == agreement.Provider {
		if t.Address == nil {
			s.open(t)
		}
		if err := s.inForce(ctx, tx, t.Agreement, t.Member); err != nil {
			return err
		}
	}
	return s.record(ctx, tx, t, e, to, reason)
}

// record writes down where an event led to, with its fact.
func (s *Service) record(ctx context.Context, tx *db.Tx, t *Transfer, e TransferEvent, to TransferState, reason string) error {
	t.State, t.Reason, t.Updated = to, reason, s.clock.Now()
	if err := s.saveTransfer(ctx, tx, t); err != nil {
		return err
	}
	h := evidence.Header{Agreement: t.Agreement, To: t.Member, ToDept: t.Other, Outcome: string(to), Note: t.ID}
	return s.outbox.Put(ctx, tx, evidence.Draft{Kind: "transfer." + string(e), ID: s.ids.NewID(), Actor: seal.Actor{Department: t.Department}, Header: h.Encode()})
}

// open makes the address of a started transfer.
func (s *Service) open(t *Transfer) {
	t.Token = ids.Token(24)
	root := s.url
	if s.participant(t.Member) == nil {
		t.Token, root = "", s.endpoint() // a member reads by governed queries of its own node, sealed
		t.Address = &DataAddress{Type: "DataAddress", EndpointType: "https://w3id.org/kuayu/query", Endpoint: root}
		return
	}
	t.Address = &DataAddress{
		Type: "DataAddress", EndpointType: "https://w3id.org/idsa/v4.1/HTTP", Endpoint: root + "/data/" + t.ID,
		Properties: list[EndpointProperty]{
			{Type: "EndpointProperty", Name: "authorization", Value: t.Token}, {Type: "EndpointProperty", Name: "authType", Value: "bearer"},
		},
	}
}

// inForce checks, at the provider, that an agreement with a member stands.
func (s *Service) inForce(ctx context.Context, tx *db.Tx, id, with string) error {
	n, err := s.agreements.GetTx(ctx, tx, db.System("transfer"), id)
	switch {
	case err != nil:
		return err
	case n.Side != agreement.Provider || n.Other() != with:
		return agreement.ErrNoSuch.With()
	case n.State != agreement.Active && n.State != agreement.ChangeOfUse:
		return agreement.ErrNotInForce.With()
	}
	return nil
}

// tell sends a message of a transfer to its other end.
func (s *Service) tell(ctx context.Context, tx *db.Tx, t *Transfer, path, kind string, m *message) error {
	if p := s.participant(t.Member); p != nil {
		return s.send(ctx, tx, p, &foreignMessage{Process: t.ID, Transfer: true, Path: path, Kind: kind, Agreement: t.Agreement, Department: t.Department}, m)
	}
	body, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return s.post.Queue(ctx, tx, peer.Message{
		To: t.Member, ToDept: t.Other, Subject: "transfer/" + t.ID, Kind: kind, Method: "POST", Path: Base + path, ContentType: "application/json",
		Agreement: t.Agreement, Department: t.Department, Body: body,
	})
}

// transferRequested learns what became of a transfer request to a member.
func (s *Service) transferRequested(ctx context.Context, m peer.Message, ack *peer.Answer, err error) error {
	var sent, got message
	if jerr := json.Unmarshal(m.Body, &sent); jerr != nil {
		return nil //nolint:nilerr // our own bytes; nothing to learn
	}
	if err == nil {
		if jerr := json.Unmarshal(ack.Body, &got); jerr != nil {
			return nil //nolint:nilerr // the first message of the other end will name the process
		}
	}
	return s.learnedTransfer(ctx, sent.ConsumerPid, got.ProviderPid, err)
}

// learnedTransfer notes the other end's process id, or that it refused the request.
func (s *Service) learnedTransfer(ctx context.Context, id, peerID string, refused error) error {
	return s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		t, err := oneTransfer(ctx, tx, db.System("ack"), "id = ?", id)
		if err != nil {
			return err
		}
		if refused != nil {
			if t.State != Requested {
				return nil
			}
			return s.moved(ctx, tx, t, Terminate, agreement.Provider, errs.As(refused).Code)
		}
		if t.Peer != "" {
			return nil
		}
		t.Peer = peerID
		return s.saveTransfer(ctx, tx, t)
	})
}

// onTransferRequest takes a request at the provider.
func (s *Service) onTransferRequest(ctx context.Context, tx *db.Tx, from sender, m *message) (*Transfer, error) {
	switch {
	case m.ConsumerPid == "" || m.AgreementID == "" || m.Callback == "":
		return nil, ErrMessage.With("consumerPid, agreementId or callbackAddress missing", "缺少 consumerPid、agreementId 或 callbackAddress")
	case m.Format != FormatQuery && m.Format != FormatArrow:
		return nil, ErrFormat.With(m.Format)
	}
	if old, err := oneTransfer(ctx, tx, db.System("request"), "member = ? AND peer = ? AND role = 'provider'", from.id, m.ConsumerPid); err == nil {
		return old, nil
	} else if !errors.Is(err, ErrNoSuchTransfer) {
		return nil, err
	}
	id := strings.TrimPrefix(m.AgreementID, "urn:uuid:")
	if err := s.inForce(ctx, tx, id, from.id); err != nil {
		return nil, err
	}
	n, err := s.agreements.GetTx(ctx, tx, db.System("transfer"), id)
	if err != nil {
		return nil, err
	}
	now := s.clock.Now()
	t := &Transfer{
		ID: s.ids.NewID(), Peer: m.ConsumerPid, Role: agreement.Provider, State: Requested, Member: from.id, Agreement: id, Resource: n.Application.Resource,
		Format: m.Format, Department: n.Department, Other: n.Consumer.Department, Created: now, Updated: now,
	}
	if from.foreign != nil {
		if err := s.keepCallback(ctx, tx, from.foreign, t.ID, m.Callback); err != nil {
			return nil, err
		}
	}
	return t, s.saveTransfer(ctx, tx, t)
}

// onTransfer takes what the other end did.
func (s *Service) onTransfer(ctx context.Context, tx *db.Tx, from sender, pid string, e TransferEvent, m *message) (*Transfer, error) {
	t, err := oneTransfer(ctx, tx, db.System("peer"), "(id = ? OR (member = ? AND peer = ?)) AND member = ?", pid, from.id, pid, from.id)
	if err != nil {
		return nil, err
	}
	who := agreement.Provider
	if t.Role == agreement.Provider {
		who = agreement.Consumer
	} else {
		t.Peer = m.ProviderPid
		if e == Start && m.Address != nil {
			t.Address = m.Address
		}
	}
	reason := strings.Join(m.Reason, "; ")
	if e == Suspend && t.State == Suspended && (t.Held || from.foreign == nil) {
		// Both ends suspended it at once and their messages crossed: an officer did so, too, and the agreement's resumption
		// is not its own.
		t.Held = false
		return t, s.record(ctx, tx, t, e, Suspended, reason)
	}
	return t, s.moved(ctx, tx, t, e, who, reason)
}

// follow lets the transfers of an agreement follow what happens to it: nothing flows while it is suspended or after it
// ended (Decree 809 art. 27).
func (s *Service) follow(ctx context.Context, tx *db.Tx, n *agreement.Negotiation, e agreement.Effect, note string) error {
	if n.Side != agreement.Provider || n.Agreement == "" {
		return nil
	}
	var on TransferEvent
	var states string
	switch e {
	case agreement.SendSuspended:
		on, states = Suspend, "state = 'STARTED'"
	case agreement.SendResumed:
		on, states = Start, "state = 'SUSPENDED'"
	case agreement.SendTerminated, agreement.Ended:
		on, states = Terminate, "state IN ('REQUESTED', 'STARTED', 'SUSPENDED')"
	default:
		return nil
	}
	ts, err := scanTransfers(ctx, tx, db.System("follow"), "agreement = ? AND role = 'provider' AND "+states, 10_000, n.Agreement)
	if err != nil {
		return err
	}
	for i := range ts {
		if on == Start && !ts[i].Held {
			continue // an officer suspended it; the agreement's resumption is not its own
		}
		ts[i].Held = on == Suspend
		if err := s.Move(ctx, tx, &ts[i], on, note); err != nil {
			return err
		}
	}
	return nil
}

// transferDoc is the protocol's view of a transfer.
func transferDoc(t *Transfer) *message {
	m := &message{Context: ldContext(), Type: "TransferProcess", ProviderPid: t.ID, ConsumerPid: t.Peer, State: string(t.State)}
	if t.Role == agreement.Consumer {
		m.ProviderPid, m.ConsumerPid = t.Peer, t.ID
	}
	return m
}

// decision is the payload of KindDecide.
type decision struct {
	Process  string `json:"process"`
	Transfer bool   `json:"transfer,omitempty"`
}

// KindDecide is the queue's kind of job in which a node takes the next step of a foreign process by itself.
const KindDecide = "dataspace.decide"

func (s *Service) decide(ctx context.Context, j queue.Job) error {
	var d decision
	if err := json.Unmarshal([]byte(j.Payload), &d); err != nil {
		return queue.Stop(err)
	}
	return s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if d.Transfer {
			t, err := oneTransfer(ctx, tx, db.System("decide"), "id = ?", d.Process)
			if err != nil {
				return queue.Stop(err)
			}
			return s.decider.Transfer(ctx, tx, t)
		}
		n, err := s.agreements.GetTx(ctx, tx, db.System("decide"), d.Process)
		if err != nil {
			return queue.Stop(err)
		}
		return s.decider.Negotiation(ctx, tx, n)
	})
}
