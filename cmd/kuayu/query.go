package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/kuayu/kuayu/api/rest"
	"github.com/kuayu/kuayu/cmd/cli"
	"github.com/kuayu/kuayu/exchange/gateway"
	"github.com/kuayu/kuayu/internal/disk"
	"github.com/kuayu/kuayu/internal/httpx"
	"github.com/kuayu/kuayu/support/evidence"
	"github.com/kuayu/kuayu/support/policy"
	"github.com/kuayu/kuayu/support/seal"
)

// equality parses ITEM=VALUE (text) or ITEM:=LITERAL (a JSON number or boolean). Codes are texts, though they look like
// numbers, so text is what needs no mark.
func (a *app) equality(s string) (string, policy.Value, error) {
	item, value, ok := strings.Cut(s, "=")
	literal := strings.HasSuffix(item, ":")
	item = strings.TrimSpace(strings.TrimSuffix(item, ":"))
	if !ok || item == "" {
		return "", policy.Value{}, cli.ErrUsage.With(a.T("条件写作 数据项=值，或 数据项:=数字："+s, "a condition is item=value, or item:=number: "+s))
	}
	if !literal {
		return item, policy.Str(value), nil
	}
	var v policy.Value
	if err := json.Unmarshal([]byte(value), &v); err != nil || v.Kind == policy.String {
		return "", v, cli.ErrUsage.With(a.T("“:=”之后须为数字或 true、false："+s, "after “:=” comes a number, true or false: "+s))
	}
	return item, v, nil
}

// where joins equalities by and; nil if there are none.
func (a *app) where(conds []string) (*policy.Predicate, error) {
	var args []*policy.Predicate
	for _, c := range conds {
		item, v, err := a.equality(c)
		if err != nil {
			return nil, err
		}
		args = append(args, &policy.Predicate{Op: policy.Eq, Item: item, Values: []policy.Value{v}})
	}
	switch len(args) {
	case 0:
		return nil, nil //nolint:nilnil // no condition is a value here
	case 1:
		return args[0], nil
	default:
		return &policy.Predicate{Op: policy.And, Args: args}, nil
	}
}

// receiptFlags say where the receipt goes.
type receiptFlags struct {
	Receipt string        `placeholder:"FILE" help:"把完整回执写入文件，可离线验证。|Save the full receipt, verifiable offline."`
	Wait    time.Duration `default:"3s" help:"为回执等待入日志的时间。|How long to wait for the receipt to be logged."`
}

type queryCmd struct {
	receiptFlags
	Agreement string   `arg:"" help:"协议编号。|Id of the agreement."`
	Purpose   string   `required:"" help:"本次用途，须在协议之内。|Purpose of this query, one of the agreement's."`
	Case      string   `help:"所办事项的编号。|The matter it is for."`
	Plan      string   `placeholder:"FILE" help:"查询计划（JSON）；“-”为标准输入。|Query plan (JSON); “-” is standard input."`
	Fields    []string `placeholder:"ITEM" help:"数据项；缺省为全部已授权的。|Items; default all granted."`
	Where     []string `sep:"none" placeholder:"ITEM=VALUE" help:"等于条件，可重复；数字写作 ITEM:=1。|Equality, repeatable; a number is ITEM:=1."`
	Limit     int64    `help:"最多几行。|How many rows at most."`
	Cursor    string   `help:"从上一页给出的位置继续。|Go on where the last page ended."`
	Format    string   `enum:",json,ndjson,arrow" default:"" help:"json 为一页原始答复，ndjson 与 arrow 为全部行的流；缺省按 -o。|json is one page as answered; ndjson and arrow stream all rows; default as -o."`
	To        string   `placeholder:"FILE" help:"写入文件；缺省为标准输出。|Write to a file; default standard output."`
}

func (c *queryCmd) plan(a *app) (policy.Plan, error) {
	if c.Plan != "" {
		if len(c.Fields)+len(c.Where) > 0 || c.Limit != 0 || c.Cursor != "" {
			return policy.Plan{}, cli.ErrUsage.With(a.T("--plan 已含全部条件，不能再用 --fields、--where、--limit、--cursor", "--plan says it all: no --fields, --where, --limit or --cursor beside it"))
		}
		var p policy.Plan
		return p, a.ReadJSON(c.Plan, &p)
	}
	w, err := a.where(c.Where)
	return policy.Plan{Project: c.Fields, Where: w, Limit: c.Limit, Cursor: c.Cursor}, err
}

// answer is one page of rows.
type answer struct {
	Rows    []json.RawMessage  `json:"rows"`
	Count   int64              `json:"count"`
	Next    string             `json:"next"`
	Receipt gateway.ReceiptRef `json:"receipt"`
}

func (c *queryCmd) Run(ctx context.Context, a *app) error {
	p, err := c.plan(a)
	if err != nil {
		return err
	}
	path := "/api/v1/agreements/" + seg(c.Agreement) + "/query"
	q := gateway.Query{Purpose: c.Purpose, Case: c.Case, Plan: p}
	if c.Format == "ndjson" || c.Format == "arrow" {
		return c.stream(ctx, a, path, q)
	}
	var raw []byte
	if err := a.Post(ctx, path, q, &raw); err != nil {
		return err
	}
	var ans answer
	if err := json.Unmarshal(raw, &ans); err != nil {
		return ErrBroken.Because(err)
	}
	if c.To != "" || c.Format == "json" {
		err = a.Deliver(c.To, raw)
	} else {
		err = a.showRows(ans, ans.Rows)
	}
	if err != nil {
		return err
	}
	a.Note("%d 行，回执 %s", "%d rows, receipt.id %s", ans.Count, ans.Receipt.ID)
	if ans.Next != "" {
		a.Note("还有更多：--cursor %s", "There is more: --cursor %s", ans.Next)
	}
	return a.keepReceipt(ctx, ans.Receipt.ID, c.receiptFlags)
}

// stream copies all rows through; without the receipt at the end the stream is not whole.
func (c *queryCmd) stream(ctx context.Context, a *app, path string, q gateway.Query) (err error) {
	media := "application/x-ndjson"
	if c.Format == "arrow" {
		media = gateway.MediaArrow
		if c.To == "" && cli.Terminal(a.Out) {
			return cli.ErrUsage.With(a.T("arrow 是二进制格式，请用 --to FILE 或管道", "arrow is binary: use --to FILE or a pipe"))
		}
	}
	body, err := json.Marshal(q)
	if err != nil {
		return err
	}
	cl, err := a.Client(ctx)
	if err != nil {
		return err
	}
	cl.HTTP.Timeout = 0 // a stream takes as long as it takes
	res, err := cl.Do(ctx, "POST", path, media, bytes.NewReader(body))
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	out := a.Out
	if c.To != "" {
		f, ferr := os.OpenFile(c.To, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
		if ferr != nil {
			return cli.ErrFile.Because(ferr, c.To)
		}
		defer func() {
			if cerr := f.Close(); cerr != nil && err == nil {
				err = cli.ErrFile.Because(cerr, c.To)
			}
		}()
		out = f
	}
	n, err := io.Copy(out, res.Body)
	id := res.Trailer.Get("Kuayu-Receipt")
	if err != nil || id == "" {
		return ErrBroken.Because(err)
	}
	a.Note("%d 字节，回执 %s", "%d bytes, receipt.id %s", n, id)
	return a.keepReceipt(ctx, id, c.receiptFlags)
}

// keepReceipt saves the receipt of a fact, waiting a little for its batch to be in the public log.
func (a *app) keepReceipt(ctx context.Context, id string, f receiptFlags) error {
	if f.Receipt == "" {
		return nil
	}
	b, err := a.receipt(ctx, id, f.Wait, "")
	if err != nil {
		return err
	}
	if err := disk.WriteFile(f.Receipt, b); err != nil {
		return cli.ErrFile.Because(err, f.Receipt)
	}
	a.Note("回执已存入 %[1]s；离线验证：kuayu evidence verify %[1]s --constitution FILE", "The receipt is in %[1]s; check it offline: kuayu evidence verify %[1]s --constitution FILE", f.Receipt)
	return nil
}

func (a *app) receipt(ctx context.Context, id string, wait time.Duration, body string) ([]byte, error) {
	deadline := time.Now().Add(wait)
	for {
		var b []byte
		if err := a.Get(ctx, with("/api/v1/facts/"+seg(id)+"/receipt", "body", body), &b); err != nil {
			return nil, err
		}
		var r evidence.Receipt
		if err := httpx.Unmarshal(b, &r); err != nil {
			return nil, err
		}
		if err := isOf(&r, id); err != nil {
			return nil, err
		}
		if r.Inclusion != nil || !time.Now().Before(deadline) {
			return b, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// isOf checks that a receipt is of the fact asked for ("id", "id#kind", or with the time for an id used again): a valid receipt of another would mislead.
func isOf(r *evidence.Receipt, id string) error {
	s, err := seal.DecodeSealed(r.Sealed)
	if err != nil {
		return err
	}
	f, err := seal.DecodeFact(s.Fact)
	if err != nil {
		return err
	}
	if name := f.ID + "#" + f.Kind; id != f.ID && id != name && id != fmt.Sprintf("%s#%d", name, f.Time.UnixMicro()) {
		return ErrOther.With(id, f.ID+"#"+f.Kind)
	}
	return nil
}

type verifyCmd struct {
	receiptFlags
	Agreement string   `arg:"" help:"协议编号。|Id of the agreement."`
	Purpose   string   `required:"" help:"本次用途，须在协议之内。|Purpose of this query, one of the agreement's."`
	Case      string   `help:"所办事项的编号。|The matter it is for."`
	Subject   string   `required:"" placeholder:"ITEM=VALUE" help:"核验对象。|Whom it is about."`
	Claim     []string `required:"" sep:"none" placeholder:"ITEM=VALUE" help:"待核验的说法，可重复。|What is claimed, repeatable."`
}

func (c *verifyCmd) Run(ctx context.Context, a *app) error {
	in := gateway.VerifyRequest{Purpose: c.Purpose, Case: c.Case}
	var err error
	if in.Subject.Item, in.Subject.Value, err = a.equality(c.Subject); err != nil {
		return err
	}
	for _, s := range c.Claim {
		item, v, err := a.equality(s)
		if err != nil {
			return err
		}
		in.Claims = append(in.Claims, gateway.Claim{Item: item, Value: v})
	}
	var out rest.VerifyAnswer
	if err := a.Post(ctx, "/api/v1/agreements/"+seg(c.Agreement)+"/verify", in, &out); err != nil {
		return err
	}
	t := &cli.Table{Head: []string{a.T("数据项", "item"), a.T("相符", "matches")}}
	for _, f := range out.Findings {
		t.Add(f.Item, a.Yes(f.Match))
	}
	if err := a.Show(out, t); err != nil {
		return err
	}
	a.Note("回执 %s", "receipt.id %s", out.Receipt.ID)
	return a.keepReceipt(ctx, out.Receipt.ID, c.receiptFlags)
}
