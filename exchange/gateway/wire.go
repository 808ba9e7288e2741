package gateway

import (
	"strings"
	"unicode/utf8"

	"github.com/kuayu/kuayu/internal/httpx"
	"github.com/kuayu/kuayu/support/policy"
)

// Path is where the provider's side listens on the peer listener.
const Path = "/peer/v1/query"

// MediaArrow is the type of answers: an Arrow IPC stream.
const MediaArrow = "application/vnd.apache.arrow.stream"

// WireVersion is the version of the request body. A node speaks one older and one newer.
const WireVersion = 1

// Limits of one governed query.
const (
	maxRequest = 256 << 10
	maxText    = 200 // bytes of a purpose or a case
	// MaxRows is how many rows one answer holds at most; more are fetched by cursor.
	MaxRows = 10_000
)

// wireRequest is the body of a sealed request.
type wireRequest struct {
	Version   int         `json:"version"`
	Agreement string      `json:"agreement"`
	Hash      string      `json:"hash"` // of the agreement's bytes as the consumer holds them
	Mode      policy.Mode `json:"mode"`
	Purpose   string      `json:"purpose"`
	Case      string      `json:"case,omitempty"` // the matter it is for, as asserted by the consumer
	Plan      policy.Plan `json:"plan"`
	Claims    []Claim     `json:"claims,omitempty"` // verify only
}

// Claim is one statement to be verified about the subject.
type Claim struct {
	Item  string       `json:"item"`
	Value policy.Value `json:"value"`
}

// Finding is the answer to a claim. A subject that is not there and a value that differs are the same "no".
type Finding struct {
	Item  string `json:"item"`
	Match bool   `json:"match"`
}

func parseWire(b []byte) (*wireRequest, error) {
	var w wireRequest
	if err := httpx.Unmarshal(b, &w); err != nil {
		return nil, err
	}
	if w.Version < WireVersion-1 || w.Version > WireVersion+1 {
		return nil, ErrRequest.With("unknown version", "版本未知")
	}
	if w.Agreement == "" || len(w.Purpose) > maxText || len(w.Case) > maxText {
		return nil, ErrRequest.With("agreement missing or a field too long", "缺少协议编号或字段过长")
	}
	if (w.Mode == policy.ModeVerify) != (len(w.Claims) > 0) || len(w.Claims) > 32 {
		return nil, ErrNoVerify.With()
	}
	return &w, nil
}

// clip makes text that nobody has checked fit to be recorded: a refusal must leave evidence whatever it was about.
func clip(s string) string {
	if len(s) > maxText {
		s = s[:maxText]
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == utf8.RuneError {
			return -1
		}
		return r
	}, s)
}

// PlanOf is the plan of a request that was recorded: the body of a fact of kind query.open.
func PlanOf(body []byte) (*policy.Plan, error) {
	w, err := parseWire(body)
	if err != nil {
		return nil, err
	}
	return &w.Plan, nil
}

// subjectOf returns the item and value that a verify plan identifies its subject by.
func subjectOf(p *policy.Plan) (string, policy.Value, error) {
	w := p.Where
	if w == nil || w.Op != policy.Eq || len(w.Values) != 1 {
		return "", policy.Value{}, ErrNoVerify.With()
	}
	return w.Item, w.Values[0], nil
}

// maskKey identifies a set of projected columns.
func maskKey(p *policy.Plan) string {
	var b strings.Builder
	for _, n := range p.Project {
		b.WriteString(n)
		b.WriteByte(0)
	}
	b.WriteByte(1)
	for _, n := range p.Group {
		b.WriteString(n)
		b.WriteByte(0)
	}
	for _, a := range p.Aggregate {
		b.WriteString(a.Name())
		b.WriteByte(0)
	}
	return b.String()
}
