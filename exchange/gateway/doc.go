// Package gateway is the way of every governed query: who asks, under which agreement, for what purpose; decided at both
// ends; sealed before the first byte; read through the plan, masked, metered, answered with a receipt.
//
// Query and Verify are the consumer's side, Serve the provider's. There is no side door: departments of one node take
// the same way, and so does everything that later feeds on rows.
package gateway
