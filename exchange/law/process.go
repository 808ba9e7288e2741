package law

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/exchange/catalog"
	"github.com/kuayu/kuayu/exchange/objection"
	"github.com/kuayu/kuayu/internal/clock"
	"github.com/kuayu/kuayu/support/policy"
	"github.com/kuayu/kuayu/support/process"
)

// matter is a kind of case that histories can be about: the kind's own process, on a document to which nothing was done,
// and what a step says where the history does not care.
type matter struct {
	name    string
	begin   func(h *History) process.Simulation
	usually func(e process.Event, at time.Time) any
}

// matters are all that histories can be about.
func matters() []matter {
	return []matter{
		{"agreement", func(h *History) process.Simulation {
			d := agreement.Process()
			return d.Simulate(agreement.Rehearsal(h.Sharing))
		}, usualAgreement},
		{"catalog", func(*History) process.Simulation {
			d := catalog.Process()
			return d.Simulate(catalog.Rehearsal(time.Time{}))
		}, func(e process.Event, at time.Time) any {
			switch e {
			case catalog.NoteChange:
				return catalog.Demand{Cause: catalog.LawChanged, What: "第三条", Since: at}
			case catalog.Assess:
				return catalog.Assessment{Kind: catalog.Confidentiality, Assessor: "某机构", Date: at.Format(time.DateOnly), Pass: true, Text: "无泄密风险", Digest: "00000000000000000000000000000000000000000000000000000000000000ff"}
			}
			return nil
		}},
		{"correction", func(*History) process.Simulation {
			c, _ := objection.Rehearse()
			d := objection.Corrections()
			return d.Simulate(c)
		}, func(e process.Event, _ time.Time) any {
			switch e {
			case objection.Correct:
				return objection.CorrectionAnswer{Values: []objection.CorrectedItem{{Item: "item", Value: "正确的值"}}}
			case objection.Maintain:
				return objection.CorrectionAnswer{Reason: "与登记档案一致"}
			}
			return nil
		}},
		{"dispute", func(*History) process.Simulation {
			_, x := objection.Rehearse()
			d := objection.Disputes()
			return d.Simulate(x)
		}, func(e process.Event, _ time.Time) any {
			switch e {
			case objection.AddPaper, objection.Propose:
				return objection.Statement{Text: "说明"}
			case objection.Rule:
				return objection.Decision{Reference: "某办函〔2026〕1 号", Text: "应当共享"}
			}
			return nil
		}},
	}
}

func matterOf(name string) *matter {
	i := slices.IndexFunc(matters(), func(m matter) bool { return m.name == name })
	if i < 0 {
		return nil
	}
	return &matters()[i]
}

// usualAgreement is an application as the law wants it, and what belongs to it.
func usualAgreement(e process.Event, at time.Time) any {
	later := at.AddDate(1, 0, 0)
	a := agreement.Application{
		Provider: "provider", Resource: "resource", Basis: policy.Basis{Kind: "duty", Citation: "某条例第五条"}, Purposes: []string{"purpose"},
		Scenario: "窗口办理", Scope: "本部门", Modes: []policy.Mode{policy.ModeQuery}, Fields: []string{"item"}, ValidUntil: later, Declared: true,
	}
	switch e {
	case agreement.AskOffice, agreement.Resubmit:
		return a
	case agreement.AskSupplement:
		return []agreement.Missing{{Item: "法定职责", Why: "依据不明"}}
	case agreement.GiveSupplement:
		return agreement.Supply{Texts: []agreement.Supplied{{Item: "法定职责", Text: "某条例第五条"}}}
	case agreement.DraftSupplement:
		a.Scope = "本系统"
		return agreement.Supply{Texts: []agreement.Supplied{{Item: "法定职责", Text: "某条例第五条"}}, Application: &a}
	case agreement.ProposeAnswer, agreement.ProposeChange, agreement.CounterOffer:
		return agreement.Grant{Fields: a.Fields}
	case agreement.DraftChange:
		a.Scenario = "另一使用场景"
		return agreement.ChangeRequest{Application: a, Reason: "业务需要"}
	case agreement.OrderRectify:
		return agreement.RectifyOrder{What: "停止超范围使用", By: at.AddDate(0, 0, 7)}
	case agreement.BeginDisposal:
		return agreement.DisposalOrder{Method: "删除", Scope: "全部数据", By: at.AddDate(0, 0, 21)}
	case agreement.ConfirmDisposal:
		return agreement.Certificate{Method: "删除", Scope: "全部数据", Date: at, Officer: "责任人"}
	case agreement.AskExtension:
		return agreement.ExtensionRequest{Days: 5, Reason: "须核对"}
	}
	return nil
}

// said is what a step says as JSON: what is usual, with what the history says in its place. A day stands for its last
// minute in China.
func (m *matter) said(s *Step) (json.RawMessage, error) {
	usual := m.usually(process.Event(s.Act), s.time)
	if len(s.Say) == 0 {
		if usual == nil {
			return nil, nil
		}
		return json.Marshal(usual)
	}
	all := map[string]any{}
	if usual != nil {
		b, err := json.Marshal(usual)
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(b, &all); err != nil {
			return nil, err
		}
	}
	for k, v := range s.Say {
		all[k] = dated(v)
	}
	return json.Marshal(all)
}

func dated(v any) any {
	if t, ok := v.(time.Time); ok {
		v = t.Format(time.DateOnly)
	}
	if s, ok := v.(string); ok {
		if d, err := time.ParseInLocation(time.DateOnly, s, clock.China()); err == nil {
			return d.Add(24*time.Hour - time.Minute).Format(time.RFC3339)
		}
	}
	return v
}
