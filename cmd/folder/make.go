package folder

import (
	"context"
	"os"
	"path/filepath"
	"time"

	"github.com/kuayu/kuayu/cmd/cli"
	"github.com/kuayu/kuayu/node"
	"github.com/kuayu/kuayu/support/federation"
	"github.com/kuayu/kuayu/support/identity"
)

// Make makes a node with its first department, an operator and an authority, and founds a federation with it if that has
// a name. What can be refused is refused before the first file is written; half a node is removed, for it would refuse
// the next attempt. It returns the hash of the first constitution, "" without one.
func Make(ctx context.Context, dir string, conf node.Config, dept identity.Department, federationName string, now time.Time) (genesis string, err error) {
	if err := conf.Check(); err != nil {
		return "", err
	}
	if err := dept.Check(); err != nil {
		return "", err
	}
	if _, err := os.Stat(filepath.Join(dir, node.ConfigFile)); err == nil {
		return "", federation.ErrExists.With()
	}
	if err := PortsFree(&conf); err != nil {
		return "", err
	}
	left, err := os.ReadDir(dir)
	fresh := err != nil || len(left) == 0
	if _, err := node.Init(dir, conf, now); err != nil {
		return "", err
	}
	defer func() {
		if err != nil && fresh {
			undo(dir)
		}
	}()
	n, err := Open(ctx, dir, true)
	if err != nil {
		return "", err
	}
	defer func() { _ = n.Close() }()
	if err := people(ctx, n, dept); err != nil {
		return "", err
	}
	if federationName == "" {
		return "", nil
	}
	return found(ctx, n, federationName, now)
}

// people adds the department with the two officers without whom nobody else can be added; their keys are written.
func people(ctx context.Context, n *node.Node, dept identity.Department) error {
	if err := n.Identity.AddDepartment(ctx, dept); err != nil {
		return err
	}
	for _, p := range []identity.Actor{
		{ID: "operator", Name: "运维人员", Roles: []identity.Role{identity.Operator}},
		{ID: "authority", Name: "主管部门", Roles: []identity.Role{identity.Authority}},
	} {
		var err error
		p.Kind, p.Department = "officer", dept.ID
		if p.PublicKey, err = cli.NewKey(cli.OfficerKey(n.Dir, p.ID)); err != nil {
			return err
		}
		if err := n.Identity.AddActor(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// found writes the first constitution with this node as its only voter, and accepts the node's own statement.
func found(ctx context.Context, n *node.Node, name string, now time.Time) (string, error) {
	con := federation.Constitution{
		Format: federation.FormatVersion, Federation: name, Number: 1, Ballot: 1, ValidFrom: now, ValidUntil: now.AddDate(1, 0, 0),
		Quorum: 1, Members: []federation.Member{n.MemberEntry(true)},
	}
	doc, err := con.Encode()
	if err != nil {
		return "", err
	}
	signed := federation.Signed{Document: doc}
	if err := signed.Sign(n.Config.Member, n.Keys.Root); err != nil {
		return "", err
	}
	st, err := n.FirstStatement(now)
	if err != nil {
		return "", err
	}
	genesis := federation.Hash(doc)
	if err := n.Federation.Adopt(ctx, federation.Chain{signed}, genesis); err != nil {
		return "", err
	}
	return genesis, n.Federation.AcceptStatement(ctx, st)
}

func undo(dir string) {
	for _, name := range []string{node.ConfigFile, "keys", "officers", "evidence", "lock", "records.db", "records.db-wal", "records.db-shm", "index.db", "index.db-wal", "index.db-shm"} {
		_ = os.RemoveAll(filepath.Join(dir, name))
	}
}
