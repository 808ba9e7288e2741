package dataspace

import (
	"encoding/json"

	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/exchange/catalog"
	"github.com/kuayu/kuayu/internal/httpx"
)

// Root and Base are where the protocol lives on the peer listener.
const (
	Root = "/dsp"
	Base = "/dsp/2025-1"
)

// contextURL is the only context this node writes; it is always an array of strings on the wire.
const contextURL = "https://w3id.org/dspace/2025/1/context.jsonld"

func ldContext() []string { return []string{contextURL} }

// contextList reads a context given as one string or a list of strings.
type contextList []string

func (c *contextList) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*c = contextList{one}
		return nil
	}
	var many []string
	if err := json.Unmarshal(b, &many); err != nil {
		return ErrMessage.Because(err, "@context must be a list of strings", "@context 须为字符串列表")
	}
	*c = many
	return nil
}

// rule is an ODRL rule as offers carry it.
type rule struct {
	Action     string          `json:"action"`
	Constraint json.RawMessage `json:"constraint,omitempty"`
}

// offer is a MessageOffer.
type offer struct {
	Type        string                 `json:"@type"`
	ID          string                 `json:"@id"`
	Target      string                 `json:"target,omitempty"` // absent in catalogues
	Permission  []rule                 `json:"permission,omitempty"`
	Prohibition []rule                 `json:"prohibition,omitempty"`
	Obligation  []rule                 `json:"obligation,omitempty"`
	Application *agreement.Application `json:"kuayu:application,omitempty"`
}

// message has the members of all negotiation messages; each message uses some of them.
type message struct {
	Context     contextList     `json:"@context"`
	Type        string          `json:"@type"`
	ID          string          `json:"@id,omitempty"`
	ProviderPid string          `json:"providerPid,omitempty"`
	ConsumerPid string          `json:"consumerPid,omitempty"`
	Offer       *offer          `json:"offer,omitempty"`
	Callback    string          `json:"callbackAddress,omitempty"`
	Agreement   json.RawMessage `json:"agreement,omitempty"`
	EventType   string          `json:"eventType,omitempty"`
	State       string          `json:"state,omitempty"`
	Code        string          `json:"code,omitempty"`
	Reason      []string        `json:"reason,omitempty"`
	Department  string          `json:"kuayu:department,omitempty"`
	Standing    string          `json:"kuayu:standing,omitempty"`
	Hash        string          `json:"kuayu:hash,omitempty"`
}

// parse decodes a message strictly and checks its type.
func parse(body []byte, want string) (*message, error) {
	var m message
	if err := httpx.Unmarshal(body, &m); err != nil {
		return nil, err
	}
	if m.Type != want {
		return nil, ErrMessage.With("@type must be "+want, "@type 须为 "+want)
	}
	ok := false
	for _, c := range m.Context {
		ok = ok || c == contextURL
	}
	if !ok {
		return nil, ErrMessage.With("@context lacks the protocol's context", "@context 缺少协议上下文")
	}
	return &m, nil
}

// negotiation renders the protocol's view of a record.
func negotiation(n *agreement.Negotiation) *message {
	m := &message{Context: ldContext(), Type: "ContractNegotiation", ProviderPid: n.ID, ConsumerPid: n.Peer, State: n.DSP()}
	if n.Role == agreement.Consumer {
		m.ProviderPid, m.ConsumerPid = n.Peer, n.ID
	}
	return m
}

type dataService struct {
	ID       string `json:"@id"`
	Type     string `json:"@type"`
	Endpoint string `json:"endpointURL"`
}

type distribution struct {
	Type    string      `json:"@type"`
	Format  string      `json:"format"`
	Service dataService `json:"accessService"`
}

// dataset is one resource in a catalogue. The Kuayu profile adds the entry of Decree 809 art. 13 as it is.
type dataset struct {
	ID           string            `json:"@id"`
	Type         string            `json:"@type"`
	Policies     []offer           `json:"hasPolicy"`
	Distribution []distribution    `json:"distribution"`
	Resource     *catalog.Resource `json:"kuayu:resource,omitempty"`
}

type catalogDoc struct {
	Context       contextList `json:"@context"`
	ID            string      `json:"@id"`
	Type          string      `json:"@type"`
	ParticipantID string      `json:"participantId"`
	Dataset       []dataset   `json:"dataset"`
	Next          string      `json:"kuayu:next,omitempty"` // cursor; foreign peers follow the Link header
}

type catalogRequest struct {
	Context contextList       `json:"@context"`
	Type    string            `json:"@type"`
	Filter  []json.RawMessage `json:"filter,omitempty"`
	After   string            `json:"kuayu:after,omitempty"`
}
