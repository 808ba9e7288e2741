package rest

import (
	"net/http"
	"time"

	"github.com/kuayu/kuayu/internal/queue"
	"github.com/kuayu/kuayu/support/identity"
)

// Job is work of the node that needs an operator.
type Job struct {
	ID       string    `json:"id"`
	Kind     string    `json:"kind"`
	State    string    `json:"state"` // failed, parked; empty: on its way
	Attempts int       `json:"attempts"`
	Due      time.Time `json:"due"`
	Error    string    `json:"error,omitempty"`
	Payload  string    `json:"payload,omitempty"` // of one job alone
}

func (a *API) jobOf(j *queue.Job, whole bool) *Job {
	out := &Job{ID: j.ID, Kind: j.Kind, State: a.Queue.State(j), Attempts: j.Attempts, Due: j.RunAt, Error: j.LastError}
	if whole {
		out.Payload = j.Payload
	}
	return out
}

// jobRoutes are the queue's failed and parked jobs, for operators.
func (a *API) jobRoutes(mux *http.ServeMux) {
	operator := roles{identity.Operator}
	route(a, mux, "GET", "/api/v1/jobs", "失败与搁置的任务", "Jobs that failed for good or are parked", operator, func(c call, _ *empty) (*Page[Job], error) {
		most := limitOf(c.r)
		js, err := a.Queue.Stuck(c.ctx, c.r.URL.Query().Get("after"), most)
		out := &Page[Job]{Items: []Job{}}
		for i := range js {
			out.Items = append(out.Items, *a.jobOf(&js[i], false))
		}
		if len(js) == most {
			out.Next = js[most-1].ID
		}
		return out, err
	})
	route(a, mux, "GET", "/api/v1/jobs/{id}", "一个任务", "One job", operator, func(c call, _ *empty) (*Job, error) {
		j, err := a.Queue.Get(c.ctx, c.r.PathValue("id"))
		if err != nil {
			return nil, err
		}
		return a.jobOf(j, true), nil
	})
	route(a, mux, "POST", "/api/v1/jobs/{id}/retry", "重试失败的任务", "Let a failed job run again", operator, func(c call, _ *empty) (*Job, error) {
		j, err := a.Queue.Retry(c.ctx, c.r.PathValue("id"))
		if err != nil {
			return nil, err
		}
		return a.jobOf(j, true), nil
	})
	route(a, mux, "POST", "/api/v1/jobs/{id}/drop", "放弃任务并说明理由", "Drop a job, with the reason", operator, func(c call, in *Reason) (*empty, error) {
		return &empty{}, a.Queue.Drop(c.ctx, c.r.PathValue("id"), c.sess.Actor, in.Reason)
	})
}
