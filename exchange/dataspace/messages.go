package dataspace

import (
	"encoding/json"
	"fmt"

	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/exchange/catalog"
	"github.com/kuayu/kuayu/exchange/search"
	"github.com/kuayu/kuayu/internal/httpx"
)

// Root and Base are where the protocol lives, on the peer listener and on that for participants of other dataspaces.
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

// list reads a list that may arrive as its one element, as JSON-LD allows.
type list[T any] []T

func (l *list[T]) UnmarshalJSON(b []byte) error {
	var many []T
	if json.Unmarshal(b, &many) == nil {
		*l = many
		return nil
	}
	var one T
	if err := json.Unmarshal(b, &one); err != nil {
		return fmt.Errorf("list: %w", err)
	}
	*l = list[T]{one}
	return nil
}

// reasons are texts; other implementations send objects that hold one.
type reasons []string

func (r *reasons) UnmarshalJSON(b []byte) error {
	var many list[json.RawMessage]
	if err := many.UnmarshalJSON(b); err != nil {
		return err
	}
	for _, m := range many {
		var text string
		if json.Unmarshal(m, &text) != nil {
			text = string(m)
		}
		*r = append(*r, text)
	}
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
	Assigner    string                 `json:"assigner,omitempty"`
	Assignee    string                 `json:"assignee,omitempty"`
	Permission  list[rule]             `json:"permission,omitempty"`
	Prohibition list[rule]             `json:"prohibition,omitempty"`
	Obligation  list[rule]             `json:"obligation,omitempty"`
	Application *agreement.Application `json:"kuayu:application,omitempty"`
	Grant       *agreement.Grant       `json:"kuayu:grant,omitempty"`
}

// message has the members of all negotiation and transfer messages; each message uses some of them.
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
	Reason      reasons         `json:"reason,omitempty"`

	AgreementID string       `json:"agreementId,omitempty"`
	Format      string       `json:"format,omitempty"`
	Address     *DataAddress `json:"dataAddress,omitempty"`

	Department string          `json:"kuayu:department,omitempty"`
	Number     string          `json:"kuayu:case,omitempty"` // of the case, for people at both ends
	Standing   string          `json:"kuayu:standing,omitempty"`
	Sharing    catalog.Sharing `json:"kuayu:sharing,omitempty"`
	Hash       string          `json:"kuayu:hash,omitempty"`

	Refused []agreement.RefusedItem `json:"kuayu:refused,omitempty"`
}

// DataAddress says where data is to be had, and with what.
type DataAddress struct {
	Type         string                 `json:"@type"`
	EndpointType string                 `json:"endpointType"`
	Endpoint     string                 `json:"endpoint,omitempty"`
	Properties   list[EndpointProperty] `json:"endpointProperties,omitempty"`
}

// EndpointProperty is one of its properties, as an access token.
type EndpointProperty struct {
	Type  string `json:"@type"`
	Name  string `json:"name"`
	Value string `json:"value"`
}

// maxText bounds identifiers and addresses of foreign messages, in bytes.
const maxText = 1024

// parse decodes a member's message strictly and checks its type.
func parse(body []byte, want string) (*message, error) {
	var m message
	if err := httpx.Unmarshal(body, &m); err != nil {
		return nil, err
	}
	return &m, m.check(want)
}

// parseForeign decodes a message of another implementation: what it adds is ignored, what it must say is checked.
func parseForeign(body []byte, want string) (*message, error) {
	if err := httpx.CheckJSON(body); err != nil {
		return nil, err
	}
	var m message
	if err := json.Unmarshal(body, &m); err != nil {
		return nil, ErrMessage.Because(err, "it is not the JSON of such a message", "不是该消息的 JSON")
	}
	// Terms of our profile count between members alone.
	m.Department, m.Standing, m.Hash, m.Sharing = "", "", "", ""
	if m.Offer != nil {
		m.Offer.Application, m.Offer.Grant = nil, nil
	}
	return &m, m.check(want)
}

func (m *message) check(want string) error {
	if m.Type != want {
		return ErrMessage.With("@type must be "+want, "@type 须为 "+want)
	}
	for _, s := range []string{m.ID, m.ProviderPid, m.ConsumerPid, m.Callback, m.AgreementID, m.Format, m.Code} {
		if len(s) > maxText {
			return ErrMessage.With("a member is over 1 KiB", "有成员超过 1 KiB")
		}
	}
	for _, c := range m.Context {
		if c == contextURL {
			return nil
		}
	}
	return ErrMessage.With("@context lacks the protocol's context", "@context 缺少协议上下文")
}

// negotiation renders the protocol's view of a record.
func negotiation(n *agreement.Negotiation) *message {
	m := &message{Context: ldContext(), Type: "ContractNegotiation", ProviderPid: n.ID, ConsumerPid: n.Peer, State: n.DSP()}
	if n.Side == agreement.Consumer {
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
	Dataset       []dataset   `json:"dataset,omitempty"`    // absent when empty: the protocol wants at least one
	Next          string      `json:"kuayu:next,omitempty"` // cursor; foreign peers follow the Link header
	Changes       *changes    `json:"kuayu:changes,omitempty"`
}

type catalogRequest struct {
	Context contextList           `json:"@context"`
	Type    string                `json:"@type"`
	ID      string                `json:"@id,omitempty"`
	Filter  list[json.RawMessage] `json:"filter,omitempty"`
	After   string                `json:"kuayu:after,omitempty"`
	Since   *string               `json:"kuayu:since,omitempty"` // asks for changes alone, since a position; empty: all
}

// changes says what datasets of an answer to a request with kuayu:since are: those that changed and are published now.
type changes struct {
	Position string   `json:"position"`        // to ask from next time
	Gone     []string `json:"gone,omitempty"`  // tombstones: no longer published
	Whole    bool     `json:"whole,omitempty"` // the position asked for is not of this catalogue: this begins anew
	More     bool     `json:"more,omitempty"`  // ask again at once
	// Departments of the member, all of them, when there is no more.
	Departments []search.Department `json:"departments,omitempty"`
}
