package federation

import (
	"context"
	"time"

	"github.com/kuayu/kuayu/support/seal"
)

// Change is what a proposal asks for.
type Change struct {
	Reason string           `json:"reason"`
	Join   *Member          `json:"join,omitempty"`
	State  *SignedStatement `json:"statement,omitempty"` // of the newcomer
	Remove string           `json:"remove,omitempty"`    // member id
	Voter  *bool            `json:"voter,omitempty"`     // with join
	Quorum int              `json:"quorum,omitempty"`
	// Compromised marks the root key of a member as compromised since a time and gives its new key.
	Compromised *Compromise `json:"compromised,omitempty"`
}

// Compromise replaces a member's root key.
type Compromise struct {
	Member string         `json:"member"`
	Since  time.Time      `json:"since"`
	NewKey seal.PublicKey `json:"new_key"`
}

// ProposeChange proposes the version of the constitution in which a change is made.
func (s *Service) ProposeChange(ctx context.Context, c Change) (*Proposal, error) {
	return s.Propose(ctx, c.Reason, c.State, c.apply)
}

func (c *Change) apply(n *Constitution) error {
	if c.Join != nil {
		if n.Member(c.Join.ID) != nil {
			return ErrConstitution.With("already a member", "已是成员")
		}
		if c.State != nil {
			if _, err := c.State.Verify(c.Join.RootKey); err != nil {
				return err
			}
		}
		n.Members = append(n.Members, *c.Join)
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
		m.RootKey = c.Compromised.NewKey
	}
	if c.Quorum > 0 {
		n.Quorum = c.Quorum
	} else if v := n.Voters(); n.Quorum > v || 2*n.Quorum <= v {
		n.Quorum = v/2 + 1
	}
	return nil
}
