package scheme

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/support/policy"
)

// Kind is who provides to whom.
type Kind string

// The kinds.
const (
	PointToMany Kind = "point_to_many"
	ManyToPoint Kind = "many_to_point"
	Hub         Kind = "hub"
	Zone        Kind = "zone"
)

// Entry is a line of the list.
type Entry struct {
	Member     string        `json:"member"`
	Department string        `json:"department"` // that provides it and keeps the line true
	Resource   string        `json:"resource"`   // code in the member's catalogue
	Title      string        `json:"title"`
	Fields     []string      `json:"fields"`
	Modes      []policy.Mode `json:"modes"`
	ReviewBy   time.Time     `json:"review_by,omitzero"` // when its keeper looks at it again; a zone's lines have one
}

func (e *Entry) key() string { return e.Member + "/" + e.Resource }

// Text is one version of a scheme. Its JSON is what is hashed and consented to.
type Text struct {
	ID         string         `json:"id"`
	Version    int            `json:"version"` // from 1
	Prev       string         `json:"prev"`    // hash of the version before; empty for the first
	Kind       Kind           `json:"kind"`
	Title      string         `json:"title"`
	Owner      policy.Party   `json:"owner"`           // who proposed the first version
	Parties    []string       `json:"parties"`         // members
	Users      []policy.Party `json:"users,omitempty"` // departments that may use; none: every department of the parties
	Entries    []Entry        `json:"entries"`
	Purposes   []string       `json:"purposes"`
	Scope      string         `json:"scope"`
	MaxDays    int            `json:"max_days"` // longest agreement
	ValidUntil time.Time      `json:"valid_until"`
	// What a zone's version says besides is its node's to fill in. Round tells a proposal from an earlier one of the same
	// words that was declined. Before are the parties of the version before that had not left when this one was proposed:
	// they are asked even where they are parties no more.
	Round  string   `json:"round,omitempty"`
	Before []string `json:"before,omitempty"`
}

// needs are the members whose consent the version takes. It is a matter of the text alone, so that every node counts alike,
// whatever it has heard of already.
func (t *Text) needs() []string {
	out := slices.Concat(t.Parties, t.Before)
	slices.Sort(out)
	return slices.Compact(out)
}

// Bounds of a text.
const (
	maxEntries = 2000
	maxParties = 64
	maxUsers   = 500
	maxText    = 4000
)

// Encode makes the bytes of a version and their hash.
func (t *Text) Encode() ([]byte, string, error) {
	b, err := json.Marshal(t)
	if err != nil {
		return nil, "", fmt.Errorf("encode scheme: %w", err)
	}
	h := sha256.Sum256(b)
	return b, hex.EncodeToString(h[:]), nil
}

// Check lists everything wrong at once.
func (t *Text) Check(now time.Time) error {
	var f []errs.Field
	need := func(ok bool, name, zh, en string) {
		if !ok {
			f = append(f, errs.Field{Name: name, Zh: zh, En: en})
		}
	}
	text := func(s string) bool { return strings.TrimSpace(s) != "" && len(s) <= maxText }
	need(slices.Contains([]Kind{PointToMany, ManyToPoint, Hub, Zone}, t.Kind), "kind", "须为 point_to_many、many_to_point、hub 或 zone", "must be point_to_many, many_to_point, hub or zone")
	need(text(t.Title), "title", "请写明方案名称", "give the scheme a title")
	need(text(t.Scope), "scope", "请写明使用范围", "state the scope of use")
	need(len(t.Purposes) > 0 && len(t.Purposes) <= 16, "purposes", "请写明 1 至 16 个用途", "state 1 to 16 purposes")
	need(t.MaxDays > 0 && t.MaxDays <= 3660, "max_days", "协议最长期限须为 1 至 3660 天", "the longest agreement must be 1 to 3660 days")
	need(t.ValidUntil.After(now), "valid_until", "方案截止时间须晚于今天", "the scheme's end must be in the future")
	need(len(t.Parties) > 1 && len(t.Parties) <= maxParties, "parties", "须有 2 至 64 个成员", "2 to 64 members take part")
	members := slices.Clone(t.Parties)
	slices.Sort(members)
	need(len(slices.Compact(members)) == len(t.Parties), "parties", "成员重复列出", "a member is listed twice")
	need(len(t.Round) <= 64 && len(t.Before) <= maxParties, "parties", "前一版本的成员过多", "too many parties of the version before")
	need(len(t.Users) <= maxUsers, "users", "需求部门过多", "too many using departments")
	need(t.Kind == Zone || len(t.Entries) > 0, "entries", "请列出共享内容", "list what is shared")
	need(len(t.Entries) <= maxEntries, "entries", "共享内容过多", "the list is too long")
	seen := map[string]bool{}
	for i := range t.Entries {
		e := &t.Entries[i]
		need(e.Member != "" && e.Department != "" && e.Resource != "" && len(e.Resource) <= 128 && text(e.Title) && len(e.Fields) > 0 && len(e.Fields) <= policy.MaxItems && len(e.Modes) > 0,
			"entries", fmt.Sprintf("第 %d 项须写明提供方、部门、代码、名称、数据项和共享方式", i+1), fmt.Sprintf("entry %d must name member, department, resource, title, items and modes", i+1))
		need(!seen[e.key()], "entries", "重复列出 "+e.key(), e.key()+" is listed twice")
		seen[e.key()] = true
		need(slices.Contains(t.Parties, e.Member), "entries", e.Member+" 不在成员之列", e.Member+" is not among the parties")
		need(t.Kind != PointToMany || (e.Member == t.Owner.Member && e.Department == t.Owner.Department), "entries", "点对多方案只能列本部门的条目", "point to many lists the owner's own entries")
		need(t.Kind != ManyToPoint || e.Member != t.Owner.Member, "entries", "多对点方案列其他成员的条目", "many to one lists entries of other members")
		need(t.Kind != Zone || e.ReviewBy.After(now), "entries", fmt.Sprintf("第 %d 项须写明复核日期（晚于今天）", i+1), fmt.Sprintf("entry %d needs a date of review in the future", i+1))
	}
	for _, u := range t.Users {
		need(slices.Contains(t.Parties, u.Member), "users", u.Member+" 不在成员之列", u.Member+" is not among the parties")
	}
	if len(f) > 0 {
		return ErrText.With().WithFields(f...)
	}
	return nil
}

// mayUse reports whether a department may use what is listed.
func (t *Text) mayUse(p policy.Party) bool {
	switch {
	case !slices.Contains(t.Parties, p.Member):
		return false
	case t.Kind == ManyToPoint:
		return p == t.Owner
	case len(t.Users) > 0:
		return slices.Contains(t.Users, p)
	}
	return t.Kind != PointToMany || p != t.Owner
}

// without is the text as it stands when a member has left: it and its entries are gone. Such a text is never signed; it is
// what every node computes from the last version and the departures.
func (t *Text) without(left []string) *Text {
	if len(left) == 0 {
		return t
	}
	o := *t
	gone := func(m string) bool { return slices.Contains(left, m) }
	o.Parties = slices.DeleteFunc(slices.Clone(t.Parties), gone)
	o.Users = slices.DeleteFunc(slices.Clone(t.Users), func(p policy.Party) bool { return gone(p.Member) })
	o.Entries = slices.DeleteFunc(slices.Clone(t.Entries), func(e Entry) bool { return gone(e.Member) })
	return &o
}

// State is how far a scheme is at this node.
type State string

// The states.
const (
	Draft    State = "DRAFT"    // waits for the head of the owner's office
	Proposed State = "PROPOSED" // a zone's first version waits for its parties
	InForce  State = "IN_FORCE"
	Left     State = "LEFT"  // this member left
	Ended    State = "ENDED" // closed by its owner, or never came about
)

// Consented is one member's consent to a version.
type Consented struct {
	Member string    `json:"member"`
	Time   time.Time `json:"time"`
	Left   bool      `json:"left,omitempty"` // it has left since: its consent counts, and it is out of what comes of it
}

// Proposal is a version that waits for consents.
type Proposal struct {
	Text     Text        `json:"text"`
	Hash     string      `json:"hash"`
	By       string      `json:"by"` // member
	Consents []Consented `json:"consents"`
}

// Scheme is this node's record.
type Scheme struct {
	ID       string    `json:"id"`
	State    State     `json:"state"`
	Text     Text      `json:"text"` // in force, or the draft
	Hash     string    `json:"hash,omitempty"`
	Proposal *Proposal `json:"proposal,omitempty"`
	// Others are versions proposed by members that had not heard of the proposal. No more than one of a number comes into
	// force, because no member consents to two; when the proposal is off the table the next one takes its place.
	Others  []Proposal `json:"others,omitempty"`
	Left    []string   `json:"left,omitempty"`   // members that left since the version in force
	Joined  []Joined   `json:"joined,omitempty"` // own entries with a standing consent
	Officer string     `json:"officer,omitempty"`
	Created time.Time  `json:"created"`
	Updated time.Time  `json:"updated"`
}

// Joined is an own entry whose department gave a standing consent for it.
type Joined struct {
	Entry      string `json:"entry"` // its mark
	Department string `json:"department"`
	Head       string `json:"head"`
}

// Current is the list as it stands.
func (x *Scheme) Current() *Text { return x.Text.without(x.Left) }

// waitsFor are the members whose consent the version still needs.
func (p *Proposal) waitsFor() []string {
	if p == nil {
		return nil
	}
	return slices.DeleteFunc(p.Text.needs(), p.consented)
}

func (p *Proposal) consented(member string) bool {
	return p != nil && slices.ContainsFunc(p.Consents, func(c Consented) bool { return c.Member == member })
}

// left notes that a member left after it consented.
func (p *Proposal) left(member string) {
	if p == nil {
		return
	}
	for i := range p.Consents {
		p.Consents[i].Left = p.Consents[i].Left || p.Consents[i].Member == member
	}
}

// proposals are all that wait here.
func (x *Scheme) proposals() []Proposal {
	if x.Proposal == nil {
		return nil
	}
	return append([]Proposal{*x.Proposal}, x.Others...)
}

// table puts a proposal on the table, behind one that lies there.
func (x *Scheme) table(p Proposal) {
	if x.Proposal != nil {
		x.Others = append(x.Others, p)
		return
	}
	x.Proposal = &p
	if x.State != InForce {
		x.State, x.Text = Proposed, p.Text
	}
}

// drop takes a proposal off the table; the next one takes its place.
func (x *Scheme) drop(hash string) {
	left := slices.DeleteFunc(x.proposals(), func(p Proposal) bool { return p.Hash == hash })
	x.Proposal, x.Others = nil, nil
	for _, p := range left {
		x.table(p)
	}
	if x.State == Proposed && x.Proposal == nil {
		x.State = Ended
	}
}

// Enrolment is a department that uses a scheme: what it stated once for every application made under it.
type Enrolment struct {
	Scheme     string       `json:"scheme"`
	Department string       `json:"department"`
	Basis      policy.Basis `json:"basis"`
	Scenario   string       `json:"scenario"`
	Officer    string       `json:"officer"`
	Head       string       `json:"head,omitempty"` // who consented; empty: waits for it
	Applied    []Applied    `json:"applied,omitempty"`
	Created    time.Time    `json:"created"`
}

// Applied is an application made for an entry.
type Applied struct {
	Entry       string `json:"entry"` // member/resource
	Application string `json:"application"`
	Over        bool   `json:"over,omitempty"` // the entry left the list
}
