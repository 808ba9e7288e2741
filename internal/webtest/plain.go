package webtest

import (
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

var (
	notation   = regexp.MustCompile(`\{\s*"|"\s*:\s*["{\[\d]`)
	identifier = regexp.MustCompile(`\b[0-9a-f]{16,}\b|\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|\b[0-9A-HJ-NPQRTUWXY]{18}\b|\b[0-9A-HJKMNP-TV-Z]{26}\b`)
	copyable   = regexp.MustCompile(`\b[A-Za-z0-9_-]{43}\b|(/[\w.-]+){2,}|登录名 \S+`) // keys, paths, accounts
	word       = regexp.MustCompile(`[A-Za-z][A-Za-z_]{2,}`)
	han        = regexp.MustCompile(`\p{Han}{2,}`)
)

// Plain lists what a page says that an officer can't read: a document in its notation (JSON), an identifier with no
// word beside it, and, on a Chinese page, an English word that is not among the allowed ones. What stands in <code> is to
// be copied, and what is marked as another language is meant to be.
func Plain(text string, allowed ...string) []string {
	doc, err := html.Parse(strings.NewReader(text))
	if err != nil {
		return []string{err.Error()}
	}
	p := &page{}
	chinese := false
	var walk func(n *html.Node, copied bool)
	walk = func(n *html.Node, copied bool) {
		if n.Type == html.ElementNode {
			switch n.Data {
			case "html":
				chinese = attr(n, "lang") == "zh-CN"
			case "head", "script", "pre": // a recipe for programmers stands in <pre>
				return
			case "code", "textarea", "svg":
				copied = true
			default:
				if lang := attr(n, "lang"); lang != "" && lang != "zh-CN" {
					return
				}
			}
		}
		if n.Type == html.TextNode {
			p.plain(n, copied, chinese, allowed)
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c, copied)
		}
	}
	walk(doc, false)
	slices.Sort(p.problems)
	return slices.Compact(p.problems)
}

func (p *page) plain(n *html.Node, copied, chinese bool, allowed []string) {
	if m := notation.FindString(n.Data); m != "" {
		p.say("a document in its notation: %q", strings.TrimSpace(n.Data))
	}
	if m := identifier.FindString(n.Data); m != "" && chinese && !named(n) {
		p.say("an identifier alone: %q", strings.TrimSpace(n.Data))
	}
	if copied || !chinese {
		return
	}
	for _, w := range word.FindAllString(copyable.ReplaceAllString(identifier.ReplaceAllString(n.Data, ""), ""), -1) {
		if !slices.Contains(allowed, w) {
			p.say("an English word: %q in %q", w, strings.TrimSpace(n.Data))
		}
	}
}

// named reports whether something in words stands beside a text: in it, or in the elements close around it.
func named(n *html.Node) bool {
	at := n
	for range 4 {
		if at == nil {
			return false
		}
		if han.MatchString(content(at)) || at.Type == html.ElementNode && han.MatchString(attr(at, "data-label")) {
			return true
		}
		at = at.Parent
	}
	return false
}
