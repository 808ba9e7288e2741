package dataspace

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/exchange/catalog"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/internal/httpx"
	"github.com/kuayu/kuayu/internal/queue"
	"github.com/kuayu/kuayu/support/evidence"
	"github.com/kuayu/kuayu/support/seal"
)

// Bounds of what is exchanged with participants of other dataspaces.
const (
	maxForeign     = 1 << 20          // bytes of a message
	foreignTimeout = 10 * time.Second // of one call
	foreignTries   = 12               // of one message, with growing pauses: half a minute and more
)

// KindForeign is the queue's kind of job that delivers a message to a participant.
const KindForeign = "dataspace.send"

func foreignClient() *http.Client {
	return &http.Client{
		Timeout: foreignTimeout,
		Transport: &http.Transport{
			DialContext:         (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
			TLSHandshakeTimeout: 5 * time.Second, MaxIdleConnsPerHost: 16, IdleConnTimeout: time.Minute, DisableCompression: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// foreignMessage is a message on its way to a participant.
type foreignMessage struct {
	To         string          `json:"to"`
	Process    string          `json:"process"` // at this end
	Transfer   bool            `json:"transfer,omitempty"`
	Path       string          `json:"path"`
	Kind       string          `json:"kind"`
	Agreement  string          `json:"agreement,omitempty"`
	Department string          `json:"department"`
	Type       string          `json:"type"`
	Body       json.RawMessage `json:"body"`
}

// send records a message as a fact of this node and queues its delivery, all in the caller's transaction.
func (s *Service) send(ctx context.Context, tx *db.Tx, p *Participant, f *foreignMessage, m *message) error {
	m.ID = "urn:uuid:" + s.ids.NewID()
	body, err := json.Marshal(m)
	if err != nil {
		return err
	}
	f.To, f.Type, f.Body = p.ID, m.Type, body
	h := evidence.Header{To: p.ID, Route: "POST " + f.Path, Agreement: f.Agreement, MediaType: "application/json", Note: f.Process}
	if err := s.outbox.Put(ctx, tx, evidence.Draft{Kind: f.Kind, ID: m.ID, Actor: seal.Actor{Department: f.Department}, Header: h.Encode(), Body: body}); err != nil {
		return err
	}
	payload, err := json.Marshal(f)
	if err != nil {
		return err
	}
	return s.jobs.Enqueue(ctx, tx, queue.Job{ID: KindForeign + "/" + m.ID, Kind: KindForeign, SerialKey: KindForeign + "/" + f.Process, Payload: string(payload)})
}

// deliver posts one message. It stops when the other end has ended the process meanwhile: a late message must not reach
// a peer that is done.
func (s *Service) deliver(ctx context.Context, j queue.Job) error {
	var f foreignMessage
	if err := json.Unmarshal([]byte(j.Payload), &f); err != nil {
		return queue.Stop(err)
	}
	p := s.participant(f.To)
	if p == nil {
		return queue.Stop(ErrStranger.With())
	}
	over, err := s.over(ctx, j, &f)
	if err != nil || over {
		return err
	}
	base, err := s.address(ctx, p, f.Process)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, base+f.Path, bytes.NewReader(f.Body))
	if err != nil {
		return queue.Stop(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if p.Send != "" {
		req.Header.Set("Authorization", p.Send)
	}
	res, err := s.client.Do(req)
	if err != nil {
		return giveUp(j, err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxForeign))
	if err != nil {
		return giveUp(j, err)
	}
	if res.StatusCode/100 != 2 {
		return giveUp(j, fmt.Errorf("participant %s answered %d to %s", p.ID, res.StatusCode, f.Type))
	}
	return s.delivered(ctx, p, &f, body)
}

// giveUp retries a while: a peer that answers 404 or 400 may only not have caught up with its own state yet.
func giveUp(j queue.Job, err error) error {
	if j.Attempts+1 >= foreignTries {
		return queue.Stop(err)
	}
	return err
}

// ending lists the messages by which this node ends a process.
func ending(messageType string) bool {
	switch messageType {
	case "TransferTerminationMessage", "TransferCompletionMessage", "ContractNegotiationTerminationMessage":
		return true
	}
	return false
}

// over reports whether the other end ended a process before the message could be delivered. A process that this node
// ended is not over for the other end until it has heard so: the ending is queued behind the message and tells it, and
// nothing that comes before it may be left out.
func (s *Service) over(ctx context.Context, j queue.Job, f *foreignMessage) (bool, error) {
	if ending(f.Type) {
		return false, nil
	}
	ended, err := s.ended(ctx, f)
	if err != nil || !ended {
		return false, err
	}
	behind, err := s.jobs.Behind(ctx, j)
	if err != nil {
		return false, err
	}
	for _, b := range behind {
		var later foreignMessage
		if err := json.Unmarshal([]byte(b.Payload), &later); err != nil {
			return false, queue.Stop(err)
		}
		if ending(later.Type) {
			return false, nil
		}
	}
	return true, nil
}

// ended reports whether the process of a message ended, whoever ended it.
func (s *Service) ended(ctx context.Context, f *foreignMessage) (bool, error) {
	if f.Transfer {
		t, err := oneTransfer(ctx, s.db.Read(), db.System("send"), "id = ?", f.Process)
		if err != nil {
			return false, err
		}
		return t.State.Final(), nil
	}
	n, err := s.agreements.Get(ctx, db.System("send"), f.Process)
	if err != nil {
		return false, err
	}
	return n.DSP() == "TERMINATED", nil
}

// delivered learns the other end's process id from the answer to a first message, and lets the node decide what is next.
func (s *Service) delivered(ctx context.Context, p *Participant, f *foreignMessage, body []byte) error {
	var got message
	if err := json.Unmarshal(body, &got); err == nil && got.ProviderPid != "" && len(got.ProviderPid) <= maxText {
		var err error
		switch f.Type {
		case "ContractRequestMessage":
			err = s.agreements.OnAcknowledged(ctx, f.Process, got.ProviderPid, "", time.Time{})
		case "TransferRequestMessage":
			err = s.learnedTransfer(ctx, f.Process, got.ProviderPid, nil)
		}
		if err != nil {
			return err
		}
	}
	return s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error { return s.soon(ctx, tx, p, f.Process, f.Transfer) })
}

// soon queues the node's own next step, after the participant's pace.
func (s *Service) soon(ctx context.Context, tx *db.Tx, p *Participant, process string, transfer bool) error {
	payload, err := json.Marshal(decision{Process: process, Transfer: transfer})
	if err != nil {
		return err
	}
	return s.jobs.Enqueue(ctx, tx, queue.Job{
		ID: KindDecide + "/" + s.ids.NewID(), Kind: KindDecide, SerialKey: KindDecide + "/" + process, Payload: string(payload),
		RunAt: s.clock.Now().Add(time.Duration(p.Pace) * time.Millisecond),
	})
}

// keepCallback remembers where a process of a participant is answered: only below the origin it is registered with.
func (s *Service) keepCallback(ctx context.Context, tx *db.Tx, p *Participant, process, address string) error {
	if origin(address) != origin(p.URL) {
		return ErrMessage.With("callbackAddress is not at the registered origin", "callbackAddress 不在登记的地址之下")
	}
	_, err := tx.NewRaw("INSERT INTO dataspace_callback (process, address) VALUES (?, ?) ON CONFLICT (process) DO NOTHING", process, address).Exec(ctx)
	if err != nil {
		return fmt.Errorf("callback: %w", err)
	}
	return nil
}

// address is where messages of a process go: to the callback of one that the participant began, to its own endpoints
// otherwise.
func (s *Service) address(ctx context.Context, p *Participant, process string) (string, error) {
	var a string
	err := s.db.Read().NewRaw("SELECT address FROM dataspace_callback WHERE process = ?", process).Scan(ctx, &a)
	if errors.Is(err, sql.ErrNoRows) {
		a, err = p.URL, nil
	}
	if err != nil {
		return "", fmt.Errorf("callback: %w", err)
	}
	for len(a) > 0 && a[len(a)-1] == '/' {
		a = a[:len(a)-1]
	}
	return a, nil
}

// outcome is what a foreign message led to.
type outcome struct {
	process   string
	agreement string
	dept      string
	transfer  bool
	doc       *message
}

// ForeignRoutes adds the protocol's endpoints for participants of other dataspaces: the same arrivals, known by a token
// instead of a seal.
func (s *Service) ForeignRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET "+Root+"/.well-known/dspace-version", s.version)
	mux.HandleFunc("POST "+Base+"/catalog/request", s.foreignCatalog)
	mux.HandleFunc("GET "+Base+"/catalog/datasets/{id}", s.foreignDataset)
	mux.HandleFunc("GET "+Base+"/negotiations/{pid}", func(w http.ResponseWriter, r *http.Request) {
		p, err := s.caller(r)
		if err != nil {
			foreignError(w, r, "ContractNegotiationError", nil, err)
			return
		}
		n, err := s.view(r, p.ID)
		if err != nil {
			foreignError(w, r, "ContractNegotiationError", nil, err)
			return
		}
		httpx.WriteJSON(w, r, http.StatusOK, negotiation(n))
	})
	mux.HandleFunc("GET "+Base+"/transfers/{pid}", func(w http.ResponseWriter, r *http.Request) {
		p, err := s.caller(r)
		if err != nil {
			foreignError(w, r, "TransferError", nil, err)
			return
		}
		t, err := s.viewTransfer(r, p.ID)
		if err != nil {
			foreignError(w, r, "TransferError", nil, err)
			return
		}
		httpx.WriteJSON(w, r, http.StatusOK, transferDoc(t))
	})
	mux.HandleFunc("POST "+Base+"/data/{id}", s.serveData)
	mux.HandleFunc("GET "+Base+"/data/{id}", s.serveData)
	for _, a := range s.arrivals() {
		mux.HandleFunc("POST "+Base+"/negotiations/"+a.path, func(w http.ResponseWriter, r *http.Request) {
			s.receive(w, r, a.kind, "ContractNegotiationError", func(ctx context.Context, tx *db.Tx, from sender, pid string, m *message) (*outcome, error) {
				n, err := a.apply(ctx, tx, from, pid, m)
				if err != nil {
					return nil, err
				}
				return &outcome{process: n.ID, agreement: n.Agreement, dept: n.Department, doc: negotiation(n)}, nil
			})
		})
	}
	for _, a := range s.transferArrivals() {
		mux.HandleFunc("POST "+Base+"/transfers/"+a.path, func(w http.ResponseWriter, r *http.Request) {
			s.receive(w, r, a.kind, "TransferError", func(ctx context.Context, tx *db.Tx, from sender, pid string, m *message) (*outcome, error) {
				t, err := a.apply(ctx, tx, from, pid, m)
				if err != nil {
					return nil, err
				}
				return &outcome{process: t.ID, agreement: t.Agreement, dept: t.Department, transfer: true, doc: transferDoc(t)}, nil
			})
		})
	}
}

// receive takes one message of a participant: known by its token, bounded, applied once, recorded.
func (s *Service) receive(w http.ResponseWriter, r *http.Request, kind, errType string, apply func(context.Context, *db.Tx, sender, string, *message) (*outcome, error)) {
	p, err := s.caller(r)
	if err != nil {
		foreignError(w, r, errType, nil, err)
		return
	}
	body, err := httpx.ReadBody(r, maxForeign)
	if err != nil {
		foreignError(w, r, errType, nil, err)
		return
	}
	m, err := parseForeign(body, kind)
	if err != nil {
		foreignError(w, r, errType, m, err)
		return
	}
	var answer []byte
	first := false
	err = s.db.Write(r.Context(), func(ctx context.Context, tx *db.Tx) error {
		var err error
		answer, err = s.known(ctx, tx, p, m, body)
		if err != nil || answer != nil {
			return err
		}
		o, err := apply(ctx, tx, sender{id: p.ID, department: p.ID, foreign: p}, r.PathValue("pid"), m)
		if err != nil {
			return err
		}
		first = r.PathValue("pid") == ""
		if answer, err = json.Marshal(o.doc); err != nil {
			return err
		}
		return s.keep(ctx, tx, p, m, body, answer, r.Method+" "+r.URL.Path, o)
	})
	if err != nil {
		s.refusedForeign(r.Context(), p, r.Method+" "+r.URL.Path, err)
		foreignError(w, r, errType, m, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if first {
		w.WriteHeader(http.StatusCreated)
	}
	_, _ = w.Write(answer)
}

// known returns the answer given to a message before. Its @id names it: the same id with other content is refused.
func (s *Service) known(ctx context.Context, tx *db.Tx, p *Participant, m *message, body []byte) ([]byte, error) {
	if m.ID == "" {
		return nil, nil
	}
	var r struct{ BodyHash, Answer string }
	err := tx.NewRaw("SELECT body_hash, answer FROM dataspace_received WHERE participant = ? AND id = ?", p.ID, m.ID).Scan(ctx, &r)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("inbox: %w", err)
	}
	if r.BodyHash != digest(body) {
		return nil, ErrReused.With()
	}
	return []byte(r.Answer), nil
}

func digest(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

// keep records a message that was applied, and queues the node's next step.
func (s *Service) keep(ctx context.Context, tx *db.Tx, p *Participant, m *message, body, answer []byte, route string, o *outcome) error {
	if m.ID != "" {
		_, err := tx.NewRaw("INSERT INTO dataspace_received (participant, id, body_hash, answer, received) VALUES (?, ?, ?, ?, ?)",
			p.ID, m.ID, digest(body), string(answer), s.clock.Now().UnixMicro()).Exec(ctx)
		if err != nil {
			return fmt.Errorf("inbox: %w", err)
		}
	}
	h := evidence.Header{To: p.ID, Route: route, Agreement: o.agreement, Outcome: "ok", Note: o.process}
	if err := s.outbox.Put(ctx, tx, evidence.Draft{Kind: "dsp.received", ID: s.ids.NewID(), Actor: seal.Actor{Department: o.dept}, Header: h.Encode(), Body: body}); err != nil {
		return err
	}
	return s.soon(ctx, tx, p, o.process, o.transfer)
}

// refusedForeign records the refusal of a participant's message.
func (s *Service) refusedForeign(ctx context.Context, p *Participant, route string, why error) {
	e := errs.As(why)
	if e.Kind == errs.Internal || e.Kind == errs.Unavailable {
		return // not a decision
	}
	h := evidence.Header{To: p.ID, Route: route, Outcome: e.Code}
	err := s.db.Write(context.WithoutCancel(ctx), func(ctx context.Context, tx *db.Tx) error {
		return s.outbox.Put(ctx, tx, evidence.Draft{Kind: "message.refused", ID: s.ids.NewID(), Header: h.Encode()})
	})
	if err != nil {
		httpx.Logger(ctx).ErrorContext(ctx, "refusal not recorded", "error", err)
	}
}

// foreignError writes an error in the protocol's words, with the status of its kind.
func foreignError(w http.ResponseWriter, r *http.Request, kind string, m *message, err error) {
	e := errs.As(err)
	doc := message{Context: ldContext(), Type: kind, Code: e.Code, Reason: reasons{e.Zh, e.En}}
	if m != nil {
		doc.ProviderPid, doc.ConsumerPid = m.ProviderPid, m.ConsumerPid
	}
	if e.Kind == errs.Internal || e.Kind == errs.Unavailable {
		httpx.Logger(r.Context()).ErrorContext(r.Context(), "request failed", "code", e.Code, "error", e)
	}
	httpx.WriteJSON(w, r, httpx.Status(e.Kind), doc)
}

func (s *Service) foreignCatalog(w http.ResponseWriter, r *http.Request) {
	if _, err := s.caller(r); err != nil {
		foreignError(w, r, "CatalogError", nil, err)
		return
	}
	body, err := httpx.ReadBody(r, 64<<10)
	if err == nil {
		err = httpx.CheckJSON(body)
	}
	if err != nil {
		foreignError(w, r, "CatalogError", nil, err)
		return
	}
	var q catalogRequest
	if err := json.Unmarshal(body, &q); err != nil || q.Type != "CatalogRequestMessage" {
		foreignError(w, r, "CatalogError", nil, ErrMessage.Because(err, "it is not a CatalogRequestMessage", "不是 CatalogRequestMessage"))
		return
	}
	doc, err := s.page(r, &q, s.url)
	if err != nil {
		foreignError(w, r, "CatalogError", nil, err)
		return
	}
	if doc.Next != "" {
		w.Header().Set("Link", nextLink(s.url, doc.Next))
	}
	httpx.WriteJSON(w, r, http.StatusOK, doc)
}

func (s *Service) foreignDataset(w http.ResponseWriter, r *http.Request) {
	if _, err := s.caller(r); err != nil {
		foreignError(w, r, "CatalogError", nil, err)
		return
	}
	res, err := s.catalog.Get(r.Context(), db.Scope{}, r.PathValue("id"))
	if err == nil && res.Sharing == catalog.NotShared {
		err = catalog.ErrNoSuch.With()
	}
	if err != nil {
		foreignError(w, r, "CatalogError", nil, err)
		return
	}
	httpx.WriteJSON(w, r, http.StatusOK, struct {
		Context contextList `json:"@context"`
		dataset
	}{ldContext(), s.dataset(res, s.url)})
}

var _ agreement.Carrier = (*Service)(nil)

// ErrReused is a message id that came back with other content.
var ErrReused = errs.Define(errs.Conflict, "dataspace.reused", "消息编号已用于其他内容。", "The message id was used before, for something else.")
