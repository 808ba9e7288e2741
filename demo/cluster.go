package demo

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"path/filepath"
	"sync"
	"time"

	"github.com/kuayu/kuayu/api/client"
	"github.com/kuayu/kuayu/internal/clock"
	"github.com/kuayu/kuayu/internal/httpx"
	"github.com/kuayu/kuayu/internal/ids"
	"github.com/kuayu/kuayu/node"
	"github.com/kuayu/kuayu/support/federation"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/standard"
)

// Place is a member of the demonstration federation.
type Place struct {
	ID, Name, NameEN, Division string
	Voter                      bool
}

// Places are the four provinces, equal in rank, and the hub, which does not vote.
func Places() []Place {
	return []Place{
		{"shanghai", "上海市", "Shanghai", "310000", true},
		{"jiangsu", "江苏省", "Jiangsu", "320000", true},
		{"zhejiang", "浙江省", "Zhejiang", "330000", true},
		{"anhui", "安徽省", "Anhui", "340000", true},
		{"hub", "区域枢纽", "Regional hub", "310000", false},
	}
}

// Cluster is a running federation.
type Cluster struct {
	Dir    string
	Clock  clock.Clock
	logger *slog.Logger
	mu     sync.Mutex
	seats  map[string]*seat
	routes func(*node.Node, *http.ServeMux)
	wire   func(http.RoundTripper) http.RoundTripper
	gap    int
	stage  *stage // nil: no demonstration
	places []Place
}

type seat struct {
	place  Place
	dir    string
	node   *node.Node
	calls  *http.Client // of all clients of
	called *node.Node
	cancel context.CancelFunc
	done   chan error
	keys   map[string]ed25519.PrivateKey // by actor
}

// Settings of a cluster.
type Settings struct {
	Dir          string
	Places       []Place
	Logger       *slog.Logger
	Clock        clock.Clock
	CheckpointMS int
	FlushGapUS   int
	Database     func(place string) string // empty: SQLite in the node's folder
	Routes       func(*node.Node, *http.ServeMux)
	Stage        bool                                      // with the demonstration's roles and tour; Routes is not asked then
	Wire         func(http.RoundTripper) http.RoundTripper // between the nodes, for tests
	Progress     func(done, total int, what string)
}

// Start makes the nodes in s.Dir (or finds them there), founds the federation with a quorum of the voters, and runs
// them. It returns when every node serves.
func Start(ctx context.Context, s Settings) (*Cluster, error) {
	if s.Logger == nil {
		s.Logger = slog.New(slog.DiscardHandler)
	}
	if s.Clock == nil {
		s.Clock = clock.System{}
	}
	if s.Progress == nil {
		s.Progress = func(int, int, string) {}
	}
	c := &Cluster{Dir: s.Dir, Clock: s.Clock, logger: s.Logger, seats: map[string]*seat{}, routes: s.Routes, wire: s.Wire, gap: s.FlushGapUS, places: s.Places}
	if s.Stage {
		c.stage = &stage{c: c, since: c.Clock.Now()}
		c.routes = c.stage.routes
	}
	for i, p := range s.Places {
		if err := c.prepare(p, s); err != nil {
			return nil, err
		}
		s.Progress(i+1, len(s.Places), p.Name)
	}
	for _, p := range s.Places {
		if err := c.open(ctx, p.ID); err != nil {
			c.Stop()
			return nil, err
		}
	}
	if err := c.found(ctx, s.Places); err != nil {
		c.Stop()
		return nil, err
	}
	for _, p := range s.Places {
		if err := c.run(ctx, p.ID); err != nil {
			c.Stop()
			return nil, err
		}
	}
	return c, nil
}

// prepare writes keys and configuration of a place, with free loopback ports.
func (c *Cluster) prepare(p Place, s Settings) error {
	st := &seat{place: p, dir: filepath.Join(s.Dir, p.ID), keys: map[string]ed25519.PrivateKey{}}
	c.seats[p.ID] = st
	var ports [4]string
	for i := range ports {
		addr, err := httpx.FreeAddr()
		if err != nil {
			return err
		}
		ports[i] = addr
	}
	conf := node.Config{
		Member: p.ID, Name: p.Name, NameEN: p.NameEN, Division: p.Division, CheckpointMS: s.CheckpointMS, FlushGapUS: s.FlushGapUS, LogLevel: "warn",
		Listen: node.Listen{Peer: ports[0], Staff: ports[1], Public: ports[2], Admin: ports[3]},
	}
	if s.Database != nil {
		conf.Database = s.Database(p.ID)
	}
	_, err := node.Init(st.dir, conf, c.Clock.Now())
	if errors.Is(err, federation.ErrExists) {
		return nil
	}
	return err
}

func (c *Cluster) open(ctx context.Context, id string) error {
	st := c.seats[id]
	n, err := node.Open(ctx, st.dir, node.Options{Logger: c.logger, Clock: c.Clock, Routes: c.routes, Wire: c.wire})
	if err != nil {
		return err
	}
	st.node = n
	return nil
}

// found writes the first constitution, signed by every voter, and gives every node every statement.
func (c *Cluster) found(ctx context.Context, places []Place) error {
	first := c.seats[places[0].ID].node
	if len(first.Directory.Chain()) > 0 {
		return nil
	}
	now := c.Clock.Now()
	con := federation.Constitution{Format: federation.FormatVersion, Federation: "yangtze-river-delta", Number: 1, Ballot: 1, ValidFrom: now, ValidUntil: now.AddDate(1, 0, 0)}
	for _, p := range places {
		con.Members = append(con.Members, c.seats[p.ID].node.MemberEntry(p.Voter))
	}
	v := con.Voters()
	con.Quorum = v/2 + 1
	doc, err := con.Encode()
	if err != nil {
		return err
	}
	signed := federation.Signed{Document: doc}
	for _, p := range places {
		if p.Voter {
			if err := signed.Sign(p.ID, c.seats[p.ID].node.Keys.Root); err != nil {
				return err
			}
		}
	}
	var statements []*federation.SignedStatement
	for _, p := range places {
		ss, err := c.seats[p.ID].node.FirstStatement(now)
		if err != nil {
			return err
		}
		statements = append(statements, ss)
	}
	for _, p := range places {
		n := c.seats[p.ID].node
		if err := n.Federation.Adopt(ctx, federation.Chain{signed}, federation.Hash(doc)); err != nil {
			return err
		}
		for _, ss := range statements {
			if err := n.Federation.AcceptStatement(ctx, ss); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *Cluster) run(ctx context.Context, id string) error {
	st := c.seats[id]
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	st.cancel, st.done = cancel, make(chan error, 1)
	n := st.node
	go func() { st.done <- n.Run(run) }()
	select {
	case <-n.Ready():
		return nil
	case err := <-st.done:
		st.done <- err
		return errors.Join(errors.New("node "+id+" stopped at start"), err)
	}
}

// Node returns a running node.
func (c *Cluster) Node(id string) *node.Node { return c.seats[id].node }

// StopNode stops one node as an operator would.
func (c *Cluster) StopNode(id string) error {
	st := c.seats[id]
	if st.cancel == nil {
		return nil
	}
	st.cancel()
	err := <-st.done
	st.cancel = nil
	return errors.Join(err, st.node.Close())
}

// StartNode starts a stopped node again on its old addresses.
func (c *Cluster) StartNode(ctx context.Context, id string) error {
	if err := c.open(ctx, id); err != nil {
		return err
	}
	return c.run(ctx, id)
}

// Stop stops every node.
func (c *Cluster) Stop() {
	var wg sync.WaitGroup
	for id, st := range c.seats {
		if st.cancel == nil {
			if st.node != nil {
				_ = st.node.Close()
			}
			continue
		}
		wg.Add(1)
		go func() {
			defer wg.Done()
			_ = c.StopNode(id)
		}()
	}
	wg.Wait()
}

// Client returns an API client of a node that trusts its certificate and is not signed in.
func (c *Cluster) Client(id string) *client.Client {
	n := c.seats[id].node
	pool := x509.NewCertPool()
	pool.AddCert(n.Keys.CA)
	cl := client.New("https://"+n.Addr("staff"), pool)
	t, _ := cl.HTTP.Transport.(*http.Transport)
	t.TLSClientConfig.ServerName = "localhost"
	// Clients of one node share its connections: a listener bounds those of an address.
	c.mu.Lock()
	defer c.mu.Unlock()
	if st := c.seats[id]; st.calls == nil || st.called != n {
		st.calls, st.called = cl.HTTP, n
	}
	cl.HTTP = c.seats[id].calls
	return cl
}

// As returns a client signed in as an actor, by the actor's own key.
func (c *Cluster) As(ctx context.Context, id, actor string) (*client.Client, error) {
	cl := c.Client(id)
	c.mu.Lock()
	key := c.seats[id].keys[actor]
	c.mu.Unlock()
	if key == nil {
		return nil, fmt.Errorf("no key of %s at %s", actor, id)
	}
	return cl, cl.SignIn(ctx, key, actor, id, ids.Random{}.NewID(), c.Clock.Now())
}

// Department makes a department's USCC from a member's division and a number; it is valid and belongs to nobody real.
func Department(division string, n int) string {
	code, err := standard.MakeUSCC(fmt.Sprintf("11%s%s", division, orgCode(n)))
	if err != nil {
		panic(err) // the parts above are always well formed
	}
	return code.String()
}

func orgCode(n int) string {
	c, err := standard.MakeOrganisationCode(fmt.Sprintf("MY%06d", n))
	if err != nil {
		panic(err) // as above
	}
	return c.String()
}

// Staff are the actors every demonstration department has.
func Staff(dept string) []identity.Actor {
	return []identity.Actor{
		{ID: "officer-" + dept, Name: "数据专员", Kind: "officer", Roles: []identity.Role{identity.DataOfficer}},
		{ID: "head-" + dept, Name: "共享机构负责人", Kind: "officer", Roles: []identity.Role{identity.OfficeHead}},
		{ID: "chief-" + dept, Name: "部门负责人", Kind: "officer", Roles: []identity.Role{identity.DepartmentHead}},
		{ID: "machine-" + dept, Name: "业务系统", Kind: "machine", Roles: []identity.Role{identity.Machine}},
	}
}

// AddDepartment adds a department with its staff; short names them: officer-<short> and so on.
func (c *Cluster) AddDepartment(ctx context.Context, id, short, code, name string, extra ...identity.Actor) error {
	n := c.seats[id].node
	if err := n.Identity.AddDepartment(ctx, identity.Department{ID: code, Name: name, Division: c.seats[id].place.Division}); err != nil {
		return err
	}
	for _, a := range append(Staff(short), extra...) {
		pub, priv, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			return fmt.Errorf("officer key: %w", err)
		}
		a.Department, a.PublicKey = code, base64.RawURLEncoding.EncodeToString(pub)
		if err := n.Identity.AddActor(ctx, a); err != nil {
			return err
		}
		c.mu.Lock()
		c.seats[id].keys[a.ID] = priv
		c.mu.Unlock()
	}
	return nil
}

// Await polls until ok or the time is up.
func Await(ctx context.Context, timeout time.Duration, ok func() (bool, error)) error {
	deadline := time.Now().Add(timeout)
	for {
		done, err := ok()
		if done || err != nil {
			return err
		}
		if time.Now().After(deadline) {
			return errors.New("waited in vain")
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// escape makes a resource code one path segment.
func escape(code string) string { return url.PathEscape(code) }
