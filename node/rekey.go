package node

import (
	"path/filepath"
	"time"

	"github.com/kuayu/kuayu/internal/disk"
	"github.com/kuayu/kuayu/support/federation"
)

// PrepareRekey makes new keys for a member whose keys were lost, and the request that a voter proposes. The node goes on
// with the old ones until AcceptRekey.
func (n *Node) PrepareRekey(now, since time.Time) (*federation.RekeyRequest, error) {
	epoch := Epoch(n.Dir) + 1
	next, err := n.Keys.PrepareRekey(filepath.Join(n.Dir, "keys"), n.Config.Member, epoch, now, since)
	if err != nil {
		return nil, err
	}
	as := &Node{Config: n.Config, Dir: n.Dir, Keys: next}
	st, err := as.statement(epoch)
	if err != nil {
		return nil, err
	}
	st.Format, st.Member, st.Sequence, st.Issued = federation.FormatVersion, n.Config.Member, int(now.Unix()), now
	signed, err := federation.SignStatement(st, next.Root)
	if err != nil {
		return nil, err
	}
	return &federation.RekeyRequest{Member: n.Config.Member, NewKey: next.Root.Public(), Since: since.UTC(), Statement: signed}, nil
}

// AcceptRekey puts new keys in force that a constitution names, and begins an epoch with them. The node is stopped.
func AcceptRekey(dir string, c *federation.Constitution, member string) error {
	root, epoch, err := federation.NextRoot(filepath.Join(dir, "keys"))
	if err != nil {
		return err
	}
	if m := c.Member(member); m == nil || !m.RootKey.Equal(root) {
		return ErrRekey.With()
	}
	if Epoch(dir) >= epoch {
		return ErrRekeyed.With() // an epoch was begun meanwhile
	}
	return takeKeys(dir)
}

// ResumeRekey ends what AcceptRekey began and did not end; false if it began nothing.
func ResumeRekey(dir string) (bool, error) {
	if !federation.Taking(filepath.Join(dir, "keys")) {
		return false, nil
	}
	return true, takeKeys(dir)
}

func takeKeys(dir string) error {
	return federation.TakeNext(filepath.Join(dir, "keys"), func(epoch uint32) error {
		if err := (disk.OS{}).MkdirAll(EvidenceDir(dir, epoch)); err != nil {
			return err
		}
		return (disk.OS{}).SyncDir(filepath.Dir(EvidenceDir(dir, epoch)))
	})
}
