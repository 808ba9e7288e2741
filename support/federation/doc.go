// Package federation says who the members are and which keys they hold, on two levels.
//
// The constitution lists members with their root keys and the voters; a quorum of the voters of the version before
// signs each new version. The member statement, signed by the member's own root key, lists its endpoints, CA bundle,
// evidence keys and witness key; a member rotates those without asking anybody. Chain and statements are exact bytes:
// hashed, signed, never re-encoded.
//
// A document goes to a member once. Voters get it with the proposal; a vote and the news of a version name its hash alone,
// and whoever lacks something asks the sender for it. Among many voters the proposer counts, with a deputy; what they have
// not counted after half a minute goes to all, so that nobody's absence stops a version.
package federation
