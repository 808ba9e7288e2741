// Package law plays histories: what happened when, by whom, and what the law says of it. A history is a YAML file that a
// jurist can read; it is played by the very machine and the very clocks that serve, without a database, and every state,
// due date, violation and notice it expects is checked. docs/law-histories.md describes the format; docs/law.md, made by
// this package's tests, lists which article is proven by which history.
//
// It decides nothing: agreement.Next and agreement.ClocksOf do, and deadline.Engine counts. For catalogues and corrections,
// whose rooms have no machine of their own yet, process.go holds the two small tables of Decree 809 arts. 17 and 26.
package law
