package watch

import (
	"bytes"
	"encoding/csv"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/support/evidence"
	"github.com/kuayu/kuayu/support/policy"
	"github.com/kuayu/kuayu/web/staff"
	"github.com/kuayu/kuayu/web/ui"
)

// usageMost is how many agreements the list of use shows, the most used first.
const usageMost = 50

func usagePath(id string) string { return staff.PathUsage + "/" + url.PathEscape(id) }

// since is a day of the first month that a page of use counts, and how many months that is, this one among them.
func (w *Watch) since(q staff.Visit) (time.Time, int) {
	months := 3
	if n, err := strconv.Atoi(q.URL.Query().Get("months")); err == nil && slices.Contains([]int{1, 3, 12}, n) {
		months = n
	}
	y, m, _ := w.Clock.Now().UTC().Date()
	return time.Date(y, m, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 1-months, 0), months
}

func monthsFilter(v *ui.View, months int) ui.Filter {
	return ui.Filter{Key: "months", Label: v.Pick("统计期间", "Period"), Value: strconv.Itoa(months), Options: []ui.Option{
		{Value: "1", Label: v.Pick("本月", "this month")}, {Value: "3", Label: v.Pick("近 3 个月", "3 months")}, {Value: "12", Label: v.Pick("近 12 个月", "12 months")},
	}}
}

// usage is how much agreements are used.
func (w *Watch) usage(rw http.ResponseWriter, q staff.Visit) error {
	v := q.V
	since, months := w.since(q)
	uses, err := w.Exchanges.Used(q.Context(), q.Sess.Scope(), "", since, usageMost)
	if err != nil {
		return err
	}
	nm := w.Names(q)
	t := ui.Table{
		Caption: v.Pick("使用情况", "Use"),
		Columns: []ui.Column{
			{Label: v.Pick("数据资源", "Resource")},
			{Label: v.Pick("提供方 → 需求部门", "From → to")},
			{Label: v.Pick("调用次数", "Calls"), Number: true},
			{Label: v.Pick("数据条数", "Rows"), Number: true},
			{Label: v.Pick("最近使用", "Last used")},
			{Label: v.Pick("协议", "Agreement")},
		},
		Empty: ui.State{
			Kind: ui.Empty, Title: v.Pick("这段时间没有使用记录", "Nothing was used in this time"), Text: v.Pick("换一个统计期间，或先从目录申请数据、达成协议。", "Try another period, or apply for data in the catalogue first."),
			Next: ui.Link{Href: staff.PathCatalog, Text: v.Pick("去目录查找", "Go to the catalogue")},
		},
	}
	for i := range uses {
		u := &uses[i]
		n, err := w.Cases.Get(q.Context(), q.Sess.Scope(), u.Agreement)
		if err != nil {
			continue // it was refused under an agreement that is no agreement of the scope
		}
		t.Rows = append(t.Rows, []templ.Component{
			ui.Titled(ui.Link{Href: usagePath(n.Agreement), Text: nm.Title(n)}, ""), ui.Words(nm.Provider(n) + " → " + nm.Party(n.Consumer)),
			ui.Words(v.Number(u.Calls)), ui.Words(v.Number(u.Rows)), ui.Moment(v, time.UnixMicro(u.Last)), ui.Chip(v, staff.StatusOf(v, n.State)),
		})
	}
	w.Show(rw, q, http.StatusOK, staff.PathExchanges, ui.PageInfo{
		Title: v.Pick("使用台账", "Usage ledgers"), Lead: v.Pick("按协议统计的调用与数据量，以及需求部门登记的台账。", "Calls and rows by agreement, and what the using departments wrote down."),
		Crumbs: []ui.Link{staff.Home(v), {Href: staff.PathExchanges, Text: v.Pick("交换监测", "Exchanges")}},
	}, usagePage(v, []ui.Filter{monthsFilter(v, months)}, t, ui.Paging{Total: int64(len(t.Rows)), Over: len(uses) == usageMost}))
	return nil
}

// used is the use of one agreement by the end that this node is.
type used struct {
	n      *agreement.Negotiation
	terms  *policy.Terms
	uses   []evidence.Use
	ledger *agreement.Ledger
	why    error // the ledger can't be had
}

func (w *Watch) used(q staff.Visit) (*used, error) {
	n, err := w.Cases.Get(q.Context(), q.Sess.Scope(), q.PathValue("id"))
	if err != nil {
		return nil, err
	}
	if n.Agreement == "" {
		return nil, agreement.ErrNotInForce.With()
	}
	x := &used{n: n}
	b, err := w.Cases.Bytes(q.Context(), q.Sess.Scope(), n.Agreement)
	if err != nil {
		return nil, err
	}
	if x.terms, err = policy.DecodeAgreement(b); err != nil {
		return nil, err
	}
	since, _ := w.since(q)
	all, err := w.Exchanges.Used(q.Context(), q.Sess.Scope(), n.Agreement, since, 500)
	if err != nil {
		return nil, err
	}
	for _, u := range all {
		if (n.Side == agreement.Consumer) != (u.Kind == "query.serve") {
			x.uses = append(x.uses, u)
		}
	}
	x.ledger, x.why = w.Ledgers.Ledger(q.Context(), q.Sess, n.ID)
	return x, nil
}

// oneUsage compares an agreement's use with what was agreed.
func (w *Watch) oneUsage(rw http.ResponseWriter, q staff.Visit) error {
	x, err := w.used(q)
	if err != nil {
		return err
	}
	nm := w.Names(q)
	v := q.V
	_, months := w.since(q)
	page := oneUsageView{filters: []ui.Filter{monthsFilter(v, months)}, uses: useTable(v, x), bounds: boundFacts(v, x), missing: -1, file: usagePath(x.n.Agreement) + "/ledger.csv?months=" + strconv.Itoa(months)}
	var calls, good, rows int64
	for _, u := range x.uses {
		calls, rows = calls+u.Calls, rows+u.Rows
		if u.Outcome == ok {
			good += u.Calls
		}
	}
	page.figures = []ui.Figure{
		{Label: v.Pick("调用（次）", "Calls"), Value: v.Number(calls)}, {Label: v.Pick("其中成功", "Of them, well"), Value: v.Number(good)}, {Label: v.Pick("数据（条）", "Rows"), Value: v.Number(rows)},
	}
	page.about = ui.Link{Href: staff.CasePath(x.n.ID), Text: nm.Title(x.n)}
	if x.ledger != nil {
		page.ledger, page.missing = ledgerTable(v, nm, x.ledger), len(x.ledger.Missing)
		for _, p := range x.ledger.Missing {
			page.lacks = append(page.lacks, partWord(v, p))
		}
	} else {
		page.why = reasonOf(v, x.why)
	}
	w.Show(rw, q, http.StatusOK, staff.PathExchanges, ui.PageInfo{
		Title:  v.Pick("使用台账：", "Use: ") + nm.Title(x.n),
		Crumbs: []ui.Link{staff.Home(v), {Href: staff.PathUsage, Text: v.Pick("使用台账", "Usage ledgers")}},
		Action: ui.Button(v, ui.Link{Href: page.file, Text: v.Pick("下载 CSV", "CSV")}, "download", false),
	}, oneUsagePage(v, page))
	return nil
}

func reasonOf(v *ui.View, err error) string {
	if errors.Is(err, agreement.ErrNoSuch) {
		return v.Pick("台账由需求部门登记，只对协议双方和主管部门可见。", "It is kept by the using department, for the parties and the authority.")
	}
	return errWord(v, err)
}

func useTable(v *ui.View, x *used) ui.Table {
	t := ui.Table{
		Caption: v.Pick("按用途与结果", "By purpose and result"),
		Columns: []ui.Column{{Label: v.Pick("用途", "Purpose")}, {Label: v.Pick("是否约定", "Agreed")}, {Label: v.Pick("结果", "Result")}, {Label: v.Pick("次数", "Calls"), Number: true}, {Label: v.Pick("数据条数", "Rows"), Number: true}},
		Empty:   ui.State{Kind: ui.Empty, Title: v.Pick("这段时间没有使用记录", "Nothing was used in this time"), Text: v.Pick("换一个统计期间再看。", "Try another period.")},
	}
	for _, u := range x.uses {
		agreed := ui.Status{Tone: ui.Good, Word: v.Pick("约定的用途", "agreed")}
		if !slices.Contains(x.terms.Purposes, u.Purpose) {
			agreed = ui.Status{Tone: ui.Warning, Word: v.Pick("不在约定之内", "not agreed")}
		}
		purpose := staff.Purpose(v, u.Purpose)
		if purpose == "" {
			purpose = v.Pick("（未写明）", "(none given)")
		}
		t.Rows = append(t.Rows, []templ.Component{ui.Words(purpose), ui.Chip(v, agreed), ui.Chip(v, outcomeStatus(v, u.Outcome)), ui.Words(v.Number(u.Calls)), ui.Words(v.Number(u.Rows))})
	}
	return t
}

// boundFacts are the bounds that were agreed.
func boundFacts(v *ui.View, x *used) []ui.Fact {
	bound := func(n int64, unit staff.Pair) string {
		if n == 0 {
			return v.Pick("未设用量上限", "No usage limit")
		}
		return v.Number(n) + unit.In(v)
	}
	qt := x.terms.Quota
	return []ui.Fact{
		{Label: v.Pick("约定用途", "Purposes agreed"), Value: staff.Purposes(v, x.terms.Purposes)},
		{Label: v.Pick("每日调用上限", "Calls a day"), Value: bound(qt.CallsPerDay, staff.Pair{" 次", ""})},
		{Label: v.Pick("每日数据上限", "Rows a day"), Value: bound(qt.RowsPerDay, staff.Pair{" 条", ""})},
		{Label: v.Pick("使用期限至", "Until"), Value: v.Day(x.terms.ValidUntil)},
	}
}

func partWord(v *ui.View, p agreement.Part) string {
	return staff.Say(v, map[string]staff.Pair{
		string(agreement.PartScenario): {"使用场景", "scenario"}, string(agreement.PartProcess): {"使用过程", "process"}, string(agreement.PartEffect): {"使用成效", "effect"},
		string(agreement.PartStorage): {"存储情况", "storage"}, string(agreement.PartDestruction): {"销毁情况", "destruction"},
	}, string(p))
}

func ledgerTable(v *ui.View, nm *staff.Names, l *agreement.Ledger) ui.Table {
	t := ui.Table{
		Caption: v.Pick("登记的台账", "The ledger"),
		Columns: []ui.Column{{Label: v.Pick("时间", "Time")}, {Label: v.Pick("项目", "Part")}, {Label: v.Pick("内容", "Text")}, {Label: v.Pick("登记人", "By")}},
		Empty:   ui.State{Kind: ui.Empty, Title: v.Pick("台账还没有内容", "The ledger is empty"), Text: v.Pick("需求部门须登记使用场景、过程、成效、存储和销毁五项；缺项不能续期。", "The using department writes down scenario, process, effect, storage and destruction; without them there is no renewal.")},
	}
	for i := range l.Entries {
		e := &l.Entries[i]
		t.Rows = append(t.Rows, []templ.Component{ui.Moment(v, e.Time), ui.Words(partWord(v, e.Part)), ui.Words(e.Text), ui.Words(nm.Person(e.By))})
	}
	return t
}

// ledgerFile is the use and the ledger as a table for spreadsheets.
func (w *Watch) ledgerFile(rw http.ResponseWriter, q staff.Visit) error {
	x, err := w.used(q)
	if err != nil {
		return err
	}
	v := q.V
	var b bytes.Buffer
	b.WriteString("\ufeff") // spreadsheets take it for UTF-8
	c := csv.NewWriter(&b)
	line := func(cells ...string) {
		for i := range cells {
			cells[i] = inert(cells[i])
		}
		_ = c.Write(cells) // to memory: an error shows at the end
	}
	line(v.Pick("用途", "purpose"), v.Pick("结果", "result"), v.Pick("次数", "calls"), v.Pick("数据条数", "rows"))
	for _, u := range x.uses {
		line(u.Purpose, reason(v, u.Outcome), strconv.FormatInt(u.Calls, 10), strconv.FormatInt(u.Rows, 10))
	}
	if x.ledger != nil {
		line(v.Pick("台账项目", "part"), v.Pick("内容", "text"), v.Pick("时间", "time"), "")
		for _, e := range x.ledger.Entries {
			line(partWord(v, e.Part), e.Text, v.Second(e.Time), "")
		}
	}
	c.Flush()
	if err := c.Error(); err != nil {
		return err
	}
	h := rw.Header()
	ui.Headers(h)
	h.Set("Content-Type", "text/csv; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="ledger.csv"`)
	h.Set("Cache-Control", "no-store")
	_, err = rw.Write(b.Bytes())
	return err
}

// inert keeps a spreadsheet from taking a text for a formula.
func inert(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}
