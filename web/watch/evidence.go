package watch

import (
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/support/evidence"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/policy"
	"github.com/kuayu/kuayu/support/seal"
	"github.com/kuayu/kuayu/web/staff"
	"github.com/kuayu/kuayu/web/ui"
)

// pathLogs is below the evidence; no fact is named so, for names hold a "#".
const pathLogs = staff.PathEvidence + "/logs"

func evidenceTabs(v *ui.View, here string) []ui.Tab {
	return []ui.Tab{
		{Href: staff.PathEvidence, Text: v.Pick("存证检索", "Facts"), Current: here == staff.PathEvidence},
		{Href: pathLogs, Text: v.Pick("各成员日志", "Members' logs"), Current: here == pathLogs},
	}
}

// kindWords says what facts of a kind tell.
func kindWords() map[string]staff.Pair {
	out := map[string]staff.Pair{
		"stream.open": {"开始连续传输", "A stream began"}, "stream.close": {"连续传输结束", "A stream ended"},
		"lease.ask": {"确认协议是否仍有效", "Asked whether the agreement stands"}, "lease.granted": {"答复协议仍有效", "Told that the agreement stands"},
		"ledger.ask": {"调阅使用台账", "Asked for the usage ledger"}, "ledger.serve": {"提供使用台账", "Gave the usage ledger"},
		"agreement.ledger": {"登记使用台账", "Wrote into the usage ledger"}, "agreement.standing": {"事先同意", "Consented in advance"},
		"message.ack": {"签收对方消息", "Acknowledged a message"}, "message.refused": {"拒收对方消息", "Refused a message"}, "dsp.received": {"收到协议消息", "Received a message of the protocol"},
		"deadline.reminder": {"主管部门督办", "The authority reminded"}, "deadline.overdue": {"超过法定时限", "A time limit of the law passed"}, "deadline.violation": {"违规记录", "A violation was recorded"},
		"index.day": {"当日存证汇总", "The day's summary of evidence"}, "fact.erased": {"依法销毁内容", "Content was destroyed by law"},
	}
	for k, w := range hopWords() {
		out[k] = w
	}
	return out
}

// packages are the first words of kinds, in the order in which a list offers them.
func packages() []struct {
	code string
	word staff.Pair
} {
	type r = struct {
		code string
		word staff.Pair
	}
	return []r{
		{"query", staff.Pair{"数据交换", "Exchanges"}},
		{"agreement", staff.Pair{"申请与协议办理", "Applications and agreements"}},
		{"catalog", staff.Pair{"目录编制与发布", "Catalogue"}},
		{"demand", staff.Pair{"数据需求办理", "Demands"}},
		{"scheme", staff.Pair{"共享方案办理", "Schemes"}},
		{"correction", staff.Pair{"数据校核", "Corrections"}},
		{"dispute", staff.Pair{"争议处理", "Disputes"}},
		{"transfer", staff.Pair{"数据传输", "Transfers"}},
		{"deadline", staff.Pair{"时限与督办", "Time limits and oversight"}},
		{"dsp", staff.Pair{"协议消息", "Messages of the protocol"}},
		{"message", staff.Pair{"节点间消息", "Messages between nodes"}},
		{"ledger", staff.Pair{"使用台账调阅", "Ledgers"}},
		{"lease", staff.Pair{"协议有效性确认", "Leases"}},
		{"federation", staff.Pair{"成员与章程", "Members and constitution"}},
	}
}

// kindWord says a kind in words: its own, or those of its package.
func kindWord(v *ui.View, kind string) string {
	if w, had := kindWords()[kind]; had {
		return w.In(v)
	}
	if w := staff.FactWord(v, kind); w != "" {
		return w
	}
	area, _, _ := strings.Cut(kind, ".")
	for _, r := range packages() {
		if r.code == area {
			return r.word.In(v)
		}
	}
	return v.Pick("系统运行记录", "A record of the system")
}

// overseer reports whether the visitor looks at the whole node.
func overseer(q staff.Visit) bool { return q.Sess.Has(identity.Auditor, identity.Authority) }

// micro is the beginning of a day, shifted, in Unix microseconds; 0 for none.
func micro(v *ui.View, day string, days int) (int64, error) {
	if day = strings.TrimSpace(day); day == "" {
		return 0, nil
	}
	t, err := time.ParseInLocation(time.DateOnly, day, v.Zone)
	if err != nil {
		return 0, ErrDay.Because(err)
	}
	return t.AddDate(0, 0, days).UnixMicro(), nil
}

// ErrDay is a day that is none.
var ErrDay = errs.Define(errs.Invalid, "watch.day", "日期无法识别。请写作 2026-11-01 的形式，返回后修改。", "That is no day. Write it as 2026-11-01: go back and correct it.")

// facts searches the evidence.
func (w *Watch) facts(rw http.ResponseWriter, q staff.Visit) error {
	p, v := q.URL.Query(), q.V
	since, err := micro(v, p.Get("from"), 0)
	if err != nil {
		return err
	}
	before, err := micro(v, p.Get("to"), 1)
	if err != nil {
		return err
	}
	query := evidence.Query{
		Agreement: strings.TrimSpace(p.Get("agreement")), Area: p.Get("area"), Department: p.Get("department"),
		Since: since, Before: before, After: p.Get("after"), Limit: shown,
	}
	if s := p.Get("subject"); s != "" {
		if err := q.Sess.Require(identity.Auditor, identity.Authority); err != nil {
			return err
		}
		query.Subject = s
	}
	list, err := w.Exchanges.Facts(q.Context(), q.Sess.Scope(), query)
	if err != nil {
		return err
	}
	nm := w.Names(q)
	filters, err := w.factFilters(q)
	if err != nil {
		return err
	}
	w.Show(rw, q, http.StatusOK, staff.PathEvidence, ui.PageInfo{
		Title: v.Pick("审计存证", "Evidence"), Lead: v.Pick("本节点说过、做过的每一件事都有签名存证，可逐条核验。", "Everything this node said or did is sealed and can be checked."), Crumbs: []ui.Link{staff.Home(v)},
		Action: ui.Button(v, ui.Link{Href: staff.PathEvidence + "/constitution.json", Text: v.Pick("下载章程", "Constitution")}, "download", false),
	}, factsPage(v, factsView{
		filters: filters, table: factTable(v, nm, w.matters(q, nm), list.Items), person: overseer(q), subject: query.Subject != "",
		paging: ui.Paging{Total: int64(len(list.Items)), Over: list.Next != "", Previous: back(v), Next: more(v, list.Next)},
	}))
	return nil
}

func (w *Watch) factFilters(q staff.Visit) ([]ui.Filter, error) {
	v, p := q.V, q.URL.Query()
	area := ui.Filter{Key: "area", Label: v.Pick("种类", "Kind"), Value: p.Get("area")}
	for _, r := range packages() {
		area.Options = append(area.Options, ui.Option{Value: r.code, Label: r.word.In(v)})
	}
	out := []ui.Filter{area}
	if overseer(q) {
		all, err := w.Offices.Departments(q.Context())
		if err != nil {
			return nil, err
		}
		f := ui.Filter{Key: "department", Label: v.Pick("部门", "Department"), Value: p.Get("department")}
		for _, d := range all {
			f.Options = append(f.Options, ui.Option{Value: d.ID, Label: d.Name})
		}
		out = append(out, f)
	}
	return append(out,
		ui.Filter{Key: "agreement", Label: v.Pick("协议编号", "Number of the agreement"), Value: p.Get("agreement")},
		ui.Filter{Key: "from", Label: v.Pick("起始日期，如 2026-11-01", "From, such as 2026-11-01"), Value: p.Get("from")},
		ui.Filter{Key: "to", Label: v.Pick("截止日期", "To"), Value: p.Get("to")},
	), nil
}

func factTable(v *ui.View, nm *staff.Names, m *matters, es []evidence.Entry) ui.Table {
	t := ui.Table{
		Caption: v.Pick("存证", "Evidence"),
		Columns: []ui.Column{{Label: v.Pick("时间", "Time")}, {Label: v.Pick("事实", "Fact")}, {Label: v.Pick("行为方", "Who")}, {Label: v.Pick("对方", "To")}, {Label: v.Pick("结果", "Result")}},
		Empty: ui.State{
			Kind: ui.Empty, Title: v.Pick("没有符合条件的存证", "No fact matches"),
			Text: v.Pick("换一个条件，或清除全部条件后再看。办理申请、查询数据都会留下存证。", "Try another condition, or clear them all. Each act and each query leaves facts."),
			Next: ui.Link{Href: staff.PathEvidence, Text: v.Pick("清除全部条件", "Clear all conditions")},
		},
	}
	for i := range es {
		e := &es[i]
		about := ""
		if e.Agreement != "" {
			about = m.title(e.Agreement)
		}
		t.Rows = append(t.Rows, []templ.Component{
			ui.Instant(v, e.At()), ui.Titled(ui.Link{Href: staff.FactPath(e.ID), Text: kindWord(v, e.Kind)}, about),
			ui.Words(who(v, nm, nm.Self(), e.Department)), ui.Words(who(v, nm, e.Member, e.Other)), ui.Chip(v, doneStatus(v, e.Outcome)),
		})
	}
	return t
}

// who is a department, a member, or the node itself.
func who(v *ui.View, nm *staff.Names, member, department string) string {
	switch {
	case member == "":
		return v.Pick("—", "—")
	case department == "" && member == nm.Self():
		return v.Pick("本节点", "this node")
	}
	return nm.Party(policy.Party{Member: member, Department: department})
}

// doneStatus is what a fact says of how it ended; most say nothing but that it was done.
func doneStatus(v *ui.View, outcome string) ui.Status {
	if outcome == "" {
		return ui.Status{Tone: ui.Neutral, Word: v.Pick("已记录", "Recorded"), Icon: "shield-check"}
	}
	return outcomeStatus(v, outcome)
}

// person leads to the facts about a person. The address holds the keyed digest, never the identifier.
func (w *Watch) person(rw http.ResponseWriter, q staff.Visit) error {
	f, err := staff.Form(rw, q)
	if err != nil {
		return err
	}
	digest, err := w.Exchanges.Pseudonym(q.Sess, strings.TrimSpace(f.Get("identifier")))
	if err != nil {
		return err
	}
	http.Redirect(rw, q.Request, staff.PathEvidence+"?"+url.Values{"subject": {digest}}.Encode(), http.StatusSeeOther)
	return nil
}

// proof is the receipt of the fact that the address names. Auditors see that something was said, not what: their receipts
// come without bodies.
func (w *Watch) proof(q staff.Visit) (*evidence.Record, *evidence.Receipt, error) {
	rec, err := w.Facts.Record(q.Context(), q.Sess.Scope(), q.PathValue("id"))
	if err != nil {
		return nil, nil, err
	}
	r, err := w.Receipts.Receipt(q.Context(), rec, !overseer(q))
	return rec, r, err
}

// fact shows one fact with its proof; ?check=1 verifies it now.
func (w *Watch) fact(rw http.ResponseWriter, q staff.Visit) error {
	rec, receipt, err := w.proof(q)
	if err != nil {
		return err
	}
	nm := w.Names(q)
	f, err := rec.Fact()
	if err != nil {
		return err
	}
	h, err := evidence.HeaderOf(&f)
	if err != nil {
		return err
	}
	v := q.V
	x := factView{path: staff.FactPath(q.PathValue("id")), id: f.ID, what: kindWord(v, f.Kind)}
	x.facts = w.factOf(q, nm, &f, &h)
	if strings.HasPrefix(f.Kind, "query.") {
		id, _, _ := strings.Cut(f.ID, "/")
		x.exchange = exchangePath(id)
	}
	batch, log, err := receipt.Ways()
	if err != nil {
		return err
	}
	x.ways = append(x.ways, climbOf(batch, v.Pick("第一段：从这条事实到批次根", "From this fact to the root of its batch"), v.Pick("这条事实", "this fact"), v.Pick("批次根（由本成员签名）", "the root of the batch, signed by the member")))
	if log != nil {
		x.ways = append(x.ways, climbOf(log, v.Pick("第二段：从批次到日志根", "From the batch to the root of the log"), v.Pick("该批次", "the batch"), v.Pick("日志根（写在检查点里）", "the root of the log, in the checkpoint")))
	}
	if q.URL.Query().Get("check") == "1" {
		x.checks = w.checks(v, nm, receipt)
		if _, err := receipt.Verify(w.MemberRegistry.Versions(), w.MemberRegistry.Statements()...); err == nil && w.held != nil {
			w.held()
		}
	}
	for _, id := range cosigners(w, receipt) {
		x.cosigned = append(x.cosigned, nm.Member(id))
	}
	w.Show(rw, q, http.StatusOK, staff.PathEvidence, ui.PageInfo{
		Title:  v.Pick("一条存证：", "One fact: ") + x.what,
		Crumbs: []ui.Link{staff.Home(v), {Href: staff.PathEvidence, Text: v.Pick("审计存证", "Evidence")}},
		Action: ui.Button(v, ui.Link{Href: x.path + "?check=1", Text: v.Pick("复核", "Check now")}, "shield-check", true),
	}, factPage(v, x))
	return nil
}

func cosigners(w *Watch, r *evidence.Receipt) []string {
	if v, err := r.Verify(w.MemberRegistry.Versions(), w.MemberRegistry.Statements()...); err == nil {
		return v.CosignedBy
	}
	return nil
}

func climbOf(x *evidence.Way, title, leaf, root string) ui.Climb {
	c := ui.Climb{Title: title, Leaf: ui.Node{Word: leaf, Hash: brief(x.Leaf)}, Root: ui.Node{Word: root, Hash: brief(x.Root)}}
	for _, s := range x.Siblings {
		c.Steps = append(c.Steps, ui.Beside{Hash: brief(s.Hash), Left: s.Left})
	}
	return c
}

// rootWord says what the root of the log is backed by.
func rootWord(v *ui.View, cosigned []string) string {
	if len(cosigned) == 0 {
		return v.Pick("日志根写在检查点里，由本成员签署，等待其他成员共签。", "The root of the log stands in a checkpoint that the member signed; it waits for others to cosign it.")
	}
	return v.Pick("日志根写在检查点里，由本成员签署，并由"+strings.Join(cosigned, "、")+"共签。", "The root of the log stands in a checkpoint that the member signed and "+strings.Join(cosigned, ", ")+" cosigned.")
}

// brief is the beginning of a hash: enough to compare two by eye.
func brief(h []byte) string {
	s := hex.EncodeToString(h)
	if len(s) < 12 {
		return s
	}
	return s[:4] + " " + s[4:8] + " " + s[8:12]
}

// factOf are the particulars of a fact in words.
func (w *Watch) factOf(q staff.Visit, nm *staff.Names, f *seal.Fact, h *evidence.Header) []ui.Fact {
	v := q.V
	var out []ui.Fact
	add := func(zh, en, value string) {
		if value != "" {
			out = append(out, ui.Fact{Label: v.Pick(zh, en), Value: value})
		}
	}
	add("事实", "Fact", kindWord(v, f.Kind))
	add("时间", "Time", v.Second(f.Time))
	add("行为方", "Who", who(v, nm, f.Log.Node, f.Actor.Department))
	if f.Actor.Officer != "" && f.Log.Node == nm.Self() {
		add("经办", "By", nm.Person(f.Actor.Officer))
	}
	if h.To != "" {
		add("对方", "To", who(v, nm, h.To, h.ToDept))
	}
	if h.Agreement != "" {
		add("关于", "About", w.matters(q, nm).title(h.Agreement))
	}
	if h.Outcome != "" {
		add("结果", "Result", reason(v, h.Outcome))
	}
	add("用途", "Purpose", staff.Purpose(v, h.Purpose))
	add("判定依据", "Decided by", policies(v, h.Policies))
	if h.Rows > 0 {
		add("数据条数", "Rows", v.Number(h.Rows))
	}
	if h.Bytes > 0 {
		add("大小", "Size", v.Bytes(h.Bytes))
	}
	if n := len(h.Subjects); n > 0 {
		add("涉及的当事人", "Persons concerned", v.Pick(v.Number(int64(n))+" 人（只存代号）", v.Number(int64(n))+" (kept as codes)"))
	}
	add("内容散列（SHA-256）", "Digest (SHA-256)", h.Digest)
	return out
}

// stepWords says what each step of a check asks.
func stepWords() map[evidence.Step]staff.Pair {
	return map[evidence.Step]staff.Pair{
		evidence.StepMember:     {"成员身份真实", "The member's statement is signed by the root key of the constitution"},
		evidence.StepSeal:       {"事实签名：事实在批次中，批次由成员的存证密钥签署", "The fact is in its batch, and the member's evidence key signed the batch"},
		evidence.StepBody:       {"正文：与事实中的散列一致", "The body is the one the fact commits to"},
		evidence.StepCheckpoint: {"检查点：由成员的日志密钥签署", "The checkpoint is signed by the member's log key"},
		evidence.StepLogged:     {"入日志：批次在该检查点的日志之中", "The batch is in the log under that checkpoint"},
		evidence.StepCosigned:   {"见证：其他成员已共签该检查点", "Other members have cosigned the checkpoint"},
	}
}

// checks verifies a receipt and says what each step found.
func (w *Watch) checks(v *ui.View, nm *staff.Names, r *evidence.Receipt) []check {
	verified, held, err := r.Examine(w.MemberRegistry.Versions(), w.MemberRegistry.Statements()...)
	good := map[evidence.Step]bool{}
	for _, s := range held {
		good[s] = true
	}
	var out []check
	failed := false
	for _, s := range evidence.Steps() {
		c := check{what: stepWords()[s].In(v)}
		switch {
		case good[s]:
			c.status = ui.Status{Tone: ui.Good, Word: v.Pick("通过", "Verified")}
			if s == evidence.StepCosigned && verified != nil {
				names := make([]string, len(verified.CosignedBy))
				for i, m := range verified.CosignedBy {
					names[i] = nm.Member(m)
				}
				c.text = strings.Join(names, v.Pick("、", ", ")) + v.Pick("，最早 ", ", first at ") + v.Second(verified.CosignedAt)
			}
		case !r.Has(s):
			c.status = ui.Status{Tone: ui.Neutral, Word: v.Pick("回执中没有", "Not in the receipt")}
			c.text = absent(v, s)
		case err != nil && !failed:
			failed = true
			c.status, c.text = ui.Status{Tone: ui.Bad, Word: v.Pick("未通过", "Fails")}, errs.As(err).Message(string(v.Lang))
		default:
			c.status = ui.Status{Tone: ui.Neutral, Word: v.Pick("未进行", "Not reached")}
		}
		out = append(out, c)
	}
	return out
}

// absent says why a receipt lacks what a step checks.
func absent(v *ui.View, s evidence.Step) string {
	if s == evidence.StepBody {
		return v.Pick("正文不随回执出示；散列仍在事实中。", "The body is not shown; its hash is in the fact.")
	}
	return v.Pick("刚刚发生，稍后刷新即可看到。", "It has only just happened: refresh in a moment.")
}

// download writes a document as a file.
func download(rw http.ResponseWriter, name string, doc any) error {
	b, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		return err
	}
	h := rw.Header()
	ui.Headers(h)
	h.Set("Content-Type", "application/json")
	h.Set("Content-Disposition", `attachment; filename="`+name+`"`)
	h.Set("Cache-Control", "no-store")
	_, err = rw.Write(b)
	return err
}

func (w *Watch) receipt(rw http.ResponseWriter, q staff.Visit) error {
	_, r, err := w.proof(q)
	if err != nil {
		return err
	}
	return download(rw, "receipt.json", r)
}

func (w *Watch) constitution(rw http.ResponseWriter, _ staff.Visit) error {
	return download(rw, "constitution.json", w.MemberRegistry.Document())
}

// logs is how far the members' logs have come, and whether they hold together.
func (w *Watch) logs(rw http.ResponseWriter, q staff.Visit) error {
	seen, err := w.Logs.List(q.Context())
	if err != nil {
		return err
	}
	nm := w.Names(q)
	v, own := q.V, w.Receipts.State()
	var names []string
	for _, m := range own.CosignedBy {
		names = append(names, nm.Member(m))
	}
	figures := []ui.Figure{
		{Label: v.Pick("本节点已写入（批）", "Batches written here"), Value: v.Number(int64(own.Durable))}, //nolint:gosec // fits
		{Label: v.Pick("已列入日志（批）", "Under a checkpoint"), Value: v.Number(int64(own.Logged))},     //nolint:gosec // fits
		{Label: v.Pick("已由他方共签（批）", "Cosigned by others"), Value: v.Number(int64(own.Cosigned))},  //nolint:gosec // fits
	}
	if own.Cosigned > 0 {
		figures[2].Status = ui.Status{Tone: ui.Good, Word: strings.Join(names, v.Pick("、", ", "))}
	} else {
		figures[2].Status = ui.Status{Tone: ui.Neutral, Word: v.Pick("还没有", "Nobody yet")}
	}
	w.Show(rw, q, http.StatusOK, staff.PathEvidence, ui.PageInfo{
		Title: v.Pick("各成员日志", "Members' logs"), Lead: v.Pick("每条节点间消息都带有发送方日志的检查点；本节点核对其只增不改，并予共签。", "Each message carries a checkpoint of the sender's log; this node checks that it only grows, and cosigns it."),
		Crumbs: []ui.Link{staff.Home(v), {Href: staff.PathEvidence, Text: v.Pick("审计存证", "Evidence")}},
	}, logsPage(v, w.Clock.Now(), figures, w.logTable(v, nm, seen)))
	return nil
}

func (w *Watch) logTable(v *ui.View, nm *staff.Names, seen []evidence.Seen) ui.Table {
	t := ui.Table{
		Caption: v.Pick("各成员日志", "Members' logs"),
		Columns: []ui.Column{{Label: v.Pick("成员", "Member")}, {Label: v.Pick("日志大小（批）", "Batches"), Number: true}, {Label: v.Pick("最近共签时间", "Cosigned here last")}, {Label: v.Pick("一致性", "Consistent")}},
	}
	for _, m := range w.MemberRegistry.Current().Members {
		if m.ID == w.Self {
			continue
		}
		found := false
		for i := range seen {
			s := &seen[i]
			if s.Member != m.ID {
				continue
			}
			found = true
			at := ui.Words("—")
			if !s.At().IsZero() {
				at = ui.Instant(v, s.At())
			}
			status := ui.Status{Tone: ui.Good, Word: v.Pick("只增不改", "Only grows")}
			if s.Forked {
				status = ui.Status{Tone: ui.Bad, Word: v.Pick("与此前矛盾，已停止交换，请联系该成员与审计员", "Contradicts what was seen: exchange has stopped; call that member and the auditors")}
			}
			t.Rows = append(t.Rows, []templ.Component{ui.Words(nm.Member(m.ID) + epochWord(v, s.Origin)), ui.Words(v.Number(int64(s.Size))), at, ui.Chip(v, status)}) //nolint:gosec // fits
		}
		if !found {
			t.Rows = append(t.Rows, []templ.Component{ui.Words(nm.Member(m.ID)), ui.Words("—"), ui.Words("—"), ui.Chip(v, ui.Status{Tone: ui.Neutral, Word: v.Pick("还没有往来", "No contact yet")})})
		}
	}
	return t
}

// epochWord names the period of a log where its origin tells one other than the first.
func epochWord(v *ui.View, origin string) string {
	parts := strings.Split(origin, "/")
	e := strings.TrimLeft(strings.TrimPrefix(parts[len(parts)-1], "e"), "0")
	if e == "" || e == "1" || strings.Trim(e, "0123456789") != "" {
		return ""
	}
	return v.Pick("（第 "+e+" 期）", " (epoch "+e+")")
}
