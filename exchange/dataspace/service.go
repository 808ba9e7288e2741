package dataspace

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/exchange/catalog"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/internal/httpx"
	"github.com/kuayu/kuayu/support/federation"
	"github.com/kuayu/kuayu/support/peer"
	"github.com/kuayu/kuayu/support/policy"
)

// Service carries effects out and messages in.
type Service struct {
	self       string
	post       *peer.Post
	link       *peer.Link
	agreements *agreement.Service
	catalog    *catalog.Service
	dir        *federation.Directory
}

// NewService wires the room: it becomes the agreements' carrier and takes the peers' messages.
func NewService(self string, post *peer.Post, link *peer.Link, a *agreement.Service, c *catalog.Service, dir *federation.Directory) *Service {
	s := &Service{self: self, post: post, link: link, agreements: a, catalog: c, dir: dir}
	a.SetCarrier(s)
	post.OnSettled(factKind(agreement.SendRequest), s.requested)
	for _, e := range told() {
		post.Handle(string(e), peer.Handler{In: func(ctx context.Context, tx *db.Tx, in *peer.Incoming) ([]byte, error) { return s.told(ctx, tx, in, e) }})
	}
	return s
}

// told lists the effects that travel as Kuayu's own messages.
func told() []agreement.Effect {
	return []agreement.Effect{
		agreement.TellSuspended, agreement.TellRectify, agreement.TellResumed, agreement.TellTerminated, agreement.TellDisposed,
	}
}

// factKind is the kind of fact an outgoing protocol message becomes.
func factKind(e agreement.Effect) string { return "dsp." + strings.ReplaceAll(string(e), ":", ".") }

// Carry implements agreement.Carrier.
func (s *Service) Carry(ctx context.Context, tx *db.Tx, n *agreement.Negotiation, e agreement.Effect, bytes []byte) error {
	pid := n.Peer
	if pid == "" {
		pid = n.ID // the other end knows it as its peer's id
	}
	m := message{Context: ldContext(), ProviderPid: n.ID, ConsumerPid: n.Peer}
	if n.Role == agreement.Consumer {
		m.ProviderPid, m.ConsumerPid = n.Peer, n.ID
	}
	path := Base + "/negotiations/" + url.PathEscape(pid)
	switch e {
	case agreement.SendRequest:
		st, err := s.dir.Statement(s.self)
		if err != nil {
			return err
		}
		m.Type, path = "ContractRequestMessage", Base+"/negotiations/request"
		m.Callback = strings.TrimSuffix(st.PeerURL, "/") + Base
		m.Department = n.Consumer.Department
		m.Offer = &offer{Type: "Offer", ID: "offer:" + n.Application.Resource, Target: n.Application.Resource, Permission: []rule{{Action: "use"}}, Application: &n.Application}
	case agreement.SendAgreement:
		m.Type, path = "ContractAgreementMessage", path+"/agreement"
		m.Agreement, m.Standing, m.Hash = bytes, n.Standing, n.Hash
	case agreement.SendVerification:
		m.Type, path = "ContractAgreementVerificationMessage", path+"/agreement/verification"
		m.Hash = n.Hash
	case agreement.SendFinalized:
		m.Type, path, m.EventType = "ContractNegotiationEventMessage", path+"/events", "FINALIZED"
	case agreement.SendTermination:
		m.Type, path, m.Code = "ContractNegotiationTerminationMessage", path+"/termination", string(n.State)
		m.Reason = []string{n.Reason}
	default:
		body, err := json.Marshal(toldMessage{Process: pid, Reason: n.Reason, Agreement: n.Agreement})
		if err != nil {
			return err
		}
		return s.queue(ctx, tx, n, peer.Message{Kind: string(e), Path: peer.PathMessages + string(e), Body: body})
	}
	body, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return s.queue(ctx, tx, n, peer.Message{Kind: factKind(e), Path: path, Body: body})
}

func (s *Service) queue(ctx context.Context, tx *db.Tx, n *agreement.Negotiation, m peer.Message) error {
	m.To, m.Method, m.ContentType, m.Agreement, m.Department = n.Other(), http.MethodPost, "application/json", n.Agreement, n.Department()
	m.ToDept = n.Provider.Department
	if n.Role == agreement.Provider {
		m.ToDept = n.Consumer.Department
	}
	m.Subject = "negotiation/" + n.ID
	return s.post.Queue(ctx, tx, m)
}

// toldMessage is the body of Kuayu's own messages about an agreement.
type toldMessage struct {
	Process   string `json:"process"`
	Agreement string `json:"agreement"`
	Reason    string `json:"reason"`
}

// requested learns what became of an application that was sent.
func (s *Service) requested(ctx context.Context, m peer.Message, ack *peer.Answer, err error) error {
	var sent message
	if jerr := json.Unmarshal(m.Body, &sent); jerr != nil {
		return nil //nolint:nilerr // our own bytes; nothing to learn
	}
	if err != nil {
		return s.agreements.Rejected(ctx, sent.ConsumerPid, errs.As(err))
	}
	var got message
	if jerr := json.Unmarshal(ack.Body, &got); jerr != nil || got.ProviderPid == "" {
		return nil //nolint:nilerr // the agreement message will name the process
	}
	return s.agreements.Learned(ctx, sent.ConsumerPid, got.ProviderPid)
}

func (s *Service) told(ctx context.Context, tx *db.Tx, in *peer.Incoming, e agreement.Effect) ([]byte, error) {
	var m toldMessage
	if err := httpx.Unmarshal(in.Body, &m); err != nil {
		return nil, err
	}
	n, err := s.agreements.OnTold(ctx, tx, in.From, m.Process, agreement.Consumer, e, m.Reason)
	if errors.Is(err, agreement.ErrNoSuch) {
		n, err = s.agreements.OnTold(ctx, tx, in.From, m.Process, agreement.Provider, e, m.Reason)
	}
	if err != nil {
		return nil, err
	}
	return json.Marshal(negotiation(n))
}

// Routes adds the protocol's endpoints to the peer listener.
func (s *Service) Routes(mux *http.ServeMux) {
	mux.HandleFunc("GET "+Root+"/.well-known/dspace-version", s.version)
	mux.HandleFunc("POST "+Base+"/catalog/request", s.serveCatalog)
	mux.HandleFunc("GET "+Base+"/catalog/datasets/{id}", s.serveDataset)
	mux.HandleFunc("GET "+Base+"/negotiations/{pid}", s.serveNegotiation)
	in := func(path string, f func(context.Context, *db.Tx, *peer.Incoming, string) (*agreement.Negotiation, error)) {
		mux.HandleFunc("POST "+Base+"/negotiations/"+path, func(w http.ResponseWriter, r *http.Request) {
			pid := r.PathValue("pid")
			s.post.Serve(w, r, peer.Handler{In: func(ctx context.Context, tx *db.Tx, in *peer.Incoming) ([]byte, error) {
				n, err := f(ctx, tx, in, pid)
				if err != nil {
					return nil, err
				}
				return json.Marshal(negotiation(n))
			}})
		})
	}
	in("request", s.onRequest)
	in("{pid}/agreement", s.onAgreement)
	in("{pid}/agreement/verification", s.onVerification)
	in("{pid}/events", s.onEvent)
	in("{pid}/termination", s.onTermination)
}

func (s *Service) version(w http.ResponseWriter, r *http.Request) {
	httpx.WriteJSON(w, r, http.StatusOK, map[string]any{"protocolVersions": []map[string]any{{
		"version": "2025-1", "path": strings.TrimPrefix(Base, Root), "binding": "HTTPS", "serviceId": "urn:kuayu:" + s.self,
	}}})
}

func (s *Service) onRequest(ctx context.Context, tx *db.Tx, in *peer.Incoming, _ string) (*agreement.Negotiation, error) {
	m, err := parse(in.Body, "ContractRequestMessage")
	if err != nil {
		return nil, err
	}
	switch {
	case m.ConsumerPid == "" || len(m.ConsumerPid) > 128:
		return nil, ErrMessage.With("consumerPid missing", "缺少 consumerPid")
	case (m.Callback == "") == (m.ProviderPid == ""):
		return nil, ErrMessage.With("exactly one of callbackAddress and providerPid", "callbackAddress 与 providerPid 须恰有其一")
	case m.Offer == nil || m.Offer.Application == nil || m.Offer.Target != m.Offer.Application.Resource:
		return nil, ErrOffer.With()
	case in.Fact.Actor.Department == "" || in.Fact.Actor.Department != m.Department:
		return nil, ErrMessage.With("kuayu:department must be the sealed actor's", "kuayu:department 须与封印中的部门一致")
	}
	return s.agreements.OnRequest(ctx, tx, policy.Party{Member: in.From, Department: m.Department}, m.ConsumerPid, *m.Offer.Application)
}

func (s *Service) onAgreement(ctx context.Context, tx *db.Tx, in *peer.Incoming, pid string) (*agreement.Negotiation, error) {
	m, err := parse(in.Body, "ContractAgreementMessage")
	if err != nil {
		return nil, err
	}
	if len(m.Agreement) == 0 || m.ProviderPid == "" {
		return nil, ErrMessage.With("agreement or providerPid missing", "缺少 agreement 或 providerPid")
	}
	return s.agreements.OnAgreement(ctx, tx, in.From, pid, m.ProviderPid, m.Standing, m.Agreement)
}

func (s *Service) onVerification(ctx context.Context, tx *db.Tx, in *peer.Incoming, pid string) (*agreement.Negotiation, error) {
	m, err := parse(in.Body, "ContractAgreementVerificationMessage")
	if err != nil {
		return nil, err
	}
	return s.agreements.OnVerification(ctx, tx, in.From, pid, m.Hash)
}

func (s *Service) onEvent(ctx context.Context, tx *db.Tx, in *peer.Incoming, pid string) (*agreement.Negotiation, error) {
	m, err := parse(in.Body, "ContractNegotiationEventMessage")
	if err != nil {
		return nil, err
	}
	if m.EventType != "FINALIZED" {
		return nil, ErrMessage.With("eventType "+m.EventType, "eventType "+m.EventType)
	}
	return s.agreements.OnFinalized(ctx, tx, in.From, pid)
}

func (s *Service) onTermination(ctx context.Context, tx *db.Tx, in *peer.Incoming, pid string) (*agreement.Negotiation, error) {
	m, err := parse(in.Body, "ContractNegotiationTerminationMessage")
	if err != nil {
		return nil, err
	}
	reason := strings.Join(m.Reason, "; ")
	if len(reason) > 4000 {
		return nil, ErrMessage.With("reason too long", "理由过长")
	}
	n, err := s.agreements.OnTermination(ctx, tx, in.From, pid, agreement.Consumer, reason)
	if errors.Is(err, agreement.ErrNoSuch) {
		return s.agreements.OnTermination(ctx, tx, in.From, pid, agreement.Provider, reason)
	}
	return n, err
}

func (s *Service) serveNegotiation(w http.ResponseWriter, r *http.Request) {
	member, _, err := s.link.Caller(r)
	if err != nil {
		s.link.Refuse(w, r, err)
		return
	}
	n, err := s.agreements.Get(r.Context(), db.System("peer"), r.PathValue("pid"))
	if err == nil && n.Other() != member {
		err = agreement.ErrNoSuch.With()
	}
	if err != nil {
		s.link.Refuse(w, r, err)
		return
	}
	httpx.WriteJSON(w, r, http.StatusOK, negotiation(n))
}
