package notice

import (
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/kuayu/kuayu/support/identity"
)

// Notice is what some officers of a department should know.
type Notice struct {
	ID         string          `json:"id"`
	Department string          `json:"department,omitempty"` // empty: for a role that looks after the whole node
	Roles      []identity.Role `json:"roles"`
	Kind       Kind            `json:"kind"`
	Subject    string          `json:"subject"` // "negotiation/ID"
	Link       string          `json:"link"`    // path: "/applications/ID"
	At         time.Time       `json:"at"`
	Zh         Text            `json:"zh"`
	En         Text            `json:"en"`
	Read       bool            `json:"read"` // by who asks
}

// Text is a notice in one language.
type Text struct {
	Title string `json:"title"`
	Body  string `json:"body"`
}

// Params are all that may be filled into a text. Each is cut to 120 characters and cleaned of what could start a line or
// turn the direction of writing.
type Params struct {
	Resource string // code in the catalogue
	Member   string // the other end
	Until    string // last day, 2006-01-02
	Text     string // what an officer wrote
	Zh, En   string // what is due: names of clocks, from the law's own table

	memberEn   string // the other end's name in English, where it has one
	resourceEn string
}

// maxParam bounds a parameter, in characters; maxKey bounds subjects and links, in bytes.
const (
	maxParam = 120
	maxKey   = 200
)

// clean makes a parameter fit for one line of any text.
func clean(s string) string {
	s = strings.ToValidUTF8(s, "�")
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r), unicode.Is(unicode.Zl, r), unicode.Is(unicode.Zp, r):
			return ' '
		}
		return r
	}, s)
	s = strings.ReplaceAll(s, "=?", "= ?") // no encoded word of RFC 2047 but our own
	s = strings.TrimSpace(s)
	if utf8.RuneCountInString(s) > maxParam {
		s = string([]rune(s)[:maxParam-1]) + "…"
	}
	return s
}

// fill puts the parameters into the templates of a kind. What stands in a parameter is never read as a template.
func fill(k Kind, p Params) (zh, en Text, err error) {
	t, ok := kindOf(k)
	if !ok {
		return zh, en, ErrKind.With(string(k))
	}
	dash := func(s string) string {
		if s = clean(s); s == "" {
			return "—"
		}
		return s
	}
	if p.memberEn == "" {
		p.memberEn = p.Member
	}
	if p.resourceEn == "" {
		p.resourceEn = p.Resource
	}
	common := []string{"{until}", dash(p.Until), "{text}", dash(p.Text)}
	r := strings.NewReplacer(append(slices.Clone(common), "{resource}", dash(p.Resource), "{member}", dash(p.Member), "{what}", dash(p.Zh))...)
	zh = Text{Title: r.Replace(t.TitleZh), Body: r.Replace(t.Zh)}
	r = strings.NewReplacer(append(common, "{resource}", dash(p.resourceEn), "{member}", dash(p.memberEn), "{what}", dash(p.En))...)
	en = Text{Title: r.Replace(t.TitleEn), Body: r.Replace(t.En)}
	return zh, en, nil
}

// in is the text in a language: English, or else Chinese.
func (n *Notice) in(lang string) Text {
	if lang == "en" {
		return n.En
	}
	return n.Zh
}

// nodeWide are the roles that may be told without a department.
func nodeWide(r identity.Role) bool { return r == identity.Authority || r == identity.Operator }

// check validates what a package puts.
func (n *Notice) check() error {
	key := func(s string) bool {
		return s != "" && len(s) <= maxKey && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' })
	}
	if !key(n.Subject) || !key(n.Link) || n.Link[0] != '/' || strings.HasPrefix(n.Link, "//") || len(n.Roles) == 0 {
		return ErrNotice.With()
	}
	known := identity.Roles()
	for _, r := range n.Roles {
		if !slices.Contains(known, r) || (n.Department == "" && !nodeWide(r)) {
			return ErrNotice.With()
		}
	}
	return nil
}

// isFor reports whether somebody of the department with the roles should see it.
func (n *Notice) isFor(department string, roles []identity.Role) bool {
	return (n.Department == "" || n.Department == department) && slices.ContainsFunc(roles, func(r identity.Role) bool { return slices.Contains(n.Roles, r) })
}
