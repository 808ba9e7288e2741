package catalog

import (
	"context"
	"time"

	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/support/deadline"
)

// ClocksOf says what an arrow of the machine does to the law's clocks: pure, for deadline.Service.Apply in the
// transaction that takes the arrow. demanded says whether a change of law, State Council decision or duty still demands
// an update (Decree 809 art. 17).
//
// What goes to the authority ends the provider's clock D1 and starts the authority's D2, or, for an entry that was never
// published, the clock of a first approval, which the Decree gives no figure (art. 16). What the authority rejects is
// reviewed: its clock ends, and what was demanded is due again.
func ClocksOf(e Event, from State, demanded bool) []deadline.Action {
	act := func(op deadline.Op, id deadline.ID) deadline.Action { return deadline.Action{Do: op, Clock: id} }
	review := deadline.D2
	if from == Submitted || from == Signed {
		review = deadline.FirstApproval
	}
	switch e {
	case NoteChange:
		return []deadline.Action{act(deadline.Start, deadline.D1)}
	case Extend:
		return []deadline.Action{act(deadline.Extend, deadline.D1)}
	case Sign:
		return []deadline.Action{act(deadline.Stop, deadline.D1), act(deadline.Start, review)}
	case Publish:
		return []deadline.Action{act(deadline.Stop, review)}
	case Reject:
		if demanded {
			return []deadline.Action{act(deadline.Stop, review), act(deadline.Start, deadline.D1)}
		}
		return []deadline.Action{act(deadline.Stop, review)}
	case FileWithdrawal:
		return []deadline.Action{act(deadline.Void, deadline.D1)}
	case Describe, Assess, Submit, Return, Discard, AskWithdrawal, RefuseWithdrawal, AskExtension, RefuseExtension:
	}
	return nil
}

// subject is what clocks and notices call an entry.
func subject(code string) string { return "resource/" + code }

// tick does to the law's clocks what an arrow does, in its transaction.
func (s *Service) tick(ctx context.Context, tx *db.Tx, e *Dossier, at time.Time, on Event, from State) error {
	actions := ClocksOf(on, from, e.Demand != nil)
	if len(actions) == 0 || s.clocks == nil {
		return nil
	}
	c := deadline.Case{
		Subject: subject(e.Code), Department: e.Department, At: at, Division: e.division,
		Parties: deadline.Parties{Provider: deadline.Party{Member: s.self, Department: e.Department}, Authority: deadline.Party{Member: s.self}},
	}
	switch {
	case on == NoteChange:
		c.At = e.Demand.Since
	case on == Extend && e.Extension != nil:
		c.Days, c.Consent = e.Extension.Days, e.Extension.ConsentedBy
	}
	return s.clocks.Apply(ctx, tx, db.System("catalogue"), c, actions...)
}
