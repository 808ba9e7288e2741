package dataspace

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"
	"time"

	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/exchange/catalog"
	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/support/policy"
)

// Participant is a connector of another dataspace that this node deals with: it is no member, seals nothing, and is
// known by a bearer token. The operator registers it with what it may apply for.
type Participant struct {
	ID    string `json:"id"`
	URL   string `json:"url"`               // root of its protocol endpoints; its callbacks must be below the same origin
	Token string `json:"token"`             // what it presents
	Send  string `json:"send,omitempty"`    // Authorization header this node presents to it
	Pace  int    `json:"pace_ms,omitempty"` // pause before this node's next message in a process, in milliseconds

	// The law wants these of every application (Decree 809 art. 20); the protocol has no place for them.
	Basis    policy.Basis  `json:"basis"`
	Purposes []string      `json:"purposes"`
	Modes    []policy.Mode `json:"modes"`
	Days     int           `json:"days"` // how long an agreement lasts
}

// Check validates a registration.
func (p *Participant) Check() error {
	switch {
	case p.ID == "" || len(p.ID) > 256 || len(p.Token) < 8:
		return ErrParticipant.With("id missing or token under 8 characters", "缺少 id，或令牌不足 8 个字符")
	case !strings.HasPrefix(p.URL, "https://") && !strings.HasPrefix(p.URL, "http://127.0.0.1:"):
		return ErrParticipant.With("url must be https", "url 须为 https")
	case len(p.Purposes) == 0 || len(p.Modes) == 0 || p.Days < 1 || p.Days > 3650 || (p.Basis.Kind == "duty" && p.Basis.Citation == ""):
		return ErrParticipant.With("basis, purposes, modes and days are needed", "须填写 basis、purposes、modes 与 days")
	}
	return nil
}

// origin is scheme and host of an address.
func origin(address string) string {
	scheme, rest, ok := strings.Cut(address, "://")
	if !ok {
		return ""
	}
	host, _, _ := strings.Cut(rest, "/")
	return scheme + "://" + host
}

// application is what a contract request of the participant amounts to: all items of the resource, on the terms it is
// registered with.
func (p *Participant) application(self string, r *catalog.Resource, offerID string, now time.Time) agreement.Application {
	a := agreement.Application{
		Provider: self, Resource: r.Code, Basis: p.Basis, Purposes: p.Purposes, Scenario: "dataspace participant " + p.ID, Scope: p.ID,
		Modes: p.Modes, ValidUntil: now.AddDate(0, 0, p.Days).Truncate(time.Second), Offer: offerID, Declared: true,
	}
	for i := range r.Items {
		a.Fields = append(a.Fields, r.Items[i].Name)
	}
	return a
}

// caller finds the participant that presents a token.
func (s *Service) caller(r *http.Request) (*Participant, error) {
	got, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return nil, ErrStranger.With()
	}
	sum := sha256.Sum256([]byte(got))
	var found *Participant
	for i := range s.participants { // all of them: how long it takes tells nothing
		want := sha256.Sum256([]byte(s.participants[i].Token))
		if subtle.ConstantTimeCompare(sum[:], want[:]) == 1 {
			found = &s.participants[i]
		}
	}
	if found == nil {
		return nil, ErrStranger.With()
	}
	return found, nil
}

// participant returns the registration of an id, nil if there is none.
func (s *Service) participant(id string) *Participant {
	for i := range s.participants {
		if s.participants[i].ID == id {
			return &s.participants[i]
		}
	}
	return nil
}

// The errors about participants.
var (
	ErrStranger    = errs.Define(errs.Unauthorized, "dataspace.stranger", "未登记的数据空间参与方，或令牌不正确。", "Not a registered participant, or the token is wrong.")
	ErrParticipant = errs.Define(errs.Invalid, "dataspace.participant", "参与方登记不正确：%[2]v。", "The registration of a participant is not valid: %[1]v.")
)
