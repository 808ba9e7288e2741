package rest

import (
	"encoding/json"
	"net/http"

	"github.com/kuayu/kuayu/support/process"
)

// CaseAct is what an officer says with an event of a case.
type CaseAct struct {
	Note string          `json:"note,omitempty" doc:"why; some events demand it"`
	Say  json.RawMessage `json:"say,omitempty" doc:"what the event takes besides, see GET /api/v1/processes/{kind}"`
}

// KindEvent is an event of a kind of case, as clients need it.
type KindEvent struct {
	Event  process.Event `json:"event"`
	Zh     string        `json:"zh"`
	En     string        `json:"en"`
	By     []process.Who `json:"by,omitempty" doc:"who may; nobody: a rule of the node, time, or the other end"`
	Reason bool          `json:"reason,omitempty" doc:"a note must say why"`
	Needs  []process.Arg `json:"needs,omitempty"`
}

// KindState is a state of a kind of case.
type KindState struct {
	State process.State `json:"state"`
	Zh    string        `json:"zh"`
	En    string        `json:"en"`
	Final bool          `json:"final,omitempty"`
}

// KindView is a kind of case.
type KindView struct {
	Kind   string      `json:"kind"`
	Zh     string      `json:"zh"`
	En     string      `json:"en"`
	Law    string      `json:"law,omitempty"`
	States []KindState `json:"states"`
	Events []KindEvent `json:"events"`
}

// ViewOf is a table as clients see it.
func ViewOf(t *process.Table) *KindView {
	v := &KindView{Kind: t.Kind, Zh: t.Words.Zh, En: t.Words.En, Law: t.Law}
	for _, s := range t.States {
		v.States = append(v.States, KindState{s.State, s.Words.Zh, s.Words.En, s.Final})
	}
	for _, e := range t.Events {
		v.Events = append(v.Events, KindEvent{e.Event, e.Words.Zh, e.Words.En, e.By, e.Reason, e.Needs})
	}
	return v
}

// caseRoutes are the cases of all kinds by one way; each kind has routes of its own beside it. Who may act is in the
// table of the kind.
func (a *API) caseRoutes(mux *http.ServeMux) {
	filter := func(c call) process.Filter {
		q := c.r.URL.Query()
		return process.Filter{Kind: q.Get("kind"), Word: q.Get("word"), Limit: limitOf(c.r)}
	}
	route(a, mux, "GET", "/api/v1/cases", "各类事项", "List cases of all kinds", nil, func(c call, _ *empty) (*Page[process.Summary], error) {
		cs, err := a.Cases.List(c.ctx, c.sess.Scope(), filter(c))
		return &Page[process.Summary]{Items: cs}, err
	})
	route(a, mux, "GET", "/api/v1/todos", "待办事项", "What waits for the caller's roles, the most urgent first", nil, func(c call, _ *empty) (*Page[process.Summary], error) {
		cs, err := a.Cases.Todos(c.ctx, c.sess, filter(c))
		return &Page[process.Summary]{Items: cs}, err
	})
	route(a, mux, "GET", "/api/v1/cases/{id}", "查看事项", "Show a case by id, number or other name", nil, func(c call, _ *empty) (*process.View, error) {
		return a.Cases.Show(c.ctx, c.sess.Scope(), c.r.PathValue("id"))
	})
	route(a, mux, "POST", "/api/v1/cases/{id}/{event}", "办理事项的一步", "Cause an event in a case", nil, func(c call, in *CaseAct) (*process.Summary, error) {
		return a.Cases.Act(c.ctx, c.sess, c.r.PathValue("id"), process.Event(c.r.PathValue("event")), in.Note, in.Say)
	})
	route(a, mux, "GET", "/api/v1/processes", "事项种类", "List the kinds of case", nil, func(c call, _ *empty) (*Page[KindView], error) {
		p := &Page[KindView]{Items: []KindView{}}
		for _, k := range a.Cases.Kinds() {
			p.Items = append(p.Items, *ViewOf(k.Spec()))
		}
		return p, nil
	})
	route(a, mux, "GET", "/api/v1/processes/{kind}", "一类事项的流程", "Show the process of a kind of case", nil, func(c call, _ *empty) (*KindView, error) {
		k, err := a.Cases.Kind(c.r.PathValue("kind"))
		if err != nil {
			return nil, err
		}
		return ViewOf(k.Spec()), nil
	})
}
