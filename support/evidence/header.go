package evidence

import (
	"encoding/json"
	"strings"
	"time"

	fnote "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"

	"github.com/kuayu/kuayu/support/seal"
)

// Header is the part of a fact shown to everybody the fact is shown to. It is encoded as JSON with members in this
// order, empty ones left out.
type Header struct {
	To        string   `json:"to,omitempty"`         // member addressed
	ToDept    string   `json:"to_dept,omitempty"`    // department addressed
	Route     string   `json:"route,omitempty"`      // method and path of the message
	Subject   string   `json:"subject,omitempty"`    // ordering subject of a message
	Seq       uint64   `json:"seq,omitempty"`        // place in the order of its subject
	Expires   int64    `json:"expires,omitempty"`    // Unix milliseconds after which a request is stale
	Agreement string   `json:"agreement,omitempty"`  // agreement id
	Request   string   `json:"request,omitempty"`    // id of the request answered
	ReqHash   string   `json:"req_hash,omitempty"`   // hex commitment of the request answered
	Outcome   string   `json:"outcome,omitempty"`    // "ok" or an error code
	Policies  []string `json:"policies,omitempty"`   // Cedar policies that decided
	Rows      int64    `json:"rows,omitempty"`       // rows delivered
	Bytes     int64    `json:"bytes,omitempty"`      // bytes delivered
	Digest    string   `json:"digest,omitempty"`     // hex SHA-256 of the answer's bytes
	Subjects  []string `json:"subjects,omitempty"`   // keyed digests of the persons concerned
	Purpose   string   `json:"purpose,omitempty"`    // asserted by the requester
	MediaType string   `json:"media_type,omitempty"` // of the body or answer
	Content   string   `json:"content,omitempty"`    // hex SHA-256 of the body of the request answered
	Note      string   `json:"note,omitempty"`
}

// Encode writes the header's bytes.
func (h *Header) Encode() []byte {
	b, err := json.Marshal(h)
	if err != nil {
		return nil // strings and integers only: cannot fail
	}
	return b
}

// HeaderOf decodes the header of a fact.
func HeaderOf(f *seal.Fact) (Header, error) {
	var h Header
	if len(f.Header) == 0 {
		return h, nil
	}
	if err := json.Unmarshal(f.Header, &h); err != nil {
		return h, ErrReceipt.Because(err, "header malformed", "头部格式不正确")
	}
	return h, nil
}

// Expired reports whether a request is stale at the time.
func (h *Header) Expired(now time.Time) bool {
	return h.Expires != 0 && now.UnixMilli() > h.Expires
}

// WitnessVerifier parses a member's witness key (C2SP cosignature/v1).
func WitnessVerifier(vkey string) (note.Verifier, error) {
	v, err := fnote.NewVerifierForCosignatureV1(vkey)
	if err != nil {
		return nil, ErrCheckpoint.Because(err, "witness key")
	}
	return v, nil
}

func cosignedBy(raw []byte, vkey string) bool {
	v, err := WitnessVerifier(vkey)
	return err == nil && strings.Contains(string(raw), "— "+v.Name()+" ")
}
