package share

import (
	"github.com/kuayu/kuayu/exchange/objection"
	"github.com/kuayu/kuayu/web/staff"
	"github.com/kuayu/kuayu/web/ui"
)

// Subject says in words what a correction, dispute, demand or scheme is about; "" if the visitor can't be told.
func (s *Share) Subject(q staff.Visit, nm *staff.Names, kind, id string) string {
	ctx, v, sc := q.Context(), q.V, q.Sess.Scope()
	switch kind {
	case "correction":
		if c, err := s.Objections.Correction(ctx, sc, id); err == nil {
			return v.Pick("校核：", "Correction: ") + entryName(v, nm, c.Provider.Member, c.Resource)
		}
	case "dispute":
		if d, err := s.Objections.Dispute(ctx, sc, id); err == nil {
			return v.Pick("争议：", "Dispute: ") + clip(d.Claim)
		}
	case "demand":
		if d, err := s.Demands.Get(ctx, sc, id); err == nil {
			return v.Pick("需求：", "Demand: ") + d.Want.Name
		}
	case "scheme":
		if x, err := s.Schemes.Get(ctx, sc, id); err == nil {
			return v.Pick("共享方案：", "Scheme: ") + x.Text.Title
		}
	}
	return ""
}

// matterLink names what a dispute is about, and leads there.
func (s *Share) matterLink(q staff.Visit, nm *staff.Names, m objection.Matter) ui.Link {
	v := q.V
	if m.Kind == "correction" {
		text := s.Subject(q, nm, m.Kind, m.ID)
		if text == "" {
			text = v.Pick("一项校核申请", "A correction")
		}
		return ui.Link{Href: correctionPath(m.ID), Text: text}
	}
	word := v.Pick("一项申请", "An application")
	if m.Kind == "agreement" {
		word = v.Pick("一份协议", "An agreement")
	}
	if n, err := s.Cases.Get(q.Context(), ownScope(q), m.ID); err == nil {
		word = nm.Title(n)
	}
	return ui.Link{Href: staff.CasePath(m.ID), Text: word}
}
