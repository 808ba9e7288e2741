package law

import (
	"slices"

	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/exchange/catalog"
	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/support/deadline"
)

// The matters a history can be about.
const (
	Agreement  = "agreement"  // an application and the agreement made of it (arts. 20–22, 25–27)
	Catalogue  = "catalogue"  // the update of a catalogue (art. 17)
	Correction = "correction" // a request to verify and correct (art. 26)
)

// process is a machine with its clocks.
type process interface {
	first() string
	// act takes an arrow; the clocks it moves come with it.
	act(state string, s *Step) (next string, do []deadline.Action, err error)
}

func processOf(matter string, sharing catalog.Sharing) process {
	switch matter {
	case Agreement:
		return &negotiation{sharing: sharing}
	case Catalogue:
		return table{start: "CURRENT", rows: catalogueRows()}
	case Correction:
		return table{start: "NONE", rows: correctionRows()}
	}
	return nil
}

// negotiation is the machine of exchange/agreement.
type negotiation struct {
	sharing catalog.Sharing
	done    []agreement.Event
}

func (n *negotiation) first() string { return string(agreement.Draft) }

func (n *negotiation) act(state string, s *Step) (string, []deadline.Action, error) {
	e, from := agreement.Event(s.Act), agreement.State(state)
	if !slices.Contains(agreement.Events(), e) {
		return state, nil, ErrAct.With(state, s.Act)
	}
	if by := agreement.ActorsOf(e); len(by) > 0 && !slices.Contains(by, s.By) {
		return state, nil, ErrActor.With(s.Act, string(s.By))
	}
	if e == agreement.Refuse {
		if err := agreement.CheckRefusal(s.Reason); err != nil {
			return state, nil, err
		}
	}
	to, _, err := agreement.Next(from, e, n.done)
	return string(to), agreement.ClocksOf(e, from, n.sharing), err
}

// took notes what may happen only once.
func (n *negotiation) took(e agreement.Event) {
	if e == agreement.AskSupplement || e == agreement.Extend {
		n.done = append(n.done, e)
	}
}

type tableRow struct {
	from, act, to string
	by            deadline.Role
	do            []deadline.Action
}

// table is a machine small enough to be one.
type table struct {
	start string
	rows  []tableRow
}

func (t table) first() string { return t.start }

func (t table) act(state string, s *Step) (string, []deadline.Action, error) {
	var err *errs.Error
	for _, r := range t.rows {
		switch {
		case r.act != s.Act:
		case r.by != s.By:
			err = ErrActor.With(s.Act, string(s.By))
		case r.from == state:
			return r.to, r.do, nil
		}
	}
	if err != nil {
		return state, nil, err
	}
	return state, nil, ErrAct.With(state, s.Act)
}

// catalogueRows: art. 17. The provider has ten working days, five more with the authority's consent; the authority two.
func catalogueRows() []tableRow {
	return []tableRow{
		{"CURRENT", "change", "UPDATING", deadline.Provider, []deadline.Action{{Do: deadline.Start, Clock: deadline.D1}}},
		{"UPDATING", "extend", "UPDATING", deadline.Provider, []deadline.Action{{Do: deadline.Extend, Clock: deadline.D1}}},
		{"UPDATING", "submit", "SUBMITTED", deadline.Provider, []deadline.Action{{Do: deadline.Stop, Clock: deadline.D1}, {Do: deadline.Start, Clock: deadline.D2}}},
		{"SUBMITTED", "publish", "CURRENT", deadline.Authority, []deadline.Action{{Do: deadline.Stop, Clock: deadline.D2}}},
	}
}

// correctionRows: art. 26. The provider verifies, corrects and feeds back within ten working days.
func correctionRows() []tableRow {
	return []tableRow{
		{"NONE", "request", "VERIFYING", deadline.Applicant, []deadline.Action{{Do: deadline.Start, Clock: deadline.D7}}},
		{"VERIFYING", "feed_back", "FED_BACK", deadline.Provider, []deadline.Action{{Do: deadline.Stop, Clock: deadline.D7}}},
	}
}
