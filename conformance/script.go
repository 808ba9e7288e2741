package conformance

import (
	"context"
	"sync"

	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/exchange/dataspace"
	"github.com/kuayu/kuayu/internal/db"
)

// step is one thing the scripted side does: in a state of the protocol, an act.
type step struct{ on, act string }

// Acts of the script.
const (
	offer     = "offer"
	agree     = "agree"
	finalize  = "finalize"
	accept    = "accept"
	counter   = "counter"
	verify    = "verify"
	terminate = "terminate"
	start     = "start"
	suspend   = "suspend"
	complete  = "complete"
)

// negotiations says what this node does per dataset; a state that is not listed is waited in. First as the provider
// (ACN…), then as the consumer (ACNC…).
func negotiations() map[string][]step {
	return map[string][]step{
		"ACN0101": {{"REQUESTED", offer}},
		"ACN0102": {{"REQUESTED", offer}, {"REQUESTED", terminate}},
		"ACN0103": {{"REQUESTED", offer}, {"ACCEPTED", agree}, {"VERIFIED", finalize}},
		"ACN0104": {{"REQUESTED", agree}, {"VERIFIED", finalize}},
		"ACN0201": {{"REQUESTED", terminate}},
		"ACN0202": {},
		"ACN0203": {{"REQUESTED", agree}},
		"ACN0204": {{"REQUESTED", offer}},
		"ACN0205": {{"REQUESTED", offer}, {"OFFERED", terminate}},
		"ACN0206": {{"REQUESTED", offer}, {"ACCEPTED", terminate}},
		"ACN0207": {{"REQUESTED", agree}, {"VERIFIED", terminate}},
		"ACN0301": {{"REQUESTED", agree}, {"VERIFIED", finalize}},
		"ACN0302": {{"REQUESTED", offer}},
		"ACN0303": {{"REQUESTED", offer}},
		"ACN0304": {{"REQUESTED", offer}},

		"ACNC0101": {{"OFFERED", accept}, {"AGREED", verify}},
		"ACNC0102": {{"OFFERED", counter}},
		"ACNC0103": {{"OFFERED", terminate}},
		"ACNC0104": {{"AGREED", verify}},
		"ACNC0201": {},
		"ACNC0202": {{"REQUESTED", terminate}},
		"ACNC0203": {{"AGREED", terminate}},
		"ACNC0204": {},
		"ACNC0205": {{"OFFERED", accept}},
		"ACNC0206": {{"AGREED", verify}},
		"ACNC0301": {},
		"ACNC0302": {},
		"ACNC0303": {},
		"ACNC0304": {{"OFFERED", accept}},
		"ACNC0305": {{"OFFERED", accept}},
		"ACNC0306": {{"OFFERED", accept}},
	}
}

// transfers says the same per agreement: first as the provider (ATP…), then as the consumer (ATPC…).
func transfers() map[string][]step {
	return map[string][]step{
		"ATP0101": {{"REQUESTED", start}, {"STARTED", terminate}},
		"ATP0102": {{"REQUESTED", start}, {"STARTED", complete}},
		"ATP0103": {{"REQUESTED", start}, {"STARTED", suspend}, {"SUSPENDED", terminate}},
		"ATP0104": {{"REQUESTED", start}, {"STARTED", suspend}, {"SUSPENDED", start}, {"STARTED", complete}},
		"ATP0105": {{"REQUESTED", terminate}},
		"ATP0201": {{"REQUESTED", start}},
		"ATP0202": {{"REQUESTED", start}},
		"ATP0203": {{"REQUESTED", start}},
		"ATP0204": {{"REQUESTED", start}},
		"ATP0205": {},
		"ATP0301": {},
		"ATP0302": {},
		"ATP0303": {{"REQUESTED", start}},
		"ATP0304": {{"REQUESTED", start}},
		"ATP0305": {{"REQUESTED", start}},
		"ATP0306": {{"REQUESTED", start}},

		"ATPC0101": {},
		"ATPC0102": {},
		"ATPC0103": {},
		"ATPC0104": {},
		"ATPC0105": {},
		"ATPC0201": {{"STARTED", terminate}},
		"ATPC0202": {{"STARTED", complete}},
		"ATPC0203": {{"STARTED", suspend}, {"SUSPENDED", terminate}},
		"ATPC0204": {{"STARTED", suspend}, {"SUSPENDED", start}, {"STARTED", complete}},
		"ATPC0205": {{"REQUESTED", terminate}},
		"ATPC0301": {},
		"ATPC0302": {},
		"ATPC0303": {},
		"ATPC0304": {},
		"ATPC0305": {},
		"ATPC0306": {},
	}
}

// script is the decider of the conformance run: it follows the tables, one step at a time per process.
type script struct {
	agreements *agreement.Service
	dataspace  *dataspace.Service
	mu         sync.Mutex
	done       map[string]int // steps taken, per process
}

// next returns the act that is due in a state, empty if none.
func (s *script) next(process string, steps []step, state string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.done[process]
	if i >= len(steps) || steps[i].on != state {
		return ""
	}
	s.done[process] = i + 1
	return steps[i].act
}

// Negotiation implements dataspace.Decider.
func (s *script) Negotiation(ctx context.Context, tx *db.Tx, n *agreement.Negotiation) error {
	if n.Side == agreement.Consumer && n.Peer == "" {
		return nil // the other end has not taken it yet
	}
	act := s.next(n.ID, negotiations()[n.Application.Resource], n.DSP())
	switch act {
	case "":
		return nil
	case finalize:
		if err := s.agreements.Decide(ctx, tx, n, agreement.Finalize, ""); err != nil {
			return err
		}
		return s.agreements.Decide(ctx, tx, n, agreement.Provision, "")
	case agree:
		if n.State == agreement.Reviewing {
			return s.agreements.Decide(ctx, tx, n, agreement.StandingConsent, "conformance script")
		}
		return s.agreements.Decide(ctx, tx, n, agreement.ConsentAnswer, "")
	case terminate:
		if n.Side == agreement.Provider {
			return s.agreements.Decide(ctx, tx, n, agreement.Refuse, "conformance script")
		}
		return s.agreements.Decide(ctx, tx, n, agreement.Withdraw, "conformance script")
	}
	events := map[string]agreement.Event{offer: agreement.CounterOffer, accept: agreement.AcceptOffer, counter: agreement.Resubmit, verify: agreement.Verify}
	return s.agreements.Decide(ctx, tx, n, events[act], "")
}

// Transfer implements dataspace.Decider.
func (s *script) Transfer(ctx context.Context, tx *db.Tx, t *dataspace.Transfer) error {
	if t.Role == agreement.Consumer && t.Peer == "" {
		return nil
	}
	events := map[string]dataspace.TransferEvent{start: dataspace.Start, suspend: dataspace.Suspend, complete: dataspace.Complete, terminate: dataspace.Terminate}
	act := s.next(t.ID, transfers()[t.Agreement], string(t.State))
	if act == "" {
		return nil
	}
	return s.dataspace.Move(ctx, tx, t, events[act], "")
}
