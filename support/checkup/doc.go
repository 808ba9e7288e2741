// Package checkup are the checks of a node's set-up that the page for operators and `kuayu doctor` share: key files, disk,
// clock, tables, constitution. Each says in words what is and, where it is not well, how to correct it. They change nothing.
package checkup
