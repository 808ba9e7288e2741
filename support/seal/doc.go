// Package seal is the pure part of evidence: facts, the trees they are gathered in, and the signatures over them.
//
// What a node says or does is a Fact. Facts are gathered in batches; each fact is hidden behind a salted commitment,
// the commitments form a Merkle tree (RFC 6962 hashing), and the root is signed once. A Sealed fact carries what anyone
// needs to check it against the public key of the node: salt, path, batch header, signature. The public log of a node
// holds batch entries only: header, signature and commitments, never facts (invariant 3).
//
// The package does no I/O and reads no clock.
package seal
