package policy

import (
	"encoding/json"
	"fmt"
	"sort"
	"time"

	"github.com/kuayu/kuayu/internal/httpx"
)

// TermsVersion is the version of the terms format.
const TermsVersion = 1

// Party is one side of an agreement: a department of a member.
type Party struct {
	Member     string `json:"member"`
	Department string `json:"department"` // USCC
}

// Mode is a way of using data (Decree 809 art. 22; verification is the least revealing one).
type Mode string

// The modes.
const (
	ModeQuery  Mode = "query"
	ModeVerify Mode = "verify"
	ModeBatch  Mode = "batch"
	ModeFile   Mode = "file"
)

// Field is one granted item.
type Field struct {
	Name string `json:"name"`
	Mask Mask   `json:"mask,omitzero"`
	// Key: a masked item may still be asked for by an exact value the requester already holds (eq, in), never by
	// range or prefix.
	Key bool `json:"key,omitempty"`
	// Subject: the item identifies a natural person; exact values asked for go into the index of who looked at whom.
	Subject bool `json:"subject,omitempty"`
	// Verify: the item may only be compared, never read.
	Verify bool `json:"verify,omitempty"`
}

// Identifies reports whether exact values of the item say whom or what a request is about. Only such an item may be the
// subject of a verification: with any other the subject would be the guess.
func (f *Field) Identifies() bool { return f.Subject || f.Key }

// Quota bounds use. Zero means unbounded.
type Quota struct {
	CallsPerDay         int64 `json:"calls_per_day,omitempty"`
	RowsPerDay          int64 `json:"rows_per_day,omitempty"`
	RowsPerCall         int64 `json:"rows_per_call,omitempty"`
	CallsPerSecond      int64 `json:"calls_per_second,omitempty"`
	VerifyPerSubjectDay int64 `json:"verify_per_subject_day,omitempty"`
}

// Basis says why data may be used at all: a duty with its citation (Decree 809 art. 20), or the person's consent.
type Basis struct {
	Kind     string `json:"kind"` // "duty" or "consent"
	Citation string `json:"citation,omitempty"`
}

// Terms are what both sides agreed and both sides enforce. They are part of the agreement's exact bytes.
type Terms struct {
	Version       int        `json:"version"`
	Agreement     string     `json:"agreement"`
	Resource      string     `json:"resource"`
	Provider      Party      `json:"provider"`
	Consumer      Party      `json:"consumer"`
	Basis         Basis      `json:"basis"`
	Purposes      []string   `json:"purposes"` // codes a request may name
	Scenario      string     `json:"scenario"`
	Scope         string     `json:"scope"`
	Modes         []Mode     `json:"modes"`
	Fields        []Field    `json:"fields"`
	Filter        *Predicate `json:"filter,omitempty"` // rows outside are not there
	Quota         Quota      `json:"quota"`
	ValidFrom     time.Time  `json:"valid_from"`
	ValidUntil    time.Time  `json:"valid_until"`   // Decree 809 art. 20: a time limit is mandatory
	LeaseSeconds  int        `json:"lease_seconds"` // how long the consumer may go on without hearing from the provider
	RetentionDays int        `json:"retention_days"`
	NoOnward      bool       `json:"no_onward"`
	Price         string     `json:"price,omitempty"` // decimal text
}

// Bounds of terms.
const (
	MaxTerms        = 256 << 10
	DefaultLease    = 300
	MaxLeaseSeconds = 3600
)

// ParseTerms decodes terms strictly and checks them; ErrTerms names the first fault.
func ParseTerms(b []byte) (*Terms, error) {
	if len(b) > MaxTerms {
		return nil, ErrTerms.With("over 256 KiB", "超过 256 KiB")
	}
	var t Terms
	if err := httpx.Unmarshal(b, &t); err != nil {
		return nil, err
	}
	return &t, t.Check()
}

// Check validates the terms.
func (t *Terms) Check() error {
	bad := func(en, zh string) error { return ErrTerms.With(en, zh) }
	switch {
	case t.Version != TermsVersion:
		return bad("unknown version", "版本未知")
	case t.Agreement == "" || t.Resource == "":
		return bad("agreement or resource missing", "缺少协议编号或资源代码")
	case t.Provider.Member == "" || t.Provider.Department == "" || t.Consumer.Member == "" || t.Consumer.Department == "":
		return bad("a party is missing", "缺少当事方")
	case t.Basis.Kind != "duty" && t.Basis.Kind != "consent":
		return bad("the basis must be duty or consent", "依据必须是法定职责或本人同意")
	case t.Basis.Kind == "duty" && t.Basis.Citation == "":
		return bad("the legal basis needs a citation", "法定依据缺少条文")
	case len(t.Purposes) == 0 || len(t.Modes) == 0 || len(t.Fields) == 0 || len(t.Fields) > MaxItems:
		return bad("purposes, modes or fields missing", "缺少用途、方式或数据项")
	case !t.ValidUntil.After(t.ValidFrom):
		return bad("it ends before it begins", "有效期终止早于开始")
	case t.LeaseSeconds < 1 || t.LeaseSeconds > MaxLeaseSeconds:
		return bad("the lease must be 1 to 3600 seconds", "租约须为 1 至 3600 秒")
	}
	seen := map[string]bool{}
	for i := range t.Fields {
		if f := &t.Fields[i]; f.Name == "" || seen[f.Name] {
			return bad("a field is empty or listed twice", "数据项为空或重复")
		}
		seen[t.Fields[i].Name] = true
	}
	for _, m := range t.Modes {
		if m != ModeQuery && m != ModeVerify && m != ModeBatch && m != ModeFile {
			return bad("unknown mode", "未知的共享方式")
		}
	}
	p := Plan{Where: t.Filter}
	return p.Check()
}

// Field returns the granted field of the name, nil if it is not granted.
func (t *Terms) Field(name string) *Field {
	for i := range t.Fields {
		if t.Fields[i].Name == name {
			return &t.Fields[i]
		}
	}
	return nil
}

// odrlAgreement is the agreement as the Dataspace Protocol carries it: an ODRL policy in compact form whose profile
// term kuayu:terms holds the terms.
type odrlAgreement struct {
	Context     []string   `json:"@context,omitempty"`
	Type        string     `json:"@type"`
	ID          string     `json:"@id"`
	Target      string     `json:"target"`
	Assigner    string     `json:"assigner"`
	Assignee    string     `json:"assignee"`
	Timestamp   string     `json:"timestamp,omitempty"`
	Permission  []odrlRule `json:"permission"`
	Prohibition []odrlRule `json:"prohibition,omitempty"`
	Terms       *Terms     `json:"kuayu:terms,omitempty"`
}

type odrlRule struct {
	Action     string           `json:"action"`
	Constraint []odrlConstraint `json:"constraint,omitempty"`
}

type odrlConstraint struct {
	Left     string `json:"leftOperand"`
	Operator string `json:"operator"`
	Right    string `json:"rightOperand"`
}

// Principal names a party on the wire: "member:USCC".
func (p Party) Principal() string { return p.Member + ":" + p.Department }

// EncodeAgreement writes the exact bytes of an agreement, once. Both ends store and hash these bytes; nobody encodes
// them again.
func EncodeAgreement(t *Terms, at time.Time) ([]byte, error) {
	if err := t.Check(); err != nil {
		return nil, err
	}
	a := odrlAgreement{
		Type: "Agreement", ID: "urn:uuid:" + t.Agreement, Target: t.Resource,
		Assigner: t.Provider.Principal(), Assignee: t.Consumer.Principal(), Timestamp: at.UTC().Format(time.RFC3339), Terms: t,
		Permission: []odrlRule{{Action: "use", Constraint: []odrlConstraint{
			{"purpose", "isAnyOf", joinSorted(t.Purposes)}, {"dateTime", "lt", t.ValidUntil.UTC().Format(time.RFC3339)},
		}}},
	}
	if t.NoOnward {
		a.Prohibition = []odrlRule{{Action: "distribute"}}
	}
	b, err := json.Marshal(a)
	if err != nil {
		return nil, fmt.Errorf("encode agreement: %w", err)
	}
	return b, nil
}

func joinSorted(s []string) string {
	c := append([]string(nil), s...)
	sort.Strings(c)
	out := ""
	for i, p := range c {
		if i > 0 {
			out += ","
		}
		out += p
	}
	return out
}

// DecodeAgreement reads the terms out of an agreement's exact bytes and checks that the ODRL members say the same.
func DecodeAgreement(b []byte) (*Terms, error) {
	if len(b) > MaxTerms {
		return nil, ErrTerms.With("over 256 KiB", "超过 256 KiB")
	}
	var a odrlAgreement
	if err := httpx.Unmarshal(b, &a); err != nil {
		return nil, err
	}
	if a.Type != "Agreement" || a.Terms == nil {
		return nil, ErrTerms.With("it is not a Kuayu agreement", "不是跨域协议")
	}
	if err := a.Terms.Check(); err != nil {
		return nil, err
	}
	t := a.Terms
	if a.ID != "urn:uuid:"+t.Agreement || a.Target != t.Resource || a.Assigner != t.Provider.Principal() || a.Assignee != t.Consumer.Principal() {
		return nil, ErrTerms.With("terms and policy name different parties", "条款与策略的当事方不一致")
	}
	return t, nil
}
