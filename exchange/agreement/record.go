package agreement

import (
	"strings"
	"time"

	"github.com/kuayu/kuayu/exchange/catalog"
	"github.com/kuayu/kuayu/support/policy"
	"github.com/kuayu/kuayu/support/process"
)

// Application is what the using department asks for: the five statements of Decree 809 art. 20, and the items.
type Application struct {
	Provider   string            `json:"provider"` // member
	Resource   string            `json:"resource"` // code in its catalogue
	Basis      policy.Basis      `json:"basis"`
	Purposes   []string          `json:"purposes"`
	Scenario   string            `json:"scenario"`
	Scope      string            `json:"scope"`
	Modes      []policy.Mode     `json:"modes"`
	Fields     []string          `json:"fields"`
	Filter     *policy.Predicate `json:"filter,omitempty"`
	Quota      policy.Quota      `json:"quota,omitzero"`
	ValidUntil time.Time         `json:"valid_until"`
	Offer      string            `json:"offer,omitempty"`     // id of the catalogue's offer it answers, of a foreign catalogue
	Continues  string            `json:"continues,omitempty"` // id of the agreement this one would continue
	// Declared: the applicant declares the application true, lawful and necessary (art. 20).
	Declared bool `json:"declared"`
}

// Check lists everything missing at once.
func (a *Application) Check(now time.Time) error {
	var f process.Faults
	need := f.Need
	need(a.Provider != "", "provider", "请填写提供方", "name the providing member")
	need(a.Resource != "", "resource", "请填写资源代码", "name the resource")
	need(a.Basis.Kind == "consent" || (a.Basis.Kind == "duty" && strings.TrimSpace(a.Basis.Citation) != ""), "basis", "请写明使用依据（法定职责的条文，或本人同意）", "state the legal basis: the article of a duty, or consent")
	need(len(a.Purposes) > 0 && len(a.Purposes) <= 16, "purposes", "请写明用途", "state the purpose")
	need(strings.TrimSpace(a.Scenario) != "" && len(a.Scenario) <= 4000, "scenario", "请写明使用场景", "state the scenario")
	need(strings.TrimSpace(a.Scope) != "" && len(a.Scope) <= 4000, "scope", "请写明使用范围", "state the scope")
	need(len(a.Modes) > 0, "modes", "请选择共享方式", "choose a mode")
	for _, m := range a.Modes {
		need(m == policy.ModeQuery || m == policy.ModeVerify, "modes", "批量交换和文件下载尚不能提供，请选择接口查询或核验", "batch exchange and file download are not served yet; choose query or verification")
	}
	need(len(a.Fields) > 0 && len(a.Fields) <= policy.MaxItems, "fields", "请选择数据项", "choose the items")
	need(a.ValidUntil.After(now), "valid_until", "使用时限须晚于今天", "the time limit must be in the future")
	need(a.ValidUntil.Before(now.AddDate(10, 0, 1)), "valid_until", "使用时限不得超过十年", "the time limit must be within ten years")
	need(len(a.Continues) <= 128, "continues", "所续协议编号有误", "the id of the agreement to be continued is not valid")
	need(a.Declared, "declared", "请确认申请真实、合法、必要", "declare that the application is true, lawful and necessary")
	if err := f.Err(ErrApplication); err != nil {
		return err
	}
	p := policy.Plan{Where: a.Filter}
	return p.Check()
}

// Grant is the provider's answer before it becomes an agreement: what of the application it would share.
type Grant struct {
	Fields     []string          `json:"fields"`            // a subset of what was asked
	Refused    []RefusedItem     `json:"refused,omitempty"` // the rest of what was asked, each with its reason
	Quota      policy.Quota      `json:"quota,omitzero"`
	ValidUntil time.Time         `json:"valid_until,omitzero"` // not later than asked
	Lease      int               `json:"lease_seconds,omitempty"`
	Filter     *policy.Predicate `json:"filter,omitempty"` // narrows what was asked
}

// Negotiation is one end's record of an application and what became of it.
type Negotiation struct {
	process.Case
	Peer        string          `json:"peer"` // the other end's process id, empty until known
	Consumer    policy.Party    `json:"consumer"`
	Provider    policy.Party    `json:"provider"`
	Application Application     `json:"application"`
	Grant       *Grant          `json:"grant,omitempty"`
	ProposedBy  string          `json:"proposed_by,omitempty"`
	Accepted    bool            `json:"accepted,omitempty"`  // an offer was accepted: DSP state ACCEPTED
	Agreement   string          `json:"agreement,omitempty"` // id
	Hash        string          `json:"hash,omitempty"`      // SHA-256 of the exact bytes, hex
	Standing    string          `json:"standing,omitempty"`  // id of the standing consent it was made under
	Reason      string          `json:"reason,omitempty"`    // of refusal, suspension, termination
	ValidUntil  time.Time       `json:"valid_until,omitzero"`
	Received    time.Time       `json:"received,omitzero"` // when the application arrived, as acknowledged: the law's clocks start
	Sharing     catalog.Sharing `json:"sharing,omitempty"` // class of the resource: how long the answer may take (art. 21)
	Lifecycle
}

// DSP is the Dataspace Protocol state.
func (n *Negotiation) DSP() string {
	if n.State == ProvOfficeApproval && n.Accepted {
		return "ACCEPTED"
	}
	return DSP(n.State)
}

// OtherEnd is the party at the other end.
func (n *Negotiation) OtherEnd() policy.Party {
	if n.Side == Consumer {
		return n.Provider
	}
	return n.Consumer
}

// Other is the member at the other end.
func (n *Negotiation) Other() string { return n.OtherEnd().Member }

// Foreign reports whether the other end is no member but a participant of another dataspace: it answers for its
// departments, so both parts of its name are its id.
func (n *Negotiation) Foreign() bool {
	p := n.OtherEnd()
	return p.Department == p.Member
}
