// Package demand is the list of what departments need (需求清单) and the matching of supply to it (供需对接, Decree 809
// art. 20): the way for data that no entry of any catalogue offers yet.
//
// A data officer writes a demand, the head of the sharing office consents, and it is listed: every member that is asked
// gets a sealed copy. There the authority sees it with the departments that are likely to hold the data, found by what they
// publish already, and assigns it to one of them; that department answers with an entry of its catalogue, with the day by
// which it will have one, or with the reason why it holds nothing of the kind. The answers come back to whoever asked; an
// application for the entry goes the usual way of exchange/agreement, and the demand is closed with it.
//
// Both ends keep a record of their own. A demand grants nothing: no row leaves by it.
package demand
