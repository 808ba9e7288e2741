// Package staff is what all pages for officers share: the session in its cookie, the frame with its navigation, the names
// and words that stand for codes, forms, and the page of an error. Each face beside it (web/console and its neighbours)
// adds its pages through Desk.Get and Desk.Post.
//
// An officer signs in once; the session token of support/identity then travels in a cookie that no script can read and
// no other site can send along with a write. The package decides nothing: permission is checked by the packages, a page may
// only hide.
package staff
