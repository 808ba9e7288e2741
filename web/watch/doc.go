// Package watch are the pages on which officers see and check what happens: exchanges, the evidence of them, the members'
// nodes, the law's overdue matters, how data is used, who may sign in, and whether the node is set up well.
//
// It decides nothing and changes little: packages say who may see what, a proof is verified by the package that made it.
package watch
