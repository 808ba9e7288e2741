package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/kuayu/kuayu/api/client"
	"github.com/kuayu/kuayu/api/rest"
	"github.com/kuayu/kuayu/demo/seed"
	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/exchange/catalog"
	"github.com/kuayu/kuayu/exchange/gateway"
	"github.com/kuayu/kuayu/exchange/source"
	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/node"
	"github.com/kuayu/kuayu/support/evidence"
	"github.com/kuayu/kuayu/support/federation"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/policy"
	"github.com/kuayu/kuayu/web/tour"
)

// Options of the demonstration.
type Options struct {
	Dir  string // empty: a temporary folder, removed at the end
	Data string // folder with the real registration files; empty: generated ones
	Auto bool   // end after the story
	Lang string // "zh" or "en"
	Out  io.Writer
	Bars Bars
}

// Bars shows long work. Start returns how to report progress; done ends the bar.
type Bars interface {
	Start(what string, total int64) (progress func(int64), done func())
}

// Run starts the five nodes, loads data, walks the story, and stays up unless Auto. The error is nil only if every step
// held.
func Run(ctx context.Context, o Options) error {
	if o.Dir == "" {
		dir, err := os.MkdirTemp("", "kuayu-demo-")
		if err != nil {
			return fmt.Errorf("demo folder: %w", err)
		}
		defer func() { _ = os.RemoveAll(dir) }()
		o.Dir = dir
	} else if es, err := os.ReadDir(o.Dir); err == nil && len(es) > 0 {
		return ErrUsed.With(o.Dir)
	}
	s := &story{Options: o, begin: time.Now()}
	if err := s.start(ctx); err != nil {
		return err
	}
	defer s.c.Stop()
	for _, step := range []func(context.Context) error{s.load, s.publish, s.find, s.apply, s.answer, s.query, s.claims, s.prove, s.refusals, s.revoke, s.check} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	s.say("全部步骤成立，用时 %.1f 秒。", "Every step held, in %.1f s.", time.Since(s.begin).Seconds())
	if o.Auto {
		return nil
	}
	s.c.stage.raise()
	s.invite()
	<-ctx.Done()
	return nil
}

type story struct {
	Options
	begin     time.Time
	n         int
	c         *Cluster
	resource  string
	consumer  agreement.Negotiation
	provider  agreement.Negotiation
	sample    string // a code known to be in the contract
	outside   string // a code known to be outside of it
	lastID    string
	machine   *client.Client
	dept      map[string]string
	loadedAll int64
}

// step prints a numbered line in the language of the run.
func (s *story) step(zh, en string, args ...any) {
	s.n++
	_, _ = fmt.Fprintf(s.Out, "%2d. ", s.n)
	s.say(zh, en, args...)
}

func (s *story) say(zh, en string, args ...any) {
	text := zh
	if s.Lang == "en" {
		text = en
	}
	_, _ = fmt.Fprintf(s.Out, text+"\n", args...)
}

func (s *story) fail(en, zh string, cause error) error { return ErrStep.Because(cause, en, zh) }

// operatorOf are the actors of each demonstration member beside its departments' staff.
func overseers() []identity.Actor {
	return []identity.Actor{
		{ID: "operator", Name: "运维人员", Kind: "officer", Roles: []identity.Role{identity.Operator}},
		{ID: "auditor", Name: "审计人员", Kind: "officer", Roles: []identity.Role{identity.Auditor}},
		Regulator(),
	}
}

func (s *story) start(ctx context.Context) error {
	places := Places()
	progress, done := s.Bars.Start(s.word("生成五个节点", "Making five nodes"), int64(len(places)))
	c, err := Start(ctx, Settings{
		Dir: s.Dir, Places: places, CheckpointMS: 200, Stage: true, Logger: slog.New(slog.DiscardHandler),
		Progress: func(n, _ int, _ string) { progress(int64(n)) },
	})
	done()
	if err != nil {
		return err
	}
	s.c, s.dept = c, map[string]string{}
	names := map[string]string{
		"shanghai": "上海市企业服务部门", "jiangsu": "江苏省登记管理部门", "zhejiang": "浙江省登记管理部门", "anhui": "安徽省登记管理部门", "hub": "区域枢纽数据部门",
	}
	for _, p := range places {
		s.dept[p.ID] = Department(p.Division, 1)
		if err := c.AddDepartment(ctx, p.ID, p.ID, s.dept[p.ID], names[p.ID], overseers()...); err != nil {
			return err
		}
	}
	if err := c.AddDepartment(ctx, "shanghai", "shanghai2", Department("310000", 2), "上海市另一部门"); err != nil {
		return err
	}
	con := c.Node("hub").Directory.Current()
	s.step("五个节点已运行：四省市各有一票，%d 票通过；枢纽不表决。", "Five nodes run: each province has a vote, %d of them decide; the hub has none.", con.Quorum)
	return nil
}

func (s *story) word(zh, en string) string {
	if s.Lang == "en" {
		return en
	}
	return zh
}

// load fills the departments' own databases and inspects the registrations' codes.
func (s *story) load(ctx context.Context) error {
	begin := time.Now()
	var lines []string
	for _, p := range Places()[:4] {
		report, err := s.loadProvince(ctx, p)
		if err != nil {
			return err
		}
		lines = append(lines, codeLine(p, report, s.Lang))
	}
	s.step("四省市业务库共载入 %d 条，用时 %.1f 秒。企业登记代码逐条核验（GB 32100）：", "Loaded %d rows into the four provinces' databases in %.1f s. Every registration code checked (GB 32100):", s.loadedAll, time.Since(begin).Seconds())
	for _, l := range lines {
		_, _ = fmt.Fprintln(s.Out, "      "+l)
	}
	return nil
}

// codeLine says how many codes of a province fail which check, as computed.
func codeLine(p Place, r *seed.Report, lang string) string {
	var b strings.Builder
	name := p.Name
	if lang == "en" {
		name = p.NameEN
	}
	b.WriteString(name + "：")
	first := true
	for _, l := range r.Lines() {
		if l.Key != "rows" && !strings.HasPrefix(l.Key, "code_") && l.Key != "shifted" && l.Key != "malformed" && l.Key != "division_abolished" {
			continue
		}
		if !first {
			b.WriteString("，")
		}
		first = false
		word := l.Zh
		if lang == "en" {
			word = l.En
		}
		fmt.Fprintf(&b, "%s %d", word, l.Count)
	}
	return b.String()
}

func (s *story) loadProvince(ctx context.Context, p Place) (*seed.Report, error) {
	path := filepath.Join(s.Dir, p.ID, "business.db")
	db, err := openBusiness(ctx, path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = db.Close() }()
	province := p.Division[:2]
	in, err := enterprises(s.Data, province)
	if err != nil {
		return nil, err
	}
	defer func() { _ = in.Close() }()
	// The same bytes are loaded and inspected.
	pr, pw := io.Pipe()
	type inspected struct {
		report seed.Report
		err    error
	}
	found := make(chan inspected, 1)
	go func() {
		r, err := seed.InspectEnterprises(pr)
		_, _ = io.Copy(io.Discard, pr)
		found <- inspected{r, err}
	}()
	progress, done := s.Bars.Start(p.Name+s.word("：企业登记", ": registrations"), 0)
	l, err := load(ctx, db, enterpriseTable(), io.TeeReader(in, pw), progress)
	done()
	_ = pw.CloseWithError(err)
	got := <-found
	if err := errors.Join(err, got.err); err != nil {
		return nil, err
	}
	s.loadedAll += l.Rows
	for _, t := range []struct {
		table Table
		open  func() (io.ReadCloser, error)
		word  string
	}{
		{personTable(), func() (io.ReadCloser, error) {
			return generated(func(w io.Writer) error { return seed.WritePersons(w, province, generatedPersons, seedNumber) }), nil
		}, s.word("：虚构人口", ": fictional people")},
		{Table{Name: "epidemic"}, func() (io.ReadCloser, error) { return seed.OpenEpidemicOf(province) }, s.word("：2020 年疫情序列", ": epidemic series of 2020")},
		{Table{Name: "clinic"}, func() (io.ReadCloser, error) { return seed.OpenClinicsOf(province) }, s.word("：发热门诊", ": fever clinics")},
	} {
		r, err := t.open()
		if err != nil {
			return nil, err
		}
		progress, done := s.Bars.Start(p.Name+t.word, 0)
		l, err := load(ctx, db, t.table, r, progress)
		done()
		_ = r.Close()
		if err != nil {
			return nil, err
		}
		s.loadedAll += l.Rows
	}
	op, err := s.c.As(ctx, p.ID, "operator")
	if err != nil {
		return nil, err
	}
	return &got.report, op.Call(ctx, http.MethodPost, "/api/v1/sources", rest.SourceRequest{ID: "business", Department: s.dept[p.ID], Spec: source.Spec{Kind: source.KindSQLite, Location: path}}, nil)
}

// publish: the officer of Zhejiang describes a resource item by item and assesses it, the head of the department signs, the
// authority reviews and publishes.
func (s *story) publish(ctx context.Context) error {
	s.resource = "330000/enterprise-registration"
	res := catalog.Resource{
		Name: "企业登记信息", Provider: "浙江省登记管理部门", Abstract: "在本省登记的企业的基本登记信息", Format: "database", UpdateCycle: "daily",
		Sharing: catalog.Conditional, Modes: []policy.Mode{policy.ModeQuery, policy.ModeVerify}, Conditions: "限于履行法定职责，不得转供第三方",
		ShareScope: "长三角三省一市政府部门", UsePurpose: "企业跨省办事", Class: "base", Grade: 3,
		Items: []catalog.Item{
			{Name: "uscc", Title: "统一社会信用代码", Type: "C", Length: 18, Grade: 1, Key: true},
			{Name: "name", Title: "企业名称", Type: "C", Grade: 1},
			{Name: "registered", Title: "注册日期", Type: "C", Grade: 1},
			{Name: "representative", Title: "法定代表人", Type: "C", Grade: 3, Personal: true, Mask: policy.Mask{Kind: policy.MaskName}},
			{Name: "capital", Title: "注册资金", Type: "C", Grade: 2},
			{Name: "district", Title: "地区", Type: "C", Grade: 1},
			{Name: "address", Title: "注册地址", Type: "C", Grade: 2, Mask: policy.Mask{Kind: policy.MaskAddress}},
			{Name: "business", Title: "经营范围", Type: "M", Grade: 1},
		},
	}
	if err := s.c.Publish(ctx, "zhejiang", "zhejiang", s.resource, rest.ResourceRequest{Resource: res, Source: "business", Table: "enterprise"}); err != nil {
		return err
	}
	s.step("浙江编目“%s”（%d 个数据项逐项定级、脱敏），完成保密风险与个人信息保护影响评估后，部门负责人签发，主管部门审核发布。", "Zhejiang describes %q (%d items, each graded and masked) and assesses the risk to secrets and to personal information; the head of the department signs, the authority reviews and publishes it.", res.Name, len(res.Items))
	return nil
}

// find: Shanghai reads Zhejiang's catalogue over the Dataspace Protocol.
func (s *story) find(ctx context.Context) error {
	officer, err := s.c.As(ctx, "shanghai", "officer-shanghai")
	if err != nil {
		return err
	}
	begin := time.Now()
	var page rest.Page[catalog.Resource]
	if err := officer.Call(ctx, http.MethodGet, "/api/v1/catalog/zhejiang", nil, &page); err != nil {
		return err
	}
	if len(page.Items) != 1 || page.Items[0].Code != s.resource {
		return s.fail("find", "检索目录", nil)
	}
	took := ms(begin)
	// What is told of the entry from here on calls it by its name, as Shanghai's own copy of the catalogue has it.
	err = Await(ctx, 20*time.Second, func() (bool, error) {
		_, err := s.c.Node("shanghai").Search.Entry(ctx, "zhejiang", s.resource)
		return err == nil, nil
	})
	if err != nil {
		return s.fail("find in the copy", "在目录副本中检索", err)
	}
	s.step("上海经数据空间协议读取浙江目录：%d 项，%.1f 毫秒。", "Shanghai reads Zhejiang's catalogue over the Dataspace Protocol: %d entries, %.1f ms.", len(page.Items), took)
	return nil
}

func ms(since time.Time) float64 { return float64(time.Since(since).Microseconds()) / 1000 }

// apply: basis, scenario, scope, mode, time limit; the head of the applicant's office consents.
func (s *story) apply(ctx context.Context) error {
	if err := s.pick(ctx); err != nil {
		return err
	}
	app := agreement.Application{
		Provider: "zhejiang", Resource: s.resource, Basis: policy.Basis{Kind: "duty", Citation: "《政务数据共享条例》第二十条"},
		Purposes: []string{"cross-province-service"}, Scenario: "为企业办理跨省迁移", Scope: "综合窗口逐件查询",
		Modes: []policy.Mode{policy.ModeQuery, policy.ModeVerify}, Fields: []string{"uscc", "name", "registered", "representative", "district", "address"},
		Filter:     &policy.Predicate{Op: policy.Ne, Item: "district", Values: []policy.Value{policy.Str(s.outside)}},
		ValidUntil: s.c.Clock.Now().AddDate(0, 6, 0), Declared: true,
	}
	officer, err := s.c.As(ctx, "shanghai", "officer-shanghai")
	if err != nil {
		return err
	}
	if err := officer.Call(ctx, http.MethodPost, "/api/v1/applications", app, &s.consumer); err != nil {
		return err
	}
	head, err := s.c.As(ctx, "shanghai", "head-shanghai")
	if err != nil {
		return err
	}
	if err := head.Call(ctx, http.MethodPost, "/api/v1/applications/"+s.consumer.ID+"/consent", nil, &s.consumer); err != nil {
		return err
	}
	s.step("上海申请 6 个数据项，写明依据、场景、范围、方式、时限；本方共享机构负责人同意后送出。", "Shanghai applies for 6 items with basis, scenario, scope, mode and time limit; the head of its office sends it out.")
	return nil
}

// pick finds a code inside and a district to leave outside the contract, from the data as it is.
func (s *story) pick(ctx context.Context) error {
	db, err := openBusiness(ctx, filepath.Join(s.Dir, "zhejiang", "business.db"))
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	if err := db.QueryRowContext(ctx, "SELECT district FROM enterprise WHERE district <> '' GROUP BY district ORDER BY count(*) DESC, district LIMIT 1").Scan(&s.outside); err != nil {
		return fmt.Errorf("pick: %w", err)
	}
	err = db.QueryRowContext(ctx, "SELECT uscc FROM enterprise WHERE district <> ? AND length(uscc) = 18 ORDER BY id LIMIT 1", s.outside).Scan(&s.sample)
	if err != nil {
		return fmt.Errorf("pick: %w", err)
	}
	return nil
}

// answer: the provider's officer proposes, the head of its office consents; both ends hold the same bytes.
func (s *story) answer(ctx context.Context) error {
	begin := time.Now()
	officer, err := s.c.As(ctx, "zhejiang", "officer-zhejiang")
	if err != nil {
		return err
	}
	err = Await(ctx, 20*time.Second, func() (bool, error) {
		var page rest.Page[agreement.Negotiation]
		if err := officer.Call(ctx, http.MethodGet, "/api/v1/applications?state=REVIEWING", nil, &page); err != nil {
			return false, err
		}
		for _, n := range page.Items {
			if n.Peer == s.consumer.ID {
				s.provider = n
			}
		}
		return s.provider.ID != "", nil
	})
	if err != nil {
		return s.fail("answer", "答复", err)
	}
	arrived := ms(begin)
	if err := officer.Call(ctx, http.MethodPost, "/api/v1/applications/"+s.provider.ID+"/answer", agreement.Grant{Fields: s.consumer.Application.Fields}, nil); err != nil {
		return err
	}
	head, err := s.c.As(ctx, "zhejiang", "head-zhejiang")
	if err != nil {
		return err
	}
	begin = time.Now()
	if err := head.Call(ctx, http.MethodPost, "/api/v1/applications/"+s.provider.ID+"/consent-answer", nil, &s.provider); err != nil {
		return err
	}
	taker, err := s.c.As(ctx, "shanghai", "officer-shanghai")
	if err != nil {
		return err
	}
	err = Await(ctx, 20*time.Second, func() (bool, error) {
		err := taker.Call(ctx, http.MethodGet, "/api/v1/applications/"+s.consumer.ID, nil, &s.consumer)
		return s.consumer.State == agreement.Active, err
	})
	if err != nil {
		return s.fail("answer", "答复", err)
	}
	if s.consumer.Hash != s.provider.Hash || s.consumer.Hash == "" {
		return s.fail("answer: the two ends hold different bytes", "答复：双方协议不一致", nil)
	}
	s.step("浙江收到申请（%.0f 毫秒），数据专员提出答复、共享机构负责人同意；协议 %.0f 毫秒后在两端生效，原文逐字节一致：%s…", "Zhejiang has the application (%.0f ms); its officer proposes, the head of its office consents; in force at both ends %.0f ms later, the same bytes: %s…", arrived, ms(begin), s.consumer.Hash[:16])
	return nil
}

func (s *story) ask(ctx context.Context, cl *client.Client, purpose string, p policy.Plan) (*Answer, error) {
	var a Answer
	err := cl.Call(ctx, http.MethodPost, "/api/v1/agreements/"+s.consumer.Agreement+"/query", gateway.Query{Purpose: purpose, Plan: p}, &a)
	return &a, err
}

// Answer is a page of rows as the API gives it.
type Answer struct {
	Rows    []map[string]any   `json:"rows"`
	Count   int64              `json:"count"`
	Next    string             `json:"next"`
	Receipt gateway.ReceiptRef `json:"receipt"`
}

func byCode(code string) policy.Plan {
	return policy.Plan{Where: &policy.Predicate{Op: policy.Eq, Item: "uscc", Values: []policy.Value{policy.Str(code)}}}
}

const purpose = "cross-province-service"

// query: a business system of Shanghai asks for one enterprise, then for many, one after the other.
func (s *story) query(ctx context.Context) error {
	var err error
	if s.machine, err = s.c.As(ctx, "shanghai", "machine-shanghai"); err != nil {
		return err
	}
	a, err := s.ask(ctx, s.machine, purpose, byCode(s.sample))
	if err != nil {
		return err
	}
	if a.Count < 1 {
		return s.fail("query", "查询", nil)
	}
	s.lastID = a.Receipt.ID
	row := a.Rows[0]
	s.step("上海业务系统查询一家企业：%v，法定代表人 %v，地址 %v（双方分别核验授权，脱敏后返回）。", "A system of Shanghai asks for one enterprise: %v, representative %v, address %v (decided at both ends, masked).", row["name"], row["representative"], row["address"])
	const many = 200
	lat := make([]float64, many)
	begin := time.Now()
	for i := range many {
		t := time.Now()
		if _, err := s.ask(ctx, s.machine, purpose, byCode(s.sample)); err != nil {
			return err
		}
		lat[i] = ms(t)
	}
	sort.Float64s(lat)
	s.step("再逐次查询 %d 次：每次 %.1f 毫秒（中位数），共 %.1f 秒，每次都有封印与回执。", "%d more, one after the other: %.1f ms each (median), %.1f s in all, each sealed and receipted.", many, lat[many/2], time.Since(begin).Seconds())
	return nil
}

// claims: verification answers yes or no and nothing else.
func (s *story) claims(ctx context.Context) error {
	a, err := s.ask(ctx, s.machine, purpose, byCode(s.sample))
	if err != nil {
		return err
	}
	name, _ := a.Rows[0]["name"].(string)
	in := gateway.VerifyRequest{
		Purpose: purpose, Subject: gateway.Claim{Item: "uscc", Value: policy.Str(s.sample)},
		Claims: []gateway.Claim{{Item: "name", Value: policy.Str(name)}, {Item: "name", Value: policy.Str("另一家企业")}},
	}
	var out rest.VerifyAnswer
	if err := s.machine.Call(ctx, http.MethodPost, "/api/v1/agreements/"+s.consumer.Agreement+"/verify", in, &out); err != nil {
		return err
	}
	if len(out.Findings) != 2 || !out.Findings[0].Match || out.Findings[1].Match {
		return s.fail("verify", "核验", nil)
	}
	s.step("核验方式：名称相符——是；另一名称——否。原始数据未离开浙江。", "Verification: this name — yes; another name — no. No record left Zhejiang.")
	return nil
}

// prove: an auditor saves a receipt and the constitution chain, and checks them with nothing else.
func (s *story) prove(ctx context.Context) error {
	dir := filepath.Join(s.Dir, "proof")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("proof folder: %w", err)
	}
	auditor, err := s.c.As(ctx, "zhejiang", "auditor")
	if err != nil {
		return err
	}
	var raw []byte
	var v *evidence.Verified
	err = Await(ctx, 20*time.Second, func() (bool, error) {
		if err := auditor.Call(ctx, http.MethodGet, "/api/v1/facts/"+s.lastID+"/receipt", nil, &raw); err != nil {
			return false, err
		}
		con, err := s.constitution(ctx, dir)
		if err != nil {
			return false, err
		}
		if v, err = verifyOffline(raw, con); err != nil {
			return false, err
		}
		if len(v.CosignedBy) > 0 {
			return true, nil
		}
		_, err = s.ask(ctx, s.machine, purpose, byCode(s.sample)) // each message carries the latest checkpoint to a witness
		return false, err
	})
	if err != nil {
		return s.fail("prove", "离线验证", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "receipt.json"), raw, 0o600); err != nil {
		return fmt.Errorf("proof: %w", err)
	}
	s.step("审计离线验证回执（只凭章程链）：%s 于 %s 答复，%d 条；已入公开日志，由 %s 共签。", "An auditor verifies the receipt offline, with the constitution chain alone: %s answered at %s, %d rows; in the public log, cosigned by %s.",
		v.Member, v.Time.Format(time.RFC3339), v.Header.Rows, strings.Join(v.CosignedBy, "、"))
	tampered := strings.Replace(string(raw), `"sealed":"AAA`, `"sealed":"AAB`, 1)
	if con, err := s.constitution(ctx, dir); err == nil {
		if _, err := verifyOffline([]byte(tampered), con); err == nil {
			return s.fail("prove: a changed receipt verified", "离线验证：被改动的回执竟通过", nil)
		}
	}
	return nil
}

func (s *story) constitution(ctx context.Context, dir string) (*rest.Constitution, error) {
	var raw []byte
	if err := s.c.Client("anhui").Call(ctx, http.MethodGet, "/api/v1/constitution", nil, &raw); err != nil {
		return nil, err
	}
	var con rest.Constitution
	if err := json.Unmarshal(raw, &con); err != nil {
		return nil, fmt.Errorf("constitution: %w", err)
	}
	return &con, os.WriteFile(filepath.Join(dir, "constitution.json"), raw, 0o600)
}

func verifyOffline(receipt []byte, con *rest.Constitution) (*evidence.Verified, error) {
	versions, err := federation.VerifyChain(con.Chain, con.Genesis)
	if err != nil {
		return nil, err
	}
	r, err := evidence.ParseReceipt(receipt)
	if err != nil {
		return nil, err
	}
	return r.Verify(versions, con.Statements...)
}

// refusals: each has its own code; rows outside the contract are simply absent.
func (s *story) refusals(ctx context.Context) error {
	other, err := s.c.As(ctx, "shanghai", "officer-shanghai2")
	if err != nil {
		return err
	}
	outside := policy.Plan{Where: &policy.Predicate{Op: policy.Eq, Item: "district", Values: []policy.Value{policy.Str(s.outside)}}}
	var codes []string
	for _, r := range []struct {
		cl      *client.Client
		purpose string
		plan    policy.Plan
		want    string
	}{
		{other, purpose, byCode(s.sample), "policy.department"},
		{s.machine, "statistics", byCode(s.sample), "policy.purpose"},
		{s.machine, purpose, policy.Plan{Project: []string{"capital"}}, "policy.field"},
		{s.machine, purpose, outside, "policy.outside"},
	} {
		_, err := s.ask(ctx, r.cl, r.purpose, r.plan)
		if got := errs.As(err); err == nil || got.Code != r.want {
			return s.fail("refuse "+r.want, "拒绝 "+r.want, err)
		}
		codes = append(codes, r.want)
	}
	s.step("该拒绝的都被拒绝：%s（另一部门、另一用途、未授权数据项、范围之外）。", "What must be refused is: %s (another department, another purpose, an item not granted, outside the scope).", strings.Join(codes, "、"))
	return nil
}

// revoke: at once here, on receipt there.
func (s *story) revoke(ctx context.Context) error {
	head, err := s.c.As(ctx, "zhejiang", "head-zhejiang")
	if err != nil {
		return err
	}
	begin := time.Now()
	if err := head.Call(ctx, http.MethodPost, "/api/v1/agreements/"+s.consumer.Agreement+"/revoke", rest.Reason{Reason: s.word("演示：用途已完成", "demonstration: purpose met")}, nil); err != nil {
		return err
	}
	_, err = s.ask(ctx, s.machine, purpose, byCode(s.sample))
	if !errors.Is(err, agreement.ErrRevoked) {
		return s.fail("revoke", "撤销", err)
	}
	s.step("浙江撤销协议：%.0f 毫秒后上海再查即被拒绝（agreement.revoked）。", "Zhejiang revokes: %.0f ms later Shanghai is refused (agreement.revoked).", ms(begin))
	return nil
}

// check: fsck of every node's evidence, with nothing but its files and public keys.
func (s *story) check(ctx context.Context) error {
	var facts, batches uint64
	for _, p := range Places() {
		n := s.c.Node(p.ID)
		_, vkey, err := n.Keys.CheckpointSigner(n.Log.ID())
		if err != nil {
			return err
		}
		v, err := note.NewVerifier(vkey)
		if err != nil {
			return fmt.Errorf("check: %w", err)
		}
		var r *evidence.Report
		// The node is live: a batch half written while fsck reads looks torn, and a checkpoint may be swapped meanwhile.
		err = Await(ctx, 10*time.Second, func() (bool, error) {
			r, err = evidence.Fsck(ctx, node.EvidenceDir(n.Dir, n.Log.ID().Epoch), n.Log.Key(), n.Log.ID(), v)
			return err == nil && len(r.Findings) == 0, err
		})
		if err != nil {
			return s.fail("check "+p.ID, "存证自检 "+p.Name, err)
		}
		facts, batches = facts+r.Facts, batches+r.Batches
	}
	s.step("五个节点存证自检：%d 条事实、%d 批，逐条、逐签名、逐瓦片核对无误。", "Evidence of all five nodes checked: %d facts in %d batches, every commitment, signature and tile right.", facts, batches)
	return nil
}

// invite says what to try while the nodes stay up.
func (s *story) invite() {
	ca := filepath.Join(s.Dir, "shanghai", "keys", "ca.pem")
	sh := root(s.c.Node("shanghai"))
	s.say("\n请在浏览器打开：\n\n    %s%s\n", "\nOpen in a browser:\n\n    %s%s\n", sh, tour.PathRoles)
	s.say("演示环境，人员与企业均为虚构（除非用 --data 载入真实登记）。每个节点的证书由其自签，浏览器会各提示一次，选择继续访问即可。节点保持运行，Ctrl-C 结束。", "A demonstration: people and enterprises are fictional (unless --data loaded real registrations). Each node signed its own certificate: the browser asks once for each, go on. The nodes stay up; Ctrl-C ends.")
	s.say("\n也可以在命令行试试：", "\nOr on the command line:")
	_, _ = fmt.Fprintf(s.Out, "  bin/kuayu tour --node %s --ca %s\n", sh, ca)
	_, _ = fmt.Fprintf(s.Out, "  curl --cacert %s -d '{\"actor\":\"officer-shanghai\"}' %s/demo/session\n", ca, sh)
	_, _ = fmt.Fprintf(s.Out, "  bin/kuayu evidence verify %s --constitution %s\n", filepath.Join(s.Dir, "proof", "receipt.json"), filepath.Join(s.Dir, "proof", "constitution.json"))
	for _, p := range Places() {
		n := s.c.Node(p.ID)
		_, _ = fmt.Fprintf(s.Out, "  %-9s staff %s   public https://%s   metrics https://%s/metrics\n", p.ID, root(n), n.Addr("public"), n.Addr("admin"))
	}
}

func port(u string) string { return u[strings.LastIndexByte(u, ':')+1:] }
