package catalog

import (
	"cmp"
	"regexp"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/kuayu/kuayu/exchange/source"
	"github.com/kuayu/kuayu/support/policy"
)

// hint is what the name of a column, or its values, suggest of an item.
type hint struct {
	column, title string         // how such columns are named, and how such items are called
	value         *regexp.Regexp // what every value looks like; nil: the name alone tells
	item          Item
}

// hints are tried in order: the first that fits a column's name or its title is taken. They are guesses, and an officer
// decides; where they err, they err towards hiding.
func hints() []hint {
	masked := func(k policy.MaskKind, grade int, subject bool) Item {
		return Item{Grade: grade, Mask: policy.Mask{Kind: k}, Subject: subject, Key: subject, Personal: !subject}
	}
	id, phone := regexp.MustCompile(`^[1-9][0-9]{16}[0-9Xx]$`), regexp.MustCompile(`^1[0-9]{10}$`)
	return []hint{
		{`uscc|credit_?code|统一社会信用代码|社会信用代码`, "统一社会信用代码", nil, Item{Grade: 1}},
		{`citizen_?id|id_?card|identity|sfzh|身份证|身份号码|证件号`, "公民身份号码", id, masked(policy.MaskID, 3, true)},
		{`phone|mobile|tel|电话|手机`, "联系电话", phone, masked(policy.MaskPhone, 3, true)},
		{`representative|legal_?person|法定代表人`, "法定代表人", nil, masked(policy.MaskName, 3, false)},
		{`birth|出生`, "出生日期", nil, masked(policy.MaskNull, 3, false)},
		{`sex|gender|性别`, "性别", nil, Item{Grade: 2, Personal: true}},
		{`email|邮箱`, "电子邮箱", nil, masked(policy.MaskNull, 3, true)},
		{`address|住所|地址`, "地址", nil, masked(policy.MaskAddress, 2, false)},
		{`person_?name|xingming|姓名`, "姓名", nil, masked(policy.MaskName, 3, false)},
		{`secret|password|remark|note|密码|备注`, "备注", nil, Item{Grade: 3, Mask: policy.Mask{Kind: policy.MaskNull}}},
		{`capital|注册资本`, "注册资本", nil, Item{Grade: 2}},
		{`registered|成立日期|登记日期`, "登记日期", nil, Item{Grade: 1}},
		{`city|所在市`, "所在市", nil, Item{Grade: 1}},
		{`province|所在省`, "所在省", nil, Item{Grade: 1}},
		{`district|区县`, "所在区县", nil, Item{Grade: 1}},
		{`^name$|名称`, "名称", nil, Item{Grade: 1}},
	}
}

// Guess says what the items of a table may be: their types as the guide of 2017 has them, titles, grades, masks, and which
// are personal information. rows are a sample of it, or nil.
func Guess(t *source.Table, rows arrow.RecordBatch) []Item {
	out := make([]Item, len(t.Columns))
	for i := range t.Columns {
		c := &t.Columns[i]
		it := Item{Grade: 1}
		title := strings.TrimSpace(c.Comment)
		for _, h := range hints() {
			named := regexp.MustCompile(`(?im)` + h.column).MatchString(c.Name + "\n" + title)
			if !named && (h.value == nil || !every(rows, c.Name, h.value)) {
				continue
			}
			it = h.item
			title = cmp.Or(title, h.title)
			break
		}
		it.Name, it.Title, it.Type = c.Name, cmp.Or(title, c.Name), typeOf(c.Type)
		if !textual(c.Type) && it.Mask.Kind != policy.MaskNone && it.Mask.Kind != policy.MaskNull {
			it.Mask = policy.Mask{Kind: policy.MaskNull} // a mask of text on what is none would be refused
		}
		out[i] = it
	}
	return out
}

// every reports whether a column has values and all of them look like that.
func every(rows arrow.RecordBatch, column string, form *regexp.Regexp) bool {
	if rows == nil {
		return false
	}
	at := rows.Schema().FieldIndices(column)
	if len(at) == 0 {
		return false
	}
	col, seen := rows.Column(at[0]), false
	for i := range col.Len() {
		if col.IsNull(i) {
			continue
		}
		if !form.MatchString(col.ValueStr(i)) {
			return false
		}
		seen = true
	}
	return seen
}

func textual(t arrow.DataType) bool {
	switch t.ID() { //nolint:exhaustive // the others are no text
	case arrow.STRING, arrow.LARGE_STRING, arrow.STRING_VIEW:
		return true
	}
	return false
}

// typeOf is the guide's letter of a type: C text, I integer, F and B floating, N number, D day, T time, L yes or no, G else.
func typeOf(t arrow.DataType) string {
	switch t.ID() { //nolint:exhaustive // what has no letter is general
	case arrow.STRING, arrow.LARGE_STRING, arrow.STRING_VIEW:
		return "C"
	case arrow.INT8, arrow.INT16, arrow.INT32, arrow.INT64, arrow.UINT8, arrow.UINT16, arrow.UINT32, arrow.UINT64:
		return "I"
	case arrow.FLOAT16, arrow.FLOAT32:
		return "F"
	case arrow.FLOAT64:
		return "B"
	case arrow.DECIMAL128, arrow.DECIMAL256:
		return "N"
	case arrow.DATE32, arrow.DATE64:
		return "D"
	case arrow.TIMESTAMP:
		return "T"
	case arrow.BOOL:
		return "L"
	}
	return "G"
}
