// Package conformance starts a node seeded and scripted for the Dataspace Protocol's conformance kit. The node is the
// same as any other: only who decides is scripted, and a second port lets the kit ask it to begin a process. Nothing of
// this can be reached from `kuayu serve`.
package conformance
