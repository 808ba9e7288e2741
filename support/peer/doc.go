// Package peer carries sealed messages between nodes.
//
// Every request and every 2xx answer is a fact of its sender: the seal (fact, salt, path, signed batch header) travels in
// the Kuayu-Seal header beside the plain body, with the sender's latest checkpoint; the answer brings back the
// receiver's cosignature. Small exchanges between two members share a few kept connections, called lines. A Link does one exchange; Mailbox is the durable outbox and inbox on top: at least once, in order
// per subject, applied once.
package peer
