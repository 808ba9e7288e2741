package federation

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/support/seal"
)

// Change is what a proposal asks for.
type Change struct {
	Reason     string           `json:"reason"`
	Join       *Member          `json:"join,omitempty"`
	State      *SignedStatement `json:"statement,omitempty"` // of the newcomer, or under the new root key
	Remove     string           `json:"remove,omitempty"`    // member id
	Voter      *bool            `json:"voter,omitempty"`     // with join; the right of who is a member already stays as it is
	Quorum     int              `json:"quorum,omitempty"`
	ValidUntil time.Time        `json:"valid_until,omitzero"` // renews the constitution
	// Compromised retires the root key of a member, as of a time, and gives its new one.
	Compromised *Compromise `json:"compromised,omitempty"`
}

// JoinRequest is the file with which a newcomer asks to join: who it is, and what it says of itself, signed.
type JoinRequest struct {
	Member    Member           `json:"member"`
	Statement *SignedStatement `json:"statement"`
}

// Compromise replaces a member's root key.
type Compromise struct {
	Member string         `json:"member"`
	Since  time.Time      `json:"since"`
	NewKey seal.PublicKey `json:"new_key"`
}

// Bounds of a change.
const (
	maxReason = 500 // characters
	maxYears  = 10  // for which a constitution may be renewed
)

// Draft is the next version of the constitution, in which a change is made; nothing is kept. ErrChange says by field what
// is wrong with the change.
func (s *Service) Draft(ctx context.Context, c Change) (*Constitution, error) {
	cur, now := s.dir.Current(), s.clock.Now()
	if m := cur.Member(s.self); m == nil || !m.Voter {
		return nil, ErrNotVoter.With()
	}
	if now.After(cur.ValidUntil) && c.Join != nil {
		return nil, ErrExpired.With()
	}
	if err := c.check(cur, now); err != nil {
		return nil, err
	}
	next := *cur
	next.Members = append([]Member(nil), cur.Members...)
	next.Number, next.Ballot = cur.Number+1, 1
	chain := s.dir.Chain()
	next.Previous = Hash(chain[len(chain)-1].Document)
	next.ValidFrom = now
	if !next.ValidUntil.After(now) {
		next.ValidUntil = now.AddDate(1, 0, 0)
	}
	if err := c.apply(&next); err != nil {
		return nil, err
	}
	had, err := votedFor(ctx, s.db.Read(), next.Number)
	if err == nil && had != "" {
		err = ErrVoted.With(next.Number)
	}
	return &next, err
}

// check lists everything that is wrong with the change as such, at once.
func (c *Change) check(cur *Constitution, now time.Time) error {
	var f []errs.Field
	need := func(ok bool, name, zh, en string) {
		if !ok {
			f = append(f, errs.Field{Name: name, Zh: zh, En: en})
		}
	}
	need(strings.TrimSpace(c.Reason) != "" && utf8.RuneCountInString(c.Reason) <= maxReason, "reason", "请写明理由，不超过 500 字", "give the reason, in at most 500 characters")
	need(c.Join != nil || c.Remove != "" || c.Quorum != 0 || !c.ValidUntil.IsZero() || c.Compromised != nil, "change", "请写明要变更什么：成员加入或退出、法定票数、有效期、根密钥", "say what changes: who joins or leaves, the quorum, the validity, a root key")
	if m := c.Join; m != nil {
		need(m.wellFormed(), "join", "文件中的成员编号、名称或行政区划代码不合格，请新成员更正配置后重新生成文件", "the file's member id, name or division code is malformed: the newcomer corrects its configuration and makes the file anew")
		need(cur.Member(m.ID) == nil, "join", "文件中的成员编号已是联盟成员，不必再加入；若是另一政府，请其换一个编号后重新生成文件", "the file's member id belongs to a member already; another government chooses another id and makes the file anew")
		need(len(m.Retired) == 0 && !cur.hadKey(m.RootKey), "join", "文件中的根密钥已由其他成员使用，或文件另有不应有的内容；请新成员重新生成文件", "the file's root key is another member's, or the file says more than it should: the newcomer makes it anew")
		need(c.State == nil || c.State.by(m), "join", "文件中的声明不是由文件中的根密钥签名，或内容不完整、被改动过；请新成员重新生成文件，原样交来", "the file's statement is not signed by the file's root key, or is incomplete or changed: the newcomer makes the file anew and hands it over as it is")
	}
	if x := c.Compromised; x != nil {
		m := cur.Member(x.Member)
		need(c.Join == nil, "compromised", "新成员加入与更换根密钥须分两次提出", "joining and a new root key are two proposals")
		need(m != nil, "compromised", "文件中的成员编号不是联盟成员，请核对文件", "the file's member id is no member: check the file")
		need(!x.Since.IsZero() && !x.Since.After(now), "compromised", "失密时间须写明，且不晚于现在", "say since when the old key is not trusted; not in the future")
		need(c.State != nil && c.State.by(&Member{ID: x.Member, RootKey: x.NewKey}), "compromised", "文件中的声明不是由新的根密钥签名，或内容不完整；请该成员重新运行 kuayu rekey request", "the file's statement is not signed by the new root key, or is incomplete: the member runs kuayu rekey request again")
		need(!cur.hadKey(x.NewKey), "compromised", "新的根密钥是成员用过的；请该成员重新运行 kuayu rekey request", "a member has used this root key before: the member runs kuayu rekey request again")
		need(m == nil || len(m.Retired) < maxRetired, "compromised", "该成员更换根密钥的次数过多", "the member has changed its root key too often")
	}
	if t := c.ValidUntil; !t.IsZero() {
		need(t.After(now), "valid_until", "有效期须晚于今天，请换一个日期", "the end must be in the future: choose another day")
		need(t.After(cur.ValidUntil), "valid_until", "新的有效期须晚于现行有效期，请换一个日期", "the new end must be later than the present one: choose another day")
		need(t.Before(now.AddDate(maxYears, 0, 1)), "valid_until", "有效期最长十年，请换一个较早的日期", "ten years at most: choose an earlier day")
	}
	if len(f) > 0 {
		return ErrChange.With().WithFields(f...)
	}
	return nil
}

// hadKey reports whether a root key is, or was, a member's.
func (c *Constitution) hadKey(k seal.PublicKey) bool {
	return slices.ContainsFunc(c.Members, func(m Member) bool { return m.had(k) })
}

// had reports whether a root key is, or was, the member's.
func (m *Member) had(k seal.PublicKey) bool {
	return m.RootKey.Equal(k) || slices.ContainsFunc(m.Retired, func(r RetiredKey) bool { return r.Key.Equal(k) })
}

// by reports whether a member signed the statement, about itself.
func (s *SignedStatement) by(m *Member) bool {
	st, err := s.Verify(m.RootKey)
	return err == nil && st.Member == m.ID
}

// apply makes the change in the version that is drafted.
func (c *Change) apply(n *Constitution) error {
	if c.Join != nil {
		m := *c.Join
		m.Voter = c.Voter != nil && *c.Voter // a newcomer's own file does not decide it
		n.Members = append(n.Members, m)
	}
	if c.Remove != "" {
		kept := n.Members[:0:0]
		for _, m := range n.Members {
			if m.ID != c.Remove {
				kept = append(kept, m)
			}
		}
		if len(kept) == len(n.Members) {
			return ErrNotMember.With(c.Remove)
		}
		n.Members = kept
	}
	if c.Compromised != nil {
		m := n.Member(c.Compromised.Member)
		if m == nil {
			return ErrNotMember.With(c.Compromised.Member)
		}
		m.Retired = append(slices.Clone(m.Retired), RetiredKey{Key: m.RootKey, Since: c.Compromised.Since.UTC()})
		m.RootKey = c.Compromised.NewKey
	}
	if !c.ValidUntil.IsZero() {
		n.ValidUntil = c.ValidUntil
	}
	return c.applyQuorum(n)
}

// applyQuorum sets the quorum that is asked for; without one it stays, unless it no longer fits the voters.
func (c *Change) applyQuorum(n *Constitution) error {
	v := n.Voters()
	fits := func(q int) bool { return q <= v && 2*q > v }
	switch {
	case v == 0:
		return ErrChange.With().WithFields(errs.Field{Name: "remove", Zh: "至少须留一个有表决权的成员，请另选成员", En: "a member that votes must stay: choose another member"})
	case c.Quorum != 0 && !fits(c.Quorum):
		return ErrChange.With().WithFields(errs.Field{
			Name: "quorum", Zh: fmt.Sprintf("法定票数须过半且不超过表决成员数，请填写 %d 至 %d 之间的整数", v/2+1, v), En: fmt.Sprintf("more than half of the voters and no more than all: a whole number from %d to %d", v/2+1, v),
		})
	case c.Quorum != 0:
		n.Quorum = c.Quorum
	case !fits(n.Quorum):
		n.Quorum = v/2 + 1
	}
	return nil
}
