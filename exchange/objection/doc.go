// Package objection is what departments do when they disagree: a correction of a record (校核申请, Decree 809 art. 26) and a
// dispute (art. 28).
//
// A correction travels as a sealed message from the department that got the record to the one that provided it. The
// acknowledgement starts the clock D7, ten working days, at both ends; the provider's officer answers that the source was
// corrected, that the record was withdrawn, or that it is right, with reasons. The package reads nothing again by itself: the
// correction happens in the source system. While a correction is pending nothing is blocked: the case the record is needed
// for goes on, and queries are answered as before.
//
// Who else got the wrong value is told, and nobody learns of a person by being told. The provider looks into its own
// evidence for answers it gave under other agreements on the resource that grant the item. An agreement under which exactly
// this record was asked for, and given (the keyed digest of the person in the facts of kind query.serve), is told the key:
// its department named that very key before. Every other agreement under which rows were given is told the resource, the
// items and a digest of the key made with a secret of the provider and with the agreement's id: it tells one corrected
// record from another, can't be guessed backwards, and can't be compared with what another department was told. New values
// are told to nobody but the department that objected, and to it only for items granted to it without a mask; the others
// query again under the terms they have. A record whose key is no item that identifies a person can't be found in evidence;
// then all are told in the second way.
//
// A dispute is a ladder: negotiation, the authority that stands above both (Resolve), its people's government. Both ends
// keep a record; every step moves upwards (Rank), so that two ends whose messages cross end up in the same state.
package objection
