package staff

import (
	"strings"

	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/exchange/catalog"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/policy"
	"github.com/kuayu/kuayu/web/ui"
)

// SharingStatus is a sharing attribute as a chip.
func SharingStatus(v *ui.View, s catalog.Sharing) ui.Status {
	switch s {
	case catalog.Unconditional:
		return ui.Status{Tone: ui.Good, Word: v.Pick("无条件共享", "Shared unconditionally")}
	case catalog.Conditional:
		return ui.Status{Tone: ui.Notice, Word: v.Pick("有条件共享", "Shared conditionally")}
	case catalog.NotShared:
	}
	return ui.Status{Tone: ui.Neutral, Word: v.Pick("不予共享", "Not shared"), Icon: "lock"}
}

// Pair is a word in both languages.
type Pair [2]string

// In is the one of the view's language.
func (p Pair) In(v *ui.View) string { return v.Pick(p[0], p[1]) }

func Say(v *ui.View, m map[string]Pair, key string) string {
	if w, ok := m[key]; ok {
		return w.In(v)
	}
	return key
}

// codeWords are what the codes of a catalogue entry and of an application mean.
func codeWords() map[string]Pair {
	return map[string]Pair{
		"base": {"基础信息资源", "Basic"}, "theme": {"主题信息资源", "Thematic"}, "department": {"部门信息资源", "Departmental"},
		"realtime": {"实时更新", "updated at once"}, "daily": {"每日更新", "updated daily"}, "weekly": {"每周更新", "updated weekly"}, "monthly": {"每月更新", "updated monthly"},
		"quarterly": {"每季度更新", "updated quarterly"}, "yearly": {"每年更新", "updated yearly"}, "on_demand": {"按需更新", "updated as needed"},
		"query": {"接口查询", "query"}, "verify": {"核验（只答是或否）", "verification (yes or no only)"}, "batch": {"批量交换", "batch exchange"}, "file": {"文件下载", "file download"},
		"duty": {"履行法定职责", "a duty by law"}, "consent": {"本人同意", "the person's consent"},
		string(policy.MaskNone): {"原文", "as it is"}, string(policy.MaskName): {"只显示姓，名以 * 代替", "surname only"}, string(policy.MaskID): {"只显示证件号码首四位和末四位", "first and last four digits only"},
		string(policy.MaskPhone): {"号码中间四位以 * 代替", "the middle digits hidden"}, string(policy.MaskAddress): {"只显示到区县", "down to the district only"},
		string(policy.MaskHash): {"以不可还原的代号代替", "replaced by a code that can't be turned back"}, string(policy.MaskNull): {"不显示内容", "left empty"},
	}
}

// purposeWords are the purposes that have a code: those of the demonstration. Any other purpose is said as it was typed.
func purposeWords() map[string]Pair {
	return map[string]Pair{
		"cross-province-service": {"跨省通办", "cross-province service"}, "enterprise-service": {"企业服务", "service for enterprises"},
	}
}

// Purpose is a purpose in words.
func Purpose(v *ui.View, p string) string { return Say(v, purposeWords(), p) }

// Purposes are purposes in words.
func Purposes(v *ui.View, list []string) string {
	out := make([]string, len(list))
	for i, p := range list {
		out[i] = Purpose(v, p)
	}
	return strings.Join(out, v.Pick("、", ", "))
}

// Word is what a code means.
func Word(v *ui.View, code string) string { return Say(v, codeWords(), code) }

// MaskWord says what of an item is shown.
func MaskWord(v *ui.View, m policy.Mask) string {
	count := v.Number(int64(m.N))
	switch m.Kind { //nolint:exhaustive // the others have no number
	case policy.MaskKeepFirst:
		return v.Pick("只显示前 "+count+" 个字符", "the first "+count+" characters only")
	case policy.MaskKeepLast:
		return v.Pick("只显示后 "+count+" 个字符", "the last "+count+" characters only")
	}
	return Word(v, string(m.Kind))
}

// GradeWord is a grade of sensitivity.
func GradeWord(v *ui.View, grade int) string {
	return v.Pick(v.Number(int64(grade))+" 级", "grade "+v.Number(int64(grade)))
}

// RoleWord is a role for people.
func RoleWord(v *ui.View, r identity.Role) string {
	return v.Pick(r.Zh(), strings.ReplaceAll(string(r), "_", " "))
}

// ItemShown says how much of an item its user gets to see.
func ItemShown(v *ui.View, it *catalog.Item) string {
	switch {
	case it.Sharing == catalog.NotShared:
		return v.Pick("不予共享", "not shared")
	case it.Verify:
		return v.Pick("只供核验，不显示内容", "for verification only")
	}
	return MaskWord(v, it.Mask)
}

// StateWord is a state in both languages.
func StateWord(s agreement.State) Pair {
	w := agreement.Table().StateWords(s)
	return Pair{w.Zh, w.En}
}

// stateTone is how a state of an application or agreement is coloured.
func stateTone(s agreement.State) ui.Tone {
	switch s {
	case agreement.Approved, agreement.Verified, agreement.Active:
		return ui.Good
	case agreement.Supplement, agreement.Extended, agreement.Rectifying, agreement.Disposal:
		return ui.Warning
	case agreement.Suspended, agreement.Terminated, agreement.Refused:
		return ui.Bad
	case agreement.Draft, agreement.Expired, agreement.Closed, agreement.Withdrawn:
		return ui.Neutral
	}
	return ui.Notice
}

// StatusOf is a state as a chip.
func StatusOf(v *ui.View, s agreement.State) ui.Status {
	if agreement.Table().State(s) == nil {
		return ui.Status{Tone: ui.Neutral, Word: string(s)}
	}
	return ui.Status{Tone: stateTone(s), Word: StateWord(s).In(v)}
}
