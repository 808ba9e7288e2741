package catalog

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/support/identity"
)

// TestIntoTheCatalogue walks an entry from draft to publication, with what must happen before each step and who hears of
// it (Decree 809 art. 13, 16).
func TestIntoTheCatalogue(t *testing.T) { onBoth(t, testIntoTheCatalogue) }

func testIntoTheCatalogue(t *testing.T, s *fixture) {
	ctx := t.Context()
	x := sound("330000/people", "人口信息")
	x.Items = append(x.Items, Item{Name: "name", Title: "姓名", Type: "C", Grade: 2, Subject: true})
	e := s.draft(x)
	if e.State != Draft || e.Version != 1 || e.InForce != 0 || len(e.Missing) != 2 {
		t.Fatalf("draft: %+v", e)
	}
	// Both assessments are gates: of the risk to secrets always, of the impact on persons because of the item.
	if got := s.refused2(s.Submit(ctx, officerOf(deptA), x.Code))(ErrGate); got != "assessments assessments" {
		t.Errorf("without assessments: %s", got)
	}
	s.must(s.Assess(ctx, officerOf(deptA), x.Code, passed(Confidentiality)))
	failed := passed(Privacy)
	failed.Pass = false
	s.must(s.Assess(ctx, officerOf(deptA), x.Code, failed))
	if got := s.refused2(s.Submit(ctx, officerOf(deptA), x.Code))(ErrGate); got != "assessments" {
		t.Errorf("with a failed assessment: %s", got)
	}
	s.must(s.Assess(ctx, officerOf(deptA), x.Code, passed(Privacy)))
	// An assessment is of one version: another version needs its own.
	x.Abstract = "新的摘要"
	s.draft(x)
	s.refused2(s.Submit(ctx, officerOf(deptA), x.Code))(ErrGate)
	s.assess(x.Code)
	s.board.heard()
	e = s.must(s.Submit(ctx, officerOf(deptA), x.Code))
	if e.State != Submitted || e.SubmittedBy != "officer" || s.board.heard() != "entry.submitted>A:department_head" {
		t.Errorf("submitted: %+v", e)
	}
	s.refused2(s.Save(ctx, officerOf(deptA), x, "", ""))(ErrState)
	s.refused2(s.Publish(ctx, regulator(), x.Code))(ErrState) // not signed yet
	// The head of the office is not the head of the department, and nobody signs what they submitted.
	s.refused2(s.Sign(ctx, session(deptA, "head", identity.OfficeHead), x.Code))(identity.ErrRole)
	s.refused2(s.Sign(ctx, session(deptA, "officer", identity.DataOfficer, identity.DepartmentHead), x.Code))(ErrTwoPeople)
	s.refused2(s.Return(ctx, chiefOf(deptA), x.Code, " "))(ErrReason)
	e = s.must(s.Return(ctx, chiefOf(deptA), x.Code, "摘要不清"))
	if e.State != Draft || e.Reason != "摘要不清" || s.board.heard() != "entry.returned>A:data_officer" {
		t.Errorf("returned: %+v", e)
	}
	s.must(s.Submit(ctx, officerOf(deptA), x.Code)) // unchanged: its assessments still count
	s.board.heard()
	e = s.must(s.Sign(ctx, chiefOf(deptA), x.Code))
	if e.State != Signed || e.SignedBy != "chief" || s.board.heard() != "entry.signed>:authority" || s.facts("catalog.sign") != 1 {
		t.Errorf("signed: %+v", e)
	}
	if got := s.ticking(x.Code); got != "" { // the law gives no figure for a first approval, and this region none
		t.Errorf("clocks: %s", got)
	}
	s.refused2(s.Publish(ctx, session(deptA, "chief", identity.Authority), x.Code))(ErrTwoPeople)
	if _, err := s.Get(ctx, db.Scope{}, x.Code); !errors.Is(err, ErrNoSuch) {
		t.Errorf("seen before it is published: %v", err)
	}
	e = s.must(s.Publish(ctx, regulator(), x.Code))
	if e.State != Published || e.InForce != 2 || e.ReviewedBy != "regulator" {
		t.Errorf("published: %+v", e)
	}
	if got := s.board.heard(); got != "entry.published>A:data_officer entry.published>B:data_officer" {
		t.Errorf("announced: %s", got)
	}
	r, err := s.Get(ctx, db.Scope{}, x.Code)
	if err != nil || r.State != Published || r.Version != 2 || r.Published == nil || r.Abstract != "新的摘要" {
		t.Errorf("seen: %+v %v", r, err)
	}
	hs, err := s.History(ctx, officerOf(deptA).Scope(), x.Code)
	var got []string
	for _, h := range hs {
		got = append(got, string(h.Event))
	}
	if want := "describe assess assess assess describe assess assess submit return submit sign publish"; err != nil || strings.Join(got, " ") != want {
		t.Errorf("history: %v %v", got, err)
	}
}

// refused2 is refused of what an act returned.
func (r *fixture) refused2(_ *Dossier, err error) func(*errs.Def) string {
	r.t.Helper()
	return func(want *errs.Def) string {
		r.t.Helper()
		return r.refused(err, want)
	}
}

// TestUpdates: what is in force stays while the next version goes its way; a change of law starts D1, the signature D2,
// the publication ends it; what the authority rejects is due again (Decree 809 art. 17).
func TestUpdates(t *testing.T) { onBoth(t, testUpdates) }

func testUpdates(t *testing.T, s *fixture) {
	ctx := t.Context()
	x := sound("330000/x", "登记信息")
	s.publish(x)
	since := s.clock.Now().Add(-24 * time.Hour)
	for name, bad := range map[string]Demand{
		"cause what since": {}, "cause": {Cause: "weather", What: "甲", Since: since}, "since": {Cause: LawChanged, What: "甲", Since: s.clock.Now().Add(time.Hour)},
	} {
		if got := s.refused2(s.NoteChange(ctx, officerOf(deptA), x.Code, bad))(ErrResource); got != name {
			t.Errorf("%s: %s", name, got)
		}
	}
	s.refused2(s.AskExtension(ctx, officerOf(deptA), x.Code, 3, "理由"))(ErrNoAsk) // nothing is due
	s.board.heard()
	e := s.must(s.NoteChange(ctx, regulator(), x.Code, Demand{Cause: LawChanged, What: "某法修订", Since: since}))
	if e.Demand == nil || e.Demand.By != "regulator" || s.board.heard() != "entry.changed>A:data_officer:department_head" {
		t.Errorf("noted: %+v", e)
	}
	// From Sunday, 1 March: ten working days end on Friday, 13 March.
	if got := s.ticking(x.Code); got != "D1=2026-03-13" {
		t.Errorf("D1: %s", got)
	}
	s.refused2(s.AskExtension(ctx, officerOf(deptA), x.Code, 6, "理由"))(ErrResource)
	s.refused2(s.ConsentExtension(ctx, regulator(), x.Code))(ErrNoAsk)
	s.must(s.AskExtension(ctx, officerOf(deptA), x.Code, 5, "系统改造"))
	s.must(s.RefuseExtension(ctx, regulator(), x.Code, "理由不足"))
	s.must(s.AskExtension(ctx, officerOf(deptA), x.Code, 5, "系统改造，附方案"))
	s.refused2(s.ConsentExtension(ctx, session(deptA, "officer", identity.Authority), x.Code))(ErrTwoPeople)
	s.must(s.ConsentExtension(ctx, regulator(), x.Code))
	if got := s.ticking(x.Code); got != "D1=2026-03-20" {
		t.Errorf("D1, extended: %s", got)
	}
	s.refused2(s.AskExtension(ctx, officerOf(deptA), x.Code, 1, "再延"))(ErrNoAsk) // once
	// The next version: in force stays what is in force.
	x.Name = "登记信息（新）"
	if e = s.draft(x); e.State != Updating || e.Version != 2 || e.InForce != 1 {
		t.Errorf("updating: %+v", e)
	}
	visible := func(want string) {
		t.Helper()
		if r, err := s.Get(ctx, db.Scope{}, x.Code); err != nil || r.Name != want || r.State != Published {
			t.Errorf("in force: %+v %v, want %s", r, err, want)
		}
	}
	visible("登记信息")
	s.sign(x.Code)
	if got := s.ticking(x.Code); got != "D2=2026-03-04" {
		t.Errorf("D2: %s", got)
	}
	visible("登记信息")
	e = s.must(s.Reject(ctx, regulator(), x.Code, "名称含糊"))
	if got := s.ticking(x.Code); e.State != Updating || e.Demand == nil || got != "D1=2026-03-16" {
		t.Errorf("rejected: %+v, clocks %s", e, got)
	}
	x.Name = "企业登记信息"
	s.draft(x)
	s.sign(x.Code)
	if e = s.must(s.Publish(ctx, regulator(), x.Code)); e.Demand != nil || e.InForce != 3 || s.ticking(x.Code) != "" {
		t.Errorf("updated: %+v, clocks %s", e, s.ticking(x.Code))
	}
	visible("企业登记信息")
	// An update that is dropped leaves what is in force.
	x.Name = "丙"
	s.draft(x)
	if e = s.must(s.Discard(ctx, officerOf(deptA), x.Code)); e.State != Published || e.InForce != 3 || e.Resource.Name != "企业登记信息" {
		t.Errorf("dropped: %+v", e)
	}
	visible("企业登记信息")
	x.Name = "丁"
	if e = s.draft(x); e.Version != 5 {
		t.Errorf("versions are not used twice: %d", e.Version)
	}
}

// TestWithdrawal: in force until the authority has it on file; then the code is not used again.
func TestWithdrawal(t *testing.T) { onBoth(t, testWithdrawal) }

func testWithdrawal(t *testing.T, s *fixture) {
	ctx := t.Context()
	x := sound("330000/x", "登记信息")
	s.publish(x)
	s.refused2(s.Withdraw(ctx, chiefOf(deptA), x.Code, ""))(ErrReason)
	s.board.heard()
	e := s.must(s.Withdraw(ctx, chiefOf(deptA), x.Code, "职责取消"))
	if e.State != RevokePending || s.board.heard() != "entry.withdrawal>:authority" {
		t.Errorf("asked: %+v", e)
	}
	if _, err := s.Get(ctx, db.Scope{}, x.Code); err != nil {
		t.Errorf("gone before it is on file: %v", err)
	}
	if e = s.must(s.RefuseWithdrawal(ctx, regulator(), x.Code, "仍有使用")); e.State != Published || e.Reason != "仍有使用" {
		t.Errorf("refused: %+v", e)
	}
	s.must(s.Withdraw(ctx, chiefOf(deptA), x.Code, "职责取消"))
	s.board.heard()
	e = s.must(s.FileWithdrawal(ctx, regulator(), x.Code))
	if got := s.board.heard(); e.State != Revoked || e.InForce != 0 || got != "entry.withdrawn>A:data_officer entry.withdrawn>B:data_officer" {
		t.Errorf("filed: %+v %s", e, got)
	}
	if _, err := s.Get(ctx, db.Scope{}, x.Code); !errors.Is(err, ErrNoSuch) {
		t.Errorf("still there: %v", err)
	}
	s.refused2(s.Save(ctx, officerOf(deptA), x, "", ""))(ErrState)
	// A draft that never was in force is gone when it is dropped, and its code stays the department's.
	y := sound("330000/y", "另一条")
	s.draft(y)
	if e = s.must(s.Discard(ctx, officerOf(deptA), y.Code)); e.State != Deleted {
		t.Errorf("dropped: %+v", e)
	}
	if _, err := s.Get(ctx, officerOf(deptA).Scope(), y.Code); !errors.Is(err, ErrNoSuch) {
		t.Errorf("still there: %v", err)
	}
	s.refused2(s.Save(ctx, officerOf(deptB), y, "", ""))(ErrTaken)
	if e = s.draft(y); e.State != Draft || e.Version != 2 {
		t.Errorf("described again: %+v", e)
	}
}

// TestRefusedStoresNothing: whoever is of another department or has the wrong role, and whatever is not valid, leaves
// every table as it was.
func TestRefusedStoresNothing(t *testing.T) { onBoth(t, testRefusedStoresNothing) }

func testRefusedStoresNothing(t *testing.T, s *fixture) {
	ctx := t.Context()
	s.publish(sound("330000/x", "登记信息"))
	s.draft(sound("330000/d", "草稿"))
	before := s.rows()
	bad := sound("330000/b", "坏")
	bad.UpdateCycle = "sometimes"
	spaced := sound("330000/a b", "坏")
	for name, err := range map[string]func() error{
		"save as chief":      func() error { _, err := s.Save(ctx, chiefOf(deptA), sound("330000/n", "新"), "", ""); return err },
		"save invalid":       func() error { _, err := s.Save(ctx, officerOf(deptA), bad, "", ""); return err },
		"save bad code":      func() error { _, err := s.Save(ctx, officerOf(deptA), spaced, "", ""); return err },
		"save of another":    func() error { _, err := s.Save(ctx, officerOf(deptB), sound("330000/d", "抢占"), "", ""); return err },
		"assess of another":  func() error { _, err := s.Assess(ctx, officerOf(deptB), "330000/d", passed(Privacy)); return err },
		"assess invalid":     func() error { _, err := s.Assess(ctx, officerOf(deptA), "330000/d", Assessment{}); return err },
		"assess published":   func() error { _, err := s.Assess(ctx, officerOf(deptA), "330000/x", passed(Privacy)); return err },
		"submit of another":  func() error { _, err := s.Submit(ctx, officerOf(deptB), "330000/d"); return err },
		"sign of another":    func() error { _, err := s.Sign(ctx, chiefOf(deptB), "330000/d"); return err },
		"publish as chief":   func() error { _, err := s.Publish(ctx, chiefOf(deptA), "330000/d"); return err },
		"publish a draft":    func() error { _, err := s.Publish(ctx, regulator(), "330000/d"); return err },
		"reject as officer":  func() error { _, err := s.Reject(ctx, officerOf(deptA), "330000/d", "x"); return err },
		"discard of another": func() error { _, err := s.Discard(ctx, officerOf(deptB), "330000/d"); return err },
		"file as chief":      func() error { _, err := s.FileWithdrawal(ctx, chiefOf(deptA), "330000/x"); return err },
		"withdraw a draft":   func() error { _, err := s.Withdraw(ctx, chiefOf(deptA), "330000/d", "x"); return err },
		"note for another": func() error {
			_, err := s.NoteChange(ctx, officerOf(deptB), "330000/x", Demand{Cause: LawChanged, What: "x", Since: s.clock.Now()})
			return err
		},
		"nobody": func() error { _, err := s.Submit(ctx, nil, "330000/d"); return err },
	} {
		if err() == nil {
			t.Errorf("%s: not refused", name)
		}
	}
	if after := s.rows(); after != before {
		t.Errorf("what was refused left something:\n%s\n%s", before, after)
	}
	if _, err := s.Dossier(ctx, officerOf(deptB).Scope(), "330000/x"); !errors.Is(err, ErrNoSuch) {
		t.Errorf("another department sees where a published entry stands: %v", err)
	}
}
