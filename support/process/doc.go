// Package process is the one kernel of cases: everything that people decide step by step, with deadlines, between one
// or two ends, is a Table here and not code of its own.
//
// A Table names the states, the events, who may cause each event, what it moves, which of the law's clocks it starts and
// stops, whom it notifies and what it sends to the other end. A Def adds what the steps do to the document of the case;
// both are pure, and `kuayu law replay` drives them as they are (Kind.Simulate). A Kind binds them to a node: it loads,
// authorises, checks, takes the step and stores document, history, fact, clocks, message and notices in one transaction.
//
// Invariants:
//   - A step is all or nothing: what a hook refuses leaves no trace.
//   - The event decides who may act; a page or a command may only hide what the table would refuse.
//   - To-dos are computed from the state of cases when they are asked for, so they cannot be stale.
//   - Both ends of a case show one number (NewNumber), which survives being read out over a telephone.
//
// It is not a workflow language: a kind of case is a Go value, checked at start (Table.Check), and knows nothing of pages.
package process
