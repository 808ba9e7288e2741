package share

import (
	"strings"

	"github.com/kuayu/kuayu/exchange/catalog"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/policy"
	"github.com/kuayu/kuayu/web/staff"
	"github.com/kuayu/kuayu/web/ui"
)

// entryStatus is where an entry stands, as a chip.
func entryStatus(v *ui.View, s catalog.State) ui.Status {
	tone := ui.Notice
	switch s {
	case catalog.Published:
		tone = ui.Good
	case catalog.RevokePending:
		tone = ui.Warning
	case catalog.Revoked, catalog.Deleted, catalog.New, catalog.Draft:
		tone = ui.Neutral
	case catalog.Submitted, catalog.Signed, catalog.Updating, catalog.UpdateSubmitted, catalog.UpdateSigned:
	}
	words := catalog.Table().StateWords(s)
	first, rest, _ := strings.Cut(words.En, " ")
	english := strings.TrimSpace(strings.ToUpper(first[:1]) + first[1:] + " " + rest)
	return ui.Status{Tone: tone, Word: v.Pick(words.Zh, english)}
}

// nobody is whose turn it is when nothing is to be done.
func nobody(v *ui.View) string { return v.Pick("无", "no one") }

// turn says whose turn an entry is and what comes next.
func turn(v *ui.View, s catalog.State) (whose, next string) {
	words := map[catalog.State][2]staff.Pair{
		catalog.Draft:           {{"本部门数据专员", "The department's data officer"}, {"补齐评估后提交部门负责人签发。", "Complete the assessments, then hand it to the head of the department."}},
		catalog.Submitted:       {{"部门负责人", "The head of the department"}, {"签发或退回。", "Sign it or send it back."}},
		catalog.Signed:          {{"主管部门", "The authority"}, {"审核后发布。", "Review and publish it."}},
		catalog.Published:       {{"无", "no one"}, {"在用。内容有变化时更新。", "In use. Update it when something changes."}},
		catalog.Updating:        {{"本部门数据专员", "The department's data officer"}, {"补齐评估后提交更新。", "Complete the assessments, then hand in the update."}},
		catalog.UpdateSubmitted: {{"部门负责人", "The head of the department"}, {"签发更新或退回。", "Sign the update or send it back."}},
		catalog.UpdateSigned:    {{"主管部门", "The authority"}, {"审核更新后发布。", "Review and publish the update."}},
		catalog.RevokePending:   {{"主管部门", "The authority"}, {"撤销备案，或不同意撤销。", "File the withdrawal, or refuse it."}},
		catalog.Revoked:         {{"无", "no one"}, {"已退出目录；已有协议按约定办理。", "Out of the catalogue; agreements go on by their terms."}},
		catalog.Deleted:         {{"无", "no one"}, {"草稿已删除；可用原编码重新编目。", "The draft is gone; the code can be described anew."}},
	}
	w := words[s]
	return w[0].In(v), w[1].In(v)
}

// versionsWord says which version is in force and which is being worked on.
func versionsWord(v *ui.View, e *catalog.Dossier) string {
	number := func(n int) string { return v.Number(int64(n)) }
	switch e.InForce {
	case 0:
		return v.Pick("第 "+number(e.Version)+" 版（未发布）", "version "+number(e.Version)+" (not published)")
	case e.Version:
		return v.Pick("在用第 "+number(e.InForce)+" 版", "version "+number(e.InForce)+" in force")
	}
	return v.Pick("在用第 "+number(e.InForce)+" 版，在办第 "+number(e.Version)+" 版", "version "+number(e.InForce)+" in force, "+number(e.Version)+" being worked on")
}

// typeWord is a type of the guide of 2017.
func typeWord(v *ui.View, letter string) string {
	return staff.Say(v, map[string]staff.Pair{
		"C": {"字符", "text"}, "N": {"数值", "number"}, "Y": {"货币", "money"}, "D": {"日期", "date"}, "T": {"日期时间", "date and time"}, "L": {"是否", "yes or no"},
		"M": {"长文本", "long text"}, "G": {"其他", "other"}, "B": {"小数", "decimal"}, "I": {"整数", "integer"}, "F": {"小数", "decimal"},
	}, letter)
}

// The degrees of personal information, as a form asks for them.
const (
	personNone    = "none"
	personAbout   = "personal" // says something about a person
	personSubject = "subject"  // says who it is
)

func personOf(it *catalog.Item) string {
	switch {
	case it.Subject:
		return personSubject
	case it.Personal:
		return personAbout
	}
	return personNone
}

func personOptions(v *ui.View) []ui.Option {
	return []ui.Option{
		{Value: personNone, Label: v.Pick("不是个人信息", "Not about a person")},
		{Value: personAbout, Label: v.Pick("是个人信息", "Personal information")},
		{Value: personSubject, Label: v.Pick("能认出具体个人", "Identifies a person")},
	}
}

// What is shown of an item besides a mask.
const (
	shownVerify  = "verify"  // compared, never shown
	shownNothing = "nothing" // not shared
)

// shownOptions are how much of an item its users may get to see.
func shownOptions(v *ui.View, now string) []ui.Option {
	masks := []string{"", "name", "id", "phone", "address", "keep_first:4", "keep_last:4", "hash", "null"}
	var out []ui.Option
	had := false
	for _, m := range masks {
		mask, _ := policy.ParseMask(m)
		out, had = append(out, ui.Option{Value: m, Label: staff.MaskWord(v, mask)}), had || m == now
	}
	if mask, err := policy.ParseMask(now); err == nil && !had {
		out = append(out, ui.Option{Value: now, Label: staff.MaskWord(v, mask)})
	}
	return append(out, ui.Option{Value: shownVerify, Label: v.Pick("只供核验，不显示内容", "For verification only")}, ui.Option{Value: shownNothing, Label: v.Pick("不予共享", "Not shared")})
}

func shownOf(it *catalog.Item) string {
	switch {
	case it.Sharing == catalog.NotShared:
		return shownNothing
	case it.Verify:
		return shownVerify
	}
	return it.Mask.String()
}

func gradeOptions(v *ui.View) []ui.Option {
	var out []ui.Option
	for g := 1; g <= 4; g++ {
		out = append(out, ui.Option{Value: string(rune('0' + g)), Label: staff.GradeWord(v, g)})
	}
	return out
}

// coded are options whose words the desk knows.
func coded(v *ui.View, codes ...string) []ui.Option {
	out := make([]ui.Option, len(codes))
	for i, c := range codes {
		out[i] = ui.Option{Value: c, Label: staff.Word(v, c)}
	}
	return out
}

func instrumentOptions(v *ui.View) []ui.Option {
	return []ui.Option{
		{Value: string(catalog.Law), Label: v.Pick("法律", "A law")},
		{Value: string(catalog.Regulation), Label: v.Pick("行政法规", "An administrative regulation")},
		{Value: string(catalog.StateDecision), Label: v.Pick("国务院决定", "A decision of the State Council")},
	}
}

func sharingOptions(v *ui.View) []ui.Option {
	var out []ui.Option
	for _, s := range []catalog.Sharing{catalog.Unconditional, catalog.Conditional, catalog.NotShared} {
		out = append(out, ui.Option{Value: string(s), Label: staff.SharingStatus(v, s).Word})
	}
	return out
}

// owns reports whether a visitor is of a department and has one of the roles.
func owns(q staff.Visit, department string, roles ...identity.Role) bool {
	return q.Sess.Department == department && q.Sess.Has(roles...)
}
