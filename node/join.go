package node

import (
	"time"

	"github.com/kuayu/kuayu/support/federation"
)

// FirstStatement is what a node that no federation knows yet says of itself, signed.
func (n *Node) FirstStatement(now time.Time) (*federation.SignedStatement, error) {
	st, err := n.Statement()
	if err != nil {
		return nil, err
	}
	st.Format, st.Member, st.Sequence, st.Issued = federation.FormatVersion, n.Config.Member, 1, now
	return federation.SignStatement(st, n.Keys.Root)
}

// JoinRequest is the file with which a node asks to join a federation. Configuration and keys are enough to write it.
func (n *Node) JoinRequest(now time.Time) (*federation.JoinRequest, error) {
	st, err := n.FirstStatement(now)
	if err != nil {
		return nil, err
	}
	return &federation.JoinRequest{Member: n.MemberEntry(false), Statement: st}, nil
}
