// Package catalog keeps the resources a node's departments publish, with the fields Decree 809 art. 13 demands, and
// where each one is mounted. What is mounted where never leaves the node.
package catalog
