package search

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/kuayu/kuayu/exchange/catalog"
)

// scheme numbers the way entries become tokens. A copy made by another one is read again from the members.
const scheme = 1

// Tokens are written without spaces, from letters and digits and three marks that no text can bring in, because text is
// cut at everything else:
//
//	信息     two neighbouring characters, anywhere in the entry
//	信       one character
//	gdp     a word of an alphabet, or a number
//	^gd     how such a word begins, up to edgeRunes of it
//	_…      any of these, in the entry's name
//	m=…     the value of a filter
const (
	inName = "_"
	edge   = "^"

	edgeRunes = 12 // a word that is longer must be whole to be found
	wordRunes = 40 // of a longer word, the rest is not looked at
)

// run is a piece of folded text that is cut alike: characters of a script without spaces, or one word.
type run struct {
	from, to int // runes of the folded text
	pairs    bool
}

// folded is a text as it is compared: compatibility forms (full and half width, circled numbers) and case are gone.
type folded struct {
	runes []rune
	at    []int // for each rune, which code point of the original it comes from; nil: the same
	runs  []run
}

func fold(s string) folded {
	var f folded
	if norm.NFKC.QuickSpanString(s) == len(s) {
		f.runes = make([]rune, 0, len(s)/2+1)
		for _, r := range s {
			f.runes = append(f.runes, unicode.ToLower(r))
		}
	} else {
		var it norm.Iter
		it.InitString(norm.NFKC, s)
		origin, pos := 0, 0
		for !it.Done() {
			for _, r := range string(it.Next()) {
				f.runes = append(f.runes, unicode.ToLower(r))
				f.at = append(f.at, origin)
			}
			origin += utf8.RuneCountInString(s[pos:it.Pos()])
			pos = it.Pos()
		}
	}
	f.cut()
	return f
}

// cut finds the runs.
func (f *folded) cut() {
	const (
		gap = iota
		word
		pairs
	)
	kind := func(r rune) int {
		switch {
		case r < 0x80:
			if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
				return word
			}
			return gap
		case r >= 0x4e00 && r <= 0x9fff, unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Bopomofo):
			return pairs
		case unicode.In(r, unicode.L, unicode.N, unicode.M):
			return word
		}
		return gap
	}
	last := gap
	for i, r := range f.runes {
		k := kind(r)
		if k != last && k != gap {
			f.runs = append(f.runs, run{from: i, pairs: k == pairs})
		}
		if k != gap {
			f.runs[len(f.runs)-1].to = i + 1
		}
		last = k
	}
}

// bag gathers the distinct tokens of one entry.
type bag struct {
	seen map[string]struct{}
	text strings.Builder
}

func (b *bag) add(prefix, token string) {
	t := prefix + token
	if _, had := b.seen[t]; had {
		return
	}
	b.seen[t] = struct{}{}
	if b.text.Len() > 0 {
		b.text.WriteByte(' ')
	}
	b.text.WriteString(t)
}

// take adds the tokens of a text, and with name again as those of the name.
func (b *bag) take(text string, name bool) {
	f := fold(text)
	both := func(prefix, token string) {
		b.add(prefix, token)
		if name {
			b.add(inName+prefix, token)
		}
	}
	for _, r := range f.runs {
		rs := f.runes[r.from:r.to]
		if !r.pairs {
			rs = rs[:min(len(rs), wordRunes)]
			both("", string(rs))
			for n := 1; n <= min(len(rs), edgeRunes); n++ {
				both(edge, string(rs[:n]))
			}
			continue
		}
		for i := range rs {
			both("", string(rs[i]))
			if i+1 < len(rs) {
				both("", string(rs[i:i+2]))
			}
		}
	}
}

// facet is one thing that hits can be filtered by, and are counted by.
type facet byte

const (
	byMember     facet = 'm'
	byDepartment facet = 'd'
	byClass      facet = 'c'
	byGrade      facet = 'g' // at most
	byCycle      facet = 'u'
	byMode       facet = 'o'
)

// token writes a value so that it survives as one word in any index: what is not a letter or digit becomes hexadecimal,
// a capital too, because indexes fold case.
func (f facet) token(value string) string {
	const digits = "0123456789abcdef"
	b := []byte{byte(f), '='}
	for i := range len(value) {
		switch c := value[i]; {
		case c >= 'a' && c <= 'z' || c >= '0' && c <= '9':
			b = append(b, c)
		default:
			b = append(b, '_', digits[c>>4], digits[c&15])
		}
	}
	return string(b)
}

// maxGrade is the highest grade of GB/T 43697.
const maxGrade = 4

func gradeToken(g int) string { return byGrade.token(strconv.Itoa(g)) }

// tokens are all tokens of an entry of a member, each once, with spaces in between.
func tokens(member string, e *Entry) string {
	b := &bag{seen: make(map[string]struct{}, 256)}
	b.text.Grow(1024)
	b.take(e.Name, true)
	b.take(e.Code, false)
	b.take(e.Provider, false)
	b.take(e.Abstract, false)
	for _, i := range e.Items {
		b.take(i, false)
	}
	b.add("", byMember.token(member))
	b.add("", byDepartment.token(e.Department))
	b.add("", byClass.token(e.Class))
	b.add("", byCycle.token(e.UpdateCycle))
	for _, m := range e.Modes {
		b.add("", byMode.token(string(m)))
	}
	for g := max(e.Grade, 1); g <= maxGrade; g++ {
		b.add("", gradeToken(g))
	}
	return b.text.String()
}

// rank is the bucket an entry lies in, lower is found earlier: what may be had for the asking before what needs consent
// and what is not shared; what can be queried at once; what is kept fresh; base data before themes and single departments.
func rank(e *Entry) int64 {
	order := func(v string, list ...string) int64 {
		for i, l := range list {
			if v == l {
				return int64(i)
			}
		}
		return int64(len(list))
	}
	query := int64(1)
	for _, m := range e.Modes {
		if m == "query" {
			query = 0
		}
	}
	fresh := order(e.UpdateCycle, "realtime", "daily", "weekly", "monthly") / 2
	sharing := order(string(e.Sharing), string(catalog.Unconditional), string(catalog.Conditional))
	return sharing*sharingBuckets + (query*3+fresh)*3 + order(e.Class, "base", "theme")
}

const (
	// bucketDocs is how many places a bucket has. They are given out downwards: what is new is found first.
	bucketDocs = 1 << 32
	// sharingBuckets is how many buckets a sharing attribute has; they lie together, in the order of sharings.
	sharingBuckets = 2 * 3 * 3
)

// within is a stretch of the order of rank: from a document to before another.
type within struct{ from, to int64 }

// rankOf is where the entries of a sharing attribute lie; of all entries for none.
func rankOf(s catalog.Sharing) within {
	const each = sharingBuckets * bucketDocs
	for i, x := range sharings() {
		if x == string(s) {
			return within{int64(i) * each, int64(i+1) * each}
		}
	}
	return within{0, int64(len(sharings())) * each}
}
