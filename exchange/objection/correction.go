package objection

import (
	"slices"
	"time"

	"github.com/kuayu/kuayu/support/policy"
	"github.com/kuayu/kuayu/support/process"
)

// WrongItem is what is wrong with one item.
type WrongItem struct {
	Item     string `json:"item"`
	Received string `json:"received"` // as it was got
	Claimed  string `json:"claimed"`  // as it should be
}

// CorrectionRequest is what an officer reports of a record got under an agreement (Decree 809 art. 26).
type CorrectionRequest struct {
	Key      policy.Predicate `json:"key"` // names the record: item = value
	Items    []WrongItem      `json:"items"`
	Reason   string           `json:"reason"`
	Evidence string           `json:"evidence,omitempty"` // what speaks for it
	Person   bool             `json:"person,omitempty"`   // reported on behalf of the person concerned
	Case     string           `json:"case,omitempty"`     // the matter the record is needed for
}

// check holds a report to the terms under which the record was got.
func (r *CorrectionRequest) check(t *policy.Terms) error {
	var f process.Faults
	key := r.Key.Op == policy.Eq && len(r.Key.Values) == 1 && len(r.Key.Args) == 0 && t.Field(r.Key.Item) != nil && process.Text(r.Key.Values[0].Text())
	f.Need(key, "key", "请以协议内的一个数据项指明记录（数据项 = 值）", "name the record by one item of the agreement (item = value)")
	f.Need(len(r.Items) > 0 && len(r.Items) <= process.MaxLines, "items", "请列出有误的数据项", "list the items that are wrong")
	f.Need(process.Text(r.Reason), "reason", "请写明理由", "give reasons")
	f.Need(process.Brief(r.Evidence), "evidence", "依据过长", "the evidence is too long")
	f.Need(process.Brief(r.Case), "case", "事项编号过长", "the matter is too long")
	seen := map[string]bool{}
	for _, c := range r.Items {
		f.Need(t.Field(c.Item) != nil && !seen[c.Item], c.Item, "须为协议内的数据项，且不得重复", "must be an item of the agreement, once")
		f.Need(process.Brief(c.Received) && process.Brief(c.Claimed) && c.Received != c.Claimed, c.Item, "收到的值与主张的值不得相同", "the value received and the value claimed must differ")
		seen[c.Item] = true
	}
	return f.Err(ErrDetails)
}

func (r *CorrectionRequest) items() []string {
	out := make([]string, len(r.Items))
	for i, c := range r.Items {
		out[i] = c.Item
	}
	return out
}

// CorrectedItem is an item as the source has it now.
type CorrectedItem struct {
	Item  string `json:"item"`
	Value string `json:"value"`
}

// CorrectionAnswer is the provider's answer to a correction (Decree 809 art. 26).
type CorrectionAnswer struct {
	Outcome State           `json:"outcome" doc:"CORRECTED, WITHDRAWN or MAINTAINED"`
	Values  []CorrectedItem `json:"values,omitempty"` // when corrected: what the source has now
	Reason  string          `json:"reason,omitempty"` // when maintained

	notices []notice          // to the others who got the wrong value
	shared  *CorrectionAnswer // what of it may be said to who reported
}

// check demands reasons for what is maintained, and a value for every reported item that was corrected. A finding that
// came from the provider may lack values: masked items are fetched again, not told.
func (d *CorrectionAnswer) check(r *CorrectionRequest, own bool) error {
	var f process.Faults
	f.Need(slices.Contains([]State{Corrected, Withdrawn, Maintained}, d.Outcome), "outcome", "须为 CORRECTED、WITHDRAWN 或 MAINTAINED", "must be CORRECTED, WITHDRAWN or MAINTAINED")
	f.Need(process.Brief(d.Reason) && (d.Outcome != Maintained || process.Text(d.Reason)), "reason", "维持原值须写明理由", "a value is maintained with reasons only")
	seen := map[string]bool{}
	for _, v := range d.Values {
		f.Need(d.Outcome == Corrected && slices.Contains(r.items(), v.Item) && !seen[v.Item] && process.Brief(v.Value), v.Item, "只能写明被申请校核的数据项更正后的值", "only what was reported has a corrected value")
		seen[v.Item] = true
	}
	if own && d.Outcome == Corrected {
		for _, item := range r.items() {
			f.Need(seen[item], item, "请写明来源系统中现在的值", "state what the source has now")
		}
	}
	return f.Err(ErrDetails)
}

// Correction is one end's record of a correction.
type Correction struct {
	process.Case
	Agreement string            `json:"agreement"`
	Resource  string            `json:"resource"`
	Consumer  policy.Party      `json:"consumer"`
	Provider  policy.Party      `json:"provider"`
	Report    CorrectionRequest `json:"report"`
	Finding   *CorrectionAnswer `json:"finding,omitempty"`
	Notified  int               `json:"notified,omitempty"`   // other agreements whose departments were notified of the correction
	CaseGoes  bool              `json:"case_goes_on"`         // always: a pending correction blocks no case (2016 Interim Measures)
	Received  time.Time         `json:"received,omitzero"`    // as acknowledged: D7 starts
	Answered  time.Time         `json:"answered,omitzero"`    //
	Refused   string            `json:"refused_by,omitempty"` // code with which the provider's node refused the message
	Steps     []process.Step    `json:"steps,omitempty"`      // filled in when one is read; not stored with it
}

func (c *Correction) other() policy.Party {
	if c.Side == Provider {
		return c.Consumer
	}
	return c.Provider
}

// Refetch says that what a department holds of a resource was corrected at its source: it should ask again.
type Refetch struct {
	ID         string            `json:"id"`
	Department string            `json:"department"`
	Agreement  string            `json:"agreement"`
	Resource   string            `json:"resource"`
	Provider   string            `json:"provider"` // member
	Items      []string          `json:"items"`
	Key        *policy.Predicate `json:"key,omitempty"` // the record, where this department had asked for exactly it
	Digest     string            `json:"digest"`        // of the key, by the provider's secret and for this agreement
	Since      time.Time         `json:"since"`
	Done       time.Time         `json:"done,omitzero"`
	By         string            `json:"by,omitempty"`    // the officer, who marked it done
	Query      string            `json:"query,omitempty"` // the query that fetched the record again
}

// names reports whether a filter asks for the record by its key.
func names(p, key *policy.Predicate) bool {
	if p == nil {
		return false
	}
	switch p.Op { //nolint:exhaustive // the others name no record
	case policy.Eq, policy.In:
		return p.Item == key.Item && slices.ContainsFunc(p.Values, func(v policy.Value) bool { return v.Text() == key.Values[0].Text() })
	case policy.And, policy.Or:
		return slices.ContainsFunc(p.Args, func(a *policy.Predicate) bool { return names(a, key) })
	}
	return false
}
