// Package ui is the design system of Kuayu's pages: tokens of colour, type and space, one small style sheet, one sprite
// of icons, and the components every face is put together from, as templ functions. Its living style page is /ui.
//
// A page works with nothing but HTML and CSS: filters and tabs are links, a switch is a link that sets a cookie, a
// question before an act is a <details>. Nothing is styled or scripted inline, so that the policy in Headers may forbid
// both. What a component says comes from the table of words (words.go), in Chinese first and in English; what a page
// says comes from the page.
//
// The package knows no noun of the domain: packages are shown by pages (web/console and its neighbours), which turn what a
// service returns into the plain values declared here. docs/ui.md says how a component or page is added.
package ui
