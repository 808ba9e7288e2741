package demo

import (
	"context"

	"github.com/kuayu/kuayu/support/notice"
)

// notices notes the notices of a department's officer, and gives the department a web-hook that nobody answers.
func (s *strangers) notices(d tenant) {
	s.t.Helper()
	n := s.node(d)
	p, err := n.Notices.List(s.ctx, s.session(d.member, "officer-"+d.short), notice.Query{Limit: 500})
	if err != nil {
		s.t.Fatal(err)
	}
	if len(p.Items) < 2 {
		s.t.Errorf("%s has only %d notices", d.short, len(p.Items))
	}
	for _, x := range p.Items {
		s.own("notice", x.ID, d)
	}
	h, err := n.Notices.AddHook(s.ctx, s.session(d.member, "operator"), notice.HookRequest{Department: d.code, URL: "https://127.0.0.1:1/" + s.hidden(d), Secret: s.hidden(d) + s.hidden(d)})
	if err != nil {
		s.t.Fatal(err)
	}
	s.own("hook", h.ID, d)
}

// noticeMethods are those of the package of notices.
func noticeMethods() []scopedMethod {
	return []scopedMethod{
		{"notice.Service.List", "", func(ctx context.Context, v *visitor, _ string) (any, error) {
			return v.n.Notices.List(ctx, v.as("officer"), notice.Query{Limit: 500})
		}},
		{"notice.Service.MarkRead", "notice", func(ctx context.Context, v *visitor, id string) (any, error) {
			return nil, v.n.Notices.MarkRead(ctx, v.as("officer"), id)
		}},
		{"notice.Service.Hooks", "", func(ctx context.Context, v *visitor, _ string) (any, error) { return v.n.Notices.Hooks(ctx, v.sc) }},
		{"notice.Service.EnableHook", "hook", func(ctx context.Context, v *visitor, id string) (any, error) {
			return nil, v.n.Notices.EnableHook(ctx, v.sc, id)
		}},
		{"notice.Service.RemoveHook", "hook", func(ctx context.Context, v *visitor, id string) (any, error) {
			return nil, v.n.Notices.RemoveHook(ctx, v.sc, id)
		}},
	}
}
