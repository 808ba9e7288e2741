package catalog

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/support/policy"
	"github.com/kuayu/kuayu/support/process"
)

// A sheet has one row per data item; the columns of the entry are repeated on each of its rows, or left empty after the
// first. Whether it is CSV or XLSX, the first row names the columns, in Chinese. What is exported can be imported again.

// row is what one row of a sheet says.
type row struct {
	r  Resource
	it Item
	m  Mount
}

// column is one column of a sheet: how it is filled in from a row, and read into one.
type column struct {
	name, zh string
	item     bool // of the item, not the entry
	get      func(*row) string
	set      func(*row, string) bool // false: the value is not one the column takes
	values   string                  // what it takes, in Chinese, where that is a short list
}

// pair is a code with its word.
type pair struct{ code, zh string }

func words(list string) []pair {
	var out []pair
	for _, w := range strings.Fields(list) {
		code, zh, _ := strings.Cut(w, "=")
		out = append(out, pair{code, zh})
	}
	return out
}

func said(ps []pair) string {
	names := make([]string, len(ps))
	for i, p := range ps {
		names[i] = p.zh
	}
	return strings.Join(names, "、")
}

const (
	sharingWords = "unconditional=无条件共享 conditional=有条件共享 none=不予共享"
	cycleWords   = "realtime=实时 daily=每日 weekly=每周 monthly=每月 quarterly=每季度 yearly=每年 on_demand=按需"
	modeWords    = "query=接口查询 verify=核验 batch=批量交换 file=文件下载"
	classWords   = "base=基础 theme=主题 department=部门"
	formatWords  = "file=电子文件 spreadsheet=电子表格 database=数据库 image=图形图像 stream=流媒体 other=自描述"
	openWords    = "open=开放 conditional=有条件开放"
	channelWords = "government_network=政务外网 internet=互联网 department_network=部门专网"
	basisWords   = "law=法律 regulation=行政法规 state_council_decision=国务院决定"
	listMark     = "；" // between the values of a list
)

// free is a column of free text.
func free(name, zh string, at func(*row) *string) column {
	return column{name: name, zh: zh, get: func(x *row) string { return *at(x) }, set: func(x *row, s string) bool { *at(x) = s; return true }}
}

// one is a column that takes one of some words, or their codes.
func one[T ~string](name, zh, list string, at func(*row) *T) column {
	ps := words(list)
	return column{
		name: name, zh: zh, values: said(ps),
		get: func(x *row) string { return wordOf(ps, string(*at(x))) },
		set: func(x *row, s string) bool {
			code, ok := codeOf(ps, s)
			*at(x) = T(code)
			return ok
		},
	}
}

func wordOf(ps []pair, code string) string {
	for _, p := range ps {
		if p.code == code {
			return p.zh
		}
	}
	return code
}

func codeOf(ps []pair, s string) (string, bool) {
	for _, p := range ps {
		if s == p.zh || s == p.code {
			return p.code, true
		}
	}
	return s, s == ""
}

// yes is a column that takes 是 or 否.
func yes(name, zh string, at func(*row) *bool) column {
	return column{
		name: name, zh: zh, values: "是、否",
		get: func(x *row) string {
			if *at(x) {
				return "是"
			}
			return ""
		},
		set: func(x *row, s string) bool {
			switch strings.ToLower(s) {
			case "是", "yes", "true", "1":
				*at(x) = true
			case "否", "no", "false", "0", "":
				*at(x) = false
			default:
				return false
			}
			return true
		},
	}
}

// number is a column of a figure; empty is 0.
func number(name, zh string, at func(*row) *int) column {
	return column{
		name: name, zh: zh, values: "数字",
		get: func(x *row) string {
			if *at(x) == 0 {
				return ""
			}
			return strconv.Itoa(*at(x))
		},
		set: func(x *row, s string) bool {
			n, err := strconv.Atoi(s)
			*at(x) = n
			return s == "" || (err == nil && n >= 0)
		},
	}
}

// several is a column of a list.
func several(name, zh string, at func(*row) *[]string) column {
	return column{
		name: name, zh: zh, get: func(x *row) string { return strings.Join(*at(x), listMark) },
		set: func(x *row, s string) bool { *at(x) = splitList(s); return true },
	}
}

func splitList(s string) []string {
	var out []string
	for _, v := range strings.FieldsFunc(s, func(r rune) bool { return r == '；' || r == ';' || r == '\n' }) {
		if v = strings.TrimSpace(v); v != "" {
			out = append(out, v)
		}
	}
	return out
}

// basisColumns are the four columns of a citation.
func basisColumns(prefix, zh string, at func(*row) **LegalBasis) []column {
	field := func(x *row) *LegalBasis {
		if *at(x) == nil {
			*at(x) = &LegalBasis{}
		}
		return *at(x)
	}
	lazy := func(c column) column {
		get, set := c.get, c.set
		c.get = func(x *row) string {
			if *at(x) == nil {
				return ""
			}
			return get(x)
		}
		c.set = func(x *row, s string) bool { return s == "" || set(x, s) }
		return c
	}
	return []column{
		lazy(one(prefix+"_instrument", zh+"依据种类", basisWords, func(x *row) *Instrument { return &field(x).Instrument })),
		lazy(free(prefix+"_name", zh+"依据名称", func(x *row) *string { return &field(x).Name })),
		lazy(free(prefix+"_article", zh+"依据条款", func(x *row) *string { return &field(x).Article })),
		lazy(free(prefix+"_reason", zh+"理由", func(x *row) *string { return &field(x).Reason })),
	}
}

// optional makes columns of a part that is absent while all of them are empty.
func optional[T any](at func(*row) **T, cs ...func(func(*row) *T) column) []column {
	part := func(x *row) *T {
		if *at(x) == nil {
			*at(x) = new(T)
		}
		return *at(x)
	}
	out := make([]column, len(cs))
	for i, f := range cs {
		c := f(part)
		get, set := c.get, c.set
		c.get = func(x *row) string {
			if *at(x) == nil {
				return ""
			}
			return get(x)
		}
		c.set = func(x *row, s string) bool { return s == "" || set(x, s) }
		out[i] = c
	}
	return out
}

func modeColumn() column {
	ps := words(modeWords)
	return column{
		name: "modes", zh: "共享方式", values: said(ps) + "，多个以“；”分隔",
		get: func(x *row) string {
			names := make([]string, len(x.r.Modes))
			for i, m := range x.r.Modes {
				names[i] = wordOf(ps, string(m))
			}
			return strings.Join(names, listMark)
		},
		set: func(x *row, s string) bool {
			x.r.Modes = nil
			for _, v := range splitList(s) {
				code, ok := codeOf(ps, v)
				if !ok {
					return false
				}
				x.r.Modes = append(x.r.Modes, policy.Mode(code))
			}
			return true
		},
	}
}

// sheetColumns are all columns, in the order of an export.
func sheetColumns() []column {
	cs := []column{
		free("code", "资源代码", func(x *row) *string { return &x.r.Code }),
		free("name", "资源名称", func(x *row) *string { return &x.r.Name }),
		free("provider", "提供方", func(x *row) *string { return &x.r.Provider }),
		free("abstract", "摘要", func(x *row) *string { return &x.r.Abstract }),
		one("class", "类", classWords, func(x *row) *string { return &x.r.Class }),
	}
	type cf = func(func(*row) *Classification) column
	cs = append(cs, optional(func(x *row) **Classification { return &x.r.Classification },
		cf(func(p func(*row) *Classification) column {
			return free("group", "项", func(x *row) *string { return &p(x).Group })
		}),
		cf(func(p func(*row) *Classification) column {
			return free("topic", "目", func(x *row) *string { return &p(x).Topic })
		}),
		cf(func(p func(*row) *Classification) column {
			return free("detail", "细目", func(x *row) *string { return &p(x).Detail })
		}))...)
	cs = append(cs,
		one("format_class", "格式分类", formatWords, func(x *row) *FormatClass { return &x.r.FormatClass }),
		free("format", "格式", func(x *row) *string { return &x.r.Format }),
		one("update_cycle", "更新周期", cycleWords, func(x *row) *string { return &x.r.UpdateCycle }),
		number("grade", "分级", func(x *row) *int { return &x.r.Grade }),
		one("sharing", "共享类型", sharingWords, func(x *row) *Sharing { return &x.r.Sharing }),
		modeColumn(),
		free("conditions", "使用条件", func(x *row) *string { return &x.r.Conditions }),
		free("share_scope", "共享范围", func(x *row) *string { return &x.r.ShareScope }),
		free("use_purpose", "使用用途", func(x *row) *string { return &x.r.UsePurpose }))
	cs = append(cs, basisColumns("basis", "不予共享", func(x *row) **LegalBasis { return &x.r.LegalBasis })...)
	cs = append(cs,
		one("openness", "开放类型", openWords, func(x *row) *Openness { return &x.r.Openness }),
		free("open_condition", "开放条件", func(x *row) *string { return &x.r.OpenCondition }),
		several("related", "关联资源代码", func(x *row) *[]string { return &x.r.Related }),
		yes("secret", "涉密", func(x *row) *bool { return &x.r.Secret }),
		one("channel", "所在网络", channelWords, func(x *row) *Channel { return &x.r.Channel }),
		free("origin_system", "所属系统", func(x *row) *string { return &x.r.OriginSystem }),
		several("origins", "来源方", func(x *row) *[]string { return &x.r.Origins }))
	type sf = func(func(*row) *ServiceItem) column
	cs = append(cs, optional(func(x *row) **ServiceItem { return &x.r.ServiceItem },
		sf(func(p func(*row) *ServiceItem) column {
			return free("service_kind", "关联事项类型", func(x *row) *string { return &p(x).Kind })
		}),
		sf(func(p func(*row) *ServiceItem) column {
			return free("service_name", "关联事项名称", func(x *row) *string { return &p(x).Name })
		}),
		sf(func(p func(*row) *ServiceItem) column {
			return free("service_basic", "基本目录编码", func(x *row) *string { return &p(x).Basic })
		}),
		sf(func(p func(*row) *ServiceItem) column {
			return free("service_handling", "业务办理项编码", func(x *row) *string { return &p(x).Handling })
		}),
		sf(func(p func(*row) *ServiceItem) column {
			return free("service_implementation", "实施清单编码", func(x *row) *string { return &p(x).Implementation })
		}))...)
	cs = append(cs,
		free("source", "数据源", func(x *row) *string { return &x.m.ID }),
		free("table", "表", func(x *row) *string { return &x.m.Table }))
	return append(cs, itemColumns()...)
}

func itemColumns() []column {
	mask := column{
		name: "item_mask", zh: "脱敏规则", values: "name、id、phone、address、keep_first:N、keep_last:N、hash、null",
		get: func(x *row) string { return x.it.Mask.String() },
		set: func(x *row, s string) bool {
			m, err := policy.ParseMask(s)
			x.it.Mask = m
			return err == nil
		},
	}
	cs := []column{
		free("item", "数据项", func(x *row) *string { return &x.it.Name }),
		free("item_title", "数据项名称", func(x *row) *string { return &x.it.Title }),
		free("item_type", "数据类型", func(x *row) *string { return &x.it.Type }),
		number("item_length", "数据长度", func(x *row) *int { return &x.it.Length }),
		number("item_grade", "数据项分级", func(x *row) *int { return &x.it.Grade }),
		mask,
		yes("item_key", "可按准确值查询", func(x *row) *bool { return &x.it.Key }),
		yes("item_subject", "标识自然人", func(x *row) *bool { return &x.it.Subject }),
		yes("item_personal", "个人信息", func(x *row) *bool { return &x.it.Personal }),
		yes("item_verify", "仅供核验", func(x *row) *bool { return &x.it.Verify }),
		one("item_sharing", "数据项共享类型", sharingWords, func(x *row) *Sharing { return &x.it.Sharing }),
	}
	cs = append(cs, basisColumns("item_basis", "数据项不予共享", func(x *row) **LegalBasis { return &x.it.LegalBasis })...)
	cs = append(cs,
		yes("item_open", "数据项开放", func(x *row) *bool { return &x.it.Open }),
		free("item_element", "数据元代码", func(x *row) *string { return &x.it.Element }))
	for i := range cs {
		cs[i].item = true
	}
	return cs
}

// described is one entry that a sheet describes.
type described struct {
	r     Resource
	m     Mount
	line  int            // of its first row
	lines map[string]int // of its items
	cells []string       // of the entry, as its first row has them
	bad   bool
}

// sheetFaults collects what is wrong with a sheet, line by line.
type sheetFaults struct {
	list []errs.Field
	more int
}

// maxSheetFaults is how many faults of a sheet are told.
const maxSheetFaults = 1000

func (f *sheetFaults) add(line int, col, zh, en string) {
	if len(f.list) >= maxSheetFaults {
		f.more++
		return
	}
	name := strconv.Itoa(line)
	if col != "" {
		name += ":" + col
	}
	if l := inEnglish(col); l != "" { // the sheet's heads are Chinese
		en = l + ": " + en
	}
	f.list = append(f.list, errs.Field{Name: name, Zh: zh, En: en})
}

// readSheet turns rows into entries of a department. The line of the first row is 1.
func readSheet(rows [][]string, department string) ([]*described, *sheetFaults) {
	f := &sheetFaults{}
	if len(rows) == 0 {
		f.add(1, "", "表是空的", "the sheet is empty")
		return nil, f
	}
	at := columnsOf(rows[0], f)
	if len(f.list) > 0 {
		return nil, f
	}
	var out []*described
	byCode := map[string]*described{}
	for i, cells := range rows[1:] {
		if line := i + 2; !blank(cells) {
			readRow(cells, line, at, department, byCode, &out, f)
		}
	}
	for _, d := range out {
		if d.bad {
			continue
		}
		if err := d.r.Check(); err != nil {
			for _, x := range errs.As(err).Fields {
				f.add(d.lineOf(x), columnOf(x.Name), x.Zh, x.En)
			}
			d.bad = true
		}
	}
	return out, f
}

// lineOf is the row of a complaint: of an item if it names one at its beginning.
func (d *described) lineOf(x errs.Field) int {
	if x.Name == "items" {
		for name, line := range d.lines {
			if name != "" && (strings.HasPrefix(x.Zh, name+" ") || strings.HasSuffix(x.Zh, "："+name)) {
				return line
			}
		}
	}
	return d.line
}

func columnOf(field string) string {
	if l := Label(field, false, "zh"); l != "" {
		return l
	}
	if field == "items" {
		return "数据项"
	}
	return field
}

func blank(cells []string) bool {
	return !slices.ContainsFunc(cells, func(s string) bool { return strings.TrimSpace(s) != "" })
}

// placed is a column with its place in the sheet.
type placed struct {
	column
	at int
}

// columnsOf finds the columns by their Chinese names or codes. A column that is not known is a mistake: it would be lost.
func columnsOf(head []string, f *sheetFaults) []placed {
	all, seen := sheetColumns(), map[string]bool{}
	var out []placed
	for at, h := range head {
		h = strings.TrimSpace(h)
		if h == "" {
			continue
		}
		i := slices.IndexFunc(all, func(c column) bool { return c.zh == h || c.name == h })
		switch {
		case i < 0:
			f.add(1, clip(h), "没有这一列，请使用导出文件的列名", "there is no such column; use those of an export")
		case seen[all[i].name]:
			f.add(1, h, "列重复", "the column is there twice")
		default:
			seen[all[i].name] = true
			out = append(out, placed{all[i], at})
		}
	}
	for _, need := range []string{"code", "item"} {
		if !seen[need] {
			zh := all[slices.IndexFunc(all, func(c column) bool { return c.name == need })].zh
			f.add(1, zh, "缺少必需的列", "a column is missing that must be there")
		}
	}
	return out
}

func readRow(cells []string, line int, at []placed, department string, byCode map[string]*described, out *[]*described, f *sheetFaults) {
	x := row{r: Resource{Department: department}}
	entry := make([]string, 0, len(at))
	bad := false
	for _, c := range at {
		v := ""
		if c.at < len(cells) {
			v = strings.TrimSpace(cells[c.at])
		}
		if !c.item {
			entry = append(entry, v)
		}
		switch {
		case len(v) > process.MaxNote:
			f.add(line, c.zh, "内容过长，不得超过 4000 字节", "too long; at most 4000 bytes")
			bad = true
		case !c.set(&x, v):
			f.add(line, c.zh, "“"+clip(v)+"”不是可用的值，须为："+c.values, fmt.Sprintf("%q is not a value of this column", clip(v)))
			bad = true
		}
	}
	code := x.r.Code
	if code == "" {
		f.add(line, "资源代码", "请填写资源代码", "give the code of the resource")
		return
	}
	d := byCode[code]
	if d == nil {
		d = &described{r: x.r, m: x.m, line: line, lines: map[string]int{}, cells: entry}
		byCode[code] = d
		*out = append(*out, d)
	} else {
		k := 0
		for _, c := range at {
			if c.item {
				continue
			}
			if v := entry[k]; v != "" && v != d.cells[k] {
				f.add(line, c.zh, fmt.Sprintf("与第 %d 行同一资源的内容不一致；请改为一致，或留空", d.line), fmt.Sprintf("differs from line %d of the same resource; make it the same, or leave it empty", d.line))
				bad = true
			}
			k++
		}
	}
	d.bad = d.bad || bad
	if len(d.r.Items) == policy.MaxItems {
		f.add(line, "数据项", fmt.Sprintf("资源 %s 的数据项超过 %d 个", clip(code), policy.MaxItems), fmt.Sprintf("the resource %s has more than %d items", clip(code), policy.MaxItems))
		d.bad = true
		return
	}
	if _, twice := d.lines[x.it.Name]; !twice {
		d.lines[x.it.Name] = line
	}
	d.r.Items = append(d.r.Items, x.it)
}

// writeSheet turns entries into rows, the first of which names the columns.
func writeSheet(es []Dossier) [][]string {
	cs := sheetColumns()
	head := make([]string, len(cs))
	for i, c := range cs {
		head[i] = c.zh
	}
	out := [][]string{head}
	for i := range es {
		e := &es[i]
		for k := range e.Resource.Items {
			x := row{r: *e.Resource, it: e.Resource.Items[k], m: Mount{ID: e.Source, Table: e.Table}}
			cells := make([]string, len(cs))
			for j, c := range cs {
				cells[j] = c.get(&x)
			}
			out = append(out, cells)
		}
	}
	return out
}
