package demand

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/support/policy"
	"github.com/kuayu/kuayu/support/process"
)

func noon() time.Time { return time.Date(2026, 3, 2, 4, 0, 0, 0, time.UTC) }

// TestTable: the table has no faults.
func TestTable(t *testing.T) {
	for _, f := range Table().Check() {
		t.Error(f)
	}
}

// TestNext: the whole table; what is not in it is refused.
func TestNext(t *testing.T) {
	want := map[State]map[Event]State{
		Draft:     {Consent: Listed, Return: Withdrawn, Withdraw: Withdrawn},
		Listed:    {Withdraw: Withdrawn, Offer: Answered, Decline: Listed, Satisfy: Satisfied},
		Answered:  {Withdraw: Withdrawn, Offer: Answered, Decline: Answered, Satisfy: Satisfied},
		Satisfied: {Offer: Satisfied, Decline: Satisfied},
		Withdrawn: {Offer: Withdrawn, Decline: Withdrawn},
		Open:      {Assign: Assigned, Close: Closed},
		Assigned:  {Assign: Assigned, Reply: Replied, Close: Closed},
		Replied:   {Assign: Assigned, Reply: Replied, Close: Closed},
		Closed:    {},
	}
	for _, s := range []State{Draft, Listed, Answered, Satisfied, Withdrawn, Open, Assigned, Replied, Closed, "NOWHERE"} {
		for _, e := range []Event{Consent, Return, Withdraw, Satisfy, Offer, Decline, Assign, Reply, Close, "nothing"} {
			to, ok := want[s][e]
			got, _, err := Table().Next(s, e, nil)
			if ok != (err == nil) || (ok && got != to) || (!ok && (got != s || !errors.Is(err, ErrTransition))) {
				t.Errorf("%s in %s: %s, %v; want %s", e, s, got, err, to)
			}
		}
	}
}

func sound() Want {
	return Want{
		Name: "企业联系信息", Items: []string{"联系电话", "注册资本"}, Scenario: "跨省迁移时联系企业", Basis: policy.Basis{Kind: "duty", Citation: "某条例第十二条"},
		Scope: "在浙江登记的企业", Until: noon().AddDate(0, 3, 0),
	}
}

func fields(err error) string {
	if err == nil {
		return ""
	}
	var out []string
	for _, f := range errs.As(err).Fields {
		out = append(out, f.Name)
	}
	return strings.Join(out, " ")
}

func TestWantCheck(t *testing.T) {
	huge := strings.Repeat("长", 10<<20/3)
	for _, c := range []struct {
		name  string
		wrong func(*Want)
		want  string
	}{
		{"sound", func(*Want) {}, ""},
		{"consent needs no citation", func(w *Want) { w.Basis = policy.Basis{Kind: "consent"} }, ""},
		{"everything at once", func(w *Want) { *w = Want{} }, "name items scenario scope basis until"},
		{"ten megabytes everywhere", func(w *Want) {
			w.Name, w.Items, w.Scenario, w.Scope, w.UpdateCycle, w.Basis.Citation = huge, []string{huge}, huge, huge, huge, huge
		}, "name items scenario scope basis update_cycle"},
		{"blank", func(w *Want) { w.Name, w.Scope = " \t", "\n" }, "name scope"},
		{"a blank item", func(w *Want) { w.Items[1] = " " }, "items"},
		{"too many items", func(w *Want) { w.Items = slices.Repeat([]string{"x"}, 65) }, "items"},
		{"as many as may be", func(w *Want) { w.Items = slices.Repeat([]string{"x"}, 64) }, ""},
		{"a long name", func(w *Want) { w.Name = strings.Repeat("n", 201) }, "name"},
		{"a duty without its article", func(w *Want) { w.Basis.Citation = " " }, "basis"},
		{"a basis nobody knows", func(w *Want) { w.Basis.Kind = "habit" }, "basis"},
		{"today", func(w *Want) { w.Until = noon() }, "until"},
	} {
		w := sound()
		c.wrong(&w)
		err := w.check(noon())
		if got := fields(err); got != c.want || (err != nil && !errors.Is(err, ErrWant)) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestAnswerCheck(t *testing.T) {
	for _, c := range []struct {
		name string
		a    AnswerGiven
		want string
	}{
		{"an entry", AnswerGiven{Kind: Offered, Resource: "r"}, ""},
		{"no entry", AnswerGiven{Kind: Offered, Reason: "x"}, "resource"},
		{"a day", AnswerGiven{Kind: Planned, By: noon().AddDate(0, 1, 0)}, ""},
		{"a day that passed", AnswerGiven{Kind: Planned, By: noon()}, "by"},
		{"a reason", AnswerGiven{Kind: NotHeld, Reason: "x"}, ""},
		{"a blank reason", AnswerGiven{Kind: NotHeld, Reason: " "}, "reason"},
		{"nothing", AnswerGiven{}, "kind"},
		{"all at once", AnswerGiven{Kind: "perhaps", Reason: strings.Repeat("长", 10<<20/3)}, "kind reason"},
		{"a long code", AnswerGiven{Kind: Offered, Resource: strings.Repeat("r", 129)}, "reason"},
	} {
		err := c.a.check(noon())
		if got := fields(err); got != c.want || (err != nil && !errors.Is(err, ErrAnswer)) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// TestDecode: what comes in has to be UTF-8 and nothing but what is asked for.
func TestDecode(t *testing.T) {
	want, err := json.Marshal(sound())
	if err != nil {
		t.Fatal(err)
	}
	good, err := json.Marshal(process.Message{Version: 1, Case: "x", Number: process.NewNumber(noon()), Event: Consent, Args: want})
	if err != nil {
		t.Fatal(err)
	}
	read := func(b []byte) (*Want, error) {
		m, err := process.DecodeMessage(b, Consent)
		if err != nil {
			return nil, err
		}
		return process.Said[Want](m)
	}
	if w, err := read(good); err != nil || w.Name != sound().Name {
		t.Fatalf("%+v, %v", w, err)
	}
	for name, b := range map[string]string{
		"not UTF-8":         strings.Replace(string(good), "企业联系信息", "\xc6\xf3\xd2\xb5", 1),
		"an unknown member": strings.Replace(string(good), `"case"`, `"admin":true,"case"`, 1),
		"an unknown item":   strings.Replace(string(good), `"items"`, `"admin":true,"items"`, 1),
		"two values":        string(good) + "{}",
		"cut off":           string(good[:len(good)/2]),
		"an empty body":     "",
	} {
		if _, err := read([]byte(b)); err == nil || errs.As(err).Kind != errs.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// catalogue finds entries by the exact words they are known by.
type catalogue map[string][]Found

var errDown = errors.New("the index is down")

func (c catalogue) Find(_ context.Context, member, text string, limit int) ([]Found, error) {
	if text == "down" {
		return nil, errDown
	}
	var out []Found
	for _, f := range c[text] {
		if (member == "" || f.Member == member) && len(out) < limit {
			out = append(out, f)
		}
	}
	return out, nil
}

func entry(member, department, code string) Found {
	return Found{Member: member, Department: department, Provider: "部门" + department, Code: code, Name: code}
}

func TestFind(t *testing.T) {
	a, b, c := entry("zhejiang", "1", "a"), entry("zhejiang", "2", "b"), entry("jiangsu", "1", "c")
	for _, x := range []struct {
		name   string
		in     catalogue
		member string
		w      Want
		want   string
	}{
		{"nothing", nil, "", sound(), ""},
		{"the name is half of it", catalogue{"企业联系信息": {a}}, "", sound(), "a=33"},
		{"all of it", catalogue{"企业联系信息": {a}, "联系电话": {a, b}, "注册资本": {a}}, "", sound(), "a=100 b=33"},
		{"of equals the first by member and code", catalogue{"联系电话": {b, a, c}}, "", sound(), "c=33 a=33 b=33"},
		{"one member only", catalogue{"联系电话": {b, a, c}}, "zhejiang", sound(), "a=33 b=33"},
		{"halves of long words", catalogue{"电话": {a}, "资本": {b}, "注册": {b}}, "", sound(), "b=33 a=16"},
		{"a short word is not cut", catalogue{"电": {a}}, "", Want{Name: "名", Items: []string{"电话费"}}, ""},
		{"never more than all of it", catalogue{"电话": {a, a, a, a}}, "", Want{Name: "电话", Items: []string{"电话"}}, "a=100"},
	} {
		ms, err := find(t.Context(), x.in, x.member, &x.w)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, m := range ms {
			got = append(got, fmt.Sprintf("%s=%d", m.Code, m.Score))
		}
		if strings.Join(got, " ") != x.want {
			t.Errorf("%s: %v, want %s", x.name, got, x.want)
		}
	}
	if _, err := find(t.Context(), catalogue{}, "", &Want{Name: "x", Items: []string{"down"}}); !errors.Is(err, errDown) {
		t.Errorf("an index that is down: %v", err)
	}
}

func TestCandidates(t *testing.T) {
	var ms []Match
	for i := range 15 {
		ms = append(ms, Match{Found: entry("zhejiang", fmt.Sprint(i), "x"), Score: 100 - i})
		for range 5 {
			ms = append(ms, Match{Found: entry("zhejiang", "0", "y"), Score: 1})
		}
	}
	cs := candidates(ms)
	if len(cs) != matches || cs[0].Score != 100 || len(cs[0].Why) != why || cs[0].Name != "部门0" || cs[9].Department != "9" {
		t.Errorf("%+v", cs)
	}
	if len(candidates(nil)) != 0 {
		t.Error("candidates out of nothing")
	}
}

// The department that publishes what fits best comes first, with the entries that say so.
func Example() {
	published := catalogue{
		"企业联系信息": {entry("zhejiang", "市场监管", "enterprise")},
		"联系电话":   {entry("zhejiang", "市场监管", "enterprise"), entry("zhejiang", "卫生健康", "clinic")},
	}
	w := Want{Name: "企业联系信息", Items: []string{"联系电话", "注册资本"}}
	found, _ := find(context.Background(), published, "zhejiang", &w)
	for _, c := range candidates(found) {
		fmt.Println(c.Department, c.Score, c.Why[0].Fits)
	}
	// Output:
	// 市场监管 66 [企业联系信息 联系电话]
	// 卫生健康 33 [联系电话]
}
