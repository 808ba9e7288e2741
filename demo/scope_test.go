package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/exchange/catalog"
	"github.com/kuayu/kuayu/exchange/dataspace"
	"github.com/kuayu/kuayu/exchange/gateway"
	"github.com/kuayu/kuayu/exchange/search"
	"github.com/kuayu/kuayu/exchange/source"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/internal/ids"
	"github.com/kuayu/kuayu/node"
	"github.com/kuayu/kuayu/support/deadline"
	"github.com/kuayu/kuayu/support/evidence"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/policy"
	"github.com/kuayu/kuayu/support/process"
)

// tenant is one of the two departments of a node in the scope tests.
type tenant struct {
	member, short, code string
	source              string // its source of data
	resource            string // its published entry
}

// secret is a text that only some departments may ever see.
type secret struct {
	text    string
	allowed map[string]bool // by department
}

// strangers is a federation in which two nodes have two departments each, with rows of all of them in every package.
type strangers struct {
	*fixture
	rand    *rand.Rand
	tenants []tenant
	secrets []secret
	ids     map[string]map[string][]string // by department and kind of row: identifiers it owns
}

func (s *strangers) node(d tenant) *node.Node { return s.c.Node(d.member) }

func (s *strangers) session(member, actor string) *identity.Session {
	s.t.Helper()
	_, sess, err := s.c.Node(member).Identity.OpenFor(s.ctx, actor)
	if err != nil {
		s.t.Fatal(err)
	}
	return sess
}

// hidden makes a text that only the departments may see.
func (s *strangers) hidden(ds ...tenant) string {
	x := secret{text: "secret-" + ids.Token(8), allowed: map[string]bool{}}
	for _, d := range ds {
		x.allowed[d.code] = true
	}
	s.secrets = append(s.secrets, x)
	return x.text
}

// own notes that an identifier belongs to departments alone, at their nodes.
func (s *strangers) own(kind, id string, ds ...tenant) {
	x := secret{text: id, allowed: map[string]bool{}}
	for _, d := range ds {
		x.allowed[d.code] = true
		if s.ids[d.code] == nil {
			s.ids[d.code] = map[string][]string{}
		}
		s.ids[d.code][kind] = append(s.ids[d.code][kind], id)
	}
	s.secrets = append(s.secrets, x)
}

func newStrangers(t *testing.T) *strangers {
	t.Helper()
	f := newFixture(t, Settings{Places: []Place{Places()[0], Places()[2]}})
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	s := &strangers{fixture: f, rand: rand.New(rand.NewPCG(seed, 1)), ids: map[string]map[string][]string{}}
	second := Department("330000", 2)
	if err := f.c.AddDepartment(f.ctx, "zhejiang", "zj2", second, "浙江省另一部门"); err != nil {
		t.Fatal(err)
	}
	s.tenants = []tenant{
		{member: "shanghai", short: "sh", code: f.market},
		{member: "shanghai", short: "sh2", code: f.other},
		{member: "zhejiang", short: "zj", code: f.health},
		{member: "zhejiang", short: "zj2", code: second},
	}
	for i := range s.tenants {
		s.found(&s.tenants[i])
	}
	return s
}

// found gives a department a source, a published entry and an actor with a secret name.
func (s *strangers) found(d *tenant) {
	s.t.Helper()
	d.source = "source-" + ids.Token(6)
	s.own("source", d.source, *d)
	spec := source.Spec{Kind: source.KindSQLite, Location: filepath.Join(s.c.Dir, "zhejiang", "business.db")}
	n := s.node(*d)
	if _, err := n.Catalog.AddSource(s.ctx, s.session(d.member, "operator"), d.code, d.source, spec); err != nil {
		s.t.Fatal(err)
	}
	d.resource = fmt.Sprintf("open/%s", d.short)
	s.save(*d, d.resource, "published entry")
	s.govern(*d, d.resource, true)
	s.draft(*d)
	actor := "actor-" + ids.Token(6)
	if err := n.Identity.AddActor(s.ctx, identity.Actor{ID: actor, Department: d.code, Name: s.hidden(*d), Kind: "machine", Roles: []identity.Role{identity.Machine}}); err != nil {
		s.t.Fatal(err)
	}
	s.own("actor", actor, *d)
}

func (s *strangers) draft(d tenant) {
	s.t.Helper()
	code := "draft/" + ids.Token(6)
	s.own("draft", code, d)
	s.save(d, code, s.hidden(d))
}

func (s *strangers) save(d tenant, code, abstract string) {
	s.t.Helper()
	r := catalog.Resource{
		Code: code, Name: "登记信息 " + code, Provider: "某部门", Abstract: abstract, Format: "database", UpdateCycle: "daily", Sharing: catalog.Conditional,
		Modes: []policy.Mode{policy.ModeQuery}, Conditions: "履行职责", ShareScope: "政府部门", UsePurpose: "企业服务", Class: "base", Grade: 1,
		Items: []catalog.Item{{Name: "uscc", Title: "代码", Type: "C", Grade: 1}, {Name: "name", Title: "名称", Type: "C", Grade: 1}},
	}
	if _, err := s.node(d).Catalog.Save(s.ctx, s.session(d.member, "officer-"+d.short), r, d.source, "enterprise"); err != nil {
		s.t.Fatal(err)
	}
}

// act lets a random department do a random thing.
func (s *strangers) act() {
	s.t.Helper()
	d := s.tenants[s.rand.IntN(len(s.tenants))]
	n := s.node(d)
	switch s.rand.IntN(4) {
	case 0:
		s.draft(d)
	case 1: // members that do not exist: it covers no application, and its text is secret
		st, err := n.Agreements.ConsentInAdvance(s.ctx, s.session(d.member, "head-"+d.short), agreement.Standing{
			Resource: d.resource, Fields: []string{"uscc"}, Modes: []policy.Mode{policy.ModeQuery}, Members: []string{s.hidden(d)}, MaxDays: 30, ValidUntil: s.c.Clock.Now().AddDate(1, 0, 0),
		})
		if err != nil {
			s.t.Fatal(err)
		}
		s.own("standing", st.ID, d)
	default:
		s.apply(s.tenants[s.rand.IntN(2)], s.tenants[2+s.rand.IntN(2)], s.rand.IntN(6))
	}
}

// apply walks an application some way: 0 drafted, 1 sent, 2 refused, 3 answered, 4 in force and used, 5 revoked.
func (s *strangers) apply(from, to tenant, far int) {
	s.t.Helper()
	must := func(n *agreement.Negotiation, err error) *agreement.Negotiation {
		s.t.Helper()
		if err != nil {
			s.t.Fatal(err)
		}
		return n
	}
	mine, theirs := s.node(from).Agreements, s.node(to).Agreements
	allowed := []tenant{from, to}
	if far == 0 {
		allowed = allowed[:1]
	}
	n := must(mine.Apply(s.ctx, s.session(from.member, "officer-"+from.short), agreement.Application{
		Provider: to.member, Resource: to.resource, Basis: policy.Basis{Kind: "duty", Citation: s.hidden(allowed...)}, Purposes: []string{"enterprise-service"},
		Scenario: s.hidden(allowed...), Scope: "窗口", Modes: []policy.Mode{policy.ModeQuery}, Fields: []string{"uscc", "name"},
		ValidUntil: s.c.Clock.Now().AddDate(0, 6, 0), Declared: true,
	}))
	s.own("negotiation", n.ID, allowed...)
	if far == 0 {
		return
	}
	must(mine.ConsentRequest(s.ctx, s.session(from.member, "head-"+from.short), n.ID))
	var got *agreement.Negotiation
	s.await(func() bool {
		ns, err := theirs.List(s.ctx, db.System("test"), agreement.Reviewing, 500)
		if err != nil {
			s.t.Fatal(err)
		}
		for i := range ns {
			if ns[i].Peer == n.ID {
				got = &ns[i]
			}
		}
		return got != nil
	})
	s.own("negotiation", got.ID, allowed...)
	officer, head := s.session(to.member, "officer-"+to.short), s.session(to.member, "head-"+to.short)
	switch far {
	case 1:
		return
	case 2:
		must(theirs.Refuse(s.ctx, head, got.ID, s.hidden(allowed...)))
		return
	}
	part := agreement.Grant{Fields: []string{"uscc"}, Refused: []agreement.RefusedItem{{Item: "name", Reason: s.hidden(allowed...)}}}
	must(theirs.Answer(s.ctx, officer, got.ID, part))
	if far == 3 {
		return
	}
	done := must(theirs.ConsentAnswer(s.ctx, head, got.ID))
	s.own("agreement", done.Agreement, allowed...)
	s.await(func() bool { return must(mine.Get(s.ctx, db.System("test"), n.ID)).State == agreement.Active })
	res, err := s.node(from).Gateway.Ask(s.ctx, s.session(from.member, "officer-"+from.short), done.Agreement, gateway.Query{
		Purpose: "enterprise-service", Case: s.hidden(allowed...), Plan: policy.Plan{Where: eq("uscc", s.hidden(allowed...)), Limit: 1},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	res.Release()
	tr, err := s.node(from).Dataspace.RequestTransfer(s.ctx, s.session(from.member, "officer-"+from.short), done.Agreement, dataspace.FormatQuery)
	if err != nil {
		s.t.Fatal(err)
	}
	s.own("transfer", tr.ID, allowed...)
	s.await(func() bool {
		ts, err := s.node(to).Dataspace.Transfers(s.ctx, db.System("test"), done.Agreement, 10)
		if err != nil {
			s.t.Fatal(err)
		}
		if len(ts) == 1 && ts[0].State == dataspace.Started {
			s.own("transfer", ts[0].ID, allowed...)
			return true
		}
		return false
	})
	if far >= 4 {
		s.object(from, to, done.Agreement, allowed)
	}
	if far == 5 {
		must(theirs.Revoke(s.ctx, head, got.ID, s.hidden(allowed...)))
	}
}

// visitor is a department that looks at rows of another.
type visitor struct {
	*strangers
	tenant
	n  *node.Node
	sc db.Scope
}

func (v *visitor) as(role string) *identity.Session { return v.session(v.member, role+"-"+v.short) }

// scoped are all methods that take a scope or a session and read or change rows. kind says whose identifiers to call it
// with: of these rows of the other department, or none for lists. TestEveryReaderTakesAScope checks that none is
// missing.
func scoped() []scopedMethod {
	query := gateway.Query{Purpose: "enterprise-service", Plan: policy.Plan{Limit: 1}}
	ns := func(f func(context.Context, *agreement.Service, *visitor, string) (*agreement.Negotiation, error)) func(context.Context, *visitor, string) (any, error) {
		return func(ctx context.Context, v *visitor, id string) (any, error) {
			n, err := f(ctx, v.n.Agreements, v, id)
			if err != nil {
				return nil, err // the record read before the refusal never leaves the node
			}
			return n, nil
		}
	}
	return slices.Concat(lifeMethods(ns), objectionMethods(), noticeMethods(), catalogMethods(), demandMethods(), schemeMethods(), watchMethods(), []scopedMethod{
		// First: trying the rest leaves refusals in evidence, which name what was tried.
		{"evidence.Index.Find", "", func(ctx context.Context, v *visitor, _ string) (any, error) {
			var all []evidence.Entry
			for _, a := range append([]string{""}, v.theirs("agreement")...) {
				es, err := v.n.Index.Find(ctx, v.sc, evidence.Query{Agreement: a, Limit: 500})
				if err != nil {
					return nil, err
				}
				all = append(all, es...)
			}
			return all, nil
		}},
		{"evidence.Index.Record", "fact", func(ctx context.Context, v *visitor, id string) (any, error) {
			r, err := v.n.Index.Record(ctx, v.sc, id)
			if err != nil {
				return nil, err
			}
			return v.n.Issuer.Receipt(ctx, r, true)
		}},
		{"catalog.Service.Source", "source", func(ctx context.Context, v *visitor, id string) (any, error) {
			return v.n.Catalog.Source(ctx, v.sc, id)
		}},
		{"catalog.Service.Sources", "", func(ctx context.Context, v *visitor, _ string) (any, error) { return v.n.Catalog.Sources(ctx, v.sc) }},
		{"catalog.Service.Discover", "source", func(ctx context.Context, v *visitor, id string) (any, error) {
			return v.n.Catalog.Discover(ctx, v.as("officer"), id)
		}},
		{"catalog.Service.Sample", "source", func(ctx context.Context, v *visitor, id string) (any, error) {
			_, err := v.n.Catalog.Sample(ctx, v.as("officer"), id, "enterprise", 1)
			return nil, err
		}},
		{"catalog.Service.Preview", "source", func(ctx context.Context, v *visitor, id string) (any, error) {
			p, err := v.n.Catalog.Preview(ctx, v.as("officer"), id, "enterprise", nil, 1)
			if err != nil {
				return nil, err
			}
			return p, nil
		}},
		{"catalog.Service.Save", "source", func(ctx context.Context, v *visitor, id string) (any, error) {
			r, err := v.n.Catalog.Get(ctx, v.sc, v.resource)
			if err != nil {
				return nil, err
			}
			r.Code = "draft/" + ids.Token(6)
			_, err = v.n.Catalog.Save(ctx, v.as("officer"), *r, id, "enterprise")
			return nil, err
		}},
		{"catalog.Service.Get", "draft", func(ctx context.Context, v *visitor, id string) (any, error) { return v.n.Catalog.Get(ctx, v.sc, id) }},
		{"catalog.Service.GetTx", "draft", func(ctx context.Context, v *visitor, id string) (any, error) {
			return v.n.Catalog.GetTx(ctx, v.n.DB.Read(), v.sc, id)
		}},
		{"catalog.Service.List", "", func(ctx context.Context, v *visitor, _ string) (any, error) {
			return v.n.Catalog.List(ctx, v.sc, true, "", 500)
		}},
		{"process.Engine.List", "", func(ctx context.Context, v *visitor, _ string) (any, error) {
			return v.n.Cases.List(ctx, v.sc, process.Filter{Limit: 500})
		}},
		{"process.Engine.Todos", "", func(ctx context.Context, v *visitor, _ string) (any, error) {
			return v.n.Cases.Todos(ctx, v.as("officer"), process.Filter{Limit: 500})
		}},
		{"process.Engine.Show", "negotiation agreement demand correction dispute", func(ctx context.Context, v *visitor, id string) (any, error) {
			return v.n.Cases.Show(ctx, v.sc, id)
		}},
		{"process.Engine.Act", "negotiation agreement demand correction dispute", func(ctx context.Context, v *visitor, id string) (any, error) {
			return v.n.Cases.Act(ctx, v.as("officer"), id, "withdraw", "x", nil)
		}},
		{"agreement.Service.Get", "negotiation agreement", ns(func(ctx context.Context, s *agreement.Service, v *visitor, id string) (*agreement.Negotiation, error) {
			return s.Get(ctx, v.sc, id)
		})},
		{"agreement.Service.Bytes", "negotiation agreement", func(ctx context.Context, v *visitor, id string) (any, error) {
			return v.n.Agreements.Bytes(ctx, v.sc, id)
		}},
		{"agreement.Service.History", "negotiation agreement", func(ctx context.Context, v *visitor, id string) (any, error) {
			return v.n.Agreements.History(ctx, v.sc, id)
		}},
		{"agreement.Service.Users", "", func(ctx context.Context, v *visitor, _ string) (any, error) {
			return v.n.Agreements.Users(ctx, v.sc, []string{v.resource})
		}},
		{"agreement.Service.UsersOf", "", func(ctx context.Context, v *visitor, _ string) (any, error) {
			return v.n.Agreements.UsersOf(ctx, v.sc, v.resource, 500)
		}},
		{"agreement.Service.Standings", "", func(ctx context.Context, v *visitor, _ string) (any, error) {
			return v.n.Agreements.Standings(ctx, v.sc, v.resource)
		}},
		{"agreement.Service.List", "", func(ctx context.Context, v *visitor, _ string) (any, error) {
			var all []agreement.Negotiation
			for _, st := range append(agreement.States(), "") {
				n, err := v.n.Agreements.List(ctx, v.sc, st, 500)
				if err != nil {
					return nil, err
				}
				all = append(all, n...)
			}
			return all, nil
		}},
		{"agreement.Service.ConsentRequest", "negotiation agreement", ns(func(ctx context.Context, s *agreement.Service, v *visitor, id string) (*agreement.Negotiation, error) {
			return s.ConsentRequest(ctx, v.as("head"), id)
		})},
		{"agreement.Service.Page", "", func(ctx context.Context, v *visitor, _ string) (any, error) {
			ns, _, err := v.n.Agreements.Page(ctx, v.sc, agreement.PageQuery{Limit: 500})
			return ns, err
		}},
		{"agreement.Service.Earlier", "", func(ctx context.Context, v *visitor, _ string) (any, error) {
			var all []*agreement.Prior
			for _, d := range v.tenants {
				p, err := v.n.Agreements.Earlier(ctx, v.sc, &agreement.Negotiation{Consumer: policy.Party{Member: d.member, Department: d.code}})
				if err != nil {
					return nil, err
				}
				all = append(all, p)
			}
			return all, nil
		}},
		{"agreement.Service.SignatureOf", "negotiation agreement", func(ctx context.Context, v *visitor, id string) (any, error) {
			return v.n.Agreements.SignatureOf(ctx, v.sc, id)
		}},
		{"agreement.Service.ReturnRequest", "negotiation agreement", ns(func(ctx context.Context, s *agreement.Service, v *visitor, id string) (*agreement.Negotiation, error) {
			return s.ReturnRequest(ctx, v.as("head"), id, "x")
		})},
		{"agreement.Service.Correct", "negotiation agreement", ns(func(ctx context.Context, s *agreement.Service, v *visitor, id string) (*agreement.Negotiation, error) {
			return s.Correct(ctx, v.as("officer"), id, agreement.Application{})
		})},
		{"agreement.Service.Answer", "negotiation agreement", ns(func(ctx context.Context, s *agreement.Service, v *visitor, id string) (*agreement.Negotiation, error) {
			return s.Answer(ctx, v.as("officer"), id, agreement.Grant{Fields: []string{"uscc"}})
		})},
		{"agreement.Service.ConsentAnswer", "negotiation agreement", ns(func(ctx context.Context, s *agreement.Service, v *visitor, id string) (*agreement.Negotiation, error) {
			return s.ConsentAnswer(ctx, v.as("head"), id)
		})},
		{"agreement.Service.ReturnAnswer", "negotiation agreement", ns(func(ctx context.Context, s *agreement.Service, v *visitor, id string) (*agreement.Negotiation, error) {
			return s.ReturnAnswer(ctx, v.as("head"), id, "x")
		})},
		{"agreement.Service.Refuse", "negotiation agreement", ns(func(ctx context.Context, s *agreement.Service, v *visitor, id string) (*agreement.Negotiation, error) {
			return s.Refuse(ctx, v.as("head"), id, "x")
		})},
		{"agreement.Service.Withdraw", "negotiation agreement", ns(func(ctx context.Context, s *agreement.Service, v *visitor, id string) (*agreement.Negotiation, error) {
			return s.Withdraw(ctx, v.as("officer"), id, "x")
		})},
		{"agreement.Service.Revoke", "negotiation agreement", ns(func(ctx context.Context, s *agreement.Service, v *visitor, id string) (*agreement.Negotiation, error) {
			return s.Revoke(ctx, v.as("head"), id, "x")
		})},
		{"agreement.Service.CounterOffer", "negotiation agreement", ns(func(ctx context.Context, s *agreement.Service, v *visitor, id string) (*agreement.Negotiation, error) {
			return s.CounterOffer(ctx, v.as("officer"), id, agreement.Grant{Fields: []string{"uscc"}})
		})},
		{"agreement.Service.AcceptOffer", "negotiation agreement", ns(func(ctx context.Context, s *agreement.Service, v *visitor, id string) (*agreement.Negotiation, error) {
			return s.AcceptOffer(ctx, v.as("head"), id)
		})},
		{"agreement.Service.Resubmit", "negotiation agreement", ns(func(ctx context.Context, s *agreement.Service, v *visitor, id string) (*agreement.Negotiation, error) {
			return s.Resubmit(ctx, v.as("head"), id, agreement.Application{
				Provider: "zhejiang", Resource: v.resource, Basis: policy.Basis{Kind: "duty", Citation: "x"}, Purposes: []string{"x"}, Scenario: "x", Scope: "x",
				Modes: []policy.Mode{policy.ModeQuery}, Fields: []string{"uscc"}, ValidUntil: v.c.Clock.Now().AddDate(0, 1, 0), Declared: true,
			})
		})},
		{"agreement.Service.GetTx", "negotiation agreement", ns(func(ctx context.Context, s *agreement.Service, v *visitor, id string) (*agreement.Negotiation, error) {
			return s.GetTx(ctx, v.n.DB.Read(), v.sc, id)
		})},
		{"dataspace.Service.Transfer", "transfer", func(ctx context.Context, v *visitor, id string) (any, error) {
			return v.n.Dataspace.Transfer(ctx, v.sc, id)
		}},
		{"dataspace.Service.Transfers", "", func(ctx context.Context, v *visitor, _ string) (any, error) {
			var all []dataspace.Transfer
			for _, a := range append([]string{""}, v.theirs("agreement")...) {
				ts, err := v.n.Dataspace.Transfers(ctx, v.sc, a, 500)
				if err != nil {
					return nil, err
				}
				all = append(all, ts...)
			}
			return all, nil
		}},
		{"dataspace.Service.RequestTransfer", "negotiation agreement", func(ctx context.Context, v *visitor, id string) (any, error) {
			_, err := v.n.Dataspace.RequestTransfer(ctx, v.as("officer"), id, dataspace.FormatQuery)
			return nil, err
		}},
		{"dataspace.Service.MoveTransfer", "transfer", func(ctx context.Context, v *visitor, id string) (any, error) {
			_, err := v.n.Dataspace.MoveTransfer(ctx, v.as("officer"), id, dataspace.Terminate, "x")
			return nil, err
		}},
		{"agreement.Service.ConsentInAdvance", "draft", func(ctx context.Context, v *visitor, id string) (any, error) {
			_, err := v.n.Agreements.ConsentInAdvance(ctx, v.as("head"), agreement.Standing{
				Resource: id, Fields: []string{"uscc"}, Modes: []policy.Mode{policy.ModeQuery}, MaxDays: 1, ValidUntil: v.c.Clock.Now().AddDate(1, 0, 0),
			})
			return nil, err
		}},
		{"gateway.Gateway.Lease", "agreement", func(ctx context.Context, v *visitor, id string) (any, error) {
			return v.n.Gateway.Lease(ctx, v.as("officer"), id)
		}},
		{"gateway.Gateway.Ask", "agreement", func(ctx context.Context, v *visitor, id string) (any, error) {
			_, err := v.n.Gateway.Ask(ctx, v.as("officer"), id, query)
			return nil, err
		}},
		{"gateway.Gateway.Stream", "agreement", func(ctx context.Context, v *visitor, id string) (any, error) {
			return nil, v.n.Gateway.Stream(ctx, v.as("officer"), id, query, func(*gateway.Result) error { return errors.New("rows of strangers") }, func(string) {})
		}},
		{"gateway.Gateway.Verify", "agreement", func(ctx context.Context, v *visitor, id string) (any, error) {
			c := gateway.Claim{Item: "uscc", Value: policy.Str("x")}
			_, err := v.n.Gateway.Verify(ctx, v.as("officer"), id, gateway.VerifyRequest{Purpose: "enterprise-service", Subject: c, Claims: []gateway.Claim{c}})
			return nil, err
		}},
		{"gateway.Gateway.SubjectFacts", "", func(ctx context.Context, v *visitor, _ string) (any, error) {
			var all []evidence.Entry
			for _, x := range v.secrets {
				es, err := v.n.Gateway.SubjectFacts(ctx, v.sc, x.text)
				if err != nil {
					return nil, err
				}
				all = append(all, es...)
			}
			return all, nil
		}},
		{"identity.Service.Actors", "", func(ctx context.Context, v *visitor, _ string) (any, error) { return v.n.Identity.Actors(ctx, v.sc) }},
		{"identity.Service.ActorName", "", func(ctx context.Context, v *visitor, _ string) (any, error) {
			var all []string
			for _, id := range v.theirs("actor") {
				name, err := v.n.Identity.ActorName(ctx, v.sc, id)
				if err != nil {
					return nil, err
				}
				all = append(all, name)
			}
			return all, nil
		}},
		{"identity.Service.SignIns", "", func(ctx context.Context, v *visitor, _ string) (any, error) {
			return v.n.Identity.SignIns(ctx, v.sc, 500)
		}},
		{"identity.Service.Disable", "actor", func(ctx context.Context, v *visitor, id string) (any, error) {
			return nil, v.n.Identity.Disable(ctx, v.sc, id)
		}},
	})
}

// scopedMethod is a method that a visitor calls.
type scopedMethod struct {
	name, kind string
	call       func(ctx context.Context, v *visitor, id string) (any, error)
}

// differently are the methods that answer another department's identifier with another error than an unknown one. Both
// take an identifier nobody can guess, and their refusal is recorded under a code of its own.
func differently() map[string]string {
	return map[string]string{"gateway.Gateway.Ask": "policy.department", "gateway.Gateway.Stream": "policy.department", "gateway.Gateway.Verify": "policy.department"}
}

// neighbour is the other department of the visitor's node.
func (v *visitor) neighbour() tenant {
	for _, d := range v.tenants {
		if d.member == v.member && d.code != v.code {
			return d
		}
	}
	v.t.Fatal("no neighbour")
	return tenant{}
}

// theirs are the identifiers of the other department's rows.
func (v *visitor) theirs(kinds string) []string {
	var out []string
	for _, k := range strings.Fields(kinds) {
		out = append(out, v.ids[v.neighbour().code][k]...)
	}
	return out
}

// TestDepartmentsAreStrangers: four departments at two nodes do random things; then each tries every method of every
// store on the rows of the other department of its node. Nothing of them shows, no identifier is answered otherwise than
// one that does not exist, and nothing of them changes.
func TestDepartmentsAreStrangers(t *testing.T) {
	s := newStrangers(t)
	for far := range 6 { // each stage at least once
		s.apply(s.tenants[far%2], s.tenants[2+far/2%2], far)
		s.apply(s.tenants[1-far%2], s.tenants[3-far/2%2], far)
	}
	for i, d := range s.tenants {
		s.needs(d, s.tenants[(i+2)%4])
		s.opens(d, s.tenants[3-i])
	}
	for range 16 {
		s.act()
	}
	s.settle()
	for _, d := range s.tenants {
		s.facts(d)
		s.notices(d)
	}
	for _, d := range s.tenants {
		v := &visitor{strangers: s, tenant: d, n: s.node(d)}
		v.sc = v.as("officer").Scope()
		other := &visitor{strangers: s, tenant: v.neighbour(), n: v.n}
		other.sc = other.as("officer").Scope()
		before := other.all()
		for _, m := range scoped() {
			v.check(m)
		}
		if after := other.all(); before != after {
			t.Errorf("what %s did changed rows of %s:\n%s\n%s", d.short, other.short, before, after)
		}
		v.ownRows()
	}
}

// settle waits until no message is under way.
func (s *strangers) settle() {
	s.await(func() bool {
		for _, m := range []string{"shanghai", "zhejiang"} {
			var n int
			if err := s.c.Node(m).DB.Read().NewRaw("SELECT count(*) FROM queue_job WHERE dead = 0 AND kind NOT IN (?, ?, ?)", agreement.KindExpire, deadline.KindTick, search.KindRefresh).Scan(s.ctx, &n); err != nil {
				s.t.Fatal(err)
			}
			if n > 0 {
				return false
			}
		}
		return true
	})
}

// facts notes the identifiers of the facts that concern a department and not the other of its node.
func (s *strangers) facts(d tenant) {
	s.t.Helper()
	n := s.node(d)
	if _, err := n.Index.Project(s.ctx); err != nil {
		s.t.Fatal(err)
	}
	es, err := n.Index.Find(s.ctx, db.System("test"), evidence.Query{Limit: 500})
	if err != nil {
		s.t.Fatal(err)
	}
	neighbour := (&visitor{strangers: s, tenant: d}).neighbour()
	for _, e := range es {
		if (e.Department == d.code || e.Other == d.code) && e.Department != neighbour.code && e.Other != neighbour.code {
			id := strings.TrimSuffix(e.ID, "#"+e.Kind)
			if s.ids[d.code] == nil {
				s.ids[d.code] = map[string][]string{}
			}
			s.ids[d.code]["fact"] = append(s.ids[d.code]["fact"], id, e.ID)
		}
	}
	if len(s.ids[d.code]["fact"]) < 10 {
		s.t.Errorf("%s has only %d facts", d.short, len(s.ids[d.code]["fact"]))
	}
}

// all is everything a department sees of its own, as text.
func (v *visitor) all() string {
	v.t.Helper()
	var out []any
	for _, m := range scoped() {
		if m.kind != "" || strings.HasPrefix(m.name, "identity.Service.SignIn") || strings.HasPrefix(m.name, "evidence.") || strings.HasPrefix(m.name, "gateway.") {
			continue // lists only; looking opens sessions, and those are listed
		}
		r, err := m.call(v.ctx, v, "")
		if err != nil {
			v.t.Fatal(m.name, err)
		}
		out = append(out, r)
	}
	b, err := json.Marshal(out)
	if err != nil {
		v.t.Fatal(err)
	}
	return string(b)
}

// check calls one method with everything of the neighbour's that fits it.
func (v *visitor) check(m scopedMethod) {
	v.t.Helper()
	if m.kind == "" {
		r, err := m.call(v.ctx, v, "")
		if err != nil {
			v.t.Errorf("%s as %s: %v", m.name, v.short, err)
		}
		v.clean(m.name, r)
		return
	}
	names := v.theirs(m.kind)
	if len(names) == 0 {
		v.t.Errorf("%s was not tried as %s: the neighbour has no %s", m.name, v.short, m.kind)
	}
	for _, id := range names {
		unknown := "01900000-0000-7000-8000-000000000000"
		r, err := m.call(v.ctx, v, id)
		_, want := m.call(v.ctx, v, unknown)
		if err == nil || want == nil {
			v.t.Errorf("%s as %s with %s of the neighbour: %v; with an unknown identifier: %v", m.name, v.short, id, err, want)
			continue
		}
		got, expected := errs.As(err), errs.As(want)
		same := got.Code == expected.Code && strings.ReplaceAll(got.En, id, unknown) == expected.En && strings.ReplaceAll(got.Zh, id, unknown) == expected.Zh
		if !same && got.Code != differently()[m.name] {
			v.t.Errorf("%s as %s tells the neighbour's %s from an unknown one: %v, %v", m.name, v.short, id, err, want)
		}
		v.clean(m.name, r)
	}
}

// clean checks that a result holds nothing that the visitor's department may not see.
func (v *visitor) clean(what string, result any) {
	v.t.Helper()
	text := func() string {
		if b, ok := result.([]byte); ok {
			return string(b)
		}
		b, err := json.Marshal(result)
		if err != nil {
			v.t.Fatal(err)
		}
		return string(b)
	}()
	for _, x := range v.secrets {
		if !x.allowed[v.code] && strings.Contains(text, x.text) {
			v.t.Errorf("%s shows %s what is not for it: %s", what, v.short, x.text)
		}
	}
	if what != "catalog.Service.List" && strings.Contains(text, v.neighbour().code) { // published entries name their unit
		v.t.Errorf("%s names the neighbour to %s: %s", what, v.short, text)
	}
}

// ownRows checks that a department does see all its own rows, bodies of facts included, and nothing else within them:
// otherwise everything above would pass on empty stores.
func (v *visitor) ownRows() {
	v.t.Helper()
	for _, m := range scoped() {
		switch m.name {
		case "catalog.Service.Source", "catalog.Service.Get", "agreement.Service.Get", "agreement.Service.History", "evidence.Index.Record", "demand.Service.Get", "scheme.Service.Get":
		default:
			continue
		}
		for _, k := range strings.Fields(m.kind) {
			for _, id := range v.ids[v.code][k] {
				if k == "negotiation" || k == "agreement" {
					if _, err := v.n.Agreements.Get(v.ctx, db.System("test"), id); err != nil {
						continue // the other end's process
					}
				}
				r, err := m.call(v.ctx, v, id)
				if err != nil {
					v.t.Errorf("%s does not show %s its own %s: %v", m.name, v.short, id, err)
				}
				v.clean(m.name, r)
			}
		}
	}
	for _, id := range []string{"", "%", "_", "#", "' OR 1=1 --"} {
		if r, err := v.n.Index.Record(v.ctx, v.sc, id); err == nil {
			f, ferr := r.Fact()
			if ferr != nil || f.ID != id {
				v.t.Errorf("the pattern %q finds the fact %s", id, f.ID)
			}
		}
	}
	drafts, _, err := v.n.Dataspace.Browse(v.ctx, map[string]string{"shanghai": "zhejiang", "zhejiang": "shanghai"}[v.member], "")
	if err != nil {
		v.t.Error(err)
	}
	for _, r := range drafts {
		if r.State != catalog.Published {
			v.t.Errorf("another member sees the entry %s in state %s", r.Code, r.State)
		}
	}
}
