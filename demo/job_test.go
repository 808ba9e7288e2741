package demo

import (
	"context"
	"net/http"
	"net/url"
	"testing"

	"github.com/kuayu/kuayu/api/rest"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/queue"
)

// TestFailedJobs: the operator sees what failed for good and what is parked, tries it again, or drops it with a reason, on
// the page and by REST; nobody else sees or does any of it.
func TestFailedJobs(t *testing.T) {
	f := newFixture(t, Settings{})
	n := f.c.Node("shanghai")
	operator := f.officer("shanghai", "operator")
	says(t, f.page(operator, "/jobs"), "没有失败的任务")
	err := n.DB.Write(f.ctx, func(ctx context.Context, tx *db.Tx) error {
		for _, j := range []queue.Job{{ID: "peer.send/1", Kind: "peer.send", Payload: "{"}, {ID: "later.kind/1", Kind: "later.kind"}} {
			if err := n.Queue.Enqueue(ctx, tx, j); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	f.await(func() bool { js, err := n.Queue.Dead(f.ctx); return err == nil && len(js) == 1 })
	if h := n.Health(f.ctx); h.Status != "degraded" || h.Dead != 1 || h.Parked != 1 {
		t.Errorf("health: %+v", h)
	}
	says(t, f.page(operator, "/jobs"), "向成员送达消息", "已失败", "已搁置", "peer.send/1", "放弃的理由")
	one, two := "/jobs/"+url.PathEscape("peer.send/1"), "/jobs/"+url.PathEscape("later.kind/1")
	for _, actor := range []string{"officer-sh", "head-sh", "chief-sh", "authority", "auditor"} {
		v := f.officer("shanghai", actor)
		if code, _, _ := v.do("GET", "/jobs", nil); code != http.StatusForbidden {
			t.Errorf("%s: %d", actor, code)
		}
		f.turned(v, one+"/retry", nil, http.StatusForbidden)
		f.turned(v, one+"/drop", url.Values{"reason": {"理由"}}, http.StatusForbidden)
	}
	f.turned(operator, one+"/nothing", nil, http.StatusNotFound)
	f.turned(operator, "/jobs/none/retry", nil, http.StatusNotFound)
	f.turned(operator, one+"/drop", url.Values{"reason": {" "}}, http.StatusBadRequest)
	f.turned(operator, one+"/retry", nil, http.StatusSeeOther)
	f.await(func() bool { js, err := n.Queue.Dead(f.ctx); return err == nil && len(js) == 1 }) // it failed again
	f.turned(operator, one+"/drop", url.Values{"reason": {"对方已退出"}}, http.StatusSeeOther)

	cl := f.as("shanghai", "operator")
	var page rest.Page[rest.Job]
	f.call(cl, http.MethodGet, "/api/v1/jobs", nil, &page)
	if len(page.Items) != 1 || page.Items[0].State != queue.Parked {
		t.Errorf("by REST: %+v", page.Items)
	}
	var j rest.Job
	f.call(cl, http.MethodGet, "/api/v1"+two, nil, &j)
	if j.Kind != "later.kind" {
		t.Errorf("one by REST: %+v", j)
	}
	f.call(cl, http.MethodPost, "/api/v1"+two+"/drop", rest.Reason{Reason: "试验"}, nil)
	if h := n.Health(f.ctx); h.Status != "ok" {
		t.Errorf("health: %+v", h)
	}
}
