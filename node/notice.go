package node

import (
	"context"
	"strconv"
	"strings"

	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/support/deadline"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/notice"
)

// notifier puts what the law's clocks announce into the inboxes of this node. It stands here because neither package knows the
// other.
type notifier struct {
	board *notice.Service
	self  string
}

// kindOf is the notice of an announcement.
func kindOf(k deadline.Kind) notice.Kind {
	switch k {
	case deadline.Half:
		return notice.DeadlineHalf
	case deadline.Eve:
		return notice.DeadlineEve
	case deadline.Today:
		return notice.DeadlineToday
	case deadline.RanOut:
		return notice.DeadlineOverdue
	case deadline.Extended:
		return notice.DeadlineExtended
	case deadline.KeptTo:
		return notice.DeadlineKept
	case deadline.Reminded:
		return notice.DeadlineReminded
	}
	return notice.Kind(k)
}

// Notify implements deadline.Notifier. Both ends keep a matter's clocks: each tells its own department, and the provider's
// end its authority.
func (t notifier) Notify(ctx context.Context, tx *db.Tx, n deadline.Notice) error {
	if n.Party.Member != t.self {
		return nil
	}
	k := &n.Clock
	x := notice.Notice{Kind: kindOf(n.Kind), Subject: k.Subject, Department: n.Party.Department, Roles: []identity.Role{identity.DataOfficer}}
	switch {
	case n.To == deadline.Authority:
		x.Department, x.Roles = "", []identity.Role{identity.Authority}
	case n.Party.Department != k.Department: // both parties are here: the clock of the party's own record tells it
		return nil
	case n.Kind == deadline.RanOut || n.Kind == deadline.Reminded:
		x.Roles = append(x.Roles, identity.OfficeHead)
	}
	p := notice.Params{Until: k.DueDay(), Text: n.Text, Zh: string(k.Clock), En: string(k.Clock)}
	if r, err := deadline.RuleOf(k.Clock); err == nil {
		p.Zh, p.En = r.Zh, r.En
	}
	return t.board.Put(ctx, tx, db.System("deadline"), x, p)
}

// Proposed implements federation.Notifier: the authority votes.
func (t notifier) Proposed(ctx context.Context, tx *db.Tx, from, hash, reason string) error {
	x := notice.Notice{Kind: notice.MembershipProposed, Subject: "constitution/" + hash, Roles: []identity.Role{identity.Authority}}
	return t.board.Put(ctx, tx, db.System("federation"), x, notice.Params{Member: from, Text: strings.TrimRight(reason, "。.")})
}

// Adopted implements federation.Notifier.
func (t notifier) Adopted(ctx context.Context, tx *db.Tx, number int) error {
	n := strconv.Itoa(number)
	x := notice.Notice{Kind: notice.MembershipChanged, Subject: "constitution/" + n, Roles: []identity.Role{identity.Authority, identity.Operator}}
	return t.board.Put(ctx, tx, db.System("federation"), x, notice.Params{Text: n})
}
