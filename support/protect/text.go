package protect

import (
	"strings"
	"unicode/utf8"

	"github.com/kuayu/kuayu/support/policy"
	"github.com/kuayu/kuayu/support/standard"
)

// textMask appends the masked s to dst.
type textMask func(dst []byte, s string) []byte

const hidden = '*'

// Text masks one value, for previews and messages. Every mask but hash and null, which are ErrKind here.
func Text(mask policy.Mask, s string) (string, error) {
	if mask.Kind == policy.MaskNone {
		return s, nil
	}
	f, err := textMaskOf(mask)
	if err != nil {
		return "", err
	}
	return string(f(nil, s)), nil
}

func textMaskOf(mask policy.Mask) (textMask, error) {
	switch mask.Kind {
	case policy.MaskName:
		return maskName, nil
	case policy.MaskID:
		return maskID, nil
	case policy.MaskPhone:
		return maskPhone, nil
	case policy.MaskAddress:
		return newAddressMask(standard.BuiltinDivisions()).mask, nil
	case policy.MaskKeepFirst, policy.MaskKeepLast:
		if mask.N < 1 {
			return nil, ErrKind.With(mask.String())
		}
		keep := mask.N
		if mask.Kind == policy.MaskKeepFirst {
			return func(dst []byte, s string) []byte { return keepEnds(dst, s, keep, 0) }, nil
		}
		return func(dst []byte, s string) []byte { return keepEnds(dst, s, 0, keep) }, nil
	case policy.MaskNone, policy.MaskHash, policy.MaskNull:
	}
	return nil, ErrKind.With(mask.String())
}

// keepEnds keeps the given numbers of characters at both ends and hides the others one for one. If that would hide
// nothing, everything is hidden.
func keepEnds(dst []byte, s string, first, last int) []byte {
	n := utf8.RuneCountInString(s)
	if first+last >= n {
		first, last = 0, 0
	}
	pos := 0
	for i := 0; i < len(s); pos++ {
		r, size := rune(s[i]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRuneInString(s[i:])
		}
		if (pos < first || pos >= n-last) && (r != utf8.RuneError || size > 1) {
			dst = append(dst, s[i:i+size]...)
		} else {
			dst = append(dst, hidden)
		}
		i += size
	}
	return dst
}

// maskName keeps the surname: two characters if they are a compound surname and a given name follows, else one.
func maskName(dst []byte, s string) []byte {
	const two = 2 * 3 // compound surnames are two characters of three bytes
	if len(s) > two && isCompoundSurname(s[:two]) {
		return keepEnds(dst, s, 2, 0)
	}
	return keepEnds(dst, s, 1, 0)
}

// isCompoundSurname knows the compound surnames still in use.
func isCompoundSurname(s string) bool {
	switch s {
	case "欧阳", "司马", "上官", "诸葛", "司徒", "东方", "皇甫", "尉迟", "公孙", "慕容", "长孙", "宇文", "司空", "夏侯", "令狐", "轩辕",
		"端木", "百里", "东郭", "南宫", "呼延", "闻人", "公羊", "澹台", "濮阳", "淳于", "单于", "太叔", "申屠", "公冶", "宗政", "钟离",
		"鲜于", "闾丘", "司寇", "子车", "亓官", "巫马", "公西", "颛孙", "壤驷", "公良", "漆雕", "乐正", "宰父", "谷梁", "拓跋", "夹谷",
		"段干", "羊舌", "微生", "梁丘", "左丘", "东门", "西门", "独孤", "第五", "纳兰", "完颜", "赫连", "万俟", "叶赫", "哥舒", "仲孙":
		return true
	}
	return false
}

// maskID keeps a quarter of the characters, four at the most, at both ends; nothing below eight characters.
func maskID(dst []byte, s string) []byte {
	n := utf8.RuneCountInString(s)
	keep := min(4, n/4)
	if n < 8 {
		keep = 0
	}
	return keepEnds(dst, s, keep, keep)
}

// maskPhone keeps three characters at the front and four at the end of eleven or more, a quarter at the end of seven to
// ten (a number without area code), nothing below.
func maskPhone(dst []byte, s string) []byte {
	switch n := utf8.RuneCountInString(s); {
	case n >= 11:
		return keepEnds(dst, s, 3, 4)
	case n >= 7:
		return keepEnds(dst, s, 0, n/4)
	}
	return keepEnds(dst, s, 0, 0)
}

// addressMask keeps the names of province, city and county an address begins with and writes **** for all the rest,
// also where there is none. Only names of the division table, and of the other provinces, are kept; a short form
// (南京 for 南京市) only if a full name follows, since 南京东路 is a street in Shanghai.
type addressMask struct {
	names   map[string]uint8 // bit set of nameFull, nameShort for the level
	longest int              // bytes
}

// Bits of a name: full and short, by level from province (0) to county (2).
const (
	nameFull  = 1
	nameShort = 8
)

func newAddressMask(divisions *standard.Divisions) *addressMask {
	a := &addressMask{names: map[string]uint8{}}
	add := func(name string, level int) {
		a.put(name, nameFull<<level)
		for _, suffix := range []string{"省", "市", "特别行政区", "壮族自治区", "回族自治区", "维吾尔自治区", "自治区"} {
			short, ok := strings.CutSuffix(name, suffix)
			if ok && level < 2 && utf8.RuneCountInString(short) >= 2 {
				a.put(short, nameShort<<level)
				break
			}
		}
	}
	for _, n := range strings.Fields(provinceNames) {
		add(n, 0)
	}
	divisions.Each(func(d standard.Division) {
		if utf8.RuneCountInString(d.Name) < 2 || d.StatisticsOnly() {
			return
		}
		switch d.Level {
		case standard.Province:
			add(d.Name, 0)
		case standard.City:
			add(d.Name, 1)
		case standard.County:
			add(d.Name, 2)
		case standard.Town, standard.NoLevel:
		}
	})
	return a
}

const provinceNames = `北京市 天津市 河北省 山西省 内蒙古自治区 辽宁省 吉林省 黑龙江省 上海市 江苏省 浙江省 安徽省 福建省 江西省 山东省 河南省 湖北省
湖南省 广东省 广西壮族自治区 海南省 重庆市 四川省 贵州省 云南省 西藏自治区 陕西省 甘肃省 青海省 宁夏回族自治区 新疆维吾尔自治区 台湾省
香港特别行政区 澳门特别行政区`

func (a *addressMask) put(name string, bits uint8) {
	a.names[name] |= bits
	a.longest = max(a.longest, len(name))
}

func (a *addressMask) mask(dst []byte, s string) []byte {
	if s == "" {
		return dst
	}
	keep, at := 0, 0
	for level := range 3 {
		if n, full := a.match(s[at:], level); n > 0 {
			at += n
			if full {
				keep = at
			}
		}
	}
	return append(append(dst, s[:keep]...), "****"...)
}

// match is the length in bytes of the longest name of the level s begins with, and whether it is a full one.
func (a *addressMask) match(s string, level int) (n int, full bool) {
	for n = min(a.longest, len(s)); n >= 6; n-- {
		if n < len(s) && !utf8.RuneStart(s[n]) {
			continue
		}
		bits := a.names[s[:n]] >> level
		if bits&nameFull != 0 && !(strings.HasSuffix(s[:n], "市") && strings.HasPrefix(s[n:], "场")) {
			return n, true
		}
		if bits&nameShort != 0 {
			return n, false
		}
	}
	return 0, false
}
