package console

import (
	"bytes"
	"net/http"
	"slices"
	"strings"

	"github.com/a-h/templ"

	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/web/pdf"
	"github.com/kuayu/kuayu/web/staff"
	"github.com/kuayu/kuayu/web/ui"
)

// decided are the states in which the provider's answer stands.
func decided(n *agreement.Negotiation) bool {
	return n.Agreement != "" || n.State == agreement.Refused || (n.Grant != nil && slices.Contains([]agreement.State{agreement.CounterOffered, agreement.ProvOfficeApproval}, n.State))
}

// printButton leads to the decision as a document; nil before there is one.
func printButton(v *ui.View, n *agreement.Negotiation) templ.Component {
	if !decided(n) {
		return nil
	}
	return ui.Button(v, ui.Link{Href: staff.CasePath(n.ID) + "/print.pdf", Text: v.Pick("打印答复（PDF）", "Print the answer (PDF)")}, "download", false)
}

// pairsOf are facts as a document has them.
func pairsOf(facts []ui.Fact) [][2]string {
	var out [][2]string
	for _, f := range facts {
		if f.Value != "" {
			out = append(out, [2]string{f.Label, f.Value})
		}
	}
	return out
}

// printAgreement is an agreement as a document.
func (c *Console) printAgreement(w http.ResponseWriter, q staff.Visit) error {
	a, err := c.agreed(q)
	if err != nil {
		return err
	}
	v, nm, n := q.V, c.Names(q), a.n
	signed, err := c.signatures(q, nm, n)
	if err != nil {
		return err
	}
	d := pdf.Document{
		Title: v.Pick("政务数据共享协议", "Agreement on the sharing of government data"), Number: v.Pick("协议编号 ", "Number ") + n.Agreement,
		Parts: []pdf.Part{{Heading: v.Pick("一、约定", "1. Terms"), Pairs: pairsOf(termFacts(v, nm, a))}},
	}
	items := pdf.Part{Heading: v.Pick("二、数据项", "2. Items"), Head: []string{v.Pick("数据项", "Item"), v.Pick("脱敏方式", "What is shown"), v.Pick("个人信息", "Personal")}}
	for i := range a.terms.Fields {
		f := &a.terms.Fields[i]
		personal := v.Pick("否", "no")
		if f.Subject {
			personal = v.Pick("识别到个人", "identifies a person")
		}
		items.Rows = append(items.Rows, []string{nm.Items(a.terms.Provider.Member, a.terms.Resource, []string{f.Name})[0], fieldWord(v, f), personal})
	}
	signs := pdf.Part{Heading: v.Pick("三、签署", "3. Signatures"), Head: []string{v.Pick("签署方", "Side"), v.Pick("签署人和时间", "Signed by, and when"), v.Pick("密钥指纹和核验", "Key, and how it checks")}}
	for _, s := range signed {
		at := ""
		if !s.at.IsZero() {
			at = "\n" + v.Second(s.at)
		}
		signs.Rows = append(signs.Rows, []string{s.side + v.Pick("：", ": ") + s.party, s.who + at, strings.TrimSpace(s.key + "\n" + s.state.Word)})
	}
	d.Parts = append(d.Parts, items, signs, digestPart(v, v.Pick("四、原文摘要", "4. Digest"), n))
	return c.print(w, q, d, "agreement.pdf")
}

// printDecision is the answer to an application as a document, a refusal as well.
func (c *Console) printDecision(w http.ResponseWriter, q staff.Visit) error {
	n, err := c.Cases.Get(q.Context(), q.Sess.Scope(), q.PathValue("id"))
	if err != nil {
		return err
	}
	if !decided(n) {
		return ErrUndecided.With()
	}
	v, nm := q.V, c.Names(q)
	d := pdf.Document{
		Title: v.Pick("政务数据共享申请答复书", "Answer to an application for government data"), Number: v.Pick("申请编号 ", "Number ") + n.ID,
		Parts: []pdf.Part{
			{Text: nm.Party(n.Consumer) + v.Pick("：", ":")},
			{Text: decisionText(v, nm, n)},
			{Heading: v.Pick("一、申请内容", "1. The application"), Pairs: pairsOf(factsOf(v, nm, n))},
		},
	}
	if grants := grantsOf(v, nm, n); len(grants) > 0 {
		t := pdf.Part{Heading: v.Pick("二、逐项答复", "2. Item by item"), Head: []string{v.Pick("数据项", "Item"), v.Pick("答复", "Answer"), v.Pick("理由", "Reason")}}
		for _, g := range grants {
			word := v.Pick("同意共享", "granted")
			if g.Allowed == "" {
				word = v.Pick("不予共享", "not granted")
			}
			t.Rows = append(t.Rows, []string{g.Item, word, g.Reason})
		}
		d.Parts = append(d.Parts, t)
	}
	if bounds := pairsOf(grantFacts(v, nm, n)); len(bounds) > 0 {
		d.Parts = append(d.Parts, pdf.Part{Heading: v.Pick("三、限定", "3. Bounds"), Pairs: bounds})
	}
	d.Parts = append(d.Parts, pdf.Part{Text: nm.Provider(n) + "\n" + v.Day(n.Updated)})
	if n.Hash != "" {
		d.Parts = append(d.Parts, digestPart(v, v.Pick("协议原文摘要", "Digest of the agreement"), n))
	}
	return c.print(w, q, d, "answer.pdf")
}

// ErrUndecided is an application that has no answer yet.
var ErrUndecided = errs.Define(errs.NotFound, "console.undecided", "该申请尚无答复，暂无可打印的文件。请在申请页面查看办理进度。", "The application has no answer yet that could be printed. Its own page says where it stands.")

func decisionText(v *ui.View, nm *staff.Names, n *agreement.Negotiation) string {
	what := v.Pick("贵单位提出的使用“"+nm.Title(n)+"”的申请收悉。", "Your application for "+nm.Title(n)+" was received. ")
	switch {
	case n.State == agreement.Refused:
		return what + v.Pick("经审查，不同意该申请。理由：", "It is refused: ") + said(n.Reason)
	case n.Grant != nil && len(n.Grant.Refused) > 0:
		return what + v.Pick("经审查，部分同意，逐项答复如下。", "It is granted in part, as follows.")
	case n.Agreement == "":
		return what + v.Pick("拟答复如下，待负责人同意或贵单位接受后生效。", "The answer below binds when the head consents, or you accept.")
	}
	return what + v.Pick("经审查，同意该申请。", "It is granted.")
}

func digestPart(v *ui.View, heading string, n *agreement.Negotiation) pdf.Part {
	return pdf.Part{
		Heading: heading, Code: n.Hash,
		Text: v.Pick("双方节点各存一份逐字节相同的协议原文，其 SHA-256 摘要如下；扫码所得应与之一致。\n", "Both nodes hold the same bytes of the agreement; their SHA-256 digest is below, and the code has the same.\n") + n.Hash,
	}
}

// print sends a document. It is made whole before its first byte leaves.
func (c *Console) print(w http.ResponseWriter, q staff.Visit, d pdf.Document, name string) error {
	v := q.V
	d.Foot = v.Pick(c.Name, c.NameEN) + v.Pick("・打印于 ", ", printed ") + v.Minute(c.Clock.Now())
	d.Page = func(at, of int) string {
		return v.Pick("第 "+v.Number(int64(at))+" 页，共 "+v.Number(int64(of))+" 页", "Page "+v.Number(int64(at))+" of "+v.Number(int64(of)))
	}
	var b bytes.Buffer
	if err := pdf.Print(&b, c.font, d); err != nil {
		return err
	}
	h := w.Header()
	ui.Headers(h)
	h.Set("Content-Type", "application/pdf")
	h.Set("Content-Disposition", `inline; filename="`+name+`"`)
	h.Set("Cache-Control", "no-store")
	_, err := w.Write(b.Bytes())
	return err
}
