package agreement

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/kuayu/kuayu/support/policy"
	"github.com/kuayu/kuayu/support/process"
)

// Lifecycle is what happened to an application and its agreement besides the answer. It is part of the record at both ends.
type Lifecycle struct {
	Supplement *SupplementRequest `json:"supplement,omitempty"`
	Extension  *Extension         `json:"extension,omitempty"`
	Change     *Change            `json:"change,omitempty"`
	Suspension *Suspension        `json:"suspension,omitempty"`
	Disposing  *Disposing         `json:"disposing,omitempty"`
	Version    int                `json:"version,omitempty"` // how often the agreement was amended
}

// RefusedItem is an item that was asked for and is not granted.
type RefusedItem struct {
	Item   string `json:"item"`
	Reason string `json:"reason"`
}

// accounts demands that every item asked for is either granted or refused with a reason (Decree 809 art. 21).
func (g *Grant) accounts(asked []string) error {
	var f process.Faults
	refused := map[string]bool{}
	for _, r := range g.Refused {
		f.Need(process.Text(r.Reason), r.Item, "不予共享的数据项须写明理由", "an item refused needs a reason")
		f.Need(slices.Contains(asked, r.Item) && !slices.Contains(g.Fields, r.Item) && !refused[r.Item], r.Item, "未申请、已同意或重复列出的数据项不能列为不予共享", "only an item that was asked for and is not granted can be refused, once")
		refused[r.Item] = true
	}
	for _, item := range asked {
		f.Need(refused[item] || slices.Contains(g.Fields, item), item, "未说明同意还是不予共享", "neither granted nor refused")
	}
	return f.Err(ErrDetails)
}

// partOf is what remains granted of an application.
func partOf(a *Application, refused []RefusedItem) (*Grant, error) {
	g := &Grant{Refused: refused}
	for _, item := range a.Fields {
		if !slices.ContainsFunc(refused, func(r RefusedItem) bool { return r.Item == item }) {
			g.Fields = append(g.Fields, item)
		}
	}
	return g, g.accounts(a.Fields)
}

// Missing is one thing an application lacks, and why it is needed.
type Missing struct {
	Item string `json:"item"`
	Why  string `json:"why"`
}

// SupplementRequest is the one supplement of an application (Decree 809 art. 21): what was missing, told at once, and what came.
type SupplementRequest struct {
	Missing []Missing `json:"missing"`
	Asked   time.Time `json:"asked"`
	AskedBy string    `json:"asked_by,omitempty"` // known where it was asked
	Supply  *Supply   `json:"supply,omitempty"`
	DraftBy string    `json:"draft_by,omitempty"` // who prepared a supply that waits for the head's consent
	Given   time.Time `json:"given,omitzero"`
}

// Supply is the applicant's answer: one text for each missing thing, and the application as corrected, if it changes.
type Supply struct {
	Texts       []Supplied   `json:"texts"`
	Application *Application `json:"application,omitempty"`
}

// Supplied is what was missing, in words.
type Supplied struct {
	Item string `json:"item"`
	Text string `json:"text"`
}

func checkMissing(missing []Missing) error {
	var f process.Faults
	f.Need(len(missing) > 0 && len(missing) <= process.MaxLines, "missing", "请一次性列出全部缺少的内容", "list everything that is missing, at once")
	seen := map[string]bool{}
	for _, m := range missing {
		f.Need(process.Text(m.Item) && !seen[m.Item], "item", "每项缺少的内容须有名称，且不得重复", "each missing thing needs a name of its own")
		f.Need(process.Text(m.Why), m.Item, "须说明为何需要", "say why it is needed")
		seen[m.Item] = true
	}
	return f.Err(ErrDetails)
}

// check demands an answer to everything that was missing.
func (p *Supply) check(n *Negotiation, now time.Time) error {
	var f process.Faults
	f.Need(len(p.Texts) <= process.MaxLines, "texts", "补正内容过多", "too many texts")
	for _, m := range n.Supplement.Missing {
		f.Need(slices.ContainsFunc(p.Texts, func(t Supplied) bool { return t.Item == m.Item && process.Text(t.Text) }), m.Item, "这一项尚未补正", "this is still missing")
	}
	for _, t := range p.Texts {
		f.Need(slices.ContainsFunc(n.Supplement.Missing, func(m Missing) bool { return t.Item == m.Item }), t.Item, "未要求补正这一项", "nobody asked for this")
	}
	if err := f.Err(ErrDetails); err != nil || p.Application == nil {
		return err
	}
	if p.Application.Provider != n.Application.Provider || p.Application.Resource != n.Application.Resource || p.Application.Continues != n.Application.Continues {
		return ErrMismatch.With("resource", "资源")
	}
	return p.Application.Check(now)
}

// within reports whether an application asks for nothing that the other does not ask for. Words can't be compared:
// another scenario, scope or basis counts as more.
func (a *Application) within(b *Application) bool {
	filter := b.Filter == nil || same(a.Filter, b.Filter)
	if !filter || a.Basis != b.Basis || a.Scenario != b.Scenario || a.Scope != b.Scope || a.Quota != b.Quota || a.ValidUntil.After(b.ValidUntil) {
		return false
	}
	sub := func(f string) bool { return !slices.Contains(b.Fields, f) }
	purpose := func(p string) bool { return !slices.Contains(b.Purposes, p) }
	mode := func(m policy.Mode) bool { return !slices.Contains(b.Modes, m) }
	return !slices.ContainsFunc(a.Fields, sub) && !slices.ContainsFunc(a.Purposes, purpose) && !slices.ContainsFunc(a.Modes, mode)
}

// same compares two values as they are written.
func same(a, b any) bool {
	x, err := json.Marshal(a)
	y, berr := json.Marshal(b)
	return err == nil && berr == nil && string(x) == string(y)
}

// MaxExtension is how many working days the authority may add to the time for an answer (Decree 809 art. 21).
const MaxExtension = 10

// Extension is more time for an answer: asked for by the provider, consented to by the authority of its level.
type Extension struct {
	Days        int       `json:"days"` // working days
	Reason      string    `json:"reason"`
	Asked       time.Time `json:"asked"`
	AskedBy     string    `json:"asked_by,omitempty"`
	Consented   time.Time `json:"consented,omitzero"`
	ConsentedBy string    `json:"consented_by,omitempty"`
	Until       time.Time `json:"until,omitzero"` // the answer is due
	Declined    string    `json:"declined,omitempty"`
}

func (x *Extension) check() error {
	var f process.Faults
	f.Need(x.Days >= 1 && x.Days <= MaxExtension, "days", "延期须为一至十个工作日（809 号令第二十一条）", "an extension is 1 to 10 working days (Decree 809 art. 21)")
	f.Need(process.Text(x.Reason), "reason", "请写明延期理由", "say why more time is needed")
	return f.Err(ErrDetails)
}

// Suspension is the stop of an agreement by the provider or the authority, at once, and what it takes to go on (Decree
// 809 art. 27).
type Suspension struct {
	Reason    string    `json:"reason"`
	Since     time.Time `json:"since"`
	What      string    `json:"what,omitempty"`      // must be put right
	RectifyBy time.Time `json:"rectify_by,omitzero"` // by then
	Report    string    `json:"report,omitempty"`    // of the applicant
	Reported  time.Time `json:"reported,omitzero"`   //
	Resumed   time.Time `json:"resumed,omitzero"`    //
	Finding   string    `json:"finding,omitempty"`   // why it may go on
}

// RectifyOrder says what must be put right, and by when.
type RectifyOrder struct {
	What string    `json:"what"`
	By   time.Time `json:"by"`
}

func (o *RectifyOrder) check(now time.Time) error {
	var f process.Faults
	f.Need(process.Text(o.What), "what", "请写明须整改的内容", "say what must be put right")
	f.Need(o.By.After(now), "by", "整改期限须晚于今天", "the date for putting it right must be in the future")
	return f.Err(ErrDetails)
}

// Disposing is the end of the data an applicant holds after the agreement (Decree 809 art. 27).
type Disposing struct {
	Order       DisposalOrder `json:"order"`
	Ordered     time.Time     `json:"ordered"`
	Certificate *Certificate  `json:"certificate,omitempty"`
	Confirmed   time.Time     `json:"confirmed,omitzero"`
}

// DisposalOrder is how the provider wants the data disposed of.
type DisposalOrder struct {
	Method string    `json:"method"`
	Scope  string    `json:"scope"`
	By     time.Time `json:"by"`
}

// Certificate states that the data were destroyed. The fact that carries it is signed by the applicant's node.
type Certificate struct {
	Method  string    `json:"method"`
	Scope   string    `json:"scope"`
	Date    time.Time `json:"date"`
	Officer string    `json:"officer"` // who is responsible for the destruction
}

func (o *DisposalOrder) check(now time.Time) error {
	var f process.Faults
	f.Need(process.Text(o.Method), "method", "请写明处置方式", "say how to dispose of the data")
	f.Need(process.Text(o.Scope), "scope", "请写明处置范围", "say of which data")
	f.Need(o.By.After(now), "by", "处置期限须晚于今天", "the date for disposal must be in the future")
	return f.Err(ErrDetails)
}

// check takes the earliest date possible at this end, and the latest.
func (c *Certificate) check(earliest, now time.Time) error {
	var f process.Faults
	f.Need(process.Text(c.Method), "method", "请写明销毁方式", "say how the data were destroyed")
	f.Need(process.Text(c.Scope), "scope", "请写明销毁范围", "say which data were destroyed")
	f.Need(process.Text(c.Officer) && len(c.Officer) <= 200, "officer", "请写明责任人", "name the officer responsible")
	f.Need(!c.Date.IsZero() && !c.Date.After(now), "date", "销毁日期不能晚于今天", "the date of destruction can't be in the future")
	f.Need(!c.Date.Before(earliest), "date", "销毁日期不能早于申请", "the date of destruction can't be before the application")
	return f.Err(ErrDetails)
}

// ChangeStatus is where a change of use stands.
type ChangeStatus string

// The statuses.
const (
	ChangeDrafted   ChangeStatus = "drafted"   // waits for the head of the applicant's office
	ChangeRequested ChangeStatus = "requested" // waits for the provider's officer
	ChangeProposed  ChangeStatus = "proposed"  // waits for the head of the provider's office
	ChangeGranted   ChangeStatus = "granted"
	ChangeDeclined  ChangeStatus = "declined"
	ChangeDropped   ChangeStatus = "dropped" // the agreement was suspended or ended first
)

// ChangeRequest asks for another use under an agreement in force: the application as it would be, and why.
type ChangeRequest struct {
	Application Application `json:"application"`
	Reason      string      `json:"reason"`
}

// Change is the latest change of use of an agreement (Decree 809 art. 25). Until it is granted the old terms hold.
type Change struct {
	ChangeRequest
	Status     ChangeStatus `json:"status"`
	DraftedBy  string       `json:"drafted_by,omitempty"`
	Asked      time.Time    `json:"asked,omitzero"`
	Grant      *Grant       `json:"grant,omitempty"`
	ProposedBy string       `json:"proposed_by,omitempty"`
	Answered   time.Time    `json:"answered,omitzero"`
	Declined   string       `json:"declined,omitempty"` // why
}

// check holds a change to the same resource of the same provider, complete as an application, and different.
func (c *ChangeRequest) check(n *Negotiation, now time.Time) error {
	var f process.Faults
	f.Need(process.Text(c.Reason), "reason", "请写明变更理由", "say why the use must change")
	f.Need(!same(c.Application, n.Application), "application", "与现行用途相比没有变化", "nothing would change")
	if err := f.Err(ErrDetails); err != nil {
		return err
	}
	a := &c.Application
	if a.Provider != n.Application.Provider || a.Resource != n.Application.Resource || a.Continues != n.Application.Continues {
		return ErrMismatch.With("resource", "资源")
	}
	return a.Check(now)
}
