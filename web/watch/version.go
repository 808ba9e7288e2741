package watch

import (
	"bytes"
	"encoding/json"
	"slices"
	"time"

	"github.com/kuayu/kuayu/support/federation"
	"github.com/kuayu/kuayu/support/seal"
	"github.com/kuayu/kuayu/web/ui"
)

// changesOf are the differences between two versions, in words. Whoever approves a version signs all of it: a field that
// differs has a line of its own, and what has none here is said to be there.
func changesOf(v *ui.View, old, next *federation.Constitution) []ui.Difference {
	var out []ui.Difference
	before, after := membersBy(old), membersBy(next)
	for i := range next.Members {
		m := &next.Members[i]
		if was := before[m.ID]; was != nil {
			out = append(out, memberChanges(v, was, m)...)
			continue
		}
		out = append(out, ui.Difference{Field: memberWord(v, m), After: v.Pick("加入，", "joins, ") + votes(v, m.Voter)})
		out = append(out, retiredChanges(v, memberWord(v, m), nil, m.Retired)...)
	}
	for i := range old.Members {
		if m := &old.Members[i]; after[m.ID] == nil {
			out = append(out, ui.Difference{Field: memberWord(v, m), Before: v.Pick("是成员", "is a member")})
		}
	}
	out = append(out, termChanges(v, old, next)...)
	if unshown(old, next) {
		out = append(out, ui.Difference{Field: v.Pick("其他变化", "Other changes"), After: v.Pick("（本页无法逐项显示，请勿赞成并联系提出方）", "this page can't show them one by one: do not approve, and ask who proposed it")})
	}
	return out
}

func membersBy(c *federation.Constitution) map[string]*federation.Member {
	out := make(map[string]*federation.Member, len(c.Members))
	for i := range c.Members {
		out[c.Members[i].ID] = &c.Members[i]
	}
	return out
}

func memberWord(v *ui.View, m *federation.Member) string {
	return v.Pick("成员：", "Member: ") + v.Pick(m.Name, m.NameEN)
}

// memberChanges are the differences of a member, under the name it had.
func memberChanges(v *ui.View, was, m *federation.Member) []ui.Difference {
	var out []ui.Difference
	add := func(differs bool, field, before, after string) {
		if differs {
			out = append(out, ui.Difference{Field: memberWord(v, was) + field, Before: before, After: after})
		}
	}
	none := func(s string) string {
		if s == "" {
			return v.Pick("无", "none")
		}
		return s
	}
	add(was.Name != m.Name, v.Pick("，名称", ", name"), none(was.Name), none(m.Name))
	add(was.NameEN != m.NameEN, v.Pick("，英文名称", ", name in English"), none(was.NameEN), none(m.NameEN))
	add(was.Division != m.Division, v.Pick("，行政区划", ", division"), none(was.Division), none(m.Division))
	if !was.RootKey.Equal(m.RootKey) {
		out = append(out, ui.Difference{Field: memberWord(v, was) + v.Pick("，根密钥指纹", ", root key"), Before: was.Fingerprint(), After: m.Fingerprint(), Code: true})
	}
	add(was.Voter != m.Voter, v.Pick("，表决权", ", vote"), votes(v, was.Voter), votes(v, m.Voter))
	return append(out, retiredChanges(v, memberWord(v, was), was.Retired, m.Retired)...)
}

// retiredChanges are the differences between the lists of root keys that a member lost, place by place: a list only grows.
func retiredChanges(v *ui.View, member string, was, is []federation.RetiredKey) []ui.Difference {
	field := func(r federation.RetiredKey) string {
		since := exactly(v)(r.Since)
		return member + v.Pick("，原根密钥自 "+since+" 起不作数", ", nothing signed with this old root key counts since "+since)
	}
	printOf := func(r federation.RetiredKey) string { return (&federation.Member{RootKey: r.Key}).Fingerprint() }
	var out []ui.Difference
	for i := range max(len(was), len(is)) {
		if i < min(len(was), len(is)) && was[i].Key.Equal(is[i].Key) && was[i].Since.Equal(is[i].Since) {
			continue
		}
		if i < len(was) {
			out = append(out, ui.Difference{Field: field(was[i]), Before: printOf(was[i]), Code: true})
		}
		if i < len(is) {
			out = append(out, ui.Difference{Field: field(is[i]), After: printOf(is[i]), Code: true})
		}
	}
	return out
}

// termChanges are the differences of what is not about one member. Quorum and end of validity are there even unchanged.
func termChanges(v *ui.View, old, next *federation.Constitution) []ui.Difference {
	quorum := func(c *federation.Constitution) string {
		return v.Number(int64(c.Quorum)) + " / " + v.Number(int64(c.Voters()))
	}
	ballot := func(c *federation.Constitution) string {
		n := v.Number(int64(c.Ballot))
		return v.Pick("第 "+n+" 轮", "ballot "+n)
	}
	wasFrom, from := apart(old.ValidFrom, next.ValidFrom, v.Minute, v.Second, exactly(v))
	wasUntil, until := apart(old.ValidUntil, next.ValidUntil, v.Day, v.Minute, v.Second, exactly(v))
	out := []ui.Difference{
		{Field: v.Pick("联盟名称", "Federation"), Before: old.Federation, After: next.Federation},
		{Field: v.Pick("表决轮次", "Ballot"), Before: ballot(old), After: ballot(next)},
		{Field: v.Pick("有效期自", "Valid from"), Before: wasFrom, After: from},
	}
	out = slices.DeleteFunc(out, func(d ui.Difference) bool { return d.Before == d.After })
	return append(
		out,
		ui.Difference{Field: v.Pick("法定票数", "Quorum"), Before: quorum(old), After: quorum(next)},
		ui.Difference{Field: v.Pick("有效期至", "Valid until"), Before: wasUntil, After: until},
	)
}

// exactly says a time with all that a document may say of it.
func exactly(v *ui.View) func(time.Time) string {
	return func(t time.Time) string { return t.In(v.Zone).Format(time.DateTime + ".999999999") }
}

// apart are two times in the first form that tells them apart.
func apart(a, b time.Time, forms ...func(time.Time) string) (before, after string) {
	for _, say := range forms {
		if before, after = say(a), say(b); before != after {
			return before, after
		}
	}
	return forms[0](a), forms[0](b)
}

// unshown reports whether two versions differ in anything else than what changesOf has words for: all of that is taken out
// of both, and what is left is compared as it would be signed.
func unshown(old, next *federation.Constitution) bool {
	was, is := bare(old), bare(next)
	before, after := membersBy(old), membersBy(next)
	for i := range old.Members {
		if m := &old.Members[i]; after[m.ID] != nil {
			was.Members = append(was.Members, bareMember(m, len(after[m.ID].Retired)))
		}
	}
	var joined []federation.Member
	for i := range next.Members {
		m := &next.Members[i]
		if before[m.ID] != nil {
			is.Members = append(is.Members, bareMember(m, len(before[m.ID].Retired)))
			continue
		}
		joined = append(joined, bareMember(m, 0))
		was.Members = append(was.Members, bareMember(&federation.Member{ID: m.ID}, len(m.Retired)))
	}
	is.Members = append(is.Members, joined...)
	a, errA := json.Marshal(was)
	b, errB := json.Marshal(is)
	return errA != nil || errB != nil || !bytes.Equal(a, b)
}

// bare is a version without what has words, and without its members.
func bare(c *federation.Constitution) federation.Constitution {
	out := *c
	out.Federation, out.Number, out.Previous, out.Ballot, out.Quorum, out.Members = "", 0, "", 0, 0, nil
	out.ValidFrom, out.ValidUntil = time.Time{}, time.Time{}
	return out
}

// bareMember is a member without what has words; it has no fewer retired keys than the other version's.
func bareMember(m *federation.Member, others int) federation.Member {
	out := *m
	out.Name, out.NameEN, out.Division, out.RootKey, out.Voter = "", "", "", seal.PublicKey{}, false
	out.Retired = make([]federation.RetiredKey, max(len(m.Retired), others))
	copy(out.Retired, m.Retired)
	for i := range out.Retired {
		out.Retired[i].Key, out.Retired[i].Since = seal.PublicKey{}, time.Time{}
	}
	return out
}
