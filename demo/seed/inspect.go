package seed

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"maps"
	"slices"
	"strings"
	"unsafe"

	"github.com/klauspost/compress/gzip"

	"github.com/kuayu/kuayu/support/standard"
)

// Columns of an enterprise row.
const (
	colName = iota
	colCode
	colDate
	colType
	colRepresentative
	colCapital
	colScope
	colProvince
	colDistrict
	colAddress
	numColumns
)

// EnterpriseColumns is the header of enterprise registrations.
func EnterpriseColumns() []string {
	return []string{"企业名称", "统一社会信用代码", "注册日期", "企业类型", "法人代表", "注册资金", "经营范围", "所在省份", "地区", "注册地址"}
}

// Bounds of what an inspection remembers.
const (
	maxCodes = 16 << 20 // codes looked at for duplicates
	maxUnits = 1024     // spellings of capital units
)

// Report is what InspectEnterprises found. Everything is counted from the rows; nothing is assumed.
//
// Every row has exactly one entry in Faults, so they add up to Rows. Malformed, Shifted, Duplicates, the divisions,
// the missing values and the brackets are counted besides, and one row can be in several.
type Report struct {
	Rows int64 // records after the header

	// Faults of the unified social credit code in the second field, found in the order length, lower case, alphabet,
	// check character, check character of the organisation code inside. A row without a second field has BadLength.
	Faults [standard.NumFaults]int64

	Malformed  int64 // not as many fields as the header, or quotes not as RFC 4180 has them
	Shifted    int64 // the province column holds something other than the name of a province: the cells have moved
	Duplicates int64 // rows whose code an earlier row had; empty codes and N/A don't count
	Forgotten  bool  // more than 16 Mi codes: Duplicates counts those among the first ones only

	// The division code (positions 3–8) of codes that pass GB 32100.
	DivisionInForce    int64 // in force
	DivisionAbolished  int64 // the table knows when it ended
	DivisionStatistics int64 // a zone known to statistics only
	DivisionUnknown    int64 // of a province the table covers, but not in it
	DivisionElsewhere  int64 // of a province the table does not cover

	Missing   [numColumns]int64 // by column: empty or N/A
	HalfWidth int64             // names with half-width brackets
	FullWidth int64             // names with full-width brackets
	Units     map[string]int64  // spellings of the unit of capital, in rows neither malformed nor shifted
	MoreUnits int64             // rows with a spelling beyond the first 1024
	BadDates  int64             // registration date not YYYY-MM-DD
	BytesRead int64             // of CSV, after decompression
}

// Passing is the number of codes that pass GB 32100, including those whose organisation code alone fails.
func (r *Report) Passing() int64 {
	return r.Faults[standard.OK] + r.Faults[standard.BadOrgCheck]
}

// Add adds what another file's report counted. Duplicates between files are not seen.
func (r *Report) Add(o Report) {
	r.Rows += o.Rows
	for i := range r.Faults {
		r.Faults[i] += o.Faults[i]
	}
	r.Malformed += o.Malformed
	r.Shifted += o.Shifted
	r.Duplicates += o.Duplicates
	r.Forgotten = r.Forgotten || o.Forgotten
	r.DivisionInForce += o.DivisionInForce
	r.DivisionAbolished += o.DivisionAbolished
	r.DivisionStatistics += o.DivisionStatistics
	r.DivisionUnknown += o.DivisionUnknown
	r.DivisionElsewhere += o.DivisionElsewhere
	for i := range r.Missing {
		r.Missing[i] += o.Missing[i]
	}
	r.HalfWidth += o.HalfWidth
	r.FullWidth += o.FullWidth
	if r.Units == nil {
		r.Units = map[string]int64{}
	}
	for u, n := range o.Units {
		r.Units[u] += n
	}
	r.MoreUnits += o.MoreUnits
	r.BadDates += o.BadDates
	r.BytesRead += o.BytesRead
}

// Line is one figure of a report.
type Line struct {
	Key    string // stable
	Zh, En string
	Count  int64
}

// Lines are the figures in a fixed order, also those that are 0.
func (r *Report) Lines() []Line {
	out := []Line{
		{"rows", "记录数", "rows", r.Rows},
		{"code_pass", "通过 GB 32100 校验的代码", "codes that pass GB 32100", r.Passing()},
		{"code_" + standard.BadLength.String(), "代码位数不符", "codes of another length", r.Faults[standard.BadLength]},
		{"code_" + standard.BadLowercase.String(), "代码含小写字母", "codes with a lower-case letter", r.Faults[standard.BadLowercase]},
		{"code_" + standard.BadAlphabet.String(), "代码含不允许的字符", "codes with a character that is not allowed", r.Faults[standard.BadAlphabet]},
		{"code_" + standard.BadCheck.String(), "代码校验码错误", "codes with a wrong check character", r.Faults[standard.BadCheck]},
		{"code_" + standard.BadOrgCheck.String(), "其中组织机构代码校验码错误", "of those that pass: organisation code fails GB 11714", r.Faults[standard.BadOrgCheck]},
		{"code_duplicate", "重复的代码", "rows with a code seen before", r.Duplicates},
		{"division_in_force", "登记区划现行有效", "division in force", r.DivisionInForce},
		{"division_abolished", "登记区划已撤销", "division abolished", r.DivisionAbolished},
		{"division_statistics", "登记区划仅用于统计", "division known to statistics only", r.DivisionStatistics},
		{"division_unknown", "登记区划不在区划表内", "division not in the table", r.DivisionUnknown},
		{"division_elsewhere", "登记区划属于其他省份", "division of a province outside the table", r.DivisionElsewhere},
		{"malformed", "字段数或引号有误的记录", "rows with a wrong number of fields or wrong quotes", r.Malformed},
		{"shifted", "错列的记录", "rows with shifted columns", r.Shifted},
		{"bad_date", "注册日期格式不符", "registration date not YYYY-MM-DD", r.BadDates},
		{"name_half_width", "名称使用半角括号", "names with half-width brackets", r.HalfWidth},
		{"name_full_width", "名称使用全角括号", "names with full-width brackets", r.FullWidth},
		{"capital_units", "注册资金单位写法", "spellings of capital units", int64(len(r.Units))},
	}
	for i, name := range EnterpriseColumns() {
		out = append(out, Line{fmt.Sprintf("missing_%d", i+1), name + "缺失", "missing: " + name, r.Missing[i]})
	}
	return out
}

// String is a table of key, count and meaning, one figure a line.
func (r *Report) String() string {
	var b strings.Builder
	for _, l := range r.Lines() {
		fmt.Fprintf(&b, "%-20s %10d  %s\n", l.Key, l.Count, l.En)
	}
	return b.String()
}

// UnitsByCount are the spellings of capital units, the most frequent first.
func (r *Report) UnitsByCount() []string {
	units := slices.Sorted(maps.Keys(r.Units))
	slices.SortStableFunc(units, func(a, b string) int { return int(r.Units[b] - r.Units[a]) })
	return units
}

// InspectEnterprises counts what is wrong in enterprise registrations: CSV in UTF-8 with the header EnterpriseColumns,
// plain or compressed with gzip. It reads as a stream; memory is bounded by 8 bytes per code for the duplicates.
// ErrHeader if it isn't such a file, ErrInput if it cannot be read to its end; the report then holds what was counted.
func InspectEnterprises(r io.Reader) (Report, error) {
	in := bufio.NewReaderSize(r, 64<<10)
	if magic, err := in.Peek(2); err == nil && magic[0] == 0x1f && magic[1] == 0x8b {
		z, err := gzip.NewReader(in)
		if err != nil {
			return Report{}, ErrInput.Because(err, 0)
		}
		ahead := readAhead(z)
		defer ahead.stop()
		return inspect(ahead)
	}
	return inspect(in)
}

func inspect(r io.Reader) (rep Report, err error) {
	counted := &countingReader{r: r}
	rows := newRowReader(counted)
	header, clean, err := rows.read()
	if err != nil && !errors.Is(err, io.EOF) {
		return rep, ErrInput.Because(err, rows.line)
	}
	if !clean || !isHeader(header) {
		return rep, ErrHeader.With()
	}
	i := inspector{rep: &rep, divisions: standard.BuiltinDivisions(), seed: maphash.MakeSeed(), seen: map[uint64]struct{}{}, units: map[string]*int64{}}
	for {
		var fields [][]byte
		if fields, clean, err = rows.read(); err != nil {
			break
		}
		i.row(fields, clean)
	}
	rep.Units = make(map[string]int64, len(i.units))
	for u, n := range i.units {
		rep.Units[u] = *n
	}
	rep.BytesRead = counted.n
	if !errors.Is(err, io.EOF) {
		return rep, ErrInput.Because(err, rows.line)
	}
	return rep, nil
}

func isHeader(fields [][]byte) bool {
	want := EnterpriseColumns()
	if len(fields) != len(want) {
		return false
	}
	fields[0] = bytes.TrimPrefix(fields[0], []byte("\ufeff"))
	for i, w := range want {
		if string(fields[i]) != w {
			return false
		}
	}
	return true
}

// inspector holds what is remembered from row to row.
type inspector struct {
	rep       *Report
	divisions *standard.Divisions
	seed      maphash.Seed
	seen      map[uint64]struct{} // hashes of codes: two of 16 Mi collide with a probability of 1 in 100,000
	units     map[string]*int64
}

func (i *inspector) row(f [][]byte, clean bool) {
	rep := i.rep
	rep.Rows++
	malformed := !clean || len(f) != numColumns
	if malformed {
		rep.Malformed++
	}
	shifted := len(f) > colProvince && !isProvinceName(f[colProvince])
	if shifted {
		rep.Shifted++
	}
	i.code(f)
	for c := range min(len(f), numColumns) {
		if missing(f[c]) {
			rep.Missing[c]++
		}
	}
	if bytes.IndexByte(f[colName], '(') >= 0 {
		rep.HalfWidth++
	}
	if bytes.Contains(f[colName], []byte("（")) {
		rep.FullWidth++
	}
	if malformed || shifted {
		return
	}
	if !isDate(f[colDate]) {
		rep.BadDates++
	}
	if missing(f[colCapital]) {
		return
	}
	unit := bytes.TrimLeft(f[colCapital], "0123456789.,")
	if n := i.units[string(unit)]; n != nil {
		*n++
	} else if len(i.units) < maxUnits {
		n := int64(1)
		i.units[string(unit)] = &n
	} else {
		rep.MoreUnits++
	}
}

func (i *inspector) code(f [][]byte) {
	rep := i.rep
	var raw []byte
	if len(f) > colCode {
		raw = f[colCode]
	}
	// The text lives no longer than this call: CheckUSCC keeps nothing of it but one character in a message that is
	// dropped here, and Periods only looks it up.
	code := unsafe.String(unsafe.SliceData(raw), len(raw)) //nolint:gosec // see above
	fault, _ := standard.CheckUSCC(code)
	rep.Faults[fault]++
	if fault == standard.OK || fault == standard.BadOrgCheck {
		i.division(standard.USCC(code).Division())
	}
	if missing(raw) {
		return
	}
	if len(i.seen) >= maxCodes {
		rep.Forgotten = true
		return
	}
	before := len(i.seen)
	i.seen[maphash.Bytes(i.seed, raw)] = struct{}{}
	if len(i.seen) == before {
		rep.Duplicates++
	}
}

func (i *inspector) division(code standard.DivisionCode) {
	switch d, ok := i.divisions.Lookup(code); {
	case !ok && !i.divisions.Covers(code):
		i.rep.DivisionElsewhere++
	case !ok:
		i.rep.DivisionUnknown++
	case d.StatisticsOnly():
		i.rep.DivisionStatistics++
	case !d.To.IsZero():
		i.rep.DivisionAbolished++
	default:
		i.rep.DivisionInForce++
	}
}

func missing(b []byte) bool { return len(b) == 0 || string(b) == "N/A" }

func isDate(b []byte) bool {
	if len(b) != len("2006-01-02") || b[4] != '-' || b[7] != '-' {
		return false
	}
	for i, c := range b {
		if i != 4 && i != 7 && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// isProvinceName knows the names of all provinces as the registers write them: without 省, 市, 自治区.
func isProvinceName(b []byte) bool {
	switch string(b) {
	case "北京", "天津", "河北", "山西", "内蒙古", "辽宁", "吉林", "黑龙江", "上海", "江苏", "浙江", "安徽", "福建", "江西", "山东", "河南", "湖北",
		"湖南", "广东", "广西", "海南", "重庆", "四川", "贵州", "云南", "西藏", "陕西", "甘肃", "青海", "宁夏", "新疆", "台湾", "香港", "澳门":
		return true
	}
	return false
}

// countingReader counts bytes.
type countingReader struct {
	r io.Reader
	n int64
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// aheadReader decompresses on another goroutine while the rows are looked at; at most two blocks wait.
type aheadReader struct {
	blocks <-chan block
	free   chan<- []byte
	done   chan struct{}
	ended  <-chan struct{}
	cur    block
	pos    int
}

type block struct {
	data []byte
	err  error
}

// readAhead starts reading r; stop must be called.
func readAhead(r io.Reader) *aheadReader {
	const size, waiting = 256 << 10, 2
	blocks, free, done, ended := make(chan block), make(chan []byte, waiting+1), make(chan struct{}), make(chan struct{})
	for range waiting + 1 {
		free <- make([]byte, size)
	}
	go func() {
		defer close(ended)
		for {
			var buf []byte
			select {
			case buf = <-free:
			case <-done:
				return
			}
			n, err := io.ReadFull(r, buf[:size])
			if errors.Is(err, io.ErrUnexpectedEOF) && n < size {
				err = endOf(r)
			}
			select {
			case blocks <- block{buf[:n], err}:
			case <-done:
				return
			}
			if err != nil {
				return
			}
		}
	}()
	return &aheadReader{blocks: blocks, free: free, done: done, ended: ended}
}

// endOf tells a clean end from a cut-off stream: ReadFull reports both alike.
func endOf(r io.Reader) error {
	var one [1]byte
	_, err := r.Read(one[:])
	if err == nil {
		return io.ErrUnexpectedEOF
	}
	return err
}

func (a *aheadReader) Read(p []byte) (int, error) {
	for a.pos == len(a.cur.data) {
		if a.cur.err != nil {
			return 0, a.cur.err
		}
		if a.cur.data != nil {
			a.free <- a.cur.data[:cap(a.cur.data)]
		}
		a.cur, a.pos = <-a.blocks, 0
	}
	n := copy(p, a.cur.data[a.pos:])
	a.pos += n
	return n, nil
}

// stop ends the goroutine and waits for it.
func (a *aheadReader) stop() {
	close(a.done)
	<-a.ended
}
