package demo

import (
	"bytes"
	"context"
	"time"

	"github.com/kuayu/kuayu/exchange/catalog"
	"github.com/kuayu/kuayu/support/deadline"
)

// govern walks a saved draft to the authority's desk, and into the catalogue if all is set.
func (s *strangers) govern(d tenant, code string, all bool) {
	s.t.Helper()
	c := s.node(d).Catalog
	officer, chief := s.session(d.member, "officer-"+d.short), s.session(d.member, "chief-"+d.short)
	must := func(_ *catalog.Dossier, err error) {
		s.t.Helper()
		if err != nil {
			s.t.Fatal(err)
		}
	}
	must(c.Assess(s.ctx, officer, code, Assessed(catalog.Confidentiality, s.c.Clock.Now())))
	must(c.Submit(s.ctx, officer, code))
	must(c.Sign(s.ctx, chief, code))
	if all {
		must(c.Publish(s.ctx, s.session(d.member, Regulator().ID), code))
	}
}

// catalogMethods are those of the way into the catalogue and out of it. Where only the authority may act, an officer of
// another department is tried.
func catalogMethods() []scopedMethod {
	type act = func(ctx context.Context, c *catalog.Service, v *visitor, id string) (*catalog.Dossier, error)
	one := func(name string, f act) scopedMethod {
		return scopedMethod{"catalog.Service." + name, "draft", func(ctx context.Context, v *visitor, id string) (any, error) {
			e, err := f(ctx, v.n.Catalog, v, id)
			if err != nil {
				return nil, err
			}
			return e, nil
		}}
	}
	return []scopedMethod{
		{"catalog.Service.Versions", "draft", func(ctx context.Context, v *visitor, id string) (any, error) {
			return v.n.Catalog.Versions(ctx, v.sc, id)
		}},
		{"catalog.Service.Version", "draft", func(ctx context.Context, v *visitor, id string) (any, error) {
			return v.n.Catalog.Version(ctx, v.sc, id, 1)
		}},
		{"catalog.Service.Diff", "draft", func(ctx context.Context, v *visitor, id string) (any, error) {
			return v.n.Catalog.Diff(ctx, v.sc, id, 1, 1)
		}},
		{"catalog.Service.CheckMount", "draft", func(ctx context.Context, v *visitor, id string) (any, error) {
			return v.n.Catalog.CheckMount(ctx, v.sc, id)
		}},
		{"catalog.Service.Conflicts", "", func(ctx context.Context, v *visitor, _ string) (any, error) {
			return v.n.Catalog.Conflicts(ctx, v.sc, "", 500)
		}},
		{"catalog.Service.Responsibilities", "", func(ctx context.Context, v *visitor, _ string) (any, error) {
			return v.n.Catalog.Responsibilities(ctx, v.sc, "", 500)
		}},
		{"catalog.Service.Register", "", func(ctx context.Context, v *visitor, _ string) (any, error) {
			return v.n.Catalog.Register(ctx, v.as("officer"), "", 500)
		}},
		{"catalog.Service.Export", "", func(ctx context.Context, v *visitor, _ string) (any, error) {
			var b bytes.Buffer
			err := v.n.Catalog.Export(ctx, v.sc, catalog.CSV, &b)
			return b.Bytes(), err
		}},
		one("RecordBreach", func(ctx context.Context, c *catalog.Service, v *visitor, id string) (*catalog.Dossier, error) {
			return c.RecordBreach(ctx, v.as("officer"), id, catalog.Breach{Code: deadline.P3, Note: "x"})
		}),
		one("Dossier", func(ctx context.Context, c *catalog.Service, v *visitor, id string) (*catalog.Dossier, error) {
			return c.Dossier(ctx, v.sc, id)
		}),
		{"catalog.Service.Dossiers", "", func(ctx context.Context, v *visitor, _ string) (any, error) {
			return v.n.Catalog.Dossiers(ctx, v.sc, "", "", 500)
		}},
		{"catalog.Service.History", "draft", func(ctx context.Context, v *visitor, id string) (any, error) {
			return v.n.Catalog.History(ctx, v.sc, id)
		}},
		one("Assess", func(ctx context.Context, c *catalog.Service, v *visitor, id string) (*catalog.Dossier, error) {
			return c.Assess(ctx, v.as("officer"), id, Assessed(catalog.Confidentiality, v.c.Clock.Now()))
		}),
		one("Submit", func(ctx context.Context, c *catalog.Service, v *visitor, id string) (*catalog.Dossier, error) {
			return c.Submit(ctx, v.as("officer"), id)
		}),
		one("Sign", func(ctx context.Context, c *catalog.Service, v *visitor, id string) (*catalog.Dossier, error) {
			return c.Sign(ctx, v.as("chief"), id)
		}),
		one("Return", func(ctx context.Context, c *catalog.Service, v *visitor, id string) (*catalog.Dossier, error) {
			return c.Return(ctx, v.as("chief"), id, "x")
		}),
		one("Discard", func(ctx context.Context, c *catalog.Service, v *visitor, id string) (*catalog.Dossier, error) {
			return c.Discard(ctx, v.as("officer"), id)
		}),
		one("Withdraw", func(ctx context.Context, c *catalog.Service, v *visitor, id string) (*catalog.Dossier, error) {
			return c.Withdraw(ctx, v.as("chief"), id, "x")
		}),
		one("NoteChange", func(ctx context.Context, c *catalog.Service, v *visitor, id string) (*catalog.Dossier, error) {
			return c.NoteChange(ctx, v.as("officer"), id, catalog.Demand{Cause: catalog.LawChanged, What: "x", Since: v.c.Clock.Now().Add(-time.Hour)})
		}),
		one("AskExtension", func(ctx context.Context, c *catalog.Service, v *visitor, id string) (*catalog.Dossier, error) {
			return c.AskExtension(ctx, v.as("officer"), id, 1, "x")
		}),
		one("Publish", func(ctx context.Context, c *catalog.Service, v *visitor, id string) (*catalog.Dossier, error) {
			return c.Publish(ctx, v.as("officer"), id)
		}),
		one("Reject", func(ctx context.Context, c *catalog.Service, v *visitor, id string) (*catalog.Dossier, error) {
			return c.Reject(ctx, v.as("officer"), id, "x")
		}),
		one("FileWithdrawal", func(ctx context.Context, c *catalog.Service, v *visitor, id string) (*catalog.Dossier, error) {
			return c.FileWithdrawal(ctx, v.as("officer"), id)
		}),
		one("RefuseWithdrawal", func(ctx context.Context, c *catalog.Service, v *visitor, id string) (*catalog.Dossier, error) {
			return c.RefuseWithdrawal(ctx, v.as("officer"), id, "x")
		}),
		one("ConsentExtension", func(ctx context.Context, c *catalog.Service, v *visitor, id string) (*catalog.Dossier, error) {
			return c.ConsentExtension(ctx, v.as("officer"), id)
		}),
		one("RefuseExtension", func(ctx context.Context, c *catalog.Service, v *visitor, id string) (*catalog.Dossier, error) {
			return c.RefuseExtension(ctx, v.as("officer"), id, "x")
		}),
	}
}
