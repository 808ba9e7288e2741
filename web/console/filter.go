package console

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/kuayu/kuayu/exchange/catalog"
	"github.com/kuayu/kuayu/support/policy"
	"github.com/kuayu/kuayu/web/staff"
	"github.com/kuayu/kuayu/web/ui"
)

// opWords says the operators between an item and its value.
func opWords() map[policy.Op]staff.Pair {
	return map[policy.Op]staff.Pair{
		policy.Eq: {"等于", "is"}, policy.Ne: {"不等于", "is not"}, policy.Lt: {"小于", "is below"}, policy.Le: {"不大于", "is at most"},
		policy.Gt: {"大于", "is above"}, policy.Ge: {"不小于", "is at least"}, policy.In: {"为其中之一", "is one of"}, policy.Prefix: {"开头为", "begins with"},
	}
}

// formOps are the operators that a form offers, in its order.
func formOps() []policy.Op {
	return []policy.Op{policy.Eq, policy.In, policy.Prefix, policy.Ge, policy.Le, policy.Ne}
}

// filterWord is a row filter in words.
func filterWord(v *ui.View, nm *staff.Names, member, code string, p *policy.Predicate) string {
	name := ""
	if p.Item != "" {
		name = nm.Items(member, code, []string{p.Item})[0]
	}
	args := make([]string, len(p.Args))
	for i, a := range p.Args {
		args[i] = filterWord(v, nm, member, code, a)
		if a.Op == policy.Or && len(p.Args) > 1 {
			args[i] = v.Pick("（", "(") + args[i] + v.Pick("）", ")")
		}
	}
	switch p.Op { //nolint:exhaustive // the others compare an item with a value
	case policy.And:
		return strings.Join(args, v.Pick("，且", " and "))
	case policy.Or:
		return strings.Join(args, v.Pick("，或", " or "))
	case policy.Not:
		return v.Pick("不符合：", "not: ") + strings.Join(args, "")
	case policy.IsNull:
		return name + v.Pick("为空", " is empty")
	}
	values := make([]string, len(p.Values))
	for i, x := range p.Values {
		values[i] = x.Text()
	}
	return name + v.Pick("", " ") + opWords()[p.Op].In(v) + v.Pick(" ", " ") + strings.Join(values, v.Pick("、", ", "))
}

// quotaWord is a quota in words.
func quotaWord(v *ui.View, q policy.Quota) string {
	var out []string
	for _, x := range quotaParts() {
		if n := *x.of(&q); n > 0 {
			out = append(out, x.word.In(v)+v.Pick(" ", " ")+v.Number(n)+x.unit.In(v))
		}
	}
	if len(out) == 0 {
		return v.Pick("未设用量上限", "No usage limit")
	}
	return strings.Join(out, v.Pick("，", ", "))
}

type quotaPart struct {
	name       string
	word, unit staff.Pair
	of         func(*policy.Quota) *int64
}

func quotaParts() []quotaPart {
	return []quotaPart{
		{"calls_per_day", staff.Pair{"每日最多调用", "calls a day at most"}, staff.Pair{" 次", ""}, func(q *policy.Quota) *int64 { return &q.CallsPerDay }},
		{"rows_per_day", staff.Pair{"每日最多取数", "rows a day at most"}, staff.Pair{" 条", ""}, func(q *policy.Quota) *int64 { return &q.RowsPerDay }},
		{"rows_per_call", staff.Pair{"每次最多取数", "rows a call at most"}, staff.Pair{" 条", ""}, func(q *policy.Quota) *int64 { return &q.RowsPerCall }},
		{"calls_per_second", staff.Pair{"每秒最多调用", "calls a second at most"}, staff.Pair{" 次", ""}, func(q *policy.Quota) *int64 { return &q.CallsPerSecond }},
		{"verify_per_subject_day", staff.Pair{"每人每日最多核验", "verifications of a person a day at most"}, staff.Pair{" 次", ""}, func(q *policy.Quota) *int64 { return &q.VerifyPerSubjectDay }},
	}
}

// quotaFields ask for a quota; what was answered before, or else what is asked for, stands in them.
func quotaFields(v *ui.View, q policy.Quota, f url.Values, faults map[string]string) []ui.Field {
	var out []ui.Field
	for _, x := range quotaParts() {
		field := ui.Field{Name: x.name, Kind: "text", Optional: true, Label: x.word.In(v) + v.Pick("（", " (") + strings.TrimSpace(x.unit[0]) + v.Pick("）", ")"), Value: f.Get(x.name), Error: faults[x.name]}
		if v.Lang == ui.English {
			field.Label = x.word.In(v)
		}
		if n := *x.of(&q); f == nil && n > 0 {
			field.Value = strconv.FormatInt(n, 10)
		}
		out = append(out, field)
	}
	return out
}

// quotaOf reads a quota. What is no number is a fault.
func quotaOf(v *ui.View, f url.Values, faults map[string]string) policy.Quota {
	var q policy.Quota
	for _, x := range quotaParts() {
		s := strings.TrimSpace(f.Get(x.name))
		if s == "" {
			continue
		}
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil || n < 1 {
			faults[x.name] = v.Pick("请填写大于零的整数，或不填。", "A whole number above zero, or nothing.")
			continue
		}
		*x.of(&q) = n
	}
	return q
}

// conditions is how many conditions a form takes.
const conditions = 3

// conditionFields ask for conditions on the rows, all of which must hold.
func conditionFields(v *ui.View, r *catalog.Resource, only []string, f url.Values, faults map[string]string) []ui.Field {
	if r == nil {
		return nil
	}
	items := []ui.Option{{Value: "", Label: v.Pick("不设条件", "no condition")}}
	for i := range r.Items {
		if it := &r.Items[i]; r.SharingOf([]string{it.Name}) != catalog.NotShared && (only == nil || has(only, it.Name)) {
			items = append(items, ui.Option{Value: it.Name, Label: it.Title})
		}
	}
	var ops []ui.Option
	for _, op := range formOps() {
		ops = append(ops, ui.Option{Value: string(op), Label: opWords()[op].In(v)})
	}
	var out []ui.Field
	for i := range conditions {
		no := strconv.Itoa(i + 1)
		out = append(out,
			ui.Field{Name: "item-" + no, Kind: "select", Label: v.Pick("条件 "+no+"：数据项", "Condition "+no+": item"), Options: items, Value: f.Get("item-" + no)},
			ui.Field{Name: "op-" + no, Kind: "select", Beside: true, Label: v.Pick("条件 "+no+"：关系", "Condition "+no+": relation"), Options: ops, Value: f.Get("op-" + no)},
			ui.Field{Name: "value-" + no, Kind: "text", Optional: true, Beside: true, Label: v.Pick("条件 "+no+"：值", "Condition "+no+": value"), Value: f.Get("value-" + no), Error: faults["value-"+no]})
	}
	return out
}

func has(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// conditionsOf reads conditions. A value that does not fit its item is a fault.
func conditionsOf(v *ui.View, r *catalog.Resource, f url.Values, faults map[string]string) *policy.Predicate {
	var all *policy.Predicate
	for i := range conditions {
		no := strconv.Itoa(i + 1)
		it := itemOf(r, f.Get("item-"+no))
		if it == nil {
			continue
		}
		p := &policy.Predicate{Op: policy.Op(f.Get("op-" + no)), Item: it.Name}
		texts := []string{strings.TrimSpace(f.Get("value-" + no))}
		if p.Op == policy.In {
			texts = staff.Lines(texts[0])
		}
		for _, s := range texts {
			if x, ok := valueOf(it, s); ok {
				p.Values = append(p.Values, x)
			}
		}
		plan := policy.Plan{Where: p}
		if len(texts) == 0 || len(p.Values) != len(texts) || plan.Check() != nil {
			faults["value-"+no] = v.Pick("请填写与数据项相符的值。", "Give a value that fits the item.")
			continue
		}
		all = policy.Both(all, p)
	}
	return all
}

// valueOf is what was typed as a value of an item: N, I, F, B and Y of the catalogue guide are numbers, L is yes or no, and
// the others are text here, times among them.
func valueOf(it *catalog.Item, s string) (policy.Value, bool) {
	if s == "" {
		return policy.Value{}, false
	}
	switch it.Type {
	case "N", "I", "F", "B", "Y":
		if n, err := strconv.ParseInt(s, 10, 64); err == nil {
			return policy.IntOf(n), true
		}
		x, err := strconv.ParseFloat(s, 64)
		return policy.Value{Kind: policy.Float, F: x}, err == nil
	case "L":
		b := has([]string{"是", "true", "yes", "1"}, strings.ToLower(s))
		return policy.Value{Kind: policy.Bool, B: b}, b || has([]string{"否", "false", "no", "0"}, strings.ToLower(s))
	}
	return policy.Str(s), true
}
