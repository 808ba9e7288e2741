// Package deadline is the law's clocks, for every package: who must act, until when, and what follows if nobody does.
//
// The pure half is a table (Statute), regional profiles that may be stricter and never looser (Profile), and an engine
// that starts, extends, pauses and stops clocks in working days (Engine). The durable half keeps the open clocks of a
// node in its record database and wakes up through the queue (Service). Packages say what to do with clocks by Actions, in
// the transaction of the act itself.
//
// How days are counted: the day of receipt is not counted, whether a working day or not (Civil Code art. 201); the first
// working day after it is day one, and a deadline is kept until the end of the last working day at UTC+8. A receipt on a
// day off therefore starts to count on the next working day. Beyond the last published notice of holidays weekdays are
// counted, and the clock is marked as provisional until Service.Recount has the notice.
//
// Invariants:
//   - A due date is the end of a working day; a stricter profile never gives a later one.
//   - A clock that ran out has exactly one violation and one fact, written in one transaction, also after a restart.
//   - Every method takes a scope (invariant 9); time comes in as a value (invariant 8).
//
// It is not a calendar (internal/workday), sends nothing (a Notifier does), and knows no state machine of another package.
package deadline
