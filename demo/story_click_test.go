package demo

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/kuayu/kuayu/internal/webtest"
)

// newcomer is a visitor who knows the address of the demonstration and nothing else. What it takes is counted.
type newcomer struct {
	t     *testing.T
	p     *webtest.Page
	judge func(*webtest.Page, string)
	loads int // pages that were loaded
	steps int // forms that were sent
}

// follow follows a link or sends a form, and counts it.
func (n *newcomer) follow(selector string) {
	n.t.Helper()
	n.p.Click(selector)
	n.loads++
}

func (n *newcomer) send(selector string) {
	n.t.Helper()
	n.follow(selector)
	n.steps++
}

// leg follows the tour's step, as whoever has it in hand.
func (n *newcomer) leg(i int) {
	n.t.Helper()
	n.follow("#tour li:nth-child(" + strconv.Itoa(i) + ") a.button")
}

// ticked reports whether a step of the tour is done, looking again until it is.
func (n *newcomer) ticked(i int) {
	n.t.Helper()
	for deadline := time.Now().Add(15 * time.Second); !n.p.Has("#tour li:nth-child(" + strconv.Itoa(i) + ") .chip.good"); n.p.Again() {
		if time.Now().After(deadline) {
			n.t.Fatalf("step %d of the tour is not done: %s", i, n.p.Text("#tour"))
		}
	}
}

// took fails the test when a task takes more than it may, and begins to count anew.
func (n *newcomer) took(task string, maxSteps, maxLoads int) {
	n.t.Helper()
	n.t.Logf("%s: %d forms, %d pages", task, n.steps, n.loads)
	if n.steps > maxSteps || n.loads > maxLoads {
		n.t.Errorf("%s takes %d forms and %d pages, may take %d and %d", task, n.steps, n.loads, maxSteps, maxLoads)
	}
	n.steps, n.loads = 0, 0
}

// TestStoryByClicking walks the demonstration as somebody who has its address alone: from the page of roles through the
// five steps of the tour, by what is on the pages. What it takes is counted and must not grow.
func TestStoryByClicking(t *testing.T) {
	b := webtest.Open(t)
	f := newFixture(t, Settings{Stage: true})
	f.c.stage.raise() // what the fixture did is not the visitor's
	begin := time.Now()
	n := &newcomer{t: t, judge: judging(t), p: b.Visit(root(f.c.Node("shanghai"))+"/demo", 1440)}
	n.judge(n.p, "demo-roles")
	n.p.Resize(1440)
	const next = "main form .acts button"

	// Share: five pages of the wizard and one for the assessment, which hands it in. Then two signatures.
	n.leg(1)
	n.p.Pick("#f-table", "数据源 biz・表 enterprise・7 列")
	n.send(next)
	n.p.Fill(map[string]string{"#f-name": "企业名录", "#f-abstract": "在浙江登记的企业"})
	n.send(next)
	n.send(next)
	n.p.Fill(map[string]string{"#f-conditions": "限于履行法定职责", "#f-share_scope": "长三角各级政府部门", "#f-use_purpose": "企业服务"})
	n.send(next)
	n.send(next)
	n.p.Tick("details.ask summary")
	report := filepath.Join(t.TempDir(), "report.pdf")
	if err := os.WriteFile(report, []byte("评估报告"), 0o600); err != nil {
		t.Fatal(err)
	}
	n.p.Fill(map[string]string{"#f-assessor": "评估小组", "#f-text": "未见风险"})
	n.p.Tick("#f-pass-yes")
	n.p.Attach("#f-digest", report)
	n.send("form[action$='/assess'] .acts button")
	if s := n.p.Text(".toast"); !strings.Contains(s, "已提交") {
		t.Fatalf("handed in: %s", s)
	}
	n.judge(n.p, "demo-shared")
	n.p.Resize(1440)
	n.took("share", 6, 7)
	n.leg(1)
	n.p.Tick("details.ask summary")
	n.send("form[action$='/sign'] .acts button")
	n.leg(1)
	n.p.Tick("details.ask summary")
	n.send("form[action$='/publish'] .acts button")
	n.ticked(1)
	n.took("sign and publish", 2, 4)

	// Apply: four pages.
	n.leg(2)
	n.p.Fill(map[string]string{"#f-citation": "企业信息公示暂行条例第十二条", "#f-purposes": "企业跨省迁移", "#f-scenario": "为企业办理跨省迁移"})
	n.send(next)
	n.p.Tick("#f-fields-uscc", "#f-fields-name") // there is one mode, and it is ticked
	n.send(next)
	n.p.Fill(map[string]string{"#f-valid_until": f.c.Clock.Now().AddDate(0, 6, 0).Format("2006-01-02"), "#f-scope": "仅限窗口办理"})
	n.send(next)
	n.p.Tick("#f-declared-yes")
	n.send(next)
	n.took("apply", 4, 5)
	n.leg(2)
	n.p.Tick("details.ask summary")
	n.send("form[action$='/consent'] .acts button")
	n.ticked(2)
	n.took("the head sends it out", 1, 2)

	// Approve: from each one's workbench two clicks, the case and the button.
	id := ""
	f.await(func() bool {
		for _, x := range f.reviewing("zhejiang") {
			id = x.ID
		}
		return id != ""
	})
	n.p = b.Visit(root(f.c.Node("zhejiang"))+"/demo/as/officer-zj", 1440)
	n.follow(".todos a[href='/applications/" + id + "']")
	n.send("form[action$='/answer'] .acts button")
	n.took("answer, from the workbench", 1, 2)
	n.p = b.Visit(root(f.c.Node("zhejiang"))+"/demo/as/head-zj", 1440)
	n.follow(".todos a[href='/applications/" + id + "']")
	n.p.Tick("details.ask summary")
	n.send("form[action$='/consent-answer'] .acts button")
	n.ticked(3)
	n.took("consent, from the workbench", 1, 2)

	// Query, on the page of the agreement.
	n.leg(4)
	if !n.p.Has("form[action$='/try']") {
		n.follow("main a[href^='/agreements/']")
	}
	n.send("form[action$='/try'] .acts button")
	n.ticked(4)
	n.took("query", 1, 3)

	// Verify.
	n.leg(5)
	n.follow("main a.button[href$='check=1']")
	n.ticked(5)
	if s := n.p.Text("#tour"); strings.Count(s, "已完成") != legs+1 { // the five, and the count of them
		t.Errorf("the tour at its end: %s", s)
	}
	n.judge(n.p, "demo-verified")
	n.took("verify", 0, 2)
	if d := time.Since(begin); d > 5*time.Minute {
		t.Errorf("the whole of it took %s", d)
	}

	// The tour can be closed and opened again.
	n.p.Resize(1440)
	n.follow("#tour > p:last-child a")
	if n.p.Has("#tour") || !n.p.Has(".demo a[href*='tour=1']") {
		t.Error("the tour does not close")
	}
	n.follow(".demo a[href*='tour=1']")
	if !n.p.Has("#tour") {
		t.Error("the tour does not open again")
	}
}
