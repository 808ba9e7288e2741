package demo

import (
	"context"

	"github.com/kuayu/kuayu/exchange/agreement"
)

// lifeMethods are the scoped methods of what happens to an agreement besides the answer.
func lifeMethods(ns func(func(context.Context, *agreement.Service, *visitor, string) (*agreement.Negotiation, error)) func(context.Context, *visitor, string) (any, error)) []scopedMethod {
	act := func(name string, f func(context.Context, *agreement.Service, *visitor, string) (*agreement.Negotiation, error)) scopedMethod {
		return scopedMethod{"agreement.Service." + name, "negotiation agreement", ns(f)}
	}
	return []scopedMethod{
		act("AskSupplement", func(ctx context.Context, s *agreement.Service, v *visitor, id string) (*agreement.Negotiation, error) {
			return s.AskSupplement(ctx, v.as("officer"), id, []agreement.Missing{{Item: "x", Why: "x"}})
		}),
		act("GiveSupplement", func(ctx context.Context, s *agreement.Service, v *visitor, id string) (*agreement.Negotiation, error) {
			return s.GiveSupplement(ctx, v.as("officer"), id, agreement.Supply{Texts: []agreement.Supplied{{Item: "x", Text: "x"}}})
		}),
		act("ConsentSupplement", func(ctx context.Context, s *agreement.Service, v *visitor, id string) (*agreement.Negotiation, error) {
			return s.ConsentSupplement(ctx, v.as("head"), id)
		}),
		act("AskExtension", func(ctx context.Context, s *agreement.Service, v *visitor, id string) (*agreement.Negotiation, error) {
			return s.AskExtension(ctx, v.as("officer"), id, 5, "x")
		}),
		act("ConsentExtension", func(ctx context.Context, s *agreement.Service, v *visitor, id string) (*agreement.Negotiation, error) {
			return s.ConsentExtension(ctx, v.as("head"), id)
		}),
		act("RefuseExtension", func(ctx context.Context, s *agreement.Service, v *visitor, id string) (*agreement.Negotiation, error) {
			return s.RefuseExtension(ctx, v.as("head"), id, "x")
		}),
		act("DraftChange", func(ctx context.Context, s *agreement.Service, v *visitor, id string) (*agreement.Negotiation, error) {
			return s.DraftChange(ctx, v.as("officer"), id, agreement.ChangeRequest{Reason: "x"})
		}),
		act("RequestChange", func(ctx context.Context, s *agreement.Service, v *visitor, id string) (*agreement.Negotiation, error) {
			return s.RequestChange(ctx, v.as("head"), id)
		}),
		act("ProposeChange", func(ctx context.Context, s *agreement.Service, v *visitor, id string) (*agreement.Negotiation, error) {
			return s.ProposeChange(ctx, v.as("officer"), id, agreement.Grant{Fields: []string{"uscc"}})
		}),
		act("GrantChange", func(ctx context.Context, s *agreement.Service, v *visitor, id string) (*agreement.Negotiation, error) {
			return s.GrantChange(ctx, v.as("head"), id)
		}),
		act("DeclineChange", func(ctx context.Context, s *agreement.Service, v *visitor, id string) (*agreement.Negotiation, error) {
			return s.DeclineChange(ctx, v.as("head"), id, "x")
		}),
		act("Suspend", func(ctx context.Context, s *agreement.Service, v *visitor, id string) (*agreement.Negotiation, error) {
			return s.Suspend(ctx, v.as("head"), id, "x")
		}),
		act("OrderRectify", func(ctx context.Context, s *agreement.Service, v *visitor, id string) (*agreement.Negotiation, error) {
			return s.OrderRectify(ctx, v.as("head"), id, agreement.RectifyOrder{What: "x", By: v.c.Clock.Now().AddDate(0, 0, 1)})
		}),
		act("ReportRectified", func(ctx context.Context, s *agreement.Service, v *visitor, id string) (*agreement.Negotiation, error) {
			return s.ReportRectified(ctx, v.as("officer"), id, "x")
		}),
		act("Resume", func(ctx context.Context, s *agreement.Service, v *visitor, id string) (*agreement.Negotiation, error) {
			return s.Resume(ctx, v.as("head"), id, "x")
		}),
		act("Dispose", func(ctx context.Context, s *agreement.Service, v *visitor, id string) (*agreement.Negotiation, error) {
			return s.Dispose(ctx, v.as("officer"), id, agreement.DisposalOrder{Method: "x", Scope: "x", By: v.c.Clock.Now().AddDate(0, 0, 1)})
		}),
		act("ConfirmDisposal", func(ctx context.Context, s *agreement.Service, v *visitor, id string) (*agreement.Negotiation, error) {
			return s.ConfirmDisposal(ctx, v.as("head"), id, agreement.Certificate{Method: "x", Scope: "x", Officer: "x", Date: v.c.Clock.Now()})
		}),
		{"agreement.Service.RecordUse", "negotiation agreement", func(ctx context.Context, v *visitor, id string) (any, error) {
			return v.n.Agreements.RecordUse(ctx, v.as("officer"), id, agreement.UseRecord{Part: agreement.PartEffect, Text: "x"})
		}},
		{"agreement.Service.Ledger", "negotiation agreement", func(ctx context.Context, v *visitor, id string) (any, error) {
			return v.n.Agreements.Ledger(ctx, v.sc, id)
		}},
		{"agreement.Service.Versions", "negotiation agreement", func(ctx context.Context, v *visitor, id string) (any, error) {
			return v.n.Agreements.Versions(ctx, v.sc, id)
		}},
		{"gateway.Gateway.Ledger", "negotiation agreement", func(ctx context.Context, v *visitor, id string) (any, error) {
			return v.n.Gateway.Ledger(ctx, v.as("officer"), id)
		}},
	}
}
