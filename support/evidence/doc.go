// Package evidence keeps what a node said and did so that nobody can rewrite it, the node included.
//
// A Log takes drafts of facts, gathers those of a moment in a batch, and writes the batch to an append-only segment
// with one fdatasync: that is the durable point (invariant 2). From the segments every batch goes, in order and once,
// into a transparency log (tlog-tiles, by Tessera): entry i of the transparency log is batch i of the epoch. The
// transparency log is derived; the segments are the record. Other members witness its checkpoints: each message
// between nodes carries the sender's latest one, and the receiver checks that it extends what it saw before.
//
// Bodies and salts stay in the segments of their node (invariant 3). Destroying a fact's frame is erasure; the public
// log stays valid, because it holds commitments only.
package evidence
