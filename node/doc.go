// Package node is the composition root: a configuration becomes a running node. Everything is wired here and nowhere
// else, in plain ordered code; every route of every listener is added in routes.go.
package node
