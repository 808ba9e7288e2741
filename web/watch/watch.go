package watch

import (
	"context"
	"net/http"
	"time"

	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/exchange/gateway"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/support/evidence"
	"github.com/kuayu/kuayu/support/federation"
	"github.com/kuayu/kuayu/web/desk"
)

// Exchanges tell how governed queries went. gateway.Gateway is one.
type Exchanges interface {
	Exchanges(ctx context.Context, sc db.Scope, q gateway.ExchangeQuery) (*gateway.Exchanges, error)
	Watch(ctx context.Context, sc db.Scope, side gateway.Side, member string, hours int) (*gateway.Watch, error)
	Trace(ctx context.Context, sc db.Scope, id string) (*gateway.Trace, error)
	Used(ctx context.Context, sc db.Scope, agreement string, since time.Time, limit int) ([]evidence.Use, error)
}

// Cases are applications and agreements. agreement.Service is one.
type Cases interface {
	Get(ctx context.Context, sc db.Scope, id string) (*agreement.Negotiation, error)
}

// Roll is who the members are. federation.Directory is one.
type Roll interface {
	Current() *federation.Constitution
}

// Deps are what the face needs.
type Deps struct {
	*desk.Desk
	Exchanges Exchanges
	Cases     Cases
	Roll      Roll
}

// Watch serves the pages.
type Watch struct{ Deps }

// New makes the face; it serves nothing before Routes.
func New(d Deps) *Watch { return &Watch{d} }

// Routes adds the pages.
func (w *Watch) Routes(mux *http.ServeMux) {
	w.Get(mux, desk.PathExchanges, w.exchanges)
	w.Get(mux, desk.PathExchanges+"/{id}", w.exchange)
}
