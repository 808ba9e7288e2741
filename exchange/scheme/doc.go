// Package scheme is one text under which many agreements are made (共享方案): its parties sign it once, and nobody applies
// for each resource any more.
//
// There are four kinds. Point to many (点对多): a department opens entries of its own to several others. Many to one (多对点):
// a department asks several others for entries of theirs. Hub (枢纽): a department brings providers and users together;
// data flows between them, never through it. Zone (无差别共享): members agree on a shared list that all their departments may
// use, as the demonstration zone of three counties in three provinces does. The first three are decided by the department
// that owns the text; each version of a zone's list takes the consent of the authority of every party, and one that wants
// no more may leave at once.
//
// A scheme grants nothing by itself. What it does is prepare the two consents of Decree 809 art. 20: the head of a
// providing department joins with its entries, which gives a standing consent (agreement.Standing) for them; the head of a
// using department enrols it once, with its basis and scenario, and the node applies for every entry of the list, today's
// and tomorrow's. Each agreement is an agreement like any other: exact bytes at both ends, one department to one
// department, revocable (invariant 1).
//
// Every node keeps its own record of a scheme and comes to the same version by the same consents; a version is known by
// the hash of its bytes, and a member consents to one of a number.
package scheme
