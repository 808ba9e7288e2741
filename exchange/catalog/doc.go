// Package catalog keeps the resources a node's departments share, with the fields Decree 809 art. 13 demands and the core
// metadata of the catalogue guide of 2017, and where each one is mounted. What is mounted where never leaves the node.
//
// One pure state machine, Next, leads an entry into the catalogue and out of it: described and assessed by an officer,
// signed by the head of the department, reviewed and announced by the authority (art. 13, 16); updated the same way while
// the version in force stays (art. 17); withdrawn once the authority has it on file. Every arrow writes entry, history,
// fact, clocks and notices in one transaction. Versions never change.
//
// The version in force is what agreements, the gateway and other members read; Dossier is where the next one stands, and
// is shown to the entry's department and the authority alone (invariant 9).
//
// The package sends nothing to other nodes and decides no application.
package catalog
