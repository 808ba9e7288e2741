package catalog

import (
	"context"
	"embed"

	"github.com/kuayu/kuayu/internal/clock"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/ids"
	"github.com/kuayu/kuayu/support/deadline"
	"github.com/kuayu/kuayu/support/evidence"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/notice"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrate creates the room's tables.
func Migrate(ctx context.Context, d *db.DB) error {
	return d.Migrate(ctx, "catalog", migrations, "migrations")
}

// Board is where notices are put. notice.Service is one.
type Board interface {
	Put(ctx context.Context, tx *db.Tx, sc db.Scope, n notice.Notice, p notice.Params) error
}

// Offices tells which departments the node has. identity.Service is one.
type Offices interface {
	Departments(ctx context.Context) ([]identity.Department, error)
}

// Deps are what the room needs.
type Deps struct {
	DB      *db.DB
	Clock   clock.Clock
	IDs     ids.Source
	Outbox  *evidence.Outbox
	Clocks  *deadline.Service // nil: no clock runs
	Board   Board             // nil: nobody is told
	Offices Offices           // who hears of a publication (Decree 809 art. 16)
	Self    string            // this member
}

// Service is the room.
type Service struct {
	db      *db.DB
	clock   clock.Clock
	ids     ids.Source
	outbox  *evidence.Outbox
	clocks  *deadline.Service
	board   Board
	offices Offices
	self    string
	watcher Watcher // nil: nobody
}

// NewService wires the room.
func NewService(d Deps) *Service {
	return &Service{db: d.DB, clock: d.Clock, ids: d.IDs, outbox: d.Outbox, clocks: d.Clocks, board: d.Board, offices: d.Offices, self: d.Self}
}
