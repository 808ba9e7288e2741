package conformance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/exchange/catalog"
	"github.com/kuayu/kuayu/exchange/dataspace"
	"github.com/kuayu/kuayu/exchange/source"
	"github.com/kuayu/kuayu/internal/clock"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/httpx"
	"github.com/kuayu/kuayu/internal/ids"
	"github.com/kuayu/kuayu/node"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/policy"
	"github.com/kuayu/kuayu/support/process"
)

// Participant is the name the kit goes by.
const Participant = "TCK_PARTICIPANT"

// token is what the kit presents; it opens nothing but a node made for the run.
const token = "conformance-kit"

const (
	self       = "conformance"
	division   = "310000"
	department = "11310000425007013H"
)

// Settings of a run.
type Settings struct {
	Dir     string // new folder of the node
	Addr    string // protocol
	Trigger string // where the kit asks this node to begin a process
	Kit     string // URL of the kit's own server
	Pace    int    // milliseconds before each of this node's messages; 0: 250
	Logger  *slog.Logger
	// Ready is called when everything listens.
	Ready func()
}

// Serve runs the scripted node until ctx ends.
func Serve(ctx context.Context, s Settings) error {
	if s.Pace == 0 {
		s.Pace = 250
	}
	if s.Logger == nil {
		s.Logger = slog.New(slog.DiscardHandler)
	}
	conf := node.Config{
		Member: self, Name: "一致性测试节点", NameEN: "Conformance node", Division: division, LogLevel: "warn",
		Listen:       node.Listen{Peer: "off", Staff: "off", Public: "off", Admin: "off"},
		DataspaceURL: "http://" + s.Addr + dataspace.Base,
		Participants: []dataspace.Participant{{
			ID: Participant, URL: s.Kit, Token: token, Pace: s.Pace, Basis: policy.Basis{Kind: "duty", Citation: "conformance"},
			Purposes: []string{"conformance"}, Modes: []policy.Mode{policy.ModeQuery}, Days: 30,
		}},
	}
	if _, err := node.Init(s.Dir, conf, clock.System{}.Now()); err != nil {
		return err
	}
	n, err := node.Open(ctx, s.Dir, node.Options{Logger: s.Logger, Clock: clock.System{}})
	if err != nil {
		return err
	}
	n.Dataspace.SetDecider(&script{agreements: n.Agreements, dataspace: n.Dataspace, done: map[string]int{}})
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error { return n.Run(gctx) })
	g.Go(func() error {
		select {
		case <-n.Ready():
		case <-gctx.Done():
			return nil
		}
		if err := seed(gctx, n, s.Dir); err != nil {
			return err
		}
		return listen(gctx, n, s)
	})
	return errors.Join(g.Wait(), n.Close())
}

// listen serves protocol and trigger in plain HTTP, as the kit expects, until ctx ends.
func listen(ctx context.Context, n *node.Node, s Settings) error {
	protocol, begin := http.NewServeMux(), http.NewServeMux()
	n.Dataspace.ForeignRoutes(protocol)
	t := &trigger{node: n}
	begin.HandleFunc("POST /tck/negotiations/requests", t.negotiation)
	begin.HandleFunc("POST /tck/transfers/requests", t.transfer)
	var g errgroup.Group
	var servers []*http.Server
	for addr, h := range map[string]http.Handler{s.Addr: protocol, s.Trigger: begin} {
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
		if err != nil {
			return fmt.Errorf("conformance: %w", err)
		}
		srv := httpx.NewServer(httpx.Wrap(h, s.Logger, false), s.Logger)
		servers = append(servers, srv)
		g.Go(func() error {
			if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				return err
			}
			return nil
		})
	}
	if s.Ready != nil {
		s.Ready()
	}
	<-ctx.Done()
	for _, srv := range servers {
		_ = srv.Close()
	}
	return g.Wait()
}

// session is the department that the run acts for.
func session(actor string, roles ...identity.Role) *identity.Session {
	return &identity.Session{Actor: actor, Name: actor, Department: department, Division: division, Roles: roles}
}

// seed publishes the datasets of the tables and adopts their agreements.
func seed(ctx context.Context, n *node.Node, dir string) error {
	if err := n.Identity.AddDepartment(ctx, identity.Department{ID: department, Name: "一致性测试部门", Division: division}); err != nil {
		return err
	}
	path := filepath.Join(dir, "rows.csv")
	if err := os.WriteFile(path, []byte("id,value\n1,a\n2,b\n"), 0o600); err != nil {
		return fmt.Errorf("conformance: %w", err)
	}
	if _, err := n.Catalog.AddSource(ctx, session("operator", identity.Operator), department, "rows", source.Spec{Kind: source.KindFile, Location: path}); err != nil {
		return err
	}
	codes := []string{"CAT0101", "CAT0102"}
	for id := range negotiations() {
		if !strings.HasPrefix(id, "ACNC") {
			codes = append(codes, id)
		}
	}
	sort.Strings(codes)
	for _, code := range codes {
		if err := publish(ctx, n, code); err != nil {
			return err
		}
	}
	return n.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		for id := range transfers() {
			if err := adopt(ctx, tx, n, id); err != nil {
				return err
			}
		}
		return nil
	})
}

func publish(ctx context.Context, n *node.Node, code string) error {
	r := catalog.Resource{
		Code: code, Name: "一致性测试数据 " + code, Department: department, Provider: "一致性测试部门", Abstract: "一致性测试数据", Format: "database", UpdateCycle: "yearly",
		Sharing: catalog.Unconditional, Modes: []policy.Mode{policy.ModeQuery}, Conditions: "仅供测试", Class: "department", Grade: 1,
		Items: []catalog.Item{{Name: "id", Title: "编号", Type: "I", Grade: 1}, {Name: "value", Title: "值", Type: "C", Grade: 1}},
	}
	officer := session("officer", identity.DataOfficer)
	if _, err := n.Catalog.Save(ctx, officer, r, "rows", "rows"); err != nil {
		return err
	}
	assessed := catalog.Assessment{
		Kind: catalog.Confidentiality, Assessor: "一致性测试", Date: n.Clock.Now().Format(time.DateOnly), Pass: true, Text: "测试数据", Digest: strings.Repeat("0", 64),
	}
	if _, err := n.Catalog.Assess(ctx, officer, code, assessed); err != nil {
		return err
	}
	if _, err := n.Catalog.Submit(ctx, officer, code); err != nil {
		return err
	}
	if _, err := n.Catalog.Sign(ctx, session("chief", identity.DepartmentHead), code); err != nil {
		return err
	}
	_, err := n.Catalog.Publish(ctx, session("authority", identity.Authority), code)
	return err
}

// adopt puts one agreement in force with the kit, this node being the provider for ATP… and the consumer for ATPC….
func adopt(ctx context.Context, tx *db.Tx, n *node.Node, id string) error {
	now := n.Clock.Now().Truncate(time.Second)
	us, kit := policy.Party{Member: self, Department: department}, policy.Party{Member: Participant, Department: Participant}
	rec := &agreement.Negotiation{
		Case: process.Case{ID: ids.Random{}.NewID(), Side: agreement.Provider, Department: department, Created: now}, Peer: "urn:conformance:" + id, Consumer: kit, Provider: us, Agreement: id,
		Application: agreement.Application{Provider: self, Resource: "CAT0101", Fields: []string{"id", "value"}}, ValidUntil: now.AddDate(0, 1, 0),
	}
	if strings.HasPrefix(id, "ATPC") {
		rec.Side, rec.Consumer, rec.Provider, rec.Application.Provider = agreement.Consumer, us, kit, Participant
	}
	t := &policy.Terms{
		Version: policy.TermsVersion, Agreement: id, Resource: "CAT0101", Provider: rec.Provider, Consumer: rec.Consumer, Basis: policy.Basis{Kind: "duty", Citation: "conformance"},
		Purposes: []string{"conformance"}, Modes: []policy.Mode{policy.ModeQuery}, Fields: []policy.Field{{Name: "id"}, {Name: "value"}},
		ValidFrom: now, ValidUntil: rec.ValidUntil, LeaseSeconds: policy.DefaultLease, NoOnward: true,
	}
	bytes, err := policy.EncodeAgreement(t, now)
	if err != nil {
		return err
	}
	return n.Agreements.Adopt(ctx, tx, rec, bytes)
}

// trigger lets the kit ask this node to begin a process as the consumer.
type trigger struct{ node *node.Node }

func (t *trigger) negotiation(w http.ResponseWriter, r *http.Request) {
	var q struct{ DatasetID, OfferID, ProviderID, ConnectorAddress string }
	if !read(w, r, &q) {
		return
	}
	n := t.node
	a := agreement.Application{
		Provider: Participant, Resource: q.DatasetID, Basis: policy.Basis{Kind: "duty", Citation: "conformance"}, Purposes: []string{"conformance"},
		Scenario: "conformance", Scope: "conformance", Modes: []policy.Mode{policy.ModeQuery}, Fields: []string{"id"},
		ValidUntil: n.Clock.Now().AddDate(0, 0, 7), Offer: q.OfferID, Declared: true,
	}
	rec, err := n.Agreements.Apply(r.Context(), session("officer", identity.DataOfficer), a)
	if err == nil {
		_, err = n.Agreements.ConsentRequest(r.Context(), session("head", identity.OfficeHead), rec.ID)
	}
	answer(w, r, err)
}

func (t *trigger) transfer(w http.ResponseWriter, r *http.Request) {
	var q struct{ AgreementID, Format, ProviderID, ConnectorAddress string }
	if !read(w, r, &q) {
		return
	}
	_, err := t.node.Dataspace.RequestTransfer(r.Context(), session("officer", identity.DataOfficer), q.AgreementID, q.Format)
	answer(w, r, err)
}

func read(w http.ResponseWriter, r *http.Request, q any) bool {
	b, err := httpx.ReadBody(r, 64<<10)
	if err == nil {
		err = json.Unmarshal(b, q)
	}
	if err != nil {
		httpx.WriteError(w, r, err)
	}
	return err == nil
}

func answer(w http.ResponseWriter, r *http.Request, err error) {
	if err != nil {
		httpx.WriteError(w, r, err)
		return
	}
	httpx.WriteJSON(w, r, http.StatusOK, struct{}{})
}

// KitConfig is the kit's configuration for a run with these settings.
func KitConfig(s Settings) string {
	var b strings.Builder
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(s.Kit, "http://"))
	line := func(k, v string) { b.WriteString("dataspacetck." + k + "=" + v + "\n") }
	line("debug", "true")
	line("dsp.local.connector", "false")
	line("host", "127.0.0.1")
	line("port", port)
	line("callback.address", s.Kit)
	line("dsp.connector.agent.id", self)
	line("dsp.connector.http.url", "http://"+s.Addr+dataspace.Base)
	line("dsp.connector.http.base.url", "http://"+s.Addr+dataspace.Root)
	line("dsp.connector.http.headers.authorization", "Bearer "+token)
	line("dsp.connector.negotiation.initiate.url", "http://"+s.Trigger+"/tck/negotiations/requests")
	line("dsp.connector.transfer.initiate.url", "http://"+s.Trigger+"/tck/transfers/requests")
	line("dsp.default.wait", "10")
	line("dsp.thread.pool", "10")
	var lines []string
	for id := range negotiations() {
		name := strings.TrimPrefix(id, "A")
		consumer := strings.HasPrefix(id, "ACNC")
		prefix := "CN_"
		digits := strings.TrimPrefix(name, "CN")
		if consumer {
			prefix, digits = "CN_C_", strings.TrimPrefix(name, "CNC")
		}
		key := prefix + digits[:2] + "_" + digits[2:]
		lines = append(lines, key+"_DATASETID="+id)
		if !consumer {
			lines = append(lines, key+"_OFFERID=CD123:"+id+":456")
		}
	}
	for id := range transfers() {
		prefix, digits := "TP_", strings.TrimPrefix(id, "ATP")
		if strings.HasPrefix(id, "ATPC") {
			prefix, digits = "TP_C_", strings.TrimPrefix(id, "ATPC")
		}
		key := prefix + digits[:2] + "_" + digits[2:]
		lines = append(lines, key+"_AGREEMENTID="+id, key+"_FORMAT="+dataspace.FormatQuery)
	}
	lines = append(lines, "CAT_01_01_DATASETID=CAT0101", "CAT_01_02_DATASETID=CAT0102", "CAT_01_03_DATASETID=CAT0103")
	sort.Strings(lines)
	b.WriteString(strings.Join(lines, "\n") + "\n")
	return b.String()
}
