package evidence

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

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
	Took      int64    `json:"took,omitempty"`       // microseconds it took, as who acted measured it
	Digest    string   `json:"digest,omitempty"`     // hex SHA-256 of the answer's bytes
	Subjects  []string `json:"subjects,omitempty"`   // keyed digests of the persons concerned
	Guesses   []string `json:"guesses,omitempty"`    // keyed digests of what a verification asked about its subjects
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
	if len(f.Header) == 0 || h.scan(f.Header) {
		return h, nil
	}
	h = Header{}
	if err := json.Unmarshal(f.Header, &h); err != nil {
		return h, ErrReceipt.Because(err, "header malformed", "头部格式不正确")
	}
	return h, nil
}

// scan reads the form that Encode writes when no text needs escaping: a header is decoded five times per exchange, and
// the general decoder took 7 % of the whole. It reports false for anything else, which the general decoder then judges.
func (h *Header) scan(b []byte) bool {
	s := string(b)
	if len(s) < 2 || s[0] != '{' || strings.IndexByte(s, '\\') >= 0 || !utf8.ValidString(s) {
		return false
	}
	s = s[1:]
	for {
		if s == "}" {
			return true
		}
		key, rest, ok := quoted(s)
		if !ok || len(rest) < 2 || rest[0] != ':' {
			return false
		}
		if s, ok = h.member(key, rest[1:]); !ok || s == "" {
			return false
		}
		if s[0] == ',' {
			s = s[1:]
		} else if s != "}" {
			return false
		}
	}
}

// quoted splits a quoted text without escapes from what follows.
func quoted(s string) (text, rest string, ok bool) {
	if s == "" || s[0] != '"' {
		return "", "", false
	}
	i := strings.IndexByte(s[1:], '"')
	if i < 0 {
		return "", "", false
	}
	return s[1 : 1+i], s[2+i:], true
}

func (h *Header) member(key, s string) (rest string, ok bool) {
	if p := h.text(key); p != nil {
		*p, rest, ok = quoted(s)
		return rest, ok
	}
	switch key {
	case "policies":
		h.Policies, rest, ok = texts(s)
	case "subjects":
		h.Subjects, rest, ok = texts(s)
	case "guesses":
		h.Guesses, rest, ok = texts(s)
	default:
		i := 0
		for i < len(s) && s[i] >= '0' && s[i] <= '9' {
			i++
		}
		n, err := strconv.ParseInt(s[:i], 10, 64)
		if err != nil {
			return "", false
		}
		switch key {
		case "seq":
			h.Seq = uint64(n) //nolint:gosec // digits only: not negative
		case "expires":
			h.Expires = n
		case "rows":
			h.Rows = n
		case "bytes":
			h.Bytes = n
		case "took":
			h.Took = n
		default:
			return "", false
		}
		return s[i:], true
	}
	return rest, ok
}

func (h *Header) text(key string) *string {
	switch key {
	case "to":
		return &h.To
	case "to_dept":
		return &h.ToDept
	case "route":
		return &h.Route
	case "subject":
		return &h.Subject
	case "agreement":
		return &h.Agreement
	case "request":
		return &h.Request
	case "req_hash":
		return &h.ReqHash
	case "outcome":
		return &h.Outcome
	case "digest":
		return &h.Digest
	case "purpose":
		return &h.Purpose
	case "media_type":
		return &h.MediaType
	case "content":
		return &h.Content
	case "note":
		return &h.Note
	}
	return nil
}

func texts(s string) (out []string, rest string, ok bool) {
	if len(s) < 2 || s[0] != '[' {
		return nil, "", false
	}
	s = s[1:]
	for {
		t, r, ok := quoted(s)
		if !ok || r == "" {
			return nil, "", false
		}
		out = append(out, t)
		if r[0] == ']' {
			return out, r[1:], true
		}
		if r[0] != ',' {
			return nil, "", false
		}
		s = r[1:]
	}
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

// cosignedBy reports whether a checkpoint bears a cosignature by one of a member's keys.
func cosignedBy(raw []byte, keys []string) bool {
	for _, key := range keys {
		v, err := WitnessVerifier(key)
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(raw)) {
			if by, hash := signedBy(line); by == v.Name() && hash == v.KeyHash() {
				return true
			}
		}
	}
	return false
}

// signedBy is whose key signed a line of a note.
func signedBy(line string) (name string, hash uint32) {
	rest, ok := strings.CutPrefix(line, "— ")
	name, sig, found := strings.Cut(strings.TrimSuffix(rest, "\n"), " ")
	b, err := base64.StdEncoding.DecodeString(sig)
	if !ok || !found || err != nil || len(b) < 4 {
		return "", 0
	}
	return name, binary.BigEndian.Uint32(b)
}
