package demo

import (
	"context"
	"strings"

	"github.com/kuayu/kuayu/exchange/gateway"
	"github.com/kuayu/kuayu/support/evidence"
	"github.com/kuayu/kuayu/support/identity"
)

// watchMethods are those behind the pages on which officers watch.
func watchMethods() []scopedMethod {
	return []scopedMethod{
		{"evidence.Index.Named", "", func(ctx context.Context, v *visitor, _ string) (any, error) {
			return v.n.Index.Named(ctx, v.sc, v.theirs("fact")...)
		}},
		{"evidence.Index.Tallies", "", func(ctx context.Context, v *visitor, _ string) (any, error) {
			return v.n.Index.Tallies(ctx, v.sc, evidence.TallyQuery{})
		}},
		{"evidence.Index.TalliesByMember", "", func(ctx context.Context, v *visitor, _ string) (any, error) {
			return v.n.Index.TalliesByMember(ctx, v.sc, evidence.TallyQuery{})
		}},
		{"gateway.Gateway.Flows", "", func(ctx context.Context, v *visitor, _ string) (any, error) {
			return v.n.Gateway.Flows(ctx, v.sc, v.n.Clock.Now().AddDate(0, 0, -1))
		}},
		{"gateway.Gateway.Live", "", func(_ context.Context, v *visitor, _ string) (any, error) {
			events, stop := v.n.Gateway.Live(v.sc) // what it tells later: TestScreen
			defer stop()
			return len(events), nil
		}},
		{"evidence.Index.Uses", "", func(ctx context.Context, v *visitor, _ string) (any, error) {
			var all []evidence.Use
			for _, a := range append([]string{""}, v.theirs("agreement")...) {
				us, err := v.n.Index.Uses(ctx, v.sc, evidence.UseQuery{Agreement: a, Limit: 500})
				if err != nil {
					return nil, err
				}
				all = append(all, us...)
			}
			return all, nil
		}},
		{"gateway.Gateway.Exchanges", "", func(ctx context.Context, v *visitor, _ string) (any, error) {
			return v.n.Gateway.Exchanges(ctx, v.sc, gateway.ExchangeQuery{Limit: 499})
		}},
		{"gateway.Gateway.Facts", "", func(ctx context.Context, v *visitor, _ string) (any, error) {
			return v.n.Gateway.Facts(ctx, v.sc, evidence.Query{Department: v.neighbour().code, Limit: 499})
		}},
		{"gateway.Gateway.Watch", "", func(ctx context.Context, v *visitor, _ string) (any, error) {
			return v.n.Gateway.Watch(ctx, v.sc, "", "", 24)
		}},
		{"gateway.Gateway.Used", "", func(ctx context.Context, v *visitor, _ string) (any, error) {
			return v.n.Gateway.Used(ctx, v.sc, "", v.n.Clock.Now().AddDate(0, 0, -1), 500)
		}},
		{"gateway.Gateway.Trace", "fact", func(ctx context.Context, v *visitor, id string) (any, error) {
			id, _, _ = strings.Cut(id, "#")
			return v.n.Gateway.Trace(ctx, v.sc, id)
		}},
		{"identity.Service.ActorPage", "", func(ctx context.Context, v *visitor, _ string) (any, error) {
			return v.n.Identity.ActorPage(ctx, v.as("chief"), identity.ActorQuery{Limit: 500})
		}},
		{"identity.Service.SignInPage", "", func(ctx context.Context, v *visitor, _ string) (any, error) {
			return v.n.Identity.SignInPage(ctx, v.as("chief"), identity.SignInQuery{Limit: 500})
		}},
	}
}
