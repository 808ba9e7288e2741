package demo

import (
	"net/http"
	"testing"
	"time"

	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/internal/clock"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/workday"
	"github.com/kuayu/kuayu/support/deadline"
	"github.com/kuayu/kuayu/support/evidence"
)

// TestClocksRun: the acknowledgement of an application starts the same clock at both ends; unanswered, it becomes a
// violation of the provider with a fact; answered, it is met, and the time to provide runs.
func TestClocksRun(t *testing.T) {
	now := clock.NewManual(time.Now().UTC()) // certificates are judged by the machine's own clock
	f := newFixture(t, Settings{Clock: now})
	clocks := func(member, id string) []deadline.Deadline {
		t.Helper()
		cs, err := f.c.Node(member).Deadlines.Of(f.ctx, db.System("test"), "agreement/"+id)
		if err != nil {
			t.Fatal(err)
		}
		return cs
	}
	mine, theirs := f.applied(f.application())
	f.await(func() bool { return len(clocks("shanghai", mine.ID)) == 1 })
	a, b := clocks("shanghai", mine.ID)[0], clocks("zhejiang", theirs.ID)[0]
	if a.Clock != deadline.D4 || b.Clock != deadline.D4 || !a.Due.Equal(b.Due) || b.Responsible != deadline.Provider {
		t.Fatalf("two ends, two clocks: %+v %+v", a, b)
	}
	if due, _, err := workday.Builtin().AddWorkdays(b.Started.In(time.FixedZone("UTC+8", 8*60*60)), 10); err != nil || due.Format(time.DateOnly) != b.DueDay() {
		t.Fatalf("due %s, want %s (%v)", b.DueDay(), due, err)
	}
	// A second one is answered in time.
	again, granted := f.applied(f.application())
	f.call(f.as("zhejiang", "officer-zj"), http.MethodPost, "/api/v1/applications/"+granted.ID+"/answer", agreement.Grant{Fields: f.application().Fields}, nil)
	f.call(f.as("zhejiang", "head-zj"), http.MethodPost, "/api/v1/applications/"+granted.ID+"/consent-answer", nil, nil)
	f.reaches("shanghai", again.ID, agreement.Active)
	for _, k := range clocks("zhejiang", granted.ID) {
		if k.Outcome != deadline.Met {
			t.Errorf("%s: %s", k.Clock, k.Outcome)
		}
	}
	if n := len(clocks("zhejiang", granted.ID)); n != 2 {
		t.Errorf("%d clocks, want the answer's and the provision's", n)
	}
	// Nobody answers the first one.
	now.Set(b.Due.Add(-time.Minute))
	f.c.Node("zhejiang").Queue.Wake()
	time.Sleep(200 * time.Millisecond)
	violations := func() []deadline.Violation {
		t.Helper()
		p, err := f.c.Node("zhejiang").Deadlines.Violations(f.ctx, db.System("test"), deadline.ViolationQuery{})
		if err != nil {
			t.Fatal(err)
		}
		return p.Items
	}
	if v := violations(); len(v) != 0 {
		t.Fatalf("too early: %+v", v)
	}
	now.Set(b.Due.Add(time.Minute))
	f.await(func() bool { f.c.Node("zhejiang").Queue.Wake(); return len(violations()) == 1 })
	v := violations()[0]
	if v.Code != deadline.P4 || v.Offender.Member != "zhejiang" || v.Subject != "agreement/"+theirs.ID {
		t.Fatalf("violation: %+v", v)
	}
	n := f.c.Node("zhejiang")
	f.await(func() bool {
		if _, err := n.Index.Project(f.ctx); err != nil {
			t.Fatal(err)
		}
		es, err := n.Index.Find(f.ctx, db.System("test"), evidence.Query{Kind: deadline.FactOverdue})
		if err != nil {
			t.Fatal(err)
		}
		return len(es) == 1
	})
}
