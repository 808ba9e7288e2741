package demo

import (
	"context"
	"errors"

	"github.com/kuayu/kuayu/exchange/demand"
	"github.com/kuayu/kuayu/exchange/scheme"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/ids"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/policy"
)

// needs lets a department draft one demand, and have another one listed, assigned to a department of the other member and
// answered there.
func (s *strangers) needs(from, to tenant) {
	s.t.Helper()
	must := func(d *demand.Demand, err error) *demand.Demand {
		s.t.Helper()
		if err != nil {
			s.t.Fatal(err)
		}
		return d
	}
	want := func(ds ...tenant) demand.Want {
		return demand.Want{
			Name: s.hidden(ds...), Items: []string{s.hidden(ds...)}, Scenario: s.hidden(ds...), Basis: policy.Basis{Kind: "duty", Citation: s.hidden(ds...)}, Scope: "窗口",
			Until: s.c.Clock.Now().AddDate(0, 3, 0),
		}
	}
	mine, theirs := s.node(from).Demands, s.node(to).Demands
	officer := s.session(from.member, "officer-"+from.short)
	s.own("demand", must(mine.Write(s.ctx, officer, want(from), nil)).ID, from)
	d := must(mine.Write(s.ctx, officer, want(from, to), []string{to.member}))
	s.own("demand", d.ID, from, to)
	must(mine.ConsentDemand(s.ctx, s.session(from.member, "head-"+from.short), d.ID))
	s.await(func() bool { _, err := theirs.Get(s.ctx, db.System("test"), d.ID); return err == nil })
	must(theirs.AssignDemand(s.ctx, s.session(to.member, Regulator().ID), d.ID, to.code))
	must(theirs.ReplyDemand(s.ctx, s.session(to.member, "officer-"+to.short), d.ID, demand.AnswerGiven{Kind: demand.NotHeld, Reason: s.hidden(from, to)}))
}

// opens lets a department draft one scheme, and open its entry to a department of the other member by another one; that
// department enrols, and has an agreement by it.
func (s *strangers) opens(from, to tenant) {
	s.t.Helper()
	must := func(x *scheme.Scheme, err error) *scheme.Scheme {
		s.t.Helper()
		if err != nil {
			s.t.Fatal(err)
		}
		return x
	}
	text := func(ds ...tenant) scheme.Text {
		return scheme.Text{
			Kind: scheme.PointToMany, Title: s.hidden(ds...), Parties: []string{from.member, to.member}, Users: []policy.Party{{Member: to.member, Department: to.code}},
			Entries:  []scheme.Entry{{Member: from.member, Department: from.code, Resource: from.resource, Title: "登记信息", Fields: []string{"uscc"}, Modes: []policy.Mode{policy.ModeQuery}}},
			Purposes: []string{"enterprise-service"}, Scope: s.hidden(ds...), MaxDays: 30, ValidUntil: s.c.Clock.Now().AddDate(1, 0, 0),
		}
	}
	mine, theirs := s.node(from).Schemes, s.node(to).Schemes
	officer := s.session(from.member, "officer-"+from.short)
	s.own("scheme", must(mine.Propose(s.ctx, officer, text(from))).ID, from)
	x := must(mine.Propose(s.ctx, officer, text(from, to)))
	s.own("scheme", x.ID, from, to)
	must(mine.Consent(s.ctx, s.session(from.member, "head-"+from.short), x.ID))
	s.await(func() bool { _, err := theirs.Get(s.ctx, db.System("test"), x.ID); return err == nil })
	basis := policy.Basis{Kind: "duty", Citation: s.hidden(from, to)}
	if _, err := theirs.Enrol(s.ctx, s.session(to.member, "officer-"+to.short), x.ID, basis, s.hidden(from, to)); err != nil {
		s.t.Fatal(err)
	}
	e, err := theirs.ConsentEnrolment(s.ctx, s.session(to.member, "head-"+to.short), x.ID)
	if err != nil || len(e.Applied) != 1 {
		s.t.Fatalf("enrolled: %+v %v", e, err)
	}
	s.own("negotiation", e.Applied[0].Application, from, to)
}

// demandMethods are those of the package of demands. Where only the authority may act, an officer of another department is
// tried.
func demandMethods() []scopedMethod {
	type svc = *demand.Service
	read := func(name, kind string, f func(context.Context, svc, *visitor, string) (any, error)) scopedMethod {
		return scopedMethod{"demand.Service." + name, kind, func(ctx context.Context, v *visitor, id string) (any, error) {
			r, err := f(ctx, v.n.Demands, v, id)
			if err != nil {
				return nil, err
			}
			return r, nil
		}}
	}
	act := func(name string, f func(context.Context, svc, func(string) *identity.Session, string) (*demand.Demand, error)) scopedMethod {
		return read(name, "demand", func(ctx context.Context, s svc, v *visitor, id string) (any, error) { return f(ctx, s, v.as, id) })
	}
	return []scopedMethod{
		read("Page", "", func(ctx context.Context, s svc, v *visitor, _ string) (any, error) {
			ds, _, err := s.Page(ctx, v.sc, "", "", 500)
			return ds, err
		}),
		read("Get", "demand", func(ctx context.Context, s svc, v *visitor, id string) (any, error) { return s.Get(ctx, v.sc, id) }),
		read("List", "", func(ctx context.Context, s svc, v *visitor, _ string) (any, error) { return s.List(ctx, v.sc, "", 500) }),
		read("Matches", "demand", func(ctx context.Context, s svc, v *visitor, id string) (any, error) { return s.Matches(ctx, v.sc, id) }),
		read("Candidates", "demand", func(ctx context.Context, s svc, v *visitor, id string) (any, error) {
			return s.Candidates(ctx, v.as("officer"), id)
		}),
		act("ConsentDemand", func(ctx context.Context, s svc, as func(string) *identity.Session, id string) (*demand.Demand, error) {
			return s.ConsentDemand(ctx, as("head"), id)
		}),
		act("ReturnDemand", func(ctx context.Context, s svc, as func(string) *identity.Session, id string) (*demand.Demand, error) {
			return s.ReturnDemand(ctx, as("head"), id, "x")
		}),
		act("WithdrawDemand", func(ctx context.Context, s svc, as func(string) *identity.Session, id string) (*demand.Demand, error) {
			return s.WithdrawDemand(ctx, as("officer"), id, "x")
		}),
		act("SatisfyDemand", func(ctx context.Context, s svc, as func(string) *identity.Session, id string) (*demand.Demand, error) {
			return s.SatisfyDemand(ctx, as("officer"), id, ids.Random{}.NewID())
		}),
		act("AssignDemand", func(ctx context.Context, s svc, as func(string) *identity.Session, id string) (*demand.Demand, error) {
			return s.AssignDemand(ctx, as("officer"), id, as("officer").Department)
		}),
		act("ReplyDemand", func(ctx context.Context, s svc, as func(string) *identity.Session, id string) (*demand.Demand, error) {
			return s.ReplyDemand(ctx, as("officer"), id, demand.AnswerGiven{Kind: demand.NotHeld, Reason: "x"})
		}),
	}
}

// schemeMethods are those of the package of schemes.
func schemeMethods() []scopedMethod {
	type svc = *scheme.Service
	read := func(name, kind string, f func(context.Context, svc, *visitor, string) (any, error)) scopedMethod {
		return scopedMethod{"scheme.Service." + name, kind, func(ctx context.Context, v *visitor, id string) (any, error) { return f(ctx, v.n.Schemes, v, id) }}
	}
	act := func(name string, f func(context.Context, svc, func(string) *identity.Session, string) error) scopedMethod {
		return read(name, "scheme", func(ctx context.Context, s svc, v *visitor, id string) (any, error) { return nil, f(ctx, s, v.as, id) })
	}
	reasoned := func(name, role string, f func(*scheme.Service, context.Context, *identity.Session, string, string) (*scheme.Scheme, error)) scopedMethod {
		return act(name, func(ctx context.Context, s svc, as func(string) *identity.Session, id string) error {
			_, err := f(s, ctx, as(role), id, "x")
			return err
		})
	}
	return []scopedMethod{
		read("Get", "scheme", func(ctx context.Context, s svc, v *visitor, id string) (any, error) {
			x, err := s.Get(ctx, v.sc, id)
			if err != nil {
				return nil, err
			}
			return x, nil
		}),
		read("List", "", func(ctx context.Context, s svc, v *visitor, _ string) (any, error) { return s.List(ctx, v.sc, 500) }),
		read("Versions", "scheme", func(ctx context.Context, s svc, v *visitor, id string) (any, error) { return s.Versions(ctx, v.sc, id) }),
		// Who looks at the enrolments of a scheme sees its own, or none.
		read("Enrolments", "", func(ctx context.Context, s svc, v *visitor, _ string) (any, error) {
			var all []scheme.Enrolment
			for _, id := range append(v.theirs("scheme"), v.ids[v.code]["scheme"]...) {
				es, err := s.Enrolments(ctx, v.sc, id)
				if err != nil {
					return nil, err
				}
				all = append(all, es...)
			}
			if len(all) == 0 {
				return nil, errors.New("no enrolment of its own")
			}
			return all, nil
		}),
		act("Propose", func(ctx context.Context, s svc, as func(string) *identity.Session, id string) error {
			_, err := s.Propose(ctx, as("officer"), scheme.Text{ID: id, Kind: scheme.PointToMany})
			return err
		}),
		act("Next", func(ctx context.Context, s svc, as func(string) *identity.Session, id string) error {
			_, err := s.Next(ctx, as("officer"), id)
			return err
		}),
		act("Consent", func(ctx context.Context, s svc, as func(string) *identity.Session, id string) error {
			_, err := s.Consent(ctx, as("head"), id)
			return err
		}),
		act("Join", func(ctx context.Context, s svc, as func(string) *identity.Session, id string) error {
			_, err := s.Join(ctx, as("head"), id)
			return err
		}),
		act("Enrol", func(ctx context.Context, s svc, as func(string) *identity.Session, id string) error {
			_, err := s.Enrol(ctx, as("officer"), id, policy.Basis{Kind: "duty", Citation: "x"}, "x")
			return err
		}),
		act("ConsentEnrolment", func(ctx context.Context, s svc, as func(string) *identity.Session, id string) error {
			_, err := s.ConsentEnrolment(ctx, as("head"), id)
			return err
		}),
		// Only the authority may decline and leave, and it looks after the whole node: an officer is tried.
		reasoned("Decline", "officer", (*scheme.Service).Decline),
		reasoned("Leave", "officer", (*scheme.Service).Leave),
		reasoned("Close", "head", (*scheme.Service).Close),
	}
}
