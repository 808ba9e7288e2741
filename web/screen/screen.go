package screen

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/exchange/gateway"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/support/deadline"
	"github.com/kuayu/kuayu/support/evidence"
	"github.com/kuayu/kuayu/support/federation"
	"github.com/kuayu/kuayu/support/peer"
	"github.com/kuayu/kuayu/web/staff"
)

// Exchanges tell how governed queries went and go. gateway.Gateway is one.
type Exchanges interface {
	Exchanges(ctx context.Context, sc db.Scope, q gateway.ExchangeQuery) (*gateway.Exchanges, error)
	Watch(ctx context.Context, sc db.Scope, side gateway.Side, member string, hours int) (*gateway.Watch, error)
	Flows(ctx context.Context, sc db.Scope, since time.Time) ([]gateway.Flow, error)
	Used(ctx context.Context, sc db.Scope, agreement string, since time.Time, limit int) ([]evidence.Use, error)
	Live(sc db.Scope) (events <-chan gateway.Event, stop func())
}

// Cases are applications and agreements. agreement.Service is one.
type Cases interface {
	Get(ctx context.Context, sc db.Scope, id string) (*agreement.Negotiation, error)
}

// MemberRegistry is who the members are. federation.Directory is one.
type MemberRegistry interface {
	Current() *federation.Constitution
}

// Contacts are how the members were reached. peer.Link is one.
type Contacts interface {
	Contacts() map[string]peer.Contact
}

// Clocks are the law's. deadline.Service is one.
type Clocks interface {
	Running(ctx context.Context, sc db.Scope, q deadline.OpenQuery) (*deadline.Page[deadline.Deadline], error)
}

// Map is a picture of the region behind the members. Maps of more than one province are reviewed before they are shown
// (地图管理条例 art. 15): without the number of the review there is none.
type Map struct {
	File       string                `json:"file"`        // an SVG
	ApprovalNo string                `json:"approval_no"` // 审图号
	Places     map[string][2]float64 `json:"places"`      // of members, in percent from the left and from the top
}

// Deps are what the board needs.
type Deps struct {
	*staff.Desk
	Exchanges      Exchanges
	Cases          Cases
	MemberRegistry MemberRegistry
	Contacts       Contacts
	Clocks         Clocks
	Map            *Map // nil: a schematic
}

// Screen serves the board.
type Screen struct {
	Deps
	looking atomic.Int64
	ended   chan struct{}
	once    sync.Once
}

// New makes the face; it serves nothing before Routes.
func New(d Deps) *Screen { return &Screen{Deps: d, ended: make(chan struct{})} }

// Close ends the streams: a server that stops waits for none of them.
func (s *Screen) Close() { s.once.Do(func() { close(s.ended) }) }

// Routes adds the board, its stream and its map.
func (s *Screen) Routes(mux *http.ServeMux) {
	s.Get(mux, staff.PathScreen, s.page)
	s.Get(mux, staff.PathScreen+"/events", s.events)
	s.Get(mux, staff.PathScreen+"/map.svg", s.picture)
}

// page shows the board; ?kiosk=1 leaves out what leads elsewhere.
func (s *Screen) page(w http.ResponseWriter, q staff.Visit) error {
	b, err := s.board(q)
	if err != nil {
		return err
	}
	b.kiosk = q.URL.Query().Get("kiosk") == "1"
	s.UI.RenderLive(w, q.Request, http.StatusOK, boardPage(q.V, b))
	return nil
}

// picture is the configured map.
func (s *Screen) picture(w http.ResponseWriter, q staff.Visit) error {
	if s.Map == nil {
		return staff.ErrNoPage.With()
	}
	w.Header().Set("Content-Type", "image/svg+xml")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox")
	http.ServeFile(w, q.Request, s.Map.File)
	return nil
}

// ErrFull is a board too many.
var ErrFull = errs.Define(errs.TooMany, "screen.full", "同时打开的大屏过多，请关闭不用的页面后重试。", "Too many boards are open at once. Close one that nobody looks at and try again.")
