package watch

import (
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kuayu/kuayu/internal/webtest"
	"github.com/kuayu/kuayu/support/federation"
	"github.com/kuayu/kuayu/support/seal"
	"github.com/kuayu/kuayu/web/ui"
)

func rootKey(t *testing.T) seal.PublicKey {
	t.Helper()
	k, err := seal.GenerateKey(seal.Ed25519SHA256)
	if err != nil {
		t.Fatal(err)
	}
	return k.Public()
}

// TestChanges: each field in which two versions differ has a line, alone and together with others; what has no words is
// told to be there; and a time that reads the same is said exactly.
func TestChanges(t *testing.T) {
	v := ui.New().View(httptest.NewRequestWithContext(t.Context(), "GET", "/", nil))
	en := ui.New().View(httptest.NewRequestWithContext(t.Context(), "GET", "/?lang=en", nil))
	from := time.Date(2027, 1, 2, 3, 4, 5, 0, time.UTC)
	old := federation.Constitution{
		Format: 1, Federation: "delta", Number: 1, Ballot: 1, ValidFrom: from, ValidUntil: from.AddDate(1, 0, 0), Quorum: 2,
		Members: []federation.Member{
			{ID: "a", Name: "甲市", NameEN: "A", Division: "310000", RootKey: rootKey(t), Voter: true},
			{ID: "b", Name: "乙省", NameEN: "B", Division: "320000", RootKey: rootKey(t), Voter: true},
			{ID: "c", Name: "丙省", NameEN: "C", Division: "330000", RootKey: rootKey(t), Voter: true},
		},
	}
	lost, fresh, since := old.Members[1].Fingerprint(), federation.Member{RootKey: rootKey(t)}, time.Date(2027, 5, 6, 1, 2, 3, 0, time.UTC)
	retire := func(c *federation.Constitution, at time.Time) {
		c.Members[1].Retired = append(c.Members[1].Retired, federation.RetiredKey{Key: old.Members[1].RootKey, Since: at})
	}
	rest := "其他变化（本页无法逐项显示，请勿赞成并联系提出方）"
	for name, x := range map[string]struct {
		change func(was, c *federation.Constitution)
		want   []string
	}{
		"nothing": {func(_, c *federation.Constitution) { c.Number, c.Previous = 2, "hash" }, nil},
		"several at once": {func(_, c *federation.Constitution) {
			c.Members[0].Name, c.Members[0].NameEN = "甲都", ""
			b := &c.Members[1]
			b.Division, b.RootKey, b.Voter = "340000", fresh.RootKey, false
		}, []string{
			"成员：甲市，名称：甲市 → 甲都", "成员：甲市，英文名称：A → 无", "成员：乙省，行政区划：320000 → 340000",
			"成员：乙省，根密钥指纹：" + lost + " → " + fresh.Fingerprint(), "成员：乙省，表决权：有表决权 → 无表决权", "法定票数：2 / 3 → 2 / 2",
		}},
		"a key is lost": {func(_, c *federation.Constitution) {
			c.Members[1].RootKey = fresh.RootKey
			retire(c, since)
		}, []string{"成员：乙省，根密钥指纹：" + lost + " → " + fresh.Fingerprint(), "成员：乙省，原根密钥自 2027-05-06 09:02:03 起不作数：" + lost}},
		"another time of a lost key": {func(was, c *federation.Constitution) {
			retire(was, since)
			retire(c, since.Add(time.Microsecond))
		}, []string{"成员：乙省，原根密钥自 2027-05-06 09:02:03 起不作数，撤销：" + lost, "成员：乙省，原根密钥自 2027-05-06 09:02:03.000001 起不作数：" + lost}},
		"a lost key comes back": {func(was, _ *federation.Constitution) { retire(was, since) }, []string{
			"成员：乙省，原根密钥自 2027-05-06 09:02:03 起不作数，撤销：" + lost,
		}},
		"the same lost key twice": {func(was, c *federation.Constitution) {
			retire(was, since)
			retire(c, since)
			retire(c, since)
		}, []string{"成员：乙省，原根密钥自 2027-05-06 09:02:03 起不作数：" + lost}},
		"one leaves, one joins with a lost key": {func(_, c *federation.Constitution) {
			c.Members = append(c.Members[:2], federation.Member{ID: "d", Name: "丁省", NameEN: "D", Division: "350000", RootKey: fresh.RootKey, Retired: []federation.RetiredKey{{Key: old.Members[1].RootKey, Since: since}}})
		}, []string{"成员：丁省加入，无表决权", "成员：丁省，原根密钥自 2027-05-06 09:02:03 起不作数：" + lost, "成员：丙省退出", "法定票数：2 / 3 → 2 / 2"}},
		"what is about all": {func(_, c *federation.Constitution) {
			c.Federation, c.Ballot, c.Quorum, c.ValidFrom, c.ValidUntil = "sigma", 2, 3, from.AddDate(0, 1, 0), from.AddDate(2, 0, 0)
		}, []string{"联盟名称：delta → sigma", "表决轮次：第 1 轮 → 第 2 轮", "有效期自：2027-01-02 11:04 → 2027-02-02 11:04", "法定票数：2 / 3 → 3 / 3", "有效期至：2028-01-02 → 2029-01-02"}},
		"an end within the day":     {func(_, c *federation.Constitution) { c.ValidUntil = c.ValidUntil.Add(time.Hour) }, []string{"有效期至：2028-01-02 11:04 → 2028-01-02 12:04"}},
		"the same moment elsewhere": {func(_, c *federation.Constitution) { c.ValidUntil = c.ValidUntil.In(v.Zone) }, nil},
		"what has no words": {func(_, c *federation.Constitution) {
			c.Format, c.Quorum = 2, 3
		}, []string{"法定票数：2 / 3 → 3 / 3", rest}},
		"another order": {func(_, c *federation.Constitution) { slices.Reverse(c.Members) }, []string{rest}},
	} {
		was, next := old, old
		was.Members, next.Members = slices.Clone(old.Members), slices.Clone(old.Members)
		x.change(&was, &next)
		ds := changesOf(v, &was, &next)
		got := changed(ds, v)
		slices.Sort(got)
		slices.Sort(x.want)
		if !slices.Equal(got, x.want) {
			t.Errorf("%s:\n%s\nwant\n%s", name, strings.Join(got, "\n"), strings.Join(x.want, "\n"))
		}
		for _, d := range ds {
			if webtest.HalfWidth(d.Field) {
				t.Errorf("%s: %q", name, d.Field)
			}
		}
		if n := len(changed(changesOf(en, &was, &next), en)); n != len(x.want) {
			t.Errorf("%s: %d lines in English", name, n)
		}
		if n := len(slices.DeleteFunc(ds, func(d ui.Difference) bool { return d.Before != d.After })); n > 2 {
			t.Errorf("%s: %d lines say nothing", name, n)
		}
	}
}
