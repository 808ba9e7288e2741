package node

import (
	"context"

	"github.com/kuayu/kuayu/internal/db"
)

// namer tells notices what codes stand for: names of members by the constitution, names of entries by this node's own
// catalogue or its copy of the others'.
type namer struct{ n *Node }

// Member implements notice.Namer.
func (x namer) Member(id string) (zh, en string) {
	if m, err := x.n.Directory.Member(id); err == nil {
		return m.Name, m.NameEN
	}
	return id, id
}

// Resource implements notice.Namer.
func (x namer) Resource(ctx context.Context, tx *db.Tx, member, code string) (zh, en string) {
	if r, err := x.n.Catalog.GetTx(ctx, tx, db.System("notice"), code); err == nil {
		return r.Name, r.Name
	}
	if e, err := x.n.Search.Entry(ctx, member, code); err == nil {
		return e.Name, e.Name
	}
	return "数据资源（编码 " + code + "）", "resource (code " + code + ")" // not read yet, or withdrawn
}
