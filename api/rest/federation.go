package rest

import (
	"net/http"
	"time"

	"github.com/kuayu/kuayu/internal/httpx"
	"github.com/kuayu/kuayu/support/federation"
	"github.com/kuayu/kuayu/support/seal"
)

// Compromise replaces a member's root key.
type Compromise struct {
	Member string         `json:"member"`
	Since  time.Time      `json:"since"`
	NewKey seal.PublicKey `json:"new_key"`
}

func writeErr(w http.ResponseWriter, c call, err error) { httpx.WriteError(w, c.r, err) }

func (a *API) propose(c call, in *ProposalRequest) (*federation.Proposal, error) {
	return a.Federation.Propose(c.ctx, in.Reason, in.State, func(n *federation.Constitution) error {
		if in.Join != nil {
			if n.Member(in.Join.ID) != nil {
				return federation.ErrConstitution.With("already a member", "已是成员")
			}
			m := *in.Join
			if in.State != nil {
				if _, err := in.State.Verify(m.RootKey); err != nil {
					return err
				}
			}
			n.Members = append(n.Members, m)
		}
		if in.Remove != "" {
			kept := n.Members[:0:0]
			for _, m := range n.Members {
				if m.ID != in.Remove {
					kept = append(kept, m)
				}
			}
			if len(kept) == len(n.Members) {
				return federation.ErrNotMember.With(in.Remove)
			}
			n.Members = kept
		}
		if in.Compromised != nil {
			m := n.Member(in.Compromised.Member)
			if m == nil {
				return federation.ErrNotMember.With(in.Compromised.Member)
			}
			m.RootKey = in.Compromised.NewKey
		}
		if in.Quorum > 0 {
			n.Quorum = in.Quorum
		} else if v := n.Voters(); n.Quorum > v || 2*n.Quorum <= v {
			n.Quorum = v/2 + 1
		}
		return nil
	})
}
