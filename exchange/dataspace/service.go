package dataspace

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/exchange/catalog"
	"github.com/kuayu/kuayu/internal/clock"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/internal/httpx"
	"github.com/kuayu/kuayu/internal/ids"
	"github.com/kuayu/kuayu/internal/queue"
	"github.com/kuayu/kuayu/internal/wire"
	"github.com/kuayu/kuayu/support/evidence"
	"github.com/kuayu/kuayu/support/federation"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/peer"
	"github.com/kuayu/kuayu/support/policy"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrate creates the tables of this package.
func Migrate(ctx context.Context, d *db.DB) error {
	return d.Migrate(ctx, "dataspace", migrations, "migrations")
}

// Decider takes the steps of a process that need no person, after the other end did something. It runs in a
// transaction.
type Decider interface {
	Negotiation(ctx context.Context, tx *db.Tx, n *agreement.Negotiation) error
	Transfer(ctx context.Context, tx *db.Tx, t *Transfer) error
}

// Offices are the departments of this member, as others may know them. identity.Service is one.
type Offices interface {
	Departments(ctx context.Context) ([]identity.Department, error)
}

// Deps are what the service needs.
type Deps struct {
	Self         string
	DB           *db.DB
	Clock        clock.Clock
	IDs          ids.Source
	Queue        *queue.Queue
	Outbox       *evidence.Outbox
	Mailbox      *peer.Mailbox
	Link         *peer.Link
	Agreements   *agreement.Service
	Catalog      *catalog.Service
	Dir          *federation.Directory
	Offices      Offices
	Participants []Participant
	URL          string // root of the protocol for participants of other dataspaces, Base included; empty: there are none
}

// Service carries effects out and messages in.
type Service struct {
	self         string
	db           *db.DB
	clock        clock.Clock
	ids          ids.Source
	jobs         *queue.Queue
	outbox       *evidence.Outbox
	post         *peer.Mailbox
	link         *peer.Link
	agreements   *agreement.Service
	catalog      *catalog.Service
	dir          *federation.Directory
	offices      Offices
	participants []Participant
	url          string
	client       *http.Client
	decider      Decider
	pull         Pull
}

// NewService wires the service: it becomes the agreements' carrier and takes the peers' messages.
func NewService(d Deps) *Service {
	s := &Service{
		self: d.Self, db: d.DB, clock: d.Clock, ids: d.IDs, jobs: d.Queue, outbox: d.Outbox, post: d.Mailbox, link: d.Link, agreements: d.Agreements,
		catalog: d.Catalog, dir: d.Dir, offices: d.Offices, participants: d.Participants, url: strings.TrimSuffix(d.URL, "/"), client: foreignClient(),
	}
	s.decider = rules{s}
	d.Agreements.SetCarrier(s)
	d.Queue.Handle(KindForeign, s.deliver)
	d.Queue.Handle(KindDecide, s.decide)
	d.Mailbox.OnSettled(factKind(agreement.SendRequest), s.requested)
	d.Mailbox.OnSettled(factTransfer, s.transferRequested)
	for _, e := range own() {
		d.Mailbox.Handle(string(e), peer.Handler{In: func(ctx context.Context, tx *db.Tx, in *peer.Incoming) ([]byte, error) { return s.own(ctx, tx, in, e) }})
	}
	return s
}

// SetDecider replaces the rules of a node; the conformance run does. Call before serving.
func (s *Service) SetDecider(d Decider) { s.decider = d }

// rules are what a node decides by itself.
type rules struct{ *Service }

// Negotiation implements Decider: standing consents, countersignature, closing.
func (r rules) Negotiation(ctx context.Context, tx *db.Tx, n *agreement.Negotiation) error {
	_, err := r.agreements.Automatic(ctx, tx, n)
	return err
}

// Transfer implements Decider: a transfer under an agreement in force starts at once.
func (r rules) Transfer(ctx context.Context, tx *db.Tx, t *Transfer) error {
	if t.Role == agreement.Provider && t.State == Requested {
		return r.Move(ctx, tx, t, Start, "")
	}
	return nil
}

// sender is who a message comes from.
type sender struct {
	id         string
	department string
	foreign    *Participant // nil: a member
}

func member(in *peer.Incoming) sender {
	return sender{id: in.From, department: in.Fact.Actor.Department}
}

// own lists the effects that travel as Kuayu's own messages.
func own() []agreement.Effect {
	return []agreement.Effect{
		agreement.SendSupplement, agreement.SendSupplied, agreement.SendExtended, agreement.SendChange, agreement.SendSuspended, agreement.SendRectify,
		agreement.SendRectified, agreement.SendResumed, agreement.SendTerminated, agreement.SendDispose, agreement.SendDisposed,
	}
}

// factKind is the kind of fact an outgoing protocol message becomes.
func factKind(e agreement.Effect) string { return "dsp." + strings.ReplaceAll(string(e), ":", ".") }

// Carry implements agreement.Carrier.
func (s *Service) Carry(ctx context.Context, tx *db.Tx, n *agreement.Negotiation, e agreement.Effect, note string, bytes []byte) error {
	if err := s.follow(ctx, tx, n, e, note); err != nil || e == agreement.Ended {
		return err
	}
	p := s.participant(n.Other())
	pid := n.Peer
	if pid == "" {
		pid = n.ID // the other end knows it as its peer's id
	}
	m := message{Context: ldContext(), ProviderPid: n.ID, ConsumerPid: n.Peer}
	if n.Side == agreement.Consumer {
		m.ProviderPid, m.ConsumerPid = n.Peer, n.ID
	}
	path := "/negotiations/" + url.PathEscape(pid)
	offerID := n.Application.Offer
	if offerID == "" {
		offerID = "offer:" + n.Application.Resource
	}
	o := &offer{Type: "Offer", ID: offerID, Target: n.Application.Resource, Permission: list[rule]{{Action: "use"}}}
	switch e {
	case agreement.SendRequest:
		m.Type, m.Offer, path = "ContractRequestMessage", o, "/negotiations/request"
		if n.Peer != "" { // an answer to an offer
			path = "/negotiations/" + url.PathEscape(pid) + "/request"
		} else {
			callback, err := s.callbackURL(p)
			if err != nil {
				return err
			}
			m.Callback = callback
		}
		if p == nil {
			m.Department, m.Number, o.Application = n.Consumer.Department, n.Number, &n.Application
		}
	case agreement.SendOffer:
		m.Type, m.Offer, path = "ContractOfferMessage", o, path+"/offers"
		o.Assigner, o.Assignee = n.Provider.Member, n.Consumer.Member
		if p == nil {
			o.Grant = n.Grant
		}
	case agreement.SendAccepted:
		m.Type, path, m.EventType = "ContractNegotiationEventMessage", path+"/events", "ACCEPTED"
	case agreement.SendAgreement:
		m.Type, path = "ContractAgreementMessage", path+"/agreement"
		m.Agreement, m.Standing, m.Hash = bytes, n.Standing, n.Hash
		if n.Grant != nil {
			m.Refused = n.Grant.Refused
		}
	case agreement.SendVerification:
		m.Type, path = "ContractAgreementVerificationMessage", path+"/agreement/verification"
		m.Hash = n.Hash
	case agreement.SendFinalized:
		m.Type, path, m.EventType = "ContractNegotiationEventMessage", path+"/events", "FINALIZED"
	case agreement.SendTermination:
		m.Type, path, m.Code = "ContractNegotiationTerminationMessage", path+"/termination", string(n.State)
		if n.Reason != "" {
			m.Reason = reasons{n.Reason}
		}
	default:
		if p != nil {
			return nil // what a foreign participant sees of it is the effect on transfers
		}
		body, err := json.Marshal(ownMessage{V: ownVersion, Process: pid, Reason: note, Agreement: n.Agreement, Detail: bytes})
		if err != nil {
			return err
		}
		return s.queue(ctx, tx, n, peer.Message{Kind: string(e), Path: peer.PathMessages + string(e), Body: body})
	}
	if p != nil {
		m.Standing, m.Hash, m.Refused = "", "", nil
		return s.send(ctx, tx, p, &foreignMessage{Process: n.ID, Path: path, Kind: factKind(e), Agreement: n.Agreement, Department: n.Department}, &m)
	}
	body, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return s.queue(ctx, tx, n, peer.Message{Kind: factKind(e), Path: Base + path, Body: body})
}

// callbackURL is where the other end answers to: p, or a member if nil.
func (s *Service) callbackURL(p *Participant) (string, error) {
	if p != nil {
		if s.url == "" {
			return "", ErrParticipant.With("this node does not listen for participants", "本节点未开启数据空间参与方接口")
		}
		return s.url, nil
	}
	st, err := s.dir.Statement(s.self)
	if err != nil {
		return "", err
	}
	return strings.TrimSuffix(st.PeerURL, "/") + Base, nil
}

func (s *Service) queue(ctx context.Context, tx *db.Tx, n *agreement.Negotiation, m peer.Message) error {
	m.To, m.Method, m.ContentType, m.Agreement, m.Department = n.Other(), http.MethodPost, "application/json", n.Agreement, n.Department
	m.ToDept = n.Provider.Department
	if n.Side == agreement.Provider {
		m.ToDept = n.Consumer.Department
	}
	if m.Subject == "" {
		m.Subject = "agreement/" + n.ID
	}
	return s.post.Queue(ctx, tx, m)
}

// ownMessage is the body of Kuayu's own messages about an agreement.
type ownMessage struct {
	V         int    `json:"v"` // ownVersion
	Process   string `json:"process"`
	Agreement string `json:"agreement"`
	Reason    string `json:"reason"`

	Detail json.RawMessage `json:"detail,omitempty"` // as the effect has it
}

// ownVersion is the version of ownMessage.
const ownVersion = 1

// requested learns what became of an application that was sent.
func (s *Service) requested(ctx context.Context, m peer.Message, ack *peer.Answer, err error) error {
	var sent message
	if jerr := json.Unmarshal(m.Body, &sent); jerr != nil {
		return nil //nolint:nilerr // our own bytes; nothing to learn
	}
	if err != nil {
		return s.agreements.OnRejected(ctx, sent.ConsumerPid, errs.As(err))
	}
	var got message
	if jerr := json.Unmarshal(ack.Body, &got); jerr != nil || got.ProviderPid == "" {
		return nil //nolint:nilerr // the agreement message will name the process
	}
	return s.agreements.OnAcknowledged(ctx, sent.ConsumerPid, got.ProviderPid, got.Sharing, ack.Fact.Time)
}

func (s *Service) own(ctx context.Context, tx *db.Tx, in *peer.Incoming, e agreement.Effect) ([]byte, error) {
	var m ownMessage
	if err := wire.Decode(in.Body, ownVersion, &m); err != nil {
		return nil, err
	}
	t := agreement.Message{Effect: e, Time: in.Fact.Time, Reason: m.Reason, Detail: m.Detail}
	n, err := s.agreements.HandleMessage(ctx, tx, in.From, m.Process, agreement.Consumer, t)
	if errors.Is(err, agreement.ErrNoSuch) {
		n, err = s.agreements.HandleMessage(ctx, tx, in.From, m.Process, agreement.Provider, t)
	}
	if err != nil {
		return nil, err
	}
	if e == agreement.SendChange {
		if err := s.agreements.SaveSignature(ctx, tx, n, word(in)); err != nil {
			return nil, err
		}
	}
	return json.Marshal(negotiation(n))
}

// signs reports whether a message is its sender's signature under an agreement.
func signs(kind string) bool {
	return kind == "ContractAgreementMessage" || kind == "ContractAgreementVerificationMessage"
}

// word is a message as its sender sealed it.
func word(in *peer.Incoming) agreement.PeerSignature {
	return agreement.PeerSignature{Sealed: in.Sealed.Encode(nil), BodySalt: in.BodySalt[:], Body: in.Body}
}

// arrival is one kind of message that may arrive: where, of what type, and what it does.
type arrival struct {
	path  string
	kind  string
	apply func(ctx context.Context, tx *db.Tx, from sender, pid string, m *message) (*agreement.Negotiation, error)
}

// arrivals are the negotiation messages of both roles: ours as the provider, and as the consumer below the callback.
func (s *Service) arrivals() []arrival {
	return []arrival{
		{"request", "ContractRequestMessage", s.onRequest},
		{"{pid}/request", "ContractRequestMessage", s.onResubmit},
		{"{pid}/offers", "ContractOfferMessage", s.onOffer},
		{"{pid}/agreement", "ContractAgreementMessage", s.onAgreement},
		{"{pid}/agreement/verification", "ContractAgreementVerificationMessage", s.onVerification},
		{"{pid}/events", "ContractNegotiationEventMessage", s.onEvent},
		{"{pid}/termination", "ContractNegotiationTerminationMessage", s.onTermination},
	}
}

// Routes adds the protocol's endpoints to the peer listener.
func (s *Service) Routes(mux *http.ServeMux) {
	mux.HandleFunc("GET "+Root+"/.well-known/dspace-version", s.version)
	mux.HandleFunc("POST "+Base+"/catalog/request", s.serveCatalog)
	mux.HandleFunc("GET "+Base+"/catalog/datasets/{id}", s.serveDataset)
	mux.HandleFunc("GET "+Base+"/negotiations/{pid}", s.serveNegotiation)
	for _, a := range s.arrivals() {
		mux.HandleFunc("POST "+Base+"/negotiations/"+a.path, func(w http.ResponseWriter, r *http.Request) {
			pid := r.PathValue("pid")
			s.post.Serve(w, r, peer.Handler{In: func(ctx context.Context, tx *db.Tx, in *peer.Incoming) ([]byte, error) {
				m, err := parse(in.Body, a.kind)
				if err != nil {
					return nil, err
				}
				n, err := a.apply(ctx, tx, member(in), pid, m)
				if err != nil {
					return nil, err
				}
				if signs(a.kind) {
					if err := s.agreements.SaveSignature(ctx, tx, n, word(in)); err != nil {
						return nil, err
					}
				}
				doc := negotiation(n)
				doc.Sharing = n.Sharing
				answer, err := json.Marshal(doc)
				if err != nil {
					return nil, err
				}
				return answer, s.decider.Negotiation(ctx, tx, n)
			}})
		})
	}
	s.transferRoutes(mux)
}

func (s *Service) version(w http.ResponseWriter, r *http.Request) {
	httpx.WriteJSON(w, r, http.StatusOK, map[string]any{"protocolVersions": []map[string]any{{
		"version": "2025-1", "path": strings.TrimPrefix(Base, Root), "binding": "HTTPS", "serviceId": "urn:kuayu:" + s.self,
	}}})
}

func (s *Service) onRequest(ctx context.Context, tx *db.Tx, from sender, _ string, m *message) (*agreement.Negotiation, error) {
	switch {
	case m.ConsumerPid == "" || len(m.ConsumerPid) > 128:
		return nil, ErrMessage.With("consumerPid missing", "缺少 consumerPid")
	case m.Callback == "" || m.ProviderPid != "":
		return nil, ErrMessage.With("exactly one of callbackAddress and providerPid", "callbackAddress 与 providerPid 须恰有其一")
	case m.Offer == nil || m.Offer.Target == "":
		return nil, ErrMessage.With("offer or its target missing", "缺少 offer 或 target")
	}
	a, err := s.applied(ctx, tx, from, m.Offer)
	if err != nil {
		return nil, err
	}
	if from.foreign == nil && (from.department == "" || from.department != m.Department) {
		return nil, ErrMessage.With("kuayu:department must be the sealed actor's", "kuayu:department 须与封印中的部门一致")
	}
	n, err := s.agreements.OnRequest(ctx, tx, policy.Party{Member: from.id, Department: from.department}, m.ConsumerPid, m.Number, *a)
	if err != nil || from.foreign == nil {
		return n, err
	}
	return n, s.keepCallback(ctx, tx, from.foreign, n.ID, m.Callback)
}

// applied is what an offer asks for: a member says it in full, a participant by its registration.
func (s *Service) applied(ctx context.Context, tx *db.Tx, from sender, o *offer) (*agreement.Application, error) {
	if from.foreign == nil {
		if o.Application == nil || o.Target != o.Application.Resource {
			return nil, ErrOffer.With()
		}
		return o.Application, nil
	}
	if len(o.Permission) == 0 && len(o.Prohibition) == 0 {
		return nil, ErrMessage.With("an offer has a permission or a prohibition", "offer 须含 permission 或 prohibition")
	}
	r, err := s.catalog.GetTx(ctx, tx, db.Scope{}, o.Target)
	if err != nil {
		return nil, err
	}
	a := from.foreign.application(s.self, r, o.ID, s.clock.Now())
	return &a, nil
}

func (s *Service) onResubmit(ctx context.Context, tx *db.Tx, from sender, pid string, m *message) (*agreement.Negotiation, error) {
	if m.Callback != "" || m.Offer == nil || m.Offer.Target == "" {
		return nil, ErrMessage.With("an answer to an offer carries an offer and no callbackAddress", "对要约的再次申请须含 offer，且不含 callbackAddress")
	}
	a, err := s.applied(ctx, tx, from, m.Offer)
	if err != nil {
		return nil, err
	}
	return s.agreements.OnResubmit(ctx, tx, from.id, pid, *a)
}

func (s *Service) onOffer(ctx context.Context, tx *db.Tx, from sender, pid string, m *message) (*agreement.Negotiation, error) {
	if m.Offer == nil || m.Offer.ID == "" || m.Offer.Target == "" || m.ProviderPid == "" {
		return nil, ErrMessage.With("offer, its id, its target or providerPid missing", "缺少 offer、其 id、target 或 providerPid")
	}
	var g agreement.Grant
	switch {
	case m.Offer.Grant != nil:
		g = *m.Offer.Grant
	case from.foreign == nil:
		return nil, ErrMessage.With("kuayu:grant missing", "缺少 kuayu:grant")
	}
	return s.agreements.OnOffer(ctx, tx, from.id, pid, m.ProviderPid, m.Offer.Target, g)
}

func (s *Service) onAgreement(ctx context.Context, tx *db.Tx, from sender, pid string, m *message) (*agreement.Negotiation, error) {
	if len(m.Agreement) == 0 || m.ProviderPid == "" {
		return nil, ErrMessage.With("agreement or providerPid missing", "缺少 agreement 或 providerPid")
	}
	if from.foreign == nil {
		if err := s.agreements.NoteRefused(ctx, tx, from.id, pid, m.Refused); err != nil {
			return nil, err
		}
		return s.agreements.OnAgreement(ctx, tx, from.id, pid, m.ProviderPid, m.Standing, m.Agreement)
	}
	var a struct {
		Type       string     `json:"@type"`
		ID         string     `json:"@id"`
		Target     string     `json:"target"`
		Assigner   string     `json:"assigner"`
		Assignee   string     `json:"assignee"`
		Permission list[rule] `json:"permission"`
	}
	if err := json.Unmarshal(m.Agreement, &a); err != nil || a.Type != "Agreement" || a.ID == "" || len(a.ID) > 256 || a.Target == "" {
		return nil, ErrMessage.Because(err, "agreement lacks @type, @id or target", "agreement 缺少 @type、@id 或 target")
	}
	return s.agreements.OnForeignAgreement(ctx, tx, from.id, pid, m.ProviderPid, a.ID, a.Target, m.Agreement)
}

func (s *Service) onVerification(ctx context.Context, tx *db.Tx, from sender, pid string, m *message) (*agreement.Negotiation, error) {
	return s.agreements.OnVerification(ctx, tx, from.id, pid, m.Hash)
}

func (s *Service) onEvent(ctx context.Context, tx *db.Tx, from sender, pid string, m *message) (*agreement.Negotiation, error) {
	switch m.EventType {
	case "FINALIZED":
		return s.agreements.OnFinalized(ctx, tx, from.id, pid)
	case "ACCEPTED":
		return s.agreements.OnAccepted(ctx, tx, from.id, pid)
	}
	return nil, ErrMessage.With("unknown eventType", "eventType 未知")
}

func (s *Service) onTermination(ctx context.Context, tx *db.Tx, from sender, pid string, m *message) (*agreement.Negotiation, error) {
	reason := strings.Join(m.Reason, "; ")
	if len(reason) > 4000 {
		return nil, ErrMessage.With("reason too long", "理由过长")
	}
	n, err := s.agreements.OnTermination(ctx, tx, from.id, pid, agreement.Consumer, reason)
	if errors.Is(err, agreement.ErrNoSuch) {
		return s.agreements.OnTermination(ctx, tx, from.id, pid, agreement.Provider, reason)
	}
	return n, err
}

func (s *Service) serveNegotiation(w http.ResponseWriter, r *http.Request) {
	id, _, err := s.link.Caller(r)
	if err != nil {
		s.link.Refuse(w, r, err)
		return
	}
	n, err := s.view(r, id)
	if err != nil {
		s.link.Refuse(w, r, err)
		return
	}
	httpx.WriteJSON(w, r, http.StatusOK, negotiation(n))
}

// view returns a negotiation to its other end alone.
func (s *Service) view(r *http.Request, id string) (*agreement.Negotiation, error) {
	n, err := s.agreements.Get(r.Context(), db.System("peer"), r.PathValue("pid"))
	if err == nil && n.Other() != id {
		return nil, agreement.ErrNoSuch.With()
	}
	return n, err
}
