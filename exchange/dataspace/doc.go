// Package dataspace speaks the Dataspace Protocol 2025-1: it carries the effects of catalogue and agreement out as the
// protocol's messages and brings peers' messages in. Message shapes are the protocol's, in compact JSON; terms of the
// Kuayu profile have the prefix "kuayu:". Between Kuayu nodes every message is sealed (support/peer).
package dataspace
