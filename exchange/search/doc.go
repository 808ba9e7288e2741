// Package search is a node's searchable copy of what all members publish: the catalogue of the whole federation,
// found by words.
//
// It is derived (invariant 7): an Index can be dropped and read again from the members at any time. Entries are kept in
// the order of a rank that does not depend on the question, so that the first hits of the commonest words are found
// without looking at the rest; what is counted is counted up to a limit, and says so.
//
// A Service keeps the copy: it reads what changed in each member's catalogue through a Reader, when the member says that
// something did, once an hour whatever happens, and when somebody joins. Only what is published travels, and where it is
// mounted never does (invariant 5). What a member can't be asked about now is still found, with the time it was true.
package search
