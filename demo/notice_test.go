package demo

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/internal/clock"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/support/deadline"
	"github.com/kuayu/kuayu/support/notice"
)

// inbox reads an officer's inbox over the API.
func (f *fixture) inbox(member, actor string) map[notice.Kind]notice.Notice {
	f.t.Helper()
	var p notice.Page
	f.call(f.as(member, actor), http.MethodGet, "/api/v1/notices", nil, &p)
	out := map[notice.Kind]notice.Notice{}
	for _, n := range p.Items {
		out[n.Kind] = n
	}
	return out
}

// TestNoticesReachTheOffice: an application walks from desk to desk, and each hears when it is its turn; what becomes
// overdue is told to the provider and its authority, and to the applicant at its own node. Another department hears
// nothing.
func TestNoticesReachTheOffice(t *testing.T) {
	now := clock.NewManual(time.Now().UTC())
	f := newFixture(t, Settings{Clock: now, Places: []Place{Places()[0], Places()[2]}})
	mine, theirs := f.applied(f.application())
	if n, ok := f.inbox("shanghai", "head-sh")[notice.ApplicationConsent]; !ok || n.Link != "/applications/"+mine.ID {
		t.Errorf("the applicant's head: %+v", n)
	}
	n, ok := f.inbox("zhejiang", "officer-zj")[notice.ApplicationReceived]
	if !ok || n.Subject != "agreement/"+theirs.ID || n.Department != f.health || !strings.Contains(n.Zh.Body, "上海市") || !strings.Contains(n.En.Body, "Shanghai") || !strings.Contains(n.En.Title, "企业登记信息") {
		t.Fatalf("the provider's officer: %+v", n)
	}
	if strings.Contains(n.Zh.Body+n.En.Body, f.application().Scenario) {
		t.Error("what the applicant wrote is in the notice")
	}
	// Nobody else's: another role, another department, another officer's preference.
	if _, ok := f.inbox("zhejiang", "head-zj")[notice.ApplicationReceived]; ok {
		t.Error("the head got the officer's notice")
	}
	if got := f.inbox("shanghai", "officer-sh2"); len(got) != 0 {
		t.Errorf("a stranger's inbox: %+v", got)
	}
	if err := f.as("zhejiang", "head-zj").Call(f.ctx, http.MethodPost, "/api/v1/notices/"+n.ID+"/read", nil, nil); code(err) != "db.not_found" {
		t.Errorf("read by somebody else: %v", err)
	}
	f.call(f.as("zhejiang", "officer-zj"), http.MethodPost, "/api/v1/notices/"+n.ID+"/read", nil, nil)
	if n = f.inbox("zhejiang", "officer-zj")[notice.ApplicationReceived]; !n.Read {
		t.Error("not marked as read")
	}
	// How an officer is told, and where else: only by themselves, and by the operator.
	var p notice.Preference
	f.call(f.as("zhejiang", "officer-zj"), http.MethodPut, "/api/v1/notices/preferences", notice.Preference{Mail: "a@b.example", Mode: notice.Daily, Lang: "en"}, &p)
	if p.Mail != "a@b.example" || p.Mode != notice.Daily {
		t.Errorf("preferences: %+v", p)
	}
	secret := strings.Repeat("k", 40)
	var answer []byte
	f.call(f.as("zhejiang", "operator"), http.MethodPost, "/api/v1/webhooks", notice.HookRequest{Department: f.health, URL: "https://x.example/", Secret: secret}, &answer)
	if !strings.Contains(string(answer), "https://x.example/") || strings.Contains(string(answer), secret) {
		t.Errorf("web-hook: %s", answer)
	}
	var hooks struct {
		Items []notice.Hook `json:"items"`
	}
	f.call(f.as("zhejiang", "operator"), http.MethodGet, "/api/v1/webhooks", nil, &hooks)
	if len(hooks.Items) != 1 {
		t.Fatalf("web-hooks: %+v", hooks)
	}
	f.call(f.as("zhejiang", "operator"), http.MethodDelete, "/api/v1/webhooks/"+hooks.Items[0].ID, nil, nil)
	// Answered: the head, then the applicant.
	again, granted := f.applied(f.application())
	f.call(f.as("zhejiang", "officer-zj"), http.MethodPost, "/api/v1/applications/"+granted.ID+"/answer", agreement.Grant{Fields: f.application().Fields}, nil)
	if n := f.inbox("zhejiang", "head-zj")[notice.AnswerConsent]; n.Subject != "agreement/"+granted.ID {
		t.Errorf("the provider's head: %+v", n)
	}
	f.call(f.as("zhejiang", "head-zj"), http.MethodPost, "/api/v1/applications/"+granted.ID+"/consent-answer", nil, nil)
	f.reaches("shanghai", again.ID, agreement.Active)
	if n := f.inbox("shanghai", "officer-sh")[notice.ApplicationGranted]; n.Subject != "agreement/"+again.ID {
		t.Errorf("the applicant: %+v", n)
	}
	// Nobody answers the first one.
	cs, err := f.c.Node("zhejiang").Deadlines.Of(f.ctx, db.System("test"), "agreement/"+theirs.ID)
	if err != nil || len(cs) != 1 || cs[0].Clock != deadline.D4 {
		t.Fatalf("clocks: %+v %v", cs, err)
	}
	now.Set(cs[0].Due.Add(time.Minute))
	for member, actors := range map[string][]string{"zhejiang": {"authority", "officer-zj", "head-zj"}, "shanghai": {"officer-sh"}} {
		for _, actor := range actors {
			f.await(func() bool {
				f.c.Node(member).Queue.Wake()
				_, ok := f.inbox(member, actor)[notice.DeadlineOverdue]
				return ok
			})
		}
	}
	over := f.inbox("zhejiang", "authority")[notice.DeadlineOverdue]
	if over.Subject != "agreement/"+theirs.ID || over.Link != "/applications/"+theirs.ID || !strings.Contains(over.Zh.Body, cs[0].DueDay()) || !strings.Contains(over.En.Body, "answer an application") {
		t.Errorf("the authority: %+v", over)
	}
	if _, ok := f.inbox("shanghai", "authority")[notice.DeadlineOverdue]; ok {
		t.Error("told to the authority of the applicant's node")
	}
}
