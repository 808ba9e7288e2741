// Package screen is the live overview for a wall: one board of the federation as this node sees it, with exchanges as they
// happen. It shows counts, names of departments and of data, and never a person; every number leads to the page behind it.
//
// The board is a page like any other and complete without a script; with it, blocks are made anew by the server every few
// seconds and exchanges are drawn as they end, both over one stream of server-sent events. Its sizes follow the width of the
// screen, so that 1920 and 3840 pixels show the same picture.
package screen
