package catalog

import (
	"context"
	"embed"

	"github.com/kuayu/kuayu/internal/clock"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/ids"
	"github.com/kuayu/kuayu/support/deadline"
	"github.com/kuayu/kuayu/support/evidence"
	"github.com/kuayu/kuayu/support/process"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrate creates the tables of what is in force, its versions and mounts; where entries stand is the kernel's.
func Migrate(ctx context.Context, d *db.DB) error {
	return d.Migrate(ctx, "catalog", migrations, "migrations")
}

// Service is the service of the catalogue.
type Service struct {
	cases    *process.Engine
	kind     *process.Kind[Dossier]
	db       *db.DB
	clock    clock.Clock
	ids      ids.Source
	outbox   *evidence.Outbox
	clocks   *deadline.Service
	self     string
	observer Observer // nil: nobody
}

// NewService adds entries to the node's kinds of case.
func NewService(e *process.Engine) *Service {
	s := &Service{cases: e, db: e.DB, clock: e.Clock, ids: e.IDs, outbox: e.Outbox, clocks: e.Clocks, self: e.Self}
	s.kind = process.Open(e, Process(), s.hooks())
	return s
}
