package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/sync/errgroup"
	"k8s.io/klog/v2"

	"github.com/kuayu/kuayu/api/rest"
	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/exchange/catalog"
	"github.com/kuayu/kuayu/exchange/dataspace"
	"github.com/kuayu/kuayu/exchange/demand"
	"github.com/kuayu/kuayu/exchange/gateway"
	"github.com/kuayu/kuayu/exchange/objection"
	"github.com/kuayu/kuayu/exchange/scheme"
	"github.com/kuayu/kuayu/exchange/search"
	"github.com/kuayu/kuayu/internal/clock"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/disk"
	"github.com/kuayu/kuayu/internal/ids"
	"github.com/kuayu/kuayu/internal/obs"
	"github.com/kuayu/kuayu/internal/queue"
	"github.com/kuayu/kuayu/internal/supervise"
	"github.com/kuayu/kuayu/internal/workday"
	"github.com/kuayu/kuayu/support/deadline"
	"github.com/kuayu/kuayu/support/evidence"
	"github.com/kuayu/kuayu/support/federation"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/notice"
	"github.com/kuayu/kuayu/support/peer"
	"github.com/kuayu/kuayu/support/process"
	"github.com/kuayu/kuayu/support/seal"
	"github.com/kuayu/kuayu/web/console"
	"github.com/kuayu/kuayu/web/screen"
	"github.com/kuayu/kuayu/web/share"
	"github.com/kuayu/kuayu/web/staff"
	"github.com/kuayu/kuayu/web/ui"
	"github.com/kuayu/kuayu/web/watch"
)

// Version is the program's version.
const Version = "0.1.0"

// Options are what a node is given besides its configuration.
type Options struct {
	Clock  clock.Clock
	IDs    ids.Source
	Logger *slog.Logger
	// Routes adds routes to the staff listener. The demonstration uses it for its role chooser; `kuayu serve` never
	// sets it.
	Routes func(n *Node, mux *http.ServeMux)
	// Wire lies between this node and the others; tests lose and repeat messages in it. `kuayu serve` never sets it.
	Wire func(http.RoundTripper) http.RoundTripper
}

// Node is one government's node, wired. Its packages are exported for the programs that drive whole nodes.
type Node struct {
	Config Config
	Dir    string
	Keys   *federation.Keys

	Clock      clock.Clock
	Logger     *slog.Logger
	Metrics    *obs.Metrics
	DB         *db.DB
	Derived    *db.DB // what can be rebuilt: from evidence, and from the members' catalogues
	Queue      *queue.Queue
	Tasks      *supervise.Supervisor
	Directory  *federation.Directory
	Federation *federation.Service
	TLS        *federation.Identity
	Log        *evidence.Log
	Tlog       *evidence.Tlog
	Witness    *evidence.Witness
	Outbox     *evidence.Outbox
	Index      *evidence.Index
	Issuer     *evidence.Issuer
	Link       *peer.Link
	Mailbox    *peer.Mailbox
	Identity   *identity.Service
	Catalog    *catalog.Service
	Notices    *notice.Service
	Deadlines  *deadline.Service
	Cases      *process.Engine
	Agreements *agreement.Service
	Objections *objection.Service
	Dataspace  *dataspace.Service
	Search     *search.Service
	Demands    *demand.Service
	Schemes    *scheme.Service
	Gateway    *gateway.Gateway
	UI         *ui.UI
	Desk       *staff.Desk
	Console    *console.Console
	Share      *share.Share
	Watch      *watch.Watch
	Screen     *screen.Screen
	API        *rest.API

	options   Options
	mail      *notice.Mail // nil: no mail leaves
	profiles  deadline.Profiles
	lock      *os.File
	listeners map[string]net.Listener
	ready     chan struct{}
	readyOnce sync.Once
}

// Tune sets the runtime for a program that serves nodes. A flush blocks its thread, and with it a processor of the
// scheduler until it is taken back: with as many as cores, two flushes at once stall everything (measured on 2 cores:
// 0.8 k exchanges/s, against 1.7–2.0 k with two more). What lives is small (60 MB under full load, most of it answers
// held against repetition): collecting at four times that costs less than 1 % of the time, and at nine times, which saved
// half of it, two nodes held half a gigabyte of garbage.
func Tune() {
	runtime.GOMAXPROCS(runtime.NumCPU() + 2)
	debug.SetGCPercent(300)
	debug.SetMemoryLimit(2 << 30)
}

// EvidenceDir is the folder of an epoch's evidence.
func EvidenceDir(dir string, epoch uint32) string {
	return filepath.Join(dir, "evidence", fmt.Sprintf("e%04d", epoch))
}

// Epoch returns the current epoch of a data folder: the highest one there, 1 for a new node.
func Epoch(dir string) uint32 {
	es, err := os.ReadDir(filepath.Join(dir, "evidence"))
	if err != nil {
		return 1
	}
	last := 1
	for _, e := range es {
		if n, err := strconv.Atoi(strings.TrimPrefix(e.Name(), "e")); err == nil && n > last {
			last = n
		}
	}
	return uint32(last)
}

// LogOf names the log of a node's epoch.
func LogOf(c *Config, epoch uint32) seal.Log {
	return seal.Log{Node: c.Member, Instance: c.Instance, Epoch: epoch}
}

// Open wires the node in dir. It starts nothing but binds the listeners, so that their addresses are known.
func Open(ctx context.Context, dir string, o Options) (n *Node, err error) {
	c, err := LoadConfig(dir)
	if err != nil {
		return nil, err
	}
	if federation.Taking(filepath.Join(dir, "keys")) {
		return nil, ErrRekeying.With()
	}
	keys, err := federation.LoadKeys(filepath.Join(dir, "keys"))
	if err != nil {
		return nil, err
	}
	if o.Clock == nil {
		o.Clock = clock.NewGuard()
	}
	if o.IDs == nil {
		o.IDs = ids.Random{}
	}
	if o.Logger == nil {
		var level slog.Level
		if err := level.UnmarshalText([]byte(c.LogLevel)); err != nil {
			return nil, ErrConfig.Because(err, "log_level", "log_level")
		}
		o.Logger = obs.NewLogger(os.Stderr, level)
	}
	// The transparency log library logs to standard error by itself; what matters of it comes back as errors.
	klog.LogToStderr(false)
	klog.SetOutput(io.Discard)
	n = &Node{
		Config: c, Dir: dir, Keys: keys, Clock: o.Clock, Logger: o.Logger.With("node", c.Member), Metrics: obs.NewMetrics(),
		options: o, listeners: map[string]net.Listener{}, ready: make(chan struct{}),
	}
	opened := n
	defer func() {
		if err != nil {
			_ = opened.Close()
		}
	}()
	if err := n.lockDir(); err != nil {
		return nil, err
	}
	if err := n.storage(ctx); err != nil {
		return nil, err
	}
	if err := n.evidence(ctx); err != nil {
		return nil, err
	}
	if n.profiles, err = loadProfiles(dir, c.Profiles); err != nil {
		return nil, err
	}
	if c.Mail != nil {
		if n.mail, err = notice.NewMail(*c.Mail); err != nil {
			return nil, err
		}
	}
	n.packages()
	return n, n.listen()
}

// loadProfiles reads the regional profiles of the law's clocks; one that is looser than the law is refused.
func loadProfiles(dir string, files []string) (deadline.Profiles, error) {
	var ps deadline.Profiles
	for _, f := range files {
		if !filepath.IsAbs(f) {
			f = filepath.Join(dir, f)
		}
		b, err := os.ReadFile(f)
		if err != nil {
			return nil, ErrConfig.Because(err, "a profile cannot be read: "+f, "无法读取时限配置 "+f)
		}
		p, err := deadline.ParseProfile(b)
		if err != nil {
			return nil, err
		}
		ps = append(ps, p)
	}
	return ps, nil
}

// divisionOf is the division of a member, by whose profile its clocks run; this node's own if the member is unknown.
func (n *Node) divisionOf(member string) string {
	if m, err := n.Directory.Member(member); err == nil {
		return m.Division
	}
	if member == n.Config.Member {
		return n.Config.Division
	}
	return ""
}

// lockDir keeps two processes from writing one folder.
func (n *Node) lockDir() error {
	f, err := os.OpenFile(filepath.Join(n.Dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return ErrConfig.Because(err, "the data folder cannot be written", "数据目录不可写")
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		return ErrInUse.Because(err)
	}
	n.lock = f
	return nil
}

func (n *Node) storage(ctx context.Context) error {
	var err error
	if n.DB, err = db.Open(ctx, n.Config.Database); err != nil {
		return err
	}
	for _, m := range []func(context.Context, *db.DB) error{
		queue.Migrate, federation.Migrate, evidence.Migrate, peer.Migrate, identity.Migrate, catalog.Migrate, agreement.Migrate, dataspace.Migrate, deadline.Migrate, objection.Migrate, notice.Migrate, search.Migrate, process.Migrate, scheme.Migrate,
	} {
		if err := m(ctx, n.DB); err != nil {
			return err
		}
	}
	if n.Derived, err = db.OpenDerived(ctx, n.DB, n.Config.Database, filepath.Join(n.Dir, "index.db")); err != nil {
		return err
	}
	for _, m := range []func(context.Context, *db.DB) error{evidence.MigrateIndex, search.MigrateIndex} {
		if err := m(ctx, n.Derived); err != nil {
			return err
		}
	}
	n.Queue = queue.New(n.DB, n.Clock, n.Logger)
	n.Tasks = supervise.New(n.Logger)
	n.Tasks.Failed = n.taskFailed
	n.Directory = federation.NewDirectory()
	n.Federation = federation.NewService(n.DB, n.Directory, n.Clock, n.Config.Member, n.Keys.Root)
	if err := n.Federation.Load(ctx); err != nil {
		return err
	}
	n.TLS, err = federation.NewIdentity(n.Keys, n.Config.Member, n.Config.Instance, n.Config.DNSNames, n.Clock.Now())
	return err
}

func (n *Node) evidence(context.Context) error {
	epoch := Epoch(n.Dir)
	id := LogOf(&n.Config, epoch)
	var err error
	n.Log, err = evidence.OpenLog(evidence.Config{
		Dir: EvidenceDir(n.Dir, epoch), FS: disk.OS{}, Key: n.Keys.EvidenceKey(epoch), Log: id, Clock: n.Clock,
		MaxGap: time.Duration(n.Config.FlushGapUS) * time.Microsecond,
	})
	if err != nil {
		return err
	}
	signer, vkey, err := n.Keys.CheckpointSigner(id)
	if err != nil {
		return err
	}
	v, err := note.NewVerifier(vkey)
	if err != nil {
		return fmt.Errorf("checkpoint verifier: %w", err)
	}
	n.Tlog = evidence.NewTlog(n.Log, signer, v, time.Duration(n.Config.CheckpointMS)*time.Millisecond)
	cosigner, _, err := n.Keys.CosignSigner(n.Config.Member, epoch)
	if err != nil {
		return err
	}
	n.Witness = evidence.NewWitness(n.DB, cosigner, n.Clock)
	n.Outbox = evidence.NewOutbox(n.DB, n.Log, n.Queue)
	n.Outbox.Lost = func(log seal.Log, at time.Time) bool { return n.Keys.Lost(log, at, epoch) }
	n.Index = evidence.NewIndex(n.Derived, n.Log, n.Keys.Subject)
	n.Issuer = &evidence.Issuer{Log: n.Log, Tlog: n.Tlog, Dir: n.Directory}
	return nil
}

func (n *Node) packages() {
	self := n.Config.Member
	n.Link = &peer.Link{Self: self, Dir: n.Directory, Identity: n.TLS, Tlog: n.Tlog, Witness: n.Witness, Clock: n.Clock, Metrics: n.Metrics, Wire: n.options.Wire, Accept: n.Federation.AcceptStatement, Papers: n.Federation.Papers}
	n.Mailbox = peer.NewMailbox(n.DB, n.Queue, n.Link, n.Log, n.Outbox, n.Clock, n.options.IDs)
	n.Federation.SetCourier(n.Mailbox)
	n.Federation.SetReader(n.Link.AskPapers)
	for _, kind := range []string{federation.KindProposal, federation.KindVote, federation.KindConstitution, federation.KindStatement} {
		n.Mailbox.Handle(kind, peer.Handler{Before: func(ctx context.Context, in *peer.Incoming) error {
			return n.Federation.Receive(ctx, in.From, kind, in.Body)
		}})
	}
	n.Identity = identity.NewService(n.DB, n.Clock, n.options.IDs, n.Config.Division, self)
	n.Identity.Throttled = func() { n.refused("staff")("sign_in") }
	n.Notices = notice.NewService(notice.Deps{DB: n.DB, Clock: n.Clock, IDs: n.options.IDs, Queue: n.Queue, Staff: n.Identity, Mail: n.mail, Namer: namer{n}, Path: staff.SubjectPath})
	n.Deadlines = deadline.NewService(deadline.Deps{
		DB: n.DB, Clock: n.Clock, IDs: n.options.IDs, Queue: n.Queue, Outbox: n.Outbox, Calendar: workday.Builtin(), Profiles: n.profiles,
		Notifier: notifier{board: n.Notices, self: self},
	})
	n.Cases = process.NewEngine(process.Deps{
		Self: self, DB: n.DB, Clock: n.Clock, IDs: n.options.IDs, Outbox: n.Outbox, Clocks: n.Deadlines, Board: n.Notices, Offices: n.Identity, Mailbox: n.Mailbox,
		Division: n.divisionOf,
	})
	n.Deadlines.OnDue(n.Cases.SetDue)
	n.Catalog = catalog.NewService(n.Cases)
	n.Agreements = agreement.NewService(agreement.Deps{Cases: n.Cases, Queue: n.Queue, Catalog: n.Catalog})
	n.Dataspace = dataspace.NewService(dataspace.Deps{
		Self: self, DB: n.DB, Clock: n.Clock, IDs: n.options.IDs, Queue: n.Queue, Outbox: n.Outbox, Mailbox: n.Mailbox, Link: n.Link, Agreements: n.Agreements,
		Catalog: n.Catalog, Dir: n.Directory, Offices: n.Identity, Participants: n.Config.Participants, URL: n.Config.DataspaceURL,
	})
	n.Search = search.NewService(search.Deps{
		Self: self, DB: n.DB, Index: search.NewIndex(n.Derived), Clock: n.Clock, IDs: n.options.IDs, Queue: n.Queue, Mailbox: n.Mailbox, Members: n.Directory, Reader: n.Dataspace,
	})
	n.Catalog.SetObserver(n.Search)
	n.Federation.SetNotifier(notifier{board: n.Notices, self: self})
	n.Federation.SetObserver(n.Search.FederationChanged)
	n.Identity.SetObserver(n.Search.CatalogChanged)
	n.Gateway = gateway.New(gateway.Deps{
		Self: self, Clock: n.Clock, IDs: n.options.IDs, Log: n.Log, Index: n.Index, Link: n.Link, Agreements: n.Agreements,
		Catalog: n.Catalog, Metrics: n.Metrics, Logger: n.Logger, Pseudonym: n.Keys.Pseudonym,
	})
	n.Link.Answers(gateway.Path, n.Gateway.Respond)
	n.Dataspace.SetPull(n.Gateway.Pull)
	n.Objections = objection.NewService(objection.Deps{Cases: n.Cases, Index: n.Index, Agreements: n.Agreements})
	n.Demands = demand.NewService(demand.Deps{
		Cases: n.Cases, Catalog: n.Catalog, Agreements: n.Agreements, Staff: n.Identity, Finder: finder{n.Search}, Members: n.memberIDs,
	})
	n.Schemes = scheme.NewService(scheme.Deps{
		Self: self, DB: n.DB, Clock: n.Clock, IDs: n.options.IDs, Queue: n.Queue, Outbox: n.Outbox, Mailbox: n.Mailbox, Catalog: n.Catalog, Agreements: n.Agreements,
		Board: n.Notices, Members: n.memberIDs,
	})
	n.UI = ui.New()
	n.Desk = staff.New(staff.Deps{
		UI: n.UI, Name: n.Config.Name, NameEN: n.Config.NameEN, Self: self, Clock: n.Clock, Sessions: n.Identity, Offices: n.Identity, Members: n.Directory,
		Search: n.Search, CatalogReader: n.Dataspace,
	})
	n.Share = share.New(share.Deps{
		Desk: n.Desk, Entries: n.Catalog, Sources: n.Catalog, Uses: n.Agreements, Clocks: n.Deadlines, Lists: n.Catalog, Demands: n.Demands, Cases: n.Agreements,
		Objections: n.Objections, Schemes: n.Schemes, MemberRegistry: n.Directory, Neighbours: n.Search,
	})
	n.Console = console.New(console.Deps{
		Desk: n.Desk, Authenticator: n.Identity, Inbox: n.Notices, Clocks: n.Deadlines, Todos: n.Cases, Cases: n.Agreements, Entries: n.Catalog, Demands: n.Demands,
		Queries: n.Gateway, Facts: n.Index, Seals: n.Issuer, Subject: n.Share.Subject, Font: n.Config.Font,
	})
	n.Screen = screen.New(screen.Deps{
		Desk: n.Desk, Exchanges: n.Gateway, Cases: n.Agreements, MemberRegistry: n.Directory, Contacts: n.Link, Clocks: n.Deadlines, Map: n.Config.Map,
	})
	n.Watch = watch.New(watch.Deps{
		Desk: n.Desk, Exchanges: n.Gateway, Cases: n.Agreements, MemberRegistry: n.Directory, Facts: n.Index, Receipts: n.Issuer, Logs: n.Witness,
		Contacts: n.Link, Prober: n.Dataspace, Ballots: n.Federation, Version: Version, Certificates: n.certificates,
		Clocks: n.Deadlines, Ledgers: n.Gateway, Staff: n.Identity, Inbox: n.Notices, Hooks: n.Notices, Jobs: n.Queue, Checks: n.Checks,
	})
	n.API = &rest.API{
		Self: self, Version: Version, Identity: n.Identity, Catalog: n.Catalog, Dataspace: n.Dataspace, Search: n.Search, Agreements: n.Agreements, Deadlines: n.Deadlines, Objections: n.Objections, Demands: n.Demands, Cases: n.Cases, Schemes: n.Schemes, Notices: n.Notices,
		Gateway: n.Gateway, Issuer: n.Issuer, Index: n.Index, Log: n.Log, Tlog: n.Tlog, Witness: n.Witness,
		Federation: n.Federation, Dir: n.Directory, Link: n.Link, Queue: n.Queue,
	}
}

// certificates are this node's own: of the node, renewed daily, and of the authority that issues it.
func (n *Node) certificates() (leaf, ca time.Time) {
	return n.TLS.Certificate().Leaf.NotAfter, n.Keys.CA.NotAfter
}

func (n *Node) listen() error {
	l := &n.Config.Listen
	for name, addr := range map[string]string{"peer": l.Peer, "staff": l.Staff, "public": l.Public, "admin": l.Admin, "dataspace": l.Dataspace} {
		if addr == "off" || addr == "" {
			continue
		}
		l, err := net.Listen("tcp", addr) //nolint:noctx // bound once at start
		if err != nil {
			return ErrConfig.Because(err, "cannot listen on "+addr, "无法监听 "+addr)
		}
		n.listeners[name] = l
	}
	return nil
}

// Addr is the bound address of a listener: peer, staff, public, admin or dataspace.
func (n *Node) Addr(listener string) string {
	if l := n.listeners[listener]; l != nil {
		return l.Addr().String()
	}
	return ""
}

// Ready is closed when the node serves.
func (n *Node) Ready() <-chan struct{} { return n.ready }

// Statement is what this node says of itself now.
func (n *Node) Statement() (*federation.Statement, error) {
	return n.statement(Epoch(n.Dir))
}

// statement is what this node says of itself in an epoch.
func (n *Node) statement(epoch uint32) (*federation.Statement, error) {
	st := &federation.Statement{
		PeerURL: n.Config.PeerURL, PublicURL: n.Config.PublicURL, CABundle: n.Keys.BundlePEM(), Divisions: []string{n.Config.Division},
	}
	// Earlier epochs stay listed: what was sealed in them keeps its proof.
	for e := uint32(1); e <= epoch; e++ {
		l, err := n.Keys.LogKey(LogOf(&n.Config, e), epoch)
		if err != nil {
			return nil, err
		}
		st.Logs = append(st.Logs, l)
	}
	_, wkey, err := n.Keys.CosignSigner(n.Config.Member, epoch)
	if err != nil {
		return nil, err
	}
	st.WitnessKey = wkey
	st.FormerWitnesses, err = n.Keys.FormerWitnesses(n.Config.Member, epoch)
	return st, err
}

// MemberEntry is this node as the constitution would list it.
func (n *Node) MemberEntry(voter bool) federation.Member {
	return federation.Member{ID: n.Config.Member, Name: n.Config.Name, NameEN: n.Config.NameEN, Division: n.Config.Division, RootKey: n.Keys.Root.Public(), Voter: voter}
}

// Run serves until ctx ends or something fails that must not. Background tasks that fail are started again
// (supervise.Supervisor); what ends the node is evidence that contradicts itself, and a listener that is lost.
func (n *Node) Run(ctx context.Context) error {
	// Evidence outlives everything that writes to it: it stops last.
	base, stopBase := context.WithCancel(context.WithoutCancel(ctx))
	defer stopBase()
	running, stopAll := context.WithCancel(ctx)
	defer stopAll()
	g, gctx := errgroup.WithContext(running)
	var floor errgroup.Group
	broken := make(chan error, 1)
	floor.Go(func() error { return n.Log.Run(base) })
	floor.Go(func() error {
		err := n.Tasks.Run(base, "evidence.tlog", func(ctx context.Context) error {
			err := n.Tlog.Run(ctx)
			if errors.Is(err, evidence.ErrCorrupt) {
				return supervise.Fatal(err)
			}
			return err
		})
		if err != nil {
			broken <- err
		}
		return nil
	})
	g.Go(func() error {
		select {
		case err := <-broken:
			return err
		case <-gctx.Done():
			return nil
		}
	})
	stop := func(err error) error {
		stopAll()
		stopBase()
		return errors.Join(err, g.Wait(), floor.Wait())
	}
	if err := n.Gateway.Restore(ctx); err != nil {
		return stop(err)
	}
	if err := n.Search.Start(ctx); err != nil {
		return stop(err)
	}
	// A new notice of holidays may have come with the program: what was counted without it is dated anew.
	if _, err := n.Deadlines.Recount(ctx); err != nil {
		return stop(err)
	}
	for name, run := range map[string]func(context.Context) error{"queue": n.Queue.Run, "evidence.index": n.Index.Run, "federation.votes": n.Federation.Run, "daily": n.renew} {
		g.Go(func() error { return n.Tasks.Run(gctx, name, run) })
	}
	n.announce(ctx) // before anybody can ask who this is
	for name, l := range n.listeners {
		srv, secure := n.server(name, l)
		g.Go(func() error {
			err := srv.Serve(secure)
			if errors.Is(err, http.ErrServerClosed) {
				return nil
			}
			return err
		})
		g.Go(func() error {
			<-gctx.Done()
			stop, cancel := context.WithTimeout(base, 2*time.Second)
			defer cancel()
			if err := srv.Shutdown(stop); err != nil {
				_ = srv.Close()
			}
			return nil
		})
	}
	g.Go(func() error { // connections that no server's shutdown knows of
		<-gctx.Done()
		n.Screen.Close()
		stop, cancel := context.WithTimeout(base, 2*time.Second)
		defer cancel()
		n.Link.CloseLines(stop)
		return nil
	})
	n.readyOnce.Do(func() { close(n.ready) })
	err := g.Wait()
	stopBase()
	return errors.Join(err, floor.Wait())
}

// announce tells the others when this node's statement is no longer what it was.
func (n *Node) announce(ctx context.Context) {
	if _, err := n.Directory.Member(n.Config.Member); err != nil {
		return
	}
	st, err := n.Statement()
	if err != nil {
		return
	}
	old, err := n.Directory.Statement(n.Config.Member)
	if err == nil && old.Same(st) {
		return
	}
	if err := n.Federation.Announce(ctx, st); err != nil {
		n.Logger.WarnContext(ctx, "statement not announced", "error", err)
	}
}

// keepSignIns is how long attempts to sign in are kept.
const keepSignIns = 180 * 24 * time.Hour

// renew replaces the node certificate daily.
func (n *Node) renew(ctx context.Context) error {
	t := time.NewTicker(24 * time.Hour)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
		if err := n.TLS.Renew(n.Keys, n.Config.Member, n.Config.Instance, n.Config.DNSNames, n.Clock.Now()); err != nil {
			n.Logger.ErrorContext(ctx, "certificate not renewed", "error", err)
		}
		if err := n.Mailbox.Forget(ctx, 30*24*time.Hour); err != nil {
			n.Logger.ErrorContext(ctx, "inbox not trimmed", "error", err)
		}
		if err := n.Identity.Trim(ctx, keepSignIns); err != nil {
			n.Logger.ErrorContext(ctx, "sign-ins not trimmed", "error", err)
		}
		if err := n.Notices.Trim(ctx); err != nil {
			n.Logger.ErrorContext(ctx, "notices not trimmed", "error", err)
		}
	}
}

// Close frees what Open took. Call after Run has returned.
func (n *Node) Close() error {
	var err error
	for _, l := range n.listeners {
		_ = l.Close()
	}
	if n.Gateway != nil {
		err = errors.Join(err, n.Gateway.Close())
	}
	if n.Link != nil {
		n.Link.CloseIdle()
	}
	for _, d := range []*db.DB{n.Derived, n.DB} {
		if d != nil {
			err = errors.Join(err, d.Close())
		}
	}
	if n.lock != nil {
		err = errors.Join(err, n.lock.Close())
	}
	return err
}
