package catalog

import (
	"strings"
	"testing"
)

// TestLabels: every column has a name in both languages, no two have the same one, and no name is for nothing.
func TestLabels(t *testing.T) {
	names, used := english(), map[string]bool{}
	for _, c := range sheetColumns() {
		en := names[c.name]
		if en == "" || c.zh == "" || used[en] {
			t.Errorf("%s: %q, %q", c.name, c.zh, en)
		}
		used[en] = true
		if Label(c.name, c.item, "zh") != c.zh || Label(c.name, c.item, "en") != en || inEnglish(c.zh) != en {
			t.Errorf("%s: %q, %q, %q", c.name, Label(c.name, c.item, "zh"), Label(c.name, c.item, "en"), inEnglish(c.zh))
		}
	}
	if len(names) != len(used) {
		t.Errorf("%d English names for %d columns", len(names), len(used))
	}
	for _, x := range []struct {
		field, zh, en string
		item          bool
	}{
		{"share_scope", "共享范围", "scope of sharing", false},
		{"legal_basis", "不予共享依据", "grounds for not sharing", false},
		{"title", "数据项名称", "title of the item", true},
		{"nothing", "", "", false},
	} {
		if zh, en := Label(x.field, x.item, "zh"), Label(x.field, x.item, "en"); zh != x.zh || en != x.en {
			t.Errorf("%s: %q, %q", x.field, zh, en)
		}
	}
}

// TestFaultsNameColumnsInBothLanguages: the place is the sheet's own, the English text says which column that is.
func TestFaultsNameColumnsInBothLanguages(t *testing.T) {
	_, f := readSheet([][]string{{"资源代码"}}, "dept")
	if len(f.list) == 0 {
		t.Fatal("nothing is missing")
	}
	for _, x := range f.list {
		_, col, _ := strings.Cut(x.Name, ":")
		if inEnglish(col) == "" || !strings.HasPrefix(x.En, inEnglish(col)+": ") || strings.Contains(x.Zh, inEnglish(col)) {
			t.Errorf("%+v", x)
		}
	}
}
