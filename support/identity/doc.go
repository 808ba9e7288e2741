// Package identity knows the departments of a node, the people and machines that act for them, and who is signed in.
//
// Officers and machine clients sign in the same way: with a key of their own, by a signed assertion (RFC 7523, private
// key JWT). There are no passwords. A role chooser without any key exists in the demonstration only; it is wired by the
// demo program and cannot be configured.
package identity
