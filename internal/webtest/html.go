package webtest

import (
	"fmt"
	"regexp"
	"strings"

	"golang.org/x/net/html"
)

// page collects what Check needs to know of a document.
type page struct {
	problems []string
	ids      map[string]int
	refs     []string // ids that something points to
	labelled map[string]bool
	level    int // of the last heading
	h1       int
	mains    int
	english  bool // Chinese names in an English text keep its marks
}

func (p *page) say(format string, args ...any) {
	p.problems = append(p.problems, fmt.Sprintf(format, args...))
}

// Check reads a page and lists what is wrong with it: no language, ids given twice, labels and references that lead
// nowhere, fields without a label, headings that skip a level, header cells without a scope, links and buttons without a
// text, pictures without an alternative, style or script inline, and half-width marks beside Chinese characters unless the page
// is in English.
func Check(text string) []string {
	doc, err := html.Parse(strings.NewReader(text))
	if err != nil {
		return []string{err.Error()}
	}
	p := &page{ids: map[string]int{}, labelled: map[string]bool{}}
	each(doc, func(n *html.Node) {
		if n.Type == html.ElementNode && n.Data == "label" {
			p.labelled[attr(n, "for")] = true
		}
	})
	each(doc, p.look)
	for id, n := range p.ids {
		if n > 1 {
			p.say("the id %q is there %d times", id, n)
		}
	}
	for _, r := range p.refs {
		if p.ids[r] == 0 {
			p.say("something points to the id %q, which is not there", r)
		}
	}
	if p.h1 != 1 {
		p.say("%d headings of the first level", p.h1)
	}
	if p.mains != 1 {
		p.say("%d main parts", p.mains)
	}
	return p.problems
}

func (p *page) look(n *html.Node) {
	switch n.Type {
	case html.TextNode:
		p.text(n)
	case html.ElementNode:
		p.attributes(n)
		p.element(n)
	case html.ErrorNode, html.DocumentNode, html.CommentNode, html.DoctypeNode, html.RawNode:
	}
}

func (p *page) attributes(n *html.Node) {
	for _, a := range n.Attr {
		switch {
		case a.Key == "id":
			p.ids[a.Val]++
		case a.Key == "style" || strings.HasPrefix(a.Key, "on"):
			p.say("<%s> has the inline attribute %s", n.Data, a.Key)
		case a.Key == "for":
			p.refs = append(p.refs, a.Val)
		case a.Key == "aria-describedby" || a.Key == "aria-labelledby" || a.Key == "aria-controls":
			p.refs = append(p.refs, strings.Fields(a.Val)...)
		}
	}
}

func (p *page) element(n *html.Node) {
	switch n.Data {
	case "html":
		p.english = attr(n, "lang") == "en"
		if attr(n, "lang") == "" {
			p.say("the page does not say its language")
		}
	case "h1", "h2", "h3", "h4", "h5", "h6":
		level := int(n.Data[1] - '0')
		if level == 1 {
			p.h1++
		}
		if level > p.level+1 && p.level > 0 {
			p.say("<%s> %q follows a heading of level %d", n.Data, content(n), p.level)
		}
		p.level = level
	case "main":
		p.mains++
	case "th":
		if attr(n, "scope") == "" {
			p.say("<th> %q has no scope", content(n))
		}
	case "table":
		if find(n, "caption") == nil {
			p.say("a table has no caption")
		}
	case "img":
		if !has(n, "alt") {
			p.say("an <img> has no alt")
		}
	case "svg":
		if attr(n, "aria-hidden") != "true" && (attr(n, "role") != "img" || attr(n, "aria-label") == "") {
			p.say("an <svg> is neither hidden nor named")
		}
	case "a", "button", "summary":
		if strings.TrimSpace(content(n)) == "" && attr(n, "aria-label") == "" {
			p.say("<%s> has no text", n.Data)
		}
	case "input", "select", "textarea":
		if attr(n, "type") != "hidden" && !p.labelled[attr(n, "id")] && attr(n, "aria-label") == "" {
			p.say("<%s name=%q> has no label", n.Data, attr(n, "name"))
		}
	case "script":
		if src := attr(n, "src"); n.FirstChild == nil && strings.HasPrefix(src, "/assets/") {
			break // a file of this server, for a page that says so in its content policy
		}
		fallthrough
	case "style":
		p.say("<%s> inline", n.Data)
	}
}

// halfWidth finds marks of western type right beside a Chinese character. A colon in a time and a full stop in a number
// stand between digits.
var halfWidth = regexp.MustCompile(`\p{Han}\s?[,;:?!()]|[,;:?!()]\s?\p{Han}`)

func (p *page) text(n *html.Node) {
	if m := halfWidth.FindString(n.Data); m != "" && !p.english {
		p.say("half-width mark %q in %q", m, strings.TrimSpace(n.Data))
	}
	if strings.Contains(n.Data, "⟦") {
		p.say("missing words: %q", strings.TrimSpace(n.Data))
	}
}

// HalfWidth reports whether a Chinese text uses western marks beside Chinese characters.
func HalfWidth(text string) bool { return halfWidth.MatchString(text) }

func each(n *html.Node, f func(*html.Node)) {
	f(n)
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		each(c, f)
	}
}

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

func has(n *html.Node, key string) bool {
	for _, a := range n.Attr {
		if a.Key == key {
			return true
		}
	}
	return false
}

func find(n *html.Node, name string) *html.Node {
	var out *html.Node
	each(n, func(c *html.Node) {
		if out == nil && c.Type == html.ElementNode && c.Data == name {
			out = c
		}
	})
	return out
}

func content(n *html.Node) string {
	var b strings.Builder
	each(n, func(c *html.Node) {
		if c.Type == html.TextNode {
			b.WriteString(c.Data)
		}
	})
	return strings.TrimSpace(b.String())
}
