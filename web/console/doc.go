// Package console is the face for officers: pages on the staff listener, made of the components of web/ui. An officer signs
// in once; the session token of support/identity then travels in a cookie that no script can read and no other site can
// send along with a write.
//
// The package decides nothing. What a page needs of a package is an interface declared here; permission is checked by the
// service, a page may only hide.
package console
