package watch

import (
	"strings"

	"github.com/kuayu/kuayu/exchange/gateway"
	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/web/staff"
	"github.com/kuayu/kuayu/web/ui"
)

// ok is the outcome of what ended well.
const ok = "ok"

// reason is an outcome in words: of an error its message, without what only the moment knew.
func reason(v *ui.View, outcome string) string {
	if outcome == ok {
		return v.Pick("成功", "Succeeded")
	}
	for _, d := range gateway.Outcomes() {
		if d.Code == outcome {
			return plainly(v, d)
		}
	}
	return v.Pick("其他原因（代码 "+outcome+"）", "Another reason (code "+outcome+")")
}

// plainly is the message of an error without the places that an instance fills.
func plainly(v *ui.View, d *errs.Def) string {
	text := v.Pick(d.Zh, d.En)
	for {
		at := strings.IndexByte(text, '%')
		if at < 0 {
			return text
		}
		end := at + 1
		for end < len(text) && strings.IndexByte("[]0123456789", text[end]) >= 0 {
			end++
		}
		end = min(end+1, len(text))
		before, after := strings.TrimRight(text[:at], " “"), strings.TrimLeft(text[end:], " ”")
		for _, pair := range [][2]string{{"（", "）"}, {" (", ")"}, {"：", ""}, {":", ""}} {
			if strings.HasSuffix(before, strings.TrimSpace(pair[0])) && strings.HasPrefix(after, pair[1]) {
				before, after = strings.TrimSuffix(strings.TrimSuffix(before, strings.TrimSpace(pair[0])), " "), after[len(pair[1]):]
				break
			}
		}
		if v.Lang == ui.English && before != "" && after != "" && after[0] != '.' && after[0] != ',' && after[0] != ';' {
			before += " "
		}
		text = before + after
	}
}

// short is the first sentence of a text.
func short(text string) string {
	for _, stop := range []string{"。", "；", "，", ". ", "; ", ", "} {
		if head, _, cut := strings.Cut(text, stop); cut {
			text = head
		}
	}
	return strings.TrimSuffix(text, ".")
}

// outcomeStatus is an outcome as a chip.
func outcomeStatus(v *ui.View, outcome string) ui.Status {
	if outcome == ok {
		return ui.Status{Tone: ui.Good, Word: reason(v, outcome)}
	}
	return ui.Status{Tone: ui.Bad, Word: short(reason(v, outcome))}
}

// sideWords says which end of an exchange this node was.
func sideWords() map[string]staff.Pair {
	return map[string]staff.Pair{
		string(gateway.Using):     {"本节点查询他方", "This node asked"},
		string(gateway.Providing): {"本节点提供数据", "This node provided"},
	}
}

// policyWords are what the policies of an agreement decide upon (support/policy/decide.go compiles them).
func policyWords() map[string]staff.Pair {
	return map[string]staff.Pair{
		"grant":        {"协议授权：部门、方式与用途相符", "granted by the agreement: department, mode and purpose fit"},
		"not-before":   {"协议尚未开始", "the agreement has not begun"},
		"not-after":    {"协议已到期", "the agreement has ended"},
		"consent":      {"须附本人同意凭证", "the person's consent is needed"},
		"default-deny": {"没有任何条款允许", "no term permits it"},
	}
}

// policies are deciding policies in words.
func policies(v *ui.View, ids []string) string {
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = staff.Say(v, policyWords(), id)
	}
	return strings.Join(out, v.Pick("；", "; "))
}

// doneWord is what the page an act leads to says of it; "" for what is no act.
func doneWord(v *ui.View, done string) string {
	return map[string]staff.Pair{
		"probe":   {"已逐个探测，结果见下表。", "Every member was asked; see below."},
		"propose": {"提案已提出，并已送达各表决成员。", "It was proposed and sent to all who vote."},
		"approve": {"已赞成。达到法定票数时自动生效。", "Approved. It takes effect with the quorum."},
		"remind":  {"督办通知已送达，并留存证。", "The reminder was sent and is in the evidence."},
		"person":  {"人员或客户端已新增。", "Added."},
		"office":  {"部门已新增。", "The department was added."},
		"disable": {"已停用，已登录的会话一并失效。", "Disabled; open sessions have ended."},
		"enable":  {"已重新启用。", "Enabled again."},
		"key":     {"公钥已更换，已登录的会话一并失效。", "The key was changed; open sessions have ended."},
		"prefer":  {"通知设置已保存。", "Your preferences are kept."},

		"hook-enable": {"回调已重新启用，从下一条通知起发送。", "Enabled again, from the next notice on."},
		"job-retry":   {"任务已重新执行。", "The job runs again."},
		"job-drop":    {"任务已放弃，理由已记录。", "The job was dropped; the reason is kept."},
		"hook-remove": {"回调已移除。", "The web-hook is removed."},
	}[done].In(v)
}

// errWord is an error in the page's language.
func errWord(v *ui.View, err error) string { return errs.As(err).Message(string(v.Lang)) }
