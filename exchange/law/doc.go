// Package law plays histories: what happened when, by whom, and what the law says of it. A history is a YAML file that a
// jurist can read; it is played by the very processes and the very clocks that serve, without a database, and every state,
// due date, violation and notice it expects is checked. docs/law-histories.md describes the format; docs/law.md, made by
// this package's tests, lists which article is proven by which history.
//
// It decides nothing: the processes of exchange/agreement, exchange/catalog and exchange/objection do, with their own
// tables and guards (process.Simulation), and deadline.Engine counts.
package law
