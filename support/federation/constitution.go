package federation

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/kuayu/kuayu/internal/httpx"
	"github.com/kuayu/kuayu/support/seal"
)

// FormatVersion is the version of constitution and statement documents.
const FormatVersion = 1

// Bounds of foreign documents.
const (
	MaxDocument = 1 << 20
	MaxMembers  = 4096
	MaxChain    = 10_000
)

// Member is one member as the constitution names it.
type Member struct {
	ID       string         `json:"id"`      // short and stable: also the SPIFFE trust domain
	Name     string         `json:"name"`    // 上海市
	NameEN   string         `json:"name_en"` // Shanghai
	Division string         `json:"division"`
	RootKey  seal.PublicKey `json:"root_key"`
	Voter    bool           `json:"voter"`
	// Retired are root keys that the member lost.
	Retired []RetiredKey `json:"retired,omitempty"`
}

// wellFormed reports whether an entry can stand in a constitution.
func (m *Member) wellFormed() bool {
	return memberID().MatchString(m.ID) && m.Name != "" && len(m.Division) == 6
}

// Fingerprint is what people compare, over another way, before they trust a root key.
func (m *Member) Fingerprint() string {
	const bytes, group = 16, 4
	p := m.RootKey.Print(bytes)
	var out []string
	for ; p != ""; p = p[group:] {
		out = append(out, p[:group])
	}
	return strings.Join(out, " ")
}

// Constitution is one version of the document that founds the federation.
type Constitution struct {
	Format     int       `json:"format"`
	Federation string    `json:"federation"`
	Number     int       `json:"number"`             // 1, 2, 3 …
	Previous   string    `json:"previous,omitempty"` // hex hash of the bytes of the version before
	Ballot     int       `json:"ballot"`             // which attempt at this version
	ValidFrom  time.Time `json:"valid_from"`
	ValidUntil time.Time `json:"valid_until"`
	Quorum     int       `json:"quorum"`
	Members    []Member  `json:"members"`
}

// Member returns the member with the id, nil if there is none.
func (c *Constitution) Member(id string) *Member {
	for i := range c.Members {
		if c.Members[i].ID == id {
			return &c.Members[i]
		}
	}
	return nil
}

// Voters counts the voters.
func (c *Constitution) Voters() int {
	n := 0
	for i := range c.Members {
		if c.Members[i].Voter {
			n++
		}
	}
	return n
}

// Signature is one voter's signature over the exact bytes of a document.
type Signature struct {
	Member string `json:"member"`
	Sig    []byte `json:"sig"`
}

// Signed is a document's exact bytes with signatures.
type Signed struct {
	Document   []byte      `json:"document"`
	Signatures []Signature `json:"signatures"`
}

// Hash identifies a document: SHA-256 over its exact bytes with a tag.
func Hash(document []byte) string {
	h := seal.Ed25519SHA256.Object(document)
	return hex.EncodeToString(h[:])
}

const constitutionTag, statementTag = "kuayu-constitution/1\n", "kuayu-statement/1\n"

// Sign adds the member's signature, replacing an earlier one of the same member.
func (s *Signed) Sign(member string, root *seal.PrivateKey) error {
	sig, err := root.Sign(append([]byte(constitutionTag), s.Document...))
	if err != nil {
		return err
	}
	s.Add(Signature{Member: member, Sig: sig})
	return nil
}

// Add adds a signature, replacing an earlier one of the same member.
func (s *Signed) Add(sig Signature) {
	for i := range s.Signatures {
		if s.Signatures[i].Member == sig.Member {
			s.Signatures[i] = sig
			return
		}
	}
	s.Signatures = append(s.Signatures, sig)
	sort.Slice(s.Signatures, func(i, j int) bool { return s.Signatures[i].Member < s.Signatures[j].Member })
}

// drop takes a member's signature away.
func (s *Signed) drop(member string) {
	s.Signatures = slices.DeleteFunc(s.Signatures, func(sig Signature) bool { return sig.Member == member })
}

// has reports whether a member's valid signature is there.
func (s *Signed) has(m *Member) bool {
	msg := append([]byte(constitutionTag), s.Document...)
	return slices.ContainsFunc(s.Signatures, func(sig Signature) bool { return sig.Member == m.ID && m.RootKey.Verify(msg, sig.Sig) })
}

// memberID returns the pattern of member identifiers: they become SPIFFE trust domains.
func memberID() *regexp.Regexp { return memberIDs }

var memberIDs = regexp.MustCompile(`^[a-z][a-z0-9-]{0,62}$`)

// ParseConstitution decodes and checks the exact bytes of one version, without its signatures.
func ParseConstitution(b []byte) (*Constitution, error) {
	if len(b) > MaxDocument {
		return nil, ErrConstitution.With("over 1 MiB", "超过 1 MiB")
	}
	var c Constitution
	if err := httpx.Unmarshal(b, &c); err != nil {
		return nil, err
	}
	bad := func(en, zh string) error { return ErrConstitution.With(en, zh) }
	switch {
	case c.Format != FormatVersion:
		return nil, bad("unknown format version", "格式版本未知")
	case c.Number < 1 || c.Ballot < 1 || c.Federation == "":
		return nil, bad("number, ballot or name missing", "缺少版本号、轮次或名称")
	case (c.Number == 1) != (c.Previous == ""):
		return nil, bad("predecessor does not fit the number", "前一版与版本号不符")
	case !c.ValidUntil.After(c.ValidFrom):
		return nil, bad("it ends before it begins", "有效期终止早于开始")
	case len(c.Members) == 0 || len(c.Members) > MaxMembers:
		return nil, bad("number of members out of range", "成员数量超出范围")
	}
	seen := map[string]bool{}
	for i := range c.Members {
		m := &c.Members[i]
		if !m.wellFormed() || seen[m.ID] {
			return nil, bad(fmt.Sprintf("member %d is malformed or listed twice", i+1), fmt.Sprintf("第 %d 个成员不合格或重复", i+1))
		}
		seen[m.ID] = true
		if _, err := seal.ParsePublicKey(m.RootKey.String()); err != nil {
			return nil, err
		}
	}
	if v := c.Voters(); c.Quorum < 1 || c.Quorum > v || 2*c.Quorum <= v {
		return nil, bad("the quorum must be more than half of the voters and no more than all", "法定票数必须过半且不超过表决成员数")
	}
	return &c, nil
}

// Encode writes a constitution's bytes, once; from then on only these bytes count.
func (c *Constitution) Encode() ([]byte, error) {
	b, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("encode constitution: %w", err)
	}
	if _, err := ParseConstitution(b); err != nil {
		return nil, err
	}
	return b, nil
}

// Chain is all versions, oldest first.
type Chain []Signed

// VerifyChain checks every version of a chain: decoding, numbering, hashes, and a quorum of the voters of the version
// before (of the first version itself for the first). genesis, if not empty, is the hash the first version must have:
// that hash is what a newcomer is told over another way and trusts.
func VerifyChain(chain Chain, genesis string) ([]*Constitution, error) {
	if len(chain) == 0 || len(chain) > MaxChain {
		return nil, ErrConstitution.With("the chain is empty or too long", "章程链为空或过长")
	}
	if genesis != "" && Hash(chain[0].Document) != genesis {
		return nil, ErrConstitution.With("the first version is not the one trusted here", "第一版不是本节点所信任的那一份")
	}
	out := make([]*Constitution, 0, len(chain))
	previous := ""
	for i := range chain {
		c, err := ParseConstitution(chain[i].Document)
		if err != nil {
			return nil, err
		}
		electorate := c
		if i > 0 {
			electorate = out[i-1]
			if c.Previous != previous || c.Federation != electorate.Federation {
				return nil, ErrConstitution.With(fmt.Sprintf("version %d does not follow version %d", i+1, i), fmt.Sprintf("第 %d 版不是第 %d 版的后继", i+1, i))
			}
		}
		if c.Number != i+1 {
			return nil, ErrConstitution.With("numbers are not consecutive", "版本号不连续")
		}
		if n := ValidVotes(electorate, &chain[i]); n < electorate.Quorum {
			return nil, ErrQuorum.With(c.Number, n, electorate.Quorum)
		}
		out, previous = append(out, c), Hash(chain[i].Document)
	}
	return out, nil
}

// ValidVotes counts the valid signatures of distinct voters of the electorate.
func ValidVotes(electorate *Constitution, s *Signed) int { return len(Approvers(electorate, s)) }

// Approvers are the voters of the electorate whose signatures are valid.
func Approvers(electorate *Constitution, s *Signed) []string {
	msg := append([]byte(constitutionTag), s.Document...)
	seen := map[string]bool{}
	var out []string
	for _, sig := range s.Signatures {
		m := electorate.Member(sig.Member)
		if m == nil || !m.Voter || seen[m.ID] {
			continue
		}
		if m.RootKey.Verify(msg, sig.Sig) {
			seen[m.ID], out = true, append(out, m.ID)
		}
	}
	return out
}

// Offence is the proof that a voter signed two documents of one version.
type Offence struct {
	Member string `json:"member"`
	A, B   Signed
}

// FindOffence compares two documents of one version and names a voter who validly signed both.
func FindOffence(electorate *Constitution, a, b Signed) *Offence {
	if bytes.Equal(a.Document, b.Document) {
		return nil
	}
	ca, errA := ParseConstitution(a.Document)
	cb, errB := ParseConstitution(b.Document)
	if errA != nil || errB != nil || ca.Number != cb.Number {
		return nil
	}
	for _, sa := range a.Signatures {
		for _, sb := range b.Signatures {
			if sa.Member != sb.Member {
				continue
			}
			one, two := Signed{Document: a.Document, Signatures: []Signature{sa}}, Signed{Document: b.Document, Signatures: []Signature{sb}}
			if ValidVotes(electorate, &one) == 1 && ValidVotes(electorate, &two) == 1 {
				return &Offence{Member: sa.Member, A: one, B: two}
			}
		}
	}
	return nil
}
